//! Tells a patcher its options, in the form that its image understands.

use serde_json::{Value, json};

use super::{Accounts, PatcherSettings};
use crate::names::{Namespace, ResourceName};
use crate::spec::choice::Patcher;

/// Where the source is mounted: as a directory, because a file that is mounted by `subPath` never changes.
pub(super) const DIRECTORY: &str = "/app/secrets";
/// The annotation of namespaces that opt out; both patchers know it.
const OPT_OUT: &str = "k8s.titansoft.com/imagepullsecret-patcher-exclude";

/// The name of a variable of the container, and its value.
type EnvironmentVariable = (&'static str, String);

/// The settings for the image of this patcher, so that the copies are called `secret`.
pub(super) fn options(settings: &PatcherSettings, secret: &ResourceName) -> Vec<Value> {
    let PatcherSettings { patcher, namespace, interval, exclude, service_accounts, .. } = settings;
    let options = match patcher {
        Patcher::Titansoft => titansoft(secret, interval, exclude, service_accounts),
        Patcher::Tamcore => tamcore(secret, namespace, exclude, service_accounts),
    };
    options.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
}

fn titansoft(
    secret: &ResourceName,
    interval: &str,
    exclude: &[String],
    accounts: &Accounts,
) -> Vec<EnvironmentVariable> {
    let mut options = vec![
        ("CONFIG_FORCE", "true".to_owned()),
        ("CONFIG_DEBUG", "false".to_owned()),
        // `true` does the opposite of what its name says: the patcher never rotates its own Secrets, and overwrites Secrets of others.
        ("CONFIG_MANAGEDONLY", "false".to_owned()),
        ("CONFIG_DOCKERCONFIGJSONPATH", format!("{DIRECTORY}/.dockerconfigjson")),
        ("CONFIG_SECRETNAME", secret.to_string()),
        ("CONFIG_LOOP_DURATION", interval.to_owned()),
        ("CONFIG_EXCLUDED_NAMESPACES", exclude.join(",")),
        ("CONFIG_ALLSERVICEACCOUNT", (*accounts == Accounts::All).to_string()),
    ];
    match accounts {
        Accounts::All => {}
        // An empty value links nothing; without the variable the patcher links `default`.
        Accounts::None => options.push(("CONFIG_SERVICEACCOUNTS", String::new())),
        Accounts::Named(names) => options.push(("CONFIG_SERVICEACCOUNTS", list(names))),
    }
    options
}

fn tamcore(
    secret: &ResourceName,
    namespace: &Namespace,
    exclude: &[String],
    accounts: &Accounts,
) -> Vec<EnvironmentVariable> {
    let mut options = vec![
        ("CONFIG_DOCKERCONFIGJSONPATH", format!("{DIRECTORY}/.dockerconfigjson")),
        // Without it, the patcher notices a rotation only at its next start.
        ("CONFIG_WATCH_DOCKERCONFIGJSONPATH", "true".to_owned()),
        ("CONFIG_SECRETNAME", secret.to_string()),
        ("CONFIG_SECRET_NAMESPACE", namespace.to_string()),
        ("CONFIG_EXCLUDE_ANNOTATION", OPT_OUT.to_owned()),
        ("CONFIG_EXCLUDED_NAMESPACES", exclude.join(",")),
    ];
    match accounts {
        Accounts::All => options.push(("CONFIG_SERVICEACCOUNTS", "*".to_owned())),
        Accounts::Named(names) => options.push(("CONFIG_SERVICEACCOUNTS", list(names))),
        // The settings refuse this: it writes Secrets only where it links.
        Accounts::None => {}
    }
    options
}

/// The patchers do not trim spaces between the commas.
fn list(names: &[ResourceName]) -> String {
    names.iter().map(ResourceName::as_str).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(options: &[EnvironmentVariable]) -> Vec<String> {
        options.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    fn titansoft(accounts: &Accounts, exclude: &[&str]) -> Vec<String> {
        told(&super::titansoft(&"pull".parse().unwrap(), "1m", &texts(exclude), accounts))
    }

    fn tamcore(accounts: &Accounts, exclude: &[&str]) -> Vec<String> {
        told(&super::tamcore(&"pull".parse().unwrap(), &"pulls".parse().unwrap(), &texts(exclude), accounts))
    }

    fn texts(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn named(names: &[&str]) -> Accounts {
        Accounts::Named(names.iter().map(|name| name.parse().unwrap()).collect())
    }

    #[test]
    fn titansofts_patcher_is_told_names_without_blanks_and_never_managed_only() {
        let told = titansoft(&named(&["default", "ci"]), &["kube-system", "kube-public"]);
        assert_eq!(
            told,
            [
                "CONFIG_FORCE=true",
                "CONFIG_DEBUG=false",
                "CONFIG_MANAGEDONLY=false",
                "CONFIG_DOCKERCONFIGJSONPATH=/app/secrets/.dockerconfigjson",
                "CONFIG_SECRETNAME=pull",
                "CONFIG_LOOP_DURATION=1m",
                "CONFIG_EXCLUDED_NAMESPACES=kube-system,kube-public",
                "CONFIG_ALLSERVICEACCOUNT=false",
                "CONFIG_SERVICEACCOUNTS=default,ci",
            ]
        );
    }

    #[test]
    fn tamcores_patcher_watches_its_source_and_knows_the_opt_out_of_titansofts() {
        let told = tamcore(&Accounts::All, &["kube-*"]);
        assert_eq!(
            told,
            [
                "CONFIG_DOCKERCONFIGJSONPATH=/app/secrets/.dockerconfigjson",
                "CONFIG_WATCH_DOCKERCONFIGJSONPATH=true",
                "CONFIG_SECRETNAME=pull",
                "CONFIG_SECRET_NAMESPACE=pulls",
                "CONFIG_EXCLUDE_ANNOTATION=k8s.titansoft.com/imagepullsecret-patcher-exclude",
                "CONFIG_EXCLUDED_NAMESPACES=kube-*",
                "CONFIG_SERVICEACCOUNTS=*",
            ]
        );
        let told = tamcore(&named(&["ci"]), &["tmp-*", "old"]);
        assert_eq!(told[5..], ["CONFIG_EXCLUDED_NAMESPACES=tmp-*,old", "CONFIG_SERVICEACCOUNTS=ci"]);
    }

    #[test]
    fn every_service_account_is_an_option_of_its_own() {
        let all = titansoft(&Accounts::All, &[]);
        assert!(all.contains(&"CONFIG_ALLSERVICEACCOUNT=true".to_owned()));
        assert!(!all.iter().any(|option| option.starts_with("CONFIG_SERVICEACCOUNTS")));
    }
}
