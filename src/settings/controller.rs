//! Decides how the controller of `--strategy controller` is installed.

use super::fleet::Purpose;
use super::usage;
use crate::environment::Environment;
use regcred_core::cluster::installation::{CHANGES_AT_CREATION, ControllerSettings, ResourceSettings};
use regcred_core::confine::Allowed;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::docker_config::kubelet::Image;
use regcred_core::names::Namespace;
use regcred_core::objects::marks::CONTROLLER_NAMESPACE;
use regcred_core::spec::choice::Link;
use regcred_core::spec::{Open, Options, Sourced, go};

/// The default number of Pods: one works, the other takes over.
const REPLICAS: u32 = 2;
/// The default minor version of Kubernetes 1.
const KUBERNETES: u32 = 36;
/// The oldest version whose admission policies can confine the controller.
const OLDEST: u32 = 30;

/// The installation for a run with this purpose; problems of texts are added to `problems`.
/// Errors: usage: no image is named.
pub(super) fn of_a_run(
    purpose: Purpose,
    options: &Options,
    link: Link,
    environment: &Environment,
    problems: &mut Vec<Diagnostic>,
) -> Result<Option<ControllerSettings>, Failure> {
    let allowed = super::allowed(environment).unwrap_or_default();
    match purpose {
        Purpose::Manifests => decide(options, link, &allowed, problems).map(Some),
        // Flags of `render` may still name the image, and give an effect to the other settings.
        Purpose::Logins | Purpose::Variables => {
            let mut found = Vec::new();
            let controller = decide(options, link, &allowed, &mut found).ok();
            problems.extend(found.into_iter().filter(|problem| problem.code != Code::MeansNothing));
            Ok(controller)
        }
        Purpose::Cluster | Purpose::Look | Purpose::CleanUp => Ok(None),
    }
}

/// Resolves the installation; problems of texts are added to `problems`.
/// Errors: usage: no image is named.
fn decide(
    options: &Options,
    link: Link,
    allowed: &Allowed,
    problems: &mut Vec<Diagnostic>,
) -> Result<ControllerSettings, Failure> {
    let Some(Sourced { value: image, origin }) = &options.controller_image else {
        return Err(usage(
            "`--strategy controller` needs `--controller-image`: the image of yours that has regcred",
            "docs/ci.md says how to build one; name it with its digest",
        ));
    };
    if let Err(invalid) = image.parse::<Image>() {
        let problem = Diagnostic::error(Code::InvalidImage, format!("{origin} {invalid}"));
        problems.push(problem.hint("for example registry.example.com/regcred@sha256:…"));
    }
    let kubernetes = options.kube_version.as_ref().map_or(KUBERNETES, |Sourced { value, origin }| {
        minor_version(value).unwrap_or_else(|wrong| {
            problems
                .push(Diagnostic::error(Code::InvalidVersion, format!("{origin} {wrong}")).hint("for example 1.33"));
            KUBERNETES
        })
    });
    if let Some(Sourced { value: 0, origin }) = &options.replicas {
        let problem = Diagnostic::error(Code::Usage, format!("{origin} is 0: nothing would serve a namespace"));
        problems.push(problem.hint("write 2, so that one takes over when the other's node goes"));
    }
    if link == Link::Policy {
        problems.extend((kubernetes < CHANGES_AT_CREATION).then(|| {
            let message = format!(
                "`--link policy` needs Kubernetes 1.{CHANGES_AT_CREATION}, and `--kube-version` is before that"
            );
            Diagnostic::error(Code::ImpossibleCombination, message).hint("use --link service-account")
        }));
    }
    Ok(ControllerSettings {
        namespace: namespace(options),
        image: image.clone(),
        replicas: options.replicas.chosen().copied().unwrap_or(REPLICAS),
        kubernetes,
        selector: super::grant::selector(options, problems),
        evicts: options.restart_stuck_pods.or_default(),
        check_online: interval(options, problems),
        registries: registries(options, allowed, problems),
        resources: resources(options, problems),
    })
}

/// The namespace of the controller.
pub(super) fn namespace(options: &Options) -> Namespace {
    options.controller_namespace.chosen().cloned().unwrap_or_else(|| Namespace::known(CONTROLLER_NAMESPACE))
}

/// The interval of the checks, as `regcred controller` reads it.
fn interval(options: &Options, problems: &mut Vec<Diagnostic>) -> Option<String> {
    let Sourced { value, origin } = options.check_online.as_ref()?;
    let is_long_enough = go::nanoseconds(value).is_some_and(|time| time >= go::SECOND);
    problems.extend((!is_long_enough).then(|| {
        let message = format!("{origin} is not a Go duration of a second or more");
        Diagnostic::error(Code::InvalidDuration, message).hint("for example 1h or 30m")
    }));
    Some(value.clone())
}

/// The registries that custom resources may name with `--crd`, and that are asked with `--check-online`.
fn registries(options: &Options, allowed: &Allowed, problems: &mut Vec<Diagnostic>) -> Vec<String> {
    let Some(Sourced { value, origin }) = &options.permitted_registries else { return Vec::new() };
    if !options.crd.or_default() && options.check_online.is_none() {
        let message = format!("{origin} has no effect without `--crd` or `--check-online`");
        problems.push(Diagnostic::error(Code::MeansNothing, message).hint("add one of them, or leave it out"));
    }
    problems.extend(allowed.refuse_globs(value, &origin.to_string()));
    if Allowed::of_registries(value, "").is_err() {
        let problem = Diagnostic::error(Code::InvalidGlob, format!("{origin} holds an invalid glob"));
        problems.push(problem.hint("for example ghcr.io or *.example.com"));
    }
    value.clone()
}

/// The limits for custom resources, with `--crd`.
fn resources(options: &Options, problems: &mut Vec<Diagnostic>) -> Option<ResourceSettings> {
    let (secrets, has_resources) = (&options.permitted_secrets, options.crd.or_default());
    problems.extend(secrets.iter().filter(|_| !has_resources).map(|Sourced { origin, .. }| {
        let message = format!("{origin} has no effect without `--crd`: only custom resources name Secrets later");
        Diagnostic::error(Code::MeansNothing, message).hint("add `crd: true`, or leave it out")
    }));
    has_resources
        .then(|| ResourceSettings { secrets: secrets.as_ref().map_or_else(Vec::new, |list| list.value.clone()) })
}

fn minor_version(text: &str) -> Result<u32, String> {
    let minor = text.trim_start_matches('v').strip_prefix("1.");
    let minor = minor.and_then(|rest| rest.split('.').next()?.parse().ok()).ok_or("is not a version of Kubernetes")?;
    if minor < OLDEST {
        return Err(format!(
            "is older than 1.{OLDEST}, the first version whose admission policies can confine the controller"
        ));
    }
    Ok(minor)
}
