//! Compares a text with the documents that it should have, one after the other.

use super::parsed;
use crate::files::marks::SEPARATOR;

/// How far a text has been compared.
pub(super) struct Cursor<'a> {
    pub rest: &'a [u8],
    pub is_same: bool,
    pub has_left_out: bool,
    pub leaves_out: bool,
}

impl Cursor<'_> {
    pub(super) fn take(&mut self, part: &[u8]) {
        if !self.is_same {
            return;
        }
        if let Some(rest) = self.rest.strip_prefix(part) {
            self.rest = rest;
            return;
        }
        let document = part.strip_prefix(SEPARATOR).unwrap_or(part);
        let there = self.rest.strip_prefix(SEPARATOR).unwrap_or(self.rest);
        let end = there.windows(5).position(|window| window == b"\n---\n").map_or(there.len(), |at| at + 1);
        let (segment, rest) = there.split_at(end);
        self.compare(document, segment);
        self.rest = rest;
    }

    pub(super) fn compare(&mut self, wanted: &[u8], there: &[u8]) {
        let is_equal = wanted == there;
        self.is_same = is_equal || (self.leaves_out && parsed::are_same(wanted, there));
        self.has_left_out |= !is_equal;
    }
}
