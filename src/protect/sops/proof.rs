//! Checks that the output of sops is the document that went in, with every secret encrypted.

use serde_json::{Map, Value};

use super::form::Form;
use regcred_core::manifest::expands_too_far;

/// A problem of the output; a place in a document is a path of keys.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    InClear(String),
    /// A value that must be readable is encrypted.
    Unreadable(String),
    /// The output is another document than the input.
    Other,
}

/// The documents of a YAML stream; `None` if it cannot be parsed, or its aliases expand too far.
pub fn documents(text: &str) -> Option<Vec<Value>> {
    if expands_too_far(text) {
        return None;
    }
    let options = serde_saphyr::options! { budget: None, with_snippet: false };
    serde_saphyr::from_multiple_with_options(text, options).ok()
}

/// Whether the output is these documents, with every secret encrypted and every other value readable.
/// Errors: the problem of the output.
pub fn check_result(documents: &[Value], result: &str, form: Form) -> Result<(), Fault> {
    let found = self::documents(result).ok_or(Fault::Other)?;
    if found.len() != documents.len() {
        return Err(Fault::Other);
    }
    for (wanted, mut found) in documents.iter().zip(found) {
        let metadata = found.as_object_mut().and_then(|object| object.shift_remove("sops"));
        if !metadata.as_ref().and_then(Value::as_object).is_some_and(is_complete) {
            return Err(Fault::Other);
        }
        compare(wanted, &found, form, &mut Vec::new())?;
    }
    Ok(())
}

/// The fields without which no program can decrypt the document.
fn is_complete(metadata: &Map<String, Value>) -> bool {
    ["mac", "lastmodified", "version"].iter().all(|key| metadata.get(*key).is_some_and(Value::is_string))
}

fn compare<'a>(wanted: &'a Value, found: &Value, form: Form, path: &mut Vec<&'a str>) -> Result<(), Fault> {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) if wanted.len() == found.len() => {
            for (key, wanted) in wanted {
                path.push(key);
                compare(wanted, found.get(key).ok_or(Fault::Other)?, form, path)?;
                path.pop();
            }
            Ok(())
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            wanted.iter().zip(found).try_for_each(|(wanted, found)| compare(wanted, found, form, path))
        }
        (Value::Object(_) | Value::Array(_), _) => Err(Fault::Other),
        _ if is_encrypted(found) && form.is_clear(path) => Err(Fault::Unreadable(path.join("."))),
        _ if is_encrypted(found) => Ok(()),
        _ if form.is_secret(path) => Err(Fault::InClear(path.join("."))),
        _ if wanted == found => Ok(()),
        _ => Err(Fault::Other),
    }
}

fn is_encrypted(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with("ENC[AES256_GCM,data:") && text.ends_with(']'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ENC: &str = "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]";

    fn secret(name: &str, value: &str, kind: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Secret", "data": {".dockerconfigjson": value}, "metadata": {"name": name}, "type": kind})
    }

    fn result(mut document: Value) -> String {
        document["sops"] = json!({"mac": ENC, "lastmodified": "x", "version": "3"});
        document.to_string()
    }

    #[test]
    fn a_result_is_the_document_with_its_secret_encrypted() {
        let documents = [secret("pull", "e30=", "t")];
        for (found, expected) in [
            (result(secret("pull", ENC, "t")), Ok(())),
            (result(secret("pull", ENC, ENC)), Ok(())),
            (result(secret("pull", "e30=", "t")), Err(Fault::InClear("data..dockerconfigjson".to_owned()))),
            (result(secret("pull", "", "t")), Err(Fault::InClear("data..dockerconfigjson".to_owned()))),
            (result(secret(ENC, ENC, "t")), Err(Fault::Unreadable("metadata.name".to_owned()))),
            (result(secret("other", ENC, "t")), Err(Fault::Other)),
            (secret("pull", ENC, "t").to_string(), Err(Fault::Other)),
            (result(secret("pull", ENC, "t")) + "\n---\na: 1\n", Err(Fault::Other)),
            (String::new(), Err(Fault::Other)),
            ("{".to_owned(), Err(Fault::Other)),
        ] {
            assert_eq!(check_result(&documents, &found, Form::Manifests), expected, "{found}");
        }
    }
}
