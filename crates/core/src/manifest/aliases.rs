//! Detects YAML whose aliases and merges would expand far too much, before anything expands it.

use std::collections::HashMap;

use serde_saphyr::granit_parser::{Event, Parser};

/// The largest number of values that a text may expand to: more than in any file that a person writes, and about a second of work.
const LIMIT: u64 = 2_000_000;
/// A merged value counts as this many repeated values, because its key is compared with all other keys.
const MERGED: u64 = 100;

/// Whether the text has too many aliases, or an alias that contains itself. A text that is not YAML has neither.
pub fn expands_too_far(text: &str) -> bool {
    // Most texts have no alias, and need no second parse.
    if !(text.contains('&') && text.contains('*')) {
        return false;
    }
    let mut sizes: HashMap<usize, u64> = HashMap::new();
    let mut open = vec![(0, 0, false)];
    let mut repeated: u64 = 0;
    let mut after_merge_key = false;
    for event in Parser::new_from_str(text) {
        let Ok((event, _)) = event else { return false };
        let is_merged = after_merge_key || open.last().is_some_and(|(_, _, is_merged)| *is_merged);
        after_merge_key = matches!(&event, Event::Scalar(key, ..) if key == "<<");
        let (anchor, size) = match event {
            Event::Scalar(_, _, anchor, _) => (anchor, 1),
            Event::SequenceStart(_, anchor, _) => {
                open.push((anchor, 1, is_merged));
                continue;
            }
            Event::MappingStart(_, anchor, _) => {
                open.push((anchor, 1, false));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                open.pop().map_or_else(Default::default, |(anchor, size, _)| (anchor, size))
            }
            Event::Alias(anchor) => {
                // An anchor without a size is still open: the alias is inside its own anchor.
                let Some(size) = sizes.get(&anchor) else { return true };
                let work = if is_merged { MERGED } else { 1 };
                repeated = repeated.saturating_add(size.saturating_mul(work));
                if repeated > LIMIT {
                    return true;
                }
                (0, *size)
            }
            _ => continue,
        };
        if anchor != 0 {
            sizes.insert(anchor, size);
        }
        if let Some((_, outer, _)) = open.last_mut() {
            *outer = outer.saturating_add(size);
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_expands_without_end_is_told_from_what_people_write() {
        let levels = |item: &str| {
            let level = |number: usize| {
                let before = item.replace('N', &(number - 1).to_string());
                format!("a{number}: &a{number} {before}\n")
            };
            "a0: &a0 {x: y}\n".to_owned() + &(1..40).map(level).collect::<String>()
        };
        let merges: Vec<_> = (1..10)
            .map(|at| format!("a{at}: &a{at} {{<<: [*aN, *aN, *aN]}}\n").replace('N', &(at - 1).to_string()))
            .collect();
        for text in [
            levels("{<<: [*aN, *aN, *aN, *aN]}"),
            "a0: &a0 {k: 1}\n".to_owned() + &merges.concat(),
            levels("[*aN, *aN]"),
            levels("{x: *aN, y: *aN}"),
            "a: &a {b: *a}\n".to_owned(),
            "a: &a {<<: *a}\n".to_owned(),
        ] {
            assert!(expands_too_far(&text), "{text}");
        }
        let people = "x: &x {a: 1}\ny:\n  <<: *x\nz: [*x, *x]\n";
        for text in [people, "a: 1\n", "a: '&x *x'\n", "a: &x [", ""] {
            assert!(!expands_too_far(text), "{text}");
        }
    }
}
