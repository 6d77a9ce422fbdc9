//! Kafka without a sidecar (`TODOSTACK_TRANSPORT=kafka`): the same topics, partitions, consumer groups
//! and messages as Dapr's `pubsub.kafka`, so that a stack can go from one to the other.
//!
//! Messages are CloudEvents in structured JSON
//! (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md>).

mod partition;
mod publisher;
pub mod reader;
mod subscriber;

use std::fmt;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use rdkafka::{
    ClientConfig, ClientContext, config::RDKafkaLogLevel, consumer::ConsumerContext,
    error::KafkaError,
};

pub use partition::Patience;
pub use publisher::KafkaPublisher;
pub use subscriber::{Subscriber, Subscription};

/// How to reach the brokers. `Debug` shows no password.
#[derive(Args, Clone, Default)]
pub struct KafkaArgs {
    /// `host:port` of some brokers, separated by commas (transport `kafka`).
    #[arg(long, env = "TODOSTACK_KAFKA_BROKERS", value_delimiter = ',')]
    pub kafka_brokers: Vec<String>,
    /// How to log in to them; absent: not at all.
    #[arg(long, env = "TODOSTACK_KAFKA_SASL_MECHANISM", value_enum, requires_all = ["kafka_sasl_username", "kafka_sasl_password"])]
    pub kafka_sasl_mechanism: Option<SaslMechanism>,
    /// User name of the log-in.
    #[arg(
        long,
        env = "TODOSTACK_KAFKA_SASL_USERNAME",
        requires = "kafka_sasl_mechanism"
    )]
    pub kafka_sasl_username: Option<String>,
    /// Its password.
    #[arg(
        long,
        env = "TODOSTACK_KAFKA_SASL_PASSWORD",
        hide_env_values = true,
        requires = "kafka_sasl_mechanism"
    )]
    pub kafka_sasl_password: Option<String>,
    /// TLS to the brokers.
    #[arg(long, env = "TODOSTACK_KAFKA_TLS", default_value_t = false, action = clap::ArgAction::Set)]
    pub kafka_tls: bool,
    /// CA certificates in PEM that are trusted; absent: the public ones.
    #[arg(long, env = "TODOSTACK_KAFKA_TLS_CA", requires = "kafka_tls")]
    pub kafka_tls_ca: Option<String>,
}

/// SASL mechanisms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SaslMechanism {
    /// RFC 4616.
    #[value(name = "PLAIN")]
    Plain,
    /// RFC 7677.
    #[value(name = "SCRAM-SHA-256")]
    ScramSha256,
    /// As RFC 7677, with SHA-512.
    #[value(name = "SCRAM-SHA-512")]
    ScramSha512,
}

impl SaslMechanism {
    fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl fmt::Debug for KafkaArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaArgs")
            .field("kafka_brokers", &self.kafka_brokers)
            .field("kafka_sasl_mechanism", &self.kafka_sasl_mechanism)
            .field("kafka_sasl_username", &self.kafka_sasl_username)
            .field(
                "kafka_sasl_password",
                &self.kafka_sasl_password.as_ref().map(|_| "hidden"),
            )
            .field("kafka_tls", &self.kafka_tls)
            .field("kafka_tls_ca", &self.kafka_tls_ca)
            .finish()
    }
}

impl KafkaArgs {
    /// What every client is made with.
    ///
    /// # Errors
    /// When no brokers are given.
    fn config(&self) -> anyhow::Result<ClientConfig> {
        anyhow::ensure!(
            !self.kafka_brokers.is_empty(),
            "TODOSTACK_KAFKA_BROKERS must name the brokers, such as kafka-0:9092,kafka-1:9092"
        );
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.kafka_brokers.join(","))
            .set("client.id", "todostack")
            .set("socket.connection.setup.timeout.ms", "5000")
            .set("reconnect.backoff.max.ms", "1000")
            // A topic that is made while we run is found.
            .set("topic.metadata.refresh.interval.ms", "10000")
            .set(
                "security.protocol",
                match (self.kafka_sasl_mechanism, self.kafka_tls) {
                    (None, false) => "plaintext",
                    (None, true) => "ssl",
                    (Some(_), false) => "sasl_plaintext",
                    (Some(_), true) => "sasl_ssl",
                },
            );
        if let Some(mechanism) = self.kafka_sasl_mechanism {
            let given = self
                .kafka_sasl_username
                .as_deref()
                .zip(self.kafka_sasl_password.as_deref());
            let (username, password) =
                given.context("a SASL mechanism needs a user name and a password")?;
            config
                .set("sasl.mechanisms", mechanism.as_str())
                .set("sasl.username", username)
                .set("sasl.password", password);
        }
        if self.kafka_tls {
            match &self.kafka_tls_ca {
                Some(pem) => config.set("ssl.ca.pem", pem),
                None => config.set("ssl.ca.location", "probe"),
            };
        }
        Ok(config)
    }
}

/// Sends what librdkafka says to our log.
#[derive(Clone, Copy)]
struct Logged;

impl ClientContext for Logged {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "Kafka");
    }
}

impl ConsumerContext for Logged {}

/// What goes wrong is told as an error too; once is enough.
fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(facility, message, "Kafka");
        }
        _ => tracing::debug!(facility, message, "Kafka"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Given {
        #[command(flatten)]
        kafka: KafkaArgs,
    }

    fn parse(arguments: &[&str]) -> Result<KafkaArgs, clap::Error> {
        Given::try_parse_from([&["x"], arguments].concat()).map(|given| given.kafka)
    }

    const LOG_IN: [&str; 6] = [
        "--kafka-sasl-mechanism",
        "SCRAM-SHA-512",
        "--kafka-sasl-username",
        "u",
        "--kafka-sasl-password",
        "swordfish",
    ];

    #[test]
    fn the_protocol_follows_from_log_in_and_tls_and_the_password_is_not_shown() {
        let brokers = ["--kafka-brokers", "a:9092,b:9092"];
        let tls = ["--kafka-tls", "true"];
        for (arguments, expected) in [
            (brokers.to_vec(), "plaintext"),
            ([&brokers[..], &tls].concat(), "ssl"),
            ([&brokers[..], &LOG_IN].concat(), "sasl_plaintext"),
            ([&brokers[..], &LOG_IN, &tls].concat(), "sasl_ssl"),
        ] {
            let args = parse(&arguments).unwrap();
            let config = args.config().unwrap();
            assert_eq!(config.get("security.protocol"), Some(expected));
            assert_eq!(config.get("bootstrap.servers"), Some("a:9092,b:9092"));
            assert!(!format!("{args:?}").contains("swordfish"));
        }
    }

    #[test]
    fn half_a_log_in_is_refused_and_so_are_no_brokers() {
        assert!(parse(&LOG_IN[..4]).is_err());
        assert!(parse(&LOG_IN[2..]).is_err());
        assert!(parse(&["--kafka-sasl-mechanism", "SHA-512"]).is_err());
        let error = parse(&[]).unwrap().config().unwrap_err().to_string();
        assert!(error.contains("TODOSTACK_KAFKA_BROKERS"), "{error}");
    }
}
