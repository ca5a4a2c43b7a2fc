//! `regcred inject` adds references to pull secrets to the manifests on standard input.

use std::io::{self, IsTerminal, Read};

use anyhow::Result;

use crate::cli::InjectArguments;
use crate::environment::{Environment, open_stdin};
use crate::files::stream::print_text;
use crate::report::{self, Outcome};
use crate::settings::file::File;
use crate::settings::inject::{Asked, rules};
use crate::settings::usage;
use regcred_core::credentials::text_of;
use regcred_core::diagnostic::{Code, Diagnostic, Failure, reason};
use regcred_core::inject::{self, Added, Injected};
use regcred_core::spec::typed::Typed;

const TITLE: &str = "the input";

/// Reads and changes everything before it writes the first byte; with `--check` it lists the changes.
pub fn run(
    typed: &Typed,
    arguments: &InjectArguments,
    file: Option<&File>,
    environment: &Environment,
) -> Result<Outcome> {
    let mut problems = Vec::new();
    let InjectArguments { registry: hosts, all, path: paths, namespace, .. } = arguments;
    let asked = Asked { hosts, all: *all, paths, namespace: namespace.as_deref() };
    let rules = rules(typed, &asked, file, environment, &mut problems)?;
    Failure::unless_clean(TITLE, &problems)?;
    report::warn(&problems);
    let text = manifests()?;
    let Injected { edits, found, added, warnings, left_out } =
        inject::inject(&text, &rules).map_err(|problem| Failure::of(TITLE, problem))?;
    report::warn(&warnings);
    let said = format!("{} of {found} Pod specs get a reference", added.len());
    if found > 0 && added.is_empty() {
        report::warn(left_out.as_slice());
        report::note(&said);
    } else {
        if let Some(diagnostic) = &left_out {
            report::detail(&diagnostic.message);
        }
        report::detail(&said);
    }
    if !arguments.check {
        print_text(&inject::changed(&text, &edits))?;
        return Ok(Outcome::Done);
    }
    let lines = added
        .iter()
        .map(|Added { document, object, names }| format!("document {document}: {object} gets {}\n", names.join(", ")));
    print_text(&lines.collect::<String>())?;
    Ok(if added.is_empty() { Outcome::Done } else { Outcome::Differs })
}

fn manifests() -> Result<String, Failure> {
    if io::stdin().is_terminal() {
        let message = "`inject` reads manifests on standard input, and that is a terminal";
        let hint = "pipe them in: `helm template … | regcred inject --registry ghcr.io | kubectl apply -f -`";
        return Err(usage(message, hint));
    }
    let mut bytes = Vec::new();
    open_stdin().read_to_end(&mut bytes).map_err(|error| {
        let message = format!("standard input cannot be read: {}", reason(&error));
        Failure::of(TITLE, Diagnostic::error(Code::UnreadableFile, message))
    })?;
    // kubectl reads UTF-16 with its mark, too, which a shell on Windows writes.
    let is_utf_16 = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    let text = if is_utf_16 { text_of(bytes) } else { String::from_utf8(bytes).ok() };
    text.ok_or_else(|| {
        let problem = Diagnostic::error(Code::NotUtf8, "standard input is not UTF-8 text");
        Failure::of(TITLE, problem.hint("write the manifests as UTF-8, or as UTF-16 with its byte-order mark"))
    })
}
