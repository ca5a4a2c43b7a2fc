//! `regcred render`: credentials in, manifests out.

use anyhow::Result;

use super::deliver;
use super::logins::{self, Checked};
use crate::cli::RenderArguments;
use crate::docker_config::DockerConfig;
use crate::environment::Environment;
use crate::output::chart;
use crate::output::check::Known;
use crate::output::product::Product;
use crate::problem::{Failure, Problem};
use crate::protect::Protector;
use crate::report::{self, Outcome};
use crate::settings::choices::Shape;
use crate::settings::file::File;
use crate::settings::{Destination, Settings};
use crate::templates::Templates;

/// Reads, checks, builds and writes, in this order: nothing is written before everything was read.
pub fn run(arguments: &RenderArguments, file: Option<File>, environment: &Environment) -> Result<Outcome> {
    let settings = Settings::resolve(arguments, file, environment)?;
    let (docker_configs, known) = docker_configs(&settings, environment)?;
    let templates = Templates::load(settings.templates.as_deref())?;
    let protector = Protector::prepare(&settings, environment)?;
    report::warn(protector.warnings());
    let product = Product::build(&settings, &docker_configs, &templates, protector)?;
    let outcome = deliver::deliver(&product, &settings, known, environment)?;
    if let Some(note) = chart::note(&settings) {
        report::note(&note);
    }
    Ok(outcome)
}

/// The Docker configs; `--check` goes without credentials, as in a merge request, and says so.
fn docker_configs(settings: &Settings, environment: &Environment) -> Result<(Vec<DockerConfig>, Known), Failure> {
    match logins::check(settings, environment) {
        Ok(Checked { docker_configs, warnings }) => {
            report::warn(&warnings);
            Ok((docker_configs, Known::All))
        }
        Err(Failure::Input { problems, .. })
            if matches!(settings.destination, Destination::Check(_))
                && problems.iter().filter(|problem| problem.is_error()).all(is_not_there) =>
        {
            report::note(left_out(settings.combination.shape));
            Ok((settings.pull_secrets.iter().map(|_| DockerConfig::unknown()).collect(), Known::NotTheLogins))
        }
        Err(failure) => Err(failure),
    }
}

/// What a comparison without credentials cannot tell.
fn left_out(shape: Shape) -> &'static str {
    match shape {
        Shape::Directory | Shape::Kustomization | Shape::Chart => {
            "there are no credentials, so what depends on them was not compared: the content of Secrets, encrypted ones too, and the registries of policies"
        }
        Shape::Yaml | Shape::Json | Shape::HelmValues | Shape::DockerConfig => {
            "there are no credentials, so the content of the file was not compared, only whether it is there: \
             Secrets are in the same file as all else"
        }
    }
}

fn is_not_there(problem: &Problem) -> bool {
    matches!(problem.code, "variable-unset" | "variable-empty")
}
