//! What `render` writes, applied by the real kubectl to the real API server, and read back.

#![cfg(test)]

#[cfg(test)]
#[expect(dead_code, reason = "other tests use the rest")]
mod bench;
#[cfg(test)]
#[path = "bench/schemas.rs"]
mod schemas;

use std::collections::BTreeMap;

use bench::{Bench, difference, documents, fresh};
use proptest::prop_assert_eq;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

/// A Docker config with two registries, as a CI variable holds it.
const LOGINS: (&str, &str) = (
    "DOCKERHUB_AUTH",
    r#"{"auths":{"docker.io":{"auth":"YWNtZS1ib3Q6czNjcjN0"},"ghcr.io":{"username":"acme-bot","password":"on"}}}"#,
);

/// Each object's resourceVersion, by kind, namespace and name.
fn resource_versions(objects: &[Value]) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    objects
        .iter()
        .map(|object| {
            let metadata = &object["metadata"];
            let parts = [text(&object["kind"]), text(&metadata["namespace"]), text(&metadata["name"])];
            (parts.join("/"), text(&metadata["resourceVersion"]))
        })
        .collect()
}

/// Every possible cell of link and profile in one stream form.
fn cells() -> impl Iterator<Item = Vec<&'static str>> {
    ["yaml", "json"].into_iter().flat_map(|shape| {
        ["service-account", "policy", "none"].into_iter().flat_map(move |link| {
            [None, Some("argocd"), Some("flux"), Some("helm")].into_iter().map(move |profile| {
                let mut arguments = vec!["--shape", shape, "--link", link];
                arguments.extend(profile.into_iter().flat_map(|profile| ["--profile", profile]));
                arguments
            })
        })
    })
}

#[test]
fn every_cell_is_applied_read_back_equal_and_applied_again_without_a_change() {
    let Some(bench) = Bench::with(&[]) else { return };
    for cell in cells() {
        let [one, other] = bench.namespaces();
        let (namespaces, secret) = (format!("{one},{other}"), fresh("secret"));
        let mut arguments = vec!["render", "--namespaces", &namespaces, "--secret-name", &secret];
        arguments.extend(&cell);
        let rendered = bench.regcred(&arguments, &[LOGINS]).succeeded();
        let wanted = documents(&rendered);
        bench.apply(&rendered).succeeded();
        let live = |bench: &Bench| -> Vec<Value> {
            documents(&bench.kubectl(&["get", "-o", "json", "-f", "-"], &rendered).succeeded())
        };
        let first = live(bench);
        assert_eq!(first.len(), wanted.len(), "{cell:?}");
        for (wanted, found) in wanted.iter().zip(&first) {
            assert_eq!(difference(wanted, found), None, "{cell:?}");
        }
        bench.apply(&rendered).succeeded();
        assert_eq!(resource_versions(&live(bench)), resource_versions(&first), "{cell:?}");
        let diff = ["diff", "--server-side", "--field-manager=regcred", "-f", "-"];
        assert_eq!(bench.kubectl(&diff, &rendered).succeeded(), "", "{cell:?}");
    }
}

#[test]
fn a_tree_is_applied_as_the_stream_is() {
    let Some(bench) = Bench::with(&[]) else { return };
    // What the two stream forms are rendered with, a folder is, too.
    for cell in cells().filter(|cell| cell[1] == "yaml") {
        let [one, other] = bench.namespaces();
        let (namespaces, secret) = (format!("{one},{other}"), fresh("secret"));
        let arguments = [&["render", "--namespaces", &namespaces, "--secret-name", &secret], &cell[2..]].concat();
        let stream = bench.regcred(&arguments, &[LOGINS]).succeeded();
        bench.apply(&stream).succeeded();
        for (shape, how) in [("directory", ["-R", "-f"].as_slice()), ("kustomization", ["-k"].as_slice())] {
            let folder = tempfile::tempdir().unwrap();
            let output = folder.path().to_str().unwrap();
            let tree = [&arguments[..], &["--shape", shape, "--output", output]].concat();
            bench.regcred(&tree, &[LOGINS]).succeeded();
            // The very same objects: nothing is different, nothing is new, and nothing is missing.
            let diff = [&["diff", "--server-side", "--field-manager=regcred"], how, &[output]].concat();
            assert_eq!(bench.kubectl(&diff, "").succeeded(), "", "{cell:?} {shape}");
            let apply = [&["apply", "--server-side", "--field-manager=regcred"], how, &[output]].concat();
            let applied = bench.kubectl(&apply, "").succeeded();
            assert_eq!(applied.lines().count(), documents(&stream).len(), "{cell:?} {shape}: {applied}");
        }
    }
}

#[test]
fn every_cell_is_valid_by_the_servers_own_schemas() {
    let Some(bench) = Bench::with(&["kubeconform"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let kinds = ["Namespace", "Secret", "ServiceAccount", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"];
    let location = schemas::write(bench, &kinds, folder.path());
    let validate = |manifests: &str| {
        let kubeconform = bench.program("kubeconform").arguments(["-strict", "-summary", "-output", "json"]);
        let run = kubeconform.arguments(["-schema-location".as_ref(), location.as_os_str()]).stdin(manifests).run();
        let answer: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
        (run.status, answer)
    };
    for cell in cells() {
        let mut arguments = vec!["render", "--namespaces", "on,team-a", "--create-namespaces"];
        arguments.extend(&cell);
        let rendered = bench.regcred(&arguments, &[LOGINS]).succeeded();
        let (status, answer) = validate(&rendered);
        assert_eq!((status, &answer["summary"]["valid"]), (0, &json!(documents(&rendered).len())), "{cell:?} {answer}");
    }
    // The schemas would also find something.
    for broken in [
        "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nunknown: {}\n",
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: x}\nimagePullSecrets: [{name: 1}]\n",
    ] {
        assert_ne!(validate(broken).0, 0, "{broken}");
    }
}

#[test]
fn an_empty_cluster_is_served_in_one_go_whatever_its_namespaces_are_called() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    // Words that a reader of YAML 1.1 takes for something else than a string.
    let mut names = ["on", "y", "1e3", "0x1f", "null", "12"].map(str::to_owned).to_vec();
    names.push(fresh("space"));
    for shape in ["yaml", "json"] {
        let list = names.join(",");
        let arguments = ["render", "--create-namespaces", "--namespaces", &list, "--shape", shape];
        let rendered = bench.regcred(&arguments, &[LOGINS]).succeeded();
        bench.apply(&rendered).succeeded();
        for name in &names {
            let account = bench.get(&["serviceaccount", "default", "-n", name]);
            assert_eq!(account["imagePullSecrets"], json!([{"name": "image-pull-secret"}]), "{name}");
            let secret = bench.get(&["secret", "image-pull-secret", "-n", name]);
            assert_eq!(secret["type"], "kubernetes.io/dockerconfigjson", "{name}");
        }
        bench
            .kubectl(&[&["delete", "namespace"], &*names.iter().map(String::as_str).collect::<Vec<_>>()].concat(), "")
            .succeeded();
    }
}

#[test]
fn the_docker_config_is_byte_for_byte_what_kubectl_writes() {
    let Some(bench) = Bench::with(&["kubectl"]) else { return };
    // No `:` in a user name; no spaces at the ends, which `render` removes as it does a line end.
    let username = r"[a-zA-Z0-9$+<>&é\u{2028}'\\]([ -9;-~é\u{2029}]{0,30}[a-z<&>])?";
    let password = r"[!-~é]([ -~<>&\u{a0}-\u{ff}\u{2028}\u{2029}\u{1F600}]{0,60}[!-~ß])?";
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    let logins = (username, password, proptest::sample::select(vec!["ghcr.io", "harbor.test:8443", "*.quay.test"]));
    let outcome = runner.run(&logins, |(username, password, registry)| {
        let login = format!("{registry}=BOT_NAME:BOT_WORD");
        let ours = ["render", "--shape", "docker-config", "--login", &login];
        let ours = bench.regcred(&ours, &[("BOT_NAME", &username), ("BOT_WORD", &password)]).succeeded();
        let theirs = bench.kubectl(
            &[
                "create",
                "secret",
                "docker-registry",
                "x",
                "--dry-run=client",
                "-o",
                "json",
                &format!("--docker-server={registry}"),
                &format!("--docker-username={username}"),
                &format!("--docker-password={password}"),
            ],
            "",
        );
        let theirs: Value = serde_json::from_str(&theirs.succeeded()).unwrap();
        prop_assert_eq!(ours.trim_end(), theirs["data"][".dockerconfigjson"].as_str().unwrap());
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

/// One namespace, rendered as nearly everybody does.
fn rendered(bench: &Bench, namespace: &str, more: &[&str]) -> String {
    let arguments = [&["render", "--namespaces", namespace], more].concat();
    bench.regcred(&arguments, &[LOGINS]).succeeded()
}

#[test]
fn a_quota_without_room_for_the_secret_is_named() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    bench.kubectl(&["create", "quota", "no-more", "--hard=count/secrets=0", "-n", &namespace], "").succeeded();
    Bench::wait("the quota to be counted", || {
        !bench.get(&["quota", "no-more", "-n", &namespace])["status"]["used"].is_null()
    });
    let seen = bench.apply(&rendered(bench, &namespace, &[])).failed();
    assert!(seen.contains("secrets \"image-pull-secret\" is forbidden: exceeded quota: no-more"), "{seen}");
}

#[test]
fn who_may_not_write_secrets_is_told_so_object_by_object() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    let deploy = ["apply", "--server-side", "--field-manager=regcred", "--as=somebody", "-f", "-"];
    let manifests = rendered(bench, &namespace, &[]);
    let seen = bench.kubectl(&deploy, &manifests).failed();
    for resource in ["serviceaccounts \"default\"", "secrets \"image-pull-secret\""] {
        assert!(seen.contains(&format!("{resource} is forbidden: User \"somebody\" cannot patch")), "{seen}");
    }
    // What the documentation lists is enough: nothing has to be read or listed cluster-wide.
    let role =
        ["create", "role", "deploy", "--verb=get,create,patch", "--resource=secrets,serviceaccounts", "-n", &namespace];
    bench.kubectl(&role, "").succeeded();
    bench
        .kubectl(&["create", "rolebinding", "deploy", "--role=deploy", "--user=somebody", "-n", &namespace], "")
        .succeeded();
    Bench::wait("the role to be known", || bench.kubectl(&deploy, &manifests).status == 0);
}

#[test]
fn a_namespace_on_its_way_out_takes_no_secret() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    let stays = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: stays, finalizers: [regcred.dev/test]}\n";
    bench.kubectl(&["create", "-n", &namespace, "-f", "-"], stays).succeeded();
    bench.kubectl(&["delete", "namespace", &namespace, "--wait=false"], "").succeeded();
    let seen = bench.apply(&rendered(bench, &namespace, &[])).failed();
    assert!(seen.contains("because it is being terminated"), "{seen}");
    // The list of a live cluster leaves it out.
    let list = bench.kubectl(&["get", "namespace", &namespace, "-o", "json"], "").succeeded();
    let arguments = ["render", "--namespaces-from", "-", "--exclude", "kube-*"];
    let seen = bench.program("regcred").arguments(arguments).variable(LOGINS.0, LOGINS.1).stdin(&list).run().failed();
    assert!(seen.contains("no namespace"), "{seen}");
    bench
        .kubectl(
            &[
                "patch",
                "configmap",
                "stays",
                "-n",
                &namespace,
                "--type=json",
                "-p",
                r#"[{"op":"remove","path":"/metadata/finalizers"}]"#,
            ],
            "",
        )
        .succeeded();
}

#[test]
fn a_list_that_somebody_else_wrote_is_a_conflict_and_naming_their_entry_keeps_it() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    let patch = r#"{"imagePullSecrets": [{"name": "theirs"}]}"#;
    bench.kubectl(&["patch", "serviceaccount", "default", "-n", &namespace, "-p", patch], "").succeeded();
    let references = || bench.get(&["serviceaccount", "default", "-n", &namespace])["imagePullSecrets"].clone();

    let seen = bench.apply(&rendered(bench, &namespace, &[])).failed();
    assert!(seen.contains("conflict with \"before-first-apply\" using v1: .imagePullSecrets"), "{seen}");
    assert_eq!(references(), json!([{"name": "theirs"}]));
    // The Secret is there all the same: one refused object does not stop the others.
    bench.get(&["secret", "image-pull-secret", "-n", &namespace]);

    let both = rendered(bench, &namespace, &["--also-reference", "theirs"]);
    let insist = ["apply", "--server-side", "--field-manager=regcred", "--force-conflicts", "-f", "-"];
    bench.kubectl(&insist, &both).succeeded();
    assert_eq!(references(), json!([{"name": "image-pull-secret"}, {"name": "theirs"}]));
    // From now on it is ours: the next run needs no force.
    bench.apply(&both).succeeded();
}

#[test]
fn an_entry_that_somebody_appends_to_our_list_is_a_conflict_at_our_next_apply() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    let ours = rendered(bench, &namespace, &[]);
    bench.apply(&ours).succeeded();
    let patch = r#"[{"op": "add", "path": "/imagePullSecrets/-", "value": {"name": "theirs"}}]"#;
    let append = ["patch", "serviceaccount", "default", "-n", &namespace, "--type=json", "-p", patch];
    bench.kubectl(&append, "").succeeded();

    let seen = bench.apply(&ours).failed();
    assert!(seen.contains("conflict with \"kubectl-patch\" using v1: .imagePullSecrets"), "{seen}");
    let kept = bench.get(&["serviceaccount", "default", "-n", &namespace])["imagePullSecrets"].clone();
    assert_eq!(kept, json!([{"name": "image-pull-secret"}, {"name": "theirs"}]));
}
