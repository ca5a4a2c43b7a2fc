//! Prints errors, warnings and notes on standard error, and decides the exit status. Only the controller's log prints errors, too.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::{Mutex, OnceLock};

use regcred_core::diagnostic::{Diagnostic, Failure, Severity, is_visible};
use regcred_core::plan::Change;
use serde::Serialize;

/// The most characters of a line that are printed: a name in it may come from a repository, and have any length.
const LONGEST: usize = 16 * 1024;

/// How a command without an error ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done: exit 0.
    Done,
    /// Differences were found: exit 3.
    Differs,
    /// The answer is no, and was printed: exit 1.
    Negative,
}

impl Outcome {
    /// The outcome of several commands: the first that is not `Done`.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if self == Self::Done { other } else { self }
    }
}

/// Prints an error, and returns the exit status.
pub fn finish(result: anyhow::Result<Outcome>) -> ExitCode {
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Differs) => ExitCode::from(3),
        Ok(Outcome::Negative) => ExitCode::from(1),
        Err(error) => match error.downcast::<Failure>() {
            Ok(Failure::ClosedPipe) => ExitCode::SUCCESS,
            Ok(Failure::Usage(problems)) => {
                say_all("the command line", &problems);
                ExitCode::from(2)
            }
            Ok(Failure::Input { title, problems }) => {
                say_all(title, &problems);
                ExitCode::from(1)
            }
            // All our errors are handled above. The text of a library's error might quote its input.
            Err(_) => {
                line("error: an unexpected failure");
                ExitCode::from(1)
            }
        },
    }
}

/// Prints warnings.
pub fn warn(problems: &[Diagnostic]) {
    for problem in problems.iter().filter(|problem| is_new(&problem.message)) {
        let kind = if problem.severity == Severity::Note { "note" } else { "warning" };
        say(&format!("{kind}: "), problem, "  ");
    }
}

/// Whether the text is new: it was not printed for another cluster.
fn is_new(text: &str) -> bool {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    SAID.lock().is_ok_and(|mut said| said.insert(text.to_owned()))
}

static VERBOSE: OnceLock<()> = OnceLock::new();

/// Also prints details from now on (`--verbose`).
pub fn be_verbose() {
    let _ = VERBOSE.set(());
}

/// Prints a note if details are on.
pub fn detail(text: &str) {
    if VERBOSE.get().is_some() {
        note(text);
    }
}

/// Prints a line about the changes, with `--verbose` or at a terminal.
pub fn summary(text: &str) {
    if VERBOSE.get().is_some() || io::stderr().is_terminal() {
        note(text);
    }
}

static JSON: OnceLock<()> = OnceLock::new();

/// From now on prints changes as JSON (`--message-format json`).
pub fn be_json() {
    let _ = JSON.set(());
}

/// Whether changes are printed as JSON.
pub fn is_json() -> bool {
    JSON.get().is_some()
}

/// Prints a change that a run would make: a line on stderr, or an object on stdout.
pub fn change(change: &Change) {
    if is_json() {
        // If stdout is closed, there is nobody to tell.
        let _ = io::stdout().lock().write_all(json(change).unwrap_or_default().as_bytes());
    } else {
        note(&format!("{}: {}", change.reason, change.path));
    }
}

/// Prints a note.
pub fn note(text: &str) {
    if is_new(text) {
        line(&format!("note: {text}"));
    }
}

/// Makes a panic print its place, but no value.
pub fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or(String::new(), |place| format!(" at {}:{}", place.file(), place.line()));
        line(&format!("error: a bug in regcred{place}; please report it with the command line, not with values"));
    }));
}

fn say_all(title: &str, problems: &[Diagnostic]) {
    let (errors, warnings): (Vec<_>, Vec<_>) = problems.iter().cloned().partition(Diagnostic::is_error);
    warn(&warnings);
    match errors.as_slice() {
        [only] => say("error: ", only, "  "),
        several => {
            line(&format!("error: {} problems with {title}", several.len()));
            for problem in several {
                say("  ", problem, "    ");
            }
        }
    }
}

fn say(head: &str, problem: &Diagnostic, indentation: &str) {
    line(&format!("{head}{}", problem.message));
    if let Some(hint) = &problem.hint {
        line(&format!("{indentation}hint: {hint}"));
    }
}

fn line(text: &str) {
    // A closed standard error cannot be reported.
    let _ = writeln!(io::stderr().lock(), "{}", inert(&shortened(text)));
}

fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}… (and {} bytes)", &text[..end], text.len() - end).into(),
        None => text.into(),
    }
}

/// The text as one line that no terminal and no CI can take for a command: names in it may come from a repository.
pub fn inert(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        // `##vso[…]`, `##teamcity[…]`, `##[…]`; and `::error::`, which is a command only at the beginning of a line.
        let is_of_a_command = letter == '#' && line.ends_with('#') || letter == ':' && line.trim_start().is_empty();
        if is_visible(letter) && !is_of_a_command { line.push(letter) } else { line.extend(letter.escape_unicode()) }
    }
    line
}

/// An answer as a line of JSON in which no terminal and no CI finds a command. A reader of JSON finds the same values.
///
/// # Errors
/// The answer has no form in JSON.
pub fn json(answer: &impl Serialize) -> serde_json::Result<String> {
    let text = serde_json::to_string(answer)?;
    let mut line = String::with_capacity(text.len() + 1);
    for letter in text.chars() {
        if is_visible(letter) && !(letter == '#' && line.ends_with('#')) {
            line.push(letter);
        } else {
            line.extend(letter.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    line.push('\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_in_json_is_a_command_and_each_stays_what_it_is() {
        for (text, written) in [
            ("##vso[task.x]y ###[group]", r##""#\u0023vso[task.x]y #\u0023#[group]""##),
            ("::error::x", r#""::error::x""#),
            ("\u{9b}2K\u{202e}\u{e0041}\n# é", r#""\u009b2K\u202e\udb40\udc41\n# é""#),
        ] {
            let line = json(&text).unwrap();
            assert_eq!(line, format!("{written}\n"));
            assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
            assert!(!line.contains("##") && !line.starts_with("::"), "{line}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_cut() {
        assert_eq!(shortened("é"), "é");
        assert_eq!(shortened(&"é".repeat(LONGEST + 3)), "é".repeat(LONGEST) + "… (and 6 bytes)");
    }

    #[test]
    fn no_name_in_a_line_is_a_command() {
        for (text, expected) in [
            ("error: `a/b` is a file: façade ✓ # 1", "error: `a/b` is a file: façade ✓ # 1"),
            ("note: a\n::error::x\r\t", "note: a\\u{a}::error::x\\u{d}\\u{9}"),
            ("  ::set-output name=x::y", "  \\u{3a}:set-output name=x::y"),
            ("note: ##vso[task.x]y ###[group]", "note: #\\u{23}vso[task.x]y #\\u{23}#[group]"),
            ("\u{1b}[2K\u{9b}\u{2028}\u{202e}", "\\u{1b}[2K\\u{9b}\\u{2028}\\u{202e}"),
        ] {
            let line = inert(text);
            assert_eq!(line, expected);
            assert!(!line.contains("##"), "{line}");
        }
    }
}
