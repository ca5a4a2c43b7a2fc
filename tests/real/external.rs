//! Validates ExternalSecrets with the operator's definitions and an API server, and runs the operator's code: the Secret must be the one of
//! `--protect plain`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::bench::{self, Bench, Run, documents};
use crate::harness::custom_resources;

/// Passwords, each with a character that breaks a careless template.
const PASSWORDS: &[&str] = &[
    "s3cr3t",
    "\"quoted\" and 'quoted'",
    "back\\slash\\n\\u0041",
    "<a>&b",
    "é ü 🔑 \u{2028}\u{2029}",
    "{{`x`}} }} {{",
    "${HOME} $(id) `id` %s %d : colon:colon",
    "# - yaml: [1, {x: y}] | > & * ! % @",
    " spaces ",
    "{{ .login1_password }} {{- end -}} }} {{",
];

/// More passwords, which only the operator accepts: control characters, leftovers of a template or `printf`, and an empty text.
const REFUSED: &[&str] = &["line\nfeed\r\ttab\u{7}\n", "delete\u{7f}", "{{ .login1_password }}", "%!d(MISSING)", ""];

/// The operator's kinds in our output.
const KINDS: &[&str] =
    &["ExternalSecret", "ClusterExternalSecret", "ClusterGenerator", "ECRAuthorizationToken", "GCRAccessToken"];

const HEAD: &str =
    "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\nspec:\n  pullSecrets:\n";

/// A folder with this `regcred.yaml`.
fn folder(config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    bench::write(&folder.path().join("regcred.yaml"), config);
    folder
}

fn render(bench: &Bench, folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let regcred = bench.program("regcred").directory(folder).arguments(["render"]).arguments(arguments);
    variables.iter().fold(regcred, |regcred, (name, value)| regcred.variable(name, value)).run()
}

/// The example of the documentation.
fn example() -> String {
    let page = fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/external.md")).unwrap();
    let (_, rest) = page.split_once("```yaml\n").unwrap();
    rest.split_once("```\n").unwrap().0.to_owned()
}

/// Every kind of object and field in our output, and some in unusual forms.
fn all_kinds() -> String {
    format!(
        "{HEAD}{}",
        r#"  - name: generated
    external:
      logins:
      - registry: europe-docker.pkg.dev
        generator: {kind: GCRAccessToken, name: gar, spec: {projectID: acme, auth: {secretRef: {secretAccessKeySecretRef: {name: key, key: json}}}}}
      - registry: us-docker.pkg.dev
        generator: {kind: GCRAccessToken, name: gar, spec: {projectID: acme, auth: {secretRef: {secretAccessKeySecretRef: {name: key, key: json}}}}}
      - registry: acme.azurecr.io
        generator: {kind: ACRAccessToken, name: acr, clusterWide: true, spec: {registry: acme.azurecr.io, auth: {managedIdentity: {identityId: id}}}}
      - registry: ghcr.io
        username: {value: "{{ \"bot\" }}\\"}
        generator: {kind: GithubAccessToken, name: app, clusterWide: true, spec: {appID: "1", installID: "2", auth: {privateKey: {secretRef: {name: pem, key: key}}}}}
      - registry: quay.io
        generator: {kind: QuayAccessToken, name: robot, clusterWide: true, spec: {robotAccount: a+b, serviceAccountRef: {name: default, namespace: default}}}
      - registry: 123456789012.dkr.ecr.eu-west-1.amazonaws.com
        generator: {kind: ECRAuthorizationToken, name: ecr, spec: {region: eu-west-1}}
    namespaces: {include: [external-a, external-b]}
  - name: keys
    external:
      store: {kind: SecretStore, name: vault}
      refreshInterval: 2h30m
      logins:
      - registry: ghcr.io
        username: {key: "{{ a }}", property: 'a"b\', version: "3", decodingStrategy: Base64}
        password: {key: b, decodingStrategy: Base64URL}
    namespaces: {include: [external-a]}
  - name: labelled
    external:
      store: {kind: ClusterSecretStore, name: vault}
      logins: [{dockerConfig: {key: all, decodingStrategy: Auto}, registries: [ghcr.io]}]
      clusterExternalSecret:
        namespaceSelectors:
        - {matchLabels: {pull: "true"}}
        - {matchExpressions: [{key: team, operator: Exists}, {key: x, operator: NotIn, values: [y]}]}
        refreshTime: 2m
    namespaces: {include: [external-b]}
"#
    )
}

/// The result of the operator's own code for an ExternalSecret.
fn operated(bench: &Bench, external: &Value, store: &Value, generators: &Value) -> Value {
    let question = json!({"externalSecret": external, "store": store, "generators": generators});
    let engine = bench.program("external-secret-engine").stdin(&question.to_string()).run().succeeded();
    serde_json::from_str(&engine).unwrap()
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    objects.iter().find(|object| object["kind"] == kind).unwrap_or_else(|| panic!("no {kind} in {objects:#?}"))
}

#[test]
fn the_operator_writes_the_secret_that_plain_writes_whatever_the_password() {
    let Some(bench) = Bench::with(&["external-secret-engine"]) else { return };
    let config = format!(
        "{HEAD}{}",
        r#"  - logins:
    - {registry: docker.io, username: {env: HUB_USER}, password: {env: HUB_PASS}}
    - {registry: "harbor.test:8443/team", username: {value: "robot$a{{\"b\\\""}, password: {env: HARBOR_PASS}}
    - {registry: 1.dkr.ecr.eu-west-1.amazonaws.com, username: {value: AWS}, password: {env: ECR_PASS}}
    - {registry: europe-docker.pkg.dev, username: {value: oauth2accesstoken}, password: {env: GAR_PASS}}
    - {registry: us-docker.pkg.dev, username: {value: oauth2accesstoken}, password: {env: GAR_PASS}}
    - {registry: ghcr.io, username: {value: x-access-token}, password: {env: GITHUB_PASS}}
    external:
      store: {kind: ClusterSecretStore, name: vault}
      logins:
      - registry: docker.io
        username: {key: hub, property: user}
        password: {key: hub, property: pass}
      - {registry: "harbor.test:8443/team", username: {value: "robot$a{{\"b\\\""}, password: {key: harbor, property: pass}}
      - {registry: 1.dkr.ecr.eu-west-1.amazonaws.com, generator: {kind: ECRAuthorizationToken, name: ecr}}
      - {registry: us-docker.pkg.dev, generator: {kind: GCRAccessToken, name: gar}}
      - {registry: europe-docker.pkg.dev, generator: {kind: GCRAccessToken, name: gar}}
      - {registry: ghcr.io, generator: {kind: GithubAccessToken, name: app}}
    namespaces: {include: [a]}
"#
    );
    let folder = folder(&config);
    let external = render(bench, folder.path(), &["--protect", "external"], &[]).succeeded();
    let external = documents(&external);
    for password in PASSWORDS.iter().chain(REFUSED) {
        let user = "us<e>r\"é";
        let store = json!({"hub": {"user": user, "pass": password}, "harbor": {"pass": password}});
        let generators = json!({
            "ECRAuthorizationToken/ecr": {"username": "AWS", "password": password, "proxy_endpoint": "x", "expires_at": "1"},
            "GCRAccessToken/gar": {"username": "oauth2accesstoken", "password": password, "expiry": "1"},
            "GithubAccessToken/app": {"token": password},
        });
        let answer = operated(bench, of_kind(&external, "ExternalSecret"), &store, &generators);
        assert_eq!(answer["type"], "kubernetes.io/dockerconfigjson", "{answer}");
        let made = answer["data"][".dockerconfigjson"].as_str().unwrap();
        let parsed: Value = serde_json::from_str(made).unwrap();
        for (_, entry) in parsed["auths"].as_object().unwrap() {
            assert_eq!(entry["password"], **password);
        }
        let names = ["HUB_PASS", "HARBOR_PASS", "ECR_PASS", "GAR_PASS", "GITHUB_PASS"];
        let mut variables: Vec<_> = names.iter().map(|name| (*name, *password)).collect();
        variables.push(("HUB_USER", user));
        let flags = ["--format", "docker-config", "--raw", "--allow-short-lived"];
        let plain = render(bench, folder.path(), &flags, &variables);
        if REFUSED.contains(password) {
            plain.failed();
            continue;
        }
        let plain = plain.succeeded();
        assert_eq!(made, plain.trim_end_matches('\n'));
    }
}

#[test]
fn a_whole_docker_config_goes_through_as_it_is_and_a_quay_token_is_an_auth() {
    let Some(bench) = Bench::with(&["external-secret-engine"]) else { return };
    let config = format!(
        "{HEAD}{}",
        "  - name: whole\n    external: {store: {kind: SecretStore, name: s}, logins: [{dockerConfig: {key: all, property: json}}]}\n    namespaces: {include: [a]}\n  \
         - name: quay\n    external: {logins: [{registry: quay.io, generator: {kind: QuayAccessToken, name: robot, clusterWide: true}}]}\n    namespaces: {include: [b]}\n"
    );
    let folder = folder(&config);
    let objects =
        documents(&render(bench, folder.path(), &["--protect", "external", "--link", "none"], &[]).succeeded());
    let text = "{\"auths\": {\"ghcr.io\": {\"auth\": \"e3t9fTp4\"}}, \"x\": \"{{ .y }}\\\\\"}\n";
    let answer = operated(bench, &objects[0], &json!({"all": {"json": text}}), &json!({}));
    assert_eq!(answer["data"][".dockerconfigjson"], text, "{answer}");
    let generated = json!({"ClusterGenerator/robot": {"registry": "quay.io", "auth": "YStiOnQ=", "expiry": "1"}});
    let answer = operated(bench, &objects[1], &json!({}), &generated);
    assert_eq!(answer["data"][".dockerconfigjson"], r#"{"auths":{"quay.io":{"auth":"YStiOnQ="}}}"#, "{answer}");
}

#[test]
fn a_generator_that_gives_something_else_is_an_error_and_no_empty_password() {
    let Some(bench) = Bench::with(&["external-secret-engine"]) else { return };
    let folder = folder(&format!(
        "{HEAD}  - external: {{logins: [{{registry: ghcr.io, generator: {{kind: GithubAccessToken, name: app}}}}]}}\n    namespaces: {{include: [a]}}\n"
    ));
    let objects = documents(&render(bench, folder.path(), &["--protect", "external"], &[]).succeeded());
    let answer = operated(
        bench,
        of_kind(&objects, "ExternalSecret"),
        &json!({}),
        &json!({"GithubAccessToken/app": {"other": "x"}}),
    );
    assert!(answer["error"].as_str().unwrap().contains("login1_token"), "{answer}");
}

#[test]
fn what_is_written_is_valid_by_the_operators_own_definitions() {
    let Some(bench) = Bench::with(&["kubeconform", custom_resources::FILE]) else { return };
    let tools = bench::tools(&["kubeconform"]).unwrap();
    for config in [example(), all_kinds()] {
        let folder = folder(&config);
        for profile in ["argocd", "flux", "helm"] {
            let flags = ["--protect", "external", "--link", "none", "--profile", profile];
            let text = render(bench, folder.path(), &flags, &[]).succeeded();
            let (status, answer) = custom_resources::validate(&tools, KINDS, &text);
            assert_eq!((status, &answer["summary"]["valid"]), (0, &json!(documents(&text).len())), "{answer}");
            // The schema does find errors.
            let broken = text.replace("remoteRef:", "remoteRefs:");
            assert_ne!(custom_resources::validate(&tools, KINDS, &broken).0, 0);
        }
    }
}

#[test]
fn an_api_server_takes_it_and_fills_nothing_in() {
    let Some(bench) = Bench::with_a_cluster_of_its_own(&[custom_resources::FILE]) else { return };
    custom_resources::define(bench, KINDS);
    let folder = folder(&all_kinds());
    let flags = ["--protect", "external", "--create-namespaces", "--profile", "argocd"];
    let text = render(bench, folder.path(), &flags, &[]).succeeded();
    bench.apply(&text).succeeded();
    let mut seen = 0;
    for object in documents(&text) {
        let kind = object["kind"].as_str().unwrap();
        if !KINDS.contains(&kind) {
            continue;
        }
        let (group, name) = (object["apiVersion"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap());
        let full = format!("{kind}.{}", group.split('/').next().unwrap());
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or("default");
        let there = bench.get(&[&full, name, "-n", namespace]);
        let is_filled_by_the_server = kind == "ClusterGenerator";
        if is_filled_by_the_server {
            assert_eq!(there["spec"]["kind"], object["spec"]["kind"]);
        } else {
            assert_eq!(there["spec"], object["spec"], "{full} {name}");
        }
        seen += 1;
    }
    assert_eq!(seen, 11, "{text}");
    // A second apply changes nothing.
    let again = bench.kubectl(&["diff", "--server-side", "--field-manager=regcred", "-f", "-"], &text);
    assert_eq!(again.status, 0, "{again:?}");
}

#[test]
fn a_chart_makes_what_the_stream_makes() {
    let Some(bench) = Bench::with(&["helm"]) else { return };
    for config in [example(), all_kinds()] {
        let folder = folder(&config);
        for link in ["none", "policy", "service-account"] {
            let flags = ["--protect", "external", "--link", link, "--profile", "argocd", "--create-namespaces"];
            let account = ["--service-account", "default"];
            let flags = [flags.as_slice(), if link == "service-account" { &account } else { &[] }].concat();
            let path = folder.path().join(link);
            let chart = ["--format", "chart", "--output", path.to_str().unwrap()];
            render(bench, folder.path(), &[&chart, flags.as_slice()].concat(), &[]).succeeded();
            let check = render(bench, folder.path(), &[&chart, flags.as_slice(), &["--check"]].concat(), &[]);
            check.succeeded();
            let helm = |arguments: &[&str]| bench.program("helm").directory(&path).arguments(arguments).run();
            helm(&["lint", "--strict", "."]).succeeded();
            let spec = |objects: &[Value]| {
                let mut specs: Vec<_> = objects
                    .iter()
                    .filter(|object| object["kind"] != "Namespace" && object["kind"] != "ServiceAccount")
                    .map(|object| {
                        let mut object = object.clone();
                        object.sort_all_objects();
                        object.to_string()
                    })
                    .collect();
                specs.sort();
                specs
            };
            let made = documents(&helm(&["template", "x", "."]).succeeded());
            let stream = documents(&render(bench, folder.path(), &flags, &[]).succeeded());
            assert_eq!(spec(&made), spec(&stream), "{link}");
            assert_eq!(made.len(), stream.len(), "{link}");
        }
    }
}

#[test]
fn the_source_of_a_patcher_is_an_external_secret() {
    let Some(bench) = Bench::with(&["external-secret-engine"]) else { return };
    let folder = folder(&format!(
        "{HEAD}  - external: {{store: {{kind: ClusterSecretStore, name: vault}}, logins: [{{registry: ghcr.io, username: {{value: u}}, password: {{key: k, property: p}}}}]}}\n"
    ));
    for patcher in ["titansoft", "tamcore"] {
        let flags = ["--protect", "external", "--strategy", "patcher", "--patcher", patcher];
        let objects = documents(&render(bench, folder.path(), &flags, &[]).succeeded());
        assert!(objects.iter().all(|object| object["kind"] != "Secret"));
        let external = of_kind(&objects, "ExternalSecret");
        let deployment = of_kind(&objects, "Deployment");
        assert_eq!(external["metadata"]["namespace"], deployment["metadata"]["namespace"]);
        let answer = operated(bench, external, &json!({"k": {"p": "x"}}), &json!({}));
        assert_eq!(answer["name"], "image-pull-secret-src");
        assert!(deployment.to_string().contains("image-pull-secret-src"), "{deployment}");
        assert_eq!(
            answer["data"][".dockerconfigjson"],
            r#"{"auths":{"ghcr.io":{"username":"u","password":"x","auth":"dTp4"}}}"#
        );
    }
}
