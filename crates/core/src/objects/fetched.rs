//! Writes what an ExternalSecret fetches, and the template from which the operator makes a Docker config.
//!
//! The text is for Go's template language, as the operator runs it (engine v2). Each value goes through `toJson`, which writes any value
//! as `kubectl` does. A missing value is an error there, never an empty text.

use serde_json::{Value, json};

use crate::spec::external::generator::Given;
use crate::spec::external::written::{Generator, RemoteKey};
use crate::spec::external::{Content, ExternalLoginSettings, Origin, StoredName};

/// The parts of the `spec` of an `ExternalSecret`.
#[derive(Debug, PartialEq)]
pub struct Fetched {
    /// `data`: a value for each key.
    pub data: Vec<Value>,
    /// `dataFrom`: the generators.
    pub data_from: Vec<Value>,
    /// The template of the Docker config.
    pub docker_config: String,
}

/// The values that are fetched, and the template that uses them.
pub fn fetched(content: &Content) -> Fetched {
    match content {
        Content::Whole(key, _) => Fetched {
            data: vec![fetch("docker_config", key)],
            data_from: Vec::new(),
            docker_config: "{{ .docker_config }}".to_owned(),
        },
        Content::Logins(logins) => fetch_logins(logins),
    }
}

fn fetch_logins(logins: &[ExternalLoginSettings]) -> Fetched {
    let (mut data, mut data_from, mut entries) = (Vec::new(), Vec::new(), Vec::new());
    // All generators give values of the same names, so each gets a prefix; a generator for several registries runs once.
    let mut known: Vec<(&Generator, String)> = Vec::new();
    let mut prefix_of = |generator, own: &str| {
        if let Some((_, prefix)) = known.iter().find(|(it, _)| it.is_same_object(generator)) {
            return prefix.clone();
        }
        known.push((generator, own.to_owned()));
        data_from.push(generate(generator, own));
        own.to_owned()
    };
    for (number, ExternalLoginSettings { registry, origin }) in logins.iter().enumerate() {
        let own = format!("login{}", number + 1);
        let entry = match origin {
            Origin::Store { username, password } => {
                let username = match username {
                    StoredName::Literal(name) => go_text(name),
                    StoredName::Remote(key) => {
                        data.push(fetch(&format!("{own}_username"), key));
                        format!(".{own}_username")
                    }
                };
                data.push(fetch(&format!("{own}_password"), password));
                entry(&username, &format!(".{own}_password"))
            }
            Origin::Generator(generator) => {
                let prefix = prefix_of(generator, &own);
                match generator.kind.given() {
                    Given::Auth => format!("{{\"auth\":{{{{ .{prefix}_auth | toJson }}}}}}"),
                    Given::Login | Given::Token => {
                        entry(&format!(".{prefix}_username"), &format!(".{prefix}_password"))
                    }
                }
            }
            Origin::TokenOf(generator, username) => {
                let prefix = prefix_of(generator, &own);
                entry(&go_text(username), &format!(".{prefix}_token"))
            }
        };
        // A registry's key has no character that needs an escape.
        entries.push(format!("\"{registry}\":{entry}"));
    }
    Fetched { data, data_from, docker_config: format!("{{\"auths\":{{{}}}}}", entries.join(",")) }
}

/// An entry with user name and password, each an expression of Go's template language.
fn entry(username: &str, password: &str) -> String {
    format!(
        "{{\"username\":{{{{ {username} | toJson }}}},\"password\":{{{{ {password} | toJson }}}},\
         \"auth\":\"{{{{ printf \"%s:%s\" {username} {password} | b64enc }}}}\"}}"
    )
}

/// A text as a string of Go: with the escapes of JSON, which Go also knows.
fn go_text(text: &str) -> String {
    Value::from(text).to_string()
}

/// Writes all fields that the API server would fill in, so that no tool finds a difference.
fn fetch(name: &str, from: &RemoteKey) -> Value {
    let RemoteKey { key, property, version, decoding_strategy } = from;
    let mut reference = json!({
        "key": key,
        "conversionStrategy": "Default",
        "decodingStrategy": decoding_strategy.unwrap_or_default(),
        "metadataPolicy": "None",
    });
    for (field, value) in [("property", property), ("version", version)] {
        if let Some(value) = value {
            reference[field] = json!(value);
        }
    }
    json!({"secretKey": name, "remoteRef": reference})
}

fn generate(generator: &Generator, prefix: &str) -> Value {
    json!({
        "sourceRef": {"generatorRef": {
            "apiVersion": "generators.external-secrets.io/v1alpha1",
            "kind": generator.object_kind(),
            "name": generator.name,
        }},
        "rewrite": [{"regexp": {"source": "^(.+)$", "target": format!("{prefix}_$1")}}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::external::generator::GeneratorKind;

    fn generated(registry: &str, kind: GeneratorKind, name: &str) -> ExternalLoginSettings {
        let generator = Generator { kind, name: name.parse().unwrap(), cluster_wide: false, spec: None };
        ExternalLoginSettings { registry: registry.parse().unwrap(), origin: Origin::Generator(generator) }
    }

    #[test]
    fn a_literal_user_name_is_a_text_of_go() {
        let password = RemoteKey { key: "k".into(), property: None, version: None, decoding_strategy: None };
        let username = StoredName::Literal("a\"{{\\é".into());
        let login = ExternalLoginSettings {
            registry: "ghcr.io".parse().unwrap(),
            origin: Origin::Store { username, password },
        };
        let Fetched { docker_config, data, .. } = fetched(&Content::Logins(vec![login]));
        let name = r#""a\"{{\\é""#;
        assert_eq!(
            docker_config,
            format!(
                "{{\"auths\":{{\"ghcr.io\":{{\"username\":{{{{ {name} | toJson }}}},\"password\":{{{{ .login1_password | toJson }}}},\
                 \"auth\":\"{{{{ printf \"%s:%s\" {name} .login1_password | b64enc }}}}\"}}}}}}"
            )
        );
        assert_eq!(data[0]["remoteRef"]["key"], "k");
        assert!(data[0]["remoteRef"].get("property").is_none());
    }

    #[test]
    fn a_generator_that_serves_several_registries_runs_once() {
        let logins = vec![
            generated("a.io", GeneratorKind::GCRAccessToken, "x"),
            generated("b.io", GeneratorKind::GCRAccessToken, "y"),
            generated("c.io", GeneratorKind::GCRAccessToken, "x"),
        ];
        let Fetched { data_from, docker_config, .. } = fetched(&Content::Logins(logins));
        assert_eq!(data_from.len(), 2);
        assert_eq!(docker_config.matches("login1_username | toJson").count(), 2);
        assert_eq!(docker_config.matches("login2_username | toJson").count(), 1);
    }
}
