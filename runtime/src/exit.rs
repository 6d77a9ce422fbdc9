//! How a process ends: an error is one sentence for whoever started it, not a dump.

use std::process::ExitCode;

/// Success, or `error: ` and the chain of causes as one line on standard error and exit code 1.
///
/// Returning the error from `main` would print its `Debug` form, with a backtrace where
/// `RUST_BACKTRACE` is set.
#[must_use]
pub fn code(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", sentence(&error));
            ExitCode::FAILURE
        }
    }
}

/// The chain of causes, from the outermost, in one line.
fn sentence(error: &anyhow::Error) -> String {
    let chain = format!("{error:#}");
    let words: Vec<&str> = chain.split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::sentence;
    use anyhow::{Context as _, anyhow};

    #[test]
    fn the_chain_is_one_line_without_a_backtrace() {
        let error = Err::<(), _>(anyhow!("line 1\n  line 2"))
            .context("reading quickstart.yaml")
            .expect_err("an error");
        assert_eq!(sentence(&error), "reading quickstart.yaml: line 1 line 2");
    }
}
