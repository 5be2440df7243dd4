//! What is run, where, and how it is stopped.

use std::time::Duration;

use codebeaker::engine::Told;
use codebeaker::protocol::*;
use codebeaker::tui::{Effect, Msg, RunMsg, RuntimeMsg, SessionMsg};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use super::tui_support::{Bench, RUNTIMES, ctrl, finished, key, runtime, session, typed};

/// The effect that creates a session for this run, or for none.
fn asked(bench: &Bench, run: Option<u32>) -> Option<CreateSession> {
    bench.effects.iter().rev().find_map(|effect| match effect {
        Effect::CreateSession { params, run: of } if *of == run => Some(params.as_ref().clone()),
        _ => None,
    })
}

/// What was run last: its number, its session, its code, its file's name.
fn executed(bench: &Bench) -> Option<(u32, String, String, Option<String>)> {
    bench.effects.iter().rev().find_map(|effect| match effect {
        Effect::Execute { run, session, code, file_name, .. } => {
            Some((*run, session.0.clone(), code.clone(), file_name.clone()))
        }
        _ => None,
    })
}

fn created(id: &str, run: Option<u32>, language: Language, on: RuntimeType) -> Msg {
    Msg::Session(SessionMsg::Created { run, result: Ok(Box::new(session(id, language, on))) })
}

fn ended(run: u32) -> Msg {
    Msg::Run(RunMsg::Finished(run, finished(0)))
}

fn lost(id: &str) -> Msg {
    let session_id = SessionId::from(id);
    let reason = Some("its container is gone".to_owned());
    let event = SessionEvent::State { session_id, state: SessionState::Lost, reason };
    Msg::Session(SessionMsg::Told(Told::Event(event)))
}

fn shift(code: KeyCode) -> Event {
    Event::Key(KeyEvent::new(code, KeyModifiers::SHIFT))
}

/// A workbench where every runtime is there and scratch is Python.
fn python() -> Bench {
    let mut bench = Bench::new(120, 36);
    bench.found(&RUNTIMES).press([key(KeyCode::Esc)]).press(typed("ll"));
    bench
}

#[test]
fn the_file_is_called_what_the_editor_calls_it() {
    let mut bench = python();
    bench.press([key(KeyCode::F(5))]).tell(created(
        "s1",
        Some(1),
        Language::Python,
        RuntimeType::NativeProcess,
    ));
    assert_eq!(executed(&bench).unwrap().3.as_deref(), Some("scratch.py"));
    assert!(bench.screen().contains("3 Editor  scratch.py"));
}

#[test]
fn another_runtime_is_chosen_from_those_that_run_the_language() {
    let mut bench = python();
    bench.press([key(KeyCode::F(5))]).tell(created(
        "s1",
        Some(1),
        Language::Python,
        RuntimeType::NativeProcess,
    ));
    bench.tell(ended(1)).press([key(KeyCode::F(8))]);
    let screen = bench.screen();
    assert!(screen.contains("Run Python on"), "{screen}");
    assert!(screen.contains("▸1 docker  ✓ ready  in a new session"), "{screen}");
    assert!(screen.contains("2 deno    ✗ does not run Python"), "{screen}");
    assert!(screen.contains("4 native  ✓ ready  in its session"), "{screen}");
    // One that can't is refused with the reason.
    bench.press(typed("2"));
    assert!(bench.screen().contains("deno: does not run Python"));
    bench.press([key(KeyCode::Enter), key(KeyCode::Up), key(KeyCode::Enter)]);
    assert_eq!(asked(&bench, Some(2)).unwrap().runtime_type, Some(RuntimeType::Docker));
    bench.tell(created("d1", Some(2), Language::Python, RuntimeType::Docker));
    assert_eq!(executed(&bench).unwrap().1, "d1");
    // It has a session there now.
    bench.tell(ended(2)).press(typed("R4"));
    assert_eq!(executed(&bench).unwrap().1, "s1");
}

#[test]
fn the_runtime_chosen_by_hand_outlives_its_session() {
    let mut bench = python();
    bench.press([key(KeyCode::F(8)), key(KeyCode::Char('1'))]);
    bench.tell(created("d1", Some(1), Language::Python, RuntimeType::Docker)).tell(ended(1)).tell(lost("d1"));
    bench.press([key(KeyCode::F(5))]);
    let params = asked(&bench, Some(2)).unwrap();
    assert_eq!((params.runtime_type, params.runtime_preference), (Some(RuntimeType::Docker), None));
    assert!(bench.screen().contains("creating a session for Python on docker"), "{}", bench.screen());
}

#[test]
fn the_end_of_its_run_does_not_bring_a_lost_session_back() {
    let mut bench = python();
    bench.press([key(KeyCode::F(8)), key(KeyCode::Char('1'))]);
    bench.tell(created("d1", Some(1), Language::Python, RuntimeType::Docker)).tell(lost("d1"));
    let (session_id, execution_id) = (SessionId::from("d1"), ExecutionId::from("e"));
    let event = SessionEvent::Finished { session_id, execution_id, success: false };
    bench.tell(Msg::Session(SessionMsg::Told(Told::Event(event)))).tell(ended(1));
    assert!(bench.screen().contains("✗ py docker"), "{}", bench.screen());
    bench.press([key(KeyCode::F(5))]);
    assert_eq!(asked(&bench, Some(2)).unwrap().runtime_type, Some(RuntimeType::Docker));
}

#[test]
fn one_that_is_not_there_any_more_is_not_insisted_on() {
    let mut bench = python();
    bench.press([key(KeyCode::F(8)), key(KeyCode::Char('1'))]);
    bench.tell(created("d1", Some(1), Language::Python, RuntimeType::Docker)).tell(ended(1)).tell(lost("d1"));
    let gone = runtime(RuntimeType::Docker, false);
    bench.tell(Msg::Runtime(RuntimeMsg::Known(RuntimeType::Docker, Ok(Box::new(gone)))));
    bench.press([key(KeyCode::F(5))]);
    let params = asked(&bench, Some(2)).unwrap();
    assert_eq!((params.runtime_type, params.runtime_preference), (None, Some(RuntimePreference::Balanced)));
    assert!(bench.screen().contains("docker, chosen before: permission denied"), "{}", bench.screen());
}

#[test]
fn a_session_that_a_preference_chose_is_no_wish() {
    let mut bench = python();
    bench.press([key(KeyCode::F(5))]).tell(created("s1", Some(1), Language::Python, RuntimeType::Docker));
    bench.tell(ended(1)).tell(lost("s1")).press([key(KeyCode::F(5))]);
    assert_eq!(asked(&bench, Some(2)).unwrap().runtime_type, None);
}

#[test]
fn the_selection_alone_is_run_at_its_lines() {
    let mut bench = Bench::new(120, 36);
    bench.found(&RUNTIMES);
    bench.press([Event::Key(KeyEvent::new(KeyCode::Home, KeyModifiers::CONTROL))]);
    bench.press([shift(KeyCode::F(5))]);
    assert!(bench.screen().contains("nothing is selected"), "{}", bench.screen());
    bench.press([key(KeyCode::Esc), key(KeyCode::Down), shift(KeyCode::Down), shift(KeyCode::F(5))]);
    bench.tell(created("s1", Some(1), Language::TypeScript, RuntimeType::Bun));
    let (_, _, code, _) = executed(&bench).unwrap();
    assert_eq!(code, "\nconst squares: number[] = [1, 2, 3, 4].map((n) => n * n);\n");
    assert!(bench.screen().contains("line 2 alone"), "{}", bench.screen());
}

#[test]
fn again_runs_what_ran_and_not_what_is_there_now() {
    let mut bench = Bench::new(120, 36);
    bench.found(&RUNTIMES).press([key(KeyCode::Esc)]).press(typed("."));
    assert!(bench.screen().contains("nothing has run yet"));
    bench.press([key(KeyCode::F(5))]).tell(created("s1", Some(1), Language::TypeScript, RuntimeType::Bun));
    let first = executed(&bench).unwrap();
    bench.tell(ended(1)).press(typed("i")).press(typed("more")).press([key(KeyCode::Esc)]).press(typed("."));
    let second = executed(&bench).unwrap();
    assert_eq!((second.0, &second.1, &second.2, &second.3), (2, &first.1, &first.2, &first.3));
}

#[test]
fn the_state_says_whether_it_is_stopping_or_killing() {
    let mut bench = Bench::new(120, 36);
    bench.found(&RUNTIMES).press([key(KeyCode::F(5))]);
    bench.tell(created("s1", Some(1), Language::TypeScript, RuntimeType::Bun));
    bench.tell(Msg::Run(RunMsg::Accepted(1, ExecutionId::from("e")))).tell(Msg::Run(RunMsg::Started(1)));
    bench.press([ctrl('c')]);
    assert!(bench.screen().contains("● run 1 stopping"), "{}", bench.screen());
    bench.now += Duration::from_secs(1);
    bench.press([ctrl('c')]);
    assert!(bench.screen().contains("● run 1 killing"), "{}", bench.screen());
    let signals: Vec<_> = bench.effects.iter().filter(|e| matches!(e, Effect::Signal(..))).collect();
    let signal = |signal| Effect::Signal(1, ExecutionId::from("e"), signal);
    assert_eq!(signals, [&signal(Signal::Int), &signal(Signal::Kill)]);
}

mod form {
    use super::*;

    /// The form, opened from the sessions.
    fn form() -> Bench {
        let mut bench = Bench::new(120, 36);
        bench.found(&RUNTIMES).press([key(KeyCode::Esc)]).press(typed("sn"));
        bench
    }

    fn tabs(bench: &mut Bench, many: usize) -> &mut Bench {
        bench.press((0..many).map(|_| key(KeyCode::Tab)))
    }

    #[test]
    fn what_is_typed_is_asked_for() {
        let mut bench = form();
        bench.press([key(KeyCode::Right)]);
        tabs(&mut bench, 2).press(typed("lab 1"));
        tabs(&mut bench, 1).press([key(KeyCode::Char(' '))]);
        tabs(&mut bench, 1).press(typed("300"));
        tabs(&mut bench, 1).press(typed("0.5"));
        tabs(&mut bench, 1).press(typed("7"));
        tabs(&mut bench, 1).press(typed("3"));
        tabs(&mut bench, 1).press(typed("9"));
        tabs(&mut bench, 1).press(typed("5"));
        tabs(&mut bench, 1).press(typed("50")).press([key(KeyCode::Enter)]);
        let params = asked(&bench, None).unwrap();
        let wanted = CreateSession {
            runtime_preference: Some(RuntimePreference::Balanced),
            name: Some("lab 1".to_owned()),
            network: true,
            memory_limit_mb: Some(300),
            cpu_shares: Some(512),
            idle_timeout_minutes: 5,
            max_lifetime_minutes: 50,
            limits: SessionLimits {
                processes: Some(7),
                workspace_bytes: Some(3 << 20),
                timeout_ms: Some(9000),
                ..SessionLimits::default()
            },
            ..CreateSession::new(Language::JavaScript)
        };
        assert_eq!(params, wanted);
        assert!(bench.screen().contains("creating"), "{}", bench.screen());
        bench.tell(created("s1", None, Language::JavaScript, RuntimeType::Bun));
        let screen = bench.screen();
        assert!(!screen.contains("New session"), "{screen}");
        assert!(
            screen.contains("no more: memory 256 MB, not 300 MB") && screen.contains("session on bun ready"),
            "{screen}"
        );
    }

    #[test]
    fn a_wrong_text_is_told_at_its_field_and_kept() {
        let mut bench = form();
        tabs(&mut bench, 4).press(typed("lots"));
        tabs(&mut bench, 2).press([key(KeyCode::Enter)]);
        let screen = bench.screen();
        assert!(screen.contains("memory: a whole number of MB above 0, not \"lots\""), "{screen}");
        assert!(screen.contains("▸memory     [ lots"), "{screen}");
        assert!(asked(&bench, None).is_none());
        let most = ServerLimits { max_memory: Some(512), ..ServerLimits::default() };
        bench.tell(Msg::Runtime(RuntimeMsg::Limited(most)));
        bench.press((0..4).map(|_| key(KeyCode::Backspace))).press(typed("513")).press([key(KeyCode::Enter)]);
        assert!(bench.screen().contains("no more than 512 MB can be had"), "{}", bench.screen());
    }

    #[test]
    fn a_refusal_comes_back_to_the_form() {
        let mut bench = form();
        tabs(&mut bench, 2).press(typed("mine"));
        tabs(&mut bench, 2).press(typed("64")).press([key(KeyCode::Enter)]);
        let failure = Failure::new(ErrorKind::InvalidParams, "memory: \u{1b}[31mtoo little", "ask for more");
        bench.tell(Msg::Session(SessionMsg::Created { run: None, result: Err(failure) }));
        let screen = bench.screen();
        assert!(screen.contains("▸memory     [ 64") && screen.contains("[ mine"), "{screen}");
        assert!(screen.contains("too little") && screen.contains("ask for more"), "{screen}");
        assert!(!screen.contains('\u{1b}'));
        bench.press(typed("0")).press([key(KeyCode::Enter)]);
        assert_eq!(asked(&bench, None).unwrap().memory_limit_mb, Some(640));
    }

    #[test]
    fn an_image_is_asked_for_of_docker_alone() {
        let mut bench = form();
        assert!(!bench.screen().contains("image"));
        // Balanced, speed, security, memory, docker.
        tabs(&mut bench, 1).press((0..4).map(|_| key(KeyCode::Right)));
        let screen = bench.screen();
        assert!(screen.contains("< on docker >  ✓ ready") && screen.contains("image"), "{screen}");
        tabs(&mut bench, 3).press(typed("node:22")).press([key(KeyCode::Enter)]);
        let params = asked(&bench, None).unwrap();
        assert_eq!(params.docker_image.as_deref(), Some("node:22"));
        assert_eq!((params.runtime_type, params.runtime_preference), (Some(RuntimeType::Docker), None));
    }

    #[test]
    fn another_language_or_preference_is_ranked_at_once() {
        let mut bench = form();
        bench.press([key(KeyCode::Right), key(KeyCode::Tab), key(KeyCode::Right)]);
        let ranks: Vec<_> = bench.effects.iter().filter(|e| matches!(e, Effect::Rank(..))).collect();
        let rank = Effect::Rank;
        assert_eq!(
            ranks,
            [
                &rank(Language::TypeScript, RuntimePreference::Balanced),
                &rank(Language::JavaScript, RuntimePreference::Balanced),
                &rank(Language::JavaScript, RuntimePreference::Speed)
            ]
        );
    }

    #[test]
    fn a_click_goes_to_a_field_and_changes_what_is_chosen_from() {
        use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
        let mut bench = form();
        let row = |bench: &mut Bench, what: &str| {
            let screen = bench.screen();
            u16::try_from(screen.lines().position(|line| line.contains(what)).unwrap()).unwrap()
        };
        let click = |bench: &mut Bench, what: &str| {
            let row = row(bench, what);
            let kind = MouseEventKind::Down(MouseButton::Left);
            bench.press([Event::Mouse(MouseEvent { kind, column: 40, row, modifiers: KeyModifiers::NONE })]);
        };
        click(&mut bench, "network    (");
        assert!(bench.screen().contains("▸network    (•) off"), "{}", bench.screen());
        click(&mut bench, "network    (");
        assert!(bench.screen().contains("(•) on"), "{}", bench.screen());
        click(&mut bench, "idle       [");
        bench.press(typed("8")).press([key(KeyCode::Enter)]);
        let params = asked(&bench, None).unwrap();
        assert_eq!((params.network, params.idle_timeout_minutes), (true, 8));
    }
}

#[test]
fn what_is_looked_for_again_may_be_there() {
    let mut bench = python();
    bench.press([key(KeyCode::F(8)), key(KeyCode::Char('1'))]);
    bench.tell(created("d1", Some(1), Language::Python, RuntimeType::Docker)).tell(ended(1)).tell(lost("d1"));
    bench.press([key(KeyCode::F(3))]).press(typed("r")).press([key(KeyCode::Esc), key(KeyCode::F(5))]);
    let screen = bench.screen();
    assert!(!screen.contains("no runtime that is here"), "{screen}");
    assert_eq!(asked(&bench, Some(2)).unwrap().runtime_type, Some(RuntimeType::Docker), "{screen}");
}

#[test]
fn a_run_that_could_not_begin_is_the_last_one() {
    let mut bench = Bench::new(120, 36);
    bench.found(&RUNTIMES).runs(&[], 0);
    assert!(bench.screen().contains("last: exit 0 in 14 ms"), "{}", bench.screen());
    let failure = |why: &str| Failure::new(ErrorKind::Internal, why, "");
    bench.press([key(KeyCode::F(5))]).tell(Msg::Run(RunMsg::Failed(2, failure("no room"))));
    let screen = bench.screen();
    assert!(screen.contains("✗ last: no room") && !screen.contains("busy"), "{screen}");
    bench.press([key(KeyCode::F(8)), key(KeyCode::Char('1')), ctrl('c')]);
    assert!(bench.screen().contains("! last: before it began"), "{}", bench.screen());
}

#[test]
fn what_the_next_ctrl_c_does_is_said_as_time_passes() {
    let mut bench = Bench::new(120, 36);
    bench.found(&RUNTIMES).press([key(KeyCode::F(5))]);
    bench.tell(created("s1", Some(1), Language::TypeScript, RuntimeType::Bun));
    bench.tell(Msg::Run(RunMsg::Accepted(1, ExecutionId::from("e")))).tell(Msg::Run(RunMsg::Started(1)));
    bench.press([ctrl('c')]);
    assert!(bench.screen().contains("Ctrl-C again kill"), "{}", bench.screen());
    bench.waits();
    let screen = bench.screen();
    assert!(screen.contains("Ctrl-C asks again, twice kills"), "{screen}");
    assert!(screen.contains("run 1 has not ended") && !screen.contains("within 2 s"), "{screen}");
    // What was said goes as anything does, and then nothing is due.
    bench.waits();
    assert!(bench.workbench.deadline().is_none());
    bench.press([ctrl('c')]);
    let ints = bench.effects.iter().filter(|e| matches!(e, Effect::Signal(_, _, Signal::Int))).count();
    assert_eq!(ints, 2);
}
