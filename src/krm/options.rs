//! Turns the annotations of a functionConfig into flags, and refuses settings that a function cannot follow.

use serde_json::Value;

use crate::cli::RenderArguments;
use crate::settings::choices::Protect;
use crate::settings::file::Spec;
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::nearest::nearest;

/// The annotation that chooses one of `clusters`.
pub const CLUSTER: &str = "regcred.dev/cluster";
/// The annotation that allows plain Secrets in the files of a package.
pub const PLAINTEXT_IN_GIT: &str = "regcred.dev/allow-plaintext-in-git";

/// Adds the flags of the functionConfig's annotations to the arguments.
///
/// # Errors
/// It has several clusters and chooses none, chooses an unknown one, or asks for encryption.
pub fn of(
    function_config: &Value,
    spec: Option<&Spec>,
    arguments: RenderArguments,
) -> Result<RenderArguments, Vec<Diagnostic>> {
    let annotation = |name: &str| function_config["metadata"]["annotations"][name].as_str();
    let nothing = Spec::default();
    let spec = spec.unwrap_or(&nothing);
    let cluster = annotation(CLUSTER);
    let mut problems: Vec<_> = check_cluster(cluster, spec).err().into_iter().collect();
    let own = spec.clusters.iter().find(|known| cluster == Some(known.name.as_str()));
    problems.extend(own.and_then(|own| own.protect).or(spec.protect).and_then(encrypts));
    let insists = match annotation(PLAINTEXT_IN_GIT) {
        Some("true") => true,
        None | Some("false") => false,
        Some(_) => {
            let message = format!("the annotation `{PLAINTEXT_IN_GIT}` is neither `true` nor `false`");
            problems.push(Diagnostic::error(Code::InvalidFunctionConfig, message));
            false
        }
    };
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(RenderArguments {
        cluster: cluster.map(str::to_owned).into_iter().collect(),
        allow_plaintext_in_git: arguments.allow_plaintext_in_git || insists,
        ..arguments
    })
}

fn check_cluster(chosen: Option<&str>, spec: &Spec) -> Result<(), Diagnostic> {
    let wrong = |message: String| Diagnostic::error(Code::InvalidFunctionConfig, message);
    let known = || spec.clusters.iter().map(|cluster| cluster.name.as_str());
    match chosen {
        None if spec.clusters.is_empty() => Ok(()),
        None => Err(wrong("the functionConfig has `clusters`, and a function serves one".to_owned()).hint(format!(
            "choose one with the annotation `{CLUSTER}: NAME`; `regcred render --output DIR` writes a folder for each"
        ))),
        Some(_) if spec.clusters.is_empty() => {
            Err(wrong(format!("the annotation `{CLUSTER}` chooses from `clusters`, and there are none"))
                .hint("leave it out"))
        }
        Some(name) if known().any(|known| known == name) => Ok(()),
        Some(name) => {
            let problem = wrong(format!("the annotation `{CLUSTER}` names none of the `clusters`"));
            Err(match nearest(name, known()) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem.hint("use a name that stands there"),
            })
        }
    }
}

/// Refuses encryption: it is random and a function keeps no state, so every build would differ.
fn encrypts(protect: Protect) -> Option<Diagnostic> {
    match protect {
        Protect::Plain | Protect::External => None,
        Protect::Sealed | Protect::Sops => Some(
            Diagnostic::error(
                Code::FunctionCannotEncrypt,
                format!("`protect: {protect}` is not for a function, whose output would differ at each build"),
            )
            .hint(
                "render them once into files, `regcred render --format kustomization --output DIR`, and list DIR under `resources:`",
            ),
        ),
    }
}
