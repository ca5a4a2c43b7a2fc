//! Text that only stands for a value: what a variable holds in, what that is instead, and what to do about it, out.

use crate::diagnostic::{Code, Diagnostic};

/// Whether a text only stands for a value: a mask, or a variable that was not expanded.
#[must_use]
pub fn is_a_placeholder(text: &str) -> bool {
    Placeholder::of(text).is_some()
}

/// What is there in place of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placeholder {
    /// `****` or `[MASKED]`, copied from where it is not shown.
    Mask,
    /// `$NAME` or `${NAME}`: a password may look like that, too.
    Variable,
    /// `$(NAME)`, as Azure Pipelines leaves a name that it does not know.
    Macro,
    /// `${{ … }}`, which GitHub evaluates in a workflow and nowhere else.
    Expression,
}

impl Placeholder {
    /// What the text is, if it is one.
    pub(super) fn of(text: &str) -> Option<Self> {
        // One or two stars may be a password; no mask is that short.
        let stars = text.len() >= 3 && text.bytes().all(|byte| byte == b'*');
        if stars || text.eq_ignore_ascii_case("[MASKED]") {
            return Some(Self::Mask);
        }
        let name = text.strip_prefix('$')?;
        let within = |open, close| name.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
        if within("{{", "}}").is_some() {
            return Some(Self::Expression);
        }
        if let Some(name) = within("(", ")") {
            return name.split('.').all(is_name).then_some(Self::Macro);
        }
        is_name(within("{", "}").unwrap_or(name)).then_some(Self::Variable)
    }

    /// What is wrong with a user name or password that is one: `what` says which.
    pub(super) fn of_a_login(self, what: &str) -> Diagnostic {
        match self {
            Self::Variable => Diagnostic::warning(Code::Placeholder, format!("{what} looks like {}", self.name())),
            Self::Mask | Self::Macro | Self::Expression => {
                Diagnostic::error(Code::Placeholder, format!("{what} is {}", self.name()))
            }
        }
        .hint(self.hint())
    }

    /// What is wrong with a Docker config that is one.
    pub(super) fn of_a_docker_config(self, source: &str) -> Diagnostic {
        Diagnostic::error(Code::Placeholder, format!("{source} holds no Docker config, but {}", self.name()))
            .hint(self.hint())
    }

    fn name(self) -> &'static str {
        match self {
            Self::Mask => "a mask",
            Self::Variable => "the name of a variable that was not expanded",
            Self::Macro => "`$(NAME)` of a variable that was not expanded",
            Self::Expression => "`${{ … }}` that was not evaluated",
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::Mask => "that is how it is shown where it is hidden: set the value itself",
            Self::Variable => "name that variable itself, or set the value",
            Self::Macro => {
                "Azure Pipelines leaves a name that it does not know as it stands: has this pipeline that variable, or its group?"
            }
            Self::Expression => {
                "GitHub evaluates it in the workflow itself, under `env:`, not in what a step reads or runs"
            }
        }
    }
}

/// What to do about a value [in quotes](is_in_quotes).
pub(super) const WITHOUT_QUOTES: &str =
    "leave them out where it is set: a CI's form and a file for `--env-file` take them for a part of the value";

/// Whether the text begins and ends with the same quotation mark.
pub(super) fn is_in_quotes(text: &str) -> bool {
    ['"', '\'']
        .iter()
        .any(|quote| text.strip_prefix(*quote).is_some_and(|rest| rest.len() > 1 && rest.ends_with(*quote)))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_stands_for_a_value_is_told_apart() {
        for (text, expected) in [
            ("***", Some(Placeholder::Mask)),
            ("[MASKED]", Some(Placeholder::Mask)),
            ("**", None),
            ("$GHCR_TOKEN", Some(Placeholder::Variable)),
            ("${GHCR_TOKEN}", Some(Placeholder::Variable)),
            ("$1", None),
            ("a$B", None),
            ("$(GHCR_TOKEN)", Some(Placeholder::Macro)),
            ("$(registry.token)", Some(Placeholder::Macro)),
            ("$(a b)", None),
            ("${{ secrets.GHCR_TOKEN }}", Some(Placeholder::Expression)),
        ] {
            assert_eq!(Placeholder::of(text), expected, "{text}");
        }
    }

    #[test]
    fn quotes_are_seen_where_they_are_a_pair() {
        for (text, quoted) in [("\"a\"", true), ("'a b'", true), ("\"a'", false), ("\"\"", false), ("\"", false)] {
            assert_eq!(is_in_quotes(text), quoted, "{text}");
        }
    }
}
