//! Reads who can open a file from the metadata that sops writes into it.

use serde_json::Value;

use super::proof;
use regcred_core::recipient::{Recipient, Recipients};

/// For each kind of key, the fields that identify a key.
const KINDS: [(&str, &[&str]); 7] = [
    ("age", &["recipient"]),
    ("pgp", &["fp"]),
    ("kms", &["arn"]),
    ("gcp_kms", &["resource_id"]),
    ("hckms", &["key_id"]),
    ("azure_kv", &["vault_url", "name", "version"]),
    ("hc_vault", &["vault_address", "engine_path", "key_name"]),
];
/// The fields of a key that do not identify it.
const NOT_A_NAME: [&str; 2] = ["enc", "created_at"];

/// Everyone who can open these documents; empty if sops did not write them.
pub fn recipients_of(text: &[u8]) -> Recipients {
    let documents = std::str::from_utf8(text).ok().and_then(proof::documents).unwrap_or_default();
    documents
        .iter()
        .map(|document| &document["sops"])
        .flat_map(|metadata| {
            let groups = metadata["key_groups"].as_array().map_or(&[][..], Vec::as_slice);
            groups.iter().chain([metadata]).flat_map(of_group)
        })
        .collect()
}

/// The keys of a group. Every list of mappings there holds keys, also of kinds that only a later sops knows.
fn of_group(group: &Value) -> impl Iterator<Item = Recipient> {
    let lists = group.as_object().into_iter().flatten().filter(|(kind, _)| *kind != "key_groups");
    lists.flat_map(|(kind, keys)| keys.as_array().into_iter().flatten().map(|key| Recipient::new(&name(kind, key))))
}

fn name(kind: &str, key: &Value) -> String {
    let fields = KINDS.iter().find(|(known, _)| *known == kind).map_or(&[][..], |(_, fields)| fields);
    let parts: Vec<_> = fields.iter().filter_map(|field| key[*field].as_str()).collect();
    if !parts.is_empty() {
        return parts.join("/");
    }
    let mut key = key.clone();
    if let Some(fields) = key.as_object_mut() {
        fields.retain(|field, _| !NOT_A_NAME.contains(&field.as_str()));
    }
    format!("{kind}:{key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_key_is_listed_in_groups_too() {
        let text = "a: 1\nsops:\n  age: [{recipient: age1qq, enc: x}]\n  pgp: [{fp: 85D7, enc: x}]\n  kms: [{arn: 'arn:aws:kms:eu:1:key/x'}]\n  \
                    azure_kv: [{vault_url: 'https://v.example', name: k, version: '1'}]\n  key_groups:\n  - age: [{recipient: age1zz}]\n  \
                    - gcp_kms: [{resource_id: projects/p}]\n    hc_vault: [{vault_address: 'https://h', engine_path: t, key_name: k}]\n";
        let found: Vec<_> = recipients_of(text.as_bytes()).iter().map(|one| one.fingerprint().to_owned()).collect();
        assert_eq!(
            found,
            [
                "85D7",
                "age1qq",
                "age1zz",
                "arn:aws:kms:eu:1:key/x",
                "https://h/t/k",
                "https://v.example/k/1",
                "projects/p"
            ]
        );
        for text in ["a: 1", "sops: x", "{"] {
            assert!(recipients_of(text.as_bytes()).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_key_is_listed_whatever_characters_its_name_has() {
        let text = "a: 1\nsops:\n  age: [{recipient: ssh-ed25519 AAAA me@host, enc: x}]\n  hc_vault: [{vault_address: 'https://h', key_name: 'k,x'}]\n  \
                    new_kms: [{region: eu, key: 7, enc: x}]\n  pgp: [{fp: '', enc: x}]\n  mac: x\n  kms: []\n";
        let found: Vec<_> = recipients_of(text.as_bytes()).iter().map(|one| one.fingerprint().to_owned()).collect();
        let expected = ["%", "https://h/k%2Cx", r#"new_kms:{"region":"eu"%2C"key":7}"#, "ssh-ed25519%20AAAA%20me@host"];
        assert_eq!(found, expected);
    }
}
