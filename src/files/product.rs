//! Builds what is written, in its format.

use std::path::Path;
use std::{io, iter};

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::folder::entry::{Content, Entry, HEADER, NeedsLogins};
use super::folder::root::Kind;
use super::stream::Form;
use super::{File, Protection, chart, helm_values, layout};
use crate::protect::{Documents, Protector};
use crate::settings::choices::{Chart, Format, Protect};
use crate::settings::{Encoding, Settings};
use crate::templates::{self, Templates};
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::docker_config::Logins;
use regcred_core::manifest::Manifests;
use regcred_core::objects;

/// Files, made one by one.
pub type Entries<'a> = Box<dyn Iterator<Item = io::Result<Entry<'a>>> + 'a>;

/// What is written.
pub enum Product<'a> {
    /// Documents, one after the other.
    Stream(Documents, Form),
    /// The same, as the one file in the folder of a cluster.
    ClusterFile(Documents, Form),
    /// A file an object.
    Directory(Documents),
    /// That, and a `kustomization.yaml`.
    Kustomization(Documents),
    /// The files of a chart, and its Secrets where they are sealed.
    Chart(Vec<File>, Option<Documents>),
    /// Values for a chart, made when it is known where they go.
    Values(&'a Settings, &'a [Logins], &'a Templates, Protector),
    /// The Docker config itself.
    Value(SecretString),
}

impl<'a> Product<'a> {
    /// Builds it. After this nothing can fail but writing.
    ///
    /// # Errors
    /// A template of the user's that makes no object; several pull secrets where one value was asked for.
    pub fn build(
        settings: &'a Settings,
        docker_configs: &'a [Logins],
        templates: &'a Templates,
        protector: Protector,
    ) -> Result<Self, Failure> {
        let documents = |protector| {
            objects::build(&settings.request(docker_configs), templates)
                .map(|manifests| Documents::new(manifests, protector))
        };
        let stream = if settings.folder().is_some() { Self::ClusterFile } else { Self::Stream };
        Ok(match settings.combination.format {
            Format::Yaml => stream(documents(protector)?, Form::Yaml),
            Format::Json => stream(documents(protector)?, Form::Json),
            Format::Directory => Self::Directory(documents(protector)?),
            Format::Kustomization => Self::Kustomization(documents(protector)?),
            Format::Chart => {
                let sealed = || Documents::new(objects::secrets(&settings.request(docker_configs)), protector);
                let sealed = (settings.combination.protect == Protect::Sealed).then(sealed);
                Self::Chart(chart::files(settings, docker_configs, templates)?, sealed)
            }
            Format::HelmValues => Self::Values(settings, docker_configs, templates, protector),
            Format::DockerConfig => Self::Value(value(settings, docker_configs)?),
            Format::Rbac => {
                let manifests = settings.granted().map_or_else(Manifests::default, |grant| grant.manifests());
                stream(Documents::new(manifests, protector), Form::Yaml)
            }
        })
    }

    /// Whether it is a folder with a lock.
    #[must_use]
    pub fn is_a_tree(&self) -> bool {
        matches!(self, Self::ClusterFile(..) | Self::Directory(_) | Self::Kustomization(_) | Self::Chart(..))
    }

    /// What `--output` names.
    #[must_use]
    pub fn kind(&self, output: &Path) -> Kind {
        if self.is_a_tree() {
            return Kind::Tree;
        }
        Kind::File(output.file_name().unwrap_or_default().to_owned())
    }

    /// The files, made one by one; `name` is that of a single file.
    ///
    /// # Errors
    /// Values that cannot be made.
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
                    let logins = if file.path == chart::POLICIES { NeedsLogins::ForValues } else { entry.logins };
                    Ok(Entry { logins, ..entry })
                });
                Box::new(files.chain(sealed.iter().flat_map(chart::sealed)))
            }
            Self::Values(settings, docker_configs, templates, protector) => {
                let files = helm_values::files(settings, docker_configs, templates, protector, name)?;
                let logins = if self.chooses_by_registries() { NeedsLogins::ForAll } else { NeedsLogins::ForValues };
                Box::new(files.into_iter().map(move |entry| Ok(Entry { logins, ..entry })))
            }
            Self::Value(value) => {
                let bytes = Zeroizing::new(format!("{}\n", value.expose_secret()).into_bytes());
                let file = File { path: name.to_owned(), bytes, protection: Protection::Plaintext };
                Box::new(iter::once(Ok(Entry { head: Vec::new(), ..file.into() })))
            }
        })
    }

    /// Whether a template of the user's makes something else of the registries of the logins.
    #[must_use]
    pub fn chooses_by_registries(&self) -> bool {
        match self {
            Self::Values(Settings { chart: Chart::Template(path), .. }, ..) => {
                templates::values::uses(path, "registries")
            }
            _ => false,
        }
    }

    /// Whether a secret stands in it in clear.
    #[must_use]
    pub fn holds_a_secret(&self) -> bool {
        match self {
            Self::Stream(documents, _)
            | Self::ClusterFile(documents, _)
            | Self::Directory(documents)
            | Self::Kustomization(documents) => documents.hold_a_secret(),
            Self::Chart(files, _) => files.iter().any(File::holds_a_secret),
            Self::Values(.., Protector::Sops(_)) => false,
            Self::Values(settings, ..) => helm_values::protection(&settings.chart) == Protection::Plaintext,
            Self::Value(_) => true,
        }
    }
}

/// The one file of a cluster's folder, as YAML and as JSON.
pub const CLUSTER_FILES: [&str; 2] = ["manifests.yaml", "manifests.json"];

fn stream<'a>(name: &str, documents: &'a Documents, form: Form) -> Entry<'a> {
    let head = if form == Form::Yaml { HEADER.to_vec() } else { Vec::new() };
    let content = Content::Stream(documents, form);
    Entry { path: name.to_owned(), document: None, head, content, logins: NeedsLogins::ForValues }
}

fn value(settings: &Settings, docker_configs: &[Logins]) -> Result<SecretString, Failure> {
    let [docker_config] = docker_configs else {
        let message =
            format!("`--format docker-config` is one value, and there are {} pull secrets", docker_configs.len());
        return Err(Failure::Usage(vec![
            Diagnostic::error(Code::OnePullSecret, message).hint("choose one with --secret-name"),
        ]));
    };
    Ok(match settings.encoding {
        Encoding::Base64 => docker_config.to_base64(),
        Encoding::Raw => docker_config.to_json(),
    })
}
