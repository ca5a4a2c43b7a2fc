//! Compares the admission policies of `--link policy` with the policies of a cluster.

use serde_json::Value;

use super::compare::{Item, Object, Step, steps};
use super::delivery::Delivery;
use super::facts::Metadata;
use super::ownership::{Whose, whose};
use crate::docker_config::Logins;
use crate::names::ResourceName;
use crate::objects::marks::{CONTROLLER, STRATEGY};
use crate::objects::{AsBuilt, Request, Wanted, pod_policy};
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
    merge: Merge,
}

/// How to merge the namespaces of a run with the namespaces of an existing binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// The namespaces of the binding stay, because another run chose them.
    Add,
    /// The namespaces of the run replace the list.
    Replace,
    /// The namespaces of the run are taken out of the list.
    Remove,
}

/// The namespaces in a binding.
const VALUES: &str = "/spec/matchResources/namespaceSelector/matchExpressions/0/values";
/// `In`, if the binding serves these namespaces; the binding of a patcher leaves its list out.
const OPERATOR: &str = "/spec/matchResources/namespaceSelector/matchExpressions/0/operator";
/// A version that no object has: etcd counts from 1, and the first write is 2. So a server-side apply with it creates an object, and
/// gets a conflict if another run was faster.
const UNUSED: &str = "1";

impl Delivery<'_> {
    /// The policies that this delivery needs, each with its binding.
    pub fn policies(&self, merge: Merge) -> Vec<Policy> {
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
            create_namespaces: false,
            patcher: None,
            marks: self.marks.clone(),
        };
        let of_one = |one: &Wanted<'_>| {
            let Ok(objects) = pod_policy::objects(one, &request, &AsBuilt);
            let is_known = !matches!(one.docker_config, Logins::Unavailable);
            objects.into_iter().filter_map(move |object| Policy::new(Value::Object(object), is_known, merge))
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
    fn new(object: Value, is_known: bool, merge: Merge) -> Option<Self> {
        let kind = object["kind"].as_str()?.to_owned();
        let name: ResourceName = object["metadata"]["name"].as_str()?.parse().ok()?;
        let plural = match kind.strip_suffix('y') {
            Some(stem) => format!("{}ies", stem.to_lowercase()),
            None => format!("{}s", kind.to_lowercase()),
        };
        let path = format!("/apis/admissionregistration.k8s.io/v1/{plural}/{name}");
        Some(Self { path, kind, name, object, is_known, merge })
    }

    /// Its kind.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Its kind and name, as in a report: `MutatingAdmissionPolicyBinding/acme.pull`.
    pub fn shown(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }

    /// The namespaces of the run that an existing binding of this owner serves, and the other ones that it serves.
    pub fn served<'a>(&self, found: Option<&'a Value>, owner: &str) -> (Vec<&'a str>, Vec<&'a str>) {
        let there = found.and_then(|found| namespaces(found, owner)).into_iter().flatten().filter_map(Value::as_str);
        let ours = self.object.pointer(VALUES).and_then(Value::as_array);
        there.partition(|name| ours.is_some_and(|ours| ours.iter().any(|ours| ours == name)))
    }

    /// Whether a write is still needed. Namespaces are taken out of a binding only if it has them and keeps at least one other namespace.
    pub fn is_due(&self, found: Option<&Value>, owner: &str) -> bool {
        let (ours, others) = self.served(found, owner);
        self.merge != Merge::Remove || !(ours.is_empty() || others.is_empty())
    }

    /// The object to write in place of the existing one. In a binding, the existing namespaces are merged with the namespaces of the run.
    fn merged(&self, found: Option<&Value>, owner: &str) -> Value {
        let mut object = self.object.clone();
        let there = found.and_then(|found| namespaces(found, owner));
        if let (Some(there), Some(wanted)) = (there, object.pointer_mut(VALUES).and_then(Value::as_array_mut)) {
            match self.merge {
                Merge::Replace => {}
                Merge::Remove => *wanted = there.iter().filter(|name| !wanted.contains(name)).cloned().collect(),
                Merge::Add => {
                    wanted.extend(there.iter().cloned());
                    wanted.sort_unstable_by(|one, other| one.as_str().cmp(&other.as_str()));
                    wanted.dedup();
                }
            }
        }
        object
    }

    fn item(&self, found: Option<&Value>, owner: &str) -> Item {
        let metadata = found.and_then(|found| serde_json::from_value::<Metadata>(found["metadata"].clone()).ok());
        let metadata = metadata.unwrap_or_default();
        let whose = match whose(&metadata, owner) {
            Whose::Ours if is_of_a_controller(&metadata) => Whose::Managed("the controller of this owner".to_owned()),
            whose => whose,
        };
        let mut object = self.merged(found, owner);
        let actual = found.map(|found| {
            let owner = match whose {
                Whose::Ours => Owner::Proven,
                Whose::Managed(_) => Owner::Managed,
                Whose::Another(_) | Whose::Nobody => Owner::Foreign,
            };
            let (mut wanted, mut there) = (object.clone(), found.clone());
            if !self.is_known {
                [&mut wanted, &mut there].into_iter().for_each(without_registries);
            }
            let content = if has(&there, &wanted) { Content::Same } else { Content::Different };
            Actual { owner, content, history: History::Unknown }
        });
        // The API server refuses the write if another run has changed or created the object meanwhile.
        match found {
            None => object["metadata"]["resourceVersion"] = UNUSED.into(),
            Some(found) => ["uid", "resourceVersion"].into_iter().for_each(|key| {
                if let Some(value) = found["metadata"].get(key) {
                    object["metadata"][key] = value.clone();
                }
            }),
        }
        let object = Object::Policy { policy: Box::new(self.clone()), wanted: object };
        let whose = Some(whose).filter(|whose| matches!(whose, Whose::Managed(_)));
        Item { namespace: None, name: self.name.clone(), object, actual, whose, is_wanted: true }
    }
}

/// The namespaces that an existing binding of this owner serves by name; `None` if the binding belongs to another owner, a controller or a
/// patcher.
fn namespaces<'a>(found: &'a Value, owner: &str) -> Option<&'a Vec<Value>> {
    let metadata: Metadata = serde_json::from_value(found["metadata"].clone()).ok()?;
    let is_ours = whose(&metadata, owner) == Whose::Ours && !is_of_a_controller(&metadata);
    found.pointer(VALUES)?.as_array().filter(|_| is_ours && found.pointer(OPERATOR).is_some_and(|word| word == "In"))
}

/// Whether a policy has the annotation of a controller, which serves all its namespaces with this policy.
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Accounts, OnConflict, PullSecret, Unchangeable};
    use super::*;
    use crate::objects::marks::Marks;
    use crate::plan::Action;
    use crate::spec::choice::Link;

    #[test]
    fn policies_and_bindings_are_compared_and_without_the_logins_the_registries_do_not_count() {
        let (name, logins) = ("pull".parse().unwrap(), Logins::External(vec![("ghcr.io".parse().unwrap(), None)]));
        let delivery = |logins| Delivery {
            pull_secrets: vec![PullSecret::new(&name, vec!["team".parse().unwrap()], Accounts::All, logins)],
            link: Link::Policy,
            marks: Marks { owner: "acme".to_owned(), profile: None },
            on_conflict: OnConflict::Fail,
            unchangeable: Unchangeable::Refuse,
        };
        let known = delivery(&logins);
        let policies = known.policies(Merge::Add);
        let paths: Vec<_> = policies.iter().map(|policy| policy.path.rsplit_once('/').unwrap()).collect();
        assert_eq!(paths.iter().map(|(_, name)| *name).collect::<Vec<_>>(), ["acme.pull", "acme.pull"]);
        assert!(paths[0].0.ends_with("/mutatingadmissionpolicies"), "{paths:?}");
        assert!(paths[1].0.ends_with("/mutatingadmissionpolicybindings"), "{paths:?}");
        let actions = |delivery: &Delivery<'_>, found: &[Option<Value>]| {
            let steps = delivery.compare_policies(&delivery.policies(Merge::Replace), found);
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
        let mut wider = found[1].clone().unwrap();
        *wider.pointer_mut(VALUES).unwrap() = json!(["team", "other"]);
        let merged = |merge, wider: &Value, owner| {
            known.policies(merge).remove(1).merged(Some(wider), owner).pointer(VALUES).unwrap().clone()
        };
        assert_eq!(merged(Merge::Add, &wider, "acme"), json!(["other", "team"]));
        assert_eq!(merged(Merge::Replace, &wider, "acme"), json!(["team"]));
        assert_eq!(merged(Merge::Remove, &wider, "acme"), json!(["other"]));
        let served = |owner| known.policies(Merge::Remove).remove(1).served(Some(&wider), owner);
        assert_eq!((served("acme"), served("somebody")), ((vec!["team"], vec!["other"]), (vec![], vec![])));
        assert_eq!(
            merged(Merge::Add, &wider, "somebody"),
            json!(["team"]),
            "the binding of another owner does not count"
        );
        let mut of_a_patcher = wider.clone();
        *of_a_patcher.pointer_mut(OPERATOR).unwrap() = json!("NotIn");
        assert_eq!(
            merged(Merge::Add, &of_a_patcher, "acme"),
            json!(["team"]),
            "the binding of a patcher lists what it leaves out"
        );
        let mut of_a_controller = found.clone();
        for policy in of_a_controller.iter_mut().flatten() {
            policy["metadata"]["annotations"][STRATEGY] = json!(CONTROLLER);
            policy["spec"] = json!({"policyName": "acme.pull"});
        }
        assert_eq!(actions(&known, &of_a_controller), [Action::Refuse, Action::Refuse]);
        wider["metadata"]["annotations"][STRATEGY] = json!(CONTROLLER);
        assert_eq!(merged(Merge::Add, &wider, "acme"), json!(["team"]), "the binding of a controller is not extended");
        found[1].as_mut().unwrap()["spec"]["matchResources"] = json!({});
        assert_eq!(actions(&known, &found), [Action::Keep, Action::Update]);
        found[1].as_mut().unwrap()["metadata"]["annotations"] = json!({});
        assert_eq!(actions(&known, &found), [Action::Keep, Action::Refuse]);
    }
}
