//! A benchmark by hand, through the real loop and the real measuring.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use codebeaker::protocol::RuntimeType;
use codebeaker::tui::Options;
use crossterm::event::KeyCode;

use super::tui_support::{RUNTIMES, Scripted, ctrl, key, options, typed};
use super::{Person, story};

/// Begins to measure the sample.
async fn measures(person: &mut Person) {
    person.sees("bun ✓ ok").await;
    person.press([key(KeyCode::Esc)]);
    person.press(typed("b"));
}

/// Sessions that are open at the engine.
fn open(engine: &Scripted) -> usize {
    let asked = engine.asked.lock().unwrap();
    let many = |what: &str| asked.iter().filter(|asked| asked.starts_with(what)).count();
    many("create ") - many("close ")
}

#[test]
fn the_code_is_measured_on_every_runtime_and_all_sessions_are_closed() {
    story(|| async {
        for engine in [Scripted::new(&RUNTIMES), Scripted::remote(&RUNTIMES)] {
            let mut person = Person::open(Arc::clone(&engine), options());
            measures(&mut person).await;
            person.sees("✓ 180 samples in").await;
            person.sees("docker").await;
            assert_eq!((engine.count("create typescript"), open(&engine)), (30, 0));
            // It can be left, and is there again.
            person.press([key(KeyCode::Esc)]);
            person.sees("3 Editor").await;
            person.press(typed("b"));
            person.sees("✓ 180 samples in").await;
            person.leaves().await;
        }
    });
}

#[test]
fn it_is_kept_compared_with_and_exported() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("out.json");
    let state = dir.path().join("state");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let options = Options { state: Some(state.clone()), ..options() };
        let mut person = Person::open(Scripted::new(&[RuntimeType::Bun]), options);
        measures(&mut person).await;
        person.sees("✓ 60 samples in").await;
        person.press(typed("k"));
        person.sees("Keep the benchmark as").await;
        person.press([key(KeyCode::Enter)]);
        person.sees("kept as main").await;
        person.press(typed("c"));
        person.sees("▸ main").await;
        person.press([key(KeyCode::Enter)]);
        person.sees("\"main\", 60 runs").await;
        person.press(typed("e"));
        person.sees("Write the benchmark to").await;
        person.press(vec![key(KeyCode::Backspace); 10]);
        person.press(vec![crossterm::event::Event::Paste(file.display().to_string()), key(KeyCode::Enter)]);
        person.sees("written to").await;
        person.leaves().await;
    });
    let report = codebeaker::bench::Store::at(state.join("bench")).load("main").unwrap();
    assert_eq!((report.runs(), report.complete), (60, true));
    let exported: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(exported["code"]["name"], "scratch.ts");
}

#[test]
fn while_it_measures_it_is_drawn_twice_a_second_at_most() {
    // In real time: what measures has a clock of its own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let mut person = Person::open(Scripted::new(&RUNTIMES), options());
        measures(&mut person).await;
        person.sees("Results").await;
        let (begun, before) = (Instant::now(), person.frames.load(Ordering::SeqCst));
        person.sees("✓ 180 samples in").await;
        let (took, frames) = (begun.elapsed(), person.frames.load(Ordering::SeqCst) - before);
        // The first and the last come when they come.
        let most = (took.as_secs_f64() * 2.0).ceil() as usize + 2;
        assert!(took > Duration::from_secs(1) && frames <= most, "{frames} frames in {took:?}");
        person.leaves().await;
    });
}

#[test]
fn paused_nothing_is_drawn_and_stopped_it_keeps_what_it_has() {
    story(|| async {
        let engine = Scripted::new(&RUNTIMES);
        let mut person = Person::open(Arc::clone(&engine), options());
        measures(&mut person).await;
        person.press(typed("p"));
        person.sees("paused at").await;
        let before = person.rests().await;
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(person.frames.load(Ordering::SeqCst), before);
        person.press([ctrl('c')]);
        person.sees("r rerun").await;
        assert_eq!(open(&engine), 0);
        person.leaves().await;
    });
}

#[test]
fn leaving_stops_it_and_closes_its_sessions() {
    story(|| async {
        for engine in [Scripted::new(&RUNTIMES), Scripted::remote(&RUNTIMES)] {
            let mut person = Person::open(Arc::clone(&engine), options());
            person.sees("bun ✓ ok").await;
            // A program that never ends by itself.
            person.press([key(KeyCode::Esc)]);
            person.press(typed("ai"));
            person.press([key(KeyCode::Backspace)]);
            person.press(typed("hang"));
            person.press([key(KeyCode::Esc)]);
            person.press(typed("b"));
            person.sees("measuring").await;
            while open(&engine) == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            person.press([ctrl('q')]);
            person.sees("will be stopped").await;
            person.leaves().await;
            assert_eq!(open(&engine), 0, "{:?}", engine.asked.lock().unwrap());
        }
    });
}
