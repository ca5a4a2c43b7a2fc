//! `regcred krm` adds our objects and results to the `ResourceList` on standard input.

use std::io::{self, Read};
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::logins;
use crate::environment::{Environment, open_stdin};
use crate::files::stream::{self, Shown};
use crate::files::{self, git};
use crate::krm::config::FunctionConfig;
use crate::krm::list::{self, Entry, ResourceList};
use crate::krm::{edit, kustomization, objects, package, results};
use crate::report::{self, Outcome};
use crate::settings::choices::Format;
use crate::settings::file::Which;
use crate::settings::fleet::{Fleet, Purpose};
use crate::settings::namespaces::{self, Listed};
use crate::settings::target::Target;
use crate::settings::usage;
use crate::templates::Templates;
use regcred_core::diagnostic::{Code, Diagnostic, Failure, reason};
use regcred_core::manifest::expands_too_far;
use regcred_core::spec::Open;

/// Reads, edits and writes the list. On an error the items stay unchanged, `results` holds the reason, and the command fails too, because
/// kustomize reads only the exit status.
pub fn run(which: &Which, environment: &Environment) -> Result<Outcome> {
    if matches!(which, Which::Named(_)) {
        let message = "`--config` has no effect on `krm`, which reads the functionConfig";
        return Err(usage(message, "give the same object as functionConfig").into());
    }
    let read = text().and_then(|text| {
        let text = list::as_block(text);
        ResourceList::parse(&text).map(|list| answer(&list, environment))
    });
    read.unwrap_or_else(|problem| {
        let failure = Failure::of("the ResourceList", problem);
        print(|_| list::only_results(&of_failure(&failure)))?;
        Err(failure)
    })?;
    Ok(Outcome::Done)
}

fn text() -> Result<String, Diagnostic> {
    let mut text = String::new();
    open_stdin().read_to_string(&mut text).map_err(|error| {
        Diagnostic::error(Code::InvalidResourceList, format!("standard input cannot be read: {}", reason(&error)))
    })?;
    if expands_too_far(&text) {
        let message = "standard input has too many YAML aliases, or an alias that contains itself";
        return Err(Diagnostic::error(Code::InvalidResourceList, message));
    }
    Ok(text)
}

/// Writes the edited list, or the original list with the problems.
fn answer(list: &ResourceList<'_>, environment: &Environment) -> Result<(), Failure> {
    let mut said = Vec::new();
    match edited(list, environment, &mut said) {
        Ok(mut entries) => print(|shown| {
            if shown == Shown::Redacted {
                let made =
                    entries.iter_mut().filter_map(|entry| if let Entry::Made(it) = entry { Some(it) } else { None });
                made.for_each(objects::redact);
            }
            list.write(&entries, &said)
        }),
        Err(failure) => {
            let results = of_failure(&failure);
            print(|_| list.write(&list.unchanged(), &results))?;
            Err(match failure {
                // Nobody typed a command line, so the functionConfig is at fault.
                Failure::Usage(problems) => Failure::Input { title: "the functionConfig", problems },
                other => other,
            })
        }
    }
}

/// Runs the steps of `render` with the functionConfig as flags and file, and the items as the output.
fn edited(list: &ResourceList<'_>, environment: &Environment, said: &mut Vec<Value>) -> Result<Vec<Entry>, Failure> {
    let FunctionConfig { name, file, typed, format } =
        FunctionConfig::read(list).map_err(|problems| Failure::Input { title: "the functionConfig", problems })?;
    let mut problems = Vec::new();
    let listed = listed(list, &mut problems);
    let fleet = Fleet::resolve(&typed, file.as_ref(), Some((listed, problems)), Purpose::Manifests, environment)
        .map_err(for_a_function)?;
    let Fleet { members, secret_variables, warnings } = fleet;
    let (runs, mut warnings) = logins::check(members, warnings, environment).map_err(for_a_function)?;
    // The functionConfig has chosen one of several clusters.
    let [run] = runs.as_slice() else { return Ok(Vec::new()) };
    let manifests = regcred_core::objects::build(&run.request(), &Templates::load(None)?)?;
    let objects = objects::of(&manifests, &name);
    if kustomization::is_a_generator(list) {
        Failure::unless_clean("the kustomization", &kustomization::check(environment.directory(), &objects))?;
    }
    if manifests.hold_a_secret() {
        git::check_stdout(&Target::new(Path::new(""), &run.settings, &secret_variables, environment))
            .map_err(for_a_function)?;
        warnings.extend(package::check(list, run.settings.options.allow_plaintext_in_git.or_default(), environment)?);
    }
    for warning in &warnings {
        report::detail(&warning.message);
        said.push(results::of_problem(warning));
    }
    if let Some(format) = format.filter(|format| !matches!(format, Format::Yaml | Format::Json)) {
        said.push(results::information(&format!(
            "`format: {format}` is for `regcred render`: a function gives objects"
        )));
    }
    Ok(edit::edit(&list.items, objects, &name, said))
}

/// The Namespaces among the items, if there are any.
fn listed(list: &ResourceList<'_>, problems: &mut Vec<Diagnostic>) -> Option<Listed> {
    let is_namespace = |item: &&Value| item["apiVersion"] == "v1" && item["kind"] == "Namespace";
    let items: Vec<_> = list.items.iter().map(|item| &item.value).filter(is_namespace).collect();
    let text = json!({"kind": "List", "items": items}).to_string();
    (!items.is_empty()).then(|| namespaces::read(&text, "the Namespaces among the items", problems))
}

/// Rewrites hints that name flags, which do not exist here.
fn for_a_function(failure: Failure) -> Failure {
    let Failure::Input { title, mut problems } = failure else { return failure };
    for problem in &mut problems {
        let hint = match problem.code {
            Code::GlobWithoutList | Code::NoNamespaces => {
                "name the namespaces in `include`, or give their Namespace objects among the items"
            }
            Code::PlaintextInGit => package::ELSEWHERE,
            _ => continue,
        };
        problem.hint = Some(hint.to_owned());
    }
    Failure::Input { title, problems }
}

fn of_failure(failure: &Failure) -> Vec<Value> {
    match failure {
        Failure::Input { problems, .. } | Failure::Usage(problems) => {
            problems.iter().map(results::of_problem).collect()
        }
        Failure::ClosedPipe => Vec::new(),
    }
}

fn print(write: impl FnOnce(Shown) -> io::Result<Zeroizing<String>>) -> Result<(), Failure> {
    stream::print_shown(|shown| {
        let text = write(shown).map_err(|error| files::failure(error, "the ResourceList"))?;
        Ok(Zeroizing::new(text.as_bytes().to_vec()))
    })?;
    Ok(())
}
