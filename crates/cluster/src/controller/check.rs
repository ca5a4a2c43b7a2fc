//! Tries a forbidden write without doing it: only the policies that confine this account make it safe to write at all.

use regcred_core::cluster::Delivery;
use regcred_core::names::Namespace;
use serde_json::{Value, json};

use crate::call::{APPLY, Call};
use crate::path::Kind;
use crate::server::{Server, Trouble};

/// With what every refusal of our policies begins.
const WORDS: &str = "regcred may";

/// Whether this account is confined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confined {
    /// Our policies deny what they should.
    Yes,
    /// They do not, for this reason.
    No(String),
}

/// Tries a Secret that must be denied, in each of these namespaces.
///
/// # Errors
/// The API server does not answer.
pub async fn check(server: &Server, delivery: &Delivery<'_>, namespaces: &[&Namespace]) -> Result<Confined, Trouble> {
    for namespace in namespaces {
        for pull_secret in &delivery.pull_secrets {
            let path = format!(
                "{}?fieldManager={}&force=true&dryRun=All",
                Kind::Secret.one(namespace, pull_secret.name),
                delivery.field_manager()
            );
            match denied(server, &path, forbidden(delivery, pull_secret.name.as_str(), "Opaque")).await? {
                Denied::ByUs => continue,
                Denied::Otherwise(422) => {}
                Denied::Otherwise(code) => {
                    return Ok(Confined::No(format!(
                        "the API server denies a test write in {namespace} by other means ({code})"
                    )));
                }
                Denied::No => return Ok(open(namespace)),
            }
            // The type of a Secret that is there cannot change, which is said before any policy is asked: this one keeps it.
            let of_ours = forbidden(delivery, pull_secret.name.as_str(), "kubernetes.io/dockerconfigjson");
            match denied(server, &path, of_ours).await? {
                Denied::ByUs => {}
                Denied::Otherwise(code) => {
                    return Ok(Confined::No(format!(
                        "the API server denies a test write in {namespace} by other means ({code})"
                    )));
                }
                Denied::No => return Ok(open(namespace)),
            }
        }
    }
    Ok(Confined::Yes)
}

fn open(namespace: &Namespace) -> Confined {
    Confined::No(format!("no ValidatingAdmissionPolicy denies this account a forbidden Secret in {namespace}"))
}

/// How a test write ended.
enum Denied {
    ByUs,
    Otherwise(u16),
    No,
}

async fn denied(server: &Server, path: &str, object: Value) -> Result<Denied, Trouble> {
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
