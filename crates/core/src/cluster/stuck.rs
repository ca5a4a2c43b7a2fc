//! Finds Pods that fail to pull an image because they were created without the reference, and decides which may be evicted.
//!
//! The `imagePullSecrets` of a Pod cannot change, and a kubelet waits up to five minutes between two tries. A new Pod has the reference
//! and tries at once.

use serde::Deserialize;
use serde_json::Value;

pub use super::pods::Pod;

use super::compare::Object;
use super::delivery::Delivery;
use super::facts::{LabelSelector, Metadata, OwnerReference, Space};
use super::reference::refers;
use crate::docker_config::kubelet::{Image, matching};
use crate::docker_config::registry::RegistryKey;
use crate::names::{Namespace, ResourceName};
use crate::spec::choice::Link;

/// The reasons for which a container waits if a registry may have refused its image.
const REASONS: [&str; 2] = ["ErrImagePull", "ImagePullBackOff"];

/// A `PodDisruptionBudget`, as far as the rules need it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Budget {
    /// Its metadata.
    pub metadata: Metadata,
    spec: BudgetSpec,
    status: BudgetStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct BudgetSpec {
    selector: Option<LabelSelector>,
    unhealthy_pod_eviction_policy: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct BudgetStatus {
    disruptions_allowed: i64,
}

/// What may be done with a stuck Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The Pod is evicted, and its controller creates a new one.
    Evict,
    /// No controller would create a new Pod.
    Bare,
    /// This budget allows no disruption. The API server would still evict a Pod that does not run.
    Protected(String),
}

impl Pod {
    /// Whether the Pod fails to pull an image that one of these pull secrets matches, and lacks the reference to that pull secret.
    pub fn is_stuck<'a>(&self, pull_secrets: impl Iterator<Item = (&'a ResourceName, Vec<&'a RegistryKey>)>) -> bool {
        let failed = self.failed_pulls();
        let images: Vec<_> =
            failed.iter().filter(|one| REASONS.contains(&one.reason)).map(|one| one.used.image).collect();
        let is_for = |keys: &[&RegistryKey], image: &&str| {
            image.parse::<Image>().is_ok_and(|image| !matching(keys.iter().copied(), |key| key, &image).is_empty())
        };
        let mut lacking = pull_secrets.filter(|(name, _)| !self.refers(name.as_str()));
        self.metadata.deletion_timestamp.is_none()
            && lacking.any(|(_, keys)| images.iter().any(|image| is_for(&keys, image)))
    }

    /// What may be done with the Pod.
    pub fn verdict(&self, budgets: &[Budget]) -> Verdict {
        // A node owns the static Pods, and creates a new one only after the Pod's file changes.
        let makes_a_new_one = |owner: &OwnerReference| owner.controller && owner.kind != "Node";
        if !self.metadata.owner_references.iter().any(makes_a_new_one) {
            return Verdict::Bare;
        }
        let protects = |budget: &&Budget| {
            budget.metadata.namespace == self.metadata.namespace
                && budget.status.disruptions_allowed < 1
                && budget.spec.unhealthy_pod_eviction_policy != "AlwaysAllow"
                && budget.spec.selector.as_ref().is_some_and(|selector| selector.matches(&self.metadata.labels))
        };
        match budgets.iter().find(protects) {
            Some(budget) => Verdict::Protected(budget.metadata.name.clone()),
            None => Verdict::Evict,
        }
    }
}

impl Delivery<'_> {
    /// Whether a Pod is stuck, and a new Pod in its place would not be. A new Pod has the references of its template, or else the
    /// references of its ServiceAccount. The given pull secrets are for its namespace.
    pub fn helps(&self, numbers: &[usize], pod: &Pod, namespace: &Namespace, space: &Space) -> bool {
        let own = &pod.spec.image_pull_secrets;
        let fits = |list: &[Value]| own.iter().all(|one| list.iter().any(|entry| entry["name"] == one.name));
        self.gives(numbers, pod, (namespace, space), fits)
    }

    /// The same, if the template of the Pod has no list: then the Pod's other references are those that its ServiceAccount had before.
    pub fn may_help(&self, numbers: &[usize], pod: &Pod, namespace: &Namespace, space: &Space) -> bool {
        self.gives(numbers, pod, (namespace, space), |_| true)
    }

    fn gives(&self, numbers: &[usize], pod: &Pod, at: (&Namespace, &Space), fits: impl Fn(&[Value]) -> bool) -> bool {
        let (namespace, space) = at;
        let account = pod.spec.service_account_name.parse().ok().and_then(|name| space.accounts.get(&name));
        let list = account.map_or(&[][..], |account| &account.image_pull_secrets);
        let gets = |number: &&usize| match self.link {
            Link::Policy => true,
            Link::None => false,
            Link::ServiceAccount if refers(list, self.pull_secrets[**number].name) => fits(list),
            Link::ServiceAccount => self.links(&[**number], namespace, space).iter().any(|step| {
                let is_its = step.name.as_str() == pod.spec.service_account_name;
                is_its && matches!(&step.object, Object::Account { list, .. } if fits(list))
            }),
        };
        let pull_secrets = numbers.iter().filter(gets).map(|number| &self.pull_secrets[*number]);
        pod.is_stuck(pull_secrets.map(|one| (one.name, one.logins.registries().collect())))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Accounts, OnConflict, PullSecret, Unchangeable};
    use super::*;
    use crate::credentials::Credential;
    use crate::docker_config::{DockerConfig, Logins};
    use crate::objects::marks::Marks;

    fn pod(change: impl FnOnce(&mut Value)) -> Pod {
        let mut pod = json!({
            "metadata": {"name": "p", "namespace": "n", "labels": {"app": "shop"},
                "ownerReferences": [{"kind": "ReplicaSet", "name": "r", "controller": true}]},
            "spec": {"containers": [{"name": "c", "image": "ghcr.io/acme/api"}], "imagePullSecrets": [{"name": "theirs"}]},
            "status": {"containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]},
        });
        change(&mut pod);
        serde_json::from_value(pod).unwrap()
    }

    fn is_stuck(change: impl FnOnce(&mut Value)) -> bool {
        let (name, key): (ResourceName, RegistryKey) = ("ours".parse().unwrap(), "ghcr.io/acme".parse().unwrap());
        pod(change).is_stuck([(&name, vec![&key])].into_iter())
    }

    #[test]
    fn a_pod_is_stuck_if_it_waits_for_an_image_of_ours_and_lacks_the_reference() {
        assert!(is_stuck(|_| {}));
        assert!(!is_stuck(|pod| pod["spec"]["imagePullSecrets"] = json!([{"name": "ours"}])));
        assert!(!is_stuck(|pod| pod["spec"]["containers"][0]["image"] = json!("quay.io/acme/api")));
        assert!(!is_stuck(|pod| pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z")));
        assert!(!is_stuck(|pod| pod["status"]["containerStatuses"][0]["state"] = json!({"running": {}})));
        assert!(!is_stuck(|pod| {
            pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] = json!("CrashLoopBackOff");
        }));
        for (list, statuses) in
            [("initContainers", "initContainerStatuses"), ("ephemeralContainers", "ephemeralContainerStatuses")]
        {
            assert!(is_stuck(|pod| {
                pod["status"] = json!({statuses: [{"name": "i", "state": {"waiting": {"reason": "ErrImagePull"}}}]});
                pod["spec"][list] = json!([{"name": "i", "image": "ghcr.io/acme/init:1"}]);
            }));
        }
        let of_a_volume = |image: &str| {
            is_stuck(|pod| {
                pod["spec"]["containers"][0]["image"] = json!("quay.io/acme/api");
                pod["spec"]["volumes"] = json!([{"name": "v", "image": {"reference": "ghcr.io/acme/model:1"}}]);
                let message = format!("Back-off pulling image \"{image}\"");
                pod["status"]["containerStatuses"][0]["state"]["waiting"]["message"] = json!(message);
            })
        };
        assert!(of_a_volume("ghcr.io/acme/model:1") && !of_a_volume("quay.io/acme/api"));
    }

    fn logins() -> Logins {
        let login = Credential::sample("ghcr.io", "a", "b");
        Logins::Read(DockerConfig::merge(vec![login]).unwrap())
    }

    #[test]
    fn a_new_pod_helps_only_if_it_gets_the_reference() {
        let (name, logins): (ResourceName, _) = ("ours".parse().unwrap(), logins());
        let (namespace, linked): (Namespace, [ResourceName; 1]) = ("n".parse().unwrap(), ["default".parse().unwrap()]);
        let helps = |link: Link, account: &str, own: Value| {
            let accounts = Accounts::Chosen(&linked, &[]);
            let delivery = Delivery {
                pull_secrets: vec![PullSecret::new(&name, vec![namespace.clone()], accounts, &logins)],
                link,
                marks: Marks { owner: "acme".to_owned(), profile: None },
                on_conflict: OnConflict::Fail,
                unchangeable: Unchangeable::Refuse,
            };
            let list = vec![json!({"name": "theirs"})];
            let list_of =
                |name| if name == "late" { [&list[..], &[json!({"name": "ours"})]].concat() } else { list.clone() };
            let there = |name, opts_out: bool| {
                let annotations = if opts_out { json!({"regcred.dev/exclude": "true"}) } else { json!({}) };
                let account = json!({"metadata": {"annotations": annotations}, "imagePullSecrets": list_of(name)});
                serde_json::from_value(account).unwrap()
            };
            let accounts = [("default", account == "excluded"), ("ci", false), ("late", false)];
            let accounts = accounts.map(|(name, opts_out)| (name.parse().unwrap(), there(name, opts_out)));
            let space = Space { accounts: accounts.into_iter().collect(), ..Space::default() };
            let pod = pod(|pod| {
                pod["spec"]["serviceAccountName"] = json!(account.replace("excluded", "default"));
                pod["spec"]["imagePullSecrets"] = own;
            });
            [Delivery::helps, Delivery::may_help].map(|helps| helps(&delivery, &[0], &pod, &namespace, &space))
        };
        let of = |name: &str| json!([{"name": name}]);
        for (link, account, own, expected) in [
            (Link::ServiceAccount, "default", json!([]), [true, true]),
            (Link::ServiceAccount, "default", of("theirs"), [true, true]),
            (Link::ServiceAccount, "default", of("own"), [false, true]),
            (Link::ServiceAccount, "default", of("ours"), [false, false]),
            (Link::ServiceAccount, "ci", json!([]), [false, false]),
            (Link::ServiceAccount, "late", json!([]), [true, true]),
            (Link::ServiceAccount, "late", of("own"), [false, true]),
            (Link::ServiceAccount, "excluded", json!([]), [false, false]),
            (Link::Policy, "ci", of("own"), [true, true]),
            (Link::None, "default", json!([]), [false, false]),
        ] {
            assert_eq!(helps(link, account, own.clone()), expected, "{link:?} {account} {own}");
        }
    }

    #[test]
    fn a_bare_pod_and_a_pod_whose_budget_allows_no_disruption_stay() {
        let budget = |allowed: i64, policy: &str, selector: Value| -> Budget {
            serde_json::from_value(json!({
                "metadata": {"name": "b", "namespace": "n"},
                "spec": {"selector": selector, "unhealthyPodEvictionPolicy": policy},
                "status": {"disruptionsAllowed": allowed},
            }))
            .unwrap()
        };
        let protected = Verdict::Protected("b".to_owned());
        let app = || json!({"matchLabels": {"app": "shop"}});
        for (budget, expected) in [
            (budget(0, "", app()), protected.clone()),
            (budget(1, "", app()), Verdict::Evict),
            (budget(0, "AlwaysAllow", app()), Verdict::Evict),
            (budget(0, "", json!({"matchLabels": {"app": "other"}})), Verdict::Evict),
            (
                budget(0, "", json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["shop"]}]})),
                protected.clone(),
            ),
            (budget(0, "", json!({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]})), Verdict::Evict),
            (budget(0, "", json!({})), protected),
            (budget(0, "", Value::Null), Verdict::Evict),
        ] {
            assert_eq!(pod(|_| {}).verdict(std::slice::from_ref(&budget)), expected, "{budget:?}");
        }
        let verdict = |owners: Value| pod(|pod| pod["metadata"]["ownerReferences"] = owners).verdict(&[]);
        let controlled_by = |kind: &str| json!([{"kind": kind, "name": "o", "controller": true}]);
        assert_eq!(verdict(json!([])), Verdict::Bare);
        assert_eq!(verdict(controlled_by("Node")), Verdict::Bare, "a Pod of a file of the node");
        assert_eq!(verdict(json!([{"kind": "ConfigMap", "name": "o"}])), Verdict::Bare);
        for kind in ["ReplicaSet", "StatefulSet", "DaemonSet", "Job", "ReplicationController"] {
            assert_eq!(verdict(controlled_by(kind)), Verdict::Evict, "{kind}");
        }
    }
}
