//! Writes the chart's template that makes ExternalSecrets in the namespaces of the values.

use serde_json::{Map, Value, json};

use super::literal;
use crate::templates::Templates;
use regcred_core::diagnostic::Failure;
use regcred_core::manifest::to_yaml;
use regcred_core::objects::Request;
use regcred_core::objects::external_secret::{in_cluster, in_namespace};

/// The placeholder of the namespace. No name can equal it, because it has capital letters.
const NAMESPACE: &str = "\n  namespace: THE-NAMESPACE\n";

pub fn template(request: &Request<'_>, templates: &Templates) -> Result<String, Failure> {
    let mut text = "{{- /* What is fetched for each pull secret, in each of its namespaces. A generator that several share stands \
                    there once. */ -}}\n{{- $written := dict }}\n"
        .to_owned();
    for object in in_cluster(request, templates)? {
        text.push_str("---\n");
        text.push_str(&yaml(&object)?);
    }
    for secret in &request.pull_secrets {
        let Some(external) = secret.external else { continue };
        let objects = in_namespace(std::iter::once((secret.name, external)), &request.marks, templates)?;
        text.extend(["{{- with index .Values.pullSecrets ", &json!(secret.name).to_string(), " }}\n"]);
        text.push_str("{{- range .namespaces }}\n");
        for mut object in objects {
            let key = format!("{}/{}/", text_of(&object["kind"]), text_of(&object["metadata"]["name"]));
            text.extend(["{{- $key := print ", &json!(key).to_string(), " . }}\n"]);
            text.push_str("{{- if not (hasKey $written $key) }}\n{{- $_ := set $written $key true }}\n---\n");
            object["metadata"]["namespace"] = json!("THE-NAMESPACE");
            text.push_str(&yaml(&object)?.replacen(NAMESPACE, "\n  namespace: {{ . | quote }}\n", 1));
            text.push_str("{{- end }}\n");
        }
        text.push_str("{{- end }}\n{{- end }}\n");
    }
    Ok(text)
}

/// The schema of the values, in which a pull secret has no Docker config.
pub fn schema(with_docker_configs: &str) -> Option<String> {
    let mut schema: Value = serde_json::from_str(with_docker_configs).ok()?;
    let pull_secret = schema.pointer_mut("/properties/pullSecrets/additionalProperties")?;
    pull_secret["required"] = json!(["namespaces"]);
    pull_secret["properties"].as_object_mut()?.shift_remove("dockerConfigJson");
    schema.as_object_mut()?.shift_remove("$comment");
    Some(format!("{schema:#}\n"))
}

fn yaml(object: &Map<String, Value>) -> Result<String, Failure> {
    Ok(literal(&to_yaml(object).map_err(|error| crate::files::failure(error, "the chart"))?))
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
