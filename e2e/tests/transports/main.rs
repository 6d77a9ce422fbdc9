//! What every transport must do, held against all of them with real parts: Dapr with Kafka, Dapr with
//! Redis, Kafka directly, in-process. `./justw transports` runs it.
#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod consumer;
mod dapr;
mod direct;
mod laws;
mod parts;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use services::{
    intake::Intake,
    transport::{InProcess, Publisher},
};

/// What topic names begin with.
const PREFIX: &str = "test.st.";

/// For how long an event is tried again before it is a dead letter, here.
const PATIENCE: Duration = Duration::from_secs(3);

/// A transport between one publisher and some consumers.
#[async_trait(?Send)]
trait Transport: Send {
    /// The way out.
    fn publisher(&self) -> Arc<dyn Publisher>;

    /// Ends and starts again what lies in between, with `meanwhile` in the middle.
    async fn interrupt(&mut self, meanwhile: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>);

    /// Puts a message into the topic of task events that may be none of ours; `false`: there is no way
    /// to do that.
    async fn inject(&self, message: &str) -> bool;

    /// Bytes of an event that it surely refuses; none: it takes any.
    fn too_large(&self) -> Option<usize>;

    /// Whether a subject's events stay in their order when a consumer's side dies in between.
    fn keeps_order_when_killed(&self) -> bool {
        true
    }

    /// What its parts said last.
    fn last_words(&self) -> String;
}

struct Process(Arc<InProcess>);

#[async_trait(?Send)]
impl Transport for Process {
    fn publisher(&self) -> Arc<dyn Publisher> {
        self.0.clone()
    }

    async fn interrupt(&mut self, meanwhile: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>) {
        // There is nothing in between.
        meanwhile.await;
    }

    async fn inject(&self, _message: &str) -> bool {
        false
    }

    fn too_large(&self) -> Option<usize> {
        None
    }

    fn last_words(&self) -> String {
        String::new()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_process() {
    laws::check(async |intakes: Vec<Arc<Intake>>| Process(Arc::new(InProcess::new(intakes)))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka() {
    laws::check(direct::start).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dapr_with_kafka() {
    laws::check(dapr::with_kafka).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dapr_with_redis() {
    laws::check(dapr::with_redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dapr_and_kafka_directly_take_each_others_place() {
    direct::hand_over().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_a_kafka_group_come_and_go() {
    direct::come_and_go().await;
}
