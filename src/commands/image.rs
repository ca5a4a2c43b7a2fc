//! Answers `verify --image`: what keeps logins from matching, and which pull secrets a namespace has.

use std::str::FromStr;

use crate::settings::file::{File, Namespaces};
use crate::settings::fleet::Fleet;
use regcred_core::diagnostic::{Code, Diagnostic, Failure, Severity};
use regcred_core::docker_config::Match;
use regcred_core::docker_config::kubelet::{Image, InvalidImage};
use regcred_core::names::{Namespace, NamespacePattern, ResourceName};

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
            "what `--image` got looks like a registry, and a kubelet takes it for an image of Docker Hub",
        )
        .hint("name an image in it, for example ghcr.io/acme/api:1.4")
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
    Some(Diagnostic { severity: Severity::Note, ..Diagnostic::warning(Code::SeveralLogins, message) })
}

/// Keeps only the pull secrets that regcred.yaml has for the namespace.
/// Errors: no pull secret is left.
pub(super) fn for_namespace(
    mut fleet: Fleet,
    file: Option<&File>,
    namespace: Option<&Namespace>,
) -> Result<Fleet, Failure> {
    let (Some(file), Some(namespace)) = (file, namespace) else { return Ok(fleet) };
    let of_clusters = file.spec.clusters.iter().filter_map(|cluster| cluster.pull_secrets.as_ref()).flatten();
    let written: Vec<_> = file.spec.pull_secrets.iter().chain(of_clusters).collect();
    let is_for = |patterns: &Namespaces| {
        let any = |list: &[NamespacePattern]| list.iter().any(|pattern| pattern.matches(namespace));
        (patterns.include.is_empty() || any(&patterns.include)) && !any(&patterns.exclude)
    };
    for member in &mut fleet.members {
        member.pull_secrets.retain(|pull_secret| {
            let is_of = |name: &ResourceName| *name == pull_secret.name;
            let mut entries = written.iter().filter(|entry| entry.name.as_ref().is_none_or(is_of));
            written.is_empty() || entries.any(|entry| is_for(&entry.namespaces))
        });
    }
    if fleet.members.iter().all(|member| member.pull_secrets.is_empty()) {
        let message = format!(
            "no pull secret of regcred.yaml is for the namespace `{namespace}`: a kubelet would pull without a login"
        );
        let hint = "add the namespace to `namespaces.include` of the pull secret that its Pods need";
        return Err(Failure::of("the input", Diagnostic::error(Code::NoNamespaces, message).hint(hint)));
    }
    Ok(fleet)
}
