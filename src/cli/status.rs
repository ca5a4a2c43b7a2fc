//! Declares the flags of `status`.

use std::path::PathBuf;

use clap::Args;
use regcred_core::spec::choice::Link;

use super::AnswerFormat;
use super::cluster::{ConnectionArguments, LinkArguments, OnConflict, PlaceArguments};
use super::render::{LoginArguments, choice};

/// `regcred status`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "For example:\n  \
    regcred status -n team-a,team-b\n  \
    regcred status -A --html status.html\n\n\
    No login is needed; without one a Secret is `present` instead of `current`.\n\
    Exit: 0 all is as wanted, 1 it cannot be told, 2 usage, 3 something is not.")]
pub struct StatusArguments {
    /// Which logins
    #[command(flatten)]
    pub logins: LoginArguments,
    /// Where
    #[command(flatten)]
    pub place: PlaceArguments,
    /// How pods find them [default: service-account]
    #[arg(long, value_parser = choice::<Link>(), help_heading = "How")]
    pub link: Option<Link>,
    /// ServiceAccount that should be linked, or a glob for several, repeatable [default: default]
    #[arg(long, value_name = "GLOB", help_heading = "How")]
    pub service_account: Vec<String>,
    /// Every ServiceAccount of the namespaces should be linked
    #[arg(long, conflicts_with = "service_account", help_heading = "How")]
    pub all_service_accounts: bool,
    /// What apply does with somebody else's Secret of the same name: one that it skips is as wanted
    #[arg(long, value_enum, default_value_t = OnConflict::Fail, hide_default_value = true, help_heading = "How")]
    pub on_conflict: OnConflict,
    /// Which cluster
    #[command(flatten)]
    pub connection: ConnectionArguments,
    /// Also ask the registries whether a new node could pull the images that Pods use: each distinct question once
    #[arg(long, help_heading = "Online")]
    pub online: bool,
    /// With --online: allow logins to this token server, which is on another host than its registry (repeatable)
    #[arg(long, value_name = "HOST", requires = "online", help_heading = "Online")]
    pub allow_realm: Vec<String>,
    /// With --online: registry that speaks plain HTTP (repeatable). Loopback addresses with a port always do
    #[arg(long, value_name = "HOST", requires = "online", help_heading = "Online")]
    pub insecure_registry: Vec<String>,
    /// Also write a page for a browser, which needs no network
    #[arg(long, value_name = "FILE", help_heading = "What to say")]
    pub html: Option<PathBuf>,
    /// Form of the result [default: text]
    #[arg(id = "answer", long = "format", value_name = "FORMAT", value_enum, default_value_t = AnswerFormat::Text, hide_default_value = true, help_heading = "What to say")]
    pub format: AnswerFormat,
}

impl StatusArguments {
    /// How Pods should find the pull secrets, as `apply` is told.
    pub fn link_arguments(&self) -> LinkArguments {
        LinkArguments {
            link: self.link,
            service_account: self.service_account.clone(),
            all_service_accounts: self.all_service_accounts,
            on_conflict: self.on_conflict,
            recreate: false,
            prune: false,
        }
    }
}
