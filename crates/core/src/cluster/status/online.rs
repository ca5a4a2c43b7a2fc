//! Finds the questions for registries about the images in use, as if no node had pulled them. Equal questions are asked once.
//!
//! A kubelet reads the logins of the Pod's pull secrets in their order, and tries the matching ones until one may pull the image.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Pods;
use super::view::printable;
use crate::cluster::facts::{Secret, TYPE};
use crate::credentials::{Credential, as_kubelet};
use crate::names::{Namespace, ResourceName};
use crate::registry::reference::Reference;
use crate::registry::verdict::{Standing, Verdict};

/// The type of pull secrets before Kubernetes 1.3, which a kubelet still accepts.
pub const OLD_TYPE: &str = "kubernetes.io/dockercfg";

/// The Secrets that Pods refer to, as far as they were read.
pub type Secrets = BTreeMap<(Namespace, ResourceName), Found>;

/// A Secret that a Pod refers to.
#[derive(Debug)]
pub enum Found {
    /// It exists.
    There(Box<Secret>),
    /// It does not exist: a kubelet goes on without it.
    Missing,
    /// This account may not read it.
    NotRead,
}

/// Whether a new node could pull an image for the Pods of a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImageStatus {
    /// The image.
    pub image: String,
    /// The pull secrets that those Pods refer to.
    pub secrets: Vec<ResourceName>,
    /// Whether a new node could pull it.
    pub pull: Standing,
    /// The reason.
    pub message: String,
}

/// Images with the same logins.
pub struct Batch {
    /// The logins, in the kubelet's order.
    pub logins: Vec<Credential>,
    /// The images, without duplicates.
    pub images: Vec<Reference>,
}

/// All questions for registries.
#[derive(Default)]
pub struct Inquiry {
    /// The batches of images that registries are asked about.
    pub batches: Vec<Batch>,
    uses: Vec<(Use, Aim)>,
}

/// An image in a namespace, with the pull secrets of the Pods that use it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Use {
    namespace: Namespace,
    image: String,
    secrets: Vec<ResourceName>,
}

/// Where the answer for a use comes from.
enum Aim {
    /// From the registry: the number of the batch.
    Batch(usize),
    /// Known without a registry.
    Known(Standing, String),
}

/// The Secrets that Pods refer to.
pub fn secrets(pods: &Pods) -> BTreeSet<(Namespace, ResourceName)> {
    let all = uses(pods).into_iter();
    all.flat_map(|one| one.secrets.into_iter().map(move |name| (one.namespace.clone(), name))).collect()
}

/// The questions for these Pods.
pub fn inquire(pods: &Pods, secrets: &Secrets) -> Inquiry {
    let mut inquiry = Inquiry::default();
    for one in uses(pods) {
        let aim = inquiry.aim(&one, secrets).unwrap_or_else(|(answer, message)| Aim::Known(answer, message));
        inquiry.uses.push((one, aim));
    }
    inquiry
}

fn uses(pods: &Pods) -> BTreeSet<Use> {
    let mut uses = BTreeSet::new();
    for (namespace, pod) in pods.iter().flat_map(|(namespace, pods)| pods.iter().map(move |pod| (namespace, pod))) {
        let names = pod.spec.image_pull_secrets.iter().filter_map(|reference| reference.name.parse().ok());
        let secrets: Vec<ResourceName> = names.collect();
        uses.extend(pod.images().map(|used| Use {
            namespace: namespace.clone(),
            image: used.image.to_owned(),
            secrets: secrets.clone(),
        }));
    }
    uses
}

impl Inquiry {
    /// The batch with the question, or the answer that needs no registry.
    fn aim(&mut self, one: &Use, secrets: &Secrets) -> Result<Aim, (Standing, String)> {
        let image: Reference =
            one.image.parse().map_err(|_| (Standing::Refused, "a kubelet does not take such an image".to_owned()))?;
        let mut logins = Vec::new();
        for name in &one.secrets {
            match secrets.get(&(one.namespace.clone(), name.clone())) {
                Some(Found::There(secret)) => logins.extend(logins_of(name, secret)?),
                Some(Found::Missing) => {}
                Some(Found::NotRead) | None => {
                    return Err((Standing::Unknown, format!("this account may not read the Secret {name}")));
                }
            }
        }
        let number = self.batches.iter().position(|batch| are_same(&batch.logins, &logins)).unwrap_or_else(|| {
            self.batches.push(Batch { logins, images: Vec::new() });
            self.batches.len() - 1
        });
        let images = &mut self.batches[number].images;
        if !images.contains(&image) {
            images.push(image);
        }
        Ok(Aim::Batch(number))
    }

    /// The result for each namespace, from the verdicts on each batch.
    pub fn answers(&self, verdicts: &[Vec<Verdict>]) -> BTreeMap<Namespace, Vec<ImageStatus>> {
        let mut answers: BTreeMap<Namespace, Vec<ImageStatus>> = BTreeMap::new();
        for (Use { namespace, image, secrets }, aim) in &self.uses {
            let (pull, message) = match aim {
                Aim::Known(answer, message) => (*answer, message.clone()),
                Aim::Batch(number) => verdict(verdicts.get(*number).map_or(&[], Vec::as_slice), image),
            };
            let status = ImageStatus { image: printable(image), secrets: secrets.clone(), pull, message };
            answers.entry(namespace.clone()).or_default().push(status);
        }
        answers
    }
}

/// The logins that a kubelet finds in a Secret. A Secret that it cannot read makes the whole pull fail.
fn logins_of(name: &ResourceName, secret: &Secret) -> Result<Vec<Credential>, (Standing, String)> {
    let Some(docker_config) = secret.docker_config.as_ref().filter(|_| secret.type_ == TYPE) else {
        return if secret.type_ == OLD_TYPE {
            Err((
                Standing::Unknown,
                format!("the Secret {name} is of the old type {OLD_TYPE}, which was not looked into"),
            ))
        } else {
            Ok(Vec::new())
        };
    };
    as_kubelet::read(docker_config, &format!("`{name}`")).map_err(|unreadable| {
        (Standing::Refused, format!("a kubelet cannot read the Secret {name}, and so pulls nothing: {unreadable}"))
    })
}

fn are_same(some: &[Credential], others: &[Credential]) -> bool {
    let equal = |(one, other): (&Credential, &Credential)| {
        one.registry.index() == other.registry.index() && one.is_same_login(other)
    };
    some.len() == others.len() && some.iter().zip(others).all(equal)
}

/// Good if one login may pull the image; otherwise the answer for the first matching login.
fn verdict(verdicts: &[Verdict], image: &str) -> (Standing, String) {
    let pulls = || verdicts.iter().flat_map(|verdict| &verdict.images).filter(|(known, _)| known == image);
    let with = |wanted| pulls().find(|(_, pull)| pull.standing() == wanted);
    let chosen = with(Standing::Good).or_else(|| with(Standing::Unknown)).or_else(|| pulls().next());
    chosen
        .map_or((Standing::Unknown, "no registry was asked".to_owned()), |(_, pull)| (pull.standing(), pull.sentence()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::verdict::Pull;

    fn pod(image: &str, references: &str) -> String {
        format!(r#"{{"spec":{{"containers":[{{"image":"{image}"}}],"imagePullSecrets":{references}}}}}"#)
    }

    fn pods(all: &[(&str, &[String])]) -> Pods {
        let of = |(namespace, pods): &(&str, &[String])| {
            let pods = serde_json::from_str(&format!("[{}]", pods.join(","))).unwrap();
            (namespace.parse().unwrap(), pods)
        };
        all.iter().map(of).collect()
    }

    fn there(type_: &str, docker_config: &str) -> Found {
        use base64::Engine;
        let data = base64::engine::general_purpose::STANDARD.encode(docker_config);
        let text = format!(r#"{{"type":"{type_}","data":{{".dockerconfigjson":"{data}"}}}}"#);
        Found::There(Box::new(serde_json::from_str(&text).unwrap()))
    }

    fn key(namespace: &str, name: &str) -> (Namespace, ResourceName) {
        (namespace.parse().unwrap(), name.parse().unwrap())
    }

    const LOGIN: &str = r#"{"auths":{"a.io":{"username":"u","password":"p"}}}"#;

    #[test]
    fn the_same_image_with_the_same_logins_is_asked_once_for_all_namespaces() {
        let ours = r#"[{"name":"s"}]"#;
        let two = [pod("a.io/x:1", ours), pod("a.io/x:1", ours)];
        let more = [pod("a.io/x:1", ours), pod("a.io/y:1", ours), pod("a.io/x:1", "[]")];
        let pods = pods(&[("one", &two), ("two", &more)]);
        assert_eq!(secrets(&pods).into_iter().collect::<Vec<_>>(), [key("one", "s"), key("two", "s")]);
        let found: Secrets = [(key("one", "s"), there(TYPE, LOGIN)), (key("two", "s"), there(TYPE, LOGIN))].into();
        let inquiry = inquire(&pods, &found);
        let asked: Vec<_> = inquiry.batches.iter().map(|batch| (batch.logins.len(), batch.images.len())).collect();
        assert_eq!(asked, [(1, 2), (0, 1)]);
    }

    #[test]
    fn what_a_kubelet_cannot_read_or_this_account_may_not_is_answered_without_a_registry() {
        let known = |image: &str, found: Found| {
            let pods = pods(&[("one", &[pod(image, r#"[{"name":"s"},{}]"#)])]);
            let inquiry = inquire(&pods, &[(key("one", "s"), found)].into());
            assert!(inquiry.batches.is_empty(), "{image}");
            let answers = inquiry.answers(&[]);
            answers[&"one".parse().unwrap()][0].clone()
        };
        for (image, found, pull, said) in [
            ("a.io/x", there(TYPE, "{"), Standing::Refused, "is not JSON"),
            ("a.io/x", there(OLD_TYPE, "{}"), Standing::Unknown, "old type"),
            ("a.io/x", Found::NotRead, Standing::Unknown, "may not read the Secret s"),
            ("A Name", Found::Missing, Standing::Refused, "does not take"),
            (r"x\n::error::y", Found::Missing, Standing::Refused, "does not take"),
        ] {
            let status = known(image, found);
            assert!(!status.image.contains('\n'), "{status:?}");
            assert!(status.pull == pull && status.message.contains(said), "{status:?}");
        }
    }

    #[test]
    fn one_login_that_may_pull_is_enough_and_a_missing_secret_has_no_login() {
        let pods = pods(&[("one", &[pod("a.io/x", r#"[{"name":"gone"},{"name":"other"}]"#)])]);
        let found: Secrets = [(key("one", "gone"), Found::Missing), (key("one", "other"), there("Opaque", "{"))].into();
        let inquiry = inquire(&pods, &found);
        assert!(inquiry.batches.len() == 1 && inquiry.batches[0].logins.is_empty());
        for (pulls, expected) in [
            (&[Pull::Refused, Pull::Allowed][..], Standing::Good),
            (&[Pull::Refused, Pull::Limited], Standing::Unknown),
            (&[Pull::NoRight], Standing::Refused),
            (&[], Standing::Unknown),
        ] {
            let verdict = |pull: &Pull| Verdict {
                registry: "a.io".to_owned(),
                source: None,
                username: None,
                login: None,
                images: vec![("a.io/x".to_owned(), *pull)],
                expires: None,
                limits: None,
            };
            let verdicts = [pulls.iter().map(verdict).collect()];
            assert_eq!(inquiry.answers(&verdicts)[&"one".parse().unwrap()][0].pull, expected, "{pulls:?}");
        }
    }
}
