//! Says why a Pod lacks a reference to a pull secret that has a login for its image.

use crate::cluster::delivery::{Delivery, PullSecret};
use crate::cluster::facts::{Account, Space};
use crate::cluster::pods::Pod;
use crate::cluster::reference::refers;
use crate::spec::choice::Link;

/// The sentence for a Pod of a served namespace that lacks references to these pull secrets.
pub(super) fn advice(delivery: &Delivery<'_>, space: &Space, pod: &Pod, lacks: &[&PullSecret<'_>]) -> Option<String> {
    if lacks.is_empty() {
        return None;
    }
    let names = lacks.iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join(", ");
    let account = match pod.spec.service_account_name.as_str() {
        "" => "default",
        account => account,
    };
    let known = account.parse().ok().and_then(|name| space.accounts.get(&name));
    let is_linked = |one: &&PullSecret<'_>| {
        known.is_some_and(|known| refers(&known.image_pull_secrets, one.name))
            || account.parse().is_ok_and(|account| one.accounts.has(&account))
    };
    let why = match delivery.link {
        Link::ServiceAccount if !lacks.iter().any(is_linked) => match known {
            Some(_) => format!("its ServiceAccount {account} is not linked"),
            None => format!(
                "its ServiceAccount {account} is not among those of this run, and was not read: add `--service-account {account}`"
            ),
        },
        Link::ServiceAccount if has_other_references(pod, known) => format!(
            "its ServiceAccount {account} had other references when the Pod was created, or its template has a list \
             `imagePullSecrets`: create it again (`kubectl rollout restart`), or add {names} to the template"
        ),
        Link::ServiceAccount | Link::Policy => {
            "a Pod gets references only when it is created; once the Secret and the link are current, create it again \
             (`kubectl rollout restart`)"
                .to_owned()
        }
        Link::None => "add it to the Pod or its ServiceAccount".to_owned(),
    };
    Some(format!("the Pod has no reference to {names}: {why}"))
}

/// Whether the Pod refers to a Secret that its ServiceAccount does not refer to. The Pod does not show the cause: its template has a list, or
/// its ServiceAccount has changed.
fn has_other_references(pod: &Pod, account: Option<&Account>) -> bool {
    let list = account.map_or(&[][..], |account| &account.image_pull_secrets);
    let is_of_the_account = |name: &str| name.parse().is_ok_and(|name| refers(list, &name));
    let mut names = pod.spec.image_pull_secrets.iter().map(|reference| reference.name.as_str());
    names.any(|name| !name.is_empty() && !is_of_the_account(name))
}
