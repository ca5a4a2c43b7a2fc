//! Makes a longer name of one.

use super::ResourceName;

impl ResourceName {
    /// A valid name with more at its ends, which the API server refuses if it is too long.
    pub(crate) fn extended(before: &str, name: &str, after: &str) -> Self {
        Self(format!("{before}{name}{after}").into())
    }
}
