//! Tests trees of sealed files: a second run, a change, and a kill.

#![expect(clippy::disallowed_methods, reason = "fixtures are files")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::harness::forged::{edit_line, forge};
use crate::harness::interrupted::{Left, Moment, kill};
use crate::harness::regcred::regcred;
use crate::harness::sealing::Place;

const KEY: &str = "canary-key-0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const RENDER: [&str; 7] = ["render", "--no-config", "--format", "kustomization", "--protect", "sealed", "--output=out"];

fn login(password: &str) -> String {
    format!(r#"{{"auths":{{"ghcr.io":{{"username":"u","password":"canary-{password}"}}}}}}"#)
}

impl Place {
    fn out(&self) -> PathBuf {
        self.0.path().join("out")
    }

    fn seal(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
        let output = regcred(self.0.path(), variables, &[&RENDER[..], arguments].concat());
        assert!(!said(&output).contains("canary"), "{}", said(&output));
        output
    }

    #[track_caller]
    fn sealed_by(&self, password: &str, arguments: &[&str]) -> Output {
        let login = login(password);
        let output = self.seal(&[("DOCKERHUB_AUTH", &login), ("REGCRED_FINGERPRINT_KEY", KEY)], arguments);
        assert!(output.status.success(), "{}", said(&output));
        output
    }

    /// The identity, the write time and the bytes of every file.
    fn seen(&self) -> BTreeMap<String, (u64, i64, i64, String)> {
        let mut seen = BTreeMap::new();
        let mut folders = vec![self.out()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let (path, metadata) = (entry.path(), entry.metadata().unwrap());
                if metadata.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(self.out()).unwrap().to_str().unwrap().to_owned();
                    let text = fs::read_to_string(&path).unwrap();
                    seen.insert(name, (metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), text));
                }
            }
        }
        seen
    }
}

/// The messages, without the recipients of a first run.
fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.split_inclusive('\n').filter(|line| !line.starts_with("note: first run: ")).collect()
}

/// The fingerprint of the key of `rsa-4096.pem`.
const OTHER: &str = "21e561266ab65fad89a5f87b49f03af7bb563b658278034d6c93aa9d43e5dec1";

fn changed<T: PartialEq>(before: &BTreeMap<String, T>, after: &BTreeMap<String, T>) -> BTreeSet<String> {
    let paths = before.keys().chain(after.keys());
    paths.filter(|path| before.get(*path) != after.get(*path)).cloned().collect()
}

fn sealed(namespace: &str) -> String {
    format!("namespaces/{namespace}/sealedsecret-image-pull-secret.yaml")
}

const A_B: [&str; 4] = ["-n", "a,b", "--sealing-cert", "rsa-2048.pem"];

#[test]
fn a_second_run_writes_nothing_and_a_change_reaches_what_it_is_about() {
    let place = Place::new();
    place.sealed_by("1", &A_B);
    let first = place.seen();
    assert!(first.values().all(|(.., text)| !text.contains("canary")));
    place.sealed_by("1", &A_B);
    assert_eq!(place.seen(), first);
    let both = BTreeSet::from(["a", "b"].map(sealed));
    let and_lock = |paths: &BTreeSet<String>| paths.iter().cloned().chain(["regcred.lock".to_owned()]).collect();

    place.sealed_by("2", &A_B);
    let second = place.seen();
    assert_eq!(changed(&first, &second), and_lock(&both), "another password");
    place.sealed_by("2", &["-n", "a,b", "--sealing-cert", "rsa-4096.pem", "--accept-recipient", OTHER]);
    let third = place.seen();
    assert_eq!(changed(&second, &third), and_lock(&both), "another certificate");
    place.sealed_by("2", &["-n", "a,b", "--sealing-cert", "rsa-4096.pem", "--reseal"]);
    assert_eq!(changed(&third, &place.seen()), and_lock(&both), "--reseal");
    place.sealed_by("2", &["-n", "b", "--sealing-cert", "rsa-4096.pem"]);
    assert!(!place.out().join("namespaces/a").exists());
}

#[test]
fn a_merge_request_compares_what_it_can_and_says_what_it_cannot() {
    let place = Place::new();
    place.sealed_by("1", &A_B);
    let check = |variables: &[(&str, &str)], arguments: &[&str]| {
        let output = place.seal(variables, &[arguments, &["--check"]].concat());
        (output.status.code().unwrap(), said(&output))
    };
    let (code, text) = check(&[], &A_B);
    assert!(code == 0 && text.contains("there are no credentials") && text.contains("encrypted"), "{text}");
    let (code, text) = check(&[], &["-n", "a,b", "--sealing-cert", "rsa-4096.pem"]);
    assert!(code == 3 && text.contains(&format!("stale: {}", sealed("a"))), "{text}");
    let (code, text) = check(&[], &["-n", "a", "--sealing-cert", "rsa-2048.pem"]);
    assert!(code == 3 && text.contains(&format!("left over: {}", sealed("b"))), "{text}");
    let (right, wrong) = (login("1"), login("2"));
    let (code, text) = check(&[("DOCKERHUB_AUTH", &wrong)], &A_B);
    assert!(code == 0 && text.contains("`REGCRED_FINGERPRINT_KEY` is not set"), "{text}");
    let with_key = |login: &str| check(&[("DOCKERHUB_AUTH", login), ("REGCRED_FINGERPRINT_KEY", KEY)], &A_B);
    assert_eq!(with_key(&right), (0, String::new()));
    let (code, text) = with_key(&wrong);
    assert!(code == 3 && text.contains(&format!("stale: {}", sealed("b"))), "{text}");
    fs::write(place.out().join(sealed("a")), "edited").unwrap();
    let (code, text) = check(&[], &A_B);
    assert!(code == 3 && text.contains(&format!("different: {}", sealed("a"))), "{text}");
}

#[test]
fn what_is_no_sealed_secret_for_this_key_is_found_without_a_login_and_without_a_key() {
    let place = Place::new();
    place.sealed_by("1", &A_B);
    let path = sealed("a");
    let (good, lock) =
        (fs::read_to_string(place.out().join(&path)).unwrap(), fs::read(place.out().join("regcred.lock")).unwrap());
    let value = good.lines().find_map(|line| line.trim().strip_prefix(".dockerconfigjson: ")).unwrap();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: image-pull-secret, namespace: a}\ndata: {.dockerconfigjson: eyJhdXRocyI6e319}\n";
    let longer = |extra: &str| good.replace(value, &format!("{value}{extra}"));
    for (number, text) in [
        secret.to_owned(),
        good.replace(value, "eyJhdXRocyI6e319"),
        good.replace(value, &value[..value.len() / 4 * 2]),
        longer("!"),
        longer("\n    other: clear"),
        good.replace("namespace: a", "namespace: b"),
        format!("{good}---\n{secret}"),
        format!("# {secret}{good}"),
        String::new(),
    ]
    .into_iter()
    .enumerate()
    {
        forge(&place.out(), &path, &text);
        for variables in [&[][..], &[("REGCRED_FINGERPRINT_KEY", KEY)], &[("DOCKERHUB_AUTH", &login("1"))]] {
            let found = place.seal(variables, &[&A_B[..], &["--check"]].concat());
            // A login in clear is an error, not only a difference.
            let (code, what) = if text.contains("eyJhdXRocyI6e319") {
                (1, format!("`{path}` holds a login in clear"))
            } else {
                (3, format!("different: {path}"))
            };
            assert_eq!((found.status.code(), said(&found).contains(&what)), (Some(code), true), "{number}");
        }
        fs::write(place.out().join("regcred.lock"), &lock).unwrap();
    }
    // If the value was sealed for somebody else, only the key shows it.
    let others = Place::new();
    others.sealed_by("1", &A_B);
    let other = fs::read_to_string(others.out().join(&path)).unwrap();
    forge(&place.out(), &path, &other);
    let code = |variables: &[(&str, &str)]| place.seal(variables, &[&A_B[..], &["--check"]].concat()).status.code();
    assert_eq!((code(&[]), code(&[("REGCRED_FINGERPRINT_KEY", KEY)])), (Some(0), Some(3)));
    edit_line(&place.out(), &path, |field| field != "signature");
    assert_eq!(code(&[("REGCRED_FINGERPRINT_KEY", KEY)]), Some(3));
}

#[test]
fn one_file_of_sealed_documents_keeps_its_bytes_while_nothing_changed() {
    let place = Place::new();
    let run = |password: &str, namespaces: &str, more: &[&str]| {
        let login = login(password);
        let render = ["render", "--no-config", "--protect", "sealed", "--output", "all.yaml", "--create-namespaces"];
        let variables = [("DOCKERHUB_AUTH", &*login), ("REGCRED_FINGERPRINT_KEY", KEY)];
        let output = regcred(place.0.path(), &variables, &[&render[..], &["-n", namespaces], more].concat());
        (output.status.code().unwrap(), said(&output))
    };
    let certificate = ["--sealing-cert", "rsa-2048.pem"];
    let checked = ["--sealing-cert", "rsa-2048.pem", "--check"];
    let file = place.0.path().join("all.yaml");
    let read = || fs::read_to_string(&file).unwrap();
    let values = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.contains(".dockerconfigjson: ")).map(str::to_owned).collect()
    };
    assert_eq!(run("1", "a,c", &certificate), (0, String::new()));
    let (first, inode) = (read(), fs::metadata(&file).unwrap().ino());
    assert_eq!(run("1", "a,c", &certificate), (0, String::new()));
    assert_eq!((read(), fs::metadata(&file).unwrap().ino()), (first.clone(), inode), "not even written");
    assert_eq!(run("1", "a,c", &checked), (0, String::new()));
    assert_eq!(run("2", "a,c", &checked).0, 3);

    assert_eq!(run("1", "a,b,c", &certificate), (0, String::new()));
    let second = read();
    let (old, new) = (values(&first), values(&second));
    assert_eq!((new.len(), &new[0], &new[2]), (3, &old[0], &old[1]), "one was added between two that stay");

    let kept = second
        .split("---\n")
        .filter(|document| !document.contains("SealedSecret") || !document.contains("namespace: b"));
    fs::write(&file, kept.collect::<Vec<_>>().join("---\n")).unwrap();
    assert_eq!(run("1", "a,b,c", &checked).0, 3, "one was taken out");
    fs::write(&file, second.replace(&new[0], "    .dockerconfigjson: eyJ4IjoxfQ==")).unwrap();
    assert_eq!(run("1", "a,b,c", &checked).0, 3);
    let (code, text) = run("1", "a,b,c", &certificate);
    assert!(code == 0 && text.contains("the file of `--output` was edited since regcred wrote it"), "{text}");
    let third = values(&read());
    assert_eq!(&third[1..], &new[1..]);
    let (code, text) = run("1", "a,b,c", &["--sealing-cert", "rsa-4096.pem"]);
    assert!(code == 1 && text.contains("for another recipient than before") && text.contains(OTHER), "{text}");
    assert_eq!(values(&read()), third);
    let (code, text) = run("1", "a,b,c", &["--sealing-cert", "rsa-4096.pem", "--accept-recipient", OTHER]);
    assert_eq!(
        (code, &*text),
        (0, "note: 1 encrypted file is encrypted again: approved recipients or sops rules changed\n")
    );
    assert_eq!(run("1", "a,b,c", &["--sealing-cert", "rsa-4096.pem", "--check"]), (0, String::new()));
}

#[test]
fn a_key_that_could_be_guessed_is_refused_without_its_value() {
    let place = Place::new();
    let login = login("1");
    let output = place.seal(&[("DOCKERHUB_AUTH", &login), ("REGCRED_FINGERPRINT_KEY", "canary")], &A_B);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("`REGCRED_FINGERPRINT_KEY` has fewer than 32 characters"), "{}", said(&output));
    assert!(said(&output).contains("openssl rand -hex 32") && !place.out().exists());
}

#[test]
fn killed_at_any_moment_the_next_run_completes_what_the_first_began() {
    let place = Place::new();
    let namespaces = (0..150).map(|number| format!("team-{number}")).collect::<Vec<_>>().join(",");
    let arguments = ["-n", &namespaces, "--sealing-cert", "rsa-2048.pem"];
    let mut old = BTreeMap::new();
    let mut left = Vec::new();
    for round in 0..12_usize {
        // Every fourth round begins with an empty folder: a new tree is published in another way.
        if round % 4 == 0 && place.out().exists() {
            fs::remove_dir_all(place.out()).unwrap();
            old = BTreeMap::new();
        }
        let password = round.to_string();
        let child = Command::new(env!("CARGO_BIN_EXE_regcred"))
            .args(RENDER)
            .args(arguments)
            .env_clear()
            .env("DOCKERHUB_AUTH", login(&password))
            .env("REGCRED_FINGERPRINT_KEY", KEY)
            .current_dir(place.0.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moment = if round % 4 == 1 { Moment::Staging } else { Moment::Published(round / 4 * 40) };
        left.push(kill(child, &place.out(), moment));
        let killed = if place.out().exists() { place.seen() } else { BTreeMap::new() };
        place.sealed_by(&password, &arguments);
        let new = place.seen();
        assert_eq!(new.len(), 302, "150 namespaces, two files each; the kustomization and the lock");
        for (path, file) in killed.iter().filter(|(path, _)| !path.starts_with(".regcred-new")) {
            // Files that the killed run had put in place are kept, so no file is sealed twice.
            assert!(old.get(path) == Some(file) || new[path] == *file || path == "regcred.lock", "{round}: {path}");
        }
        place.sealed_by(&password, &arguments);
        assert_eq!(place.seen(), new, "and then it is as after a run that was left alone");
        let check = place.seal(
            &[("DOCKERHUB_AUTH", &login(&password)), ("REGCRED_FINGERPRINT_KEY", KEY)],
            &[&arguments[..], &["--check"]].concat(),
        );
        assert_eq!((check.status.code(), said(&check)), (Some(0), String::new()), "every file holds the login");
        old = new;
    }
    assert!(left.contains(&Left::Temporaries) && left.contains(&Left::Journal), "killed in the middle: {left:?}");
}
