//! Describes problems: every module returns [`Diagnostic`]s, and `report` prints them.

mod code;

use std::{fmt, io};

use serde::Serialize;
use thiserror::Error;

pub use code::Code;

/// The severity of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The problem stops the work.
    Error,
    /// The problem is reported and the work goes on.
    Warning,
    /// The problem is only reported.
    Note,
}

/// A problem: what happened and what to do. It holds names, never values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Diagnostic {
    /// Whether the problem stops the work.
    pub severity: Severity,
    /// A stable name for programs: lower case, words joined by `-`.
    pub code: Code,
    /// The registry key of the problem, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// What happened: lower case, no full stop.
    pub message: String,
    /// What to do, for the CI that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error with its stable code.
    pub fn error(code: Code, message: impl fmt::Display) -> Self {
        Self { severity: Severity::Error, code, registry: None, message: message.to_string(), hint: None }
    }

    /// A warning with its stable code.
    pub fn warning(code: Code, message: impl fmt::Display) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// A note with its stable code.
    pub fn note(code: Code, message: impl fmt::Display) -> Self {
        Self { severity: Severity::Note, ..Self::error(code, message) }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Adds the registry of the problem.
    #[must_use]
    pub fn about(self, registry: impl fmt::Display) -> Self {
        Self { registry: Some(registry.to_string()), ..self }
    }

    /// Whether it stops the work.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Whether a character is visible: it does not control a terminal, has a shape, and does not change the direction of a line.
pub fn is_visible(letter: char) -> bool {
    !letter.is_control()
        && !matches!(letter, '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        && !matches!(letter, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// The reason of a file system error, in plain words.
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::AlreadyExists => "it is there already".to_owned(),
        io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
        io::ErrorKind::Unsupported => "it is not a regular file".to_owned(),
        io::ErrorKind::FileTooLarge => "it is too long".to_owned(),
        // The error of `openat2` for a path that must stay below a folder.
        io::ErrorKind::CrossesDevices => {
            "a link leads out of its work tree or folder, and a merge request may have added it".to_owned()
        }
        io::ErrorKind::TimedOut => "nobody writes into this pipe".to_owned(),
        io::ErrorKind::StorageFull => "no space is left".to_owned(),
        kind => kind.to_string(),
    }
}

/// Why a command ends without output.
#[derive(Debug, Error)]
pub enum Failure {
    /// The input, the environment, a tool or the file system is at fault: exit 1.
    #[error("a problem with {title}")]
    Input {
        /// The subject of all problems, as in "2 problems with `TITLE`".
        title: &'static str,
        /// Errors and warnings, in the order in which they were found.
        problems: Vec<Diagnostic>,
    },
    /// The command line is not valid: exit 2.
    #[error("a problem with the command line")]
    Usage(Vec<Diagnostic>),
    /// The reader has closed our output, which is a success.
    #[error("the output was closed")]
    ClosedPipe,
}

impl Failure {
    /// A failure with one problem.
    pub fn of(title: &'static str, problem: Diagnostic) -> Self {
        Self::Input { title, problems: vec![problem] }
    }

    /// `Err` if any of the problems is an error.
    ///
    /// # Errors
    /// All problems, including warnings, under the title.
    pub fn unless_clean(title: &'static str, problems: &[Diagnostic]) -> Result<(), Self> {
        if problems.iter().any(Diagnostic::is_error) {
            return Err(Self::Input { title, problems: problems.to_vec() });
        }
        Ok(())
    }
}
