//! The last station: a product and its destination in; bytes on stdout, in files or in a tree, or what differs there, out.

mod single;

use std::path::Path;

use crate::environment::Environment;
use crate::files::evidence::Known;
use crate::files::new_paths::NewPaths;
use crate::files::product::Product;
use crate::files::stream::{self, Shown};
use crate::files::target::Target;
use crate::files::tree::check::{self, Difference};
use crate::files::tree::{self, Written};
use crate::files::{git, helm_values};
use crate::report::{self, Outcome};
use crate::settings::choices::Format;
use crate::settings::{Destination, Settings};
use regcred_core::diagnostic::{Diagnostic, Failure};
use regcred_core::names::{ResourceName, VariableName};

/// What was done with a product, and what there is to say of it: said by the caller, as several may be delivered at once.
#[derive(Default)]
pub(super) struct Delivered {
    differs: bool,
    warnings: Vec<Diagnostic>,
    notes: Vec<String>,
    detail: Option<String>,
}

impl Delivered {
    fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// What is odd, to be said of all clusters together.
    pub(super) fn take_warnings(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.warnings)
    }

    /// Says the rest.
    pub(super) fn say(&self) -> Outcome {
        for note in &self.notes {
            report::note(note);
        }
        if let Some(detail) = &self.detail {
            report::detail(detail);
        }
        if self.differs { Outcome::Differs } else { Outcome::Done }
    }
}

/// A product that is delivered, or that is written but not yet in its place.
pub(super) enum Prepared<'a> {
    Delivered(Delivered),
    Tree { tree: tree::Prepared, product: &'a Product<'a>, target: Target<'a> },
}

impl Prepared<'_> {
    /// Puts it in its place.
    pub(super) fn publish(self, settings: &Settings) -> Result<Delivered, Failure> {
        match self {
            Self::Delivered(delivered) => Ok(delivered),
            Self::Tree { tree, product, target } => {
                let delivered = written(tree.publish()?, settings.cluster.as_ref());
                let covered = product.holds_a_secret() && git::is_covered(&target.path);
                Ok(if covered { delivered.note(COVERED) } else { delivered })
            }
        }
    }
}

/// Writes the product beside where the settings say, or compares it with what is there. Of several products each is prepared before the
/// first one is published; one that is no tree is the only one, and delivered.
pub(super) fn prepare<'a>(
    product: &'a Product<'a>,
    settings: &Settings,
    secret_variables: &'a [VariableName],
    known: Known,
    environment: &'a Environment,
    new_paths: &NewPaths,
) -> Result<Prepared<'a>, Failure> {
    let target = |path: &Path| Target::new(path, settings, secret_variables, environment);
    let delivered = match (&settings.destination, product.tree()) {
        (Destination::Stdout, _) => {
            if product.holds_a_secret() {
                git::check_stdout(&target(Path::new("")))?;
            }
            print(product, settings.combination.format)
        }
        (Destination::Write(root), Some(entries)) => {
            let target = target(root);
            let tree = tree::prepare(entries, &target, new_paths)?;
            return Ok(Prepared::Tree { tree, product, target });
        }
        (Destination::Check(root), Some(entries)) => {
            let found = check::tree(entries, &target(root), known)?;
            let mut delivered = Delivered { warnings: found.warnings, ..Delivered::default() };
            if found.unproven > 0 && known == Known::All {
                delivered = delivered.note(WITHOUT_A_KEY);
            }
            Ok(differences(&found.differences, settings.cluster.as_ref(), delivered))
        }
        (Destination::Write(path), None) => single::write(product, settings, &target(path)),
        (Destination::Check(path), None) => single::check(product, settings, &target(path), known),
    };
    delivered.map(Prepared::Delivered)
}

/// Why a folder of ours does not show up in Git.
const COVERED: &str = "the folder holds Secrets in clear, and its .gitignore keeps it out of Git: for files to commit there is --protect sealed, sops or external";

/// What a comparison without a key cannot tell.
const WITHOUT_A_KEY: &str = "`REGCRED_FINGERPRINT_KEY` is not set, so it was not compared whether encrypted files hold \
                             these logins: only their place, for whom they were written, and whether they are as the lock says";

fn print(product: &Product<'_>, format: Format) -> Result<Delivered, Failure> {
    let shown = match product {
        Product::Stream(documents, form) => stream::print(documents, *form)?,
        Product::Values(settings, docker_configs, ..) => {
            stream::print_shown(|shown| helm_values::write(settings, docker_configs, shown))?
        }
        Product::Value(value) => stream::print_secret(value)?,
        // The settings do not let a tree go to stdout.
        Product::ClusterFile(..) | Product::Directory(_) | Product::Kustomization(_) | Product::Chart(..) => {
            Shown::InFull
        }
    };
    Ok(match shown {
        Shown::Redacted => Delivered::default().note(how_to_see(format)),
        Shown::InFull => Delivered::default(),
    })
}

/// What to do with an output whose secrets were not shown on a terminal.
fn how_to_see(format: Format) -> &'static str {
    match format {
        Format::DockerConfig => {
            "the Docker config is not shown on a terminal; pipe it on, or write it with --output FILE"
        }
        Format::HelmValues => {
            "values of secrets are not shown on a terminal; pipe the output on, for example to `helm upgrade --values -`, \
             or write it with --output FILE"
        }
        Format::Yaml | Format::Json | Format::Directory | Format::Kustomization | Format::Chart => {
            "values of Secrets are not shown on a terminal; pipe the output on, for example to \
             `kubectl apply --server-side --field-manager=regcred-image-pull-secret -f -`"
        }
    }
}

fn written(written: Written, cluster: Option<&ResourceName>) -> Delivered {
    let detail = format!(
        "{}{} {} written, {} unchanged, {} removed",
        cluster.map_or(String::new(), |cluster| format!("{cluster}: ")),
        written.written,
        if written.written == 1 { "file" } else { "files" },
        written.unchanged,
        written.removed
    );
    Delivered { warnings: written.warnings, detail: Some(detail), ..Delivered::default() }
}

fn differences(differences: &[Difference], cluster: Option<&ResourceName>, mut delivered: Delivered) -> Delivered {
    let folder = cluster.map_or(String::new(), |cluster| format!("{cluster}/"));
    delivered.notes.extend(differences.iter().map(|Difference { path, state }| format!("{state}: {folder}{path}")));
    delivered.differs = !differences.is_empty();
    if delivered.differs {
        let files = if differences.len() == 1 { "file is" } else { "files are" };
        let cluster = cluster.map_or(String::new(), |cluster| format!("{cluster}: "));
        let said = format!("{cluster}{} {files} not current: run the same without --check", differences.len());
        delivered.notes.push(said);
    }
    delivered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_kubectl_takes_is_piped_to_kubectl() {
        for &format in Format::ALL {
            let kubectl = matches!(format, Format::HelmValues | Format::DockerConfig);
            assert_ne!(how_to_see(format).contains("kubectl"), kubectl, "{format}");
            assert!(how_to_see(format).contains("not shown on a terminal"), "{format}");
        }
    }
}
