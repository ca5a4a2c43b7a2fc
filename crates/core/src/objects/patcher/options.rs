//! Tells a patcher its options, in the form that its image understands.

use serde_json::{Value, json};

use super::PatcherSettings;
use crate::names::ResourceName;
use crate::spec::choice::Patcher;

/// Where the source is mounted: as a directory, because a file that is mounted by `subPath` never changes.
pub(super) const DIRECTORY: &str = "/app/secrets";
/// The annotation of namespaces that opt out; both patchers know it.
const OPT_OUT: &str = "k8s.titansoft.com/imagepullsecret-patcher-exclude";

/// The environment variables that configure the image of this patcher, so that the copies are called `secret`.
pub(super) fn options(settings: &PatcherSettings, secret: &ResourceName) -> Vec<Value> {
    let options = match settings.patcher {
        Patcher::Titansoft => titansoft(settings, secret),
        Patcher::Tamcore => tamcore(settings, secret),
    };
    options.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
}

fn titansoft(settings: &PatcherSettings, secret: &ResourceName) -> Vec<(&'static str, String)> {
    let PatcherSettings { interval, exclude, service_accounts, .. } = settings;
    let all = service_accounts.as_ref().is_some_and(Vec::is_empty);
    let mut options = vec![
        ("CONFIG_FORCE", "true".to_owned()),
        ("CONFIG_DEBUG", "false".to_owned()),
        // `true` does the opposite of what its name says: the patcher never rotates its own Secrets, and overwrites Secrets of others.
        ("CONFIG_MANAGEDONLY", "false".to_owned()),
        ("CONFIG_DOCKERCONFIGJSONPATH", format!("{DIRECTORY}/.dockerconfigjson")),
        ("CONFIG_SECRETNAME", secret.to_string()),
        ("CONFIG_LOOP_DURATION", interval.clone()),
        ("CONFIG_EXCLUDED_NAMESPACES", exclude.join(",")),
        ("CONFIG_ALLSERVICEACCOUNT", all.to_string()),
    ];
    if !all {
        // An empty value links nothing; without the variable the patcher links `default`.
        options.push(("CONFIG_SERVICEACCOUNTS", list(service_accounts.as_deref().unwrap_or_default())));
    }
    options
}

fn tamcore(settings: &PatcherSettings, secret: &ResourceName) -> Vec<(&'static str, String)> {
    let PatcherSettings { namespace, exclude, service_accounts, .. } = settings;
    let mut options = vec![
        ("CONFIG_DOCKERCONFIGJSONPATH", format!("{DIRECTORY}/.dockerconfigjson")),
        // Without it, the patcher notices a rotation only at its next start.
        ("CONFIG_WATCH_DOCKERCONFIGJSONPATH", "true".to_owned()),
        ("CONFIG_SECRETNAME", secret.to_string()),
        ("CONFIG_SECRET_NAMESPACE", namespace.to_string()),
        ("CONFIG_EXCLUDE_ANNOTATION", OPT_OUT.to_owned()),
        ("CONFIG_EXCLUDED_NAMESPACES", exclude.join(",")),
    ];
    // The settings refuse a patcher that links none: it writes Secrets only where it links.
    if let Some(names) = service_accounts {
        options.push(("CONFIG_SERVICEACCOUNTS", if names.is_empty() { "*".to_owned() } else { list(names) }));
    }
    options
}

/// The patchers do not trim spaces between the commas.
fn list(names: &[ResourceName]) -> String {
    names.iter().map(ResourceName::as_str).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::super::tests::settings;
    use super::*;

    /// The variables of a patcher that links these ServiceAccounts.
    fn variables(patcher: Patcher, accounts: &[&str], exclude: &[&str]) -> Vec<String> {
        let mut settings = settings(patcher, Some(accounts.iter().map(|name| name.parse().unwrap()).collect()));
        settings.exclude = exclude.iter().map(|&name| name.to_owned()).collect();
        let options = options(&settings, &"pull".parse().unwrap());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        options.iter().map(|option| format!("{}={}", text(&option["name"]), text(&option["value"]))).collect()
    }

    #[test]
    fn titansofts_patcher_is_told_names_without_blanks_and_never_managed_only() {
        let told = variables(Patcher::Titansoft, &["default", "ci"], &["kube-system", "kube-public"]);
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
        let told = variables(Patcher::Tamcore, &[], &["kube-*"]);
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
        let told = variables(Patcher::Tamcore, &["ci"], &["tmp-*", "old"]);
        assert_eq!(told[5..], ["CONFIG_EXCLUDED_NAMESPACES=tmp-*,old", "CONFIG_SERVICEACCOUNTS=ci"]);
    }

    #[test]
    fn every_service_account_is_an_option_of_its_own() {
        let all = variables(Patcher::Titansoft, &[], &[]);
        assert!(all.contains(&"CONFIG_ALLSERVICEACCOUNT=true".to_owned()));
        assert!(!all.iter().any(|option| option.starts_with("CONFIG_SERVICEACCOUNTS")));
    }
}
