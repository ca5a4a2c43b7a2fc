//! Declares the flags of `regcred controller`, and notices a start as Titansoft's patcher.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use regcred_core::controller::titansoft;
use regcred_core::names::Namespace;
use regcred_core::spec::typed::Typed;

use super::cluster::{ConnectionArguments, Patience};
use super::{Arguments, Command, GlobalArguments};
use crate::environment::Environment;

/// `regcred controller`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "It reads the regcred.yaml of --config [default: /etc/regcred/config/regcred.yaml], whose logins name mounted Secrets.\n\
    `regcred render --strategy controller` writes the manifests that run it.\n\n\
    Exit: 0 stopped by a signal, or with --once all namespaces are served; 1 something failed; 2 usage."
)]
pub struct ControllerArguments {
    /// Folder of the mounted Secrets: one folder per Secret, one file per key
    #[arg(long, value_name = "FOLDER", default_value = "/etc/regcred/secrets", help_heading = "Which logins")]
    pub secrets: PathBuf,
    /// Namespace of the lease and the Events [default: that of the Pod]
    #[arg(long, value_name = "NAME", help_heading = "How")]
    pub namespace: Option<Namespace>,
    /// Make one pass over all namespaces, and end
    #[arg(long, help_heading = "How", conflicts_with_all = ["restart_stuck_pods", "check_online"])]
    pub once: bool,
    /// Do what custom resources ask for, within what regcred.yaml permits
    #[arg(long, help_heading = "Which logins")]
    pub crd: bool,
    /// Evict Pods that fail to pull because they were created without the reference
    #[arg(long, help_heading = "How")]
    pub restart_stuck_pods: bool,
    /// Ask the registries about each login, and again after this time: 1h, 30m
    #[arg(long, value_name = "INTERVAL", help_heading = "How")]
    pub check_online: Option<Patience>,
    /// Address for /healthz, /readyz and /metrics
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:8080", help_heading = "What to say")]
    pub listen: SocketAddr,
    /// Form of the log
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text, help_heading = "What to say")]
    pub log_format: LogFormat,
    /// Which cluster
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One line per entry
    Text,
    /// One JSON object per line
    Json,
}

/// The arguments of a start in place of Titansoft's patcher, which has no command; `None` for any other start.
pub fn of_a_patcher(typed: &[OsString], environment: &Environment) -> Option<Arguments> {
    let flags = typed.get(1..).unwrap_or_default();
    let texts: Vec<_> = flags.iter().map(|argument| argument.to_str().unwrap_or_default()).collect();
    titansoft::is_meant(&texts, |name| environment.is_set(name)).then(|| Arguments {
        global: GlobalArguments { config: None, no_config: false, verbose: false },
        command: Command::StandIn(flags.to_vec()),
        typed: Typed::default(),
    })
}
