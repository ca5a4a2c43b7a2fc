//! SOPS: a Secret in, what the user's own `sops` program makes of it out. Nothing is ever on disk in clear.
//!
//! The program is used, and not the format, so that every key service and every rule works as it does by hand. What it prints
//! is looked at before it is believed.

mod comparison;
mod discretion;
mod go_regex;
mod problems;
mod proof;
mod recipients;
mod rule;
mod rules;
mod selection;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::files::target::Target;
use crate::interrupt;
use crate::program::Program;
use crate::settings::choices::Format;
use crate::settings::{Destination, Settings};
use discretion::Secrets;
use problems::Naming;
use proof::Fault;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::manifest::{PullSecret, to_yaml};
use regcred_core::names::{Namespace, VariableName};
use rules::{Found, Rules};
use selection::Selection;

pub use selection::Form;

const TITLE: &str = "sops";
/// The variable with the time that sops has for one file.
const LIMIT_VARIABLE: &str = "REGCRED_SOPS_TIMEOUT";
const LIMIT: Duration = Duration::from_secs(60);
/// A file without rules.
const EMPTY: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };
/// In these sops looks for recipients; they win over those of a rule.
const RECIPIENTS: [&str; 7] = [
    "SOPS_AGE_RECIPIENTS",
    "SOPS_AZURE_KEYVAULT_URLS",
    "SOPS_GCP_KMS_IDS",
    "SOPS_HUAWEICLOUD_KMS_IDS",
    "SOPS_KMS_ARN",
    "SOPS_PGP_FP",
    "SOPS_VAULT_URIS",
];

/// The program, and the rules of `.sops.yaml`. Several threads may use it at once.
pub struct Sops {
    /// None where nothing is to be encrypted: for a comparison.
    program: Option<Program>,
    rules: Rules,
    recipients: BTreeMap<&'static str, String>,
    /// The folder that paths are relative to, without links.
    root: PathBuf,
    naming: Naming,
    warnings: Vec<Diagnostic>,
}

/// What the rules say of a file: nothing where there are none.
#[derive(Default)]
struct Chosen<'a> {
    content: Option<&'a Value>,
    selection: Option<&'a Selection>,
}

impl Sops {
    /// Finds the program and the rules.
    ///
    /// # Errors
    /// All that is missing or wrong with them.
    pub fn prepare(
        settings: &Settings,
        secret_variables: &[VariableName],
        environment: &Environment,
    ) -> Result<Self, Failure> {
        let (path, encrypts) = match &settings.destination {
            Destination::Write(path) => (path.as_path(), true),
            Destination::Check(path) => (path.as_path(), false),
            Destination::Stdout => (Path::new(""), true),
        };
        let target = Target::new(path, settings, secret_variables, environment);
        let naming = match settings.combination.format {
            Format::Directory | Format::Kustomization => Naming::ByPath,
            _ => Naming::ByFlag,
        };
        let folder = match naming {
            Naming::ByPath => Some(target.path.as_path()),
            Naming::ByFlag => target.path.parent(),
        };
        let root = real(folder.unwrap_or(&target.path));
        let mut found = Vec::new();
        let rules = Rules::find(&root, environment).unwrap_or_else(|problem| {
            found.push(problem);
            Rules::default()
        });
        let limit = limit(environment).unwrap_or_else(|problem| {
            found.push(problem);
            LIMIT
        });
        // Without the last variable sops asks the network for a newer version.
        let program = Program::find("sops", environment, environment.without(target.secret_variables), limit)
            .map(|program| program.with("SOPS_DISABLE_VERSION_CHECK", "1"));
        if encrypts {
            interrupt::heed();
            found.extend(program.is_none().then(problems::no_program));
        }
        let recipients: BTreeMap<_, _> =
            RECIPIENTS.iter().filter_map(|name| Some((*name, environment.setting(name)?.to_owned()))).collect();
        if found.iter().all(|problem| problem.code != Code::SopsRules) && recipients.is_empty() && !rules.are_there() {
            found.push(if encrypts { problems::no_rules(&root) } else { problems::not_known_here() });
        }
        Failure::unless_clean(TITLE, &found)?;
        Ok(Self { program, rules, recipients, root, naming, warnings: found })
    }

    /// What there is to say of it before it works.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Whether the rule for a Secret's file does what is needed with it.
    ///
    /// # Errors
    /// There is none, or it does not.
    pub fn admit(&self, secret: &PullSecret, namespace: Option<&Namespace>, path: &str) -> io::Result<()> {
        let rule = self.rule(path).map_err(failed)?;
        match rule.selection {
            Some(_) => self.admit_rule(&rule, &[without_values(secret, namespace)?], path, Form::Manifests),
            None => Ok(()),
        }
    }

    fn admit_rule(&self, rule: &Chosen<'_>, documents: &[Value], path: &str, form: Form) -> io::Result<()> {
        let Some(selection) = rule.selection else { return Ok(()) };
        proof::check_selection(documents, form, selection)
            .map_err(|fault| failed(problems::bad_rule(&self.naming.name(path), &fault, form)))
    }

    /// The Secret with its values encrypted: another at every call.
    ///
    /// # Errors
    /// As [`Self::encrypt_text`].
    pub fn encrypt(
        &self,
        secret: &PullSecret,
        namespace: Option<&Namespace>,
        path: &str,
    ) -> io::Result<Zeroizing<Vec<u8>>> {
        let text = to_yaml(&secret.object(namespace))?;
        self.encrypt_text(&text, path, Form::Manifests)
    }

    /// A YAML text with its secrets encrypted: another at every call. `path` is its file's, relative to the root.
    ///
    /// # Errors
    /// There is no rule for it, its rule does not do what is needed, or the program fails.
    pub fn encrypt_text(&self, text: &str, path: &str, form: Form) -> io::Result<Zeroizing<Vec<u8>>> {
        let rule = self.rule(path).map_err(failed)?;
        let program = self.program.as_ref().ok_or_else(|| failed(problems::no_program()))?;
        let documents = proof::documents(text).ok_or(io::ErrorKind::InvalidData)?;
        self.admit_rule(&rule, &documents, path, form)?;
        let file = self.root.join(path);
        // Without one it would look for rules from where it runs.
        let rules = self.rules.file.as_deref().unwrap_or(Path::new(EMPTY));
        let mut arguments: Vec<&OsStr> = vec!["--config".as_ref(), rules.as_os_str()];
        arguments.extend(["encrypt", "--input-type", "yaml", "--output-type", "yaml"].map(OsStr::new));
        if rule.selection.is_none() {
            arguments.extend(["--encrypted-regex", form.regex()].map(OsStr::new));
        }
        arguments.extend(["--filename-override".as_ref(), file.as_os_str(), "/dev/stdin".as_ref()]);
        let secrets = || Secrets::of(&documents, form, program.variables());
        let result = program
            .run(&arguments, Zeroizing::new(text.as_bytes().to_vec()))
            .map(|answer| answer.output)
            .map_err(|trouble| failed(problems::no_result(&self.naming.name(path), &trouble, secrets)))?;
        let bad = |fault| failed(problems::bad_result(&self.naming.name(path), &fault));
        let printed = std::str::from_utf8(&result).map_err(|_| bad(Fault::Other))?;
        proof::check_result(&documents, printed, form).map_err(bad)?;
        Ok(result)
    }

    fn rule(&self, path: &str) -> Result<Chosen<'_>, Diagnostic> {
        match self.rules.matching(&self.root.join(path))? {
            Found::Rule(rule, selection) => Ok(Chosen { content: Some(&rule.content), selection }),
            Found::NoRules => Ok(Chosen::default()),
            Found::NoMatch => Err(problems::no_rule(self.naming, path)),
        }
    }
}

fn failed(problem: Diagnostic) -> io::Error {
    io::Error::other(Failure::of(TITLE, problem))
}

/// What anybody may know of a Secret.
fn without_values(secret: &PullSecret, namespace: Option<&Namespace>) -> serde_json::Result<Value> {
    let clear = PullSecret { docker_config: Arc::new(String::new().into()), ..secret.clone() };
    serde_json::to_value(clear.object(namespace))
}

/// The folder without links as far as it is there.
fn real(folder: &Path) -> PathBuf {
    let found = folder.ancestors().find_map(|ancestor| Some((ancestor, ancestor.canonicalize().ok()?)));
    let Some((ancestor, mut root)) = found else { return folder.to_path_buf() };
    for part in folder.strip_prefix(ancestor).unwrap_or(Path::new("")).components() {
        match part {
            Component::ParentDir => drop(root.pop()),
            Component::Normal(name) => root.push(name),
            _ => {}
        }
    }
    root
}

fn limit(environment: &Environment) -> Result<Duration, Diagnostic> {
    let Some(text) = environment.setting(LIMIT_VARIABLE) else { return Ok(LIMIT) };
    match text.parse() {
        Ok(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err(Diagnostic::error(Code::SopsTimeout, format!("`{LIMIT_VARIABLE}` is no number of seconds"))
            .hint("1 to 86400; without it sops has 60 for each file")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_threads_may_use_it_at_once() {
        fn shared<T: Send + Sync>() {}
        shared::<Sops>();
    }

    #[test]
    fn a_folder_that_is_not_there_yet_has_its_real_path() {
        let folder = tempfile::tempdir().unwrap();
        let real_folder = folder.path().canonicalize().unwrap();
        assert_eq!(real(&folder.path().join("a/../b/c")), real_folder.join("b/c"));
        assert_eq!(real(folder.path()), real_folder);
    }
}
