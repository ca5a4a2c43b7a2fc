//! Refuses a server that only `.sops.yaml` names, before sops sends it the token of the job.
//!
//! A rule can name any address as a Vault or as a key vault of Azure. All other key services are on fixed hosts of their providers.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::environment::Environment;
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::inject::stream::with_line_feeds;
use regcred_core::manifest::expands_too_far;

/// The variable with the address of the Vault that issued the job's token.
const VARIABLE: &str = "VAULT_ADDR";
/// Rules of `sops publish`, which does not run here.
const NOT_OURS: &str = "destination_rules";
/// A part of the name of each field for keys in Azure.
const OF_AZURE: &str = "azure";
/// The ends of the names of all hosts that keep keys in Azure and its other clouds.
const HOSTS_OF_AZURE: [&str; 5] = [
    ".vault.azure.net",
    ".vault.azure.cn",
    ".vault.usgovcloudapi.net",
    ".managedhsm.azure.net",
    ".managedhsm.usgovcloudapi.net",
];
/// YAML notations that a reader in Go decodes, and ours perhaps does not.
const TAGS: [&str; 3] = ["!!binary", "!<", "%TAG"];

/// The kind of server at an address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Service {
    /// A Vault, which gets the Vault token of the job.
    Vault,
    /// An Azure key vault, which gets the identity of the job.
    Azure,
}

/// Checks that every server in these rules is known. If the job has a token of Vault, each Vault must be the one in `VAULT_ADDR`. A server
/// of Azure must have a known host name. The server of an approved recipient is known, too.
/// Errors: a server is unknown, or the rules cannot be read.
pub fn check(rules: &[u8], approved: &BTreeSet<String>, environment: &Environment) -> Result<(), Diagnostic> {
    let named = named(rules).ok_or_else(|| unreadable(rules))?;
    let has_a_token = has_a_token(environment);
    let approved = approved.iter().map(String::as_str);
    let known: BTreeSet<_> = environment.setting(VARIABLE).into_iter().chain(approved).filter_map(server).collect();
    let is_unknown = |(service, server): &(Service, String)| {
        let is_refused = match service {
            Service::Vault => has_a_token,
            Service::Azure => !HOSTS_OF_AZURE.iter().any(|end| server.starts_with("https://") && server.ends_with(end)),
        };
        is_refused && !known.contains(server)
    };
    let unknown: Vec<_> = named.into_iter().filter(is_unknown).map(|(_, server)| server).collect();
    if unknown.is_empty() { Ok(()) } else { Err(not_known(&unknown)) }
}

/// Whether sops finds a token of Vault: in the variable, or in the file of the `vault` program.
fn has_a_token(environment: &Environment) -> bool {
    let of_the_user = || environment.path("HOME").is_some_and(|home| home.join(".vault-token").exists());
    environment.is_set("VAULT_TOKEN") || of_the_user()
}

/// The servers in the rules; `None` if a reader in Go might find others.
fn named(rules: &[u8]) -> Option<BTreeSet<(Service, String)>> {
    let text = std::str::from_utf8(rules)
        .ok()
        .map(with_line_feeds)
        .filter(|text| !TAGS.iter().any(|tag| text.contains(tag)))?;
    if text.trim().is_empty() {
        return Some(BTreeSet::new());
    }
    if expands_too_far(&text) {
        return None;
    }
    let mut servers = BTreeSet::new();
    collect(&serde_saphyr::from_str(&text).ok()?, Service::Vault, &mut servers);
    Some(servers)
}

fn collect(value: &Value, service: Service, servers: &mut BTreeSet<(Service, String)>) {
    match value {
        Value::String(text) => {
            let named = text.split([',', ' ', '\n', '\t']).filter_map(server);
            servers.extend(named.map(|server| (service, server)));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, service, servers)),
        Value::Object(fields) => {
            for (name, value) in fields.iter().filter(|(name, _)| *name != NOT_OURS) {
                collect(value, if name.contains(OF_AZURE) { Service::Azure } else { service }, servers);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Scheme, host and port of an address. Other text is not repeated, because the file may be a link to another file.
fn server(address: &str) -> Option<String> {
    const NO_ADDRESS: &str = "an address that is not valid";
    let (scheme, rest) = address.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    // The text before an `@` is a login.
    let host = authority.rsplit('@').next().unwrap_or_default();
    let (scheme, host) = (scheme.to_ascii_lowercase(), host.to_ascii_lowercase());
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    if !["http", "https"].contains(&scheme.as_str()) || host.is_empty() || !host.bytes().all(is_plain) {
        return Some(NO_ADDRESS.to_owned());
    }
    let port = if scheme == "http" { ":80" } else { ":443" };
    Some(format!("{scheme}://{}", host.strip_suffix(port).unwrap_or(&host)))
}

fn not_known(servers: &[String]) -> Diagnostic {
    let shown: Vec<_> = servers.iter().map(|server| format!("`{server}`")).collect();
    let message = format!("`.sops.yaml` names {}, and sops would send the identity of the job there", shown.join(", "));
    Diagnostic::error(Code::AnotherRecipient, message).hint(
        "check who wrote that rule; if it is your Vault, set `VAULT_ADDR` to its address; else add the recipient to `REGCRED_RECIPIENTS`, \
         or to --accept-recipient",
    )
}

fn unreadable(rules: &[u8]) -> Diagnostic {
    let text = std::str::from_utf8(rules).ok().filter(|text| !expands_too_far(text));
    let broken = text.and_then(|text| serde_saphyr::from_str::<Value>(text).err()?.location());
    if let Some(place) = broken {
        let message = format!("`.sops.yaml` is not valid YAML, at or after line {}", place.line());
        let hint = "look there for a tab, another indentation, a missing colon, or the markers of a merge conflict";
        return Diagnostic::error(Code::SopsRules, message).hint(hint);
    }
    Diagnostic::error(Code::SopsRules, "`.sops.yaml` is not YAML that can be searched for key services").hint(
        "sops would send the identity of the job to a server that the file names: write the file as UTF-8, without tags (`!!binary`, \
         `%TAG`) and without thousands of aliases",
    )
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn refused(rules: &str, address: &str, approved: &[&str]) -> bool {
        let environment = Environment::new([("VAULT_ADDR", address), ("VAULT_TOKEN", "x")], PathBuf::new());
        let approved = approved.iter().map(|one| (*one).to_owned()).collect();
        check(rules.as_bytes(), &approved, &environment).is_err()
    }

    #[test]
    fn a_vault_that_only_the_rules_name_is_refused_however_it_is_written() {
        for rules in [
            "creation_rules: [{hc_vault_transit_uri: 'https://evil.test/v1/transit/keys/k'}]",
            "creation_rules: [{hc_vault_transit_uri: 'https://v.test/v1/t/keys/k,https://evil.test/v1/t/keys/k'}]",
            "creation_rules: [{hc_vault_transit_uri: [https://v.test/v1/t/keys/k, https://evil.test/v1/t/keys/k]}]",
            "creation_rules: [{key_groups: [{hc_vault: ['HTTPS://EVIL.test/v1/t/keys/k']}]}]",
            "creation_rules: [{\"hc\\x5fvault_transit_uri\": \"https:\\x2f/evil.test/v1/t/keys/k\"}]",
            "x: &x {hc_vault_transit_uri: https://evil.test/v1/t/keys/k}\ncreation_rules: [{<<: *x, age: a}]",
            "creation_rules: [{hc_vault_transit_uri: !!binary aHR0cHM6Ly9ldmlsLnRlc3Q=}]",
            "creation_rules: [{hc_vault_transit_uri: https://v.test@evil.test/v1/t/keys/k}]",
            "creation_rules: [{hc_vault_transit_uri: https://v.test.evil.test/v1/t/keys/k}]",
            "creation_rules: [{hc_vault_transit_uri: http://v.test/v1/t/keys/k}]",
            "creation_rules: [{hc_vault_transit_uri: https://v.test:8200/v1/t/keys/k}]",
            "creation_rules: [{hc_vault_transit_uri: 'https://evil.test\\@v.test/v1/t/keys/k'}]",
            "creation_rules: [{hc_vault_transit_uri: \"https://v.test/v1/t/keys/k,\\nhttps://evil.test/v1/t/keys/k\"}]",
            "creation_rules: [{{",
            // These characters end a line for a reader in Go.
            "creation_rules:\n  - age: a\n    #\u{85}    hc_vault_transit_uri: https://evil.test/v1/t/keys/k\n",
            "creation_rules:\n  - age: a\n    #\u{2028}    hc_vault_transit_uri: https://evil.test/v1/t/keys/k\n",
            "creation_rules:\n  - age: a\n    #\u{2029}    hc_vault_transit_uri: https://evil.test/v1/t/keys/k\n",
        ] {
            assert!(refused(rules, "https://v.test", &["https://w.test/t/k"]), "{rules}");
        }
    }

    #[test]
    fn an_error_names_the_line_of_rules_that_are_not_yaml_or_the_notation_that_hides_a_server() {
        let environment = Environment::new([] as [(&str, &str); 0], PathBuf::new());
        for (rules, expected) in [
            ("creation_rules:\n- age: a\n\t- b", "not valid YAML, at or after line"),
            ("<<<<<<< HEAD\na: b\n=======\na: c\n>>>>>>> x\n", "not valid YAML, at or after line"),
            ("a: !!binary aHR0cHM6Ly9ldmlsLnRlc3Q=", "not YAML that can be searched for key services"),
        ] {
            let problem = check(rules.as_bytes(), &BTreeSet::new(), &environment).unwrap_err();
            assert!(problem.message.contains(expected), "{}", problem.message);
        }
    }

    #[test]
    fn an_unknown_server_in_a_field_of_azure_is_refused_with_and_without_a_token() {
        let key = |address: &str| {
            format!("creation_rules: [{{key_groups: [{{azure_keyvault: [{{vaultUrl: '{address}', key: k}}]}}]}}]")
        };
        let no_token = Environment::new([("VAULT_ADDR", "https://v.test")], PathBuf::new());
        let is_refused = |rules: &str| check(rules.as_bytes(), &BTreeSet::new(), &no_token).is_err();
        for (address, expected) in [
            ("https://x.vault.azure.net/", false),
            ("https://X.vault.azure.cn", false),
            ("https://x.vault.usgovcloudapi.net", false),
            ("https://x.managedhsm.azure.net:443", false),
            ("https://127.0.0.1:8443", true),
            ("http://x.vault.azure.net", true),
            ("https://x.vault.azure.net:8443", true),
            ("https://x.vault.azure.net.evil.test", true),
            ("https://x.vault.azure.net@evil.test", true),
            ("https://vault.azure.net.evil.test/.vault.azure.net", true),
        ] {
            assert_eq!(is_refused(&key(address)), expected, "{address}");
            assert_eq!(refused(&key(address), "https://v.test", &[]), expected, "{address}");
            assert_eq!(
                is_refused(&format!("creation_rules: [{{azure_keyvault: '{address}/keys/k/1'}}]")),
                expected,
                "{address}"
            );
        }
        // Without a token, a Vault gets nothing. A host of Azure does not count as a Vault.
        assert!(!is_refused("creation_rules: [{hc_vault_transit_uri: https://evil.test/v1/transit/keys/k}]"));
        assert!(refused(
            "creation_rules: [{hc_vault_transit_uri: https://x.vault.azure.net/v1/t/keys/k}]",
            "https://v.test",
            &[]
        ));
    }

    #[test]
    fn a_text_that_is_no_address_is_refused_and_not_repeated() {
        let environment =
            Environment::new([("VAULT_ADDR", "canary;https://v.test"), ("VAULT_TOKEN", "x")], PathBuf::new());
        for rules in ["a: canary;https://v.test/v1", "a: https://canary^/v1", "a: 'https://'", "a: canary://v.test"] {
            let problem = check(rules.as_bytes(), &BTreeSet::new(), &environment);
            let Err(problem) = problem else { continue };
            assert!(!problem.message.contains("canary"), "{}", problem.message);
        }
        assert!(refused("a: canary;https://v.test/v1", "https://v.test", &[]));
        assert!(refused("a: canary://v.test", "https://v.test", &[]));
    }

    #[test]
    fn a_vault_that_the_job_knows_and_the_hosts_of_providers_are_accepted() {
        for rules in [
            "",
            "# nothing\n",
            "creation_rules: [{age: age1x, kms: 'arn:aws:kms:eu-west-1:1:key/x', gcp_kms: projects/p/k}]",
            "creation_rules: [{hc_vault_transit_uri: https://V.test:443/v1/t/keys/k}]",
            "creation_rules: [{hc_vault_transit_uri: https://w.test/v1/t/keys/k}]",
            "creation_rules: [{azure_keyvault: 'https://x.vault.azure.net/keys/k/1'}]",
            "creation_rules: [{key_groups: [{azure_keyvault: [{vaultUrl: 'https://x.vault.azure.net', key: k}]}]}]",
            "destination_rules: [{vault_address: https://other.test}]\ncreation_rules: [{path_regex: \"^a!b$\", age: age1x}]",
        ] {
            assert!(!refused(rules, "https://v.test/", &["https://w.test/t/k"]), "{rules}");
        }
    }
}
