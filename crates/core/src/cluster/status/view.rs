//! Describes the state of a namespace, from the wanted objects, the objects that were read, and the plan.

use std::collections::BTreeMap;

use super::lack;
use super::sight::{Sight, see};
use super::{AccountStatus, LinkState, NamespaceStatus, Pods, PullStatus, SecretStatus, State};
use crate::cluster::compare::{Comparison, Object, Step};
use crate::cluster::delivery::{Delivery, PullSecret};
use crate::cluster::facts::{Facts, Space};
use crate::cluster::pods::{FailedPull, Pod};
use crate::cluster::reference::refers;
use crate::diagnostic::is_visible;
use crate::names::{Namespace, ResourceName};
use crate::plan::{Action, Reason};

/// The state of each namespace, sorted by name.
pub fn describe(delivery: &Delivery<'_>, facts: &Facts, comparison: &Comparison, pods: &Pods) -> Vec<NamespaceStatus> {
    let mut steps: BTreeMap<&Namespace, Vec<&Step>> = BTreeMap::new();
    for step in &comparison.steps {
        if let Some(namespace) = &step.namespace {
            steps.entry(namespace).or_default().push(step);
        }
    }
    let one = |(namespace, space): (&Namespace, &Space)| {
        let view = View { delivery, comparison, namespace, space, steps: steps.remove(namespace).unwrap_or_default() };
        view.status(pods.get(namespace))
    };
    facts.namespaces.iter().map(one).collect()
}

/// The namespaces that have opted out and where Pods fail to pull.
pub fn opted_out(delivery: &Delivery<'_>, pods: &Pods) -> Vec<NamespaceStatus> {
    let sights: Vec<_> = delivery.pull_secrets.iter().map(|one| see(one, None)).collect();
    let advice = "the namespace has opted out by its annotation, so that it gets no pull secret";
    let one = |(namespace, pods): (&Namespace, &Vec<Pod>)| {
        let failed = failed(pods, &sights, |_, lacks| (!lacks.is_empty()).then(|| advice.to_owned()));
        (!failed.is_empty()).then(|| NamespaceStatus {
            namespace: namespace.clone(),
            opted_out: true,
            secrets: Vec::new(),
            failed_pulls: Some(failed),
            online: None,
        })
    };
    pods.iter().filter_map(one).collect()
}

/// The facts about one namespace.
struct View<'a> {
    delivery: &'a Delivery<'a>,
    comparison: &'a Comparison,
    namespace: &'a Namespace,
    space: &'a Space,
    steps: Vec<&'a Step>,
}

impl View<'_> {
    fn status(&self, pods: Option<&Vec<Pod>>) -> NamespaceStatus {
        let here = || self.delivery.pull_secrets.iter().filter(|one| one.serves(self.namespace));
        let sights: Vec<Sight<'_>> =
            here().map(|one| see(one, self.space.secrets.as_ref().and_then(|all| all.get(one.name)))).collect();
        let advice = |pod: &Pod, lacks: &[ResourceName]| {
            let lacks: Vec<_> = here().filter(|one| lacks.contains(one.name)).collect();
            lack::advice(self.delivery, self.space, pod, &lacks)
        };
        NamespaceStatus {
            namespace: self.namespace.clone(),
            opted_out: false,
            secrets: here().zip(&sights).map(|(one, sight)| self.secret(one, sight)).collect(),
            failed_pulls: pods.map(|pods| failed(pods, &sights, advice)),
            online: None,
        }
    }

    fn secret(&self, pull_secret: &PullSecret<'_>, sight: &Sight<'_>) -> SecretStatus {
        let is_it = |step: &&&Step| matches!(step.object, Object::Secret { .. }) && step.name == *pull_secret.name;
        let step = self.steps.iter().find(is_it);
        let state = step.map_or(State::NotRead, |step| state(step, sight));
        SecretStatus {
            name: pull_secret.name.clone(),
            state,
            whose: step.and_then(|step| step.whose.as_ref()).map(ToString::to_string),
            fault: sight.fault.clone(),
            as_wanted: state != State::Invalid && step.is_none_or(|step| !step.change.differs()),
            accounts: self.accounts(pull_secret),
        }
    }

    fn accounts(&self, pull_secret: &PullSecret<'_>) -> Vec<AccountStatus> {
        let known = self.steps.iter().filter_map(|step| {
            let Object::Account { list, references } = &step.object else { return None };
            let is_linked = refers(list, pull_secret.name);
            let account = self.space.accounts.get(&step.name);
            let writers = account.iter().flat_map(|account| account.metadata.managers("f:imagePullSecrets"));
            references.contains(pull_secret.name).then(|| AccountStatus {
                name: step.name.clone(),
                state: if is_linked { LinkState::Linked } else { LinkState::NotLinked },
                writers: writers.map(str::to_owned).collect(),
            })
        });
        let absent = self
            .comparison
            .absent
            .iter()
            .filter(|(namespace, name)| namespace == self.namespace && pull_secret.accounts.names().contains(name));
        let absent = absent.map(|(_, name)| (name, LinkState::Absent));
        let excluded = pull_secret.accounts.opted_out(self.space).map(|name| (name, LinkState::Excluded));
        let unlinked = absent.chain(excluded).map(|(name, state)| AccountStatus {
            name: name.clone(),
            state,
            writers: Vec::new(),
        });
        known.chain(unlinked).collect()
    }
}

fn state(step: &Step, sight: &Sight<'_>) -> State {
    match (step.change.action, step.change.reason) {
        (_, Reason::Missing) => State::Missing,
        _ if sight.fault.is_some() => State::Invalid,
        (_, Reason::Managed) => State::Managed,
        (_, Reason::NotOurs | Reason::TakenOver) => State::Foreign,
        (Action::Keep, Reason::NotCompared) => State::Present,
        (Action::Keep, _) => State::Current,
        _ => State::Outdated,
    }
}

/// The images that these Pods fail to pull, each with the advice about the references that the Pod lacks.
fn failed(
    pods: &[Pod],
    sights: &[Sight<'_>],
    advice: impl Fn(&Pod, &[ResourceName]) -> Option<String>,
) -> Vec<PullStatus> {
    let is_quoted = |words: &str| sights.iter().any(|sight| sight.is_quoted_in(words));
    let without_logins = |words: String| {
        let shown = printable(&words);
        if is_quoted(&words) || is_quoted(&shown) { HIDDEN.to_owned() } else { shown }
    };
    let shown = |pod: &Pod, FailedPull { used, reason, words }: FailedPull<'_>| {
        let lacks = sights.iter().filter(|sight| !pod.refers(sight.name.as_str()) && sight.has_a_login_for(used.image));
        let lacks: Vec<_> = lacks.map(|sight| sight.name.clone()).collect();
        PullStatus {
            pod: pod.metadata.name.clone(),
            place: used.place,
            name: printable(used.name),
            image: printable(used.image),
            reason: without_logins(reason.to_owned()),
            words: words.map(without_logins),
            advice: advice(pod, &lacks),
            lacks,
        }
    };
    pods.iter().flat_map(|pod| pod.failed_pulls().into_iter().map(move |pull| shown(pod, pull))).collect()
}

/// The text without characters that move the cursor of a terminal, or change the order of a line.
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|letter| is_visible(*letter)).collect()
}

/// The text that replaces a message that quotes a login.
const HIDDEN: &str = "(these words quote a login, so they are not shown)";

#[cfg(test)]
mod tests;
