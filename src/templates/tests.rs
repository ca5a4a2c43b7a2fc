//! Tests our templates, and templates of a user.

use super::*;
use regcred_core::docker_config::Logins;
use regcred_core::manifest::Manifests;
use regcred_core::names::ResourceName;
use regcred_core::objects::marks::Marks;
use regcred_core::objects::patcher::{Guard, PatcherSettings};
use regcred_core::objects::{self, Request, Wanted};
use regcred_core::spec::choice::{Link, Patcher, Profile};
use regcred_core::spec::external::{self, written::External};
use serde_json::json;

#[test]
fn an_unknown_variable_is_an_error_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a fixture")]
    std::fs::write(folder.path().join("namespace.yaml.j2"), "apiVersion: v1\nkind: {{ kidn }}\n").unwrap();
    let part = Part { template: "namespace.yaml.j2", context: json!({}), objects: Vec::new() };
    let Err(Failure::Input { problems, .. }) =
        Templates::load(Some(folder.path())).and_then(|templates| templates.restyle(part))
    else {
        panic!("an error was due")
    };
    assert!(problems[0].message.contains("`namespace.yaml.j2`, line 2"), "{}", problems[0].message);
}

#[test]
fn a_value_that_is_too_deep_is_an_error_and_ends_no_process() {
    let deep = format!("{}ns.x{}", "[".repeat(100), "]".repeat(100));
    for (times, value) in [(99_999, "[ns.x]"), (99_999, "{'a': ns.x}"), (40_000, &deep)] {
        for printed in ["{{ ns.x }}", "{{ ns.x | string }}", "{{ ns.x | tojson }}", "{{ ns.x == [ns.x] }}", ""] {
            let template = format!(
                "{{% set ns = namespace(x=[1]) %}}{{% for i in range({times}) %}}{{% set ns.x = {value} %}}{{% endfor %}}{printed}"
            );
            let folder = tempfile::tempdir().unwrap();
            #[expect(clippy::disallowed_methods, reason = "a fixture")]
            std::fs::write(folder.path().join("namespace.yaml.j2"), template).unwrap();
            let part = Part { template: "namespace.yaml.j2", context: json!({}), objects: Vec::new() };
            let made = Templates::load(Some(folder.path())).and_then(|templates| templates.restyle(part));
            assert!(made.is_err(), "{value} {printed}");
        }
    }
}

const EXTERNAL: &str = "store: {kind: ClusterSecretStore, name: vault}
logins:
- {registry: ghcr.io, username: {value: bot}, password: {key: ghcr}}
- {registry: quay.io, generator: {kind: QuayAccessToken, name: quay, spec: {url: quay.io}}}
- {registry: a.azurecr.io, generator: {kind: ACRAccessToken, name: acr, clusterWide: true, spec: {registry: a.azurecr.io}}}
clusterExternalSecret: {refreshTime: 2m}
";

fn patchers() -> Vec<PatcherSettings> {
    let settings = |patcher, guard, service_accounts, own: &str| PatcherSettings {
        patcher,
        namespace: own.parse().unwrap(),
        image: "registry.test/patcher@sha256:0".to_owned(),
        source: "source".parse().unwrap(),
        pull_secret: (own == "on").then(|| "own".parse().unwrap()),
        interval: "1m".to_owned(),
        guard,
        exclude: vec!["kube-*".to_owned(), "1e3".to_owned()],
        service_accounts,
    };
    let named = || Some(vec!["ci".parse().unwrap()]);
    vec![
        settings(Patcher::Titansoft, Guard::Confined, None, "on"),
        settings(Patcher::Titansoft, Guard::Unconfined, Some(Vec::new()), "pulls"),
        settings(Patcher::Tamcore, Guard::Confined, named(), "pulls"),
        settings(Patcher::Tamcore, Guard::Confined, Some(Vec::new()), "on"),
    ]
}

/// Users start from the templates in `templates/`, so these templates make the same objects as we build.
#[test]
fn our_templates_make_the_objects_that_are_built_without_them() {
    let templates = Templates::load(Some(&Path::new(env!("CARGO_MANIFEST_DIR")).join("templates"))).unwrap();
    let docker_config = Logins::Unavailable;
    let mut problems = Vec::new();
    let cluster: External = serde_saphyr::from_str(EXTERNAL).unwrap();
    let each = External { cluster_external_secret: None, ..cluster.clone() };
    let external = [cluster, each].map(|it| external::resolve(Some(&it), &mut problems).unwrap());
    assert!(problems.is_empty(), "{problems:?}");
    let (name, namespaces) = ("on".parse().unwrap(), ["a", "on"].map(|name| name.parse().unwrap()));
    let accounts = ["ci".parse().unwrap()];
    let request = |patcher, external, link| Request {
        pull_secrets: vec![Wanted {
            name: &name,
            namespaces: &namespaces,
            service_accounts: &accounts,
            also_reference: &accounts,
            external,
            docker_config: &docker_config,
        }],
        link,
        create_namespaces: true,
        patcher,
        marks: Marks { owner: "acme".to_owned(), profile: Some(Profile::Argocd) },
    };
    let patchers = patchers();
    let requests = patchers.iter().map(|patcher| request(Some(patcher), None, Link::Policy));
    let requests = requests.chain(external.iter().map(|external| request(None, Some(external), Link::Policy)));
    for request in requests.chain([request(None, None, Link::ServiceAccount)]) {
        let values = |manifests: &Manifests| manifests.iter().map(|manifest| manifest.object()).collect::<Vec<_>>();
        let without = Templates::load(None).unwrap();
        let (ours, theirs) =
            [&without, &templates].map(|templates| objects::build(&request, templates).unwrap()).into();
        for (ours, theirs) in values(&ours).iter().zip(values(&theirs)) {
            assert_eq!(*ours, theirs);
        }
        assert_eq!(ours.iter().count(), theirs.iter().count());
    }
}

/// The objects of a patcher of this kind that links these ServiceAccounts.
fn of_a_patcher(patcher: Patcher, service_accounts: Option<Vec<ResourceName>>) -> Vec<Value> {
    let settings = PatcherSettings { patcher, service_accounts, ..patchers().remove(1) };
    let (name, docker_config) = ("pull".parse().unwrap(), Logins::Unavailable);
    let secret = Wanted {
        name: &name,
        namespaces: &[],
        service_accounts: &[],
        also_reference: &[],
        external: None,
        docker_config: &docker_config,
    };
    let request = Request {
        pull_secrets: vec![secret],
        link: Link::ServiceAccount,
        create_namespaces: false,
        patcher: Some(&settings),
        marks: Marks { owner: "acme".to_owned(), profile: None },
    };
    let manifests = objects::build(&request, &Templates::load(None).unwrap()).unwrap();
    manifests.iter().map(|manifest| manifest.object()).collect()
}

fn of_kind(objects: Vec<Value>, kind: &str) -> Value {
    objects.into_iter().find(|object| object["kind"] == kind).unwrap()
}

#[test]
fn no_service_account_is_a_variable_that_is_set_and_empty() {
    let deployment = of_kind(of_a_patcher(Patcher::Titansoft, None), "Deployment");
    let variables = deployment["spec"]["template"]["spec"]["containers"][0]["env"].as_array().unwrap();
    assert!(variables.contains(&json!({"name": "CONFIG_SERVICEACCOUNTS"})), "{variables:?}");
}

#[test]
fn only_titansofts_image_is_bound_to_one_architecture_and_has_no_probes() {
    for (patcher, bound) in [(Patcher::Titansoft, true), (Patcher::Tamcore, false)] {
        let deployment = of_kind(of_a_patcher(patcher, Some(Vec::new())), "Deployment");
        let pod = &deployment["spec"]["template"]["spec"];
        assert_eq!(pod["nodeSelector"]["kubernetes.io/arch"] == "amd64", bound);
        assert_eq!(deployment["spec"]["strategy"]["type"] == "Recreate", bound);
        assert_eq!(pod["containers"][0]["readinessProbe"].is_null(), bound);
        assert!(pod.get("imagePullSecrets").is_none());
    }
}

#[test]
fn a_patcher_may_link_the_service_accounts_that_are_named() {
    let patch = |accounts| {
        let role = of_kind(of_a_patcher(Patcher::Titansoft, accounts), "ClusterRole");
        let rules = role["rules"].as_array().unwrap().clone();
        rules.into_iter().find(|rule| rule["verbs"] == json!(["patch"]))
    };
    assert_eq!(patch(Some(vec!["ci".parse().unwrap()])).unwrap()["resourceNames"], json!(["ci"]));
    assert!(patch(Some(Vec::new())).unwrap().get("resourceNames").is_none());
    assert_eq!(patch(None), None);
}
