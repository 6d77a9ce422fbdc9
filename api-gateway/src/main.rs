//! The gateway as a process of its own.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context as _;
use clap::Parser;
use gateway::{Gateway, Limit, OidcProviders, Origins, RateLimits, SignUp, TrustedProxies};
use runtime::{auth::Keys, ops, shutdown, telemetry};

/// The REST gateway of a todo stack.
#[derive(Parser)]
#[command(version)]
struct Settings {
    /// Postgres URL.
    #[arg(long, env = "TODOSTACK_DATABASE_URL", hide_env_values = true)]
    database_url: String,

    /// Most connections to Postgres.
    #[arg(long, env = "TODOSTACK_DATABASE_CONNECTIONS", default_value_t = 10)]
    database_connections: u32,

    /// HS256 key of access tokens, at least 32 bytes.
    #[arg(long, env = "TODOSTACK_JWT_KEY", hide_env_values = true)]
    jwt_key: String,

    /// Key that will sign access tokens next: those that other processes sign with it already are taken.
    #[arg(long, env = "TODOSTACK_JWT_KEY_NEXT", hide_env_values = true)]
    jwt_key_next: Option<String>,

    /// Key that signed access tokens before: those that have not expired are taken.
    #[arg(long, env = "TODOSTACK_JWT_KEY_PREVIOUS", hide_env_values = true)]
    jwt_key_previous: Option<String>,

    /// Seconds for which an access token is valid.
    #[arg(
        long,
        env = "TODOSTACK_ACCESS_TOKEN_SECONDS",
        default_value_t = 900,
        value_parser = clap::value_parser!(u64).range(60..=86_400)
    )]
    access_token_seconds: u64,

    /// Who may make an account.
    #[arg(long, env = "TODOSTACK_SIGN_UP", value_enum, default_value = "open")]
    sign_up: SignUp,

    /// Issuers at which users may log in by OpenID Connect, as a JSON array of objects with `name`, `title`,
    /// `issuer`, `clientId`, `scopes`, `trustEmail`, `signUp`, and as `clientSecretVariable` the name of the
    /// environment variable that holds the stack's secret there.
    #[arg(long, env = "TODOSTACK_OIDC", default_value = "[]")]
    oidc: String,

    /// `true`: the notifications service mails a link to who has forgotten the password.
    #[arg(long, env = "TODOSTACK_PASSWORD_RESETS", default_value_t = false, action = clap::ArgAction::Set)]
    password_resets: bool,

    /// Networks of proxies whose `Forwarded` or `X-Forwarded-For` names the client, comma-separated, such
    /// as `10.0.0.0/8`.
    #[arg(long, env = "TODOSTACK_TRUSTED_PROXIES", default_value = "")]
    trusted_proxies: TrustedProxies,

    /// Origins whose web pages may call from a browser, comma-separated, such as `https://app.example.com`.
    #[arg(long, env = "TODOSTACK_ALLOWED_ORIGINS", default_value = "")]
    allowed_origins: Origins,

    /// Requests that each user may make, and in how many seconds, such as `600/60`; absent: any number.
    #[arg(long, env = "TODOSTACK_RATE_LIMIT_USER")]
    rate_limit_user: Option<Limit>,

    /// Requests without a valid token that each address may make, and in how many seconds; absent: any
    /// number.
    #[arg(long, env = "TODOSTACK_RATE_LIMIT_ADDRESS")]
    rate_limit_address: Option<Limit>,

    /// Where users reach the gateway, such as `https://todo.example.com`; absent: where they say that they do.
    #[arg(long, env = "TODOSTACK_PUBLIC_URL")]
    public_url: Option<String>,

    /// Public key of Web Push, which browsers subscribe with; absent: the stack serves none.
    #[arg(long, env = "TODOSTACK_VAPID_PUBLIC_KEY")]
    vapid_public_key: Option<String>,

    /// Where to serve the interface.
    #[arg(long, env = "TODOSTACK_LISTEN", default_value = "0.0.0.0:8080")]
    listen: SocketAddr,

    /// Where to serve health and metrics.
    #[arg(long, env = "TODOSTACK_OPS_LISTEN", default_value = "0.0.0.0:9090")]
    ops_listen: SocketAddr,

    /// What to log, such as `info,sqlx=warn`.
    // At `info` rmcp has four lines for each message.
    #[arg(long, env = "RUST_LOG", default_value = "info,rmcp=warn")]
    log: String,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    runtime::exit::code(run().await)
}

async fn run() -> anyhow::Result<()> {
    let settings = Settings::parse();
    telemetry::init(telemetry::Format::Json, &settings.log)?;
    let metrics = ops::install_metrics()?;
    let shutdown = shutdown::token()?;
    let store = store::Store::connect(
        &settings.database_url,
        "todostack-gateway",
        settings.database_connections,
    )?;
    let others = [&settings.jwt_key_next, &settings.jwt_key_previous];
    let others: Vec<&[u8]> = others.into_iter().flatten().map(String::as_bytes).collect();
    let keys = Keys::rotated(settings.jwt_key.as_bytes(), &others)?
        .lasting(Duration::from_secs(settings.access_token_seconds));
    let oidc = OidcProviders::parse(&settings.oidc, |variable| std::env::var(variable).ok())?;
    let gateway = Gateway::new(store.clone(), keys)?
        .with_oidc(oidc)
        .with_sign_up(settings.sign_up)
        .with_password_resets(settings.password_resets)
        .behind(settings.trusted_proxies)
        .open_to(settings.allowed_origins)
        .reached_at(settings.public_url)
        .with_rate_limits(RateLimits {
            user: settings.rate_limit_user,
            address: settings.rate_limit_address,
        })
        .with_push(settings.vapid_public_key);
    let router = gateway::router(gateway.clone());
    // What the OpenAPI document was made of.
    runtime::allocator::return_free_memory();

    tokio::spawn(gateway::renew_statistics(store.clone(), shutdown.clone()));
    tokio::spawn(gateway::run_imports(gateway.clone(), shutdown.clone()));
    tokio::spawn(gateway::share_rate_limits(gateway, shutdown.clone()));

    let checked = store.clone();
    let ready = move || {
        let pool = checked.clone();
        async move {
            store::ping(&pool)
                .await
                .map_err(|error| format!("the database does not answer: {error}"))
        }
    };
    // Health answers until the last request is done, so that it outlives the interface.
    let done = tokio_util::sync::CancellationToken::new();
    let health = ops::serve(settings.ops_listen, metrics, ready, done.clone());
    let interface = async {
        let served = async { ops::serve_router(settings.listen, router, shutdown.clone()).await };
        let late = async {
            shutdown.cancelled().await;
            tokio::time::sleep(shutdown::GRACE).await;
        };
        let result = tokio::select! {
            result = served => result,
            () = late => {
                tracing::warn!("some requests were not done in time");
                Ok(())
            }
        };
        done.cancel();
        result
    };
    tokio::try_join!(interface, health).context("gateway")?;
    store.close().await;
    Ok(())
}
