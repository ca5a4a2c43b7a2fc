//! Records runs in which a controller fails if it trusts the last state that it saw: at least one run for each pattern of Sieve.
//!
//! The model runs them, and `tests/real/controller_replay.rs` replays them on the real API server.

use Step::{
    Account, Begin, BeginStale, Crash, CrashToStale, Create, Delete, DeleteSecret, Drift, End, Exclude, Foreign, Late,
    Miss, Refer, Rotate, See, Unheard, Unrefer,
};

/// The events of a run.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Somebody creates a namespace or a ServiceAccount.
    Create(usize),
    Account(usize, usize),
    Delete(usize),
    /// A namespace opts out, or in again.
    Exclude(usize),
    /// Somebody creates or deletes a Secret with our name, or changes the content of ours.
    Foreign(usize),
    DeleteSecret(usize),
    Drift(usize),
    /// Somebody adds another reference, or removes ours.
    Refer(usize, usize),
    Unrefer(usize, usize),
    /// A watch shows its next change.
    See(usize),
    /// The machine starts a write; the API server answers one.
    Begin,
    End(usize),
    /// The API server executes a write, but the replica gets an error.
    Unheard(usize),
    /// The replica dies, and another one starts.
    Crash,
    /// A write of a dead replica comes late.
    Late(usize),
    /// A watch loses its place, and starts again with the existing objects.
    Miss(usize),
    /// A watch, or a whole replica, starts with the state of an older API server.
    BeginStale(usize, usize),
    CrashToStale(usize),
    /// The logins change.
    Rotate,
}

/// The runs, each with the fault.
pub const TRACES: &[(&str, &[Step])] = &[
    (
        "a crash in the middle of a step: the reference is there, and the Secret is not",
        &[Create(0), Account(0, 0), See(0), See(1), Begin, End(0), Crash, Begin, Crash, Begin, End(0), Late(0)],
    ),
    (
        "a crash in the middle of a step: a write was done, and nobody heard of it",
        &[
            Create(0),
            Account(0, 0),
            See(0),
            See(1),
            Begin,
            Unheard(0),
            Unrefer(0, 0),
            Crash,
            Begin,
            End(0),
            Begin,
            Unheard(0),
            DeleteSecret(0),
            Crash,
        ],
    ),
    (
        "a crash in the middle of a rotation: the old login comes late",
        &[Create(0), Account(0, 0), See(0), See(1), Begin, End(0), Begin, Crash, Rotate, Begin, End(0), Late(0)],
    ),
    (
        "missed events: a namespace went, and another one with its name came",
        &[
            Create(0),
            Account(0, 0),
            See(0),
            See(1),
            Begin,
            End(0),
            Begin,
            End(0),
            See(1),
            See(2),
            Delete(0),
            Create(0),
            Account(0, 0),
            Miss(0),
            Miss(1),
            Miss(2),
        ],
    ),
    (
        "missed events: a namespace opted out and in, and lost its Secret and reference meanwhile",
        &[
            Create(0),
            Account(0, 0),
            See(0),
            See(1),
            Begin,
            End(0),
            Begin,
            End(0),
            See(1),
            See(2),
            Exclude(0),
            Drift(0),
            Unrefer(0, 0),
            Exclude(0),
            Miss(0),
            Miss(1),
            Miss(2),
            Create(1),
            Exclude(1),
        ],
    ),
    (
        "stale reads: an older API server still shows our Secret, where one of somebody else is now",
        &[
            Create(0),
            Account(0, 0),
            See(0),
            See(1),
            Begin,
            End(0),
            Begin,
            End(0),
            See(1),
            See(2),
            DeleteSecret(0),
            Foreign(0),
            CrashToStale(2),
            Begin,
            End(0),
            Refer(0, 0),
            BeginStale(1, 2),
            Begin,
            End(0),
        ],
    ),
    (
        "stale reads: an older API server still shows a namespace as excluded, which is served again",
        &[
            Create(0),
            Account(0, 0),
            See(0),
            See(1),
            Begin,
            End(0),
            Begin,
            End(0),
            See(1),
            See(2),
            Exclude(0),
            See(0),
            Exclude(0),
            See(0),
            BeginStale(0, 1),
            Begin,
            End(0),
        ],
    ),
    (
        "stale reads: an older API server shows an excluded namespace, which is gone, and another one with its name is served",
        &[
            Create(0),
            Exclude(0),
            See(0),
            See(0),
            Delete(0),
            See(0),
            Create(0),
            Account(0, 0),
            See(0),
            See(1),
            Begin,
            End(0),
            Begin,
            End(0),
            See(1),
            See(2),
            BeginStale(0, 2),
            Begin,
            End(0),
        ],
    ),
];
