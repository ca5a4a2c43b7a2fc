//! Makes what is wanted with a login, and a state machine for it. Both live as long as the test.

use regcred_core::cluster::{Accounts, Delivery, OnConflict, PullSecret, Unchangeable};
use regcred_core::controller::{Choosing, Machine, Manner, Selection};
use regcred_core::credentials::Credential;
use regcred_core::docker_config::{DockerConfig, Logins};
use regcred_core::names::ResourceName;
use regcred_core::objects::marks::Marks;
use regcred_core::spec::choice::Link;

use super::server::NAME;

pub fn delivery(login: usize) -> &'static Delivery<'static> {
    let password = format!("password-{login}");
    let credential = Credential {
        registry: "ghcr.io".parse().unwrap(),
        username: "acme".into(),
        password: password.into(),
        email: None,
        source: String::new(),
        username_source: String::new(),
        public_username: true,
        is_one_of_several: false,
    };
    let logins = Box::leak(Box::new(Logins::Read(DockerConfig::merge(vec![credential]).unwrap())));
    let name: &'static ResourceName = Box::leak(Box::new(NAME.parse().unwrap()));
    Box::leak(Box::new(Delivery {
        pull_secrets: vec![PullSecret::new(name, Vec::new(), Accounts::All, logins)],
        link: Link::ServiceAccount,
        marks: Marks { owner: "acme".to_owned(), profile: None },
        on_conflict: OnConflict::Skip,
        unchangeable: Unchangeable::Refuse,
    }))
}

pub fn machine(delivery: &'static Delivery<'static>) -> Machine<'static> {
    let selection = Box::leak(Box::new(Selection::default()));
    let choices = vec![Choosing { selection, within: None }];
    Machine::new(delivery, choices, "regcred-system".parse().unwrap(), Manner::Controller)
}
