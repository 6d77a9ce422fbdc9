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

/// The chain of causes, from the outermost, in one line. What a cause has quoted already is not said
/// again.
fn sentence(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        let cause = cause.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text
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

    #[test]
    fn what_a_cause_has_quoted_is_said_once() {
        let error = Err::<(), _>(anyhow!("connection refused"))
            .context("connect: connection refused")
            .context("the database")
            .expect_err("an error");
        assert_eq!(
            sentence(&error),
            "the database: connect: connection refused"
        );
    }
}
