//! Makes folders with two certificates, in which `render` seals.

#![expect(clippy::disallowed_methods, reason = "fixtures are files")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

pub const KEY: (&str, &str) = ("REGCRED_FINGERPRINT_KEY", "0f1e2d3c4b5a69788796a5b4c3d2e1f0");
pub const LOGIN: (&str, &str) = ("DOCKERHUB_AUTH", r#"{"auths":{"ghcr.io":{"username":"u","password":"canary"}}}"#);
/// The fingerprints of the keys of `rsa-2048.pem` and `rsa-4096.pem`.
pub const FIRST: &str = "8ce7b4ca4ca95655a4b76b71ef65176b1a31397600e126196c5383c755bf9816";
pub const OTHER: &str = "21e561266ab65fad89a5f87b49f03af7bb563b658278034d6c93aa9d43e5dec1";

/// A folder with two certificates.
pub struct Place(pub tempfile::TempDir);

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["rsa-2048.pem", "rsa-4096.pem"] {
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates").join(name);
            fs::copy(from, folder.path().join(name)).unwrap();
        }
        Self(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn put(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The bytes of each file below a folder.
    pub fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let (mut left, mut files) = (vec![self.path(folder)], BTreeMap::new());
        while let Some(folder) = left.pop() {
            for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    left.push(path);
                } else {
                    let name = path.strip_prefix(self.0.path()).unwrap().display().to_string();
                    files.insert(name, fs::read(&path).unwrap());
                }
            }
        }
        files
    }
}
