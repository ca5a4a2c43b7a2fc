//! Says what the answers of registries mean for logins and images.

mod login;
mod pull;
mod said;

use serde::Serialize;

use super::limits::Limits;

pub use login::{Answers, Family, Login, Withheld};
pub use pull::{ImageAnswers, Pull};

/// The answer to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// No request was sent.
    NotAsked,
    /// 2xx.
    Ok,
    /// 400.
    Invalid,
    /// 401.
    Refused,
    /// 403.
    Forbidden,
    /// 404.
    NotFound,
    /// 429.
    Limited,
    /// 3xx, which is not followed.
    Redirect,
    /// Any other status.
    Odd(u16),
    /// No answer.
    Unreachable(Fault),
}

impl From<u16> for Status {
    fn from(code: u16) -> Self {
        match code {
            200..=299 => Self::Ok,
            300..=399 => Self::Redirect,
            400 => Self::Invalid,
            401 => Self::Refused,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            429 => Self::Limited,
            other => Self::Odd(other),
        }
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The host has no address.
    Name,
    /// The connection fails.
    Connect,
    /// The proxy refuses the connection.
    Proxy,
    /// The deadline passed.
    Timeout,
    /// This machine does not trust the signer of the certificate.
    UnknownAuthority,
    /// The certificate is for another host, or not valid now.
    Certificate,
    /// The host does not speak TLS.
    NotTls,
    /// The answer is longer than any registry's.
    TooLong,
    /// The answer is not HTTP, or ends early.
    Broken,
}

/// The result of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Yes.
    Good,
    /// No.
    Refused,
    /// Not known.
    Unknown,
}

impl Standing {
    /// The sentence of a result, with the standing before it unless that is good.
    fn before(self, sentence: String) -> String {
        match self {
            Self::Good => sentence,
            Self::Refused => format!("refused: {sentence}"),
            Self::Unknown => format!("unknown: {sentence}"),
        }
    }
}

/// The verdict on one login and its images at one registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The key of the login, or the host of images without one.
    pub registry: String,
    /// The source of the login, in backticks.
    pub source: Option<String>,
    /// Its user name, if it is known to be public.
    pub username: Option<String>,
    /// Whether the login is good; `None` for images that no login matches.
    pub login: Option<Login>,
    /// Whether each image may be pulled.
    pub images: Vec<(String, Pull)>,
    /// When the password ends, in seconds since 1970, if that is known.
    pub expires: Option<i64>,
    /// How many pulls are left.
    pub limits: Option<Limits>,
}

impl Verdict {
    /// The same verdict, in which the login is good if an image proves it.
    #[must_use]
    pub fn concluded(self) -> Self {
        let is_proved = self.images.iter().any(|(_, pull)| *pull == Pull::Allowed);
        let login =
            self.login.map(|login| if is_proved && login.standing() != Standing::Good { Login::Good } else { login });
        Self { login, ..self }
    }

    /// A sentence about one of its images. A login that the registry does not take explains the refusal.
    pub fn sentence(&self, pull: Pull) -> String {
        if self.explains(pull) { "refused, because the login is".to_owned() } else { pull.sentence() }
    }

    fn explains(&self, pull: Pull) -> bool {
        pull == Pull::Refused && self.login.as_ref().is_some_and(|login| login.standing() == Standing::Refused)
    }

    /// The worst of its results.
    pub fn standing(&self) -> Standing {
        let all = self.login.iter().map(Login::standing).chain(self.images.iter().map(|(_, pull)| pull.standing()));
        all.max_by_key(|standing| match standing {
            Standing::Good => 0,
            Standing::Unknown => 1,
            Standing::Refused => 2,
        })
        .unwrap_or(Standing::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_login_and_a_missing_right_have_different_words() {
        let said = |login, pull: Pull| {
            let (registry, images) = ("ghcr.io".to_owned(), Vec::new());
            let verdict = Verdict {
                registry,
                source: None,
                username: None,
                login: Some(login),
                images,
                expires: None,
                limits: None,
            };
            verdict.sentence(pull)
        };
        assert_eq!(said(Login::Refused, Pull::Refused), "refused, because the login is");
        assert!(said(Login::Anybody, Pull::Refused).contains("wrong login, or no right"));
        assert!(said(Login::Good, Pull::NoRight).contains("has no right to pull"));
    }
}
