//! Builds the Pod that shows whether a policy acts.

use serde_json::{Value, json};

use crate::docker_config::registry::RegistryKey;

/// A Pod whose image matches one of these keys, to test whether a policy adds the reference. The Pod already has a reference, so it does not
/// get the references of its ServiceAccount. It has only what the Pod Security level `restricted` allows.
pub fn probe<'a>(mut keys: impl Iterator<Item = &'a RegistryKey>) -> Option<Value> {
    let key = keys.find(|key| !matches_no_image(key))?;
    let host =
        if key.index() == "index.docker.io" { "docker.io".to_owned() } else { key.authority().replace('*', "a") };
    let image = format!("{host}{}/regcred-probe", key.path().trim_end_matches('/'));
    Some(json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "regcred-probe-"},
        "spec": {
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "probe",
                "image": image,
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            }],
            "imagePullSecrets": [{"name": "regcred-probe"}],
        },
    }))
}

/// Whether the key matches no image at all.
fn matches_no_image(key: &RegistryKey) -> bool {
    let path = key.path();
    let is_odd = |byte: u8| byte.is_ascii_uppercase() || b"*:@+~".contains(&byte);
    path.bytes().any(is_odd)
        || path.contains("//")
        || (key.host() == "index.docker.io" && !path.is_empty())
        || key.authority().ends_with(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_has_an_image_that_the_key_matches() {
        for (key, image) in [
            ("https://index.docker.io/v1/", "docker.io/regcred-probe"),
            ("ghcr.io/acme", "ghcr.io/acme/regcred-probe"),
            ("*.ecr.test:80", "a.ecr.test:80/regcred-probe"),
        ] {
            let keys: Vec<RegistryKey> = vec![key.parse().unwrap()];
            assert_eq!(probe(keys.iter()).unwrap()["spec"]["containers"][0]["image"], image);
        }
    }

    #[test]
    fn a_probe_is_within_the_pod_security_level_restricted() {
        let keys: [RegistryKey; 1] = ["ghcr.io".parse().unwrap()];
        let spec = &probe(keys.iter()).unwrap()["spec"];
        let context = json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}});
        assert_eq!(spec["securityContext"], context);
        let context = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
        assert_eq!(spec["containers"][0]["securityContext"], context);
    }
}
