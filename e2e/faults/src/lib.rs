//! Breaks the parts of a running stack, one after the other, under load, and checks what comes out:
//! see docs/faults.md. Nothing here uses a crate of the services.

pub mod checker;
pub mod gather;
pub mod history;
pub mod injector;
pub mod proxy;
pub mod report;
pub mod sink;
pub mod workload;
pub mod world;
