//! Finds and evicts stuck Pods on a fake API server, with the answers that each case needs.

#![cfg(test)]

mod peer;

use peer::{LONG, Peer, delivery, never, run};
use regcred_cluster::stuck::{End, Mode, Stuck, restart};
use regcred_core::cluster::{Accounts, Facts, PullSecret, Space};
use regcred_core::docker_config::Logins;
use regcred_core::names::{Namespace, ResourceName};
use regcred_core::spec::choice::Link;
use serde_json::{Value, json};

const NAME: &str = "pull";

/// A Pod of a `ReplicaSet` that fails to pull its image, with this spec.
fn stuck_pod(mut spec: Value) -> Value {
    spec["containers"] = json!([{"name": "c", "image": "ghcr.io/acme/api"}]);
    json!({
        "metadata": {"name": "p", "namespace": "team", "uid": "1", "ownerReferences": [{"kind": "ReplicaSet", "name": "r", "controller": true}]},
        "spec": spec,
        "status": {"containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]},
    })
}

fn list(items: &Value) -> (u16, &'static str, Value) {
    (200, "", json!({"items": items}))
}

#[test]
fn pods_of_many_namespaces_are_read_one_by_one_where_a_list_of_all_is_forbidden() {
    let (name, logins) = (NAME.parse().unwrap(), Logins::External(vec![("ghcr.io".parse().unwrap(), None)]));
    let namespaces: Vec<Namespace> = (0..9).map(|number| format!("n{number}").parse().unwrap()).collect();
    let mut facts = Facts { namespaces: namespaces.iter().map(|name| (name.clone(), Space::default())).collect() };
    let delivery = delivery(Link::ServiceAccount, vec![PullSecret::new(&name, namespaces, Accounts::All, &logins)]);
    let mut found = |answers| {
        let peer = Peer::with(answers);
        let found = run(async { restart(&peer.server(LONG, never), &delivery, &mut facts, Mode::Find).await });
        (found.map(|found| found.len()).map_err(|problem| problem.message), peer.requests())
    };
    let no = (403, "", json!({"message": "no"}));
    let empty = (200, "", json!({"items": []}));
    let (all, requests) = found([vec![no.clone()], vec![empty.clone(); 9]].concat());
    assert_eq!(all, Ok(0), "{requests:?}");
    assert_eq!(requests.len(), 10);
    assert!(requests.iter().any(|request| request.starts_with("GET /api/v1/namespaces/n8/pods?")), "{requests:?}");
    let (all, _) = found([vec![no.clone()], vec![empty; 8], vec![no]].concat());
    assert_eq!(all, Err("the cluster forbids to list pods: no".to_owned()));
}

#[test]
fn an_eviction_that_a_budget_refuses_is_asked_for_once() {
    let (name, logins) = (NAME.parse().unwrap(), Logins::External(vec![("ghcr.io".parse().unwrap(), None)]));
    let team: Namespace = "team".parse().unwrap();
    let mut facts = Facts { namespaces: [(team.clone(), Space::default())].into() };
    let delivery = delivery(Link::Policy, vec![PullSecret::new(&name, vec![team], Accounts::All, &logins)]);
    let pod = stuck_pod(json!({}));
    // A PodDisruptionBudget answers with this status and no `Retry-After`, for hours perhaps.
    let peer = Peer::with(vec![
        list(&json!([pod])),
        list(&json!([])),
        (429, "", json!({"message": "budget"})),
        (201, "", json!({})),
    ]);
    let ends = run(async { restart(&peer.server(LONG, never), &delivery, &mut facts, Mode::Evict).await }).unwrap();
    assert!(matches!(ends.as_slice(), [Stuck { end: End::Protected(_), .. }]), "{ends:?}");
    assert_eq!(peer.requests().iter().filter(|request| request.starts_with("POST")).count(), 1);
}

#[test]
fn a_stuck_pod_with_references_of_an_earlier_name_stays_and_is_not_called_unlinked() {
    let (name, logins) = (NAME.parse().unwrap(), Logins::External(vec![("ghcr.io".parse().unwrap(), None)]));
    let team: Namespace = "team".parse().unwrap();
    let delivery =
        delivery(Link::ServiceAccount, vec![PullSecret::new(&name, vec![team.clone()], Accounts::All, &logins)]);
    let pod = stuck_pod(json!({"serviceAccountName": "default", "imagePullSecrets": [{"name": "earlier"}]}));
    let account = (200, "", json!({"metadata": {"name": "default"}, "imagePullSecrets": [{"name": NAME}]}));
    let peer = Peer::with(vec![list(&json!([pod])), account, list(&json!([]))]);
    let mut facts = Facts { namespaces: [(team, Space::default())].into() };
    let ends = run(async { restart(&peer.server(LONG, never), &delivery, &mut facts, Mode::Evict).await }).unwrap();
    assert!(
        matches!(&ends[..], [Stuck { end: End::OtherReferences(account), .. }] if account == "default"),
        "{ends:?}"
    );
}

#[test]
fn the_service_account_of_a_stuck_pod_is_read_even_if_the_run_does_not_choose_it() {
    let (name, logins) = (NAME.parse().unwrap(), Logins::External(vec![("ghcr.io".parse().unwrap(), None)]));
    let (team, chosen): (Namespace, [ResourceName; 1]) = ("team".parse().unwrap(), ["default".parse().unwrap()]);
    let delivery = delivery(
        Link::ServiceAccount,
        vec![PullSecret::new(&name, vec![team.clone()], Accounts::Chosen(&chosen, &[]), &logins)],
    );
    let pod = stuck_pod(json!({"serviceAccountName": "late"}));
    let end = |account| {
        let peer = Peer::with(vec![list(&json!([pod])), account, list(&json!([]))]);
        let mut facts = Facts { namespaces: [(team.clone(), Space::default())].into() };
        let found = run(async { restart(&peer.server(LONG, never), &delivery, &mut facts, Mode::Find).await });
        let asked = &peer.requests()[1];
        assert!(asked.starts_with("GET /api/v1/namespaces/team/serviceaccounts/late "), "{asked}");
        found.unwrap().remove(0).end
    };
    let linked = (200, "", json!({"metadata": {"name": "late"}, "imagePullSecrets": [{"name": NAME}]}));
    assert!(matches!(end(linked), End::Evictable));
    let not_linked = (200, "", json!({"metadata": {"name": "late"}}));
    assert!(matches!(end(not_linked), End::NotLinked(account) if account == "late"));
    let forbidden = (403, "", json!({"message": "no"}));
    assert!(matches!(end(forbidden), End::NotRead(account) if account == "late"));
}
