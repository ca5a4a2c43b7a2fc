//! Merge conflicts in a lock: its text with Git's markers in, the text of either side out; and what to say of it.
//!
//! Two branches that each add a namespace change neighbouring lines, so this is the normal case, and nobody should solve it by hand:
//! what is listed on either side is ours, and the next run makes of it what is wanted.

use std::path::Path;

use super::path::{self, Found, TreePath};
use crate::output::single;
use crate::problem::Problem;

/// The side that a line is on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Both,
    Ours,
    /// What both come from; Git writes it with `merge.conflictStyle` `diff3` or `zdiff3`.
    Base,
    Theirs,
}

/// The text of either side as a lock without a conflict, if all the markers are there.
///
/// A line of an entry ends with a comma or not, depending on what follows it on its side: it gets the one that it needs.
pub(super) fn sides(text: &[u8]) -> Option<[Vec<u8>; 2]> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let (mut place, mut conflicts) = (Place::Both, 0_usize);
    for line in text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
        place = match (marker(line), place) {
            (Some(b'<'), Place::Both) => Place::Ours,
            (Some(b'|'), Place::Ours) => Place::Base,
            (Some(b'='), Place::Ours | Place::Base) => Place::Theirs,
            (Some(b'>'), Place::Theirs) => {
                conflicts += 1;
                Place::Both
            }
            (Some(_), _) => return None,
            (None, _) => {
                if matches!(place, Place::Both | Place::Ours) {
                    add(line, &mut ours);
                }
                if matches!(place, Place::Both | Place::Theirs) {
                    add(line, &mut theirs);
                }
                place
            }
        };
    }
    (place == Place::Both && conflicts > 0).then_some([ours, theirs])
}

/// The character of a marker: seven of it, and then the end or a name. In a base that is itself a merge they are longer.
fn marker(line: &[u8]) -> Option<u8> {
    let first = *line.first()?;
    let count = line.iter().take_while(|byte| **byte == first).count();
    (b"<|=>".contains(&first) && count == 7 && matches!(line.get(7), None | Some(b' '))).then_some(first)
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
pub(super) fn warning() -> Problem {
    let message = format!("`{}` has a merge conflict: both sides were read, and it is written anew", path::LOCK);
    Problem::warning("lock-conflict", message).hint("commit it with the files that were written")
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

    fn text(side: &[u8]) -> String {
        String::from_utf8(side.to_vec()).unwrap()
    }

    #[test]
    fn each_side_is_read_as_if_there_were_no_other() {
        let both = "{\"version\":1,\"files\":[\n{\"path\":\"a\"},\n<<<<<<< HEAD\n{\"path\":\"b\"},\n{\"path\":\"c\"}\n||||||| 1234567\n\
                    {\"path\":\"old\"}\n<<<<<<<<< nested\n=======\n{\"path\":\"d\"}\n>>>>>>> other\n]}\n";
        for both in [both.to_owned(), both.replace('\n', "\r\n")] {
            let [ours, theirs] = sides(both.as_bytes()).unwrap();
            let expected = |rest| format!("\n{{\"version\":1,\"files\":[\n{{\"path\":\"a\"}},\n{rest}\n]}}\n");
            assert_eq!(text(&ours), expected("{\"path\":\"b\"},\n{\"path\":\"c\"}"));
            assert_eq!(text(&theirs), expected("{\"path\":\"d\"}"));
        }
    }

    #[test]
    fn what_has_not_all_its_markers_is_no_conflict() {
        for text in [
            "",
            "{}",
            "<<<<<<< HEAD\n",
            "<<<<<<< a\n=======\n",
            "=======\n>>>>>>> b\n",
            "<<<<<<< a\n>>>>>>> b\n",
            "<<<<<<< a\n<<<<<<< a\n=======\n>>>>>>> b\n",
            "<<<<<<<< a\n========\n>>>>>>>> b\n",
        ] {
            assert!(sides(text.as_bytes()).is_none(), "{text}");
        }
    }
}
