//! Reads the text of the certificate from a file or a variable.

use std::path::{Path, PathBuf};

use crate::environment::{Environment, read_file};
use crate::settings::Certificate;
use regcred_core::diagnostic::{Code, Diagnostic, reason};

const BEGIN: &str = "-----BEGIN ";

/// Reads the text.
/// Errors: an address, or a file that cannot be read. What the user typed is not repeated.
pub fn read(source: &Certificate, environment: &Environment) -> Result<Vec<u8>, Diagnostic> {
    let path = match source {
        Certificate::Variable(text) if text.contains(BEGIN) => return Ok(text.clone().into_bytes()),
        Certificate::Variable(text) => PathBuf::from(text.trim()),
        Certificate::Flag(path) | Certificate::File(path) => path.clone(),
    };
    if matches!(source, Certificate::File(_)) && ["/dev", "/proc"].iter().any(|folder| path.starts_with(folder)) {
        let message = format!("{source} is no file of this repository");
        return Err(Diagnostic::error(Code::UnreadableFile, message).hint(
            "commit the certificate, or give it with `--sealing-cert`: `regcred fetch-cert --output FILE` writes it",
        ));
    }
    if path.to_string_lossy().contains("://") {
        let message = format!("{source} is an address, and `render` touches no network");
        return Err(Diagnostic::error(Code::CertificateByAddress, message)
            .hint("write the certificate to a file with `regcred fetch-cert --output FILE`, and commit it"));
    }
    file(&environment.directory().join(path), source)
}

fn file(path: &Path, source: &Certificate) -> Result<Vec<u8>, Diagnostic> {
    if path.is_dir() {
        return Err(Diagnostic::error(Code::IsADirectory, format!("{source} names a directory, not a file"))
            .hint("name the file of the certificate in it"));
    }
    read_file(path).map_err(|error| {
        let message = format!("the file that {source} names cannot be read: {}", reason(&error));
        Diagnostic::error(Code::UnreadableFile, message)
            .hint("check the path; `regcred fetch-cert --output FILE` writes the certificate of the cluster")
    })
}
