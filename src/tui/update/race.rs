//! A race: sessions for its lanes, what their programs tell, and its end.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::run;
use crate::protocol::{
    CreateSession, ErrorKind, ExecuteResult, Failure, OutputStream, SessionId, SessionInfo, SessionState,
};
use crate::tui::commands::{Cmd, Place};
use crate::tui::history::{End, Record, RunPlace};
use crate::tui::model::{Model, Screen, Verdict};
use crate::tui::msg::{Effect, RunMsg};
use crate::tui::output::Kind;
use crate::tui::race::{self, Lane, Race, Stage, Start};
use crate::tui::text;

/// Runs the editor's text on every runtime that runs its language.
pub(super) fn start(model: &mut Model) -> Vec<Effect> {
    let Some(language) = run::ready(model) else { return Vec::new() };
    let runtimes: Vec<_> = race::able(model, language).collect();
    if runtimes.is_empty() {
        model.tell(Verdict::Warn, "the runtimes are still being looked for", "try again in a moment");
        return Vec::new();
    }
    model.notice = None;
    let (code, named) = (model.editor.text(), run::named(&model.document));
    let mut lanes = Vec::new();
    for runtime in runtimes {
        model.runs.count += 1;
        let number = model.runs.count;
        lanes.push(Lane::new(number, runtime));
        model.history.push(Record::begun(number, language, &code, named.name.clone(), false));
    }
    let others = model.runtimes.rows.iter();
    let others = others.filter_map(|row| Some((row.runtime, race::unfit(row, language)?))).collect();
    let before = model.race.take();
    let (chosen, alone, in_turn) =
        before.map_or((0, false, false), |race| (race.chosen, race.alone, race.in_turn));
    model.race = Some(Race {
        name: model.document.name(),
        language,
        code,
        named,
        chosen: chosen.min(lanes.len() - 1),
        lanes,
        others,
        alone,
        in_turn,
        stopped: false,
    });
    model.screen = Screen::Race;
    model.overlays.clear();
    go_on(model)
}

/// Begins the lanes whose turn it is.
fn go_on(model: &mut Model) -> Vec<Effect> {
    let mut effects = Vec::new();
    while let Some(number) = model.race.as_ref().and_then(next) {
        effects.extend(launch(model, number));
    }
    effects
}

/// The lane to begin now.
fn next(race: &Race) -> Option<u32> {
    let waits = |lane: &&Lane| matches!(lane.stage, Stage::Waiting);
    let under_way = race.lanes.iter().any(|lane| lane.is_live() && !waits(&lane));
    let lane = race.lanes.iter().find(waits).filter(|_| !(race.in_turn && under_way))?;
    Some(lane.number)
}

/// Begins a lane: in a session of ours that waits on its runtime, else in a new one.
fn launch(model: &mut Model, number: u32) -> Vec<Effect> {
    let Some(race) = &mut model.race else { return Vec::new() };
    let language = race.language;
    let Some(lane) = race.lane(number) else { return Vec::new() };
    let runtime = lane.runtime;
    if let Some(session) = run::idle_session(&model.sessions, language, Some(runtime)) {
        lane.start = Start::Warm;
        return execute(model, number, session);
    }
    lane.stage = Stage::Creating;
    model.sessions.creating += 1;
    let params = CreateSession { runtime_type: Some(runtime), ..CreateSession::new(language) };
    vec![Effect::CreateSession { params: Box::new(params), run: Some(number) }]
}

/// Whether a lane waits for the session of this run.
pub(super) fn waits(model: &Model, number: u32) -> bool {
    let waits = |lane: &Lane| lane.number == number && matches!(lane.stage, Stage::Creating);
    model.race.as_ref().is_some_and(|race| race.lanes.iter().any(waits))
}

/// A lane's session was created.
pub(super) fn created(model: &mut Model, number: u32, info: &SessionInfo) -> Vec<Effect> {
    let Some(lane) = model.race.as_mut().and_then(|race| race.lane(number)) else { return Vec::new() };
    lane.start = Start::Cold(info.startup_ms);
    execute(model, number, info.session_id.clone())
}

/// A lane is run in its session. Nobody types for it: its program reads an empty input.
fn execute(model: &mut Model, number: u32, session: SessionId) -> Vec<Effect> {
    if let Some(row) = model.sessions.find(&session) {
        row.info.state = SessionState::Active;
        (row.runs, row.last) = (row.runs + 1, None);
    }
    let Some(race) = &model.race else { return Vec::new() };
    let (language, code, named) = (race.language, race.code.clone(), race.named.clone());
    let (file_name, note) = super::files::name_of_run(model, &session, language, &named, &code);
    model.history.written(number, file_name.clone());
    let Some(lane) = model.race.as_mut().and_then(|race| race.lane(number)) else { return Vec::new() };
    if let Some(note) = note {
        lane.output.say(Kind::Note, note);
    }
    lane.stage = Stage::Asked;
    lane.session = Some(session.clone());
    let cold = matches!(lane.start, Start::Cold(_));
    let place = RunPlace { session: session.clone(), runtime: lane.runtime, cold, asked_at: model.now };
    model.history.place(number, place);
    vec![Effect::Execute { run: number, session, language, code, file_name, interactive: false, pty: None }]
}

/// Takes what is told of a lane; gives it back if it is of none.
pub(super) fn update(model: &mut Model, number: u32, msg: RunMsg) -> Result<Vec<Effect>, RunMsg> {
    let Some(lane) = model.race.as_mut().and_then(|race| race.lane(number)) else { return Err(msg) };
    match msg {
        _ if !lane.is_live() => {}
        RunMsg::Accepted(_, execution) => {
            lane.execution = Some(execution.clone());
            let due = lane.stop.due();
            return Ok(due.map(|signal| Effect::Signal(number, execution, signal)).into_iter().collect());
        }
        RunMsg::Started(_) => {
            lane.stage = Stage::Running;
            super::session::program_started(model, number);
        }
        RunMsg::Output(_, chunks) => {
            lane.stage = Stage::Running;
            for (stream, bytes) in chunks {
                if stream == OutputStream::Stdout {
                    lane.answer.write(&bytes);
                }
                lane.sink.write(&mut lane.output, stream, &bytes);
            }
        }
        RunMsg::Lagged(_, skipped) => {
            lane.answer.lose();
            let lost = text::bytes(skipped);
            lane.output.say(Kind::Note, format!("{lost} of output came too fast and are not shown"));
        }
        RunMsg::Finished(_, result) => return Ok(finish(model, number, &result)),
        RunMsg::Failed(_, failure) => return Ok(fail(model, number, &failure)),
        RunMsg::Signalled(_, Err(failure)) => model.tell(Verdict::Fail, failure.message, failure.hint),
        RunMsg::Signalled(_, Ok(_)) | RunMsg::InputRefused(..) => {}
    }
    Ok(Vec::new())
}

fn finish(model: &mut Model, number: u32, result: &ExecuteResult) -> Vec<Effect> {
    let (verdict, ending) = run::ending(result);
    let end = End::of(result, verdict, ending);
    settle(model, number, end)
}

/// A lane never began, or its end is not known. The others go on.
pub(super) fn fail(model: &mut Model, number: u32, failure: &Failure) -> Vec<Effect> {
    let verdict = if failure.kind == ErrorKind::Unknown { Verdict::Unknown } else { Verdict::Fail };
    let end = End::without_figures(verdict, text::sanitise(&failure.message));
    if let Some(lane) = model.race.as_mut().and_then(|race| race.lane(number)) {
        lane.output.close();
        lane.output.say(Kind::Result(verdict), end.ending.clone());
        if !failure.hint.is_empty() {
            lane.output.say(Kind::Note, text::sanitise(&failure.hint).into_owned());
        }
    }
    settle(model, number, end)
}

/// A lane is done: the session it had is told so, and the next one begins.
fn settle(model: &mut Model, number: u32, end: End) -> Vec<Effect> {
    let Some(lane) = model.race.as_mut().and_then(|race| race.lane(number)) else { return Vec::new() };
    lane.output.close();
    let (session, verdict, wall) = (lane.session.clone(), end.verdict, end.wall_ms);
    model.history.end(number, end.clone());
    lane.stage = Stage::Ended(end);
    if let Some(row) = session.and_then(|id| model.sessions.find(&id)) {
        row.last = Some((number, verdict, wall));
        if row.info.state == SessionState::Active {
            row.info.state = SessionState::Idle;
        }
    }
    if model.race.as_ref().is_some_and(|race| !race.is_live()) {
        // What was said about stopping it is over.
        model.notice = model.notice.take().filter(|n| matches!(n.verdict, Verdict::Warn | Verdict::Fail));
        over(model);
    }
    go_on(model)
}

/// It has ended: the output keeps a line of it, and somebody who left it is told.
fn over(model: &mut Model) {
    let Some(race) = &model.race else { return };
    let (of, words) = race.verdict();
    let quickest = race.quickest_words().map_or_else(String::new, |quickest| format!("; {quickest}"));
    let key = model.keymap.shown(Cmd::BackToRace, &[Place::Workbench], false);
    let again = key.map_or_else(String::new, |key| format!("{key} shows it again"));
    let how = if race.stopped { "was stopped" } else { "is over" };
    let line = format!("the race of {} {how}: {words}{quickest}", race.name);
    let of = if matches!(of, Verdict::Ok) { Verdict::Ok } else { Verdict::Idle };
    let told =
        if race.stopped { "the race was stopped".to_owned() } else { format!("the race is over: {words}") };
    model.output.begin(0);
    model.output.say(Kind::Note, if again.is_empty() { line } else { format!("{line}   {again}") });
    if model.screen != Screen::Race {
        let hint = if model.types() { format!("Esc {again}") } else { again };
        model.tell(of, told, hint);
    }
}

/// Shows the last race again.
pub(super) fn show(model: &mut Model) {
    if model.race.is_none() {
        return model.tell(Verdict::Idle, "there was no race yet", "F12 runs the code on all runtimes");
    }
    model.screen = Screen::Race;
}

/// Ctrl-C: every lane is interrupted, and killed when it comes again soon.
pub(super) fn stop(model: &mut Model) -> Vec<Effect> {
    let (now, down) = (model.now, model.connection.down().is_some());
    let Some(race) = &mut model.race else { return Vec::new() };
    race.stopped = true;
    let mut effects = Vec::new();
    let mut given_up = 0;
    for lane in race.lanes.iter_mut().filter(|lane| lane.is_live()) {
        match lane.stage {
            Stage::Waiting | Stage::Creating => {
                if matches!(lane.stage, Stage::Creating) {
                    given_up += 1;
                    effects.push(Effect::CancelCreate(Some(lane.number)));
                }
                let end = End::without_figures(Verdict::Warn, "before it began");
                model.history.end(lane.number, end.clone());
                lane.stage = Stage::Ended(end);
            }
            _ if down => {}
            _ => {
                let signal = lane.stop.ask(now);
                // Until the engine has said what the run is called there, the wish is kept.
                let named = lane.execution.clone();
                effects.extend(named.map(|execution| Effect::Signal(lane.number, execution, signal)));
            }
        }
    }
    let (live, killing) = (race.live(), race.lanes.iter().any(|lane| lane.stop.word() == Some("killing")));
    model.sessions.creating = model.sessions.creating.saturating_sub(given_up);
    match live {
        0 => {
            over(model);
            if model.screen == Screen::Race {
                model.tell(Verdict::Idle, "the race was stopped", "");
            }
        }
        _ if down => {
            let message = "the race can't be stopped while the link is down";
            model.tell(Verdict::Warn, message, "what it does is known when the link is back");
        }
        n if killing => model.tell(Verdict::Idle, format!("killing {n}"), ""),
        n => model.tell(Verdict::Idle, format!("asked {n} to stop; Ctrl-C again within 2 s kills"), ""),
    }
    effects
}

/// Esc: from one lane to all, from all to the workbench; what still runs is stopped.
pub(super) fn leave(model: &mut Model) -> Vec<Effect> {
    let Some(race) = model.race.as_mut().filter(|race| race.alone) else {
        model.screen = Screen::Workbench;
        let live = model.race.as_ref().is_some_and(Race::is_live);
        return if live { stop(model) } else { Vec::new() };
    };
    race.alone = false;
    Vec::new()
}

/// Another engine is gone to: the race is left where it is. Gives the number of a run that goes on.
pub(super) fn forget(model: &mut Model) -> Option<u32> {
    if model.screen == Screen::Race {
        model.screen = Screen::Workbench;
    }
    let race = model.race.take()?;
    for lane in race.lanes.iter().filter(|lane| lane.is_live()) {
        model.history.end(lane.number, End::without_figures(Verdict::Unknown, "left"));
    }
    let goes_on = |lane: &&Lane| matches!(lane.stage, Stage::Asked | Stage::Running);
    race.lanes.iter().rev().find(goes_on).map(|lane| lane.number)
}

/// Moves among the lanes, or in the output of one.
pub(super) fn go(model: &mut Model, cmd: Cmd) {
    let size = model.without_tour(model.size);
    let Some(race) = &mut model.race else { return };
    let last = race.lanes.len().saturating_sub(1);
    match (cmd, race.alone) {
        (Cmd::Left, _) | (Cmd::Up, false) => race.chosen = race.chosen.saturating_sub(1),
        (Cmd::Right, _) | (Cmd::Down, false) => race.chosen = (race.chosen + 1).min(last),
        (Cmd::OpenLane, _) => race.alone = !race.alone,
        _ => {
            let inside = race.places(size).inside(race.chosen);
            let (rows, columns) = (usize::from(inside.height), usize::from(inside.width));
            let page = i64::from(inside.height.saturating_sub(1).max(1));
            let Some(lane) = race.lanes.get_mut(race.chosen) else { return };
            match cmd {
                Cmd::Up => lane.output.scroll(-1, rows, columns),
                Cmd::Down => lane.output.scroll(1, rows, columns),
                Cmd::PageUp => lane.output.scroll(-page, rows, columns),
                Cmd::PageDown => lane.output.scroll(page, rows, columns),
                Cmd::Top => lane.output.top(rows, columns),
                Cmd::Follow => lane.output.follow(),
                _ => {}
            }
        }
    }
}

/// All at once, or one after another; runs again that way.
pub(super) fn take_turns(model: &mut Model) -> Vec<Effect> {
    let Some(race) = &mut model.race else { return Vec::new() };
    if race.is_live() {
        model.tell(Verdict::Idle, "the race has not ended yet", "Ctrl-C stops it");
        return Vec::new();
    }
    race.in_turn = !race.in_turn;
    let before = model.runs.count;
    let effects = start(model);
    if model.runs.count == before
        && let Some(race) = &mut model.race
    {
        // None was begun: what is shown is the one before.
        race.in_turn = !race.in_turn;
    }
    effects
}

/// The mouse chooses a lane and scrolls it.
pub(super) fn click(model: &mut Model, mouse: MouseEvent) {
    let (size, at) = (model.without_tour(model.size), Position::new(mouse.column, mouse.row));
    let Some(race) = &mut model.race else { return };
    let places = race.places(size);
    let Some(lane) = places.at(at) else { return };
    let step = match mouse.kind {
        MouseEventKind::Down(MouseButton::Left) => {
            race.chosen = lane;
            model.redraw = true;
            return;
        }
        MouseEventKind::ScrollUp => -3,
        MouseEventKind::ScrollDown => 3,
        _ => return,
    };
    let inside = places.inside(lane);
    if let Some(lane) = race.lanes.get_mut(lane).filter(|_| !inside.is_empty()) {
        lane.output.scroll(step, usize::from(inside.height), usize::from(inside.width));
        model.redraw = true;
    }
}
