//! The screen of messages.

use codebeaker::engine::{Frame, Link};
use codebeaker::tui::{Copied, Effect, LinkMsg, Msg, OutputMsg};
use crossterm::event::{Event, KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use crate::tui_support::remote::{answer, changed, event, passed, request, up};
use crate::tui_support::{Bench, key, typed};

fn open(width: u16, height: u16) -> Bench {
    let mut bench = Bench::new(width, height);
    bench.tell(changed(Link::Up(up(14)))).press([key(KeyCode::Esc), key(KeyCode::Char('J'))]);
    bench
}

fn sent(size: usize) -> Msg {
    Msg::Output(OutputMsg::Copied { size, how: Copied::Sent })
}

fn asked(n: usize) -> Frame {
    request(&n.to_string(), "session.stats", &format!("{{\"id\":{n}}}"))
}

#[test]
fn messages_are_listed_with_what_they_are() {
    let mut bench = open(80, 24);
    bench.tell(passed(vec![request("7", "session.list", "{}"), answer("7", "session.list", true, "{}")]));
    bench.tell(passed(vec![event("session.state", "{}"), answer("8", "", false, "{}")]));
    let screen = bench.screen();
    for row in
        ["→ request  session.list", "← answer   session.list", "← event    session.state", "← error    ?"]
    {
        assert!(screen.contains(row), "{row} in\n{screen}");
    }
    assert!(
        screen.contains("14.2 ms") && screen.contains("2 B") && screen.contains("4 messages"),
        "{screen}"
    );
}

#[test]
fn nothing_is_drawn_for_messages_that_nobody_sees() {
    let mut bench = open(80, 24);
    bench.press([key(KeyCode::Esc)]).screen();
    bench.tell(passed(vec![asked(1)]));
    assert!(!bench.workbench.needs_drawing());
    bench.press([key(KeyCode::Char('J'))]);
    assert!(bench.screen().contains("1 message "), "{}", bench.screen());
}

#[test]
fn a_flood_is_bounded() {
    let mut bench = open(80, 24);
    for n in 0..12 {
        bench.tell(passed((n * 100..(n + 1) * 100).map(asked).collect()));
    }
    bench.tell(Msg::Link(LinkMsg::Passed { frames: Vec::new(), missed: 5 }));
    let screen = bench.screen();
    assert!(screen.contains("205 more not kept | follow ▼ 1000 messages"), "{screen}");
    assert!(screen.contains(" 1199 "), "{screen}");
}

#[test]
fn a_paused_list_stands_still() {
    let mut bench = open(80, 24);
    bench.tell(passed((0..50).map(asked).collect())).press([key(KeyCode::Char('p'))]);
    let before = bench.screen();
    assert!(before.contains("paused") && before.contains(" 49 "), "{before}");
    bench.tell(passed((50..60).map(asked).collect()));
    let after = bench.screen();
    assert!(after.contains(" 49 ") && !after.contains(" 59 ") && after.contains("60 messages"), "{after}");
    bench.press([key(KeyCode::Char(' '))]);
    assert!(bench.screen().contains(" 59 "), "{}", bench.screen());
    bench.press([key(KeyCode::Home)]);
    assert!(bench.screen().contains("▸") && bench.screen().contains(" 0 "), "{}", bench.screen());
    bench.press([key(KeyCode::End)]);
    assert!(bench.screen().contains("follow"), "{}", bench.screen());
}

#[test]
fn a_filter_shows_what_holds_its_text() {
    let mut bench = open(80, 24);
    bench.tell(passed((0..50).map(asked).collect()));
    bench.tell(passed(vec![event("session.state", "{\"state\":\"Lost\"}"), answer("8", "x.y", false, "{}")]));
    // q types a q here.
    bench.press(typed("/lostq")).press([key(KeyCode::Backspace)]);
    let screen = bench.screen();
    assert!(screen.contains("session.state") && !screen.contains("session.stats"), "{screen}");
    assert!(screen.contains("/ lost") && screen.contains("FILTER  Enter keep   Esc all"), "{screen}");
    bench.press([key(KeyCode::Enter), key(KeyCode::Char('/'))]).press(vec![key(KeyCode::Backspace); 4]);
    bench.press([Event::Paste("error".to_owned())]);
    assert!(bench.screen().contains("x.y"), "{}", bench.screen());
    bench.press(typed("s"));
    assert!(bench.screen().contains("no message holds errors: Esc shows all"), "{}", bench.screen());
    bench.press([key(KeyCode::Esc)]);
    assert!(bench.screen().contains("session.stats"), "{}", bench.screen());
    bench.press([key(KeyCode::Esc)]);
    assert!(bench.screen().contains("3 Editor"), "{}", bench.screen());
}

#[test]
fn a_message_is_read_and_scrolled() {
    let list: Vec<String> = (0..40).map(|n| format!("\"line {n}\"")).collect();
    let text = format!("{{\"list\":[{}]}}", list.join(","));
    let mut bench = open(80, 24);
    bench.tell(passed(vec![event("long", &text)])).press([key(KeyCode::Enter)]);
    let screen = bench.screen();
    assert!(
        screen.contains("> long") && screen.contains("    \"line 0\",") && screen.contains("44 lines"),
        "{screen}"
    );
    // What comes after it does not take its place.
    bench.tell(passed(vec![asked(1)])).press([key(KeyCode::End)]);
    let screen = bench.screen();
    assert!(screen.contains("\"line 39\"") && !screen.contains("\"line 0\""), "{screen}");
    bench.press([key(KeyCode::Up)]);
    bench.press(vec![key(KeyCode::PageUp); 9]);
    assert!(bench.screen().contains("\"line 0\""), "{}", bench.screen());
    bench.press([key(KeyCode::Esc)]);
    assert!(bench.screen().contains("> Messages"), "{}", bench.screen());
}

#[test]
fn a_message_is_copied_as_it_passed() {
    let mut bench = open(80, 24);
    bench.press([key(KeyCode::Char('y'))]);
    assert!(bench.screen().contains("there is no message to copy"), "{}", bench.screen());
    let text = "{\"jsonrpc\":\"2.0\",  \"id\":1}";
    bench.tell(passed(vec![request("1", "a", text)])).press([key(KeyCode::Char('y'))]);
    assert!(bench.effects.contains(&Effect::Copy(text.to_owned())), "{:?}", bench.effects);
    bench.tell(sent(26));
    let screen = bench.screen();
    assert!(screen.contains("the message (26 B) sent to the terminal's clipboard"), "{screen}");
    // What is not kept can't be copied, and that is said.
    let long = Frame { bytes: 200_000, ..request("2", "b", text) };
    bench.tell(passed(vec![long])).press([key(KeyCode::Char('y'))]);
    bench.tell(sent(26));
    assert!(bench.screen().contains("whose rest is not kept"), "{}", bench.screen());
}

#[test]
fn nothing_hostile_in_a_message_reaches_the_screen() {
    let evil = "a\u{1b}]0;x\u{7}b\u{202e}c\u{9b}2J\u{e0041}\n";
    let mut bench = open(120, 36);
    bench.tell(passed(vec![request(evil, evil, evil), event(&"m".repeat(100_000), evil)]));
    for _ in 0..2 {
        let screen = bench.press([key(KeyCode::Up)]).screen();
        let bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}' || c >= '\u{e0000}';
        assert!(!screen.chars().any(bad), "{screen:?}");
    }
    bench.press([key(KeyCode::Char('y'))]);
    let copied = bench.effects.iter().any(|e| matches!(e, Effect::Copy(text) if text.contains('\u{1b}')));
    assert!(!copied, "{:?}", bench.effects);
}

#[test]
fn the_mouse_chooses_a_message() {
    let mut bench = open(80, 24);
    bench.tell(passed((0..9).map(asked).collect()));
    let mouse = |kind, row| Event::Mouse(MouseEvent { kind, column: 20, row, modifiers: KeyModifiers::NONE });
    bench.press([mouse(MouseEventKind::Down(MouseButton::Left), 5), key(KeyCode::Char('y'))]);
    assert!(bench.effects.contains(&Effect::Copy("{\"id\":2}".to_owned())), "{:?}", bench.effects);
    bench.press([mouse(MouseEventKind::ScrollUp, 5), key(KeyCode::Char('y'))]);
    assert!(bench.effects.contains(&Effect::Copy("{\"id\":1}".to_owned())), "{:?}", bench.effects);
    // Below the last one is nothing to choose.
    bench.press([mouse(MouseEventKind::Down(MouseButton::Left), 15), key(KeyCode::Char('y'))]);
    assert_eq!(bench.effects.last(), Some(&Effect::Copy("{\"id\":1}".to_owned())));
}
