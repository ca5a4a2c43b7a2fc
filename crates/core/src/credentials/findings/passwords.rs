//! Lists the usual mistakes in passwords.

use super::super::{answers, damage, foreign, google, other};
use super::{Finding, IN_QUOTES, INVISIBLE, OF_WINDOWS, REPLACED};
use crate::diagnostic::Code;

const NOT_THE_TOKEN: Option<&str> = Some(
    "give the token alone: `aws ecr get-login-password`, `gcloud auth print-access-token`, or `jq -r` with the field of the token",
);

/// Only the first matching finding is reported.
pub(super) const ERRORS: &[Finding] = &[
    Finding { is: |it| it.password.is_empty(), code: Code::NoPassword, what: "is empty", remedy: Some("set it") },
    Finding {
        is: answers::is_docker_config,
        code: Code::NotThePassword,
        what: "is a whole Docker config, or base64 of one",
        remedy: Some("name its variable with `--docker-config`"),
    },
    Finding {
        is: google::is_encoded_key,
        code: Code::NotAKey,
        what: "is base64 of a key, which goes with the user name `_json_key_base64`",
        remedy: Some("give the JSON itself, or write HOST=USERVAR:PASSVAR with that user name"),
    },
    Finding {
        is: google::is_plain_key,
        code: Code::NotAKey,
        what: "is the JSON of a key, which goes with the user name `_json_key`",
        remedy: Some("encode it: `base64 -w0 key.json`"),
    },
    Finding {
        is: google::is_broken_key,
        code: Code::NotAKey,
        what: "is a key whose JSON is broken: its `private_key` has line ends where `\\n` belongs",
        remedy: Some("set it with `printf '%s'`, not `echo -e`, or give it in base64 (GAR_KEY, `_json_key_base64`)"),
    },
    Finding {
        is: google::is_not_json,
        code: Code::NotAKey,
        what: "is not the key of a service account: neither JSON nor base64 of it",
        remedy: Some(google::KEY),
    },
    Finding {
        is: |it| google::is_of_type(it, "external_account"),
        code: Code::NotAKey,
        what: "is not a key, but says how to get a token by workload identity",
        remedy: Some(
            "a registry takes only keys and tokens: give a key file, or let the nodes' own service account pull",
        ),
    },
    Finding {
        is: |it| google::is_of_type(it, "authorized_user"),
        code: Code::NotAKey,
        what: "is not a key, but the login of a person",
        remedy: Some(google::KEY),
    },
    Finding {
        is: google::has_escaped_line_ends,
        code: Code::NotAKey,
        what: "has a `private_key` without line ends: its `\\n` were escaped twice",
        remedy: Some(google::KEY),
    },
    Finding {
        is: google::has_no_line_ends,
        code: Code::NotAKey,
        what: "has a `private_key` without line ends: they became blanks, or were removed",
        remedy: Some(google::KEY),
    },
    Finding {
        is: google::is_another_object,
        code: Code::NotAKey,
        what: "is JSON, but not the key of a service account",
        remedy: Some(google::KEY),
    },
    Finding {
        is: other::is_user_and_password,
        code: Code::NotThePassword,
        what: "is base64 of `USER:PASSWORD`, as `auth` and ECR's `authorizationToken` have it",
        remedy: NOT_THE_TOKEN,
    },
    Finding {
        is: foreign::is_utf_16,
        code: Code::NotThePassword,
        what: "is base64 of UTF-16 text, as PowerShell's `[Text.Encoding]::Unicode` or `BigEndianUnicode` encodes",
        remedy: Some("give the token itself: base64 is for a whole Docker config, and of UTF-8"),
    },
    Finding {
        is: other::is_answer,
        code: Code::NotThePassword,
        what: "is JSON or a page, a whole answer where its token belongs",
        remedy: NOT_THE_TOKEN,
    },
    Finding {
        is: answers::is_header,
        code: Code::NotThePassword,
        what: "is a header of HTTP, with the token after its first word",
        remedy: NOT_THE_TOKEN,
    },
    Finding {
        is: answers::is_line,
        code: Code::NotThePassword,
        what: "is a line of a file with variables, `NAME=VALUE`",
        remedy: NOT_THE_TOKEN,
    },
    Finding {
        is: |it| answers::is_what_a_command_said(it.password),
        code: Code::NotThePassword,
        what: "is the error message of a command",
        remedy: Some("run the command by hand, and set its output after it succeeds"),
    },
    Finding {
        is: answers::is_command,
        code: Code::NotThePassword,
        what: "is a command, or flags of one",
        remedy: NOT_THE_TOKEN,
    },
    Finding {
        is: answers::is_pem,
        code: Code::NotThePassword,
        what: "is a certificate or a key",
        remedy: NOT_THE_TOKEN,
    },
    Finding {
        is: answers::is_key_id,
        code: Code::NotThePassword,
        what: "is the id of a key of AWS",
        remedy: Some("the password is what `aws ecr get-login-password` prints"),
    },
    Finding {
        is: |it| !google::takes_keys(it) && it.password.contains(['\n', '\r']),
        code: Code::PasswordWithControlCharacter,
        what: "has more than one line",
        remedy: Some("set only the token, without the other output of the command"),
    },
    Finding {
        is: |it| !google::takes_keys(it) && it.password.chars().any(char::is_control),
        code: Code::PasswordWithControlCharacter,
        what: "has a control character, which HTTP's basic authentication forbids (RFC 7617)",
        remedy: Some("set it without tabs and other control characters"),
    },
];

/// Every matching finding is reported, if there is no error.
pub(super) const WARNINGS: &[Finding] = &[
    Finding {
        is: |it| it.password.contains(damage::is_invisible) || damage::is_at_an_edge(it.password),
        code: Code::InvisibleCharacter,
        what: INVISIBLE,
        remedy: Some("copy it again from the place where it was created"),
    },
    REPLACED,
    IN_QUOTES,
    Finding {
        is: other::may_be_user_and_password,
        code: Code::NotThePassword,
        what: "looks like base64 of `USER:PASSWORD`, as `auth` has it",
        remedy: Some("if it is base64 of user and password, give only the password"),
    },
    OF_WINDOWS,
    Finding {
        is: answers::has_the_username,
        code: Code::NotThePassword,
        what: "begins with the user name and a colon",
        remedy: Some("give the password alone"),
    },
    Finding {
        is: foreign::is_the_username,
        code: Code::NotThePassword,
        what: "is the same as the user name",
        remedy: Some("check that the variable is the one with the password"),
    },
    Finding {
        is: foreign::is_of_another_service,
        code: Code::NotThePassword,
        what: "begins like a token of another service, which this registry does not take",
        remedy: Some("check that the variable is for this registry"),
    },
    Finding {
        is: foreign::is_no_token_of_ecr,
        code: Code::NotThePassword,
        what: "has the length of an AWS secret access key, which ECR does not accept as a password",
        remedy: Some("the password is what `aws ecr get-login-password` prints"),
    },
    Finding {
        is: answers::is_address,
        code: Code::NotThePassword,
        what: "is an address",
        remedy: Some("give the token or password for it"),
    },
    Finding {
        is: answers::has_more_than_a_token,
        code: Code::NotThePassword,
        what: "is a token with something before or after it, for example an escaped line end, a quotation mark or a comma",
        remedy: Some("copy the token alone"),
    },
    Finding {
        is: |it| it.registry.host() == "ghcr.io" && it.password.starts_with("github_pat_"),
        code: Code::FineGrainedToken,
        what: "is a fine-grained token, which ghcr.io does not accept for pulls",
        remedy: Some("use a classic token with read:packages"),
    },
];
