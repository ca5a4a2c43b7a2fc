//! Holds the choices of a user, and the tables of choices that can be combined.
//!
//! Flags, variables, a cluster's entry and regcred.yaml are partial [`Spec`]s. [`Spec::merge`] merges them into one.

pub mod choice;
pub mod combination;
pub mod external;
pub mod go;
pub mod logins;
pub mod meaning;
mod options;
mod origin;
pub mod template;
pub mod typed;

use std::fmt;
use std::path::PathBuf;

pub use options::{Options, PullSecret};
pub use origin::{Open, Origin, Parsed, Sourced};

/// The default name of a pull secret and of its Secret.
pub const SECRET_NAME: &str = "image-pull-secret";

impl PullSecret {
    /// Its name, or the default one.
    pub fn secret_name(&self) -> &str {
        self.name.as_ref().map_or(SECRET_NAME, |name| name.value.as_str())
    }

    /// Whether its logins were typed: as flags, or as keys of a functionConfig.
    pub fn has_typed_logins(&self) -> bool {
        self.logins.as_ref().is_some_and(|logins| logins.origin.is_typed())
    }
}

/// Where a certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// In the file that the flag names.
    Flag(PathBuf),
    /// In the variable: the path of a file, or the certificate itself.
    Variable(String),
    /// In the file that regcred.yaml names.
    File(PathBuf),
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag(_) => "`--sealing-cert`",
            Self::Variable(_) => "`SEALED_SECRETS_CERT`",
            Self::File(_) => "`sealing.certificate` in regcred.yaml",
        })
    }
}

/// The choices of a user in one place (flags, variables, a cluster's entry or the file), or all of them merged.
#[derive(Clone, Debug, Default)]
pub struct Spec {
    /// The options that are the same for the whole run.
    pub options: Options,
    /// The options for every pull secret of lower layers, or for the single one.
    pub each: PullSecret,
    /// The pull secrets; if the list is empty, there is a single one with the options of `each`.
    pub pull_secrets: Vec<PullSecret>,
}

impl Spec {
    /// Merges several Specs: each fills the missing values of those before it.
    pub fn merge(layers: impl IntoIterator<Item = Self, IntoIter: DoubleEndedIterator>) -> Self {
        layers.into_iter().rev().reduce(|lower, upper| upper.over(lower)).unwrap_or_default()
    }

    /// A pull secret of this Spec takes its missing values from the one with the same name in `lower`. A Spec without pull secrets
    /// takes those of `lower`, and its own `each` wins over their values.
    fn over(self, lower: Self) -> Self {
        let Self { options, each, pull_secrets } = self;
        let base = |own: &PullSecret| lower.pull_secrets.iter().find(|base| base.secret_name() == own.secret_name());
        let pull_secrets = if pull_secrets.is_empty() {
            lower.pull_secrets.iter().map(|base| each.clone().excluding_also(base).over(base.clone())).collect()
        } else {
            let filled = pull_secrets.into_iter().map(|own| match base(&own) {
                Some(base) => own.over(base.clone()),
                None => own,
            });
            filled.collect()
        };
        Self { options: options.over(lower.options), each: each.over(lower.each), pull_secrets }
    }

    /// The pull secrets; the list has at least one.
    pub fn all_pull_secrets(&self) -> Vec<PullSecret> {
        if self.pull_secrets.is_empty() { vec![self.each.clone()] } else { self.pull_secrets.clone() }
    }
}

impl PullSecret {
    /// Typed exclusions add to those of the file: no flag serves a namespace that the file leaves out.
    fn excluding_also(mut self, base: &Self) -> Self {
        if let (Some(typed), Some(written)) = (&mut self.exclude, &base.exclude)
            && typed.origin.is_typed()
        {
            typed.value.extend(written.value.iter().cloned());
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::choice::{Format, Link};
    use super::*;
    use crate::names::NamespacePattern;

    #[expect(clippy::unnecessary_wraps, reason = "every field of a Spec may be left open")]
    fn value<T>(value: T, field: &'static str) -> Option<Sourced<T>> {
        Some(Sourced { value, origin: Origin::File(field) })
    }

    fn pull_secret(name: &str, include: &[&str]) -> PullSecret {
        let include: Vec<_> = include.iter().map(|text| Ok(text.parse().unwrap())).collect();
        PullSecret {
            name: value(name.parse().unwrap(), "name"),
            include: if include.is_empty() { None } else { value(include, "include") },
            ..PullSecret::default()
        }
    }

    fn include(pull_secret: &PullSecret) -> Vec<String> {
        let include = pull_secret.include.as_ref().map(|include| include.parsed(&mut Vec::new()));
        include.into_iter().flatten().map(|pattern| pattern.as_str().to_owned()).collect()
    }

    #[test]
    fn a_typed_exclusion_adds_to_those_of_the_file() {
        let excluding = |name: &str, origin| PullSecret {
            exclude: Some(Sourced { value: vec![Ok(name.parse().unwrap())], origin }),
            ..PullSecret::default()
        };
        let typed = Spec { each: excluding("a", Origin::Flag("--exclude")), ..Spec::default() };
        let file = Spec { pull_secrets: vec![excluding("b", Origin::File("exclude"))], ..Spec::default() };
        let merged = Spec::merge([typed, file]).all_pull_secrets();
        let exclude = merged[0].exclude.as_ref().unwrap().parsed(&mut Vec::new());
        assert_eq!(exclude.iter().map(NamespacePattern::as_str).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn each_layer_fills_what_those_before_it_leave_open() {
        let flags = Options { link: value(Link::None, "flag"), ..Options::default() };
        let file =
            Options { link: value(Link::Policy, "link"), format: value(Format::Json, "format"), ..Options::default() };
        let layer = |options| Spec { options, ..Spec::default() };
        let merged = Spec::merge([layer(flags), Spec::default(), layer(file)]).options;
        assert_eq!(merged.link, value(Link::None, "flag"));
        assert_eq!(merged.format, value(Format::Json, "format"));
        assert!(merged.strategy.is_none());
    }

    #[test]
    fn a_pull_secret_takes_missing_values_from_the_one_with_its_name_and_flags_win() {
        let file = Spec { pull_secrets: vec![pull_secret("a", &["x"]), pull_secret("b", &["y"])], ..Spec::default() };
        let cluster = Spec { pull_secrets: vec![pull_secret("b", &[])], ..Spec::default() };
        let merged = Spec::merge([Spec::default(), cluster.clone(), file.clone()]);
        assert_eq!(merged.pull_secrets.iter().map(include).collect::<Vec<_>>(), [["y"]]);
        let renamed = Spec { each: pull_secret("c", &[]), ..Spec::default() };
        let merged = Spec::merge([renamed, cluster, file]);
        assert_eq!(merged.pull_secrets[0].secret_name(), "c");
        assert_eq!(include(&merged.pull_secrets[0]), ["y"]);
    }

    #[test]
    fn without_pull_secrets_there_is_one_with_the_options_of_each() {
        let spec = Spec { each: pull_secret("a", &["x"]), ..Spec::default() };
        assert_eq!(Spec::merge([spec]).all_pull_secrets()[0].secret_name(), "a");
        assert_eq!(Spec::default().all_pull_secrets()[0].secret_name(), SECRET_NAME);
    }
}
