//! `regcred render`: credentials in, manifests out.

use std::path::Path;

use anyhow::Result;

use super::logins::{self, Checked};
use crate::cli::RenderArguments;
use crate::docker_config::DockerConfig;
use crate::environment::Environment;
use crate::output::stream::{self, Form, Shown};
use crate::output::{self, chart, helm_values};
use crate::problem::{Failure, Problem};
use crate::report::{self, Outcome};
use crate::resources;
use crate::settings::choices::Shape;
use crate::settings::file::File;
use crate::settings::{Destination, Encoding, Settings};
use crate::templates::Templates;

/// Reads, checks, builds and writes, in this order: nothing is written before everything was read.
pub fn run(arguments: &RenderArguments, file: Option<File>, environment: &Environment) -> Result<Outcome> {
    let settings = Settings::resolve(arguments, file, environment)?;
    let Checked { docker_configs, warnings } = logins::check(&settings, environment)?;
    report::warn(&warnings);
    if settings.combination.shape == Shape::DockerConfig {
        return docker_config(&settings, &docker_configs);
    }
    let templates = Templates::load(settings.templates.as_deref())?;
    match settings.combination.shape {
        Shape::Chart | Shape::HelmValues => return helm(&settings, &docker_configs, &templates),
        _ => {}
    }
    let manifests = resources::build(&settings, &docker_configs, &templates)?;
    let form = if settings.combination.shape == Shape::Json { Form::Json } else { Form::Yaml };
    explain(stream::print(&manifests, form)?);
    Ok(Outcome::Done)
}

fn docker_config(settings: &Settings, docker_configs: &[DockerConfig]) -> Result<Outcome> {
    let [docker_config] = docker_configs else {
        let problem = Problem::error(
            "one-pull-secret",
            format!("`--shape docker-config` is one value, and there are {} pull secrets", docker_configs.len()),
        );
        return Err(Failure::Usage(vec![problem.hint("choose one with --secret-name")]).into());
    };
    let value = match settings.encoding {
        Encoding::Base64 => docker_config.to_base64(),
        Encoding::Raw => docker_config.to_json(),
    };
    explain(stream::print_secret(&value)?);
    Ok(Outcome::Done)
}

/// A chart, or values for one, and what the release needs to be told.
fn helm(settings: &Settings, docker_configs: &[DockerConfig], templates: &Templates) -> Result<Outcome> {
    let outcome = match (&settings.destination, settings.combination.shape) {
        (Destination::Write(path) | Destination::Check(path), Shape::Chart) => {
            files(settings, path, &chart::files(settings, docker_configs, templates)?)?
        }
        (Destination::Write(path) | Destination::Check(path), _) => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let folder = path.parent().unwrap_or(Path::new(""));
            files(settings, folder, &helm_values::files(settings, docker_configs, templates, &name)?)?
        }
        (Destination::Stdout, _) => {
            explain(stream::print_shown(|shown| helm_values::write(settings, docker_configs, shown))?);
            Outcome::Done
        }
    };
    if let Some(note) = chart::note(settings) {
        report::note(&note);
    }
    Ok(outcome)
}

#[expect(clippy::disallowed_methods, reason = "until a tree is written as a whole")]
fn files(settings: &Settings, folder: &Path, files: &[output::File]) -> Result<Outcome> {
    let mut outcome = Outcome::Done;
    for file in files {
        let path = folder.join(&file.path);
        let fail = |error: std::io::Error| output::failure(&error, &file.path);
        if matches!(settings.destination, Destination::Check(_)) {
            if std::fs::read(&path).ok().as_deref() != Some(&file.bytes) {
                outcome = Outcome::Differs;
            }
        } else {
            std::fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(fail)?;
            std::fs::write(&path, &*file.bytes).map_err(fail)?;
        }
    }
    Ok(outcome)
}

fn explain(shown: Shown) {
    if shown == Shown::Redacted {
        report::note(
            "values of Secrets are not shown on a terminal; pipe the output on, for example to `kubectl apply --server-side --field-manager=regcred -f -`",
        );
    }
}
