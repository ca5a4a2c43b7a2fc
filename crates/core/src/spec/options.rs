//! Declares what can be chosen: every option, with its flag, its values and its place in a Spec.

use std::path::PathBuf;

use super::choice::{Format, Link, MessageFormat, Patcher, Profile, Protect, SealingScope, Strategy};
use super::combination::Chart;
use super::external::written::External;
use super::logins;
use super::typed::Reader;
use super::{Certificate, Parsed, Sourced, Spec};
use crate::credentials::Source;
use crate::names::{AccountName, Namespace, NamespacePattern, ResourceName};

/// Declares a struct of optional values, and how another struct fills the missing ones.
macro_rules! partial {
    ($(#[$documentation:meta])* $name:ident { $($(#[$field_documentation:meta])* $field:ident: $type:ty,)+ }) => {
        $(#[$documentation])*
        #[derive(Clone, Debug, Default)]
        pub struct $name { $($(#[$field_documentation])* pub $field: Option<Sourced<$type>>,)+ }

        impl $name {
            /// These values; `lower` fills the missing ones.
            #[must_use]
            pub fn over(self, lower: Self) -> Self {
                Self { $($field: self.$field.or(lower.$field)),+ }
            }
        }
    };
}

partial! {
    /// The options that are the same for the whole run.
    Options {
        /// How the Secrets get there.
        strategy: Strategy,
        /// How Pods find them.
        link: Link,
        /// How Secrets in files are protected.
        protect: Protect,
        /// The form of the output.
        format: Format,
        /// The tool whose annotations are added.
        profile: Profile,
        /// The chart that values are for.
        chart: Chart,
        /// The clusters of regcred.yaml that the run is for.
        clusters: Vec<String>,
        /// The list of the namespaces that exist: a file, or `-`.
        namespaces_from: PathBuf,
        /// Whether Namespace objects come first.
        create_namespaces: bool,
        /// The certificate of the cluster's Sealed Secrets controller.
        sealing_cert: Certificate,
        /// The scope of a sealed value: the name that it is bound to.
        sealing_scope: SealingScope,
        /// Whether unchanged documents are encrypted again.
        reseal: bool,
        /// The fingerprints of new recipients that are accepted.
        accepted_recipients: Vec<String>,
        /// The form of the changes that a comparison prints.
        message_format: MessageFormat,
        /// Whether credential helpers are asked.
        credential_helpers: bool,
        /// Whether a password may end with the job.
        allow_short_lived: bool,
        /// Whether a Docker config is written as JSON.
        raw: bool,
        /// The file or folder to write.
        output: PathBuf,
        /// Whether the output is compared instead of written.
        check: bool,
        /// The folder with templates that replace ours.
        templates: PathBuf,
        /// Whether a plain Secret may go into a Git work tree.
        allow_plaintext_in_git: bool,
        /// Who gets the rights of `--format rbac`.
        subjects: Vec<String>,
        /// Whether the rights are for every namespace.
        all_namespaces: bool,
        /// The labels of the namespaces that the rights are for.
        selector: String,
        /// Whether the rights include the removal of objects that are no longer wanted.
        prune: bool,
        /// Whether stuck Pods are evicted, and the rights include that.
        restart_stuck_pods: bool,
        /// The namespace of the controller.
        controller_namespace: Namespace,
        /// Its image.
        controller_image: String,
        /// How many Pods of it run.
        replicas: u32,
        /// The oldest version of Kubernetes that it is for.
        kube_version: String,
        /// Whether custom resources decide what the controller does.
        crd: bool,
        /// How often it asks the registries about each login: a Go duration.
        check_online: String,
        /// The registries that custom resources may name.
        permitted_registries: Vec<String>,
        /// More Secrets that custom resources may name.
        permitted_secrets: Vec<ResourceName>,
        /// The in-cluster patcher.
        patcher: Patcher,
        /// Its namespace.
        patcher_namespace: Namespace,
        /// Its image.
        patcher_image: String,
        /// The Secret it copies.
        source_secret_name: ResourceName,
        /// The pull Secret of the patcher's image.
        patcher_pull_secret: ResourceName,
        /// How often it reads the cluster: a Go duration.
        patcher_interval: String,
        /// Whether it serves the namespaces that it leaves out by default.
        no_default_excludes: bool,
        /// Whether the policy that confines it is left out.
        no_guard: bool,
    }
}

partial! {
    /// One pull secret.
    PullSecret {
        /// Its name.
        name: ResourceName,
        /// Its logins.
        logins: Vec<Parsed<Source>>,
        /// The store that keeps its logins.
        external: External,
        /// The namespaces to serve.
        include: Vec<Parsed<NamespacePattern>>,
        /// The namespaces to leave out.
        exclude: Vec<Parsed<NamespacePattern>>,
        /// The ServiceAccounts that refer to it.
        service_accounts: Vec<Parsed<AccountName>>,
        /// Other references that these ServiceAccounts keep.
        also_reference: Vec<Parsed<ResourceName>>,
    }
}

/// An option of `regcred render`.
pub struct Setting {
    /// Its flag.
    pub flag: &'static str,
    /// How many values it takes.
    pub values: Values,
    /// Whether the ConfigMap of a function may set it. Options about files of this machine are not allowed there.
    pub in_a_function: bool,
    pub(super) set: fn(&mut Spec, &mut Reader<'_>),
}

/// How many values an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// None: the option is set or not.
    None,
    /// One.
    One,
    /// Any number.
    Any,
}

impl Setting {
    /// The name without dashes: the key in a ConfigMap.
    pub fn key(&self) -> &'static str {
        self.flag.trim_start_matches('-')
    }
}

const fn of_both(flag: &'static str, values: Values, set: fn(&mut Spec, &mut Reader<'_>)) -> Setting {
    Setting { flag, values, in_a_function: true, set }
}

const fn of_flags(flag: &'static str, values: Values, set: fn(&mut Spec, &mut Reader<'_>)) -> Setting {
    Setting { flag, values, in_a_function: false, set }
}

/// Every option, in the order in which their problems are reported.
pub const SETTINGS: &[Setting] = &[
    of_flags("--cluster", Values::Any, |spec, typed| spec.options.clusters = typed.texts()),
    of_both("--docker-config", Values::Any, |spec, typed| {
        typed.add_logins(spec, |text, place, known| logins::variable(text, place, known).map(Source::DockerConfig));
    }),
    of_flags("--docker-config-file", Values::Any, |spec, typed| typed.add_files(spec)),
    of_both("--login", Values::Any, |spec, typed| typed.add_logins(spec, logins::typed)),
    of_flags("--credential-helpers", Values::None, |spec, typed| spec.options.credential_helpers = typed.switch()),
    of_both("--allow-short-lived", Values::None, |spec, typed| spec.options.allow_short_lived = typed.switch()),
    of_both("--namespaces", Values::Any, |spec, typed| spec.each.include = typed.patterns()),
    of_flags("--namespaces-from", Values::One, |spec, typed| spec.options.namespaces_from = typed.path()),
    of_both("--exclude", Values::Any, |spec, typed| spec.each.exclude = typed.patterns()),
    of_both("--no-default-excludes", Values::None, |spec, typed| spec.options.no_default_excludes = typed.switch()),
    of_both("--secret-name", Values::One, |spec, typed| spec.each.name = typed.name()),
    of_both("--create-namespaces", Values::None, |spec, typed| spec.options.create_namespaces = typed.switch()),
    of_both("--strategy", Values::One, |spec, typed| spec.options.strategy = typed.choice()),
    of_both("--link", Values::One, |spec, typed| spec.options.link = typed.choice()),
    of_both("--service-account", Values::Any, |spec, typed| spec.each.service_accounts = typed.names()),
    of_both("--also-reference", Values::Any, |spec, typed| spec.each.also_reference = typed.names()),
    of_flags("--protect", Values::One, |spec, typed| spec.options.protect = typed.choice()),
    of_flags("--sealing-cert", Values::One, |spec, typed| {
        spec.options.sealing_cert =
            typed.path().map(|path| Sourced { value: Certificate::Flag(path.value), origin: path.origin });
    }),
    of_flags("--sealing-scope", Values::One, |spec, typed| spec.options.sealing_scope = typed.choice()),
    of_flags("--reseal", Values::None, |spec, typed| spec.options.reseal = typed.switch()),
    of_flags("--accept-recipient", Values::Any, |spec, typed| spec.options.accepted_recipients = typed.texts()),
    of_flags("--message-format", Values::One, |spec, typed| spec.options.message_format = typed.choice()),
    of_flags("--format", Values::One, |spec, typed| spec.options.format = typed.choice()),
    of_flags("--chart", Values::One, |spec, typed| spec.options.chart = typed.chart()),
    of_flags("--raw", Values::None, |spec, typed| spec.options.raw = typed.switch()),
    of_both("--profile", Values::One, |spec, typed| spec.options.profile = typed.choice()),
    of_flags("--output", Values::One, |spec, typed| spec.options.output = typed.path()),
    of_flags("--check", Values::None, |spec, typed| spec.options.check = typed.switch()),
    of_flags("--templates", Values::One, |spec, typed| spec.options.templates = typed.path()),
    of_both("--allow-plaintext-in-git", Values::None, |spec, typed| {
        spec.options.allow_plaintext_in_git = typed.switch();
    }),
    of_flags("--subject", Values::Any, |spec, typed| spec.options.subjects = typed.texts()),
    of_flags("--all-namespaces", Values::None, |spec, typed| spec.options.all_namespaces = typed.switch()),
    of_flags("--selector", Values::One, |spec, typed| spec.options.selector = typed.text()),
    of_flags("--prune", Values::None, |spec, typed| spec.options.prune = typed.switch()),
    of_both("--restart-stuck-pods", Values::None, |spec, typed| spec.options.restart_stuck_pods = typed.switch()),
    of_both("--controller-namespace", Values::One, |spec, typed| spec.options.controller_namespace = typed.name()),
    of_both("--controller-image", Values::One, |spec, typed| spec.options.controller_image = typed.text()),
    of_both("--replicas", Values::One, |spec, typed| spec.options.replicas = typed.number()),
    of_both("--kube-version", Values::One, |spec, typed| spec.options.kube_version = typed.text()),
    of_both("--crd", Values::None, |spec, typed| spec.options.crd = typed.switch()),
    of_both("--check-online", Values::One, |spec, typed| spec.options.check_online = typed.text()),
    of_both("--patcher", Values::One, |spec, typed| spec.options.patcher = typed.choice()),
    of_both("--patcher-namespace", Values::One, |spec, typed| spec.options.patcher_namespace = typed.name()),
    of_both("--patcher-image", Values::One, |spec, typed| spec.options.patcher_image = typed.text()),
    of_both("--source-secret-name", Values::One, |spec, typed| spec.options.source_secret_name = typed.name()),
    of_both("--patcher-pull-secret", Values::One, |spec, typed| spec.options.patcher_pull_secret = typed.name()),
    of_both("--patcher-interval", Values::One, |spec, typed| spec.options.patcher_interval = typed.text()),
    of_both("--no-guard", Values::None, |spec, typed| spec.options.no_guard = typed.switch()),
];
