//! Holds the facts about a Pod, its ServiceAccount and its namespace, read from the API server's JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::secret::{Entry, PullSecret};
use super::wanted::Wanted;
use crate::credentials::Credential;
use crate::docker_config::kubelet;
use crate::docker_config::registry::RegistryKey;
use crate::names::OPT_OUT;
use crate::registry::verdict::Verdict;

/// All facts for an explanation.
pub struct Facts {
    /// The namespace.
    pub place: Place,
    /// The Pod; `None` if the question is only about an image.
    pub pod: Option<Pod>,
    /// The ServiceAccount.
    pub account: Account,
    /// The Secrets of the Pod, in the order of its references.
    pub secrets: Vec<PullSecret>,
    /// The Secrets of the ServiceAccount and of regcred that the Pod does not refer to.
    pub others: Vec<PullSecret>,
    /// The image.
    pub wanted: Wanted,
    /// The answers of the registry; empty if it was not asked.
    pub verdicts: Vec<Verdict>,
    /// The current time, in seconds since 1970.
    pub now: i64,
}

/// The facts about a namespace.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Whether its annotation opts out of pull secrets.
    pub opts_out: bool,
    /// Whether an admission policy of ours adds references there.
    pub policy: PolicyState,
    /// Our pull secrets in the namespace.
    pub ours: Vec<String>,
}

/// Whether an admission policy adds references.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PolicyState {
    /// There is no policy, or the account may not read it.
    #[default]
    None,
    /// The policy exists, but its binding leaves the namespace out.
    Excludes,
    /// The policy exists for the namespace.
    Serves,
}

/// The facts about a Pod.
#[derive(Clone, Debug, Default)]
pub struct Pod {
    /// The names in its `imagePullSecrets`.
    pub references: Vec<String>,
    /// Its ServiceAccount.
    pub account: String,
    /// Whether it is on a node.
    pub is_scheduled: bool,
    /// When it was created.
    pub created: String,
}

/// The facts about a ServiceAccount.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// Whether it exists.
    pub exists: bool,
    /// The names in its `imagePullSecrets`.
    pub references: Vec<String>,
    /// Whether its annotation opts out of references.
    pub opts_out: bool,
    /// Whether a manager other than regcred writes its `imagePullSecrets`.
    pub has_other_writer: bool,
}

impl Pod {
    /// Reads the object.
    #[must_use]
    pub fn read(object: &Value) -> Self {
        let spec = &object["spec"];
        Self {
            references: names(&spec["imagePullSecrets"]),
            account: spec["serviceAccountName"].as_str().unwrap_or("default").to_owned(),
            is_scheduled: spec["nodeName"].as_str().is_some_and(|node| !node.is_empty()),
            created: object["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned(),
        }
    }
}

impl Account {
    /// Reads the object.
    #[must_use]
    pub fn read(object: &Value) -> Self {
        let managers = object["metadata"]["managedFields"].as_array().into_iter().flatten();
        let writes = |entry: &&Value| entry["fieldsV1"].get("f:imagePullSecrets").is_some();
        let is_other = |entry: &Value| !entry["manager"].as_str().unwrap_or_default().starts_with("regcred");
        Self {
            exists: true,
            references: names(&object["imagePullSecrets"]),
            opts_out: opts_out(object),
            has_other_writer: managers.filter(writes).any(is_other),
        }
    }
}

/// Whether an object's annotations opt out of pull secrets.
#[must_use]
pub(super) fn opts_out(object: &Value) -> bool {
    OPT_OUT.iter().any(|name| object["metadata"]["annotations"][*name] == "true")
}

fn names(references: &Value) -> Vec<String> {
    let names = references.as_array().into_iter().flatten().filter_map(|reference| reference["name"].as_str());
    names.map(str::to_owned).collect()
}

impl Place {
    /// Reads a Namespace, and the bindings of our admission policies.
    #[must_use]
    pub fn read(name: &str, namespace: Option<&Value>, bindings: &[Value]) -> Self {
        let labels = |key: &str| match namespace {
            Some(namespace) => namespace["metadata"]["labels"][key].as_str(),
            None => (key == "kubernetes.io/metadata.name").then_some(name),
        };
        let serves = |binding: &Value| selects(&binding["spec"]["matchResources"]["namespaceSelector"], &labels);
        let policy = match bindings {
            [] => PolicyState::None,
            _ if bindings.iter().any(serves) => PolicyState::Serves,
            _ => PolicyState::Excludes,
        };
        Self { opts_out: namespace.is_some_and(opts_out), policy, ours: Vec::new() }
    }
}

/// Whether a label selector selects an object with these labels.
fn selects<'a>(selector: &Value, labels: &impl Fn(&str) -> Option<&'a str>) -> bool {
    let is_met = |expression: &Value| {
        let value = labels(expression["key"].as_str().unwrap_or_default());
        let has = expression["values"].as_array().is_some_and(|all| all.iter().any(|one| one.as_str() == value));
        match expression["operator"].as_str() {
            Some("In") => has,
            Some("NotIn") => !has,
            Some("Exists") => value.is_some(),
            Some("DoesNotExist") => value.is_none(),
            _ => false,
        }
    };
    let mut equal = selector["matchLabels"].as_object().into_iter().flatten();
    equal.all(|(key, value)| labels(key) == value.as_str())
        && selector["matchExpressions"].as_array().into_iter().flatten().all(is_met)
}

/// A login that a kubelet tries.
#[derive(Clone, Copy)]
pub struct Candidate<'a> {
    /// The Secret that holds it.
    pub secret: &'a str,
    /// The login.
    pub login: &'a Credential,
}

/// An entry of a Secret, with the key that a kubelet matches, and its login if it has one.
#[derive(Clone, Copy)]
struct Keyed<'a> {
    key: &'a RegistryKey,
    candidate: Option<Candidate<'a>>,
}

impl kubelet::Entry for Keyed<'_> {
    fn key(&self) -> &RegistryKey {
        self.key
    }
}

impl<'a> Keyed<'a> {
    fn read(secret: &'a PullSecret, entry: &'a Entry) -> Option<Self> {
        let (key, login) = match entry {
            Entry::Login(login) => (&login.registry, Some(login)),
            Entry::Empty(key) | Entry::IdentityToken(key) => (key, None),
            Entry::Bad | Entry::OtherScheme(_) | Entry::NoRegistry => return None,
        };
        Some(Self { key, candidate: login.map(|login| Candidate { secret: &secret.name, login }) })
    }
}

impl Facts {
    /// The logins that a kubelet tries, in its order; empty if it cannot read one of the Secrets.
    #[must_use]
    pub fn tried(&self) -> Vec<Candidate<'_>> {
        if self.is_stopped() { Vec::new() } else { self.matching(&self.secrets) }
    }

    /// Whether a kubelet does not even try, because it cannot read one of the Secrets.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.secrets.iter().any(PullSecret::is_broken)
    }

    /// Whether the text quotes a password, or a user name together with it.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "compares, and lets nothing out")]
    pub fn quotes_a_login(&self, text: &str) -> bool {
        self.secrets.iter().chain(&self.others).flat_map(PullSecret::logins).any(|login| {
            let password = login.password.expose_secret();
            let pair = STANDARD.encode(format!("{}:{password}", login.username.expose_secret()));
            text.contains(password) || text.contains(&pair)
        })
    }

    /// The logins of these Secrets that match the image.
    #[must_use]
    pub fn matching<'a>(&self, secrets: &'a [PullSecret]) -> Vec<Candidate<'a>> {
        let Ok(reference) = &self.wanted.reference else { return Vec::new() };
        let keyed = |secret: &'a PullSecret| secret.entries().iter().filter_map(|entry| Keyed::read(secret, entry));
        let keyed: Vec<_> = secrets.iter().flat_map(keyed).collect();
        let matching = kubelet::matching(keyed.iter(), reference.image());
        matching.into_iter().filter_map(|entry| entry.candidate).collect()
    }
}
