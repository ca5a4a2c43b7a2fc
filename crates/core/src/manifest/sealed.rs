//! Makes the SealedSecret of a pull secret around a value that was sealed elsewhere (`bitnami.com/v1alpha1`).

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::pull_secret::PullSecret;
use super::template::GAP;
use super::text::{GappedText, to_yaml};

/// The placeholder of the sealed value until the object is written.
const VALUE_GAP: &str = "Regcred-Puts-The-Value-Here";

/// The parts that all SealedSecrets of a run share: everything except their pull secret.
#[derive(Clone, Debug, Default)]
pub struct SealedShell {
    /// The annotations of the SealedSecret.
    pub annotations: BTreeMap<String, String>,
    /// The annotation with the scope for the controller. The SealedSecret and its template both have it, because the controller does not
    /// rotate if they differ.
    pub scope: Option<(&'static str, &'static str)>,
}

impl SealedShell {
    /// The SealedSecret of this pull secret; its sealed Docker config is in base64.
    pub fn object(&self, secret: &PullSecret, namespace: Option<&str>, value: &str) -> Value {
        let metadata = |annotations: &BTreeMap<String, String>| {
            let annotations = annotations.iter().map(|(name, value)| (&**name, &**value)).chain(self.scope);
            let annotations: BTreeMap<_, _> = annotations.collect();
            let mut metadata = json!({"annotations": annotations, "labels": secret.labels, "name": secret.name});
            if let Some(namespace) = namespace {
                metadata["namespace"] = json!(namespace);
            }
            metadata
        };
        json!({
            "apiVersion": "bitnami.com/v1alpha1",
            "kind": "SealedSecret",
            "metadata": metadata(&self.annotations),
            "spec": {
                "encryptedData": {".dockerconfigjson": value},
                "template": {"metadata": metadata(&secret.annotations), "type": "kubernetes.io/dockerconfigjson"},
            },
        })
    }
}

/// The YAML of a SealedSecret, with gaps for the namespace and for the value.
#[derive(Debug)]
pub(super) struct SealedText {
    before: GappedText,
    after: GappedText,
}

impl SealedText {
    pub(super) fn new(shell: &SealedShell, secret: &PullSecret, namespace: Option<&str>) -> io::Result<Self> {
        let text = to_yaml(&shell.object(secret, namespace, VALUE_GAP))?;
        let (before, after) = text.split_once(VALUE_GAP).unwrap_or((&text, ""));
        Ok(Self { before: GappedText::new(before, GAP), after: GappedText::new(after, GAP) })
    }

    /// Base64 of a sealed value needs no quotes, because it begins with the length of a key.
    pub(super) fn fill(&self, into: &mut impl Write, namespace: &str, value: &str) -> io::Result<()> {
        self.before.fill(into, namespace)?;
        into.write_all(value.as_bytes())?;
        self.after.fill(into, namespace)
    }

    /// The value in the text of a SealedSecret, if the rest of the text is the same.
    pub(super) fn value<'a>(&self, namespace: &str, text: &'a [u8]) -> io::Result<Option<&'a [u8]>> {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        self.before.fill(&mut before, namespace)?;
        self.after.fill(&mut after, namespace)?;
        Ok(text.strip_prefix(&*before).and_then(|rest| rest.strip_suffix(&*after)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_filled_text_is_what_the_serializer_writes() {
        let secret = PullSecret {
            name: "on".parse().unwrap(),
            annotations: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
            labels: BTreeMap::new(),
            docker_config: Arc::new("{}".into()),
        };
        let shell = SealedShell { scope: Some(("c", "true")), ..SealedShell::default() };
        let text = SealedText::new(&shell, &secret, Some(GAP)).unwrap();
        // A value of the length for a key of 4096 bits, and an empty value.
        for (value, scalar) in [("AgB/+9==".repeat(120), "AgB/+9==".repeat(120)), (String::new(), "\"\"".to_owned())] {
            for (namespace, written) in [("team-a", "team-a"), ("on", "\"on\""), ("1e3", "\"1e3\"")] {
                let mut filled = Vec::new();
                text.fill(&mut filled, written, &scalar).unwrap();
                let object = to_yaml(&shell.object(&secret, Some(namespace), &value)).unwrap();
                assert_eq!(String::from_utf8(filled.clone()).unwrap(), *object);
                assert_eq!(text.value(written, &filled).unwrap(), Some(scalar.as_bytes()));
                assert_eq!(text.value("other", &filled).unwrap(), None);
            }
        }
    }
}
