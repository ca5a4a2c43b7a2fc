//! Watches custom resources and the Secrets that their logins name (`--crd`), and holds their latest state.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use futures::stream::{BoxStream, StreamExt};
use secrecy::SecretString;
use serde_json::Value;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::sleep;

use super::state::State;
use regcred_cluster::connect::Client;
use regcred_cluster::controller::resource::{Look, resources, source};
use regcred_cluster::controller::stream::{Failed, First, first};
use regcred_cluster::server::Server;
use regcred_core::controller::resource::{Resource, SourceSecret};
use regcred_core::controller::wanted::Key;
use regcred_core::names::{Namespace, ResourceName};

/// The pause before a change is read again: it counts if both readings are equal.
pub const SETTLES: Duration = Duration::from_millis(200);
/// The pause before a retry if the API server does not answer.
const PAUSE: Duration = Duration::from_millis(500);

/// Values of Secrets, by their keys.
pub type Values = BTreeMap<Key, Result<SecretString, ErrorKind>>;

/// The watched objects, and their last state.
pub struct Observed {
    client: Client,
    namespace: Namespace,
    state: Rc<State>,
    first: Cell<Option<First>>,
    resources: RefCell<Watched<Resource>>,
    sources: RefCell<BTreeMap<ResourceName, Source>>,
    has_changed: Cell<bool>,
}

/// The spec of a custom resource, as written.
#[derive(Clone, PartialEq)]
pub struct Asked {
    pub name: String,
    pub generation: i64,
    /// The owner whose controller should follow the resource, if an annotation names one.
    pub owner: Option<String>,
    pub spec: Value,
    age: (String, String),
}

/// A watched Secret.
struct Source {
    seen: Watched<SourceSecret>,
    work: JoinHandle<()>,
}

/// The objects of one watch.
pub(super) struct Watched<T> {
    is_complete: bool,
    pub(super) objects: BTreeMap<String, T>,
    /// The objects that it has seen since it started again.
    again: Option<BTreeMap<String, T>>,
    /// The last failure since it has shown everything.
    trouble: Option<String>,
}

impl<T> Default for Watched<T> {
    fn default() -> Self {
        Self { is_complete: false, objects: BTreeMap::new(), again: None, trouble: None }
    }
}

impl<T> Watched<T> {
    /// Takes an event of the watch. Until a new start has shown everything, the earlier objects stay; a failure changes nothing.
    pub(super) fn take(&mut self, look: Look<T>, name: impl Fn(&T) -> String) {
        match look {
            Look::Began => self.again = Some(BTreeMap::new()),
            Look::Is(object) => {
                self.again.as_mut().unwrap_or(&mut self.objects).insert(name(&object), object);
            }
            Look::Gone(object) => {
                self.again.as_mut().unwrap_or(&mut self.objects).remove(&name(&object));
            }
            Look::Ended => {
                self.objects = self.again.take().unwrap_or_default();
                self.is_complete = true;
                self.trouble = None;
            }
            Look::Failed(Failed { words, .. }) => self.trouble = Some(words),
        }
    }
}

impl Observed {
    /// Starts to watch custom resources.
    pub fn start(client: Client, server: Server, namespace: Namespace, state: Rc<State>) -> Rc<Self> {
        let observed = Rc::new(Self {
            client,
            namespace,
            state,
            first: Cell::new(None),
            resources: RefCell::default(),
            sources: RefCell::default(),
            has_changed: Cell::new(false),
        });
        let here = Rc::clone(&observed);
        spawn_local(async move {
            let first = loop {
                match first(&server).await {
                    Ok(first) => break first,
                    Err(_) => sleep(PAUSE).await,
                }
            };
            here.first.set(Some(first));
            let mut stream = resources(&here.client, first);
            while let Some(look) = stream.next().await {
                let name = |resource: &Resource| resource.name().to_owned();
                here.failed("registrycredentials", &look);
                here.resources.borrow_mut().take(look, name);
                here.changed();
            }
        });
        observed
    }

    /// Watches exactly these Secrets.
    pub fn watch_sources(self: &Rc<Self>, names: &BTreeSet<ResourceName>) {
        let Some(first) = self.first.get() else { return };
        let mut sources = self.sources.borrow_mut();
        sources.retain(|name, source| {
            let stays = names.contains(name);
            if !stays {
                source.work.abort();
            }
            stays
        });
        for name in names {
            sources.entry(name.clone()).or_insert_with(|| {
                let stream = source(&self.client, &self.namespace, name, first);
                let work = spawn_local(see_source(Rc::clone(self), name.clone(), stream));
                Source { seen: Watched::default(), work }
            });
        }
    }

    /// What is still unknown; `None` if everything is known.
    pub fn waits_for(&self) -> Option<String> {
        if !self.resources.borrow().is_complete {
            let trouble = self.resources.borrow().trouble.as_ref().map(|words| format!(": {words}"));
            let why = trouble.unwrap_or_default();
            return Some(format!(
                "the custom resource RegistryCredentials cannot be watched{why}; apply its definition"
            ));
        }
        let sources = self.sources.borrow();
        let name = sources.iter().find(|(_, source)| !source.seen.is_complete).map(|(name, _)| name.to_string());
        if name.is_none() && sources.is_empty() {
            return Some("the mounted regcred.yaml is wrong: the log says what".to_owned());
        }
        Some(format!("the Secret {} in the controller's namespace was not read yet", name?))
    }

    /// Whether anything has changed since the last call.
    pub fn take_change(&self) -> bool {
        self.has_changed.take()
    }

    /// The specs of the custom resources, the oldest first.
    pub fn asked(&self) -> Vec<Asked> {
        let asked = |resource: &Resource| {
            let (created, name) = resource.age();
            Asked {
                name: name.to_owned(),
                generation: resource.metadata.generation,
                owner: resource.owner().map(str::to_owned),
                spec: resource.spec.clone(),
                age: (created.to_owned(), name.to_owned()),
            }
        };
        let mut all: Vec<_> = self.resources.borrow().objects.values().map(asked).collect();
        all.sort_by(|one, other| one.age.cmp(&other.age));
        all
    }

    /// The values of the Secrets.
    pub fn values(&self) -> Values {
        let sources = self.sources.borrow();
        let of_one = |(name, source): (&ResourceName, &Source)| {
            let values = source.seen.objects.values().flat_map(|secret| &secret.values);
            let text = |(key, value): (_, &Option<SecretString>)| {
                let key = Key { secret: name.clone(), key: Clone::clone(key) };
                (key, value.clone().ok_or(ErrorKind::InvalidData))
            };
            values.map(text).collect::<Vec<_>>()
        };
        sources.iter().flat_map(of_one).collect()
    }

    /// The last seen state of a custom resource.
    pub fn resource(&self, name: &str) -> Option<Resource> {
        self.resources.borrow().objects.get(name).cloned()
    }

    fn failed<T>(&self, watch: &str, look: &Look<T>) {
        if let Look::Failed(Failed { words, .. }) = look {
            self.state.watch_failed(watch, words.clone());
        }
    }

    /// Wakes the main loop, now and when the change has settled.
    fn changed(&self) {
        self.has_changed.set(true);
        self.state.changed.notify_one();
        let state = Rc::clone(&self.state);
        spawn_local(async move {
            sleep(SETTLES + Duration::from_millis(10)).await;
            state.changed.notify_one();
        });
    }
}

async fn see_source(observed: Rc<Observed>, name: ResourceName, mut stream: BoxStream<'static, Look<SourceSecret>>) {
    while let Some(look) = stream.next().await {
        // A Secret that the account may not read counts as missing, and does not hold up the others.
        let is_refused = matches!(look, Look::Failed(Failed { code: 401 | 403, .. }));
        if let Some(Source { seen, .. }) = observed.sources.borrow_mut().get_mut(&name) {
            observed.failed(&format!("secrets/{name}"), &look);
            seen.take(look, |secret| secret.metadata.name.clone());
            seen.is_complete |= is_refused;
        }
        observed.changed();
    }
}
