//! Keys, as `config.toml` and the `keymap.toml` beside it have them: `preset`, `[keys]`, `[global]`, `[pane.NAME]`.
//!
//! Each with the file and line it stands at, for whoever knows which commands and keys there are.

use toml::de::DeValue;

use super::document::{Item, Reader};
use super::{Paths, Warning};

/// Where a command's keys hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySection {
    /// `[keys]`: in every place the command has.
    Keys,
    /// `[global]`: outside the panes' own.
    Global,
    /// `[pane.NAME]`: in one pane.
    Pane(String),
}

/// One line of a keymap: the keys of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEntry {
    /// Where they hold.
    pub section: KeySection,
    /// The command.
    pub id: String,
    /// Its keys; an empty list or `none` takes them away.
    pub keys: Vec<String>,
    /// The file.
    pub place: String,
    /// The line, counted from 1.
    pub line: usize,
}

/// What a person has set about keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySettings {
    /// `standard`, `vim` or `emacs`, and where that is said.
    pub preset: Option<(String, String)>,
    /// Commands' keys, in the order they were read: a later one wins.
    pub entries: Vec<KeyEntry>,
}

/// What stands in a file of keys.
pub(super) const KNOWN: &str = "preset, [keys], [global], [pane.NAME]";

impl KeySettings {
    /// Takes what belongs to keys. False: it does not.
    pub(super) fn take(&mut self, reader: &mut Reader<'_>, item: &Item<'_>) -> bool {
        match (item.key, item.value) {
            ("preset", _) => {
                if let Some(name) = reader.string(item) {
                    self.preset = Some((name, reader.place_of(item.at)));
                }
            }
            ("keys", DeValue::Table(table)) => {
                reader.each(table, |reader, item| self.entry(KeySection::Keys, reader, &item));
            }
            ("global", DeValue::Table(table)) => {
                reader.each(table, |reader, item| self.entry(KeySection::Global, reader, &item));
            }
            ("pane", DeValue::Table(table)) => reader.each(table, |reader, pane| match pane.value {
                DeValue::Table(table) => {
                    let section = KeySection::Pane(pane.key.to_owned());
                    reader.each(table, |reader, item| self.entry(section.clone(), reader, &item));
                }
                _ => reader.warn(pane.at, format!("`pane.{0}` must be a table: write [pane.{0}]", pane.key)),
            }),
            (name @ ("keys" | "global"), _) => {
                reader.warn(item.at, format!("`{name}` must be a table: write [{name}] above it"));
            }
            ("pane", _) => {
                reader.warn(item.at, "`pane` must be a table: write [pane.output] above it".to_owned());
            }
            _ => return false,
        }
        true
    }

    fn entry(&mut self, section: KeySection, reader: &mut Reader<'_>, item: &Item<'_>) {
        if let Some(keys) = reader.strings(item) {
            let (place, line) = (reader.place().to_owned(), reader.line(item.at));
            self.entries.push(KeyEntry { section, id: item.key.to_owned(), keys, place, line });
        }
    }

    /// Reads the text of a file of keys called `place`, over what is there already.
    pub fn read(&mut self, place: &str, text: &str) -> Vec<Warning> {
        let mut reader = Reader::new(place, text);
        reader.read(|reader, item| {
            if !self.take(reader, &item) {
                reader.warn(item.at, format!("unknown key `{}`: there are {KNOWN}", item.key));
            }
        });
        reader.warnings
    }

    /// Reads the file of keys, if there is one.
    pub(super) fn load(&mut self, paths: &Paths) -> Vec<Warning> {
        let file = paths.keymap_file();
        let place = file.display().to_string();
        match std::fs::read_to_string(&file) {
            Ok(text) => self.read(&place, &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                let message = format!("can't be read ({error}); it is passed over");
                vec![Warning { place, line: None, message }]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_read_with_their_lines() {
        let text = "preset = \"vim\"\n[global]\n\"run.start\" = [\"F5\", \"ctrl-enter\"]\n\n[pane.output]\n\"app.quit\" = \"none\"\n";
        let mut keys = KeySettings::default();
        assert_eq!(keys.read("keymap.toml", text), []);
        assert_eq!(keys.preset, Some(("vim".to_owned(), "keymap.toml line 1".to_owned())));
        let told: Vec<_> = keys.entries.iter().map(|e| (e.section.clone(), e.id.as_str(), e.line)).collect();
        let output = KeySection::Pane("output".to_owned());
        assert_eq!(told, [(KeySection::Global, "run.start", 3), (output, "app.quit", 6)]);
    }

    #[test]
    fn a_bad_line_costs_only_itself() {
        let text =
            "preset = 3\ntheme = \"x\"\nkeys = 1\n[pane]\noutput = 2\n[pane.files]\na = 5\nb = \"f9\"\n";
        let mut keys = KeySettings::default();
        let told: Vec<String> = keys.read("k", text).iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 5, "{told:?}");
        assert!(told[1].starts_with("k line 2: unknown key `theme`: there are preset, "), "{told:?}");
        assert_eq!(keys.entries.iter().map(|e| e.id.as_str()).collect::<Vec<_>>(), ["b"]);
    }
}
