//! Settings of the process, by environment variable or flag. None of them is a secret.

use std::net::SocketAddr;

use clap::Parser;

/// Kubernetes operator of to-do platforms: TodoStack, RecurringSchedule and ReminderJob.
#[derive(Clone, Debug, Parser)]
#[command(name = "todostack-operator", version)]
pub struct Config {
    /// Image of stacks that name none.
    #[arg(
        long,
        env = "TODOSTACK_DEFAULT_IMAGE",
        default_value = concat!("ghcr.io/todostack/todostack:", env!("CARGO_PKG_VERSION"))
    )]
    pub default_image: String,
    /// Watch this namespace only; absent or empty: all of them.
    #[arg(long, env = "TODOSTACK_WATCH_NAMESPACE", value_parser = not_empty)]
    pub watch_namespace: Option<Namespace>,
    /// Namespace of the lease: the operator's own.
    #[arg(long, env = "POD_NAMESPACE", default_value = "default")]
    pub namespace: String,
    /// Who holds the lease and reports events: the pod's name.
    #[arg(long, env = "POD_NAME", default_value = "todostack-operator")]
    pub identity: String,
    /// Name of the lease.
    #[arg(long, env = "TODOSTACK_LEASE", default_value = "todostack-operator")]
    pub lease: String,
    /// Where health and metrics are served.
    #[arg(long, env = "TODOSTACK_OPS_LISTEN", default_value = "0.0.0.0:8080")]
    pub ops_listen: SocketAddr,
    /// Address of a stack's internal API; `{stack}` and `{namespace}` are filled in.
    #[arg(
        long,
        env = "TODOSTACK_INTERNAL_URL",
        default_value = "http://{stack}-reminders.{namespace}.svc:8081"
    )]
    pub internal_url: String,
    /// What is logged, as `tracing` filter directives.
    #[arg(long, env = "TODOSTACK_LOG", default_value = "info,kube=warn")]
    pub log: String,
}

/// A namespace, or none when the text is empty: charts pass an empty variable for "all".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace(Option<String>);

#[allow(clippy::unnecessary_wraps)] // what clap asks of a value parser
fn not_empty(text: &str) -> Result<Namespace, std::convert::Infallible> {
    Ok(Namespace(
        Some(text.trim().to_owned()).filter(|name| !name.is_empty()),
    ))
}

impl Config {
    /// The one namespace to watch; `None`: all.
    pub fn watched(&self) -> Option<&str> {
        self.watch_namespace.as_ref()?.0.as_deref()
    }

    /// Address of the internal API of a stack, see `domain::internal_api`.
    pub fn internal_url(&self, namespace: &str, stack: &str) -> String {
        self.internal_url
            .replace("{stack}", stack)
            .replace("{namespace}", namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_namespace_means_all() {
        let all = Config::parse_from(["operator", "--watch-namespace", ""]);
        assert_eq!(all.watched(), None);
        let one = Config::parse_from(["operator", "--watch-namespace", "team"]);
        assert_eq!(one.watched(), Some("team"));
    }

    #[test]
    fn the_internal_address_names_the_stack() {
        let config = Config::parse_from(["operator"]);
        assert_eq!(
            config.internal_url("team", "demo"),
            "http://demo-reminders.team.svc:8081"
        );
    }
}
