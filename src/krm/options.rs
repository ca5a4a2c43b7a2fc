//! Reads what annotations of the functionConfig choose, and refuses what a function cannot do.

use serde_json::Value;

use crate::settings::file::Spec;
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::nearest::nearest;
use regcred_core::spec::Origin;
use regcred_core::spec::choice::Protect;
use regcred_core::spec::typed::{Typed, find};

/// The annotation that chooses one of `clusters`.
pub const CLUSTER: &str = "regcred.dev/cluster";
/// The annotation that insists on plain Secrets in the files of a package.
pub const PLAINTEXT_IN_GIT: &str = "regcred.dev/allow-plaintext-in-git";

/// Adds the options that annotations of the functionConfig set.
/// Errors: it has several clusters and chooses none, or chooses an unknown one; or it asks for encrypted documents.
pub fn add(function_config: &Value, spec: Option<&Spec>, typed: &mut Typed) -> Result<(), Vec<Diagnostic>> {
    let annotation = |name: &str| function_config["metadata"]["annotations"][name].as_str();
    let nothing = Spec::default();
    let spec = spec.unwrap_or(&nothing);
    let cluster = annotation(CLUSTER);
    let mut problems: Vec<_> = check_cluster(cluster, spec).err().into_iter().collect();
    let own = spec.clusters.iter().find(|known| cluster == Some(known.name.as_str()));
    problems.extend(own.and_then(|own| own.protect).or(spec.protect).and_then(encrypts));
    match annotation(PLAINTEXT_IN_GIT) {
        Some("true") => set(typed, "allow-plaintext-in-git", &[]),
        None | Some("false") => {}
        Some(_) => {
            let message = format!("the annotation `{PLAINTEXT_IN_GIT}` is neither `true` nor `false`");
            problems.push(Diagnostic::error(Code::InvalidFunctionConfig, message));
        }
    }
    if let Some(cluster) = cluster {
        set(typed, "cluster", &[cluster.to_owned()]);
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Sets an option that is not a key of the ConfigMap.
pub(super) fn set(typed: &mut Typed, key: &'static str, values: &[String]) {
    if let Some(setting) = find(key) {
        typed.add(setting, Origin::Key(key), values.iter().map(Into::into).collect());
    }
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
            Err(wrong(format!("the annotation `{CLUSTER}` chooses from `clusters`, and the functionConfig has none"))
                .hint("leave it out"))
        }
        Some(name) if known().any(|known| known == name) => Ok(()),
        Some(name) => {
            let problem = wrong(format!("the annotation `{CLUSTER}` names none of the `clusters`"));
            Err(match nearest(name, known()) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem.hint("use the name of one of them"),
            })
        }
    }
}

/// Encryption is random and a function keeps no state: each build would differ, and Argo CD would never be in sync.
fn encrypts(protect: Protect) -> Option<Diagnostic> {
    match protect {
        Protect::Plain | Protect::External => None,
        Protect::Sealed | Protect::Sops => {
            let message =
                format!("`protect: {protect}` cannot be used in a function: its output would differ at each build");
            let hint = "render them once into files, `regcred render --format kustomization --output DIR`, and list DIR under `resources:`";
            Some(Diagnostic::error(Code::FunctionCannotEncrypt, message).hint(hint))
        }
    }
}
