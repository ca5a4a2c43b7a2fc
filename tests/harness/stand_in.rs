//! Writes shell scripts that replace programs.

use std::fs;
use std::path::Path;
use std::process::Command;

/// What a stand-in for sops does: it puts marks in the place of the secret.
pub const ENCRYPTS: &str = "sed 's/\\(docker[cC]onfig[jJ]son\"*: \\)[^,}]*/\\1\"ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]\"/'\n\
                            echo 'sops: {mac: m, lastmodified: l, version: v}'";

/// Writes the program by another one: a descriptor that is open for writing here would be inherited by what other tests start,
/// and a program that somebody has open for writing cannot be run.
pub fn program(path: &Path, script: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let write = r#"printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 755 "$1""#;
    let written = Command::new("/bin/sh").args(["-c", write, "sh"]).arg(path).arg(script).status().unwrap();
    assert!(written.success());
}

/// A `PATH` on which the programs of this folder are the first.
pub fn search(folder: &Path) -> String {
    format!("{}:/usr/bin:/bin", folder.display())
}
