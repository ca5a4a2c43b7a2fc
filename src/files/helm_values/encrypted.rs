//! Encrypts values with sops.

use std::io;

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::files::folder::entry::{Content, Entry, NeedsLogins, head_of};
use crate::files::{File, WriteError};
use crate::protect::encrypted::Encrypted;
use crate::protect::sops::{self, Form, Sops};
use regcred_core::diagnostic::Failure;
use regcred_core::recipient::Recipients;

/// The file with encrypted values.
/// Errors: the file is not text.
pub fn entry<'a>(file: &File, form: Form, sops: &'a Sops) -> Result<Entry<'a>, Failure> {
    let text = std::str::from_utf8(&file.bytes)
        .map_err(|_| crate::files::failure(io::Error::from(io::ErrorKind::InvalidData), "the file of `--output`"))?;
    let (comments, body) = split(text);
    let head = [head_of(&file.path, comments.as_bytes()), comments.as_bytes().to_vec()].concat();
    let values = Values { sops, form, body: body.to_owned().into(), secret: body.into() };
    Ok(Entry {
        path: file.path.clone(),
        document: None,
        head,
        content: Content::Encrypted(Box::new(values)),
        logins: NeedsLogins::ForValues,
    })
}

/// Values to encrypt. All of them count as secret, because a rule may choose any of them.
struct Values<'a> {
    sops: &'a Sops,
    form: Form,
    body: Zeroizing<String>,
    secret: SecretString,
}

impl Encrypted for Values<'_> {
    fn name(&self) -> String {
        "values".to_owned()
    }

    fn context(&self, _: &str) -> io::Result<Vec<u8>> {
        self.sops.public(&self.body, self.form)
    }

    fn recipients_in_variables(&self) -> io::Result<Vec<u8>> {
        self.sops.recipients_in_variables()
    }

    fn rules(&self) -> Option<Vec<u8>> {
        Some(self.sops.recipient(self.form))
    }

    fn recipients(&self) -> Option<Recipients> {
        None
    }

    fn recipients_of(&self, document: &[u8]) -> Recipients {
        sops::recipients_of(document)
    }

    fn has_form(&self, bytes: &[u8]) -> io::Result<bool> {
        Ok(Sops::is_encrypted(&self.body, bytes, self.form))
    }

    fn secret(&self) -> &SecretString {
        &self.secret
    }

    fn encrypt(&self, path: &str) -> Result<Zeroizing<Vec<u8>>, WriteError> {
        self.sops.encrypt(&self.body, path, self.form)
    }
}

/// The comments at the beginning, and the rest.
fn split(text: &str) -> (&str, &str) {
    let length = text.split_inclusive('\n').take_while(|line| line.starts_with('#')).map(str::len).sum();
    text.split_at(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comments_at_the_beginning_are_the_head() {
        assert_eq!(split("# a\n# b\nc: 1\n# d\n"), ("# a\n# b\n", "c: 1\n# d\n"));
        assert_eq!(split("c: 1\n"), ("", "c: 1\n"));
        assert_eq!(split("# a"), ("# a", ""));
        assert_eq!(split(""), ("", ""));
    }
}
