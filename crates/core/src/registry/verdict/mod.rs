//! Says what the answers of registries mean for logins and images.

mod login;
mod pull;
mod said;

use super::limits::Limits;

pub use login::{Answers, Family, Login, Withheld};
pub use pull::{ImageAnswers, Pull};

/// How a registry answered one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing was asked.
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
    /// 3xx: it is not followed.
    Redirect,
    /// Any other.
    Odd(u16),
    /// No answer came.
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

/// Why no answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The host has no address.
    Name,
    /// No connection.
    Connect,
    /// The proxy gives none.
    Proxy,
    /// Not in time.
    Timeout,
    /// Nobody that this machine trusts signed the certificate.
    UnknownAuthority,
    /// The certificate is for another host, or out of date.
    Certificate,
    /// The host does not speak TLS.
    NotTls,
    /// The answer is longer than any registry's.
    TooLong,
    /// The answer is no HTTP, or ends early.
    Broken,
}

/// What a verdict comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Yes.
    Good,
    /// No.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// What one registry says of one login and its images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The key of the login, or the host of images without one.
    pub registry: String,
    /// Where the login was read, in backticks.
    pub source: Option<String>,
    /// Its user name, if it is known to be no secret.
    pub username: Option<String>,
    /// Whether it is good; none for images that no login matches.
    pub login: Option<Login>,
    /// Whether each image may be pulled.
    pub images: Vec<(String, Pull)>,
    /// When the password ends, in seconds since 1970; none if nobody says.
    pub expires: Option<i64>,
    /// How many pulls are left.
    pub limits: Option<Limits>,
}

impl Verdict {
    /// With the login taken for good if an image proves it.
    #[must_use]
    pub fn concluded(self) -> Self {
        let is_proved = self.images.iter().any(|(_, pull)| *pull == Pull::Allowed);
        let login =
            self.login.map(|login| if is_proved && login.standing() != Standing::Good { Login::Good } else { login });
        Self { login, ..self }
    }

    /// The worst of what it says.
    #[must_use]
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
