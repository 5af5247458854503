//! What this process does so that the keys in its memory stay there.
//!
//! Called once by `cli`, before anything is read. It needs no privilege, and a system that knows none of it is no
//! reason not to start.

use rustix::process::{Resource, Rlimit, setrlimit};

/// With `allow` in it the process leaves core dumps and lets its user look into it, for debugging.
pub(super) const VARIABLE: &str = "BACKSTOP_CORE_DUMPS";

/// Whether somebody wants to look into this process.
pub(super) fn open() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|value| value == "allow")
}

/// No core dump of this process, and no other process of the same user may look into its memory, its environment
/// or its open files.
pub(super) fn harden() {
    if open() {
        return;
    }
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // Lowering a limit of one's own is always allowed; a failure here would be a kernel without it.
    let _ = setrlimit(Resource::Core, none);
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
