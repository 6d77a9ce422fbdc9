//! The allocator of every process that links this crate.
//!
//! glibc 2.36, which the images carry, does not reuse what `memalign` gave: each password hash takes
//! an aligned block of 19 MB, and six sign-ups filled a pod of 256 MiB. mimalloc reuses them.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;
