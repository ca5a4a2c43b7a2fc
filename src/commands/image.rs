//! Checks the image of `verify --image`, and chooses the pull secrets for its namespace.

use std::str::FromStr;

use crate::environment::Environment;
use crate::settings::file::File;
use crate::settings::findings::Findings;
use crate::settings::fleet::{Fleet, Purpose};
use crate::settings::namespaces::Listed;
use regcred_core::diagnostic::{Code, Diagnostic, Failure, Severity};
use regcred_core::docker_config::Match;
use regcred_core::docker_config::kubelet::{Image, InvalidImage};
use regcred_core::names::{Namespace, NamespacePattern};
use regcred_core::spec::typed::Typed;

pub(super) fn parse<I: FromStr<Err = InvalidImage>>(image: &str) -> Result<I, Failure> {
    image.parse().map_err(|invalid: InvalidImage| {
        Failure::Usage(vec![
            Diagnostic::error(Code::InvalidImage, format!("what `--image` got {invalid}"))
                .hint("for example ghcr.io/acme/api:1.4"),
        ])
    })
}

/// Warns about an image that is the host of a registry: a kubelet reads it as an image of Docker Hub.
pub(super) fn registry_for_an_image(image: &str) -> Option<Diagnostic> {
    Image::looks_like_a_registry(image).then(|| {
        Diagnostic::warning(
            Code::RegistryForAnImage,
            "the value of `--image` looks like a registry; a kubelet would read it as an image of Docker Hub",
        )
        .hint("name an image of that registry, for example ghcr.io/acme/api:1.4")
    })
}

/// Reports what a kubelet does with several logins for one registry, which only several pull secrets can have.
pub(super) fn several_logins(matches: &[Match]) -> Option<Diagnostic> {
    let twice = matches.windows(2).find(|pair| pair[0].registry == pair[1].registry)?;
    let message = format!(
        "several pull secrets have a login for `{}`: a kubelet tries them one after the other, in the order of the Pod's \
         `imagePullSecrets`",
        twice[0].registry
    );
    Some(Diagnostic::note(Code::SeveralLogins, message))
}

/// Resolves the settings for the logins; for a Pod in a namespace, only with the pull secrets of regcred.yaml that are for it.
/// Errors: those of the settings, or no cluster has such a pull secret.
pub(super) fn resolve(
    typed: &Typed,
    file: Option<&File>,
    namespace: Option<&Namespace>,
    environment: &Environment,
) -> Result<Fleet, Failure> {
    // Globs choose from this one namespace, unless there is a list.
    let only = namespace.filter(|_| !typed.has("--namespaces-from"));
    let listed = only.map(|name| (Some(Listed { usable: vec![name.clone()], ..Listed::default() }), Vec::new()));
    let mut fleet = Fleet::resolve(typed, file, listed, Purpose::Logins, environment)?;
    let (Some(_), Some(namespace)) = (file, namespace) else { return Ok(fleet) };
    let mut findings = Findings::default();
    for member in &mut fleet.members {
        let any = |list: &[NamespacePattern]| list.iter().any(|pattern| pattern.matches(namespace));
        let by_default = member.patcher.as_ref().map_or(&[][..], |patcher| &patcher.exclude);
        let by_default: Vec<_> = by_default.iter().filter_map(|text| text.parse().ok()).collect();
        member.pull_secrets.retain(|one| one.include.is_empty() || any(&one.include));
        let are_included = !member.pull_secrets.is_empty();
        member.pull_secrets.retain(|one| !any(&one.exclude) && !any(&by_default));
        let (which, hint) = match (are_included, &member.patcher) {
            (true, None) => {
                (", which is excluded", "take it out of `namespaces.exclude` of the pull secret that its Pods need")
            }
            (true, Some(_)) => (
                ", which is excluded",
                "take it out of `namespaces.exclude`; for a namespace of Kubernetes itself, set `patcher.defaultExcludes: false`",
            ),
            (false, _) => ("", "add the namespace to `namespaces.include` of the pull secret that its Pods need"),
        };
        let what = format!("no pull secret of regcred.yaml is for the namespace `{namespace}`{which}");
        let problem = Diagnostic::error(Code::NoNamespaces, format!("{what}: a kubelet would pull without a login"));
        let problem = member.pull_secrets.is_empty().then(|| problem.hint(hint));
        findings.add(problem.into_iter().collect(), member.cluster.as_ref());
    }
    let problems = findings.said();
    if fleet.members.iter().all(|member| member.pull_secrets.is_empty()) {
        return Err(Failure::Input { title: "the input", problems });
    }
    fleet.warnings.extend(problems.into_iter().map(|problem| Diagnostic { severity: Severity::Note, ..problem }));
    Ok(fleet)
}
