//! Keeps the steps of runs that a controller gets wrong if it trusts what it saw last, at least one for each pattern of Sieve.
//!
//! The model runs them, and `tests/real/controller_replay.rs` replays them on the real API server.

use Step::{
    Account, Begin, BeginStale, Crash, CrashToStale, Create, Delete, DeleteSecret, Drift, End, Exclude, Foreign, Late,
    Miss, Refer, Rotate, See, Unheard, Unrefer,
};

/// Something that happens.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// A namespace, a ServiceAccount: made by others.
    Create(usize),
    Account(usize, usize),
    Delete(usize),
    /// It opts out, or in again.
    Exclude(usize),
    /// Somebody makes a Secret of our name, deletes one, or changes the content of ours.
    Foreign(usize),
    DeleteSecret(usize),
    Drift(usize),
    /// Somebody adds a reference of their own, or removes ours.
    Refer(usize, usize),
    Unrefer(usize, usize),
    /// A watch shows its next change.
    See(usize),
    /// The machine begins a write; the API server answers one.
    Begin,
    End(usize),
    /// The API server does a write, and the replica hears that it failed.
    Unheard(usize),
    /// The replica dies, and another one begins.
    Crash,
    /// A write of a replica that died comes late.
    Late(usize),
    /// A watch loses its place, and begins again with what is there.
    Miss(usize),
    /// A watch, or a whole replica, begins with what an older API server says.
    BeginStale(usize, usize),
    CrashToStale(usize),
    /// Other logins.
    Rotate,
}

/// The runs, each with what goes wrong.
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
];
