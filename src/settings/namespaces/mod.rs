//! Chooses namespaces by names and globs, from a list of existing namespaces.

mod list;

use std::collections::BTreeSet;

use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::names::{Namespace, NamespacePattern, is_of_the_cluster};
use regcred_core::spec::{Origin, Parsed, Sourced};

pub use list::{Listed, is_of_openshift, read, read_from};

/// The choice of namespaces.
#[derive(Debug)]
pub struct Wanted<'a> {
    pub include: &'a [NamespacePattern],
    /// Where `include` was typed, for messages.
    pub origin: &'a Origin,
    pub exclude: &'a [NamespacePattern],
    pub listed: Option<&'a Listed>,
    /// Whether names are added to the list (flags), or replace it (regcred.yaml).
    pub names_add: bool,
}

#[derive(Debug, Default)]
pub struct Chosen {
    pub namespaces: Vec<Namespace>,
    pub excluded: usize,
}

/// The chosen namespaces; problems are added to `problems`.
pub fn choose(wanted: &Wanted<'_>, problems: &mut Vec<Diagnostic>) -> Chosen {
    let Wanted { include, origin, exclude, listed, names_add } = *wanted;
    let mut chosen = Vec::new();
    let mut globs = Vec::new();
    for pattern in include {
        match pattern {
            NamespacePattern::Glob(_) => globs.push(pattern),
            NamespacePattern::Name(name) if listed.is_some_and(|listed| listed.left_out.contains(name)) => {
                let message = format!("`{name}` is Terminating or has opted out, and is left out");
                problems.push(Diagnostic::warning(Code::NamespaceLeftOut, message));
            }
            NamespacePattern::Name(name) => chosen.push(name.clone()),
        }
    }
    if let Some(listed) = listed {
        let all = globs.is_empty() && (include.is_empty() || names_add);
        chosen.extend(listed.usable.iter().filter(|name| all || globs.iter().any(|glob| glob.matches(name))).cloned());
        globs.retain(|glob| is_of_the_cluster(glob.as_str()));
        chosen.extend(listed.of_the_cluster.iter().filter(|name| globs.iter().any(|glob| glob.matches(name))).cloned());
    } else if !globs.is_empty() {
        let message = format!("{origin} has a glob, and no list of namespaces is given for it to choose from");
        let hint = "pipe one in: `kubectl get ns -o json | regcred … --namespaces-from -`; `verify` also takes an empty list, `--namespaces-from - < /dev/null`";
        problems.push(Diagnostic::error(Code::GlobWithoutList, message).hint(hint));
    }
    chosen.sort_unstable();
    chosen.dedup();
    let before = chosen.len();
    let (names, globs): (Vec<_>, Vec<_>) = exclude.iter().partition(|pattern| pattern.name().is_some());
    let names: BTreeSet<_> = names.into_iter().filter_map(NamespacePattern::name).collect();
    chosen.retain(|name| !names.contains(name) && !globs.iter().any(|pattern| pattern.matches(name)));
    Chosen { excluded: before - chosen.len(), namespaces: chosen }
}

/// The patterns of a list, unless there are too many globs.
pub fn patterns(
    list: Option<&Sourced<Vec<Parsed<NamespacePattern>>>>,
    problems: &mut Vec<Diagnostic>,
) -> Vec<NamespacePattern> {
    let patterns = list.map_or(Vec::new(), |list| list.parsed(problems));
    let Some(problem) = too_many_globs(&patterns) else { return patterns };
    problems.push(problem);
    Vec::new()
}

/// Refuses too many globs: each glob, and each alternative in its braces, is tried on every namespace.
pub fn too_many_globs(patterns: &[NamespacePattern]) -> Option<Diagnostic> {
    const MOST: usize = 1_000;
    let globs = patterns.iter().map(NamespacePattern::globs).sum::<usize>();
    let message = format!("there are {globs} globs for namespaces, and at most {MOST} are tried");
    let hint = "name the namespaces, or use fewer, wider globs";
    (globs > MOST).then(|| Diagnostic::error(Code::InvalidList, message).hint(hint))
}

/// Refuses globs and names that take too long to compare.
pub fn too_many_pairs(globs: usize, names: usize) -> Option<Diagnostic> {
    const MOST: usize = 20_000_000;
    let message = format!("there are {globs} globs for {names} namespaces, and at most {MOST} pairs are compared");
    let hint = "use fewer, wider globs, or write more than one regcred.yaml";
    (globs.saturating_mul(names) > MOST).then(|| Diagnostic::error(Code::InvalidList, message).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_globs_choose() {
        let listed = read("shop-a\nshop-b\nshop-tmp\nkube-system\n", "", &mut Vec::new());
        let from_kubectl = read("namespace/shop-a\nnamespace/kube-system\n", "", &mut Vec::new());
        let choose_from = |listed, include: &[&str], exclude: &[&str], names_add| {
            let patterns = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
            let (include, exclude) = (patterns(include), patterns(exclude));
            let wanted = Wanted {
                include: &include,
                origin: &Origin::Flag("--namespaces"),
                exclude: &exclude,
                listed: Some(listed),
                names_add,
            };
            choose(&wanted, &mut Vec::new()).namespaces.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        let chosen = |include: &[&str], exclude: &[&str], names_add| choose_from(&listed, include, exclude, names_add);
        assert_eq!(chosen(&[], &["kube-*"], true), "shop-a shop-b shop-tmp");
        assert_eq!(chosen(&["team", "shop-*"], &["*-tmp"], true), "shop-a shop-b team");
        assert_eq!(chosen(&["team"], &["kube-*", "shop-*"], true), "team");
        assert_eq!(chosen(&["team"], &[], false), "team");
        for (include, expected) in [
            (&[][..], "shop-a"),
            (&["*"], "shop-a"),
            (&["kube-*"], "kube-system"),
            (&["{kube,shop}-*"], "shop-a"),
            (&["kube-system"], "kube-system shop-a"),
        ] {
            assert_eq!(choose_from(&from_kubectl, include, &[], true), expected, "{include:?}");
        }
    }
}
