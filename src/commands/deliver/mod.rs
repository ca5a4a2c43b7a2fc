//! Prints a product, or plans and writes its files.

use std::path::Path;

use crate::environment::Environment;
use crate::files::cluster_run::ClusterRun;
use crate::files::folder::root::{self, Kind};
use crate::files::folder::{self, Mode, Prepared};
use crate::files::marks::Known;
use crate::files::marks::key::KEY_VARIABLE;
use crate::files::new_paths::NewPaths;
use crate::files::product::Product;
use crate::files::stream::{self, Shown};
use crate::files::{git, helm_values};
use crate::protect::approval;
use crate::report::{self, Outcome};
use crate::settings::choices::Format;
use crate::settings::target::Target;
use crate::settings::{Destination, Settings};
use crate::templates::Templates;
use regcred_core::diagnostic::{Diagnostic, Failure};
use regcred_core::names::VariableName;
use regcred_core::plan::{Action, Change, Reason};

/// The values that all clusters of a run share.
pub(super) struct Place<'a> {
    pub templates: &'a Templates,
    pub secret_variables: &'a [VariableName],
    pub environment: &'a Environment,
    /// Files and folders that are removed unless the run succeeds.
    pub new_paths: NewPaths,
}

/// The plan for a cluster, with its temporaries.
pub(super) struct Delivery {
    settings: Settings,
    prepared: Prepared,
    mode: Option<Mode>,
    is_covered: bool,
    how_to_update: &'static str,
}

impl AsRef<Settings> for Delivery {
    fn as_ref(&self) -> &Settings {
        &self.settings
    }
}

impl Place<'_> {
    fn target<'a>(&'a self, path: &Path, settings: &'a Settings) -> Target<'a> {
        Target::new(path, settings, self.secret_variables, self.environment)
    }
}

impl Delivery {
    /// Prints the only product of a run, writes a product beside its place, or compares it with the existing files. Every product is
    /// prepared before the first one is published.
    pub(super) fn prepare(run: ClusterRun, place: &Place<'_>) -> Result<Self, Failure> {
        let how_to_update = place.environment.ci().how_to_update();
        let product = Product::build(&run, place.templates)?;
        let is_stdout = matches!(run.settings.destination, Destination::Stdout);
        let is_a_file = !is_stdout || git::redirected_stdout().is_some();
        if (is_a_file && product.holds_a_secret()) || (!is_stdout && product.has_a_secret_beside()) {
            approval::check_in_clear(&run.settings, place.environment)?;
        }
        let (path, mode) = match &run.settings.destination {
            Destination::Stdout => {
                if product.holds_a_secret() {
                    git::check_stdout(&place.target(Path::new(""), &run.settings))?;
                }
                let mut prepared = Prepared::default();
                prepared.notes = print(&product, run.settings.combination.format)?;
                drop(product);
                return Ok(Self { settings: run.settings, prepared, mode: None, is_covered: false, how_to_update });
            }
            Destination::Write(path) => (path, Mode::Write),
            Destination::Check(path) => (path, Mode::Check(run.known)),
        };
        let target = place.target(path, &run.settings);
        let kind = product.kind(&target.path);
        if kind != Kind::Tree && mode == Mode::Write && product.holds_a_secret() {
            root::check_file(&target.path)?;
            git::check_file(&target.path, kind.name(), vec![target.path.clone()], &target)?;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let prepared = folder::prepare(product.files(&name)?, kind, &target, mode, &place.new_paths)?;
        let is_covered =
            mode == Mode::Write && product.is_a_tree() && product.holds_a_secret() && git::is_covered(&target.path);
        Ok(Self { settings: run.settings, prepared, mode: Some(mode), is_covered, how_to_update })
    }

    /// Moves everything to its place.
    pub(super) fn publish(mut self) -> Result<Self, Failure> {
        self.prepared.publish()?;
        Ok(self)
    }

    /// A comparison fails where a run would.
    pub(super) fn refuse(&mut self) -> Result<(), Failure> {
        self.prepared.refusal.take().map_or(Ok(()), Err)
    }

    /// The warnings, which are printed for all clusters together.
    pub(super) fn take_warnings(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.prepared.warnings)
    }

    /// Prints the other messages.
    pub(super) fn say(&self) -> Outcome {
        let Prepared { changes, unchanged, unproven, notes, .. } = &self.prepared;
        for note in notes {
            report::note(note);
        }
        match self.mode {
            None => Outcome::Done,
            Some(Mode::Write) => {
                for change in changes {
                    report::detail(&format!("{}: {}", change.action, self.place(change)));
                }
                let count =
                    |counted: &[Action]| changes.iter().filter(|change| counted.contains(&change.action)).count();
                let (written, removed) = (count(&[Action::Create, Action::Update]), count(&[Action::Delete]));
                let files = if written == 1 { "file" } else { "files" };
                let cluster = self.cluster();
                report::summary(&format!(
                    "{cluster}{written} {files} written, {unchanged} unchanged, {removed} removed"
                ));
                if self.is_covered {
                    report::note(COVERED);
                }
                Outcome::Done
            }
            Some(Mode::Check(known)) => {
                if *unproven > 0 && known == Known::All {
                    report::note(&format!("`{KEY_VARIABLE}` {WITHOUT_A_KEY}"));
                }
                self.say_differences()
            }
        }
    }

    fn say_differences(&self) -> Outcome {
        let changes = &self.prepared.changes;
        for change in changes.iter().filter(|change| change.reason != Reason::Unproven || report::is_json()) {
            let place = self.place(change);
            report::change(&Change { path: place, ..change.clone() });
        }
        let count = changes.iter().filter(|change| change.differs()).count();
        if count == 0 {
            return Outcome::Done;
        }
        let files = if count == 1 { "file is" } else { "files are" };
        let cluster = self.cluster();
        if !report::is_json() && !changes.iter().any(|change| change.action == Action::Refuse) {
            report::note(&format!("{cluster}{count} {files} not current: {}", self.how_to_update));
        }
        Outcome::Differs
    }

    fn cluster(&self) -> String {
        self.settings.cluster.as_ref().map_or(String::new(), |cluster| format!("{cluster}: "))
    }

    fn place(&self, change: &Change) -> String {
        let folder = self.settings.cluster.as_ref().map_or(String::new(), |cluster| format!("{cluster}/"));
        format!("{folder}{}", change.path)
    }
}

/// Why a folder of ours does not show up in Git.
const COVERED: &str = "the folder holds Secrets in clear, so its .gitignore keeps it out of Git; for files to commit, use --protect sealed, sops or external";

/// The note about what a comparison without a key cannot find.
const WITHOUT_A_KEY: &str = "is not set, so the logins in encrypted files were not compared, only the place, the recipient and the hash of each \
     file; a run re-encrypts them";

/// Prints the product, and returns the messages about it.
fn print(product: &Product<'_>, format: Format) -> Result<Vec<String>, Failure> {
    let shown = match product {
        Product::Stream(documents, form) => stream::print(documents, *form)?,
        Product::Values(run, _) => stream::print_shown(|shown| helm_values::write(run, shown))?,
        Product::Value(value) => stream::print_secret(value)?,
        // The settings do not allow a tree on stdout.
        Product::ClusterFile(..) | Product::Directory(_) | Product::Kustomization(_) | Product::Chart(..) => {
            Shown::InFull
        }
    };
    Ok(match shown {
        Shown::Redacted => vec![how_to_see(format).to_owned()],
        Shown::InFull => Vec::new(),
    })
}

/// The hint for an output whose secrets a terminal did not show.
fn how_to_see(format: Format) -> &'static str {
    match format {
        Format::DockerConfig => {
            "the Docker config is not shown on a terminal; pipe it on, or write it with --output FILE"
        }
        Format::HelmValues => {
            "values of secrets are not shown on a terminal; pipe the output on, for example to `helm upgrade --values -`, \
             or write it with --output FILE"
        }
        _ => {
            "values of Secrets are not shown on a terminal; pipe the output on, for example to \
             `kubectl apply --server-side --field-manager=regcred-image-pull-secret -f -`"
        }
    }
}

#[cfg(test)]
mod tests {
    use regcred_core::spec::choice::Choice;

    use super::*;

    #[test]
    fn only_what_kubectl_takes_is_piped_to_kubectl() {
        for &format in Format::ALL {
            let kubectl = format.is_one_file();
            assert_ne!(how_to_see(format).contains("kubectl"), kubectl, "{format}");
            assert!(how_to_see(format).contains("not shown on a terminal"), "{format}");
        }
    }
}
