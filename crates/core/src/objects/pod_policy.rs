//! Builds the policy that adds the reference to Pods when they are created.

use serde_json::{Value, json};

use super::at_creation::{self, List};
use super::marks::Role;
use super::{Object, Part, Request, Restyle, Wanted};
use crate::docker_config::Logins;
use crate::docker_config::registry::RegistryKey;
use crate::names::{Namespace, ResourceName};

/// All images of a Pod, also of its volumes, in the kubelet's long form: `nginx` is `docker.io/library/nginx`.
const IMAGES: &str = "(object.spec.containers.filter(c, has(c.image)).map(c, c.image) \
+ (has(object.spec.initContainers) ? object.spec.initContainers.filter(c, has(c.image)).map(c, c.image) : []) \
+ (has(object.spec.volumes) ? object.spec.volumes.filter(v, has(v.image) && has(v.image.reference)).map(v, v.image.reference) : []))\
.map(i, !i.contains('/') ? 'docker.io/library/' + i : (i.split('/')[0].matches('[.:A-Z]') || i.split('/')[0] == 'localhost' ? i : 'docker.io/' + i))\
.map(i, i.startsWith('index.docker.io/') ? i.substring(6) : i)\
.map(i, i.matches('^docker[.]io/[^/]+$') ? 'docker.io/library/' + i.substring(10) : i)";

/// The API server forbids references on the mirror Pod of a static Pod.
const NOT_A_MIRROR_POD: &str =
    "!has(object.metadata.annotations) || !('kubernetes.io/config.mirror' in object.metadata.annotations)";

/// The beginning of the only condition that depends on the logins; the rest of its string is about their registries.
pub fn before_the_registries() -> String {
    format!("{IMAGES}.exists(i, ")
}

/// Policy and binding for one pull secret: for its namespaces, or with a patcher for all except the excluded ones.
///
/// # Errors
/// The errors of `restyle`.
pub fn objects<R: Restyle>(secret: &Wanted<'_>, request: &Request<'_>, restyle: &R) -> Result<Vec<Object>, R::Error> {
    let (operator, namespaces): (_, Vec<&str>) = match request.patcher {
        None => ("In", secret.namespaces.iter().map(Namespace::as_str).collect()),
        // Only this operator allows an empty list.
        Some(patcher) if patcher.exclude.is_empty() => ("Exists", Vec::new()),
        Some(patcher) => ("NotIn", patcher.exclude.iter().map(String::as_str).collect()),
    };
    let name = name(secret.name, &request.marks.owner);
    let policy = policy(&name, (secret.name, Some(secret.docker_config)), |patch| patch);
    let names = [json!({"key": "kubernetes.io/metadata.name", "operator": operator, "values": namespaces})];
    let matched = json!({
        "matchPolicy": "Equivalent", "objectSelector": {}, "namespaceSelector": {"matchExpressions": names},
    });
    let condition = |number: usize| &policy["spec"]["matchConditions"][number]["expression"];
    let context = json!({
        "name": name, "lacks_the_reference": condition(1), "uses_the_registries": condition(2),
        "patch": policy["spec"]["mutations"][0]["jsonPatch"]["expression"],
        "operator": operator, "namespaces": namespaces,
    });
    let part = Part::new(
        "admission-policy.yaml.j2",
        context,
        [policy, binding("MutatingAdmissionPolicyBinding", &name, json!({"matchResources": matched}))],
    );
    Ok(request.marks.dress(restyle.restyle(part)?, Role::Policy).collect())
}

/// The name contains the owner, so that two owners have two policies for Secrets of the same name.
pub(crate) fn name(secret: &ResourceName, owner: &str) -> String {
    if owner == secret.as_str() { owner.to_owned() } else { format!("{owner}.{secret}") }
}

/// Builds the policy, which adds the reference to a Pod with an image of these logins, or to every Pod if the logins are not fixed.
/// `patch` may change the plain patch.
pub(crate) fn policy(
    name: &str,
    (secret, logins): (&ResourceName, Option<&Logins>),
    patch: impl FnOnce(String) -> String,
) -> Value {
    let list = List { field: "spec.imagePullSecrets", secret };
    let lacks_it = list.lacks_it();
    let uses_the_registries =
        logins.map(|logins| format!("{}{})", before_the_registries(), condition(logins.registries())));
    let mut conditions = vec![("not-a-mirror-pod", NOT_A_MIRROR_POD), ("lacks-the-reference", &*lacks_it)];
    conditions.extend(uses_the_registries.as_deref().map(|condition| ("uses-the-registries", condition)));
    at_creation::policy(name, "Fail", "pods", &conditions, &patch(list.patch()))
}

/// The binding of a policy; both have this name.
pub(crate) fn binding(kind: &str, name: &str, rest: Value) -> Value {
    let mut spec = json!({"policyName": name});
    if let (Some(spec), Value::Object(rest)) = (spec.as_object_mut(), rest) {
        spec.extend(rest);
    }
    json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// Whether any of the keys matches the image `i`, by the kubelet's rules.
///
/// Keys are compared as prefixes: a long pattern for each image of a large Pod would exceed the API server's budget. Globs need a pattern.
fn condition<'a>(keys: impl Iterator<Item = &'a RegistryKey>) -> String {
    // A kubelet removes tag and digest from an image, so a key with a tag or digest matches nothing.
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

/// The prefixes of the images that the key matches.
fn prefix(key: &RegistryKey) -> String {
    if is_docker_hub(key) {
        return "docker.io/".to_owned();
    }
    format!("{}{}", key.authority(), if key.path().is_empty() { "/" } else { key.path() })
}

fn is_docker_hub(key: &RegistryKey) -> bool {
    key.index() == "index.docker.io"
}

/// The regular expression of a key with a glob in its host. A key has no backslash and no quote, so only these characters need escapes.
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
