//! Reads the value of each setting. An error names the setting, and never repeats the value.

use std::str::FromStr;
use std::time::Duration;

use super::given::Given;
use crate::diagnostic::{Code, Diagnostic};
use crate::names::{InvalidName, NamespacePattern, ResourceName};
use crate::spec::{SECRET_NAME, go};

/// The default pause between two passes.
const INTERVAL: Duration = Duration::from_secs(10);

impl Given<'_> {
    /// A boolean, as Go's `strconv.ParseBool` reads it.
    pub(super) fn switch(&self, variable: &str, otherwise: bool, problems: &mut Vec<Diagnostic>) -> bool {
        match self.text(variable) {
            None => otherwise,
            Some((_, "1" | "t" | "T" | "true" | "TRUE" | "True")) => true,
            Some((_, "0" | "f" | "F" | "false" | "FALSE" | "False")) => false,
            Some((name, _)) => {
                problems.push(wrong(name, "is neither true nor false", "write \"true\" or \"false\""));
                otherwise
            }
        }
    }

    /// The ServiceAccounts by name; an empty text means none.
    pub(super) fn accounts(&self, problems: &mut Vec<Diagnostic>) -> Vec<ResourceName> {
        let Some((name, text)) = self.even_empty("CONFIG_SERVICEACCOUNTS") else {
            return vec![ResourceName::known("default")];
        };
        let mut names: Vec<ResourceName> = list(name, text, problems);
        names.sort_unstable();
        names.dedup();
        names
    }

    pub(super) fn excluded(&self, problems: &mut Vec<Diagnostic>) -> Vec<NamespacePattern> {
        self.text("CONFIG_EXCLUDED_NAMESPACES").map_or(Vec::new(), |(name, text)| list(name, text, problems))
    }

    pub(super) fn secret_name(&self, problems: &mut Vec<Diagnostic>) -> Option<ResourceName> {
        let Some((name, text)) = self.text("CONFIG_SECRETNAME") else { return Some(ResourceName::known(SECRET_NAME)) };
        text.parse().map_err(|_| problems.push(wrong(name, "is no name of a Secret", "write image-pull-secret"))).ok()
    }

    /// A duration as Go reads it. Less than a second is an error, because such passes would only load the API server.
    pub(super) fn interval(&self, problems: &mut Vec<Diagnostic>) -> Option<Duration> {
        let Some((name, text)) = self.text("CONFIG_LOOP_DURATION") else { return Some(INTERVAL) };
        let problem = match go::nanoseconds(text) {
            Some(number) if number >= go::SECOND => return Some(Duration::from_secs_f64(number / go::SECOND)),
            Some(_) => wrong(name, "is shorter than a second", "write 10s"),
            None => wrong(name, "is no duration with a unit", "write 10s, or 1m30s"),
        };
        problems.push(problem);
        None
    }
}

/// The names between commas; spaces around them do not count.
fn list<T: FromStr<Err = InvalidName>>(name: &str, text: &str, problems: &mut Vec<Diagnostic>) -> Vec<T> {
    let items = text.split(',').map(str::trim).enumerate().filter(|(_, item)| !item.is_empty());
    let read = |(number, item): (usize, &str)| {
        let what = format!("names nothing valid in item {}", number + 1);
        item.parse().map_err(|_| problems.push(wrong(name, &what, "write names, joined by commas: one,two"))).ok()
    };
    items.filter_map(read).collect()
}

fn wrong(name: &str, what: &str, hint: &str) -> Diagnostic {
    Diagnostic::error(Code::InvalidConfig, format!("`{name}` {what}")).hint(hint)
}
