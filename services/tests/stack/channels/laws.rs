//! What holds for every kind of channel, see `table.rs`.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{event::Event, reminder::ChannelKind};
use uuid::Uuid;

use super::{
    attempt, attempted, fire, hurry, row,
    table::{Mood, Receivers, tally},
};
use crate::{
    receivers::Running,
    support::{events, eventually},
};

#[tokio::test]
async fn each_kind_arrives_once_however_often_its_firing_is_told() {
    let pool = store::testing::database().await;
    let receivers = Receivers::start().await;
    let running = Running::start(&pool, receivers.senders(true)).await;
    for (kind, channel) in ChannelKind::ALL
        .into_iter()
        .zip(receivers.channels(&pool, Mood::Takes).await)
    {
        let told = fire(&pool, &running, &channel).await;
        let row = attempted(&pool, &channel, 1).await;
        assert_eq!(
            (row.state.as_str(), row.error()),
            ("Delivered", ""),
            "{kind:?}"
        );
        // The broker repeats it; the sweep tells it as another event.
        running.handle(&told).await;
        let another = Event {
            id: Uuid::now_v7(),
            ..told[0].clone()
        };
        running.handle(&[another]).await;
        eventually("it is shown", async || {
            !receivers.arrived(kind, Mood::Takes).is_empty()
        })
        .await;
    }
    // Time enough for a second one.
    tokio::time::sleep(Duration::from_millis(500)).await;
    for kind in ChannelKind::ALL {
        let arrived = receivers.arrived(kind, Mood::Takes);
        assert_eq!(arrived.len(), 1, "{kind:?}");
        assert!(arrived[0].1.contains("Ficus"), "{kind:?}: {arrived:?}");
    }
    running.end().await;
}

#[tokio::test]
async fn each_kind_is_tried_again_under_the_same_key_and_is_delivered_in_one_place() {
    let pool = store::testing::database().await;
    let receivers = Receivers::start().await;
    let running = Running::start(&pool, receivers.senders(true)).await;
    for kind in ChannelKind::ALL {
        let channel = receivers.channel(&pool, kind, Mood::FailsOnce).await;
        let failed = attempt(&pool, &running, &channel).await;
        assert_eq!(
            (failed.state.as_str(), failed.attempts),
            ("Pending", 1),
            "{kind:?}"
        );
        assert!(!failed.error().is_empty(), "{kind:?}");
        hurry(&pool, &failed).await;
        let row = attempted(&pool, &channel, 2).await;
        assert_eq!(
            (row.state.as_str(), row.attempts),
            ("Delivered", 2),
            "{kind:?}"
        );
        eventually("both are shown", async || {
            receivers.arrived(kind, Mood::FailsOnce).len() == 2
        })
        .await;
        let keys = receivers
            .arrived(kind, Mood::FailsOnce)
            .into_iter()
            .map(|(key, _)| key);
        let once = [(row.idempotency_key.to_string(), 2)];
        assert_eq!(tally(keys), once.into(), "{kind:?}");
        // One delivery in the history, and one end.
        let deliveries: i64 =
            sqlx::query_scalar("select count(*) from deliveries where reminder_id = $1")
                .bind(row.reminder_id)
                .fetch_one(&*pool)
                .await
                .unwrap();
        assert_eq!(deliveries, 1, "{kind:?}");
        let subject = row.reminder_id.to_string();
        let told = events(&pool, "reminders").await;
        let told: Vec<_> = told
            .iter()
            .filter(|event| event.subject == subject)
            .collect();
        assert_eq!(told.len(), 1, "{kind:?}: {told:?}");
    }
    running.end().await;
}

/// As docs/notifications.md says.
#[tokio::test]
async fn each_kind_gives_up_what_never_will_work_and_says_why() {
    let pool = store::testing::database().await;
    let receivers = Receivers::start().await;
    let running = Running::start(&pool, receivers.senders(true)).await;
    for kind in ChannelKind::ALL {
        let (gone, disabled) = match kind {
            ChannelKind::Webhook | ChannelKind::Ntfy | ChannelKind::Binding => ("410 Gone", false),
            ChannelKind::Email => ("no such mailbox", false),
            ChannelKind::Slack => ("404 Not Found", false),
            ChannelKind::WebPush => ("410 Gone: the subscription is gone", true),
        };
        let channel = receivers.channel(&pool, kind, Mood::Gone).await;
        let row = attempt(&pool, &running, &channel).await;
        assert_eq!(
            (row.state.as_str(), row.attempts),
            ("Failed", 1),
            "{kind:?}"
        );
        assert!(row.error().contains(gone), "{kind:?}: {row:?}");
        let mut conn = pool.acquire().await.unwrap();
        let stored = store::channels::get(&mut conn, channel.owner_id, channel.id).await;
        let reason = stored.unwrap().unwrap().disabled_reason;
        assert_eq!(reason.is_some(), disabled, "{kind:?}: {reason:?}");

        let refused = match kind {
            ChannelKind::Email => "try again later",
            _ => "403 Forbidden",
        };
        let channel = receivers.channel(&pool, kind, Mood::Refuses).await;
        let row = attempt(&pool, &running, &channel).await;
        assert_eq!(row.state, "Pending", "{kind:?}");
        assert!(row.error().contains(refused), "{kind:?}: {row:?}");
    }
    running.end().await;
}

#[tokio::test]
async fn a_receiver_that_hangs_costs_each_kind_one_attempt_within_twenty_seconds() {
    let pool = store::testing::database().await;
    let receivers = Receivers::start().await;
    let running = Running::start(&pool, receivers.senders(true)).await;
    let channels = receivers.channels(&pool, Mood::Hangs).await;
    let begun = std::time::Instant::now();
    for channel in &channels {
        fire(&pool, &running, channel).await;
    }
    // Meanwhile others of the same kind and receiver are served.
    for (kind, channel) in ChannelKind::ALL
        .into_iter()
        .zip(receivers.channels(&pool, Mood::Takes).await)
    {
        let served = attempt(&pool, &running, &channel).await;
        assert_eq!(served.state, "Delivered", "{kind:?}");
    }
    for (kind, channel) in ChannelKind::ALL.into_iter().zip(&channels) {
        assert_eq!(row(&pool, channel).await.unwrap().attempts, 0, "{kind:?}");
    }
    for (kind, channel) in ChannelKind::ALL.into_iter().zip(&channels) {
        let row = attempted(&pool, channel, 1).await;
        assert_eq!(row.state, "Pending", "{kind:?}");
        assert!(!row.error().is_empty(), "{kind:?}");
    }
    // 20 s at most for an attempt, and some for this machine.
    assert!(
        begun.elapsed() < Duration::from_secs(25),
        "{:?}",
        begun.elapsed()
    );
    running.end().await;
}

#[tokio::test]
async fn no_kind_with_a_url_goes_inside_unless_allowed() {
    let pool = store::testing::database().await;
    let receivers = Receivers::start().await;
    let strict = Running::start(&pool, receivers.senders(false)).await;
    let with_url = || {
        ChannelKind::ALL
            .into_iter()
            .filter(|kind| Receivers::has_url(*kind))
    };
    for kind in with_url() {
        let (literal, secret) = receivers.address(kind, Mood::Takes);
        let name = literal.replace("127.0.0.1", "localhost");
        // What a name leads to may be another address later.
        for (url, state) in [(literal, "Failed"), (name, "Pending")] {
            let channel = super::table::store(&pool, kind, &url, &secret).await;
            let row = attempt(&pool, &strict, &channel).await;
            assert_eq!(row.state, state, "{url}");
            assert!(row.error().contains("not public"), "{url}: {row:?}");
        }
    }
    strict.end().await;
    assert!(receivers.web.seen.lock().unwrap().is_empty());
    // The next one's sign of life is another's.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let allowed = Running::start(&pool, receivers.senders(true)).await;
    for kind in with_url() {
        let channel = receivers.channel(&pool, kind, Mood::Redirects).await;
        let row = attempt(&pool, &allowed, &channel).await;
        assert_eq!(row.state, "Pending", "{kind:?}");
        assert!(row.error().contains("302"), "{kind:?}: {row:?}");
        assert_eq!(
            receivers.requests(kind, Mood::Redirects).len(),
            1,
            "{kind:?}"
        );
    }
    let seen = receivers.web.seen.lock().unwrap().clone();
    assert!(seen.iter().all(|seen| !seen.path.starts_with("/inside")));
    allowed.end().await;
}

/// What was logged in this thread.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_of_any_kind_is_shown_whatever_happens() {
    let pool = store::testing::database().await;
    let receivers = Receivers::start().await;
    let logged = Logged::default();
    let writer = logged.clone();
    // This test's runtime is one thread, this one.
    let _guard = tracing::subscriber::set_default(
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish(),
    );
    let running = Running::start(&pool, receivers.senders(true)).await;
    let mut shown = String::new();
    for kind in ChannelKind::ALL {
        for mood in [
            Mood::Takes,
            Mood::FailsOnce,
            Mood::Gone,
            Mood::Refuses,
            Mood::Redirects,
        ] {
            let channel = receivers.channel(&pool, kind, mood).await;
            let row = attempt(&pool, &running, &channel).await;
            shown.push_str(&format!("{channel:?} {row:?}\n"));
        }
        // Nobody listens at the discard port.
        let (target, secret) = receivers.address(kind, Mood::Takes);
        let dead = target.replace(&format!(":{}/", receivers.port), ":9/");
        let channel = super::table::store(&pool, kind, &dead, &secret).await;
        shown.push_str(&format!("{:?}\n", attempt(&pool, &running, &channel).await));
    }
    running.end().await;
    for event in events(&pool, "reminders").await {
        shown.push_str(&serde_json::to_string(&event).unwrap());
    }
    let logged = String::from_utf8(logged.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("not delivered"), "{logged}");
    for kind in ChannelKind::ALL {
        for secret in receivers.secrets(kind) {
            for (place, text) in [("rows or events", &shown), ("the log", &logged)] {
                let found = text.lines().find(|line| line.contains(&secret));
                assert_eq!(found, None, "{kind:?}: {secret} is in {place}");
            }
        }
    }
}
