//! Reads an owner's objects from a fake API server, as an account that may list everything.

#![cfg(test)]

mod peer;

use std::collections::BTreeSet;

use peer::{LONG, Peer, delivery, never, run};
use regcred_cluster::execute::{Ending, execute};
use regcred_cluster::owned::{self, Others};
use regcred_cluster::read::Wanted;
use regcred_core::cluster::{Facts, Removal, Space};
use regcred_core::spec::choice::Link;
use serde_json::{Value, json};

fn list(items: &[Value]) -> (u16, &'static str, Value) {
    (200, "", json!({"items": items}))
}

#[test]
fn a_reference_to_a_secret_of_somebody_else_stays_and_one_to_no_secret_goes() {
    let name = "pull".parse().unwrap();
    let theirs = json!({"metadata": {"name": "pull", "namespace": "legacy", "uid": "u"}});
    let account = json!({"metadata": {"name": "default"}, "imagePullSecrets": [{"name": "pull"}]});
    for (secrets, left_over) in [(vec![theirs], 0), (vec![], 1)] {
        // A Secret that `kubectl create secret` made has no label.
        let peer = Peer::with(vec![list(&[]), list(&secrets), list(std::slice::from_ref(&account))]);
        let mut spaces = [("legacy".parse().unwrap(), Space::default())].into();
        run(async { owned::read(&peer.server(LONG, never), &mut spaces, &[&name], Wanted::All).await }).unwrap();
        let removal = Removal { owner: "acme", names: vec![&name], wanted: BTreeSet::new() };
        assert_eq!(removal.steps(&Facts { namespaces: spaces }).len(), left_over);
        let requests = peer.requests();
        let by_name = "GET /api/v1/namespaces/legacy/secrets?limit=500&fieldSelector=metadata.name%3Dpull&continue= ";
        assert!(requests[1].starts_with(by_name), "{requests:?}");
    }
}

#[test]
fn without_the_right_to_list_only_the_named_service_accounts_are_read_and_the_caller_knows() {
    let (name, account) = ("pull".parse().unwrap(), "default".parse().unwrap());
    let gone = (404, "", json!({"message": "no"}));
    let default = (200, "", json!({"metadata": {"name": "default"}}));
    for (answers, only) in [
        (vec![forbidden(), gone, default.clone()], Some(vec![&account])),
        (vec![list(&[]), list(&[]), forbidden(), default], Some(vec![&account])),
        (vec![list(&[]), list(&[]), list(&[])], None),
    ] {
        let mut spaces = [("team".parse().unwrap(), Space::default())].into();
        let (peer, named) = (Peer::with(answers), Wanted::Named(vec![&account]));
        let read = run(async { owned::read(&peer.server(LONG, never), &mut spaces, &[&name], named).await });
        assert_eq!(read.unwrap(), only);
    }
}

fn forbidden() -> (u16, &'static str, Value) {
    (403, "", json!({"message": "no"}))
}

/// The answers of a cluster with a grant of this owner to the lists of its other objects; `of_bindings` answers the list of `RoleBindings`.
fn grant(of_bindings: (u16, &'static str, Value)) -> Vec<(u16, &'static str, Value)> {
    let none = || list(&[]);
    let policies = || list(&[ours("")]);
    vec![none(), none(), none(), of_bindings, list(&[ours("team")]), none(), none(), none(), policies(), policies()]
}

fn ours(namespace: &str) -> Value {
    json!({"metadata": {"name": "g", "namespace": namespace, "uid": "u",
        "labels": {"app.kubernetes.io/managed-by": "regcred"}, "annotations": {"regcred.dev/owner": "acme"}}})
}

fn others(peer: &Peer) -> Others {
    run(async { owned::others(&peer.server(LONG, never), "acme").await }).unwrap()
}

#[test]
fn rights_are_removed_before_the_policies_that_confine_them() {
    let found = others(&Peer::with(grant(list(&[ours("team")]))));
    let paths: Vec<_> = found.steps.iter().map(|step| step.change.path.as_str()).collect();
    let policies = ["ValidatingAdmissionPolicyBinding/g", "ValidatingAdmissionPolicy/g"];
    assert_eq!(paths, [&["team/RoleBinding/g", "team/Role/g"][..], &policies].concat());
    assert!(found.unread.is_empty() && found.kept.is_empty());

    let found = others(&Peer::with(grant(forbidden())));
    assert_eq!((found.unread, found.kept), (vec!["RoleBinding"], policies.map(str::to_owned).to_vec()));
    assert_eq!(found.steps.len(), 1, "the Role that was found goes");
}

#[test]
fn a_policy_stays_if_the_rights_that_it_confines_cannot_be_deleted() {
    let delivery = delivery(Link::None, Vec::new());
    let deleted = || (200, "", json!({}));
    for (answers, expected) in [
        (vec![forbidden(), deleted()], ["forbids", "", "stays", "stays"]),
        (vec![deleted(), deleted(), deleted(), deleted()], [""; 4]),
    ] {
        let steps = others(&Peer::with(grant(list(&[ours("team")])))).steps;
        let (peer, count) = (Peer::with(answers.clone()), answers.len());
        let done = run(async { execute(&peer.server(LONG, never), &delivery, steps, &|| ()).await });
        for ((step, ending), expected) in done.iter().zip(expected) {
            match ending {
                Ending::Failed(problem) => {
                    assert!(!expected.is_empty() && problem.message.contains(expected), "{problem:?}");
                    assert!(problem.message.contains("the RoleBinding team/g"), "{problem:?}");
                }
                ending => assert!(expected.is_empty() && matches!(ending, Ending::Written), "{step:?} {ending:?}"),
            }
        }
        assert_eq!(peer.requests().len(), count);
    }
}
