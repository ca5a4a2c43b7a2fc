//! Declares the object of regcred.yaml. The same types give its JSON Schema.

mod controller;
mod document;
mod faults;
mod form;
mod globs;
mod load;
mod login;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use regcred_core::names::{AccountName, Namespace, NamespacePattern, ResourceName};
use regcred_core::spec::SECRET_NAME;
use regcred_core::spec::choice::{Format, Link, Patcher, Profile, Protect, SealingScope, Strategy};
use regcred_core::spec::external::written::External;

pub use controller::ControllerSpec;
pub use globs::{globs, longest_list};
pub use load::{NAME, Which, load, parse, parse_function_config};
pub use login::{Login, Place, UserName, Variable};

/// Pull secrets: their logins, their namespaces, and how they are delivered.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(title = "RegistryCredentials")]
pub struct File {
    /// Always `regcred.dev/v1alpha1`.
    pub api_version: ApiVersion,
    /// Always `RegistryCredentials`.
    pub kind: Kind,
    /// The object's name, and the annotation that keeps it out of a cluster.
    pub metadata: Metadata,
    /// The answers.
    pub spec: Spec,
}

impl File {
    /// The file with each path joined to `folder`, in which the file is.
    #[must_use]
    pub fn located(mut self, folder: &Path) -> Self {
        let clusters = self.spec.clusters.iter_mut().map(|cluster| &mut cluster.sealing);
        for sealing in clusters.chain([&mut self.spec.sealing]) {
            sealing.certificate = sealing.certificate.take().map(|path| folder.join(path));
        }
        self
    }
}

/// The version of this form.
#[derive(Debug, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The first.
    #[serde(rename = "regcred.dev/v1alpha1")]
    V1Alpha1,
}

/// The kind of the object.
#[derive(Debug, Deserialize, JsonSchema)]
pub enum Kind {
    /// The only one.
    RegistryCredentials,
}

/// The metadata of the object.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// The owner of the objects.
    pub name: ResourceName,
    /// For example `config.kubernetes.io/local-config: "true"`.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// What a user chooses; each field is the flag of the same name.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Spec {
    /// How the Secrets get there.
    pub strategy: Option<Strategy>,
    /// How pods find them.
    pub link: Option<Link>,
    /// How Secrets in files are protected.
    pub protect: Option<Protect>,
    /// The certificate for `protect: sealed`.
    pub sealing: SealingSpec,
    /// The form of the output.
    pub format: Option<Format>,
    /// The tool whose annotations are added.
    pub profile: Option<Profile>,
    /// Whether Namespace objects are written first.
    pub create_namespaces: bool,
    /// The pull secrets, at least one.
    pub pull_secrets: Vec<PullSecret>,
    /// The controller, for `strategy: controller`.
    pub controller: ControllerSpec,
    /// The in-cluster patcher.
    pub patcher: PatcherSpec,
    /// The clusters, each with its own folder under `--output`.
    pub clusters: Vec<Cluster>,
}

/// A cluster, and what differs there. Fields that are left out come from above.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Cluster {
    /// The name of the cluster and of its folder.
    pub name: ResourceName,
    /// The context of the kubeconfig, for commands that reach the cluster.
    pub context: Option<String>,
    /// The variable that holds the kubeconfig or its path; KUBECONFIG if left out.
    pub kubeconfig: Option<Variable>,
    /// How the Secrets get there.
    pub strategy: Option<Strategy>,
    /// How pods find them.
    pub link: Option<Link>,
    /// How Secrets in files are protected.
    pub protect: Option<Protect>,
    /// The certificate of this cluster, for `protect: sealed`.
    #[serde(default)]
    pub sealing: SealingSpec,
    /// The form of the files in its folder.
    pub format: Option<Format>,
    /// The tool whose annotations are added.
    pub profile: Option<Profile>,
    /// Whether Namespace objects are written first.
    pub create_namespaces: Option<bool>,
    /// The namespaces of all its pull secrets, except those with their own namespaces here.
    pub namespaces: Option<Namespaces>,
    /// Its only pull secrets. Fields that are left out come from the one with the same name above.
    pub pull_secrets: Option<Vec<PullSecret>>,
    /// The in-cluster patcher.
    pub patcher: Option<PatcherSpec>,
}

/// The certificate for `protect: sealed`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct SealingSpec {
    /// The file with the certificate of the cluster's controller, relative to the folder of regcred.yaml.
    pub certificate: Option<PathBuf>,
    /// The name to which a sealed value is bound; `strict` if left out.
    pub scope: Option<SealingScope>,
}

/// One pull secret.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct PullSecret {
    /// Name of the Secret; `image-pull-secret` if left out.
    pub name: Option<ResourceName>,
    /// Its logins; the Docker config in DOCKERHUB_AUTH if left out.
    pub logins: Vec<Login>,
    /// The store of its logins, for `protect: external`, which does not read `logins`.
    pub external: Option<External>,
    /// Its namespaces.
    pub namespaces: Namespaces,
    /// The ServiceAccounts that refer to it; `default` if left out.
    pub service_accounts: Vec<AccountName>,
    /// Other references that those ServiceAccounts keep.
    pub also_reference: Vec<ResourceName>,
}

impl PullSecret {
    pub(super) fn secret_name(&self) -> &str {
        self.name.as_ref().map_or(SECRET_NAME, ResourceName::as_str)
    }
}

/// Names and globs of namespaces.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Namespaces {
    /// Namespaces to serve; a glob chooses from `--namespaces-from`.
    pub include: Vec<NamespacePattern>,
    /// Namespaces to leave out.
    pub exclude: Vec<NamespacePattern>,
    /// Labels that they must have, as for kubectl; only `regcred controller` reads it.
    pub selector: Option<String>,
}

impl Namespaces {
    /// Whether it says nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty() && self.selector.is_none()
    }
}

/// The in-cluster patcher.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct PatcherSpec {
    /// The kind of patcher.
    pub kind: Option<Patcher>,
    /// Its namespace.
    pub namespace: Option<Namespace>,
    /// Its image.
    pub image: Option<String>,
    /// The Secret that the patcher copies.
    pub source_secret_name: Option<ResourceName>,
    /// The pull Secret of the patcher's image.
    pub pull_secret: Option<ResourceName>,
    /// How often the patcher polls, a Go duration.
    pub interval: Option<String>,
    /// Whether the namespaces of Kubernetes are left out, in addition to `exclude`.
    pub default_excludes: bool,
    /// Whether the policies that confine the patcher are written.
    pub guard: bool,
}

impl Default for PatcherSpec {
    fn default() -> Self {
        Self {
            kind: None,
            namespace: None,
            image: None,
            source_secret_name: None,
            pull_secret: None,
            interval: None,
            default_excludes: true,
            guard: true,
        }
    }
}
