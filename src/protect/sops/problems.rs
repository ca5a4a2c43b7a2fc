//! What is wrong, in words: a fault of a rule, of the program or of its answer in, a problem with what to do out.

use std::path::Path;

use super::LIMIT_VARIABLE;
use super::discretion::{Said, Secrets};
use super::proof::Fault;
use super::selection::Form;
use crate::program::Trouble;
use regcred_core::diagnostic::{Code, Diagnostic};

/// What a message calls a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// By its path, which we made.
    ByPath,
    /// By the flag that names it: what was typed is not repeated.
    ByFlag,
}

impl Naming {
    /// The file in a message.
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

/// There is nobody to encrypt for.
pub fn no_rules(root: &Path) -> Diagnostic {
    let problem = Diagnostic::error(
        Code::NoSopsRule,
        "there is no `.sops.yaml` with rules at or above the directory of `--output`, and no variable names a recipient",
    );
    if root.ancestors().any(|folder| folder.join(".sops.yml").exists()) {
        return problem.hint("there is a `.sops.yml`, which sops does not read: call it `.sops.yaml`");
    }
    problem
        .hint("write one, with a rule as in docs/sops.md; or set SOPS_AGE_RECIPIENTS to the public key of an age key")
}

/// The same for a comparison, which needs nobody: variables that are protected do not exist in a merge request.
pub fn not_known_here() -> Diagnostic {
    Diagnostic::warning(
        Code::NoSopsRule,
        "the recipient is not known here: there is no `.sops.yaml` with rules, and no variable names one; so only \
         a change of rules is compared, and not who can open the files",
    )
    .hint("a variable that is protected exists on protected branches only; a rule in `.sops.yaml` is known everywhere")
}

/// There are rules, and none is for the file.
pub fn no_rule(naming: Naming, path: &str) -> Diagnostic {
    let message = format!("no rule of `.sops.yaml` is for {}", naming.name(path));
    Diagnostic::error(Code::NoSopsRule, message).hint(match naming {
        Naming::ByPath => {
            r"add one: `path_regex: \.sops\.yaml$` matches every file that regcred has encrypted in a folder"
        }
        Naming::ByFlag => {
            r"add one before the others, whose `path_regex` is for its name: `secrets\.yaml$`, for example"
        }
    })
}

/// Its rule does not do what is needed.
pub fn bad_rule(name: &str, fault: &Fault, form: Form) -> Diagnostic {
    let message = match fault {
        Fault::InClear(key) => format!("the rule of `.sops.yaml` for {name} leaves `{key}` in clear"),
        Fault::Unreadable(key) => {
            format!("the rule of `.sops.yaml` for {name} encrypts `{key}`, which must stay readable")
        }
        Fault::Other => format!("the rule of `.sops.yaml` for {name} cannot be used"),
    };
    let place = match form {
        Form::Manifests => "give it",
        // That rule may be right for every other file.
        Form::DockerConfigJson | Form::ExtraObjects => "write one for this file before it, with",
    };
    Diagnostic::error(Code::SopsRule, message).hint(format!(
        "{place} `encrypted_regex: {}`, or leave the choice of keys out of it: regcred then makes it",
        form.regex()
    ))
}

/// What the program has printed is not the file, encrypted.
pub fn bad_result(name: &str, fault: &Fault) -> Diagnostic {
    let message = match fault {
        Fault::InClear(key) => format!("`sops` has left `{key}` of {name} in clear"),
        Fault::Unreadable(key) => format!("`sops` has encrypted `{key}` of {name}, which must stay readable"),
        Fault::Other => format!("`sops` has printed something else than {name}, encrypted"),
    };
    Diagnostic::error(Code::SopsResult, message)
        .hint("nothing was written; is the `sops` on PATH the program of getsops, version 3.9 or later?")
}

/// The program has printed nothing; of its words no secret comes out.
pub fn no_result(name: &str, trouble: &Trouble, secrets: impl FnOnce() -> Secrets) -> Diagnostic {
    const REMEDY: &str = "is the key right, can its service be reached, and may this job use it?";
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
            let said = match secrets().admit(&answer.words) {
                Said::Line(line) => format!("sops says: {line}"),
                Said::Nothing => "sops says nothing".to_owned(),
            };
            Diagnostic::error(Code::SopsFailed, format!("`sops` could not encrypt {name}"))
                .hint(format!("{REMEDY} {said}"))
        }
    }
}
