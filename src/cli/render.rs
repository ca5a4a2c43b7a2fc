//! Declares the flags of `regcred render`. Each has an entry in the table of the core's `spec::typed`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::in_cluster::{GrantArguments, InstallationArguments};
use regcred_core::credentials::presets;
use regcred_core::spec::choice::{
    Choice, Format, Link, MessageFormat, Patcher, Profile, Protect, SealingScope, Strategy,
};

/// Which logins.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Which logins")]
pub struct LoginArguments {
    /// Variable with a whole Docker config: JSON, base64, or the path of a file [default: DOCKERHUB_AUTH]
    #[arg(long, value_name = "VARIABLE")]
    pub docker_config: Vec<String>,
    /// File with a whole Docker config
    #[arg(long, value_name = "FILE")]
    pub docker_config_file: Vec<PathBuf>,
    /// Ask the credential helpers that a Docker config names, by running docker-credential-NAME
    #[arg(long)]
    pub credential_helpers: bool,
    /// Host and its two variables, or a preset
    #[arg(long, value_name = "LOGIN", help = login_help())]
    pub login: Vec<String>,
    /// Accept a password that expires with the job
    #[arg(long)]
    pub allow_short_lived: bool,
}

/// Where the Secrets go.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Where")]
pub struct TargetArguments {
    /// Namespaces, joined by commas; names are added to the list of --namespaces-from, and globs choose from it [env: REGCRED_NAMESPACES]
    #[arg(short, long, value_name = "NAMES", value_delimiter = ',')]
    pub namespaces: Vec<String>,
    /// List of namespaces in a file or on stdin (-): one name per line, YAML, JSON, or kubectl get ns -o name|json|yaml
    #[arg(long, value_name = "FILE")]
    pub namespaces_from: Option<PathBuf>,
    /// Namespaces to leave out: names and globs
    #[arg(long, value_name = "GLOBS", value_delimiter = ',')]
    pub exclude: Vec<String>,
    /// Name of the Secret [default: image-pull-secret]
    #[arg(long, value_name = "NAME")]
    pub secret_name: Option<String>,
    /// Write Namespace objects first
    #[arg(long)]
    pub create_namespaces: bool,
}

/// `regcred render`.
#[derive(Args, Clone, Debug, Default)]
#[command(after_help = "Other variables than those of the logins:\n  \
    REGCRED_FINGERPRINT_KEY  keeps encrypted documents that did not change\n  \
    SEALED_SECRETS_CERT      the certificate, without --sealing-cert\n\n\
    For example:\n  \
    regcred render -n team-a,team-b |\n    \
      kubectl apply --server-side --field-manager=regcred-image-pull-secret -f -\n  \
    regcred render -n team-a --protect sealed --sealing-cert prod.pem > prod.yaml")]
pub struct RenderArguments {
    /// Which logins
    #[command(flatten)]
    pub logins: LoginArguments,
    /// Where
    #[command(flatten)]
    pub target: TargetArguments,
    /// Only these clusters of regcred.yaml, joined by commas; repeatable
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "Where")]
    pub cluster: Vec<String>,
    /// How the Secrets get there [default: static]
    #[arg(long, value_parser = choice::<Strategy>(), help_heading = "How")]
    pub strategy: Option<Strategy>,
    /// How pods find them [default: service-account]
    #[arg(long, value_parser = choice::<Link>(), help_heading = "How")]
    pub link: Option<Link>,
    /// ServiceAccount to link, repeatable [default: default]
    #[arg(long, value_name = "NAME", help_heading = "How")]
    pub service_account: Vec<String>,
    /// Reference that the ServiceAccounts keep, repeatable: their list is replaced as a whole
    #[arg(long, value_name = "NAME", help_heading = "How")]
    pub also_reference: Vec<String>,
    /// How safe
    #[command(flatten)]
    pub protection: ProtectionArguments,
    /// Form of the output [default: yaml]
    #[arg(long, value_parser = choice::<Format>(), help_heading = "In what form")]
    pub format: Option<Format>,
    /// Chart that the values are for: tamcore, empathyco, or a template FILE.j2 [default: our own]
    #[arg(long, value_name = "CHART", help_heading = "In what form")]
    pub chart: Option<String>,
    /// With --format docker-config: JSON instead of base64
    #[arg(long, help_heading = "In what form")]
    pub raw: bool,
    /// Add the annotations that this tool needs
    #[arg(long, value_parser = choice::<Profile>(), help_heading = "In what form")]
    pub profile: Option<Profile>,
    /// File or directory to write instead of stdout
    #[arg(short, long, value_name = "PATH", help_heading = "In what form")]
    pub output: Option<PathBuf>,
    /// Write nothing; exit 3 if --output is not current
    #[arg(long, requires = "output", help_heading = "In what form")]
    pub check: bool,
    /// Form of the changes that --check prints [default: human]
    #[arg(long, requires = "check", value_parser = choice::<MessageFormat>(), help_heading = "In what form")]
    pub message_format: Option<MessageFormat>,
    /// Directory with templates that replace ours of the same name
    #[arg(long, value_name = "DIR", help_heading = "In what form")]
    pub templates: Option<PathBuf>,
    /// Allow a plain Secret in a Git work tree
    #[arg(long, help_heading = "In what form")]
    pub allow_plaintext_in_git: bool,
    /// The rights
    #[command(flatten)]
    pub grant: GrantArguments,
    /// The controller
    #[command(flatten)]
    pub controller: InstallationArguments,
    /// The patcher
    #[command(flatten)]
    pub patcher: PatcherArguments,
}

/// How Secrets in files are protected.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "How safe")]
pub struct ProtectionArguments {
    /// How Secrets in files are protected [default: plain]
    #[arg(long, value_parser = choice::<Protect>())]
    pub protect: Option<Protect>,
    /// Certificate of the cluster's Sealed Secrets controller [env: SEALED_SECRETS_CERT]
    #[arg(long, value_name = "FILE")]
    pub sealing_cert: Option<PathBuf>,
    /// To which name a sealed value is bound [default: strict]
    #[arg(long, value_parser = choice::<SealingScope>())]
    pub sealing_scope: Option<SealingScope>,
    /// Re-encrypt unchanged documents too
    #[arg(long)]
    pub reseal: bool,
    /// Accept this new recipient of encrypted files, by the fingerprint in the error; repeatable
    #[arg(long, value_name = "FINGERPRINT")]
    pub accept_recipient: Vec<String>,
}

/// The in-cluster patcher of `--strategy patcher`.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "With --strategy patcher")]
pub struct PatcherArguments {
    /// Which patcher [default: titansoft]
    #[arg(long, value_parser = choice::<Patcher>())]
    pub patcher: Option<Patcher>,
    /// Its namespace [default: imagepullsecret-patcher]
    #[arg(long, value_name = "NAME")]
    pub patcher_namespace: Option<String>,
    /// Its image, for a mirror or a digest
    #[arg(long, value_name = "IMAGE")]
    pub patcher_image: Option<String>,
    /// Name of the Secret it copies from [default: image-pull-secret-src]
    #[arg(long, value_name = "NAME")]
    pub source_secret_name: Option<String>,
    /// Pull Secret of the patcher's own image
    #[arg(long, value_name = "NAME")]
    pub patcher_pull_secret: Option<String>,
    /// How often titansoft's patcher lists the cluster, a Go duration [default: 10s]
    #[arg(long, value_name = "DURATION")]
    pub patcher_interval: Option<String>,
    /// Serve also the namespaces of Kubernetes itself, which are left out by default
    #[arg(long)]
    pub no_default_excludes: bool,
    /// Leave out the policy that confines the patcher, for clusters before 1.30
    #[arg(long)]
    pub no_guard: bool,
}

fn login_help() -> String {
    format!("Host and its two variables, HOST=USERVAR:PASSVAR, or a preset: {}", presets::names())
}

/// Takes the words of a choice, and shows them in the help text.
pub(super) fn choice<C: Choice>() -> impl TypedValueParser<Value = C> {
    let words = C::ALL.iter().map(|choice| PossibleValue::new(choice.name()).help(choice.help()));
    PossibleValuesParser::new(words).try_map(|word| C::named(&word).ok_or("unknown word"))
}
