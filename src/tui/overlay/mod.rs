//! Boxes over the workbench. The topmost gets the keys; Esc closes it.

mod connect;
mod connect_view;
mod help;
mod new_session;
mod palette;
mod question;
mod save_as;
mod themes;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;

use super::commands::{Place, Spec};
use super::model::Model;
use super::msg::Effect;
use super::theme::Theme;
use super::update::perform;
use crate::protocol::SessionInfo;

pub(crate) use connect::Connect;
pub(crate) use help::Help;
pub(crate) use new_session::NewSession;
pub(crate) use palette::Palette;
pub(crate) use question::Question;
pub(crate) use save_as::SaveAs;
pub(crate) use themes::Themes;

/// A box.
#[derive(Clone, Debug)]
pub(crate) enum Overlay {
    Help(Help),
    Palette(Palette),
    NewSession(NewSession),
    Question(Question),
    SaveAs(SaveAs),
    Connect(Box<Connect>),
    Themes(Themes),
}

impl Overlay {
    /// It makes sense with the engine of now alone.
    pub(crate) fn is_of_engine(&self) -> bool {
        match self {
            Self::NewSession(_) | Self::Connect(_) => true,
            Self::Question(question) => matches!(question.yes, Effect::CloseSession(_)),
            Self::Help(_) | Self::Palette(_) | Self::SaveAs(_) => false,
            Self::Themes(_) => false,
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
        _ if key.code == KeyCode::Esc => return Vec::new(),
        Overlay::Connect(form) => form.press(key, model),
        Overlay::Help(help) => help.press(key),
        Overlay::Palette(palette) => palette.press(key, model),
        Overlay::NewSession(form) => form.press(key, model),
        Overlay::Question(question) => question.press(key),
        Overlay::SaveAs(form) => form.press(key, model),
        Overlay::Themes(themes) => themes.press(key, model),
    };
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

/// Types a pasted text into the topmost box.
pub(crate) fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    let mut overlay = model.overlays.pop();
    let mut effects = Vec::new();
    match &mut overlay {
        Some(Overlay::Connect(form)) => effects = form.paste(text, model),
        Some(Overlay::Palette(palette)) => palette.field.insert(text),
        Some(Overlay::SaveAs(form)) => form.field.insert(text),
        Some(Overlay::Help(help)) => help.filter.insert(text),
        Some(Overlay::Themes(themes)) => themes.paste(text, model),
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
            Overlay::Themes(themes) => themes.draw(model, theme, frame),
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
