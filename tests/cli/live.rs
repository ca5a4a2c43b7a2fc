//! Runs the commands for a live cluster without a cluster.
#![expect(clippy::disallowed_methods, reason = "fixtures are files")]

use std::io::Read;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::peers::{Peers, Reply};
use crate::harness::regcred::regcred;

const LOGIN: (&str, &str) = ("DOCKERHUB_AUTH", r#"{"auths":{"ghcr.io":{"username":"bot","password":"canary"}}}"#);

#[test]
fn a_login_that_its_registry_refuses_reaches_no_cluster() {
    let registry = Peers::start(|_| Reply::challenge("Basic"));
    let cluster = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = kubeconfig(&format!("http://{}", cluster.local_addr().unwrap()));
    std::fs::write(folder.path().join("config"), config).unwrap();
    let [one, other] = registry.variables();
    let variables = [("U", "bot"), ("P", "canary-password"), (one.0, one.1.as_str()), (other.0, other.1.as_str())];
    let arguments = ["apply", "-n", "a", "--kubeconfig", "config", "--check-online", "--login", "ghcr.io=U:P"];
    let output = regcred(folder.path(), &variables, &arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(!registry.seen().is_empty() && !said.contains("canary"), "{said}");
    cluster.set_nonblocking(true).unwrap();
    assert!(cluster.accept().is_err(), "the cluster was not asked");
}

/// A kubeconfig for this address.
fn kubeconfig(address: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
         clusters: [{{name: a, cluster: {{server: '{address}'}}}}]\nusers: [{{name: a, user: {{token: canary}}}}]\n"
    )
}

#[test]
fn after_ctrl_c_a_run_that_waits_for_the_cluster_ends_by_that_signal() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = kubeconfig(&format!("http://{}", listener.local_addr().unwrap()));
    std::fs::write(folder.path().join("config"), config).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_regcred"))
        .args(["apply", "-n", "a", "--kubeconfig", "config", "--timeout", "10m"])
        .env_clear()
        .envs([LOGIN])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The program has sent its request, and gets no answer.
    let (mut stream, _) = listener.accept().unwrap();
    stream.read_exact(&mut [0; 4]).unwrap();
    let began = Instant::now();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(2), "{said}");
    assert!(said.contains("interrupted before everything was done") && !said.contains("canary"), "{said}");
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn each_cluster_that_cannot_be_reached_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("one"), kubeconfig("http://127.0.0.1:1")).unwrap();
    let file = "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\nspec:\n  pullSecrets:\n  \
                - namespaces: {include: [a]}\n  clusters:\n  - {name: eu}\n  - {name: us, kubeconfig: {env: KUBECONFIG_US}}\n  \
                - {name: ap, context: nowhere}\n";
    std::fs::write(folder.path().join("regcred.yaml"), file).unwrap();
    let us = kubeconfig("http://127.0.0.1:2");
    let output = regcred(folder.path(), &[LOGIN, ("KUBECONFIG", "one"), ("KUBECONFIG_US", &us)], &["apply"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the cluster cannot be reached: connection refused (clusters eu, us)"), "{said}");
    assert!(said.contains("the kubeconfig has no context of that name (cluster ap)"), "{said}");
    assert!(!said.contains("canary"), "{said}");
    let output =
        regcred(folder.path(), &[LOGIN, ("KUBECONFIG_US", &us)], &["apply", "--cluster", "us", "--format", "json"]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(answer["clusters"][0]["cluster"], "us");
    assert_eq!(answer["clusters"][0]["problems"][0]["code"], "cluster-unreachable");
}

#[cfg(unix)]
#[test]
fn the_page_of_status_stays_in_its_work_tree_and_out_of_git() {
    let outside = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::write(here.join("config"), kubeconfig("http://127.0.0.1:1")).unwrap();
    std::fs::create_dir(here.join(".git")).unwrap();
    std::fs::write(here.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    std::os::unix::fs::symlink(outside.path(), here.join("reports")).unwrap();
    for page in ["reports/status.html", ".git/hook"] {
        let output = regcred(here, &[LOGIN], &["status", "-n", "a", "--kubeconfig", "config", "--html", page]);
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(std::fs::read_dir(outside.path()).unwrap().next().is_none() && !here.join(".git/hook").exists());
    let output = regcred(here, &[LOGIN], &["status", "-n", "a", "--kubeconfig", "config", "--html", "status.html"]);
    assert!(here.join("status.html").exists(), "{}", String::from_utf8_lossy(&output.stderr));
}
