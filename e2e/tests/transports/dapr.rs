//! Dapr's pub/sub, over Kafka and over Redis.

use std::{pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::event::{Topic, dead_letter_topic};
use faults::world::Part;
use serde_json::{Value, json};
use services::{
    dapr::{DaprPublisher, Sidecar},
    intake::Intake,
    subscriptions::{for_sidecar, routes},
    transport::Publisher,
};

use crate::{
    PATIENCE, PREFIX, Transport,
    direct::{produce, topics},
    parts::{Ground, Kafka, Redis, component, eventually, object, sidecar},
};

/// Between two attempts of a sidecar.
const PAUSE: Duration = Duration::from_millis(300);

enum Broker {
    Kafka(Kafka),
    Redis(Redis),
}

pub(crate) struct Dapr {
    ground: Ground,
    broker: Broker,
    /// The publisher's sidecar, then each consumer's.
    sidecars: Vec<Part>,
    publisher: Arc<DaprPublisher>,
}

pub(crate) async fn with_kafka(intakes: Vec<Arc<Intake>>) -> Dapr {
    let ground = Ground::new();
    let kafka = Kafka::start(&ground).await;
    kafka.topics(&ground, &topics(&intakes)).await;
    // As operator/src/todo_stack/specs/dapr.rs.
    let metadata = [
        ("brokers", kafka.brokers.clone()),
        ("clientID", "st-dapr".into()),
        ("consumerID", "test.{appID}".into()),
        ("initialOffset", "oldest".into()),
        ("version", "2.8.0".into()),
        ("authType", "none".into()),
    ];
    let pubsub = component("pubsub.kafka", &metadata);
    start(ground, Broker::Kafka(kafka), &pubsub, true, intakes).await
}

pub(crate) async fn with_redis(intakes: Vec<Arc<Intake>>) -> Dapr {
    let ground = Ground::new();
    let redis = Redis::start(&ground);
    redis.ready().await;
    // docs/events.md says why each is as it is.
    let metadata = [
        ("redisHost", format!("127.0.0.1:{}", redis.port)),
        ("redisPassword", String::new()),
        ("concurrency", "1".into()),
        ("processingTimeout", "8s".into()),
        ("redeliverInterval", "1s".into()),
    ];
    let pubsub = component("pubsub.redis", &metadata);
    start(ground, Broker::Redis(redis), &pubsub, false, intakes).await
}

async fn start(
    ground: Ground,
    broker: Broker,
    pubsub: &Value,
    bulk: bool,
    intakes: Vec<Arc<Intake>>,
) -> Dapr {
    let retries = PATIENCE.as_millis() / PAUSE.as_millis();
    let resiliency = object(
        "v1alpha1",
        "Resiliency",
        "resiliency",
        json!({
            "policies": {
                "timeouts": {"consume": "30s"},
                "retries": {"consume": {
                    "policy": "constant", "duration": "300ms", "maxRetries": retries,
                }},
            },
            "targets": {"components": {
                "pubsub": {"inbound": {"timeout": "consume", "retry": "consume"}},
            }},
        }),
    );
    let mut sidecars = Vec::new();
    let (part, http) = sidecar(&ground, "st-relay", None, std::slice::from_ref(pubsub));
    sidecars.push(part);
    let to_sidecar = Sidecar::new(http).unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    eventually("the publisher's sidecar is ready", async || {
        let url = format!("http://127.0.0.1:{http}/v1.0/healthz/outbound");
        let answer = client.get(url).send().await.ok()?;
        answer.status().is_success().then_some(())
    })
    .await;
    for intake in intakes {
        let name = intake.name();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut objects = vec![pubsub.clone(), resiliency.clone()];
        let dead_letters = format!("{PREFIX}{}", dead_letter_topic(name));
        for topic in intake.topics() {
            let topic = topic.as_str();
            let mut spec = json!({
                "pubsubname": "pubsub",
                "topic": format!("{PREFIX}{topic}"),
                "routes": {"default": format!("/events/{topic}")},
                "deadLetterTopic": dead_letters,
            });
            if bulk {
                spec["bulkSubscribe"] =
                    json!({"enabled": true, "maxMessagesCount": 500, "maxAwaitDurationMs": 10});
            }
            objects.push(object("v2alpha1", "Subscription", topic, spec));
        }
        let mut spec = json!({
            "pubsubname": "pubsub",
            "topic": dead_letters,
            "routes": {"default": "/dead-letters"},
            "metadata": {"rawPayload": "true"},
        });
        if bulk {
            spec["bulkSubscribe"] =
                json!({"enabled": true, "maxMessagesCount": 100, "maxAwaitDurationMs": 100});
        }
        objects.push(object("v2alpha1", "Subscription", "dead-letters", spec));
        let router = for_sidecar(routes(intake.clone()), None);
        tokio::spawn(async move { axum::serve(listener, router).await });
        let (part, _) = sidecar(&ground, &format!("st-{name}"), Some(port), &objects);
        sidecars.push(part);
    }
    Dapr {
        ground,
        broker,
        sidecars,
        publisher: Arc::new(DaprPublisher {
            sidecar: to_sidecar,
            pubsub: "pubsub".into(),
            prefix: PREFIX.into(),
        }),
    }
}

impl Dapr {
    pub(crate) fn kafka(&self) -> &Kafka {
        match &self.broker {
            Broker::Kafka(kafka) => kafka,
            Broker::Redis(_) => panic!("this one has Redis"),
        }
    }

    /// Ends the consumers' sidecars for good.
    pub(crate) fn stop_consumers(&mut self) {
        for sidecar in &mut self.sidecars[1..] {
            sidecar.kill();
        }
    }
}

#[async_trait(?Send)]
impl Transport for Dapr {
    fn publisher(&self) -> Arc<dyn Publisher> {
        self.publisher.clone()
    }

    /// The broker and every sidecar are killed.
    async fn interrupt(&mut self, meanwhile: Pin<Box<dyn Future<Output = ()> + Send>>) {
        let broker = match &mut self.broker {
            Broker::Kafka(kafka) => &mut kafka.part,
            Broker::Redis(redis) => &mut redis.part,
        };
        broker.kill();
        meanwhile.await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        broker.start().unwrap();
        // A sidecar that begins while its broker is away ends again. Where pods run it is started
        // anew; here it is started once.
        match &self.broker {
            Broker::Kafka(kafka) => kafka.topics(&self.ground, &topics(&[])).await,
            Broker::Redis(redis) => redis.ready().await,
        }
        for sidecar in &mut self.sidecars {
            sidecar.kill();
            sidecar.start().unwrap();
        }
    }

    async fn inject(&self, message: &str) -> bool {
        match &self.broker {
            Broker::Kafka(kafka) => produce(&kafka.brokers, message).await,
            Broker::Redis(redis) => {
                redis.append(&format!("{PREFIX}{}", Topic::TaskEvents.as_str()), message)
            }
        }
        true
    }

    fn too_large(&self) -> Option<usize> {
        // The sidecar's own limit of a body is 4 MB, whatever lies behind it.
        Some(6_000_000)
    }

    fn keeps_order_when_killed(&self) -> bool {
        // What a sidecar had taken from a stream comes again behind what came after it.
        matches!(self.broker, Broker::Kafka(_))
    }

    fn last_words(&self) -> String {
        ["daprd-st-relay", "daprd-st-audit", "daprd-st-recurrence"]
            .map(|name| format!("{name}:\n{}", self.ground.last_words(name)))
            .join("\n")
    }
}
