//! Turns typed options, from flags or from keys of a function's ConfigMap, into a partial Spec: one entry per option.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use super::choice::Choice;
use super::combination::Chart;
use super::logins::Known;
use super::meaning::Rule;
use super::{Origin, Parsed, Sourced, Spec};

pub use super::options::SETTINGS;
use crate::credentials::Source;
use crate::diagnostic::{Code, Diagnostic};
use crate::names::{InvalidName, NamespacePattern};

/// An option of `regcred render`.
pub struct Setting {
    /// Its flag.
    pub flag: &'static str,
    /// How many values it takes.
    pub values: Values,
    /// Whether the ConfigMap of a function may set it.
    pub in_a_function: bool,
    pub(super) set: fn(&mut Spec, &mut Reader<'_>),
    /// The kinds of run in which it has no effect. The first that applies explains it.
    pub(super) no_effect: &'static [Rule],
    /// The kinds of run in which one of its values has no effect.
    pub(super) no_effect_of_value: &'static [(&'static str, Rule)],
}

/// How many values an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// None: the option is set or not.
    None,
    /// One.
    One,
    /// Any number.
    Any,
}

impl Setting {
    /// The name without dashes: the key in a ConfigMap.
    pub fn key(&self) -> &'static str {
        self.flag.trim_start_matches('-')
    }

    pub(super) const fn no_effect(self, rules: &'static [Rule]) -> Self {
        Self { no_effect: rules, ..self }
    }
}

/// An option that a flag sets, or a key in the ConfigMap of a function.
pub(super) const fn flag_or_key(flag: &'static str, values: Values, set: fn(&mut Spec, &mut Reader<'_>)) -> Setting {
    Setting { flag, values, in_a_function: true, set, no_effect: &[], no_effect_of_value: &[] }
}

/// An option that only a flag sets.
pub(super) const fn flag_only(flag: &'static str, values: Values, set: fn(&mut Spec, &mut Reader<'_>)) -> Setting {
    Setting { flag, values, in_a_function: false, set, no_effect: &[], no_effect_of_value: &[] }
}

/// Finds an option by its flag or key.
pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key() == name.trim_start_matches('-'))
}

/// The options of one run, as typed. It has no `Debug`, because the user may have typed a secret in the wrong place.
#[derive(Clone, Default)]
pub struct Typed(Vec<(&'static Setting, Origin, Vec<OsString>)>);

impl Typed {
    /// Adds the values of an option; an option without values gets an empty list.
    pub fn add(&mut self, setting: &'static Setting, origin: Origin, values: Vec<OsString>) {
        self.0.push((setting, origin, values));
    }

    /// Whether an option was typed.
    pub fn has(&self, flag: &str) -> bool {
        self.0.iter().any(|(setting, ..)| setting.flag == flag)
    }

    /// The typed options in the order of [`SETTINGS`], each with its origin and its values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Setting, &Origin, &[OsString])> {
        let of = |known: &'static Setting| self.0.iter().filter(move |(setting, ..)| setting.flag == known.flag);
        SETTINGS.iter().flat_map(of).map(|(setting, origin, values)| (*setting, origin, values.as_slice()))
    }

    /// The partial Spec of these options; problems of names are added to `problems`.
    pub fn spec(&self, known: &Known<'_>, problems: &mut Vec<Diagnostic>) -> Spec {
        let mut spec = Spec::default();
        for (setting, origin, values) in self.iter() {
            (setting.set)(&mut spec, &mut Reader { values, origin: origin.clone(), known, problems });
        }
        spec
    }
}

/// The values of one option.
pub(super) struct Reader<'a> {
    values: &'a [OsString],
    origin: Origin,
    known: &'a Known<'a>,
    problems: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    #[expect(clippy::unnecessary_wraps, reason = "every field of a Spec may be left open")]
    fn sourced<T>(&self, value: T) -> Option<Sourced<T>> {
        Some(Sourced { value, origin: self.origin.clone() })
    }

    fn words(&self) -> impl Iterator<Item = String> {
        self.values.iter().map(|value| value.to_string_lossy().into_owned())
    }

    pub(super) fn texts(&self) -> Option<Sourced<Vec<String>>> {
        self.sourced(self.words().collect())
    }

    pub(super) fn text(&self) -> Option<Sourced<String>> {
        self.sourced(self.words().last().unwrap_or_default())
    }

    pub(super) fn number(&mut self) -> Option<Sourced<u32>> {
        if let Ok(number) = self.text()?.value.parse() {
            return self.sourced(number);
        }
        let message = format!("{} expects a number", self.origin);
        self.problems.push(Diagnostic::error(self.code(), message).hint("for example 2"));
        None
    }

    pub(super) fn path(&self) -> Option<Sourced<PathBuf>> {
        self.sourced(self.values.last().map(PathBuf::from).unwrap_or_default())
    }

    pub(super) fn switch(&self) -> Option<Sourced<bool>> {
        self.sourced(true)
    }

    pub(super) fn chart(&self) -> Option<Sourced<Chart>> {
        let path = self.path()?;
        self.sourced(match path.value.to_str() {
            Some("tamcore") => Chart::Tamcore,
            Some("empathyco") => Chart::Empathyco,
            _ => Chart::Template(path.value),
        })
    }

    pub(super) fn choice<C: Choice>(&mut self) -> Option<Sourced<C>> {
        let Some(choice) = C::named(&self.text()?.value) else {
            let words: Vec<_> = C::ALL.iter().map(|choice| choice.name()).collect();
            // The word is not repeated: it may be a secret typed in the wrong place.
            self.problems.push(
                Diagnostic::error(self.code(), format!("invalid value for {}", self.origin))
                    .hint(format!("possible values are {}", words.join(", "))),
            );
            return None;
        };
        self.sourced(choice)
    }

    fn code(&self) -> Code {
        if matches!(self.origin, Origin::Key(_)) { Code::InvalidFunctionConfig } else { Code::Usage }
    }

    pub(super) fn name<N: FromStr<Err = InvalidName>>(&mut self) -> Option<Sourced<N>> {
        let parsed = parsed(&self.text()?.value, &self.origin.to_string());
        let name = parsed.map_err(|wrong| self.problems.extend(wrong)).ok()?;
        self.sourced(name)
    }

    pub(super) fn names<N: FromStr<Err = InvalidName>>(&self) -> Option<Sourced<Vec<Parsed<N>>>> {
        let place = |number: usize| format!("{}, item {}", self.origin, number + 1);
        self.sourced(self.words().enumerate().map(|(number, text)| parsed(&text, &place(number))).collect())
    }

    pub(super) fn patterns(&self) -> Option<Sourced<Vec<Parsed<NamespacePattern>>>> {
        self.sourced(patterns(self.words(), &self.origin))
    }

    pub(super) fn add_files(&self, spec: &mut Spec) {
        let files = self.values.iter().map(|path| Ok(Source::DockerConfigFile(path.into()))).collect();
        extend(&mut spec.each.logins, files, &self.origin);
    }

    pub(super) fn add_logins(&self, spec: &mut Spec, parse: impl Fn(&str, &str, &Known<'_>) -> Parsed<Source>) {
        let place = self.origin.to_string();
        let confined = |source: Source| match &self.origin {
            // A functionConfig is a file of the repository, like regcred.yaml.
            Origin::Key(_) => self.known.allowed.confined(source, &place),
            _ => Ok(source),
        };
        let logins = self.words().map(|text| parse(&text, &place, self.known).and_then(confined)).collect();
        extend(&mut spec.each.logins, logins, &self.origin);
    }
}

/// Several options name logins, and all of them count.
fn extend(logins: &mut Option<Sourced<Vec<Parsed<Source>>>>, more: Vec<Parsed<Source>>, origin: &Origin) {
    logins.get_or_insert_with(|| Sourced { value: Vec::new(), origin: origin.clone() }).value.extend(more);
}

/// A name, or its problem at this place.
///
/// # Errors
/// The text breaks the rule of the name.
pub fn parsed<N: FromStr<Err = InvalidName>>(text: &str, place: &str) -> Parsed<N> {
    text.parse().map_err(|invalid: InvalidName| {
        vec![Diagnostic::error(Code::InvalidName, format!("{place}: {invalid}")).hint(invalid.hint)]
    })
}

/// Names and globs of namespaces, each with its problem if it has one.
pub fn patterns(texts: impl Iterator<Item = String>, origin: &Origin) -> Vec<Parsed<NamespacePattern>> {
    let pattern = |(number, text): (usize, String)| {
        let text = text.trim();
        text.parse().map_err(|invalid: InvalidName| {
            let several = text.contains(char::is_whitespace);
            let hint = if several { "several are joined by commas: team-a,team-b" } else { invalid.hint };
            let message = format!("{origin}, item {}: {invalid}", number + 1);
            vec![Diagnostic::error(Code::InvalidNamespace, message).hint(hint)]
        })
    };
    texts.enumerate().map(pattern).collect()
}
