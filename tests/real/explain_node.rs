//! Breaks pulls on a real node, and expects `explain` to name each cause from the messages of its kubelet and containerd.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use rustls::ServerConnection;
use serde_json::{Value, json};

use crate::explain::{Case, Registries, account, case, cases, explained, list, pod, registries, secret};
use crate::harness::bench::Bench;
use crate::harness::peers::{self, Peers, Reply};

/// The state of a container whose image the kubelet does not get.
const REASONS: [&str; 4] = ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"];

/// A registry that refuses every pull for now.
fn registry_with_a_limit() -> Peers {
    Peers::start(|_| {
        let body =
            json!({"errors": [{"code": "TOOMANYREQUESTS", "message": "You have reached your pull rate limit."}]});
        Reply::Answer(429, vec![("Content-Type", "application/json".to_owned())], body.to_string())
    })
}

/// The port of a registry with a certificate that no node trusts.
fn registry_with_a_certificate() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, tls) = (listener.local_addr().unwrap().port(), Arc::new(peers::tls()));
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // The node gives up after the certificate.
            let _ = ServerConnection::new(Arc::clone(&tls)).unwrap().complete_io(&mut stream);
        }
    });
    port
}

/// The causes that a node can show: everything about logins, and about the network between the node and a registry.
fn cases_of_a_node(registries: &Registries, limited: u16, encrypted: u16) -> Vec<Case> {
    let (plain, tokens) = (registries.plain.host.as_str(), registries.tokens.host.as_str());
    let port = plain.split_once(':').unwrap().1;
    let is_here = |case: &Case| case.image.starts_with(plain) || case.image.starts_with(tokens);
    // A running container has no failing pull, and if the Secret comes late, the next try succeeds.
    let fails = |case: &Case| !case.late && !["only-cached", "fine"].contains(&case.cause);
    let of_logins = cases(plain, tokens).into_iter().filter(|case| is_here(case) && fails(case));
    let of_the_network = [
        case("rate-limit", &format!("localhost:{limited}/acme/api:1"), &format!("localhost:{limited}"), "x"),
        case("unknown-authority", &format!("a.registry.test:{encrypted}/acme/api:1"), "a.registry.test", "x"),
        case("invalid-certificate", &format!("registry-with-another-name.test:{encrypted}/acme/api:1"), "x.test", "x"),
        case("plain-http", &format!("a.registry.test:{port}/acme/api:1"), "a.registry.test", "x"),
        case("unreachable", "localhost:1/acme/api:1", "localhost:1", "x"),
        case("unknown-host", "nobody-has-this-name.test/acme/api:1", "nobody-has-this-name.test", "x"),
        case("invalid-image-name", "ghcr.io/Acme/api", "ghcr.io", "x"),
        case("never-pull", "ghcr.io/acme/api:1", "ghcr.io", "x"),
    ];
    of_logins.chain(of_the_network).collect()
}

/// The Pod of a case, for the scheduler of the node.
fn pod_of_the_node(case: &Case, number: usize) -> Value {
    let mut pod = pod(case, number);
    let spec = pod["spec"].as_object_mut().unwrap();
    spec.remove("nodeName");
    if !case.is_scheduled {
        spec.insert("nodeSelector".to_owned(), json!({"no-node": "has-this"}));
    }
    let policy = if case.cause == "never-pull" { "Never" } else { "Always" };
    spec["containers"][0]["imagePullPolicy"] = json!(policy);
    spec.insert("terminationGracePeriodSeconds".to_owned(), json!(0));
    pod
}

/// The state of a Pod at the kubelet, after a try.
fn words(bench: &Bench, namespace: &str, name: &str) -> String {
    let mut said = String::new();
    Bench::wait(&format!("the node to try {name}"), || {
        let pod = bench.get(&["pod", name, "-n", namespace]);
        let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
        let (reason, message) = (waiting["reason"].as_str(), waiting["message"].as_str());
        said = format!("{}: {}", reason.unwrap_or_default(), message.unwrap_or_default());
        reason.is_some_and(|reason| REASONS.contains(&reason)) && message.is_some_and(|message| !message.is_empty())
    });
    said
}

#[test]
fn each_pull_that_breaks_on_a_real_node_is_named_from_its_own_words() {
    let Some((bench, node)) = Bench::with_a_node() else { return };
    let [namespace] = bench.namespaces();
    let Some(registries) = node.inside(registries) else { return };
    let (limited, encrypted) = node.inside(|| (registry_with_a_limit(), registry_with_a_certificate()));
    let cases = cases_of_a_node(&registries, limited.port, encrypted);
    let apply = |objects: Vec<Value>| {
        let apply = ["apply", "--server-side", "-n", &namespace, "-f", "-"];
        Bench::wait("the objects", || bench.kubectl(&apply, &list(&objects)).status == 0);
    };
    let numbered = || (0..).zip(&cases);
    apply(numbered().filter_map(|(number, case)| secret(case, number)).collect());
    apply(numbered().map(|(number, case)| account(case, number, &case.account.0)).collect());
    apply(numbered().map(|(number, case)| pod_of_the_node(case, number)).collect());
    let created = Instant::now();
    // Dates of the API server have whole seconds.
    Bench::wait("the next second", || created.elapsed().as_millis() > 1_100);
    apply(numbered().filter_map(|(number, case)| Some(account(case, number, case.account.1.as_ref()?))).collect());

    let mut wrong = Vec::new();
    for (number, case) in numbered() {
        let name = format!("pod-{number}");
        // With a broken Secret a kubelet does not even try.
        let tries = case.is_scheduled && !["secret-broken", "bad-entry"].contains(&case.cause);
        let words = if tries { words(bench, &namespace, &name) } else { String::new() };
        let named = node.inside(|| explained(bench, &registries, &["pod", &name, "-n", &namespace]));
        println!("{}: {words}", case.cause);
        if named != case.cause {
            wrong.push(format!("{} was named {named}: {words}", case.cause));
        }
    }
    println!("{} of {} causes are named rightly on a real node", cases.len() - wrong.len(), cases.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}
