//! Writes the rules that confine a patcher's account to what a patcher does.

use super::{NAME, PatcherSettings};
use crate::names::ResourceName;
use crate::objects::guard::{Guard, has_not_opted_out, names};
use crate::objects::marks::{MANAGED_BY, OWNER};
use crate::spec::choice::Patcher;

/// The name of the patcher's account at the API server.
pub(super) fn user(patcher: &PatcherSettings) -> String {
    format!("system:serviceaccount:{}:{NAME}", patcher.namespace)
}

/// The account, confined to the copies of one Secret.
pub(super) fn guard<'a>(patcher: &PatcherSettings, secret: &'a ResourceName, owner: &str) -> Guard<'a> {
    let managed_by = MANAGED_BY.0;
    Guard {
        who: "a patcher",
        secrets: vec![secret.as_str()],
        labels: vec![(managed_by, NAME)],
        annotations: vec![(managed_by, NAME)],
        is_its_own: format!(
            "oldObject.metadata.?annotations[?'{managed_by}'].orValue('') == '{NAME}' \
             || oldObject.metadata.?annotations[?'{OWNER}'].orValue('') == '{owner}'"
        ),
        is_served: is_served(patcher),
    }
}

/// Whether the namespace of the request is not excluded and has not opted out.
fn is_served(patcher: &PatcherSettings) -> String {
    let excluded: Vec<_> = patcher.exclude.iter().map(String::as_str).collect();
    let is_excluded = match patcher.patcher {
        Patcher::Titansoft => format!("request.namespace in {}", names(&excluded)),
        Patcher::Tamcore => {
            let patterns: Vec<_> = excluded.into_iter().map(regex).collect();
            format!("request.namespace.matches('^({})$')", patterns.join("|"))
        }
    };
    format!("!({is_excluded}) && {}", has_not_opted_out("namespaceObject"))
}

/// A glob of Go as a regular expression: a namespace has no character that needs an escape.
fn regex(glob: &str) -> String {
    let mut brackets = false;
    glob.chars().fold(String::new(), |text, character| {
        brackets = character == '[' || (brackets && character != ']');
        match character {
            '*' if !brackets => text + ".*",
            '?' if !brackets => text + ".",
            _ => text + character.encode_utf8(&mut [0; 4]),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_of_go_is_a_regular_expression() {
        for (glob, expected) in [("kube-*", "kube-.*"), ("t?p", "t.p"), ("a[^b-d]*", "a[^b-d].*"), ("plain", "plain")] {
            assert_eq!(regex(glob), expected);
        }
    }
}
