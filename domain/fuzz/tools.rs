//! What the fuzzers share: a source of chance, damage, limits and the loop.

use std::{
    fmt::Debug,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    time::{Duration, Instant},
};

/// Longest time for one call; a build that is not optimised and a busy machine get more.
const MOST: Duration = if cfg!(debug_assertions) {
    Duration::from_millis(1_500)
} else {
    Duration::from_millis(10)
};

/// Most memory of the whole program, in KiB.
const MOST_MEMORY: u64 = 128 * 1024;

/// SplitMix64: small, and good enough to choose inputs.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, most: usize) -> usize {
        (self.next() % most.max(1) as u64) as usize
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len())]
    }
}

/// Changes, removes, inserts or repeats some bytes; what is inserted is one of `signs`.
pub(crate) fn damage(random: &mut Random, text: String, signs: &[u8]) -> String {
    let mut bytes = text.into_bytes();
    for _ in 0..=random.below(3) {
        let place = random.below(bytes.len());
        match random.below(4) {
            0 if !bytes.is_empty() => bytes[place] = random.next() as u8,
            1 if !bytes.is_empty() => drop(bytes.remove(place)),
            2 => bytes.insert(place, signs[random.below(signs.len())]),
            _ => {
                let piece = bytes[place..].to_vec();
                bytes.extend(piece);
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Time that this thread had a processor, where the system tells (Linux), or else time.
fn clock() -> Duration {
    static BEGIN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    match text
        .split_whitespace()
        .next()
        .and_then(|ns| ns.parse().ok())
    {
        Some(ns) => Duration::from_nanos(ns),
        None => BEGIN.get_or_init(Instant::now).elapsed(),
    }
}

/// The clock is read only where it is needed: reading it takes longer than most calls do.
fn clock_if(needed: bool) -> Option<Duration> {
    needed.then(clock)
}

/// What `act` returns; fails when it takes longer than it may.
pub(crate) fn timed<T>(what: &str, act: impl Fn() -> T) -> T {
    /// A busy machine may take the processor away in the middle: the best of some tries counts.
    const TRIES: usize = 5;
    let mut best = Duration::MAX;
    for attempt in 1.. {
        let begin = Instant::now();
        let begin_busy = clock_if(attempt > 1);
        let result = act();
        let busy = clock_if(attempt > 1)
            .zip(begin_busy)
            .map(|(end, begin)| end - begin);
        best = best.min(busy.unwrap_or_else(|| begin.elapsed()));
        if best < MOST {
            return result;
        }
        assert!(attempt < TRIES, "{what} took {best:?}");
    }
    unreachable!("the last try returns or fails")
}

/// The most memory the program has used, in KiB, where the system tells.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or(0)
}

/// Asks about inputs made by chance for the seconds, and from the seed, of the command line. `ask` panics
/// where a law is broken, and says whether an input was valid, that is, one of `valid`.
pub(crate) fn run<I: Debug>(
    valid: &str,
    make: impl Fn(&mut Random) -> I,
    ask: impl Fn(&I) -> bool,
) -> ExitCode {
    let mut args = std::env::args().skip(1);
    let mut number = |default: u64| args.next().and_then(|a| a.parse().ok()).unwrap_or(default);
    let seconds = number(60);
    let seed = number(u64::from(std::process::id()));
    println!("seed {seed}, {seconds} s");
    let begin = Instant::now();
    let (mut inputs, mut valids) = (0u64, 0u64);
    while begin.elapsed() < Duration::from_secs(seconds) {
        let seed = seed.wrapping_add(inputs);
        let input = make(&mut Random(seed));
        match catch_unwind(AssertUnwindSafe(|| ask(&input))) {
            Ok(is_valid) => valids += u64::from(is_valid),
            Err(_) => {
                println!("input {inputs}, seed {seed}: {input:?}");
                return ExitCode::FAILURE;
            }
        }
        inputs += 1;
    }
    let memory = peak_memory();
    println!("{inputs} inputs, {valids} of them {valid}, peak memory {memory} KiB");
    if memory > MOST_MEMORY {
        println!("more than {MOST_MEMORY} KiB of memory");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
