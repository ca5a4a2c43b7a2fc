//! Writes shell scripts that replace programs.

use std::fs;
use std::path::Path;
use std::process::Command;

/// A stand-in for sops: it replaces the secret by marks.
pub const ENCRYPTS: &str = "sed 's/\\(docker[cC]onfig[jJ]son\"*: \\)[^,}]*/\\1\"ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]\"/'\n\
                            echo 'sops: {mac: m, lastmodified: l, version: v}'";

/// Another program writes the script: other tests' programs would inherit a descriptor that is open for writing here, and a program
/// that is open for writing cannot be run.
pub fn program(path: &Path, script: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let write = r#"printf '#!/bin/sh\n%s\n' "$2" >"$1" && chmod 755 "$1""#;
    let written = Command::new("/bin/sh").args(["-c", write, "sh"]).arg(path).arg(script).status().unwrap();
    assert!(written.success());
}

/// A `PATH` that has the programs of this folder first.
pub fn search(folder: &Path) -> String {
    format!("{}:/usr/bin:/bin", folder.display())
}
