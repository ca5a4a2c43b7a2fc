//! Tells people what the state machine notices: in the log, as metrics and as Events.

use std::collections::BTreeSet;

use tokio::task::spawn_local;

use super::log;
use super::state::State;
use regcred_cluster::controller::events::{About, Events};
use regcred_core::cluster::Delivery;
use regcred_core::cluster::installation::definition::KIND;
use regcred_core::controller::conditions::Verdict;
use regcred_core::controller::{Notice, Place, Target};
use regcred_core::diagnostic::Diagnostic;

/// Where news is sent.
pub struct News {
    events: Option<Events>,
    /// The messages about the mounted files so far.
    said: BTreeSet<String>,
    /// The messages about custom resources so far.
    said_of_resources: BTreeSet<String>,
}

impl News {
    /// News with or without Events: one pass publishes no Events.
    pub fn new(events: Option<Events>) -> Self {
        Self { events, said: BTreeSet::new(), said_of_resources: BTreeSet::new() }
    }

    /// Reports a notice.
    pub fn tell(&mut self, notice: &Notice, delivery: &Delivery<'_>, state: &State) {
        let with = |message: &str, place: &Place| format!("{}: {message}", place.words(delivery));
        match notice {
            Notice::Served(namespace, after) => {
                state.metrics.served(*after);
                log::info(
                    "a new namespace is served",
                    &[("namespace", namespace.as_str()), ("milliseconds", &after.to_string())],
                );
            }
            Notice::Removed(namespace) => {
                log::info("removed from a namespace that is no longer chosen", &[("namespace", namespace.as_str())]);
            }
            Notice::Left(place, why) => {
                self.warn("Left", &with(&format!("{why}, and stays as it is"), place), place, delivery);
            }
            Notice::Failing(place, why) => self.warn("WriteFailed", &with(why, place), place, delivery),
            Notice::Contested(place, manager) => {
                let by = manager.as_ref().map_or("somebody".to_owned(), |manager| format!("`{manager}`"));
                let message = with(&format!("{by} undoes every write, so the next try waits"), place);
                self.warn("Contested", &message, place, delivery);
            }
            Notice::HoldsRemovals(number) => {
                let name = delivery.pull_secrets[*number].name;
                let message =
                    format!("no namespace is chosen for the pull secret {name}, so nothing of it is removed anywhere");
                self.publish("EmptySelection", &message, None);
            }
        }
    }

    /// Reports the problems of the mounted files, each once until the files are valid again, and what happens meanwhile.
    pub fn broken(&mut self, problems: &[Diagnostic], meanwhile: &str) {
        for problem in problems.iter().filter(|problem| problem.is_error()) {
            log::problem(problem);
            if self.said.insert(problem.message.clone()) {
                self.event("ConfigBroken", &format!("{}; {meanwhile}", problem.message), None);
            }
        }
    }

    /// Reports that the mounted files are valid.
    pub fn good(&mut self, warnings: &[Diagnostic]) {
        self.said.clear();
        warnings.iter().for_each(log::problem);
    }

    /// Reports which custom resources are ignored or have a broken login, each once until that ends.
    pub fn resources(&mut self, verdicts: &[Verdict]) {
        let mut all = BTreeSet::new();
        for verdict in verdicts {
            let about = |why: String| format!("the RegistryCredentials {}{why}", verdict.resource);
            let refusals =
                verdict.refusals.iter().map(|one| ("NotPermitted", about(format!(" is ignored: {}", one.message))));
            let broken = verdict.broken.iter().map(|message| {
                ("LoginBroken", about(format!(": {message}; the logins from before stay in force, if there are any")))
            });
            for (reason, message) in refusals.chain(broken) {
                if !self.said_of_resources.contains(&message) {
                    self.publish(reason, &message, Some((KIND, String::new(), verdict.resource.clone())));
                }
                all.insert(message);
            }
        }
        self.said_of_resources = all;
    }

    /// Warns about something other than a write; `about` is the object of the Event, if there is one.
    pub fn publish(&mut self, reason: &'static str, message: &str, about: Option<About>) {
        log::warn(message, &[("reason", reason)]);
        self.event(reason, message, about);
    }

    fn warn(&mut self, reason: &'static str, message: &str, place: &Place, delivery: &Delivery<'_>) {
        let (kind, name) = match &place.target {
            Target::Account(name) => ("ServiceAccount", name.to_string()),
            Target::Secret(number) => ("Secret", delivery.pull_secrets[*number].name.to_string()),
        };
        self.publish(reason, message, Some((kind, place.namespace.to_string(), name)));
    }

    fn event(&mut self, reason: &'static str, note: &str, about: Option<About>) {
        if let Some(publishing) = self.events.as_mut().and_then(|events| events.publish(reason, note, about)) {
            spawn_local(publishing);
        }
    }
}
