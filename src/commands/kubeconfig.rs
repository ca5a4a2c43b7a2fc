//! Reads the kubeconfig that a cluster of regcred.yaml names.

use crate::environment::{Environment, Kubeconfig, Reading};
use crate::files::git;
use crate::settings::file::File;
use crate::settings::secret_variables;
use regcred_core::cluster::confine;
use regcred_core::confine::VARIABLES;
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::names::VariableName;

/// A variable holds the kubeconfig itself, or its path, as GitLab's File variables do.
/// Errors: the variable is not set, may not be read, or holds a path in the work tree.
pub fn of_variable(name: &str, file: Option<&File>, environment: &Environment) -> Result<Kubeconfig, Diagnostic> {
    let place = "`kubeconfig` in regcred.yaml";
    let variable: VariableName = name.parse().map_err(|_| {
        Diagnostic::error(Code::InvalidName, format!("{place} names no variable"))
            .hint("a kubeconfig can run programs, so only a variable may hold it or its path: `kubeconfig: {env: KUBECONFIG_PROD}`")
    })?;
    let listed = environment.guard(VARIABLES);
    confine::check_variable(&variable, place, listed)?;
    confine::check_kubeconfig(&variable, place, listed.is_some(), || variables(file, environment))?;
    match environment.read(&variable) {
        Reading::Value(text) => match environment.path(name).filter(|path| path.is_file()) {
            Some(path) if git::is_beside(&path, environment.directory()) => {
                let message =
                    format!("`{variable}` holds a path in this folder or its work tree, and {place} names it");
                Err(Diagnostic::error(Code::NotAllowed, message).hint(
                    "a kubeconfig can run programs, and a merge request could add this one: keep it outside of the work tree, or name it \
                     with --kubeconfig",
                ))
            }
            Some(path) => Ok(Kubeconfig::File(path)),
            None => {
                let encoded = environment.setting(name).unwrap_or_default();
                confine::check_encoding_of_kubeconfig(encoded, &format!("`{variable}`"))?;
                Ok(Kubeconfig::Text(text))
            }
        },
        Reading::Unset | Reading::Empty => {
            Err(Diagnostic::error(Code::VariableUnset, format!("`{variable}` is not set, and {place} names it"))
                .hint("set it to a kubeconfig or its path; protected variables exist on protected branches only"))
        }
        Reading::NotUnicode => Err(Diagnostic::error(Code::NotUtf8, format!("`{variable}` is not UTF-8 text"))
            .hint("set it to a kubeconfig or its path")),
    }
}

/// The names of the variables that regcred.yaml reads: those with kubeconfigs, and those with logins.
fn variables(file: Option<&File>, environment: &Environment) -> Vec<String> {
    let Some(File { spec, .. }) = file else { return Vec::new() };
    secret_variables::read(spec, environment).iter().map(ToString::to_string).collect()
}
