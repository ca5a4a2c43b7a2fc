//! Reads logins from the named variables and files. Each source is read once.

mod file;
mod from_preset;
mod helper;
mod hosts;
#[cfg(feature = "cluster")]
pub mod mounted;
mod source;
mod value;

use std::collections::HashMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::environment::{Environment, Reading};
use crate::report;
use regcred_core::credentials::{Credential, Facts, Variable};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::names::VariableName;
use regcred_core::spec::{Open, Options};
use source::Variables;

pub use hosts::registries;
pub use regcred_core::credentials::{DEFAULT_VARIABLE, Need, OTHER_VARIABLE, Source, is_a_placeholder, lifetime};

/// Whether the problem is a variable that is not set, or is empty. A merge request has no protected variables.
pub fn is_missing_variable(problem: &Diagnostic) -> bool {
    matches!(problem.code, Code::VariableUnset | Code::VariableEmpty)
}

/// What a check of logins must know about this process: the time, the CI and its job tokens.
fn facts(environment: &Environment) -> Facts<'static> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let value = |name: &&'static str| match environment.read(&VariableName::known(name)) {
        Reading::Value(value) => Some((*name, value)),
        Reading::Unset | Reading::Empty | Reading::NotUnicode => None,
    };
    Facts {
        now: since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX)),
        allow_short_lived: false,
        job_tokens: lifetime::JOB_TOKENS.iter().filter_map(value).collect(),
        keep_a_dollar: environment.ci().how_to_keep_a_dollar(),
    }
}

/// The logins of each source, and its problems. Each source was read once, even if several pull secrets use it.
pub struct Credentials {
    read: HashMap<Source, (Vec<Credential>, Vec<Diagnostic>)>,
}

impl Credentials {
    /// Reads every source, as the options for all logins say.
    pub fn read<'a>(sources: impl Iterator<Item = &'a Source>, environment: &Environment, options: &Options) -> Self {
        let facts = Facts { allow_short_lived: options.allow_short_lived.or_default(), ..facts(environment) };
        let sources: Vec<_> = sources.collect();
        let known = [DEFAULT_VARIABLE, OTHER_VARIABLE].into_iter().chain(lifetime::JOB_TOKENS).map(VariableName::known);
        let used: Vec<_> = sources.iter().flat_map(|source| source.variables()).map(|variable| variable.name).collect();
        // A credential helper is another program. It needs no variable that holds a login, so it gets none.
        let hidden: Vec<_> = used.iter().cloned().chain(known).collect();
        let variables = Variables { hidden: options.credential_helpers.or_default().then_some(&hidden), used: &used };
        let mut read = HashMap::new();
        for source in sources {
            read.entry(source.clone()).or_insert_with(|| {
                log_source(source, environment);
                let mut problems = Vec::new();
                (source::read(source, environment, &facts, &variables, &mut problems), problems)
            });
        }
        Self { read }
    }

    /// The logins of a pull secret with these sources; their problems are added to `problems`.
    pub fn of(&self, sources: &[Source], problems: &mut Vec<Diagnostic>) -> Vec<Credential> {
        let read = sources.iter().filter_map(|source| self.read.get(source));
        read.flat_map(|(logins, found)| {
            problems.extend_from_slice(found);
            logins.iter().cloned()
        })
        .collect()
    }
}

/// Prints with `--verbose` which variables and files are read.
fn log_source(source: &Source, environment: &Environment) {
    if let Source::DockerConfigFile(path) = source
        && environment.directory().join(path).exists()
    {
        report::detail(&format!("reading a whole Docker config from {}", path.display()));
    }
    let mut logged = Vec::new();
    for Variable { name, purpose, .. } in source.variables() {
        // If several variables have one purpose, only the first that is set is read.
        if environment.is_set(name.as_str()) && !logged.contains(&purpose) {
            let value = environment.setting(name.as_str()).map(|value| Path::new(value.trim()));
            let is_file = value.is_some_and(|path| path.is_absolute() && path.is_file());
            let place = if is_file { format!("the file that `{name}` names") } else { format!("`{name}`") };
            report::detail(&format!("reading {purpose} from {place}"));
            logged.push(purpose);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use regcred_core::credentials::{NameSource, presets};

    use super::*;

    fn read(variables: &[(&str, &str)], sources: &[Source]) -> Result<(usize, Vec<&'static str>), Vec<&'static str>> {
        let environment = Environment::new(variables.iter().copied(), PathBuf::from("/"));
        let mut problems = Vec::new();
        let logins = Credentials::read(sources.iter(), &environment, &Options::default()).of(sources, &mut problems);
        let codes = problems.iter().map(|problem| problem.code.as_str()).collect();
        if problems.iter().any(Diagnostic::is_error) { Err(codes) } else { Ok((logins.len(), codes)) }
    }

    fn login(registry: &str) -> [Source; 1] {
        let (username, password) = (NameSource::Variable("U".parse().unwrap()), "P".parse().unwrap());
        [Source::Login { registry: registry.parse().unwrap(), username, password }]
    }

    #[test]
    fn every_missing_variable_is_reported_at_once() {
        assert_eq!(read(&[], &login("ghcr.io")), Err(vec!["variable-unset", "variable-unset"]));
        assert_eq!(read(&[("U", ""), ("P", "x")], &login("ghcr.io")), Err(vec!["variable-empty"]));
    }

    #[test]
    fn common_mistakes_in_a_login_are_reported() {
        for (registry, username, password, expected) in [
            ("ghcr.io", "u", "p\n", Ok((1, vec!["trailing-newline"]))),
            ("ghcr.io", "u:v", "p", Err(vec!["username-with-colon"])),
            ("ghcr.io", "u\tv", "p", Err(vec!["username-with-control-character"])),
            ("ghcr.io", "u", "\n", Err(vec!["variable-empty"])),
            ("ghcr.io", "u", "ref+exec://sh", Err(vec!["helmfile-reference"])),
            ("harbor.test", "robot+ci", "p", Ok((1, vec!["dollar-expanded"]))),
            ("quay.io", "robot+ci", "p", Ok((1, vec![]))),
            ("ghcr.io", "u", "github_pat_x", Ok((1, vec!["fine-grained-token"]))),
            ("ghcr.io", "u", "****", Err(vec!["placeholder"])),
            ("ghcr.io", "$GHCR_USER", "p", Ok((1, vec!["placeholder"]))),
            ("ghcr.io", "u", "${GHCR_TOKEN}", Ok((1, vec!["placeholder"]))),
            ("ghcr.io", "u", "[MASKED]", Err(vec!["placeholder"])),
            ("ghcr.io", "u", "$(GHCR_TOKEN)", Err(vec!["placeholder"])),
            ("ghcr.io", "${{ secrets.U }}", "p", Err(vec!["placeholder"])),
            ("ghcr.io", "u", "\"p\"", Ok((1, vec!["in-quotes"]))),
            ("ghcr.io", "u", "/builds/acme/TOKEN", Ok((1, vec!["no-such-file"]))),
            ("ghcr.io", "u", "/usr", Err(vec!["is-a-directory"])),
            ("ghcr.io", "u", "/", Ok((1, vec![]))),
            ("ghcr.io", "  ", "p", Err(vec!["variable-empty"])),
            ("ghcr.io", "u", "\u{a0}\u{3000}", Err(vec!["variable-empty"])),
            ("ghcr.io", "u\u{a0}", "p", Ok((1, vec!["invisible-character"]))),
            ("ghcr.io", "u", "\u{202f}null", Ok((1, vec!["invisible-character"]))),
            ("eu.gcr.io", "_json_key", "p", Err(vec!["not-a-key"])),
            ("ghcr.io", "u", "$1", Ok((1, vec![]))),
            ("ghcr.io", "u", "a$B", Ok((1, vec![]))),
            ("hub.docker.com", "u", "p", Ok((1, vec!["registry-alias"]))),
        ] {
            assert_eq!(read(&[("U", username), ("P", password)], &login(registry)), expected, "{registry} {username}");
        }
    }

    #[test]
    fn a_preset_takes_the_first_variable_that_is_set() {
        let sources = [Source::Preset(presets::find("ghcr").unwrap())];
        assert_eq!(read(&[("GHCR_USERNAME", "u"), ("CR_PAT", "p")], &sources), Ok((1, vec![])));
        assert_eq!(read(&[("GHCR_USERNAME", "u")], &sources), Err(vec!["variable-unset"]));
    }
}
