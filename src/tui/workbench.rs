//! The model with what drawing it takes: everything of the workbench but the loop and the terminal.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Size;
use ratatui::style::Style;

use super::buffers;
use super::document::{Document, Origin};
use super::editor::{Editor, Pos};
use super::highlight::Highlighter;
use super::keymap::{Outer, Preset};
use super::keys::Keymap;
use super::look::{self, Look};
use super::model::{Model, Pane, Screen, Verdict};
use super::msg::{BufferId, Effect, Msg, Unsaved};
use super::past::{self, Entry};
use super::state::{Desk, Remembered, Shares};
use super::theme::{Role, TerminalKind, Theme};
use super::{update, view};
use crate::config::{Paths, Settings, Warning};
use crate::engine::Connector;
use crate::protocol::{RuntimeInfo, RuntimeType, SessionId};

/// Writes a report on runtimes to a file, and tells which; it may block.
pub type Report = Arc<dyn Fn(&[RuntimeInfo]) -> Result<PathBuf, String> + Send + Sync>;

/// How long colouring may hold up a frame.
const COLOUR_BUDGET: Duration = Duration::from_millis(6);

/// What the workbench is opened with.
#[derive(Clone)]
pub struct Options {
    /// The file to edit; scratch where there is none.
    pub file: Option<PathBuf>,
    /// More files to edit, behind the first.
    pub more: Vec<PathBuf>,
    /// The person's own editor, as a command line.
    pub editor: String,
    /// Where texts that are not saved are kept, and what is remembered from one start to the next; nowhere without it.
    pub state: Option<PathBuf>,
    /// The settings.
    pub settings: Settings,
    /// Where themes are.
    pub paths: Paths,
    /// What was wrong with the settings: shown when the workbench opens.
    pub warnings: Vec<Warning>,
    /// What the terminal can show.
    pub terminal: TerminalKind,
    /// Its background is light, as far as is known.
    pub light_background: Option<bool>,
    /// What this runs in: programs that keep some keys.
    pub outer: Outer,
    /// Makes other engines. Without it, the one given at the start is the only one.
    pub connector: Option<Arc<dyn Connector>>,
    /// Writes the report on runtimes. Without it there is none.
    pub report: Option<Report>,
    /// Called once when it has opened and nothing happens: lets go of what only the start needed.
    pub settled: Option<fn()>,
    /// Something to know about this terminal: told when the workbench opens and nothing is wrong.
    pub advice: Option<String>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("file", &self.file)
            .field("settings", &self.settings)
            .field("paths", &self.paths)
            .field("warnings", &self.warnings)
            .field("terminal", &self.terminal)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// Scratch on such a terminal, with nothing remembered, nothing reported and no other engine to go to.
    pub fn new(settings: Settings, paths: Paths, terminal: TerminalKind) -> Self {
        Self {
            file: None,
            more: Vec::new(),
            editor: String::new(),
            state: None,
            settings,
            paths,
            warnings: Vec::new(),
            terminal,
            light_background: None,
            outer: Outer::default(),
            connector: None,
            report: None,
            settled: None,
            advice: None,
        }
    }

    /// What is remembered from one start to the next.
    pub(crate) fn memory_file(&self) -> Option<PathBuf> {
        Some(self.state.as_ref()?.join("workbench.json"))
    }

    /// The runs of earlier starts.
    pub(crate) fn past_file(&self) -> Option<PathBuf> {
        Some(self.state.as_ref()?.join("runs.jsonl"))
    }

    /// What is open at the start: what was asked for, else what was open here last.
    fn desk(&self, memory: &Remembered) -> Desk {
        let asked: Vec<_> = self.file.iter().chain(&self.more).cloned().collect();
        if !asked.is_empty() {
            return Desk { files: asked, ..Desk::default() };
        }
        let before = memory.desk().filter(|_| self.settings.ui.remember != Some(false));
        before.unwrap_or_default().of(|path| path.is_file())
    }
}

/// The workbench without a terminal.
pub struct Workbench {
    model: Model,
    theme: Theme,
    /// What the theme was made of.
    shown: (String, u64),
    highlights: Highlighter,
    /// What is remembered already.
    kept: Remembered,
    /// What of the model is in it.
    noted: Noted,
}

/// What of the open texts and their panes is remembered already.
#[derive(Default)]
struct Noted {
    shares: Shares,
    /// The one that is shown first. Where the cursor is; nowhere as long as the text is not there.
    texts: Vec<(BufferId, Option<PathBuf>, Option<Pos>)>,
}

impl Noted {
    fn of(model: &Model, shares: Shares) -> Self {
        let texts = buffers::each(model);
        let texts = texts.map(|(document, editor)| {
            (document.id, document.path().map(Path::to_owned), cursor(document, editor))
        });
        Self { shares, texts: texts.collect() }
    }

    /// The texts are still these, with the same one shown; and the cursors are where they were.
    fn is_of(&self, model: &Model) -> (bool, bool) {
        let texts = buffers::each(model).map(|(document, _)| (document.id, document.path()));
        let cursors = buffers::each(model).map(|(document, editor)| cursor(document, editor));
        (
            texts.eq(self.texts.iter().map(|(id, path, _)| (*id, path.as_deref()))),
            cursors.eq(self.texts.iter().map(|(.., at)| *at)),
        )
    }

    fn has(&self, document: &Document, at: Pos) -> bool {
        let of = self.texts.iter().find(|(id, ..)| *id == document.id);
        of.is_some_and(|(_, path, place)| path.as_deref() == document.path() && *place == Some(at))
    }
}

/// Where the cursor is in a text, as soon as that is there.
fn cursor(document: &Document, editor: &Editor) -> Option<Pos> {
    (!document.loading).then(|| editor.place())
}

/// Has the memory know where the cursors are that were moved, and which text is shown.
fn note_places(model: &mut Model, noted: &Noted) {
    let mut places = Vec::new();
    for (document, editor) in buffers::each(model) {
        if let (Some(path), Some(at)) = (document.path(), cursor(document, editor))
            && (document.id == model.document.id || !noted.has(document, at))
        {
            places.push((document.id, path.to_owned(), (at.row, at.byte)));
        }
    }
    // The one that is shown comes last, and so to the front.
    for (id, path, at) in places.iter().rev() {
        model.memory.note(path, *at, *id == model.document.id);
    }
}

impl std::fmt::Debug for Workbench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workbench").field("size", &self.model.size).finish_non_exhaustive()
    }
}

impl Workbench {
    /// A workbench over an engine with these runtimes, on a terminal of this size.
    pub fn new(options: &Options, runtimes: &[RuntimeType], size: Size) -> Self {
        let (settings, paths) = (options.settings.clone(), options.paths.clone());
        let mut look = Look::new(options.terminal.clone(), settings, paths, options.light_background);
        let (mut memory, forgotten) =
            options.memory_file().map_or_else(Default::default, |file| Remembered::load(&file));
        memory.base = std::env::current_dir().unwrap_or_default();
        look.chosen.clone_from(&memory.theme);
        look.take(look::read_themes(&look.needed(), &options.paths));
        let mut warnings = options.warnings.clone();
        warnings.extend(look.theme(look.wanted(None)).into_iter().flat_map(|(_, warnings)| warnings.clone()));
        let (keymap, more) = Keymap::load(&options.settings);
        warnings.extend(more);
        let keymap = keymap.inside(options.outer);
        let desk = options.desk(&memory);
        let mut model = Model::new(keymap, runtimes, desk.files.first().cloned(), size);
        let shares = memory.shares().unwrap_or_default();
        (model.ratios, model.zoomed) = (shares.ratios, shares.zoomed);
        (model.look, model.memory) = (look, memory);
        update::keep_preset(&mut model);
        warnings.extend(update::take_settings(&mut model, &Settings::default()));
        let theme = model.look.resolve(None);
        // Whoever knows vim expects its normal mode.
        model.edits = model.keymap.preset() != Preset::Vim;
        update::open_behind(&mut model, &desk.files);
        let shown = desk.files.get(desk.shown).map(|path| Origin::Disk(path.clone()));
        if let Some(shown) = shown.and_then(|origin| buffers::of_origin(&model, &origin)) {
            buffers::show_buffer(&mut model, shown);
        }
        let past = options.past_file().filter(|_| options.settings.ui.remember != Some(false));
        let past = past.map_or_else(|| Ok(Vec::new()), |file| past::load(&file));
        let unread = past.as_ref().err().map(ToString::to_string);
        for record in past.unwrap_or_default() {
            (model.runs.count, model.runs.earlier) = (record.number, record.number);
            model.history.push(record);
        }
        if !warnings.is_empty() {
            update::tell_warnings(&mut model, &warnings, "the default is used");
        } else if let Some(advice) = &options.advice {
            model.tell(Verdict::Idle, advice, "");
        }
        if let Some(why) = unread {
            let file = options.past_file().unwrap_or_default().display().to_string();
            model.tell(Verdict::Warn, format!("the runs of earlier starts are left out: {why}"), file);
        }
        if let Some(why) = forgotten {
            let file = options.memory_file().unwrap_or_default().display().to_string();
            model.tell(Verdict::Warn, format!("what was remembered is left out: {why}"), file);
        }
        let shown = model.look.stamp(None);
        model.memory.note_shares(shares);
        let kept = model.memory.clone();
        Self { model, theme, shown, highlights: Highlighter::default(), kept, noted: Noted::default() }
    }

    /// What is to be done when the workbench opens.
    pub fn begin(&self) -> Vec<Effect> {
        update::begin(&self.model)
    }

    /// Takes a message that arrived so long after the workbench opened, and says what is to be done.
    pub fn update(&mut self, msg: Msg, at: Duration) -> Vec<Effect> {
        update::update(&mut self.model, msg, at)
    }

    /// What is on the screen is no longer right.
    pub fn needs_drawing(&self) -> bool {
        self.model.redraw
    }

    /// The session whose statistics are on the screen and may change.
    pub fn watched(&self) -> Option<SessionId> {
        self.model.watched().cloned()
    }

    /// When something on the screen changes by itself, counted from when the workbench opened.
    pub fn deadline(&self) -> Option<Duration> {
        self.model.deadline()
    }

    /// Something on the screen counts the seconds.
    pub fn counts(&self) -> bool {
        self.model.connection.down().is_some()
    }

    /// Has the clock on the wall asked for the time of day, since midnight, wherever that is told.
    pub fn set_clock(&mut self, clock: fn() -> Duration) {
        self.model.clock = Some(clock);
    }

    /// Texts were changed since what is not saved was kept last.
    pub(crate) fn has_unkept(&self) -> bool {
        update::has_unkept(&self.model)
    }

    /// The texts that are not saved.
    pub(crate) fn unsaved(&self) -> Vec<Unsaved> {
        update::unsaved(&self.model)
    }

    /// Everything must be drawn again.
    pub(crate) fn redraw(&mut self) {
        self.model.redraw = true;
    }

    /// What is worth remembering, if that is something else than when this was asked last. It is asked after every
    /// message: where nothing has changed that is seen at little cost.
    pub fn remembered(&mut self) -> Option<Remembered> {
        let model = &mut self.model;
        let shares = Shares { ratios: model.ratios, zoomed: model.zoomed };
        let (same_texts, same_places) = self.noted.is_of(model);
        let chosen = model.look.chosen == self.kept.theme && model.memory.keys == self.kept.keys;
        if same_texts && same_places && chosen && shares == self.noted.shares {
            return None;
        }
        model.memory.theme.clone_from(&model.look.chosen);
        model.memory.note_shares(shares);
        if !same_texts || !same_places {
            note_places(model, &self.noted);
        }
        if !same_texts {
            let files = buffers::all(model).filter_map(|(document, _)| Some(document.path()?.to_owned()));
            let files: Vec<_> = files.collect();
            let shown = files.iter().position(|path| model.document.path() == Some(path)).unwrap_or(0);
            model.memory.note_desk(&files, shown);
        }
        self.noted = Noted::of(model, shares);
        let changed = self.kept != self.model.memory;
        changed.then(|| {
            self.kept = self.model.memory.clone();
            self.kept.clone()
        })
    }

    /// The runs that have ended since this was called last, to be kept.
    pub(crate) fn ended(&mut self) -> Vec<Entry> {
        let kept = self.model.look.settings.ui.remember != Some(false);
        let ended = self.model.history.take_ended();
        ended.into_iter().filter(|_| kept).filter_map(Entry::of).collect()
    }

    /// Draws. What could not be coloured in time asks for another frame.
    pub fn draw(&mut self, frame: &mut Frame<'_>) {
        self.model.size = frame.area().as_size();
        self.dress();
        self.fit();
        let done = self.colour();
        self.model.redraw = !done;
        view::view(&self.model, &self.theme, &self.highlights, frame);
    }

    /// The look of an empty screen, and whether its theme is made for a light background.
    pub(crate) fn page(&self) -> (Style, bool) {
        (self.theme.style(Role::Background), self.theme.light)
    }

    /// Takes the theme that is wanted now.
    fn dress(&mut self) {
        let preview = self.model.previewed();
        let wanted = self.model.look.stamp(preview);
        if wanted != self.shown {
            self.theme = self.model.look.resolve(preview);
            self.shown = wanted;
        }
    }

    /// Has the editor show its cursor in the room there is.
    fn fit(&mut self) {
        let area = self.model.text_area();
        // In a pane that is not on the screen nothing is to be scrolled into sight.
        if !area.is_empty() {
            self.model.editor.fit(area.height.into(), area.width.into());
        }
    }

    /// Colours what will be on the screen. True: all of it, or there is nothing to colour yet.
    fn colour(&mut self) -> bool {
        let inside = self.model.layout().inside(Pane::Editor);
        if !self.highlights.is_warm() || inside.is_empty() {
            return true;
        }
        let editor = &self.model.editor;
        self.highlights.sync(self.model.document.id, editor, self.model.document.syntax());
        let (top, _) = editor.view();
        self.highlights.ensure(editor.lines(), top + usize::from(inside.height) + 1, COLOUR_BUDGET)
    }

    /// Reads the grammars, once, when there is something to colour: after the first frame, since it takes a while.
    pub fn warm_up(&mut self) {
        let useful = self.model.screen == Screen::Workbench && !self.model.document.loading;
        if useful && !self.highlights.is_warm() {
            self.highlights.warm_up();
            self.model.redraw = true;
        }
    }
}
