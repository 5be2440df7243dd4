//! How the model changes. Pure: no IO and no clock; the time arrives with the message.

mod command;
mod file;
mod history;
mod input;
mod link;
mod messages;
mod panes;
mod race;
mod run;
mod runtime;
mod session;

use std::time::Duration;

use super::buffers;
use super::document::Document;
use super::model::Model;
use super::msg::{Effect, Msg, RunMsg, RuntimeMsg, SessionMsg};

pub(crate) use command::perform;
pub(crate) use link::{dial, hang_up, next_number, work_locally};
pub(crate) use run::{idle_session, start_on};

/// Changes the model as a message asks, and says what else must be done.
pub(crate) fn update(model: &mut Model, msg: Msg, at: Duration) -> Vec<Effect> {
    model.now = at;
    let effects = handle(model, msg);
    for effect in &effects {
        session::closing(model, effect);
        if let Effect::Save { buffer, .. } = effect
            && let Some((document, _)) = buffers::find(model, *buffer)
        {
            document.saving = true;
        }
    }
    effects
}

fn handle(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Input(event) => input::update(model, event),
        Msg::Tick => session::tick(model),
        Msg::ShowMenu => {
            super::overlay::show_menu(model);
            Vec::new()
        }
        Msg::Runtime(msg) => {
            // An answer that says what is known already changes nothing on the screen.
            model.redraw |= !matches!(msg, RuntimeMsg::Known(..));
            runtime::update(model, msg)
        }
        Msg::Session(msg) => {
            model.redraw |= !matches!(msg, SessionMsg::Stats(..) | SessionMsg::Listed(_));
            session::update(model, msg)
        }
        Msg::Run(msg) => {
            model.redraw |= !matches!(msg, RunMsg::Accepted(..));
            run::update(model, msg)
        }
        Msg::File(msg) => {
            model.redraw = true;
            file::update(model, msg)
        }
        Msg::Link(msg) => link::update(model, msg),
    }
}

/// What is to be done when the workbench opens.
pub(crate) fn begin(model: &Model) -> Vec<Effect> {
    let mut effects = ask_all(model);
    let reads = |document: &Document| Some(Effect::Read(document.id, document.path()?.to_owned()));
    effects.extend(buffers::all(model).filter_map(|(document, _)| reads(document)));
    effects
}

/// All that an engine is asked about itself.
fn ask_all(model: &Model) -> Vec<Effect> {
    let probes = model.runtimes.rows.iter().map(|row| Effect::Probe { runtime: row.runtime, refresh: false });
    probes.chain([Effect::ListSessions]).collect()
}
