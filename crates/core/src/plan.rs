//! Decides what a run changes: it compares the wanted with the existing files or objects.
//!
//! Other modules compute hashes and HMACs, and pass them in as facts. `--check` prints the plan, and a run executes the same plan.

mod facts;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

pub use facts::{Actual, Content, Encryption, History, Owner, Wanted};

/// What a run does with a file or an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// A new file or object is written.
    Create,
    /// An existing one is replaced.
    Update,
    /// An existing one is removed.
    Delete,
    /// Nothing changes.
    Keep,
    /// Nothing changes, and the run fails.
    Refuse,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "created",
            Self::Update => "updated",
            Self::Delete => "removed",
            Self::Keep => "kept",
            Self::Refuse => "refused",
        })
    }
}

/// Why a run takes an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It is wanted, and does not exist.
    Missing,
    /// It was not changed since it was written, but something else is wanted now.
    Stale,
    /// It is encrypted for other recipients than the wanted ones.
    AnotherRecipient,
    /// It was changed since it was written.
    Edited,
    /// It holds both sides of a merge.
    Merged,
    /// Its mark was signed with another key than the current one.
    Unsigned,
    /// It differs, and it is not known what was written.
    Different,
    /// `--reseal` was asked for.
    Reseal,
    /// It was written by an earlier run, and is no longer wanted.
    LeftOver,
    /// It belongs to somebody else.
    NotOurs,
    /// It is as wanted.
    Current,
    /// It is current, as far as one can tell without the logins.
    NotCompared,
    /// Without the fingerprint key it is not known whether it is current, so a run re-encrypts it.
    Unproven,
    /// It is a ServiceAccount without the reference.
    NotLinked,
    /// It is a Secret whose type or data Kubernetes cannot change.
    Unchangeable,
    /// It belonged to somebody else, and is taken over.
    TakenOver,
    /// It belongs to a tool that would undo every change.
    Managed,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::Stale | Self::AnotherRecipient => "stale",
            Self::Edited | Self::Merged | Self::Unsigned | Self::Different => "different",
            Self::Reseal => "to re-encrypt",
            Self::LeftOver => "left over",
            Self::NotOurs => "not regcred's",
            Self::Current => "current",
            Self::NotCompared | Self::Unproven => "not compared",
            Self::NotLinked => "not linked",
            Self::Unchangeable => "not changeable",
            Self::TakenOver => "taken over",
            Self::Managed => "managed by another tool",
        })
    }
}

/// One file or object, with the action and its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The path of the file or object.
    pub path: String,
    /// The object in the file, if it is a single one.
    pub document: Option<String>,
    /// The action.
    pub action: Action,
    /// Why.
    pub reason: Reason,
}

/// The changes that lead from the actual to the wanted state, in the order of the wanted objects; unwanted objects come last.
pub fn between(wanted: Vec<Wanted>, mut actual: BTreeMap<String, Actual>) -> Vec<Change> {
    let mut changes = Vec::with_capacity(wanted.len());
    for Wanted { path, document, encryption } in wanted {
        let (action, reason) = decide(encryption, actual.remove(&path));
        changes.push(Change { path, document, action, reason });
    }
    changes.extend(actual.into_iter().map(|(path, there)| {
        let (action, reason) = match there.owner {
            Owner::Proven => (Action::Delete, Reason::LeftOver),
            Owner::Managed => (Action::Keep, Reason::Managed),
            Owner::Claimed | Owner::Another | Owner::Foreign | Owner::Spared | Owner::TakenOver => {
                (Action::Keep, Reason::NotOurs)
            }
        };
        Change { path, document: None, action, reason }
    }));
    changes
}

/// The action for one wanted file or object, and its reason; `actual` is what exists in its place.
pub fn decide(encryption: Encryption, actual: Option<Actual>) -> (Action, Reason) {
    let Some(Actual { owner, content, history }) = actual else { return (Action::Create, Reason::Missing) };
    let reason = match (owner, content, history) {
        (Owner::Foreign, ..) => return (Action::Refuse, Reason::NotOurs),
        (Owner::Spared, ..) => return (Action::Keep, Reason::NotOurs),
        (Owner::Managed, Content::Same | Content::NotCompared, _) => return (Action::Keep, Reason::Managed),
        (Owner::Managed, ..) => return (Action::Refuse, Reason::Managed),
        (_, Content::Unchangeable, _) => return (Action::Refuse, Reason::Unchangeable),
        (_, Content::Replaceable, _) => Reason::Unchangeable,
        (Owner::TakenOver, ..) => Reason::TakenOver,
        (_, Content::NotLinked, _) => Reason::NotLinked,
        (_, Content::Same, _) if encryption != Encryption::Always => return (Action::Keep, Reason::Current),
        (Owner::Another, ..) => return (Action::Refuse, Reason::NotOurs),
        (_, Content::Same, _) => Reason::Reseal,
        (_, Content::NotCompared, _) if encryption == Encryption::None => return (Action::Keep, Reason::NotCompared),
        (.., History::Merged) => Reason::Merged,
        (.., History::Unsigned) => Reason::Unsigned,
        (.., History::Edited) => Reason::Edited,
        (_, Content::AnotherRecipient, _) => Reason::AnotherRecipient,
        (_, Content::NotCompared, _) => return (Action::Keep, Reason::NotCompared),
        (_, Content::Unproven, _) if encryption == Encryption::Always => Reason::Reseal,
        (_, Content::Unproven, _) => Reason::Unproven,
        (_, Content::Different, History::AsWritten) => Reason::Stale,
        (_, Content::Different, History::Unknown) => Reason::Different,
    };
    (Action::Update, reason)
}

impl Change {
    /// Whether the actual state is known to differ from the wanted state.
    pub fn differs(&self) -> bool {
        self.action != Action::Keep && self.reason != Reason::Unproven
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(encryption: Encryption, owner: Owner, content: Content, history: History) -> (Action, Reason) {
        decide(encryption, Some(Actual { owner, content, history }))
    }

    #[test]
    fn what_is_current_stays_whoever_wrote_it_unless_reseal_is_asked_for() {
        for owner in [Owner::Proven, Owner::Claimed, Owner::Another] {
            for history in [History::AsWritten, History::Edited, History::Merged, History::Unsigned, History::Unknown] {
                for encryption in [Encryption::None, Encryption::WhenChanged] {
                    let decided = reason(encryption, owner, Content::Same, history);
                    assert_eq!(decided, (Action::Keep, Reason::Current));
                }
            }
        }
        let decided = reason(Encryption::Always, Owner::Proven, Content::Same, History::AsWritten);
        assert_eq!(decided, (Action::Update, Reason::Reseal));
    }

    #[test]
    fn what_somebody_else_wrote_is_neither_replaced_nor_removed() {
        for content in [Content::Different, Content::Unproven, Content::AnotherRecipient] {
            let decided = reason(Encryption::WhenChanged, Owner::Another, content, History::AsWritten);
            assert_eq!(decided, (Action::Refuse, Reason::NotOurs), "{content:?}");
        }
        for (owner, expected) in
            [(Owner::Proven, Action::Delete), (Owner::Claimed, Action::Keep), (Owner::Another, Action::Keep)]
        {
            let there = Actual { owner, content: Content::Different, history: History::Unknown };
            let changes = between(Vec::new(), BTreeMap::from([("x".to_owned(), there)]));
            assert_eq!((changes.len(), changes[0].action), (1, expected), "{owner:?}");
        }
    }

    #[test]
    fn an_encrypted_file_that_the_key_has_not_signed_differs() {
        use History::{AsWritten, Edited, Unsigned};
        for (content, history, expected) in [
            (Content::Unproven, AsWritten, Reason::Unproven),
            (Content::Unproven, Unsigned, Reason::Unsigned),
            (Content::Unproven, Edited, Reason::Edited),
            (Content::NotCompared, Unsigned, Reason::Unsigned),
            (Content::AnotherRecipient, AsWritten, Reason::AnotherRecipient),
            (Content::AnotherRecipient, Unsigned, Reason::Unsigned),
            (Content::Different, AsWritten, Reason::Stale),
        ] {
            let decided = reason(Encryption::WhenChanged, Owner::Claimed, content, history);
            assert_eq!(decided, (Action::Update, expected));
        }
    }

    #[test]
    fn a_change_is_an_object_of_four_fields() {
        let wanted = Wanted { path: "a.yaml".to_owned(), document: None, encryption: Encryption::None };
        let changes = between(vec![wanted], BTreeMap::new());
        let text = serde_json::to_string(&changes[0]).unwrap();
        assert_eq!(text, r#"{"path":"a.yaml","document":null,"action":"create","reason":"missing"}"#);
    }
}
