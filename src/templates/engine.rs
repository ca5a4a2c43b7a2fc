//! Runs a user's templates, strictly and with limits.

use std::sync::Arc;
use std::{io, iter};

use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};
use serde::Serialize;

use super::watch;
use regcred_core::diagnostic::{Code, Diagnostic};

/// The number of steps of a template: a quarter of a second of work, and enough for 100,000 namespaces.
const FUEL: u64 = 10_000_000;
/// The largest output of a template, in bytes.
const LIMIT: usize = 64 * 1024 * 1024;

/// An engine for which an unknown variable is an error. It inserts values as JSON, which is YAML.
pub(super) fn strict() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Json);
    environment
}

/// Adds a template, within limits: nested blocks are parsed by nested calls.
/// Errors: it is no template, or nests too deeply.
pub(super) fn add(environment: &mut Environment<'static>, name: &str, text: String) -> Result<(), minijinja::Error> {
    let (mut extended, name) = (environment.clone(), name.to_owned());
    let work = move || extended.add_template_owned(name, text).map(|()| extended);
    *environment = watch::within_limits(work).unwrap_or_else(|| Err(ErrorKind::OutOfFuel.into()))?;
    Ok(())
}

/// Whether a template uses this variable; a template that cannot be parsed uses none.
pub(super) fn uses(text: String, variable: &'static str) -> bool {
    let is_used = move || {
        strict().template_from_str(&text).is_ok_and(|template| template.undeclared_variables(false).contains(variable))
    };
    watch::within_limits(is_used).unwrap_or_default()
}

/// The output of a template, within limits of steps, time, memory and text.
pub(super) fn rendered(
    environment: &Arc<Environment<'static>>,
    name: &str,
    context: &impl Serialize,
) -> Result<String, minijinja::Error> {
    let (environment, name, context) = (Arc::clone(environment), name.to_owned(), Value::from(Serde(context)));
    watch::within_limits(move || {
        let mut output = Limited(Vec::new());
        environment.get_template(&name)?.render_captured_to(context, &mut output)?;
        Ok(String::from_utf8_lossy(&output.0).into_owned())
    })
    .unwrap_or_else(|| Err(ErrorKind::OutOfFuel.into()))
}

/// Text up to the limit.
struct Limited(Vec<u8>);

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LIMIT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The problem of the template with this name, and its place.
pub(super) fn place(error: &minijinja::Error, name: &str, hint: &str) -> Diagnostic {
    let name = error.name().unwrap_or(name);
    let line = error.line().map_or(String::new(), |line| format!(", line {line}"));
    let is_endless = |error: &minijinja::Error| {
        // The engine has no kind for a macro, or an included template, that calls itself.
        matches!(error.kind(), ErrorKind::OutOfFuel | ErrorKind::WriteFailure)
            || error.detail() == Some("recursion limit exceeded")
    };
    let mut causes = iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    let (what, hint) = if causes.any(|cause| cause.downcast_ref().is_some_and(is_endless)) {
        ("it makes far too much, or has no end".to_owned(), "look at its loops and macros")
    } else {
        (error.kind().to_string(), hint)
    };
    Diagnostic::error(Code::InvalidTemplate, format!("the template `{name}`{line}: {what}")).hint(hint)
}
