//! Declares the flags of `regcred render` for the controller, and for the rights of an account.

use clap::Args;

/// The rights of `--format rbac`.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "With --format rbac")]
pub struct GrantArguments {
    /// Who gets the rights: user:NAME, group:NAME or service-account:NAMESPACE/NAME; repeatable
    #[arg(long, value_name = "SUBJECT")]
    pub subject: Vec<String>,
    /// The rights for every namespace except the cluster's own, as for `apply -A`
    #[arg(short = 'A', long, conflicts_with = "namespaces")]
    pub all_namespaces: bool,
    /// The rights for namespaces with these labels, as for `apply -l`
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub selector: Option<String>,
    /// The rights that `apply --prune` needs to remove unwanted objects in every namespace
    #[arg(long)]
    pub prune: bool,
    /// The right to evict Pods, for `apply --restart-stuck-pods`; with --strategy controller the controller does it
    #[arg(long)]
    pub restart_stuck_pods: bool,
}

/// The controller of `--strategy controller`.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "With --strategy controller")]
pub struct InstallationArguments {
    /// Image of the controller, with regcred in it: docs/ci.md says how to build one
    #[arg(long, value_name = "IMAGE")]
    pub controller_image: Option<String>,
    /// Its namespace [default: regcred-system]
    #[arg(long, value_name = "NAME")]
    pub controller_namespace: Option<String>,
    /// How many Pods of it run [default: 2]
    #[arg(long, value_name = "NUMBER")]
    pub replicas: Option<String>,
    /// Oldest version of Kubernetes that it is for [default: 1.36]
    #[arg(long, value_name = "VERSION")]
    pub kube_version: Option<String>,
    /// Let custom resources configure the controller, within the limits of this run
    #[arg(long)]
    pub crd: bool,
    /// Let it ask the registries about each login, and again after this time: 1h, 30m
    #[arg(long, value_name = "INTERVAL")]
    pub check_online: Option<String>,
}
