//! Builds the documents, values or files of a run in the chosen format.

use std::iter;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::cluster_run::ClusterRun;
use super::folder::entry::{Content, Entry, HEADER, NeedsLogins};
use super::folder::root::Kind;
use super::stream::Form;
use super::{File, Protection, WriteError, chart, helm_values, layout};
use crate::protect::{Documents, Protector};
use crate::settings::choices::{Chart, Format, Protect};
use crate::templates::{self, Templates};
use regcred_core::diagnostic::Failure;
use regcred_core::objects;
use regcred_core::spec::Open;

/// Files, created one by one.
pub type Entries<'a> = Box<dyn Iterator<Item = Result<Entry<'a>, WriteError>> + 'a>;

/// The output of a run.
pub enum Product<'a> {
    /// Documents, one after the other.
    Stream(Documents<'a>, Form),
    /// The same documents, as the only file in the folder of a cluster.
    ClusterFile(Documents<'a>, Form),
    Directory(Documents<'a>),
    /// One file per object, and a `kustomization.yaml`.
    Kustomization(Documents<'a>),
    /// The files of a chart, and its Secrets if they are sealed.
    Chart(Vec<File>, Option<Documents<'a>>),
    /// Values for a chart, built when their place is known.
    Values(&'a ClusterRun, &'a Templates),
    Value(SecretString),
}

impl<'a> Product<'a> {
    /// Builds the output, except the values of a chart, which [`Product::files`] builds.
    /// Errors: a user's template that makes no object; several pull secrets for a single value; a chart that cannot be built.
    pub fn build(run: &'a ClusterRun, templates: &'a Templates) -> Result<Self, Failure> {
        let ClusterRun { settings, protector, .. } = run;
        let documents = || {
            let manifests = match settings.controller {
                Some(_) => run.installation(),
                None => objects::build(&run.request(), templates)?,
            };
            Ok::<_, Failure>(Documents::new(manifests, protector))
        };
        let stream = if settings.folder().is_some() { Self::ClusterFile } else { Self::Stream };
        Ok(match settings.combination.format {
            Format::Yaml => stream(documents()?, Form::Yaml),
            Format::Json => stream(documents()?, Form::Json),
            Format::Directory => Self::Directory(documents()?),
            Format::Kustomization => Self::Kustomization(documents()?),
            Format::Chart => {
                let secrets = || match &settings.controller {
                    Some(controller) => run.controller(controller).secrets(),
                    None => objects::secrets(&run.request()),
                };
                let sealed = || Documents::new(secrets(), protector);
                let sealed = (settings.combination.protect == Protect::Sealed).then(sealed);
                Self::Chart(chart::files(run, templates)?, sealed)
            }
            Format::HelmValues => Self::Values(run, templates),
            Format::DockerConfig => {
                let (_, logins) = helm_values::only(run)?;
                Self::Value(if settings.options.raw.or_default() { logins.to_json() } else { logins.to_base64() })
            }
            Format::Rbac => stream(Documents::new(run.grant(), protector), Form::Yaml),
        })
    }

    /// Whether it is a folder with a lock.
    pub fn is_a_tree(&self) -> bool {
        matches!(self, Self::ClusterFile(..) | Self::Directory(_) | Self::Kustomization(_) | Self::Chart(..))
    }

    /// The kind of place that `--output` names.
    pub fn kind(&self, output: &Path) -> Kind {
        if self.is_a_tree() { Kind::Tree } else { Kind::File(output.file_name().unwrap_or_default().to_owned()) }
    }

    /// The files, created one by one; `name` is the name of a single file.
    /// Errors: values that cannot be built.
    #[expect(clippy::disallowed_methods, reason = "the value is what was asked for")]
    pub fn files(&self, name: &str) -> Result<Entries<'_>, Failure> {
        Ok(match self {
            Self::ClusterFile(documents, form) => {
                let name = if *form == Form::Yaml { CLUSTER_FILES[0] } else { CLUSTER_FILES[1] };
                Box::new(iter::once(Ok(stream(name, documents, *form))))
            }
            Self::Stream(documents, form) => Box::new(iter::once(Ok(stream(name, documents, *form)))),
            Self::Directory(documents) => Box::new(layout::entries(documents)),
            Self::Kustomization(documents) => Box::new(
                layout::entries(documents).chain(iter::once_with(|| Ok(layout::kustomization(documents).into()))),
            ),
            Self::Chart(files, sealed) => {
                let files = files.iter().map(|file| {
                    let entry = Entry::from(file.clone());
                    let is_of_policies = [chart::POLICIES, chart::controller::POLICIES].contains(&&*file.path);
                    let logins = if is_of_policies { NeedsLogins::ForValues } else { entry.logins };
                    Ok(Entry { logins, ..entry })
                });
                Box::new(files.chain(sealed.iter().flat_map(chart::sealed)))
            }
            Self::Values(run, templates) => {
                let files = helm_values::files(run, templates, name)?;
                let logins = match &run.settings.chart {
                    Chart::Template(path) if templates::values::uses(path, "registries") => NeedsLogins::ForAll,
                    _ => NeedsLogins::ForValues,
                };
                Box::new(files.into_iter().map(move |entry| Ok(Entry { logins, ..entry })))
            }
            Self::Value(value) => {
                let bytes = Zeroizing::new(format!("{}\n", value.expose_secret()).into_bytes());
                let file = File { path: name.to_owned(), bytes, protection: Protection::Plaintext };
                Box::new(iter::once(Ok(Entry { head: Vec::new(), ..file.into() })))
            }
        })
    }

    pub fn holds_a_secret(&self) -> bool {
        match self {
            Self::Stream(documents, _)
            | Self::ClusterFile(documents, _)
            | Self::Directory(documents)
            | Self::Kustomization(documents) => documents.hold_a_secret(),
            Self::Chart(files, _) => files.iter().any(File::holds_a_secret),
            Self::Values(run, _) => {
                !matches!(run.protector, Protector::Sops(_))
                    && helm_values::protection(&run.settings.chart) == Protection::Plaintext
            }
            Self::Value(_) => true,
        }
    }

    /// Whether a file beside the values holds a secret in clear; standard output has only the values.
    pub fn has_a_secret_beside(&self) -> bool {
        let is_in_clear = |run: &ClusterRun| run.settings.combination.protect == Protect::Plain;
        matches!(self, Self::Values(run, _) if run.settings.chart == Chart::Empathyco && is_in_clear(run))
    }
}

/// The name of the only file in a cluster's folder, for YAML and for JSON.
pub const CLUSTER_FILES: [&str; 2] = ["manifests.yaml", "manifests.json"];

fn stream<'a>(name: &str, documents: &'a Documents<'a>, form: Form) -> Entry<'a> {
    let head = if form == Form::Yaml { HEADER.to_vec() } else { Vec::new() };
    let content = Content::Stream(documents, form);
    Entry { path: name.to_owned(), document: None, head, content, logins: NeedsLogins::ForValues }
}
