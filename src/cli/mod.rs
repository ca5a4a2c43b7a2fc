//! Declares what can be typed, for clap; `settings` says what it means.

#[cfg(feature = "cluster")]
pub mod cluster;
#[cfg(feature = "cluster")]
pub mod controller;
mod explain;
#[cfg(feature = "cluster")]
pub mod explanation;
mod in_cluster;
#[cfg(feature = "cluster")]
mod online;
mod other_tools;
mod parse;
mod render;
#[cfg(feature = "cluster")]
pub mod status;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use regcred_core::names::Namespace;
use regcred_core::spec::typed::Typed;

#[cfg(feature = "cluster")]
pub use online::OnlineArguments;
pub use render::{LoginArguments, RenderArguments};

/// Registry logins from CI variables to pull Secrets in every namespace, checked the way a kubelet will.
#[derive(Parser)]
#[command(
    name = "regcred",
    version,
    max_term_width = 100,
    subcommand_required = true,
    after_help = "Start here:\n  \
        DOCKERHUB_AUTH=$(base64 -w0 ~/.docker/config.json) regcred render -n team-a,team-b\n  \
        regcred verify --list          which variables are read, and which are missing\n  \
        regcred init gitlab            a regcred.yaml and the job that uses it\n\n\
        Type names of variables, never values. Exit: 0 done, 1 fault, 2 usage, 3 differs"
)]
pub struct Arguments {
    /// Which file is read, and what is said.
    #[command(flatten)]
    pub global: GlobalArguments,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
    /// The options of the command that a Spec knows.
    #[arg(skip)]
    pub typed: Typed,
}

/// The options of every command.
#[derive(Args)]
pub struct GlobalArguments {
    /// Read this file instead of the regcred.yaml found upward to the Git root
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub config: Option<PathBuf>,
    /// Read no regcred.yaml
    #[arg(long, global = true, conflicts_with = "config", help_heading = "Global options")]
    pub no_config: bool,
    /// Report on stderr what is read and written
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub verbose: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Turn logins into manifests, on stdout or under --output
    Render(Box<RenderArguments>),
    /// Create and update pull secrets in a live cluster or a fleet
    #[cfg(feature = "cluster")]
    Apply(Box<cluster::ApplyArguments>),
    /// Show what `apply` would change in a live cluster
    #[cfg(feature = "cluster")]
    Diff(Box<cluster::DiffArguments>),
    /// Show the pull secrets of a cluster, and which Pods fail to pull
    #[cfg(feature = "cluster")]
    Status(Box<status::StatusArguments>),
    /// Delete an owner's objects in a cluster: references, then Secrets
    #[cfg(feature = "cluster")]
    Delete(Box<cluster::DeleteArguments>),
    /// Say why an image of a Pod cannot be pulled, and what to do
    #[cfg(feature = "cluster")]
    Explain(Box<explanation::ExplainArguments>),
    /// Keep every namespace of a cluster served, for ever
    #[cfg(feature = "cluster")]
    Controller(Box<controller::ControllerArguments>),
    /// Stand in for Titansoft's imagepullsecret-patcher, started with its variables and these flags of it
    #[cfg(feature = "cluster")]
    #[command(skip)]
    StandIn(Vec<std::ffi::OsString>),
    /// Check the logins, and list the entries that a kubelet tries
    Verify(VerifyArguments),
    /// Add pull secrets as a function of kustomize and kpt
    ///
    /// A KRM function: reads a resource list whose functionConfig is the object of regcred.yaml, or a ConfigMap of flags, and
    /// writes it with our objects among its items. The list's `results` say what is wrong.
    Krm,
    /// Add imagePullSecrets to the Pods in manifests on stdin
    Inject(InjectArguments),
    /// Write the certificate of a cluster's Sealed Secrets to a file
    FetchCert(FetchCertArguments),
    /// Write a starting regcred.yaml and the snippet for a tool
    Init(InitArguments),
    /// Print the JSON Schema of regcred.yaml
    Schema,
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or that of a command
    Man {
        /// The command
        command: Option<String>,
    },
}

/// `regcred verify`.
#[derive(Args, Clone, Debug)]
pub struct VerifyArguments {
    /// Which logins
    #[command(flatten)]
    pub logins: LoginArguments,
    /// Only this pull secret of regcred.yaml
    #[arg(long, value_name = "NAME", help_heading = "What to say")]
    pub secret_name: Option<String>,
    /// Only what these clusters of regcred.yaml need, joined by commas; repeatable
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "What to say")]
    pub cluster: Vec<String>,
    /// List of namespaces for the globs of regcred.yaml, as for render
    #[arg(long, value_name = "FILE", help_heading = "Where")]
    pub namespaces_from: Option<PathBuf>,
    /// With sops: the output of render, for which `.sops.yaml` is read
    #[arg(short, long, value_name = "PATH", help_heading = "Where")]
    pub output: Option<PathBuf>,
    /// Also check the templates in this directory
    #[arg(long, value_name = "DIR", help_heading = "Where")]
    pub templates: Option<PathBuf>,
    /// List the variables, their purpose, and which are set
    #[arg(long, conflicts_with = "image", help_heading = "What to say")]
    pub list: bool,
    /// List the entries that a kubelet would try for this image; repeatable with --online
    #[arg(long, value_name = "IMAGE", help_heading = "What to say")]
    pub image: Vec<String>,
    /// With --image: answer for a Pod in this namespace
    #[arg(long, value_name = "NAME", requires = "image", help_heading = "What to say")]
    pub namespace: Option<Namespace>,
    /// Exit 1 if no entry matches the image
    #[arg(long, requires = "image", help_heading = "What to say")]
    pub require_match: bool,
    /// Form of the answer [default: text]
    #[arg(id = "answer", long = "format", value_name = "FORMAT", value_enum, default_value_t = AnswerFormat::Text, hide_default_value = true, help_heading = "What to say")]
    pub format: AnswerFormat,
    /// How registries are asked
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    pub online: OnlineArguments,
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AnswerFormat {
    /// For people
    Text,
    /// One documented object
    Json,
}

/// `regcred inject`.
#[derive(Args, Clone, Debug, Default)]
pub struct InjectArguments {
    /// Host of a login, repeatable: no credential is read
    #[arg(long, value_name = "HOST", help_heading = "Which Pods")]
    pub registry: Vec<String>,
    /// Login, as for render: its host is enough, its variables are not read
    #[arg(long, value_name = "LOGIN", help_heading = "Which Pods")]
    pub login: Vec<String>,
    /// Variable with a whole Docker config, of which the hosts are read [default: DOCKERHUB_AUTH]
    #[arg(long, value_name = "VARIABLE", help_heading = "Which Pods")]
    pub docker_config: Vec<String>,
    /// File with a whole Docker config, of which the hosts are read
    #[arg(long, value_name = "FILE", help_heading = "Which Pods")]
    pub docker_config_file: Vec<PathBuf>,
    /// All Pods, whatever their images
    #[arg(
        long,
        conflicts_with_all = ["registry", "login", "docker_config", "docker_config_file"],
        help_heading = "Which Pods"
    )]
    pub all: bool,
    /// Path to the Pod spec of another kind, KIND[.GROUP]=PATH, repeatable: Rollout=spec.template.spec, or
    /// Job.batch.volcano.sh=spec.tasks[].template.spec
    #[arg(long, value_name = "KIND=PATH", help_heading = "Which Pods")]
    pub path: Vec<String>,
    /// Cluster of regcred.yaml that the manifests are for [default: the pull secrets that all clusters share]
    #[arg(long, value_name = "NAME", help_heading = "Which Pods")]
    pub cluster: Option<String>,
    /// Namespace of objects without one, to match the namespaces in regcred.yaml [default: unknown, matches any]
    #[arg(long, value_name = "NAME", help_heading = "Which Pods")]
    pub namespace: Option<String>,
    /// Name of the Secret [default: image-pull-secret]
    #[arg(long, value_name = "NAME", help_heading = "What is added")]
    pub secret_name: Option<String>,
    /// Write no manifests; list the references that would be added, and exit 3 if there are any
    #[arg(long, help_heading = "What is added")]
    pub check: bool,
}

/// `regcred fetch-cert`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "It asks by way of kubectl, which has to be on the PATH. Exit: 0 done, 1 no certificate, 2 usage, 3 with --check: another one."
)]
pub struct FetchCertArguments {
    /// File to write [default: sealing.certificate in regcred.yaml]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Cluster of regcred.yaml whose certificate this is
    #[arg(long, value_name = "NAME", conflicts_with = "output")]
    pub cluster: Option<String>,
    /// Write nothing; exit 3 if the certificate of the cluster differs
    #[arg(long)]
    pub check: bool,
    /// Name of the controller's Service [default: sealed-secrets-controller] [env: SEALED_SECRETS_CONTROLLER_NAME]
    #[arg(long, value_name = "NAME")]
    pub controller_name: Option<String>,
    /// Namespace of the controller [default: kube-system] [env: SEALED_SECRETS_CONTROLLER_NAMESPACE]
    #[arg(long, value_name = "NAME")]
    pub controller_namespace: Option<String>,
    /// Context of the kubeconfig [default: the current one]
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
}

/// `regcred init`.
#[derive(Args, Clone, Debug)]
pub struct InitArguments {
    /// The tool that will apply what regcred writes
    #[arg(value_enum)]
    pub tool: Tool,
    /// Clusters of a fleet, for argocd and flux
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub clusters: Vec<String>,
    /// Directory to write to
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub directory: PathBuf,
}

/// A tool that applies manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Tool {
    /// Helmfile: a prepare hook that renders a chart
    Helmfile,
    /// GitLab CI: validate, then apply
    Gitlab,
    /// Argo CD: an Application, or one per cluster of a fleet
    Argocd,
    /// Flux: a Kustomization, or one per cluster
    Flux,
    /// GitHub Actions: a workflow
    Github,
}
