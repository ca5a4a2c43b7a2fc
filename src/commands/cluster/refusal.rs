//! Explains which changes a run refuses, before it changes anything.

use super::failures::grouped;
use regcred_core::cluster::content::{self, Content};
use regcred_core::cluster::facts::TYPE;
use regcred_core::cluster::{Comparison, Delivery, Object, OnConflict, Step};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::plan::{Action, Reason};

/// One error for the objects that the plan refuses for the same reason.
pub(super) fn of(comparison: &Comparison, delivery: &Delivery<'_>) -> Vec<Diagnostic> {
    let refused = comparison.steps.iter().filter(|step| step.change.action == Action::Refuse);
    let explained: Vec<_> = refused.map(|step| (step, explain(step, delivery))).collect();
    grouped(explained.iter().map(|(step, problem)| (*step, problem)))
}

fn explain(step: &Step, delivery: &Delivery<'_>) -> Diagnostic {
    let place = step.place();
    if let (Object::Policy { .. }, Some(tool)) = (&step.object, &step.whose) {
        let message = format!("{place} is managed by {tool}, and this run would replace it");
        return Diagnostic::error(Code::NotOurs, message)
            .hint("change it there, for a controller in its regcred.yaml; or give this run another owner: --secret-name, or `metadata.name` of regcred.yaml");
    }
    if matches!(step.object, Object::Policy { .. }) {
        return Diagnostic::error(Code::NotOurs, format!("{place} is not regcred's, and differs from what is wanted"))
            .hint("give regcred.yaml another `metadata.name`, which is part of the policy's name");
    }
    match (step.change.reason, &step.whose) {
        (Reason::Managed, whose) => {
            let tool = whose.as_ref().map_or_else(|| "another tool".to_owned(), ToString::to_string);
            Diagnostic::error(Code::NotOurs, format!("{place} is managed by {tool}, and holds other logins")).hint(
                "change it there; or rename our Secret (--secret-name, or its `name` in regcred.yaml), or leave this Secret with --on-conflict skip",
            )
        }
        (Reason::Unchangeable, _) => Diagnostic::error(
            Code::Unchangeable,
            format!("{place} is immutable or of another type than a pull secret, which cannot change"),
        )
        .hint("--recreate deletes the Secret and creates it again; Pods that start in between may have to try again"),
        (_, whose) => {
            let owner =
                whose.as_ref().map_or_else(|| "not regcred's".to_owned(), |whose| format!("of another {whose}"));
            let holds = if is_equal(step, delivery) { "the same logins" } else { "other logins" };
            let hint = match (is_equal(step, delivery), delivery.on_conflict) {
                _ if is_fixed(step) => {
                    "the Secret is of another type or immutable: --recreate --on-conflict overwrite deletes it and creates it again; or rename our Secret (--secret-name, or its `name` in regcred.yaml)"
                }
                (true, _) => {
                    "--on-conflict adopt takes the Secret over; or rename our Secret (--secret-name, or its `name` in regcred.yaml)"
                }
                (false, OnConflict::Adopt) => {
                    "adopt takes over equal logins only; --on-conflict overwrite replaces them, --secret-name or `name` in regcred.yaml renames our Secret"
                }
                (false, _) => {
                    "rename our Secret (--secret-name, or its `name` in regcred.yaml); --on-conflict skip leaves the existing Secret, overwrite replaces it"
                }
            };
            let as_owner = if whose.is_some() {
                "; or run with the regcred.yaml of that owner (`--config`), or with --no-config if it has none"
            } else {
                ""
            };
            let problem = Diagnostic::error(Code::NotOurs, format!("{place} is {owner}, and holds {holds}"));
            problem.hint(format!("{hint}{as_owner}"))
        }
    }
}

/// Whether only a new Secret helps.
fn is_fixed(step: &Step) -> bool {
    matches!(&step.object, Object::Secret { there: Some(there), .. } if there.type_ != TYPE || there.immutable)
}

fn is_equal(step: &Step, delivery: &Delivery<'_>) -> bool {
    let Object::Secret { number: Some(number), there: Some(there) } = &step.object else { return false };
    let wanted = &delivery.pull_secrets[*number];
    wanted.is_known() && content::compare(wanted.docker_config(), there.docker_config.as_ref()) != Content::Different
}
