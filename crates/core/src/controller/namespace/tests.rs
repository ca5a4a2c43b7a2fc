//! Tests the writes of a fresh namespace: the reference first, the Secret second.

use serde_json::json;

use crate::cluster::{Accounts, Delivery, OnConflict, PullSecret, Unchangeable};
use crate::controller::{Choosing, Deed, Event, Identity, Machine, Manner, Outcome, Selection, Target, Watch, Write};
use crate::docker_config::Logins;
use crate::names::ResourceName;
use crate::objects::marks::Marks;
use crate::spec::choice::Link;

fn account(version: &str, references: &[&str]) -> crate::cluster::facts::Account {
    let references: Vec<_> = references.iter().map(|name| json!({"name": name})).collect();
    let metadata = json!({"name": "default", "namespace": "fresh", "uid": "u", "resourceVersion": version});
    serde_json::from_value(json!({"metadata": metadata, "imagePullSecrets": references})).unwrap()
}

/// Whether a write adds the reference or makes the Secret.
fn is_link(write: &Write) -> bool {
    match (&write.deed, &write.place.target) {
        (Deed::Link(_), Target::Account(name)) => name.as_str() == "default",
        (Deed::Apply(None), Target::Secret(0)) => false,
        other => panic!("{other:?}"),
    }
}

/// Runs this with the machine of a cluster that is empty so far.
fn in_an_empty_cluster(check: impl FnOnce(Machine<'_>)) {
    choosing(&Selection::default(), &["default"], check);
}

/// Runs this with such a machine that serves these namespaces and ServiceAccounts.
fn choosing(selection: &Selection, accounts: &[&str], check: impl FnOnce(Machine<'_>)) {
    let name: ResourceName = "pull".parse().unwrap();
    let default: Vec<ResourceName> = accounts.iter().map(|name| name.parse().unwrap()).collect();
    let delivery = Delivery {
        pull_secrets: vec![PullSecret::new(&name, Vec::new(), Accounts::Chosen(&default, &[]), &Logins::Unavailable)],
        link: Link::ServiceAccount,
        marks: Marks { owner: "acme".to_owned(), profile: None },
        on_conflict: OnConflict::Skip,
        unchangeable: Unchangeable::Refuse,
    };
    let choices = vec![Choosing { selection, within: None }];
    let mut machine = Machine::new(&delivery, choices, "regcred-system".parse().unwrap(), Manner::Controller);
    for watch in machine.watches() {
        machine.see(Event::Began(watch.clone()), 0);
        machine.see(Event::Ended(watch), 0);
    }
    check(machine);
}

fn namespace() -> Event {
    Event::Namespace(serde_json::from_value(json!({"metadata": {"name": "fresh", "uid": "n"}})).unwrap())
}

fn seen(account: crate::cluster::facts::Account) -> Event {
    Event::Account(Watch::Accounts(Some("default".parse().unwrap())), account)
}

#[test]
fn a_named_namespace_or_service_account_that_does_not_exist_is_reported() {
    let include = ["fresh", "frehs", "f*"].map(|name| name.parse().unwrap()).to_vec();
    let selection = Selection { include, ..Selection::default() };
    choosing(&selection, &["default", "bulider"], |mut machine| {
        assert_eq!(
            machine.absent_of(&[0]),
            ["namespace frehs", "namespace fresh"],
            "no ServiceAccount is expected yet"
        );
        machine.see(namespace(), 1);
        machine.see(seen(account("1", &[])), 1);
        assert_eq!(machine.absent_of(&[0]), ["ServiceAccount bulider", "namespace frehs"]);
    });
}

#[test]
fn a_fresh_namespace_gets_the_reference_first_and_the_secret_once_the_reference_is_there() {
    in_an_empty_cluster(|mut machine| {
        machine.see(namespace(), 1);
        machine.see(seen(account("1", &["theirs"])), 1);
        let link = machine.next(1).unwrap();
        assert!(is_link(&link), "{link:?}");
        assert_eq!(machine.next(2), None, "the Secret waits for the reference");
        machine.end(&link.place, Outcome::Account(account("2", &["theirs", "pull"])), 3);
        let secret = machine.next(3).unwrap();
        assert!(!is_link(&secret), "{secret:?}");
        let identity = Identity { uid: "s".to_owned(), version: "3".to_owned() };
        machine.end(&secret.place, Outcome::Secret(identity), 4);
        assert!(machine.next(4).is_none() && machine.counts().served == 1);
    });
}

#[test]
fn the_secret_does_not_wait_for_a_service_account_that_does_not_exist_yet() {
    in_an_empty_cluster(|mut machine| {
        machine.see(namespace(), 1);
        let secret = machine.next(1).unwrap();
        assert!(!is_link(&secret), "{secret:?}");
        machine.see(seen(account("1", &[])), 2);
        let link = machine.next(2).unwrap();
        assert!(is_link(&link), "{link:?}");
    });
}

#[test]
fn a_secret_does_not_wait_for_a_reference_that_cannot_be_added() {
    in_an_empty_cluster(|mut machine| {
        machine.see(namespace(), 1);
        machine.see(seen(account("1", &[])), 1);
        let link = machine.next(1).unwrap();
        machine.end(&link.place, Outcome::Failed("no".to_owned()), 2);
        let next = machine.next(2).unwrap();
        assert!(!is_link(&next), "{next:?}");
    });
}

#[test]
fn a_reference_that_was_taken_away_comes_back_with_a_record_of_its_managers_where_there_is_none() {
    in_an_empty_cluster(|mut machine| {
        machine.see(namespace(), 1);
        machine.see(seen(account("1", &["theirs", "pull"])), 1);
        let secret = machine.next(1).unwrap();
        machine.end(&secret.place, Outcome::Secret(Identity { uid: "s".to_owned(), version: "2".to_owned() }), 1);
        let mut added_after_a_loss = |version: u32, managers: serde_json::Value| {
            let mut lost = account(&version.to_string(), &["theirs"]);
            lost.metadata.managed_fields = serde_json::from_value(managers).unwrap();
            machine.see(seen(lost), 2);
            let link = machine.next(2).unwrap();
            let again = account(&(version + 1).to_string(), &["theirs", "pull"]);
            machine.end(&link.place, Outcome::Account(again), 2);
            let Deed::Link(patch) = link.deed else { panic!("{:?}", link.deed) };
            patch
        };
        let patch = added_after_a_loss(3, json!([]));
        assert_eq!(patch[2], json!({"op": "test", "path": "/metadata/managedFields", "value": null}));
        assert_eq!(patch[3]["value"][0]["manager"], "regcred-acme");
        let rival = json!([{"manager": "rival", "fieldsV1": {"f:imagePullSecrets": {}}}]);
        let patch = added_after_a_loss(5, rival);
        assert_eq!(patch.as_array().unwrap().len(), 2, "the record stays as it is");
    });
}
