//! Remembers where each value was written.

use std::fmt;

use crate::diagnostic::Diagnostic;
use crate::names::ResourceName;

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag, with its dashes.
    Flag(&'static str),
    /// A key of a function's ConfigMap, or an annotation of its configuration.
    Key(&'static str),
    /// An environment variable.
    Variable(&'static str),
    /// A field of a cluster's entry in regcred.yaml.
    Cluster(ResourceName, &'static str),
    /// A field of regcred.yaml.
    File(&'static str),
}

impl Origin {
    /// Whether the value is in a file of the repository, which a merge request can change.
    pub fn is_of_a_file(&self) -> bool {
        matches!(self, Self::Key(_) | Self::Cluster(..) | Self::File(_))
    }

    /// Whether the value belongs only to this run. Runs of many kinds share the file and the variables.
    pub fn is_typed(&self) -> bool {
        matches!(self, Self::Flag(_) | Self::Key(_))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => write!(f, "`{name}`"),
            Self::Key(name) => write!(f, "`{name}` of the functionConfig"),
            // Messages about a cluster already name it.
            Self::Cluster(_, field) | Self::File(field) => write!(f, "`{field}` in regcred.yaml"),
        }
    }
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub origin: Origin,
}

/// A parsed value. Its problem is reported only if the run uses the value.
pub type Parsed<T> = Result<T, Vec<Diagnostic>>;

/// An option that may be left open.
pub trait Open<T> {
    /// The chosen value.
    fn chosen(&self) -> Option<&T>;

    /// The chosen value, or the default of its type; for a switch, that is `false`.
    fn or_default(&self) -> T
    where
        T: Clone + Default,
    {
        self.chosen().cloned().unwrap_or_default()
    }
}

impl<T> Open<T> for Option<Sourced<T>> {
    fn chosen(&self) -> Option<&T> {
        self.as_ref().map(|sourced| &sourced.value)
    }
}

impl<T: Clone> Sourced<Vec<Parsed<T>>> {
    /// The valid values; the problems of invalid values are added to `problems`.
    pub fn parsed(&self, problems: &mut Vec<Diagnostic>) -> Vec<T> {
        let mut values = Vec::new();
        for parsed in &self.value {
            match parsed {
                Ok(value) => values.push(value.clone()),
                Err(wrong) => problems.extend_from_slice(wrong),
            }
        }
        values
    }
}
