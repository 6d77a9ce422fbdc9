//! The allocator of every process that links this crate.
//!
//! glibc 2.36, which the images carry, does not reuse what `memalign` gave: each password hash takes
//! an aligned block of 19 MB, and six sign-ups filled a pod of 256 MiB. mimalloc reuses them. Without
//! transparent huge pages: they would double what a small process takes.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Gives free memory back to the system, for who has just freed much of it: mimalloc keeps it for the
/// next who needs as much. Takes about a millisecond.
#[allow(unsafe_code)]
pub fn return_free_memory() {
    // SAFETY: `mi_collect` takes no pointer, may be called at any time from any thread
    // (<https://microsoft.github.io/mimalloc/group__extended.html>), and touches free memory only.
    unsafe { libmimalloc_sys::mi_collect(true) }
}
