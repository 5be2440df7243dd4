//! What the workbench does about what happens, without a terminal's loop: effects and screens.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's own machinery")]

#[path = "tui_update/bench.rs"]
mod bench;
#[path = "tui_update/connect.rs"]
mod connect;
#[path = "tui_update/editing.rs"]
mod editing;
#[path = "tui_update/files.rs"]
mod files;
#[path = "tui_update/first.rs"]
mod first;
#[path = "tui_update/history.rs"]
mod history;
#[path = "tui_update/keys.rs"]
mod keys;
#[path = "tui_update/link.rs"]
mod link;
#[path = "tui_update/look.rs"]
mod look;
#[path = "tui_update/messages.rs"]
mod messages;
#[path = "tui_update/output.rs"]
mod output;
#[path = "tui_update/panes.rs"]
mod panes;
#[path = "tui_update/presets.rs"]
mod presets;
#[path = "tui_update/race.rs"]
mod race;
#[path = "tui_update/recovered.rs"]
mod recovered;
#[path = "tui_update/run.rs"]
mod run;
#[path = "tui_update/sessions.rs"]
mod sessions;
#[path = "tui_update/terminal.rs"]
mod terminal;
mod tui_support;

use bytes::Bytes;
use codebeaker::config::Settings;
use codebeaker::protocol::*;
use codebeaker::tui::{
    BufferId, Content, Effect, FileMsg, Msg, Replace, RunMsg, RuntimeMsg, SessionMsg, Stamp,
};
use crossterm::event::{Event, KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use tui_support::{Bench, ctrl, finished, key, options, runtime, session, typed};

/// The text that the workbench opens with.
const FIRST: BufferId = BufferId(0);
const BUN: &[RuntimeType] = &[RuntimeType::Bun];

fn created(id: &str, run: Option<u32>, language: Language) -> Msg {
    let info = Box::new(session(id, language, RuntimeType::Bun));
    Msg::Session(SessionMsg::Created { run, result: Ok(info) })
}

fn executed(bench: &Bench) -> usize {
    bench.effects.iter().filter(|effect| matches!(effect, Effect::Execute { .. })).count()
}

#[test]
fn a_run_is_stopped_while_its_session_is_created() {
    let mut bench = Bench::new(80, 24);
    bench.found(BUN).press([key(KeyCode::F(5)), ctrl('c')]);
    assert!(bench.effects.contains(&Effect::CancelCreate(Some(1))));
    assert!(bench.screen().contains("! stopped  before it began"));
    // A session that comes all the same is there for the next run.
    bench.tell(created("s1", Some(1), Language::TypeScript));
    assert_eq!(executed(&bench), 0);
    bench.press([key(KeyCode::F(5))]);
    assert_eq!(executed(&bench), 1);
}

#[test]
fn a_stop_waits_for_the_run_to_have_a_name() {
    let mut bench = Bench::new(80, 24);
    bench.found(BUN).press([key(KeyCode::F(5))]).tell(created("s1", Some(1), Language::TypeScript));
    bench.press([ctrl('c')]);
    let signal = Effect::Signal(1, ExecutionId::from("e"), Signal::Int);
    assert!(!bench.effects.contains(&signal));
    bench.tell(Msg::Run(RunMsg::Accepted(1, ExecutionId::from("e"))));
    assert!(bench.effects.contains(&signal));
}

#[test]
fn another_language_gets_a_session_of_its_own_and_says_so() {
    let mut bench = Bench::new(100, 30);
    bench.found(&[RuntimeType::Bun, RuntimeType::NativeProcess]);
    bench.press(typed("x")).tell(created("py", None, Language::Python));
    bench.press([key(KeyCode::F(5))]);
    let asked = |effect: &Effect| {
        matches!(effect, Effect::CreateSession { params, run: Some(1) }
        if params.language == Language::TypeScript && params.runtime_preference == Some(RuntimePreference::Balanced))
    };
    assert!(bench.effects.iter().any(asked), "{:?}", bench.effects);
    assert!(bench.screen().contains("the chosen session is Python; creating a session for TypeScript"));
}

#[test]
fn a_session_that_fits_is_used_again() {
    let mut bench = Bench::new(100, 30);
    bench.found(BUN).press(typed("x")).tell(created("ts", None, Language::TypeScript));
    bench.tell(created("js", None, Language::JavaScript)).press([key(KeyCode::F(5))]);
    let used = |effect: &Effect| matches!(effect, Effect::Execute { session, .. } if session.0 == "ts");
    assert!(bench.effects.iter().any(used), "{:?}", bench.effects);
}

#[test]
fn what_is_known_already_is_not_drawn_again() {
    let mut bench = Bench::new(120, 36);
    bench.found(BUN).tell(created("s1", None, Language::TypeScript)).stats("s1").stats("s1");
    bench.screen();
    assert!(!bench.workbench.needs_drawing());
    bench.stats("s1");
    bench.tell(Msg::Runtime(RuntimeMsg::Known(
        RuntimeType::Bun,
        Ok(Box::new(runtime(RuntimeType::Bun, true))),
    )));
    bench.tell(Msg::Session(SessionMsg::Listed(Ok(vec![session(
        "s1",
        Language::TypeScript,
        RuntimeType::Bun,
    )]))));
    assert!(!bench.workbench.needs_drawing());
}

#[test]
fn figures_are_asked_for_one_at_a_time_and_only_where_they_show() {
    let mut bench = Bench::new(120, 36);
    let asked = |bench: &Bench| bench.effects.iter().filter(|e| matches!(e, Effect::Stats(_))).count();
    bench.tell(Msg::Tick);
    assert_eq!(asked(&bench), 0);
    bench.found(BUN).tell(created("s1", None, Language::TypeScript));
    bench.tell(Msg::Tick).tell(Msg::Tick);
    assert_eq!(asked(&bench), 1);
    bench.stats("s1").tell(Msg::Input(Event::Resize(40, 12))).tell(Msg::Tick);
    assert_eq!(asked(&bench), 1, "neither a pane nor a line for them on a small screen");
}

#[test]
fn the_mouse_chooses_panes_and_sessions() {
    let mut bench = Bench::new(120, 36);
    bench.found(BUN).tell(created("a", None, Language::TypeScript)).tell(created(
        "b",
        None,
        Language::JavaScript,
    ));
    let mouse =
        |kind, column, row| Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE });
    bench.press([mouse(MouseEventKind::Down(MouseButton::Left), 5, 2)]);
    let screen = bench.screen();
    assert!(screen.contains("> 1 Sessions") && screen.contains("▸○ ts"), "{screen}");
    bench.press([mouse(MouseEventKind::Down(MouseButton::Left), 40, 25)]);
    assert!(bench.screen().contains("> 4 Output"));
    bench.press([mouse(MouseEventKind::Down(MouseButton::Left), 33, 3)]);
    bench.press(typed("QQ"));
    assert!(bench.screen().contains("QQ"), "{}", bench.screen());
}

#[test]
fn the_wheel_leaves_and_finds_the_newest_output() {
    let mut bench = Bench::new(80, 24);
    bench.found(BUN).runs(&[(OutputStream::Stdout, &"line\n".repeat(100))], 0);
    let wheel = |kind| Event::Mouse(MouseEvent { kind, column: 40, row: 18, modifiers: KeyModifiers::NONE });
    assert!(bench.screen().contains("follow"));
    bench.press([wheel(MouseEventKind::ScrollUp)]);
    assert!(bench.screen().contains("paused"));
    bench.press([wheel(MouseEventKind::ScrollDown), wheel(MouseEventKind::ScrollDown)]);
    assert!(bench.screen().contains("follow"));
}

#[test]
fn nothing_hostile_reaches_the_screen() {
    let evil = "a\u{1b}]0;x\u{7}b\u{202e}c\u{9b}2J\u{e0041}";
    let mut bench = Bench::new(120, 36);
    let mut info = runtime(RuntimeType::Bun, false);
    info.reason = Some(evil.to_owned());
    info.fix = Some(evil.to_owned());
    bench.found(&[]).tell(Msg::Runtime(RuntimeMsg::Known(RuntimeType::Bun, Ok(Box::new(info)))));
    let first = bench.screen();
    let mut named = session(evil, Language::TypeScript, RuntimeType::Bun);
    named.name = Some(evil.to_owned());
    bench.press([key(KeyCode::Esc)]).found(BUN);
    bench.tell(Msg::Session(SessionMsg::Created { run: None, result: Ok(Box::new(named)) }));
    bench.press([key(KeyCode::F(5))]);
    bench.tell(Msg::Run(RunMsg::Output(1, vec![(OutputStream::Stderr, Bytes::from(evil))])));
    let mut result = finished(1);
    result.result = None;
    result.error = Some(evil.to_owned());
    bench.tell(Msg::Run(RunMsg::Finished(1, result)));
    let failure = Failure::new(ErrorKind::Internal, evil, evil);
    bench.tell(Msg::Session(SessionMsg::Listed(Err(failure))));
    for screen in [first, bench.screen()] {
        let bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}' || c >= '\u{e0000}';
        assert!(!screen.chars().any(bad), "{screen:?}");
    }
}

#[test]
fn own_keys_are_used_and_shown() {
    let (settings, warnings) = Settings::parse("c", "[keys]\n\"run.start\" = [\"ctrl-r\"]\n");
    assert_eq!(warnings, []);
    let mut bench = Bench::with(&codebeaker::tui::Options { settings, ..options() }, 80, 24);
    bench.found(BUN).press([key(KeyCode::F(5))]);
    assert!(bench.screen().contains("Ctrl-R run"), "{}", bench.screen());
    assert!(!bench.effects.iter().any(|effect| matches!(effect, Effect::CreateSession { .. })));
    bench.press([ctrl('r')]);
    assert!(bench.effects.iter().any(|effect| matches!(effect, Effect::CreateSession { .. })));
}

#[test]
fn bad_settings_are_told_with_their_line() {
    let (settings, warnings) = Settings::parse("config.toml", "theem = \"mono\"\n");
    let mut bench = Bench::with(&codebeaker::tui::Options { settings, warnings, ..options() }, 100, 30);
    assert!(bench.screen().contains("config.toml line 1: unknown key `theem`"), "{}", bench.screen());
}

#[test]
fn a_lost_session_is_not_run_in() {
    let mut bench = Bench::new(120, 36);
    bench.found(BUN).tell(created("s1", None, Language::TypeScript));
    let lost = SessionEvent::State {
        session_id: SessionId::from("s1"),
        state: SessionState::Lost,
        reason: Some("its process ended".to_owned()),
    };
    bench.tell(Msg::Session(SessionMsg::Told(codebeaker::engine::Told::Event(lost))));
    let screen = bench.screen();
    assert!(screen.contains("✗ ts") && screen.contains("its process ended"), "{screen}");
    bench.press([key(KeyCode::F(5))]);
    assert_eq!(executed(&bench), 0);
    assert!(bench.effects.iter().any(|effect| matches!(effect, Effect::CreateSession { run: Some(1), .. })));
}

/// On a server there are others' sessions, with others' files.
#[test]
fn nothing_is_run_in_the_session_of_somebody_else_unasked() {
    let theirs = || {
        let info = session("theirs", Language::TypeScript, RuntimeType::Bun);
        Msg::Session(SessionMsg::Listed(Ok(vec![info])))
    };
    let mut bench = Bench::new(120, 36);
    bench.found(BUN).tell(theirs()).press([key(KeyCode::F(5))]);
    assert_eq!(executed(&bench), 0);
    assert!(bench.effects.iter().any(|effect| matches!(effect, Effect::CreateSession { run: Some(1), .. })));
    // Who chooses it means it.
    let mut bench = Bench::new(120, 36);
    bench.found(BUN).tell(theirs());
    bench.press([key(KeyCode::Esc), key(KeyCode::Char('1')), key(KeyCode::Down), key(KeyCode::F(5))]);
    assert_eq!(executed(&bench), 1);
}

/// A toast speaks of letters that are commands after Esc: one Esc is enough for that.
#[test]
fn escape_ends_typing_with_the_toast_that_asks_for_it() {
    let mut bench = Bench::new(80, 24);
    bench.found(BUN).press([ctrl('c')]);
    assert!(bench.screen().contains("nothing runs"), "{}", bench.screen());
    bench.press([key(KeyCode::Esc)]).press(typed("q"));
    assert!(bench.effects.contains(&Effect::Quit), "{:?}", bench.effects);
}

#[test]
fn closing_a_session_asks_only_if_something_runs_in_it() {
    let mut bench = Bench::new(120, 36);
    bench.found(BUN).tell(created("s1", None, Language::TypeScript));
    bench.press([key(KeyCode::Esc), key(KeyCode::Char('1')), key(KeyCode::Char('x'))]);
    assert!(bench.effects.contains(&Effect::CloseSession(SessionId::from("s1"))));
    let mut bench = Bench::new(120, 36);
    bench.found(BUN).tell(created("s1", None, Language::TypeScript)).press([key(KeyCode::F(5))]);
    bench.press([key(KeyCode::Esc), key(KeyCode::Char('1')), key(KeyCode::Char('x'))]);
    assert!(!bench.effects.contains(&Effect::CloseSession(SessionId::from("s1"))));
    assert!(bench.screen().contains("Close the session?"));
    bench.press([key(KeyCode::Enter)]);
    assert!(bench.effects.contains(&Effect::CloseSession(SessionId::from("s1"))));
}

#[test]
fn escape_and_a_key_that_come_together_are_two_keys() {
    let alt = |c: char| Event::Key(crossterm::event::KeyEvent::new(KeyCode::Char(c), KeyModifiers::ALT));
    let mut bench = Bench::new(100, 30);
    bench.found(BUN).press([alt('?')]);
    assert!(bench.screen().contains("keys that work now"), "{}", bench.screen());
    // A person's own binding of Alt stays his.
    let mut options = options();
    options.settings.keys.read("keymap.toml", "[keys]\n\"run.start\" = \"alt-r\"\n");
    let mut bench = Bench::with(&options, 100, 30);
    bench.found(BUN).press([alt('r')]);
    assert!(
        bench.effects.iter().any(|effect| matches!(effect, Effect::CreateSession { .. })),
        "{:?}",
        bench.effects
    );
}

#[test]
fn text_that_no_file_has_is_not_left_without_a_question() {
    let mut bench = Bench::new(100, 30);
    bench.found(BUN).press(typed("x")).press([ctrl('q')]);
    assert!(!bench.effects.contains(&Effect::Quit));
    assert!(bench.screen().contains("has changes that are not saved"), "{}", bench.screen());
    bench.press([ctrl('q')]);
    assert!(bench.effects.contains(&Effect::Quit));
}

#[test]
fn what_is_typed_while_a_file_is_read_comes_after_it() {
    let path = std::path::PathBuf::from("/somewhere/a.py");
    let mut opened = options();
    opened.file = Some(path);
    let mut bench = Bench::with(&opened, 100, 30);
    bench.found(BUN).press(typed("x"));
    bench.tell(Msg::File(FileMsg::Read(FIRST, Ok(Some(content("y = 1\n"))))));
    assert!(bench.screen().contains("xy = 1"), "{}", bench.screen());
}

fn content(text: &str) -> Content {
    Content { text: text.to_owned(), ..Content::default() }
}

/// A bench with this file open.
fn opened(text: &str) -> Bench {
    let path = std::path::PathBuf::from("/somewhere/a.py");
    let mut bench = Bench::with(&codebeaker::tui::Options { file: Some(path), ..options() }, 100, 30);
    bench.found(BUN).tell(Msg::File(FileMsg::Read(FIRST, Ok(Some(content(text))))));
    bench
}

fn saved(bench: &Bench) -> Option<&str> {
    bench.effects.iter().rev().find_map(|effect| match effect {
        Effect::Save { text, .. } => Some(text.as_str()),
        _ => None,
    })
}

#[test]
fn a_mark_and_line_ends_are_saved_as_they_were() {
    let mut bench = opened("\u{feff}x = 1\r\ny = 2\r\n");
    bench.press(typed("# n\n")).press([key(KeyCode::F(4))]);
    assert_eq!(saved(&bench), Some("\u{feff}# n\r\nx = 1\r\ny = 2\r\n"));
}

#[test]
fn what_cannot_be_shown_is_not_replaced_unasked() {
    let mut bench = opened("a = '\u{1b}[1m'\n");
    bench.press(typed("#\n")).press([key(KeyCode::F(4))]);
    assert_eq!(saved(&bench), None);
    assert!(bench.screen().contains("1 character that can't be shown was replaced"), "{}", bench.screen());
    bench.press([key(KeyCode::Esc)]);
    assert_eq!(saved(&bench), None);
    bench.press([key(KeyCode::F(4)), key(KeyCode::Enter)]);
    assert_eq!(saved(&bench), Some("#\na = '\u{241b}[1m'\n"));
}

#[test]
fn a_second_save_waits_for_the_first() {
    let saves = |bench: &Bench| bench.effects.iter().filter(|e| matches!(e, Effect::Save { .. })).count();
    let mut bench = opened("x\n");
    bench.press(typed("a")).press([key(KeyCode::F(4))]);
    bench.press(typed("b")).press([key(KeyCode::F(4))]);
    assert_eq!(saves(&bench), 1);
    let Some(Effect::Save { path, revision, .. }) = bench.effects.last().cloned() else { panic!() };
    let stamp = Stamp { length: 3, ..Stamp::default() };
    bench.tell(Msg::File(FileMsg::Saved(FIRST, path, revision, Ok(stamp))));
    assert_eq!(saved(&bench), Some("abx\n"));
    let replaces =
        |e: &Effect| matches!(e, Effect::Save { replace, .. } if *replace == Replace::Unchanged(stamp));
    assert!(bench.effects.iter().any(replaces), "{:?}", bench.effects);
}

#[test]
fn all_of_a_line_longer_than_the_pane_can_be_read() {
    let long: String = (0..200).map(|n| format!("{n:03}_")).collect();
    let mut bench = Bench::new(80, 24);
    bench.found(BUN).runs(&[(OutputStream::Stdout, &format!("{long}\n"))], 0);
    bench.press([key(KeyCode::F(6))]);
    let screen = bench.screen();
    assert!(screen.contains("199_") && screen.contains("exit 0") && screen.contains("follow"), "{screen}");
    assert!(!screen.contains("000_"), "{screen}");
    let mut seen = screen;
    for _ in 0..12 {
        bench.press([key(KeyCode::Up)]);
        seen += &bench.screen();
    }
    // 39 numbers take two rows of 78 cells; the one between two rows is in pieces.
    let missing = (0..200).filter(|n| n % 39 != 19).find(|n| !seen.contains(&format!("{n:03}_")));
    assert_eq!(missing, None);
    bench.press([key(KeyCode::Home)]);
    let screen = bench.screen();
    assert!(screen.contains("000_") && screen.contains("$ run 1") && screen.contains("paused"), "{screen}");
    bench.press([key(KeyCode::PageDown), key(KeyCode::PageDown)]);
    assert!(bench.screen().contains("exit 0"));
    bench.press([key(KeyCode::Home), key(KeyCode::End)]);
    assert!(bench.screen().contains("199_"));
    // Cut instead of wrapped, it takes one row.
    bench.press([key(KeyCode::Char('W'))]);
    let screen = bench.screen();
    assert!(screen.contains("000_") && screen.contains("exit 0") && !screen.contains("199_"), "{screen}");
}

#[test]
fn pasted_lines_are_fed_one_by_one() {
    let mut bench = Bench::new(80, 24);
    bench.found(BUN).tell(created("s1", None, Language::TypeScript)).press([key(KeyCode::F(5))]);
    bench.tell(Msg::Run(RunMsg::Accepted(1, ExecutionId::from("e")))).tell(Msg::Run(RunMsg::Started(1)));
    bench.press([key(KeyCode::F(6)), key(KeyCode::Char('i')), key(KeyCode::Char('a'))]);
    let feed = |data: &'static str| Effect::Feed { run: 1, data: Bytes::from(data), eof: false };
    bench.press([Event::Paste("l1\r\nl2\nl3".to_owned())]);
    assert!(bench.effects.contains(&feed("al1\nl2\n")), "{:?}", bench.effects);
    let screen = bench.screen();
    assert!(screen.contains("> al1 "), "{screen}");
    assert!(screen.contains("> l2 ") && screen.contains("input > l3 "), "{screen}");
    bench.press([key(KeyCode::Enter), Event::Paste("one".to_owned())]);
    assert!(bench.effects.contains(&feed("l3\n")));
    assert!(bench.screen().contains("input > one "));
}

#[test]
fn a_run_whose_session_is_closed_was_stopped() {
    for closed_first in [true, false] {
        let mut bench = Bench::new(120, 36);
        bench.found(BUN).tell(created("4c03", None, Language::TypeScript)).press([key(KeyCode::F(5))]);
        bench.tell(Msg::Run(RunMsg::Accepted(1, ExecutionId::from("e"))));
        if closed_first {
            bench.tell(Msg::Session(SessionMsg::Closed(SessionId::from("4c03"), Ok(()))));
        }
        let mut result = finished(1);
        (result.success, result.result) = (false, None);
        let error = if closed_first { "the agent is gone" } else { "session 4c03 is closed" };
        result.error = Some(error.to_owned());
        bench.tell(Msg::Run(RunMsg::Finished(1, result)));
        let screen = bench.screen();
        assert!(screen.contains("! stopped  its session was closed "), "{screen}");
        assert!(!screen.contains("is closed") && !screen.contains("wall ?"), "{screen}");
    }
}

#[test]
fn the_key_that_quits_is_one_that_does() {
    let mut bench = Bench::new(100, 30);
    bench.found(BUN).press([ctrl('c')]);
    let screen = bench.screen();
    assert!(screen.contains("Ctrl-Q quits") && !screen.contains("q or"), "{screen}");
}

#[test]
fn a_screen_too_small_takes_no_other_keys_than_it_names() {
    let mut bench = Bench::new(29, 8);
    bench.found(BUN).press(typed("ZZ")).press([key(KeyCode::F(5)), Event::Paste("ZZ".to_owned())]);
    assert_eq!(executed(&bench), 0);
    assert!(!bench.effects.iter().any(|effect| matches!(effect, Effect::CreateSession { .. })));
    bench.terminal.backend_mut().resize(80, 24);
    bench.tell(Msg::Input(Event::Resize(80, 24)));
    let screen = bench.screen();
    assert!(screen.contains("3 Editor") && !screen.contains("ZZ"), "{screen}");
    bench.tell(Msg::Input(Event::Resize(29, 8))).press([ctrl('q')]);
    assert!(bench.effects.contains(&Effect::Quit));
}

#[test]
fn the_question_is_asked_where_there_is_no_room_for_it() {
    let mut bench = Bench::new(100, 30);
    bench.found(BUN).press(typed("x"));
    bench.press([Event::Resize(20, 6), ctrl('q')]);
    bench.terminal.backend_mut().resize(20, 6);
    assert!(bench.screen().contains("sure? ^Q again quits"), "{}", bench.screen());
}
