//! Chooses namespaces by name, glob and label.

use super::index::Here;
use crate::cluster::grant::Selector;
use crate::cluster::selection::{Aim, Choice, Others};
use crate::names::{Namespace, NamespacePattern};

/// Which namespaces a pull secret goes to, as written. Without names and globs: all except the cluster's own.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Names and globs to take.
    pub include: Vec<NamespacePattern>,
    /// Names and globs to leave out.
    pub exclude: Vec<NamespacePattern>,
    /// Labels that the namespaces must have.
    pub selector: Option<Selector>,
}

/// Which namespaces a pull secret goes to.
#[derive(Clone, Copy, Debug)]
pub struct Choosing<'d> {
    /// The choice of the resource or file.
    pub selection: &'d Selection,
    /// The limit, if there is one.
    pub within: Option<&'d Selection>,
}

impl Selection {
    /// The choice by name and glob.
    pub(super) fn choice(&self) -> Choice<'_> {
        Choice { include: &self.include, exclude: &self.exclude, others: Others::All, aim: Aim::Serve }
    }

    fn has_its_labels(&self, here: &Here) -> bool {
        self.selector.as_ref().is_none_or(|selector| selector.matches(&here.space.metadata.labels))
    }
}

impl<'d> Choosing<'d> {
    /// Whether the namespace is chosen, even if it has opted out.
    pub(super) fn names_it(&self, name: &Namespace, here: &Here) -> bool {
        self.selections().all(|selection| selection.has_its_labels(here) && selection.choice().names_it(name))
    }

    /// Whether the namespace is served.
    pub(super) fn takes(&self, name: &Namespace, here: &Here) -> bool {
        here.is_known
            && self
                .selections()
                .all(|selection| selection.has_its_labels(here) && selection.choice().takes(name, &here.space))
    }

    /// Whether the choice asks for this label.
    pub(super) fn mentions(&self, label: &str) -> bool {
        self.selections().filter_map(|selection| selection.selector.as_ref()).any(|selector| selector.mentions(label))
    }

    fn selections(&self) -> impl Iterator<Item = &'d Selection> + use<'d> {
        [Some(self.selection), self.within].into_iter().flatten()
    }
}
