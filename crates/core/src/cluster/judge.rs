//! Judges one Secret, and the references of one namespace, for the controller, which keeps no Secret.

use super::compare::{Step, accounts, steps};
use super::delivery::{Delivery, OnConflict};
use super::facts::{Secret, Space};
use crate::names::Namespace;
use crate::plan::{self, Action, Encryption, Owner, Reason};
use crate::spec::choice::Link;

/// The action for an existing Secret, and its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The action.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// Whether it belongs to this owner, or counts as ours (see [`OnConflict::Keep`]).
    pub is_ours: bool,
    /// The owner, if it is a tool or another owner of regcred.
    pub whose: Option<String>,
}

impl Delivery<'_> {
    /// The action for an existing Secret that is wanted, with this rule for Secrets of other owners.
    pub fn judge(&self, number: usize, there: &Secret, on_conflict: OnConflict) -> Judged {
        let (actual, whose) = self.assess(&self.pull_secrets[number], there, on_conflict);
        let (action, reason) = plan::decide(Encryption::None, Some(actual));
        Judged { action, reason, is_ours: actual.owner == Owner::Proven, whose: whose.map(|whose| whose.to_string()) }
    }

    /// One step for each ServiceAccount of a namespace that should refer to the pull secrets with these numbers.
    pub fn links(&self, numbers: &[usize], namespace: &Namespace, space: &Space) -> Vec<Step> {
        if self.link != Link::ServiceAccount {
            return Vec::new();
        }
        let here: Vec<_> = numbers.iter().map(|number| (*number, &self.pull_secrets[*number])).collect();
        steps(accounts(&here, namespace, space, &mut Vec::new()))
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use secrecy::ExposeSecret;
    use serde_json::{Value, json};

    use super::super::{Accounts, PullSecret, Unchangeable};
    use super::OnConflict::{Inherit, Keep, Overwrite};
    use super::*;
    use crate::credentials::Credential;
    use crate::docker_config::{DockerConfig, Logins};
    use crate::objects::marks::Marks;

    /// A Secret with this content, and with these annotations and labels.
    fn secret(content: &str, type_: &str, marks: &Value) -> Secret {
        let data = STANDARD.encode(content);
        let mut object = json!({"metadata": {"name": "pull"}, "type": type_, "data": {".dockerconfigjson": data}});
        object["metadata"].as_object_mut().unwrap().extend(marks.as_object().unwrap().clone());
        serde_json::from_value(object).unwrap()
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "compares with what is wanted")]
    fn what_a_patcher_does_with_a_secret_that_is_there_depends_on_its_settings() {
        const RIGHT: &str = "kubernetes.io/dockerconfigjson";
        let login = Credential::sample("ghcr.io", "a", "b");
        let (name, logins) = ("pull".parse().unwrap(), Logins::Read(DockerConfig::merge(vec![login]).unwrap()));
        let judged = |on_conflict, there: &Secret| {
            let delivery = Delivery {
                pull_secrets: vec![PullSecret::new(&name, Vec::new(), Accounts::All, &logins)],
                link: Link::ServiceAccount,
                marks: Marks { owner: "pull".to_owned(), profile: None },
                on_conflict,
                unchangeable: Unchangeable::Recreate,
            };
            let Judged { action, is_ours, .. } = delivery.judge(0, there, on_conflict);
            (action, is_ours)
        };
        let none = json!({});
        let ours = json!({"labels": {"app.kubernetes.io/managed-by": "regcred"}, "annotations": {"regcred.dev/owner": "pull"}});
        let patchers = json!({"annotations": {"app.kubernetes.io/managed-by": "imagepullsecret-patcher"}});
        let helms = json!({"annotations": {"meta.helm.sh/release-name": "r"}});
        for (on_conflict, same, type_, marks, expected) in [
            (Overwrite, false, RIGHT, &none, (Action::Update, false)),
            (Overwrite, false, "Opaque", &none, (Action::Update, false)),
            (Overwrite, false, RIGHT, &helms, (Action::Refuse, false)),
            (Inherit, false, RIGHT, &none, (Action::Keep, false)),
            (Inherit, true, RIGHT, &none, (Action::Keep, false)),
            (Inherit, false, RIGHT, &patchers, (Action::Update, false)),
            (Inherit, false, RIGHT, &ours, (Action::Update, true)),
            (Inherit, true, RIGHT, &ours, (Action::Keep, true)),
            (Keep, false, RIGHT, &none, (Action::Keep, false)),
            (Keep, false, RIGHT, &ours, (Action::Keep, false)),
            (Keep, false, "Opaque", &none, (Action::Keep, false)),
            (Keep, true, RIGHT, &none, (Action::Keep, true)),
            (Keep, true, RIGHT, &helms, (Action::Keep, true)),
        ] {
            let content = if same { logins.to_json().expose_secret().to_owned() } else { "{}".to_owned() };
            let found = judged(on_conflict, &secret(&content, type_, marks));
            assert_eq!(found, expected, "{on_conflict:?} {same} {type_} {marks}");
        }
    }
}
