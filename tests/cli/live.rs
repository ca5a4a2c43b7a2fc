//! Runs the commands for a live cluster without a cluster.
#![expect(clippy::disallowed_methods, reason = "fixtures are files")]

use std::io::Read;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[cfg(unix)]
use crate::harness::nobody;
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

#[test]
fn a_missing_file_among_several_kubeconfigs_is_skipped_as_kubectl_does() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("one"), kubeconfig("http://127.0.0.1:1")).unwrap();
    for (list, said) in [
        ("missing:one", "the cluster cannot be reached: connection refused"),
        ("one:missing", "the cluster cannot be reached: connection refused"),
        ("missing", "the kubeconfig cannot be read: "),
        ("missing:absent", "the kubeconfig cannot be read: "),
    ] {
        let output = regcred(folder.path(), &[LOGIN, ("KUBECONFIG", list)], &["apply", "-n", "a"]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && text.contains(said), "{list}: {text}");
    }
}

/// A kubeconfig for this address.
pub fn kubeconfig(address: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
         clusters: [{{name: a, cluster: {{server: '{address}'}}}}]\nusers: [{{name: a, user: {{token: canary}}}}]\n"
    )
}

/// A program in this folder that writes its variables into the file `ran` of the working directory.
#[cfg(unix)]
fn login_program(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("get-token"), "#!/bin/sh\n/usr/bin/env > ran\n").unwrap();
    std::fs::set_permissions(folder.join("get-token"), PermissionsExt::from_mode(0o755)).unwrap();
}

#[cfg(unix)]
#[test]
fn a_program_of_a_kubeconfig_comes_from_an_absolute_folder_and_sees_no_other_kubeconfig() {
    let (repository, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let exec = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: get-token, interactiveMode: Never}}";
    let config = kubeconfig("http://127.0.0.1:1").replace("{token: canary}", exec);
    std::fs::write(elsewhere.path().join("config"), &config).unwrap();
    std::fs::write(
        repository.path().join("regcred.yaml"),
        "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\nspec:\n  clusters:\n  \
         - {name: eu, kubeconfig: {env: KUBE_EU}}\n  - {name: us, kubeconfig: {env: KUBE_US}}\n",
    )
    .unwrap();
    login_program(&repository.path().join("committed"));
    let ran = repository.path().join("ran");
    let run = |path: &str| {
        let eu = elsewhere.path().join("config");
        let variables = [LOGIN, ("KUBE_EU", eu.to_str().unwrap()), ("KUBE_US", "canary-of-us"), ("PATH", path)];
        let output = regcred(repository.path(), &variables, &["apply", "-n", "a", "--cluster", "eu"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    };
    for path in ["committed:/usr/bin:/bin", ":committed", "/usr/bin:./committed"] {
        run(path);
        assert!(!ran.exists(), "{path}");
    }
    login_program(elsewhere.path());
    run(&format!("committed:{}", elsewhere.path().display()));
    let seen = std::fs::read_to_string(ran).unwrap();
    assert!(seen.contains("KUBERNETES_EXEC_INFO") && !seen.contains("canary"), "{seen}");
}

#[test]
fn a_kubeconfig_in_a_variable_names_no_file_of_the_working_directory() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("regcred.yaml"),
        "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\nspec:\n  clusters:\n  \
         - {name: eu, kubeconfig: {env: KUBE_EU}}\n",
    )
    .unwrap();
    let config = kubeconfig("http://127.0.0.1:1");
    for (field, before, after) in [
        ("certificate-authority", "server: ", "certificate-authority: ca.crt, server: "),
        ("client-key", "token: canary", "client-certificate: /a.crt, client-key: a.key"),
        ("tokenFile", "token: canary", "tokenFile: ./token"),
        (
            "command",
            "token: canary",
            "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./login, interactiveMode: Never}",
        ),
    ] {
        let text = config.replace(before, after);
        let output = regcred(folder.path(), &[LOGIN, ("KUBE_EU", &text)], &["apply", "-n", "a"]);
        let said = String::from_utf8_lossy(&output.stderr);
        let expected =
            format!("`{field}` of the kubeconfig has a relative path, and a kubeconfig in a variable has no folder");
        assert!(output.status.code() == Some(1) && said.contains(&expected), "{said}");
    }
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

#[test]
fn two_clusters_whose_kubeconfigs_say_the_same_are_one() {
    let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\nspec:\n  pullSecrets:\n  \
                - namespaces: {include: [a]}\n  clusters:\n  - {name: eu, kubeconfig: {env: KUBECONFIG_EU}}\n  \
                - {name: us, kubeconfig: {env: KUBECONFIG_US}}\n";
    std::fs::write(folder.path().join("regcred.yaml"), file).unwrap();
    let eu = kubeconfig("http://127.0.0.1:1");
    // Several agents of one proxy have one address, and each its own token.
    let agent = eu.replace("canary", "canary-of-us");
    let relative = eu.replace("{token: canary}", "{tokenFile: token}");
    for (folder, name, text) in [
        ("eu", "config", &eu),
        ("us", "config", &eu),
        ("us", "agent", &agent),
        ("eu", "relative", &relative),
        ("us", "relative", &relative),
    ] {
        std::fs::create_dir_all(outside.path().join(folder)).unwrap();
        std::fs::write(outside.path().join(folder).join(name), text).unwrap();
    }
    let path = |name: &str| outside.path().join(name).to_str().unwrap().to_owned();
    for (eu, us, are_one) in [
        (path("eu/config"), path("us/config"), true),
        (path("eu/config"), eu.clone(), true),
        (eu.clone(), eu.clone() + "# a comment\n", true),
        (path("eu/config"), path("us/agent"), false),
        (path("eu/relative"), path("us/relative"), false),
    ] {
        let variables = [LOGIN, ("KUBECONFIG_EU", eu.as_str()), ("KUBECONFIG_US", us.as_str())];
        let output = regcred(folder.path(), &variables, &["apply"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && !said.contains("canary"), "{said}");
        assert_eq!(said.contains("`eu` and `us` are reached in the same way"), are_one, "{eu}, {us}: {said}");
    }
}

/// Two clusters of one kubeconfig, and a port that hears whether one of them is asked.
fn two_contexts() -> (tempfile::TempDir, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = kubeconfig(&format!("http://{}", listener.local_addr().unwrap()))
        .replace("current-context: a", "current-context: prod");
    let contexts =
        "contexts: [{name: prod, context: {cluster: a, user: a}}, {name: staging, context: {cluster: a, user: a}}]";
    let config: Vec<_> =
        config.lines().map(|line| if line.starts_with("contexts:") { contexts } else { line }).collect();
    std::fs::write(folder.path().join("config"), config.join("\n")).unwrap();
    std::fs::write(
        folder.path().join("regcred.yaml"),
        "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\nspec:\n  pullSecrets:\n  \
         - namespaces: {include: [a]}\n  clusters:\n  - {name: staging}\n",
    )
    .unwrap();
    (folder, listener)
}

#[test]
fn a_cluster_that_names_no_context_reaches_the_current_one_only_if_that_is_allowed() {
    let (folder, listener) = two_contexts();
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let variables = [&[LOGIN], variables].concat();
        let output = regcred(folder.path(), &variables, arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!said.contains("canary"), "{said}");
        (output.status.code(), said)
    };
    let verbs: [&[&str]; 5] = [
        &["apply"],
        &["diff"],
        &["status"],
        &["delete", "--yes"],
        &["explain", "image", "ghcr.io/acme/app", "--namespace", "a"],
    ];
    let guard = ("REGCRED_ALLOWED_CONTEXTS", "staging");
    for verb in verbs {
        let arguments = [verb, &["--cluster", "staging", "--timeout", "2s"]].concat();
        for kubeconfig in [&["--kubeconfig", "config"][..], &[]] {
            let arguments = [&arguments[..], kubeconfig].concat();
            let (code, said) = run(&arguments, &[("KUBECONFIG", "config"), guard]);
            assert_eq!(code, Some(1), "{arguments:?}: {said}");
            assert!(
                said.contains("use the kubeconfig's current one, which `REGCRED_ALLOWED_CONTEXTS` does not allow"),
                "{said}"
            );
        }
        let (code, said) = run(&arguments, &[("KUBERNETES_SERVICE_HOST", "127.0.0.1"), guard]);
        assert_eq!(code, Some(1), "{arguments:?}: {said}");
        assert!(said.contains("has no context, which `REGCRED_ALLOWED_CONTEXTS` does not allow"), "{said}");
        assert!(listener.accept().is_err(), "{arguments:?}: the cluster was asked");
    }
    let pod = ("KUBERNETES_SERVICE_HOST", "127.0.0.1");
    let (code, said) = run(&["apply", "--cluster", "staging", "--context", "prod"], &[pod]);
    assert!(code == Some(1) && said.contains("there is no kubeconfig that could have it"), "{said}");
    let allowed: [(&[&str], &str); 3] =
        [(&["--context", "prod"], "staging"), (&["--context", "staging"], "other"), (&[], "staging,prod")];
    for (more, guard) in allowed {
        let arguments = [&["status", "--cluster", "staging", "--timeout", "1s"], more].concat();
        let (code, said) = run(&arguments, &[("KUBECONFIG", "config"), ("REGCRED_ALLOWED_CONTEXTS", guard)]);
        assert!(code == Some(1) && !said.contains("REGCRED_ALLOWED_CONTEXTS"), "{arguments:?}: {said}");
        assert!(listener.accept().is_ok(), "{arguments:?}: {said}");
        while listener.accept().is_ok() {}
    }
}

#[cfg(unix)]
#[test]
fn fetch_cert_asks_the_current_context_only_if_it_is_allowed() {
    let (folder, _listener) = two_contexts();
    let file = folder.path().join("regcred.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("{name: staging}", "{name: staging, sealing: {certificate: a.pem}}");
    std::fs::write(file, text).unwrap();
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    for (answer, expected) in
        [("echo prod", "use the kubeconfig's current one, which"), ("exit 1", "has no context, which")]
    {
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in 'config current-context') {answer};; *) echo \"$*\" >> asked; exit 1;; esac\n"
        );
        std::fs::write(bin.join("kubectl"), script).unwrap();
        assert!(Command::new("chmod").arg("+x").arg(bin.join("kubectl")).status().unwrap().success());
        let run = |arguments: &[&str], contexts: &str| {
            let variables = [("PATH", path.as_str()), ("REGCRED_ALLOWED_CONTEXTS", contexts)];
            let arguments = [&["fetch-cert", "--cluster", "staging"], arguments].concat();
            String::from_utf8(regcred(folder.path(), &variables, &arguments).stderr).unwrap()
        };
        let said = run(&[], "staging");
        assert!(said.contains(expected) && said.contains("`REGCRED_ALLOWED_CONTEXTS` does not allow"), "{said}");
        assert!(!folder.path().join("asked").exists(), "{answer}");
    }
    std::fs::write(bin.join("kubectl"), "#!/bin/sh\necho \"$*\" >> asked\necho prod\n").unwrap();
    let variables = [("PATH", path.as_str()), ("REGCRED_ALLOWED_CONTEXTS", "staging,prod")];
    regcred(folder.path(), &variables, &["fetch-cert", "--cluster", "staging"]);
    assert!(std::fs::read_to_string(folder.path().join("asked")).unwrap().contains("get service"));
}

#[test]
fn an_address_of_a_cluster_that_is_no_url_is_named_as_the_fault() {
    let folder = tempfile::tempdir().unwrap();
    for address in ["word", "cluster.example.com:6443", "/api", "ftp://cluster.example.com", "", "https://"] {
        std::fs::write(folder.path().join("config"), kubeconfig(address)).unwrap();
        let output = regcred(folder.path(), &[LOGIN], &["apply", "-n", "a", "--kubeconfig", "config"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{address}: {said}");
        assert!(
            said.contains("address") && said.contains("kubeconfig") && !said.contains("a bug"),
            "{address}: {said}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_host_with_a_name_needs_a_thread_and_says_so_where_none_can_be_started() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config"), kubeconfig("http://localhost:1")).unwrap();
    // It copies the program to where nobody may run it.
    drop(nobody::regcred(folder.path(), [folder.path().join("config")]));
    let of_a_cluster = "-n a --kubeconfig config";
    for arguments in [
        format!("apply {of_a_cluster}"),
        format!("diff {of_a_cluster}"),
        format!("status {of_a_cluster}"),
        "delete -n a --yes --kubeconfig config".to_owned(),
        "explain image ghcr.io/acme/app --namespace a --kubeconfig config".to_owned(),
        "verify --online".to_owned(),
    ] {
        let mut command = Command::new("bash");
        command.args(["-c", &format!("ulimit -u 1 && exec ./regcred {arguments}")]);
        nobody::become_nobody(&mut command);
        let output =
            command.env_clear().envs([LOGIN]).current_dir(folder.path()).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments}: {said}");
        assert!(said.contains("starts no further thread") && said.contains("`ulimit -u`"), "{arguments}: {said}");
        assert!(!said.contains("a bug") && !said.contains("canary"), "{arguments}: {said}");
    }
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
