//! Disturbs `regcred controller` on the real API server, and finds nothing lost, nothing of others touched and no token minted.

use serde_json::{Value, json};

use crate::harness::bench::Bench;
use crate::harness::controller::{Installed, NEW};

/// What the account of an installation has asked for: verb, resource, and the request.
fn requests(installed: &Installed) -> Vec<(String, String, Value)> {
    let user = format!("system:serviceaccount:{}:regcred-{}", installed.system, installed.owner);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let ours = installed.bench.requests().into_iter().filter(|request| request["user"]["username"] == user.as_str());
    ours.map(|request| (text(&request["verb"]), text(&request["objectRef"]["resource"]), request)).collect()
}

#[test]
fn an_api_server_that_streams_no_lists_is_asked_for_lists_by_name_with_a_role_of_its_own() {
    let Some(bench) = Bench::without_streamed_lists() else { return };
    let installed = Installed::confined_since(bench, "1.33");
    let early = installed.namespace();
    let replica = installed.start(&[]);
    Bench::wait("the first namespace", || installed.is_served(&early, "canary-of-old"));
    let late = installed.namespace();
    Bench::wait("the new namespace", || installed.is_served(&late, "canary-of-old"));
    installed.mount_login(NEW);
    Bench::wait("the rotation", || [&early, &late].iter().all(|name| installed.is_served(name, "canary-of-new")));
    bench.kubectl(&["delete", "secret", &installed.owner, "-n", &late], "").succeeded();
    Bench::wait("the deleted Secret", || installed.is_served(&late, "canary-of-new"));
    assert_eq!(replica.answer("/readyz").0, 200);
    let mut lists = 0;
    for (verb, resource, request) in requests(&installed) {
        let uri = request["requestURI"].as_str().unwrap();
        assert!(verb != "get" || resource == "leases" || resource.is_empty(), "{request}");
        assert!(
            verb != "list" && verb != "watch" || resource == "namespaces" || uri.contains("metadata.name%3D"),
            "{uri}"
        );
        lists += usize::from(verb == "list");
    }
    assert!(lists >= 3, "{lists}");

    // Without the right to list it says what it lacks.
    let role = format!("regcred-{}", installed.owner);
    let mut rules = bench.get(&["clusterrole", &role])["rules"].clone();
    for rule in rules.as_array_mut().unwrap() {
        rule["verbs"].as_array_mut().unwrap().retain(|verb| verb != "list");
    }
    let patch = json!({"rules": rules}).to_string();
    bench.kubectl(&["patch", "clusterrole", &role, "--type=merge", "-p", &patch], "").succeeded();
    let account = format!("system:serviceaccount:{}:{role}", installed.system);
    Bench::wait("the role to be in force", || {
        bench.kubectl(&["auth", "can-i", "list", "namespaces", "--as", &account], "").status != 0
    });
    let other = installed.start(&[]);
    other.says("before Kubernetes 1.34 it needs the right to list, which --kube-version 1.33 grants");
    assert_eq!(other.answer("/readyz").0, 503);
}
