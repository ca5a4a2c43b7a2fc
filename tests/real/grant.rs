//! Runs `apply`, `diff` and `delete` with exactly the rights of `render --format rbac`; any other write must fail.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cluster::{Owner, stuck_pod};
use crate::harness::bench::{self, Bench, Run, fresh};
use crate::harness::requests::Requests;
use crate::patcher::rights_of_a_row;

const OLD: &str = r#"{"auths":{"ghcr.io":{"username":"acme-bot","password":"canary-of-old"}}}"#;
const NEW: &str = r#"{"auths":{"ghcr.io":{"username":"acme-bot","password":"canary-of-new"}}}"#;
/// The base64 of `{"auths":{}}`.
const DATA: &str = "eyJhdXRocyI6e319";
const DOCKER_CONFIG: &str = "kubernetes.io/dockerconfigjson";
/// The content type of a server-side apply.
const APPLY: &str = "apply-patch+yaml";

/// An account with exactly the rights that `render --format rbac` writes.
struct Account {
    bench: &'static Bench,
    /// Its name at the API server.
    user: String,
    secret: String,
    kubeconfig: PathBuf,
    /// Whether it runs the controller, and so cannot `apply`.
    is_a_controllers: bool,
}

impl Account {
    /// A ServiceAccount with its own token.
    fn with_a_token(bench: &'static Bench, rights: &[&str]) -> Self {
        let [home] = bench.namespaces();
        bench.kubectl(&["create", "serviceaccount", "deploy", "-n", &home], "").succeeded();
        let account = Self::of(
            bench,
            &format!("service-account:{home}/deploy"),
            &format!("system:serviceaccount:{home}:deploy"),
            rights,
        );
        let token = bench.kubectl(&["create", "token", "deploy", "-n", &home], "").succeeded();
        let login = json!({"token": token.trim()});
        Self { kubeconfig: bench.kubeconfig_of(&account.secret, |user| *user = login), ..account }
    }

    /// A user whom the administrator impersonates.
    fn by_name(bench: &'static Bench, name: &str, rights: &[&str]) -> Self {
        let account = Self::of(bench, &format!("user:{name}"), name, rights);
        Self { kubeconfig: bench.kubeconfig_of(&account.secret, |user| user["as"] = json!(name)), ..account }
    }

    fn of(bench: &'static Bench, subject: &str, user: &str, rights: &[&str]) -> Self {
        let secret = fresh("secret");
        let account =
            Self { bench, user: user.to_owned(), secret, kubeconfig: PathBuf::new(), is_a_controllers: false };
        let render = ["render", "--format", "rbac", "--secret-name", &account.secret, "--subject", subject];
        // It needs no login.
        let manifests = bench.regcred(&[&render[..], rights].concat(), &[]).succeeded();
        bench.apply(&manifests).succeeded();
        account
    }

    /// The account of a controller, together with the controller's namespace.
    fn of_a_controller(bench: &'static Bench, home: &str, chosen: &[&str]) -> Self {
        Self::of_a_controller_for(bench, fresh("secret"), home, chosen)
    }

    fn of_a_controller_for(bench: &'static Bench, secret: String, home: &str, chosen: &[&str]) -> Self {
        let render = ["render", "--strategy", "controller", "--controller-image", "registry.test/regcred:1"];
        let more = ["--controller-namespace", home, "--secret-name", &secret];
        let manifests = bench.regcred(&[&render[..], &more, chosen].concat(), &[("DOCKERHUB_AUTH", OLD)]).succeeded();
        bench.apply(&manifests).succeeded();
        let user = format!("system:serviceaccount:{home}:regcred-{secret}");
        Self { bench, user, secret, kubeconfig: PathBuf::new(), is_a_controllers: true }
    }

    /// The name of its roles, with which the names of its policies begin.
    fn role(&self) -> String {
        format!("regcred-{}{}", self.secret, if self.is_a_controllers { "" } else { "-apply" })
    }

    /// `regcred`, as this account.
    fn regcred(&self, login: &str, arguments: &[&str]) -> Run {
        let regcred = self.bench.program("regcred").arguments(arguments).arguments(["--secret-name", &self.secret]);
        regcred.variable("KUBECONFIG", &self.kubeconfig).variable("DOCKERHUB_AUTH", login).run()
    }

    /// Runs everything that `apply`, `diff` and `delete` do in these namespaces.
    #[track_caller]
    fn does_its_work(&self, chosen: &[&str], served: &[&str]) {
        let run = |login: &str, command: &[&str], status: i32| {
            let run = self.regcred(login, &[command, chosen].concat());
            let said = format!("{}{}", run.stdout, run.stderr);
            assert_eq!(run.status, status, "{command:?}: {said}");
            assert!(!said.contains("canary") && !said.contains("forbid"), "{command:?}: {said}");
            said
        };
        run(OLD, &["diff"], 3);
        run(OLD, &["apply"], 0);
        assert!(run(OLD, &["apply"], 0).contains("unchanged"));
        run(NEW, &["apply"], 0);
        run(NEW, &["diff"], 0);
        let get = |namespace: &str| self.bench.kubectl(&["get", "secret", &self.secret, "-n", namespace], "");
        for namespace in served {
            get(namespace).succeeded();
            let account = self.bench.get(&["serviceaccount", "default", "-n", namespace]);
            assert_eq!(account["imagePullSecrets"], json!([{"name": self.secret}]), "{namespace}");
        }
        run("", &["delete", "--yes"], 0);
        for namespace in served {
            get(namespace).failed();
            let account = self.bench.get(&["serviceaccount", "default", "-n", namespace]);
            assert!(account["imagePullSecrets"].is_null(), "{account}");
        }
    }

    /// Waits until its policies are active.
    fn wait_until_confined(&self, namespace: &str) {
        let requests = Requests::of(self.bench, &self.user);
        let secret = format!("{}?dryRun=All&fieldManager=probe", self.path(namespace));
        let account = format!("/api/v1/namespaces/{namespace}/serviceaccounts/default?dryRun=All");
        for (path, content, body) in [
            (secret, APPLY, object(&self.secret, "Opaque", &json!({}))),
            (account, "merge-patch+json", json!({"metadata": {"labels": {"a": "b"}}})),
        ] {
            let said = || requests.send("PATCH", &path, content, &body).1;
            Bench::wait("the policy to be in force", || said().contains("regcred may"));
        }
    }

    fn path(&self, namespace: &str) -> String {
        format!("/api/v1/namespaces/{namespace}/secrets/{}", self.secret)
    }

    /// The rights in this namespace that an account without rights lacks.
    fn rights(&self, namespace: &str) -> BTreeSet<String> {
        let rights = |user: &str| -> BTreeSet<String> {
            let list = ["auth", "can-i", "--list", "--no-headers", "--as", user, "-n", namespace];
            let list =
                self.bench.kubectl(&[&list[..], &["--as-group", "system:authenticated"]].concat(), "").succeeded();
            list.lines().flat_map(rights_of_a_row).collect()
        };
        rights(&self.user).difference(&rights("nobody")).cloned().collect()
    }

    /// Gives the account every right: only its policies can deny requests now.
    fn may_do_everything(&self) {
        let user = format!("--user={}", self.user);
        self.bench
            .kubectl(&["create", "clusterrolebinding", &fresh("all"), "--clusterrole=cluster-admin", &user], "")
            .succeeded();
    }
}

fn object(name: &str, kind: &str, data: &Value) -> Value {
    let mut annotations = json!({"regcred.dev/owner": name});
    if kind == "kubernetes.io/service-account-token" {
        annotations["kubernetes.io/service-account.name"] = json!("default");
    }
    let metadata =
        json!({"name": name, "annotations": annotations, "labels": {"app.kubernetes.io/managed-by": "regcred"}});
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "data": data})
}

fn pull_secret(name: &str) -> Value {
    object(name, DOCKER_CONFIG, &json!({".dockerconfigjson": DATA}))
}

fn sorted<const N: usize>(rights: [String; N]) -> BTreeSet<String> {
    rights.into()
}

#[test]
fn with_the_rights_in_listed_namespaces_the_commands_work_there_and_nowhere_else() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let [one, other, beyond] = bench.namespaces();
    let both = format!("{one},{other}");
    let account = Account::with_a_token(bench, &["-n", &both]);
    let secret = &account.secret;
    let expected = sorted([
        "get namespaces".to_owned(),
        format!("get secrets {secret}"),
        format!("create secrets {secret}"),
        format!("patch secrets {secret}"),
        format!("delete secrets {secret}"),
        "get serviceaccounts default".to_owned(),
        "patch serviceaccounts default".to_owned(),
    ]);
    account.wait_until_confined(&one);
    assert_eq!(account.rights(&one), expected);
    assert_eq!(account.rights(&beyond), BTreeSet::new());
    account.does_its_work(&["-n", &both], &[&one, &other]);
    let run = account.regcred(OLD, &["apply", "-n", &beyond]);
    assert!(run.status == 1 && run.stderr.contains("the cluster forbids to get"), "{}", run.stderr);
    fails_to_do_anything_else(&account, &one, &beyond);
}

#[test]
fn rights_that_are_rendered_again_for_fewer_namespaces_let_nothing_be_written_in_the_others() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let [one, other] = bench.namespaces();
    let both = format!("{one},{other}");
    let every = ["--all-namespaces"];
    for wide in [&["-n", &both][..], &every] {
        let user = fresh("user");
        let account = Account::by_name(bench, &user, wide);
        account.wait_until_confined(&other);
        account.regcred(OLD, &["apply", "-n", &both]).succeeded();
        let (secret, subject) = (&account.secret, format!("user:{user}"));
        let fewer = ["render", "--format", "rbac", "--secret-name", secret, "--subject", &subject, "-n", &one];
        bench.apply(&bench.regcred(&fewer, &[]).succeeded()).succeeded();
        let mut is_new = false;
        Bench::wait("the policies to be narrower", || {
            is_new = !is_new;
            account.regcred(if is_new { NEW } else { OLD }, &["apply", "-n", &other]).status == 1
        });
        account.regcred(if is_new { NEW } else { OLD }, &["apply", "-n", &one]).succeeded();
        account.regcred("", &["delete", "-n", &both, "--yes"]).succeeded();
    }
}

#[test]
fn with_the_rights_for_every_namespace_the_commands_need_one_list_of_each_kind() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    // More than are read one by one.
    let served: [String; 10] = bench.namespaces();
    let [left_out] = bench.namespaces();
    // Other tests of this file have namespaces there, too.
    let label = format!("case={left_out}");
    let places = served.iter().map(String::as_str).chain([left_out.as_str(), "kube-system"]);
    bench
        .kubectl(&["label", "namespace"].into_iter().chain(places).chain([label.as_str()]).collect::<Vec<_>>(), "")
        .succeeded();
    let all = ["-A", "-l", &label, "--exclude", &left_out];
    let account = Account::by_name(bench, "acme:o'brien@acme.test", &all);
    let secret = &account.secret;
    account.wait_until_confined(&served[0]);
    let rights = account.rights(&served[0]);
    let expected = ["get", "list", "create", "patch", "delete"].map(|verb| format!("{verb} secrets {secret}"));
    let others = ["get namespaces", "list namespaces", "get serviceaccounts default", "list serviceaccounts default"];
    let others = others.into_iter().chain(["patch serviceaccounts default"]).map(str::to_owned);
    assert_eq!(rights, expected.into_iter().chain(others).collect());
    let served: Vec<_> = served.iter().map(String::as_str).collect();
    account.does_its_work(&all, &served);
    fails_to_do_anything_else(&account, served[0], "kube-system");

    // RBAC allows it, but the policy denies it.
    let requests = Requests::of(bench, &account.user);
    bench.kubectl(&["annotate", "namespace", served[1], "regcred.dev/exclude=true"], "").succeeded();
    let is_denied = |namespace: &str| {
        let path = format!("{}?dryRun=All&fieldManager=regcred", account.path(namespace));
        let (status, answer) = requests.send("PATCH", &path, APPLY, &pull_secret(secret));
        status == 422 && answer.contains("regcred may write only into the namespaces that it serves")
    };
    // An API server sees the annotation of a namespace a moment later.
    Bench::wait("the exclusion to be in force", || is_denied(served[1]));
    assert!(is_denied("kube-system") && is_denied(&left_out));
}

#[test]
fn with_the_rights_to_prune_the_commands_clean_up_everywhere_and_write_only_where_it_is_listed() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let [kept, left, opted_out, beyond] = bench.namespaces();
    let listed = format!("{kept},{left},{opted_out}");
    let account = Account::with_a_token(bench, &["-n", &listed, "--prune"]);
    let secret = &account.secret;
    account.wait_until_confined(&kept);
    let of_secrets = ["get", "list", "create", "patch", "delete"].map(|verb| format!("{verb} secrets {secret}"));
    let others = ["get namespaces", "list namespaces", "get serviceaccounts default", "list serviceaccounts default"];
    let others = others.into_iter().chain(["patch serviceaccounts default"]).map(str::to_owned);
    assert_eq!(account.rights(&beyond), of_secrets.into_iter().chain(others).collect());

    account.regcred(OLD, &["apply", "-n", &listed]).succeeded();
    bench.kubectl(&["annotate", "namespace", &opted_out, "regcred.dev/exclude=true"], "").succeeded();
    let run = account.regcred(OLD, &["diff", "-n", &kept, "--prune"]);
    assert_eq!((run.status, run.stdout.matches("left over").count()), (3, 4), "{}{}", run.stdout, run.stderr);
    let run = account.regcred(OLD, &["apply", "-n", &kept, "--prune"]);
    assert!(run.status == 0 && run.stderr.contains("2 unchanged, 2 unlinked, 2 deleted"), "{}", run.stderr);
    for namespace in [&left, &opted_out] {
        bench.kubectl(&["get", "secret", secret, "-n", namespace], "").failed();
        let account = bench.get(&["serviceaccount", "default", "-n", namespace]);
        assert!(account["imagePullSecrets"].is_null(), "{account}");
    }
    bench.get(&["secret", secret, "-n", &kept]);
    account.regcred("", &["delete", "-n", &kept, "--yes"]).succeeded();
    // RBAC allows it, but the policy denies it.
    let requests = Requests::of(bench, &account.user);
    let path = format!("{}?fieldManager=regcred", account.path(&beyond));
    let (status, answer) = requests.send("PATCH", &path, APPLY, &pull_secret(secret));
    assert!(
        status == 422 && answer.contains("regcred may write only into the namespaces that it serves"),
        "{status} {answer}"
    );
    fails_to_do_anything_else(&account, &kept, &beyond);
}

#[test]
fn with_the_right_to_evict_stuck_pods_are_evicted_where_they_are_served_and_nothing_else_is_done_with_pods() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let [served, excluded, more @ ..] = bench.namespaces::<10>();
    bench.kubectl(&["label", "namespace", &served, &excluded, &format!("stuck={served}")], "").succeeded();
    let selector = format!("stuck={served}");
    // In so many namespaces, `apply` first tries to list the Pods of all.
    let listed = format!("{served},{}", more.join(","));
    for rights in [vec!["-n", &listed], vec!["-A", "-l", &selector, "--exclude", &excluded]] {
        let without = Account::with_a_token(bench, &rights);
        without.wait_until_confined(&served);
        stuck_pod(bench, &served, "stuck", Owner::Controller);
        let restart = [&["apply", "--restart-stuck-pods"], &rights[..]].concat();
        let run = without.regcred(OLD, &restart);
        assert!(run.status == 1 && run.stderr.contains("the cluster forbids to list pods"), "{}", run.stderr);
        without.regcred("", &[&["delete", "--yes"], &rights[..]].concat()).succeeded();

        let account = Account::with_a_token(bench, &[&rights[..], &["--restart-stuck-pods"]].concat());
        account.wait_until_confined(&served);
        let more = ["list pods", "list poddisruptionbudgets.policy", "create pods/eviction"].map(str::to_owned);
        let with_the_name = |right: String| right.replace(&without.secret, &account.secret);
        let expected = without.rights(&served).into_iter().map(with_the_name).chain(more).collect();
        assert_eq!(account.rights(&served), expected);
        let run = account.regcred(OLD, &restart);
        assert!(run.status == 0 && run.stderr.contains("1 stuck Pod was evicted"), "{}", run.stderr);
        bench.kubectl(&["get", "pod", "stuck", "-n", &served], "").failed();

        let requests = Requests::of(bench, &account.user);
        stuck_pod(bench, &served, "other", Owner::Nobody);
        stuck_pod(bench, &excluded, "other", Owner::Controller);
        let pod = |namespace: &str| format!("/api/v1/namespaces/{namespace}/pods/other");
        for (method, path, body) in [
            ("GET", pod(&served), Value::Null),
            ("DELETE", pod(&served), Value::Null),
            ("PATCH", pod(&served), json!({"metadata": {"labels": {"a": "b"}}})),
            ("POST", format!("{}/exec?command=id", pod(&served)), Value::Null),
            ("GET", format!("{}/log", pod(&served)), Value::Null),
        ] {
            let content = if method == "PATCH" { "merge-patch+json" } else { "json" };
            let (status, answer) = requests.send(method, &path, content, &body);
            assert_eq!(status, 403, "{method} {path}: {answer}");
        }
        let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "other"}});
        let evict =
            |query: &str| requests.send("POST", &format!("{}/eviction{query}", pod(&excluded)), "json", &eviction);
        let by_a_policy = rights[0] == "-A";
        Bench::wait("the policy for evictions", || !by_a_policy || evict("?dryRun=All").1.contains("regcred may"));
        let (status, answer) = evict("");
        assert!(status == if by_a_policy { 422 } else { 403 }, "{status} {answer}");
        assert!(
            !by_a_policy || answer.contains("regcred may evict Pods only in the namespaces that it serves"),
            "{answer}"
        );
        for namespace in [&served, &excluded] {
            bench.kubectl(&["delete", "pod", "other", "-n", namespace, "--grace-period=0", "--force"], "").succeeded();
        }
        account.regcred("", &[&["delete", "--yes"], &rights[..]].concat()).succeeded();
        fails_to_do_anything_else(&account, &served, "kube-system");
    }
}

/// Requests of a stolen token: RBAC or a policy must refuse each.
fn fails_to_do_anything_else(account: &Account, served: &str, beyond: &str) {
    let Account { bench, secret, .. } = account;
    bench.kubectl(&["create", "secret", "generic", "theirs", "-n", served, "--from-literal=a=b"], "").succeeded();
    let requests = Requests::of(bench, &account.user);
    let within = format!("/api/v1/namespaces/{served}");
    let (rbac, admission) = ("/apis/rbac.authorization.k8s.io/v1", "/apis/admissionregistration.k8s.io/v1");
    let guard = format!("{admission}/validatingadmissionpolicies/{}-secrets", account.role());
    let binding = format!("{admission}/validatingadmissionpolicybindings/{}-secrets", account.role());
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "more"}, "rules": []});
    let apply = |name: &str| format!("{within}/secrets/{name}?fieldManager=regcred&force=true");
    for (method, path, content, body) in [
        ("GET", format!("{within}/secrets/theirs"), "json", Value::Null),
        ("GET", format!("{within}/secrets"), "json", Value::Null),
        ("GET", "/api/v1/secrets".to_owned(), "json", Value::Null),
        ("GET", "/api/v1/secrets?watch=true".to_owned(), "json", Value::Null),
        ("POST", format!("{within}/secrets"), "json", pull_secret(secret)),
        ("PATCH", apply("theirs"), APPLY, pull_secret("theirs")),
        ("PATCH", apply("new"), APPLY, pull_secret("new")),
        ("PUT", format!("{within}/secrets/{secret}"), "json", pull_secret(secret)),
        ("DELETE", format!("{within}/secrets/theirs"), "json", Value::Null),
        ("DELETE", format!("{within}/secrets"), "json", Value::Null),
        ("POST", format!("{within}/serviceaccounts/default/token"), "json", json!({"spec": {}})),
        ("POST", format!("{within}/serviceaccounts"), "json", json!({"metadata": {"name": "new"}})),
        ("DELETE", format!("{within}/serviceaccounts/default"), "json", Value::Null),
        ("POST", format!("{within}/pods"), "json", json!({"metadata": {"name": "new"}})),
        ("POST", "/api/v1/namespaces".to_owned(), "json", json!({"metadata": {"name": "new"}})),
        (
            "PATCH",
            format!("/api/v1/namespaces/{served}"),
            "merge-patch+json",
            json!({"metadata": {"labels": {"a": "b"}}}),
        ),
        ("POST", format!("{rbac}/clusterroles"), "json", role),
        ("GET", format!("{rbac}/clusterroles"), "json", Value::Null),
        (
            "PATCH",
            format!("{rbac}/namespaces/{served}/roles/{}", account.role()),
            "merge-patch+json",
            json!({"rules": []}),
        ),
        ("GET", guard.clone(), "json", Value::Null),
        ("DELETE", guard, "json", Value::Null),
        ("DELETE", binding, "json", Value::Null),
        ("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions".to_owned(), "json", Value::Null),
    ] {
        let (status, answer) = requests.send(method, &path, content, &body);
        assert_eq!(status, 403, "{method} {path}: {answer}");
    }
    let (status, answer) =
        requests.send("PATCH", &format!("{}?fieldManager=regcred", account.path(beyond)), APPLY, &pull_secret(secret));
    assert!(status >= 400, "{beyond}: {answer}");
    is_denied(account, served, &requests);
    bench.kubectl(&["delete", "secret", "theirs", "-n", served], "").succeeded();
}

/// Requests under our name and on our ServiceAccount that RBAC allows: the policies must deny them.
fn is_denied(account: &Account, namespace: &str, requests: &Requests) {
    let Account { bench, secret, .. } = account;
    let path = format!("{}?fieldManager=regcred&force=true", account.path(namespace));
    let denied = |method: &str, path: &str, content: &str, body: &Value| {
        let (status, answer) = requests.send(method, path, content, body);
        assert!(status >= 400 && answer.contains("regcred may"), "{method} {path} {body}: {status} {answer}");
    };
    let token = object(secret, "kubernetes.io/service-account-token", &json!({}));
    denied("PATCH", &path, APPLY, &token);
    denied("PATCH", &path, APPLY, &object(secret, "Opaque", &json!({})));
    let metadata = |field: &str, value: Value| {
        let mut forged = pull_secret(secret);
        forged["metadata"][field] = value;
        forged
    };
    let owner = json!({"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "x"});
    let mut immutable = pull_secret(secret);
    immutable["immutable"] = json!(true);
    let mut another_key = pull_secret(secret);
    another_key["data"]["tls.key"] = json!(DATA);
    for forged in [
        metadata("labels", json!({"sealedsecrets.bitnami.com/sealed-secrets-key": "active"})),
        metadata("annotations", json!({"acme.test/other": "x"})),
        metadata("annotations", json!({})),
        metadata("labels", json!({})),
        metadata("finalizers", json!(["acme.test/never"])),
        metadata("ownerReferences", json!([owner])),
        immutable,
        another_key,
    ] {
        denied("PATCH", &path, APPLY, &forged);
    }
    let account_path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/default");
    let others = json!({"imagePullSecrets": [{"name": "one"}]}).to_string();
    bench.kubectl(&["patch", "serviceaccount", "default", "-n", namespace, "-p", &others], "").succeeded();
    for patch in [
        json!({"metadata": {"annotations": {"iam.gke.io/gcp-service-account": "admin"}}}),
        json!({"metadata": {"labels": {"a": "b"}}}),
        json!({"metadata": {"finalizers": ["a.b/c"]}}),
        json!({"secrets": [{"name": "x"}]}),
        json!({"automountServiceAccountToken": false}),
        json!({"imagePullSecrets": [{"name": secret}]}),
        json!({"imagePullSecrets": []}),
        json!({"imagePullSecrets": [{"name": "one"}, {"name": "another"}]}),
        json!({"imagePullSecrets": [{"name": "one"}, {"name": secret}, {"name": secret}]}),
    ] {
        denied("PATCH", &account_path, "merge-patch+json", &patch);
    }
    // Somebody else's Secret with our name stays.
    let mut theirs = pull_secret(secret);
    theirs["metadata"]["annotations"] = json!({"regcred.dev/owner": "somebody"});
    bench.kubectl(&["create", "-n", namespace, "-f", "-"], &theirs.to_string()).succeeded();
    denied("PATCH", &path, APPLY, &pull_secret(secret));
    denied("DELETE", &account.path(namespace), "json", &Value::Null);
    if !account.is_a_controllers {
        let run = account.regcred(OLD, &["apply", "-n", namespace]);
        assert!(run.status == 1 && run.stderr.contains("another owner"), "{}", run.stderr);
    }
    bench.kubectl(&["delete", "secret", secret, "-n", namespace], "").succeeded();
    let none = r#"[{"op": "remove", "path": "/imagePullSecrets"}]"#;
    bench.kubectl(&["patch", "serviceaccount", "default", "-n", namespace, "--type=json", "-p", none], "").succeeded();
}

#[test]
fn the_policies_confine_even_an_account_with_all_rights_and_nobody_else() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let [namespace] = bench.namespaces();
    let account = Account::by_name(bench, "group-of-admins", &["-n", &namespace]);
    account.may_do_everything();
    account.wait_until_confined(&namespace);
    let kubectl = |arguments: &[&str], stdin: &str| {
        bench.kubectl(&[&["--as", &account.user, "-n", &namespace], arguments].concat(), stdin)
    };
    let denied = |arguments: &[&str], stdin: &str| {
        let said = kubectl(arguments, stdin).failed();
        assert!(said.contains("denied request: regcred may"), "{arguments:?}: {said}");
    };
    bench.kubectl(&["create", "secret", "generic", "theirs", "-n", &namespace], "").succeeded();
    denied(&["create", "-f", "-"], &pull_secret("another-name").to_string());
    denied(&["delete", "secret", "theirs"], "");
    denied(&["delete", "secret", "--all"], "");
    denied(&["label", "secret", "theirs", "a=b"], "");
    denied(&["create", "serviceaccount", "new"], "");
    denied(&["delete", "serviceaccount", "default"], "");
    let other = json!({"metadata": {"name": "ci"}, "apiVersion": "v1", "kind": "ServiceAccount"}).to_string();
    bench.kubectl(&["create", "-n", &namespace, "-f", "-"], &other).succeeded();
    let list = json!({"imagePullSecrets": [{"name": account.secret}]}).to_string();
    denied(&["patch", "serviceaccount", "ci", "-p", &list], "");
    bench.kubectl(&["label", "secret", "theirs", "-n", &namespace, "a=b"], "").succeeded();
    is_denied(&account, &namespace, &Requests::of(bench, &account.user));
    for kind in ["secrets", "service-accounts"] {
        let name = format!("{}-{kind}", account.role());
        let status = || bench.get(&["validatingadmissionpolicy", &name])["status"].clone();
        Bench::wait("the expressions to be checked", || status()["observedGeneration"] == 1);
        assert_eq!(status()["typeChecking"], json!({}), "{name}");
    }
}

#[test]
fn the_account_of_a_controller_may_do_what_it_needs_and_nothing_else() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let [served, left_out] = bench.namespaces();
    let home = fresh("controller");
    let both = format!("{served},{left_out}");
    let account = Account::of_a_controller(bench, &home, &["--namespaces", &both, "--exclude", &left_out]);
    let secret = &account.secret;
    account.wait_until_confined(&served);
    let everywhere = ["watch namespaces", "watch serviceaccounts default", "patch serviceaccounts default"];
    let everywhere = everywhere.map(str::to_owned).into_iter();
    let of_secrets = ["watch", "create", "patch", "delete"].map(|verb| format!("{verb} secrets {secret}"));
    let expected: BTreeSet<_> = everywhere.chain(of_secrets).collect();
    assert_eq!(account.rights(&served), expected);
    let of_the_lease = |verb| format!("{verb} leases.coordination.k8s.io regcred-{secret}");
    let at_home = ["get", "watch", "create", "patch"].map(of_the_lease);
    let of_events = ["create", "patch"].map(|verb| format!("{verb} events.events.k8s.io"));
    assert_eq!(account.rights(&home), expected.into_iter().chain(at_home).chain(of_events).collect());
    fails_to_do_anything_else(&account, &served, "kube-system");

    // The policies deny it, whatever other roles allow.
    account.may_do_everything();
    let requests = Requests::of(bench, &account.user);
    let denied = |method: &str, path: &str, content: &str, body: &Value| {
        let (status, answer) = requests.send(method, path, content, body);
        assert!(status == 422 && answer.contains("regcred may"), "{method} {path}: {status} {answer}");
    };
    let within = format!("/api/v1/namespaces/{served}");
    Bench::wait("the role to be in force", || {
        requests.send("GET", &format!("{within}/pods"), "json", &Value::Null).0 == 200
    });
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "more"}, "rules": []});
    let pod = json!({"metadata": {"name": "new"}, "spec": {"containers": [{"name": "a", "image": "a"}]}});
    denied("POST", &format!("{within}/serviceaccounts/default/token"), "json", &json!({"spec": {"audiences": ["a"]}}));
    denied("POST", &format!("{within}/pods"), "json", &pod);
    denied("POST", &format!("{within}/configmaps"), "json", &json!({"metadata": {"name": "new"}}));
    denied("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", "json", &role);
    denied("POST", "/api/v1/namespaces", "json", &json!({"metadata": {"name": "new"}}));
    let source = format!("/api/v1/namespaces/{home}/secrets/{secret}-src");
    denied("DELETE", &source, "json", &Value::Null);
    for namespace in ["kube-system", &home, &left_out] {
        let path = format!("{}?fieldManager=regcred", account.path(namespace));
        denied("PATCH", &path, APPLY, &pull_secret(secret));
    }
    for kind in ["secrets", "service-accounts", "scope"] {
        let name = format!("regcred-{secret}-{kind}");
        let status = || bench.get(&["validatingadmissionpolicy", &name])["status"].clone();
        Bench::wait("the expressions to be checked", || status()["observedGeneration"] == 1);
        assert_eq!(status()["typeChecking"], json!({}), "{name}");
    }
}

#[test]
fn the_account_of_apply_stays_confined_beside_a_controller_of_the_same_owner() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let [served] = bench.namespaces();
    let account = Account::by_name(bench, "beside", &["--namespaces", &served]);
    let controller =
        Account::of_a_controller_for(bench, account.secret.clone(), &fresh("controller"), &["--namespaces", &served]);
    for account in [account, controller] {
        account.wait_until_confined(&served);
        is_denied(&account, &served, &Requests::of(bench, &account.user));
    }
}

#[test]
fn before_streamed_lists_the_account_of_a_controller_may_also_list_what_it_watches() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let [served] = bench.namespaces();
    let account = Account::of_a_controller(bench, &fresh("old"), &["--namespaces", &served, "--kube-version", "1.33"]);
    let secret = &account.secret;
    let all = ["list namespaces", "watch namespaces"].map(str::to_owned).into_iter();
    let accounts = ["list", "watch", "patch"].map(|verb| format!("{verb} serviceaccounts default"));
    let secrets = ["list", "watch", "create", "patch", "delete"].map(|verb| format!("{verb} secrets {secret}"));
    assert_eq!(account.rights(&served), all.chain(accounts).chain(secrets).collect());
}

#[test]
fn the_account_of_a_controller_with_custom_resources_also_watches_them_and_its_sources_and_writes_their_status() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let [served] = bench.namespaces();
    let home = fresh("controller");
    let account = Account::of_a_controller(bench, &home, &["--namespaces", &served, "--crd"]);
    let secret = &account.secret;
    account.wait_until_confined(&served);
    let everywhere = ["watch namespaces", "watch serviceaccounts default", "patch serviceaccounts default"];
    let of_resources = ["watch registrycredentials.regcred.dev", "patch registrycredentials.regcred.dev/status"];
    let of_secrets = ["watch", "create", "patch", "delete"].map(|verb| format!("{verb} secrets {secret}"));
    let everywhere = everywhere.into_iter().chain(of_resources).map(str::to_owned);
    let expected: BTreeSet<_> = everywhere.chain(of_secrets).collect();
    assert_eq!(account.rights(&served), expected);
    let of_the_lease = |verb| format!("{verb} leases.coordination.k8s.io regcred-{secret}");
    let at_home = ["get", "watch", "create", "patch"].map(of_the_lease);
    let of_events = ["create", "patch"].map(|verb| format!("{verb} events.events.k8s.io"));
    let of_the_source = format!("watch secrets {secret}-src");
    let at_home = at_home.into_iter().chain(of_events).chain([of_the_source]);
    assert_eq!(account.rights(&home), expected.into_iter().chain(at_home).collect());

    let requests = Requests::of(bench, &account.user);
    let resource = json!({"apiVersion": "regcred.dev/v1alpha1", "kind": "RegistryCredentials", "metadata": {"name": secret},
        "spec": {"pullSecrets": [{"name": secret, "logins": [{"dockerConfig": {"secret": format!("{secret}-src")}}]}]}});
    let established = ["wait", "--for=condition=Established", "--timeout=1s", "crd", "registrycredentials.regcred.dev"];
    Bench::wait("the custom resource to be known", || bench.kubectl(&established, "").status == 0);
    bench.apply(&resource.to_string()).succeeded();
    let kind = "/apis/regcred.dev/v1alpha1/registrycredentials";
    let status = json!({"apiVersion": "regcred.dev/v1alpha1", "kind": "RegistryCredentials", "status": {"served": 1}});
    let write_status =
        || requests.send("PATCH", &format!("{kind}/{secret}/status?fieldManager=x&force=true"), APPLY, &status);
    assert_eq!(write_status().0, 200);
    let definition = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/registrycredentials.regcred.dev";
    let (other, merge) = (json!({"metadata": {"labels": {"a": "b"}}}), "merge-patch+json");
    let source = format!("/api/v1/namespaces/{home}/secrets/{secret}-src");
    let attempts = [
        ("PATCH", format!("{kind}/{secret}"), merge, other),
        ("DELETE", format!("{kind}/{secret}"), "json", Value::Null),
        ("POST", kind.to_owned(), "json", resource.clone()),
        ("PATCH", definition.to_owned(), merge, json!({"metadata": {"labels": {"a": "b"}}})),
        ("PATCH", source.clone(), merge, json!({"metadata": {"labels": {"a": "b"}}})),
        ("DELETE", source.clone(), "json", Value::Null),
    ];
    for (method, path, content, body) in &attempts {
        let (status, answer) = requests.send(method, path, content, body);
        assert_eq!(status, 403, "{method} {path}: {answer}");
    }
    assert_eq!(requests.send("GET", &source, "json", &Value::Null).0, 403);
    // The policies deny it, whatever other roles allow.
    account.may_do_everything();
    Bench::wait("the role to be in force", || requests.send("GET", &source, "json", &Value::Null).0 == 200);
    for (method, path, content, body) in &attempts {
        let (status, answer) = requests.send(method, path, content, body);
        assert!(status == 422 && answer.contains("regcred may"), "{method} {path}: {status} {answer}");
    }
    assert_eq!(write_status().0, 200);
    let policy = || bench.get(&["validatingadmissionpolicy", &format!("regcred-{secret}-scope")])["status"].clone();
    Bench::wait("the expressions to be checked", || policy()["observedGeneration"] == 1);
    assert_eq!(policy()["typeChecking"], json!({}));
}

#[test]
fn a_service_account_is_born_with_the_reference_where_the_controller_serves() {
    const NAMESPACES: usize = 100;
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let (home, prefix) = (fresh("controller"), fresh("born"));
    let (glob, excluded) = (format!("{prefix}-*"), format!("{prefix}-out*"));
    let account = Account::of_a_controller(bench, &home, &["--namespaces", &glob, "--exclude", &excluded]);
    let namespace = |name: &str, annotations: &Value| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "annotations": annotations}});
    let create = |objects: &[Value]| {
        bench
            .kubectl(&["create", "-f", "-"], &json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string())
            .succeeded();
    };
    let list = |name: &str| {
        Bench::wait("the ServiceAccount", || {
            bench.kubectl(&["get", "serviceaccount", "default", "-n", name], "").status == 0
        });
        bench.get(&["serviceaccount", "default", "-n", name])["imagePullSecrets"].clone()
    };
    let reference = json!([{"name": account.secret}]);
    let mut number = 0;
    Bench::wait("the policy to be in force", || {
        number += 1;
        let name = format!("{prefix}-try-{number}");
        create(&[namespace(&name, &Value::Null)]);
        list(&name) == reference
    });
    // No controller runs, so only the policy adds a reference there.
    let names: Vec<_> = (0..NAMESPACES).map(|number| format!("{prefix}-{number}")).collect();
    create(&names.iter().map(|name| namespace(name, &Value::Null)).collect::<Vec<_>>());
    let without: Vec<_> = names.iter().filter(|name| list(name) != reference).collect();
    assert!(without.is_empty(), "born without the reference: {without:?}");
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "first", "namespace": names[0]},
        "spec": {"containers": [{"name": "a", "image": "a"}]}});
    create(&[pod]);
    assert_eq!(bench.get(&["pod", "first", "-n", &names[0]])["spec"]["imagePullSecrets"], reference);
    let out = format!("{prefix}-out");
    let opted_out = format!("{prefix}-opted");
    create(&[namespace(&out, &Value::Null), namespace(&opted_out, &json!({"regcred.dev/exclude": "true"}))]);
    assert_eq!((list(&out), list(&opted_out)), (Value::Null, Value::Null));
    let own = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "own", "namespace": names[0]}});
    create(&[own]);
    assert_eq!(bench.get(&["serviceaccount", "own", "-n", &names[0]])["imagePullSecrets"], Value::Null);
}

#[test]
fn labels_and_globs_choose_where_the_rights_hold() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let [one, other] = bench.namespaces();
    bench.kubectl(&["label", "namespace", &one, "team=shop", "stage=prod"], "").succeeded();
    bench.kubectl(&["label", "namespace", &other, "team=shop", "stage=test"], "").succeeded();
    let glob = format!("{}*", one.split("space").next().unwrap());
    let rights = ["-n", &glob, "-l", "team in (shop, billing),stage!=test,!legacy"];
    let account = Account::by_name(bench, "of-labels", &rights);
    account.wait_until_confined(&one);
    account.does_its_work(&rights, &[&one]);
    let requests = Requests::of(bench, &account.user);
    let write = |namespace: &str| {
        let path = format!("{}?fieldManager=regcred", account.path(namespace));
        requests.send("PATCH", &path, APPLY, &pull_secret(&account.secret)).0
    };
    assert_eq!((write(&one), write(&other), write("default")), (201, 422, 422));
    let kind = format!("{}-secrets", account.role());
    let status = || bench.get(&["validatingadmissionpolicy", &kind])["status"].clone();
    Bench::wait("the expressions to be checked", || status()["observedGeneration"] == 1);
    assert_eq!(status()["typeChecking"], json!({}));
}

#[test]
fn two_pull_secrets_of_one_list_and_every_service_account_are_served() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let [namespace] = bench.namespaces();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("regcred.yaml");
    let pull_secrets = ["one", "two"].map(|name| {
        format!("  - name: {name}\n    namespaces: {{include: [{namespace}]}}\n    serviceAccounts: ['*']\n")
    });
    let head =
        "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\nspec:\n  pullSecrets:\n";
    bench::write(&config, &(head.to_owned() + &pull_secrets.concat()));
    let regcred = |arguments: &[&str]| {
        let regcred = bench.program("regcred").directory(folder.path()).arguments(arguments);
        regcred.variable("DOCKERHUB_AUTH", OLD).run()
    };
    let manifests = regcred(&["render", "--format", "rbac", "--subject", "group:deployers"]).succeeded();
    bench.apply(&manifests).succeeded();
    let as_the_account = ["--as", "somebody", "--as-group", "deployers"];
    let list = || bench.get(&["serviceaccount", "default", "-n", &namespace])["imagePullSecrets"].clone();
    bench.kubectl(&["create", "serviceaccount", "ci", "-n", &namespace], "").succeeded();
    let other = json!({"imagePullSecrets": [{"name": "x"}]}).to_string();
    let dry_run =
        ["patch", "serviceaccount", "default", "-n", &namespace, "--dry-run=server", "--type", "merge", "-p", &other];
    Bench::wait("the policy to be in force", || {
        let run = bench.kubectl(&[&dry_run[..], &as_the_account].concat(), "");
        run.stderr.contains("regcred may")
    });
    regcred(&[&["apply"][..], &as_the_account].concat()).succeeded();
    assert_eq!(list(), json!([{"name": "one"}, {"name": "two"}]));
    regcred(&[&["delete", "--yes"][..], &as_the_account].concat()).succeeded();
    assert_eq!(list(), Value::Null);
    let ci = bench.get(&["serviceaccount", "ci", "-n", &namespace]);
    assert!(ci["imagePullSecrets"].is_null(), "{ci}");
    let patch = |list: Value| {
        let patch = json!({"imagePullSecrets": list}).to_string();
        let arguments = ["patch", "serviceaccount", "default", "-n", &namespace, "--type", "merge", "-p", &patch];
        bench.kubectl(&[&arguments[..], &as_the_account].concat(), "")
    };
    for list in [json!([{"name": "two"}, {"name": "one"}]), json!([{"name": "one"}])] {
        patch(list).succeeded();
    }
    for list in [
        json!([{"name": "one"}, {"name": "x"}]),
        json!([{"name": "two"}, {"name": "one"}]),
        json!([{"name": "one"}, {"name": "two"}, {"name": "two"}]),
    ] {
        let said = patch(list).failed();
        assert!(said.contains("regcred may add its own reference once"), "{said}");
    }
}

#[test]
fn with_a_policy_for_the_link_the_account_has_no_right_for_service_accounts() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let [namespace] = bench.namespaces();
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {{name: acme-policy}}\nspec:\n  link: policy\n  \
         pullSecrets: [{{name: acme-pull-secret, namespaces: {{include: [{namespace}]}}}}]\n"
    );
    bench::write(&folder.path().join("regcred.yaml"), &config);
    let regcred = |arguments: &[&str]| {
        let regcred = bench.program("regcred").directory(folder.path()).arguments(arguments);
        regcred.variable("DOCKERHUB_AUTH", OLD).run()
    };
    let grant = regcred(&["render", "--format", "rbac", "--subject", "user:without-accounts"]).succeeded();
    assert!(!grant.contains("serviceaccounts") && !grant.contains("service-accounts"), "{grant}");
    bench.apply(&grant).succeeded();
    // The administrator also applies the policy of the link.
    let rendered = bench::documents(&regcred(&["render"]).succeeded());
    let policies: Vec<_> = rendered.into_iter().filter(|object| object["kind"] != "Secret").collect();
    bench.apply(&json!({"apiVersion": "v1", "kind": "List", "items": policies}).to_string()).succeeded();
    let as_the_account = ["--as", "without-accounts"];
    regcred(&[&["apply"][..], &as_the_account].concat()).succeeded();
    bench.get(&["secret", "acme-pull-secret", "-n", &namespace]);
    regcred(&[&["delete", "--yes"][..], &as_the_account].concat()).succeeded();
    bench.kubectl(&["get", "secret", "acme-pull-secret", "-n", &namespace], "").failed();
}
