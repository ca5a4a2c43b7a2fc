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
        let profile =
            annotations(self.profile, role).iter().map(|annotation| (annotation.name, annotation.value.to_owned()));
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
    /// An admission policy: before the workloads it is for.
    Policy,
    /// An object whose kind another program defines: before the workloads it is for.
    CustomResource,
    /// A Secret or other object of ours.
    Owned,
}

impl Role {
    fn is_ours(self) -> bool {
        !matches!(self, Self::Namespace | Self::Definition | Self::LinkedServiceAccount)
    }
}

/// One annotation, with its reason for the documentation.
#[derive(Clone, Copy, Debug)]
pub struct Annotation {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: &'static str,
    /// The reason for it.
    pub reason: &'static str,
}

const ARGOCD_KEEP: Annotation = Annotation {
    name: "argocd.argoproj.io/sync-options",
    value: "Prune=false,Delete=false,ServerSideApply=true",
    reason: "it is not ours: it stays when it leaves the repository or the Application goes, and only our fields are applied",
};
const ARGOCD_FIRST: Annotation =
    Annotation { name: "argocd.argoproj.io/sync-wave", value: "-2", reason: "before everything that is in it" };
const ARGOCD_EARLY: Annotation = Annotation {
    name: "argocd.argoproj.io/sync-wave",
    value: "-1",
    reason: "before the workloads: Argo CD applies kinds it does not know last",
};
const ARGOCD_UNKNOWN: Annotation = Annotation {
    name: "argocd.argoproj.io/sync-options",
    value: "SkipDryRunOnMissingResource=true",
    reason: "its kind may be defined in the same sync, by another Application's chart",
};
const FLUX_KEEP: Annotation = Annotation {
    name: "kustomize.toolkit.fluxcd.io/prune",
    value: "disabled",
    reason: "it is not ours: it stays when it leaves the repository",
};
const HELM_KEEP: Annotation = Annotation {
    name: "helm.sh/resource-policy",
    value: "keep",
    reason: "it is not ours: it stays when the release is uninstalled",
};

const SHARED: &str =
    "all controllers of a cluster share it, and its deletion would delete the resources of all: it stays";
const ARGOCD_SHARED: Annotation = Annotation { reason: SHARED, ..ARGOCD_KEEP };
const ARGOCD_BEFORE: Annotation = Annotation { reason: "before the resources of its kind", ..ARGOCD_FIRST };
const FLUX_SHARED: Annotation = Annotation { reason: SHARED, ..FLUX_KEEP };
const HELM_SHARED: Annotation = Annotation { reason: SHARED, ..HELM_KEEP };

/// The annotations of an object with this role.
pub fn annotations(profile: Option<Profile>, role: Role) -> &'static [Annotation] {
    match (profile, role) {
        (Some(Profile::Argocd), Role::Namespace) => &[ARGOCD_KEEP, ARGOCD_FIRST],
        (Some(Profile::Argocd), Role::Definition) => &[ARGOCD_SHARED, ARGOCD_BEFORE],
        (Some(Profile::Argocd), Role::LinkedServiceAccount) => &[ARGOCD_KEEP],
        (Some(Profile::Argocd), Role::Policy) => &[ARGOCD_EARLY],
        (Some(Profile::Argocd), Role::CustomResource) => &[ARGOCD_UNKNOWN, ARGOCD_EARLY],
        (Some(Profile::Flux), Role::Namespace | Role::LinkedServiceAccount) => &[FLUX_KEEP],
        (Some(Profile::Flux), Role::Definition) => &[FLUX_SHARED],
        (Some(Profile::Helm), Role::Namespace | Role::LinkedServiceAccount) => &[HELM_KEEP],
        (Some(Profile::Helm), Role::Definition) => &[HELM_SHARED],
        _ => &[],
    }
}
