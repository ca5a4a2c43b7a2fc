//! Declares what can be chosen: every option, with its flag, its values and its place in a Spec.

use std::path::PathBuf;

use super::choice::{Format, Link, MessageFormat, Patcher, Profile, Protect, SealingScope, Strategy};
use super::combination::Chart;
use super::external::written::External;
use super::logins;
use super::meaning::{
    DOCKER_CONFIG_HAS_NO_NAME, EMPATHYCO_HAS_ONE_NAME, HELM_VALUES_MAKE_NO_OBJECT, PATCHER_SERVES_EVERY_NAMESPACE,
    PATCHER_SERVES_WHAT_EXISTS, PATCHER_WRITES_REFERENCES, RBAC_MAKES_NO_OBJECT, READS_NO_LOGIN,
    WITH_A_TEMPLATE_AS_CHART, WITH_CHART_EMPATHYCO, WITH_CHART_TAMCORE, WITH_CONTROLLER, WITH_DOCKER_CONFIG,
    WITH_LINK_NONE, WITH_LINK_POLICY, WITH_PATCHER_TAMCORE, WITH_SELECTORS_IN_THE_FILE, WITHOUT_CONTROLLER,
    WITHOUT_DOCKER_CONFIG, WITHOUT_ENCRYPTION, WITHOUT_HELM_VALUES, WITHOUT_PATCHER, WITHOUT_RBAC,
    WITHOUT_RBAC_OR_CONTROLLER, WITHOUT_SEALED,
};
use super::typed::{Setting, Values, of_both, of_flags};
use super::{Certificate, Parsed, Sourced};
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

/// Every option, in the order in which their problems are reported.
pub const SETTINGS: &[Setting] = &[
    of_flags("--cluster", Values::Any, |spec, typed| spec.options.clusters = typed.texts()),
    of_both("--docker-config", Values::Any, |spec, typed| {
        typed.add_logins(spec, |text, place, known| logins::variable(text, place, known).map(Source::DockerConfig));
    })
    .no_effect(READS_NO_LOGIN),
    of_flags("--docker-config-file", Values::Any, |spec, typed| typed.add_files(spec)).no_effect(READS_NO_LOGIN),
    of_both("--login", Values::Any, |spec, typed| typed.add_logins(spec, logins::typed)).no_effect(READS_NO_LOGIN),
    of_flags("--credential-helpers", Values::None, |spec, typed| spec.options.credential_helpers = typed.switch())
        .no_effect(READS_NO_LOGIN),
    of_both("--allow-short-lived", Values::None, |spec, typed| spec.options.allow_short_lived = typed.switch())
        .no_effect(READS_NO_LOGIN),
    of_both("--namespaces", Values::Any, |spec, typed| spec.each.include = typed.patterns()).no_effect(&[
        PATCHER_SERVES_EVERY_NAMESPACE,
        WITH_DOCKER_CONFIG,
        WITH_SELECTORS_IN_THE_FILE,
    ]),
    of_flags("--namespaces-from", Values::One, |spec, typed| spec.options.namespaces_from = typed.path()).no_effect(&[
        WITH_CONTROLLER,
        PATCHER_SERVES_EVERY_NAMESPACE,
        WITH_DOCKER_CONFIG,
        WITH_SELECTORS_IN_THE_FILE,
    ]),
    of_both("--exclude", Values::Any, |spec, typed| spec.each.exclude = typed.patterns())
        .no_effect(&[WITH_DOCKER_CONFIG, WITH_SELECTORS_IN_THE_FILE]),
    of_both("--no-default-excludes", Values::None, |spec, typed| spec.options.no_default_excludes = typed.switch())
        .no_effect(&[WITHOUT_PATCHER]),
    of_both("--secret-name", Values::One, |spec, typed| spec.each.name = typed.name())
        .no_effect(&[DOCKER_CONFIG_HAS_NO_NAME]),
    of_both("--create-namespaces", Values::None, |spec, typed| spec.options.create_namespaces = typed.switch())
        .no_effect(&[
            RBAC_MAKES_NO_OBJECT,
            WITH_CONTROLLER,
            PATCHER_SERVES_WHAT_EXISTS,
            WITH_DOCKER_CONFIG,
            WITH_A_TEMPLATE_AS_CHART,
            WITH_SELECTORS_IN_THE_FILE,
        ]),
    of_both("--strategy", Values::One, |spec, typed| spec.options.strategy = typed.choice()),
    of_both("--link", Values::One, |spec, typed| spec.options.link = typed.choice()),
    of_both("--service-account", Values::Any, |spec, typed| spec.each.service_accounts = typed.names()).no_effect(&[
        WITH_DOCKER_CONFIG,
        WITH_LINK_NONE,
        WITH_LINK_POLICY,
    ]),
    of_both("--also-reference", Values::Any, |spec, typed| spec.each.also_reference = typed.names()).no_effect(&[
        RBAC_MAKES_NO_OBJECT,
        WITH_CONTROLLER,
        PATCHER_WRITES_REFERENCES,
        WITH_DOCKER_CONFIG,
        WITH_A_TEMPLATE_AS_CHART,
        WITH_LINK_NONE,
        WITH_LINK_POLICY,
    ]),
    of_flags("--protect", Values::One, |spec, typed| spec.options.protect = typed.choice()),
    of_flags("--sealing-cert", Values::One, |spec, typed| {
        spec.options.sealing_cert =
            typed.path().map(|path| Sourced { value: Certificate::Flag(path.value), origin: path.origin });
    })
    .no_effect(&[WITHOUT_SEALED]),
    of_flags("--sealing-scope", Values::One, |spec, typed| spec.options.sealing_scope = typed.choice())
        .no_effect(&[WITHOUT_SEALED]),
    of_flags("--reseal", Values::None, |spec, typed| spec.options.reseal = typed.switch())
        .no_effect(&[WITHOUT_ENCRYPTION]),
    of_flags("--accept-recipient", Values::Any, |spec, typed| spec.options.accepted_recipients = typed.texts())
        .no_effect(&[WITHOUT_ENCRYPTION]),
    of_flags("--message-format", Values::One, |spec, typed| spec.options.message_format = typed.choice()),
    of_flags("--format", Values::One, |spec, typed| spec.options.format = typed.choice()),
    of_flags("--chart", Values::One, |spec, typed| spec.options.chart = typed.chart())
        .no_effect(&[WITHOUT_HELM_VALUES]),
    of_flags("--raw", Values::None, |spec, typed| spec.options.raw = typed.switch())
        .no_effect(&[WITHOUT_DOCKER_CONFIG]),
    of_both("--profile", Values::One, |spec, typed| spec.options.profile = typed.choice())
        .no_effect(&[WITH_DOCKER_CONFIG, WITH_A_TEMPLATE_AS_CHART]),
    of_flags("--output", Values::One, |spec, typed| spec.options.output = typed.path()),
    of_flags("--check", Values::None, |spec, typed| spec.options.check = typed.switch()),
    of_flags("--templates", Values::One, |spec, typed| spec.options.templates = typed.path()).no_effect(&[
        RBAC_MAKES_NO_OBJECT,
        WITH_CONTROLLER,
        WITH_DOCKER_CONFIG,
        WITH_A_TEMPLATE_AS_CHART,
        HELM_VALUES_MAKE_NO_OBJECT,
    ]),
    of_both("--allow-plaintext-in-git", Values::None, |spec, typed| {
        spec.options.allow_plaintext_in_git = typed.switch();
    }),
    of_flags("--subject", Values::Any, |spec, typed| spec.options.subjects = typed.texts()).no_effect(&[WITHOUT_RBAC]),
    of_flags("--all-namespaces", Values::None, |spec, typed| spec.options.all_namespaces = typed.switch())
        .no_effect(&[WITHOUT_RBAC_OR_CONTROLLER]),
    of_flags("--selector", Values::One, |spec, typed| spec.options.selector = typed.text())
        .no_effect(&[WITHOUT_RBAC_OR_CONTROLLER]),
    of_flags("--prune", Values::None, |spec, typed| spec.options.prune = typed.switch()).no_effect(&[WITHOUT_RBAC]),
    of_both("--restart-stuck-pods", Values::None, |spec, typed| spec.options.restart_stuck_pods = typed.switch())
        .no_effect(&[WITHOUT_RBAC_OR_CONTROLLER]),
    of_both("--controller-namespace", Values::One, |spec, typed| spec.options.controller_namespace = typed.name())
        .no_effect(&[WITHOUT_CONTROLLER]),
    of_both("--controller-image", Values::One, |spec, typed| spec.options.controller_image = typed.text())
        .no_effect(&[WITHOUT_CONTROLLER]),
    of_both("--replicas", Values::One, |spec, typed| spec.options.replicas = typed.number())
        .no_effect(&[WITHOUT_CONTROLLER]),
    of_both("--kube-version", Values::One, |spec, typed| spec.options.kube_version = typed.text())
        .no_effect(&[WITHOUT_CONTROLLER]),
    of_both("--crd", Values::None, |spec, typed| spec.options.crd = typed.switch()).no_effect(&[WITHOUT_CONTROLLER]),
    of_both("--check-online", Values::One, |spec, typed| spec.options.check_online = typed.text())
        .no_effect(&[WITHOUT_CONTROLLER]),
    Setting {
        no_effect_of_value: &[("titansoft", WITH_CHART_TAMCORE), ("tamcore", WITH_CHART_EMPATHYCO)],
        ..of_both("--patcher", Values::One, |spec, typed| spec.options.patcher = typed.choice())
    },
    of_both("--patcher-namespace", Values::One, |spec, typed| spec.options.patcher_namespace = typed.name())
        .no_effect(&[WITHOUT_PATCHER]),
    of_both("--patcher-image", Values::One, |spec, typed| spec.options.patcher_image = typed.text())
        .no_effect(&[WITHOUT_PATCHER]),
    of_both("--source-secret-name", Values::One, |spec, typed| spec.options.source_secret_name = typed.name())
        .no_effect(&[WITHOUT_PATCHER, EMPATHYCO_HAS_ONE_NAME]),
    of_both("--patcher-pull-secret", Values::One, |spec, typed| spec.options.patcher_pull_secret = typed.name())
        .no_effect(&[WITHOUT_PATCHER]),
    of_both("--patcher-interval", Values::One, |spec, typed| spec.options.patcher_interval = typed.text())
        .no_effect(&[WITHOUT_PATCHER, WITH_CHART_TAMCORE, WITH_PATCHER_TAMCORE]),
    of_both("--no-guard", Values::None, |spec, typed| spec.options.no_guard = typed.switch())
        .no_effect(&[WITHOUT_PATCHER]),
];
