//! Runs the commands of a page in one shell, and compares their output with the page.
//!
//! - `console`: the output of each command after `$ ` is compared. `REGCRED_UPDATE_DOCS=1` writes the output into the page instead.
//! - `sh`: every command must succeed; the output is ignored.
//! - `yaml` that begins with `# NAME`: written to the file NAME before the next command.

use std::fs;
use std::path::Path;

/// A block of a page: language, text, and the line of the page where it begins.
pub struct Block<'page> {
    pub language: &'page str,
    pub text: String,
    pub line: usize,
}

impl Block<'_> {
    /// The name of the file that the block becomes.
    pub fn file(&self) -> Option<&str> {
        let name = self.text.strip_prefix("# ")?.split([' ', ',', ':', '\n']).next()?;
        (self.language == "yaml" && name.contains('.')).then_some(name)
    }
}

/// All blocks of a page.
pub fn blocks(markdown: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut inside: Option<Block> = None;
    for (number, line) in markdown.lines().enumerate() {
        match (line.strip_prefix("```"), inside.take()) {
            (Some(language), None) => inside = Some(Block { language, text: String::new(), line: number + 1 }),
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.text.extend([line, "\n"]);
                inside = Some(block);
            }
            (None, None) => {}
        }
    }
    blocks
}

/// A command of a console block, its output in the page, and the line of the command.
struct Example {
    command: String,
    output: String,
    line: usize,
}

/// The commands of a console block.
fn examples(block: &Block) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    for (number, line) in block.text.lines().enumerate() {
        match (line.strip_prefix("$ "), examples.last_mut()) {
            (Some(command), _) => {
                let line = block.line + number + 1;
                examples.push(Example { command: command.to_owned(), output: String::new(), line });
            }
            (None, Some(example)) => example.output.extend([line, "\n"]),
            (None, None) => panic!("a console block begins with its output: {line}"),
        }
    }
    examples
}

/// A character around the output of each example, which no output contains.
const MARK: char = '\u{1e}';

/// Runs a page as a script inside the closure, without the `sh` blocks that begin like one of `not_run`.
///
/// `granted` sets up what the page assumes, and must succeed.
#[expect(clippy::disallowed_methods, reason = "the variable says whether to rewrite the page")]
pub fn compare(page: &Path, granted: &str, not_run: &[&str], run: impl FnOnce(&str) -> String) {
    let markdown = fs::read_to_string(page).unwrap();
    let must = |commands: &str| format!("set -e\n{commands}\nset +e\n");
    let mut script = format!("exec 2>&1\n{}", must(granted));
    let mut all = Vec::new();
    for block in blocks(&markdown) {
        let text = &block.text;
        if let Some(name) = block.file() {
            script += &must(&format!("mkdir -p \"$(dirname {name})\"\ncat > {name} <<'THE END'\n{text}THE END"));
        } else if block.language == "sh" && !not_run.iter().any(|beginning| text.starts_with(beginning)) {
            script += &must(text);
        } else if block.language == "console" {
            let examples = examples(&block);
            let commands = examples.iter().map(|example| &example.command);
            script.extend(commands.map(|command| format!("printf '{MARK}'\n{command}\nprintf '{MARK}'\n")));
            all.extend(examples);
        }
    }
    let output = run(&format!("{script}printf '{MARK}the end'"));
    assert!(output.ends_with(&format!("{MARK}the end")), "{} was not run to its end: {output}", page.display());
    let outputs: Vec<_> = output.split(MARK).skip(1).step_by(2).take(all.len()).collect();
    if std::env::var_os("REGCRED_UPDATE_DOCS").is_some() {
        let mut lines: Vec<_> = markdown.lines().map(str::to_owned).collect();
        for (example, actual) in all.iter().zip(outputs).rev() {
            let end = example.line + example.output.lines().count();
            lines.splice(example.line..end, actual.lines().map(str::to_owned));
        }
        fs::write(page, lines.join("\n") + "\n").unwrap();
    } else {
        for (Example { command, output, .. }, actual) in all.iter().zip(outputs) {
            assert_eq!(*output, actual, "{}: $ {command}", page.display());
        }
    }
}
