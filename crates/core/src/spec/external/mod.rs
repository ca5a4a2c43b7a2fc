//! Decides where the External Secrets Operator finds the logins: stores, keys and generators that fit together.

pub mod generator;
mod login;
pub mod written;

use super::go::{SECOND, nanoseconds};
use crate::diagnostic::{Code, Diagnostic};
use crate::docker_config::registry::RegistryKey;
use written::{ClusterExternalSecret, External, Generator, RemoteKey, Store};

/// The resolved `ExternalSecret` of one pull secret.
#[derive(Clone, Debug)]
pub struct ExternalSettings {
    /// The store, if a key needs one.
    pub store: Option<Store>,
    /// How often the operator fetches.
    pub refresh_interval: String,
    /// The logins that it fetches.
    pub content: Content,
    /// The one object for all namespaces; without it there is one in each.
    pub for_all: Option<ClusterExternalSecret>,
}

/// The logins of an `ExternalSecret`.
#[derive(Clone, Debug)]
pub enum Content {
    /// A whole Docker config, and the registries that regcred.yaml lists for it.
    Whole(RemoteKey, Vec<RegistryKey>),
    /// A login for each registry, sorted.
    Logins(Vec<ExternalLoginSettings>),
}

/// The login for one registry.
#[derive(Clone, Debug)]
pub struct ExternalLoginSettings {
    /// The key of its entry.
    pub registry: RegistryKey,
    /// Where user name and password come from.
    pub origin: Origin,
}

/// Where a login comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// The store.
    Store {
        /// The user name.
        username: StoredName,
        /// The password.
        password: RemoteKey,
    },
    /// A generator that gives user name and password, separately or as one value.
    Generator(Generator),
    /// A generator that gives a password, for this user name.
    TokenOf(Generator, String),
}

/// A user name.
#[derive(Clone, Debug)]
pub enum StoredName {
    /// A literal in regcred.yaml, and so no secret.
    Literal(String),
    /// A key of the store.
    Remote(RemoteKey),
}

impl ExternalSettings {
    /// The generators, in the order of the registries.
    pub fn generators(&self) -> impl Iterator<Item = &Generator> {
        let logins = match &self.content {
            Content::Whole(..) => &[],
            Content::Logins(logins) => logins.as_slice(),
        };
        logins.iter().filter_map(|login| match &login.origin {
            Origin::Store { .. } => None,
            Origin::Generator(generator) | Origin::TokenOf(generator, _) => Some(generator),
        })
    }

    /// The registries, each with its user name if that is known.
    pub fn registries(&self) -> Vec<(RegistryKey, Option<String>)> {
        match &self.content {
            Content::Whole(_, registries) => registries.iter().map(|registry| (registry.clone(), None)).collect(),
            Content::Logins(logins) => logins
                .iter()
                .map(|ExternalLoginSettings { registry, origin }| {
                    let username = match origin {
                        Origin::Store { username: StoredName::Literal(name), .. } | Origin::TokenOf(_, name) => {
                            Some(name.clone())
                        }
                        Origin::Store { username: StoredName::Remote(_), .. } | Origin::Generator(_) => None,
                    };
                    (registry.clone(), username)
                })
                .collect(),
        }
    }

    /// Whether the cluster, and not regcred, chooses the namespaces.
    pub fn selects_by_label(&self) -> bool {
        self.for_all.as_ref().is_some_and(|one| !one.namespace_selectors.is_empty())
    }
}

/// Resolves what one pull secret fetches, and from where; problems are added to `problems`.
pub fn resolve(external: Option<&External>, problems: &mut Vec<Diagnostic>) -> Option<ExternalSettings> {
    let Some(External { store, refresh_interval, logins, cluster_external_secret }) = external else {
        let message = "`--protect external` needs to know where the logins are kept";
        let hint = "give the pull secret `external` with `store` and `logins` in regcred.yaml: see docs/external.md";
        problems.push(Diagnostic::error(Code::NoExternal, message).hint(hint));
        return None;
    };
    let content = login::content(logins, problems);
    let needs_a_store = logins.iter().any(login::names_a_key);
    if needs_a_store && store.is_none() {
        let message = "`external` in regcred.yaml has keys, and no `store` that holds them";
        let hint = "add for example `store: {kind: ClusterSecretStore, name: vault}`";
        problems.push(Diagnostic::error(Code::NoStore, message).hint(hint));
    }
    let mut settings = ExternalSettings {
        store: store.clone().filter(|_| needs_a_store),
        refresh_interval: String::new(),
        content: content?,
        for_all: cluster_external_secret.clone(),
    };
    if settings.for_all.as_ref().is_some_and(|one| nanoseconds(one.refresh_time()).is_none()) {
        problems.push(no_duration("refreshTime"));
    }
    settings.refresh_interval = refresh_interval_of(&settings, refresh_interval.as_deref(), problems);
    if settings.selects_by_label() {
        problems.extend(unreachable_generators(&settings));
    }
    Some(settings)
}

fn no_duration(field: &str) -> Diagnostic {
    Diagnostic::error(Code::InvalidDuration, format!("`{field}` in `external` of regcred.yaml is no Go duration"))
        .hint("write a number with its unit, for example 30m or 1h")
}

const HOUR: f64 = 3600.0 * SECOND;

/// The requested interval, which must be shorter than the life of every token; without one, half of the shortest life, at most an hour.
fn refresh_interval_of(settings: &ExternalSettings, asked: Option<&str>, problems: &mut Vec<Diagnostic>) -> String {
    let shortest = settings.generators().map(|generator| generator.kind).min_by_key(|kind| kind.hours());
    let Some(asked) = asked else {
        return if shortest.is_some_and(|kind| kind.hours() == 1) { "30m" } else { "1h" }.to_owned();
    };
    match (nanoseconds(asked), shortest) {
        (None, _) => problems.push(no_duration("refreshInterval")),
        (Some(time), Some(kind)) if time <= 0.0 || time >= f64::from(kind.hours()) * HOUR => {
            let (hours, hint) = (kind.hours(), "leave it out, or write about half of that");
            let message = format!(
                "`refreshInterval` in `external` of regcred.yaml is not below {hours} h, the life of a token of {kind}"
            );
            problems.push(Diagnostic::error(Code::RefreshTooSlow, message).hint(hint));
        }
        (Some(_), _) => {}
    }
    asked.to_owned()
}

/// Reports generators that would have to be written into namespaces whose names are not known.
fn unreachable_generators(settings: &ExternalSettings) -> impl Iterator<Item = Diagnostic> {
    let written = settings.generators().filter(|it| !it.cluster_wide && it.spec.is_some());
    written.map(|generator| {
        let message = format!(
            "the {} `{}` would have to be written into each namespace, and `namespaceSelectors` names none",
            generator.kind, generator.name
        );
        Diagnostic::error(Code::GeneratorOutOfReach, message)
            .hint("add `clusterWide: true` to the generator, or leave its `spec` out and write it yourself")
    })
}

/// Reports different generators with the same name: a name has one `spec`.
pub fn disagreements<'a>(all: impl Iterator<Item = &'a ExternalSettings>) -> Vec<Diagnostic> {
    let mut seen: Vec<&Generator> = Vec::new();
    let mut problems = Vec::new();
    for generator in all.flat_map(ExternalSettings::generators).filter(|generator| generator.spec.is_some()) {
        match seen.iter().find(|other| other.is_same_object(generator)) {
            Some(other) if other.object_spec() != generator.object_spec() => {
                let message = format!("two generators are called `{}`, and are not the same", generator.name);
                problems.push(Diagnostic::error(Code::SameName, message).hint("give each its own name"));
            }
            Some(_) => {}
            None => seen.push(generator),
        }
    }
    problems
}
