//! First contact: the runtimes and their fixes, samples, the tour, and the log of what was told.

use std::time::Duration;

use codebeaker::engine::Told;
use codebeaker::protocol::*;
use codebeaker::tui::{Effect, Msg, RunMsg, RuntimeMsg, SAMPLES, SessionMsg};
use crossterm::event::KeyCode;

use crate::tui_support::{Bench, ctrl, finished, key, runtime, session, typed};

const ALL: &[RuntimeType] = &[RuntimeType::Bun, RuntimeType::Deno, RuntimeType::NativeProcess];

/// The runtimes screen with Docker, which can't be fetched, chosen.
fn at_docker() -> Bench {
    let mut bench = Bench::new(80, 24);
    bench.found(&[]).press([key(KeyCode::Up)]);
    bench
}

#[test]
fn a_fix_is_shown_step_by_step_and_copied_and_never_run() {
    let mut bench = at_docker();
    bench.press(typed("f"));
    let screen = bench.screen();
    assert!(screen.contains("Fix for docker"), "{screen}");
    assert!(screen.contains("1  sudo usermod -aG docker $USER   y copies it"), "{screen}");
    bench.press(typed("y"));
    assert_eq!(bench.effects.last(), Some(&Effect::Copy("sudo usermod -aG docker $USER".to_owned())));
    bench.press(typed("fy"));
    assert_eq!(bench.effects.last(), Some(&Effect::Copy("newgrp docker".to_owned())));
    // Esc takes the toast, then the fix, then the screen.
    bench.press([key(KeyCode::Esc)]);
    assert!(bench.screen().contains("Runtimes"));
    bench.press([key(KeyCode::Esc), key(KeyCode::Esc)]);
    assert!(bench.screen().contains("[3 Editor]"));
    let runs = |effect: &Effect| matches!(effect, Effect::Execute { .. } | Effect::CreateSession { .. });
    assert!(!bench.effects.iter().any(runs));
}

#[test]
fn another_runtime_has_another_fix() {
    let mut bench = at_docker();
    bench.press(typed("f")).press([key(KeyCode::Down)]);
    assert!(!bench.screen().contains("Fix for"));
    bench.press(typed("r"));
    assert_eq!(bench.effects.iter().filter(|e| matches!(e, Effect::Probe { refresh: true, .. })).count(), 4);
    bench.press(typed("f"));
    assert!(bench.screen().contains("still being looked for"));
}

#[test]
fn the_report_is_written_from_what_is_known() {
    let mut bench = at_docker();
    bench.press(typed("d"));
    let Some(Effect::Report(known)) = bench.effects.last() else { panic!("{:?}", bench.effects) };
    assert_eq!(known.len(), 4);
    bench.tell(Msg::Runtime(RuntimeMsg::Reported(Ok("/state/doctor.txt".into()))));
    assert!(bench.screen().contains("/state/doctor.txt"));
    bench.tell(Msg::Runtime(RuntimeMsg::Reported(Err("no space".to_owned()))));
    assert!(bench.screen().contains("was not written: no space"));
    let mut bench = Bench::new(80, 24);
    bench.press([key(KeyCode::F(3))]).press(typed("d"));
    assert!(bench.effects.is_empty(), "nothing is known yet");
}

#[test]
fn enter_begins_in_a_session_on_the_runtime() {
    let mut bench = Bench::new(80, 24);
    bench.found(ALL).press([key(KeyCode::F(3)), key(KeyCode::Down), key(KeyCode::Down), key(KeyCode::Down)]);
    bench.press([key(KeyCode::Enter)]);
    let created = |effect: &Effect| {
        matches!(effect, Effect::CreateSession { params, run: None }
            if params.runtime_type == Some(RuntimeType::NativeProcess) && params.language == Language::Python)
    };
    assert!(bench.effects.iter().any(created), "{:?}", bench.effects);
    assert!(bench.screen().contains("squares = [n * n"));
}

#[test]
fn long_versions_are_not_cut() {
    let mut bench = Bench::new(80, 24);
    let version = "python 3.11.7, node 20.20.2, go 1.19.8, Mono 6.8.0.105";
    let info = RuntimeInfo { version: Some(version.to_owned()), ..runtime(RuntimeType::NativeProcess, true) };
    bench.found(ALL).tell(Msg::Runtime(RuntimeMsg::Known(RuntimeType::NativeProcess, Ok(Box::new(info)))));
    bench.press([key(KeyCode::F(3)), key(KeyCode::Down), key(KeyCode::Down), key(KeyCode::Down)]);
    let screen = bench.screen();
    assert!(screen.contains(version), "{screen}");
}

#[test]
fn what_is_said_goes_by_itself_and_what_is_wrong_stays() {
    let mut bench = Bench::new(80, 24);
    bench.found(ALL).press([ctrl('c')]);
    assert!(bench.screen().contains("nothing runs"));
    let due = bench.workbench.deadline().expect("it goes by itself");
    assert_eq!(due, bench.now + Duration::from_secs(5));
    // Too early, as when something else was told meanwhile.
    bench.tell(Msg::Deadline);
    assert!(!bench.workbench.needs_drawing());
    bench.now = due;
    bench.tell(Msg::Deadline);
    assert!(bench.workbench.needs_drawing());
    assert!(!bench.screen().contains("nothing runs"));
    assert_eq!(bench.workbench.deadline(), None, "nothing happens at rest");
    let failure = Failure::new(ErrorKind::Internal, "it broke", "mend it");
    bench.tell(Msg::Session(SessionMsg::Listed(Err(failure))));
    assert!(bench.screen().contains("it broke"));
    assert_eq!(bench.workbench.deadline(), None);
}

#[test]
fn several_at_once_are_seen_one_after_another_and_all_are_in_the_log() {
    let mut bench = Bench::new(80, 24);
    bench.found(ALL);
    for n in 1..=3 {
        let failure = Failure::new(ErrorKind::Internal, format!("fault {n}"), format!("remedy {n}"));
        bench.tell(Msg::Session(SessionMsg::Listed(Err(failure))));
    }
    let screen = bench.screen();
    assert!(screen.contains("fault 3") && screen.contains("2 more"), "{screen}");
    bench.press([key(KeyCode::Esc)]);
    let screen = bench.screen();
    assert!(screen.contains("fault 2") && !screen.contains("fault 3"), "{screen}");
    bench.press([key(KeyCode::Esc), key(KeyCode::Esc)]);
    assert!(!bench.screen().contains("fault"));
    bench.press([key(KeyCode::Esc)]).press(typed("M"));
    let screen = bench.screen();
    for n in 1..=3 {
        assert!(screen.contains(&format!("fault {n}")), "{screen}");
    }
    bench.press([key(KeyCode::Down)]);
    assert!(bench.screen().contains("remedy 2"));
    bench.press(typed("y"));
    assert_eq!(bench.effects.last(), Some(&Effect::Copy("fault 2\nremedy 2".to_owned())));
    bench.press(typed("/FAULT 1"));
    let screen = bench.screen();
    assert!(screen.contains("1 of ") && screen.contains("remedy 1"), "{screen}");
    // Esc shows all again, then closes.
    bench.press([key(KeyCode::Esc)]);
    assert!(bench.screen().contains("fault 3"));
    bench.press([key(KeyCode::Esc)]);
    assert!(!bench.screen().contains("Log"));
}

#[test]
fn a_sample_is_opened_in_a_language_that_runs_here() {
    let mut bench = Bench::new(80, 24);
    bench.found(&[RuntimeType::NativeProcess]).press([key(KeyCode::Esc)]).press(typed("S"));
    let screen = bench.screen();
    assert!(screen.contains("Samples") && screen.contains("Python"), "{screen}");
    bench.press([key(KeyCode::Down), key(KeyCode::Down)]);
    assert!(bench.screen().contains("from pathlib import Path"));
    bench.press(typed("l"));
    assert!(bench.screen().contains("no runtime here runs Go"));
    bench.press(typed("h")).press([key(KeyCode::Enter)]);
    let screen = bench.screen();
    assert!(screen.contains("scratch.py") && screen.contains("from pathlib import Path"), "{screen}");
    assert!(screen.contains("EDIT"));
    // The same sample in the next language.
    bench.press([key(KeyCode::Esc), key(KeyCode::Esc)]).press(typed("l"));
    let screen = bench.screen();
    assert!(screen.contains("package main") && screen.contains("// Files stay"), "{screen}");
}

#[test]
fn a_changed_text_stays_open_beside_a_sample() {
    let mut bench = Bench::new(80, 24);
    bench.found(ALL).press(typed("mine")).press([key(KeyCode::F(2))]).press(typed("word count"));
    bench.press([key(KeyCode::Enter)]);
    assert!(bench.screen().contains("Counts words"));
    bench.press([ctrl('q')]);
    let screen = bench.screen();
    assert!(
        screen.contains("not saved") || screen.contains("unsaved"),
        "the other text is still there: {screen}"
    );
}

#[test]
fn every_sample_has_its_row_in_the_palette() {
    for sample in &SAMPLES {
        let mut bench = Bench::new(100, 30);
        bench.found(ALL).press([key(KeyCode::F(2))]).press(typed(&format!("sample.{}", sample.name)));
        bench.press([key(KeyCode::Enter)]);
        let first = sample.code(Language::TypeScript).lines().next().unwrap();
        let shown: String = first.chars().take(40).collect();
        assert!(bench.screen().contains(&shown), "{}: {}", sample.name, bench.screen());
    }
}

/// A session on a runtime has run something.
fn ran_on(bench: &mut Bench, id: &str, language: Language, of: RuntimeType) {
    let info = Box::new(session(id, language, of));
    bench.tell(Msg::Session(SessionMsg::Created { run: None, result: Ok(info) }));
    let event = SessionEvent::Finished {
        session_id: SessionId::from(id),
        execution_id: ExecutionId::from("e"),
        success: true,
    };
    bench.tell(Msg::Session(SessionMsg::Told(Told::Event(event))));
}

fn run_again(bench: &mut Bench) {
    bench.press([key(KeyCode::F(5))]);
    let run = bench.effects.iter().rev().find_map(|effect| match effect {
        Effect::Execute { run, .. } => Some(*run),
        _ => None,
    });
    bench.tell(Msg::Run(RunMsg::Finished(run.unwrap(), finished(0))));
}

#[test]
fn the_tour_waits_for_the_real_thing() {
    let mut bench = Bench::new(80, 24);
    bench.found(ALL).press([key(KeyCode::Esc)]).press(typed("t"));
    let at = |bench: &mut Bench, step: &str| {
        let screen = bench.screen();
        assert!(screen.contains(step), "{step}: {screen}");
    };
    at(&mut bench, "Tour 1 of 8: run a program");
    at(&mut bench, "F5 runs this program");
    bench.runs(&[(OutputStream::Stdout, "squares: 1 4 9 16\n")], 0);
    at(&mut bench, "Tour 2 of 8: stop one");
    at(&mut bench, "Never ends by itself");
    bench.press([key(KeyCode::F(5))]).tell(Msg::Run(RunMsg::Accepted(2, ExecutionId::from("e2"))));
    at(&mut bench, "Ctrl-C stops it");
    bench.press([ctrl('c')]);
    at(&mut bench, "Tour 2 of 8");
    bench.tell(Msg::Run(RunMsg::Finished(2, finished(130))));
    at(&mut bench, "Tour 3 of 8: another runtime");
    run_again(&mut bench);
    at(&mut bench, "Tour 3 of 8");
    ran_on(&mut bench, "deno", Language::TypeScript, RuntimeType::Deno);
    at(&mut bench, "Tour 4 of 8: files");
    run_again(&mut bench);
    at(&mut bench, "Esc, then 2 shows");
    bench.press([key(KeyCode::Esc), key(KeyCode::Char('2'))]);
    at(&mut bench, "Tour 5 of 8: every command");
    bench.press([key(KeyCode::F(2))]);
    at(&mut bench, "Type a few letters");
    bench.press([key(KeyCode::Esc)]);
    at(&mut bench, "Tour 6 of 8: the keys");
    bench.press([key(KeyCode::F(1)), key(KeyCode::Esc)]);
    at(&mut bench, "Tour 7 of 8: another machine");
    // In the files `c` copies, so that it is not what is named.
    at(&mut bench, "the palette's \"Connection: to a server\"");
    bench.press([key(KeyCode::F(2))]).press(typed("to a server")).press([key(KeyCode::Enter)]);
    at(&mut bench, "A server's address goes here");
    bench.press([key(KeyCode::Esc)]);
    at(&mut bench, "Tour 8 of 8: the end");
    bench.press([key(KeyCode::Esc)]);
    assert!(!bench.screen().contains("Tour"));
}

#[test]
fn the_tour_can_be_skipped_and_left_at_any_step() {
    let mut bench = Bench::new(80, 24);
    bench.found(&[RuntimeType::NativeProcess]).press([key(KeyCode::F(2))]).press(typed("tour"));
    bench.press([key(KeyCode::Enter)]);
    for step in ["Tour 1 of 8", "Tour 2 of 8"] {
        assert!(bench.screen().contains(step), "{}", bench.screen());
        bench.press([key(KeyCode::F(9))]);
    }
    // With one runtime there is nothing to compare: that step is passed over.
    assert!(bench.screen().contains("Tour 4 of 8"), "{}", bench.screen());
    for _ in 4..=8 {
        bench.press([key(KeyCode::F(9))]);
    }
    assert!(!bench.screen().contains("Tour"));
    bench.press([key(KeyCode::Esc)]).press(typed("t")).press([key(KeyCode::Esc)]);
    assert!(bench.screen().contains("Tour"), "the first Esc ends typing");
    bench.press([key(KeyCode::Esc)]);
    assert!(!bench.screen().contains("Tour"));
}

#[test]
fn without_a_runtime_the_tour_says_what_it_needs() {
    let mut bench = Bench::new(80, 24);
    bench.found(&[]).press(typed("t"));
    let screen = bench.screen();
    assert!(screen.contains("the tour needs a runtime"), "{screen}");
    assert!(!screen.contains("Tour 1"));
}

#[test]
fn the_tour_hides_nothing_of_the_workbench() {
    for (width, height) in [(120, 36), (80, 24), (40, 12)] {
        let mut bench = Bench::new(width, height);
        bench.found(ALL).press([key(KeyCode::Esc)]).press(typed("t"));
        let screen = bench.screen();
        // Where there is little room the keys have it.
        let title =
            if width < 80 { "Tour 1/8 ─ F9 next   Esc Esc leave" } else { "Tour 1 of 8: run a program" };
        assert!(screen.contains(title), "{screen}");
        assert!(
            screen.contains("squares: number[]") && screen.contains("F5 run"),
            "{width}x{height}: {screen}"
        );
    }
    // Where there is no room for both, the workbench has it.
    let mut bench = Bench::new(30, 8);
    bench.found(ALL).press([key(KeyCode::Esc)]).press(typed("t"));
    assert!(!bench.screen().contains("Tour 1 of 8"));
}
