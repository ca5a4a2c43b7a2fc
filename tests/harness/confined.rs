//! Runs `regcred` as an account that may do what one command needs, and nothing else.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::bench::{self, Bench, fresh};
use super::program::Program;
use super::requests::Requests;

/// The kubeconfigs of the accounts, by what was granted to each.
pub type Accounts = Mutex<BTreeMap<String, PathBuf>>;

/// The flags that decide about the rights of a command, and whether a value follows.
const FLAGS: [(&str, bool); 14] = [
    ("-A", false),
    ("-l", true),
    ("-n", true),
    ("--all-namespaces", false),
    ("--config", true),
    ("--exclude", true),
    ("--link", true),
    ("--namespaces", true),
    ("--no-config", false),
    ("--prune", false),
    ("--restart-stuck-pods", false),
    ("--secret-name", true),
    ("--selector", true),
    ("--service-account", true),
];

impl Bench {
    /// `regcred` with these arguments, as an account with the rights that `render --format rbac` writes for them.
    ///
    /// The account cannot read or create any other Secret. `render` and `--as` run as the administrator.
    pub fn confined(&self, arguments: &[&str]) -> Program {
        let program = self.program("regcred").arguments(arguments);
        if arguments.contains(&"--as") || arguments.contains(&"render") {
            return program;
        }
        program.variable("KUBECONFIG", self.account_for(arguments))
    }

    /// The kubeconfig of the account.
    pub fn account_for(&self, arguments: &[&str]) -> PathBuf {
        let rights = rights(arguments);
        let reads_pods = arguments.contains(&"status");
        let key = format!("{rights:?} {reads_pods}");
        if let Some(kubeconfig) = self.accounts.lock().unwrap().get(&key) {
            return kubeconfig.clone();
        }
        let user = fresh("confined");
        let subject = format!("user:{user}");
        let render = [&["render", "--format", "rbac", "--subject", &subject], &rights[..]].concat();
        // If `render` fails, the command fails for the same reason.
        let objects = bench::documents(&self.regcred(&render, &[]).stdout);
        let objects: Vec<_> = objects.into_iter().map(|object| of_this_account(object, &user, reads_pods)).collect();
        let granted = self.apply(&json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string());
        let is_expected = |line: &str| {
            line.contains("no objects passed") || line.contains("namespaces") && line.contains("not found")
        };
        assert!(granted.stderr.lines().all(is_expected), "{}", granted.stderr);
        self.assert_confined(&user, &objects, granted.status == 0);
        let kubeconfig = self.kubeconfig_of(&user, |administrator| administrator["as"] = json!(user));
        self.accounts.lock().unwrap().insert(key, kubeconfig.clone());
        kubeconfig
    }

    /// The administrator's kubeconfig with `change` applied to its user, saved as `name`.
    pub fn kubeconfig_of(&self, name: &str, change: impl FnOnce(&mut Value)) -> PathBuf {
        let mut kubeconfig = self.kubeconfig_json();
        change(&mut kubeconfig["users"][0]["user"]);
        let path = self.file(name);
        bench::write(&path, &kubeconfig.to_string());
        path
    }

    /// The content of the administrator's kubeconfig.
    pub fn kubeconfig_json(&self) -> Value {
        let config = self.kubectl(&["config", "view", "--raw", "--minify", "-o", "json"], "").succeeded();
        serde_json::from_str(&config).unwrap()
    }

    /// Grants a user these rules in every namespace: the fields of each rule, as YAML.
    pub fn grant(&self, user: &str, rules: &[&str]) {
        const RBAC: &str = "rbac.authorization.k8s.io";
        let rights = format!(
            "apiVersion: {RBAC}/v1\nkind: ClusterRole\nmetadata: {{name: {user}}}\nrules: [{{{}}}]\n---\n\
             apiVersion: {RBAC}/v1\nkind: ClusterRoleBinding\nmetadata: {{name: {user}}}\n\
             roleRef: {{apiGroup: {RBAC}, kind: ClusterRole, name: {user}}}\n\
             subjects: [{{kind: User, name: {user}, apiGroup: {RBAC}}}]\n",
            rules.join("}, {")
        );
        self.kubectl(&["create", "-f", "-"], &rights).succeeded();
    }

    /// Waits until the grant is active, if it is complete, and shows that its account cannot read or create any other Secret.
    fn assert_confined(&self, user: &str, objects: &[Value], is_whole: bool) {
        let requests = Requests::of(self, user);
        let place =
            objects.iter().rev().find_map(|object| object["metadata"]["namespace"].as_str()).unwrap_or("default");
        let secrets = format!("/api/v1/namespaces/{place}/secrets");
        let annotations = json!({"acme.test/other": "x"});
        let secret = |name: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "annotations": annotations}});
        let apply = |name: &str, query: &str| {
            let path = format!("{secrets}/{name}?fieldManager=probe&force=true{query}");
            requests.send("PATCH", &path, "apply-patch+yaml", &secret(name))
        };
        if is_whole && let Some(name) = objects.iter().find_map(granted_secret) {
            Bench::wait("the grant to act", || apply(name, "&dryRun=All").1.contains("regcred may"));
        }
        for (method, path) in [("GET", format!("{secrets}/other")), ("GET", secrets.clone()), ("POST", secrets.clone())]
        {
            let body = if method == "POST" { secret("other") } else { Value::Null };
            assert_eq!(requests.send(method, &path, "json", &body).0, 403, "{method} {path}");
        }
        assert_eq!(apply("other", "").0, 403);
        assert_eq!(requests.send("GET", "/api/v1/secrets", "json", &Value::Null).0, 403);
    }
}

/// The flags of a command that decide about its rights.
fn rights<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let (mut rights, mut rest) = (Vec::new(), arguments.iter());
    while let Some(argument) = rest.next() {
        if *argument == "--all-service-accounts" {
            rights.extend(["--service-account", "*"]);
        }
        if let Some((flag, has_value)) = FLAGS.iter().find(|(flag, _)| flag == argument) {
            rights.push(flag);
            rights.extend(rest.by_ref().take(usize::from(*has_value)));
        }
    }
    rights
}

/// The object with the account's name before its own, because many tests use the same pull secret.
fn of_this_account(mut object: Value, user: &str, reads_pods: bool) -> Value {
    for name in ["/metadata/name", "/spec/policyName", "/roleRef/name"] {
        if let Some(name) = object.pointer_mut(name) {
            *name = json!(format!("{user}-{}", name.as_str().unwrap()));
        }
    }
    if reads_pods && let Some(rules) = object.get_mut("rules").and_then(Value::as_array_mut) {
        rules.push(json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}));
    }
    object
}

/// The name of a pull secret that a role grants.
fn granted_secret(role: &Value) -> Option<&str> {
    let of_secrets = role["rules"].as_array()?.iter().find(|rule| rule["resources"] == json!(["secrets"]))?;
    of_secrets["resourceNames"][0].as_str()
}
