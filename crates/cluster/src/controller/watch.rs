//! Watches a kind of object. Each watch ends after at most a minute and is repeated, so that a cut connection is noticed.

use std::fmt::Debug;
use std::time::Duration;

use futures::future::ready;
use futures::stream::{BoxStream, StreamExt};
use kube::runtime::watcher;
use kube::{Api, Client};
use regcred_core::cluster::facts::{Account, NamespaceObject, Secret};
use regcred_core::controller::{Event, Watch};
use regcred_core::names::ResourceName;

use super::seen::{Fact, Seen};
use super::stream::{First, objects};

/// The API server ends a watch after this many seconds.
pub const SECONDS: u32 = 50;
/// A watch counts as cut after this time without a byte: the API server ends an idle watch earlier.
pub const CUT: Duration = Duration::from_secs(SECONDS as u64 + 5);

/// A message of a watch.
#[derive(Debug)]
pub enum Message {
    /// An event.
    Event(Box<Event>),
    /// A failure, as a message without values; the watch goes on.
    Failed(Watch, String),
}

/// The events of a watch, without end; `name` is the pull secret's, for a watch of Secrets.
pub fn events(client: &Client, watch: Watch, name: Option<&ResourceName>, first: First) -> BoxStream<'static, Message> {
    match &watch {
        Watch::Namespaces => run(
            client,
            watch,
            None,
            first,
            |_, object: NamespaceObject| Some(Event::Namespace(object)),
            |_, object| Some(Event::NamespaceGone(object.metadata.name.parse().ok()?)),
        ),
        Watch::Accounts(of) => {
            let of = of.clone();
            run(
                client,
                watch,
                of.as_ref(),
                first,
                |watch, object: Account| Some(Event::Account(watch.clone(), object)),
                |_, object| {
                    Some(Event::AccountGone(
                        object.metadata.namespace.parse().ok()?,
                        object.metadata.name.parse().ok()?,
                    ))
                },
            )
        }
        Watch::Secrets(number) => {
            let number = *number;
            let seen = move |_: &Watch, object: Secret| Some(Event::Secret(number, object));
            run(client, watch, name, first, seen, move |_, object| {
                Some(Event::SecretGone(number, object.metadata.namespace.parse().ok()?))
            })
        }
    }
}

fn run<T: Fact>(
    client: &Client,
    watch: Watch,
    name: Option<&ResourceName>,
    first: First,
    seen: impl Fn(&Watch, T) -> Option<Event> + Send + 'static,
    gone: impl Fn(&Watch, T) -> Option<Event> + Send + 'static,
) -> BoxStream<'static, Message>
where
    Seen<T>: kube::Resource<DynamicType = ()> + Debug,
{
    let objects = objects::<T>(Api::all(client.clone()), name.map(|name| format!("metadata.name={name}")), first);
    objects
        .filter_map(move |event| {
            let event = match event {
                Ok(watcher::Event::Init) => Some(Event::Began(watch.clone())),
                Ok(watcher::Event::InitDone) => Some(Event::Ended(watch.clone())),
                Ok(watcher::Event::InitApply(object) | watcher::Event::Apply(object)) => seen(&watch, object.fact),
                Ok(watcher::Event::Delete(object)) => gone(&watch, object.fact),
                Err(failed) => return ready(Some(Message::Failed(watch.clone(), failed.words))),
            };
            ready(event.map(Box::new).map(Message::Event))
        })
        .boxed()
}
