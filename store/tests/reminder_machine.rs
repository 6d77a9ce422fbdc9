//! What the store's SQL makes of a `ReminderJob`'s reminder is what the state machine says: each command in
//! each phase, on a real Postgres. Where the two differ on purpose the reason stands in the table.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use chrono::{DateTime, Duration, SubsecRound, Utc};
use domain::{
    internal_api::ReminderPut,
    reminder::{CatchUp, Input, Phase, State, Timing, WhyMissed},
};
use sqlx::PgConnection;
use store::reminders;
use uuid::Uuid;

/// What is compared of a row: phase, generation, occurrence, time, held back, generation of the alarm.
type Row = (String, i64, i32, DateTime<Utc>, bool, Option<i64>);

fn row_of(state: &State) -> Row {
    let timing = state.timing();
    (
        state.phase().as_str().into(),
        timing.generation,
        timing.occurrence,
        timing.fire_at,
        state.is_suspended(),
        state.scheduled_generation(),
    )
}

/// One reminder in each phase, at generation 3 and occurrence 1, and one that is held back.
fn states(reminder: Uuid, fire_at: DateTime<Utc>) -> Vec<State> {
    let timing = Timing {
        reminder,
        generation: 3,
        occurrence: 1,
        fire_at,
    };
    let pending = |suspended| State::Pending {
        timing,
        suspended,
        left_over: Some(2),
    };
    let fired_at = fire_at;
    vec![
        pending(false),
        pending(true),
        State::Scheduled { timing },
        State::Fired { timing, fired_at },
        State::Delivered { timing, fired_at },
        State::Failed {
            timing,
            fired_at,
            reason: "gone".into(),
        },
        State::Missed {
            timing,
            why: WhyMissed::Window(90_000),
        },
        State::Cancelled {
            timing,
            left_over: Some(2),
        },
    ]
}

async fn write(conn: &mut PgConnection, state: &State) {
    let (phase, generation, occurrence, fire_at, suspended, scheduled) = row_of(state);
    sqlx::query(
        "insert into reminders (id, origin, message, fire_at, suspended, generation, occurrence,
             phase, scheduled_generation)
         values ($1, 'kubernetes', 'x', $2, $3, $4, $5, $6, $7)",
    )
    .bind(state.timing().reminder)
    .bind(fire_at)
    .bind(suspended)
    .bind(generation)
    .bind(occurrence)
    .bind(phase)
    .bind(scheduled)
    .execute(conn)
    .await
    .unwrap();
}

async fn read(conn: &mut PgConnection, id: Uuid) -> Row {
    sqlx::query_as(
        // Whether one that does not wait any more is held back means nothing.
        "select phase, generation, occurrence, fire_at,
             suspended and phase in ('Pending', 'Scheduled'), scheduled_generation
         from reminders where id = $1",
    )
    .bind(id)
    .fetch_one(conn)
    .await
    .unwrap()
}

/// The command as the operator gives it: what the `ReminderJob` says now, or that it is gone.
async fn carry_out(conn: &mut PgConnection, state: &State, input: &Input, now: DateTime<Utc>) {
    let timing = state.timing();
    let (fire_at, suspend) = match input {
        Input::Edit { fire_at } => (*fire_at, state.is_suspended()),
        Input::Suspend => (timing.fire_at, true),
        Input::Resume => (timing.fire_at, false),
        Input::Cancel => {
            reminders::cancel(conn, timing.reminder, now).await.unwrap();
            return;
        }
        other => panic!("{other:?} is no command of the operator"),
    };
    let wanted = ReminderPut {
        fire_at,
        message: "x".into(),
        task_id: None,
        task: None,
        channels: Vec::new(),
        suspend,
        deadline_seconds: None,
        catch_up: None,
        series: None,
        object: "n/x".into(),
    };
    reminders::put(conn, timing.reminder, &wanted, now)
        .await
        .unwrap();
}

/// Where `put` does otherwise than the machine, and why that is meant.
fn on_purpose(state: &State, input: &Input) -> Option<&'static str> {
    match (state.phase(), input) {
        (Phase::Fired, Input::Edit { .. }) => Some(
            "while its channels are served it keeps its time: the operator asks only of what waits",
        ),
        (Phase::Cancelled, Input::Edit { .. }) => {
            Some("to put it again is to want it again: restored, as another occurrence")
        }
        _ => None,
    }
}

#[tokio::test]
async fn a_put_does_what_the_state_machine_says() {
    let pool = store::testing::database().await;
    let mut conn = pool.acquire().await.unwrap();
    let now = Utc::now().trunc_subsecs(6);
    let fire_at = now + Duration::hours(1);
    let later = now + Duration::hours(2);
    let inputs = [
        Input::Edit { fire_at: later },
        Input::Edit { fire_at },
        Input::Suspend,
        Input::Resume,
        Input::Cancel,
    ];
    let mut differing = Vec::new();
    for input in &inputs {
        for state in states(Uuid::nil(), fire_at) {
            write(&mut conn, &state).await;
            carry_out(&mut conn, &state, input, now).await;
            let found = read(&mut conn, Uuid::nil()).await;
            // What is refused changes nothing.
            let expected = match state.clone().apply(input, now, CatchUp::default()) {
                Ok((next, _)) => row_of(&next),
                Err(_) => row_of(&state),
            };
            if found != expected {
                match on_purpose(&state, input) {
                    Some(_) => differing.push((state.phase(), input.name())),
                    None => panic!("{state:?} {input:?}: {found:?}, by the machine {expected:?}"),
                }
            }
            sqlx::query("delete from reminders")
                .execute(&mut *conn)
                .await
                .unwrap();
        }
    }
    let expected = [(Phase::Fired, "edit"), (Phase::Cancelled, "edit")];
    assert_eq!(differing, expected);
}
