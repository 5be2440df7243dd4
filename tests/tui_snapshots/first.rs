//! First contact: a fix, samples, the tour, the log, and what a stranger sees.

use codebeaker::protocol::*;
use codebeaker::tui::{ColourTier, Msg, RuntimeMsg, SessionMsg, TerminalKind};
use crossterm::event::KeyCode;

use crate::tui_support::{Bench, key, options, runtime, typed};
use crate::{as_it_is, at_every_size};

const READY: &[RuntimeType] = &[RuntimeType::Bun, RuntimeType::NativeProcess];

#[test]
fn a_fix() {
    at_every_size("fix", |bench| {
        bench.found(&[]).press([key(KeyCode::Up)]).press(typed("f"));
    });
}

#[test]
fn some_are_ready() {
    at_every_size("runtimes", |bench| {
        bench.found(READY).press([key(KeyCode::F(3))]);
    });
}

/// What a runtime takes is told where it was measured, in the words of the list of languages.
#[test]
fn what_was_measured_is_told() {
    let mut bench = Bench::with(&options(), 120, 36);
    bench.found(READY).press([key(KeyCode::F(3)), key(KeyCode::Down), key(KeyCode::Down)]);
    assert!(!bench.screen().contains("as measured here"));
    let at = "2026-11-26T10:00:00Z".to_owned();
    let measured =
        Measured { startup_time_ms: 18.6, memory_overhead_mb: 22.4, isolation_level: 7, samples: 7, at };
    for one in READY {
        let mut info = runtime(*one, true);
        info.measured = info.languages.iter().map(|language| (*language, measured.clone())).collect();
        bench.tell(Msg::Runtime(RuntimeMsg::Known(*one, Ok(Box::new(info)))));
    }
    let screen = bench.screen();
    assert!(screen.contains("A session takes, as measured here: "), "{screen}");
    assert!(screen.contains(" 19 ms, 22 MB"), "{screen}");
}

#[test]
fn samples() {
    at_every_size("samples", |bench| {
        bench.found(READY).press([key(KeyCode::Esc)]).press(typed("Sjj"));
    });
}

#[test]
fn tour() {
    at_every_size("tour", |bench| {
        bench.found(READY).press([key(KeyCode::Esc)]).press(typed("t"));
    });
}

fn told(bench: &mut Bench) {
    bench.found(READY);
    for (message, hint) in [("the engine is busy", "try again"), ("no space is left", "free some"), ("a", "")]
    {
        let failure = Failure::new(ErrorKind::Internal, message, hint);
        bench.tell(Msg::Session(SessionMsg::Listed(Err(failure))));
    }
    bench.press((0..4).map(|_| key(KeyCode::Esc)));
}

#[test]
fn log() {
    at_every_size("log", |bench| {
        told(bench);
        bench.press(typed("M")).press([key(KeyCode::Down)]);
    });
}

#[test]
fn in_one_colour_and_ascii() {
    let mut given = options();
    given.terminal = TerminalKind { colours: ColourTier::Mono, unicode: false };
    let mut bench = Bench::with(&given, 80, 24);
    told(&mut bench);
    bench.press(typed("M"));
    as_it_is("log_ascii_80x24", &mut bench);
    let mut bench = Bench::with(&given, 80, 24);
    bench.found(&[]).press([key(KeyCode::Up)]).press(typed("f"));
    as_it_is("fix_ascii_80x24", &mut bench);
}

#[test]
fn what_a_stranger_sees() {
    at_every_size("stranger", |bench| {
        bench.found(READY);
    });
}
