//! Chooses namespaces by name, glob and label.

use super::index::Here;
use crate::cluster::grant::Selector;
use crate::cluster::selection::Choice;
use crate::names::Namespace;

/// Which namespaces a pull secret goes to.
#[derive(Clone, Copy, Debug)]
pub struct Choosing<'d> {
    /// By name and glob.
    pub choice: Choice<'d>,
    /// By label, of those.
    pub selector: Option<&'d Selector>,
}

impl Choosing<'_> {
    /// Whether it is chosen, whether or not it has opted out.
    pub(super) fn names_it(&self, name: &Namespace, here: &Here) -> bool {
        self.has_the_labels(here) && self.choice.names_it(name)
    }

    /// Whether it is served.
    pub(super) fn takes(&self, name: &Namespace, here: &Here) -> bool {
        here.is_known && self.has_the_labels(here) && self.choice.takes(name, &here.space)
    }

    fn has_the_labels(&self, here: &Here) -> bool {
        self.selector.is_none_or(|selector| selector.matches(&here.space.metadata.labels))
    }
}
