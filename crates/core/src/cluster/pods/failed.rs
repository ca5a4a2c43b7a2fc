//! Finds the images that Pods fail to pull.

use std::fmt;

use serde::Serialize;

use super::{Container, Pod, PodSpec, PodStatus, Waiting, words};

/// Where a Pod names an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// In an init container.
    InitContainer,
    /// In a container.
    Container,
    /// In an ephemeral container.
    EphemeralContainer,
    /// In a volume.
    Volume,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InitContainer => "init container",
            Self::Container => "container",
            Self::EphemeralContainer => "ephemeral container",
            Self::Volume => "volume",
        })
    }
}

/// An image of a Pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used<'a> {
    /// Where the Pod names it.
    pub place: Place,
    /// The name of the container or volume.
    pub name: &'a str,
    /// The image.
    pub image: &'a str,
}

/// An image that a Pod fails to pull.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedPull<'a> {
    /// The image.
    pub used: Used<'a>,
    /// The kubelet's reason.
    pub reason: &'a str,
    /// The message of the registry, or of the kubelet.
    pub words: Option<String>,
}

/// The reasons that a kubelet gives for a failed pull.
pub(super) const REASONS: [&str; 7] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
];

/// Whether a container waits for its image. If a kubelet cannot read a pull secret, it writes its error in place of a reason.
pub fn is_of_a_pull(reason: &str) -> bool {
    REASONS.contains(&reason) || reason.contains(' ')
}

impl Pod {
    /// Every image that the Pod names.
    pub fn images(&self) -> impl Iterator<Item = Used<'_>> {
        let PodSpec { init_containers, containers, ephemeral_containers, volumes, .. } = &self.spec;
        let volumes = volumes.iter().filter_map(|volume| {
            let image = &volume.image.as_ref()?.reference;
            Some(Used { place: Place::Volume, name: &volume.name, image })
        });
        let init = init_containers.iter().map(|one| one.used(Place::InitContainer));
        let others = containers.iter().map(|one| one.used(Place::Container));
        let ephemeral = ephemeral_containers.iter().map(|one| one.used(Place::EphemeralContainer));
        init.chain(others).chain(ephemeral).chain(volumes)
    }

    /// The images that the Pod fails to pull, each place once. A kubelet reports the failure of a volume in the status of the containers
    /// that mount it.
    pub fn failed_pulls(&self) -> Vec<FailedPull<'_>> {
        let PodStatus { init_container_statuses, container_statuses, ephemeral_container_statuses } = &self.status;
        let with = |place| move |status| (place, status);
        let init = init_container_statuses.iter().map(with(Place::InitContainer));
        let others = container_statuses.iter().map(with(Place::Container));
        let ephemeral = ephemeral_container_statuses.iter().map(with(Place::EphemeralContainer));
        let mut failed: Vec<FailedPull<'_>> = Vec::new();
        for (place, status) in init.chain(others).chain(ephemeral) {
            let Some(Waiting { reason, message }) = &status.state.waiting else { continue };
            if !is_of_a_pull(reason) {
                continue;
            }
            let Some(used) = self.culprit(place, &status.name, message) else { continue };
            if !failed.iter().any(|known| known.used == used) {
                failed.push(FailedPull { used, reason, words: words::of_registry(message) });
            }
        }
        failed
    }

    /// The image of the container, or of a volume if the message is about a volume.
    fn culprit(&self, place: Place, name: &str, message: &str) -> Option<Used<'_>> {
        let quotes = |image: &str| words::quotes(message, image);
        let own = self.images().find(|used| used.place == place && used.name == name)?;
        let volume = self.images().find(|used| used.place == Place::Volume && quotes(used.image));
        Some(volume.filter(|_| !quotes(own.image)).unwrap_or(own))
    }

    /// Whether the Pod refers to a Secret.
    pub fn refers(&self, secret: &str) -> bool {
        self.spec.image_pull_secrets.iter().any(|reference| reference.name == secret)
    }
}

impl Container {
    fn used(&self, place: Place) -> Used<'_> {
        Used { place, name: &self.name, image: &self.image }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: &str = r#"{"metadata":{"name":"p","namespace":"n","labels":{}},
        "spec":{"serviceAccountName":"default","imagePullSecrets":[{"name":"a"},{}],"nodeName":"x",
            "initContainers":[{"name":"first","image":"a.io/init"}],
            "containers":[{"name":"main","image":"a.io/main"},{"name":"side","image":"a.io/side","ports":[]}],
            "ephemeralContainers":[{"name":"look","image":"a.io/look"}],
            "volumes":[{"name":"v","image":{"reference":"a.io/model","pullPolicy":"Always"}},{"name":"w","emptyDir":{}}]},
        "status":{"phase":"Pending"STATUSES}}"#;

    fn pod(statuses: &str) -> Pod {
        serde_json::from_str(&POD.replace("STATUSES", statuses)).unwrap()
    }

    fn waiting(name: &str, reason: &str, message: &str) -> String {
        serde_json::json!({"name": name, "state": {"waiting": {"reason": reason, "message": message}}}).to_string()
    }

    #[test]
    fn a_pod_names_images_in_four_places() {
        let pod = pod("");
        let images: Vec<_> = pod.images().map(|used| format!("{} {} {}", used.place, used.name, used.image)).collect();
        let expected = [
            "init container first a.io/init",
            "container main a.io/main",
            "container side a.io/side",
            "ephemeral container look a.io/look",
            "volume v a.io/model",
        ];
        assert_eq!(images, expected);
        assert!(pod.refers("a") && !pod.refers("b") && pod.failed_pulls().is_empty());
    }

    #[test]
    fn a_failed_pull_is_found_wherever_the_kubelet_says_it() {
        for (field, name, reason, message, expected) in [
            ("containerStatuses", "main", "ErrImagePull", "no", "container main a.io/main no"),
            ("initContainerStatuses", "first", "ImagePullBackOff", "no", "init container first a.io/init no"),
            ("ephemeralContainerStatuses", "look", "ErrImagePull", "no", "ephemeral container look a.io/look no"),
            (
                "containerStatuses",
                "main",
                "ImagePullBackOff",
                "Back-off pulling image \"a.io/model\": ErrImagePull: no",
                "volume v a.io/model no",
            ),
            (
                "containerStatuses",
                "main",
                "ImagePullBackOff",
                "Back-off pulling image \"a.io/main\": ErrImagePull: unlike \"a.io/model\"",
                "container main a.io/main unlike \"a.io/model\"",
            ),
        ] {
            let pod = pod(&format!(r#","{field}":[{}]"#, waiting(name, reason, message)));
            let failed: Vec<_> = pod.failed_pulls();
            let [FailedPull { used, words, .. }] = failed.as_slice() else { panic!("{failed:?}") };
            let said = format!("{} {} {} {}", used.place, used.name, used.image, words.as_deref().unwrap_or_default());
            assert_eq!(said, expected);
        }
    }

    #[test]
    fn every_reason_of_the_kubelet_counts_and_other_waits_do_not() {
        for reason in REASONS {
            let pod = pod(&format!(r#","containerStatuses":[{}]"#, waiting("main", reason, "")));
            assert_eq!(pod.failed_pulls()[0].reason, reason);
        }
        for reason in ["ContainerCreating", "CrashLoopBackOff", "PodInitializing", ""] {
            let pod = pod(&format!(r#","containerStatuses":[{}]"#, waiting("main", reason, "x")));
            assert!(pod.failed_pulls().is_empty(), "{reason}");
        }
    }

    #[test]
    fn a_volume_that_two_containers_mount_is_named_once() {
        let message = "Back-off pulling image \"a.io/model\"";
        let both = ["main", "side"].map(|name| waiting(name, "ImagePullBackOff", message)).join(",");
        let pod = pod(&format!(r#","containerStatuses":[{both}]"#));
        assert_eq!(pod.failed_pulls().len(), 1);
    }
}
