//! A benchmark: what is asked for it, and what is shown of it.

use std::path::PathBuf;

use codebeaker::bench::{Baseline, Lane, Snapshot, Suite};
use codebeaker::engine::{Link, Told};
use codebeaker::protocol::*;
use codebeaker::tui::{BenchMsg, BenchTask, Effect, KeepFailure, LinkMsg, Msg, Reached, SessionMsg};
use crossterm::event::{Event, KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::tui_support::bench::{asked, kept, planned, told, told_against};
use super::tui_support::{Bench, RUNTIMES, ctrl, key, session, typed};

const TWO: [RuntimeType; 2] = [RuntimeType::Deno, RuntimeType::Bun];

fn tasks(bench: &Bench) -> Vec<&BenchTask> {
    fn task(effect: &Effect) -> Option<&BenchTask> {
        match effect {
            Effect::Bench(task) => Some(task),
            _ => None,
        }
    }
    bench.effects.iter().filter_map(task).collect()
}

/// One that has ended.
fn done(width: u16, height: u16) -> Bench {
    let mut bench = asked(width, height, &TWO);
    told(&mut bench, 50, false);
    bench
}

#[test]
fn the_text_is_measured_on_every_runtime_that_runs_it() {
    let bench = asked(120, 36, &RUNTIMES);
    let (number, plan) = planned(&bench);
    let lanes: Vec<RuntimeType> = plan.lanes.iter().map(|lane| lane.runtime).collect();
    assert_eq!(lanes, [RuntimeType::Docker, RuntimeType::Deno, RuntimeType::Bun]);
    assert!(plan.lanes.iter().all(|lane| lane.language == Language::TypeScript));
    assert_eq!((number, plan.suites, plan.samples), (1, vec![Suite::Code], None));
    assert!(plan.code.unwrap().text.contains("squares"));
}

#[test]
fn without_code_or_while_something_runs_nothing_is_measured() {
    let mut bench = Bench::new(120, 36);
    bench.found(&TWO).press([key(KeyCode::Esc)]).press(typed("ai"));
    bench.press([key(KeyCode::Backspace), key(KeyCode::Esc)]).press(typed("b"));
    assert!(bench.screen().contains("there is nothing to run"), "{}", bench.screen());
    let mut bench = Bench::new(120, 36);
    bench.found(&TWO).press([key(KeyCode::F(5)), key(KeyCode::Esc)]).press(typed("b"));
    assert!(bench.screen().contains("run 1 has not ended yet"), "{}", bench.screen());
    assert!(tasks(&bench).is_empty());
}

#[test]
fn while_it_measures_other_runs_are_refused_and_it_is_told_elsewhere() {
    let mut bench = asked(120, 36, &TWO);
    told(&mut bench, 20, true);
    bench.press([key(KeyCode::Esc)]);
    let screen = bench.screen();
    assert!(screen.contains("3 Editor") && screen.contains("● bench 40/100"), "{screen}");
    for refused in [KeyCode::F(5), KeyCode::F(12), KeyCode::F(7)] {
        bench.press([key(refused)]);
        assert!(bench.screen().contains("what else runs would disturb it"), "{}", bench.screen());
        bench.press([key(KeyCode::Esc)]);
    }
    assert!(!bench.effects.iter().any(|effect| matches!(effect, Effect::CreateSession { .. })));
    // Nothing is told of another one.
    let (_, plan) = planned(&bench);
    let reading = Box::new(super::tui_support::bench::reading(&plan, 50, false, None));
    bench.tell(Msg::Bench(BenchMsg::Told { number: 7, reading }));
    assert!(bench.screen().contains("bench 40/100"));
    told(&mut bench, 50, false);
    let screen = bench.screen();
    assert!(screen.contains("is over: 200 samples in 12 s"), "{screen}");
    bench.press([key(KeyCode::F(5))]);
    assert!(bench.effects.iter().any(|effect| matches!(effect, Effect::CreateSession { .. })));
}

#[test]
fn it_is_paused_goes_on_and_is_stopped() {
    let mut bench = asked(120, 36, &TWO);
    told(&mut bench, 10, true);
    bench.press(typed("p"));
    assert!(bench.screen().contains("paused at 20 %"), "{}", bench.screen());
    bench.press(typed("p"));
    assert_eq!(tasks(&bench)[1..], [&BenchTask::Pause(true), &BenchTask::Pause(false)]);
    bench.press([ctrl('c')]);
    assert_eq!(tasks(&bench)[3..], [&BenchTask::Stop]);
    assert!(bench.screen().contains("stopping at 20 %"), "{}", bench.screen());
    told(&mut bench, 10, false);
    let screen = bench.screen();
    assert!(screen.contains("! stopped: 40 samples in 12 s"), "{screen}");
    // Then there is nothing to be stopped any more.
    bench.press([ctrl('c')]);
    assert_eq!(tasks(&bench).len(), 4);
}

#[test]
fn opening_it_again_shows_the_last_one_and_r_measures_the_same() {
    let mut bench = done(120, 36);
    let (_, plan) = planned(&bench);
    bench.press([key(KeyCode::Esc), key(KeyCode::Esc)]).press(typed("3i// more\n"));
    bench.press([key(KeyCode::Esc)]).press(typed("b"));
    assert_eq!(tasks(&bench).len(), 1, "nothing else is measured");
    let screen = bench.screen();
    assert!(screen.contains("the text has changed since") && screen.contains("mean ± CI"), "{screen}");
    bench.press(typed("r"));
    assert_eq!(planned(&bench), (2, plan));
}

#[test]
fn rows_are_sorted_chosen_and_their_figures_gone_through() {
    let mut bench = done(120, 36);
    assert!(bench.screen().contains("Histogram  deno"), "{}", bench.screen());
    bench.press([key(KeyCode::Down)]);
    assert!(bench.screen().contains("Run by run  bun"), "{}", bench.screen());
    bench.press([key(KeyCode::Left)]).press(typed("]"));
    let screen = bench.screen();
    assert!(screen.contains("scratch.ts: cold") && screen.contains("2 of 2"), "{screen}");
    bench.press(typed("["));
    assert!(bench.screen().contains("scratch.ts: warm"), "{}", bench.screen());
    for words in ["by p50", "by p95", "by max", "by memory", "by change", "as planned"] {
        bench.press(typed("s"));
        assert!(bench.screen().contains(words), "{words}");
    }
    let click = |row| {
        Event::Mouse(MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column: 20,
            row,
            modifiers: KeyModifiers::NONE,
        })
    };
    bench.press([click(7)]);
    assert!(
        bench.screen().contains("▸ bun") && bench.screen().contains("Histogram  bun"),
        "{}",
        bench.screen()
    );
    bench.press(typed("h"));
    assert!(bench.screen().contains("h even"), "{}", bench.screen());
}

#[test]
fn it_is_compared_with_what_was_kept() {
    let mut bench = done(120, 36);
    bench.press(typed("c"));
    assert_eq!(tasks(&bench).last(), Some(&&BenchTask::Names));
    bench.tell(Msg::Bench(BenchMsg::Names(vec!["main".to_owned(), "other".to_owned()])));
    bench.press([key(KeyCode::Down), key(KeyCode::Enter)]);
    assert_eq!(tasks(&bench).last(), Some(&&BenchTask::Compare(Some("other".to_owned()))));
    let (_, plan) = planned(&bench);
    for (slower, words) in [(2.0, "▼ faster"), (0.5, "▲ slower"), (1.0, "= no change")] {
        told_against(&mut bench, 50, false, Some(kept(&plan, slower)));
        let screen = bench.screen();
        assert!(screen.contains(words) && screen.contains("baseline: 2026-11-26 14:02 \"main\""), "{screen}");
    }
    told_against(&mut bench, 6, false, Some(kept(&plan, 1.0)));
    assert!(bench.screen().contains("? cannot tell"), "{}", bench.screen());
    told_against(&mut bench, 50, false, Some(Baseline::Seed));
    assert!(bench.screen().contains("published figures"), "{}", bench.screen());
    // What measures again is compared with the same.
    bench.press(typed("r"));
    let base = tasks(&bench).into_iter().find_map(|task| match task {
        BenchTask::Measure { number: 2, base, .. } => Some(base.clone()),
        _ => None,
    });
    assert_eq!(base.flatten().as_deref(), Some(&Baseline::Seed));
}

#[test]
fn it_is_kept_by_a_name_and_over_another_only_when_asked() {
    let mut bench = done(120, 36);
    bench.press(typed("k")).press(typed("base\n"));
    assert!(
        matches!(tasks(&bench).last(), Some(BenchTask::Keep { name, replace: false, .. }) if name == "base")
    );
    bench.tell(Msg::Bench(BenchMsg::Kept("base".to_owned(), Err(KeepFailure::Exists))));
    assert!(bench.screen().contains("there is one that is called base"), "{}", bench.screen());
    bench.now += std::time::Duration::from_secs(2);
    bench.press([key(KeyCode::Enter)]);
    assert!(
        matches!(tasks(&bench).last(), Some(BenchTask::Keep { name, replace: true, .. }) if name == "base")
    );
    bench.tell(Msg::Bench(BenchMsg::Kept("base".to_owned(), Ok(PathBuf::from("/x/base.json")))));
    assert!(bench.screen().contains("kept as base"), "{}", bench.screen());
}

#[test]
fn whether_to_replace_is_answered_at_once_but_by_no_enter_pressed_twice() {
    let asked = || {
        let mut bench = done(120, 36);
        bench.press(typed("k")).press([key(KeyCode::Enter)]);
        bench.tell(Msg::Bench(BenchMsg::Kept("main".to_owned(), Err(KeepFailure::Exists))));
        bench.press([key(KeyCode::Enter)]);
        assert!(bench.screen().contains("Replace the benchmark?"), "{}", bench.screen());
        bench
    };
    let mut bench = asked();
    bench.press([key(KeyCode::Esc)]);
    assert!(!bench.screen().contains("Replace the benchmark?"), "{}", bench.screen());
    let mut bench = asked();
    bench.now += std::time::Duration::from_millis(200);
    bench.press([key(KeyCode::Enter)]);
    assert!(bench.screen().contains("Replace the benchmark?"), "{}", bench.screen());
    bench.now += std::time::Duration::from_millis(100);
    bench.press([key(KeyCode::Enter)]);
    assert!(matches!(tasks(&bench).last(), Some(BenchTask::Keep { replace: true, .. })));
}

#[test]
fn it_is_exported_to_a_file() {
    let mut bench = done(120, 36);
    bench.press(typed("e")).press([key(KeyCode::Enter)]);
    let wanted = PathBuf::from("bench.json");
    assert!(
        matches!(tasks(&bench).last(), Some(BenchTask::Export { path, replace: false, .. }) if *path == wanted)
    );
    bench.tell(Msg::Bench(BenchMsg::Exported(wanted.clone(), Err(KeepFailure::Exists))));
    bench.now += std::time::Duration::from_secs(2);
    bench.press([key(KeyCode::Enter)]);
    assert!(matches!(tasks(&bench).last(), Some(BenchTask::Export { replace: true, .. })));
    bench.tell(Msg::Bench(BenchMsg::Exported(wanted, Ok(41_000))));
    assert!(bench.screen().contains("41 kB written to bench.json"), "{}", bench.screen());
}

#[test]
fn without_samples_nothing_is_kept() {
    let mut bench = asked(120, 36, &TWO);
    bench.press(typed("k"));
    assert!(bench.screen().contains("nothing was measured yet"), "{}", bench.screen());
}

#[test]
fn suites_runtimes_and_samples_are_chosen() {
    let mut bench = done(120, 36);
    bench.press(typed("+"));
    assert!(bench.screen().contains("[x] code"), "{}", bench.screen());
    // The code out, creation and the choice of a runtime in.
    bench.press(typed(" ")).press([key(KeyCode::Down)]).press(typed(" "));
    bench.press(vec![key(KeyCode::Down); 3]).press(typed(" "));
    // Native runs no TypeScript, and Deno is left out.
    bench.press([key(KeyCode::End), key(KeyCode::Up)]).press(typed(" "));
    assert!(
        bench.screen().contains("native: does not run TypeScript")
            || bench.screen().contains("native: no interpreter"),
        "{}",
        bench.screen()
    );
    bench.press(vec![key(KeyCode::Up); 2]).press(typed(" "));
    bench.press([key(KeyCode::End)]).press(typed("x\n"));
    assert!(bench.screen().contains("a number from 1 to"), "{}", bench.screen());
    bench.press([key(KeyCode::Backspace)]).press(typed("12\n"));
    let (number, plan) = planned(&bench);
    assert_eq!((number, plan.suites, plan.samples), (2, vec![Suite::Create, Suite::Select], Some(12)));
    assert_eq!(plan.lanes, [Lane { runtime: RuntimeType::Bun, language: Language::TypeScript }]);
    assert_eq!(plan.code, None);
}

#[test]
fn its_sessions_are_not_listed_and_nobody_is_asked_for_them() {
    let mut bench = asked(120, 36, &TWO);
    told(&mut bench, 10, true);
    let asks = |bench: &Bench| bench.effects.iter().filter(|effect| **effect == Effect::ListSessions).count();
    let before = asks(&bench);
    let state = |state| {
        let session_id = SessionId::from("passing");
        Msg::Session(SessionMsg::Told(Told::Event(SessionEvent::State { session_id, state, reason: None })))
    };
    bench.tell(state(SessionState::Active)).tell(state(SessionState::Idle));
    assert_eq!(asks(&bench), before, "that would disturb what is measured");
    let mut passing = session("passing", Language::TypeScript, RuntimeType::Bun);
    passing.name = Some("bench bun typescript".to_owned());
    let own = session("own", Language::TypeScript, RuntimeType::Bun);
    bench.tell(Msg::Session(SessionMsg::Listed(Ok(vec![passing, own]))));
    bench.press([key(KeyCode::Esc)]);
    let screen = bench.screen();
    assert!(screen.contains("1 Sessions ━") || screen.contains("1 Sessions ─"), "{screen}");
    assert!(!screen.contains("bench bun"), "{screen}");
    told(&mut bench, 50, false);
    assert_eq!(asks(&bench), before + 1);
}

#[test]
fn leaving_asks_and_another_engine_stops_it() {
    let mut bench = asked(120, 36, &TWO);
    told(&mut bench, 10, true);
    bench.press([ctrl('q')]);
    assert!(bench.screen().contains("the benchmark of scratch.ts will be stopped"), "{}", bench.screen());
    bench.press([key(KeyCode::Esc)]).press([key(KeyCode::Esc)]).press(typed("c"));
    bench.press(typed("ws://elsewhere:5039")).press([key(KeyCode::Enter)]);
    let dial = bench.effects.iter().find_map(|effect| match effect {
        Effect::Dial { dial, .. } => Some(*dial),
        _ => None,
    });
    let reached = Reached { runtimes: RUNTIMES.to_vec(), link: Link::Local };
    bench.tell(Msg::Link(LinkMsg::Reached { dial: dial.unwrap(), result: Ok(reached) }));
    let at = |wanted: &dyn Fn(&Effect) -> bool| bench.effects.iter().position(wanted).unwrap();
    let stop = at(&|effect| *effect == Effect::Bench(BenchTask::Stop));
    assert!(stop < at(&|effect| matches!(effect, Effect::Switch(_))));
}

#[test]
fn why_a_runtime_was_not_measured_is_said() {
    let mut bench = asked(120, 36, &TWO);
    let (number, plan) = planned(&bench);
    let mut reading = super::tui_support::bench::reading(&plan, 50, false, None);
    let evil = "it failed: a\u{1b}]0;x\u{7}b\u{202e}c\u{9b}2J";
    let mut snapshot = (*reading.snapshot).clone();
    for series in snapshot.report.series.iter_mut().filter(|s| s.lane.unwrap().runtime == RuntimeType::Bun) {
        series.samples.clear();
        series.launches.clear();
        (series.failures, series.reason) = (3, Some(evil.to_owned()));
    }
    reading.digest = codebeaker::bench::Digest::of(&snapshot.report, None).into();
    reading.snapshot = snapshot.into();
    bench.tell(Msg::Bench(BenchMsg::Told { number, reading: Box::new(reading) }));
    let screen = bench.screen();
    assert!(screen.contains("✗ bun failed 3 times: it failed"), "{screen}");
    let bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!screen.chars().any(bad), "{screen:?}");
}

/// What was told of a benchmark on all four runtimes, changed by this.
fn told_of_four(width: u16, height: u16, change: impl Fn(&mut Snapshot, &mut bool)) -> Bench {
    let mut bench = asked(width, height, &RUNTIMES);
    let (number, mut plan) = planned(&bench);
    plan.lanes =
        RUNTIMES.iter().map(|runtime| Lane { runtime: *runtime, language: Language::TypeScript }).collect();
    let mut reading = super::tui_support::bench::reading(&plan, 21, true, None);
    let mut snapshot = (*reading.snapshot).clone();
    change(&mut snapshot, &mut reading.live);
    reading.digest = codebeaker::bench::Digest::of(&snapshot.report, None).into();
    reading.snapshot = snapshot.into();
    bench.tell(Msg::Bench(BenchMsg::Told { number, reading: Box::new(reading) }));
    bench
}

#[test]
fn where_the_time_goes_has_every_runtime_or_says_how_many_it_has_not() {
    let phases = |snapshot: &mut Snapshot| {
        for series in &mut snapshot.report.series {
            series.phases = vec![Phases { queue_ms: 0.1, launch_ms: 2.0, run_ms: 7.0, collect_ms: 1.0 }; 21];
        }
    };
    let rows = |screen: &str| screen.lines().filter(|line| line.contains("0.1     2.0     7.0")).count();
    let screen = told_of_four(120, 36, |snapshot, _| phases(snapshot)).screen();
    assert!(rows(&screen) == 4, "{screen}");
    let mut low = told_of_four(72, 20, |snapshot, _| phases(snapshot));
    let screen = low.press(typed("vv")).screen();
    assert_eq!(screen.lines().filter(|line| line.contains("0.1    2.0     7.0")).count(), 4, "{screen}");
    // Six of them, for which there is no room.
    let screen = told_of_four(120, 36, |snapshot, _| {
        phases(snapshot);
        let again: Vec<_> = snapshot.report.series.iter().take(4).cloned().collect();
        snapshot.report.series.extend(again);
    })
    .screen();
    assert!(rows(&screen) == 3 && screen.contains("3 more: no room here"), "{screen}");
    // What has no samples yet is not the engine's fault.
    let screen = told_of_four(120, 36, |snapshot, _| {
        phases(snapshot);
        let series = &mut snapshot.report.series;
        for of in series.iter_mut().filter(|of| of.lane.unwrap().runtime == RuntimeType::Bun) {
            (of.samples, of.phases, of.launches) = Default::default();
        }
    })
    .screen();
    assert!(rows(&screen) == 3 && screen.contains("no samples yet"), "{screen}");
    let screen = told_of_four(120, 36, |snapshot, _| {
        for of in snapshot.report.series.iter_mut().filter(|of| of.case == "warm") {
            (of.samples, of.launches) = Default::default();
        }
    })
    .screen();
    assert!(!screen.contains("not told by this engine"), "{screen}");
    assert!(told_of_four(120, 36, |_, _| {}).screen().contains("not told by this engine"));
}

#[test]
fn how_far_it_is_has_every_runtime_and_the_bar() {
    let line = |width, height, row, change: &dyn Fn(&mut Snapshot, &mut bool)| {
        let screen = told_of_four(width, height, change).screen();
        screen.lines().nth(row).unwrap().to_owned()
    };
    let stopped = |snapshot: &mut Snapshot, live: &mut bool| {
        snapshot.report.complete = false;
        *live = false;
    };
    for (width, height, row) in [(120, 36, 2), (112, 36, 2), (80, 24, 1)] {
        let line = line(width, height, row, &stopped);
        assert!(line.contains("native") && line.contains("! stopped: "), "{line}");
    }
    let suites = |snapshot: &mut Snapshot, _: &mut bool| {
        snapshot.report.method.suites.push(Suite::Startup);
    };
    for (width, height, row) in [(120, 36, 2), (100, 24, 1)] {
        let line = line(width, height, row, &suites);
        assert!(line.contains("native 21") && line.contains("[█"), "{line}");
    }
    // The same of the second of several suites.
    let mut several = Bench::new(80, 24);
    several.found(&RUNTIMES).press([key(KeyCode::Esc)]).press(typed(" b+"));
    several.press([key(KeyCode::Down)]).press(typed(" ")).press([key(KeyCode::Enter)]);
    told(&mut several, 21, true);
    let screen = several.screen();
    assert!(screen.contains("1/2") && screen.contains("bun 21") && screen.contains("[█"), "{screen}");
    // Where not all of them have a place, the others are counted.
    let line = line(40, 12, 1, &suites);
    assert!(line.contains("docker 21") && line.contains("+3"), "{line}");
}

#[test]
fn while_it_measures_nothing_else_is_chosen_and_how_it_is_stopped_is_said() {
    let mut bench = asked(80, 24, &TWO);
    told(&mut bench, 10, true);
    bench.press(typed("+"));
    let screen = bench.screen();
    assert!(
        screen.contains("the benchmark is still measuring") && screen.contains("Ctrl-C stops it"),
        "{screen}"
    );
    assert!(!screen.contains("[x] code"), "{screen}");
}

#[test]
fn what_is_withheld_is_no_order_and_no_range() {
    let mut bench = asked(120, 36, &TWO);
    told(&mut bench, 2, true);
    let screen = bench.press(typed("ss")).screen();
    assert!(screen.contains("by p95: none yet") && screen.contains("p5..p95 needs 20"), "{screen}");
    told(&mut bench, 20, true);
    let screen = bench.screen();
    assert!(!screen.contains("none yet") && !screen.contains("needs 20"), "{screen}");
}

#[test]
fn a_fault_of_ours_ends_it() {
    let mut bench = asked(120, 36, &TWO);
    bench.tell(Msg::Bench(BenchMsg::Lost(1)));
    assert!(bench.screen().contains("has ended by a fault of ours"), "{}", bench.screen());
    bench.press([key(KeyCode::Esc), key(KeyCode::Esc), key(KeyCode::F(5))]);
    assert!(bench.effects.iter().any(|effect| matches!(effect, Effect::CreateSession { .. })));
}

#[test]
fn what_is_measured_can_be_chosen_first() {
    let mut bench = Bench::new(120, 36);
    bench.found(&TWO).press([key(KeyCode::Esc)]).press(typed(" b+"));
    assert!(bench.screen().contains("> Benchmark"), "{}", bench.screen());
    bench.press([key(KeyCode::Down)]).press(typed(" ")).press([key(KeyCode::Enter)]);
    assert_eq!(planned(&bench).1.suites, [Suite::Code, Suite::Create]);
    assert!(bench.screen().contains("Bench: 2 suites on 2 runtimes"), "{}", bench.screen());
}
