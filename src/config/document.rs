//! Reading a TOML file key by key, so that one bad key costs only itself and every complaint has a line.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::Warning;

/// The text of a file; `None`: there is none. Error: why it can't be had, in words.
pub(super) fn read(path: &Path, largest: u64) -> Result<Option<String>, String> {
    let unread = |error: std::io::Error| format!("can't be read ({error}); it is passed over");
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unread(error)),
    };
    // Reading a pipe would never end.
    if !file.metadata().map_err(unread)?.is_file() {
        return Err("can't be read (it is no regular file); it is passed over".to_owned());
    }
    let mut text = String::new();
    file.take(largest + 1).read_to_string(&mut text).map_err(unread)?;
    match u64::try_from(text.len()) {
        Ok(bytes) if bytes <= largest => Ok(Some(text)),
        _ => Err(format!("is larger than {} KiB; it is passed over", largest >> 10)),
    }
}

/// A file being read: its text for line numbers, and the complaints so far.
pub(super) struct Reader<'a> {
    place: &'a str,
    text: &'a str,
    pub(super) warnings: Vec<Warning>,
    /// It is not TOML as a whole.
    pub(super) broken: bool,
}

/// A value with the place it stands at.
pub(super) struct Item<'a> {
    pub(super) key: &'a str,
    pub(super) at: usize,
    pub(super) value: &'a DeValue<'a>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(place: &'a str, text: &'a str) -> Self {
        Self { place, text, warnings: Vec::new(), broken: false }
    }

    /// Calls `take` for every key of the file. A file that is no TOML is a warning and has no keys.
    pub(super) fn read(&mut self, mut take: impl FnMut(&mut Self, Item<'_>)) {
        let text = self.text;
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            self.warn(at, error.message().to_owned());
            self.broken = true;
        }
        self.each(table.get_ref(), &mut take);
    }

    /// Calls `take` for every key of a table, in the order of the file.
    pub(super) fn each(&mut self, table: &DeTable<'_>, mut take: impl FnMut(&mut Self, Item<'_>)) {
        let mut items: Vec<_> = table
            .iter()
            .map(|(key, value)| Item { key: key.get_ref(), at: key.span().start, value: value.get_ref() })
            .collect();
        items.sort_by_key(|item| item.at);
        for item in items {
            take(self, item);
        }
    }

    pub(super) fn warn(&mut self, at: usize, message: String) {
        let line = self.line(at);
        self.warnings.push(Warning { place: self.place.to_owned(), line: Some(line), message });
    }

    /// The file.
    pub(super) fn place(&self) -> &str {
        self.place
    }

    /// The line that a byte of the file is in, counted from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.text.as_bytes().iter().take(at).filter(|b| **b == b'\n').count() + 1
    }

    /// File and line of a byte.
    pub(super) fn place_of(&self, at: usize) -> String {
        format!("{} line {}", self.place, self.line(at))
    }

    /// The text of a value that must be text.
    pub(super) fn string(&mut self, item: &Item<'_>) -> Option<String> {
        match item.value {
            DeValue::String(text) => Some(text.to_string()),
            other => {
                let found = other.type_str();
                self.warn(item.at, format!("`{}` must be a text, this is a {found}", item.key));
                None
            }
        }
    }

    /// The number of a value that must be a whole one, not below 0.
    pub(super) fn number(&mut self, item: &Item<'_>) -> Option<u64> {
        let read = match item.value {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        if read.is_none() {
            let shown = match item.value {
                DeValue::Integer(number) => number.as_str(),
                other => other.type_str(),
            };
            self.warn(item.at, format!("`{}` must be a whole number, this is {shown}", item.key));
        }
        read
    }

    /// The truth of a value that must be true or false.
    pub(super) fn boolean(&mut self, item: &Item<'_>) -> Option<bool> {
        let read = item.value.as_bool();
        if read.is_none() {
            let found = item.value.type_str();
            self.warn(item.at, format!("`{}` must be true or false, this is a {found}", item.key));
        }
        read
    }

    /// The texts of a value that must be one text or a list of them.
    pub(super) fn strings(&mut self, item: &Item<'_>) -> Option<Vec<String>> {
        match item.value {
            DeValue::String(text) => Some(vec![text.to_string()]),
            DeValue::Array(list) if list.iter().all(|v| v.get_ref().is_str()) => {
                Some(list.iter().filter_map(|v| v.get_ref().as_str().map(str::to_owned)).collect())
            }
            _ => {
                self.warn(item.at, format!("`{}` must be a text or a list of texts", item.key));
                None
            }
        }
    }
}
