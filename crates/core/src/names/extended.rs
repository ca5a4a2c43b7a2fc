//! Appends text to a name.

use super::ResourceName;

impl ResourceName {
    /// A valid name with more at its end, which the API server refuses if it is too long.
    pub(crate) fn extended(name: &str, more: &str) -> Self {
        Self(format!("{name}{more}").into())
    }
}
