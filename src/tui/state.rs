//! What is remembered from one start to the next: the theme and the keys that were chosen, how the panes are divided, the files
//! that were opened and where the cursor was in them, and which were open in which directory. One small file, written as a whole beside the old one and then
//! put in its place: of two workbenches the last one wins, and neither ever reads a half.

use std::fs;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::disk;
use super::document::identity;
use super::keymap::Preset;
use super::ratios::Ratios;
use crate::config::{Settings, make_state_dir};

/// The form of the file.
const VERSION: u32 = 1;
/// Bytes of the file that are read, at most.
const LARGEST: u64 = 256 << 10;
/// Files that are remembered, at most.
const MOST: usize = 100;
/// Directories whose open files are remembered, at most.
const DESKS: usize = 50;
/// The longest path that is remembered.
const LONGEST: usize = 4096;

/// Everything that is remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Remembered {
    version: u32,
    /// The file is a newer CodeBeaker's, and not to be replaced.
    #[serde(skip)]
    locked: bool,
    /// Where relative paths begin.
    #[serde(skip)]
    pub(crate) base: PathBuf,
    /// The theme that was chosen in the workbench.
    pub(crate) theme: Option<Chosen>,
    /// The set of keys that was chosen in the workbench.
    pub(crate) keys: Option<ChosenKeys>,
    /// How the panes share the screen: [`Shares`], if this CodeBeaker understands it.
    layout: serde_json::Value,
    /// Files, the one that was opened last first.
    pub(crate) files: Vec<Place>,
    /// What was open in which directory, the one that was left last first.
    desks: Vec<Desk>,
}

/// What every form of the file says.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    version: u32,
}

/// A theme that was chosen, and what the settings said of themes then: when they say something else, that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chosen {
    pub(crate) theme: String,
    over: (Option<String>, Option<String>),
}

impl Chosen {
    pub(crate) fn new(theme: &str, settings: &Settings) -> Self {
        Self { theme: theme.to_owned(), over: (settings.theme.clone(), settings.light_theme.clone()) }
    }

    /// The settings say what they said when it was chosen.
    pub(crate) fn stands(&self, settings: &Settings) -> bool {
        (self.over.0.as_ref(), self.over.1.as_ref())
            == (settings.theme.as_ref(), settings.light_theme.as_ref())
    }
}

/// A set of keys that was chosen, and which one the settings named then: when they name another, that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChosenKeys {
    preset: String,
    over: Option<String>,
}

impl ChosenKeys {
    pub(crate) fn new(preset: Preset, settings: &Settings) -> Self {
        Self { preset: preset.name().to_owned(), over: Self::named(settings) }
    }

    /// The set, if there is one of that name and the settings say what they said when it was chosen.
    pub(crate) fn of(&self, settings: &Settings) -> Option<Preset> {
        let found = Preset::ALL.into_iter().find(|preset| preset.name() == self.preset);
        found.filter(|_| self.over == Self::named(settings))
    }

    fn named(settings: &Settings) -> Option<String> {
        settings.keys.preset.as_ref().map(|(name, _)| name.clone())
    }
}

/// How the panes share the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Shares {
    pub(crate) ratios: Ratios,
    pub(crate) zoomed: bool,
}

/// Where the cursor was in a file: in which line, before which byte of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    #[serde(default)]
    pub(crate) row: usize,
    #[serde(default)]
    pub(crate) byte: usize,
}

/// The files that were open when a workbench that was started in a directory was left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Desk {
    pub(crate) base: PathBuf,
    /// In the order of their tabs.
    pub(crate) files: Vec<PathBuf>,
    /// Which of them was shown, or would have been but for scratch.
    pub(crate) shown: usize,
}

impl Desk {
    /// Without the files for which this says no.
    pub(crate) fn of(self, is_there: impl Fn(&Path) -> bool) -> Self {
        let shown = self.files.get(self.shown).cloned();
        let files: Vec<_> = self.files.into_iter().filter(|path| is_there(path)).collect();
        let shown = files.iter().position(|file| Some(file) == shown.as_ref()).unwrap_or(0);
        Self { base: self.base, files, shown }
    }
}

impl Remembered {
    /// Reads what was remembered. What can't be read is nothing, and why, in words.
    pub(crate) fn load(path: &Path) -> (Self, Option<String>) {
        let text = match read(path) {
            Ok(Some(text)) => text,
            Ok(None) => return (Self::default(), None),
            Err(error) => return (Self::default(), Some(format!("it can't be read ({error})"))),
        };
        if serde_json::from_str::<Head>(&text).is_ok_and(|head| head.version > VERSION) {
            let why = "a newer CodeBeaker has written it; it is left as it is".to_owned();
            return (Self { locked: true, ..Self::default() }, Some(why));
        }
        match serde_json::from_str::<Self>(&text) {
            Ok(mut found) => {
                found.files.retain(|place| is_sound(&place.path));
                found.files.truncate(MOST);
                found.desks.retain(|desk| is_sound(&desk.base));
                found.desks.truncate(DESKS);
                (found, None)
            }
            Err(error) => (Self::default(), Some(format!("it is broken ({error})"))),
        }
    }

    /// Writes it.
    pub(crate) fn save(&self, path: &Path) -> io::Result<()> {
        if self.locked {
            return Ok(());
        }
        let text = serde_json::to_string(&Self { version: VERSION, ..self.clone() })?;
        if let Some(directory) = path.parent() {
            make_state_dir(directory)?;
        }
        disk::replace_private(path, text.as_bytes())
    }

    /// How the panes shared the screen.
    pub(crate) fn shares(&self) -> Option<Shares> {
        Shares::deserialize(&self.layout).ok()
    }

    /// Notes how the panes share the screen.
    pub(crate) fn note_shares(&mut self, shares: Shares) {
        if self.shares() != Some(shares) {
            self.layout = serde_json::to_value(shares).unwrap_or_default();
        }
    }

    /// What was open in this directory. Files below it are named from there.
    pub(crate) fn desk(&self) -> Option<Desk> {
        let mut desk = self.desks.iter().find(|desk| desk.base == self.base)?.clone();
        for path in &mut desk.files {
            if let Ok(below) = path.strip_prefix(&desk.base) {
                *path = below.to_owned();
            }
        }
        Some(desk)
    }

    /// Notes what is open in this directory, and which of it is shown.
    pub(crate) fn note_desk(&mut self, files: &[PathBuf], shown: usize) {
        let open = || files.iter().map(|path| identity(&self.base, path));
        let first = self.desks.first();
        if first
            .is_some_and(|d| d.base == self.base && d.shown == shown && open().eq(d.files.iter().cloned()))
        {
            return;
        }
        let desk = Desk { base: self.base.clone(), files: open().collect(), shown };
        self.desks.retain(|desk| desk.base != self.base);
        if is_sound(&self.base) && !files.is_empty() && open().all(|path| is_sound(&path)) {
            self.desks.insert(0, desk);
            self.desks.truncate(DESKS);
        }
    }

    /// Where the cursor was in a file.
    pub(crate) fn place(&self, path: &Path) -> Option<(usize, usize)> {
        let path = identity(&self.base, path);
        self.files.iter().find(|place| place.path == path).map(|place| (place.row, place.byte))
    }

    /// Notes where the cursor is in a file. One that is shown, or new, is the one that was opened last.
    pub(crate) fn note(&mut self, path: &Path, (row, byte): (usize, usize), shown: bool) {
        let path = &identity(&self.base, path);
        if !is_sound(path) {
            return;
        }
        let known = self.files.iter_mut().enumerate().find(|(_, place)| place.path == *path);
        if let Some((_, place)) = known.filter(|(at, _)| *at == 0 || !shown) {
            (place.row, place.byte) = (row, byte);
            return;
        }
        self.files.retain(|place| place.path != *path);
        self.files.insert(0, Place { path: path.to_owned(), row, byte });
        self.files.truncate(MOST);
    }
}

/// Only what names one file from everywhere is worth remembering.
fn is_sound(path: &Path) -> bool {
    path.is_absolute() && path.to_str().is_some_and(|text| text.len() <= LONGEST)
}

fn read(path: &Path) -> io::Result<Option<String>> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut text = String::new();
    file.take(LARGEST + 1).read_to_string(&mut text)?;
    match u64::try_from(text.len()) {
        Ok(bytes) if bytes <= LARGEST => Ok(Some(text)),
        _ => Err(io::Error::other("it is too large")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state").join("workbench.json");
        assert_eq!(Remembered::load(&path), (Remembered::default(), None));
        let mut kept =
            Remembered { theme: Some(Chosen::new("mono", &Settings::default())), ..Remembered::default() };
        kept.note(Path::new("/a.py"), (3, 4), true);
        kept.note(Path::new("/b.py"), (1, 0), true);
        kept.note(Path::new("/a.py"), (5, 6), false);
        assert_eq!(kept.files.first().map(|place| place.path.as_path()), Some(Path::new("/b.py")));
        kept.note(Path::new("/a.py"), (5, 6), true);
        assert_eq!(kept.files.first().map(|place| place.path.as_path()), Some(Path::new("/a.py")));
        kept.note(Path::new("relative.py"), (5, 6), true);
        let shares = Shares { ratios: Ratios { left: 300, ..Ratios::default() }, zoomed: true };
        kept.note_shares(shares);
        kept.save(&path).unwrap();
        assert_eq!(Remembered::load(&path).0.shares(), Some(shares));
        let (found, trouble) = Remembered::load(&path);
        assert_eq!((trouble, &found.theme, &found.files), (None, &kept.theme, &kept.files));
        assert_eq!(found.place(Path::new("/a.py")), Some((5, 6)));
        assert_eq!(found.files.len(), 2);
        let names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(names.len(), 1, "nothing is left beside it");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!([mode(path.parent().unwrap()), mode(&path)], [0o711, 0o600]);
    }

    #[test]
    fn what_is_broken_is_nothing_and_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("workbench.json");
        let long = format!("{{\"version\":1,\"x\":\"{}\"}}", "x".repeat(300 << 10));
        for (text, why) in [
            ("{\"version\":1,\"theme\":3}", "it is broken"),
            ("{\"ver", "it is broken"),
            ("{\"version\":9,\"strange\":[]}", "a newer CodeBeaker"),
            (&long, "it can't be read (it is too large)"),
        ] {
            fs::write(&path, text).unwrap();
            let (found, trouble) = Remembered::load(&path);
            assert_eq!((&found.theme, found.files.len()), (&None, 0));
            assert!(trouble.as_ref().is_some_and(|t| t.starts_with(why)), "{trouble:?}");
        }
        fs::write(&path, "{\"version\":9}").unwrap();
        Remembered::load(&path).0.save(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"version\":9}");
        fs::write(&path, "{\"layout\":{\"ratios\":{\"deep\":3}}}").unwrap();
        assert_eq!(Remembered::load(&path).0.shares(), None, "another CodeBeaker's, and no harm");
        fs::write(&path, "{}").unwrap();
        assert_eq!(Remembered::load(&path), (Remembered::default(), None));
    }

    #[test]
    fn keys_that_were_chosen_stand_until_the_settings_name_others() {
        let plain = Settings::default();
        let chosen = ChosenKeys::new(Preset::Vim, &plain);
        let text = serde_json::to_string(&chosen).unwrap();
        let chosen: ChosenKeys = serde_json::from_str(&text).unwrap();
        assert_eq!(chosen.of(&plain), Some(Preset::Vim));
        let mut other = Settings::default();
        other.keys.preset = Some(("emacs".to_owned(), "config.toml".to_owned()));
        assert_eq!(chosen.of(&other), None);
        let strange = ChosenKeys { preset: "ed".to_owned(), over: None };
        assert_eq!(strange.of(&plain), None, "another CodeBeaker's, and no harm");
    }

    #[test]
    fn each_directory_has_its_own_open_files() {
        let at = |base: &str, what: &Remembered| Remembered { base: PathBuf::from(base), ..what.clone() };
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let mut what = at("/a", &Remembered::default());
        assert_eq!(what.desk(), None);
        what.note_desk(&paths(&["x.py", "/b/y.py"]), 1);
        let mut other = at("/b", &what);
        assert_eq!(other.desk(), None);
        other.note_desk(&paths(&["y.py"]), 0);
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("state/workbench.json");
        other.save(&file).unwrap();
        let found = at("/a", &Remembered::load(&file).0);
        let desk = found.desk().unwrap();
        assert_eq!((&desk.files, desk.shown), (&paths(&["x.py", "/b/y.py"]), 1), "named from there");
        let left = desk.clone().of(|path| path != Path::new("x.py"));
        assert_eq!((left.files, left.shown), (paths(&["/b/y.py"]), 0), "what is shown stays so");
        let left = desk.of(|path| path == Path::new("x.py"));
        assert_eq!((left.files, left.shown), (paths(&["x.py"]), 0));
        let mut none = found;
        none.note_desk(&[], 0);
        assert_eq!(none.desk(), None);
        assert_eq!(at("/b", &none).desk().unwrap().files, paths(&["y.py"]));
    }

    #[test]
    fn files_are_bounded() {
        let mut kept = Remembered::default();
        for n in 0..MOST + 5 {
            kept.note(&PathBuf::from(format!("/{n}")), (0, 0), false);
        }
        assert_eq!((kept.files.len(), kept.place(Path::new("/0"))), (MOST, None));
    }
}
