//! Writes the Helm chart of the controller: the objects of the stream, with values for the settings that differ between releases.

use std::collections::BTreeMap;
use std::io;

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::{HELMIGNORE, literal};
use crate::files::cluster_run::ClusterRun;
use crate::files::stream::{Shown, show};
use crate::files::{File, Protection};
use crate::settings::choices::Protect;
use regcred_core::cluster::installation::{ControllerSettings, resources, source_name};
use regcred_core::diagnostic::Failure;
use regcred_core::manifest::{Manifest, Manifests, to_yaml};
use regcred_core::names::ResourceName;
use regcred_core::objects::marks::MANAGED_BY;

/// The file whose content depends on the registries of the logins.
pub const POLICIES: &str = "templates/mutatingadmissionpolicy.yaml";

const CHART: &str = include_str!("../../../templates/controller-chart/Chart.yaml");
const VALUES: &str = include_str!("../../../templates/controller-chart/values.yaml");
const SCHEMA: &str = include_str!("../../../templates/controller-chart/values.schema.json");

/// Placeholders in an object, and Helm's expressions for their values. No name can equal a placeholder, because they have capital letters.
const GAPS: &[(&str, &str)] = &[
    ("THE-RELEASE-SERVICE", "{{ .Release.Service | quote }}"),
    ("THE-IMAGE", "{{ .Values.image | quote }}"),
    ("THE-REPLICAS", "{{ .Values.replicas }}"),
    ("THE-RESOURCES", "{{ toJson .Values.resources }}"),
];

/// Helm's expression for the login of the pull secret NAME.
const LOGIN: &str = "{{ required (printf \"pullSecrets.%s.dockerConfigJson is empty\" NAME) (index .Values.pullSecrets NAME).dockerConfigJson | quote }}";

/// Fields of the Pod that exist only if their value is not empty.
const OF_THE_POD: &[&str] = &["affinity", "nodeSelector", "priorityClassName", "tolerations"];

/// All files; if the logins are sealed, all except the sealed Secrets.
pub fn files(run: &ClusterRun, settings: &ControllerSettings) -> Result<Vec<File>, Failure> {
    // The template of the budget exists for any number of replicas.
    let several = ControllerSettings { replicas: settings.replicas.max(2), ..settings.clone() };
    let installation = run.controller(&several);
    let plain = run.settings.combination.protect == Protect::Plain;
    let sources: Sources = run.pull_secrets().map(|(one, _)| (source_name(&one.name), &one.name)).collect();
    let all = [installation.manifests(), installation.monitoring()];
    let templates = templates(&all, &sources, plain).map_err(|error| crate::files::failure(error, "the chart"))?;
    let mut files: Vec<_> = templates
        .into_iter()
        .map(|(kind, text)| File::public(&format!("templates/{}.yaml", kind.to_lowercase()), text))
        .collect();
    let values = values(run, settings).map_err(|error| crate::files::failure(error, "the chart"))?;
    let protection = if plain { Protection::Plaintext } else { Protection::Public };
    files.push(File { path: "values.yaml".to_owned(), bytes: values, protection });
    files.push(File::public("values.schema.json", schema(run)));
    files.push(File::public("Chart.yaml", CHART.replace("1.36.0", &format!("1.{}.0", settings.kubernetes))));
    files.push(File::public(HELMIGNORE.0, HELMIGNORE.1));
    Ok(files)
}

/// The image, the replicas and the resources; also the login of each pull secret, if the Secrets are in clear.
fn values(run: &ClusterRun, settings: &ControllerSettings) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut text = VALUES.replace("THE-IMAGE", &json!(settings.image).to_string());
    text =
        text.replace("THE-REPLICAS", &settings.replicas.to_string()).replace("THE-RESOURCES", &resources().to_string());
    let mut bytes = Zeroizing::new(text.into_bytes());
    if run.settings.combination.protect != Protect::Plain {
        bytes.extend_from_slice(b"# Nothing: the logins are in the templates.\npullSecrets: {}\n");
        return Ok(bytes);
    }
    bytes.extend_from_slice(b"# By name, each with its Docker config in base64.\npullSecrets:\n");
    for (pull_secret, logins) in run.pull_secrets() {
        let docker_config = show(&logins.to_base64(), Shown::InFull);
        let name = to_yaml(&json!({pull_secret.name.as_str(): {}}))?;
        let name = name.trim_end().trim_end_matches("{}").trim_end();
        let lines = Zeroizing::new(format!("  {name}\n    dockerConfigJson: {}\n", docker_config.as_str()));
        bytes.extend_from_slice(lines.as_bytes());
    }
    Ok(bytes)
}

/// The schema, with the names of the pull secrets: rights and policies exist only for these names.
fn schema(run: &ClusterRun) -> String {
    let mut schema: Value = serde_json::from_str(SCHEMA).unwrap_or_default();
    if run.settings.combination.protect == Protect::Plain {
        let login = json!({
            "type": "object", "additionalProperties": false, "required": ["dockerConfigJson"],
            "properties": {"dockerConfigJson": {"type": "string"}},
        });
        let names: Map<_, _> = run.pull_secrets().map(|(one, _)| (one.name.to_string(), login.clone())).collect();
        schema["properties"]["pullSecrets"]["required"] = names.keys().map(String::as_str).collect();
        schema["properties"]["pullSecrets"]["properties"] = Value::Object(names);
    }
    format!("{schema:#}\n")
}

/// The pull secret of each source Secret in the controller's namespace.
type Sources<'a> = BTreeMap<ResourceName, &'a ResourceName>;

/// For each kind, the template with the objects of that kind.
fn templates(all: &[Manifests], sources: &Sources<'_>, plain: bool) -> io::Result<BTreeMap<String, String>> {
    let mut templates: BTreeMap<String, String> = BTreeMap::new();
    for manifest in all.iter().flat_map(Manifests::iter).filter(|manifest| plain || !manifest.is_sensitive()) {
        let template = templates.entry(manifest.kind().to_owned()).or_default();
        template.push_str(&conditional(&manifest, &document(&manifest)?, sources));
    }
    Ok(templates)
}

fn document(manifest: &Manifest<'_>) -> io::Result<String> {
    let mut object = manifest.object();
    if let Some(label) = object.pointer_mut("/metadata/labels").and_then(|labels| labels.get_mut(MANAGED_BY.0)) {
        *label = json!("THE-RELEASE-SERVICE");
    }
    match manifest.kind() {
        // Deleting a namespace or a definition would delete everything in it, also what others have there.
        "Namespace" | "CustomResourceDefinition" => {
            object["metadata"]["annotations"]["helm.sh/resource-policy"] = json!("keep");
        }
        "Secret" => object["data"][".dockerconfigjson"] = json!("THE-LOGIN"),
        "Deployment" => open(&mut object),
        _ => {}
    }
    let mut text = literal(&to_yaml(&object)?);
    for (gap, value) in GAPS {
        text = text.replace(gap, value);
    }
    for field in OF_THE_POD {
        let line = format!("      {field}: THE-{field}\n");
        let optional = format!("{{{{- with .Values.{field} }}}}\n      {field}: {{{{ toJson . }}}}\n{{{{- end }}}}\n");
        text = text.replace(&line, &optional);
    }
    Ok(text)
}

/// Replaces the values in the Deployment by placeholders.
fn open(deployment: &mut Value) {
    let spec = &mut deployment["spec"];
    spec["replicas"] = json!("THE-REPLICAS");
    let pod = &mut spec["template"]["spec"];
    for field in OF_THE_POD {
        pod[field] = json!(format!("THE-{field}"));
    }
    let container = &mut pod["containers"][0];
    container["image"] = json!("THE-IMAGE");
    container["resources"] = json!("THE-RESOURCES");
}

/// The document, with the condition under which Helm writes it.
fn conditional(manifest: &Manifest<'_>, text: &str, sources: &Sources<'_>) -> String {
    let name = json!(manifest.name()).to_string();
    let when = |condition: &str, text: &str| format!("{{{{- if {condition} }}}}\n---\n{text}{{{{- end }}}}\n");
    match manifest.kind() {
        // Helm creates the namespace of the release before its objects.
        "Namespace" => when(&format!("ne .Release.Namespace {name}"), text),
        "PodDisruptionBudget" => when("gt (int .Values.replicas) 1", text),
        "PodMonitor" => when(".Values.podMonitor.enabled", &labelled(text, "podMonitor")),
        "PrometheusRule" => when(".Values.prometheusRule.enabled", &labelled(text, "prometheusRule")),
        "Secret" => {
            let source = sources.iter().find(|(source, _)| source.as_str() == manifest.name());
            let name = json!(source.map(|(_, pull_secret)| pull_secret)).to_string();
            format!("---\n{}", text.replace("THE-LOGIN", &LOGIN.replace("NAME", &name)))
        }
        _ => format!("---\n{text}"),
    }
}

/// The text, with more labels from the values, by which a Prometheus selects.
fn labelled(text: &str, of: &str) -> String {
    let more =
        format!("  labels:\n{{{{- with .Values.{of}.labels }}}}\n{{{{ toYaml . | indent 4 }}}}\n{{{{- end }}}}\n");
    text.replacen("  labels:\n", &more, 1)
}
