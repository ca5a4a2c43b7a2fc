//! Checks one login against a table of the usual mistakes.

mod passwords;
mod usernames;

use secrecy::ExposeSecret;

use super::stand_in;
use super::{Credential, Facts, damage, lifetime, other};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::docker_config::registry::RegistryKey;

/// The login to check.
pub(super) struct Subject<'a> {
    /// The key of the entry.
    pub registry: &'a RegistryKey,
    /// The user name.
    pub username: &'a str,
    /// The password.
    pub password: &'a str,
}

/// A common mistake: how to recognize it, and the message.
struct Finding {
    is: fn(&Subject<'_>) -> bool,
    code: Code,
    /// The problem, as text after "the password for `REGISTRY` in `VARIABLE`".
    what: &'static str,
    remedy: Remedy,
}

/// The half of a login that a finding is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Username,
    Password,
}

enum Remedy {
    Text(&'static str),
    /// How to keep a `$` in the CI that runs.
    KeepADollar,
}

/// The login with repaired damage; all its problems are added to `problems`.
#[expect(clippy::disallowed_methods, reason = "user name and password are looked at")]
pub fn checked(mut login: Credential, facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) -> Credential {
    let Credential { registry, source, username_source, .. } = login.clone();
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
    let subject = Subject { registry: &registry, username, password };
    let parts = [
        (registry.as_str(), format!("the registry of an entry in {source}")),
        (login.email.as_deref().unwrap_or_default(), format!("the address for `{registry}` in {source}")),
    ];
    for (_, which) in parts.into_iter().filter(|(text, _)| stand_in::evaluated_by_helmfile(text)) {
        let message = format!("{which} has text of the form `ref+SCHEME://`, which Helmfile would evaluate");
        let hint = "resolve the reference before regcred runs: it takes values, not references";
        problems.push(Diagnostic::error(Code::HelmfileReference, message).hint(hint).about(&registry));
    }
    for (part, text) in [(Part::Username, username), (Part::Password, password)] {
        let is_known = part == Part::Username && other::is_for_ngc(&subject);
        let say = |severity, code, what: &str, hint: &str| Diagnostic {
            severity,
            ..Diagnostic::error(code, format!("{} {what}", which(part))).hint(hint)
        };
        let stand_in = stand_in::find(text).filter(|_| !is_known);
        let mut found: Vec<_> =
            stand_in.map(|(severity, code, it)| say(severity, code, it.what, it.remedy)).into_iter().collect();
        // Other findings about a text that is not a value at all would only mislead.
        if !found.iter().any(Diagnostic::is_error) {
            let say = |severity, finding: &Finding| {
                let hint = match finding.remedy {
                    Remedy::Text(text) => text,
                    Remedy::KeepADollar => facts.keep_a_dollar,
                };
                say(severity, finding.code, finding.what, hint)
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
    problems.extend(lifetime::check(&login, facts));
    login
}

const INVISIBLE: &str =
    "has a blank at an edge, or a character that no editor shows, and a registry takes it for a part of the value";

const SAVE_AS_UTF_8: &str = "save it as UTF-8 where it is written, and set it once more";

/// What to do with a value in quotes.
pub(super) const WITHOUT_QUOTES: &str =
    "leave them out where it is set: a CI's form and a file for `--env-file` take them for a part of the value";
