//! Reports the Pods that `--restart-stuck-pods` has found.

use regcred_cluster::stuck::{End, Stuck};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::names::listed;

/// One problem for each Pod that stays, and one note that names the evicted Pods.
pub(super) fn said(found: Vec<Stuck>) -> Vec<Diagnostic> {
    let (mut problems, mut evicted, mut evictable) = (Vec::new(), Vec::new(), Vec::new());
    for Stuck { place, end } in found {
        match end {
            End::Evicted => evicted.push(place),
            End::Evictable => evictable.push(place),
            End::Gone => {}
            End::Bare => problems.push(
                Diagnostic::warning(
                    Code::StuckPod,
                    format!("the Pod {place} lacks the reference, and no controller would replace it"),
                )
                .hint("delete it and create it again"),
            ),
            End::NotLinked(account) => problems.push(
                Diagnostic::warning(
                    Code::StuckPod,
                    format!("the Pod {place} lacks the reference, and so would a new one of the ServiceAccount `{account}`"),
                )
                .hint("link that ServiceAccount with --service-account"),
            ),
            End::OtherReferences(account) => problems.push(
                Diagnostic::warning(
                    Code::StuckPod,
                    format!("the Pod {place} lacks the reference: the ServiceAccount `{account}` had other references when the Pod was created, or the Pod's template has a list `imagePullSecrets`"),
                )
                .hint("create the Pod again (`kubectl rollout restart`), or add the reference to the template"),
            ),
            End::NotRead(account) => problems.push(
                Diagnostic::warning(
                    Code::StuckPod,
                    format!("the Pod {place} lacks the reference, and its ServiceAccount `{account}` was not read"),
                )
                .hint(format!("`{account}` is not among the ServiceAccounts of this run: add `--service-account {account}`")),
            ),
            End::Protected(budget) => problems.push(
                Diagnostic::warning(
                    Code::StuckPod,
                    format!("the Pod {place} lacks the reference, and {budget} allows no eviction"),
                )
                .hint("delete the Pod by hand if the budget is not meant for it: it does not run"),
            ),
            End::Failed(problem) => problems.push(problem),
        }
    }
    let note = |places: &[String], what: &str| {
        let pods = if places.len() == 1 { "Pod was" } else { "Pods were" };
        let message = format!("{} stuck {pods} {what}: {}", places.len(), listed(places));
        (!places.is_empty()).then(|| Diagnostic::note(Code::StuckPod, message))
    };
    problems.extend(note(&evicted, "evicted").or_else(|| note(&evictable, "found that would be evicted")));
    problems
}
