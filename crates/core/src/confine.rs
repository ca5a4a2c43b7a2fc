//! Confines what `regcred.yaml` and a functionConfig may name, by globs that a protected variable holds.
//!
//! A merge request can change these files, but not the variables of the project: so they decide which variables and registries it
//! may reach.

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

use crate::credentials::Source;
use crate::diagnostic::{Code, Diagnostic};
use crate::docker_config::registry::RegistryKey;
use crate::names::VariableName;

/// The globs of variables that `regcred.yaml` may name.
pub const VARIABLES: &str = "REGCRED_ALLOWED_VARIABLES";
/// The globs of registries that `regcred.yaml` may name.
pub const REGISTRIES: &str = "REGCRED_ALLOWED_REGISTRIES";
/// The globs of contexts that `regcred.yaml` may name.
pub const CONTEXTS: &str = "REGCRED_ALLOWED_CONTEXTS";
/// The variables that are ours: none of them holds a login.
const OURS: &str = "REGCRED_";

/// What `regcred.yaml` may name; each is everything unless its variable is set.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    variables: Option<GlobSet>,
    registries: Option<GlobSet>,
}

impl Allowed {
    /// Reads the globs of both variables, separated by commas or blanks.
    ///
    /// # Errors
    /// A glob is invalid.
    pub fn read(variables: Option<&str>, registries: Option<&str>) -> Result<Self, Diagnostic> {
        let read = |text: Option<&str>, name| text.map(|text| globs(text, name)).transpose();
        Ok(Self { variables: read(variables, VARIABLES)?, registries: read(registries, REGISTRIES)? })
    }

    /// Reads the globs of registries in `field` of regcred.yaml; without any, every registry may be named.
    ///
    /// # Errors
    /// A glob is invalid.
    pub fn of_registries(globs: &[String], field: &str) -> Result<Self, Diagnostic> {
        let read = |globs: &[String]| self::globs(&globs.join(","), field);
        let registries = Some(globs).filter(|globs| !globs.is_empty()).map(read).transpose()?;
        Ok(Self { variables: None, registries })
    }

    /// The source, where it names only what it may; `place` is what messages call it.
    ///
    /// # Errors
    /// What it names that it may not.
    pub fn confined(&self, source: Source, place: &str) -> Result<Source, Vec<Diagnostic>> {
        let refused = self.check(&source, place);
        if refused.is_empty() { Ok(source) } else { Err(refused) }
    }

    /// What of these registries the file may not reach; `place` is what messages say about where they are named.
    pub fn refuse<'a>(
        &self,
        registries: impl Iterator<Item = &'a RegistryKey>,
        place: &str,
        problems: &mut Vec<Diagnostic>,
    ) {
        for problem in registries.filter_map(|registry| self.check_registry(registry, place)) {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }

    fn check(&self, source: &Source, place: &str) -> Vec<Diagnostic> {
        let named = source.variables();
        let variables = named.iter().filter_map(|variable| self.check_variable(&variable.name, place));
        let registry = match source {
            Source::Login { registry, .. } => self.check_registry(registry, place),
            // The registries of these are in variables: they are checked when those are read.
            Source::DockerConfig(_) | Source::DockerConfigFile(_) | Source::Preset(_) => None,
        };
        variables.chain(registry).collect()
    }

    fn check_variable(&self, name: &VariableName, place: &str) -> Option<Diagnostic> {
        if name.as_str().starts_with(OURS) {
            let message = format!("{place} names `{name}`, which is a setting of regcred and no login");
            return Some(Diagnostic::error(Code::NotAllowed, message).hint("name the variable that holds the login"));
        }
        let allowed = self.variables.as_ref()?;
        (!allowed.is_match(name.as_str())).then(|| not_allowed(&format!("{place} names `{name}`"), VARIABLES))
    }

    fn check_registry(&self, registry: &RegistryKey, place: &str) -> Option<Diagnostic> {
        (!self.allows(registry)).then(|| not_allowed(&format!("{place} names `{registry}`"), REGISTRIES))
    }

    /// Whether the registry may be named, and asked.
    #[must_use]
    pub fn allows(&self, registry: &RegistryKey) -> bool {
        let Some(allowed) = &self.registries else { return true };
        let is_allowed =
            |name: &str| allowed.is_match(name) || (name == "index.docker.io" && allowed.is_match("docker.io"));
        is_allowed(registry.authority()) || is_allowed(registry.index())
    }
}

/// Whether `regcred.yaml` may name this context of a kubeconfig; `globs` is what `REGCRED_ALLOWED_CONTEXTS` holds, if it is set.
///
/// # Errors
/// It may not, or a glob is invalid.
pub fn check_context(context: &str, globs: Option<&str>) -> Result<(), Diagnostic> {
    match globs.map(|text| self::globs(text, CONTEXTS)).transpose()? {
        Some(allowed) if !allowed.is_match(context) => {
            Err(not_allowed("`context` in regcred.yaml names one", CONTEXTS))
        }
        _ => Ok(()),
    }
}

/// Whether `regcred.yaml` may name this variable at `place`; `globs` is what `REGCRED_ALLOWED_VARIABLES` holds, if it is set.
///
/// # Errors
/// It may not, or a glob is invalid.
pub fn check_variable(name: &VariableName, place: &str, globs: Option<&str>) -> Result<(), Diagnostic> {
    Allowed::read(globs, None)?.check_variable(name, place).map_or(Ok(()), Err)
}

/// How the names of variables begin that a CI itself fills, among other things with what the author of a merge request writes.
const FILLED_BY_CI: [&str; 11] = [
    "BITBUCKET_",
    "BUILD_",
    "BUILDKITE_",
    "CHANGE_",
    "CI_",
    "CIRCLE_",
    "DRONE_",
    "GITHUB_",
    "GITLAB_",
    "SYSTEM_",
    "TRAVIS_",
];

/// Whether a variable may hold a kubeconfig, which can run programs. `is_listed` says that `REGCRED_ALLOWED_VARIABLES` has approved it.
///
/// # Errors
/// The CI fills it, for example with the message of a commit.
pub fn check_kubeconfig(name: &VariableName, place: &str, is_listed: bool) -> Result<(), Diagnostic> {
    if is_listed || !FILLED_BY_CI.iter().any(|beginning| name.as_str().starts_with(beginning)) {
        return Ok(());
    }
    let message =
        format!("{place} names `{name}`, which the CI fills: whoever writes a commit could choose the kubeconfig");
    Err(Diagnostic::error(Code::NotAllowed, message)
        .hint(format!("use a variable of your own, such as KUBECONFIG_PROD, or add `{name}` to `{VARIABLES}`")))
}

fn not_allowed(what: &str, variable: &str) -> Diagnostic {
    Diagnostic::error(Code::NotAllowed, format!("{what}, which `{variable}` does not allow"))
        .hint(format!("if this is meant, add it to `{variable}`, a protected variable of the project"))
}

fn globs(text: &str, variable: &str) -> Result<GlobSet, Diagnostic> {
    let mut set = GlobSetBuilder::new();
    for part in text.split([',', ' ', '\t', '\n']).filter(|part| !part.is_empty()) {
        // A `*` stays within a part of a path: `*.example.com` is no `evil.test/x.example.com`.
        set.add(glob(part).map_err(|_| invalid(variable))?);
    }
    set.build().map_err(|_| invalid(variable))
}

fn glob(text: &str) -> Result<Glob, globset::Error> {
    GlobBuilder::new(text).literal_separator(true).build()
}

fn invalid(variable: &str) -> Diagnostic {
    Diagnostic::error(Code::InvalidGlob, format!("`{variable}` holds an invalid glob"))
        .hint("separate globs by commas, for example `REGISTRY_*,DOCKERHUB_AUTH`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::NameSource;

    fn login(registry: &str, password: &str) -> Source {
        let username = NameSource::Literal("bot".to_owned());
        Source::Login { registry: RegistryKey::typed(registry).unwrap(), username, password: password.parse().unwrap() }
    }

    #[test]
    fn globs_confine_variables_and_registries() {
        let everything = (None, None);
        let some = (Some("DOCKERHUB_AUTH, REGISTRY_*"), Some("docker.io *.example.com,ghcr.io/acme/*"));
        for ((variables, registries), registry, password, expected) in [
            (everything, "ghcr.io", "KUBECONFIG", 0),
            (everything, "ghcr.io", "REGCRED_FINGERPRINT_KEY", 1),
            (everything, "ghcr.io", "REGCRED_FINGERPRINT_KEY_PREVIOUS", 1),
            (some, "docker.io", "DOCKERHUB_AUTH", 0),
            (some, "index.docker.io", "REGISTRY_TOKEN", 0),
            (some, "a.example.com/team", "REGISTRY_TOKEN", 0),
            (some, "ghcr.io/acme/x", "REGISTRY_TOKEN", 0),
            (some, "ghcr.io", "REGISTRY_TOKEN", 1),
            (some, "evil.test/x.example.com", "REGISTRY_TOKEN", 1),
            (some, "a.example.com.evil.test", "AWS_SECRET_ACCESS_KEY", 2),
            (some, "docker.io", "REGCRED_FINGERPRINT_KEY", 1),
            ((Some(""), None), "ghcr.io", "A", 1),
        ] {
            let allowed = Allowed::read(variables, registries).unwrap();
            let problems = allowed.check(&login(registry, password), "an item");
            assert_eq!(problems.len(), expected, "{registry} {password}: {problems:?}");
        }
        assert!(Allowed::read(Some("["), None).is_err());
    }

    #[test]
    fn globs_confine_contexts() {
        for (context, globs, allowed) in [
            ("prod", None, true),
            ("prod", Some("staging,pro?"), true),
            ("prod", Some("staging-*"), false),
            ("acme/project:prod", Some("acme/project:*"), true),
            ("acme/other/project:prod", Some("acme/*"), false),
            ("prod", Some(""), false),
        ] {
            assert_eq!(check_context(context, globs).is_ok(), allowed, "{context} {globs:?}");
        }
    }
}
