//! Parses one YAML document into nodes that know where they are written.

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine;
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle, options};

use crate::credentials::entry::PADDED;

/// How deep collections may be nested, as in Go's YAML readers.
const NESTING: usize = 10_000;

/// The text is not YAML from this line on; the first line has the number 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The line of the text that was parsed.
    pub line: usize,
}

/// The number of a node in its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id(usize);

/// The nodes of one document, in the order of the text.
#[derive(Debug)]
pub struct Document<'text> {
    nodes: Vec<Node<'text>>,
}

/// One node.
#[derive(Debug)]
pub struct Node<'text> {
    /// Its first byte, without anchor and tag.
    pub start: usize,
    /// The byte after its last one; for a block collection or block scalar, somewhere before the next node.
    pub end: usize,
    /// The tag in the text. A scalar loses a tag that only makes it a text.
    pub tag: Option<String>,
    /// Its content.
    pub kind: Kind<'text>,
}

/// The content of a node.
#[derive(Debug)]
pub enum Kind<'text> {
    /// A text.
    Scalar(Cow<'text, str>, Writing),
    /// A list.
    Sequence(Vec<Id>, StructureStyle),
    /// A mapping, with duplicate keys and `<<` as written.
    Mapping(Vec<(Id, Id)>, StructureStyle),
    /// A reference to an earlier node.
    Alias(Id),
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// Without quotation marks: it may be a number, a boolean or null.
    Plain,
    /// In quotation marks.
    Quoted,
    /// As a block of lines.
    Block,
}

impl<'text> Document<'text> {
    /// Parses the text, which holds one document.
    ///
    /// # Errors
    /// The text is not YAML, or holds a second document.
    pub fn parse(text: &'text str) -> Result<Self, Broken> {
        let options = options! {
            emit_comments: false,
            flow_nesting_limit: NESTING,
            block_nesting_limit: NESTING,
            // JSON has no limit for the length of a key.
            simple_key_max_lookahead: 1 << 16,
        };
        let mut building = Building::default();
        let mut documents = 0;
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, span) = event.map_err(|error| Broken { line: error.marker().line() })?;
            if matches!(event, Event::DocumentStart(..)) {
                documents += 1;
                if documents > 1 {
                    return Err(Broken { line: span.start.line() });
                }
            }
            building.add(event, &span);
        }
        Ok(Self { nodes: building.nodes })
    }

    /// The outermost node; a document of comments only has none.
    pub fn root(&self) -> Option<Id> {
        (!self.nodes.is_empty()).then_some(Id(0))
    }

    /// The number of nodes.
    pub fn size(&self) -> usize {
        self.nodes.len()
    }

    /// The node with this number.
    pub fn node(&self, Id(number): Id) -> &Node<'text> {
        &self.nodes[number]
    }

    /// The node that an alias leads to, else the node itself.
    pub fn target(&self, id: Id) -> Id {
        if let Kind::Alias(target) = self.node(id).kind { target } else { id }
    }

    /// Whether the node is this text, as a key is.
    pub fn is_text(&self, id: Id, expected: &str) -> bool {
        matches!(&self.node(self.target(id)).kind, Kind::Scalar(text, _) if text == expected)
    }

    /// Whether the key is `<<`, which merges other mappings.
    pub fn is_merge(&self, key: Id) -> bool {
        matches!(&self.node(key).kind, Kind::Scalar(text, Writing::Plain) if text == "<<")
    }
}

impl Node<'_> {
    /// Resolves the tag of a scalar as Go's readers do, to which all but a few tags mean a text.
    fn resolved(mut self) -> Self {
        let (Some(tag), Kind::Scalar(text, writing)) = (&self.tag, &mut self.kind) else { return self };
        match tag.strip_prefix("tag:yaml.org,2002:").unwrap_or(tag) {
            "bool" | "float" | "int" | "null" | "timestamp" => return self,
            "binary" => match PADDED.decode(text.replace(['\r', '\n'], "")).map(String::from_utf8) {
                Ok(Ok(decoded)) => (*text, *writing) = (decoded.into(), Writing::Quoted),
                _ => return self,
            },
            "!" | "merge" if text == "<<" => *writing = Writing::Plain,
            _ if *writing == Writing::Plain => *writing = Writing::Quoted,
            _ => {}
        }
        self.tag = None;
        self
    }
}

/// The nodes that were read so far.
#[derive(Default)]
struct Building<'text> {
    nodes: Vec<Node<'text>>,
    /// The open collections, each with the key whose value comes next.
    open: Vec<(Id, Option<Id>)>,
    anchors: HashMap<usize, Id>,
}

impl<'text> Building<'text> {
    fn add(&mut self, event: Event<'text>, span: &Span) {
        // A parser of a text in memory always knows the offset.
        let offset = |known: Option<usize>| known.unwrap_or_default();
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
                if let Some((Id(number), _)) = self.open.pop() {
                    self.nodes[number].end = offset(span.end.byte_offset());
                }
                return;
            }
            _ => return,
        };
        let id = Id(self.nodes.len());
        let is_collection = matches!(kind, Kind::Sequence(..) | Kind::Mapping(..));
        let (start, end) = (offset(span.start.byte_offset()), offset(span.end.byte_offset()));
        self.nodes.push(Node { start, end, tag: tag.map(|tag| tag.to_string()), kind }.resolved());
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        self.attach(id);
        if is_collection {
            self.open.push((id, None));
        }
    }

    /// Adds the node to the innermost open collection.
    fn attach(&mut self, id: Id) {
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
