//! Parses a label selector as kubectl does, and writes it in the language of admission policies (CEL).

use std::collections::BTreeMap;
use std::str::FromStr;

use thiserror::Error;

use crate::objects::guard::{names, quoted};

/// Labels that a namespace must have: `team=shop,stage!=test,tier in (a,b),!legacy`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Is(Vec<String>),
    IsNot(Vec<String>),
    Exists,
    IsAbsent,
}

/// The text is not a selector of labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("is not a selector of labels")]
pub struct InvalidSelector;

impl FromStr for Selector {
    type Err = InvalidSelector;

    fn from_str(text: &str) -> Result<Self, InvalidSelector> {
        parts(text).map(|part| part.trim().parse()).collect::<Result<_, _>>().map(Self)
    }
}

/// The parts between the commas outside of parentheses.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut is_inside = false;
    text.split(move |character| {
        match character {
            '(' => is_inside = true,
            ')' => is_inside = false,
            _ => {}
        }
        character == ',' && !is_inside
    })
}

impl FromStr for Requirement {
    type Err = InvalidSelector;

    fn from_str(text: &str) -> Result<Self, InvalidSelector> {
        let one = |value: &str| vec![value.trim().to_owned()];
        let (key, condition) = if let Some(key) = text.strip_prefix('!') {
            (key, Test::IsAbsent)
        } else if let Some((key, value)) = text.split_once("!=") {
            (key, Test::IsNot(one(value)))
        } else if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
            (key, Test::Is(one(value)))
        } else if let Some((head, list)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
            let list = list.split(',').map(|value| value.trim().to_owned()).collect();
            match head.trim().rsplit_once(char::is_whitespace) {
                Some((key, "in")) => (key, Test::Is(list)),
                Some((key, "notin")) => (key, Test::IsNot(list)),
                _ => return Err(InvalidSelector),
            }
        } else {
            (text, Test::Exists)
        };
        let is_word = |text: &str, more: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c));
        let key = key.trim();
        let values = match &condition {
            Test::Is(values) | Test::IsNot(values) => values.as_slice(),
            Test::Exists | Test::IsAbsent => &[],
        };
        let is_valid = !key.is_empty() && is_word(key, "-_./") && values.iter().all(|value| is_word(value, "-_."));
        if is_valid { Ok(Self { key: key.to_owned(), test: condition }) } else { Err(InvalidSelector) }
    }
}

impl Selector {
    /// Whether these labels match.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|Requirement { key, test }| {
            let value = labels.get(key);
            match test {
                Test::Is(values) => value.is_some_and(|value| values.contains(value)),
                Test::IsNot(values) => value.is_none_or(|value| !values.contains(value)),
                Test::Exists => value.is_some(),
                Test::IsAbsent => value.is_none(),
            }
        })
    }

    /// Whether the selector asks for this label.
    pub fn mentions(&self, label: &str) -> bool {
        self.0.iter().any(|requirement| requirement.key == label)
    }

    /// Whether the namespace of the request has these labels, in CEL: one condition each.
    pub(super) fn conditions(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|Requirement { key, test }| {
            let label = format!("namespaceObject.metadata.?labels[?{}]", quoted(key));
            let is = |values: &[String]| {
                let values: Vec<_> = values.iter().map(String::as_str).collect();
                format!("({label}.hasValue() && {label}.value() in {})", names(&values))
            };
            match test {
                Test::Is(values) => is(values),
                Test::IsNot(values) => format!("!{}", is(values)),
                Test::Exists => format!("{label}.hasValue()"),
                Test::IsAbsent => format!("!{label}.hasValue()"),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_matches_labels_as_kubectl_does() {
        let labels = [("team", "shop"), ("tier", "web")].map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        for (text, expected) in [
            ("team=shop", true),
            ("team=other", false),
            ("team!=shop", false),
            ("gone!=shop", true),
            ("team in (a,shop),tier", true),
            ("team notin (a,shop)", false),
            ("!gone", true),
            ("!team", false),
            ("gone", false),
        ] {
            assert_eq!(text.parse::<Selector>().unwrap().matches(&labels), expected, "{text}");
        }
    }

    #[test]
    fn a_selector_becomes_cel_and_what_kubectl_refuses_is_an_error() {
        let label = |key: &str| format!("namespaceObject.metadata.?labels[?'{key}']");
        let is = |key: &str, list: &str| format!("({0}.hasValue() && {0}.value() in [{list}])", label(key));
        for (text, expected) in [
            ("team=shop", vec![is("team", "'shop'")]),
            ("team == shop , a.b/c!=d", vec![is("team", "'shop'"), format!("!{}", is("a.b/c", "'d'"))]),
            ("team in (a, b),x notin (c)", vec![is("team", "'a', 'b'"), format!("!{}", is("x", "'c'"))]),
            ("team,!x", vec![format!("{}.hasValue()", label("team")), format!("!{}.hasValue()", label("x"))]),
            ("team=", vec![is("team", "''")]),
        ] {
            assert_eq!(text.parse::<Selector>().unwrap().conditions().collect::<Vec<_>>(), expected, "{text}");
        }
        for bad in ["", "a,", "=x", "a='x'", "a in b", "a of (b)", "a=b c", "a in (b", "a>1"] {
            assert_eq!(bad.parse::<Selector>(), Err(InvalidSelector), "{bad}");
        }
    }
}
