//! How the engine is reached: the link that is lost and comes back, and the way to other engines.

use crate::engine::{Frame, Link, Target};
use crate::protocol::Failure;
use crate::tui::commands::{Cmd, Place};
use crate::tui::connection::{self, Connection, Dial};
use crate::tui::history::End;
use crate::tui::ingest;
use crate::tui::model::{Model, Phase, Runs, Runtimes, Screen, Sessions, Verdict};
use crate::tui::msg::{Effect, LinkMsg, Reached};
use crate::tui::output::Kind;
use crate::tui::overlay::{Connect, Overlay};
use crate::tui::text;
use crate::tui::widget::field::Field;
use crate::tui::wire::Wire;

pub(super) fn update(model: &mut Model, msg: LinkMsg) -> Vec<Effect> {
    match msg {
        LinkMsg::Changed(link) => return changed(model, ingest::link(link)),
        LinkMsg::Second => model.redraw |= model.connection.down().is_some(),
        LinkMsg::Passed { frames, missed } => passed(model, frames, missed),
        LinkMsg::Reached { dial, result } => return reached(model, dial, result),
        LinkMsg::Looked { dial, result } => {
            let result = result.map(|look| Box::new(ingest::look(*look))).map_err(ingest::failure);
            if let Some(form) = form(model) {
                form.looked(dial, result);
                model.redraw = true;
            }
        }
        LinkMsg::Recent(recent) => {
            let recent = ingest::recent(recent);
            if let Some(form) = form(model) {
                form.recent(recent);
                model.redraw = true;
            }
        }
        LinkMsg::TokenSource(address, source) => {
            let source = source.map(|source| text::sanitise(&source).into_owned());
            if let Some(form) = form(model) {
                form.token_source(&address, source);
                model.redraw = true;
            }
        }
    }
    Vec::new()
}

fn form(model: &mut Model) -> Option<&mut Connect> {
    model.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Connect(form) => Some(form.as_mut()),
        _ => None,
    })
}

fn passed(model: &mut Model, frames: Vec<Frame>, missed: u64) {
    model.redraw |= model.screen == Screen::Messages;
    model.wire.missed += missed;
    for frame in frames {
        model.wire.push(ingest::frame(frame), model.now);
    }
}

/// The same engine is reached otherwise than before.
fn changed(model: &mut Model, link: Link) -> Vec<Effect> {
    model.redraw |= !connection::alike(&model.connection.link, &link);
    let now = model.now;
    let before = std::mem::replace(&mut model.connection.link, link);
    match (&before, &model.connection.link) {
        (_, Link::Down(down)) => {
            let gives_up = down.wait.is_none() && before != model.connection.link;
            model.connection.told = now;
            model.connection.lost.get_or_insert(now);
            // Nothing that is typed would arrive.
            model.feeds = false;
            if gives_up {
                given_up(model);
            }
            Vec::new()
        }
        (Link::Down(_), Link::Up(_)) => back(model),
        // It was lost and came back before anybody was told.
        (Link::Up(was), Link::Up(up)) if up.returns > was.returns => back(model),
        // The workbench was opened with a server; what is wrong with the settings is told first.
        (Link::Local, Link::Up(_)) if model.notice.is_none() => {
            if let Some(missing) = missing(model) {
                model.tell(Verdict::Warn, place(model), missing);
            }
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// No more attempts are made by themselves.
fn given_up(model: &mut Model) {
    let Some(down) = model.connection.down() else { return };
    let message = format!("the link to {} is lost: {}", down.server, down.reason);
    let hint = ways_on(model);
    model.tell(Verdict::Warn, message, hint);
}

/// The link stands again: what is shown of the engine is asked for anew.
fn back(model: &mut Model) -> Vec<Effect> {
    let lost = model.connection.lost.take();
    let message = match lost {
        Some(lost) => format!("back after {}", text::span(model.now.saturating_sub(lost))),
        None => "the link was lost and is back".to_owned(),
    };
    model.tell(Verdict::Ok, message, "");
    model.sessions.stats_asked = false;
    super::ask_all(model)
}

/// What a person can do while the link is lost, with the keys that do it.
fn ways_on(model: &Model) -> String {
    let first = if model.types() { "Esc " } else { "" };
    let key = |cmd| model.keymap.shown(cmd, &[Place::LinkLost], false);
    let way = |(cmd, what): (Cmd, &str)| key(cmd).map(|key| format!("{first}{key} {what}"));
    let ways = [
        (Cmd::Retry, "tries it again now"),
        (Cmd::WorkLocally, "works locally"),
        (Cmd::Connect, "goes to another server"),
    ];
    ways.into_iter().filter_map(way).collect::<Vec<_>>().join(", ")
}

/// Whether the engine can be asked for something; says what to do if it can't.
pub(super) fn is_reachable(model: &mut Model) -> bool {
    let Some(down) = model.connection.down() else { return true };
    let message = format!("nothing can be asked of {}: the link is down", down.server);
    let hint = format!("your edits are kept; {}", ways_on(model));
    model.tell(Verdict::Warn, message, hint);
    false
}

pub(super) fn retry(model: &mut Model) -> Vec<Effect> {
    match model.connection.down() {
        Some(_) => vec![Effect::Reconnect],
        None => {
            model.tell(Verdict::Idle, "the link is not lost", "");
            Vec::new()
        }
    }
}

/// The form for another engine.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    model.overlays.push(Overlay::Connect(Box::default()));
    vec![Effect::Recent]
}

/// Goes to the engine in this process.
pub(crate) fn work_locally(model: &mut Model) -> Vec<Effect> {
    if model.connection.link == Link::Local {
        model.tell(Verdict::Idle, "you work locally already", "");
        return Vec::new();
    }
    dial(model, None)
}

/// Goes to a server's engine, or to the one in this process.
pub(crate) fn dial(model: &mut Model, target: Option<Target>) -> Vec<Effect> {
    let to = target.as_ref().map_or("the engine in this process", |target| &target.address);
    let to = text::sanitise(to).into_owned();
    let number = next_number(model);
    model.connection.dial = Some(Dial { number, to });
    vec![Effect::Dial { dial: number, target }]
}

/// The number of a dial or look to come.
pub(crate) fn next_number(model: &mut Model) -> u32 {
    model.connection.dials += 1;
    model.connection.dials
}

/// Gives up the dial that is under way; false: there is none.
pub(crate) fn hang_up(model: &mut Model) -> bool {
    model.connection.dial.take().is_some()
}

/// A dial was answered. One that was given up has reached nothing, whatever it says.
fn reached(model: &mut Model, dial: u32, result: Result<Reached, Failure>) -> Vec<Effect> {
    if model.connection.dial.take_if(|pending| pending.number == dial).is_none() {
        return Vec::new();
    }
    model.redraw = true;
    match result {
        Ok(reached) => {
            // Of the engine that is left.
            let mut effects = super::bench::stop(model).unwrap_or_default();
            effects.push(Effect::Switch(dial));
            switch(model, reached);
            effects.extend(super::ask_all(model));
            effects
        }
        Err(failure) => {
            let failure = ingest::failure(failure);
            match form(model) {
                Some(form) => form.failed(failure),
                None => model.tell(Verdict::Fail, failure.message, failure.hint),
            }
            Vec::new()
        }
    }
}

/// Forgets what was of the engine before, and tells what becomes of it. The text, the output and the settings stay.
fn switch(model: &mut Model, reached: Reached) {
    let local = model.connection.link == Link::Local;
    let raced = super::race::forget(model).filter(|_| local);
    let left = leave_run(model).or(raced).or(model.runs.left);
    let fetch = model.runtimes.fetching;
    let link = ingest::link(reached.link);
    let lost = matches!(link, Link::Down(_)).then_some(model.now);
    let dials = model.connection.dials;
    model.connection = Connection { link, told: model.now, lost, dial: None, dials };
    model.wire = Wire::begin(model.now);
    model.runtimes = Runtimes::of(&reached.runtimes);
    let own = std::mem::take(&mut model.sessions.own);
    super::files::leave_all(model);
    model.sessions = Sessions { own, ..Sessions::default() };
    model.starts = Default::default();
    model.runs = Runs { count: model.runs.count, earlier: model.runs.earlier, left, ..Runs::default() };
    (model.feeds, model.input) = (false, Field::default());
    model.overlays.retain(|overlay| !overlay.is_of_engine());
    if model.screen == Screen::Setup {
        model.screen = Screen::Workbench;
    }
    let place = place(model);
    if !model.output.is_empty() {
        model.output.say(Kind::Rule, String::new());
    }
    model.output.say(Kind::Note, place.clone());
    match (missing(model), fetch) {
        (Some(missing), _) => model.tell(Verdict::Warn, place, missing),
        (None, Some(runtime)) => {
            let ended =
                format!("the fetch of {} was ended; where it was begun, it can be again", runtime.short());
            model.tell(Verdict::Warn, place, ended);
        }
        (None, None) => model.tell(Verdict::Ok, place, ""),
    }
}

/// Whose engine it is, for people.
fn place(model: &Model) -> String {
    let software = model.connection.up().map(|up| format!(" ({})", up.software)).unwrap_or_default();
    format!("works with {} now{software}", where_it_is(model))
}

/// What the engine's server can't do; `None`: nothing.
fn missing(model: &Model) -> Option<String> {
    let up = model.connection.up().filter(|up| !up.missing.is_empty())?;
    Some(format!("not available there: {}", up.missing.join(", ")))
}

fn where_it_is(model: &Model) -> &str {
    model.connection.server().unwrap_or("the engine in this process")
}

/// Says of the run under way that it is left. Gives its number if it goes on in this process.
fn leave_run(model: &mut Model) -> Option<u32> {
    let mut run = model.runs.active.take()?;
    super::terminal::settle(model, &mut run);
    model.output.close();
    if run.phase == Phase::Preparing {
        model.output.say(Kind::Result(Verdict::Warn), "before it began".to_owned());
        model.history.end(run.number, End::without_figures(Verdict::Warn, "before it began"));
        return None;
    }
    let ending = format!("left: it goes on with {}", where_it_is(model));
    model.history.end(run.number, End::without_figures(Verdict::Unknown, ending.clone()));
    model.output.say(Kind::Result(Verdict::Unknown), ending);
    (model.connection.link == Link::Local).then_some(run.number)
}
