//! Decides whether a login is good: from the token, and the registry's answers with and without the login.

use super::super::realm;
use super::super::token::Subject;
use super::{Fault, Standing, Status};

/// Whether a login is good, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// The registry accepts it.
    Good,
    /// The registry does not accept it.
    Refused,
    /// The registry calls it invalid, but answers differently to a request without a login: that means an expired token.
    Expired,
    /// The registry gives a token to everybody, and this token is for an anonymous user.
    Anybody,
    /// The registry requires no login.
    Open,
    /// The registry refuses every request.
    Closed,
    /// Too many requests.
    Limited,
    /// A redirect, which is not followed.
    Redirected,
    /// Another status.
    Odd(u16),
    /// No answer.
    Unreachable(Fault),
    /// It was not sent.
    Withheld(Withheld),
}

/// Why a login was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Withheld {
    /// The login must not go to the token server that the registry names.
    Realm(realm::Refused),
    /// `REGCRED_ALLOWED_REGISTRIES` does not allow the registry.
    NotAllowed,
    /// The key is a glob, and no image completes it to one host.
    Glob,
    /// The registry requires neither Basic authentication nor a token server.
    Challenge,
}

/// Registries with special answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// The registry answers 403 to a wrong password.
    Ghcr,
    /// No special answers.
    Other,
}

impl Family {
    /// The family of a host.
    pub fn of(host: &str) -> Self {
        if host == "ghcr.io" { Self::Ghcr } else { Self::Other }
    }
}

/// The facts about a login.
#[derive(Clone, Copy, Debug)]
pub struct Answers {
    /// The answer to the login, from the token server, or from `/v2/` for Basic authentication.
    pub login: Status,
    /// The subject of the token.
    pub subject: Subject,
    /// The answer to the same request without a login.
    pub stranger: Status,
    /// The family of the registry.
    pub family: Family,
}

/// A line of the table; an empty list matches any value.
struct Row {
    login: &'static [Status],
    subject: &'static [Subject],
    stranger: &'static [Status],
    family: &'static [Family],
    verdict: Login,
}

const ROW: Row = Row { login: &[], subject: &[], stranger: &[], family: &[], verdict: Login::Closed };

/// The first matching line counts.
const TABLE: &[Row] = &[
    // Harbor gives a token also for a wrong password: an anonymous one.
    Row { login: &[Status::Ok], subject: &[Subject::Nobody], verdict: Login::Anybody, ..ROW },
    Row { login: &[Status::Ok], verdict: Login::Good, ..ROW },
    Row { login: &[Status::Refused], verdict: Login::Refused, ..ROW },
    Row { login: &[Status::Forbidden], family: &[Family::Ghcr], verdict: Login::Refused, ..ROW },
    // Otherwise a 403 for everybody comes from a firewall before the registry.
    Row { login: &[Status::Forbidden], stranger: &[Status::Forbidden], verdict: Login::Closed, ..ROW },
    Row { login: &[Status::Forbidden], stranger: &[Status::Ok, Status::Refused], verdict: Login::Refused, ..ROW },
    // ECR Public.
    Row { login: &[Status::Invalid], stranger: &[Status::Ok, Status::Refused], verdict: Login::Expired, ..ROW },
    Row { login: &[Status::NotAsked], verdict: Login::Open, ..ROW },
    Row { login: &[Status::Limited], verdict: Login::Limited, ..ROW },
    Row { login: &[Status::Redirect], verdict: Login::Redirected, ..ROW },
    Row { login: &[Status::Invalid], verdict: Login::Odd(400), ..ROW },
    Row { login: &[Status::Forbidden], verdict: Login::Odd(403), ..ROW },
    Row { login: &[Status::NotFound], verdict: Login::Odd(404), ..ROW },
];

impl Login {
    /// The meaning of the answers.
    pub fn judge(answers: &Answers) -> Self {
        match answers.login {
            Status::Unreachable(fault) => Self::Unreachable(fault),
            Status::Odd(code) => Self::Odd(code),
            _ => TABLE.iter().find(|row| row.fits(answers)).map_or(Self::Closed, |row| row.verdict.clone()),
        }
    }

    /// Whether the login is good.
    pub fn standing(&self) -> Standing {
        match self {
            Self::Good => Standing::Good,
            Self::Refused | Self::Expired => Standing::Refused,
            _ => Standing::Unknown,
        }
    }
}

impl Row {
    fn fits(&self, answers: &Answers) -> bool {
        let Answers { login, subject, stranger, family } = answers;
        is_in(self.login, login)
            && is_in(self.subject, subject)
            && is_in(self.stranger, stranger)
            && is_in(self.family, family)
    }
}

/// Whether the list has the value, or is empty.
pub(super) fn is_in<T: PartialEq>(list: &[T], value: &T) -> bool {
    list.is_empty() || list.contains(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Status::{Forbidden, Invalid, Limited, NotAsked, NotFound, Odd, Ok, Redirect, Refused, Unreachable};

    #[test]
    fn the_answers_of_each_registry_mean_what_they_mean_there() {
        use Subject::{Named, Nobody, Unknown};
        for (what, login, subject, stranger, family, verdict) in [
            ("distribution with htpasswd", Ok, Unknown, NotAsked, Family::Other, Login::Good),
            ("Docker Hub", Ok, Named, NotAsked, Family::Other, Login::Good),
            ("Quay: opaque or named", Ok, Unknown, NotAsked, Family::Other, Login::Good),
            ("Docker Hub, wrong password", Refused, Unknown, NotAsked, Family::Other, Login::Refused),
            ("Harbor, wrong password", Ok, Nobody, NotAsked, Family::Other, Login::Anybody),
            ("GHCR, wrong password", Forbidden, Unknown, Ok, Family::Ghcr, Login::Refused),
            ("GHCR, everybody", Forbidden, Unknown, Forbidden, Family::Ghcr, Login::Refused),
            ("ECR, expired", Forbidden, Unknown, Refused, Family::Other, Login::Refused),
            ("a wall before the registry", Forbidden, Unknown, Forbidden, Family::Other, Login::Closed),
            ("ECR Public, expired", Invalid, Unknown, Ok, Family::Other, Login::Expired),
            ("a token server that wants more", Invalid, Unknown, Invalid, Family::Other, Login::Odd(400)),
            ("a 403 that nothing explains", Forbidden, Unknown, NotFound, Family::Other, Login::Odd(403)),
            ("a realm that is not there", NotFound, Unknown, NotAsked, Family::Other, Login::Odd(404)),
            ("a registry without logins", NotAsked, Unknown, NotAsked, Family::Other, Login::Open),
            ("too many requests", Limited, Unknown, NotAsked, Family::Other, Login::Limited),
            ("a redirect", Redirect, Unknown, NotAsked, Family::Other, Login::Redirected),
            ("a failing server", Odd(503), Unknown, NotAsked, Family::Other, Login::Odd(503)),
            (
                "no server",
                Unreachable(Fault::Connect),
                Unknown,
                NotAsked,
                Family::Other,
                Login::Unreachable(Fault::Connect),
            ),
        ] {
            let answers = Answers { login, subject, stranger, family };
            assert_eq!(Login::judge(&answers), verdict, "{what}");
        }
    }

    #[test]
    fn no_code_alone_refuses_a_login_but_a_401() {
        for login in [Ok, Invalid, Forbidden, NotFound, Limited, Redirect, Odd(500), NotAsked] {
            let verdict =
                Login::judge(&Answers { login, subject: Subject::Unknown, stranger: NotAsked, family: Family::Other });
            assert_ne!(verdict.standing(), Standing::Refused, "{login:?}");
        }
    }
}
