//! Reads a `ResourceList`, and writes its text with other items and results.
//!
//! Items that stay are copied byte for byte: a YAML reader and writer would lose comments, and turn `1.10` into another number and `yes` into a
//! boolean.

use std::fmt::Write;
use std::io;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::manifest::to_yaml;

/// The versions of the contract; the parts that we use are the same in all.
const VERSIONS: [&str; 3] =
    ["config.kubernetes.io/v1", "config.kubernetes.io/v1beta1", "config.kubernetes.io/v1alpha1"];

/// A list as it was read.
pub struct ResourceList<'a> {
    pub items: Vec<Item<'a>>,
    /// The functionConfig, `null` without one.
    pub function_config: Value,
    /// The text of the functionConfig: a parsed value would lose names such as `on` and `1e3`.
    pub function_config_text: &'a str,
    sections: Vec<Section<'a>>,
    results: Vec<Value>,
}

/// An item as it was read.
pub struct Item<'a> {
    pub value: Value,
    text: &'a str,
}

pub enum Entry {
    /// The item with this number, unchanged.
    Kept(usize),
    Made(Value),
}

/// A field of the list with its text, and the comments before it.
struct Section<'a> {
    key: &'a str,
    text: &'a str,
}

/// Converts JSON into the notation that [`ResourceList::parse`] reads; any other text stays unchanged.
pub fn as_block(text: String) -> Zeroizing<String> {
    let json = text.trim_start().starts_with('{').then(|| serde_json::from_str::<Value>(&text).ok()).flatten();
    json.and_then(|value| to_yaml(&value).ok()).unwrap_or_else(|| Zeroizing::new(text))
}

impl<'a> ResourceList<'a> {
    /// Reads the text of a list in block style, as kustomize and kpt write it.
    /// Errors: it is not a `ResourceList`, or its items cannot be separated. The error never contains a part of the text.
    pub fn parse(text: &'a str) -> Result<Self, Diagnostic> {
        let options = serde_saphyr::options! { budget: None, with_snippet: false, strict_booleans: true };
        let mut list: Value = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let place = error.location().map_or(String::new(), |place| {
                format!(": line {}, column {} is where it breaks", place.line(), place.column())
            });
            unreadable(&format!("standard input is not one YAML document{place}"))
        })?;
        let known = list["apiVersion"].as_str().is_some_and(|version| VERSIONS.contains(&version));
        if !known || list["kind"] != "ResourceList" {
            return Err(unreadable(
                "standard input is no ResourceList of `config.kubernetes.io/v1`, v1beta1 or v1alpha1",
            ));
        }
        let values = match list["items"].take() {
            Value::Array(values) => values,
            Value::Null => Vec::new(),
            _ => return Err(unreadable("`items` of the ResourceList is no list")),
        };
        let sections = sections(text);
        let texts = sections.iter().find(|section| section.key == "items" && !values.is_empty());
        let texts = texts.map_or(Some(Vec::new()), Section::chunks);
        let texts = texts.filter(|texts| texts.len() == values.len()).ok_or_else(|| {
            unreadable("`items` of the ResourceList is neither JSON nor in block style, so the items cannot be copied unchanged")
        })?;
        let items = values.into_iter().zip(texts).map(|(value, text)| Item { value, text }).collect();
        let results = list["results"].as_array().cloned().unwrap_or_default();
        let function_config = list["functionConfig"].take();
        let text = sections.iter().find(|section| section.key == "functionConfig").map_or("", |section| section.text);
        Ok(Self { items, function_config, function_config_text: text, sections, results })
    }

    pub fn unchanged(&self) -> Vec<Entry> {
        (0..self.items.len()).map(Entry::Kept).collect()
    }

    /// The text of the list with these items, and with these results after its own.
    pub fn write(&self, entries: &[Entry], results: &[Value]) -> io::Result<Zeroizing<String>> {
        let mut text = Zeroizing::new(String::new());
        for section in &self.sections {
            match section.key {
                "items" => self.write_items(entries, Some(section), &mut text)?,
                "results" => {}
                _ => end_line(&mut text, section.text),
            }
        }
        if !self.sections.iter().any(|section| section.key == "items") {
            self.write_items(entries, None, &mut text)?;
        }
        let results: Vec<_> = self.results.iter().chain(results).collect();
        if !results.is_empty() {
            text.push_str(&to_yaml(&json!({"results": results}))?);
        }
        Ok(text)
    }

    fn write_items(&self, entries: &[Entry], section: Option<&Section<'_>>, into: &mut String) -> io::Result<()> {
        let indentation = section.map_or(0, Section::indentation);
        for line in section.map_or("items: []\n", Section::head).split_inclusive('\n') {
            match (Section::opens(line), entries) {
                (Some(_), []) => into.push_str("items: []\n"),
                (Some(false), _) => into.push_str("items:\n"),
                _ => end_line(into, line),
            }
        }
        for entry in entries {
            match entry {
                Entry::Kept(number) => end_line(into, self.items.get(*number).map_or("", |item| item.text)),
                Entry::Made(value) => {
                    for (number, line) in to_yaml(value)?.lines().enumerate() {
                        let dash = if number == 0 { "- " } else { "  " };
                        writeln!(into, "{:indentation$}{dash}{line}", "").map_err(io::Error::other)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// A list of results only, for an input that cannot be returned.
pub fn only_results(results: &[Value]) -> io::Result<Zeroizing<String>> {
    to_yaml(&json!({"apiVersion": VERSIONS[0], "kind": "ResourceList", "items": [], "results": results}))
}

fn unreadable(message: &str) -> Diagnostic {
    Diagnostic::error(Code::InvalidResourceList, message)
        .hint("kustomize and kpt pass a ResourceList; in your own pipe use `regcred render`, which reads none")
}

fn end_line(into: &mut String, text: &str) {
    into.push_str(text);
    if !text.is_empty() && !text.ends_with('\n') {
        into.push('\n');
    }
}

/// Cuts the text at each field of the outermost mapping; comments right before a field belong to it.
fn sections(text: &str) -> Vec<Section<'_>> {
    let mut starts = vec![(0, "")];
    let (mut at, mut comments) = (0, None);
    for line in text.split_inclusive('\n') {
        match line.chars().next() {
            Some('#') => {
                comments.get_or_insert(at);
            }
            Some(' ' | '\t' | '-' | '%' | '\r' | '\n') | None => comments = None,
            Some(_) => {
                let key = line.split(':').next().unwrap_or_default().trim_matches(['"', '\'', ' ']);
                starts.push((comments.take().unwrap_or(at), key));
            }
        }
        at += line.len();
    }
    let ends: Vec<_> = starts.iter().skip(1).map(|(start, _)| *start).chain([text.len()]).collect();
    starts
        .into_iter()
        .zip(ends)
        .filter_map(|((start, key), end)| Some(Section { key, text: text.get(start..end)? }))
        .collect()
}

impl<'a> Section<'a> {
    /// The indentation of the dashes of a list.
    fn indentation(&self) -> usize {
        let mut lines = self.text.lines().map(|line| (line.trim_start_matches(' '), line.len()));
        lines.find(|(rest, _)| is_dash(rest)).map_or(0, |(rest, length)| length - rest.len())
    }

    /// The text before the first item.
    fn head(&self) -> &'a str {
        let length = self.chunks().unwrap_or_default().iter().map(|chunk| chunk.len()).sum::<usize>();
        self.text.get(..self.text.len() - length).unwrap_or_default()
    }

    /// Whether the line of the field has no value except a comment: then its items are on the lines below.
    fn opens(line: &str) -> Option<bool> {
        let value = line.strip_prefix("items:")?.trim();
        Some(value.is_empty() || value.starts_with('#'))
    }

    /// The text of each item of a list; `None` if it is not in block style.
    fn chunks(&self) -> Option<Vec<&'a str>> {
        let indentation = self.indentation();
        let mut starts = Vec::new();
        let (mut at, mut comments) = (0, None);
        for line in self.text.split_inclusive('\n') {
            let rest = line.trim_start_matches(' ');
            let indented = line.len() - rest.len();
            if Section::opens(line) == Some(false) {
                return None;
            }
            // Text that is indented more than the dashes may belong to a block scalar.
            if rest.starts_with('#') && indented <= indentation {
                comments.get_or_insert(at);
            } else {
                let start = comments.take().unwrap_or(at);
                if indented == indentation && is_dash(rest) {
                    starts.push(start);
                }
            }
            at += line.len();
        }
        let ends: Vec<_> = starts.iter().skip(1).copied().chain([self.text.len()]).collect();
        starts.into_iter().zip(ends).map(|(start, end)| self.text.get(start..end)).collect()
    }
}

fn is_dash(rest: &str) -> bool {
    rest.strip_prefix('-').is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\r', '\n']))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n";

    #[test]
    fn a_list_with_the_same_items_is_the_same_text() {
        for body in [
            "# of the items\nitems: # above\n# the first\n- a: 1.10 # a version\n  b: yes\n# between\n- c: |\n    - no item\n\n    # no comment\n  d: !!binary aGk=\n\
             # of the config\nfunctionConfig:\n  kind: X\nmore: {unknown: 012}\n",
            "items:\n  - a:\n    - 1e3\n  # between\n  - b: 123456789012345678901234567890\n",
            "items: []\n",
            "functionConfig: {}\nitems:\n-\n  a: 1\n- {b: 2}\n",
        ] {
            let text = format!("# head\n---\n{HEAD}{body}");
            let list = ResourceList::parse(&text).unwrap();
            assert_eq!(*list.write(&list.unchanged(), &[]).unwrap(), text);
        }
    }

    #[test]
    fn a_list_that_cannot_be_kept_is_refused_without_a_part_of_it() {
        for text in [
            "",
            "hunter2",
            "kind: ResourceList\n",
            "apiVersion: v1\nkind: List\nitems: []\n",
            "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: [{a: hunter2}]\n",
            "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: hunter2\n",
            "a: b\n---\nhunter2: d\n",
            "{\"a\": hunter2",
        ] {
            let problem = ResourceList::parse(text).err().unwrap();
            assert!(!format!("{problem:?}").contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn json_is_a_list_too() {
        let text = as_block(
            r#" {"kind":"ResourceList","items":[{"a":"on"}],"apiVersion":"config.kubernetes.io/v1beta1"}"#.into(),
        );
        let list = ResourceList::parse(&text).unwrap();
        assert_eq!(list.items[0].value, json!({"a": "on"}));
    }

    #[test]
    fn new_results_come_after_the_existing_ones() {
        let text = format!("{HEAD}results:\n- message: theirs\nitems:\n- a: 1\n");
        let list = ResourceList::parse(&text).unwrap();
        let written = list.write(&[Entry::Made(json!({"b": 1}))], &[json!({"message": "ours"})]).unwrap();
        assert_eq!(*written, format!("{HEAD}items:\n- b: 1\nresults:\n- message: theirs\n- message: ours\n"));
    }
}
