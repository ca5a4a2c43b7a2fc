//! The policy that adds the reference to Pods at their creation: a pull secret and its registries in, policy and binding out.

use serde::Serialize;
use serde_json::{Map, Value};

use super::profile::{self, Role};
use crate::docker_config::DockerConfig;
use crate::docker_config::registry::RegistryKey;
use crate::problem::Failure;
use crate::settings::choices::Strategy;
use crate::settings::{PullSecretSettings, Settings};
use crate::templates::Templates;

/// All images of a Pod, spelled out as the kubelet does: `nginx` is `docker.io/library/nginx`.
const IMAGES: &str = "(object.spec.containers + (has(object.spec.initContainers) ? object.spec.initContainers : []))\
.filter(c, has(c.image)).map(c, c.image)\
.map(i, !i.contains('/') ? 'docker.io/library/' + i : (i.split('/')[0].matches('[.:A-Z]') || i.split('/')[0] == 'localhost' ? i : 'docker.io/' + i))\
.map(i, i.startsWith('index.docker.io/') ? i.substring(6) : i)\
.map(i, i.matches('^docker[.]io/[^/]+$') ? 'docker.io/library/' + i.substring(10) : i)";

#[derive(Serialize)]
struct Context<'a> {
    name: &'a str,
    lacks_the_reference: String,
    uses_the_registries: String,
    patch: String,
    operator: Option<&'static str>,
    namespaces: Vec<&'a str>,
}

/// Policy and binding for one pull secret: in its namespaces, or with a patcher in all but the excluded.
///
/// # Errors
/// A template of the user's that makes no object.
pub fn objects(
    pull_secret: &PullSecretSettings,
    docker_config: &DockerConfig,
    settings: &Settings,
    templates: &Templates,
) -> Result<Vec<Map<String, Value>>, Failure> {
    let name = pull_secret.name.as_str();
    let (operator, namespaces) = match settings.combination.strategy {
        Strategy::Static => (Some("In"), pull_secret.namespaces.iter().map(crate::names::Namespace::as_str).collect()),
        Strategy::Patcher => {
            let excluded: Vec<_> = pull_secret.exclude.iter().map(|name| name.trim()).collect();
            ((!excluded.is_empty()).then_some("NotIn"), excluded)
        }
    };
    let value = format!("Object.spec.imagePullSecrets{{name: '{name}'}}");
    let context = Context {
        name,
        lacks_the_reference: format!(
            "!has(object.spec.imagePullSecrets) || !object.spec.imagePullSecrets.exists(s, has(s.name) && s.name == '{name}')"
        ),
        uses_the_registries: format!("{IMAGES}.exists(i, i.matches('{}'))", pattern(docker_config.registries())),
        patch: format!(
            "has(object.spec.imagePullSecrets) \
             ? [JSONPatch{{op: 'add', path: '/spec/imagePullSecrets/-', value: {value}}}] \
             : [JSONPatch{{op: 'add', path: '/spec/imagePullSecrets', value: [{value}]}}]"
        ),
        operator,
        namespaces,
    };
    let mut objects = templates.render("admission-policy.yaml.j2", &context)?;
    for object in &mut objects {
        super::own(object);
        profile::annotate(object, settings.profile, Role::Policy);
    }
    Ok(objects)
}

/// A pattern for the images that any of the keys match, by the kubelet's rules. Only `[.]` needs care: no backslash, no quote.
fn pattern<'a>(keys: impl Iterator<Item = &'a RegistryKey>) -> String {
    let alternatives: Vec<_> = keys
        .map(|key| {
            if key.index() == "index.docker.io" {
                return "docker[.]io/".to_owned();
            }
            let (host, port) = key
                .authority()
                .split_once(':')
                .map_or((key.authority(), String::new()), |(host, port)| (host, format!(":{port}")));
            let host = literal(host).replace('*', "[^./:]*");
            let path = if key.path().is_empty() { "/".to_owned() } else { literal(key.path()).replace('*', "[*]") };
            format!("{host}{port}{path}")
        })
        .collect();
    format!("^({})", alternatives.join("|"))
}

fn literal(text: &str) -> String {
    text.replace('.', "[.]").replace('+', "[+]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_is_that_of_the_kubelets_keys() {
        let keys: Vec<RegistryKey> = ["https://index.docker.io/v1/", "*.ecr.test", "ghcr.io:8443", "quay.io/acme"]
            .iter()
            .map(|key| key.parse().unwrap())
            .collect();
        assert_eq!(pattern(keys.iter()), "^(docker[.]io/|[^./:]*[.]ecr[.]test/|ghcr[.]io:8443/|quay[.]io/acme)");
    }
}
