//! A reminder beside 200 of another user, whose receiver never answers.

use std::time::Duration;

use chrono::{SubsecRound, Utc};
use serde_json::json;

use crate::{
    Bench,
    burst::write,
    dev::Dev,
    finish,
    http::{self, Connection},
    report::{Report, Table, met, milliseconds},
    say,
    sink::Sink,
};

/// The dead receiver's reminders.
const COUNT: u64 = 200;

/// The other's is later than its time by less than this, in milliseconds.
const TARGET: f64 = 500.0;

/// Measures it.
///
/// # Errors
/// What failed.
pub(crate) async fn run(bench: &Bench) -> anyhow::Result<Report> {
    let (sink, dead) = (Sink::start()?, Sink::silent()?);
    let rounds = bench.pick(3, 1);
    let mut late = Vec::new();
    for round in 1..=rounds {
        // Each on its own: what the dead receiver left must not burden the next.
        let dev = Dev::start(bench, &format!("neighbour{round}"), 2, &sink.url).await?;
        let mut request = Vec::new();
        let channel = format!(r#"{{"type":"webhook","url":"{}"}}"#, dead.url);
        http::request(
            &mut request,
            "POST",
            "/v1/channels",
            &dev.tokens[0],
            &channel,
        );
        let mut connection = Connection::open(&dev.address).await?;
        let (status, answer) = connection.call(&request).await?;
        anyhow::ensure!(
            status == 201,
            "{status}: {}",
            String::from_utf8_lossy(answer)
        );

        let due = (Utc::now() + chrono::Duration::seconds(15)).trunc_subsecs(0);
        let after = due + chrono::Duration::seconds(2);
        // The first user has every second one of 400, those of the other come much later, but one.
        write(&dev, 2 * COUNT, move |n| match n {
            1 => after,
            n if n % 2 == 0 => due,
            // Within the horizon of the alarm clock.
            _ => due + chrono::Duration::hours(12),
        })
        .await?;
        let armed = dev.armed(i64::try_from(2 * COUNT)?, due).await?;
        anyhow::ensure!(
            armed == i64::try_from(2 * COUNT)?,
            "only {armed} alarms were set in time"
        );
        let end = after + chrono::Duration::seconds(120);
        while sink.count() == 0 && Utc::now() < end {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let got = sink.take();
        anyhow::ensure!(got.len() == 1, "{} deliveries came", got.len());
        say(format!(
            "round {round}: {} late",
            milliseconds(got[0].late())
        ));
        late.push(got[0].late());
    }
    let worst = late.iter().copied().fold(0.0, f64::max);
    let mut report = Report::new(
        "neighbour",
        "A reminder beside a receiver that never answers",
    );
    let mut table = Table::new(&["", "measured", "target", "met"]);
    table.push(vec![
        "the other user's reminder, after its time".into(),
        late.iter()
            .copied()
            .map(milliseconds)
            .collect::<Vec<_>>()
            .join(", "),
        format!("< {}", milliseconds(TARGET)),
        met(worst < TARGET),
    ]);
    report.tables.push(table);
    report.notes.push(format!(
        "{COUNT} reminders of one user fall due at one instant and go to a receiver that takes connections \
         and never answers; 2 s later one of another user falls due. Each figure is of a new `todostack dev`."
    ));
    Ok(finish(report, json!({"lateMilliseconds": late})))
}
