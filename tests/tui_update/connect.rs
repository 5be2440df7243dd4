//! The form for another engine.

use codebeaker::engine::{Link, Target, Token};
use codebeaker::protocol::RuntimeType;
use codebeaker::tui::{Effect, LinkMsg, Msg, Reached};
use crossterm::event::{Event, KeyCode};

use crate::tui_support::remote::{SERVER, look, recent, refused, up};
use crate::tui_support::{Bench, RUNTIMES, key, typed};

fn open() -> Bench {
    let mut bench = Bench::new(80, 24);
    bench.found(&[RuntimeType::Bun]).press([key(KeyCode::Esc), key(KeyCode::Char('c'))]);
    assert!(bench.effects.contains(&Effect::Recent));
    bench.tell(Msg::Link(LinkMsg::Recent(recent())));
    bench
}

fn target(address: &str, token: Option<&str>) -> Target {
    Target { address: address.to_owned(), token: token.map(Token::new) }
}

fn dialled(bench: &Bench, dial: u32, to: Target) -> bool {
    bench.effects.contains(&Effect::Dial { dial, target: Some(to) })
}

#[test]
fn a_server_is_attached_to_with_what_was_typed() {
    let mut bench = open();
    bench.press(typed(SERVER)).press([key(KeyCode::Tab)]).press(typed("s3cret")).press([key(KeyCode::Enter)]);
    assert!(dialled(&bench, 1, target(SERVER, Some("s3cret"))), "{:?}", bench.effects);
    assert!(bench.screen().contains("● connecting to wss://lab.example.org"), "{}", bench.screen());
    let reached = Reached { runtimes: RUNTIMES.to_vec(), link: Link::Up(up(14)) };
    bench.tell(Msg::Link(LinkMsg::Reached { dial: 1, result: Ok(reached) }));
    assert!(bench.effects.contains(&Effect::Switch(1)));
    let screen = bench.screen();
    assert!(!screen.contains("> Connect") && screen.contains("wss://lab.example.org ✓ 14 ms"), "{screen}");
}

#[test]
fn a_token_is_shown_only_when_asked() {
    let mut bench = open();
    bench.press(typed(SERVER)).press([key(KeyCode::Tab)]).press(typed("s3cret"));
    let screen = bench.screen();
    assert!(
        !screen.contains("s3cret") && screen.contains("••••••") && screen.contains("F3 show"),
        "{screen}"
    );
    bench.press([key(KeyCode::F(3))]);
    let screen = bench.screen();
    assert!(screen.contains("s3cret") && screen.contains("F3 hide"), "{screen}");
    bench.press([key(KeyCode::F(3))]);
    assert!(!bench.screen().contains("s3cret"));
    // Nor is it in what is done, as it would be logged.
    bench.press([key(KeyCode::F(5)), key(KeyCode::Enter)]);
    assert!(!format!("{:?} {:?}", bench.effects, bench.workbench).contains("s3cret"));
}

#[test]
fn where_a_token_comes_from_is_said_while_none_is_typed() {
    let mut bench = open();
    bench.press(typed("ws://b"));
    assert!(bench.effects.contains(&Effect::TokenSource("ws://b".to_owned())));
    let from = |address: &str| {
        Msg::Link(LinkMsg::TokenSource(address.to_owned(), Some("CODEBEAKER_TOKEN".to_owned())))
    };
    bench.tell(from("ws://"));
    assert!(!bench.screen().contains("CODEBEAKER_TOKEN"), "that was another address");
    bench.tell(from("ws://b"));
    assert!(bench.screen().contains("from: CODEBEAKER_TOKEN"), "{}", bench.screen());
    bench.press([key(KeyCode::Enter)]);
    assert!(dialled(&bench, 1, target("ws://b", None)), "{:?}", bench.effects);
}

#[test]
fn a_failure_is_told_in_the_form_and_nothing_is_lost() {
    let mut bench = open();
    bench.press(typed(SERVER)).press([key(KeyCode::Tab)]).press(typed("wrong")).press([key(KeyCode::Enter)]);
    bench.tell(Msg::Link(LinkMsg::Reached { dial: 1, result: Err(refused()) }));
    let screen = bench.screen();
    assert!(
        screen.contains("can't be reached: tcp: connection") && screen.contains("codebeaker serve"),
        "{screen}"
    );
    assert!(screen.contains(SERVER) && screen.contains("•••••"), "{screen}");
    assert!(!bench.effects.contains(&Effect::Switch(1)));
    // Another try with a longer token.
    bench.press(typed("er")).press([key(KeyCode::Enter)]);
    assert!(dialled(&bench, 2, target(SERVER, Some("wronger"))), "{:?}", bench.effects);
}

#[test]
fn escape_gives_up_the_attempt_and_then_the_form() {
    let mut bench = open();
    bench.press(typed(SERVER)).press([key(KeyCode::Enter)]);
    // What is being tried is not changed meanwhile.
    bench.press(typed("x")).press([key(KeyCode::Esc)]);
    assert!(bench.effects.contains(&Effect::HangUp));
    let screen = bench.screen();
    assert!(screen.contains("> Connect") && !screen.contains("● connecting"), "{screen}");
    assert!(screen.contains("wss://lab.example.org   "), "{screen}");
    // An answer that was under way is none.
    let reached = Reached { runtimes: RUNTIMES.to_vec(), link: Link::Up(up(14)) };
    bench.tell(Msg::Link(LinkMsg::Reached { dial: 1, result: Ok(reached) }));
    assert!(!bench.effects.contains(&Effect::Switch(1)));
    bench.press([key(KeyCode::Esc)]);
    assert!(!bench.screen().contains("> Connect"), "{}", bench.screen());
}

#[test]
fn a_recent_server_is_chosen_with_arrows() {
    let mut bench = open();
    bench.press([key(KeyCode::Down), key(KeyCode::Down), key(KeyCode::Down), key(KeyCode::Up)]);
    bench.press([key(KeyCode::Down), key(KeyCode::Enter)]);
    assert!(dialled(&bench, 1, target("ws://localhost:5039", None)), "{:?}", bench.effects);
}

/// To look at other servers changes nothing of what is typed, and hands no token to them.
#[test]
fn a_token_that_was_typed_goes_to_nobody_else() {
    let mut bench = open();
    bench.press(typed(SERVER)).press([key(KeyCode::Tab)]).press(typed("s3cret"));
    bench.press([key(KeyCode::Down), key(KeyCode::Down)]);
    assert!(bench.screen().contains(&format!("[ {SERVER}")), "{}", bench.screen());
    bench.press([key(KeyCode::F(5))]);
    let asked = Effect::Look { dial: 1, target: target("ws://localhost:5039", None) };
    assert!(bench.effects.contains(&asked), "{:?}", bench.effects);
    assert!(!bench.screen().contains("•••"), "{}", bench.screen());
}

#[test]
fn a_test_leaves_the_engine_as_it_is() {
    let mut bench = open();
    bench.press(typed("ws://t")).press([key(KeyCode::F(5))]);
    let asked = Effect::Look { dial: 1, target: target("ws://t", None) };
    assert!(bench.effects.contains(&asked), "{:?}", bench.effects);
    assert!(bench.screen().contains("● testing ws://t"), "{}", bench.screen());
    bench.tell(Msg::Link(LinkMsg::Looked { dial: 1, result: Ok(Box::new(look())) }));
    let screen = bench.screen();
    assert!(screen.contains("✓ codebeaker 0.1.0, 14 ms, 3 sessions"), "{screen}");
    assert!(screen.contains("✓ verified, for lab.example.org until 2027-03-01"), "{screen}");
    // What is typed since was not tested.
    bench.press(typed("x"));
    assert!(!bench.screen().contains("3 sessions"), "{}", bench.screen());
    // Where letters aren't text, t does it too.
    bench.press([key(KeyCode::BackTab)]).press(typed("t"));
    assert!(bench.effects.contains(&Effect::Look { dial: 2, target: target("ws://tx", None) }));
    bench.tell(Msg::Link(LinkMsg::Looked { dial: 1, result: Ok(Box::new(look())) }));
    assert!(!bench.screen().contains("3 sessions"), "that was the test before");
    bench.tell(Msg::Link(LinkMsg::Looked { dial: 2, result: Err(refused()) }));
    assert!(bench.screen().contains("can't be reached"), "{}", bench.screen());
}

#[test]
fn text_is_pasted_into_the_field_that_has_the_focus() {
    let mut bench = open();
    bench.press([
        Event::Paste(format!("{SERVER}\n")),
        key(KeyCode::Tab),
        Event::Paste("s3cret\n".to_owned()),
    ]);
    assert!(!bench.screen().contains("s3cret"), "{}", bench.screen());
    bench.press([key(KeyCode::Enter)]);
    assert!(dialled(&bench, 1, target(SERVER, Some("s3cret"))), "{:?}", bench.effects);
}

#[test]
fn without_an_address_there_is_nothing_to_connect_to() {
    let mut bench = open();
    bench.press([key(KeyCode::Enter)]);
    assert!(bench.screen().contains("there is no address yet"), "{}", bench.screen());
    bench.press([key(KeyCode::Up), key(KeyCode::Char(' ')), key(KeyCode::Enter)]);
    let screen = bench.screen();
    assert!(screen.contains("you work locally already"), "{screen}");
    assert!(!bench.effects.iter().any(|effect| matches!(effect, Effect::Dial { .. })));
}
