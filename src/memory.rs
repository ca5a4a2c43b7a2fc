//! Keeps the memory of this process, which holds logins, from other processes and from core files.

/// Forbids other processes of this user to read the memory or `/proc/PID/environ`, and the kernel to write a core file. Programs that
/// this process starts inherit the second.
///
/// Where the kernel refuses, the program goes on: it is no less safe than without.
pub fn protect() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
}
