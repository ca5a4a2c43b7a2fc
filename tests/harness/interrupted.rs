//! Kills a run at a given moment.

use std::fs;
use std::path::Path;
use std::process::Child;

/// The moment of the kill: a state of the folder that is observed, or the end of the run; never a time.
#[derive(Clone, Copy, Debug)]
pub enum Moment {
    /// Some temporaries are written.
    Staging,
    /// The journal is complete, and this many temporaries are in their places.
    Published(usize),
}

/// The state after a kill.
#[derive(Debug, PartialEq, Eq)]
pub enum Left {
    /// Nothing to complete: the kill came too early or too late.
    Nothing,
    /// Temporaries, and the tree as it was.
    Temporaries,
    /// A journal: the tree may be old in part, and new in part.
    Journal,
}

/// Waits for the moment, kills the run, and returns what is left.
pub fn kill(mut child: Child, root: &Path, moment: Moment) -> Left {
    let folder = root.join(".regcred-new");
    let journal = folder.join("lock");
    let has_come = || match moment {
        // Apart from the .gitignore.
        Moment::Staging => fs::read_dir(&folder).is_ok_and(|files| files.count() > 1),
        Moment::Published(0) => journal.exists(),
        Moment::Published(count) => journal.exists() && !folder.join((count - 1).to_string()).exists(),
    };
    while !has_come() && child.try_wait().unwrap().is_none() {}
    child.kill().unwrap();
    child.wait().unwrap();
    match (journal.exists(), folder.exists()) {
        (true, _) => Left::Journal,
        (false, true) => Left::Temporaries,
        (false, false) => Left::Nothing,
    }
}
