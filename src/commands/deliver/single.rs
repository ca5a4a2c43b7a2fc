//! A product that is no tree: one file, or a few that belong together, in; each whole or as it was, or how it differs, out.

use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

use secrecy::{ExposeSecret, SecretString};

use super::{Delivered, differences, written};
use crate::files::evidence::Known;
use crate::files::evidence::carried::{Carried, Extent};
use crate::files::evidence::fingerprint::KEY_VARIABLE;
use crate::files::evidence::warnings::{ANEW, edited_by_hand};
use crate::files::product::Product;
use crate::files::single::{self, State};
use crate::files::stream;
use crate::files::target::Target;
use crate::files::tree::Written;
use crate::files::tree::check::{self, Difference};
use crate::files::{File, Protection, helm_values};
use crate::settings::Settings;
use regcred_core::diagnostic::Failure;

/// Writes the files: all of them, or none.
pub(super) fn write(product: &Product<'_>, settings: &Settings, target: &Target<'_>) -> Result<Delivered, Failure> {
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
            done.warnings.extend(carried.is_edited().then(|| edited_by_hand(name, ANEW)));
            done.warnings.extend(carried.warnings());
        }
    }
    let mut delivered = written(done, None);
    if encrypted_anew {
        delivered.notes.extend(without_key(target, "so the file is encrypted anew, also when nothing has changed"));
    }
    Ok(delivered)
}

/// Compares them with what is there.
pub(super) fn check(
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
        let mut state = single::check(&content, &target, known)?;
        if state == State::Same && carried.as_ref().is_some_and(|carried| !carried.is_current()) {
            state = State::Different;
        }
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
        Product::ClusterFile(..) | Product::Directory(_) | Product::Kustomization(_) | Product::Chart(..) => Vec::new(),
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
