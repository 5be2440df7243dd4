//! A run: its session, its output, its end.

use super::part::selected;
use crate::protocol::{
    CreateSession, ErrorKind, ExecuteResult, Failure, Language, PtySize, RuntimeType, SessionId,
    SessionState, Signal,
};
use crate::tui::bench;
use crate::tui::commands::Cmd;
use crate::tui::document::{Document, Origin};
use crate::tui::history::{End, Record, RunPlace};
use crate::tui::model::{
    LastRun, Model, Named, Pane, Phase, Program, Run, RuntimeRow, SessionRow, Sessions, Verdict,
};
use crate::tui::msg::{Effect, RunMsg};
use crate::tui::output::Kind;
use crate::tui::overlay::{Overlay, RunOn};
use crate::tui::race::{self, Race};
use crate::tui::screen::Screen;
use crate::tui::sink::Sink;
use crate::tui::stop::Stop;
use crate::tui::text;

/// How a run ended that ended with its session.
const SESSION_CLOSED: &str = "its session was closed";

/// Runs the editor's text: in the chosen session, else in another that fits, else in a new one.
pub(super) fn start(model: &mut Model) -> Vec<Effect> {
    let Some(program) = program(model) else { return Vec::new() };
    begin(model, program)
}

/// Runs the editor's text in a terminal of the output's size, which gets the keys.
pub(super) fn in_terminal(model: &mut Model) -> Vec<Effect> {
    let Some(program) = program(model) else { return Vec::new() };
    begin(model, Program { terminal: true, ..program })
}

/// Runs the editor's text on this runtime, which is remembered for its language.
pub(crate) fn start_on(model: &mut Model, runtime: RuntimeType) -> Vec<Effect> {
    let Some(program) = program(model) else { return Vec::new() };
    model.sessions.wish(program.language, Some(runtime));
    begin(model, Program { on: Some(runtime), ..program })
}

/// Runs the selected lines alone. They stay at their places, so that what a program says of a line is true.
pub(super) fn selection(model: &mut Model) -> Vec<Effect> {
    let Some(program) = program(model) else { return Vec::new() };
    let selected = selected(model.editor.lines(), model.editor.selection());
    let Some((code, first, last)) = selected else {
        model.tell(Verdict::Warn, "nothing is selected to be run", "Shift and the arrows select");
        return Vec::new();
    };
    let what =
        if first == last { format!("line {first} alone") } else { format!("lines {first} to {last} alone") };
    // It is not what is in the text's file.
    let named = Named { is_text: false, ..program.named.clone() };
    let effects = begin(model, Program { code, named, ..program });
    model.output.say(Kind::Note, what);
    effects
}

/// Runs what was run last once more: the same code, where it ran if that is still possible.
pub(super) fn again(model: &mut Model) -> Vec<Effect> {
    let Some(program) = model.runs.again.clone() else {
        model.tell(Verdict::Warn, "nothing has run yet", "F5 runs the editor's code");
        return Vec::new();
    };
    once_more(model, program)
}

/// The list of runtimes that the text could run on.
pub(super) fn choose(model: &mut Model) {
    if let Some(language) = ready(model) {
        model.overlays.push(Overlay::RunOn(RunOn::open(model, language)));
    }
}

/// The editor's text, if it can be run now; says why if it can't.
fn program(model: &mut Model) -> Option<Program> {
    let language = ready(model)?;
    let (code, named) = (code(model), named(&model.document));
    Some(Program { language, code, named, on: None, session: None, terminal: false })
}

/// The text as a program.
pub(super) fn code(model: &Model) -> String {
    // What can't be shown is in the file all the same.
    let own = model.document.unshown.as_deref().filter(|_| !model.is_changed());
    own.map_or_else(|| model.editor.text(), str::to_owned)
}

/// The language of the editor's text, if it can be run now; says why if it can't.
pub(super) fn ready(model: &mut Model) -> Option<Language> {
    if !is_free(model) {
        return None;
    }
    let Some(language) = model.document.language() else {
        let name = model.document.name();
        model.tell(Verdict::Warn, format!("the language of {name} is not known"), "Esc l chooses one");
        return None;
    };
    if model.editor.is_blank() {
        model.tell(Verdict::Warn, "there is nothing to run", "type some code first");
        return None;
    }
    is_runnable(model, language).then_some(language)
}

/// Nothing of ours runs that would be in the way.
pub(super) fn is_free(model: &mut Model) -> bool {
    if !super::link::is_reachable(model) {
        return false;
    }
    if bench::is_live(model) {
        let message = "a benchmark measures: what else runs would disturb it";
        model.tell(Verdict::Warn, message, "Ctrl-C stops it and keeps what was measured");
        return false;
    }
    let what = match (&model.runs.active, &model.race) {
        (Some(run), _) => format!("run {}", run.number),
        (None, Some(race)) if race.is_live() => "the race".to_owned(),
        _ => return true,
    };
    model.tell(Verdict::Warn, format!("{what} has not ended yet"), "Ctrl-C stops it");
    false
}

fn is_runnable(model: &mut Model, language: Language) -> bool {
    // While they are looked for again nothing is known of them.
    let nobody = model.runtimes.settled && model.runtimes.all_known() && !model.runtimes.run(language);
    if nobody {
        let message = format!("no runtime that is here runs {}", language.title());
        model.tell(Verdict::Warn, message, "F3 shows what is here and what can be fetched");
    }
    !nobody
}

/// What a program's messages call its file: what the editor calls it, too.
pub(super) fn named(document: &Document) -> Named {
    match document.origin() {
        Origin::Scratch => Named { name: Some(document.name()), ..Named::default() },
        Origin::Disk(_) => Named { name: document.file_name(), ..Named::default() },
        Origin::Workspace { session, .. } => {
            Named { name: document.workspace_path(), of: Some(session.clone()), is_text: true }
        }
    }
}

/// Runs a program that ran before, if anything can be run now.
pub(super) fn once_more(model: &mut Model, program: Program) -> Vec<Effect> {
    if is_free(model) && is_runnable(model, program.language) { begin(model, program) } else { Vec::new() }
}

/// Begins a run of this program.
fn begin(model: &mut Model, program: Program) -> Vec<Effect> {
    model.notice = None;
    model.runs.count += 1;
    model.output.follow();
    // What was typed for another program is not for this one.
    (model.feeds, _) = (false, model.input.take());
    if program.terminal {
        super::command::focus(model, Pane::Output);
    }
    let number = model.runs.count;
    let again = Named { is_text: false, ..program.named.clone() };
    model.runs.again = Some(Program { named: again, ..program.clone() });
    let Program { language, code, named, terminal, .. } = &program;
    model.history.push(Record::begun(number, *language, code, named.name.clone(), *terminal));
    let room = super::terminal::room(model).unwrap_or((24, 80));
    model.runs.active = Some(Run {
        number,
        language: program.language,
        code: program.code,
        named: program.named,
        session: None,
        execution: None,
        phase: Phase::Preparing,
        stop: Stop::No,
        sink: Sink::of(number),
        terminal: program.terminal.then(|| Box::new(Screen::new(room))),
    });
    model.output.begin(number);
    match place(model, program.language, program.on, program.session) {
        Place::In(session) => {
            model.sessions.select(&session);
            execute(model, session)
        }
        Place::On(runtime, why) => create(model, number, runtime, &why),
    }
}

/// Where a program runs.
enum Place {
    In(SessionId),
    /// In a new session: on this runtime, or by preference; and what is to be said of that.
    On(Option<RuntimeType>, String),
}

/// Where it ran; the runtime chosen for it; the chosen session if it fits; the runtime that was chosen by hand before;
/// the newest session that fits; a new one.
fn place(model: &Model, language: Language, on: Option<RuntimeType>, ran: Option<SessionId>) -> Place {
    let sessions = &model.sessions;
    let fits = |row: &SessionRow| fits(sessions, row, language, on);
    if let Some(row) =
        sessions.rows.iter().find(|row| ran.as_ref() == Some(&row.info.session_id) && fits(row))
    {
        return Place::In(row.info.session_id.clone());
    }
    if let Some(runtime) = on {
        let idle = idle_session(sessions, language, on);
        return idle.map_or(Place::On(Some(runtime), String::new()), Place::In);
    }
    if let Some(row) = sessions.current().filter(|row| fits(row)) {
        return Place::In(row.info.session_id.clone());
    }
    let mut why = String::new();
    if let Some(runtime) = wished(sessions, language) {
        let known = |row: &&RuntimeRow| row.runtime == runtime && row.info.is_some();
        let row = model.runtimes.rows.iter().find(known);
        match row.and_then(|row| race::unfit(row, language)) {
            None => {
                let idle = idle_session(sessions, language, Some(runtime));
                return idle.map_or(Place::On(Some(runtime), String::new()), Place::In);
            }
            Some(unfit) => why = format!("{}, chosen before: {unfit}; ", runtime.short()),
        }
    }
    idle_session(sessions, language, None).map_or(Place::On(None, why), Place::In)
}

/// Code of this language can be run in it at once and without asking: of others' sessions on a server only in one that
/// was chosen by hand.
fn fits(sessions: &Sessions, row: &SessionRow, language: Language, on: Option<RuntimeType>) -> bool {
    let ready = row.is_usable() && row.info.state != SessionState::Creating;
    let right = row.info.language == language && on.is_none_or(|on| on == row.info.runtime_type);
    ready && right && sessions.is_ours(&row.info.session_id)
}

/// The chosen session if it fits, on this runtime where one is named, else the newest that does.
pub(crate) fn idle_session(
    sessions: &Sessions,
    language: Language,
    on: Option<RuntimeType>,
) -> Option<SessionId> {
    let fits = |row: &&SessionRow| fits(sessions, row, language, on);
    let row = sessions.current().filter(|row| fits(row)).or_else(|| sessions.rows.iter().rev().find(fits))?;
    Some(row.info.session_id.clone())
}

/// The runtime that was chosen by hand for a language: with a session that is lost now, or for a run before.
fn wished(sessions: &Sessions, language: Language) -> Option<RuntimeType> {
    let picked = |row: &&SessionRow| sessions.picked.as_ref() == Some(&row.info.session_id);
    let lost = |row: &&SessionRow| row.info.language == language && !row.is_usable();
    let lost = sessions.rows.iter().find(|row| picked(row) && lost(row)).map(|row| row.info.runtime_type);
    let before = sessions.wishes.iter().find(|(of, _)| *of == language).map(|(_, runtime)| *runtime);
    lost.or(before)
}

/// Asks for a session for the run, saying so.
fn create(model: &mut Model, number: u32, on: Option<RuntimeType>, why: &str) -> Vec<Effect> {
    let Some(language) = model.runs.active.as_ref().map(|run| run.language) else { return Vec::new() };
    let other = model.sessions.current().filter(|row| row.info.language != language);
    let other = match other {
        Some(row) => format!("the chosen session is {}; ", row.info.language.title()),
        None => String::new(),
    };
    let title = language.title();
    let how = match on {
        Some(runtime) => format!("on {}", runtime.short()),
        None => format!("({})", model.preference.to_string().to_lowercase()),
    };
    model.output.say(Kind::Note, format!("{other}{why}creating a session for {title} {how}"));
    model.sessions.creating += 1;
    let runtime_preference = on.is_none().then_some(model.preference);
    let params = CreateSession { runtime_preference, runtime_type: on, ..CreateSession::new(language) };
    vec![Effect::CreateSession { params: Box::new(params), run: Some(number) }]
}

/// The run's session is there: runs the code in it.
pub(super) fn execute(model: &mut Model, session: SessionId) -> Vec<Effect> {
    let row = model.sessions.find(&session).map(|row| {
        let first = row.is_new();
        row.runs += 1;
        row.info.state = SessionState::Active;
        row.last = None;
        (row.info.runtime_type, first)
    });
    if let Some(again) = &mut model.runs.again {
        again.session = Some(session.clone());
    }
    let Some(run) = &mut model.runs.active else { return Vec::new() };
    let (number, language) = (run.number, run.language);
    run.phase = Phase::Asked;
    run.session = Some(session.clone());
    let code = std::mem::take(&mut run.code);
    model.output.keep_code(number, language, &code);
    let named = std::mem::take(&mut run.named);
    let size = run.terminal.as_mut().map(|screen| {
        screen.told = screen.size();
        screen.told
    });
    let pty = size.map(|(rows, cols)| PtySize { rows, cols });
    if let Some((runtime, cold)) = row {
        model
            .history
            .place(number, RunPlace { session: session.clone(), runtime, cold, asked_at: model.now });
    }
    let start = row.map_or("session", |(_, cold)| if cold { "new session" } else { "warm session" });
    let runtime = row.map_or(RuntimeType::NativeProcess, |(runtime, _)| runtime);
    let mut header = header(model, number, language, runtime, start);
    if pty.is_some() {
        header += "  terminal";
    }
    model.output.say_in(number, Kind::Header, header);
    let (file_name, note) = super::files::name_of_run(model, &session, language, &named, &code);
    model.history.written(number, file_name.clone());
    if let Some(note) = note {
        model.output.say_in(number, Kind::Note, note);
    }
    vec![Effect::Execute { run: number, session, language, code, file_name, interactive: true, pty }]
}

/// `$ run 7  14:02:31  py  native python 3.11  warm session`. What isn't known is left out.
fn header(model: &Model, number: u32, language: Language, runtime: RuntimeType, start: &str) -> String {
    let info =
        model.runtimes.rows.iter().find(|row| row.runtime == runtime).and_then(|row| row.info.as_ref());
    let version = info.and_then(|info| version_of(language, info.version.as_deref()?)).unwrap_or_default();
    let version = text::fit(version, 16, "");
    let name = format!("{} {version}", runtime.short());
    let time = model.time_of_day().map(|time| time + "  ").unwrap_or_default();
    format!("$ run {number}  {time}{}  {}  {start}", language.extension(), name.trim_end())
}

/// The number of what runs a language, in what a runtime says of its versions: `2.1.0`, or `Python 3.11.7, Node 20.2`.
fn version_of(language: Language, versions: &str) -> Option<&str> {
    let names: &[&str] = match language {
        Language::Python => &["python"],
        Language::JavaScript | Language::TypeScript => &["node"],
        Language::Go => &["go"],
        Language::CSharp => &[".net", "mono"],
    };
    let is_number = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
    let mut words = versions.split([' ', ',']).filter(|word| !word.is_empty());
    let first = words.clone().next().filter(is_number);
    let named = words.find(|word| names.contains(&word.to_lowercase().as_str())).and(words.next());
    // A number alone is that of the runtime itself.
    named.filter(is_number).or(first.filter(|first| first.len() == versions.trim().len()))
}

/// Ctrl-C: interrupts, and kills when it comes again soon.
pub(super) fn stop(model: &mut Model) -> Vec<Effect> {
    let now = model.now;
    if model.race.as_ref().is_some_and(Race::is_live) {
        return super::race::stop(model);
    }
    let transfer = model.files.queues.can_end();
    if let Some(number) = transfer.filter(|_| model.focus == Pane::Files) {
        return vec![Effect::StopFiles(number)];
    }
    let Some(run) = &mut model.runs.active else {
        if let Some(effects) = super::bench::stop(model) {
            return effects;
        }
        if model.runtimes.fetching.is_some() {
            return vec![Effect::CancelFetch];
        }
        if let Some(number) = transfer {
            return vec![Effect::StopFiles(number)];
        }
        if model.sessions.creating > 0 {
            model.sessions.creating = 0;
            model.tell(Verdict::Idle, "the session is not created: you ended it", "");
            return vec![Effect::CancelCreate(None)];
        }
        if super::hang_up(model) {
            model.tell(Verdict::Idle, "the engine is not changed: you ended it", "");
            return vec![Effect::HangUp];
        }
        // While something is typed, q types a q.
        let typing = model.types() || !model.overlays.is_empty();
        let key = model.keymap.shown(Cmd::Quit, &model.places(), typing);
        let hint = key.map_or_else(String::new, |key| format!("{key} quits"));
        model.tell(Verdict::Idle, "nothing runs", hint);
        return Vec::new();
    };
    let number = run.number;
    if model.connection.down().is_some() && run.phase != Phase::Preparing {
        let message = format!("run {number} can't be stopped while the link is down");
        model.tell(Verdict::Warn, message, "what it does is known when the link is back");
        return Vec::new();
    }
    if run.phase == Phase::Preparing {
        model.sessions.creating = model.sessions.creating.saturating_sub(1);
        if let Some(run) = model.runs.active.take() {
            settle(model, run, End::without_figures(Verdict::Warn, "before it began"), "");
        }
        return vec![Effect::CancelCreate(Some(number))];
    }
    let signal = run.stop.ask(now);
    // Until the engine has said what the run is called there, the wish is kept.
    let Some(execution) = run.execution.clone() else { return Vec::new() };
    let said = if signal == Signal::Kill {
        "killing it"
    } else {
        "asked it to stop; Ctrl-C again within 2 s kills it"
    };
    model.tell(Verdict::Idle, format!("run {number}: {said}"), "");
    vec![Effect::Signal(number, execution, signal)]
}

/// Some time after it was asked to stop another wish only asks again: what was said of that is said anew.
pub(super) fn stop_lapses(model: &mut Model) {
    let lapsed = |stop: Stop| stop.lapses().filter(|(_, due)| *due <= model.now);
    let Some((then, _)) = model.stops().find_map(lapsed) else { return };
    model.redraw = true;
    let said = model.noticed == then && model.notice.as_ref().is_some_and(|notice| !notice.stays());
    if !said {
        return;
    }
    let what = match &model.runs.active {
        Some(run) => format!("run {} has not ended", run.number),
        None => "the race has not ended".to_owned(),
    };
    model.tell(Verdict::Idle, what, "Ctrl-C asks again, twice kills");
}

pub(super) fn update(model: &mut Model, msg: RunMsg) -> Vec<Effect> {
    let number = match &msg {
        RunMsg::Accepted(n, _) | RunMsg::Started(n) | RunMsg::Output(n, _) | RunMsg::Lagged(n, _) => *n,
        RunMsg::Finished(n, _) | RunMsg::Failed(n, _) => *n,
        RunMsg::Signalled(n, _) | RunMsg::InputRefused(n, _) => *n,
    };
    let msg = match super::race::update(model, number, msg) {
        Ok(effects) => return effects,
        Err(msg) => msg,
    };
    let Some(run) = model.runs.active.as_mut().filter(|run| run.number == number) else {
        return Vec::new();
    };
    match msg {
        RunMsg::Accepted(_, execution) => {
            run.execution = Some(execution.clone());
            if let Some(signal) = run.stop.due() {
                return vec![Effect::Signal(number, execution, signal)];
            }
        }
        RunMsg::Started(_) => {
            run.phase = Phase::Running;
            super::session::program_started(model, number);
        }
        RunMsg::Output(_, chunks) => {
            run.phase = Phase::Running;
            if run.terminal.is_some() {
                return super::terminal::write(run, chunks.iter().map(|(_, bytes)| bytes));
            }
            model.output.burst = chunks.iter().map(|(_, bytes)| bytes.len()).sum();
            for (stream, bytes) in chunks {
                run.sink.write(&mut model.output, stream, &bytes);
            }
        }
        RunMsg::Lagged(_, skipped) => {
            let lost = text::bytes(skipped);
            model.output.say_in(
                number,
                Kind::Note,
                format!("{lost} of output came too fast and are not shown"),
            );
        }
        RunMsg::Finished(_, result) => finish(model, &result),
        RunMsg::Failed(_, failure) => fail(model, &failure),
        RunMsg::Signalled(_, Ok(true)) => {}
        RunMsg::Signalled(_, Ok(false)) => model.tell(Verdict::Idle, "it had ended already", ""),
        // Keys that come just after its end are nobody's, and so is what its terminal answers.
        RunMsg::InputRefused(_, failure)
            if run.terminal.is_some() && failure.kind == ErrorKind::InvalidParams => {}
        RunMsg::Signalled(_, Err(failure)) | RunMsg::InputRefused(_, failure) => {
            model.tell(Verdict::Fail, failure.message, failure.hint);
        }
    }
    Vec::new()
}

/// The run never began, or its end is not known.
pub(super) fn fail(model: &mut Model, failure: &Failure) {
    let Some(run) = model.runs.active.take() else { return };
    if session_closed(model, &run, &failure.message) {
        let end = End::without_figures(Verdict::Warn, SESSION_CLOSED);
        return settle(model, run, end, "");
    }
    let message = text::sanitise(&failure.message).into_owned();
    // Whether it has ended, and how, was lost with the link.
    let verdict = if failure.kind == ErrorKind::Unknown { Verdict::Unknown } else { Verdict::Fail };
    let number = run.number;
    settle(model, run, End::without_figures(verdict, message), "");
    if !failure.hint.is_empty() {
        model.output.say_in(number, Kind::Note, text::sanitise(&failure.hint).into_owned());
    }
}

/// A run is over, however that came: what was said of it and its session is set right.
fn settle(model: &mut Model, mut run: Run, end: End, figures: &str) {
    model.feeds = false;
    super::terminal::settle(model, &mut run);
    // What was said about stopping it is over.
    model.notice = model.notice.take().filter(|n| matches!(n.verdict, Verdict::Warn | Verdict::Fail));
    let verdict = end.verdict;
    model.output.say_in(run.number, Kind::Result(verdict), format!("{}{figures}", end.ending));
    if let Some(row) = run.session.as_ref().and_then(|id| model.sessions.find(id)) {
        row.last = Some((run.number, verdict, end.wall_ms));
        if row.info.state == SessionState::Active {
            row.info.state = SessionState::Idle;
        }
    }
    model.runs.last = Some(LastRun { verdict, ending: end.ending.clone(), total_ms: end.total_ms });
    model.history.end(run.number, end);
}

/// Whether a run without a result of its own ended with its session, which somebody closed or whose time was up.
fn session_closed(model: &mut Model, run: &Run, error: &str) -> bool {
    let Some(id) = &run.session else { return false };
    // What comes first is not certain: the session's end or the run's.
    let gone = |row: &mut SessionRow| matches!(row.info.state, SessionState::Closing | SessionState::Closed);
    error == format!("session {id} is closed") || model.sessions.find(id).is_none_or(gone)
}

fn finish(model: &mut Model, result: &ExecuteResult) {
    let Some(run) = model.runs.active.take() else { return };
    let process = result.process();
    let error = result.error.as_deref().unwrap_or_default();
    let (verdict, ending) = match process {
        None if session_closed(model, &run, error) => (Verdict::Warn, SESSION_CLOSED.to_owned()),
        _ => ending(result),
    };
    let end = End::of(result, verdict, ending);
    let unknown = || "?".to_owned();
    let figures = format!(
        "   wall {}   cpu {}   peak {}",
        end.wall_ms.map_or_else(unknown, text::whole_millis),
        end.cpu_ms.map_or_else(unknown, text::whole_millis),
        end.peak_bytes.map_or_else(unknown, text::bytes),
    );
    // Without a process there are none.
    settle(model, run, end, if process.is_some() { &figures } else { "" });
}

/// How it ended, in a word or two.
pub(super) fn ending(result: &ExecuteResult) -> (Verdict, String) {
    let Some(process) = result.process() else {
        let error = result.error.as_deref().unwrap_or("it gave no result");
        let verdict = if result.unknown { Verdict::Unknown } else { Verdict::Fail };
        return (verdict, text::sanitise(error).into_owned());
    };
    let exit = format!("exit {}", process.exit_code);
    match (&process.limit, &process.signal) {
        (None, _) if process.timed_out => (Verdict::Warn, format!("its time was up  {exit}")),
        (Some(limit), _) => {
            let limit = format!("its limit of {} was reached  {exit}", limit.value);
            (Verdict::Warn, text::sanitise(&limit).into_owned())
        }
        (None, Some(signal)) => (Verdict::Warn, format!("{}  {exit}", text::sanitise(signal))),
        (None, None) if result.success => (Verdict::Ok, exit),
        (None, None) => (Verdict::Fail, exit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_what_runs_the_language() {
        let native = "Python 3.11.7, Node 20.20.2, Go 1.19.8, .NET 8.0.1";
        assert_eq!(version_of(Language::Python, native), Some("3.11.7"));
        assert_eq!(version_of(Language::JavaScript, native), Some("20.20.2"));
        assert_eq!(version_of(Language::CSharp, native), Some("8.0.1"));
        assert_eq!(
            version_of(Language::Python, "20.10.24+dfsg1 with Python 3.11.2, Node 18"),
            Some("3.11.2")
        );
        assert_eq!(version_of(Language::TypeScript, "2.1.0"), Some("2.1.0"));
        assert_eq!(version_of(Language::Go, "20.10 with Python 3.11.2"), None);
        assert_eq!(version_of(Language::Go, ""), None);
    }
}
