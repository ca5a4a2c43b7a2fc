//! Finds the login of Titansoft's patcher, and the rights that its role lacks.

use std::time::Duration;

use super::log;
use regcred_cluster::controller::rights::Missing;
use regcred_core::controller::titansoft::{Login, Settings};

/// The place of the login, as text for a message.
pub fn place(settings: &Settings) -> String {
    match &settings.login {
        Login::Value(name, _) => format!("`{name}`"),
        Login::File(name, _) => format!("the file of `{name}`"),
    }
}

/// Logs once which rights this account lacks, and the effect.
pub fn tell(missing: &Missing, interval: Duration) {
    let Missing { watches, leases, events } = missing;
    log::warn(
        "no policy confines this account, because it has the role of imagepullsecret-patcher",
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
