//! The sessions, what they use, and the runs that were.

use codebeaker::protocol::*;
use codebeaker::tui::{ColourTier, Msg, RunMsg, SessionMsg, TerminalKind};
use crossterm::event::KeyCode;

use crate::tui_support::{Bench, finished, key, options, session, typed};
use crate::{as_it_is, at_every_size};

/// A run in the session that fits.
fn run(bench: &mut Bench, number: u32, output: &str, exit: i32) {
    bench.press([key(KeyCode::F(5))]).tell(Msg::Run(RunMsg::Accepted(number, ExecutionId::from("e"))));
    bench.tell(Msg::Run(RunMsg::Started(number)));
    let output = bytes::Bytes::copy_from_slice(output.as_bytes());
    bench.tell(Msg::Run(RunMsg::Output(number, vec![(OutputStream::Stdout, output)])));
    bench.tell(Msg::Run(RunMsg::Finished(number, finished(exit))));
}

fn several_runs(bench: &mut Bench) {
    bench.found(&[RuntimeType::Bun, RuntimeType::NativeProcess]);
    bench.runs(&[(OutputStream::Stdout, "a\nb\nc\n")], 0).stats("s1");
    run(bench, 2, "a\nB\nc\n", 1);
    run(bench, 3, "a\nb\nc\nd\n", 130);
    bench.press([key(KeyCode::F(5))]).tell(Msg::Run(RunMsg::Started(4)));
    bench.press([key(KeyCode::Esc)]);
}

#[test]
fn history() {
    at_every_size("history", |bench| {
        several_runs(bench);
        bench.press([key(KeyCode::Char('6')), key(KeyCode::Down)]);
    });
}
