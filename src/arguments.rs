//! Parses the command line, and rewrites clap's errors so that they repeat no value.

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use crate::cli::{Arguments, Command, RenderArguments};
use crate::files::stream;
use crate::report::{self, Outcome};
use crate::settings::choices::Format;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::nearest::nearest;

/// An answer in place of a command.
#[derive(Debug)]
pub enum Answer {
    /// Help or version, for standard output.
    Text(String),
    /// A usage error.
    Usage(Diagnostic),
}

impl Arguments {
    /// Parses the process's arguments.
    ///
    /// # Errors
    /// Help, version, or a usage error that names flags but never repeats a value.
    pub fn read() -> Result<Self, Answer> {
        report::quiet_panics();
        let typed: Vec<OsString> = std::env::args_os().collect();
        Self::try_parse_from(&typed).map_err(|error| answer(&error, &typed))?.without_a_format_as_output()
    }

    /// Turns an error of the parser into an answer without the typed text.
    #[must_use]
    pub fn explain(error: &clap::Error) -> Diagnostic {
        explain(error, error.kind(), &[])
    }

    /// Refuses `--output yaml`, which other tools use for `--format yaml`.
    fn without_a_format_as_output(self) -> Result<Self, Answer> {
        let Command::Render(arguments) = &self.command else { return Ok(self) };
        let RenderArguments { output: Some(output), format: None, .. } = arguments.as_ref() else { return Ok(self) };
        match Format::ALL.iter().find(|format| output.as_os_str() == OsStr::new(&format.to_string())) {
            None => Ok(self),
            Some(format) => Err(Answer::Usage(
                Diagnostic::error(Code::Usage, "`--output` takes the path of a file or directory, not a format")
                    .hint(format!("did you mean `--format {format}`? a path of that name is `./{format}`")),
            )),
        }
    }
}

impl Answer {
    /// Prints the answer, and returns the exit status.
    #[must_use]
    pub fn finish(self) -> ExitCode {
        match self {
            Self::Text(text) => report::finish(stream::print_text(&text).map(|()| Outcome::Done).map_err(Into::into)),
            Self::Usage(problem) => report::finish(Err(Failure::Usage(vec![problem]).into())),
        }
    }
}

fn answer(error: &clap::Error, typed: &[OsString]) -> Answer {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Answer::Text(error.render().to_string()),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => Answer::Usage(
            Diagnostic::error(Code::Usage, "a command is missing")
                .hint("`regcred --help` lists the commands; start with `regcred render`"),
        ),
        kind => Answer::Usage(explain(error, kind, typed)),
    }
}

/// Names only known flags: clap's text repeats the argument, which may be a secret in the wrong place.
fn explain(error: &clap::Error, kind: ErrorKind, typed: &[OsString]) -> Diagnostic {
    let flag = known_flag(error, ContextKind::InvalidArg);
    let nothing = matches!(error.get(ContextKind::InvalidValue), Some(ContextValue::String(value)) if value.is_empty());
    let what = match (kind, &flag) {
        (ErrorKind::UnknownArgument, _) => unexpected(error, typed),
        (ErrorKind::InvalidSubcommand, _) => "unknown command".to_owned(),
        (ErrorKind::InvalidValue, Some(flag)) if nothing => format!("`{flag}` needs a value"),
        (ErrorKind::InvalidValue | ErrorKind::ValueValidation, Some(flag)) => {
            format!("invalid value for `{flag}`")
        }
        (ErrorKind::NoEquals | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues, Some(flag)) => {
            format!("`{flag}` needs a value")
        }
        (ErrorKind::ArgumentConflict, Some(flag)) => match known_flag(error, ContextKind::PriorArg) {
            Some(other) if other != *flag => format!("`{flag}` and `{other}` cannot be used together"),
            _ => format!("`{flag}` cannot be used twice"),
        },
        (ErrorKind::MissingRequiredArgument, Some(flag)) => format!("`{flag}` is missing"),
        (ErrorKind::InvalidUtf8, _) => "an argument is not UTF-8".to_owned(),
        (_, Some(flag)) => format!("`{flag}` is not used correctly"),
        (_, None) => "the command line is not valid".to_owned(),
    };
    let strings = |context: ContextKind| match error.get(context) {
        Some(ContextValue::String(one)) => vec![one.clone()],
        Some(ContextValue::Strings(several)) => several.clone(),
        _ => Vec::new(),
    };
    // clap also suggests flags that have little in common with the typed one.
    let typed = text(error).unwrap_or_default().trim_start_matches('-');
    let suggested: Vec<_> = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand]
        .into_iter()
        .flat_map(strings)
        .filter(|suggested| nearest(typed, [suggested.trim_start_matches('-')]).is_some())
        .collect();
    let mut possible = strings(ContextKind::ValidValue);
    if kind == ErrorKind::MissingRequiredArgument {
        possible.extend(flag.as_deref().map(possible_values).unwrap_or_default());
    }
    let hint = if let Some(hint) = text(error).and_then(in_another_tool) {
        hint.to_owned()
    } else if !suggested.is_empty() {
        format!("did you mean `{}`?", suggested.join("` or `"))
    } else if kind == ErrorKind::InvalidSubcommand {
        let command = Arguments::command();
        let names: Vec<_> = command.get_subcommands().map(clap::Command::get_name).collect();
        format!("commands are {}", names.join(", "))
    } else if kind == ErrorKind::UnknownArgument && is_a_stray_word(error) {
        "several namespaces are joined by commas, `--namespaces team-a,team-b`; other flags are repeated".to_owned()
    } else if let Some(hint) = flag.as_deref().filter(|_| kind == ErrorKind::MissingRequiredArgument).and_then(missing)
    {
        hint.to_owned()
    } else if kind == ErrorKind::UnknownArgument
        && let Some(hint) = of_another_command(error)
    {
        hint.to_owned()
    } else if !possible.is_empty() {
        format!("possible values are {}", possible.join(", "))
    } else {
        "`regcred --help` lists the commands, `regcred COMMAND --help` their flags".to_owned()
    };
    Diagnostic::error(Code::Usage, what).hint(hint)
}

/// The argument or command that clap did not expect. It may be a secret.
fn text(error: &clap::Error) -> Option<&str> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    text(ContextKind::InvalidArg).or_else(|| text(ContextKind::InvalidSubcommand))
}

/// Names an unexpected argument if it is spelled like a flag, and else its position.
fn unexpected(error: &clap::Error, typed: &[OsString]) -> String {
    let wrong = text(error).unwrap_or_default();
    let is_flag = match wrong.strip_prefix("--") {
        Some(name) => {
            (2..=40).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        }
        None => wrong.len() == 2 && wrong.starts_with('-'),
    };
    let place = typed.iter().position(|argument| argument.to_string_lossy().split('=').next() == Some(wrong));
    match place {
        _ if is_flag => format!("unexpected argument `{wrong}`"),
        Some(place) => format!("unexpected argument {place}"),
        None => "unexpected argument".to_owned(),
    }
}

/// The hint for a word of another tool.
fn in_another_tool(word: &str) -> Option<&'static str> {
    match word {
        "apply" | "create" => Some("pipe the manifests: `regcred render … | kubectl apply --server-side -f -`"),
        "diff" | "--dry-run" => Some(
            "`regcred render … | kubectl diff --server-side -f -` shows what changes in a cluster, `regcred render --check` what changes in files",
        ),
        "--username" | "--user" | "--password" | "--docker-server" | "--docker-username" | "--docker-password" => {
            Some("`--login HOST=USERVAR:PASSVAR` names the two variables; values are never typed")
        }
        "-A" | "--all-namespaces" => {
            Some("`kubectl get ns -o json | regcred render --namespaces-from -` serves all namespaces")
        }
        _ => None,
    }
}

/// The hint for a missing flag that another one needs.
fn missing(flag: &str) -> Option<&'static str> {
    match flag.split(' ').next()? {
        "--output" => {
            Some("--check compares with existing files: name the file or directory that an earlier run wrote")
        }
        "--image" => Some("--require-match is about an image: add --image, for example --image ghcr.io/acme/api:1.4"),
        _ => None,
    }
}

/// The hint for an argument of another command.
fn of_another_command(error: &clap::Error) -> Option<&'static str> {
    let of = |name: &str| matches!(error.get(ContextKind::Usage), Some(ContextValue::StyledStr(usage)) if usage.to_string().contains(name));
    let argument = known_flag(error, ContextKind::InvalidArg);
    let is_namespaces = matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::String(text)) if text == "-n");
    match argument.as_deref() {
        _ if of("regcred inject") => Some(
            "`inject` reads manifests on standard input: `regcred inject … < FILE`; --namespace sets the namespace of manifests without one",
        ),
        Some("--namespaces" | "--namespaces-from" | "--exclude") if of("regcred verify") => {
            Some("`verify` checks logins and images; namespaces belong to `render`")
        }
        _ if is_namespaces && of("regcred verify") => {
            Some("`verify` checks logins and images; namespaces belong to `render`")
        }
        _ => None,
    }
}

/// Whether the error is about a word without a flag, which `render` does not take.
fn is_a_stray_word(error: &clap::Error) -> bool {
    let word = matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::String(word)) if !word.starts_with('-'));
    let render = matches!(
        error.get(ContextKind::Usage),
        Some(ContextValue::StyledStr(usage)) if usage.to_string().contains("regcred render")
    );
    word && render
}

/// The possible values of an argument without a flag.
fn possible_values(argument: &str) -> Vec<String> {
    let command = Arguments::command();
    let arguments = command.get_subcommands().flat_map(clap::Command::get_positionals);
    let values = arguments.filter(|known| known.to_string() == argument).flat_map(clap::Arg::get_possible_values);
    values.map(|value| value.get_name().to_owned()).collect()
}

/// The flag of clap's error, if it is one of ours.
fn known_flag(error: &clap::Error, context: ContextKind) -> Option<String> {
    let text = match error.get(context)? {
        ContextValue::String(text) => text.clone(),
        ContextValue::Strings(texts) => texts.first()?.clone(),
        _ => return None,
    };
    let name = text.split([' ', '=']).next()?.to_owned();
    let command = Arguments::command();
    let known = |command: &clap::Command| {
        command.get_arguments().any(|argument| {
            argument.get_long().is_some_and(|long| name == format!("--{long}"))
                || (argument.is_positional() && text == argument.to_string())
        })
    };
    (known(&command) || command.get_subcommands().any(known)).then_some(name)
}
