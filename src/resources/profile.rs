//! What the tool that applies our objects wants to read on them: a profile and an object's role in, annotations out.

use serde_json::{Map, Value, json};

use crate::settings::choices::Profile;

/// What an object is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A Namespace: never ours to delete.
    Namespace,
    /// A ServiceAccount that others may own: never ours to delete.
    LinkedServiceAccount,
    /// An admission policy: before the workloads it is for.
    Policy,
    /// A SealedSecret: of a kind that its controller brings with it, and before the workloads that use its Secret.
    SealedSecret,
    /// A Secret or other object of ours.
    Owned,
}

/// One annotation, with its reason for the documentation.
#[derive(Clone, Copy, Debug)]
pub struct Annotation {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: &'static str,
    /// Why it is there.
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
const ARGOCD_BEFORE_ITS_KIND: Annotation = Annotation {
    name: "argocd.argoproj.io/sync-options",
    value: "SkipDryRunOnMissingResource=true",
    reason: "the same sync may bring the controller, and with it the kind",
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

/// The annotations of an object with this role.
#[must_use]
pub fn annotations(profile: Option<Profile>, role: Role) -> &'static [Annotation] {
    match (profile, role) {
        (Some(Profile::Argocd), Role::Namespace) => &[ARGOCD_KEEP, ARGOCD_FIRST],
        (Some(Profile::Argocd), Role::LinkedServiceAccount) => &[ARGOCD_KEEP],
        (Some(Profile::Argocd), Role::Policy) => &[ARGOCD_EARLY],
        (Some(Profile::Argocd), Role::SealedSecret) => &[ARGOCD_BEFORE_ITS_KIND, ARGOCD_EARLY],
        (Some(Profile::Flux), Role::Namespace | Role::LinkedServiceAccount) => &[FLUX_KEEP],
        (Some(Profile::Helm), Role::Namespace | Role::LinkedServiceAccount) => &[HELM_KEEP],
        _ => &[],
    }
}

/// Puts them on the object.
pub fn annotate(object: &mut Map<String, Value>, profile: Option<Profile>, role: Role) {
    for annotation in annotations(profile, role) {
        object.entry("metadata").or_insert_with(|| json!({}))["annotations"][annotation.name] = json!(annotation.value);
    }
}
