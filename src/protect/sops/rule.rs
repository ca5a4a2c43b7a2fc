//! A creation rule: the text of `.sops.yaml` in, for which paths each rule is and what it says of keys out; or where its fault is.
//!
//! An expression is compiled when sops would do so: faults in rules after the one that matches are not seen.

use std::sync::OnceLock;

use regex::Regex;
use serde_json::Value;

use super::go_regex;
use super::selection::Selection;
use regcred_core::diagnostic::{Code, Diagnostic};

/// A creation rule.
#[derive(Debug)]
pub struct Rule {
    number: usize,
    path: Option<String>,
    compiled_path: OnceLock<Result<Regex, Fault>>,
    selection: OnceLock<Result<Option<Selection>, Fault>>,
    /// All it says but for which files it is.
    pub content: Value,
}

impl Rule {
    /// Whether it is for the file with this path, which begins at the folder of the rules.
    ///
    /// # Errors
    /// sops could not make sense of its expression.
    pub fn is_for(&self, path: &str) -> Result<bool, Fault> {
        let Some(text) = &self.path else { return Ok(true) };
        let compiled = self.compiled_path.get_or_init(|| compile(text, self.number, "path_regex"));
        compiled.as_ref().map(|regex| regex.is_match(path)).map_err(Clone::clone)
    }

    /// What it says of keys, if it does.
    ///
    /// # Errors
    /// sops could not make sense of that.
    pub fn selection(&self) -> Result<Option<&Selection>, Fault> {
        let selection = self.selection.get_or_init(|| select(self.number, &self.content));
        selection.as_ref().map(Option::as_ref).map_err(Clone::clone)
    }
}

/// What is wrong with a file of rules: where, and never its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    Yaml(Option<(u64, u64)>),
    Format(String),
    Regex(usize, &'static str),
    Several(usize),
}

impl Fault {
    /// In words; `called` is the file.
    pub fn problem(&self, called: &str) -> Diagnostic {
        let what = match self {
            Self::Yaml(Some((line, column))) => format!("is no YAML: line {line}, column {column}"),
            Self::Yaml(None) => "is no YAML".to_owned(),
            Self::Format(place) => format!("has something else than sops expects at `{place}`"),
            Self::Regex(rule, field) => format!("has a `{field}` in rule {rule} that is no regular expression"),
            Self::Several(rule) => {
                format!("says in rule {rule} in more than one way which keys are encrypted, and sops takes one only")
            }
        };
        let hint = "compare it with the example in docs/sops.md; `sops encrypt --filename-override NAME` tries a rule";
        Diagnostic::error(Code::SopsRules, format!("{called} {what}")).hint(hint)
    }
}

/// The rules of a file in their order; `None` where there is no list of them.
///
/// # Errors
/// sops could not make sense of the file.
pub fn parse(text: &str) -> Result<Option<Vec<Rule>>, Fault> {
    let options = serde_saphyr::options! { with_snippet: false };
    // As sops does: what comes after the first document is not even read.
    let mut text = text.as_bytes();
    let file = serde_saphyr::read_with_options(&mut text, options).next().unwrap_or(Ok(Value::Null));
    let file = file.map_err(|error| Fault::Yaml(error.location().map(|place| (place.line(), place.column()))))?;
    match file.get("creation_rules") {
        None | Some(Value::Null) if file.is_object() || file.is_null() => Ok(None),
        Some(Value::Array(rules)) => rules
            .iter()
            .enumerate()
            .map(|(index, rule)| parse_rule(index + 1, rule))
            .collect::<Result<_, _>>()
            .map(Some),
        None => Err(Fault::Format("the top".to_owned())),
        Some(_) => Err(Fault::Format("creation_rules".to_owned())),
    }
}

/// Looks at what every rule must be: texts.
fn parse_rule(number: usize, rule: &Value) -> Result<Rule, Fault> {
    let Some(object) = rule.as_object() else { return Err(Fault::Format(format!("creation_rules, rule {number}"))) };
    for field in ["path_regex"].into_iter().chain(SELECTIONS) {
        if !matches!(rule.get(field), None | Some(Value::Null | Value::String(_))) {
            return Err(Fault::Format(format!("creation_rules, rule {number}, {field}")));
        }
    }
    let mut content = object.clone();
    content.shift_remove("path_regex");
    let mut content = Value::Object(content);
    content.sort_all_objects();
    let path = text(rule, "path_regex").map(str::to_owned);
    Ok(Rule { number, path, compiled_path: OnceLock::new(), selection: OnceLock::new(), content })
}

/// The fields that say which keys are encrypted.
const SELECTIONS: [&str; 6] = [
    "encrypted_regex",
    "unencrypted_regex",
    "encrypted_suffix",
    "unencrypted_suffix",
    "encrypted_comment_regex",
    "unencrypted_comment_regex",
];

fn text<'a>(rule: &'a Value, field: &str) -> Option<&'a str> {
    rule.get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn compile(text: &str, number: usize, field: &'static str) -> Result<Regex, Fault> {
    go_regex::compile(text).map_err(|_| Fault::Regex(number, field))
}

fn select(number: usize, rule: &Value) -> Result<Option<Selection>, Fault> {
    let mut said = SELECTIONS.into_iter().filter_map(|field| Some((field, text(rule, field)?)));
    let Some((field, text)) = said.next() else { return Ok(None) };
    if said.next().is_some() {
        return Err(Fault::Several(number));
    }
    Ok(Some(match field {
        "encrypted_regex" => Selection::Encrypted(compile(text, number, field)?),
        "unencrypted_regex" => Selection::Unencrypted(compile(text, number, field)?),
        "encrypted_suffix" => Selection::EncryptedSuffix(text.to_owned()),
        "unencrypted_suffix" => Selection::UnencryptedSuffix(text.to_owned()),
        "encrypted_comment_regex" => Selection::Nothing,
        _ => Selection::Everything,
    }))
}
