//! Reads who can open a file from the metadata that sops writes into it.

use serde_json::Value;

use super::proof;
use regcred_core::recipient::{Recipient, Recipients};

/// For each kind of key, the fields that name one.
const KINDS: [(&str, &[&str]); 7] = [
    ("age", &["recipient"]),
    ("pgp", &["fp"]),
    ("kms", &["arn"]),
    ("gcp_kms", &["resource_id"]),
    ("hckms", &["key_id"]),
    ("azure_kv", &["vault_url", "name", "version"]),
    ("hc_vault", &["vault_address", "engine_path", "key_name"]),
];

/// Everyone who can open these documents; empty where sops has not written them.
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

fn of_group(group: &Value) -> impl Iterator<Item = Recipient> {
    KINDS.iter().flat_map(|(kind, fields)| {
        let keys = group[*kind].as_array().map_or(&[][..], Vec::as_slice);
        keys.iter().filter_map(|key| {
            let parts: Vec<_> = fields.iter().filter_map(|field| key[*field].as_str()).collect();
            let fingerprint = parts.join("/");
            Recipient::new(fingerprint.clone(), fingerprint)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_key_is_listed_in_groups_too() {
        let text = "a: 1\nsops:\n  age: [{recipient: age1qq, enc: x}]\n  pgp: [{fp: 85D7, enc: x}]\n  kms: [{arn: 'arn:aws:kms:eu:1:key/x'}]\n  \
                    azure_kv: [{vault_url: 'https://v.example', name: k, version: '1'}]\n  key_groups:\n  - age: [{recipient: age1zz}]\n  \
                    - gcp_kms: [{resource_id: projects/p}]\n    hc_vault: [{vault_address: 'https://h', engine_path: t, key_name: k}]\n";
        let found: Vec<_> = recipients_of(text.as_bytes()).iter().map(ToString::to_string).collect();
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
}
