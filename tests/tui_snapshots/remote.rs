//! The screens that an engine elsewhere brings.

use codebeaker::engine::Link;
use codebeaker::protocol::*;
use codebeaker::tui::{ColourTier, LinkMsg, Msg, RunMsg, TerminalKind};
use crossterm::event::KeyCode;

use crate::tui_support::remote::{
    SERVER, answer, changed, down, event, look, passed, recent, refused, request, up,
};
use crate::tui_support::{Bench, key, options, session, typed};
use crate::{as_it_is, at_every_size};

fn attached(bench: &mut Bench) {
    bench.tell(changed(Link::Up(up(14))));
    bench.found(&[RuntimeType::Docker, RuntimeType::Bun]);
}

fn open_form(bench: &mut Bench) {
    bench.found(&[RuntimeType::Bun]).press([key(KeyCode::Esc), key(KeyCode::Char('c'))]);
    bench.tell(Msg::Link(LinkMsg::Recent(recent())));
}

#[test]
fn connect() {
    at_every_size("connect", |bench| {
        open_form(bench);
        bench.press(typed(SERVER)).press([key(KeyCode::Tab)]).press(typed("s3cret"));
        bench.press([key(KeyCode::F(5))]);
        let mut look = look();
        look.missing = vec!["streaming".to_owned(), "input".to_owned()];
        bench.tell(Msg::Link(LinkMsg::Looked { dial: 1, result: Ok(Box::new(look)) }));
    });
}

#[test]
fn connect_failed() {
    let mut bench = Bench::new(80, 24);
    open_form(&mut bench);
    bench.press([key(KeyCode::Tab), key(KeyCode::Tab), key(KeyCode::Down), key(KeyCode::Enter)]);
    bench.tell(Msg::Link(LinkMsg::TokenSource(
        "ws://localhost:5039".to_owned(),
        Some("CODEBEAKER_TOKEN".to_owned()),
    )));
    bench.tell(Msg::Link(LinkMsg::Reached { dial: 1, result: Err(refused()) }));
    as_it_is("connect_failed_80x24", &mut bench);
}

#[test]
fn connecting() {
    let mut bench = Bench::new(80, 24);
    open_form(&mut bench);
    bench.press(typed(SERVER)).press([key(KeyCode::Enter)]);
    as_it_is("connecting_80x24", &mut bench);
}

#[test]
fn attached_to_a_server() {
    at_every_size("attached", |bench| {
        let mut link = up(14);
        link.missing = vec!["streaming".to_owned(), "input".to_owned(), "limits per session".to_owned()];
        bench.tell(changed(Link::Up(link))).found(&[RuntimeType::Docker, RuntimeType::Bun]);
        bench.runs(&[(OutputStream::Stdout, "squares: 1 4 9 16\n")], 0).stats("s1");
    });
}

#[test]
fn link_lost() {
    at_every_size("link_lost", |bench| {
        attached(bench);
        bench.press([key(KeyCode::F(5))]);
        let info = Box::new(session("s1", Language::TypeScript, RuntimeType::Bun));
        bench.tell(Msg::Session(codebeaker::tui::SessionMsg::Created { run: Some(1), result: Ok(info) }));
        bench.tell(Msg::Run(RunMsg::Accepted(1, ExecutionId::from("e")))).tell(Msg::Run(RunMsg::Started(1)));
        let chunk = (OutputStream::Stdout, bytes::Bytes::from("reduce: 6.42ms\n"));
        bench.tell(Msg::Run(RunMsg::Output(1, vec![chunk])));
        bench.press([key(KeyCode::F(6))]);
        bench.tell(changed(Link::Down(down(1, Some(0)))));
        bench.now += std::time::Duration::from_secs(8);
        bench.tell(changed(Link::Down(down(3, Some(8)))));
        bench.now += std::time::Duration::from_secs(4);
        bench.tell(Msg::Link(LinkMsg::Second));
    });
}

#[test]
fn messages() {
    at_every_size("messages", |bench| {
        attached(bench);
        passing(bench);
        bench.press([key(KeyCode::Esc), key(KeyCode::Char('J')), key(KeyCode::Up)]);
    });
}

fn passing(bench: &mut Bench) {
    let ask = r#"{"jsonrpc":"2.0","id":7,"method":"session.create","params":{"language":"typescript"}}"#;
    let told =
        r#"{"jsonrpc":"2.0","method":"session.state","params":{"session_id":"a41f","state":"active"}}"#;
    let answered = r#"{"jsonrpc":"2.0","id":7,"result":{"session_id":"a41f","runtime":"bun","limits":[]}}"#;
    let failed = r#"{"jsonrpc":"2.0","id":8,"error":{"code":-32601,"message":"no such method"}}"#;
    bench.tell(passed(vec![request("7", "session.create", ask), event("session.state", told)]));
    bench.tell(passed(vec![answer("7", "session.create", true, answered), answer("8", "", false, failed)]));
}

#[test]
fn messages_read() {
    let mut bench = Bench::new(80, 24);
    attached(&mut bench);
    passing(&mut bench);
    bench.press([key(KeyCode::Esc), key(KeyCode::Char('J')), key(KeyCode::Up), key(KeyCode::Enter)]);
    as_it_is("message_read_80x24", &mut bench);
}

#[test]
fn messages_of_no_wire() {
    let mut bench = Bench::new(80, 24);
    bench.found(&[RuntimeType::Bun]).press([key(KeyCode::Esc), key(KeyCode::Char('J'))]);
    as_it_is("messages_local_80x24", &mut bench);
}

#[test]
fn nothing_but_ascii_where_nothing_else_can_be_shown() {
    let mut given = options();
    given.terminal = TerminalKind { colours: ColourTier::Ansi, unicode: false };
    let mut bench = Bench::with(&given, 80, 24);
    open_form(&mut bench);
    bench.press(typed(SERVER)).press([key(KeyCode::Tab)]).press(typed("s3cret"));
    let form = bench.screen();
    bench.press([key(KeyCode::Esc)]);
    attached(&mut bench);
    passing(&mut bench);
    let up = bench.press([key(KeyCode::Char('J'))]).screen();
    let down = bench.tell(changed(Link::Down(down(2, Some(4))))).screen();
    for screen in [form, up, down] {
        assert!(screen.is_ascii(), "{screen}");
    }
}
