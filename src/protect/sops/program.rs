//! The program `sops`: arguments and a document for its stdin in, what it prints out. Nothing goes by way of a file.

use std::env::{self, consts::EXE_SUFFIX};
use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::names::VariableName;

const NAME: &str = "sops";

/// The program, and how it is run.
pub struct Program {
    path: PathBuf,
    directory: PathBuf,
    variables: Vec<(OsString, OsString)>,
    limit: Duration,
}

/// Why there is no result.
#[derive(Debug)]
pub enum Trouble {
    /// It could not be started.
    NotStarted,
    /// It did not end in time.
    Late(Duration),
    /// It failed, and complained of this.
    Failed(Zeroizing<Vec<u8>>),
}

impl Program {
    /// The first on `PATH`. It runs in `directory`, with all variables but those of credentials.
    #[must_use]
    pub fn find(
        environment: &Environment,
        sources: &[VariableName],
        directory: &Path,
        limit: Duration,
    ) -> Option<Self> {
        let name = format!("{NAME}{EXE_SUFFIX}");
        let path = env::split_paths(environment.setting("PATH")?)
            .map(|folder| environment.directory().join(folder).join(&name))
            .find(|path| is_executable(path))?;
        let mut variables: Vec<_> =
            environment.without(sources).map(|(name, value)| (name.clone(), value.clone())).collect();
        // It asks the network for a newer version otherwise.
        variables.push(("SOPS_DISABLE_VERSION_CHECK".into(), "1".into()));
        Some(Self { path, directory: directory.to_path_buf(), variables, limit })
    }

    /// The variables it sees, those that are text.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)))
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// It cannot be started, fails, or does not end in time.
    pub fn run(&self, arguments: &[&OsStr], document: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        let mut command = Command::new(&self.path);
        command.args(arguments).current_dir(&self.directory).env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // So that what it starts can be ended with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let late = Instant::now() + self.limit;
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
        let (Ok(answer), Some(status)) = (answer.recv_timeout(self.limit), wait(&mut child, late)) else {
            end(&mut child);
            return Err(Trouble::Late(self.limit));
        };
        match status {
            status if status.success() => Ok(answer),
            _ => Err(Trouble::Failed(complaint.recv_timeout(Duration::from_secs(1)).unwrap_or_default())),
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

/// How it ended, if it does so in time.
fn wait(child: &mut Child, late: Instant) -> Option<ExitStatus> {
    let mut pause = Duration::from_millis(1);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < late => {
                thread::sleep(pause.min(late.saturating_duration_since(Instant::now())));
            }
            Ok(None) | Err(_) => return None,
        }
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// Ends it, and what it has started.
fn end(child: &mut Child) {
    // It may have ended by itself in between, and what it started may still run in its group.
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
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
        let found = Program::find(&with_path, &[], Path::new("/"), limit).unwrap();
        assert_eq!(found.path, folder.path().join(NAME));
        let variables = environment.without(sources).map(|(name, value)| (name.clone(), value.clone())).collect();
        Program { path: "/bin/sh".into(), variables, ..found }
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
        assert!(Program::find(&environment, &[], Path::new("/"), LONG).is_none());
    }
}
