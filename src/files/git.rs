//! Git: the path of a file that will hold a plain Secret in, leave or a refusal out. Plaintext does not enter Git by accident.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use super::target::Target;
use crate::settings::PlaintextInGit;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};

/// The file in which Git looks for what it ignores.
pub const IGNORE_FILE: &str = ".gitignore";
/// Our content of it: everything, itself too.
pub const IGNORE_ALL: &[u8] = b"*\n";

/// Whether the folder has our `.gitignore`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cover {
    /// It is in place.
    Ours,
    /// It is not.
    None,
}

/// Decides for the files of one folder.
pub struct Guard {
    cover: Cover,
    git: Git,
}

enum Git {
    /// The folder is in no work tree, or the user insists.
    DoesNotMatter,
    /// A running `git check-ignore`.
    Answers(Conversation),
    /// There is a work tree, and no program to ask.
    IsSilent,
}

impl Guard {
    /// A guard for files in `folder`, which exists.
    #[must_use]
    pub fn new(folder: &Path, cover: Cover, target: &Target<'_>) -> Self {
        let git = if target.plaintext_in_git == PlaintextInGit::Allow || !in_work_tree(folder) {
            Git::DoesNotMatter
        } else {
            Conversation::start(folder, target).map_or(Git::IsSilent, Git::Answers)
        };
        Self { cover, git }
    }

    /// Lets a file pass that will hold a plain Secret; `path` is seen from the folder.
    ///
    /// # Errors
    /// It is in a work tree, and tracked or not ignored; `name` is what the message calls it.
    pub fn admit(&mut self, path: &str, name: &str) -> Result<(), Failure> {
        let answer = match &mut self.git {
            Git::DoesNotMatter => return Ok(()),
            Git::Answers(conversation) => conversation.ignores(path).ok(),
            Git::IsSilent => None,
        };
        if answer.is_none() {
            // Asked in vain once, it is not asked again: it has ended.
            self.git = Git::IsSilent;
        }
        match answer {
            Some(true) => Ok(()),
            None if self.cover == Cover::Ours => Ok(()),
            Some(false) => Err(refusal(&format!("{name} is in a Git work tree, and tracked or not ignored"))),
            None => {
                Err(refusal(&format!("{name} is in a Git work tree, and Git cannot be asked whether it is ignored")))
            }
        }
    }
}

fn refusal(what: &str) -> Failure {
    Failure::of(
        "the output",
        Diagnostic::error(Code::PlaintextInGit, format!("{what}: a plain Secret would enter Git")).hint(
            "make it safe to commit with --protect sealed, sops or external; or write to a path that .gitignore lists, to a new \
             folder with --format directory, or outside of the work tree; or pipe it on to kubectl; `--allow-plaintext-in-git` insists",
        ),
    )
}

/// Refuses when standard output was redirected to a file where no plain Secret may be.
///
/// # Errors
/// As [`Guard::admit`].
pub fn admit_stdout(target: &Target<'_>) -> Result<(), Failure> {
    // Only Linux tells the name of an open file.
    let Ok(path) = fs::read_link("/proc/self/fd/1") else { return Ok(()) };
    if !fs::metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
        return Ok(());
    }
    admit_file(&path, "the file that standard output goes to", target)
}

/// Refuses a single file where no plain Secret may be.
///
/// # Errors
/// As [`Guard::admit`].
pub fn admit_file(path: &Path, name: &str, target: &Target<'_>) -> Result<(), Failure> {
    // The folders that are missing are made later, when it is known that they may be.
    let Some(folder) = path.ancestors().skip(1).find(|folder| folder.is_dir()) else { return Ok(()) };
    let mut guard = Guard::new(folder, Cover::None, target);
    let rest = path.strip_prefix(folder).map(Path::to_string_lossy).unwrap_or_default();
    guard.admit(&rest, name)
}

/// Whether a folder is in a work tree, and our `.gitignore` keeps it out of Git.
#[must_use]
pub fn is_covered(folder: &Path) -> bool {
    in_work_tree(folder) && fs::read(folder.join(IGNORE_FILE)).is_ok_and(|bytes| bytes == IGNORE_ALL)
}

/// Whether a folder is in a work tree: it, or one above it, has a `.git`.
#[must_use]
pub fn in_work_tree(folder: &Path) -> bool {
    let real = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    real.ancestors().any(|ancestor| ancestor.join(".git").exists())
}

/// A `git check-ignore` that answers one path after the other; it counts a tracked file as not ignored.
struct Conversation {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Conversation {
    fn start(folder: &Path, target: &Target<'_>) -> io::Result<Self> {
        // Where a hook runs us, these tell of another place than the folder.
        const MISLEADING: [&str; 3] = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"];
        let folder: PathBuf = folder.canonicalize()?;
        let mut command = target.environment.command("git", target.secret_variables);
        for name in MISLEADING {
            command.env_remove(name);
        }
        command.arg("-C").arg(folder).args(["check-ignore", "--stdin", "-z", "--verbose", "--non-matching"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let questions = child.stdin.take();
        let answers = child.stdout.take().map(BufReader::new).ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self { child, questions, answers })
    }

    /// For each path: the file with the rule, its line, the rule, the path; a rule that begins with `!` un-ignores.
    fn ignores(&mut self, path: &str) -> io::Result<bool> {
        let questions = self.questions.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        write!(questions, "./{path}\0")?;
        questions.flush()?;
        let mut fields: [Vec<u8>; 4] = Default::default();
        for field in &mut fields {
            self.answers.read_until(0, field)?;
            if field.pop() != Some(0) {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let [_, _, rule, _] = fields;
        Ok(!rule.is_empty() && !rule.starts_with(b"!"))
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.questions = None;
        drop(self.child.wait());
    }
}
