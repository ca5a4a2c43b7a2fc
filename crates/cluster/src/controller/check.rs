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

/// Tries Secrets that must be denied, with the name of each pull secret in each of these namespaces. RBAC may deny some of them, but in each
/// namespace our policies must deny at least one. A namespace that is being deleted, or no longer exists, proves nothing.
///
/// # Errors
/// The API server does not answer.
pub async fn check(server: &Server, delivery: &Delivery<'_>, namespaces: &[&Namespace]) -> Result<Confined, Trouble> {
    let mut proven = 0;
    'namespaces: for namespace in namespaces {
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
                Denied::ByTheEnd => continue 'namespaces,
                Denied::No => {
                    let why =
                        format!("no ValidatingAdmissionPolicy denies this account a forbidden Secret in {namespace}");
                    return Ok(Confined::No(why));
                }
            }
        }
        if !is_proven {
            return Ok(otherwise(namespace, 403));
        }
        proven += 1;
    }
    Ok(if proven > 0 {
        Confined::Yes
    } else {
        Confined::No("no namespace for a test write exists any more".to_owned())
    })
}

fn otherwise(namespace: &Namespace, code: u16) -> Confined {
    Confined::No(format!("the API server denies a test write in {namespace} by other means ({code})"))
}

/// The result of a test write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Denied {
    ByUs,
    /// The namespace is being deleted, or no longer exists.
    ByTheEnd,
    Otherwise(u16),
    No,
}

async fn try_one(server: &Server, path: &str, object: Value) -> Result<Denied, Trouble> {
    match server.send(&Call::patch(path.to_owned(), APPLY, object.to_string().into_bytes())).await {
        Ok(_) => Ok(Denied::No),
        Err(Trouble::Refused(status)) if status.message.contains(WORDS) => Ok(Denied::ByUs),
        Err(trouble) if trouble.is_end_of_namespace() => Ok(Denied::ByTheEnd),
        Err(Trouble::Refused(status)) if matches!(status.code, 400..=499) && status.code != 429 => {
            Ok(Denied::Otherwise(status.code))
        }
        Err(trouble) => Err(trouble),
    }
}

/// A Secret with our name, and a label that is not ours.
fn forbidden(delivery: &Delivery<'_>, name: &str, type_: &str) -> Value {
    let config = if type_ == "Opaque" { json!({"test": "e30="}) } else { json!({".dockerconfigjson": "e30="}) };
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": type_, "data": config,
        "metadata": {"name": name, "labels": {"regcred.dev/test": delivery.marks.owner.chars().take(63).collect::<String>()}},
    })
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::thread;
    use std::time::Duration;

    use regcred_core::cluster::{Accounts, OnConflict, PullSecret, Unchangeable};
    use regcred_core::docker_config::Logins;
    use regcred_core::names::ResourceName;
    use regcred_core::objects::marks::Marks;
    use regcred_core::spec::choice::Link;

    use super::*;

    /// Answers one request by the namespace in its path.
    fn answer(stream: &TcpStream) -> Option<()> {
        let (mut request, mut length) = (String::new(), 0);
        let mut reader = BufReader::new(stream);
        while !request.ends_with("\r\n\r\n") {
            let from = request.len();
            reader.read_line(&mut request).ok().filter(|length| *length > 0)?;
            if let Some((name, value)) = request[from..].split_once(": ")
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().ok()?;
            }
        }
        reader.read_exact(&mut vec![0; length]).ok()?;
        let status = match request.split('/').nth(4)? {
            "gone" => json!({"code": 404, "details": {"kind": "namespaces", "name": "gone"}}),
            "terminating" => json!({"code": 403, "details": {"causes": [{"reason": "NamespaceTerminating"}]}}),
            "forbidden" => json!({"code": 403, "message": "secrets \"ours\" is forbidden"}),
            "open" => json!({"code": 200}),
            _ => json!({"code": 403, "message": "denied request: regcred may write only its Secrets"}),
        };
        let (code, body) = (&status["code"], status.to_string());
        let answer =
            format!("HTTP/1.1 {code} said\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        reader.into_inner().write_all(answer.as_bytes()).ok()
    }

    /// The result of the check in these namespaces.
    async fn checked(namespaces: &[&str]) -> Confined {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || listener.incoming().filter_map(|stream| answer(&stream.unwrap())).count());
        let client = kube::Client::try_from(kube::Config::new(address.parse().unwrap())).unwrap();
        let server = Server::new(client, Duration::from_secs(10), || false);
        let name: ResourceName = "ours".parse().unwrap();
        let delivery = Delivery {
            pull_secrets: vec![PullSecret::new(&name, Vec::new(), Accounts::All, &Logins::Unavailable)],
            link: Link::ServiceAccount,
            marks: Marks { owner: "acme".to_owned(), profile: None },
            on_conflict: OnConflict::Skip,
            unchangeable: Unchangeable::Refuse,
        };
        let namespaces: Vec<Namespace> = namespaces.iter().map(|name| name.parse().unwrap()).collect();
        let namespaces: Vec<_> = namespaces.iter().collect();
        check(&server, &delivery, &namespaces).await.unwrap()
    }

    #[tokio::test]
    async fn a_namespace_that_ends_proves_nothing_and_the_next_one_does() {
        for confined in [&["own"][..], &["own", "gone"], &["own", "terminating"], &["gone", "own"]] {
            assert_eq!(checked(confined).await, Confined::Yes, "{confined:?}");
        }
        for (open, why) in [
            (&["gone"][..], "no namespace for a test write exists any more"),
            (&["terminating", "gone"], "no namespace for a test write exists any more"),
            (&["gone", "open"], "no ValidatingAdmissionPolicy denies this account a forbidden Secret in open"),
            (&["own", "forbidden"], "the API server denies a test write in forbidden by other means (403)"),
        ] {
            assert_eq!(checked(open).await, Confined::No(why.to_owned()), "{open:?}");
        }
    }
}
