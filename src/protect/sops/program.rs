//! The program `sops`: arguments and a document for its stdin in, what it prints out. Nothing goes by way of a file.

use std::env::{self, consts::EXE_SUFFIX};
use std::ffi::{OsStr, OsString};
#[cfg(unix)]
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::interrupt;
use regcred_core::names::VariableName;

const NAME: &str = "sops";
/// How long it may take until a wait sees that it is over.
const TICK: Duration = Duration::from_millis(50);

/// The program, and how it is run.
pub struct Program {
    path: PathBuf,
    directory: PathBuf,
    variables: Vec<(OsString, OsString)>,
    limit: Duration,
    #[cfg(unix)]
    group: Group,
}

/// The group of processes that it runs in.
#[cfg(unix)]
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    /// One of its own, so that what it starts can be ended with it.
    Own,
    /// Ours. Where there is a terminal, a key service may ask on it, which stops a program of any other group; and Ctrl-C there
    /// reaches all of ours by itself.
    Ours,
}

/// Why there is no result.
#[derive(Debug)]
pub enum Trouble {
    /// It could not be started.
    NotStarted,
    /// It did not end in time.
    Late(Duration),
    /// It was ended with us.
    Interrupted,
    /// It failed, and complained of this.
    Failed(Zeroizing<Vec<u8>>),
}

impl Program {
    /// The first on `PATH`. It runs where we do, since variables may hold relative paths, with all of them but those of credentials.
    #[must_use]
    pub fn find(environment: &Environment, sources: &[VariableName], limit: Duration) -> Option<Self> {
        let name = format!("{NAME}{EXE_SUFFIX}");
        let path = env::split_paths(environment.setting("PATH")?)
            .map(|folder| environment.directory().join(folder).join(&name))
            .find(|path| is_executable(path))?;
        let mut variables: Vec<_> =
            environment.without(sources).map(|(name, value)| (name.clone(), value.clone())).collect();
        // It asks the network for a newer version otherwise.
        variables.push(("SOPS_DISABLE_VERSION_CHECK".into(), "1".into()));
        Some(Self {
            path,
            directory: environment.directory().to_path_buf(),
            variables,
            limit,
            #[cfg(unix)]
            group: if File::open("/dev/tty").is_ok() { Group::Ours } else { Group::Own },
        })
    }

    /// The variables it sees, those that are text.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)))
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// It cannot be started, fails, does not end in time, or we are to end.
    pub fn run(&self, arguments: &[&OsStr], document: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        let mut command = Command::new(&self.path);
        command.args(arguments).current_dir(&self.directory).env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        if self.group == Group::Own {
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
        }
        let patience = Patience { limit: self.limit, end: Instant::now() + self.limit };
        patience.left()?;
        let mut child = command.spawn().map_err(|_| Trouble::NotStarted)?;
        let (Some(mut stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(Trouble::NotStarted);
        };
        // Threads, since it may answer before it has read everything; not joined, since a process that it left behind may
        // hold the pipes open for ever.
        thread::spawn(move || stdin.write_all(&document));
        let (answer, complaint) = (read(stdout), read(stderr));
        // It may close its stdout, and go on.
        let ended = receive(&answer, &patience).and_then(|answer| Ok((answer, wait(&mut child, &patience)?)));
        match ended {
            Ok((answer, status)) if status.success() => Ok(answer),
            // On a terminal Ctrl-C has ended it, too: perhaps before we were told.
            Ok(_) if interrupt::has_come_within(TICK) => Err(Trouble::Interrupted),
            Ok(_) => Err(Trouble::Failed(complaint.recv_timeout(Duration::from_secs(1)).unwrap_or_default())),
            Err(trouble) => {
                self.end(&mut child);
                Err(trouble)
            }
        }
    }

    /// Ends it, and what it has started.
    fn end(&self, child: &mut Child) {
        // It may have ended by itself in between, and what it started may still run in its group.
        #[cfg(unix)]
        if let (Group::Own, Some(group)) =
            (self.group, i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw))
        {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// How long it is waited for.
struct Patience {
    limit: Duration,
    end: Instant,
}

impl Patience {
    /// The time that is left.
    fn left(&self) -> Result<Duration, Trouble> {
        if interrupt::has_come() {
            return Err(Trouble::Interrupted);
        }
        match self.end.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => Err(Trouble::Late(self.limit)),
        }
    }
}

fn is_executable(path: &Path) -> bool {
    let Ok(metadata) = path.metadata() else { return false };
    #[cfg(unix)]
    let may_run = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let may_run = true;
    metadata.is_file() && may_run
}

fn read(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<Zeroizing<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Zeroizing::new(Vec::new());
        // What was read before an error is all there is; nobody waits any more after a time limit.
        let _ = pipe.read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}

/// What it has printed, once it prints no more.
fn receive(answer: &mpsc::Receiver<Zeroizing<Vec<u8>>>, patience: &Patience) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    loop {
        match answer.recv_timeout(patience.left()?.min(TICK)) {
            Err(RecvTimeoutError::Timeout) => {}
            received => return Ok(received.unwrap_or_default()),
        }
    }
}

/// How it ended.
fn wait(child: &mut Child, patience: &Patience) -> Result<ExitStatus, Trouble> {
    let mut pause = Duration::from_millis(1);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) => thread::sleep(patience.left()?.min(pause)),
            Err(_) => return Err(Trouble::Late(patience.limit)),
        }
        pause = (pause * 2).min(TICK);
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    /// A shell in its place: `arguments` are a script's.
    fn shell(variables: &[(&str, &str)], sources: &[VariableName], limit: Duration) -> Program {
        let environment = Environment::new(variables.iter().copied(), "/".into());
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/bin/sh", folder.path().join(NAME)).unwrap();
        let path = format!("/nowhere:{}:/bin", folder.path().display());
        let with_path = Environment::new([("PATH", path.as_str())], "/".into());
        let found = Program::find(&with_path, &[], limit).unwrap();
        assert_eq!(found.path, folder.path().join(NAME));
        let variables = environment.without(sources).map(|(name, value)| (name.clone(), value.clone())).collect();
        Program { path: "/bin/sh".into(), variables, group: Group::Own, ..found }
    }

    fn run(program: &Program, script: &str, document: &[u8]) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        program.run(&["-c", script].map(OsStr::new), Zeroizing::new(document.to_vec()))
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn it_answers_before_it_has_read_everything() {
        let document = vec![b'x'; 1 << 20];
        let answer = run(&shell(&[("PATH", "/bin:/usr/bin")], &[], LONG), "cat; cat", &document).unwrap();
        assert_eq!(*answer, document);
        assert_eq!(*run(&shell(&[], &[], LONG), "echo early", &document).unwrap(), b"early\n");
    }

    #[test]
    fn it_sees_every_variable_but_those_of_credentials() {
        let variables = [("SOPS_AGE_KEY_FILE", "k"), ("LOGIN", "canary")];
        let program = shell(&variables, &[VariableName::known("LOGIN")], LONG);
        assert_eq!(*run(&program, "echo $SOPS_AGE_KEY_FILE$LOGIN", b"").unwrap(), b"k\n");
    }

    #[test]
    fn what_it_complains_of_comes_back_when_it_fails() {
        match run(&shell(&[], &[], LONG), "echo no key >&2; exit 7", b"") {
            Err(Trouble::Failed(said)) => assert_eq!(*said, b"no key\n"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn it_is_ended_when_it_takes_too_long_with_all_it_has_started() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let path = [("PATH", "/bin:/usr/bin")];
        let program = shell(&path, &[], Duration::from_millis(500));
        let (sender, ended) = mpsc::channel();
        let opened = fifo.clone();
        // What is read ends when nobody who could write is left.
        thread::spawn(move || sender.send(std::fs::read(opened)));
        let script = format!("tail -f /dev/null 3>{} & tail -f /dev/null", fifo.display());
        let outcome = run(&program, &script, b"");
        assert!(matches!(outcome, Err(Trouble::Late(_))), "{outcome:?}");
        assert!(ended.recv_timeout(LONG).unwrap().unwrap().is_empty());
    }

    #[test]
    fn it_is_ended_also_when_it_has_answered_and_goes_on() {
        let program = shell(&[("PATH", "/bin:/usr/bin")], &[], Duration::from_millis(200));
        let outcome = run(&program, "echo early; exec >/dev/null 2>&1; tail -f /dev/null", b"");
        assert!(matches!(outcome, Err(Trouble::Late(_))), "{outcome:?}");
    }

    #[test]
    fn a_file_that_nobody_may_run_is_not_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::File::create(folder.path().join(NAME)).unwrap();
        let environment = Environment::new([("PATH", folder.path())], "/".into());
        assert!(Program::find(&environment, &[], LONG).is_none());
    }
}
