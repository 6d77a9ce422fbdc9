//! Passwords take 19 MB each while they are hashed, and nothing afterwards: a program of its own, so
//! that nothing else takes memory meanwhile.

/// Resident memory of this process, in MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.expect("a line VmRSS") / 1024
}

#[tokio::test]
async fn sixty_log_ins_leave_nothing_behind() {
    gateway::hash_password("the first").await.unwrap();
    let before = resident();
    for _ in 0..60 {
        gateway::hash_password("correct horse").await.unwrap();
    }
    let after = resident();
    // With glibc's allocator it was more than a gigabyte.
    assert!(after < before + 40, "{before} MiB before, {after} after");
}
