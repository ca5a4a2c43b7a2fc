//! Writes the status of custom resources, while this replica leads: at most twice a second each, and only what has changed.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep};

use super::log;
use super::mounted::Mounted;
use super::observed::Observed;
use super::online::Asking;
use super::session::Session;
use regcred_cluster::controller::resource::write_status;
use regcred_cluster::failure::Attempt;
use regcred_cluster::server::Server;
use regcred_core::controller::conditions::{Status, trouble};

/// The shortest pause between two comparisons of the statuses.
const COUNTS: Duration = Duration::from_millis(500);
/// How long a status stays unchanged while there is still work to do.
const WHILE_BUSY: Duration = Duration::from_secs(1);
/// A status is written again after this time if the watch has not shown it.
const AGAIN: Duration = Duration::from_secs(5);

/// How often the end of the writes is checked.
const LOOK: Duration = Duration::from_millis(20);

/// The written statuses.
pub struct Statuses {
    server: Rc<Server>,
    observed: Rc<Observed>,
    counted: Cell<Option<Instant>>,
    tries: Rc<RefCell<BTreeMap<String, Try>>>,
}

/// A write of a status.
struct Try {
    /// The version of the resource that it is about.
    version: String,
    began: Instant,
    runs: bool,
}

impl Statuses {
    pub fn new(server: Server, observed: Rc<Observed>) -> Self {
        Self { server: Rc::new(server), observed, counted: Cell::new(None), tries: Rc::default() }
    }

    /// Writes the statuses once, and waits for the answers.
    pub async fn tell_all(&self, session: &Session<'_>, mounted: &Mounted, asking: &Asking<'_>) {
        self.tell(session, mounted, asking);
        while self.tries.borrow().values().any(|one| one.runs) {
            sleep(LOOK).await;
        }
    }

    /// Writes the statuses that differ from what this session has found.
    pub fn tell(&self, session: &Session<'_>, mounted: &Mounted, asking: &Asking<'_>) {
        let is_soon = self.counted.get().is_some_and(|counted| counted.elapsed() < COUNTS);
        if is_soon || !session.state.may_write() || !session.machine.may_begin() {
            return;
        }
        self.counted.set(Some(Instant::now()));
        for verdict in &mounted.verdicts {
            let Some(resource) = self.observed.resource(&verdict.resource) else { continue };
            let version = &resource.metadata.object.resource_version;
            // The next session handles the current spec of the resource.
            if resource.metadata.generation != verdict.generation
                || !self.is_due(&verdict.resource, version, session.is_idle())
            {
                continue;
            }
            let (counts, standing) = session.machine.counts_of(&verdict.pull_secrets);
            let trouble = standing.and_then(|standing| trouble(standing, session.delivery));
            let (before, now) = (resource.status(), format!("{:.0}", Timestamp::now()));
            let accepted = asking.accepted(mounted, &verdict.pull_secrets);
            let absent = session.machine.absent_of(&verdict.pull_secrets);
            let status = Status::new(verdict, counts, trouble, &absent, accepted, &before, &now);
            if status == before {
                continue;
            }
            let began = Try { version: version.clone(), began: Instant::now(), runs: true };
            self.tries.borrow_mut().insert(verdict.resource.clone(), began);
            let (server, tries, manager) =
                (Rc::clone(&self.server), Rc::clone(&self.tries), session.delivery.field_manager());
            spawn_local(async move {
                let written = write_status(&server, &manager, &resource, &status).await;
                if let Some(one) = tries.borrow_mut().get_mut(resource.name()) {
                    one.runs = false;
                }
                // The resource has changed or is gone, as the watch will show.
                if let Err(trouble) = written
                    && !matches!(trouble.code(), 404 | 409)
                {
                    let object = format!("the status of the RegistryCredentials {}", resource.name());
                    let why = Attempt::new("patch", &object).failed(&trouble).message;
                    log::warn("a status could not be written", &[("why", &why)]);
                }
            });
        }
    }

    fn is_due(&self, name: &str, version: &str, is_idle: bool) -> bool {
        self.tries.borrow().get(name).is_none_or(|last| {
            let since = last.began.elapsed();
            !last.runs && (is_idle || since >= WHILE_BUSY) && (last.version != version || since >= AGAIN)
        })
    }
}
