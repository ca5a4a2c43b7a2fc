//! Starts a fleet for Argo CD or Flux, from names of clusters or from a regcred.yaml that lists them.

use std::path::Path;

use anyhow::Result;
use minijinja::context;

use super::init::{CONFIG, FILL_IN, KEY, PIPELINE, Start, gitlab_jobs};
use crate::cli::Tool;
use crate::environment::read_text;
use crate::settings::choices::{Format, Profile, Protect};
use crate::settings::file::{self, File};
use crate::settings::usage;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::manifest::to_yaml;
use regcred_core::names::ResourceName;

const APPLICATION_SET: &str = include_str!("../../templates/init/argocd-applicationset.yaml");
const KUSTOMIZATION: &str = include_str!("../../templates/init/flux-cluster.yaml.j2");
const SOPS_RULES: &str = include_str!("../../templates/init/sops.yaml.j2");
const SOPS_FILE: &str = ".sops.yaml";
const GITLAB_JOBS: &str = include_str!("../../templates/init/gitlab-ci-commit.yml");
const GITHUB_JOBS: &str = include_str!("../../templates/init/github-commit.yml");
const WORKFLOW: &str = ".github/workflows/pull-secrets-HERE.yml";

const FETCH: &str = "get the certificate of each cluster that regcred.yaml names: `regcred fetch-cert --cluster NAME --context CONTEXT`";
const PRIVATE_KEY: &str =
    "give each cluster its private key, as the Secret sops-age in flux-system: docs/profile-flux.md says how";
const ELSEWHERE: &str = "start in another folder with `--clusters NAME --directory DIR`";

pub struct Fleet {
    /// Argo CD or Flux.
    tool: Tool,
    clusters: Vec<Cluster>,
    /// Whether regcred.yaml already lists them.
    is_kept: bool,
    /// The flags for what the file does not choose: the format that the tool needs, and its clusters if some have another profile.
    flags: String,
}

struct Cluster {
    name: String,
    protect: Protect,
}

impl Fleet {
    /// The fleet that the names, or the regcred.yaml under `root`, describe.
    /// Errors: the tool has no fleets, every cluster is for the other tool, or a name is not valid.
    pub fn find(tool: Tool, names: &[String], root: &Path) -> Result<Option<Self>> {
        match tool {
            Tool::Argocd | Tool::Flux => {}
            Tool::Helmfile | Tool::Gitlab | Tool::Github if names.is_empty() => return Ok(None),
            Tool::Helmfile | Tool::Gitlab | Tool::Github => {
                let hint = "leave it out, and write `clusters` into regcred.yaml";
                return Err(usage("`--clusters` is for argocd and flux", hint).into());
            }
        }
        let is_kept = names.is_empty();
        let mut flags = String::new();
        let clusters: Vec<_> = if is_kept {
            let text = read_text(&root.join(file::NAME)).unwrap_or_default();
            // A file without clusters, or an unreadable one, counts like any other existing file.
            let Ok(File { spec, .. }) = file::parse(&text) else { return Ok(None) };
            if tool == Tool::Flux && spec.format.is_none() {
                flags.push_str(" --format kustomization");
            }
            let other = if tool == Tool::Argocd { Profile::Flux } else { Profile::Argocd };
            let is_ours = |cluster: &&file::Cluster| cluster.profile.or(spec.profile) != Some(other);
            let cluster = |cluster: &file::Cluster| Cluster {
                name: cluster.name.to_string(),
                protect: cluster.protect.or(spec.protect).unwrap_or(Protect::Plain),
            };
            let ours: Vec<_> = spec.clusters.iter().filter(is_ours).map(cluster).collect();
            if ours.is_empty() && !spec.clusters.is_empty() {
                let problem = format!("every cluster in `{}` has `profile: {other}`", file::NAME);
                return Err(usage(problem, ELSEWHERE).into());
            }
            if ours.len() < spec.clusters.len() {
                flags.push_str(" --cluster ");
                flags.push_str(&ours.iter().map(|cluster| &*cluster.name).collect::<Vec<_>>().join(","));
            }
            ours
        } else {
            let protect = if tool == Tool::Argocd { Protect::Sealed } else { Protect::Sops };
            names.iter().map(|name| Cluster { name: name.clone(), protect }).collect()
        };
        if clusters.is_empty() {
            return Ok(None);
        }
        check(&clusters)?;
        Ok(Some(Self { tool, clusters, is_kept, flags }))
    }

    /// The files that do not exist yet, and the steps that are left.
    /// Errors: `--clusters` names the clusters, but a regcred.yaml exists.
    pub fn start(&self, root: &Path, top: Option<&Path>, named: &dyn Fn(&str) -> String) -> Result<Start> {
        if !self.is_kept && root.join(file::NAME).exists() {
            let problem =
                Diagnostic::error(Code::FileExists, "`regcred.yaml` is there already, so nothing was written");
            let hint =
                format!("add the clusters to `clusters` in it, and run the same without --clusters; or {ELSEWHERE}");
            return Err(Failure::of("the files to write", problem.hint(hint)).into());
        }
        let mut files = self.files()?;
        let (job, mut job_step) = self.job(root, top);
        if read_text(&root.join(named(&job.0))).is_ok_and(|there| !there.contains("git push")) {
            job_step = format!("move {} away, whose jobs apply, and run this again, for the one that renders", job.0);
        }
        files.push(job);
        // A workflow may have been moved to the top of the repository.
        let moved = |name: &str| top.filter(|_| name == WORKFLOW).is_some_and(|top| top.join(named(name)).exists());
        let is_there = |name: &str| root.join(named(name)).symlink_metadata().is_ok() || moved(name);
        let stays = |name: &str| (self.is_kept || name == SOPS_FILE) && is_there(name);
        let own = self.is_kept.then(|| file::NAME.to_owned());
        let kept = own.into_iter().chain(files.extract_if(.., |(name, _)| stays(name)).map(|(name, _)| name));
        Ok(Start { kept: kept.collect(), next: self.next(job_step, root)?, files })
    }

    /// The folder that `render` writes to.
    fn folder(&self) -> &'static str {
        if self.tool == Tool::Argocd { "clusters" } else { "pull-secrets" }
    }

    /// The job that renders and commits, for the CI of the repository.
    fn job(&self, root: &Path, top: Option<&Path>) -> ((String, String), String) {
        let needs_sops = !self.protected_by(Protect::Sops).is_empty();
        let programs = if needs_sops { "regcred, git and sops" } else { "regcred and git" };
        let fill_in = |jobs: &str| {
            let jobs = jobs.replace("FOLDER", self.folder()).replace("regcred and git", programs);
            jobs.replace("regcred render", &format!("regcred render{}", self.flags))
        };
        let the_top = top.unwrap_or(root);
        let has_a_pipeline = the_top.join(PIPELINE).exists();
        if the_top.join(".github").is_dir() && !has_a_pipeline {
            let step = format!(
                "name an image of yours that has {programs} in {WORKFLOW}, and add its secrets: the login, and REGCRED_FINGERPRINT_KEY"
            );
            return ((WORKFLOW.to_owned(), fill_in(GITHUB_JOBS)), step);
        }
        let (jobs, step) = gitlab_jobs(root, top, &fill_in(GITLAB_JOBS), programs);
        let variables = "the login, REGCRED_FINGERPRINT_KEY and GITOPS_REPOSITORY";
        let elsewhere = if has_a_pipeline { "" } else { " (on GitHub, run `mkdir .github` before `init`)" };
        (jobs, format!("{step}, and add its variables: {variables}{elsewhere}"))
    }

    fn files(&self) -> Result<Vec<(String, String)>> {
        let Self { tool, clusters, is_kept, flags: _ } = self;
        let mut files = Vec::new();
        if !is_kept {
            let profile = if *tool == Tool::Argocd { Profile::Argocd } else { Profile::Flux }.to_string();
            let protect = clusters.first().map(|cluster| cluster.protect.to_string());
            let in_template = |Cluster { name, protect }: &Cluster| {
                let certificate = (*protect == Protect::Sealed).then(|| format!("certs/{name}.pem"));
                Ok(context! { scalar => to_yaml(name)?.trim_end(), certificate })
            };
            let clusters = clusters.iter().map(in_template).collect::<Result<Vec<_>>>()?;
            let format = (*tool == Tool::Flux).then(|| Format::Kustomization.to_string());
            let (link, proposes_controller) = ("service-account", *tool == Tool::Argocd);
            let context = context! { profile, protect, format, link, clusters, proposes_controller };
            let config = render(CONFIG, context)?;
            files.push((file::NAME.to_owned(), config + "\n"));
        }
        if *tool == Tool::Argocd {
            files.push(("applicationset.yaml".to_owned(), APPLICATION_SET.to_owned()));
            return Ok(files);
        }
        let encrypted = self.protected_by(Protect::Sops);
        if !encrypted.is_empty() {
            files.push((SOPS_FILE.to_owned(), render(SOPS_RULES, context! { names => encrypted })? + "\n"));
        }
        for Cluster { name, protect } in clusters {
            let text = render(KUSTOMIZATION, context! { name, protect => protect.to_string() })?;
            files.push((format!("clusters/{name}/pull-secrets.yaml"), text + "\n"));
        }
        Ok(files)
    }

    fn protected_by(&self, protect: Protect) -> Vec<String> {
        self.clusters.iter().filter(|cluster| cluster.protect == protect).map(|cluster| cluster.name.clone()).collect()
    }

    /// The rules that an existing .sops.yaml lacks, as lines to copy.
    fn missing_rules(&self, root: &Path) -> Result<String> {
        let Ok(there) = read_text(&root.join(SOPS_FILE)) else { return Ok(String::new()) };
        let mut names = self.protected_by(Protect::Sops);
        names.retain(|name| !there.contains(&format!("^pull-secrets/{}/", name.replace('.', "\\."))));
        let rules = render(SOPS_RULES, context! { names })?;
        Ok(rules.lines().skip(2).flat_map(|line| ["\n  ", line]).collect())
    }

    fn next(&self, job_step: String, root: &Path) -> Result<Vec<String>> {
        let mut steps = Vec::new();
        if !self.protected_by(Protect::Sealed).is_empty() {
            steps.push(FETCH.to_owned());
        }
        if !self.is_kept {
            steps.push(FILL_IN.to_owned());
        }
        if !self.protected_by(Protect::Sops).is_empty() {
            let rules = if self.tool == Tool::Flux { self.missing_rules(root)? } else { String::new() };
            steps.push(if rules.is_empty() {
                format!("in {SOPS_FILE}, name the public key of each cluster: a cluster without a rule for its folder stops the job")
            } else {
                format!(
                    "in {SOPS_FILE}, add these rules under `creation_rules`, before every rule that matches these folders, because sops takes the first match; and name the public key of each cluster:{rules}"
                )
            });
            steps.extend((self.tool == Tool::Flux).then(|| PRIVATE_KEY.to_owned()));
        }
        let plain = self.protected_by(Protect::Plain).join(", ");
        if !plain.is_empty() {
            steps.push(format!("choose `protect` in regcred.yaml: the logins of {plain} would be in clear"));
        }
        steps.push(match self.tool {
            Tool::Argocd => "name your repository in applicationset.yaml".to_owned(),
            _ => "name your source in clusters/*/pull-secrets.yaml".to_owned(),
        });
        steps.push(KEY.to_owned());
        steps.push(job_step);
        steps.push(format!("run `regcred render{} --output {}`, and commit", self.flags, self.folder()));
        Ok(steps)
    }
}

fn render(template: &str, context: minijinja::Value) -> Result<String, minijinja::Error> {
    minijinja::Environment::new().render_str(template, context)
}

fn check(clusters: &[Cluster]) -> Result<(), Failure> {
    let mut problems = Vec::new();
    for (number, Cluster { name, .. }) in clusters.iter().enumerate() {
        if let Err(invalid) = name.parse::<ResourceName>() {
            problems.push(Diagnostic::error(Code::InvalidName, format!("`--clusters`: {invalid}")).hint(invalid.hint));
        } else if clusters[..number].iter().any(|other| other.name == *name) {
            let problem = Diagnostic::error(Code::SameName, "two clusters have the same name");
            problems.push(problem.hint("give each its own: it is the name of its folder"));
        }
    }
    Failure::unless_clean("the clusters", &problems)
}
