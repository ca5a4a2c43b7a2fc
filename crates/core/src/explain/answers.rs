//! Reads what the registry answers to the logins of a Pod. A kubelet tries all of them, so one good login is enough.

use super::facts::{Candidate, Facts};
use super::wanted::State;
use super::words::Words;
use crate::registry::limits::Limits;
use crate::registry::verdict::{Login, Pull, Standing, Verdict};

/// Whether the verdict says anything for sure.
pub(super) fn is_known(verdict: &Verdict) -> bool {
    verdict.login.as_ref().is_some_and(|login| login.standing() != Standing::Unknown)
        || verdict.images.iter().any(|(_, pull)| pull.standing() != Standing::Unknown)
}

/// Whether the registry answers about the image without a login: the image is public, or does not exist. If the node reports a refusal, the
/// node's message counts.
pub(super) fn is_answered(facts: &Facts) -> bool {
    let is_answer = |pull: &Pull| matches!(pull, Pull::Public | Pull::NotFound);
    pulls(facts).any(|(_, pull)| is_answer(&pull)) && facts.wanted.words() != Words::Refused
}

/// Whether the registry refuses the image to every login, or to everybody if no login matches.
pub(super) fn is_refused(facts: &Facts) -> bool {
    let mut answers = pulls(facts).map(|(_, pull)| pull.standing()).peekable();
    answers.peek().is_some() && answers.all(|standing| standing == Standing::Refused)
}

/// The node has pulled the image, but the registry refuses every login of the Pod.
pub(super) fn only_cached(facts: &Facts) -> Option<String> {
    (facts.wanted.state == State::Pulled && is_refused(facts) && !facts.has_unread()).then(String::new)
}

pub(super) fn rate_limit(facts: &Facts) -> Option<String> {
    let is_used_up = |limits: &Limits| limits.remaining == Some(0);
    let is_limited = |verdict: &Verdict| {
        verdict.login == Some(Login::Limited)
            || verdict.images.iter().any(|(_, pull)| *pull == Pull::Limited)
            || verdict.limits.as_ref().is_some_and(is_used_up)
    };
    let words = facts.wanted.words();
    let holds = words == Words::Limited || words == Words::Other && facts.verdicts.iter().any(is_limited);
    holds.then(String::new)
}

/// The verdicts of this image, with the key of the login.
fn pulls(facts: &Facts) -> impl Iterator<Item = (&str, Pull)> {
    facts.verdicts.iter().flat_map(|verdict| {
        let images = verdict.images.iter().filter(|(image, _)| *image == facts.wanted.image);
        images.map(|(_, pull)| (verdict.registry.as_str(), *pull))
    })
}

/// The key of a login with such an answer about the image; `None` if a login is good, or if a Secret could not be read.
pub(super) fn failed_pull(facts: &Facts, is_it: impl Fn(Pull) -> bool) -> Option<String> {
    if is_good(facts) || facts.has_unread() {
        return None;
    }
    pulls(facts).find(|(_, pull)| is_it(*pull)).map(|(registry, _)| format!("`{registry}`"))
}

/// The registry has no such image. It says so to a login, or to the node, which may use logins that this account may not read.
pub(super) fn not_found(facts: &Facts) -> Option<String> {
    let host = facts.wanted.reference.as_ref().ok().map(|reference| format!("`{}`", reference.image().domain()))?;
    let words = facts.wanted.words();
    let says_nothing_else = !facts.has_unread() || words == Words::Other;
    let is_answer = pulls(facts).any(|(_, pull)| pull == Pull::NotFound) && says_nothing_else;
    ((is_answer || words == Words::NotFound) && !is_good(facts)).then_some(host)
}

/// The registry refuses a login, and accepts no other one.
pub(super) fn wrong_password(facts: &Facts) -> Option<String> {
    let found = refused_login(facts).filter(|_| !has_other_explanation(facts))?;
    let secret = found.source.as_ref().map_or(String::new(), |source| format!(" in {source}"));
    Some(format!("`{}`{secret}", found.registry))
}

/// The first login that the registry refuses.
pub(super) fn refused_login(facts: &Facts) -> Option<&Verdict> {
    let is_refused = |login: &Login| login.standing() == Standing::Refused;
    facts.verdicts.iter().find(|verdict| verdict.login.as_ref().is_some_and(is_refused))
}

/// Whether a bad login explains nothing: the registry takes another login, or answers about the image with it, or a Secret could not be read.
fn has_other_explanation(facts: &Facts) -> bool {
    let is_answer = |pull: &Pull| matches!(pull, Pull::NotFound | Pull::NoSuchTag | Pull::NoRight);
    let is_better = |verdict: &Verdict| match verdict.login.as_ref().map(Login::standing) {
        Some(Standing::Good) => true,
        Some(Standing::Unknown) => verdict.images.iter().any(|(_, pull)| is_answer(pull)),
        Some(Standing::Refused) | None => false,
    };
    is_good(facts) || facts.has_unread() || facts.verdicts.iter().any(is_better)
}

/// The registry, or the date in the password, says that the login has expired.
pub(super) fn expired(facts: &Facts) -> Option<String> {
    expired_login(facts).map(|verdict| format!("`{}`", verdict.registry))
}

/// The login that has expired, if no other login is good.
pub(super) fn expired_login(facts: &Facts) -> Option<&Verdict> {
    if has_other_explanation(facts) {
        return None;
    }
    let is_over = |verdict: &&Verdict| verdict.expires.is_some_and(|end| end <= facts.now);
    let says_so = |verdict: &&Verdict| verdict.login == Some(Login::Expired);
    facts.verdicts.iter().find(is_over).or_else(|| facts.verdicts.iter().find(says_so))
}

/// Whether one of the logins, or everybody, may pull the image.
pub(super) fn is_good(facts: &Facts) -> bool {
    pulls(facts).any(|(_, pull)| pull.standing() == Standing::Good)
}

/// The registry refuses the image. The node's message counts if the registry does not answer this machine.
pub(super) fn refused(facts: &Facts) -> Option<String> {
    failed_pull(facts, |pull| pull.standing() == Standing::Refused).or_else(|| {
        let is_silent = facts.wanted.words() == Words::Refused && !facts.verdicts.iter().any(is_known);
        let tried: Vec<_> =
            facts.tried().iter().map(|one| format!("`{}` in `{}`", one.login.registry, one.secret)).collect();
        let younger = younger(facts)
            .map(|name| format!("; `{name}` was written after the Pod, and the node may not have tried it yet"));
        let is_it = is_silent && !tried.is_empty() && !facts.has_unread();
        is_it.then(|| {
            format!("the node reports this; a kubelet tries {}{}", tried.join(", "), younger.unwrap_or_default())
        })
    })
}

/// The registry accepts a login that was written after the Pod.
pub(super) fn later_fixed(facts: &Facts) -> Option<String> {
    younger(facts).filter(|_| is_good(facts)).map(|name| format!("`{name}`"))
}

/// The first Secret with a login for the image that was written after the Pod.
fn younger(facts: &Facts) -> Option<&str> {
    let pod = facts.pod.as_ref()?;
    let is_younger = |candidate: &Candidate<'_>| {
        facts.secrets.iter().any(|secret| secret.name == candidate.secret && secret.written > pod.created)
    };
    facts.tried().into_iter().find(is_younger).map(|candidate| candidate.secret)
}
