//! Runs `apply` and `diff` against the real API server.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::harness::bench::{self, Bench};
use crate::harness::program::{Program, Run};
use crate::harness::stand_in;

/// A login in a CI variable, and the one that replaces it.
const OLD: &str = r#"{"auths":{"ghcr.io":{"username":"acme-bot","password":"canary-of-old"}}}"#;
const NEW: &str = r#"{"auths":{"ghcr.io":{"username":"acme-bot","password":"canary-of-new"}}}"#;
const KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

fn regcred(bench: &Bench, arguments: &[&str], login: &str) -> Run {
    run(bench.confined(arguments), login)
}

/// `regcred` as an administrator, for work that the rights of `render --format rbac` do not allow.
fn administrator(bench: &Bench, arguments: &[&str], login: &str) -> Run {
    run(bench.program("regcred").arguments(arguments), login)
}

fn run(program: Program, login: &str) -> Run {
    let program = program.arguments(["--no-config"]);
    program.variable("DOCKERHUB_AUTH", login).variable("REGCRED_FINGERPRINT_KEY", KEY).run()
}

/// Asserts that the run ended with this status and printed no password.
#[track_caller]
fn ended(run: &Run, status: i32) -> String {
    let said = format!("{}{}", run.stdout, run.stderr);
    assert_eq!(run.status, status, "{said}");
    assert!(!said.contains("canary"), "{said}");
    said
}

fn secret(bench: &Bench, namespace: &str) -> Value {
    bench.get(&["secret", "image-pull-secret", "-n", namespace])
}

fn references(bench: &Bench, namespace: &str, account: &str) -> Vec<String> {
    let account = bench.get(&["serviceaccount", account, "-n", namespace]);
    let list = account["imagePullSecrets"].as_array().cloned().unwrap_or_default();
    list.iter().map(|entry| entry["name"].as_str().unwrap_or_default().to_owned()).collect()
}

fn version(object: &Value) -> String {
    object["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
}

fn uid(object: &Value) -> String {
    object["metadata"]["uid"].as_str().unwrap().to_owned()
}

#[test]
fn the_first_run_serves_the_namespaces_and_the_second_writes_nothing() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [one, other] = bench.namespaces();
    let both = format!("{one},{other}");
    let said = ended(&regcred(bench, &["diff", "-n", &both], OLD), 3);
    assert!(said.contains("create Secret/image-pull-secret  (missing)"), "{said}");
    assert!(said.contains("link   ServiceAccount/default  (not linked)"), "{said}");
    let dry = regcred(bench, &["apply", "-n", &both, "--dry-run"], OLD);
    ended(&dry, 3);
    assert!(references(bench, &one, "default").is_empty(), "a dry run writes nothing");
    let said = ended(&regcred(bench, &["apply", "-n", &both], OLD), 0);
    assert!(said.contains("2 namespaces: 2 linked, 2 created"), "{said}");
    let state = || {
        [&one, &other].map(|namespace| {
            let account = bench.get(&["serviceaccount", "default", "-n", namespace]);
            (version(&secret(bench, namespace)), version(&account))
        })
    };
    let before = state();
    assert_eq!(references(bench, &other, "default"), ["image-pull-secret"]);
    let marks = secret(bench, &one);
    assert_eq!(marks["type"], "kubernetes.io/dockerconfigjson");
    assert_eq!(marks["metadata"]["annotations"]["regcred.dev/owner"], "image-pull-secret");
    assert_eq!(marks["metadata"]["labels"]["app.kubernetes.io/managed-by"], "regcred");
    let said = ended(&regcred(bench, &["apply", "-n", &both], OLD), 0);
    assert!(said.contains("2 namespaces: 4 unchanged"), "{said}");
    assert_eq!(state(), before, "an unchanged cluster sees no write");
    ended(&regcred(bench, &["diff", "-n", &both], OLD), 0);
}

#[test]
fn diff_finds_no_difference_after_kubectl_applied_render() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    let rendered = bench.regcred(&["render", "-n", &namespace], &[("DOCKERHUB_AUTH", OLD)]);
    bench.apply(&rendered.succeeded()).succeeded();
    ended(&regcred(bench, &["diff", "-n", &namespace], OLD), 0);
}

#[test]
fn a_rotation_keeps_the_secret_and_diff_names_what_differs_but_no_value() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    ended(&regcred(bench, &["apply", "-n", &namespace], OLD), 0);
    let before = uid(&secret(bench, &namespace));
    let said = ended(&regcred(bench, &["diff", "-n", &namespace], NEW), 3);
    assert!(said.contains("ghcr.io: another password") && said.contains(" → "), "{said}");
    let markdown = ended(&regcred(bench, &["diff", "-n", &namespace, "--format", "markdown"], NEW), 3);
    assert!(markdown.contains("| `Secret/image-pull-secret` | update |"), "{markdown}");
    let missing = format!("{namespace}-missing");
    let markdown = ended(&regcred(bench, &["diff", "-n", &missing, "--format", "markdown"], NEW), 1);
    assert!(markdown.contains("**Pull secrets**: not compared."), "{markdown}");
    let one_of_two = format!("{namespace},{missing}");
    let markdown = ended(&administrator(bench, &["diff", "-n", &one_of_two, "--format", "markdown"], OLD), 1);
    assert!(markdown.contains("**Pull secrets**: nothing differs in the rest."), "{markdown}");
    let said = ended(&regcred(bench, &["apply", "-n", &namespace, "--format", "json"], NEW), 0);
    let answer: Value = serde_json::from_str(&said).unwrap();
    let changes = answer["clusters"][0]["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 2, "{said}");
    assert_eq!((&changes[1]["action"], &changes[1]["result"]), (&json!("update"), &json!("written")), "{said}");
    assert_eq!(uid(&secret(bench, &namespace)), before, "the Secret is the same one");
    ended(&regcred(bench, &["diff", "-n", &namespace], NEW), 0);
}

#[test]
fn a_login_that_an_earlier_run_had_is_removed_with_a_warning() {
    const BOTH: &str = r#"{"auths":{"ghcr.io":{"username":"acme-bot","password":"canary-of-old"},"quay.io":{"username":"acme-bot","password":"canary"}}}"#;
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    let said = ended(&regcred(bench, &["apply", "-n", &namespace], BOTH), 0);
    assert!(!said.contains("removed"), "{said}");
    let warning = |removed: &str| {
        format!("the login for quay.io {removed} from `image-pull-secret` in {namespace}: this run has none")
    };
    let said = ended(&regcred(bench, &["apply", "--dry-run", "-n", &namespace], OLD), 3);
    assert!(said.contains(&warning("would be removed")), "{said}");
    let reader = bench::fresh("reader");
    bench.grant(&reader, &["apiGroups: [''], resources: [namespaces, secrets, serviceaccounts], verbs: [get]"]);
    let mut said = String::new();
    Bench::wait("the rights of the reader", || {
        said = ended(&administrator(bench, &["apply", "-n", &namespace, "--as", &reader], OLD), 1);
        !said.contains("forbids to get")
    });
    assert!(said.contains("1 failed") && !said.contains("removed"), "nothing was written: {said}");
    let said = ended(&regcred(bench, &["apply", "-n", &namespace], OLD), 0);
    assert!(said.contains(&warning("was removed")), "{said}");
    let said = ended(&regcred(bench, &["apply", "-n", &namespace], NEW), 0);
    assert!(!said.contains("removed"), "a rotation removes nothing: {said}");
}

#[test]
fn without_the_logins_diff_compares_the_rest() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    ended(&regcred(bench, &["apply", "-n", &namespace], OLD), 0);
    let said = ended(&regcred(bench, &["diff", "-n", &namespace], ""), 0);
    assert!(said.contains("there are no credentials"), "{said}");
    let run = regcred(bench, &["apply", "-n", &namespace], "");
    assert!(ended(&run, 1).contains("`DOCKERHUB_AUTH` is "), "{}", run.stderr);
}

#[test]
fn other_entries_stay_in_their_order_and_every_account_can_be_linked() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    let accounts = format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: ci, namespace: {namespace}}}\n\
         imagePullSecrets: [{{name: z}}, {{name: a}}]\n---\n\
         apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: out, namespace: {namespace}, annotations: {{regcred.dev/exclude: 'true'}}}}\n"
    );
    bench.kubectl(&["create", "-f", "-"], &accounts).succeeded();
    ended(&regcred(bench, &["apply", "-n", &namespace, "--service-account", "ci"], OLD), 0);
    assert_eq!(references(bench, &namespace, "ci"), ["z", "a", "image-pull-secret"]);
    assert!(references(bench, &namespace, "default").is_empty());
    let by_glob = ["apply", "-n", &namespace, "--service-account", "c?", "--secret-name", "by-glob"];
    ended(&regcred(bench, &by_glob, OLD), 0);
    assert_eq!(references(bench, &namespace, "ci"), ["z", "a", "image-pull-secret", "by-glob"]);
    ended(&regcred(bench, &["apply", "-n", &namespace, "--all-service-accounts"], OLD), 0);
    assert_eq!(references(bench, &namespace, "default"), ["image-pull-secret"]);
    assert_eq!(references(bench, &namespace, "ci"), ["z", "a", "image-pull-secret", "by-glob"]);
    assert!(references(bench, &namespace, "out").is_empty(), "it has opted out");
    let said = ended(&regcred(bench, &["apply", "-n", &namespace, "--service-account", "nobody"], OLD), 0);
    assert!(said.contains(&format!("there is no ServiceAccount `nobody` in {namespace}")), "{said}");
}

#[test]
fn a_namespace_that_was_named_and_is_not_there_is_an_error_and_the_others_are_served() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    let both = format!("{namespace},no-such-place");
    let said = ended(&administrator(bench, &["apply", "-n", &both], OLD), 1);
    assert!(said.contains("there is no namespace `no-such-place`"), "{said}");
    assert_eq!(references(bench, &namespace, "default"), ["image-pull-secret"]);
}

#[test]
fn globs_labels_and_annotations_choose_in_the_cluster() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [one, other, out] = bench.namespaces();
    bench.kubectl(&["label", "namespace", &one, &other, &format!("choice={one}")], "").succeeded();
    bench.kubectl(&["annotate", "namespace", &out, "regcred.dev/exclude=true"], "").succeeded();
    let selector = format!("choice={one}");
    ended(&regcred(bench, &["apply", "-l", &selector, "--exclude", &other], OLD), 0);
    let served = |namespace: &str| references(bench, namespace, "default") == ["image-pull-secret"];
    assert!(served(&one) && !served(&other));
    ended(&regcred(bench, &["apply", "-n", &format!("{other},{out}"), "--exclude", &one], OLD), 0);
    assert!(served(&other) && !served(&out), "it has opted out");
    bench.kubectl(&["annotate", "namespace", &other, "regcred.dev/exclude=True"], "").succeeded();
    let said = ended(&regcred(bench, &["diff", "-n", &other], OLD), 0);
    let unclear =
        format!("`regcred.dev/exclude` of {other} is neither `true` nor `false`, so this namespace is served");
    assert!(said.contains(&unclear), "{said}");
    let prefix = bench::fresh("glob");
    for name in ["a", "b"] {
        bench.kubectl(&["create", "namespace", &format!("{prefix}-{name}")], "").succeeded();
    }
    // The run may start before `default` exists.
    ended(&regcred(bench, &["apply", "-n", &format!("{prefix}-*"), "--exclude", "*-b"], OLD), 0);
    assert!(served(&format!("{prefix}-a")));
    let said = ended(&regcred(bench, &["diff", "-n", &format!("{prefix}-*"), "--exclude", "*-a,*-b"], OLD), 1);
    assert!(said.contains("no namespace is left to serve"), "{said}");
    let said = ended(&regcred(bench, &["apply"], OLD), 1);
    assert!(said.contains("no namespace of the cluster is chosen"), "{said}");
    let said = ended(&regcred(bench, &["diff", "-n", &format!("{prefix}-*,{prefix}x-*"), "--exclude", "*-b"], OLD), 0);
    assert!(said.contains(&format!("note: no namespace of the cluster matches `{prefix}x-*`")), "{said}");
    let said = ended(&regcred(bench, &["apply", "--selector", &format!("{prefix}=no")], OLD), 1);
    assert!(said.contains("matches `--namespaces` or `--selector`"), "{said}");
}

/// A Secret with our name that somebody else created.
fn foreign(namespace: &str, metadata: &str, login: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/dockerconfigjson\n\
         metadata: {{name: image-pull-secret, namespace: {namespace}{metadata}}}\nstringData: {{.dockerconfigjson: '{login}'}}\n"
    )
}

#[test]
fn a_foreign_secret_is_refused_left_adopted_or_overwritten_as_on_conflict_says() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [free, equal, differs] = bench.namespaces();
    bench.kubectl(&["create", "-f", "-"], &foreign(&equal, "", OLD)).succeeded();
    bench.kubectl(&["create", "-f", "-"], &foreign(&differs, "", NEW)).succeeded();
    let all = format!("{free},{equal},{differs}");
    let apply = |places: &str, how: &[&str]| regcred(bench, &[&["apply", "-n", places], how].concat(), OLD);
    let taking = |places: &str, how: &str| administrator(bench, &["apply", "-n", places, "--on-conflict", how], OLD);
    let owner = |namespace: &str| secret(bench, namespace)["metadata"]["annotations"]["regcred.dev/owner"].clone();

    let said = ended(&apply(&all, &[]), 1);
    assert!(said.contains("is not regcred's, and holds the same logins"), "{said}");
    assert!(said.contains("is not regcred's, and holds other logins"), "{said}");
    assert!(references(bench, &free, "default").is_empty(), "conflicts are found before the first write");
    ended(&regcred(bench, &["diff", "-n", &all], OLD), 3);

    ended(&taking(&all, "adopt"), 1);
    assert!(references(bench, &free, "default").is_empty(), "conflicts are found before the first write");
    let before = uid(&secret(bench, &equal));
    ended(&taking(&equal, "adopt"), 0);
    assert_eq!((owner(&equal), uid(&secret(bench, &equal))), (json!("image-pull-secret"), before));

    let untouched = version(&secret(bench, &differs));
    let said = ended(&apply(&all, &["--on-conflict", "skip", "-v"]), 0);
    assert!(said.contains("3 namespaces: ") && said.contains(" 1 left"), "{said}");
    assert!(said.contains(&format!("{differs}/Secret/image-pull-secret: left (")), "{said}");
    assert_eq!(version(&secret(bench, &differs)), untouched);
    assert_eq!(references(bench, &free, "default"), ["image-pull-secret"]);

    ended(&taking(&differs, "overwrite"), 0);
    assert_eq!(owner(&differs), "image-pull-secret");
    ended(&regcred(bench, &["diff", "-n", &all], OLD), 0);
}

#[test]
fn what_a_tool_manages_is_never_written() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    let helm = ", labels: {app.kubernetes.io/managed-by: Helm}, annotations: {meta.helm.sh/release-name: shop}";
    bench.kubectl(&["create", "-f", "-"], &foreign(&namespace, helm, NEW)).succeeded();
    let before = version(&secret(bench, &namespace));
    for how in ["fail", "adopt", "overwrite"] {
        let said = ended(&regcred(bench, &["apply", "-n", &namespace, "--on-conflict", how], OLD), 1);
        assert!(said.contains("is managed by Helm release shop"), "{how}: {said}");
    }
    ended(&regcred(bench, &["apply", "-n", &namespace, "--on-conflict", "skip"], OLD), 0);
    ended(&regcred(bench, &["apply", "-n", &namespace], NEW), 0);
    assert_eq!(version(&secret(bench, &namespace)), before);
}

#[test]
fn a_secret_that_cannot_change_is_reported_and_recreated_on_request() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [opaque, immutable] = bench.namespaces();
    let ours = |namespace: &str, rest: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: image-pull-secret, namespace: {namespace}, \
             labels: {{app.kubernetes.io/managed-by: regcred}}, annotations: {{regcred.dev/owner: image-pull-secret}}}}\n{rest}\n"
        )
    };
    bench.kubectl(&["create", "-f", "-"], &ours(&opaque, "type: Opaque")).succeeded();
    let rest =
        format!("type: kubernetes.io/dockerconfigjson\nimmutable: true\nstringData: {{.dockerconfigjson: '{NEW}'}}");
    bench.kubectl(&["create", "-f", "-"], &ours(&immutable, &rest)).succeeded();
    let both = format!("{opaque},{immutable}");
    let said = ended(&regcred(bench, &["apply", "-n", &both], OLD), 1);
    let is_one_message = said.matches("which cannot change").count() == 1;
    assert!(is_one_message && said.contains(&opaque) && said.contains(&immutable), "{said}");
    ended(&regcred(bench, &["apply", "-n", &both, "--recreate"], OLD), 0);
    assert_eq!(secret(bench, &opaque)["type"], "kubernetes.io/dockerconfigjson");
    ended(&regcred(bench, &["diff", "-n", &both], OLD), 0);
}

fn file(folder: &Path, owner: &str, secret: &str) -> String {
    let path = folder.join(format!("{owner}.yaml"));
    let text = format!(
        "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {{name: {owner}}}\n\
         spec: {{pullSecrets: [{{name: {secret}}}]}}\n"
    );
    bench::write(&path, &text);
    path.to_str().unwrap().to_owned()
}

#[test]
fn two_owners_live_side_by_side_and_never_undo_each_other() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    let folder = tempfile::tempdir().unwrap();
    let apply = |config: &str, login: &str| {
        let program = bench.confined(&["--config", config, "apply", "-n", &namespace]);
        program.variable("DOCKERHUB_AUTH", login).run()
    };
    let (one, other) = (file(folder.path(), "one", "pull-one"), file(folder.path(), "other", "pull-other"));
    for _ in 0..2 {
        ended(&apply(&one, OLD), 0);
        ended(&apply(&other, NEW), 0);
        assert_eq!(references(bench, &namespace, "default"), ["pull-one", "pull-other"]);
    }
    let same = file(folder.path(), "third", "pull-one");
    let said = ended(&apply(&same, NEW), 1);
    assert!(said.contains("is of another owner one"), "{said}");
}

#[test]
fn no_entry_is_lost_while_many_write_the_same_list() {
    const WRITERS: usize = 4;
    const ENTRIES: usize = 10;
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    let names = |writer: usize| (0..ENTRIES).map(move |entry| format!("w{writer}-{entry}"));
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let namespace = &namespace;
            scope.spawn(move || {
                for name in names(writer) {
                    ended(&regcred(bench, &["apply", "-n", namespace, "--secret-name", &name], OLD), 0);
                }
            });
        }
        // A writer that replaces the list as it was read, and tries again after a conflict.
        for name in names(WRITERS) {
            Bench::wait("a write without a conflict", || {
                let mut account = bench.get(&["serviceaccount", "default", "-n", &namespace]);
                let mut list = account["imagePullSecrets"].as_array().cloned().unwrap_or_default();
                list.push(json!({"name": name}));
                account["imagePullSecrets"] = json!(list);
                bench.kubectl(&["replace", "-f", "-"], &account.to_string()).status == 0
            });
        }
    });
    let found = references(bench, &namespace, "default");
    let expected: BTreeSet<String> = (0..=WRITERS).flat_map(names).collect();
    assert_eq!(found.len(), expected.len(), "each is there once: {found:?}");
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
}

#[test]
fn a_namespace_that_vanishes_is_no_error() {
    let Some(bench) = Bench::with(&[]) else { return };
    let names: [String; 24] = bench.namespaces();
    let (label, going) = (format!("vanish={}", names[0]), &names[..12]);
    let all: Vec<_> =
        ["label", "namespace"].into_iter().chain(names.iter().map(String::as_str)).chain([label.as_str()]).collect();
    bench.kubectl(&all, "").succeeded();
    thread::scope(|scope| {
        let delete = scope.spawn(|| {
            let arguments: Vec<_> =
                ["delete", "namespace", "--wait=false"].into_iter().chain(going.iter().map(String::as_str)).collect();
            bench.kubectl(&arguments, "").succeeded()
        });
        for number in 0..12 {
            let name = format!("pull-{number}");
            ended(&regcred(bench, &["apply", "-l", &label, "--secret-name", &name], OLD), 0);
        }
        delete.join().unwrap();
    });
}

#[test]
fn an_account_with_rights_in_one_namespace_serves_that_one_and_is_told_what_it_lacks_elsewhere() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [own, other, third] = bench.namespaces();
    let role = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: apply, namespace: {own}}}\nrules:\n\
         - {{apiGroups: [''], resources: [secrets], resourceNames: [image-pull-secret], verbs: [get, create, patch]}}\n\
         - {{apiGroups: [''], resources: [serviceaccounts], resourceNames: [default], verbs: [get, patch]}}\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: apply, namespace: {own}}}\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: apply}}\n\
         subjects: [{{kind: User, name: pipeline, apiGroup: rbac.authorization.k8s.io}}]\n"
    );
    bench.kubectl(&["create", "-f", "-"], &role).succeeded();
    let user = ["--as", "pipeline"];
    ended(&regcred(bench, &[&["apply", "-n", &own][..], &user].concat(), OLD), 0);
    assert_eq!(references(bench, &own, "default"), ["image-pull-secret"]);
    let said = ended(&regcred(bench, &[&["apply", "-n", &other][..], &user].concat(), OLD), 1);
    assert!(said.contains("the cluster forbids to get") && said.contains(&other), "{said}");
    let all = format!("{own},{other},{third}");
    let said = ended(&regcred(bench, &[&["apply", "-n", &all][..], &user].concat(), NEW), 1);
    for namespace in [&other, &third] {
        assert!(said.contains(&format!("the ServiceAccounts of {namespace}")), "every namespace is named: {said}");
    }
    // Nothing was written where the account has its rights, either.
    ended(&regcred(bench, &[&["diff", "-n", &own][..], &user].concat(), OLD), 0);
    let said = ended(&regcred(bench, &[&["apply", "-A"][..], &user].concat(), OLD), 1);
    assert!(said.contains("the cluster forbids to list namespaces") && said.contains("--namespaces"), "{said}");
}

#[test]
fn an_account_that_may_not_read_secrets_gets_the_rest_of_the_difference() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    let reader = format!("reader-of-{namespace}");
    bench.grant(&reader, &["apiGroups: [''], resources: [namespaces, serviceaccounts], verbs: [get, list]"]);
    let said = ended(&regcred(bench, &["diff", "-n", &namespace, "--as", &reader], OLD), 3);
    assert!(said.contains("Secrets not compared") && said.contains("link   ServiceAccount/default"), "{said}");
}

#[test]
fn an_unreachable_cluster_is_reported_at_once() {
    let Some(bench) = Bench::with(&[]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    let nowhere = "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n\
                   clusters: [{name: a, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: a, user: {token: canary}}]\n";
    bench::write(&path, nowhere);
    let said = ended(&administrator(bench, &["apply", "-n", "a", "--kubeconfig", path.to_str().unwrap()], OLD), 1);
    assert!(said.contains("the cluster cannot be reached: connection refused"), "{said}");
    let said = ended(&administrator(bench, &["apply", "-n", "a", "--context", "nowhere"], OLD), 1);
    assert!(said.contains("the kubeconfig has no context of that name"), "{said}");
}

#[test]
fn delete_removes_what_this_owner_made_and_nothing_else() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [one, other] = bench.namespaces();
    let both = format!("{one},{other}");
    bench
        .kubectl(
            &["patch", "serviceaccount", "default", "-n", &one, "-p", r#"{"imagePullSecrets":[{"name":"theirs"}]}"#],
            "",
        )
        .succeeded();
    let folder = tempfile::tempdir().unwrap();
    let config = file(folder.path(), "neighbour", "neighbours");
    let neighbour = bench.confined(&["--config", &config, "apply", "-n", &one]);
    ended(&neighbour.variable("DOCKERHUB_AUTH", NEW).run(), 0);
    ended(&regcred(bench, &["apply", "-n", &both], OLD), 0);
    assert_eq!(references(bench, &one, "default"), ["theirs", "neighbours", "image-pull-secret"]);

    let run = regcred(bench, &["delete", "-n", &both], "");
    assert!(ended(&run, 2).contains("`--yes` is missing"), "{}", run.stderr);
    let said = ended(&regcred(bench, &["delete", "-n", &both, "--dry-run"], ""), 3);
    assert_eq!(said.lines().filter(|line| line.contains("(left over)")).count(), 4, "{said}");
    assert!(said.contains("`delete` looked only at default, and others may still refer"), "{said}");
    let said = ended(&regcred(bench, &["delete", "-n", &both, "--yes"], ""), 0);
    assert!(said.contains("2 namespaces: 2 unlinked, 2 deleted"), "{said}");
    assert_eq!(references(bench, &one, "default"), ["theirs", "neighbours"]);
    assert!(references(bench, &other, "default").is_empty());
    bench.get(&["secret", "neighbours", "-n", &one]);
    bench.kubectl(&["get", "secret", "image-pull-secret", "-n", &one], "").failed();
    let said = ended(&administrator(bench, &["delete", "-n", &format!("{both},gone"), "--yes"], ""), 0);
    assert!(said.contains("nothing to do") && !said.contains("looked only at"), "{said}");
}

#[test]
fn delete_takes_one_pull_secret_of_several_or_a_namespace_that_is_excluded_now() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [one, other] = bench.namespaces();
    let folder = tempfile::tempdir().unwrap();
    let owner = format!("several-{one}");
    let config = folder.path().join("regcred.yaml");
    let write = |exclude: &str| {
        let namespaces = format!("namespaces: {{include: [{one}, {other}], exclude: [{exclude}]}}");
        let text = format!(
            "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {{name: {owner}}}\nspec:\n  \
             pullSecrets: [{{name: first, {namespaces}}}, {{name: second, {namespaces}}}]\n"
        );
        bench::write(&config, &text);
    };
    let run = |arguments: &[&str]| {
        let all = [&["--config", config.to_str().unwrap()], arguments].concat();
        let run = bench.program("regcred").arguments(&all).variable("DOCKERHUB_AUTH", OLD).run();
        ended(&run, if arguments.contains(&"--dry-run") { 3 } else { 0 })
    };
    write("");
    run(&["apply"]);
    let said = run(&["delete", "-n", &one, "--secret-name", "second", "--yes"]);
    assert!(said.contains("1 deleted"), "{said}");
    assert_eq!(references(bench, &one, "default"), ["first"]);
    assert_eq!(references(bench, &other, "default"), ["first", "second"]);
    // All pull secrets of this owner: in one namespace, then in one that the config now excludes.
    run(&["delete", "-n", &one, "--yes"]);
    assert!(references(bench, &one, "default").is_empty());
    write(&other);
    assert!(run(&["delete", "--dry-run"]).contains("second"));
    run(&["delete", "--yes"]);
    assert!(references(bench, &other, "default").is_empty());
}

#[test]
fn delete_completes_what_an_interrupted_run_has_begun() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    let accounts = format!("apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: ci, namespace: {namespace}}}\n");
    bench.kubectl(&["create", "-f", "-"], &accounts).succeeded();
    ended(&regcred(bench, &["apply", "-n", &namespace, "--all-service-accounts"], OLD), 0);
    // The Secret is gone, and one of two references is left.
    bench.kubectl(&["delete", "secret", "image-pull-secret", "-n", &namespace], "").succeeded();
    let unlinked = r#"[{"op":"remove","path":"/imagePullSecrets"}]"#;
    bench.kubectl(&["patch", "serviceaccount", "ci", "-n", &namespace, "--type=json", "-p", unlinked], "").succeeded();
    let said = ended(&regcred(bench, &["delete", "-n", &namespace, "--yes"], ""), 0);
    assert!(said.contains("1 namespace: 1 unlinked"), "{said}");
    assert!(references(bench, &namespace, "default").is_empty());
}

/// The objects of an owner in the whole cluster, each as `Kind/name`.
fn owned(bench: &Bench, owner: &str) -> Vec<String> {
    let kinds = "secrets,serviceaccounts,deployments,clusterroles,clusterrolebindings,roles,rolebindings,\
        mutatingadmissionpolicies,mutatingadmissionpolicybindings,validatingadmissionpolicies,validatingadmissionpolicybindings";
    let found = bench.get(&[kinds, "-A", "-l", "app.kubernetes.io/managed-by=regcred"]);
    let ours = found["items"].as_array().unwrap().iter();
    let ours = ours.filter(|object| object["metadata"]["annotations"]["regcred.dev/owner"] == owner);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    ours.map(|object| format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]))).collect()
}

#[test]
fn delete_of_all_namespaces_removes_policies_and_patchers_of_earlier_runs_and_nothing_of_others() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let [namespace, tools, other_tools] = bench.namespaces();
    let [owner, neighbour] = ["owner", "neighbour"].map(bench::fresh);
    let rendered = |owner: &str, arguments: &[&str]| {
        let render = [&["render", "--secret-name", owner], arguments].concat();
        bench.apply(&bench.regcred(&render, &[("DOCKERHUB_AUTH", OLD)]).succeeded()).succeeded();
    };
    for (owner, tools) in [(&owner, &tools), (&neighbour, &other_tools)] {
        rendered(owner, &["--strategy", "patcher", "--patcher-namespace", tools]);
        rendered(owner, &["--link", "policy", "-n", &namespace]);
        rendered(owner, &["--format", "rbac", "-n", &namespace, "--subject", "user:ci"]);
    }
    let of_the_neighbour = owned(bench, &neighbour);
    let kinds: BTreeSet<_> = of_the_neighbour.iter().map(|object| object.split_once('/').unwrap().0).collect();
    assert_eq!(kinds.len(), 11, "one of each kind: {kinds:?}");
    assert_eq!(owned(bench, &owner).len(), of_the_neighbour.len());

    let delete = ["delete", "-A", "--secret-name", &owner];
    ended(&administrator(bench, &["delete", "-n", &namespace, "--yes", "--secret-name", &owner], ""), 0);
    let without_the_secret = owned(bench, &owner);
    assert_eq!(without_the_secret.len(), of_the_neighbour.len() - 1, "`-n` deletes only the Secret");

    let reader = bench::fresh("reader");
    bench.grant(&reader, &["apiGroups: [''], resources: [namespaces, secrets, serviceaccounts], verbs: [get, list]"]);
    let mut said = String::new();
    Bench::wait("the rights of the reader", || {
        said = regcred(bench, &[&delete[..], &["--dry-run", "--as", &reader]].concat(), "").stderr;
        !said.contains("forbids")
    });
    assert!(
        said.contains(
            "this account may not list Deployment, ClusterRoleBinding, ClusterRole, RoleBinding, Role, Mutating"
        ),
        "{said}"
    );

    let dry = ended(&administrator(bench, &[&delete[..], &["--dry-run"]].concat(), ""), 3);
    assert_eq!(dry.lines().filter(|line| line.contains("(left over)")).count(), without_the_secret.len(), "{dry}");
    ended(&administrator(bench, &[&delete[..], &["--yes"]].concat(), ""), 0);
    assert_eq!(owned(bench, &owner), Vec::<String>::new());
    assert_eq!(owned(bench, &neighbour), of_the_neighbour);
    let said = ended(&administrator(bench, &[&delete[..], &["--yes"]].concat(), ""), 0);
    assert!(said.contains("nothing to do"), "{said}");
    ended(&administrator(bench, &["delete", "-A", "--yes", "--secret-name", &neighbour], ""), 0);
}

#[test]
fn prune_removes_what_is_no_longer_chosen_and_nothing_of_others() {
    // `--prune` searches every namespace.
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let [kept, left] = bench.namespaces();
    let folder = tempfile::tempdir().unwrap();
    let config = file(folder.path(), "neighbour", "neighbours");
    let neighbour = bench.confined(&["--config", &config, "apply", "-n", &left]);
    ended(&neighbour.variable("DOCKERHUB_AUTH", NEW).run(), 0);
    ended(&regcred(bench, &["apply", "-n", &format!("{kept},{left}")], OLD), 0);
    let said = ended(&regcred(bench, &["diff", "-n", &kept, "--prune"], OLD), 3);
    assert!(said.contains(&left) && said.contains("delete Secret/image-pull-secret  (left over)"), "{said}");
    let said = ended(&regcred(bench, &["apply", "-n", &kept, "--prune"], OLD), 0);
    assert!(said.contains("2 unchanged, 1 unlinked, 1 deleted"), "{said}");
    assert_eq!(references(bench, &left, "default"), ["neighbours"]);
    bench.kubectl(&["get", "secret", "image-pull-secret", "-n", &left], "").failed();
    assert_eq!(references(bench, &kept, "default"), ["image-pull-secret"]);
    let narrow = bench.program("regcred").arguments(["--config", &config, "apply", "-n", &left, "--prune"]);
    let run = narrow.variable("DOCKERHUB_AUTH", NEW).run();
    assert!(ended(&run, 2).contains("`--prune` and `--namespaces` cannot be used together"), "{}", run.stderr);
}

#[test]
fn a_reference_to_somebody_elses_secret_of_the_same_name_stays() {
    // `delete -A` and `--prune` search every namespace.
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let [served, legacy] = bench.namespaces();
    let name = bench::fresh("shared");
    bench.kubectl(&["create", "secret", "generic", &name, "-n", &legacy, "--from-literal=a=b"], "").succeeded();
    // As if the cluster had created the list: no field manager is recorded.
    let patch = json!({"imagePullSecrets": [{"name": name}]}).to_string();
    bench.kubectl(&["patch", "serviceaccount", "default", "-n", &legacy, "-p", &patch], "").succeeded();
    let nobody = json!([{"op": "add", "path": "/metadata/managedFields", "value": [{}]}]).to_string();
    bench.kubectl(&["patch", "serviceaccount", "default", "-n", &legacy, "--type=json", "-p", &nobody], "").succeeded();
    let account = bench.get(&["serviceaccount", "default", "-n", &legacy, "--show-managed-fields"]);
    assert!(!account["metadata"]["managedFields"].to_string().contains("imagePullSecrets"), "{account}");
    for verb in [&["apply", "-n", &served, "--prune"][..], &["delete", "-A", "--yes"]] {
        ended(&administrator(bench, &[verb, &["--secret-name", &name]].concat(), OLD), 0);
        assert_eq!(references(bench, &legacy, "default"), [name.as_str()], "{verb:?}");
        bench.get(&["secret", &name, "-n", &legacy]);
    }
    bench.kubectl(&["get", "secret", &name, "-n", &served], "").failed();
}

/// Who would replace a Pod.
#[derive(Clone, Copy)]
pub enum Owner {
    Nobody,
    Controller,
}

/// A Pod that fails to pull one of our images.
pub fn stuck_pod(bench: &Bench, namespace: &str, name: &str, owner: Owner) {
    // Any object can be a controller; a ReplicaSet would create new Pods.
    let controller = || {
        let get = ["get", "configmap", "controller", "-n", namespace];
        if bench.kubectl(&get, "").status != 0 {
            bench.kubectl(&["create", "configmap", "controller", "-n", namespace], "").succeeded();
        }
        let uid = uid(&bench.get(&get[1..]));
        format!(
            ", ownerReferences: [{{apiVersion: v1, kind: ConfigMap, name: controller, uid: {uid}, controller: true}}]"
        )
    };
    let more = match owner {
        Owner::Nobody => String::new(),
        Owner::Controller => controller(),
    };
    pod(bench, namespace, name, &more);
    fail_to_pull(bench, namespace, name, "containerStatuses", "");
}

/// Writes the status that a kubelet reports for a Pod whose image it does not get.
fn fail_to_pull(bench: &Bench, namespace: &str, name: &str, field: &str, message: &str) {
    let waiting = json!({"name": "c", "image": "x", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": "ImagePullBackOff", "message": message}}});
    let status = json!({"status": {"phase": "Pending", field: [waiting]}}).to_string();
    bench.kubectl(&["patch", "pod", name, "-n", namespace, "--subresource=status", "-p", &status], "").succeeded();
}

/// A Pod with one of our images.
fn pod(bench: &Bench, namespace: &str, name: &str, more: &str) {
    let pod = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}, labels: {{app: {name}}}{more}}}\n\
         spec: {{containers: [{{name: c, image: ghcr.io/acme/api}}]}}\n"
    );
    bench.kubectl(&["create", "-f", "-"], &pod).succeeded();
}

fn delete_policy(bench: &Bench, name: &str) {
    for kind in ["mutatingadmissionpolicybinding", "mutatingadmissionpolicy"] {
        bench.kubectl(&["delete", kind, name], "").succeeded();
    }
}

#[test]
fn a_policy_is_written_first_and_acts_before_the_run_ends() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace, other] = bench.namespaces();
    let folder = tempfile::tempdir().unwrap();
    let owner = bench::fresh("owner");
    let config = file(folder.path(), &owner, "image-pull-secret");
    let run = |verb: &str, more: &[&str]| {
        let arguments = [&["--config", &config, verb, "-n", &namespace][..], more].concat();
        bench.program("regcred").arguments(arguments).variable("DOCKERHUB_AUTH", OLD).run()
    };
    let policy = ["--link", "policy"];
    let reader = format!("no-policies-of-{namespace}");
    bench.grant(
        &reader,
        &[
            "apiGroups: [''], resources: [namespaces, secrets], verbs: [get, list, create, patch]",
            "apiGroups: [admissionregistration.k8s.io], resources: ['*'], verbs: [get]",
        ],
    );
    let said = ended(&run("apply", &[&policy[..], &["--as", &reader]].concat()), 1);
    assert!(
        said.contains("may not write admission policies") && said.contains("`regcred apply --link policy --config "),
        "{said}"
    );
    ended(&run("diff", &policy), 3);
    let said = ended(&run("apply", &policy), 0);
    assert!(said.contains("2 created, 1 unchanged"), "{said}");
    pod(bench, &namespace, "shop", "");
    let found = bench.get(&["pod", "shop", "-n", &namespace]);
    assert_eq!(found["spec"]["imagePullSecrets"], json!([{"name": "image-pull-secret"}]));
    assert!(references(bench, &namespace, "default").is_empty(), "no ServiceAccount changes");
    let elsewhere = ["--config", &config, "apply", "-n", &other, "--link", "policy"];
    ended(&bench.program("regcred").arguments(elsewhere).variable("DOCKERHUB_AUTH", OLD).run(), 0);
    let name = format!("{owner}.image-pull-secret");
    let served = bench.get(&["mutatingadmissionpolicybinding", &name]).to_string();
    assert!(
        served.contains(&namespace) && served.contains(&other),
        "a run keeps the namespaces of other runs: {served}"
    );
    ended(&run("diff", &policy), 0);
    ended(&run("apply", &[&policy[..], &["--as", &reader]].concat()), 0);
    let delete = |place: &str| {
        let arguments = ["--config", &config, "delete", "-n", place, "--yes"];
        ended(&bench.program("regcred").arguments(arguments).run(), 0)
    };
    let said = delete(&other);
    assert!(said.contains("1 updated, 1 deleted"), "{said}");
    let served = bench.get(&["mutatingadmissionpolicybinding", &name]).to_string();
    assert!(served.contains(&namespace) && !served.contains(&other), "it serves the other namespace only: {served}");
    let said = delete(&namespace);
    let note = format!("MutatingAdmissionPolicyBinding/{name} still adds the reference to new Pods in {namespace}");
    assert!(said.contains(&note) && said.contains("1 deleted"), "{said}");
    delete_policy(bench, &name);
}

#[test]
fn the_namespaces_of_concurrent_runs_all_stay_in_the_binding() {
    let Some(bench) = Bench::with(&[]) else { return };
    let namespaces: [String; 6] = bench.namespaces();
    let folder = tempfile::tempdir().unwrap();
    let owner = bench::fresh("owner");
    let config = file(folder.path(), &owner, "image-pull-secret");
    thread::scope(|scope| {
        for namespace in &namespaces {
            let arguments = ["--config", &config, "apply", "-n", namespace, "--link", "policy"];
            let program = bench.program("regcred").arguments(arguments).variable("DOCKERHUB_AUTH", OLD);
            scope.spawn(|| ended(&program.run(), 0));
        }
    });
    let name = format!("{owner}.image-pull-secret");
    let binding = bench.get(&["mutatingadmissionpolicybinding", &name]);
    let served = &binding["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"][0]["values"];
    let mut all = namespaces;
    all.sort_unstable();
    assert_eq!(*served, json!(all));
    delete_policy(bench, &name);
}

#[test]
fn a_pod_is_stuck_wherever_its_image_is_named_and_whatever_controls_it() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    bench.kubectl(&["create", "configmap", &namespace, "-n", &namespace], "").succeeded();
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": namespace}}).to_string();
    bench.kubectl(&["create", "-f", "-"], &node).succeeded();
    let (ours, others) = ("ghcr.io/acme/api", "quay.io/other/tool");
    let create = |name: &str, kind: &str, spec: &Value, field: &str, message: &str| {
        let uid = &bench.get(&[kind, &namespace, "-n", &namespace])["metadata"]["uid"];
        let owner = json!({"apiVersion": "v1", "kind": kind, "name": namespace, "uid": uid, "controller": true});
        let metadata = json!({"name": name, "namespace": namespace, "ownerReferences": [owner]});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
        bench.kubectl(&["create", "-f", "-"], &pod.to_string()).succeeded();
        if field == "ephemeralContainerStatuses" {
            let debug = json!({"spec": {"ephemeralContainers": [{"name": "c", "image": ours}]}}).to_string();
            let add = ["patch", "pod", name, "-n", &namespace, "--subresource=ephemeralcontainers", "-p", &debug];
            bench.kubectl(&add, "").succeeded();
        }
        fail_to_pull(bench, &namespace, name, field, message);
    };
    let containers = |first: &str, image: &str| json!([{"name": first, "image": image}]);
    let init = json!({"initContainers": containers("c", ours), "containers": containers("main", others)});
    let mut sidecar = init.clone();
    sidecar["initContainers"][0]["restartPolicy"] = json!("Always");
    let mut volume = json!({"containers": containers("c", others)});
    volume["volumes"] = json!([{"name": "model", "image": {"reference": "ghcr.io/acme/model:2"}}]);
    let plain = json!({"containers": containers("c", ours)});
    let debugged = json!({"containers": containers("main", others)});
    let back_off = |image: &str| format!("Back-off pulling image \"{image}\": ErrImagePull: denied");
    create("of-init", "ConfigMap", &init, "initContainerStatuses", &back_off(ours));
    create("of-sidecar", "ConfigMap", &sidecar, "initContainerStatuses", &back_off(ours));
    create("of-volume", "ConfigMap", &volume, "containerStatuses", &back_off("ghcr.io/acme/model:2"));
    create("of-ephemeral", "ConfigMap", &debugged, "ephemeralContainerStatuses", &back_off(ours));
    create("of-others", "ConfigMap", &volume, "containerStatuses", &back_off(others));
    create("of-the-node", "Node", &plain, "containerStatuses", &back_off(ours));
    let said = ended(&regcred(bench, &["apply", "-n", &namespace, "--restart-stuck-pods"], OLD), 0);
    assert!(said.contains("4 stuck Pods were evicted"), "{said}");
    assert!(
        said.contains(&format!("the Pod {namespace}/of-the-node lacks the reference, and no controller")),
        "{said}"
    );
    Bench::wait("the Pods to go", || {
        let left = bench.kubectl(&["get", "pods", "-n", &namespace, "-o", "name"], "").succeeded();
        left.lines().collect::<Vec<_>>() == ["pod/of-others", "pod/of-the-node"]
    });
    bench.kubectl(&["delete", "node", &namespace], "").succeeded();
}

#[test]
fn stuck_pods_of_a_controller_are_evicted_and_others_are_named() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    for (name, owner) in [("bare", Owner::Nobody), ("free", Owner::Controller), ("guarded", Owner::Controller)] {
        stuck_pod(bench, &namespace, name, owner);
    }
    let budget = format!(
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {{name: keep, namespace: {namespace}}}\n\
         spec: {{minAvailable: 1, selector: {{matchLabels: {{app: guarded}}}}}}\n"
    );
    bench.kubectl(&["create", "-f", "-"], &budget).succeeded();
    let restart = ["apply", "-n", &namespace, "--restart-stuck-pods"];
    let said = ended(&regcred(bench, &[&restart[..], &["--dry-run"]].concat(), OLD), 3);
    assert!(said.contains("1 stuck Pod was found that would be evicted"), "{said}");
    let said = ended(&regcred(bench, &restart, OLD), 0);
    assert!(said.contains("1 stuck Pod was evicted"), "{said}");
    assert!(said.contains(&format!("the Pod {namespace}/bare lacks the reference, and no controller")), "{said}");
    assert!(
        said.contains(&format!("the Pod {namespace}/guarded lacks the reference, and keep allows no eviction")),
        "{said}"
    );
    let left = bench.kubectl(&["get", "pods", "-n", &namespace, "-o", "name"], "").succeeded();
    assert_eq!(left.lines().collect::<Vec<_>>(), ["pod/bare", "pod/guarded"]);
    ended(&regcred(bench, &["apply", "-n", &namespace], OLD), 0);
}

#[test]
fn a_stuck_pod_stays_if_a_new_one_would_be_stuck_too() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    bench.kubectl(&["create", "serviceaccount", "ci", "-n", &namespace], "").succeeded();
    bench.kubectl(&["create", "configmap", "controller", "-n", &namespace], "").succeeded();
    let uid = uid(&bench.get(&["configmap", "controller", "-n", &namespace]));
    let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "controller", "uid": uid, "controller": true});
    let create = |name: &str, account: &str, own: &Value| {
        let spec = json!({"serviceAccountName": account, "imagePullSecrets": own, "containers": [{"name": "c", "image": "ghcr.io/acme/api"}]});
        let metadata = json!({"name": name, "namespace": namespace, "ownerReferences": [owner]});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
        Bench::wait("the Pod", || bench.kubectl(&["create", "-f", "-"], &pod.to_string()).status == 0);
        fail_to_pull(bench, &namespace, name, "containerStatuses", "");
    };
    create("linked", "default", &json!([]));
    create("not-linked", "ci", &json!([]));
    create("with-its-own", "default", &json!([{"name": "own"}]));
    let restart = ["apply", "-n", &namespace, "--restart-stuck-pods"];
    let said = ended(&regcred(bench, &restart, OLD), 0);
    assert!(said.contains("1 stuck Pod was evicted"), "{said}");
    let would = |account: &str| format!("so would a new one of the ServiceAccount `{account}`");
    let stays = |name: &str, why: &str| format!("the Pod {namespace}/{name} lacks the reference, and {why}");
    let other = "lacks the reference: the ServiceAccount `default` had other references when the Pod was created, or";
    assert!(said.contains(&format!("the Pod {namespace}/with-its-own {other}")), "{said}");
    assert!(said.contains(&stays("not-linked", "its ServiceAccount `ci` was not read")), "{said}");
    let dry = [&restart[..], &["--dry-run"]].concat();
    let said = ended(&administrator(bench, &dry, OLD), 0);
    assert!(said.contains(&stays("not-linked", &would("ci"))), "{said}");
    let both = [&restart[..], &["--service-account", "default", "--service-account", "ci"]].concat();
    ended(&regcred(bench, &[&["apply", "-n", &namespace][..], &["--service-account", "ci"]].concat(), OLD), 0);
    let said = ended(&administrator(bench, &dry, OLD), 3);
    assert!(said.contains("1 stuck Pod was found that would be evicted"), "a run without `ci` looks at it: {said}");
    let said = ended(&regcred(bench, &both, OLD), 0);
    assert!(said.contains("1 stuck Pod was evicted"), "{said}");
    let left = bench.kubectl(&["get", "pods", "-n", &namespace, "-o", "name"], "").succeeded();
    assert_eq!(left.lines().collect::<Vec<_>>(), ["pod/with-its-own"]);
}

/// The kubeconfig of the bench, with another user and another name of its context.
fn kubeconfig(bench: &Bench, context: &str, user: &str) -> String {
    let config = bench.kubeconfig_json();
    let user: Value = serde_saphyr::from_str(user).unwrap();
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": context,
        "clusters": [{"name": "bench", "cluster": config["clusters"][0]["cluster"]}],
        "contexts": [{"name": context, "context": {"cluster": "bench", "user": "u"}}],
        "users": [{"name": "u", "user": user}],
    })
    .to_string()
}

/// The token of the bench's administrator.
fn token(bench: &Bench) -> String {
    bench.kubeconfig_json()["users"][0]["user"]["token"].as_str().unwrap().to_owned()
}

#[test]
fn the_clusters_of_a_fleet_are_served_side_by_side_each_with_its_own_kubeconfig() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [eu, us] = bench.namespaces();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("regcred.yaml");
    bench::write(
        &path,
        &format!(
            "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {{name: acme}}\nspec:\n  clusters:\n  \
             - {{name: eu, context: prod-eu, namespaces: {{include: [{eu}]}}}}\n  \
             - {{name: us, kubeconfig: {{env: KUBECONFIG_US}}, namespaces: {{include: [{us}]}}}}\n"
        ),
    );
    let user = format!("{{token: {}}}", token(bench));
    let file_of_eu = folder.path().join("eu");
    bench::write(&file_of_eu, &kubeconfig(bench, "prod-eu", &user));
    let us_config = kubeconfig(bench, "any", &user);
    let run = |arguments: &[&str], contexts: &str, us: &str| {
        let program = bench.program("regcred").arguments(["--config", path.to_str().unwrap()]).arguments(arguments);
        let program = program.variable("DOCKERHUB_AUTH", OLD).variable("KUBECONFIG", &file_of_eu);
        program.variable("KUBECONFIG_US", us).variable("REGCRED_ALLOWED_CONTEXTS", contexts).run()
    };
    let said = ended(&run(&["apply"], "staging-*", &us_config), 1);
    assert!(said.contains("`REGCRED_ALLOWED_CONTEXTS` does not allow (cluster eu)"), "{said}");
    let said = ended(&run(&["apply"], "prod-*,any", &us_config), 0);
    let table = "note: 2 clusters:\n  CLUSTER  NAMESPACES  LINKED  CREATED\n  eu       1           1       1\n  us       1           1       1\n";
    assert!(said.contains(table), "{said}");
    let refused = kubeconfig(bench, "any", "{token: wrong}");
    let said = ended(&run(&["apply"], "prod-*,any", &refused), 1);
    let table =
        "note: 2 clusters:\n  CLUSTER  NAMESPACES  UNCHANGED\n  eu       1           2\n  us       -           -\n";
    assert!(said.contains(table), "{said}");
    assert_eq!(references(bench, &us, "default"), ["image-pull-secret"]);
    assert_eq!(secret(bench, &eu)["metadata"]["annotations"]["regcred.dev/owner"], "acme");
    let said = ended(&run(&["diff", "--cluster", "us", "--format", "json"], "prod-*,any", &us_config), 0);
    let answer: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((answer["clusters"].as_array().unwrap().len(), &answer["clusters"][0]["cluster"]), (1, &json!("us")));
}

#[test]
fn a_credential_plugin_sees_no_login() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    let folder = tempfile::tempdir().unwrap();
    let (seen, program) = (folder.path().join("seen"), folder.path().join("login"));
    let credential = json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": {"token": token(bench)}});
    stand_in::program(&program, &format!("env > {}\necho '{credential}'", seen.display()));
    let user = format!(
        "exec: {{apiVersion: client.authentication.k8s.io/v1, command: {}, interactiveMode: Never}}",
        program.display()
    );
    let path = folder.path().join("kubeconfig");
    bench::write(&path, &kubeconfig(bench, "a", &user));
    ended(&administrator(bench, &["apply", "-n", &namespace, "--kubeconfig", path.to_str().unwrap()], OLD), 0);
    let seen = std::fs::read_to_string(seen).unwrap();
    assert!(seen.contains("KUBERNETES_EXEC_INFO") && seen.contains("HOME="), "{seen}");
    for hidden in ["DOCKERHUB_AUTH", "REGCRED_FINGERPRINT_KEY", "canary", KEY] {
        assert!(!seen.contains(hidden), "{hidden}");
    }
}

/// A proxy of this kind to every address, and the addresses that clients asked for.
fn proxy(scheme: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("{scheme}://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let seen = Arc::clone(&seen);
            // Either side may disconnect at any time.
            thread::spawn(move || tunnel(client, scheme, &seen));
        }
    });
    (address, asked)
}

fn tunnel(mut client: TcpStream, scheme: &str, seen: &Mutex<Vec<String>>) -> Option<()> {
    let (place, yes) = if scheme == "http" { by_connect(&mut client)? } else { by_socks(&mut client)? };
    let mut server = TcpStream::connect(&place).ok()?;
    seen.lock().unwrap().push(place);
    client.write_all(yes).ok()?;
    let (mut from, mut to) = (client.try_clone().ok()?, server.try_clone().ok()?);
    thread::spawn(move || io::copy(&mut from, &mut to));
    io::copy(&mut server, &mut client).ok().map(|_| ())
}

/// The address that a client asks an HTTP proxy for, and the proxy's answer.
fn by_connect(client: &mut TcpStream) -> Option<(String, &'static [u8])> {
    let (mut lines, mut head) = (BufReader::new(client), String::new());
    while !head.ends_with("\r\n\r\n") {
        if lines.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    Some((head.strip_prefix("CONNECT ")?.split(' ').next()?.to_owned(), b"HTTP/1.1 200 OK\r\n\r\n"))
}

/// The same for SOCKS 5 (RFC 1928), without a login and with an IPv4 address.
fn by_socks(client: &mut TcpStream) -> Option<(String, &'static [u8])> {
    let mut bytes = [0; 256];
    client.read_exact(&mut bytes[..2]).ok()?;
    let methods = usize::from(bytes[1]);
    client.read_exact(&mut bytes[..methods]).ok()?;
    client.write_all(&[5, 0]).ok()?;
    client.read_exact(&mut bytes[..10]).ok()?;
    let [5, 1, 0, 1, a, b, c, d, high, low, ..] = bytes else { return None };
    Some((format!("{a}.{b}.{c}.{d}:{}", u16::from_be_bytes([high, low])), &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
}

#[test]
fn a_cluster_is_reached_by_an_oidc_login_and_through_a_proxy_as_kubectl_reaches_it() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    let account = format!("--serviceaccount={namespace}:default");
    bench
        .kubectl(&["create", "clusterrolebinding", &namespace, "--clusterrole=cluster-admin", &account], "")
        .succeeded();
    // The API server knows the issuer of this token; the client only checks its date.
    let id_token = bench.kubectl(&["create", "token", "default", "-n", &namespace], "").succeeded();
    let login = json!({"auth-provider": {"name": "oidc", "config": {
        "idp-issuer-url": "https://issuer.test", "client-id": "kubernetes", "id-token": id_token.trim()}}});
    let mut config: Value = serde_json::from_str(&kubeconfig(bench, "a", &login.to_string())).unwrap();
    let place = config["clusters"][0]["cluster"]["server"].as_str().unwrap().replace("https://", "");
    let (address, asked) = proxy("http");
    let (socks, asked_by_socks) = proxy("socks5");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    let run = |config: &Value, variables: &[(&str, &str)]| {
        bench::write(&path, &config.to_string());
        let program = bench.program("regcred").arguments(["--no-config", "diff", "-n", &namespace, "--kubeconfig"]);
        let program = program.arguments([&path]).variable("DOCKERHUB_AUTH", OLD);
        let run = variables.iter().fold(program, |program, (name, value)| program.variable(name, value)).run();
        let places = [&asked, &asked_by_socks].map(|asked| std::mem::take(&mut *asked.lock().unwrap())).concat();
        assert!(places.iter().all(|asked| *asked == place), "{places:?}");
        (run.status, !places.is_empty(), run.stderr)
    };
    // The API server learns about the right a moment later.
    Bench::wait("the right", || run(&config, &[]).0 == 3);
    assert_eq!(run(&config, &[]), (3, false, String::new()));
    let proxied = [("HTTPS_PROXY", address.as_str())];
    assert_eq!(run(&config, &proxied), (3, true, String::new()));
    assert_eq!(run(&config, &[proxied[0], ("NO_PROXY", "127.0.0.1")]), (3, false, String::new()));
    for address in [address, socks] {
        config["clusters"][0]["cluster"]["proxy-url"] = json!(address);
        assert_eq!(run(&config, &[]), (3, true, String::new()), "{address}");
    }
    bench.kubectl(&["delete", "clusterrolebinding", &namespace], "").succeeded();
}
