//! Finds the fields that regcred.yaml may have at each place, from the JSON Schema of its types.

use serde_json::{Map, Value};

use super::File;

/// The schema, with its known fields and their places.
pub struct Form {
    /// The form of the whole document.
    pub root: Value,
    /// Each field with the path of its parent, in the order of the types.
    fields: Vec<(String, String)>,
}

/// The form that is expected at one place.
pub enum Expected<'a> {
    /// A mapping of known fields.
    Fields {
        /// Each with its schema.
        known: &'a Map<String, Value>,
        /// The required fields.
        required: Vec<&'a str>,
    },
    /// A mapping with any keys, each value of this schema.
    Entries(&'a Value),
    /// A list whose items have this schema.
    List(&'a Value),
    /// One of these words.
    Words(Vec<&'a str>),
    /// A text of this pattern.
    Name(&'a str),
    Text,
    /// `true` or `false`.
    Boolean,
    Number,
    /// One of these forms.
    OneOf(Vec<&'a Value>),
    /// Any form; it is not checked.
    Anything,
}

impl Expected<'_> {
    /// Its name in a message.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fields { .. } | Self::Entries(_) => "a mapping",
            Self::List(_) => "a list",
            Self::Words(_) => "a word",
            Self::Name(_) | Self::Text => "text",
            Self::Boolean => "true or false",
            Self::Number => "a number",
            Self::OneOf(_) | Self::Anything => "something else",
        }
    }
}

impl Form {
    /// The form of the regcred.yaml types.
    pub fn of_the_file() -> Self {
        let root = schemars::schema_for!(File).to_value();
        let mut form = Self { root, fields: Vec::new() };
        let mut fields = Vec::new();
        form.collect(&form.root, "", &mut fields);
        form.fields = fields;
        form
    }

    /// The paths of a field's parents, without duplicates.
    pub fn homes<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a str> {
        // A cluster has the same fields as `spec`, and a deeper place is rarely meant, so each field is reported once.
        let of_a_cluster = |home: &str| home.starts_with("spec.clusters[]");
        let homes = move || self.fields.iter().filter(move |(name, _)| name == field).map(|(_, home)| home.as_str());
        let is_below = |home: &str, other: &str| home.strip_prefix(other).is_some_and(|rest| rest.starts_with('.'));
        homes().filter(move |home| {
            !homes().any(|other| is_below(home, other) || (of_a_cluster(home) && !of_a_cluster(other)))
        })
    }

    /// All fields.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(name, _)| name.as_str())
    }

    /// The form that this schema allows.
    pub fn expected<'a>(&'a self, schema: &'a Value) -> Expected<'a> {
        let schema = self.resolved(schema);
        if let Some(words) = words(schema) {
            return Expected::Words(words);
        }
        if let Some(several) = ["anyOf", "oneOf"].iter().find_map(|name| schema[*name].as_array()) {
            let mut several = several.iter().filter(|one| one["type"] != "null");
            return match (several.next(), several.next()) {
                (Some(only), None) => self.expected(only),
                (Some(first), Some(second)) => Expected::OneOf([first, second].into_iter().chain(several).collect()),
                (None, _) => Expected::Anything,
            };
        }
        let name = match &schema["type"] {
            Value::Array(names) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
            name => name.as_str(),
        };
        match name {
            Some("object") => match (schema["properties"].as_object(), &schema["additionalProperties"]) {
                (Some(known), _) => Expected::Fields { known, required: texts(&schema["required"]) },
                (None, entries @ Value::Object(_)) => Expected::Entries(entries),
                (None, _) => Expected::Anything,
            },
            Some("array") => Expected::List(&schema["items"]),
            Some("string") => schema["pattern"].as_str().map_or(Expected::Text, Expected::Name),
            Some("boolean") => Expected::Boolean,
            Some("integer" | "number") => Expected::Number,
            _ => Expected::Anything,
        }
    }

    /// The description in the schema, as part of a sentence.
    pub fn description(&self, schema: &Value) -> Option<String> {
        let text = schema["description"].as_str().or_else(|| self.resolved(schema)["description"].as_str())?;
        let mut letters = text.trim_end_matches('.').chars();
        let first = letters.next()?;
        Some(first.to_lowercase().chain(letters).collect())
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        while let Some(path) = schema["$ref"].as_str().and_then(|name| name.strip_prefix('#')) {
            match self.root.pointer(path) {
                Some(target) => schema = target,
                None => break,
            }
        }
        schema
    }

    fn collect(&self, schema: &Value, path: &str, fields: &mut Vec<(String, String)>) {
        match self.expected(schema) {
            Expected::Fields { known, .. } => {
                for (name, schema) in known {
                    let field = (name.clone(), path.to_owned());
                    if !fields.contains(&field) {
                        fields.push(field);
                        self.collect(schema, &below(path, name), fields);
                    }
                }
            }
            Expected::List(items) => self.collect(items, &format!("{path}[]"), fields),
            Expected::OneOf(several) => several.into_iter().for_each(|one| self.collect(one, path, fields)),
            _ => {}
        }
    }
}

/// The path of a field.
pub fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The words of a type that allows only words.
fn words(schema: &Value) -> Option<Vec<&str>> {
    if let Some(word) = schema["const"].as_str() {
        return Some(vec![word]);
    }
    if schema["enum"].is_array() {
        return Some(texts(&schema["enum"]));
    }
    let several = schema["oneOf"].as_array()?;
    let words: Vec<_> = several.iter().map(words).collect::<Option<Vec<_>>>()?;
    Some(words.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_the_types_has_a_home() {
        let form = Form::of_the_file();
        let homes = |field| form.homes(field).collect::<Vec<_>>();
        assert_eq!(homes("apiVersion"), [""]);
        assert_eq!(homes("link"), ["spec"]);
        assert_eq!(homes("logins"), ["spec.pullSecrets[]"]);
        assert_eq!(homes("include"), ["spec.pullSecrets[].namespaces"]);
        assert!(homes("nothing").is_empty());
    }

    #[test]
    fn words_are_told_from_other_types() {
        let form = Form::of_the_file();
        let Expected::Fields { known, required, .. } = form.expected(&form.root) else { panic!("a mapping") };
        assert!(required.contains(&"kind"));
        let Expected::Words(words) = form.expected(&known["kind"]) else { panic!("words") };
        assert_eq!(words, ["RegistryCredentials"]);
    }
}
