//! The last station: a product and its destination in; bytes on stdout, in files or in a tree, or what differs there, out.

use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

use secrecy::{ExposeSecret, SecretString};

use crate::environment::Environment;
use crate::names::{ResourceName, VariableName};
use crate::output::carried::{Carried, Extent};
use crate::output::check::{self, Difference, Known};
use crate::output::fingerprint::KEY_VARIABLE;
use crate::output::product::Product;
use crate::output::root::NewPaths;
use crate::output::single::{self, State};
use crate::output::stream::{self, Shown};
use crate::output::target::Target;
use crate::output::tree::{self, Written};
use crate::output::{File, Protection, git, helm_values};
use crate::problem::{Failure, Problem};
use crate::report::{self, Outcome};
use crate::settings::choices::Shape;
use crate::settings::{Destination, Settings};

/// What was done with a product, and what there is to say of it: said by the caller, as several may be delivered at once.
#[derive(Default)]
pub(super) struct Delivered {
    differs: bool,
    warnings: Vec<Problem>,
    notes: Vec<String>,
    detail: Option<String>,
}

impl Delivered {
    fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Says it.
    pub(super) fn say(&self) -> Outcome {
        report::warn(&self.warnings);
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
                git::admit_stdout(&target(Path::new("")))?;
            }
            print(product, settings.combination.shape)
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
        (Destination::Write(path), None) => write_single(product, settings, &target(path)),
        (Destination::Check(path), None) => check_single(product, settings, &target(path), known),
    };
    delivered.map(Prepared::Delivered)
}

/// Why a folder of ours does not show up in Git.
const COVERED: &str = "the folder holds Secrets in clear, and its .gitignore keeps it out of Git: for files to commit there is --protect sealed, sops or external";

/// What a comparison without a key cannot tell.
const WITHOUT_A_KEY: &str = "`REGCRED_FINGERPRINT_KEY` is not set, so it was not compared whether encrypted files hold \
                             these logins: only their place, for whom they are, and whether they are as they were written";

fn print(product: &Product<'_>, shape: Shape) -> Result<Delivered, Failure> {
    let shown = match product {
        Product::Stream(documents, form) => stream::print(documents, *form)?,
        Product::Values(settings, docker_configs, ..) => {
            stream::print_shown(|shown| helm_values::write(settings, docker_configs, shown))?
        }
        Product::Value(value) => stream::print_secret(value)?,
        // The settings do not let a tree go to stdout.
        Product::Directory(_) | Product::Kustomization(_) | Product::Chart(..) => Shown::InFull,
    };
    Ok(match shown {
        Shown::Redacted => Delivered::default().note(how_to_see(shape)),
        Shown::InFull => Delivered::default(),
    })
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
fn single_files<'a>(
    product: &'a Product<'_>,
    settings: &Settings,
    target: &Target<'a>,
    known: Known,
) -> Result<Vec<Single<'a>>, Failure> {
    let single = |target, protection, content| Single { target, protection, content, carried: None };
    Ok(match product {
        Product::Stream(documents, _) if documents.protection() == Protection::Encrypted => {
            let carried = Rc::new(Carried::read(target, settings, known, Extent::Document)?);
            let of_content = Rc::clone(&carried);
            let content: Content<'_> = Box::new(move |mut into| stream::write_file(documents, &of_content, &mut into));
            vec![Single { carried: Some(carried), ..single(target.clone(), Protection::Encrypted, content) }]
        }
        Product::Stream(documents, form) => {
            let content: Content<'_> = Box::new(|mut into| stream::write(documents, *form, &mut into));
            vec![single(target.clone(), documents.protection(), content)]
        }
        Product::Values(settings, docker_configs, templates, protector) => {
            let files = helm_values::files(settings, docker_configs, templates, protector, target, known)?;
            let single = |(file, carried): (File, Option<Carried>)| Single {
                carried: carried.map(Rc::new),
                ..single(target.beside(&file.path), file.protection, bytes(file))
            };
            files.into_iter().map(single).collect()
        }
        Product::Value(value) => vec![single(target.clone(), Protection::Plaintext, line(value))],
        Product::Directory(_) | Product::Kustomization(_) | Product::Chart(..) => Vec::new(),
    })
}

type Content<'a> = Box<dyn Fn(&mut dyn Write) -> io::Result<()> + 'a>;

struct Single<'a> {
    target: Target<'a>,
    protection: Protection,
    content: Content<'a>,
    /// What the file that is there tells of what is encrypted in it.
    carried: Option<Rc<Carried>>,
}

fn bytes<'a>(file: File) -> Content<'a> {
    Box::new(move |into| into.write_all(&file.bytes))
}

#[expect(clippy::disallowed_methods, reason = "the value is what was asked for")]
fn line(value: &SecretString) -> Content<'_> {
    Box::new(|into| writeln!(into, "{}", value.expose_secret()))
}

fn write_single(product: &Product<'_>, settings: &Settings, target: &Target<'_>) -> Result<Delivered, Failure> {
    let files = single_files(product, settings, target, Known::All)?;
    // All of them may be written before the first one is.
    for Single { target, content, .. } in &files {
        single::admit(content, target)?;
    }
    // Each is complete beside its place before the first one is replaced.
    let prepare =
        |Single { target, protection, content, .. }: &Single<'_>| single::prepare(content, *protection, target);
    let prepared = files.iter().map(prepare).collect::<Result<Vec<_>, _>>()?;
    let mut done = Written::default();
    let was_there: Vec<_> = files.iter().map(|file| file.target.path.exists()).collect();
    let mut encrypted_anew = false;
    for ((file, prepared), was_there) in files.iter().zip(prepared).zip(was_there) {
        match prepared.publish()? {
            State::Missing | State::Different => {
                done.written += 1;
                encrypted_anew |= was_there && file.protection == Protection::Encrypted;
            }
            State::Same => done.unchanged += 1,
        }
        if let Some(carried) = &file.carried {
            let name = role(&file.target.path, &target.path);
            done.warnings.extend(carried.is_edited().then(|| tree::edited_by_hand(name, tree::ANEW)));
            done.warnings.extend(carried.warnings());
        }
    }
    let mut delivered = written(done, None);
    if encrypted_anew {
        delivered.notes.extend(without_key(target, "so the file is encrypted anew, also when nothing has changed"));
    }
    Ok(delivered)
}

fn check_single(
    product: &Product<'_>,
    settings: &Settings,
    named: &Target<'_>,
    known: Known,
) -> Result<Delivered, Failure> {
    let mut found = Vec::new();
    let mut delivered = Delivered::default();
    let mut encrypted = false;
    for Single { target, protection, content, carried } in single_files(product, settings, named, known)? {
        encrypted |= protection == Protection::Encrypted;
        let state = single::check(&content, &target, known)?;
        delivered.warnings.extend(carried.iter().flat_map(|carried| carried.warnings()));
        let state = match state {
            State::Missing => check::State::Missing,
            State::Different if known == Known::NotTheLogins && product.chooses_by_registries() => continue,
            State::Different => check::State::Different,
            State::Same => continue,
        };
        found.push(Difference { path: role(&target.path, &named.path).to_owned(), state });
    }
    if encrypted && known == Known::All {
        delivered.notes.extend(without_key(
            named,
            "so it was not compared whether the encrypted file holds these logins: only for whom it is, what stands in it in \
             clear, and whether it is as it was written",
        ));
    }
    Ok(differences(&found, None, delivered))
}

/// What cannot be told of an encrypted file without the key of fingerprints.
fn without_key(target: &Target<'_>, consequence: &str) -> Option<String> {
    (!target.environment.is_set(KEY_VARIABLE)).then(|| format!("`{KEY_VARIABLE}` is not set, {consequence}"))
}

/// What a file is to the one of `--output`: what was typed is not repeated.
fn role(path: &Path, named: &Path) -> &'static str {
    if path == named {
        "the file of `--output`"
    } else if path.to_string_lossy().ends_with(".guard.yaml") {
        "the policies beside the file of `--output`"
    } else {
        "the Secret beside the file of `--output`"
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
        let said = format!("{folder}{} {files} not current: run the same without --check", differences.len());
        delivered.notes.push(said);
    }
    delivered
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
