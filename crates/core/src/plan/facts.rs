//! Holds what is wanted and what is there, as far as a plan needs it.

/// A file or an object that should exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where it belongs: the path of a file, or what names an object in a cluster.
    pub path: String,
    /// What is in it, where that is a single object: its kind, namespace and name.
    pub document: Option<String>,
    /// Whether it is encrypted, and re-encrypted without a need.
    pub encryption: Encryption,
}

/// Whether a file is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// It is not.
    None,
    /// It is, and stays as it is while it is current.
    WhenChanged,
    /// It is, and is re-encrypted in any case.
    Always,
}

/// What is known of something that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actual {
    /// Whose it is.
    pub owner: Owner,
    /// How it compares with what is wanted; nothing is known of what nobody wants.
    pub content: Content,
    /// How it compares with what was written.
    pub history: History,
}

/// Whose something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Ours, and proven by its own content or by the key.
    Proven,
    /// Ours, as an unsigned line of the lock claims: it may be replaced, but not removed.
    Claimed,
    /// Somebody else's.
    Another,
    /// Somebody else's object in a cluster: it is neither replaced nor removed, even if it is what is wanted.
    Foreign,
    /// Somebody else's object in a cluster, which the run leaves alone (`--on-conflict skip`).
    Spared,
    /// Somebody else's object in a cluster, which the run takes over (`--on-conflict adopt` or `overwrite`).
    TakenOver,
    /// The object of a tool that would undo every change: Helm, Argo CD, or a controller that its ownerReferences name.
    Managed,
}

/// How something compares with what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// It is what is wanted.
    Same,
    /// It is what is wanted as far as can be told without the logins.
    NotCompared,
    /// It is what is wanted as far as can be told without the key of fingerprints.
    Unproven,
    /// It is something else.
    Different,
    /// It is encrypted for other recipients than are wanted.
    AnotherRecipient,
    /// It is a ServiceAccount without the reference.
    NotLinked,
    /// It is a Secret of another type, or an immutable one: only another Secret in its place can be what is wanted.
    Unchangeable,
    /// The same, and the run may put another in its place (`--recreate`).
    Replaceable,
}

/// How something compares with what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// It is as it was written.
    AsWritten,
    /// It was edited afterwards.
    Edited,
    /// A merge has left both sides in it.
    Merged,
    /// Its mark was not signed with the key that is set.
    Unsigned,
    /// Nothing tells.
    Unknown,
}
