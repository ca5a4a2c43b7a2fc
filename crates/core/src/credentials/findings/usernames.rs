//! Lists the usual mistakes in user names.

use super::super::{answers, damage, foreign, google, other};
use super::{Finding, IN_QUOTES, INVISIBLE, KEEP_A_DOLLAR, OF_WINDOWS, ONE_DOLLAR, REPLACED, WHERE_IT_RUNS};
use crate::diagnostic::Code;

/// Only the first matching finding is reported.
pub(super) const ERRORS: &[Finding] = &[
    Finding {
        is: |it| it.username.is_empty() && other::is_ngc(it.registry),
        code: Code::NoUsername,
        what: "is empty: `$oauthtoken` was probably expanded away",
        remedy: KEEP_A_DOLLAR,
    },
    Finding {
        is: |it| it.username.is_empty(),
        code: Code::NoUsername,
        what: "is empty",
        remedy: Some("set it; if it begins with a `$`, quote it with single quotes, so that no shell expands it"),
    },
    Finding {
        is: |it| answers::is_windows_path(it.username) && it.username.contains(':'),
        code: Code::NoSuchFile,
        what: "is a path of Windows, and no such file can be read here",
        remedy: Some(WHERE_IT_RUNS),
    },
    Finding {
        is: |it| it.username.contains(':'),
        code: Code::UsernameWithColon,
        what: "has a colon",
        remedy: Some("in `auth` the first colon ends the user name: no registry can take it"),
    },
    Finding {
        is: |it| it.username.chars().any(char::is_control),
        code: Code::UsernameWithControlCharacter,
        what: "has a control character",
        remedy: Some("set it without line ends or tabs in it"),
    },
    Finding {
        is: |it| other::is_for_ngc(it) && it.username != "$oauthtoken",
        code: Code::WrongUsername,
        what: "is not `$oauthtoken`, the only user name that NGC takes with an API key",
        remedy: KEEP_A_DOLLAR,
    },
    Finding {
        is: other::is_key_id_of_aws,
        code: Code::WrongUsername,
        what: "is an access key id, and ECR takes the user name `AWS` only",
        remedy: Some("write `AWS`, with `aws ecr get-login-password` as the password"),
    },
    Finding {
        is: google::has_another_username,
        code: Code::WrongUsername,
        what: "is not `_json_key`, the user name that goes with the JSON of a key",
        remedy: Some("write `_json_key`, or `_json_key_base64` if the key is in base64"),
    },
    Finding {
        is: other::is_robot_with_escape,
        code: Code::DollarEscaped,
        what: "has an escaped `$` (`$$`, `\\$` or `%24`), and nothing reads the escape",
        remedy: Some(ONE_DOLLAR),
    },
];

/// Every matching finding is reported, if there is no error.
pub(super) const WARNINGS: &[Finding] = &[
    Finding {
        is: |it| it.username.contains(damage::is_invisible) || damage::is_at_an_edge(it.username),
        code: Code::InvisibleCharacter,
        what: INVISIBLE,
        remedy: Some("type it instead of copying it from a page or a chat"),
    },
    OF_WINDOWS,
    Finding {
        is: foreign::is_another_than_ecr_takes,
        code: Code::WrongUsername,
        what: "is not `AWS`, the only user name that ECR takes",
        remedy: Some("write `AWS`, with `aws ecr get-login-password` as the password"),
    },
    Finding {
        is: |it| other::ESCAPES.iter().any(|escape| it.username.contains(escape)),
        code: Code::DollarEscaped,
        what: "has what looks like an escaped `$` (`$$`, `\\$` or `%24`), and nothing reads the escape",
        remedy: Some("write one `$`, if that is meant"),
    },
    Finding {
        is: |it| (it.username == "robot" || it.username.starts_with("robot+")) && it.registry.host() != "quay.io",
        code: Code::DollarExpanded,
        what: "begins with `robot`: a `$` and what followed was probably expanded away",
        remedy: KEEP_A_DOLLAR,
    },
    Finding {
        is: other::is_swapped,
        code: Code::WrongUsername,
        what: "and its password are probably swapped",
        remedy: Some("set the user name first, then the token; `auth` is base64 of USER:TOKEN"),
    },
    REPLACED,
    IN_QUOTES,
];
