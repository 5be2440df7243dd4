//! Boxes over the workbench. The topmost gets the keys; Esc closes it.

mod compare;
mod connect;
mod connect_view;
mod help;
mod new_session;
mod new_session_limits;
mod new_session_view;
mod palette;
mod question;
mod rename;
mod run_on;
mod save_as;

use crossterm::event::{KeyCode, KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::Frame;
use ratatui::layout::Position;

use super::commands::{Place, Spec};
use super::model::Model;
use super::msg::Effect;
use super::theme::Theme;
use super::update::perform;
use crate::protocol::SessionInfo;

pub(crate) use compare::Compare;
pub(crate) use connect::Connect;
pub(crate) use help::Help;
pub(crate) use new_session::NewSession;
pub(crate) use palette::Palette;
pub(crate) use question::Question;
pub(crate) use rename::Rename;
pub(crate) use run_on::RunOn;
pub(crate) use save_as::SaveAs;

/// A box.
#[derive(Clone, Debug)]
pub(crate) enum Overlay {
    Help(Help),
    Palette(Palette),
    NewSession(NewSession),
    Question(Question),
    SaveAs(SaveAs),
    Connect(Box<Connect>),
    Compare(Box<Compare>),
    Rename(Rename),
    RunOn(RunOn),
}

impl Overlay {
    /// It makes sense with the engine of now alone.
    pub(crate) fn is_of_engine(&self) -> bool {
        match self {
            Self::Rename(_) => true,
            Self::Question(question) => {
                matches!(question.yes, Effect::CloseSession(_) | Effect::CloseSessions(_))
            }
            Self::NewSession(_) | Self::Connect(_) | Self::RunOn(_) => true,
            Self::Help(_) | Self::Palette(_) | Self::SaveAs(_) => false,
            Self::Compare(_) => false,
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
}

/// Gives a key to the topmost box.
pub(crate) fn press(model: &mut Model, key: &KeyEvent) -> Vec<Effect> {
    let Some(mut overlay) = model.overlays.pop() else { return Vec::new() };
    let outcome = match &mut overlay {
        Overlay::Connect(form) if key.code == KeyCode::Esc => form.leave(model),
        Overlay::NewSession(form) if key.code == KeyCode::Esc => form.leave(model),
        _ if key.code == KeyCode::Esc => return Vec::new(),
        Overlay::Connect(form) => form.press(key, model),
        Overlay::Help(help) => help.press(key),
        Overlay::Palette(palette) => palette.press(key, model),
        Overlay::NewSession(form) => form.press(key, model),
        Overlay::Question(question) => question.press(key),
        Overlay::RunOn(list) => list.press(key, model),
        Overlay::SaveAs(form) => form.press(key, model),
        Overlay::Compare(compare) => compare.press(key, model),
        Overlay::Rename(form) => form.press(key, model),
    };
    settle(model, overlay, outcome)
}

/// Does what a box made of a key or a click.
fn settle(model: &mut Model, overlay: Overlay, outcome: Outcome) -> Vec<Effect> {
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
            perform(model, spec.cmd)
        }
    }
}

/// Gives a click to the topmost box, if it has places for one.
pub(crate) fn click(model: &mut Model, mouse: MouseEvent) -> Vec<Effect> {
    let wheel = match mouse.kind {
        MouseEventKind::ScrollUp => Some(KeyCode::Up),
        MouseEventKind::ScrollDown => Some(KeyCode::Down),
        _ => None,
    };
    if let Some(code) = wheel.filter(|_| matches!(model.overlays.last(), Some(Overlay::Compare(_)))) {
        model.redraw = true;
        return (0..3).flat_map(|_| press(model, &code.into())).collect();
    }
    if mouse.kind != MouseEventKind::Down(MouseButton::Left) {
        return Vec::new();
    }
    let at = Position::new(mouse.column, mouse.row);
    let Some(mut overlay) = model.overlays.pop() else { return Vec::new() };
    model.redraw = true;
    let outcome = match &mut overlay {
        Overlay::RunOn(list) => list.click(at, model),
        Overlay::NewSession(form) => form.click(at, model),
        _ => Outcome::Stay(Vec::new()),
    };
    settle(model, overlay, outcome)
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
        Some(Overlay::Help(help)) => help.filter.insert(text),
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
            Overlay::Palette(palette) => palette.draw(model, theme, frame),
            Overlay::NewSession(form) => form.draw(model, theme, frame),
            Overlay::Question(question) => question.draw(model, theme, frame),
            Overlay::SaveAs(form) => form.draw(model, theme, frame),
            Overlay::Connect(form) => form.draw(model, theme, frame),
            Overlay::Compare(compare) => compare.draw(model, theme, frame),
            Overlay::Rename(form) => form.draw(model, theme, frame),
            Overlay::RunOn(list) => list.draw(model, theme, frame),
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
