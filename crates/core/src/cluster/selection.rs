//! Chooses the namespaces for a pull secret from the namespaces of a cluster.

use std::collections::BTreeMap;

use super::facts::{Phase, Space};
use crate::names::{Namespace, NamespacePattern, is_of_the_cluster};

/// Which namespaces are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// Names and globs to take.
    pub include: &'a [NamespacePattern],
    /// Names and globs to leave out.
    pub exclude: &'a [NamespacePattern],
    /// Which namespaces are chosen if there are no names and globs.
    pub others: Others,
    /// What the namespaces are chosen for.
    pub aim: Aim,
}

/// What namespaces are chosen for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// To serve them.
    Serve,
    /// To clean up after an earlier run: a namespace that has opted out since, or is the cluster's own, may still have our objects.
    CleanUp,
}

/// Which namespaces are taken if no name and no glob is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// Every namespace that was read (`--all-namespaces`, or `--selector`, which the API server has applied); the cluster's own only with
    /// [`Aim::CleanUp`].
    All,
    /// No namespace.
    None,
}

/// The chosen namespaces, and the namespaces that were left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// The namespaces, sorted and without duplicates.
    pub namespaces: Vec<Namespace>,
    /// Named namespaces that are left out because they are being deleted or have opted out.
    pub left_out: Vec<(Namespace, Why)>,
    /// Named namespaces that do not exist.
    pub missing: Vec<Namespace>,
    /// How many of the included namespaces are excluded.
    pub excluded: usize,
}

/// Why a namespace is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is being deleted.
    Terminating,
    /// Its annotation opts out.
    OptedOut,
}

impl Choice<'_> {
    /// The names, if only names are given, so that no list of the namespaces is needed.
    pub fn names(&self) -> Option<Vec<&Namespace>> {
        if self.others == Others::All && self.include.is_empty() {
            return None;
        }
        self.include.iter().map(NamespacePattern::name).collect()
    }

    /// Whether a namespace is chosen, even if it has opted out or is being deleted.
    pub fn names_it(&self, name: &Namespace) -> bool {
        self.matches(name).is_some() && !self.exclude.iter().any(|pattern| pattern.matches(name))
    }

    /// Whether a namespace is chosen, and can be used.
    pub fn takes(&self, name: &Namespace, space: &Space) -> bool {
        self.names_it(name) && self.usable(space).is_ok()
    }

    /// Chooses from the namespaces that exist.
    pub fn choose(&self, existing: &BTreeMap<Namespace, Space>) -> Chosen {
        let mut chosen = Chosen::default();
        for (name, space) in existing {
            match (self.matches(name), self.usable(space)) {
                (None, _) | (Some(By::Rule), Err(_)) => {}
                _ if self.exclude.iter().any(|pattern| pattern.matches(name)) => chosen.excluded += 1,
                (Some(By::Name), Err(why)) => chosen.left_out.push((name.clone(), why)),
                (Some(_), Ok(())) => chosen.namespaces.push(name.clone()),
            }
        }
        let named = self.include.iter().filter_map(NamespacePattern::name);
        let is_missing = |name: &&Namespace| {
            !existing.contains_key(*name) && !self.exclude.iter().any(|pattern| pattern.matches(name))
        };
        chosen.missing = named.filter(is_missing).cloned().collect();
        chosen.missing.sort_unstable();
        chosen.missing.dedup();
        chosen
    }

    /// Whether a namespace is wanted, and by what kind of choice.
    fn matches(&self, name: &Namespace) -> Option<By> {
        let is_kept_apart = self.aim == Aim::Serve && is_of_the_cluster(name.as_str());
        let mut by = (self.include.is_empty() && self.others == Others::All && !is_kept_apart).then_some(By::Rule);
        for pattern in self.include.iter().filter(|pattern| pattern.matches(name)) {
            match pattern {
                NamespacePattern::Name(_) => return Some(By::Name),
                NamespacePattern::Glob(_) if is_kept_apart && !is_of_the_cluster(pattern.as_str()) => {}
                NamespacePattern::Glob(_) => by = Some(By::Rule),
            }
        }
        by
    }

    fn usable(&self, space: &Space) -> Result<(), Why> {
        match space.phase {
            Phase::Terminating => Err(Why::Terminating),
            Phase::Active if self.aim == Aim::Serve && space.metadata.opts_out() => Err(Why::OptedOut),
            Phase::Active => Ok(()),
        }
    }
}

/// How a namespace was chosen.
#[derive(Clone, Copy)]
enum By {
    Name,
    Rule,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn existing() -> BTreeMap<Namespace, Space> {
        let space = |text: &str| serde_json::from_str::<super::super::facts::NamespaceObject>(text).unwrap().space();
        let plain = || space("{}");
        let mut spaces: BTreeMap<Namespace, Space> =
            ["shop-a", "shop-b", "kube-system", "openshift-dns"].map(|name| (name.parse().unwrap(), plain())).into();
        spaces.insert("shop-ends".parse().unwrap(), space(r#"{"status":{"phase":"Terminating"}}"#));
        let opted_out = r#"{"metadata":{"annotations":{"regcred.dev/exclude":"true"}}}"#;
        spaces.insert("shop-out".parse().unwrap(), space(opted_out));
        spaces
    }

    fn choose(include: &[&str], exclude: &[&str], others: Others) -> Chosen {
        let patterns = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
        let (include, exclude) = (patterns(include), patterns(exclude));
        Choice { include: &include, exclude: &exclude, others, aim: Aim::Serve }.choose(&existing())
    }

    fn names(chosen: &Chosen) -> String {
        chosen.namespaces.iter().map(Namespace::as_str).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn names_globs_and_all_choose_only_namespaces_that_can_and_should_be_served() {
        for (include, exclude, others, expected) in [
            (&[][..], &[][..], Others::None, ""),
            (&[], &[], Others::All, "shop-a shop-b"),
            (&[], &["*-b"], Others::All, "shop-a"),
            (&["shop-a", "kube-system"], &[], Others::None, "kube-system shop-a"),
            (&["*"], &[], Others::None, "shop-a shop-b"),
            (&["kube-*"], &[], Others::None, "kube-system"),
            (&["{kube,shop}-*"], &["shop-a"], Others::None, "shop-b"),
            (&["shop-a"], &["shop-*"], Others::None, ""),
        ] {
            assert_eq!(names(&choose(include, exclude, others)), expected, "{include:?} {exclude:?} {others:?}");
        }
        assert_eq!(choose(&[], &["*-b", "kube-*"], Others::All).excluded, 1);
    }

    #[test]
    fn to_clean_up_the_clusters_own_and_opted_out_namespaces_are_chosen_too() {
        let choice = Choice { include: &[], exclude: &[], others: Others::All, aim: Aim::CleanUp };
        assert_eq!(names(&choice.choose(&existing())), "kube-system openshift-dns shop-a shop-b shop-out");
    }

    #[test]
    fn a_name_that_cannot_be_served_is_reported() {
        let chosen = choose(&["shop-ends", "shop-out", "gone", "gone-too"], &["gone-too"], Others::None);
        let left_out: Vec<_> = chosen.left_out.iter().map(|(name, why)| (name.as_str(), *why)).collect();
        assert_eq!(left_out, [("shop-ends", Why::Terminating), ("shop-out", Why::OptedOut)]);
        assert_eq!(chosen.missing.iter().map(Namespace::as_str).collect::<Vec<_>>(), ["gone"]);
        assert!(chosen.namespaces.is_empty());
    }

    #[test]
    fn only_names_need_no_list_of_the_namespaces() {
        let patterns = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
        for (include, others, expected) in
            [(&["a", "b"][..], Others::None, true), (&["a", "b*"], Others::None, false), (&[], Others::All, false)]
        {
            let include = patterns(include);
            let choice = Choice { include: &include, exclude: &[], others, aim: Aim::Serve };
            assert_eq!(choice.names().is_some(), expected, "{include:?}");
        }
    }
}
