//! Runs `regcred` as a plugin of kubectl, and as a Pod does.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::harness::bench::{self, Bench};

const LOGIN: &str = r#"{"auths":{"ghcr.io":{"username":"acme-bot","password":"canary"}}}"#;

#[test]
fn kubectl_runs_it_by_a_link_of_that_name() {
    let Some(bench) = Bench::with(&[]) else { return };
    let [namespace] = bench.namespaces();
    let folder = tempfile::tempdir().unwrap();
    symlink(env!("CARGO_BIN_EXE_regcred"), folder.path().join("kubectl-regcred")).unwrap();
    let path = std::env::join_paths([folder.path(), Path::new("/usr/bin"), Path::new("/bin")]).unwrap();
    let kubectl = |arguments: &[&str]| {
        let kubectl = bench.program("kubectl").variable("PATH", &path).variable("DOCKERHUB_AUTH", LOGIN);
        kubectl.arguments(["regcred"]).arguments(arguments).run()
    };
    let help = kubectl(&["apply", "--help"]).succeeded();
    assert!(help.contains("Usage: kubectl regcred apply"), "{help}");
    assert!(help.contains("  kubectl regcred apply -n team-a,team-b"), "{help}");
    kubectl(&["apply", "-n", &namespace]).succeeded();
    kubectl(&["diff", "-n", &namespace]).succeeded();
    let account = bench.get(&["serviceaccount", "default", "-n", &namespace]);
    assert_eq!(account["imagePullSecrets"], json!([{"name": "image-pull-secret"}]));
}

/// Puts a ServiceAccount's files where a Pod has them, in a mount namespace that only this process sees.
const IN_A_POD: &str = r#"
mount -t tmpfs none /run
mkdir -p /run/secrets/kubernetes.io/serviceaccount
cp "$1"/token "$1"/ca.crt "$1"/namespace /run/secrets/kubernetes.io/serviceaccount
shift
unset KUBECONFIG
exec "$@"
"#;

#[test]
fn in_a_pod_it_uses_the_service_account_of_the_pod() {
    let Some(bench) = Bench::with(&[]) else { return };
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: mounting a ServiceAccount's files needs root");
        return;
    }
    let [namespace] = bench.namespaces();
    let subject = format!("service-account:{namespace}/default");
    let rights = bench.regcred(
        &["render", "--format", "rbac", "-n", &namespace, "--secret-name", "of-a-pod", "--subject", &subject],
        &[],
    );
    bench.apply(&rights.succeeded()).succeeded();
    let kubeconfig = bench.kubeconfig_json();
    let cluster = &kubeconfig["clusters"][0]["cluster"];
    let address = cluster["server"].as_str().unwrap().trim_start_matches("https://").to_owned();
    let (host, port) = address.rsplit_once(':').unwrap();
    let folder = tempfile::tempdir().unwrap();
    let authority = STANDARD.decode(cluster["certificate-authority-data"].as_str().unwrap()).unwrap();
    let authority = String::from_utf8(authority).unwrap();
    let token = bench.kubectl(&["create", "token", "default", "-n", &namespace], "").succeeded();
    for (file, text) in [("token", token.trim()), ("ca.crt", &authority), ("namespace", &namespace)] {
        bench::write(&folder.path().join(file), text);
    }
    let own: PathBuf = env!("CARGO_BIN_EXE_regcred").into();
    let run = |arguments: &[&str]| {
        let unshare = bench.program("sh").arguments(["-c", r#"exec unshare --mount sh -ec "$0" sh "$@""#, IN_A_POD]);
        let unshare = unshare.arguments([folder.path(), &own]).arguments(arguments);
        let unshare = unshare
            .variable("HOME", "/")
            .variable("KUBERNETES_SERVICE_HOST", host)
            .variable("KUBERNETES_SERVICE_PORT", port);
        unshare.variable("DOCKERHUB_AUTH", LOGIN).run()
    };
    run(&["apply", "-n", &namespace, "--secret-name", "of-a-pod"]).succeeded();
    bench.get(&["secret", "of-a-pod", "-n", &namespace]);
    let said = run(&["apply", "-n", &namespace, "--secret-name", "another"]).failed();
    assert!(said.contains("the cluster forbids to get"), "{said}");
}
