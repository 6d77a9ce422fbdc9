//! Topics, through Kafka's admin protocol. Redpanda speaks it too.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rdkafka::{
    ClientConfig, ClientContext,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication, TopicResult},
    config::RDKafkaLogLevel,
    producer::{BaseProducer, DeliveryResult, Producer, ProducerContext},
    types::RDKafkaErrorCode,
};

/// A broker that takes longer than this to answer has failed.
const TIMEOUT: Duration = Duration::from_secs(8);

/// How to reach the brokers. Holds a password, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Connection {
    /// `host:port` of some brokers.
    pub brokers: Vec<String>,
    /// SASL log-in.
    pub sasl: Option<Sasl>,
    /// TLS.
    pub tls: Option<Tls>,
}

/// SASL log-in.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sasl {
    /// As librdkafka spells it: `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`.
    pub mechanism: &'static str,
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
}

/// TLS.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Tls {
    /// CA certificate in PEM; absent: the public CAs of the image.
    pub ca: Option<String>,
}

/// A topic to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Partitions.
    pub partitions: i32,
    /// Replicas.
    pub replication: i32,
    /// How long it keeps events.
    pub retention: Duration,
}

/// What went wrong, for a person; without secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KafkaError(String);

impl Connection {
    /// Names of all topics that we may see.
    ///
    /// # Errors
    /// When no broker can be reached or it refuses us.
    pub async fn topics(&self) -> Result<BTreeSet<String>, KafkaError> {
        self.run(|client| {
            // All of them: asking for one by name would make it, where brokers do so by themselves.
            let metadata = client
                .inner()
                .fetch_metadata(None, TIMEOUT)
                .map_err(|error| error.to_string())?;
            Ok(metadata
                .topics()
                .iter()
                .filter(|topic| topic.error().is_none())
                .map(|topic| topic.name().to_owned())
                .collect())
        })
        .await
    }

    /// Makes topics; one that exists is left as it is.
    ///
    /// # Errors
    /// When a broker cannot be reached or refuses, such as for more replicas than brokers.
    pub async fn create(&self, topics: Vec<Topic>) -> Result<(), KafkaError> {
        self.run(move |client| {
            let retention: Vec<String> = topics
                .iter()
                .map(|topic| topic.retention.as_millis().to_string())
                .collect();
            let new: Vec<NewTopic<'_>> = topics
                .iter()
                .zip(&retention)
                .map(|(topic, retention)| {
                    NewTopic::new(
                        &topic.name,
                        topic.partitions,
                        TopicReplication::Fixed(topic.replication),
                    )
                    .set("retention.ms", retention)
                })
                .collect();
            let results = wait(client.create_topics(&new, &options()))?;
            verdict(results, RDKafkaErrorCode::TopicAlreadyExists)
        })
        .await
    }

    /// Deletes topics; one that does not exist is no error.
    ///
    /// # Errors
    /// When a broker cannot be reached or refuses.
    pub async fn delete(&self, topics: Vec<String>) -> Result<(), KafkaError> {
        self.run(move |client| {
            let names: Vec<&str> = topics.iter().map(String::as_str).collect();
            let results = wait(client.delete_topics(&names, &options()))?;
            verdict(results, RDKafkaErrorCode::UnknownTopicOrPartition)
        })
        .await
    }

    /// Opens a client for one piece of work. librdkafka blocks, even when it is closed.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&AdminClient<Quiet>) -> Result<T, String> + Send + 'static,
    ) -> Result<T, KafkaError> {
        let config = self.config();
        let brokers = self.brokers.join(",");
        tokio::task::spawn_blocking(move || {
            let client: AdminClient<Quiet> = config
                .create_with_context(Quiet::default())
                .map_err(|error| error.to_string())?;
            work(&client).map_err(|error| cause(&config).unwrap_or(error))
        })
        .await
        .unwrap_or_else(|panic| Err(panic.to_string()))
        .map_err(|error| KafkaError(format!("Kafka at {brokers}: {error}")))
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.brokers.join(","))
            .set("client.id", "todostack-operator")
            .set("socket.connection.setup.timeout.ms", "5000")
            .set("log_level", "0");
        config.set(
            "security.protocol",
            match (&self.sasl, &self.tls) {
                (None, None) => "plaintext",
                (None, Some(_)) => "ssl",
                (Some(_), None) => "sasl_plaintext",
                (Some(_), Some(_)) => "sasl_ssl",
            },
        );
        if let Some(sasl) = &self.sasl {
            config
                .set("sasl.mechanisms", sasl.mechanism)
                .set("sasl.username", &sasl.username)
                .set("sasl.password", &sasl.password);
        }
        if let Some(tls) = &self.tls {
            match &tls.ca {
                Some(pem) => config.set("ssl.ca.pem", pem),
                None => config.set("ssl.ca.location", "probe"),
            };
        }
        config
    }
}

/// Why no broker can be talked to, such as a wrong password: an admin client knows only that it
/// cannot, a producer is told why.
fn cause(config: &ClientConfig) -> Option<String> {
    let context = Quiet::default();
    let producer: BaseProducer<Quiet> = config.create_with_context(context.clone()).ok()?;
    // If it works after all, there is nothing to tell.
    let tried = producer
        .client()
        .fetch_metadata(None, Duration::from_secs(2));
    tried.err()?;
    producer.poll(Duration::from_millis(100));
    let heard = context.0.lock().unwrap_or_else(PoisonError::into_inner);
    heard.clone()
}

/// Keeps the first thing that went wrong. Everything is returned to the caller, so nothing is logged.
#[derive(Clone, Default)]
struct Quiet(Arc<Mutex<Option<String>>>);

impl ClientContext for Quiet {
    fn log(&self, _level: RDKafkaLogLevel, _facility: &str, _message: &str) {}

    fn error(&self, error: rdkafka::error::KafkaError, reason: &str) {
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                // How long it took differs each time, and what is said ends up in a status.
                .get_or_insert_with(|| match reason.split_once(" (after ") {
                    Some((reason, _)) => reason.to_owned(),
                    None => reason.to_owned(),
                });
        }
    }
}

impl ProducerContext for Quiet {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): Self::DeliveryOpaque) {}
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(TIMEOUT))
        .operation_timeout(Some(TIMEOUT))
}

/// Waits on a thread that may block.
fn wait<T>(
    future: impl Future<Output = Result<T, rdkafka::error::KafkaError>>,
) -> Result<T, String> {
    futures::executor::block_on(future).map_err(|error| error.to_string())
}

fn verdict(results: Vec<TopicResult>, harmless: RDKafkaErrorCode) -> Result<(), String> {
    let failed: Vec<String> = results
        .into_iter()
        .filter_map(Result::err)
        .filter(|(_, code)| *code != harmless)
        .map(|(topic, code)| format!("topic {topic}: {code}"))
        .collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(failed.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        Connection {
            brokers: vec!["a:9092".into(), "b:9092".into()],
            sasl: None,
            tls: None,
        }
    }

    #[test]
    fn the_protocol_follows_from_log_in_and_tls() {
        let sasl = Some(Sasl {
            mechanism: "SCRAM-SHA-256",
            username: "u".into(),
            password: "p".into(),
        });
        let tls = Some(Tls { ca: None });
        for (sasl, tls, expected) in [
            (None, None, "plaintext"),
            (None, tls.clone(), "ssl"),
            (sasl.clone(), None, "sasl_plaintext"),
            (sasl, tls, "sasl_ssl"),
        ] {
            let config = Connection {
                sasl,
                tls,
                ..connection()
            }
            .config();
            assert_eq!(config.get("security.protocol"), Some(expected));
            assert_eq!(config.get("bootstrap.servers"), Some("a:9092,b:9092"));
        }
    }

    #[test]
    fn a_topic_that_is_there_already_is_no_failure() {
        let there = Err(("t".to_owned(), RDKafkaErrorCode::TopicAlreadyExists));
        assert_eq!(
            verdict(
                vec![there.clone(), Ok("u".into())],
                RDKafkaErrorCode::TopicAlreadyExists
            ),
            Ok(())
        );
        assert!(verdict(vec![there], RDKafkaErrorCode::UnknownTopicOrPartition).is_err());
    }

    #[tokio::test]
    async fn brokers_out_of_reach_are_named() {
        // Port 1 of loopback: nothing listens there.
        let error = Connection {
            brokers: vec!["127.0.0.1:1".into()],
            ..connection()
        }
        .topics()
        .await
        .expect_err("no broker");
        let message = error.to_string();
        assert!(message.contains("127.0.0.1:1"), "{message}");
        assert!(message.ends_with("Connection refused"), "{message}");
    }
}
