//! Runs `verify --online` against fake registries, friendly and hostile ones.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::harness::peers::{Peers, Reply, Request};
use crate::harness::regcred::regcred;

const PASSWORD: &str = "K4n4r1e/Zingt&Vals";
/// A password that no registry accepts.
const WRONG: &str = "Wr0ng/K4n4r1e&Zw1jgt";
const TOKEN: &str = "T0k3n/K4n4r1e";

/// Runs `verify --online` as JSON with a login of `bot` for this registry. The output must hold neither the password nor a token.
fn verify(peers: &Peers, registry: &str, password: &str, arguments: &[&str]) -> Output {
    let config = json!({"auths": {registry: {"username": "bot", "password": password}}}).to_string();
    let variables = peers.variables();
    let mut all = vec![("DOCKERHUB_AUTH", config.as_str()), ("RUST_LOG", "trace")];
    all.extend(variables.iter().map(|(name, value)| (*name, value.as_str())));
    let output = regcred(Path::new("/"), &all, &[&["verify", "--no-config", "--online"], arguments].concat());
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    for secret in [password, TOKEN, &STANDARD.encode(format!("bot:{password}")), &STANDARD.encode(password)] {
        assert!(!said.contains(secret), "`{secret}` came out in: {said}");
    }
    output
}

/// The exit status, the verdict on the login and its reason, and the same for the images.
fn verdict(peers: &Peers, registry: &str, password: &str, arguments: &[&str]) -> (i32, String, Vec<String>) {
    let output = verify(peers, registry, password, &[&["--format", "json"], arguments].concat());
    let answer: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let verdict = &answer["online"][0];
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let login = format!("{} {}", text(&verdict["login"]["is"]), text(&verdict["login"]["why"]));
    let images = verdict["images"].as_array().unwrap().iter();
    let images = images.map(|image| format!("{} {}", text(&image["pull"]), text(&image["why"]))).collect();
    (output.status.code().unwrap(), login, images)
}

/// A JWT in the form of a token server.
fn jwt(claims: &Value) -> String {
    json!({"token": format!("{}.{}.x", URL_SAFE_NO_PAD.encode("{}"), URL_SAFE_NO_PAD.encode(claims.to_string()))})
        .to_string()
}

fn pulls(repository: &str) -> Value {
    json!([{"type": "repository", "name": repository, "actions": ["pull"]}])
}

fn knows(request: &Request, password: &str) -> Option<bool> {
    let login = format!("Basic {}", STANDARD.encode(format!("bot:{password}")));
    request.authorization.as_ref().map(|authorization| *authorization == login)
}

/// Docker Hub: JWTs, `nginx` is public and `acme/api` private, limits in the headers of manifests.
fn docker_hub(request: &Request) -> Reply {
    let is_bearer = request.authorization.as_ref().is_some_and(|text| text.starts_with("Bearer "));
    match (request.host.as_str(), request.path.as_str()) {
        ("registry-1.docker.io", "/v2/") => {
            Reply::challenge(r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#)
        }
        ("auth.docker.io", path) => {
            assert!(path.starts_with("/token?service=registry.docker.io"), "{path}");
            let repository = path.split("repository:").nth(1).map(|scope| scope.trim_end_matches(":pull"));
            let (sub, may) = match knows(request, PASSWORD) {
                Some(false) => return Reply::status(401),
                Some(true) => ("6b1e9b1c", repository.is_some_and(|name| name != "acme/secret")),
                None => ("", repository.is_some_and(|name| name.starts_with("library/"))),
            };
            let access = repository.filter(|_| may).map_or(json!([]), pulls);
            Reply::body(&jwt(&json!({"sub": sub, "access": access})))
        }
        ("registry-1.docker.io", path) if path.ends_with("/missing") && is_bearer => Reply::status(404),
        ("registry-1.docker.io", path) => {
            let payload = request.authorization.as_ref().and_then(|text| text.split('.').nth(1).map(str::to_owned));
            let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(payload.unwrap()).unwrap()).unwrap();
            let repository = path.trim_start_matches("/v2/").split("/manifests/").next().unwrap();
            if claims.contains(&format!("\"{repository}\"")) {
                let limits = [("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "93;w=21600")];
                let mut headers: Vec<_> = limits.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
                headers.push(("docker-ratelimit-source", TOKEN.to_owned()));
                Reply::Answer(200, headers, String::new())
            } else {
                Reply::challenge(r#"Bearer realm="https://auth.docker.io/token",error="insufficient_scope""#)
            }
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn docker_hub_is_understood() {
    let peers = Peers::start(docker_hub);
    let hub = "https://index.docker.io/v1/";
    let images = ["--image", "nginx", "--image", "acme/api:1", "--image", "acme/secret", "--image", "acme/api:missing"];
    let (status, login, pulls) = verdict(&peers, hub, PASSWORD, &images);
    assert_eq!((status, login.as_str()), (1, "good good"));
    assert_eq!(pulls, ["good public", "good allowed", "refused no-right", "unknown no-such-tag"]);
    let (status, login, pulls) = verdict(&peers, hub, WRONG, &["--image", "nginx", "--image", "acme/api:1"]);
    assert_eq!((status, login.as_str()), (1, "refused wrong-password"));
    assert_eq!(pulls, ["refused breaks-a-public-image", "refused refused"]);
    assert!(peers.authorized("Basic").iter().all(|asked| asked == "GET auth.docker.io"));
    assert!(peers.seen().iter().all(|request| request.is_encrypted));
    let manifests = peers.seen().into_iter().filter(|request| request.path.contains("/manifests/"));
    assert!(manifests.map(|request| request.method).all(|method| method == "HEAD"));

    let output = verify(&peers, hub, PASSWORD, &["--image", "acme/api:1"]);
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("93 of 100 pulls are left in 6 hours, counted for the account"), "{said}");
    assert!(said.contains("until when is unknown"), "{said}");
}

/// The answers of registries with one host: for `/v2/`, for the token server with a good, a wrong and no login, and for the manifest with
/// and without a token.
struct Script {
    host: &'static str,
    challenge: String,
    token: fn(Option<bool>, Option<&str>) -> Reply,
    manifest: fn(Option<&str>) -> Reply,
}

fn play(script: Script) -> Peers {
    Peers::start(move |request| {
        assert_eq!(request.host, script.host);
        let bearer = request.authorization.as_deref().and_then(|text| text.strip_prefix("Bearer "));
        match request.path.as_str() {
            "/v2/" if request.authorization.is_none() => Reply::challenge(&script.challenge),
            "/v2/" => (script.token)(knows(request, PASSWORD), None),
            path if path.starts_with("/v2/") => {
                let basic = request.authorization.as_deref().filter(|text| text.starts_with("Basic "));
                (script.manifest)(bearer.or(basic))
            }
            path => (script.token)(knows(request, PASSWORD), path.split("scope=").nth(1)),
        }
    })
}

#[test]
fn ghcr_refuses_a_bad_token_with_403_also_for_public_images() {
    let peers = play(Script {
        host: "ghcr.io",
        challenge: r#"Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:user/image:pull""#
            .into(),
        token: |known, scope| match (known, scope) {
            (Some(false), _) => Reply::status(403),
            (Some(true), Some(scope)) if scope.contains("/other") => Reply::status(403),
            (None, Some(scope)) if !scope.contains("/public") => Reply::status(401),
            (None, _) => Reply::body(r#"{"token":"stranger"}"#),
            (Some(true), _) => Reply::body(r#"{"token":"member"}"#),
        },
        manifest: |token| Reply::status(if token.is_some() { 200 } else { 401 }),
    });
    let images = ["--image", "ghcr.io/acme/public", "--image", "ghcr.io/acme/api", "--image", "ghcr.io/acme/other"];
    let (status, login, pulls) = verdict(&peers, "ghcr.io", PASSWORD, &images);
    assert_eq!((status, login.as_str()), (1, "good good"));
    assert_eq!(pulls, ["good public", "good allowed", "refused no-right"]);
    let (status, login, pulls) = verdict(&peers, "ghcr.io", WRONG, &images);
    assert_eq!((status, login.as_str()), (1, "refused wrong-password"));
    assert_eq!(pulls, ["refused breaks-a-public-image", "refused refused", "refused refused"]);
}

#[test]
fn harbor_gives_a_token_for_a_wrong_password_and_is_not_believed() {
    let peers = play(Script {
        host: "harbor.registry.test",
        challenge: r#"Bearer realm="https://harbor.registry.test/service/token",service="harbor-registry""#.into(),
        token: |known, scope| {
            let access = if known == Some(true) && scope.is_some() { pulls("team/api") } else { json!(null) };
            Reply::body(&jwt(&json!({"sub": if known == Some(true) { "bot" } else { "" }, "access": access})))
        },
        manifest: |token| {
            let payload = token.and_then(|token| token.split('.').nth(1)).unwrap();
            let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
            Reply::status(if claims.contains("team/api") { 200 } else { 401 })
        },
    });
    let (key, image) = ("harbor.registry.test", ["--image", "harbor.registry.test/team/api:1"]);
    assert_eq!(verdict(&peers, key, PASSWORD, &image), (0, "good good".into(), vec!["good allowed".into()]));
    assert_eq!(verdict(&peers, key, WRONG, &[]), (0, "unknown token-for-anybody".into(), vec![]));
    let refused = vec!["refused refused".to_owned()];
    assert_eq!(verdict(&peers, key, WRONG, &image), (1, "unknown token-for-anybody".into(), refused));
}

#[test]
fn ecr_public_answers_400_to_a_token_that_has_expired() {
    let peers = play(Script {
        host: "public.ecr.aws",
        challenge: r#"Bearer realm="https://public.ecr.aws/token/",service="public.ecr.aws""#.into(),
        token: |known, _| match known {
            Some(false) => Reply::status(400),
            _ => Reply::body(r#"{"token":"opaque"}"#),
        },
        manifest: |_| Reply::status(200),
    });
    let image = ["--image", "public.ecr.aws/acme/api:1"];
    let broken = vec!["refused breaks-a-public-image".to_owned()];
    assert_eq!(verdict(&peers, "public.ecr.aws", WRONG, &image), (1, "refused expired".into(), broken));
    assert_eq!(verdict(&peers, "public.ecr.aws", PASSWORD, &image).0, 0);
}

#[test]
fn a_registry_with_basic_is_asked_with_basic() {
    let peers = play(Script {
        host: "basic.registry.test",
        challenge: r#"Basic realm="registry""#.into(),
        token: |known, _| Reply::status(if known == Some(true) { 200 } else { 401 }),
        manifest: |basic| Reply::status(if basic.is_some() { 403 } else { 401 }),
    });
    let (key, image) = ("basic.registry.test", ["--image", "basic.registry.test/api:1"]);
    assert_eq!(verdict(&peers, key, PASSWORD, &[]), (0, "good good".into(), vec![]));
    assert_eq!(verdict(&peers, key, PASSWORD, &image), (1, "good good".into(), vec!["refused no-right".into()]));
    assert_eq!(verdict(&peers, key, WRONG, &[]), (1, "refused wrong-password".into(), vec![]));
}

#[test]
fn a_login_goes_to_no_foreign_or_unencrypted_token_server() {
    for (realm, allow, why, is_sent) in [
        ("https://evil.registry.test/token", None, "unknown realm-not-known", false),
        ("https://evil.registry.test/token", Some("evil.registry.test"), "good good", true),
        ("https://evil.registry.test/token", Some("other.registry.test"), "unknown realm-not-known", false),
        ("http://a.registry.test/token", None, "unknown realm-in-clear", false),
        ("http://a.registry.test/token", Some("a.registry.test"), "unknown realm-in-clear", false),
        ("https://a.registry.test.evil.test/token", None, "unknown realm-not-known", false),
        ("https://bot:x@a.registry.test/token", None, "unknown challenge", false),
        ("//a.registry.test", None, "unknown challenge", false),
    ] {
        let challenge = format!("Bearer realm=\"{realm}\",service=\"s\"");
        let peers = Peers::start(move |request| match request.path.as_str() {
            "/v2/" => Reply::challenge(&challenge),
            _ => Reply::body(r#"{"token":"opaque"}"#),
        });
        let arguments: Vec<_> = allow.into_iter().flat_map(|host| ["--allow-realm", host]).collect();
        let (status, login, _) = verdict(&peers, "a.registry.test", PASSWORD, &arguments);
        assert_eq!((status, login.as_str()), (0, why), "{realm} {allow:?}");
        assert_eq!(!peers.authorized("Basic").is_empty(), is_sent, "{realm} {allow:?}");
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let peers = Peers::start(|request| match (request.path.as_str(), &request.authorization) {
        ("/v2/", None) => Reply::challenge("Basic"),
        _ => Reply::Answer(307, vec![("Location", "https://evil.registry.test/v2/".to_owned())], String::new()),
    });
    let (status, login, pulls) = verdict(&peers, "a.registry.test", PASSWORD, &["--image", "a.registry.test/api"]);
    assert_eq!((status, login.as_str()), (0, "unknown redirect"));
    assert_eq!(pulls, ["unknown redirect"]);
    assert!(peers.seen().iter().all(|request| request.host == "a.registry.test"), "{:?}", peers.seen());
}

#[test]
fn a_hostile_or_broken_peer_gets_an_unknown_in_time_and_nothing_of_it_is_repeated() {
    type Play = fn(&Request) -> Reply;
    let cases: [(&str, Play, &str); 9] = [
        ("no answer", |_| Reply::Silence, "unknown timeout"),
        ("an endless body", |_| Reply::Endless, "unknown too-long"),
        ("an endless header", |_| Reply::HugeHeader, "unknown broken"),
        ("no HTTP", |_| Reply::Garbage, "unknown broken"),
        ("a failing server", |_| Reply::status(503), "unknown status"),
        ("a wall", |_| Reply::status(403), "unknown closed"),
        ("another challenge", |_| Reply::challenge("Negotiate"), "unknown challenge"),
        ("a page of HTML", |_| Reply::body("<html>"), "unknown no-login-needed"),
        (
            "an echo",
            |request| match &request.authorization {
                None => Reply::challenge("Basic realm=\"x\""),
                Some(login) => Reply::Answer(
                    500,
                    vec![
                        ("WWW-Authenticate", format!("Bearer realm=\"https://{}/\"", login.replace(' ', ""))),
                        ("Location", login.clone()),
                    ],
                    login.clone(),
                ),
            },
            "unknown status",
        ),
    ];
    for (what, play, why) in cases {
        let peers = Peers::start(play);
        for format in ["json", "text"] {
            let began = std::time::Instant::now();
            let output = verify(&peers, "a.registry.test", PASSWORD, &["--timeout", "2s", "--format", format]);
            assert_eq!(output.status.code(), Some(0), "{what}");
            assert!(began.elapsed().as_secs() < 30, "{what}: {:?}", began.elapsed());
        }
        assert_eq!(verdict(&peers, "a.registry.test", PASSWORD, &["--timeout", "2s"]).1, why, "{what}");
    }
}

#[test]
fn what_keeps_a_registry_from_being_reached_is_named() {
    let peers = Peers::start(|_| Reply::challenge("Basic"));
    for (registry, why) in [
        ("other.test", "unknown certificate"),
        ("a.invalid", "unknown proxy"),
        ("127.0.0.1:1", "unknown no-connection"),
    ] {
        assert_eq!(verdict(&peers, registry, PASSWORD, &[]).1, why, "{registry}");
    }
    let config = json!({"auths": {"ghcr.io": {"username": "bot", "password": PASSWORD}}}).to_string();
    let [(proxy, address), (authority, _)] = peers.variables();
    let foreign = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates/rsa-2048.pem");
    let variables = [("DOCKERHUB_AUTH", config.as_str()), (proxy, &address), (authority, foreign)];
    let output = regcred(Path::new("/"), &variables, &["verify", "--no-config", "--online"]);
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("nobody that this machine trusts") && said.contains("SSL_CERT_FILE"), "{said}");
}

#[test]
fn only_allowed_registries_are_asked() {
    let peers = Peers::start(|_| Reply::challenge("Basic"));
    let config = json!({"auths": {"a.registry.test": {"username": "bot", "password": PASSWORD}, "b.registry.test": {"username": "bot", "password": PASSWORD}}}).to_string();
    let variables = peers.variables();
    let mut all = vec![("DOCKERHUB_AUTH", config.as_str()), ("REGCRED_ALLOWED_REGISTRIES", "b.registry.test")];
    all.extend(variables.iter().map(|(name, value)| (*name, value.as_str())));
    let arguments = ["verify", "--no-config", "--online", "--format", "json", "--image", "evil.registry.test/x"];
    let output = regcred(Path::new("/"), &all, &arguments);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let whys: BTreeMap<_, _> = answer["online"]
        .as_array()
        .unwrap()
        .iter()
        .map(|verdict| (verdict["registry"].as_str().unwrap(), verdict["login"]["why"].as_str().unwrap()))
        .collect();
    let expected = [
        ("a.registry.test", "not-allowed"),
        ("b.registry.test", "wrong-password"),
        ("evil.registry.test", "not-allowed"),
    ];
    assert_eq!(whys, expected.into());
    assert!(peers.seen().iter().all(|request| request.host == "b.registry.test"));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a fixture")]
fn the_images_of_manifests_are_asked_with_the_login_that_a_kubelet_would_use() {
    let peers = play(Script {
        host: "basic.registry.test",
        challenge: "Basic".into(),
        token: |known, _| Reply::status(if known == Some(true) { 200 } else { 401 }),
        manifest: |basic| Reply::status(if basic.is_some() { 200 } else { 401 }),
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("manifests.yaml");
    let manifests = "kind: Pod\nspec: {containers: [{image: basic.registry.test/api:1}]}\n---\napiVersion: apps/v1\nkind: Deployment\n\
                     spec: {template: {spec: {initContainers: [{image: basic.registry.test/init:2}]}}}\n";
    std::fs::write(&path, manifests).unwrap();
    let arguments = ["--images-from", path.to_str().unwrap()];
    let (status, login, pulls) = verdict(&peers, "basic.registry.test", PASSWORD, &arguments);
    assert_eq!((status, login.as_str()), (0, "good good"));
    assert_eq!(pulls, ["good allowed", "good allowed"]);
}

#[test]
fn the_page_shows_what_is_printed() {
    let peers = Peers::start(docker_hub);
    let output =
        verify(&peers, "https://index.docker.io/v1/", PASSWORD, &["--image", "nginx", "--image", "acme/api:1"]);
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/online.md")).unwrap();
    let shown = page.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), shown);
}
