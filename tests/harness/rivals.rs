//! Writes and watches the lists of ServiceAccounts beside `regcred`, as other controllers do.

use std::io::BufReader;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::bench::Bench;
use super::requests::Requests;

/// The namespace of an object.
pub fn namespace(object: &Value) -> String {
    object["metadata"]["namespace"].as_str().unwrap().to_owned()
}

/// The names in a list of references.
pub fn names(list: &Value) -> Vec<String> {
    let name = |entry: &Value| entry["name"].as_str().unwrap().to_owned();
    list.as_array().into_iter().flatten().map(name).collect()
}

/// A user with all rights, who sends single requests.
pub fn writer(bench: &Bench, user: &str) -> Requests {
    let role = ["create", "clusterrolebinding", user, "--clusterrole=cluster-admin", "--user", user];
    bench.kubectl(&role, "").succeeded();
    Requests::of(bench, user)
}

/// Adds an entry at the end of a list, which may not exist yet.
pub fn add(writer: &Requests, namespace: &str, entry: &str) {
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/default");
    let first = json!([{"op": "test", "path": "/imagePullSecrets", "value": null},
        {"op": "add", "path": "/imagePullSecrets", "value": [{"name": entry}]}]);
    let more = json!([{"op": "add", "path": "/imagePullSecrets/-", "value": {"name": entry}}]);
    Bench::wait("an entry", || {
        [&more, &first].iter().any(|patch| writer.send("PATCH", &path, "json-patch+json", patch).0 == 200)
    });
}

/// Passes on the states of all ServiceAccounts `default`, now and after each change, until `is_over`.
pub fn watch_accounts(bench: &Bench, mut is_over: impl FnMut(&[Value]) -> bool) {
    let mut watch = Command::new("sh");
    // It ends when its stdin closes: the end of the test process always closes it.
    let script = r#""$@" </dev/null & cat >/dev/null; kill $!"#;
    let kubectl = ["get", "serviceaccounts", "-A", "--field-selector=metadata.name=default", "--watch", "-o", "json"];
    watch.args(["-c", script, "sh", bench.tool("kubectl").to_str().unwrap()]).args(kubectl);
    watch.env("KUBECONFIG", bench.kubeconfig()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut watch = watch.spawn().unwrap();
    let states =
        serde_json::Deserializer::from_reader(BufReader::new(watch.stdout.take().unwrap())).into_iter::<Value>();
    for state in states.map_while(Result::ok) {
        // The existing objects come as one list.
        if is_over(&state["items"].as_array().cloned().unwrap_or_else(|| vec![state])) {
            break;
        }
    }
    drop(watch.stdin.take());
    watch.wait().unwrap();
}
