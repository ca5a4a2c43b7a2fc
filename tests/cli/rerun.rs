//! Tests encrypted trees: what a run re-encrypts, and what keeps its bytes.
//!
//! A stand-in encrypts: its output can be opened without a key, and differs at every call.

#![expect(clippy::disallowed_methods, reason = "fixtures are files")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use regcred::environment::Environment;
use regcred::internals::{
    Content, Encrypted, Entry, Kind, Known, Mode, NeedsLogins, NewPaths, Prepared, Protection, Target, WriteError,
    prepare,
};
use regcred_core::diagnostic::{Diagnostic, Failure};
use regcred_core::plan::Action;
use regcred_core::recipient::{Recipient, Recipients};
use regcred_core::spec::{Options, Origin, Sourced};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::harness::forged::{edit_line, forge};
use crate::harness::journal::as_journal;

const KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const OTHER_KEY: &str = "f1e0d3c2b5a497867968a5b4c3d2e1f0";
static CALLS: AtomicUsize = AtomicUsize::new(0);

struct StandIn {
    name: String,
    recipient: String,
    secret: SecretString,
}

impl Encrypted for StandIn {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn context(&self, path: &str) -> io::Result<Vec<u8>> {
        Ok(format!("{path} for {}", self.recipient).into_bytes())
    }

    fn rules(&self) -> Option<Vec<u8>> {
        None
    }

    fn recipients(&self) -> Option<Recipients> {
        Some([Recipient::new(&self.recipient)].into())
    }

    fn recipients_of(&self, _: &[u8]) -> Recipients {
        self.recipients().unwrap()
    }

    fn has_form(&self, bytes: &[u8]) -> io::Result<bool> {
        Ok(bytes.ends_with(b"-yranac\n"))
    }

    fn secret(&self) -> &SecretString {
        &self.secret
    }

    fn encrypt(&self, path: &str) -> Result<Zeroizing<Vec<u8>>, WriteError> {
        let hidden: String = self.secret.expose_secret().chars().rev().collect();
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        Ok(Zeroizing::new(format!("{path} {} {call} {hidden}\n", self.recipient).into_bytes()))
    }
}

/// The wanted content of a tree: a login for each namespace, and one recipient.
#[derive(Clone, Debug)]
struct Wanted {
    namespaces: BTreeMap<String, u8>,
    recipient: u8,
}

impl Wanted {
    fn entries(&self) -> impl Iterator<Item = Result<Entry<'static>, WriteError>> + '_ {
        let kustomization = Zeroizing::new(self.namespaces.keys().cloned().collect::<String>().into_bytes());
        let last = Content::Ready(kustomization, Protection::Public);
        self.namespaces
            .iter()
            .map(|(namespace, login)| {
                let secret = format!("canary-{login}").into();
                let (name, recipient) = (path(namespace), self.recipient.to_string());
                Ok(entry(path(namespace), Content::Encrypted(Box::new(StandIn { name, recipient, secret }))))
            })
            .chain(std::iter::once(Ok(entry("kustomization.yaml".to_owned(), last))))
    }
}

fn entry(path: String, content: Content<'_>) -> Entry<'_> {
    Entry { path, document: None, head: b"# Written by regcred\n".to_vec(), content, logins: NeedsLogins::NotNeeded }
}

fn path(namespace: &str) -> String {
    format!("namespaces/{namespace}/secret-x.yaml")
}

fn wanted(namespaces: &[(&str, u8)], recipient: u8) -> Wanted {
    Wanted { namespaces: namespaces.iter().map(|(name, login)| ((*name).to_owned(), *login)).collect(), recipient }
}

struct Place {
    folder: tempfile::TempDir,
    environment: Environment,
    options: Options,
}

/// What a run did to a tree.
struct Written {
    files: usize,
    unchanged: usize,
    removed: usize,
    warnings: Vec<Diagnostic>,
}

#[expect(clippy::unnecessary_wraps, reason = "every option may be left open")]
fn typed<T>(value: T) -> Option<Sourced<T>> {
    Some(Sourced { value, origin: Origin::Flag("--flag") })
}

impl Place {
    fn new(key: &str) -> Self {
        let environment = Environment::new([("REGCRED_FINGERPRINT_KEY", key)], PathBuf::new());
        Self {
            folder: tempfile::tempdir().unwrap(),
            environment,
            options: Options { accepted_recipients: typed(vec!["0".to_owned(), "1".to_owned()]), ..Options::default() },
        }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn target(&self) -> Target<'_> {
        Target {
            path: self.root(),
            options: &self.options,
            cluster: None,
            secret_variables: &[],
            environment: &self.environment,
        }
    }

    fn write(&self, wanted: &Wanted) -> Written {
        self.try_write(wanted.entries()).unwrap()
    }

    fn try_write<'a>(&self, entries: impl Iterator<Item = Result<Entry<'a>, WriteError>>) -> Result<Written, Failure> {
        let new_paths = NewPaths::default();
        let mut prepared = prepare(entries, Kind::Tree, &self.target(), Mode::Write, &new_paths)?;
        new_paths.keep();
        prepared.publish()?;
        let count =
            |actions: &[Action]| prepared.changes.iter().filter(|change| actions.contains(&change.action)).count();
        Ok(Written {
            files: count(&[Action::Create, Action::Update]),
            unchanged: prepared.unchanged,
            removed: count(&[Action::Delete]),
            warnings: std::mem::take(&mut prepared.warnings),
        })
    }

    fn compare(&self, wanted: &Wanted, known: Known) -> Prepared {
        let mode = Mode::Check(known);
        prepare(wanted.entries(), Kind::Tree, &self.target(), mode, &NewPaths::default()).unwrap()
    }

    /// The differences, and the number of files that could not be compared.
    fn check(&self, wanted: &Wanted, known: Known) -> (Vec<String>, usize) {
        let found = self.compare(wanted, known);
        let differences = found.changes.iter().filter(|change| change.differs());
        (differences.map(|found| format!("{}: {}", found.reason, found.path)).collect(), found.unproven)
    }

    fn text(&self, namespace: &str) -> String {
        fs::read_to_string(self.root().join(path(namespace))).unwrap()
    }

    fn with_key(self, key: &str) -> Self {
        Self { environment: Environment::new([("REGCRED_FINGERPRINT_KEY", key)], PathBuf::new()), ..self }
    }
}

/// The identity and the write time of every file and folder.
fn snapshot(root: &Path) -> BTreeMap<PathBuf, (u64, i64, i64)> {
    let mut seen = BTreeMap::new();
    let mut paths = vec![root.to_path_buf()];
    while let Some(path) = paths.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        seen.insert(path.clone(), (metadata.ino(), metadata.mtime(), metadata.mtime_nsec()));
        if metadata.is_dir() {
            paths.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    seen
}

fn lock_line(lock: &str, path: &str) -> String {
    lock.lines().find(|line| line.starts_with(path)).unwrap().to_owned()
}

fn codes(warnings: &[Diagnostic]) -> Vec<&'static str> {
    warnings.iter().map(|warning| warning.code.as_str()).collect()
}

fn any_tree() -> impl Strategy<Value = Wanted> {
    (prop::collection::btree_map("[a-d]{1,2}", 0..3_u8, 1..12), 0..2_u8)
        .prop_map(|(namespaces, recipient)| Wanted { namespaces, recipient })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exactly_what_changed_is_encrypted_anew(old in any_tree(), new in any_tree()) {
        let place = Place::new(KEY);
        place.write(&old);
        let before = snapshot(&place.root());
        let again = place.write(&old);
        prop_assert_eq!((again.files, again.removed, again.warnings.len()), (0, 0, 0));
        prop_assert_eq!(&snapshot(&place.root()), &before, "two runs are one");

        place.write(&new);
        let after = snapshot(&place.root());
        let kept = |namespace: &String| {
            let path = place.root().join(path(namespace));
            before.get(&path).is_some_and(|before| after.get(&path) == Some(before))
        };
        let same: BTreeSet<_> = new.namespaces.iter()
            .filter(|(name, login)| old.recipient == new.recipient && old.namespaces.get(*name) == Some(login))
            .map(|(name, _)| name)
            .collect();
        prop_assert_eq!(new.namespaces.keys().filter(|name| kept(name)).collect::<BTreeSet<_>>(), same);
        for (namespace, login) in &new.namespaces {
            let holds = place.text(namespace).ends_with(&format!("{login}-yranac\n"));
            prop_assert!(holds);
        }
        let gone = old.namespaces.keys().find(|name| !new.namespaces.contains_key(*name) && after.contains_key(&place.root().join(path(name))));
        prop_assert_eq!(gone, None);
        prop_assert_eq!(place.check(&new, Known::All), (vec![], 0));
    }

    #[test]
    fn check_names_what_a_run_would_change_and_nothing_else(old in any_tree(), new in any_tree()) {
        let place = Place::new(KEY);
        place.write(&old);
        let before = snapshot(&place.root());
        let (found, unproven) = place.check(&new, Known::All);
        prop_assert_eq!(unproven, 0);
        prop_assert_eq!(&snapshot(&place.root()), &before);
        place.write(&new);
        let after = snapshot(&place.root());
        let files = |seen: &BTreeMap<PathBuf, (u64, i64, i64)>| -> BTreeMap<String, (u64, i64, i64)> {
            seen.iter().filter(|(path, _)| path.extension().is_some_and(|it| it == "yaml"))
                .map(|(path, it)| (path.strip_prefix(place.root()).unwrap().to_str().unwrap().to_owned(), *it)).collect()
        };
        let (before, after) = (files(&before), files(&after));
        let changed: BTreeSet<&String> = before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path)).collect();
        let named: BTreeSet<String> = found.iter().map(|it| it.split(": ").nth(1).unwrap().to_owned()).collect();
        prop_assert_eq!(named.iter().collect::<BTreeSet<_>>(), changed, "{:?}", found);
    }
}

#[test]
fn without_a_key_everything_is_made_anew_and_it_says_so() {
    let place = Place::new("");
    let tree = wanted(&[("a", 0), ("b", 1)], 0);
    assert_eq!(codes(&place.write(&tree).warnings), ["no-fingerprint-key"]);
    let lock = fs::read_to_string(place.root().join("regcred.lock")).unwrap();
    assert!(!lock.contains("hmac") && !lock.contains("signature"), "{lock}");
    let first = place.text("a");
    let second = place.write(&tree);
    assert_eq!((second.files, second.unchanged), (2, 1));
    assert_eq!(codes(&second.warnings), ["no-fingerprint-key"]);
    assert_ne!(place.text("a"), first);
    assert_eq!(place.check(&tree, Known::All), (vec![], 2), "what can be told is right");
    let place = place.with_key(KEY);
    let unsigned = vec![format!("different: {}", path("a")), format!("different: {}", path("b"))];
    assert_eq!(place.check(&tree, Known::All), (unsigned, 0), "nothing tells that they are right");
    let third = place.write(&tree);
    assert_eq!(
        (third.files, codes(&third.warnings)),
        (2, vec!["another-fingerprint-key"]),
        "unsigned files are written again"
    );
    assert_eq!(place.write(&tree).files, 0);
    assert_eq!(place.with_key(OTHER_KEY).write(&tree).files, 2, "another key knows nothing");
}

#[test]
fn reseal_makes_everything_anew() {
    let mut place = Place::new(KEY);
    let tree = wanted(&[("a", 0), ("b", 1)], 0);
    place.write(&tree);
    place.options.reseal = typed(true);
    let again = place.write(&tree);
    assert_eq!((again.files, again.unchanged, again.warnings.len()), (2, 1, 0));
}

#[test]
fn a_file_that_was_edited_or_swapped_is_noticed_and_made_anew() {
    let place = Place::new(KEY);
    let tree = wanted(&[("a", 0), ("b", 1), ("c", 2)], 0);
    place.write(&tree);
    let [a, b, c] = ["a", "b", "c"].map(|namespace| place.root().join(path(namespace)));
    let (in_a, in_b, in_c) = (place.text("a"), place.text("b"), place.text("c"));
    fs::write(&a, &in_b).unwrap();
    fs::write(&b, &in_a).unwrap();
    let different = vec![format!("different: {}", path("a")), format!("different: {}", path("b"))];
    assert_eq!(place.check(&tree, Known::All), (different.clone(), 0));
    assert_eq!(place.check(&tree, Known::NotTheLogins), (different, 1));
    let written = place.write(&tree);
    assert_eq!(codes(&written.warnings), ["edited-by-hand"; 2]);
    assert!(place.text("a").ends_with("0-yranac\n") && place.text("b").ends_with("1-yranac\n"));
    assert_eq!(fs::read_to_string(&c).unwrap(), in_c);
}

#[test]
fn what_the_lock_was_made_to_agree_with_is_noticed_by_the_key() {
    let place = Place::new(KEY);
    let tree = wanted(&[("a", 0), ("b", 0), ("c", 0)], 0);
    place.write(&tree);
    let lock = place.root().join("regcred.lock");
    let (old, in_b) = (place.text("a"), place.text("b"));
    let old_lock = fs::read_to_string(&lock).unwrap();
    // An earlier valid file that was put back with its line of the lock counts as ours, as after a rotation.
    let rotated = wanted(&[("a", 1), ("b", 0), ("c", 0)], 0);
    assert_eq!(place.write(&rotated).files, 1);
    fs::write(place.root().join(path("a")), &old).unwrap();
    fs::write(&lock, &old_lock).unwrap();
    assert_eq!(place.check(&rotated, Known::All).0, [format!("stale: {}", path("a"))]);
    // The line of one namespace in the lock is given to the other.
    let (line_a, line_b) = (lock_line(&old_lock, &path("a")), lock_line(&old_lock, &path("b")));
    let fields = |line: &str| line.split_once(' ').unwrap().1.to_owned();
    let swapped = old_lock
        .replace(&line_a, &format!("{} {}", path("a"), fields(&line_b)))
        .replace(&line_b, &format!("{} {}", path("b"), fields(&line_a)));
    fs::write(&lock, swapped).unwrap();
    fs::write(place.root().join(path("a")), &in_b).unwrap();
    fs::write(place.root().join(path("b")), &old).unwrap();
    let different = vec![format!("different: {}", path("a")), format!("different: {}", path("b"))];
    assert_eq!(place.check(&tree, Known::All).0, different);
    assert_eq!(place.check(&tree, Known::NotTheLogins).0, different, "the key alone tells");
    let written = place.write(&tree);
    assert_eq!((written.files, codes(&written.warnings)), (2, vec!["edited-by-hand"; 2]));
    assert!(
        place.text("a").contains(&format!("\n{} ", path("a")))
            && place.text("b").contains(&format!("\n{} ", path("b")))
    );
}

#[test]
fn what_is_not_encrypted_is_never_good_whatever_the_lock_says() {
    let tree = wanted(&[("a", 0), ("b", 0)], 0);
    let different = vec![format!("different: {}", path("a"))];
    for key in [KEY, ""] {
        for known in [Known::All, Known::NotTheLogins] {
            let place = Place::new(KEY);
            place.write(&tree);
            let place = place.with_key(key);
            forge(&place.root(), &path("a"), "kind: Secret\n");
            assert_eq!(place.check(&tree, known).0, different, "{key} {known:?}");
            edit_line(&place.root(), &path("a"), |field| field != "sha256");
            assert_eq!(place.check(&tree, known).0, different, "{key} {known:?}");
        }
    }
}

#[test]
fn a_lock_without_signatures_is_written_again_once_and_nothing_is_encrypted() {
    let place = Place::new(KEY);
    let tree = wanted(&[("a", 0), ("b", 0)], 0);
    place.write(&tree);
    let lock = place.root().join("regcred.lock");
    let whole = fs::read_to_string(&lock).unwrap();
    for namespace in ["a", "b"] {
        edit_line(&place.root(), &path(namespace), |field| field != "signature");
    }
    let edited = ["a", "b"].map(|namespace| format!("different: {}", path(namespace)));
    assert_eq!(place.check(&tree, Known::NotTheLogins).0, edited, "with the key, what it has not signed is not ours");
    let place = place.with_key("");
    assert_eq!(place.check(&tree, Known::NotTheLogins), (vec![], 2));
    let place = place.with_key(KEY);
    assert_eq!(place.write(&tree).files, 0);
    assert_eq!(fs::read_to_string(&lock).unwrap(), whole);
}

#[test]
fn another_recipient_or_another_key_of_fingerprints_is_told() {
    let place = Place::new(KEY);
    let (tree, elsewhere) = (wanted(&[("a", 0), ("b", 0)], 0), wanted(&[("a", 0), ("b", 0)], 1));
    place.write(&tree);
    let warnings = |place: &Place, tree: &Wanted| place.compare(tree, Known::All).warnings;
    assert_eq!(codes(&warnings(&place, &elsewhere)), ["another-recipient"]);
    let written = place.write(&elsewhere);
    assert_eq!((written.files, codes(&written.warnings)), (2, vec!["another-recipient"]));
    let note = "2 encrypted files are encrypted again: approved recipients or sops rules changed";
    assert_eq!((&*written.warnings[0].message, &written.warnings[0].hint), (note, &None));
    let place = place.with_key(OTHER_KEY);
    assert_eq!(codes(&warnings(&place, &elsewhere)), ["another-fingerprint-key"]);
    let written = place.write(&elsewhere);
    assert_eq!((written.files, codes(&written.warnings)), (2, vec!["another-fingerprint-key"]));
    assert_eq!(place.write(&elsewhere).warnings, []);
}

#[test]
fn check_without_credentials_still_compares_namespaces_recipient_and_lock() {
    for key in [KEY, ""] {
        let place = Place::new(KEY);
        place.write(&wanted(&[("a", 0), ("b", 1)], 0));
        let place = place.with_key(key);
        let unknown = |namespaces: &[&str], recipient| {
            let namespaces: Vec<_> = namespaces.iter().map(|name| (*name, 77)).collect();
            place.check(&wanted(&namespaces, recipient), Known::NotTheLogins)
        };
        assert_eq!(unknown(&["a", "b"], 0), (vec![], 2));
        let all = |state: &str| vec![format!("{state}: {}", path("a")), format!("{state}: {}", path("b"))];
        assert_eq!(unknown(&["a", "b"], 1).0, all("stale"), "another certificate");
        assert!(unknown(&["a"], 0).0.contains(&format!("left over: {}", path("b"))));
        assert!(unknown(&["a", "b", "c"], 0).0.contains(&format!("missing: {}", path("c"))));
        fs::write(place.root().join(path("a")), "edited").unwrap();
        assert_eq!(unknown(&["a", "b"], 0).0, [format!("different: {}", path("a"))]);
    }
}

#[test]
fn what_a_killed_run_had_put_in_place_is_not_encrypted_twice() {
    let place = Place::new(KEY);
    let (lock, staging) = (place.root().join("regcred.lock"), place.root().join(".regcred-new"));
    let (old, new) = (wanted(&[("a", 0), ("b", 0), ("c", 0)], 0), wanted(&[("a", 0), ("b", 1), ("c", 1)], 0));
    // A new tree, killed while the entries of its root are renamed: the lock is still the journal.
    place.write(&old);
    fs::create_dir_all(staging.join("files")).unwrap();
    as_journal(&lock, &staging);
    fs::rename(place.root().join("kustomization.yaml"), staging.join("files/kustomization.yaml")).unwrap();
    let completed = place.write(&old);
    assert_eq!((completed.files, completed.unchanged, completed.warnings.len()), (1, 3, 0));
    assert!(!staging.exists());
    // An old tree, killed after the first of two files was renamed.
    let (old_lock, old_c) = (fs::read(&lock).unwrap(), place.text("c"));
    place.write(&new);
    let new_b = place.text("b");
    fs::create_dir(&staging).unwrap();
    as_journal(&lock, &staging);
    fs::write(&lock, old_lock).unwrap();
    fs::write(place.root().join(path("c")), old_c).unwrap();
    let completed = place.write(&new);
    assert_eq!((completed.files, completed.unchanged, completed.warnings.len()), (1, 3, 0));
    assert_eq!(place.text("b"), new_b);
    assert!(place.text("c").ends_with("1-yranac\n"));
}

#[test]
fn what_cannot_be_encrypted_leaves_the_tree_as_it_was() {
    struct Refuses(SecretString);
    impl Encrypted for Refuses {
        fn context(&self, _: &str) -> io::Result<Vec<u8>> {
            Ok(Vec::new())
        }
        fn name(&self) -> String {
            "z".to_owned()
        }
        fn rules(&self) -> Option<Vec<u8>> {
            None
        }
        fn recipients(&self) -> Option<Recipients> {
            None
        }
        fn recipients_of(&self, _: &[u8]) -> Recipients {
            Recipients::new()
        }
        fn has_form(&self, _: &[u8]) -> io::Result<bool> {
            Ok(false)
        }
        fn secret(&self) -> &SecretString {
            &self.0
        }
        fn encrypt(&self, _: &str) -> Result<Zeroizing<Vec<u8>>, WriteError> {
            Err(io::Error::from(io::ErrorKind::Other).into())
        }
    }
    let place = Place::new(KEY);
    let entries = || {
        let last = Content::Encrypted(Box::new(Refuses("canary".into())));
        let new = wanted(&[("a", 1), ("b", 1)], 0).entries().collect::<Vec<_>>();
        new.into_iter().chain([Ok(entry("z".to_owned(), last))])
    };
    assert!(place.try_write(entries()).is_err());
    assert!(!place.root().exists(), "not even the folder");
    place.write(&wanted(&[("a", 0)], 0));
    let before = snapshot(&place.root());
    assert!(place.try_write(entries()).is_err());
    let after = snapshot(&place.root());
    // Only the time of the folder shows that temporaries came and went.
    assert!(before.iter().filter(|(path, _)| **path != place.root()).all(|(path, it)| after.get(path) == Some(it)));
    assert_eq!(before.len(), after.len());
}

#[test]
fn a_file_of_another_is_not_replaced_by_an_encrypted_one() {
    let place = Place::new(KEY);
    fs::create_dir_all(place.root().join("namespaces/b")).unwrap();
    fs::write(place.root().join(path("b")), "theirs").unwrap();
    let tree = wanted(&[("a", 0), ("b", 1)], 0);
    assert!(place.try_write(tree.entries()).is_err());
    assert_eq!(place.text("b"), "theirs");
    assert!(!place.root().join(path("a")).exists());
    assert!(place.check(&tree, Known::All).0.contains(&format!("not regcred's: {}", path("b"))));
}

#[test]
fn a_document_does_not_move_to_the_recipient_of_another_one() {
    let mut place = Place::new(KEY);
    let entries = |of_a: u8, of_b: u8| {
        [("a", of_a), ("b", of_b)].map(|(namespace, recipient)| {
            let (name, recipient) = (path(namespace), recipient.to_string());
            let stand_in = StandIn { name, recipient, secret: "canary-1".into() };
            Ok(entry(path(namespace), Content::Encrypted(Box::new(stand_in))))
        })
    };
    place.options.accepted_recipients = None;
    place.try_write(entries(0, 1).into_iter()).unwrap();
    let before = place.text("a");
    let refused = place.try_write(entries(1, 1).into_iter()).err().unwrap();
    let said = format!("{refused:?}");
    assert!(said.contains("opens other documents here") && said.contains("--accept-recipient 1"), "{said}");
    assert_eq!(place.text("a"), before);
    // A new document may be for any recipient.
    let third = [("c", "1")].map(|(namespace, recipient)| {
        let stand_in = StandIn { name: path(namespace), recipient: recipient.to_owned(), secret: "canary-1".into() };
        Ok(entry(path(namespace), Content::Encrypted(Box::new(stand_in))))
    });
    assert_eq!(place.try_write(entries(0, 1).into_iter().chain(third)).unwrap().files, 1);
    place.options.accepted_recipients = typed(vec!["1".to_owned()]);
    assert_eq!(place.try_write(entries(1, 1).into_iter()).unwrap().files, 1);
}
