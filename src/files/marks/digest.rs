//! Reads and writes 32 bytes as 64 hexadecimal digits.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::{constant_time, digest};

/// 32 bytes, written as 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The SHA-256 of these bytes.
    pub(in crate::files) fn of(bytes: &[u8]) -> Self {
        Self::new(digest::digest(&digest::SHA256, bytes).as_ref())
    }

    pub(in crate::files) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether both are equal, in a time that does not depend on where they differ.
    pub(in crate::files) fn is(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }

    /// A SHA-256 or an HMAC of it: both have 32 bytes.
    pub(in crate::files) fn new(bytes: &[u8]) -> Self {
        let mut digest = [0; 32];
        digest.copy_from_slice(bytes);
        Self(digest)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 64];
        for (byte, pair) in self.0.iter().zip(text.chunks_exact_mut(2)) {
            pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl FromStr for Digest {
    /// The text is not 64 hexadecimal digits.
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let mut bytes = [0; 32];
        if text.len() != 2 * bytes.len() {
            return Err(());
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = match (value(pair[0]), value(pair[1])) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(()),
            };
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_survives_its_text() {
        let digest = Digest::of(b"");
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        for bad in ["", "00", &"g".repeat(64), &"é".repeat(32)] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }
}
