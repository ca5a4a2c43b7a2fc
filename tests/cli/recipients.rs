//! Tests which recipients stay approved after a change: old files, old lines and copies from another cluster must not approve any.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::harness::regcred::regcred;
use crate::harness::sealing::{FIRST, KEY, LOGIN, OTHER, Place};

const A: &str = "namespaces/a/sealedsecret-image-pull-secret.yaml";
const LOCK: &str = "regcred.lock";

impl Place {
    fn render(&self, arguments: &str) -> (i32, String) {
        let arguments: Vec<_> = ["render"].into_iter().chain(arguments.split_whitespace()).collect();
        let output = regcred(self.0.path(), &[LOGIN, KEY], &arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!said.contains("canary"), "{said}");
        (output.status.code().unwrap(), said)
    }

    fn tree(&self, certificate: &str, more: &str) -> (i32, String) {
        let what = "--no-config -n a,b --protect sealed --format directory --output out";
        self.render(&format!("{what} --sealing-cert {certificate}.pem {more}"))
    }

    #[track_caller]
    fn refuses((code, said): (i32, String), recipient: &str) {
        assert!(code == 1 && said.contains(&format!("--accept-recipient {recipient}")), "{code}: {said}");
    }

    fn restore(&self, folder: &str, files: &BTreeMap<String, Vec<u8>>) {
        fs::remove_dir_all(self.path(folder)).unwrap();
        for (name, bytes) in files {
            self.put(name, std::str::from_utf8(bytes).unwrap());
        }
    }
}

/// The line of the lock with the approved recipients.
fn approved(lock: &str) -> &str {
    lock.split_inclusive('\n').find(|line| line.starts_with("# regcred recipients: ")).unwrap()
}

#[test]
fn what_was_signed_for_a_removed_recipient_does_not_bring_it_back() {
    let place = Place::new();
    assert_eq!(place.tree("rsa-2048", "").0, 0);
    let before = place.files("out");
    let (old, old_lock) = (place.text(&format!("out/{A}")), place.text("out/regcred.lock"));
    let old_line = old_lock.split_inclusive('\n').find(|line| line.starts_with(A)).unwrap();
    assert_eq!(place.tree("rsa-4096", &format!("--accept-recipient {OTHER}")).0, 0);
    let after = place.files("out");
    let lock = place.text("out/regcred.lock");
    assert!(approved(&lock).contains(&format!("{OTHER} count=2")), "{lock}");
    let attacks: [(&str, &str, String); 6] = [
        (
            "an old file under a new name, with an unsigned line",
            "namespaces/zz/s.yaml",
            format!("{lock}namespaces/zz/s.yaml\n"),
        ),
        ("an old file in its place, with its old line", A, format!("{lock}{old_line}")),
        ("the same, with the old recipients", A, format!("{lock}{old_line}{}", approved(&old_lock))),
        ("the old recipients alone", A, lock.replace(approved(&lock), approved(&old_lock)) + old_line),
        ("no recipients", A, lock.replace(approved(&lock), "") + old_line),
        ("no lock", A, String::new()),
    ];
    for (what, path, lock) in attacks {
        place.put(&format!("out/{path}"), &old);
        place.put(&format!("out/{LOCK}"), &lock);
        println!("{what}");
        Place::refuses(place.tree("rsa-2048", ""), FIRST);
        place.restore("out", &after);
    }
    // A complete older state has valid signatures.
    place.restore("out", &before);
    assert_eq!(place.tree("rsa-2048", "").0, 0);
}

#[test]
fn a_lock_that_has_lost_its_recipients_is_stale_and_takes_them_from_the_flag() {
    let place = Place::new();
    assert_eq!(place.tree("rsa-2048", "").0, 0);
    let lock = place.text("out/regcred.lock");
    place.put("out/regcred.lock", &lock.replace(approved(&lock), ""));
    let (code, said) = place.tree("rsa-2048", "--check");
    assert!(code == 3 && said.contains("stale: regcred.lock"), "{said}");
    Place::refuses(place.tree("rsa-2048", ""), FIRST);
    assert_eq!(place.tree("rsa-2048", &format!("--accept-recipient {FIRST}")).0, 0);
    assert_eq!(place.text("out/regcred.lock"), lock);
    assert_eq!(place.tree("rsa-2048", "--check"), (0, String::new()));
}

#[test]
fn the_first_protection_of_a_plain_folder_is_asked_for_and_accuses_nobody() {
    let place = Place::new();
    assert_eq!(place.render("--no-config -n a,b --format directory --output out").0, 0);
    let (code, said) = place.tree("rsa-2048", "");
    assert!(said.contains("`regcred.lock` names no recipient, so") && !said.contains("than before"), "{said}");
    Place::refuses((code, said), FIRST);
    assert_eq!(place.tree("rsa-2048", &format!("--accept-recipient {FIRST}")).0, 0);
    assert_eq!(place.tree("rsa-2048", "--check"), (0, String::new()));
}

#[test]
fn a_lock_that_is_gone_is_named_as_the_cause_and_accuses_nobody() {
    let place = Place::new();
    assert_eq!(place.tree("rsa-2048", "").0, 0);
    let lock = place.text("out/regcred.lock");
    fs::remove_file(place.path("out/regcred.lock")).unwrap();
    let cause = "`regcred.lock` is missing although encrypted files exist, so";
    let hint = "restore it: `git checkout HEAD -- regcred.lock` in that folder; if a commit changed it";
    let before = place.files("out");
    for more in ["", "--check"] {
        for certificate in ["rsa-2048", "rsa-4096"] {
            let (ended, said) = place.tree(certificate, more);
            assert!(ended == 1 && said.contains(cause) && said.contains(hint), "{certificate} {more}: {said}");
            assert!(said.contains(" not approved") && !said.contains("stale: regcred.lock"), "{said}");
            assert!(!said.contains("for another recipient than before"), "{said}");
        }
    }
    Place::refuses(place.tree("rsa-4096", ""), OTHER);
    // Without the key the files prove nothing.
    let alone = "`regcred.lock` is missing, so nothing proves that regcred wrote `";
    for (more, words) in [("", alone), ("--check", cause)] {
        let what =
            format!("-n a,b --protect sealed --format directory --output out --sealing-cert rsa-2048.pem {more}");
        let arguments: Vec<_> = ["render", "--no-config"].into_iter().chain(what.split_whitespace()).collect();
        let output = regcred(place.0.path(), &[LOGIN], &arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        let is_named = said.contains(words) && said.contains(hint);
        assert!(output.status.code() == Some(1) && is_named && !said.contains("merge"), "{said}");
    }
    // A run passes if it gets the recipients in another way, and then the comparison does, too.
    let accepted = format!("--check --accept-recipient {FIRST}");
    assert_eq!(place.tree("rsa-2048", &accepted).0, 3);
    let listed = "-n a,b --protect sealed --format directory --output out --sealing-cert rsa-2048.pem --check";
    let arguments: Vec<_> = ["render", "--no-config"].into_iter().chain(listed.split_whitespace()).collect();
    let output = regcred(place.0.path(), &[LOGIN, KEY, ("REGCRED_RECIPIENTS", FIRST)], &arguments);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(place.files("out"), before);
    assert_eq!(place.tree("rsa-2048", &format!("--accept-recipient {FIRST}")).0, 0);
    assert_eq!(place.text("out/regcred.lock"), lock);
}

#[test]
fn an_old_document_beside_the_new_ones_of_a_single_file_approves_nobody() {
    let place = Place::new();
    let render = |certificate: &str, more: &str| {
        let what = "--no-config -n a,b --protect sealed --link none --output out.yaml";
        place.render(&format!("{what} --sealing-cert {certificate}.pem {more}"))
    };
    assert_eq!(render("rsa-2048", "").0, 0);
    let old = place.text("out.yaml");
    let (_, old_a) = old.split_once('\n').unwrap();
    let (old_a, _) = old_a.split_once("---\n").unwrap();
    assert_eq!(render("rsa-4096", &format!("--accept-recipient {OTHER}")).0, 0);
    let new = place.text("out.yaml");
    let (head, documents) = new.split_once('\n').unwrap();
    for text in [
        format!("{new}---\n{old_a}"),
        format!("{head}\n{old_a}---\n{documents}"),
        format!("{new}---\n{}", old_a.replace("mark: a/", "mark: z/")),
    ] {
        place.put("out.yaml", &text);
        Place::refuses(render("rsa-2048", ""), FIRST);
    }
    // Another list of namespaces does not change the recipient.
    place.put("out.yaml", &new);
    let moved = "--no-config -n c --protect sealed --link none --output out.yaml --sealing-cert";
    Place::refuses(place.render(&format!("{moved} rsa-2048.pem")), FIRST);
    assert_eq!(place.render(&format!("{moved} rsa-4096.pem")).0, 0);
}

#[test]
fn the_files_of_one_cluster_approve_nothing_in_another() {
    let place = Place::new();
    let config = |of_us: &str| {
        format!(
            "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {{name: acme}}\nspec:\n  protect: sealed\n  \
             format: directory\n  pullSecrets:\n  - {{name: image-pull-secret, namespaces: {{include: [a]}}}}\n  clusters:\n  \
             - {{name: eu, sealing: {{certificate: rsa-2048.pem}}}}\n  - {{name: us, sealing: {{certificate: {of_us}.pem}}}}\n"
        )
    };
    place.put("regcred.yaml", &config("rsa-4096"));
    let (code, said) = place.render("--output out");
    assert_eq!(code, 0, "{said}");
    place.put("regcred.yaml", &config("rsa-2048"));
    Place::refuses(place.render("--output out"), FIRST);
    for name in [A, LOCK] {
        fs::copy(place.path(&format!("out/eu/{name}")), place.path(&format!("out/us/{name}"))).unwrap();
    }
    Place::refuses(place.render("--output out"), FIRST);
}

#[test]
fn a_lock_of_another_key_of_fingerprints_is_told_from_a_new_recipient() {
    let place = Place::new();
    let head = "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\n";
    let cluster = "  - {name: eu, sealing: {certificate: rsa-2048.pem}}\n";
    let text = format!(
        "{head}spec:\n  protect: sealed\n  pullSecrets: [{{namespaces: {{include: [a]}}}}]\n  clusters:\n{cluster}"
    );
    place.put("regcred.yaml", &text);
    assert_eq!(place.render("--output out").0, 0);
    let before = place.files("out");
    let key = ("REGCRED_FINGERPRINT_KEY", "f1e0d3c2b5a497867968a5b4c3d2e1f0");
    let output = regcred(place.0.path(), &[LOGIN, key], &["render", "--output", "out"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("`regcred.lock` names it, signed with another `REGCRED_FINGERPRINT_KEY`, for another folder or cluster, or outside of a fleet: set the old key"),
        "{said}"
    );
    assert_eq!((output.status.code(), place.files("out")), (Some(1), before));
}

#[test]
fn a_folder_from_before_the_fleet_needs_approval_and_the_hint_says_so() {
    let place = Place::new();
    assert_eq!(place.tree("rsa-2048", "").0, 0);
    fs::create_dir(place.path("fleet")).unwrap();
    fs::rename(place.path("out"), place.path("fleet/eu")).unwrap();
    let head = "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\n";
    let text = format!(
        "{head}spec:\n  protect: sealed\n  pullSecrets: [{{namespaces: {{include: [a]}}}}]\n  clusters:\n  - {{name: eu, sealing: {{certificate: rsa-2048.pem}}}}\n"
    );
    place.put("regcred.yaml", &text);
    let (code, said) = place.render("--output fleet");
    assert!(code == 1 && said.contains("or outside of a fleet: set the old key"), "{said}");
    assert!(
        said.contains("or put the folder or the name of the cluster back; if it was meant, add `--accept-recipient ")
    );
    assert_eq!(place.render(&format!("--output fleet --accept-recipient {FIRST}")).0, 0);
}

#[test]
fn a_login_in_clear_in_the_place_of_an_encrypted_one_fails_the_comparison() {
    let place = Place::new();
    assert_eq!(place.tree("rsa-2048", "").0, 0);
    let sealed = place.text(&format!("out/{A}"));
    let config = r#"{"auths":{"ghcr.io":{"username":"u","password":"canary"}}}"#;
    let data = STANDARD.encode(config);
    for clear in [
        format!("apiVersion: v1\nkind: Secret\ndata:\n  .dockerconfigjson: {data}\n"),
        format!("apiVersion: v1\nkind: Secret\nstringData:\n  .dockerconfigjson: '{config}'\n"),
        format!("{sealed}---\nkind: Secret\ndata: {{\".dockerconfigjson\": \"{data}\"}}\n"),
    ] {
        place.put(&format!("out/{A}"), &clear);
        let what = "--no-config -n a,b --protect sealed --format directory --output out --sealing-cert rsa-2048.pem";
        for variables in [&[LOGIN, KEY][..], &[KEY], &[]] {
            let arguments: Vec<_> = ["render", "--check"].into_iter().chain(what.split(' ')).collect();
            let output = regcred(place.0.path(), variables, &arguments);
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains(&format!("`{A}` holds a login in clear")) && said.contains("rotate"), "{said}");
            assert!(!said.contains("canary") && !said.contains(&data), "{said}");
        }
        let (code, said) = place.tree("rsa-2048", "");
        assert!(code == 0 && said.contains("warning: ") && said.contains("holds a login in clear"), "{said}");
        assert!(!place.text(&format!("out/{A}")).contains(&data));
    }
}

#[test]
fn where_recipients_are_listed_only_a_flag_puts_logins_in_clear_into_a_file() {
    let file = |of_all: &str, of_one: &str| {
        format!(
            "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {{name: acme}}\nspec:\n{of_all}  pullSecrets:\n  \
             - namespaces: {{include: [a]}}\n{of_one}"
        )
    };
    let of_a_cluster = "  clusters:\n  - {name: eu, protect: plain}\n";
    let all = "  protect: sealed\n  sealing: {certificate: rsa-2048.pem}\n";
    let list = ("REGCRED_RECIPIENTS", FIRST);
    let outputs =
        ["--output x.yaml", "--format directory --output out", "--format docker-config --link none --output x.json"];
    for (text, outputs) in [
        (file("  protect: plain\n", ""), &outputs[..]),
        (file("", ""), &outputs[..]),
        (file(all, of_a_cluster), &["--cluster eu --output out"][..]),
    ] {
        for output in outputs {
            let place = Place::new();
            place.put("regcred.yaml", &text);
            let run = |variables: &[(&str, &str)], arguments: &str| {
                let arguments = format!("render {output} {arguments}");
                let arguments: Vec<_> = arguments.split_whitespace().collect();
                let output = regcred(place.0.path(), variables, &arguments);
                (output.status.code(), String::from_utf8(output.stderr).unwrap())
            };
            for more in ["", "--check", "--allow-plaintext-in-git"] {
                let (code, said) = run(&[LOGIN, KEY, list], more);
                assert!(code == Some(1) && said.contains("would hold the logins in clear"), "{output} {more}: {said}");
                assert!(!place.path("out").exists() && !place.path("x.yaml").exists() && !said.contains("canary"));
            }
            for (variables, more) in [(&[LOGIN, KEY, list][..], "--protect plain"), (&[LOGIN, KEY], "")] {
                let (code, said) = run(variables, more);
                assert_eq!(code, Some(0), "{output} {more}: {said}");
            }
        }
    }
    let place = Place::new();
    place.put("regcred.yaml", &file("  protect: plain\n", ""));
    let output = regcred(place.0.path(), &[LOGIN, list], &["render"]);
    assert!(output.status.success() && !output.stdout.is_empty(), "a pipe, for example to kubectl");
    if cfg!(target_os = "linux") {
        let mut redirected = std::process::Command::new(env!("CARGO_BIN_EXE_regcred"));
        redirected.arg("render").env_clear().envs([LOGIN, list]).current_dir(place.0.path());
        let output = redirected.stdout(fs::File::create(place.path("x.yaml")).unwrap()).output().unwrap();
        assert_eq!((output.status.code(), place.text("x.yaml")), (Some(1), String::new()), "{output:?}");
    }
}

#[test]
fn a_guard_that_lists_nothing_is_an_error_in_every_verb_that_reads() {
    let place = Place::new();
    for name in
        ["REGCRED_RECIPIENTS", "REGCRED_ALLOWED_VARIABLES", "REGCRED_ALLOWED_REGISTRIES", "REGCRED_ALLOWED_CONTEXTS"]
    {
        for value in ["", ",", " ,\n,"] {
            for verb in
                [&["render", "-n", "a"][..], &["verify"], &["krm"], &["inject"], &["fetch-cert", "--output", "x.pem"]]
            {
                let output = regcred(place.0.path(), &[LOGIN, (name, value)], verb);
                let said = String::from_utf8(output.stderr).unwrap();
                assert_eq!(output.status.code(), Some(1), "{name} {value:?} {verb:?}: {said}");
                assert!(said.contains(&format!("`{name}` is set, but empty, and would confine nothing")), "{said}");
            }
        }
    }
}
