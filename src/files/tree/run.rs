//! A run over a tree: entries in, what is to be done about each, and its temporary if it differs, out.

use std::fs;
use std::io::{self, BufWriter, IntoInnerError, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::changes::Changes;
use super::entry::{Content, Entry};
use super::lock::Lock;
use super::path::{Found, TreePath};
use super::root::{Root, State};
use super::staging::{Disk, Staging};
use super::standing::{Addressee, Observer, Standing};
use super::tally::Tally;
use super::{Prepared, Written, at_lock, at_root, conflict, each, path_of};
use crate::files::evidence::carried::Purpose;
use crate::files::evidence::fingerprint::{Fingerprint, Hasher, Key, Verdict};
use crate::files::evidence::warnings::{ANEW, always_anew, edited_by_hand};
use crate::files::evidence::{Evidence, Known};
use crate::files::git::{self, Cover, Guard};
use crate::files::new_paths::NewPaths;
use crate::files::target::Target;
use crate::files::{self, Protection, cluster_file, stream};
use crate::settings::{PlaintextInGit, Reseal};
use regcred_core::diagnostic::{Code, Diagnostic, Failure};

/// A run, with what it has found and written so far.
pub(super) struct Run<'a> {
    target: &'a Target<'a>,
    key: &'a Key,
    pub(super) cover: Cover,
    staging: Staging,
    lock: Lock,
    staged: Vec<(TreePath, usize)>,
    in_the_way: Vec<TreePath>,
    encrypted: usize,
    tally: Tally,
    pub(super) result: Written,
    /// Held until the temporaries are gone.
    root: Root,
}

/// What is to be done about an entry.
enum Step {
    /// Nothing.
    Keep(Fingerprint),
    /// Its temporary waits, under a number or where it will be.
    Replace { temporary: Option<usize>, fingerprint: Fingerprint },
    /// Nothing: the run will fail.
    GiveUp,
}

impl<'a> Run<'a> {
    /// Decides about Git before the first secret is written; a folder of ours gets its `.gitignore` now.
    pub(super) fn guard(&mut self, new_paths: &NewPaths) -> Result<Guard<'a>, Failure> {
        let path = self.root.path.join(git::IGNORE_FILE);
        if self.target.plaintext_in_git == PlaintextInGit::Refuse && self.root.is_to_be_covered() {
            if !path.exists() {
                let place = || fs::File::create_new(&path)?.write_all(git::IGNORE_ALL);
                place().map_err(at_root)?;
                new_paths.add(path);
            }
            self.cover = Cover::Ours;
        }
        Ok(Guard::new(self.target))
    }

    /// The real path of a file, and what messages call it.
    pub(super) fn place(&self, path: &str) -> (PathBuf, String) {
        (self.root.path.join(path), format!("`{path}`"))
    }

    /// Compares them with what is there, and writes a temporary for each that differs.
    pub(super) fn add(&mut self, entries: Vec<Entry<'_>>) -> Result<(), Failure> {
        let mut wanted = Vec::with_capacity(entries.len());
        for Entry { path, content } in entries {
            let path = path_of(path)?;
            self.list(path.clone(), Fingerprint::default())?;
            self.encrypted += usize::from(content.protection() == Protection::Encrypted);
            wanted.push((path, content));
        }
        let settled = each(wanted, |(path, content)| {
            let settled = self.settle(&path, &content).map_err(|error| files::failure(&error, &format!("`{path}`")))?;
            Ok((path, content.protection(), settled))
        })?;
        for (path, protection, (standing, addressee, step)) in settled {
            if protection == Protection::Encrypted {
                self.tally.add(&path, (&standing, addressee));
            }
            match standing {
                Standing::InTheWay => self.in_the_way.push(path.clone()),
                Standing::Edited => self.result.warnings.push(edited_by_hand(&format!("`{path}`"), ANEW)),
                Standing::Merged => self.result.warnings.push(conflict::in_a_file(&path)),
                _ => {}
            }
            match step {
                Step::Keep(fingerprint) => {
                    self.result.unchanged += 1;
                    self.lock.files.insert(path, fingerprint);
                }
                Step::Replace { temporary, fingerprint } => {
                    self.result.written += 1;
                    self.staged.extend(temporary.map(|number| (path.clone(), number)));
                    self.lock.files.insert(path, fingerprint);
                }
                Step::GiveUp => {}
            }
        }
        Ok(())
    }

    fn list(&mut self, path: TreePath, fingerprint: Fingerprint) -> Result<(), Failure> {
        let name = path.to_string();
        if self.lock.files.insert(path, fingerprint).is_some() {
            let problem = Diagnostic::error(Code::SameFile, format!("two objects would both be the file `{name}`"));
            return Err(Failure::of("the output", problem.hint("give them different names, or use --format yaml")));
        }
        Ok(())
    }

    fn settle(&self, path: &TreePath, content: &Content<'_>) -> io::Result<(Standing, Addressee, Step)> {
        let observer = Observer { root: &self.root, key: self.key, known: Known::All };
        let (standing, addressee) = observer.look(path, content)?;
        let reseal = self.target.reseal == Reseal::Always && content.protection() == Protection::Encrypted;
        let step = match &standing {
            Standing::Current(fingerprint) if !reseal => {
                files::protect(&path.under(&self.root.path), content.protection())?;
                Step::Keep(fingerprint.clone())
            }
            // What is slow is not done in vain.
            Standing::InTheWay => Step::GiveUp,
            _ if !self.in_the_way.is_empty() => Step::GiveUp,
            _ => self.stage(path, content)?,
        };
        Ok((standing, addressee, step))
    }

    fn stage(&self, path: &TreePath, content: &Content<'_>) -> io::Result<Step> {
        let (temporary, fingerprint) = match content {
            Content::Ready(bytes, protection) => {
                let (temporary, mut into) = self.temporary(path, *protection)?;
                into.write_all(bytes)?;
                (temporary, self.key.fingerprint(bytes, *protection))
            }
            Content::Stream(file) => {
                let there = (self.root.state != State::New).then(|| path.under(&self.root.path));
                let there = there.filter(|there| there.is_file());
                let carried = file.carried(there.as_deref(), self.key, Purpose::Write(self.target.reseal))?;
                let (temporary, into) = self.temporary(path, file.protection())?;
                let mut into = BufWriter::with_capacity(
                    stream::BUFFER,
                    Hashed { into, hasher: self.key.hasher(file.protection()) },
                );
                file.write(carried.as_ref(), &mut into)?;
                let Hashed { hasher, .. } = into.into_inner().map_err(IntoInnerError::into_error)?;
                (temporary, self.key.fingerprint_of(hasher, file.protection()))
            }
            Content::Encrypted(secret) => {
                let bytes = secret.encrypt(path.as_str())?;
                let (temporary, mut into) = self.temporary(path, Protection::Encrypted)?;
                into.write_all(&bytes)?;
                (temporary, Evidence::of(&**secret, path.as_str())?.fingerprint(&bytes, self.key))
            }
        };
        Ok(Step::Replace { temporary, fingerprint })
    }

    /// A new file, and its number if it does not lie as it will in a new tree.
    fn temporary(&self, path: &TreePath, protection: Protection) -> io::Result<(Option<usize>, fs::File)> {
        if self.root.state == State::New && path.folders().next().is_some() {
            return Ok((None, self.staging.create_in_place(path, protection)?));
        }
        let (number, file) = self.staging.create(protection)?;
        Ok((Some(number), file))
    }

    pub(super) fn refuse_what_is_in_the_way(&self) -> Result<(), Failure> {
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
            Diagnostic::error(Code::NotOurs, message).hint(conflict::what_to_do(&self.in_the_way, &self.root.path)),
        ))
    }

    /// Writes the journal, and forgets all but what is to be done.
    pub(super) fn seal(mut self) -> Result<Prepared, Failure> {
        let warnings = &mut self.result.warnings;
        if self.encrypted > 0 && !self.key.is_there() {
            warnings.push(always_anew());
        }
        warnings.extend(self.tally.edited().iter().map(|path| edited_by_hand(&format!("`{path}`"), ANEW)));
        warnings.extend(self.tally.warnings());
        // Held until the temporaries are gone.
        let Root { path: root, state, ours, turn, .. } = self.root;
        let staging = self.staging;
        let stale: Vec<_> = ours.files.keys().filter(|path| !self.lock.files.contains_key(path)).cloned().collect();
        let listed = state == State::Listed && ours == self.lock;
        if self.result.written == 0 && stale.is_empty() && listed {
            return Ok(Prepared { result: self.result, changes: None });
        }
        for path in &stale {
            if is_edited(path, &root, &ours, self.key).map_err(|error| files::failure(&error, &format!("`{path}`")))? {
                warnings.push(edited_by_hand(&format!("`{path}`"), "and is removed: nothing asks for it any more"));
            }
        }
        if self.lock.files.keys().chain(&stale).any(|path| cluster_file::NAMES.contains(&path.as_str()))
            && !stale.is_empty()
        {
            warnings.push(of_another_format(stale.len()));
        }
        let disk = if state == State::New { Disk::Trust } else { Disk::Wait };
        let journal = staging.seal(&self.lock, disk).map_err(at_lock)?;
        let lock = (!listed).then_some(journal);
        let changes = Changes { root, staged: self.staged, stale, lock, staging, turn };
        Ok(Prepared { result: self.result, changes: Some(changes) })
    }
}

/// A file, and what may be written down of what went into it.
struct Hashed {
    into: fs::File,
    hasher: Hasher,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.into.write(bytes)?;
        self.hasher.write_all(&bytes[..count])?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.into.flush()
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(root: Root, target: &'a Target<'a>, key: &'a Key) -> Result<Self, Failure> {
        Ok(Self {
            target,
            key,
            cover: Cover::None,
            staging: Staging::begin(root.staging()).map_err(at_root)?,
            lock: Lock::default(),
            staged: Vec::new(),
            in_the_way: Vec::new(),
            encrypted: 0,
            tally: Tally::default(),
            result: Written { warnings: root.ours.warnings(), ..Written::default() },
            root,
        })
    }
}

/// That nothing of what was there is wanted any more.
fn of_another_format(count: usize) -> Diagnostic {
    let files = if count == 1 { "file was" } else { "files were" };
    let message = format!("{count} {files} of another `--format`, and removed: all that is encrypted is made anew");
    Diagnostic::warning(Code::AnotherFormat, message).hint("say the format once for all runs: `format` in regcred.yaml")
}

/// Whether a file of ours is another than was written.
fn is_edited(path: &TreePath, root: &Path, ours: &Lock, key: &Key) -> io::Result<bool> {
    let Found::File = path.find(root)? else { return Ok(false) };
    Ok(key.verify(&ours.files[path], &Zeroizing::new(fs::read(path.under(root))?)) == Verdict::Different)
}
