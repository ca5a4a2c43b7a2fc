//! Executes the steps of a comparison: in each namespace the references first, then the Secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use regcred_core::cluster::facts::{Account, Metadata, NamespaceObject, Phase, Secret};
use regcred_core::cluster::{Delivery, Facts, Object, Space, Step, reference, removal};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::names::{Namespace, ResourceName};
use regcred_core::plan::{Action, Reason};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::call::{APPLY, Call, JSON_PATCH};
use crate::failure::{Attempt, without_values};
use crate::path::{self, Kind};
use crate::pause::Pauses;
use crate::read::for_each_concurrently;
use crate::server::{Server, Trouble};

/// The pause before a missing object is read again.
const PAUSE: Duration = Duration::from_millis(50);

/// The outcome of a step.
#[derive(Debug)]
pub enum Ending {
    /// The object was written.
    Written,
    /// There was nothing to write.
    Kept,
    /// The object or its namespace was deleted meanwhile, or its namespace is being deleted.
    Gone,
    /// The step failed.
    Failed(Diagnostic),
}

/// Executes the steps: first the ones without a namespace, which begin the list, then those of each namespace in order, several
/// namespaces at once. The outcomes are in the order of the steps. `after_each` is called after each step that was tried.
pub async fn execute(
    server: &Server,
    delivery: &Delivery<'_>,
    steps: Vec<Step>,
    after_each: &dyn Fn(),
) -> Vec<(Step, Ending)> {
    let run = Run { server, delivery, after_each };
    let mut groups: Vec<Vec<Step>> = Vec::new();
    for step in steps {
        match groups.last_mut().filter(|group| group[0].namespace == step.namespace) {
            Some(group) => group.push(step),
            None => groups.push(vec![step]),
        }
    }
    let first = groups.first().is_some_and(|group| group[0].namespace.is_none()).then(|| groups.remove(0));
    let mut done = run.namespace(first.unwrap_or_default()).await;
    done.extend(for_each_concurrently(groups, |group| run.namespace(group)).await.into_iter().flatten());
    done
}

struct Run<'a> {
    server: &'a Server,
    delivery: &'a Delivery<'a>,
    after_each: &'a dyn Fn(),
}

impl Run<'_> {
    async fn namespace(&self, steps: Vec<Step>) -> Vec<(Step, Ending)> {
        let mut done = Vec::with_capacity(steps.len());
        for step in steps {
            let mut ending = Ending::Kept;
            if step.is_executed() {
                ending = match still_needed(&step, &done) {
                    Some(problem) => Ending::Failed(problem),
                    None => self.step(&step).await,
                };
                (self.after_each)();
            }
            done.push((step, ending));
        }
        done
    }

    async fn step(&self, step: &Step) -> Ending {
        let deletes = step.change.action == Action::Delete;
        let (verb, result) = match (&step.object, &step.namespace) {
            (Object::Account { list, references }, Some(namespace)) => {
                ("patch", self.account(step, namespace, list, references).await)
            }
            (Object::Secret { there: Some(there), .. }, Some(namespace)) if deletes => {
                ("delete", self.delete(&Kind::Secret.one(namespace, &step.name), &there.metadata.uid).await)
            }
            (Object::Other { path, uid, .. }, _) if deletes => ("delete", self.delete(path, uid).await),
            (Object::Secret { .. } | Object::Policy { .. }, _) => {
                ("patch", self.write(step.clone()).await.map_err(|trouble| without_values(self.delivery, trouble)))
            }
            _ => return Ending::Kept,
        };
        result.unwrap_or_else(|trouble| Ending::Failed(Attempt::new(verb, step.place()).failed(&trouble)))
    }

    /// Adds or removes references until the list is as wanted.
    async fn account(
        &self,
        step: &Step,
        namespace: &Namespace,
        list: &[Value],
        references: &[ResourceName],
    ) -> Result<Ending, Trouble> {
        let end = Instant::now() + self.server.timeout();
        let path = Kind::ServiceAccount.one(namespace, &step.name);
        let removes = step.change.action == Action::Delete;
        let (mut list, mut unchanged, mut metadata) = (list.to_vec(), 0, Metadata::default());
        let mut pauses = Pauses::default();
        loop {
            let operations =
                if removes { reference::remove(&list, references) } else { reference::add(&list, references) };
            let Some(operations) = operations else { return Ok(Ending::Kept) };
            let target = format!("{path}?fieldManager={}", self.delivery.field_manager());
            let refusal =
                match self.server.send(&Call::patch(target, JSON_PATCH, operations.to_string().into_bytes())).await {
                    Ok(_) => return Ok(Ending::Written),
                    Err(trouble) if trouble.is_end_of_namespace() => return Ok(Ending::Gone),
                    Err(trouble) if matches!(trouble.code(), 404 | 409 | 422) => trouble,
                    Err(trouble) => return Err(trouble),
                };
            if refusal.code() != 404 {
                self.server.rest(pauses.another()).await?;
            }
            match self.server.find::<Account>(path.clone()).await? {
                // If the list is as expected twice, the refusal has another reason: hardly any writer changes it and back twice.
                Some(account) if account.image_pull_secrets == list && refusal.code() == 422 => {
                    unchanged += 1;
                    if unchanged > 1 {
                        return Err(refusal);
                    }
                }
                Some(account) => (list, metadata) = (account.image_pull_secrets, *account.metadata),
                None if removes || self.has_gone(namespace).await? => return Ok(Ending::Gone),
                None => self.server.rest(PAUSE).await?,
            }
            if Instant::now() >= end {
                let problem = Attempt::new("patch", step.place()).failed(&refusal);
                return Ok(Ending::Failed(self.with_others(problem, &metadata, "f:imagePullSecrets")));
            }
        }
    }

    /// Names the other writers of an object's field.
    fn with_others(&self, problem: Diagnostic, metadata: &Metadata, field: &str) -> Diagnostic {
        let ours = self.delivery.field_manager();
        let others: BTreeSet<_> = metadata.managers(field).filter(|manager| *manager != ours).collect();
        if others.is_empty() {
            return problem;
        }
        let others = others.into_iter().collect::<Vec<_>>().join(", ");
        Diagnostic { message: format!("{}; `{others}` writes it, too", problem.message), ..problem }
    }

    /// Whether the namespace no longer exists, or is being deleted.
    async fn has_gone(&self, namespace: &Namespace) -> Result<bool, Trouble> {
        match self.server.find::<NamespaceObject>(path::namespace(namespace)).await {
            Ok(found) => Ok(found.is_none_or(|object| object.space().phase == Phase::Terminating)),
            Err(trouble) if trouble.code() == 403 => Ok(false),
            Err(trouble) => Err(trouble),
        }
    }

    /// Writes a Secret, a policy or its binding. If another writer was faster, the object is read and compared again after a pause: a binding
    /// keeps the namespaces that another run has added.
    async fn write(&self, mut step: Step) -> Result<Ending, Trouble> {
        let end = Instant::now() + self.server.timeout();
        let mut pauses = Pauses::default();
        loop {
            if step.change.reason == Reason::Unchangeable
                && let (Object::Secret { there, .. }, Some(namespace)) = (&mut step.object, &step.namespace)
                && let Some(there) = there.take()
            {
                self.delete(&Kind::Secret.one(namespace, &step.name), &there.metadata.uid).await?;
            }
            let Some(call) = self.apply(&step) else { return Ok(Ending::Kept) };
            match self.server.send(&call).await {
                Ok(_) => return Ok(Ending::Written),
                Err(trouble) if trouble.is_end_of_namespace() => return Ok(Ending::Gone),
                Err(trouble) if trouble.code() == 409 && Instant::now() < end => {
                    self.server.rest(pauses.another()).await?;
                }
                Err(trouble) => return Err(trouble),
            }
            step = match self.compare_again(&step).await? {
                Some(step) if step.change.action == Action::Refuse => {
                    let message = format!("{} was written by somebody else while this run was going on", step.place());
                    let problem = Diagnostic::error(Code::NotOurs, message).hint("run it again to see whose it is");
                    return Ok(Ending::Failed(match &step.object {
                        Object::Secret { there: Some(there), .. } => {
                            self.with_others(problem, &there.metadata, "f:data")
                        }
                        _ => problem,
                    }));
                }
                Some(step) if step.change.action != Action::Keep => step,
                _ => return Ok(Ending::Kept),
            };
        }
    }

    /// The server-side apply of an object. An existing object is replaced only if it is still the one that was read. A new Secret is not
    /// forced, so that a Secret that somebody else creates meanwhile stays.
    fn apply(&self, step: &Step) -> Option<Call> {
        let (path, object, force) = match (&step.object, &step.namespace) {
            (Object::Secret { number: Some(number), there }, Some(namespace)) => {
                let wanted = self.delivery.manifest(&self.delivery.pull_secrets[*number]);
                let mut object = serde_json::to_value(wanted.object(Some(namespace))).ok()?;
                if let Some(there) = there {
                    object["metadata"]["uid"] = json!(there.metadata.uid);
                    object["metadata"]["resourceVersion"] = json!(there.metadata.resource_version);
                }
                (Kind::Secret.one(namespace, &step.name), object, there.is_some())
            }
            (Object::Policy { policy, wanted }, _) => (policy.path.clone(), wanted.clone(), true),
            _ => return None,
        };
        let force = if force { "&force=true" } else { "" };
        let path = format!("{path}?fieldManager={}{force}", self.delivery.field_manager());
        Some(Call::patch(path, APPLY, serde_json::to_vec(&object).ok()?))
    }

    /// The same step after the object was read again.
    async fn compare_again(&self, step: &Step) -> Result<Option<Step>, Trouble> {
        let steps = match (&step.object, &step.namespace) {
            (Object::Policy { policy, .. }, _) => {
                let found = self.server.find::<Value>(policy.path.clone()).await?;
                if !policy.is_due(found.as_ref(), &self.delivery.marks.owner) {
                    return Ok(None);
                }
                self.delivery.compare_policies(std::slice::from_ref(&**policy), &[found])
            }
            (_, Some(namespace)) => {
                let found = self.server.find::<Secret>(Kind::Secret.one(namespace, &step.name)).await?;
                let secrets = found.map(|secret| (step.name.clone(), secret)).into_iter().collect();
                let space = Space { secrets: Some(secrets), ..Space::default() };
                let facts = Facts { namespaces: BTreeMap::from([(namespace.clone(), space)]) };
                self.delivery.compare(&facts).steps
            }
            _ => return Ok(None),
        };
        Ok(steps.into_iter().find(|again| again.change.path == step.change.path))
    }

    async fn delete(&self, path: &str, uid: &str) -> Result<Ending, Trouble> {
        match self.server.send(&Call::delete(path.to_owned(), &json!({"uid": uid}))).await {
            Ok(_) => Ok(Ending::Written),
            Err(trouble) if trouble.code() == 404 => Ok(Ending::Gone),
            Err(trouble) => Err(trouble),
        }
    }
}

/// A confining policy stays if rights that it confines could not be removed before.
fn still_needed(step: &Step, done: &[(Step, Ending)]) -> Option<Diagnostic> {
    if step.change.action != Action::Delete || !removal::confines(step.object.kind()) {
        return None;
    }
    done.iter().filter(|(step, _)| removal::grants(step.object.kind())).find_map(|(rights, ending)| {
        let Ending::Failed(why) = ending else { return None };
        let message = format!("{} stays, because it confines the rights of {}", step.place(), rights.place());
        Some(Diagnostic::error(why.code, message).hint("run the same command again once both can be deleted"))
    })
}
