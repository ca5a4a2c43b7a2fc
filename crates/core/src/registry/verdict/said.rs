//! Writes the verdicts: one word for programs, one sentence for people, and what to do. It repeats no text of a registry.

use super::super::realm;
use super::{Fault, Login, Pull, Standing, Verdict, Withheld};
use crate::confine::REGISTRIES;
use crate::diagnostic::{Code, Diagnostic};

/// One word, one sentence, and the remedy.
type Said = (&'static str, String, &'static str);

const ASK_AGAIN: &str = "ask again later";

impl Login {
    /// One word for programs.
    pub fn word(&self) -> &'static str {
        self.said().0
    }

    /// A sentence, as text after "the login is".
    pub fn sentence(&self) -> String {
        self.standing().before(self.said().1)
    }

    fn said(&self) -> Said {
        let (word, sentence, hint) = match self {
            Self::Good => ("good", "good", ""),
            Self::Refused => (
                "wrong-password",
                "the registry does not take this user name and password",
                "check both, and whether the token was revoked or has expired; create a new one where the registry's account is managed",
            ),
            Self::Expired => (
                "expired",
                "the registry takes requests without this login, and calls the login invalid: it has probably expired",
                "fetch a new token",
            ),
            Self::Anybody => (
                "token-for-anybody",
                "the registry gives a token to everybody, and this one is for nobody",
                "name a private image with `--image`: the registry answers for it",
            ),
            Self::Open => ("no-login-needed", "the registry asks for no login", "name a private image with `--image`"),
            Self::Closed => (
                "closed",
                "the registry answers 403 with and without the login",
                "look for a firewall or proxy between here and the registry, or a list of allowed addresses at the registry",
            ),
            Self::Limited => ("too-many-requests", "too many requests", ASK_AGAIN),
            Self::Redirected => (
                "redirect",
                "the answer is a redirect, which a login does not follow",
                "name the registry itself as the key",
            ),
            Self::Odd(code) => return ("status", format!("the answer has status {code}"), ASK_AGAIN),
            Self::Unreachable(fault) => return fault.said(),
            Self::Withheld(withheld) => return withheld.said(),
        };
        (word, sentence.to_owned(), hint)
    }
}

impl Withheld {
    fn said(&self) -> Said {
        match self {
            Self::Realm(realm::Refused::InClear(host)) => (
                "realm-in-clear",
                format!("the registry names the token server http://{host}, and a login does not go there in clear"),
                "the registry has to name its token server with https",
            ),
            Self::Realm(realm::Refused::Foreign(host)) => (
                "realm-not-known",
                format!("the registry sends logins to {host}, which is not known to belong to it"),
                "if it does, add `--allow-realm HOST` with that host",
            ),
            Self::NotAllowed => (
                "not-allowed",
                format!("`{REGISTRIES}` does not allow this registry, so it was not asked"),
                "if this is meant, add the registry to that protected variable",
            ),
            Self::Glob => (
                "glob",
                "the key is a glob, and no image says which registry to ask".to_owned(),
                "name an image with `--image`",
            ),
            Self::Challenge => (
                "challenge",
                "the registry asks for something other than a user name and password".to_owned(),
                "check that the key names a registry",
            ),
        }
    }
}

impl Fault {
    fn said(self) -> Said {
        let (word, sentence, hint) = match self {
            Self::Name => (
                "no-such-host",
                "the host has no address",
                "check the key; an internal registry may be known in the cluster only",
            ),
            Self::Connect => (
                "no-connection",
                "no connection to the host",
                "check the port, and whether this machine may reach the registry",
            ),
            Self::Proxy => ("proxy", "the proxy gives no connection to the host", "check `HTTPS_PROXY` and `NO_PROXY`"),
            Self::Timeout => (
                "timeout",
                "no answer in time",
                "check whether this machine may reach the registry; `--timeout 30s` waits longer",
            ),
            Self::UnknownAuthority => (
                "unknown-authority",
                "nobody that this machine trusts signed the registry's certificate",
                "name the file of the authority's certificate in `SSL_CERT_FILE`; each node needs it as well",
            ),
            Self::Certificate => (
                "certificate",
                "the registry's certificate is for another host or out of date",
                "renew the certificate of the registry",
            ),
            Self::NotTls => (
                "not-tls",
                "the host does not speak TLS",
                "if the registry speaks plain HTTP, add `--insecure-registry HOST`",
            ),
            Self::TooLong => {
                ("too-long", "the answer is longer than any registry's", "check that the key names a registry")
            }
            Self::Broken => ("broken", "the answer is no valid HTTP", "check that the key names a registry"),
        };
        (word, sentence.to_owned(), hint)
    }
}

impl Pull {
    /// One word for programs.
    pub fn word(self) -> &'static str {
        self.said().0
    }

    /// A sentence, as text after the image.
    pub fn sentence(self) -> String {
        self.standing().before(self.said().1)
    }

    fn said(self) -> Said {
        let (word, sentence, hint) = match self {
            Self::Allowed => ("allowed", "may be pulled", ""),
            Self::AllowedByToken => ("allowed-by-token", "may be pulled, as the token says", ""),
            Self::Public => ("public", "may be pulled by everybody", ""),
            Self::NoSuchTag => (
                "no-such-tag",
                "the login may pull from the repository, which has no such tag or digest",
                "check the tag, and whether the image was pushed",
            ),
            Self::NotFound => (
                "not-found",
                "no such image, or the registry hides it from this login",
                "check repository and tag; then whether the login has the right to read the repository",
            ),
            Self::NoRight => (
                "no-right",
                "the login is good, but has no right to pull from this repository",
                "give its account or token the right to read the repository, for example read_registry, read:packages or AcrPull",
            ),
            Self::Refused => (
                "refused",
                "wrong login, or no right to pull it: the registry does not say which",
                "check the password first, then the right to read the repository",
            ),
            Self::BreaksPublic => (
                "breaks-a-public-image",
                "everybody may pull it, but not with this login",
                "renew the login or remove it: a bad login is worse than none",
            ),
            Self::NeedsLogin => (
                "needs-a-login",
                "no login matches, and without one it cannot be pulled",
                "add a login for its registry; `regcred verify --image IMAGE` says which keys nearly match",
            ),
            Self::Limited => ("too-many-requests", "too many requests", ASK_AGAIN),
            Self::Redirected => {
                ("redirect", "the answer is a redirect, which is not followed", "name the registry itself")
            }
            Self::Odd(code) => return ("status", format!("the answer has status {code}"), ASK_AGAIN),
            Self::Unreachable(fault) => return fault.said(),
            Self::NotAsked => (
                "not-asked",
                "no question about the image: the registry had given no answer before, or its login is withheld",
                "",
            ),
        };
        (word, sentence.to_owned(), hint)
    }
}

impl Verdict {
    /// Refusals as errors, and unknown results as warnings.
    pub fn problems(&self) -> Vec<Diagnostic> {
        let registry = &self.registry;
        let (login, with) = match &self.source {
            Some(source) => {
                (format!("the login for `{registry}` in {source}"), format!(" with the login for `{registry}`"))
            }
            None => (format!("the registry `{registry}`"), String::new()),
        };
        let of_login = self.login.as_ref().filter(|login| login.standing() != Standing::Good).map(|judged| {
            let (_, sentence, hint) = judged.said();
            let message = format!("{login}: {sentence}");
            problem(judged.standing(), [Code::LoginRefused, Code::LoginUnknown], message, hint)
        });
        let of_images = self.images.iter().filter(|(_, pull)| {
            // The verdict on the login of the image already says why.
            pull.standing() != Standing::Good && *pull != Pull::NotAsked && !self.explains(*pull)
        });
        let of_images = of_images.map(|(image, pull)| {
            let (_, sentence, hint) = pull.said();
            let codes = [
                Code::PullRefused,
                if matches!(pull, Pull::NotFound | Pull::NoSuchTag) { Code::ImageNotFound } else { Code::PullUnknown },
            ];
            problem(pull.standing(), codes, format!("`{image}`{with}: {sentence}"), hint)
        });
        let nothing_left = self.limits.as_ref().is_some_and(|limits| limits.remaining == Some(0));
        let of_limits = nothing_left.then(|| {
            let message = format!("no pulls are left for the login for `{}`", self.registry);
            Diagnostic::warning(Code::RateLimit, message)
                .hint("pulls fail until the window ends: use an account with a higher limit")
        });
        of_login.into_iter().chain(of_images).chain(of_limits).map(|problem| problem.about(&self.registry)).collect()
    }
}

fn problem(standing: Standing, [refused, unknown]: [Code; 2], message: String, hint: &str) -> Diagnostic {
    let problem = if standing == Standing::Refused {
        Diagnostic::error(refused, message)
    } else {
        Diagnostic::warning(unknown, message)
    };
    if hint.is_empty() { problem } else { problem.hint(hint) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(login: Option<Login>, pull: Pull) -> Verdict {
        let images = vec![("ghcr.io/acme/api:1".to_owned(), pull)];
        let source = Some("`GHCR_TOKEN`".to_owned());
        Verdict { registry: "ghcr.io".into(), source, username: None, login, images, expires: None, limits: None }
    }

    #[test]
    fn what_is_refused_is_an_error_and_what_is_not_known_a_warning() {
        for (login, pull, codes) in [
            (Login::Good, Pull::Allowed, &[][..]),
            (Login::Good, Pull::NoRight, &["error pull-refused"]),
            (Login::Good, Pull::NoSuchTag, &["warning image-not-found"]),
            (Login::Refused, Pull::Refused, &["error login-refused"]),
            (Login::Anybody, Pull::Refused, &["warning login-unknown", "error pull-refused"]),
            (Login::Withheld(Withheld::NotAllowed), Pull::NotAsked, &["warning login-unknown"]),
            (
                Login::Unreachable(Fault::Timeout),
                Pull::Unreachable(Fault::Timeout),
                &["warning login-unknown", "warning pull-unknown"],
            ),
        ] {
            let problems = verdict(Some(login.clone()), pull).problems();
            let said: Vec<_> = problems
                .iter()
                .map(|problem| {
                    format!("{} {}", if problem.is_error() { "error" } else { "warning" }, problem.code.as_str())
                })
                .collect();
            assert_eq!(said, codes, "{login:?} {pull:?}");
            assert!(problems.iter().all(|problem| problem.hint.is_some()));
        }
    }

    #[test]
    fn an_image_that_only_the_login_opens_proves_the_login() {
        let login = |login, pull| verdict(Some(login), pull).concluded().login;
        assert_eq!(login(Login::Anybody, Pull::Allowed), Some(Login::Good));
        assert_eq!(login(Login::Anybody, Pull::Public), Some(Login::Anybody));
    }
}
