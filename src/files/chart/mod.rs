//! Writes a Helm chart. Its values hold what a user may change.

pub mod controller;
mod external;
pub mod values;

use super::cluster_run::ClusterRun;
use super::folder::entry::Entry;
use super::stream::Shown;
use super::{File, Protection, WriteError, layout};
use crate::protect::Documents;
use crate::settings::choices::{Link, Protect};
use crate::templates::Templates;
use regcred_core::diagnostic::Failure;
use regcred_core::manifest::to_yaml;
use regcred_core::objects::{Request, pod_policy};

/// The file whose content depends on the registries of the logins.
pub const POLICIES: &str = "templates/policies.yaml";
const SCHEMA: (&str, &str) = ("values.schema.json", include_str!("../../../templates/chart/values.schema.json"));

const HELMIGNORE: (&str, &str) = (".helmignore", include_str!("../../../templates/chart/helmignore"));

/// The files with a fixed text, in the order of their paths.
const STATIC: &[(&str, &str)] = &[
    HELMIGNORE,
    ("templates/namespaces.yaml", include_str!("../../../templates/chart/templates/namespaces.yaml")),
    ("templates/service-accounts.yaml", include_str!("../../../templates/chart/templates/service-accounts.yaml")),
    SCHEMA,
];

const CHART: &str = include_str!("../../../templates/chart/Chart.yaml");

/// The end of Chart.yaml if there are policies: Helm refuses an older cluster, and names the version that it needs.
const CHART_WITH_POLICIES: &str =
    "# Where MutatingAdmissionPolicy is known; -0 is for versions with a suffix, as hosted clusters have them.
kubeVersion: \">=1.36.0-0\"
";

const PULL_SECRETS: (&str, &str) =
    ("templates/pull-secrets.yaml", include_str!("../../../templates/chart/templates/pull-secrets.yaml"));

/// All files of the chart; if its Secrets are sealed, all except the Secrets, see [`sealed`].
pub fn files(run: &ClusterRun, templates: &Templates) -> Result<Vec<File>, Failure> {
    if let Some(settings) = &run.settings.controller {
        let mut files = controller::files(run, settings)?;
        files.sort_by(|one, other| one.path.cmp(&other.path));
        return Ok(files);
    }
    let (combination, request) = (run.settings.combination, run.request());
    let mut files: Vec<_> = STATIC.iter().map(|(path, text)| File::public(path, *text)).collect();
    let mut chart = CHART.to_owned();
    if combination.link == Link::Policy {
        chart.push_str(CHART_WITH_POLICIES);
        files.push(File::public(POLICIES, policies(&request, templates)?));
    }
    files.push(File::public("Chart.yaml", chart));
    let (values, protection) = match combination.protect {
        Protect::Sealed => (values::without_secrets(run), Protection::Public),
        Protect::External => {
            files.push(File::public("templates/external-secrets.yaml", external::template(&request, templates)?));
            files.retain(|file| file.path != SCHEMA.0);
            files.extend(external::schema(SCHEMA.1).map(|text| File::public(SCHEMA.0, text)));
            (values::without_secrets(run), Protection::Public)
        }
        Protect::Plain | Protect::Sops => {
            files.push(File::public(PULL_SECRETS.0, PULL_SECRETS.1));
            (values::write(run, Shown::InFull), Protection::Plaintext)
        }
    };
    let bytes = values.map_err(|error| super::failure(error, "the chart"))?;
    files.push(File { path: "values.yaml".to_owned(), bytes, protection });
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

/// The sealed Secrets of the chart, one file each, so that a file stays unchanged when others change.
///
/// Helm copies them unchanged: names, base64 and our annotations have no braces.
pub fn sealed<'a>(documents: &'a Documents<'a>) -> impl Iterator<Item = Result<Entry<'a>, WriteError>> {
    layout::entries(documents)
        .map(|entry| entry.map(|entry| Entry { path: format!("templates/{}", entry.path), ..entry }))
}

/// The text in a form that Helm's template language turns into this text.
pub fn literal(text: &str) -> String {
    text.replace("{{", "{{ \"{{\" }}")
}

fn policies(request: &Request<'_>, templates: &Templates) -> Result<String, Failure> {
    let mut text = "# For the namespaces that regcred was told, whatever the values say.\n".to_owned();
    for secret in &request.pull_secrets {
        for object in pod_policy::objects(secret, request, templates)? {
            let object = to_yaml(&object).map_err(|error| super::failure(error, "the chart"))?;
            text.push_str("---\n");
            text.push_str(&literal(&object));
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brace_pair_is_escaped_wherever_it_stands() {
        assert_eq!(literal("a {b}} {{c}}"), "a {b}} {{ \"{{\" }}c}}");
        assert_eq!(literal("{{{x}}}"), "{{ \"{{\" }}{x}}}");
    }
}
