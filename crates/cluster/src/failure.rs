//! Explains a failed call: what was tried on which object, and what to do.

use regcred_core::cluster::Delivery;
use regcred_core::cluster::content::mentions;
use regcred_core::diagnostic::{Code, Diagnostic};

use crate::server::Trouble;

/// An attempted call: `list`, `secrets`.
pub struct Attempt {
    /// The verb.
    pub verb: &'static str,
    /// The object, or the resource: `Secret team-a/image-pull-secret`, `serviceaccounts`.
    pub object: String,
}

impl Attempt {
    /// An attempt.
    pub fn new(verb: &'static str, object: impl Into<String>) -> Self {
        Self { verb, object: object.into() }
    }

    /// Why it failed.
    pub fn failed(&self, trouble: &Trouble) -> Diagnostic {
        let Self { verb, object } = self;
        match trouble {
            Trouble::Refused(status) => self.refused(status.code, &status.message),
            Trouble::Unreachable(words) => {
                Diagnostic::error(Code::ClusterUnreachable, format!("the cluster cannot be reached: {words}")).hint(
                    "check the address in the kubeconfig, and whether this machine may connect: `kubectl cluster-info`",
                )
            }
            Trouble::NoLogin => Diagnostic::error(
                Code::ClusterLogin,
                "the kubeconfig gives no login to the cluster: its program, its file or its provider failed",
            )
            .hint("run `kubectl get namespaces` with the same kubeconfig to see why"),
            Trouble::Late => {
                Diagnostic::error(Code::ClusterTimeout, format!("the cluster did not answer in time: {verb} {object}"))
                    .hint("run it again, which goes on where this run ended; or give it more time with --timeout")
            }
            Trouble::Interrupted => Diagnostic::error(Code::Interrupted, "interrupted before everything was done")
                .hint("run it again: it goes on where this run ended"),
            Trouble::Endless => Diagnostic::error(
                Code::ClusterUnreachable,
                format!("the cluster's answer has no end, or is far too long: {verb} {object}"),
            )
            .hint("check the address in the kubeconfig; name fewer namespaces, or give it more time with --timeout"),
            Trouble::Nonsense => Diagnostic::error(
                Code::ClusterUnreachable,
                format!("the answer is not that of a Kubernetes API server: {verb} {object}"),
            )
            .hint("check the address in the kubeconfig: a proxy or a login page may answer there"),
        }
    }

    fn refused(&self, code: u16, words: &str) -> Diagnostic {
        let Self { verb, object } = self;
        let said = if words.is_empty() { String::new() } else { format!(": {}", one_line(&without_user(words))) };
        match code {
            401 => Diagnostic::error(Code::ClusterLogin, "the cluster does not accept the kubeconfig's login (401)")
                .hint("get a new token or certificate: the old one may have expired"),
            403 => Diagnostic::error(Code::ClusterForbids, format!("the cluster forbids to {verb} {object}{said}"))
                .hint(
                    "ask an administrator for that right; `regcred render --format rbac` writes the rights of `apply` with the same flags",
                ),
            _ => Diagnostic::error(
                Code::ClusterRefuses,
                format!("the cluster refuses to {verb} {object} ({code}){said}"),
            )
            .hint(if words.contains("ValidatingAdmissionPolicy 'regcred-") {
                "the rights of this account do not reach this far: render them again with this namespace, Secret and \
                 ServiceAccount (`regcred render --format rbac`), and have an administrator apply them"
            } else {
                "the words are the API server's; a quota, a policy or a webhook may be behind them"
            }),
        }
    }
}

/// The problems of calls for several objects: at least one.
#[derive(Debug)]
pub struct Problems {
    first: Diagnostic,
    others: Vec<Diagnostic>,
}

impl Problems {
    /// All results, or every missing right, so that an administrator is asked once. A problem that concerns no object, for example that the
    /// cluster does not answer, is returned alone.
    ///
    /// # Errors
    /// A result is an error.
    pub(crate) fn unless_all<T>(results: Vec<Result<T, Diagnostic>>) -> Result<Vec<T>, Self> {
        let (mut found, mut forbidden) = (Vec::with_capacity(results.len()), Vec::new());
        for result in results {
            match result {
                Ok(one) => found.push(one),
                Err(problem) if problem.code == Code::ClusterForbids => forbidden.push(problem),
                Err(problem) => return Err(problem.into()),
            }
        }
        let mut forbidden = forbidden.into_iter();
        match forbidden.next() {
            Some(first) => Err(Self { first, others: forbidden.collect() }),
            None => Ok(found),
        }
    }

    /// These problems, followed by `more`.
    pub(crate) fn and(mut self, more: Self) -> Self {
        self.others.extend(Vec::from(more));
        self
    }
}

impl From<Diagnostic> for Problems {
    fn from(first: Diagnostic) -> Self {
        Self { first, others: Vec::new() }
    }
}

impl From<Problems> for Vec<Diagnostic> {
    fn from(Problems { first, others }: Problems) -> Self {
        [first].into_iter().chain(others).collect()
    }
}

/// Keeps only the first problem.
impl From<Problems> for Diagnostic {
    fn from(problems: Problems) -> Self {
        problems.first
    }
}

/// The message without the user that RBAC names, because a user may have typed something else after `--as`.
fn without_user(words: &str) -> String {
    match words.split_once("User \"").and_then(|(before, rest)| Some((before, rest.split_once("\" cannot")?.1))) {
        Some((before, after)) => format!("{before}this user cannot{after}"),
        None => words.to_owned(),
    }
}

/// The first line, cut to the length of a message.
fn one_line(words: &str) -> String {
    let line: String = words.lines().next().unwrap_or_default().chars().filter(|letter| !letter.is_control()).collect();
    match line.char_indices().nth(400) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

/// A webhook's refusal may quote the Secret, so its message is not passed on.
pub(crate) fn without_values(delivery: &Delivery<'_>, trouble: Trouble) -> Trouble {
    let Trouble::Refused(mut status) = trouble else { return trouble };
    if delivery.pull_secrets.iter().any(|one| mentions(one.docker_config(), &status.message)) {
        "its words quote the login, and are not shown".clone_into(&mut status.message);
    }
    Trouble::Refused(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_by_our_own_policy_leads_to_the_rights() {
        let hint = |words: &str| {
            let status =
                Box::new(kube::core::Status { code: 422, message: words.to_owned(), ..kube::core::Status::default() });
            Attempt::new("patch", "Secret b/s").failed(&Trouble::Refused(status)).hint.unwrap_or_default()
        };
        let ours = "secrets \"s\" is forbidden: ValidatingAdmissionPolicy 'regcred-s-secrets' with binding \
                    'regcred-s-secrets' denied request: regcred may write only into the namespaces that it serves";
        assert!(hint(ours).contains("`regcred render --format rbac`"));
        assert!(!hint(&ours.replace("'regcred-s", "'somebody-s")).contains("rbac"));
    }

    #[test]
    fn the_words_of_rbac_are_shown_without_the_user() {
        let words =
            "secrets \"s\" is forbidden: User \"hunter2\" cannot get resource \"secrets\" in the namespace \"a\"\nmore";
        let shown = "secrets \"s\" is forbidden: this user cannot get resource \"secrets\" in the namespace \"a\"";
        assert_eq!(one_line(&without_user(words)), shown);
        assert_eq!(without_user("exceeded quota"), "exceeded quota");
    }
}
