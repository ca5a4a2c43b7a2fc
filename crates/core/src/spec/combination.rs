//! Decides which strategy, link, protection and format can be combined. It has the only table of combinations.

use super::choice::{Choice, Format, Link, Protect, Strategy};
use crate::diagnostic::{Code, Diagnostic, Failure};

/// A chart whose values can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chart {
    /// The chart of `--format chart`.
    Own,
    /// tamcore's chart of its patcher.
    Tamcore,
    /// empathyco's chart of titansoft's patcher.
    Empathyco,
    /// Another chart, by a template.
    Template(std::path::PathBuf),
}

/// One cell of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Combination {
    /// The strategy.
    pub strategy: Strategy,
    /// The link.
    pub link: Link,
    /// The protection.
    pub protect: Protect,
    /// The format.
    pub format: Format,
}

/// The choices of the user; `None` for a missing choice.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish {
    /// `--strategy`
    pub strategy: Option<Strategy>,
    /// `--link`
    pub link: Option<Link>,
    /// `--protect`
    pub protect: Option<Protect>,
    /// `--format`
    pub format: Option<Format>,
}

impl Combination {
    /// The table: which strategy, link, protection and format can be combined.
    pub fn is_possible(self) -> bool {
        self.is_protectable() && self.is_deliverable()
    }

    /// Whether the protection works with what the format writes.
    pub fn is_protectable(self) -> bool {
        match self.protect {
            Protect::Plain => true,
            Protect::Sealed | Protect::External => self.format.holds_every_object() || self.format == Format::Chart,
            // kubectl and Helm refuse encrypted documents of sops: they are only files for a tool that decrypts them.
            Protect::Sops => matches!(self.format, Format::Directory | Format::Kustomization | Format::HelmValues),
        }
    }

    /// Whether the format can hold what strategy and link need.
    fn is_deliverable(self) -> bool {
        self.format.holds_every_object()
            || matches!(
                (self.strategy, self.link, self.format),
                (Strategy::Static | Strategy::Controller, _, Format::Chart)
                    | (Strategy::Static, _, Format::Rbac)
                    | (Strategy::Patcher, Link::ServiceAccount, Format::HelmValues)
                    | (Strategy::Static, Link::None | Link::ServiceAccount, Format::HelmValues)
                    | (Strategy::Static, Link::None, Format::DockerConfig)
            )
    }

    /// Every cell, possible or not, in the order of preference.
    pub fn all() -> impl Iterator<Item = Self> {
        Strategy::ALL.iter().flat_map(|&strategy| {
            Format::ALL.iter().flat_map(move |&format| {
                Protect::ALL.iter().flat_map(move |&protect| {
                    Link::ALL.iter().map(move |&link| Self { strategy, link, protect, format })
                })
            })
        })
    }

    /// Fills in the missing choices.
    ///
    /// # Errors
    /// Usage: the choices cannot be combined; the error names the flags and the nearest possible choice.
    pub fn resolve(wish: Wish) -> Result<Self, Failure> {
        let format = wish.format.unwrap_or(Format::Yaml);
        let strategy = wish.strategy.unwrap_or(Strategy::Static);
        let links_by_itself =
            matches!(format, Format::Chart | Format::HelmValues | Format::DockerConfig) && strategy == Strategy::Static;
        let link = wish.link.unwrap_or(if links_by_itself { Link::None } else { Link::ServiceAccount });
        let protect = wish.protect.unwrap_or(Protect::Plain);
        let asked = Self { strategy, link, protect, format };
        if asked.is_possible() { Ok(asked) } else { Err(Failure::Usage(vec![asked.impossible(wish)])) }
    }

    /// The flags that turn the other choice into this choice.
    fn changes(self, other: Self) -> String {
        let flags = [
            (self.strategy != other.strategy, format!("--strategy {}", self.strategy)),
            (self.link != other.link, format!("--link {}", self.link)),
            (self.protect != other.protect, format!("--protect {}", self.protect)),
            (self.format != other.format, format!("--format {}", self.format)),
        ];
        let changed: Vec<_> = flags.into_iter().filter(|(changed, _)| *changed).map(|(_, flag)| flag).collect();
        changed.join(" ")
    }

    fn impossible(self, wish: Wish) -> Diagnostic {
        let strategy = wish.strategy.map(|strategy| format!("`--strategy {strategy}`"));
        let link = wish.link.map(|link| format!("`--link {link}`"));
        let protect = wish.protect.map(|protect| format!("`--protect {protect}`"));
        let format = match wish.format {
            Some(format) => format!("`--format {format}`"),
            None => format!("the default `--format {}`", self.format),
        };
        let with_another_link = Self { link: Link::None, ..self }.is_deliverable()
            || Self { link: Link::ServiceAccount, ..self }.is_deliverable();
        let other = match (self.is_protectable(), with_another_link) {
            (false, _) => protect,
            (true, true) => link,
            (true, false) => strategy,
        };
        let flags: Vec<_> = other.into_iter().chain([format]).collect();
        let nearest = Self::all().filter(|cell| cell.is_possible()).max_by_key(|cell| {
            // Prefers to change the link, then the format, then the strategy, and the protection last; among equals, takes the first.
            (
                u8::from(cell.protect == self.protect) * 8
                    + u8::from(cell.strategy == self.strategy) * 3
                    + u8::from(cell.format == self.format) * 2
                    + u8::from(cell.link == self.link),
                std::cmp::Reverse((cell.format as u8, cell.link as u8)),
            )
        });
        let hint = nearest.map(|nearest| format!("use `{}`", nearest.changes(self)));
        let message = format!("{} cannot be combined", flags.join(" and "));
        Diagnostic { hint, ..Diagnostic::error(Code::ImpossibleCombination, message) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_resolves_to_itself_or_is_refused_with_the_nearest_choice() {
        for cell in Combination::all() {
            let Combination { strategy, link, protect, format } = cell;
            let wish =
                Wish { strategy: Some(strategy), link: Some(link), protect: Some(protect), format: Some(format) };
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
        for &format in Format::ALL {
            assert!(Combination::resolve(Wish { format: Some(format), ..Wish::default() }).is_ok(), "{format}");
        }
        let default = Combination::resolve(Wish::default()).unwrap();
        let (strategy, link) = (Strategy::Static, Link::ServiceAccount);
        assert_eq!(default, Combination { strategy, link, protect: Protect::Plain, format: Format::Yaml });
    }
}
