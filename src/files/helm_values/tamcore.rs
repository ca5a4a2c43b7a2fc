//! Values for tamcore's chart of its patcher: the options and a Docker config in, values with the source Secret out.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::image::Image;
use super::{RESTRICTED, Reference, SecurityContext, references};
use crate::files::chart::literal;
use crate::files::stream::{Shown, show};
use crate::resources::{self, patcher::NAME};
use crate::settings::patcher::{Accounts, PatcherSettings};
use crate::settings::{PullSecretSettings, Settings};
use regcred_core::docker_config::DockerConfig;
use regcred_core::manifest::to_yaml;
use regcred_core::names::ResourceName;

const VOLUME: &str = "source";
const FOLDER: &str = "/secrets";

/// The values.
///
/// # Errors
/// The serializer's.
pub fn write(
    settings: &Settings,
    pull_secret: &PullSecretSettings,
    patcher: &PatcherSettings,
    docker_config: &DockerConfig,
    shown: Shown,
) -> io::Result<Zeroizing<Vec<u8>>> {
    let source = resources::pull_secret(&patcher.source, Arc::new(docker_config.to_json()), settings.profile);
    let mut source = serde_json::to_value(source.object(None))?;
    source["data"][".dockerconfigjson"] = json!(*show(&docker_config.to_base64(), shown));
    let values = Values {
        fullname_override: NAME,
        image: Image::of(patcher).map(|image| WholeImage { registry: "", image }),
        image_pull_secrets: references(patcher),
        security_context: RESTRICTED,
        env: environment(pull_secret, patcher),
        volumes: [Volume { name: VOLUME, secret: Source { secret_name: &patcher.source } }],
        volume_mounts: [Mount { name: VOLUME, path: FOLDER, read_only: true }],
        extra_objects: [source],
    };
    Ok(Zeroizing::new(to_yaml(&values)?.as_bytes().to_vec()))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Values<'a> {
    /// The chart's ServiceAccount has this name, whatever the release is called: the guard knows it by that.
    fullname_override: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<WholeImage<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    image_pull_secrets: Vec<Reference<'a>>,
    security_context: SecurityContext,
    env: BTreeMap<&'static str, String>,
    volumes: [Volume<'a>; 1],
    volume_mounts: [Mount; 1],
    /// The source Secret is here and not beside: so it goes where the release goes, before the Deployment, with no step of
    /// its own. The chart's template for these eats the line end after `---`, which Helm's reader takes, before a
    /// post-renderer too; and it evaluates nothing in them.
    extra_objects: [Value; 1],
}

/// The chart puts a registry of its own before the repository, unless this says that there is none.
#[derive(Serialize)]
struct WholeImage<'a> {
    registry: &'static str,
    #[serde(flatten)]
    image: Image<'a>,
}

#[derive(Serialize)]
struct Volume<'a> {
    name: &'static str,
    secret: Source<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Source<'a> {
    secret_name: &'a ResourceName,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Mount {
    name: &'static str,
    #[serde(rename = "mountPath")]
    path: &'static str,
    read_only: bool,
}

/// The patcher's options. The chart evaluates each as a template, and takes only strings.
fn environment(pull_secret: &PullSecretSettings, patcher: &PatcherSettings) -> BTreeMap<&'static str, String> {
    let accounts = match &patcher.service_accounts {
        Accounts::All => "*".to_owned(),
        Accounts::None => String::new(),
        Accounts::Named(names) => names.iter().map(ResourceName::as_str).collect::<Vec<_>>().join(","),
    };
    [
        ("CONFIG_DOCKERCONFIGJSONPATH", format!("{FOLDER}/.dockerconfigjson")),
        // The list replaces the chart's own, and is compared without trimming.
        ("CONFIG_EXCLUDED_NAMESPACES", patcher.exclude.join(",")),
        ("CONFIG_EXCLUDE_ANNOTATION", "k8s.titansoft.com/imagepullsecret-patcher-exclude".to_owned()),
        ("CONFIG_SECRETNAME", pull_secret.name.to_string()),
        ("CONFIG_SERVICEACCOUNTS", accounts),
        // Else a rotation is seen at the next start only.
        ("CONFIG_WATCH_DOCKERCONFIGJSONPATH", "true".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name, literal(&value)))
    .collect()
}
