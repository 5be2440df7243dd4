//! The output pane: blocks, one folded, what is found, what is selected.

use bytes::Bytes;
use codebeaker::protocol::*;
use codebeaker::tui::{ColourTier, Msg, RunMsg};
use crossterm::event::KeyCode;

use super::{as_it_is, at_every_size, snapshot};
use crate::tui_support::{Bench, finished, key, options, typed};

/// Two runs, the first one folded; then what is found in the second.
fn blocks(bench: &mut Bench) {
    bench.found(&[RuntimeType::Bun]).runs(&[(OutputStream::Stdout, "one\ntwo\n")], 1);
    bench.press([key(KeyCode::F(5))]);
    bench.tell(Msg::Run(RunMsg::Accepted(2, ExecutionId::from("e"))));
    let text = "\u{1b}[32mpassed\u{1b}[0m 11\nfailed 1: Error in f\nfailed 2: error in g\n";
    let chunk = (OutputStream::Stdout, Bytes::from(text));
    bench.tell(Msg::Run(RunMsg::Output(2, vec![chunk])));
    bench.tell(Msg::Run(RunMsg::Finished(2, finished(0))));
    bench.press([key(KeyCode::F(6))]).press(typed("[[\n]")).press(typed("/error\n"));
}

#[test]
fn blocks_and_what_is_found() {
    at_every_size("output_found", blocks);
}

#[test]
fn a_filter_being_typed() {
    let mut bench = Bench::new(80, 24);
    blocks(&mut bench);
    bench.press([key(KeyCode::Esc)]).press(typed("&failed"));
    as_it_is("output_filter_80x24", &mut bench);
}

#[test]
fn what_is_selected_is_seen_without_colour() {
    let mut given = options();
    given.terminal.colours = ColourTier::Mono;
    let mut bench = Bench::with(&given, 80, 24);
    blocks(&mut bench);
    bench.press([key(KeyCode::Esc)]).press(typed("vj"));
    bench.screen();
    snapshot("output_selected_mono_80x24", &super::colours(&bench));
}
