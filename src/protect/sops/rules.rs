//! Finds the `.sops.yaml` that applies to an output. Only sops applies its rules; `regcred` notices that the file changed.

use std::path::{Path, PathBuf};

use crate::environment::{self, Environment};
use regcred_core::diagnostic::{Code, Diagnostic, reason};

/// The file name that sops looks for.
pub const FILE: &str = ".sops.yaml";
/// A file name that people use, but sops does not look for.
const IGNORED: &str = ".sops.yml";

pub struct Rules {
    /// Its path, absolute and without links in its folders, because sops compares paths as text.
    pub file: PathBuf,
    pub bytes: Vec<u8>,
}

impl Rules {
    /// Reads the file that `SOPS_CONFIG` names, or else the nearest `.sops.yaml` at or above the folder, which must be absolute.
    pub fn find(folder: &Path, environment: &Environment) -> Result<Option<Self>, Diagnostic> {
        let named = environment.path("SOPS_CONFIG");
        let above = || folder.ancestors().map(|ancestor| ancestor.join(FILE)).find(|path| path.exists());
        let called = if named.is_some() { "the file of `SOPS_CONFIG`" } else { "`.sops.yaml`" };
        let Some(file) = named.or_else(above) else { return Ok(None) };
        let bytes = environment::read_file(&file).map_err(|error| {
            Diagnostic::error(Code::SopsRules, format!("{called} cannot be read: {}", reason(&error)))
                .hint("it holds the recipients of sops; check its place and mode")
        })?;
        let real = file.parent().and_then(|folder| folder.canonicalize().ok()).zip(file.file_name());
        Ok(Some(Self { file: real.map_or(file.clone(), |(folder, name)| folder.join(name)), bytes }))
    }

    /// Reports a private key in the file, because it opens the files beside it.
    pub fn private_key(&self) -> Option<Diagnostic> {
        const PRIVATE: &[u8] = b"AGE-SECRET-KEY-";
        self.bytes.windows(PRIVATE.len()).any(|part| part.eq_ignore_ascii_case(PRIVATE)).then(|| {
            Diagnostic::error(Code::PrivateKey, format!("`{}` holds a private key of age", self.file.display()))
                .hint("write its public key (`age-keygen -y FILE`) there; if this one was ever committed, make another and rotate the logins")
        })
    }

    /// The path of a file as the rules match it: relative to the folder of the rules.
    pub fn matched<'a>(&self, path: &'a Path) -> &'a Path {
        self.file.parent().and_then(|folder| path.strip_prefix(folder).ok()).unwrap_or(path)
    }
}

/// A `.sops.yml` at or above the folder, which sops ignores, unless a `.sops.yaml` is nearer.
pub fn ignored(folder: &Path) -> Option<Diagnostic> {
    let nearest = folder.ancestors().find(|folder| [FILE, IGNORED].iter().any(|name| folder.join(name).exists()))?;
    nearest.join(IGNORED).exists().then(|| {
        Diagnostic::warning(Code::SopsRules, "sops ignores the file `.sops.yml`").hint("rename it to `.sops.yaml`")
    })
}
