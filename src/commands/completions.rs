//! `regcred completions` and `regcred man`: the command line's own description in, a shell's completions or a manual page out.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Arguments;
use crate::output::stream::print_text;
use crate::report::Outcome;

/// Prints the completions of a shell.
pub fn completions(shell: Shell) -> Result<Outcome> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "regcred", &mut text);
    print_text(&String::from_utf8(text)?)?;
    Ok(Outcome::Done)
}

/// Prints the manual page.
pub fn man() -> Result<Outcome> {
    let mut text = Vec::new();
    clap_mangen::Man::new(Arguments::command()).render(&mut text)?;
    print_text(&String::from_utf8(text)?)?;
    Ok(Outcome::Done)
}
