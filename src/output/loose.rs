//! One file by itself: what writes its bytes in, the file at its path out, whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::Protection;
use crate::problem::{Failure, Problem};

/// Whether there was anything to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The file is new or different.
    Written,
    /// It was current, and is untouched.
    Unchanged,
}

/// What stands where the file goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    Absent,
    /// A regular file.
    There,
}

/// What stands at the path.
///
/// # Errors
/// Something that must not be replaced: a directory, a device, a pipe, a socket or a link.
pub fn state(path: &Path) -> Result<State, Failure> {
    let refused = |problem: Problem, hint: &str| Err(Failure::of("the output", problem.hint(hint)));
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(State::Absent),
        Err(error) => Err(super::failure(&error, "the file of `--output`")),
        Ok(metadata) if metadata.is_file() => Ok(State::There),
        Ok(_) if path.is_dir() => refused(
            Problem::error("is-a-directory", "`--output` is a directory, and this shape is one file"),
            "name a file, or choose `--shape directory`",
        ),
        Ok(_) => refused(
            Problem::error(
                "not-a-file",
                "`--output` is a link, a pipe or a device, and not a file that can be replaced",
            ),
            "name a file, or leave --output out and redirect standard output",
        ),
    }
}

/// Lets the file be written: there is none, or it is ours or current.
///
/// # Errors
/// What stands there is another's.
pub fn admit(path: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    if state(path)? == State::Absent || is_ours(path)? || is_current(path, content)? {
        return Ok(());
    }
    let problem = Problem::error("not-ours", "the file of `--output` is there, and regcred did not write it");
    Err(Failure::of("the output", problem.hint("remove it, or choose another path")))
}

/// What begins a Docker config of ours: JSON without white space, and base64 of it.
const DOCKER_CONFIGS: [&[u8]; 2] = [br#"{"auths":{"#, b"eyJhdXRocyI6e"];
/// What begins values of ours.
const VALUES: &[u8] = b"# Written by regcred";
/// What stands in a stream of ours.
const STREAM: &[u8] = b"regcred.dev/owned";

fn is_ours(path: &Path) -> Result<bool, Failure> {
    let failed = |error: io::Error| super::failure(&error, "the file of `--output`");
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let mut line = zeroize::Zeroizing::new(Vec::new());
    file.read_until(b'\n', &mut line).map_err(failed)?;
    if line.is_empty() || line.starts_with(VALUES) || DOCKER_CONFIGS.iter().any(|start| line.starts_with(start)) {
        return Ok(true);
    }
    // Thousands of Namespaces may come before the first object that is ours.
    while !line.is_empty() {
        if line.windows(STREAM.len()).any(|window| window == STREAM) {
            return Ok(true);
        }
        line.clear();
        file.read_until(b'\n', &mut line).map_err(failed)?;
    }
    Ok(false)
}

/// Writes the file beside its place, and renames it there if it differs.
///
/// # Errors
/// The file system's; the old file is then untouched, and nothing is left beside it.
pub fn write(
    path: &Path,
    protection: Protection,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<Change, Failure> {
    let failed = |error: io::Error| super::failure(&error, "the file of `--output`");
    state(path)?;
    let beside = beside(path);
    // Of a run that was killed.
    let _ = fs::remove_file(&beside);
    path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
    let written = fill(&beside, protection, content).and_then(|()| {
        if same(&beside, path)? {
            fs::remove_file(&beside)?;
            return Ok(Change::Unchanged);
        }
        fs::rename(&beside, path)?;
        Ok(Change::Written)
    });
    written.map_err(|error| {
        // The failure is what the user must hear of.
        let _ = fs::remove_file(&beside);
        failed(error)
    })
}

/// Whether the file is there with exactly these bytes.
///
/// # Errors
/// The file system's.
pub fn is_current(path: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<bool, Failure> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other.map_err(|error| super::failure(&error, "the file of `--output`"))?,
    };
    let mut comparing = Comparing { file: BufReader::new(file), equal: true };
    content(&mut comparing).map_err(|error| super::failure(&error, "a manifest"))?;
    let mut rest = [0];
    let ended = comparing.file.read(&mut rest).is_ok_and(|more| more == 0);
    Ok(comparing.equal && ended)
}

fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.regcred-new"))
}

fn fill(path: &Path, protection: Protection, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(
        &mut options,
        if protection == Protection::Plaintext { 0o600 } else { 0o644 },
    );
    let mut into = BufWriter::new(options.open(path)?);
    content(&mut into)?;
    into.flush()
}

/// Whether both hold the same, and no more may read the old one than the new one.
fn same(new: &Path, old: &Path) -> io::Result<bool> {
    let old_metadata = match fs::symlink_metadata(old) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other?,
    };
    let new_metadata = fs::metadata(new)?;
    if !old_metadata.is_file() || old_metadata.len() != new_metadata.len() || wider(&old_metadata, &new_metadata) {
        return Ok(false);
    }
    let mut comparing = Comparing { file: BufReader::new(File::open(old)?), equal: true };
    io::copy(&mut File::open(new)?, &mut comparing)?;
    Ok(comparing.equal)
}

#[cfg(unix)]
fn wider(old: &fs::Metadata, new: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    old.permissions().mode() & !new.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn wider(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    false
}

/// Compares what is written to it with a file.
struct Comparing {
    file: BufReader<File>,
    equal: bool,
}

impl Write for Comparing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut found = zeroize::Zeroizing::new(vec![0; bytes.len()]);
        self.equal = self.equal && self.file.read_exact(&mut found).is_ok() && *found == bytes;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
