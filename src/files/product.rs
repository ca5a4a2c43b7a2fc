//! What is written, in its format: settings, Docker configs and their protector in, a stream, a tree, values or one value out.

use std::{io, iter};

use secrecy::SecretString;

use super::stream::Form;
use super::tree::entry::Entry;
use super::{File, Protection, chart, cluster_file, helm_values, layout};
use crate::protect::{Documents, Protector};
use crate::settings::choices::{Chart, Format, Protect};
use crate::settings::{Encoding, Settings};
use crate::templates::{self, Templates};
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::docker_config::Logins;
use regcred_core::objects;

/// The files of a tree, made one by one.
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
        })
    }

    /// The entries of a tree, if it is one.
    #[must_use]
    pub fn tree(&self) -> Option<Entries<'_>> {
        match self {
            Self::ClusterFile(documents, form) => Some(Box::new(iter::once(Ok(cluster_file::entry(documents, *form))))),
            Self::Directory(documents) => Some(Box::new(layout::entries(documents))),
            Self::Kustomization(documents) => Some(Box::new(
                layout::entries(documents).chain(iter::once_with(|| Ok(layout::kustomization(documents).into()))),
            )),
            Self::Chart(files, sealed) => {
                let files = files.iter().map(|file| Ok(file.clone().into()));
                Some(Box::new(files.chain(sealed.iter().flat_map(chart::sealed))))
            }
            Self::Stream(..) | Self::Values(..) | Self::Value(_) => None,
        }
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
