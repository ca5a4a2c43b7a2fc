//! Checks one login against a table of everything that usually goes wrong with one.

use secrecy::ExposeSecret;

use super::stand_in::{self, is_in_quotes};
use super::{Credential, Facts, answers, damage, google, lifetime, other};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::docker_config::registry::RegistryKey;

/// What is looked at.
pub(super) struct Subject<'a> {
    /// The key of the entry.
    pub registry: &'a RegistryKey,
    /// The user name.
    pub username: &'a str,
    /// The password.
    pub password: &'a str,
}

/// One thing that goes wrong: when it does, and what is said then.
struct Finding {
    about: Part,
    is: fn(&Subject<'_>) -> bool,
    severity: Severity,
    code: Code,
    /// What is wrong, after "the password for `REGISTRY` in `VARIABLE`".
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
    /// What keeps a `$` in the CI it runs in.
    KeepADollar,
}

/// The login without the damage that can be mended, with everything that is wrong about it added to `problems`.
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
        let mut found = Vec::new();
        let is_known = part == Part::Username && other::is_for_ngc(&subject);
        if let Some(stand_in) = stand_in::find(text).filter(|_| !is_known) {
            let (severity, code) = (stand_in.severity, stand_in.code);
            let message = format!("{} {}", which(part), stand_in.what);
            found.push(Diagnostic { severity, ..Diagnostic::error(code, message).hint(stand_in.remedy) });
        }
        for finding in FINDINGS.iter().filter(|finding| finding.about == part) {
            // What is said of a text that is not a value at all would only mislead.
            if found.iter().any(Diagnostic::is_error) {
                break;
            }
            if (finding.is)(&subject) {
                let message = format!("{} {}", which(part), finding.what);
                let hint = match finding.remedy {
                    Remedy::Text(text) => text,
                    Remedy::KeepADollar => facts.keep_a_dollar,
                };
                let severity = finding.severity;
                found.push(Diagnostic { severity, ..Diagnostic::error(finding.code, message).hint(hint) });
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

const NOT_THE_TOKEN: Remedy = Remedy::Text(
    "give the token alone: `aws ecr get-login-password`, `gcloud auth print-access-token`, or `jq -r` with the field of the token",
);

/// Everything that goes wrong, in the order in which it is said; of one half an error ends the list.
const FINDINGS: &[Finding] = &[
    Finding {
        about: Part::Username,
        is: |it| it.username.is_empty(),
        severity: Severity::Error,
        code: Code::NoUsername,
        what: "is empty",
        remedy: Remedy::Text(
            "set it; if it begins with a `$`, quote it with single quotes, so that no shell expands it",
        ),
    },
    Finding {
        about: Part::Username,
        is: |it| it.username.contains(':'),
        severity: Severity::Error,
        code: Code::UsernameWithColon,
        what: "has a colon",
        remedy: Remedy::Text("in `auth` the first colon ends the user name: no registry can take it"),
    },
    Finding {
        about: Part::Username,
        is: |it| it.username.chars().any(char::is_control),
        severity: Severity::Error,
        code: Code::UsernameWithControlCharacter,
        what: "has a control character",
        remedy: Remedy::Text("set it without line ends or tabs in it"),
    },
    Finding {
        about: Part::Username,
        is: |it| it.username.contains(damage::is_invisible) || damage::is_at_an_edge(it.username),
        severity: Severity::Warning,
        code: Code::InvisibleCharacter,
        what: INVISIBLE,
        remedy: Remedy::Text("type it instead of copying it from a page or a chat"),
    },
    Finding {
        about: Part::Username,
        is: other::is_wrong_for_ngc,
        severity: Severity::Error,
        code: Code::WrongUsername,
        what: "is not `$oauthtoken`, the only user name that NGC takes with an API key",
        remedy: Remedy::KeepADollar,
    },
    Finding {
        about: Part::Username,
        is: other::is_key_id_of_aws,
        severity: Severity::Error,
        code: Code::WrongUsername,
        what: "is an access key id, and ECR takes the user name `AWS` only",
        remedy: Remedy::Text("write `AWS`, with `aws ecr get-login-password` as the password"),
    },
    Finding {
        about: Part::Username,
        is: google::has_another_username,
        severity: Severity::Error,
        code: Code::WrongUsername,
        what: "is not `_json_key`, the user name that goes with the JSON of a key",
        remedy: Remedy::Text("write `_json_key`, or `_json_key_base64` if the key is in base64"),
    },
    Finding {
        about: Part::Username,
        is: other::is_robot_with_escape,
        severity: Severity::Error,
        code: Code::DollarEscaped,
        what: "has an escaped `$` (`$$`, `\\$` or `%24`), and nothing reads the escape",
        remedy: Remedy::Text("write one `$`, as the registry shows the name"),
    },
    Finding {
        about: Part::Username,
        is: other::has_an_escape,
        severity: Severity::Warning,
        code: Code::DollarEscaped,
        what: "has what looks like an escaped `$` (`$$`, `\\$` or `%24`), and nothing reads the escape",
        remedy: Remedy::Text("write one `$`, if that is meant"),
    },
    Finding {
        about: Part::Username,
        is: other::is_robot_without_dollar,
        severity: Severity::Warning,
        code: Code::DollarExpanded,
        what: "begins with `robot`: a `$` and what followed was probably expanded away",
        remedy: Remedy::KeepADollar,
    },
    Finding {
        about: Part::Username,
        is: |it| it.username.contains('\u{fffd}'),
        severity: Severity::Warning,
        code: Code::NotUtf8,
        what: "has the character U+FFFD, which is written in the place of bytes that are not UTF-8 text",
        remedy: Remedy::Text(SAVE_AS_UTF_8),
    },
    Finding {
        about: Part::Username,
        is: |it| is_in_quotes(it.username),
        severity: Severity::Warning,
        code: Code::InQuotes,
        what: "is in quotes, which are taken for a part of it",
        remedy: Remedy::Text(WITHOUT_QUOTES),
    },
    Finding {
        about: Part::Password,
        is: |it| it.password.is_empty(),
        severity: Severity::Error,
        code: Code::NoPassword,
        what: "is empty",
        remedy: Remedy::Text("set it"),
    },
    Finding {
        about: Part::Password,
        is: google::is_encoded_key,
        severity: Severity::Error,
        code: Code::NotAKey,
        what: "is base64 of a key, which goes with the user name `_json_key_base64`",
        remedy: Remedy::Text("give the JSON itself, or write HOST=USERVAR:PASSVAR with that user name"),
    },
    Finding {
        about: Part::Password,
        is: google::is_plain_key,
        severity: Severity::Error,
        code: Code::NotAKey,
        what: "is the JSON of a key, which goes with the user name `_json_key`",
        remedy: Remedy::Text("encode it: `base64 -w0 key.json`"),
    },
    Finding {
        about: Part::Password,
        is: google::is_broken_key,
        severity: Severity::Error,
        code: Code::NotAKey,
        what: "is a key whose JSON is broken: its `private_key` has line ends where `\\n` belongs",
        remedy: Remedy::Text(
            "set it with `printf '%s'`, not `echo -e`, or give it in base64 (GAR_KEY, `_json_key_base64`)",
        ),
    },
    Finding {
        about: Part::Password,
        is: google::is_not_json,
        severity: Severity::Error,
        code: Code::NotAKey,
        what: "is not the key of a service account: neither JSON nor base64 of it",
        remedy: Remedy::Text(google::KEY),
    },
    Finding {
        about: Part::Password,
        is: |it| google::is_of_type(it, "external_account"),
        severity: Severity::Error,
        code: Code::NotAKey,
        what: "is not a key, but says how to get a token by workload identity",
        remedy: Remedy::Text(
            "a registry takes only keys and tokens: give a key file, or let the nodes' own service account pull",
        ),
    },
    Finding {
        about: Part::Password,
        is: |it| google::is_of_type(it, "authorized_user"),
        severity: Severity::Error,
        code: Code::NotAKey,
        what: "is not a key, but the login of a person",
        remedy: Remedy::Text(google::KEY),
    },
    Finding {
        about: Part::Password,
        is: google::has_escaped_line_ends,
        severity: Severity::Error,
        code: Code::NotAKey,
        what: "has a `private_key` without line ends: its `\\n` were escaped twice",
        remedy: Remedy::Text(google::KEY),
    },
    Finding {
        about: Part::Password,
        is: google::is_another_object,
        severity: Severity::Error,
        code: Code::NotAKey,
        what: "is JSON, but not the key of a service account",
        remedy: Remedy::Text(google::KEY),
    },
    Finding {
        about: Part::Password,
        is: other::is_user_and_password,
        severity: Severity::Error,
        code: Code::NotThePassword,
        what: "is base64 of `USER:PASSWORD`, as `auth` and ECR's `authorizationToken` have it",
        remedy: NOT_THE_TOKEN,
    },
    Finding {
        about: Part::Password,
        is: other::is_answer,
        severity: Severity::Error,
        code: Code::NotThePassword,
        what: "is JSON or a page, a whole answer where its token belongs",
        remedy: NOT_THE_TOKEN,
    },
    Finding {
        about: Part::Password,
        is: answers::is_header,
        severity: Severity::Error,
        code: Code::NotThePassword,
        what: "is a header of HTTP, with the token after its first word",
        remedy: NOT_THE_TOKEN,
    },
    Finding {
        about: Part::Password,
        is: answers::is_line,
        severity: Severity::Error,
        code: Code::NotThePassword,
        what: "is a line of a file with variables, `NAME=VALUE`",
        remedy: NOT_THE_TOKEN,
    },
    Finding {
        about: Part::Password,
        is: answers::is_complaint,
        severity: Severity::Error,
        code: Code::NotThePassword,
        what: "is what a command said when it failed",
        remedy: Remedy::Text("run the command by hand, and set what it prints when it succeeds"),
    },
    Finding {
        about: Part::Password,
        is: answers::is_command,
        severity: Severity::Error,
        code: Code::NotThePassword,
        what: "is a command, or flags of one",
        remedy: NOT_THE_TOKEN,
    },
    Finding {
        about: Part::Password,
        is: answers::is_pem,
        severity: Severity::Error,
        code: Code::NotThePassword,
        what: "is a certificate or a key",
        remedy: NOT_THE_TOKEN,
    },
    Finding {
        about: Part::Password,
        is: answers::is_docker_config,
        severity: Severity::Error,
        code: Code::NotThePassword,
        what: "is base64 of a whole Docker config",
        remedy: Remedy::Text("name its variable with `--docker-config`"),
    },
    Finding {
        about: Part::Password,
        is: answers::is_key_id,
        severity: Severity::Error,
        code: Code::NotThePassword,
        what: "is the id of a key of AWS",
        remedy: Remedy::Text("the password is what `aws ecr get-login-password` prints"),
    },
    Finding {
        about: Part::Password,
        is: |it| !google::takes_keys(it) && it.password.contains(['\n', '\r']),
        severity: Severity::Error,
        code: Code::PasswordWithControlCharacter,
        what: "has more than one line",
        remedy: Remedy::Text("set the token alone: what a command prints beside it does not belong there"),
    },
    Finding {
        about: Part::Password,
        is: |it| !google::takes_keys(it) && it.password.chars().any(char::is_control),
        severity: Severity::Error,
        code: Code::PasswordWithControlCharacter,
        what: "has a control character, which HTTP's basic authentication forbids (RFC 7617)",
        remedy: Remedy::Text("set it without tabs and other control characters"),
    },
    Finding {
        about: Part::Password,
        is: |it| it.password.contains(damage::is_invisible) || damage::is_at_an_edge(it.password),
        severity: Severity::Warning,
        code: Code::InvisibleCharacter,
        what: INVISIBLE,
        remedy: Remedy::Text("copy it once more from where it was made"),
    },
    Finding {
        about: Part::Password,
        is: |it| it.password.contains('\u{fffd}'),
        severity: Severity::Warning,
        code: Code::NotUtf8,
        what: "has the character U+FFFD, which is written in the place of bytes that are not UTF-8 text",
        remedy: Remedy::Text(SAVE_AS_UTF_8),
    },
    Finding {
        about: Part::Password,
        is: |it| is_in_quotes(it.password),
        severity: Severity::Warning,
        code: Code::InQuotes,
        what: "is in quotes, which are taken for a part of it",
        remedy: Remedy::Text(WITHOUT_QUOTES),
    },
    Finding {
        about: Part::Password,
        is: answers::has_the_username,
        severity: Severity::Warning,
        code: Code::NotThePassword,
        what: "begins with the user name and a colon",
        remedy: Remedy::Text("give the password alone"),
    },
    Finding {
        about: Part::Password,
        is: answers::is_address,
        severity: Severity::Warning,
        code: Code::NotThePassword,
        what: "is an address",
        remedy: Remedy::Text("give the token or password for it"),
    },
    Finding {
        about: Part::Password,
        is: answers::has_more_than_a_token,
        severity: Severity::Warning,
        code: Code::NotThePassword,
        what: "is a token with something before or after it, for example an escaped line end, a quotation mark or a comma",
        remedy: Remedy::Text("copy the token alone"),
    },
    Finding {
        about: Part::Password,
        is: |it| it.registry.host() == "ghcr.io" && it.password.starts_with("github_pat_"),
        severity: Severity::Warning,
        code: Code::FineGrainedToken,
        what: "is a fine-grained token, with which ghcr.io does not let images be pulled",
        remedy: Remedy::Text("use a classic token with read:packages"),
    },
];

/// What to do about a value in quotes.
pub(super) const WITHOUT_QUOTES: &str =
    "leave them out where it is set: a CI's form and a file for `--env-file` take them for a part of the value";
