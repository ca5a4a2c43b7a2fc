//! Checks one login against a table of the usual mistakes.

mod passwords;
mod usernames;

use secrecy::ExposeSecret;

use super::stand_in::{self, OF_HELMFILE};
use super::{Credential, Facts, answers, damage, google, lifetime, other};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::docker_config::registry::RegistryKey;

/// The login to check.
pub(super) struct Subject<'a> {
    pub registry: &'a RegistryKey,
    pub username: &'a str,
    pub password: &'a str,
    /// The half that is looked at.
    pub text: &'a str,
}

/// A common mistake: how to recognize it, and the message.
struct Finding {
    is: fn(&Subject<'_>) -> bool,
    code: Code,
    /// The problem, as text after "the password for `REGISTRY` in `VARIABLE`".
    what: &'static str,
    /// What to do; `None` is `KEEP_A_DOLLAR`.
    remedy: Option<&'static str>,
}

/// The half of a login that a finding is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Username,
    Password,
}

/// The login with repaired damage; all its problems are added to `problems`.
#[expect(clippy::disallowed_methods, reason = "user name and password are looked at")]
pub fn checked(mut login: Credential, facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) -> Credential {
    let Credential { registry, source, username_source, public_username, .. } = login.clone();
    let is_from_a_shell = username_source != source && !public_username;
    let which = |part: Part| match part {
        Part::Username => format!("the user name for `{registry}` in {username_source}"),
        Part::Password => format!("the password for `{registry}` in {source}"),
    };
    for (field, part) in [(&mut login.username, Part::Username), (&mut login.password, Part::Password)] {
        if let Some((bare, code, what)) = damage::mended(field.expose_secret()) {
            *field = bare.into();
            let message = format!("{} {what}", which(part));
            problems.push(Diagnostic::warning(code, message).hint(damage::HINT).about(&registry));
        }
    }
    let (username, password) = (login.username.expose_secret(), login.password.expose_secret());
    let subject = |text| Subject { registry: &registry, username, password, text };
    let parts = [
        (registry.as_str(), format!("the registry of an entry in {source}")),
        (login.email.as_deref().unwrap_or_default(), format!("the address for `{registry}` in {source}")),
    ];
    for (_, which) in parts.into_iter().filter(|(text, _)| (OF_HELMFILE.is)(text)) {
        let message = format!("{which} {}", OF_HELMFILE.what);
        problems.push(Diagnostic::error(Code::HelmfileReference, message).hint(OF_HELMFILE.remedy).about(&registry));
    }
    for (part, text) in [(Part::Username, username), (Part::Password, password)] {
        let subject = subject(text);
        let is_known = part == Part::Username && other::is_for_ngc(&subject);
        let say = |severity, code, what: &str, hint: &str| Diagnostic {
            severity,
            ..Diagnostic::error(code, format!("{} {what}", which(part))).hint(hint)
        };
        let stand_in = stand_in::find(text).filter(|_| !is_known);
        let mut found: Vec<_> =
            stand_in.map(|(severity, code, it)| say(severity, code, it.what, it.remedy)).into_iter().collect();
        // If the text is not a value at all, other findings would only mislead.
        if !found.iter().any(Diagnostic::is_error) {
            let say = |severity, finding: &Finding| {
                let keep_a_dollar = if is_from_a_shell { facts.keep_a_dollar } else { ONE_DOLLAR };
                say(severity, finding.code, finding.what, finding.remedy.unwrap_or(keep_a_dollar))
            };
            let (errors, warnings) = match part {
                Part::Username => (usernames::ERRORS, usernames::WARNINGS),
                Part::Password => (passwords::ERRORS, passwords::WARNINGS),
            };
            let fits = |finding: &&Finding| (finding.is)(&subject);
            match errors.iter().find(fits) {
                Some(error) => found.push(say(Severity::Error, error)),
                None => found.extend(warnings.iter().filter(fits).map(|warning| say(Severity::Warning, warning))),
            }
        }
        problems.extend(found.into_iter().map(|problem| problem.about(&registry)));
    }
    if !google::has_another_username(&subject(password)) {
        problems.extend(lifetime::check(&login, facts));
    }
    login
}

const INVISIBLE: &str =
    "has a blank at an edge, or a character that no editor shows, and a registry takes it for a part of the value";

const REPLACED: Finding = Finding {
    is: |it| it.text.contains('\u{fffd}'),
    code: Code::NotUtf8,
    what: "has the character U+FFFD, which is written in the place of bytes that are not UTF-8 text",
    remedy: Some("save it as UTF-8 where it is written, and set it once more"),
};

const IN_QUOTES: Finding = Finding {
    is: |it| stand_in::is_in_quotes(it.text),
    code: Code::InQuotes,
    what: "is in quotes, which are taken for a part of it",
    remedy: Some(WITHOUT_QUOTES),
};

const OF_WINDOWS: Finding = Finding {
    is: |it| answers::is_windows_path(it.text),
    code: Code::NoSuchFile,
    what: "looks like a path of Windows, and no such file can be read here",
    remedy: Some(WHERE_IT_RUNS),
};

/// What to do about a path of another machine.
const WHERE_IT_RUNS: &str = "set the content of the file, or the path that it has where regcred runs";

/// How to keep a `$` in the CI of this run, if a separate variable holds the name; else `ONE_DOLLAR`.
const KEEP_A_DOLLAR: Option<&str> = None;

/// What to do where a `$` was lost or escaped, and no shell has read the name.
const ONE_DOLLAR: &str = "write one `$`, as the registry shows the name";

/// What to do with a value in quotes.
pub(super) const WITHOUT_QUOTES: &str =
    "leave them out where it is set: a CI's form and a file for `--env-file` take them for a part of the value";

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::Strategy;
    use proptest::sample::select;
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

    use super::*;

    fn problems(login: Credential) -> Vec<Diagnostic> {
        let job_tokens = Vec::new();
        let facts = Facts { now: 1_800_000_000, allow_short_lived: false, job_tokens, keep_a_dollar: "KEEP" };
        let mut problems = Vec::new();
        checked(login, &facts, &mut problems);
        problems
    }

    fn is_refused(registry: &str, password: &str) -> bool {
        problems(Credential::sample(registry, "bot", password)).iter().any(Diagnostic::is_error)
    }

    fn never_refused(passwords: impl Strategy<Value = String>) {
        let config = Config { cases: 3_000, failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let registries =
            select(vec!["ghcr.io", "docker.io", "nvcr.io", "eu.gcr.io", "1.dkr.ecr.eu-west-1.amazonaws.com"]);
        let result = runner.run(&(registries, passwords), |(registry, password)| {
            proptest::prop_assert!(!is_refused(registry, &password), "{password}");
            Ok(())
        });
        assert!(result.is_ok(), "{result:?}");
    }

    #[test]
    fn each_problem_of_a_login_is_reported_once() {
        let pem = |gap: &str| format!("-----BEGIN PRIVATE KEY-----{gap}MIIEvQ{gap}-----END PRIVATE KEY-----{gap}");
        let key = |gap: &str| format!(r#"{{"type":"service_account","private_key":"{}"}}"#, pem(gap));
        let config = r#"{"auths":{"ghcr.io":{"auth":"dTpw"}}}"#;
        let base64 = |text: &str| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
        for (registry, username, password, expected) in [
            ("eu.gcr.io", "_json_key", key("\\n"), &[][..]),
            ("eu.gcr.io", "_json_key_base64", base64(&key("\\n")), &[]),
            ("eu.gcr.io", "_json_key", key(" "), &["error: not-a-key"]),
            ("eu.gcr.io", "_json_key", key(""), &["error: not-a-key"]),
            ("eu.gcr.io", "_json_key_base64", base64(&key(" ")), &["error: not-a-key"]),
            ("eu.gcr.io", "oauth2accesstoken", key("\\n"), &["error: wrong-username"]),
            ("europe-docker.pkg.dev", "bot", key("\\n"), &["error: wrong-username"]),
            ("europe-docker.pkg.dev", "bot", base64(&key("\\n")), &["error: wrong-username"]),
            ("ghcr.io", "bot", config.to_owned(), &["error: not-the-password"]),
            ("eu.gcr.io", "_json_key", config.to_owned(), &["error: not-the-password"]),
            ("ghcr.io", "bot", base64(config), &["error: not-the-password"]),
            ("ghcr.io", "bot", base64("other:ghp_secret"), &["error: not-the-password"]),
            ("ghcr.io", "bot", base64("bot:x"), &["error: not-the-password"]),
            ("ghcr.io", "bot", base64("other:hunter22"), &["warning: not-the-password"]),
            ("ghcr.io", "bot", r"C:\secrets\token.txt".to_owned(), &["warning: no-such-file"]),
            ("ghcr.io", "bot", r"%USERPROFILE%\token.txt".to_owned(), &["warning: no-such-file"]),
            ("ghcr.io", r"C:\secrets\user.txt", "p".to_owned(), &["error: no-such-file"]),
            ("ghcr.io", r"%USERPROFILE%\user.txt", "p".to_owned(), &["warning: no-such-file"]),
            ("nvcr.io", "", "p".to_owned(), &["error: no-username"]),
            ("nvcr.io", "$oauthtoken", "p".to_owned(), &[]),
            ("nvcr.io", "${oauthtoken}", "p".to_owned(), &["error: wrong-username"]),
            ("helm.ngc.nvidia.com", "$$oauthtoken", "p".to_owned(), &["error: wrong-username"]),
            ("helm.ngc.nvidia.com", "$oauthtoken", "p".to_owned(), &[]),
            ("docker.io", "dckr_pat_8f3kZq", "acme".to_owned(), &["warning: wrong-username"]),
            ("harbor.acme.example", "Zk3vQ9", "robot$ci".to_owned(), &["warning: wrong-username"]),
            ("registry.gitlab.com", "gldt-x8f3", "gitlab+deploy-token-7".to_owned(), &["warning: wrong-username"]),
            ("ghcr.io", "ghp_16C7e42F", "x-oauth-basic".to_owned(), &[]),
            ("ghcr.io", "ghp_16C7e42F", "ghp_16C7e42F".to_owned(), &["warning: not-the-password"]),
        ] {
            let found = problems(Credential::sample(registry, username, &password));
            let said =
                |it: &Diagnostic| format!("{}: {}", if it.is_error() { "error" } else { "warning" }, it.code.as_str());
            assert_eq!(found.iter().map(said).collect::<Vec<_>>(), expected, "{registry} {username} {password}");
        }
    }

    #[test]
    fn a_name_that_no_shell_has_read_gets_no_hint_about_shells() {
        let login = Credential::sample("nvcr.io", "$$oauthtoken", "p");
        for (username_source, hint) in [("`USER`", "KEEP"), ("`TOKEN`", ONE_DOLLAR)] {
            let found = problems(Credential { username_source: username_source.to_owned(), ..login.clone() });
            assert_eq!(found[0].hint.as_deref(), Some(hint), "{username_source}");
        }
    }

    #[test]
    fn no_random_password_is_refused() {
        never_refused("[!-~]{6,40}");
    }

    #[test]
    fn the_shortest_passwords_are_taken() {
        let signs: Vec<_> = (' '..='~').map(String::from).collect();
        let pairs = signs.iter().flat_map(|one| signs.iter().map(move |other| format!("{one}{other}")));
        let refused: Vec<_> =
            signs.iter().cloned().chain(pairs).filter(|password| is_refused("ghcr.io", password)).collect();
        assert_eq!(refused, ["{}"], "an empty answer in JSON");
    }

    #[test]
    fn no_password_is_refused_for_signs_within_it() {
        let signs = "%! %!( %!s( %!d(x) ( ) { } {{ }} {% %} [[ ]] #{ ${ $( << >> <% %> < > | ^ ` $ @ \" ' \\ = ; , ~ * & ? + - _ /";
        let pieces = signs.split(' ').chain(["a", "B7", "{{x}}", "#{x}", "{{ .x }}", "<y>", "${x}", "$(x)", "[x]"]);
        let inner = vec(select(pieces.collect::<Vec<_>>()), 1..8).prop_map(|pieces| pieces.concat());
        never_refused(
            ("[a-zA-Z0-9]{1,6}", inner, "[a-zA-Z0-9]{1,6}").prop_map(|(one, two, three)| one + &two + &three),
        );
    }
}
