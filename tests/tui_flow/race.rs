//! Races and sessions by hand, through the real loop.

use std::sync::Arc;

use codebeaker::protocol::RuntimeType;
use crossterm::event::KeyCode;

use super::tui_support::{RUNTIMES, Scripted, ctrl, key, options, typed};
use super::{Person, story};

/// Types this instead of the sample.
fn types(person: &Person, text: &str) {
    person.press([key(KeyCode::Esc)]);
    person.press(typed("ai"));
    person.press([key(KeyCode::Backspace)]);
    person.press(typed(text));
}

#[test]
fn from_the_start_to_all_runtimes_in_two_keys() {
    story(|| async {
        for engine in [Scripted::new(&RUNTIMES), Scripted::remote(&RUNTIMES)] {
            let mut person = Person::open(Arc::clone(&engine), options());
            person.sees("codebeaker").await;
            person.press([key(KeyCode::F(5))]);
            person.sees("exit 0").await;
            person.sees("F12 all runtimes").await;
            person.press([key(KeyCode::F(12))]);
            person.sees("the same answer on all 3: output and exit 0").await;
            // Bun's session was there; the others are for the next race.
            assert_eq!((engine.count("create typescript"), engine.count("race")), (3, 3));
            person.press(typed("t"));
            person.sees("one after another").await;
            person.sees("the same answer on all 3").await;
            assert_eq!(engine.count("create typescript"), 3);
            person.leaves().await;
        }
    });
}

#[test]
fn answers_that_differ_are_named() {
    story(|| async {
        let mut person = Person::open(Scripted::new(&RUNTIMES), options());
        person.sees("bun ✓ ok").await;
        types(&person, "where");
        person.press([key(KeyCode::F(12))]);
        person.sees("the answers differ: docker against deno against bun, first in line 1").await;
        person.sees("on deno").await;
        person.press([key(KeyCode::Esc)]);
        person.sees("3 Editor").await;
        person.leaves().await;
    });
}

#[test]
fn all_are_stopped_together_and_the_stubborn_are_killed() {
    story(|| async {
        let engine = Scripted::new(&[RuntimeType::Deno, RuntimeType::Bun]);
        let mut person = Person::open(Arc::clone(&engine), options());
        person.sees("bun ✓ ok").await;
        types(&person, "hang stubborn");
        person.press([key(KeyCode::F(12))]);
        person.sees("race: 2 of 2 running").await;
        person.sees("waiting").await;
        person.press([ctrl('c')]);
        person.sees("stopping").await;
        person.sees("got INT").await;
        person.press([ctrl('c')]);
        person.sees("no runtime has answered").await;
        assert_eq!((engine.count("signal INT"), engine.count("signal KILL")), (2, 2));
        person.leaves().await;
    });
}

#[test]
fn one_that_has_no_session_does_not_hold_the_others() {
    story(|| async {
        let engine = Scripted::new(&RUNTIMES);
        engine.refused.lock().unwrap().push(RuntimeType::Docker);
        let mut person = Person::open(Arc::clone(&engine), options());
        person.sees("bun ✓ ok").await;
        person.press([key(KeyCode::F(12))]);
        person.sees("the same answer on 2: output and exit 0; docker gave none").await;
        person.sees("the image is gone").await;
        person.leaves().await;
    });
}

#[test]
fn a_refused_session_is_changed_and_made() {
    story(|| async {
        let engine = Scripted::new(&RUNTIMES);
        engine.refused.lock().unwrap().push(RuntimeType::Docker);
        let mut person = Person::open(Arc::clone(&engine), options());
        person.sees("bun ✓ ok").await;
        person.press([key(KeyCode::Esc)]);
        person.press(typed("sn"));
        person.sees("best total").await;
        // Balanced, speed, security, memory, docker.
        person.press([key(KeyCode::Tab)].into_iter().chain((0..4).map(|_| key(KeyCode::Right))));
        person.press([key(KeyCode::Tab)].into_iter().chain(typed("lab")).chain([key(KeyCode::Enter)]));
        person.sees("the image is gone").await;
        person.sees("[ lab").await;
        // What it says is wrong has the focus: image, network, name, runtime.
        person.sees("▸image").await;
        person.press([key(KeyCode::BackTab), key(KeyCode::BackTab), key(KeyCode::BackTab)]);
        person.press([key(KeyCode::Left), key(KeyCode::Enter)]);
        person.sees("session on bun ready").await;
        person.leaves().await;
    });
}
