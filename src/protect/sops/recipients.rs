//! Reads who can open a document from the metadata that sops wrote into it.

use serde_json::Value;

use super::{Sops, proof};
use regcred_core::recipient::{Recipient, Recipients};

/// The lists of the metadata, and the fields that name a key in each.
const LISTS: [(&str, &[&str]); 7] = [
    ("age", &["recipient"]),
    ("pgp", &["fp"]),
    ("kms", &["arn"]),
    ("gcp_kms", &["resource_id"]),
    ("hckms", &["key_id"]),
    ("azure_kv", &["vault_url", "name", "version"]),
    ("hc_vault", &["vault_address", "engine_path", "key_name"]),
];

impl Sops {
    /// Everyone whom sops lists in this result.
    #[must_use]
    pub fn recipients_of(document: &[u8]) -> Recipients {
        let documents = std::str::from_utf8(document).ok().and_then(proof::documents).unwrap_or_default();
        documents.iter().filter_map(|document| document.get("sops")).flat_map(recipients).collect()
    }
}

fn recipients(metadata: &Value) -> Vec<Recipient> {
    let groups = metadata.get("key_groups").and_then(Value::as_array).into_iter().flatten();
    groups.chain([metadata]).flat_map(of_group).collect()
}

fn of_group(group: &Value) -> impl Iterator<Item = Recipient> + '_ {
    LISTS.iter().flat_map(move |(list, fields)| {
        let keys = group.get(list).and_then(Value::as_array).into_iter().flatten();
        keys.filter_map(move |key| {
            let parts: Option<Vec<_>> = fields.iter().map(|field| key.get(field).and_then(Value::as_str)).collect();
            let name = parts?.join("/");
            Recipient::new(name.clone(), name)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipient_is_found_also_in_groups() {
        let text = "data: x\nsops:\n  age: [{recipient: age1a, enc: x}]\n  pgp: [{fp: AB12}]\n  kms: null\n  key_groups:\n  - age: [{recipient: age1b}]\n  - hc_vault: [{vault_address: 'https://v', engine_path: transit, key_name: k}]\n";
        let found: Vec<_> = Sops::recipients_of(text.as_bytes()).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["AB12", "age1a", "age1b", "https://v/transit/k"]);
        assert!(Sops::recipients_of(b"a: 1\n").is_empty() && Sops::recipients_of(b"{").is_empty());
    }
}
