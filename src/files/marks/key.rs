//! Reads the fingerprint keys, signs with them, and hashes the bytes of files.

use aws_lc_rs::{digest, hmac};
use secrecy::{ExposeSecret, SecretString};

use super::digest::Digest;
use super::weak;
use crate::environment::{Environment, Reading};
use regcred_core::diagnostic::{Diagnostic, Failure};
use regcred_core::names::{ResourceName, VariableName};

pub use crate::settings::secret_variables::{KEY_VARIABLE, PREVIOUS_VARIABLE};

/// The fingerprint keys: the current one, which signs, and the previous one.
#[derive(Clone)]
pub struct Key {
    current: Option<hmac::Key>,
    previous: Option<hmac::Key>,
}

/// The purpose of an HMAC: an HMAC for one purpose is never valid for another.
#[derive(Clone, Copy)]
pub enum Purpose {
    /// The content of an encrypted document.
    Content,
    Mark,
    Line,
    Recipients,
    /// The bytes of a file with a secret in clear.
    File,
}

impl Key {
    /// Reads the keys. Their signatures are bound to the cluster and to the place of the output, so a signature for one place is not valid
    /// in another.
    /// Errors: a key is easy to guess.
    pub fn read(environment: &Environment, cluster: Option<&ResourceName>, place: &str) -> Result<Self, Failure> {
        let read = |name| read(name, environment).map(|key| key.map(|key| bound(&key, cluster, place)));
        Ok(Self { current: read(KEY_VARIABLE)?, previous: read(PREVIOUS_VARIABLE)? })
    }

    /// The problems of the keys: a key is easy to guess, or a login holds a part of it.
    pub fn problems(logins: &[VariableName], environment: &Environment) -> Vec<Diagnostic> {
        match (weak::refuse_a_login(logins, environment), Self::read(environment, None, "")) {
            (Err(problem), _) => vec![problem],
            (Ok(()), Err(Failure::Input { problems, .. })) => problems,
            (Ok(()), _) => Vec::new(),
        }
    }

    /// Whether there is a key that signs.
    pub fn is_there(&self) -> bool {
        self.current.is_some()
    }

    /// The HMAC of these parts, each with its length before it, so that no byte can move from one part to the next.
    pub fn sign(&self, purpose: Purpose, parts: &[&[u8]]) -> Option<Digest> {
        self.current.as_ref().map(|key| sign(key, purpose, parts))
    }

    /// The first digits of the HMAC of a Docker config in a cluster, which show whether it changed.
    pub fn short(&self, docker_config: &SecretString) -> Option<String> {
        #[expect(clippy::disallowed_methods, reason = "only its HMAC leaves")]
        let parts: [&[u8]; 2] = [b"a Secret in a cluster", docker_config.expose_secret().as_bytes()];
        Some(self.sign(Purpose::Content, &parts)?.to_string()[..12].to_owned())
    }

    /// Whether one of the keys has signed these parts for this purpose.
    pub fn has_signed(&self, signature: Option<&Digest>, purpose: Purpose, parts: &[&[u8]]) -> bool {
        let Some(signature) = signature else { return false };
        let keys = [&self.current, &self.previous].into_iter().flatten();
        keys.map(|key| sign(key, purpose, parts)).any(|ours| ours.is(signature))
    }
}

fn read(name: &'static str, environment: &Environment) -> Result<Option<hmac::Key>, Failure> {
    let refused = |what: &str| Err(Failure::of("the environment", weak::unusable(name, what)));
    let key = match environment.read(&VariableName::known(name)) {
        Reading::Value(key) => key,
        Reading::Unset | Reading::Empty => return Ok(None),
        Reading::NotUnicode => return refused("is not UTF-8 text"),
    };
    #[expect(clippy::disallowed_methods, reason = "the key of an HMAC")]
    // A pasted file may end with a line end.
    let key = key.expose_secret().trim_end_matches(['\r', '\n']);
    match (key, weak::fault(key)) {
        ("", _) => Ok(None),
        (_, Some(fault)) => refused(fault),
        (_, None) => Ok(Some(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()))),
    }
}

/// The key for one output of one cluster.
fn bound(key: &hmac::Key, cluster: Option<&ResourceName>, place: &str) -> hmac::Key {
    let name = cluster.map_or("", ResourceName::as_str);
    let bound = hmac::sign(key, format!("regcred cluster\0{name}\0{place}").as_bytes());
    hmac::Key::new(hmac::HMAC_SHA256, bound.as_ref())
}

fn sign(key: &hmac::Key, purpose: Purpose, parts: &[&[u8]]) -> Digest {
    let mut context = hmac::Context::with_key(key);
    context.update(purpose.prefix());
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    Digest::new(context.sign().as_ref())
}

impl Purpose {
    fn prefix(self) -> &'static [u8] {
        match self {
            Self::Content => b"regcred content\0",
            Self::Mark => b"regcred mark\0",
            Self::Line => b"regcred line\0",
            Self::Recipients => b"regcred recipients\0",
            Self::File => b"regcred file\0",
        }
    }
}

/// Hashes the bytes of a file: bytes with a secret only with a key, or not at all.
pub enum Hasher {
    Public(digest::Context),
    /// The bytes hold a secret in clear.
    Secret(Box<hmac::Context>),
    /// The bytes hold a secret in clear, and there is no key.
    Unknown,
}

impl Hasher {
    /// The SHA-256 of public bytes.
    pub fn public() -> Self {
        Self::Public(digest::Context::new(&digest::SHA256))
    }

    /// The HMAC of bytes with a secret, with the current key.
    pub fn secret(key: &Key) -> Self {
        key.current.as_ref().map_or(Self::Unknown, Self::with)
    }

    /// The same with the previous key.
    pub fn secret_before(key: &Key) -> Self {
        key.previous.as_ref().map_or(Self::Unknown, Self::with)
    }

    fn with(key: &hmac::Key) -> Self {
        let mut context = hmac::Context::with_key(key);
        context.update(Purpose::File.prefix());
        Self::Secret(Box::new(context))
    }

    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Public(context) => context.update(bytes),
            Self::Secret(context) => context.update(bytes),
            Self::Unknown => {}
        }
    }

    /// The hash or the HMAC of all bytes.
    pub fn finish(self) -> Option<Digest> {
        match self {
            Self::Public(context) => Some(Digest::new(context.finish().as_ref())),
            Self::Secret(context) => Some(Digest::new(context.sign().as_ref())),
            Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn read(value: &str) -> Result<Key, Failure> {
        Key::read(&Environment::new([(KEY_VARIABLE, value)], PathBuf::new()), None, "")
    }

    const GOOD: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

    #[test]
    fn a_key_that_could_be_guessed_is_refused() {
        let blanks = " ".repeat(40);
        for bad in [
            "k",
            &GOOD[1..],
            &format!("{}\n", &GOOD[1..]),
            &blanks,
            &"k".repeat(64),
            &"0".repeat(64),
            &"abab".repeat(16),
            &"0123456789".repeat(4),
            &"changeme".repeat(4),
            &format!("{}bcdefg", "a".repeat(28)),
            "correct horse battery staple correct",
            env!("CARGO_MANIFEST_DIR"),
            "${{ secrets.REGCRED_FINGERPRINT_KEY }}",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        let (plain, pasted) = (read(GOOD).unwrap(), read(&format!("{GOOD}\r\n")).unwrap());
        assert_eq!(plain.sign(Purpose::Line, &[b"a"]), pasted.sign(Purpose::Line, &[b"a"]));
        assert!(!read("").unwrap().is_there() && !read("\n").unwrap().is_there());
    }

    #[test]
    fn a_signature_is_bound_to_its_parts_purpose_cluster_and_place() {
        let key = read(GOOD).unwrap();
        let signed = key.sign(Purpose::Mark, &[b"ab", b"c"]);
        assert!(signed.is_some() && signed == key.sign(Purpose::Mark, &[b"ab", b"c"]));
        assert_ne!(signed, key.sign(Purpose::Mark, &[b"a", b"bc"]));
        assert_ne!(signed, key.sign(Purpose::Line, &[b"ab", b"c"]));
        let environment = Environment::new([(KEY_VARIABLE, GOOD)], PathBuf::new());
        let eu = "eu".parse().unwrap();
        for (cluster, place) in [(Some(&eu), ""), (None, "eu")] {
            let other = Key::read(&environment, cluster, place).unwrap();
            assert_ne!(signed, other.sign(Purpose::Mark, &[b"ab", b"c"]), "{place}");
        }
    }

    #[test]
    fn a_signature_of_the_previous_key_is_valid() {
        let (new, other) = ("f1e0d3c2b5a497867968a5b4c3d2e1f0", "f0e1d2c3b4a5968778695a4b3c2d1e0f");
        let signed = read(GOOD).unwrap().sign(Purpose::Mark, &[b"x"]);
        let changed = [(KEY_VARIABLE, new), (PREVIOUS_VARIABLE, GOOD)];
        let key = Key::read(&Environment::new(changed, PathBuf::new()), None, "").unwrap();
        assert!(key.has_signed(signed.as_ref(), Purpose::Mark, &[b"x"]) && key.sign(Purpose::Mark, &[b"x"]) != signed);
        assert!(!read(other).unwrap().has_signed(signed.as_ref(), Purpose::Mark, &[b"x"]));
    }
}
