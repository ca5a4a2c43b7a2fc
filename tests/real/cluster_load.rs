//! Applies to many namespaces while others write the same lists, the API server is killed, admission refuses, and the program is ended.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::harness::bench::Bench;
use crate::harness::gate::Gate;
use crate::harness::program::Run;
use crate::harness::rivals::{add, names, namespace, watch_accounts, writer};

const LOGIN: &str = r#"{"auths":{"ghcr.io":{"username":"acme-bot","password":"canary-of-the-login"}}}"#;

/// The label of the served namespaces.
const CHOSEN: &str = "load=yes";

const APPLY: [&str; 4] = ["apply", "--no-config", "--selector", CHOSEN];
const DELETE: [&str; 5] = ["delete", "--no-config", "--selector", CHOSEN, "--yes"];

fn apply(bench: &Bench) -> Run {
    bench.confined(&APPLY).variable("DOCKERHUB_AUTH", LOGIN).run()
}

#[track_caller]
fn ended(run: &Run, status: i32) -> String {
    let said = format!("{}{}", run.stdout, run.stderr);
    assert_eq!(run.status, status, "{said}");
    assert!(!said.contains("canary"), "{said}");
    said
}

fn create(bench: &Bench, objects: &[Value]) {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
    bench.kubectl(&["create", "-f", "-"], &list).succeeded();
}

/// New namespaces with the label, each with its `default` ServiceAccount.
fn namespaces(bench: &Bench, count: usize) -> Vec<String> {
    let names: Vec<_> = (0..count).map(|number| format!("load-{number:04}")).collect();
    let object = |name: &String| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"load": "yes"}}});
    create(bench, &names.iter().map(object).collect::<Vec<_>>());
    Bench::wait("the ServiceAccounts", || accounts(bench).len() == count);
    names
}

/// The lists of the `default` ServiceAccounts of our namespaces, by the order of the names.
fn accounts(bench: &Bench) -> Vec<(String, Vec<String>)> {
    let accounts = bench.get(&["serviceaccounts", "-A", "--field-selector=metadata.name=default"]);
    let list = |account: &Value| names(&account["imagePullSecrets"]);
    let ours = accounts["items"].as_array().unwrap().iter().map(|account| (namespace(account), list(account)));
    ours.filter(|(namespace, _)| namespace.starts_with("load-")).collect()
}

/// Secrets of somebody else, created over many connections at once, because one connection would take minutes.
fn create_foreign_secrets(bench: &Bench, namespaces: &[String], count: usize) {
    const CONNECTIONS: usize = 16;
    let writer = writer(bench, "somebody-else");
    let create = |number: usize, query: &str| {
        let path = format!("/api/v1/namespaces/{}/secrets{query}", namespaces[number % namespaces.len()]);
        let secret = json!({"metadata": {"name": format!("foreign-{number}")}, "stringData": {"token": "theirs"}});
        writer.send("POST", &path, "json", &secret)
    };
    Bench::wait("the rights", || create(0, "?dryRun=All").0 == 201);
    let next = AtomicUsize::new(0);
    let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < count);
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                while let Some(number) = take() {
                    let (status, answer) = create(number, "");
                    assert_eq!(status, 201, "{answer}");
                }
            });
        }
    });
}

/// Watches like OpenShift's controller, which mints a token for every list without its entry: it records the ServiceAccounts, and counts
/// the states of lists that it has seen.
fn mint(bench: &Bench, over: &AtomicBool, seen: &AtomicUsize, minted: &mut Vec<String>) {
    watch_accounts(bench, |states| {
        for state in states {
            let namespace = namespace(state);
            if namespace.starts_with("load-0") && !names(&state["imagePullSecrets"]).contains(&"openshift".to_owned()) {
                minted.push(namespace);
            }
        }
        seen.fetch_add(states.len(), Ordering::Relaxed);
        over.load(Ordering::Relaxed) && states.iter().any(|state| namespace(state) == "load-end")
    });
}

/// The requests of `regcred` to the API server.
fn requests(bench: &Bench) -> Vec<Value> {
    let is_ours = |request: &Value| request["userAgent"].as_str().is_some_and(|agent| agent.starts_with("regcred/"));
    bench.requests().into_iter().filter(is_ours).collect()
}

fn writes(requests: &[Value]) -> usize {
    requests.iter().filter(|request| !["get", "list", "watch"].contains(&request["verb"].as_str().unwrap())).count()
}

#[test]
fn a_thousand_namespaces_are_served_while_others_write_the_same_lists_and_no_foreign_secret_is_read() {
    const NAMESPACES: usize = 1_000;
    const FOREIGN: usize = 20_000;
    let Some(bench) = Bench::alone() else { return };
    let all = namespaces(bench, NAMESPACES);
    create_foreign_secrets(bench, &all, FOREIGN);
    let openshift = writer(bench, "openshift");
    for namespace in &all {
        add(&openshift, namespace, "openshift");
    }
    let second = writer(bench, "second");

    let (over, seen, mut minted) = (AtomicBool::new(false), AtomicUsize::new(0), Vec::new());
    thread::scope(|scope| {
        let watch = scope.spawn(|| mint(bench, &over, &seen, &mut minted));
        Bench::wait("the watch", || seen.load(Ordering::Relaxed) >= NAMESPACES);
        let writes = scope.spawn(|| all.iter().rev().for_each(|namespace| add(&second, namespace, "second")));
        ended(&apply(bench), 0);
        writes.join().unwrap();
        // The last state that the watch must see.
        over.store(true, Ordering::Relaxed);
        let end = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "load-end"}});
        create(bench, &[end]);
        // Each list as it was, and as each of the two writers changed it.
        watch.join().unwrap();
        assert!(seen.load(Ordering::Relaxed) >= 3 * NAMESPACES);
    });
    assert!(minted.is_empty(), "the entry was missing in {minted:?}");
    for (namespace, list) in accounts(bench).into_iter().filter(|(namespace, _)| namespace != "load-end") {
        let (first, mut others) = (list[0].as_str(), list[1..].to_vec());
        others.sort();
        assert_eq!(
            (first, others),
            ("openshift", vec!["image-pull-secret".to_owned(), "second".to_owned()]),
            "{namespace}"
        );
    }

    let first = requests(bench);
    assert!(writes(&first) >= 2 * NAMESPACES);
    ended(&apply(bench), 0);
    let both = requests(bench);
    assert_eq!(writes(&both), writes(&first), "the second run wrote something");
    // It reads each kind with one list of the whole cluster, page by page.
    let mut listed = BTreeSet::new();
    for request in &both[first.len()..] {
        let resource = request["objectRef"]["resource"].as_str().unwrap_or_default();
        if ["namespaces", "secrets", "serviceaccounts"].contains(&resource) {
            let uri = request["requestURI"].as_str().unwrap();
            assert!(request["verb"] == "list" && request["objectRef"]["namespace"].is_null(), "{uri}");
            assert!(uri.contains("limit="), "{uri}");
            listed.insert(resource);
        }
    }
    assert_eq!(listed.len(), 3, "{listed:?}");
    println!("{} requests were made beside {FOREIGN} foreign Secrets", both.len());
    for request in &both {
        if request["objectRef"]["resource"] == "secrets" {
            let uri = request["requestURI"].as_str().unwrap();
            let by_name = request["objectRef"]["name"] == "image-pull-secret"
                || uri.contains("metadata.name%3Dimage-pull-secret");
            assert!(by_name, "{uri}");
        }
    }
}

#[test]
fn a_run_whose_api_server_is_killed_is_completed_by_itself_or_by_the_next_one() {
    const NAMESPACES: usize = 300;
    let Some(bench) = Bench::alone() else { return };
    let all = namespaces(bench, NAMESPACES);
    let writer = writer(bench, "somebody");
    for namespace in &all {
        add(&writer, namespace, "theirs");
    }
    thread::scope(|scope| {
        let run = scope.spawn(|| apply(bench));
        Bench::wait("the first writes", || writes(&requests(bench)) > NAMESPACES / 10);
        let written = writes(&requests(bench));
        bench.kill_the_api_server();
        let run = run.join().unwrap();
        assert!(written < 2 * NAMESPACES, "all {written} writes were done before");
        let said = ended(&run, run.status);
        assert!([0, 1].contains(&run.status), "{said}");
    });
    ended(&apply(bench), 0);
    for (namespace, list) in accounts(bench) {
        assert_eq!(list, ["theirs", "image-pull-secret"], "{namespace}");
    }
    let secrets = bench.get(&["secrets", "-A", "--field-selector=metadata.name=image-pull-secret"]);
    assert_eq!(secrets["items"].as_array().unwrap().len(), NAMESPACES);
    let before = writes(&requests(bench));
    ended(&apply(bench), 0);
    assert_eq!(writes(&requests(bench)), before, "the run after wrote something");
}

/// The namespaces that have our Secret.
fn with_the_secret(bench: &Bench) -> BTreeSet<String> {
    let secrets = bench.get(&["secrets", "-A", "--field-selector=metadata.name=image-pull-secret"]);
    secrets["items"].as_array().unwrap().iter().map(namespace).collect()
}

/// The namespaces whose ServiceAccount refers to our Secret, after the entry that it had before.
fn with_the_reference(bench: &Bench) -> BTreeSet<String> {
    let accounts = accounts(bench);
    assert!(accounts.iter().all(|(_, list)| list[0] == "theirs"), "{accounts:?}");
    accounts
        .into_iter()
        .filter(|(_, list)| list[1..] == ["image-pull-secret"])
        .map(|(namespace, _)| namespace)
        .collect()
}

/// Ends a run by a signal after this many writes, while it waits for the answers to the next ones.
fn interrupted(bench: &Bench, arguments: &[&str], writes: usize, signal: &str) -> Output {
    let account = bench.account_for(arguments);
    let gate = Gate::of(bench, account.file_name().unwrap().to_str().unwrap(), writes);
    let program = bench.program("regcred").arguments(arguments).variable("KUBECONFIG", &gate.kubeconfig);
    let run = program.variable("DOCKERHUB_AUTH", LOGIN).begin();
    gate.wait_until_it_holds();
    let kill = Command::new("kill").args([format!("-{signal}"), run.id().to_string()]).status().unwrap();
    assert!(kill.success());
    run.wait_with_output().unwrap()
}

#[test]
fn a_run_that_is_ended_between_two_writes_loses_nothing_and_the_next_one_completes_the_cluster() {
    // More than are written at once.
    const NAMESPACES: usize = 60;
    const WRITES: usize = 70;
    let Some(bench) = Bench::alone() else { return };
    let all: BTreeSet<_> = namespaces(bench, NAMESPACES).into_iter().collect();
    let writer = writer(bench, "somebody");
    for namespace in &all {
        add(&writer, namespace, "theirs");
    }
    for (signal, number) in [("INT", 2), ("KILL", 9)] {
        let is_told = |run: &Output| {
            let said = String::from_utf8_lossy(&run.stderr);
            assert_eq!(run.status.signal(), Some(number), "{said}");
            assert_eq!(said.contains("interrupted before everything was done"), signal == "INT", "{said}");
            assert!(!said.contains("canary"), "{said}");
        };
        is_told(&interrupted(bench, &APPLY, WRITES, signal));
        let (secrets, references) = (with_the_secret(bench), with_the_reference(bench));
        assert_eq!(secrets.len() + references.len(), WRITES);
        assert!(secrets.is_subset(&references) && !secrets.is_empty(), "{secrets:?} {references:?}");
        ended(&apply(bench), 0);
        assert_eq!((with_the_secret(bench), with_the_reference(bench)), (all.clone(), all.clone()));

        is_told(&interrupted(bench, &DELETE, WRITES, signal));
        let (secrets, references) = (with_the_secret(bench), with_the_reference(bench));
        assert_eq!(secrets.len() + references.len(), 2 * NAMESPACES - WRITES);
        assert!(references.is_subset(&secrets) && secrets.len() < NAMESPACES, "{secrets:?} {references:?}");
        ended(&bench.confined(&DELETE).run(), 0);
        assert_eq!((with_the_secret(bench), with_the_reference(bench)), (BTreeSet::new(), BTreeSet::new()));
    }
}

#[test]
fn a_quota_a_webhook_and_a_policy_that_refuse_are_named_and_all_other_namespaces_are_served() {
    let Some(bench) = Bench::alone() else { return };
    let all = namespaces(bench, 6);
    let [quota, webhook, policy] = [&all[0], &all[1], &all[2]];
    let of = |name: &str| json!({"matchLabels": {"kubernetes.io/metadata.name": name}});
    let secrets =
        json!({"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["secrets"]});
    create(
        bench,
        &[
            json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none", "namespace": quota},
            "spec": {"hard": {"count/secrets": "0"}}}),
            json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "unreachable"}, "webhooks": [{"name": "unreachable.example.com", "sideEffects": "None",
                "admissionReviewVersions": ["v1"], "clientConfig": {"url": "https://127.0.0.1:1/"},
                "namespaceSelector": of(webhook), "rules": [secrets]}]}),
            json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": "no-secrets"}, "spec": {"matchConstraints": {"resourceRules": [secrets]},
                "validations": [{"expression": "false", "message": "ask the platform team"}]}}),
            json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": "no-secrets"}, "spec": {"policyName": "no-secrets", "validationActions": ["Deny"],
                "matchResources": {"namespaceSelector": of(policy)}}}),
        ],
    );
    Bench::wait("the refusals to be in force", || {
        [quota, webhook, policy].iter().all(|namespace| {
            let create = ["create", "secret", "generic", "probe", "--dry-run=server", "-n", namespace];
            bench.kubectl(&create, "").status != 0
        })
    });

    let said = ended(&apply(bench), 1);
    for (namespace, why) in
        [(quota, "exceeded quota"), (webhook, "unreachable.example.com"), (policy, "ask the platform team")]
    {
        let named = said.lines().any(|line| line.contains(namespace.as_str()) && line.contains(why));
        assert!(named, "{namespace}: {why}: {said}");
    }
    let served = |name: &String| bench.kubectl(&["get", "secret", "image-pull-secret", "-n", name], "").status == 0;
    assert_eq!(all.iter().filter(|name| served(name)).collect::<Vec<_>>(), all[3..].iter().collect::<Vec<_>>());

    bench.kubectl(&["delete", "resourcequota", "none", "-n", quota], "").succeeded();
    bench.kubectl(&["delete", "validatingwebhookconfiguration", "unreachable"], "").succeeded();
    bench.kubectl(&["delete", "validatingadmissionpolicybinding", "no-secrets"], "").succeeded();
    Bench::wait("the refusals to be gone", || apply(bench).status == 0);
    assert!(all.iter().all(served));
}
