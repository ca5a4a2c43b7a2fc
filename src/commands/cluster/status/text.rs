//! Writes the status as a table, with the messages of registries below it.

use std::fmt::Write;

use super::Seen;
use crate::commands::cluster::shown::{aligned, counted, counts, deed, why};
use crate::report::inert;
use crate::settings::Settings;
use regcred_core::cluster::status::online::ImageStatus;
use regcred_core::cluster::status::{AccountStatus, LinkState, NamespaceStatus, PullStatus, SecretStatus, State};
use regcred_core::names::listed;
use regcred_core::registry::verdict::Standing;

/// The number of ServiceAccounts that a cell names.
const NAMED: usize = 3;

/// The table, and the registries' messages about each pull that fails.
pub(super) fn write(clusters: &[(&Settings, Seen)]) -> String {
    let is_fleet = clusters.iter().any(|(settings, _)| settings.cluster.is_some());
    let mut rows = vec![["CLUSTER", "NAMESPACE", "PULL SECRET", "STATE", "SERVICEACCOUNTS", "PODS"].map(str::to_owned)];
    let (mut pulls, mut others) = (String::new(), String::new());
    for (settings, seen) in clusters {
        let cluster = settings.cluster.as_ref().map_or(String::new(), ToString::to_string);
        for namespace in &seen.namespaces {
            rows.extend(namespace.secrets.iter().enumerate().map(|(number, secret)| {
                let pods = if number == 0 { pods(namespace) } else { String::new() };
                [
                    cluster.clone(),
                    namespace.namespace.to_string(),
                    secret.name.to_string(),
                    state(secret),
                    accounts(&secret.accounts),
                    pods,
                ]
            }));
            if namespace.opted_out {
                let name = namespace.namespace.to_string();
                let [none, state] = ["-", "excluded"].map(str::to_owned);
                rows.push([cluster.clone(), name, none.clone(), state, none, pods(namespace)]);
            }
            let place =
                if is_fleet { format!("{cluster}: {}", namespace.namespace) } else { namespace.namespace.to_string() };
            let of_cluster = if is_fleet { format!(" --cluster {cluster}") } else { String::new() };
            for pull in namespace.failed_pulls.iter().flatten() {
                pulls.push_str(&said(&place, pull));
                let _ =
                    writeln!(pulls, "  why: regcred explain pod {} -n {}{of_cluster}", pull.pod, namespace.namespace);
            }
            namespace.online.iter().flatten().for_each(|image| pulls.push_str(&asked(&place, image)));
        }
        for step in seen.others.iter().filter(|step| step.change.differs()) {
            let cluster = if is_fleet { format!("{cluster}: ") } else { String::new() };
            let _ = writeln!(others, "\n{cluster}{}/{}: {} ({})", step.object.kind(), step.name, deed(step), why(step));
        }
    }
    if rows.len() == 1 {
        return others;
    }
    let first = usize::from(!is_fleet);
    aligned(rows.iter().map(|row| &row[first..])) + &pulls + &others
}

/// A summary in one line: `2 namespaces: 1 missing, 1 current; 1 pull fails`.
pub(super) fn summary(clusters: &[(&Settings, Seen)]) -> String {
    let all = || clusters.iter().flat_map(|(_, seen)| &seen.namespaces);
    let mut secrets: Vec<_> = all().flat_map(|namespace| &namespace.secrets).collect();
    secrets.sort_by_key(|secret| secret.state);
    let states = counted(&counts(secrets.iter().map(|secret| secret.state)));
    let unlinked = secrets.iter().flat_map(|secret| &secret.accounts).filter(|one| one.state == LinkState::NotLinked);
    let (unlinked, failed) = (unlinked.count(), all().flat_map(|one| one.failed_pulls.iter().flatten()).count());
    let namespaces = plural(all().count(), "namespace", "namespaces");
    let unlinked = some(unlinked, "ServiceAccount is not linked", "ServiceAccounts are not linked");
    let refused =
        all().flat_map(|one| one.online.iter().flatten()).filter(|image| image.pull == Standing::Refused).count();
    let failed = some(failed, "pull fails", "pulls fail");
    let refused = some(refused, "image could not be pulled by a new node", "images could not be pulled by a new node");
    format!("{namespaces}: {states}{unlinked}{failed}{refused}")
}

fn some(count: usize, one: &str, several: &str) -> String {
    if count == 0 { String::new() } else { format!("; {}", plural(count, one, several)) }
}

fn plural(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

/// The state, with the owner or the problem.
fn state(secret: &SecretStatus) -> String {
    let outdated = secret.state == State::Managed && !secret.as_wanted;
    let notes = [secret.whose.as_deref(), secret.fault.as_deref(), outdated.then_some("holds other logins")];
    let notes: Vec<_> = notes.into_iter().flatten().collect();
    if notes.is_empty() { secret.state.to_string() } else { format!("{} ({})", secret.state, notes.join("; ")) }
}

fn accounts(all: &[AccountStatus]) -> String {
    let of = |state| all.iter().filter(move |account| account.state == state);
    let mut parts = Vec::new();
    let linked: Vec<_> = of(LinkState::Linked).map(|account| account.name.as_str()).collect();
    if linked.len() > NAMED {
        parts.push(format!("{} linked", linked.len()));
    } else if !linked.is_empty() {
        parts.push(linked.join(", "));
    }
    let not_linked: Vec<_> = of(LinkState::NotLinked).collect();
    parts.extend(not_linked.iter().take(NAMED).map(|account| {
        let writers = account.writers.join(", ");
        let writers = if writers.is_empty() { writers } else { format!(" (list of {writers})") };
        format!("{} not linked{writers}", account.name)
    }));
    if not_linked.len() > NAMED {
        parts.push(format!("{} more not linked", not_linked.len() - NAMED));
    }
    parts.extend(of(LinkState::Absent).map(|account| format!("{} is not there", account.name)));
    let excluded: Vec<_> = of(LinkState::Excluded).map(|account| &account.name).collect();
    parts.extend((!excluded.is_empty()).then(|| format!("{} excluded", listed(&excluded))));
    if parts.is_empty() { "-".to_owned() } else { parts.join("; ") }
}

fn pods(namespace: &NamespaceStatus) -> String {
    match namespace.failed_pulls.as_deref() {
        None => "not read".to_owned(),
        Some([]) => "-".to_owned(),
        Some(pulls) => plural(pulls.len(), "pull fails", "pulls fail"),
    }
}

/// A pull that fails, with the message of the kubelet and the registry.
fn said(place: &str, pull: &PullStatus) -> String {
    let mut text = format!("\n{place}/{}, {} {}: {}\n  {}\n", pull.pod, pull.place, pull.name, pull.reason, pull.image);
    if let Some(words) = &pull.words {
        let _ = writeln!(text, "  {}", inert(words));
    }
    if let Some(advice) = &pull.advice {
        let _ = writeln!(text, "  {advice}");
    }
    text
}

/// An image that a new node could not pull, or whose answer is not known.
fn asked(place: &str, ImageStatus { image, secrets, pull, message }: &ImageStatus) -> String {
    let answer = match pull {
        Standing::Good => return String::new(),
        Standing::Refused => "a new node could not pull",
        Standing::Unknown => "it is not known whether a new node could pull",
    };
    let secrets: Vec<_> = secrets.iter().map(ToString::to_string).collect();
    let secrets = if secrets.is_empty() { "no pull secret".to_owned() } else { secrets.join(", ") };
    format!("\n{place}: {answer}\n  {image}\n  {} (with {secrets})\n", inert(message))
}
