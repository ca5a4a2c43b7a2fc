//! What usually goes wrong with a login: one as it was read in, the same without line ends and every problem with it out.

use secrecy::ExposeSecret;

use super::placeholder::{Placeholder, WITHOUT_QUOTES, is_in_quotes};
use super::{Credential, Facts, google, helmfile, lifetime};
use crate::diagnostic::{Code, Diagnostic};

/// The login without line ends at the edges, with everything that is wrong about it said.
#[expect(clippy::disallowed_methods, reason = "user name and password are looked at")]
pub fn checked(mut login: Credential, facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) -> Credential {
    let (source, username_source, registry) =
        (login.source.clone(), login.username_source.clone(), login.registry.clone());
    let fields = [(&mut login.username, "user name", &username_source), (&mut login.password, "password", &source)];
    for (field, what, source) in fields {
        let bare = field.expose_secret().trim_end_matches(['\r', '\n']).to_owned();
        if bare.len() < field.expose_secret().len() {
            *field = bare.into();
            problems.push(
                Diagnostic::warning(
                    Code::TrailingNewline,
                    format!("the {what} for `{registry}` in {source} ended in a line end, which was removed"),
                )
                .hint("set it with `printf '%s'`, not `echo`")
                .about(&registry),
            );
        }
    }
    let (username, password) = (login.username.expose_secret(), login.password.expose_secret());
    let mut refuse = |code, what: &str, source: &str, fault: &str, hint: &str| {
        let message = format!("the {what} for `{registry}` in {source} {fault}");
        problems.push(Diagnostic::error(code, message).hint(hint).about(&registry));
    };
    if username.is_empty() {
        refuse(Code::NoUsername, "user name", &username_source, "is empty", "set it");
    }
    if password.is_empty() {
        refuse(Code::NoPassword, "password", &source, "is empty", "set it");
    }
    if username.contains(':') {
        refuse(
            Code::UsernameWithColon,
            "user name",
            &username_source,
            "has a colon",
            "in `auth` the first colon ends the user name: no registry can take it",
        );
    }
    if username.chars().any(char::is_control) {
        refuse(
            Code::UsernameWithControlCharacter,
            "user name",
            &username_source,
            "has a control character",
            "set it without line ends or tabs in it",
        );
    }
    let email = login.email.as_deref().unwrap_or_default();
    let parts = [
        (username, "user name", &username_source),
        (password, "password", &source),
        (email, "address", &source),
        (registry.as_str(), "registry", &source),
    ];
    for (_, what, source) in parts.into_iter().filter(|(text, ..)| helmfile::evaluates(text)) {
        refuse(Code::HelmfileReference, what, source, helmfile::FAULT, helmfile::HINT);
    }
    if let Some((fault, hint)) = google::fault(username, password) {
        refuse(Code::NotAKey, "password", &source, fault, hint);
    }
    for (text, what, source) in [(username, "user name", &username_source), (password, "password", &source)] {
        let which = format!("the {what} for `{registry}` in {source}");
        problems.extend(Placeholder::of(text).map(|it| it.of_a_login(&which).about(&registry)));
        if is_in_quotes(text) {
            let message = format!("{which} is in quotes, which are taken for a part of it");
            problems.push(Diagnostic::warning(Code::InQuotes, message).hint(WITHOUT_QUOTES).about(&registry));
        }
    }
    if (username == "robot" || username.starts_with("robot+")) && registry.host() != "quay.io" {
        let hint = facts.keep_a_dollar;
        problems.push(
            Diagnostic::warning(Code::DollarExpanded, format!("the user name for `{registry}` in {username_source} begins with `robot`: a `$` and what followed was probably expanded away"))
                .hint(hint)
                .about(&registry),
        );
    }
    if registry.host() == "ghcr.io" && password.starts_with("github_pat_") {
        problems.push(
            Diagnostic::warning(
                Code::FineGrainedToken,
                format!("{source} is a fine-grained token, with which ghcr.io does not let images be pulled"),
            )
            .hint("use a classic token with read:packages")
            .about(&registry),
        );
    }
    problems.extend(lifetime::check(&login, facts));
    login
}
