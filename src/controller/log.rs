//! Writes the log: one line per entry, as text or as JSON, without any object's content.

use std::io::{self, Write};
use std::sync::OnceLock;

use jiff::Timestamp;
use serde_json::{Map, Value};

use regcred_core::diagnostic::{Diagnostic, Severity};

/// The form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
}

static FORMAT: OnceLock<Format> = OnceLock::new();
static DEBUG: OnceLock<()> = OnceLock::new();

/// Chooses the form, once.
pub fn set(format: Format) {
    let _ = FORMAT.set(format);
}

/// Turns on details.
pub fn be_detailed() {
    let _ = DEBUG.set(());
}

/// Logs a detail.
pub fn debug(message: &str, fields: &[(&str, &str)]) {
    if DEBUG.get().is_some() {
        line("debug", message, fields);
    }
}

/// Logs a success.
pub fn info(message: &str, fields: &[(&str, &str)]) {
    line("info", message, fields);
}

/// Logs something that somebody may have to look at.
pub fn warn(message: &str, fields: &[(&str, &str)]) {
    line("warn", message, fields);
}

/// Logs something that keeps the controller from its work.
pub fn error(message: &str, fields: &[(&str, &str)]) {
    line("error", message, fields);
}

/// Logs a problem with its hint.
pub fn problem(problem: &Diagnostic) {
    let fields = [("code", problem.code.as_str()), ("hint", problem.hint.as_deref().unwrap_or_default())];
    let fields = &fields[..=usize::from(problem.hint.is_some())];
    match problem.severity {
        Severity::Error => error(&problem.message, fields),
        Severity::Warning => warn(&problem.message, fields),
        Severity::Note => info(&problem.message, fields),
    }
}

fn line(level: &str, message: &str, fields: &[(&str, &str)]) {
    let time = format!("{:.3}", Timestamp::now());
    let text = written(FORMAT.get().copied().unwrap_or(Format::Text), &time, level, message, fields);
    // If standard error is closed, there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

fn written(format: Format, time: &str, level: &str, message: &str, fields: &[(&str, &str)]) -> String {
    match format {
        Format::Json => {
            let first = [("time", time), ("level", level), ("message", message)];
            let all = first.iter().chain(fields);
            let all: Map<_, _> = all.map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
            Value::Object(all).to_string()
        }
        Format::Text => {
            let one_line = |text: &str| text.replace(|letter: char| letter.is_control(), " ");
            let fields = fields.iter().map(|(name, value)| format!(" {name}={:?}", one_line(value)));
            format!("{time} {level} {}{}", one_line(message), fields.collect::<String>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_line_of_text_or_one_object() {
        let fields = [("namespace", "a"), ("why", "two\nlines \"x\"")];
        let text = written(Format::Text, "T", "warn", "it\nfails", &fields);
        assert_eq!(text, r#"T warn it fails namespace="a" why="two lines \"x\"""#);
        let json = written(Format::Json, "T", "warn", "it\nfails", &fields);
        assert_eq!(
            json,
            r#"{"time":"T","level":"warn","message":"it\nfails","namespace":"a","why":"two\nlines \"x\""}"#
        );
    }
}
