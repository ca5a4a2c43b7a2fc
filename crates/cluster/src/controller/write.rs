//! Executes the writes that the state machine requests, each with a precondition.

use regcred_core::cluster::Delivery;
use regcred_core::cluster::facts::{Account, Metadata};
use regcred_core::controller::{Deed, Identity, Outcome, Place, Target, Write};
use serde::Deserialize;
use serde_json::json;

use crate::call::{APPLY, Call, JSON_PATCH};
use crate::failure::{Attempt, without_values};
use crate::path::Kind;
use crate::server::{Server, Trouble};

/// The fields that are read of a written Secret.
#[derive(Deserialize)]
struct Written {
    metadata: Metadata,
}

/// Makes a write.
pub async fn write(server: &Server, delivery: &Delivery<'_>, write: &Write) -> Outcome {
    let Write { place, deed } = write;
    let path = match &place.target {
        Target::Account(name) => Kind::ServiceAccount.one(&place.namespace, name),
        Target::Secret(number) => Kind::Secret.one(&place.namespace, delivery.pull_secrets[*number].name),
    };
    let manager = delivery.field_manager();
    let (verb, result) = match (deed, &place.target) {
        (Deed::Link(operations) | Deed::Unlink(operations), _) => {
            let call =
                Call::patch(format!("{path}?fieldManager={manager}"), JSON_PATCH, operations.to_string().into_bytes());
            ("patch", server.ask::<Account>(&call).await.map(Outcome::Account))
        }
        (Deed::Apply(there), Target::Secret(number)) => {
            let Some(call) = apply(delivery, *number, &path, place, there.as_ref()) else { return Outcome::Stale };
            let written = server.ask::<Written>(&call).await;
            let identity = |written: Written| Outcome::Secret(Identity::of(&written.metadata));
            ("patch", written.map(identity).map_err(|trouble| without_values(delivery, trouble)))
        }
        (Deed::Delete(there), _) => {
            let call = Call::delete(path, &json!({"uid": there.uid, "resourceVersion": there.version}));
            ("delete", server.send(&call).await.map(|_| Outcome::Deleted))
        }
        (Deed::Apply(_), Target::Account(_)) => return Outcome::Stale,
    };
    result.unwrap_or_else(|trouble| ended(&trouble, deed, || Attempt::new(verb, place.words(delivery))))
}

/// A version that only a missing object can have: no object of the API server is that old.
const NOT_THERE: &str = "1";

/// The server-side apply of a Secret. It replaces only the Secret that was seen, never one that was created since.
fn apply(delivery: &Delivery<'_>, number: usize, path: &str, place: &Place, there: Option<&Identity>) -> Option<Call> {
    let wanted = delivery.manifest(&delivery.pull_secrets[number]);
    let mut object = serde_json::to_value(wanted.object(Some(&place.namespace))).ok()?;
    object["metadata"]["resourceVersion"] = json!(NOT_THERE);
    if let Some(there) = there {
        object["metadata"]["uid"] = json!(there.uid);
        object["metadata"]["resourceVersion"] = json!(there.version);
    }
    let force = if there.is_some() { "&force=true" } else { "" };
    let path = format!("{path}?fieldManager={}{force}", delivery.field_manager());
    Some(Call::patch(path, APPLY, serde_json::to_vec(&object).ok()?))
}

fn ended(trouble: &Trouble, deed: &Deed, attempt: impl FnOnce() -> Attempt) -> Outcome {
    let is_by_a_policy = matches!(trouble, Trouble::Refused(status) if status.message.contains("denied request"));
    match trouble.code() {
        _ if trouble.is_end_of_namespace() => Outcome::NamespaceEnds,
        404 if matches!(deed, Deed::Delete(_)) => Outcome::Deleted,
        404 | 409 => Outcome::Stale,
        422 if !is_by_a_policy && matches!(deed, Deed::Link(_) | Deed::Unlink(_)) => Outcome::Stale,
        _ => Outcome::Failed(attempt().failed(trouble).message),
    }
}
