//! What the end-to-end test is made of: the webhook sink that runs in the cluster ([`sink`]), and
//! the harness that drives a stack from outside and watches what comes out (`harness`, behind the
//! feature of that name, so that the sink's image needs none of its dependencies).

#[cfg(feature = "harness")]
pub mod harness;
pub mod sink;

/// How its programs end: with an error's chain as one line on standard error, whether or not
/// `RUST_BACKTRACE` is set.
pub fn exit_code(outcome: anyhow::Result<()>) -> std::process::ExitCode {
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", format!("{error:#}").replace('\n', " "));
            std::process::ExitCode::FAILURE
        }
    }
}
