//! Connects the state machine with the model of the API server, step by step.

use std::collections::BTreeMap;

use regcred_core::cluster::Delivery;
use regcred_core::cluster::facts::NamespaceObject;
use regcred_core::controller::{Deed, Event, Machine, Outcome, Standing, Watch, Write};
use regcred_core::names::Namespace;
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::server::{Change, NAME, Server};
use super::traces::Step;
use super::wanted::{delivery, machine};

const NAMESPACES: [&str; 3] = ["a", "b", "c"];
const ACCOUNTS: [&str; 2] = ["default", "ci"];
/// How many writes run at once.
const AT_ONCE: usize = 4;

fn read<T: DeserializeOwned>(object: &Value) -> T {
    serde_json::from_value(object.clone()).unwrap()
}

pub struct World {
    server: Server,
    machine: Machine<'static>,
    delivery: &'static Delivery<'static>,
    login: usize,
    /// How many changes each watch has shown.
    shown: [usize; 3],
    pub running: Vec<Write>,
    /// Writes of dead replicas, with their content.
    late: Vec<(Write, String)>,
    sample: Option<Namespace>,
    /// The newest version of each namespace that the machine has seen, and whether it is excluded.
    newest: BTreeMap<String, (u64, bool)>,
    now: u64,
}

impl World {
    pub fn new() -> Self {
        let delivery = delivery(0);
        let server = Server::default();
        let machine = machine(delivery);
        let (running, late) = (Vec::new(), Vec::new());
        let (shown, sample, newest) = ([0; 3], None, BTreeMap::new());
        let mut world = Self { server, machine, delivery, login: 0, shown, running, late, sample, newest, now: 0 };
        world.begin_watches(0);
        world
    }

    #[expect(clippy::disallowed_methods, reason = "the content that is compared")]
    fn content(&self) -> String {
        let json = self.delivery.pull_secrets[0].docker_config().expose_secret();
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, json)
    }

    pub fn step(&mut self, step: Step) {
        self.now += 1;
        let (server, spaces) = (&mut self.server, NAMESPACES);
        match step {
            Step::Create(at) => server.create(spaces[at]),
            Step::Account(at, account) => server.account(spaces[at], ACCOUNTS[account]),
            Step::Delete(at) => server.delete(spaces[at]),
            Step::Exclude(at) => server.exclude(spaces[at]),
            Step::Foreign(at) => {
                if server.namespaces.contains_key(spaces[at]) && !server.secrets.contains_key(spaces[at]) {
                    server.put(spaces[at], false, "e30=", None);
                }
            }
            Step::DeleteSecret(at) => {
                if let Some(space) = server.namespaces.get_mut(spaces[at]) {
                    space.is_tainted = true;
                }
                server.delete_secret(spaces[at]);
            }
            Step::Drift(at) => {
                if let Some(held) = server.secrets.get(spaces[at]).cloned().filter(|held| held.is_ours) {
                    server.put(spaces[at], true, "e30=", Some(held.uid));
                }
            }
            Step::Refer(at, account) => {
                server.edit(spaces[at], ACCOUNTS[account], |list| list.push(json!({"name": "theirs"})));
            }
            Step::Unrefer(at, account) => {
                server.edit(spaces[at], ACCOUNTS[account], |list| list.retain(|entry| entry["name"] != NAME));
            }
            Step::See(watch) => self.see(watch),
            Step::Begin => {
                if self.running.len() < AT_ONCE {
                    self.begin();
                }
            }
            Step::End(at) => self.end(at, true),
            Step::Unheard(at) => self.end(at, false),
            Step::Crash => self.crash(self.login, 0),
            Step::CrashToStale(back) => self.crash(self.login, back),
            Step::Rotate => self.crash(self.login + 1, 0),
            Step::Late(at) => {
                if at < self.late.len() {
                    let (write, content) = self.late.remove(at);
                    self.server.write(&write, &content);
                    self.lose_track();
                }
            }
            Step::Miss(watch) => self.begin_watch(watch, 0),
            Step::BeginStale(watch, back) => self.begin_watch(watch, back),
        }
    }

    fn begin(&mut self) {
        let Some(write) = self.machine.next(self.now) else { return };
        if matches!(write.deed, Deed::Unlink(_) | Deed::Delete(_)) {
            let is_excluded =
                self.newest.get(write.place.namespace.as_str()).is_some_and(|(_, is_excluded)| *is_excluded);
            assert!(is_excluded, "{write:?} although the machine has seen that the namespace is included");
        }
        self.running.push(write);
    }

    /// The namespace of the test writes, as a session chooses it.
    pub fn choose_sample(&mut self) -> Option<String> {
        self.sample = self.machine.chosen(self.sample.as_ref()).cloned();
        self.sample.as_ref().map(ToString::to_string)
    }

    fn end(&mut self, at: usize, is_heard: bool) {
        if at < self.running.len() {
            let write = self.running.remove(at);
            let outcome = self.server.write(&write, &self.content());
            let outcome = if is_heard { outcome } else { Outcome::Failed("no answer in time".to_owned()) };
            self.machine.end(&write.place, outcome, self.now);
        }
    }

    fn crash(&mut self, login: usize, back: usize) {
        let content = self.content();
        // The next replica cannot know this: a reference was added, but the Secret was not.
        self.lose_track();
        self.late.extend(self.running.drain(..).map(|write| (write, content.clone())));
        if login != self.login {
            self.login = login;
            self.delivery = delivery(login);
        }
        self.machine = machine(self.delivery);
        self.newest.clear();
        self.begin_watches(back);
    }

    fn lose_track(&mut self) {
        let Server { namespaces, secrets, .. } = &mut self.server;
        let without = namespaces.iter_mut().filter(|(name, _)| !secrets.contains_key(*name));
        without.for_each(|(_, space)| space.is_tainted = true);
    }

    fn begin_watches(&mut self, back: usize) {
        (0..3).for_each(|watch| self.begin_watch(watch, back));
    }

    fn watch(kind: usize) -> Watch {
        [Watch::Namespaces, Watch::Accounts(None), Watch::Secrets(0)][kind].clone()
    }

    /// A watch shows the state of this many changes ago, and goes on from there.
    fn begin_watch(&mut self, kind: usize, back: usize) {
        let changes = self.server.history[kind].len().saturating_sub(back);
        // An older list has no ServiceAccount, or one without the reference.
        if kind == 1 && back > 0 {
            self.server.namespaces.values_mut().for_each(|space| space.is_tainted = true);
        }
        self.machine.see(Event::Began(Self::watch(kind)), self.now);
        let objects = self.server.list(kind, changes);
        if kind == 0 {
            self.newest.retain(|name, _| objects.iter().any(|object| object["metadata"]["name"] == name.as_str()));
        }
        for object in objects {
            self.show(kind, &object);
        }
        self.machine.see(Event::Ended(Self::watch(kind)), self.now);
        self.shown[kind] = changes;
    }

    fn show(&mut self, kind: usize, object: &Value) {
        let event = match kind {
            0 => Event::Namespace(read(object)),
            1 => Event::Account(Self::watch(kind), read(object)),
            _ => Event::Secret(0, read(object)),
        };
        if let Event::Namespace(NamespaceObject { metadata, .. }) = &event {
            let seen = (metadata.resource_version.parse().unwrap(), !metadata.annotations.is_empty());
            let newest = self.newest.entry(metadata.name.clone()).or_default();
            *newest = seen.max(*newest);
        }
        self.machine.see(event, self.now);
    }

    fn see(&mut self, kind: usize) {
        let Some(Change { place: (namespace, name), object }) =
            self.server.history[kind].get(self.shown[kind]).cloned()
        else {
            return;
        };
        self.shown[kind] += 1;
        let gone = || namespace.parse().unwrap();
        // The machine forgets which ServiceAccounts it has linked in the current namespace of that name.
        if object.is_none() && kind == 0 && !self.server.secrets.contains_key(&namespace) {
            self.server.namespaces.get_mut(&namespace).into_iter().for_each(|space| space.is_tainted = true);
        }
        let event = match (object, kind) {
            (Some(object), _) => return self.show(kind, &object),
            (None, 0) => {
                self.newest.remove(&namespace);
                Event::NamespaceGone(gone())
            }
            (None, 1) => Event::AccountGone(gone(), name.parse().unwrap()),
            (None, _) => Event::SecretGone(0, gone()),
        };
        self.machine.see(event, self.now);
    }

    /// Runs to the end without more faults: the watches show everything, and every write succeeds.
    pub fn settle(&mut self) {
        for write in std::mem::take(&mut self.late) {
            self.server.write(&write.0, &write.1);
            self.lose_track();
        }
        for round in 0.. {
            assert!(round < 400, "it never ends: {:?}", self.machine.standings().collect::<Vec<_>>());
            self.now += 1;
            (0..3).for_each(|kind| {
                while self.shown[kind] < self.server.history[kind].len() {
                    self.see(kind);
                }
            });
            self.begin();
            if !self.running.is_empty() {
                self.end(0, true);
            } else if let Some(due) = self.machine.due() {
                self.now = self.now.max(due);
            } else {
                break;
            }
        }
    }

    /// Asserts that the cluster is as wanted, and that every namespace is counted in its state.
    pub fn assert_right(&self) {
        let standings: Vec<_> = self.machine.standings().map(|(_, standing)| standing).collect();
        let counts = self.machine.counts();
        let is_served = |standing: &&&Standing| ***standing == Standing::Served;
        let is_wanted = |standing: &&&Standing| !matches!(standing, Standing::Unwanted | Standing::Leaving);
        assert_eq!(counts.served, standings.iter().filter(is_served).count(), "{standings:?}");
        assert_eq!(counts.wanted, standings.iter().filter(is_wanted).count(), "{standings:?}");
        let refers = |list: &[Value]| list.iter().filter(|entry| entry["name"] == NAME).count();
        for (namespace, space) in &self.server.namespaces {
            let held = self.server.secrets.get(namespace);
            let lists: Vec<_> = self
                .server
                .accounts
                .iter()
                .filter(|((of, _), _)| of == namespace)
                .map(|(_, one)| refers(&one.list))
                .collect();
            if space.is_excluded {
                assert!(held.is_none_or(|held| !held.is_ours), "{namespace} keeps our Secret");
                let has_none = lists.iter().all(|count| *count == 0);
                assert!(has_none || space.is_tainted || held.is_some(), "{namespace} keeps a reference");
                continue;
            }
            let held = held.unwrap_or_else(|| panic!("{namespace} has no Secret"));
            assert!(!held.is_ours || held.content == self.content(), "{namespace} has another content");
            assert!(lists.iter().all(|count| *count == 1), "{namespace}: {lists:?}");
        }
    }
}
