//! Reads and writes the line of the lock that names the approved recipients.
//!
//! A run that changes the recipients increases the count. The line with the highest count decides, so an older line has no effect.

use std::collections::BTreeSet;
use std::fmt;

use crate::files::marks::digest::Digest;
use crate::files::marks::key::{Key, Purpose};
use crate::files::marks::mark::fingerprints;
use regcred_core::recipient::Recipients;

const START: &str = "# regcred recipients: ";

/// A line with approved recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    /// Their fingerprints, joined by commas.
    recipients: String,
    count: u64,
    signature: Option<Digest>,
}

impl Approved {
    /// The recipients in a line, if the line names them.
    pub fn parse(line: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(line.strip_prefix(START.as_bytes())?).ok()?;
        let (recipients, rest) = text.split_once(" count=")?;
        let (count, signature) = rest.split_once(" signature=")?;
        Some(Self {
            recipients: recipients.to_owned(),
            count: count.parse().ok()?,
            signature: Some(signature.parse().ok()?),
        })
    }

    /// The line of the lock for these recipients; `None` without recipients or without a key.
    pub fn next(before: &[Self], recipients: &Recipients, key: &Key) -> Option<Self> {
        let names = recipients.iter().map(|recipient| recipient.fingerprint().to_owned()).collect();
        let count = match Self::latest(before, key) {
            Some((count, known)) if known == names => count,
            Some((count, _)) => count.saturating_add(1),
            None => 1,
        };
        let next = Self { recipients: fingerprints(recipients), count, signature: None };
        let signature = next.with_parts(|parts| key.sign(Purpose::Recipients, parts));
        (!recipients.is_empty() && signature.is_some()).then_some(Self { signature, ..next })
    }

    /// The fingerprints in the last signed line, and its count; after a merge, the fingerprints of both sides.
    pub fn latest(lines: &[Self], key: &Key) -> Option<(u64, BTreeSet<String>)> {
        let is_signed =
            |line: &&Self| line.with_parts(|parts| key.has_signed(line.signature.as_ref(), Purpose::Recipients, parts));
        let signed: Vec<_> = lines.iter().filter(is_signed).collect();
        let count = signed.iter().map(|line| line.count).max()?;
        let last = signed.into_iter().filter(|line| line.count == count);
        Some((count, last.flat_map(|line| line.recipients.split(',')).map(str::to_owned).collect()))
    }

    /// Whether one of the lines names a recipient, signed or not.
    pub fn is_named(lines: &[Self], fingerprint: &str) -> bool {
        lines.iter().any(|line| line.recipients.split(',').any(|name| name == fingerprint))
    }

    /// Whether both name the same recipients with the same count, whichever key signed them.
    pub fn agree(lines: &[Self], others: &[Self]) -> bool {
        fn public(line: &Approved) -> (&str, u64) {
            (&line.recipients, line.count)
        }
        lines.iter().map(public).eq(others.iter().map(public))
    }

    fn with_parts<T>(&self, use_them: impl FnOnce(&[&[u8]]) -> T) -> T {
        use_them(&[self.recipients.as_bytes(), &self.count.to_be_bytes()])
    }
}

impl fmt::Display for Approved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { recipients, count, signature } = self;
        write!(f, "{START}{recipients} count={count}")?;
        signature.as_ref().map_or(Ok(()), |signature| write!(f, " signature={signature}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::{KEY, key};
    use super::*;
    use regcred_core::recipient::Recipient;

    #[test]
    fn the_last_signed_line_decides_and_both_sides_of_a_merge_count() {
        let (ours, other) = (key(KEY), key("f1e0d3c2b5a497867968a5b4c3d2e1f0"));
        let next = |before: &[Approved], names: &[&str], key: &Key| {
            Approved::next(before, &names.iter().map(|name| Recipient::new(name)).collect(), key)
        };
        let known = |lines: &[Approved]| {
            let (count, names) = Approved::latest(lines, &ours)?;
            Some((count, names.into_iter().collect::<Vec<_>>().join(" ")))
        };
        let first = next(&[], &["a"], &ours).unwrap();
        assert_eq!(Approved::parse(first.to_string().as_bytes()).as_ref(), Some(&first));
        let [first] = &[first];
        let before = std::slice::from_ref(first);
        assert_eq!(next(before, &["a"], &ours).as_ref(), Some(first));
        let second = next(before, &["b"], &ours).unwrap();
        let merged = next(before, &["a", "c"], &ours).unwrap();
        assert_eq!(known(&[first.clone(), second.clone(), first.clone()]), Some((2, "b".to_owned())));
        assert_eq!(known(&[second.clone(), merged, first.clone()]), Some((2, "a b c".to_owned())));
        // Neither a forged line nor a line of another key counts.
        let forged = Approved { count: 9, ..first.clone() };
        assert_eq!(known(&[second, forged, next(&[], &["z"], &other).unwrap()]), Some((2, "b".to_owned())));
        assert!(next(&[], &["a"], &key("")).is_none() && next(&[], &[], &ours).is_none());
        assert!(Approved::parse(b"# regcred recipients: a count=-1 signature=x").is_none());
    }
}
