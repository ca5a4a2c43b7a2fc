//! Keeps plain Secrets out of Git.
//!
//! The repository may be hostile: Git is asked about a file without running a program that the repository names (docs/security.md).

mod repository;

use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use rustix::fs::FileType;

use crate::environment::place::{self, is_of_git, is_root};
use crate::environment::{Environment, read_file, read_text};
use crate::settings::target::Target;
use regcred_core::diagnostic::{Code, Diagnostic, Failure};
use regcred_core::spec::Open;
use repository::{Repository, Verdict, is_a_plain_file, lasts};

pub const IGNORE_FILE: &str = ".gitignore";
/// Our content of this file, which ignores everything, also itself.
pub const IGNORE_ALL: &[u8] = b"*\n";

/// Decides where plain Secrets may be written. It opens each repository once.
pub struct Guard<'a> {
    target: &'a Target<'a>,
    roots: HashMap<PathBuf, Option<PathBuf>>,
    repositories: HashMap<PathBuf, Repository>,
    /// The files and folders that this run may replace or remove: their paths without links.
    outputs: Vec<PathBuf>,
    /// The same for the other clusters of a fleet.
    others: Vec<PathBuf>,
}

impl<'a> Guard<'a> {
    /// A guard for the outputs of one run. The other clusters of a fleet have their folders beside the folder of this one.
    pub fn new(target: &'a Target<'a>, outputs: impl IntoIterator<Item = PathBuf>) -> Self {
        let is_one_file = target.options.format.chosen().is_some_and(|format| format.is_one_file());
        let fleet = target.path.parent().filter(|_| target.cluster.is_some() && !is_one_file).map(Path::to_path_buf);
        let real = |path: PathBuf| place::resolve(&path).unwrap_or_default();
        let outputs: Vec<_> = outputs.into_iter().chain(fleet.clone()).flat_map(real).collect();
        let others = fleet.iter().filter_map(|fleet| fs::read_dir(fleet).ok()).flatten().flatten();
        let others = others.flat_map(|other| real(other.path())).filter(|other| !outputs.contains(other)).collect();
        Self { target, roots: HashMap::new(), repositories: HashMap::new(), outputs, others }
    }

    /// Whether a run may lose the file with the rule that ignores a path. This run keeps a `.gitignore` as long as it covers a plain Secret.
    fn may_lose(&self, rules: &Path, path: &Path) -> bool {
        let covers = |rules: &Path| rules.ends_with(IGNORE_FILE) && path.starts_with(rules.parent().unwrap_or(rules));
        let is_lost = |rules: &PathBuf| {
            self.others.iter().any(|other| rules.starts_with(other))
                || self.outputs.iter().any(|output| rules.starts_with(output) && (rules == output || !covers(rules)))
        };
        place::resolve(rules).map_or(true, |places| places.iter().any(is_lost))
    }

    /// Refuses files with a plain Secret that Git tracks or would add. Each file has a path without links, and its name in messages.
    /// Errors: a file is in a work tree, and is tracked or not ignored, or Git cannot tell.
    pub fn check(&mut self, files: impl IntoIterator<Item = (PathBuf, String)>) -> Result<(), Failure> {
        if self.target.allows_plaintext_in_git() {
            return Ok(());
        }
        // The key: the work tree that is asked, and the work tree nearest to the file.
        let mut groups: BTreeMap<(PathBuf, PathBuf), Vec<(PathBuf, String)>> = BTreeMap::new();
        for (path, name) in files {
            let roots = self.roots_around(&path);
            if let Some(variable) = misleading_variable(self.target.environment, &path, !roots.is_empty()) {
                let message = format!("`{variable}` is set, so Git may take {name} into another repository");
                return Err(refusal(&message, &format!("run it without `{variable}`; ")));
            }
            for root in &roots {
                groups.entry((root.clone(), roots[0].clone())).or_default().push((path.clone(), name.clone()));
            }
        }
        groups.into_iter().try_for_each(|((root, nearest), files)| self.ask(&root, Some(&nearest), &files))
    }

    /// Refuses a folder of temporaries with plain Secrets if Git tracks something there: after a killed run, Git would add them.
    pub fn check_temporaries(&mut self, folder: &Path) -> Result<(), Failure> {
        if self.target.allows_plaintext_in_git() {
            return Ok(());
        }
        let files = [(folder.to_path_buf(), "the folder in which new files wait".to_owned())];
        self.roots_around(folder).iter().try_for_each(|root| self.ask(root, None, &files))
    }

    /// Asks a repository whether it tracks these files, and, if `nearest` is known, whether it would add them. An outer repository adds
    /// files below the nearest work tree only if it tracks files there.
    fn ask(&mut self, root: &Path, nearest: Option<&Path>, files: &[(PathBuf, String)]) -> Result<(), Failure> {
        let unknown = |trouble: repository::Trouble| {
            let name = files.first().map_or("", |(_, name)| name);
            let message =
                format!("{name} is in a Git work tree, and Git cannot say whether it is ignored: {}", trouble.reason);
            refusal(&message, &trouble.remedy)
        };
        if !self.repositories.contains_key(root) {
            let repository = Repository::open(root, self.target.environment).map_err(unknown)?;
            // If both have one folder `.git`, Git does not take the inner work tree for a repository, and adds its files to the outer one.
            if let Some((other, _)) = self.repositories.iter().find(|(_, other)| other.folder == repository.folder) {
                let reason = format!("it shares its folder `.git` with the work tree {}", other.display());
                return Err(unknown(repository::Trouble::new(&reason, repository::ELSEWHERE)));
            }
            self.repositories.insert(root.to_path_buf(), repository);
        }
        let Some(repository) = self.repositories.get(root) else { return Ok(()) };
        let within = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_path_buf();
        let paths: Vec<_> = files.iter().map(|(path, _)| within(path)).collect();
        let verdicts = match nearest {
            Some(nearest) if nearest == root || repository.tracks_below(&within(nearest)) => {
                repository.judge(&paths).map_err(unknown)?
            }
            _ => repository.tracked(&paths),
        };
        for ((path, name), verdict) in files.iter().zip(verdicts) {
            let is_lost = |rules: &Path| self.may_lose(rules, path) || !lasts(rules, root, &repository.folder);
            let (what, remedy) = match verdict {
                Verdict::Ignored(Some(rules)) if is_lost(&root.join(&rules)) => (
                    format!(
                        "is ignored by a rule in `{}` only, a file that this run or Git may change",
                        rules.display()
                    ),
                    "move the rule into a `.gitignore` outside of the output; ",
                ),
                Verdict::Ignored(_) => continue,
                Verdict::Tracked => ("is tracked by Git".to_owned(), ""),
                Verdict::NotIgnored => ("is in a Git work tree and not ignored".to_owned(), ""),
            };
            return Err(refusal(&format!("{name} {what}"), remedy));
        }
        Ok(())
    }

    /// The tops of the work trees around a path, the nearest first.
    fn roots_around(&mut self, path: &Path) -> Vec<PathBuf> {
        let mut roots = Vec::new();
        let mut next = path.parent().and_then(|folder| self.root_of(folder));
        while let Some(root) = next {
            next = root.parent().and_then(|folder| self.root_of(folder));
            roots.push(root);
        }
        roots
    }

    fn root_of(&mut self, folder: &Path) -> Option<PathBuf> {
        if let Some(known) = self.roots.get(folder) {
            return known.clone();
        }
        let root = if is_root(folder) { Some(folder.to_path_buf()) } else { self.root_of(folder.parent()?) };
        self.roots.insert(folder.to_path_buf(), root.clone());
        root
    }
}

fn refusal(what: &str, remedy: &str) -> Failure {
    let rest = if what.contains("standard output") { "; remove the file if the shell has left it empty" } else { "" };
    Failure::of(
        "the output",
        Diagnostic::error(Code::PlaintextInGit, format!("{what}: a plain Secret would enter Git")).hint(format!(
            "{remedy}encrypt it with --protect sealed, sops or external; or write to a path that .gitignore lists, to a new folder \
             with --format directory, or outside of the work tree; or pipe it to kubectl; `--allow-plaintext-in-git` insists{rest}"
        )),
    )
}

/// Refuses standard output if it is redirected to a file that must not hold a plain Secret.
pub fn check_stdout(target: &Target<'_>) -> Result<(), Failure> {
    let Some(path) = redirected_stdout() else { return Ok(()) };
    if !is_a_plain_file(&path) && !target.allows_plaintext_in_git() {
        let hint = "write to a file without other names, with --output or through a pipe; ";
        return Err(refusal("standard output goes to a file with several names, or with none that can be seen", hint));
    }
    let alone = Target { cluster: None, ..target.clone() };
    check_file(&path, "the file that standard output goes to", vec![path.clone()], &alone)
}

/// The file that standard output goes to; an empty path if its name cannot be seen. `None` except on Linux, and for anything but a file.
pub fn redirected_stdout() -> Option<PathBuf> {
    let open = rustix::fs::fstat(io::stdout()).ok()?;
    let is_a_file = FileType::from_raw_mode(open.st_mode) == FileType::RegularFile && open.st_nlink > 0;
    let path = fs::read_link("/proc/self/fd/1").unwrap_or_default();
    let is_it = fs::metadata(&path).is_ok_and(|found| (found.dev(), found.ino()) == (open.st_dev, open.st_ino));
    (cfg!(target_os = "linux") && is_a_file).then(|| if is_it { path } else { PathBuf::new() })
}

/// Refuses a single file that must not hold a plain Secret, in a run with these outputs.
pub fn check_file(path: &Path, name: &str, outputs: Vec<PathBuf>, target: &Target<'_>) -> Result<(), Failure> {
    if target.allows_plaintext_in_git() {
        return Ok(());
    }
    let places = place::resolve(path).map_err(|lost| {
        refusal(&format!("the place of {name} is unknown, because its path {lost}"), "name it by a direct path; ")
    })?;
    Guard::new(target, outputs).check(places.into_iter().map(|place| (place, name.to_owned())))
}

/// Whether a folder is in a work tree, and our `.gitignore` keeps it out of Git.
pub fn is_covered(folder: &Path) -> bool {
    in_work_tree(folder) && read_file(&folder.join(IGNORE_FILE)).is_ok_and(|bytes| bytes == IGNORE_ALL)
}

pub fn in_work_tree(folder: &Path) -> bool {
    let real = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    real.ancestors().any(is_root)
}

/// A name of an output that is the same in every checkout: its path from the top of the work tree, or else from the working directory.
pub fn name_in_work_tree(target: &Target<'_>) -> String {
    let real = |path: &Path| place::resolve(path).ok().and_then(|mut places| places.pop());
    let place = real(&target.path).unwrap_or_else(|| target.path.clone());
    let directory = target.environment.directory();
    let directory = real(directory).unwrap_or_else(|| directory.to_path_buf());
    let top = top(&place).unwrap_or(&directory);
    let name = place.strip_prefix(top).unwrap_or_else(|_| Path::new(place.file_name().unwrap_or_default()));
    name.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// The top of the work tree around a path. A submodule counts as part of its outer work tree, because a merge request can add a submodule.
fn top(path: &Path) -> Option<&Path> {
    let is_submodule = |top: &&Path| {
        let git = top.join(".git");
        // In a submodule, `.git` names `../.git/modules/NAME`; in a linked work tree, or with a separate Git folder, another place.
        git.is_file() && read_text(&git).is_ok_and(|text| text.trim().split('/').any(|part| part == "modules"))
    };
    let mut tops = path.ancestors().filter(|ancestor| is_root(ancestor)).peekable();
    let innermost = tops.peek().copied();
    tops.find(|top| !is_submodule(top)).or(innermost)
}

/// The top of the work tree around a folder, and the path of the folder from there; `None` at the top, or outside of a work tree.
pub fn below_the_top(folder: &Path) -> Option<(PathBuf, PathBuf)> {
    let place = place::resolve(folder).ok()?.pop()?;
    let top = place.ancestors().find(|ancestor| is_root(ancestor))?;
    let below = place.strip_prefix(top).ok().filter(|below| !below.as_os_str().is_empty())?;
    Some((top.to_path_buf(), below.to_path_buf()))
}

/// Whether Git leaves some files out of the work tree around a folder (`git sparse-checkout`).
pub fn is_sparse(folder: &Path) -> bool {
    let git = folder.ancestors().find(|ancestor| is_root(ancestor)).unwrap_or(folder).join(".git");
    // A linked work tree, or a submodule, has a file that names the folder.
    let elsewhere = || Some(git.parent()?.join(read_text(&git).ok()?.trim().strip_prefix("gitdir: ")?));
    let git = elsewhere().unwrap_or(git);
    git.join("info/sparse-checkout").is_file()
}

/// Whether a file is below a folder, or in the outermost work tree around that folder.
pub fn is_beside(file: &Path, folder: &Path) -> bool {
    is_inside(&file.canonicalize().unwrap_or_else(|_| file.to_path_buf()), folder)
}

/// Whether a write to a path changes only files below a folder, or in the outermost work tree around that folder.
pub fn is_inside(path: &Path, folder: &Path) -> bool {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    let top = folder.ancestors().filter(|ancestor| is_root(ancestor)).last().unwrap_or(&folder);
    place::resolve(path).is_ok_and(|places| places.iter().all(|place| place.starts_with(top)))
}

/// Refuses a place for output that links lead out of its work tree, or that is below `.git`: a merge request may have added the link.
pub fn check_place(path: &Path) -> Result<(), Failure> {
    let (message, hint) = if place::resolve(path).is_ok_and(|places| places.iter().any(|place| is_of_git(place))) {
        ("the output is below `.git`, which is Git's own", "choose another place for the output")
    } else if place::goes_astray(path) {
        let hint = "a merge request may have added the link: name the folder that is meant, or remove the link";
        ("a link leads the output out of its work tree", hint)
    } else {
        return Ok(());
    };
    Err(Failure::of("the output", Diagnostic::error(Code::NotAllowed, message).hint(hint)))
}

/// A variable that makes Git put the file into another repository or index than the one that it finds.
fn misleading_variable(environment: &Environment, path: &Path, in_work_tree: bool) -> Option<&'static str> {
    let in_its_work_tree = || {
        let folder = environment.path("GIT_WORK_TREE")?;
        Some(path.starts_with(folder.canonicalize().unwrap_or(folder)))
    };
    let set = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR"]
        .into_iter()
        .find(|name| environment.is_set(name))?;
    // Without its own work tree, the work tree of `GIT_DIR` may be anywhere.
    (in_work_tree || in_its_work_tree().unwrap_or(environment.is_set("GIT_DIR"))).then_some(set)
}

#[cfg(test)]
mod tests;
