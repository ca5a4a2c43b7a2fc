//! Writes files that do not exist yet: all of them or none.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::new_paths::NewPaths;
use super::{check_folder, failure};
use regcred_core::diagnostic::{Code, Diagnostic, Failure};

/// Writes the files under `root`; no file holds a secret.
/// Errors: some files exist (the error names all of them, and nothing is written), or the file system fails.
pub fn write(root: &Path, files: &[(String, String)]) -> Result<(), Failure> {
    let new = files.iter().filter(|(name, _)| in_the_way(root, name).is_none());
    let new = new.map(|(name, _)| format!("move `{name}` here, ")).collect::<Vec<_>>().concat();
    let existing = files.iter().filter_map(|(name, _)| in_the_way(root, name));
    let existing: Vec<_> = existing.map(|name| exists(name, &new)).collect();
    Failure::unless_clean("the files to write", &existing)?;
    let new_paths = NewPaths::default();
    for (name, text) in files {
        check_folder(root.join(name).parent().unwrap_or(root), root, &format!("`{name}`"))?;
        create(&root.join(name), text, &new_paths).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Failure::of("the files to write", exists(name, "")),
            _ => failure(error, &format!("`{name}`")),
        })?;
    }
    new_paths.keep();
    Ok(())
}

/// What is in the way of a new file. Helmfile refuses a folder that has more than one of its files.
fn in_the_way<'a>(root: &Path, name: &'a str) -> Option<&'a str> {
    let others: &[&str] = if name == HELMFILES[0] { &HELMFILES[1..] } else { &[] };
    [name].into_iter().chain(others.iter().copied()).find(|name| root.join(name).symlink_metadata().is_ok())
}

/// The names that Helmfile looks for.
const HELMFILES: [&str; 3] = ["helmfile.yaml", "helmfile.yaml.gotmpl", "helmfile.d"];

fn exists(name: &str, new: &str) -> Diagnostic {
    let hint = match name {
        _ if HELMFILES.contains(&name) => "run `regcred init helmfile --directory pull-secrets`, and add `helmfiles: [{path: pull-secrets/helmfile.yaml}]` to yours".to_owned(),
        _ => format!(
            "write to another folder with `--directory DIR`; then {new}copy the settings of the new `{name}` into the existing one, and correct the paths"
        ),
    };
    Diagnostic::error(Code::FileExists, format!("`{name}` is there already, so nothing was written")).hint(hint)
}

fn create(path: &Path, text: &str, new_paths: &NewPaths) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| new_paths.create_folder(folder))?;
    let mut file = File::create_new(path)?;
    new_paths.add(path.to_path_buf());
    file.write_all(text.as_bytes())
}
