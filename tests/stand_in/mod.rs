//! A stand-in for a program: its path and a script in, a program of the shell there out.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What a stand-in for sops does: it puts marks in the place of the secret.
pub const ENCRYPTS: &str = "sed 's/\\(docker[cC]onfig[jJ]son\"*: \\)[^,}]*/\\1\"ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]\"/'\n\
                            echo 'sops: {mac: m, lastmodified: l, version: v}'";

/// Writes the program.
#[expect(clippy::disallowed_methods, reason = "whole or not at all does not matter to a test")]
pub fn program(path: &Path, script: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
}

/// A `PATH` on which the programs of this folder are the first.
pub fn search(folder: &Path) -> String {
    format!("{}:/usr/bin:/bin", folder.display())
}
