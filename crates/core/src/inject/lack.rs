//! Describes the references that one place of a document lacks.

use super::syntax::Id;

/// References that are missing at one place.
#[derive(Debug)]
pub struct Lack<'a> {
    /// The object in messages: its kind, and its name if the name is valid.
    pub label: String,
    /// The mapping that gets the field.
    pub holder: Id,
    /// The field, and the missing fields below it; the last one holds the references.
    pub path: &'a [String],
    /// The existing list of the holder, perhaps merged from another mapping.
    pub list: Option<Id>,
    /// The names in that list, if its items have only names.
    pub present: Option<Vec<&'a str>>,
    /// The names to add.
    pub names: Vec<&'a str>,
}

impl Lack<'_> {
    /// Whether the field holds a list of references; another field holds the name of one Secret.
    pub fn is_list(field: &str) -> bool {
        field.ends_with('s')
    }
}
