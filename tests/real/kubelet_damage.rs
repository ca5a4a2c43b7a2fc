//! Damages made-up Docker configs and images, and compares what `regcred` refuses with what the kubelet's own code reads.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regcred_core::diagnostic::Diagnostic;
use regcred_core::docker_config::kubelet::Image;
use serde_json::{Value, json};

use crate::harness::bench::Program;
use crate::kubelet::{Dice, emit_text, image, kubelet, text};

/// The number of made-up Docker configs, and for how many of them the program itself runs.
const CONFIGS: usize = 6_000;
const RUN: usize = 120;

/// Errors that say that a kubelet cannot read the Secret at all.
const BREAKS: [&str; 9] = [
    "entry-not-an-object",
    "entry-not-text",
    "auth-not-base64",
    "auth-without-colon",
    "invalid-json",
    "not-an-object",
    "not-a-docker-config",
    "placeholder",
    "in-quotes",
];
/// Errors that say that a kubelet reads the Secret and finds no login in it.
const NOTHING_LEFT: [&str; 8] = [
    "entry-empty",
    "auth-not-utf-8",
    "no-auths",
    "no-password",
    "no-username",
    "identity-token",
    "invalid-registry",
    "credential-helper",
];
/// Errors about a user name or password that no registry takes, which a kubelet does not look at.
const NO_REGISTRY_TAKES: [&str; 4] =
    ["username-with-colon", "username-with-control-character", "password-with-control-character", "dollar-escaped"];

/// A Docker config in parts, each written as JSON.
struct Parts {
    before: String,
    auths: String,
    entries: Vec<Entry>,
    after: String,
}

struct Entry {
    key: String,
    fields: Vec<(String, String)>,
    /// The text in place of the fields.
    instead: Option<String>,
}

impl Parts {
    fn made_up(dice: &mut Dice) -> Self {
        let entries = (0..=dice.below(3)).map(|number| {
            let (name, password) = (format!("robot$u{number}"), format!("pw{}x", dice.below(4)));
            let auth = ("\"auth\"".to_owned(), quoted(&STANDARD.encode(format!("{name}:{password}"))));
            let [username, password] = [("username", name), ("password", password)]
                .map(|(field, value)| (format!("\"{field}\""), quoted(&value)));
            let fields = match dice.below(3) {
                0 => vec![auth],
                1 => vec![username, password],
                _ => vec![username, password, ("\"email\"".into(), "\"a@b.c\"".into()), auth],
            };
            let host =
                dice.one(&["ghcr.io", "quay.io", "*.io", "docker.io", "https://index.docker.io/v1/", "a.b.c:5000"]);
            let path = if host.ends_with('/') { "" } else { dice.one(&["", "", "/", "/acme", "/acme/api", "/v1/"]) };
            Entry { key: format!("{host}{path}"), fields, instead: None }
        });
        Self { before: String::new(), auths: "\"auths\"".into(), entries: entries.collect(), after: String::new() }
    }

    fn json(&self) -> String {
        let entry = |entry: &Entry| {
            let fields: Vec<_> = entry.fields.iter().map(|(name, value)| format!("{name}:{value}")).collect();
            let written = entry.instead.clone().unwrap_or_else(|| format!("{{{}}}", fields.join(",")));
            format!("\"{}\":{written}", entry.key)
        };
        let entries: Vec<_> = self.entries.iter().map(entry).collect();
        format!("{{{}{}:{{{}}}{}}}", self.before, self.auths, entries.join(","), self.after)
    }

    /// A value or the name of a field somewhere.
    fn field(&mut self, dice: &mut Dice) -> &mut (String, String) {
        let at = dice.below(self.entries.len());
        let fields = &mut self.entries[at].fields;
        let at = dice.below(fields.len());
        &mut fields[at]
    }

    fn entry(&mut self, dice: &mut Dice) -> &mut Entry {
        let at = dice.below(self.entries.len());
        &mut self.entries[at]
    }

    /// The base64 of an entry that has one.
    fn auth(&mut self, dice: &mut Dice) -> Option<&mut String> {
        let fields = &mut self.entry(dice).fields;
        fields.iter_mut().find(|(name, _)| name == "\"auth\"").map(|(_, value)| value)
    }

    /// Puts other bytes into the base64 of an entry that has one.
    fn encode(&mut self, dice: &mut Dice, bytes: &[u8]) {
        if let Some(auth) = self.auth(dice) {
            *auth = quoted(&STANDARD.encode(bytes));
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// Replaces `length` bytes somewhere between the first and the last.
fn replace(text: &mut String, dice: &mut Dice, length: usize, by: &str) {
    if text.len() <= length + 2 {
        return;
    }
    let at = 1 + dice.below(text.len() - length - 1);
    if text.is_char_boundary(at) && text.is_char_boundary(at + length) {
        text.replace_range(at..at + length, by);
    }
}

const VALUES: [&str; 9] = ["null", "1", "1e999", "[]", "{}", "true", "[[[[{}]]]]", "\"\"", "\"\\ud800\""];
const LETTERS: [&str; 14] = ["A", "z", "9", "+", "/", "-", "_", "=", " ", "\\n", "\\u0000", "\\ud800", "é", "$"];

/// A kind of damage to a Docker config.
type Damage = (&'static str, fn(&mut Parts, &mut Dice));

const DAMAGES: [Damage; 30] = [
    ("a capital letter in a field's name", |parts, dice| {
        let name = &mut parts.field(dice).0;
        *name = name.to_uppercase();
    }),
    ("a long s in a field's name", |parts, dice| {
        let name = &mut parts.field(dice).0;
        *name = name.replace('s', "\u{17f}");
    }),
    ("a letter of a field's name replaced", |parts, dice| {
        let letter = dice.one(&LETTERS);
        replace(&mut parts.field(dice).0, dice, 1, letter);
    }),
    ("a letter of a field's name left out", |parts, dice| replace(&mut parts.field(dice).0, dice, 1, "")),
    ("another kind of value in a field", |parts, dice| parts.field(dice).1 = dice.one(&VALUES).into()),
    ("a field twice", |parts, dice| {
        let (name, value) = parts.field(dice).clone();
        let value = if dice.below(2) == 0 { value } else { dice.one(&VALUES).into() };
        parts.entry(dice).fields.insert(0, (name, value));
    }),
    ("a field left out", |parts, dice| {
        let fields = &mut parts.entry(dice).fields;
        if fields.len() > 1 {
            fields.remove(0);
        }
    }),
    ("a token that no kubelet reads", |parts, dice| {
        let name = dice.one(&["\"identitytoken\"", "\"registrytoken\"", "\"IdentityToken\""]);
        parts.entry(dice).fields.push((name.into(), dice.one(&VALUES).into()));
    }),
    ("a letter of a value replaced", |parts, dice| {
        let letter = dice.one(&LETTERS);
        replace(&mut parts.field(dice).1, dice, 1, letter);
    }),
    ("a letter of base64 replaced", |parts, dice| {
        let letter = dice.one(&LETTERS);
        parts.auth(dice).into_iter().for_each(|auth| replace(auth, &mut Dice(letter.len() as u64 + 7), 1, letter));
    }),
    ("base64 cut", |parts, dice| {
        let length = 1 + dice.below(3);
        parts.auth(dice).into_iter().for_each(|auth| *auth = quoted(&auth[1..auth.len().max(length + 2) - 1 - length]));
    }),
    ("padding of base64 gone", |parts, dice| {
        parts.auth(dice).into_iter().for_each(|auth| *auth = quoted(auth.trim_matches('"').trim_end_matches('=')));
    }),
    ("padding of base64 added", |parts, dice| {
        parts.auth(dice).into_iter().for_each(|auth| *auth = quoted(&format!("{}=", auth.trim_matches('"'))));
    }),
    ("base64 in lines", |parts, dice| {
        parts.auth(dice).into_iter().for_each(|auth| *auth = auth.replacen('b', "b\\r\\n", 1).replace("=\"", "=\\n\""));
    }),
    ("base64 of base64", |parts, dice| {
        parts.auth(dice).into_iter().for_each(|auth| *auth = quoted(&STANDARD.encode(auth.trim_matches('"'))));
    }),
    ("base64 of Latin-1", |parts, dice| parts.encode(dice, b"robot$u0:p\xe4x")),
    ("base64 of UTF-16", |parts, dice| {
        let units: Vec<u8> = "robot$u0:pw".encode_utf16().flat_map(u16::to_le_bytes).collect();
        parts.encode(dice, &units);
    }),
    ("base64 of half a login", |parts, dice| {
        let half = dice.one(&["", ":", "u", "u:", ":p", "::", "u:p:q"]);
        parts.encode(dice, half.as_bytes());
    }),
    ("another kind of entry", |parts, dice| parts.entry(dice).instead = Some(dice.one(&VALUES).into())),
    ("an empty entry beside", |parts, dice| {
        let key = dice.one(&["quay.io", "ghcr.io", "docker.io", "x.example.com"]).to_owned();
        let instead = Some(dice.one(&["{}", "null", "{\"email\":\"a@b.c\"}"]).to_owned());
        parts.entries.push(Entry { key, fields: vec![("\"x\"".into(), "1".into())], instead });
    }),
    ("a second login for one registry", |parts, dice| {
        let Entry { key, fields, .. } = parts.entry(dice);
        let bare = key.trim_start_matches("https://").trim_end_matches('/').trim_end_matches("/v1").to_owned();
        let mut fields = fields.clone();
        for (_, value) in fields.iter_mut().filter(|(name, _)| name == "\"auth\"") {
            *value = quoted(&STANDARD.encode("robot$u7:pw9x"));
        }
        let [before, after] = [dice.one(&["", "https://", "http://"]), dice.one(&["", "/", "/v1/", "/v2/"])];
        parts.entries.push(Entry { key: format!("{before}{bare}{after}"), fields, instead: None });
    }),
    ("a letter of a host replaced", |parts, dice| {
        let letter = dice.one(&["?", "#", "@", ":", " ", "[", "]", "%41", "%zz", "\\\\", "é", "*", "_", "\\t", "|"]);
        replace(&mut parts.entry(dice).key, dice, 1, letter);
    }),
    ("something before a host", |parts, dice| {
        let key = &mut parts.entry(dice).key;
        *key = format!(
            "{}{key}",
            dice.one(&["https://", "http://", "HTTPS://", "ftp://", "//", "u:p@", "u@", " ", "docker://"])
        );
    }),
    ("something after a host", |parts, dice| {
        let key = &mut parts.entry(dice).key;
        *key += dice.one(&[
            ":443",
            ":",
            ":x",
            "/v1",
            "/v2/",
            "?x=1",
            "#x",
            "//",
            "/*",
            "/%61cme",
            "/%",
            ":5000/acme",
            " ",
            ".",
            "/Acme",
        ]);
    }),
    ("capital letters in a host", |parts, dice| {
        let key = &mut parts.entry(dice).key;
        *key = key.to_uppercase();
    }),
    ("other letters in the name `auths`", |parts, dice| {
        parts.auths = quoted(dice.one(&["Auths", "AUTHS", "auth\u{17f}", "auths ", "auth", "aut\\u0068s"]));
    }),
    ("`auths` twice", |parts, dice| {
        parts.before += dice.one(&["\"auths\":{},", "\"AUTHS\":{\"quay.io\":{\"auth\":\"dTpw\"}},", "\"auths\":null,"]);
    }),
    ("something beside `auths`", |parts, dice| {
        parts.after += dice.one(&[
            ",\"x\":1e999",
            ",\"x\":[[[[{}]]]]",
            ",\"credHelpers\":{\"gcr.io\":\"gcloud\"}",
            ",\"credsStore\":\"desktop\"",
            ",\"HttpHeaders\":{\"a\":\"b\"}",
            ",\"x\":\"\\udc00\"",
        ]);
    }),
    ("a letter of the JSON left out", |parts, dice| match dice.below(3) {
        0 => parts.auths = "\"auths".into(),
        1 => parts.before += dice.one(&["{", ",", "[", "\"", "\\"]),
        _ => parts.after += dice.one(&["}", ",", "]", "\"", "x"]),
    }),
    ("blanks in the JSON", |parts, _| {
        parts.before.insert_str(0, " \n\t");
        parts.after += "\r\n ";
    }),
];

/// Ten kinds of letters of an image, with their replacements.
const OF_IMAGES: [(&str, &str); 10] = [
    ("a", "A"),
    ("/", "//"),
    ("/", ":5000/"),
    (".", ""),
    ("c", "é"),
    ("m", " "),
    ("e", "__"),
    ("i", "-."),
    ("", "https://"),
    ("api", "api@sha256:0"),
];

struct Case {
    config: usize,
    image: String,
}

#[test]
fn what_is_refused_is_what_a_kubelet_cannot_use_and_nothing_that_it_uses_is_lost() {
    let Some(kubelet) = kubelet() else { return };
    let mut dice = Dice(20_261_127);
    let (mut texts, mut cases, mut counts) = (Vec::new(), Vec::new(), BTreeMap::<&str, usize>::new());
    for config in 0..CONFIGS {
        let mut parts = Parts::made_up(&mut dice);
        let key = parts.entries[0].key.clone();
        for _ in 0..=dice.below(2) {
            let (kind, damage) = DAMAGES[dice.below(DAMAGES.len())];
            damage(&mut parts, &mut dice);
            *counts.entry(kind).or_default() += 1;
        }
        texts.push(parts.json());
        let host =
            key.trim_start_matches("https://").split('/').next().unwrap().replace('*', "reg").replace("index.", "");
        let good = format!("{host}/acme/api:1");
        let (from, by) = OF_IMAGES[dice.below(OF_IMAGES.len())];
        let damaged = good.replacen(from, by, 1 + dice.below(2));
        cases.extend([good, damaged, image(&mut dice)].map(|image| Case { config, image }));
    }
    let emitted: Vec<_> = texts.iter().map(|text| emit_text(text)).collect();
    let emitted_json: Vec<_> =
        emitted.iter().map(|it| it.as_ref().map_or("{\"auths\":{}}".to_owned(), |configs| text(&configs[0]))).collect();
    let ask = |json: &dyn Fn(&Case) -> String| -> Vec<Option<Vec<(String, String)>>> {
        let question = |case: &Case| json!({"image": case.image, "dockerConfig": json(case)}).to_string() + "\n";
        let answers = Program::new(&kubelet).stdin(&cases.iter().map(question).collect::<String>()).run().succeeded();
        answers.lines().map(|line| logins(&serde_json::from_str(line).unwrap())).collect()
    };
    let read = ask(&|case| texts[case.config].clone());
    let ours = ask(&|case| emitted_json[case.config].clone());
    let (mut refused, mut problems) = (BTreeMap::<&str, usize>::new(), Vec::new());
    for (number, case) in cases.iter().enumerate() {
        let (text, image, read, ours) = (&texts[case.config], &case.image, &read[number], &ours[number]);
        let mut must = |is_so: bool, what: &str| {
            if !is_so {
                problems.push(format!("{what}: {image}: {text}: read {read:?}, emitted {ours:?}"));
            }
        };
        must(image.parse::<Image>().is_ok() == ours.is_some(), "an image is refused by one only");
        let Some(ours) = ours else { continue };
        match &emitted[case.config] {
            Ok(_) => {
                let lost = read.iter().flatten().find(|login| !ours.contains(login));
                must(lost.is_none(), "a login is lost");
            }
            Err(found) => {
                let codes: Vec<_> = found.iter().filter(|it| it.is_error()).map(|it| it.code.as_str()).collect();
                for code in &codes {
                    *refused.entry(code).or_default() += 1;
                }
                let is_of = |known: &[&str]| codes.iter().any(|code| known.contains(code));
                if is_of(&BREAKS) {
                    must(read.is_none(), &format!("{codes:?}, but a kubelet reads it"));
                } else if !is_of(&NO_REGISTRY_TAKES) {
                    must(codes.iter().all(|code| NOTHING_LEFT.contains(code)), &format!("{codes:?}"));
                    must(read.as_ref().is_none_or(Vec::is_empty), &format!("{codes:?}, but a kubelet has a login"));
                }
            }
        }
    }
    assert!(
        problems.is_empty(),
        "{} problems, such as\n{}",
        problems.len(),
        problems[..problems.len().min(25)].join("\n")
    );
    assert!(counts.len() == DAMAGES.len() && counts.values().all(|count| *count > 100), "{counts:?}");
    assert!(BREAKS[..5].iter().chain(&NOTHING_LEFT).all(|code| refused.contains_key(code)), "{refused:?}");
    let matched = read.iter().flatten().filter(|logins| !logins.is_empty()).count();
    assert!(matched > CONFIGS / 2, "{matched}");
    for case in cases.iter().step_by(cases.len() / RUN) {
        run(&texts[case.config], &case.image, &emitted[case.config]);
    }
}

/// The command gives the same result as the library.
fn run(text: &str, image: &str, emitted: &Result<Vec<regcred_core::docker_config::DockerConfig>, Vec<Diagnostic>>) {
    let regcred = Program::new(Path::new(env!("CARGO_BIN_EXE_regcred"))).directory(Path::new("/"));
    let image_flag = format!("--image={image}");
    let run =
        regcred.variable("AUTH", text).arguments(["verify", "--no-config", "--docker-config=AUTH", &image_flag]).run();
    let expected = if image.parse::<Image>().is_err() { 2 } else { i32::from(emitted.is_err()) };
    assert_eq!(run.status, expected, "{image}: {text}: {}", run.stderr);
}

/// The logins that a kubelet can use: user name and password exist, fit into a message for the runtime, and have no control character,
/// which HTTP forbids. `None` if the kubelet refuses the image or the Secret.
fn logins(answer: &Value) -> Option<Vec<(String, String)>> {
    let is_good = |half: &str| !half.is_empty() && !half.contains(char::is_control);
    let usable = answer["matches"].as_array()?.iter().filter(|login| login["usable"] == true);
    let halves =
        usable.map(|login| [&login["username"], &login["password"]].map(|half| half.as_str().unwrap().to_owned()));
    Some(
        halves
            .filter(|halves| halves.iter().all(|half| is_good(half)))
            .map(|[name, password]| (name, password))
            .collect(),
    )
}
