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
            End::Bare => {
                problems.push(stays(&place, ", and no controller would replace it", "delete it and create it again"));
            }
            End::NotLinked(account) => {
                let why = format!(", and so would a new one of the ServiceAccount `{account}`");
                problems.push(stays(&place, &why, "link that ServiceAccount with --service-account"));
            }
            End::OtherReferences(account) => {
                let why = format!(
                    ": the ServiceAccount `{account}` had other references when the Pod was created, or the Pod's template has a list `imagePullSecrets`"
                );
                let hint = "create the Pod again (`kubectl rollout restart`), or add the reference to the template";
                problems.push(stays(&place, &why, hint));
            }
            End::NotRead(account) => {
                let why = format!(", and its ServiceAccount `{account}` was not read");
                let hint = format!(
                    "`{account}` is not among the ServiceAccounts of this run: add `--service-account {account}`"
                );
                problems.push(stays(&place, &why, &hint));
            }
            End::Protected(budget) => {
                let why = format!(", and {budget} allows no eviction");
                let hint = "delete the Pod by hand if the budget is not meant for it: it does not run";
                problems.push(stays(&place, &why, hint));
            }
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

fn stays(place: &str, why: &str, hint: &str) -> Diagnostic {
    Diagnostic::warning(Code::StuckPod, format!("the Pod {place} lacks the reference{why}")).hint(hint)
}
