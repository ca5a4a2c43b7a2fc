//! Writes the messages of a controller that stands in for Titansoft's imagepullsecret-patcher: where its login is, and which rights its
//! role lacks.

use std::time::Duration;

use super::log;
use regcred_cluster::controller::rights::Missing;
use regcred_core::controller::titansoft::{Login, Settings};

/// The place of the login, for a message.
pub fn place(settings: &Settings) -> String {
    match &settings.login {
        Login::Value(name, _) => format!("`{name}`"),
        Login::File(name, _) => format!("the file of `{name}`"),
    }
}

/// Logs which rights this account lacks, and what the controller does without them.
pub fn log_missing_rights(missing: &Missing, interval: Duration) {
    let Missing { watches, leases, events } = missing;
    log::warn(
        "no policy confines this account, because it has the role of imagepullsecret-patcher",
        &[("hint", "`regcred render --strategy controller` writes smaller rights and the policies")],
    );
    let seconds = interval.as_secs();
    let polls = format!("this account may not watch, so the controller lists the cluster every {seconds} seconds");
    let effects = [
        (polls.as_str(), watches),
        ("this replica cannot take part in leader election: run only one replica", leases),
        ("this account may not publish Events", events),
    ];
    for (message, rights) in effects.into_iter().filter(|(_, rights)| !rights.is_empty()) {
        log::warn(message, &[("missing", &rights.join(", "))]);
    }
}
