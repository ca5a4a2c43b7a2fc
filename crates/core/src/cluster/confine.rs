//! Confines which contexts and kubeconfigs `regcred.yaml` may name, since a kubeconfig can run programs.

pub use crate::confine::CONTEXTS;
use crate::confine::{Allowed, VARIABLES, globs, not_allowed};
use crate::diagnostic::{Code, Diagnostic};
use crate::names::VariableName;

/// What the name of a variable says that is meant to hold a kubeconfig. A CI fills none of that name with what the author of a merge
/// request writes, as it does others, for example with the title or the message of a commit.
const OF_A_KUBECONFIG: &str = "KUBE";

/// Whether `regcred.yaml` may name this context of a kubeconfig; `listed` is what `REGCRED_ALLOWED_CONTEXTS` holds, if it is set.
///
/// # Errors
/// It may not, or a glob is invalid.
pub fn check_context(context: &str, listed: Option<&str>) -> Result<(), Diagnostic> {
    match listed.map(|text| globs(text, CONTEXTS)).transpose()? {
        Some(allowed) if !allowed.is_match(context) => {
            Err(not_allowed("`context` in regcred.yaml names one", CONTEXTS))
        }
        _ => Ok(()),
    }
}

/// Whether `regcred.yaml` may name this variable at `place`; `listed` is what `REGCRED_ALLOWED_VARIABLES` holds, if it is set.
///
/// # Errors
/// It may not, or a glob is invalid.
pub fn check_variable(name: &VariableName, place: &str, listed: Option<&str>) -> Result<(), Diagnostic> {
    Allowed::read(listed, None)?.check_variable(name, place).map_or(Ok(()), Err)
}

/// Whether a variable may hold a kubeconfig, which can run programs. `is_listed` says that `REGCRED_ALLOWED_VARIABLES` has approved it.
///
/// # Errors
/// Its name does not say so.
pub fn check_kubeconfig(name: &VariableName, place: &str, is_listed: bool) -> Result<(), Diagnostic> {
    if is_listed || name.as_str().to_ascii_uppercase().contains(OF_A_KUBECONFIG) {
        return Ok(());
    }
    let message = format!(
        "{place} names `{name}`, which does not look like a variable for a kubeconfig: the CI may fill it with what somebody writes into a \
         commit, and a kubeconfig can run programs"
    );
    Err(Diagnostic::error(Code::NotAllowed, message).hint(format!(
        "use a variable with {OF_A_KUBECONFIG} in its name, such as KUBECONFIG_PROD, or add `{name}` to `{VARIABLES}`"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_confine_contexts() {
        for (context, globs, allowed) in [
            ("prod", None, true),
            ("prod", Some("staging,pro?"), true),
            ("prod", Some("staging-*"), false),
            ("acme/project:prod", Some("acme/project:*"), true),
            ("acme/other/project:prod", Some("acme/*"), false),
            ("prod", Some(""), false),
        ] {
            assert_eq!(check_context(context, globs).is_ok(), allowed, "{context} {globs:?}");
        }
    }
}
