//! Finds every mistake in a regcred.yaml, each with its place, and never repeats a value.

use std::collections::HashSet;

use serde_json::{Map, Value as Schema};
use serde_saphyr::Spanned;

use super::document::{self, Node, Position, Value};
use super::form::{Expected, Form, below};
use super::login::FORMS;
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::names::check_pattern;
use regcred_core::nearest::{nearest, one_slip_away};

const EXAMPLE: &str = "`regcred schema` prints the form; `regcred init` writes an example";
const LOGIN: &str = "give `dockerConfig`, or `preset`, or `registry` with `username` and `password`";
pub const EMPTY: &str = "write its value, or remove the line";
/// Nobody reads more mistakes than this, and each takes time.
const MOST: usize = 100;
/// A field with another name before the first release.
const RENAMED: (&str, &str) = ("shape", "format");

/// Every mistake in the form of the text; empty if the text is not YAML, or its form has no mistake.
pub fn find(text: &str) -> Vec<Diagnostic> {
    let Some(document) = document::read(text) else { return Vec::new() };
    let form = Form::of_the_file();
    if matches!(document.value, Value::Null) {
        return vec![Diagnostic::error(Code::InvalidConfig, "the file is empty").hint(EXAMPLE)];
    }
    let mut faults = Faults { form: &form, found: Vec::new() };
    faults.check(&form.root, &document, "");
    faults.sorted(|position| position.to_string())
}

/// Every mistake in the object of a field; the messages name the field instead of a line.
pub fn find_in_field(field: &str, text: &str) -> Vec<Diagnostic> {
    let Some(Node { value: Value::Mapping(entries), .. }) = document::read(text) else { return Vec::new() };
    let form = Form::of_the_file();
    let mut faults = Faults { form: &form, found: Vec::new() };
    for (_, node) in entries.iter().filter(|(key, _)| key.value == field) {
        faults.check(&form.root, node, "");
    }
    faults.sorted(|_| field.to_owned())
}

/// The name of the last field of regcred.yaml that begins one of these lines.
pub fn last_field<'a>(lines: impl Iterator<Item = &'a str>) -> Option<String> {
    let form = Form::of_the_file();
    let fields = lines.filter_map(|line| line.trim_start_matches([' ', '-']).split(':').next());
    fields.filter(|field| form.names().any(|name| name == *field)).last().map(str::to_owned)
}

struct Faults<'a> {
    form: &'a Form,
    found: Vec<(Position, Diagnostic)>,
}

impl Faults<'_> {
    fn add(&mut self, position: Position, what: &str, hint: impl Into<String>) {
        self.found.push((position, Diagnostic::error(Code::InvalidConfig, what).hint(hint)));
    }

    /// All mistakes in the order of the text, each after its place.
    fn sorted(mut self, place: impl Fn(Position) -> String) -> Vec<Diagnostic> {
        self.found.sort_by_key(|(position, _)| *position);
        let placed = |(position, fault): (Position, Diagnostic)| {
            let message = format!("{}: {}", place(position), fault.message);
            Diagnostic { message, ..fault }
        };
        self.found.into_iter().map(placed).collect()
    }

    fn check(&mut self, schema: &Schema, node: &Node, path: &str) {
        match (self.form.expected(schema), &node.value) {
            (Expected::Fields { known, required }, Value::Mapping(entries)) => {
                let meant = self.fields(known, entries, path);
                let there: HashSet<_> = entries.iter().map(|(key, _)| key.value.as_str()).chain(meant).collect();
                let place = place_of_a_secret(known);
                for name in required.into_iter().filter(|name| Some(*name) != place && !there.contains(name)) {
                    self.missing(name, &known[name], node.position);
                }
                // A mounted Secret may take its place, and a literal `value` is reported as a separate mistake.
                if let Some(place) = place.filter(|place| ![place, "secret", "value"].iter().any(|name| there.contains(name))) {
                    self.missing(place, &known[place], node.position);
                }
                // Misspelled fields are reported already.
                if known.contains_key("preset") && entries.iter().all(|(key, _)| known.contains_key(&key.value)) {
                    let given = entries.iter().filter(|(_, node)| !matches!(node.value, Value::Null));
                    let given: HashSet<_> = given.map(|(key, _)| key.value.as_str()).collect();
                    if !FORMS.iter().any(|form| given == form.iter().copied().collect()) {
                        self.add(node.position, "a login of none of the three forms", LOGIN);
                    }
                }
            }
            (Expected::Entries(schema), Value::Mapping(entries)) => {
                for (_, value) in entries {
                    self.check(schema, value, path);
                }
            }
            (Expected::List(schema), Value::List(nodes)) => {
                for (number, node) in nodes.iter().enumerate() {
                    if matches!(node.value, Value::Null) {
                        self.add(node.position, &format!("item {} of `{path}` is empty", number + 1), EMPTY);
                    }
                    self.check(schema, node, &format!("{path}[{number}]"));
                }
            }
            (Expected::Words(words), Value::Text(text)) => {
                if !words.contains(&text.as_str()) {
                    let meant = nearest(text, words.iter().copied())
                        .map_or(String::new(), |word| format!("; did you mean `{word}`?"));
                    let hint = format!("possible values are {}", words.join(", "));
                    self.add(node.position, &format!("`{path}`: unknown value{meant}"), hint);
                }
            }
            (Expected::Name(pattern), Value::Text(text)) => {
                if let Err(invalid) = check_pattern(pattern, text) {
                    self.add(node.position, &format!("`{}`: {invalid}", last(path)), invalid.hint);
                }
            }
            (Expected::OneOf(several), _) => self.check_the_nearest(&several, node, path),
            (Expected::Boolean, Value::Text(text)) if is_a_boolean_of_1_1(text) => {}
            (Expected::Text, Value::Text(_) | Value::Number | Value::Boolean)
            | (Expected::Name(_), Value::Number | Value::Boolean)
            | (Expected::Boolean, Value::Boolean)
            | (Expected::Number, Value::Number)
            | (Expected::Anything, _)
            // An empty value means the default, if there is one.
            | (_, Value::Null) => {}
            (expected, _) => self.mismatch(&expected, node, path),
        }
    }

    /// Checks each field; returns the known fields that unknown ones were meant as.
    fn fields<'k>(
        &mut self,
        known: &'k Map<String, Schema>,
        entries: &[(Spanned<String>, Node)],
        path: &str,
    ) -> Vec<&'k str> {
        let mut seen = HashSet::new();
        let mut meant = Vec::new();
        for (key, node) in entries {
            if self.found.len() >= MOST {
                break;
            }
            let position = document::position(key);
            if !seen.insert(key.value.as_str()) {
                self.add(position, "duplicate key", "leave one out");
            }
            match known.get(&key.value) {
                Some(schema) => self.check(schema, node, &below(path, &key.value)),
                None if key.value == "value" && place_of_a_secret(known).is_some() => {
                    self.literal(position, path, known);
                }
                None => meant.extend(self.unknown(&key.value, known, position)),
            }
        }
        meant
    }

    /// A password or a Docker config in place of the name of its variable, or of its key in a store.
    fn literal(&mut self, position: Position, path: &str, known: &Map<String, Schema>) {
        let field = last(path);
        if field == "kubeconfig" {
            let hint = "a kubeconfig can run programs, so a variable holds it or its path: `kubeconfig: {env: NAME}`";
            self.add(position, "a literal kubeconfig, or its path", hint.to_owned());
            return;
        }
        let write = match place_of_a_secret(known) {
            Some("key") => format!("write `{field}: {{key: NAME}}`, and keep it in the store under NAME"),
            _ => format!("write `{field}: {{env: NAME}}`, and keep it in the variable NAME"),
        };
        let hint = format!("a password is never written down: {write}");
        self.add(position, "a literal password or Docker config", hint);
    }

    /// Reports an unknown field. Its name is repeated only if it is a field of regcred.yaml elsewhere: otherwise it may be a value in the
    /// wrong place.
    fn unknown<'k>(&mut self, field: &str, known: &'k Map<String, Schema>, position: Position) -> Option<&'k str> {
        if field == RENAMED.0 && known.contains_key(RENAMED.1) {
            let hint = format!("write `{}:`", RENAMED.1);
            self.add(position, &format!("`{}` is called `{}` now", RENAMED.0, RENAMED.1), hint);
            return None;
        }
        let here = || known.keys().map(String::as_str);
        let possible = format!("possible fields are {}", here().collect::<Vec<_>>().join(", "));
        let homes = |field| self.form.homes(field).map(home).collect::<Vec<_>>().join(" or ");
        if self.form.homes(field).next().is_some() && one_slip_away(field, here()).is_none() {
            self.add(
                position,
                &format!("`{field}` belongs {}", homes(field)),
                format!("move it there; here, {possible}"),
            );
            return None;
        }
        let meant = one_slip_away(field, here()).or_else(|| nearest(field, here()));
        let what = match (meant, self.slip_elsewhere(field)) {
            (Some(meant), _) => format!("unknown field; did you mean `{meant}`?"),
            (None, Some(meant)) => format!("unknown field; did you mean `{meant}`, which belongs {}?", homes(meant)),
            (None, None) => "unknown field".to_owned(),
        };
        self.add(position, &what, possible);
        meant
    }

    fn slip_elsewhere(&self, field: &str) -> Option<&str> {
        let mut names: Vec<_> = self.form.names().collect();
        names.sort_unstable();
        names.dedup();
        one_slip_away(field, names)
    }

    fn missing(&mut self, name: &str, schema: &Schema, position: Position) {
        let hint = match self.form.expected(schema) {
            Expected::Words(words) if words.len() == 1 => format!("write `{name}: {}`", words[0]),
            _ if name == "env" => "write `{env: NAME}`, with the name of the variable".to_owned(),
            _ => {
                let what = self.form.description(schema).map_or(String::new(), |text| format!("`{name}` is {text}; "));
                format!("{what}`regcred init` writes an example")
            }
        };
        self.add(position, &format!("the field `{name}` is missing"), hint);
    }

    fn mismatch(&mut self, expected: &Expected<'_>, node: &Node, path: &str) {
        let field = last(path);
        let hint = match expected {
            Expected::Fields { known, .. } if place_of_a_secret(known).is_some() => {
                return self.literal(node.position, path, known);
            }
            Expected::Fields { known, .. } if known.contains_key("env") => {
                format!("write `{field}: {{env: NAME}}` or `{field}: {{value: TEXT}}`")
            }
            Expected::Fields { known, .. } => {
                format!("its fields are {}", known.keys().map(String::as_str).collect::<Vec<_>>().join(", "))
            }
            Expected::List(_) if !field.is_empty() => format!("write `{field}: [A, B]`, or one `- ` per line"),
            Expected::Boolean => "write `true` or `false`".to_owned(),
            Expected::Words(words) => format!("possible values are {}", words.join(", ")),
            _ => EXAMPLE.to_owned(),
        };
        let place = if path.is_empty() { String::new() } else { format!("`{path}`: ") };
        self.add(node.position, &format!("{place}expected {}, found {}", expected.name(), node.value.name()), hint);
    }

    /// Adds the mistakes of the possible form that has the fewest: that form was probably meant.
    fn check_the_nearest(&mut self, several: &[&Schema], node: &Node, path: &str) {
        let faults = several.iter().map(|schema| {
            let mut faults = Faults { form: self.form, found: Vec::new() };
            faults.check(schema, node, path);
            faults.found
        });
        let fewest = faults.min_by_key(Vec::len);
        self.found.extend(fewest.into_iter().flatten());
    }
}

/// The field that says where a secret is: in a variable, or in a store. A field that may be literal has none.
fn place_of_a_secret(known: &Map<String, Schema>) -> Option<&'static str> {
    let place = if known.contains_key("decodingStrategy") { "key" } else { "env" };
    (known.contains_key(place) && !known.contains_key("value")).then_some(place)
}

/// The name at the end of a path.
fn last(path: &str) -> &str {
    let name = path.rsplit('.').next().unwrap_or_default();
    name.split('[').next().unwrap_or_default()
}

fn home(path: &str) -> String {
    if path.is_empty() { "to the top level".to_owned() } else { format!("under `{path}`") }
}

fn is_a_boolean_of_1_1(text: &str) -> bool {
    ["y", "n", "yes", "no", "on", "off", "true", "false"].contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests;
