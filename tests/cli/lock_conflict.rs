//! Tests the conflict in the lock after Git merged two branches that each add a namespace.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use crate::harness::regcred::regcred;

const KEY: &str = "canary-key-0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const LOGIN: &str = r#"{"auths":{"ghcr.io":{"username":"u","password":"canary"}}}"#;
const B: &str = "out/namespaces/b/sealedsecret-image-pull-secret.yaml";
const C: &str = "out/namespaces/c/sealedsecret-image-pull-secret.yaml";

fn git(folder: &Path, arguments: &[&str]) -> bool {
    let identity = ["-c", "user.name=n", "-c", "user.email=n@example.com", "-c", "commit.gpgsign=false"];
    let output = Command::new("git").args(identity).args(arguments).current_dir(folder).output().unwrap();
    output.status.success()
}

fn render(folder: &Path, namespaces: &str, more: &[&str]) -> Output {
    render_with(folder, namespaces, more, &[("DOCKERHUB_AUTH", LOGIN), ("REGCRED_FINGERPRINT_KEY", KEY)])
}

fn render_with(folder: &Path, namespaces: &str, more: &[&str], variables: &[(&str, &str)]) -> Output {
    let certificate = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates/rsa-2048.pem");
    fs::copy(certificate, folder.join("cert.pem")).unwrap();
    let format = ["--format", "directory", "--protect", "sealed", "--sealing-cert", "cert.pem", "--output", "out"];
    let arguments = [&["render", "--no-config", "-n", namespaces], &format[..], more].concat();
    regcred(folder, variables, &arguments)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A merge of two branches, before it is resolved: one added the namespace `b`, the other `c`.
fn merge(style: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let commit = |namespaces: &str| {
        assert!(render(root, namespaces, &[]).status.success());
        assert!(git(root, &["add", "."]) && git(root, &["commit", "--quiet", "--message", namespaces]));
    };
    assert!(git(root, &["init", "--quiet", "--initial-branch", "ours"]));
    assert!(git(root, &["config", "merge.conflictStyle", style]));
    // As if Git did not read our .gitattributes.
    fs::File::create(root.join(".git/info/attributes")).unwrap().write_all(b"regcred.lock merge=text\n").unwrap();
    commit("a");
    assert!(git(root, &["checkout", "--quiet", "-b", "theirs"]));
    commit("a,c");
    assert!(git(root, &["checkout", "--quiet", "ours"]));
    commit("a,b");
    assert!(!git(root, &["merge", "theirs"]), "a conflict");
    folder
}

#[test]
fn a_conflict_in_the_lock_is_read_from_both_sides_and_written_anew() {
    for style in ["merge", "diff3"] {
        let folder = merge(style);
        let root = folder.path();
        let before = [B, C].map(|path| fs::read(root.join(path)).unwrap());
        let check = render(root, "a,b,c", &["--check"]);
        assert!(check.status.code() == Some(3) && said(&check).contains("stale: regcred.lock"), "{}", said(&check));
        assert!(fs::read_to_string(root.join("out/regcred.lock")).unwrap().contains("<<<<<<<"), "it writes nothing");
        let output = render(root, "a,b,c", &[]);
        assert!(output.status.success(), "{}", said(&output));
        assert!(
            said(&output).contains("warning: `regcred.lock` has a merge conflict: both sides"),
            "{}",
            said(&output)
        );
        assert_eq!([B, C].map(|path| fs::read(root.join(path)).unwrap()), before, "nothing is re-encrypted");
        let check = render(root, "a,b,c", &["--check"]);
        assert_eq!((check.status.code(), said(&check)), (Some(0), String::new()));
    }
}

#[test]
fn what_neither_side_wants_any_more_goes() {
    let folder = merge("merge");
    assert!(render(folder.path(), "a,b", &[]).status.success());
    assert!(folder.path().join(B).exists() && !folder.path().join(C).exists());
}

#[test]
fn with_the_lock_of_one_side_the_key_proves_whose_the_files_are_and_without_it_the_hint_says_how_to_take_both() {
    let folder = merge("merge");
    let root = folder.path();
    assert!(git(root, &["checkout", "--ours", "out/regcred.lock"]));
    let refused = render_with(root, "a,b,c", &[], &[("DOCKERHUB_AUTH", LOGIN)]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("`git checkout --merge regcred.lock`"), "{}", said(&refused));
    let before = [B, C].map(|path| fs::read(root.join(path)).unwrap());
    let output = render(root, "a,b,c", &[]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!([B, C].map(|path| fs::read(root.join(path)).unwrap()), before, "nothing is sealed again");
    assert!(git(&root.join("out"), &["checkout", "--merge", "regcred.lock"]));
    let output = render(root, "a,b,c", &[]);
    assert!(output.status.success() && said(&output).contains("merge conflict"), "{}", said(&output));
}

#[test]
fn with_our_attributes_git_merges_the_lock_itself() {
    let folder = merge("merge");
    let root = folder.path();
    assert!(git(root, &["merge", "--abort"]));
    fs::remove_file(root.join(".git/info/attributes")).unwrap();
    assert!(git(root, &["merge", "theirs"]), "no conflict");
    let before = [B, C].map(|path| fs::read(root.join(path)).unwrap());
    let check = render(root, "a,b,c", &["--check"]);
    assert_eq!((check.status.code(), said(&check)), (Some(0), String::new()));
    assert_eq!([B, C].map(|path| fs::read(root.join(path)).unwrap()), before);
}
