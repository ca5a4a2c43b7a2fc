//! The policy that adds the reference to Pods at their creation: a pull secret and its registries in, policy and binding out.

use serde::Serialize;
use serde_json::{Map, Value};

use super::profile::{self, Role};
use crate::settings::{PullSecretSettings, Settings};
use crate::templates::Templates;
use regcred_core::diagnostic::Failure;
use regcred_core::docker_config::Logins;
use regcred_core::docker_config::registry::RegistryKey;
use regcred_core::names::Namespace;

/// All images of a Pod, those of its volumes too, spelled out as the kubelet does: `nginx` is `docker.io/library/nginx`.
const IMAGES: &str = "(object.spec.containers.filter(c, has(c.image)).map(c, c.image) \
+ (has(object.spec.initContainers) ? object.spec.initContainers.filter(c, has(c.image)).map(c, c.image) : []) \
+ (has(object.spec.volumes) ? object.spec.volumes.filter(v, has(v.image) && has(v.image.reference)).map(v, v.image.reference) : []))\
.map(i, !i.contains('/') ? 'docker.io/library/' + i : (i.split('/')[0].matches('[.:A-Z]') || i.split('/')[0] == 'localhost' ? i : 'docker.io/' + i))\
.map(i, i.startsWith('index.docker.io/') ? i.substring(6) : i)\
.map(i, i.matches('^docker[.]io/[^/]+$') ? 'docker.io/library/' + i.substring(10) : i)";

/// What comes before the only thing that depends on the logins: the condition on their registries, which is the rest of its string.
#[must_use]
pub fn before_the_registries() -> String {
    format!("{IMAGES}.exists(i, ")
}

#[derive(Serialize)]
struct Context<'a> {
    name: &'a str,
    lacks_the_reference: String,
    uses_the_registries: String,
    patch: String,
    operator: &'static str,
    namespaces: Vec<&'a str>,
}

/// Policy and binding for one pull secret: in its namespaces, or with a patcher in all but the excluded.
///
/// # Errors
/// A template of the user's that makes no object.
pub fn objects(
    pull_secret: &PullSecretSettings,
    docker_config: &Logins,
    settings: &Settings,
    templates: &Templates,
) -> Result<Vec<Map<String, Value>>, Failure> {
    let name = pull_secret.name.as_str();
    let (operator, namespaces) = match &settings.patcher {
        None => ("In", pull_secret.namespaces.iter().map(Namespace::as_str).collect()),
        Some(patcher) => ("NotIn", patcher.exclude.iter().map(String::as_str).collect()),
    };
    let value = format!("Object.spec.imagePullSecrets{{name: '{name}'}}");
    let context = Context {
        name,
        lacks_the_reference: format!(
            "!has(object.spec.imagePullSecrets) || !object.spec.imagePullSecrets.exists(s, has(s.name) && s.name == '{name}')"
        ),
        uses_the_registries: format!("{}{})", before_the_registries(), condition(docker_config.registries())),
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

/// Whether any of the keys matches the image `i`, by the kubelet's rules.
///
/// Prefixes, as a long pattern for each image of a large Pod would cost more than the API server grants; a pattern for globs.
fn condition<'a>(keys: impl Iterator<Item = &'a RegistryKey>) -> String {
    // A kubelet cuts tag and digest off an image, so that a key with one matches nothing.
    let (globs, plain): (Vec<_>, Vec<_>) =
        keys.filter(|key| !key.path().contains([':', '@'])).partition(|key| key.authority().contains('*'));
    let mut patterns: Vec<_> = globs.into_iter().map(pattern).collect();
    if plain.iter().any(|key| is_docker_hub(key)) {
        // A kubelet falls back to Docker Hub's login for a host without dot and port, such as `localhost`.
        patterns.push("[^./:]+/".to_owned());
    }
    let prefixes: Vec<_> = plain.into_iter().map(|key| format!("'{}'", prefix(key))).collect();
    let mut alternatives = Vec::new();
    if !prefixes.is_empty() {
        alternatives.push(format!("[{}].exists(p, i.startsWith(p))", prefixes.join(", ")));
    }
    if !patterns.is_empty() {
        alternatives.push(format!("i.matches('^({})')", patterns.join("|")));
    }
    if alternatives.is_empty() { "false".to_owned() } else { alternatives.join(" || ") }
}

/// How every image begins that the key matches.
fn prefix(key: &RegistryKey) -> String {
    if is_docker_hub(key) {
        return "docker.io/".to_owned();
    }
    format!("{}{}", key.authority(), if key.path().is_empty() { "/" } else { key.path() })
}

fn is_docker_hub(key: &RegistryKey) -> bool {
    key.index() == "index.docker.io"
}

/// The same for a key with a glob in its host. Only these characters need care: a key has no backslash and no quote.
fn pattern(key: &RegistryKey) -> String {
    let host = literal(key.authority()).replace('*', "[^./:]*");
    let path = if key.path().is_empty() { "/".to_owned() } else { literal(key.path()).replace('*', "[*]") };
    format!("{host}{path}")
}

fn literal(text: &str) -> String {
    text.replace('.', "[.]").replace('+', "[+]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(keys: &[&str]) -> String {
        let keys: Vec<RegistryKey> = keys.iter().map(|key| key.parse().unwrap()).collect();
        condition(keys.iter())
    }

    #[test]
    fn the_condition_is_that_of_the_kubelets_keys() {
        for (keys, expected) in [
            (
                &["https://index.docker.io/v1/"][..],
                "['docker.io/'].exists(p, i.startsWith(p)) || i.matches('^([^./:]+/)')",
            ),
            (&["ghcr.io:8443", "quay.io/acme"], "['ghcr.io:8443/', 'quay.io/acme'].exists(p, i.startsWith(p))"),
            (&["*.ecr.test", "*.io:80/a*"], "i.matches('^([^./:]*[.]ecr[.]test/|[^./:]*[.]io:80/a[*])')"),
            (&["a.io", "*.io"], "['a.io/'].exists(p, i.startsWith(p)) || i.matches('^([^./:]*[.]io/)')"),
            (&["a.io/x:1"], "false"),
        ] {
            assert_eq!(conditions(keys), expected);
        }
    }
}
