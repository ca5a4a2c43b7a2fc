//! Reads the answer of a token server, and the claims of a JWT in it. Checking signatures is the registry's task.

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use crate::docker_config::token::claims;

/// The answer of a token server.
pub struct Token {
    /// The token; some registries use an opaque text.
    pub value: SecretString,
    claims: Option<Value>,
}

/// The subject of a token: in distribution's specification, `sub` is empty for an anonymous user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The token names a user.
    Named,
    /// The token is for an anonymous user, or the answer holds no token.
    Nobody,
    /// The token does not say.
    Unknown,
}

/// What a token says about the right to pull from a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The token allows it.
    Pull,
    /// The list of rights in the token does not contain `pull` for the repository.
    Nothing,
    /// The token does not say.
    Unknown,
}

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
}

impl Token {
    /// Reads the body; `None` if it holds no token.
    pub fn read(body: &[u8]) -> Option<Self> {
        let Answer { token, access_token } = serde_json::from_slice(body).ok()?;
        let value = token.or(access_token).filter(|token| !token.is_empty())?;
        let claims = claims(&value);
        Some(Self { value: value.into(), claims })
    }

    /// The subject of the token.
    pub fn subject(&self) -> Subject {
        match self.claims.as_ref().and_then(|claims| claims.get("sub")).and_then(Value::as_str) {
            None => Subject::Unknown,
            Some("" | "(anonymous)") => Subject::Nobody,
            Some(_) => Subject::Named,
        }
    }

    /// Whether the token allows to pull from the repository.
    pub fn access(&self, repository: &str) -> Access {
        let Some(access) = self.claims.as_ref().and_then(|claims| claims.get("access")) else { return Access::Unknown };
        let is_it = |entry: &&Value| entry["type"] == "repository" && entry["name"] == repository;
        let pulls = |entry: &Value| {
            let mut actions = entry["actions"].as_array().into_iter().flatten();
            actions.any(|action| action == "pull" || action == "*")
        };
        let mut entries = access.as_array().into_iter().flatten().filter(is_it);
        if entries.any(pulls) { Access::Pull } else { Access::Nothing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    fn answer(claims: &Value) -> Vec<u8> {
        let token = format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims.to_string()));
        json!({"token": token, "expires_in": 300}).to_string().into_bytes()
    }

    #[test]
    fn a_token_says_whose_it_is_and_what_it_may() {
        let pull = json!([{"type": "repository", "name": "acme/api", "actions": ["pull"]}]);
        let of = |actions: Value| json!([{"type": "repository", "name": "acme/api", "actions": actions}]);
        for (claims, subject, access) in [
            (json!({"sub": "bot", "access": pull}), Subject::Named, Access::Pull),
            (json!({"sub": "bot", "access": of(json!(["*"]))}), Subject::Named, Access::Pull),
            (json!({"sub": "bot", "access": of(json!(["push"]))}), Subject::Named, Access::Nothing),
            (json!({"sub": "bot", "access": of(json!([]))}), Subject::Named, Access::Nothing),
            (json!({"sub": "bot", "access": []}), Subject::Named, Access::Nothing),
            (json!({"sub": "", "access": null}), Subject::Nobody, Access::Nothing),
            (json!({"sub": "(anonymous)", "access": "pull"}), Subject::Nobody, Access::Nothing),
            (
                json!({"access": [{"type": "registry", "name": "acme/api", "actions": ["pull"]}]}),
                Subject::Unknown,
                Access::Nothing,
            ),
            (
                json!({"access": [1, {"type": "repository", "name": "acme/apis", "actions": ["pull"]}]}),
                Subject::Unknown,
                Access::Nothing,
            ),
            (json!({"scopes": ["read:packages"]}), Subject::Unknown, Access::Unknown),
            (json!([]), Subject::Unknown, Access::Unknown),
        ] {
            let token = Token::read(&answer(&claims)).unwrap();
            assert_eq!((token.subject(), token.access("acme/api")), (subject, access), "{claims}");
        }
    }

    #[test]
    fn an_opaque_token_says_nothing() {
        for body in [r#"{"token":"djE6abc"}"#, r#"{"access_token":"a.b.c"}"#, r#"{"token":"a.b.c.d"}"#] {
            let token = Token::read(body.as_bytes()).unwrap();
            assert_eq!((token.subject(), token.access("a")), (Subject::Unknown, Access::Unknown), "{body}");
        }
    }

    #[test]
    fn an_answer_without_a_token_has_none() {
        for body in
            ["", "{}", "[]", r#"{"token":""}"#, r#"{"token":null,"access_token":""}"#, r#"{"token":1}"#, "<html>"]
        {
            assert!(Token::read(body.as_bytes()).is_none(), "{body}");
        }
    }
}
