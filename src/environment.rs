//! Takes one immutable snapshot of the process environment, and recognizes the CI.

mod ci;
pub mod place;

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use secrecy::SecretString;

use regcred_core::credentials::text_of;
use regcred_core::names::VariableName;
use regcred_core::nearest::one_slip_away;

pub use ci::Ci;

/// All variables at the start, and the working directory. No other code of regcred reads the process environment.
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    directory: PathBuf,
    ci: Ci,
}

/// The content of a variable.
pub enum Reading {
    /// The variable does not exist.
    Unset,
    /// The variable is set to an empty text.
    Empty,
    /// Its bytes are not UTF-8.
    NotUnicode,
    /// Its value.
    Value(SecretString),
}

/// How a cluster is reached.
pub enum Kubeconfig {
    /// The path of a kubeconfig.
    File(PathBuf),
    /// The kubeconfig itself.
    Text(SecretString),
}

/// The longest file of settings, rules, certificates or templates.
const LIMIT: u64 = 16 * 1024 * 1024;
/// How long to wait for a writer of a pipe.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest list of namespaces, in bytes: room for several 100,000 namespaces in the JSON of kubectl.
const LIMIT_OF_A_LIST: u64 = 512 * 1024 * 1024;

/// Reads a regular file, standard input or a descriptor of the shell. A merge request may have changed it, so its length has a limit.
///
/// # Errors
/// The file system fails; the file is too long; it is a device or a pipe, which may never end; or a link leads out of its work tree.
pub fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    check_links(path)?;
    // Check before opening: opening a pipe would wait for a writer.
    if !is_open(path) && !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

fn check_links(path: &Path) -> io::Result<()> {
    if place::goes_astray(path) { Err(io::ErrorKind::CrossesDevices.into()) } else { Ok(()) }
}

/// Whether the path names standard input, or a descriptor of the shell.
fn is_open(path: &Path) -> bool {
    let leads_away = path.components().any(|part| part == Component::ParentDir);
    !leads_away && ["/dev/stdin", "/dev/fd", "/proc/self/fd"].iter().any(|open| path.starts_with(open))
}

/// Opens a file, and waits at most a minute for the writer of a pipe.
///
/// # Errors
/// The file system fails, no writer has opened the pipe, or a link leads out of its work tree.
pub fn open_in_time(path: &Path) -> io::Result<fs::File> {
    check_links(path)?;
    open_within(path, PATIENCE)
}

fn open_within(path: &Path, patience: Duration) -> io::Result<fs::File> {
    if is_open(path) || fs::metadata(path)?.is_file() {
        return fs::File::open(path);
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    let path = path.to_path_buf();
    thread::Builder::new().spawn(move || sender.send(fs::File::open(path)).is_ok())?;
    receiver.recv_timeout(patience).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Opens a list, which may be long and may come through a pipe. A device is refused, because it never ends.
///
/// # Errors
/// The file system fails, or the path is a device; later, while it is read, the list is too long.
pub fn open_list(path: &Path) -> io::Result<impl Read> {
    let file = open_in_time(path)?;
    let kind = file.metadata()?.file_type();
    if !is_open(path) && (kind.is_char_device() || kind.is_block_device()) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    Ok(List { file, left: LIMIT_OF_A_LIST })
}

/// A list with a limit: a longer list is an error, and is not cut.
struct List<R> {
    file: R,
    left: u64,
}

impl<R: Read> Read for List<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(count)
    }
}

/// Standard input, which may be long.
pub fn open_stdin() -> impl Read {
    List { file: io::stdin().lock(), left: LIMIT_OF_A_LIST }
}

/// Reads a file as [`read_file`] does, as UTF-8 text.
///
/// # Errors
/// The errors of [`read_file`], or the file is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read_file(path)?).map_err(|_| io::ErrorKind::InvalidData.into())
}

impl Environment {
    /// Takes the snapshot of this process.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the process environment")]
    pub fn capture() -> Self {
        Self::new(env::vars_os(), env::current_dir().unwrap_or_else(|_| PathBuf::from(".")))
    }

    /// A snapshot of the given variables and directory.
    pub fn new<N: Into<OsString>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (N, V)>,
        directory: PathBuf,
    ) -> Self {
        let variables: BTreeMap<OsString, OsString> =
            variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let ci = Ci::detect(|name| variables.get(&OsString::from(name)).and_then(|value| value.to_str()));
        Self { variables, directory, ci }
    }

    /// The content of a variable.
    pub fn read(&self, name: &VariableName) -> Reading {
        match self.variables.get(&OsString::from(name.as_str())) {
            None => Reading::Unset,
            Some(value) if value.is_empty() => Reading::Empty,
            Some(value) => {
                text_of(value.clone().into_encoded_bytes()).map_or(Reading::NotUnicode, |it| Reading::Value(it.into()))
            }
        }
    }

    /// The value of a setting that is not secret; empty counts as unset.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.variables.get(&OsString::from(name)).and_then(|value| value.to_str()).filter(|value| !value.is_empty())
    }

    /// The value of a variable that lists what is allowed; a value that is not UTF-8 allows nothing.
    pub fn guard(&self, name: &str) -> Option<&str> {
        self.setting(name).or(self.is_set(name).then_some(""))
    }

    /// The names of all variables that are UTF-8.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().filter_map(|name| name.to_str())
    }

    /// Whether a variable of this name exists and is not empty.
    pub fn is_set(&self, name: &str) -> bool {
        self.variables.get(&OsString::from(name)).is_some_and(|value| !value.is_empty())
    }

    /// A variable that is set and whose name differs by one typo.
    pub fn like(&self, name: &VariableName) -> Option<&str> {
        let set = self.variables.iter().filter(|(_, value)| !value.is_empty());
        one_slip_away(name.as_str(), set.filter_map(|(other, _)| other.to_str()))
    }

    /// The variables for a child process: all except those with credentials.
    pub fn without<'a>(&'a self, sources: &'a [VariableName]) -> impl Iterator<Item = (&'a OsString, &'a OsString)> {
        self.variables.iter().filter(|(name, _)| !sources.iter().any(|source| name.as_os_str() == source.as_str()))
    }

    /// The variables with one of these names.
    pub fn only<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = (&'a OsString, &'a OsString)> {
        self.variables.iter().filter(|(name, _)| names.iter().any(|wanted| name.as_os_str() == *wanted))
    }

    /// The path in a variable, relative to the working directory; empty counts as unset.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        let path = self.variables.get(&OsString::from(name)).filter(|value| !value.is_empty())?;
        Some(self.directory.join(path))
    }

    /// The paths in a variable for several paths, relative to the working directory; `None` if it holds none.
    pub fn path_list(&self, name: &str) -> Option<Vec<PathBuf>> {
        let paths = env::split_paths(self.variables.get(&OsString::from(name))?);
        let paths: Vec<_> =
            paths.filter(|path| !path.as_os_str().is_empty()).map(|path| self.directory.join(path)).collect();
        (!paths.is_empty()).then_some(paths)
    }

    /// The directory that relative paths start from.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The CI of this process.
    pub fn ci(&self) -> Ci {
        self.ci
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_gets_every_variable_but_the_sources() {
        let environment = Environment::new([("PATH", "/bin"), ("TOKEN", "x")], PathBuf::new());
        let sources = ["TOKEN".parse().unwrap()];
        let left: Vec<_> = environment.without(&sources).map(|(name, _)| name.clone()).collect();
        assert_eq!(left, ["PATH"]);
    }

    #[test]
    fn a_pipe_is_opened_when_somebody_writes_and_waited_for_no_longer_than_allowed() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let folder = tempfile::tempdir().unwrap();
        let pipe = |name| {
            let path = folder.path().join(name);
            mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
            path
        };
        let error = open_within(&pipe("nobody-writes"), Duration::from_millis(10)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let path = pipe("somebody-writes");
        let writer = thread::spawn({
            let path = path.clone();
            move || fs::File::options().write(true).open(path).is_ok()
        });
        assert!(open_within(&path, PATIENCE).is_ok());
        assert!(writer.join().unwrap());
    }
}
