//! Finds the cause from the facts, with a table of rules: the first rule that applies names the cause.

use super::answers::{
    expired, failed_pull, is_answered, is_good, is_known, is_refused, later_fixed, not_found, only_cached, rate_limit,
    refused, wrong_password,
};
use super::cause::Cause;
use super::facts::{Facts, PolicyState};
use super::references::{account_refers, has_another_login, linked_later, own_references, reference_dropped, refers};
use super::remedy;
use super::secret::{Entry, Held, PullSecret};
use super::wanted::State;
use super::words::Words;
use super::{key, secret};
use crate::registry::verdict::Pull;

/// The result of the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The cause; `None` if no rule applies.
    pub cause: Option<Cause>,
    /// The subject of the cause, for example the name of a Secret in backticks; may be empty.
    pub about: String,
    /// What to do; empty if nothing is wrong or the cause is not known.
    pub remedy: String,
    /// The causes that were checked and ruled out.
    pub ruled_out: Vec<Cause>,
    /// The Pod's Secrets that the account may not read: the causes that depend on them are not ruled out.
    pub unread: Vec<String>,
}

/// Whether a rule applies, and its subject.
type Rule = fn(&Facts) -> Option<String>;

/// The rules, from certain facts to facts that need the registry's answer.
const RULES: &[(Evidence, &[(Cause, Rule)])] = &[
    (Evidence::Cluster, OF_THE_POD),
    (Evidence::Login, OF_A_RUNNING_POD),
    (Evidence::Node, OF_THE_NODE),
    (Evidence::Secrets, OF_BROKEN_SECRETS),
    (Evidence::Node, &[(Cause::NotReported, not_reported)]),
    (Evidence::Cluster, OF_EXCLUSIONS),
    (Evidence::AllSecrets, &[(Cause::LinkedLater, linked_later)]),
    (Evidence::Cluster, OF_POLICIES),
    (Evidence::AllSecrets, &[(Cause::ReferenceDropped, reference_dropped)]),
    (Evidence::Cluster, &[(Cause::NoReference, no_reference)]),
    (Evidence::AllSecrets, &[(Cause::OwnReferences, own_references)]),
    (Evidence::Secrets, OF_LOGINS),
    (Evidence::Login, OF_THE_REGISTRY),
];

const OF_THE_POD: &[(Cause, Rule)] = &[
    (Cause::InvalidImageName, |facts| {
        when(facts.wanted.reference.is_err() || facts.wanted.reason() == "InvalidImageName")
    }),
    (Cause::NeverPull, |facts| when(facts.wanted.reason() == "ErrImageNeverPull")),
    (Cause::SignatureInvalid, |facts| when(facts.wanted.reason() == "SignatureValidationFailed")),
    (Cause::NotScheduled, |facts| when(facts.pod.as_ref().is_some_and(|pod| !pod.is_scheduled))),
];

const OF_A_RUNNING_POD: &[(Cause, Rule)] = &[(Cause::OnlyCached, only_cached), (Cause::Fine, pulled)];

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

const OF_BROKEN_SECRETS: &[(Cause, Rule)] = &[
    (Cause::SecretBroken, |facts| of_secret(facts, |secret| matches!(secret.held, Held::Broken))),
    (Cause::BadEntry, |facts| of_secret(facts, |secret| has(secret, |entry| matches!(entry, Entry::Bad)))),
];

// From here on, except for the rules about the registry, a rule applies only if no login matches.
const OF_EXCLUSIONS: &[(Cause, Rule)] = &[
    (Cause::AccountMissing, |facts| when(needs_login(facts) && !refers(facts) && !facts.account.exists)),
    (Cause::NamespaceExcluded, |facts| {
        when(needs_login(facts) && !refers(facts) && !account_refers(facts) && !facts.place.opts_out.is_empty())
    }),
    (Cause::AccountExcluded, |facts| {
        when(needs_login(facts) && !refers(facts) && !account_refers(facts) && !facts.account.opts_out.is_empty())
    }),
];

const OF_POLICIES: &[(Cause, Rule)] = &[
    (Cause::PolicyExcludes, |facts| {
        when(needs_login(facts) && !refers(facts) && facts.place.policy == PolicyState::Excludes)
    }),
    (Cause::PolicyLater, |facts| {
        when(needs_login(facts) && !refers(facts) && facts.place.policy == PolicyState::Serves)
    }),
];

/// By the content of the Secrets.
const OF_LOGINS: &[(Cause, Rule)] = &[
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
    (Cause::SecretEmpty, secret_empty),
    (Cause::NoKey, no_key),
];

/// By the registry's answers.
const OF_THE_REGISTRY: &[(Cause, Rule)] = &[
    (Cause::BreaksPublic, |facts| failed_pull(facts, |pull| pull == Pull::BreaksPublic)),
    (Cause::Expired, expired),
    (Cause::WrongPassword, wrong_password),
    (Cause::NoRight, |facts| failed_pull(facts, |pull| pull == Pull::NoRight)),
    (Cause::NoSuchTag, |facts| failed_pull(facts, |pull| pull == Pull::NoSuchTag)),
    (Cause::NotFound, not_found),
    (Cause::RefusedThere, refused),
    (Cause::LaterFixed, later_fixed),
    (Cause::Fine, |facts| {
        let is_sure = !facts.has_unread() || !facts.tried().is_empty();
        let is_fine = facts.wanted.state == State::Unknown && is_good(facts) && is_sure;
        is_fine.then(|| "the image can be pulled".to_owned())
    }),
];

/// The facts that a rule needs.
#[derive(Clone, Copy)]
enum Evidence {
    Cluster,
    Node,
    /// The content of the Pod's Secrets.
    Secrets,
    /// The content of the Pod's Secrets, and of the Secrets that the Pod does not refer to.
    AllSecrets,
    /// The registry's answer to the logins in the Pod's Secrets.
    Login,
}

impl Evidence {
    /// Whether these facts exist, so that a rule that does not apply rules its cause out.
    fn is_there(self, facts: &Facts) -> bool {
        match self {
            Self::Cluster => true,
            Self::Node => facts.wanted.state != State::Unknown,
            Self::Secrets => !facts.has_unread(),
            Self::AllSecrets => {
                let is_unread = |secret: &PullSecret| matches!(secret.held, Held::Unreadable);
                !facts.has_unread() && facts.place.unread.is_empty() && !facts.others.iter().any(is_unread)
            }
            Self::Login => !facts.has_unread() && facts.verdicts.iter().any(is_known),
        }
    }
}

/// Finds the cause.
pub fn explain(facts: &Facts) -> Finding {
    let mut ruled_out = Vec::new();
    let unread: Vec<_> = facts.unread().map(str::to_owned).collect();
    let mut rules = RULES.iter().flat_map(|(evidence, rules)| rules.iter().map(move |rule| (evidence, rule)));
    while let Some((evidence, (cause, rule))) = rules.next() {
        match rule(facts) {
            Some(_) if *cause == Cause::OnlyCached => {
                let mut others = rules.filter(|(_, (why, _))| *why != Cause::Fine);
                let why = others.find_map(|(_, (why, rule))| rule(facts).map(|about| (*why, about)));
                let (about, remedy) = why.map_or_else(Default::default, |(why, about)| {
                    let about = if about.is_empty() { about } else { format!(": {about}") };
                    (format!("{}: {}{about}", why.word(), why.sentence()), remedy::of(why, facts))
                });
                return Finding { cause: Some(*cause), about, remedy, ruled_out, unread };
            }
            Some(about) => {
                let remedy = remedy::of(*cause, facts);
                return Finding { cause: Some(*cause), about, remedy, ruled_out, unread };
            }
            None if ruled_out.contains(cause) || *cause == Cause::Fine => {}
            None if evidence.is_there(facts) => ruled_out.push(*cause),
            None => {}
        }
    }
    Finding { cause: None, about: String::new(), remedy: String::new(), ruled_out, unread }
}

fn when(holds: bool) -> Option<String> {
    holds.then(String::new)
}

/// The node has the image. Whether a new node could pull it depends on the Secrets.
fn pulled(facts: &Facts) -> Option<String> {
    let unread: Vec<_> = facts.unread().map(|name| format!("`{name}`")).collect();
    let unknown = if unread.is_empty() || is_good(facts) {
        String::new()
    } else {
        format!("; whether a new node can pull it is not known: the Secret {} may not be read", unread.join(", "))
    };
    (facts.wanted.state == State::Pulled).then(|| format!("the image was pulled{unknown}"))
}

/// Whether no login matches, and the image is not known to be public. Never if the account may not read one of the Secrets.
pub(super) fn needs_login(facts: &Facts) -> bool {
    facts.tried().is_empty() && !facts.has_unread() && !is_answered(facts)
}

/// No login of the Pod matches, and neither the node nor the registry has reported on the image.
fn not_reported(facts: &Facts) -> Option<String> {
    let is_quiet = facts.pod.is_some() && facts.wanted.state == State::Unknown && !is_refused(facts);
    when(is_quiet && needs_login(facts))
}

fn no_reference(facts: &Facts) -> Option<String> {
    let account = facts.pod.as_ref().map_or(facts.account.name.as_str(), |pod| pod.account.as_str());
    let left_out = if facts.account.is_left_out { ", which is not served" } else { "" };
    (needs_login(facts) && !refers(facts) && !account_refers(facts))
        .then(|| format!("the ServiceAccount is `{account}`{left_out}"))
}

/// The Pod, or its ServiceAccount if the Pod has no reference, refers to a Secret that has logins, but none for the image.
fn no_key(facts: &Facts) -> Option<String> {
    let of_the_account = || facts.account.references.iter().find(|name| has_another_login(name, facts));
    without_login(facts, |secret| secret.logins().next().is_some())
        .or_else(|| of_the_account().filter(|_| needs_login(facts) && !refers(facts)).map(|name| format!("`{name}`")))
}

fn secret_empty(facts: &Facts) -> Option<String> {
    let is_empty = |secret: &PullSecret| matches!(secret.held, Held::Entries(_)) && secret.logins().next().is_none();
    let about = without_login(facts, is_empty)?;
    let lacks_auths = facts.secrets.iter().any(|secret| secret.lacks_auths);
    Some(if lacks_auths { format!("{about} {}", secret::LACKS_AUTHS) } else { about })
}

/// A refused request to another host than the image's.
fn mirror(facts: &Facts) -> Option<String> {
    let asked = facts.wanted.asked_host()?;
    let image = facts.wanted.reference.as_ref().ok()?.image();
    let own = if image.domain() == "docker.io" { "registry-1.docker.io" } else { image.domain() };
    let is_refused = matches!(facts.wanted.words(), Words::Refused | Words::Limited);
    (is_refused && asked != own).then(String::new)
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

fn of_key(facts: &Facts, wanted: Cause) -> Option<String> {
    let image = facts.wanted.reference.as_ref().ok().filter(|_| needs_login(facts))?.image();
    let of = |secret: &PullSecret| {
        let mut faults = secret.entries().iter().filter_map(|entry| key::fault(entry, image));
        let key = faults.find(|(cause, _)| *cause == wanted)?.1;
        Some(format!("{key} in `{}`", secret.name))
    };
    facts.secrets.iter().find_map(of)
}
