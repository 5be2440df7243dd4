//! What the workbench knows. Changed by `update` alone, drawn by `view`, asked by the loop.

use std::path::PathBuf;
use std::time::Duration;

use ratatui::layout::{Position, Rect, Size};

use super::bench::Bench;
use super::buffers::{self, Buffers};
use super::commands::Place;
use super::connection::Connection;
use super::document::{Document, Origin};
use super::editor::{Editor, Match, Pattern};
use super::files::{Files, OwnFiles};
use super::history::History;
use super::keys::{Chord, Keymap};
use super::layout::{Class, Layout};
use super::log::{Log, SHOWN};
use super::look::Look;
use super::msg::BufferId;
use super::output::Output;
use super::overlay::{self, Overlay};
use super::race::Race;
use super::ratios::{Ratios, Split};
use super::sink::Sink;
use super::state::Remembered;
use super::stop::Stop;
use super::tour::Tour;
use super::trace::{Starts, Trace};
use super::widget::field::Field;
use super::wire::Wire;
use crate::protocol::{
    ExecutionId, Language, Progress, RuntimeInfo, RuntimePreference, RuntimeType, SessionId, SessionInfo,
    SessionState, SessionStats,
};

/// So many of the commands chosen last are offered first.
const RECENT: usize = 5;

/// A pane of the workbench.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pane {
    Sessions,
    Files,
    Editor,
    Output,
    Stats,
    History,
}

impl Pane {
    pub(crate) const ALL: [Self; 6] =
        [Self::Sessions, Self::Files, Self::Editor, Self::Output, Self::Stats, Self::History];

    /// Its number and name.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Sessions => "1 Sessions",
            Self::Files => "2 Files",
            Self::Editor => "3 Editor",
            Self::Output => "4 Output",
            Self::Stats => "5 Stats",
            Self::History => "6 History",
        }
    }
}

/// Which screen is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Screen {
    Workbench,
    /// The runtimes: what was found, what can be fetched.
    Setup,
    /// What passes over the wire.
    Messages,
    /// The same code on several runtimes.
    Race,
    /// What was measured.
    Bench,
}

/// How something stands: drawn as a glyph, a word and a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Ok,
    Fail,
    Run,
    Idle,
    Warn,
    Unknown,
}

/// Something to tell, with what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) verdict: Verdict,
    pub(crate) message: String,
    pub(crate) hint: String,
}

/// What is known of one runtime.
#[derive(Clone, Debug)]
pub(crate) struct RuntimeRow {
    pub(crate) runtime: RuntimeType,
    /// `None` while it is being looked for.
    pub(crate) info: Option<RuntimeInfo>,
    /// How far its fetch is.
    pub(crate) progress: Option<Progress>,
}

/// The runtimes.
#[derive(Debug, Default)]
pub(crate) struct Runtimes {
    pub(crate) rows: Vec<RuntimeRow>,
    pub(crate) selected: usize,
    /// Which is being fetched.
    pub(crate) fetching: Option<RuntimeType>,
    /// The first answers are in, and what follows from them was done.
    pub(crate) settled: bool,
    /// The step of the chosen one's fix that is copied next; `None`: the fix is not shown.
    pub(crate) step: Option<usize>,
}

impl Runtimes {
    /// Those of an engine that nothing is known of yet.
    pub(crate) fn of(runtimes: &[RuntimeType]) -> Self {
        let row = |runtime: &RuntimeType| RuntimeRow { runtime: *runtime, info: None, progress: None };
        Self { rows: runtimes.iter().map(row).collect(), ..Self::default() }
    }

    pub(crate) fn available(&self) -> impl Iterator<Item = &RuntimeInfo> {
        self.rows.iter().filter_map(|row| row.info.as_ref()).filter(|info| info.available)
    }

    /// Some runtime that is here runs this language.
    pub(crate) fn run(&self, language: Language) -> bool {
        self.available().any(|info| info.languages.contains(&language))
    }

    pub(crate) fn row(&mut self, runtime: RuntimeType) -> Option<&mut RuntimeRow> {
        self.rows.iter_mut().find(|row| row.runtime == runtime)
    }

    pub(crate) fn all_known(&self) -> bool {
        self.rows.iter().all(|row| row.info.is_some())
    }
}

/// One session.
#[derive(Clone, Debug)]
pub(crate) struct SessionRow {
    pub(crate) info: SessionInfo,
    /// Why it was lost.
    pub(crate) reason: Option<String>,
    /// The last run in it: its number, how it ended, in how many milliseconds.
    pub(crate) last: Option<(u32, Verdict, Option<u64>)>,
    pub(crate) stats: Option<SessionStats>,
    /// Processor share since the stats before, in per cent.
    pub(crate) cpu_percent: Option<f64>,
    pub(crate) stats_at: Duration,
    /// When the minutes in `info` were told.
    pub(crate) told_at: Duration,
    /// The name that its person gave it here; empty is none. The engine knows nothing of it.
    pub(crate) renamed: Option<String>,
    /// Processor share and memory over the last minute that it was looked at.
    pub(crate) cpu_trace: Trace,
    pub(crate) memory_trace: Trace,
    /// What its person has put into its workspace from here.
    pub(crate) own_files: OwnFiles,
    /// This workbench has made it.
    pub(crate) made_here: bool,
    /// So many programs were run in it from here. The engine counts listings of its files too.
    pub(crate) runs: u32,
}

impl SessionRow {
    /// One that was told of just now.
    pub(crate) fn new(info: SessionInfo, now: Duration) -> Self {
        Self {
            info,
            reason: None,
            last: None,
            stats: None,
            cpu_percent: None,
            stats_at: Duration::ZERO,
            told_at: now,
            renamed: None,
            cpu_trace: Trace::default(),
            memory_trace: Trace::default(),
            own_files: OwnFiles::default(),
            made_here: false,
            runs: 0,
        }
    }

    /// Takes what the engine tells of it anew.
    pub(crate) fn learn(&mut self, info: SessionInfo, now: Duration) {
        (self.info, self.told_at) = (info, now);
        if let Some(name) = self.renamed.clone() {
            self.rename(name);
        }
    }

    pub(crate) fn rename(&mut self, name: String) {
        self.info.name = Some(name.clone()).filter(|name| !name.is_empty());
        self.renamed = Some(name);
    }

    /// How long it has been there; `None`: the engine tells nonsense.
    pub(crate) fn age(&self, now: Duration) -> Option<Duration> {
        self.since(self.info.lifetime_minutes, now)
    }

    /// How long nothing has happened in it.
    pub(crate) fn idle(&self, now: Duration) -> Option<Duration> {
        self.since(self.info.idle_minutes, now)
    }

    fn since(&self, minutes: f64, now: Duration) -> Option<Duration> {
        let told = Duration::try_from_secs_f64(minutes * 60.0).ok()?;
        told.checked_add(now.saturating_sub(self.told_at))
    }

    /// Something happened in it now.
    pub(crate) fn touch(&mut self, now: Duration) {
        self.info.lifetime_minutes += now.saturating_sub(self.told_at).as_secs_f64() / 60.0;
        self.info.idle_minutes = 0.0;
        self.told_at = now;
    }

    /// What runs in it began or ended. The end of what ran in one that is lost or closing comes after its own end.
    pub(crate) fn goes_on(&mut self, state: SessionState) {
        if self.is_usable() {
            self.info.state = state;
        }
    }

    /// Nothing has run in it yet, as far as is known.
    pub(crate) fn is_new(&self) -> bool {
        self.runs == 0 && (self.made_here || self.info.execution_count == 0)
    }

    /// Nothing runs in it. Active is also one that never ran anything.
    pub(crate) fn rests(&self) -> bool {
        let state = self.info.state;
        state == SessionState::Idle || (state == SessionState::Active && self.is_new())
    }

    pub(crate) fn is_usable(&self) -> bool {
        matches!(self.info.state, SessionState::Active | SessionState::Idle | SessionState::Creating)
    }
}

/// The sessions.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    pub(crate) rows: Vec<SessionRow>,
    pub(crate) selected: usize,
    /// So many are being created.
    pub(crate) creating: usize,
    /// The engine has told them all.
    pub(crate) listed: bool,
    /// The answer to a request for the stats is awaited.
    pub(crate) stats_asked: bool,
    /// Those that this workbench has made: a server has others' too, in which nothing is run unasked.
    pub(crate) own: Vec<SessionId>,
    /// The one that was chosen by hand.
    pub(crate) picked: Option<SessionId>,
    /// The minute since the workbench opened in which their ages were drawn last.
    pub(crate) minute: u64,
    /// The runtime that was chosen by hand for a language.
    pub(crate) wishes: Vec<(Language, RuntimeType)>,
}

impl Sessions {
    pub(crate) fn current(&self) -> Option<&SessionRow> {
        self.rows.get(self.selected)
    }

    /// Moves the choice by hand.
    pub(crate) fn pick(&mut self, at: usize) {
        self.selected = at;
        self.picked = self.current().map(|row| row.info.session_id.clone());
    }

    /// Whether code may be run in it without asking.
    pub(crate) fn is_ours(&self, id: &SessionId) -> bool {
        self.own.contains(id) || self.picked.as_ref() == Some(id)
    }

    /// Remembers the runtime that was chosen by hand for a language; none: that it matters no more.
    pub(crate) fn wish(&mut self, language: Language, runtime: Option<RuntimeType>) {
        self.wishes.retain(|(of, _)| *of != language);
        self.wishes.extend(runtime.map(|runtime| (language, runtime)));
    }

    pub(crate) fn find(&mut self, id: &SessionId) -> Option<&mut SessionRow> {
        self.rows.iter_mut().find(|row| row.info.session_id == *id)
    }

    pub(crate) fn select(&mut self, id: &SessionId) {
        if let Some(at) = self.rows.iter().position(|row| row.info.session_id == *id) {
            self.selected = at;
        }
    }
}

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its session is being created.
    Preparing,
    /// It was handed over.
    Asked,
    Running,
}

/// The run under way.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) number: u32,
    pub(crate) language: Language,
    pub(crate) code: String,
    pub(crate) named: Named,
    pub(crate) session: Option<SessionId>,
    pub(crate) execution: Option<ExecutionId>,
    pub(crate) phase: Phase,
    pub(crate) stop: Stop,
    pub(crate) sink: Sink,
    /// The terminal's screen, if it runs in one.
    pub(crate) terminal: Option<Box<super::screen::Screen>>,
}

impl Run {
    /// What goes on, in a word or two.
    pub(crate) fn word(&self) -> &'static str {
        self.stop.word().unwrap_or(match self.phase {
            Phase::Preparing => "creating a session",
            Phase::Asked => "starting",
            Phase::Running => "running",
        })
    }
}

/// What the file of a program is called.
#[derive(Clone, Debug, Default)]
pub(crate) struct Named {
    /// Its name, or its path in a workspace.
    pub(crate) name: Option<String>,
    /// The session whose workspace that is.
    pub(crate) of: Option<SessionId>,
    /// The program is the whole text of that file, as the editor has it now.
    pub(crate) is_text: bool,
}

/// What was run last, to be run again.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) language: Language,
    pub(crate) code: String,
    pub(crate) named: Named,
    /// The runtime that was chosen for it.
    pub(crate) on: Option<RuntimeType>,
    /// Where it ran.
    pub(crate) session: Option<SessionId>,
    /// It runs in a terminal.
    pub(crate) terminal: bool,
}

/// How the last run ended, for the status and small screens.
#[derive(Clone, Debug)]
pub(crate) struct LastRun {
    pub(crate) verdict: Verdict,
    /// `exit 0`, `stopped by SIGINT`.
    pub(crate) ending: String,
    /// From the request to the result, if there was one.
    pub(crate) total_ms: Option<u64>,
}

/// The runs.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    /// The number of the last run.
    pub(crate) count: u32,
    /// Those of earlier starts have the numbers up to this.
    pub(crate) earlier: u32,
    pub(crate) active: Option<Run>,
    pub(crate) last: Option<LastRun>,
    pub(crate) again: Option<Program>,
    /// The run that was under way in this process when another engine was switched to.
    pub(crate) left: Option<u32>,
}

/// What was copied or cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Register {
    pub(crate) text: String,
    /// It is whole lines.
    pub(crate) lines: bool,
}

/// Presses of the mouse at one place in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clicks {
    pub(crate) count: u8,
    pub(crate) at: Option<(Position, Duration)>,
    /// The button is held since then.
    pub(crate) drags: bool,
}

/// What is searched for in the texts, and where it was found last.
#[derive(Debug, Default)]
pub(crate) struct Find {
    pub(crate) pattern: Option<Pattern>,
    /// What is put in its place.
    pub(crate) replacement: String,
    pub(crate) matches: Vec<Match>,
    /// The text and its version that the matches are of.
    pub(crate) of: Option<(BufferId, u64)>,
}

/// Everything.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) size: Size,
    pub(crate) screen: Screen,
    pub(crate) focus: Pane,
    /// How the panes share the screen.
    pub(crate) ratios: Ratios,
    /// The pane in focus has the others' room.
    pub(crate) zoomed: bool,
    /// The mouse is ours, not the terminal's.
    pub(crate) mouse: bool,
    /// The border that the mouse drags.
    pub(crate) dragged: Option<Split>,
    /// What is typed goes into the editor when it has the focus; else letters are commands.
    pub(crate) edits: bool,
    /// What moves in the editor selects, after vim's `v`.
    pub(crate) selecting: bool,
    /// That began with a whole line.
    pub(crate) by_lines: bool,
    /// What is typed goes to the running program when the output has the focus.
    pub(crate) feeds: bool,
    /// The first of two keys was pressed.
    pub(crate) pending: Option<Chord>,
    pub(crate) editor: Editor,
    pub(crate) document: Document,
    /// The other texts that are open.
    pub(crate) buffers: Buffers,
    /// Which texts were kept as they were not saved, and in which revision.
    pub(crate) kept: Vec<(BufferId, u64)>,
    /// What was copied or cut here last.
    pub(crate) register: Register,
    /// The last press of the mouse in the editor.
    pub(crate) clicks: Clicks,
    /// What is searched for in the texts.
    pub(crate) find: Find,
    /// How the engine is reached.
    pub(crate) connection: Connection,
    /// What has passed on the way there.
    pub(crate) wire: Wire,
    pub(crate) runtimes: Runtimes,
    pub(crate) sessions: Sessions,
    pub(crate) files: Files,
    pub(crate) runs: Runs,
    pub(crate) history: History,
    /// How long programs took to start.
    pub(crate) starts: Starts,
    /// The first line of the stats that is shown.
    pub(crate) stats_top: usize,
    pub(crate) race: Option<Race>,
    pub(crate) bench: Option<Bench>,
    pub(crate) output: Output,
    /// The line being typed for the running program.
    pub(crate) input: Field,
    pub(crate) overlays: Vec<Overlay>,
    /// What was told last and not dismissed yet.
    pub(crate) notice: Option<Notice>,
    /// When that was.
    pub(crate) noticed: Duration,
    /// All that was told.
    pub(crate) log: Log,
    /// How far the tour is, while there is one.
    pub(crate) tour: Option<Tour>,
    pub(crate) keymap: Keymap,
    /// The commands that were chosen from lists, the last first.
    pub(crate) recent: Vec<&'static str>,
    pub(crate) preference: RuntimePreference,
    /// Themes and settings.
    pub(crate) look: Look,
    /// What is remembered from one start to the next.
    pub(crate) memory: Remembered,
    /// When the message that is being handled arrived.
    pub(crate) now: Duration,
    /// Tells the time of day since midnight, if that may be shown. It is asked for each time: `now` stands still while the
    /// machine sleeps, and knows no summer time.
    pub(crate) clock: Option<fn() -> Duration>,
    /// What is on the screen is no longer right.
    pub(crate) redraw: bool,
}

impl Model {
    pub(crate) fn new(keymap: Keymap, runtimes: &[RuntimeType], file: Option<PathBuf>, size: Size) -> Self {
        let document = Document::new(file.map_or(Origin::Scratch, Origin::Disk));
        let sample = document.sample();
        Self {
            size,
            screen: Screen::Workbench,
            focus: Pane::Editor,
            ratios: Ratios::default(),
            zoomed: false,
            mouse: true,
            dragged: None,
            edits: true,
            selecting: false,
            by_lines: false,
            feeds: false,
            pending: None,
            editor: Editor::new(&sample, document.habits()),
            document,
            buffers: Buffers::default(),
            kept: Vec::new(),
            register: Register::default(),
            clicks: Clicks::default(),
            find: Find::default(),
            runtimes: Runtimes::of(runtimes),
            connection: Connection::default(),
            wire: Wire::default(),
            sessions: Sessions::default(),
            files: Files::default(),
            runs: Runs::default(),
            history: History::default(),
            starts: Starts::default(),
            stats_top: 0,
            race: None,
            bench: None,
            output: Output::new(),
            input: Field::default(),
            overlays: Vec::new(),
            notice: None,
            noticed: Duration::ZERO,
            log: Log::default(),
            tour: None,
            keymap,
            recent: Vec::new(),
            preference: RuntimePreference::Balanced,
            look: Look::default(),
            memory: Remembered::default(),
            now: Duration::ZERO,
            clock: None,
            redraw: true,
        }
    }

    /// Whether keys that type are text, not commands.
    pub(crate) fn types(&self) -> bool {
        match (self.screen, self.focus) {
            (Screen::Setup | Screen::Race | Screen::Bench, _) => false,
            (Screen::Messages, _) => self.wire.filtering,
            (Screen::Workbench, Pane::Editor) => self.edits,
            (Screen::Workbench, Pane::Output) => {
                self.types_into_program() || self.feeds || self.output.seek.as_ref().is_some_and(|s| s.typing)
            }
            (Screen::Workbench, Pane::Files) => self.files.filtering,
            _ => false,
        }
    }

    /// The screen of the program that runs in a terminal.
    pub(crate) fn terminal(&self) -> Option<&super::screen::Screen> {
        self.runs.active.as_ref()?.terminal.as_deref()
    }

    /// Keys are that program's.
    pub(crate) fn types_into_program(&self) -> bool {
        let here = self.screen == Screen::Workbench && self.focus == Pane::Output;
        let begun = self.runs.active.as_ref().is_some_and(|run| run.phase != Phase::Preparing);
        here && begun && self.terminal().is_some() && self.connection.down().is_none()
    }

    /// Where commands are looked for, the nearest first.
    pub(crate) fn places(&self) -> Vec<Place> {
        let here: &[Place] = match self.screen {
            Screen::Setup => &[Place::Setup],
            Screen::Messages => &[Place::Messages],
            Screen::Race => &[Place::Race],
            Screen::Bench => &[Place::Bench],
            Screen::Workbench => &[Place::In(self.focus), Place::Workbench],
        };
        let lost = self.connection.down().map(|_| Place::LinkLost);
        let selecting = self.selecting && self.screen == Screen::Workbench && self.focus == Pane::Editor;
        let selecting = (selecting && !self.edits).then_some(Place::Selecting);
        let touring = self.tour.as_ref().map(|_| Place::Tour);
        lost.into_iter()
            .chain(touring)
            .chain(selecting)
            .chain(here.iter().copied())
            .chain([Place::Everywhere])
            .collect()
    }

    pub(crate) fn layout(&self) -> Layout {
        Layout::of(self.without_tour(self.size), self.focus, &self.ratios, self.zoomed)
    }

    /// What boxes have: the screen without the tour's rows.
    pub(crate) fn room(&self) -> Size {
        self.without_tour(self.size)
    }

    /// A screen of this size without the tour's rows.
    pub(crate) fn without_tour(&self, size: Size) -> Size {
        Size { height: size.height.saturating_sub(super::tour::rows(self, size)), ..size }
    }

    /// What of the editor's inside is left for the text: a search takes its last lines.
    pub(crate) fn above_search(&self, inside: Rect) -> Rect {
        let rows = self.overlays.iter().map(Overlay::editor_rows).max().unwrap_or(0);
        Rect { height: inside.height.saturating_sub(rows).max(inside.height.min(1)), ..inside }
    }

    /// Where the editor's text is on the screen.
    pub(crate) fn text_area(&self) -> Rect {
        self.above_search(self.layout().inside(Pane::Editor))
    }

    /// The bytes of a line of the editor that are what was searched for.
    pub(crate) fn found_in(&self, line: &str) -> Vec<std::ops::Range<usize>> {
        self.find.pattern.as_ref().map(|pattern| pattern.in_line(line)).unwrap_or_default()
    }

    /// Rows and columns of the output's text.
    pub(crate) fn output_room(&self) -> (usize, usize) {
        let inside = self.layout().inside(Pane::Output);
        let line = u16::from(self.has_output_line());
        (usize::from(inside.height.saturating_sub(line)), usize::from(inside.width))
    }

    /// What the clock says now: `14:02:31`.
    pub(crate) fn time_of_day(&self) -> Option<String> {
        let seconds = (self.clock?)().as_secs();
        Some(format!("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60))
    }

    /// The output's last row is for what is typed there.
    pub(crate) fn has_output_line(&self) -> bool {
        self.runs.active.is_some() || self.output.seek.as_ref().is_some_and(|seek| seek.typing)
    }

    pub(crate) fn tell(&mut self, verdict: Verdict, message: impl Into<String>, hint: impl Into<String>) {
        let (places, types) = (self.places(), self.types());
        let clean = |text: String| self.keymap.in_words(&super::text::sanitise(&text), &places, types);
        let notice = Notice { verdict, message: clean(message.into()), hint: clean(hint.into()) };
        self.log.push(notice.clone(), self.now);
        match self.notice.take() {
            // It is seen when what is told now is gone.
            Some(before) if before.stays() && before != notice => self.log.wait(before),
            Some(_) => {}
            None => self.log.forget_waiting(),
        }
        self.notice = Some(notice);
        self.noticed = self.now;
    }

    /// Takes what is told off the screen; what it was told over is there again. False: there was nothing.
    pub(crate) fn dismiss(&mut self) -> bool {
        let was = self.notice.take().is_some();
        if was {
            self.notice = self.log.next_waiting();
        }
        was
    }

    /// When something on the screen changes by itself, in time since the workbench opened.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let stops = self.stops().filter_map(|stop| Some(stop.lapses()?.1)).filter(|due| *due > self.now);
        self.notice_goes().into_iter().chain(overlay::menu_due(self)).chain(stops).min()
    }

    /// How those that run are being stopped.
    pub(crate) fn stops(&self) -> impl Iterator<Item = Stop> {
        let lanes = self.race.iter().flat_map(|race| race.lanes.iter().filter(|lane| lane.is_live()));
        self.runs.active.iter().map(|run| run.stop).chain(lanes.map(|lane| lane.stop))
    }

    /// When what is only said goes by itself.
    pub(crate) fn notice_goes(&self) -> Option<Duration> {
        let goes = self.notice.as_ref().filter(|notice| !notice.stays());
        goes.map(|_| self.noticed + SHOWN)
    }

    /// Notes that a command was chosen from a list.
    pub(crate) fn used(&mut self, id: &'static str) {
        self.recent.retain(|other| *other != id);
        self.recent.insert(0, id);
        self.recent.truncate(RECENT);
    }

    /// The session whose figures are on the screen and can change.
    pub(crate) fn watched(&self) -> Option<&SessionId> {
        let layout = self.layout();
        // Where there is no pane for them, the top line has them.
        let room = layout.pane(Pane::Stats).is_some() || layout.class == Class::Normal;
        let shown = self.screen == Screen::Workbench && room;
        // Nobody is there to be asked.
        let shown = shown && self.connection.down().is_none();
        let row = self.sessions.current().filter(|row| shown && row.is_usable())?;
        Some(&row.info.session_id)
    }

    /// The theme that is being looked at in the list of them.
    pub(crate) fn previewed(&self) -> Option<&str> {
        self.overlays.iter().find_map(|overlay| match overlay {
            Overlay::Themes(themes) => themes.previewed(),
            _ => None,
        })
    }

    /// The text as its file is to have it.
    pub(crate) fn file_text(&self) -> String {
        self.document.form.write(&self.editor.text())
    }

    /// The text has changes that its file hasn't, or that no file has.
    pub(crate) fn is_unsaved(&self) -> bool {
        buffers::is_unsaved(&self.document, &self.editor)
    }

    /// The text is a sample that nobody has touched: it may give way to another. Code of an earlier run may not.
    pub(crate) fn shows_sample(&self) -> bool {
        let scratch = *self.document.origin() == Origin::Scratch && !self.is_changed();
        scratch && self.editor.text() == self.document.sample()
    }

    /// The text is not what was opened or saved.
    pub(crate) fn is_changed(&self) -> bool {
        self.document.saved_revision() != self.editor.revision()
    }
}
