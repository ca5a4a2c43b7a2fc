//! Checks the comparison of a file with a line of the lock.

use std::path::PathBuf;

use super::*;
use crate::environment::Environment;
use crate::files::marks::key::KEY_VARIABLE;

pub fn key(key: &str) -> Key {
    Key::read(&Environment::new([(KEY_VARIABLE, key)], PathBuf::new()), None, "").unwrap()
}

pub const KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

pub fn line(path: &str, bytes: &[u8], protection: Protection, key: &Key) -> (TreePath, Line) {
    let path = path.parse().unwrap();
    let mut hasher = if protection == Protection::Plaintext { Hasher::secret(key) } else { Hasher::public() };
    hasher.update(bytes);
    let line = Line::new(&path, hasher, protection, key);
    (path, line)
}

fn verify(line: &Line, bytes: &[u8], key: &Key) -> Verdict {
    line.verify(&Hashes::of(std::slice::from_ref(line), bytes, key).unwrap())
}

#[test]
fn a_file_is_read_once_for_all_lines_of_its_path() {
    struct Once<'a>(&'a [u8], usize);
    impl Read for Once<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.1 += 1;
            self.0.read(into)
        }
    }
    let key = key(KEY);
    let (_, ours) = line("a", b"x", Protection::Public, &key);
    let (_, secret) = line("a", b"x", Protection::Plaintext, &key);
    let other = |number: usize| line("a", &number.to_be_bytes(), Protection::Public, &key).1;
    let lines: Vec<_> = (3_usize..64).map(other).chain([Line::default(), ours.clone(), secret.clone()]).collect();
    let mut file = Once(b"x", 0);
    let hashes = Hashes::of(&lines, &mut file, &key).unwrap();
    assert_eq!(file.1, 2, "one part, and the end");
    let same: Vec<_> = lines.iter().filter(|line| line.verify(&hashes) == Verdict::Same).collect();
    assert_eq!(same, [&ours, &secret]);
    let mut file = Once(b"x", 0);
    Hashes::of(&[Line::default()], &mut file, &key).unwrap();
    assert_eq!(file.1, 0, "nothing to compare");
}

#[test]
fn a_line_is_signed_for_its_path_and_its_content() {
    let ours = key(KEY);
    let (path, signed) = line("a", b"x", Protection::Public, &ours);
    assert!(signed.is_signed(&path, &ours) && !signed.is_signed(&"b".parse().unwrap(), &ours));
    assert!(!signed.is_signed(&path, &key("f1e0d3c2b5a497867968a5b4c3d2e1f0")));
    let forged = Line { hash: Some(Digest::of(b"y")), ..signed.clone() };
    assert!(!forged.is_signed(&path, &ours));
    assert_eq!(verify(&signed, b"x", &ours), Verdict::Same);
    assert_eq!(verify(&signed, b"y", &ours), Verdict::Different);
}

#[test]
fn a_secret_has_an_hmac_under_the_key_or_nothing() {
    let (_, unknown) = line("a", b"secret", Protection::Plaintext, &key(""));
    assert_eq!(unknown, Line::default());
    let (_, known) = line("a", b"secret", Protection::Plaintext, &key(KEY));
    assert!(known.hash.is_none() && known.hmac.is_some());
    assert_eq!(verify(&known, b"secret", &key(KEY)), Verdict::Same);
    assert_eq!(verify(&known, b"secret", &key("f1e0d3c2b5a497867968a5b4c3d2e1f0")), Verdict::Different);
    assert_eq!(verify(&known, b"secret", &key("")), Verdict::Unknown);
}
