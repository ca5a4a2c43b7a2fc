//! The rules of `.sops.yaml`: the folder of the output in, the creation rule that sops takes for a file out.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::Value;

use super::selection::Selection;
use crate::environment::Environment;
use crate::problem::{Problem, reason};

/// The name that sops looks for.
pub const FILE: &str = ".sops.yaml";

/// The rules, and where they stand.
#[derive(Debug, Default)]
pub struct Rules {
    /// The file, absolute; none where there is none.
    pub file: Option<PathBuf>,
    /// In their order: the first that matches is taken. `None` where the file has no list of them, which is as if there were no file.
    rules: Option<Vec<Rule>>,
}

/// A creation rule.
#[derive(Debug)]
pub struct Rule {
    path: Option<Regex>,
    /// What it says of keys, if it does.
    pub selection: Option<Selection>,
    /// All it says but for which files it is.
    pub content: Value,
}

/// What there is for a file.
#[derive(Debug)]
pub enum Found<'a> {
    /// This rule.
    Rule(&'a Rule),
    /// There are no rules at all.
    NoRules,
    /// There are rules, and none is for it.
    NoMatch,
}

impl Rules {
    /// The rules of the file that `SOPS_CONFIG` names, or else of the nearest `.sops.yaml` at or above the folder, which is absolute.
    ///
    /// # Errors
    /// It cannot be read, or sops could not make sense of it.
    pub fn find(folder: &Path, environment: &Environment) -> Result<Self, Problem> {
        let named = environment.setting("SOPS_CONFIG").map(|path| environment.directory().join(path));
        let above = || folder.ancestors().map(|ancestor| ancestor.join(FILE)).find(|path| path.exists());
        let Some(file) = named.clone().or_else(above) else { return Ok(Self::default()) };
        let called = if named.is_some() { "the file of `SOPS_CONFIG`" } else { "`.sops.yaml`" };
        let text = fs::read_to_string(&file).map_err(|error| {
            Problem::error("sops-rules", format!("{called} cannot be read: {}", reason(&error)))
                .hint("it says for whom sops encrypts; check its place and mode")
        })?;
        Ok(Self { file: Some(resolved(&file)), rules: parse(&text).map_err(|fault| fault.problem(called))? })
    }

    /// What there is for the file at this absolute path.
    #[must_use]
    pub fn matching(&self, path: &Path) -> Found<'_> {
        let (Some(file), Some(rules)) = (&self.file, &self.rules) else { return Found::NoRules };
        // As sops does: below the folder of its rules a file's path begins there, elsewhere at the root.
        let relative = file.parent().and_then(|folder| path.strip_prefix(folder).ok()).unwrap_or(path);
        let relative = relative.to_string_lossy();
        rules
            .iter()
            .find(|rule| rule.path.as_ref().is_none_or(|regex| regex.is_match(&relative)))
            .map_or(Found::NoMatch, Found::Rule)
    }
}

/// The path without links in its folders: sops compares texts.
fn resolved(file: &Path) -> PathBuf {
    match (file.parent().and_then(|folder| folder.canonicalize().ok()), file.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => file.to_path_buf(),
    }
}

/// What is wrong with a file of rules: where, and never its text.
#[derive(Debug, PartialEq, Eq)]
enum Fault {
    Yaml(Option<(u64, u64)>),
    Shape(String),
    Regex(usize, &'static str),
    Several(usize),
}

impl Fault {
    fn problem(&self, called: &str) -> Problem {
        let what = match self {
            Self::Yaml(Some((line, column))) => format!("is no YAML: line {line}, column {column}"),
            Self::Yaml(None) => "is no YAML".to_owned(),
            Self::Shape(place) => format!("has something else than sops expects at `{place}`"),
            Self::Regex(rule, field) => format!("has a `{field}` in rule {rule} that is no regular expression"),
            Self::Several(rule) => {
                format!("says in rule {rule} in more than one way which keys are encrypted, and sops takes one only")
            }
        };
        let hint = "compare it with the example in docs/sops.md; `sops encrypt --filename-override NAME` tries a rule";
        Problem::error("sops-rules", format!("{called} {what}")).hint(hint)
    }
}

fn parse(text: &str) -> Result<Option<Vec<Rule>>, Fault> {
    let options = serde_saphyr::options! { with_snippet: false };
    let file: Value = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| Fault::Yaml(error.location().map(|place| (place.line(), place.column()))))?;
    match file.get("creation_rules") {
        None | Some(Value::Null) if file.is_object() || file.is_null() => Ok(None),
        Some(Value::Array(rules)) => rules
            .iter()
            .enumerate()
            .map(|(index, rule)| parse_rule(index + 1, rule))
            .collect::<Result<_, _>>()
            .map(Some),
        None => Err(Fault::Shape("the top".to_owned())),
        Some(_) => Err(Fault::Shape("creation_rules".to_owned())),
    }
}

fn parse_rule(number: usize, rule: &Value) -> Result<Rule, Fault> {
    let Some(rule) = rule.as_object() else { return Err(Fault::Shape(format!("creation_rules, rule {number}"))) };
    let text = |field: &'static str| match rule.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(_) => Err(Fault::Shape(format!("creation_rules, rule {number}, {field}"))),
    };
    let regex = |field: &'static str| {
        text(field)?.map(|text| Regex::new(text).map_err(|_| Fault::Regex(number, field))).transpose()
    };
    let mut selections = [
        regex("encrypted_regex")?.map(Selection::Encrypted),
        regex("unencrypted_regex")?.map(Selection::Unencrypted),
        text("encrypted_suffix")?.map(|suffix| Selection::EncryptedSuffix(suffix.to_owned())),
        text("unencrypted_suffix")?.map(|suffix| Selection::UnencryptedSuffix(suffix.to_owned())),
        text("encrypted_comment_regex")?.map(|_| Selection::Nothing),
        text("unencrypted_comment_regex")?.map(|_| Selection::Everything),
    ]
    .into_iter()
    .flatten();
    let selection = selections.next();
    if selections.next().is_some() {
        return Err(Fault::Several(number));
    }
    let mut content = rule.clone();
    content.shift_remove("path_regex");
    let mut content = Value::Object(content);
    content.sort_all_objects();
    Ok(Rule { path: regex("path_regex")?, selection, content })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Rules {
        Rules { file: Some(PathBuf::from("/repo/.sops.yaml")), rules: parse(text).unwrap() }
    }

    fn age(found: &Found<'_>) -> String {
        match found {
            Found::Rule(rule) => rule.content["age"].as_str().unwrap().to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_first_rule_that_matches_the_path_below_the_file_is_taken() {
        let rules = rules(
            "creation_rules:\n- {path_regex: '^out/prod/', age: one}\n- {path_regex: '\\.sops\\.ya?ml$', age: two}\n- {path_regex: ^/elsewhere/, age: three}\n",
        );
        for (path, expected) in [
            ("/repo/out/prod/a.sops.yaml", "one"),
            ("/repo/out/a.sops.yml", "two"),
            ("/repo/out/a.yaml", "NoMatch"),
            ("/elsewhere/a", "three"),
            ("/elsewhere/out/prod/x", "three"),
        ] {
            assert_eq!(age(&rules.matching(Path::new(path))), expected, "{path}");
        }
    }

    #[test]
    fn a_rule_without_a_path_is_for_all_files() {
        for text in ["creation_rules: [{age: one}]", "creation_rules: [{path_regex: '', age: one}]"] {
            assert_eq!(age(&rules(text).matching(Path::new("/x"))), "one");
        }
    }

    #[test]
    fn a_file_without_the_list_is_as_none_and_an_empty_list_matches_nothing() {
        for text in ["", "stores: {}", "creation_rules:", "destination_rules: []"] {
            assert!(matches!(rules(text).matching(Path::new("/x")), Found::NoRules), "{text}");
        }
        assert!(matches!(rules("creation_rules: []").matching(Path::new("/x")), Found::NoMatch));
    }

    #[test]
    fn what_a_rule_says_does_not_depend_on_the_order_of_its_keys() {
        let content = |text| match rules(text).matching(Path::new("/x")) {
            Found::Rule(rule) => serde_json::to_string(&rule.content).unwrap(),
            other => format!("{other:?}"),
        };
        assert_eq!(
            content("creation_rules: [{age: a, kms: b, path_regex: x}]"),
            content("creation_rules:\n# note\n- path_regex: /\n  kms: b\n  age: a\n")
        );
    }

    #[test]
    fn a_fault_is_told_with_its_place_and_without_its_text() {
        for (text, expected) in [
            ("creation_rules: [", Fault::Yaml(None)),
            ("canary", Fault::Shape("the top".to_owned())),
            ("creation_rules: canary", Fault::Shape("creation_rules".to_owned())),
            ("creation_rules: [canary]", Fault::Shape("creation_rules, rule 1".to_owned())),
            ("creation_rules: [{path_regex: 1}]", Fault::Shape("creation_rules, rule 1, path_regex".to_owned())),
            ("creation_rules: [{}, {path_regex: 'canary('}]", Fault::Regex(2, "path_regex")),
            ("creation_rules: [{encrypted_regex: 'canary('}]", Fault::Regex(1, "encrypted_regex")),
            ("creation_rules: [{encrypted_regex: a, unencrypted_suffix: b}]", Fault::Several(1)),
        ] {
            let fault = parse(text).unwrap_err();
            assert!(!fault.problem("x").message.contains("canary"), "{fault:?}");
            assert!(fault == expected || matches!((&fault, &expected), (Fault::Yaml(_), Fault::Yaml(_))), "{fault:?}");
        }
    }
}
