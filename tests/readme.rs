//! The README, run: every line after `$ ` in its console blocks, in one shell, in an empty folder; all that comes out is compared.

#![cfg(test)]

#[cfg(test)]
mod console;

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn every_console_block_of_the_readme_says_what_comes_out() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let commands = console::compare(&page, |script| {
        let folder = tempfile::tempdir().unwrap();
        let binaries = Path::new(env!("CARGO_BIN_EXE_regcred")).parent().unwrap();
        let output = Command::new("sh")
            .args(["-c", script])
            .current_dir(folder.path())
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", binaries.display()))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    });
    assert!(commands >= 5, "the README shows {commands} commands");
}

#[test]
fn the_first_screen_of_the_readme_stays_short() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    assert!(readme.lines().count() <= 160);
    let first_output = readme.lines().position(|line| line == "```console").unwrap();
    assert!(first_output < 20, "the first real output begins at line {first_output}");
}
