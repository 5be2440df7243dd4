//! Races and what belongs to running, as a person sees them.

use codebeaker::config::Settings;
use codebeaker::protocol::*;
use codebeaker::tui::{ColourTier, Msg, SessionMsg, TerminalKind};
use crossterm::event::{Event, KeyCode};

use super::as_it_is;
use super::tui_support::race::{ended, ready, wrote};
use super::tui_support::{Bench, RUNTIMES, key, options, typed};

const SIZES: [(u16, u16); 3] = [(120, 36), (80, 24), (40, 12)];
const LANES: [(u32, RuntimeType); 3] =
    [(1, RuntimeType::Docker), (2, RuntimeType::Deno), (3, RuntimeType::Bun)];

fn begun(mut bench: Bench) -> Bench {
    bench.found(&RUNTIMES).press([key(KeyCode::F(12))]);
    bench
}

/// Docker is still being created, Deno runs, Bun is done.
fn running(bench: Bench) -> Bench {
    let mut bench = begun(bench);
    bench.tell(ready(2, "s2", RuntimeType::Deno)).tell(ready(3, "s3", RuntimeType::Bun));
    wrote(&mut bench, 2, "squares:");
    wrote(&mut bench, 3, "squares: 1 4 9 16\n");
    ended(&mut bench, 3, 0, 22);
    bench
}

fn done(bench: Bench, answers: [&str; 3], exits: [i32; 3]) -> Bench {
    let mut bench = begun(bench);
    for (((run, of), answer), exit) in LANES.into_iter().zip(answers).zip(exits) {
        bench.tell(ready(run, &format!("s{run}"), of));
        wrote(&mut bench, run, answer);
        ended(&mut bench, run, exit, 20 * run);
    }
    bench
}

fn agreed(bench: Bench) -> Bench {
    done(bench, ["squares: 1 4 9 16\n"; 3], [0; 3])
}

#[test]
fn a_race_at_every_size() {
    for (w, h) in SIZES {
        as_it_is(&format!("race_running_{w}x{h}"), &mut running(Bench::new(w, h)));
        as_it_is(&format!("race_agree_{w}x{h}"), &mut agreed(Bench::new(w, h)));
    }
}

#[test]
fn a_race_whose_answers_differ() {
    let other = "squares: 1 4 9 15\n";
    let mut bench =
        done(Bench::new(120, 36), ["squares: 1 4 9 16\n", other, "squares: 1 4 9 16\n"], [0, 0, 0]);
    as_it_is("race_differ_120x36", &mut bench);
}

#[test]
fn a_race_in_which_one_had_no_session() {
    let mut bench = begun(Bench::new(120, 36));
    let failure = Failure::new(ErrorKind::NoRuntime, "the image node:22 is not here", "docker pull node:22");
    bench.tell(Msg::Session(SessionMsg::Created { run: Some(1), result: Err(failure) }));
    for (run, of) in [(2, RuntimeType::Deno), (3, RuntimeType::Bun)] {
        bench.tell(ready(run, &format!("s{run}"), of));
        wrote(&mut bench, run, "squares: 1 4 9 16\n");
        ended(&mut bench, run, i32::from(run == 3), 20);
    }
    as_it_is("race_failed_120x36", &mut bench);
}

#[test]
fn one_lane_has_all_the_room() {
    let mut bench = agreed(Bench::new(80, 24));
    bench.press(typed("lo"));
    as_it_is("race_alone_80x24", &mut bench);
}

#[test]
fn a_race_without_colours_and_in_ascii() {
    let mut given = options();
    given.terminal = TerminalKind { colours: ColourTier::Mono, unicode: true };
    as_it_is("race_mono_80x24", &mut agreed(Bench::with(&given, 80, 24)));
    given.terminal = TerminalKind { colours: ColourTier::Ansi, unicode: false };
    let mut bench = running(Bench::with(&given, 80, 24));
    assert!(bench.screen().is_ascii(), "{}", bench.screen());
    as_it_is("race_ascii_80x24", &mut bench);
}

#[test]
fn a_race_on_a_screen_that_became_too_small() {
    let mut bench = running(Bench::new(80, 24));
    bench.terminal.backend_mut().resize(20, 6);
    bench.tell(Msg::Input(Event::Resize(20, 6)));
    as_it_is("race_running_20x6", &mut bench);
}

#[test]
fn the_list_of_runtimes_to_run_on() {
    for (w, h) in [(80, 24), (40, 12)] {
        let mut bench = Bench::new(w, h);
        bench.found(&[RuntimeType::Bun, RuntimeType::Deno]).press([key(KeyCode::F(8))]);
        as_it_is(&format!("run_on_{w}x{h}"), &mut bench);
    }
}

#[test]
fn the_form_for_a_session_with_something_wrong() {
    let (settings, _) = Settings::parse("c", "glyphs = \"ascii\"\n");
    for (name, settings) in [("", Settings::default()), ("_ascii", settings)] {
        for (w, h) in SIZES {
            let mut bench =
                Bench::with(&codebeaker::tui::Options { settings: settings.clone(), ..options() }, w, h);
            bench.found(&RUNTIMES).press([key(KeyCode::Esc)]).press(typed("sn"));
            bench.press((0..4).map(|_| key(KeyCode::Tab))).press(typed("lots")).press([key(KeyCode::Enter)]);
            as_it_is(&format!("new_session_wrong{name}_{w}x{h}"), &mut bench);
        }
    }
}
