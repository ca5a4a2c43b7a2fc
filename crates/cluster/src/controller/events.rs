//! Publishes Events on the controller's Deployment. The client's recorder counts equal Events.

use std::collections::VecDeque;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use regcred_core::cluster::installation::definition::{API_VERSION, KIND};
use tokio::time::Instant;

/// The largest number of Events within [`WINDOW`].
const AT_MOST: usize = 50;
const WINDOW: Duration = Duration::from_secs(300);

/// Where Events are published.
pub struct Events {
    recorder: Recorder,
    regarding: ObjectReference,
    published: VecDeque<Instant>,
}

/// The object of an Event: kind, namespace (empty for a custom resource) and name.
pub type About = (&'static str, String, String);

impl Events {
    /// Events on the Deployment of this name; `instance` is the Pod.
    pub fn new(client: &Client, namespace: &str, name: &str, instance: &str) -> Self {
        let reporter =
            Reporter { controller: "regcred.dev/controller".to_owned(), instance: Some(instance.to_owned()) };
        let regarding = ObjectReference {
            api_version: Some("apps/v1".to_owned()),
            kind: Some("Deployment".to_owned()),
            namespace: Some(namespace.to_owned()),
            name: Some(name.to_owned()),
            ..ObjectReference::default()
        };
        Self { recorder: Recorder::new(client.clone(), reporter), regarding, published: VecDeque::new() }
    }

    /// The work that publishes a warning; `None` if there were too many lately. Its failure does not matter, because the log has the
    /// same message. Events with the same reason and object are one series, of which only the first note is shown.
    pub fn publish(
        &mut self,
        reason: &'static str,
        note: &str,
        about: Option<About>,
    ) -> Option<impl Future<Output = ()> + use<>> {
        let now = Instant::now();
        while self.published.front().is_some_and(|first| now.duration_since(*first) > WINDOW) {
            self.published.pop_front();
        }
        if self.published.len() >= AT_MOST {
            return None;
        }
        self.published.push_back(now);
        let (recorder, regarding) = (self.recorder.clone(), self.regarding.clone());
        let secondary = about.map(|(kind, namespace, name)| ObjectReference {
            api_version: Some(if kind == KIND { API_VERSION.to_owned() } else { "v1".to_owned() }),
            kind: Some(kind.to_owned()),
            namespace: Some(namespace).filter(|namespace| !namespace.is_empty()),
            name: Some(name),
            ..ObjectReference::default()
        });
        let event = Event {
            type_: EventType::Warning,
            reason: reason.to_owned(),
            note: Some(note.chars().take(1000).collect()),
            action: "Reconcile".to_owned(),
            secondary,
        };
        Some(async move { drop(recorder.publish(&event, &regarding).await) })
    }
}
