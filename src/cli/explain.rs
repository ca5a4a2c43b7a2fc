//! Explains errors of the command line without repeating the typed text, which may be a secret in the wrong place.

use std::ffi::OsString;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::Arguments;
use super::other_tools;
use regcred_core::diagnostic::{Code, Diagnostic};

/// The error in our words. A flag is named when it is spelled like one.
pub(super) fn explain(error: &clap::Error, typed: &[OsString]) -> Diagnostic {
    let command = Arguments::command();
    let mut words = typed.iter().filter_map(|word| word.to_str()).skip(1);
    let subcommand = words.find_map(|word| command.find_subcommand(word)).unwrap_or(&command);
    let (what, hint) = Explained { error, typed, command: &command, subcommand }.parts();
    Diagnostic::error(Code::Usage, what).hint(hint)
}

struct Explained<'a> {
    error: &'a clap::Error,
    typed: &'a [OsString],
    command: &'a clap::Command,
    subcommand: &'a clap::Command,
}

impl Explained<'_> {
    /// What is wrong, and what to type instead.
    fn parts(&self) -> (String, String) {
        let list = || "`regcred --help` lists the commands, `regcred COMMAND --help` their flags".to_owned();
        let flag = self.known(ContextKind::InvalidArg);
        let near = self.texts(ContextKind::SuggestedValue).first().map(|near| format!("did you mean `{near}`? "));
        let near = near.unwrap_or_default();
        let possible = |words: &[String]| match words {
            [] if flag.as_deref() == Some("--timeout") => "write a number and its unit: 30s, 2m".to_owned(),
            [] => list(),
            words => format!("{near}possible values are {}", words.join(", ")),
        };
        let is_empty = self.texts(ContextKind::InvalidValue).first().is_some_and(String::is_empty);
        match (self.error.kind(), flag.clone()) {
            (ErrorKind::UnknownArgument, _) => self.unknown_argument(),
            (ErrorKind::InvalidSubcommand, _) => ("unknown command".to_owned(), self.meant_command()),
            (ErrorKind::InvalidValue | ErrorKind::ValueValidation, Some(flag)) if !is_empty => {
                (format!("invalid value for `{flag}`"), possible(&self.texts(ContextKind::ValidValue)))
            }
            (
                ErrorKind::InvalidValue
                | ErrorKind::NoEquals
                | ErrorKind::TooFewValues
                | ErrorKind::WrongNumberOfValues,
                Some(flag),
            ) => (format!("`{flag}` needs a value"), possible(&self.texts(ContextKind::ValidValue))),
            (ErrorKind::TooManyValues, Some(flag)) => {
                (format!("`{flag}` takes no value"), format!("write `{flag}` alone"))
            }
            (ErrorKind::ArgumentConflict, Some(flag)) => match self.known(ContextKind::PriorArg) {
                Some(other) if other != flag => (format!("`{flag}` and `{other}` cannot be used together"), list()),
                _ => (format!("`{flag}` cannot be used twice"), list()),
            },
            (ErrorKind::MissingRequiredArgument, Some(flag)) => {
                let hint = needed(&flag).map_or_else(|| possible(&self.words_of(&flag)), str::to_owned);
                (format!("`{flag}` is missing"), hint)
            }
            (ErrorKind::InvalidUtf8, _) => ("an argument is not UTF-8".to_owned(), list()),
            (_, Some(flag)) => (format!("`{flag}` is not used correctly"), list()),
            (_, None) => ("the command line is not valid".to_owned(), list()),
        }
    }

    fn unknown_argument(&self) -> (String, String) {
        let typed = self.texts(ContextKind::InvalidArg).first().cloned().unwrap_or_default();
        let what = match self.typed.iter().position(|word| word.to_string_lossy().split('=').next() == Some(&typed)) {
            _ if is_spelled_like_a_flag(&typed) => format!("unexpected argument `{typed}`"),
            Some(place) => format!("unexpected argument {place}"),
            None => "unexpected argument".to_owned(),
        };
        let name = self.subcommand.get_name();
        let is_a_word = !typed.starts_with('-');
        let namespaces = ["-n", "--namespace", "--namespaces", "--exclude"].contains(&typed.as_str());
        let hint = match name {
            "inject" if is_a_word || ["-f", "-n", "--namespaces"].contains(&typed.as_str()) => {
                "manifests come on standard input, `regcred inject … < FILE`; the namespace of those without one is --namespace"
            }
            _ if typed.starts_with("--") && typed.contains(' ') => "write the flag and its value as two arguments",
            "verify" if namespaces => "`verify` checks logins and images; namespaces belong to `render`",
            "render" if is_a_word => {
                "several namespaces are joined by commas, `--namespaces team-a,team-b`; other flags are repeated"
            }
            "apply" | "delete" | "diff" | "status" if is_a_word => "namespaces follow `-n`: -n team-a,team-b",
            "delete" if typed == "--prune" => "`delete` removes all of this owner, `apply --prune` what is left over",
            "apply" | "delete" | "diff" | "status" if typed == "--all" => "did you mean `--all-namespaces`?",
            "explain" if ["-A", "--all", "--all-namespaces"].contains(&typed.as_str()) => {
                "name one namespace: `-n NAME`"
            }
            _ => other_tools::flag(&typed).filter(|hint| self.takes(hint)).unwrap_or_default(),
        };
        if !hint.is_empty() {
            return (what, hint.to_owned());
        }
        let hint = match self.nearest_flag(&typed) {
            Some(near) => format!("did you mean `{near}`?"),
            None if name == "regcred" => "`regcred --help` lists commands and flags".to_owned(),
            None => format!("`regcred {name} --help` lists its flags"),
        };
        (what, hint)
    }

    /// A flag of this command that is spelled almost like this: an unrelated flag would help nobody.
    fn nearest_flag(&self, typed: &str) -> Option<String> {
        let word = typed.strip_prefix("--").filter(|word| word.len() > 2)?;
        let known = self.subcommand.get_arguments().chain(self.command.get_arguments()).filter_map(clap::Arg::get_long);
        known
            .map(|known| (strsim::osa_distance(word, known), known))
            .filter(|(distance, known)| (*distance <= 2 && *distance * 3 <= word.len()) || known.starts_with(word))
            .min()
            .map(|(_, known)| format!("--{known}"))
    }

    /// Whether this command has the flag that a hint suggests instead.
    fn takes(&self, hint: &str) -> bool {
        let offered = hint.strip_prefix("did you mean `--").and_then(|rest| rest.strip_suffix("`?"));
        offered.is_none_or(|name| self.subcommand.get_arguments().any(|known| known.get_long() == Some(name)))
    }

    fn meant_command(&self) -> String {
        let typed = self.texts(ContextKind::InvalidSubcommand).first().cloned().unwrap_or_default();
        if let Some(hint) = other_tools::command(&typed) {
            return hint.to_owned();
        }
        match self.texts(ContextKind::SuggestedSubcommand).as_slice() {
            [] => {
                let names: Vec<_> = self.command.get_subcommands().map(clap::Command::get_name).collect();
                format!("commands are {}", names.join(", "))
            }
            near => format!("did you mean `{}`?", near.join("` or `")),
        }
    }

    /// The possible values of an argument without a flag.
    fn words_of(&self, argument: &str) -> Vec<String> {
        let arguments = self.subcommand.get_positionals().filter(|known| known.to_string() == argument);
        let values = arguments.flat_map(clap::Arg::get_possible_values);
        values.map(|value| value.get_name().to_owned()).collect()
    }

    /// The flag or argument that the error is about, if it is one of ours.
    fn known(&self, context: ContextKind) -> Option<String> {
        let text = self.texts(context).into_iter().min_by_key(|text| text.starts_with('-'))?;
        let name = text.split([' ', '=']).next()?.to_owned();
        let known = |argument: &clap::Arg| {
            argument.get_long().is_some_and(|long| name == format!("--{long}"))
                || (argument.is_positional() && text == argument.to_string())
        };
        let all = self.subcommand.get_arguments().chain(self.command.get_arguments());
        all.into_iter().any(known).then_some(name)
    }

    fn texts(&self, context: ContextKind) -> Vec<String> {
        match self.error.get(context) {
            Some(ContextValue::String(one)) => vec![one.clone()],
            Some(ContextValue::Strings(several)) => several.clone(),
            _ => Vec::new(),
        }
    }
}

/// `-A`, or two dashes with lower-case words: no token is spelled so.
fn is_spelled_like_a_flag(text: &str) -> bool {
    match text.strip_prefix("--") {
        Some(word) => {
            (1..=32).contains(&word.len())
                && word.starts_with(|letter: char| letter.is_ascii_lowercase())
                && word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-')
        }
        None => text.len() == 2 && text.starts_with('-') && text.ends_with(|letter: char| letter.is_ascii_alphabetic()),
    }
}

/// The purpose of a flag that another flag requires.
fn needed(flag: &str) -> Option<&'static str> {
    match flag {
        "--output" => Some("--check compares with existing files: name the file or folder that an earlier run wrote"),
        "--check" => Some("--message-format is about the changes that --check prints: add --check, or leave it out"),
        "--namespace" => Some("add -n NAMESPACE; `regcred status -A` lists the failing Pods of all"),
        "--image" => Some("--require-match is about an image: add --image, for example --image ghcr.io/acme/api:1.4"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_spelled_like_a_flag_is_repeated() {
        for flag in ["--dry-run", "-A", "-f", "--namespace"] {
            assert!(is_spelled_like_a_flag(flag), "{flag}");
        }
        for text in ["hunter2", "--hunter2", "--Token", "--", "-", "--a=b", "---", &format!("--{}", "a".repeat(33))] {
            assert!(!is_spelled_like_a_flag(text), "{text}");
        }
    }
}
