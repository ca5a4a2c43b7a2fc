//! What can be compared without a look into an encrypted file: a document and its path in, what may be known of its file out.

use std::io;

use serde::Serialize;
use serde_json::Value;

use super::selection::{self, Form};
use super::{Sops, failed, proof, without_values};
use regcred_core::manifest::{PullSecret, to_yaml};
use regcred_core::names::Namespace;

/// For whom a file is encrypted by its rule, and which of its values.
#[derive(Serialize)]
struct Recipient<'a> {
    rule: Option<&'a Value>,
    encrypted_regex: Option<&'static str>,
}

impl Sops {
    /// The Secret without its values, and the rule that is for its file.
    ///
    /// # Errors
    /// There is none, or the serializer's.
    pub fn context(&self, secret: &PullSecret, namespace: Option<&Namespace>, path: &str) -> io::Result<Vec<u8>> {
        let mut context = serde_json::to_vec(&without_values(secret, namespace)?)?;
        context.push(b'\n');
        context.extend(self.recipient(path, Form::Manifests)?);
        Ok(context)
    }

    /// What the rules say of for whom the file is encrypted, and which of its values, as canonical bytes.
    ///
    /// # Errors
    /// There is no rule for it.
    pub fn recipient(&self, path: &str, form: Form) -> io::Result<Vec<u8>> {
        let rule = self.rule(path).map_err(failed)?;
        Ok(serde_json::to_vec(&Recipient {
            rule: rule.content,
            encrypted_regex: rule.selection.is_none().then(|| form.regex()),
        })?)
    }

    /// What variables say of it, which a job that only compares may not see.
    ///
    /// # Errors
    /// The serializer's.
    pub fn recipients_in_variables(&self) -> io::Result<Vec<u8>> {
        Ok(serde_json::to_vec(&self.recipients)?)
    }

    /// A YAML text without the values that are encrypted in it, and for whom, as canonical bytes: what anybody may know of its file.
    ///
    /// # Errors
    /// There is no rule for it.
    pub fn public(&self, text: &str, path: &str, form: Form) -> io::Result<Vec<u8>> {
        let rule = self.rule(path).map_err(failed)?;
        let mut documents = proof::documents(text).ok_or(io::ErrorKind::InvalidData)?;
        let hidden =
            |path: &[&str]| form.is_secret(path) || rule.selection.is_some_and(|selection| selection.encrypts(path));
        for document in &mut documents {
            selection::hide(document, &mut Vec::new(), &hidden);
        }
        let mut public = serde_json::to_vec(&documents)?;
        public.push(b'\n');
        public.extend(self.recipient(path, form)?);
        Ok(public)
    }

    /// Whether the bytes are this Secret, encrypted as it must be, as far as it can be told without opening them.
    ///
    /// # Errors
    /// The serializer's.
    pub fn has_form(secret: &PullSecret, namespace: Option<&Namespace>, bytes: &[u8]) -> io::Result<bool> {
        let text = to_yaml(&secret.object(namespace))?;
        Ok(std::str::from_utf8(bytes).is_ok_and(|there| Self::is_encrypted(&text, there, Form::Manifests)))
    }

    /// Whether the file's text is this one, encrypted as it must be, as far as it can be told without opening it.
    #[must_use]
    pub fn is_encrypted(text: &str, there: &str, form: Form) -> bool {
        proof::documents(text).is_some_and(|documents| proof::check_result(&documents, there, form).is_ok())
    }
}
