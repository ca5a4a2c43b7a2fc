//! The documents of a YAML stream: its text in, a tree a document out whose nodes know the bytes they stand in.
//!
//! One document is in memory at a time. JSON is read as the YAML it is.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, StructureStyle};

/// How many aliases lead on to another before they are taken for a circle.
const DEPTH: usize = 64;

/// The stream is no YAML from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which document, from 1.
    pub document: usize,
    /// Which line of the text, from 1.
    pub line: usize,
}

/// A node of the document it was got from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id(usize);

/// One document.
#[derive(Debug)]
pub struct Document<'text> {
    /// Where it begins: right after the one before.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    nodes: Vec<Node<'text>>,
}

/// One node.
#[derive(Debug)]
pub struct Node<'text> {
    /// Its first byte, without anchor and tag.
    pub start: usize,
    /// The byte after its last one; of a block collection somewhere after it.
    pub end: usize,
    /// The tag that is written at it.
    pub tag: Option<String>,
    /// Whether it has an anchor.
    pub anchored: bool,
    /// What it is.
    pub kind: Kind<'text>,
}

/// What a node is.
#[derive(Debug)]
pub enum Kind<'text> {
    /// A text, and how it is written.
    Scalar(Cow<'text, str>, Writing),
    /// A list, and how it is written.
    Sequence(Vec<Id>, StructureStyle),
    /// A mapping, and how it is written.
    Mapping(Vec<(Id, Id)>, StructureStyle),
    /// Another node over again.
    Alias(Id),
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// As it is: it may be a number, a boolean or null.
    Plain,
    /// In quotation marks.
    Quoted,
    /// As a block of lines.
    Block,
}

/// A field of a mapping.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its key.
    pub key: Id,
    /// Its value, as written: perhaps an alias.
    pub value: Id,
    /// Whether it stands in the mapping itself, and is not merged into it by `<<`.
    pub own: bool,
}

/// Reads the documents of a text, one after the other.
pub struct Documents<'text> {
    parser: Parser<'text, StrInput<'text>>,
    number: usize,
    end: usize,
}

impl<'text> Documents<'text> {
    /// Of this text.
    #[must_use]
    pub fn of(text: &'text str) -> Self {
        Self { parser: Parser::new_from_str(text), number: 0, end: 0 }
    }

    fn broken(&self, error: &ScanError) -> Broken {
        Broken { document: self.number.max(1), line: error.marker().line() }
    }
}

impl<'text> Iterator for Documents<'text> {
    type Item = Result<Document<'text>, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut building = Building { nodes: Vec::new(), open: Vec::new(), anchors: HashMap::new() };
        loop {
            let (event, span) = match self.parser.next()? {
                Ok(next) => next,
                Err(error) => return Some(Err(self.broken(&error))),
            };
            match event {
                Event::DocumentStart(..) => self.number += 1,
                Event::DocumentEnd => {
                    let start = std::mem::replace(&mut self.end, offset(span.end.byte_offset()));
                    return Some(Ok(Document { start, end: self.end, nodes: building.nodes }));
                }
                event => building.take(event, &span),
            }
        }
    }
}

/// A document on the way.
struct Building<'text> {
    nodes: Vec<Node<'text>>,
    /// The collections that have begun, each with the key whose value comes next.
    open: Vec<(Id, Option<Id>)>,
    anchors: HashMap<usize, Id>,
}

impl<'text> Building<'text> {
    fn take(&mut self, event: Event<'text>, span: &Span) {
        let (kind, anchor, tag) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let writing = match style {
                    ScalarStyle::Plain => Writing::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Writing::Quoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Writing::Block,
                };
                (Kind::Scalar(text, writing), anchor, tag)
            }
            Event::SequenceStart(style, anchor, tag) => (Kind::Sequence(Vec::new(), style), anchor, tag),
            Event::MappingStart(style, anchor, tag) => (Kind::Mapping(Vec::new(), style), anchor, tag),
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(target) => (Kind::Alias(*target), 0, None),
                None => return,
            },
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some((Id(at), _)) = self.open.pop() {
                    self.nodes[at].end = offset(span.end.byte_offset());
                }
                return;
            }
            _ => return,
        };
        let id = Id(self.nodes.len());
        let is_collection = matches!(kind, Kind::Sequence(..) | Kind::Mapping(..));
        self.nodes.push(Node {
            start: offset(span.start.byte_offset()),
            end: offset(span.end.byte_offset()),
            tag: tag.map(|tag| tag.to_string()),
            anchored: anchor != 0,
            kind,
        });
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        self.put(id);
        if is_collection {
            self.open.push((id, None));
        }
    }

    /// Into the collection that is open.
    fn put(&mut self, id: Id) {
        let Some((Id(parent), key)) = self.open.last_mut() else { return };
        match &mut self.nodes[*parent].kind {
            Kind::Sequence(items, _) => items.push(id),
            Kind::Mapping(entries, _) => match key.take() {
                None => *key = Some(id),
                Some(key) => entries.push((key, id)),
            },
            Kind::Scalar(..) | Kind::Alias(_) => {}
        }
    }
}

/// A parser of a text in memory always knows the offset.
fn offset(known: Option<usize>) -> usize {
    known.unwrap_or_default()
}

impl<'text> Document<'text> {
    /// The outermost node, unless there is nothing at all.
    #[must_use]
    pub fn root(&self) -> Option<Id> {
        (!self.nodes.is_empty()).then_some(Id(0))
    }

    /// How many nodes there are.
    #[must_use]
    pub fn size(&self) -> usize {
        self.nodes.len()
    }

    /// The node itself.
    #[must_use]
    pub fn node(&self, Id(at): Id) -> &Node<'text> {
        &self.nodes[at]
    }

    /// The node that is meant: what an alias stands for.
    #[must_use]
    pub fn target(&self, mut id: Id) -> Id {
        for _ in 0..DEPTH {
            match self.node(id).kind {
                Kind::Alias(target) => id = target,
                _ => break,
            }
        }
        id
    }

    /// The text of a scalar that is not null.
    #[must_use]
    pub fn text(&self, id: Id) -> Option<&str> {
        match &self.node(self.target(id)).kind {
            Kind::Scalar(text, writing) if !is_null(text, *writing) => Some(text),
            _ => None,
        }
    }

    /// Whether it is null.
    #[must_use]
    pub fn is_null(&self, id: Id) -> bool {
        matches!(&self.node(self.target(id)).kind, Kind::Scalar(text, writing) if is_null(text, *writing))
    }

    /// The items of a list; none of anything else.
    #[must_use]
    pub fn items(&self, id: Id) -> &[Id] {
        match &self.node(self.target(id)).kind {
            Kind::Sequence(items, _) => items,
            _ => &[],
        }
    }

    /// The entries of a mapping, as written; none of anything else.
    #[must_use]
    pub fn entries(&self, id: Id) -> &[(Id, Id)] {
        match &self.node(self.target(id)).kind {
            Kind::Mapping(entries, _) => entries,
            _ => &[],
        }
    }

    /// Whether it is a mapping.
    #[must_use]
    pub fn is_mapping(&self, id: Id) -> bool {
        matches!(self.node(self.target(id)).kind, Kind::Mapping(..))
    }

    /// The field of this name, the mapping's own before a merged one.
    #[must_use]
    pub fn field(&self, mapping: Id, name: &str) -> Option<Field> {
        let own = |from: Id| self.entries(from).iter().rev().find(|(key, _)| self.text(*key) == Some(name));
        if let Some((key, value)) = own(mapping) {
            return Some(Field { key: *key, value: *value, own: true });
        }
        // Each mapping once, as aliases may lead to one in many ways, or round in a circle.
        let mut seen = HashSet::from([self.target(mapping)]);
        let mut left = self.merged(mapping);
        while let Some(from) = left.pop() {
            match own(from) {
                Some((key, value)) => return Some(Field { key: *key, value: *value, own: false }),
                None if seen.insert(self.target(from)) => left.extend(self.merged(from)),
                None => {}
            }
        }
        None
    }

    /// The mappings that are merged into this one, the first one last.
    fn merged(&self, mapping: Id) -> Vec<Id> {
        let keys = self.entries(mapping).iter().filter(|(key, _)| self.is_merge(*key));
        let each = |(_, value): &(Id, Id)| std::iter::once(*value).chain(self.items(*value).iter().copied());
        let mut merged: Vec<_> = keys.flat_map(each).collect();
        merged.reverse();
        merged
    }

    /// Whether the key is `<<`, which merges other mappings.
    #[must_use]
    pub fn is_merge(&self, key: Id) -> bool {
        matches!(&self.node(key).kind, Kind::Scalar(text, Writing::Plain) if text == "<<")
    }
}

fn is_null(text: &str, writing: Writing) -> bool {
    writing == Writing::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL")
}
