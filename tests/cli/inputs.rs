//! Tests inputs that are not variables: large files, pipes, descriptors of a shell, text that is not UTF-8, and unreadable files.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use crate::harness::nobody;
use crate::harness::regcred::regcred;
use crate::harness::stand_in::program;

const LOGIN: &str = r#"{"auths":{"ghcr.io":{"username":"acme","password":"canary-of-the-pipe"}}}"#;

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A named pipe, into which `text` is written as soon as somebody reads.
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
    let arguments = ["render", "--docker-config-file", "logins", "--namespaces-from", "namespaces", "--format", "json"];
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
        "'{}' render --docker-config-file /dev/fd/3 --namespaces-from /dev/fd/4 --format json 3<<'A' 4<<'B'\n{LOGIN}\nA\nteam-a\nB\n",
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

#[test]
fn a_variable_that_is_no_text_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let variable = |name: &str, arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_regcred"))
            .args(arguments)
            .env_clear()
            .envs([("DOCKERHUB_AUTH", LOGIN), ("U", "acme"), ("P", "canary-of-the-variable")])
            .env(name, OsStr::from_bytes(b"canary-of-the-variable\xff"))
            .current_dir(folder.path())
            .output()
            .unwrap();
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{name}: {text}");
        assert!(output.stdout.is_empty());
        assert!(text.contains(&format!("error: `{name}` is not UTF-8 text\n  hint: ")), "{name}: {text}");
        assert!(!text.contains("canary"), "{name}: {text}");
    };
    variable("DOCKERHUB_AUTH", &["verify"]);
    variable("U", &["verify", "--login", "ghcr.io=U:P"]);
    variable("P", &["verify", "--login", "ghcr.io=U:P"]);
    variable("REGCRED_NAMESPACES", &["render"]);
}

#[test]
fn a_file_that_is_no_text_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::File::create(&path).unwrap().write_all(b"team-a\xff\n").unwrap();
    let path = path.to_str().unwrap();
    for (arguments, named) in [
        (&["render", "--namespaces-from", path][..], "`--namespaces-from`"),
        (&["render", "--namespaces-from", "/dev/stdin"], "`--namespaces-from`"),
        (&["verify", "--docker-config-file", path], "`--docker-config-file"),
        (&["verify", "--docker-config", "P"], "`P`"),
        (&["verify", "--login", "ghcr.io=U:P"], "`P`"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_regcred"))
            .args(arguments)
            .env_clear()
            .envs([("DOCKERHUB_AUTH", LOGIN), ("U", "acme"), ("P", path)])
            .stdin(fs::File::open(path).unwrap())
            .output()
            .unwrap();
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
        assert!(text.contains(named) && text.contains("is not UTF-8 text\n  hint: "), "{arguments:?}: {text}");
    }
}

#[test]
fn what_this_user_may_not_read_is_named_and_taken_for_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    let (secret, behind) = (folder.path().join("secret"), closed.join("secret"));
    for path in [&secret, &behind] {
        fs::File::create(path).unwrap().write_all(LOGIN.as_bytes()).unwrap();
    }
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(&secret, 0o000);
    mode(&closed, 0o000);
    for path in [&secret, &behind].map(|path| path.to_str().unwrap()) {
        for (variable, arguments, named) in [
            ("DOCKERHUB_AUTH", &["verify"][..], "`DOCKERHUB_AUTH`"),
            ("U", &["verify", "--login", "ghcr.io=U:P"], "`U`"),
            ("P", &["verify", "--login", "ghcr.io=U:P"], "`P`"),
            ("P", &["verify", "--docker-config-file", path], "`--docker-config-file"),
            ("P", &["render", "--namespaces-from", path], "`--namespaces-from`"),
        ] {
            let output = nobody::regcred(folder.path(), [])
                .args(arguments)
                .envs([("DOCKERHUB_AUTH", LOGIN), ("U", "acme"), ("P", "canary")])
                .env(variable, path)
                .output()
                .unwrap();
            let text = stderr(&output);
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
            assert!(
                text.contains(named) && text.contains("cannot be read: permission denied\n"),
                "{arguments:?}: {text}"
            );
        }
    }
    mode(&closed, 0o700);
    let there = folder.path().join("there.yaml");
    fs::File::create(&there).unwrap().write_all(b"# Written by regcred\n").unwrap();
    mode(&there, 0o000);
    for more in [&["--check"][..], &[]] {
        let output = nobody::regcred(folder.path(), [])
            .args(["render", "--no-config", "-n", "a", "--output", "there.yaml"])
            .args(more)
            .env("DOCKERHUB_AUTH", LOGIN)
            .output()
            .unwrap();
        let text = stderr(&output);
        assert!(text.contains("the file of `--output` exists, but cannot be read: permission denied\n"), "{text}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn as_many_threads_do_everything_as_can_be_started() {
    let folder = tempfile::tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates/rsa-2048.pem");
    fs::copy(from, folder.path().join("cert.pem")).unwrap();
    fs::create_dir(folder.path().join("own")).unwrap();
    fs::copy(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/namespace.yaml.j2"),
        folder.path().join("own/namespace.yaml.j2"),
    )
    .unwrap();
    // The limit of processes counts threads, and does not apply to root.
    let regcred = nobody::regcred(folder.path(), []);
    let arguments =
        "render --no-config -n a,b,c --create-namespaces --templates own --protect sealed --sealing-cert cert.pem";
    for processes in 0..8 {
        let mut limited = Command::new("prlimit");
        limited.arg(format!("--nproc={processes}")).arg("--").arg(regcred.get_program()).args(arguments.split(' '));
        limited.env_clear().env("DOCKERHUB_AUTH", LOGIN).env("PATH", "/usr/bin:/bin").current_dir(folder.path());
        nobody::become_nobody(&mut limited);
        let output = limited.output().unwrap();
        assert!(output.status.success(), "{processes}: {}", stderr(&output));
        assert_eq!(String::from_utf8_lossy(&output.stdout).matches("kind: SealedSecret").count(), 3);
    }
}

#[test]
fn a_credential_helper_is_asked_without_the_variables_of_logins() {
    let folder = tempfile::tempdir().unwrap();
    let helper = folder.path().join("docker-credential-test");
    let script = "read -r server || :\n[ -z \"$DOCKERHUB_AUTH\" ] || exit 1\n\
                  [ \"$1 $server\" = 'get quay.io' ] || exit 1\n\
                  echo '{\"ServerURL\":\"quay.io\",\"Username\":\"acme\",\"Secret\":\"canary-of-the-helper\"}'\n";
    program(&helper, script);
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let config = r#"{"auths":{"quay.io":{}},"credHelpers":{"quay.io":"test"}}"#;
    let variables = [("PATH", path.as_str()), ("DOCKERHUB_AUTH", config)];
    let raw = ["render", "--format", "docker-config", "--raw", "--credential-helpers"];
    let output = regcred(folder.path(), &variables, &raw);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("canary-of-the-helper"));
    let output = regcred(folder.path(), &variables, &["verify", "--credential-helpers"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(!String::from_utf8_lossy(&output.stdout).contains("canary") && !stderr(&output).contains("canary"));
}

#[test]
fn inject_reads_utf_16_with_its_mark() {
    let pod = "\u{feff}apiVersion: v1\nkind: Pod\nmetadata: {name: é}\nspec:\n  containers: [{name: a, image: ghcr.io/a/b}]\n";
    for order in [u16::to_le_bytes, u16::to_be_bytes] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pod.yaml");
        let bytes: Vec<u8> = pod.encode_utf16().flat_map(order).collect();
        fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_regcred"))
            .args(["inject", "--registry", "ghcr.io"])
            .env_clear()
            .current_dir(folder.path())
            .stdin(fs::File::open(&path).unwrap())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(text.contains("{name: é}") && text.contains("imagePullSecrets"), "{text}");
    }
}

/// The exit status after the program has ended by itself, and its messages.
fn in_time(folder: &Path, arguments: &str, stdin: &str) -> (Option<i32>, String) {
    let mut child = Command::new("timeout")
        .args(["100", env!("CARGO_BIN_EXE_regcred")])
        .args(arguments.split(' '))
        .env_clear()
        .envs([("DOCKERHUB_AUTH", LOGIN), ("PATH", "/usr/bin:/bin"), ("HOME", "/nonexistent")])
        .current_dir(folder)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), stderr(&output))
}

#[cfg(target_os = "linux")]
#[test]
fn a_device_or_a_pipe_in_the_place_of_a_file_of_the_repository_is_refused_at_once() {
    const NOT_REGULAR: &str = "cannot be read: it is not a regular file";
    const LINK: &str = "a link leads";
    const LIST: &str = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: []\nfunctionConfig:\n  apiVersion: v1\n  \
                        kind: ConfigMap\n  metadata: {name: f, annotations: {config.kubernetes.io/local-config: 'true'}}\n  \
                        data: {namespaces: a}\n";
    let generator = LIST.replace(
        "items: []",
        "items:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: f, annotations: \
                                               {config.kubernetes.io/local-config: 'true'}}\n  data: {namespaces: a}",
    );
    for (file, arguments, status, words) in [
        ("regcred.yaml", "verify --list", 1, "not a regular file"),
        ("own/namespace.yaml.j2", "render -n a --create-namespaces --templates own", 1, NOT_REGULAR),
        ("values.j2", "render -n a --format helm-values --chart values.j2", 1, NOT_REGULAR),
        ("cert.pem", "render -n a --protect sealed --sealing-cert cert.pem", 1, NOT_REGULAR),
        ("list", "render --namespaces-from list", 1, NOT_REGULAR),
        ("config.json", "verify --docker-config-file config.json", 1, "neither a regular file nor a pipe"),
        ("kustomization.yaml", "krm", 0, ""),
        (".gitlab-ci.yml", "init gitlab", 1, ".gitlab-ci.yml"),
        #[cfg(feature = "cluster")]
        ("kubeconfig", "apply -n a --kubeconfig kubeconfig", 1, NOT_REGULAR),
        ("out/.gitignore", "render -n a --format directory --output out", 1, "error"),
    ] {
        // A user who names a pipe by a flag also writes to it.
        let is_piped = !["list", "config.json"].contains(&file);
        for kind in ["device", "device without Git", "pipe"].into_iter().filter(|kind| is_piped || *kind != "pipe") {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if kind != "device without Git" {
                fs::create_dir_all(folder.path().join(".git/objects")).unwrap();
                fs::File::create(folder.path().join(".git/HEAD")).unwrap();
            }
            // Only a link brings a device into a repository, and a template may never be a link out of its folder.
            let of_others = ["config.json", "kubeconfig", "kustomization.yaml", "out/.gitignore"];
            let is_a_trap = match kind {
                "device" => !of_others.contains(&file),
                "device without Git" => ["own/namespace.yaml.j2", "values.j2"].contains(&file),
                _ => false,
            };
            let is_unread = (kind, file) == ("device without Git", "out/.gitignore");
            let (status, words) = if is_unread { (0, "") } else { (status, if is_a_trap { LINK } else { words }) };
            if kind == "pipe" {
                assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
            } else {
                std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
            }
            let (ended, said) = in_time(folder.path(), arguments, if arguments == "krm" { &generator } else { "" });
            assert_eq!(ended, Some(status), "{file}, a {kind}: {said}");
            assert!(said.contains(words), "{file}, a {kind}: {said}");
        }
    }
}

#[test]
fn a_regcred_yaml_of_very_many_faults_is_refused_in_time() {
    const HEAD: &str = "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\nspec:\n";
    let many: Vec<_> = (0..50_000).map(|number| format!("  k{number}: 1\n")).collect();
    let many = many.concat();
    for spec in [many, format!("  format: {}\n", "z".repeat(4_000_000))] {
        let folder = tempfile::tempdir().unwrap();
        fs::File::create(folder.path().join("regcred.yaml"))
            .unwrap()
            .write_all([HEAD, &spec].concat().as_bytes())
            .unwrap();
        let started = std::time::Instant::now();
        let (ended, said) = in_time(folder.path(), "verify --list", "");
        assert!(ended == Some(1) && said.len() < 100_000, "{} bytes", said.len());
        assert!(started.elapsed().as_secs() < 15, "{:?}", started.elapsed());
    }
}

#[test]
fn more_clusters_pull_secrets_and_globs_than_anybody_has_are_refused_in_time() {
    const HEAD: &str =
        "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\nspec:\n  link: none\n";
    let list = |name: &str, count: usize, item: &dyn Fn(usize) -> String| {
        format!("  {name}:\n  - {}\n", (0..count).map(item).collect::<Vec<_>>().join("\n  - "))
    };
    let globs = (0..1_001).map(|number| format!("'*-q{number}*'")).collect::<Vec<_>>().join(",");
    let pull_secrets = |count, globs: &str| {
        let item = |number| format!("{{name: s{number}, namespaces: {{include: ['*'], exclude: [{globs}]}}}}");
        list("pullSecrets", count, &item)
    };
    let clusters = list("clusters", 400, &|number| format!("{{name: c{number}}}"));
    for (spec, words) in [
        (pull_secrets(400, "") + &clusters, "400 clusters with 160000 pull secrets together, and at most 100000"),
        (pull_secrets(1, &globs), "there are 1001 globs for namespaces, and at most 1000"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::File::create(folder.path().join("regcred.yaml"))
            .unwrap()
            .write_all((HEAD.to_owned() + &spec).as_bytes())
            .unwrap();
        let names = (0..1_000).map(|number| format!("team-{number}")).collect::<Vec<_>>().join("\n");
        let started = std::time::Instant::now();
        let (ended, said) = in_time(folder.path(), "verify --list --namespaces-from -", &names);
        assert!(ended == Some(1) || ended == Some(2), "{said}");
        assert!(said.contains(words), "{said}");
        assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
    }
}

#[test]
fn a_file_that_is_mostly_a_hole_is_refused_at_once() {
    for (file, arguments) in [
        ("out/regcred.lock", "render -n a --format directory --output out"),
        ("out/namespaces/a/secret-image-pull-secret.yaml", "render -n a --format directory --output out"),
        ("one.yaml", "render -n a --output one.yaml"),
        #[cfg(feature = "cluster")]
        ("kubeconfig", "apply -n a --kubeconfig kubeconfig"),
        ("regcred.yaml", "verify --list"),
        ("config.json", "verify --docker-config-file config.json"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::File::create(&path).unwrap().set_len(5 << 30).unwrap();
        let started = std::time::Instant::now();
        let (ended, said) = in_time(folder.path(), arguments, "");
        assert_eq!(ended, Some(1), "{file}: {said}");
        assert!(started.elapsed().as_secs() < 15, "{file}: {:?}", started.elapsed());
    }
}

#[test]
fn a_template_without_an_end_is_an_error_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("own")).unwrap();
    for (template, words) in [
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "has no end"),
        (
            "{% for a in range(99999) %}{% for b in range(999) %}{{ name }}{{ name }}{{ name }}{% endfor %}{% endfor %}",
            "has no end",
        ),
        ("{% set n = namespace(s='x') %}{% for a in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}", "far too much"),
        (
            "{% set n = namespace(s=['x']) %}{% for a in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}{{ n.s|length }}",
            "far too much",
        ),
        (
            "{% set n = namespace(s='x') %}{% for a in range(60) %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s }}",
            "far too much",
        ),
        (
            "{% macro d(s, n) %}{% if n %}{{ d(s ~ s, n - 1) }}{% endif %}{% endmacro %}{{ d('xxxxxxxxxxxxxxxx', 50) }}",
            "far too much",
        ),
        ("{{ 'x' * 9000000000 }}", "the template"),
        ("{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}", "has no end"),
        ("{% include 'namespace.yaml.j2' %}", "has no end"),
    ] {
        let mut file = fs::File::create(folder.path().join("own/namespace.yaml.j2")).unwrap();
        file.write_all(template.replace("{{ name }}", &"n".repeat(500)).as_bytes()).unwrap();
        let (ended, said) = in_time(folder.path(), "render -n a --create-namespaces --templates own", "");
        assert_eq!(ended, Some(1), "{said}");
        assert!(said.contains("the template `namespace.yaml.j2`") && said.contains(words), "{said}");
        assert!(said.contains("hint: look at its loops and macros"), "{said}");
    }
}

#[test]
fn a_regcred_yaml_with_an_alias_that_contains_itself_is_an_error() {
    const HEAD: &str = "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\nspec:\n";
    for spec in ["  pullSecrets: &a [*a]\n", "  sealing: &a {<<: *a}\n", "  clusters:\n  - &a {name: eu, <<: *a}\n"] {
        let folder = tempfile::tempdir().unwrap();
        let mut file = fs::File::create(folder.path().join("regcred.yaml")).unwrap();
        file.write_all([HEAD, spec].concat().as_bytes()).unwrap();
        let (ended, said) = in_time(folder.path(), "verify --list", "");
        assert_eq!(ended, Some(1), "{spec}: {said}");
        assert!(said.contains("regcred.yaml: too many YAML aliases, or an alias that contains itself"), "{said}");
    }
}

#[test]
fn a_yaml_of_merges_ends_at_once_wherever_yaml_is_read() {
    let mut merges = "a0: &a0 {x: y}\n".to_owned();
    let mut aliases = "b0: &b0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..40 {
        let before = level - 1;
        let two = |name: char| format!("*{name}{before}, *{name}{before}");
        merges = [merges, format!("a{level}: &a{level} {{<<: [{0}, {0}]}}\n", two('a'))].concat();
        aliases = [aliases, format!("b{level}: &b{level} [{0}, {0}]\n", two('b'))].concat();
    }
    for bomb in [merges, aliases, "a: &a {b: *a}\n".to_owned()] {
        let list = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nfunctionConfig: {apiVersion: v1, kind: ConfigMap, \
                    metadata: {name: f}, data: {namespaces: a}}\nitems: []\n";
        for (file, arguments, stdin) in [
            ("regcred.yaml", "verify --list", ""),
            ("list", "render --namespaces-from list", ""),
            (".gitlab-ci.yml", "init gitlab", ""),
            ("own/namespace.yaml.j2", "render -n a --create-namespaces --templates own", ""),
            ("values.j2", "render -n a --format helm-values --chart values.j2", ""),
            ("kustomization.yaml", "krm", list),
            (
                "out/namespaces/a/secret-image-pull-secret.yaml",
                "render -n a --format directory --output out --check",
                "",
            ),
            ("one.yaml", "render -n a --output one.yaml --check", ""),
            ("none", "inject --registry ghcr.io", bomb.as_str()),
            ("none", "krm", bomb.as_str()),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let mut written = fs::File::create(&path).unwrap();
            write!(written, "# Written by regcred\n{bomb}").unwrap();
            let started = std::time::Instant::now();
            let (ended, said) = in_time(folder.path(), arguments, stdin);
            assert!(ended.is_some_and(|status| status < 4), "{file}: {arguments}: {ended:?} {said}");
            assert!(started.elapsed().as_secs() < 15, "{file}: {arguments}: {:?}", started.elapsed());
        }
    }
}

/// A name in a repository may contain text that a terminal or a CI takes for a command.
#[test]
fn no_name_is_printed_as_a_command() {
    let folder = tempfile::tempdir().unwrap();
    for name in
        ["a\n::error::b", "::set-output name=x::y", "\u{1b}[2K\r", "##vso[task.setvariable variable=X]y", "a\u{2028}b"]
    {
        let path = folder.path().join(name);
        fs::File::create(&path).unwrap().write_all(b"spec: {a: 1, b: 2}\n").unwrap();
        let arguments = ["render", "-v", "--config", path.to_str().unwrap()];
        let output = regcred(folder.path(), &[], &arguments);
        assert_eq!(output.status.code(), Some(1));
        let text = stderr(&output);
        assert!(text.contains("unknown field"), "{text}");
        for line in text.lines() {
            assert!(!line.trim_start().starts_with("::") && !line.contains("##"), "{line}");
            assert!(!line.contains(|letter: char| letter.is_control() || letter == '\u{2028}'), "{line}");
        }
    }
}
