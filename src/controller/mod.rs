//! The verb `controller`: runs in a cluster, and serves every chosen namespace.
//!
//! One thread does everything: watches, writes, the Lease, the check of the policies, and the answers on a port.

mod asked;
mod config;
mod confinement;
mod http;
mod last_error;
mod leadership;
mod log;
mod metrics;
mod mounted;
mod news;
mod observed;
mod once;
mod online;
mod pods;
mod serve;
mod session;
mod signal;
mod stand_in;
mod state;
mod statuses;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::environment::Environment;
use crate::report::Outcome;
use regcred_cluster::connect::Access;
use regcred_cluster::threads;
use regcred_core::confine::Allowed;
use regcred_core::controller::Manner;
use regcred_core::controller::titansoft::Settings;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::names::Namespace;

pub use log::{Format as LogFormat, be_detailed};

/// The default file of the settings, which a Pod mounts.
pub const CONFIG: &str = "/etc/regcred/config/regcred.yaml";

/// The hint if the settings file is missing.
const MOUNT: &str = "in a Pod, mount the ConfigMap with the key regcred.yaml; elsewhere, save its content as a file, and pass `--config FILE`";

/// The options of the controller.
pub struct Options {
    /// Where its settings and the logins come from.
    pub origin: Origin,
    /// Whether the settings or custom resources drive the controller.
    pub wishes: Wishes,
    /// The namespace of the Lease and the Events; without it, the namespace of the Pod or the kubeconfig.
    pub namespace: Option<Namespace>,
    /// How long the controller runs.
    pub lasting: Lasting,
    /// The address of its port, if it has one.
    pub listen: Option<SocketAddr>,
    /// The form of its log.
    pub log_format: LogFormat,
    /// How the cluster is reached.
    pub access: Access,
    /// What the settings may name.
    pub allowed: Allowed,
    /// What to do with Pods that lack the reference.
    pub stuck_pods: StuckPods,
    /// How often the registries are asked; `None` means never.
    pub check_online: Option<Duration>,
    /// A text that differs for each replica, and for each start of it.
    pub identity: String,
}

/// Where the settings and the logins come from.
pub enum Origin {
    /// From mounted files.
    Mounted {
        /// The regcred.yaml.
        config: PathBuf,
        /// The folder of the Secrets.
        secrets: PathBuf,
    },
    /// From the variables and flags of Titansoft's patcher.
    Patcher(Box<Settings>),
}

impl Origin {
    /// The file of the settings in a message: a path that somebody has typed is not repeated.
    fn file(&self) -> String {
        match self {
            Self::Mounted { config, .. } if config == Path::new(CONFIG) => format!("`{CONFIG}`"),
            Self::Mounted { .. } | Self::Patcher(_) => "the file of `--config`".to_owned(),
        }
    }

    /// Whether it serves as the controller, or stands in for Titansoft's patcher.
    fn manner(&self) -> Manner {
        match self {
            Self::Mounted { .. } => Manner::Controller,
            Self::Patcher(_) => Manner::Patcher,
        }
    }
}

/// Whether the settings or custom resources drive the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wishes {
    /// The mounted settings.
    Settings,
    /// Custom resources, within the limits of the mounted regcred.yaml.
    Resources,
}

/// How long the controller runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// One pass.
    Once,
    /// Until a signal.
    UntilSignal,
}

/// What to do with Pods that fail to pull because they were created without the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StuckPods {
    /// Nothing.
    Stay,
    /// Evict them, so that their controller creates new ones.
    Evict,
}

/// The namespace of this replica: the named one, or the namespace of the connection.
fn own_namespace(named: Option<Namespace>, connected: &str) -> Result<Namespace, Diagnostic> {
    let wrong =
        |_| Diagnostic::error(Code::InvalidKubeconfig, "the namespace of the kubeconfig's context is not valid");
    named.map_or_else(|| connected.parse().map_err(wrong), Ok)
}

/// Runs the controller.
/// Errors: the controller cannot start; with one pass also the problems of the mounted files.
pub fn run(options: Options, environment: &Environment) -> Result<Outcome, Failure> {
    log::set(options.log_format);
    let runtime = threads::runtime()?;
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        match options.lasting {
            Lasting::Once => once::pass(options, environment).await,
            Lasting::UntilSignal => serve::serve(options, environment).await,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_is_named_and_a_typed_path_is_not() {
        let file = |config: &str| Origin::Mounted { config: config.into(), secrets: PathBuf::new() }.file();
        assert_eq!(file(CONFIG), "`/etc/regcred/config/regcred.yaml`");
        assert_eq!(file("/hunter2"), "the file of `--config`");
    }
}
