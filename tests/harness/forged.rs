//! Edits a file of a tree together with its line of the lock, as an attacker would.

#![expect(clippy::disallowed_methods, reason = "fixtures are files")]

use std::fs;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};

/// Writes the text into the file, and its SHA-256 into the lock.
pub fn forge(root: &Path, path: &str, text: &str) {
    fs::write(root.join(path), text).unwrap();
    let digits: Vec<_> = digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    edit_line(root, path, |field| field != "sha256");
    let lock = fs::read_to_string(root.join("regcred.lock")).unwrap();
    let line = lock.lines().find(|line| line.split(' ').next() == Some(path)).unwrap();
    let (_, rest) = line.split_once(' ').unwrap_or((line, ""));
    let forged = format!("{path} sha256={} {rest}", digits.concat());
    fs::write(root.join("regcred.lock"), lock.replace(line, forged.trim_end())).unwrap();
}

/// Keeps only these fields in the line of a file.
pub fn edit_line(root: &Path, path: &str, keep: impl Fn(&str) -> bool) {
    let lock = root.join("regcred.lock");
    let edit = |line: &str| {
        let (name, fields) = line.split_once(' ').unwrap_or((line, ""));
        if name != path {
            return format!("{line}\n");
        }
        let kept = fields.split(' ').filter(|field| keep(field.split('=').next().unwrap()));
        format!("{}\n", [name].into_iter().chain(kept).collect::<Vec<_>>().join(" ").trim_end())
    };
    let text: String = fs::read_to_string(&lock).unwrap().lines().map(edit).collect();
    fs::write(&lock, text).unwrap();
}
