//! What an assistant can do with a user's tasks, by the Model Context Protocol (MCP).
//!
//! A tool is a thin, typed layer over the REST interface: it makes requests of it, through a [`Transport`],
//! with the token of whoever calls. So authorisation, validation, rate limits and idempotency are those of the
//! REST interface, and a tool can never do more than that. The gateway's transport is its own router, in its
//! process; that of `todostack mcp` is HTTP.
//!
//! What users wrote reaches a client as data only: in results of tools and contents of resources, never in
//! instructions, descriptions or prompts.

mod api;
mod bound;
mod prompts;
mod refusal;
mod resources;
mod server;
mod tool;
mod tools;
mod transport;
mod view;

pub use server::Server;
pub use tools::all as tools;
pub use transport::{Transport, Unreachable};
