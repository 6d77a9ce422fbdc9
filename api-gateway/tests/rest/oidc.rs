//! Log-in at a real OpenID Connect provider (`oidc-provider`), by the code flow.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use axum::http::Method;
use chrono_tz::Tz;
use gateway::{OidcProviders, SignUp};
use serde_json::{Value, json};
use url::Url;

use super::app::{Answer, App, Caller};

const BACK: &str = "http://127.0.0.1:9/back";
const SECRET: &str = "a-secret-of-the-stack";
const PASSWORD: &str = "correct horse battery";

/// Two issuers; see `tests/oidc/server.mjs`.
struct Issuers {
    child: Child,
    work: String,
    other: String,
}

impl Issuers {
    fn start() -> Self {
        let mut child = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oidc/run"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start the issuers: they need bash, node and npm");
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "they ended; their message stands above");
        let first: Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| first[name].as_str().unwrap().to_owned();
        Self {
            child,
            work: text("work"),
            other: text("other"),
        }
    }

    fn providers(&self, secret: &str) -> OidcProviders {
        let settings = json!([
            {"name": "work", "title": "Work", "issuer": self.work, "clientId": "todostack",
                "clientSecretVariable": "SECRET"},
            {"name": "other", "issuer": self.other, "clientId": "todostack", "signUp": "open",
                "clientSecretVariable": "SECRET"},
            // Nobody listens there.
            {"name": "gone", "issuer": "http://127.0.0.1:9", "clientId": "todostack"},
        ]);
        OidcProviders::parse(&settings.to_string(), |_| Some(secret.to_owned())).unwrap()
    }

    fn app(&self, app: &App, sign_up: SignUp) -> App {
        app.with_oidc(self.providers(SECRET), sign_up)
    }
}

impl Drop for Issuers {
    fn drop(&mut self) {
        // It ends with its standard input; waited for, so that nothing is left.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A browser: what `name` does at the issuer from `url` on, until it is sent back here; what it brings.
async fn browse(url: &str, name: &str) -> HashMap<String, String> {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let mut cookies: HashMap<String, String> = HashMap::new();
    let mut next = client.get(url);
    for _ in 0..20 {
        let jar: Vec<_> = cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let response = next.header("cookie", jar.join("; ")).send().await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            cookies.insert(name.into(), value.into());
        }
        let at = response.url().clone();
        if response.status().is_redirection() {
            let location = response.headers()["location"].to_str().unwrap();
            let location = at.join(location).unwrap();
            if location.as_str().starts_with(BACK) {
                return location.query_pairs().into_owned().collect();
            }
            next = client.get(location);
            continue;
        }
        assert_eq!(response.status(), 200, "{at}");
        let page = response.text().await.unwrap();
        let form = if page.contains("value=\"login\"") {
            format!(
                "prompt=login&password=any&login={}",
                name.replace('@', "%40")
            )
        } else {
            "prompt=consent".into()
        };
        let post = client.post(at).body(form);
        next = post.header("content-type", "application/x-www-form-urlencoded");
    }
    panic!("the issuer never sends the browser back");
}

/// Begins a log-in and goes through it at the issuer; what is then sent to the gateway.
async fn answer(caller: &Caller, provider: &str, name: &str) -> Value {
    let path = format!("/v1/oidc/providers/{provider}/authorizations");
    let begun = caller.post(&path, json!({"redirectUri": BACK})).await;
    let begun = begun.expect(201);
    assert_eq!(begun.headers["cache-control"], "no-store");
    let brought = browse(begun.body["url"].as_str().unwrap(), name).await;
    json!({
        "authorization": begun.body["authorization"],
        "code": brought["code"],
        "state": brought["state"],
    })
}

async fn log_in(caller: &Caller, provider: &str, name: &str) -> Answer {
    let answer = answer(caller, provider, name).await;
    caller.post("/v1/oidc/sessions", answer).await
}

/// The user of these tokens.
fn logged_in(app: &App, tokens: &Answer) -> Caller {
    let mut caller = app.anonymous();
    caller.token = Some(tokens.body["accessToken"].as_str().unwrap().to_owned());
    caller
}

#[tokio::test]
async fn who_logs_in_at_an_issuer_has_one_account() {
    let issuers = Issuers::start();
    let app = issuers.app(&App::start().await, SignUp::Open);
    let anybody = app.anonymous();
    let listed = anybody.get("/v1/oidc/providers").await.expect(200);
    assert_eq!(
        listed.body["items"][0],
        json!({"name": "work", "title": "Work"})
    );

    // The one tells the address in the ID token, the other by UserInfo.
    let mut users = Vec::new();
    for provider in ["work", "work", "other"] {
        let tokens = log_in(&anybody, provider, "ada@example.com")
            .await
            .expect(200);
        assert_eq!(tokens.headers["cache-control"], "no-store");
        let user = logged_in(&app, &tokens);
        let me = user.get("/v1/me").await.expect(200);
        assert_eq!(me.body["email"], "ada@example.com");
        users.push(me.body["id"].clone());
    }
    assert!(users.iter().all(|id| *id == users[0]), "{users:?}");

    let tokens = log_in(&anybody, "work", "ada@example.com")
        .await
        .expect(200);
    let user = logged_in(&app, &tokens);
    let mine = user.get("/v1/me/identities").await.expect(200);
    let issuers_of = mine.body["items"].as_array().unwrap();
    let issuers_of: Vec<_> = issuers_of.iter().map(|one| &one["issuer"]).collect();
    assert_eq!(issuers_of, [&json!(issuers.work), &json!(issuers.other)]);
    // Without a password nobody logs in by one.
    for password in ["", PASSWORD] {
        let credentials = json!({"email": "ada@example.com", "password": password});
        anybody.post("/v1/login", credentials).await.expect(401);
    }

    // One identity may go, the last may not, until there is a password.
    let items = mine.body["items"].as_array().unwrap();
    let path = |n: usize| format!("/v1/me/identities/{}", items[n]["id"].as_str().unwrap());
    user.delete(&path(0)).await.expect(204);
    user.delete(&path(0)).await.expect(404);
    user.delete(&path(1)).await.expect(409);
    let change = json!({"newPassword": PASSWORD});
    let put = |change| user.json(Method::PUT, "/v1/me/password", change);
    put(change.clone()).await.expect(204);
    assert_eq!(put(change).await.fields(), ["currentPassword"]);
    user.delete(&path(1)).await.expect(204);
    let credentials = json!({"email": "ada@example.com", "password": PASSWORD});
    anybody.post("/v1/login", credentials).await.expect(200);
}

#[tokio::test]
async fn an_account_is_taken_over_by_nobody_who_only_knows_its_address() {
    let issuers = Issuers::start();
    let app = issuers.app(&App::start().await, SignUp::Open);
    let anybody = app.anonymous();
    // Somebody was there first, by an address that may be another's.
    let user = json!({"email": "ada@example.com", "password": PASSWORD});
    let first = anybody.post("/v1/users", user).await.expect(201);
    log_in(&anybody, "work", "ada@example.com")
        .await
        .expect(409);
    // An issuer that does not vouch for the address, or knows none.
    log_in(&anybody, "work", "unverified@example.com")
        .await
        .expect(403);
    log_in(&anybody, "work", "nobody").await.expect(403);

    // Who knows the password links the issuer, and from then on both are one.
    let user = logged_in(&app, &first);
    let linking = answer(&user, "work", "ada@example.com").await;
    let linked = user.post("/v1/me/identities", linking).await.expect(201);
    assert_eq!(linked.body["email"], "ada@example.com");
    let tokens = log_in(&anybody, "work", "ada@example.com")
        .await
        .expect(200);
    let me = logged_in(&app, &tokens).get("/v1/me").await.expect(200);
    assert_eq!(me.body["id"], first.body["id"]);
    // The address is known to be theirs since: another issuer's word links by itself.
    let tokens = log_in(&anybody, "other", "ada@example.com")
        .await
        .expect(200);
    let me = logged_in(&app, &tokens).get("/v1/me").await.expect(200);
    assert_eq!(me.body["id"], first.body["id"]);

    // One without a verified address can be linked too, to one account only.
    let linking = answer(&user, "work", "nobody").await;
    user.post("/v1/me/identities", linking).await.expect(201);
    let other = app.user_in(Tz::UTC).await;
    let linking = answer(&other, "work", "nobody").await;
    other.post("/v1/me/identities", linking).await.expect(409);
}

#[tokio::test]
async fn a_closed_stack_takes_no_new_users_but_those_of_an_issuer_that_may() {
    let issuers = Issuers::start();
    let app = issuers.app(&App::start().await, SignUp::Closed);
    let anybody = app.anonymous();
    log_in(&anybody, "work", "ada@example.com")
        .await
        .expect(403);
    log_in(&anybody, "other", "ada@example.com")
        .await
        .expect(200);
    log_in(&anybody, "work", "ada@example.com")
        .await
        .expect(200);
}

#[tokio::test]
async fn what_belongs_to_another_log_in_is_refused() {
    let issuers = Issuers::start();
    let app = issuers.app(&App::start().await, SignUp::Open);
    let anybody = app.anonymous();
    let fields = async |answer: &Value| {
        let answer = anybody.post("/v1/oidc/sessions", answer.clone()).await;
        answer.fields()
    };
    let ada = answer(&anybody, "work", "ada@example.com").await;
    let eve = answer(&anybody, "work", "eve@example.com").await;
    let with = |field: &str, value: Value| {
        let mut changed = ada.clone();
        changed[field] = value;
        changed
    };
    assert_eq!(
        fields(&with("state", eve["state"].clone())).await,
        ["state"]
    );
    // A stolen code: the verifier of the thief's own log-in is another (RFC 7636).
    assert_eq!(fields(&with("code", eve["code"].clone())).await, ["code"]);
    assert_eq!(fields(&with("code", json!("made up"))).await, ["code"]);
    let other = with("authorization", eve["authorization"].clone());
    assert_eq!(fields(&other).await, ["state"]);
    for sealed in [json!("x.y.z"), json!("x".repeat(10_000))] {
        assert_eq!(
            fields(&with("authorization", sealed)).await,
            ["authorization"]
        );
    }
    // An access token is no log-in that has begun.
    let user = app.user_in(Tz::UTC).await;
    let token = with("authorization", json!(user.token));
    assert_eq!(fields(&token).await, ["authorization"]);

    // It is good once.
    let fresh = answer(&anybody, "work", "ada@example.com").await;
    let tokens = anybody.post("/v1/oidc/sessions", fresh.clone()).await;
    tokens.expect(200);
    assert_eq!(fields(&fresh).await, ["code"]);
}

#[tokio::test]
async fn an_issuer_that_cannot_be_had_is_told_apart_from_a_mistake() {
    let issuers = Issuers::start();
    let all = App::start().await;
    let app = issuers.app(&all, SignUp::Open);
    let begin = |name: &str, redirect: &str| {
        let path = format!("/v1/oidc/providers/{name}/authorizations");
        let body = json!({"redirectUri": redirect});
        let caller = app.anonymous();
        async move { caller.post(&path, body).await }
    };
    begin("gone", BACK).await.expect(502);
    begin("gone", BACK).await.expect(502);
    begin("nobody", BACK).await.expect(404);
    for wrong in ["", "/back", "http://a.example/#x"] {
        assert_eq!(
            begin("work", wrong).await.fields(),
            ["redirectUri"],
            "{wrong}"
        );
    }
    // What the issuer has of this stack is another address: it says so itself, to the user.
    let begun = begin("work", "https://evil.example/").await.expect(201);
    let url = Url::parse(begun.body["url"].as_str().unwrap()).unwrap();
    let page = reqwest::get(url).await.unwrap();
    assert_eq!(page.status(), 400);

    // The stack's secret there is wrong: the administrator's mistake, not the user's.
    let wrong = all.with_oidc(issuers.providers("another"), SignUp::Open);
    let caller = wrong.anonymous();
    let answer = log_in(&caller, "work", "ada@example.com").await.expect(502);
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(detail.starts_with("Work cannot be reached"), "{detail}");
}
