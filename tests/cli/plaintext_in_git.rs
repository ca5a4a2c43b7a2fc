//! A plain Secret does not enter Git by accident: real repositories, with and without the `git` program.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::harness::regcred::regcred;

const LOGIN: &str = r#"{"auths":{"ghcr.io":{"username":"acme","password":"canary-of-git"}}}"#;
const REFUSED: &str = "a plain Secret would enter Git";

#[expect(clippy::disallowed_methods, reason = "git is found on the PATH of the test")]
fn path() -> String {
    std::env::var("PATH").unwrap()
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=test", "-c", "user.email=test@example.test"])
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "--quiet"]);
    folder
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn render(folder: &Path, arguments: &[&str]) -> Output {
    let all: Vec<_> = ["render", "-n", "a"].iter().chain(arguments).copied().collect();
    regcred(folder, &[("DOCKERHUB_AUTH", LOGIN), ("PATH", &path())], &all)
}

fn succeeds(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

fn is_refused(output: &Output) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(REFUSED) && text.contains("--allow-plaintext-in-git"), "{text}");
    assert!(!text.contains("canary-of-git"), "{text}");
}

const TREE: [&str; 4] = ["--format", "directory", "--output", "out"];

#[test]
fn a_new_folder_gets_a_gitignore_that_is_ours() {
    let folder = repository();
    succeeds(&render(folder.path(), &TREE));
    assert_eq!(fs::read_to_string(folder.path().join("out/.gitignore")).unwrap(), "*\n");
    assert!(fs::read_to_string(folder.path().join("out/regcred.lock")).unwrap().contains("\".gitignore\""));
    assert_eq!(git(folder.path(), &["status", "--porcelain", "--untracked-files=all"]), "");
    succeeds(&render(folder.path(), &TREE));
    succeeds(&render(folder.path(), &[&TREE[..], &["--check"]].concat()));
}

#[test]
fn a_folder_with_something_else_in_it_is_refused_unless_it_is_ignored() {
    let folder = repository();
    put(&folder.path().join("out/notes.txt"), "somebody's");
    is_refused(&render(folder.path(), &TREE));
    assert_eq!(fs::read_dir(folder.path().join("out")).unwrap().count(), 1);
    put(&folder.path().join(".gitignore"), "secret-*.yaml\n");
    succeeds(&render(folder.path(), &TREE));
    assert!(!folder.path().join("out/.gitignore").exists());
}

#[test]
fn a_rule_that_takes_a_file_out_again_counts() {
    let folder = repository();
    put(&folder.path().join("out/notes.txt"), "somebody's");
    put(&folder.path().join(".gitignore"), "*.yaml\n!secret-*.yaml\n");
    is_refused(&render(folder.path(), &TREE));
}

#[test]
fn a_tracked_file_is_refused_in_a_folder_that_is_ignored_or_gone() {
    let folder = repository();
    put(&folder.path().join("out/namespaces/a/secret-image-pull-secret.yaml"), "old");
    git(folder.path(), &["add", "out"]);
    git(folder.path(), &["commit", "--quiet", "--message", "a Secret"]);
    put(&folder.path().join(".gitignore"), "out/\n");
    fs::remove_dir_all(folder.path().join("out")).unwrap();
    is_refused(&render(folder.path(), &TREE));
    assert!(!folder.path().join("out").exists());
}

#[test]
fn who_insists_gets_no_gitignore() {
    let folder = repository();
    succeeds(&render(folder.path(), &TREE));
    succeeds(&render(folder.path(), &[&TREE[..], &["--allow-plaintext-in-git"]].concat()));
    assert!(!folder.path().join("out/.gitignore").exists());
    assert!(git(folder.path(), &["status", "--porcelain", "--untracked-files=all"]).contains("secret-"));
}

#[test]
fn a_single_file_is_refused_unless_it_is_ignored() {
    let folder = repository();
    for format in ["yaml", "json", "docker-config"] {
        let arguments = ["--format", format, "--output", "out.txt"];
        let all: Vec<_> = if format == "docker-config" { vec![] } else { vec!["-n", "a"] };
        let run = || {
            let arguments: Vec<_> = ["render"].iter().chain(&arguments).chain(&all).copied().collect();
            regcred(folder.path(), &[("DOCKERHUB_AUTH", LOGIN), ("PATH", &path())], &arguments)
        };
        is_refused(&run());
        assert!(!folder.path().join("out.txt").exists());
        put(&folder.path().join(".gitignore"), "out.txt\n");
        succeeds(&run());
        fs::remove_file(folder.path().join("out.txt")).unwrap();
        fs::remove_file(folder.path().join(".gitignore")).unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_redirected_stdout_is_looked_at_too() {
    let folder = repository();
    let run = |file: &Path| {
        Command::new(env!("CARGO_BIN_EXE_regcred"))
            .args(["render", "-n", "a"])
            .env_clear()
            .envs([("DOCKERHUB_AUTH", LOGIN), ("PATH", &path())])
            .current_dir(folder.path())
            .stdout(Stdio::from(fs::File::create(file).unwrap()))
            .stderr(Stdio::piped())
            .output()
            .unwrap()
    };
    let elsewhere = tempfile::tempdir().unwrap();
    succeeds(&run(&elsewhere.path().join("out.yaml")));
    let inside = folder.path().join("out.yaml");
    is_refused(&run(&inside));
    assert_eq!(fs::read_to_string(&inside).unwrap(), "");
    put(&folder.path().join(".gitignore"), "out.yaml\n");
    succeeds(&run(&inside));
    assert!(fs::read_to_string(&inside).unwrap().contains("kind: Secret"));
}

#[test]
fn without_the_program_only_a_folder_of_ours_is_let_through() {
    let folder = repository();
    let run = |output: &str| {
        let arguments = ["render", "-n", "a", "--format", "directory", "--output", output];
        regcred(folder.path(), &[("DOCKERHUB_AUTH", LOGIN), ("PATH", "/nowhere")], &arguments)
    };
    succeeds(&run("new"));
    succeeds(&run("new"));
    put(&folder.path().join(".gitignore"), "old/\n");
    put(&folder.path().join("old/notes.txt"), "somebody's");
    is_refused(&run("old"));
}

#[test]
fn variables_that_lead_git_elsewhere_are_not_followed() {
    let folder = repository();
    let other = repository();
    put(&other.path().join(".git/info/exclude"), "*\n");
    put(&folder.path().join("out/notes.txt"), "somebody's");
    let other = other.path().join(".git");
    let variables = [("DOCKERHUB_AUTH", LOGIN), ("PATH", &path()), ("GIT_DIR", other.to_str().unwrap())];
    let arguments = ["render", "-n", "a", "--format", "directory", "--output", "out"];
    is_refused(&regcred(folder.path(), &variables, &arguments));
}

#[cfg(unix)]
#[test]
fn git_does_not_see_the_credentials() {
    use std::os::unix::fs::PermissionsExt;
    let folder = repository();
    let tools = tempfile::tempdir().unwrap();
    let program = tools.path().join("git");
    put(&program, &format!("#!/bin/sh\n/usr/bin/env > {}/seen\n", tools.path().display()));
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    put(&folder.path().join("out/one/notes.txt"), "somebody's");
    // Not those of a cluster that was not chosen, either.
    put(
        &folder.path().join("regcred.yaml"),
        "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\nspec:\n  clusters:\n  - name: one\n  \
         - name: other\n    pullSecrets:\n    - logins: [{dockerConfig: {env: OTHER_AUTH}}]\n",
    );
    let variables = [
        ("DOCKERHUB_AUTH", LOGIN),
        ("OTHER_AUTH", LOGIN),
        ("REGCRED_FINGERPRINT_KEY", "canary-of-the-key-that-is-long-enough"),
        ("HOME", "/home/somebody"),
        ("PATH", tools.path().to_str().unwrap()),
    ];
    let arguments = ["render", "-n", "a", "--cluster", "one", "--format", "directory", "--output", "out"];
    is_refused(&regcred(folder.path(), &variables, &arguments));
    let seen = fs::read_to_string(tools.path().join("seen")).unwrap();
    assert!(seen.contains("/home/somebody") && !seen.contains("canary"), "{seen}");
}

/// An item that came from a file.
const KPTFILE: &str = "\n- kind: Kptfile\n  metadata: {annotations: {internal.config.kubernetes.io/path: Kptfile}}";

/// A function with these items.
fn krm(folder: &Path, items: &str, config: &str) -> Output {
    let list = format!(
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:{items}\nfunctionConfig: {config}\n"
    );
    let mut child = Command::new(env!("CARGO_BIN_EXE_regcred"))
        .arg("krm")
        .env_clear()
        .envs([("DOCKERHUB_AUTH", LOGIN), ("PATH", &path())])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(list.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_function_puts_no_plain_secret_among_files_in_git_unless_it_is_told_to() {
    let credentials = |annotation: &str| {
        format!(
            "{{apiVersion: regcred.dev/v1alpha1, kind: RegistryCredentials, metadata: {{name: acme, annotations: {{{annotation}}}}}, \
             spec: {{link: none, pullSecrets: [{{namespaces: {{include: [a]}}}}]}}}}"
        )
    };
    let flags = |more: &str| format!("{{apiVersion: v1, kind: ConfigMap, data: {{namespaces: a{more}}}}}");
    let folder = repository();
    let elsewhere = tempfile::tempdir().unwrap();
    let no = credentials("regcred.dev/allow-plaintext-in-git: 'false'");
    // kpt gives no items for a package without objects.
    for (items, config) in [(KPTFILE, credentials("")), (KPTFILE, no), (KPTFILE, flags("")), (" []", flags(""))] {
        let output = krm(folder.path(), items, &config);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(REFUSED) && text.contains("allow-plaintext-in-git"), "{text}");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains(&format!("\nitems:{items}\n")) && !said.contains("kind: Secret\n"), "{said}");
        let output = krm(elsewhere.path(), items, &config);
        succeeds(&output);
        assert!(String::from_utf8_lossy(&output.stdout).contains("plaintext-in-package"));
    }
    // Those of kustomize come from no file.
    succeeds(&krm(folder.path(), "\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}", &flags("")));
    for config in [credentials("regcred.dev/allow-plaintext-in-git: 'true'"), flags(", allow-plaintext-in-git: 'true'")]
    {
        let output = krm(folder.path(), KPTFILE, &config);
        succeeds(&output);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("kind: Secret\n") && !said.contains("results:"), "{said}");
    }
    let output = krm(folder.path(), KPTFILE, &credentials("regcred.dev/allow-plaintext-in-git: 'yes'"));
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("neither `true` nor `false`"));
}
