//! Asks Git about files without running a program that the repository names.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::program::{self, Program};

/// The time limit of `git`, because a `.gitignore` may be a pipe that never ends.
const LIMIT: Duration = Duration::from_secs(10);
/// How much of Git's own message is shown.
const LONGEST_WORDS: usize = 200;
/// The variables of our environment that `git` gets.
const VARIABLES: [&str; 3] = ["PATH", "HOME", "XDG_CONFIG_HOME"];
/// With these variables, the user's Git may read ignore rules outside of the repository that the Git of regcred does not read.
const OF_OTHER_RULES: [&str; 5] =
    ["GIT_CONFIG_COUNT", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_SYSTEM"];
/// The settings with which a repository could run programs, or answer for another place.
const HARDENED: [&str; 9] = [
    "--no-pager",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "safe.bareRepository=explicit",
    "-c",
    "core.untrackedCache=false",
];

/// A work tree and the files that Git tracks in it.
pub struct Repository {
    root: PathBuf,
    program: Program,
    tracked: BTreeSet<Vec<u8>>,
    case: Case,
    believes_outer_rules: bool,
}

/// Whether `a` and `A` are the same file.
#[derive(Clone, Copy)]
enum Case {
    Matters,
    IsIgnored,
}

/// How Git treats a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Git tracks the file, a folder of it, or a file below it.
    Tracked,
    NotIgnored,
    /// A rule in this file ignores it, but the file is in the output, where the run may change or remove it.
    IgnoredByOutput(String),
    Ignored,
}

/// Why Git does not answer.
pub struct Trouble {
    pub reason: String,
    /// The beginning of a hint, or empty.
    pub remedy: String,
}

impl Repository {
    /// Opens the work tree whose top is `root`, a path without links.
    /// Errors: `git` is missing, or fails.
    pub fn open(root: &Path, environment: &Environment) -> Result<Self, Trouble> {
        let Some(program) = Program::find("git", environment, environment.only(&VARIABLES), LIMIT) else {
            return Err(Trouble::new("no program `git` is on PATH", "install git in the image of this job; "));
        };
        // Git checks the owner only if it looks for the repository itself; but it may not look above the root.
        let Ok(ceiling) = env::join_paths(root.parent()) else {
            return Err(Trouble::new("the path of the work tree holds a colon", ""));
        };
        let mut program = program.within(root).with("GIT_CEILING_DIRECTORIES", ceiling);
        for (name, value) in [
            ("GIT_TRACE2", "0"),
            ("GIT_TRACE2_EVENT", "0"),
            ("GIT_TRACE2_PERF", "0"),
            ("GIT_ALLOW_PROTOCOL", "none"),
            ("GIT_NO_LAZY_FETCH", "1"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
        ] {
            program = program.with(name, value);
        }
        let fail = |trouble| Trouble::of(trouble, root);
        // The names in the index begin at the top that Git itself sees.
        let top = run(&program, &["rev-parse", "--show-toplevel"], Vec::new());
        let is_astray = |top: &[u8]| {
            let real = Path::new(OsStr::from_bytes(top)).canonicalize();
            real.is_ok_and(|top| top != root && (top.starts_with(root) || root.starts_with(top)))
        };
        if top.is_ok_and(|top| is_astray(top.strip_suffix(b"\n").unwrap_or(&top))) {
            let remedy = "remove this setting (`git config --unset core.worktree`); ";
            return Err(Trouble::new("`core.worktree` names another folder as the work tree", remedy));
        }
        let program = program.with("GIT_WORK_TREE", root);
        let believes_outer_rules = !OF_OTHER_RULES.iter().any(|name| environment.is_set(name));
        let tracked = BTreeSet::new();
        let mut repository =
            Self { root: root.to_path_buf(), program, tracked, case: Case::Matters, believes_outer_rules };
        let ignore_case = ["config", "--get", "--type=bool", "--default=false", "core.ignoreCase"];
        if repository.run(&ignore_case, Vec::new()).map_err(fail)?.starts_with(b"true") {
            repository.case = Case::IsIgnored;
        }
        let tracked = match repository.run(&["ls-files", "--sparse", "-z"], Vec::new()) {
            // Git before 2.36 has neither this option nor a sparse index.
            Err(program::Trouble::Failed { code: Some(129), .. }) => repository.run(&["ls-files", "-z"], Vec::new()),
            answer => answer,
        };
        let tracked = tracked.map_err(fail)?;
        let entries = tracked.split(|byte| *byte == 0).filter(|path| !path.is_empty());
        repository.tracked = entries.map(|path| repository.key(path)).collect();
        Ok(repository)
    }

    /// What Git does with each of these files; their paths begin at the root. `output` is what the run may change.
    /// Errors: git fails, or gives an unexpected answer.
    pub fn judge(&self, paths: &[PathBuf], output: Option<&Path>) -> Result<Vec<Verdict>, Trouble> {
        let questions = paths.iter().flat_map(|path| [b"./", bytes(path), b"\0"].concat()).collect();
        // Git looks for a rule outside of the repository in the file that this setting names, else in a file of the user.
        let outer_rules = if self.believes_outer_rules { &[][..] } else { &["-c", "core.excludesFile=/dev/null"] };
        let arguments = [outer_rules, &["check-ignore", "--stdin", "-z", "--verbose", "--non-matching"]].concat();
        let answer = match self.run(&arguments, questions) {
            // Git reports in this way that it ignores no path.
            Err(program::Trouble::Failed { code: Some(1), answer }) => answer.output,
            answer => answer.map_err(|trouble| Trouble::of(trouble, Path::new("")))?,
        };
        // For each path: the file with the rule, its line, the rule, and the path.
        let fields: Vec<_> = answer.split(|byte| *byte == 0).collect();
        if fields.len() != 4 * paths.len() + 1 {
            return Err(Trouble::new("it does not answer each question", ""));
        }
        let judged = paths.iter().zip(fields.chunks(4)).map(|(path, fields)| match fields {
            _ if self.tracks(path) => Verdict::Tracked,
            [source, _, rule, _] if !rule.is_empty() && !rule.starts_with(b"!") => self.ignored(source, output),
            _ => Verdict::NotIgnored,
        });
        Ok(judged.collect())
    }

    /// The verdict about a file that a rule of `source` ignores. A run keeps each `.gitignore`, but no other file of its output.
    fn ignored(&self, source: &[u8], output: Option<&Path>) -> Verdict {
        let source = Path::new(OsStr::from_bytes(source));
        let stays =
            |real: PathBuf| real.ends_with(".gitignore") || !output.is_some_and(|output| real.starts_with(output));
        let is_safe = self.root.join(source).canonicalize().is_ok_and(stays);
        if is_safe { Verdict::Ignored } else { Verdict::IgnoredByOutput(source.display().to_string()) }
    }

    /// Whether Git tracks each of these paths or something below it; any other path counts as ignored.
    pub fn tracked(&self, paths: &[PathBuf]) -> Vec<Verdict> {
        let is_tracked = |path: &PathBuf| self.tracked.contains(&self.key(bytes(path))) || self.tracks_below(path);
        paths.iter().map(|path| if is_tracked(path) { Verdict::Tracked } else { Verdict::Ignored }).collect()
    }

    /// Whether Git tracks something below the path. An entry that ends with `/` stands for a whole folder (a sparse index).
    pub fn tracks_below(&self, path: &Path) -> bool {
        let below = [self.key(bytes(path)).as_slice(), b"/"].concat();
        let mut folders = below.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| &below[..=at]);
        self.tracked.range(below.clone()..).next().is_some_and(|tracked| tracked.starts_with(&below))
            || folders.any(|folder| self.tracked.contains(folder))
    }

    /// Whether Git tracks the path, a folder of it, or something below it.
    fn tracks(&self, path: &Path) -> bool {
        let key = self.key(bytes(path));
        let folders = key.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| &key[..at]);
        self.tracked.contains(&key)
            || folders.into_iter().any(|folder| self.tracked.contains(folder))
            || self.tracks_below(path)
    }

    /// A path in the form for comparisons. If case is ignored, bytes that are not UTF-8 count as equal.
    fn key(&self, path: &[u8]) -> Vec<u8> {
        match self.case {
            Case::Matters => path.to_vec(),
            Case::IsIgnored => String::from_utf8_lossy(path).to_lowercase().into_bytes(),
        }
    }

    fn run(&self, arguments: &[&str], input: Vec<u8>) -> Result<Zeroizing<Vec<u8>>, program::Trouble> {
        run(&self.program, arguments, input)
    }
}

fn run(program: &Program, arguments: &[&str], input: Vec<u8>) -> Result<Zeroizing<Vec<u8>>, program::Trouble> {
    let arguments: Vec<_> = HARDENED.iter().chain(arguments).collect();
    program.run(&arguments, Zeroizing::new(input)).map(|answer| answer.output)
}

impl Trouble {
    fn new(reason: &str, remedy: &str) -> Self {
        Self { reason: reason.to_owned(), remedy: remedy.to_owned() }
    }

    fn of(trouble: program::Trouble, root: &Path) -> Self {
        match trouble {
            program::Trouble::NotStarted => Self::new("`git` cannot be started", ""),
            program::Trouble::Interrupted => Self::new("the run was interrupted", ""),
            program::Trouble::Late(limit) => {
                Self::new(&format!("`git` gave no answer within {} seconds", limit.as_secs()), "")
            }
            program::Trouble::Failed { answer, .. } => {
                let words = String::from_utf8_lossy(&answer.words).into_owned();
                if words.contains("safe.directory") {
                    let remedy = format!(
                        "if you trust the repository, run `git config --global --add safe.directory {}`; ",
                        root.display()
                    );
                    return Self::new("the repository belongs to another user", &remedy);
                }
                if words == program::TOO_LONG {
                    return Self::new("its list of files is over 64 MiB", "write outside of the work tree; ");
                }
                let fatal = words.lines().find(|line| line.starts_with("fatal: ")).unwrap_or_default();
                let shown: String = fatal.chars().filter(|letter| !letter.is_control()).take(LONGEST_WORDS).collect();
                Self::new(&format!("`git` says: {shown}"), "")
            }
        }
    }
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}
