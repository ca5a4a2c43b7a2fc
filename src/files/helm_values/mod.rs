//! Writes the values of a Helm chart. Objects for which the chart has no value go into files beside the values: the Secret, and the
//! policies that confine a patcher.

mod encrypted;
mod shipped;

use std::path::Path;

use serde_json::json;
use zeroize::Zeroizing;

use super::chart;
use super::cluster_run::ClusterRun;
use super::folder::entry::Entry;
use super::stream::{self, Form, Shown};
use super::{File, Protection};
use crate::protect::sops;
use crate::protect::{Documents, Protector};
use crate::settings::choices::{Chart, Link, Protect};
use crate::settings::patcher::{Guard, PatcherSettings};
use crate::settings::{Destination, PullSecretSettings, Settings};
use crate::templates::{self, Templates};
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::docker_config::Logins;
use regcred_core::docker_config::registry::RegistryKey;
use regcred_core::manifest::{Manifests, ObjectTemplate, Place};
use regcred_core::objects;

/// Only the values.
/// Errors: a chart for one pull secret gets several, or a template makes no values.
pub fn write(run: &ClusterRun, shown: Shown) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let settings = &run.settings;
    let unwritable = |error: std::io::Error| super::failure(error, "the values");
    if settings.chart == Chart::Own {
        return chart::values::write(run, shown).map_err(unwritable);
    }
    let (pull_secret, docker_config) = only(run)?;
    match (&settings.chart, &settings.patcher) {
        (Chart::Template(path), _) => {
            // Names, and no secret.
            let context = json!({
                "secret_name": pull_secret.name,
                "namespaces": pull_secret.namespaces,
                "service_accounts": match settings.combination.link {
                    Link::ServiceAccount => pull_secret.service_accounts.as_slice(),
                    Link::Policy | Link::None => &[],
                },
                "registries": docker_config.registries().map(RegistryKey::as_str).collect::<Vec<_>>(),
            });
            Ok(headed(templates::values::render_file(path, &context)?.as_bytes()))
        }
        (Chart::Tamcore, Some(patcher)) => shipped::tamcore(settings, pull_secret, patcher, docker_config, shown),
        (Chart::Empathyco, Some(patcher)) => {
            let patcher = without_its_own_namespace(patcher);
            shipped::empathyco(settings, pull_secret, &patcher).map(|values| headed(&values))
        }
        (Chart::Own | Chart::Tamcore | Chart::Empathyco, _) => Err(needs_a_patcher()),
    }
}

/// The values after a first line that marks them as ours.
fn headed(values: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([b"# Written by regcred.\n", values].concat())
}

/// Whether the values themselves hold a secret.
pub fn protection(chart: &Chart) -> Protection {
    match chart {
        Chart::Own | Chart::Tamcore => Protection::Plaintext,
        Chart::Empathyco | Chart::Template(_) => Protection::Public,
    }
}

/// The values as a file of this name, with files beside it for objects without a value in the chart: the Secret of empathyco's chart, and
/// the guard of either patcher. Files with a secret are encrypted if the user chose that.
pub fn files<'a>(run: &'a ClusterRun, templates: &Templates, name: &str) -> Result<Vec<Entry<'a>>, Failure> {
    let files = plain_files(run, templates, name)?;
    let Protector::Sops(sops) = &run.protector else { return Ok(files.into_iter().map(Entry::from).collect()) };
    let form = match run.settings.chart {
        Chart::Own => sops::Form::DockerConfigJson,
        Chart::Tamcore => sops::Form::ExtraObjects,
        Chart::Empathyco | Chart::Template(_) => sops::Form::Manifests,
    };
    let protect =
        |file: File| if file.holds_a_secret() { encrypted::entry(&file, form, sops) } else { Ok(file.into()) };
    files.into_iter().map(protect).collect()
}

/// The files in clear; `name` is the name of the file with the values.
fn plain_files(run: &ClusterRun, templates: &Templates, name: &str) -> Result<Vec<File>, Failure> {
    let settings = &run.settings;
    let bytes = write(run, Shown::InFull)?;
    let mut files = vec![File { path: name.to_owned(), bytes, protection: protection(&settings.chart) }];
    if settings.chart == Chart::Empathyco {
        let patcher = settings.patcher.as_ref().ok_or_else(needs_a_patcher)?;
        files.push(File {
            path: beside(name, "secret", settings.combination.protect),
            bytes: text(source(run, patcher, templates)?, "the Secret")?,
            protection: Protection::Plaintext,
        });
    }
    if let Some(patcher) = confined(settings) {
        let (pull_secret, _) = only(run)?;
        let patcher = match settings.chart {
            Chart::Empathyco => without_its_own_namespace(patcher),
            Chart::Own | Chart::Tamcore | Chart::Template(_) => patcher.clone(),
        };
        let manifests = objects::patcher::guard(&patcher, &pull_secret.name, &settings.marks(), templates)?;
        let bytes = text(manifests, "the policies")?;
        files.push(File { path: beside(name, "guard", Protect::Plain), bytes, protection: Protection::Public });
    }
    Ok(files)
}

/// The source Secret of empathyco's chart, in the namespace of the release: apply it before the release.
fn source(run: &ClusterRun, patcher: &PatcherSettings, templates: &Templates) -> Result<Manifests, Failure> {
    let request = run.request();
    let mut manifests = Manifests::default();
    if request.create_namespaces {
        let namespaces = objects::namespaces(&request.marks, templates)?;
        manifests.each(vec![namespaces], vec![(patcher.namespace.clone(), 0)]);
    }
    for secret in &request.pull_secrets {
        let place = Place::Fixed(patcher.namespace.clone());
        manifests.once(ObjectTemplate::sensitive(objects::pull_secret(secret, &request.marks), place));
    }
    Ok(manifests)
}

fn text(manifests: Manifests, target: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::new());
    stream::write(&Documents::new(manifests, &Protector::Plain), Form::Yaml, &mut *bytes)
        .map_err(|error| super::failure(error, target))?;
    Ok(bytes)
}

/// Source and copies have the same name in empathyco's chart, so that the patcher would overwrite its own source.
fn without_its_own_namespace(patcher: &PatcherSettings) -> PatcherSettings {
    let own = patcher.namespace.to_string();
    let others = patcher.exclude.iter().filter(|name| **name != own).cloned();
    PatcherSettings { exclude: std::iter::once(own.clone()).chain(others).collect(), ..patcher.clone() }
}

/// The note about the policies that confine the patcher, which are not in the values.
pub fn note(settings: &Settings) -> Option<String> {
    let namespace = &confined(settings)?.namespace;
    let how = match settings.destination {
        Destination::Stdout => {
            "are not among the values: --output values.yaml writes them to values.guard.yaml (use --no-guard if you do not want them)"
        }
        Destination::Write(_) => "are in the file beside the values whose name ends with .guard.yaml",
        Destination::Check(_) => return None,
    };
    Some(format!(
        "the policies that confine the patcher {how}; apply them before the release, which goes into the namespace `{namespace}`"
    ))
}

/// The patcher of a chart, if policies confine it.
fn confined(settings: &Settings) -> Option<&PatcherSettings> {
    let of_a_patcher = matches!(settings.chart, Chart::Tamcore | Chart::Empathyco);
    settings.patcher.as_ref().filter(|patcher| of_a_patcher && patcher.guard == Guard::Confined)
}

/// The name of a file beside the values: `values.secret.yaml` or `values.secret.sops.yaml` beside `values.yaml`.
fn beside(name: &str, what: &str, protect: Protect) -> String {
    let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy();
    let extension = if protect == Protect::Sops { "sops.yaml" } else { "yaml" };
    format!("{stem}.{what}.{extension}")
}

/// The pull secret of a run whose output holds one.
pub fn only(run: &ClusterRun) -> Result<(&PullSecretSettings, &Logins), Failure> {
    let mut pull_secrets = run.pull_secrets();
    if let (Some(only), None) = (pull_secrets.next(), pull_secrets.next()) {
        return Ok(only);
    }
    let message =
        format!("this `--format` or `--chart` takes one pull secret, and there are {}", run.docker_configs.len());
    let problem = Diagnostic::error(Code::OnePullSecret, message).hint("choose one with --secret-name");
    Err(Failure::Usage(vec![problem]))
}

fn needs_a_patcher() -> Failure {
    Failure::Usage(vec![
        Diagnostic::error(Code::ImpossibleCombination, "the chart of a patcher needs `--strategy patcher`")
            .hint("leave --strategy out: --chart chooses it"),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_beside_the_values() {
        for (values, secret) in
            [("values.yaml", "values.secret.yaml"), ("a.b.yml", "a.b.secret.yaml"), ("x", "x.secret.yaml")]
        {
            assert_eq!(beside(values, "secret", Protect::Plain), secret);
        }
        assert_eq!(beside("values.yaml", "secret", Protect::Sops), "values.secret.sops.yaml");
    }
}
