//! E-mails to who has forgotten the password.

use chrono::Utc;
use chrono_tz::Tz;
use domain::secret_token;
use store::password_resets;

use super::email::{Smtp, senders};
use crate::{receivers::Running, support::eventually};

#[tokio::test]
async fn who_has_forgotten_the_password_gets_one_mail_with_a_token_of_which_the_database_has_the_hash()
 {
    let smtp = Smtp::start();
    let pool = store::testing::database().await;
    let mut conn = pool.acquire().await.unwrap();
    for email in [
        "me@example.com",
        "fails-once@example.com",
        "gone@example.com",
    ] {
        store::users::create(&mut conn, email, "none", Tz::UTC)
            .await
            .unwrap();
        password_resets::request(&mut conn, email, Utc::now())
            .await
            .unwrap();
    }
    let running = Running::start(&pool, senders(smtp.settings("correct horse"))).await;
    eventually("they are sent", async || {
        !smtp.to("me@example.com").is_empty() && !smtp.to("fails-once@example.com").is_empty()
    })
    .await;
    let mail = &smtp.to("me@example.com")[0];
    assert_eq!(mail["headers"]["subject"], "A new password");
    assert_eq!(mail["headers"]["auto-submitted"], "auto-generated");
    let start = "https://todo.example.com/v1/password-reset#tdp_";
    let text = mail["text"].as_str().unwrap();
    let link = text.split_whitespace().find(|word| word.starts_with(start));
    let link = link.expect("a link");
    assert!(mail["html"].as_str().unwrap().contains(link));
    let (_, token) = link.split_once('#').unwrap();
    let hash = secret_token::hash(token);
    assert!(
        password_resets::is_good(&mut conn, hash, Utc::now())
            .await
            .unwrap()
    );
    // Of the three one waits for another attempt: what arrived is done, and what cannot arrive too.
    eventually("the others are done", async || {
        let waiting: Vec<String> = sqlx::query_scalar(
            "select email from password_resets join users on id = user_id
             where next_attempt_at is not null",
        )
        .fetch_all(&*pool)
        .await
        .unwrap();
        waiting == ["fails-once@example.com"]
    })
    .await;
    sqlx::query(
        "update password_resets set next_attempt_at = now() where next_attempt_at is not null",
    )
    .execute(&*pool)
    .await
    .unwrap();
    eventually("it comes at the second attempt", async || {
        smtp.to("fails-once@example.com").len() == 2
    })
    .await;
    assert_eq!(smtp.to("me@example.com").len(), 1);
    running.end().await;
}
