//! Reads a cluster: first the namespaces, then the Secrets and ServiceAccounts of the chosen namespaces.
//!
//! For many namespaces, it reads one list of each kind. For few namespaces, or an account that may not list, it makes a call for
//! each object.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use regcred_core::cluster::facts::{Account, NamespaceObject, Secret, Space};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::names::{Namespace, ResourceName};
use serde::de::DeserializeOwned;

use crate::call::Call;
use crate::failure::{Attempt, Problems};
use crate::path::{self, Kind};
use crate::server::{Server, Trouble};

/// How many calls run at once.
pub const AT_ONCE: usize = 32;
/// Up to this many namespaces are read one by one, which needs fewer rights.
pub(crate) const FEW: usize = 8;

/// The namespaces of a cluster.
pub type Spaces = BTreeMap<Namespace, Space>;

/// The namespaces to read.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// The namespaces with these names.
    Named(&'a [Namespace]),
    /// The namespaces with these labels, or all.
    Labelled(Option<&'a str>),
}

/// Reads the namespaces. A missing namespace is left out. A namespace that this account may not read counts as existing.
///
/// # Errors
/// The cluster does not answer, or forbids the list.
pub async fn namespaces(server: &Server, which: Which<'_>) -> Result<Spaces, Diagnostic> {
    let attempt = Attempt::new("list", "namespaces");
    let query: Vec<_> = match which {
        Which::Named(names) if names.len() <= FEW => return named(server, names).await,
        Which::Labelled(Some(selector)) => vec![("labelSelector", selector)],
        Which::Named(_) | Which::Labelled(None) => Vec::new(),
    };
    match server.list::<NamespaceObject>(path::NAMESPACES, &query).await {
        Ok(objects) => Ok(objects.into_iter().filter_map(space).collect()),
        Err(trouble) => match which {
            Which::Named(names) if trouble.code() == 403 => named(server, names).await,
            Which::Named(_) => Err(attempt.failed(&trouble)),
            // The API server's message quotes what was typed.
            Which::Labelled(Some(_)) if trouble.code() == 400 => {
                Err(Diagnostic::error(Code::Usage, "`--selector` is not a label selector").hint(
                    "write it as for kubectl: team=shop, stage!=test, 'tier in (web,api)', or a label's name alone",
                ))
            }
            Which::Labelled(_) => {
                let problem = attempt.failed(&trouble);
                let is_forbidden = trouble.code() == 403;
                Err(if is_forbidden {
                    problem.hint("name the namespaces with --namespaces, or ask an administrator for that right")
                } else {
                    problem
                })
            }
        },
    }
}

fn space(object: NamespaceObject) -> Option<(Namespace, Space)> {
    let name = object.metadata.name.parse().ok()?;
    Some((name, object.space()))
}

async fn named(server: &Server, names: &[Namespace]) -> Result<Spaces, Diagnostic> {
    let one = |name: Namespace| async move {
        match server.ask::<NamespaceObject>(&Call::get(path::namespace(&name))).await {
            Ok(object) => Ok(space(object)),
            Err(trouble) if trouble.code() == 404 => Ok(None),
            Err(trouble) if trouble.code() == 403 => Ok(Some((name, Space::default()))),
            Err(trouble) => Err(Attempt::new("get", format!("the namespace {name}")).failed(&trouble)),
        }
    };
    each(names.iter().cloned(), one).await.into_iter().filter_map(Result::transpose).collect()
}

/// The objects of the namespaces to read.
#[derive(Clone, Debug)]
pub struct Objects<'a> {
    /// The names of the Secrets.
    pub secrets: Vec<&'a ResourceName>,
    /// The ServiceAccounts.
    pub accounts: Wanted<'a>,
    /// Whether the Secrets may stay unread if the account may not read them.
    pub without_secrets: WithoutSecrets,
}

/// The ServiceAccounts to read.
#[derive(Clone, Debug)]
pub enum Wanted<'a> {
    /// None.
    None,
    /// The ServiceAccounts with these names.
    Named(Vec<&'a ResourceName>),
    /// All.
    All,
}

/// What a missing right to read Secrets means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutSecrets {
    /// The Secrets are not compared.
    GoOn,
    /// It is an error.
    Fail,
}

/// Reads the objects of the chosen namespaces. A namespace that was deleted since then is left out.
///
/// # Errors
/// The cluster does not answer, or forbids a read that is needed: a problem for each namespace.
pub async fn objects(server: &Server, spaces: &mut Spaces, objects: &Objects<'_>) -> Result<(), Problems> {
    let (secrets, accounts) = futures::join!(
        secrets(server, spaces.keys().cloned().collect(), objects),
        accounts(server, spaces.keys().cloned().collect(), &objects.accounts),
    );
    let (secrets, accounts) = match (secrets, accounts) {
        (Ok(secrets), Ok(accounts)) => (secrets, accounts),
        (Err(problems), Err(more)) => return Err(problems.and(more)),
        (Err(problems), Ok(_)) | (Ok(_), Err(problems)) => return Err(problems),
    };
    for (namespace, secrets) in secrets {
        if let Some(space) = spaces.get_mut(&namespace) {
            space.secrets = secrets;
        }
    }
    for (namespace, accounts) in accounts {
        if let Some(space) = spaces.get_mut(&namespace) {
            space.accounts = accounts.into_iter().collect();
        }
    }
    Ok(())
}

type Named<T> = BTreeMap<ResourceName, T>;

async fn secrets(
    server: &Server,
    namespaces: Vec<Namespace>,
    objects: &Objects<'_>,
) -> Result<Vec<(Namespace, Option<Named<Secret>>)>, Problems> {
    if namespaces.len() > FEW {
        match everywhere(server, Kind::Secret, &namespaces, Some(&objects.secrets), |secret: &Secret| &secret.metadata)
            .await
        {
            Ok(found) => return Ok(found.into_iter().map(|(namespace, secrets)| (namespace, Some(secrets))).collect()),
            Err(trouble) if trouble.code() == 403 => {}
            Err(trouble) => return Err(Attempt::new("list", "secrets").failed(&trouble).into()),
        }
    }
    let one = |namespace: Namespace| async move {
        let mut found = BTreeMap::new();
        for &name in &objects.secrets {
            match server.ask::<Secret>(&Call::get(Kind::Secret.one(&namespace, name))).await {
                Ok(secret) => drop(found.insert(name.clone(), secret)),
                Err(trouble) if trouble.code() == 404 => {}
                Err(trouble) if trouble.code() == 403 && objects.without_secrets == WithoutSecrets::GoOn => {
                    return Ok((namespace, None));
                }
                Err(trouble) => {
                    return Err(Attempt::new("get", format!("the Secret {namespace}/{name}")).failed(&trouble));
                }
            }
        }
        Ok((namespace, Some(found)))
    };
    Problems::unless_all(each(namespaces, one).await)
}

pub(crate) async fn accounts(
    server: &Server,
    namespaces: Vec<Namespace>,
    wanted: &Wanted<'_>,
) -> Result<Vec<(Namespace, Named<Account>)>, Problems> {
    let names = match wanted {
        Wanted::None => return Ok(Vec::new()),
        Wanted::Named(names) => Some(names.as_slice()),
        Wanted::All => None,
    };
    if namespaces.len() > FEW {
        match everywhere(server, Kind::ServiceAccount, &namespaces, names, |account: &Account| &account.metadata).await
        {
            Ok(found) => return Ok(found),
            Err(trouble) if trouble.code() == 403 => {}
            Err(trouble) => return Err(Attempt::new("list", "serviceaccounts").failed(&trouble).into()),
        }
    }
    let one = |namespace: Namespace| async move {
        let (found, verb) = match names {
            Some(names) => (some(server, &namespace, names).await, "get"),
            None => (server.list::<Account>(&Kind::ServiceAccount.within(&namespace), &[]).await, "list"),
        };
        let with_name = |account: Account| Some((account.metadata.name.parse().ok()?, account));
        match found {
            Ok(found) => Ok((namespace, found.into_iter().filter_map(with_name).collect())),
            Err(trouble) => Err(Attempt::new(verb, format!("the ServiceAccounts of {namespace}")).failed(&trouble)),
        }
    };
    Problems::unless_all(each(namespaces, one).await)
}

async fn some(server: &Server, namespace: &Namespace, names: &[&ResourceName]) -> Result<Vec<Account>, Trouble> {
    let mut found = Vec::new();
    for name in names {
        match server.ask::<Account>(&Call::get(Kind::ServiceAccount.one(namespace, name))).await {
            Ok(account) => found.push(account),
            Err(trouble) if trouble.code() == 404 => {}
            Err(trouble) => return Err(trouble),
        }
    }
    Ok(found)
}

/// Reads a kind in all namespaces, with one list for each name or with one list for all, and keeps the objects in `namespaces`.
async fn everywhere<T: DeserializeOwned>(
    server: &Server,
    kind: Kind,
    namespaces: &[Namespace],
    names: Option<&[&ResourceName]>,
    metadata: impl Fn(&T) -> &regcred_core::cluster::facts::Metadata,
) -> Result<Vec<(Namespace, Named<T>)>, Trouble> {
    let mut found: BTreeMap<&Namespace, Named<T>> = namespaces.iter().map(|name| (name, BTreeMap::new())).collect();
    let selectors: Vec<_> = match names {
        Some(names) => names.iter().map(|name| Some(format!("metadata.name={name}"))).collect(),
        None => vec![None],
    };
    for selector in selectors {
        let query: Vec<_> = selector.iter().map(|selector| ("fieldSelector", selector.as_str())).collect();
        for object in server.list::<T>(&kind.everywhere(), &query).await? {
            let of = metadata(&object);
            let (Ok(namespace), Ok(name)) = (of.namespace.parse::<Namespace>(), of.name.parse()) else { continue };
            if let Some(here) = found.get_mut(&namespace) {
                here.insert(name, object);
            }
        }
    }
    Ok(found.into_iter().map(|(namespace, objects)| (namespace.clone(), objects)).collect())
}

/// Does the same for each element, several at once; the results are in order.
pub(crate) async fn each<A, B, F: Future<Output = B>>(
    all: impl IntoIterator<Item = A>,
    work: impl Fn(A) -> F,
) -> Vec<B> {
    stream::iter(all).map(work).buffered(AT_ONCE).collect().await
}
