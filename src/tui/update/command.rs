//! What each command does.

use bytes::Bytes;

use crate::protocol::SessionState;
use crate::tui::buffers;
use crate::tui::commands::Cmd;
use crate::tui::document::{ORDER, Origin};
use crate::tui::editor::Action;
use crate::tui::model::{Model, Pane, Run, Screen, SessionRow, Verdict};
use crate::tui::msg::{BufferId, Effect, Replace};
use crate::tui::overlay::{self, Help, LogView, Menu, NewSession, Overlay, Palette, Question, SaveAs};
use crate::tui::race::Race;

/// Does what a command says.
pub(crate) fn perform(model: &mut Model, cmd: Cmd) -> Vec<Effect> {
    let runs = matches!(
        cmd,
        Cmd::Run
            | Cmd::RunSelection
            | Cmd::RunAgain
            | Cmd::RunInTerminal
            | Cmd::RunOn
            | Cmd::RunAll
            | Cmd::TakeTurns
            | Cmd::Rerun
    );
    let of_session = runs || matches!(cmd, Cmd::NewSession | Cmd::CloseSession | Cmd::CloseIdle);
    let asks = of_session || matches!(cmd, Cmd::Fetch | Cmd::Recheck | Cmd::TypeInput | Cmd::EndInput);
    if asks && !super::link::is_reachable(model) {
        return Vec::new();
    }
    match cmd {
        Cmd::Help => model.overlays.push(Overlay::Help(Help::default())),
        Cmd::Palette => model.overlays.push(Overlay::Palette(Palette::default())),
        Cmd::Quit => return quit(model),
        Cmd::Suspend => return vec![Effect::Suspend],
        Cmd::Stop => return super::run::stop(model),
        Cmd::Run => return super::run::start(model),
        Cmd::RunSelection => return super::run::selection(model),
        Cmd::RunAgain => return super::run::again(model),
        Cmd::RunInTerminal => return super::run::in_terminal(model),
        Cmd::RunOn => super::run::choose(model),
        Cmd::RunAll => return super::race::start(model),
        Cmd::BackToRace => super::race::show(model),
        Cmd::TakeTurns => return super::race::take_turns(model),
        Cmd::Bench(cmd) => return super::bench::perform(model, cmd),
        Cmd::OpenLane => super::race::go(model, cmd),
        Cmd::Files(cmd) => return super::files::perform(model, cmd),
        Cmd::Save => return save(model, model.document.id),
        Cmd::Setup => {
            model.screen = Screen::Setup;
            model.overlays.clear();
        }
        Cmd::Fetch => return super::runtime::choose(model),
        Cmd::Recheck => return super::runtime::recheck(model),
        Cmd::NewSession => {
            model.screen = Screen::Workbench;
            let (form, effects) = NewSession::open(model);
            model.overlays.push(Overlay::NewSession(form));
            return effects;
        }
        Cmd::CloseSession => return close_session(model),
        Cmd::RenameSession => super::session::rename(model),
        Cmd::CloseIdle => super::session::close_idle(model),
        Cmd::Leave => return leave(model),
        Cmd::FocusNext => step_focus(model, 1),
        Cmd::FocusPrevious => step_focus(model, Pane::ALL.len() - 1),
        Cmd::Focus(pane) => focus(model, pane),
        Cmd::Undo => super::edit::edit(model, Action::Undo),
        Cmd::Redo => super::edit::edit(model, Action::Redo),
        Cmd::SelectAll => super::edit::edit(model, Action::SelectAll),
        Cmd::Edit(cmd) => return super::edit::perform(model, cmd),
        Cmd::File(cmd) => return super::file::perform(model, cmd),
        Cmd::TypeHere => model.edits = true,
        Cmd::NextLanguage => next_language(model),
        Cmd::TypeInput => type_input(model),
        Cmd::EndInput => return end_input(model),
        Cmd::Up | Cmd::Down | Cmd::PageUp | Cmd::PageDown | Cmd::Top | Cmd::Left | Cmd::Right => {
            go(model, cmd)
        }
        Cmd::Bottom => go(model, cmd),
        Cmd::Connect => return super::link::open(model),
        Cmd::WorkLocally => return super::link::work_locally(model),
        Cmd::Retry => return super::link::retry(model),
        Cmd::Messages => {
            model.screen = Screen::Messages;
            model.overlays.clear();
        }
        Cmd::ReadMessage | Cmd::FilterMessages | Cmd::PauseMessages => super::messages::perform(model, cmd),
        Cmd::CopyMessage => return super::messages::copy(model),
        Cmd::Follow if model.screen == Screen::Messages => super::messages::go(model, cmd),
        Cmd::Follow if model.screen == Screen::Race => super::race::go(model, cmd),
        Cmd::Follow => {
            model.output.unselect();
            model.output.follow();
        }
        Cmd::Wrap => {
            model.output.wrap = !model.output.wrap;
            model.output.left = 0;
        }
        Cmd::ClearOutput => super::output::clear(model),
        Cmd::ShowFix => super::runtime::show_fix(model),
        Cmd::CopyFix => return super::runtime::copy_fix(model),
        Cmd::Report => return super::runtime::report(model),
        Cmd::Log => model.overlays.push(Overlay::Log(LogView::default())),
        Cmd::Samples => super::sample::list(model),
        Cmd::Sample(number) => super::sample::open(model, number, super::sample::language(model)),
        Cmd::Tour => super::tour::start(model),
        Cmd::TourSkip => super::tour::skip(model),
        // Where nothing was chosen, a running program is what is meant.
        Cmd::FoldOrType if model.runs.active.is_some() && model.output.follows() => type_input(model),
        Cmd::FoldOrType => return super::output::perform(model, Cmd::Fold),
        Cmd::Fold | Cmd::PreviousBlock | Cmd::NextBlock | Cmd::Select => {
            return super::output::perform(model, cmd);
        }
        Cmd::Find | Cmd::FilterOutput | Cmd::FilterContext | Cmd::FindNext | Cmd::FindPrevious => {
            return super::output::perform(model, cmd);
        }
        Cmd::CopyLine
        | Cmd::CopyRun
        | Cmd::CopyMarkdown
        | Cmd::CopyColours
        | Cmd::SaveOutput
        | Cmd::GoToSource => {
            return super::output::perform(model, cmd);
        }
        Cmd::ChooseTheme => return super::look::choose(model),
        Cmd::Zoom | Cmd::Wider | Cmd::Narrower | Cmd::Taller | Cmd::Lower | Cmd::Even => {
            super::panes::perform(model, cmd);
        }
        Cmd::Motion(motion) => super::modal::go(model, motion),
        Cmd::Vi(what) => return super::modal::perform(model, what),
        Cmd::Menu => model.overlays.push(Overlay::Menu(Menu::new(model.now))),
        Cmd::KeyDoctor => model.overlays.push(Overlay::Help(Help::doctor())),
        Cmd::Preset(preset) => super::panes::use_preset(model, preset),
        Cmd::ToggleMouse => return super::panes::toggle_mouse(model),
        Cmd::Rerun | Cmd::CompareRuns | Cmd::OpenRun | Cmd::AllRuns | Cmd::ForgetRuns => {
            return super::history::perform(model, cmd);
        }
    }
    Vec::new()
}

/// One step back: a toast goes, typing ends, another screen closes.
fn leave(model: &mut Model) -> Vec<Effect> {
    // While something is typed the toast goes with the typing: what it says of letters is true at once.
    if model.dismiss() && !model.types() {
        return Vec::new();
    }
    match (model.screen, model.focus) {
        (Screen::Setup, _) if model.runtimes.step.take().is_some() => {}
        (Screen::Setup, _) => model.screen = Screen::Workbench,
        (Screen::Messages, _) => super::messages::leave(model),
        (Screen::Race, _) => return super::race::leave(model),
        (Screen::Bench, _) => super::bench::leave(model),
        (Screen::Workbench, _) if super::tour::leave(model) => {}
        (_, Pane::Editor) if super::edit::leave(model) => {}
        (_, Pane::Output) if model.feeds => model.feeds = false,
        (_, Pane::Output) if super::output::leave(model) => {}
        (_, Pane::History) if model.history.marked.is_some() => model.history.marked = None,
        (_, Pane::Files) if super::files::leave(model) => {}
        _ => model.zoomed = false,
    }
    Vec::new()
}

pub(super) fn focus(model: &mut Model, pane: Pane) {
    model.focus = pane;
    if pane != Pane::Output {
        model.feeds = false;
    }
}

fn step_focus(model: &mut Model, by: usize) {
    let at = Pane::ALL.iter().position(|pane| *pane == model.focus).unwrap_or(0);
    if let Some(pane) = Pane::ALL.get((at + by) % Pane::ALL.len()) {
        focus(model, *pane);
    }
}

fn quit(model: &mut Model) -> Vec<Effect> {
    let mut reasons = Vec::new();
    if let Some(run) = &model.runs.active {
        reasons.push(match model.connection.server() {
            None => format!("run {} is still running and will be stopped", run.number),
            Some(server) => format!("run {} goes on at {server}, but its output is lost here", run.number),
        });
    }
    if let Some(live) = model.race.as_ref().map(Race::live).filter(|live| *live > 0) {
        reasons.push(match model.connection.server() {
            None => format!("a race runs on {live} runtimes and will be stopped"),
            Some(server) => format!("a race goes on at {server}, but its output is lost here"),
        });
    }
    if let Some(bench) = model.bench.as_ref().filter(|bench| bench.live) {
        // It goes on meanwhile: how far it is, the bottom line says.
        reasons.push(format!("the benchmark of {} will be stopped", bench.name()));
    }
    if let Some(number) = model.runs.left {
        reasons.push(format!("run {number} was left in this process; if it still runs, it will be stopped"));
    }
    if model.connection.server().is_none() {
        let holds = |row: &&SessionRow| row.is_usable() && row.own_files.len() > 0;
        let rows = model.sessions.rows.iter().filter(holds).map(|row| overlay::session_name(&row.info));
        reasons.extend(rows.map(|name| format!("session {name} holds files that you saved there")));
    }
    let unsaved = buffers::listed(model).into_iter().filter(|one| one.unsaved);
    reasons.extend(unsaved.map(|one| format!("{} has changes that are not saved", one.name)));
    let saving = model.output.saving.iter();
    reasons.extend(saving.map(|(run, path)| {
        format!("the output of run {run} is still being saved; {} would not be there", path.display())
    }));
    reasons.extend(model.files.queues.activity().map(|what| format!("{what}: it would end half way")));
    if let Some(runtime) = model.runtimes.fetching {
        reasons.push(format!("{} is being fetched; it would begin anew", runtime.short()));
    }
    if reasons.is_empty() || model.overlays.iter().any(Overlay::asks_to_quit) {
        return vec![Effect::Quit];
    }
    let title = "Quit?";
    model.overlays.push(Overlay::Question(Question::new(title, reasons, "quit", Effect::Quit)));
    Vec::new()
}

pub(super) fn save(model: &mut Model, buffer: BufferId) -> Vec<Effect> {
    let Some((document, editor)) = buffers::find(model, buffer) else { return Vec::new() };
    if matches!(document.origin(), Origin::Workspace { .. }) {
        return super::files::save(model, buffer);
    }
    match document.path() {
        _ if document.loading => Vec::new(),
        // Two at once would each take the other for a stranger's.
        Some(_) if document.saving => {
            document.save_again = true;
            Vec::new()
        }
        Some(path) => {
            let save = Effect::Save {
                buffer,
                path: path.to_owned(),
                text: document.form.write(&editor.text()),
                revision: editor.revision(),
                replace: document.on_disk.map_or(Replace::Never, Replace::Unchanged),
            };
            let losses = document.form.losses();
            if losses.is_empty() {
                return vec![save];
            }
            let title = "Save what is shown?";
            model.overlays.push(Overlay::Question(Question::new(title, losses, "save", save)));
            Vec::new()
        }
        None => {
            let name = document.name();
            buffers::show_buffer(model, buffer);
            model.overlays.push(Overlay::SaveAs(SaveAs::new(buffer, &name)));
            Vec::new()
        }
    }
}

fn close_session(model: &mut Model) -> Vec<Effect> {
    let Some(row) = model.sessions.current() else {
        model.tell(Verdict::Idle, "there is no session to close", "");
        return Vec::new();
    };
    let id = row.info.session_id.clone();
    let runs = model.runs.active.as_ref().is_some_and(|run| run.session.as_ref() == Some(&id));
    let runs = runs || model.race.as_ref().is_some_and(|race| race.runs_in(&id));
    let name = overlay::session_name(&row.info);
    if row.info.state == SessionState::Closing {
        model.tell(Verdict::Idle, format!("{name} is being closed already"), "");
        return Vec::new();
    }
    let busy = runs || (row.info.state == SessionState::Active && !row.rests());
    let own = row.own_files.len() as u64;
    let mut lines = Vec::new();
    if busy {
        lines.push(format!("something runs in {name} and will be stopped"));
    }
    if !row.is_new() || own > 0 || runs {
        // Of what its programs wrote it is not always known how much that is.
        let known = row.stats.as_ref().and_then(|stats| stats.workspace_files).unwrap_or(0).max(own);
        lines.push(match known {
            0 => format!("the workspace of {name} goes with it"),
            1 => format!("the workspace of {name} goes with it: 1 file"),
            n => format!("the workspace of {name} goes with it: {n} files"),
        });
    }
    let effect = Effect::CloseSession(id);
    if lines.is_empty() {
        return vec![effect];
    }
    model.overlays.push(Overlay::Question(Question::new("Close the session?", lines, "close", effect)));
    Vec::new()
}

/// Scratch goes through all languages; an untouched sample changes with it.
fn next_language(model: &mut Model) {
    let at = model.document.language().and_then(|l| ORDER.iter().position(|o| *o == l));
    let next = at.map_or(0, |at| (at + 1) % ORDER.len());
    if let Some(language) = ORDER.get(next) {
        set_language(model, *language);
        model.tell(Verdict::Idle, format!("the text is {} now", language.title()), "");
    }
}

/// Makes a language the text's; a sample that nobody changed becomes that language's.
pub(super) fn set_language(model: &mut Model, language: crate::protocol::Language) {
    let sample = model.shows_sample();
    model.document.set_language(language);
    if sample {
        let sample = model.document.sample();
        model.editor.replace(&sample, model.document.habits());
        model.document.set_saved(model.editor.revision());
    } else {
        model.editor.set_habits(model.document.habits());
    }
}

fn type_input(model: &mut Model) {
    match model.runs.active {
        // It gets the keys themselves.
        Some(Run { terminal: Some(_), .. }) => focus(model, Pane::Output),
        Some(_) => {
            focus(model, Pane::Output);
            model.feeds = true;
        }
        None => model.tell(Verdict::Idle, "nothing runs that could read input", "F5 runs the editor's code"),
    }
}

fn end_input(model: &mut Model) -> Vec<Effect> {
    let Some(run) = &model.runs.active else { return Vec::new() };
    model.feeds = false;
    let line = model.input.take();
    vec![Effect::Feed { run: run.number, data: Bytes::from(line), eof: true }]
}

/// Up, down and sideways in whatever has the focus.
fn go(model: &mut Model, cmd: Cmd) {
    if model.screen == Screen::Messages {
        return super::messages::go(model, cmd);
    }
    if model.screen == Screen::Race {
        return super::race::go(model, cmd);
    }
    if model.screen == Screen::Bench {
        return super::bench::go(model, cmd);
    }
    if model.screen == Screen::Setup {
        let last = model.runtimes.rows.len().saturating_sub(1);
        let at = model.runtimes.selected;
        model.runtimes.step = None;
        model.runtimes.selected = if cmd == Cmd::Up { at.saturating_sub(1) } else { (at + 1).min(last) };
        return;
    }
    if model.focus == Pane::Files {
        return super::files::go(model, cmd);
    }
    if model.focus == Pane::Sessions {
        return super::session::go(model, cmd);
    }
    if model.focus == Pane::Stats {
        return super::session::scroll_stats(model, cmd);
    }
    if model.focus == Pane::History {
        return super::history::go(model, cmd);
    }
    super::output::go(model, cmd);
}
