//! Parses who gets the rights: a user, a group or a ServiceAccount.

use std::str::FromStr;

use serde_json::{Value, json};
use thiserror::Error;

use crate::names::{Namespace, ResourceName};
use crate::objects::guard::quoted;
use crate::objects::rbac;

/// Who gets the rights: `user:NAME`, `group:NAME` or `service-account:NAMESPACE/NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A user, by the name that the API server knows.
    User(String),
    /// A group of users.
    Group(String),
    /// A `ServiceAccount`.
    ServiceAccount(Namespace, ResourceName),
}

/// Why a text is no subject. The text is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidSubject {
    /// The text has none of the forms.
    #[error("must be user:NAME, group:NAME or service-account:NAMESPACE/NAME")]
    Form,
    /// The name has a control character, or white space around it.
    #[error("has a name with a control character, or white space around it")]
    Name,
    /// The group is too large for a right, or holds the administrators, whom no rule can confine.
    #[error("is a group that is too large, or the administrators")]
    TooPowerful,
}

/// Groups that are too large for a right, or too powerful to be confined.
const TOO_POWERFUL: [&str; 4] =
    ["system:masters", "system:authenticated", "system:unauthenticated", "system:serviceaccounts"];

impl FromStr for Subject {
    type Err = InvalidSubject;

    fn from_str(text: &str) -> Result<Self, InvalidSubject> {
        let (kind, name) = text.split_once(':').ok_or(InvalidSubject::Form)?;
        if name.trim() != name || name.is_empty() || name.chars().any(char::is_control) {
            return Err(InvalidSubject::Name);
        }
        match kind {
            "user" => Ok(Self::User(name.to_owned())),
            "group" if TOO_POWERFUL.contains(&name) => Err(InvalidSubject::TooPowerful),
            "group" => Ok(Self::Group(name.to_owned())),
            "service-account" => {
                let (namespace, name) = name.split_once('/').ok_or(InvalidSubject::Form)?;
                let parsed = namespace.parse().ok().zip(name.parse().ok());
                parsed.map(|(namespace, name)| Self::ServiceAccount(namespace, name)).ok_or(InvalidSubject::Form)
            }
            _ => Err(InvalidSubject::Form),
        }
    }
}

impl Subject {
    /// The subject of a binding.
    pub(super) fn binding_subject(&self) -> Value {
        let other = |kind: &str, name: &String| json!({"apiGroup": rbac::GROUP, "kind": kind, "name": name});
        match self {
            Self::User(name) => other("User", name),
            Self::Group(name) => other("Group", name),
            Self::ServiceAccount(namespace, name) => rbac::service_account(namespace.as_str(), name.as_str()),
        }
    }

    /// Whether a request comes from the subject, in CEL.
    pub(super) fn condition(&self) -> String {
        match self {
            Self::User(name) => format!("request.userInfo.username == {}", quoted(name)),
            Self::Group(name) => format!("{} in request.userInfo.groups", quoted(name)),
            Self::ServiceAccount(namespace, name) => {
                format!("request.userInfo.username == 'system:serviceaccount:{namespace}:{name}'")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_a_user_a_group_or_a_service_account() {
        for (text, expected) in [
            ("user:alice@acme.test", Ok("request.userInfo.username == 'alice@acme.test'")),
            (
                "user:oidc:https://acme.test#o'brien",
                Ok(r"request.userInfo.username == 'oidc:https://acme.test#o\'brien'"),
            ),
            ("group:gitlab:project:42", Ok("'gitlab:project:42' in request.userInfo.groups")),
            ("service-account:ci/deploy", Ok("request.userInfo.username == 'system:serviceaccount:ci:deploy'")),
            ("service-account:deploy", Err(InvalidSubject::Form)),
            ("service-account:CI/deploy", Err(InvalidSubject::Form)),
            ("alice", Err(InvalidSubject::Form)),
            ("team:a", Err(InvalidSubject::Form)),
            ("user:", Err(InvalidSubject::Name)),
            ("user: alice", Err(InvalidSubject::Name)),
            ("user:a\nb", Err(InvalidSubject::Name)),
            ("group:system:masters", Err(InvalidSubject::TooPowerful)),
            ("group:system:serviceaccounts", Err(InvalidSubject::TooPowerful)),
            ("group:system:serviceaccounts:ci", Ok("'system:serviceaccounts:ci' in request.userInfo.groups")),
        ] {
            let condition = text.parse::<Subject>().map(|subject| subject.condition());
            assert_eq!(condition, expected.map(str::to_owned), "{text}");
        }
    }
}
