//! `regcred init` for a fleet writes the files for Argo CD or Flux, from the names of clusters or an existing regcred.yaml.

use std::fs;
use std::path::Path;

use anyhow::Result;
use minijinja::context;

use crate::cli::Tool;
use crate::files::new_files;
use crate::settings::choices::{Format, Profile, Protect};
use crate::settings::file::{self, File};
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::manifest::to_yaml;
use regcred_core::names::{InvalidName, ResourceName};

const CONFIG: &str = include_str!("../../templates/init/regcred.yaml.j2");
const APPLICATION_SET: &str = include_str!("../../templates/init/argocd-applicationset.yaml");
const KUSTOMIZATION: &str = include_str!("../../templates/init/flux-cluster.yaml.j2");
const SOPS_RULES: &str = include_str!("../../templates/init/sops.yaml.j2");
const SOPS_FILE: &str = ".sops.yaml";

/// A tool that applies files from Git to many clusters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum GitOps {
    Argocd,
    Flux,
}

/// The clusters, and whether they come from an existing regcred.yaml.
pub struct Fleet {
    tool: GitOps,
    clusters: Vec<Cluster>,
    is_kept: bool,
    /// The flag for the format that the tool needs, if the file does not choose it.
    format: &'static str,
}

/// A cluster, and the path of its certificate.
struct Cluster {
    name: String,
    /// Its name as YAML writes it.
    scalar: String,
    protect: Protect,
    certificate: Option<String>,
}

impl Fleet {
    /// The fleet from the named clusters, or from the regcred.yaml under `root`; `None` without either.
    ///
    /// # Errors
    /// Names for a tool without fleets, or invalid names.
    pub fn of(tool: Tool, names: &[String], root: &Path) -> Result<Option<Self>> {
        let tool = match tool {
            Tool::Argocd => GitOps::Argocd,
            Tool::Flux => GitOps::Flux,
            Tool::Helmfile | Tool::Gitlab | Tool::Github if names.is_empty() => return Ok(None),
            Tool::Helmfile | Tool::Gitlab | Tool::Github => {
                let problem = Diagnostic::error(Code::Usage, "`--clusters` is for argocd and flux");
                return Err(
                    Failure::Usage(vec![problem.hint("leave it out, and write `clusters` into regcred.yaml")]).into()
                );
            }
        };
        let protect = if tool == GitOps::Argocd { Protect::Sealed } else { Protect::Sops };
        let is_kept = names.is_empty();
        let mut format = "";
        let clusters: Vec<_> = if is_kept {
            let text = fs::read_to_string(root.join(file::NAME)).unwrap_or_default();
            // A file without clusters, or an unreadable one, is in the way, and the caller reports it.
            let Ok(File { spec, .. }) = file::parse(&text) else { return Ok(None) };
            let of = |cluster: &file::Cluster| {
                (cluster.name.to_string(), cluster.protect.or(spec.protect).unwrap_or(Protect::Plain))
            };
            if tool == GitOps::Flux && spec.format.is_none() {
                format = " --format kustomization";
            }
            spec.clusters.iter().map(of).collect()
        } else {
            names.iter().map(|name| (name.clone(), protect)).collect()
        };
        if clusters.is_empty() {
            return Ok(None);
        }
        check(&clusters)?;
        let clusters =
            clusters.into_iter().map(|(name, protect)| Cluster::new(name, protect)).collect::<Result<_>>()?;
        Ok(Some(Self { tool, clusters, is_kept, format }))
    }

    /// Writes the missing files, and prints what was done and the next steps.
    ///
    /// # Errors
    /// A file of a new fleet exists already, or the file system fails.
    pub fn write(&self, root: &Path) -> Result<String> {
        if !self.is_kept && root.join(file::NAME).exists() {
            let problem =
                Diagnostic::error(Code::FileExists, "`regcred.yaml` is there already, so nothing was written");
            let hint = "add the clusters to `clusters` in it, and run the same without --clusters";
            return Err(Failure::of("the files to write", problem.hint(hint)).into());
        }
        let mut files = self.files()?;
        let kept = |name: &str| (self.is_kept || name == SOPS_FILE) && root.join(name).symlink_metadata().is_ok();
        let there: Vec<_> = files.extract_if(.., |(name, _)| kept(name)).map(|(name, _)| name).collect();
        let texts: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        new_files::write(root, &texts)?;
        let own = self.is_kept.then(|| file::NAME.to_owned());
        let kept = own.iter().chain(&there).map(|name| format!("kept {name}"));
        let mut lines: Vec<_> = kept.chain(files.iter().map(|(name, _)| format!("wrote {name}"))).collect();
        lines.push("next:".to_owned());
        lines.extend(self.next().into_iter().map(|step| format!("- {step}")));
        Ok(lines.join("\n") + "\n")
    }

    fn files(&self) -> Result<Vec<(String, String)>> {
        let templates = minijinja::Environment::new();
        let Self { tool, clusters, is_kept, format: _ } = self;
        let mut files = Vec::new();
        if !is_kept {
            let profile = if *tool == GitOps::Argocd { Profile::Argocd } else { Profile::Flux }.to_string();
            let protect = clusters.first().map(|cluster| cluster.protect.to_string());
            let in_template = |Cluster { scalar, certificate, .. }: &Cluster| context! { scalar, certificate };
            let clusters: Vec<_> = clusters.iter().map(in_template).collect();
            let format = (*tool == GitOps::Flux).then(|| Format::Kustomization.to_string());
            let config = templates.render_str(CONFIG, context! { profile, protect, format, clusters })?;
            files.push((file::NAME.to_owned(), config + "\n"));
        }
        if *tool == GitOps::Argocd {
            files.push(("applicationset.yaml".to_owned(), APPLICATION_SET.to_owned()));
            return Ok(files);
        }
        let encrypted = self.protected_by(Protect::Sops);
        if !encrypted.is_empty() {
            files.push((
                SOPS_FILE.to_owned(),
                templates.render_str(SOPS_RULES, context! { names => encrypted })? + "\n",
            ));
        }
        for Cluster { name, protect, .. } in clusters {
            let text = templates.render_str(KUSTOMIZATION, context! { name, protect => protect.to_string() })?;
            files.push((format!("clusters/{name}/pull-secrets.yaml"), text + "\n"));
        }
        Ok(files)
    }

    fn protected_by(&self, protect: Protect) -> Vec<String> {
        self.clusters.iter().filter(|cluster| cluster.protect == protect).map(|cluster| cluster.name.clone()).collect()
    }

    fn next(&self) -> Vec<String> {
        let Self { tool, clusters: _, is_kept, format } = self;
        let mut steps = Vec::new();
        if !is_kept {
            let file = file::NAME;
            steps.push(format!(
                "put your logins and namespaces into {file}: `regcred verify --list` says what it reads"
            ));
        }
        if !self.protected_by(Protect::Sealed).is_empty() {
            const FETCH: &str = "`regcred fetch-cert --context NAME --output certs/NAME.pem`";
            steps.push(format!("get the certificate of each cluster that {} names: {FETCH}", file::NAME));
        }
        if !self.protected_by(Protect::Sops).is_empty() {
            steps.push(format!("name the keys in {SOPS_FILE}"));
        }
        let plain = self.protected_by(Protect::Plain);
        if !plain.is_empty() {
            let names = plain.join(", ");
            steps.push(format!("choose `protect` in {}: the logins of {names} would be in clear", file::NAME));
        }
        let (where_to_name, output) = match tool {
            GitOps::Argocd => ("your repository in applicationset.yaml", "clusters"),
            GitOps::Flux => ("your source in clusters/*/pull-secrets.yaml", "pull-secrets"),
        };
        steps.push(format!("name {where_to_name}"));
        steps.push(format!("let a job with the variables run `regcred render{format} --output {output}` there"));
        steps
    }
}

impl Cluster {
    fn new(name: String, protect: Protect) -> Result<Self> {
        let scalar = to_yaml(&name)?.trim_end().to_owned();
        let certificate = (protect == Protect::Sealed).then(|| format!("certs/{name}.pem"));
        Ok(Self { name, scalar, protect, certificate })
    }
}

fn check(clusters: &[(String, Protect)]) -> Result<(), Failure> {
    let mut problems = Vec::new();
    for (number, (name, _)) in clusters.iter().enumerate() {
        if let Err(invalid) = name.parse::<ResourceName>() {
            let invalid: InvalidName = invalid;
            problems
                .push(Diagnostic::error(Code::InvalidName, format!("`--clusters`: {invalid}")).hint(invalid.hint()));
        } else if clusters[..number].iter().any(|(other, _)| other == name) {
            let problem = Diagnostic::error(Code::SameName, "two clusters have one name");
            problems.push(problem.hint("give each its own: it is the name of its folder"));
        }
    }
    Failure::unless_clean("the clusters", &problems)
}
