//! Folding of member names: `SessionId`, `session_id` and `sessionId` are one.

use serde_json::{Map, Value};

/// The camelCase form of a member name given in camelCase, PascalCase or snake_case.
pub fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for (i, c) in name.chars().enumerate() {
        match c {
            '_' if i > 0 => upper = true,
            _ if upper => {
                out.extend(c.to_uppercase());
                upper = false;
            }
            _ if i == 0 => out.extend(c.to_lowercase()),
            _ => out.push(c),
        }
    }
    out
}

/// Folds the names of an object's own members (never of objects inside it: an `env` keeps its names) and gives
/// aliases their canonical name. `aliases` are pairs of alias and canonical name, both camelCase. Where a
/// client sends both spellings, the canonical one counts.
pub fn fold(members: Map<String, Value>, aliases: &[(&str, &str)]) -> Map<String, Value> {
    let mut out = Map::with_capacity(members.len());
    let mut aliased = Vec::new();
    for (name, value) in members {
        // An absent member and a null one mean the same to every client in the wild.
        if value.is_null() {
            continue;
        }
        let name = camel(&name);
        match aliases.iter().find(|(alias, _)| *alias == name) {
            Some((_, canonical)) => aliased.push((*canonical, value)),
            None => {
                out.insert(name, value);
            }
        }
    }
    for (name, value) in aliased {
        out.entry(name).or_insert(value);
    }
    out
}

/// Decodes parameters: a missing object counts as an empty one, names are folded, unknown members ignored.
pub fn from_params<T: serde::de::DeserializeOwned>(
    params: Option<Value>,
    aliases: &[(&str, &str)],
) -> Result<T, String> {
    let members = match params {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(members)) => members,
        Some(other) => return Err(format!("params must be an object, not {}", kind(&other))),
    };
    serde_json::from_value(Value::Object(fold(members, aliases))).map_err(|e| e.to_string())
}

/// What kind of JSON value this is, for error messages.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_to_camel_case() {
        for (given, folded) in [
            ("SessionId", "sessionId"),
            ("sessionId", "sessionId"),
            ("session_id", "sessionId"),
            ("MemoryLimitMB", "memoryLimitMB"),
            ("max_depth", "maxDepth"),
            ("_x", "_x"),
            ("", ""),
        ] {
            assert_eq!(camel(given), folded);
        }
    }

    #[test]
    fn the_canonical_name_beats_its_alias_and_null_counts_as_absent() {
        let given =
            serde_json::json!({"source": "a", "SourcePath": "b", "Env": {"Some_Name": "1"}, "x": null});
        let Value::Object(given) = given else { unreachable!() };
        let folded = Value::Object(fold(given, &[("sourcePath", "source")]));
        assert_eq!(folded, serde_json::json!({"source": "a", "env": {"Some_Name": "1"}}));
    }
}
