//! Reads admission policies, tells whether this account may write them, and waits until they act.

use regcred_core::cluster::policy::{Merge, Policy};
use regcred_core::cluster::probe::probe;
use regcred_core::cluster::{Delivery, Step};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::docker_config::registry::RegistryKey;
use regcred_core::names::{Namespace, ResourceName, listed};
use regcred_core::objects::marks;
use serde_json::{Value, json};
use std::slice;
use std::time::Duration;
use tokio::time::Instant;

use crate::call::Call;
use crate::failure::Attempt;
use crate::path::NAMESPACES;
use crate::rights;
use crate::server::{Server, Trouble};

/// The pause between two probes.
const PAUSE: Duration = Duration::from_millis(100);

/// The existing policies, in the same order; `None` for all of them if this account may not read one of them.
///
/// # Errors
/// The cluster does not answer, or does not know these policies.
pub async fn read(server: &Server, policies: &[Policy]) -> Result<Option<Vec<Option<Value>>>, Diagnostic> {
    let mut found = Vec::with_capacity(policies.len());
    for policy in policies {
        match server.find(policy.path.clone()).await {
            Ok(object) => found.push(object),
            Err(trouble) if trouble.code() == 403 => return Ok(None),
            Err(trouble) => return Err(Attempt::new("get", "admission policies").failed(&trouble)),
        }
    }
    Ok(Some(found))
}

/// Finds the bindings that serve namespaces which lose their pull secrets. Returns the steps that take these namespaces out, and a note for
/// each binding that cannot be changed. `None` if this account may not read them.
///
/// # Errors
/// The cluster does not answer.
pub async fn leave(
    server: &Server,
    delivery: &Delivery<'_>,
) -> Result<Option<(Vec<Step>, Vec<Diagnostic>)>, Diagnostic> {
    let mut bindings = delivery.policies(Merge::Remove);
    bindings.retain(|policy| policy.kind() == "MutatingAdmissionPolicyBinding");
    let Some(found) = read(server, &bindings).await? else { return Ok(None) };
    let (mut steps, mut notes) = (Vec::new(), Vec::new());
    for (binding, found) in bindings.iter().zip(&found) {
        let (left, others) = binding.served(found.as_ref(), &delivery.marks.owner);
        let hint = if left.is_empty() {
            continue;
        } else if others.is_empty() {
            "it serves no other namespace: `delete --all-namespaces` removes the binding and its policy"
        } else if may_write(server).await? {
            steps.extend(delivery.compare_policies(slice::from_ref(binding), slice::from_ref(found)));
            continue;
        } else {
            "run the same command with an account that may patch admission policies and their bindings"
        };
        let message = format!("{} still adds the reference to new Pods in {}", binding.shown(), listed(&left));
        notes.push(Diagnostic::note(Code::ClusterForbids, message).hint(hint));
    }
    Ok(Some((steps, notes)))
}

/// Whether this account may write admission policies.
///
/// # Errors
/// The cluster does not answer.
pub async fn may_write(server: &Server) -> Result<bool, Diagnostic> {
    for resource in ["mutatingadmissionpolicies", "mutatingadmissionpolicybindings"] {
        let attributes = json!({"verb": "patch", "group": "admissionregistration.k8s.io", "resource": resource});
        let may = rights::may(server, attributes).await;
        let may = may.map_err(|trouble| Attempt::new("review", "the rights of this account").failed(&trouble))?;
        if !may {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a controller of this owner serves the cluster, as far as this account may read: its confining policy has our annotation, or its
/// Deployment is in the usual namespace.
pub async fn has_controller(server: &Server, owner: &str) -> bool {
    let name = marks::name(owner);
    let policy = format!("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/{name}-secrets");
    let policy = server.ask::<Value>(&Call::get(policy)).await;
    if policy.is_ok_and(|policy| policy["metadata"]["annotations"][marks::STRATEGY] == marks::CONTROLLER) {
        return true;
    }
    let deployment = format!("/apis/apps/v1/namespaces/{}/deployments/{name}", marks::CONTROLLER_NAMESPACE);
    server.ask::<Value>(&Call::get(deployment)).await.is_ok()
}

/// Whether a policy is active.
#[derive(Debug, PartialEq, Eq)]
pub enum Acts {
    /// It adds the reference to a dry-run Pod.
    Yes,
    /// It has not added the reference within the deadline of one call.
    NotYet,
    /// The API server refuses the dry-run Pod, for this reason.
    Refused(Box<Diagnostic>),
    /// No image matches the registries, so there is no Pod that the policy would change.
    Untested,
}

/// Creates a Pod as a dry run (`dryRun`) again and again, until the Pod gets the reference or the deadline of one call has passed.
///
/// # Errors
/// The program was told to stop.
pub async fn wait<'a>(
    server: &Server,
    namespace: &Namespace,
    reference: &ResourceName,
    keys: impl Iterator<Item = &'a RegistryKey>,
) -> Result<Acts, Trouble> {
    let Some(pod) = probe(keys) else { return Ok(Acts::Untested) };
    let call = Call::create(format!("{NAMESPACES}/{namespace}/pods?dryRun=All"), &pod);
    let end = Instant::now() + server.timeout();
    let mut acts = Acts::NotYet;
    while Instant::now() < end {
        acts = match server.ask::<Value>(&call).await {
            Ok(made) => {
                let list = made["spec"]["imagePullSecrets"].as_array().cloned().unwrap_or_default();
                if regcred_core::cluster::reference::refers(&list, reference) {
                    return Ok(Acts::Yes);
                }
                Acts::NotYet
            }
            Err(trouble @ Trouble::Interrupted) => return Err(trouble),
            Err(trouble) => {
                let problem = Attempt::new("create", format!("a Pod on trial in {namespace}")).failed(&trouble);
                let refused = Acts::Refused(Box::new(problem));
                if !lacks_its_account(&trouble) {
                    return Ok(refused);
                }
                refused
            }
        };
        server.rest(PAUSE).await?;
    }
    Ok(acts)
}

/// Whether a Pod is refused because its ServiceAccount is not there yet: the cluster creates it soon after the namespace.
fn lacks_its_account(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Refused(status) if status.message.contains("error looking up service account"))
}
