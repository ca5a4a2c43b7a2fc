//! Parses the process's arguments.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches};

use super::explain::explain;
use super::{Arguments, Command, GlobalArguments, RenderArguments};
use crate::environment::Environment;
use crate::files::stream;
use crate::report::{self, Outcome};
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::spec::Origin;
use regcred_core::spec::choice::{Choice, Format};
use regcred_core::spec::meaning::rules;
use regcred_core::spec::typed::{self, Typed};

/// What is printed instead of running a command.
#[derive(Debug)]
pub enum Answer {
    /// Help or version, for stdout.
    Text(String),
    /// A usage error.
    Usage(Diagnostic),
}

impl Arguments {
    /// Parses the process's arguments.
    ///
    /// # Errors
    /// Help, version, or a usage error that names flags but never repeats a value.
    #[cfg_attr(
        not(feature = "cluster"),
        expect(unused_variables, reason = "only a controller stands in for a patcher")
    )]
    pub fn read(environment: &Environment) -> Result<Self, Answer> {
        report::quiet_panics();
        let typed: Vec<OsString> = std::env::args_os().collect();
        #[cfg(feature = "cluster")]
        if let Some(arguments) = super::controller::of_a_patcher(&typed, environment) {
            return Ok(arguments);
        }
        let name = if is_a_plugin(typed.first()) { "kubectl regcred" } else { "regcred" };
        // Only a help text says which options have no effect, so any other run skips that work.
        let asks_for_help = typed.iter().any(|word| word == "--help" || word == "help");
        let command = || if asks_for_help { with_effects(Self::command()) } else { Self::command() };
        let parsed = as_render(&typed).map_or_else(|| command().bin_name(name).try_get_matches_from(&typed), Ok);
        let parsed = parsed.and_then(|matches| {
            let arguments = Self::from_arg_matches(&matches)?;
            Ok(Self { typed: options(&matches), ..arguments })
        });
        parsed.map_err(|error| answer(&error, &typed, name))?.without_a_format_as_output()
    }

    /// `--output yaml` is what other tools call `--format yaml`.
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
    /// Prints it, and gives the exit status.
    pub fn finish(self) -> ExitCode {
        match self {
            Self::Text(text) => report::finish(stream::print_text(&text).map(|()| Outcome::Done).map_err(Into::into)),
            Self::Usage(problem) => report::finish(Err(Failure::Usage(vec![problem]).into())),
        }
    }
}

/// Parses a `render` that has no mistake, without the flags of other commands: pipelines run `render` often, and clap would spend most of
/// its time on those flags.
fn as_render(typed: &[OsString]) -> Option<ArgMatches> {
    typed.get(1).filter(|word| *word == "render")?;
    render_alone().try_get_matches_from(typed).ok()
}

/// The long help of `render` says in which runs an option has no effect, unless the heading above it says so.
fn with_effects(command: clap::Command) -> clap::Command {
    let explained = |argument: clap::Arg| {
        let setting = argument.get_long().and_then(typed::find);
        // A rule's text is the kind of run, then `,` or `:` and a reason. The help shows only the kind.
        let rules = setting.into_iter().flat_map(rules).filter(|(value, _)| value.is_none());
        let kinds = rules.filter_map(|(_, rule)| Some(rule.when.split([',', ':']).next()?.replace('`', "")));
        let heading = argument.get_help_heading().unwrap_or_default().replace("With ", "without ");
        let kinds: Vec<_> = kinds.filter(|kind| *kind != heading).collect();
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let effects = format!("{help}\nHas no effect {}", kinds.join(", "));
        if kinds.is_empty() { argument } else { argument.long_help(effects) }
    };
    command.mut_subcommand("render", |render| render.mut_args(explained))
}

fn render_alone() -> clap::Command {
    let render = RenderArguments::augment_args(clap::Command::new("render"));
    GlobalArguments::augment_args(clap::Command::new("regcred")).subcommand(render)
}

/// Whether kubectl has run us by a link named `kubectl-regcred`.
fn is_a_plugin(program: Option<&OsString>) -> bool {
    program.and_then(|path| Path::new(path).file_stem()).is_some_and(|name| name == "kubectl-regcred")
}

/// The options of the command that a Spec knows, as they were typed.
fn options(matches: &ArgMatches) -> Typed {
    let mut typed = Typed::default();
    let Some((_, matches)) = matches.subcommand() else { return typed };
    for id in matches.ids().map(clap::Id::as_str) {
        if matches.value_source(id) == Some(ValueSource::CommandLine)
            && let Some(setting) = typed::find(&id.replace('_', "-"))
        {
            let values = matches.get_raw(id).into_iter().flatten().map(OsStr::to_owned).collect();
            typed.add(setting, Origin::Flag(setting.flag), values);
        }
    }
    typed
}

/// What is printed for an error of clap. A help text shows the program under the name by which it was started.
fn answer(error: &clap::Error, typed: &[OsString], name: &str) -> Answer {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let text = error.render().to_string().replace(" regcred ", &format!(" {name} "));
            Answer::Text(text.replace("kubectl kubectl regcred ", "kubectl regcred "))
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => Answer::Usage(
            Diagnostic::error(Code::Usage, "a command is missing")
                .hint("`regcred --help` lists the commands; start with `regcred render`"),
        ),
        _ => Answer::Usage(explain(error, typed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn render_alone_has_the_flags_that_it_has_among_all_commands() {
        let said = |mut command: clap::Command| {
            command.build();
            let render = command.find_subcommand("render").unwrap();
            let flags: Vec<_> = render.get_arguments().map(|argument| format!("{argument:?}")).collect();
            assert!(flags.len() > 50, "{flags:?}");
            (flags, render.get_groups().map(|group| format!("{group:?}")).collect::<Vec<_>>())
        };
        assert_eq!(said(render_alone()), said(Arguments::command()));
    }
}
