//! What is read besides variables: files too long for a Secret, pipes, and descriptors that a shell opens.

#![cfg(test)]
#![cfg(unix)]

mod regcred;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use regcred::regcred;

const LOGIN: &str = r#"{"auths":{"ghcr.io":{"username":"acme","password":"canary-of-the-pipe"}}}"#;

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A pipe with a name, into which `text` is written as soon as somebody reads.
fn pipe(path: &Path, text: &'static str) -> std::thread::JoinHandle<()> {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    let path = path.to_owned();
    std::thread::spawn(move || fs::File::options().write(true).open(path).unwrap().write_all(text.as_bytes()).unwrap())
}

#[test]
fn a_named_pipe_may_hold_the_namespaces_and_the_docker_config() {
    let folder = tempfile::tempdir().unwrap();
    let writers =
        [pipe(&folder.path().join("logins"), LOGIN), pipe(&folder.path().join("namespaces"), "team-a\nteam-b\n")];
    let arguments = ["render", "--docker-config-file", "logins", "--namespaces-from", "namespaces", "--shape", "json"];
    let output = regcred(folder.path(), &[], &arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout).matches("\"kind\":\"Secret\"").count(), 2);
    for writer in writers {
        writer.join().unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_descriptor_that_the_shell_opened_may_hold_the_namespaces_and_the_docker_config() {
    let script = format!(
        "'{}' render --docker-config-file /dev/fd/3 --namespaces-from /dev/fd/4 --shape json 3<<'A' 4<<'B'\n{LOGIN}\nA\nteam-a\nB\n",
        env!("CARGO_BIN_EXE_regcred")
    );
    let output = Command::new("sh").args(["-c", &script]).env_clear().output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout).matches("\"kind\":\"Secret\"").count(), 1);
}

#[test]
fn a_docker_config_over_1_mib_is_refused_and_one_below_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    for (entries, fits) in [(9_000, true), (12_000, false)] {
        let entries: Vec<_> = (0..entries)
            .map(|number| {
                format!(r#""r{number:05}.example.com":{{"username":"acme","password":"canary-of-the-file"}}"#)
            })
            .collect();
        let mut file = fs::File::create(&path).unwrap();
        write!(file, r#"{{"auths":{{{}}}}}"#, entries.join(",")).unwrap();
        let output = regcred(
            folder.path(),
            &[],
            &["render", "-n", "a", "--link", "none", "--docker-config-file", "config.json"],
        );
        let text = stderr(&output);
        if fits {
            assert!(output.status.success(), "{text}");
        } else {
            assert_eq!(output.status.code(), Some(1), "{text}");
            assert!(output.stdout.is_empty());
            assert!(text.contains("bytes, and a Secret holds 1048576 at most"), "{text}");
            assert!(text.contains("split the logins over several pull secrets"), "{text}");
        }
        assert!(!text.contains("canary-of-the-file"), "{text}");
    }
}
