//! Declares the flags of `regcred explain`.

use std::ffi::OsStr;

use clap::builder::{EnumValueParser, PossibleValue, TypedValueParser};
use clap::{Arg, Args, Command, Error, ValueEnum};
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
    /// What is asked for; `pod/NAME` is `pod NAME`
    #[arg(value_parser = SubjectParser)]
    pub subject: Subject,
    /// The Pod, or the image
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
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
    /// Allow logins to this token server, which is on another host than its registry (repeatable)
    #[arg(long, value_name = "HOST", help_heading = "Which registries")]
    pub allow_realm: Vec<String>,
    /// Registry that speaks plain HTTP (repeatable)
    #[arg(long, value_name = "HOST", help_heading = "Which registries")]
    pub insecure_registry: Vec<String>,
    /// Form of the answer [default: text]
    #[arg(id = "answer", long = "format", value_name = "FORMAT", value_enum, default_value_t = AnswerFormat::Text, hide_default_value = true, help_heading = "What to say")]
    pub format: AnswerFormat,
}

/// What is explained.
#[derive(Clone, Debug, PartialEq, Eq, ValueEnum)]
pub enum Subject {
    /// Every image of a Pod
    Pod,
    /// An image, for the Pods of a ServiceAccount
    Image,
    /// A Pod in the form of kubectl
    #[value(skip)]
    PodOf(String),
}

/// Also reads `pod/NAME`.
#[derive(Clone)]
struct SubjectParser;

impl TypedValueParser for SubjectParser {
    type Value = Subject;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, text: &OsStr) -> Result<Subject, Error> {
        match text.to_str().and_then(|text| text.strip_prefix("pod/")) {
            Some(name) => Ok(Subject::PodOf(name.to_owned())),
            None => EnumValueParser::new().parse_ref(command, argument, text),
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Subject::value_variants().iter().filter_map(Subject::to_possible_value)))
    }
}
