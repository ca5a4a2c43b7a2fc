//! Describes the wanted and the existing files or objects, as far as a plan needs them.

/// A file or an object that should exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its place: the path of a file, or the identity of an object in a cluster.
    pub path: String,
    /// The object in the file, if it is a single one: its kind, namespace and name.
    pub document: Option<String>,
    /// Whether it is encrypted, and whether it is re-encrypted although it is current.
    pub encryption: Encryption,
}

/// Whether a file is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// The file is not encrypted.
    None,
    /// The file is encrypted, and stays unchanged while it is current.
    WhenChanged,
    /// The file is encrypted, and is re-encrypted in any case.
    Always,
}

/// The facts about an existing file or object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actual {
    /// The owner.
    pub owner: Owner,
    /// How it compares with the wanted state; unknown if it is not wanted.
    pub content: Content,
    /// How it compares with its state when it was written.
    pub history: History,
}

/// The owner of a file or object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Ours, and proven by its own content or by the key.
    Proven,
    /// Ours, as an unsigned line of the lock claims: it may be replaced, but not removed.
    Claimed,
    /// Somebody else's.
    Another,
    /// Somebody else's object in a cluster: it is neither replaced nor removed, even if it is as wanted.
    Foreign,
    /// Somebody else's object in a cluster, which the run leaves alone (`--on-conflict skip`).
    Spared,
    /// Somebody else's object in a cluster, which the run takes over (`--on-conflict adopt` or `overwrite`).
    TakenOver,
    /// The object of a tool that would undo every change: Helm, Argo CD, or a controller that its ownerReferences name.
    Managed,
}

/// How an existing file or object compares with the wanted state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// It is as wanted.
    Same,
    /// It is as wanted, as far as one can tell without the logins.
    NotCompared,
    /// It is as wanted, as far as one can tell without the fingerprint key.
    Unproven,
    /// It differs.
    Different,
    /// It is encrypted for other recipients than the wanted ones.
    AnotherRecipient,
    /// It is a ServiceAccount without the reference.
    NotLinked,
    /// It is a Secret of another type, or an immutable one: only a new Secret in its place can be as wanted.
    Unchangeable,
    /// Like `Unchangeable`, and the run may replace it by a new one (`--recreate`).
    Replaceable,
}

/// How an existing file compares with its state when it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// It is unchanged.
    AsWritten,
    /// It was edited afterwards.
    Edited,
    /// It holds both sides of a merge.
    Merged,
    /// Its mark was not signed with the current key.
    Unsigned,
    /// Unknown.
    Unknown,
}
