//! Reads the mounted regcred.yaml and the mounted Secrets, and compares them with what they held before.
//!
//! A kubelet swaps the whole content of a mount at once, by a symbolic link; two mounts change one after the other.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use super::config::{Config, Key, Name, Source};
use super::{Origin, stand_in};
use crate::credentials::mounted;
use crate::environment::{Environment, read_file};
use crate::settings::file::{self, File};
use regcred_core::confine::Allowed;
use regcred_core::controller::titansoft::Login;
use regcred_core::credentials::{Credential, text_of};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::docker_config::{DockerConfig, Logins};

/// Where the files are.
pub struct Mounts<'a> {
    pub origin: &'a Origin,
    pub allowed: &'a Allowed,
    pub environment: &'a Environment,
}

/// What helps where a file cannot be read.
const HINT: &str = "mount the Secret, below the folder of `--secrets` where it is the controller's";

/// What they held.
pub struct Texts {
    config: Result<String, ErrorKind>,
    values: BTreeMap<Key, Result<SecretString, ErrorKind>>,
}

/// What they mean: the logins are in the order of the pull secrets.
pub struct Mounted {
    pub config: Config,
    pub logins: Vec<Logins>,
    /// What is odd, but no error.
    pub warnings: Vec<Diagnostic>,
}

impl PartialEq for Texts {
    #[expect(clippy::disallowed_methods, reason = "compares, and lets nothing out")]
    fn eq(&self, other: &Self) -> bool {
        let same = |one: &Result<SecretString, ErrorKind>, other: &Result<SecretString, ErrorKind>| match (one, other) {
            (Ok(one), Ok(other)) => one.expose_secret() == other.expose_secret(),
            (Err(one), Err(other)) => one == other,
            _ => false,
        };
        self.config == other.config
            && self.values.len() == other.values.len()
            && self.values.iter().all(|(key, value)| other.values.get(key).is_some_and(|other| same(value, other)))
    }
}

impl Mounts<'_> {
    /// Reads all files that the regcred.yaml names.
    pub fn read(&self) -> Texts {
        let config = match self.origin {
            Origin::Mounted { config, .. } => {
                bytes(config).and_then(|bytes| String::from_utf8(bytes).map_err(|_| ErrorKind::InvalidData))
            }
            Origin::Patcher(_) => Ok(String::new()),
        };
        let meant = config.as_deref().ok().and_then(|text| self.config(text).ok());
        let values = meant.iter().flat_map(Config::keys).map(|key| (key.clone(), self.value(key))).collect();
        Texts { config, values }
    }

    fn value(&self, key: &Key) -> Result<SecretString, ErrorKind> {
        let path = match self.origin {
            Origin::Mounted { secrets, .. } => secrets.join(key.secret.as_str()).join(key.key.as_str()),
            Origin::Patcher(settings) => match &settings.login {
                Login::Value(_, value) => return Ok(value.clone()),
                Login::File(_, path) => self.environment.directory().join(path),
            },
        };
        text_of(bytes(&path)?).map(SecretString::from).ok_or(ErrorKind::InvalidData)
    }

    /// Where a value is, in the words of a message.
    fn place(&self, key: &Key) -> String {
        match self.origin {
            Origin::Mounted { .. } => format!("`{}` of the mounted Secret {}", key.key, key.secret),
            Origin::Patcher(settings) => stand_in::place(settings),
        }
    }

    fn config(&self, text: &str) -> Result<Config, Vec<Diagnostic>> {
        if let Origin::Patcher(settings) = self.origin {
            return Ok(Config::standing_in(settings));
        }
        let file: File = file::parse(text)?;
        Config::read(&file, self.allowed)
    }

    /// What the files mean.
    ///
    /// # Errors
    /// Everything that is wrong with them; no message has a value.
    pub fn understand(&self, texts: &Texts) -> Result<Mounted, Vec<Diagnostic>> {
        let text = texts.config.as_ref().map_err(|kind| {
            let message = format!("the file of `--config` cannot be read: {kind}");
            vec![Diagnostic::error(Code::UnreadableFile, message).hint("mount the ConfigMap with the key regcred.yaml")]
        })?;
        let config = self.config(text)?;
        let (mut problems, mut logins) = (Vec::new(), Vec::new());
        for wanted in &config.pull_secrets {
            let sources = wanted.sources.iter();
            let read: Vec<_> = sources.flat_map(|source| self.logins(source, texts, &mut problems)).collect();
            for login in &read {
                let place = format!("a login in {}", login.source);
                self.allowed.refuse([&login.registry].into_iter(), &place, &mut problems);
            }
            match DockerConfig::merge(read) {
                Ok(docker_config) => logins.push(Logins::Read(docker_config)),
                Err(wrong) => problems.extend(wrong),
            }
        }
        if problems.iter().any(Diagnostic::is_error) {
            return Err(problems);
        }
        Ok(Mounted { config, logins, warnings: problems })
    }

    fn logins(&self, source: &Source, texts: &Texts, problems: &mut Vec<Diagnostic>) -> Vec<Credential> {
        let place = |key: &Key| self.place(key);
        let value = |key: &Key, texts: &Texts, problems: &mut Vec<Diagnostic>| {
            let kind = match texts.values.get(key) {
                Some(Ok(value)) => return Some(value.clone()),
                Some(Err(kind)) => *kind,
                None => ErrorKind::NotFound,
            };
            let message = format!("{} cannot be read: {kind}", self.place(key));
            problems.push(Diagnostic::error(Code::UnreadableFile, message).hint(HINT));
            None
        };
        match source {
            Source::Whole(key) => match value(key, texts, problems) {
                Some(text) => mounted::docker_config(&text, &place(key), self.environment, problems),
                None => Vec::new(),
            },
            Source::Login { registry, username, password } => {
                let (username, username_source) = match username {
                    Name::Literal(name) => (Some(SecretString::from(name.as_str())), None),
                    Name::Mounted(key) => (value(key, texts, problems), Some(place(key))),
                };
                let secret = value(password, texts, problems);
                let (Some(username), Some(secret)) = (username, secret) else { return Vec::new() };
                let login = mounted::Login { registry, username, username_source, password: secret };
                vec![login.checked(&place(password), self.environment, problems)]
            }
        }
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, ErrorKind> {
    read_file(path).map_err(|error| error.kind())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_swapped_mount_is_another_text_and_a_broken_login_says_so_without_its_value() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            #[expect(clippy::disallowed_methods, reason = "a fixture")]
            fs::write(path, text).unwrap();
        };
        let head = "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\n";
        write("regcred.yaml", &format!("{head}spec: {{pullSecrets: [{{name: p}}]}}\n"));
        write("..1/.dockerconfigjson", r#"{"auths":{"ghcr.io":{"auth":"dTpw"}}}"#);
        write("..2/.dockerconfigjson", r#"{"auths":{"ghcr.io":{"auth":"hunter2"}}}"#);
        let (allowed, environment) = (Allowed::default(), Environment::new([("A", "b")], PathBuf::from("/")));
        let (config, secrets) = (folder.path().join("regcred.yaml"), folder.path().join("secrets"));
        let mounts =
            Mounts { origin: &Origin::Mounted { config, secrets }, allowed: &allowed, environment: &environment };
        let Err(problems) = mounts.understand(&mounts.read()) else { panic!("nothing is mounted") };
        assert!(
            problems[0].message.contains("`.dockerconfigjson` of the mounted Secret p cannot be read"),
            "{problems:?}"
        );
        #[cfg(unix)]
        {
            let mount = |of: &str| {
                fs::create_dir_all(folder.path().join("secrets")).unwrap();
                let _ = fs::remove_file(folder.path().join("secrets/p"));
                std::os::unix::fs::symlink(folder.path().join(of), folder.path().join("secrets/p")).unwrap();
                mounts.read()
            };
            let first = mount("..1");
            assert!(first == mounts.read());
            assert_eq!(mounts.understand(&first).unwrap_or_else(|_| panic!("good")).logins.len(), 1);
            let second = mount("..2");
            assert!(first != second);
            let Err(problems) = mounts.understand(&second) else { panic!("it is broken") };
            assert!(!format!("{problems:?}").contains("hunter2"));
        }
    }
}
