//! What `render` writes, applied by the real kubectl to the real API server, and read back.

#[cfg(test)]
mod bench;

use bench::{Bench, difference, documents, fresh, resource_versions};
use serde_json::{Value, json};

/// A Docker config with two registries, as a CI variable holds it.
const LOGINS: (&str, &str) = (
    "DOCKERHUB_AUTH",
    r#"{"auths":{"docker.io":{"auth":"YWNtZS1ib3Q6czNjcjN0"},"ghcr.io":{"username":"acme-bot","password":"on"}}}"#,
);

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
fn every_cell_is_valid_by_the_servers_own_schemas() {
    let Some(bench) = Bench::with(&["kubeconform"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let kinds = ["Namespace", "Secret", "ServiceAccount", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"];
    let location = bench::schemas::write(bench, &kinds, folder.path());
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
