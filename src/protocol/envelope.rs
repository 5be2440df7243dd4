//! JSON-RPC 2.0: reading whatever clients send, writing what every client can read.

use std::fmt::Write as _;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::error::{ErrorKind, Failure};

/// A request's id, kept as its own text so that it is echoed to the letter.
#[derive(Clone, Debug)]
pub struct Id(Box<RawValue>);

impl Id {
    /// The id of an answer to what has no readable id.
    pub fn null() -> Self {
        Self(RawValue::NULL.to_owned())
    }

    /// A number.
    pub fn number(n: u64) -> Self {
        RawValue::from_string(n.to_string()).map_or_else(|_| Self::null(), Self)
    }

    /// The id as it stands in the message.
    pub fn as_text(&self) -> &str {
        self.0.get()
    }

    /// The id as a number, where it is one of ours.
    pub fn as_number(&self) -> Option<u64> {
        self.as_text().parse().ok()
    }
}

impl PartialEq for Id {
    fn eq(&self, other: &Self) -> bool {
        self.as_text() == other.as_text()
    }
}

/// A request, or a notification where it has no id.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Absent: no answer is wanted.
    pub id: Option<Id>,
    /// What is asked.
    pub method: String,
    /// With what.
    pub params: Option<Value>,
}

impl Request {
    /// The request as one line of ASCII.
    pub fn to_text(&self) -> String {
        let mut text = format!("{{\"jsonrpc\":\"2.0\",\"method\":{}", json!(self.method));
        if let Some(params) = &self.params {
            text.push_str(",\"params\":");
            // Writing a JSON value to a string can't fail.
            text.push_str(&serde_json::to_string(&TypeFirst(params)).unwrap_or_default());
        }
        if let Some(id) = &self.id {
            text.push_str(",\"id\":");
            text.push_str(id.as_text());
        }
        text.push('}');
        ascii(text)
    }
}

/// A value whose objects are written with their `type` first: original servers look for a command's nowhere else.
struct TypeFirst<'a>(&'a Value);

impl Serialize for TypeFirst<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Array(items) => s.collect_seq(items.iter().map(TypeFirst)),
            Value::Object(members) => {
                let (first, rest): (Vec<_>, Vec<_>) = members.iter().partition(|(name, _)| *name == "type");
                s.collect_map(first.into_iter().chain(rest).map(|(name, value)| (name, TypeFirst(value))))
            }
            other => other.serialize(s),
        }
    }
}

/// An answer: a result or a failure, never both.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The request's id.
    pub id: Id,
    /// What came of it.
    pub result: Result<Value, Failure>,
}

impl Response {
    /// The answer as one line of ASCII, without its line end.
    pub fn to_text(&self) -> String {
        let body = match &self.result {
            Ok(result) => format!("\"result\":{result}"),
            Err(failure) => format!("\"error\":{}", failure.to_json()),
        };
        ascii(format!("{{\"jsonrpc\":\"2.0\",{body},\"id\":{}}}", self.id.as_text()))
    }

    /// An answer whose result is written already: one line of ASCII, as of [`Response::to_text`].
    pub fn text_of(id: &Id, result: &str) -> String {
        ascii(format!("{{\"jsonrpc\":\"2.0\",\"result\":{result},\"id\":{}}}", id.as_text()))
    }
}

/// Something told without being asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// What about.
    pub method: String,
    /// What.
    pub params: Value,
}

impl Notification {
    /// The notification as one line of ASCII.
    pub fn to_text(&self) -> String {
        Request { id: None, method: self.method.clone(), params: Some(self.params.clone()) }.to_text()
    }
}

/// One thing that came in.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// A request or notification.
    Request(Request),
    /// An answer to something we asked.
    Response(Response),
    /// Neither; this is to be answered.
    Invalid(Response),
}

/// What one text message holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// In order.
    pub items: Vec<Incoming>,
    /// It was a JSON array: its answers go into one array.
    pub is_array: bool,
}

/// The most that one message may hold: each of them takes far more in memory than it does in the message.
pub const MOST_ITEMS: usize = 10_000;

/// Reads a text message: one document, an array of them, or, where that fails, one document a line. Whoever cares which
/// of several lines were arrays takes [`parse_documents`].
pub fn parse_message(text: &str) -> Batch {
    let mut documents = parse_documents(text);
    match documents.pop() {
        Some(only) if documents.is_empty() => only,
        last => {
            let items = documents.into_iter().chain(last).flat_map(|document| document.items);
            Batch { items: items.collect(), is_array: false }
        }
    }
}

/// Reads a text message: one document, or, where that fails, one a line; of each of which answers go by themselves.
pub fn parse_documents(text: &str) -> Vec<Batch> {
    let failure = match parse_document(text) {
        Ok(batch) => return vec![batch],
        Err(failure) => failure,
    };
    let mut documents = Vec::new();
    let (mut items, mut any) = (0, false);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let document = parse_document(line);
        any |= document.is_ok() && line.trim_start().starts_with(['{', '[']);
        let document = document.unwrap_or_else(single);
        items += document.items.len();
        if items > MOST_ITEMS {
            return vec![if any { too_many() } else { single(failure) }];
        }
        documents.push(document);
    }
    // One broken document in several lines has one answer, not one for each of its lines.
    if any { documents } else { vec![single(failure)] }
}

fn too_many() -> Batch {
    let item = invalid(Id::null(), format!("a message may hold {MOST_ITEMS} requests"));
    Batch { items: vec![item], is_array: false }
}

fn single(failure: Failure) -> Batch {
    Batch {
        items: vec![Incoming::Invalid(Response { id: Id::null(), result: Err(failure) })],
        is_array: false,
    }
}

/// Reads one JSON document. Error: it is not JSON.
fn parse_document(text: &str) -> Result<Batch, Failure> {
    let document: &RawValue = serde_json::from_str(text.trim()).map_err(|e| {
        Failure::new(
            ErrorKind::ParseError,
            format!("the message is not valid JSON: {e}"),
            "send one JSON document a message",
        )
    })?;
    if !document.get().starts_with('[') {
        return Ok(Batch { items: vec![parse_item(document)], is_array: false });
    }
    let Ok(elements) = serde_json::Deserializer::from_str(document.get()).deserialize_seq(Elements) else {
        return Ok(too_many());
    };
    if elements.is_empty() {
        return Ok(Batch { items: vec![invalid(Id::null(), "the batch is empty")], is_array: false });
    }
    Ok(Batch { items: elements.into_iter().map(parse_item).collect(), is_array: true })
}

/// Reads the elements of an array, unless they are too many.
struct Elements;

impl<'de> Visitor<'de> for Elements {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at most {MOST_ITEMS} requests")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = array.next_element()? {
            if elements.len() == MOST_ITEMS {
                return Err(A::Error::invalid_length(MOST_ITEMS + 1, &self));
            }
            elements.push(element);
        }
        Ok(elements)
    }
}

fn invalid(id: Id, message: impl Into<String>) -> Incoming {
    let hint = "a request is {\"jsonrpc\": \"2.0\", \"method\": …, \"params\": {…}, \"id\": …}";
    Incoming::Invalid(Response { id, result: Err(Failure::new(ErrorKind::InvalidRequest, message, hint)) })
}

fn parse_item(item: &RawValue) -> Incoming {
    if !item.get().starts_with('{') {
        return invalid(Id::null(), "a request must be a JSON object");
    }
    match serde_json::from_str::<Envelope>(item.get()) {
        Ok(envelope) => envelope.into_incoming(),
        Err(e) => invalid(Id::null(), format!("the request can't be read: {e}")),
    }
}

/// The members of a message before their meaning is known. A member given twice counts as its last.
#[derive(Debug, Default)]
pub struct Envelope {
    // Raw, so that a member that can't be read (an unpaired surrogate, nesting without end) spoils only itself and
    // the answer still bears the id.
    jsonrpc: Option<Box<RawValue>>,
    id: Option<Box<RawValue>>,
    method: Option<Box<RawValue>>,
    params: Option<Box<RawValue>>,
    result: Option<Box<RawValue>>,
    error: Option<Box<RawValue>>,
}

impl Envelope {
    fn into_incoming(self) -> Incoming {
        // Only what an id may be is echoed; anything else can't name a request.
        let illegal_id = self.id.as_ref().is_some_and(|id| id.get().starts_with(['{', '[', 't', 'f']));
        let id = self.id.filter(|_| !illegal_id).map(Id);
        let answer_id = id.clone().unwrap_or_else(Id::null);
        if illegal_id {
            return invalid(answer_id, "id must be a string, a number or null");
        }
        match Self::meaning(self.jsonrpc, self.method, self.params, self.result, self.error) {
            Ok(Meaning::Request { method, params }) => Incoming::Request(Request { id, method, params }),
            Ok(Meaning::Answer(result)) => Incoming::Response(Response { id: answer_id, result }),
            Err(message) => invalid(answer_id, message),
        }
    }

    fn meaning(
        jsonrpc: Option<Box<RawValue>>,
        method: Option<Box<RawValue>>,
        params: Option<Box<RawValue>>,
        result: Option<Box<RawValue>>,
        error: Option<Box<RawValue>>,
    ) -> Result<Meaning, String> {
        if jsonrpc.is_some_and(|v| serde_json::from_str(v.get()).ok() != Some("2.0")) {
            return Err("jsonrpc must be \"2.0\"".to_owned());
        }
        match read("method", method)? {
            Some(Value::String(method)) if method.trim().is_empty() => Err("method is empty".to_owned()),
            Some(Value::String(method)) => Ok(Meaning::Request { method, params: read("params", params)? }),
            Some(_) => Err("method must be a string".to_owned()),
            None => match (read("error", error)?.filter(|e| !e.is_null()), read("result", result)?) {
                (Some(error), _) => Ok(Meaning::Answer(Err(Failure::from_json(&error)))),
                (None, Some(result)) => Ok(Meaning::Answer(Ok(result))),
                (None, None) => Err("method is missing".to_owned()),
            },
        }
    }
}

/// What the members of a message say.
enum Meaning {
    Request { method: String, params: Option<Value> },
    Answer(Result<Value, Failure>),
}

fn read(name: &str, member: Option<Box<RawValue>>) -> Result<Option<Value>, String> {
    let read = |raw: Box<RawValue>| serde_json::from_str(raw.get());
    member.map(read).transpose().map_err(|e| format!("{name} can't be read: {e}"))
}

impl<'de> Deserialize<'de> for Envelope {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Envelope;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON-RPC message")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope, A::Error> {
                let mut envelope = Envelope::default();
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        "jsonrpc" => envelope.jsonrpc = Some(map.next_value()?),
                        "id" => envelope.id = Some(map.next_value()?),
                        "method" => envelope.method = Some(map.next_value()?),
                        "params" => envelope.params = Some(map.next_value()?),
                        "result" => envelope.result = Some(map.next_value()?),
                        "error" => envelope.error = Some(map.next_value()?),
                        _ => {
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(envelope)
            }
        }
        d.deserialize_map(Collect)
    }
}

/// As [`to_ascii`], for what is almost always ASCII already.
pub(super) fn ascii(json: String) -> String {
    if json.is_ascii() { json } else { to_ascii(&json) }
}

/// JSON text with every character beyond ASCII as `\uXXXX`: existing clients cut multi-byte characters at the
/// edges of their buffers. In JSON such characters stand inside strings only, so the meaning stays.
pub fn to_ascii(json: &str) -> String {
    if json.is_ascii() {
        return json.to_owned();
    }
    let mut out = String::with_capacity(json.len() + json.len() / 2);
    for c in json.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                // Writing to a string can't fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}
