//! Keeps the memory of this process, which holds logins, from other processes and from core files.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Keeps other processes of this user from reading the memory or `/proc/PID/environ`, and the kernel from writing a core file. Programs
/// that this process starts inherit the limit for core files.
///
/// If the kernel refuses, the program goes on, as safe as without this call.
pub fn protect() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}
