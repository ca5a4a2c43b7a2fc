//! Runs another program to its end, within a time limit and with only the given variables.

mod waiting;

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::interrupt;
use waiting::{Patience, in_a_thread, read, receive, wait};

/// How long it may take to notice that the program ended.
const TICK: Duration = Duration::from_millis(50);
/// How long to wait for the rest of the error output.
const PATIENCE_FOR_WORDS: Duration = Duration::from_secs(1);

/// Stands for the error output of a program whose output is too long.
pub const TOO_LONG: &str = "fatal: the output is longer than 64 MiB";

/// A program, and how it runs.
pub struct Program {
    path: PathBuf,
    directory: PathBuf,
    variables: Vec<(OsString, OsString)>,
    limit: Duration,
    group: Group,
}

/// The process group that the program runs in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    /// A new group, so that the processes that the program starts can be ended, too.
    New,
    /// Our group. At a terminal the program may ask for a password, which stops a program of any other group; and Ctrl-C reaches all
    /// processes of our group.
    Ours,
}

/// The output of a program.
#[cfg_attr(test, derive(Debug))]
pub struct Answer {
    /// Its standard output.
    pub output: Zeroizing<Vec<u8>>,
    /// Its standard error.
    pub words: Zeroizing<Vec<u8>>,
}

/// Why a program gives no result.
#[cfg_attr(test, derive(Debug))]
pub enum Trouble {
    NotStarted,
    Late(Duration),
    Interrupted,
    Failed {
        /// Its exit status, unless a signal ended it.
        code: Option<i32>,
        answer: Answer,
    },
}

impl Trouble {
    /// The output is longer than the limit.
    fn too_long() -> Self {
        let words = Zeroizing::new(TOO_LONG.into());
        Self::Failed { code: None, answer: Answer { output: Zeroizing::default(), words } }
    }
}

impl Program {
    /// Finds the first program of this name on `PATH`. It runs in the working directory, since variables may hold relative paths.
    pub fn find<'a>(
        name: &str,
        environment: &Environment,
        variables: impl IntoIterator<Item = (&'a OsString, &'a OsString)>,
        limit: Duration,
    ) -> Option<Self> {
        let path = folders(environment).map(|folder| folder.join(name)).find(|path| is_executable(path))?;
        Some(Self {
            path,
            directory: environment.directory().to_path_buf(),
            variables: variables.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            limit,
            group: if File::open("/dev/tty").is_ok() { Group::Ours } else { Group::New },
        })
    }

    /// Sets a variable of the program.
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Runs the program in another directory.
    pub fn within(mut self, directory: &Path) -> Self {
        directory.clone_into(&mut self.directory);
        self
    }

    /// The variables of the program that are UTF-8.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)))
    }

    /// Runs the program with this standard input.
    /// Errors: it cannot be started, fails, does not end in time, or is interrupted.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: &[A], input: Zeroizing<Vec<u8>>) -> Result<Answer, Trouble> {
        let mut command = Command::new(&self.path);
        command.args(arguments).current_dir(&self.directory).env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if self.group == Group::New {
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
        }
        let patience = Patience::of(self.limit);
        patience.left()?;
        let mut child = command.spawn().map_err(|_| Trouble::NotStarted)?;
        let (Some(mut stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(Trouble::NotStarted);
        };
        // The threads are not joined, because a process that the program left behind may hold the pipes open for ever.
        let started = in_a_thread(move || drop(stdin.write_all(&input)))
            .and_then(|()| Ok((read(stdout)?, read(stderr)?)))
            .inspect_err(|_| self.end(&mut child));
        let (output, words) = started?;
        // The program may close its standard output and go on.
        let ended = receive(&output, &patience).and_then(|output| Ok((output, wait(&mut child, &patience)?)));
        let words = || words.recv_timeout(PATIENCE_FOR_WORDS).unwrap_or_default();
        match ended {
            Ok((output, status)) if status.success() => Ok(Answer { output, words: words() }),
            // At a terminal, Ctrl-C also ends the program, perhaps before we notice the signal.
            Ok(_) if interrupt::was_received_within(TICK) => Err(Trouble::Interrupted),
            Ok((output, status)) => {
                Err(Trouble::Failed { code: status.code(), answer: Answer { output, words: words() } })
            }
            Err(trouble) => {
                self.end(&mut child);
                Err(trouble)
            }
        }
    }

    /// Ends the program and the processes that it started.
    fn end(&self, child: &mut Child) {
        // The program may have ended by itself, while processes that it started still run in its group.
        if let (Group::New, Some(group)) =
            (self.group, i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw))
        {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// The folders of `PATH`. A relative folder is skipped, because its programs may come from the repository.
pub fn folders(environment: &Environment) -> impl Iterator<Item = PathBuf> {
    env::split_paths(environment.setting("PATH").unwrap_or_default()).filter(|folder| folder.is_absolute())
}

fn is_executable(path: &Path) -> bool {
    let Ok(metadata) = path.metadata() else { return false };
    metadata.is_file() && std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 != 0
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use regcred_core::names::VariableName;

    const NAME: &str = "stand-in";

    /// A shell instead of the program: `arguments` are those of a script.
    fn shell(variables: &[(&str, &str)], sources: &[VariableName], limit: Duration) -> Program {
        let environment = Environment::new(variables.iter().copied(), "/".into());
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/bin/sh", folder.path().join(NAME)).unwrap();
        let path = format!("/nowhere:{}:/bin", folder.path().display());
        let with_path = Environment::new([("PATH", path.as_str())], "/".into());
        let found = Program::find(NAME, &with_path, environment.without(sources), limit).unwrap();
        assert_eq!(found.path, folder.path().join(NAME));
        Program { path: "/bin/sh".into(), group: Group::New, ..found }
    }

    fn run(program: &Program, script: &str, document: &[u8]) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        program.run(&["-c", script], Zeroizing::new(document.to_vec())).map(|answer| answer.output)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_program_may_answer_before_it_has_read_its_input() {
        let document = vec![b'x'; 1 << 20];
        let answer = run(&shell(&[("PATH", "/bin:/usr/bin")], &[], LONG), "cat; cat", &document).unwrap();
        assert_eq!(*answer, document);
        assert_eq!(*run(&shell(&[], &[], LONG), "echo early", &document).unwrap(), b"early\n");
    }

    #[test]
    fn a_program_gets_every_variable_but_those_of_credentials() {
        let variables = [("SOPS_AGE_KEY_FILE", "k"), ("LOGIN", "canary")];
        let program = shell(&variables, &[VariableName::known("LOGIN")], LONG);
        assert_eq!(*run(&program, "echo $SOPS_AGE_KEY_FILE$LOGIN", b"").unwrap(), b"k\n");
    }

    #[test]
    fn a_program_that_fails_returns_its_error_output() {
        match run(&shell(&[], &[], LONG), "echo no key >&2; exit 7", b"") {
            Err(Trouble::Failed { code: Some(7), answer }) => assert_eq!(*answer.words, b"no key\n"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_program_that_takes_too_long_is_ended_with_all_processes_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let path = [("PATH", "/bin:/usr/bin")];
        let program = shell(&path, &[], Duration::from_millis(500));
        let (sender, ended) = mpsc::channel();
        let opened = fifo.clone();
        // The output ends when no process is left that could write.
        thread::spawn(move || sender.send(std::fs::read(opened)));
        let script = format!("tail -f /dev/null 3>{} & tail -f /dev/null", fifo.display());
        let outcome = run(&program, &script, b"");
        assert!(matches!(outcome, Err(Trouble::Late(_))), "{outcome:?}");
        assert!(ended.recv_timeout(LONG).unwrap().unwrap().is_empty());
    }

    #[test]
    fn a_program_that_has_answered_and_goes_on_is_ended() {
        let program = shell(&[("PATH", "/bin:/usr/bin")], &[], Duration::from_millis(200));
        let outcome = run(&program, "echo early; exec >/dev/null 2>&1; tail -f /dev/null", b"");
        assert!(matches!(outcome, Err(Trouble::Late(_))), "{outcome:?}");
    }

    #[test]
    fn an_output_without_an_end_is_given_up() {
        let outcome = run(&shell(&[("PATH", "/bin:/usr/bin")], &[], LONG), "cat /dev/zero", b"");
        assert!(matches!(outcome, Err(Trouble::Failed { code: None, .. })), "{outcome:?}");
    }

    #[test]
    fn a_file_that_is_not_executable_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::File::create(folder.path().join(NAME)).unwrap();
        let environment = Environment::new([("PATH", folder.path())], "/".into());
        assert!(Program::find(NAME, &environment, environment.without(&[]), LONG).is_none());
    }
}
