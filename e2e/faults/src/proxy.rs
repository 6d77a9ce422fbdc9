//! What stands between the parts: wires that can be cut ([`Wire`]), and a middleman between a sidecar
//! and its app that repeats, reorders, loses and swallows calls ([`Middleman`]).

mod middleman;
mod wire;

pub use middleman::{Manners, Middleman};
pub use wire::Wire;
