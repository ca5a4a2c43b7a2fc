//! Holds the facts about a Pod, its ServiceAccount and its namespace, read from the API server's JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::policies::Policies;
use super::secret::{Entry, Held, PullSecret};
use super::wanted::Wanted;
use crate::cluster::ownership::plain;
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
    /// The image, and the node's report about it.
    pub wanted: Wanted,
    /// The answers of the registry; empty if it was not asked.
    pub verdicts: Vec<Verdict>,
    /// The current time, in seconds since 1970.
    pub now: i64,
}

/// The facts about a namespace.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// Its annotations that opt out of pull secrets.
    pub opts_out: Vec<&'static str>,
    /// The name or glob in `exclude` of regcred.yaml that leaves it out.
    pub excluded_by: Option<String>,
    /// Whether an admission policy of ours adds references to Pods there.
    pub policy: PolicyState,
    /// Whether a controller of ours serves the cluster.
    pub has_controller: bool,
    /// Our pull secrets in the namespace.
    pub ours: Vec<String>,
    /// The pull secrets that may be ours, but that the account may not read.
    pub unread: Vec<String>,
}

/// Whether an admission policy adds references.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PolicyState {
    /// There is no policy on Pods, or the account may not read it.
    #[default]
    None,
    /// The policy exists, but leaves the namespace out.
    Excludes,
    /// The policy exists for the namespace.
    Serves,
}

/// The facts about a Pod.
#[derive(Clone, Debug, Default)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// What `kubectl rollout restart` takes to create it again, such as `deployment/api`.
    pub workload: Option<String>,
    /// Whether no controller would create it again.
    pub is_bare: bool,
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
    /// Its name.
    pub name: String,
    /// Whether it exists.
    pub exists: bool,
    /// The names in its `imagePullSecrets`.
    pub references: Vec<String>,
    /// Its annotations that opt out of references.
    pub opts_out: Vec<&'static str>,
    /// The field managers other than regcred that write its `imagePullSecrets`.
    pub other_writers: Vec<String>,
    /// Whether regcred.yaml or the controller serves other ServiceAccounts only.
    pub is_left_out: bool,
}

impl Pod {
    /// Reads the object.
    pub fn read(object: &Value) -> Self {
        let spec = &object["spec"];
        Self {
            name: object["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
            workload: workload(&object["metadata"]),
            is_bare: object["metadata"]["ownerReferences"].as_array().is_none_or(Vec::is_empty),
            references: names(&spec["imagePullSecrets"]),
            account: spec["serviceAccountName"].as_str().unwrap_or("default").to_owned(),
            is_scheduled: spec["nodeName"].as_str().is_some_and(|node| !node.is_empty()),
            created: object["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned(),
        }
    }
}

impl Account {
    /// Reads the object.
    pub fn read(object: &Value) -> Self {
        let managers = object["metadata"]["managedFields"].as_array().into_iter().flatten();
        let writes = |entry: &&Value| entry["fieldsV1"].get("f:imagePullSecrets").is_some();
        let names_of_writers = managers.filter(writes).filter_map(|entry| entry["manager"].as_str()).map(plain);
        let others = names_of_writers.filter(|name| !name.starts_with("regcred"));
        Self {
            name: object["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
            exists: true,
            references: names(&object["imagePullSecrets"]),
            opts_out: opts_out(object),
            other_writers: others.map(str::to_owned).collect(),
            is_left_out: false,
        }
    }
}

/// The workload that creates the Pod again, if kubectl can restart it.
fn workload(metadata: &Value) -> Option<String> {
    let owners = metadata["ownerReferences"].as_array()?;
    let owner = owners.iter().find(|owner| owner["controller"] == true)?;
    let (kind, name) = (owner["kind"].as_str()?, owner["name"].as_str()?);
    match kind {
        "DaemonSet" | "StatefulSet" => Some(format!("{}/{name}", kind.to_lowercase())),
        // A Deployment names its ReplicaSet after itself and this hash.
        "ReplicaSet" => {
            let hash = metadata["labels"]["pod-template-hash"].as_str()?;
            Some(format!("deployment/{}", name.strip_suffix(hash)?.strip_suffix('-')?))
        }
        _ => None,
    }
}

/// The annotations with which an object opts out of pull secrets.
fn opts_out(object: &Value) -> Vec<&'static str> {
    OPT_OUT.into_iter().filter(|name| object["metadata"]["annotations"][*name] == "true").collect()
}

fn names(references: &Value) -> Vec<String> {
    let names = references.as_array().into_iter().flatten().filter_map(|reference| reference["name"].as_str());
    names.map(str::to_owned).collect()
}

impl Place {
    /// Reads a Namespace, and our admission policies with their bindings.
    pub fn read(name: &str, namespace: Option<&Value>, policies: &Policies) -> Self {
        Self {
            name: name.to_owned(),
            opts_out: namespace.map(opts_out).unwrap_or_default(),
            excluded_by: None,
            policy: policies.state(name, namespace),
            has_controller: policies.are_of_a_controller(),
            ours: Vec::new(),
            unread: Vec::new(),
        }
    }
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
    pub fn tried(&self) -> Vec<Candidate<'_>> {
        if self.is_stopped() { Vec::new() } else { self.matching(&self.secrets) }
    }

    /// Whether a kubelet does not even try, because it cannot read one of the Secrets.
    pub fn is_stopped(&self) -> bool {
        self.secrets.iter().any(PullSecret::is_broken)
    }

    /// The names of the Pod's Secrets that the account may not read.
    pub(super) fn unread(&self) -> impl Iterator<Item = &str> {
        let unread = self.secrets.iter().filter(|secret| matches!(secret.held, Held::Unreadable));
        unread.map(|secret| secret.name.as_str())
    }

    /// Whether the account may not read one of the Pod's Secrets, so that its content is unknown.
    pub(super) fn has_unread(&self) -> bool {
        self.unread().next().is_some()
    }

    /// Whether the text quotes a password, or a user name together with it.
    #[expect(clippy::disallowed_methods, reason = "compares, and lets nothing out")]
    pub fn quotes_a_login(&self, text: &str) -> bool {
        self.secrets.iter().chain(&self.others).flat_map(PullSecret::logins).any(|login| {
            let password = login.password.expose_secret();
            let pair = STANDARD.encode(format!("{}:{password}", login.username.expose_secret()));
            text.contains(password) || text.contains(&pair)
        })
    }

    /// The logins of these Secrets that match the image.
    pub fn matching<'a>(&self, secrets: &'a [PullSecret]) -> Vec<Candidate<'a>> {
        let Ok(reference) = &self.wanted.reference else { return Vec::new() };
        let keyed = |secret: &'a PullSecret| secret.entries().iter().filter_map(|entry| Keyed::read(secret, entry));
        let keyed: Vec<_> = secrets.iter().flat_map(keyed).collect();
        let matching = kubelet::matching(keyed.iter(), |entry| entry.key, reference.image());
        matching.into_iter().filter_map(|entry| entry.candidate).collect()
    }
}
