//! What the controllers share.

use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Resource,
    runtime::events::{Event, EventType, Recorder, Reporter},
};

use crate::{config::Config, mirror::Feed, stack_client::StackClients};

/// What the controllers share.
pub struct Context {
    /// Client of the API server.
    pub client: Client,
    /// The one recorder of events: it aggregates equal ones.
    pub recorder: Recorder,
    /// Settings of the process.
    pub config: Config,
    /// Clients of the stacks' internal APIs.
    pub stacks: StackClients,
    /// What the mirror hears of the stacks' reminders.
    pub feed: Feed,
}

impl Context {
    /// Builds the context around a client.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn new(client: Client, config: Config) -> anyhow::Result<Self> {
        let reporter = Reporter {
            controller: "todostack-operator".into(),
            instance: Some(config.identity.clone()),
        };
        runtime::tls::install_provider();
        let http = reqwest::Client::builder()
            .connect_timeout(std::time::Duration::from_secs(3))
            .user_agent(concat!("todostack-operator/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            recorder: Recorder::new(client.clone(), reporter),
            stacks: StackClients::new(client.clone(), http, &config.internal_url),
            feed: Feed::default(),
            client,
            config,
        })
    }

    /// All objects of a type that the operator watches: of all namespaces, or of the one in the
    /// settings.
    pub fn watched<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        match self.config.watched() {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }

    /// Publishes an event about an object. Meant for transitions, not for every reconcile. A failure
    /// is logged only: an event must never stop a reconcile.
    pub async fn event<K>(&self, about: &K, kind: EventType, reason: &str, action: &str, note: &str)
    where
        K: Resource<DynamicType = ()>,
    {
        let event = Event {
            type_: kind,
            reason: reason.into(),
            note: Some(note.chars().take(1000).collect()),
            action: action.into(),
            secondary: None,
        };
        if let Err(error) = self.recorder.publish(&event, &about.object_ref(&())).await {
            tracing::warn!(%error, reason, "cannot publish an event");
        }
    }
}
