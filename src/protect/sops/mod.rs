//! Encrypts Secrets with the user's own `sops` program. Nothing is ever on disk in clear.
//!
//! It runs the program instead of writing the format, so that every key service and every rule works as if the user ran sops. It checks the
//! output before using it.

mod discretion;
mod form;
mod problems;
mod proof;
mod recipients;
mod rules;
mod servers;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use zeroize::Zeroizing;

use super::{WriteError, approval};
use crate::environment::Environment;
use crate::interrupt;
use crate::program::{Answer, Program, Trouble};
use crate::report;
use crate::settings::choices::Format;
use crate::settings::target::Target;
use crate::settings::{Destination, Settings};
use discretion::Secrets;
use problems::Naming;
use proof::Fault;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::manifest::PullSecret;
use regcred_core::names::{Namespace, VariableName};
use rules::Rules;

pub use form::Form;
pub use proof::documents;
pub use recipients::recipients_of;

const TITLE: &str = "sops";
/// The variable with the time limit of sops for one file.
const LIMIT_VARIABLE: &str = "REGCRED_SOPS_TIMEOUT";
const LIMIT: Duration = Duration::from_secs(60);
/// An empty file of rules.
const EMPTY: &str = "/dev/null";
/// The variables in which sops looks for recipients; they win over the recipients of a rule.
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
    /// `None` if nothing is encrypted, as in a comparison.
    program: Option<Program>,
    rules: Option<Rules>,
    recipients: BTreeMap<&'static str, String>,
    /// The fingerprints of all permitted recipients, if there is a list.
    approved: Option<BTreeSet<String>>,
    /// The folder that paths are relative to, without links.
    root: PathBuf,
    naming: Naming,
    pub warnings: Vec<Diagnostic>,
}

/// Who chooses the values to encrypt.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    Ours,
    OfTheRule,
}

impl Sops {
    /// Finds the program and the rules.
    /// Errors: everything that is missing or wrong.
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
            None
        });
        let limit = limit(environment).unwrap_or_else(|problem| {
            found.push(problem);
            LIMIT
        });
        // Without this variable, sops asks the network for a newer version.
        let program = Program::find("sops", environment, environment.without(target.secret_variables), limit)
            .map(|program| program.with("SOPS_DISABLE_VERSION_CHECK", "1"));
        if encrypts {
            interrupt::handle();
            found.extend(program.is_none().then(problems::no_program));
        }
        let recipients: BTreeMap<_, _> =
            RECIPIENTS.iter().filter_map(|name| Some((*name, environment.setting(name)?.to_owned()))).collect();
        if found.iter().all(|problem| problem.code != Code::SopsRules) && recipients.is_empty() && rules.is_none() {
            // If the files exist, another job may have the recipients in a protected variable.
            let is_needed = encrypts || !target.path.exists();
            found.push(if is_needed { problems::no_rules(&root) } else { problems::not_known_here() });
        } else if environment.setting("SOPS_CONFIG").is_none() {
            found.extend(rules::ignored(&root));
        }
        if let Some(rules) = &rules {
            report::detail(&format!("reading the rules of sops in {}", rules.file.display()));
            found.extend(rules.private_key());
        }
        let approved = approval::listed(environment);
        if encrypts && let Some(rules) = &rules {
            let known = approved.iter().flatten().chain(target.accepted()).cloned().collect();
            found.extend(servers::check(&rules.bytes, &known, environment).err());
        }
        Failure::unless_clean(TITLE, &found)?;
        Ok(Self { program, rules, recipients, approved, root, naming, warnings: found })
    }

    /// A YAML text with encrypted secrets, different at every call. `path` is the path of its file, relative to the root.
    /// Errors: no rule matches, the rule does not encrypt what it must, or the program fails.
    pub fn encrypt(&self, text: &str, path: &str, form: Form) -> Result<Zeroizing<Vec<u8>>, WriteError> {
        let program = self.program.as_ref().ok_or_else(|| failed(problems::no_program()))?;
        let documents = proof::documents(text).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        let secrets = || Secrets::of(&documents, form, program.variables());
        let rules = (self.rules.as_ref(), self.root.as_path());
        let (answer, choice) = self
            .run(program, text, path, form)
            .map_err(|trouble| failed(problems::no_result((self.naming, path), &trouble, rules, secrets)))?;
        report::warn(problems::warning(&answer.words, secrets).as_slice());
        let bad = |fault| failed(problems::bad_result(&self.naming.name(path), &fault, form, choice));
        let printed = std::str::from_utf8(&answer.output).map_err(|_| bad(Fault::Other))?;
        proof::check_result(&documents, printed, form).map_err(bad)?;
        approval::check(self.approved.as_ref(), &recipients_of(&answer.output))?;
        Ok(answer.output)
    }

    /// Runs sops with our `encrypted_regex`. If the rule chooses the fields in another way, runs sops with the rule's choice.
    fn run(&self, program: &Program, text: &str, path: &str, form: Form) -> Result<(Answer, Choice), Trouble> {
        const BOTH: &str = "cannot use more than one of encrypted_suffix";
        let run = |choice| {
            let file = self.root.join(path);
            // Without this file, sops would look for rules from its working directory.
            let rules = self.rules.as_ref().map_or(Path::new(EMPTY), |rules| &rules.file);
            let mut arguments: Vec<&OsStr> = vec!["--config".as_ref(), rules.as_os_str()];
            arguments.extend(["encrypt", "--input-type", "yaml", "--output-type", "yaml"].map(OsStr::new));
            if choice == Choice::Ours {
                arguments.extend(["--encrypted-regex", form.regex()].map(OsStr::new));
            }
            arguments.extend(["--filename-override".as_ref(), file.as_os_str(), "/dev/stdin".as_ref()]);
            program.run(&arguments, Zeroizing::new(text.as_bytes().to_vec())).map(|answer| (answer, choice))
        };
        match run(Choice::Ours) {
            Err(Trouble::Failed { answer, .. }) if String::from_utf8_lossy(&answer.words).contains(BOTH) => {
                run(Choice::OfTheRule)
            }
            result => result,
        }
    }

    /// The public facts about the Secret's file: the Secret without its values, and the source of its recipients.
    pub fn context(&self, secret: &PullSecret, namespace: Option<&Namespace>) -> io::Result<Vec<u8>> {
        let clear = PullSecret { docker_config: Arc::new(String::new().into()), ..secret.clone() };
        let mut context = serde_json::to_vec(&clear.object(namespace))?;
        context.push(b'\n');
        context.extend(self.recipient(Form::Manifests));
        Ok(context)
    }

    /// The source of a file's recipients: a hash of the rules, and the keys that regcred chooses.
    pub fn recipient(&self, form: Form) -> Vec<u8> {
        // Line ends do not count: a checkout may have changed them.
        let rules = self.rules.as_ref().map(|rules| String::from_utf8_lossy(&rules.bytes).replace("\r\n", "\n"));
        [digest(&SHA256, rules.unwrap_or_default().as_bytes()).as_ref(), form.regex().as_bytes()].concat()
    }

    /// Recipients from environment variables, which a job that only compares may not have.
    pub fn recipients_in_variables(&self) -> io::Result<Vec<u8>> {
        Ok(serde_json::to_vec(&self.recipients)?)
    }

    /// The public facts about a YAML text: the text without its encrypted values, and the source of its recipients.
    /// Errors: the text is not YAML.
    pub fn public(&self, text: &str, form: Form) -> io::Result<Vec<u8>> {
        let mut documents = proof::documents(text).ok_or(io::ErrorKind::InvalidData)?;
        for document in &mut documents {
            form::hide(document, &mut Vec::new(), &|path| form.is_secret(path));
        }
        let mut public = serde_json::to_vec(&documents)?;
        public.push(b'\n');
        public.extend(self.recipient(form));
        Ok(public)
    }

    /// Whether the bytes are this text, properly encrypted, as far as one can tell without decrypting them.
    pub fn is_encrypted(text: &str, bytes: &[u8], form: Form) -> bool {
        let both = proof::documents(text).zip(std::str::from_utf8(bytes).ok());
        both.is_some_and(|(documents, there)| proof::check_result(&documents, there, form).is_ok())
    }
}

fn failed(problem: Diagnostic) -> Failure {
    Failure::of(TITLE, problem)
}

/// The folder without links, as far as it exists.
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
        _ => Err(Diagnostic::error(Code::SopsTimeout, format!("`{LIMIT_VARIABLE}` is not a number of seconds"))
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
