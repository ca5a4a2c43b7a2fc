//! Elects the replica that writes. A replica observes whether the Lease changes, so no two clocks are compared.

use std::future::pending;
use std::time::Duration;

use futures::stream::{BoxStream, StreamExt};
use http::Request;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::core::WatchEvent;
use regcred_core::cluster::facts::Metadata;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::watch::SECONDS;
use crate::call::{APPLY, Call};
use crate::server::{Server, Trouble};

/// How often the leader renews its Lease.
const RENEW: Duration = Duration::from_secs(3);
/// How often another replica reads the Lease if its watch shows nothing: a working watch shows the next renewal earlier.
const POLL: Duration = Duration::from_secs(4);
/// The pause of a replica before a retry if it got no answer.
pub const RETRY: Duration = Duration::from_secs(1);
/// Another replica takes the Lease after this time without a change.
const EXPIRES: Duration = Duration::from_secs(15);
/// How long a leader writes after its last renewal. This time ends before another replica may begin.
const LEADS: Duration = Duration::from_secs(10);

/// The Lease, as this replica has seen it.
pub struct Lease {
    watching: Client,
    changes: Option<BoxStream<'static, Result<WatchEvent<Object>, kube::Error>>>,
    collection: String,
    path: String,
    name: String,
    identity: String,
    /// The version that was last seen, and when it was first seen.
    seen: Option<(String, Instant)>,
    /// Until when this replica may write.
    until: Option<Instant>,
    holder: String,
    /// Since when this replica holds the Lease.
    acquired: Option<String>,
    /// `leaseTransitions`, as this replica would write it.
    transitions: i64,
}

#[derive(Clone, Debug, Deserialize)]
struct Object {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    holder_identity: Option<String>,
    lease_transitions: Option<i64>,
}

impl Lease {
    /// The Lease of this name, with the client for watches. `identity` is unique to this replica, also among earlier and later ones.
    pub fn new(watching: Client, namespace: &str, name: &str, identity: String) -> Self {
        let collection = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases");
        Self {
            watching,
            changes: None,
            path: format!("{collection}/{name}"),
            collection,
            name: name.to_owned(),
            identity,
            seen: None,
            until: None,
            holder: String::new(),
            acquired: None,
            transitions: 0,
        }
    }

    /// Until when this replica may write.
    pub fn until(&self) -> Option<Instant> {
        self.until
    }

    /// How long this replica may leave the Lease alone, unless the Lease changes.
    pub fn rest(&self) -> Duration {
        let now = Instant::now();
        if self.until.is_some_and(|until| now < until) {
            return RENEW;
        }
        let expires = self.seen.as_ref().map(|(_, since)| (*since + EXPIRES).saturating_duration_since(now));
        // Zero: this replica tried to take the Lease, and another one was faster.
        expires.filter(|left| !left.is_zero()).unwrap_or(POLL).min(POLL)
    }

    /// Waits until a watch shows that the Lease has changed; for ever if there is nothing to watch.
    pub async fn changed(&mut self) {
        if self.changes.is_none() {
            self.changes = self.watch().await;
        }
        while let Some(changes) = &mut self.changes {
            match changes.next().await {
                Some(Ok(WatchEvent::Added(_) | WatchEvent::Modified(_) | WatchEvent::Deleted(_))) => return,
                Some(Ok(WatchEvent::Bookmark(_))) => {}
                Some(Ok(WatchEvent::Error(_)) | Err(_)) | None => self.changes = None,
            }
        }
        pending::<()>().await;
    }

    /// Starts a watch at the version that was seen, which needs no right to list.
    async fn watch(&self) -> Option<BoxStream<'static, Result<WatchEvent<Object>, kube::Error>>> {
        let (version, _) = self.seen.as_ref()?;
        let path = format!(
            "{}?watch=true&fieldSelector=metadata.name%3D{}&timeoutSeconds={SECONDS}&resourceVersion={version}",
            self.collection, self.name
        );
        let request = Request::get(path).body(Vec::new()).ok()?;
        Some(self.watching.request_events::<Object>(request).await.ok()?.boxed())
    }

    /// The holder that was last seen.
    pub fn holder(&self) -> &str {
        &self.holder
    }

    /// Renews the Lease, takes it if its holder has stopped, or reads it.
    ///
    /// # Errors
    /// The API server does not answer, or refuses.
    pub async fn renew_or_take(&mut self, server: &Server) -> Result<(), Trouble> {
        let now = Instant::now();
        let Some(object) = server.find::<Object>(self.path.clone()).await? else {
            self.transitions = 0;
            return self.take(server, None, now).await;
        };
        let version = object.metadata.resource_version;
        let holder = object.spec.holder_identity.unwrap_or_default();
        let is_ours = holder == self.identity;
        let is_new = self.seen.as_ref().is_none_or(|(seen, _)| *seen != version);
        if is_new {
            self.seen = Some((version.clone(), now));
        }
        let has_expired = self.seen.as_ref().is_some_and(|(_, since)| now.duration_since(*since) >= EXPIRES);
        self.holder.clone_from(&holder);
        self.transitions = object.spec.lease_transitions.unwrap_or_default() + i64::from(!is_ours);
        if !is_ours {
            self.acquired = None;
        }
        if is_ours || holder.is_empty() || has_expired {
            self.take(server, Some(&version), now).await
        } else {
            self.until = None;
            Ok(())
        }
    }

    /// Writes the Lease, if it has not changed since it was seen. If another replica was faster, that is no error.
    async fn take(&mut self, server: &Server, seen: Option<&str>, now: Instant) -> Result<(), Trouble> {
        let time = time();
        let acquired = self.acquired.get_or_insert_with(|| time.clone()).clone();
        let spec = json!({
            "holderIdentity": self.identity, "leaseDurationSeconds": EXPIRES.as_secs(), "renewTime": time,
            "acquireTime": acquired, "leaseTransitions": self.transitions,
        });
        match self.write(server, &spec, seen).await {
            Ok(object) => {
                self.seen = Some((object.metadata.resource_version, now));
                self.holder.clone_from(&self.identity);
                self.until = Some(now + LEADS);
                Ok(())
            }
            Err(trouble) if trouble.code() == 409 => {
                self.until = None;
                Ok(())
            }
            Err(trouble) => Err(trouble),
        }
    }

    async fn write(&self, server: &Server, spec: &Value, seen: Option<&str>) -> Result<Object, Trouble> {
        let mut lease = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": self.name}, "spec": spec,
        });
        let force = match seen {
            Some(version) => {
                lease["metadata"]["resourceVersion"] = json!(version);
                "&force=true"
            }
            // If two replicas create it at the same time, they are two field managers: the second gets a conflict.
            None => "",
        };
        let manager: String = self.identity.chars().take(128).collect();
        let path = format!("{}?fieldManager={manager}{force}", self.path);
        server.ask(&Call::patch(path, APPLY, lease.to_string().into_bytes())).await
    }

    /// Gives the Lease back, so that another replica takes it at once.
    pub async fn release(&mut self, server: &Server) {
        self.until = None;
        if self.holder != self.identity {
            return;
        }
        let spec = json!({
            "holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": time(), "leaseTransitions": self.transitions,
        });
        let Some((version, _)) = self.seen.clone() else { return };
        let released = self.write(server, &spec, Some(&version)).await;
        // A renewal whose answer was lost has changed the Lease. Without a release, another replica takes the Lease when it expires.
        if released.is_err_and(|trouble| trouble.code() == 409)
            && let Ok(Some(now)) = server.find::<Object>(self.path.clone()).await
            && now.spec.holder_identity.as_ref() == Some(&self.identity)
        {
            let _ = self.write(server, &spec, Some(&now.metadata.resource_version)).await;
        }
    }
}

fn time() -> String {
    format!("{:.6}", Timestamp::now())
}
