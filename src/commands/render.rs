//! `regcred render`: credentials in, manifests out.

use anyhow::Result;
use rayon::prelude::*;

use super::deliver::{self, Delivered};
use super::logins::{self, Checked};
use crate::cli::RenderArguments;
use crate::credentials::Source;
use crate::docker_config::DockerConfig;
use crate::environment::Environment;
use crate::output::check::Known;
use crate::output::product::Product;
use crate::output::root::NewPaths;
use crate::output::{chart, clusters, helm_values};
use crate::problem::{Failure, Problem};
use crate::protect::Protector;
use crate::report::{self, Outcome};
use crate::settings::choices::{Protect, Shape};
use crate::settings::file::File;
use crate::settings::findings::Findings;
use crate::settings::fleet::Fleet;
use crate::settings::{Destination, Settings};
use crate::templates::Templates;

/// Reads, checks, builds and writes, in this order, each for every cluster before the next: nothing is in its place before all is written.
pub fn run(arguments: &RenderArguments, file: Option<File>, environment: &Environment) -> Result<Outcome> {
    let fleet = Fleet::resolve(arguments, file, environment)?;
    let (logins, protectors) = (docker_configs(&fleet.members, environment), protectors(&fleet, environment));
    let ((docker_configs, known), protectors) = both(logins, protectors)?;
    let [first, ..] = fleet.members.as_slice() else { return Ok(Outcome::Done) };
    let templates = Templates::load(first.templates.as_deref())?;
    let prepared = fleet.members.iter().zip(&docker_configs).zip(protectors).collect();
    let products = each(prepared, |((settings, docker_configs), protector)| {
        Product::build(settings, docker_configs, &templates, protector)
    });
    let products = products.into_iter().collect::<Result<Vec<_>, _>>()?;
    // Before the first file of any cluster is encrypted.
    let (_, failed) = apart(products.iter().map(Product::admit).collect(), &fleet.members);
    failed?;
    if matches!(first.destination, Destination::Write(_)) {
        clusters::allow_open_files(fleet.members.len())?;
    }
    let new_paths = NewPaths::default();
    let prepared = side_by_side(&fleet, || {
        each(products.iter().zip(&fleet.members).collect(), |(product, settings)| {
            deliver::prepare(product, settings, &fleet.secret_variables, known, environment, &new_paths)
        })
    });
    let (prepared, failed) = apart(prepared, &fleet.members);
    // What was prepared for others goes.
    failed?;
    new_paths.keep();
    let delivered =
        each(prepared.into_iter().zip(&fleet.members).collect(), |(prepared, settings)| prepared.publish(settings));
    let (delivered, failed) = apart(delivered, &fleet.members);
    let mut outcome = delivered.iter().map(Delivered::say).fold(Outcome::Done, Outcome::and);
    failed?;
    if arguments.cluster.is_empty() {
        let left_over = clusters::left_over(&fleet, environment.directory());
        report::warn(&left_over);
        if !left_over.is_empty() && matches!(first.destination, Destination::Check(_)) {
            outcome = outcome.and(Outcome::Differs);
        }
    }
    for settings in &fleet.members {
        [chart::note(settings), helm_values::note(settings)].iter().flatten().for_each(|note| report::note(note));
    }
    Ok(outcome)
}

/// Does the same for each cluster, on all cores if there are several; the answers are in order.
fn each<A: Send, B: Send>(members: Vec<A>, work: impl Fn(A) -> B + Send + Sync) -> Vec<B> {
    if members.len() > 1 {
        members.into_par_iter().map(work).collect()
    } else {
        members.into_iter().map(work).collect()
    }
}

/// How many programs that wait for a key service run at once, at least: they need no core meanwhile.
const PROGRAMS: usize = 8;

/// Does it with more threads than there are cores where others' programs do the work.
fn side_by_side<T: Send>(fleet: &Fleet, work: impl FnOnce() -> T + Send) -> T {
    if fleet.members.iter().all(|settings| settings.combination.protect != Protect::Sops) {
        return work();
    }
    let threads = PROGRAMS.max(rayon::current_num_threads());
    match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool.install(work),
        Err(_) => work(),
    }
}

/// What has been done for the clusters, and what is wrong with all the others together.
fn apart<T>(results: Vec<Result<T, Failure>>, members: &[Settings]) -> (Vec<T>, Result<(), Failure>) {
    let (mut done, mut findings, mut failed_with) = (Vec::new(), Findings::default(), None);
    for (result, settings) in results.into_iter().zip(members) {
        let problems = match result {
            Ok(one) => {
                done.push(one);
                Vec::new()
            }
            Err(Failure::Input { title, problems }) => {
                failed_with.get_or_insert(title);
                problems
            }
            Err(failure) => return (done, Err(failure)),
        };
        findings.add(problems, settings.cluster.as_ref());
    }
    let failed = failed_with.map_or(Ok(()), |title| Err(Failure::Input { title, problems: findings.said() }));
    (done, failed)
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

/// The Docker configs; `--check` goes without credentials, as in a merge request, and says so.
fn docker_configs(members: &[Settings], environment: &Environment) -> Result<(Vec<Vec<DockerConfig>>, Known), Failure> {
    match logins::check(members, environment) {
        Ok(Checked { docker_configs, warnings }) => {
            report::warn(&warnings);
            Ok((docker_configs, Known::All))
        }
        Err(Failure::Input { problems, .. })
            if members.iter().all(|settings| matches!(settings.destination, Destination::Check(_)))
                && problems.iter().filter(|problem| problem.is_error()).all(is_not_there) =>
        {
            warn_of_what_is_not_set(members, environment);
            for settings in members {
                report::note(left_out(settings.combination.shape));
            }
            let unknown = |settings: &Settings| settings.pull_secrets.iter().map(|_| DockerConfig::unknown()).collect();
            Ok((members.iter().map(unknown).collect(), Known::NotTheLogins))
        }
        Err(failure) => Err(failure),
    }
}

/// Names what is missing where something else is there: that is no merge request, but a mistake.
fn warn_of_what_is_not_set(members: &[Settings], environment: &Environment) {
    let sources =
        members.iter().flat_map(|settings| &settings.pull_secrets).flat_map(|pull_secret| &pull_secret.sources);
    let mut names: Vec<_> = sources.flat_map(Source::variables).map(|variable| variable.name).collect();
    names.sort_unstable();
    names.dedup();
    let (set, missing): (Vec<_>, Vec<_>) = names.iter().partition(|name| environment.is_set(name.as_str()));
    if !set.is_empty() {
        let missing: Vec<_> = missing.iter().map(|name| format!("`{name}`")).collect();
        report::warn(&[Problem::warning(
            "variable-unset",
            format!("{} not set, and other variables are", missing.join(", ")),
        )
        .hint("without all of them nothing that depends on a login is compared")]);
    }
}

/// What a comparison without credentials cannot tell.
fn left_out(shape: Shape) -> &'static str {
    match shape {
        Shape::DockerConfig => {
            "there are no credentials, so the Docker config was not compared, only whether the file is there and holds one"
        }
        Shape::Yaml | Shape::Json | Shape::Directory | Shape::Kustomization | Shape::Chart | Shape::HelmValues => {
            "there are no credentials, so what depends on them was not compared: the values of Secrets, encrypted ones too, and the registries of policies"
        }
    }
}

fn is_not_there(problem: &Problem) -> bool {
    matches!(problem.code, "variable-unset" | "variable-empty")
}
