//! Reads the images of a Pod, and how far the node got with each image.

use serde_json::Value;

use super::words::{self, Words};
use crate::cluster::pods::{is_of_a_pull, quotes};
use crate::docker_config::kubelet::InvalidImage;
use crate::registry::reference::Reference;

/// An image of a Pod, and the node's report about it.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The container or volume; empty if the question is only about an image.
    pub name: String,
    /// The image as written.
    pub image: String,
    /// The image, parsed as a kubelet does.
    pub reference: Result<Reference, InvalidImage>,
    /// Its state.
    pub state: State,
}

/// How far the node got with an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The node has not tried yet.
    Unknown,
    /// The container waits, for this reason, with this message.
    Waiting(String, String),
    /// The image was pulled.
    Pulled,
}

impl Wanted {
    /// An image that no node has tried.
    pub fn image(image: &str) -> Self {
        Self { name: String::new(), image: image.to_owned(), reference: image.parse(), state: State::Unknown }
    }

    /// The images of a Pod and its volumes, each with its state.
    pub fn all(pod: &Value) -> Vec<Self> {
        let (spec, status) = (&pod["spec"], &pod["status"]);
        let lists = [
            ("initContainers", "initContainerStatuses"),
            ("containers", "containerStatuses"),
            ("ephemeralContainers", "ephemeralContainerStatuses"),
        ];
        let mut all = Vec::new();
        for (list, statuses) in lists {
            for container in spec[list].as_array().into_iter().flatten() {
                let (Some(name), Some(image)) = (container["name"].as_str(), container["image"].as_str()) else {
                    continue;
                };
                let statuses = status[statuses].as_array().into_iter().flatten();
                let state = statuses.clone().find(|status| status["name"] == name).map_or(State::Unknown, State::read);
                all.push(Self { name: name.to_owned(), state, ..Self::image(image) });
            }
        }
        let mut of_volumes = Vec::new();
        for volume in spec["volumes"].as_array().into_iter().flatten() {
            if let (Some(name), Some(image)) = (volume["name"].as_str(), volume["image"]["reference"].as_str()) {
                let waits: Vec<_> = all.iter_mut().filter_map(|container| container.wait_for(image)).collect();
                let state = waits.into_iter().next().unwrap_or(State::Unknown);
                of_volumes.push(Self { name: name.to_owned(), state, ..Self::image(image) });
            }
        }
        all.extend(of_volumes);
        all
    }

    /// Takes the state of a container that waits for the image of a volume. A kubelet reports a problem of a volume in the status of the
    /// containers that mount it. The container's own image has not been tried then.
    fn wait_for(&mut self, volume: &str) -> Option<State> {
        let State::Waiting(_, message) = &self.state else { return None };
        let is_of_the_volume = quotes(message, volume) && !quotes(message, &self.image);
        is_of_the_volume.then(|| std::mem::replace(&mut self.state, State::Unknown))
    }

    /// The reason of the wait, as Kubernetes names it; empty if the container does not wait.
    pub fn reason(&self) -> &str {
        if let State::Waiting(reason, _) = &self.state { reason } else { "" }
    }

    /// What the node's message means.
    pub fn words(&self) -> Words {
        Words::read(self.message())
    }

    /// The host that the node asked, if its message has one.
    pub fn asked_host(&self) -> Option<&str> {
        words::host(self.message())
    }

    fn message(&self) -> &str {
        if let State::Waiting(_, message) = &self.state { message } else { "" }
    }
}

impl State {
    fn read(status: &Value) -> Self {
        let waiting = &status["state"]["waiting"];
        let text = |name: &str| waiting[name].as_str().unwrap_or_default().to_owned();
        let reason = text("reason");
        if is_of_a_pull(&reason) {
            return Self::Waiting(reason, text("message"));
        }
        let has_run = status["imageID"].as_str().is_some_and(|id| !id.is_empty());
        if has_run || status["state"]["running"].is_object() { Self::Pulled } else { Self::Unknown }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_image_of_a_pod_has_the_state_that_the_kubelet_reports_somewhere() {
        let waiting = |name: &str, image: &str| {
            let message = format!("Back-off pulling image \"{image}\": ErrImagePull: no");
            json!({"name": name, "state": {"waiting": {"reason": "ImagePullBackOff", "message": message}}})
        };
        let pod = json!({
            "spec": {
                "initContainers": [{"name": "first", "image": "a.io/init"}],
                "containers": [{"name": "main", "image": "a.io/main"}, {"name": "side", "image": "a.io/side"}],
                "ephemeralContainers": [{"name": "look", "image": "a.io/look"}],
                "volumes": [{"name": "v", "image": {"reference": "a.io/model"}}, {"name": "w", "emptyDir": {}},
                    {"name": "u", "image": {"reference": "a.io/other"}}],
            },
            "status": {
                "initContainerStatuses": [{"name": "first", "imageID": "x", "state": {"terminated": {}}}],
                "containerStatuses": [waiting("main", "a.io/model"), waiting("side", "a.io/model")],
                "ephemeralContainerStatuses": [waiting("look", "a.io/look")],
            },
        });
        let state = |one: &Wanted| match &one.state {
            State::Waiting(..) => "waits",
            State::Pulled => "pulled",
            State::Unknown => "unknown",
        };
        let all: Vec<_> = Wanted::all(&pod).iter().map(|one| format!("{} {}", one.name, state(one))).collect();
        assert_eq!(all, ["first pulled", "main unknown", "side unknown", "look waits", "v waits", "u unknown"]);
    }
}
