//! A race: its sessions, its lanes, its end.

use std::time::Duration;

use bytes::Bytes;
use codebeaker::protocol::*;
use codebeaker::tui::{Effect, Msg, RunMsg, SessionMsg};
use crossterm::event::{Event, KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::tui_support::race::{ended, raced, ready, wrote};
use super::tui_support::{Bench, RUNTIMES, ctrl, key, session, typed};

const THREE: [RuntimeType; 3] = [RuntimeType::Docker, RuntimeType::Deno, RuntimeType::Bun];

/// The runs that were handed over, with their sessions.
fn executed(bench: &Bench) -> Vec<(u32, String)> {
    let of = |effect: &Effect| match effect {
        Effect::Execute { run, session, interactive: false, .. } => Some((*run, session.0.clone())),
        _ => None,
    };
    bench.effects.iter().filter_map(of).collect()
}

#[test]
fn each_runtime_that_runs_the_language_has_a_lane() {
    let mut bench = Bench::new(120, 36);
    bench.found(&RUNTIMES).press([key(KeyCode::F(12))]);
    let asked: Vec<_> = bench
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::CreateSession { params, run } => Some((*run, params.runtime_type)),
            _ => None,
        })
        .collect();
    let wanted: Vec<_> = (1..=3).zip(THREE).map(|(run, of)| (Some(run), Some(of))).collect();
    assert_eq!(asked, wanted);
    assert!(bench.screen().contains("native   - does not run TypeScript"), "{}", bench.screen());
}

#[test]
fn a_session_of_ours_that_waits_is_used_again() {
    let mut bench = Bench::new(120, 36);
    let mine = session("mine", Language::TypeScript, RuntimeType::Bun);
    let foreign = session("foreign", Language::TypeScript, RuntimeType::Deno);
    bench.found(&[RuntimeType::Deno, RuntimeType::Bun]);
    bench.tell(Msg::Session(SessionMsg::Created { run: None, result: Ok(Box::new(mine.clone())) }));
    bench.tell(Msg::Session(SessionMsg::Listed(Ok(vec![mine, foreign]))));
    bench.press([key(KeyCode::F(12))]);
    assert_eq!(executed(&bench), [(2, "mine".to_owned())]);
    bench.tell(ready(1, "new", RuntimeType::Deno));
    assert_eq!(executed(&bench).last().unwrap(), &(1, "new".to_owned()));
    ended(&mut bench, 1, 0, 30);
    ended(&mut bench, 2, 0, 20);
    let screen = bench.screen();
    assert!(screen.contains("warm") && screen.contains("48.2 ms"), "{screen}");
    // Both are there for the next race.
    bench.press(typed("m"));
    assert_eq!(executed(&bench)[2..], [(3, "new".to_owned()), (4, "mine".to_owned())]);
}

#[test]
fn a_lane_that_fails_does_not_hold_the_others() {
    let mut bench = raced(120, 36, &THREE);
    let failure = Failure::new(ErrorKind::NoRuntime, "the image is gone", "codebeaker setup docker");
    bench.tell(Msg::Session(SessionMsg::Created { run: Some(1), result: Err(failure) }));
    for (run, id, of) in [(2, "s2", RuntimeType::Deno), (3, "s3", RuntimeType::Bun)] {
        bench.tell(ready(run, id, of));
        wrote(&mut bench, run, "1 4 9 16\n");
        ended(&mut bench, run, 0, 20);
    }
    let screen = bench.screen();
    assert!(screen.contains("the image is gone") && screen.contains("codebeaker setup docker"), "{screen}");
    assert!(screen.contains("the same answer on 2: output and exit 0; docker gave none"), "{screen}");
    // Nothing is being created any more.
    bench.press([key(KeyCode::Esc)]);
    assert!(!bench.screen().contains("creating a session"), "{}", bench.screen());
}

#[test]
fn who_differs_is_said() {
    let mut bench = raced(120, 36, &THREE);
    for (run, of, text) in [(1, THREE[0], "1\n2\n"), (2, THREE[1], "1\n3\n"), (3, THREE[2], "1\n2\n")] {
        bench.tell(ready(run, &format!("s{run}"), of));
        // However it is cut.
        for byte in text.bytes() {
            bench.tell(Msg::Run(RunMsg::Output(run, vec![(OutputStream::Stdout, Bytes::from(vec![byte]))])));
        }
        wrote(&mut bench, run, "");
        bench.tell(Msg::Run(RunMsg::Output(run, vec![(OutputStream::Stderr, Bytes::from("not compared"))])));
        ended(&mut bench, run, 0, 20);
    }
    let wanted = "the answers differ: docker and bun against deno, first in line 2";
    assert!(bench.screen().contains(wanted), "{}", bench.screen());
}

#[test]
fn ctrl_c_stops_all_and_kills_the_second_time() {
    let mut bench = raced(120, 36, &THREE);
    for (run, of) in [(2, THREE[1]), (3, THREE[2])] {
        bench.tell(ready(run, &format!("s{run}"), of));
    }
    bench.tell(Msg::Run(RunMsg::Accepted(2, ExecutionId::from("e2"))));
    bench.press([ctrl('c')]);
    assert!(bench.effects.contains(&Effect::CancelCreate(Some(1))), "the first still had no session");
    assert!(bench.effects.contains(&Effect::Signal(2, ExecutionId::from("e2"), Signal::Int)));
    // The third is told as soon as it has a name.
    bench.tell(Msg::Run(RunMsg::Accepted(3, ExecutionId::from("e3"))));
    assert!(bench.effects.contains(&Effect::Signal(3, ExecutionId::from("e3"), Signal::Int)));
    assert!(bench.screen().contains("● stopping"), "{}", bench.screen());
    bench.now += Duration::from_secs(1);
    bench.press([ctrl('c')]);
    for run in [2, 3] {
        let id = ExecutionId::from(format!("e{run}").as_str());
        assert!(bench.effects.contains(&Effect::Signal(run, id, Signal::Kill)));
    }
    assert!(bench.screen().contains("● killing"), "{}", bench.screen());
}

#[test]
fn leaving_stops_what_runs_and_says_so() {
    let mut bench = raced(120, 36, &THREE[1..]);
    bench.tell(ready(1, "s1", THREE[1])).tell(Msg::Run(RunMsg::Accepted(1, ExecutionId::from("e1"))));
    bench.press([key(KeyCode::Esc)]);
    assert!(bench.effects.contains(&Effect::Signal(1, ExecutionId::from("e1"), Signal::Int)));
    let screen = bench.screen();
    assert!(screen.contains("3 Editor") && screen.contains("asked 1 to stop"), "{screen}");
    // Nothing else is begun until it has ended.
    bench.press([key(KeyCode::F(5))]);
    assert!(bench.screen().contains("the race has not ended yet"), "{}", bench.screen());
    bench.press([key(KeyCode::Esc)]);
    ended(&mut bench, 1, 130, 20);
    assert!(bench.screen().contains("the race was stopped"), "{}", bench.screen());
    bench.press([key(KeyCode::F(5))]);
    assert!(!bench.screen().contains("has not ended"), "{}", bench.screen());
}

#[test]
fn in_turn_one_begins_when_the_other_has_ended() {
    let mut bench = raced(120, 36, &THREE[1..]);
    for (run, of) in [(1, THREE[1]), (2, THREE[2])] {
        bench.tell(ready(run, &format!("s{run}"), of));
        ended(&mut bench, run, 0, 20);
    }
    bench.press(typed("t"));
    assert_eq!(executed(&bench)[2..], [(3, "s1".to_owned())]);
    assert!(bench.screen().contains("○ waiting") && bench.screen().contains("one after another"));
    ended(&mut bench, 3, 0, 20);
    assert_eq!(executed(&bench)[3..], [(4, "s2".to_owned())]);
    // Stopping the second leaves nobody waiting.
    bench.press([ctrl('c')]);
    ended(&mut bench, 4, 130, 20);
    assert!(!bench.screen().contains("waiting"), "{}", bench.screen());
}

#[test]
fn lost_output_can_not_be_judged() {
    let mut bench = raced(120, 36, &THREE[1..]);
    for (run, of) in [(1, THREE[1]), (2, THREE[2])] {
        bench.tell(ready(run, &format!("s{run}"), of));
    }
    bench.tell(Msg::Run(RunMsg::Lagged(2, 4096)));
    ended(&mut bench, 1, 0, 20);
    ended(&mut bench, 2, 0, 20);
    assert!(bench.screen().contains("? can't be compared: output of bun was lost"), "{}", bench.screen());
}

#[test]
fn a_lane_is_chosen_opened_and_scrolled() {
    let mut bench = raced(120, 36, &THREE[1..]);
    for (run, of) in [(1, THREE[1]), (2, THREE[2])] {
        bench.tell(ready(run, &format!("s{run}"), of));
        wrote(&mut bench, run, &(0..100).map(|n| format!("{} line {n}\n", of.short())).collect::<String>());
    }
    let screen = bench.screen();
    assert!(screen.contains("> deno") && screen.contains("deno line 99"), "{screen}");
    bench.press(typed("lo"));
    let screen = bench.screen();
    assert!(screen.contains("> bun") && !screen.contains("deno line 99"), "{screen}");
    bench.press(typed("g"));
    assert!(bench.screen().contains("bun line 0"), "{}", bench.screen());
    bench.press([key(KeyCode::Esc)]);
    let wheel =
        MouseEvent { kind: MouseEventKind::ScrollUp, column: 3, row: 5, modifiers: KeyModifiers::NONE };
    bench.press([Event::Mouse(wheel)]);
    let screen = bench.screen();
    assert!(!screen.contains("deno line 99") && screen.contains("deno line 96"), "{screen}");
    bench.press([Event::Mouse(MouseEvent { kind: MouseEventKind::Down(MouseButton::Left), ..wheel })]);
    assert!(bench.screen().contains("> deno"), "{}", bench.screen());
}

#[test]
fn nothing_hostile_reaches_the_screen_from_a_lane() {
    let evil = "a\u{1b}]0;x\u{7}b\u{202e}c\u{9b}2J\u{e0041}";
    let mut bench = raced(120, 36, &THREE[1..]);
    bench.tell(ready(1, "s1", THREE[1]));
    wrote(&mut bench, 1, evil);
    let failure = Failure::new(ErrorKind::Internal, evil, evil);
    bench.tell(Msg::Session(SessionMsg::Created { run: Some(2), result: Err(failure) }));
    let screen = bench.screen();
    let bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}' || c >= '\u{e0000}';
    assert!(!screen.chars().any(bad), "{screen:?}");
}

#[test]
fn the_way_to_a_race_is_shown_after_a_run() {
    let mut bench = Bench::new(80, 24);
    bench.found(&RUNTIMES);
    assert!(!bench.screen().contains("all runtimes"));
    bench.runs(&[(OutputStream::Stdout, "x\n")], 0);
    assert!(bench.screen().contains("F12 all runtimes"), "{}", bench.screen());
}

#[test]
fn a_race_that_ended_while_one_was_elsewhere_is_told_and_can_be_seen_again() {
    let mut bench = raced(120, 36, &THREE[1..]);
    bench.press([key(KeyCode::F(2))]).press(typed("/\n"));
    for (run, of) in [(1, THREE[1]), (2, THREE[2])] {
        bench.tell(ready(run, &format!("s{run}"), of));
        wrote(&mut bench, run, "1\n");
        ended(&mut bench, run, 0, 20 + run);
    }
    assert!(bench.screen().contains("the race is over: the same answer on both"), "{}", bench.screen());
    bench.press([key(KeyCode::Esc), key(KeyCode::Esc), key(KeyCode::Esc), key(KeyCode::Esc)]);
    let screen = bench.screen();
    assert!(screen.contains("the race of scratch.ts is over: the same answer on both"), "{screen}");
    assert!(screen.contains("quickest: deno in 69.2 ms"), "{screen}");
    bench.press(typed("B"));
    let screen = bench.screen();
    assert!(screen.contains("Race  scratch.ts on 2 runtimes, all at once, without input"), "{screen}");
    // What is said later is not said there.
    bench.press([key(KeyCode::Esc)]).runs(&[], 0);
    let screen = bench.screen();
    let at = |words: &str| screen.find(words).unwrap_or_else(|| panic!("{words}: {screen}"));
    assert!(at("the race of") < at("$ run 3"), "{screen}");
}

#[test]
fn turns_are_taken_only_if_the_race_begins() {
    let mut bench = raced(120, 36, &THREE[1..]);
    for (run, of) in [(1, THREE[1]), (2, THREE[2])] {
        bench.tell(ready(run, &format!("s{run}"), of));
        ended(&mut bench, run, 0, 20);
    }
    // Nothing is left to run.
    bench.press([key(KeyCode::Esc), key(KeyCode::Esc), key(KeyCode::Esc)]).press(typed("3ai"));
    bench.press([key(KeyCode::Backspace), key(KeyCode::Esc)]).press(typed("Bt"));
    let screen = bench.screen();
    assert!(screen.contains("there is nothing to run") && screen.contains("all at once"), "{screen}");
}
