//! `regcred init`: a tool's name in, a starting regcred.yaml and the snippet for that tool out, never over an existing file.

use anyhow::Result;
use minijinja::context;

use crate::cli::{InitArguments, Tool};
use crate::environment::Environment;
use crate::output::{new_files, stream};
use crate::report::Outcome;
use crate::settings::choices::Profile;
use crate::settings::file;

const CONFIG: &str = include_str!("../../templates/init/regcred.yaml.j2");

/// What a tool starts with.
struct Start {
    /// The annotations it needs.
    profile: Option<Profile>,
    /// The files beside regcred.yaml: path and text.
    files: &'static [(&'static str, &'static str)],
}

fn start(tool: Tool) -> Start {
    match tool {
        Tool::Helmfile => Start {
            profile: Some(Profile::Helm),
            files: &[("helmfile.yaml", include_str!("../../templates/init/helmfile.yaml"))],
        },
        Tool::Gitlab => {
            Start { profile: None, files: &[(".gitlab-ci.yml", include_str!("../../templates/init/gitlab-ci.yml"))] }
        }
        Tool::Argocd => Start {
            profile: Some(Profile::Argocd),
            files: &[("application.yaml", include_str!("../../templates/init/argocd-application.yaml"))],
        },
        Tool::Flux => Start {
            profile: Some(Profile::Flux),
            files: &[
                (".sourceignore", include_str!("../../templates/init/sourceignore")),
                ("kustomization-flux.yaml", include_str!("../../templates/init/flux-kustomization.yaml")),
            ],
        },
        Tool::Github => Start {
            profile: None,
            files: &[(".github/workflows/regcred.yml", include_str!("../../templates/init/github-workflow.yml"))],
        },
    }
}

/// Writes all the files, or none when one of them is there already.
pub fn run(arguments: &InitArguments, environment: &Environment) -> Result<Outcome> {
    let InitArguments { tool, directory } = arguments;
    let Start { profile, files } = start(*tool);
    let profile = profile.map(|profile| profile.to_string());
    let config = minijinja::Environment::new().render_str(CONFIG, context! { profile })? + "\n";
    let mut all = vec![(file::NAME, config.as_str())];
    all.extend(files);
    new_files::write(&environment.directory().join(directory), &all)?;
    let names = all.iter().map(|(name, _)| format!("wrote {name}\n")).collect::<Vec<_>>().concat();
    stream::print_text(&format!(
        "{names}next: put your logins and namespaces into {}, and look at `regcred verify --list`\n",
        file::NAME
    ))?;
    Ok(Outcome::Done)
}
