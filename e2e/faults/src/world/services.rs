//! Our own processes, each beside its sidecar.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    Binaries, PREFIX, ROLES, World, clock,
    dapr::{self, Sidecar},
    free_ports,
};
use crate::proxy::{Middleman, Wire};

/// Keys of a world that lives for minutes on one machine's loopback interface.
const APP_TOKEN: &str = "faults-app-token";
const KEY: &str = "faults-key-of-at-least-thirty-two-bytes";

/// Brings the schema up to date, then starts the gateway, the roles and their sidecars.
pub(super) async fn start(
    world: &mut World,
    binaries: &Binaries,
    postgres: u16,
    kafka: &BTreeMap<&'static str, u16>,
    schedulers: &str,
    seed: u64,
) -> Result<()> {
    let services = binaries.ours.join("todostack-services");
    let migrated = world
        .new_part("migrate", &services)
        .arg("migrate")
        .env("TODOSTACK_DATABASE_URL", &world.database)
        .command()
        .output()
        .context("run migrate")?;
    ensure!(
        migrated.status.success(),
        "migrate: {}",
        String::from_utf8_lossy(&migrated.stdout)
    );
    let mut seeds = fastrand::Rng::with_seed(seed);
    for role in ROLES {
        let [listen, internal, ops, http] = free_ports()?;
        let wire = Wire::open(postgres).await?;
        let database = format!("postgres://todostack@127.0.0.1:{}/todostack", wire.port());
        world.wires.insert(format!("{role}-postgres"), wire);
        let to_app = Middleman::open(listen, seeds.u64(..)).await?;
        let to_sidecar = Middleman::open(http, seeds.u64(..)).await?;
        let part = world
            .new_part(role, &services)
            .arg(role)
            .env("TODOSTACK_DATABASE_URL", &database)
            .env("TODOSTACK_STACK", "st")
            .env("TODOSTACK_NAMESPACE", "faults")
            .env("TODOSTACK_TOPIC_PREFIX", PREFIX)
            .env("TODOSTACK_DAPR_APP_TOKEN", APP_TOKEN)
            .env("TODOSTACK_INTERNAL_TOKEN", KEY)
            .env("TODOSTACK_JWT_KEY", KEY)
            .env(
                "TODOSTACK_WEBHOOK_SECRET",
                format!("whsec_{}", STANDARD.encode(KEY)),
            )
            .env("TODOSTACK_WEBHOOK_ALLOW_PRIVATE", "true")
            .env("TODOSTACK_LISTEN", format!("127.0.0.1:{listen}"))
            .env("TODOSTACK_INTERNAL_LISTEN", format!("127.0.0.1:{internal}"))
            .env("TODOSTACK_OPS_LISTEN", format!("127.0.0.1:{ops}"))
            .env("DAPR_HTTP_PORT", to_sidecar.port().to_string());
        let part = match role {
            "reminders" => clock::of(part, world.path())?,
            _ => part,
        };
        world.start(part)?;
        let sidecar = Sidecar {
            role,
            app_port: to_app.port(),
            http_port: http,
            kafka_port: kafka[role],
            database,
            schedulers,
            app_token: APP_TOKEN,
        };
        dapr::sidecar(world, binaries, &sidecar)?;
        world.middlemen.insert(role.into(), to_app);
        world.middlemen.insert(format!("{role}-out"), to_sidecar);
    }
    let [listen, ops] = free_ports()?;
    let wire = Wire::open(postgres).await?;
    let part = world
        .new_part("gateway", binaries.ours.join("todostack-gateway"))
        .env(
            "TODOSTACK_DATABASE_URL",
            format!("postgres://todostack@127.0.0.1:{}/todostack", wire.port()),
        )
        .env("TODOSTACK_JWT_KEY", KEY)
        // Longer than any run: a writer that lost its place would look like a lost write.
        .env("TODOSTACK_ACCESS_TOKEN_SECONDS", "86400")
        .env("TODOSTACK_LISTEN", format!("127.0.0.1:{listen}"))
        .env("TODOSTACK_OPS_LISTEN", format!("127.0.0.1:{ops}"));
    world.wires.insert("gateway-postgres".into(), wire);
    world.start(part)?;
    let middleman = Middleman::open(listen, seeds.u64(..)).await?;
    world.gateway = format!("http://127.0.0.1:{}", middleman.port());
    world.middlemen.insert("gateway".into(), middleman);
    Ok(())
}

/// Waits until the gateway and every sidecar answer.
pub(super) async fn ready(world: &World) -> Result<()> {
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(5))
        .no_proxy()
        .build()?;
    let mut urls = vec![("gateway".to_owned(), format!("{}/healthz", world.gateway))];
    for role in ROLES {
        let port = world.middlemen[&format!("{role}-out")].port();
        let url = format!("http://127.0.0.1:{port}/v1.0/healthz");
        urls.push((format!("daprd-{role}"), url));
    }
    for (part, url) in urls {
        world
            .eventually(&part, Duration::from_secs(60), async || {
                client.get(&url).send().await?.error_for_status()?;
                Ok(())
            })
            .await?;
    }
    Ok(())
}
