use proptest::prelude::*;
use sqlx::types::Json;
use uuid::Uuid;

use super::*;
use crate::notifications::{dispatcher::tests::delivery, sender::Blame};

fn to(kind: ChannelKind) -> Delivery {
    let mut to = delivery("a/x", None);
    to.target = Json(kind.stored(Uuid::nil(), None));
    to
}

fn retry() -> Attempt {
    Attempt::retry(Blame::Nobody, "no")
}

/// The pauses, in whole seconds, of a delivery whose attempts all fail at once, and how it ends.
fn life(table: &Retry, kind: ChannelKind) -> (Vec<i64>, String) {
    let mut tried = to(kind);
    tried.idempotency_key = Uuid::nil();
    let mut now = tried.began_at;
    let mut pauses = Vec::new();
    loop {
        match table.judge(retry(), &tried, now) {
            Outcome::Retry { at, error } => {
                assert_eq!(error, "no");
                pauses.push((at - now).num_seconds());
                tried.attempts += 1;
                now = at;
            }
            Outcome::Failed { error } => return (pauses, error),
            Outcome::Delivered => panic!("delivered"),
        }
    }
}

#[test]
fn each_kind_has_its_table_and_an_end() {
    let table = Retry::default();
    for kind in ChannelKind::ALL {
        let (pauses, error) = life(&table, kind);
        let (first, all, end) = match kind {
            ChannelKind::Webhook
            | ChannelKind::Ntfy
            | ChannelKind::Slack
            | ChannelKind::Binding => {
                (&[5, 30, 180, 1080, 6480, 36_000][..], 8, "after 9 attempts")
            }
            ChannelKind::Email => (&[30, 180, 1080, 6480, 14_400][..], 21, "would come after"),
            ChannelKind::WebPush => (&[5, 30, 180, 1080, 3600][..], 27, "would come after"),
        };
        assert_eq!(&pauses[..first.len()], first, "{kind:?}");
        assert_eq!(pauses.len(), all, "{kind:?}");
        assert!(error.starts_with("no; given up after"), "{error}");
        assert!(error.contains(end), "{kind:?}: {error}");
    }
}

#[test]
fn what_a_kind_says_goes_before_what_is_said_for_all() {
    let table = Retry::parse(
        r#"{"all": {"maxAttempts": 3, "jitterPercent": 0}, "email": {"maxAttempts": 1}}"#,
    )
    .unwrap();
    assert_eq!(life(&table, ChannelKind::Slack).0, [5, 30]);
    let (pauses, error) = life(&table, ChannelKind::Email);
    assert_eq!(
        (pauses.len(), error.as_str()),
        (0, "no; given up after 1 attempts")
    );
    assert_eq!(Retry::parse("{}").unwrap(), Retry::default());
}

#[test]
fn what_is_out_of_range_is_refused_by_name() {
    for (json, field) in [
        (r#"{"pigeon": {}}"#, "pigeon"),
        (r#"{"all": {"maxAttempts": 0}}"#, "maxAttempts"),
        (r#"{"email": {"baseSeconds": 0}}"#, "email.baseSeconds"),
        (r#"{"email": {"capSeconds": 99999999}}"#, "email.capSeconds"),
        (
            r#"{"ntfy": {"giveUpAfterSeconds": 99999999}}"#,
            "ntfy.giveUpAfterSeconds",
        ),
        (
            r#"{"slack": {"jitterPercent": 101}}"#,
            "slack.jitterPercent",
        ),
        (r#"{"slack": {"retries": 1}}"#, "retries"),
    ] {
        let error = Retry::parse(json).unwrap_err().to_string();
        assert!(error.contains(field), "{json}: {error}");
    }
}

#[test]
fn a_receiver_that_asks_for_more_time_gets_it_and_beyond_the_end_it_is_over() {
    let table = Retry::default();
    let tried = to(ChannelKind::Webhook);
    let asked = |seconds| Attempt::Retry {
        error: "no".into(),
        blame: Blame::Address,
        after: Some(std::time::Duration::from_secs(seconds)),
    };
    let now = tried.began_at;
    match table.judge(asked(600), &tried, now) {
        Outcome::Retry { at, .. } => assert_eq!(at - now, Duration::seconds(600)),
        outcome => panic!("{outcome:?}"),
    }
    for seconds in [36 * 3600 + 1, u64::MAX] {
        match table.judge(asked(seconds), &tried, now) {
            Outcome::Failed { error } => assert!(error.contains("would come after"), "{error}"),
            outcome => panic!("{outcome:?}"),
        }
    }
}

#[test]
fn those_that_failed_together_do_not_come_back_together() {
    let now = Utc::now();
    let table = Retry::default();
    let times: std::collections::BTreeSet<_> = (0..50)
        .map(
            |_| match table.again("no".into(), None, &to(ChannelKind::Webhook), now) {
                Outcome::Retry { at, .. } => at,
                outcome => panic!("{outcome:?}"),
            },
        )
        .collect();
    assert!(times.len() > 40, "{}", times.len());
}

#[test]
fn gone_is_not_tried_again() {
    for gone in [Attempt::GiveUp("gone".into()), Attempt::Gone("gone".into())] {
        let outcome = Retry::default().judge(gone, &to(ChannelKind::Webhook), Utc::now());
        let error = "gone".into();
        assert_eq!(outcome, Outcome::Failed { error });
    }
}

proptest! {
    /// Whatever the table says, a delivery ends, no pause is shorter than asked, none longer than the
    /// cap with its jitter, and nothing is tried after the end.
    #[test]
    fn every_table_ends(
        max_attempts in 1_u32..50,
        give_up in 0_u32..200_000,
        base in 1_u32..100_000,
        cap in 1_u32..100_000,
        jitter in 0_u32..=100,
    ) {
        let json = serde_json::json!({"all": {
            "maxAttempts": max_attempts, "giveUpAfterSeconds": give_up, "baseSeconds": base,
            "capSeconds": cap, "jitterPercent": jitter,
        }});
        let table = Retry::parse(&json.to_string()).unwrap();
        let mut tried = to(ChannelKind::Ntfy);
        let end = tried.began_at + Duration::seconds(give_up.into());
        let mut now = tried.began_at;
        while let Outcome::Retry { at, .. } = table.judge(retry(), &tried, now) {
            let pause = (at - now).num_milliseconds();
            prop_assert!(at <= end);
            prop_assert!(pause >= i64::from(base.min(cap)) * 1000);
            prop_assert!(pause <= i64::from(cap) * 10 * i64::from(100 + jitter));
            tried.attempts += 1;
            prop_assert!((tried.attempts as u32) < max_attempts);
            now = at;
        }
    }
}
