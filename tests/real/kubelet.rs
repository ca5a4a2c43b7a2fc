//! Compares which logins the kubelet and `regcred` try for an image, with the kubelet's own code.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regcred::environment::Environment;
use regcred::internals::Credentials;
use regcred_core::credentials::Source;
use regcred_core::diagnostic::Diagnostic;
use regcred_core::docker_config::DockerConfig;
use regcred_core::docker_config::credential::Credential;
use regcred_core::docker_config::kubelet::{self, Image};
use regcred_core::explain::{Account, Candidate, Facts, Place, PullSecret, Wanted};
use regcred_core::spec::Options;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use crate::harness::bench::{self, Program};

/// The number of made-up Docker configs, and of images for each.
const CONFIGS: usize = 4_000;
const IMAGES: usize = 12;
/// How many of these configs the program itself reads.
const PRINTED: usize = 200;

/// The permitted reasons to refuse a Docker config.
const REFUSALS: [&str; 9] = [
    "invalid-registry",
    "entry-not-an-object",
    "entry-not-text",
    "entry-empty",
    "auth-not-base64",
    "auth-without-colon",
    "credential-helper",
    "identity-token",
    "no-password",
];

#[test]
fn for_every_docker_config_that_is_emitted_a_kubelet_tries_the_same_logins_in_the_same_order() {
    let Some(kubelet) = kubelet() else { return };
    let mut dice = Dice(20_260_101);
    let mut refused: BTreeMap<&str, usize> = BTreeMap::new();
    let mut cases = Vec::new();
    for _ in 0..CONFIGS {
        let written = docker_config(&mut dice);
        match emit(&written) {
            Ok(emitted) => {
                let emitted = Rc::new(emitted);
                for _ in 0..IMAGES {
                    let image = image(&mut dice);
                    cases.push((written.clone(), Rc::clone(&emitted), image));
                }
            }
            Err(problems) => {
                for problem in problems.iter().filter(|problem| problem.is_error()) {
                    assert!(REFUSALS.contains(&problem.code.as_str()), "{:?}: {}", problem.code, problem.message);
                    *refused.entry(problem.code.as_str()).or_default() += 1;
                }
            }
        }
    }
    let questions: String = cases
        .iter()
        .map(|(_, emitted, image)| json!({"image": image, "dockerConfig": json(emitted)}).to_string() + "\n")
        .collect();
    let answers = Program::new(&kubelet).stdin(&questions).run().succeeded();
    let mut answered = 0;
    let mut matched = 0;
    for ((written, emitted, image), answer) in cases.iter().zip(answers.lines()) {
        let answer = names(&serde_json::from_str(answer).unwrap());
        assert!(
            agrees(emitted, image, answer.as_deref()),
            "{image}: {answer:?} with {}, from {written}",
            json(emitted)
        );
        answered += 1;
        matched += usize::from(answer.is_some_and(|names| !names.is_empty()));
    }
    assert_eq!(answered, cases.len());
    // The command gives the same result as the library: as many cases as there is time for, spread over all.
    for ((written, emitted, image), answer) in cases.iter().zip(answers.lines()).step_by(cases.len() / PRINTED) {
        let printed = printed(written, image);
        assert!(agrees(emitted, image, printed.as_deref()), "{image}: {printed:?}, not {answer}, from {written}");
    }
    assert!(cases.len() > CONFIGS * IMAGES / 3 && matched > cases.len() / 10, "{matched} of {} matched", cases.len());
    assert_eq!(refused.keys().copied().collect::<Vec<_>>(), sorted(REFUSALS), "{refused:?}");
}

#[test]
fn of_several_pull_secrets_a_kubelet_tries_the_logins_in_the_order_that_we_say() {
    let Some(kubelet) = kubelet() else { return };
    let mut dice = Dice(7);
    let mut cases = Vec::new();
    while cases.len() < 2_000 {
        let emitted: Vec<_> = (0..2).flat_map(|_| emit(&docker_config(&mut dice)).unwrap_or_default()).collect();
        let image = image(&mut dice);
        cases.push((emitted, image));
    }
    let questions: String = cases
        .iter()
        .map(|(emitted, image)| {
            let configs: Vec<_> = emitted.iter().map(text).collect();
            json!({"image": image, "dockerConfigs": configs}).to_string() + "\n"
        })
        .collect();
    let answers = Program::new(&kubelet).stdin(&questions).run().succeeded();
    assert_eq!(answers.lines().count(), cases.len());
    for ((emitted, image), answer) in cases.iter().zip(answers.lines()) {
        let answer = names(&serde_json::from_str(answer).unwrap());
        assert!(agrees(emitted, image, answer.as_deref()), "{image}: {answer:?}");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the kubelet says the names, too")]
fn explain_lists_the_logins_that_a_kubelet_tries_for_the_secrets_of_a_pod_in_its_order() {
    let Some(kubelet) = kubelet() else { return };
    let mut dice = Dice(2026);
    let (mut questions, mut cases) = (String::new(), Vec::new());
    for _ in 0..6_000 {
        let (mut configs, mut secrets) = (Vec::new(), Vec::new());
        for number in 0..=dice.below(4) {
            let config = docker_config_with_names_from(10 * number, &mut dice).to_string();
            let data = json!({".dockerconfigjson": STANDARD.encode(&config)});
            // A Secret of another type is skipped, and has no place in the order.
            let (name, of_type) = (format!("secret-{number}"), |name| json!({"type": name, "data": data}));
            secrets.push(match dice.below(10) {
                0 => PullSecret::missing(&name),
                1 => PullSecret::read(&name, &of_type("Opaque")),
                _ => {
                    configs.push(config);
                    PullSecret::read(&name, &of_type("kubernetes.io/dockerconfigjson"))
                }
            });
        }
        let wanted = Wanted::image(&image(&mut dice));
        questions += &(json!({"image": wanted.image, "dockerConfigs": configs}).to_string() + "\n");
        let (place, account) = (Place::default(), Account::default());
        cases.push(Facts { place, pod: None, account, secrets, others: vec![], wanted, verdicts: vec![], now: 0 });
    }
    let answers = Program::new(&kubelet).stdin(&questions).run().succeeded();
    assert_eq!(answers.lines().count(), cases.len());
    let (mut several, mut stopped) = (0, 0);
    for ((facts, answer), question) in cases.iter().zip(answers.lines()).zip(questions.lines()) {
        let answer: Value = serde_json::from_str(answer).unwrap();
        let tried = facts.tried();
        let (mut expected, mut said) = (names_with_a_password(&answer), Vec::new());
        for same in tried.chunk_by(|one, other| is_one_place(one, other)) {
            let mut names: Vec<_> = same.iter().map(|one| one.login.username.expose_secret().to_owned()).collect();
            let end = expected.len().min(said.len() + same.len());
            // The entries of one Secret with one key are a map in Go, which has no order.
            expected[said.len().min(end)..end].sort_unstable();
            names.sort_unstable();
            said.extend(names);
        }
        assert_eq!(said, expected, "{question}");
        several += usize::from(said.len() > 1);
        stopped += usize::from(facts.is_stopped());
        let is_refused = facts.is_stopped() || facts.wanted.reference.is_err();
        assert_eq!(is_refused, answer["error"].is_string(), "{question}");
    }
    println!("{several} of {} had several logins to try, and {stopped} a Secret that stops a kubelet", cases.len());
    assert!(several > 200 && stopped > 200, "{several} {stopped}");
}

/// The names of the logins with a password, in the kubelet's order; a login without one is a pull without a login.
fn names_with_a_password(answer: &Value) -> Vec<String> {
    let matches = answer["matches"].as_array().into_iter().flatten().filter(|login| login["password"] != "");
    matches.map(|login| login["username"].as_str().unwrap().to_owned()).collect()
}

fn is_one_place(one: &Candidate<'_>, other: &Candidate<'_>) -> bool {
    one.secret == other.secret && one.login.registry.index() == other.login.registry.index()
}

/// The user names whose logins a kubelet tries, by our rules; `None` if it refuses the image.
fn agrees(emitted: &[DockerConfig], image: &str, answer: Option<&[String]>) -> bool {
    match (image.parse::<Image>(), answer) {
        (Ok(image), Some(names)) => tries(emitted, &image, names),
        (Err(_), None) => true,
        _ => false,
    }
}

/// Whether a kubelet would try exactly the entries with these user names for the image, in this order; several logins of one registry
/// may come in any order.
#[expect(clippy::disallowed_methods, reason = "compares with the names that the kubelet tries")]
fn tries(docker_configs: &[DockerConfig], image: &Image, usernames: &[String]) -> bool {
    let logins =
        kubelet::matching(docker_configs.iter().flat_map(DockerConfig::logins), |login| &login.registry, image);
    let is_one_place = |one: &&Credential, other: &&Credential| {
        one.is_one_of_several && other.is_one_of_several && one.registry.index() == other.registry.index()
    };
    let mut rest = usernames.iter();
    let has_these = |same: &[&Credential]| {
        let mut named: Vec<_> = rest.by_ref().take(same.len()).collect();
        same.iter().all(|login| {
            let at = named.iter().position(|name| login.username.expose_secret() == name.as_str());
            at.map(|at| named.remove(at)).is_some()
        })
    };
    logins.len() == usernames.len() && logins.chunk_by(is_one_place).all(has_these)
}

/// The user names that `regcred verify` prints; `None` if it refuses the image.
fn printed(written: &Value, image: &str) -> Option<Vec<String>> {
    let regcred = Program::new(Path::new(env!("CARGO_BIN_EXE_regcred"))).directory(Path::new("/"));
    let regcred = regcred.variable("DOCKERHUB_AUTH", written.to_string());
    let run =
        regcred.arguments(["verify", "--no-config", "--format", "json"]).arguments([format!("--image={image}")]).run();
    if run.status == 2 {
        return None;
    }
    names(&serde_json::from_str(&run.succeeded()).unwrap())
}

/// The user names in an answer, the kubelet's or ours; `None` if the image is refused.
fn names(answer: &Value) -> Option<Vec<String>> {
    let matches = answer["matches"].as_array()?;
    Some(matches.iter().map(|login| login["username"].as_str().unwrap().to_owned()).collect())
}

fn json(emitted: &[DockerConfig]) -> String {
    text(&emitted[0])
}

#[expect(clippy::disallowed_methods, reason = "the kubelet reads the JSON")]
/// The JSON of a Docker config.
pub fn text(docker_config: &DockerConfig) -> String {
    docker_config.to_json().expose_secret().to_owned()
}

/// The Docker config as `regcred` writes it, through its own steps.
fn emit(written: &Value) -> Result<Vec<DockerConfig>, Vec<Diagnostic>> {
    emit_text(&written.to_string())
}

/// The Docker config that `regcred` writes for the value of a variable.
pub fn emit_text(written: &str) -> Result<Vec<DockerConfig>, Vec<Diagnostic>> {
    let environment = Environment::new([("AUTH", written)], PathBuf::from("/"));
    let sources = [Source::DockerConfig("AUTH".parse().unwrap())];
    let mut problems = Vec::new();
    let logins = Credentials::read(sources.iter(), &environment, &Options::default()).of(&sources, &mut problems);
    if problems.iter().any(Diagnostic::is_error) {
        return Err(problems);
    }
    DockerConfig::merge(logins).map(|docker_config| vec![docker_config])
}

fn sorted<const N: usize>(mut texts: [&str; N]) -> Vec<&str> {
    texts.sort_unstable();
    texts.to_vec()
}

/// The kubelet's code.
pub fn kubelet() -> Option<PathBuf> {
    bench::tools(&["kubelet-credentials"]).map(|folder| folder.join("kubelet-credentials"))
}

/// Numbers that look random and are the same at every run (the generator is `SplitMix64`).
pub struct Dice(pub u64);

impl Dice {
    /// A number from 0 to below the limit.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap()
    }

    /// One of the texts.
    pub fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

const HOSTS: [&str; 18] = [
    "ghcr.io",
    "*.io",
    "quay.io",
    "qu*.io",
    "*u*y.io",
    "docker.io",
    "index.docker.io",
    "registry-1.docker.io",
    "hub.docker.com",
    "*.docker.io",
    "a.b.io",
    "*.*.io",
    "localhost",
    "localhost",
    "GHCR.io",
    "my-registry.example.com",
    "1.2.3.4",
    "registry",
];

fn key(dice: &mut Dice) -> String {
    // Half of them are similar to half of the images, so that many match.
    if dice.below(2) == 0 {
        let host =
            dice.one(&["ghcr.io", "*.io", "gh*.io", "docker.io", "index.docker.io", "https://index.docker.io/v1"]);
        return format!("{host}{}", dice.one(&["", "/", "/acme", "/acme/api", "/ac"]));
    }
    let scheme = dice.one(&["", "", "", "https://", "http://"]);
    let host = dice.one(&HOSTS);
    let port = dice.one(&["", "", "", "", ":443", ":5000", ":80", ":05000", ":x"]);
    let path = dice.one(&[
        "",
        "",
        "",
        "",
        "/",
        "/v1/",
        "/v2/",
        "/v1",
        "/v2",
        "/v1/acme",
        "/v2/v1/",
        "/acme",
        "/acme/",
        "/acme/api",
        "/ac",
        "/acme/api/x",
        "/library",
        "/library/nginx",
        "/acme:1",
        "/acme/*",
        "/a//b",
        "/./acme",
        "//acme",
        "/acme@sha256",
        "/~x",
        "/Acme",
        "/a b",
        "/a%20b",
        "/a?b",
    ]);
    format!("{scheme}{host}{port}{path}")
}

fn docker_config(dice: &mut Dice) -> Value {
    docker_config_with_names_from(0, dice)
}

fn docker_config_with_names_from(first: usize, dice: &mut Dice) -> Value {
    let mut auths = Map::new();
    for number in first..=first + dice.below(5) {
        auths.insert(key(dice), entry(dice, number));
    }
    if dice.below(2) == 0 {
        return json!({"auths": auths, "credHelpers": {"gcr.io": "gcloud"}});
    }
    json!({"auths": auths, "HttpHeaders": {"User-Agent": "x"}})
}

fn entry(dice: &mut Dice, number: usize) -> Value {
    // User names that `verify` shows, because their form is public.
    let [name, other] = [number, number + 1].map(|number| format!("robot$u{number}"));
    let auth = |text: String| STANDARD.encode(text);
    match dice.below(60) {
        0 => json!([]),
        1 => json!({"auth": 1}),
        2 => json!({}),
        3 => json!({"auth": "?"}),
        4 => json!({"auth": auth(name)}),
        5 => json!({"auth": auth(format!("{name}:p")), "username": other}),
        6 => json!({"auth": auth(format!("{name}:")), "identitytoken": "t"}),
        7 => json!({"username": name}),
        8..20 => json!({"username": name, "password": "p"}),
        20..30 => json!({"auth": auth(format!("{name}:p:q"))}),
        30..40 => json!({"auth": auth("robot$same:p".into())}),
        40..45 => json!({"auth": auth(format!("{name}:p")).trim_end_matches('='), "email": "a@b.c"}),
        _ => json!({"username": name, "password": "p", "auth": auth(format!("{name}:p"))}),
    }
}

/// An image, or a text that looks like one.
pub fn image(dice: &mut Dice) -> String {
    if dice.below(2) == 0 {
        return format!(
            "{}{}",
            dice.one(&["ghcr.io/", "docker.io/", "", "localhost/"]),
            dice.one(&["acme/api:1", "nginx", "ac/x"])
        );
    }
    let host = dice.one(&[
        "",
        "",
        "ghcr.io/",
        "quay.io/",
        "docker.io/",
        "index.docker.io/",
        "registry-1.docker.io/",
        "hub.docker.com/",
        "a.b.io/",
        "localhost/",
        "GHCR.io/",
        "my-registry.example.com/",
        "1.2.3.4/",
        "-a.io/",
        "a_b.io/",
        "Team/",
        "registry/",
        "io/",
    ]);
    let port = dice.one(&["", "", "", "", "", "", ":443", ":5000", ":80", ":05000", ":x", ":"]);
    let host = if host.is_empty() || port.is_empty() {
        host.to_owned()
    } else {
        format!("{}{port}/", host.trim_end_matches('/'))
    };
    let path = dice.one(&[
        "nginx",
        "acme/api",
        "acme/api/x",
        "acme",
        "acmeco/api",
        "v1/acme",
        "library/nginx",
        "v2/v1/x",
        "a/b",
        "x",
        "acme/Api",
        "acme//api",
        "a..b/c",
        "a__b/c",
        "a___b/c",
        "a--b/c",
        "a-/c",
        ".a/b",
        "ac",
        "a._b",
        "",
    ]);
    let digest = format!("@sha256:{}", "0a".repeat(32));
    let end = dice
        .one(&["", "", "", "", ":1.4", ":latest", ":", ":-x", ":_x", "@sha256:00", &digest, ":1@x", "@md5:00"])
        .to_owned();
    let whole = if dice.below(200) == 0 { "0a".repeat(32) } else { format!("{host}{path}") };
    format!("{whole}{end}")
}
