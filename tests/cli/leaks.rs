//! Runs every command with canaries in user name, password and Docker config, and searches all output for them.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Output;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::json;

use crate::harness::regcred::regcred;
#[cfg(unix)]
use crate::harness::stand_in::{ENCRYPTS, program};

/// Each canary has characters that URLs, JSON and Go's JSON escape, and none that would make a check treat it as a name and show it.
const USER: &str = "Kanarie7+Gast<9";
const PASSWORD: &str = "K4n4r1e/\"Zingt&Vals\\é>";
/// A token without any odd character, which could be a name or a part of an image.
const TOKEN: &str = "ghp_K4n4r1eZingtNachts22";

/// Where the values of secrets may appear: only in `render`'s output, on stdout.
#[derive(Clone, Copy, PartialEq)]
enum Stdout {
    Chosen,
    Silent,
}

fn docker_config() -> String {
    json!({"auths": {"ghcr.io": {"username": USER, "password": PASSWORD}, "quay.io": {"username": TOKEN, "password": TOKEN}}}).to_string()
}

fn entry(entry: &serde_json::Value) -> String {
    json!({"auths": {"ghcr.io": entry}}).to_string()
}

/// Every value that a Docker config's variable or file may hold by mistake, and the right one.
fn values() -> Vec<String> {
    let config = docker_config();
    let pair = format!("{USER}:{PASSWORD}");
    let auth = STANDARD.encode(&pair);
    let mut values = vec![
        config.clone(),
        STANDARD.encode(&config),
        STANDARD.encode(STANDARD.encode(&config)),
        config[..config.len() - 2].to_owned(),
        config.replace("password", "pass\u{7}word"),
        STANDARD.encode(&config)[..61].to_owned(),
        pair.clone(),
        auth.clone(),
        USER.to_owned(),
        PASSWORD.to_owned(),
        TOKEN.to_owned(),
        format!("/{TOKEN}"),
        format!("'{config}'"),
        format!("{USER}:{PASSWORD} {TOKEN}"),
        json!({"apiVersion": "v1", "data": {".dockerconfigjson": STANDARD.encode(&config)}}).to_string(),
        format!("ref+vault://{TOKEN}"),
        json!({ PASSWORD: {"auth": auth} }).to_string(),
        json!([PASSWORD]).to_string(),
        json!({"auths": {PASSWORD: {"auth": auth}, USER: {}, TOKEN: {"auth": auth}}}).to_string(),
        json!({"auths": PASSWORD, "credsStore": TOKEN}).to_string(),
        json!({"credHelpers": {TOKEN: PASSWORD}}).to_string(),
    ];
    values.extend(
        [
            json!(PASSWORD),
            json!([PASSWORD]),
            json!({"auth": PASSWORD}),
            json!({"auth": STANDARD.encode(PASSWORD)}),
            json!({"auth": auth, "password": TOKEN}),
            json!({"auth": STANDARD.encode(format!("{USER}:")), "identitytoken": PASSWORD}),
            json!({"username": USER, "identitytoken": TOKEN}),
            json!({"username": USER}),
            json!({"username": [USER], "password": PASSWORD}),
            json!({"username": format!("{USER}:x"), "password": PASSWORD}),
            json!({"username": format!("{USER}\u{1}"), "password": format!("{PASSWORD}\n")}),
            json!({"username": USER, "password": format!("ref+exec://{PASSWORD}")}),
            json!({"username": USER, "password": format!("ghs_{PASSWORD}")}),
            json!({"username": format!("robot+{USER}"), "password": PASSWORD, "email": TOKEN}),
        ]
        .iter()
        .map(entry),
    );
    values
}

/// Every text in which a canary could appear.
fn forms() -> Vec<String> {
    let mut forms = Vec::new();
    for canary in [USER, PASSWORD, TOKEN] {
        let json = json!(canary).to_string();
        let go = json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
        let url = canary.bytes().fold(String::new(), |mut text, byte| {
            if byte.is_ascii_alphanumeric() || byte == b'_' {
                text.push(char::from(byte));
            } else {
                write!(text, "%{byte:02X}").unwrap();
            }
            text
        });
        forms.extend([canary.to_owned(), url, json.trim_matches('"').to_owned(), go.trim_matches('"').to_owned()]);
        forms.push(format!("{canary:?}").trim_matches('"').to_owned());
        // Inside a longer text, base64 begins at one of three offsets: search for the part that all of them share.
        for before in 0..3 {
            for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
                let text = engine.encode(format!("{}{canary}", "x".repeat(before)));
                forms.push(text[4 * usize::from(before > 0)..text.len() - 2].to_owned());
            }
        }
        // Parts that are long enough, because an error that quotes its input may cut it.
        let letters: Vec<char> = canary.chars().collect();
        forms.extend(letters.windows(8).map(|part| part.iter().collect::<String>()));
    }
    forms
}

#[track_caller]
fn assert_silent(forms: &[String], output: &Output, stdout: Stdout, what: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let said = match stdout {
        Stdout::Chosen if output.status.success() => stderr.into_owned(),
        _ => stderr.into_owned() + &String::from_utf8_lossy(&output.stdout),
    };
    for form in forms {
        assert!(!said.contains(form), "{what}: `{form}` came out in: {said}");
    }
    assert!(matches!(output.status.code(), Some(0..=3)), "{what}: {:?}", output.status);
}

fn loud<'a>(variables: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [variables, &[("RUST_LOG", "trace"), ("RUST_BACKTRACE", "full")]].concat()
}

const CERTIFICATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates/rsa-2048.pem");

/// Every command that reads logins, and one of each other kind.
const COMMANDS: &[(&[&str], Stdout)] = &[
    (&["render", "-n", "a"], Stdout::Chosen),
    (&["render", "-n", "a", "--format", "json", "-v"], Stdout::Chosen),
    (&["render", "-n", "a", "--link", "policy"], Stdout::Chosen),
    (&["render", "--format", "docker-config"], Stdout::Chosen),
    (&["render", "--format", "docker-config", "--raw"], Stdout::Chosen),
    (&["render", "-n", "a", "--protect", "sealed", "--sealing-cert", CERTIFICATE], Stdout::Silent),
    (&["render", "-n", "a", "--protect", "sealed", "--sealing-cert", "/dev/null"], Stdout::Silent),
    (&["render", "-n", "A"], Stdout::Silent),
    (&["verify"], Stdout::Silent),
    (&["verify", "--format", "json"], Stdout::Silent),
    (&["verify", "--image", "ghcr.io/acme/api"], Stdout::Silent),
    (&["verify", "--image", "quay.io/acme/api", "--format", "json", "--require-match"], Stdout::Silent),
    (&["verify", "--list"], Stdout::Silent),
    (&["verify", "--list", "--format", "json"], Stdout::Silent),
    (&["apply", "-n", "a"], Stdout::Silent),
    (&["diff", "-n", "a", "--format", "markdown"], Stdout::Silent),
    (&["delete", "-n", "a", "--yes"], Stdout::Silent),
    (&["inject"], Stdout::Silent),
    (&["inject", "-v"], Stdout::Silent),
    (&["schema"], Stdout::Silent),
    (&["completions", "bash"], Stdout::Silent),
    (&["man"], Stdout::Silent),
    (&["--help"], Stdout::Silent),
    (&["render", "--help"], Stdout::Silent),
    (&[], Stdout::Silent),
];

#[test]
fn nothing_of_a_docker_config_in_a_variable_or_a_file_comes_out() {
    let folder = tempfile::tempdir().unwrap();
    let (forms, path) = (forms(), folder.path().join("auth"));
    let path = path.to_str().unwrap();
    for value in values() {
        write(Path::new(path), &value);
        for (command, stdout) in COMMANDS {
            let run = |variable: &str, more: &[&str]| {
                let output = regcred(folder.path(), &loud(&[("DOCKERHUB_AUTH", variable)]), &[command, more].concat());
                assert_silent(&forms, &output, *stdout, &format!("{command:?} {more:?} with {value}"));
            };
            run(&value, &[]);
            if command.iter().any(|word| ["render", "verify", "inject", "apply", "diff"].contains(word)) {
                run(path, &[]);
                run("", &["--docker-config-file", path]);
            }
        }
    }
}

#[test]
fn a_pipe_that_a_variable_happens_to_name_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let path = path.to_str().unwrap();
    let output = regcred(folder.path(), &[("DOCKERHUB_AUTH", path)], &["verify"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("neither a regular file"));
}

#[test]
fn nothing_of_a_user_name_or_password_in_its_variable_comes_out() {
    let folder = tempfile::tempdir().unwrap();
    let forms = forms();
    let odd = [
        USER.to_owned(),
        format!("{USER}\n"),
        format!("{USER}:{PASSWORD}"),
        format!("{PASSWORD}\u{2}"),
        TOKEN.to_owned(),
        format!("/tmp/{TOKEN}"),
    ];
    for login in ["ghcr.io=U:P", "ghcr", "harbor", "gar"] {
        for username in &odd {
            for password in [PASSWORD, TOKEN, ""] {
                let variables = loud(&[
                    ("U", username),
                    ("P", password),
                    ("GHCR_USER", username),
                    ("GHCR_TOKEN", password),
                    ("HARBOR_HOST", TOKEN),
                    ("GAR_HOST", "europe-docker.pkg.dev"),
                    ("GAR_KEY", password),
                    ("HARBOR_USERNAME", username),
                    ("HARBOR_PASSWORD", password),
                    ("CI_JOB_TOKEN", password),
                ]);
                for (command, stdout) in
                    COMMANDS.iter().filter(|(command, _)| command.len() > 1 || command == &["verify"])
                {
                    let output = regcred(folder.path(), &variables, &[command, &["--login", login][..]].concat());
                    assert_silent(&forms, &output, *stdout, &format!("{command:?} --login {login}"));
                }
            }
        }
    }
}

#[test]
fn a_value_that_is_typed_where_a_name_belongs_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let forms = forms();
    let config = docker_config();
    let (pair, encoded) = (format!("{USER}:{PASSWORD}"), STANDARD.encode(&config));
    for value in [USER, PASSWORD, TOKEN, &config, &pair, &encoded] {
        for place in PLACES {
            let arguments: Vec<_> = place.iter().map(|argument| argument.replace('@', value)).collect();
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            let variables = loud(&[("DOCKERHUB_AUTH", &config), ("U", "u"), ("P", "p")]);
            let output = regcred(folder.path(), &variables, &arguments);
            assert_silent(&forms, &output, Stdout::Silent, &format!("{place:?}"));
            assert!(!output.status.success(), "{place:?} was taken");
            assert!(output.stdout.is_empty(), "{place:?}");
        }
    }
}

/// Every flag with a name, a path or a list, and places that take no value; `@` is the canary.
const PLACES: &[&[&str]] = &[
    &["@"],
    &["--@"],
    &["--@=@"],
    &["-@"],
    &["render", "@"],
    &["render", "--@"],
    &["render", "--token=@"],
    &["render", "--token", "@"],
    &["render", "--raw=@"],
    &["verify", "@"],
    &["verify", "-z@"],
    &["help", "@"],
    &["init", "@"],
    &["completions", "@"],
    &["schema", "@"],
    &["render", "-n", "a", "--docker-config", "@"],
    &["render", "-n", "a", "--docker-config", "$@"],
    &["render", "-n", "a", "--docker-config-file", "@"],
    &["render", "-n", "a", "--login", "@"],
    &["render", "-n", "a", "--login", "@=U:P"],
    &["render", "-n", "a", "--login", "ghcr.io=@"],
    &["render", "-n", "a", "--login", "ghcr.io=@:P"],
    &["render", "-n", "a", "--login", "ghcr.io=U:@"],
    &["render", "-n", "@"],
    &["render", "-n", "a,@"],
    &["render", "-n", "a", "--namespaces-from", "@"],
    &["render", "-n", "a", "--exclude", "@"],
    &["render", "-n", "a", "--secret-name", "@"],
    &["render", "-n", "a", "--service-account", "@"],
    &["render", "-n", "a", "--also-reference", "@"],
    &["render", "-n", "a", "--strategy", "@"],
    &["render", "-n", "a", "--link", "@"],
    &["render", "-n", "a", "--protect", "@"],
    &["render", "-n", "a", "--protect", "sealed", "--sealing-cert", "@"],
    &["render", "-n", "a", "--protect", "sealed", "--sealing-scope", "@"],
    &["render", "-n", "a", "--format", "@"],
    &["render", "-n", "a", "--chart", "@"],
    &["render", "-n", "a", "--profile", "@"],
    &["render", "-n", "a", "--templates", "@"],
    &["render", "-n", "a", "--format", "helm-values", "--chart", "@"],
    &["render", "-n", "a", "--output", "/dev/null/@"],
    &["render", "-n", "a", "--output", "@", "--check"],
    &["render", "-n", "a", "--config", "@"],
    &["render", "-n", "a", "--patcher", "@"],
    &["render", "--strategy", "patcher", "--patcher-namespace", "@"],
    &["render", "--strategy", "patcher", "--patcher-image", "@"],
    &["render", "--strategy", "patcher", "--source-secret-name", "@"],
    &["render", "--strategy", "patcher", "--patcher-pull-secret", "@"],
    &["render", "--strategy", "patcher", "--patcher-interval", "@"],
    &["render", "--strategy", "patcher", "--exclude", "@"],
    &["apply", "@"],
    &["apply", "-n", "@"],
    &["apply", "-A", "--exclude", "@"],
    &["apply", "--selector", "@"],
    &["apply", "-n", "a", "--login", "@"],
    &["apply", "-n", "a", "--link", "@"],
    &["apply", "-n", "a", "--service-account", "@"],
    &["apply", "-n", "a", "--secret-name", "@"],
    &["apply", "-n", "a", "--on-conflict", "@"],
    &["apply", "-n", "a", "--kubeconfig", "@"],
    &["apply", "-n", "a", "--context", "@"],
    &["apply", "-n", "a", "--as", "@"],
    &["apply", "-n", "a", "--as-group", "@"],
    &["apply", "-n", "a", "--timeout", "@"],
    &["apply", "-n", "a", "--cluster", "@"],
    &["diff", "-n", "a", "--format", "@"],
    &["delete", "-n", "@", "--yes"],
    &["inject", "@"],
    &["inject", "--registry", "@"],
    &["inject", "--login", "@"],
    &["inject", "--login", "@=U:P"],
    &["inject", "--login", "ghcr.io=@:P"],
    &["inject", "--docker-config", "@"],
    &["inject", "--docker-config-file", "@"],
    &["inject", "--all", "--path", "@"],
    &["inject", "--all", "--path", "@=spec"],
    &["inject", "--all", "--path", "Rollout=@ .@"],
    &["inject", "--all", "--path", "Rollout.@=spec.@ @"],
    &["inject", "--all", "--namespace", "@"],
    &["inject", "--all", "--cluster", "@"],
    &["render", "--cluster", "@"],
    &["verify", "--cluster", "@"],
    &["inject", "--all", "--secret-name", "@"],
    &["fetch-cert", "@"],
    &["fetch-cert", "--output", "/dev/null/@"],
    &["fetch-cert", "--output", "x", "--context", "@"],
    &["fetch-cert", "--output", "x", "--controller-name", "@"],
    &["fetch-cert", "--output", "x", "--controller-namespace", "@"],
    &["verify", "--docker-config", "@"],
    &["verify", "--docker-config-file", "@"],
    &["verify", "--login", "@"],
    &["verify", "--list", "--login", "@"],
    &["verify", "--list", "--docker-config", "@"],
    &["verify", "--secret-name", "@"],
    &["verify", "--image", "@"],
    &["verify", "--format", "@"],
    &["verify", "--format", "json", "--image", "@"],
    &["verify", "--config", "@"],
];

#[test]
fn a_secret_that_stands_in_regcred_yaml_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let forms = forms();
    let head =
        "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\nspec:\n  pullSecrets:\n";
    for value in [PASSWORD, TOKEN, &docker_config()] {
        let value = json!(value);
        for text in [
            format!("{head}  - logins: [{{registry: ghcr.io, username: {{env: U}}, password: {value}}}]\n"),
            format!("{head}  - logins: [{{registry: ghcr.io, username: {{env: U}}, password: {{value: {value}}}}}]\n"),
            format!("{head}  - logins: [{{registry: ghcr.io, username: {{env: U}}, password: {{env: {value}}}}}]\n"),
            format!("{head}  - logins: [{{registry: ghcr.io, username: {value}, password: {{env: P}}}}]\n"),
            format!("{head}  - logins: [{{registry: {value}, username: {{env: U}}, password: {{env: P}}}}]\n"),
            format!("{head}  - logins: [{{dockerConfig: {value}}}]\n"),
            format!("{head}  - logins: [{{dockerConfig: {{value: {value}}}}}]\n"),
            format!("{head}  - logins: [{{dockerConfig: {{env: {value}}}}}]\n"),
            format!("{head}  - logins: [{{preset: {value}}}]\n"),
            format!("{head}  - logins: [{{{value}: 1}}]\n"),
            format!("{head}  - logins: {value}\n"),
            format!("{head}  - name: {value}\n    namespaces: {{include: [a]}}\n"),
            format!("{head}  - namespaces: {{include: [{value}]}}\n"),
            format!("{head}  - namespaces: {{include: [a], exclude: [{value}]}}\n"),
            format!("{head}  - namespaces: {{include: [a]}}\n    serviceAccounts: [{value}]\n"),
            format!("{head}  - {value}\n"),
            format!("{head}  - name: {value}\n  - name: {value}\n"),
            format!("{head}  link: {value}\n"),
            format!("{head}  : {value}: [\n"),
            format!("kind: {value}\n"),
            format!("{value}\n"),
            format!("&{TOKEN} *{TOKEN}\n"),
            format!("!{TOKEN} x\n"),
        ] {
            write(&folder.path().join("regcred.yaml"), &text);
            for command in [
                &["render", "-v"][..],
                &["verify"],
                &["verify", "--format", "json"],
                &["verify", "--list"],
                &["inject", "-v"],
            ] {
                let output = regcred(folder.path(), &loud(&[("U", "u"), ("P", "p")]), command);
                assert_silent(&forms, &output, Stdout::Silent, &format!("{command:?} with {text}"));
            }
        }
    }
}

#[test]
fn a_secret_in_manifests_comes_out_with_them_and_in_no_message() {
    let folder = tempfile::tempdir().unwrap();
    let (forms, config) = (forms(), docker_config());
    for value in [PASSWORD, USER, TOKEN, &config] {
        let quoted = json!(value);
        let pod = "apiVersion: v1\nkind: Pod\n";
        for text in [
            format!("{pod}metadata: {{name: {quoted}}}\nspec: {{containers: [{{image: {quoted}}}]}}\n"),
            format!("{pod}metadata: {{namespace: {quoted}}}\nspec: {{containers: [{{image: ' {value}'}}]}}\n"),
            format!("{pod}spec: {{containers: [{{image: ghcr.io/a}}], imagePullSecrets: {quoted}}}\n"),
            format!("{pod}spec: &s {{containers: [{{image: ghcr.io/a}}], args: [{quoted}]}}\nx: [*s, {quoted}]\n"),
            format!("{pod}spec: {{containers: [{{image: ghcr.io/a}}]}}\n---\n{quoted}: [\n"),
            format!("{pod}---\na: *{TOKEN}\n"),
            format!("{pod}a: !{TOKEN}!{TOKEN} {quoted}\n"),
            format!("a: \"{value}\n"),
            format!("a: {value}: {value}\n\t- {value}\n"),
            format!("%TAG {value}\n%{TOKEN}\n---\n{quoted}\n"),
            format!("{{\"a\": {quoted}, {quoted}\n"),
        ] {
            write(&folder.path().join("manifests"), &text);
            let output = std::process::Command::new(env!("CARGO_BIN_EXE_regcred"))
                .args(["inject", "-v", "--registry", "ghcr.io"])
                .env_clear()
                .envs(loud(&[]))
                .stdin(fs::File::open(folder.path().join("manifests")).unwrap())
                .output()
                .unwrap();
            assert_silent(&forms, &output, Stdout::Chosen, &text);
        }
    }
}

#[test]
fn a_secret_in_a_list_of_namespaces_or_a_template_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let (forms, config) = (forms(), docker_config());
    let variables = loud(&[("DOCKERHUB_AUTH", &config)]);
    for value in [PASSWORD, USER, TOKEN, &config] {
        let quoted = json!(value);
        for text in [
            format!("a\n{value}\n"),
            format!("- a\n- {quoted}\n"),
            format!("- {{a: {quoted}}}\n"),
            format!("[{quoted}, "),
            format!("{{\"items\": [{quoted}]}}"),
            format!("{{\"items\": [{{\"kind\": {quoted}, \"metadata\": {{\"name\": \"a\"}}}}]}}"),
            format!("{{\"items\": [{{\"metadata\": {{\"name\": {quoted}}}}}]}}"),
            format!("items:\n- metadata: {{name: {quoted}\n"),
        ] {
            write(&folder.path().join("list"), &text);
            let output = regcred(folder.path(), &variables, &["render", "--namespaces-from", "list"]);
            assert_silent(&forms, &output, Stdout::Silent, &text);
            assert!(!output.status.success(), "{text} was taken");
        }
        for text in [
            format!("kind: {quoted}\n"),
            format!("{quoted}: [\n"),
            format!("# {value}\n{{{{ nothing }}}}\n"),
            format!("{{{{ {quoted} }}\n"),
            format!("{{{{ {quoted}.x.y }}}}\n"),
            format!("{{% include {quoted} %}}\n"),
            format!("{{{{ {quoted} | nothing }}}}\n"),
            format!("apiVersion: v1\nkind: Secret\nstringData: {{a: {quoted}}}\n"),
        ] {
            write(&folder.path().join("mine/namespace.yaml.j2"), &text);
            let arguments = ["render", "-n", "a", "--create-namespaces", "--templates", "mine"];
            let output = regcred(folder.path(), &variables, &arguments);
            assert_silent(&forms, &output, Stdout::Silent, &text);
            assert!(!output.status.success(), "{text} was taken");
        }
    }
}

#[test]
#[cfg(unix)]
fn nothing_that_sops_says_of_a_secret_comes_out() {
    let folder = tempfile::tempdir().unwrap();
    let (forms, config) = (forms(), docker_config());
    for script in [
        "cat >&2; exit 1",
        "base64 >&2; exit 1",
        "sed -n 's/.*dockerconfigjson: //p' | base64 -d >&2; exit 1",
        "sed -n 's/.*dockerconfigjson: //p' | cut -c20-60 >&2; exit 1",
        "env >&2; exit 1",
        "echo \"$@\" >&2; exit 1",
        "cat",
        "cat; exit 1",
        "cat >&2; cat",
    ] {
        program(&folder.path().join("bin/sops"), script);
        let path = format!("{}:/usr/bin:/bin", folder.path().join("bin").display());
        let variables = loud(&[
            ("DOCKERHUB_AUTH", &config),
            ("PATH", &path),
            ("SOPS_AGE_RECIPIENTS", "age1x"),
            ("VAULT_TOKEN", TOKEN),
        ]);
        for format in ["directory", "kustomization", "helm-values"] {
            let arguments = ["render", "-v", "-n", "a", "--protect", "sops", "--format", format, "--output", "out"];
            let output = regcred(folder.path(), &variables, &arguments);
            assert_silent(&forms, &output, Stdout::Silent, &format!("{script} {format}"));
            assert_eq!(output.status.code(), Some(1), "{script}");
            assert!(!folder.path().join("out").exists(), "{script}");
        }
    }
}

#[test]
fn the_search_finds_a_canary_in_every_form() {
    let (forms, config) = (forms(), docker_config());
    for text in [
        config.clone(),
        STANDARD.encode(&config),
        STANDARD.encode(format!("{USER}:{PASSWORD}")),
        URL_SAFE_NO_PAD.encode(format!("xy{TOKEN}z")),
        format!("{PASSWORD:?}"),
        "https://Kanarie7%2BGast%3C9@ghcr.io".to_owned(),
    ] {
        assert!(forms.iter().any(|form| text.contains(form)), "{text}");
    }
}

#[expect(clippy::disallowed_methods, reason = "a fixture")]
fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A list with this functionConfig; one item of it stays.
fn resource_list(config: &str) -> String {
    format!(
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- kind: Stays\nfunctionConfig: {config}\n"
    )
}

fn krm(folder: &Path, variables: &[(&str, &str)], stdin: &str) -> Output {
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_regcred"))
        .args(["krm", "-v"])
        .env_clear()
        .envs(variables.iter().copied())
        .current_dir(folder)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), stdin.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_function_gives_logins_to_its_items_only_and_none_when_it_fails() {
    let folder = tempfile::tempdir().unwrap();
    let forms = forms();
    let head = "{apiVersion: regcred.dev/v1alpha1, kind: RegistryCredentials, metadata: {name: acme}, spec:";
    let auth = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let good = entry(&json!({"auth": auth}));
    for value in values().iter().chain([&good]) {
        let variables = loud(&[("DOCKERHUB_AUTH", value)]);
        for spec in [
            "{pullSecrets: [{namespaces: {include: [a, b]}}]}",
            "{link: policy, pullSecrets: [{namespaces: {include: [a]}}]}",
            "{pullSecrets: [{namespaces: {include: ['a*']}}]}",
            "{pullSecrets: [{namespaces: {include: [a]}}], unknown: 1}",
            "{protect: sealed, pullSecrets: [{namespaces: {include: [a]}}]}",
            "{protect: sops, pullSecrets: [{namespaces: {include: [a]}}]}",
            "{pullSecrets: [{namespaces: {include: [a]}}], clusters: [{name: a}, {name: b}]}",
        ] {
            let output = krm(folder.path(), &variables, &resource_list(&format!("{head} {spec}}}")));
            assert_silent(&forms, &output, Stdout::Chosen, &format!("krm {spec} with {value}"));
            let said = String::from_utf8_lossy(&output.stdout);
            let results = said.split_once("\nresults:").map_or("", |(_, results)| results);
            assert!(forms.iter().all(|form| !results.contains(form)), "{results}");
            assert!(said.contains("- kind: Stays\n"), "{said}");
        }
    }
    // If a kustomization would make kustomize print the canary, there must be nothing to print.
    write(&folder.path().join("kustomization.yaml"), "namespace: a\n");
    let config = format!("{head} {{pullSecrets: [{{namespaces: {{include: [a, b]}}}}]}}}}");
    let local =
        config.replace("{name: acme}", "{name: acme, annotations: {config.kubernetes.io/local-config: 'true'}}");
    let list = resource_list(&config).replace("kind: Stays", &local);
    let output = krm(folder.path(), &loud(&[("DOCKERHUB_AUTH", &good)]), &list);
    assert_silent(&forms, &output, Stdout::Silent, "krm as a generator");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_secret_in_a_functionconfig_is_in_no_result_and_no_message() {
    let folder = tempfile::tempdir().unwrap();
    let forms = forms();
    for value in [PASSWORD, TOKEN, &docker_config()] {
        let value = json!(value);
        let head = "{apiVersion: regcred.dev/v1alpha1, kind: RegistryCredentials, metadata: {name: acme}, spec:";
        for config in [
            format!(
                "{head} {{pullSecrets: [{{logins: [{{registry: ghcr.io, username: {{env: U}}, password: {value}}}]}}]}}}}"
            ),
            format!("{head} {{pullSecrets: [{{logins: [{{dockerConfig: {{env: {value}}}}}]}}]}}}}"),
            format!("{head} {{link: {value}}}}}"),
            format!("{head} {{clusters: [{{name: {value}}}]}}}}"),
            format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{annotations: {{regcred.dev/cluster: {value}}}}}}}"),
            format!(
                "{{apiVersion: v1, kind: ConfigMap, metadata: {{annotations: {{regcred.dev/allow-plaintext-in-git: {value}}}}}}}"
            ),
            format!("{head} {{{value}: 1}}}}"),
            format!("{head} {{pullSecrets: [{{namespaces: {{include: [{value}]}}}}]}}}}"),
            format!("{{apiVersion: v1, kind: ConfigMap, data: {{namespaces: {value}}}}}"),
            format!("{{apiVersion: v1, kind: ConfigMap, data: {{namespaces: a, login: {value}}}}}"),
            format!("{{apiVersion: v1, kind: ConfigMap, data: {{link: {value}}}}}"),
            format!("{{apiVersion: v1, kind: ConfigMap, data: {{no-guard: {value}}}}}"),
            format!("{{apiVersion: v1, kind: ConfigMap, data: {{{value}: x}}}}"),
            value.to_string(),
        ] {
            let mut output = krm(folder.path(), &loud(&[("U", "u"), ("P", "p")]), &resource_list(&config));
            assert_eq!(output.status.code(), Some(1), "{config}");
            // The functionConfig passes through unchanged.
            let said = String::from_utf8(output.stdout).unwrap();
            output.stdout = said.split_once("\nresults:").unwrap().1.as_bytes().to_vec();
            assert_silent(&forms, &output, Stdout::Silent, &config);
        }
        for text in [format!("{value}\n"), format!("{value}: ["), format!("apiVersion: {value}\nkind: ResourceList\n")]
        {
            let output = krm(folder.path(), &loud(&[]), &text);
            assert_silent(&forms, &output, Stdout::Silent, &text);
            assert_eq!(output.status.code(), Some(1), "{text}");
        }
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[track_caller]
fn assert_files_silent(forms: &[String], folder: &Path, what: &str) {
    for path in files(folder) {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        for form in forms {
            assert!(!text.contains(form), "{what}: `{form}` stands in {}", path.display());
        }
    }
}

#[test]
#[cfg(unix)]
fn nothing_of_a_login_or_of_the_key_of_fingerprints_comes_out_where_all_is_encrypted_or_kept_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let (forms, config) = (forms(), docker_config());
    program(&folder.path().join("bin/sops"), ENCRYPTS);
    let path = format!("{}:/usr/bin:/bin", folder.path().join("bin").display());
    write(
        &folder.path().join("regcred.yaml"),
        &format!(
            "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {{name: acme}}\nspec:\n  \
             pullSecrets:\n  - namespaces: {{include: [a, b]}}\n    external:\n      store: {{kind: ClusterSecretStore, name: vault}}\n      \
             logins:\n      - registry: ghcr.io\n        username: {{value: acme-bot}}\n        password: {{key: registry/ghcr, property: token}}\n  \
             clusters:\n  - {{name: sealed, protect: sealed, sealing: {{certificate: {CERTIFICATE}}}}}\n  - {{name: sops, protect: sops}}\n  \
             - {{name: external, protect: external}}\n"
        ),
    );
    let key = format!("{PASSWORD}{TOKEN}");
    let cut = config[..config.len() - 2].to_owned();
    for auth in [&config, &cut] {
        // The last one is too short for a key, and is refused.
        for key in [key.as_str(), "", USER] {
            let variables = loud(&[
                ("DOCKERHUB_AUTH", auth),
                ("REGCRED_FINGERPRINT_KEY", key),
                ("PATH", &path),
                ("SOPS_AGE_RECIPIENTS", "age1x"),
            ]);
            for cluster in [&["--cluster", "sealed"][..], &["--cluster", "sops"], &["--cluster", "external"], &[]] {
                for more in
                    [&[][..], &["--check"], &["--reseal"], &["--format", "kustomization"], &["--format", "chart"]]
                {
                    let arguments = [&["render", "-v", "--output", "out"], cluster, more].concat();
                    let output = regcred(folder.path(), &variables, &arguments);
                    assert_silent(&forms, &output, Stdout::Silent, &format!("{arguments:?}"));
                    assert_files_silent(&forms, &folder.path().join("out"), &format!("{arguments:?}"));
                    let idle = cluster.contains(&"external") && more.contains(&"--reseal");
                    let works = auth == &config && key != USER && more.len() < 2 && !idle;
                    let stderr = String::from_utf8_lossy(&output.stderr);
                    assert!(!works || matches!(output.status.code(), Some(0 | 3)), "{arguments:?}: {stderr}");
                }
                let output = regcred(folder.path(), &variables, &[&["verify"], cluster].concat());
                assert_silent(&forms, &output, Stdout::Silent, "verify");
            }
            let named = [("sealed", Stdout::Silent), ("external", Stdout::Silent), ("sops", Stdout::Silent)];
            for (cluster, stdout) in named {
                let output =
                    regcred(folder.path(), &variables, &["render", "-v", "--cluster", cluster, "--format", "json"]);
                assert_silent(&forms, &output, stdout, cluster);
                let output = regcred(folder.path(), &variables, &["inject", "-v", "--cluster", cluster]);
                assert_silent(&forms, &output, stdout, cluster);
            }
            let _ = fs::remove_dir_all(folder.path().join("out"));
        }
    }
}

#[test]
#[cfg(unix)]
fn nothing_that_kubectl_says_comes_out_and_it_sees_no_login() {
    let folder = tempfile::tempdir().unwrap();
    let (forms, config) = (forms(), docker_config());
    let key = format!("{PASSWORD}{TOKEN}");
    write(
        &folder.path().join("regcred.yaml"),
        "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\nspec:\n  clusters:\n  - name: lab\n    \
         pullSecrets:\n    - logins: [{registry: ghcr.io, username: {env: LAB_USER}, password: {env: LAB_TOKEN}}]\n",
    );
    let answers = format!("case \"$*\" in *--raw*) cat {CERTIFICATE};; *) echo http;; esac");
    let path = format!("{}:/usr/bin:/bin", folder.path().join("bin").display());
    for (script, status) in [
        (format!("env >> seen; {answers}"), 0),
        ("env; env >&2; exit 1".to_owned(), 1),
        ("echo \"(Forbidden) $KUBE_TOKEN $*\" >&2; exit 1".to_owned(), 1),
        ("echo \"$KUBE_TOKEN\"".to_owned(), 1),
    ] {
        program(&folder.path().join("bin/kubectl"), &script);
        let variables = loud(&[
            ("DOCKERHUB_AUTH", &config),
            ("LAB_USER", USER),
            ("LAB_TOKEN", TOKEN),
            ("REGCRED_FINGERPRINT_KEY", &key),
            ("KUBE_TOKEN", if status == 0 { "theirs" } else { PASSWORD }),
            ("PATH", &path),
        ]);
        for more in [&["--check"][..], &[]] {
            let arguments = [&["fetch-cert", "-v", "--output", "sealing.pem"], more].concat();
            let output = regcred(folder.path(), &variables, &arguments);
            assert_silent(&forms, &output, Stdout::Silent, &script);
            assert_eq!(output.status.code() == Some(1), status == 1, "{script}: {output:?}");
        }
        assert_files_silent(&forms, folder.path(), &script);
    }
    assert!(fs::read_to_string(folder.path().join("seen")).unwrap().contains("theirs"));
}
