//! Sessions: created, listed, closed, lost, and what they use.

use crate::engine::Told;
use crate::protocol::{
    Failure, IsolationReport, SessionEvent, SessionId, SessionInfo, SessionState, SessionStats,
};
use crate::tui::bench;
use crate::tui::commands::Cmd;
use crate::tui::ingest;
use crate::tui::model::{Model, Pane, SessionRow, Verdict};
use crate::tui::msg::{Effect, SessionMsg};
use crate::tui::output::Kind;
use crate::tui::overlay::{self, NewSession, Overlay, Question, Rename};
use crate::tui::text;

/// Sessions that a question lists by name.
const LISTED: usize = 8;

pub(super) fn update(model: &mut Model, msg: SessionMsg) -> Vec<Effect> {
    match msg {
        SessionMsg::Listed(Ok(list)) => listed(model, list),
        // They are asked for again when the link is back.
        SessionMsg::Listed(Err(_)) if model.connection.down().is_some() => {}
        SessionMsg::Listed(Err(failure)) => {
            model.redraw = true;
            model.tell(Verdict::Fail, failure.message, failure.hint);
        }
        SessionMsg::Created { run, result } => return created(model, run, result),
        SessionMsg::Closed(id, Ok(())) => remove(model, &id),
        SessionMsg::Closed(id, Err(failure)) => {
            if let Some(row) = model.sessions.find(&id) {
                row.info.state = SessionState::Idle;
            }
            model.tell(Verdict::Fail, failure.message, failure.hint);
        }
        SessionMsg::Told(Told::Lagged(_)) => {
            model.files.stale = true;
            return vec![Effect::ListSessions];
        }
        SessionMsg::Told(Told::Event(event)) => return told(model, event),
        SessionMsg::Stats(id, stats) => self::stats(model, &id, stats),
    }
    Vec::new()
}

/// Asks for the figures on the screen, unless the answer to the last question is still awaited.
pub(super) fn tick(model: &mut Model) -> Vec<Effect> {
    let watched = model.watched().cloned().filter(|_| !model.sessions.stats_asked);
    model.sessions.stats_asked |= watched.is_some();
    let minute = model.now.as_secs() / 60;
    // How long sessions have been there is shown to the minute.
    model.redraw |= std::mem::replace(&mut model.sessions.minute, minute) != minute;
    watched.map(Effect::Stats).into_iter().collect()
}

/// A run's program was started: how long that took is one more figure of its runtime.
pub(super) fn program_started(model: &mut Model, number: u32) {
    let Some(place) = model.history.find(number).and_then(|record| record.place.clone()) else { return };
    let startup = match (place.cold, model.sessions.own.contains(&place.session)) {
        // What the session took is its maker's to tell.
        (true, false) => return,
        (true, true) => model.sessions.find(&place.session).map(|row| row.info.startup_ms),
        (false, _) => Some(0.0),
    };
    let took = model.now.saturating_sub(place.asked_at);
    if let Some(startup) = startup {
        model.starts.note(place.runtime, place.cold, startup + took.as_secs_f64() * 1000.0);
    }
}

/// The chosen session gets a name.
pub(super) fn rename(model: &mut Model) {
    match model.sessions.current() {
        Some(row) => {
            let form = Rename::new(&row.info);
            model.overlays.push(Overlay::Rename(form));
        }
        None => model.tell(Verdict::Idle, "there is no session to name", ""),
    }
}

/// Asks whether all own sessions in which nothing runs shall be closed.
pub(super) fn close_idle(model: &mut Model) {
    let idle: Vec<&SessionRow> = model.sessions.rows.iter().filter(|row| is_spare(model, row)).collect();
    if idle.is_empty() {
        model.tell(Verdict::Idle, "none of your sessions is idle", "");
        return;
    }
    let name = |row: &&SessionRow| {
        let idle = row.idle(model.now).map_or_else(|| "-".to_owned(), text::minutes);
        format!("{}  idle {idle}", overlay::session_name(&row.info))
    };
    let mut lines: Vec<String> = idle.iter().take(LISTED).map(name).collect();
    match idle.len().saturating_sub(LISTED) {
        0 => {}
        more => lines.push(format!("and {more} more")),
    }
    lines.push("their files are removed with them".to_owned());
    let effect = Effect::CloseSessions(idle.iter().map(|row| row.info.session_id.clone()).collect());
    let title = "Close all idle sessions?";
    model.overlays.push(Overlay::Question(Question::new(title, lines, "close", effect)));
}

/// It is this workbench's, and nothing runs in it.
fn is_spare(model: &Model, row: &SessionRow) -> bool {
    let id = &row.info.session_id;
    let runs = model.runs.active.as_ref().is_some_and(|run| run.session.as_ref() == Some(id));
    let runs = runs || model.race.as_ref().is_some_and(|race| race.runs_in(id));
    row.rests() && !runs && model.sessions.own.contains(id)
}

/// Notes which sessions are being closed.
pub(super) fn closing(model: &mut Model, effect: &Effect) {
    let ids = match effect {
        Effect::CloseSession(id) => std::slice::from_ref(id),
        Effect::CloseSessions(ids) => ids.as_slice(),
        _ => return,
    };
    for id in ids {
        if let Some(row) = model.sessions.find(id) {
            row.info.state = SessionState::Closing;
        }
    }
}

fn listed(model: &mut Model, list: Vec<SessionInfo>) {
    model.redraw |=
        !std::mem::replace(&mut model.sessions.listed, true) && model.connection.server().is_some();
    let now = model.now;
    let passing = |info: &SessionInfo| bench::is_passing(model, info.name.as_deref());
    let list: Vec<SessionInfo> =
        list.into_iter().filter(|info| !passing(info)).map(ingest::session).collect();
    let known: Vec<&SessionInfo> = model.sessions.rows.iter().map(|row| &row.info).collect();
    if known.len() == list.len() && known.iter().zip(&list).all(|(a, b)| same_on_screen(a, b)) {
        return;
    }
    model.redraw = true;
    let chosen = model.sessions.current().map(|row| row.info.session_id.clone());
    let mut old = std::mem::take(&mut model.sessions.rows);
    for info in list {
        let known = old.iter().position(|row| row.info.session_id == info.session_id);
        match known.map(|at| old.swap_remove(at)) {
            Some(mut row) => {
                row.learn(info, now);
                model.sessions.rows.push(row);
            }
            None => model.sessions.rows.push(SessionRow::new(info, now)),
        }
    }
    model.sessions.selected = 0;
    if let Some(id) = chosen {
        model.sessions.select(&id);
    }
}

fn same_on_screen(a: &SessionInfo, b: &SessionInfo) -> bool {
    (&a.session_id, a.state, a.execution_count) == (&b.session_id, b.state, b.execution_count)
}

fn created(model: &mut Model, run: Option<u32>, result: Result<Box<SessionInfo>, Failure>) -> Vec<Effect> {
    let waits = run.filter(|n| model.runs.active.as_ref().is_some_and(|run| run.number == *n));
    let lane = run.filter(|n| super::race::waits(model, *n));
    // A run that was stopped has settled the count already.
    if run.is_none() || waits.is_some() || lane.is_some() {
        model.sessions.creating = model.sessions.creating.saturating_sub(1);
    }
    let info = match result {
        Ok(info) => ingest::session(*info),
        Err(failure) if lane.is_some() => return super::race::fail(model, lane.unwrap_or(0), &failure),
        Err(failure) if waits.is_some() => {
            super::run::fail(model, &failure);
            return Vec::new();
        }
        Err(failure) => {
            let failure = ingest::failure(failure);
            if !form(model).is_some_and(|form| form.refused(&failure)) {
                model.tell(Verdict::Fail, failure.message, failure.hint);
            }
            return Vec::new();
        }
    };
    let id = info.session_id.clone();
    let (language, runtime) = (info.language, info.runtime_type.short());
    let mut ready = format!("session on {runtime} ready in {}", text::millis(info.startup_ms));
    if !info.isolation.weakened.is_empty() {
        let IsolationReport { score, tier, .. } = &info.isolation;
        ready.push_str(&format!(", isolation only {score}/10 ({tier})"));
    }
    let of_lane = lane.map(|_| info.clone());
    match model.sessions.find(&id) {
        Some(row) => row.learn(info, model.now),
        None => model.sessions.rows.push(SessionRow::new(info, model.now)),
    }
    model.sessions.own.push(id.clone());
    if let Some(row) = model.sessions.find(&id) {
        row.made_here = true;
    }
    if let (Some(number), Some(info)) = (lane, of_lane) {
        return super::race::created(model, number, &info);
    }
    model.sessions.select(&id);
    if waits.is_some() {
        model.output.say(Kind::Note, ready);
        return super::run::execute(model, id);
    }
    if run.is_none() {
        match made(model, &id).filter(|lowered| !lowered.is_empty()) {
            Some(lowered) => {
                model.tell(Verdict::Warn, ready, format!("the engine allows no more: {lowered}"))
            }
            None => model.tell(Verdict::Ok, ready, "F5 runs the code in it"),
        }
        if model.shows_sample() && model.document.language() != Some(language) {
            super::command::set_language(model, language);
        }
    }
    Vec::new()
}

/// The form whose session may be the one that was created or refused.
fn form(model: &mut Model) -> Option<&mut NewSession> {
    model.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::NewSession(form) => Some(form),
        _ => None,
    })
}

/// The session that the form has asked for is there: the form has done its work. Gives what it got less of.
fn made(model: &mut Model, id: &SessionId) -> Option<String> {
    let info = model.sessions.find(id)?.info.clone();
    let form = form(model)?;
    let lowered = form.made(&info)?;
    let (language, runtime) = form.wish();
    model.sessions.wish(language, runtime);
    model.overlays.retain(|overlay| !matches!(overlay, Overlay::NewSession(_)));
    Some(lowered)
}

fn remove(model: &mut Model, id: &SessionId) {
    let Some(at) = model.sessions.rows.iter().position(|row| row.info.session_id == *id) else { return };
    model.sessions.rows.remove(at);
    model.sessions.own.retain(|own| own != id);
    if model.sessions.selected > at || model.sessions.selected >= model.sessions.rows.len() {
        model.sessions.selected = model.sessions.selected.saturating_sub(1);
    }
}

fn told(model: &mut Model, event: SessionEvent) -> Vec<Effect> {
    if super::files::heard(model, &event) {
        return Vec::new();
    }
    let (SessionEvent::State { session_id: id, .. }
    | SessionEvent::Started { session_id: id, .. }
    | SessionEvent::Finished { session_id: id, .. }) = &event;
    let now = model.now;
    let Some(row) = model.sessions.find(id) else {
        // Somebody else's session, or one whose creation is being answered.
        let gone = matches!(&event, SessionEvent::State { state: SessionState::Closed, .. });
        // Or a benchmark's, that would be disturbed: they are asked for when it is over.
        return if gone || bench::is_live(model) { Vec::new() } else { vec![Effect::ListSessions] };
    };
    match event {
        SessionEvent::State { session_id, state: SessionState::Closed, reason } => {
            let name = overlay::session_name(&row.info);
            let asked_for = row.info.state == SessionState::Closing;
            remove(model, &session_id);
            if let Some(reason) = reason.filter(|_| !asked_for) {
                model.tell(Verdict::Warn, format!("{name} was closed: {reason}"), "F5 creates another");
            }
        }
        SessionEvent::State { state, reason, .. } => {
            row.info.state = state;
            row.reason = reason.map(|reason| text::sanitise(&reason).into_owned());
        }
        SessionEvent::Started { .. } => {
            row.goes_on(SessionState::Active);
            row.touch(now);
        }
        SessionEvent::Finished { .. } => {
            row.touch(now);
            row.info.execution_count += 1;
            row.goes_on(SessionState::Idle);
        }
    }
    Vec::new()
}

/// New figures of a session; a redraw only if they differ on the screen.
fn stats(model: &mut Model, id: &SessionId, stats: Result<SessionStats, Failure>) {
    model.sessions.stats_asked = false;
    let now = model.now;
    let Some(row) = model.sessions.find(id) else { return };
    // A session that can't be asked shows what was known last; its loss is told elsewhere.
    let Ok(stats) = stats else { return };
    let passed = now.saturating_sub(row.stats_at).as_secs_f64();
    let before = row.stats.as_ref().and_then(|s| s.cpu_ms);
    let share = match (before, stats.cpu_ms) {
        (Some(before), Some(after)) if passed > 0.2 => {
            Some(((after.saturating_sub(before)) as f64 / 10.0 / passed * 10.0).round() / 10.0)
        }
        _ => None,
    };
    let mut changed = row.stats.as_ref() != Some(&stats) || row.cpu_percent != share;
    changed |= row.cpu_trace.push(share);
    changed |= row.memory_trace.push(stats.memory_bytes.map(|bytes| bytes as f64));
    row.stats = Some(stats);
    row.cpu_percent = share;
    row.stats_at = now;
    model.redraw |= changed;
}

/// Up and down, page by page, to the first and to the last.
pub(super) fn go(model: &mut Model, cmd: Cmd) {
    let rows = model.layout().inside(Pane::Sessions).height;
    let page = i64::from((rows / 2).max(1));
    choose(model, cmd.rows(page));
}

/// Chooses the session so many rows further.
pub(super) fn choose(model: &mut Model, by: i64) {
    let last = model.sessions.rows.len().saturating_sub(1);
    let step = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
    let at = model.sessions.selected;
    model.sessions.pick(if by < 0 { at.saturating_sub(step) } else { at.saturating_add(step).min(last) });
}

/// Scrolls the stats.
pub(super) fn scroll_stats(model: &mut Model, cmd: Cmd) {
    let inside = model.layout().inside(Pane::Stats);
    let (first, shown, all) = crate::tui::view::stats::scroll(model, inside);
    let page = shown.saturating_sub(1).max(1);
    let top = match cmd {
        Cmd::Up => first.saturating_sub(1),
        Cmd::Down => first + 1,
        Cmd::PageUp => first.saturating_sub(page),
        Cmd::PageDown => first + page,
        Cmd::Bottom => all,
        _ => 0,
    };
    model.stats_top = top.min(all.saturating_sub(shown));
}
