//! Reads the variables and flags of Titansoft's imagepullsecret-patcher, with their documented meaning.
//!
//! The source of every rule is the table in that project's README. If the patcher's code differs from the table, the table counts. For
//! example, an unreadable boolean or a duration without a unit is an error, and not silently the default.

mod given;
mod meaning;
mod values;

use std::time::Duration;

use secrecy::SecretString;

use crate::diagnostic::{Code, Diagnostic};
use crate::names::{NamespacePattern, ResourceName};
use given::Given;

/// The settings of the patcher.
pub struct Settings {
    /// Which existing Secrets are replaced.
    pub overwrites: Overwrites,
    /// How much the log says.
    pub verbosity: Verbosity,
    /// How often the program makes a pass over the namespaces.
    pub passes: Passes,
    /// The ServiceAccounts that get the reference.
    pub accounts: Accounts,
    /// Where the login is.
    pub login: Login,
    /// The name of the Secret.
    pub secret_name: ResourceName,
    /// The namespaces that are left out.
    pub excluded: Vec<NamespacePattern>,
    /// The pause between two passes.
    pub interval: Duration,
}

/// Which Secrets of the name are replaced if they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrites {
    /// All, except those of another tool.
    All,
    /// The Secrets of the patcher, and ours (`managedonly`).
    Managed,
    /// None (`force=false`).
    None,
}

/// How much the log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbosity {
    /// Messages that somebody should read.
    Normal,
    /// Also each write (`debug`).
    Debug,
}

/// How often the program makes a pass over the namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passes {
    /// Once (`runonce`).
    One,
    /// Repeatedly.
    ForEver,
}

/// The ServiceAccounts that get the reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accounts {
    /// Every ServiceAccount.
    All,
    /// The ServiceAccounts with these names, sorted; none for an empty list.
    Named(Vec<ResourceName>),
}

/// Where the patcher finds the login.
pub enum Login {
    /// In a variable or a flag of this name.
    Value(&'static str, SecretString),
    /// In the file whose path the variable or flag of this name holds.
    File(&'static str, String),
}

/// Whether a program with these arguments and variables acts as the patcher: its first argument is a flag of the patcher, or it has no
/// argument and one of the patcher's variables.
pub fn is_meant(arguments: &[&str], is_there: impl Fn(&str) -> bool) -> bool {
    match arguments.first() {
        Some(first) => given::is_a_flag(first),
        None => given::SETTINGS.iter().any(|setting| is_there(setting.variable)),
    }
}

/// Reads the settings. `variables` are those whose names begin with `CONFIG_`; a value that is not UTF-8 is `None`.
///
/// # Errors
/// Every problem, with the name of the variable or flag, and without a value.
pub fn read<'a>(
    arguments: &[&'a str],
    variables: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
) -> Result<Settings, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let given = Given::collect(arguments, variables, &mut problems);
    let force = given.switch("CONFIG_FORCE", true, &mut problems);
    let managed_only = given.switch("CONFIG_MANAGEDONLY", false, &mut problems);
    let debug = given.switch("CONFIG_DEBUG", false, &mut problems);
    let run_once = given.switch("CONFIG_RUNONCE", false, &mut problems);
    let all_accounts = given.switch("CONFIG_ALLSERVICEACCOUNT", false, &mut problems);
    let named = given.accounts(&mut problems);
    let excluded = given.excluded(&mut problems);
    let secret_name = given.secret_name(&mut problems);
    let interval = given.interval(&mut problems);
    let login = login(&given).map_err(|problem| problems.push(problem));
    let (Some(secret_name), Some(interval), Ok(login), true) = (secret_name, interval, login, problems.is_empty())
    else {
        return Err(problems);
    };
    let overwrites = match (force, managed_only) {
        (false, _) => Overwrites::None,
        (true, true) => Overwrites::Managed,
        (true, false) => Overwrites::All,
    };
    Ok(Settings {
        overwrites,
        verbosity: if debug { Verbosity::Debug } else { Verbosity::Normal },
        passes: if run_once { Passes::One } else { Passes::ForEver },
        accounts: if all_accounts { Accounts::All } else { Accounts::Named(named) },
        login,
        secret_name,
        excluded,
        interval,
    })
}

/// The login, from one of the two places that may hold it.
fn login(given: &Given<'_>) -> Result<Login, Diagnostic> {
    match (given.text("CONFIG_DOCKERCONFIGJSON"), given.text("CONFIG_DOCKERCONFIGJSONPATH")) {
        (Some((name, text)), None) => Ok(Login::Value(name, text.into())),
        (None, Some((name, path))) => Ok(Login::File(name, path.to_owned())),
        (Some((value, _)), Some((path, _))) => {
            let message = format!("both `{value}` and `{path}` are set, and each gives the whole login");
            Err(Diagnostic::error(Code::InvalidConfig, message)
                .hint(format!("remove `{value}`: only a file can change without a restart")))
        }
        (None, None) => {
            let message = "neither `CONFIG_DOCKERCONFIGJSON` nor `CONFIG_DOCKERCONFIGJSONPATH` is set";
            Err(Diagnostic::error(Code::VariableUnset, message)
                .hint("mount the source Secret, and set CONFIG_DOCKERCONFIGJSONPATH=/app/secrets/.dockerconfigjson"))
        }
    }
}

#[cfg(test)]
mod tests;
