//! The last station: a product and its destination in; bytes on stdout, in files or in a tree, or what differs there, out.

use std::io::{self, Write};
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use crate::environment::Environment;
use crate::names::{ResourceName, VariableName};
use crate::output::check::{self, Difference, Known};
use crate::output::fingerprint::KEY_VARIABLE;
use crate::output::product::Product;
use crate::output::single::{self, State};
use crate::output::stream::{self, Shown};
use crate::output::target::Target;
use crate::output::tree::{self, Written};
use crate::output::{File, Protection, git, helm_values};
use crate::problem::Failure;
use crate::report::{self, Outcome};
use crate::settings::choices::Shape;
use crate::settings::{Destination, Settings};

/// Writes the product where the settings say, or compares it with what is there.
pub(super) fn deliver(
    product: &Product<'_>,
    settings: &Settings,
    secret_variables: &[VariableName],
    known: Known,
    environment: &Environment,
) -> Result<Outcome, Failure> {
    let target = |path: &Path| Target::new(path, settings, secret_variables, environment);
    let cluster = settings.cluster.as_ref();
    match (&settings.destination, product.tree()) {
        (Destination::Stdout, _) => {
            if product.holds_a_secret() {
                git::admit_stdout(&target(Path::new("")))?;
            }
            print(product, settings.combination.shape)?;
            Ok(Outcome::Done)
        }
        (Destination::Write(root), Some(entries)) => {
            let target = target(root);
            say_written(&tree::write(entries, &target)?, cluster);
            if product.holds_a_secret() && git::is_covered(&target.path) {
                report::note(COVERED);
            }
            Ok(Outcome::Done)
        }
        (Destination::Check(root), Some(entries)) => {
            let found = check::tree(entries, &target(root), known)?;
            if found.unproven > 0 && known == Known::All {
                report::note(WITHOUT_A_KEY);
            }
            Ok(say_differences(&found.differences, cluster))
        }
        (Destination::Write(path), None) => {
            write_single(product, &target(path))?;
            Ok(Outcome::Done)
        }
        (Destination::Check(path), None) => check_single(product, &target(path), known),
    }
}

/// Why a folder of ours does not show up in Git.
const COVERED: &str = "the folder holds Secrets in clear, and its .gitignore keeps it out of Git: for files to commit there is --protect sealed, sops or external";

/// What a comparison without a key cannot tell.
const WITHOUT_A_KEY: &str = "`REGCRED_FINGERPRINT_KEY` is not set, so it was not compared whether encrypted files hold \
                             these logins: only their place, for whom they are, and whether they are as they were written";

fn print(product: &Product<'_>, shape: Shape) -> Result<(), Failure> {
    let shown = match product {
        Product::Stream(documents, form) => stream::print(documents, *form)?,
        Product::Values(settings, docker_configs, ..) => {
            stream::print_shown(|shown| helm_values::write(settings, docker_configs, shown))?
        }
        Product::Value(value) => stream::print_secret(value)?,
        // The settings do not let a tree go to stdout.
        Product::Directory(_) | Product::Kustomization(_) | Product::Chart(..) => Shown::InFull,
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
fn single_files<'a>(product: &'a Product<'_>, target: &Target<'a>, known: Known) -> Result<Vec<Single<'a>>, Failure> {
    let single = |target, protection, content| Single { target, protection, content };
    Ok(match product {
        Product::Stream(documents, form) => {
            let content: Content<'_> = Box::new(|mut into| stream::write(documents, *form, &mut into));
            vec![single(target.clone(), documents.protection(), content)]
        }
        Product::Values(settings, docker_configs, templates, protector) => {
            let files = helm_values::files(settings, docker_configs, templates, protector, target, known)?;
            files.into_iter().map(|file| single(target.beside(&file.path), file.protection, bytes(file))).collect()
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
}

fn bytes<'a>(file: File) -> Content<'a> {
    Box::new(move |into| into.write_all(&file.bytes))
}

#[expect(clippy::disallowed_methods, reason = "the value is what was asked for")]
fn line(value: &SecretString) -> Content<'_> {
    Box::new(|into| writeln!(into, "{}", value.expose_secret()))
}

fn write_single(product: &Product<'_>, target: &Target<'_>) -> Result<(), Failure> {
    let files = single_files(product, target, Known::All)?;
    // All of them may be written before the first one is.
    for Single { target, content, .. } in &files {
        single::admit(content, target)?;
    }
    // Each is complete beside its place before the first one is replaced.
    let prepare = |Single { target, protection, content }: &Single<'_>| single::prepare(content, *protection, target);
    let prepared = files.iter().map(prepare).collect::<Result<Vec<_>, _>>()?;
    let mut written = Written::default();
    let was_there: Vec<_> = files.iter().map(|file| file.target.path.exists()).collect();
    let mut encrypted_anew = false;
    for ((file, prepared), was_there) in files.iter().zip(prepared).zip(was_there) {
        match prepared.publish()? {
            State::Missing | State::Different => {
                written.written += 1;
                encrypted_anew |= was_there && file.protection == Protection::Encrypted;
            }
            State::Same => written.unchanged += 1,
        }
    }
    if encrypted_anew {
        say_without_key(target, "so the file is encrypted anew, also when nothing has changed");
    }
    say_written(&written, None);
    Ok(())
}

fn check_single(product: &Product<'_>, named: &Target<'_>, known: Known) -> Result<Outcome, Failure> {
    let mut differences = Vec::new();
    let mut encrypted = false;
    for Single { target, protection, content } in single_files(product, named, known)? {
        encrypted |= protection == Protection::Encrypted;
        let state = match single::check(&content, &target, known)? {
            State::Missing => check::State::Missing,
            State::Different if known == Known::NotTheLogins && product.chooses_by_registries() => continue,
            State::Different => check::State::Different,
            State::Same => continue,
        };
        differences.push(Difference { path: role(&target.path, &named.path).to_owned(), state });
    }
    if encrypted && known == Known::All {
        say_without_key(
            named,
            "so it was not compared whether the encrypted file holds these logins: only for whom it is, what stands in it in \
             clear, and whether it is as it was written",
        );
    }
    Ok(say_differences(&differences, None))
}

/// What cannot be told of an encrypted file without the key of fingerprints.
fn say_without_key(target: &Target<'_>, consequence: &str) {
    if !target.environment.is_set(KEY_VARIABLE) {
        report::note(&format!("`{KEY_VARIABLE}` is not set, {consequence}"));
    }
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

fn say_written(written: &Written, cluster: Option<&ResourceName>) {
    report::warn(&written.warnings);
    report::detail(&format!(
        "{}{} {} written, {} unchanged, {} removed",
        cluster.map_or(String::new(), |cluster| format!("{cluster}: ")),
        written.written,
        if written.written == 1 { "file" } else { "files" },
        written.unchanged,
        written.removed
    ));
}

fn say_differences(differences: &[Difference], cluster: Option<&ResourceName>) -> Outcome {
    let folder = cluster.map_or(String::new(), |cluster| format!("{cluster}/"));
    for Difference { path, state } in differences {
        report::note(&format!("{state}: {folder}{path}"));
    }
    match differences.len() {
        0 => Outcome::Done,
        one_or_more => {
            let files = if one_or_more == 1 { "file is" } else { "files are" };
            report::note(&format!("{folder}{one_or_more} {files} not current: run the same without --check"));
            Outcome::Differs
        }
    }
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
