//! The README, run: every line after `$ ` in its console blocks, in one shell, in an empty folder; all that comes out is compared.

#![cfg(test)]

use std::fs;
use std::path::Path;
use std::process::Command;

/// A command of the README and what is said to come out of it.
struct Example {
    command: String,
    output: String,
}

fn examples(markdown: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut inside = false;
    for line in markdown.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if inside {
            match (line.strip_prefix("$ "), examples.last_mut()) {
                (Some(command), _) => examples.push(Example { command: command.to_owned(), output: String::new() }),
                (None, Some(example)) => example.output.extend([line, "\n"]),
                (None, None) => panic!("a console block begins with its output: {line}"),
            }
        }
    }
    examples
}

/// What comes out of each of the commands, on stdout and stderr.
fn run(examples: &[Example]) -> Vec<String> {
    // Between two outputs stands a character that none of them has.
    const BETWEEN: char = '\u{1e}';
    let commands: Vec<_> = examples.iter().map(|example| example.command.as_str()).collect();
    let script = commands.join(&format!("\nprintf '{BETWEEN}'\n"));
    let folder = tempfile::tempdir().unwrap();
    let binaries = Path::new(env!("CARGO_BIN_EXE_regcred")).parent().unwrap();
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1\n{script}")])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", binaries.display()))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split(BETWEEN).map(str::to_owned).collect()
}

#[test]
fn every_console_block_of_the_readme_says_what_comes_out() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let examples = examples(&readme);
    assert!(examples.len() >= 5, "the README shows {} commands", examples.len());
    let outputs = run(&examples);
    assert_eq!(outputs.len(), examples.len());
    for (Example { command, output }, actual) in examples.iter().zip(outputs) {
        assert_eq!(*output, actual, "$ {command}");
    }
}

#[test]
fn the_first_screen_of_the_readme_stays_short() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    assert!(readme.lines().count() <= 150);
    let first_output = readme.lines().position(|line| line == "```console").unwrap();
    assert!(first_output < 20, "the first real output begins at line {first_output}");
}
