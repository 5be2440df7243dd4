//! Theme files: a palette, what each role on the screen takes from it, and the glyphs.
//!
//! The built-in themes are files of the same format, in `themes/`. What a role is, and which exist, is the
//! workbench's business.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::document::{Item, Reader};
use super::{Paths, Warning};

/// The themes that come with CodeBeaker: name and text.
pub const BUILT_IN: [(&str, &str); 5] = [
    ("terminal", include_str!("../../themes/terminal.toml")),
    ("paper-dark", include_str!("../../themes/paper-dark.toml")),
    ("paper-light", include_str!("../../themes/paper-light.toml")),
    ("high-contrast-dark", include_str!("../../themes/high-contrast-dark.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
];

/// How many themes may inherit from one another in a row.
const DEPTH: usize = 8;

/// One palette colour: what it is with 24 bits, and with 16 colours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Colour {
    /// Red, green, blue; absent where only the 16 colours are meant.
    pub rgb: Option<[u8; 3]>,
    /// One of the 16, by name: `bright-black`; `default` is the terminal's own.
    pub ansi: String,
}

/// What a role looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleSpec {
    /// The foreground, a palette name.
    pub fg: Option<String>,
    /// The background, a palette name.
    pub bg: Option<String>,
    /// `bold`, `dim`, `italic`, `underlined`, `reversed`, each also with `-if-mono`.
    pub mods: Vec<String>,
}

/// Which characters frames and states are drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GlyphSet {
    /// Box drawing and symbols.
    Unicode,
    /// ASCII only.
    Ascii,
}

/// A theme with everything it inherits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThemeFile {
    /// Its name.
    pub name: String,
    /// It is made for a light background.
    pub light: bool,
    /// Colours by name.
    pub palette: BTreeMap<String, Colour>,
    /// Roles by name.
    pub roles: BTreeMap<String, RoleSpec>,
    /// Absent is decided by the terminal.
    pub glyphs: Option<GlyphSet>,
    inherits: Option<String>,
}

impl ThemeFile {
    /// The theme called `name`, the person's own before a built-in one, with all it inherits. One that isn't there
    /// is a warning and `terminal`.
    pub fn load(name: &str, paths: &Paths) -> (Self, Vec<Warning>) {
        Self::load_with(name, |name| {
            // A name comes from a file or variable: it must not lead out of the themes' directory.
            let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
            let file = paths.theme_file(name);
            let own = plain.then(|| std::fs::read_to_string(&file).ok()).flatten();
            own.map(|text| (file.display().to_string(), text)).or_else(|| built_in(name))
        })
    }

    fn load_with(name: &str, find: impl Fn(&str) -> Option<(String, String)>) -> (Self, Vec<Warning>) {
        let mut warnings = Vec::new();
        let mut theme = Self { name: name.to_owned(), ..Self::default() };
        let mut wanted = Some(name.to_owned());
        let mut seen: Vec<String> = Vec::new();
        while let Some(next) = wanted.take() {
            if seen.contains(&next) || seen.len() == DEPTH {
                let message = format!("inherits itself through `{next}`; the rest is left out");
                warnings.push(Warning { place: format!("theme {name}"), line: None, message });
                break;
            }
            let Some((place, text)) = find(&next) else {
                let message = format!("there is no theme `{next}`; `terminal` is used");
                warnings.push(Warning { place: format!("theme {name}"), line: None, message });
                wanted = (next != "terminal").then(|| "terminal".to_owned());
                continue;
            };
            let (parent, told) = Self::parse(&place, &text);
            warnings.extend(told);
            wanted.clone_from(&parent.inherits);
            theme.light = if seen.is_empty() { parent.light } else { theme.light };
            theme.fill_from(parent);
            seen.push(next);
        }
        (theme, warnings)
    }

    /// Reads one file, without what it inherits.
    pub fn parse(place: &str, text: &str) -> (Self, Vec<Warning>) {
        let mut theme = Self::default();
        let mut reader = Reader::new(place, text);
        reader.read(|reader, item| theme.take(reader, &item));
        (theme, reader.warnings)
    }

    /// Takes from a parent what this theme doesn't say itself.
    fn fill_from(&mut self, parent: Self) {
        for (name, colour) in parent.palette {
            self.palette.entry(name).or_insert(colour);
        }
        for (name, role) in parent.roles {
            self.roles.entry(name).or_insert(role);
        }
        self.glyphs = self.glyphs.or(parent.glyphs);
    }

    fn take(&mut self, reader: &mut Reader<'_>, item: &Item<'_>) {
        match (item.key, item.value) {
            ("name", _) => self.name = reader.string(item).unwrap_or_default(),
            ("inherits", _) => self.inherits = reader.string(item),
            ("appearance", _) => self.light = reader.string(item).is_some_and(|s| s == "light"),
            ("palette", DeValue::Table(table)) => reader.each(table, |reader, item| {
                if let Some(colour) = colour(reader, &item) {
                    self.palette.insert(item.key.to_owned(), colour);
                }
            }),
            ("roles", DeValue::Table(table)) => reader.each(table, |reader, item| {
                if let Some(role) = role(reader, &item) {
                    self.roles.insert(item.key.to_owned(), role);
                }
            }),
            ("glyphs", DeValue::Table(table)) => reader.each(table, |reader, item| {
                self.glyphs = match (item.key, reader.string(&item).as_deref()) {
                    ("set", Some("ascii")) => Some(GlyphSet::Ascii),
                    ("set", Some("unicode")) => Some(GlyphSet::Unicode),
                    _ => {
                        reader.warn(item.at, "`set` must be \"unicode\" or \"ascii\"".to_owned());
                        self.glyphs
                    }
                };
            }),
            (unknown, _) => {
                let known = "name, appearance, inherits, [palette], [roles], [glyphs]";
                reader.warn(item.at, format!("unknown key `{unknown}`: there are {known}"));
            }
        }
    }
}

/// A built-in theme's place and text.
fn built_in(name: &str) -> Option<(String, String)> {
    let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
    Some((format!("built-in theme {name}"), (*text).to_owned()))
}

fn colour(reader: &mut Reader<'_>, item: &Item<'_>) -> Option<Colour> {
    let DeValue::Table(table) = item.value else {
        reader.warn(item.at, format!("`{}` must be {{ rgb = \"#rrggbb\", ansi = \"…\" }}", item.key));
        return None;
    };
    let mut colour = Colour { rgb: None, ansi: "default".to_owned() };
    reader.each(table, |reader, item| match item.key {
        "rgb" => {
            let text = reader.string(&item).unwrap_or_default();
            colour.rgb = hex(&text);
            if colour.rgb.is_none() {
                reader.warn(item.at, format!("`{text}` is no colour: write it as \"#rrggbb\""));
            }
        }
        "ansi" => colour.ansi = reader.string(&item).unwrap_or_default(),
        other => reader.warn(item.at, format!("unknown key `{other}`: there are rgb, ansi")),
    });
    Some(colour)
}

fn role(reader: &mut Reader<'_>, item: &Item<'_>) -> Option<RoleSpec> {
    match item.value {
        DeValue::String(name) => Some(RoleSpec { fg: Some(name.to_string()), ..RoleSpec::default() }),
        DeValue::Table(table) => {
            let mut role = RoleSpec::default();
            reader.each(table, |reader, item| match item.key {
                "fg" => role.fg = reader.string(&item),
                "bg" => role.bg = reader.string(&item),
                "mod" => role.mods = reader.strings(&item).unwrap_or_default(),
                other => reader.warn(item.at, format!("unknown key `{other}`: there are fg, bg, mod")),
            });
            Some(role)
        }
        _ => {
            reader.warn(item.at, format!("`{}` must be a palette name or a table", item.key));
            None
        }
    }
}

/// Reads `#rrggbb`.
fn hex(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.is_ascii())?;
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    Some([byte(0)?, byte(2)?, byte(4)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_theme_reads_without_a_warning() {
        let nowhere = Paths::below("/nonexistent");
        for (name, _) in BUILT_IN {
            let (theme, warnings) = ThemeFile::load(name, &nowhere);
            assert_eq!(warnings, [], "{name}");
            assert!(theme.roles.contains_key("text"), "{name} inherits text");
        }
    }

    #[test]
    fn a_name_cannot_lead_elsewhere() {
        let (theme, warnings) = ThemeFile::load("../../etc/passwd", &Paths::below("/nonexistent"));
        assert_eq!(warnings.len(), 1);
        assert!(theme.roles.contains_key("text"), "terminal fills in");
    }

    #[test]
    fn cycles_end() {
        let (_, warnings) = ThemeFile::load_with("a", |name| {
            let other = if name == "a" { "b" } else { "a" };
            Some((name.to_owned(), format!("inherits = \"{other}\"")))
        });
        assert_eq!(warnings.len(), 1, "{warnings:?}");
    }

    #[test]
    fn colours_are_checked() {
        let (theme, warnings) =
            ThemeFile::parse("t", "[palette]\nred = { rgb = \"#zz0000\", ansi = \"red\" }\n");
        assert_eq!(theme.palette["red"].rgb, None);
        assert_eq!(warnings[0].line, Some(2));
    }
}
