//! Parses the JSON of a Docker config as Go does: the case of field names does not count, and unused fields may have any form.

mod lenient;

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A JSON value that should be an object or a text.
pub(super) enum Written<T> {
    Null,
    Text(String),
    Object(T),
    Other,
}

/// One entry of `auths`.
pub(super) type Entry = Written<Fields>;
/// One field of an entry.
pub(super) type Field = Written<Ignored>;

/// A Docker config, in which each entry appears as often as it was written.
#[derive(Default)]
pub(super) struct Config {
    pub auths: Vec<(String, Entry)>,
    /// Whether `auths` is neither an object nor null.
    pub has_odd_auths: bool,
    pub cred_helpers: Vec<(String, String)>,
    /// Whether sops has left its own field in it.
    pub is_of_sops: bool,
    creds_store: Option<String>,
}

/// The fields of an entry that matter, each as often as it was written.
pub(super) struct Fields(pub Vec<(&'static str, Field)>);

/// An object whose fields are not read.
pub(super) struct Ignored;

impl Config {
    /// # Errors
    /// Line and column where the JSON breaks; `None` if it is valid, but not an object.
    pub(super) fn parse(json: &str) -> Result<Self, Option<(usize, usize)>> {
        match serde_json::from_str(&lenient::rewritten(json)) {
            Ok(Written::Object(config)) => Ok(config),
            Ok(_) => Err(None),
            Err(error) => Err(Some((error.line(), error.column()))),
        }
    }

    /// The credential helper that knows the login for a key.
    pub(super) fn helper_of(&self, key: &str) -> Option<&str> {
        let own = self.cred_helpers.iter().find(|(server, _)| server == key);
        own.map(|(_, helper)| helper.as_str()).or(self.creds_store.as_deref())
    }
}

/// What the pairs of an object are collected into.
pub(super) trait FromPairs: Sized {
    fn from_pairs<'de, A: MapAccess<'de>>(pairs: A) -> Result<Self, A::Error>;
}

impl FromPairs for Config {
    fn from_pairs<'de, A: MapAccess<'de>>(mut pairs: A) -> Result<Self, A::Error> {
        let mut config = Self::default();
        while let Some(name) = pairs.next_key::<String>()? {
            if folds(&name, "auths") {
                match pairs.next_value()? {
                    Written::Object(Pairs(entries)) => config.auths.extend(entries),
                    Written::Null => {}
                    Written::Text(_) | Written::Other => config.has_odd_auths = true,
                }
            } else if folds(&name, "credHelpers") {
                if let Written::Object(Pairs(helpers)) = pairs.next_value::<Written<Pairs<Ignored>>>()? {
                    let helpers = helpers.into_iter();
                    config.cred_helpers.extend(helpers.filter_map(|(server, helper)| match helper {
                        Written::Text(helper) => Some((server, helper)),
                        _ => None,
                    }));
                }
            } else if folds(&name, "credsStore") {
                if let Written::Text(helper) = pairs.next_value::<Field>()? {
                    config.creds_store = Some(helper).filter(|helper| !helper.is_empty());
                }
            } else {
                config.is_of_sops |= name == "sops";
                pairs.next_value::<IgnoredAny>()?;
            }
        }
        Ok(config)
    }
}

/// Names and values, in order; a map would keep only the last value of a name.
struct Pairs<T>(Vec<(String, Written<T>)>);

impl<T: FromPairs> FromPairs for Pairs<T> {
    fn from_pairs<'de, A: MapAccess<'de>>(mut pairs: A) -> Result<Self, A::Error> {
        let mut all = Vec::new();
        while let Some(pair) = pairs.next_entry()? {
            all.push(pair);
        }
        Ok(Self(all))
    }
}

impl FromPairs for Fields {
    fn from_pairs<'de, A: MapAccess<'de>>(mut pairs: A) -> Result<Self, A::Error> {
        const NAMES: [&str; 6] = ["auth", "username", "password", "email", "identitytoken", "registrytoken"];
        let mut fields = Vec::new();
        while let Some(name) = pairs.next_key::<String>()? {
            match NAMES.into_iter().find(|known| folds(&name, known)) {
                Some(known) => fields.push((known, pairs.next_value()?)),
                None => drop(pairs.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Self(fields))
    }
}

impl FromPairs for Ignored {
    fn from_pairs<'de, A: MapAccess<'de>>(mut pairs: A) -> Result<Self, A::Error> {
        while pairs.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self)
    }
}

/// Whether Go treats two names as equal: it folds letters, and also the long s and the Kelvin sign.
fn folds(name: &str, known: &str) -> bool {
    let fold = |letter: char| match letter {
        'ſ' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    name.chars().map(fold).eq(known.chars().map(fold))
}

impl<'de, T: FromPairs> Deserialize<'de> for Written<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any(PhantomData))
    }
}

struct Any<T>(PhantomData<T>);

macro_rules! others {
    ($($visit:ident $other:ty),+) => {
        $(fn $visit<E: Error>(self, _: $other) -> Result<Written<T>, E> { Ok(Written::Other) })+
    };
}

impl<'de, T: FromPairs> Visitor<'de> for Any<T> {
    type Value = Written<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<Written<T>, E> {
        Ok(Written::Null)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Written<T>, E> {
        Ok(Written::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Written<T>, A::Error> {
        T::from_pairs(map).map(Written::Object)
    }

    others!(visit_bool bool, visit_i64 i64, visit_u64 u64, visit_f64 f64);

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Written<T>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Written::Other)
    }
}
