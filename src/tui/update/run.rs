//! A run: its session, its output, its end.

use std::time::Duration;

use crate::protocol::{
    CreateSession, ErrorKind, ExecuteResult, Failure, Language, RuntimeType, SessionId, SessionState, Signal,
};
use crate::tui::commands::Cmd;
use crate::tui::model::{LastRun, Model, Phase, Run, SessionRow, Verdict};
use crate::tui::msg::{Effect, RunMsg};
use crate::tui::output::Kind;
use crate::tui::sink::Sink;
use crate::tui::text;

/// A second Ctrl-C within this time kills.
const KILL_WITHIN: Duration = Duration::from_secs(2);
/// How a run ended that ended with its session.
const SESSION_CLOSED: &str = "its session was closed";

/// Runs the editor's text: in the chosen session, else in another that fits, else in a new one.
pub(super) fn start(model: &mut Model) -> Vec<Effect> {
    if let Some(run) = &model.runs.active {
        let number = run.number;
        model.tell(Verdict::Warn, format!("run {number} has not ended yet"), "Ctrl-C stops it");
        return Vec::new();
    }
    let Some(language) = model.document.language() else {
        let name = model.document.name();
        model.tell(Verdict::Warn, format!("the language of {name} is not known"), "Esc l chooses one");
        return Vec::new();
    };
    if model.editor.is_blank() {
        model.tell(Verdict::Warn, "there is nothing to run", "type some code first");
        return Vec::new();
    }
    if model.runtimes.settled && !model.runtimes.run(language) {
        let message = format!("no runtime that is here runs {}", language.title());
        model.tell(Verdict::Warn, message, "F3 shows what is here and what can be fetched");
        return Vec::new();
    }
    model.notice = None;
    model.runs.count += 1;
    model.output.follow();
    let number = model.runs.count;
    model.runs.active = Some(Run {
        number,
        language,
        code: model.editor.text(),
        file_name: model.document.file_name(),
        session: None,
        execution: None,
        phase: Phase::Preparing,
        stop_asked: None,
        sink: Sink::of(number),
    });
    model.output.begin(number);
    match fitting_session(model) {
        Some(session) => execute(model, session),
        None => create(model, number),
    }
}

/// The chosen session if it fits the run's language, else the newest that does. Of others' sessions on a server only
/// one that was chosen by hand.
fn fitting_session(model: &mut Model) -> Option<SessionId> {
    let language = model.runs.active.as_ref()?.language;
    let sessions = &model.sessions;
    let fits = |row: &&SessionRow| {
        let ready = row.is_usable() && row.info.state != SessionState::Creating;
        ready && row.info.language == language && sessions.is_ours(&row.info.session_id)
    };
    if let Some(row) = sessions.current().filter(|row| fits(row)) {
        return Some(row.info.session_id.clone());
    }
    let id = sessions.rows.iter().rev().find(fits)?.info.session_id.clone();
    model.sessions.select(&id);
    Some(id)
}

/// Asks for a session for the run, saying so.
fn create(model: &mut Model, number: u32) -> Vec<Effect> {
    let Some(language) = model.runs.active.as_ref().map(|run| run.language) else { return Vec::new() };
    let other = model.sessions.current().filter(|row| row.info.language != language);
    let why = match other {
        Some(row) => format!("the chosen session is {}; ", row.info.language.title()),
        None => String::new(),
    };
    let title = language.title();
    let preference = model.preference.to_string().to_lowercase();
    model.output.say(Kind::Note, format!("{why}creating a session for {title} ({preference})"));
    model.sessions.creating += 1;
    let params = CreateSession { runtime_preference: Some(model.preference), ..CreateSession::new(language) };
    vec![Effect::CreateSession { params: Box::new(params), run: Some(number) }]
}

/// The run's session is there: runs the code in it.
pub(super) fn execute(model: &mut Model, session: SessionId) -> Vec<Effect> {
    let row = model.sessions.find(&session).map(|row| {
        let first = row.info.execution_count == 0 && row.last.is_none();
        let start = if first { "new session" } else { "warm session" };
        row.info.state = SessionState::Active;
        row.last = None;
        (row.info.runtime_type, start)
    });
    let Some(run) = &mut model.runs.active else { return Vec::new() };
    let (number, language) = (run.number, run.language);
    run.phase = Phase::Asked;
    run.session = Some(session.clone());
    let code = std::mem::take(&mut run.code);
    model.output.keep_code(number, language, &code);
    let file_name = run.file_name.clone();
    let (runtime, start) = row.unwrap_or((RuntimeType::NativeProcess, "session"));
    let header = header(model, number, language, runtime, start);
    model.output.say_in(number, Kind::Header, header);
    vec![Effect::Execute { run: number, session, language, code, file_name }]
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
    let Some(run) = &mut model.runs.active else {
        if model.runtimes.fetching.is_some() {
            return vec![Effect::CancelFetch];
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
        model.runs.active = None;
        model.sessions.creating = model.sessions.creating.saturating_sub(1);
        model.output.say_in(number, Kind::Result(Verdict::Warn), "before it began".to_owned());
        return vec![Effect::CancelCreate(Some(number))];
    }
    let again = run.stop_asked.is_some_and(|then| now.saturating_sub(then) <= KILL_WITHIN);
    let signal = if again { Signal::Kill } else { Signal::Int };
    run.stop_asked = Some(now);
    // Until the engine has said what the run is called there, the wish is kept.
    let Some(execution) = run.execution.clone() else { return Vec::new() };
    let said = if again { "killing it" } else { "asked it to stop; Ctrl-C again within 2 s kills it" };
    model.tell(Verdict::Idle, format!("run {number}: {said}"), "");
    vec![Effect::Signal(number, execution, signal)]
}

pub(super) fn update(model: &mut Model, msg: RunMsg) -> Vec<Effect> {
    let number = match &msg {
        RunMsg::Accepted(n, _) | RunMsg::Started(n) | RunMsg::Output(n, _) | RunMsg::Lagged(n, _) => *n,
        RunMsg::Finished(n, _) | RunMsg::Failed(n, _) => *n,
        RunMsg::Signalled(n, _) | RunMsg::InputRefused(n, _) => *n,
    };
    let Some(run) = model.runs.active.as_mut().filter(|run| run.number == number) else {
        return Vec::new();
    };
    match msg {
        RunMsg::Accepted(_, execution) => {
            run.execution = Some(execution.clone());
            if run.stop_asked.is_some() {
                return vec![Effect::Signal(number, execution, Signal::Int)];
            }
        }
        RunMsg::Started(_) => run.phase = Phase::Running,
        RunMsg::Output(_, chunks) => {
            run.phase = Phase::Running;
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
        RunMsg::Signalled(_, Err(failure)) | RunMsg::InputRefused(_, failure) => {
            model.tell(Verdict::Fail, failure.message, failure.hint);
        }
    }
    Vec::new()
}

/// The run never began, or its end is not known.
pub(super) fn fail(model: &mut Model, failure: &Failure) {
    let Some(run) = model.runs.active.take() else { return };
    model.feeds = false;
    if session_closed(model, &run, &failure.message) {
        model.output.say_in(run.number, Kind::Result(Verdict::Warn), SESSION_CLOSED.to_owned());
        return;
    }
    let message = text::sanitise(&failure.message).into_owned();
    // Whether it has ended, and how, was lost with the link.
    let verdict = if failure.kind == ErrorKind::Unknown { Verdict::Unknown } else { Verdict::Fail };
    model.output.say_in(run.number, Kind::Result(verdict), message);
    if !failure.hint.is_empty() {
        model.output.say_in(run.number, Kind::Note, text::sanitise(&failure.hint).into_owned());
    }
    if let Some(row) = run.session.as_ref().and_then(|id| model.sessions.find(id)) {
        row.last = Some((run.number, verdict, None));
    }
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
    model.feeds = false;
    // What was said about stopping it is over.
    model.notice = model.notice.take().filter(|n| matches!(n.verdict, Verdict::Warn | Verdict::Fail));
    let process = result.process();
    let error = result.error.as_deref().unwrap_or_default();
    let (verdict, ending) = match process {
        None if session_closed(model, &run, error) => (Verdict::Warn, SESSION_CLOSED.to_owned()),
        _ => ending(result),
    };
    let last = LastRun {
        number: run.number,
        verdict,
        ending,
        wall_ms: process.map(|p| u64::from(p.duration_ms)),
        total_ms: u64::from(result.duration_ms),
        cpu_ms: process.and_then(|p| p.cpu_ms),
        peak_bytes: process.and_then(|p| p.peak_memory_bytes),
        session: run.session.clone(),
    };
    let unknown = || "?".to_owned();
    let figures = format!(
        "   wall {}   cpu {}   peak {}",
        last.wall_ms.map_or_else(unknown, text::whole_millis),
        last.cpu_ms.map_or_else(unknown, text::whole_millis),
        last.peak_bytes.map_or_else(unknown, text::bytes),
    );
    // Without a process there are none.
    let line = format!("{}{}", last.ending, if process.is_some() { &figures } else { "" });
    model.output.say_in(run.number, Kind::Result(verdict), line);
    if let Some(row) = run.session.as_ref().and_then(|id| model.sessions.find(id)) {
        row.last = Some((run.number, verdict, last.wall_ms));
        if row.info.state == SessionState::Active {
            row.info.state = SessionState::Idle;
        }
    }
    model.runs.last = Some(last);
}

/// How it ended, in a word or two.
fn ending(result: &ExecuteResult) -> (Verdict, String) {
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
