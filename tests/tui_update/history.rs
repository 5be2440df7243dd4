//! The runs that were: kept, chosen, run again, compared.

use bytes::Bytes;
use codebeaker::protocol::*;
use codebeaker::tui::{Effect, Msg, RunMsg, SessionMsg};
use crossterm::event::{Event, KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::{BUN, created, executed};
use crate::tui_support::{Bench, RUNTIMES, finished, key, session, typed};

/// Two runs in one session: the text is changed between them.
fn two_runs(bench: &mut Bench) {
    bench.found(BUN).press(typed("A")).runs(&[(OutputStream::Stdout, "one\ntwo\n")], 0);
    bench.press(typed("B")).press([key(KeyCode::F(5))]);
    end(bench, 2, "one\nTWO\n", 3);
}

fn end(bench: &mut Bench, run: u32, output: &str, exit: i32) {
    bench.tell(Msg::Run(RunMsg::Started(run)));
    let output = bytes::Bytes::copy_from_slice(output.as_bytes());
    bench.tell(Msg::Run(RunMsg::Output(run, vec![(OutputStream::Stdout, output)])));
    bench.tell(Msg::Run(RunMsg::Finished(run, finished(exit))));
}

fn focus_history(bench: &mut Bench) -> &mut Bench {
    bench.press([key(KeyCode::Esc), key(KeyCode::Char('6'))])
}

/// The code of the last run that was begun, and where.
fn last_run(bench: &Bench) -> (String, String) {
    let found = bench.effects.iter().rev().find_map(|effect| match effect {
        Effect::Execute { session, code, .. } => Some((session.0.clone(), code.clone())),
        _ => None,
    });
    found.unwrap_or_default()
}

#[test]
fn a_run_is_run_again_as_it_was() {
    let mut bench = Bench::new(120, 36);
    two_runs(&mut bench);
    let second = last_run(&bench).1;
    focus_history(&mut bench).press([key(KeyCode::Down), key(KeyCode::Enter)]);
    let (session, code) = last_run(&bench);
    assert_eq!((executed(&bench), session.as_str()), (3, "s1"));
    assert!(code != second && second.starts_with("AB") && code.starts_with('A'), "{code} {second}");
    // The one that is under way is at the top, and can't be begun twice.
    assert!(bench.screen().contains("● run"), "{}", bench.screen());
    bench.press([key(KeyCode::Enter)]);
    assert_eq!(executed(&bench), 3);
}

#[test]
fn a_run_whose_session_is_gone_gets_one_on_its_runtime() {
    let mut bench = Bench::new(120, 36);
    two_runs(&mut bench);
    bench.tell(Msg::Session(SessionMsg::Closed(SessionId::from("s1"), Ok(()))));
    focus_history(&mut bench).press([key(KeyCode::Enter)]);
    let asked = |effect: &Effect| {
        matches!(effect, Effect::CreateSession { params, run: Some(3) }
            if params.runtime_type == Some(RuntimeType::Bun) && params.runtime_preference.is_none())
    };
    assert!(bench.effects.iter().any(asked), "{:?}", bench.effects);
}

#[test]
fn two_runs_are_compared() {
    let mut bench = Bench::new(120, 36);
    two_runs(&mut bench);
    focus_history(&mut bench).press([key(KeyCode::Down), key(KeyCode::Char('d'))]);
    assert!(bench.screen().contains("run 1 is marked"), "{}", bench.screen());
    bench.press([key(KeyCode::Up), key(KeyCode::Char('d'))]);
    let screen = bench.screen();
    for words in ["Runs 1 and 2", "- two", "+ TWO", "output: -1 +1 lines", "✗ failed  exit 3"] {
        assert!(screen.contains(words), "{words} in\n{screen}");
    }
    bench.press([key(KeyCode::Tab)]);
    assert!(bench.screen().contains("code: -1 +1 lines"), "{}", bench.screen());
    bench.press([key(KeyCode::Esc)]);
    assert!(!bench.screen().contains("Runs 1 and 2"));
}

#[test]
fn output_that_is_in_memory_in_part_is_not_said_to_be_the_same() {
    let mut bench = Bench::new(120, 36);
    let long = |first: &str| format!("{first}\n{}", "line\n".repeat(10_100));
    bench.found(&[RuntimeType::Bun]).runs(&[(OutputStream::Stdout, &long("one"))], 0);
    bench.press([key(KeyCode::F(5))]);
    bench.tell(Msg::Run(RunMsg::Accepted(2, ExecutionId::from("e"))));
    let chunk = (OutputStream::Stdout, Bytes::from(long("other")));
    bench.tell(Msg::Run(RunMsg::Output(2, vec![chunk])));
    bench.tell(Msg::Run(RunMsg::Finished(2, finished(0))));
    focus_history(&mut bench).press(typed("djd"));
    let screen = bench.screen();
    assert!(screen.contains("what is in memory is the same"), "{screen}");
    assert!(
        screen.contains("of run 1 only the last lines") && !screen.contains("output: the same"),
        "{screen}"
    );
}

#[test]
fn a_mark_goes_with_escape() {
    let mut bench = Bench::new(120, 36);
    two_runs(&mut bench);
    focus_history(&mut bench).press([key(KeyCode::Char('d')), key(KeyCode::Esc), key(KeyCode::Esc)]);
    bench.press([key(KeyCode::Down), key(KeyCode::Char('d'))]);
    assert!(!bench.screen().contains("Runs 1 and 2"), "{}", bench.screen());
}

#[test]
fn each_session_has_its_runs() {
    let mut bench = Bench::new(120, 36);
    two_runs(&mut bench);
    bench.tell(created("other", None, Language::JavaScript));
    assert!(bench.screen().contains("no run in this session yet"), "{}", bench.screen());
    focus_history(&mut bench).press([key(KeyCode::Char('a'))]);
    assert!(bench.screen().contains("all 2"), "{}", bench.screen());
    bench.press([key(KeyCode::Char('a'))]);
    assert!(!bench.screen().contains("all 2"));
}

#[test]
fn the_mouse_chooses_a_run_and_runs_it_again() {
    let mut bench = Bench::new(120, 36);
    two_runs(&mut bench);
    let screen = bench.screen();
    let row = screen.lines().position(|line| line.contains(" 1 bun ")).unwrap();
    let at = |kind| {
        let row = u16::try_from(row).unwrap();
        Event::Mouse(MouseEvent { kind, column: 100, row, modifiers: KeyModifiers::NONE })
    };
    let click = at(MouseEventKind::Down(MouseButton::Left));
    bench.press([click.clone()]);
    assert!(bench.screen().contains("▸    1 bun"), "{}", bench.screen());
    assert_eq!(executed(&bench), 2);
    bench.press([click]);
    assert_eq!(executed(&bench), 3);
    // A wheel moves the choice.
    end(&mut bench, 3, "", 0);
    bench.press([at(MouseEventKind::ScrollDown)]);
    assert!(bench.screen().contains("▸    2 bun"), "{}", bench.screen());
}

#[test]
fn what_never_began_is_kept_too() {
    let mut bench = Bench::new(120, 36);
    bench.found(BUN).press([key(KeyCode::F(5))]);
    let failure = Failure::new(ErrorKind::Internal, "no room\u{1b}[2J", "");
    bench.tell(Msg::Session(SessionMsg::Created { run: Some(1), result: Err(failure) }));
    focus_history(&mut bench);
    assert!(bench.screen().contains("▸    1 -"), "{}", bench.screen());
    assert!(bench.screen().contains("✗ -"), "{}", bench.screen());
}

#[test]
fn the_code_of_a_run_gives_way_to_nothing() {
    let mut bench = Bench::new(120, 36);
    bench.found(&RUNTIMES).press(typed("// mine\n")).runs(&[], 0);
    bench.press([key(KeyCode::Esc), key(KeyCode::Esc), key(KeyCode::Char('6'))]).press(typed("o"));
    assert!(bench.screen().contains("the code of run 1 is in the editor"), "{}", bench.screen());
    bench.press(typed("l"));
    let screen = bench.screen();
    assert!(screen.contains("1 // mine") && screen.contains("scratch-2.js"), "{screen}");
    // Nor to a session in another language, nor to another text.
    let info = Box::new(session("s2", Language::Python, RuntimeType::NativeProcess));
    bench.tell(Msg::Session(SessionMsg::Created { run: None, result: Ok(info) }));
    assert!(bench.screen().contains("1 // mine"), "{}", bench.screen());
    bench.press([key(KeyCode::Esc), key(KeyCode::Char('3'))]).press(typed("fn"));
    assert!(bench.screen().contains("3 of 3 texts"), "{}", bench.screen());
}
