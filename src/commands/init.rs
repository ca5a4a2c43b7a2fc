//! `regcred init` writes a first regcred.yaml and the snippet for a tool, and never overwrites a file.

use anyhow::Result;
use minijinja::context;

use super::init_fleet::Fleet;
use crate::cli::{InitArguments, Tool};
use crate::environment::Environment;
use crate::files::{new_files, stream};
use crate::report::Outcome;
use crate::settings::choices::Profile;
use crate::settings::file;

const CONFIG: &str = include_str!("../../templates/init/regcred.yaml.j2");

/// The files and settings for a tool.
struct Start {
    /// The annotations it needs.
    profile: Option<Profile>,
    /// The files beside regcred.yaml: path and text.
    files: &'static [(&'static str, &'static str)],
    /// The next steps, after regcred.yaml.
    next: &'static [&'static str],
}

fn start(tool: Tool) -> Start {
    match tool {
        Tool::Helmfile => Start {
            profile: Some(Profile::Helm),
            files: &[("helmfile.yaml", include_str!("../../templates/init/helmfile.yaml"))],
            next: &["set the variables, and look at what comes out: `helmfile template`"],
        },
        Tool::Gitlab => Start {
            profile: None,
            files: &[(".gitlab-ci.yml", include_str!("../../templates/init/gitlab-ci.yml"))],
            next: &[
                "name an image of yours that has regcred and kubectl in .gitlab-ci.yml",
                "add the variables under Settings > CI/CD > Variables, masked and protected",
            ],
        },
        Tool::Argocd => Start {
            profile: Some(Profile::Argocd),
            files: &[("application.yaml", include_str!("../../templates/init/argocd-application.yaml"))],
            next: &[
                "name your repository in application.yaml",
                "let a job with the variables run `regcred render --format directory --output pull-secrets` there",
            ],
        },
        Tool::Flux => Start {
            profile: Some(Profile::Flux),
            files: &[
                (".sourceignore", include_str!("../../templates/init/sourceignore")),
                ("kustomization-flux.yaml", include_str!("../../templates/init/flux-kustomization.yaml")),
            ],
            next: &[
                "name your source in kustomization-flux.yaml",
                "let a job with the variables run `regcred render --format kustomization --output pull-secrets` there",
            ],
        },
        Tool::Github => Start {
            profile: None,
            files: &[(".github/workflows/regcred.yml", include_str!("../../templates/init/github-workflow.yml"))],
            next: &[
                "name an image of yours that has regcred and kubectl in .github/workflows/regcred.yml",
                "add the variables and KUBECONFIG under Settings > Secrets and variables > Actions, and map them in the workflow",
            ],
        },
    }
}

/// Writes all files, or none if one exists; for a fleet with an existing regcred.yaml, writes the missing files.
pub fn run(arguments: &InitArguments, environment: &Environment) -> Result<Outcome> {
    let InitArguments { tool, clusters, directory } = arguments;
    let root = environment.directory().join(directory);
    if let Some(fleet) = Fleet::of(*tool, clusters, &root)? {
        stream::print_text(&fleet.write(&root)?)?;
        return Ok(Outcome::Done);
    }
    let Start { profile, files, next } = start(*tool);
    let profile = profile.map(|profile| profile.to_string());
    let config = minijinja::Environment::new().render_str(CONFIG, context! { profile })? + "\n";
    let mut all = vec![(file::NAME, config.as_str())];
    all.extend(files);
    new_files::write(&root, &all)?;
    let mut lines: Vec<_> = all.iter().map(|(name, _)| format!("wrote {name}")).collect();
    lines.push("next:".to_owned());
    lines.push(format!(
        "- put your logins and namespaces into {}: `regcred verify --list` says what it reads",
        file::NAME
    ));
    lines.extend(next.iter().map(|step| format!("- {step}")));
    stream::print_text(&(lines.join("\n") + "\n"))?;
    Ok(Outcome::Done)
}
