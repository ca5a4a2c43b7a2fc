//! Elects the replica that writes, by a Lease that each replica sees change or not: no two clocks are compared.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use regcred_core::cluster::facts::Metadata;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use crate::call::{APPLY, Call};
use crate::server::{Server, Trouble};

/// How often the leader renews its lease.
pub const RENEW: Duration = Duration::from_secs(3);
/// How often another replica looks at it.
pub const LOOK: Duration = Duration::from_millis(700);
/// After how long without a change another replica takes the lease.
const EXPIRES: Duration = Duration::from_secs(15);
/// How long a leader writes after its last renewal. It ends before another replica may begin.
const LEADS: Duration = Duration::from_secs(10);

/// The lease, as this replica has seen it.
pub struct Lease {
    path: String,
    name: String,
    identity: String,
    /// The version that was seen last, and when it was new.
    seen: Option<(String, Instant)>,
    /// Until when this replica may write.
    until: Option<Instant>,
    holder: String,
}

#[derive(Debug, Deserialize)]
struct Object {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    holder_identity: Option<String>,
    lease_transitions: Option<i64>,
}

impl Lease {
    /// The lease of this name; `identity` is that of this replica, and of no other one before or after it.
    #[must_use]
    pub fn new(namespace: &str, name: &str, identity: String) -> Self {
        let path = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}");
        Self { path, name: name.to_owned(), identity, seen: None, until: None, holder: String::new() }
    }

    /// Until when this replica may write.
    #[must_use]
    pub fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Who holds it, as far as was seen.
    #[must_use]
    pub fn holder(&self) -> &str {
        &self.holder
    }

    /// Renews the lease, takes it where nobody holds it any more, or looks at it.
    ///
    /// # Errors
    /// The API server does not answer, or refuses.
    pub async fn turn(&mut self, server: &Server) -> Result<(), Trouble> {
        let now = Instant::now();
        let object = match server.ask::<Object>(&Call::get(self.path.clone())).await {
            Ok(object) => object,
            Err(trouble) if trouble.code() == 404 => return self.take(server, None, 0, now).await,
            Err(trouble) => return Err(trouble),
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
        let transitions = object.spec.lease_transitions.unwrap_or_default();
        if is_ours || holder.is_empty() || has_expired {
            self.take(server, Some(&version), transitions + i64::from(!is_ours), now).await
        } else {
            self.until = None;
            Ok(())
        }
    }

    /// Writes the lease, if it is still as it was seen; a lost race is no error.
    async fn take(
        &mut self,
        server: &Server,
        seen: Option<&str>,
        transitions: i64,
        now: Instant,
    ) -> Result<(), Trouble> {
        match self.write(server, &self.identity, seen, transitions).await {
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

    async fn write(
        &self,
        server: &Server,
        holder: &str,
        seen: Option<&str>,
        transitions: i64,
    ) -> Result<Object, Trouble> {
        let now = Timestamp::now();
        let time = format!("{now:.6}");
        let mut lease = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.name},
            "spec": {
                "holderIdentity": holder, "leaseDurationSeconds": EXPIRES.as_secs(), "renewTime": time,
                "leaseTransitions": transitions,
            },
        });
        let force = match seen {
            Some(version) => {
                lease["metadata"]["resourceVersion"] = json!(version);
                "&force=true"
            }
            // Two replicas that make it at the same time are two managers: the second is in conflict with the first.
            None => "",
        };
        let manager: String = self.identity.chars().take(128).collect();
        let path = format!("{}?fieldManager={manager}{force}", self.path);
        server.ask(&Call::patch(path, APPLY, lease.to_string().into_bytes())).await
    }

    /// Gives the lease back, so that another replica takes it at once.
    pub async fn release(&mut self, server: &Server) {
        self.until = None;
        if self.holder != self.identity {
            return;
        }
        if let Some((version, _)) = self.seen.clone() {
            // Whoever waits takes it after its time otherwise.
            let _ = self.write(server, "", Some(&version), 0).await;
        }
    }
}
