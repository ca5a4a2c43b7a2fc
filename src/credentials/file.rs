//! Reads files that hold a login, up to a limit.

use std::fs::Metadata;
use std::io::{ErrorKind, Read};
use std::path::Path;

use secrecy::SecretString;

use crate::environment::open_in_time;
use regcred_core::credentials::text_of;
use regcred_core::diagnostic::{Code, Diagnostic, reason};

/// The largest login, and the largest list of logins.
const LIMIT: u64 = 4 * 1024 * 1024;

/// How a file was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// By a flag: the user who names a pipe also writes to it.
    ByFlag,
    /// By the value of a variable, which may look like a path by chance.
    ByVariable,
}

/// The text of a file that holds a credential.
/// Errors: it cannot be read, is neither a regular file nor an intended pipe, is too long, or is not UTF-8.
pub fn read(path: &Path, source: &str, named: Named) -> Result<SecretString, Diagnostic> {
    let metadata = path.metadata().map_err(|error| unreadable(source, &error))?;
    if metadata.is_dir() {
        return Err(Diagnostic::error(Code::IsADirectory, format!("{source} names a directory, not a file"))
            .hint("name the file in it, for example config.json"));
    }
    // Any other kind of file may never end, or never begin.
    let is_open = path == Path::new("/dev/stdin") || path.starts_with("/dev/fd");
    let is_meant = is_open || (named == Named::ByFlag && is_pipe(&metadata));
    if !is_meant && !metadata.is_file() {
        let other = if named == Named::ByFlag { "a pipe" } else { "standard input" };
        let message = format!("{source} names neither a regular file nor {other}");
        let problem = Diagnostic::error(Code::UnreadableFile, message);
        return Err(problem.hint("write it to a file first, or give /dev/stdin"));
    }
    let mut bytes = Vec::new();
    open_in_time(path)
        .and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(source, &error))?;
    if bytes.len() as u64 > LIMIT {
        return Err(Diagnostic::error(Code::TooLarge, format!("the file that {source} names is longer than 4 MiB"))
            .hint("name the file of the login itself"));
    }
    text_of(bytes).map(SecretString::from).ok_or_else(|| {
        Diagnostic::error(Code::NotUtf8, format!("the file that {source} names is not UTF-8 text"))
            .hint("save it as UTF-8 without a byte-order mark of another encoding")
    })
}

/// The text of the file whose absolute path is the value of a variable, as in GitLab's File variables; `None` if the value is not such a
/// path.
pub fn named_by(value: &str, source: &str) -> Result<Option<SecretString>, Diagnostic> {
    use ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound};
    let path = Path::new(value.trim_end_matches(['\r', '\n']));
    // A slash alone names no file, and may be a password.
    if !path.is_absolute() || path.file_name().is_none() {
        return Ok(None);
    }
    match path.metadata() {
        Err(error) if matches!(error.kind(), NotFound | NotADirectory | InvalidFilename | InvalidInput) => Ok(None),
        _ => read(path, source, Named::ByVariable).map(Some),
    }
}

/// Whether the value looks like the absolute path of a missing file: two parts or more, with the characters of file
/// names.
pub fn looks_like_a_path(value: &str) -> bool {
    let is_name = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte))
    };
    value
        .trim_end_matches(['\r', '\n'])
        .strip_prefix('/')
        .is_some_and(|path| path.contains('/') && path.split('/').all(is_name))
}

fn unreadable(source: &str, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(Code::UnreadableFile, format!("the file that {source} names cannot be read: {}", reason(error)))
        .hint("check that the path is right and that this user may read it")
}

fn is_pipe(metadata: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    metadata.file_type().is_fifo()
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_file_is_read_up_to_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long");
        File::create(&path).and_then(|file| file.set_len(LIMIT + 1)).unwrap();
        assert_eq!(read(&path, "`A`", Named::ByFlag).unwrap_err().code.as_str(), "too-large");
    }

    #[test]
    fn a_value_is_a_path_only_if_something_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        File::create(&path).unwrap();
        let (path, folder) = (path.to_str().unwrap(), folder.path().to_str().unwrap());
        for (value, expected) in [
            (path, Ok(true)),
            (&format!("{path}\n"), Ok(true)),
            (folder, Err("is-a-directory")),
            ("/dev/null", Err("unreadable-file")),
            ("token", Ok(false)),
            ("/", Ok(false)),
            ("//", Ok(false)),
            (&format!("{folder}/gone"), Ok(false)),
            (&format!("{path}/below"), Ok(false)),
            (&format!("/{}", "a".repeat(300)), Ok(false)),
        ] {
            let found = named_by(value, "`A`").map(|text| text.is_some()).map_err(|problem| problem.code.as_str());
            assert_eq!(found, expected, "{value}");
        }
    }

    #[test]
    fn a_path_is_told_from_a_password_that_begins_with_a_slash() {
        for (value, path) in [
            ("/builds/acme/api.tmp/GHCR_TOKEN", true),
            ("/tmp/token\n", true),
            ("/hunter2", false),
            ("/a+b/c==", false),
            ("//x", false),
            ("tmp/token", false),
        ] {
            assert_eq!(looks_like_a_path(value), path, "{value}");
        }
    }
}
