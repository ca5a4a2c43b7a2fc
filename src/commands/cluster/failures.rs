//! Groups failures that differ only in their namespace.

use std::collections::HashMap;

use regcred_core::cluster::Step;
use regcred_core::diagnostic::Diagnostic;
use regcred_core::names::{Namespace, listed};

/// One problem for each object and cause, with the namespaces, in the order in which they were found.
pub(super) fn grouped<'a>(failed: impl Iterator<Item = (&'a Step, &'a Diagnostic)>) -> Vec<Diagnostic> {
    let mut groups: Vec<(Diagnostic, Diagnostic, Vec<&Namespace>)> = Vec::new();
    let mut known: HashMap<Diagnostic, usize> = HashMap::new();
    for (step, problem) in failed {
        let common = common(step, problem).unwrap_or_else(|| problem.clone());
        let number = *known.entry(common.clone()).or_insert_with(|| {
            groups.push((common, problem.clone(), Vec::new()));
            groups.len() - 1
        });
        groups[number].2.extend(&step.namespace);
    }
    let said = |(common, problem, namespaces): (Diagnostic, Diagnostic, Vec<&Namespace>)| {
        if namespaces.len() < 2 || common == problem {
            return problem;
        }
        let place = format!(" in {} namespaces ({})", namespaces.len(), listed(&namespaces));
        Diagnostic { message: common.message.replacen(PLACE, &place, 1), ..problem }
    };
    groups.into_iter().map(said).collect()
}

/// The placeholder for the namespaces.
const PLACE: &str = "\u{0}";

/// The problem without its namespace; `None` if it is not about the object.
fn common(step: &Step, problem: &Diagnostic) -> Option<Diagnostic> {
    let (namespace, place) = (step.namespace.as_ref()?, step.place());
    let words = problem.message.contains(&place).then(|| problem.message.replace(&place, "it"))?;
    let object = format!("{}/{}", step.object.kind(), step.name);
    let message = format!("{object}{PLACE}: {}", without(&words, namespace.as_str()));
    Some(Diagnostic { message, ..problem.clone() })
}

/// The text with `…` for each word that is this name.
fn without(text: &str, name: &str) -> String {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    let (mut cut, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once(name) {
        cut.push_str(before);
        let is_word = !cut.ends_with(is_part) && !after.starts_with(is_part);
        cut.push_str(if is_word { "…" } else { name });
        rest = after;
    }
    cut + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_cut_out_where_it_is_a_word() {
        for (text, cut) in [
            ("in the namespace \"a\"", "in the namespace \"…\""),
            ("quota a/none, and aa-a", "quota …/none, and aa-a"),
            ("aaa a", "aaa …"),
            ("team-a, a", "team-a, …"),
        ] {
            assert_eq!(without(text, "a"), cut);
        }
    }
}
