//! `regcred init` writes a first regcred.yaml and the files for a tool, never over an existing file.

use std::path::Path;

use anyhow::Result;
use minijinja::context;
use serde::Deserialize;
use serde_saphyr::options::DuplicateKeyPolicy;

use super::init_fleet::Fleet;
use crate::cli::{InitArguments, Tool};
use crate::environment::{Environment, read_text};
use crate::files::{git, new_files, stream};
use crate::report::{self, Outcome, inert};
use crate::settings::choices::Profile;
use crate::settings::file;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::manifest::{expands_too_far, to_yaml};

pub const CONFIG: &str = include_str!("../../templates/init/regcred.yaml.j2");

pub const FILL_IN: &str =
    "put your logins and namespaces into regcred.yaml: `regcred verify --list` says what it reads";

const PROTECT: &str = "choose `protect: sealed`, `sops` or `external` in regcred.yaml first: without it the logins are in clear, and the folder stays out of Git";

pub const KEY: &str = "set REGCRED_FINGERPRINT_KEY here and in the job before the first render: the key that you have, or a new one from `openssl rand -hex 32`";

pub const EVERY_NAMESPACE: &str =
    "if namespaces come later, let the controller serve every one: regcred.yaml says how in a comment";

pub const PIPELINE: &str = ".gitlab-ci.yml";
/// The placeholder for the folder of the new files, as a path from the top of the repository.
const HERE: &str = "HERE/";
/// The placeholder for the flag that names regcred.yaml, if the jobs need it.
const AT_HERE: &str = "AT_HERE ";
const AT_THE_TOP: &str = " at the top of the repository";
/// The lines with which the jobs of `init` begin.
const OURS: &str = "\n.pull-secrets:\n";
/// The placeholder for the end of a name that must be unique in a pipeline or a cluster: each folder of a repository has its own.
const OF_HERE: &str = "-HERE";
const INCLUDED: &str = "pull-secrets.gitlab-ci.yml";
/// Words in the name of a stage that deploys: the pull secrets must be there before.
const DEPLOYS: [&str; 5] = ["deploy", "rollout", "release", "stag", "prod"];

/// The files and steps that a user starts with.
pub struct Start {
    pub kept: Vec<String>,
    pub files: Vec<(String, String)>,
    pub next: Vec<String>,
}

/// Writes all the files; writes none if one of them exists.
pub fn run(arguments: &InitArguments, environment: &Environment) -> Result<Outcome> {
    let InitArguments { tool, clusters, directory } = arguments;
    let root = environment.directory().join(directory);
    let below = git::below_the_top(&root);
    let top = below.as_ref().map(|(top, _)| top.as_path());
    let here = below.as_ref().map_or(String::new(), |(_, below)| inert(&format!("{}/", below.display())));
    let folder = format!("/{here}").trim_end_matches('/').to_lowercase();
    let folder = folder.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    let named = |text: &str| text.replace(OF_HERE, &folder);
    let mut start = match Fleet::find(*tool, clusters, &root)? {
        Some(fleet) => fleet.start(&root, top, &named)?,
        None => Start::new(*tool, &root, top, environment)?,
    };
    // Any other name would need quotes, for YAML and for the shell.
    let is_plain = here.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte));
    let config = top.map_or(String::new(), |_| format!("--config {HERE}{} ", file::NAME));
    for (name, text) in &mut start.files {
        *name = named(name);
        *text = named(text).replace(AT_HERE, &config).replace(HERE, if is_plain { &here } else { "" });
    }
    let files = &start.files;
    files.iter().try_for_each(|(name, _)| git::check_place(&root.join(name)))?;
    new_files::write(&root, files)?;
    if top.is_some_and(|top| top.join(file::NAME).exists()) {
        let hint = "give each its own `metadata.name`, or `delete` and `--prune` with one remove objects of the other";
        report::note(&format!("`{}`{AT_THE_TOP} is another one: {hint}", file::NAME));
    }
    let folder = directory.strip_prefix(".").unwrap_or(directory);
    let shown = |name: &str| inert(&folder.join(name).display().to_string());
    let mut lines: Vec<_> = start.kept.iter().map(|name| format!("kept {}", shown(&named(name)))).collect();
    lines.extend(files.iter().map(|(name, _)| format!("wrote {}", shown(name))));
    let place = if folder.as_os_str().is_empty() { &here } else { &shown("") };
    let place = place.trim_end_matches('/');
    lines.push(if place.is_empty() { "next:".to_owned() } else { format!("next, in {place}:") });
    let moved = top.iter().flat_map(|_| files.iter().filter(|(name, _)| name.starts_with(".github/")));
    let moved = moved.map(|(name, _)| format!("move {HERE}{name} to {name}{AT_THE_TOP}"));
    let quoted = (!is_plain).then(|| format!("put {HERE} before each path in the new files, with quotes"));
    let next = start.next.iter().map(|step| named(step)).chain(moved).chain(quoted);
    lines.extend(next.map(|step| format!("- {}", step.replace(HERE, &here))));
    stream::print_text(&(lines.join("\n") + "\n"))?;
    Ok(Outcome::Done)
}

impl Start {
    /// For one tool and one cluster.
    fn new(tool: Tool, root: &Path, top: Option<&Path>, environment: &Environment) -> Result<Self> {
        type Files = &'static [(&'static str, &'static str)];
        let link = if tool == Tool::Helmfile { "none" } else { "service-account" };
        let (profile, files, next): (_, Files, &[&str]) = match tool {
            Tool::Helmfile => (
                Some("helm"),
                &[("helmfile.yaml", include_str!("../../templates/init/helmfile.yaml"))],
                &[
                    "set the variables, and look at what comes out, without the login: `helmfile template | grep -v dockerconfigjson:`",
                    "give the release in helmfile.yaml, and `metadata.name` in regcred.yaml, names that no other repository uses: it would replace these Secrets",
                    "let Pods find the Secret: helmfile.yaml says how",
                    EVERY_NAMESPACE,
                ],
            ),
            Tool::Gitlab => (
                None,
                &[],
                &[
                    "add the variables under Settings > CI/CD > Variables, masked and protected, and KUBECONFIG as type File",
                ],
            ),
            Tool::Argocd => (
                Some("argocd"),
                &[("application.yaml", include_str!("../../templates/init/argocd-application.yaml"))],
                &[
                    PROTECT,
                    KEY,
                    "name your repository in application.yaml",
                    "with `protect`, let a job with the variables run `regcred render --format directory --output pull-secrets` there, and commit what it writes",
                    EVERY_NAMESPACE,
                ],
            ),
            Tool::Flux => (
                Some("flux"),
                &[
                    (".sourceignore", include_str!("../../templates/init/sourceignore")),
                    ("kustomization-flux.yaml", include_str!("../../templates/init/flux-kustomization.yaml")),
                ],
                &[
                    PROTECT,
                    KEY,
                    "name your source in kustomization-flux.yaml",
                    "with `protect`, let a job with the variables run `regcred render --format kustomization --output pull-secrets` there, and commit what it writes",
                ],
            ),
            Tool::Github => (
                None,
                &[(".github/workflows/regcred-HERE.yml", include_str!("../../templates/init/github-workflow.yml"))],
                &[
                    "name an image of yours that has regcred and kubectl in .github/workflows/regcred-HERE.yml: docs/ci.md says how to build one",
                    "add the variables and KUBECONFIG under Settings > Secrets and variables > Actions, and map them in the workflow",
                ],
            ),
        };
        let mut start =
            Self { kept: Vec::new(), files: vec![config(tool, profile, link)?], next: vec![FILL_IN.to_owned()] };
        if matches!(tool, Tool::Gitlab | Tool::Github) && keeps(root, environment)? {
            start = Self { kept: vec![file::NAME.to_owned()], files: Vec::new(), next: Vec::new() };
        }
        if tool == Tool::Gitlab {
            let jobs = include_str!("../../templates/init/gitlab-ci.yml");
            let (jobs, step) = gitlab_jobs(root, top, jobs, "regcred and kubectl");
            start.files.push(jobs);
            start.next.push(step);
        }
        start.files.extend(files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
        start.next.extend(next.iter().map(|step| (*step).to_owned()));
        Ok(start)
    }
}

/// Whether the folder has a regcred.yaml, which the jobs then use.
/// Errors: the file is not valid, or a Helm release has its objects, so that no job may apply them.
fn keeps(root: &Path, environment: &Environment) -> Result<bool, Failure> {
    let path = root.join(file::NAME);
    if path.symlink_metadata().is_err() {
        return Ok(false);
    }
    let there = file::load(&file::Which::Named(path), environment).map_err(|mut failure| {
        if let Failure::Input { problems, .. } = &mut failure {
            let message = "`regcred.yaml` is there already, but not valid, so nothing was written";
            let problem = Diagnostic::error(Code::FileExists, message).hint("correct it, and run the same again");
            problems.insert(0, problem);
        }
        failure
    })?;
    if there.is_some_and(|(_, there)| there.spec.profile == Some(Profile::Helm)) {
        let problem = Diagnostic::error(Code::FileExists, "`regcred.yaml` is there already, with `profile: helm`");
        let hint = "its release has the pull Secrets: let your job run `regcred verify` and `helmfile sync`, as in gitlab-ci-examples/2-helmfile";
        return Err(Failure::of("the files to write", problem.hint(hint)));
    }
    Ok(true)
}

fn config(tool: Tool, profile: Option<&str>, link: &str) -> Result<(String, String)> {
    let proposes_controller = matches!(tool, Tool::Helmfile | Tool::Argocd);
    let text = minijinja::Environment::new().render_str(CONFIG, context! { profile, link, proposes_controller })?;
    Ok((file::NAME.to_owned(), text + "\n"))
}

/// The file of jobs for GitLab, and what to do with it: a pipeline, or a file that the pipeline at the top includes.
pub fn gitlab_jobs(root: &Path, top: Option<&Path>, jobs: &str, tools: &str) -> ((String, String), String) {
    let image =
        |file: &str| format!("name an image of yours that has {tools} in {file}: docs/ci.md says how to build one");
    let existing = read_text(&top.unwrap_or(root).join(PIPELINE)).ok().filter(|existing| !existing.contains(OURS));
    let Some(existing) = existing.or(top.map(|_| String::new())) else {
        return ((PIPELINE.to_owned(), jobs.to_owned()), image(PIPELINE));
    };
    let (is_read, stages) = stages(&existing).map_or((false, Vec::new()), |stages| (true, stages));
    let named = |usual: &str| stages.iter().find(|stage| *stage == usual);
    let deploys = |stage: &&String| DEPLOYS.iter().any(|word| stage.to_lowercase().contains(word));
    let check = named("test").or(stages.first()).map_or("test", String::as_str);
    let apply = named("deploy").or(stages.iter().find(deploys)).or(stages.last()).map_or("deploy", String::as_str);
    // A name from somebody's pipeline may be anything.
    let written = |stage: &str| format!("stage: {}", to_yaml(&stage).unwrap_or_default().as_str());
    let text = jobs.replace("stage: test\n", &written(check)).replace("stage: deploy\n", &written(apply));
    let place = match is_read {
        false => format!(", set `stage:` of its jobs, because the stages in {PIPELINE} cannot be read"),
        true if apply == "deploy" => String::new(),
        true => format!(", check that no job deploys before its stage `{}`", inert(apply)),
    };
    let workflow = if existing.contains("workflow:") {
        ""
    } else {
        " (a merge request may then have two pipelines: docs/gitlab.md says how to have one)"
    };
    let include = format!("add `include: [{{local: {HERE}{INCLUDED}}}]` to {PIPELINE}{AT_THE_TOP}{workflow}");
    let step = format!("{include}{place}, and {}", image(INCLUDED));
    ((INCLUDED.to_owned(), text), step)
}

/// The stages that a pipeline names; `None` if it cannot be read. A document of inputs may come first. `.pre` and `.post` need other jobs.
fn stages(pipeline: &str) -> Option<Vec<String>> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Stages {
        stages: Vec<String>,
    }
    let options = serde_saphyr::options! { with_snippet: false, duplicate_keys: DuplicateKeyPolicy::LastWins };
    let readable = Some(pipeline).filter(|text| !expands_too_far(text))?;
    let mut documents: Vec<Stages> = serde_saphyr::from_multiple_with_options(readable, options).ok()?;
    let stages = documents.pop().unwrap_or_default().stages;
    Some(stages.into_iter().filter(|stage| ![".pre", ".post"].contains(&stage.as_str())).collect())
}
