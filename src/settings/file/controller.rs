//! Describes the section `controller` of regcred.yaml.

use schemars::JsonSchema;
use serde::Deserialize;

use regcred_core::names::{Namespace, ResourceName};

/// The controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct ControllerSpec {
    /// Its namespace; `regcred-system` if left out.
    pub namespace: Option<Namespace>,
    /// Its image.
    pub image: Option<String>,
    /// How many Pods of it run; 2 if left out.
    pub replicas: Option<u32>,
    /// The oldest version of Kubernetes that it is for, such as `1.33`.
    pub kube_version: Option<String>,
    /// Whether custom resources say what it does, within what this file permits.
    pub crd: bool,
    /// Whether it evicts Pods that fail to pull because they were created without the reference.
    pub restart_stuck_pods: bool,
    /// How often it asks the registries about each login, such as `1h`; never if left out.
    pub check_online: Option<String>,
    /// Globs of the registries that custom resources may name, and that may be asked; the registries of the logins if left out.
    pub registries: Vec<String>,
    /// More Secrets in its namespace that custom resources may name.
    pub secrets: Vec<ResourceName>,
}
