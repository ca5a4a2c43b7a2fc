//! Runs `verify --online` against the real registry, with htpasswd and with tokens.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::bench::{self, Program, Run};
use crate::harness::peers::{Peers, Reply};
use crate::harness::registry::Registry;
use crate::harness::token_server::{CERTIFICATE, ISSUER, SERVICE, token};

/// `bot` with the password `right`, by bcrypt.
pub const HTPASSWD: &str = "bot:$2b$05$abcdefghijklmnopqrstuu8xaCxxL82bnl.UY74PMksDxIJShppPC\n";

fn registry_program() -> Option<PathBuf> {
    Some(bench::tools(&["registry"])?.join("registry"))
}

fn basic(password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("bot:{password}")))
}

fn verify(registry: &Registry, password: &str, arguments: &[&str]) -> Run {
    let config = json!({"auths": {&registry.host: {"username": "bot", "password": password}}});
    Program::new(env!("CARGO_BIN_EXE_regcred").as_ref())
        .variable("DOCKERHUB_AUTH", config.to_string())
        .arguments(["verify", "--no-config", "--online", "--format", "json"])
        .arguments(arguments)
        .run()
}

fn owned(words: [&str; 3]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

/// The exit status, the reason of the verdict on the login, and on the images `acme/api:1`, `acme/api:2` and `other/api:1`.
fn verdict(registry: &Registry, password: &str, arguments: &[&str]) -> (i32, String, Vec<String>) {
    let images = ["acme/api:1", "acme/api:2", "other/api:1"].map(|image| format!("--image={}/{image}", registry.host));
    let images: Vec<_> = images.iter().map(String::as_str).chain(arguments.iter().copied()).collect();
    let run = verify(registry, password, &images);
    let answer: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
    let verdict = &answer["online"][0];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let images = verdict["images"].as_array().unwrap().iter().map(|image| text(&image["why"])).collect();
    (run.status, text(&verdict["login"]["why"]), images)
}

#[test]
fn a_registry_with_htpasswd_is_understood() {
    let Some(program) = registry_program() else { return };
    let auth = "{htpasswd: {realm: registry, path: FOLDER/htpasswd}}";
    let registry = Registry::start(&program, auth, &[("htpasswd", HTPASSWD)]);
    registry.push("acme/api", "1", &basic("right"));
    let images = owned(["allowed", "not-found", "not-found"]);
    assert_eq!(verdict(&registry, "right", &[]), (0, "good".to_owned(), images));
    let images = owned(["refused", "refused", "refused"]);
    assert_eq!(verdict(&registry, "wrong", &[]), (1, "wrong-password".to_owned(), images));
}

#[test]
fn a_registry_without_logins_needs_no_login() {
    let Some(program) = registry_program() else { return };
    let registry = Registry::start(&program, "{}", &[]);
    registry.push("acme/api", "1", &basic("right"));
    let images = owned(["public", "not-found", "not-found"]);
    assert_eq!(verdict(&registry, "right", &[]), (0, "no-login-needed".to_owned(), images));
}

#[test]
fn a_registry_with_tokens_is_understood() {
    let Some(program) = registry_program() else { return };
    // `bot` may pull from `acme/api` only; an anonymous user gets a token without rights.
    let token_server = Peers::start(|request| {
        let is_right = request.authorization.as_ref().map(|login| *login == basic("right"));
        let repository = request.path.split("repository:").nth(1).and_then(|scope| scope.split(':').next());
        let may = is_right == Some(true) && repository == Some("acme/api");
        let access =
            if may { json!([{"type": "repository", "name": repository, "actions": ["pull"]}]) } else { json!([]) };
        match is_right {
            Some(false) => Reply::status(401),
            Some(true) => Reply::body(&json!({"token": token("bot", &access)}).to_string()),
            None => Reply::body(&json!({"token": token("", &access)}).to_string()),
        }
    });
    let realm = format!("127.0.0.1:{}", token_server.port);
    let auth = format!(
        "{{token: {{realm: 'http://{realm}/token', service: {SERVICE}, issuer: {ISSUER}, rootcertbundle: {CERTIFICATE}}}}}"
    );
    let registry = Registry::start(&program, &auth, &[]);
    let push = json!([{"type": "repository", "name": "acme/api", "actions": ["pull", "push"]}]);
    registry.push("acme/api", "1", &format!("Bearer {}", token("bot", &push)));

    let not_asked = owned(["not-asked"; 3]);
    assert_eq!(verdict(&registry, "right", &[]), (0, "realm-not-known".to_owned(), not_asked));
    assert!(token_server.seen().is_empty());
    let allowed = ["--allow-realm", &realm];
    let images = owned(["allowed", "no-such-tag", "no-right"]);
    assert_eq!(verdict(&registry, "right", &allowed), (1, "good".to_owned(), images));
    let images = owned(["refused"; 3]);
    assert_eq!(verdict(&registry, "wrong", &allowed), (1, "wrong-password".to_owned(), images));
}
