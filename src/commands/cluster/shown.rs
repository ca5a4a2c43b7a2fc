//! Shows changes to people and programs.

use crate::files::stream::print_text;
use crate::report::{self, inert};
use anyhow::Result;
use regcred_cluster::execute::Ending;
use regcred_core::cluster::ownership::Whose;
use regcred_core::cluster::{Object, Step};
use regcred_core::diagnostic::Diagnostic;
use regcred_core::names::{Namespace, ResourceName};
use regcred_core::plan::{Action, Reason};
use serde::Serialize;
use std::fmt::Display;

/// The text as it is printed. Names and messages of a cluster may contain text that a terminal or a CI takes for a command.
pub(super) fn inert_lines(text: &str) -> String {
    text.lines().map(|line| inert(line) + "\n").collect()
}

/// A change in the JSON of `apply`, `diff` and `delete`: documented in docs/cluster.md, and stable.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    path: &'a str,
    namespace: Option<&'a str>,
    kind: &'a str,
    name: &'a str,
    action: Action,
    reason: Reason,
    /// The owner, if the owner is the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    whose: Option<String>,
    /// The result; a comparison has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'static str>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'a Diagnostic>,
    /// The differences in its logins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<String>,
}

/// The JSON of one cluster.
#[derive(Serialize)]
pub(super) struct OfCluster<'a> {
    pub(super) cluster: Option<&'a ResourceName>,
    pub(super) changes: Vec<Shown<'a>>,
    pub(super) problems: &'a [Diagnostic],
}

/// Prints the JSON of all clusters.
pub(super) fn print_json(clusters: impl Iterator<Item: Serialize>) -> Result<()> {
    let clusters: Vec<_> = clusters.collect();
    Ok(print_text(&report::json(&serde_json::json!({ "clusters": clusters }))?)?)
}

impl<'a> Shown<'a> {
    pub(super) fn new(step: &'a Step, ending: Option<&'a Ending>, details: Vec<String>) -> Self {
        Self {
            path: &step.change.path,
            namespace: step.namespace.as_ref().map(Namespace::as_str),
            kind: step.object.kind(),
            name: step.name.as_str(),
            action: action(step),
            reason: step.change.reason,
            whose: step.whose.as_ref().map(ToString::to_string),
            result: ending.map(result),
            problem: if let Some(Ending::Failed(problem)) = ending { Some(problem) } else { None },
            details,
        }
    }
}

/// The action on the object. A reference that comes or goes is a change of its ServiceAccount.
fn action(step: &Step) -> Action {
    match (&step.object, step.change.action) {
        (Object::Account { .. }, Action::Create | Action::Delete) => Action::Update,
        (_, action) => action,
    }
}

fn result(ending: &Ending) -> &'static str {
    match ending {
        Ending::Written => "written",
        Ending::Kept => "kept",
        Ending::Gone => "gone",
        Ending::Failed(_) => "failed",
    }
}

/// The action as a word, before it is done.
pub(super) fn deed(step: &Step) -> &'static str {
    match (&step.object, step.change.action) {
        (_, Action::Keep) => "keep",
        (_, Action::Refuse) => "refuse",
        (Object::Account { .. }, Action::Create | Action::Update) => "link",
        (Object::Account { .. }, Action::Delete) => "unlink",
        (_, Action::Create) => "create",
        (_, Action::Update) => "update",
        (_, Action::Delete) => "delete",
    }
}

/// The action as a word, after it was done.
pub(super) fn done(step: &Step) -> &'static str {
    match deed(step) {
        "keep" => "unchanged",
        "refuse" => "refused",
        "link" => "linked",
        "unlink" => "unlinked",
        "create" => "created",
        "update" => "updated",
        _ => "deleted",
    }
}

/// The reason for the action, with the owner or the tool if there is one.
pub(super) fn why(step: &Step) -> String {
    match (&step.change.reason, &step.whose) {
        (Reason::Managed, Some(tool)) => format!("managed by {tool}"),
        (Reason::NotOurs, Some(owner @ Whose::Another(_))) => format!("of another {owner}"),
        (reason @ Reason::NotOurs, Some(tool)) => format!("{reason}: {tool}"),
        (reason, _) => reason.to_string(),
    }
}

/// How often each word appears, in the order of their first appearance.
pub(super) fn counts<W: PartialEq>(words: impl Iterator<Item = W>) -> Vec<(W, usize)> {
    let mut counts: Vec<(W, usize)> = Vec::new();
    for word in words {
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    counts
}

/// The counts as text: `2 created, 1 unchanged`.
pub(super) fn counted(counts: &[(impl Display, usize)]) -> String {
    let counts: Vec<_> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    if counts.is_empty() { "nothing to do".to_owned() } else { counts.join(", ") }
}

/// Aligns the columns: each is as wide as its longest cell.
pub(super) fn aligned<'a>(rows: impl Iterator<Item = &'a [String]> + Clone) -> String {
    let mut widths = Vec::new();
    for row in rows.clone() {
        widths.resize(row.len(), 0);
        widths.iter_mut().zip(row).for_each(|(width, cell)| *width = cell.chars().count().max(*width));
    }
    let line = |row: &[String]| {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned() + "\n"
    };
    rows.map(line).collect()
}
