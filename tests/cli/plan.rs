//! Tests the plan of `render`: what a forged lock, a swapped recipient, a second run and another checkout do to it.

#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "fixtures are files")]

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::regcred::regcred;
use crate::harness::sealing::{FIRST, KEY, LOGIN, OTHER, Place};

impl Place {
    /// The exit status of a run, and its messages on both streams.
    fn run(&self, variables: &[(&str, &str)], arguments: &str) -> (i32, String, String) {
        let arguments: Vec<_> = ["render", "--no-config"].into_iter().chain(arguments.split(' ')).collect();
        let output = regcred(self.0.path(), variables, &arguments);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        assert!(!stdout.contains("canary") && !stderr.contains("canary"), "{stdout}{stderr}");
        (output.status.code().unwrap(), stdout, stderr)
    }

    /// A sealed folder.
    fn sealed(&self, certificate: &str, more: &str) -> (i32, String) {
        self.sealed_with(&[LOGIN, KEY], certificate, more)
    }

    fn sealed_with(&self, variables: &[(&str, &str)], certificate: &str, more: &str) -> (i32, String) {
        let arguments =
            format!("-n a,b --protect sealed --sealing-cert {certificate}.pem --format directory --output out {more}");
        let (code, _, said) = self.run(variables, arguments.trim_end());
        (code, said)
    }
}

const SEALED_A: &str = "out/namespaces/a/sealedsecret-image-pull-secret.yaml";

#[test]
fn a_forged_lock_removes_nothing_of_others() {
    for variables in [&[LOGIN][..], &[LOGIN, KEY]] {
        let place = Place::new();
        let foreign = [
            (".env", "TOKEN=x\n"),
            ("src/main.rs", "fn main() {}\n"),
            ("package.json", "{\"name\":\"x\",\"dependencies\":{\"regcred-client\":\"1\"}}\n"),
            (".docker/config.json", "{\"auths\":{\"x\":{\"auth\":\"dTpw\"}}}\n"),
            ("x.keep", ""),
        ];
        for (name, text) in foreign {
            place.put(name, text);
        }
        let hash = "9a9a4d0fb1ae1aee5c2ffbb0f8a7c6a6e2a2b4b2f8f27a5e4e7d4a4cbb3f6d2e";
        place.put(
            "regcred.lock",
            &format!(
                "# Written by regcred\n.docker/config.json\n.env\npackage.json\nsrc/main.rs sha256={hash}\nx.keep\n"
            ),
        );
        let (code, _, said) = place.run(variables, "-n a --format directory --output .");
        assert_eq!(code, 0, "{said}");
        for (name, text) in foreign {
            assert_eq!(place.text(name), text);
        }
        assert!(!place.text("regcred.lock").contains(".env"));
    }
    let place = Place::new();
    place.put(".git/config", "[core]\n");
    place.put("regcred.lock", "# Written by regcred\n.git/config\n");
    let (code, _, said) = place.run(&[LOGIN], "-n a --format directory --output . --allow-plaintext-in-git");
    assert!(code == 1 && said.contains("`regcred.lock` is malformed at line 2"), "{said}");
    assert_eq!(place.text(".git/config"), "[core]\n");
}

#[test]
fn a_forged_lock_replaces_nothing_of_others() {
    for variables in [&[LOGIN][..], &[LOGIN, KEY]] {
        for name in [".gitattributes", "kustomization.yaml", "namespaces/a/secret-image-pull-secret.yaml"] {
            let place = Place::new();
            place.put(&format!("out/{name}"), "theirs\n");
            place.put("out/regcred.lock", &format!("# Written by regcred\n{name}\n"));
            let (code, _, said) = place.run(variables, "-n a --format kustomization --output out");
            assert!(code == 1 || name == ".gitattributes", "{name}: {said}");
            assert_eq!(place.text(&format!("out/{name}")), "theirs\n");
        }
    }
}

#[test]
fn a_committed_folder_of_temporaries_overwrites_nothing() {
    let place = Place::new();
    place.put("precious", "precious");
    place.put("out/theirs.txt", "theirs");
    place.put("out/.regcred-new/lock", "# Written by regcred\ntheirs.txt\n");
    for name in ["unfinished", "0", "1", ".gitignore"] {
        symlink("../../precious", place.path("out/.regcred-new").join(name)).unwrap();
    }
    let (code, _, said) = place.run(&[LOGIN], "-n a --format directory --output out");
    assert_eq!(code, 0, "{said}");
    assert_eq!((place.text("precious"), place.text("out/theirs.txt")), ("precious".to_owned(), "theirs".to_owned()));
    // The folder itself may be a link, too.
    fs::create_dir_all(place.path("elsewhere")).unwrap();
    place.put("elsewhere/theirs.txt", "theirs");
    symlink("../elsewhere", place.path("out/.regcred-new")).unwrap();
    let (code, _, said) = place.run(&[LOGIN], "-n b --format directory --output out");
    assert!(code == 1 && said.contains("`.regcred-new` is in the way"), "{said}");
    assert_eq!(place.files("elsewhere").len(), 1);
}

#[test]
fn a_lock_that_is_no_regular_file_is_refused_at_once() {
    let place = Place::new();
    fs::create_dir(place.path("out")).unwrap();
    symlink("/dev/zero", place.path("out/regcred.lock")).unwrap();
    let refused = || {
        let (code, _, said) = place.run(&[LOGIN], "-n a --format directory --output out");
        assert!(code == 1 && said.contains("`regcred.lock` cannot be read"), "{said}");
    };
    refused();
    fs::remove_file(place.path("out/regcred.lock")).unwrap();
    assert!(Command::new("mkfifo").arg(place.path("out/regcred.lock")).status().unwrap().success());
    refused();
}

#[test]
fn the_lock_of_before_is_refused_with_the_command_that_writes_the_folder_again() {
    let place = Place::new();
    place.put("out/regcred.lock", "{\"version\":1,\"files\":[\n]}\n");
    let (code, _, said) = place.run(&[LOGIN], "-n a --format directory --output out");
    assert!(code == 1 && said.contains("unreleased") && said.contains("delete `regcred.lock` and the files"), "{said}");
}

#[test]
fn check_with_reseal_says_what_would_be_encrypted_again() {
    let place = Place::new();
    assert_eq!(place.sealed("rsa-2048", "").0, 0);
    let (code, said) = place.sealed("rsa-2048", "--check --reseal");
    assert!(code == 3 && said.contains(&format!("to re-encrypt: {}", &SEALED_A[4..])), "{said}");
    assert!(said.contains("2 files are not current"), "{said}");
    assert_eq!(place.sealed("rsa-2048", "--check").0, 0);
}

#[test]
fn changes_are_json_objects_and_verbose_lines() {
    let place = Place::new();
    let (code, stdout, _) = place.run(&[LOGIN], "-n a --format directory --output out --check --message-format json");
    assert_eq!(code, 3);
    let changes: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(changes.len(), 2);
    let secret = changes.iter().find(|change| change["document"] == "Secret a/image-pull-secret").unwrap();
    assert_eq!(secret["path"], "namespaces/a/secret-image-pull-secret.yaml");
    assert_eq!((&secret["action"], &secret["reason"]), (&"create".into(), &"missing".into()));
    let (_, _, said) = place.run(&[LOGIN], "-v -n a,b --format directory --output out");
    assert!(said.contains("created: namespaces/a/secret-image-pull-secret.yaml"), "{said}");
    let (_, _, said) = place.run(&[LOGIN], "-v -n b --format directory --output out");
    assert!(said.contains("removed: namespaces/a/secret-image-pull-secret.yaml"), "{said}");
    let (code, stdout, _) = place.run(&[LOGIN], "-n b --format directory --output out --check --message-format json");
    assert_eq!((code, stdout.as_str()), (0, ""));
    let (code, stdout, _) = place.run(&[LOGIN], "-n b --output all.yaml --check --message-format json");
    let change: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &change["action"], &change["document"]), (3, &"create".into(), &Value::Null));
}

#[test]
fn two_runs_for_one_file_do_not_mix() {
    let place = Place::new();
    let names = |letter: &str| (0..400).map(|number| format!("{letter}{number}")).collect::<Vec<_>>().join(",");
    let start = |names: &str| {
        Command::new(env!("CARGO_BIN_EXE_regcred"))
            .args(["render", "--no-config", "--output", "all.yaml", "--link", "none", "-n", names])
            .env_clear()
            .envs([LOGIN])
            .current_dir(place.0.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    for _ in 0..4 {
        let runs = [names("a"), names("b")].map(|names| start(&names));
        for mut run in runs {
            assert!(run.wait().unwrap().success());
        }
        let text = place.text("all.yaml");
        let count = |letter: &str| text.matches(&format!("namespace: {letter}")).count();
        assert!([(400, 0), (0, 400)].contains(&(count("a"), count("b"))), "{} {}", count("a"), count("b"));
    }
}

#[test]
fn a_checkout_with_other_line_ends_is_current() {
    let place = Place::new();
    assert_eq!(place.sealed("rsa-2048", "").0, 0);
    for (name, bytes) in place.files("out") {
        fs::write(place.path(&name), String::from_utf8(bytes).unwrap().replace('\n', "\r\n")).unwrap();
    }
    let before = place.files("out");
    for variables in [&[LOGIN, KEY][..], &[KEY], &[]] {
        let (code, said) = place.sealed_with(variables, "rsa-2048", "--check");
        assert_eq!(code, 0, "{said}");
    }
    assert_eq!(place.sealed("rsa-2048", "").0, 0);
    assert_eq!(place.files("out"), before);
}

#[test]
fn a_recipient_that_nobody_has_approved_gets_nothing() {
    let place = Place::new();
    let (code, said) = place.sealed("rsa-2048", "");
    assert!(code == 0 && said.contains("first run") && said.contains(FIRST), "{said}");
    let before = place.files("out");
    let refused = |more: &str| {
        let (code, said) = place.sealed("rsa-4096", more);
        assert!(code == 1 && said.contains(&format!("--accept-recipient {OTHER}")), "{said}");
    };
    refused("");
    refused("--reseal");
    assert_eq!(place.files("out"), before);
    let (code, said) = place.sealed("rsa-4096", "--check");
    assert!(code == 3 && said.contains("for another recipient than before"), "{said}");
    // A file without its mark is no first run, because the lock has a signature for it.
    for name in [SEALED_A, "out/namespaces/b/sealedsecret-image-pull-secret.yaml"] {
        let text = place.text(name);
        let kept: String = text.split_inclusive('\n').filter(|line| !line.starts_with("# regcred mark")).collect();
        fs::write(place.path(name), kept).unwrap();
    }
    refused("");
    // Nor is a folder whose encrypted files and lines are gone, while the lock has other signatures.
    let lock: String =
        place.text("out/regcred.lock").split_inclusive('\n').filter(|line| !line.contains("sealedsecret")).collect();
    fs::write(place.path("out/regcred.lock"), lock).unwrap();
    for name in [SEALED_A, "out/namespaces/b/sealedsecret-image-pull-secret.yaml"] {
        fs::remove_file(place.path(name)).unwrap();
    }
    refused("");
    for (name, bytes) in &before {
        fs::write(place.path(name), bytes).unwrap();
    }
    let (code, said) = place.sealed("rsa-4096", &format!("--accept-recipient {OTHER}"));
    assert_eq!(code, 0, "{said}");
    assert_eq!(place.sealed("rsa-4096", "").0, 0);
}

#[test]
fn a_file_that_a_sparse_checkout_leaves_out_is_missing_with_the_reason() {
    let place = Place::new();
    place.put(".git/HEAD", "ref: refs/heads/main");
    assert_eq!(place.sealed("rsa-2048", "").0, 0);
    fs::remove_file(place.path(SEALED_A)).unwrap();
    let (code, said) = place.sealed("rsa-2048", "--check");
    assert!(code == 3 && said.contains("missing: namespaces/a") && !said.contains("sparse"), "{said}");
    place.put(".git/info/sparse-checkout", "/*\n!/out/namespaces/a\n");
    let (code, said) = place.sealed("rsa-2048", "--check");
    assert!(code == 3 && said.contains("this is a sparse checkout"), "{said}");
}

#[test]
fn what_was_signed_for_one_folder_approves_nothing_in_another() {
    let place = Place::new();
    fs::create_dir_all(place.path(".git")).unwrap();
    place.put(".git/HEAD", "ref: refs/heads/main");
    let render = |folder: &str, certificate: &str, more: &str| {
        let arguments = format!(
            "-n a,b --protect sealed --sealing-cert {certificate}.pem --format directory --output {folder}{more}"
        );
        let (code, _, said) = place.run(&[LOGIN, KEY], &arguments);
        (code, said)
    };
    let file = "namespaces/a/sealedsecret-image-pull-secret.yaml";
    assert_eq!(render("prod", "rsa-2048", "").0, 0);
    assert_eq!(render("staging", "rsa-4096", "").0, 0);
    let (theirs, lock) = (place.text(&format!("staging/{file}")), place.text("prod/regcred.lock"));
    // In place of one file, and as another file of the lock.
    place.put("prod/extra.yaml", &theirs);
    let line = place.text("staging/regcred.lock").lines().find(|line| line.contains(file)).unwrap().to_owned();
    place.put("prod/regcred.lock", &format!("{lock}{}\n", line.replace(file, "extra.yaml")));
    place.put(&format!("prod/{file}"), &theirs);
    let (code, said) = render("prod", "rsa-4096", "");
    assert!(code == 1 && said.contains(&format!("--accept-recipient {OTHER}")), "{said}");
    assert_eq!(render("prod", "rsa-2048", "").0, 0);
    // A moved folder keeps its recipient, and is re-encrypted with a warning.
    fs::rename(place.path("staging"), place.path("test")).unwrap();
    let (code, said) = render("test", "rsa-2048", "");
    assert!(code == 1 && said.contains(&format!("--accept-recipient {FIRST}")), "{said}");
    let (code, said) = render("test", "rsa-4096", "");
    assert!(code == 0 && said.contains("at another path"), "{said}");
    assert_eq!(render("test", "rsa-4096", " --check"), (0, String::new()));
}

#[test]
fn a_single_file_that_has_lost_its_marks_is_no_first_run() {
    let place = Place::new();
    let render = |certificate: &str, variables: &[(&str, &str)], more: &str| {
        let arguments = format!("-n a,b --protect sealed --sealing-cert {certificate}.pem --output out.yaml{more}");
        let (code, _, said) = place.run(variables, &arguments);
        (code, said)
    };
    // Marks from before the key are not signed: the key takes over the recipient that they name.
    assert_eq!(render("rsa-2048", &[LOGIN], "").0, 0);
    assert_eq!(render("rsa-4096", &[LOGIN, KEY], "").0, 1);
    assert_eq!(render("rsa-2048", &[LOGIN, KEY], "").0, 0);
    let whole = place.text("out.yaml");
    let without = |part: &str| {
        let keep = |word: &&str| !word.starts_with(part);
        let line = |line: &str| line.split_inclusive(' ').filter(keep).collect::<String>().trim_end().to_owned() + "\n";
        whole.lines().map(line).collect::<String>()
    };
    let marks: String = whole.split_inclusive('\n').filter(|line| !line.starts_with("# regcred mark")).collect();
    for text in [marks, without("signature="), without("content="), without("recipients=")] {
        assert_ne!(text, whole);
        place.put("out.yaml", &text);
        let (code, said) = render("rsa-4096", &[LOGIN, KEY], "");
        assert!(code == 1 && said.contains(&format!("--accept-recipient {OTHER}")), "{said}");
    }
    assert_eq!(render("rsa-4096", &[LOGIN, KEY], &format!(" --accept-recipient {OTHER}")).0, 0);
}

#[test]
fn a_list_of_recipients_is_the_only_authority() {
    let place = Place::new();
    let list = |names: &'static str| [LOGIN, KEY, ("REGCRED_RECIPIENTS", names)];
    let (code, said) = place.sealed_with(&list(OTHER), "rsa-2048", &format!("--accept-recipient {FIRST}"));
    assert!(
        code == 1 && said.contains("`REGCRED_RECIPIENTS` does not list") && said.contains("those of all clusters"),
        "{said}"
    );
    assert!(!place.path("out").exists());
    assert_eq!(place.sealed_with(&list(FIRST), "rsa-2048", "").0, 0);
    assert_eq!(place.sealed_with(&list(OTHER), "rsa-2048", "").0, 1, "also for what is current");
    assert_eq!(place.sealed_with(&list(OTHER), "rsa-4096", "").0, 0, "no flag is needed");
}

#[test]
fn a_list_of_recipients_decides_about_standard_output_too() {
    let place = Place::new();
    let render = |names: &'static str| {
        let arguments = "-n a --protect sealed --sealing-cert rsa-2048.pem";
        place.run(&[LOGIN, KEY, ("REGCRED_RECIPIENTS", names)], arguments)
    };
    let (code, out, said) = render(OTHER);
    assert!(code == 1 && out.is_empty() && said.contains("`REGCRED_RECIPIENTS` does not list"), "{said}");
    assert_eq!(render(FIRST).0, 0);
}

#[test]
fn another_key_of_fingerprints_keeps_every_ciphertext_where_the_old_one_is_known() {
    let place = Place::new();
    assert_eq!(place.sealed("rsa-2048", "").0, 0);
    let value = |place: &Place| {
        let text = place.text(SEALED_A);
        text.lines().find(|line| line.contains(".dockerconfigjson: ")).unwrap().to_owned()
    };
    let (before, marks) = (value(&place), place.text(SEALED_A));
    let new = ("REGCRED_FINGERPRINT_KEY", "f1e0d3c2b5a497867968a5b4c3d2e1f0");
    let changed = [LOGIN, new, ("REGCRED_FINGERPRINT_KEY_PREVIOUS", KEY.1)];
    let (code, said) = place.sealed_with(&changed, "rsa-2048", "");
    assert!(code == 0 && !said.contains("warning"), "{said}");
    assert_eq!(value(&place), before);
    assert_ne!(place.text(SEALED_A), marks, "signed with the new key");
    assert_eq!(place.sealed_with(&[LOGIN, new], "rsa-2048", "--check"), (0, String::new()));
}

#[test]
fn a_path_in_json_is_no_command_of_a_ci() {
    let place = Place::new();
    let path = "a##vso[task.setvariable]x/##[group].yaml";
    place.put(&format!("out/{path}"), "# Written by regcred\n");
    place.put("out/regcred.lock", &format!("# Written by regcred\n{path}\n"));
    let arguments = "-n a --format directory --output out --check --message-format json";
    let (code, out, said) = place.run(&[LOGIN], arguments);
    assert_eq!(code, 3, "{said}");
    assert!(!out.contains("##"), "{out}");
    let changes: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(changes.iter().any(|change| change["path"] == path), "{out}");
}
