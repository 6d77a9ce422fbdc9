//! What helps to understand a failure, printed while the cluster still knows it.

use super::{
    Cluster,
    stack::{NAMESPACE, OPERATOR_NAMESPACE, STACK},
};

/// Lines of each log.
const TAIL: usize = 60;

impl Cluster {
    /// Objects, events and the ends of the logs, as text.
    pub async fn dump(&self) -> String {
        let logs = |namespace: &str, selector: &str| {
            format!(
                "logs --namespace {namespace} --selector {selector} --all-containers --prefix --tail {TAIL} --max-log-requests 40"
            )
        };
        let of_stack = format!("app.kubernetes.io/instance={STACK}");
        let commands = [
            "get todostacks,recurringschedules,reminderjobs,deployment,pod,job --all-namespaces --output wide".into(),
            format!("describe todostacks --namespace {NAMESPACE}"),
            format!("describe reminderjob --namespace {NAMESPACE}"),
            format!("get event --namespace {NAMESPACE} --sort-by .lastTimestamp"),
            format!("describe pod --namespace {NAMESPACE} --selector {of_stack}"),
            logs(NAMESPACE, &of_stack),
            logs(OPERATOR_NAMESPACE, "app.kubernetes.io/name=todostack-operator"),
        ];
        let mut text = String::new();
        for command in commands {
            // One that fails must not hide the others.
            let said = match self.try_kubectl(command.split_whitespace(), None).await {
                Ok(ran) => format!("{}{}", ran.stdout, ran.stderr),
                Err(error) => format!("{error:#}\n"),
            };
            text.push_str(&format!("\n==> kubectl {command}\n{said}"));
        }
        text
    }
}
