//! Writes new files, either all of them or none.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::failure;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};

/// Writes the files under `root`; no file holds a secret.
/// Errors: some files exist: the error names all of them, and nothing is written. Or the file system's.
pub fn write(root: &Path, files: &[(&str, &str)]) -> Result<(), Failure> {
    let existing: Vec<_> = files
        .iter()
        .filter(|(name, _)| root.join(name).symlink_metadata().is_ok())
        .map(|(name, _)| exists(name))
        .collect();
    Failure::unless_clean("the files to write", &existing)?;
    for (number, (name, text)) in files.iter().enumerate() {
        if let Err(error) = create(&root.join(name), text) {
            for (written, _) in &files[..number] {
                // A file that cannot be removed has the same problem as the reported error.
                let _ = fs::remove_file(root.join(written));
            }
            return Err(if error.kind() == io::ErrorKind::AlreadyExists {
                Failure::of("the files to write", exists(name))
            } else {
                failure(error, &format!("`{name}`"))
            });
        }
    }
    Ok(())
}

fn exists(name: &str) -> Diagnostic {
    let hint = match name {
        "helmfile.yaml" => {
            "run `regcred init helmfile --directory pull-secrets`, and add `helmfiles: [{path: pull-secrets/helmfile.yaml}]` to yours"
        }
        _ => "write elsewhere with `--directory DIR`, and take over what is missing",
    };
    Diagnostic::error(Code::FileExists, format!("`{name}` is there already, so nothing was written")).hint(hint)
}

fn create(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes()).inspect_err(|_| {
        // A truncated file is worse than no file.
        let _ = fs::remove_file(path);
    })
}
