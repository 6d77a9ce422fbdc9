//! MCP at `/mcp`, by the client of rmcp over a real connection.

mod client;
mod http;
mod limits;
mod resources;
mod tools;
