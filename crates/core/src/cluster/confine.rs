//! Confines which contexts and kubeconfigs `regcred.yaml` may name, since a kubeconfig can run programs.

pub use crate::confine::CONTEXTS;
use crate::confine::{Allowed, VARIABLES, globs, not_allowed};
use crate::credentials::decode::base64;
use crate::diagnostic::{Code, Diagnostic};
use crate::names::VariableName;

/// The word in the name of a variable that is meant to hold a kubeconfig. A CI fills some variables with text from a merge request, for
/// example with its title or the message of a commit. None of these variables has this word in its name.
const OF_A_KUBECONFIG: &str = "KUBE";

/// Whether `regcred.yaml` may name this context of a kubeconfig; `listed` is the value of `REGCRED_ALLOWED_CONTEXTS`, if it is set.
///
/// # Errors
/// The context is not allowed, or a glob is invalid.
pub fn check_context(context: &str, listed: Option<&str>) -> Result<(), Diagnostic> {
    check("`context` in regcred.yaml names one", Some(context), listed)
}

/// Whether a run may use the current context of a kubeconfig. A run uses it if neither `--context` nor `context` in `regcred.yaml` names
/// a context, and a merge request that removes the field must not reach another cluster. `None` is the cluster of a Pod, which has no
/// context.
///
/// # Errors
/// The context is not allowed, or a glob is invalid.
pub fn check_current_context(context: Option<&str>, listed: Option<&str>) -> Result<(), Diagnostic> {
    let what = match context {
        Some(_) => {
            "neither `context` in regcred.yaml nor `--context` names a context, so this run would use the kubeconfig's current one"
        }
        None => "no kubeconfig chooses the cluster, and the cluster that is left has no context",
    };
    check(what, context, listed).map_err(|problem| {
        problem.hint(format!(
            "name the cluster's `context` in regcred.yaml, or type --context; if the current one is meant, add it to `{CONTEXTS}`, a \
             protected variable of the project"
        ))
    })
}

fn check(what: &str, context: Option<&str>, listed: Option<&str>) -> Result<(), Diagnostic> {
    match listed.map(|text| globs(text, CONTEXTS)).transpose()? {
        Some(allowed) if !context.is_some_and(|context| allowed.is_match(context)) => Err(not_allowed(what, CONTEXTS)),
        _ => Ok(()),
    }
}

/// Whether `regcred.yaml` may name this variable at `place`; `listed` is the value of `REGCRED_ALLOWED_VARIABLES`, if it is set.
///
/// # Errors
/// The variable is not allowed, or a glob is invalid.
pub fn check_variable(name: &VariableName, place: &str, listed: Option<&str>) -> Result<(), Diagnostic> {
    Allowed::read(listed, None)?.check_variable(name, place).map_or(Ok(()), Err)
}

/// Whether a variable may hold a kubeconfig, which can run programs. `is_listed` says that `REGCRED_ALLOWED_VARIABLES` allows it; `read`
/// returns the names of all variables that `regcred.yaml` reads.
///
/// # Errors
/// The variable is not listed, and its name lacks the word `KUBE`.
pub fn check_kubeconfig(
    name: &VariableName,
    place: &str,
    is_listed: bool,
    read: impl FnOnce() -> Vec<String>,
) -> Result<(), Diagnostic> {
    if is_listed || name.as_str().to_ascii_uppercase().contains(OF_A_KUBECONFIG) {
        return Ok(());
    }
    let message = format!(
        "{place} names `{name}`, which does not look like a variable for a kubeconfig: the CI may fill it with what somebody writes into a \
         commit, and a kubeconfig can run programs"
    );
    Err(Diagnostic::error(Code::NotAllowed, message).hint(format!(
        "use a variable with {OF_A_KUBECONFIG} in its name, such as KUBECONFIG_PROD; or set `{VARIABLES}`, a protected variable of the \
         project, to all that regcred.yaml may read: `{}`",
        read().join(",")
    )))
}

/// Whether a text may be the path of a kubeconfig; `place` is the variable or flag that holds it.
///
/// # Errors
/// The text is a kubeconfig itself, or its base64.
pub fn check_path_of_kubeconfig(text: &str, place: &str) -> Result<(), Diagnostic> {
    if is_kubeconfig(text) {
        let message = format!("{place} holds a kubeconfig, and not the path of one");
        return Err(Diagnostic::error(Code::InvalidKubeconfig, message).hint(AS_A_FILE));
    }
    check_encoding_of_kubeconfig(text, place)
}

/// Whether a text may be a kubeconfig or its path; `place` is the variable or flag that holds it.
///
/// # Errors
/// The text is the base64 of a kubeconfig, which is not decoded.
pub fn check_encoding_of_kubeconfig(text: &str, place: &str) -> Result<(), Diagnostic> {
    if base64(text).is_ok_and(|decoded| is_kubeconfig(&decoded)) {
        let message = format!("{place} holds the base64 of a kubeconfig, which is not decoded");
        return Err(Diagnostic::error(Code::InvalidKubeconfig, message).hint(format!("decode it, and {AS_A_FILE}")));
    }
    Ok(())
}

const AS_A_FILE: &str = "make it a variable of type File, as GitLab has it; elsewhere write it into a file outside of the work tree, and name the path";

/// Whether the text has the fields of a kubeconfig in YAML or JSON; no path has them.
fn is_kubeconfig(text: &str) -> bool {
    text.contains("apiVersion") && ["clusters", "contexts", "users"].iter().any(|field| text.contains(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubeconfig_is_distinguished_from_the_path_of_one() {
        use ::base64::{Engine, engine::general_purpose::STANDARD};
        let yaml = "apiVersion: v1\nkind: Config\nclusters:\n- name: canary\n";
        let one_line = yaml.replace('\n', " ");
        let json = r#"{"kind":"Config","apiVersion":"v1","users":[],"clusters":[{"name":"canary"}]}"#;
        let encoded = STANDARD.encode(yaml);
        let wrapped = encoded[..20].to_owned() + "\r\n" + &encoded[20..];
        for (text, message) in [
            (yaml, Some("`K` holds a kubeconfig, and not the path of one")),
            (&one_line, Some("`K` holds a kubeconfig, and not the path of one")),
            (json, Some("`K` holds a kubeconfig, and not the path of one")),
            (&encoded, Some("`K` holds the base64 of a kubeconfig, which is not decoded")),
            (&wrapped, Some("`K` holds the base64 of a kubeconfig, which is not decoded")),
            ("/builds/acme/deploy.tmp/KUBECONFIG", None),
            ("/etc/clusters:/home/users/config", None),
            ("YXBpVmVyc2lvbg==", None),
            ("", None),
        ] {
            let problem = check_path_of_kubeconfig(text, "`K`").err();
            assert_eq!(problem.as_ref().map(|problem| &*problem.message), message, "{text}");
            assert!(problem.is_none_or(|problem| problem.hint.is_some_and(|hint| hint.contains("type File"))));
        }
        assert!(check_encoding_of_kubeconfig(yaml, "`K`").is_ok());
        assert!(check_encoding_of_kubeconfig(&encoded, "`K`").is_err());
    }

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
            assert_eq!(check_current_context(Some(context), globs).is_ok(), allowed, "{context} {globs:?}");
            assert_eq!(check_current_context(None, globs).is_ok(), globs.is_none(), "a Pod {globs:?}");
        }
    }
}
