//! Lists the kinds of objects that Pods are made from, and where each kind keeps images and references.

use std::str::FromStr;

use thiserror::Error;

use crate::names::ResourceName;

/// The references in a Pod spec.
pub const FIELD: &str = "imagePullSecrets";

/// The known kinds, one per line.
const KINDS: &str = include_str!("kinds.txt");

/// The place of images and references in objects of a kind: as text `KIND[.GROUP]=FIELD.FIELD`, where `[]` after a field means each
/// item of a list, or each value of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodPath {
    kind: String,
    group: Option<String>,
    /// The path from the object to the mapping with the images.
    pub fields: Vec<PathField>,
    /// The path from that mapping to the references; the last field holds them.
    pub references: Vec<String>,
    /// Which images count.
    pub images: Images,
    /// Whether a user typed it.
    pub is_typed: bool,
}

/// The images that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Images {
    /// The images of a Pod spec's containers and volumes; in a mapping without containers, every `image`.
    OfPodSpec,
    /// Every `image`.
    Every,
}

/// A field of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathField {
    /// Its name.
    pub name: String,
    /// Whether the path continues in each of its items or values.
    pub each_item: bool,
}

/// Why a text is not a valid path. The text is never repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidPath {
    /// There is no `=`.
    #[error("has no `=` between the kind and the path")]
    NoPath,
    /// The text before the `=` is not a kind.
    #[error("has no kind before the `=`: a word that begins with a capital letter, perhaps with `.` and the API group")]
    Kind,
    /// A field is not valid.
    #[error("has an empty or invalid field at position {0}")]
    Field(usize),
}

impl FromStr for PodPath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        let (kind, path) = text.split_once('=').ok_or(InvalidPath::NoPath)?;
        let (kind, group) = kind.split_once('.').map_or((kind, None), |(kind, group)| (kind, Some(group)));
        if !is_kind(kind) || group.is_some_and(|group| !is_group(group)) {
            return Err(InvalidPath::Kind);
        }
        if let Some(number) = path.split('.').position(|field| !is_field(field)) {
            return Err(InvalidPath::Field(number + 1));
        }
        Ok(Self { is_typed: true, ..Self::new(group, kind, path, FIELD, Images::OfPodSpec) })
    }
}

impl PodPath {
    /// The paths of the known kinds.
    pub fn built_in() -> impl Iterator<Item = Self> {
        KINDS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let (kind, path) = line.split_once('=')?;
            let (kind, group) = kind.split_once('.').unwrap_or((kind, ""));
            Some(match path.split_once(' ') {
                None => Self::new(Some(group), kind, path, FIELD, Images::OfPodSpec),
                Some((path, references)) => Self::new(Some(group), kind, path, references, Images::Every),
            })
        })
    }

    fn new(group: Option<&str>, kind: &str, path: &str, references: &str, images: Images) -> Self {
        let field =
            |text: &str| PathField { name: text.trim_end_matches("[]").to_owned(), each_item: text.ends_with("[]") };
        Self {
            kind: kind.to_owned(),
            group: group.map(str::to_owned),
            fields: path.split('.').map(field).collect(),
            references: references.split('.').map(str::to_owned).collect(),
            images,
            is_typed: false,
        }
    }

    /// Whether the path is for objects of this API group and kind.
    pub fn is_for(&self, group: &str, kind: &str) -> bool {
        self.kind == kind && self.group.as_deref().is_none_or(|own| own == group)
    }
}

/// Whether the text can be the name of a kind.
pub fn is_kind(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.len() <= 63
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether the text can be the name of an API group.
pub fn is_group(text: &str) -> bool {
    text.parse::<ResourceName>().is_ok()
}

/// Whether the text can be a path.
pub fn is_path(text: &str) -> bool {
    text.split('.').all(is_field)
}

fn is_field(text: &str) -> bool {
    let name = text.strip_suffix("[]").unwrap_or(text);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_a_kind_and_fields() {
        for good in ["Rollout=spec.template.spec", "Job.batch.volcano.sh=spec.tasks[].template.spec", "A1=x-y_z"] {
            assert!(good.parse::<PodPath>().is_ok(), "{good}");
        }
        for (bad, error) in [
            ("Rollout", InvalidPath::NoPath),
            ("=spec", InvalidPath::Kind),
            ("rollout=spec", InvalidPath::Kind),
            ("Roll out=spec", InvalidPath::Kind),
            ("Rollout.=spec", InvalidPath::Kind),
            ("Rollout=", InvalidPath::Field(1)),
            ("Rollout=spec..x", InvalidPath::Field(2)),
            ("Rollout=spec/template", InvalidPath::Field(1)),
            ("Rollout=spec.[]", InvalidPath::Field(2)),
        ] {
            assert_eq!(bad.parse::<PodPath>(), Err(error), "{bad}");
        }
    }

    #[test]
    fn every_built_in_path_is_valid_as_a_flag() {
        let lines = KINDS.lines().filter(|line| !line.starts_with('#'));
        for line in lines.clone() {
            assert!(line.split(' ').next().unwrap().parse::<PodPath>().is_ok(), "{line}");
        }
        assert_eq!(PodPath::built_in().count(), lines.count());
    }
}
