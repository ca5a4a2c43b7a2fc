//! Appends text to a name.

use super::ResourceName;

impl ResourceName {
    /// A valid name with text appended; the API server refuses the result if it is too long.
    pub(crate) fn extended(name: &str, more: &str) -> Self {
        Self(format!("{name}{more}").into())
    }
}
