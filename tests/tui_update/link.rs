//! The link to an engine elsewhere: lost, counted, tried again, back; and the change to another engine.

use std::time::Duration;

use bytes::Bytes;
use codebeaker::engine::{Link, LinkUp};
use codebeaker::protocol::*;
use codebeaker::tui::{Effect, LinkMsg, Msg, Reached, RunMsg, RuntimeMsg, SessionMsg};
use crossterm::event::{Event, KeyCode};

use crate::created;
use crate::tui_support::remote::{SERVER, changed, down, up};
use crate::tui_support::{Bench, RUNTIMES, ctrl, finished, key, runtime, typed};

const BUN: &[RuntimeType] = &[RuntimeType::Bun];

fn attached(width: u16, height: u16) -> Bench {
    let mut bench = Bench::new(width, height);
    bench.tell(changed(Link::Up(up(14)))).found(BUN);
    bench
}

/// A run that goes on there, and what it has written.
fn running(bench: &mut Bench) {
    bench.press([key(KeyCode::F(5))]).tell(created("s1", Some(1), Language::TypeScript));
    bench.tell(Msg::Run(RunMsg::Accepted(1, ExecutionId::from("e")))).tell(Msg::Run(RunMsg::Started(1)));
    bench.tell(Msg::Run(RunMsg::Output(1, vec![(OutputStream::Stdout, Bytes::from("half "))])));
}

fn seconds_pass(bench: &mut Bench, seconds: u64) {
    bench.now += Duration::from_secs(seconds);
    bench.tell(Msg::Link(LinkMsg::Second));
}

pub(super) fn reached(bench: &mut Bench, link: Link) {
    let dial = bench.effects.iter().rev().find_map(|effect| match effect {
        Effect::Dial { dial, .. } => Some(*dial),
        _ => None,
    });
    let reached = Reached { runtimes: RUNTIMES.to_vec(), link };
    bench.tell(Msg::Link(LinkMsg::Reached { dial: dial.unwrap_or_default(), result: Ok(reached) }));
}

#[test]
fn the_top_line_says_where_code_runs_and_how_fast_it_answers() {
    for (width, height) in [(120, 36), (80, 24)] {
        let mut bench = attached(width, height);
        assert!(bench.screen().contains("wss://lab.example.org ✓ 14 ms"), "{}", bench.screen());
        // Less than a millisecond of difference is no news.
        let mut same = up(14);
        same.round_trip = Some(Duration::from_micros(14_900));
        bench.tell(changed(Link::Up(same)));
        assert!(!bench.workbench.needs_drawing());
        bench.tell(changed(Link::Up(up(0))));
        assert!(bench.screen().contains("wss://lab.example.org ✓ <1 ms"), "{}", bench.screen());
    }
}

#[test]
fn a_long_address_is_cut_and_not_left_out() {
    let server = format!("wss://{}.example.org:5039", "x".repeat(60));
    for width in [72, 80, 120] {
        let mut bench = attached(width, 36);
        bench.tell(changed(Link::Up(LinkUp { server: server.clone(), ..up(14) })));
        let screen = bench.screen();
        assert!(screen.contains("wss://xxxxxxxxxxxx") && screen.contains("✓ 14 ms"), "{screen}");
    }
}

#[test]
fn what_could_not_be_asked_while_the_link_was_lost_stays_as_it_was() {
    let mut bench = attached(100, 30);
    bench.tell(created("s1", None, Language::TypeScript)).tell(changed(Link::Down(down(1, Some(4)))));
    let failure = || Failure::new(ErrorKind::Unreachable, "the link is lost", "");
    bench.tell(Msg::Session(SessionMsg::Listed(Err(failure()))));
    bench.tell(Msg::Runtime(RuntimeMsg::Known(RuntimeType::Bun, Err(failure()))));
    assert!(!bench.screen().contains("failed"), "{}", bench.screen());
    bench.tell(changed(Link::Up(up(14))));
    assert!(bench.screen().contains("bun ✓ ok"), "{}", bench.screen());
}

#[test]
fn a_lost_link_leaves_the_output_and_counts_down() {
    let mut bench = attached(80, 24);
    running(&mut bench);
    bench.tell(changed(Link::Down(down(3, Some(4)))));
    let screen = bench.screen();
    assert!(screen.contains("! reconnecting, try 3 in 4 s"), "{screen}");
    assert!(screen.contains("! link down 00:00  1 run unknown (asks again on return)  edits kept here"));
    assert!(screen.contains("half") && screen.contains("? unknown   asks again"), "{screen}");
    assert!(bench.workbench.counts() && bench.workbench.watched().is_none());
    seconds_pass(&mut bench, 1);
    assert!(bench.screen().contains("try 3 in 3 s"), "{}", bench.screen());
    seconds_pass(&mut bench, 3);
    let screen = bench.screen();
    assert!(screen.contains("! reconnecting, try 3\n") && screen.contains("link down 00:04"), "{screen}");
    // Another attempt: counted anew, but the link is as long lost as it was.
    bench.tell(changed(Link::Down(down(4, Some(8)))));
    let screen = bench.screen();
    assert!(screen.contains("try 4 in 8 s") && screen.contains("link down 00:04"), "{screen}");
}

#[test]
fn a_link_that_is_not_tried_again_says_what_to_do() {
    let mut bench = attached(80, 24);
    bench.tell(changed(Link::Down(down(9, None))));
    let screen = bench.screen();
    assert!(screen.contains("! link down, no more tries"), "{screen}");
    assert!(screen.contains("is lost: connection") && screen.contains("Esc R tries it again"), "{screen}");
    // Told once.
    bench.press([key(KeyCode::Esc)]).tell(changed(Link::Down(down(9, None))));
    assert!(!bench.screen().contains("is lost"), "{}", bench.screen());
}

#[test]
fn what_is_shown_is_asked_for_again_when_the_link_is_back() {
    let mut bench = attached(100, 30);
    running(&mut bench);
    bench.tell(changed(Link::Down(down(1, Some(0)))));
    bench.effects.clear();
    seconds_pass(&mut bench, 12);
    bench.tell(changed(Link::Up(up(20))));
    assert!(bench.effects.contains(&Effect::ListSessions));
    assert!(bench.effects.contains(&Effect::Probe { runtime: RuntimeType::Bun, refresh: false }));
    let screen = bench.screen();
    assert!(screen.contains("back after 12 s") && screen.contains("● run 1 running"), "{screen}");
    assert!(!bench.workbench.counts());
    bench.tell(Msg::Run(RunMsg::Output(1, vec![(OutputStream::Stdout, Bytes::from("whole\n"))])));
    bench.tell(Msg::Run(RunMsg::Finished(1, finished(0))));
    assert!(bench.screen().contains("half whole"), "{}", bench.screen());
    assert!(
        !bench.effects.iter().any(|effect| matches!(effect, Effect::Execute { .. })),
        "nothing is sent twice"
    );
}

#[test]
fn a_link_that_was_lost_and_back_at_once_is_noticed() {
    let mut bench = attached(80, 24);
    bench.effects.clear();
    let mut again = up(14);
    again.returns = 1;
    bench.tell(changed(Link::Up(again)));
    assert!(bench.effects.contains(&Effect::ListSessions));
    assert!(bench.screen().contains("the link was lost and is back"), "{}", bench.screen());
}

#[test]
fn a_run_whose_end_was_lost_is_unknown_and_not_failed() {
    let mut bench = attached(100, 30);
    running(&mut bench);
    let failure = Failure::new(ErrorKind::Unknown, "the server forgot what became of it", "run it again");
    bench.tell(Msg::Run(RunMsg::Failed(1, failure)));
    let screen = bench.screen();
    assert!(screen.contains("? unknown  the server forgot what became of it"), "{screen}");
    assert!(!screen.contains("✗ failed"), "{screen}");
}

#[test]
fn keys_for_a_lost_link_come_first_only_while_it_is() {
    let mut bench = attached(80, 24);
    bench.press([key(KeyCode::Esc), key(KeyCode::Char('l'))]);
    assert!(bench.screen().contains("the text is JavaScript now"), "{}", bench.screen());
    bench.tell(changed(Link::Down(down(1, Some(4)))));
    assert!(bench.screen().contains("R retry now   c other server   l work locally"), "{}", bench.screen());
    bench.press([key(KeyCode::Char('R'))]);
    assert!(bench.effects.contains(&Effect::Reconnect));
    bench.press([key(KeyCode::Char('c'))]);
    assert!(bench.screen().contains("> Connect"), "{}", bench.screen());
    bench.press([key(KeyCode::Esc), key(KeyCode::Char('l'))]);
    assert!(bench.effects.contains(&Effect::Dial { dial: 1, target: None }));
    assert!(bench.screen().contains("● connecting to the engine in this process"), "{}", bench.screen());
    // While something is typed, they are letters.
    bench.press([key(KeyCode::Enter)]).press(typed("Rcl"));
    assert!(bench.screen().contains("Rcl"), "{}", bench.screen());
}

#[test]
fn a_lost_link_refuses_what_needs_it_and_says_how_to_go_on() {
    let mut bench = attached(100, 30);
    bench.tell(created("s1", None, Language::TypeScript)).tell(changed(Link::Down(down(1, Some(4)))));
    bench.effects.clear();
    bench.press([key(KeyCode::F(5))]);
    let screen = bench.screen();
    assert!(screen.contains("nothing can be asked of wss://lab.example.org"), "{screen}");
    assert!(
        screen.contains("Esc R tries it again now") && screen.contains("your edits are kept"),
        "{screen}"
    );
    bench.press([key(KeyCode::Esc), key(KeyCode::Esc)]).press(typed("sn1x"));
    assert_eq!(bench.effects, []);
    // What needs nobody else works on.
    bench
        .press([key(KeyCode::Esc), key(KeyCode::Char('3')), key(KeyCode::Enter)])
        .press(typed("const y = 1;\n"));
    assert!(bench.screen().contains("const y = 1;"));
}

#[test]
fn a_run_that_nobody_can_reach_is_not_stopped() {
    let mut bench = attached(100, 30);
    running(&mut bench);
    bench.tell(changed(Link::Down(down(1, Some(4))))).press([ctrl('c')]);
    assert!(!bench.effects.iter().any(|effect| matches!(effect, Effect::Signal(..))));
    assert!(bench.screen().contains("can't be stopped while the link is down"), "{}", bench.screen());
}

#[test]
fn another_engine_begins_with_nothing_of_the_one_before() {
    let mut bench = attached(120, 36);
    bench.press(typed("// mine\n"));
    running(&mut bench);
    bench.tell(changed(Link::Down(down(1, Some(4)))));
    bench.press([key(KeyCode::Esc), key(KeyCode::Char('l'))]);
    bench.effects.clear();
    let dialled = Msg::Link(LinkMsg::Reached {
        dial: 1,
        result: Ok(Reached { runtimes: vec![RuntimeType::NativeProcess], link: Link::Local }),
    });
    bench.tell(dialled);
    assert_eq!(bench.effects.first(), Some(&Effect::Switch(1)));
    assert!(bench.effects.contains(&Effect::ListSessions));
    assert!(bench.effects.contains(&Effect::Probe { runtime: RuntimeType::NativeProcess, refresh: false }));
    let screen = bench.screen();
    assert!(screen.contains("engine: local   native ? wait"), "{screen}");
    assert!(screen.contains("no session yet") && !screen.contains("link down"), "{screen}");
    assert!(screen.contains("// mine") && screen.contains("half"), "{screen}");
    assert!(screen.contains("? unknown  left: it goes on with wss://lab.example.org"), "{screen}");
    assert!(screen.contains("works with the engine in this process now"), "{screen}");
    // A message that was under way does not bring the run back.
    bench.tell(Msg::Run(RunMsg::Finished(1, finished(0))));
    assert!(!bench.screen().contains("exit 0"), "{}", bench.screen());
    // Numbers go on.
    bench.tell(Msg::Runtime(RuntimeMsg::Known(
        RuntimeType::NativeProcess,
        Ok(Box::new(runtime(RuntimeType::Bun, true))),
    )));
    bench.press([key(KeyCode::F(5))]);
    assert!(bench.screen().contains("run 2 creating a session"), "{}", bench.screen());
}

#[test]
fn what_a_server_cannot_do_is_told_when_it_is_attached_to() {
    let mut bench = Bench::new(100, 30);
    bench.found(BUN).press([key(KeyCode::Esc), key(KeyCode::Char('c'))]).press(typed(SERVER));
    bench.press([key(KeyCode::Enter)]);
    let mut link = up(14);
    link.missing = vec!["streaming".to_owned(), "input".to_owned()];
    reached(&mut bench, Link::Up(link));
    let screen = bench.screen();
    assert!(screen.contains("works with wss://lab.example.org now (codebeaker 0.1.0)"), "{screen}");
    assert!(screen.contains("not available there: streaming, input"), "{screen}");
    bench.press([key(KeyCode::Esc), key(KeyCode::Char('1'))]);
    assert!(bench.screen().contains("asking the server"), "{}", bench.screen());
    bench.tell(Msg::Session(SessionMsg::Listed(Ok(Vec::new()))));
    assert!(bench.screen().contains("no session yet"), "{}", bench.screen());
}

#[test]
fn what_a_server_cannot_do_is_told_when_the_workbench_opens_with_it() {
    let mut bench = Bench::new(100, 30);
    bench.tell(changed(Link::Up(LinkUp { missing: vec!["streaming".to_owned()], ..up(14) })));
    assert!(bench.screen().contains("not available there: streaming"), "{}", bench.screen());
}

#[test]
fn what_is_left_running_here_is_asked_about_before_it_ends() {
    let mut bench = Bench::new(100, 30);
    bench.found(BUN);
    running(&mut bench);
    bench
        .press([key(KeyCode::Esc), key(KeyCode::Char('c'))])
        .press(typed(SERVER))
        .press([key(KeyCode::Enter)]);
    reached(&mut bench, Link::Up(up(14)));
    assert!(
        bench.screen().contains("left: it goes on with the engine in this process"),
        "{}",
        bench.screen()
    );
    bench.press([ctrl('q')]);
    assert!(!bench.effects.contains(&Effect::Quit));
    assert!(bench.screen().contains("run 1 was left in this process"), "{}", bench.screen());
}

#[test]
fn a_dial_is_given_up_by_ctrl_c() {
    let mut bench = attached(100, 30);
    bench.press([key(KeyCode::F(2))]).press(typed("locally")).press([key(KeyCode::Enter)]);
    assert!(bench.effects.contains(&Effect::Dial { dial: 1, target: None }));
    bench.press([ctrl('c')]);
    assert!(bench.effects.contains(&Effect::HangUp));
    reached(&mut bench, Link::Local);
    assert!(!bench.effects.contains(&Effect::Switch(1)), "it was given up");
    assert!(bench.screen().contains(SERVER), "{}", bench.screen());
}

#[test]
fn a_dial_that_fails_outside_the_form_is_told() {
    let mut bench = attached(100, 30);
    bench.tell(changed(Link::Down(down(1, None)))).press([
        key(KeyCode::Esc),
        key(KeyCode::Esc),
        key(KeyCode::Char('l')),
    ]);
    let failure = Failure::new(ErrorKind::Internal, "the engine here did not begin", "see the log");
    bench.tell(Msg::Link(LinkMsg::Reached { dial: 1, result: Err(failure) }));
    let screen = bench.screen();
    assert!(screen.contains("the engine here did not begin") && screen.contains("see the log"), "{screen}");
    assert!(screen.contains("link down"), "{screen}");
}

#[test]
fn too_small_a_screen_tells_of_the_link() {
    let mut bench = attached(80, 24);
    bench.tell(changed(Link::Down(down(1, Some(4))))).press([Event::Resize(20, 6)]);
    bench.terminal.backend_mut().resize(20, 6);
    assert!(bench.screen().contains("! link down 00:00"), "{}", bench.screen());
}

#[test]
fn a_double_click_begins_nothing_while_the_link_is_down() {
    let mut bench = attached(120, 36);
    running(&mut bench);
    bench.tell(Msg::Run(RunMsg::Finished(1, finished(0)))).tell(changed(Link::Down(down(1, Some(4)))));
    let screen = bench.screen();
    let row = screen.lines().position(|line| line.contains("   1 bun")).unwrap();
    let kind = crossterm::event::MouseEventKind::Down(crossterm::event::MouseButton::Left);
    let (column, modifiers) = (100, crossterm::event::KeyModifiers::NONE);
    let click = crossterm::event::MouseEvent { kind, column, row: u16::try_from(row).unwrap(), modifiers };
    bench.press([Event::Mouse(click), Event::Mouse(click)]);
    let screen = bench.screen();
    assert!(screen.contains("nothing can be asked of") && !screen.contains("run 2"), "{screen}");
}

#[test]
fn a_race_elsewhere_goes_on_without_its_person() {
    let mut bench = Bench::new(120, 36);
    bench.tell(changed(Link::Up(up(14)))).found(&[RuntimeType::Bun, RuntimeType::Deno]);
    bench.press([key(KeyCode::F(12)), ctrl('q')]);
    let screen = bench.screen();
    assert!(screen.contains("a race goes on at") && !screen.contains("will be stopped"), "{screen}");
}
