//! Reads the `auths` of a Docker config as a kubelet reads them, and names everything a kubelet would trip over.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::doubles::{self, Written};
use super::entry::{self, Fate, Fault};
use super::json::Config;
use super::{Credential, broken, mistaken};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::docker_config::registry::{InvalidRegistry, RegistryKey, is_a_name_of_docker_hub};

/// What to do with entries whose logins are in a credential helper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Helpers {
    /// Ask the helper.
    Ask,
    /// Leave them out, with a warning.
    Leave,
}

/// A login that a credential helper knows.
pub struct Kept {
    /// The key of the entry.
    pub registry: RegistryKey,
    /// The key as written, which the helper is asked for.
    pub server: String,
    /// The name of the helper, after `docker-credential-`.
    pub helper: String,
}

/// The content of the Docker config in `json`: logins, and those that a credential helper must be asked for. Problems of entries are
/// added to `problems`.
#[expect(clippy::disallowed_methods, reason = "the JSON is read here")]
pub fn read(
    json: &SecretString,
    source: &str,
    helpers: Helpers,
    problems: &mut Vec<Diagnostic>,
) -> (Vec<Credential>, Vec<Kept>) {
    let json = json.expose_secret();
    let config = match Config::parse(json) {
        Ok(config) => config,
        Err(None) => {
            problems.push(broken::not_an_object(json, source));
            return Default::default();
        }
        Err(Some((line, column))) => {
            problems.push(broken::broken(json, source, line, column));
            return Default::default();
        }
    };
    if config.is_of_sops && config.auths.iter().any(|(_, entry)| entry::is_encrypted(entry)) {
        problems.push(mistaken::of_sops(source));
        return Default::default();
    }
    let asks = helpers == Helpers::Ask && !config.cred_helpers.is_empty();
    if config.auths.is_empty() && !asks {
        problems.push(mistaken::without_auths(json, source));
        return Default::default();
    }
    entries(&config, source, helpers, problems)
}

/// Reads user name and password from the answer of a credential helper; `None` for an identity token, which has neither.
pub fn login_of_helper(answer: &[u8]) -> Option<(SecretString, SecretString)> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        username: String,
        secret: String,
    }
    let Answer { username, secret } = serde_json::from_slice(answer).ok()?;
    let is_login = !matches!(username.as_str(), "" | "<token>") && !secret.is_empty();
    is_login.then(|| (username.into(), secret.into()))
}

/// Whether the Docker CLI keeps its own token under this key after a login by browser; it is no registry.
fn is_token_of_the_cli(key: &str) -> bool {
    let key = key.split_once("://").map_or(key, |(_, rest)| rest).trim_end_matches('/').to_ascii_lowercase();
    key.split_once('/').is_some_and(|(host, path)| {
        is_a_name_of_docker_hub(host) && ["v1/access-token", "v1/refresh-token"].contains(&path)
    })
}

fn entries(
    config: &Config,
    source: &str,
    helpers: Helpers,
    problems: &mut Vec<Diagnostic>,
) -> (Vec<Credential>, Vec<Kept>) {
    let (mut written, mut kept, mut faults, mut found) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let has_only_tokens = config.auths.iter().all(|(key, _)| is_token_of_the_cli(key));
    if config.auths.iter().any(|(key, _)| is_token_of_the_cli(key)) {
        found.push(of_the_cli(source, has_only_tokens));
    }
    for (number, (text, entry)) in config.auths.iter().enumerate().filter(|(_, (key, _))| !is_token_of_the_cli(key)) {
        let key = match text.parse::<RegistryKey>() {
            Ok(key) => key,
            Err(_) if text == "auths" => {
                let message = format!("{source} has `auths` within `auths`");
                found.push(
                    Diagnostic::warning(Code::NoAuths, message)
                        .hint("take the inner object: {\"auths\": {\"ghcr.io\": {\"auth\": \"…\"}}}"),
                );
                continue;
            }
            Err(invalid) => {
                let message = format!(
                    "entry {} of `auths` in {source} {invalid}; it was left out, as no image matches it",
                    number + 1
                );
                found.push(Diagnostic::warning(Code::InvalidRegistry, message).hint(InvalidRegistry::hint()));
                continue;
            }
        };
        let helper = config.helper_of(text);
        let (registry, odd) = key.clone().canonical();
        found.extend(odd);
        match entry::login(entry, helper.is_some()) {
            Ok(entry::Login { username, password, email, odd }) => {
                found.extend(odd.iter().map(|fault| fault.explain(&registry, source, Fate::Used)));
                let login = Credential {
                    registry,
                    username,
                    password,
                    email,
                    source: source.to_owned(),
                    username_source: source.to_owned(),
                    public_username: false,
                    is_one_of_several: false,
                };
                written.push(Written { text, key, login });
            }
            Err(Fault::EmptyWithHelper) => kept.push((registry, text.clone(), helper)),
            Err(fault) => faults.push((fault, registry)),
        }
    }
    let logins = doubles::resolve(written, source, &mut found);
    for (server, helper) in &config.cred_helpers {
        let Ok(registry) = server.parse::<RegistryKey>() else { continue };
        let registry = registry.canonical().0;
        let is_same = |other: &RegistryKey| other.index() == registry.index();
        if !logins.iter().any(|login| is_same(&login.registry)) && !kept.iter().any(|(other, ..)| is_same(other)) {
            kept.push((registry, server.clone(), Some(helper.as_str())));
        }
    }
    if helpers == Helpers::Leave && !kept.is_empty() {
        found.push(in_helpers(&kept.iter().map(|(registry, ..)| registry).collect::<Vec<_>>(), source));
    }
    let asked = kept
        .into_iter()
        .filter(|_| helpers == Helpers::Ask)
        .filter_map(|(registry, server, helper)| Some(Kept { registry, server, helper: helper?.to_owned() }));
    let asked: Vec<_> = asked.collect();
    let is_alone = logins.is_empty() && asked.is_empty();
    let fate = if is_alone { Fate::NothingLeft } else { Fate::LeftOut };
    found.extend(faults.iter().map(|(fault, registry)| fault.explain(registry, source, fate)));
    // If nothing is left, the reason is what was left out.
    if is_alone && !found.iter().any(Diagnostic::is_error) {
        found
            .iter_mut()
            .filter(|problem| problem.code != Code::RegistryAlias)
            .filter(|problem| problem.severity != Severity::Note || has_only_tokens)
            .for_each(|problem| problem.severity = Severity::Error);
    }
    problems.extend(found);
    (logins, asked)
}

/// The note that the tokens of the Docker CLI were left out; if nothing else is there, also what to do.
fn of_the_cli(source: &str, is_all: bool) -> Diagnostic {
    let (verb, after) = if is_all { ("holds only", "") } else { ("also holds", ", which were left out") };
    let message = format!("{source} {verb} the Docker CLI's own tokens (`access-token`, `refresh-token`){after}");
    let problem = Diagnostic::note(Code::TokenOfTheCli, message);
    if !is_all {
        return problem;
    }
    problem.hint("make a personal access token at hub.docker.com, and name two variables: `--login dockerhub`")
}

/// A warning that names the registries whose logins are not in the Docker config.
fn in_helpers(registries: &[&RegistryKey], source: &str) -> Diagnostic {
    const NAMED: usize = 3;
    let names = registries.iter().take(NAMED).map(|registry| format!("`{registry}`")).collect::<Vec<_>>().join(", ");
    let more = match registries.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Diagnostic::warning(
        Code::CredentialHelper,
        format!("the logins of {source} for {names}{more} are in a credential helper, which a kubelet ignores; they were left out"),
    )
    .hint("`--credential-helpers` asks it; or name two variables: `--login HOST=USERVAR:PASSVAR`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(json: &str) -> (usize, Vec<&'static str>) {
        let mut problems = Vec::new();
        let (logins, _) = read(&json.into(), "`A`", Helpers::Leave, &mut problems);
        (logins.len(), problems.into_iter().map(|problem| problem.code.as_str()).collect())
    }

    #[test]
    fn an_entry_is_read_from_auth_or_from_user_name_and_password() {
        for entry in [
            r#"{"auth":"dTpw"}"#,
            r#"{"auth":"dTpw\n"}"#,
            r#"{"auth":"dTpwcA=="}"#,
            r#"{"auth":"dTpwcA"}"#,
            r#"{"auth":"dTpwcB=="}"#,
            r#"{"username":"u","password":"p"}"#,
            r#"{"AUTH":"dTpw","identityToken":1}"#,
            r#"{"u\u017fername":"u","Password":"p","note":1e999}"#,
            r#"{"username":"u","password":"p","auth":"dTpw","email":null}"#,
        ] {
            assert_eq!(codes(&format!(r#"{{"auths":{{"ghcr.io":{entry}}}}}"#)), (1, vec![]), "{entry}");
        }
    }

    #[test]
    fn what_a_kubelet_trips_over_is_named() {
        for (entry, code) in [
            ("[]", "entry-not-an-object"),
            (r#"{"username":1}"#, "entry-not-text"),
            (r#"{"auth":"?"}"#, "auth-not-base64"),
            (r#"{"auth":"${AUTH}"}"#, "placeholder"),
            (r#"{"auth":"<base64>"}"#, "placeholder"),
            (r#"{"auth":"{{ x }}"}"#, "placeholder"),
            (r#"{"auth":"null"}"#, "placeholder"),
            (r#"{"auth":"ENC[AES256_GCM,data:x]"}"#, "encrypted"),
            (r#"{"auth":"ref+vault://a/b"}"#, "helmfile-reference"),
            (r#"{"auth":"Ogo="}"#, "entry-empty"),
            (r#"{"auth":"dXA="}"#, "auth-without-colon"),
            (r#"{"auth":"OoA="}"#, "auth-not-utf-8"),
            (r#"{"auth":"dTo=","identitytoken":"x"}"#, "identity-token"),
            (r#"{"identitytoken":"x"}"#, "identity-token"),
            ("{}", "entry-empty"),
            ("null", "entry-empty"),
            (r#"{"auth":"Og=="}"#, "entry-empty"),
            (r#"{"username":"u"}"#, "no-password"),
            (r#"{"auth":"OnA="}"#, "no-username"),
        ] {
            assert_eq!(codes(&format!(r#"{{"auths":{{"ghcr.io":{entry}}}}}"#)), (0, vec![code]), "{entry}");
        }
    }

    #[test]
    fn what_is_wrong_with_one_entry_is_a_warning_where_a_kubelet_reads_it_and_another_login_is_left() {
        for (entry, expected) in [
            ("{}", (1, vec!["entry-empty"])),
            ("null", (1, vec!["entry-empty"])),
            (r#"{"auth":"Og=="}"#, (1, vec!["entry-empty"])),
            (r#"{"auth":"OoA="}"#, (1, vec!["auth-not-utf-8"])),
            (r#"{"identitytoken":"x"}"#, (1, vec!["identity-token"])),
            (r#"{"username":"u"}"#, (1, vec!["no-password"])),
            (r#"{"password":"p"}"#, (1, vec!["no-username"])),
            (r#"{"auth":"dTpw","password":"q"}"#, (2, vec!["auth-disagrees"])),
            (r#"{"auth":"dQA6AHAA"}"#, (2, vec!["auth-not-utf-8"])),
            (r#"{"identitytoken":1e999,"auth":"dTpw"}"#, (2, vec![])),
            (r#"{"username":"\ud800","password":"p"}"#, (2, vec![])),
        ] {
            let json = format!(r#"{{"auths":{{"ghcr.io":{entry},"quay.io":{{"auth":"dTpw"}}}}}}"#);
            let mut problems = Vec::new();
            let (logins, _) = read(&json.as_str().into(), "`A`", Helpers::Leave, &mut problems);
            assert!(!problems.iter().any(Diagnostic::is_error), "{entry}");
            let codes = problems.iter().map(|problem| problem.code.as_str()).collect();
            assert_eq!((logins.len(), codes), expected, "{entry}");
        }
    }

    #[test]
    fn what_breaks_the_whole_secret_is_an_error_beside_good_entries() {
        for entry in [
            "1",
            r#"{"auth":1}"#,
            r#"{"auth":"${AUTH}"}"#,
            r#"{"auth":"?"}"#,
            r#"{"auth":"dXA="}"#,
            r#"{"auth":1,"auth":"dTpw"}"#,
        ] {
            let json = format!(r#"{{"auths":{{"ghcr.io":{entry},"quay.io":{{"auth":"dTpw"}}}}}}"#);
            let mut problems = Vec::new();
            read(&json.as_str().into(), "`A`", Helpers::Leave, &mut problems);
            assert!(problems.iter().any(Diagnostic::is_error), "{entry}");
        }
    }

    #[test]
    fn of_a_field_that_is_written_twice_the_last_is_used() {
        for (entry, expected) in [
            (r#"{"auth":"dTpw","auth":"dTpw"}"#, (1, vec![])),
            (r#"{"auth":"dTpw","auth":"dTpx"}"#, (1, vec!["conflict"])),
            (r#"{"auth":"?","auth":"dTpx"}"#, (1, vec!["conflict"])),
            (r#"{"auth":"dTpw","auth":null}"#, (1, vec![])),
            (r#"{"username":"u","password":"p","password":"q"}"#, (1, vec!["conflict"])),
            (r#"{"auth":"dTpw","note":1,"note":2}"#, (1, vec![])),
        ] {
            assert_eq!(codes(&format!(r#"{{"auths":{{"ghcr.io":{entry}}}}}"#)), expected, "{entry}");
        }
    }

    #[test]
    fn what_is_no_docker_config_is_told_apart() {
        for (json, code) in [
            ("{", "invalid-json"),
            ("[]", "not-an-object"),
            ("{}", "no-auths"),
            (r#"{"auths":{}}"#, "no-auths"),
            (r#"{"auths":[]}"#, "no-auths"),
            (r#"{"ghcr.io":{"auth":"dTpw"}}"#, "no-auths"),
            ("null", "not-an-object"),
            (r#"{"apiVersion":"v1","kind":"Secret","data":{".dockerconfigjson":"e30="}}"#, "manifest"),
            (r#"{".dockerconfigjson":"e30="}"#, "manifest"),
            (r#"{"auths":"{}"}"#, "no-auths"),
            (r#"{"value":"e30="}"#, "no-auths"),
            (r#"{"ServerURL":"x","Username":"u","Secret":"p"}"#, "credential-helper"),
            (r#"{"auths":"ENC[AES256_GCM,data:x]","sops":{}}"#, "encrypted"),
            (r#"{"auths":{"ghcr.io":{"auth":"ENC[AES256_GCM,data:x]"},"quay.io":{}},"sops":{}}"#, "encrypted"),
            (r#"{"auths":{"ghcr.io":{"username":"u","password":"ENC[AES256_GCM,x]"}},"sops":{}}"#, "encrypted"),
            (r#"{"credsStore":"desktop"}"#, "credential-helper"),
            (r#"{"auths":{"ghcr.io":{}},"credsStore":"desktop"}"#, "credential-helper"),
            (r#"{"auths":{"gh cr":{"auth":"dTpw"}}}"#, "invalid-registry"),
        ] {
            assert_eq!(codes(json), (0, vec![code]), "{json}");
        }
    }

    #[test]
    fn what_a_kubelet_reads_is_read() {
        let good = r#"{"auth":"dTpw"}"#;
        for (json, expected) in [
            (format!(r#"{{"AUTHS":{{"ghcr.io":{good}}}}}"#), (1, vec![])),
            (format!(r#"{{"auths":{{"ghcr.io":{good}}},"auths":{{"quay.io":{good}}}}}"#), (2, vec![])),
            (format!(r#"{{"auths":{{"ghcr.io":{good}}},"HttpHeaders":1e999}}"#), (1, vec![])),
            (format!(r#"{{"auths":{{"registry":{good},"ghcr.io":{good}}}}}"#), (1, vec!["invalid-registry"])),
            (format!(r#"{{"auths":{{"bot:x@ghcr.io":{good}}}}}"#), (1, vec![])),
            (
                format!(r#"{{"auths":{{"ghcr.io":{good}}},"credHelpers":{{"gcr.io":"gcloud","ghcr.io":"x"}}}}"#),
                (1, vec!["credential-helper"]),
            ),
            (
                format!(
                    r#"{{"auths":{{"https://index.docker.io/v1/":{good},"https://index.docker.io/v1/access-token":{good},"https://index.docker.io/v1/refresh-token":{good}}}}}"#
                ),
                (1, vec!["token-of-the-cli"]),
            ),
        ] {
            assert_eq!(codes(&json), expected, "{json}");
        }
    }

    #[test]
    fn a_token_of_the_cli_is_left_out_however_its_key_is_written() {
        for key in [
            "index.docker.io/v1/access-token",
            "https://index.docker.io/v1/access-token/",
            "http://index.docker.io/v1/refresh-token",
            "HTTPS://Index.Docker.io/v1/refresh-token//",
            "https://registry.hub.docker.com/v1/access-token",
            "docker.io/v1/refresh-token",
        ] {
            let json = format!(r#"{{"auths":{{"docker.io":{{"auth":"dTpw"}},"{key}":{{"auth":"dTpw"}}}}}}"#);
            assert_eq!(codes(&json), (1, vec!["token-of-the-cli"]), "{key}");
        }
        for key in ["docker.io/acme/access-token", "ghcr.io/v1/access-token"] {
            assert!(!is_token_of_the_cli(key), "{key}");
        }
    }

    #[test]
    fn the_tokens_of_the_cli_stay_a_note_where_something_else_is_the_reason() {
        let json = r#"{"auths":{"https://index.docker.io/v1/":{},"https://index.docker.io/v1/access-token":{}},"credsStore":"desktop"}"#;
        let mut problems = Vec::new();
        read(&json.into(), "`A`", Helpers::Leave, &mut problems);
        let found: Vec<_> = problems.iter().map(|problem| (problem.code.as_str(), problem.severity)).collect();
        let expected = [("token-of-the-cli", Severity::Note), ("credential-helper", Severity::Error)];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_answer_of_a_helper_is_a_login_or_nothing() {
        for (answer, good) in [
            (r#"{"ServerURL":"x","Username":"u","Secret":"p"}"#, true),
            (r#"{"ServerURL":"x","Username":"<token>","Secret":"p"}"#, false),
            (r#"{"Username":"u","Secret":""}"#, false),
            ("credentials not found in native keychain", false),
        ] {
            assert_eq!(login_of_helper(answer.as_bytes()).is_some(), good, "{answer}");
        }
    }

    #[test]
    fn a_login_in_a_helper_is_asked_for() {
        let json =
            r#"{"auths":{"https://index.docker.io/v1/":{}},"credsStore":"desktop","credHelpers":{"gcr.io":"gcloud"}}"#;
        let (logins, kept) = read(&json.into(), "`A`", Helpers::Ask, &mut Vec::new());
        let kept: Vec<_> = kept.iter().map(|kept| (kept.server.as_str(), kept.helper.as_str())).collect();
        assert_eq!((logins.len(), kept), (0, vec![("https://index.docker.io/v1/", "desktop"), ("gcr.io", "gcloud")]));
    }
}
