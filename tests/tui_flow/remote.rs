//! The real loop over engines that come, go and can't be reached.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use codebeaker::engine::Link;
use codebeaker::protocol::RuntimeType;
use codebeaker::tui::Options;
use crossterm::event::KeyCode;

use crate::tui_support::remote::{SERVER, Switchboard, answer, down, event, request, up};
use crate::tui_support::{Scripted, ctrl, key, options, typed};
use crate::{Person, bun, story};

fn over(connector: &Arc<Switchboard>) -> Options {
    Options { connector: Some(Arc::clone(connector) as _), ..options() }
}

fn remote() -> Arc<Scripted> {
    Scripted::remote(&[RuntimeType::Bun])
}

fn command(person: &Person, letter: char) {
    person.press([key(KeyCode::Esc), key(KeyCode::Char(letter))]);
}

#[test]
fn a_server_is_attached_to_and_left_again() {
    story(|| async {
        let (here, there) = (bun(), remote());
        let connector = Switchboard::new(&here, &there);
        let mut person = Person::open(Arc::clone(&here), over(&connector));
        person.sees("bun ✓ ok").await;
        person.press(typed("// kept\n"));
        person.press([key(KeyCode::F(5))]);
        person.sees("exit 0").await;
        command(&person, 'c');
        person.sees("2 h 05 min ago").await;
        person.press(typed(SERVER));
        person.sees("from: CODEBEAKER_TOKEN").await;
        person.press([key(KeyCode::F(5))]);
        person.sees("✓ verified, for lab.example.org").await;
        person.press([key(KeyCode::Enter)]);
        person.sees("wss://lab.example.org ✓ 14 ms   ").await;
        person.sees("// kept").await;
        person.press([key(KeyCode::F(5))]);
        person.sees("run 2  ts  bun 1.2.0  new session").await;
        person.sees("last: exit 0").await;
        assert_eq!((here.count("execute"), there.count("execute")), (1, 1));
        // Back, where the session still is.
        command(&person, 'c');
        person.press([key(KeyCode::Up), key(KeyCode::Char(' ')), key(KeyCode::Enter)]);
        person.sees(" local   ").await;
        person.sees("works with the engine in this process now").await;
        person.press([key(KeyCode::Char('1'))]);
        person.sees("○ ts bun").await;
        person.leaves().await;
        assert!(!here.was_asked("shutdown") && !there.was_asked("shutdown"), "their owner's business");
    });
}

#[test]
fn an_engine_that_was_left_is_not_heard_any_more() {
    story(|| async {
        let (here, there) = (bun(), remote());
        let connector = Switchboard::new(&here, &there);
        let mut person = Person::open(Arc::clone(&here), over(&connector));
        person.sees("bun ✓ ok").await;
        person.press(typed("// hang\n"));
        person.press([key(KeyCode::F(5))]);
        person.sees("waiting").await;
        command(&person, 'c');
        person.press(typed(SERVER));
        person.press([key(KeyCode::Enter)]);
        person.sees("left: it goes on with the engine in this process").await;
        assert!(!here.was_asked("signal INT") && !here.was_asked("signal KILL"), "it goes on");
        // A link that is told by nobody's engine changes nothing.
        here.link.send_replace(Link::Down(down(1, None)));
        there.link.send_replace(Link::Up(up(21)));
        person.sees("wss://lab.example.org ✓ 21 ms").await;
        assert!(!person.screen.borrow().contains("link down"));
        person.leaves().await;
    });
}

#[test]
fn what_cannot_be_attached_to_leaves_everything_as_it_is() {
    story(|| async {
        let (here, there) = (bun(), remote());
        let connector = Switchboard::new(&here, &there);
        let mut person = Person::open(Arc::clone(&here), over(&connector));
        person.sees("bun ✓ ok").await;
        command(&person, 'c');
        person.press(typed("refuse"));
        person.press(vec![key(KeyCode::Tab)]);
        person.press(typed("s3cret"));
        person.press([key(KeyCode::Enter)]);
        person.sees("can't be reached: tcp").await;
        assert_eq!(connector.asked.lock().unwrap().len(), 1);
        // One that never answers is given up.
        person.press([key(KeyCode::BackTab)]);
        person.press(vec![key(KeyCode::Backspace); 6]);
        person.press(typed("never"));
        person.press([key(KeyCode::Enter)]);
        person.sees("● connecting to never").await;
        person.press([key(KeyCode::Esc)]);
        person.sees("Enter connect").await;
        person.press([key(KeyCode::Esc), key(KeyCode::F(5))]);
        person.sees("exit 0").await;
        assert_eq!(here.count("execute"), 1);
        person.leaves().await;
    });
}

#[test]
fn a_lost_link_is_counted_and_comes_back() {
    story(|| async {
        let there = remote();
        let mut person = Person::open(Arc::clone(&there), options());
        person.sees("wss://lab.example.org ✓ 14 ms").await;
        person.sees("bun ✓ ok").await;
        person.press(typed("// hang\n"));
        person.press([key(KeyCode::F(5))]);
        person.sees("waiting").await;
        let asked = there.count("sessions");
        there.link.send_replace(Link::Down(down(2, Some(4))));
        person.sees("! reconnecting, try 2 in 4 s").await;
        person.sees("try 2 in 1 s").await;
        person.sees("link down 00:12").await;
        command(&person, 'R');
        there.link.send_replace(Link::Up(up(14)));
        person.sees("back after 12 s").await;
        assert!(there.was_asked("reconnect"));
        person.sees("● run 1 running").await;
        assert_eq!(there.count("sessions"), asked + 1);
        assert_eq!(there.count("execute"), 1, "nothing is sent twice");
        person.press([ctrl('c')]);
        person.sees("got INT").await;
        person.leaves().await;
    });
}

#[test]
fn only_a_lost_link_moves_at_rest() {
    story(|| async {
        let there = remote();
        let mut person = Person::open(Arc::clone(&there), options());
        person.sees("bun ✓ ok").await;
        let before = person.rests().await;
        // A round trip like the one before, and messages on a screen that isn't shown.
        there.link.send_replace(Link::Up(up(14)));
        let _ = there.traffic.send(event("a", "{}"));
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(person.frames.load(Ordering::SeqCst), before);
        there.link.send_replace(Link::Down(down(1, None)));
        person.sees("link down 00:03").await;
        let frames = person.frames.load(Ordering::SeqCst) - before;
        assert!((3..=6).contains(&frames), "{frames} frames in 3 s");
        person.leaves().await;
    });
}

#[test]
fn what_passes_over_the_wire_is_seen_and_copied() {
    story(|| async {
        let there = remote();
        let mut person = Person::open(Arc::clone(&there), options());
        person.sees("bun ✓ ok").await;
        command(&person, 'J');
        person.sees("no message has passed yet").await;
        let _ = there.traffic.send(request("7", "session.list", "{\"id\":7}"));
        let _ = there.traffic.send(answer("7", "session.list", true, "{\"id\":7,\"result\":[]}"));
        person.sees("2 messages").await;
        person.press([key(KeyCode::Char('y'))]);
        person.sees("the message (20 B) sent to the terminal's clipboard").await;
        assert_eq!(person.asked.lock().unwrap().copied, ["{\"id\":7,\"result\":[]}"]);
        person.leaves().await;
    });
}

#[test]
fn a_flood_of_messages_is_bounded_and_keys_come_first() {
    story(|| async {
        let there = remote();
        let mut person = Person::open(Arc::clone(&there), options());
        person.sees("bun ✓ ok").await;
        command(&person, 'J');
        person.sees("no message has passed yet").await;
        let before = person.frames.load(Ordering::SeqCst);
        for n in 0..20_000 {
            let _ = there.traffic.send(event(&format!("m{n}."), "{}"));
            if n % 1000 == 0 {
                tokio::task::yield_now().await;
            }
        }
        person.sees("m19999.").await;
        person.sees("1000 messages").await;
        person.sees("19000 more not kept").await;
        let frames = person.frames.load(Ordering::SeqCst) - before;
        assert!(frames < 200, "{frames} frames for 20,000 messages");
        person.press([key(KeyCode::Esc)]);
        person.sees("3 Editor").await;
        person.leaves().await;
    });
}
