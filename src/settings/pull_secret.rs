//! Resolves one pull secret: its name, logins, namespaces and ServiceAccounts.

use std::path::{Path, PathBuf};

use super::fleet::Purpose;
use super::layers::NAMESPACES;
use super::namespaces::{self, Listed, Wanted, patterns};
use crate::environment::Environment;
use regcred_core::confine::Allowed;
use regcred_core::credentials::{DEFAULT_VARIABLE, Source};
use regcred_core::diagnostic::{Code, Diagnostic, Severity};
use regcred_core::names::{AccountName, NameGlob, Namespace, NamespacePattern, ResourceName, VariableName};
use regcred_core::spec::choice::{Format, Link, Profile, Protect, Strategy};
use regcred_core::spec::combination::{Chart, Combination};
use regcred_core::spec::external::{self, ExternalSettings};
use regcred_core::spec::typed::parsed;
use regcred_core::spec::{Open, Options, Origin, Parsed, PullSecret, SECRET_NAME, Sourced};

/// The ServiceAccount that a chart creates.
pub const OWN_ACCOUNT: &str = "image-puller";

#[derive(Clone, Debug)]
pub struct PullSecretSettings {
    pub name: ResourceName,
    pub sources: Vec<Source>,
    /// The limits for the file that names its logins; no limits if flags name them.
    pub confined: Allowed,
    /// The store of its logins, if regcred reads none.
    pub external: Option<ExternalSettings>,
    pub namespaces: Vec<Namespace>,
    /// The choice of its namespaces.
    pub include: Vec<NamespacePattern>,
    pub exclude: Vec<NamespacePattern>,
    /// The ServiceAccounts that refer to it. An empty list means all, which a patcher and a run in a live cluster can link.
    pub service_accounts: Vec<ResourceName>,
    /// Globs for more ServiceAccounts, in a live cluster.
    pub account_globs: Vec<NameGlob>,
    /// The ServiceAccounts as written, with globs, for the regcred.yaml of a controller.
    pub written_accounts: Vec<String>,
    /// Other references that these ServiceAccounts keep.
    pub also_reference: Vec<ResourceName>,
}

/// The settings that all pull secrets of a cluster share.
pub(super) struct Common<'a> {
    pub(super) options: &'a Options,
    pub(super) combination: Combination,
    pub(super) chart: &'a Chart,
    pub(super) listed: Option<&'a Listed>,
    pub(super) environment: &'a Environment,
    pub(super) purpose: Purpose,
    pub(super) has_config: bool,
    /// Whether the namespaces are chosen later, in a cluster.
    pub(super) are_chosen_later: bool,
}

impl Common<'_> {
    /// The resolved pull secret; problems are added.
    pub(super) fn decide(&self, spec: &PullSecret, problems: &mut Vec<Diagnostic>) -> PullSecretSettings {
        let Combination { strategy, link, protect, format } = self.combination;
        let (sources, external) = if protect == Protect::External {
            (Vec::new(), external::resolve(spec.external.as_ref().map(|external| &external.value), problems))
        } else if format == Format::Rbac {
            (Vec::new(), None)
        } else {
            (sources(spec, problems), None)
        };
        let is_of_a_file = spec.logins.as_ref().is_some_and(|logins| logins.origin.is_of_a_file());
        // A bad glob is reported once, elsewhere.
        let allowed = super::allowed(self.environment).unwrap_or_default();
        let registries = external.as_ref().map_or(Vec::new(), ExternalSettings::registries);
        allowed.refuse(registries.iter().map(|(registry, _)| registry), "`external` in regcred.yaml", problems);
        // Without `logins`, the login is in the default variable.
        let is_implied = spec.logins.is_none() && self.has_config;
        if is_implied && !sources.is_empty() {
            let implied = Source::DockerConfig(VariableName::known(DEFAULT_VARIABLE));
            let place = "a pull secret without `logins`";
            problems.extend(allowed.confined(implied, place).err().into_iter().flatten());
        }
        let confined = if is_of_a_file || is_implied { allowed } else { Allowed::default() };
        problems.extend(external.as_ref().and_then(|external| unserved(external, self.combination)));
        if strategy == Strategy::Patcher {
            self.refuse_a_choice(spec, problems);
        }
        let exclude = patterns(spec.exclude.as_ref(), problems);
        // If labels choose the namespaces, no names are needed, unless another option needs them.
        let found_by_label = link == Link::None && external.as_ref().is_some_and(ExternalSettings::selects_by_label);
        let is_listed =
            !self.are_chosen_later && strategy == Strategy::Static && format != Format::DockerConfig && !found_by_label;
        let include =
            if is_listed || self.are_chosen_later { patterns(spec.include.as_ref(), problems) } else { Vec::new() };
        let namespaces = if is_listed { self.namespaces(spec, &include, &exclude, problems) } else { Vec::new() };
        if is_listed && link == Link::ServiceAccount {
            problems.extend(self.on_openshift(&namespaces));
        }
        PullSecretSettings {
            name: spec.name.as_ref().map_or_else(|| ResourceName::known(SECRET_NAME), |name| name.value.clone()),
            sources,
            confined,
            external,
            namespaces,
            include,
            exclude,
            service_accounts: self.service_accounts(spec, problems),
            written_accounts: written_accounts(spec),
            account_globs: if self.purpose.is_live() { account_globs(spec) } else { Vec::new() },
            also_reference: sorted(spec.also_reference.as_ref().map_or(Vec::new(), |names| names.parsed(problems))),
        }
    }

    /// The ServiceAccounts that refer to it: an empty list means all.
    fn service_accounts(&self, spec: &PullSecret, problems: &mut Vec<Diagnostic>) -> Vec<ResourceName> {
        let Some(accounts) = &spec.service_accounts else {
            // A chart creates a new ServiceAccount: it would adopt `default`, and delete it with the release.
            let is_a_chart = matches!(self.combination.format, Format::Chart | Format::HelmValues);
            let is_ours = is_a_chart && *self.chart == Chart::Own && self.combination.strategy == Strategy::Static;
            return vec![ResourceName::known(if is_ours { OWN_ACCOUNT } else { "default" })];
        };
        let names = accounts.parsed(problems);
        // Every command but `render` also takes what `apply` takes.
        let can_be_all = self.combination.strategy == Strategy::Patcher || self.purpose != Purpose::Manifests;
        // A right cannot have a glob.
        let are_rights = self.combination.format == Format::Rbac || self.combination.strategy == Strategy::Controller;
        let is_all = |name: &AccountName| match name.as_str() {
            "*" => can_be_all || are_rights,
            _ => are_rights && name.glob().is_some(),
        };
        if names.iter().any(is_all) {
            return Vec::new();
        }
        let name = |(number, name): (usize, &AccountName)| {
            if self.purpose != Purpose::Manifests && name.glob().is_some() {
                return None;
            }
            let parsed: Parsed<ResourceName> =
                parsed(name.as_str(), &format!("{}, item {}", accounts.origin, number + 1));
            parsed.map_err(|wrong| problems.extend(wrong)).ok()
        };
        sorted(names.iter().enumerate().filter_map(name).collect())
    }

    /// A patcher serves every namespace, so a list of names would be a false promise that other namespaces do not get the login.
    fn refuse_a_choice(&self, spec: &PullSecret, problems: &mut Vec<Diagnostic>) {
        const WHY: &str = "has no effect with `--strategy patcher`, which serves every namespace";
        if let Some(Sourced { origin: origin @ (Origin::File(_) | Origin::Cluster(..)), value }) = &spec.include
            && !value.is_empty()
        {
            let hint = "leave it out, and list the namespaces to skip in `exclude`; or use --strategy static";
            problems.push(Diagnostic::error(Code::MeansNothing, format!("{origin} {WHY}")).hint(hint));
        }
        if self.environment.is_set(NAMESPACES) {
            let problem = Diagnostic::warning(Code::MeansNothing, format!("`{NAMESPACES}` {WHY}"));
            problems.push(problem.hint("use --exclude, or --strategy static"));
        }
    }

    /// OpenShift adds a reference to every ServiceAccount. A forced apply of our list removes that reference, and OpenShift then creates
    /// another token, each time.
    fn on_openshift(&self, namespaces: &[Namespace]) -> Option<Diagnostic> {
        let is_openshift =
            self.listed.is_some_and(Listed::is_of_openshift) || namespaces.iter().any(namespaces::is_of_openshift);
        let forces = self.options.profile.chosen().copied().filter(|it| *it != Profile::Helm);
        let (severity, what) = match forces {
            Some(profile) => {
                (Severity::Error, format!("the tool of `--profile {profile}`, which always forces, removes"))
            }
            None => (Severity::Warning, "an apply with `--force-conflicts` removes".to_owned()),
        };
        let message = format!(
            "OpenShift adds its own reference to every ServiceAccount, but `--link service-account` writes the whole list. So {what} the \
             reference of OpenShift at each run"
        );
        let hint = "use `--link policy` (Kubernetes 1.36 and later) or `--link none`; docs/service-accounts.md has a section on OpenShift";
        let problem = Diagnostic::error(Code::OpenshiftReferences, message).hint(hint);
        is_openshift.then_some(Diagnostic { severity, ..problem })
    }

    fn namespaces(
        &self,
        spec: &PullSecret,
        include: &[NamespacePattern],
        exclude: &[NamespacePattern],
        problems: &mut Vec<Diagnostic>,
    ) -> Vec<Namespace> {
        let before = problems.len();
        let are_good = spec.include.as_ref().is_none_or(|written| written.value.len() == include.len());
        let origin = spec.include.as_ref().map_or(Origin::File("include"), |include| include.origin.clone());
        // Names of this run are added to a list; names in the file replace it.
        let names_add =
            !matches!(origin, Origin::File(_) | Origin::Cluster(..)) && self.options.namespaces_from.is_some();
        let wanted = Wanted { include, origin: &origin, exclude, listed: self.listed, names_add };
        let chosen = namespaces::choose(&wanted, problems);
        let clean = are_good && problems[before..].iter().all(|problem| !problem.is_error());
        if chosen.namespaces.is_empty() && clean {
            let message = if chosen.excluded == 0 && self.listed.is_none() {
                "no namespace is named"
            } else {
                "no namespace is left to serve, and empty output makes a pruning GitOps tool delete everything"
            };
            let hint = self.why_none(chosen.excluded, spec.exclude.as_ref().map(|exclude| &exclude.origin));
            problems.push(Diagnostic::error(Code::NoNamespaces, message).hint(hint));
        }
        chosen.namespaces
    }

    /// The reason why no namespace is left, and what to do.
    fn why_none(&self, excluded: usize, exclude: Option<&Origin>) -> String {
        match (self.listed, exclude) {
            (_, Some(origin)) if excluded > 0 => {
                format!("{origin} left out all {excluded}: exclude fewer, or name others")
            }
            (Some(Listed { usable, left_out, of_the_cluster }), _)
                if usable.is_empty() && !(left_out.is_empty() && of_the_cluster.is_empty()) =>
            {
                format!(
                    "`--namespaces-from` has only namespaces of Kubernetes itself, or that are Terminating or have opted \
                     out: {} of them",
                    left_out.len() + of_the_cluster.len()
                )
            }
            (Some(Listed { usable, .. }), _) if !usable.is_empty() => format!(
                "`--namespaces-from` has {}, and `--namespaces`, REGCRED_NAMESPACES or `include` chooses none of them",
                usable.len()
            ),
            (Some(_), _) => {
                let path = self.options.namespaces_from.chosen().map(PathBuf::as_path);
                if path == Some(Path::new("-")) {
                    "the list on standard input was empty: did the command before the pipe fail?".to_owned()
                } else {
                    "the file of `--namespaces-from` is empty: did the command that wrote it fail?".to_owned()
                }
            }
            (None, _) => {
                "name namespaces: `namespaces.include` in regcred.yaml, `--namespaces team-a,team-b`, `--namespaces-from FILE`, or REGCRED_NAMESPACES".to_owned()
            }
        }
    }
}

/// `default`, if no ServiceAccount is named.
fn written_accounts(spec: &PullSecret) -> Vec<String> {
    let written = spec.service_accounts.iter().flat_map(|accounts| &accounts.value);
    let names: Vec<_> = written.filter_map(|name| name.as_ref().ok()).map(|name| name.as_str().to_owned()).collect();
    if names.is_empty() { vec!["default".to_owned()] } else { names }
}

/// The globs for ServiceAccounts; their problems were reported with the names.
fn account_globs(spec: &PullSecret) -> Vec<NameGlob> {
    let names = spec.service_accounts.as_ref().map_or(Vec::new(), |accounts| accounts.parsed(&mut Vec::new()));
    if names.iter().any(|name| name.as_str() == "*") {
        Vec::new()
    } else {
        names.iter().filter_map(AccountName::glob).collect()
    }
}

/// The sources of the logins; without any, the default variable.
pub(super) fn sources(spec: &PullSecret, problems: &mut Vec<Diagnostic>) -> Vec<Source> {
    match &spec.logins {
        Some(logins) => logins.parsed(problems),
        None => vec![Source::DockerConfig(VariableName::known(DEFAULT_VARIABLE))],
    }
}

fn sorted(mut names: Vec<ResourceName>) -> Vec<ResourceName> {
    names.sort_unstable();
    names.dedup();
    names
}

/// The parts of strategy or link that an ExternalSecret cannot serve.
fn unserved(external: &ExternalSettings, combination: Combination) -> Option<Diagnostic> {
    if combination.strategy != Strategy::Static && external.for_all.is_some() {
        let strategy = combination.strategy;
        let message =
            format!("`clusterExternalSecret` has no effect with `--strategy {strategy}`, which copies one Secret");
        let problem = Diagnostic::error(Code::MeansNothing, message);
        return Some(problem.hint("leave it out, or use --strategy static"));
    }
    (combination.link == Link::Policy && external.registries().is_empty()).then(|| {
        let message =
            "`--link policy` needs the registries of the whole Docker config that `external` in regcred.yaml names";
        Diagnostic::error(Code::NoRegistries, message)
            .hint("add them beside `dockerConfig`, for example `registries: [ghcr.io]`")
    })
}
