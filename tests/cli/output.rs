//! Tests `--output` with a directory: a second run, changes, foreign files, kills and `--check`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Output;
use std::time::SystemTime;

use crate::harness::nobody;
use crate::harness::regcred::regcred;

const LOGIN: &str = r#"{"auths":{"ghcr.io":{"username":"acme","password":"canary-of-the-tree"}}}"#;
const OTHER_LOGIN: &str = r#"{"auths":{"ghcr.io":{"username":"acme","password":"another-password"}}}"#;

fn render(folder: &Path, namespaces: &str, login: &str, more: &[&str]) -> Output {
    let mut arguments = vec!["render", "-v", "--format", "directory", "--output", "out", "--namespaces", namespaces];
    arguments.extend(more);
    regcred(folder, &[("DOCKERHUB_AUTH", login)], &arguments)
}

fn succeeds(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(!text.contains("canary-of-the-tree"), "{text}");
    text
}

fn fails(output: &Output, status: i32, expected: &str) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{text}");
    assert!(text.contains(expected) && !text.contains("canary-of-the-tree"), "{text}");
    assert!(output.stdout.is_empty());
    text
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// Every file below a folder, with its bytes and the time of its last change.
fn files(folder: &Path) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap().map(Result::unwrap) {
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() {
                folders.push(entry.path());
            } else if metadata.is_file() {
                let name = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, (fs::read(entry.path()).unwrap(), metadata.modified().unwrap()));
            }
        }
    }
    found
}

fn names(folder: &Path) -> Vec<String> {
    files(folder).into_keys().collect()
}

#[test]
fn a_second_run_changes_no_byte_and_no_time() {
    let folder = tempfile::tempdir().unwrap();
    let text = succeeds(&render(folder.path(), "a,b", LOGIN, &["--create-namespaces"]));
    assert!(text.contains("6 files written, 0 unchanged, 0 removed"), "{text}");
    let first = files(&folder.path().join("out"));
    assert_eq!(
        first.keys().collect::<Vec<_>>(),
        [
            "cluster/namespace-a.yaml",
            "cluster/namespace-b.yaml",
            "namespaces/a/secret-image-pull-secret.yaml",
            "namespaces/a/serviceaccount-default.yaml",
            "namespaces/b/secret-image-pull-secret.yaml",
            "namespaces/b/serviceaccount-default.yaml",
            "regcred.lock",
        ]
    );
    let text = succeeds(&render(folder.path(), "b,a", LOGIN, &["--create-namespaces"]));
    assert!(text.contains("0 files written, 6 unchanged, 0 removed"), "{text}");
    assert_eq!(files(&folder.path().join("out")), first);
}

#[test]
fn a_changed_login_rewrites_exactly_the_secrets() {
    let folder = tempfile::tempdir().unwrap();
    succeeds(&render(folder.path(), "a,b", LOGIN, &[]));
    let before = files(&folder.path().join("out"));
    succeeds(&render(folder.path(), "a,b", OTHER_LOGIN, &[]));
    let after = files(&folder.path().join("out"));
    for (name, file) in &before {
        assert_eq!(*file == after[name], !name.contains("secret-"), "{name}");
    }
}

#[test]
fn a_namespace_that_is_no_longer_named_loses_its_files_and_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    succeeds(&render(folder.path(), "a,b", LOGIN, &[]));
    put(&folder.path().join("out/namespaces/a/note.txt"), "somebody's");
    let text = succeeds(&render(folder.path(), "c", LOGIN, &[]));
    assert!(text.contains("2 files written, 0 unchanged, 4 removed"), "{text}");
    assert!(!folder.path().join("out/namespaces/b").exists());
    assert_eq!(
        names(&folder.path().join("out")),
        [
            "namespaces/a/note.txt",
            "namespaces/c/secret-image-pull-secret.yaml",
            "namespaces/c/serviceaccount-default.yaml",
            "regcred.lock"
        ]
    );
}

#[test]
fn files_of_somebody_else_are_named_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let theirs = folder.path().join("out/namespaces/a/serviceaccount-default.yaml");
    put(&theirs, "somebody's");
    let text = fails(&render(folder.path(), "a,b", LOGIN, &[]), 1, "did not write");
    assert!(text.contains("`namespaces/a/serviceaccount-default.yaml`"), "{text}");
    assert_eq!(names(&folder.path().join("out")), ["namespaces/a/serviceaccount-default.yaml"]);
    assert_eq!(fs::read_to_string(theirs).unwrap(), "somebody's");
    assert!(!folder.path().join("out/.regcred-new").exists());
}

#[test]
fn a_file_of_ours_that_was_edited_is_written_anew_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    succeeds(&render(folder.path(), "a", LOGIN, &[]));
    let path = folder.path().join("out/namespaces/a/serviceaccount-default.yaml");
    let before = fs::read(&path).unwrap();
    put(&path, "edited");
    fails(&render(folder.path(), "a", LOGIN, &["--check"]), 3, "different: namespaces/a/serviceaccount-default.yaml");
    let text = succeeds(&render(folder.path(), "a", LOGIN, &[]));
    assert!(
        text.contains("warning: `namespaces/a/serviceaccount-default.yaml` was edited since regcred wrote it"),
        "{text}"
    );
    assert_eq!(fs::read(path).unwrap(), before);
}

#[test]
fn the_lock_has_a_plain_hash_of_no_secret_and_an_hmac_only_under_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let lock = || {
        let text = fs::read_to_string(folder.path().join("out/regcred.lock")).unwrap();
        let line = |name: &str| text.lines().find(|line| line.contains(name)).unwrap().to_owned();
        (line("secret-"), line("serviceaccount-"))
    };
    succeeds(&render(folder.path(), "a", LOGIN, &[]));
    let (secret, account) = lock();
    assert!(!secret.contains("sha256") && !secret.contains("hmac") && account.contains("sha256"), "{secret} {account}");
    let variables = [("DOCKERHUB_AUTH", LOGIN), ("REGCRED_FINGERPRINT_KEY", "a-key-of-at-least-32-characters-x")];
    let arguments = ["render", "--format", "directory", "--output", "out", "-n", "a"];
    succeeds(&regcred(folder.path(), &variables, &arguments));
    let (secret, _) = lock();
    assert!(!secret.contains("sha256") && secret.contains("hmac"), "{secret}");
}

#[test]
fn a_first_run_that_was_killed_between_two_renames_is_completed_with_other_input() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    succeeds(&render(folder.path(), "a,b", LOGIN, &[]));
    // The state after a kill: one namespace is in place, the other waits, and the lock is still the journal.
    let stage = out.join(".regcred-new");
    fs::create_dir(&stage).unwrap();
    fs::rename(out.join("namespaces/b/secret-image-pull-secret.yaml"), stage.join("3")).unwrap();
    crate::harness::journal::as_journal(&out.join("regcred.lock"), &stage);
    fails(&render(folder.path(), "a", OTHER_LOGIN, &["--check"]), 3, "left over: namespaces/b/serviceaccount-");
    succeeds(&render(folder.path(), "a", OTHER_LOGIN, &[]));
    assert_eq!(
        names(&out),
        ["namespaces/a/secret-image-pull-secret.yaml", "namespaces/a/serviceaccount-default.yaml", "regcred.lock"]
    );
    assert!(!stage.exists());
}

#[test]
fn a_single_file_is_put_into_a_folder_that_is_not_there_yet() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["render", "-n", "a", "--output", "new/folder/out.yaml"];
    succeeds(&regcred(folder.path(), &[("DOCKERHUB_AUTH", LOGIN)], &arguments));
    assert_eq!(names(folder.path()), ["new/folder/out.yaml"]);
    let arguments = ["render", "-n", "a", "--output", "new/folder"];
    let output = regcred(folder.path(), &[("DOCKERHUB_AUTH", LOGIN)], &arguments);
    fails(&output, 1, "`--output` is a directory");
}

#[test]
fn a_damaged_lock_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    put(&folder.path().join("out/regcred.lock"), "# Written by regcred\n../x\n");
    fails(&render(folder.path(), "a", LOGIN, &[]), 1, "`regcred.lock` is malformed at line 2");
}

#[test]
fn a_file_where_the_directory_belongs_is_said_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    put(&folder.path().join("out"), "somebody's");
    fails(&render(folder.path(), "a", LOGIN, &[]), 1, "there is a file where the directory of `--output` should be");
    fails(
        &render(folder.path(), "a", LOGIN, &["--check"]),
        1,
        "there is a file where the directory of `--output` should be",
    );
    assert_eq!(fs::read_to_string(folder.path().join("out")).unwrap(), "somebody's");
}

#[test]
fn a_file_where_a_folder_is_needed_is_named() {
    let folder = tempfile::tempdir().unwrap();
    put(&folder.path().join("clusters"), "somebody's");
    put(&folder.path().join("out/namespaces"), "somebody's");
    put(&folder.path().join("other/namespaces/a"), "somebody's");
    put(
        &folder.path().join("fleet.yaml"),
        "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\nspec:\n  clusters: [{name: eu}, {name: us}]\n  \
         pullSecrets: [{namespaces: {include: [a]}}]\n",
    );
    let run = |arguments: &str, expected: &str| {
        for more in [&[][..], &["--check"]] {
            let arguments: Vec<_> = ["render"].into_iter().chain(arguments.split(' ')).chain(more.to_vec()).collect();
            let output = regcred(folder.path(), &[("DOCKERHUB_AUTH", LOGIN)], &arguments);
            fails(&output, 1, expected);
        }
    };
    let of_a_directory = "`clusters` is not a folder, and the directory of `--output` needs one there";
    run("-n a --format directory --output clusters/prod", of_a_directory);
    run("--config fleet.yaml --output clusters", of_a_directory);
    run("--config fleet.yaml --output clusters/all", of_a_directory);
    let of_a_file = "`clusters` is not a folder, and the file of `--output` needs one there";
    run("-n a --output clusters/prod.yaml", of_a_file);
    run("-n a --output clusters/x/prod.yaml", of_a_file);
    for (output, named) in [("out", "`namespaces`"), ("other", "`namespaces/a`")] {
        let output = ["render", "-n", "a", "--format", "directory", "--output", output];
        let text = fails(&regcred(folder.path(), &[("DOCKERHUB_AUTH", LOGIN)], &output), 1, "did not write");
        assert!(text.contains(&format!("error: {named} is a file or a link, and should be a folder")), "{text}");
    }
    assert_eq!(names(folder.path()), ["clusters", "fleet.yaml", "other/namespaces/a", "out/namespaces"]);
}

#[test]
fn check_names_what_is_missing_stale_and_left_over_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let text = fails(&render(folder.path(), "a", LOGIN, &["--check"]), 3, "missing: namespaces/a/secret-");
    assert!(text.contains("missing: namespaces/a/serviceaccount-default.yaml"), "{text}");
    assert!(!folder.path().join("out").exists());
    succeeds(&render(folder.path(), "a,b", LOGIN, &[]));
    let before = files(&folder.path().join("out"));
    succeeds(&render(folder.path(), "a,b", LOGIN, &["--check"]));
    fails(&render(folder.path(), "a,b", OTHER_LOGIN, &["--check"]), 3, "different: namespaces/a/secret-");
    let more = ["--check", "--also-reference", "x"];
    fails(&render(folder.path(), "a,b", LOGIN, &more), 3, "stale: namespaces/a/serviceaccount-default.yaml");
    let text = fails(&render(folder.path(), "a", LOGIN, &["--check"]), 3, "left over: namespaces/b/secret-");
    assert!(!text.contains("namespaces/a"), "{text}");
    assert_eq!(files(&folder.path().join("out")), before);
}

#[test]
fn check_without_credentials_looks_at_all_that_needs_none() {
    let folder = tempfile::tempdir().unwrap();
    succeeds(&render(folder.path(), "a,b", LOGIN, &[]));
    let text = succeeds(&render(folder.path(), "a,b", "", &["--check"]));
    assert!(text.contains("was not compared"), "{text}");
    fails(&render(folder.path(), "a", "", &["--check"]), 3, "left over: namespaces/b/");
    fails(&render(folder.path(), "a,b,c", "", &["--check"]), 3, "missing: namespaces/c/");
    put(&folder.path().join("out/namespaces/a/serviceaccount-default.yaml"), "edited");
    fails(&render(folder.path(), "a,b", "", &["--check"]), 3, "different: namespaces/a/serviceaccount-default.yaml");
    fails(&render(folder.path(), "a,b", "no Docker config", &["--check"]), 1, "error");
}

#[test]
fn check_without_credentials_sees_another_namespace_where_secrets_are_among_all_else() {
    for (format, path) in [
        (&["--format", "yaml"][..], "all.yaml"),
        (&["--format", "yaml", "--link", "policy"], "policy.yaml"),
        (&["--format", "json"], "all.json"),
        (&["--format", "json", "--link", "policy"], "policy.json"),
        (&["--format", "helm-values"], "values.yaml"),
        (&["--format", "chart", "--link", "policy"], "chart"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let run = |namespaces: &str, login: &str, more: &[&str]| {
            let arguments = [&["render", "--output", path, "-n", namespaces][..], format, more].concat();
            regcred(folder.path(), &[("DOCKERHUB_AUTH", login)], &arguments)
        };
        succeeds(&run("a,b", LOGIN, &[]));
        let before = files(folder.path());
        let text = succeeds(&run("a,b", "", &["--check"]));
        assert!(text.contains("so what depends on them was not compared"), "{text}");
        for namespaces in ["a", "a,b,c", "a,c"] {
            fails(&run(namespaces, "", &["--check"]), 3, "different: ");
        }
        assert_eq!(files(folder.path()), before);
    }
}

#[test]
fn check_without_credentials_leaves_values_alone_that_a_template_makes_of_registries() {
    let folder = tempfile::tempdir().unwrap();
    for (template, status) in [("a: {{ namespaces }}\n", 3), ("a: {{ namespaces }}\nb: {{ registries }}\n", 0)] {
        put(&folder.path().join("values.j2"), template);
        let run = |namespaces: &str, login: &str, more: &[&str]| {
            let arguments = ["render", "--format", "helm-values", "--chart", "values.j2", "--output", "v.yaml"];
            let arguments = [&arguments[..], &["-n", namespaces], more].concat();
            regcred(folder.path(), &[("DOCKERHUB_AUTH", login)], &arguments)
        };
        succeeds(&run("a", LOGIN, &[]));
        succeeds(&run("a", "", &["--check"]));
        assert_eq!(run("b", "", &["--check"]).status.code(), Some(status), "{template}");
    }
}

#[test]
fn values_of_a_patchers_chart_have_the_guard_beside_them_unless_it_is_not_wanted() {
    for chart in ["tamcore", "empathyco"] {
        let folder = tempfile::tempdir().unwrap();
        let run = |more: &[&str]| {
            let arguments = ["render", "--format", "helm-values", "--chart", chart, "--output", "v.yaml"];
            regcred(folder.path(), &[("DOCKERHUB_AUTH", LOGIN)], &[&arguments[..], more].concat())
        };
        succeeds(&run(&["--no-guard"]));
        assert!(!folder.path().join("v.guard.yaml").exists());
        fails(&run(&["--check"]), 3, "missing: the policies beside the file of `--output`");
        let text = succeeds(&run(&["--patcher-namespace", "pulls"]));
        assert!(text.contains("apply them before the release, which goes into the namespace `pulls`"), "{text}");
        let guard = fs::read_to_string(folder.path().join("v.guard.yaml")).unwrap();
        assert_eq!(guard.matches("kind: ValidatingAdmissionPolicy\n").count(), 2);
        assert_eq!(guard.matches("system:serviceaccount:pulls:imagepullsecret-patcher").count(), 2);
        let values = fs::read_to_string(folder.path().join("v.yaml")).unwrap();
        assert!(values.contains("fullnameOverride: imagepullsecret-patcher\n"), "{values}");
    }
}

#[test]
fn of_several_single_files_none_is_written_unless_all_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let run = || {
        let arguments = ["render", "--format", "helm-values", "--chart", "empathyco", "--output", "new/v.yaml"];
        regcred(folder.path(), &[("DOCKERHUB_AUTH", LOGIN)], &arguments)
    };
    // The temporaries do not fit there.
    let in_the_way = folder.path().join("new/.v.yaml.regcred-new");
    put(&in_the_way, "somebody's");
    fails(&run(), 1, "cannot be written");
    assert_eq!(names(folder.path()), ["new/.v.yaml.regcred-new"]);
    fs::remove_file(in_the_way).unwrap();
    succeeds(&run());
    assert_eq!(names(folder.path()), ["new/v.guard.yaml", "new/v.secret.yaml", "new/v.yaml"]);
}

#[test]
fn one_file_is_replaced_only_if_it_differs() {
    let folder = tempfile::tempdir().unwrap();
    let run = |login: &str, more: &[&str]| {
        let mut arguments = vec!["render", "-v", "--output", "out.yaml", "-n", "a"];
        arguments.extend(more);
        regcred(folder.path(), &[("DOCKERHUB_AUTH", login)], &arguments)
    };
    fails(&run(LOGIN, &["--check"]), 3, "missing");
    succeeds(&run(LOGIN, &[]));
    let first = files(folder.path());
    assert_eq!(first.keys().collect::<Vec<_>>(), ["out.yaml"]);
    succeeds(&run(LOGIN, &["--check"]));
    assert!(succeeds(&run(LOGIN, &[])).contains("0 files written, 1 unchanged"));
    assert_eq!(files(folder.path()), first);
    fails(&run(OTHER_LOGIN, &["--check"]), 3, "different");
    succeeds(&run("", &["--check"]));
    succeeds(&run(OTHER_LOGIN, &[]));
    assert_ne!(files(folder.path()), first);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_kustomization_lists_every_file() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["render", "--format", "kustomization", "--output", "out", "-n", "a"];
    succeeds(&regcred(folder.path(), &[("DOCKERHUB_AUTH", LOGIN)], &arguments));
    let text = fs::read_to_string(folder.path().join("out/kustomization.yaml")).unwrap();
    assert!(text.contains("- namespaces/a/serviceaccount-default.yaml\n- namespaces/a/secret-"), "{text}");
}

#[test]
fn what_is_in_the_way_and_what_is_too_long_is_called_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    fs::create_dir_all(at("out/namespaces/a/secret-image-pull-secret.yaml")).unwrap();
    fails(
        &render(folder.path(), "a", LOGIN, &[]),
        1,
        "secret-image-pull-secret.yaml` is a directory, and should be a file",
    );
    put(&at("file"), "");
    let single =
        |path: &str| regcred(folder.path(), &[("DOCKERHUB_AUTH", LOGIN)], &["render", "-n", "a", "--output", path]);
    fails(&single("file/x.yaml"), 1, "a part of its path is a file");
    fails(&single(&format!("{}.yaml", "x".repeat(251))), 1, "its name is too long");
    // The folder of temporaries beside it has a longer name.
    let longest = format!("{}.yaml", "x".repeat(250));
    succeeds(&single(&longest));
    succeeds(&single(&longest));
    assert!(at(&longest).exists() && fs::read_dir(folder.path()).unwrap().count() == 3);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::{Command, Stdio};
    use std::thread;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_with_a_secret_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        succeeds(&render(folder.path(), "a", LOGIN, &[]));
        let secret = folder.path().join("out/namespaces/a/secret-image-pull-secret.yaml");
        assert_eq!(mode(&secret), 0o600);
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
        succeeds(&render(folder.path(), "a", LOGIN, &[]));
        assert_eq!(mode(&secret), 0o600);
        let arguments = ["render", "--format", "docker-config", "--output", "value"];
        succeeds(&regcred(folder.path(), &[("DOCKERHUB_AUTH", LOGIN)], &arguments));
        assert_eq!(mode(&folder.path().join("value")), 0o600);
    }

    #[test]
    fn a_link_in_the_tree_is_not_followed_out_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("out")).unwrap();
        symlink(elsewhere.path(), folder.path().join("out/namespaces")).unwrap();
        fails(&render(folder.path(), "a", LOGIN, &[]), 1, "did not write");
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_lock_that_is_a_link_is_named_and_its_target_stays() {
        for target in ["theirs", "regcred.lock", "nowhere"] {
            let folder = tempfile::tempdir().unwrap();
            let theirs = folder.path().join("out/theirs");
            put(&theirs, "# Written by regcred\ntheirs\n");
            symlink(target, folder.path().join("out/regcred.lock")).unwrap();
            for more in [&[][..], &["--check"]] {
                let expected = "`regcred.lock` cannot be read: it is not a regular file";
                fails(&render(folder.path(), "a", LOGIN, more), 1, expected);
            }
            assert_eq!(fs::read_to_string(theirs).unwrap(), "# Written by regcred\ntheirs\n");
            assert_eq!(fs::read_dir(folder.path().join("out")).unwrap().count(), 2);
        }
    }

    #[test]
    fn what_is_stale_behind_a_link_stays() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        succeeds(&render(folder.path(), "a,b", LOGIN, &[]));
        let theirs = elsewhere.path().join("serviceaccount-default.yaml");
        put(&theirs, "somebody's");
        fs::remove_dir_all(folder.path().join("out/namespaces/b")).unwrap();
        symlink(elsewhere.path(), folder.path().join("out/namespaces/b")).unwrap();
        succeeds(&render(folder.path(), "a", LOGIN, &[]));
        assert!(theirs.exists());
    }

    fn render_as_nobody(folder: &Path, namespaces: &str, login: &str) -> Output {
        let out = folder.join("out");
        let below = files(&out)
            .into_keys()
            .flat_map(|name| Path::new(&name).ancestors().map(|part| out.join(part)).collect::<Vec<_>>());
        nobody::regcred(folder, below)
            .args(["render", "--format", "directory", "--output", "out", "--namespaces", namespaces])
            .env("DOCKERHUB_AUTH", login)
            .output()
            .unwrap()
    }

    #[test]
    fn a_directory_that_cannot_be_written_is_named_and_keeps_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        succeeds(&render(folder.path(), "a", LOGIN, &[]));
        let out = folder.path().join("out");
        let before = files(&out);
        succeeds(&render_as_nobody(folder.path(), "a", LOGIN));
        fs::set_permissions(&out, fs::Permissions::from_mode(0o500)).unwrap();
        let output = render_as_nobody(folder.path(), "a,b", OTHER_LOGIN);
        fs::set_permissions(&out, fs::Permissions::from_mode(0o700)).unwrap();
        fails(&output, 1, "cannot be written");
        assert_eq!(files(&out), before);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_regcred"))
            .args(["render", "-n", "a"])
            .env_clear()
            .env("DOCKERHUB_AUTH", LOGIN)
            .current_dir(folder.path())
            .stdout(full)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        fails(&output, 1, "standard output cannot be written");
    }

    #[test]
    fn a_reader_that_has_seen_enough_is_a_success() {
        let folder = tempfile::tempdir().unwrap();
        let namespaces: String = (0..2000).fold(String::new(), |list, number| list + &format!("n{number},"));
        let mut child = Command::new(env!("CARGO_BIN_EXE_regcred"))
            .args(["render", "-n", namespaces.trim_end_matches(',')])
            .env_clear()
            .env("DOCKERHUB_AUTH", LOGIN)
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }

    /// Kills the run as soon as `moment` holds, or lets it end.
    fn run_and_kill(folder: &Path, namespaces: &str, login: &str, moment: impl Fn(&Path) -> bool) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_regcred"))
            .args(["render", "--format", "directory", "--output", "out", "--namespaces-from", namespaces])
            .env_clear()
            .env("DOCKERHUB_AUTH", login)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while child.try_wait().unwrap().is_none() {
            if moment(&folder.join("out")) {
                child.kill().unwrap();
                child.wait().unwrap();
            }
            thread::yield_now();
        }
    }

    #[test]
    fn after_a_kill_at_any_moment_each_file_is_old_or_new_and_the_next_run_completes_it() {
        const NAMESPACES: usize = 200;
        let folder = tempfile::tempdir().unwrap();
        let list = |name: &str, from: usize| {
            let text = (from..from + NAMESPACES).fold(String::new(), |text, number| text + &format!("n{number}\n"));
            put(&folder.path().join(name), &text);
        };
        list("first", 0);
        list("second", 50);
        let out = folder.path().join("out");
        let fresh = |namespaces: &str, login: &str| {
            run_and_kill(folder.path(), namespaces, login, |_| false);
            let tree = files(&out).into_iter().map(|(name, (bytes, _))| (name, bytes)).collect::<BTreeMap<_, _>>();
            fs::remove_dir_all(&out).unwrap();
            tree
        };
        let trees = [fresh("first", LOGIN), fresh("second", OTHER_LOGIN)];
        let mut kills = 0;
        for round in 0..18 {
            let (namespaces, login) = if round % 2 == 0 { ("first", LOGIN) } else { ("second", OTHER_LOGIN) };
            let staged = round * 20;
            run_and_kill(folder.path(), namespaces, login, |out| {
                let stage = out.join(".regcred-new");
                // First the number of temporaries grows, then the journal appears, then temporaries leave.
                match round % 3 {
                    0 => stage.join(staged.to_string()).exists(),
                    1 => stage.join("lock").exists(),
                    _ => stage.join("lock").exists() && !stage.join(staged.to_string()).exists(),
                }
            });
            kills += usize::from(out.join(".regcred-new").exists());
            for (name, (bytes, _)) in files(&out).iter().filter(|(name, _)| !name.starts_with(".regcred-new/")) {
                let is_whole = trees.iter().any(|tree| tree.get(name) == Some(bytes)) || name == "regcred.lock";
                assert!(is_whole, "{name} in round {round}");
            }
        }
        assert!(kills >= 9, "{kills} kills");
        run_and_kill(folder.path(), "second", OTHER_LOGIN, |_| false);
        let tree = files(&out).into_iter().map(|(name, (bytes, _))| (name, bytes)).collect::<BTreeMap<_, _>>();
        assert!(tree == trees[1]);
        assert!(!out.join(".regcred-new").exists());
    }

    #[test]
    fn two_runs_in_one_directory_do_not_undo_each_other() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("out")).unwrap();
        let held = fs::File::open(folder.path().join("out")).unwrap();
        held.try_lock().unwrap();
        fails(&render(folder.path(), "a", LOGIN, &[]), 1, "another regcred is writing");
        drop(held);
        succeeds(&render(folder.path(), "a", LOGIN, &[]));
    }
}
