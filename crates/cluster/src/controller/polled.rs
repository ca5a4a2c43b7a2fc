//! Lists a kind of object again and again, for an account that may not watch it.

use std::collections::VecDeque;
use std::time::Duration;

use futures::stream::{LocalBoxStream, StreamExt, unfold};
use kube::Client;
use regcred_core::controller::{Event, Watch};
use regcred_core::names::ResourceName;
use tokio::time::sleep;

use super::seen::Fact;
use super::watch::Said;
use crate::failure::Attempt;
use crate::server::Server;

/// How long one list may take, with all its tries.
const PATIENCE: Duration = Duration::from_secs(30);

/// What lists see, as a watch would say it that begins again each time.
pub(super) fn run<T: Fact>(
    client: Client,
    watch: Watch,
    name: Option<ResourceName>,
    pause: Duration,
    seen: impl Fn(&Watch, T) -> Option<Event> + 'static,
) -> LocalBoxStream<'static, Said> {
    let first = (VecDeque::new(), Duration::ZERO);
    unfold((first, client, watch, name, seen), move |((mut said, wait), client, watch, name, seen)| async move {
        if said.is_empty() {
            sleep(wait).await;
            said = list(&client, &watch, name.as_ref(), &seen).await;
        }
        let next = said.pop_front()?;
        Some((next, ((said, pause), client, watch, name, seen)))
    })
    .boxed_local()
}

/// Everything that one list says.
async fn list<T: Fact>(
    client: &Client,
    watch: &Watch,
    name: Option<&ResourceName>,
    seen: &impl Fn(&Watch, T) -> Option<Event>,
) -> VecDeque<Said> {
    let server = Server::new(client.clone(), PATIENCE, || false);
    let selector = name.map(|name| format!("metadata.name={name}"));
    let query: Vec<_> = selector.iter().map(|selector| ("fieldSelector", selector.as_str())).collect();
    match server.list::<T>(&format!("/api/v1/{}", T::PLURAL), &query).await {
        Ok(objects) => {
            let objects = objects.into_iter().filter_map(|object| seen(watch, object));
            let events = [Event::Began(watch.clone())].into_iter().chain(objects);
            events.chain([Event::Ended(watch.clone())]).map(|event| Said::Event(Box::new(event))).collect()
        }
        Err(trouble) => {
            let words = Attempt::new("list", T::PLURAL).failed(&trouble).message;
            [Said::Failed(watch.clone(), words)].into()
        }
    }
}
