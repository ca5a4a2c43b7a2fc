//! Runs in a cluster, and keeps every namespace served: the verb `controller`.
//!
//! One thread does everything: watches, writes, the lease, the check of the policies, and the answers on a port.

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
mod stand_in;
mod state;
mod statuses;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::environment::Environment;
use crate::report::Outcome;
use regcred_cluster::connect::Access;
use regcred_core::confine::Allowed;
use regcred_core::controller::Manner;
use regcred_core::controller::titansoft::Settings;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::names::Namespace;

pub use log::{Format as LogFormat, be_detailed};

/// How the controller runs.
pub struct Options {
    /// Where its settings and the logins come from.
    pub origin: Origin,
    /// Who says what is done.
    pub wishes: Wishes,
    /// The namespace of the lease and the Events; else that of the Pod or the kubeconfig.
    pub namespace: Option<Namespace>,
    /// How long it runs.
    pub lasting: Lasting,
    /// Where it answers, if anywhere.
    pub listen: Option<SocketAddr>,
    /// The form of its log.
    pub log_format: LogFormat,
    /// How the cluster is reached.
    pub access: Access,
    /// What the file may name.
    pub allowed: Allowed,
    /// What is done with Pods that lack the reference.
    pub stuck_pods: StuckPods,
    /// How often the registries are asked; `None` is never.
    pub check_online: Option<Duration>,
    /// What tells this replica from others, and from itself after a new start.
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
    /// What is done apart from serving.
    fn manner(&self) -> Manner {
        match self {
            Self::Mounted { .. } => Manner::Controller,
            Self::Patcher(_) => Manner::Patcher,
        }
    }
}

/// Who says what is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wishes {
    /// The settings.
    Settings,
    /// Custom resources, within what the mounted regcred.yaml permits.
    Resources,
}

/// How long the controller runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// One pass.
    Once,
    /// Until a signal.
    ForEver,
}

/// What is done with Pods that fail to pull because they were created without the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StuckPods {
    /// Nothing.
    Stay,
    /// They are evicted, so that their controller makes new ones.
    Evict,
}

/// The namespace of this replica: the one that was named, or what the connection says.
fn own_namespace(named: Option<Namespace>, connected: &str) -> Result<Namespace, Diagnostic> {
    let wrong =
        |_| Diagnostic::error(Code::InvalidKubeconfig, "the namespace of the kubeconfig's context is not valid");
    named.map_or_else(|| connected.parse().map_err(wrong), Ok)
}

/// Runs.
///
/// # Errors
/// It cannot begin; with one pass also what is wrong with the mounted files.
pub fn run(options: Options, environment: &Environment) -> Result<Outcome, Failure> {
    log::set(options.log_format);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|_| {
        let problem =
            Diagnostic::error(Code::ClusterUnreachable, "the system gives no resources to wait for a cluster");
        Failure::of("the system", problem.hint("end other programs, and try again"))
    })?;
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        match options.lasting {
            Lasting::Once => once::pass(options, environment).await,
            Lasting::ForEver => serve::serve(options, environment).await,
        }
    })
}
