//! Splits a text with Git's conflict markers into its two sides.

/// The side of a merge that a line is on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Both,
    Ours,
    /// The common base; Git writes it with `merge.conflictStyle` `diff3` or `zdiff3`.
    Base,
    Theirs,
}

/// The lines of both sides, with their line ends; `None` without a conflict, or if a marker is missing.
pub fn sides(text: &[u8]) -> Option<[Vec<&[u8]>; 2]> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let (mut place, mut conflicts) = (Place::Both, 0_usize);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        place = match (marker(line.trim_ascii_end()), place) {
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
                    ours.push(line);
                }
                if matches!(place, Place::Both | Place::Theirs) {
                    theirs.push(line);
                }
                place
            }
        };
    }
    (place == Place::Both && conflicts > 0).then_some([ours, theirs])
}

/// The character that a marker repeats seven times, before a blank or the line end. The longer markers of a nested merge are text.
fn marker(line: &[u8]) -> Option<u8> {
    let first = *line.first()?;
    let count = line.iter().take_while(|byte| **byte == first).count();
    (b"<|=>".contains(&first) && count == 7 && matches!(line.get(7), None | Some(b' '))).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_is_read_as_if_there_were_no_other() {
        let both = "a: 1\n<<<<<<< HEAD\n  b: 2\n||||||| 1234567\n  old: 3\n<<<<<<<<< nested\n=======\n  c: 4\n>>>>>>> other\nd: 5";
        for both in [both.to_owned(), both.replace('\n', "\r\n")] {
            let [ours, theirs] =
                sides(both.as_bytes()).unwrap().map(|lines| String::from_utf8(lines.concat()).unwrap());
            assert_eq!(ours.replace('\r', ""), "a: 1\n  b: 2\nd: 5");
            assert_eq!(theirs.replace('\r', ""), "a: 1\n  c: 4\nd: 5");
        }
    }

    #[test]
    fn a_text_without_all_its_markers_is_no_conflict() {
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
