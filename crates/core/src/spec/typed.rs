//! Turns what was typed, as flags or as keys of a function's ConfigMap, into a partial Spec: one entry per option.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use super::choice::{Choice, UnknownWord};
use super::combination::Chart;
use super::logins::{self, Known};
use super::{Certificate, Origin, Parsed, Sourced, Spec};
use crate::credentials::Source;
use crate::diagnostic::{Code, Diagnostic};
use crate::names::{InvalidName, NamespacePattern};

/// An option of `regcred render`.
pub struct Setting {
    /// Its flag.
    pub flag: &'static str,
    /// How many values it takes.
    pub values: Values,
    /// Whether the ConfigMap of a function may set it: what is about files of this machine may not.
    pub in_a_function: bool,
    set: fn(&mut Spec, &mut Reader<'_>),
}

/// How many values an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// None: it is set or not.
    None,
    /// One.
    One,
    /// Any number.
    Any,
}

impl Setting {
    /// The name without dashes: the key in a ConfigMap.
    #[must_use]
    pub fn key(&self) -> &'static str {
        self.flag.trim_start_matches('-')
    }
}

const fn of_both(flag: &'static str, values: Values, set: fn(&mut Spec, &mut Reader<'_>)) -> Setting {
    Setting { flag, values, in_a_function: true, set }
}

const fn of_flags(flag: &'static str, values: Values, set: fn(&mut Spec, &mut Reader<'_>)) -> Setting {
    Setting { flag, values, in_a_function: false, set }
}

/// Every option, in the order in which their problems are reported.
pub const SETTINGS: &[Setting] = &[
    of_flags("--cluster", Values::Any, |spec, typed| spec.options.clusters = typed.texts()),
    of_both("--docker-config", Values::Any, |spec, typed| {
        typed.add_logins(spec, |text, place, known| logins::variable(text, place, known).map(Source::DockerConfig));
    }),
    of_flags("--docker-config-file", Values::Any, |spec, typed| {
        let files = typed.values.iter().map(|path| Ok(Source::DockerConfigFile(path.into()))).collect();
        extend(&mut spec.each.logins, files, &typed.origin);
    }),
    of_both("--login", Values::Any, |spec, typed| typed.add_logins(spec, logins::typed)),
    of_both("--allow-short-lived", Values::None, |spec, typed| spec.options.allow_short_lived = typed.switch()),
    of_both("--namespaces", Values::Any, |spec, typed| spec.each.include = typed.patterns()),
    of_flags("--namespaces-from", Values::One, |spec, typed| spec.options.namespaces_from = typed.path()),
    of_both("--exclude", Values::Any, |spec, typed| spec.each.exclude = typed.patterns()),
    of_both("--no-default-excludes", Values::None, |spec, typed| spec.options.no_default_excludes = typed.switch()),
    of_both("--secret-name", Values::One, |spec, typed| spec.each.name = typed.name()),
    of_both("--create-namespaces", Values::None, |spec, typed| spec.options.create_namespaces = typed.switch()),
    of_both("--strategy", Values::One, |spec, typed| spec.options.strategy = typed.choice()),
    of_both("--link", Values::One, |spec, typed| spec.options.link = typed.choice()),
    of_both("--service-account", Values::Any, |spec, typed| spec.each.service_accounts = typed.names()),
    of_both("--also-reference", Values::Any, |spec, typed| spec.each.also_reference = typed.names()),
    of_flags("--protect", Values::One, |spec, typed| spec.options.protect = typed.choice()),
    of_flags("--sealing-cert", Values::One, |spec, typed| {
        spec.options.sealing_cert =
            typed.path().map(|path| Sourced { value: Certificate::Flag(path.value), origin: path.origin });
    }),
    of_flags("--sealing-scope", Values::One, |spec, typed| spec.options.sealing_scope = typed.choice()),
    of_flags("--reseal", Values::None, |spec, typed| spec.options.reseal = typed.switch()),
    of_flags("--accept-recipient", Values::Any, |spec, typed| spec.options.accepted_recipients = typed.texts()),
    of_flags("--message-format", Values::One, |spec, typed| spec.options.message_format = typed.choice()),
    of_flags("--format", Values::One, |spec, typed| spec.options.format = typed.choice()),
    of_flags("--chart", Values::One, |spec, typed| spec.options.chart = typed.chart()),
    of_flags("--raw", Values::None, |spec, typed| spec.options.raw = typed.switch()),
    of_both("--profile", Values::One, |spec, typed| spec.options.profile = typed.choice()),
    of_flags("--output", Values::One, |spec, typed| spec.options.output = typed.path()),
    of_flags("--check", Values::None, |spec, typed| spec.options.check = typed.switch()),
    of_flags("--templates", Values::One, |spec, typed| spec.options.templates = typed.path()),
    of_both("--allow-plaintext-in-git", Values::None, |spec, typed| {
        spec.options.allow_plaintext_in_git = typed.switch();
    }),
    of_both("--patcher", Values::One, |spec, typed| spec.options.patcher = typed.choice()),
    of_both("--patcher-namespace", Values::One, |spec, typed| spec.options.patcher_namespace = typed.name()),
    of_both("--patcher-image", Values::One, |spec, typed| spec.options.patcher_image = typed.text()),
    of_both("--source-secret-name", Values::One, |spec, typed| spec.options.source_secret_name = typed.name()),
    of_both("--patcher-pull-secret", Values::One, |spec, typed| spec.options.patcher_pull_secret = typed.name()),
    of_both("--patcher-interval", Values::One, |spec, typed| spec.options.patcher_interval = typed.text()),
    of_both("--no-guard", Values::None, |spec, typed| spec.options.no_guard = typed.switch()),
];

/// Finds an option by its flag or key.
#[must_use]
pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key() == name.trim_start_matches('-'))
}

/// What was typed for one run. It has no `Debug`: what was typed may be a secret in the wrong place.
#[derive(Clone, Default)]
pub struct Typed(Vec<(&'static Setting, Origin, Vec<OsString>)>);

impl Typed {
    /// Adds the values of an option, none for one that takes none.
    pub fn add(&mut self, setting: &'static Setting, origin: Origin, values: Vec<OsString>) {
        self.0.push((setting, origin, values));
    }

    /// Whether an option was typed.
    #[must_use]
    pub fn has(&self, flag: &str) -> bool {
        self.0.iter().any(|(setting, ..)| setting.flag == flag)
    }

    /// Where an option was typed, with the option and its values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Setting, &Origin, &[OsString])> {
        let at = |setting: &Setting| SETTINGS.iter().position(|known| known.flag == setting.flag);
        let mut sorted: Vec<_> =
            self.0.iter().map(|(setting, origin, values)| (*setting, origin, values.as_slice())).collect();
        sorted.sort_by_key(|(setting, ..)| at(setting));
        sorted.into_iter()
    }

    /// The partial Spec that it makes; what is wrong with names is added to `problems`.
    pub fn spec(&self, known: &Known<'_>, problems: &mut Vec<Diagnostic>) -> Spec {
        let mut spec = Spec::default();
        for (setting, origin, values) in self.iter() {
            (setting.set)(&mut spec, &mut Reader { values, origin: origin.clone(), known, problems });
        }
        spec
    }
}

/// The values of one option.
struct Reader<'a> {
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

    fn texts(&self) -> Option<Sourced<Vec<String>>> {
        self.sourced(self.words().collect())
    }

    fn text(&self) -> Option<Sourced<String>> {
        self.sourced(self.words().last().unwrap_or_default())
    }

    fn path(&self) -> Option<Sourced<PathBuf>> {
        self.sourced(self.values.last().map(PathBuf::from).unwrap_or_default())
    }

    fn switch(&self) -> Option<Sourced<bool>> {
        self.sourced(true)
    }

    fn chart(&self) -> Option<Sourced<Chart>> {
        let path = self.path()?;
        self.sourced(match path.value.to_str() {
            Some("tamcore") => Chart::Tamcore,
            Some("empathyco") => Chart::Empathyco,
            _ => Chart::Template(path.value),
        })
    }

    fn choice<C: Choice + FromStr<Err = UnknownWord>>(&mut self) -> Option<Sourced<C>> {
        let choice = self.text()?.value.parse().map_err(|UnknownWord| {
            let words: Vec<_> = C::ALL.iter().map(|choice| choice.name()).collect();
            self.problems.push(
                Diagnostic::error(self.code(), format!("invalid value for {}", self.origin))
                    .hint(format!("possible values are {}", words.join(", "))),
            );
        });
        self.sourced(choice.ok()?)
    }

    fn code(&self) -> Code {
        if matches!(self.origin, Origin::Key(_)) { Code::InvalidFunctionConfig } else { Code::Usage }
    }

    fn name<N: FromStr<Err = InvalidName>>(&mut self) -> Option<Sourced<N>> {
        match parsed(&self.text()?.value, &self.origin.to_string()) {
            Ok(name) => self.sourced(name),
            Err(wrong) => {
                self.problems.extend(wrong);
                None
            }
        }
    }

    fn names<N: FromStr<Err = InvalidName>>(&self) -> Option<Sourced<Vec<Parsed<N>>>> {
        let place = |number: usize| format!("{}, item {}", self.origin, number + 1);
        self.sourced(self.words().enumerate().map(|(number, text)| parsed(&text, &place(number))).collect())
    }

    fn patterns(&self) -> Option<Sourced<Vec<Parsed<NamespacePattern>>>> {
        self.sourced(patterns(self.words(), &self.origin))
    }

    fn add_logins(&self, spec: &mut Spec, parse: impl Fn(&str, &str, &Known<'_>) -> Parsed<Source>) {
        let place = self.origin.to_string();
        let logins = self.words().map(|text| parse(&text, &place, self.known)).collect();
        extend(&mut spec.each.logins, logins, &self.origin);
    }
}

/// Several options name logins, and all of them count.
fn extend(logins: &mut Option<Sourced<Vec<Parsed<Source>>>>, more: Vec<Parsed<Source>>, origin: &Origin) {
    logins.get_or_insert_with(|| Sourced { value: Vec::new(), origin: origin.clone() }).value.extend(more);
}

/// A name, or what is wrong with it at this place.
///
/// # Errors
/// The text breaks the rule of the name.
pub fn parsed<N: FromStr<Err = InvalidName>>(text: &str, place: &str) -> Parsed<N> {
    text.parse().map_err(|invalid: InvalidName| {
        vec![Diagnostic::error(Code::InvalidName, format!("{place}: {invalid}")).hint(invalid.hint())]
    })
}

/// Names and globs of namespaces, each with what is wrong with it.
pub fn patterns(texts: impl Iterator<Item = String>, origin: &Origin) -> Vec<Parsed<NamespacePattern>> {
    let pattern = |(number, text): (usize, String)| {
        let text = text.trim();
        text.parse().map_err(|invalid: InvalidName| {
            let several = text.contains(char::is_whitespace);
            let hint = if several { "several are joined by commas: team-a,team-b".into() } else { invalid.hint() };
            let message = format!("{origin}, item {}: {invalid}", number + 1);
            vec![Diagnostic::error(Code::InvalidNamespace, message).hint(hint)]
        })
    };
    texts.enumerate().map(pattern).collect()
}
