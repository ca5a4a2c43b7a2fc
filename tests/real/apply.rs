//! Applies the output of `render` with the real kubectl, and reads it back.

use proptest::prop_assert_eq;
use proptest::test_runner::{Config, TestRunner};
use regcred_core::spec::choice::{Format, Link, Protect, Strategy};
use regcred_core::spec::combination::Combination;
use serde_json::{Value, json};

use crate::harness::bench::{self, Bench, documents};
use crate::harness::cells::{self, Cell, PROFILES};
use crate::harness::schemas;

/// A Docker config with two registries, as a CI variable holds it.
const LOGINS: (&str, &str) = (
    "DOCKERHUB_AUTH",
    r#"{"auths":{"docker.io":{"auth":"YWNtZS1ib3Q6czNjcjN0"},"ghcr.io":{"username":"acme-bot","password":"on"}}}"#,
);

#[test]
fn the_control_plane_is_of_the_version_that_is_pinned() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let pinned = include_str!("../tools/versions").lines().find_map(|line| line.strip_prefix("kubernetes=")).unwrap();
    let said = bench.kubectl(&["version"], "").succeeded();
    assert!(said.lines().any(|line| line == format!("Server Version: v{pinned}")), "{said}");
}

/// The cells in clear of this strategy.
fn in_clear(strategy: Strategy) -> Vec<Cell> {
    cells::all(|cell| cell.strategy == strategy && cell.protect == Protect::Plain, &PROFILES)
}

#[test]
fn every_cell_without_a_patcher_serves_an_empty_cluster_is_read_back_equal_and_applied_again_without_a_change() {
    let Some(bench) = Bench::with(&["helm", "kubeconform"]) else { return };
    let cells = in_clear(Strategy::Static);
    // The number shows that no cell is missing: three links in the four formats for kubectl and in a chart, two in values.
    assert_eq!(cells.len(), PROFILES.len() * (4 * 3 + 3 + 2));
    cells::prove(bench, &cells);
}

#[test]
fn every_cell_with_a_patcher_serves_an_empty_cluster_is_read_back_equal_and_applied_again_without_a_change() {
    // On a cluster with nodes, these patchers would start to work.
    let Some(bench) = Bench::with_a_cluster_of_its_own(&["helm", "kubeconform"]) else { return };
    let cells = in_clear(Strategy::Patcher);
    // The number shows that no cell is missing: in the four formats for kubectl, three links with titansoft's patcher and one with
    // tamcore's; values for the chart of each.
    assert_eq!(cells.len(), PROFILES.len() * (4 * (3 + 1) + 2));
    cells::prove(bench, &cells);
}

#[test]
fn every_cell_of_the_controller_is_applied_to_an_empty_cluster_read_back_equal_and_applied_again_without_a_change() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&["helm", "kubeconform"]) else { return };
    let cells = in_clear(Strategy::Controller);
    // Three links in the four formats for kubectl and in a chart.
    assert_eq!(cells.len(), PROFILES.len() * (4 * 3 + 3));
    cells::prove(bench, &cells);
}

#[test]
fn the_schemas_find_what_is_wrong_in_every_kind() {
    let Some(bench) = Bench::with(&["kubeconform"]) else { return };
    let rules = "rules: [{apiGroups: [''], resources: [secrets], verb: [get]}]";
    let broken = [
        ("Namespace", "v1", "unknown: {}"),
        ("Secret", "v1", "unknown: {}"),
        ("ServiceAccount", "v1", "imagePullSecrets: [{name: 1}]"),
        ("Deployment", "apps/v1", "spec: {selector: {}, template: {spec: {containers: [{name: c, images: x}]}}}"),
        ("ClusterRole", "rbac.authorization.k8s.io/v1", rules),
        ("Role", "rbac.authorization.k8s.io/v1", rules),
        ("ClusterRoleBinding", "rbac.authorization.k8s.io/v1", "roleRef: {kind: ClusterRole, named: x}"),
        ("RoleBinding", "rbac.authorization.k8s.io/v1", "subjects: []"),
        ("MutatingAdmissionPolicy", "admissionregistration.k8s.io/v1", "spec: {mutations: [{jsonPatch: {patch: ''}}]}"),
        ("MutatingAdmissionPolicyBinding", "admissionregistration.k8s.io/v1", "spec: {policy: x}"),
        ("ValidatingAdmissionPolicy", "admissionregistration.k8s.io/v1", "spec: {validations: [{message: x}]}"),
        ("ValidatingAdmissionPolicyBinding", "admissionregistration.k8s.io/v1", "spec: {validationActions: Deny}"),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (kind, version, wrong) in broken {
        let text = format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\n{wrong}\n");
        bench::write(&folder.path().join(format!("{kind}.yaml")), &text);
    }
    let answer = schemas::validate(bench, &broken.iter().map(|(kind, ..)| *kind).collect(), folder.path());
    let summary = json!({"valid": 0, "invalid": broken.len(), "errors": 0, "skipped": 0});
    assert_eq!(answer["summary"], summary, "{answer}");
}

#[test]
fn namespaces_may_be_called_what_a_reader_of_yaml_1_1_takes_for_something_else_than_a_string() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&["kubeconform"]) else { return };
    let names = ["on", "y", "1e3", "0x1f", "null", "12"];
    for (format, link) in [
        (Format::Yaml, Link::ServiceAccount),
        (Format::Json, Link::Policy),
        (Format::Directory, Link::Policy),
        (Format::Kustomization, Link::ServiceAccount),
        (Format::Yaml, Link::Policy),
    ] {
        let combination = Combination { strategy: Strategy::Static, link, protect: Protect::Plain, format };
        let cell = Cell::new(combination, None, None).in_namespaces(&names);
        let live = cells::prove(bench, std::slice::from_ref(&cell)).remove(0);
        let of = |kind: &str| live.iter().filter(|object| object["kind"] == kind).collect::<Vec<_>>();
        for name in names {
            assert!(of("Namespace").iter().any(|object| object["metadata"]["name"] == name), "{cell}");
            assert!(of("Secret").iter().any(|object| object["metadata"]["namespace"] == name), "{cell}");
        }
        if link == Link::Policy {
            let selector = &of("MutatingAdmissionPolicyBinding")[0]["spec"]["matchResources"]["namespaceSelector"];
            let mut values: Vec<_> = selector["matchExpressions"][0]["values"].as_array().unwrap().iter().collect();
            let mut names = names;
            names.sort_unstable();
            values.sort_unstable_by_key(|value| value.as_str());
            assert_eq!(json!(values), json!(names), "{cell}");
        }
        bench.kubectl(&[&["delete", "namespace"], &names[..]].concat(), "").succeeded();
    }
}

#[test]
fn the_docker_config_is_byte_for_byte_what_kubectl_writes() {
    let Some(bench) = Bench::with(&["kubectl"]) else { return };
    // No `:` in a user name, and no spaces at the ends, which `render` removes like a line end.
    let username = r"[a-zA-Z0-9$+<>&é'\\]([ -9;-~é\u{2028}\u{2029}]{0,30}[a-z<&>])?";
    let password = r"[!-~é]([ -~<>&\u{a0}-\u{ff}\u{2028}\u{2029}\u{1F600}]{0,60}[!-~ß])?";
    // Without a server, kubectl writes for Docker Hub.
    let registries: &[&str] = &["docker.io", "ghcr.io", "harbor.test:8443", "*.quay.test"];
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&(username, password, proptest::sample::select(registries)), |login| {
        let (username, password, registry) = login;
        let login = format!("{registry}=BOT_NAME:BOT_WORD");
        let render = |more: &[&str]| {
            let arguments = [&["render", "--login", &login], more].concat();
            bench.regcred(&arguments, &[("BOT_NAME", &username), ("BOT_WORD", &password)]).succeeded()
        };
        let server = (registry != "docker.io").then(|| format!("--docker-server={registry}"));
        let own = [format!("--docker-username={username}"), format!("--docker-password={password}")];
        let create = bench.program("kubectl").arguments(["create", "secret", "docker-registry", "x", "-o", "json"]);
        let theirs = create.arguments(["--dry-run=client"]).arguments(own).arguments(server).run().succeeded();
        let theirs: Value = serde_json::from_str(&theirs).unwrap();
        let theirs = theirs["data"][".dockerconfigjson"].as_str().unwrap();
        let docker_config = render(&["--format", "docker-config"]);
        prop_assert_eq!(docker_config.trim_end(), theirs);
        for format in ["yaml", "json"] {
            let secret = documents(&render(&["--namespaces", "a", "--link", "none", "--format", format])).remove(0);
            prop_assert_eq!(secret["data"][".dockerconfigjson"].as_str(), Some(theirs));
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

/// One namespace, rendered as most users do.
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
    // The rights in the documentation are enough: nothing has to be read or listed cluster-wide.
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
    // The Secret still exists: one refused object does not stop the others.
    bench.get(&["secret", "image-pull-secret", "-n", &namespace]);

    let both = rendered(bench, &namespace, &["--also-reference", "theirs"]);
    let insist = ["apply", "--server-side", "--field-manager=regcred", "--force-conflicts", "-f", "-"];
    bench.kubectl(&insist, &both).succeeded();
    assert_eq!(references(), json!([{"name": "image-pull-secret"}, {"name": "theirs"}]));
    // From now on the object is ours: the next run needs no force.
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

#[test]
fn two_pipelines_with_one_service_account_or_one_secret_name_do_not_undo_each_other() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[]) else { return };
    let [one, other] = bench.namespaces();
    let folder = tempfile::tempdir().unwrap();
    let pipeline = |owner: &str, arguments: &[&str]| {
        let config = folder.path().join(format!("{owner}.yaml"));
        let text = format!(
            "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {{name: {owner}}}\nspec: {{}}\n"
        );
        #[expect(clippy::disallowed_methods, reason = "a fixture")]
        std::fs::write(&config, text).unwrap();
        let render = [&["render", "--config", config.to_str().unwrap()], arguments].concat();
        let manager = format!("--field-manager=regcred-{owner}");
        let rendered = bench.regcred(&render, &[LOGINS]).succeeded();
        bench.kubectl(&["apply", "--server-side", &manager, "-f", "-"], &rendered)
    };
    let (first, second) = (bench::fresh("owner"), bench::fresh("owner"));
    pipeline(&first, &["--namespaces", &one, "--secret-name", "first"]).succeeded();
    let said = pipeline(&second, &["--namespaces", &one, "--secret-name", "second"]).failed();
    assert!(said.contains(&format!("conflict with \"regcred-{first}\"")), "{said}");
    let account = bench.get(&["serviceaccount", "default", "-n", &one]);
    assert_eq!(account["imagePullSecrets"], json!([{"name": "first"}]));
    assert_eq!(account["metadata"].get("annotations"), None);

    pipeline(&first, &["--namespaces", &one, "--link", "policy"]).succeeded();
    pipeline(&second, &["--namespaces", &other, "--link", "policy"]).succeeded();
    for (owner, namespace) in [(&first, &one), (&second, &other)] {
        let binding = bench.get(&["mutatingadmissionpolicybinding", &format!("{owner}.image-pull-secret")]);
        let chosen = &binding["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"][0]["values"];
        assert_eq!(*chosen, json!([namespace]));
        assert_eq!(binding["metadata"]["annotations"]["regcred.dev/owner"], **owner);
    }
}
