//! Starts a runtime, and checks that it can start a thread before a name is looked up: a lookup needs a thread, and the runtime panics
//! without it.

use std::time::Duration;
use std::{io, thread};

use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use tokio::runtime::{Builder, Runtime};

/// How long a runtime keeps its thread for lookups: longer than any command, because it might not get another thread.
pub const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// A runtime for asynchronous work on this thread.
///
/// # Errors
/// The system has no resources left.
pub fn runtime() -> Result<Runtime, Failure> {
    Builder::new_current_thread().enable_all().thread_keep_alive(KEPT).build().map_err(|_| {
        let problem = Diagnostic::error(Code::ClusterUnreachable, "the system has no resources left for this run");
        Failure::of("the system", problem.hint("end other programs, and try again"))
    })
}

/// Starts the thread for lookups of this runtime, which keeps it for [`KEPT`].
///
/// # Errors
/// The system starts no further thread: [`io::ErrorKind::WouldBlock`].
pub async fn keep_one() -> io::Result<()> {
    // The runtime panics where this fails.
    let thread = thread::Builder::new().spawn(|| ()).map_err(|_| io::ErrorKind::WouldBlock)?;
    let _ = thread.join();
    let _ = tokio::task::spawn_blocking(|| ()).await;
    Ok(())
}

/// The error: no thread can be started.
pub fn none(code: Code) -> Diagnostic {
    let message = "the system starts no further thread, and the lookup of a host's name needs one";
    Diagnostic::error(code, message).hint(
        "raise the limit of this user's processes (`ulimit -u`), or of those in the container (`pids`), or end other programs",
    )
}
