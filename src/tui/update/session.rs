//! Sessions: created, listed, closed, lost, and what they use.

use crate::engine::Told;
use crate::protocol::{
    Failure, IsolationReport, SessionEvent, SessionId, SessionInfo, SessionState, SessionStats,
};
use crate::tui::document::Origin;
use crate::tui::ingest;
use crate::tui::model::{Model, SessionRow, Verdict};
use crate::tui::msg::{Effect, SessionMsg};
use crate::tui::output::Kind;
use crate::tui::overlay;
use crate::tui::text;

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
        SessionMsg::Told(Told::Lagged(_)) => return vec![Effect::ListSessions],
        SessionMsg::Told(Told::Event(event)) => return told(model, event),
        SessionMsg::Stats(id, stats) => self::stats(model, &id, stats),
    }
    Vec::new()
}

/// Asks for the figures on the screen, unless the answer to the last question is still awaited.
pub(super) fn tick(model: &mut Model) -> Vec<Effect> {
    let watched = model.watched().cloned().filter(|_| !model.sessions.stats_asked);
    model.sessions.stats_asked |= watched.is_some();
    watched.map(Effect::Stats).into_iter().collect()
}

fn listed(model: &mut Model, list: Vec<SessionInfo>) {
    model.redraw |=
        !std::mem::replace(&mut model.sessions.listed, true) && model.connection.server().is_some();
    let list: Vec<SessionInfo> = list.into_iter().map(ingest::session).collect();
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
            Some(row) => model.sessions.rows.push(SessionRow { info, ..row }),
            None => model.sessions.rows.push(new_row(info)),
        }
    }
    model.sessions.selected = 0;
    if let Some(id) = chosen {
        model.sessions.select(&id);
    }
}

fn same_on_screen(a: &SessionInfo, b: &SessionInfo) -> bool {
    (&a.session_id, a.state, &a.name, a.execution_count)
        == (&b.session_id, b.state, &b.name, b.execution_count)
}

fn new_row(info: SessionInfo) -> SessionRow {
    SessionRow {
        info,
        reason: None,
        last: None,
        stats: None,
        cpu_percent: None,
        stats_at: std::time::Duration::ZERO,
    }
}

fn created(model: &mut Model, run: Option<u32>, result: Result<Box<SessionInfo>, Failure>) -> Vec<Effect> {
    let waits = run.filter(|n| model.runs.active.as_ref().is_some_and(|run| run.number == *n));
    // A run that was stopped has settled the count already.
    if run.is_none() || waits.is_some() {
        model.sessions.creating = model.sessions.creating.saturating_sub(1);
    }
    let info = match result {
        Ok(info) => ingest::session(*info),
        Err(failure) if waits.is_some() => {
            super::run::fail(model, &failure);
            return Vec::new();
        }
        Err(failure) => {
            model.tell(Verdict::Fail, failure.message, failure.hint);
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
    match model.sessions.find(&id) {
        Some(row) => row.info = info,
        None => model.sessions.rows.push(new_row(info)),
    }
    model.sessions.own.push(id.clone());
    model.sessions.select(&id);
    if waits.is_some() {
        model.output.say(Kind::Note, ready);
        return super::run::execute(model, id);
    }
    if run.is_none() {
        model.tell(Verdict::Ok, ready, "F5 runs the code in it");
        if *model.document.origin() == Origin::Scratch
            && !model.is_changed()
            && model.document.language() != Some(language)
        {
            super::command::set_language(model, language);
        }
    }
    Vec::new()
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
    let (SessionEvent::State { session_id: id, .. }
    | SessionEvent::Started { session_id: id, .. }
    | SessionEvent::Finished { session_id: id, .. }) = &event;
    let Some(row) = model.sessions.find(id) else {
        // Somebody else's session, or one whose creation is being answered.
        let gone = matches!(&event, SessionEvent::State { state: SessionState::Closed, .. });
        return if gone { Vec::new() } else { vec![Effect::ListSessions] };
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
        SessionEvent::Started { .. } => row.info.state = SessionState::Active,
        SessionEvent::Finished { .. } => {
            row.info.execution_count += 1;
            row.info.state = SessionState::Idle;
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
    let changed = row.stats.as_ref() != Some(&stats) || row.cpu_percent != share;
    row.stats = Some(stats);
    row.cpu_percent = share;
    row.stats_at = now;
    model.redraw |= changed;
}
