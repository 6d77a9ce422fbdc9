//! Reaching ports inside the cluster: by a Service's ClusterIP, or by port-forward through the API
//! server, as `kubectl port-forward` does, but to whichever pod is ready at the moment of each
//! connection.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, bail};
use k8s_openapi::{
    api::core::v1::{Pod, Service},
    apimachinery::pkg::util::intstr::IntOrString,
};
use kube::{Api, Client, api::ListParams};

use super::Reach;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// What is to be reached.
#[derive(Debug, Clone)]
pub enum Target {
    /// A port of a Service: a ready pod behind it.
    Service {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Its port (not the pod's).
        port: i32,
    },
    /// A port of a pod, also one that listens on the pod's loopback address only.
    Pod {
        /// Its namespace.
        namespace: String,
        /// Label selector; the first ready pod is taken.
        selector: String,
        /// Its port.
        port: u16,
    },
}

/// An address that leads into the cluster for as long as this value lives.
#[derive(Debug)]
pub struct Forward {
    address: SocketAddr,
    /// What forwards, where something must.
    task: Option<JoinHandle<()>>,
}

impl Forward {
    /// Opens a local port that leads to `target`.
    ///
    /// # Errors
    /// When no local port is to be had.
    pub async fn open(client: Client, target: Target) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("no local port for a port-forward")?;
        let address = listener.local_addr().context("a listener has an address")?;
        let task = tokio::spawn(accept(listener, client, target));
        Ok(Self {
            address,
            task: Some(task),
        })
    }

    /// The way to `target` that `reach` asks for; pods are always reached by port-forward.
    ///
    /// # Errors
    /// When the Service has no address, or no local port is to be had.
    pub async fn reach(client: Client, target: Target, reach: Reach) -> Result<Self> {
        match (&target, reach) {
            (
                Target::Service {
                    namespace,
                    name,
                    port,
                },
                Reach::Service,
            ) => {
                let service = service(&client, namespace, name).await?;
                let spec = service.spec.unwrap_or_default();
                let host = spec.cluster_ip.as_deref().and_then(|ip| ip.parse().ok());
                let host: IpAddr =
                    host.with_context(|| format!("Service {namespace}/{name} has no ClusterIP"))?;
                let port = u16::try_from(*port).context("a port fits 16 bits")?;
                Ok(Self {
                    address: (host, port).into(),
                    task: None,
                })
            }
            _ => Self::open(client, target).await,
        }
    }

    /// The URL of `path` at the other end.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Forwards each connection; they end with the listener.
async fn accept(listener: TcpListener, client: Client, target: Target) {
    let mut connections = JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let (client, target) = (client.clone(), target.clone());
        connections.spawn(async move {
            // A connection that cannot be forwarded is closed: its user sees that and tries again.
            if let Err(error) = forward(connection, client, target).await {
                eprintln!("port-forward: {error:#}");
            }
        });
    }
}

async fn forward(mut connection: TcpStream, client: Client, target: Target) -> Result<()> {
    let (namespace, pod, port) = resolve(&client, &target).await?;
    let pods: Api<Pod> = Api::namespaced(client, &namespace);
    let mut forwarder = pods
        .portforward(&pod, &[port])
        .await
        .with_context(|| format!("to pod {namespace}/{pod}, port {port}"))?;
    let mut stream = forwarder
        .take_stream(port)
        .context("the port asked for is among those forwarded")?;
    // Either side may end the connection without ceremony: a killed pod does.
    let _ = copy_bidirectional(&mut connection, &mut stream).await;
    drop(stream);
    forwarder.abort();
    Ok(())
}

/// The namespace, the name of a ready pod, and its port.
async fn resolve(client: &Client, target: &Target) -> Result<(String, String, u16)> {
    match target {
        Target::Pod {
            namespace,
            selector,
            port,
        } => {
            let pod = ready_pod(client, namespace, selector).await?;
            Ok((namespace.clone(), name_of(&pod), *port))
        }
        Target::Service {
            namespace,
            name,
            port,
        } => {
            let service = service(client, namespace, name).await?;
            let spec = service.spec.unwrap_or_default();
            let ports = spec.ports.unwrap_or_default();
            let wanted = ports
                .into_iter()
                .find(|candidate| candidate.port == *port)
                .with_context(|| format!("Service {namespace}/{name} has no port {port}"))?;
            let selector: Vec<_> = spec.selector.unwrap_or_default().into_iter().collect();
            let selector = selector.iter().map(|(key, value)| format!("{key}={value}"));
            let selector = selector.collect::<Vec<_>>().join(",");
            let pod = ready_pod(client, namespace, &selector).await?;
            let number = match wanted.target_port {
                None => *port,
                Some(IntOrString::Int(number)) => number,
                Some(IntOrString::String(name)) => named_port(&pod, &name)?,
            };
            let number = u16::try_from(number).context("a port fits 16 bits")?;
            Ok((namespace.clone(), name_of(&pod), number))
        }
    }
}

async fn service(client: &Client, namespace: &str, name: &str) -> Result<Service> {
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    services
        .get(name)
        .await
        .with_context(|| format!("Service {namespace}/{name}"))
}

async fn ready_pod(client: &Client, namespace: &str, selector: &str) -> Result<Pod> {
    let pods = Api::<Pod>::namespaced(client.clone(), namespace)
        .list(&ListParams::default().labels(selector))
        .await
        .with_context(|| format!("pods {selector}"))?;
    match pods.items.into_iter().find(is_ready) {
        Some(pod) => Ok(pod),
        None => bail!("no pod with {selector} is ready in namespace {namespace}"),
    }
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|s| s.conditions.as_deref());
    let ready =
        |c: &k8s_openapi::api::core::v1::PodCondition| c.type_ == "Ready" && c.status == "True";
    pod.metadata.deletion_timestamp.is_none() && conditions.unwrap_or_default().iter().any(ready)
}

fn named_port(pod: &Pod, name: &str) -> Result<i32> {
    let containers = pod.spec.as_ref().map_or(&[][..], |spec| &spec.containers);
    containers
        .iter()
        .flat_map(|container| container.ports.iter().flatten())
        .find(|port| port.name.as_deref() == Some(name))
        .map(|port| port.container_port)
        .with_context(|| format!("pod {} has no port named {name}", name_of(pod)))
}

fn name_of(pod: &Pod) -> String {
    pod.metadata.name.clone().unwrap_or_default()
}
