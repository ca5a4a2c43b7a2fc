//! What can be compared without logins: bytes in, whether they are the same but for what depends on the logins out.
//!
//! Masked are Docker configs, in base64 or as JSON, and whole policies that choose images by the registries of the logins.

use std::fs::File;
use std::io::{self, Write};

use aws_lc_rs::digest::{Context, Digest, SHA256};
use zeroize::Zeroizing;

use super::single::Content;

/// What begins a Docker config of ours: JSON without white space, and base64 of it.
pub(super) const DOCKER_CONFIG: &[u8] = br#"{"auths":{"#;
pub(super) const DOCKER_CONFIG_BASE64: &[u8] = b"eyJhdXRocyI6e";
/// What has the registries of the logins in it, in YAML and in JSON.
const POLICY: &[u8] = b"kind: MutatingAdmissionPolicy\n";
const POLICY_JSON: &[u8] = br#""kind":"MutatingAdmissionPolicy""#;
const MASK: &[u8] = b"(not compared)";

/// Whether the file is the content but for what depends on the logins.
///
/// # Errors
/// It cannot be read.
pub fn is_same_as_file(content: Content<'_>, file: &mut File) -> io::Result<bool> {
    let there = digest(|into| io::copy(file, into).map(drop))?;
    Ok(digest(content)?.as_ref() == there.as_ref())
}

/// Whether two texts are the same but for what depends on the logins.
#[must_use]
pub fn are_same(one: &[u8], other: &[u8]) -> bool {
    let of = |bytes: &[u8]| digest(|into| into.write_all(bytes));
    matches!((of(one), of(other)), (Ok(one), Ok(other)) if one.as_ref() == other.as_ref())
}

fn digest(content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<Digest> {
    let mut masked = Masked { into: Context::new(&SHA256), document: Zeroizing::default(), line: Zeroizing::default() };
    content(&mut masked)?;
    masked.end_line();
    masked.end_document();
    Ok(masked.into.finish())
}

/// Takes bytes, and lets through one document after the other, masked.
struct Masked {
    into: Context,
    document: Zeroizing<Vec<u8>>,
    line: Zeroizing<Vec<u8>>,
}

impl Write for Masked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                self.end_line();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Masked {
    /// A document ends with its separator; a line of JSON is one by itself.
    fn end_line(&mut self) {
        let ends = self.line.starts_with(b"{") || *self.line == *b"---\n";
        if ends {
            self.end_document();
        }
        self.document.extend_from_slice(&self.line);
        self.line.clear();
        if ends {
            self.end_document();
        }
    }

    fn end_document(&mut self) {
        let is_policy = self.document.split_inclusive(|byte| *byte == b'\n').any(|line| line == POLICY)
            || contains(&self.document, POLICY_JSON);
        if is_policy {
            self.into.update(MASK);
        } else {
            mask(&self.document, &mut self.into);
        }
        self.document.clear();
    }
}

/// Everything but the Docker configs.
fn mask(document: &[u8], into: &mut Context) {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    for line in document.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(DOCKER_CONFIG) {
            into.update(MASK);
            continue;
        }
        let mut rest = line;
        while let Some(at) = find(rest, DOCKER_CONFIG_BASE64) {
            let length = rest[at..].iter().take_while(|byte| is_base64(byte)).count();
            into.update(&rest[..at]);
            into.update(MASK);
            rest = &rest[at + length..];
        }
        into.update(rest);
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    find(bytes, wanted).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str =
        "kind: Secret\ndata:\n  .dockerconfigjson: eyJhdXRocyI6eyJnaGNyLmlvIjp7fX19\nmetadata: {namespace: a}\n";

    #[test]
    fn a_docker_config_is_masked_and_nothing_else() {
        let same = |one: &str, other: &str| are_same(one.as_bytes(), other.as_bytes());
        assert!(same(SECRET, &SECRET.replace("eyJhdXRocyI6eyJnaGNyLmlvIjp7fX19", "eyJhdXRocyI6e30=")));
        assert!(!same(SECRET, &SECRET.replace("namespace: a", "namespace: b")));
        assert!(!same(SECRET, &format!("{SECRET}---\n{SECRET}")));
        assert!(same("{\"auths\":{\"a\":{}}}\n", "{\"auths\":{}}\n"));
        assert!(!same("", "a"));
    }

    #[test]
    fn a_policy_that_chooses_by_registries_is_masked_as_a_whole_and_its_binding_is_not() {
        let of = |registry: &str, namespace: &str| {
            format!(
                "kind: MutatingAdmissionPolicy\nspec: {registry}\n---\nkind: MutatingAdmissionPolicyBinding\nspec: {namespace}\n---\n{SECRET}"
            )
        };
        let same = |one: String, other: String| are_same(one.as_bytes(), other.as_bytes());
        assert!(same(of("ghcr.io", "a"), of("quay.io", "a")));
        assert!(!same(of("ghcr.io", "a"), of("ghcr.io", "b")));
        let json = |registry: &str| {
            format!("{{\"kind\":\"MutatingAdmissionPolicy\",\"spec\":\"{registry}\"}},\n{{\"a\":1}}\n")
        };
        assert!(same(json("ghcr.io"), json("quay.io")));
    }
}
