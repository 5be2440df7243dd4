//! `config.toml` and the `CODEBEAKER_*` variables.

use toml::de::{DeTable, DeValue};

use super::docker::ContainerSettings;
use super::document::{Item, Reader};
use super::keymap::{KNOWN as KEYS_KNOWN, KeySettings};
use super::limits::{self, LimitSettings};
use super::server::DaemonSettings;
use super::ui::UiSettings;
use super::{Paths, Warning};

/// The highest isolation score there is.
const STRICTEST: u8 = 10;

/// What a person may set. Absent is the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The theme's name; where there is a `light_theme`, the one for a dark background.
    pub theme: Option<String>,
    /// The theme for a light background: which it is, the terminal is asked.
    pub light_theme: Option<String>,
    /// `unicode` or `ascii`; absent is decided by the terminal.
    pub glyphs: Option<String>,
    /// Keys by command id: `"run.start" = ["f5"]`.
    pub keys: KeySettings,
    /// The package registry to fetch runtimes from.
    pub registry: Option<String>,
    /// What matters in the choice of a runtime: `speed`, `security`, `memory`, `balanced`.
    pub preference: Option<String>,
    /// The isolation score, 0 to 10, below which no session is created.
    pub minimum_isolation: Option<u8>,
    /// Code may run where nothing at all confines it.
    pub allow_unconfined: bool,
    /// Whether the runtimes are measured when nothing else is to be done; absent is yes.
    pub calibrate: Option<bool>,
    /// The most that sessions may have, and what those get that ask for nothing.
    pub limits: LimitSettings,
    /// Where containers are had.
    pub docker: ContainerSettings,
    /// How `codebeaker serve` serves.
    pub server: DaemonSettings,
    /// How the workbench behaves on the screen.
    pub ui: UiSettings,
    /// The file is not TOML as a whole: what is here is only what could be made of it.
    pub broken: bool,
}

impl Settings {
    /// Reads the settings file, if there is one, and the environment, which wins.
    pub fn load(paths: &Paths) -> (Self, Vec<Warning>) {
        let file = paths.settings_file();
        let place = file.display().to_string();
        let (mut settings, mut warnings) = match std::fs::read_to_string(&file) {
            Ok(text) => Self::parse(&place, &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => (Self::default(), Vec::new()),
            Err(error) => {
                let message = format!("can't be read ({error}); the defaults are used");
                (Self::default(), vec![Warning { place, line: None, message }])
            }
        };
        warnings.extend(settings.keys.load(paths));
        warnings.extend(settings.overlay(|name| std::env::var(name).ok()));
        (settings, warnings)
    }

    /// Reads settings from the text of a file called `place`.
    pub fn parse(place: &str, text: &str) -> (Self, Vec<Warning>) {
        let mut settings = Self::default();
        let mut reader = Reader::new(place, text);
        reader.read(|reader, item| settings.take(reader, &item));
        settings.broken = reader.broken;
        (settings, reader.warnings)
    }

    fn take(&mut self, reader: &mut Reader<'_>, item: &Item<'_>) {
        match (item.key, item.value) {
            ("theme", DeValue::Table(table)) => self.take_themes(reader, table),
            ("theme", _) => self.theme = reader.string(item),
            ("glyphs", _) => self.glyphs = reader.string(item),
            ("registry", _) => self.registry = reader.string(item),
            ("preference", _) => self.preference = reader.string(item),
            ("minimum_isolation", _) => {
                self.minimum_isolation = Some(reader.number(item).map_or(STRICTEST, |n| {
                    score(n).unwrap_or_else(|message| {
                        reader.warn(item.at, message);
                        STRICTEST
                    })
                }));
            }
            ("allow_unconfined", _) => self.allow_unconfined = reader.boolean(item).unwrap_or(false),
            ("calibrate", _) => self.calibrate = reader.boolean(item),
            ("limits", DeValue::Table(table)) => {
                reader.each(table, |reader, item| self.limits.take(reader, &item));
            }
            ("limits", _) => {
                reader.warn(item.at, "`limits` must be a table: write [limits] above it".to_owned());
            }
            ("docker", DeValue::Table(table)) => {
                reader.each(table, |reader, item| self.docker.take(reader, &item));
            }
            ("docker", _) => {
                reader.warn(item.at, "`docker` must be a table: write [docker] above it".to_owned());
            }
            ("server", DeValue::Table(table)) => {
                reader.each(table, |reader, item| self.server.take(reader, &item));
            }
            ("server", _) => {
                reader.warn(item.at, "`server` must be a table: write [server] above it".to_owned());
            }
            ("ui", DeValue::Table(table)) => reader.each(table, |reader, item| {
                let glyphs = self.ui.take(reader, &item);
                self.glyphs = glyphs.or(self.glyphs.take());
            }),
            ("ui", _) => reader.warn(item.at, "`ui` must be a table: write [ui] above it".to_owned()),
            _ if self.keys.take(reader, item) => {}
            (unknown, _) => {
                let known = "theme, glyphs, registry, preference, minimum_isolation, allow_unconfined, \
                             calibrate, [limits], [docker], [server], [ui]";
                reader.warn(item.at, format!("unknown key `{unknown}`: there are {known}, {KEYS_KNOWN}"));
            }
        }
    }

    /// `{ dark = "…", light = "…" }`; one alone is the theme everywhere.
    fn take_themes(&mut self, reader: &mut Reader<'_>, table: &DeTable<'_>) {
        reader.each(table, |reader, item| match item.key {
            "dark" => self.theme = reader.string(&item),
            "light" => self.light_theme = reader.string(&item),
            unknown => reader.warn(item.at, format!("unknown key `{unknown}`: there are dark, light")),
        });
        if self.theme.is_none() {
            self.theme = self.light_theme.take();
        }
    }

    /// Lets the environment, read by `var`, win over the file. Gives what of it was not understood.
    pub fn overlay(&mut self, var: impl Fn(&str) -> Option<String>) -> Vec<Warning> {
        let given = |name: &str| var(name).filter(|value| !value.trim().is_empty());
        for (name, place) in [
            ("CODEBEAKER_GLYPHS", &mut self.glyphs),
            ("CODEBEAKER_REGISTRY", &mut self.registry),
            ("CODEBEAKER_PREFERENCE", &mut self.preference),
        ] {
            if let Some(value) = given(name) {
                *place = Some(value);
            }
        }
        if let Some(value) = given("CODEBEAKER_THEME") {
            let (dark, light) = value.split_once(',').map_or((value.as_str(), None), |(d, l)| (d, Some(l)));
            self.theme = Some(dark.trim().to_owned());
            self.light_theme = light.map(|light| light.trim().to_owned());
        }
        if let Some(preset) = given("CODEBEAKER_PRESET") {
            self.keys.preset = Some((preset, "CODEBEAKER_PRESET".to_owned()));
        }
        let mut warnings = Vec::new();
        let mut warn = |name: &str, message: String| {
            warnings.push(Warning { place: name.to_owned(), line: None, message });
        };
        let name = "CODEBEAKER_MINIMUM_ISOLATION";
        if let Some(value) = given(name) {
            let read = limits::number(&value).and_then(score);
            self.minimum_isolation = Some(read.unwrap_or_else(|message| {
                warn(name, message);
                STRICTEST
            }));
        }
        let name = "CODEBEAKER_ALLOW_UNCONFINED";
        if let Some(value) = given(name) {
            self.allow_unconfined = boolean(&value).unwrap_or_else(|message| {
                warn(name, message);
                false
            });
        }
        let name = "CODEBEAKER_CALIBRATE";
        if let Some(value) = given(name) {
            self.calibrate = Some(boolean(&value).unwrap_or_else(|message| {
                warn(name, message);
                false
            }));
        }
        self.limits.overlay(given, &mut warn);
        self.docker.overlay(given, &mut warn);
        self.server.overlay(given, &mut warn);
        self.ui.overlay(given, &mut warn);
        warnings
    }
}

/// What can't be read is the strictest: nobody is to run with less isolation than he has meant to ask for.
fn score(number: u64) -> Result<u8, String> {
    let fits = u8::try_from(number).ok().filter(|n| *n <= STRICTEST);
    fits.ok_or_else(|| {
        format!("the minimum isolation is a number from 0 to {STRICTEST}, not {number}; {STRICTEST} is used")
    })
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text.trim().to_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        other => Err(format!("{other:?} is neither true nor false; false is used")),
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
        let keys: Vec<_> = settings.keys.entries.iter().map(|e| (e.id.as_str(), e.keys.clone())).collect();
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(keys, [("run.start", texts(&["f5", "ctrl-r"])), ("app.quit", texts(&["none"]))]);
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

    #[test]
    fn themes_for_dark_and_light_and_the_screen() {
        let text = "theme = { dark = \"paper-dark\", light = \"paper-light\", dusk = \"x\" }\n\
                    [ui]\nreduced_motion = true\nmouse = false\nwrap = 3\nglyphs = \"ascii\"\nmice = 1\n";
        let (mut settings, warnings) = Settings::parse("config.toml", text);
        let themes = (settings.theme.as_deref(), settings.light_theme.as_deref());
        assert_eq!(themes, (Some("paper-dark"), Some("paper-light")));
        assert_eq!(settings.glyphs.as_deref(), Some("ascii"));
        assert_eq!(
            settings.ui,
            UiSettings { reduced_motion: Some(true), mouse: Some(false), ..UiSettings::default() }
        );
        let lines: Vec<_> = warnings.iter().map(|w| w.line).collect();
        assert_eq!(lines, [Some(1), Some(5), Some(7)], "{warnings:?}");
        let warnings = settings.overlay(|name| {
            let value = match name {
                "CODEBEAKER_THEME" => "mono",
                "CODEBEAKER_UI_MOUSE" => "perhaps",
                "CODEBEAKER_UI_WRAP" => "no",
                "NO_MOTION" => "1",
                _ => return None,
            };
            Some(value.to_owned())
        });
        assert_eq!((settings.theme.as_deref(), settings.light_theme), (Some("mono"), None));
        assert_eq!((settings.ui.wrap, settings.ui.reduced_motion), (Some(false), Some(true)));
        assert_eq!(warnings.len(), 1);
    }

    #[test]
    fn isolation_and_limits_are_read() {
        let text = "minimum_isolation = 8\nallow_unconfined = true\ncalibrate = true\n[limits]\nmemory_mb = 256\ncpus = 7\nprocesses = 32\n\
                    open_files = 100\nfile_size_mb = 1\nworkspace_mb = 2\nworkspace_files = 3\noutput_kb = 4\n\
                    timeout_seconds = 5\ncpu_seconds = 6\n";
        let (mut settings, warnings) = Settings::parse("config.toml", text);
        assert_eq!(warnings, []);
        assert_eq!((settings.minimum_isolation, settings.allow_unconfined), (Some(8), true));
        assert_eq!(settings.calibrate, Some(true));
        let read = LimitSettings {
            memory_mb: Some(256),
            cpus: Some(7),
            processes: Some(32),
            open_files: Some(100),
            file_size_mb: Some(1),
            workspace_mb: Some(2),
            workspace_files: Some(3),
            output_kb: Some(4),
            timeout_seconds: Some(5),
            cpu_seconds: Some(6),
        };
        assert_eq!(settings.limits, read);
        let warnings = settings.overlay(|name| {
            let value = match name {
                "CODEBEAKER_MINIMUM_ISOLATION" => "6",
                "CODEBEAKER_ALLOW_UNCONFINED" => "no",
                "CODEBEAKER_CALIBRATE" => "0",
                "CODEBEAKER_LIMITS_MEMORY_MB" => "64",
                "CODEBEAKER_LIMITS_PROCESSES" => "many",
                "CODEBEAKER_LIMITS_CPU_SECONDS" => "0",
                _ => return None,
            };
            Some(value.to_owned())
        });
        assert_eq!((settings.minimum_isolation, settings.allow_unconfined), (Some(6), false));
        assert_eq!(settings.calibrate, Some(false));
        assert_eq!(settings.limits, LimitSettings { memory_mb: Some(64), ..read });
        let told: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        let processes =
            "CODEBEAKER_LIMITS_PROCESSES: \"many\" is not a whole number above 0; it is passed over";
        let cpu = "CODEBEAKER_LIMITS_CPU_SECONDS: \"0\" is not a whole number above 0; it is passed over";
        assert_eq!(told, [processes, cpu]);
    }

    #[test]
    fn a_minimum_isolation_that_can_not_be_read_is_the_strictest() {
        for text in ["minimum_isolation = 11", "minimum_isolation = \"8\"", "minimum_isolation = -1"] {
            let (settings, warnings) = Settings::parse("config.toml", text);
            assert_eq!((settings.minimum_isolation, warnings.len()), (Some(10), 1), "{text}");
        }
        let mut settings = Settings::default();
        let warnings =
            settings.overlay(|name| (name == "CODEBEAKER_MINIMUM_ISOLATION").then(|| "high".to_owned()));
        assert_eq!((settings.minimum_isolation, warnings.len()), (Some(10), 1));
    }

    #[test]
    fn odd_limits_cost_only_themselves() {
        let text = "[limits]\nmemory = 3\nmemory_mb = 0\nprocesses = 1.5\nopen_files = 99\n";
        let (settings, warnings) = Settings::parse("config.toml", text);
        assert_eq!(settings.limits, LimitSettings { open_files: Some(99), ..LimitSettings::default() });
        let told: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 3);
        assert!(told[0].starts_with("config.toml line 2: unknown limit `memory`: there are memory_mb, "));
        assert!(told[1].starts_with("config.toml line 3: `memory_mb` must be above 0"), "{}", told[1]);
        assert!(told[2].starts_with("config.toml line 4: `processes` must be a whole number"), "{}", told[2]);
        let (_, warnings) = Settings::parse("config.toml", "limits = 3\nallow_unconfined = 1\n");
        assert_eq!(warnings.len(), 2, "{warnings:?}");
    }
}
