//! Values for empathyco's chart of titansoft's patcher: the options in, values out, and the source Secret by itself.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::image::Image;
use super::{RESTRICTED, Reference, SecurityContext, references};
use crate::files::stream::{self, Form};
use crate::protect::{Documents, Protector};
use crate::resources::patcher::NAME;
use crate::resources::profile::{self, Role};
use crate::settings::patcher::{Accounts, PatcherSettings};
use crate::settings::{CreateNamespaces, PullSecretSettings, Settings};
use crate::templates::Templates;
use regcred_core::diagnostic::Failure;
use regcred_core::docker_config::DockerConfig;
use regcred_core::manifest::{Manifests, ObjectTemplate, Place, to_yaml};
use regcred_core::names::ResourceName;

/// The values; no secret is among them.
///
/// # Errors
/// The serializer's.
pub fn write(pull_secret: &PullSecretSettings, patcher: &PatcherSettings) -> io::Result<Zeroizing<Vec<u8>>> {
    let (all_service_accounts, service_accounts) = match &patcher.service_accounts {
        Accounts::All => (true, &[][..]),
        Accounts::None => (false, &[][..]),
        Accounts::Named(names) => (false, names.as_slice()),
    };
    let values = Values {
        fullname_override: NAME,
        image: Image::of(patcher),
        image_pull_secrets: references(patcher),
        conf: Options {
            secret_name: &pull_secret.name,
            force: true,
            managedonly: false,
            runone: false,
            all_service_accounts,
            service_accounts,
            excluded_namespaces: excluded(patcher),
            interval: &patcher.interval,
        },
        security_context: RESTRICTED,
        node_selector: BTreeMap::from([("kubernetes.io/arch", "amd64")]),
    };
    Ok(Zeroizing::new(to_yaml(&values)?.as_bytes().to_vec()))
}

/// The source Secret, in the namespace of the release: to be applied before it.
///
/// # Errors
/// A template of the user's that makes no Namespace.
pub fn secret(
    settings: &Settings,
    pull_secret: &PullSecretSettings,
    patcher: &PatcherSettings,
    docker_config: &DockerConfig,
    templates: &Templates,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut manifests = Manifests::default();
    if settings.create_namespaces == CreateNamespaces::First {
        let mut objects = templates.render("namespace.yaml.j2", &json!({}))?;
        for object in &mut objects {
            profile::annotate(object, settings.profile, Role::Namespace);
        }
        let blueprints = objects.into_iter().map(|object| ObjectTemplate::plain(object, Place::Itself)).collect();
        manifests.each(vec![blueprints], vec![(patcher.namespace.clone(), 0)]);
    }
    let secret = crate::resources::pull_secret(&pull_secret.name, Arc::new(docker_config.to_json()), settings.profile);
    manifests.once(ObjectTemplate::sensitive(secret, Place::Fixed(patcher.namespace.clone())));
    let mut bytes = Zeroizing::new(Vec::new());
    stream::write(&Documents::new(manifests, Protector::Plain), Form::Yaml, &mut *bytes)
        .map_err(|error| crate::files::failure(&error, "the Secret"))?;
    Ok(bytes)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Values<'a> {
    /// The chart's ServiceAccount has this name, whatever the release is called: the guard knows it by that.
    fullname_override: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Image<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    image_pull_secrets: Vec<Reference<'a>>,
    conf: Options<'a>,
    security_context: SecurityContext,
    /// The image has no other architecture.
    node_selector: BTreeMap<&'static str, &'static str>,
}

/// The chart's own spelling, `runone` and all.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the chart's options")]
struct Options<'a> {
    #[serde(rename = "secretName")]
    secret_name: &'a ResourceName,
    force: bool,
    /// The image does the opposite of what this says: <https://github.com/titansoft-pte-ltd/imagepullsecret-patcher/issues/35>.
    managedonly: bool,
    runone: bool,
    all_service_accounts: bool,
    service_accounts: &'a [ResourceName],
    excluded_namespaces: Vec<&'a str>,
    /// With its unit: without one the image takes 10s, whatever the number.
    interval: &'a str,
}

/// The source and the copies have one name in this chart, so that the patcher would overwrite its own source.
fn excluded(patcher: &PatcherSettings) -> Vec<&str> {
    let mut names = vec![patcher.namespace.as_str()];
    for name in &patcher.exclude {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names
}
