//! Reads a cluster: first the namespaces, then the Secrets and ServiceAccounts of the chosen namespaces.
//!
//! With more than `MAX_SINGLE_READS` namespaces, it lists each kind across all namespaces. With that many or
//! fewer, or if that list is forbidden, it reads each namespace on its own.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use regcred_core::cluster::facts::{Account, Metadata, NamespaceObject, Secret, Space};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::names::{Namespace, ResourceName};
use serde::de::DeserializeOwned;

use crate::failure::{Attempt, Problems};
use crate::path::{self, Kind};
use crate::server::{Server, Trouble};

/// How many calls may run at the same time.
const MAX_CONCURRENT_CALLS: usize = 32;
/// Up to this many namespaces are read one by one, because that needs fewer rights.
pub(crate) const MAX_SINGLE_READS: usize = 8;

/// The namespaces of a cluster.
pub type Spaces = BTreeMap<Namespace, Space>;

/// The namespaces to read.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// At least the namespaces with these names. The result may hold all namespaces of the cluster, so the caller filters it.
    Named(&'a [Namespace]),
    /// The namespaces that match this label selector; all namespaces without a selector.
    Labelled(Option<&'a str>),
}

/// Reads the namespaces. The result leaves out a missing namespace, and holds a named namespace that this account may not read.
///
/// # Errors
/// The cluster does not answer, or forbids the list for `Labelled`.
pub async fn namespaces(server: &Server, which: Which<'_>) -> Result<Spaces, Diagnostic> {
    let attempt = Attempt::new("list", "namespaces");
    let query: Vec<_> = match which {
        Which::Named(names) if names.len() <= MAX_SINGLE_READS => return get_each(server, names).await,
        Which::Labelled(Some(selector)) => vec![("labelSelector", selector)],
        Which::Named(_) | Which::Labelled(None) => Vec::new(),
    };
    match server.list::<NamespaceObject>(path::NAMESPACES, &query).await {
        Ok(objects) => Ok(objects.into_iter().filter_map(space).collect()),
        Err(trouble) => match which {
            Which::Named(names) if trouble.code() == 403 => get_each(server, names).await,
            // The API server's own message would quote the selector.
            Which::Labelled(Some(_)) if trouble.code() == 400 => {
                Err(Diagnostic::error(Code::Usage, "`--selector` is not a label selector").hint(
                    "write it as for kubectl: team=shop, stage!=test, 'tier in (web,api)', or a label's name alone",
                ))
            }
            Which::Labelled(_) if trouble.code() == 403 => Err(attempt
                .failed(&trouble)
                .hint("name the namespaces with --namespaces, or ask an administrator for that right")),
            Which::Named(_) | Which::Labelled(_) => Err(attempt.failed(&trouble)),
        },
    }
}

fn space(object: NamespaceObject) -> Option<(Namespace, Space)> {
    let name = object.metadata.name.parse().ok()?;
    Some((name, object.space()))
}

/// Reads these namespaces one by one.
async fn get_each(server: &Server, names: &[Namespace]) -> Result<Spaces, Diagnostic> {
    let one = |name: Namespace| async move {
        match server.find::<NamespaceObject>(path::namespace(&name)).await {
            Ok(object) => Ok(object.and_then(space)),
            Err(trouble) if trouble.code() == 403 => Ok(Some((name, Space::default()))),
            Err(trouble) => Err(Attempt::new("get", format!("the namespace {name}")).failed(&trouble)),
        }
    };
    for_each_concurrently(names.iter().cloned(), one).await.into_iter().filter_map(Result::transpose).collect()
}

/// The objects to read in each namespace.
#[derive(Clone, Debug)]
pub struct Objects<'a> {
    /// The names of the Secrets.
    pub secrets: Vec<&'a ResourceName>,
    /// The ServiceAccounts.
    pub accounts: Wanted<'a>,
    /// What happens if this account may not read the Secrets.
    pub on_forbidden_secrets: OnForbiddenSecrets,
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

/// What happens if this account may not read Secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnForbiddenSecrets {
    /// The Secrets of that namespace stay unread.
    Skip,
    /// The read fails.
    Fail,
}

/// Reads the objects of these namespaces into `spaces`. A namespace that was deleted in the meantime stays, without objects.
///
/// # Errors
/// The cluster does not answer, or forbids necessary reads: there is a problem for each namespace and kind.
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
        spaces.entry(namespace).or_default().secrets = secrets;
    }
    for (namespace, accounts) in accounts {
        spaces.entry(namespace).or_default().accounts = accounts.into_iter().collect();
    }
    Ok(())
}

type Named<T> = BTreeMap<ResourceName, T>;

async fn secrets(
    server: &Server,
    namespaces: Vec<Namespace>,
    objects: &Objects<'_>,
) -> Result<Vec<(Namespace, Option<Named<Secret>>)>, Problems> {
    if namespaces.len() > MAX_SINGLE_READS {
        match list_everywhere(server, Kind::Secret, &namespaces, Some(&objects.secrets), |one: &Secret| &one.metadata)
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
            match server.find::<Secret>(Kind::Secret.one(&namespace, name)).await {
                Ok(secret) => found.extend(secret.map(|secret| (name.clone(), secret))),
                Err(trouble) if trouble.code() == 403 && objects.on_forbidden_secrets == OnForbiddenSecrets::Skip => {
                    return Ok((namespace, None));
                }
                Err(trouble) => {
                    return Err(Attempt::new("get", format!("the Secret {namespace}/{name}")).failed(&trouble));
                }
            }
        }
        Ok((namespace, Some(found)))
    };
    Problems::unless_all(for_each_concurrently(namespaces, one).await)
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
    if namespaces.len() > MAX_SINGLE_READS {
        match list_everywhere(server, Kind::ServiceAccount, &namespaces, names, |one: &Account| &one.metadata).await {
            Ok(found) => return Ok(found),
            Err(trouble) if trouble.code() == 403 => {}
            Err(trouble) => return Err(Attempt::new("list", "serviceaccounts").failed(&trouble).into()),
        }
    }
    let one = |namespace: Namespace| async move {
        let (found, verb) = match names {
            Some(names) => (get_accounts(server, &namespace, names).await, "get"),
            None => (server.list::<Account>(&Kind::ServiceAccount.within(&namespace), &[]).await, "list"),
        };
        let by_name = |account: Account| Some((account.metadata.name.parse().ok()?, account));
        match found {
            Ok(found) => Ok((namespace, found.into_iter().filter_map(by_name).collect())),
            Err(trouble) => Err(Attempt::new(verb, format!("the ServiceAccounts of {namespace}")).failed(&trouble)),
        }
    };
    Problems::unless_all(for_each_concurrently(namespaces, one).await)
}

async fn get_accounts(
    server: &Server,
    namespace: &Namespace,
    names: &[&ResourceName],
) -> Result<Vec<Account>, Trouble> {
    let mut found = Vec::new();
    for name in names {
        found.extend(server.find(Kind::ServiceAccount.one(namespace, name)).await?);
    }
    Ok(found)
}

/// Lists a kind across all namespaces, once for each name, or once without names. It keeps the objects in `namespaces`.
async fn list_everywhere<T: DeserializeOwned>(
    server: &Server,
    kind: Kind,
    namespaces: &[Namespace],
    names: Option<&[&ResourceName]>,
    metadata: impl Fn(&T) -> &Metadata,
) -> Result<Vec<(Namespace, Named<T>)>, Trouble> {
    let mut found: BTreeMap<&Namespace, Named<T>> = namespaces.iter().map(|name| (name, BTreeMap::new())).collect();
    let selectors: Vec<_> = match names {
        Some(names) => names.iter().map(|name| Some(format!("metadata.name={name}"))).collect(),
        None => vec![None],
    };
    for selector in selectors {
        let query: Vec<_> = selector.iter().map(|selector| ("fieldSelector", selector.as_str())).collect();
        for object in server.list::<T>(&kind.everywhere(), &query).await? {
            let Metadata { namespace, name, .. } = metadata(&object);
            let (Ok(namespace), Ok(name)) = (namespace.parse::<Namespace>(), name.parse()) else { continue };
            if let Some(here) = found.get_mut(&namespace) {
                here.insert(name, object);
            }
        }
    }
    Ok(found.into_iter().map(|(namespace, objects)| (namespace.clone(), objects)).collect())
}

/// Does the same work for each item, several at the same time. The results are in the order of the items.
pub(crate) async fn for_each_concurrently<A, B, F: Future<Output = B>>(
    items: impl IntoIterator<Item = A>,
    work: impl Fn(A) -> F,
) -> Vec<B> {
    stream::iter(items).map(work).buffered(MAX_CONCURRENT_CALLS).collect().await
}
