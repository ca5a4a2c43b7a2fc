//! Writes which namespaces are served, in the language of admission policies (CEL).

use super::Granted;
use super::selector::Selector;
use crate::cluster::selection::Others;
use crate::names::{Namespace, NamespacePattern, as_globset, is_glob, is_of_the_cluster};
use crate::objects::guard::{has_not_opted_out, is_one_of, names, quoted};

/// The same test as [`is_of_the_cluster`], in CEL.
const IS_OF_THE_CLUSTER: &str = "(request.namespace.startsWith('kube-') || request.namespace.startsWith('openshift-') || \
                                 request.namespace == 'openshift')";

/// Which pull secret must be wanted in the namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) enum Which {
    /// Any pull secret.
    Any,
    /// The pull secret that the request names.
    Requested,
}

/// Whether such a pull secret goes to the namespace of the request, by the rules of [`crate::cluster::selection`].
pub(in crate::cluster) fn is_served(
    pull_secrets: &[Granted<'_>],
    which: Which,
    others: Others,
    selector: &Selector,
) -> String {
    let any = any_of(pull_secrets, which, |one| is_chosen(one, others));
    [any]
        .into_iter()
        .chain(selector.conditions())
        .chain([has_not_opted_out("namespaceObject")])
        .collect::<Vec<_>>()
        .join(" && ")
}

/// Whether the namespace of the request is listed for such a pull secret. The Roles limit the account as well, but Roles of an earlier, longer
/// list may still exist. If the list is too long for an expression, only the Roles limit the account.
pub(in crate::cluster) fn is_listed(pull_secrets: &[Granted<'_>], which: Which) -> String {
    const LONGEST: usize = 40_000;
    let has_not_opted_out = has_not_opted_out("namespaceObject");
    let length = pull_secrets.iter().flat_map(|one| one.namespaces).map(|name| name.as_str().len() + "'', ".len());
    if length.sum::<usize>() > LONGEST {
        return has_not_opted_out;
    }
    let is_one_of = |one: &Granted<'_>| {
        let listed: Vec<_> = one.namespaces.iter().map(Namespace::as_str).collect();
        format!("request.namespace in {}", names(&listed))
    };
    format!("{} && {has_not_opted_out}", any_of(pull_secrets, which, is_one_of))
}

/// The condition of any of these pull secrets, or of the pull secret that the request names.
fn any_of(pull_secrets: &[Granted<'_>], which: Which, choice: impl Fn(&Granted<'_>) -> String) -> String {
    let choices: Vec<_> = pull_secrets.iter().map(|one| (one.name, format!("({})", choice(one)))).collect();
    match choices.as_slice() {
        [(_, first), rest @ ..] if rest.iter().all(|(_, choice)| choice == first) => first.clone(),
        _ => {
            let each = choices.into_iter().map(|(name, choice)| match which {
                Which::Any => choice,
                Which::Requested => format!("(request.name == {} && {choice})", quoted(name.as_str())),
            });
            format!("({})", each.collect::<Vec<_>>().join(" || "))
        }
    }
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

/// Whether a ServiceAccount is one of these names and globs; `None` if all are meant.
pub(in crate::cluster) fn is_linked<'a>(
    account: &str,
    written: impl IntoIterator<Item = &'a String>,
) -> Option<String> {
    let mut written: Vec<_> = written.into_iter().map(String::as_str).collect();
    if written.contains(&"*") {
        return None;
    }
    written.sort_unstable();
    written.dedup();
    let (globs, plain): (Vec<_>, Vec<_>) = written.into_iter().partition(|text| is_glob(text));
    let globs: Vec<_> = globs.into_iter().filter_map(regex).collect();
    let plain = (!plain.is_empty()).then(|| is_one_of(account, &plain));
    let globs = (!globs.is_empty()).then(|| format!("{account}.matches({})", quoted(&globs.join("|"))));
    Some(plain.into_iter().chain(globs).collect::<Vec<_>>().join(" || "))
}

/// A glob as a regular expression of RE2, which the API server uses. RE2 does not know the flag `(?-u)`, with which the expression of `globset`
/// begins. The flag is not needed, because the name of an object is always ASCII.
fn regex(glob: &str) -> Option<String> {
    Some(as_globset(glob)?.regex().trim_start_matches("(?-u)").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::ResourceName;

    fn granted<'a>(
        name: &'a ResourceName,
        include: &'a [NamespacePattern],
        exclude: &'a [NamespacePattern],
    ) -> Granted<'a> {
        Granted { name, namespaces: &[], include, exclude, service_accounts: &[], written_accounts: &[] }
    }

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
            assert_eq!(is_chosen(&granted(&name, &include, &exclude), others), expected);
        }
    }

    #[test]
    fn globs_for_service_accounts_are_as_narrow_as_written() {
        for (written, expected) in [
            (&["default"][..], Some("n == 'default'")),
            (&["b", "a", "b"], Some("n in ['a', 'b']")),
            (&["ci-*", "default"], Some(r"n == 'default' || n.matches('^ci\\-.*$')")),
            (&["*", "a"], None),
        ] {
            let written: Vec<_> = written.iter().map(|&text| text.to_owned()).collect();
            assert_eq!(is_linked("n", &written).as_deref(), expected);
        }
    }

    #[test]
    fn each_pull_secret_goes_to_its_own_namespaces_only() {
        let [a, b]: [ResourceName; 2] = ["a", "b"].map(|name| name.parse().unwrap());
        let [shop, team]: [Vec<NamespacePattern>; 2] = ["shop", "team"].map(|name| vec![name.parse().unwrap()]);
        let pair = [granted(&a, &shop, &[]), granted(&b, &team, &[])];
        let said = |which| is_served(&pair, which, Others::None, &Selector::default());
        let [in_shop, in_team] = ["(request.namespace in ['shop'])", "(request.namespace in ['team'])"];
        let requested = format!("((request.name == 'a' && {in_shop}) || (request.name == 'b' && {in_team}))");
        assert!(said(Which::Requested).starts_with(&requested), "{}", said(Which::Requested));
        assert!(said(Which::Any).starts_with(&format!("({in_shop} || {in_team})")), "{}", said(Which::Any));
        let same = [granted(&a, &shop, &[]), granted(&b, &shop, &[])];
        assert!(is_served(&same, Which::Requested, Others::None, &Selector::default()).starts_with(in_shop));
        let listed: Vec<Namespace> = vec!["shop".parse().unwrap()];
        let many: Vec<Namespace> = (0..5_000).map(|number| format!("team-{number}").parse().unwrap()).collect();
        let of_list = |namespaces| Granted { namespaces, ..granted(&a, &[], &[]) };
        assert!(is_listed(&[of_list(&listed)], Which::Any).starts_with(in_shop));
        assert_eq!(is_listed(&[of_list(&many)], Which::Any), has_not_opted_out("namespaceObject"));
    }
}
