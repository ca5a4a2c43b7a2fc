//! Reads the objects that explain a pull: a Pod, its ServiceAccount, the Secrets that both refer to, and their namespace.

use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::explain::{Account, Place, Pod, Policies, PullSecret, Wanted};
use regcred_core::names::{Namespace, ResourceName};
use regcred_core::objects::marks::MANAGED_BY;
use serde_json::Value;

use crate::failure::Attempt;
use crate::path::{self, Kind};
use crate::server::Server;

const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";

/// The pulls to explain.
pub enum Subject<'a> {
    /// The pulls of a Pod.
    Pod(&'a ResourceName),
    /// The pulls of an image in the Pods of a ServiceAccount.
    Image(&'a str, &'a str),
}

/// The objects that were read.
pub struct Scene {
    /// The namespace.
    pub place: Place,
    /// The Pod, if the question is about a Pod.
    pub pod: Option<Pod>,
    /// The ServiceAccount.
    pub account: Account,
    /// The images.
    pub wanted: Vec<Wanted>,
    /// The Secrets of the Pod, in the order of the references.
    pub secrets: Vec<PullSecret>,
    /// The Secrets of the ServiceAccount and of regcred that the Pod does not refer to.
    pub others: Vec<PullSecret>,
}

/// Reads these objects; `ours` are the names of the pull secrets that regcred would write.
///
/// # Errors
/// The namespace or the Pod does not exist, or the cluster does not answer, or forbids to read the Pod or the ServiceAccount.
pub async fn read(
    server: &Server,
    namespace: &Namespace,
    subject: &Subject<'_>,
    ours: &[ResourceName],
) -> Result<Scene, Diagnostic> {
    let reader = Reader { server, namespace };
    let here = match reader.get(path::namespace(namespace), &format!("the namespace {namespace}")).await? {
        Found::Object(value) => Some(value),
        Found::Forbidden(_) => None,
        Found::Missing => {
            let message = format!("there is no namespace `{namespace}` in the cluster");
            return Err(Diagnostic::error(Code::NoSuchNamespace, message)
                .hint("check the name and the cluster: `kubectl get namespaces` lists all"));
        }
    };
    let (wanted, pod, name) = match subject {
        Subject::Pod(name) => {
            let path = format!("{}/pods/{name}", path::namespace(namespace));
            let object = reader.must(path, &format!("the Pod {namespace}/{name}")).await?.ok_or_else(|| {
                Diagnostic::error(Code::NoSuchPod, format!("there is no Pod `{name}` in the namespace `{namespace}`"))
                    .hint(format!("`kubectl get pods -n {namespace}` lists them"))
            })?;
            let pod = Pod::read(&object);
            let account = pod.account.clone();
            (Wanted::all(&object), Some(pod), account)
        }
        Subject::Image(image, account) => (vec![Wanted::image(image)], None, (*account).to_owned()),
    };
    let path = format!("{}/{name}", Kind::ServiceAccount.within(namespace));
    let object = reader.must(path, &format!("the ServiceAccount {namespace}/{name}")).await?;
    let mut account = object.as_ref().map(Account::read).unwrap_or_default();
    let references = pod.as_ref().map_or(&account.references, |pod| &pod.references).clone();
    let secrets = reader.secrets(&references).await?;
    let (place, leaves_out) = reader.place(ours, &name, here.as_ref()).await?;
    account.name = name;
    account.is_left_out = leaves_out;
    let mut others: Vec<_> = account.references.iter().filter(|name| !references.contains(name)).cloned().collect();
    others.extend(
        place.ours.iter().filter(|name| !references.contains(name) && !account.references.contains(name)).cloned(),
    );
    let others = reader.secrets(&others).await?;
    Ok(Scene { place, pod, account, wanted, secrets, others })
}

struct Reader<'a> {
    server: &'a Server,
    namespace: &'a Namespace,
}

/// An object, or that it does not exist, or that this account may not read it.
enum Found {
    Object(Value),
    Missing,
    Forbidden(Diagnostic),
}

impl Reader<'_> {
    async fn get(&self, path: String, object: &str) -> Result<Found, Diagnostic> {
        match self.server.find(path).await {
            Ok(found) => Ok(found.map_or(Found::Missing, Found::Object)),
            Err(trouble) if trouble.code() == 403 => Ok(Found::Forbidden(Attempt::new("get", object).failed(&trouble))),
            Err(trouble) => Err(Attempt::new("get", object).failed(&trouble)),
        }
    }

    /// The object at this path, if it exists. Here a missing right is an error.
    async fn must(&self, path: String, object: &str) -> Result<Option<Value>, Diagnostic> {
        match self.get(path, object).await? {
            Found::Object(value) => Ok(Some(value)),
            Found::Missing => Ok(None),
            Found::Forbidden(problem) => Err(problem),
        }
    }

    /// The Secrets of these names. A Secret that this account may not read counts as existing.
    async fn secrets(&self, names: &[String]) -> Result<Vec<PullSecret>, Diagnostic> {
        let mut secrets = Vec::with_capacity(names.len());
        for name in names {
            secrets.push(match name.parse::<ResourceName>() {
                Err(_) => PullSecret::missing(name),
                Ok(valid) => {
                    match self.get(Kind::Secret.one(self.namespace, &valid), &format!("the Secret {valid}")).await? {
                        Found::Object(value) => PullSecret::read(name, &value),
                        Found::Missing => PullSecret::missing(name),
                        Found::Forbidden(_) => PullSecret::unreadable(name),
                    }
                }
            });
        }
        Ok(secrets)
    }

    /// The namespace, and whether a controller serves it and leaves the ServiceAccount out.
    async fn place(
        &self,
        ours: &[ResourceName],
        account: &str,
        namespace: Option<&Value>,
    ) -> Result<(Place, bool), Diagnostic> {
        let policies = Policies {
            mutating: self.policies("mutatingadmissionpolicies").await,
            bindings: self.policies("mutatingadmissionpolicybindings").await,
            confining: self.policies("validatingadmissionpolicies").await,
        };
        let name = self.namespace.as_str();
        let mut place = Place::read(name, namespace, &policies);
        for name in ours {
            match self.get(Kind::Secret.one(self.namespace, name), "a Secret").await? {
                Found::Object(value) if value["metadata"]["labels"][MANAGED_BY.0] == MANAGED_BY.1 => {
                    place.ours.push(name.to_string());
                }
                Found::Forbidden(_) => place.unread.push(name.to_string()),
                Found::Object(_) | Found::Missing => {}
            }
        }
        Ok((place, policies.leave_out(account, name, namespace)))
    }

    /// Our policies of one kind. Without the right, or in an old cluster, the policies are unknown.
    async fn policies(&self, plural: &str) -> Vec<Value> {
        let selector = format!("{}={}", MANAGED_BY.0, MANAGED_BY.1);
        let path = format!("{ADMISSION}/{plural}");
        self.server.list::<Value>(&path, &[("labelSelector", &selector)]).await.unwrap_or_default()
    }
}
