//! One file: what it should hold in, the file, whole and only if it differs, out. Of several, all wait until each is complete.

use std::fs;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::evidence::Known;
use super::masked::{self, DOCKER_CONFIG, DOCKER_CONFIG_BASE64};
use super::new_paths::NewPaths;
use super::stream::BUFFER;
use super::target::Target;
use super::tree::staging::Staging;
use super::{Protection, git};
use regcred_core::diagnostic::{Code, Diagnostic, Failure};

const NAME: &str = "the file of `--output`";

/// What writes the content, the same at every call.
pub type Content<'a> = &'a dyn Fn(&mut dyn Write) -> io::Result<()>;

/// How a file compares with its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is none.
    Missing,
    /// It holds something else.
    Different,
    /// It is current.
    Same,
}

/// A file that is complete but for its place.
pub struct Prepared {
    path: PathBuf,
    state: State,
    /// Its bytes, beside its place; nothing if it is current.
    temporary: Option<(PathBuf, Staging)>,
    new_paths: NewPaths,
}

/// Writes the content beside its place; a file that already holds it is left as it is. What is not published goes.
///
/// # Errors
/// The file system refuses, or a plain Secret would enter Git.
pub fn prepare(content: Content<'_>, protection: Protection, target: &Target<'_>) -> Result<Prepared, Failure> {
    let at = |error: io::Error| super::failure(&error, NAME);
    let path = &target.path;
    admit(content, target)?;
    if protection == Protection::Plaintext {
        git::check_file(path, NAME, target)?;
    }
    let state = compare(content, path).map_err(at)?;
    if state == State::Same {
        super::protect(path, protection).map_err(at)?;
        return Ok(Prepared { path: path.clone(), state, temporary: None, new_paths: NewPaths::default() });
    }
    stage(content, protection, path, state)
}

/// Makes the file hold this content, whatever it held before.
///
/// # Errors
/// The file system's.
pub fn replace(content: Content<'_>, protection: Protection, path: &Path) -> Result<(), Failure> {
    look(path)?;
    stage(content, protection, path, State::Different)?.publish()?;
    Ok(())
}

fn stage(content: Content<'_>, protection: Protection, path: &Path, state: State) -> Result<Prepared, Failure> {
    let at = |error: io::Error| super::failure(&error, NAME);
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Err(a_directory()) };
    let new_paths = NewPaths::default();
    new_paths.create_folder(folder).map_err(at)?;
    let staging = Staging::begin(folder.join(format!(".{}.regcred-new", name.to_string_lossy()))).map_err(at)?;
    let write = |staging: &Staging| {
        let (number, file) = staging.create(protection)?;
        let mut into = BufWriter::with_capacity(BUFFER, file);
        content(&mut into)?;
        into.flush()?;
        into.get_ref().sync_all()?;
        Ok(staging.temporary(number))
    };
    let temporary = write(&staging).map_err(at)?;
    Ok(Prepared { path: path.to_path_buf(), state, temporary: Some((temporary, staging)), new_paths })
}

impl Prepared {
    /// Puts it in its place. Says how the file was.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn publish(mut self) -> Result<State, Failure> {
        let at = |error: io::Error| super::failure(&error, NAME);
        if let Some((temporary, staging)) = self.temporary.take() {
            fs::rename(temporary, &self.path).map_err(at)?;
            self.new_paths.keep();
            staging.finish().map_err(at)?;
        }
        Ok(self.state)
    }
}

/// Whether a run would change the file; without the logins, whether it would but for them.
///
/// # Errors
/// It is a directory, or cannot be read.
pub fn check(content: Content<'_>, target: &Target<'_>, known: Known) -> Result<State, Failure> {
    let at = |error: io::Error| super::failure(&error, NAME);
    let there = look(&target.path)?;
    match known {
        Known::All => compare(content, &target.path).map_err(at),
        Known::NotTheLogins if there == There::Nothing => Ok(State::Missing),
        Known::NotTheLogins => {
            let same = fs::File::open(&target.path).and_then(|mut file| masked::is_same_as_file(content, &mut file));
            Ok(if same.map_err(at)? { State::Same } else { State::Different })
        }
    }
}

/// Lets the file be written: there is none, or it is ours or current.
///
/// # Errors
/// What stands there is another's, or must not be replaced: a directory, a device, a pipe, a socket or a link.
pub fn admit(content: Content<'_>, target: &Target<'_>) -> Result<(), Failure> {
    let at = |error: io::Error| super::failure(&error, NAME);
    if look(&target.path)? == There::Nothing
        || is_ours(&target.path)?
        || compare(content, &target.path).map_err(at)? == State::Same
    {
        return Ok(());
    }
    let problem = Diagnostic::error(Code::NotOurs, "the file of `--output` is there, and regcred did not write it");
    Err(Failure::of("the output", problem.hint("remove it, or choose another path")))
}

#[derive(PartialEq, Eq)]
enum There {
    Nothing,
    AFile,
}

fn look(path: &Path) -> Result<There, Failure> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(There::Nothing),
        Err(error) => Err(super::failure(&error, NAME)),
        Ok(metadata) if metadata.is_file() => Ok(There::AFile),
        Ok(_) if path.is_dir() => Err(a_directory()),
        Ok(_) => Err(Failure::of(
            "the output",
            Diagnostic::error(
                Code::NotAFile,
                "`--output` is a link, a pipe or a device, and not a file that can be replaced",
            )
            .hint("name a file, or leave --output out and redirect standard output"),
        )),
    }
}

/// What begins values of ours.
const VALUES: &[u8] = b"# Written by regcred";
/// What stands in a stream of ours.
const STREAM: &[u8] = b"regcred.dev/owner";

/// Whether the content of a file says that we wrote it.
pub(super) fn is_ours(path: &Path) -> Result<bool, Failure> {
    let failed = |error: io::Error| super::failure(&error, "the file of `--output`");
    let mut file = BufReader::new(fs::File::open(path).map_err(failed)?);
    let mut line = zeroize::Zeroizing::new(Vec::new());
    file.read_until(b'\n', &mut line).map_err(failed)?;
    if line.is_empty()
        || line.starts_with(VALUES)
        || [DOCKER_CONFIG, DOCKER_CONFIG_BASE64].iter().any(|start| line.starts_with(start))
    {
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

fn a_directory() -> Failure {
    Failure::of(
        "the output",
        Diagnostic::error(Code::IsADirectory, "`--output` is a directory, and this format is one file")
            .hint("name a file, or use --format directory"),
    )
}

/// How the file compares with the content, which is made up to the first difference.
///
/// # Errors
/// The file cannot be read, or the content cannot be made.
pub fn compare(content: Content<'_>, path: &Path) -> io::Result<State> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::Missing),
        Err(error) => return Err(error),
    };
    let mut against = BufWriter::with_capacity(BUFFER, Against { file: BufReader::new(file), state: State::Same });
    let written = content(&mut against).and_then(|()| against.flush());
    let (mut against, _) = against.into_parts();
    if against.state == State::Different {
        return Ok(State::Different);
    }
    written?;
    let ends_here = against.file.read(&mut [0])? == 0;
    Ok(if ends_here { against.state } else { State::Different })
}

/// Takes bytes and compares them with those of a file, without holding either.
struct Against<R> {
    file: R,
    state: State,
}

impl<R: Read> Write for Against<R> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut there = zeroize::Zeroizing::new(vec![0; bytes.len()]);
        if self.state == State::Same {
            match self.file.read_exact(&mut there) {
                Ok(()) if **there == *bytes => {}
                Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
                _ => self.state = State::Different,
            }
        }
        // What follows need not be made any more.
        if self.state == State::Same { Ok(bytes.len()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_compared_to_its_last_byte() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::File::create(&path).unwrap().write_all(b"content").unwrap();
        for (content, expected) in [
            ("content", State::Same),
            ("contents", State::Different),
            ("conten", State::Different),
            ("", State::Different),
            ("c0ntent", State::Different),
        ] {
            let state = compare(&|into| into.write_all(content.as_bytes()), &path).unwrap();
            assert_eq!(state, expected, "{content}");
        }
        assert_eq!(compare(&|_| Ok(()), &folder.path().join("none")).unwrap(), State::Missing);
    }
}
