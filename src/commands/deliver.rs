//! The last station: a product and its destination in; bytes on stdout, in files or in a tree, or what differs there, out.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use crate::credentials::Source;
use crate::environment::Environment;
use crate::names::VariableName;
use crate::output::git::{self, Guard};
use crate::output::loose::{self, Change, State};
use crate::output::product::Product;
use crate::output::stream::{self, Shown};
use crate::output::tree::{self, Difference, Known, Written};
use crate::output::{File, Protection, helm_values, lock};
use crate::problem::Failure;
use crate::report::{self, Outcome};
use crate::settings::choices::Shape;
use crate::settings::{Destination, PlaintextInGit, Settings};

/// Writes the product where the settings say, or compares it with what is there.
pub(super) fn deliver(
    product: &Product<'_>,
    settings: &Settings,
    known: Known,
    environment: &Environment,
) -> Result<Outcome, Failure> {
    let sources = variables(settings);
    let guard = Guard { environment, sources: &sources };
    let guarded = settings.plaintext_in_git == PlaintextInGit::Refuse && product.holds_a_secret()?;
    match (&settings.destination, product.tree()) {
        (Destination::Stdout, _) => {
            if guarded {
                guard.stdout()?;
            }
            print(product, settings.combination.shape)?;
            Ok(Outcome::Done)
        }
        (Destination::Write(root), Some(files)) => {
            let root = environment.directory().join(root);
            let ignore = if guarded { guard.tree(&root)? } else { None };
            let key = environment.setting(lock::KEY).map(SecretString::from);
            say_written(&tree::write(&root, files.chain(ignore.map(Ok)), key.as_ref())?);
            Ok(Outcome::Done)
        }
        (Destination::Check(root), Some(files)) => {
            let root = environment.directory().join(root);
            let ignore = if guarded { git::own_ignore(&root) } else { None };
            Ok(say_differences(&tree::check(&root, files.chain(ignore.map(Ok)), known)?))
        }
        (Destination::Write(path), None) => {
            let path = environment.directory().join(path);
            if guarded {
                guard.file(&path)?;
            }
            write_loose(product, &path)?;
            Ok(Outcome::Done)
        }
        (Destination::Check(path), None) => check_loose(product, &environment.directory().join(path), known),
    }
}

/// The variables that hold credentials.
fn variables(settings: &Settings) -> Vec<VariableName> {
    let sources = settings.pull_secrets.iter().flat_map(|pull_secret| &pull_secret.sources);
    sources.flat_map(Source::variables).map(|variable| variable.name).chain([VariableName::known(lock::KEY)]).collect()
}

fn print(product: &Product<'_>, shape: Shape) -> Result<(), Failure> {
    let shown = match product {
        Product::Stream(manifests, form) => stream::print(manifests, *form)?,
        Product::Values(settings, docker_configs, _) => {
            stream::print_shown(|shown| helm_values::write(settings, docker_configs, shown))?
        }
        Product::Value(value) => stream::print_secret(value)?,
        // The settings do not let a tree go to stdout.
        Product::Directory(_) | Product::Kustomization(_) | Product::Chart(_) => Shown::InFull,
    };
    if shown == Shown::Redacted {
        report::note(how_to_see(shape));
    }
    Ok(())
}

/// What to do with an output whose secrets were not shown on a terminal.
fn how_to_see(shape: Shape) -> &'static str {
    match shape {
        Shape::DockerConfig => {
            "the Docker config is not shown on a terminal; pipe it on, or write it with --output FILE"
        }
        Shape::HelmValues => {
            "values of secrets are not shown on a terminal; pipe the output on, for example to `helm upgrade --values -`, \
             or write it with --output FILE"
        }
        Shape::Yaml | Shape::Json | Shape::Directory | Shape::Kustomization | Shape::Chart => {
            "values of Secrets are not shown on a terminal; pipe the output on, for example to \
             `kubectl apply --server-side --field-manager=regcred -f -`"
        }
    }
}

/// The files of a product that is no tree: what writes each, and whether it is secret.
fn loose_files<'a>(product: &'a Product<'_>, path: &Path) -> Result<Vec<(PathBuf, Protection, Content<'a>)>, Failure> {
    Ok(match product {
        Product::Stream(manifests, form) => {
            let protection = if manifests.hold_a_secret() { Protection::Plaintext } else { Protection::Public };
            vec![(path.to_path_buf(), protection, Box::new(|mut into| stream::write(manifests, *form, &mut into)))]
        }
        Product::Values(settings, docker_configs, templates) => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let files = helm_values::files(settings, docker_configs, templates, &name)?;
            files.into_iter().map(|file| (path.with_file_name(&file.path), file.protection, bytes(file))).collect()
        }
        Product::Value(value) => vec![(path.to_path_buf(), Protection::Plaintext, line(value))],
        Product::Directory(_) | Product::Kustomization(_) | Product::Chart(_) => Vec::new(),
    })
}

type Content<'a> = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + 'a>;

fn bytes<'a>(file: File) -> Content<'a> {
    Box::new(move |into| into.write_all(&file.bytes))
}

#[expect(clippy::disallowed_methods, reason = "the value is what was asked for")]
fn line(value: &SecretString) -> Content<'_> {
    Box::new(|into| writeln!(into, "{}", value.expose_secret()))
}

fn write_loose(product: &Product<'_>, path: &Path) -> Result<(), Failure> {
    // All of them may be written before the first one is.
    for (path, _, content) in loose_files(product, path)? {
        loose::admit(&path, content)?;
    }
    let mut written = Written::default();
    for (path, protection, content) in loose_files(product, path)? {
        match loose::write(&path, protection, content)? {
            Change::Written => written.written += 1,
            Change::Unchanged => written.unchanged += 1,
        }
    }
    say_written(&written);
    Ok(())
}

fn check_loose(product: &Product<'_>, typed: &Path, known: Known) -> Result<Outcome, Failure> {
    let mut differences = Vec::new();
    for (path, _, content) in loose_files(product, typed)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if loose::state(&path)? == State::Absent {
            // What was typed is repeated only where it is known to be a path: it might be a password.
            differences.push(Difference::Missing(if path == typed {
                "the file of `--output`".to_owned()
            } else {
                name
            }));
        } else if known == Known::All && !loose::is_current(&path, content)? {
            differences.push(Difference::Outdated(name));
        }
    }
    Ok(say_differences(&differences))
}

fn say_written(written: &Written) {
    report::warn(&written.warnings);
    report::detail(&format!(
        "{} {} written, {} unchanged, {} removed",
        written.written,
        if written.written == 1 { "file" } else { "files" },
        written.unchanged,
        written.removed
    ));
}

fn say_differences(differences: &[Difference]) -> Outcome {
    for difference in differences {
        report::note(&match difference {
            Difference::Missing(path) => format!("missing: {path}"),
            Difference::Outdated(path) => format!("differs: {path}"),
            Difference::LeftOver(path) => format!("left over: {path}"),
        });
    }
    if differences.is_empty() { Outcome::Done } else { Outcome::Differs }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_kubectl_takes_is_piped_to_kubectl() {
        for &shape in Shape::ALL {
            let kubectl = matches!(shape, Shape::HelmValues | Shape::DockerConfig);
            assert_ne!(how_to_see(shape).contains("kubectl"), kubectl, "{shape}");
            assert!(how_to_see(shape).contains("not shown on a terminal"), "{shape}");
        }
    }
}
