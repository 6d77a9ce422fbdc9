//! The session of the web page: its refresh token is a cookie.

use axum::{body::Body, http::Method};
use serde_json::json;

use super::app::{Answer, App};

const PASSWORD: &str = "correct horse battery";

async fn post(app: &App, path: &str, headers: &[(&str, &str)], email: &str) -> Answer {
    let body = json!({ "email": email, "password": PASSWORD }).to_string();
    let json = [("content-type", "application/json")];
    let headers = [&json[..], headers].concat();
    let nobody = app.anonymous();
    nobody
        .send(Method::POST, path, &headers, Body::from(body))
        .await
}

/// The cookie as a browser sends it back, and what else was said of it.
fn cookie(answer: &Answer) -> (String, String) {
    let set = answer.headers["set-cookie"].to_str().unwrap();
    let (pair, rest) = set.split_once("; ").unwrap();
    (pair.to_owned(), rest.to_owned())
}

#[tokio::test]
async fn the_page_goes_on_by_a_cookie_that_no_script_reads() {
    let app = App::start().await;
    let origin = [("origin", "https://todo.example.com")];
    let first = post(&app, "/page/sign-up", &origin, "ada@example.com").await;
    let first = first.expect(201);
    assert_eq!(first.body["user"]["email"], "ada@example.com");
    assert_eq!(first.body.get("refreshToken"), None);
    assert_eq!(first.headers["cache-control"], "no-store");
    let (mut pair, rest) = cookie(&first);
    let month = 30 * 24 * 3600;
    let says = format!("Path=/page; HttpOnly; SameSite=Strict; Max-Age={month}; Secure");
    assert_eq!(rest, says);
    for _ in 0..2 {
        let headers = [("cookie", format!("other=1; {pair}"))];
        let headers = headers
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let nobody = app.anonymous();
        let next = nobody
            .send(Method::POST, "/page/refresh", &headers, Body::empty())
            .await
            .expect(200);
        let mut caller = app.anonymous();
        caller.token = Some(next.body["accessToken"].as_str().unwrap().to_owned());
        caller.get("/v1/me").await.expect(200);
        let (again, rest) = cookie(&next);
        // Over plain http a browser would not keep one that is for https alone.
        assert!(!rest.contains("Secure"), "{rest}");
        assert_ne!(again, pair);
        pair = again;
    }
    let headers = [("cookie", pair.as_str())];
    let nobody = app.anonymous();
    let send = async |path: &str| {
        nobody
            .send(Method::POST, path, &headers, Body::empty())
            .await
    };
    let out = send("/page/log-out").await.expect(204);
    assert!(cookie(&out).1.contains("Max-Age=0"));
    send("/page/refresh").await.expect(401);
    let back = post(&app, "/page/log-in", &[], "ada@example.com").await;
    back.expect(200);
}

#[tokio::test]
async fn the_page_of_another_site_gets_no_token() {
    let app = App::start().await;
    let made = post(&app, "/page/sign-up", &[], "eve@example.com").await;
    let (pair, _) = cookie(&made.expect(201));
    let nobody = app.anonymous();
    for site in ["cross-site", "same-site", "none"] {
        let headers = [("cookie", pair.as_str()), ("sec-fetch-site", site)];
        for path in ["/page/refresh", "/page/log-out"] {
            nobody
                .send(Method::POST, path, &headers, Body::empty())
                .await
                .expect(403);
        }
    }
    let headers = [("cookie", pair.as_str()), ("sec-fetch-site", "same-origin")];
    let own = nobody.send(Method::POST, "/page/refresh", &headers, Body::empty());
    own.await.expect(200);
    // The cookie is good for nothing else.
    let headers = [("cookie", pair.as_str())];
    let task = nobody.send(Method::GET, "/v1/tasks", &headers, Body::empty());
    task.await.expect(401);
    nobody
        .send(Method::POST, "/page/refresh", &[], Body::empty())
        .await
        .expect(401);
}
