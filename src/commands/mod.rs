//! Runs the commands, one file each.

#[cfg(feature = "cluster")]
mod cluster;
mod completions;
#[cfg(feature = "cluster")]
mod controller;
mod deliver;
mod fetch_cert;
mod image;
mod init;
mod init_fleet;
mod inject;
mod krm;
mod kubeconfig;
mod logins;
#[cfg(feature = "cluster")]
mod online;
mod render;
mod runs;
mod schema;
mod verify;

use anyhow::Result;

use crate::cli::{Arguments, Command, GlobalArguments};
use crate::environment::Environment;
use crate::report::{self, Outcome};
use crate::settings::file::{self, File, Which};
use regcred_core::confine;
use regcred_core::diagnostic::Failure;

/// Runs the command of the arguments.
///
/// # Errors
/// A [`regcred_core::diagnostic::Failure`].
pub fn run(arguments: Arguments, environment: &Environment) -> Result<Outcome> {
    let Arguments { global: GlobalArguments { config, no_config, verbose }, command, typed } = arguments;
    let which = match (config, no_config) {
        (Some(path), _) => Which::Named(path),
        (None, true) => Which::No,
        (None, false) => Which::Found,
    };
    if verbose {
        report::be_verbose();
    }
    let load = || -> Result<Option<File>> {
        Ok(file::load(&which, environment)?.map(|(path, file)| {
            report::detail(&format!("reading {}", path.display()));
            file
        }))
    };
    if !matches!(command, Command::Init(_) | Command::Schema | Command::Completions { .. } | Command::Man { .. }) {
        let is_empty = |name: &str| {
            !environment.is_set(name)
                || environment.setting(name).is_some_and(|text| confine::parts(text).next().is_none())
        };
        let problems = confine::check_guards(environment.names(), is_empty);
        Failure::unless_clean("the environment", &problems)?;
    }
    match command {
        Command::Render(_) => render::run(&typed, load()?.as_ref(), environment),
        #[cfg(feature = "cluster")]
        Command::Apply(arguments) => cluster::apply::run((&typed, &which), &arguments, load()?.as_ref(), environment),
        #[cfg(feature = "cluster")]
        Command::Diff(arguments) => cluster::diff::run(&typed, &arguments, load()?.as_ref(), environment),
        #[cfg(feature = "cluster")]
        Command::Status(arguments) => cluster::status::run(&typed, &arguments, load()?.as_ref(), environment),
        #[cfg(feature = "cluster")]
        Command::Delete(arguments) => cluster::delete::run(&typed, &arguments, load()?.as_ref(), environment),
        #[cfg(feature = "cluster")]
        Command::Explain(arguments) => cluster::explain::run(&typed, &arguments, load()?.as_ref(), environment),
        #[cfg(feature = "cluster")]
        Command::Controller(arguments) => controller::run(&which, &arguments, environment),
        #[cfg(feature = "cluster")]
        Command::StandIn(arguments) => controller::stand_in(&arguments, environment),
        Command::Verify(arguments) => verify::run(&typed, &arguments, load()?.as_ref(), environment),
        Command::Krm => krm::run(&which, environment),
        Command::Inject(arguments) => inject::run(&typed, &arguments, load()?.as_ref(), environment),
        Command::FetchCert(arguments) => fetch_cert::run(&arguments, load()?.as_ref(), environment),
        Command::Init(arguments) => init::run(&arguments, environment),
        Command::Schema => schema::run(),
        Command::Completions { shell } => completions::completions(shell),
        Command::Man { command } => completions::man(command.as_deref()),
    }
}
