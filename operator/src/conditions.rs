//! Conditions of an object while something that its plan says is refused. Pure.

use crds::conditions::{self, Verdict};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};

/// Puts a verdict in the place of a planned one. It is held against what is stored, not against what
/// was planned: the same refusal once more is no change, and changes wake us.
pub fn overrule(
    planned: &mut Vec<Condition>,
    stored: &[Condition],
    kind: &str,
    mut verdict: Verdict,
    generation: Option<i64>,
    now: Timestamp,
) {
    let before = conditions::find(stored, kind);
    if let Some(before) = before.filter(|before| {
        before.status == verdict.status
            && before.reason == verdict.reason
            && alike(&before.message, &verdict.message)
    }) {
        verdict.message.clone_from(&before.message);
    }
    let mut one: Vec<Condition> = before.cloned().into_iter().collect();
    conditions::set(&mut one, kind, verdict, generation, now);
    match planned.iter().position(|planned| planned.type_ == kind) {
        Some(index) => planned.splice(index..=index, one).for_each(drop),
        None => planned.extend(one),
    }
}

/// The same but for numbers: ports, counts and request ids are others with each try.
fn alike(one: &str, other: &str) -> bool {
    let rest = |text: &str| -> String { text.chars().filter(|c| !c.is_ascii_hexdigit()).collect() };
    rest(one) == rest(other)
}
