//! Writes which namespaces are served, in the language of admission policies (CEL).

use globset::Glob;

use super::Granted;
use super::selector::Selector;
use crate::cluster::selection::Others;
use crate::names::{NamespacePattern, is_of_the_cluster};
use crate::objects::guard::{has_not_opted_out, names, quoted};

/// The same test as [`is_of_the_cluster`], in CEL.
const IS_OF_THE_CLUSTER: &str = "(request.namespace.startsWith('kube-') || request.namespace.startsWith('openshift-') || \
                                 request.namespace == 'openshift')";

/// Whether any of the pull secrets goes to the namespace of the request, by the rules of [`crate::cluster::selection`].
pub(in crate::cluster) fn is_served(pull_secrets: &[Granted<'_>], others: Others, selector: &Selector) -> String {
    let mut any: Vec<_> = pull_secrets.iter().map(|one| format!("({})", is_chosen(one, others))).collect();
    any.dedup();
    let any = if any.len() == 1 { any.remove(0) } else { format!("({})", any.join(" || ")) };
    [any]
        .into_iter()
        .chain(selector.conditions())
        .chain([has_not_opted_out("namespaceObject")])
        .collect::<Vec<_>>()
        .join(" && ")
}

fn is_chosen(one: &Granted<'_>, others: Others) -> String {
    let included = if one.include.is_empty() && others == Others::All {
        format!("!{IS_OF_THE_CLUSTER}")
    } else {
        let (of_the_cluster, plain): (Vec<_>, Vec<_>) = one.include.iter().partition(|pattern| match pattern {
            NamespacePattern::Name(_) => true,
            NamespacePattern::Glob(_) => is_of_the_cluster(pattern.as_str()),
        });
        let plain = matches(plain.into_iter()).map(|plain| format!("({plain} && !{IS_OF_THE_CLUSTER})"));
        let either: Vec<_> = matches(of_the_cluster.into_iter()).into_iter().chain(plain).collect();
        if either.is_empty() { "false".to_owned() } else { either.join(" || ") }
    };
    match matches(one.exclude.iter()) {
        Some(excluded) => format!("({included}) && !({excluded})"),
        None => included,
    }
}

/// Whether the namespace of the request matches any of the patterns; `None` without patterns.
fn matches<'a>(patterns: impl Iterator<Item = &'a NamespacePattern>) -> Option<String> {
    let (mut plain, mut globs) = (Vec::new(), Vec::new());
    for pattern in patterns {
        match pattern {
            NamespacePattern::Name(name) => plain.push(name.as_str()),
            NamespacePattern::Glob(glob) => globs.extend(regex(glob.as_str())),
        }
    }
    let plain = (!plain.is_empty()).then(|| format!("request.namespace in {}", names(&plain)));
    let globs = (!globs.is_empty()).then(|| format!("request.namespace.matches({})", quoted(&globs.join("|"))));
    let either: Vec<_> = plain.into_iter().chain(globs).collect();
    (!either.is_empty()).then(|| either.join(" || "))
}

/// A glob as a regular expression of RE2, which the API server uses and which has no such flag: a namespace is always ASCII.
fn regex(glob: &str) -> Option<String> {
    Some(Glob::new(glob).ok()?.regex().trim_start_matches("(?-u)").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_globs_and_exclusions_become_one_condition() {
        let patterns = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
        let name = "pull".parse().unwrap();
        let not_the_cluster = format!("!{IS_OF_THE_CLUSTER}");
        for (include, exclude, others, expected) in [
            (&[][..], &[][..], Others::All, not_the_cluster.clone()),
            (&[], &[], Others::None, "false".to_owned()),
            (
                &["a", "kube-x"],
                &["b"],
                Others::None,
                "(request.namespace in ['a', 'kube-x']) && !(request.namespace in ['b'])".to_owned(),
            ),
            (
                &["t-*", "u?"],
                &[],
                Others::None,
                format!(r"(request.namespace.matches('^t\\-.*$|^u.$') && {not_the_cluster})"),
            ),
            (&["kube-*"], &[], Others::None, r"request.namespace.matches('^kube\\-.*$')".to_owned()),
        ] {
            let (include, exclude) = (patterns(include), patterns(exclude));
            let one =
                Granted { name: &name, namespaces: &[], include: &include, exclude: &exclude, service_accounts: &[] };
            assert_eq!(is_chosen(&one, others), expected);
        }
    }
}
