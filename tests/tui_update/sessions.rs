//! Sessions: named, closed together, watched; and how fast programs start in them.

use codebeaker::engine::Told;
use codebeaker::protocol::*;
use codebeaker::tui::{Effect, Msg, RunMsg, SessionMsg};
use crossterm::event::{Event, KeyCode, KeyModifiers, MouseEvent, MouseEventKind};
use std::time::Duration;

use super::{BUN, created};
use crate::tui_support::remote::{changed, up};
use crate::tui_support::{Bench, finished, key, session, typed};

fn closes(bench: &Bench) -> Vec<String> {
    let ids = bench.effects.iter().filter_map(|effect| match effect {
        Effect::CloseSessions(ids) => Some(ids.iter().map(|id| id.0.clone()).collect::<Vec<_>>()),
        _ => None,
    });
    ids.flatten().collect()
}

fn in_sessions(bench: &mut Bench) -> &mut Bench {
    bench.press([key(KeyCode::Esc), key(KeyCode::Esc), key(KeyCode::Char('1'))])
}

#[test]
fn a_session_gets_a_name_that_stays() {
    let mut bench = Bench::new(120, 36);
    bench.found(BUN).tell(created("s1", None, Language::TypeScript));
    in_sessions(&mut bench).press(typed("rlesson\u{1b}[2J 7\n"));
    assert!(bench.screen().contains("lesson"), "{}", bench.screen());
    // What the engine tells has no name.
    let mut told = session("s1", Language::TypeScript, RuntimeType::Bun);
    told.execution_count = 9;
    bench.tell(Msg::Session(SessionMsg::Listed(Ok(vec![told]))));
    assert!(bench.screen().contains("lesson"), "{}", bench.screen());
    // An empty name is none.
    in_sessions(&mut bench).press([key(KeyCode::Char('r'))]);
    bench.press((0..20).map(|_| key(KeyCode::Backspace)).chain([key(KeyCode::Enter)]));
    assert!(!bench.screen().contains("lesson"), "{}", bench.screen());
}

#[test]
fn a_session_that_is_gone_takes_no_name() {
    let mut bench = Bench::new(120, 36);
    bench.found(BUN).tell(created("s1", None, Language::TypeScript));
    in_sessions(&mut bench).press(typed("rx"));
    bench.tell(Msg::Session(SessionMsg::Closed(SessionId::from("s1"), Ok(()))));
    bench.press([key(KeyCode::Enter), key(KeyCode::Char('r'))]);
    assert!(bench.screen().contains("there is no session to name"), "{}", bench.screen());
}

#[test]
fn all_idle_sessions_of_ones_own_are_closed_after_a_question() {
    let mut bench = Bench::new(120, 36);
    bench.tell(changed(codebeaker::engine::Link::Up(up(3)))).found(BUN);
    let other = session("theirs", Language::TypeScript, RuntimeType::Bun);
    bench.tell(Msg::Session(SessionMsg::Listed(Ok(vec![other]))));
    bench.tell(created("a", None, Language::TypeScript)).tell(created("b", None, Language::TypeScript));
    // The one that was chosen last runs something.
    bench.press([key(KeyCode::F(5))]);
    in_sessions(&mut bench).press(typed("X"));
    assert!(closes(&bench).is_empty() && bench.screen().contains("Close all idle sessions?"));
    bench.press([key(KeyCode::Enter)]);
    assert_eq!(closes(&bench), ["a"]);
    assert!(bench.screen().contains("closing"), "{}", bench.screen());
    // Whose are others' is said.
    assert!(bench.screen().contains("not yours"), "{}", bench.screen());
    let gone = SessionEvent::State {
        session_id: SessionId::from("a"),
        state: SessionState::Closed,
        reason: Some("closed by its owner".to_owned()),
    };
    bench.tell(Msg::Session(SessionMsg::Told(Told::Event(gone)))).press(typed("X"));
    assert!(bench.screen().contains("none of your sessions is idle"), "{}", bench.screen());
}

#[test]
fn a_normal_screen_has_the_figures_in_its_top_line() {
    let mut bench = Bench::new(80, 24);
    bench.found(BUN).tell(created("s1", None, Language::TypeScript)).tell(Msg::Tick);
    assert!(bench.effects.contains(&Effect::Stats(SessionId::from("s1"))));
    assert!(!bench.screen().contains("cpu"));
    bench.stats("s1");
    assert!(bench.screen().lines().next().unwrap().ends_with("cpu -  41 MB"), "{}", bench.screen());
}

/// A second passes, with these figures at its end.
fn second(bench: &mut Bench, cpu_ms: u64, memory: u64) {
    bench.now += Duration::from_millis(990);
    let stats = SessionStats { cpu_ms: Some(cpu_ms), memory_bytes: Some(memory), ..SessionStats::default() };
    bench.tell(Msg::Session(SessionMsg::Stats(SessionId::from("s1"), Ok(stats))));
}

#[test]
fn curves_move_while_something_changes_and_rest_with_it() {
    let mut bench = Bench::new(120, 36);
    bench.found(BUN).tell(created("s1", None, Language::TypeScript));
    for (cpu, memory) in [(0, 10_000_000), (500, 20_000_000), (500, 20_000_000)] {
        second(&mut bench, cpu, memory);
    }
    let screen = bench.screen();
    assert!(screen.contains("cpu       0.0 %     █▁") && screen.contains("most 50 %"), "{screen}");
    // After a minute at rest there is nothing to draw any more.
    (0..60).for_each(|_| second(&mut bench, 500, 20_000_000));
    bench.screen();
    second(&mut bench, 500, 20_000_000);
    assert!(!bench.workbench.needs_drawing());
}

#[test]
fn ages_are_drawn_by_the_minute() {
    let mut bench = Bench::new(120, 36);
    bench.found(BUN).tell(created("s1", None, Language::TypeScript));
    assert!(bench.screen().contains("up        <1 min"), "{}", bench.screen());
    bench.now += Duration::from_secs(30);
    bench.tell(Msg::Tick);
    assert!(!bench.workbench.needs_drawing());
    bench.now += Duration::from_secs(31);
    bench.tell(Msg::Tick);
    assert!(bench.workbench.needs_drawing() && bench.screen().contains("up        1 min"));
}

#[test]
fn starts_are_told_apart() {
    let mut bench = Bench::new(120, 36);
    bench.found(BUN).runs(&[], 0);
    for number in 2..8 {
        bench.press([key(KeyCode::F(5))]);
        bench.now += Duration::from_millis(u64::from(number) * 10);
        bench.tell(Msg::Run(RunMsg::Started(number))).tell(Msg::Run(RunMsg::Finished(number, finished(0))));
    }
    let screen = bench.screen();
    // The session's own start and that of its first program: 48.2 and 20 ms.
    assert!(screen.contains("cold       68.2 ms        -   1"), "{screen}");
    assert!(screen.contains("warm       50.0 ms  80.0 ms   6"), "{screen}");
}

#[test]
fn the_stats_scroll_as_far_as_they_go() {
    let mut bench = Bench::new(40, 12);
    bench.found(BUN).runs(&[], 0).stats("s1");
    bench.press([key(KeyCode::Esc), key(KeyCode::Esc), key(KeyCode::Char('5'))]);
    assert!(bench.screen().contains("cpu       -"), "{}", bench.screen());
    bench.press((0..99).map(|_| key(KeyCode::Down)));
    let end = bench.screen();
    assert!(end.contains("cgroup  not delegated") && !end.contains("cpu       -"), "{end}");
    let wheel =
        MouseEvent { kind: MouseEventKind::ScrollUp, column: 5, row: 5, modifiers: KeyModifiers::NONE };
    bench.press([Event::Mouse(wheel)]);
    assert_ne!(bench.screen(), end);
    bench.press([key(KeyCode::Home)]);
    assert!(bench.screen().contains("cpu       -"));
    bench.press([key(KeyCode::End)]);
    assert_eq!(bench.screen(), end);
}

#[test]
fn the_runs_of_a_race_are_kept_compared_and_counted() {
    let mut bench = Bench::new(120, 36);
    bench.found(&[RuntimeType::Bun, RuntimeType::Deno]).press([key(KeyCode::F(12))]);
    for (run, runtime) in [(1, RuntimeType::Deno), (2, RuntimeType::Bun)] {
        let info = Box::new(session(&format!("s{run}"), Language::TypeScript, runtime));
        bench.tell(Msg::Session(SessionMsg::Created { run: Some(run), result: Ok(info) }));
        bench.tell(Msg::Run(RunMsg::Accepted(run, ExecutionId::from("e"))));
        bench.tell(Msg::Run(RunMsg::Started(run)));
        let text = bytes::Bytes::from(format!("here\nlane {run}\n"));
        bench.tell(Msg::Run(RunMsg::Output(run, vec![(OutputStream::Stdout, text)])));
        bench.tell(Msg::Run(RunMsg::Finished(run, finished(0))));
    }
    bench.press([key(KeyCode::Esc), key(KeyCode::Esc), key(KeyCode::Esc)]).press(typed("6a"));
    let screen = bench.screen();
    assert!(screen.contains("all 2") && screen.contains("cold       68.2 ms        -   1"), "{screen}");
    bench.press([key(KeyCode::Char('d')), key(KeyCode::Down), key(KeyCode::Char('d'))]);
    let screen = bench.screen();
    assert!(screen.contains("Runs 2 and 1") && screen.contains("- lane 2"), "{screen}");
}

fn asked_to_close(bench: &Bench) -> bool {
    bench.effects.contains(&Effect::CloseSession(SessionId::from("s1")))
}

#[test]
fn a_session_that_was_used_takes_its_workspace_with_it_after_a_question() {
    let mut bench = Bench::new(120, 36);
    bench.found(BUN).tell(created("s1", None, Language::TypeScript));
    // Listings of its files are no use of it.
    let mut listed = session("s1", Language::TypeScript, RuntimeType::Bun);
    listed.execution_count = 3;
    bench.tell(Msg::Session(SessionMsg::Listed(Ok(vec![listed]))));
    assert!(bench.screen().contains("ready") && bench.screen().contains("runs 0"), "{}", bench.screen());
    in_sessions(&mut bench).press(typed("x"));
    assert!(asked_to_close(&bench));
    bench.press(typed("x"));
    assert!(bench.screen().contains("is being closed already"), "{}", bench.screen());

    let mut bench = Bench::new(120, 36);
    bench.found(BUN).runs(&[], 0);
    let stats = SessionStats { workspace_files: Some(3), ..SessionStats::default() };
    bench.tell(Msg::Session(SessionMsg::Stats(SessionId::from("s1"), Ok(stats))));
    assert!(bench.screen().contains("runs 1"), "{}", bench.screen());
    in_sessions(&mut bench).press(typed("x"));
    assert!(bench.screen().contains("goes with it: 3 files") && !asked_to_close(&bench));
    bench.press([key(KeyCode::Enter)]);
    assert!(asked_to_close(&bench));
}

#[test]
fn the_first_run_is_a_cold_one_whatever_was_listed_before() {
    let mut bench = Bench::new(120, 36);
    bench.found(BUN).tell(created("s1", None, Language::TypeScript));
    let mut listed = session("s1", Language::TypeScript, RuntimeType::Bun);
    listed.execution_count = 3;
    bench.tell(Msg::Session(SessionMsg::Listed(Ok(vec![listed])))).press([key(KeyCode::F(5))]);
    assert!(bench.screen().contains("new session"), "{}", bench.screen());
    bench.tell(Msg::Run(RunMsg::Finished(1, finished(0)))).press([key(KeyCode::F(5))]);
    assert!(bench.screen().contains("warm session"), "{}", bench.screen());
}
