//! Tests trees, files and Git: what a run writes, what it leaves unchanged, and what a kill leaves behind.
#![expect(clippy::disallowed_methods, reason = "fixtures are files")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use regcred_core::spec::choice::{Choice, Format};

use crate::harness::interrupted::{Left, Moment, kill};

const CONFIG: &str = r#"{"auths":{"ghcr.io":{"username":"u","password":"canary-7f"}}}"#;

fn command(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_regcred"));
    let path = ["/usr/local/bin", "/usr/bin", "/bin"].join(":");
    command
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .env("DOCKERHUB_AUTH", CONFIG);
    command
}

fn run(folder: &Path, arguments: &str) -> Output {
    let output = command(folder, arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("canary"), "{said}");
    output
}

fn code(folder: &Path, arguments: &str) -> i32 {
    run(folder, arguments).status.code().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Path, content and time of change of every file below.
fn tree(root: &Path) -> BTreeMap<String, (String, i64, i64)> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                let metadata = entry.metadata().unwrap();
                let name = entry.path().strip_prefix(root).unwrap().to_string_lossy().into_owned();
                files.insert(
                    name,
                    (fs::read_to_string(entry.path()).unwrap_or_default(), metadata.mtime(), metadata.mtime_nsec()),
                );
            }
        }
    }
    files
}

fn git(folder: &Path, arguments: &[&str]) {
    let done = Command::new("git").args(arguments).current_dir(folder).stdout(Stdio::null()).status().unwrap();
    assert!(done.success());
}

#[test]
fn a_second_run_writes_nothing_and_a_secret_is_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "render -n a,b --format kustomization --output out";
    assert_eq!(code(folder.path(), arguments), 0);
    let first = tree(&folder.path().join("out"));
    assert_eq!(code(folder.path(), arguments), 0);
    assert_eq!(tree(&folder.path().join("out")), first);
    assert!(!first.keys().any(|path| path.contains("regcred-new")));
    let mode = |path: &str| fs::metadata(folder.path().join("out").join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("namespaces/a/secret-image-pull-secret.yaml"), 0o600);
    assert_eq!(mode("namespaces/a/serviceaccount-default.yaml") & 0o444, 0o444);
}

#[test]
fn another_password_rewrites_the_secrets_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "render -n a,b --format directory --output out";
    assert_eq!(code(folder.path(), arguments), 0);
    let first = tree(&folder.path().join("out"));
    let rotated = CONFIG.replace("canary", "rotated");
    assert!(command(folder.path(), arguments).env("DOCKERHUB_AUTH", rotated).status().unwrap().success());
    let changed: Vec<_> = tree(&folder.path().join("out"))
        .into_iter()
        .filter(|(path, file)| first[path] != *file)
        .map(|(path, _)| path)
        .collect();
    assert_eq!(changed, ["namespaces/a/secret-image-pull-secret.yaml", "namespaces/b/secret-image-pull-secret.yaml"]);
}

#[test]
fn a_namespace_that_leaves_the_list_loses_its_files_and_others_files_stay() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    assert_eq!(code(folder.path(), "render -n a,b --format directory --output out"), 0);
    fs::write(out.join("namespaces/a/mine.txt"), "mine").unwrap();
    assert_eq!(code(folder.path(), "render -n b --format directory --output out"), 0);
    assert_eq!(fs::read_to_string(out.join("namespaces/a/mine.txt")).unwrap(), "mine");
    assert!(!out.join("namespaces/a/secret-image-pull-secret.yaml").exists());
    fs::remove_file(out.join("namespaces/a/mine.txt")).unwrap();
    assert_eq!(code(folder.path(), "render -n c --format directory --output out"), 0);
    assert!(!out.join("namespaces/b").exists(), "a folder of ours that became empty goes");
}

#[test]
fn an_object_with_the_longest_name_has_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let name = "a".repeat(253);
    let arguments = format!("render -n a --secret-name {name} --format directory --output out");
    assert_eq!(code(folder.path(), &arguments), 0);
    let written = tree(&folder.path().join("out/namespaces"));
    assert!(written.values().any(|(text, ..)| text.contains(&format!("  name: {name}\n"))));
    assert_eq!(code(folder.path(), &format!("{arguments} --check")), 0);
}

#[test]
fn a_file_that_is_not_ours_is_named_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    fs::create_dir_all(out.join("namespaces/b")).unwrap();
    fs::write(out.join("namespaces/b/secret-image-pull-secret.yaml"), "theirs").unwrap();
    let before = tree(&out);
    let output = run(folder.path(), "render -n a,b --format directory --output out");
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("`namespaces/b/secret-image-pull-secret.yaml`"), "{}", said(&output));
    assert_eq!(tree(&out), before);
}

#[test]
fn what_is_edited_by_hand_is_written_anew_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "render -n a --format directory --output out";
    assert_eq!(code(folder.path(), arguments), 0);
    let path = folder.path().join("out/namespaces/a/serviceaccount-default.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, "edited").unwrap();
    let output = run(folder.path(), arguments);
    assert!(
        said(&output).contains("warning: `namespaces/a/serviceaccount-default.yaml` was edited"),
        "{}",
        said(&output)
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_link_where_a_file_goes_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (out, outside) = (folder.path().join("out"), folder.path().join("outside"));
    fs::create_dir_all(out.join("namespaces/a")).unwrap();
    fs::write(&outside, "outside").unwrap();
    symlink(&outside, out.join("namespaces/a/secret-image-pull-secret.yaml")).unwrap();
    assert_eq!(code(folder.path(), "render -n a --format directory --output out"), 1);
    assert_eq!(fs::read_to_string(&outside).unwrap(), "outside");
}

#[test]
fn a_folder_in_the_tree_that_is_a_link_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (out, outside) = (folder.path().join("out"), folder.path().join("outside"));
    fs::create_dir_all(&out).unwrap();
    fs::create_dir_all(&outside).unwrap();
    symlink(&outside, out.join("namespaces")).unwrap();
    assert_eq!(code(folder.path(), "render -n a --format directory --output out"), 1);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn check_tells_what_differs_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let check =
        |arguments: &str| run(folder.path(), &format!("render --format directory --output out --check {arguments}"));
    assert_eq!(check("-n a").status.code(), Some(3));
    assert!(!out.exists());
    assert_eq!(code(folder.path(), "render -n a,b --format directory --output out"), 0);
    let before = tree(&out);
    assert_eq!(check("-n a,b").status.code(), Some(0));
    let less = check("-n a");
    assert_eq!(less.status.code(), Some(3));
    assert!(said(&less).contains("left over: namespaces/b/secret-image-pull-secret.yaml"), "{}", said(&less));
    assert_eq!(check("-n a,b,c").status.code(), Some(3));
    assert_eq!(check("-n a,b --also-reference other").status.code(), Some(3));
    assert_eq!(tree(&out), before);
}

#[test]
fn check_without_credentials_compares_the_rest_and_says_what_it_left_out() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(code(folder.path(), "render -n a,b --format directory --output out"), 0);
    let check = |namespaces: &str| {
        let arguments = format!("render -n {namespaces} --format directory --output out --check");
        command(folder.path(), &arguments).env_remove("DOCKERHUB_AUTH").output().unwrap()
    };
    let current = check("a,b");
    assert_eq!(current.status.code(), Some(0));
    assert!(said(&current).contains("there are no credentials"), "{}", said(&current));
    assert_eq!(check("a").status.code(), Some(3));
    assert_eq!(check("A").status.code(), Some(1));
}

#[test]
fn one_file_is_written_whole_and_only_when_it_differs() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        "render -n a --output out/all.yaml",
        "render -n a --format json --output out/all.json",
        "render --format docker-config --output out/value",
    ] {
        assert_eq!(code(folder.path(), arguments), 0);
        assert_eq!(code(folder.path(), &format!("{arguments} --check")), 0);
    }
    let before = tree(&folder.path().join("out"));
    assert_eq!(code(folder.path(), "render -n a --output out/all.yaml"), 0);
    assert_eq!(tree(&folder.path().join("out")), before);
    assert_eq!(code(folder.path(), "render -n b --output out/all.yaml --check"), 3);
    assert_eq!(code(folder.path(), "render -n b --output out"), 1);
    assert_eq!(fs::metadata(folder.path().join("out/all.yaml")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(before.len(), 3, "nothing is left beside them");
}

#[test]
fn killed_at_any_moment_each_file_is_old_or_new_and_the_next_run_completes() {
    let folder = tempfile::tempdir().unwrap();
    let namespaces: Vec<_> = (0..300).map(|number| format!("team-{number}")).collect();
    let arguments = format!("render -n {} --format directory --output out", namespaces.join(","));
    assert_eq!(code(folder.path(), &arguments), 0);
    let content = || {
        tree(&folder.path().join("out")).into_iter().map(|(path, (text, ..))| (path, text)).collect::<BTreeMap<_, _>>()
    };
    let mut old = content();
    let (mut left, mut mixed) = (Vec::new(), 0);
    for round in 0..12_usize {
        let rotated = CONFIG.replace("canary", &format!("round{round}"));
        let child = command(folder.path(), &arguments).env("DOCKERHUB_AUTH", &rotated).spawn().unwrap();
        let moment = if round % 4 == 0 { Moment::Staging } else { Moment::Published((round % 4 - 1) * 60) };
        left.push(kill(child, &folder.path().join("out"), moment));
        let killed = content();
        assert!(command(folder.path(), &arguments).env("DOCKERHUB_AUTH", &rotated).status().unwrap().success());
        let new = content();
        for (path, text) in killed.iter().filter(|(path, _)| !path.starts_with(".regcred-new")) {
            assert!(old.get(path) == Some(text) || new.get(path) == Some(text), "{path} is neither old nor new");
        }
        let differ = |other: &BTreeMap<_, _>| other.iter().any(|(path, text)| killed.get(path) != Some(text));
        mixed += usize::from(differ(&old) && differ(&new));
        let alone = tempfile::tempdir().unwrap();
        assert!(command(alone.path(), &arguments).env("DOCKERHUB_AUTH", &rotated).status().unwrap().success());
        let alone = tree(&alone.path().join("out")).into_iter().map(|(path, (text, ..))| (path, text)).collect();
        assert_eq!(new, alone, "as after a run that was left alone");
        old = new;
    }
    assert!(left.contains(&Left::Temporaries) && left.contains(&Left::Journal), "killed in the middle: {left:?}");
    assert!(mixed > 0, "some files new and some old: {left:?}");
}

#[test]
fn a_damaged_lock_and_one_that_points_outside_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    fs::create_dir_all(&out).unwrap();
    fs::write(folder.path().join("precious"), "precious").unwrap();
    for lock in
        ["{", "{\"version\":1,\"files\":{\"../precious\":{}}}", "{\"version\":1,\"files\":{\"/etc/passwd\":{}}}"]
    {
        fs::write(out.join("regcred.lock"), lock).unwrap();
        assert_eq!(code(folder.path(), "render -n a --format directory --output out"), 1, "{lock}");
    }
    assert!(folder.path().join("precious").exists());
}

#[test]
fn a_plain_secret_does_not_enter_git_by_accident() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    git(root, &["init", "--quiet"]);
    let refused = run(root, "render -n a --output all.yaml");
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("--allow-plaintext-in-git"), "{}", said(&refused));
    assert!(!root.join("all.yaml").exists());
    assert_eq!(code(root, "render -n a --output all.yaml --allow-plaintext-in-git"), 0);
    fs::write(root.join(".gitignore"), "ignored*\n").unwrap();
    assert_eq!(code(root, "render -n a --output ignored.yaml"), 0);
    git(root, &["add", "--force", "ignored.yaml"]);
    assert_eq!(code(root, "render -n b --output ignored.yaml"), 1, "tracked");
    fs::create_dir(root.join("charts")).unwrap();
    fs::write(root.join("charts/theirs"), "").unwrap();
    assert_eq!(code(root, "render -n a --format directory --output charts"), 1);
    assert_eq!(code(root, "render -n a --format directory --output new"), 0);
    assert_eq!(code(root, "render -n a,b --format directory --output new"), 0, "our .gitignore is there");
    let status = Command::new("git").args(["status", "--short", "new"]).current_dir(root).output().unwrap();
    assert!(status.stdout.is_empty());
}

#[test]
fn a_shell_that_redirects_into_a_work_tree_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "--quiet"]);
    let into = |path: &str| fs::File::create(folder.path().join(path)).unwrap();
    let status = command(folder.path(), "render -n a").stdout(into("all.yaml")).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(1));
    assert_eq!(fs::metadata(folder.path().join("all.yaml")).unwrap().len(), 0);
    fs::write(folder.path().join(".gitignore"), "all.yaml\n").unwrap();
    let status = command(folder.path(), "render -n a").stdout(into("all.yaml")).status().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_full_disk_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command(folder.path(), "render -n a").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("standard output cannot be written"), "{}", said(&output));
}

#[test]
fn a_reader_that_has_seen_enough_is_a_success() {
    let folder = tempfile::tempdir().unwrap();
    let namespaces: Vec<_> = (0..2000).map(|number| format!("team-{number}")).collect();
    let mut child =
        command(folder.path(), &format!("render -n {}", namespaces.join(","))).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

fn mkfifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_pipe_or_a_link_where_one_file_goes_is_refused_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (pipe, link, outside) = (folder.path().join("pipe"), folder.path().join("link"), folder.path().join("outside"));
    mkfifo(&pipe);
    fs::write(&outside, "").unwrap();
    symlink(&outside, &link).unwrap();
    symlink("nowhere", folder.path().join("dangling")).unwrap();
    for path in ["pipe", "link", "dangling"] {
        for arguments in ["render -n a", "render -n a --check", "render --format docker-config"] {
            let output = run(folder.path(), &format!("{arguments} --output {path}"));
            assert_eq!(output.status.code(), Some(1), "{arguments} {path}");
            assert!(said(&output).contains("`--output` is a link, a pipe or a device"), "{}", said(&output));
        }
    }
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    assert!(link.is_symlink());
    assert_eq!(fs::read_to_string(&outside).unwrap(), "");
}

#[test]
fn one_file_of_another_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    for foreign in ["precious", "kind: Secret\n", "{\n\t\"auths\": {}\n}\n", "\n"] {
        fs::write(&file, foreign).unwrap();
        for arguments in [
            "render -n a",
            "render -n a --format json",
            "render -n a --format helm-values",
            "render --format docker-config",
            "render --format docker-config --raw",
        ] {
            let output = run(folder.path(), &format!("{arguments} --output file"));
            assert_eq!(output.status.code(), Some(1), "{arguments}");
            assert!(
                said(&output).contains("the file of `--output` is there, and regcred did not"),
                "{}",
                said(&output)
            );
            assert_eq!(fs::read_to_string(&file).unwrap(), foreign);
        }
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn one_file_of_ours_or_an_empty_one_is_replaced_whatever_the_format() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("values.j2"), "name: {{ secret_name }}\n").unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let formats = [
        "render -n a",
        "render -n a --create-namespaces",
        "render -n a --format json",
        "render -n a --strategy static --link policy",
        "render --strategy patcher",
        "render -n a --format helm-values",
        "render -n a --format helm-values --chart ./values.j2",
        "render --format helm-values --chart tamcore",
        "render --format helm-values --chart empathyco",
        "render --format docker-config",
        "render --format docker-config --raw",
    ];
    for arguments in formats.iter().chain(formats.iter().rev()) {
        let output = run(folder.path(), &format!("{arguments} --output file"));
        assert_eq!(output.status.code(), Some(0), "{arguments}: {}", said(&output));
    }
}

#[test]
fn values_are_not_written_when_the_secret_beside_them_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("values.secret.yaml"), "precious").unwrap();
    assert_eq!(code(folder.path(), "render --format helm-values --chart empathyco --output values.yaml"), 1);
    assert!(!folder.path().join("values.yaml").exists());
    assert_eq!(fs::read_to_string(folder.path().join("values.secret.yaml")).unwrap(), "precious");
}

#[test]
fn check_is_never_refused_for_git_and_expects_our_gitignore() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    git(root, &["init", "--quiet"]);
    assert_eq!(code(root, "render -n a --format directory --output theirs --allow-plaintext-in-git"), 0);
    let theirs = run(root, "render -n a --format directory --output theirs --check");
    assert_eq!(theirs.status.code(), Some(0), "{}", said(&theirs));
    assert_eq!(code(root, "render -n a --output all.yaml --check"), 3);
    assert_eq!(code(root, "render -n a --format directory --output ours"), 0);
    let ours = run(root, "render -n a --format directory --output ours --check");
    assert_eq!(ours.status.code(), Some(0), "{}", said(&ours));
    assert!(root.join("ours/.gitignore").exists() && !root.join("theirs/.gitignore").exists());
}

#[test]
fn check_of_one_file_without_credentials_says_what_was_left_out() {
    let folder = tempfile::tempdir().unwrap();
    for format in ["yaml", "json", "helm-values"] {
        let arguments = format!("render -n a --format {format} --output file.{format}");
        assert_eq!(code(folder.path(), &arguments), 0);
        let check =
            command(folder.path(), &format!("{arguments} --check")).env_remove("DOCKERHUB_AUTH").output().unwrap();
        assert_eq!(check.status.code(), Some(0));
        assert!(said(&check).contains("so what depends on them was not compared"), "{}", said(&check));
    }
    assert_eq!(code(folder.path(), "render --format docker-config --output value"), 0);
    let arguments = "render --format docker-config --output value --check";
    let check = command(folder.path(), arguments).env_remove("DOCKERHUB_AUTH").output().unwrap();
    assert_eq!(check.status.code(), Some(0));
    assert!(said(&check).contains("the Docker config was not compared, only whether"), "{}", said(&check));
}

#[test]
fn a_tree_where_a_file_stands_is_refused_by_its_flag() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "precious").unwrap();
    for format in ["directory", "kustomization", "chart"] {
        for check in ["", "--check"] {
            let output = run(folder.path(), &format!("render -n a --format {format} --output file {check}"));
            assert_eq!(output.status.code(), Some(1));
            assert!(
                said(&output).contains("there is a file where the directory of `--output` should be"),
                "{}",
                said(&output)
            );
        }
    }
    assert_eq!(fs::read_to_string(folder.path().join("file")).unwrap(), "precious");
}

#[test]
fn the_name_of_a_format_is_not_taken_for_a_path() {
    let folder = tempfile::tempdir().unwrap();
    for format in Format::ALL {
        let output = run(folder.path(), &format!("render -n a --output {format}"));
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output).contains(&format!("did you mean `--format {format}`?")), "{}", said(&output));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(code(folder.path(), "render -n a --output ./yaml"), 0);
    assert_eq!(code(folder.path(), "render -n a --format chart --output chart"), 0);
}

#[test]
fn one_file_is_counted_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let one = run(folder.path(), "--verbose render -n a --output file");
    assert!(said(&one).contains("note: 1 file written, 0 unchanged"), "{}", said(&one));
    let several = run(folder.path(), "--verbose render -n a --format directory --output out");
    assert!(said(&several).contains("note: 2 files written, 0 unchanged"), "{}", said(&several));
    // Nobody asked for the .gitignore of a new folder in a work tree.
    git(folder.path(), &["init", "--quiet"]);
    for expected in ["2 files written, 0 unchanged", "0 files written, 2 unchanged"] {
        let several = run(folder.path(), "--verbose render -n a --format directory --output covered");
        assert!(said(&several).contains(expected), "{}", said(&several));
    }
    assert!(folder.path().join("covered/.gitignore").exists());
}

#[test]
fn help_on_a_full_disk_is_an_error_and_for_a_closed_pipe_a_success() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in ["--help", "--version"] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = command(folder.path(), arguments).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains("standard output cannot be written: no space is left"), "{}", said(&output));
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        assert_eq!(command(folder.path(), arguments).stdout(writer).status().unwrap().code(), Some(0));
    }
}
