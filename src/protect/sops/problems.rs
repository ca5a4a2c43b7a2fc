//! Describes problems of the rules, the program or its output, and what to do.

use std::path::Path;

use super::discretion::Secrets;
use super::form::Form;
use super::proof::Fault;
use super::rules::Rules;
use super::{Choice, LIMIT_VARIABLE};
use crate::program::Trouble;
use regcred_core::diagnostic::{Code, Diagnostic, Severity};

/// How a message names a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// By its path, which regcred chose.
    ByPath,
    /// By its flag: what the user typed is not repeated.
    ByFlag,
}

impl Naming {
    /// The file, as text for a message.
    pub fn name(self, path: &str) -> String {
        match self {
            Self::ByPath => format!("`{path}`"),
            Self::ByFlag => "the file of `--output`".to_owned(),
        }
    }
}

pub fn no_program() -> Diagnostic {
    Diagnostic::error(Code::NoSops, "the program `sops` is not on PATH").hint(
        "install it, version 3.9 or later (https://github.com/getsops/sops/releases), in the image of this job too; \
         or use --protect sealed, which needs no program",
    )
}

pub fn no_rules(root: &Path) -> Diagnostic {
    if let Some(ignored) = super::rules::ignored(root) {
        return Diagnostic { severity: Severity::Error, code: Code::NoSopsRule, ..ignored };
    }
    let message = "there is no `.sops.yaml` with rules at or above the directory of `--output`, and no variable names a recipient";
    Diagnostic::error(Code::NoSopsRule, message)
        .hint("write one, with a rule as in docs/sops.md; or set SOPS_AGE_RECIPIENTS to the public key of an age key")
}

/// The same for a comparison, which needs no recipient: protected variables do not exist in a merge request.
pub fn not_known_here() -> Diagnostic {
    Diagnostic::warning(
        Code::NoSopsRule,
        "the recipient is not known here: there is no `.sops.yaml` with rules, and no variable names one; so only \
         a change of rules is compared, and not who can open the files",
    )
    .hint("a variable that is protected exists on protected branches only; a rule in `.sops.yaml` is known everywhere")
}

/// There are rules, but none matches the file.
fn no_rule(naming: Naming, rules: &Rules, file: &Path) -> Diagnostic {
    let matched = rules.matched(file).display().to_string();
    // What the user typed is shown only if it is spelled like the path of such a file.
    let shown = naming == Naming::ByPath || [".yaml", ".yml", ".json"].iter().any(|end| matched.ends_with(end));
    let name = if shown { format!("`{matched}`") } else { "the file of `--output`".to_owned() };
    let hint = match naming {
        Naming::ByPath => {
            r"add one with the keys that may open it: `path_regex: \.sops\.yaml$` is for every file, `^FOLDER/CLUSTER/` for those of one cluster".to_owned()
        }
        Naming::ByFlag if shown => {
            format!("add a rule for this file before all others: `path_regex: ^{}$`", matched.replace('.', r"\."))
        }
        Naming::ByFlag => "add a rule before all others, with a `path_regex` that matches this file name".to_owned(),
    };
    Diagnostic::error(Code::NoSopsRule, format!("no rule of `{}` matches {name}", rules.file.display())).hint(hint)
}

/// The output of sops is not the encrypted file.
pub fn bad_result(name: &str, fault: &Fault, form: Form, choice: Choice) -> Diagnostic {
    let message = match fault {
        Fault::InClear(key) => format!("sops leaves `{key}` of {name} in clear"),
        Fault::Unreadable(key) => format!("sops encrypts `{key}` of {name}, which must stay readable"),
        Fault::Other => format!("sops did not print {name} in encrypted form"),
    };
    match choice {
        Choice::Ours => Diagnostic::error(Code::SopsResult, message)
            .hint("nothing was written; is the `sops` on PATH the program of getsops, version 3.9 or later?"),
        Choice::OfTheRule => Diagnostic::error(Code::SopsRule, message).hint(format!(
            "nothing was written; write a rule for this file in `.sops.yaml`, before the one that matches, with `encrypted_regex: {}`, or \
             without a choice of keys: then regcred chooses them",
            form.regex()
        )),
    }
}

/// A warning of sops on success, without any secret.
pub fn warning(words: &[u8], secrets: impl FnOnce() -> Secrets) -> Option<Diagnostic> {
    if words.is_empty() {
        return None;
    }
    secrets().redact(words).map(|line| Diagnostic::warning(Code::SopsWarns, format!("sops warns: {line}")))
}

/// sops gave no result. Its messages are shown without any secret.
pub fn no_result(
    (naming, path): (Naming, &str),
    trouble: &Trouble,
    (rules, root): (Option<&Rules>, &Path),
    secrets: impl FnOnce() -> Secrets,
) -> Diagnostic {
    const REMEDY: &str = "is the key in `.sops.yaml` right, can its service be reached, and may this job use it?";
    let name = &naming.name(path);
    match trouble {
        Trouble::NotStarted => Diagnostic::error(Code::SopsFailed, "the program `sops` cannot be started")
            .hint("is the `sops` on PATH for this system and processor?"),
        Trouble::Interrupted => {
            Diagnostic::error(Code::Interrupted, format!("interrupted before {name} was encrypted"))
                .hint("nothing was written; the same command does it again")
        }
        Trouble::Late(limit) => {
            let message = format!("`sops` has not encrypted {name} within {} seconds", limit.as_secs());
            Diagnostic::error(Code::SopsTimeout, message)
                .hint(format!("{REMEDY} `{LIMIT_VARIABLE}` is the number of seconds it may take"))
        }
        Trouble::Failed { answer, .. } => {
            let has_said = |text: &str| String::from_utf8_lossy(&answer.words).contains(text);
            match rules {
                Some(rules) if has_said("no matching creation rules") => {
                    return no_rule(naming, rules, &root.join(path));
                }
                _ if has_said("has no creation rules") => return no_rules(root),
                _ => {}
            }
            let said = secrets().redact(&answer.words);
            let said = said.map_or("sops says nothing".to_owned(), |line| format!("sops says: {line}"));
            Diagnostic::error(Code::SopsFailed, format!("`sops` could not encrypt {name}"))
                .hint(format!("{REMEDY} {said}"))
        }
    }
}
