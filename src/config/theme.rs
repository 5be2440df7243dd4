//! Theme files: a palette, what each role on the screen takes from it, and the glyphs.
//!
//! The built-in themes are files of the same format, in `themes/`. What a role is, and which exist, is the
//! workbench's business.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::document::{Item, Reader};
use super::{Paths, Warning};

/// The themes that come with CodeBeaker: name and text.
pub const BUILT_IN: [(&str, &str); 7] = [
    ("terminal", include_str!("../../themes/terminal.toml")),
    ("paper-dark", include_str!("../../themes/paper-dark.toml")),
    ("paper-light", include_str!("../../themes/paper-light.toml")),
    ("high-contrast-dark", include_str!("../../themes/high-contrast-dark.toml")),
    ("high-contrast-light", include_str!("../../themes/high-contrast-light.toml")),
    ("colour-blind", include_str!("../../themes/colour-blind.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
];

/// How many themes may inherit from one another in a row.
const DEPTH: usize = 8;
/// Bytes of a theme file that are read, at most.
const LARGEST: u64 = 256 << 10;
/// Themes of a person's own that are offered, at most.
const MOST: usize = 200;

/// The sixteen colours by name, with what xterm makes of them.
pub const ANSI: [(&str, [u8; 3]); 16] = [
    ("black", [0, 0, 0]),
    ("red", [205, 0, 0]),
    ("green", [0, 205, 0]),
    ("yellow", [205, 205, 0]),
    ("blue", [0, 0, 238]),
    ("magenta", [205, 0, 205]),
    ("cyan", [0, 205, 205]),
    ("white", [229, 229, 229]),
    ("bright-black", [127, 127, 127]),
    ("bright-red", [255, 0, 0]),
    ("bright-green", [0, 255, 0]),
    ("bright-yellow", [255, 255, 0]),
    ("bright-blue", [92, 92, 255]),
    ("bright-magenta", [255, 0, 255]),
    ("bright-cyan", [0, 255, 255]),
    ("bright-white", [255, 255, 255]),
];

/// What a role's `mod` may say, each also with `-if-mono`.
pub const MODS: [&str; 5] = ["bold", "dim", "italic", "underlined", "reversed"];

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
    /// Of [`MODS`].
    pub mods: Vec<String>,
    /// The file and line that say so.
    pub at: Option<(String, usize)>,
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
        let mut unread = Vec::new();
        let (theme, mut warnings) = Self::load_with(name, |name| {
            let file = paths.theme_file(name);
            // A name comes from a file or variable: it must not lead out of the themes' directory.
            let own = is_name(name).then(|| super::document::read(&file, LARGEST));
            match own {
                Some(Ok(Some(text))) => Some((file.display().to_string(), text)),
                Some(Err(message)) => {
                    let place = file.display().to_string();
                    unread.push(Warning { place, line: None, message });
                    built_in(name)
                }
                Some(Ok(None)) | None => built_in(name),
            }
        });
        unread.append(&mut warnings);
        (theme, unread)
    }

    /// The names of all themes there are: the built-in ones, then those of the person's own.
    pub fn names(paths: &Paths) -> Vec<String> {
        let files = std::fs::read_dir(paths.themes_dir()).into_iter().flatten().flatten();
        let stem = |name: String| name.strip_suffix(".toml").filter(|stem| is_name(stem)).map(str::to_owned);
        let mut own: Vec<String> = files
            .filter_map(|file| file.file_name().into_string().ok().and_then(stem))
            .filter(|name| built_in(name).is_none())
            .take(MOST)
            .collect();
        own.sort();
        BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).chain(own).collect()
    }

    fn load_with(name: &str, mut find: impl FnMut(&str) -> Option<(String, String)>) -> (Self, Vec<Warning>) {
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
        // What no file in the row has filled is the terminal's.
        if !seen.iter().any(|name| name == "terminal") {
            let text = BUILT_IN.iter().find(|(name, _)| *name == "terminal").map_or("", |(_, text)| *text);
            theme.fill_from(Self::parse("built-in theme terminal", text).0);
        }
        (theme, warnings)
    }

    /// What in the roles means nothing: roles that aren't among those `known`, colours that no palette has.
    pub fn check(&self, known: &[&str]) -> Vec<Warning> {
        let mut roles: Vec<_> = self.roles.iter().collect();
        roles.sort_by_key(|(_, spec)| spec.at.clone());
        let mut warnings = Vec::new();
        for (role, spec) in roles {
            let (place, line) = match &spec.at {
                Some((place, line)) => (place.clone(), Some(*line)),
                None => (format!("theme {}", self.name), None),
            };
            let mut warn = |message| warnings.push(Warning { place: place.clone(), line, message });
            if !known.contains(&role.as_str()) {
                warn(format!("unknown role `{role}`, left out"));
            }
            for colour in spec.fg.iter().chain(&spec.bg).filter(|c| !self.palette.contains_key(*c)) {
                warn(format!("`{role}` wants `{colour}`, which no [palette] has"));
            }
            for word in &spec.mods {
                if !MODS.contains(&word.strip_suffix("-if-mono").unwrap_or(word)) {
                    warn(format!("unknown mod `{word}`: there are {}", MODS.join(", ")));
                }
            }
        }
        warnings
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
            ("appearance", _) => match reader.string(item).as_deref() {
                Some("light") => self.light = true,
                Some("dark") | None => {}
                Some(other) => {
                    reader.warn(item.at, format!("`{other}` is neither dark nor light: it is dark"))
                }
            },
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
            ("palette" | "roles" | "glyphs", _) => {
                reader.warn(item.at, format!("`{0}` must be a table: write [{0}] above it", item.key));
            }
            (unknown, _) => {
                let known = "name, appearance, inherits, [palette], [roles], [glyphs]";
                reader.warn(item.at, format!("unknown key `{unknown}`: there are {known}"));
            }
        }
    }
}

/// A theme can be called so: its file is in the themes' directory then, and nowhere else.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
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
        "ansi" => {
            colour.ansi = reader.string(&item).unwrap_or_default();
            if colour.ansi != "default" && !ANSI.iter().any(|(name, _)| *name == colour.ansi) {
                let message = format!("`{}` is none of the 16 colours, as bright-black is", colour.ansi);
                reader.warn(item.at, message);
            }
        }
        other => reader.warn(item.at, format!("unknown key `{other}`: there are rgb, ansi")),
    });
    Some(colour)
}

fn role(reader: &mut Reader<'_>, item: &Item<'_>) -> Option<RoleSpec> {
    let at = Some((reader.place().to_owned(), reader.line(item.at)));
    match item.value {
        DeValue::String(name) => Some(RoleSpec { fg: Some(name.to_string()), at, ..RoleSpec::default() }),
        DeValue::Table(table) => {
            let mut role = RoleSpec { at, ..RoleSpec::default() };
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
    fn what_means_nothing_is_told_with_file_and_line() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::below(dir.path());
        std::fs::create_dir_all(paths.themes_dir()).unwrap();
        let text = "inherits = \"paper-dark\"\n[roles]\n\"tex\" = \"ink\"\n\"text\" = { fg = \"pink\", mod = \"bald\" }\n";
        std::fs::write(paths.theme_file("own"), text).unwrap();
        std::fs::write(paths.theme_file("broken"), b"\xff").unwrap();
        let (theme, warnings) = ThemeFile::load("own", &paths);
        assert_eq!(warnings, []);
        assert_eq!(theme.palette["ink"].rgb, Some([0xe6, 0xe1, 0xd8]), "inherited");
        let told: Vec<String> =
            theme.check(&["text", "background"]).iter().map(ToString::to_string).collect();
        let place = paths.theme_file("own").display().to_string();
        assert!(told.contains(&format!("{place} line 3: unknown role `tex`, left out")), "{told:?}");
        assert!(told.contains(&format!("{place} line 4: `text` wants `pink`, which no [palette] has")));
        assert!(
            told.iter().any(|t| t.starts_with(&format!("{place} line 4: unknown mod `bald`"))),
            "{told:?}"
        );
        let (theme, warnings) = ThemeFile::load("broken", &paths);
        assert!(warnings[0].to_string().contains("broken.toml: can't be read"), "{warnings:?}");
        assert!(theme.roles.contains_key("text"), "terminal fills in");
        let names = ThemeFile::names(&paths);
        assert_eq!(names.len(), 9);
        assert_eq!(names[7..], ["broken", "own"]);
    }

    #[test]
    fn colours_are_checked() {
        let (theme, warnings) =
            ThemeFile::parse("t", "[palette]\nred = { rgb = \"#zz0000\", ansi = \"red\" }\n");
        assert_eq!(theme.palette["red"].rgb, None);
        assert_eq!(warnings[0].line, Some(2));
    }
}
