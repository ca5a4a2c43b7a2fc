//! Tries a forbidden write as a dry run. Writing is safe only if the policies confine this account.

use regcred_core::cluster::Delivery;
use regcred_core::names::Namespace;
use serde_json::{Value, json};

use crate::call::{APPLY, Call};
use crate::path::Kind;
use crate::server::{Server, Trouble};

/// The beginning of every message with which our policies deny a request.
const WORDS: &str = "regcred may";

/// Whether the policies confine this account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confined {
    /// Our policies deny what they should deny.
    Yes,
    /// Our policies do not, for this reason.
    No(String),
}

/// Tries a Secret that must be denied, in each of these namespaces. If RBAC does not let the account write a pull secret, that is
/// safe, too.
///
/// # Errors
/// The API server does not answer.
pub async fn check(server: &Server, delivery: &Delivery<'_>, namespaces: &[&Namespace]) -> Result<Confined, Trouble> {
    for namespace in namespaces {
        let mut is_proven = false;
        for pull_secret in &delivery.pull_secrets {
            let path = format!(
                "{}?fieldManager={}&force=true&dryRun=All",
                Kind::Secret.one(namespace, pull_secret.name),
                delivery.field_manager()
            );
            let name = pull_secret.name.as_str();
            let mut denied = try_one(server, &path, forbidden(delivery, name, "Opaque")).await?;
            if denied == Denied::Otherwise(422) {
                // The API server refuses another type for an existing Secret before it asks any policy, so this test keeps the type.
                denied = try_one(server, &path, forbidden(delivery, name, "kubernetes.io/dockerconfigjson")).await?;
            }
            match denied {
                Denied::ByUs => is_proven = true,
                Denied::Otherwise(403) => {}
                Denied::Otherwise(code) => return Ok(otherwise(namespace, code)),
                Denied::No => return Ok(open(namespace)),
            }
        }
        if !is_proven {
            return Ok(otherwise(namespace, 403));
        }
    }
    Ok(Confined::Yes)
}

fn otherwise(namespace: &Namespace, code: u16) -> Confined {
    Confined::No(format!("the API server denies a test write in {namespace} by other means ({code})"))
}

fn open(namespace: &Namespace) -> Confined {
    Confined::No(format!("no ValidatingAdmissionPolicy denies this account a forbidden Secret in {namespace}"))
}

/// The result of a test write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Denied {
    ByUs,
    Otherwise(u16),
    No,
}

async fn try_one(server: &Server, path: &str, object: Value) -> Result<Denied, Trouble> {
    match server.send(&Call::patch(path.to_owned(), APPLY, object.to_string().into_bytes())).await {
        Ok(_) => Ok(Denied::No),
        Err(Trouble::Refused(status)) if status.message.contains(WORDS) => Ok(Denied::ByUs),
        Err(Trouble::Refused(status)) if matches!(status.code, 400..=499) && status.code != 429 => {
            Ok(Denied::Otherwise(status.code))
        }
        Err(trouble) => Err(trouble),
    }
}

/// A Secret of our name with a label that is not ours.
fn forbidden(delivery: &Delivery<'_>, name: &str, type_: &str) -> Value {
    let config = if type_ == "Opaque" { json!({"test": "e30="}) } else { json!({".dockerconfigjson": "e30="}) };
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": type_, "data": config,
        "metadata": {"name": name, "labels": {"regcred.dev/test": delivery.marks.owner.chars().take(63).collect::<String>()}},
    })
}
