//! SOPS: a Secret in, what the user's own `sops` program makes of it out. Nothing is ever on disk in clear.
//!
//! The program is used, and not the format, so that every key service and every rule works as it does by hand. What it prints
//! is looked at before it is believed.

mod discretion;
mod go_regex;
mod program;
mod proof;
mod rules;
mod selection;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::manifest::{Place, PullSecret, to_yaml};
use crate::names::{Namespace, VariableName};
use crate::output::target::Target;
use crate::problem::{Failure, Problem};
use crate::settings::choices::Shape;
use crate::settings::{Destination, Settings};
use discretion::Secrets;
use program::{Program, Trouble};
use proof::Fault;
use rules::{Found, Rules};
use selection::Selection;

pub use selection::Form;

const TITLE: &str = "sops";
/// The variable with the time that sops has for one file.
const LIMIT_VARIABLE: &str = "REGCRED_SOPS_TIMEOUT";
const LIMIT: Duration = Duration::from_secs(60);
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
}

/// What a message calls a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// By its path, which we made.
    ByPath,
    /// By the flag that names it.
    ByFlag,
}

/// For whom a file is encrypted, and which of its values: all that decides but the file itself.
#[derive(Serialize)]
struct Recipient<'a> {
    rule: Option<&'a Value>,
    variables: &'a BTreeMap<&'static str, String>,
    encrypted_regex: Option<&'static str>,
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
        let naming = match settings.combination.shape {
            Shape::Directory | Shape::Kustomization => Naming::ByPath,
            _ => Naming::ByFlag,
        };
        let folder = match naming {
            Naming::ByPath => Some(target.path.as_path()),
            Naming::ByFlag => target.path.parent(),
        };
        let (root, existing) = real(folder.unwrap_or(&target.path));
        let mut problems = Vec::new();
        let rules = Rules::find(&root, environment).unwrap_or_else(|problem| {
            problems.push(problem);
            Rules::default()
        });
        let limit = limit(environment).unwrap_or_else(|problem| {
            problems.push(problem);
            LIMIT
        });
        let program = Program::find(environment, target.secret_variables, &existing, limit);
        if encrypts && program.is_none() {
            problems.push(no_program());
        }
        let recipients: BTreeMap<_, _> =
            RECIPIENTS.iter().filter_map(|name| Some((*name, environment.setting(name)?.to_owned()))).collect();
        if problems.iter().all(|problem| problem.code != "sops-rules") && recipients.is_empty() && !rules.are_there() {
            problems.push(no_rules(&root));
        }
        Failure::unless_clean(TITLE, &problems)?;
        Ok(Self { program, rules, recipients, root, naming })
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
        let text = to_yaml(&secret.object(&place(namespace)))?;
        self.encrypt_text(&text, path, Form::Manifests)
    }

    /// A YAML text with its secrets encrypted: another at every call. `path` is its file's, relative to the root.
    ///
    /// # Errors
    /// There is no rule for it, its rule does not do what is needed, or the program fails.
    pub fn encrypt_text(&self, text: &str, path: &str, form: Form) -> io::Result<Zeroizing<Vec<u8>>> {
        let failed = |problem| io::Error::other(Failure::of(TITLE, problem));
        let rule = self.rule(path).map_err(failed)?;
        let program = self.program.as_ref().ok_or_else(|| failed(no_program()))?;
        let documents = proof::documents(text).ok_or(io::ErrorKind::InvalidData)?;
        let selection = rule.selection;
        if let Some(selection) = selection {
            proof::check_selection(&documents, form, selection)
                .map_err(|fault| failed(self.bad_rule(&fault, path, form)))?;
        }
        let file = self.root.join(path);
        let mut arguments: Vec<&OsStr> = Vec::new();
        if let Some(rules) = &self.rules.file {
            arguments.extend(["--config".as_ref(), rules.as_os_str()]);
        }
        arguments.extend(["encrypt", "--input-type", "yaml", "--output-type", "yaml"].map(OsStr::new));
        if selection.is_none() {
            arguments.extend(["--encrypted-regex", form.regex()].map(OsStr::new));
        }
        arguments.extend(["--filename-override".as_ref(), file.as_os_str(), "/dev/stdin".as_ref()]);
        let result = program
            .run(&arguments, Zeroizing::new(text.as_bytes().to_vec()))
            .map_err(|trouble| failed(self.trouble(&trouble, path, form, &documents, program)))?;
        let bad = |fault| failed(self.bad_result(&fault, path));
        let printed = std::str::from_utf8(&result).map_err(|_| bad(Fault::Other))?;
        proof::check_result(&documents, printed, form).map_err(bad)?;
        Ok(result)
    }

    /// The Secret without its values, and the rule that is for its file.
    ///
    /// # Errors
    /// There is none, or the serializer's.
    pub fn context(&self, secret: &PullSecret, namespace: Option<&Namespace>, path: &str) -> io::Result<Vec<u8>> {
        let clear = PullSecret { docker_config: Arc::new(String::new().into()), ..secret.clone() };
        let mut context = serde_json::to_vec(&clear.object(&place(namespace)))?;
        context.push(b'\n');
        context.extend(self.recipient(path, Form::Manifests)?);
        Ok(context)
    }

    /// For whom the file is encrypted, and which of its values, as canonical bytes.
    ///
    /// # Errors
    /// There is no rule for it.
    pub fn recipient(&self, path: &str, form: Form) -> io::Result<Vec<u8>> {
        let rule = self.rule(path).map_err(|problem| io::Error::other(Failure::of(TITLE, problem)))?;
        Ok(serde_json::to_vec(&Recipient {
            rule: rule.content,
            variables: &self.recipients,
            encrypted_regex: rule.selection.is_none().then(|| form.regex()),
        })?)
    }

    /// A YAML text without the values that are encrypted in it, and for whom, as canonical bytes: what anybody may know of its file.
    ///
    /// # Errors
    /// There is no rule for it.
    pub fn public(&self, text: &str, path: &str, form: Form) -> io::Result<Vec<u8>> {
        let rule = self.rule(path).map_err(|problem| io::Error::other(Failure::of(TITLE, problem)))?;
        let mut documents = proof::documents(text).ok_or(io::ErrorKind::InvalidData)?;
        let hidden =
            |path: &[&str]| form.is_secret(path) || rule.selection.is_some_and(|selection| selection.encrypts(path));
        for document in &mut documents {
            selection::hide(document, &mut Vec::new(), &hidden);
        }
        let mut public = serde_json::to_vec(&documents)?;
        public.push(b'\n');
        public.extend(self.recipient(path, form)?);
        Ok(public)
    }

    /// Whether the file's text is this one, encrypted as it must be, as far as it can be told without opening it.
    #[must_use]
    pub fn is_encrypted(text: &str, there: &str, form: Form) -> bool {
        proof::documents(text).is_some_and(|documents| proof::check_result(&documents, there, form).is_ok())
    }

    fn rule(&self, path: &str) -> Result<Chosen<'_>, Problem> {
        match self.rules.matching(&self.root.join(path))? {
            Found::Rule(rule, selection) => Ok(Chosen { content: Some(&rule.content), selection }),
            Found::NoRules => Ok(Chosen::default()),
            Found::NoMatch => {
                Err(Problem::error("no-sops-rule", format!("no rule of `.sops.yaml` is for {}", self.name(path))).hint(
                    r"add one: `path_regex: \.sops\.yaml$` matches every file that regcred has encrypted in a folder",
                ))
            }
        }
    }

    /// What was typed is not repeated.
    fn name(&self, path: &str) -> String {
        match self.naming {
            Naming::ByPath => format!("`{path}`"),
            Naming::ByFlag => "the file of `--output`".to_owned(),
        }
    }

    fn bad_rule(&self, fault: &Fault, path: &str, form: Form) -> Problem {
        let name = self.name(path);
        let message = match fault {
            Fault::InClear(key) => format!("the rule of `.sops.yaml` for {name} leaves `{key}` in clear"),
            Fault::Unreadable(key) => {
                format!("the rule of `.sops.yaml` for {name} encrypts `{key}`, which must stay readable")
            }
            Fault::Other => format!("the rule of `.sops.yaml` for {name} cannot be used"),
        };
        Problem::error("sops-rule", message).hint(format!(
            "give it `encrypted_regex: {}`, or leave the choice of keys out of it: regcred then makes it",
            form.regex()
        ))
    }

    fn bad_result(&self, fault: &Fault, path: &str) -> Problem {
        let name = self.name(path);
        let message = match fault {
            Fault::InClear(key) => format!("`sops` has left `{key}` of {name} in clear"),
            Fault::Unreadable(key) => format!("`sops` has encrypted `{key}` of {name}, which must stay readable"),
            Fault::Other => format!("`sops` has printed something else than {name}, encrypted"),
        };
        Problem::error("sops-result", message)
            .hint("nothing was written there; is the `sops` on PATH the program of getsops, version 3.9 or later?")
    }

    fn trouble(&self, trouble: &Trouble, path: &str, form: Form, documents: &[Value], program: &Program) -> Problem {
        const REMEDY: &str = "is the key right, can its service be reached, and may this job use it?";
        let name = self.name(path);
        match trouble {
            Trouble::NotStarted => Problem::error("sops-failed", "the program `sops` cannot be started")
                .hint("is the `sops` on PATH for this system and processor?"),
            Trouble::Late(limit) => {
                let message = format!("`sops` has not encrypted {name} within {} seconds", limit.as_secs());
                Problem::error("sops-timeout", message)
                    .hint(format!("{REMEDY} `{LIMIT_VARIABLE}` is the number of seconds it may take"))
            }
            Trouble::Failed(words) => {
                let mut secrets = Secrets::default();
                for document in documents {
                    selection::leaves(document, &mut Vec::new(), &mut |path, value| {
                        if let (true, Some(text)) = (form.is_secret(path), value.as_str()) {
                            secrets.add_docker_config(text);
                        }
                    });
                }
                program.variables().for_each(|(name, value)| secrets.add_variable(name, value));
                let said = match secrets.admit(words) {
                    Some(line) => format!("sops says: {line}"),
                    None => "what sops says is not shown, since a part of a secret might be in it".to_owned(),
                };
                Problem::error("sops-failed", format!("`sops` could not encrypt {name}"))
                    .hint(format!("{REMEDY} {said}"))
            }
        }
    }
}

fn place(namespace: Option<&Namespace>) -> Place {
    namespace.cloned().map_or(Place::Cluster, Place::Fixed)
}

/// The folder without links as far as it is there, and the part of it that is.
fn real(folder: &Path) -> (PathBuf, PathBuf) {
    let found = folder.ancestors().find_map(|ancestor| Some((ancestor, ancestor.canonicalize().ok()?)));
    let Some((ancestor, existing)) = found else { return (folder.to_path_buf(), PathBuf::from("/")) };
    let mut root = existing.clone();
    for part in folder.strip_prefix(ancestor).unwrap_or(Path::new("")).components() {
        match part {
            Component::ParentDir => drop(root.pop()),
            Component::Normal(name) => root.push(name),
            _ => {}
        }
    }
    let existing = if existing.is_dir() { existing } else { existing.parent().map_or_else(|| "/".into(), Into::into) };
    (root, existing)
}

fn limit(environment: &Environment) -> Result<Duration, Problem> {
    let Some(text) = environment.setting(LIMIT_VARIABLE) else { return Ok(LIMIT) };
    match text.parse() {
        Ok(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err(Problem::error("sops-timeout", format!("`{LIMIT_VARIABLE}` is no number of seconds"))
            .hint("1 to 86400; without it sops has 60 for each file")),
    }
}

fn no_program() -> Problem {
    Problem::error("no-sops", "the program `sops` is not on PATH").hint(
        "install it, version 3.9 or later (https://github.com/getsops/sops/releases), in the image of this job too; \
         or use --protect sealed, which needs no program",
    )
}

fn no_rules(root: &Path) -> Problem {
    let problem = Problem::error(
        "no-sops-rule",
        "there is no `.sops.yaml` with rules at or above the directory of `--output`, and no variable names a recipient",
    );
    if root.ancestors().any(|folder| folder.join(".sops.yml").exists()) {
        return problem.hint("there is a `.sops.yml`, which sops does not read: call it `.sops.yaml`");
    }
    problem
        .hint("write one, with a rule as in docs/sops.md; or set SOPS_AGE_RECIPIENTS to the public key of an age key")
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
        assert_eq!(real(&folder.path().join("a/../b/c")), (real_folder.join("b/c"), real_folder.clone()));
        assert_eq!(real(folder.path()), (real_folder.clone(), real_folder));
    }
}
