//! Canaries: a user name, a password and a whole Docker config go in by every way; none comes out but by the chosen output.

#![cfg(test)]

mod regcred;

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Output;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::json;

use regcred::regcred;

/// Each with characters that URLs, JSON and Go's JSON escape, and none that a check would show as a name.
const USER: &str = "Kanarie7+Gast<9";
const PASSWORD: &str = "K4n4r1e/\"Zingt&Vals\\é>";
/// A token without any odd character: it could be a name, or a part of an image.
const TOKEN: &str = "ghp_K4n4r1eZingtNachts22";

/// Where the values of secrets may be: only `render` is asked for them, on stdout.
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

/// Every value that a Docker config's variable or file might hold by mistake, and the right one.
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

/// Every text in which a canary could come out.
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
        // Within a longer text base64 begins at one of three places: what all of them share is looked for.
        for before in 0..3 {
            for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
                let text = engine.encode(format!("{}{canary}", "x".repeat(before)));
                forms.push(text[4 * usize::from(before > 0)..text.len() - 2].to_owned());
            }
        }
        // Long enough parts, as an error that quotes its input may cut it.
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
    (&["render", "-n", "a", "--shape", "json", "-v"], Stdout::Chosen),
    (&["render", "-n", "a", "--link", "policy"], Stdout::Chosen),
    (&["render", "--shape", "docker-config"], Stdout::Chosen),
    (&["render", "--shape", "docker-config", "--raw"], Stdout::Chosen),
    (&["render", "-n", "a", "--protect", "sealed", "--sealing-cert", CERTIFICATE], Stdout::Silent),
    (&["render", "-n", "a", "--protect", "sealed", "--sealing-cert", "/dev/null"], Stdout::Silent),
    (&["render", "-n", "A"], Stdout::Silent),
    (&["verify"], Stdout::Silent),
    (&["verify", "--format", "json"], Stdout::Silent),
    (&["verify", "--image", "ghcr.io/acme/api"], Stdout::Silent),
    (&["verify", "--image", "quay.io/acme/api", "--format", "json", "--require-match"], Stdout::Silent),
    (&["verify", "--list"], Stdout::Silent),
    (&["verify", "--list", "--format", "json"], Stdout::Silent),
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
            if command.iter().any(|word| ["render", "verify"].contains(word)) {
                run(path, &[]);
                run("", &["--docker-config-file", path]);
            }
        }
    }
}

#[test]
fn a_pipe_that_nobody_writes_to_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let path = path.to_str().unwrap();
    for arguments in [&["verify"][..], &["verify", "--docker-config-file", path]] {
        let output = regcred(folder.path(), &[("DOCKERHUB_AUTH", path)], arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("neither a regular file"), "{arguments:?}");
    }
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
    ];
    for login in ["ghcr.io=U:P", "ghcr", "harbor"] {
        for username in &odd {
            for password in [PASSWORD, TOKEN, ""] {
                let variables = loud(&[
                    ("U", username),
                    ("P", password),
                    ("GHCR_USER", username),
                    ("GHCR_TOKEN", password),
                    ("HARBOR_HOST", TOKEN),
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

/// Every flag that takes a name, a path or a list, and places where nothing belongs; `@` is the value.
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
    &["render", "-n", "a", "--shape", "@"],
    &["render", "-n", "a", "--chart", "@"],
    &["render", "-n", "a", "--profile", "@"],
    &["render", "-n", "a", "--templates", "@"],
    &["render", "-n", "a", "--shape", "helm-values", "--chart", "@"],
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
            for command in [&["render", "-v"][..], &["verify"], &["verify", "--format", "json"], &["verify", "--list"]]
            {
                let output = regcred(folder.path(), &loud(&[("U", "u"), ("P", "p")]), command);
                assert_silent(&forms, &output, Stdout::Silent, &format!("{command:?} with {text}"));
            }
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
