//! Values encrypted by sops: a file in clear and the one that is there in, the file to write out. One that still holds the same
//! stays as it is.

use std::io;

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::files::evidence::carried::Carried;
use crate::files::evidence::encrypted::Encrypted;
use crate::files::{File, Protection};
use crate::protect::sops::{Form, Sops};

const OURS: &str = "# Written by regcred.\n";

/// The file encrypted, unless what it carries tells that the one that is there will do.
///
/// # Errors
/// Those of sops.
pub fn encrypt(file: &File, form: Form, sops: &Sops, carried: &Carried) -> io::Result<File> {
    let text = std::str::from_utf8(&file.bytes).map_err(|_| io::ErrorKind::InvalidData)?;
    let (head, body) = split(text);
    let head = if head.is_empty() { OURS } else { head };
    let values = Values { sops, form, body, secret: body.into() };
    let mut bytes = Zeroizing::new(head.as_bytes().to_vec());
    carried.settle(&values, &file.path, &mut bytes)?;
    Ok(File { path: file.path.clone(), bytes, protection: Protection::Encrypted })
}

/// Values to be encrypted: all of them are the secret, as a rule may choose any.
struct Values<'a> {
    sops: &'a Sops,
    form: Form,
    body: &'a str,
    secret: SecretString,
}

impl Encrypted for Values<'_> {
    fn context(&self, _: &str) -> io::Result<Vec<u8>> {
        self.sops.public(self.body, self.form)
    }

    fn recipient(&self, _: &str) -> io::Result<Vec<u8>> {
        Ok(self.sops.recipient(self.form))
    }

    fn recipients_in_variables(&self) -> io::Result<Vec<u8>> {
        self.sops.recipients_in_variables()
    }

    fn has_form(&self, bytes: &[u8]) -> io::Result<bool> {
        Ok(std::str::from_utf8(bytes).is_ok_and(|there| Sops::is_encrypted(self.body, there, self.form)))
    }

    fn secret(&self) -> &SecretString {
        &self.secret
    }

    fn encrypt(&self, path: &str) -> io::Result<Zeroizing<Vec<u8>>> {
        self.sops.encrypt_text(self.body, path, self.form)
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
