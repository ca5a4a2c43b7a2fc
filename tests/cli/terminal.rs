//! Checks on a pseudo-terminal that no secret is shown.

use std::io::Read;
use std::process::{Command, Stdio};

use crate::harness::pty;

const LOGIN: (&str, &str) =
    ("DOCKERHUB_AUTH", r#"{"auths":{"ghcr.io":{"username":"acme","password":"canary-of-the-terminal"}}}"#);
/// The common part of all forms of that Docker config: the beginning of its base64, and of its `auth`.
const CANARIES: [&str; 4] = ["canary-of-the-terminal", "eyJhdXRocyI6e", "YWNtZTpjYW5hcnk", "\"auths\""];

/// The output on the terminal, and on stderr.
fn shown(arguments: &[&str]) -> (String, String) {
    let (mut controller, terminal) = pty::pair();
    let folder = tempfile::tempdir().unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_regcred"))
        .args(arguments)
        .env_clear()
        .envs([LOGIN])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::from(terminal))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        // When the last program has left a terminal, reading from it is an error.
        let _ = controller.read_to_end(&mut text);
        String::from_utf8(text).unwrap().replace("\r\n", "\n")
    });
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    (reader.join().unwrap(), stderr)
}

#[test]
fn no_format_shows_a_secret_on_a_terminal() {
    for arguments in [
        &["render", "-n", "a"][..],
        &["render", "-n", "a", "--format", "json"],
        &["render", "--strategy", "patcher"],
        &["render", "-n", "a", "--format", "helm-values"],
        &["render", "--format", "helm-values", "--chart", "tamcore"],
        &["render", "--format", "docker-config"],
        &["render", "--format", "docker-config", "--raw"],
    ] {
        let (text, stderr) = shown(arguments);
        assert!(text.contains("<redacted, ") && text.contains(" bytes>"), "{arguments:?}: {text}");
        assert!(stderr.contains("not shown on a terminal"), "{arguments:?}: {stderr}");
        for canary in CANARIES {
            assert!(!text.contains(canary) && !stderr.contains(canary), "{arguments:?}: {canary} in {text}{stderr}");
        }
    }
}

#[test]
fn what_is_shown_of_a_secret_is_yaml_in_which_a_word_of_1_1_stays_a_name() {
    let (text, _) = shown(&["render", "-n", "on", "--link", "none"]);
    assert!(text.contains("  namespace: \"on\"\n"), "{text}");
}

#[test]
fn what_holds_no_secret_is_shown_in_full() {
    let (text, stderr) = shown(&["verify"]);
    assert_eq!(text, "the logins are well-formed (no registry was asked):\n  ghcr.io\n");
    assert_eq!(stderr, "");
}
