//! Replaces Titansoft's patcher with `regcred`: with the patcher's manifests, account, variables and flags.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::bench::{self, Bench, Run, fresh};
use crate::harness::controller::{NEW, OLD, Replica};

/// The annotation of its Secrets, and the name of all its objects.
const MARK: &str = "imagepullsecret-patcher";
/// How often it polls the cluster here.
const LOOP: (&str, &str) = ("CONFIG_LOOP_DURATION", "1s");

/// The objects of the patcher's manifests under this name, with this login.
pub fn manifests(name: &str, login: &str) -> Vec<Value> {
    let mut objects = bench::documents(&include_str!("../titansoft/manifests.yaml").replace(MARK, name));
    let source = objects.iter_mut().find(|object| object["kind"] == "Secret").unwrap();
    source["stringData"][".dockerconfigjson"] = json!(login);
    objects
}

/// The objects of the patcher's manifests without the Deployment, the container of the Deployment, and the mounted files.
struct Theirs {
    bench: &'static Bench,
    namespace: String,
    container: Value,
    folder: TempDir,
}

impl Theirs {
    fn installed(bench: &'static Bench, name: &str) -> Self {
        let (deployment, objects): (Vec<_>, Vec<_>) =
            manifests(name, OLD).into_iter().partition(|object| object["kind"] == "Deployment");
        bench
            .kubectl(&["apply", "-f", "-"], &json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string())
            .succeeded();
        let container = deployment[0]["spec"]["template"]["spec"]["containers"][0].clone();
        let token = bench.kubectl(&["create", "token", name, "-n", name], "").succeeded();
        let mut kubeconfig = bench.kubeconfig_json();
        kubeconfig["users"][0]["user"] = json!({"token": token.trim()});
        kubeconfig["contexts"][0]["context"]["namespace"] = json!(name);
        let theirs = Self { bench, namespace: name.to_owned(), container, folder: tempfile::tempdir().unwrap() };
        bench::write(&theirs.folder.path().join("kubeconfig"), &kubeconfig.to_string());
        theirs.mount(OLD);
        Bench::wait("its rights", || {
            let user = format!("system:serviceaccount:{name}:{name}");
            bench.kubectl(&["auth", "can-i", "list", "namespaces", "--as", &user], "").status == 0
        });
        theirs
    }

    /// Mounts a login in place of the earlier one.
    fn mount(&self, login: &str) {
        bench::write(&self.folder.path().join("new"), login);
        std::fs::rename(self.folder.path().join("new"), self.mounted()).unwrap();
    }

    fn mounted(&self) -> String {
        self.folder.path().join(".dockerconfigjson").display().to_string()
    }

    fn kubeconfig(&self) -> String {
        self.folder.path().join("kubeconfig").display().to_string()
    }

    /// Starts the container of the Deployment: our entry point, with its variables, a shorter loop, and these arguments and variables.
    fn start(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Replica {
        let mount = self.container["volumeMounts"][0]["mountPath"].as_str().unwrap();
        let text = |value: &Value| value.as_str().unwrap().replace(mount, self.folder.path().to_str().unwrap());
        let of_the_deployment = self.container["env"].as_array().unwrap().iter();
        let of_the_deployment = of_the_deployment.map(|variable| (text(&variable["name"]), text(&variable["value"])));
        let of_this_run =
            [("KUBECONFIG", &*self.kubeconfig()), LOOP].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let of_the_test = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let variables: Vec<_> = of_the_deployment.chain(of_this_run).chain(of_the_test).collect();
        let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value)).collect();
        Replica::start(self.bench, self.folder.path().join(fresh("log")), arguments, &variables)
    }

    /// One pass, as a `CronJob` runs it.
    fn once(&self, variables: &[(&str, &str)]) -> Run {
        let program = self.bench.program("regcred").variable("KUBECONFIG", self.kubeconfig());
        let program =
            program.variable("CONFIG_DOCKERCONFIGJSONPATH", self.mounted()).variable("CONFIG_RUNONCE", "true");
        variables.iter().fold(program, |program, (name, value)| program.variable(name, value)).run()
    }

    fn login(&self, name: &str, namespace: &str) -> Option<String> {
        let get = ["get", "secret", name, "-n", namespace, "-o", r"jsonpath={.data.\.dockerconfigjson}"];
        let run = self.bench.kubectl(&get, "");
        (run.status == 0).then(|| decoded(&run.stdout))
    }

    fn has(&self, name: &str, namespace: &str, password: &str) -> bool {
        self.login(name, namespace).is_some_and(|login| login.contains(password))
    }

    /// Whether a ServiceAccount has the reference.
    fn refers(&self, name: &str, namespace: &str, account: &str) -> bool {
        let run = self.bench.kubectl(&["get", "serviceaccount", account, "-n", namespace, "-o", "json"], "");
        refers(&serde_json::from_str(&run.stdout).unwrap_or_default(), name)
    }

    fn is_served(&self, name: &str, namespace: &str, password: &str) -> bool {
        self.serves(name, &[namespace], password)
    }

    /// Whether all these namespaces have the login and the reference.
    fn serves(&self, name: &str, namespaces: &[&str], password: &str) -> bool {
        let objects = self.bench.get(&["secrets,serviceaccounts", "-A"])["items"].take();
        let (mut logins, mut references) = (BTreeSet::new(), BTreeSet::new());
        for object in objects.as_array().unwrap() {
            let namespace = object["metadata"]["namespace"].as_str().unwrap();
            let content = object["data"][".dockerconfigjson"].as_str();
            if object["metadata"]["name"] == name && content.is_some_and(|content| decoded(content).contains(password))
            {
                logins.insert(namespace);
            }
            if object["metadata"]["name"] == "default" && refers(object, name) {
                references.insert(namespace);
            }
        }
        namespaces.iter().all(|name| logins.contains(name) && references.contains(name))
    }

    /// A Secret of this name with another login, created by the patcher or by somebody else.
    fn another(&self, name: &str, namespace: &str, mark: Option<&str>) {
        let annotations = mark.map(|mark| json!({"app.kubernetes.io/managed-by": mark}));
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
            "metadata": {"name": name, "annotations": annotations},
            "stringData": {".dockerconfigjson": r#"{"auths":{"quay.io":{"username":"them","password":"of-another"}}}"#}});
        self.bench.kubectl(&["create", "-n", namespace, "-f", "-"], &secret.to_string()).succeeded();
    }
}

fn decoded(text: &str) -> String {
    String::from_utf8(base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap()).unwrap()
}

fn refers(account: &Value, name: &str) -> bool {
    account["imagePullSecrets"].as_array().is_some_and(|list| list.contains(&json!({"name": name})))
}

#[test]
fn the_manifests_of_the_patcher_serve_every_namespace_with_another_image_and_nothing_else_changed() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let theirs = Theirs::installed(bench, MARK);
    let [early, opted_out, ours_out, foreign, wrong_type] = bench.namespaces();
    let secret = "image-pull-secret";
    for (namespace, annotation) in [
        (&opted_out, "k8s.titansoft.com/imagepullsecret-patcher-exclude=true"),
        (&ours_out, "regcred.dev/exclude=true"),
    ] {
        bench.kubectl(&["annotate", "namespace", namespace, annotation], "").succeeded();
    }
    bench.kubectl(&["create", "serviceaccount", "ci", "-n", &early], "").succeeded();
    theirs.another(secret, &foreign, None);
    bench.kubectl(&["create", "secret", "generic", secret, "-n", &wrong_type, "--from-literal=a=b"], "").succeeded();

    let replica = theirs.start(&[], &[]);
    let all = [early.as_str(), &foreign, &wrong_type, "kube-system", "default", &theirs.namespace];
    Bench::wait("every namespace", || theirs.serves(secret, &all, "canary-of-old"));
    Bench::wait("every ServiceAccount", || theirs.refers(secret, &early, "ci"));
    for namespace in [&opted_out, &ours_out] {
        assert!(theirs.login(secret, namespace).is_none() && !theirs.refers(secret, namespace, "default"));
    }

    let [late] = bench.namespaces();
    let began = Instant::now();
    Bench::wait("the new namespace", || theirs.is_served(secret, &late, "canary-of-old"));
    println!("a new namespace was served after {:?}, with a loop of a second", began.elapsed());

    // A rotation is in place, the source stays, and a namespace that is excluded meanwhile stays as it is.
    let uid = || bench.get(&["secret", secret, "-n", &late])["metadata"]["uid"].clone();
    let before = uid();
    let exclude = ["annotate", "namespace", &early, "k8s.titansoft.com/imagepullsecret-patcher-exclude=true"];
    bench.kubectl(&exclude, "").succeeded();
    // A pass that starts now sees the annotation, because it serves a younger namespace.
    let [younger] = bench.namespaces();
    Bench::wait("the younger namespace", || theirs.is_served(secret, &younger, "canary-of-old"));
    theirs.mount(NEW);
    let rotated = [&all[1..], &[late.as_str()]].concat();
    Bench::wait("the rotation", || theirs.serves(secret, &rotated, "canary-of-new"));
    assert_eq!(uid(), before);
    assert!(theirs.is_served(secret, &early, "canary-of-old"), "nothing is removed, and nothing changed");
    assert!(theirs.has("image-pull-secret-src", &theirs.namespace, "canary-of-old"));

    bench.kubectl(&["delete", "secret", secret, "-n", &late], "").succeeded();
    Bench::wait("the deleted Secret", || theirs.is_served(secret, &late, "canary-of-new"));

    let log = replica.log();
    for words in [
        "regcred stands in for imagepullsecret-patcher",
        "no policy confines this account",
        r#"missing="watch namespaces, watch serviceaccounts, watch secrets""#,
        r#"missing="get leases, watch leases, create leases, patch leases""#,
        "run only one replica",
        r#"missing="create events, patch events""#,
    ] {
        assert_eq!(log.matches(words).count(), 1, "{words}: {log}");
    }
    assert!(!log.contains("canary") && !log.contains("a write has ended"), "{log}");
}

#[test]
fn managedonly_replaces_what_the_patcher_has_made_and_leaves_what_others_have() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let (theirs, secret) = (Theirs::installed(bench, &fresh("patcher")), fresh("secret"));
    let [none, patchers, foreign] = bench.namespaces();
    theirs.another(&secret, &patchers, Some(MARK));
    theirs.another(&secret, &foreign, None);
    let replica = theirs.start(&["-managedonly=true", "-debug", "-secretname", &secret], &[]);
    Bench::wait("the namespaces", || theirs.serves(&secret, &[&none, &patchers], "canary-of-old"));
    replica.says(&format!("the Secret {foreign}/{secret}: it is somebody else's, and stays as it is"));
    theirs.mount(NEW);
    Bench::wait("the rotation", || theirs.serves(&secret, &[&none, &patchers], "canary-of-new"));
    assert!(theirs.has(&secret, &foreign, "of-another"));
    replica.says("debug a write has ended");
    assert!(!replica.log().contains("canary"));
}

#[test]
fn without_force_what_is_missing_is_made_and_nothing_that_is_there_is_replaced() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let (theirs, secret) = (Theirs::installed(bench, &fresh("patcher")), fresh("secret"));
    let [none, patchers, left_out] = bench.namespaces();
    theirs.another(&secret, &patchers, Some(MARK));
    let excluded = format!("{left_out}, no-such-namespace");
    let variables = [("CONFIG_SECRETNAME", secret.as_str()), ("CONFIG_EXCLUDED_NAMESPACES", &excluded)];
    let replica = theirs.start(&["-force=false"], &variables);
    Bench::wait("the namespace", || theirs.is_served(&secret, &none, "canary-of-old"));
    let stays = |namespace: &str| {
        format!("the Secret {namespace}/{secret}: it is not what is wanted, and nothing may be overwritten")
    };
    replica.says(&stays(&patchers));
    theirs.mount(NEW);
    replica.says(&stays(&none));
    let [late] = bench.namespaces();
    Bench::wait("the new namespace", || theirs.is_served(&secret, &late, "canary-of-new"));
    assert!(theirs.has(&secret, &none, "canary-of-old") && theirs.has(&secret, &patchers, "of-another"));
    assert!(theirs.login(&secret, &left_out).is_none());

    // A broken login changes nothing, and after a good one it goes on.
    theirs.mount("nonsense");
    replica.says("the file of `CONFIG_DOCKERCONFIGJSONPATH`");
    let [later] = bench.namespaces();
    Bench::wait("the later namespace", || theirs.is_served(&secret, &later, "canary-of-new"));
}

#[test]
fn one_pass_ends_with_its_result_and_links_no_account_of_an_empty_list() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let (theirs, secret) = (Theirs::installed(bench, &fresh("patcher")), fresh("secret"));
    let [space] = bench.namespaces();
    let name = ("CONFIG_SECRETNAME", secret.as_str());
    let run = theirs.once(&[name, ("CONFIG_SERVICEACCOUNTS", "")]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(theirs.has(&secret, &space, "canary-of-old") && !theirs.refers(&secret, &space, "default"));
    let run = theirs.once(&[name]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(theirs.refers(&secret, &space, "default"));
    theirs.mount(NEW);
    let run = theirs.once(&[name, ("CONFIG_FORCE", "false")]);
    assert_eq!(run.status, 1, "{}", run.stderr);
    assert!(theirs.has(&secret, &space, "canary-of-old") && !run.stderr.contains("canary"), "{}", run.stderr);
}

#[test]
fn with_the_right_to_watch_a_new_namespace_does_not_wait_for_the_loop() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let (theirs, secret) = (Theirs::installed(bench, &fresh("patcher")), fresh("secret"));
    let watch = json!([{"op": "add", "path": "/rules/-", "value":
        {"apiGroups": [""], "resources": ["secrets", "serviceaccounts", "namespaces"], "verbs": ["watch"]}}]);
    let patch = ["patch", "clusterrole", &theirs.namespace, "--type=json", "-p", &watch.to_string()];
    bench.kubectl(&patch, "").succeeded();
    let user = format!("system:serviceaccount:{0}:{0}", theirs.namespace);
    Bench::wait("the right", || {
        bench.kubectl(&["auth", "can-i", "watch", "secrets", "-A", "--as", &user], "").status == 0
    });
    let variables = [("CONFIG_SECRETNAME", secret.as_str()), ("CONFIG_LOOP_DURATION", "1h")];
    let replica = theirs.start(&[], &variables);
    replica.says("every watch has begun");
    let [late] = bench.namespaces();
    let began = Instant::now();
    Bench::wait("the new namespace", || theirs.is_served(&secret, &late, "canary-of-old"));
    assert!(began.elapsed() < Duration::from_secs(60));
    assert!(!replica.log().contains("watch namespaces"), "{}", replica.log());
}
