//! Finds out which rights this account lacks, if the controller runs with the role of another program.

use regcred_core::names::Namespace;
use serde_json::json;

use crate::rights::may;
use crate::server::{Server, Trouble};

/// The rights that were asked about and are missing, each as `VERB RESOURCE`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// The rights to watch: without them the controller lists the objects repeatedly.
    pub watches: Vec<String>,
    /// The rights to elect a replica: without them each replica writes.
    pub leases: Vec<String>,
    /// The rights to publish Events.
    pub events: Vec<String>,
}

/// Finds the missing rights; those for leases and Events are about the namespace `own`.
///
/// # Errors
/// The API server does not answer.
pub async fn missing(server: &Server, own: &Namespace) -> Result<Missing, Trouble> {
    let own = own.as_str();
    let ask = async |verbs: &[&str], group: &str, resources: &[&str], namespace: &str| {
        let mut missing = Vec::new();
        for resource in resources {
            for verb in verbs {
                let attributes = json!({"verb": verb, "group": group, "resource": resource, "namespace": namespace});
                if !may(server, attributes).await? {
                    missing.push(format!("{verb} {resource}"));
                }
            }
        }
        Ok::<_, Trouble>(missing)
    };
    Ok(Missing {
        watches: ask(&["watch"], "", &["namespaces", "serviceaccounts", "secrets"], "").await?,
        leases: ask(&["get", "watch", "create", "patch"], "coordination.k8s.io", &["leases"], own).await?,
        events: ask(&["create", "patch"], "events.k8s.io", &["events"], own).await?,
    })
}
