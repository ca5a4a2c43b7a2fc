//! Applies the admission policies of `--link policy` before everything else, if the account may.

use super::progress::Progress;
use regcred_cluster::execute::{Ending, execute};
use regcred_cluster::policy::{Acts, may_write, wait};
use regcred_cluster::server::Server;
use regcred_core::cluster::{Delivery, Step};
use regcred_core::diagnostic::{Code, Diagnostic};

/// Applies the policies that differ, and waits until they are active. Without the right, the error names the administrator's command.
/// Errors: the cluster does not answer.
pub(super) async fn apply(
    server: &Server,
    delivery: &Delivery<'_>,
    (steps, administrator): (Vec<Step>, &str),
    problems: &mut Vec<Diagnostic>,
    progress: &Progress,
) -> Result<Vec<(Step, Ending)>, Diagnostic> {
    if !steps.iter().any(|step| step.change.differs()) {
        return Ok(steps.into_iter().map(|step| (step, Ending::Kept)).collect());
    }
    if !may_write(server).await? {
        let refused = |step: Step| {
            let ending =
                if step.change.differs() { Ending::Failed(not_allowed(&step, administrator)) } else { Ending::Kept };
            (step, ending)
        };
        return Ok(steps.into_iter().map(refused).collect());
    }
    let done = execute(server, delivery, steps, &|| progress.count()).await;
    if done.iter().all(|(_, ending)| matches!(ending, Ending::Written | Ending::Kept)) {
        for pull_secret in &delivery.pull_secrets {
            let Some(namespace) = pull_secret.namespaces.first() else { continue };
            // After Ctrl-C, the next steps say so.
            let Ok(acts) = wait(server, namespace, pull_secret.name, pull_secret.logins.registries()).await else {
                break;
            };
            problems.extend(said(acts, pull_secret.name.as_str()));
        }
    }
    Ok(done)
}

fn not_allowed(step: &Step, administrator: &str) -> Diagnostic {
    let message =
        format!("{} is {}, and this account may not write admission policies", step.place(), step.change.reason);
    Diagnostic::error(Code::ClusterForbids, message).hint(format!("an administrator applies it: `{administrator}`"))
}

fn said(acts: Acts, name: &str) -> Option<Diagnostic> {
    let unknown = format!("it is not known whether the policy for `{name}` acts");
    let message = match acts {
        Acts::Yes => return None,
        Acts::NotYet => format!("the policy for `{name}` does not act yet: a Pod on trial did not get the reference"),
        Acts::Refused(problem) => format!("{unknown}: {}", problem.message),
        Acts::Untested => format!("{unknown}: no name of an image matches its registries, so no Pod can try it"),
    };
    let hint = "Pods that are created now may lack the reference; --restart-stuck-pods finds them later";
    Some(Diagnostic::warning(Code::ClusterTimeout, message).hint(hint))
}
