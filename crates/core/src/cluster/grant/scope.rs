//! Denies the controller's account every kind of object that it does not need.

use serde_json::{Value, json};

use super::{Grant, Rights, Subject};
use crate::cluster::installation::definition::{GROUP, KIND, PLURAL};
use crate::names::Namespace;
use crate::objects::guard::{is_one_of, policy};
use crate::spec::choice::Link;

impl Grant<'_> {
    /// The policy that denies the account every other write, whatever its roles allow. A subresource is denied as well, because one of them
    /// creates tokens. In its own namespace the account may hold a Lease and write Events. It may evict Pods if a role allows that.
    pub(in crate::cluster) fn scope_policy(&self, home: &Namespace) -> Vec<Value> {
        let condition = self.subjects.iter().map(Subject::condition).collect::<Vec<_>>().join(" || ");
        // Only with the link `service-account` does another policy confine the writes of ServiceAccounts.
        let (kinds, named): (&[_], _) = match self.link {
            Link::ServiceAccount => (&["secrets", "serviceaccounts"], "Secrets and ServiceAccounts"),
            Link::Policy | Link::None => (&["secrets"], "Secrets"),
        };
        let is_ours = format!(
            "request.resource.group == '' && {} && request.?subResource.orValue('') == ''",
            is_one_of("request.resource.resource", kinds)
        );
        let at_home = format!(
            "request.namespace == '{home}' && ((request.resource.group == 'coordination.k8s.io' \
             && request.resource.resource == 'leases') || request.resource.resource == 'events')"
        );
        let evicts = "request.resource.resource == 'pods' && request.?subResource.orValue('') == 'eviction'";
        let rights = format!("regcred may write {named}, its own lease and Events only");
        let expression = format!("({is_ours}) || ({at_home}) || ({evicts})");
        let rule = if self.follows_resources() {
            let of_status = format!(
                "request.resource.group == '{GROUP}' && request.resource.resource == '{PLURAL}' \
                 && request.?subResource.orValue('') == 'status'"
            );
            (format!("{rights}, the status of {KIND}, and evict Pods"), format!("{expression} || ({of_status})"))
        } else {
            (format!("{rights}, and evict Pods"), expression)
        };
        let [mut policy, binding] =
            policy(&format!("{}-scope", self.name()), "*", ("is-the-account", &condition), &[rule]);
        policy["spec"]["matchConstraints"]["resourceRules"] = json!([{
            "apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"], "scope": "*",
        }]);
        vec![policy, binding]
    }

    /// Whether custom resources decide what the controller does.
    pub(super) fn follows_resources(&self) -> bool {
        matches!(self.rights, Rights::Watching { resources: true, .. })
    }
}
