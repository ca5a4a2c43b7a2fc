//! What can be compared without logins: bytes in, whether they are the same but for what depends on the logins out.
//!
//! Masked are Docker configs, in base64 or as JSON, and in a policy the condition on the registries of the logins.

use std::fs::File;
use std::io::{self, Write};

use aws_lc_rs::digest::{Context, Digest, SHA256};
use zeroize::Zeroizing;

use super::single::Content;
use regcred_core::objects::pod_policy;

/// What begins a Docker config of ours: JSON without white space, and base64 of it.
pub(super) const DOCKER_CONFIG: &[u8] = br#"{"auths":{"#;
pub(super) const DOCKER_CONFIG_BASE64: &[u8] = b"eyJhdXRocyI6e";
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
    let before_the_registries = pod_policy::before_the_registries().into_bytes();
    let mut masked = Masked { into: Context::new(&SHA256), line: Zeroizing::default(), before_the_registries };
    content(&mut masked)?;
    masked.end_line();
    Ok(masked.into.finish())
}

/// Takes bytes, and lets through one line after the other, masked.
struct Masked {
    into: Context,
    line: Zeroizing<Vec<u8>>,
    before_the_registries: Vec<u8>,
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
    fn end_line(&mut self) {
        let mut rest = self.line.as_slice();
        while let Some((before, masked)) = self.next_mask(rest) {
            self.into.update(&rest[..before]);
            self.into.update(MASK);
            rest = &rest[before + masked..];
        }
        self.into.update(rest);
        self.line.clear();
    }

    /// How much of a text comes before what is to be masked, and how much that is.
    fn next_mask(&self, text: &[u8]) -> Option<(usize, usize)> {
        if text.starts_with(DOCKER_CONFIG) {
            return Some((0, text.len()));
        }
        let config = find(text, DOCKER_CONFIG_BASE64).map(|at| {
            let is_base64 = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
            (at, text[at..].iter().take_while(is_base64).count())
        });
        let condition = find(text, &self.before_the_registries).map(|at| {
            let at = at + self.before_the_registries.len();
            (at, rest_of_a_string(&text[at..]))
        });
        config.into_iter().chain(condition).min()
    }
}

/// How much comes before the quotation mark that ends a string, in YAML as in JSON: nothing can hide behind it.
fn rest_of_a_string(text: &[u8]) -> usize {
    let mut escaped = false;
    let ends = |byte: &u8| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends || *byte == b'\n'
    };
    text.iter().position(ends).unwrap_or(text.len())
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
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
    fn of_a_policy_the_condition_on_the_registries_is_masked_and_nothing_else() {
        let before = pod_policy::before_the_registries();
        let of = |registry: &str, rest: &str| {
            format!(
                "kind: MutatingAdmissionPolicy\nspec:\n  expression: \"{before}i.startsWith('{registry}') || i == '\\\"')\"\n{rest}---\n{SECRET}"
            )
        };
        let same = |one: &str, other: &str| are_same(one.as_bytes(), other.as_bytes());
        assert!(same(&of("ghcr.io", ""), &of("quay.io", "")));
        // What a reader would apply besides: another field, another document, whatever stands behind its separator.
        for more in
            ["  failurePolicy: Ignore\n", "---\nkind: ClusterRoleBinding\n", "--- \nkind: ClusterRoleBinding\n", "#\n"]
        {
            assert!(!same(&of("ghcr.io", ""), &of("ghcr.io", more)), "{more}");
        }
        let json = |registry: &str, more: &str| {
            format!(
                "{{\"kind\":\"MutatingAdmissionPolicy\",\"expression\":\"{before}i == '{registry}')\"{more}}},\n{{\"a\":1}}\n"
            )
        };
        assert!(same(&json("ghcr.io", ""), &json("quay.io", "")));
        assert!(!same(&json("ghcr.io", ""), &json("ghcr.io", ",\"x\":1")));
    }
}
