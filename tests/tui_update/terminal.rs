//! Runs in a terminal: whose the keys are, what is seen, and what is left of it.

use bytes::Bytes;
use codebeaker::engine::{Link, LinkDown};
use codebeaker::protocol::*;
use codebeaker::tui::{Effect, LinkMsg, Msg, RunMsg, SessionMsg};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::tui_support::{Bench, RUNTIMES, ctrl, finished, key, session, typed};

/// Python that runs in a terminal, in a workbench of this size.
fn running(width: u16, height: u16) -> Bench {
    let mut bench = Bench::new(width, height);
    bench.found(&RUNTIMES).press([key(KeyCode::Esc)]).press(typed("ll")).press([key(KeyCode::F(7))]);
    let info = session("s1", Language::Python, RuntimeType::NativeProcess);
    bench.tell(Msg::Session(SessionMsg::Created { run: Some(1), result: Ok(Box::new(info)) }));
    bench.tell(Msg::Run(RunMsg::Accepted(1, ExecutionId::from("e"))));
    bench.tell(Msg::Run(RunMsg::Started(1)));
    bench
}

fn writes(bench: &mut Bench, text: &str) {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    bench.tell(Msg::Run(RunMsg::Output(1, vec![(OutputStream::Stdout, bytes)])));
}

/// All that the program was given to read.
fn fed(bench: &Bench) -> String {
    let data = bench.effects.iter().filter_map(|effect| match effect {
        Effect::Feed { run: 1, data, eof: false } => Some(data.to_vec()),
        _ => None,
    });
    String::from_utf8(data.collect::<Vec<_>>().concat()).unwrap()
}

fn asked(bench: &Bench) -> Option<PtySize> {
    bench.effects.iter().rev().find_map(|effect| match effect {
        Effect::Execute { pty, .. } => *pty,
        _ => None,
    })
}

/// The sizes that the program was told, after the first.
fn told(bench: &Bench) -> Vec<(u16, u16)> {
    let sizes = bench.effects.iter().filter_map(|effect| match effect {
        Effect::Resize { run: 1, rows, cols } => Some((*rows, *cols)),
        _ => None,
    });
    sizes.collect()
}

#[test]
fn keys_go_to_the_program_until_one_that_is_ours() {
    let mut bench = running(120, 36);
    let size = asked(&bench).unwrap();
    writes(&mut bench, "name? ");
    let screen = bench.screen();
    assert!(screen.contains("name?") && screen.contains("TERMINAL"), "{screen}");
    assert!(screen.contains(&format!("terminal {}x{}", size.cols, size.rows)), "{screen}");
    assert!(screen.contains("keys go to it   F6 leaves"), "{screen}");
    let alt = Event::Key(KeyEvent::new(KeyCode::Char('x'), KeyModifiers::ALT));
    bench.press(typed("qD3 /")).press([key(KeyCode::Esc), key(KeyCode::Tab), key(KeyCode::Up), alt]);
    bench.press([ctrl('c'), ctrl('d'), key(KeyCode::Enter), Event::Paste("a\nb\x1b".to_owned())]);
    assert_eq!(fed(&bench), "qD3 /\x1b\t\x1b[A\x1bx\x03\x04\ra\rb");
    // Arrows and pastes as the program wants them.
    writes(&mut bench, "\x1b[?1h\x1b[?2004h");
    bench.press([key(KeyCode::Up), Event::Paste("p".to_owned())]);
    assert!(fed(&bench).ends_with("\x1bOA\x1b[200~p\x1b[201~"));
    // A function key that means nothing here is the program's.
    let before = fed(&bench);
    bench.press([key(KeyCode::F(10))]);
    assert_eq!(fed(&bench), format!("{before}\x1b[21~"));
    bench.press([key(KeyCode::F(6))]);
    let after = fed(&bench);
    bench.press(typed("k")).press([ctrl('c')]);
    assert_eq!(fed(&bench), after, "keys of another pane are not the program's");
    assert!(matches!(bench.effects.last(), Some(Effect::Signal(1, _, Signal::Int))));
}

#[test]
fn what_it_asks_its_terminal_is_answered() {
    let mut bench = running(120, 36);
    writes(&mut bench, "\x1b[3;5H\x1b[6n");
    assert_eq!(fed(&bench), "\x1b[3;5R");
}

#[test]
fn the_pane_and_the_terminal_have_one_size() {
    let mut bench = running(120, 36);
    let before = asked(&bench).unwrap();
    assert_eq!(told(&bench), []);
    bench.terminal.backend_mut().resize(140, 40);
    bench.tell(Msg::Input(Event::Resize(140, 40)));
    let sizes = told(&bench);
    assert_eq!(sizes.len(), 1);
    assert!(sizes[0].0 > before.rows && sizes[0].1 > before.cols, "{sizes:?}");
    // Where the pane is not seen its program is left alone.
    bench.terminal.backend_mut().resize(20, 6);
    bench.tell(Msg::Input(Event::Resize(20, 6)));
    assert_eq!(told(&bench).len(), 1);
    for (width, height) in [(40, 12), (80, 24)] {
        bench.terminal.backend_mut().resize(width, height);
        bench.tell(Msg::Input(Event::Resize(width, height)));
        let screen = bench.screen();
        let (rows, columns) = *told(&bench).last().unwrap();
        assert!(screen.contains("keys go to it") && rows < height && columns <= width, "{screen}");
    }
}

#[test]
fn its_last_screen_is_left_in_the_output() {
    let mut bench = running(120, 36);
    writes(
        &mut bench,
        "begin\r\n\x1b[?1049h\x1b[2J\x1b[5;5Hchoices\x1b[?1049l\x1b[31mend\x1b[m\x1b]0;title\x07",
    );
    assert!(!bench.screen().contains("choices"));
    bench.tell(Msg::Run(RunMsg::Finished(1, finished(0))));
    let screen = bench.screen();
    assert!(screen.contains("$ run 1") && screen.contains("  terminal"), "{screen}");
    assert!(screen.contains("begin") && screen.contains("end") && screen.contains("exit 0"), "{screen}");
    assert!(
        screen.contains("OUTPUT") && !screen.contains("title") && !screen.contains("choices"),
        "{screen}"
    );
    // Run again, it has a terminal again.
    bench.effects.clear();
    bench.press(typed("."));
    assert!(asked(&bench).is_some());
}

#[test]
fn who_has_it_to_himself_leaves_what_was_seen_last() {
    let mut bench = running(120, 36);
    writes(&mut bench, "\x1b[?1049h\x1b[2J\x1b[2;3Hhalf done");
    assert!(bench.screen().contains("full screen | terminal"));
    bench.tell(Msg::Run(RunMsg::Finished(1, finished(130))));
    assert!(bench.screen().contains("  half done"));
}

#[test]
fn the_mouse_only_gives_it_the_keys() {
    let mut bench = running(120, 36);
    writes(&mut bench, "word word");
    bench.press([key(KeyCode::F(6))]);
    let row = bench.screen().lines().position(|line| line.contains("word word")).unwrap();
    let column = bench.screen().lines().nth(row).unwrap().chars().position(|c| c == 'w').unwrap();
    let (row, column) = (u16::try_from(row).unwrap(), u16::try_from(column).unwrap());
    let mouse = |kind| Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE });
    let left = MouseButton::Left;
    bench
        .press([MouseEventKind::Down(left), MouseEventKind::Drag(left), MouseEventKind::Up(left)].map(mouse));
    bench.press([mouse(MouseEventKind::ScrollUp)]).press(typed("y"));
    assert_eq!(fed(&bench), "y");
    assert!(!bench.effects.iter().any(|effect| matches!(effect, Effect::Copy(_))));
}

#[test]
fn a_program_that_asks_for_the_mouse_is_told_of_it() {
    let mut bench = running(120, 36);
    writes(&mut bench, "\x1b[?1000h\x1b[?1006hhere");
    let screen = bench.screen();
    let row = screen.lines().position(|line| line.contains("here")).unwrap();
    let column = screen.lines().nth(row).unwrap().find("here").unwrap();
    let column = screen.lines().nth(row).unwrap()[..column].chars().count();
    let (row, column) = (u16::try_from(row).unwrap(), u16::try_from(column).unwrap());
    let mouse = |kind, row| Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE });
    let (down, up) = (MouseEventKind::Down(MouseButton::Left), MouseEventKind::Up(MouseButton::Left));
    bench.press([mouse(down, row), mouse(up, row), mouse(MouseEventKind::ScrollUp, row + 2)]);
    assert_eq!(fed(&bench), "\x1b[<0;1;1M\x1b[<0;1;1m\x1b[<64;1;3M");
    let (rows, _) = asked(&bench).map(|size| (size.rows, size.cols)).unwrap();
    bench.press([mouse(down, row + rows), key(KeyCode::F(6)), mouse(down, row)]);
    assert!(fed(&bench).ends_with("64;1;3M"), "neither the line below nor the click that gives the keys");
}

#[test]
fn while_the_link_is_down_nothing_is_sent() {
    let mut bench = running(120, 36);
    let down = LinkDown { server: "ws://far".into(), reason: "gone".into(), attempt: 1, wait: None };
    bench.tell(Msg::Link(LinkMsg::Changed(Link::Down(down))));
    bench.press(typed("x"));
    assert_eq!(fed(&bench), "");
}

#[test]
fn hostile_sequences_stay_in_its_screen() {
    let mut bench = running(80, 24);
    let hostile = "\x1b]52;c;aGk=\x07\x1b]0;evil\x07\x1b[?1003h\x1bc\x07\u{202e}ab\u{9b}31m\x1bPq\x1b\\\x1b[8;2;2t\x1b[999;999Hz";
    writes(&mut bench, hostile);
    let screen = bench.screen();
    assert!(screen.contains("ab") && screen.contains('z') && !screen.contains("evil"), "{screen}");
    assert!(!screen.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}')), "{screen:?}");
    assert_eq!(told(&bench), []);
}

#[test]
fn from_another_pane_the_way_to_its_keys_is_named() {
    let mut bench = running(120, 36);
    bench.press([key(KeyCode::F(6))]);
    let screen = bench.screen();
    assert!(screen.contains("Ctrl-C stop   4 or a click gives it the keys"), "{screen}");
    bench.press([key(KeyCode::Char('4'))]);
    assert!(bench.screen().contains("keys go to it"), "{}", bench.screen());
}
