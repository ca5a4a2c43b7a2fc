//! Reads the mounted regcred.yaml and the mounted Secrets, and compares them with their earlier content.
//!
//! A kubelet replaces the whole content of a mount at once, by a symbolic link. Two mounts change one after the other.

use std::io::ErrorKind;
use std::path::Path;
use std::rc::Rc;

use secrecy::{ExposeSecret, SecretString};

use super::config::{self, Permission};
use super::observed::{Asked, Observed, Values};
use super::{MOUNT, Origin, stand_in};
use crate::credentials::mounted;
use crate::environment::{Environment, read_file};
use crate::settings::file;
use regcred_core::confine::Allowed;
use regcred_core::controller::conditions::Verdict;
use regcred_core::controller::titansoft::Login;
use regcred_core::controller::wanted::{Config, Key, Name, Source, Wanted};
use regcred_core::credentials::{Credential, text_of};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::docker_config::{DockerConfig, Logins};

/// Where the files are.
pub struct Mounts<'a> {
    pub origin: &'a Origin,
    pub allowed: &'a Allowed,
    pub environment: &'a Environment,
    /// The custom resources and the Secrets that they name, if custom resources decide what the controller does.
    pub observed: Option<Rc<Observed>>,
}

/// The content of the files.
pub struct Texts {
    pub(super) config: Result<String, ErrorKind>,
    values: Values,
    asked: Option<Vec<Asked>>,
}

/// The meaning of the files: the logins are in the order of the pull secrets.
pub struct Mounted {
    pub config: Config,
    /// The limits for custom resources, if custom resources decide what the controller does.
    pub permitted: Option<Config>,
    pub logins: Vec<Rc<Logins>>,
    /// The registries that may be asked about the logins.
    pub may_ask: Allowed,
    /// The problems of logins in regcred.yaml that are left out, or stay as they were before.
    pub broken: Vec<Diagnostic>,
    /// The result for each custom resource.
    pub verdicts: Vec<Verdict>,
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
            && self.asked == other.asked
            && self.values.len() == other.values.len()
            && self.values.iter().all(|(key, value)| other.values.get(key).is_some_and(|other| same(value, other)))
    }
}

impl Mounts<'_> {
    /// Reads all files that the regcred.yaml names, and with custom resources the state that was seen of them.
    pub fn read(&self) -> Texts {
        let config = match self.origin {
            Origin::Mounted { config, .. } => {
                bytes(config).and_then(|bytes| String::from_utf8(bytes).map_err(|_| ErrorKind::InvalidData))
            }
            Origin::Patcher(_) => Ok(String::new()),
        };
        let text = config.as_deref().ok();
        if let Some(observed) = &self.observed {
            let mut asked = observed.asked();
            if let Some(permission) = text.and_then(|text| self.permission(text).ok()) {
                observed.watch_sources(&permission.sources());
                let owner = permission.config.owner.as_str();
                asked.retain(|one| one.owner.as_ref().is_none_or(|named| named == owner));
            }
            return Texts { config, values: observed.values(), asked: Some(asked) };
        }
        let meant = text.and_then(|text| self.config(text).ok());
        let values =
            meant.iter().flat_map(|(config, _)| config.keys()).map(|key| (key.clone(), self.content(key))).collect();
        Texts { config, values, asked: None }
    }

    /// What is not yet known about custom resources and their Secrets; `None` if everything is known.
    pub fn waits_for(&self) -> Option<String> {
        self.observed.as_ref()?.waits_for()
    }

    /// Whether watches have shown something since the last call.
    pub fn take_change(&self) -> bool {
        self.observed.as_ref().is_some_and(|observed| observed.take_change())
    }

    fn content(&self, key: &Key) -> Result<SecretString, ErrorKind> {
        let path = match self.origin {
            Origin::Mounted { secrets, .. } => secrets.join(key.secret.as_str()).join(key.key.as_str()),
            Origin::Patcher(settings) => match &settings.login {
                Login::Value(_, value) => return Ok(value.clone()),
                Login::File(_, path) => self.environment.directory().join(path),
            },
        };
        text_of(bytes(&path)?).map(SecretString::from).ok_or(ErrorKind::InvalidData)
    }

    /// The place of a value, as text for a message.
    fn place(&self, key: &Key) -> String {
        match self.origin {
            Origin::Mounted { .. } => {
                let mounted = if self.observed.is_some() { "" } else { "mounted " };
                format!("`{}` of the {mounted}Secret {}", key.key, key.secret)
            }
            Origin::Patcher(settings) => stand_in::place(settings),
        }
    }

    fn config(&self, text: &str) -> Result<(Config, Allowed), Vec<Diagnostic>> {
        if let Origin::Patcher(settings) = self.origin {
            return Ok((settings.config(), Allowed::default()));
        }
        config::settings(file::parse(text)?, self.allowed)
    }

    fn permission(&self, text: &str) -> Result<Permission, Vec<Diagnostic>> {
        Permission::read(file::parse(text)?, self.allowed)
    }

    /// The meaning of the files. A pull secret with a broken login keeps the logins from `earlier`, or is left out.
    /// Errors: all problems of the files, if no pull secret has logins; no message has a value.
    pub fn understand(&self, texts: &Texts, earlier: Option<&Mounted>) -> Result<Mounted, Vec<Diagnostic>> {
        let text = texts.config.as_ref().map_err(|kind| {
            let message = format!("{} cannot be read: {kind}", self.origin.file());
            vec![Diagnostic::error(Code::UnreadableFile, message).hint(MOUNT)]
        })?;
        if let Some(asked) = &texts.asked {
            return Ok(self.decide(self.permission(text)?, asked, texts, earlier));
        }
        let (mut config, may_ask) = self.config(text)?;
        let (mut problems, mut logins) = (Vec::new(), Vec::new());
        config.pull_secrets.retain(|wanted| {
            let read = self.read_logins(wanted, texts, None, &mut problems).map(Rc::new);
            let of_it = read.or_else(|| earlier.and_then(|earlier| earlier.logins_of(wanted)));
            let has_logins = of_it.is_some();
            logins.extend(of_it);
            has_logins
        });
        if logins.is_empty() && problems.iter().any(Diagnostic::is_error) {
            return Err(problems);
        }
        let (broken, warnings) = problems.into_iter().partition(Diagnostic::is_error);
        Ok(Mounted { config, permitted: None, logins, may_ask, broken, verdicts: Vec::new(), warnings })
    }

    /// The logins of a pull secret, if they have no problem. Only these registries are permitted.
    pub(super) fn read_logins(
        &self,
        wanted: &Wanted,
        texts: &Texts,
        registries: Option<&Allowed>,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Logins> {
        let mut found = Vec::new();
        let sources = wanted.sources.iter();
        let read: Vec<_> = sources.flat_map(|source| self.logins(source, texts, &mut found)).collect();
        for login in &read {
            let place = format!("a login in {}", login.source);
            self.allowed.refuse([&login.registry].into_iter(), &place, &mut found);
            if registries.is_some_and(|registries| !registries.allows(&login.registry)) {
                let message = format!("{place} is for `{}`, which the installation does not permit", login.registry);
                found.push(
                    Diagnostic::error(Code::NotAllowed, message)
                        .hint("add it to `controller.registries` of regcred.yaml, and render the controller again"),
                );
            }
        }
        let logins = DockerConfig::merge(read).map_err(|wrong| found.extend(wrong)).ok();
        let is_good = !found.iter().any(Diagnostic::is_error);
        problems.extend(found);
        logins.filter(|_| is_good).map(Logins::Read)
    }

    fn logins(&self, source: &Source, texts: &Texts, problems: &mut Vec<Diagnostic>) -> Vec<Credential> {
        match source {
            Source::Whole(key) => match self.value(key, texts, problems) {
                Some(text) => mounted::docker_config(&text, &self.place(key), self.environment, problems),
                None => Vec::new(),
            },
            Source::Login { registry, username, password } => {
                let (username, username_source) = match username {
                    Name::Literal(name) => (Some(SecretString::from(name.as_str())), None),
                    Name::Kept(key) => (self.value(key, texts, problems), Some(self.place(key))),
                };
                let secret = self.value(password, texts, problems);
                let (Some(username), Some(secret)) = (username, secret) else { return Vec::new() };
                let login = mounted::Login { registry, username, username_source, password: secret };
                vec![login.checked(&self.place(password), self.environment, problems)]
            }
        }
    }

    fn value(&self, key: &Key, texts: &Texts, problems: &mut Vec<Diagnostic>) -> Option<SecretString> {
        let kind = match texts.values.get(key) {
            Some(Ok(value)) => return Some(value.clone()),
            Some(Err(kind)) => *kind,
            None => ErrorKind::NotFound,
        };
        let message = format!("{} cannot be read: {kind}", self.place(key));
        let hint = match (self.origin, &self.observed) {
            (Origin::Patcher(_), _) => "mount the Secret",
            (_, Some(_)) => "make the Secret in the controller's namespace",
            (_, None) => "mount the Secret below the folder of `--secrets`: a folder per Secret",
        };
        problems.push(Diagnostic::error(Code::UnreadableFile, message).hint(hint));
        None
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
        let origin = Origin::Mounted { config, secrets };
        let mounts = Mounts { origin: &origin, allowed: &allowed, environment: &environment, observed: None };
        let Err(problems) = mounts.understand(&mounts.read(), None) else { panic!("nothing is mounted") };
        assert!(
            problems[0].message.contains("`.dockerconfigjson` of the mounted Secret p cannot be read"),
            "{problems:?}"
        );
        {
            let mount = |of: &str| {
                fs::create_dir_all(folder.path().join("secrets")).unwrap();
                let _ = fs::remove_file(folder.path().join("secrets/p"));
                std::os::unix::fs::symlink(folder.path().join(of), folder.path().join("secrets/p")).unwrap();
                mounts.read()
            };
            let first = mount("..1");
            assert!(first == mounts.read());
            assert_eq!(mounts.understand(&first, None).unwrap_or_else(|_| panic!("good")).logins.len(), 1);
            let second = mount("..2");
            assert!(first != second);
            let Err(problems) = mounts.understand(&second, None) else { panic!("it is broken") };
            assert!(!format!("{problems:?}").contains("hunter2"));
            // The other pull secret is served; the broken one keeps its earlier logins, if it has any.
            fs::create_dir_all(folder.path().join("secrets/q")).unwrap();
            write("secrets/q/.dockerconfigjson", r#"{"auths":{"quay.io":{"auth":"dTpw"}}}"#);
            write("regcred.yaml", &format!("{head}spec: {{pullSecrets: [{{name: p}}, {{name: q}}]}}\n"));
            let good = mount("..1");
            let earlier = mounts.understand(&good, None).unwrap_or_else(|_| panic!("good"));
            let broken = mount("..2");
            for (earlier, served) in [(Some(&earlier), &["p", "q"][..]), (None, &["q"])] {
                let meant = mounts.understand(&broken, earlier).unwrap_or_else(|_| panic!("q is good"));
                let names: Vec<_> = meant.config.pull_secrets.iter().map(|one| one.name.as_str()).collect();
                assert_eq!(names, served);
                assert_eq!((meant.logins.len(), meant.broken.len()), (served.len(), 1));
            }
        }
    }
}
