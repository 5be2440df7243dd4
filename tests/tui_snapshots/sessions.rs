//! The sessions, what they use, and the runs that were.

use codebeaker::protocol::*;
use codebeaker::tui::{ColourTier, Msg, RunMsg, SessionMsg, TerminalKind};
use crossterm::event::KeyCode;

use crate::tui_support::{Bench, finished, key, options, session, typed};
use crate::{as_it_is, at_every_size};

/// A run in the session that fits.
fn run(bench: &mut Bench, number: u32, output: &str, exit: i32) {
    bench.press([key(KeyCode::F(5))]).tell(Msg::Run(RunMsg::Accepted(number, ExecutionId::from("e"))));
    bench.tell(Msg::Run(RunMsg::Started(number)));
    let output = bytes::Bytes::copy_from_slice(output.as_bytes());
    bench.tell(Msg::Run(RunMsg::Output(number, vec![(OutputStream::Stdout, output)])));
    bench.tell(Msg::Run(RunMsg::Finished(number, finished(exit))));
}

fn several_runs(bench: &mut Bench) {
    bench.found(&[RuntimeType::Bun, RuntimeType::NativeProcess]);
    bench.runs(&[(OutputStream::Stdout, "a\nb\nc\n")], 0).stats("s1");
    run(bench, 2, "a\nB\nc\n", 1);
    run(bench, 3, "a\nb\nc\nd\n", 130);
    bench.press([key(KeyCode::F(5))]).tell(Msg::Run(RunMsg::Started(4)));
    bench.press([key(KeyCode::Esc)]);
}

#[test]
fn history() {
    at_every_size("history", |bench| {
        several_runs(bench);
        bench.press([key(KeyCode::Char('6')), key(KeyCode::Down)]);
    });
}

#[test]
fn two_runs_compared() {
    at_every_size("compare", |bench| {
        several_runs(bench);
        bench.press([key(KeyCode::Char('6')), key(KeyCode::End)]).press(typed("d"));
        bench.press([key(KeyCode::Up)]).press(typed("d"));
    });
}

/// Sessions in every state, with names, figures and without.
fn all_kinds(bench: &mut Bench) {
    bench.found(&[RuntimeType::Bun, RuntimeType::Docker, RuntimeType::NativeProcess]);
    bench.runs(&[(OutputStream::Stdout, "a\n")], 0).stats("s1");
    let mut named = session("lesson", Language::Python, RuntimeType::Docker);
    named.name = Some("a lesson about loops and more".to_owned());
    (named.state, named.execution_count) = (SessionState::Idle, 7);
    (named.lifetime_minutes, named.idle_minutes) = (62.4, 12.5);
    let mut lost = session("lost", Language::Go, RuntimeType::Docker);
    (lost.state, lost.isolation) = (SessionState::Lost, IsolationReport::default());
    (lost.lifetime_minutes, lost.idle_minutes) = (f64::NAN, -1.0);
    let hostile = "x\u{1b}[31m\u{202e}y\u{301}\u{301}\u{301}\u{301}\u{301}日本語日本語日本語日本語";
    let mut odd = session("odd", Language::CSharp, RuntimeType::NativeProcess);
    odd.name = Some(hostile.to_owned());
    for info in [named, lost, odd] {
        let result = Ok(Box::new(info));
        bench.tell(Msg::Session(SessionMsg::Created { run: None, result }));
    }
    let event = SessionEvent::State {
        session_id: SessionId::from("lost"),
        state: SessionState::Lost,
        reason: Some("the container was removed by somebody else".to_owned()),
    };
    bench.tell(Msg::Session(SessionMsg::Told(codebeaker::engine::Told::Event(event))));
    let big = SessionStats { memory_bytes: Some(212_000_000), ..SessionStats::default() };
    bench.tell(Msg::Session(SessionMsg::Stats(SessionId::from("lesson"), Ok(big))));
    bench.press([key(KeyCode::Esc), key(KeyCode::Esc), key(KeyCode::Char('1')), key(KeyCode::Char('g'))]);
    bench.press([key(KeyCode::Down)]);
}

#[test]
fn sessions() {
    at_every_size("sessions", all_kinds);
}

#[test]
fn forty_sessions() {
    let mut bench = Bench::new(80, 24);
    bench.found(&[RuntimeType::Bun]);
    for n in 0..40 {
        let info = Box::new(session(&format!("s{n}"), Language::TypeScript, RuntimeType::Bun));
        bench.tell(Msg::Session(SessionMsg::Created { run: None, result: Ok(info) }));
    }
    bench.press([key(KeyCode::Esc), key(KeyCode::Esc)]).press(typed("1X"));
    as_it_is("forty_sessions_80x24", &mut bench);
}

/// A minute of figures, a second each.
fn busy_minute(bench: &mut Bench) {
    bench.found(&[RuntimeType::Bun]).runs(&[(OutputStream::Stdout, "a\n")], 0);
    let mut cpu_ms = 100;
    for second in 0..75u64 {
        bench.now += std::time::Duration::from_millis(990);
        cpu_ms += if (20..30).contains(&(second % 40)) { 850 } else { 31 };
        let stats = SessionStats {
            cpu_ms: Some(cpu_ms),
            memory_bytes: Some(41_200_000 + second / 10 * 5_000_000),
            peak_memory_bytes: Some(81_000_000),
            outside_bytes: None,
            processes: Some(2),
            workspace_bytes: Some(1234),
            workspace_files: Some(12),
        };
        bench.tell(Msg::Tick);
        bench.tell(Msg::Session(SessionMsg::Stats(SessionId::from("s1"), Ok(stats))));
    }
}

#[test]
fn stats() {
    at_every_size("stats", |bench| {
        busy_minute(bench);
        for number in 2..8 {
            run(bench, number, "a\n", 0);
        }
        bench.press([key(KeyCode::Esc), key(KeyCode::Char('5'))]);
    });
}

#[test]
fn stats_of_which_nothing_is_known() {
    let mut bench = Bench::new(120, 36);
    let mut info = session("s", Language::Go, RuntimeType::Docker);
    info.isolation = IsolationReport::default();
    info.limits = SessionLimits::default();
    info.config.memory_limit_mb = None;
    info.lifetime_minutes = f64::INFINITY;
    let msg = SessionMsg::Created { run: None, result: Ok(Box::new(info)) };
    bench.found(&[RuntimeType::Docker]).tell(Msg::Session(msg));
    as_it_is("stats_unknown_120x36", &mut bench);
}

#[test]
fn without_colours_and_symbols() {
    let mut given = options();
    given.terminal = TerminalKind { colours: ColourTier::Mono, unicode: false };
    let mut bench = Bench::with(&given, 120, 36);
    busy_minute(&mut bench);
    run(&mut bench, 2, "b\n", 1);
    bench.press([key(KeyCode::Esc), key(KeyCode::Char('6'))]).press(typed("d"));
    let screen = bench.screen();
    assert!(screen.is_ascii(), "{screen}");
    as_it_is("sessions_ascii_120x36", &mut bench);
}
