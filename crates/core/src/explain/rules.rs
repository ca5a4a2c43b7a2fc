//! Finds the cause from the facts, with a table of rules: the first rule that applies names the cause.

use super::cause::Cause;
use super::facts::{Candidate, Facts, PolicyState};
use super::key;
use super::references::{accounts_does, linked_later, own_references, reference_dropped, refers};
use super::secret::{Entry, Held, PullSecret};
use super::wanted::State;
use super::words::Words;
use crate::registry::limits::Limits;
use crate::registry::verdict::{Login, Pull, Standing, Verdict};

/// The result of the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The cause; `None` if no rule applies.
    pub cause: Option<Cause>,
    /// The subject of the cause, for example the name of a Secret in backticks; may be empty.
    pub about: String,
    /// The causes that were checked and ruled out.
    pub ruled_out: Vec<Cause>,
}

/// Whether a rule applies, and its subject.
type Rule = fn(&Facts) -> Option<String>;

/// The rules, from certain facts to facts that need the registry's answer.
const RULES: &[(Evidence, &[(Cause, Rule)])] = &[
    (Evidence::Cluster, OF_THE_POD),
    (Evidence::Node, OF_THE_NODE),
    (Evidence::Cluster, OF_LOGINS),
    (Evidence::Registry, OF_THE_REGISTRY),
];

const OF_THE_POD: &[(Cause, Rule)] = &[
    (Cause::InvalidImageName, |facts| {
        when(facts.wanted.reference.is_err() || facts.wanted.reason() == "InvalidImageName")
    }),
    (Cause::NeverPull, |facts| when(facts.wanted.reason() == "ErrImageNeverPull")),
    (Cause::SignatureInvalid, |facts| when(facts.wanted.reason() == "SignatureValidationFailed")),
    (Cause::NotScheduled, |facts| when(facts.pod.as_ref().is_some_and(|pod| !pod.is_scheduled))),
    (Cause::OnlyCached, |facts| {
        when(is_pulled(facts) && facts.verdicts.iter().any(|verdict| verdict.standing() == Standing::Refused))
    }),
    (Cause::Fine, |facts| is_pulled(facts).then(|| "the image was pulled".to_owned())),
];

/// By the node's message.
const OF_THE_NODE: &[(Cause, Rule)] = &[
    (Cause::UnknownAuthority, |facts| when(facts.wanted.words() == Words::UnknownAuthority)),
    (Cause::InvalidCertificate, |facts| when(facts.wanted.words() == Words::Certificate)),
    (Cause::PlainHttp, |facts| when(facts.wanted.words() == Words::PlainHttp)),
    (Cause::UnknownHost, |facts| when(facts.wanted.words() == Words::UnknownHost)),
    (Cause::Unreachable, |facts| {
        when(facts.wanted.words() == Words::Unreachable || facts.wanted.reason() == "RegistryUnavailable")
    }),
    (Cause::WrongPlatform, |facts| when(facts.wanted.words() == Words::Platform)),
    (Cause::DiskFull, |facts| when(facts.wanted.words() == Words::DiskFull)),
    (Cause::Mirror, mirror),
    (Cause::RateLimit, rate_limit),
];

/// By the facts of the cluster.
const OF_LOGINS: &[(Cause, Rule)] = &[
    (Cause::SecretBroken, |facts| of_secret(facts, |secret| matches!(secret.held, Held::Broken))),
    (Cause::BadEntry, |facts| of_secret(facts, |secret| has(secret, |entry| matches!(entry, Entry::Bad)))),
    // The rules from here on apply if no login matches.
    (Cause::AccountMissing, |facts| when(needs_login(facts) && !refers(facts) && !facts.account.exists)),
    (Cause::NamespaceExcluded, |facts| {
        when(needs_login(facts) && !refers(facts) && !accounts_does(facts) && facts.place.opts_out)
    }),
    (Cause::AccountExcluded, |facts| {
        when(needs_login(facts) && !refers(facts) && !accounts_does(facts) && facts.account.opts_out)
    }),
    (Cause::LinkedLater, linked_later),
    (Cause::PolicyExcludes, |facts| {
        when(needs_login(facts) && !refers(facts) && facts.place.policy == PolicyState::Excludes)
    }),
    (Cause::PolicyLater, |facts| {
        when(needs_login(facts) && !refers(facts) && facts.place.policy == PolicyState::Serves)
    }),
    (Cause::ReferenceDropped, reference_dropped),
    (Cause::NoReference, |facts| {
        let account =
            facts.pod.as_ref().map_or(String::new(), |pod| format!("the ServiceAccount is `{}`", pod.account));
        (needs_login(facts) && !refers(facts)).then_some(account)
    }),
    (Cause::OwnReferences, own_references),
    (Cause::SecretMissing, |facts| {
        let missing = without_login(facts, |secret| matches!(secret.held, Held::Missing))?;
        let ours = facts.place.ours.first().map(|ours| format!("; regcred's is `{ours}`"));
        Some(missing + &ours.unwrap_or_default())
    }),
    (Cause::WrongType, |facts| without_login(facts, |secret| matches!(secret.held, Held::OfAnotherType))),
    (Cause::KeyScheme, |facts| of_key(facts, Cause::KeyScheme)),
    (Cause::KeyDockerHub, |facts| of_key(facts, Cause::KeyDockerHub)),
    (Cause::KeyPort, |facts| of_key(facts, Cause::KeyPort)),
    (Cause::KeyPath, |facts| of_key(facts, Cause::KeyPath)),
    (Cause::KeyGlob, |facts| of_key(facts, Cause::KeyGlob)),
    (Cause::KeyWebSite, |facts| of_key(facts, Cause::KeyWebSite)),
    (Cause::KeyHost, |facts| of_key(facts, Cause::KeyHost)),
    (Cause::IdentityToken, |facts| {
        without_login(facts, |secret| has(secret, |entry| matches!(entry, Entry::IdentityToken(_))))
    }),
    (Cause::SecretEmpty, |facts| without_login(facts, |secret| is_read(secret) && secret.logins().next().is_none())),
    (Cause::NoKey, |facts| without_login(facts, |secret| secret.logins().next().is_some())),
];

/// By the registry's answers.
const OF_THE_REGISTRY: &[(Cause, Rule)] = &[
    (Cause::BreaksPublic, |facts| of_pull(facts, |pull| pull == Pull::BreaksPublic)),
    (Cause::Expired, expired),
    (Cause::WrongPassword, |facts| of_login(facts, |login| login.standing() == Standing::Refused)),
    (Cause::NoRight, |facts| of_pull(facts, |pull| pull == Pull::NoRight)),
    (Cause::NoSuchTag, |facts| of_pull(facts, |pull| pull == Pull::NoSuchTag)),
    (Cause::NotFound, |facts| of_pull(facts, |pull| pull == Pull::NotFound)),
    (Cause::RefusedThere, |facts| of_pull(facts, |pull| pull.standing() == Standing::Refused)),
    (Cause::LaterFixed, later_fixed),
    (Cause::Fine, |facts| {
        (facts.wanted.state == State::Unknown && is_good(facts)).then(|| "the image can be pulled".to_owned())
    }),
];

/// The facts that a rule needs.
#[derive(Clone, Copy)]
enum Evidence {
    Cluster,
    Node,
    Registry,
}

impl Evidence {
    /// Whether these facts exist, so that a rule that does not apply rules its cause out.
    fn is_there(self, facts: &Facts) -> bool {
        let knows = |verdict: &Verdict| {
            verdict.login.as_ref().is_some_and(|login| login.standing() != Standing::Unknown)
                || verdict.images.iter().any(|(_, pull)| pull.standing() != Standing::Unknown)
        };
        match self {
            Self::Cluster => true,
            Self::Node => facts.wanted.state != State::Unknown,
            Self::Registry => facts.verdicts.iter().any(knows),
        }
    }
}

/// Finds the cause.
#[must_use]
pub fn explain(facts: &Facts) -> Finding {
    let mut ruled_out = Vec::new();
    let rules = RULES.iter().flat_map(|(evidence, rules)| rules.iter().map(move |rule| (evidence, rule)));
    for (evidence, (cause, rule)) in rules {
        match rule(facts) {
            Some(about) => return Finding { cause: Some(*cause), about, ruled_out },
            None if ruled_out.contains(cause) || *cause == Cause::Fine => {}
            None if evidence.is_there(facts) => ruled_out.push(*cause),
            None => {}
        }
    }
    Finding { cause: None, about: String::new(), ruled_out }
}

fn when(holds: bool) -> Option<String> {
    holds.then(String::new)
}

fn is_pulled(facts: &Facts) -> bool {
    facts.wanted.state == State::Pulled
}

/// Whether no login matches an image that may not be public.
pub(super) fn needs_login(facts: &Facts) -> bool {
    facts.tried().is_empty() && !is_answered(facts)
}

/// Whether the registry's answer without a login said more than that a login is required.
fn is_answered(facts: &Facts) -> bool {
    let is_answer = |pull: &Pull| matches!(pull, Pull::Public | Pull::NotFound);
    pulls(facts).any(|(_, pull)| is_answer(&pull)) && facts.wanted.words() != Words::Refused
}

/// A refused request to another host than the image's.
fn mirror(facts: &Facts) -> Option<String> {
    let asked = facts.wanted.asked_host()?;
    let image = facts.wanted.reference.as_ref().ok()?.image();
    let own = if image.domain() == "docker.io" { "registry-1.docker.io" } else { image.domain() };
    let is_refused = matches!(facts.wanted.words(), Words::Refused | Words::Limited);
    (is_refused && asked != own).then(String::new)
}

fn rate_limit(facts: &Facts) -> Option<String> {
    let is_used_up = |limits: &Limits| limits.remaining == Some(0);
    let is_limited = |verdict: &Verdict| {
        verdict.login == Some(Login::Limited)
            || verdict.images.iter().any(|(_, pull)| *pull == Pull::Limited)
            || verdict.limits.as_ref().is_some_and(is_used_up)
    };
    let words = facts.wanted.words();
    when(words == Words::Limited || words == Words::Other && facts.verdicts.iter().any(is_limited))
}

fn of_secret(facts: &Facts, is_it: impl Fn(&PullSecret) -> bool) -> Option<String> {
    facts.secrets.iter().find(|secret| is_it(secret)).map(|secret| format!("`{}`", secret.name))
}

fn without_login(facts: &Facts, is_it: impl Fn(&PullSecret) -> bool) -> Option<String> {
    if needs_login(facts) { of_secret(facts, is_it) } else { None }
}

fn has(secret: &PullSecret, is_it: impl Fn(&Entry) -> bool) -> bool {
    secret.entries().iter().any(is_it)
}

fn is_read(secret: &PullSecret) -> bool {
    matches!(secret.held, Held::Entries(_))
}

fn of_key(facts: &Facts, wanted: Cause) -> Option<String> {
    let image = facts.wanted.reference.as_ref().ok().filter(|_| needs_login(facts))?.image();
    let of = |secret: &PullSecret| {
        let faults = secret.entries().iter().filter_map(|entry| key::fault(entry, image));
        let key = faults.into_iter().find(|(cause, _)| *cause == wanted)?.1;
        Some(format!("{key} in `{}`", secret.name))
    };
    facts.secrets.iter().find_map(of)
}

/// The verdicts of this image, with the key of the login.
fn pulls(facts: &Facts) -> impl Iterator<Item = (&str, Pull)> {
    facts.verdicts.iter().flat_map(|verdict| {
        let images = verdict.images.iter().filter(|(image, _)| *image == facts.wanted.image);
        images.map(|(_, pull)| (verdict.registry.as_str(), *pull))
    })
}

/// A kubelet tries one login after the other: the cause is the reason for which all of them fail.
fn of_pull(facts: &Facts, is_it: impl Fn(Pull) -> bool) -> Option<String> {
    if is_good(facts) {
        return None;
    }
    pulls(facts).find(|(_, pull)| is_it(*pull)).map(|(registry, _)| format!("`{registry}`"))
}

fn of_login(facts: &Facts, is_it: impl Fn(&Login) -> bool) -> Option<String> {
    if is_good(facts) {
        return None;
    }
    let found = facts.verdicts.iter().find(|verdict| verdict.login.as_ref().is_some_and(&is_it))?;
    let secret = found.source.as_ref().map_or(String::new(), |source| format!(" in {source}"));
    Some(format!("`{}`{secret}", found.registry))
}

/// The registry, or the date in the password, says that the login has expired.
fn expired(facts: &Facts) -> Option<String> {
    let is_over = |verdict: &&Verdict| verdict.expires.is_some_and(|end| end <= facts.now);
    let over = facts.verdicts.iter().find(is_over).filter(|_| !is_good(facts));
    over.map(|verdict| format!("`{}`", verdict.registry)).or_else(|| of_login(facts, |login| *login == Login::Expired))
}

/// Whether one of the logins, or everybody, may pull the image.
fn is_good(facts: &Facts) -> bool {
    pulls(facts).any(|(_, pull)| pull.standing() == Standing::Good)
}

/// The registry accepts a login that is younger than the Pod.
fn later_fixed(facts: &Facts) -> Option<String> {
    let pod = facts.pod.as_ref()?;
    let is_younger = |candidate: &Candidate<'_>| {
        facts.secrets.iter().any(|secret| secret.name == candidate.secret && secret.written > pod.created)
    };
    let younger = facts.tried().into_iter().find(|candidate| is_good(facts) && is_younger(candidate))?;
    Some(format!("`{}`", younger.secret))
}
