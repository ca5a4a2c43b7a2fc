//! Compares the admission policies of `--link policy` with those of a cluster.

use serde_json::{Value, json};

use super::compare::{Item, Object, Step, steps};
use super::delivery::Delivery;
use super::facts::Metadata;
use super::whose::{Whose, whose};
use crate::docker_config::Logins;
use crate::docker_config::registry::RegistryKey;
use crate::names::ResourceName;
use crate::objects::marks::{CONTROLLER, STRATEGY};
use crate::objects::{AsBuilt, CreateNamespaces, Request, Wanted, pod_policy};
use crate::plan::{Actual, Content, History, Owner};

/// A policy or a binding that is wanted.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its path at the API server.
    pub path: String,
    kind: String,
    name: ResourceName,
    object: Value,
    /// Whether the registries are known: one of the policy's conditions depends on them.
    is_known: bool,
}

impl Delivery<'_> {
    /// The policies that this delivery needs, each with its binding.
    pub fn policies(&self) -> Vec<Policy> {
        let wanted: Vec<_> = self
            .pull_secrets
            .iter()
            .map(|one| Wanted {
                name: one.name,
                namespaces: &one.namespaces,
                service_accounts: &[],
                also_reference: &[],
                external: None,
                docker_config: one.logins,
            })
            .collect();
        let request = Request {
            pull_secrets: wanted.clone(),
            link: self.link,
            create_namespaces: CreateNamespaces::No,
            patcher: None,
            marks: self.marks.clone(),
        };
        let of_one = |one: &Wanted<'_>| {
            let objects = match pod_policy::objects(one, &request, &AsBuilt) {
                Ok(objects) => objects,
                Err(never) => match never {},
            };
            let is_known = !matches!(one.docker_config, Logins::Unavailable);
            objects.into_iter().filter_map(move |object| Policy::new(Value::Object(object), is_known))
        };
        wanted.iter().filter(|one| !one.namespaces.is_empty()).flat_map(of_one).collect()
    }

    /// The steps for the policies; `found` has the existing policies, in the same order.
    pub fn compare_policies(&self, policies: &[Policy], found: &[Option<Value>]) -> Vec<Step> {
        let items = policies.iter().zip(found).map(|(policy, found)| policy.item(found.as_ref(), &self.marks.owner));
        steps(items.collect())
    }
}

impl Policy {
    fn new(object: Value, is_known: bool) -> Option<Self> {
        let kind = object["kind"].as_str()?.to_owned();
        let name: ResourceName = object["metadata"]["name"].as_str()?.parse().ok()?;
        let plural = match kind.strip_suffix('y') {
            Some(stem) => format!("{}ies", stem.to_lowercase()),
            None => format!("{}s", kind.to_lowercase()),
        };
        let path = format!("/apis/admissionregistration.k8s.io/v1/{plural}/{name}");
        Some(Self { path, kind, name, object, is_known })
    }

    /// Also serves the namespaces in the existing binding of this owner, because another run chose them.
    pub fn keep_namespaces(&mut self, found: Option<&Value>, owner: &str) {
        const VALUES: &str = "/spec/matchResources/namespaceSelector/matchExpressions/0/values";
        let metadata = found.and_then(|found| serde_json::from_value::<Metadata>(found["metadata"].clone()).ok());
        let there = found.and_then(|found| found.pointer(VALUES)).and_then(Value::as_array);
        let wanted = self.object.pointer_mut(VALUES).and_then(Value::as_array_mut);
        if let (Some(metadata), Some(there), Some(wanted)) = (metadata, there, wanted)
            && matches!(whose(&metadata, owner), Whose::Ours)
            && !is_of_a_controller(&metadata)
        {
            wanted.extend(there.iter().cloned());
            wanted.sort_unstable_by(|one, other| one.as_str().cmp(&other.as_str()));
            wanted.dedup();
        }
    }

    fn item(&self, found: Option<&Value>, owner: &str) -> Item {
        let metadata = found.and_then(|found| serde_json::from_value::<Metadata>(found["metadata"].clone()).ok());
        let is_controllers = metadata.as_ref().is_some_and(is_of_a_controller);
        let tool = match metadata.as_ref().map(|metadata| whose(metadata, owner)) {
            Some(Whose::Ours) if is_controllers => Some("the controller of this owner".to_owned()),
            Some(Whose::Managed(tool)) => Some(tool),
            _ => None,
        };
        let actual = found.map(|found| {
            let owner = match whose(&metadata.clone().unwrap_or_default(), owner) {
                Whose::Ours if is_controllers => Owner::Managed,
                Whose::Ours => Owner::Proven,
                Whose::Managed(_) => Owner::Managed,
                Whose::Another(_) | Whose::Nobody => Owner::Foreign,
            };
            let (mut wanted, mut there) = (self.object.clone(), found.clone());
            if !self.is_known {
                [&mut wanted, &mut there].into_iter().for_each(without_registries);
            }
            let content = if has(&there, &wanted) { Content::Same } else { Content::Different };
            Actual { owner, content, history: History::Unknown }
        });
        let object = Object::Other {
            kind: self.kind.clone(),
            path: self.path.clone(),
            uid: metadata.map_or(String::new(), |metadata| metadata.uid),
            wanted: Some(self.object.clone()),
        };
        Item { namespace: None, name: self.name.clone(), object, actual, whose: tool, is_wanted: true }
    }
}

/// Whether the mark of a controller is on a policy: a controller serves all its namespaces with it.
pub fn is_of_a_controller(metadata: &Metadata) -> bool {
    metadata.annotations.get(STRATEGY).is_some_and(|strategy| strategy == CONTROLLER)
}

/// Removes the condition that depends on the logins.
fn without_registries(policy: &mut Value) {
    if let Some(conditions) = policy["spec"]["matchConditions"].as_array_mut() {
        conditions.retain(|condition| condition["name"] != "uses-the-registries");
    }
}

/// Whether the object has everything that is wanted. The API server adds fields to an object, but no entry to a list.
fn has(there: &Value, wanted: &Value) -> bool {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => {
            wanted.iter().all(|(key, value)| there.get(key).is_some_and(|there| has(there, value)))
        }
        (Value::Array(there), Value::Array(wanted)) => {
            there.len() == wanted.len() && there.iter().zip(wanted).all(|(there, wanted)| has(there, wanted))
        }
        _ => there == wanted,
    }
}

/// A Pod whose image matches one of these keys, to test whether a policy adds the reference. The Pod already has a reference, so it does not
/// get the references of its ServiceAccount. It has only what the Pod Security level `restricted` allows.
pub fn probe<'a>(mut keys: impl Iterator<Item = &'a RegistryKey>) -> Option<Value> {
    let key = keys.find(|key| !matches_no_image(key))?;
    let host =
        if key.index() == "index.docker.io" { "docker.io".to_owned() } else { key.authority().replace('*', "a") };
    let image = format!("{host}{}/regcred-probe", key.path().trim_end_matches('/'));
    Some(json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "regcred-probe-"},
        "spec": {
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "probe",
                "image": image,
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            }],
            "imagePullSecrets": [{"name": "regcred-probe"}],
        },
    }))
}

/// Whether no image of any name matches.
fn matches_no_image(key: &RegistryKey) -> bool {
    let path = key.path();
    let is_odd = |byte: u8| byte.is_ascii_uppercase() || b"*:@+~".contains(&byte);
    path.bytes().any(is_odd)
        || path.contains("//")
        || (key.host() == "index.docker.io" && !path.is_empty())
        || key.authority().ends_with(']')
}

#[cfg(test)]
mod tests {
    use super::super::{Accounts, OnConflict, PullSecret, Unchangeable};
    use super::*;
    use crate::objects::marks::Marks;
    use crate::plan::Action;
    use crate::spec::choice::Link;

    #[test]
    fn a_policy_is_compared_with_its_binding_and_without_the_logins_all_but_its_registries() {
        let (name, logins) = ("pull".parse().unwrap(), Logins::External(vec![("ghcr.io".parse().unwrap(), None)]));
        let delivery = |logins| Delivery {
            pull_secrets: vec![PullSecret::new(&name, vec!["team".parse().unwrap()], Accounts::All, logins)],
            link: Link::Policy,
            marks: Marks { owner: "acme".to_owned(), profile: None },
            on_conflict: OnConflict::Fail,
            unchangeable: Unchangeable::Refuse,
        };
        let known = delivery(&logins);
        let policies = known.policies();
        let paths: Vec<_> = policies.iter().map(|policy| policy.path.rsplit_once('/').unwrap()).collect();
        assert_eq!(paths.iter().map(|(_, name)| *name).collect::<Vec<_>>(), ["acme.pull", "acme.pull"]);
        assert!(paths[0].0.ends_with("/mutatingadmissionpolicies"), "{paths:?}");
        assert!(paths[1].0.ends_with("/mutatingadmissionpolicybindings"), "{paths:?}");
        let actions = |delivery: &Delivery<'_>, found: &[Option<Value>]| {
            let steps = delivery.compare_policies(&delivery.policies(), found);
            steps.into_iter().map(|step| step.change.action).collect::<Vec<_>>()
        };
        assert_eq!(actions(&known, &[None, None]), [Action::Create, Action::Create]);
        let mut found: Vec<_> = policies.iter().map(|policy| Some(policy.object.clone())).collect();
        found[0].as_mut().unwrap()["spec"]["added"] = json!("by the API server");
        assert_eq!(actions(&known, &found), [Action::Keep, Action::Keep]);
        let unknown = Logins::Unavailable;
        assert_eq!(actions(&delivery(&unknown), &found), [Action::Keep, Action::Keep]);
        let other = Logins::External(vec![("quay.io".parse().unwrap(), None)]);
        assert_eq!(actions(&delivery(&other), &found), [Action::Update, Action::Keep]);
        let values = |binding: &mut Value| {
            binding["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"][0]["values"].take()
        };
        let mut wider = found[1].clone().unwrap();
        wider["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"][0]["values"] =
            json!(["team", "other"]);
        let kept = |owner| {
            let mut binding = known.policies().remove(1);
            binding.keep_namespaces(Some(&wider), owner);
            values(&mut binding.object)
        };
        assert_eq!(kept("acme"), json!(["other", "team"]));
        assert_eq!(kept("somebody"), json!(["team"]), "that of another owner is not ours to read");
        let mut of_a_controller = found.clone();
        for policy in of_a_controller.iter_mut().flatten() {
            policy["metadata"]["annotations"][STRATEGY] = json!(CONTROLLER);
            policy["spec"] = json!({"policyName": "acme.pull"});
        }
        assert_eq!(actions(&known, &of_a_controller), [Action::Refuse, Action::Refuse]);
        let mut binding = known.policies().remove(1);
        wider["metadata"]["annotations"][STRATEGY] = json!(CONTROLLER);
        binding.keep_namespaces(Some(&wider), "acme");
        assert_eq!(values(&mut binding.object), json!(["team"]), "that of a controller is not ours to widen");
        found[1].as_mut().unwrap()["spec"]["matchResources"] = json!({});
        assert_eq!(actions(&known, &found), [Action::Keep, Action::Update]);
        found[1].as_mut().unwrap()["metadata"]["annotations"] = json!({});
        assert_eq!(actions(&known, &found), [Action::Keep, Action::Refuse]);
    }

    #[test]
    fn a_probe_has_an_image_that_the_key_matches() {
        for (key, image) in [
            ("https://index.docker.io/v1/", "docker.io/regcred-probe"),
            ("ghcr.io/acme", "ghcr.io/acme/regcred-probe"),
            ("*.ecr.test:80", "a.ecr.test:80/regcred-probe"),
        ] {
            let keys: Vec<RegistryKey> = vec![key.parse().unwrap()];
            assert_eq!(probe(keys.iter()).unwrap()["spec"]["containers"][0]["image"], image);
        }
    }

    #[test]
    fn a_probe_is_within_the_pod_security_level_restricted() {
        let keys: [RegistryKey; 1] = ["ghcr.io".parse().unwrap()];
        let spec = &probe(keys.iter()).unwrap()["spec"];
        let context = json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}});
        assert_eq!(spec["securityContext"], context);
        let context = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
        assert_eq!(spec["containers"][0]["securityContext"], context);
    }
}
