//! `regcred render`: credentials in, manifests out.

use anyhow::Result;

use super::logins::{self, Checked};
use crate::cli::RenderArguments;
use crate::docker_config::DockerConfig;
use crate::environment::Environment;
use crate::output::stream::{self, Form, Shown};
use crate::problem::{Failure, Problem};
use crate::report::{self, Outcome};
use crate::resources;
use crate::settings::choices::Shape;
use crate::settings::file::File;
use crate::settings::{Encoding, Settings};
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

fn explain(shown: Shown) {
    if shown == Shown::Redacted {
        report::note(
            "values of Secrets are not shown on a terminal; pipe the output on, for example to `kubectl apply --server-side --field-manager=regcred -f -`",
        );
    }
}
