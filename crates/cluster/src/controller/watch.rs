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

/// The events of a watch, without end. A watch of Secrets needs the `name` of the pull secret.
pub fn events(client: &Client, watch: Watch, name: Option<&ResourceName>, first: First) -> BoxStream<'static, Message> {
    match watch.clone() {
        Watch::Namespaces => {
            let gone = |it: NamespaceObject| Some(Event::NamespaceGone(it.metadata.name.parse().ok()?));
            run(client, watch, None, first, Event::Namespace, gone)
        }
        Watch::Accounts(of) => {
            let of_watch = watch.clone();
            let seen = move |account| Event::Account(of_watch.clone(), account);
            let gone = |Account { metadata, .. }: Account| {
                Some(Event::AccountGone(metadata.namespace.parse().ok()?, metadata.name.parse().ok()?))
            };
            run(client, watch, of.as_ref(), first, seen, gone)
        }
        Watch::Secrets(number) => {
            let seen = move |secret| Event::Secret(number, secret);
            let gone = move |it: Secret| Some(Event::SecretGone(number, it.metadata.namespace.parse().ok()?));
            run(client, watch, name, first, seen, gone)
        }
    }
}

fn run<T: Fact>(
    client: &Client,
    watch: Watch,
    name: Option<&ResourceName>,
    first: First,
    seen: impl Fn(T) -> Event + Send + 'static,
    gone: impl Fn(T) -> Option<Event> + Send + 'static,
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
                Ok(watcher::Event::InitApply(object) | watcher::Event::Apply(object)) => Some(seen(object.fact)),
                Ok(watcher::Event::Delete(object)) => gone(object.fact),
                Err(failed) => return ready(Some(Message::Failed(watch.clone(), failed.words))),
            };
            ready(event.map(Box::new).map(Message::Event))
        })
        .boxed()
}
