//! Translates the settings of Titansoft's patcher into the settings of a mounted regcred.yaml.

use super::{Accounts, Overwrites, Settings};
use crate::cluster::{OnConflict, Unchangeable};
use crate::controller::Selection;
use crate::controller::wanted::{Config, Key, Source, Wanted};
use crate::names::{OF_THE_CLUSTER, SecretKey};
use crate::spec::choice::Link;

impl Settings {
    /// What these settings ask of the controller. The owner is the name of the Secret.
    pub fn config(&self) -> Config {
        let Self { overwrites, accounts, secret_name, excluded, login: _, verbosity: _, passes: _, interval: _ } = self;
        let (link, accounts) = match accounts {
            Accounts::All => (Link::ServiceAccount, Vec::new()),
            Accounts::Named(names) if names.is_empty() => (Link::None, Vec::new()),
            Accounts::Named(names) => (Link::ServiceAccount, names.clone()),
        };
        let (on_conflict, unchangeable) = match overwrites {
            Overwrites::All => (OnConflict::Overwrite, Unchangeable::Recreate),
            Overwrites::Managed => (OnConflict::Inherit, Unchangeable::Recreate),
            Overwrites::None => (OnConflict::Keep, Unchangeable::Refuse),
        };
        let wanted = Wanted {
            name: secret_name.clone(),
            sources: vec![Source::Whole(Key { secret: secret_name.clone(), key: SecretKey::known("whole") })],
            namespaces: Selection {
                // The patcher itself leaves out no namespace.
                include: ["*"].iter().chain(&OF_THE_CLUSTER).filter_map(|pattern| pattern.parse().ok()).collect(),
                exclude: excluded.clone(),
                selector: None,
            },
            within: None,
            accounts,
            account_globs: Vec::new(),
        };
        Config { owner: secret_name.clone(), link, pull_secrets: vec![wanted], on_conflict, unchangeable }
    }
}
