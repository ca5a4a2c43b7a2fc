//! Writes the values of our own chart.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::files::cluster_run::ClusterRun;
use crate::files::stream::{Shown, show};
use crate::settings::choices::{Link, Profile, Protect};
use crate::settings::{OWN_ACCOUNT, PullSecretSettings};
use regcred_core::docker_config::Logins;
use regcred_core::manifest::to_yaml;
use regcred_core::names::{Namespace, ResourceName};
use regcred_core::objects::marks::{Marks, Role};
use regcred_core::objects::{Wanted, plan, references};
use regcred_core::spec::Open;

const HEAD: &str = include_str!("../../../templates/chart/values-head.yaml");
const HEAD_SEALED: &str = include_str!("../../../templates/chart/values-head-sealed.yaml");

/// The values, with each Docker config in full or only its length.
pub fn write(run: &ClusterRun, shown: Shown) -> io::Result<Zeroizing<Vec<u8>>> {
    let shown = |(secret, logins): (_, &Logins)| (secret, Some(show(&logins.to_base64(), shown)));
    text(HEAD, &values(run, &run.pull_secrets().map(shown).collect::<Vec<_>>()))
}

/// The values of a chart whose Secrets are not in the values.
pub fn without_secrets(run: &ClusterRun) -> io::Result<Zeroizing<Vec<u8>>> {
    let head = match run.settings.combination.protect {
        Protect::External => HEAD.replace(", each with its Docker config in base64 and", ", each with"),
        Protect::Plain | Protect::Sealed | Protect::Sops => HEAD_SEALED.to_owned(),
    };
    text(&head, &values(run, &run.pull_secrets().map(|(secret, _)| (secret, None)).collect::<Vec<_>>()))
}

fn text(head: &str, values: &Values<'_>) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(head.as_bytes().to_vec());
    bytes.extend_from_slice(to_yaml(values)?.as_bytes());
    Ok(bytes)
}

/// The values, with this form of each Docker config.
fn values<'a>(run: &ClusterRun, shown: &'a [(&PullSecretSettings, Option<Zeroizing<String>>)]) -> Values<'a> {
    let (settings, request) = (&run.settings, run.request());
    // Helm's own annotations are in the templates, whatever the profile is: a release must never delete a kept object.
    let profile = settings.options.profile.chosen().copied().filter(|profile| *profile != Profile::Helm);
    let marks = Marks { profile, ..request.marks };
    let annotations = |role| marks.annotations(role).collect::<BTreeMap<_, _>>();
    Values {
        create_namespaces: request.create_namespaces,
        annotations: json!({
            "namespace": annotations(Role::Namespace),
            "keptServiceAccount": annotations(Role::LinkedServiceAccount),
            "owned": annotations(Role::Owned),
        }),
        service_accounts: match settings.combination.link {
            Link::ServiceAccount => service_accounts(&request.pull_secrets),
            Link::Policy | Link::None => Vec::new(),
        },
        pull_secrets: shown
            .iter()
            .map(|(secret, text)| {
                let docker_config_json = text.as_deref().map(String::as_str);
                (&secret.name, PullSecret { docker_config_json, namespaces: &secret.namespaces })
            })
            .collect(),
    }
}

/// Whether a ServiceAccount stays after an uninstall: a named one may have existed before, and Pods may need it.
fn stays(account: &ResourceName) -> bool {
    account.as_str() != OWN_ACCOUNT
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Values<'a> {
    create_namespaces: bool,
    annotations: Value,
    service_accounts: Vec<Value>,
    pull_secrets: BTreeMap<&'a ResourceName, PullSecret<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PullSecret<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    docker_config_json: Option<&'a str>,
    namespaces: &'a [Namespace],
}

/// Each ServiceAccount with its whole list: if pull secrets share a ServiceAccount in a namespace, the list has the references of all.
fn service_accounts(pull_secrets: &[Wanted<'_>]) -> Vec<Value> {
    let (plans, places) = plan(pull_secrets.iter().map(|secret| secret.namespaces));
    let mut namespaces: BTreeMap<(ResourceName, Vec<ResourceName>), Vec<Namespace>> = BTreeMap::new();
    for (number, members) in plans.iter().enumerate() {
        let here = places.iter().filter(|(_, plan)| *plan == number).map(|(namespace, _)| namespace);
        for account in references(members.iter().map(|&member| &pull_secrets[member])) {
            namespaces.entry(account).or_default().extend(here.clone().cloned());
        }
    }
    namespaces
        .into_iter()
        .map(|((name, image_pull_secrets), mut namespaces)| {
            namespaces.sort_unstable();
            json!({"name": name, "namespaces": namespaces, "imagePullSecrets": image_pull_secrets, "keep": stays(&name)})
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names<N: std::str::FromStr<Err: std::fmt::Debug>>(names: &[&str]) -> Vec<N> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn a_service_account_that_pull_secrets_share_has_the_union_of_their_lists() {
        let (docker_config, pull_secrets): (_, Vec<ResourceName>) = (Logins::Unavailable, names(&["x", "y"]));
        let namespaces = [names(&["a", "b", "c"]), names(&["b"])];
        let (accounts, others) =
            ([names(&["default"]), names(&["default", "image-puller"])], [names(&["other"]), names(&[])]);
        let wanted = |number: usize| Wanted {
            name: &pull_secrets[number],
            namespaces: &namespaces[number],
            service_accounts: &accounts[number],
            also_reference: &others[number],
            external: None,
            docker_config: &docker_config,
        };
        let accounts = json!(service_accounts(&[wanted(0), wanted(1)]));
        assert_eq!(
            accounts,
            json!([
                {"name": "default", "namespaces": ["a", "c"], "imagePullSecrets": ["other", "x"], "keep": true},
                {"name": "default", "namespaces": ["b"], "imagePullSecrets": ["other", "x", "y"], "keep": true},
                {"name": "image-puller", "namespaces": ["b"], "imagePullSecrets": ["y"], "keep": false},
            ])
        );
    }
}
