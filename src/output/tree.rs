//! A tree of files: files one by one in, a directory that holds exactly them and its lock out.
//!
//! All temporaries are written first, then the journal, then each is renamed, what is stale goes, and the lock comes last. A run that
//! was killed leaves each file old or new; the next one reads the journal and completes it.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::fingerprint::{Key, Verdict};
use super::git::{self, Cover, Guard};
use super::lock::{self, Lock};
use super::path::{Found, TreePath};
use super::root::{NewPaths, Root};
use super::staging::Staging;
use super::target::Target;
use super::{File, Protection};
use crate::problem::{Failure, Problem};
use crate::settings::PlaintextInGit;

/// What a run did to a tree.
#[derive(Debug, Default)]
pub struct Written {
    /// Files that were not there, or differed.
    pub written: usize,
    /// Files that were left as they were.
    pub unchanged: usize,
    /// Files of ours that are no longer wanted.
    pub removed: usize,
    /// Files of ours that somebody had edited.
    pub warnings: Vec<Problem>,
}

/// Makes the directory hold these files: all of them or none.
///
/// # Errors
/// Another's file is in the way, the file system refuses, or a plain Secret would enter Git.
pub fn write(files: impl Iterator<Item = io::Result<File>>, target: &Target<'_>) -> Result<Written, Failure> {
    let mut new_paths = NewPaths::default();
    let root = Root::create(target, &mut new_paths)?;
    let staging = Staging::begin(root.staging()).map_err(at_root)?;
    let mut run = Run::new(&root, target, staging);
    let mut guard = None;
    for file in files {
        let file = file.map_err(at_root)?;
        if file.holds_a_secret() {
            let guard = match &mut guard {
                Some(guard) => guard,
                None => guard.insert(run.guard(&mut new_paths)?),
            };
            guard.admit(&file.path, &format!("`{}`", file.path))?;
        }
        run.add(&file)?;
    }
    if run.cover == Cover::Ours {
        let unchanged = run.result.unchanged;
        run.add(&ignore_file())?;
        // It was placed by this very run, or is no part of what was asked for.
        run.result.unchanged = unchanged;
    }
    run.refuse_what_is_in_the_way()?;
    new_paths.keep();
    run.publish()
}

/// The `.gitignore` of a folder that we made.
pub(super) fn ignore_file() -> File {
    let bytes = Zeroizing::new(git::IGNORE_ALL.to_vec());
    File { path: git::IGNORE_FILE.to_owned(), bytes, protection: Protection::Public }
}

/// The path of a file, or why it cannot be one.
pub(super) fn path_of(file: &File) -> Result<TreePath, Failure> {
    file.path.parse().map_err(|_| {
        let problem = Problem::error("invalid-path", "the name of an object cannot be the name of a file");
        Failure::of("the output", problem.hint("use --shape yaml"))
    })
}

struct Run<'a> {
    root: &'a Root,
    target: &'a Target<'a>,
    key: Key,
    cover: Cover,
    staging: Staging,
    lock: Lock,
    staged: Vec<(TreePath, PathBuf)>,
    in_the_way: Vec<TreePath>,
    result: Written,
}

impl Run<'_> {
    /// Decides about Git before the first secret is written; a folder of ours gets its `.gitignore` now.
    fn guard(&mut self, new_paths: &mut NewPaths) -> Result<Guard, Failure> {
        let path = self.root.path.join(git::IGNORE_FILE);
        if self.target.plaintext_in_git == PlaintextInGit::Refuse && self.root.is_to_be_covered() {
            if !path.exists() {
                let place = || fs::File::create_new(&path)?.write_all(git::IGNORE_ALL);
                place().map_err(at_root)?;
                new_paths.add(path);
            }
            self.cover = Cover::Ours;
        }
        Ok(Guard::new(&self.root.path, self.cover, self.target))
    }

    /// Compares with what is there, and writes a temporary if it differs.
    fn add(&mut self, file: &File) -> Result<(), Failure> {
        let path = path_of(file)?;
        let at = |error| super::failure(&error, &format!("`{path}`"));
        let place = path.under(&self.root.path);
        let known = self.root.ours.files.get(&path);
        let found = path.find(&self.root.path).map_err(at)?;
        match (found, known) {
            (Found::Nothing, _) => {}
            (Found::Other, _) => self.in_the_way.push(path.clone()),
            (Found::File, known) => {
                let bytes = Zeroizing::new(fs::read(&place).map_err(at)?);
                if *bytes == *file.bytes {
                    super::protect(&place, file.protection).map_err(at)?;
                    self.result.unchanged += 1;
                    return self.list(path, file);
                }
                match known.map(|known| self.key.verify(known, &bytes)) {
                    None => self.in_the_way.push(path.clone()),
                    Some(Verdict::Different) => self.result.warnings.push(edited(&path, "and is written anew")),
                    Some(Verdict::Same | Verdict::Unknown) => {}
                }
            }
        }
        let (temporary, mut into) = self.staging.create(file.protection).map_err(at)?;
        into.write_all(&file.bytes).map_err(at)?;
        self.staged.push((path.clone(), temporary));
        self.list(path, file)
    }

    fn list(&mut self, path: TreePath, file: &File) -> Result<(), Failure> {
        let fingerprint = self.key.fingerprint(&file.bytes, file.protection);
        if let Some(twice) = self.lock.files.insert(path, fingerprint).map(|_| &file.path) {
            let problem = Problem::error("same-file", format!("two objects would both be the file `{twice}`"));
            return Err(Failure::of("the output", problem.hint("give them different names, or use --shape yaml")));
        }
        Ok(())
    }

    fn refuse_what_is_in_the_way(&self) -> Result<(), Failure> {
        const NAMED: usize = 10;
        let mut names = self.in_the_way.iter().take(NAMED).map(|path| format!("`{path}`")).collect::<Vec<_>>();
        if self.in_the_way.len() > NAMED {
            names.push(format!("{} more", self.in_the_way.len() - NAMED));
        }
        if names.is_empty() {
            return Ok(());
        }
        let (verb, what) = if names.len() == 1 { ("is", "a file") } else { ("are", "files") };
        let message = format!("{} {verb} there already, and {what} that regcred did not write", names.join(", "));
        Err(Failure::of(
            "the output",
            Problem::error("not-ours", message).hint("choose another --output, or move it away: nothing was written"),
        ))
    }

    fn publish(mut self) -> Result<Written, Failure> {
        let stale: Vec<&TreePath> =
            self.root.ours.files.keys().filter(|path| !self.lock.files.contains_key(path)).collect();
        if self.staged.is_empty() && stale.is_empty() && self.root.lock.as_ref() == Some(&self.lock) {
            return Ok(self.result);
        }
        let journal = self.staging.seal(&self.lock).map_err(|error| super::failure(&error, "the lock"))?;
        for (path, temporary) in &self.staged {
            let place = path.under(&self.root.path);
            let publish = || {
                place.parent().map_or(Ok(()), fs::create_dir_all)?;
                fs::rename(temporary, &place)
            };
            publish().map_err(|error| super::failure(&error, &format!("`{path}`")))?;
            self.result.written += 1;
        }
        for path in stale {
            let gone = remove(path, self.root, &self.key, &mut self.result.warnings);
            self.result.removed += gone.map_err(|error| super::failure(&error, &format!("`{path}`")))?;
        }
        if self.root.lock.as_ref() != Some(&self.lock) {
            fs::rename(journal, self.root.path.join(lock::NAME)).map_err(|error| super::failure(&error, "the lock"))?;
        }
        self.staging.finish().map_err(at_root)?;
        Ok(self.result)
    }
}

impl<'a> Run<'a> {
    fn new(root: &'a Root, target: &'a Target<'a>, staging: Staging) -> Self {
        Self {
            root,
            target,
            key: Key::read(target.environment),
            cover: Cover::None,
            staging,
            lock: Lock::default(),
            staged: Vec::new(),
            in_the_way: Vec::new(),
            result: Written::default(),
        }
    }
}

/// Removes a file of ours and the folders that it leaves empty: how many files went.
fn remove(path: &TreePath, root: &Root, key: &Key, warnings: &mut Vec<Problem>) -> io::Result<usize> {
    let Found::File = path.find(&root.path)? else { return Ok(0) };
    let place = path.under(&root.path);
    if key.verify(&root.ours.files[path], &Zeroizing::new(fs::read(&place)?)) == Verdict::Different {
        warnings.push(edited(path, "and is removed: nothing asks for it any more"));
    }
    fs::remove_file(place)?;
    for folder in path.folders() {
        // Not empty: something else is in it, and it stays.
        if fs::remove_dir(root.path.join(folder)).is_err() {
            break;
        }
    }
    Ok(1)
}

fn edited(path: &TreePath, what: &str) -> Problem {
    Problem::warning("edited-by-hand", format!("`{path}` was edited since regcred wrote it, {what}"))
        .hint("change the settings or the templates, not the files under `--output`")
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives it by value")]
fn at_root(error: io::Error) -> Failure {
    super::failure(&error, "the directory of `--output`")
}
