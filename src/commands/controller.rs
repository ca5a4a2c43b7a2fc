//! `regcred controller` keeps every namespace of its cluster served.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::cluster::connection;
use crate::cli::controller::{ControllerArguments, LogFormat};
use crate::controller::{self, Lasting, Options, StuckPods, Wishes};
use crate::environment::{Environment, read_text};
use crate::report::Outcome;
use crate::settings::allowed;
use crate::settings::file::Which;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::names::Namespace;

/// The file that is mounted where none is named.
const CONFIG: &str = "/etc/regcred/config/regcred.yaml";
/// Where a Pod finds the name of its namespace.
const NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// Decides how it runs, and runs it.
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
            let problem = Diagnostic::error(
                Code::Usage,
                "`--no-config` means nothing to the controller, which has all from its file",
            );
            return Err(Failure::Usage(vec![problem.hint("leave it out")]).into());
        }
    };
    let of_the_cluster = |problem| Failure::of("the cluster", problem);
    let host = environment.setting("HOSTNAME").unwrap_or("regcred");
    let options = Options {
        config: environment.directory().join(config),
        secrets: environment.directory().join(secrets),
        namespace: namespace.clone().map_or_else(own_namespace, Ok)?,
        wishes: if *crd { Wishes::Resources } else { Wishes::File },
        lasting: if *once { Lasting::Once } else { Lasting::ForEver },
        listen: *listen,
        log_format: match log_format {
            LogFormat::Text => controller::LogFormat::Text,
            LogFormat::Json => controller::LogFormat::Json,
        },
        access: connection::of_flags(connection, environment).map_err(of_the_cluster)?,
        allowed: allowed(environment).map_err(|problem| Failure::of("the environment", problem))?,
        stuck_pods: if *restart_stuck_pods { StuckPods::Evict } else { StuckPods::Stay },
        check_online: check_online.map(|interval| interval.0),
        identity: format!("{host}-{:08x}", RandomState::new().hash_one(std::process::id()) & 0xffff_ffff),
    };
    Ok(controller::run(options, environment)?)
}

fn own_namespace() -> Result<Namespace, Failure> {
    let text = read_text(Path::new(NAMESPACE)).unwrap_or_default();
    text.trim().parse().map_err(|_| {
        let problem = Diagnostic::error(
            Code::Usage,
            "`--namespace` is missing, and this is no Pod with a ServiceAccount's token",
        );
        Failure::Usage(vec![problem.hint("name the namespace of the lease and the Events: --namespace regcred-system")])
    })
}
