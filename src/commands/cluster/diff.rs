//! `regcred diff` compares a cluster with the wanted objects, and changes nothing.

use std::fmt::Write;
use std::iter;

use anyhow::Result;
use futures::future::join_all;

use super::comparison::{Compared, Purpose, Typed as TypedOnce, compare};
use super::shown::{OfCluster, Shown, deed, inert_lines, print_json, why};
use super::{Prepared, block_on, prepare, together};
use crate::cli::cluster::{DiffArguments, DiffFormat};
use crate::commands::logins::Missing;
use crate::environment::Environment;
use crate::files::marks::key::Key;
use crate::files::stream::print_text;
use crate::report::{self, Outcome, inert};
use crate::settings::Settings;
use crate::settings::file::File;
use regcred_core::cluster::content::{self, Difference, What};
use regcred_core::cluster::{Delivery, Object, Step};
use regcred_core::diagnostic::{Diagnostic, Failure};
use regcred_core::docker_config::Logins;
use regcred_core::names::Namespace;
use regcred_core::spec::typed::Typed;

/// The differences in one cluster.
#[derive(Default)]
struct Differences {
    steps: Vec<(Step, Vec<String>)>,
    problems: Vec<Diagnostic>,
    /// Whether variables of its logins are not set, so that the logins were not compared.
    lacks_logins: bool,
}

/// Reads every cluster, and prints what `apply` would change there.
pub fn run(
    typed: &Typed,
    arguments: &DiffArguments,
    file: Option<&File>,
    environment: &Environment,
) -> Result<Outcome> {
    super::refuse_a_narrow_prune(typed, &arguments.place, &arguments.link, file)?;
    let Prepared { fleet, logins, accesses } =
        prepare(typed, file, &arguments.connection, Missing::IsNotCompared, environment)?;
    let keys: Vec<Key> = fleet
        .members
        .iter()
        .map(|member| Key::read(environment, member.cluster.as_ref(), ""))
        .collect::<Result<_, _>>()?;
    let typed_once = TypedOnce { place: &arguments.place, link: &arguments.link, purpose: Purpose::Show };
    let members = fleet.members.iter().zip(&logins).zip(accesses).zip(&keys);
    let work = members.map(|(((settings, logins), access), key)| async move {
        match compare(access, settings, logins, typed_once).await {
            Ok(Compared { delivery, comparison, left_over, problems, .. }) => {
                let with_details = |step: Step| {
                    let details = details(&step, &delivery, key);
                    (step, details)
                };
                let lacks_logins = logins.iter().any(|one| matches!(one, Logins::Unavailable));
                let steps = comparison.steps.into_iter().chain(left_over).map(with_details).collect();
                Differences { steps, problems, lacks_logins }
            }
            Err(problems) => Differences { problems, ..Differences::default() },
        }
    });
    let differences = block_on(join_all(work))?;
    let clusters: Vec<_> = fleet.members.iter().zip(differences).collect();
    let problems = together(clusters.iter().map(|(settings, found)| (*settings, found.problems.clone())));
    match arguments.format {
        DiffFormat::Json => print_json(clusters.iter().map(|(settings, found)| OfCluster {
            cluster: settings.cluster.as_ref(),
            changes: found.steps.iter().map(|(step, details)| Shown::new(step, None, details.clone())).collect(),
            problems: &found.problems,
        }))?,
        DiffFormat::Text => print_text(&inert_lines(&text(&clusters)))?,
        DiffFormat::Markdown => print_text(&inert_lines(&markdown(&clusters, &problems)))?,
    }
    if problems.iter().any(Diagnostic::is_error) {
        return match arguments.format {
            DiffFormat::Json => Ok(Outcome::Negative),
            DiffFormat::Text | DiffFormat::Markdown => Err(Failure::Input { title: "the cluster", problems }.into()),
        };
    }
    if arguments.format != DiffFormat::Json {
        report::warn(&problems);
    }
    let differs = clusters.iter().flat_map(|(_, found)| &found.steps).any(|(step, _)| step.change.differs());
    if !differs && arguments.format == DiffFormat::Text {
        report::note("nothing differs");
    }
    Ok(if differs { Outcome::Differs } else { Outcome::Done })
}

/// The differences in the logins of a Secret, without values.
fn details(step: &Step, delivery: &Delivery<'_>, key: &Key) -> Vec<String> {
    let Object::Secret { number: Some(number), there: Some(there) } = &step.object else { return Vec::new() };
    let wanted = &delivery.pull_secrets[*number];
    if !step.change.differs() || !wanted.is_known() {
        return Vec::new();
    }
    let differences = content::differences(wanted.docker_config(), there.docker_config.as_ref());
    let mut lines: Vec<_> = differences.iter().map(|one| said(one, delivery, *number)).collect();
    let digest = |docker_config| key.short(docker_config);
    let found = there.docker_config.as_ref().and_then(digest);
    if let (Some(old), Some(new)) = (found, digest(wanted.docker_config()))
        && old != new
    {
        lines.insert(0, format!("Docker config {old} → {new}"));
    }
    lines
}

fn said(Difference { registry, what }: &Difference, delivery: &Delivery<'_>, number: usize) -> String {
    let Some(registry) = registry else { return "an entry that is not a registry".to_owned() };
    let username = delivery.pull_secrets[number].logins.public_username(registry);
    let now = username.map_or(String::new(), |name| format!(", now {name}"));
    match what {
        What::Added => format!("{registry}: a new login"),
        What::Removed => format!("{registry}: the login goes"),
        What::Username(old) => {
            let was = old.as_ref().map_or(String::new(), |name| format!(", was {name}"));
            format!("{registry}: another user name{was}{now}")
        }
        What::Password => format!("{registry}: another password"),
    }
}

/// The changes by namespace.
fn text(clusters: &[(&Settings, Differences)]) -> String {
    let mut text = String::new();
    for (settings, found) in clusters {
        let mut namespace = None;
        for (step, details) in found.steps.iter().filter(|(step, _)| step.change.differs()) {
            if namespace != Some(&step.namespace) {
                let cluster = settings.cluster.as_ref().map_or(String::new(), |name| format!("{name}: "));
                let place = step.namespace.as_ref().map_or("the whole cluster", Namespace::as_str);
                let _ = writeln!(text, "{cluster}{place}");
                namespace = Some(&step.namespace);
            }
            let object = format!("{}/{}", step.object.kind(), step.name);
            let _ = writeln!(text, "  {:6} {object}  ({})", deed(step), why(step));
            for detail in details {
                let _ = writeln!(text, "           {detail}");
            }
        }
    }
    text
}

/// A comment for a merge request: a table for each cluster.
fn markdown(clusters: &[(&Settings, Differences)], problems: &[Diagnostic]) -> String {
    let mut text = String::new();
    for (settings, found) in clusters {
        let cluster = settings.cluster.as_ref().map_or(String::new(), |name| format!(" of `{name}`"));
        let changed: Vec<_> = found.steps.iter().filter(|(step, _)| step.change.differs()).collect();
        let more = if found.lacks_logins { "; the logins were not compared, because they are not set" } else { "" };
        if changed.is_empty() {
            let said = match (found.problems.iter().any(Diagnostic::is_error), found.steps.is_empty()) {
                (false, _) => "nothing differs",
                (true, false) => "nothing differs in the rest",
                (true, true) => "not compared",
            };
            let _ = writeln!(text, "**Pull secrets{cluster}**: {said}{more}.\n");
            continue;
        }
        let _ = writeln!(text, "**Pull secrets{cluster}**: {} to change{more}.\n", changed.len());
        text.push_str("| namespace | object | change | why |\n|---|---|---|---|\n");
        for (step, details) in changed {
            let cell = |text: &str| code(text).replace('|', "\\|");
            let why: Vec<_> = iter::once(&why(step)).chain(details).map(|text| cell(text)).collect();
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} |",
                step.namespace.as_ref().map_or("", Namespace::as_str),
                cell(&format!("{}/{}", step.object.kind(), step.name)),
                deed(step),
                why.join("<br>")
            );
        }
        text.push('\n');
    }
    for problem in problems {
        let _ = writeln!(text, "> {}", code(&problem.message));
    }
    text
}

/// A text as code of Markdown: names and messages of a cluster may look like links, mentions or HTML.
fn code(text: &str) -> String {
    let line = inert(text);
    let longest = line.split(|letter| letter != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    // The blanks are not shown, and keep a backtick at the edge apart from the fence.
    if longest == 0 { format!("{fence}{line}{fence}") } else { format!("{fence} {line} {fence}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_end_its_code_span() {
        for (text, written) in [
            ("www.example.com <b>@team", "`www.example.com <b>@team`"),
            ("`a` and ``b", "``` `a` and ``b ```"),
            ("a\n/approve", "`a\\u{a}/approve`"),
        ] {
            assert_eq!(code(text), written);
        }
    }
}
