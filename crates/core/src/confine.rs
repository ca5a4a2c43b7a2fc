//! Confines what `regcred.yaml` and a functionConfig may name, by globs in protected variables.
//!
//! A merge request can change these files, but not the variables of the project.

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

use crate::credentials::Source;
use crate::diagnostic::{Code, Diagnostic};
use crate::docker_config::registry::RegistryKey;
use crate::names::{BRACES, VariableName};
use crate::nearest::{nearest, one_slip_away};

/// The globs of variables that `regcred.yaml` may name.
pub const VARIABLES: &str = "REGCRED_ALLOWED_VARIABLES";
/// The globs of registries that `regcred.yaml` may name.
pub const REGISTRIES: &str = "REGCRED_ALLOWED_REGISTRIES";
/// The globs of contexts that `regcred.yaml` may name.
pub const CONTEXTS: &str = "REGCRED_ALLOWED_CONTEXTS";
/// The fingerprints of all recipients that are approved.
pub const RECIPIENTS: &str = "REGCRED_RECIPIENTS";
/// The variables that restrict something if they are set.
const GUARDS: [&str; 4] = [VARIABLES, REGISTRIES, CONTEXTS, RECIPIENTS];
/// The prefix of all guards but one.
const GUARD_PREFIX: &str = "REGCRED_ALLOW";
/// The prefix of regcred's own variables, which hold no login.
const OWN_PREFIX: &str = "REGCRED_";

/// Problems of the guards among the variables of these names: an empty or misspelled guard would restrict nothing.
pub fn check_guards<'a>(names: impl Iterator<Item = &'a str>, is_empty: impl Fn(&str) -> bool) -> Vec<Diagnostic> {
    let wrong = |name: &'a str| {
        if GUARDS.contains(&name) {
            let hint = "unset it, or list in it what is allowed; in GitHub's workflows a variable that does not exist is an empty text";
            let message = format!("`{name}` is set, but empty, and would confine nothing");
            return is_empty(name).then(|| Diagnostic::error(Code::VariableEmpty, message).hint(hint));
        }
        let meant =
            one_slip_away(name, GUARDS).or_else(|| nearest(name, GUARDS).filter(|_| name.starts_with(GUARD_PREFIX)));
        meant.map(|meant| {
            let message = format!("`{name}` is no variable of regcred, and would confine nothing");
            let hint = format!("did you mean `{meant}`? give a variable of your own another name");
            Diagnostic::error(Code::NotAllowed, message).hint(hint)
        })
    };
    names.filter_map(wrong).collect()
}

/// The characters with a meaning in a glob.
const SPECIAL: [char; 7] = ['*', '?', '[', ']', '{', '}', '\\'];

/// What `regcred.yaml` may name. Without its variable, a field allows everything.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    variables: Option<GlobSet>,
    registries: Option<GlobSet>,
    /// The globs of the registries, as they are written.
    texts: Vec<String>,
}

impl Allowed {
    /// Reads the globs of both variables, separated by commas or blanks.
    ///
    /// # Errors
    /// A glob is invalid.
    pub fn read(variables: Option<&str>, registries: Option<&str>) -> Result<Self, Diagnostic> {
        let read = |text: Option<&str>, name| text.map(|text| globs(text, name)).transpose();
        Ok(Self {
            variables: read(variables, VARIABLES)?,
            registries: read(registries, REGISTRIES)?,
            texts: parts(registries.unwrap_or_default()).map(str::to_owned).collect(),
        })
    }

    /// Reads the globs of registries in `field` of regcred.yaml; without any, every registry may be named.
    ///
    /// # Errors
    /// A glob is invalid.
    pub fn of_registries(globs: &[String], field: &str) -> Result<Self, Diagnostic> {
        let text = globs.join(",");
        let registries = (!globs.is_empty()).then(|| self::globs(&text, field)).transpose()?;
        Ok(Self { variables: None, registries, texts: parts(&text).map(str::to_owned).collect() })
    }

    /// The source, if it names only what is allowed; messages use `place` for it.
    ///
    /// # Errors
    /// The names that are not allowed.
    pub fn confined(&self, source: Source, place: &str) -> Result<Source, Vec<Diagnostic>> {
        let refused = self.check(&source, place);
        if refused.is_empty() { Ok(source) } else { Err(refused) }
    }

    /// Adds a problem for each registry that is not allowed; in messages, `place` says where the file names the registry.
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
            // These sources name their registries in variables: the check comes when the variables are read.
            Source::DockerConfig(_) | Source::DockerConfigFile(_) | Source::Preset(_) => None,
        };
        variables.chain(registry).collect()
    }

    pub(crate) fn check_variable(&self, name: &VariableName, place: &str) -> Option<Diagnostic> {
        if name.as_str().starts_with(OWN_PREFIX) {
            let message = format!("{place} reads `{name}`, which is a setting of regcred and no login");
            return Some(Diagnostic::error(Code::NotAllowed, message).hint("name the variable that holds the login"));
        }
        let allowed = self.variables.as_ref()?;
        (!allowed.is_match(name.as_str())).then(|| not_allowed(&format!("{place} reads `{name}`"), VARIABLES))
    }

    fn check_registry(&self, registry: &RegistryKey, place: &str) -> Option<Diagnostic> {
        (!self.allows(registry)).then(|| not_allowed(&format!("{place} names `{registry}`"), REGISTRIES))
    }

    /// Whether the file may name the registry, and `regcred` may ask it.
    pub fn allows(&self, registry: &RegistryKey) -> bool {
        self.matches(registry.authority()) || self.matches(registry.index())
    }

    fn matches(&self, name: &str) -> bool {
        let Some(allowed) = &self.registries else { return true };
        // If the name is a glob itself, `?` or `[…]` may match a character of that glob, but not every name that it matches.
        let is_sure = |number: &usize| !name.contains(SPECIAL) || !self.texts[*number].contains(['?', '[']);
        allowed.matches(name).iter().any(is_sure) || (name == "index.docker.io" && allowed.is_match("docker.io"))
    }

    /// Refuses globs of the file that match a registry which is not allowed; messages use `place` for the list of globs.
    pub fn refuse_globs(&self, globs: &[String], place: &str) -> Vec<Diagnostic> {
        let beyond = globs.iter().enumerate().filter(|(_, glob)| !parts(glob).all(|glob| self.covers(glob)));
        let refused =
            |(number, _)| not_allowed(&format!("item {} of {place} permits registries", number + 1), REGISTRIES);
        beyond.map(refused).collect()
    }

    /// Whether a glob is sure to match only allowed registries: the variable contains the same glob, or allows the host of the glob.
    fn covers(&self, glob: &str) -> bool {
        let host = glob.split('/').next().unwrap_or_default();
        let is_allowed = |name: &str| !name.contains(SPECIAL) && self.matches(name);
        self.registries.is_none()
            || self.texts.iter().any(|text| text == glob || text == "*")
            || is_allowed(glob)
            || is_allowed(host)
    }
}

pub(crate) fn not_allowed(what: &str, variable: &str) -> Diagnostic {
    Diagnostic::error(Code::NotAllowed, format!("{what}, which `{variable}` does not allow"))
        .hint(format!("if this is meant, add it to `{variable}`, a protected variable of the project"))
}

pub(crate) fn globs(text: &str, variable: &str) -> Result<GlobSet, Diagnostic> {
    let mut set = GlobSetBuilder::new();
    for part in parts(text) {
        set.add(glob(part).ok_or_else(|| invalid(variable))?);
    }
    set.build().map_err(|_| invalid(variable))
}

/// The words of a guard: they are separated by commas or blanks.
pub fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ', '\t', '\r', '\n']).filter(|part| !part.is_empty())
}

/// The glob, unless it is invalid, longer than any name, or has too many pairs of braces.
fn glob(text: &str) -> Option<Glob> {
    const LONGEST: usize = 512;
    let is_readable = text.len() <= LONGEST && text.matches('{').count() <= BRACES;
    // A `*` stays within one part of a path: `*.example.com` does not match `evil.test/x.example.com`.
    is_readable.then(|| GlobBuilder::new(text).literal_separator(true).build().ok()).flatten()
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
        let signs = (None, Some("registry-?.example.com,registry-[!a].example.com,r[!a]*.example.com,*.azurecr.io"));
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
            (signs, "registry-x.example.com", "A", 0),
            (signs, "registry-*.example.com", "A", 1),
            (signs, "registry-*.example.com/team", "A", 1),
            (signs, "*.azurecr.io/team", "A", 0),
        ] {
            let allowed = Allowed::read(variables, registries).unwrap();
            let problems = allowed.check(&login(registry, password), "an item");
            assert_eq!(problems.len(), expected, "{registry} {password}: {problems:?}");
        }
        for bad in ["[".to_owned(), "{".repeat(60_000) + &"}".repeat(60_000), "a".repeat(513)] {
            assert!(Allowed::read(Some(&bad), None).is_err(), "{} characters", bad.len());
            assert!(Allowed::of_registries(&[bad], "controller.registries").is_err());
        }
    }

    #[test]
    fn globs_of_the_file_match_no_more_than_those_of_the_variable() {
        let guard = Some("docker.io, *.example.com,ghcr.io/acme/*,quay.io");
        for (guard, globs, refused) in [
            (None, &["*", "evil.io"][..], &[][..]),
            (Some("*"), &["*", "evil.io", "*.io"], &[]),
            (guard, &["docker.io", "index.docker.io", "*.example.com", "a.example.com", "ghcr.io/acme/*"], &[]),
            (guard, &["quay.io/acme", "quay.io/*/x", "ghcr.io/acme/x"], &[]),
            (guard, &["*", "evil.io", "**", "?uay.io", "quay.io,evil.io", "quay.io evil.io"], &[1, 2, 3, 4, 5, 6]),
            (guard, &["quay.io", "ghcr.io", "ghcr.io/*", "ghcr.io/other/*", "*.io", "{quay.io}"], &[2, 3, 4, 5, 6]),
        ] {
            let globs: Vec<_> = globs.iter().map(|glob| (*glob).to_owned()).collect();
            let problems = Allowed::read(None, guard).unwrap().refuse_globs(&globs, "`controller.registries`");
            let said: Vec<_> = problems.into_iter().map(|problem| problem.message).collect();
            let expected = refused.iter().map(|number| {
                format!(
                    "item {number} of `controller.registries` permits registries, which `{REGISTRIES}` does not allow"
                )
            });
            assert_eq!(said, expected.collect::<Vec<_>>(), "{guard:?} {globs:?}");
        }
    }

    #[test]
    fn a_guard_that_is_empty_or_misspelled_is_an_error() {
        let said = |name: &str, value: &str| check_guards([name].into_iter(), |_| value.is_empty());
        for name in GUARDS {
            assert!(said(name, "x").is_empty());
            let [problem] = &said(name, "")[..] else { panic!("{name}") };
            assert!(problem.is_error() && problem.message.starts_with(&format!("`{name}` is set, but empty")));
        }
        for (name, meant) in [
            ("REGCRED_ALLOWED_VARIABLE", VARIABLES),
            ("REGCRED_ALLOWED_REGISTRY", REGISTRIES),
            ("REGCRED_ALLOW_CONTEXTS", CONTEXTS),
            ("REGCRED_ALOWED_CONTEXTS", CONTEXTS),
            ("REGCRED_RECIPIENT", RECIPIENTS),
            ("REGCERD_RECIPIENTS", RECIPIENTS),
        ] {
            for value in ["", "x"] {
                let [problem] = &said(name, value)[..] else { panic!("{name}") };
                assert!(problem.is_error() && problem.hint.as_ref().unwrap().contains(meant), "{problem:?}");
            }
        }
        for name in [
            "REGCRED_FINGERPRINT_KEY",
            "REGCRED_NAMESPACES",
            "REGCRED_SOPS_TIMEOUT",
            "REGCRED_TOOLS",
            "PATH",
            "RECIPIENTS",
        ] {
            assert!(said(name, "").is_empty() && said(name, "x").is_empty(), "{name}");
        }
    }
}
