//! Boxes over the workbench. The topmost gets the keys and the mouse; Esc closes it.

mod baselines;
mod bench_form;
mod compare;
mod connect;
mod connect_view;
mod find;
mod help;
mod log;
mod menu;
mod new_session;
mod new_session_limits;
mod new_session_view;
mod palette;
mod path;
mod prompt;
mod question;
mod rename;
mod run_on;
mod samples;
mod save_as;
mod switch;
mod themes;

use crossterm::event::{KeyCode, KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::Frame;
use ratatui::layout::Position;

use super::buffers;
use super::commands::{Place, Spec};
use super::model::{Model, Pane, Screen};
use super::msg::{BufferId, Effect};
use super::theme::Theme;
use super::update::perform;
use crate::protocol::{SessionId, SessionInfo};

pub(crate) use baselines::Baselines;
pub(crate) use bench_form::BenchForm;
pub(crate) use compare::Compare;
pub(crate) use connect::Connect;
pub(crate) use find::Find;
pub(crate) use help::Help;
pub(crate) use log::LogView;
pub(crate) use menu::Menu;
pub(crate) use new_session::NewSession;
pub(crate) use palette::{Palette, offered, score};
pub(crate) use path::{Ask, PathForm};
pub(crate) use prompt::{Prompt, Wanted};
pub(crate) use question::Question;
pub(crate) use rename::Rename;
pub(crate) use run_on::RunOn;
pub(crate) use samples::Samples;
pub(crate) use save_as::SaveAs;
pub(crate) use switch::Switch;
pub(crate) use themes::Themes;

/// A box.
#[derive(Clone, Debug)]
pub(crate) enum Overlay {
    Help(Help),
    Palette(Palette),
    NewSession(NewSession),
    Question(Question),
    SaveAs(SaveAs),
    Path(PathForm),
    Connect(Box<Connect>),
    Log(LogView),
    Samples(Samples),
    Themes(Themes),
    Menu(Menu),
    Compare(Box<Compare>),
    Rename(Rename),
    RunOn(RunOn),
    Find(Box<Find>),
    Prompt(Prompt),
    Switch(Switch),
    Baselines(Baselines),
    BenchForm(Box<BenchForm>),
}

impl Overlay {
    /// It asks whether to leave.
    pub(crate) fn asks_to_quit(&self) -> bool {
        matches!(self, Self::Question(question) if question.yes == Effect::Quit)
    }

    /// It makes sense with the engine of now alone.
    pub(crate) fn is_of_engine(&self) -> bool {
        match self {
            Self::Themes(_) => false,
            Self::NewSession(_) | Self::Connect(_) | Self::Path(_) | Self::RunOn(_) | Self::Rename(_) => true,
            Self::Question(question) => matches!(
                question.yes,
                Effect::CloseSession(_) | Effect::CloseSessions(_) | Effect::Files { .. }
            ),
            Self::Help(_) | Self::Palette(_) | Self::SaveAs(_) | Self::Menu(_) | Self::Compare(_) => false,
            Self::Log(_) | Self::Samples(_) => false,
            Self::Find(_) | Self::Prompt(_) | Self::Switch(_) | Self::Baselines(_) => false,
            Self::BenchForm(_) => true,
        }
    }

    /// So many lines of the editor it takes, instead of being a box over everything.
    pub(crate) fn editor_rows(&self) -> u16 {
        match self {
            Self::Find(find) => find.rows(),
            _ => 0,
        }
    }
}

/// What a box makes of a key.
pub(crate) enum Outcome {
    /// It stays.
    Stay(Vec<Effect>),
    /// It goes, and this is done.
    Close(Vec<Effect>),
    /// It goes, and a command is given.
    Command(&'static Spec),
    /// It goes, and a session is chosen.
    Session(SessionId),
    /// It goes, and a text is shown.
    Text(BufferId),
    /// It goes, and a run is chosen.
    Run(u32),
}

/// Gives a key to the topmost box.
pub(crate) fn press(model: &mut Model, key: &KeyEvent) -> Vec<Effect> {
    let Some(mut overlay) = model.overlays.pop() else { return Vec::new() };
    let outcome = match &mut overlay {
        Overlay::Connect(form) if key.code == KeyCode::Esc => form.leave(model),
        Overlay::Log(log) if key.code == KeyCode::Esc => log.leave(),
        Overlay::Help(help) if help.is_doctor() => help.press(key, model),
        Overlay::Find(find) if key.code == KeyCode::Esc => find.leave(model),
        Overlay::NewSession(form) if key.code == KeyCode::Esc => form.leave(model),
        _ if key.code == KeyCode::Esc => return Vec::new(),
        Overlay::Connect(form) => form.press(key, model),
        Overlay::Help(help) => help.press(key, model),
        Overlay::Menu(menu) => menu.press(key, model),
        Overlay::Palette(palette) => palette.press(key, model),
        Overlay::NewSession(form) => form.press(key, model),
        Overlay::Question(question) => question.press(key, model.now),
        Overlay::RunOn(list) => list.press(key, model),
        Overlay::SaveAs(form) => form.press(key, model),
        Overlay::Log(log) => log.press(key, model),
        Overlay::Samples(samples) => samples.press(key, model),
        Overlay::Themes(themes) => themes.press(key, model),
        Overlay::Compare(compare) => compare.press(key, model),
        Overlay::Rename(form) => form.press(key, model),
        Overlay::Path(form) => form.press(key),
        Overlay::Find(find) => find.press(key, model),
        Overlay::Prompt(prompt) => prompt.press(key, model),
        Overlay::Switch(list) => list.press(key, model),
        Overlay::Baselines(list) => list.press(key),
        Overlay::BenchForm(form) => form.press(key, model),
    };
    conclude(model, overlay, outcome)
}

/// Does what a box has made of a key or a click.
fn conclude(model: &mut Model, overlay: Overlay, outcome: Outcome) -> Vec<Effect> {
    match outcome {
        Outcome::Stay(effects) => {
            model.overlays.push(overlay);
            effects
        }
        Outcome::Close(effects) => effects,
        Outcome::Command(spec) => {
            if let Place::In(pane) = spec.place {
                model.focus = pane;
            }
            model.used(spec.id);
            perform(model, spec.cmd)
        }
        Outcome::Text(id) => {
            model.screen = Screen::Workbench;
            model.focus = Pane::Editor;
            buffers::show_buffer(model, id);
            Vec::new()
        }
        Outcome::Run(number) => {
            model.screen = Screen::Workbench;
            model.focus = Pane::History;
            // It may be another session's.
            model.history.all = true;
            model.history.chosen = Some(number);
            Vec::new()
        }
        Outcome::Session(id) => {
            model.screen = Screen::Workbench;
            if let Some(at) = model.sessions.rows.iter().position(|row| row.info.session_id == id) {
                model.sessions.pick(at);
                model.focus = Pane::Sessions;
            }
            Vec::new()
        }
    }
}

/// Rows that one notch of the wheel moves.
const NOTCH: i16 = 3;

/// Gives the mouse to the topmost box; those that are typed into have no use for it.
pub(crate) fn mouse(model: &mut Model, mouse: MouseEvent) -> Vec<Effect> {
    let at = Position::new(mouse.column, mouse.row);
    let (down, by) = match mouse.kind {
        MouseEventKind::Down(MouseButton::Left) => (true, 0),
        MouseEventKind::ScrollUp => (false, -NOTCH),
        MouseEventKind::ScrollDown => (false, NOTCH),
        _ => return Vec::new(),
    };
    let Some(mut overlay) = model.overlays.pop() else { return Vec::new() };
    model.redraw = true;
    let outcome = match &mut overlay {
        Overlay::Palette(palette) if down => palette.click(at, model),
        Overlay::Menu(menu) if down => menu.click(at, model),
        Overlay::RunOn(list) if down => list.click(at, model),
        Overlay::BenchForm(form) if down => form.click(at, model),
        Overlay::Baselines(list) if down => list.click(at, model),
        Overlay::NewSession(form) if down => form.click(at, model),
        Overlay::Compare(compare) if !down => {
            let key = if by < 0 { KeyCode::Up } else { KeyCode::Down };
            for _ in 0..NOTCH {
                compare.press(&key.into(), model);
            }
            Outcome::Stay(Vec::new())
        }
        Overlay::Palette(palette) => {
            palette.wheel(by.signum(), model);
            Outcome::Stay(Vec::new())
        }
        Overlay::Help(help) => {
            help.scroll(by, model);
            Outcome::Stay(Vec::new())
        }
        _ => Outcome::Stay(Vec::new()),
    };
    conclude(model, overlay, outcome)
}

/// Whether a box is seen in front: the panes behind it are not in focus then.
pub(crate) fn is_in_front(model: &Model) -> bool {
    model.overlays.iter().any(|overlay| !matches!(overlay, Overlay::Menu(menu) if !menu.is_shown()))
}

/// What a box is called in the bottom line, and which keys work in it.
type Hints = (&'static str, &'static [(&'static str, &'static str)]);

/// What the topmost box is called in the bottom line, and which keys work in it.
pub(crate) fn hints(model: &Model) -> Option<(String, Vec<(&'static str, &'static str)>)> {
    let (name, keys): Hints = match model.overlays.last()? {
        Overlay::Help(help) if help.is_doctor() => ("KEYS", &[("Esc Esc", "close"), ("Tab Tab", "help")]),
        Overlay::Help(_) => ("HELP", &[("Esc", "close"), ("Tab", "key doctor")]),
        Overlay::Palette(_) => ("PALETTE", &[("Enter", "run"), ("Esc", "close"), ("Tab", "details")]),
        Overlay::Menu(menu) if !menu.is_shown() => return None,
        // A group's name in capitals would look like a mode.
        Overlay::Menu(_) => ("MENU", &[("a letter", "chooses"), ("Esc", "close")]),
        Overlay::RunOn(_) => ("RUN ON", &[("Enter", "run"), ("Esc", "back")]),
        Overlay::NewSession(_) => ("NEW SESSION", &[("Enter", "create"), ("Tab", "next"), ("Esc", "back")]),
        Overlay::Question(question) => {
            return Some(("QUESTION".to_owned(), vec![("Enter", question.word()), ("Esc", "back")]));
        }
        Overlay::Log(_) => ("LOG", &[("y", "copy"), ("/", "filter"), ("Esc", "close")]),
        Overlay::Samples(_) => ("SAMPLES", &[("Enter", "open"), ("Esc", "back"), ("l", "next language")]),
        Overlay::Compare(_) => ("RUNS", &[("Tab", "output or code"), ("Esc", "close")]),
        Overlay::SaveAs(form) => form.hints(),
        Overlay::Path(form) => form.hints(),
        Overlay::Connect(_) => ("CONNECT", &[("Enter", "connect"), ("Tab", "next"), ("Esc", "back")]),
        Overlay::Themes(_) => ("THEME", &[("Enter", "keep"), ("Esc", "back")]),
        Overlay::Rename(_) => ("NAME", &[("Enter", "keep"), ("Esc", "back")]),
        Overlay::Find(find) => find.hints(),
        Overlay::Prompt(prompt) => prompt.hints(),
        Overlay::Switch(_) => ("TEXTS", &[("Enter", "show"), ("Esc", "back")]),
        Overlay::Baselines(_) => ("COMPARE WITH", &[("Enter", "compare"), ("Esc", "back")]),
        Overlay::BenchForm(_) => ("BENCHMARK", &[("Enter", "measure"), ("Space", "choose"), ("Esc", "back")]),
    };
    Some((name.to_owned(), keys.to_vec()))
}

/// When the menu is to show itself.
pub(crate) fn menu_due(model: &Model) -> Option<std::time::Duration> {
    match model.overlays.last()? {
        Overlay::Menu(menu) => menu.due(),
        _ => None,
    }
}

/// Shows the menu that waited.
pub(crate) fn show_menu(model: &mut Model) {
    if let Some(Overlay::Menu(menu)) = model.overlays.last_mut() {
        menu.show();
        model.redraw = true;
    }
}

/// Types a pasted text into the topmost box.
pub(crate) fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    let mut overlay = model.overlays.pop();
    let mut effects = Vec::new();
    match &mut overlay {
        Some(Overlay::Connect(form)) => effects = form.paste(text, model),
        Some(Overlay::NewSession(form)) => form.paste(text),
        Some(Overlay::Palette(palette)) => palette.field.insert(text),
        Some(Overlay::SaveAs(form)) => form.field.insert(text),
        Some(Overlay::Rename(form)) => form.field.insert(text),
        Some(Overlay::Path(form)) => form.field.insert(text),
        Some(Overlay::Help(help)) => help.filter.insert(text),
        Some(Overlay::Log(log)) if log.filtering => log.filter.insert(text),
        Some(Overlay::Themes(themes)) => themes.paste(text, model),
        Some(Overlay::Find(find)) => find.paste(text, model),
        Some(Overlay::Prompt(prompt)) => prompt.field.insert(text),
        _ => {}
    }
    model.overlays.extend(overlay);
    effects
}

/// Draws every box, the topmost last.
pub(crate) fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
    for overlay in &model.overlays {
        match overlay {
            Overlay::Help(help) => help.draw(model, theme, frame),
            Overlay::Menu(menu) => menu.draw(model, theme, frame),
            Overlay::Palette(palette) => palette.draw(model, theme, frame),
            Overlay::NewSession(form) => form.draw(model, theme, frame),
            Overlay::Question(question) => question.draw(model, theme, frame),
            Overlay::SaveAs(form) => form.draw(model, theme, frame),
            Overlay::Path(form) => form.draw(model, theme, frame),
            Overlay::Connect(form) => form.draw(model, theme, frame),
            Overlay::Log(log) => log.draw(model, theme, frame),
            Overlay::Samples(samples) => samples.draw(model, theme, frame),
            Overlay::Themes(themes) => themes.draw(model, theme, frame),
            Overlay::Compare(compare) => compare.draw(model, theme, frame),
            Overlay::Rename(form) => form.draw(model, theme, frame),
            Overlay::RunOn(list) => list.draw(model, theme, frame),
            Overlay::Find(find) => find.draw(model, theme, frame),
            Overlay::Prompt(prompt) => prompt.draw(model, theme, frame),
            Overlay::Switch(list) => list.draw(model, theme, frame),
            Overlay::Baselines(list) => list.draw(model, theme, frame),
            Overlay::BenchForm(form) => form.draw(model, theme, frame),
        }
    }
}

/// What a session is called: its name, or language and runtime.
pub(crate) fn session_name(info: &SessionInfo) -> String {
    match &info.name {
        Some(name) => name.clone(),
        None => format!("{} on {}", info.language.title(), info.runtime_type.short()),
    }
}
