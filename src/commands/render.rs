//! Writes manifests from credentials.

use anyhow::Result;

use super::deliver::{Delivery, Place};
use super::runs::{self, each, side_by_side};
use crate::environment::Environment;
use crate::files::new_paths::NewPaths;
use crate::files::{clusters, helm_values};
use crate::report::{self, Outcome};
use crate::settings::file::File;
use crate::settings::findings::Findings;
use crate::settings::fleet::{Fleet, Purpose};
use crate::templates::Templates;
use regcred_core::diagnostic::Failure;
use regcred_core::spec::Open;
use regcred_core::spec::choice::MessageFormat;
use regcred_core::spec::typed::Typed;

/// Reads, checks, builds and writes, in this order. Each step is complete for all clusters before the next step: no file is moved to its
/// place before all files are written.
pub fn run(typed: &Typed, file: Option<&File>, environment: &Environment) -> Result<Outcome> {
    let Fleet { members, secret_variables, warnings } =
        Fleet::resolve(typed, file, None, Purpose::Manifests, environment)?;
    runs::prepare_threads(&members, environment);
    if members.iter().any(|settings| settings.options.message_format.chosen() == Some(&MessageFormat::Json)) {
        report::be_json();
    }
    let templates = members.first().and_then(|first| first.templates(environment));
    let folders = clusters::Folders::of(&members, environment.directory());
    let runs = runs::all(members, warnings, &secret_variables, environment)?;
    let templates = Templates::load(templates.as_deref())?;
    let (secret_variables, new_paths) = (secret_variables.as_slice(), NewPaths::default());
    let place = Place { templates: &templates, secret_variables, environment, new_paths };
    let turn = folders.take_turn(&place.new_paths)?;
    let (prepared, failed) = side_by_side(runs, |runs| each(runs, |run| Delivery::prepare(run, &place)));
    failed?;
    place.new_paths.keep();
    let outcome = publish(prepared)?;
    drop(turn);
    Ok(if typed.has("--cluster") { outcome } else { outcome.and(warn_of_left_over(&folders)) })
}

/// Moves everything to its place, and reports the changes, also if another cluster has failed.
fn publish(prepared: Vec<Delivery>) -> Result<Outcome, Failure> {
    let (mut delivered, failed) = each(prepared, Delivery::publish);
    let mut findings = Findings::default();
    for delivery in &mut delivered {
        let warnings = delivery.take_warnings();
        findings.add(warnings, delivery.as_ref().cluster.as_ref());
    }
    report::warn(&findings.said());
    let outcome = delivered.iter().map(Delivery::say).fold(Outcome::Done, Outcome::and);
    failed?;
    each(delivered.iter_mut().collect(), Delivery::refuse).1?;
    delivered.iter().filter_map(|delivery| helm_values::note(delivery.as_ref())).for_each(|note| report::note(&note));
    Ok(outcome)
}

/// Warns about folders that belong to no cluster any more.
fn warn_of_left_over(folders: &clusters::Folders) -> Outcome {
    let left_over = folders.left_over();
    report::warn(&left_over);
    if folders.compares && !left_over.is_empty() { Outcome::Differs } else { Outcome::Done }
}
