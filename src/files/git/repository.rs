//! Asks Git about files without running a program that the repository names.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::IGNORE_FILE;
use crate::environment::{Environment, place};
use crate::program::{self, Program};
use crate::report::inert;

/// The time limit of `git`, because a `.gitignore` may be a pipe that never ends.
const LIMIT: Duration = Duration::from_secs(10);
/// How much of Git's own message is shown.
const LONGEST_WORDS: usize = 200;
pub const ELSEWHERE: &str = "write outside of the work tree; ";
/// The variables of our environment that `git` gets.
const VARIABLES: [&str; 3] = ["PATH", "HOME", "XDG_CONFIG_HOME"];
/// With these variables, the user's Git may read ignore rules outside of the repository that the Git of regcred does not read.
const OF_OTHER_RULES: [&str; 5] =
    ["GIT_CONFIG_COUNT", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_SYSTEM"];
/// Overrides settings with which a repository could run programs, or mislead Git.
const HARDENED: &str = "--no-pager -c core.fsmonitor=false -c core.hooksPath=/dev/null -c safe.bareRepository=explicit \
     -c core.untrackedCache=false";
/// The variables that turn something on.
const ON: [&str; 2] = ["GIT_NO_LAZY_FETCH", "GIT_NO_REPLACE_OBJECTS"];
/// The variables that turn something off, such as traces to the files that a user's settings name.
const OFF: [&str; 5] =
    ["GIT_OPTIONAL_LOCKS", "GIT_TERMINAL_PROMPT", "GIT_TRACE2", "GIT_TRACE2_EVENT", "GIT_TRACE2_PERF"];

/// A work tree and the files that Git tracks in it.
pub struct Repository {
    program: Program,
    /// Its folder `.git`, without links.
    pub folder: PathBuf,
    tracked: BTreeSet<Vec<u8>>,
    /// The tracked `.gitignore` files that are not checked out.
    lost_rules: BTreeSet<Vec<u8>>,
    /// Whether `a` and `A` are the same file.
    ignores_case: bool,
    believes_outer_rules: bool,
}

/// How Git treats a file.
pub enum Verdict {
    /// Git tracks the path, a folder above it, or something below it.
    Tracked,
    NotIgnored,
    /// Ignored by a rule in this file, whose path is absolute or begins at the root; `None` if rules were not asked for.
    Ignored(Option<PathBuf>),
}

/// Why Git does not answer.
pub struct Trouble {
    pub reason: String,
    /// The beginning of a hint, or empty.
    pub remedy: String,
}

impl Repository {
    /// Opens the work tree whose top is `root`, a path without links.
    /// Errors: `git` is missing or fails, or the work tree has an unusual layout.
    pub fn open(root: &Path, environment: &Environment) -> Result<Self, Trouble> {
        let Some(program) = Program::find("git", environment, environment.only(&VARIABLES), LIMIT) else {
            return Err(Trouble::new("no program `git` is on PATH", "install git in the image of this job; "));
        };
        // Git checks the owner only of a repository that it finds on its own. So let it search, but not above the root.
        let Ok(ceiling) = env::join_paths(root.parent()) else {
            return Err(Trouble::new("the path of the work tree holds a colon", ""));
        };
        let program = program.within(root).with("GIT_CEILING_DIRECTORIES", ceiling).with("GIT_ALLOW_PROTOCOL", "none");
        let program = ON.iter().fold(program, |program, name| program.with(name, "1"));
        let program = OFF.iter().fold(program, |program, name| program.with(name, "0"));
        let fail = |trouble| Trouble::of(trouble, root);
        let places = run(&program, &["rev-parse", "--absolute-git-dir", "--show-cdup"], Vec::new()).map_err(fail)?;
        let end = places.iter().position(|byte| *byte == b'\n').unwrap_or(places.len());
        let (folder, top) = places.split_at(end);
        // The user's Git follows `core.worktree`, and then the names in the index begin there. Without a work tree, Git prints nothing.
        if !top.trim_ascii().is_empty() {
            let remedy = "run `git config --unset core.worktree` there, or write outside of the work tree; ";
            return Err(Trouble::new("its `core.worktree` names another folder", remedy));
        }
        let folder = Path::new(OsStr::from_bytes(folder));
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
        // Git before 2.38 takes such a folder for a repository, and an outer repository takes it for a plain folder.
        if folder == root {
            return Err(Trouble::new("the work tree is itself laid out like a folder `.git`", ELSEWHERE));
        }
        let program = program.with("GIT_WORK_TREE", root);
        let question = ["config", "--get", "--type=bool", "--default=false", "core.ignoreCase"];
        let ignores_case = run(&program, &question, Vec::new()).map_err(fail)?.starts_with(b"true");
        let listed = match run(&program, &["ls-files", "-t", "--sparse", "-z"], Vec::new()) {
            // Git before 2.35 does not have this option, and always lists the files of a sparse index.
            Err(program::Trouble::Failed { code: Some(129), .. }) => {
                run(&program, &["ls-files", "-t", "-z"], Vec::new())
            }
            answer => answer,
        };
        let believes_outer_rules = !OF_OTHER_RULES.iter().any(|name| environment.is_set(name));
        let (tracked, lost_rules) = (BTreeSet::new(), BTreeSet::new());
        let mut repository = Self { program, folder, tracked, lost_rules, ignores_case, believes_outer_rules };
        for entry in listed.map_err(fail)?.split(|byte| *byte == 0) {
            // A letter and a blank; S is a file that is left out of the work tree.
            let Some((tag, path)) = entry.split_at_checked(2) else { continue };
            // Git takes such rules from its database, where they may be missing or replaced.
            let is_lost = |path: &Path| path.ends_with(IGNORE_FILE) && !is_a_plain_file(&root.join(path));
            if tag == b"S " && is_lost(Path::new(OsStr::from_bytes(path))) {
                repository.lost_rules.insert(path.to_vec());
            }
            repository.tracked.insert(repository.key(path));
        }
        Ok(repository)
    }

    /// What Git does with each of these files; their paths begin at the root.
    /// Errors: git fails, or gives an unexpected answer.
    pub fn judge(&self, paths: &[PathBuf]) -> Result<Vec<Verdict>, Trouble> {
        let mut rules = paths.iter().flat_map(|path| path.ancestors().skip(1)).map(|folder| folder.join(IGNORE_FILE));
        if let Some(lost) = rules.find(|rules| self.lost_rules.contains(bytes(rules))) {
            let reason = format!("`{}` is tracked, and not checked out", inert(&lost.to_string_lossy()));
            return Err(Trouble::new(&reason, "check it out with `git restore --ignore-skip-worktree-bits`; "));
        }
        let questions = paths.iter().flat_map(|path| [b"./", bytes(path), b"\0"].concat()).collect();
        // Git looks for a rule outside of the repository in the file that this setting names, else in a file of the user.
        let outer_rules = if self.believes_outer_rules { &[][..] } else { &["-c", "core.excludesFile=/dev/null"] };
        let arguments = [outer_rules, &["check-ignore", "--stdin", "-z", "--verbose", "--non-matching"]].concat();
        let answer = match run(&self.program, &arguments, questions) {
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
            [rules, _, rule, _] if !rule.is_empty() && !rule.starts_with(b"!") => {
                Verdict::Ignored(Some(OsStr::from_bytes(rules).into()))
            }
            _ => Verdict::NotIgnored,
        });
        Ok(judged.collect())
    }

    /// Whether Git tracks each of these paths or something below it; any other path counts as ignored.
    pub fn tracked(&self, paths: &[PathBuf]) -> Vec<Verdict> {
        let is_tracked = |path: &PathBuf| self.tracked.contains(&self.key(bytes(path))) || self.tracks_below(path);
        paths.iter().map(|path| if is_tracked(path) { Verdict::Tracked } else { Verdict::Ignored(None) }).collect()
    }

    /// Whether Git tracks something below the path. An entry that ends with `/` is a folder of a sparse index, and may hold any file.
    pub fn tracks_below(&self, path: &Path) -> bool {
        let below = [self.key(bytes(path)).as_slice(), b"/"].concat();
        below.iter().enumerate().any(|(at, byte)| *byte == b'/' && self.tracked.contains(&below[..=at]))
            || self.tracked.range(below.clone()..).next().is_some_and(|tracked| tracked.starts_with(&below))
    }

    /// Whether Git tracks the path, a folder above it, or something below it.
    fn tracks(&self, path: &Path) -> bool {
        path.ancestors().any(|folder| self.tracked.contains(&self.key(bytes(folder)))) || self.tracks_below(path)
    }

    /// A path in the form for comparisons. If case is ignored, bytes that are not UTF-8 count as equal.
    fn key(&self, path: &[u8]) -> Vec<u8> {
        if self.ignores_case { String::from_utf8_lossy(path).to_lowercase().into_bytes() } else { path.to_vec() }
    }
}

fn run(git: &Program, arguments: &[&str], input: Vec<u8>) -> Result<Zeroizing<Vec<u8>>, program::Trouble> {
    let arguments: Vec<_> = HARDENED.split(' ').chain(arguments.iter().copied()).collect();
    git.run(&arguments, Zeroizing::new(input)).map(|answer| answer.output)
}

impl Trouble {
    pub fn new(reason: &str, remedy: &str) -> Self {
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
                    return Self::new("its list of files is over 64 MiB", ELSEWHERE);
                }
                let fatal = words.lines().find(|line| line.starts_with("fatal: ")).unwrap_or_default();
                let shown: String = fatal.chars().filter(|letter| !letter.is_control()).take(LONGEST_WORDS).collect();
                Self::new(&format!("`git` says: {shown}"), "")
            }
        }
    }
}

/// Whether an ignore file is permanent, and in a usual place. A hostile repository may name any other file.
pub fn lasts(rules: &Path, root: &Path, git: &Path) -> bool {
    let folder = rules.parent().and_then(|folder| folder.canonicalize().ok()).unwrap_or_default();
    if place::is_of_git(rules) || place::is_of_git(&folder) || folder.starts_with(git) {
        let is_exclude =
            rules.ends_with(".git/info/exclude") || folder == git.join("info") && rules.ends_with("exclude");
        return is_exclude && is_a_plain_file(rules);
    }
    let is_of_the_user = !rules.starts_with(root) && !folder.starts_with(root);
    if is_of_the_user { !folder.starts_with("/proc") && !folder.starts_with("/dev") } else { is_a_plain_file(rules) }
}

/// Whether this is a regular file without other hard links, and no symbolic link.
pub fn is_a_plain_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_file() && found.nlink() == 1)
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}
