//! Builds the objects of an in-cluster patcher, which copies one Secret into every namespace.

mod guard;
mod options;

use serde_json::{Value, json};

use super::marks::{Marks, Role};
use super::{Render, Request, Wanted, add, external_secret, pod_policy, source};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Manifests, ObjectTemplate, Place};
use crate::names::{Namespace, ResourceName};
use crate::spec::choice::{Choice, Link, Patcher};

/// The name of its objects. Titansoft's own example has the same name, so objects from that example are taken over, not created twice.
pub const NAME: &str = "imagepullsecret-patcher";

/// A patcher with checked options.
#[derive(Clone, Debug)]
pub struct PatcherSettings {
    /// Which patcher.
    pub patcher: Patcher,
    /// Its namespace.
    pub namespace: Namespace,
    /// Its image.
    pub image: String,
    /// The Secret it copies from.
    pub source: ResourceName,
    /// The pull Secret of the patcher's image.
    pub pull_secret: Option<ResourceName>,
    /// How often it polls.
    pub interval: String,
    /// Whether policies confine it.
    pub guard: Guard,
    /// Namespaces that it leaves out, in the form that its image understands: names, or globs.
    pub exclude: Vec<String>,
    /// The ServiceAccounts that it links: an empty list means all, `None` means none.
    pub service_accounts: Option<Vec<ResourceName>>,
}

/// Whether the policies that confine the patcher are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Yes: for Kubernetes 1.30 and later.
    Confined,
    /// No: the cluster is too old.
    Unconfined,
}

impl PatcherSettings {
    /// A warning about an image without a digest or a fixed tag, which may change at each pull.
    pub fn image_warning(&self) -> Option<Diagnostic> {
        let name = self.image.rsplit('/').next().unwrap_or_default();
        let is_pinned = name.contains('@') || (name.contains(':') && !name.ends_with(":latest"));
        let message =
            "the image of the patcher may be another one at each pull, and it may write Secrets in every namespace";
        (!is_pinned).then(|| {
            Diagnostic::warning(Code::ImageWithoutDigest, message)
                .hint("pin an image that you have checked: --patcher-image IMAGE@sha256:…")
        })
    }

    /// A warning about a patcher whose account can read every Secret.
    pub fn rights_warning(&self) -> Option<Diagnostic> {
        let message = "tamcore's patcher watches Secrets, so its account can read every Secret of the cluster";
        (self.patcher == Patcher::Tamcore).then(|| {
            Diagnostic::warning(Code::PatcherReadsEverySecret, message)
                .hint("with --patcher titansoft, the account can read the Secrets of one name")
        })
    }

    /// The name of its cluster-wide objects, different for each patcher of a cluster.
    fn cluster_name(&self) -> String {
        if self.namespace.as_str() == NAME { NAME.to_owned() } else { format!("{NAME}-{}", self.namespace) }
    }

    /// The values that the patcher's templates may use.
    fn context(&self, secret: &ResourceName, owner: &str) -> Value {
        let guard = guard::guard(self, secret, owner);
        json!({
            "patcher": self.patcher.name(),
            "name": NAME,
            "namespace": self.namespace,
            "cluster_name": self.cluster_name(),
            "user": guard::user(self),
            "image": self.image,
            "pull_secret": self.pull_secret,
            "secret": secret,
            "source": self.source,
            "directory": options::DIRECTORY,
            "linked": self.service_accounts,
            "options": options::options(self, secret),
            "secret_rules": guard.secret_rules(),
            "service_account_rules": guard.service_account_rules(),
        })
    }
}

/// First the policies that confine the patcher, because a policy takes up to a second to act. Then its Namespace, its account with its
/// rights, the source Secret and the Deployment.
///
/// # Errors
/// The errors of `templates`.
pub(super) fn build<R: Render>(
    patcher: &PatcherSettings,
    secret: &Wanted<'_>,
    request: &Request<'_>,
    templates: &R,
) -> Result<Manifests, R::Error> {
    let context = patcher.context(secret.name, &request.marks.owner);
    let objects = |template, role| Ok(request.marks.dress(templates.render(template, &context)?, role));
    let mut manifests = match patcher.guard {
        Guard::Confined => self::guard(patcher, secret.name, &request.marks, templates)?,
        Guard::Unconfined => Manifests::default(),
    };
    // We write the Namespace, but never delete it: `--patcher-namespace` may name a namespace that others use, and their objects would be
    // deleted with it. We delete our objects there one by one; an empty namespace costs nothing.
    add(objects("patcher-namespace.yaml.j2", Role::Namespace)?, &mut manifests);
    let template = match patcher.patcher {
        Patcher::Titansoft => "patcher-titansoft-access.yaml.j2",
        Patcher::Tamcore => "patcher-tamcore-access.yaml.j2",
    };
    add(objects(template, Role::Owned)?, &mut manifests);
    if request.link == Link::Policy {
        add(pod_policy::objects(secret, request, templates)?, &mut manifests);
    }
    let place = Place::Fixed(patcher.namespace.clone());
    if let Some(external) = secret.external {
        add(external_secret::in_cluster(request, templates)?, &mut manifests);
        let source = std::iter::once((&patcher.source, external));
        for object in external_secret::in_namespace(source, &request.marks, templates)? {
            manifests.once(ObjectTemplate::plain(object, place.clone()));
        }
    } else {
        let source = source(&patcher.source, secret.docker_config.to_json(), &request.marks);
        manifests.once(ObjectTemplate::sensitive(source, place));
    }
    add(objects("patcher-deployment.yaml.j2", Role::Owned)?, &mut manifests);
    Ok(manifests)
}

/// Only the policies that confine a patcher: for a patcher that a third-party chart deploys under the same name.
///
/// # Errors
/// The errors of `templates`.
pub fn guard<R: Render>(
    patcher: &PatcherSettings,
    secret: &ResourceName,
    marks: &Marks,
    templates: &R,
) -> Result<Manifests, R::Error> {
    let mut manifests = Manifests::default();
    let objects = templates.render("patcher-guard.yaml.j2", &patcher.context(secret, &marks.owner))?;
    add(marks.dress(objects, Role::Policy), &mut manifests);
    Ok(manifests)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn settings(patcher: Patcher, service_accounts: Option<Vec<ResourceName>>) -> PatcherSettings {
        PatcherSettings {
            patcher,
            namespace: "pulls".parse().unwrap(),
            image: "registry.test/patcher@sha256:0".to_owned(),
            source: "source".parse().unwrap(),
            pull_secret: None,
            interval: "1m".to_owned(),
            guard: Guard::Confined,
            exclude: Vec::new(),
            service_accounts,
        }
    }

    #[test]
    fn two_patchers_in_one_cluster_share_no_object() {
        let mut settings = settings(Patcher::Titansoft, Some(Vec::new()));
        assert_eq!(settings.cluster_name(), "imagepullsecret-patcher-pulls");
        settings.namespace = NAME.parse().unwrap();
        assert_eq!(settings.cluster_name(), NAME);
    }

    #[test]
    fn an_object_goes_into_the_namespace_that_it_names() {
        let mut manifests = Manifests::default();
        let object = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "pulls"}});
        add(object.as_object().cloned(), &mut manifests);
        let namespace = manifests.iter().next().unwrap().namespace();
        assert_eq!(namespace, Some(&"pulls".parse().unwrap()));
    }
}
