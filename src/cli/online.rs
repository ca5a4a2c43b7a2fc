//! Declares the flags of the commands that ask registries.

use std::path::PathBuf;

use clap::Args;

/// How registries are asked.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "With --online")]
pub struct OnlineArguments {
    /// Ask the registries whether each login is good, until when, and whether it may pull the images
    #[arg(long, conflicts_with = "list")]
    pub online: bool,
    /// Manifests in a file or on stdin (-) whose images may have to be pulled
    #[arg(long, value_name = "FILE", requires = "online")]
    pub images_from: Option<PathBuf>,
    /// Allow logins to this token server, which is on another host than its registry (repeatable)
    #[arg(long, value_name = "HOST", requires = "online")]
    pub allow_realm: Vec<String>,
    /// Registry that speaks plain HTTP (repeatable). Loopback addresses with a port always do
    #[arg(long, value_name = "HOST", requires = "online")]
    pub insecure_registry: Vec<String>,
    /// How long one request may take [default: 10s]
    #[arg(long, value_name = "DURATION", requires = "online")]
    pub timeout: Option<String>,
}
