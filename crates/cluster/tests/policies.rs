//! Writes admission policies to a fake API server while another run writes them, too.

#![cfg(test)]

mod peer;

use peer::{LONG, Peer, delivery, never, run};
use regcred_cluster::execute::{Ending, execute};
use regcred_cluster::policy::leave;
use regcred_core::cluster::policy::Merge;
use regcred_core::cluster::{Accounts, Delivery, PullSecret};
use regcred_core::docker_config::Logins;
use regcred_core::spec::choice::Link;
use serde_json::{Value, json};

const PATH: &str = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings/acme.pull";

/// The binding of the owner `acme` as the API server has it.
fn binding(version: &str, namespaces: &[&str]) -> Value {
    let names = json!([{"key": "kubernetes.io/metadata.name", "operator": "In", "values": namespaces}]);
    json!({
        "metadata": {"name": "acme.pull", "uid": "u", "resourceVersion": version,
            "labels": {"app.kubernetes.io/managed-by": "regcred"}, "annotations": {"regcred.dev/owner": "acme"}},
        "spec": {"policyName": "acme.pull", "matchResources": {"namespaceSelector": {"matchExpressions": names}}},
    })
}

/// The pull secret `pull` of the owner `acme` in the namespace `mine`.
fn with_delivery<T>(work: impl FnOnce(&Delivery<'_>) -> T) -> T {
    let (name, logins) = ("pull".parse().unwrap(), Logins::Unavailable);
    let pull_secret = PullSecret::new(&name, vec!["mine".parse().unwrap()], Accounts::All, &logins);
    work(&delivery(Link::Policy, vec![pull_secret]))
}

/// The outcome for the binding, and the requests.
fn executed(merge: Merge, there: Option<&Value>, answers: Vec<(u16, &'static str, Value)>) -> (String, Vec<String>) {
    with_delivery(|delivery| {
        let bindings = delivery.policies(merge).split_off(1);
        let steps = delivery.compare_policies(&bindings, &[there.cloned()]);
        let peer = Peer::with(answers);
        let done = run(async { execute(&peer.server(LONG, never), delivery, steps, &|| ()).await });
        let ending = match &done[0].1 {
            Ending::Failed(problem) => problem.message.clone(),
            ending => format!("{ending:?}"),
        };
        (ending, peer.requests())
    })
}

#[test]
fn a_binding_is_written_only_as_it_was_read_and_keeps_the_namespaces_of_a_faster_run() {
    let conflict = || (409, "", json!({"message": "conflict"}));
    let written = || (200, "", json!({}));
    let faster = || (200, "", binding("8", &["first", "theirs"]));
    for (merge, expected) in
        [(Merge::Add, r#""values":["first","mine","theirs"]"#), (Merge::Replace, r#""values":["mine"]"#)]
    {
        let (ending, requests) =
            executed(merge, Some(&binding("7", &["first"])), vec![conflict(), faster(), written()]);
        assert_eq!(ending, "Written");
        assert!(
            requests[0].contains(r#""resourceVersion":"7""#) && requests[0].contains(r#""uid":"u""#),
            "{requests:?}"
        );
        assert!(requests[1].starts_with(&format!("GET {PATH} ")), "{requests:?}");
        assert!(
            requests[2].starts_with(&format!("PATCH {PATH}?fieldManager=regcred-acme&force=true ")),
            "{requests:?}"
        );
        assert!(requests[2].contains(r#""resourceVersion":"8""#) && requests[2].contains(expected), "{requests:?}");
    }
}

#[test]
fn the_first_of_two_runs_that_create_a_binding_keeps_its_namespaces() {
    let conflict = || (409, "", json!({"message": "the object has been modified"}));
    let faster = || (200, "", binding("8", &["theirs"]));
    let (ending, requests) = executed(Merge::Add, None, vec![conflict(), faster(), (200, "", json!({}))]);
    assert_eq!(ending, "Written");
    assert!(requests[0].contains(r#""resourceVersion":"1""#) && !requests[0].contains("uid"), "{requests:?}");
    let expected = [r#""values":["mine","theirs"]"#, r#""resourceVersion":"8""#];
    assert!(expected.iter().all(|expected| requests[2].contains(expected)), "{requests:?}");
}

#[test]
fn a_binding_that_is_gone_meanwhile_is_created_and_that_of_somebody_else_stays() {
    let conflict = || (409, "", json!({"message": "conflict"}));
    let (ending, requests) = executed(
        Merge::Add,
        Some(&binding("7", &["first"])),
        vec![conflict(), (404, "", json!({})), (201, "", json!({}))],
    );
    assert_eq!(ending, "Written");
    assert!(requests[2].contains(r#""resourceVersion":"1""#) && !requests[2].contains("uid"), "{requests:?}");
    let mut theirs = binding("8", &["first"]);
    theirs["metadata"]["annotations"]["regcred.dev/owner"] = json!("other");
    let (ending, requests) = executed(Merge::Add, Some(&binding("7", &["first"])), vec![conflict(), (200, "", theirs)]);
    assert!(ending.contains("was written by somebody else while this run was going on"), "{ending}");
    assert_eq!(requests.len(), 2, "nothing is written after it was read");
}

#[test]
fn a_binding_that_needs_no_removal_any_more_stays_as_another_run_left_it() {
    let conflict = || (409, "", json!({"message": "conflict"}));
    let mut of_a_patcher = binding("8", &["mine", "theirs"]);
    of_a_patcher["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"][0]["operator"] = json!("NotIn");
    for found in [
        (404, "", json!({})),
        (200, "", binding("8", &["mine"])),
        (200, "", binding("8", &["theirs"])),
        (200, "", of_a_patcher),
    ] {
        let (ending, requests) =
            executed(Merge::Remove, Some(&binding("7", &["mine", "theirs"])), vec![conflict(), found]);
        assert_eq!((ending.as_str(), requests.len()), ("Kept", 2), "{requests:?}");
    }
}

#[test]
fn a_namespace_that_loses_its_pull_secret_leaves_the_binding_or_a_note_says_that_it_is_served() {
    let found = |namespaces: &[&str]| (200, "", binding("7", namespaces));
    let may = |allowed: bool| (201, "", json!({"status": {"allowed": allowed}}));
    let left = |answers| {
        with_delivery(|delivery| {
            let peer = Peer::with(answers);
            let left = run(async { leave(&peer.server(LONG, never), delivery).await }).unwrap();
            let (steps, notes) = left?;
            let answers = vec![(200, "", json!({}))];
            let peer = Peer::with(answers);
            let _ = run(async { execute(&peer.server(LONG, never), delivery, steps, &|| ()).await });
            Some((peer.requests(), notes))
        })
    };
    let (requests, notes) = left(vec![found(&["mine", "theirs"]), may(true), may(true)]).unwrap();
    assert!(requests[0].contains(r#""values":["theirs"]"#) && requests[0].contains(r#""resourceVersion":"7""#));
    assert!(notes.is_empty(), "{notes:?}");
    for (answers, hint) in [
        (vec![found(&["mine", "theirs"]), may(false)], "run the same command with an account that may patch"),
        (vec![found(&["mine"])], "`delete --all-namespaces` removes"),
    ] {
        let (requests, notes) = left(answers).unwrap();
        assert!(requests.is_empty(), "{requests:?}");
        let said = "MutatingAdmissionPolicyBinding/acme.pull still adds the reference to new Pods in mine";
        assert_eq!((notes.len(), notes[0].message.as_str()), (1, said));
        assert!(notes[0].hint.as_ref().unwrap().contains(hint), "{notes:?}");
    }
    for answer in [found(&["theirs"]), (404, "", json!({}))] {
        let (requests, notes) = left(vec![answer]).unwrap();
        assert!(requests.is_empty() && notes.is_empty(), "{requests:?} {notes:?}");
    }
    assert!(left(vec![(403, "", json!({"message": "no"}))]).is_none());
}
