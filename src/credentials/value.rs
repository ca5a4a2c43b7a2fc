//! Reads a variable of a login, or the file that the variable names.

use secrecy::{ExposeSecret, SecretString};

use super::file;
use crate::environment::{Ci, Environment, Reading};
use regcred_core::credentials::presets::Preset;
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::names::VariableName;

/// A variable that a login needs.
pub(super) struct Wanted<'a> {
    pub name: &'a VariableName,
    pub purpose: String,
    /// The preset that reads it; without one, the user has named the variable, and can name another.
    pub preset: Option<&'static Preset>,
}

impl Wanted<'_> {
    /// Its value.
    /// Errors: the variable is not set, empty, blank, or not UTF-8.
    #[expect(clippy::disallowed_methods, reason = "looks whether there is anything in it")]
    pub(super) fn value(&self, environment: &Environment) -> Result<SecretString, Diagnostic> {
        let Self { name, purpose, preset } = self;
        let problem = |code, what: &str| {
            Diagnostic::error(code, format!("`{name}` {what}: it should hold {purpose}")).hint(how_to_set(
                name,
                *preset,
                environment,
            ))
        };
        match environment.read(name) {
            Reading::Value(text) if text.expose_secret().trim().is_empty() => {
                Err(problem(Code::VariableEmpty, "holds nothing but white space"))
            }
            Reading::Value(text) => Ok(text),
            Reading::Unset => {
                let problem = problem(Code::VariableUnset, "is not set");
                Err(match environment.like(name) {
                    Some(like) => problem.hint(format!("did you mean `{like}`, which is set?")),
                    None => problem,
                })
            }
            Reading::Empty => Err(problem(Code::VariableEmpty, "is set, but empty")),
            Reading::NotUnicode => Err(Diagnostic::error(Code::NotUtf8, format!("`{name}` is not UTF-8 text"))
                .hint("encode it as base64, or save it as UTF-8")),
        }
    }

    /// Its value, or the content of the file if the value is a path; a path that leads nowhere gets a warning.
    #[expect(clippy::disallowed_methods, reason = "a path is looked for in the value")]
    pub(super) fn value_or_file(
        &self,
        environment: &Environment,
        problems: &mut Vec<Diagnostic>,
    ) -> Result<SecretString, Diagnostic> {
        let text = self.value(environment)?;
        let source = format!("`{}`", self.name);
        if let Some(content) = file::named_by(text.expose_secret(), &source)? {
            if content.expose_secret().trim().is_empty() {
                return Err(Diagnostic::error(
                    Code::Empty,
                    format!("the file that {source} names holds nothing but white space"),
                )
                .hint(format!("it should hold {}", self.purpose)));
            }
            return Ok(content);
        }
        if file::looks_like_a_path(text.expose_secret()) {
            let message = format!(
                "{source} looks like the path of a file that is not there, and is itself taken for {}",
                self.purpose
            );
            problems.push(Diagnostic::warning(Code::NoSuchFile, message).hint(
                "the file of a File variable exists only during its job: use a path that exists now; if the value is not a path, ignore this warning",
            ));
        }
        Ok(text)
    }
}

const SET_BY_GITLAB: &str = "GitLab sets it by itself as soon as the project or its group has a deploy token named `gitlab-deploy-token` \
                             (Settings > Repository > Deploy tokens)";

/// The hint if the variable is not set or empty, for this CI and this preset.
pub(super) fn how_to_set(name: &VariableName, preset: Option<&Preset>, environment: &Environment) -> String {
    let ci = environment.ci();
    match preset {
        Some(Preset { name: "gitlab", .. }) if ci.is_gitlab() => SET_BY_GITLAB.to_owned(),
        None if ci == Ci::None => ci.how_to_set(name) + ", or name another variable",
        _ => ci.how_to_set(name),
    }
}
