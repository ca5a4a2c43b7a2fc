//! Reads the objects that an installation has made in many namespaces at once, and the requests of its account.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::bench::{Bench, setting};
use super::controller::Installed;
use super::rivals::{names, namespace};

/// The requests of an installation's account: verb, resource and audit event of each.
pub fn requests(installed: &Installed) -> Vec<(String, String, Value)> {
    let user = format!("system:serviceaccount:{}:regcred-{}", installed.system, installed.owner);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let ours = installed.bench.requests().into_iter().filter(|request| request["user"]["username"] == user.as_str());
    ours.map(|request| (text(&request["verb"]), text(&request["objectRef"]["resource"]), request)).collect()
}

/// The number of namespaces of a test; `REGCRED_CHAOS` multiplies it.
pub fn many(count: usize) -> usize {
    count * setting("REGCRED_CHAOS").map_or(1, |times| times.parse::<usize>().expect("REGCRED_CHAOS is a number"))
}

/// Waits longer than `Bench::wait`, for work that a client does only once a minute.
pub fn wait_minutes(what: &str, is_so: impl FnMut() -> bool) {
    Bench::wait_for(Duration::from_secs(240), what, is_so);
}

/// New namespaces that the installation serves, each with its `default` ServiceAccount.
pub fn namespaces(installed: &Installed, count: usize) -> Vec<String> {
    let names: Vec<_> = (0..count).map(|number| format!("{}-{number:05}", installed.owner)).collect();
    let object = |name: &String| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let items: Vec<_> = names.iter().map(object).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    installed.bench.kubectl(&["create", "-f", "-"], &list).succeeded();
    Bench::wait("the ServiceAccounts", || references(installed).len() >= count);
    names
}

/// The objects of a kind and a name in the namespaces of the installation; `None` if the API server does not answer.
fn objects(installed: &Installed, kind: &str, name: &str) -> Option<Vec<Value>> {
    let selector = format!("--field-selector=metadata.name={name}");
    let run = installed.bench.kubectl(&["get", kind, "-A", &selector, "-o", "json"], "");
    let found: Value = serde_json::from_str(&run.stdout).ok().filter(|_| run.status == 0)?;
    let prefix = format!("{}-", installed.owner);
    let is_here = |object: &&Value| namespace(object).starts_with(&prefix);
    Some(found["items"].as_array()?.iter().filter(is_here).cloned().collect())
}

/// The `imagePullSecrets` of the `default` ServiceAccounts, by namespace.
pub fn references(installed: &Installed) -> BTreeMap<String, Vec<String>> {
    let accounts = objects(installed, "serviceaccounts", "default").unwrap_or_default();
    accounts.iter().map(|account| (namespace(account), names(&account["imagePullSecrets"]))).collect()
}

/// The Docker config of each pull secret, by namespace.
pub fn logins(installed: &Installed) -> BTreeMap<String, String> {
    let login = |secret: &Value| {
        let text = secret["data"][".dockerconfigjson"].as_str().unwrap_or_default();
        String::from_utf8(base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap()).unwrap()
    };
    let secrets = objects(installed, "secrets", &installed.owner).unwrap_or_default();
    secrets.iter().map(|secret| (namespace(secret), login(secret))).collect()
}

/// Whether each namespace has the login, and the reference once.
pub fn are_served(installed: &Installed, all: &[String], password: &str) -> bool {
    let (logins, references) = (logins(installed), references(installed));
    let has_login = |name: &String| logins.get(name).is_some_and(|login| login.contains(password));
    let refers = |list: &Vec<String>| list.iter().filter(|entry| **entry == installed.owner).count() == 1;
    all.iter().all(|name| has_login(name) && references.get(name).is_some_and(refers))
}

/// The number of writes of the installation's account so far. The log is long, so its lines are not parsed.
pub fn writes(installed: &Installed) -> usize {
    let account = format!("\"system:serviceaccount:{}:regcred-{}\"", installed.system, installed.owner);
    let log = std::fs::read_to_string(installed.bench.kubeconfig().with_file_name("audit.log")).unwrap();
    let has = |line: &str, words: &[&str]| words.iter().any(|words| line.contains(words));
    let is_write = |line: &&str| {
        has(line, &[r#""verb":"patch""#, r#""verb":"delete""#])
            && has(line, &[r#""resource":"secrets""#, r#""resource":"serviceaccounts""#])
            && line.contains(&account)
            && !line.contains("dryRun")
    };
    log.lines().filter(is_write).count()
}

/// The account made only permitted requests: no read of other Secrets, no token, no write of a foreign object, and no list.
pub fn asked_only_for_its_own(installed: &Installed) {
    let all = requests(installed);
    assert!(!all.is_empty());
    for (verb, resource, request) in all {
        let (uri, name) = (request["requestURI"].as_str().unwrap(), &request["objectRef"]["name"]);
        assert!(request["objectRef"]["subresource"].is_null(), "{request}");
        assert!(request["userAgent"].as_str().unwrap().starts_with("regcred/"), "{request}");
        let may = match (verb.as_str(), resource.as_str()) {
            ("watch", "namespaces")
            | ("get" | "watch" | "patch", "leases")
            // The version of the API server.
            | ("get", "")
            | ("create" | "patch", "events") => true,
            ("watch", "secrets" | "serviceaccounts") => uri.contains("fieldSelector=metadata.name%3D"),
            ("patch" | "delete", "secrets") => name == installed.owner.as_str(),
            ("patch", "serviceaccounts") => name == "default",
            _ => false,
        };
        assert!(may, "{request}");
    }
}
