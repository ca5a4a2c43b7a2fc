//! Checks that a plain Secret does not enter Git by accident: real repositories, hostile ones too, with and without the `git` program.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

#[cfg(target_os = "linux")]
use crate::harness::nobody;
use crate::harness::regcred::regcred;
use crate::harness::stand_in::{program, search};

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
    assert!(fs::read_to_string(folder.path().join("out/regcred.lock")).unwrap().contains("\n.gitignore "));
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
    put(&folder.path().join(".git/info/exclude"), "out.yaml\n");
    succeeds(&run(&inside));
    put(&folder.path().join(".git/info/exclude"), "");
    let refused = run(&inside);
    is_refused(&refused);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("remove the file if the shell has left it empty"));
    assert_eq!(fs::read_to_string(&inside).unwrap(), "");
    put(&folder.path().join(".gitignore"), "out.yaml\n");
    succeeds(&run(&inside));
    assert!(fs::read_to_string(&inside).unwrap().contains("kind: Secret"));
    // The file may be tracked under its other name.
    fs::hard_link(&inside, folder.path().join("other")).unwrap();
    let refused = run(&inside);
    is_refused(&refused);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("with several names, or with none that can be seen"));
}

#[test]
fn without_the_program_nothing_is_let_through() {
    let folder = repository();
    put(&folder.path().join("old/namespaces/a/secret-image-pull-secret.yaml"), "old");
    git(folder.path(), &["add", "old"]);
    git(folder.path(), &["commit", "--quiet", "--message", "a Secret"]);
    fs::remove_dir_all(folder.path().join("old")).unwrap();
    for output in ["new", "old"] {
        let arguments = ["render", "-n", "a", "--format", "directory", "--output", output];
        // A relative folder on PATH could hold a program of the repository.
        put(&folder.path().join("bin/git"), "#!/bin/sh\ntouch ran\n");
        executable(&folder.path().join("bin/git"));
        let output = regcred(folder.path(), &[("DOCKERHUB_AUTH", LOGIN), ("PATH", "/nowhere:bin:.")], &arguments);
        is_refused(&output);
        assert!(String::from_utf8_lossy(&output.stderr).contains("no program `git` is on PATH"));
        assert!(!folder.path().join("ran").exists());
    }
}

#[test]
fn variables_that_lead_git_elsewhere_are_named() {
    let folder = repository();
    let other = repository();
    put(&other.path().join(".git/info/exclude"), "*\n");
    put(&folder.path().join(".gitignore"), "out/\n");
    put(&folder.path().join("out/notes.txt"), "somebody's");
    let elsewhere = tempfile::tempdir().unwrap();
    let (inside, outside) = (folder.path().join("out"), elsewhere.path().join("out"));
    let (git, tree) = (other.path().join(".git"), elsewhere.path().canonicalize().unwrap());
    for (variables, output, named) in [
        (vec![], &inside, None),
        (vec![("GIT_DIR", git.to_str().unwrap())], &inside, Some("GIT_DIR")),
        (vec![("GIT_DIR", git.to_str().unwrap())], &outside, Some("GIT_DIR")),
        (
            vec![("GIT_DIR", git.to_str().unwrap()), ("GIT_WORK_TREE", tree.to_str().unwrap())],
            &outside,
            Some("GIT_DIR"),
        ),
        (vec![("GIT_DIR", git.to_str().unwrap()), ("GIT_WORK_TREE", "out")], &outside, None),
        (vec![("GIT_WORK_TREE", tree.to_str().unwrap())], &outside, Some("GIT_WORK_TREE")),
        (vec![("GIT_WORK_TREE", tree.to_str().unwrap())], &inside, Some("GIT_WORK_TREE")),
        (vec![("GIT_INDEX_FILE", "/nowhere")], &inside, Some("GIT_INDEX_FILE")),
        (vec![("GIT_INDEX_FILE", "/nowhere")], &outside, None),
        (vec![("GIT_COMMON_DIR", git.to_str().unwrap())], &inside, Some("GIT_COMMON_DIR")),
        (vec![("GIT_COMMON_DIR", git.to_str().unwrap())], &outside, None),
    ] {
        let path = path();
        let all: Vec<_> = [("DOCKERHUB_AUTH", LOGIN), ("PATH", &path)].into_iter().chain(variables).collect();
        let arguments = ["render", "-n", "a", "--format", "directory", "--output", output.to_str().unwrap()];
        let output = regcred(folder.path(), &all, &arguments);
        match named {
            None => succeeds(&output),
            Some(name) => {
                is_refused(&output);
                assert!(String::from_utf8_lossy(&output.stderr).contains(&format!("`{name}` is set")), "{name}");
            }
        }
    }
}

#[test]
fn a_rule_outside_of_the_repository_counts_where_no_variable_may_replace_it() {
    let (folder, home) = (repository(), tempfile::tempdir().unwrap());
    put(&home.path().join(".config/git/ignore"), "x.yaml\n");
    let path = path();
    let of_all = [("DOCKERHUB_AUTH", LOGIN), ("PATH", &path), ("HOME", home.path().to_str().unwrap())];
    let run = |more: &[(&str, &str)]| {
        regcred(folder.path(), &[&of_all[..], more].concat(), &["render", "-n", "a", "--output", "x.yaml"])
    };
    is_refused(&run(&[("GIT_CONFIG_GLOBAL", "/nowhere")]));
    is_refused(&run(&[
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "core.excludesFile"),
        ("GIT_CONFIG_VALUE_0", "/dev/null"),
    ]));
    succeeds(&run(&[]));
    // Such a file may be named by a relative path, too.
    put(&folder.path().join("rules"), "y.yaml\n");
    git(folder.path(), &["config", "core.excludesFile", "rules"]);
    let run = |more: &[(&str, &str)]| {
        regcred(folder.path(), &[&of_all[..], more].concat(), &["render", "-n", "a", "--output", "y.yaml"])
    };
    is_refused(&run(&[
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "core.excludesFile"),
        ("GIT_CONFIG_VALUE_0", "/dev/null"),
    ]));
    succeeds(&run(&[]));
}

/// `render --output FILE` for a repository that tracks `x.yaml`: every spelling of that path is refused.
#[cfg(unix)]
#[test]
fn a_tracked_file_is_found_by_every_path_to_it() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    let both = tempfile::tempdir().unwrap();
    let (folder, outside) = (both.path().join("repo"), both.path().join("outside"));
    fs::create_dir_all(&outside).unwrap();
    fs::create_dir_all(&folder).unwrap();
    git(&folder, &["init", "--quiet"]);
    let odd = folder.join(OsStr::from_bytes(b"odd-\xff.yaml"));
    for file in [&folder.join("x.yaml"), &folder.join("tree/x.yaml"), &odd] {
        put(file, "");
    }
    put(&folder.join(".gitignore"), "*\n");
    git(&folder, &["add", "--force", "x.yaml", "tree"]);
    git(&folder, &["add", "--force", "--all", "."]);
    symlink("../repo/x.yaml", outside.join("link.yaml")).unwrap();
    symlink("../repo/none.yaml", outside.join("dangling.yaml")).unwrap();
    symlink("../repo", outside.join("folder")).unwrap();
    let run = |output: &Path| {
        Command::new(env!("CARGO_BIN_EXE_regcred"))
            .args([OsStr::new("render"), "-n".as_ref(), "a".as_ref(), "--output".as_ref(), output.as_os_str()])
            .env_clear()
            .envs([("DOCKERHUB_AUTH", LOGIN), ("PATH", &path())])
            .current_dir(&outside)
            .output()
            .unwrap()
    };
    for path in ["missing/../../repo/x.yaml", "missing/../y.yaml", "../repo/x.yaml", "folder/x.yaml", "folder/tree"] {
        let output = run(Path::new(path));
        if path == "folder/tree" {
            assert_eq!(output.status.code(), Some(1));
        } else {
            is_refused(&output);
        }
    }
    for path in ["link.yaml", "dangling.yaml"] {
        let output = run(Path::new(path));
        assert_eq!(output.status.code(), Some(1), "{path}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("is a link"), "{path}");
    }
    is_refused(&run(&odd));
    succeeds(&run(&folder.join("free.yaml")));
    succeeds(&run(&folder.join(OsStr::from_bytes(b"free-\xff.yaml"))));
    succeeds(&run(Path::new("new.yaml")));
    assert_eq!(fs::read_to_string(folder.join("x.yaml")).unwrap(), "");
    // It has another name, but is the same file.
    git(&folder, &["config", "core.ignoreCase", "true"]);
    is_refused(&run(&folder.join("X.yaml")));
    is_refused(&run(&folder.join("TREE/X.yaml")));
    git(&folder, &["config", "core.ignoreCase", "false"]);
    succeeds(&run(&folder.join("X.yaml")));
    // A file that was forced into a folder of ours counts.
    let tree = |name: &str| render(&folder, &["--format", "directory", "--output", name]);
    succeeds(&tree("ours"));
    git(&folder, &["add", "--force", "ours"]);
    is_refused(&tree("ours"));
}

/// A program that leaves a marker when it runs.
#[cfg(unix)]
fn executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A hostile merge request or unpacked archive: `regcred` asks Git, and no program of the repository runs.
#[cfg(unix)]
#[test]
fn a_hostile_repository_runs_nothing_and_hides_nothing() {
    let elsewhere = tempfile::tempdir().unwrap();
    let (program, marker) = (elsewhere.path().join("program"), elsewhere.path().join("ran"));
    put(&program, &format!("#!/bin/sh\necho ran >> '{}'\nexit 1\n", marker.display()));
    executable(&program);
    put(&elsewhere.path().join("everything"), "*\n");
    let program = program.display();
    let everything = elsewhere.path().join("everything");
    let everything = everything.display();
    let settings = format!(
        "[core]\n\trepositoryformatversion = 1\n\tbare = false\n\tfsmonitor = {program}\n\thooksPath = {}\n\tpager = {program}\n\t\
         sshCommand = {program}\n\tgitProxy = {program}\n\taskPass = {program}\n\tworktree = {}\n\teditor = {program}\n\
         [extensions]\n\tpartialClone = origin\n\tworktreeConfig = true\n\
         [remote \"origin\"]\n\tpromisor = true\n\turl = ext::{program}\n\tuploadpack = {program}\n\
         [alias]\n\tcheck-ignore = !{program}\n\tls-files = !{program}\n\
         [pager]\n\tcheck-ignore = {program}\n\tls-files = {program}\n\
         [filter \"x\"]\n\tclean = {program}\n\tsmudge = {program}\n\tprocess = {program}\n\trequired = true\n",
        elsewhere.path().display(),
        elsewhere.path().display(),
    );
    for name in ["post-index-change", "fsmonitor-watchman", "pre-commit"] {
        fs::copy(elsewhere.path().join("program"), elsewhere.path().join(name)).unwrap();
    }
    let hostile = |git_folder: &Path| {
        put(&git_folder.join("config"), &settings);
        put(&git_folder.join("config.worktree"), &format!("[core]\n\tworktree = {}\n", elsewhere.path().display()));
    };
    let hostile_at_its_place = |git_folder: &Path| {
        hostile(git_folder);
        put(&git_folder.join("config"), &settings.replace("worktree = ", "other = "));
        fs::remove_file(git_folder.join("config.worktree")).unwrap();
    };
    // As a repository.
    let folder = repository();
    put(&folder.path().join("x.yaml"), "");
    put(&folder.path().join(".gitattributes"), "* filter=x\n");
    git(folder.path(), &["add", "."]);
    let both = [&hostile as &dyn Fn(&Path), &hostile_at_its_place];
    for (hostile, name) in both.into_iter().flat_map(|hostile| ["x.yaml", "new.yaml"].map(|name| (hostile, name))) {
        hostile(&folder.path().join(".git"));
        is_refused(&render(folder.path(), &["--output", name]));
    }
    put(&folder.path().join(".git/info/exclude"), "*\n");
    is_refused(&render(folder.path(), &["--output", "x.yaml"]));
    hostile(&folder.path().join(".git"));
    is_refused(&render(folder.path(), &["--output", "new.yaml"]));
    hostile_at_its_place(&folder.path().join(".git"));
    succeeds(&render(folder.path(), &["--output", "new.yaml"]));
    // As a repository without a work tree inside of ours, which the merge request brought.
    let outer = repository();
    let folder = &outer;
    let bare = folder.path().join("out");
    git(folder.path(), &["init", "--quiet", "--bare", "out"]);
    put(&bare.join("info/exclude"), "*\n");
    hostile(&bare);
    put(&bare.join("x.yaml"), "");
    git(folder.path(), &["add", "."]);
    for name in ["out/x.yaml", "out/new.yaml"] {
        is_refused(&render(folder.path(), &["--output", name]));
    }
    put(
        &bare.join("config"),
        &format!("[core]\n\tbare = true\n\texcludesFile = {everything}\n\tfsmonitor = {program}\n"),
    );
    is_refused(&render(folder.path(), &["--output", "out/x.yaml"]));
    is_refused(&render(folder.path(), &["--format", "directory", "--output", "out"]));
    // As a promised object: the blob of a `.gitignore` that only a remote has.
    let folder = repository();
    put(&folder.path().join("sub/.gitignore"), "nothing\n");
    put(&folder.path().join("kept/x"), "");
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "--message", "a promise"]);
    git(folder.path(), &["sparse-checkout", "set", "kept"]);
    let blob = git(folder.path(), &["rev-parse", "HEAD:sub/.gitignore"]);
    fs::remove_file(folder.path().join(".git/objects").join(&blob[..2]).join(blob[2..].trim())).unwrap();
    for hostile in both {
        hostile(&folder.path().join(".git"));
        is_refused(&render(folder.path(), &["--output", "sub/new.yaml"]));
    }
    assert!(!marker.exists(), "a program of the repository ran: {}", fs::read_to_string(marker).unwrap());
    // The trap is real: plain git walks into it.
    let config =
        format!("[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = .\n\tfsmonitor = {program}\n");
    put(&bare.join("config"), &config);
    is_refused(&render(outer.path(), &["--output", "out/new.yaml"]));
    assert!(!marker.exists());
    let plain =
        Command::new("git").arg("-C").arg(&bare).args(["check-ignore", "x"]).env("PATH", path()).output().unwrap();
    assert!(marker.exists(), "{plain:?}");
}

#[cfg(unix)]
#[test]
fn why_git_gives_no_answer_is_said() {
    let folder = repository();
    put(&folder.path().join(".gitignore"), "*\n");
    put(&folder.path().join(".git/config"), "[core]\n\trepositoryformatversion = 99\n");
    let output = render(folder.path(), &["--output", "x.yaml"]);
    is_refused(&output);
    assert!(String::from_utf8_lossy(&output.stderr).contains("`git` says: fatal: "));
    let folder = repository();
    // Only root can give a folder away.
    if std::os::unix::fs::chown(folder.path().join(".git"), Some(65534), None).is_ok() {
        std::os::unix::fs::chown(folder.path(), Some(65534), None).unwrap();
        let output = render(folder.path(), &["--output", "x.yaml"]);
        is_refused(&output);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("belongs to another user") && text.contains("--add safe.directory /"), "{text}");
    }
    let folder = repository();
    assert!(Command::new("mkfifo").arg(folder.path().join(".gitignore")).status().unwrap().success());
    let output = render(folder.path(), &["--output", "x.yaml"]);
    is_refused(&output);
    assert!(String::from_utf8_lossy(&output.stderr).contains("no answer within"));
    let folder = repository();
    program(&folder.path().join("bin/git"), "case \"$*\" in *ls-files*) head -c 70000000 /dev/zero;; esac");
    let path = search(&folder.path().join("bin"));
    let arguments = ["render", "-n", "a", "--output", "x.yaml"];
    let output = regcred(folder.path(), &[("DOCKERHUB_AUTH", LOGIN), ("PATH", &path)], &arguments);
    is_refused(&output);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("64 MiB") && text.contains("write outside of the work tree"), "{text}");
}

#[test]
fn a_repository_within_does_not_hide_what_the_one_around_it_tracks() {
    let folder = repository();
    put(&folder.path().join("out/x.yaml"), "# Written by regcred\n");
    git(folder.path(), &["add", "."]);
    git(&folder.path().join("out"), &["init", "--quiet"]);
    put(&folder.path().join("out/.git/info/exclude"), "*\n");
    is_refused(&render(folder.path(), &["--output", "out/x.yaml"]));
    // `git add --all` of the outer repository takes every file of a folder in which it tracks one.
    is_refused(&render(folder.path(), &["--output", "out/y.yaml"]));
    is_refused(&render(folder.path(), &["--output", "out/new/y.yaml"]));
    put(&folder.path().join("out/y.yaml"), "");
    git(folder.path(), &["add", "--all"]);
    assert_eq!(git(folder.path(), &["ls-files"]), "out/x.yaml\nout/y.yaml\n");
    git(folder.path(), &["rm", "--quiet", "--cached", "out/y.yaml"]);
    put(&folder.path().join(".gitignore"), "y.yaml\n");
    succeeds(&render(folder.path(), &["--output", "out/y.yaml"]));
    // A file that only the inner repository would add is judged by the inner one.
    git(folder.path(), &["rm", "-r", "--quiet", "--cached", "out"]);
    succeeds(&render(folder.path(), &["--output", "out/z.yaml"]));
    // A third repository between them does not hide the outer one.
    put(&folder.path().join("a/b/kept"), "");
    git(folder.path(), &["add", "a"]);
    for name in ["a", "a/b"] {
        git(&folder.path().join(name), &["init", "--quiet"]);
        put(&folder.path().join(name).join(".git/info/exclude"), "*\n");
    }
    is_refused(&render(folder.path(), &["--output", "a/b/z.yaml"]));
}

/// The index has one entry for a folder that is not checked out.
#[test]
fn a_sparse_index_hides_no_tracked_file() {
    let folder = repository();
    for name in ["out/x.yaml", "out/deep/x.yaml", "kept/x"] {
        put(&folder.path().join(name), "# Written by regcred\n");
    }
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "--message", "first"]);
    git(folder.path(), &["sparse-checkout", "set", "--cone", "--sparse-index", "kept"]);
    git(folder.path(), &["config", "sparse.expectFilesOutsideOfPatterns", "true"]);
    assert_eq!(git(folder.path(), &["ls-files", "--sparse"]), "kept/x\nout/\n");
    for name in ["out", "out/deep", "kept/inner"] {
        fs::create_dir_all(folder.path().join(name)).unwrap();
        git(&folder.path().join(name), &["init", "--quiet"]);
        put(&folder.path().join(name).join(".git/info/exclude"), "*\n");
        let output = render(folder.path(), &["--output", &format!("{name}/x.yaml")]);
        if name == "kept/inner" { succeeds(&output) } else { is_refused(&output) }
    }
}

/// A killed run leaves its temporaries where they are.
#[test]
fn git_tracks_nothing_in_the_place_of_the_temporaries() {
    for (tracked, output) in [
        (".x.yaml.regcred-new/0", &["--output", "x.yaml"][..]),
        ("out/.regcred-new/tree/namespaces/a/secret-image-pull-secret.yaml", &TREE),
        ("out/.regcred-new/lock", &TREE),
    ] {
        let folder = repository();
        put(&folder.path().join(".gitignore"), "*.yaml\nout/\n");
        succeeds(&render(folder.path(), output));
        put(&folder.path().join(tracked), "");
        git(folder.path(), &["add", "--force", tracked]);
        fs::remove_file(folder.path().join(tracked)).unwrap();
        is_refused(&render(folder.path(), output));
        git(folder.path(), &["rm", "--quiet", "--cached", tracked]);
        succeeds(&render(folder.path(), output));
    }
}

#[test]
fn a_work_tree_is_found_by_its_own_git_folder_or_file() {
    let folder = repository();
    put(&folder.path().join(".gitignore"), "sub/\nother/\n");
    // A nested repository has its own rules and files.
    fs::create_dir(folder.path().join("sub")).unwrap();
    git(&folder.path().join("sub"), &["init", "--quiet"]);
    is_refused(&render(folder.path(), &["--output", "sub/x.yaml"]));
    // A folder with that name that is not a repository.
    fs::create_dir_all(folder.path().join("other/.git")).unwrap();
    succeeds(&render(folder.path(), &["--output", "other/x.yaml"]));
    put(&folder.path().join("other/.git/HEAD"), "ref: refs/heads/main\n");
    is_refused(&render(folder.path(), &["--output", "other/y.yaml"]));
    fs::remove_dir_all(folder.path().join("other/.git")).unwrap();
    put(&folder.path().join("other/.git"), "gitdir: ../sub/.git\n");
    is_refused(&render(folder.path(), &["--output", "other/y.yaml"]));
}

#[cfg(target_os = "linux")]
#[test]
fn other_processes_cannot_read_the_environment_and_no_core_file_is_written() {
    use std::os::unix::fs::MetadataExt;
    use std::time::{Duration, Instant};
    let folder = tempfile::tempdir().unwrap();
    let mut child = nobody::regcred(folder.path(), [])
        .args(["render", "--namespaces-from", "-"])
        .env("DOCKERHUB_AUTH", LOGIN)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let proc = Path::new("/proc").join(child.id().to_string());
    let end = Instant::now() + Duration::from_secs(20);
    let core = || {
        let limits = fs::read_to_string(proc.join("limits")).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        line.split_whitespace().skip(4).take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    // It waits for its standard input. Files that belong to root cannot be read by other processes of this user.
    let is_shut = || fs::metadata(proc.join("environ")).unwrap().uid() == 0 && core() == ["0", "0"];
    while !is_shut() {
        assert!(Instant::now() < end, "{:?} {:?}", fs::metadata(proc.join("environ")).unwrap().uid(), core());
        std::thread::yield_now();
    }
    drop(child.stdin.take());
    child.wait().unwrap();
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
    // The same for logins of a cluster that was not chosen.
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
    krm_with(&[], folder, items, config)
}

fn krm_with(variables: &[(&str, &str)], folder: &Path, items: &str, config: &str) -> Output {
    let list =
        format!("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:{items}\nfunctionConfig: {config}\n");
    let mut child = Command::new(env!("CARGO_BIN_EXE_regcred"))
        .arg("krm")
        .env_clear()
        .envs([("DOCKERHUB_AUTH", LOGIN), ("PATH", &path())])
        .envs(variables.iter().copied())
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
    // Items of kustomize come from no file.
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

#[test]
fn a_function_puts_no_plain_secret_among_files_where_recipients_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let config = "{apiVersion: v1, kind: ConfigMap, data: {namespaces: a, allow-plaintext-in-git: 'true'}}";
    let run = |items: &str| krm_with(&[("REGCRED_RECIPIENTS", "age1x")], folder.path(), items, config);
    for items in [KPTFILE, " []"] {
        let output = run(items);
        assert_eq!(output.status.code(), Some(1));
        let (said, out) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
        assert!(said.contains("would hold the logins in clear") && !out.contains("kind: Secret\n"), "{said}");
    }
    succeeds(&run("\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"));
}

/// With a committed link, an attacker can make a run write elsewhere, or print a file from elsewhere. `@` is the path of the work tree.
#[cfg(unix)]
#[test]
fn no_link_of_a_work_tree_leads_out_of_it() {
    use std::os::unix::fs::symlink;
    let both = tempfile::tempdir().unwrap();
    let (folder, outside) = (both.path().join("repo"), both.path().join("outside"));
    put(&outside.join("secret"), "token: canary\n");
    put(&outside.join("namespace"), "canary\n");
    put(&outside.join("config.json"), LOGIN);
    put(&folder.join("sub/deep/file"), "");
    git(&folder, &["init", "--quiet"]);
    for (target, name) in [
        ("../outside", "out"),
        ("../outside", ".github"),
        ("../../outside/none", "sub/dangling"),
        (".git/refs/tags", "tags"),
        ("../outside/secret", "values.j2"),
        (".git/config", "git.j2"),
        ("/proc/self/environ", "environ.j2"),
        ("../outside/namespace", "names"),
        ("../outside/config.json", "config.json"),
        ("../outside/secret", ".sops.yaml"),
    ] {
        symlink(target, folder.join(name)).unwrap();
    }
    fs::create_dir(folder.join("templates")).unwrap();
    symlink("../../outside/secret", folder.join("templates/namespace.yaml.j2")).unwrap();
    symlink("repo", both.path().join("way")).unwrap();
    let away = tempfile::tempdir().unwrap();
    let way = both.path().join("way");
    let files = |folder: &Path| fs::read_dir(folder).unwrap().count();
    for (directory, to_it) in [
        (folder.clone(), ""),
        (folder.join("sub"), "../"),
        (folder.join("sub/deep"), "./../deep/../../"),
        (folder.clone(), "sub/deep/../../"),
        (away.path().to_owned(), way.join("x").to_str().unwrap().strip_suffix('x').unwrap()),
        (outside.clone(), "../repo/"),
    ] {
        for (arguments, said) in [
            ("render -n a --format directory --output @out", "out of its work tree"),
            ("render -n a --output @out/x.yaml", "out of its work tree"),
            ("render -n a --output @out/../outside/x.yaml", "out of its work tree"),
            ("render -n a --format directory --output @sub/dangling/x", "out of its work tree"),
            ("render -n a --format directory --output @tags", "below `.git`"),
            ("render -n a --output @.git/x.yaml", "in a Git work tree"),
            ("render -n a --format helm-values --chart @values.j2", "out of its work tree"),
            ("render -n a --format helm-values --chart @git.j2", "out of its work tree"),
            ("render -n a --format helm-values --chart @environ.j2", "out of its work tree"),
            ("render -n a --create-namespaces --templates @templates", "out of its work tree"),
            ("render --namespaces-from @names", "out of its work tree"),
            ("render -n a --docker-config-file @config.json", "out of its work tree"),
            ("render -n a --protect sealed --sealing-cert @values.j2", "out of its work tree"),
            ("render -n a --protect sops --format directory --output @new", "out of its work tree"),
            ("render --config @values.j2", "out of its work tree"),
            ("fetch-cert --output @out/x.pem", "out of its work tree"),
            ("fetch-cert --output @.git/hooks/pre-commit", "below `.git`"),
            ("init github --directory @out", "out of its work tree"),
            ("init github --directory @.", "out of its work tree"),
        ] {
            let output = Command::new(env!("CARGO_BIN_EXE_regcred"))
                .args(arguments.replace('@', to_it).split(' '))
                .env_clear()
                .envs([("DOCKERHUB_AUTH", LOGIN), ("PATH", &path())])
                .current_dir(&directory)
                .output()
                .unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{to_it} {arguments}: {stderr}");
            assert!(
                stderr.contains(said) && !stderr.contains("canary") && output.stdout.is_empty(),
                "{to_it} {arguments}: {stderr}"
            );
            assert_eq!(files(&outside), 3, "{arguments}");
            assert_eq!(files(&folder.join(".git/refs/tags")), 0, "{arguments}");
            assert!(!folder.join(".git/hooks/pre-commit").exists() && !folder.join("new").exists(), "{arguments}");
        }
    }
    // A link inside the work tree is no trap, nor is a link from outside that leads into it.
    symlink("sub/deep", folder.join("within")).unwrap();
    put(&folder.join("sub/values.j2"), "a: {{ secret_name }}\n");
    succeeds(&render(&folder, &["--output", way.join("within/x.yaml").to_str().unwrap(), "--allow-plaintext-in-git"]));
    let values = way.join("sub/values.j2");
    succeeds(&render(&folder, &["--format", "helm-values", "--chart", values.to_str().unwrap()]));
}

/// An unpacked archive may have links too.
#[cfg(unix)]
#[test]
fn no_link_takes_a_template_out_of_its_folder() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    put(&folder.path().join("secret"), "canary: canary-of-git\n");
    put(&folder.path().join("templates/real.j2"), "a: {{ secret_name }}\n");
    for (target, name) in [
        ("../secret", "values.j2"),
        ("/proc/self/environ", "environ.j2"),
        ("real.j2", "within.j2"),
        ("../secret", "namespace.yaml.j2"),
    ] {
        symlink(target, folder.path().join("templates").join(name)).unwrap();
    }
    for arguments in [
        "--format helm-values --chart templates/values.j2",
        "--format helm-values --chart templates/environ.j2",
        "--format helm-values --chart /proc/self/environ",
        "--create-namespaces --templates templates",
    ] {
        let output = render(folder.path(), &arguments.split(' ').collect::<Vec<_>>());
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments}: {text}");
        assert!(text.contains("a link leads out of") && !text.contains("canary"), "{arguments}: {text}");
        assert!(output.stdout.is_empty());
    }
    succeeds(&render(folder.path(), &["--format", "helm-values", "--chart", "templates/within.j2"]));
}

#[test]
fn a_gitignore_that_git_was_asked_with_is_not_left_over() {
    for (place, rule) in [("namespaces", "*"), ("namespaces/a", "*"), ("namespaces", "secret-*")] {
        for hash in ["", " sha256=0000"] {
            let folder = repository();
            let path = format!("{place}/.gitignore");
            put(&folder.path().join("out").join(&path), &format!("# Written by regcred\n{rule}\n"));
            put(&folder.path().join("out/regcred.lock"), &format!("# Written by regcred\n{path}{hash}\n"));
            git(folder.path(), &["add", "--all", "--force"]);
            let output = render(folder.path(), &TREE);
            git(folder.path(), &["add", "--all"]);
            let tracked = git(folder.path(), &["ls-files"]);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(!tracked.contains("secret-"), "{place} {rule}{hash}: {tracked}{said}");
        }
    }
}

#[test]
fn a_rule_in_a_file_of_the_output_that_is_no_gitignore_does_not_count() {
    let ours = "# Written by regcred\n";
    for (rules, lock) in [
        ("out/ignores", "ignores\n"),
        ("out/regcred.lock", ""),
        ("out/namespaces/a/serviceaccount-default.yaml", "namespaces/a/serviceaccount-default.yaml\n"),
    ] {
        for is_a_link in [false, true] {
            let folder = repository();
            put(&folder.path().join("out/regcred.lock"), &format!("{ours}{lock}"));
            // A rule that also is a line of the lock, and a comment in YAML.
            let rules_of = if lock.is_empty() { "namespaces\n" } else { "secret-*\n" };
            put(&folder.path().join(rules), &format!("{ours}{rules_of}"));
            git(folder.path(), &["add", "--all", "--force"]);
            let exclude = folder.path().join(".git/info/exclude");
            if cfg!(unix) && is_a_link {
                fs::remove_file(&exclude).unwrap();
                #[cfg(unix)]
                std::os::unix::fs::symlink(folder.path().join(rules), &exclude).unwrap();
            } else {
                git(folder.path(), &["config", "core.excludesFile", rules]);
            }
            let output = render(folder.path(), &TREE);
            is_refused(&output);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                said.contains("is ignored by a rule in ") && said.contains("that this run or Git may change"),
                "{said}"
            );
        }
    }
    // A single file that ignores itself.
    let folder = repository();
    put(&folder.path().join("v.yaml"), &format!("{ours}v.yaml\n"));
    git(folder.path(), &["config", "core.excludesFile", "v.yaml"]);
    is_refused(&render(folder.path(), &["--output", "v.yaml"]));
    // The folder of one cluster, which holds the rule for another one.
    let folder = repository();
    put(&folder.path().join("o/a/ignores"), &format!("{ours}secret-*\n"));
    put(&folder.path().join("o/a/regcred.lock"), &format!("{ours}ignores\n"));
    put(&folder.path().join("o/b/README"), "r\n");
    git(folder.path(), &["config", "core.excludesFile", "o/a/ignores"]);
    let config = "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: x}\nspec:\n  pullSecrets: [{name: p}]\n  clusters: [{name: a}, {name: b}]\n";
    put(&folder.path().join("regcred.yaml"), config);
    git(folder.path(), &["add", "--all", "--force"]);
    is_refused(&render(folder.path(), &["--format", "directory", "--output", "o"]));
}

#[test]
fn a_work_tree_that_begins_elsewhere_hides_no_tracked_file() {
    for (setting, leads, file, tracked) in [
        ("core.worktree", "../..", "x.yaml", "repo/x.yaml\n"),
        ("extensions.worktreeConfig", "../..", "x.yaml", "repo/x.yaml\n"),
        ("core.worktree", "../sub", "sub/x.yaml", "x.yaml\n"),
    ] {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("repo");
        let file = folder.join(file);
        put(&file, "# Written by regcred\n");
        put(&folder.join(".gitignore"), "*\n");
        git(&folder, &["init", "--quiet"]);
        if setting == "core.worktree" {
            git(&folder, &["config", setting, leads]);
        } else {
            git(&folder, &["config", setting, "true"]);
            put(&folder.join(".git/config.worktree"), &format!("[core]\n\tworktree = {leads}\n"));
        }
        let place = file.parent().unwrap();
        git(place, &["add", "--force", "x.yaml"]);
        assert_eq!(git(place, &["ls-files", "--full-name"]), tracked);
        let output = render(place, &["--output", "x.yaml"]);
        is_refused(&output);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("`core.worktree` names another folder"), "{said}");
    }
}

#[test]
fn a_folder_that_a_sparse_index_folds_counts_as_tracked() {
    let folder = repository();
    put(&folder.path().join("out/x.yaml"), "# Written by regcred\n");
    put(&folder.path().join("keep/y"), "b\n");
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "--message", "i"]);
    git(folder.path(), &["sparse-checkout", "set", "--cone", "--sparse-index", "keep"]);
    git(folder.path(), &["config", "sparse.expectFilesOutsideOfPatterns", "true"]);
    fs::create_dir_all(folder.path().join("out")).unwrap();
    git(folder.path(), &["init", "--quiet", "out"]);
    put(&folder.path().join("out/.git/info/exclude"), "*\n");
    is_refused(&render(folder.path(), &["--output", "out/x.yaml"]));
}

/// One cluster removes the `.gitignore` of its folder, and a link leads another cluster below that folder.
#[cfg(unix)]
#[test]
fn the_gitignore_of_another_cluster_does_not_count() {
    let folder = repository();
    let certificate = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates/rsa-2048.pem");
    put(&folder.path().join("a.pem"), &fs::read_to_string(certificate).unwrap());
    put(&folder.path().join("o/a/regcred.lock"), "# Written by regcred\n.gitignore\n");
    put(&folder.path().join("o/a/.gitignore"), "*\n");
    put(&folder.path().join("o/a/sub/regcred.lock"), "# Written by regcred\n");
    std::os::unix::fs::symlink("a/sub", folder.path().join("o/b")).unwrap();
    let config = "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: x}\nspec:\n  pullSecrets: [{name: p}]\n  \
        clusters: [{name: a, protect: sealed, sealing: {certificate: a.pem}}, {name: b, protect: plain}]\n";
    put(&folder.path().join("regcred.yaml"), config);
    git(folder.path(), &["add", "--all", "--force"]);
    let output = render(folder.path(), &["--output", "o"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(1) && said.contains("is ignored by a rule in `o/a/.gitignore` only"),
        "{said}"
    );
}

#[test]
fn the_values_of_one_cluster_may_be_ignored_by_a_rule_beside_them() {
    let folder = repository();
    let config = "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: x}\nspec:\n  pullSecrets: [{name: p}]\n  \
        clusters: [{name: a}, {name: b}]\n";
    put(&folder.path().join("regcred.yaml"), config);
    let arguments = ["--format", "helm-values", "--cluster", "a", "--output", "a.yaml"];
    is_refused(&render(folder.path(), &arguments));
    put(&folder.path().join(".gitignore"), "/a.yaml\n");
    succeeds(&render(folder.path(), &arguments));
}

#[test]
fn our_gitignore_goes_only_when_nothing_in_clear_is_left() {
    let folder = repository();
    let path = folder.path().join("out/namespaces/a");
    succeeds(&render(folder.path(), &TREE));
    let secret = fs::read_to_string(path.join("secret-image-pull-secret.yaml")).unwrap();
    put(&path.join("backup.yaml"), &secret);
    put(&path.join("README.md"), "Ours.\n");
    let certificate = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates/rsa-2048.pem");
    let sealed = [&TREE[..], &["--protect", "sealed", "--sealing-cert", certificate]].concat();
    let output = render(folder.path(), &sealed);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("`namespaces/a/backup.yaml` may hold a login"), "{said}");
    assert!(!said.contains("README") && !said.contains("canary"), "{said}");
    assert!(
        folder.path().join("out/.gitignore").exists() && !path.join("sealedsecret-image-pull-secret.yaml").exists()
    );
    fs::remove_file(path.join("backup.yaml")).unwrap();
    succeeds(&render(folder.path(), &sealed));
    git(folder.path(), &["add", "--all"]);
    let tracked = git(folder.path(), &["ls-files"]);
    assert!(tracked.contains("sealedsecret-") && !tracked.contains("/secret-"), "{tracked}");

    // A Secret of ours that is no longer in the lock counts like any other file.
    let folder = repository();
    succeeds(&render(folder.path(), &TREE));
    let lock = folder.path().join("out/regcred.lock");
    let text = fs::read_to_string(&lock).unwrap();
    let lost: String = text.split_inclusive('\n').filter(|line| !line.contains("/secret-")).collect();
    put(&lock, &lost);
    let output = render(folder.path(), &sealed);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("secret-image-pull-secret.yaml` may hold"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_removed_keeps_our_gitignore() {
    use std::os::unix::fs::PermissionsExt;
    let folder = repository();
    let out = folder.path().join("out");
    put(&out.join("stuck/x.yaml"), "# Written by regcred\n");
    put(&out.join(".gitignore"), "*\n");
    put(&out.join("regcred.lock"), "# Written by regcred\n.gitignore\nstuck/x.yaml\n");
    fs::set_permissions(out.join("stuck"), fs::Permissions::from_mode(0o555)).unwrap();
    let mut regcred = nobody::regcred(folder.path(), [out.clone(), out.join("regcred.lock")]);
    let output = regcred
        .env("DOCKERHUB_AUTH", LOGIN)
        .env("PATH", path())
        .args(["render", "-n", "a", "--format", "directory", "--output", "out", "--protect", "sealed"])
        .args(["--sealing-cert", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates/rsa-2048.pem")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("`stuck/x.yaml` cannot be written"), "{said}");
    assert!(out.join("stuck/x.yaml").exists() && out.join(".gitignore").exists());
}

/// Git would add the Secret after the run, because the run replaces or removes the file with the rule.
#[cfg(unix)]
#[test]
fn a_rule_that_the_run_may_remove_does_not_count() {
    use std::os::unix::fs::symlink;
    const FILE: [&str; 2] = ["--output", "v.yaml"];
    let refused = |folder: &Path, output: &[&str], named: &str| {
        git(folder, &["add", "--all", "--force"]);
        let output = render(folder, output);
        is_refused(&output);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.contains(&format!("ignored by a rule in `{named}` only")) && said.contains("outside of the output"),
            "{said}"
        );
    };
    let with_setting = |rules: &str| {
        let folder = repository();
        git(folder.path(), &["config", "core.excludesFile", rules]);
        folder
    };
    // A file that the lock lists is removed; the lock and a wanted file are replaced.
    let folder = with_setting("out/ignores");
    put(&folder.path().join("out/ignores"), "# Written by regcred\n*.yaml\n");
    put(&folder.path().join("out/regcred.lock"), "# Written by regcred\nignores\n");
    refused(folder.path(), &TREE, "out/ignores");
    let folder = with_setting("out/regcred.lock");
    put(&folder.path().join("out/regcred.lock"), "# Written by regcred\nsecret-*\n");
    refused(folder.path(), &TREE, "out/regcred.lock");
    let folder = with_setting("v.yaml");
    put(&folder.path().join("v.yaml"), "# Written by regcred\nv.yaml\n");
    git(folder.path(), &["config", "core.excludesFile", "v.yaml"]);
    is_refused(&render(folder.path(), &FILE));
    assert!(fs::read_to_string(folder.path().join("v.yaml")).unwrap().ends_with("\nv.yaml\n"));
    // The files beside it are replaced, too.
    for (chart, rules) in [("tamcore", "v.guard.yaml"), ("empathyco", "v.secret.yaml")] {
        let folder = with_setting(rules);
        put(&folder.path().join(rules), "# Written by regcred\nv.yaml\nv.secret.yaml\n");
        let arguments = ["render", "--format", "helm-values", "--chart", chart, "--output", "v.yaml"];
        let output = regcred(folder.path(), &[("DOCKERHUB_AUTH", LOGIN), ("PATH", &path())], &arguments);
        is_refused(&output);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(&format!("ignored by a rule in `{rules}` only")), "{said}");
    }
    // Through a link.
    let folder = repository();
    put(&folder.path().join("out/ignores"), "# Written by regcred\n*.yaml\n");
    fs::remove_file(folder.path().join(".git/info/exclude")).unwrap();
    symlink("../../out/ignores", folder.path().join(".git/info/exclude")).unwrap();
    refused(folder.path(), &TREE, ".git/info/exclude");
    // One cluster of a fleet removes the rule of another, also if the folder of a cluster is a link.
    let fleet = "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: x}\nspec:\n  \
         pullSecrets: [{name: p, namespaces: {include: [n]}}]\n  clusters: [{name: a}, {name: b}]\n";
    for (rules, linked) in [("o/a/ignores", false), ("a/ignores", true), ("o/a/.gitignore", false)] {
        let folder = with_setting(rules);
        put(&folder.path().join(rules), "# Written by regcred\nsecret-*\n");
        let name = rules.rsplit('/').next().unwrap();
        put(&folder.path().join(rules).with_file_name("regcred.lock"), &format!("# Written by regcred\n{name}\n"));
        if name == "ignores" {
            put(&folder.path().join(rules).with_file_name(".gitignore"), "*\n");
        }
        put(&folder.path().join("o/b/README"), "somebody's");
        put(&folder.path().join("regcred.yaml"), fleet);
        if linked {
            symlink("../a", folder.path().join("o/a")).unwrap();
        }
        git(folder.path(), &["add", "--all", "--force"]);
        let arguments = ["render", "--output", "o"];
        let output = regcred(folder.path(), &[("DOCKERHUB_AUTH", LOGIN), ("PATH", &path())], &arguments);
        is_refused(&output);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(&format!("ignored by a rule in `{rules}` only")), "{said}");
    }
    // A `.gitignore` in the output stays, as does a rule elsewhere.
    for rules in
        ["out/.gitignore", "out/namespaces/.gitignore", "out/namespaces/a/.gitignore", ".gitignore", "elsewhere"]
    {
        let folder = if rules == "elsewhere" { with_setting(rules) } else { repository() };
        put(&folder.path().join(rules), "secret-*\n");
        put(&folder.path().join("out/notes.txt"), "somebody's");
        succeeds(&render(folder.path(), &TREE));
        succeeds(&render(folder.path(), &TREE));
        git(folder.path(), &["add", "--all"]);
        assert!(!git(folder.path(), &["ls-files"]).contains("secret-"), "{rules}");
    }
}

/// The names in the index of such a repository begin at another folder, so a tracked file has another name there.
#[cfg(unix)]
#[test]
fn a_work_tree_that_begins_elsewhere_is_refused() {
    let both = tempfile::tempdir().unwrap();
    let folder = both.path().join("repo");
    put(&folder.join("x.yaml"), "# Written by regcred\n");
    put(&folder.join(".gitignore"), "*\n");
    git(&folder, &["init", "--quiet"]);
    let output = |folder: &Path| render(folder, &["--output", "x.yaml"]);
    succeeds(&output(&folder));
    let elsewhere = tempfile::tempdir().unwrap();
    for (place, is_here) in
        [("../..", false), (elsewhere.path().to_str().unwrap(), false), ("..", true), (folder.to_str().unwrap(), true)]
    {
        for file in ["config", "config.worktree"] {
            git(&folder, &["config", "extensions.worktreeConfig", "true"]);
            let file = folder.join(".git").join(file);
            let before = fs::read_to_string(&file).unwrap_or_default();
            put(&file, &format!("{before}[core]\n\tworktree = {place}\n"));
            let output = output(&folder);
            put(&file, &before);
            if is_here {
                succeeds(&output);
                continue;
            }
            is_refused(&output);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(said.contains("its `core.worktree` names another folder"), "{place}: {said}");
        }
    }
    // A submodule names its own folder, and a repository without a work tree has linked ones.
    git(&folder, &["commit", "--quiet", "--allow-empty", "--message", "first"]);
    let outer = repository();
    let source = folder.to_str().unwrap();
    git(outer.path(), &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", source, "sub"]);
    put(&outer.path().join(".git/modules/sub/info/exclude"), "*\n");
    assert!(fs::read_to_string(outer.path().join(".git/modules/sub/config")).unwrap().contains("worktree = "));
    succeeds(&output(&outer.path().join("sub")));
    let around = tempfile::tempdir().unwrap();
    git(around.path(), &["clone", "--quiet", "--bare", source, ".bare"]);
    put(&around.path().join(".git"), "gitdir: ./.bare\n");
    git(around.path(), &["worktree", "add", "--quiet", "-b", "other", "linked"]);
    put(&around.path().join(".bare/info/exclude"), "*\n");
    succeeds(&output(&around.path().join("linked")));
}

#[test]
fn git_writes_no_trace() {
    let (folder, home, traces) = (repository(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    put(&folder.path().join(".gitignore"), "x.yaml\n");
    let to = |name: &str| format!("\t{name} = {}\n", traces.path().join(name).display());
    let targets = ["normalTarget", "eventTarget", "perfTarget"].map(to).concat();
    put(&home.path().join(".gitconfig"), &format!("[trace2]\n{targets}"));
    let variables = [("DOCKERHUB_AUTH", LOGIN), ("PATH", &path()), ("HOME", home.path().to_str().unwrap())];
    succeeds(&regcred(folder.path(), &variables, &["render", "-n", "a", "--output", "x.yaml"]));
    assert_eq!(fs::read_dir(traces.path()).unwrap().count(), 0);
}

#[test]
fn a_gitignore_that_is_tracked_but_not_checked_out_does_not_count() {
    let folder = repository();
    put(&folder.path().join("sub/.gitignore"), "*.yaml\n");
    git(folder.path(), &["add", "--all"]);
    let output = ["--output", "sub/x.yaml"];
    succeeds(&render(folder.path(), &output));
    git(folder.path(), &["update-index", "--skip-worktree", "sub/.gitignore"]);
    fs::remove_file(folder.path().join("sub/.gitignore")).unwrap();
    let refused = || {
        let output = render(folder.path(), &output);
        is_refused(&output);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("`sub/.gitignore` is tracked, and not checked out"), "{said}");
    };
    refused();
    // Git does not follow a link there, and takes the rules from its database.
    std::os::unix::fs::symlink("other", folder.path().join("sub/.gitignore")).unwrap();
    refused();
    // Rules that somebody has deleted do not count for Git.
    git(folder.path(), &["update-index", "--no-skip-worktree", "sub/.gitignore"]);
    fs::remove_file(folder.path().join("sub/.gitignore")).unwrap();
    is_refused(&render(folder.path(), &output));
    put(&folder.path().join(".gitignore"), "*.yaml\n");
    succeeds(&render(folder.path(), &output));
}

#[test]
fn a_rule_in_a_file_that_does_not_last_does_not_count() {
    let refused = |folder: &Path| {
        let output = render(folder, &["--output", "x.yaml"]);
        is_refused(&output);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("a file that this run or Git may change"), "{said}");
    };
    let with_rules = || {
        let folder = repository();
        put(&folder.path().join(".git/description"), "x.yaml\n");
        folder
    };
    let folder = with_rules();
    git(folder.path(), &["config", "core.excludesFile", ".git/description"]);
    refused(folder.path());
    let folder = with_rules();
    let exclude = folder.path().join(".git/info/exclude");
    fs::remove_file(&exclude).unwrap();
    std::os::unix::fs::symlink("../description", exclude).unwrap();
    refused(folder.path());
    // The folder of Git has another name, and a branch is called `info/exclude`.
    let outside = tempfile::tempdir().unwrap();
    let folder = with_rules();
    fs::rename(folder.path().join(".git"), outside.path().join("git")).unwrap();
    put(&folder.path().join(".git"), &format!("gitdir: {}/git\n", outside.path().display()));
    let description = outside.path().join("git/description");
    git(folder.path(), &["config", "core.excludesFile", description.to_str().unwrap()]);
    refused(folder.path());
    let folder = repository();
    put(&folder.path().join(".git/logs/refs/heads/info/exclude"), "x.yaml\n");
    git(folder.path(), &["config", "core.excludesFile", ".git/logs/refs/heads/info/exclude"]);
    refused(folder.path());
    let folder = repository();
    put(&folder.path().join(".git/COMMIT_EDITMSG"), "x.yaml\n");
    fs::hard_link(folder.path().join(".git/COMMIT_EDITMSG"), folder.path().join(".gitignore")).unwrap();
    refused(folder.path());
}

#[test]
fn a_folder_that_only_looks_like_a_repository_of_its_own_is_refused() {
    use std::os::unix::fs::symlink;
    let refused = |outer: &Path, reason: &str| {
        let output = render(outer, &["--output", "out/x.yaml"]);
        is_refused(&output);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(reason), "{said}");
    };
    // Two work trees have the same `.git`.
    let shared = |inner: &str, outer: &str| {
        let folder = repository();
        put(&folder.path().join(".git/info/exclude"), "/x.yaml\n");
        let out = folder.path().join("out");
        fs::create_dir(&out).unwrap();
        match (inner, outer) {
            ("", outer) => {
                fs::rename(folder.path().join(".git"), out.join(".git")).unwrap();
                put(&folder.path().join(".git"), outer);
            }
            (inner, _) => symlink(inner, out.join(".git")).unwrap(),
        }
        folder
    };
    for (inner, outer) in [("", "gitdir: out/.git\n"), ("../.git", "")] {
        refused(shared(inner, outer).path(), "it shares its folder `.git` with the work tree");
    }
    // The work tree is its own folder of Git.
    let folder = repository();
    git(folder.path(), &["init", "--quiet", "--bare", "out"]);
    git(&folder.path().join("out"), &["config", "core.bare", "false"]);
    git(&folder.path().join("out"), &["--git-dir", ".", "config", "core.worktree", "."]);
    put(&folder.path().join(".gitignore"), "out\n");
    is_refused(&render(&folder.path().join("out"), &["--output", "x.yaml"]));
    // Its objects and settings are in another folder.
    let folder = repository();
    put(&folder.path().join(".gitignore"), "out\n");
    put(&folder.path().join("out/HEAD"), "ref: refs/heads/main\n");
    put(&folder.path().join("out/commondir"), "../.git\n");
    is_refused(&render(&folder.path().join("out"), &["--output", "x.yaml"]));
    let folder = repository();
    git(folder.path(), &["init", "--quiet", "--bare", "out"]);
    git(&folder.path().join("out"), &["config", "core.bare", "false"]);
    put(&folder.path().join("out/info/exclude"), "*\n");
    put(&folder.path().join("out/.git"), "gitdir: .\n");
    refused(folder.path(), "itself laid out like a folder `.git`");
}
