//! Renders the values of third-party charts with the templates in `templates/values`.

use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::files::stream::{Shown, show};
use crate::settings::patcher::{PatcherSettings, default_image};
use crate::settings::{PullSecretSettings, Settings};
use crate::templates;
use regcred_core::diagnostic::Failure;
use regcred_core::docker_config::Logins;
use regcred_core::manifest::to_yaml;
use regcred_core::objects::{self, patcher};

const TAMCORE: (&str, &str) = ("tamcore.yaml.j2", include_str!("../../../templates/values/tamcore.yaml.j2"));
const EMPATHYCO: (&str, &str) = ("empathyco.yaml.j2", include_str!("../../../templates/values/empathyco.yaml.j2"));

/// The values for tamcore's chart, with the source Secret.
pub(super) fn tamcore(
    settings: &Settings,
    pull_secret: &PullSecretSettings,
    patcher: &PatcherSettings,
    docker_config: &Logins,
    shown: Shown,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut values = values(TAMCORE, settings, pull_secret, patcher)?;
    // A template never sees a secret.
    if let Some(data) = values.get_mut("extraObjects").and_then(|objects| objects[0].get_mut("data")) {
        data[".dockerconfigjson"] = json!(*show(&docker_config.to_base64(), shown));
    }
    yaml(&values)
}

/// The values for empathyco's chart of titansoft's patcher.
pub(super) fn empathyco(
    settings: &Settings,
    pull_secret: &PullSecretSettings,
    patcher: &PatcherSettings,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    yaml(&values(EMPATHYCO, settings, pull_secret, patcher)?)
}

fn values(
    (name, template): (&str, &str),
    settings: &Settings,
    pull_secret: &PullSecretSettings,
    patcher: &PatcherSettings,
) -> Result<Map<String, Value>, Failure> {
    let source = objects::source(&patcher.source, SecretString::default(), &settings.marks());
    let context = json!({
        "secret_name": pull_secret.name,
        "service_accounts": patcher.service_accounts.as_deref().unwrap_or_default(),
        "patcher": {
            "name": patcher::NAME,
            "source": patcher.source,
            // Without its Docker config.
            "source_secret": source.object(None),
            "image": Image::of(patcher),
            "pull_secret": patcher.pull_secret,
            "exclude": patcher.exclude,
            "interval": patcher.interval,
            "all_service_accounts": patcher.service_accounts.as_ref().is_some_and(Vec::is_empty),
        },
    });
    templates::values::render(name, template.to_owned(), &context).map(|(_, values)| values)
}

fn yaml(values: &Map<String, Value>) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let text = to_yaml(values).map_err(|error| crate::files::failure(error, "the values"))?;
    Ok(Zeroizing::new(text.as_bytes().to_vec()))
}

/// An image's name as charts want it, in two parts around a colon; the registry is part of the repository.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Image<'a> {
    repository: &'a str,
    tag: &'a str,
}

impl<'a> Image<'a> {
    /// The image, if the user named one instead of the chart's own.
    fn of(patcher: &'a PatcherSettings) -> Option<Self> {
        (patcher.image != default_image(patcher.patcher)).then(|| Self::split(&patcher.image))
    }

    /// Splits at the first colon in the last part of the path: the colon before a tag, or in the digest of `name@sha256:…`.
    fn split(image: &'a str) -> Self {
        let name = image.rfind('/').map_or(0, |slash| slash + 1);
        let (repository, tag) = match image[name..].find(':') {
            Some(colon) => (&image[..name + colon], &image[name + colon + 1..]),
            None => (image, "latest"),
        };
        Self { repository, tag }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_an_image_joined_by_a_colon_are_the_image() {
        for image in ["r.test:5000/a/b:v1", "a@sha256:00ff", "r.test/a:v1@sha256:00ff", "localhost:5000/a:1"] {
            let Image { repository, tag } = Image::split(image);
            assert_eq!(format!("{repository}:{tag}"), image);
        }
        assert_eq!(Image::split("r.test:5000/a"), Image { repository: "r.test:5000/a", tag: "latest" });
    }
}
