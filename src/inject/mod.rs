//! References to pull secrets for Pods: manifests in, the changes of their text that add what is missing out.
//!
//! The text is changed where a reference goes and nowhere else: comments, quoting and the order of keys stay. Every document
//! that was changed is read again, and must mean what was intended.

pub mod document;
pub mod edit;
pub mod rules;
pub mod value;
pub mod workload;

use std::ops::Range;

use document::{Broken, Document, Documents, Id, Kind};
use edit::{Edit, FIELD};
use regcred_core::diagnostic::{Code, Diagnostic};
use regcred_core::docker_config::kubelet::Image;
use rules::{Rules, Which};
use value::Value;
use workload::{Workload, images, workloads};

/// What comes of manifests.
#[derive(Debug, Default)]
pub struct Injected {
    /// The changes, in the order of the text.
    pub edits: Vec<Edit>,
    /// How many Pod specs there are.
    pub found: usize,
    /// How many of them got a reference.
    pub changed: usize,
    /// What is odd about the manifests.
    pub warnings: Vec<Diagnostic>,
}

/// A Pod spec and the references it lacks.
struct Lack<'a> {
    workload: Workload,
    names: Vec<&'a str>,
}

/// The changes that give Pods their references.
///
/// # Errors
/// A document that is no YAML, by number and line, and one that no change fits; never with anything of its content.
pub fn inject(text: &str, rules: &Rules) -> Result<Injected, Diagnostic> {
    let mut injected = Injected::default();
    let mut number = 0;
    for part in parts(text) {
        let (start, first) = (part.start, number);
        for document in Documents::of(&text[part.clone()]) {
            let document = document.map_err(|broken| explain(broken, first, &text[..start]))?;
            number += 1;
            let edits = in_document(&text[part.clone()], &document, number, rules, &mut injected)?;
            injected.edits.extend(
                edits.into_iter().map(|edit| Edit { range: edit.range.start + start..edit.range.end + start, ..edit }),
            );
        }
    }
    Ok(injected)
}

/// The text with the changes made.
#[must_use]
pub fn changed(text: &str, edits: &[Edit]) -> String {
    let mut changed = String::with_capacity(text.len() + edits.iter().map(|edit| edit.text.len()).sum::<usize>());
    let mut from = 0;
    for Edit { range, text: new } in edits {
        changed.push_str(&text[from..range.start]);
        changed.push_str(new);
        from = range.end;
    }
    changed.push_str(&text[from..]);
    changed
}

/// One stream of YAML is one part; of JSON objects one after the other, which YAML does not know, each is.
fn parts(text: &str) -> Vec<Range<usize>> {
    let whole = std::iter::once(0..text.len()).collect();
    if !text.trim_start_matches('\u{feff}').trim_start().starts_with('{') {
        return whole;
    }
    let offset = text.len() - text.trim_start_matches('\u{feff}').len();
    let mut objects = serde_json::Deserializer::from_str(&text[offset..]).into_iter::<serde::de::IgnoredAny>();
    let mut ends = Vec::new();
    while let Some(object) = objects.next() {
        if object.is_err() {
            return whole;
        }
        ends.push(offset + objects.byte_offset());
    }
    if ends.len() < 2 {
        return whole;
    }
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(&ends).map(|(start, end)| start..*end).collect()
}

fn explain(Broken { document, line }: Broken, documents: usize, before: &str) -> Diagnostic {
    let line = before.matches('\n').count() + line;
    let document = documents + document;
    Diagnostic::error(
        Code::InvalidYaml,
        format!("document {document} on standard input is not valid YAML: line {line} is where it breaks"),
    )
    .hint(format!("look at what comes in: put `sed -n {line}p` in the place of regcred; nothing was written"))
}

fn in_document(
    text: &str,
    document: &Document<'_>,
    number: usize,
    rules: &Rules,
    injected: &mut Injected,
) -> Result<Vec<Edit>, Diagnostic> {
    let all = workloads(document, &rules.paths);
    injected.found += all.len();
    let mut lacks = Vec::new();
    for workload in all {
        let names = missing(document, &workload, number, rules, &mut injected.warnings);
        if !names.is_empty() {
            lacks.push(Lack { workload, names });
        }
    }
    if lacks.is_empty() {
        return Ok(Vec::new());
    }
    injected.changed += lacks.len();
    let cannot = |_| {
        Diagnostic::error(
            Code::TooManyAliases,
            format!("the aliases of document {number} on standard input have no end"),
        )
        .hint("write out what they stand for; nothing was written")
    };
    let root = document.root().unwrap_or(lacks[0].workload.pod_spec);
    let intended = intended(document, root, &lacks).map_err(cannot)?;
    if let Some(edits) = small(text, document, &lacks)
        && means(text, document, &edits, &intended)
    {
        return Ok(edits);
    }
    let edits = vec![anew(text, document, root, &intended)];
    if means(text, document, &edits, &intended) {
        injected.warnings.push(
            Diagnostic::warning(
                Code::WrittenAnew,
                format!(
                    "document {number} on standard input is written anew as JSON, without its comments and anchors: \
                     no smaller change leaves all else in it as it is"
                ),
            )
            .hint("give each Pod spec its own text instead of an anchor that others share"),
        );
        return Ok(edits);
    }
    Err(Diagnostic::error(
        Code::NotEditable,
        format!(
            "{} in document {number} is written in a way that no reference can be added to",
            lacks[0].workload.label
        ),
    )
    .hint(format!("give its Pod spec a list `{FIELD}: []` of its own; nothing was written")))
}

/// The names of the references that the Pod spec lacks.
fn missing<'a>(
    document: &Document<'_>,
    workload: &Workload,
    number: usize,
    rules: &'a Rules,
    warnings: &mut Vec<Diagnostic>,
) -> Vec<&'a str> {
    let label = &workload.label;
    let mut named = Vec::new();
    if rules.which == Which::Matching {
        let mut is_said = false;
        for text in images(document, workload.pod_spec) {
            match text.parse::<Image>() {
                Ok(image) => named.push(image),
                Err(_) if is_said => {}
                Err(invalid) => {
                    is_said = true;
                    warnings.push(
                        Diagnostic::warning(
                            Code::InvalidImage,
                            format!("an image of {label}, document {number}, {invalid}"),
                        )
                        .hint("a kubelet will not take it either; the other images of the Pod were looked at"),
                    );
                }
            }
        }
    }
    let mut wanted = rules.wanted(&named, workload.namespace.as_ref());
    let Some(list) = document.field(workload.pod_spec, FIELD).map(|field| field.value) else { return wanted };
    let is_list = matches!(document.node(document.target(list)).kind, Kind::Sequence(..));
    if !is_list && !document.is_null(list) && !wanted.is_empty() {
        warnings.push(
            Diagnostic::warning(
                Code::NotAList,
                format!("`{FIELD}` of {label}, document {number}, is no list, and stays as it is"),
            )
            .hint("write a list of mappings with `name`"),
        );
        return Vec::new();
    }
    let name = |item: &Id| document.field(*item, "name").and_then(|field| document.text(field.value));
    wanted.retain(|wanted| !document.items(list).iter().any(|item| name(item) == Some(wanted)));
    wanted
}

/// What the document is to mean.
fn intended<'a>(document: &'a Document<'_>, root: Id, lacks: &'a [Lack<'_>]) -> Result<Value<'a>, value::TooMuch> {
    let mut intended = Value::of(document, root)?;
    for Lack { workload, names } in lacks {
        let own = document.field(workload.pod_spec, FIELD).is_some_and(|field| field.own);
        let Some(Value::Mapping(entries)) = intended.below(&workload.steps) else { continue };
        let new = names.iter().map(|name| Value::reference(name));
        let at = entries.iter().rposition(|(key, _)| key.is(FIELD));
        let present = match at.map(|at| &entries[at].1) {
            Some(Value::Sequence(items)) => items.clone(),
            _ => Vec::new(),
        };
        let list = Value::Sequence(present.into_iter().chain(new).collect());
        match at {
            Some(at) if own => entries[at].1 = list,
            at => {
                at.map(|at| entries.remove(at));
                entries.insert(0, (Value::Text(FIELD, None), list));
            }
        }
    }
    Ok(intended)
}

/// A small change for each Pod spec, one where several are the same by an alias.
fn small(text: &str, document: &Document<'_>, lacks: &[Lack<'_>]) -> Option<Vec<Edit>> {
    let edit = |lack: &Lack<'_>| edit::add(text, document, lack.workload.pod_spec, &lack.names);
    let mut edits = lacks.iter().map(edit).collect::<Option<Vec<_>>>()?;
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    edits.dedup();
    edits.windows(2).all(|pair| pair[0].range.end < pair[1].range.start).then_some(edits)
}

/// The whole document as JSON that keeps the words of YAML.
fn anew(text: &str, document: &Document<'_>, root: Id, intended: &Value<'_>) -> Edit {
    let start = document.node(root).start;
    let line = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let is_alone = text[line..start].trim().is_empty();
    let mut new = String::new();
    intended.write(0, &mut new);
    new.push('\n');
    if !is_alone {
        new.insert(0, '\n');
    }
    Edit { range: if is_alone { line } else { start }..document.end, text: new }
}

/// Whether the document means this after the changes.
fn means(text: &str, document: &Document<'_>, edits: &[Edit], intended: &Value<'_>) -> bool {
    let shifted: Vec<_> = edits
        .iter()
        .map(|Edit { range, text }| Edit {
            range: range.start - document.start..range.end - document.start,
            text: text.clone(),
        })
        .collect();
    // A change at the end of the last line lies behind the document.
    let end = edits.iter().map(|edit| edit.range.end).fold(document.end, usize::max);
    let new = changed(&text[document.start..end], &shifted);
    let mut documents = Documents::of(&new);
    let (Some(Ok(again)), None) = (documents.next(), documents.next()) else { return false };
    let Some(root) = again.root() else { return false };
    Value::of(&again, root).is_ok_and(|value| value == *intended)
}
