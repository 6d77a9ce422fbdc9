//! Output bindings through a real sidecar. Ignored by `cargo test`, for it takes Dapr built from source:
//! `just test-parts` builds it and runs this.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use domain::reminder::ChannelKind;
use serde_json::json;
use services::notifications::{Senders, binding::Bindings};

use super::{
    attempt,
    table::{Mood, Receivers, store},
};
use crate::{
    receivers::{Running, webhooks},
    support::eventually,
};

struct Daprd {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Daprd {
    /// With an HTTP binding for each mood, by its name.
    async fn start(receiver: u16) -> Self {
        let part = std::env::var("TODOSTACK_TEST_DAPR")
            .expect("TODOSTACK_TEST_DAPR: the folder that holds daprd; `just test-parts` sets it");
        let folder = std::env::temp_dir().join(format!("todostack-daprd-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for mood in [Mood::Takes, Mood::Gone] {
            let name = mood.word();
            let url = format!("http://127.0.0.1:{receiver}/dapr/{name}");
            // JSON is YAML too.
            let component = json!({
                "apiVersion": "dapr.io/v1alpha1", "kind": "Component",
                "metadata": {"name": name},
                "spec": {
                    "type": "bindings.http", "version": "v1",
                    "metadata": [{"name": "url", "value": url}],
                },
            });
            fs::write(folder.join(format!("{name}.yaml")), component.to_string()).unwrap();
        }
        let [port, grpc, internal] = store::testing::free_ports();
        // The kernel ends it with us, however we end.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(PathBuf::from(part).join("daprd"))
            .args(["--mode", "standalone", "--app-id", "st-notifications"])
            .args(["--dapr-http-port", &port.to_string()])
            .args(["--dapr-grpc-port", &grpc.to_string()])
            .args(["--dapr-internal-grpc-port", &internal.to_string()])
            .args(["--dapr-listen-addresses", "127.0.0.1"])
            .args(["--enable-metrics=false", "--log-level", "warn"])
            .arg("--resources-path")
            .arg(&folder)
            .stdout(Stdio::null())
            .spawn()
            .expect("start daprd");
        let daprd = Self {
            child,
            port,
            folder,
        };
        runtime::tls::install_provider();
        let http = reqwest::Client::new();
        let url = format!("http://127.0.0.1:{port}/v1.0/healthz/outbound");
        eventually("daprd is ready", async || {
            let answer = http.get(&url).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
        daprd
    }
}

impl Drop for Daprd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
#[ignore = "takes Dapr built from source: just test-parts"]
async fn a_reminder_leaves_by_an_output_binding_of_a_real_sidecar() {
    let receivers = Receivers::start().await;
    let daprd = Daprd::start(receivers.port).await;
    let pool = store::testing::database().await;
    let names = [Mood::Takes, Mood::Gone].map(|mood| mood.word().to_owned());
    let senders = Senders {
        bindings: Some(Bindings::new(daprd.port, names).unwrap()),
        ..webhooks().into()
    };
    let running = Running::start(&pool, senders).await;
    let seen = |mood: Mood| {
        let path = format!("/dapr/{}", mood.word());
        let all = receivers.web.seen.lock().unwrap().clone();
        all.into_iter().filter(move |seen| seen.path == path)
    };
    let channel = store(&pool, ChannelKind::Binding, Mood::Takes.word(), "").await;
    let row = attempt(&pool, &running, &channel).await;
    assert_eq!((row.state.as_str(), row.error()), ("Delivered", ""));
    let came: Vec<_> = seen(Mood::Takes).map(|seen| seen.json()).collect();
    assert_eq!(came.len(), 1);
    assert_eq!(came[0]["type"], "reminder.due");
    assert_eq!(came[0]["id"], row.idempotency_key.to_string());
    assert_eq!(came[0]["title"], "Water <b>Ficus</b> & Günter");

    // What lies behind the binding refuses it: Dapr says 500, and it is tried again.
    let channel = store(&pool, ChannelKind::Binding, Mood::Gone.word(), "").await;
    let row = attempt(&pool, &running, &channel).await;
    assert_eq!(row.state, "Pending");
    assert!(row.error().contains("500"), "{row:?}");
    assert_eq!(seen(Mood::Gone).count(), 1);
    running.end().await;
}
