//! Reading JSON as tolerantly as PROTOCOL 1.1 asks: member names in any of the spellings that clients use, null
//! like absent, unknown members ignored. What can't be read is told in one sentence that names the member.

use std::fmt::{self, Display};

use serde::Deserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Error as _, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde_json::{Map, Value};

/// Decodes a request's parameters: missing ones count as an empty object. Error: what is wrong, in one sentence
/// with the member's name.
pub fn from_params<T: DeserializeOwned>(params: Option<Value>) -> Result<T, String> {
    from_members(params_object(params)?)
}

/// Decodes an answer's result, or anything else that is one JSON value. Error: as of [`from_params`].
pub fn from_json<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    T::deserialize(Reader(value)).map_err(|e| e.to_string())
}

/// Decodes an object whose aliases are resolved.
pub(super) fn from_members<T: DeserializeOwned>(members: Map<String, Value>) -> Result<T, String> {
    from_json(Value::Object(members))
}

/// The members of a request's parameters.
pub(super) fn params_object(params: Option<Value>) -> Result<Map<String, Value>, String> {
    match params {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(members)) => Ok(members),
        Some(other) => Err(format!("params must be an object, not {}", Found(unexpected(&other)))),
    }
}

/// What all spellings of a name have in common: `sessionId`, `SessionId` and `session_id` are `sessionid`.
fn plain(name: &str) -> impl Iterator<Item = char> + '_ {
    name.char_indices().filter(|(i, c)| *i == 0 || *c != '_').flat_map(|(_, c)| c.to_lowercase())
}

/// Whether two names differ in their spelling only: camelCase, PascalCase or snake_case.
pub(super) fn same_name(a: &str, b: &str) -> bool {
    plain(a).eq(plain(b))
}

/// Takes a member out by its name in any spelling; the exact spelling is preferred, null counts as absent.
pub(super) fn take(members: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let mut found = None;
    let spellings: Vec<String> = members.keys().filter(|k| same_name(k, name)).cloned().collect();
    for spelling in spellings {
        let value = members.remove(&spelling).filter(|v| !v.is_null());
        if value.is_some() && (found.is_none() || spelling == name) {
            found = value;
        }
    }
    found
}

/// Gives aliases their canonical name. `aliases` are pairs of alias and canonical name. A client may send both
/// side by side: the canonical one counts.
pub(super) fn resolve(members: &mut Map<String, Value>, aliases: &[(&str, &str)]) {
    for (alias, canonical) in aliases {
        let Some(value) = take(members, alias) else { continue };
        let value = take(members, canonical).unwrap_or(value);
        members.insert((*canonical).to_owned(), value);
    }
}

/// What a JSON value is, as serde's errors say it.
pub(super) fn unexpected(value: &Value) -> Unexpected<'_> {
    match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(b) => Unexpected::Bool(*b),
        Value::Number(n) => match (n.as_u64(), n.as_i64()) {
            (Some(n), _) => Unexpected::Unsigned(n),
            (None, Some(n)) => Unexpected::Signed(n),
            (None, None) => Unexpected::Float(n.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(s) => Unexpected::Str(s),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    }
}

/// What was found, as JSON's users say it: `null`, not `unit value`; `an array`, not `sequence`.
pub(super) struct Found<'a>(pub Unexpected<'a>);

impl Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Unexpected::Unit | Unexpected::Option => f.write_str("null"),
            Unexpected::Bool(b) => write!(f, "{b}"),
            Unexpected::Unsigned(n) => write!(f, "{n}"),
            Unexpected::Signed(n) => write!(f, "{n}"),
            Unexpected::Float(n) => write!(f, "{n:?}"),
            // A whole program may stand where a name belongs; the sentence stays one.
            Unexpected::Str(s) if s.chars().count() > 40 => {
                write!(f, "{:?}…", s.chars().take(40).collect::<String>())
            }
            Unexpected::Str(s) => write!(f, "{s:?}"),
            Unexpected::Seq => f.write_str("an array"),
            Unexpected::Map => f.write_str("an object"),
            other => other.fmt(f),
        }
    }
}

/// What was wanted, as JSON's users say it: `an object`, not `struct PtySize`.
fn wanted(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    let whole = |least: i128, most: i128| format!("a whole number from {least} to {most}");
    match text.as_str() {
        "a map" => "an object".to_owned(),
        "a sequence" => "an array".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "u8" => whole(0, u8::MAX.into()),
        "u16" => whole(0, u16::MAX.into()),
        "u32" => whole(0, u32::MAX.into()),
        "u64" | "usize" => whole(0, u64::MAX.into()),
        "i32" => whole(i32::MIN.into(), i32::MAX.into()),
        "i64" => whole(i64::MIN.into(), i64::MAX.into()),
        text if text.starts_with("struct ") => "an object".to_owned(),
        text => text.to_owned(),
    }
}

/// Why a value can't be read, and where it stands: `limits.processes`, `args[1]`.
#[derive(Debug)]
struct Misfit {
    path: String,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    /// It `must be …, not …`, or `is missing`.
    Predicate(String),
    /// A sentence of its own.
    Sentence(String),
}

impl Misfit {
    fn under(mut self, step: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{step}{dot}{}", self.path);
        self
    }
}

impl Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::Predicate(text) if self.path.is_empty() => write!(f, "the value {text}"),
            Problem::Predicate(text) => write!(f, "{} {text}", self.path),
            Problem::Sentence(text) if self.path.is_empty() => f.write_str(text),
            Problem::Sentence(text) => write!(f, "{}: {text}", self.path),
        }
    }
}

impl std::error::Error for Misfit {}

impl serde::de::Error for Misfit {
    fn custom<T: Display>(text: T) -> Self {
        Self { path: String::new(), problem: Problem::Sentence(text.to_string()) }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let text = format!("must be {}, not {}", wanted(expected), Found(found));
        Self { path: String::new(), problem: Problem::Predicate(text) }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn missing_field(name: &'static str) -> Self {
        Self { path: name.to_owned(), problem: Problem::Predicate("is missing".to_owned()) }
    }
}

/// A JSON value being read.
struct Reader(Value);

impl<'de> IntoDeserializer<'de, Misfit> for Reader {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Reader {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(b) => visitor.visit_bool(b),
            Value::Number(n) => match (n.as_u64(), n.as_i64()) {
                (Some(n), _) => visitor.visit_u64(n),
                (None, Some(n)) => visitor.visit_i64(n),
                (None, None) => visitor.visit_f64(n.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(s) => visitor.visit_string(s),
            Value::Array(items) => visitor.visit_seq(Elements { rest: items.into_iter(), next: 0 }),
            Value::Object(members) => visitor.visit_map(Members::as_given(members)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &str, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::Object(members) => visitor.visit_map(Members::of_struct(members, fields)),
            // A derived struct would take an array as its members in order; no client means that.
            other => Err(Misfit::invalid_type(unexpected(&other), &visitor)),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map enum identifier ignored_any
    }
}

/// The elements of an array being read.
struct Elements {
    rest: std::vec::IntoIter<Value>,
    next: usize,
}

impl<'de> SeqAccess<'de> for Elements {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misfit> {
        let Some(item) = self.rest.next() else { return Ok(None) };
        let step = format!("[{}]", self.next);
        self.next += 1;
        seed.deserialize(Reader(item)).map(Some).map_err(|e| e.under(&step))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// The members of an object being read.
struct Members {
    rest: std::vec::IntoIter<(String, Value)>,
    current: Option<(String, Value)>,
}

impl Members {
    /// Every member by its own name: an `env` keeps the names of its variables.
    fn as_given(members: Map<String, Value>) -> Self {
        let members: Vec<_> = members.into_iter().collect();
        Self { rest: members.into_iter(), current: None }
    }

    /// The members that a struct has, each once and by its exact name.
    fn of_struct(mut members: Map<String, Value>, fields: &'static [&'static str]) -> Self {
        let known: Vec<_> = fields
            .iter()
            .filter_map(|field| take(&mut members, field).map(|value| ((*field).to_owned(), value)))
            .collect();
        Self { rest: known.into_iter(), current: None }
    }
}

impl<'de> MapAccess<'de> for Members {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misfit> {
        self.current = self.rest.next();
        match &self.current {
            Some((name, _)) => seed.deserialize(name.as_str().into_deserializer()).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Misfit> {
        let (name, value) = self.current.take().unwrap_or_default();
        seed.deserialize(Reader(value)).map_err(|e| e.under(&name))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(members) => members,
            other => panic!("{other} is no object"),
        }
    }

    #[test]
    fn names_are_the_same_in_every_spelling() {
        for (a, b, same) in [
            ("SessionId", "sessionId", true),
            ("session_id", "sessionId", true),
            ("memory_limit_mb", "memoryLimitMB", true),
            ("MemoryLimitMB", "memoryLimitMB", true),
            ("_id", "id", false),
            ("session-id", "sessionId", false),
            ("", "id", false),
        ] {
            assert_eq!(same_name(a, b), same, "{a} {b}");
        }
    }

    #[test]
    fn the_canonical_name_beats_its_alias_the_exact_spelling_any_other_and_null_is_absent() {
        let aliases = [("source", "sourcePath")];
        for (given, resolved) in [
            (json!({"source": "a", "SourcePath": "b"}), json!({"sourcePath": "b"})),
            (json!({"Source": "a", "sourcePath": null}), json!({"sourcePath": "a"})),
            (json!({"source_path": "a", "sourcePath": "b"}), json!({"source_path": "a", "sourcePath": "b"})),
        ] {
            let mut members = object(given);
            resolve(&mut members, &aliases);
            assert_eq!(Value::Object(members), resolved);
        }
        let mut members = object(json!({"source_path": "a", "sourcePath": "b", "SOURCEPATH": "c"}));
        assert_eq!(take(&mut members, "sourcePath"), Some(json!("b")));
        assert!(members.is_empty());
    }
}
