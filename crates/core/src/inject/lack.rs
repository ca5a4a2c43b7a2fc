//! Finds the references that one place of a document lacks.

use super::syntax::Id;

/// References that are missing in one place.
#[derive(Debug)]
pub struct Lack<'a> {
    /// The object, for messages: its kind, and its name if that is valid.
    pub label: String,
    /// The mapping that gets a field.
    pub holder: Id,
    /// The field, and the fields below it that are missing too; the last one holds the references.
    pub path: &'a [String],
    /// The list that the holder has, perhaps merged from elsewhere.
    pub list: Option<Id>,
    /// The names in that list, if its items have nothing but a name.
    pub present: Option<Vec<&'a str>>,
    /// The names to add.
    pub names: Vec<&'a str>,
}

impl Lack<'_> {
    /// Whether a field holds a list of references, and not the name of one Secret.
    #[must_use]
    pub fn is_list(field: &str) -> bool {
        field.ends_with('s')
    }
}
