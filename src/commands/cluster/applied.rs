//! Reports what a run changed in each cluster, and what failed.

use std::collections::BTreeSet;
use std::fmt::Write;

use anyhow::Result;

use super::failures::grouped;
use super::shown::{OfCluster, Shown, aligned, counted, counts, deed, done, inert_lines, print_json, why};
use super::together;
use crate::cli::AnswerFormat;
use crate::files::stream::print_text;
use crate::report::{self, Outcome};
use crate::settings::Settings;
use regcred_cluster::execute::Ending;
use regcred_core::cluster::Step;
use regcred_core::diagnostic::{Diagnostic, Failure};
use regcred_core::names::ResourceName;
use regcred_core::plan::{Action, Reason};

/// The changes in one cluster; without an outcome, they were only planned.
#[derive(Default)]
pub(super) struct Applied {
    pub(super) done: Vec<(Step, Option<Ending>)>,
    pub(super) problems: Vec<Diagnostic>,
    /// The number of chosen namespaces, for a run that finds nothing to do there.
    pub(super) chosen: usize,
    /// Whether a run without `--dry-run` would evict Pods.
    pub(super) would_evict: bool,
}

impl Applied {
    /// The problems of a cluster in which nothing was done.
    pub(super) fn failed(problems: Vec<Diagnostic>) -> Self {
        Self { problems, ..Self::default() }
    }

    /// The steps of a run that changes nothing.
    pub(super) fn planned(steps: Vec<Step>, problems: Vec<Diagnostic>) -> Self {
        Self { done: steps.into_iter().map(|step| (step, None)).collect(), problems, ..Self::default() }
    }

    /// The steps of a run, with their outcomes.
    pub(super) fn done(done: Vec<(Step, Ending)>, problems: Vec<Diagnostic>) -> Self {
        Self {
            done: done.into_iter().map(|(step, ending)| (step, Some(ending))).collect(),
            problems,
            ..Self::default()
        }
    }

    fn is_planned(&self) -> bool {
        self.done.iter().any(|(_, ending)| ending.is_none())
    }
}

/// How a run is reported.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    pub(super) format: AnswerFormat,
    pub(super) dry_run: bool,
}

/// Prints the report, and decides how the command ends.
/// Errors: something failed.
pub(super) fn report(clusters: &[(&Settings, Applied)], manner: Manner) -> Result<Outcome> {
    match manner.format {
        AnswerFormat::Json => print_json(clusters.iter().map(|(settings, applied)| OfCluster {
            cluster: settings.cluster.as_ref(),
            changes: applied.done.iter().map(|(step, ending)| Shown::new(step, ending.as_ref(), Vec::new())).collect(),
            problems: &applied.problems,
        }))?,
        AnswerFormat::Text => text(clusters, manner.dry_run)?,
    }
    Ok(outcome(clusters, manner)?)
}

fn text(clusters: &[(&Settings, Applied)], dry_run: bool) -> Result<()> {
    let mut planned = String::new();
    for (settings, applied) in clusters {
        let cluster = settings.cluster.as_ref().map_or(String::new(), |name| format!("{name}: "));
        for (step, ending) in &applied.done {
            let path = &step.change.path;
            match ending {
                None if dry_run && step.change.differs() => {
                    let _ = writeln!(planned, "{cluster}{path}: {} ({})", deed(step), why(step));
                }
                Some(Ending::Written) => report::detail(&format!("{cluster}{path}: {}", done(step))),
                Some(Ending::Gone) => report::detail(&format!("{cluster}{path}: has gone meanwhile")),
                Some(Ending::Kept) | None if is_left(step) => {
                    report::detail(&format!("{cluster}{path}: left ({})", why(step)));
                }
                Some(Ending::Kept | Ending::Failed(_)) | None => {}
            }
        }
    }
    print_text(&inert_lines(&planned))?;
    let rows: Vec<_> =
        clusters.iter().map(|(settings, applied)| (settings.cluster.as_ref(), reached(applied, dry_run))).collect();
    match rows.as_slice() {
        [(cluster, row)] => row.iter().for_each(|row| report::note(&sentence(*cluster, row))),
        several => {
            report::note(&format!("{} clusters:", several.len()));
            // A closed standard error cannot be reported.
            let _ = std::io::Write::write_all(&mut std::io::stderr(), table(several).as_bytes());
        }
    }
    Ok(())
}

/// What happened in a cluster: the number of its namespaces, and how often each word holds.
type Row = (usize, Vec<(&'static str, usize)>);

/// The row of a cluster; `None` if nothing was done there.
fn reached(applied: &Applied, dry_run: bool) -> Option<Row> {
    let has_found_nothing = applied.done.is_empty() && applied.chosen == 0;
    if (!dry_run && applied.is_planned()) || (has_found_nothing && !applied.problems.is_empty()) {
        return None;
    }
    let namespaces: BTreeSet<_> = applied.done.iter().filter_map(|(step, _)| step.namespace.as_ref()).collect();
    let words = applied.done.iter().map(|(step, ending)| match ending {
        Some(Ending::Failed(_)) => "failed",
        Some(Ending::Gone) => "gone",
        Some(Ending::Written) => done(step),
        None if step.change.differs() => "to change",
        Some(Ending::Kept) | None if is_left(step) => "left",
        Some(Ending::Kept) | None => "unchanged",
    });
    Some((if applied.done.is_empty() { applied.chosen } else { namespaces.len() }, counts(words)))
}

/// Whether `--on-conflict skip` leaves the object to somebody else.
fn is_left(step: &Step) -> bool {
    (step.change.action, step.change.reason) == (Action::Keep, Reason::NotOurs)
}

fn sentence(cluster: Option<&ResourceName>, (namespaces, counts): &Row) -> String {
    let cluster = cluster.map_or(String::new(), |name| format!("{name}: "));
    let plural = if *namespaces == 1 { "namespace" } else { "namespaces" };
    format!("{cluster}{namespaces} {plural}: {}", counted(counts))
}

/// The clusters of a fleet, with a column for each word. A cluster where nothing was done has dashes.
fn table(clusters: &[(Option<&ResourceName>, Option<Row>)]) -> String {
    let said = clusters.iter().filter_map(|(_, row)| row.as_ref()).flat_map(|(_, counts)| counts);
    let words: Vec<_> = counts(said.map(|(word, _)| *word)).into_iter().map(|(word, _)| word).collect();
    let head = ["  cluster", "namespaces"].iter().chain(&words).map(|word| word.to_uppercase()).collect();
    let row = |(cluster, row): &(Option<&ResourceName>, Option<Row>)| {
        let numbers = row.as_ref().map(|(namespaces, counts)| {
            let count = |word: &&str| counts.iter().find(|(known, _)| known == word).map_or(0, |(_, count)| *count);
            std::iter::once(*namespaces).chain(words.iter().map(count)).map(|number| number.to_string()).collect()
        });
        let numbers = numbers.unwrap_or_else(|| vec!["-".to_owned(); words.len() + 1]);
        [vec![format!("  {}", cluster.map(ToString::to_string).unwrap_or_default())], numbers].concat()
    };
    let rows: Vec<Vec<_>> = std::iter::once(head).chain(clusters.iter().map(row)).collect();
    aligned(rows.iter().map(Vec::as_slice))
}

fn outcome(clusters: &[(&Settings, Applied)], manner: Manner) -> Result<Outcome, Failure> {
    let failed = |applied: &Applied| {
        let failures = applied.done.iter().filter_map(|(step, ending)| match ending {
            Some(Ending::Failed(problem)) => Some((step, problem)),
            _ => None,
        });
        [applied.problems.clone(), grouped(failures)].concat()
    };
    let problems = together(clusters.iter().map(|(settings, applied)| (*settings, failed(applied))));
    if problems.iter().any(Diagnostic::is_error) {
        return match manner.format {
            AnswerFormat::Json => Ok(Outcome::Negative),
            AnswerFormat::Text => Err(Failure::Input { title: "the cluster", problems: shortened(problems) }),
        };
    }
    if manner.format == AnswerFormat::Text {
        report::warn(&problems);
    }
    let differs =
        clusters.iter().any(|(_, one)| one.would_evict || one.done.iter().any(|(step, _)| step.change.differs()));
    Ok(if manner.dry_run && differs { Outcome::Differs } else { Outcome::Done })
}

/// As many problems as a person reads; the hint of the last one tells the number of the rest.
fn shortened(mut problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
    const SHOWN: usize = 20;
    let more = problems.len().saturating_sub(SHOWN);
    problems.truncate(SHOWN);
    if let (Some(last), 1..) = (problems.last_mut(), more) {
        last.hint = Some(format!("{more} more are not shown; --format json lists all"));
    }
    problems
}
