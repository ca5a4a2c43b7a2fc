//! What usually goes wrong with a login: one as it was read in, the same without line ends and every problem with it out.

use secrecy::ExposeSecret;

use super::lifetime::{self, ShortLived};
use super::{Credential, helmfile};
use crate::environment::Environment;
use crate::problem::Problem;

/// The login without line ends at the edges, with everything that is wrong about it said.
#[expect(clippy::disallowed_methods, reason = "user name and password are looked at")]
pub(super) fn checked(
    mut login: Credential,
    environment: &Environment,
    short_lived: ShortLived,
    problems: &mut Vec<Problem>,
) -> Credential {
    let (source, username_source, registry) =
        (login.source.clone(), login.username_source.clone(), login.registry.clone());
    let fields = [(&mut login.username, "user name", &username_source), (&mut login.password, "password", &source)];
    for (field, what, source) in fields {
        let bare = field.expose_secret().trim_end_matches(['\r', '\n']).to_owned();
        if bare.len() < field.expose_secret().len() {
            *field = bare.into();
            problems.push(
                Problem::warning(
                    "trailing-newline",
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
        problems.push(Problem::error(code, message).hint(hint).about(&registry));
    };
    if username.is_empty() {
        refuse("no-username", "user name", &username_source, "is empty", "set it");
    }
    if password.is_empty() {
        refuse("no-password", "password", &source, "is empty", "set it");
    }
    if username.contains(':') {
        refuse(
            "username-with-colon",
            "user name",
            &username_source,
            "has a colon",
            "in `auth` the first colon ends the user name: no registry can take it",
        );
    }
    if username.chars().any(char::is_control) {
        refuse(
            "username-with-control-character",
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
        refuse("helmfile-reference", what, source, helmfile::FAULT, helmfile::HINT);
    }
    for (text, what, source) in [(username, "user name", &username_source), (password, "password", &source)] {
        problems.extend(
            placeholder(text, &format!("the {what} for `{registry}` in {source}")).map(|it| it.about(&registry)),
        );
    }
    if (username == "robot" || username.starts_with("robot+")) && registry.host() != "quay.io" {
        let hint = environment.ci().how_to_keep_a_dollar();
        problems.push(
            Problem::warning("dollar-expanded", format!("the user name for `{registry}` in {username_source} begins with `robot`: a `$` and what followed was probably expanded away"))
                .hint(hint)
                .about(&registry),
        );
    }
    if registry.host() == "ghcr.io" && password.starts_with("github_pat_") {
        problems.push(
            Problem::warning(
                "fine-grained-token",
                format!("{source} is a fine-grained token, with which ghcr.io does not let images be pulled"),
            )
            .hint("use a classic token with read:packages")
            .about(&registry),
        );
    }
    problems.extend(lifetime::check(&login, environment, short_lived));
    login
}

/// A user name or password that only stands for one: a mask that was copied, or the name of a variable that nothing expanded.
fn placeholder(text: &str, what: &str) -> Option<Problem> {
    // One or two stars may be a password; no mask is that short.
    if text.len() >= 3 && text.bytes().all(|byte| byte == b'*') {
        return Some(
            Problem::error("placeholder", format!("{what} is nothing but `*`"))
                .hint("that is how it is shown masked: set the value itself"),
        );
    }
    let name = text.strip_prefix('$')?;
    let name = name.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(name);
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then(|| {
        Problem::warning("placeholder", format!("{what} looks like the name of a variable that was not expanded"))
            .hint("name that variable itself, or set the value")
    })
}
