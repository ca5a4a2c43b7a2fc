//! Models an API server: namespaces, ServiceAccounts and the Secrets of one name, each with versions, and a history that watches read.

use std::collections::BTreeMap;

use regcred_core::controller::{Deed, Identity, Outcome, Target, Write};
use serde_json::{Value, json};

/// The name of the Secret.
pub const NAME: &str = "ours";

#[derive(Clone, Debug)]
pub struct Space {
    pub uid: u64,
    pub version: u64,
    pub is_excluded: bool,
    /// Whether somebody else removed our Secret there, so that a reference to it may belong to anybody.
    pub is_tainted: bool,
}

#[derive(Clone, Debug)]
pub struct Held {
    pub uid: u64,
    pub version: u64,
    pub is_ours: bool,
    pub content: String,
}

#[derive(Clone, Debug)]
pub struct Listed {
    pub uid: u64,
    pub version: u64,
    pub list: Vec<Value>,
}

/// A change of one kind of object, by its place; `None` is a deletion.
#[derive(Clone, Debug)]
pub struct Change {
    pub place: (String, String),
    pub object: Option<Value>,
}

#[derive(Default)]
pub struct Server {
    version: u64,
    pub namespaces: BTreeMap<String, Space>,
    pub accounts: BTreeMap<(String, String), Listed>,
    pub secrets: BTreeMap<String, Held>,
    /// The changes of namespaces, of ServiceAccounts and of Secrets.
    pub history: [Vec<Change>; 3],
}

impl Server {
    fn next(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    pub fn create(&mut self, namespace: &str) {
        if !self.namespaces.contains_key(namespace) {
            let uid = self.next();
            self.namespaces
                .insert(namespace.to_owned(), Space { uid, version: uid, is_excluded: false, is_tainted: false });
            self.show_namespace(namespace);
        }
    }

    pub fn exclude(&mut self, namespace: &str) {
        let version = self.next();
        if let Some(space) = self.namespaces.get_mut(namespace) {
            space.is_excluded = !space.is_excluded;
            space.version = version;
            self.show_namespace(namespace);
        }
    }

    pub fn delete(&mut self, namespace: &str) {
        if self.namespaces.remove(namespace).is_none() {
            return;
        }
        let accounts: Vec<_> = self.accounts.keys().filter(|(of, _)| of == namespace).cloned().collect();
        for place in accounts {
            self.accounts.remove(&place);
            self.history[1].push(Change { place, object: None });
        }
        if self.secrets.contains_key(namespace) {
            self.delete_secret(namespace);
        }
        self.history[0].push(Change { place: (namespace.to_owned(), String::new()), object: None });
    }

    pub fn account(&mut self, namespace: &str, name: &str) {
        let place = (namespace.to_owned(), name.to_owned());
        if self.namespaces.contains_key(namespace) && !self.accounts.contains_key(&place) {
            let uid = self.next();
            self.accounts.insert(place.clone(), Listed { uid, version: uid, list: Vec::new() });
            self.show_account(&place);
        }
    }

    /// Somebody else changes a list.
    pub fn edit(&mut self, namespace: &str, name: &str, edit: impl FnOnce(&mut Vec<Value>)) {
        let place = (namespace.to_owned(), name.to_owned());
        let version = self.next();
        if let Some(account) = self.accounts.get_mut(&place) {
            edit(&mut account.list);
            account.version = version;
            self.show_account(&place);
        }
    }

    /// Puts a Secret there.
    pub fn put(&mut self, namespace: &str, is_ours: bool, content: &str, uid: Option<u64>) -> Identity {
        let version = self.next();
        let held = Held { uid: uid.unwrap_or(version), version, is_ours, content: content.to_owned() };
        let identity = Identity { uid: held.uid.to_string(), version: version.to_string() };
        self.secrets.insert(namespace.to_owned(), held);
        self.show_secret(namespace);
        identity
    }

    pub fn delete_secret(&mut self, namespace: &str) {
        if self.secrets.remove(namespace).is_some() {
            self.history[2].push(Change { place: (namespace.to_owned(), NAME.to_owned()), object: None });
        }
    }

    fn show_namespace(&mut self, namespace: &str) {
        let space = &self.namespaces[namespace];
        let annotations = if space.is_excluded { json!({"regcred.dev/exclude": "true"}) } else { json!({}) };
        let (uid, version) = (space.uid.to_string(), space.version.to_string());
        let object = json!({"metadata": {"name": namespace, "uid": uid, "resourceVersion": version, "annotations": annotations}});
        self.history[0].push(Change { place: (namespace.to_owned(), String::new()), object: Some(object) });
    }

    fn show_account(&mut self, place: &(String, String)) {
        let object = self.account_object(place);
        self.history[1].push(Change { place: place.clone(), object: Some(object) });
    }

    fn account_object(&self, place: &(String, String)) -> Value {
        let Listed { uid, version, list } = &self.accounts[place];
        json!({"metadata": {"name": place.1, "namespace": place.0, "uid": uid.to_string(),
            "resourceVersion": version.to_string()}, "imagePullSecrets": list})
    }

    fn show_secret(&mut self, namespace: &str) {
        let Held { uid, version, is_ours, content } = &self.secrets[namespace];
        let marks = if *is_ours {
            json!({"labels": {"app.kubernetes.io/managed-by": "regcred"}, "annotations": {"regcred.dev/owner": "acme"}})
        } else {
            json!({})
        };
        let mut object = json!({"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": content},
            "metadata": {"name": NAME, "namespace": namespace, "uid": uid.to_string(), "resourceVersion": version.to_string()}});
        for key in ["labels", "annotations"] {
            object["metadata"][key] = marks.get(key).cloned().unwrap_or(json!({}));
        }
        self.history[2].push(Change { place: (namespace.to_owned(), NAME.to_owned()), object: Some(object) });
    }

    /// The state after this many changes of a kind.
    pub fn list(&self, kind: usize, changes: usize) -> Vec<Value> {
        let mut there = BTreeMap::new();
        for Change { place, object } in &self.history[kind][..changes] {
            match object {
                Some(object) => drop(there.insert(place.clone(), object.clone())),
                None => drop(there.remove(place)),
            }
        }
        there.into_values().collect()
    }

    /// The answer of the API server, with the policies that confine the account.
    pub fn write(&mut self, write: &Write, content: &str) -> Outcome {
        let namespace = write.place.namespace.as_str().to_owned();
        let Some(space) = self.namespaces.get(&namespace) else { return Outcome::NamespaceEnds };
        let is_excluded = space.is_excluded;
        match (&write.deed, &write.place.target) {
            (Deed::Link(patch), Target::Account(name)) => {
                if is_excluded {
                    return Outcome::Failed(
                        "regcred may add a reference only in the namespaces that it serves".to_owned(),
                    );
                }
                self.patch(&(namespace, name.to_string()), patch)
            }
            (Deed::Unlink(patch), Target::Account(name)) => self.patch(&(namespace, name.to_string()), patch),
            (Deed::Apply(there), _) => {
                if is_excluded {
                    return Outcome::Failed("regcred may write only into the namespaces that it serves".to_owned());
                }
                let known = self.secrets.get(&namespace).cloned();
                match (there, known) {
                    (None, None) => Outcome::Secret(self.put(&namespace, true, content, None)),
                    (Some(identity), Some(held)) if is_the_same(identity, &held) => {
                        assert!(held.is_ours, "a Secret of somebody else is written");
                        Outcome::Secret(self.put(&namespace, true, content, Some(held.uid)))
                    }
                    _ => Outcome::Stale,
                }
            }
            (Deed::Delete(identity), _) => match self.secrets.get(&namespace).cloned() {
                None => Outcome::Deleted,
                Some(held) if is_the_same(identity, &held) => {
                    assert!(held.is_ours, "a Secret of somebody else is deleted");
                    self.delete_secret(&namespace);
                    Outcome::Deleted
                }
                Some(_) => Outcome::Stale,
            },
            (Deed::Link(_) | Deed::Unlink(_), Target::Secret(_)) => panic!("a Secret has no list"),
        }
    }

    fn patch(&mut self, place: &(String, String), patch: &Value) -> Outcome {
        let version = self.next();
        let Some(account) = self.accounts.get_mut(place) else { return Outcome::Stale };
        let before = account.list.clone();
        // No object has managers here.
        let is_of_the_list = |operation: &&Value| operation["path"] != "/metadata/managedFields";
        for operation in patch.as_array().unwrap().iter().filter(is_of_the_list) {
            let at = operation["path"].as_str().unwrap().strip_prefix("/imagePullSecrets").unwrap();
            match (operation["op"].as_str().unwrap(), at) {
                ("test", "") => {
                    let now = if account.list.is_empty() { Value::Null } else { json!(account.list) };
                    if operation["value"] != now {
                        return Outcome::Stale;
                    }
                }
                ("add", "") => account.list = operation["value"].as_array().unwrap().clone(),
                ("add", "/-") => account.list.push(operation["value"].clone()),
                ("remove", at) => drop(account.list.remove(at[1..].parse().unwrap())),
                other => panic!("{other:?}"),
            }
        }
        let others = |list: &[Value]| list.iter().filter(|entry| entry["name"] != NAME).cloned().collect::<Vec<_>>();
        assert_eq!(others(&before), others(&account.list), "an entry of somebody else is changed");
        account.version = version;
        let object = self.account_object(place);
        self.show_account(place);
        Outcome::Account(serde_json::from_value(object).unwrap())
    }
}

fn is_the_same(identity: &Identity, held: &Held) -> bool {
    identity.uid == held.uid.to_string() && identity.version == held.version.to_string()
}
