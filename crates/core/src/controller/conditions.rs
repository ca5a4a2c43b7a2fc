//! Writes the status of a custom resource: conditions with reasons, and the number of namespaces in each state.

use serde::{Deserialize, Serialize};

use super::permitted::{Reason, Refusal};
use super::{Accepted, Counts, Standing};
use crate::cluster::Delivery;
use crate::names::listed;

/// The result for a custom resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Its name.
    pub resource: String,
    /// The generation of its spec.
    pub generation: i64,
    /// Why it is ignored, if it is.
    pub refusals: Vec<Refusal>,
    /// The problems of its logins, without values. The earlier logins stay in force.
    pub broken: Vec<String>,
    /// Its pull secrets, by their numbers in the delivery.
    pub pull_secrets: Vec<usize>,
}

/// The status of a custom resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    /// The generation that this status describes.
    pub observed_generation: i64,
    /// How many namespaces are chosen.
    pub wanted: usize,
    /// How many of them have everything.
    pub served: usize,
    /// How many of them are left alone, failing or contested.
    pub failing: usize,
    /// When one of these fields last changed.
    pub last_change: String,
    /// `Ready`, `NotPermitted`, `LoginBroken` and `LoginAccepted`.
    pub conditions: Vec<Condition>,
}

/// A condition, as for every kind of Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// The kind of condition.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// The generation that this condition describes.
    pub observed_generation: i64,
    /// When its status last changed.
    pub last_transition_time: String,
    /// The reason, in one word.
    pub reason: String,
    /// The reason, in a sentence.
    pub message: String,
}

impl Status {
    /// The status that a resource should have; equal to `before` if only the time has changed. `absent` are the objects that it names, but
    /// that do not exist.
    pub fn new(
        verdict: &Verdict,
        counts: Counts,
        trouble: Option<(&'static str, String)>,
        absent: &[String],
        accepted: Accepted,
        before: &Self,
        now: &str,
    ) -> Self {
        let Counts { wanted, served, pending: _, left, failing, contested } = counts;
        let accepted = login_accepted(verdict, accepted);
        let mut ready = ready(verdict, counts, trouble);
        if verdict.refusals.is_empty() && !absent.is_empty() {
            ready.message = format!("{}; not there: {}", ready.message, listed(absent));
        }
        let conditions = [ready, not_permitted(verdict), login_broken(verdict), accepted];
        let conditions = conditions.into_iter().map(|said| said.condition(verdict.generation, before, now)).collect();
        let status = Self {
            observed_generation: verdict.generation,
            wanted,
            served,
            failing: left + failing + contested,
            last_change: before.last_change.clone(),
            conditions,
        };
        if status == *before { status } else { Self { last_change: now.to_owned(), ..status } }
    }
}

/// The word and the sentence for a namespace that is not served, and will not be without help.
pub fn trouble(standing: &Standing, delivery: &Delivery<'_>) -> Option<(&'static str, String)> {
    match standing {
        Standing::Left(place, why) => Some(("Left", format!("{}: {why}", place.words(delivery)))),
        Standing::Failing(place, why) => Some(("WriteFailed", format!("{}: {why}", place.words(delivery)))),
        Standing::Contested(place, manager) => {
            let by = manager.as_ref().map_or("somebody".to_owned(), |manager| format!("`{manager}`"));
            Some(("Contested", format!("{}: {by} undoes every write", place.words(delivery))))
        }
        Standing::Unwanted | Standing::Served | Standing::Pending | Standing::Leaving => None,
    }
}

/// A condition without its times.
struct Said {
    type_: &'static str,
    status: &'static str,
    reason: &'static str,
    message: String,
}

/// The longest message, in bytes: much less than the definition allows.
const LONGEST: usize = 8_000;

impl Said {
    fn condition(self, generation: i64, before: &Status, now: &str) -> Condition {
        let Self { type_, status, reason, mut message } = self;
        while message.len() > LONGEST {
            message.pop();
        }
        let was = before.conditions.iter().find(|condition| condition.type_ == type_ && condition.status == status);
        Condition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            observed_generation: generation,
            last_transition_time: was.map_or(now, |was| &was.last_transition_time).to_owned(),
            reason: reason.to_owned(),
            message,
        }
    }
}

fn ready(verdict: &Verdict, counts: Counts, trouble: Option<(&'static str, String)>) -> Said {
    let said = |status, reason, message: String| Said { type_: "Ready", status, reason, message };
    let served = format!("{} of {} namespaces are served", counts.served, counts.wanted);
    if let Some(refusal) = verdict.refusals.first() {
        let reason = if refusal.reason == Reason::NameTaken { "NameTaken" } else { "NotPermitted" };
        return said("False", reason, "it is ignored, and nothing is removed because of it".to_owned());
    }
    if !verdict.broken.is_empty() {
        let nothing = "nothing is written, and what is there stays".to_owned();
        let message = if counts.wanted == 0 { nothing } else { format!("{served}, with the logins from before") };
        return said("False", "LoginBroken", message);
    }
    match trouble {
        Some((reason, message)) => said("False", reason, format!("{served}; {message}")),
        None if counts.wanted == 0 => {
            said("False", "NothingChosen", "no namespace is chosen, and nothing is removed because of it".to_owned())
        }
        None if counts.served < counts.wanted => said("False", "Pending", served),
        None => said("True", "Served", served),
    }
}

fn not_permitted(verdict: &Verdict) -> Said {
    let said = |status, reason, message| Said { type_: "NotPermitted", status, reason, message };
    let messages: Vec<_> = verdict.refusals.iter().map(|refusal| refusal.message.as_str()).collect();
    match verdict.refusals.first() {
        None => {
            said("False", "WithinTheInstallation", "the installation permits everything that it asks for".to_owned())
        }
        Some(first) => said("True", first.reason.as_str(), messages.join("; ")),
    }
}

fn login_broken(verdict: &Verdict) -> Said {
    let said = |status, reason, message| Said { type_: "LoginBroken", status, reason, message };
    if !verdict.refusals.is_empty() {
        said("Unknown", "NotRead", "its logins are not read".to_owned())
    } else if verdict.broken.is_empty() {
        said("False", "Checked", "its logins are well-formed".to_owned())
    } else {
        said("True", "Broken", verdict.broken.join("; "))
    }
}

fn login_accepted(verdict: &Verdict, accepted: Accepted) -> Said {
    let said = |status, reason, message| Said { type_: "LoginAccepted", status, reason, message };
    if !verdict.refusals.is_empty() {
        return said("Unknown", "Unknown", "its logins are not read".to_owned());
    }
    match accepted {
        Accepted::Yes => said("True", "Accepted", "the registries take its logins".to_owned()),
        Accepted::EndsSoon(message) => said("True", "ExpiresSoon", message),
        Accepted::Unknown(message) => said("Unknown", "Unknown", message),
        Accepted::Refused(message) => said("False", "Refused", message),
    }
}

#[cfg(test)]
mod tests;
