//! The choices a user has, and the one table of those that go together: strategy, link and shape in, possible or not out.

use std::fmt;

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::problem::{Failure, Problem};

macro_rules! choice {
    ($(#[$documentation:meta])* $name:ident, $flag:literal { $($(#[$variant_documentation:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$documentation])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$variant_documentation])* $variant),+ }

        impl $name {
            /// The flag that chooses it.
            pub const FLAG: &str = $flag;
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.to_possible_value().as_ref().map_or("", |value| value.get_name()))
            }
        }
    };
}

choice! {
    /// How the Secrets get there.
    Strategy, "--strategy" {
        /// One in each listed namespace
        Static,
        /// A source Secret and an in-cluster patcher that copies it, to new namespaces too
        Patcher,
    }
}

choice! {
    /// How pods find them.
    Link, "--link" {
        /// A reference on ServiceAccounts
        ServiceAccount,
        /// A MutatingAdmissionPolicy adds it to Pods at creation (Kubernetes 1.36 and later)
        Policy,
        /// Not at all
        None,
    }
}

choice! {
    /// The form of the output.
    Shape, "--shape" {
        /// A YAML stream
        Yaml,
        /// A v1/List
        Json,
        /// A file an object, a folder a namespace
        Directory,
        /// That, with a kustomization.yaml
        Kustomization,
        /// A Helm chart
        Chart,
        /// Values for a Helm chart
        HelmValues,
        /// The checked Docker config itself
        DockerConfig,
    }
}

choice! {
    /// A tool whose annotations are added.
    Profile, "--profile" {
        /// Sync waves; what is not ours is neither pruned nor deleted
        Argocd,
        /// What is not ours is not pruned
        Flux,
        /// What is not ours is kept when a release goes
        Helm,
    }
}

choice! {
    /// An in-cluster patcher.
    Patcher, "--patcher" {
        /// titansoft-pte-ltd/imagepullsecret-patcher: polls
        Titansoft,
        /// tamcore/imagepullsecret-patcher: watches
        Tamcore,
    }
}

/// A chart whose values can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chart {
    /// The one that `--shape chart` writes.
    Own,
    /// tamcore's chart of its patcher.
    Tamcore,
    /// empathyco's chart of titansoft's patcher.
    Empathyco,
    /// Another, by a template.
    Template(std::path::PathBuf),
}

/// One cell of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Combination {
    /// How the Secrets get there.
    pub strategy: Strategy,
    /// How pods find them.
    pub link: Link,
    /// The form of the output.
    pub shape: Shape,
}

/// What was typed: nothing chosen is `None`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish {
    /// `--strategy`
    pub strategy: Option<Strategy>,
    /// `--link`
    pub link: Option<Link>,
    /// `--shape`
    pub shape: Option<Shape>,
}

impl Combination {
    /// The table: which strategy, link and shape go together.
    #[must_use]
    pub fn is_possible(self) -> bool {
        match (self.strategy, self.link, self.shape) {
            (_, _, Shape::Yaml | Shape::Json | Shape::Directory | Shape::Kustomization)
            | (Strategy::Static, _, Shape::Chart)
            | (Strategy::Patcher, Link::ServiceAccount, Shape::HelmValues)
            | (Strategy::Static, Link::None | Link::ServiceAccount, Shape::HelmValues)
            | (Strategy::Static, Link::None, Shape::DockerConfig) => true,
            (_, _, Shape::HelmValues | Shape::DockerConfig) | (Strategy::Patcher, _, Shape::Chart) => false,
        }
    }

    /// Every cell, possible or not, in the order of preference.
    pub fn all() -> impl Iterator<Item = Self> {
        Strategy::ALL.iter().flat_map(|&strategy| {
            Shape::ALL.iter().flat_map(move |&shape| Link::ALL.iter().map(move |&link| Self { strategy, link, shape }))
        })
    }

    /// Fills what was not chosen.
    ///
    /// # Errors
    /// Usage: what was chosen does not go together; names the flags and the nearest possible choice.
    pub fn resolve(wish: Wish) -> Result<Self, Failure> {
        let shape = wish.shape.unwrap_or(Shape::Yaml);
        let strategy = wish.strategy.unwrap_or(Strategy::Static);
        let links_by_itself =
            matches!(shape, Shape::Chart | Shape::HelmValues | Shape::DockerConfig) && strategy == Strategy::Static;
        let link = wish.link.unwrap_or(if links_by_itself { Link::None } else { Link::ServiceAccount });
        let asked = Self { strategy, link, shape };
        if asked.is_possible() { Ok(asked) } else { Err(Failure::Usage(vec![asked.impossible(wish)])) }
    }

    fn impossible(self, wish: Wish) -> Problem {
        let strategy = wish.strategy.map(|strategy| format!("`--strategy {strategy}`"));
        let link = wish.link.map(|link| format!("`--link {link}`"));
        let shape = wish.shape.map(|shape| format!("`--shape {shape}`"));
        let without_link =
            Self::all().any(|cell| cell.strategy == self.strategy && cell.shape == self.shape && cell.is_possible());
        let flags: Vec<_> =
            if without_link { [link, shape] } else { [strategy, shape] }.into_iter().flatten().collect();
        let nearest = Self::all().filter(|cell| cell.is_possible()).max_by_key(|cell| {
            // Rather another link than another shape, rather another shape than another strategy; the first of equals.
            (
                u8::from(cell.strategy == self.strategy) * 3
                    + u8::from(cell.shape == self.shape) * 2
                    + u8::from(cell.link == self.link),
                std::cmp::Reverse((cell.shape as u8, cell.link as u8)),
            )
        });
        let problem = Problem::error("impossible-combination", format!("{} cannot go together", flags.join(" and ")));
        match nearest {
            Some(cell) => problem.hint(format!(
                "the nearest that can: --strategy {} --link {} --shape {}",
                cell.strategy, cell.link, cell.shape
            )),
            None => problem,
        }
    }
}

/// The table as Markdown, for the documentation.
#[must_use]
pub fn table() -> String {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut rows = vec![row(["`--strategy`", "`--shape`"]
        .map(str::to_owned)
        .into_iter()
        .chain(Link::ALL.iter().map(|link| format!("`--link {link}`")))
        .collect())];
    rows.push("|---|---|---|---|---|\n".to_owned());
    for &strategy in Strategy::ALL {
        for &shape in Shape::ALL {
            let cells = Link::ALL
                .iter()
                .map(|&link| if (Combination { strategy, link, shape }).is_possible() { "yes" } else { "—" });
            rows.push(row([strategy.to_string(), shape.to_string()]
                .into_iter()
                .chain(cells.map(str::to_owned))
                .collect()));
        }
    }
    rows.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_resolves_to_itself_or_is_refused_with_the_nearest_choice() {
        for cell in Combination::all() {
            let wish = Wish { strategy: Some(cell.strategy), link: Some(cell.link), shape: Some(cell.shape) };
            match Combination::resolve(wish) {
                Ok(resolved) => assert!(resolved == cell && cell.is_possible()),
                Err(Failure::Usage(problems)) => {
                    assert!(!cell.is_possible());
                    assert_eq!(problems[0].message.matches("`--").count(), 2, "{}", problems[0].message);
                    assert!(problems[0].hint.is_some());
                }
                Err(other) => panic!("only a usage error is possible, not {other}"),
            }
        }
    }

    #[test]
    fn what_is_not_chosen_is_filled_with_something_possible() {
        for &shape in Shape::ALL {
            assert!(Combination::resolve(Wish { shape: Some(shape), ..Wish::default() }).is_ok(), "{shape}");
        }
        let default = Combination::resolve(Wish::default()).unwrap();
        assert_eq!(default, Combination { strategy: Strategy::Static, link: Link::ServiceAccount, shape: Shape::Yaml });
    }
}
