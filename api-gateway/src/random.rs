//! Random bytes for secrets.

use runtime::Problem;

/// As many as asked for.
///
/// # Errors
/// 500 when the system has none.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(Problem::internal)?;
    Ok(bytes)
}
