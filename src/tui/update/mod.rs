//! How the model changes. Pure: no IO and no clock; the time arrives with the message.

mod bench;
mod command;
mod edit;
mod file;
mod files;
mod history;
mod input;
mod keep;
mod link;
mod look;
mod messages;
mod modal;
mod output;
mod outside;
mod panes;
mod part;
mod race;
mod run;
mod runtime;
mod sample;
mod search;
mod session;
mod terminal;
mod tour;

use std::time::Duration;

use super::buffers;
use super::document::Document;
use super::model::Model;
use super::msg::{Effect, Msg, RunMsg, RuntimeMsg, SessionMsg};

pub(crate) use bench::{begin as begin_bench, language as bench_language};
pub(crate) use command::perform;
pub(crate) use file::open as open_file;
pub(crate) use file::open_behind;
pub(crate) use keep::{has_unkept, unsaved};
pub(crate) use link::{dial, hang_up, next_number, work_locally};
pub(crate) use look::{take_settings, tell_warnings};
pub(crate) use panes::keep_preset;
pub(crate) use run::{idle_session, start_on};
pub(crate) use sample::{language as sample_language, open as open_sample};
pub(crate) use search::{look_for, replace_all, replace_here, said, step_to_match};

/// Changes the model as a message asks, and says what else must be done.
pub(crate) fn update(model: &mut Model, msg: Msg, at: Duration) -> Vec<Effect> {
    model.now = at;
    let mut effects = Vec::new();
    for effect in handle(model, msg) {
        match effect {
            // What a question was about is in the model itself.
            Effect::Decided(decision) => effects.extend(edit::decided(model, decision)),
            effect => effects.push(effect),
        }
    }
    effects.extend(files::sync(model));
    effects.extend(terminal::sync(model));
    let effects = files::order(model, effects);
    tour::advance(model);
    for effect in &effects {
        session::closing(model, effect);
        output::saving(model, effect);
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
        Msg::Deadline => {
            if model.notice_goes().is_some_and(|due| due <= model.now) {
                model.redraw |= model.dismiss();
            }
            if super::overlay::menu_due(model).is_some_and(|due| due <= model.now) {
                super::overlay::show_menu(model);
            }
            run::stop_lapses(model);
            Vec::new()
        }
        Msg::Keep => keep::keep(model),
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
        Msg::Files(msg) => files::update(model, msg),
        Msg::Bench(msg) => bench::update(model, msg),
        Msg::Link(msg) => link::update(model, msg),
        Msg::Output(msg) => {
            model.redraw = true;
            output::update(model, msg)
        }
        Msg::Look(msg) => look::update(model, msg),
    }
}

/// What is to be done when the workbench opens.
pub(crate) fn begin(model: &Model) -> Vec<Effect> {
    let mut effects = ask_all(model);
    let reads = |document: &Document| Some(Effect::Read(document.id, document.path()?.to_owned()));
    effects.push(Effect::Recover);
    effects.extend(buffers::all(model).filter_map(|(document, _)| reads(document)));
    effects.extend(look::begin(model));
    effects
}

/// All that an engine is asked about itself.
fn ask_all(model: &Model) -> Vec<Effect> {
    let probes = model.runtimes.rows.iter().map(|row| Effect::Probe { runtime: row.runtime, refresh: false });
    probes.chain([Effect::ListSessions]).collect()
}
