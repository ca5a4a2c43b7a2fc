//! Turns the settings of Titansoft's patcher into those that a mounted regcred.yaml gives, and finds out what its role lacks.

use std::time::Duration;

use super::config::{Config, Key, Source, Wanted};
use super::log;
use regcred_cluster::controller::rights::Missing;
use regcred_core::cluster::{OnConflict, Unchangeable};
use regcred_core::controller::titansoft::{Accounts, Login, Overwrites, Settings};
use regcred_core::names::SecretKey;
use regcred_core::spec::choice::Link;

/// The patcher leaves out no namespace by itself: without the last three, those of the cluster would be.
const EVERYWHERE: [&str; 4] = ["*", "kube-*", "openshift", "openshift-*"];

impl Config {
    /// What the patcher's settings mean. The owner has the name of the Secret.
    pub fn standing_in(settings: &Settings) -> Self {
        let Settings { overwrites, accounts, secret_name, excluded, login: _, verbosity: _, passes: _, interval: _ } =
            settings;
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
            include: EVERYWHERE.iter().filter_map(|pattern| pattern.parse().ok()).collect(),
            exclude: excluded.clone(),
            selector: None,
            accounts,
            account_globs: Vec::new(),
        };
        Self { owner: secret_name.clone(), link, pull_secrets: vec![wanted], on_conflict, unchangeable }
    }
}

/// Where the login is, in the words of a message.
pub fn place(settings: &Settings) -> String {
    match &settings.login {
        Login::Value(name, _) => format!("`{name}`"),
        Login::File(name, _) => format!("the file of `{name}`"),
    }
}

/// Says once what this account may not do, and what follows.
pub fn tell(missing: &Missing, interval: Duration) {
    let Missing { watches, leases, events } = missing;
    log::warn(
        "no policy confines this account, whose role is that of imagepullsecret-patcher",
        &[("hint", "`regcred render --strategy controller` writes smaller rights and the policies")],
    );
    let pause = format!("the cluster is listed every {} seconds, since this account may not watch", interval.as_secs());
    let says = [
        (pause.as_str(), watches),
        ("this replica takes part in no election, so run one only", leases),
        ("no Events are published", events),
    ];
    for (message, rights) in says.into_iter().filter(|(_, rights)| !rights.is_empty()) {
        log::warn(message, &[("missing", &rights.join(", "))]);
    }
}
