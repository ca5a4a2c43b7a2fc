//! Writes manifests from credentials.

use anyhow::Result;

use super::deliver::{self, Delivery};
use super::logins;
use super::members::{self, apart, each, side_by_side};
use crate::environment::Environment;
use crate::files::marks::Known;
use crate::files::new_paths::NewPaths;
use crate::files::product::Product;
use crate::files::{clusters, helm_values};
use crate::protect::Protector;
use crate::report::{self, Outcome};
use crate::settings::file::File;
use crate::settings::findings::Findings;
use crate::settings::fleet::Fleet;
use crate::settings::{Destination, Settings};
use crate::templates::Templates;
use regcred_core::diagnostic::Failure;
use regcred_core::docker_config::Logins;
use regcred_core::spec::choice::MessageFormat;
use regcred_core::spec::typed::Typed;

/// Reads, checks, builds and writes, in this order, each for every cluster before the next: nothing is in its place before all is written.
pub fn run(typed: &Typed, file: Option<&File>, environment: &Environment) -> Result<Outcome> {
    let fleet = Fleet::resolve(typed, file, environment)?;
    if fleet.members.iter().any(|settings| settings.message_format == MessageFormat::Json) {
        report::be_json();
    }
    let (logins, protectors) = (logins::docker_configs(&fleet, environment), protectors(&fleet, environment));
    let (logins, protectors) = both(logins, protectors)?;
    let (docker_configs, known): (Vec<_>, Vec<_>) = logins.into_iter().unzip();
    let templates = Templates::load(fleet.members.first().and_then(|first| first.templates.as_deref()))?;
    let products = build(&fleet, &docker_configs, protectors, &templates)?;
    let new_paths = NewPaths::default();
    let turn = clusters::take_turn(&fleet, environment.directory(), &new_paths)?;
    let prepared = prepare(&products, &known, &fleet, environment, &new_paths)?;
    let outcome = publish(prepared, &fleet)?;
    drop(turn);
    Ok(if typed.has("--cluster") { outcome } else { outcome.and(look_around(&fleet, environment)) })
}

/// What each cluster gets.
fn build<'a>(
    fleet: &'a Fleet,
    docker_configs: &'a [Vec<Logins>],
    protectors: Vec<Protector>,
    templates: &'a Templates,
) -> Result<Vec<Product<'a>>, Failure> {
    let members = fleet.members.iter().zip(docker_configs).zip(protectors).collect();
    let products = each(members, |((settings, docker_configs), protector)| {
        Product::build(settings, docker_configs, templates, protector)
    });
    products.into_iter().collect()
}

/// Writes everything beside its place, or compares it with what is there. Where one cluster fails, what was written for others goes.
fn prepare<'a>(
    products: &'a [Product<'a>],
    known: &[Known],
    fleet: &'a Fleet,
    environment: &'a Environment,
    new_paths: &NewPaths,
) -> Result<Vec<Delivery>, Failure> {
    if fleet.members.iter().any(|settings| matches!(settings.destination, Destination::Write(_))) {
        clusters::allow_open_files(fleet.members.len())?;
    }
    let prepared = side_by_side(fleet, || {
        each(products.iter().zip(known).zip(&fleet.members).collect(), |((product, known), settings)| {
            deliver::prepare(product, settings, &fleet.secret_variables, *known, environment, new_paths)
        })
    });
    let (prepared, failed) = apart(prepared, &fleet.members);
    failed?;
    new_paths.keep();
    Ok(prepared)
}

/// Puts everything in its place, and says what was done, also where another cluster has failed.
fn publish(prepared: Vec<Delivery>, fleet: &Fleet) -> Result<Outcome, Failure> {
    let delivered = each(prepared.into_iter().zip(&fleet.members).collect(), |(prepared, settings)| {
        prepared.publish().map(|delivered| (delivered, settings))
    });
    let (mut delivered, failed) = apart(delivered, &fleet.members);
    let mut findings = Findings::default();
    for (delivered, settings) in &mut delivered {
        findings.add(delivered.take_warnings(), settings.cluster.as_ref());
    }
    report::warn(&findings.said());
    let outcome = delivered.iter().map(|(delivered, _)| delivered.say()).fold(Outcome::Done, Outcome::and);
    failed?;
    for settings in &fleet.members {
        if let Some(note) = helm_values::note(settings) {
            report::note(&note);
        }
    }
    Ok(outcome)
}

/// Warns of folders beside those of the clusters that are no cluster's any more.
fn look_around(fleet: &Fleet, environment: &Environment) -> Outcome {
    let left_over = clusters::left_over(fleet, environment.directory());
    report::warn(&left_over);
    let compares = fleet.members.iter().any(|settings| matches!(settings.destination, Destination::Check(_)));
    if compares && !left_over.is_empty() { Outcome::Differs } else { Outcome::Done }
}

/// What protects the documents of each cluster.
fn protectors(fleet: &Fleet, environment: &Environment) -> Result<Vec<Protector>, Failure> {
    let mut findings = Findings::default();
    let mut protectors = Vec::new();
    let prepared = each(fleet.members.iter().collect(), |settings: &Settings| {
        Protector::prepare(settings, &fleet.secret_variables, environment)
    });
    for (settings, prepared) in fleet.members.iter().zip(prepared) {
        let problems = match prepared {
            Ok(protector) => {
                let warnings = protector.warnings().to_vec();
                protectors.push(protector);
                warnings
            }
            Err(Failure::Input { problems, .. }) => problems,
            Err(failure) => return Err(failure),
        };
        findings.add(problems, settings.cluster.as_ref());
    }
    let problems = findings.said();
    Failure::unless_clean("the protection", &problems)?;
    report::warn(&problems);
    report::warn(&members::of_one_key(&fleet.members, &protectors));
    Ok(protectors)
}

/// What is wrong with the logins and with their protection is said together.
fn both<A, B>(one: Result<A, Failure>, other: Result<B, Failure>) -> Result<(A, B), Failure> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(Failure::Input { mut problems, .. }), Err(Failure::Input { problems: more, .. })) => {
            problems.extend(more);
            Err(Failure::Input { title: "the input", problems })
        }
        (Err(failure), _) | (_, Err(failure)) => Err(failure),
    }
}
