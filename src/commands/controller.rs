//! `regcred controller` keeps every namespace of its cluster served.

use std::collections::hash_map::RandomState;
use std::ffi::OsString;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use super::cluster::connection;
use crate::cli::cluster::{ConnectionArguments, Patience};
use crate::cli::controller::{ControllerArguments, LogFormat};
use crate::controller::{self, CONFIG, Lasting, Options, Origin, StuckPods, Wishes};
use crate::environment::{Environment, read_text};
use crate::report::Outcome;
use crate::settings::file::Which;
use crate::settings::{allowed, usage};
use regcred_core::controller::titansoft::{self, Passes, Verbosity};
use regcred_core::diagnostic::{Code, Failure};
use regcred_core::names::Namespace;

/// The file in which a Pod finds the name of its namespace.
const NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// The default deadline of one call.
const PATIENCE: Patience = Patience(Duration::from_secs(30));

/// Resolves the options of the controller, and runs it.
pub fn run(which: &Which, arguments: &ControllerArguments, environment: &Environment) -> Result<Outcome> {
    let ControllerArguments {
        secrets,
        crd,
        namespace,
        once,
        restart_stuck_pods,
        check_online,
        listen,
        log_format,
        connection,
    } = arguments;
    let config = match which {
        Which::Named(path) => path.clone(),
        Which::Found => PathBuf::from(CONFIG),
        Which::No => {
            let message = "`--no-config` has no effect on the controller, which reads all settings from its file";
            return Err(usage(message, "leave it out").into());
        }
    };
    let options = Options {
        origin: Origin::Mounted {
            config: environment.directory().join(config),
            secrets: environment.directory().join(secrets),
        },
        wishes: if *crd { Wishes::Resources } else { Wishes::Settings },
        namespace: Some(namespace.clone().map_or_else(own_namespace, Ok)?),
        lasting: if *once { Lasting::Once } else { Lasting::UntilSignal },
        listen: Some(*listen),
        log_format: match log_format {
            LogFormat::Text => controller::LogFormat::Text,
            LogFormat::Json => controller::LogFormat::Json,
        },
        access: connection::of_flags(connection, environment).map_err(|problem| Failure::of("the cluster", problem))?,
        allowed: allowed(environment).map_err(|problem| Failure::of("the environment", problem))?,
        stuck_pods: if *restart_stuck_pods { StuckPods::Evict } else { StuckPods::Stay },
        check_online: check_online.map(|interval| interval.0),
        identity: identity(environment),
    };
    Ok(controller::run(options, environment)?)
}

/// Acts as Titansoft's imagepullsecret-patcher, with its variables and these flags.
pub fn stand_in(arguments: &[OsString], environment: &Environment) -> Result<Outcome> {
    let typed: Vec<_> = arguments.iter().map(|argument| argument.to_str().unwrap_or_default()).collect();
    let variables = environment.without(&[]).filter_map(|(name, value)| Some((name.to_str()?, value.to_str())));
    let variables = variables.filter(|(name, _)| name.starts_with("CONFIG_"));
    let settings = titansoft::read(&typed, variables).map_err(|problems| {
        let is_usage = problems.iter().all(|problem| problem.code == Code::Usage);
        let title = "the settings of imagepullsecret-patcher";
        if is_usage { Failure::Usage(problems) } else { Failure::Input { title, problems } }
    })?;
    if settings.verbosity == Verbosity::Debug {
        controller::be_detailed();
    }
    let connection =
        ConnectionArguments { kubeconfig: None, context: None, user: None, groups: Vec::new(), timeout: PATIENCE };
    let options = Options {
        lasting: match settings.passes {
            Passes::One => Lasting::Once,
            Passes::ForEver => Lasting::UntilSignal,
        },
        origin: Origin::Patcher(Box::new(settings)),
        wishes: Wishes::Settings,
        namespace: None,
        listen: None,
        log_format: controller::LogFormat::Text,
        access: connection::of_flags(&connection, environment)
            .map_err(|problem| Failure::of("the cluster", problem))?,
        allowed: allowed(environment).map_err(|problem| Failure::of("the environment", problem))?,
        stuck_pods: StuckPods::Stay,
        check_online: None,
        identity: identity(environment),
    };
    Ok(controller::run(options, environment)?)
}

/// A text that differs for each replica, and for each start of it.
fn identity(environment: &Environment) -> String {
    let host = environment.setting("HOSTNAME").unwrap_or("regcred");
    format!("{host}-{:08x}", RandomState::new().hash_one(std::process::id()) & 0xffff_ffff)
}

fn own_namespace() -> Result<Namespace, Failure> {
    let text = read_text(Path::new(NAMESPACE)).unwrap_or_default();
    text.trim().parse().map_err(|_| {
        let message = "`--namespace` is missing, and this is no Pod with a ServiceAccount's token";
        usage(message, "name the namespace of the lease and the Events: --namespace regcred-system")
    })
}
