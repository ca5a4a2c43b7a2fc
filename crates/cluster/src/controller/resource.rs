//! Watches custom resources and the Secrets that their logins name, and writes the status of a resource.

use std::fmt::Debug;

use futures::stream::{BoxStream, StreamExt};
use kube::runtime::watcher;
use kube::{Api, Client};
use regcred_core::cluster::installation::definition::{API_VERSION, KIND, PLURAL};
use regcred_core::controller::conditions::Status;
use regcred_core::controller::resource::{Resource, SourceSecret};
use regcred_core::names::{Namespace, ResourceName};
use serde_json::json;

use super::seen::{Fact, Seen};
use super::stream::{Failed, First, objects};
use crate::call::{APPLY, Call};
use crate::server::{Server, Trouble};

/// An event of a watch of one kind.
pub enum Look<T> {
    /// The watch starts again, and will show all existing objects.
    Began,
    /// The watch has shown all existing objects.
    Ended,
    /// A new or changed object.
    Is(T),
    /// A deleted object.
    Gone(T),
    /// The watch failed, and goes on.
    Failed(Failed),
}

/// Every custom resource, without end.
pub fn resources(client: &Client, first: First) -> BoxStream<'static, Look<Resource>> {
    look(Api::all(client.clone()), None, first)
}

/// A Secret that holds logins, without end.
pub fn source(
    client: &Client,
    namespace: &Namespace,
    name: &ResourceName,
    first: First,
) -> BoxStream<'static, Look<SourceSecret>> {
    look(Api::namespaced(client.clone(), namespace.as_str()), Some(format!("metadata.name={name}")), first)
}

/// The objects that have these fields, without end.
pub(super) fn look<T: Fact>(api: Api<Seen<T>>, fields: Option<String>, first: First) -> BoxStream<'static, Look<T>>
where
    Seen<T>: kube::Resource<DynamicType = ()> + Debug,
{
    let look = |event: Result<watcher::Event<Seen<T>>, Failed>| match event {
        Ok(watcher::Event::Init) => Look::Began,
        Ok(watcher::Event::InitDone) => Look::Ended,
        Ok(watcher::Event::InitApply(object) | watcher::Event::Apply(object)) => Look::Is(object.fact),
        Ok(watcher::Event::Delete(object)) => Look::Gone(object.fact),
        Err(failed) => Look::Failed(failed),
    };
    objects(api, fields, first).map(look).boxed()
}

/// Writes the status of a resource, if the resource has not changed since it was seen.
///
/// # Errors
/// The resource has changed, or the API server does not answer, or refuses.
pub async fn write_status(server: &Server, manager: &str, resource: &Resource, status: &Status) -> Result<(), Trouble> {
    let metadata = &resource.metadata.object;
    let object = json!({
        "apiVersion": API_VERSION, "kind": KIND,
        "metadata": {"name": metadata.name, "uid": metadata.uid, "resourceVersion": metadata.resource_version},
        "status": status,
    });
    let path = format!("/apis/{API_VERSION}/{PLURAL}/{}/status?fieldManager={manager}&force=true", metadata.name);
    server.send(&Call::patch(path, APPLY, object.to_string().into_bytes())).await.map(drop)
}
