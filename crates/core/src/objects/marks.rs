//! Marks the objects that we create: with the label, the owner, and the annotations for the tool that applies them.

use serde_json::json;

use super::Object;
use crate::spec::choice::Profile;

/// The annotation that names the owner of an object.
pub const OWNER: &str = "regcred.dev/owner";
/// The label of our objects. Helm sets another value in a release.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "regcred");

/// The annotation with the strategy that writes an owner's objects.
pub const STRATEGY: &str = "regcred.dev/strategy";
/// Its value on the objects of a controller.
pub const CONTROLLER: &str = "controller";
/// The namespace of a controller, unless another one is chosen.
pub const CONTROLLER_NAMESPACE: &str = "regcred-system";
/// The annotation with a controller's choice of namespaces and ServiceAccounts, as JSON. The policy itself has the choice only as an
/// expression.
pub const SERVES: &str = "regcred.dev/serves";

/// The name of the objects that an owner has once: its roles, its policies, and its controller with the Lease.
pub fn name(owner: &str) -> String {
    format!("regcred-{owner}")
}

/// The marks of every object of a run.
#[derive(Clone, Debug)]
pub struct Marks {
    /// The owner: only runs of the same owner change or delete an object.
    pub owner: String,
    /// The tool that applies the objects.
    pub profile: Option<Profile>,
}

impl Marks {
    /// The annotations of an object with this role.
    pub fn annotations(&self, role: Role) -> impl Iterator<Item = (&'static str, String)> {
        let owner = role.is_ours().then(|| (OWNER, self.owner.clone()));
        let profile = annotations(self.profile, role).iter().map(|(name, value)| (*name, (*value).to_owned()));
        owner.into_iter().chain(profile)
    }

    /// The labels of an object with this role.
    pub fn labels(&self, role: Role) -> impl Iterator<Item = (&'static str, String)> {
        role.is_ours().then(|| (MANAGED_BY.0, MANAGED_BY.1.to_owned())).into_iter()
    }

    /// Puts annotations and labels on objects with this role.
    pub fn dress(&self, objects: Vec<Object>, role: Role) -> impl Iterator<Item = Object> {
        objects.into_iter().map(move |mut object| {
            let metadata = object.entry("metadata").or_insert_with(|| json!({}));
            for (name, value) in self.annotations(role) {
                metadata["annotations"][name] = json!(value);
            }
            for (name, value) in self.labels(role) {
                metadata["labels"][name] = json!(value);
            }
            object
        })
    }
}

/// The role of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A Namespace: never ours to delete.
    Namespace,
    /// The definition of our custom resource, which all controllers of a cluster share: never ours to delete.
    Definition,
    /// A ServiceAccount that others may own: never ours to delete.
    LinkedServiceAccount,
    /// An admission policy, which is applied before the workloads it is for.
    Policy,
    /// An object whose kind another program defines; it is applied before the workloads it is for.
    CustomResource,
    /// A Secret or other object of ours.
    Owned,
}

impl Role {
    fn is_ours(self) -> bool {
        !matches!(self, Self::Namespace | Self::Definition | Self::LinkedServiceAccount)
    }
}

/// An annotation for the tool of a profile, with its value; `docs/profile-*.md` explain them.
pub type Annotation = (&'static str, &'static str);

const ARGOCD_KEEP: Annotation = ("argocd.argoproj.io/sync-options", "Prune=false,Delete=false,ServerSideApply=true");
const ARGOCD_FIRST: Annotation = ("argocd.argoproj.io/sync-wave", "-2");
/// Argo CD applies kinds that it does not know last.
const ARGOCD_EARLY: Annotation = ("argocd.argoproj.io/sync-wave", "-1");
const ARGOCD_UNKNOWN: Annotation = ("argocd.argoproj.io/sync-options", "SkipDryRunOnMissingResource=true");
const FLUX_KEEP: Annotation = ("kustomize.toolkit.fluxcd.io/prune", "disabled");
const HELM_KEEP: Annotation = ("helm.sh/resource-policy", "keep");

/// The annotations of an object with this role.
pub fn annotations(profile: Option<Profile>, role: Role) -> &'static [Annotation] {
    match (profile, role) {
        (Some(Profile::Argocd), Role::Namespace | Role::Definition) => &[ARGOCD_KEEP, ARGOCD_FIRST],
        (Some(Profile::Argocd), Role::LinkedServiceAccount) => &[ARGOCD_KEEP],
        (Some(Profile::Argocd), Role::Policy) => &[ARGOCD_EARLY],
        (Some(Profile::Argocd), Role::CustomResource) => &[ARGOCD_UNKNOWN, ARGOCD_EARLY],
        (Some(Profile::Flux), role) if !role.is_ours() => &[FLUX_KEEP],
        (Some(Profile::Helm), role) if !role.is_ours() => &[HELM_KEEP],
        _ => &[],
    }
}
