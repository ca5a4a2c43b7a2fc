//! Finds the objects that an owner leaves behind: its Secrets, and the references to them.

use std::collections::BTreeSet;

use super::compare::{Item, Object, Step, steps};
use super::delivery::field_manager;
use super::facts::{Account, Facts, Space};
use super::ownership::{Whose, whose};
use super::reference::refers;
use crate::names::{Namespace, ResourceName};
use crate::plan::{Action, Actual, Change, Content, History, Owner, Reason};

/// The objects to remove.
pub struct Removal<'a> {
    /// The owner.
    pub owner: &'a str,
    /// Names of Secrets whose references are removed even if the Secret is gone: an earlier run may have been interrupted.
    pub names: Vec<&'a ResourceName>,
    /// Secrets that are still wanted and stay, by namespace and name.
    pub wanted: BTreeSet<(Namespace, ResourceName)>,
}

impl Removal<'_> {
    /// The steps that remove these objects, by namespace: references before the Secrets.
    pub fn steps(&self, facts: &Facts) -> Vec<Step> {
        steps(facts.namespaces.iter().flat_map(|(namespace, space)| self.items(namespace, space)).collect())
    }

    /// The step that removes another object of an owner; `namespace` is empty for a cluster-wide object.
    pub fn other(namespace: &str, name: ResourceName, object: Object) -> Step {
        let kind = object.kind();
        let path = if namespace.is_empty() { format!("{kind}/{name}") } else { format!("{namespace}/{kind}/{name}") };
        let change = Change { path, document: None, action: Action::Delete, reason: Reason::LeftOver };
        Step { namespace: None, name, object, change, whose: None }
    }

    fn items(&self, namespace: &Namespace, space: &Space) -> Vec<Item> {
        let nothing = std::collections::BTreeMap::new();
        let secrets = space.secrets.as_ref().unwrap_or(&nothing);
        let is_wanted = |name: &ResourceName| self.wanted.contains(&(namespace.clone(), name.clone()));
        let ours: Vec<_> = secrets
            .iter()
            .filter(|(name, secret)| whose(&secret.metadata, self.owner) == Whose::Ours && !is_wanted(name))
            .collect();
        let gone: Vec<_> =
            self.names.iter().filter(|name| !secrets.contains_key(**name) && !is_wanted(name)).copied().collect();
        let accounts = space.accounts.iter().filter_map(|(name, account)| {
            let of_ours = ours.iter().map(|(name, _)| *name);
            let dangling = gone.iter().copied().filter(|_| self.has_written(account));
            let references: Vec<_> =
                of_ours.chain(dangling).filter(|name| refers(&account.image_pull_secrets, name)).cloned().collect();
            let object = Object::Account { list: account.image_pull_secrets.clone(), references: references.clone() };
            (!references.is_empty()).then(|| left_over(namespace, name, object))
        });
        let secrets = ours.iter().map(|(name, secret)| {
            let object = Object::Secret { number: None, there: Some(Box::new((*secret).clone())) };
            left_over(namespace, name, object)
        });
        accounts.chain(secrets).collect()
    }

    /// Whether the ServiceAccount has a reference to this Secret that this owner may have written.
    pub fn refers(&self, account: &Account, secret: &ResourceName) -> bool {
        refers(&account.image_pull_secrets, secret) && self.has_written(account)
    }

    /// Whether this owner wrote the list, or no writer is known: the API server records no managers of a ServiceAccount that the cluster has
    /// created.
    fn has_written(&self, account: &Account) -> bool {
        let manager = field_manager(self.owner);
        let mut managers = account.metadata.managers("f:imagePullSecrets").peekable();
        managers.peek().is_none() || managers.any(|known| known == manager)
    }
}

/// Whether objects of this kind give rights to accounts.
pub fn grants(kind: &str) -> bool {
    kind.trim_end_matches("Binding").ends_with("Role")
}

/// Whether objects of this kind confine accounts. They are removed after the rights of these accounts.
pub fn confines(kind: &str) -> bool {
    kind.starts_with("ValidatingAdmissionPolicy")
}

fn left_over(namespace: &Namespace, name: &ResourceName, object: Object) -> Item {
    Item {
        namespace: Some(namespace.clone()),
        name: name.clone(),
        object,
        actual: Some(Actual { owner: Owner::Proven, content: Content::NotCompared, history: History::Unknown }),
        whose: None,
        is_wanted: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = r#""labels":{"app.kubernetes.io/managed-by":"regcred"},"annotations":{"regcred.dev/owner":"a"}"#;

    fn facts(secrets: &[(&str, &str)], accounts: &[(&str, &str)]) -> Facts {
        let secrets = secrets.iter().map(|(name, metadata)| {
            let text = format!(r#"{{"metadata":{{"name":"{name}"{metadata}}}}}"#);
            (name.parse().unwrap(), serde_json::from_str(&text).unwrap())
        });
        let accounts = accounts.iter().map(|(name, rest)| {
            (
                name.parse().unwrap(),
                serde_json::from_str(&format!(r#"{{"metadata":{{"name":"{name}"}}{rest}}}"#)).unwrap(),
            )
        });
        let space = Space { secrets: Some(secrets.collect()), accounts: accounts.collect(), ..Space::default() };
        Facts { namespaces: [("team".parse().unwrap(), space)].into() }
    }

    fn paths(removal: &Removal<'_>, facts: &Facts) -> Vec<String> {
        removal.steps(facts).into_iter().map(|step| format!("{} {}", step.change.action, step.change.path)).collect()
    }

    #[test]
    fn the_secrets_of_an_owner_and_the_references_to_them_are_removed_and_nothing_of_others() {
        let ours = format!(",{OURS}");
        let other = ours.replace("\"a\"", "\"b\"");
        let facts = facts(
            &[("one", &ours), ("two", &ours), ("other", &other), ("plain", "")],
            &[
                ("default", r#","imagePullSecrets":[{"name":"other"},{"name":"one"},{"name":"gone"}]"#),
                ("quiet", r#","imagePullSecrets":[{"name":"plain"}]"#),
            ],
        );
        let name: ResourceName = "gone".parse().unwrap();
        let removal = Removal { owner: "a", names: vec![&name], wanted: BTreeSet::new() };
        let expected = ["removed team/ServiceAccount/default", "removed team/Secret/one", "removed team/Secret/two"];
        assert_eq!(paths(&removal, &facts), expected);
        let wanted = [("team".parse().unwrap(), "one".parse().unwrap())].into();
        let removal = Removal { owner: "a", names: Vec::new(), wanted };
        assert_eq!(paths(&removal, &facts), ["removed team/Secret/two"]);
    }

    #[test]
    fn a_reference_to_a_secret_that_is_gone_is_removed_unless_somebody_else_wrote_the_list() {
        let name: ResourceName = "gone".parse().unwrap();
        let removal = Removal { owner: "a", names: vec![&name], wanted: BTreeSet::new() };
        for (manager, expected) in [("regcred-a", 1), ("regcred-b", 0)] {
            let rest = r#","imagePullSecrets":[{"name":"gone"}]"#;
            let mut facts = facts(&[], &[("default", rest)]);
            let account = facts.namespaces.values_mut().next().unwrap().accounts.iter_mut().next().unwrap().1;
            account.metadata.managed_fields = serde_json::from_str(&format!(
                r#"[{{"manager":"{manager}","fieldsV1":{{"f:imagePullSecrets":{{}}}}}}]"#
            ))
            .unwrap();
            assert_eq!(removal.steps(&facts).len(), expected, "{manager}");
        }
    }
}
