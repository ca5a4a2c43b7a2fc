//! Decides what a mounted regcred.yaml or a custom resource means, and refuses what only other commands can do.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;

use serde_json::Value;

use crate::settings::file::{
    ApiVersion, ControllerSpec, File, Kind, Login, Metadata, Place, PullSecret, Spec, UserName,
};
use crate::settings::namespaces::too_many_globs;
use regcred_core::confine::Allowed;
use regcred_core::controller::Selection;
use regcred_core::controller::permitted::Permitted;
use regcred_core::controller::wanted::{Config, Key, Name, Source, Wanted};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::names::{AccountName, NameGlob, ResourceName, SecretKey};
use regcred_core::spec::SECRET_NAME;
use regcred_core::spec::choice::{Link, Strategy};
use regcred_core::spec::logins::registry;

/// The limits of a mounted regcred.yaml for custom resources.
pub struct Permission {
    /// For each pull secret the maximum that a resource may ask for.
    pub config: Config,
    /// More Secrets that their logins may name.
    pub secrets: Vec<ResourceName>,
    /// The permitted registries.
    pub registries: Allowed,
    /// The registries that may be asked.
    pub may_ask: Allowed,
}

impl Permission {
    /// Reads the limits from the file.
    /// Errors: everything in the file that the controller cannot do.
    pub fn read(mut file: File, allowed: &Allowed) -> Result<Self, Vec<Diagnostic>> {
        file.spec.controller.crd = false;
        let secrets = take(&mut file.spec.controller.secrets);
        let written = take(&mut file.spec.controller.registries);
        let registries = Allowed::of_registries(&written, REGISTRIES).map_err(|problem| vec![problem])?;
        Ok(Self { config: read(&file, allowed)?, secrets, registries, may_ask: exactly(&written)? })
    }

    /// The limits in the form that is compared with a resource.
    pub fn permitted(&self) -> Permitted<'_> {
        Permitted { config: &self.config, secrets: &self.secrets, registries: &self.registries }
    }

    /// Every Secret that logins may name.
    pub fn sources(&self) -> BTreeSet<ResourceName> {
        self.config.keys().map(|key| &key.secret).chain(&self.secrets).cloned().collect()
    }
}

/// The field of the registries that were given at installation.
const REGISTRIES: &str = "controller.registries";

/// Exactly these registries: an empty list permits none.
fn exactly(globs: &[String]) -> Result<Allowed, Vec<Diagnostic>> {
    Allowed::read(None, Some(&globs.join(","))).map_err(|problem| vec![problem])
}

/// The settings of a mounted file, and the registries that may be asked.
/// Errors: everything in the file that the controller cannot do.
pub fn settings(mut file: File, allowed: &Allowed) -> Result<(Config, Allowed), Vec<Diagnostic>> {
    if file.spec.controller.crd {
        let message =
            "this regcred.yaml holds limits for custom resources, not the pull secrets that the controller writes";
        return Err(vec![Diagnostic::error(Code::InvalidConfig, message).hint("start the controller with `--crd`")]);
    }
    let registries = take(&mut file.spec.controller.registries);
    Allowed::of_registries(&registries, REGISTRIES).map_err(|problem| vec![problem])?;
    Ok((read(&file, allowed)?, exactly(&registries)?))
}

/// The pull secrets that a custom resource asks for; `owner` is the owner of the installation.
/// Errors: everything in the resource that the controller cannot do.
pub fn asked(spec: &Value, owner: &ResourceName, allowed: &Allowed) -> Result<Vec<Wanted>, Vec<Diagnostic>> {
    let spec: Spec = serde_json::from_value(spec.clone()).map_err(|_| {
        let message = "its spec has a form that this version does not understand";
        vec![Diagnostic::error(Code::InvalidConfig, message).hint("apply the definition of this version")]
    })?;
    let metadata = Metadata { name: owner.clone(), annotations: BTreeMap::new(), labels: BTreeMap::new() };
    let file = File { api_version: ApiVersion::V1Alpha1, kind: Kind::RegistryCredentials, metadata, spec };
    read(&file, allowed).map(|config| config.pull_secrets)
}

/// The key of a whole Docker config.
const WHOLE: &str = ".dockerconfigjson";

/// Reads the meaning of the file.
/// Errors: everything in the file that the controller cannot do.
pub fn read(file: &File, allowed: &Allowed) -> Result<Config, Vec<Diagnostic>> {
    let Spec {
        strategy,
        link,
        protect,
        sealing,
        format,
        profile,
        create_namespaces,
        pull_secrets,
        controller,
        patcher,
        clusters,
    } = &file.spec;
    let mut problems = Vec::new();
    let idle = [
        ("strategy", strategy.is_some_and(|strategy| strategy != Strategy::Controller)),
        ("protect", protect.is_some()),
        ("sealing", sealing.certificate.is_some() || sealing.scope.is_some()),
        ("format", format.is_some()),
        ("profile", profile.is_some()),
        ("createNamespaces", *create_namespaces),
        ("controller", *controller != ControllerSpec::default()),
        ("patcher", patcher.kind.is_some()),
        ("clusters", !clusters.is_empty()),
    ];
    problems.extend(idle.into_iter().filter(|(_, is_there)| *is_there).map(|(field, _)| means_nothing(field)));
    if pull_secrets.is_empty() {
        problems.push(
            Diagnostic::error(Code::InvalidConfig, "`pullSecrets` names no pull secret")
                .hint("name one: `pullSecrets: [{name: image-pull-secret}]`"),
        );
    }
    let mut all: Vec<_> = pull_secrets.iter().map(|one| wanted(one, allowed, &mut problems)).collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    for twins in all.windows(2).filter(|twins| twins[0].name == twins[1].name) {
        let message = format!("two pull secrets are called `{}`", twins[0].name);
        problems.push(Diagnostic::error(Code::SameName, message).hint("give each its own name"));
    }
    if problems.iter().any(Diagnostic::is_error) {
        return Err(problems);
    }
    Ok(Config::sparing(file.metadata.name.clone(), link.unwrap_or(Link::ServiceAccount), all))
}

fn means_nothing(field: &str) -> Diagnostic {
    Diagnostic::error(Code::MeansNothing, format!("`{field}` has no effect on the controller"))
        .hint("leave it out of the mounted regcred.yaml")
}

fn wanted(written: &PullSecret, allowed: &Allowed, problems: &mut Vec<Diagnostic>) -> Wanted {
    let PullSecret { name, logins, external, namespaces, service_accounts, also_reference } = written;
    if external.is_some() {
        problems.push(means_nothing("external"));
    }
    if !also_reference.is_empty() {
        problems.push(means_nothing("alsoReference"));
    }
    let name = name.clone().unwrap_or_else(|| ResourceName::known(SECRET_NAME));
    let sources: Vec<_> = if logins.is_empty() {
        vec![Source::Whole(Key { secret: name.clone(), key: SecretKey::known(WHOLE) })]
    } else {
        let read = |(number, login)| {
            let place = format!("`logins`, item {}, of the pull secret {name}", number + 1);
            source(login, &place).map_err(|wrong| problems.extend(wrong)).ok()
        };
        logins.iter().enumerate().filter_map(read).collect()
    };
    for source in &sources {
        if let Source::Login { registry, .. } = source {
            allowed.refuse([registry].into_iter(), &format!("a login of the pull secret {name}"), problems);
        }
    }
    let selector = namespaces.selector.as_ref().and_then(|text| {
        let wrong = |_| {
            problems.push(
                Diagnostic::error(
                    Code::InvalidConfig,
                    format!("`selector` of the pull secret {name} is no label selector"),
                )
                .hint("write it as for kubectl: team=shop, stage!=test, 'tier in (web,api)', or a label's name alone"),
            );
        };
        text.parse().map_err(wrong).ok()
    });
    let (accounts, account_globs) = accounts(service_accounts);
    let (include, exclude) = (namespaces.include.clone(), namespaces.exclude.clone());
    problems.extend([&include, &exclude].into_iter().filter_map(|list| too_many_globs(list)));
    let namespaces = Selection { include, exclude, selector };
    Wanted { name, sources, namespaces, within: None, accounts, account_globs }
}

/// The ServiceAccounts by name and by glob; without both, every ServiceAccount.
fn accounts(written: &[AccountName]) -> (Vec<ResourceName>, Vec<NameGlob>) {
    if written.is_empty() {
        return (vec![ResourceName::known("default")], Vec::new());
    }
    if written.iter().any(|name| name.as_str() == "*") {
        return (Vec::new(), Vec::new());
    }
    let mut names: Vec<ResourceName> =
        written.iter().filter(|name| name.glob().is_none()).filter_map(|name| name.as_str().parse().ok()).collect();
    names.sort_unstable();
    names.dedup();
    (names, written.iter().filter_map(AccountName::glob).collect())
}

fn source(login: &Login, place: &str) -> Result<Source, Vec<Diagnostic>> {
    match login {
        Login::Whole(whole) => {
            key(whole, Some(WHOLE), place, "dockerConfig").map(Source::Whole).map_err(|problem| vec![problem])
        }
        Login::One { registry: host, username, password } => {
            let username = match username {
                UserName { env: None, value: Some(name), secret: None, key: None } => Ok(Name::Literal(name.clone())),
                UserName { env, value: None, secret, key: of } => {
                    let written = Place { env: env.clone(), secret: secret.clone(), key: of.clone() };
                    key(&written, None, place, "username").map(Name::Kept)
                }
                UserName { .. } => Err(no_secret(place, "username")),
            };
            match (registry(host, place), username, key(password, None, place, "password")) {
                (Ok(registry), Ok(username), Ok(password)) => Ok(Source::Login { registry, username, password }),
                (registry, username, password) => {
                    let others = [username.err(), password.err()].into_iter().flatten();
                    Err(registry.err().into_iter().flatten().chain(others).collect())
                }
            }
        }
        Login::Preset(_) => Err(vec![
            Diagnostic::error(Code::InvalidLogin, format!("{place} is a preset, which reads variables")).hint(
                "write `registry`, `username` and `password`, each from a mounted Secret: {secret: NAME, key: KEY}",
            ),
        ]),
    }
}

fn key(written: &Place, otherwise: Option<&'static str>, place: &str, field: &str) -> Result<Key, Diagnostic> {
    match written {
        Place { env: None, secret: Some(secret), key } => match key.clone().or(otherwise.map(SecretKey::known)) {
            Some(key) => Ok(Key { secret: secret.clone(), key }),
            None => Err(Diagnostic::error(Code::InvalidLogin, format!("{place}: `{field}` has no `key`"))
                .hint(format!("write `{field}: {{secret: NAME, key: KEY}}`"))),
        },
        Place { .. } => Err(no_secret(place, field)),
    }
}

fn no_secret(place: &str, field: &str) -> Diagnostic {
    let message = format!("{place}: `{field}` names no mounted Secret, and the controller reads nothing else");
    Diagnostic::error(Code::InvalidLogin, message).hint(format!("write `{field}: {{secret: NAME, key: KEY}}`"))
}

#[cfg(test)]
mod tests;
