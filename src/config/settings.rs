//! `config.toml` and the `CODEBEAKER_*` variables.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::document::{Item, Reader};
use super::{Paths, Warning};

/// What a person may set. Absent is the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The theme's name.
    pub theme: Option<String>,
    /// `unicode` or `ascii`; absent is decided by the terminal.
    pub glyphs: Option<String>,
    /// Keys by command id: `"run.start" = ["f5"]`. An empty list or `none` takes a command's keys away.
    pub keys: BTreeMap<String, Vec<String>>,
    /// The package registry to fetch runtimes from.
    pub registry: Option<String>,
    /// What matters in the choice of a runtime: `speed`, `security`, `memory`, `balanced`.
    pub preference: Option<String>,
}

impl Settings {
    /// Reads the settings file, if there is one, and the environment, which wins.
    pub fn load(paths: &Paths) -> (Self, Vec<Warning>) {
        let file = paths.settings_file();
        let place = file.display().to_string();
        let (mut settings, warnings) = match std::fs::read_to_string(&file) {
            Ok(text) => Self::parse(&place, &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => (Self::default(), Vec::new()),
            Err(error) => {
                let message = format!("can't be read ({error}); the defaults are used");
                (Self::default(), vec![Warning { place, line: None, message }])
            }
        };
        settings.overlay(|name| std::env::var(name).ok());
        (settings, warnings)
    }

    /// Reads settings from the text of a file called `place`.
    pub fn parse(place: &str, text: &str) -> (Self, Vec<Warning>) {
        let mut settings = Self::default();
        let mut reader = Reader::new(place, text);
        reader.read(|reader, item| settings.take(reader, &item));
        (settings, reader.warnings)
    }

    fn take(&mut self, reader: &mut Reader<'_>, item: &Item<'_>) {
        match (item.key, item.value) {
            ("theme", _) => self.theme = reader.string(item),
            ("glyphs", _) => self.glyphs = reader.string(item),
            ("registry", _) => self.registry = reader.string(item),
            ("preference", _) => self.preference = reader.string(item),
            ("keys", DeValue::Table(table)) => reader.each(table, |reader, item| {
                if let Some(keys) = reader.strings(&item) {
                    self.keys.insert(item.key.to_owned(), keys);
                }
            }),
            ("keys", _) => reader.warn(item.at, "`keys` must be a table: write [keys] above it".to_owned()),
            (unknown, _) => {
                let known = "theme, glyphs, registry, preference, [keys]";
                reader.warn(item.at, format!("unknown key `{unknown}`: there are {known}"));
            }
        }
    }

    /// Lets the environment, read by `var`, win over the file.
    pub fn overlay(&mut self, var: impl Fn(&str) -> Option<String>) {
        let given = |name: &str| var(name).filter(|value| !value.trim().is_empty());
        for (name, place) in [
            ("CODEBEAKER_THEME", &mut self.theme),
            ("CODEBEAKER_GLYPHS", &mut self.glyphs),
            ("CODEBEAKER_REGISTRY", &mut self.registry),
            ("CODEBEAKER_PREFERENCE", &mut self.preference),
        ] {
            if let Some(value) = given(name) {
                *place = Some(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_read() {
        let text = "theme = \"paper-dark\"\nglyphs = \"ascii\"\npreference = \"speed\"\n\
                    [keys]\n\"run.start\" = [\"f5\", \"ctrl-r\"]\n\"app.quit\" = \"none\"\n";
        let (settings, warnings) = Settings::parse("config.toml", text);
        assert_eq!(warnings, []);
        assert_eq!(settings.theme.as_deref(), Some("paper-dark"));
        assert_eq!(settings.keys["run.start"], ["f5", "ctrl-r"]);
        assert_eq!(settings.keys["app.quit"], ["none"]);
    }

    #[test]
    fn a_bad_key_costs_only_itself() {
        let text = "glyphs = 3\nthemes = \"x\"\ntheme = \"mono\"\n";
        let (settings, warnings) = Settings::parse("config.toml", text);
        assert_eq!(settings.theme.as_deref(), Some("mono"));
        let told: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 2);
        assert!(told[0].starts_with("config.toml line 1: `glyphs` must be a text"), "{}", told[0]);
        assert!(told[1].starts_with("config.toml line 2: unknown key `themes`"), "{}", told[1]);
    }

    #[test]
    fn broken_toml_is_told_with_its_line() {
        let (settings, warnings) = Settings::parse("config.toml", "theme = \"mono\"\nglyphs = \n");
        assert_eq!(settings.theme.as_deref(), Some("mono"));
        assert!(warnings.iter().any(|w| w.line == Some(2)), "{warnings:?}");
    }

    #[test]
    fn the_environment_wins() {
        let (mut settings, _) = Settings::parse("config.toml", "theme = \"mono\"\nglyphs = \"ascii\"\n");
        settings.overlay(|name| (name == "CODEBEAKER_THEME").then(|| "paper-light".to_owned()));
        assert_eq!(settings.theme.as_deref(), Some("paper-light"));
        assert_eq!(settings.glyphs.as_deref(), Some("ascii"));
    }
}
