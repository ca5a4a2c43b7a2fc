//! Parses a glob for names. A glob is kept as text, not compiled, so thousands of globs in one file need no more memory than their text.

use fast_glob::glob_match;
use globset::{Glob, GlobBuilder};

use super::{Fault, InvalidName, label_character, what};

const RULE: &str = "a glob has a-z, 0-9 and -, and * for anything, for example shop-*";
/// No name is longer.
const LONGEST: usize = 253;
/// The most pairs of braces in a glob: the matcher takes no more.
pub const BRACES: usize = 10;
/// The most globs without braces that a glob may stand for: the matcher tries one after the other.
const ALTERNATIVES: usize = 1_024;

/// A glob for names: `*`, `?`, `[…]` and `{…,…}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameGlob(Box<str>);

impl NameGlob {
    /// A glob of characters that occur in names; names of some kinds contain dots.
    pub(super) fn read(text: &str, with_dots: bool) -> Result<Self, InvalidName> {
        let wrong = |fault| Err(InvalidName { kind: "the glob", fault, hint: RULE });
        let allowed = |(position, character): (usize, char)| {
            label_character(character)
                || "*?[]{},^".contains(character)
                || (character == '!' && position > 0)
                || (with_dots && character == '.')
        };
        let length = text.chars().count();
        if length > LONGEST {
            return wrong(Fault::TooLong(length, LONGEST));
        }
        match text.chars().enumerate().find(|character| !allowed(*character)) {
            Some((position, character)) => wrong(Fault::Character(position + 1, what(character))),
            None if text.matches('{').count() > BRACES => wrong(Fault::Braces(BRACES)),
            None if alternatives(text) > ALTERNATIVES => wrong(Fault::Alternatives(ALTERNATIVES)),
            None if as_globset(text).is_none() => wrong(Fault::NoGlob),
            None => Ok(Self(text.into())),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// At most how many globs without braces it stands for.
    pub(super) fn alternatives(&self) -> usize {
        alternatives(&self.0)
    }

    /// Whether it matches this name.
    pub fn is_match(&self, name: &str) -> bool {
        glob_match(&*self.0, name)
    }
}

/// The glob for globset, which can write it as a regular expression. As in a shell, `shop{,-dev}` also matches `shop`.
pub fn as_globset(text: &str) -> Option<Glob> {
    GlobBuilder::new(text).empty_alternates(true).build().ok()
}

fn alternatives(text: &str) -> usize {
    text.split('{').skip(1).map(|words| words.matches(',').count() + 1).product()
}

/// Whether a text has a character that only a glob has.
pub fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether the regular expression in a policy of the API server matches.
    fn is_match(text: &str, name: &str) -> bool {
        as_globset(text).unwrap().compile_matcher().is_match(name)
    }

    proptest! {
        #[test]
        fn a_glob_matches_what_a_policy_with_its_regular_expression_matches(
            text in "[-ab0*?\\[\\]{},!^.]{1,14}",
            names in prop::collection::vec("[-ab0.]{1,8}", 1..20),
        ) {
            if let Ok(glob) = NameGlob::read(&text, true) {
                for name in names {
                    prop_assert_eq!(glob.is_match(&name), is_match(&text, &name), "{} {}", text, name);
                }
            }
        }

        #[test]
        fn a_well_formed_glob_is_taken_and_matches_the_same(
            text in "([ab0]|\\*|\\?|\\[ab\\]|\\[!a-b\\]|\\[\\^0\\]|\\{a,b\\}|\\{a\\*,-\\{b,0\\}\\}){1,6}",
            names in prop::collection::vec("[-ab0]{1,8}", 1..20),
        ) {
            let glob = NameGlob::read(&text, false).unwrap();
            for name in names {
                prop_assert_eq!(glob.is_match(&name), is_match(&text, &name), "{} {}", text, name);
            }
        }
    }

    #[test]
    fn an_empty_alternative_matches_nothing_in_its_place() {
        for (text, name) in [("shop{,-dev}", "shop"), ("shop{,-dev}", "shop-dev"), ("*{],}", "a")] {
            assert!(NameGlob::read(text, false).unwrap().is_match(name) && is_match(text, name), "{text}");
        }
    }

    #[test]
    fn a_glob_that_no_program_can_read_is_refused_before_it_is_tried() {
        for (bad, said) in [
            (
                format!("{}a{}", "{".repeat(60_000), "}".repeat(60_000)),
                "the glob has 120001 characters, 253 are allowed",
            ),
            (format!("{}a{}", "{".repeat(11), "}".repeat(11)), "the glob has more than 10 pairs of braces"),
            ("{a,b}".repeat(11), "the glob has more than 10 pairs of braces"),
            (
                format!("{}z", format!("{{{}}}", ",".repeat(22)).repeat(10)),
                "the glob has braces that stand for more than 1024 globs",
            ),
            ("{a,{b,c},d}".repeat(5), "the glob has braces that stand for more than 1024 globs"),
            ("?".repeat(254), "the glob has 254 characters, 253 are allowed"),
            ("!a*".to_owned(), "the glob has a character that is not allowed at position 1"),
        ] {
            assert_eq!(NameGlob::read(&bad, false).unwrap_err().to_string(), said);
        }
        for (good, name) in
            [("*".repeat(253), "shop"), ("{a,b}".repeat(10), "ababababab"), ("a*".repeat(100), &*"a".repeat(100))]
        {
            assert!(NameGlob::read(&good, false).unwrap().is_match(name), "{good}");
        }
    }
}
