//! Which theme and glyphs are shown, and why: the settings' word, a choice that was made in the workbench, and what
//! is known of the terminal. Pure but for [`read_themes`], which tasks and the start call.

use std::collections::BTreeMap;

use super::state::Chosen;
use super::theme::{ColourTier, NAMES, TerminalKind, Theme};
use crate::config::{GlyphSet, Paths, Settings, ThemeFile, Warning};

/// A theme with what is wrong in its file.
pub(crate) type Read = (ThemeFile, Vec<Warning>);

/// What decides how everything looks.
#[derive(Debug)]
pub(crate) struct Look {
    terminal: TerminalKind,
    /// The settings in force.
    pub(crate) settings: Settings,
    /// Those that the engine was made with.
    pub(crate) started: Settings,
    pub(crate) paths: Paths,
    /// Themes that were read, by name.
    themes: BTreeMap<String, Read>,
    /// The terminal's background is light, as far as is known.
    pub(crate) light: Option<bool>,
    /// The theme that was chosen in the workbench.
    pub(crate) chosen: Option<Chosen>,
    /// Changes with everything that may change a theme.
    revision: u64,
}

impl Default for Look {
    fn default() -> Self {
        let terminal = TerminalKind { colours: ColourTier::Ansi, unicode: true };
        Self::new(terminal, Settings::default(), Paths::below(""), None)
    }
}

impl Look {
    /// That of a terminal, with the built-in default theme alone.
    pub(crate) fn new(terminal: TerminalKind, settings: Settings, paths: Paths, light: Option<bool>) -> Self {
        let started = settings.clone();
        Self { terminal, settings, started, paths, themes: BTreeMap::new(), light, chosen: None, revision: 0 }
    }

    /// The themes that may be shown before any other is chosen.
    pub(crate) fn needed(&self) -> Vec<String> {
        let names =
            [Some(self.wanted(None)), self.settings.theme.as_deref(), self.settings.light_theme.as_deref()];
        let mut names: Vec<String> = names.into_iter().flatten().map(str::to_owned).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Takes themes that were read, in the place of all those before. True: something changed.
    pub(crate) fn take(&mut self, themes: Vec<Read>) -> bool {
        let themes: BTreeMap<_, _> = themes.into_iter().map(|read| (read.0.name.clone(), read)).collect();
        let changed = self.themes != themes;
        self.themes = themes;
        self.revision += u64::from(changed);
        changed
    }

    /// The names of the themes that were read, the built-in ones first.
    pub(crate) fn names(&self) -> Vec<&str> {
        let built_in = crate::config::BUILT_IN.map(|(name, _)| name);
        let own = self.themes.keys().map(String::as_str).filter(|name| !built_in.contains(name));
        let known = built_in.iter().copied().filter(|name| self.themes.contains_key(*name));
        known.chain(own).collect()
    }

    /// What a theme is made for, and what is wrong in its file.
    pub(crate) fn theme(&self, name: &str) -> Option<&Read> {
        self.themes.get(name)
    }

    /// The theme to show; `preview` is one that is being looked at.
    pub(crate) fn wanted<'a>(&'a self, preview: Option<&'a str>) -> &'a str {
        let chosen = self.chosen.as_ref().filter(|chosen| chosen.stands(&self.settings));
        let light = self.light == Some(true);
        match (self.terminal.colours, preview) {
            (ColourTier::Mono, _) => "mono",
            (_, Some(name)) => name,
            _ => match (chosen, &self.settings.theme, &self.settings.light_theme) {
                (Some(chosen), ..) => &chosen.theme,
                (None, Some(_), Some(name)) if light => name,
                (None, Some(name), _) => name,
                (None, None, _) if light => "paper-light",
                (None, None, _) => "terminal",
            },
        }
    }

    /// Which theme is shown hangs on whether the background is light.
    pub(crate) fn follows(&self) -> bool {
        self.settings.light_theme.is_some() && self.terminal.colours != ColourTier::Mono
    }

    /// No colour can be shown, so every theme looks the same.
    pub(crate) fn is_mono(&self) -> bool {
        self.terminal.colours == ColourTier::Mono
    }

    /// What tells whether [`Look::resolve`] would give something else.
    pub(crate) fn stamp(&self, preview: Option<&str>) -> (String, u64) {
        (self.wanted(preview).to_owned(), self.revision)
    }

    /// The theme to show, on this terminal.
    pub(crate) fn resolve(&self, preview: Option<&str>) -> Theme {
        let name = self.wanted(preview);
        // One whose file was removed is not shown any longer.
        let plain = ThemeFile::default();
        let file =
            self.themes.get(name).or_else(|| self.themes.get("terminal")).map_or(&plain, |(file, _)| file);
        let by_terminal = if self.terminal.unicode { GlyphSet::Unicode } else { GlyphSet::Ascii };
        let set = match self.settings.glyphs.as_deref() {
            Some("ascii") => GlyphSet::Ascii,
            Some("unicode") => GlyphSet::Unicode,
            _ => file.glyphs.unwrap_or(by_terminal),
        };
        Theme::resolve(file, self.terminal.colours, set)
    }

    /// Takes other settings.
    pub(crate) fn set(&mut self, settings: Settings) {
        self.settings = settings;
        self.revision += 1;
    }

    /// What in the settings means nothing here.
    pub(crate) fn check(&self) -> Vec<Warning> {
        let known = ["auto", "unicode", "ascii"];
        let odd = self.settings.glyphs.as_deref().filter(|set| !known.contains(set));
        let warn = |set| {
            let message = format!("unknown glyph set `{set}`: there are auto, unicode, ascii");
            Warning { place: "glyphs".to_owned(), line: None, message }
        };
        odd.map(warn).into_iter().collect()
    }
}

/// Reads themes from their files, with all that is wrong in them.
pub(crate) fn read_themes(names: &[String], paths: &Paths) -> Vec<Read> {
    let read = |name: &String| {
        let (file, mut warnings) = ThemeFile::load(name, paths);
        warnings.extend(file.check(NAMES));
        (file, warnings)
    };
    names.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(theme: Option<&str>, light_theme: Option<&str>) -> Look {
        let settings = Settings {
            theme: theme.map(str::to_owned),
            light_theme: light_theme.map(str::to_owned),
            ..Settings::default()
        };
        Look { settings, ..Look::default() }
    }

    #[test]
    fn the_background_decides_between_two() {
        let mut look = look(Some("paper-dark"), Some("paper-light"));
        assert_eq!(look.wanted(None), "paper-dark");
        look.light = Some(true);
        assert_eq!(look.wanted(None), "paper-light");
        assert_eq!(look.needed(), ["paper-dark", "paper-light"]);
        look.light = Some(false);
        assert_eq!(look.wanted(Some("mono")), "mono");
        assert_eq!(look.wanted(None), "paper-dark");
    }

    #[test]
    fn a_choice_stands_until_the_settings_say_something_else() {
        let mut look = look(Some("paper-dark"), None);
        look.chosen = Some(Chosen::new("mono", &look.settings));
        assert_eq!(look.wanted(None), "mono");
        look.settings.theme = Some("paper-light".to_owned());
        assert_eq!(look.wanted(None), "paper-light");
        look.terminal.colours = ColourTier::Mono;
        assert_eq!(look.wanted(Some("paper-dark")), "mono");
    }

    #[test]
    fn a_light_terminal_has_dark_words_by_default() {
        let mut look = look(None, None);
        assert_eq!(look.wanted(None), "terminal");
        look.light = Some(true);
        assert_eq!(look.wanted(None), "paper-light");
        assert!(!look.follows());
    }
}
