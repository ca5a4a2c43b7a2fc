//! Refuses plain Secrets among items that come from files in a Git work tree.

use std::path::Path;

use super::list::ResourceList;
use crate::files::git;
use crate::settings::PlaintextInGit;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};

/// The hint of the refusal.
pub const ELSEWHERE: &str = "use `protect: external`, or files of `regcred render --protect sealed` or `sops`; if the output goes elsewhere, as with \
     `kpt fn eval --output unwrap`, insist with `allow-plaintext-in-git=true` or the annotation `regcred.dev/allow-plaintext-in-git: \"true\"`";

/// The annotations in which an orchestrator stores the file of an item.
const PATHS: [&str; 2] = ["internal.config.kubernetes.io/path", "config.kubernetes.io/path"];

/// Checks whether plain Secrets may join items that come from files, and returns a warning if they may.
///
/// # Errors
/// The working directory is in a Git work tree, and no setting allows plain Secrets. The files that an orchestrator will write are unknown, so
/// Git's ignore rules do not help.
pub fn admit(
    list: &ResourceList<'_>,
    plaintext: PlaintextInGit,
    directory: &Path,
) -> Result<Option<Diagnostic>, Failure> {
    let is_a_package = list.items.iter().any(|item| {
        let annotations = &item.value["metadata"]["annotations"];
        PATHS.iter().any(|name| annotations[*name].is_string())
    });
    // kpt sends no items for a package without any, and writes what comes back into it. In kustomize the functionConfig names us.
    let declared = list.function_config["metadata"]["annotations"]["config.kubernetes.io/function"].is_string();
    let may_be_a_package = is_a_package || (list.items.is_empty() && !declared);
    match plaintext {
        PlaintextInGit::Refuse if may_be_a_package && git::in_work_tree(directory) => Err(Failure::of(
            "the output",
            Diagnostic::error(
                Code::PlaintextInGit,
                "the items come from a package in a Git work tree: a plain Secret would enter Git with them",
            )
            .hint(ELSEWHERE),
        )),
        PlaintextInGit::Refuse if is_a_package => Ok(Some(
            Diagnostic::warning(
                Code::PlaintextInPackage,
                "the Secrets are in clear, and the items come from the files of a package",
            )
            .hint("do not commit them: give the output another place, for example with `kpt fn eval --output unwrap`"),
        )),
        PlaintextInGit::Refuse | PlaintextInGit::Allow => Ok(None),
    }
}
