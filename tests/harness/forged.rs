//! Edits a file of a tree together with its line of the lock, as an attacker would.

#![expect(clippy::disallowed_methods, reason = "fixtures are files")]

use std::fs;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value};

/// Puts the text there, and makes the SHA-256 in the lock that of it.
pub fn forge(root: &Path, path: &str, text: &str) {
    fs::write(root.join(path), text).unwrap();
    let digits: Vec<_> = digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    edit_line(root, path, |fingerprint| drop(fingerprint.insert("sha256".to_owned(), digits.concat().into())));
}

/// Changes what the lock says of a file.
pub fn edit_line(root: &Path, path: &str, edit: impl FnOnce(&mut Map<String, Value>)) {
    let lock = root.join("regcred.lock");
    let mut value: Value = serde_json::from_slice(&fs::read(&lock).unwrap()).unwrap();
    let lines = value["files"].as_array_mut().unwrap();
    let line = lines.iter_mut().find(|line| line["path"] == path).unwrap();
    edit(line["fingerprint"].as_object_mut().unwrap());
    fs::write(&lock, value.to_string()).unwrap();
}
