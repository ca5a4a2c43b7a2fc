//! Finds every fault of a regcred.yaml, each with its place, and never repeats a value of it.

use std::collections::HashSet;

use serde_json::{Map, Value as Schema};
use serde_saphyr::Spanned;

use super::document::{self, Node, Position, Value};
use super::form::{Expected, Form, below};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::names::check_pattern;
use regcred_core::nearest::{nearest, one_slip_away};

const EXAMPLE: &str = "`regcred schema` prints the form; `regcred init` writes an example";
/// A field that had another name before the first release.
const RENAMED: (&str, &str) = ("shape", "format");

/// Every fault that can be seen against the form; none if the text is no YAML, or has none of these.
#[must_use]
pub fn of(text: &str) -> Vec<Diagnostic> {
    let Some(document) = document::read(text) else { return Vec::new() };
    let form = Form::of_the_file();
    if matches!(document.value, Value::Null) {
        return vec![Diagnostic::error(Code::InvalidConfig, "the file is empty").hint(EXAMPLE)];
    }
    let mut faults = Faults { form: &form, found: Vec::new() };
    faults.look(form.root(), &document, "");
    faults.all(|position| position.to_string())
}

/// Every fault of the object that is the value of a field, which is named in place of lines.
#[must_use]
pub fn of_field(field: &str, text: &str) -> Vec<Diagnostic> {
    let Some(Node { value: Value::Mapping(entries), .. }) = document::read(text) else { return Vec::new() };
    let form = Form::of_the_file();
    let mut faults = Faults { form: &form, found: Vec::new() };
    for (_, node) in entries.iter().filter(|(key, _)| key.value == field) {
        faults.look(form.root(), node, "");
    }
    faults.all(|_| field.to_owned())
}

/// The last of these lines that begins with a field of ours, by the name of the field.
#[must_use]
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

    /// All of them in the order of the text, each after its place.
    fn all(mut self, place: impl Fn(Position) -> String) -> Vec<Diagnostic> {
        self.found.sort_by_key(|(position, _)| *position);
        let placed = |(position, fault): (Position, Diagnostic)| {
            let message = format!("{}: {}", place(position), fault.message);
            Diagnostic { message, ..fault }
        };
        self.found.into_iter().map(placed).collect()
    }

    fn look(&mut self, schema: &Schema, node: &Node, path: &str) {
        match (self.form.expected(schema), &node.value) {
            (Expected::Fields { known, required }, Value::Mapping(entries)) => {
                let meant = self.fields(known, entries, path);
                let there: HashSet<_> = entries.iter().map(|(key, _)| key.value.as_str()).chain(meant).collect();
                for name in required.into_iter().filter(|name| !there.contains(name)) {
                    // The text that was written instead is a separate fault.
                    if !is_a_secret_name(known) || !there.contains("value") {
                        self.missing(name, &known[name], node.position);
                    }
                }
            }
            (Expected::Entries(schema), Value::Mapping(entries)) => {
                for (_, value) in entries {
                    self.look(schema, value, path);
                }
            }
            (Expected::List(schema), Value::List(nodes)) => {
                for (number, node) in nodes.iter().enumerate() {
                    self.look(schema, node, &format!("{path}[{number}]"));
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
                    self.add(node.position, &format!("`{}`: {invalid}", last(path)), invalid.hint());
                }
            }
            (Expected::OneOf(several), _) => self.look_at_the_nearest(&several, node, path),
            (Expected::Boolean, Value::Text(text)) if is_a_boolean_of_1_1(text) => {}
            (Expected::Text, Value::Text(_) | Value::Number | Value::Boolean)
            | (Expected::Name(_), Value::Number | Value::Boolean)
            | (Expected::Boolean, Value::Boolean)
            | (Expected::Number, Value::Number)
            | (Expected::Anything, _)
            // Nothing is the default wherever there is one.
            | (_, Value::Null) => {}
            (expected, _) => self.of_another_form(&expected, node, path),
        }
    }

    /// Looks at each field; gives the known ones that were meant by others.
    fn fields<'k>(
        &mut self,
        known: &'k Map<String, Schema>,
        entries: &[(Spanned<String>, Node)],
        path: &str,
    ) -> Vec<&'k str> {
        let mut seen = HashSet::new();
        let mut meant = Vec::new();
        for (key, node) in entries {
            let position = document::position(key);
            if !seen.insert(key.value.as_str()) {
                self.add(position, "duplicate key", "leave one out");
            }
            match known.get(&key.value) {
                Some(schema) => self.look(schema, node, &below(path, &key.value)),
                None if is_a_secret_name(known) && key.value == "value" => self.literal(position, path),
                None => meant.extend(self.unknown(&key.value, known, position)),
            }
        }
        meant
    }

    /// A password or a Docker config where the name of its variable belongs.
    fn literal(&mut self, position: Position, path: &str) {
        let field = last(path);
        if field == "kubeconfig" {
            let hint = "a kubeconfig can run programs, so a variable holds it or its path: `kubeconfig: {env: NAME}`";
            self.add(position, "a literal kubeconfig, or its path", hint.to_owned());
            return;
        }
        self.add(
            position,
            "a literal password or Docker config",
            format!(
                "a password is never written down: write `{field}: {{env: NAME}}`, and keep it in the variable NAME"
            ),
        );
    }

    /// The field itself is not repeated unless it is one of ours: it may be a value in the wrong place.
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

    fn of_another_form(&mut self, expected: &Expected<'_>, node: &Node, path: &str) {
        let field = last(path);
        let hint = match expected {
            Expected::Fields { known, .. } if is_a_secret_name(known) => return self.literal(node.position, path),
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

    /// The one of several possible forms with the fewest faults was meant.
    fn look_at_the_nearest(&mut self, several: &[&Schema], node: &Node, path: &str) {
        let faults = several.iter().map(|schema| {
            let mut faults = Faults { form: self.form, found: Vec::new() };
            faults.look(schema, node, path);
            faults.found
        });
        let fewest = faults.min_by_key(Vec::len);
        self.found.extend(fewest.into_iter().flatten());
    }
}

/// A field that names the variable of a secret has nothing but `env`.
fn is_a_secret_name(known: &Map<String, Schema>) -> bool {
    known.keys().eq(["env"])
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
mod tests {
    use super::*;

    const HEAD: &str = "apiVersion: regcred.dev/v1alpha1\nkind: RegistryCredentials\nmetadata: {name: acme}\n";

    fn messages(text: &str) -> Vec<String> {
        of(text).into_iter().map(|problem| problem.message).collect()
    }

    #[test]
    fn all_faults_of_a_file_come_together_in_its_order_and_without_a_value() {
        let text = "kind: hunter2\nmetadata: {nam: hunter2}\nlogins: []\nspec:\n  strategy: hunter2\n  format: kustomisation\n  \
                    pullSecrets:\n  - link: policy\n    nmae: x\n    hunter2: 1\n    serviceAccounts: hunter2\n    logins:\n    \
                    - dockerConfig: hunter2\n    - registry: ghcr.io\n      username: hunter2\n      password: {value: hunter2}\n";
        let problems = of(text);
        assert_eq!(
            problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>(),
            [
                "line 1, column 1: the field `apiVersion` is missing",
                "line 1, column 7: `kind`: unknown value",
                "line 2, column 12: unknown field; did you mean `name`?",
                "line 3, column 1: `logins` belongs under `spec.pullSecrets[]`",
                "line 5, column 13: `spec.strategy`: unknown value",
                "line 6, column 11: `spec.format`: unknown value; did you mean `kustomization`?",
                "line 8, column 5: `link` belongs under `spec`",
                "line 9, column 5: unknown field; did you mean `name`?",
                "line 10, column 5: unknown field",
                "line 11, column 22: `spec.pullSecrets[0].serviceAccounts`: expected a list, found text",
                "line 13, column 21: a literal password or Docker config",
                "line 15, column 17: `spec.pullSecrets[0].logins[1].username`: expected a mapping, found text",
                "line 16, column 18: a literal password or Docker config",
            ]
        );
        assert!(problems.iter().all(|problem| problem.hint.is_some()));
        assert!(!format!("{problems:?}").contains("hunter2"));
    }

    #[test]
    fn a_field_in_another_place_is_told_where_it_belongs() {
        for (spec, message) in [
            ("spec: {name: x}", "line 4, column 8: `name` belongs under `metadata` or under `spec.pullSecrets[]`"),
            ("spec: {apiVersion: x}", "line 4, column 8: `apiVersion` belongs to the top level"),
            ("spec: {link: none, link: none}", "line 4, column 20: duplicate key"),
            ("spec: {shape: chart}", "line 4, column 8: `shape` is called `format` now"),
            ("spec: {include: []}", "line 4, column 8: `include` belongs under `spec.pullSecrets[].namespaces`"),
            ("spec: {pullSecrets: [{namespace: x}]}", "line 4, column 23: unknown field; did you mean `namespaces`?"),
            (
                "spec: {login: []}",
                "line 4, column 8: unknown field; did you mean `logins`, which belongs under `spec.pullSecrets[]`?",
            ),
        ] {
            assert_eq!(messages(&format!("{HEAD}{spec}\n")), [message]);
        }
    }

    #[test]
    fn a_hint_shows_how_a_secret_is_named() {
        for (login, hint) in [
            ("password: {value: p}", "write `password: {env: NAME}`"),
            ("password: p", "write `password: {env: NAME}`"),
            ("dockerConfig: p", "write `dockerConfig: {env: NAME}`"),
            ("dockerConfig: {value: p}", "write `dockerConfig: {env: NAME}`"),
        ] {
            let problems = of(&format!("{HEAD}spec:\n  pullSecrets:\n  - logins:\n    - {login}\n"));
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].hint.as_ref().unwrap().contains(hint), "{problems:?}");
        }
    }

    #[test]
    fn what_is_missing_is_told_with_what_to_write() {
        let login = of(&format!("{HEAD}spec: {{pullSecrets: [{{logins: [{{password: {{}}}}]}}]}}\n"));
        assert_eq!(login[0].hint.as_deref(), Some("write `{env: NAME}`, with the name of the variable"));
        let hints: Vec<_> = of("metadata: {}\n").into_iter().filter_map(|problem| problem.hint).collect();
        assert_eq!(hints[0], "write `apiVersion: regcred.dev/v1alpha1`");
        assert_eq!(hints[1], "write `kind: RegistryCredentials`");
        assert!(hints[2..].iter().any(|hint| hint.starts_with("`name` is the owner of the objects")), "{hints:?}");
    }

    #[test]
    fn a_bad_name_is_told_with_its_place_and_field() {
        let text = format!(
            "{HEAD}spec:\n  clusters: [{{name: Prod}}]\n  patcher: {{namespace: a.b, pullSecret: a..b}}\n  pullSecrets:\n  - name: A\n    \
             namespaces: {{include: [a, 'B*'], exclude: ['[a']}}\n    serviceAccounts: ['*', B]\n    logins: [{{preset: ghrc}}]\n"
        );
        assert_eq!(
            messages(&text),
            [
                "line 5, column 21: `name`: the name has a capital letter at position 1",
                "line 6, column 24: `namespace`: the namespace has a dot at position 2",
                "line 6, column 41: `pullSecret`: a part of the name is empty",
                "line 8, column 11: `name`: the name has a capital letter at position 1",
                "line 9, column 31: `include`: the glob has a capital letter at position 1",
                "line 9, column 48: `exclude`: the glob has a bracket or brace that does not fit",
                "line 10, column 28: `serviceAccounts`: the name has a capital letter at position 1",
                "line 11, column 23: `spec.pullSecrets[0].logins[0].preset`: unknown value; did you mean `ghcr`?",
            ]
        );
    }

    #[test]
    fn a_good_file_has_no_faults() {
        let spec = "spec:\n  createNamespaces: yes\n  profile:\n  pullSecrets:\n  - name: 12\n    namespaces: {include: [on, 1]}\n";
        assert!(messages(&format!("{HEAD}{spec}")).is_empty());
        assert!(messages("a: [\n").is_empty());
    }
}
