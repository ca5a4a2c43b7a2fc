//! Merge conflicts in a tree: a side of a lock in, a lock out; and what to say of it.
//!
//! Two branches that each add a namespace change neighbouring lines, so this is the normal case, and nobody should solve it by hand:
//! what is listed on either side is ours, and the next run makes of it what is wanted.

use std::path::Path;

use super::path::{self, Found, TreePath};
use crate::files::single;
use regcred_core::diagnostic::{Code, Diagnostic};

/// One side as a lock without a conflict.
///
/// A line of an entry ends with a comma or not, depending on what follows it on its side: it gets the one that it needs.
pub(super) fn as_lock(side: &[&[u8]]) -> Vec<u8> {
    let mut lock = Vec::new();
    for line in side {
        add(line.trim_ascii(), &mut lock);
    }
    lock
}

fn add(line: &[u8], side: &mut Vec<u8>) {
    let is_entry = |line: &[u8]| line.starts_with(b"{\"path\"");
    let last = side.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    if is_entry(last) && is_entry(line) {
        side.push(b',');
    }
    side.push(b'\n');
    side.extend_from_slice(if is_entry(line) { line.strip_suffix(b",").unwrap_or(line) } else { line });
}

/// That there was a conflict.
pub(super) fn warning() -> Diagnostic {
    let message = format!("`{}` has a merge conflict: both sides were read, and it is written anew", path::LOCK);
    Diagnostic::warning(Code::LockConflict, message).hint("commit it with the files that were written")
}

/// That a file comes from a merge.
pub(super) fn in_a_file(path: &TreePath) -> Diagnostic {
    Diagnostic::warning(Code::FileConflict, format!("`{path}` comes from a merge, and is written anew"))
        .hint("what is encrypted on either side keeps its bytes, if it is still wanted: commit it with `regcred.lock`")
}

/// What to do about files that are in the way: some of them may be ours, and listed on a side of a merge that was not taken.
pub(super) fn what_to_do(in_the_way: &[TreePath], root: &Path) -> &'static str {
    let is_ours = |path: &TreePath| {
        matches!(path.find(root), Ok(Found::File)) && single::is_ours(&path.under(root)).unwrap_or(false)
    };
    if in_the_way.iter().any(is_ours) {
        "this looks like regcred's and is not in `regcred.lock`, as when a merge took only one side of it: take both, with \
         `git checkout --merge regcred.lock` in that folder, or delete the file; then render again: nothing was written there"
    } else {
        "choose another --output, or move it away: nothing was written there"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_the_comma_that_it_needs_on_its_side() {
        let side =
            ["{\"version\":1,\"files\":[\n", "{\"path\":\"a\"}\r\n", "{\"path\":\"b\"},\n", "]}"].map(str::as_bytes);
        let lock = String::from_utf8(as_lock(&side)).unwrap();
        assert_eq!(lock, "\n{\"version\":1,\"files\":[\n{\"path\":\"a\"},\n{\"path\":\"b\"}\n]}");
    }
}
