//! `regcred completions` and `regcred man` print the completions of a shell and manual pages.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Arguments;
use crate::files::stream::print_text;
use crate::report::Outcome;
use crate::settings::usage;

pub fn completions(shell: Shell) -> Result<Outcome> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "regcred", &mut text);
    print_text(&String::from_utf8(text)?)?;
    Ok(Outcome::Done)
}

/// Prints the manual page of a command, or of the whole program.
pub fn man(name: Option<&str>) -> Result<Outcome> {
    let mut whole = Arguments::command();
    whole.build();
    let page = match name {
        None => whole,
        Some(name) => whole.find_subcommand(name).cloned().ok_or_else(|| {
            let names: Vec<_> = whole.get_subcommands().map(clap::Command::get_name).collect();
            usage("`regcred man` got the name of no command", &format!("commands are {}", names.join(", ")))
        })?,
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text)?;
    print_text(&String::from_utf8(text)?)?;
    Ok(Outcome::Done)
}
