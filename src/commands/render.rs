//! `regcred render`: credentials in, manifests out.

use anyhow::Result;

use crate::cli::RenderArguments;
use crate::credentials::Credentials;
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
    report::warn(&settings.warnings);
    let sources = settings.pull_secrets.iter().map(|pull_secret| pull_secret.sources.as_slice());
    let credentials = Credentials::read(sources, environment, settings.short_lived)?;
    report::warn(&credentials.warnings);
    let docker_configs = merge(credentials)?;
    if settings.combination.shape == Shape::DockerConfig {
        return docker_config(&settings, &docker_configs);
    }
    let templates = Templates::load(settings.templates.as_deref())?;
    let manifests = resources::build(&settings, &docker_configs, &templates)?;
    let form = if settings.combination.shape == Shape::Json { Form::Json } else { Form::Yaml };
    explain(stream::print(&manifests, form)?);
    Ok(Outcome::Done)
}

/// One Docker config a pull secret; what is wrong with any of them, together.
pub(super) fn merge(credentials: Credentials) -> Result<Vec<DockerConfig>, Failure> {
    let mut problems: Vec<Problem> = Vec::new();
    let mut docker_configs = Vec::new();
    for logins in credentials.logins {
        match DockerConfig::merge(logins) {
            Ok(docker_config) => docker_configs.push(docker_config),
            Err(Failure::Input { problems: found, .. }) => problems.extend(found),
            Err(other) => return Err(other),
        }
    }
    Failure::unless_clean("the logins", &problems)?;
    Ok(docker_configs)
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
