//! docs/mcp.md says of the tools what they say of themselves.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

use rmcp::model::Tool;

const PAGE: &str = include_str!("../../docs/mcp.md");

/// The line of a tool in the page's table.
fn row(tool: &Tool) -> String {
    let hints = tool.annotations.as_ref().unwrap();
    let hint = |hint: Option<bool>| hint.expect("each hint is given");
    let effect = match (
        hint(hints.read_only_hint),
        hint(hints.destructive_hint),
        hint(hints.idempotent_hint),
    ) {
        (true, false, true) => "reads",
        (false, false, false) => "adds",
        (false, false, true) => "settles",
        (false, true, true) => "overwrites",
        other => panic!("{}: no such effect: {other:?}", tool.name),
    };
    let description = tool.description.as_ref().unwrap();
    let first = description.split_inclusive(". ").next().unwrap().trim();
    format!("| `{}` | {effect} | {first} |", tool.name)
}

#[test]
fn the_page_has_a_line_for_each_tool() {
    let rows: Vec<String> = mcp::tools().iter().map(row).collect();
    let written: Vec<&str> = PAGE
        .lines()
        .skip_while(|line| !line.starts_with("| tool |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert_eq!(written, rows, "\n{}", rows.join("\n"));
}

#[test]
fn every_schema_is_one_that_clients_can_read() {
    for tool in mcp::tools() {
        let input = serde_json::Value::Object((*tool.input_schema).clone());
        assert_eq!(input["type"], "object", "{}", tool.name);
        assert_eq!(input["additionalProperties"], false, "{}", tool.name);
        for (name, property) in input["properties"].as_object().unwrap() {
            let described = property.get("description").is_some() || property.get("$ref").is_some();
            assert!(described, "{}: say what {name} is", tool.name);
        }
        let output = tool.output_schema.as_ref().unwrap();
        assert_eq!(output["type"], "object", "{}", tool.name);
    }
}
