//! A tally: how each encrypted file of a tree stands in, what there is to say of all of them together out.

use super::fingerprint::KEY_VARIABLE;
use super::path::TreePath;
use super::standing::Standing;
use crate::problem::Problem;

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
    pub fn add(&mut self, path: &TreePath, standing: &Standing) {
        match standing {
            Standing::Current(_) | Standing::Unproven(_) | Standing::Stale => self.ours += 1,
            Standing::Readdressed => {
                self.ours += 1;
                self.readdressed += 1;
            }
            Standing::Disowned => self.disowned.push(path.clone()),
            Standing::Missing | Standing::InTheWay | Standing::Edited | Standing::Unknown => {}
        }
    }

    /// The files whose line of the lock somebody has edited: where the key has signed others, it is not another one.
    pub fn edited(&self) -> &[TreePath] {
        if self.ours > 0 { &self.disowned } else { &[] }
    }

    /// What concerns many at once.
    pub fn warnings(&self) -> Vec<Problem> {
        let under_another_key = (self.ours == 0).then_some(self.disowned.len()).filter(|count| *count > 0);
        let readdressed = Some(self.readdressed).filter(|count| *count > 0);
        under_another_key.map(disowned).into_iter().chain(readdressed.map(self::readdressed)).collect()
    }
}

/// That this many are for others than before.
pub(super) fn readdressed(count: usize) -> Problem {
    let (files, are) = if count == 1 { ("file", "is") } else { ("files", "are") };
    let message = format!("{count} encrypted {files} {are} for another key than before, or by another rule of sops");
    Problem::warning("another-recipient", message)
        .hint("whoever has that key can open the logins: make sure that the change was meant, and by whom")
}

/// That this many were not written with the key of fingerprints that is set.
pub(super) fn disowned(count: usize) -> Problem {
    let (files, were) = if count == 1 { ("file", "was") } else { ("files", "were") };
    let message = format!("{count} encrypted {files} {were} edited, or written under another `{KEY_VARIABLE}`");
    Problem::warning("another-fingerprint-key", message).hint(
        "with another key everything is encrypted anew, once; without a change of the key look who has edited `regcred.lock`",
    )
}
