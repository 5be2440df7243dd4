//! Any size and any state draws.

mod tui_support;

use std::sync::Arc;

use bytes::Bytes;
use codebeaker::bench::{Baseline, Digest, Lane, Snapshot, Suite};
use codebeaker::engine::{Link, LinkUp};
use codebeaker::protocol::*;
use codebeaker::tui::{
    BenchMsg, Done, FilesMsg, LinkMsg, Msg, Reached, Reading, RunMsg, RuntimeMsg, SessionMsg,
};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;
use tui_support::remote::{answer, changed, down, look, passed, recent, up};
use tui_support::{Bench, RUNTIMES, finished, runtime, session};

/// Something that may happen, in any order.
fn happening() -> impl Strategy<Value = Vec<Msg>> {
    let one = |msg: Msg| vec![msg];
    let text = "[a-z日é\u{301}\u{202e}👩\u{200d}👧\\x1b\t\r\n \\[;0-9mK]{0,60}";
    prop_oneof![
        4 => any_key().prop_map(move |event| one(Msg::Input(event))),
        1 => (0u16..220, 0u16..110, 0u8..3).prop_map(move |(column, row, kind)| {
            let kind = [MouseEventKind::Down(MouseButton::Left), MouseEventKind::ScrollUp, MouseEventKind::ScrollDown]
                [usize::from(kind)];
            one(Msg::Input(Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })))
        }),
        1 => (0u16..220, 0u16..110).prop_map(move |(w, h)| one(Msg::Input(Event::Resize(w, h)))),
        1 => text.prop_map(move |text| one(Msg::Input(Event::Paste(text)))),
        2 => (1u32..4, text).prop_map(move |(run, text)| {
            one(Msg::Run(RunMsg::Output(run, vec![(OutputStream::Stdout, Bytes::from(text))])))
        }),
        1 => (1u32..4, -1i32..3).prop_map(move |(run, exit)| one(Msg::Run(RunMsg::Finished(run, finished(exit))))),
        1 => (1u32..4, "[a-z]{1,3}").prop_map(move |(run, id)| {
            let info = Box::new(session(&id, Language::TypeScript, RuntimeType::Bun));
            one(Msg::Session(SessionMsg::Created { run: Some(run), result: Ok(info) }))
        }),
        1 => (1u32..4).prop_map(move |run| {
            // A run in a terminal, if it is that one's turn.
            let info = Box::new(session("t", Language::TypeScript, RuntimeType::Bun));
            let created = Msg::Session(SessionMsg::Created { run: Some(run), result: Ok(info) });
            let key = Msg::Input(Event::Key(KeyEvent::new(KeyCode::F(7), KeyModifiers::NONE)));
            vec![key, created, Msg::Run(RunMsg::Started(run))]
        }),
        1 => text.prop_map(move |text| {
            let failure = Failure::new(ErrorKind::Internal, text.clone(), text);
            one(Msg::Session(SessionMsg::Created { run: None, result: Err(failure) }))
        }),
        1 => ("[a-c]", any_stats(), any::<f64>(), text).prop_map(move |(id, stats, minutes, name)| {
            let mut info = session(&id, Language::TypeScript, RuntimeType::Bun);
            (info.lifetime_minutes, info.idle_minutes, info.name) = (minutes, -minutes, Some(name));
            let id = info.session_id.clone();
            let created = SessionMsg::Created { run: None, result: Ok(Box::new(info)) };
            vec![Msg::Session(created), Msg::Session(SessionMsg::Stats(id, Ok(stats))), Msg::Tick]
        }),
        2 => any_link().prop_map(move |link| one(changed(link))),
        1 => (1u32..4, any_link()).prop_map(move |(dial, link)| {
            let reached = Reached { runtimes: RUNTIMES.to_vec(), link };
            one(Msg::Link(LinkMsg::Reached { dial, result: Ok(reached) }))
        }),
        1 => (1u32..4, text).prop_map(move |(dial, text)| {
            let mut look = look();
            look.missing = vec![text.clone(), text];
            one(Msg::Link(LinkMsg::Looked { dial, result: Ok(Box::new(look)) }))
        }),
        1 => (1u32..4, text).prop_map(move |(dial, text)| {
            let failure = Failure::new(ErrorKind::Unreachable, text.clone(), text);
            one(Msg::Link(LinkMsg::Reached { dial, result: Err(failure) }))
        }),
        1 => Just(()).prop_map(move |()| one(Msg::Link(LinkMsg::Recent(recent())))),
        1 => Just(()).prop_map(move |()| one(Msg::Link(LinkMsg::Second))),
        2 => (text, 1usize..40).prop_map(move |(text, many)| {
            one(passed(vec![answer(&text, &text, text.len() % 2 == 0, &text.repeat(9)); many]))
        }),
        2 => (0u64..6, prop::collection::vec("[a-z日\u{301}\\x1b/.]{0,9}", 0..30), any::<bool>()).prop_map(move |(number, names, truncated)| {
            let entry = |(at, name): (usize, &String)| DirectoryEntry {
                name: name.clone(),
                path: name.clone(),
                kind: [EntryKind::File, EntryKind::Directory, EntryKind::Link, EntryKind::Other][at % 4],
                size: at as u64 * 999,
                modified: String::new(),
                mode: "0644".to_owned(),
            };
            let entries = names.iter().enumerate().map(entry).collect();
            // Sessions are given by hand below, with these names.
            let done = |session: &str| {
                let result = Ok(Done::Listed { entries: Vec::clone(&entries), truncated });
                Msg::Files(FilesMsg::Done { session: SessionId::from(session), number, result })
            };
            vec![done("a"), done("b")]
        }),
        2 => (any_samples(), any_samples(), any::<bool>(), text).prop_map(move |(a, b, live, text)| {
            one(Msg::Bench(BenchMsg::Told { number: 1, reading: Box::new(any_reading(&a, &b, live, &text)) }))
        }),
        1 => prop::collection::vec("[a-z.-]{1,20}", 0..30).prop_map(move |names| one(Msg::Bench(BenchMsg::Names(names)))),
        1 => Just(()).prop_map(|()| {
            let pressed = |code| Msg::Input(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
            let known = |of| Msg::Runtime(RuntimeMsg::Known(of, Ok(Box::new(runtime(of, true)))));
            let begun = [KeyCode::Esc, KeyCode::Esc, KeyCode::Char('3'), KeyCode::Char('b')].map(pressed);
            RUNTIMES.into_iter().map(known).chain(begun).collect()
        }),
        1 => ("[ab]", Just(())).prop_map(move |(id, ())| {
            let info = Box::new(session(&id, Language::TypeScript, RuntimeType::Bun));
            one(Msg::Session(SessionMsg::Created { run: None, result: Ok(info) }))
        }),
        1 => prop::collection::vec(any::<bool>(), RUNTIMES.len()).prop_map(|there| {
            let known = |(of, there): (RuntimeType, bool)| Msg::Runtime(RuntimeMsg::Known(of, Ok(Box::new(runtime(of, there)))));
            RUNTIMES.into_iter().zip(there).map(known).collect()
        }),
    ]
}

/// Samples of any kind: none, alike, huge, and what is no number.
fn any_samples() -> impl Strategy<Value = Vec<f64>> {
    prop_oneof![
        Just(Vec::new()),
        prop::collection::vec(0.001f64..1e6, 1..30),
        prop::collection::vec(any::<f64>(), 1..20),
        (0.0f64..1e3, 1usize..20).prop_map(|(value, n)| vec![value; n]),
    ]
}

fn any_reading(a: &[f64], b: &[f64], live: bool, text: &str) -> Reading {
    let lane = |runtime| Lane { runtime, language: Language::TypeScript };
    let plan =
        tui_support::bench::suite(Suite::Code, vec![lane(RuntimeType::Bun), lane(RuntimeType::Docker)]);
    let mut report = tui_support::bench::report(&plan, 0, 1.0);
    for (series, samples) in report.series.iter_mut().zip([a, b, b, a]) {
        (series.samples, series.launches) = (samples.to_vec(), vec![0; samples.len()]);
        series.reason = samples.is_empty().then(|| text.to_owned());
    }
    let base = Baseline::Seed;
    let progress = tui_support::bench::reading(&plan, 3, live, None).snapshot.progress.clone();
    let digest = Digest::of(&report, Some(&base));
    Reading {
        snapshot: Arc::new(Snapshot { report, progress }),
        digest: Arc::new(digest),
        base: Some(Arc::new(base)),
        live,
        cost: 1.0,
    }
}

fn any_stats() -> impl Strategy<Value = SessionStats> {
    let figure = || prop::option::of(any::<u64>());
    (figure(), figure(), figure(), prop::option::of(any::<u32>()), figure(), figure()).prop_map(
        |(cpu_ms, memory_bytes, peak_memory_bytes, processes, workspace_bytes, workspace_files)| {
            SessionStats {
                cpu_ms,
                memory_bytes,
                peak_memory_bytes,
                outside_bytes: None,
                processes,
                workspace_bytes,
                workspace_files,
            }
        },
    )
}

fn any_link() -> impl Strategy<Value = Link> {
    prop_oneof![
        Just(Link::Local),
        (0u64..3000, "[a-z日\\x1b]{0,90}").prop_map(|(ms, server)| Link::Up(LinkUp { server, ..up(ms) })),
        (1u32..9, prop::option::of(0u64..90)).prop_map(|(attempt, wait)| Link::Down(down(attempt, wait))),
    ]
}

fn any_key() -> impl Strategy<Value = Event> {
    let code = prop_oneof![
        (1u8..13).prop_map(KeyCode::F),
        prop::sample::select(
            "rnsixflWu12345?:q日cJRpyt/ mo.E6daXGgkNUDobvehs+[]".chars().collect::<Vec<_>>()
        )
        .prop_map(KeyCode::Char),
        prop::sample::select(vec![
            KeyCode::Enter,
            KeyCode::Esc,
            KeyCode::Tab,
            KeyCode::Backspace,
            KeyCode::Up,
            KeyCode::Down,
            KeyCode::Left,
            KeyCode::Right,
            KeyCode::PageUp,
            KeyCode::PageDown,
            KeyCode::Home,
            KeyCode::End,
        ]),
    ];
    let mods = prop::sample::select(vec![KeyModifiers::NONE, KeyModifiers::SHIFT, KeyModifiers::CONTROL]);
    (code, mods).prop_map(|(code, mods)| Event::Key(KeyEvent::new(code, mods)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_size_and_any_model_draw(
        width in 1u16..200,
        height in 1u16..100,
        happenings in prop::collection::vec(happening(), 0..40),
        after in (1u16..200, 1u16..100),
    ) {
        let mut bench = Bench::new(width, height);
        for msg in happenings.into_iter().flatten() {
            bench.tell(msg);
        }
        bench.terminal.draw(|frame| bench.workbench.draw(frame)).unwrap();
        // The terminal may have another size before the model hears of it.
        bench.terminal.backend_mut().resize(after.0, after.1);
        bench.terminal.draw(|frame| bench.workbench.draw(frame)).unwrap();
        for cell in &bench.terminal.backend().buffer().content {
            prop_assert!(!cell.symbol().chars().any(|c| c.is_control() || c == '\u{202e}'), "{:?}", cell.symbol());
        }
    }
}
