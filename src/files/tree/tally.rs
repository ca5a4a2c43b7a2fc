//! A tally: how each encrypted file of a tree stands in, what there is to say of all of them together out.

use super::path::TreePath;
use super::standing::{Addressee, Standing};
use crate::files::evidence::warnings::{disowned, readdressed};
use regcred_core::diagnostic::Diagnostic;

/// What was seen of the encrypted files.
#[derive(Debug, Default)]
pub struct Tally {
    /// As they were written, as far as the key or nobody can tell.
    ours: usize,
    /// As the lock says, which was not written with our key.
    disowned: Vec<TreePath>,
    readdressed: usize,
}

impl Tally {
    /// Counts a file.
    pub fn add(&mut self, path: &TreePath, (standing, addressee): (&Standing, Addressee)) {
        self.readdressed += usize::from(addressee == Addressee::Another);
        match standing {
            Standing::Current(_) | Standing::Unproven(_) | Standing::Stale | Standing::Readdressed => self.ours += 1,
            Standing::Disowned => self.disowned.push(path.clone()),
            Standing::Missing | Standing::InTheWay | Standing::Edited | Standing::Merged | Standing::Unknown => {}
        }
    }

    /// The files whose line of the lock somebody has edited: where the key has signed others, it is not another one.
    pub fn edited(&self) -> &[TreePath] {
        if self.ours > 0 { &self.disowned } else { &[] }
    }

    /// What concerns many at once.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        let under_another_key = (self.ours == 0).then_some(self.disowned.len()).filter(|count| *count > 0);
        let for_others = Some(self.readdressed).filter(|count| *count > 0);
        under_another_key.map(disowned).into_iter().chain(for_others.map(readdressed)).collect()
    }
}
