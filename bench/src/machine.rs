//! What the figures were measured on.

use std::fs;

use serde_json::{Value, json};

use crate::Bench;

/// The machine, as far as it says.
pub(crate) fn describe(bench: &Bench) -> Value {
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .map(|rest| rest.trim_start_matches([' ', '\t', ':']).trim().to_owned())
    };
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    json!({
        "processors": std::thread::available_parallelism().map_or(0, usize::from),
        "model": field("/proc/cpuinfo", "model name"),
        "memory": field("/proc/meminfo", "MemTotal"),
        "system": field("/etc/os-release", "PRETTY_NAME="),
        "loadBefore": load.trim(),
        "at": chrono::Utc::now(),
        "quick": bench.quick,
    })
}

/// The machine in one sentence, for Markdown.
pub(crate) fn sentence(machine: &Value) -> String {
    let text = |name: &str| machine[name].as_str().unwrap_or("unknown").to_owned();
    let load = text("loadBefore");
    format!(
        "{} processors ({}), {} of memory, {}; load {} before it began{}.\n",
        machine["processors"],
        text("model"),
        text("memory"),
        text("system").trim_matches('"'),
        load.split(' ').next().unwrap_or_default(),
        if machine["quick"] == true {
            "; a quick run, no measurement"
        } else {
            ""
        },
    )
}
