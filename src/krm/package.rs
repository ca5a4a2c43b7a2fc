//! Refuses plain Secrets among items that come from files in a Git work tree.

use super::list::ResourceList;
use crate::environment::Environment;
use crate::files::git;
use crate::protect::approval;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};

/// The hint of the refusal.
pub const ELSEWHERE: &str = "use `protect: external`, or files of `regcred render --protect sealed` or `sops`; if the output goes elsewhere, as with \
     `kpt fn eval --output unwrap`, insist with `allow-plaintext-in-git=true` or the annotation `regcred.dev/allow-plaintext-in-git: \"true\"`";

/// The annotations in which an orchestrator stores the file of an item.
const PATHS: [&str; 2] = ["internal.config.kubernetes.io/path", "config.kubernetes.io/path"];

/// Checks whether plain Secrets may be added to the items; returns a warning if they go into the files of a package.
///
/// A function does not see where its output goes, so it cannot ask Git: the working directory decides.
/// Errors: the files are in a Git work tree, and the user does not insist.
pub fn check(
    list: &ResourceList<'_>,
    allows_plaintext: bool,
    environment: &Environment,
) -> Result<Option<Diagnostic>, Failure> {
    // kustomize passes at least one item, the functionConfig; kpt passes none for a package without objects.
    let is_a_package = list.items.is_empty()
        || list.items.iter().any(|item| {
            let annotations = &item.value["metadata"]["annotations"];
            PATHS.iter().any(|name| annotations[*name].is_string())
        });
    if is_a_package && approval::listed(environment).is_some() {
        return Err(Failure::of(
            "the recipients",
            approval::in_clear().hint("use `protect: external`, or `regcred render`"),
        ));
    }
    if !is_a_package || allows_plaintext {
        return Ok(None);
    }
    if git::in_work_tree(environment.directory()) {
        let message = "the output goes into files in a Git work tree: a plain Secret would enter Git with them";
        return Err(Failure::of("the output", Diagnostic::error(Code::PlaintextInGit, message).hint(ELSEWHERE)));
    }
    let message = "the Secrets are in clear, and the output goes into the files of a package";
    let hint = "do not commit them: give the output another place, for example with `kpt fn eval --output unwrap`";
    Ok(Some(Diagnostic::warning(Code::PlaintextInPackage, message).hint(hint)))
}
