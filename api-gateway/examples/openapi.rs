//! Prints the OpenAPI document: `cargo run --package todostack-gateway --example openapi`.

fn main() -> serde_json::Result<()> {
    println!("{}", serde_json::to_string_pretty(&gateway::document())?);
    Ok(())
}
