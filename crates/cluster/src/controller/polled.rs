//! Lists a kind of object repeatedly, for an account that may not watch it.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::time::Duration;

use futures::stream::{BoxStream, StreamExt, unfold};
use kube::Api;
use kube::api::ListParams;
use kube::runtime::watcher::Event;
use tokio::time::{sleep, timeout};

use super::seen::{Fact, Seen};
use super::stream::{Failed, of_client};

/// The deadline of one page of a list.
const PATIENCE: Duration = Duration::from_secs(30);
/// The number of objects on a page.
const PAGE: u32 = 500;

/// The results of the lists, as events of a watch that starts again each time.
pub(super) fn objects<T: Fact>(
    api: Api<Seen<T>>,
    fields: Option<String>,
    pause: Duration,
) -> BoxStream<'static, Result<Event<Seen<T>>, Failed>>
where
    Seen<T>: kube::Resource<DynamicType = ()> + Debug,
{
    let first = (VecDeque::new(), Duration::ZERO);
    unfold((first, api, fields), move |((mut said, wait), api, fields)| async move {
        if said.is_empty() {
            sleep(wait).await;
            said = match list(&api, fields.as_deref()).await {
                Ok(objects) => {
                    let objects = objects.into_iter().map(Event::InitApply);
                    [Event::Init].into_iter().chain(objects).chain([Event::InitDone]).map(Ok).collect()
                }
                Err(failed) => [Err(failed)].into(),
            };
        }
        let next = said.pop_front()?;
        Some((next, ((said, pause), api, fields)))
    })
    .boxed()
}

/// All objects; an error is a message without values.
async fn list<T: Fact>(api: &Api<Seen<T>>, fields: Option<&str>) -> Result<Vec<Seen<T>>, Failed>
where
    Seen<T>: Debug,
{
    let (mut all, mut next) = (Vec::new(), None);
    loop {
        let parameters = ListParams { continue_token: next.take(), ..ListParams::default().limit(PAGE) };
        let parameters = if let Some(fields) = fields { parameters.fields(fields) } else { parameters };
        let late = |_| Failed { words: "no list came in time".to_owned(), code: 0 };
        let page = timeout(PATIENCE, api.list(&parameters)).await.map_err(late)?;
        let page = page.map_err(|error| of_client(&error))?;
        all.extend(page.items);
        next = page.metadata.continue_.filter(|token| !token.is_empty());
        if next.is_none() {
            return Ok(all);
        }
    }
}
