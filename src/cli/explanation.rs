//! Declares the flags of `regcred explain`.

use clap::{Args, ValueEnum};
use regcred_core::names::{Namespace, ResourceName};

use super::AnswerFormat;
use super::cluster::ConnectionArguments;

/// `regcred explain`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "For example:\n  \
    regcred explain pod api-7d4f -n team-a\n  \
    regcred explain image ghcr.io/acme/api:1.4 -n team-a\n\n\
    Exit: 0 answered, 1 the cluster does not answer, 2 usage.")]
pub struct ExplainArguments {
    /// What is asked for
    #[arg(value_enum)]
    pub subject: Subject,
    /// The Pod, or the image
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Namespace of the Pod, or of the Pods that would use the image
    #[arg(short, long, value_name = "NAME", help_heading = "Where")]
    pub namespace: Namespace,
    /// With an image: ServiceAccount of those Pods [default: default]
    #[arg(id = "account", long = "service-account", value_name = "NAME", help_heading = "Where")]
    pub account: Option<ResourceName>,
    /// The cluster of regcred.yaml
    #[arg(long, value_name = "NAME", help_heading = "Where")]
    pub cluster: Option<String>,
    /// Which cluster
    #[command(flatten)]
    pub connection: ConnectionArguments,
    /// Ask no registry
    #[arg(long, help_heading = "Which registries")]
    pub offline: bool,
    /// Token server that may get logins though it is on another host than its registry: HOST[:PORT]; repeatable
    #[arg(long, value_name = "HOST", help_heading = "Which registries")]
    pub allow_realm: Vec<String>,
    /// Registry that speaks plain HTTP: HOST[:PORT]; repeatable
    #[arg(long, value_name = "HOST", help_heading = "Which registries")]
    pub insecure_registry: Vec<String>,
    /// Form of the answer [default: text]
    #[arg(id = "answer", long = "format", value_name = "FORMAT", value_enum, default_value_t = AnswerFormat::Text, hide_default_value = true, help_heading = "What to say")]
    pub format: AnswerFormat,
}

/// What is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Subject {
    /// Every image of a Pod
    Pod,
    /// An image, for the Pods of a ServiceAccount
    Image,
}
