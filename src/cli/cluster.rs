//! Declares the flags of the commands for a live cluster.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use regcred_core::cluster::delivery;
use regcred_core::spec::choice::Link;
use regcred_core::spec::go;

use super::AnswerFormat;
use super::render::{LoginArguments, choice};

/// Which namespaces, chosen in the cluster.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Where")]
pub struct PlaceArguments {
    /// Namespaces: names and globs, joined by commas [env: REGCRED_NAMESPACES]
    #[arg(short, long, value_name = "GLOBS", value_delimiter = ',')]
    pub namespaces: Vec<String>,
    /// Every namespace except the cluster's own (kube-*, openshift-*)
    #[arg(short = 'A', long, conflicts_with = "namespaces")]
    pub all_namespaces: bool,
    /// Namespaces with these labels, as for kubectl: team=shop,stage!=test
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub selector: Option<String>,
    /// Namespaces to leave out: names and globs
    #[arg(long, value_name = "GLOBS", value_delimiter = ',')]
    pub exclude: Vec<String>,
    /// Only these clusters of regcred.yaml, joined by commas; repeatable
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub cluster: Vec<String>,
    /// Name of the Secret [default: image-pull-secret]
    #[arg(long, value_name = "NAME")]
    pub secret_name: Option<String>,
}

/// How Pods find the pull secrets.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "How")]
pub struct LinkArguments {
    /// How pods find them [default: service-account]
    #[arg(long, value_parser = choice::<Link>())]
    pub link: Option<Link>,
    /// ServiceAccount to link, or a glob for several, repeatable [default: default]
    #[arg(long, value_name = "GLOB")]
    pub service_account: Vec<String>,
    /// Link every ServiceAccount of the namespaces
    #[arg(long, conflicts_with = "service_account")]
    pub all_service_accounts: bool,
    /// What to do with somebody else's Secret of the same name
    #[arg(long, value_enum, default_value_t = OnConflict::Fail, hide_default_value = true)]
    pub on_conflict: OnConflict,
    /// Delete and recreate a Secret that cannot change, because it is immutable or has another type
    #[arg(long)]
    pub recreate: bool,
    /// Remove this owner's objects from namespaces that are no longer chosen
    #[arg(long)]
    pub prune: bool,
}

/// How to reach the cluster.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Which cluster")]
pub struct ConnectionArguments {
    /// Kubeconfig to read [default: KUBECONFIG, ~/.kube/config, or the ServiceAccount of the Pod]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig [default: the context of the cluster in regcred.yaml, or the current context]
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// User to act as
    #[arg(id = "as", long = "as", value_name = "USER")]
    pub user: Option<String>,
    /// Group to act as, repeatable
    #[arg(id = "as-group", long = "as-group", value_name = "GROUP")]
    pub groups: Vec<String>,
    /// How long one call to the cluster may take, with all its tries: 30s, 2m
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    pub timeout: Patience,
}

/// A duration as Go writes it, of a millisecond or more.
#[derive(Clone, Copy, Debug)]
pub struct Patience(pub Duration);

impl FromStr for Patience {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let nanoseconds = go::nanoseconds(text).filter(|nanoseconds| *nanoseconds >= go::SECOND / 1000.0);
        nanoseconds.map(|nanoseconds| Self(Duration::from_secs_f64(nanoseconds / go::SECOND))).ok_or("no duration")
    }
}

/// What to do with somebody else's Secret of the same name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OnConflict {
    /// Write nothing anywhere (default)
    #[default]
    Fail,
    /// Leave it, and do everything else
    Skip,
    /// Take it over if it holds the same logins
    Adopt,
    /// Take it over whatever it holds
    Overwrite,
}

impl From<OnConflict> for delivery::OnConflict {
    fn from(choice: OnConflict) -> Self {
        match choice {
            OnConflict::Fail => Self::Fail,
            OnConflict::Skip => Self::Skip,
            OnConflict::Adopt => Self::Adopt,
            OnConflict::Overwrite => Self::Overwrite,
        }
    }
}

/// `regcred apply`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "For example:\n  \
    regcred apply -n team-a,team-b\n  \
    regcred apply -A --exclude 'sandbox-*' --dry-run\n  \
    regcred apply --cluster prod-eu\n\n\
    Exit: 0 done, 1 something failed, 2 usage, 3 with --dry-run: something would change.")]
pub struct ApplyArguments {
    /// Which logins
    #[command(flatten)]
    pub logins: LoginArguments,
    /// Where
    #[command(flatten)]
    pub place: PlaceArguments,
    /// How
    #[command(flatten)]
    pub link: LinkArguments,
    /// Which cluster
    #[command(flatten)]
    pub connection: ConnectionArguments,
    /// Ask the registries about each login before the first write
    #[arg(long, help_heading = "How")]
    pub check_online: bool,
    /// Allow logins to this token server, which is on another host than its registry (repeatable)
    #[arg(long, value_name = "HOST", requires = "check_online", help_heading = "How")]
    pub allow_realm: Vec<String>,
    /// Registry that speaks plain HTTP (repeatable). Loopback addresses with a port always do
    #[arg(long, value_name = "HOST", requires = "check_online", help_heading = "How")]
    pub insecure_registry: Vec<String>,
    /// Evict Pods that fail to pull because they were created without the reference
    #[arg(long, help_heading = "How")]
    pub restart_stuck_pods: bool,
    /// Write nothing; print what would change, and exit 3 if something would
    #[arg(long, help_heading = "What to say")]
    pub dry_run: bool,
    /// Form of the result [default: text]
    #[arg(id = "answer", long = "format", value_name = "FORMAT", value_enum, default_value_t = AnswerFormat::Text, hide_default_value = true, help_heading = "What to say")]
    pub format: AnswerFormat,
}

/// `regcred diff`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "For example:\n  \
    regcred diff -n team-a,team-b\n  \
    regcred diff -A --format markdown > comment.md\n\n\
    Without the right to read Secrets, or without the logins, the rest is compared.\n\
    Exit: 0 nothing differs, 1 it cannot be told, 2 usage, 3 something differs.")]
pub struct DiffArguments {
    /// Which logins
    #[command(flatten)]
    pub logins: LoginArguments,
    /// Where
    #[command(flatten)]
    pub place: PlaceArguments,
    /// How
    #[command(flatten)]
    pub link: LinkArguments,
    /// Which cluster
    #[command(flatten)]
    pub connection: ConnectionArguments,
    /// Form of the result [default: text]
    #[arg(id = "answer", long = "format", value_name = "FORMAT", value_enum, default_value_t = DiffFormat::Text, hide_default_value = true, help_heading = "What to say")]
    pub format: DiffFormat,
}

/// `regcred delete`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "It deletes what this owner made in the chosen namespaces: references first, then Secrets; with -A also\n\
    policies and patchers. No login is needed.\n\n\
    For example:\n  \
    regcred delete -n team-a --dry-run\n  \
    regcred delete -A --yes\n\n\
    Exit: 0 done, 1 something failed, 2 usage, 3 with --dry-run: something would be deleted."
)]
pub struct DeleteArguments {
    /// Where
    #[command(flatten)]
    pub place: PlaceArguments,
    /// Which cluster
    #[command(flatten)]
    pub connection: ConnectionArguments,
    /// How pods find them [default: service-account]; with none or policy it needs no right to read ServiceAccounts
    #[arg(long, value_parser = choice::<Link>(), help_heading = "How")]
    pub link: Option<Link>,
    /// Do not ask
    #[arg(short = 'y', long, help_heading = "How")]
    pub yes: bool,
    /// Delete nothing; print what would be deleted, and exit 3 if something would
    #[arg(long, help_heading = "What to say")]
    pub dry_run: bool,
    /// Form of the result [default: text]
    #[arg(id = "answer", long = "format", value_name = "FORMAT", value_enum, default_value_t = AnswerFormat::Text, hide_default_value = true, help_heading = "What to say")]
    pub format: AnswerFormat,
}

/// The form of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// For people
    Text,
    /// One documented object
    Json,
    /// A comment for a merge request
    Markdown,
}
