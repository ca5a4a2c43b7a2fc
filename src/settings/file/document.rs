//! Reads a YAML document with the place of every node, even where the typed reader would stop.

use std::{fmt, iter};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use serde_saphyr::options::DuplicateKeyPolicy;

/// Line and column, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(u64, u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.0, self.1)
    }
}

/// A value and its place. It has no `Debug`, because somebody may have written a secret in the wrong place.
pub struct Node {
    pub position: Position,
    pub value: Value,
}

pub enum Value {
    /// An empty node.
    Null,
    /// `true` or `false`.
    Boolean,
    Number,
    Text(String),
    List(Vec<Node>),
    /// A mapping, each key as often as it was written.
    Mapping(Vec<(Spanned<String>, Node)>),
}

impl Value {
    /// Its name in a message.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Boolean => "true or false",
            Self::Number => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Mapping(_) => "a mapping",
        }
    }
}

/// Where something was written.
pub fn position<T>(spanned: &Spanned<T>) -> Position {
    Position(spanned.referenced.line(), spanned.referenced.column())
}

/// Reads a text, if it is YAML at all.
pub fn read(text: &str) -> Option<Node> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
    };
    serde_saphyr::from_str_with_options(text, options).ok()
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self { position: position(&spanned), value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

macro_rules! numbers {
    ($($visit:ident $number:ty),+) => {
        $(fn $visit<E>(self, _: $number) -> Result<Value, E> { Ok(Value::Number) })+
    };
}

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Boolean)
    }

    numbers!(visit_i64 i64, visit_u64 u64, visit_i128 i128, visit_u128 u128, visit_f64 f64);

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        iter::from_fn(|| list.next_element().transpose()).collect::<Result<_, _>>().map(Value::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<Value, A::Error> {
        iter::from_fn(|| mapping.next_entry().transpose()).collect::<Result<_, _>>().map(Value::Mapping)
    }
}
