//! Which namespaces: names, globs and a list of those there are in, the chosen ones, sorted and each once, out.

mod list;

use globset::{Glob, GlobMatcher};

use crate::names::Namespace;
use crate::problem::Problem;

pub use list::{Listed, OPT_OUT, read, read_from};

/// Which namespaces are wanted.
#[derive(Debug, Default)]
pub struct Wanted<'a> {
    /// Names and globs to take.
    pub include: &'a [String],
    /// Where `include` was typed, for messages.
    pub origin: &'a str,
    /// Names and globs to leave out.
    pub exclude: &'a [String],
    /// What is known to exist.
    pub listed: Option<&'a Listed>,
    /// Whether names are added to the list (flags), or choose from it (regcred.yaml).
    pub names_add: NamesAdd,
}

/// What a name in `include` does to a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NamesAdd {
    /// The list is taken, and the names besides.
    #[default]
    ToTheList,
    /// Only what `include` says is taken.
    Nothing,
}

/// What was chosen.
#[derive(Debug, Default)]
pub struct Chosen {
    /// The namespaces, sorted and each once.
    pub namespaces: Vec<Namespace>,
    /// How many more there would be if nothing was excluded.
    pub excluded: usize,
}

/// The namespaces that are wanted; problems are added to `problems`.
pub fn choose(wanted: &Wanted<'_>, problems: &mut Vec<Problem>) -> Chosen {
    let Wanted { include, origin, exclude, listed, names_add } = *wanted;
    let mut chosen = Vec::new();
    let mut globs = Vec::new();
    for (number, text) in include.iter().enumerate().map(|(number, text)| (number + 1, text.trim())) {
        if is_glob(text) {
            globs.extend(glob(text, &format!("{origin}, item {number}"), problems));
            continue;
        }
        match text.parse::<Namespace>() {
            Ok(name) if listed.is_some_and(|listed| listed.left_out.contains(&name)) => {
                problems.push(Problem::warning(
                    "namespace-left-out",
                    format!("`{name}` is Terminating or has opted out, and is left out"),
                ));
            }
            Ok(name) => chosen.push(name),
            Err(invalid) => {
                let several = text.contains(char::is_whitespace);
                let hint = if several { "several are joined by commas: team-a,team-b".into() } else { invalid.hint() };
                problems.push(
                    Problem::error("invalid-namespace", format!("{origin}, item {number}: {invalid}")).hint(hint),
                );
            }
        }
    }
    if let Some(listed) = listed {
        let all = globs.is_empty() && (include.is_empty() || names_add == NamesAdd::ToTheList);
        chosen.extend(listed.usable.iter().filter(|name| all || any_matches(&globs, name)).cloned());
    } else if !globs.is_empty() {
        problems.push(
            Problem::error(
                "glob-without-list",
                format!("{origin} has a glob, and there is no list for it to choose from"),
            )
            .hint("pipe one in: `kubectl get ns -o json | regcred … --namespaces-from -`"),
        );
    }
    let excluded = matchers(exclude, "`exclude`", problems);
    chosen.sort_unstable();
    chosen.dedup();
    let before = chosen.len();
    chosen.retain(|name| !any_matches(&excluded, name));
    Chosen { excluded: before - chosen.len(), namespaces: chosen }
}

/// What matches the names and globs in a list; problems are added to `problems`.
pub fn matchers(list: &[String], place: &str, problems: &mut Vec<Problem>) -> Vec<GlobMatcher> {
    let matcher =
        |(number, text): (usize, &String)| glob(text.trim(), &format!("{place}, item {}", number + 1), problems);
    list.iter().enumerate().filter_map(matcher).collect()
}

/// Says what is wrong with names and globs that choose nothing now.
pub fn look(texts: &[String], origin: &str, problems: &mut Vec<Problem>) {
    let everything = Listed::default();
    let wanted = Wanted { include: texts, origin, listed: Some(&everything), ..Wanted::default() };
    choose(&wanted, problems);
}

/// Whether a text is meant as a glob.
#[must_use]
pub fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

fn any_matches(globs: &[GlobMatcher], name: &Namespace) -> bool {
    globs.iter().any(|glob| glob.is_match(name.as_str()))
}

fn glob(text: &str, place: &str, problems: &mut Vec<Problem>) -> Option<GlobMatcher> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-*?[]{},!".contains(&byte);
    match Glob::new(text) {
        Ok(glob) if !text.is_empty() && text.bytes().all(allowed) => Some(glob.compile_matcher()),
        _ => {
            problems.push(
                Problem::error("invalid-glob", format!("{place} is no glob for namespaces"))
                    .hint("a glob has a-z, 0-9 and -, and * for anything, for example shop-*"),
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_globs_choose() {
        let listed = read("shop-a\nshop-b\nshop-tmp\nkube-system\n", "", &mut Vec::new());
        let chosen = |include: &[&str], exclude: &[&str], names_add| {
            let (include, exclude): (Vec<_>, Vec<_>) = (
                include.iter().map(|text| (*text).to_owned()).collect(),
                exclude.iter().map(|text| (*text).to_owned()).collect(),
            );
            let wanted = Wanted { include: &include, origin: "", exclude: &exclude, listed: Some(&listed), names_add };
            choose(&wanted, &mut Vec::new()).namespaces.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(chosen(&[], &["kube-*"], NamesAdd::ToTheList), "shop-a shop-b shop-tmp");
        assert_eq!(chosen(&["team", "shop-*"], &["*-tmp"], NamesAdd::ToTheList), "shop-a shop-b team");
        assert_eq!(chosen(&["team"], &["kube-*", "shop-*"], NamesAdd::ToTheList), "team");
        assert_eq!(chosen(&["team"], &[], NamesAdd::Nothing), "team");
    }
}
