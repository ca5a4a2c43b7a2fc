//! Standing: an entry and what is at its path in, how the one relates to the other out. Follows no link, and writes nothing.

use std::fs;
use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use super::entry::Content;
use super::lock::Merge;
use super::path::{Found, TreePath};
use super::root::{Root, State};
use crate::files::cluster_file::ClusterFile;
use crate::files::evidence::carried::{Carried, Purpose};
use crate::files::evidence::fingerprint::{Fingerprint, Key, Verdict};
use crate::files::evidence::{Evidence, Finding, Known};
use crate::files::{git, merge, single};

/// How what is there relates to what is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is there.
    Missing,
    /// Something that is no file of ours is there.
    InTheWay,
    /// It is as it should be, and this is what is known of it.
    Current(Fingerprint),
    /// It is as it was written, and something else is wanted now.
    Stale,
    /// It is as it was written, and encrypted for somebody else than is wanted now.
    Readdressed,
    /// It is as it was written, and encrypted: it cannot be told of which secret.
    Unproven(Fingerprint),
    /// It is another than was written.
    Edited,
    /// It is another than was written, and comes from a merge.
    Merged,
    /// It is as the lock says, and whoever wrote that did not have our key.
    Disowned,
    /// It differs from what is wanted, and what was written is not known.
    Unknown,
}

/// For whom what is there was encrypted, in part at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressee {
    /// For whom it is to be, as far as is known.
    TheSame,
    /// For somebody else.
    Another,
}

/// Where to look, and what may be asked.
pub struct Observer<'a> {
    /// The directory.
    pub root: &'a Root,
    /// The key of fingerprints.
    pub key: &'a Key,
    /// Whether an encrypted file is asked for its secret.
    pub known: Known,
}

impl Observer<'_> {
    /// Looks.
    ///
    /// # Errors
    /// The file system's, and the serializer's.
    pub fn look(&self, path: &TreePath, content: &Content<'_>) -> io::Result<(Standing, Addressee)> {
        // Nothing can stand in a folder that was just made, but our own .gitignore.
        if self.root.state == State::New && path.as_str() != git::IGNORE_FILE {
            return Ok((Standing::Missing, Addressee::TheSame));
        }
        match path.find(&self.root.path)? {
            Found::Nothing => return Ok((Standing::Missing, Addressee::TheSame)),
            Found::Other => return Ok((Standing::InTheWay, Addressee::TheSame)),
            Found::File => {}
        }
        let known = self.root.ours.files.get(path);
        let place = path.under(&self.root.path);
        let read = || fs::read(&place).map(Zeroizing::new);
        let standing = match (content, known) {
            (Content::Stream(file), _) => return self.look_at_several(&place, *file, known),
            (Content::Ready(wanted, protection), _) => {
                let bytes = read()?;
                match known {
                    _ if *bytes == **wanted => Standing::Current(self.key.fingerprint(wanted, *protection)),
                    None => Standing::InTheWay,
                    Some(known) => match self.key.verify(known, &bytes) {
                        Verdict::Same => Standing::Stale,
                        Verdict::Different => edited(&bytes),
                        Verdict::Unknown => Standing::Unknown,
                    },
                }
            }
            (Content::Encrypted(_), None) => Standing::InTheWay,
            (Content::Encrypted(encrypted), Some(known)) => {
                let evidence = Evidence::of(&**encrypted, path.as_str())?;
                match evidence.weigh(known, &read()?, self.key, self.known)? {
                    Finding::Good(fingerprint) => Standing::Current(fingerprint),
                    Finding::Unproven => Standing::Unproven(known.clone()),
                    Finding::Outdated => Standing::Stale,
                    Finding::Readdressed => return Ok((Standing::Readdressed, Addressee::Another)),
                    Finding::Other => Standing::Edited,
                    Finding::Disowned => Standing::Disowned,
                }
            }
        };
        Ok((standing, Addressee::TheSame))
    }

    /// A file of several documents is compared while it is made, up to the first difference; for whom it is, all of them are asked.
    fn look_at_several(
        &self,
        place: &Path,
        file: ClusterFile<'_>,
        known: Option<&Fingerprint>,
    ) -> io::Result<(Standing, Addressee)> {
        let carried = file.carried(Some(place), self.key, Purpose::Compare(self.known))?;
        let standing = self.relate(place, file, carried.as_ref(), known)?;
        let addressee = match (&standing, &carried) {
            (Standing::Current(_) | Standing::InTheWay, _) | (_, None) => Addressee::TheSame,
            (_, Some(carried)) => {
                file.write(Some(carried), &mut io::sink())?;
                if carried.is_readdressed() { Addressee::Another } else { Addressee::TheSame }
            }
        };
        Ok((standing, addressee))
    }

    fn relate(
        &self,
        place: &Path,
        file: ClusterFile<'_>,
        carried: Option<&Carried>,
        known: Option<&Fingerprint>,
    ) -> io::Result<Standing> {
        let has_seen = |what: fn(&Carried) -> bool| carried.is_some_and(what);
        let same = single::compare(&|into| file.write(carried, into), place)? == single::State::Same
            && carried.is_none_or(Carried::is_current);
        if same && !has_seen(Carried::is_unproven) {
            let mut hasher = self.key.hasher(file.protection());
            io::copy(&mut fs::File::open(place)?, &mut hasher)?;
            return Ok(Standing::Current(self.key.fingerprint_of(hasher, file.protection())));
        }
        let Some(known) = known else { return Ok(Standing::InTheWay) };
        let verdict = self.key.verify_all(known, &mut fs::File::open(place)?)?;
        if verdict == Verdict::Different {
            let merged = self.root.ours.merge != Merge::Settled;
            return Ok(if merged { Standing::Merged } else { edited(&Zeroizing::new(fs::read(place)?)) });
        }
        // What the key has not signed is not believed, however little the lock says.
        if self.key.disowns(known, file.protection()) || has_seen(Carried::is_disowned) {
            return Ok(if has_seen(Carried::is_owned) { Standing::Edited } else { Standing::Disowned });
        }
        Ok(match verdict {
            Verdict::Unknown => Standing::Unknown,
            _ if has_seen(Carried::is_edited) => Standing::Edited,
            _ if same => Standing::Unproven(known.clone()),
            _ => Standing::Stale,
        })
    }
}

fn edited(bytes: &[u8]) -> Standing {
    if merge::sides(bytes).is_some() { Standing::Merged } else { Standing::Edited }
}
