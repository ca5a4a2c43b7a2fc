//! Resolves one cluster of a fleet: merges its layers, and refuses settings that cannot apply to several clusters.

use std::collections::HashSet;
use std::path::Path;

use super::file::{Cluster, PullSecret as WrittenPullSecret, Spec as FileSpec};
use super::fleet::Purpose;
use super::layers::{self, CERTIFICATE};
use super::namespaces::Listed;
use super::{Destination, Settings, usage, with_known};
use crate::environment::Environment;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::names::ResourceName;
use regcred_core::nearest::nearest;
use regcred_core::spec::choice::{Format, Profile, Protect};
use regcred_core::spec::meaning::{self, Run};
use regcred_core::spec::template;
use regcred_core::spec::typed::{self, Typed};
use regcred_core::spec::{Certificate, Open, Origin, Sourced, Spec};

/// The settings of one cluster, and its problems.
pub(super) struct Member {
    pub(super) settings: Settings,
    run: Run,
    pub(super) problems: Vec<Diagnostic>,
}

/// What all clusters of a run have in common.
pub(super) struct Context<'a> {
    pub(super) typed: &'a Typed,
    pub(super) flags: Spec,
    pub(super) file: &'a FileSpec,
    /// Whether there is a regcred.yaml, or a ConfigMap of a function.
    pub(super) has_config: bool,
    pub(super) listed: Option<Listed>,
    /// The problems that do not depend on the cluster.
    pub(super) problems: Vec<Diagnostic>,
    pub(super) purpose: Purpose,
    pub(super) environment: &'a Environment,
    pub(super) clusters: &'a [&'a Cluster],
}

impl Context<'_> {
    pub(super) fn members(&self) -> Result<Vec<Member>, Failure> {
        if self.clusters.is_empty() {
            return Ok(vec![self.member(None)?]);
        }
        self.refuse_one_protection()?;
        let mut members = Vec::new();
        let mut names = HashSet::new();
        for cluster in self.clusters {
            let mut member = self.member(Some(cluster)).map_err(|failure| about(failure, cluster))?;
            member.settings.enter(cluster.name.clone(), self.clusters.len())?;
            if !names.insert(&cluster.name) {
                let problem = Diagnostic::error(Code::SameName, "two clusters have the same name");
                member.problems.push(problem.hint("give each its own: it is the name of its folder"));
            }
            members.push(member);
        }
        Ok(members)
    }

    fn member(&self, cluster: Option<&Cluster>) -> Result<Member, Failure> {
        let mut problems = self.problems.clone();
        let mut variables = layers::of_variables(self.environment);
        let mut written = with_known(self.environment, |known| layers::of_file(self.file, cluster, known));
        problems.extend(cluster.into_iter().flat_map(|cluster| self.without_logins(cluster)));
        let is_faulty = problems.iter().any(Diagnostic::is_error);
        if matches!(self.purpose, Purpose::Logins | Purpose::Variables) {
            variables.each.include = None;
        }
        let include = self.flags.each.include.as_ref().or(variables.each.include.as_ref());
        // `delete` removes every pull secret from the named namespaces.
        let filling = include.filter(|_| self.purpose != Purpose::CleanUp).map(|include| include.origin.to_string());
        choose_pull_secrets(&mut written, &self.flags, filling)?;
        if let Some(cluster) = cluster {
            self.choose_certificate(cluster, &mut variables)?;
        }
        let merged = Spec::merge([self.flags.clone(), variables, written, self.defaults(cluster)]);
        let has_several_pull_secrets = self.file.pull_secrets.len() > 1;
        let (settings, run) = Settings::decide(
            &merged,
            (self.purpose, self.has_config, has_several_pull_secrets),
            self.listed.as_ref(),
            self.environment,
            &mut problems,
        )?;
        // The list may be empty because of another problem, and flags of `render` may name namespaces.
        if is_faulty || self.purpose != Purpose::Manifests {
            problems.retain(|problem| problem.code != Code::NoNamespaces);
        }
        problems.extend(self.unassigned_certificate(cluster, &settings));
        Ok(Member { settings, run, problems })
    }

    /// With `--output`, each cluster of a fleet has a folder of files.
    fn defaults(&self, cluster: Option<&Cluster>) -> Spec {
        let mut defaults = Spec::default();
        if cluster.is_some() && self.flags.options.output.is_some() {
            let (value, origin) = (Format::Directory, Origin::File("format"));
            defaults.options.format = Some(Sourced { value, origin });
        }
        defaults
    }

    fn refuse_one_protection(&self) -> Result<(), Failure> {
        let protection = |cluster: &Cluster| cluster.protect.or(self.file.protect).unwrap_or(Protect::Plain);
        let differ = self.clusters.windows(2).any(|pair| protection(pair[0]) != protection(pair[1]));
        if self.typed.has("--protect") && differ {
            return Err(usage(
                "`--protect` is for all clusters, but clusters of regcred.yaml have different protections",
                "leave it out, or choose one with --cluster",
            ));
        }
        Ok(())
    }

    /// A cluster with its own certificate ignores the variable. Among several clusters, it also refuses the flag.
    fn choose_certificate(&self, cluster: &Cluster, variables: &mut Spec) -> Result<(), Failure> {
        if cluster.sealing.certificate.is_none() {
            return Ok(());
        }
        if self.typed.has("--sealing-cert") && self.clusters.len() > 1 {
            return Err(usage(
                "`--sealing-cert` is for all clusters, but clusters of regcred.yaml have their own certificates",
                "leave it out, or choose one with --cluster",
            ));
        }
        variables.options.sealing_cert = None;
        Ok(())
    }

    /// Refuses the variable's certificate if other clusters have their own: it may be for one of those.
    fn unassigned_certificate(&self, cluster: Option<&Cluster>, settings: &Settings) -> Option<Diagnostic> {
        let some_have_their_own = self.clusters.iter().any(|cluster| cluster.sealing.certificate.is_some());
        let is_of_the_variable = matches!(settings.options.sealing_cert.chosen(), Some(Certificate::Variable(_)));
        let is_sealed = settings.combination.protect == Protect::Sealed;
        (cluster.is_some() && some_have_their_own && is_of_the_variable && is_sealed).then(|| {
            let message =
                format!("`{CERTIFICATE}` holds one certificate, but other clusters of regcred.yaml have their own");
            Diagnostic::error(Code::NoCertificate, message)
                .hint("write `sealing.certificate` for this cluster too, or choose it alone with --cluster")
        })
    }

    /// Reports pull secrets of a cluster without logins, unless a common pull secret has the same name: the default login would
    /// be for another pull secret. Flags fill the pull secret that they choose.
    fn without_logins(&self, cluster: &Cluster) -> Vec<Diagnostic> {
        let common = &self.file.pull_secrets;
        // Without common pull secrets, the default variable holds the logins of every cluster.
        if self.flags.each.logins.is_some() || common.is_empty() {
            return Vec::new();
        }
        let known = || common.iter().map(WrittenPullSecret::secret_name);
        let chosen = self.flags.each.name.as_ref().map(|name| name.value.as_str());
        let own = cluster.pull_secrets.iter().flatten();
        let left_out = own.filter(|own| {
            let name = own.secret_name();
            chosen.is_none_or(|chosen| chosen == name)
                && own.logins.is_empty()
                && own.external.is_none()
                && known().all(|known| known != name)
        });
        left_out
            .map(|own| {
                let name = own.secret_name();
                let message =
                    format!("the pull secret `{name}` has no `logins`, and its name is not under `spec.pullSecrets`");
                Diagnostic::error(Code::NoLogins, message).hint(match nearest(name, known()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "give it `logins`, or the name of a pull secret under `spec.pullSecrets`".to_owned(),
                })
            })
            .collect()
    }

    /// Refuses options that would do nothing in any cluster.
    pub(super) fn refuse_idle(&self, members: &[Member]) -> Result<(), Failure> {
        let idle = |member: &Member| {
            let mut problems = meaning::idle(self.typed, &member.run);
            if typed::find("--templates").is_some_and(|setting| meaning::means_something(setting, &member.run)) {
                problems.extend(idle_templates(&member.settings, self.environment));
            }
            problems
        };
        let mut members = members.iter().map(idle);
        let mut problems = members.next().unwrap_or_default();
        for others in members {
            problems.retain(|problem| others.contains(problem));
        }
        if problems.is_empty() { Ok(()) } else { Err(Failure::Usage(problems)) }
    }

    pub(super) fn refuse_one_output_for_several(&self, members: &[Member]) -> Result<(), Failure> {
        match members {
            [first, _, ..]
                if self.purpose == Purpose::Manifests && matches!(first.settings.destination, Destination::Stdout) =>
            {
                Err(usage(
                    format!("regcred.yaml has {} clusters, and each has its own output", members.len()),
                    "add --output DIR, or choose one with --cluster",
                ))
            }
            _ => Ok(()),
        }
    }
}

/// Flags and variables fill one pull secret: the only one, or the one that `--secret-name` chooses. `filling` names such a flag or variable.
/// Errors: usage: a flag or variable fills one of several, or the flags choose none of them.
pub(super) fn choose_pull_secrets(written: &mut Spec, flags: &Spec, filling: Option<String>) -> Result<(), Failure> {
    let several = written.pull_secrets.len();
    if several < 2 {
        return Ok(());
    }
    if let Some(name) = &flags.each.name {
        written.pull_secrets.retain(|entry| entry.secret_name() == name.value.as_str());
        written.pull_secrets.truncate(1);
        if written.pull_secrets.is_empty() {
            let message = "`--secret-name` names no pull secret of regcred.yaml";
            return Err(usage(message, "use the name of a pull secret in regcred.yaml"));
        }
    } else if let Some(filling) = filling.or(flags.each.logins.as_ref().map(|logins| logins.origin.to_string())) {
        return Err(usage(
            format!("regcred.yaml has {several} pull secrets, but {filling} is for one"),
            "choose one with --secret-name, or change regcred.yaml",
        ));
    }
    Ok(())
}

/// Reports templates that would have no effect, because the run does not make their objects from templates.
fn idle_templates(settings: &Settings, environment: &Environment) -> impl Iterator<Item = Diagnostic> {
    let Settings { combination, chart, .. } = settings;
    let folder = settings.templates(environment);
    let format = combination.format;
    let names = template::BUILT_IN.iter().copied();
    let idle = names.filter(move |name| !template::is_used(name, format, chart));
    let idle = idle.filter(move |name| folder.as_ref().is_some_and(|folder| folder.join(name).exists()));
    idle.map(move |name| {
        Diagnostic::error(
            Code::Usage,
            format!("`{name}` in `--templates` has no effect with `--format {format}`, which does not use it"),
        )
        .hint("take it out of that directory, or use --format yaml")
    })
}

/// The same failure, with the name of its cluster.
fn about(failure: Failure, cluster: &Cluster) -> Failure {
    let Failure::Usage(mut problems) = failure else { return failure };
    for problem in &mut problems {
        problem.message = format!("{} (cluster {})", problem.message, cluster.name);
    }
    Failure::Usage(problems)
}

impl Settings {
    /// Each of the run's `clusters` has its own folder under `--output`; values of one cluster are a file.
    fn enter(&mut self, cluster: ResourceName, clusters: usize) -> Result<(), Failure> {
        let format = self.combination.format;
        match &mut self.destination {
            Destination::Stdout => {}
            Destination::Write(_) | Destination::Check(_) if format.is_one_file() => {
                if clusters > 1 {
                    return Err(usage(
                        format!("`--format {format}` writes one file, and the run is for {clusters} clusters"),
                        "choose one with --cluster",
                    ));
                }
            }
            Destination::Write(_) | Destination::Check(_)
                if format == Format::Json && self.options.profile.chosen() == Some(&Profile::Flux) =>
            {
                return Err(usage(
                    "`--format json` and `--profile flux` cannot be combined: Flux reads no file that ends in .json",
                    "use --format yaml, directory or kustomization",
                ));
            }
            Destination::Write(path) | Destination::Check(path) if is_the_name_of_a_file(path) => {
                return Err(usage(
                    "`--output` has the name of a file, and is the folder in which each cluster has its own",
                    "name a folder, or leave --output out and choose one cluster with --cluster",
                ));
            }
            Destination::Write(path) | Destination::Check(path) => path.push(cluster.as_str()),
        }
        self.cluster = Some(cluster);
        Ok(())
    }
}

fn is_the_name_of_a_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known))
}
