//! Decides whether an image may be pulled: from the token, its `access`, and the manifest with and without the login.

use super::super::token::Access;
use super::login::is_in;
use super::{Fault, Standing, Status};

/// Whether an image may be pulled with a login, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pull {
    /// With the login, but not without.
    Allowed,
    /// The token allows it, but the manifest was not seen.
    AllowedByToken,
    /// With and without a login, so it proves nothing about the login.
    Public,
    /// The login may pull from the repository, which has no such tag or digest.
    NoSuchTag,
    /// The image does not exist, or the registry hides it.
    NotFound,
    /// The login is good, but may not pull the image.
    NoRight,
    /// The registry refuses the login, or the login lacks the right; the registry does not say which.
    Refused,
    /// The image may be pulled without this login.
    BreaksPublic,
    /// No login matches, and the image may not be pulled without one.
    NeedsLogin,
    /// Too many requests.
    Limited,
    /// A redirect, which is not followed.
    Redirected,
    /// Another status.
    Odd(u16),
    /// No answer.
    Unreachable(Fault),
    /// The registry was not asked, because of its login.
    NotAsked,
}

/// The facts about an image.
#[derive(Clone, Copy, Debug)]
pub struct ImageAnswers {
    /// Whether the login is good.
    pub login: Standing,
    /// The answer of the token server for this repository.
    pub token: Status,
    /// The rights in the token.
    pub access: Access,
    /// The answer for the manifest.
    pub head: Status,
    /// The answer without a login.
    pub anonymous: Status,
}

/// A line of the table; an empty list matches any value.
struct Row {
    login: &'static [Standing],
    token: &'static [Status],
    access: &'static [Access],
    head: &'static [Status],
    anonymous: &'static [Status],
    verdict: Pull,
}

const ROW: Row = Row { login: &[], token: &[], access: &[], head: &[], anonymous: &[], verdict: Pull::NotAsked };
const NO: &[Status] = &[Status::Refused, Status::Forbidden];
const NO_LOGIN: Row = Row { token: &[Status::NotAsked], head: &[Status::NotAsked], ..ROW };

/// The first matching line counts.
const TABLE: &[Row] = &[
    Row { head: &[Status::Ok], anonymous: &[Status::Ok], verdict: Pull::Public, ..ROW },
    Row { head: &[Status::Ok], verdict: Pull::Allowed, ..ROW },
    // At GHCR, a bad login is worse than no login.
    Row {
        token: &[Status::Refused, Status::Forbidden, Status::Invalid],
        anonymous: &[Status::Ok],
        verdict: Pull::BreaksPublic,
        ..ROW
    },
    Row {
        head: &[Status::Refused, Status::Forbidden, Status::Invalid, Status::NotFound],
        anonymous: &[Status::Ok],
        verdict: Pull::BreaksPublic,
        ..ROW
    },
    Row { head: &[Status::NotFound], access: &[Access::Pull], verdict: Pull::NoSuchTag, ..ROW },
    Row { head: &[Status::NotFound], verdict: Pull::NotFound, ..ROW },
    Row { login: &[Standing::Good], token: NO, verdict: Pull::NoRight, ..ROW },
    Row { token: NO, verdict: Pull::Refused, ..ROW },
    Row {
        token: &[Status::Invalid],
        anonymous: &[Status::Refused, Status::Forbidden, Status::NotFound],
        verdict: Pull::Refused,
        ..ROW
    },
    Row { login: &[Standing::Good], head: NO, verdict: Pull::NoRight, ..ROW },
    Row { head: NO, verdict: Pull::Refused, ..ROW },
    Row { head: &[Status::Invalid], anonymous: NO, verdict: Pull::Refused, ..ROW },
    Row { access: &[Access::Pull], verdict: Pull::AllowedByToken, ..ROW },
    Row { token: &[Status::Limited], verdict: Pull::Limited, ..ROW },
    Row { head: &[Status::Limited], verdict: Pull::Limited, ..ROW },
    Row { token: &[Status::Redirect], verdict: Pull::Redirected, ..ROW },
    Row { head: &[Status::Redirect], verdict: Pull::Redirected, ..ROW },
    Row { anonymous: &[Status::Ok], verdict: Pull::Public, ..NO_LOGIN },
    Row { anonymous: NO, verdict: Pull::NeedsLogin, ..NO_LOGIN },
    Row { anonymous: &[Status::NotFound], verdict: Pull::NotFound, ..NO_LOGIN },
    Row { anonymous: &[Status::Limited], verdict: Pull::Limited, ..NO_LOGIN },
    Row { anonymous: &[Status::Redirect], verdict: Pull::Redirected, ..NO_LOGIN },
];

impl Pull {
    /// The meaning of the answers.
    pub fn judge(answers: &ImageAnswers) -> Self {
        if let Some(row) = TABLE.iter().find(|row| row.fits(answers)) {
            return row.verdict;
        }
        // The last answer says the most.
        let asked =
            [answers.head, answers.token, answers.anonymous].into_iter().find(|status| *status != Status::NotAsked);
        match asked {
            None => Self::NotAsked,
            Some(Status::Unreachable(fault)) => Self::Unreachable(fault),
            Some(Status::Odd(code)) => Self::Odd(code),
            Some(Status::Invalid) => Self::Odd(400),
            Some(Status::NotFound) => Self::Odd(404),
            Some(_) => Self::Refused,
        }
    }

    /// Whether the image may be pulled.
    pub fn standing(self) -> Standing {
        match self {
            Self::Allowed | Self::AllowedByToken | Self::Public => Standing::Good,
            Self::NoRight | Self::Refused | Self::BreaksPublic | Self::NeedsLogin => Standing::Refused,
            _ => Standing::Unknown,
        }
    }
}

impl Row {
    fn fits(&self, answers: &ImageAnswers) -> bool {
        let ImageAnswers { login, token, access, head, anonymous } = answers;
        is_in(self.login, login)
            && is_in(self.token, token)
            && is_in(self.access, access)
            && is_in(self.head, head)
            && is_in(self.anonymous, anonymous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Standing::{Good, Unknown};
    use Status::{Forbidden, Invalid, Limited, NotAsked, NotFound, Odd, Ok, Redirect, Refused, Unreachable};

    #[test]
    fn the_answers_of_each_registry_mean_what_they_mean_there() {
        let bad = Standing::Refused;
        for (what, login, token, access, head, anonymous, verdict) in [
            ("a private image", Good, Ok, Access::Pull, Ok, Refused, Pull::Allowed),
            ("a private image with htpasswd", Good, NotAsked, Access::Unknown, Ok, Refused, Pull::Allowed),
            ("a public image", Good, Ok, Access::Pull, Ok, Ok, Pull::Public),
            ("distribution, no such tag", Good, Ok, Access::Pull, NotFound, Refused, Pull::NoSuchTag),
            ("htpasswd, no such tag", Good, NotAsked, Access::Unknown, NotFound, Refused, Pull::NotFound),
            ("GitHub hides what is private", Good, Ok, Access::Unknown, NotFound, NotFound, Pull::NotFound),
            ("distribution, no right", Good, Ok, Access::Nothing, Refused, Refused, Pull::NoRight),
            ("GHCR, no right", Good, Forbidden, Access::Unknown, NotAsked, Refused, Pull::NoRight),
            ("ECR, no right", Good, NotAsked, Access::Unknown, Forbidden, Refused, Pull::NoRight),
            ("Harbor, wrong password or no right", Unknown, Ok, Access::Nothing, Refused, Refused, Pull::Refused),
            ("GHCR, wrong password", bad, Forbidden, Access::Unknown, NotAsked, Refused, Pull::Refused),
            ("GHCR, wrong password, public image", bad, Forbidden, Access::Unknown, NotAsked, Ok, Pull::BreaksPublic),
            (
                "Docker Hub, wrong password, public image",
                bad,
                Refused,
                Access::Unknown,
                NotAsked,
                Ok,
                Pull::BreaksPublic,
            ),
            ("ECR Public, expired", bad, Invalid, Access::Unknown, NotAsked, Ok, Pull::BreaksPublic),
            ("a private gallery, expired", bad, Invalid, Access::Unknown, NotAsked, Refused, Pull::Refused),
            ("400 for everybody", Unknown, Invalid, Access::Unknown, NotAsked, Invalid, Pull::Odd(400)),
            ("a token that the registry does not take", Good, Ok, Access::Pull, Refused, Refused, Pull::NoRight),
            ("Docker Hub, over the limit", Good, Ok, Access::Pull, Limited, Limited, Pull::AllowedByToken),
            ("opaque, over the limit", Good, Ok, Access::Unknown, Limited, Limited, Pull::Limited),
            ("the token server is over its limit", Unknown, Limited, Access::Unknown, NotAsked, Refused, Pull::Limited),
            ("a redirect", Good, Ok, Access::Unknown, Redirect, Refused, Pull::Redirected),
            ("a failing registry", Good, Ok, Access::Unknown, Odd(503), Refused, Pull::Odd(503)),
            ("a failing token server", Unknown, Odd(500), Access::Unknown, NotAsked, Refused, Pull::Odd(500)),
            (
                "no answer",
                Unknown,
                Unreachable(Fault::Timeout),
                Access::Unknown,
                NotAsked,
                Refused,
                Pull::Unreachable(Fault::Timeout),
            ),
            ("no login, public", Unknown, NotAsked, Access::Unknown, NotAsked, Ok, Pull::Public),
            ("no login, private", Unknown, NotAsked, Access::Unknown, NotAsked, Refused, Pull::NeedsLogin),
            ("no login, not there", Unknown, NotAsked, Access::Unknown, NotAsked, NotFound, Pull::NotFound),
            (
                "no login, no answer",
                Unknown,
                NotAsked,
                Access::Unknown,
                NotAsked,
                Unreachable(Fault::Name),
                Pull::Unreachable(Fault::Name),
            ),
        ] {
            let answers = ImageAnswers { login, token, access, head, anonymous };
            assert_eq!(Pull::judge(&answers), verdict, "{what}");
        }
    }

    #[test]
    fn a_success_is_never_refused_and_a_refusal_is_never_a_success() {
        let statuses =
            [Ok, Invalid, Refused, Forbidden, NotFound, Limited, Redirect, Odd(500), Unreachable(Fault::Timeout)];
        let all = statuses.iter().flat_map(|head| statuses.iter().map(move |anonymous| (*head, *anonymous)));
        for (head, anonymous) in all {
            for (token, access) in [(Ok, Access::Pull), (Ok, Access::Unknown), (NotAsked, Access::Unknown)] {
                let verdict = Pull::judge(&ImageAnswers { login: Good, token, access, head, anonymous });
                assert_eq!(head == Ok, matches!(verdict, Pull::Allowed | Pull::Public), "{head:?} {anonymous:?}");
                assert!(verdict.standing() != Good || !NO.contains(&head), "{head:?} {anonymous:?}");
            }
        }
    }
}
