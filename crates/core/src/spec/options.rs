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
use super::typed::{Setting, Values, flag_only, flag_or_key};
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
        /// To which name and namespace a sealed value is bound.
        sealing_scope: SealingScope,
        /// Whether unchanged documents are encrypted again.
        reseal: bool,
        /// The fingerprints of new recipients that are accepted.
        accepted_recipients: Vec<String>,
        /// The form of the changes that a comparison prints.
        message_format: MessageFormat,
        /// Whether credential helpers are asked.
        credential_helpers: bool,
        /// Whether a password may expire with the job.
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
    flag_only("--cluster", Values::Any, |spec, typed| spec.options.clusters = typed.texts()),
    flag_or_key("--docker-config", Values::Any, |spec, typed| {
        typed.add_logins(spec, |text, place, known| logins::variable(text, place, known).map(Source::DockerConfig));
    })
    .no_effect(READS_NO_LOGIN),
    flag_only("--docker-config-file", Values::Any, |spec, typed| typed.add_files(spec)).no_effect(READS_NO_LOGIN),
    flag_or_key("--login", Values::Any, |spec, typed| typed.add_logins(spec, logins::typed)).no_effect(READS_NO_LOGIN),
    flag_only("--credential-helpers", Values::None, |spec, typed| spec.options.credential_helpers = typed.switch())
        .no_effect(READS_NO_LOGIN),
    flag_or_key("--allow-short-lived", Values::None, |spec, typed| spec.options.allow_short_lived = typed.switch())
        .no_effect(READS_NO_LOGIN),
    flag_or_key("--namespaces", Values::Any, |spec, typed| spec.each.include = typed.patterns()).no_effect(&[
        PATCHER_SERVES_EVERY_NAMESPACE,
        WITH_DOCKER_CONFIG,
        WITH_SELECTORS_IN_THE_FILE,
    ]),
    flag_only("--namespaces-from", Values::One, |spec, typed| spec.options.namespaces_from = typed.path())
        .no_effect(&[WITH_CONTROLLER, PATCHER_SERVES_EVERY_NAMESPACE, WITH_DOCKER_CONFIG, WITH_SELECTORS_IN_THE_FILE]),
    flag_or_key("--exclude", Values::Any, |spec, typed| spec.each.exclude = typed.patterns())
        .no_effect(&[WITH_DOCKER_CONFIG, WITH_SELECTORS_IN_THE_FILE]),
    flag_or_key("--no-default-excludes", Values::None, |spec, typed| spec.options.no_default_excludes = typed.switch())
        .no_effect(&[WITHOUT_PATCHER]),
    flag_or_key("--secret-name", Values::One, |spec, typed| spec.each.name = typed.name())
        .no_effect(&[DOCKER_CONFIG_HAS_NO_NAME]),
    flag_or_key("--create-namespaces", Values::None, |spec, typed| spec.options.create_namespaces = typed.switch())
        .no_effect(&[
            RBAC_MAKES_NO_OBJECT,
            WITH_CONTROLLER,
            PATCHER_SERVES_WHAT_EXISTS,
            WITH_DOCKER_CONFIG,
            WITH_A_TEMPLATE_AS_CHART,
            WITH_SELECTORS_IN_THE_FILE,
        ]),
    flag_or_key("--strategy", Values::One, |spec, typed| spec.options.strategy = typed.choice()),
    flag_or_key("--link", Values::One, |spec, typed| spec.options.link = typed.choice()),
    flag_or_key("--service-account", Values::Any, |spec, typed| spec.each.service_accounts = typed.names())
        .no_effect(&[WITH_DOCKER_CONFIG, WITH_LINK_NONE, WITH_LINK_POLICY]),
    flag_or_key("--also-reference", Values::Any, |spec, typed| spec.each.also_reference = typed.names()).no_effect(&[
        RBAC_MAKES_NO_OBJECT,
        WITH_CONTROLLER,
        PATCHER_WRITES_REFERENCES,
        WITH_DOCKER_CONFIG,
        WITH_A_TEMPLATE_AS_CHART,
        WITH_LINK_NONE,
        WITH_LINK_POLICY,
    ]),
    flag_only("--protect", Values::One, |spec, typed| spec.options.protect = typed.choice()),
    flag_only("--sealing-cert", Values::One, |spec, typed| {
        spec.options.sealing_cert =
            typed.path().map(|path| Sourced { value: Certificate::Flag(path.value), origin: path.origin });
    })
    .no_effect(&[WITHOUT_SEALED]),
    flag_only("--sealing-scope", Values::One, |spec, typed| spec.options.sealing_scope = typed.choice())
        .no_effect(&[WITHOUT_SEALED]),
    flag_only("--reseal", Values::None, |spec, typed| spec.options.reseal = typed.switch())
        .no_effect(&[WITHOUT_ENCRYPTION]),
    flag_only("--accept-recipient", Values::Any, |spec, typed| spec.options.accepted_recipients = typed.texts())
        .no_effect(&[WITHOUT_ENCRYPTION]),
    flag_only("--message-format", Values::One, |spec, typed| spec.options.message_format = typed.choice()),
    flag_only("--format", Values::One, |spec, typed| spec.options.format = typed.choice()),
    flag_only("--chart", Values::One, |spec, typed| spec.options.chart = typed.chart())
        .no_effect(&[WITHOUT_HELM_VALUES]),
    flag_only("--raw", Values::None, |spec, typed| spec.options.raw = typed.switch())
        .no_effect(&[WITHOUT_DOCKER_CONFIG]),
    flag_or_key("--profile", Values::One, |spec, typed| spec.options.profile = typed.choice())
        .no_effect(&[WITH_DOCKER_CONFIG, WITH_A_TEMPLATE_AS_CHART]),
    flag_only("--output", Values::One, |spec, typed| spec.options.output = typed.path()),
    flag_only("--check", Values::None, |spec, typed| spec.options.check = typed.switch()),
    flag_only("--templates", Values::One, |spec, typed| spec.options.templates = typed.path()).no_effect(&[
        RBAC_MAKES_NO_OBJECT,
        WITH_CONTROLLER,
        WITH_DOCKER_CONFIG,
        WITH_A_TEMPLATE_AS_CHART,
        HELM_VALUES_MAKE_NO_OBJECT,
    ]),
    flag_or_key("--allow-plaintext-in-git", Values::None, |spec, typed| {
        spec.options.allow_plaintext_in_git = typed.switch();
    }),
    flag_only("--subject", Values::Any, |spec, typed| spec.options.subjects = typed.texts()).no_effect(&[WITHOUT_RBAC]),
    flag_only("--all-namespaces", Values::None, |spec, typed| spec.options.all_namespaces = typed.switch())
        .no_effect(&[WITHOUT_RBAC_OR_CONTROLLER]),
    flag_only("--selector", Values::One, |spec, typed| spec.options.selector = typed.text())
        .no_effect(&[WITHOUT_RBAC_OR_CONTROLLER]),
    flag_only("--prune", Values::None, |spec, typed| spec.options.prune = typed.switch()).no_effect(&[WITHOUT_RBAC]),
    flag_or_key("--restart-stuck-pods", Values::None, |spec, typed| spec.options.restart_stuck_pods = typed.switch())
        .no_effect(&[WITHOUT_RBAC_OR_CONTROLLER]),
    flag_or_key("--controller-namespace", Values::One, |spec, typed| spec.options.controller_namespace = typed.name())
        .no_effect(&[WITHOUT_CONTROLLER]),
    flag_or_key("--controller-image", Values::One, |spec, typed| spec.options.controller_image = typed.text())
        .no_effect(&[WITHOUT_CONTROLLER]),
    flag_or_key("--replicas", Values::One, |spec, typed| spec.options.replicas = typed.number())
        .no_effect(&[WITHOUT_CONTROLLER]),
    flag_or_key("--kube-version", Values::One, |spec, typed| spec.options.kube_version = typed.text())
        .no_effect(&[WITHOUT_CONTROLLER]),
    flag_or_key("--crd", Values::None, |spec, typed| spec.options.crd = typed.switch())
        .no_effect(&[WITHOUT_CONTROLLER]),
    flag_or_key("--check-online", Values::One, |spec, typed| spec.options.check_online = typed.text())
        .no_effect(&[WITHOUT_CONTROLLER]),
    Setting {
        no_effect_of_value: &[("titansoft", WITH_CHART_TAMCORE), ("tamcore", WITH_CHART_EMPATHYCO)],
        ..flag_or_key("--patcher", Values::One, |spec, typed| spec.options.patcher = typed.choice())
    },
    flag_or_key("--patcher-namespace", Values::One, |spec, typed| spec.options.patcher_namespace = typed.name())
        .no_effect(&[WITHOUT_PATCHER]),
    flag_or_key("--patcher-image", Values::One, |spec, typed| spec.options.patcher_image = typed.text())
        .no_effect(&[WITHOUT_PATCHER]),
    flag_or_key("--source-secret-name", Values::One, |spec, typed| spec.options.source_secret_name = typed.name())
        .no_effect(&[WITHOUT_PATCHER, EMPATHYCO_HAS_ONE_NAME]),
    flag_or_key("--patcher-pull-secret", Values::One, |spec, typed| spec.options.patcher_pull_secret = typed.name())
        .no_effect(&[WITHOUT_PATCHER]),
    flag_or_key("--patcher-interval", Values::One, |spec, typed| spec.options.patcher_interval = typed.text())
        .no_effect(&[WITHOUT_PATCHER, WITH_CHART_TAMCORE, WITH_PATCHER_TAMCORE]),
    flag_or_key("--no-guard", Values::None, |spec, typed| spec.options.no_guard = typed.switch())
        .no_effect(&[WITHOUT_PATCHER]),
];
