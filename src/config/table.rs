//! The variables that stand for the keys of a table: its prefix and the key in capitals.

use super::limits::number;

/// Keys with where their values go.
type Places<'a, T, const N: usize> = [(&'static str, &'a mut Option<T>); N];

fn variable(prefix: &str, key: &str) -> String {
    format!("{prefix}{}", key.to_uppercase())
}

/// Lets variables win over texts.
pub(super) fn overlay_texts<const N: usize>(
    prefix: &str,
    places: Places<'_, String, N>,
    given: impl Fn(&str) -> Option<String>,
) {
    for (key, place) in places {
        if let Some(value) = given(&variable(prefix, key)) {
            *place = Some(value);
        }
    }
}

/// Lets variables win over lists of texts, which have commas there.
pub(super) fn overlay_lists<const N: usize>(
    prefix: &str,
    places: [(&'static str, &mut Vec<String>); N],
    given: impl Fn(&str) -> Option<String>,
) {
    for (key, place) in places {
        if let Some(value) = given(&variable(prefix, key)) {
            *place = value.split(',').map(|part| part.trim().to_owned()).collect();
        }
    }
}

/// Lets variables win over numbers; what is none is told and passed over.
pub(super) fn overlay_numbers<const N: usize>(
    prefix: &str,
    places: Places<'_, u64, N>,
    given: impl Fn(&str) -> Option<String>,
    mut warn: impl FnMut(&str, String),
) {
    for (key, place) in places {
        let name = variable(prefix, key);
        match given(&name).map(|value| number(&value)) {
            Some(Ok(value)) => *place = Some(value),
            Some(Err(message)) => warn(&name, format!("{message}; it is passed over")),
            None => {}
        }
    }
}
