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

/// The rights to ask about: verbs, group and resource.
type Asked = (&'static [&'static str], &'static str, &'static str);

const WATCHES: [Asked; 3] =
    [(&["watch"], "", "namespaces"), (&["watch"], "", "serviceaccounts"), (&["watch"], "", "secrets")];
const LEASES: [Asked; 1] = [(&["get", "watch", "create", "patch"], "coordination.k8s.io", "leases")];
const EVENTS: [Asked; 1] = [(&["create", "patch"], "events.k8s.io", "events")];

/// Finds the missing rights; those for leases and Events are about the namespace `own`.
///
/// # Errors
/// The API server does not answer.
pub async fn missing(server: &Server, own: &Namespace) -> Result<Missing, Trouble> {
    Ok(Missing {
        watches: of(server, &WATCHES, None).await?,
        leases: of(server, &LEASES, Some(own)).await?,
        events: of(server, &EVENTS, Some(own)).await?,
    })
}

async fn of(server: &Server, asked: &[Asked], namespace: Option<&Namespace>) -> Result<Vec<String>, Trouble> {
    let mut missing = Vec::new();
    for (verbs, group, resource) in asked {
        for verb in *verbs {
            let namespace = namespace.map_or("", Namespace::as_str);
            let attributes = json!({"verb": verb, "group": group, "resource": resource, "namespace": namespace});
            if !may(server, attributes).await? {
                missing.push(format!("{verb} {resource}"));
            }
        }
    }
    Ok(missing)
}
