//! The console blocks of a page: Markdown in, its commands run in one shell, what is said to come out compared with what does.
//!
//! `REGCRED_UPDATE_DOCS=1` writes what comes out into the page instead.

use std::fs;
use std::path::Path;

/// A command of a page, what is said to come out of it, and the line of the page where that begins.
struct Example {
    command: String,
    output: String,
    line: usize,
}

/// Between two outputs stands a character that none of them has.
const BETWEEN: char = '\u{1e}';

fn examples(markdown: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut inside = false;
    for (number, line) in markdown.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside {
            match (line.strip_prefix("$ "), examples.last_mut()) {
                (Some(command), _) => {
                    examples.push(Example { command: command.to_owned(), output: String::new(), line: number + 1 });
                }
                (None, Some(example)) => example.output.extend([line, "\n"]),
                (None, None) => panic!("a console block begins with its output: {line}"),
            }
        }
    }
    examples
}

/// Runs the commands of a page, as one script that the closure is given, and compares all that comes out.
///
/// The number of commands.
#[expect(clippy::disallowed_methods, reason = "the test says whether to write the page anew")]
pub fn compare(page: &Path, run: impl FnOnce(&str) -> String) -> usize {
    let markdown = fs::read_to_string(page).unwrap();
    let examples = examples(&markdown);
    let commands: Vec<_> = examples.iter().map(|example| example.command.as_str()).collect();
    let output = run(&format!("exec 2>&1\n{}", commands.join(&format!("\nprintf '{BETWEEN}'\n"))));
    let outputs: Vec<_> = output.split(BETWEEN).collect();
    assert_eq!(outputs.len(), examples.len(), "{}: {output}", page.display());
    if std::env::var_os("REGCRED_UPDATE_DOCS").is_some() {
        let mut lines: Vec<_> = markdown.lines().map(str::to_owned).collect();
        for (example, actual) in examples.iter().zip(outputs).rev() {
            let end = example.line + example.output.lines().count();
            lines.splice(example.line..end, actual.lines().map(str::to_owned));
        }
        fs::write(page, lines.join("\n") + "\n").unwrap();
    } else {
        for (Example { command, output, .. }, actual) in examples.iter().zip(outputs) {
            assert_eq!(*output, actual, "{}: $ {command}", page.display());
        }
    }
    examples.len()
}
