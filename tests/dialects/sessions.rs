//! Sessions of original servers: their life, their order, and what is told of them.

use codebeaker::engine::{Engine as _, SessionEvents, Told};
use codebeaker::protocol::{
    CreateSession, ErrorKind, Execute, Language, RuntimePreference, RuntimeType, SessionEvent, SessionId,
    SessionState,
};
use serde_json::Value;

use crate::support::original::{Era, Kind};
use crate::{ALL, OriginalOptions, Rig, code, sh, timely};

async fn state(events: &mut SessionEvents, wanted: SessionState) -> SessionId {
    loop {
        match timely(events.next()).await.unwrap() {
            Told::Event(SessionEvent::State { session_id, state, .. }) if state == wanted => {
                return session_id;
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_session_is_told_as_ours_are() {
    for (era, kind) in ALL {
        let rig = Rig::new(era, kind).await;
        let named = CreateSession { name: Some("mine".into()), max_lifetime_minutes: 77, ..rig.params() };
        let session = timely(rig.engine.create_session(named.clone())).await.unwrap();
        assert_eq!(Some(session.runtime_type), named.runtime_type, "{era:?} {kind:?}");
        assert_eq!((session.language, session.state), (named.language, SessionState::Active));
        assert!(session.startup_ms > 0.0 && session.config.idle_timeout_minutes == 77);
        let listed = timely(rig.engine.sessions()).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!((&listed[0].session_id, &listed[0].name), (&session.session_id, &named.name));
        assert_eq!(listed[0].runtime_type, session.runtime_type);

        let params: Value = serde_json::from_str(&rig.server.params("session.create")).unwrap();
        let name = if era == Era::A { "IdleTimeoutMinutes" } else { "idleTimeoutMinutes" };
        assert_eq!(params[name], 77);
        rig.leave_clean().await;
    }
}

#[tokio::test]
async fn a_preference_is_passed_on_and_a_runtime_that_is_not_there_is_refused() {
    for era in [Era::B, Era::C, Era::D, Era::E] {
        let rig = Rig::new(era, Kind::Bun).await;
        let wanted = CreateSession {
            runtime_preference: Some(RuntimePreference::Security),
            runtime_type: Some(RuntimeType::Deno),
            ..CreateSession::new(Language::JavaScript)
        };
        let failure = rig.engine.create_session(wanted.clone()).await.unwrap_err();
        assert_eq!(failure.kind, ErrorKind::NoRuntime);
        assert!(failure.message.starts_with("Runtime 1 not available"), "{}", failure.message);
        let image = CreateSession { docker_image: Some("x".into()), ..rig.params() };
        let failure = rig.engine.create_session(image).await.unwrap_err();
        assert_eq!(failure.kind, ErrorKind::NotAvailable);
        rig.leave_clean().await;
    }
}

#[tokio::test]
async fn which_runtime_a_session_got_is_found_out_where_it_is_not_told() {
    for kind in [Kind::Deno, Kind::Bun, Kind::Node] {
        let rig = Rig::new(Era::D, kind).await;
        let any = CreateSession::new(Language::JavaScript);
        let id = rig.engine.create_session(any).await.unwrap().session_id;
        let process = rig.process(&id, sh("exit 3")).await;
        let told = if kind == Kind::Deno { 1 } else { 3 };
        assert_eq!(process.exit_code, told, "{kind:?}");
        let runtime = rig.engine.sessions().await.unwrap()[0].runtime_type;
        let expected = match kind {
            Kind::Deno => RuntimeType::Deno,
            Kind::Bun => RuntimeType::Bun,
            _ => RuntimeType::NativeProcess,
        };
        assert_eq!(runtime, expected);
        rig.leave_clean().await;
    }
}

#[tokio::test]
async fn commands_of_a_session_run_in_order() {
    let rig = Rig::new(Era::D, Kind::Bun).await;
    let id = rig.create().await;
    let mut under_way = Vec::new();
    for n in 0..8 {
        under_way.push(rig.start(&id, sh(&format!("echo {n} >> log; cat log | wc -l"))).await);
    }
    for (n, execution) in under_way.into_iter().enumerate() {
        let result = timely(execution.finished()).await.unwrap();
        assert_eq!(result.process().unwrap().stdout.trim(), (n + 1).to_string());
    }
    rig.leave_clean().await;
}

#[tokio::test]
async fn sessions_run_side_by_side_and_nothing_else_waits() {
    for (era, kind) in [(Era::A, Kind::Docker), (Era::D, Kind::Node), (Era::E, Kind::Deno)] {
        let rig = Rig::new(era, kind).await;
        let (first, second) = (rig.create().await, rig.create().await);
        let one = rig.start(&first, sh("exec sleep 100")).await;
        let two = rig.start(&second, sh("exec sleep 100")).await;
        timely(rig.server.running(2)).await;
        assert_eq!(timely(rig.engine.sessions()).await.unwrap().len(), 2);
        let third = rig.create().await;
        assert!(rig.execute(&third, sh("true")).await.success);
        timely(rig.engine.close_session(&first)).await.unwrap();
        let ended = timely(one.finished()).await.unwrap();
        assert!(!ended.success, "{ended:?}");
        let refused = rig.engine.execute(Execute::new(first.clone(), sh("true"))).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::SessionNotFound);
        timely(rig.engine.close_session(&second)).await.unwrap();
        assert!(!timely(two.finished()).await.unwrap().success);
        timely(rig.engine.close_session(&third)).await.unwrap();
        // What still runs there keeps its connection: Deno's programs outlive their sessions.
        rig.server.state.abandon();
        rig.leave_clean().await;
    }
}

#[tokio::test]
async fn too_many_commands_are_refused() {
    let rig = Rig::new(Era::D, Kind::Node).await;
    let id = rig.create().await;
    let mut waiting = vec![rig.start(&id, sh("exec sleep 100")).await];
    timely(rig.server.running(1)).await;
    for _ in 1..64 {
        waiting.push(rig.start(&id, sh("true")).await);
    }
    let refused = rig.engine.execute(Execute::new(id.clone(), sh("true"))).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Busy);
    timely(rig.engine.close_session(&id)).await.unwrap();
    for execution in waiting {
        assert!(!timely(execution.finished()).await.unwrap().success);
    }
    rig.leave_clean().await;
}

#[tokio::test]
async fn what_happens_is_told() {
    let rig = Rig::new(Era::C, Kind::Python).await;
    let mut events = rig.engine.subscribe();
    let id = rig.create().await;
    assert_eq!(state(&mut events, SessionState::Active).await, id);
    rig.execute(&id, code(Language::Python, "print(1)")).await;
    assert_eq!(state(&mut events, SessionState::Idle).await, id);
    rig.engine.close_session(&id).await.unwrap();
    assert_eq!(state(&mut events, SessionState::Closed).await, id);
    rig.leave_clean().await;
}

#[tokio::test]
async fn a_session_that_vanished_is_noticed_by_looking_and_by_using_it() {
    let pace = std::time::Duration::from_millis(20);
    let rig = Rig::with(Era::D, Kind::Node, OriginalOptions { pace, ..OriginalOptions::default() }).await;
    let mut events = rig.engine.subscribe();
    let id = rig.create().await;
    rig.server.lose(&id.0);
    assert_eq!(state(&mut events, SessionState::Closed).await, id);
    rig.leave_clean().await;

    let rig = Rig::new(Era::D, Kind::Node).await;
    let mut events = rig.engine.subscribe();
    let id = rig.create().await;
    rig.server.lose(&id.0);
    let lost = rig.execute(&id, sh("true")).await;
    assert!(lost.error.unwrap().contains("Session not found"));
    assert_eq!(state(&mut events, SessionState::Lost).await, id);
    rig.leave_clean().await;
}

#[tokio::test]
async fn a_session_of_somebody_elses_can_be_used() {
    for (era, kind) in [(Era::B, Kind::Docker), (Era::D, Kind::Node), (Era::E, Kind::Bun)] {
        let rig = Rig::new(era, kind).await;
        let other = crate::attach(&rig.server, OriginalOptions::default()).await;
        let id = rig.create().await;
        let execute = Execute::new(id, sh("echo hi"));
        let result = timely(timely(other.execute(execute)).await.unwrap().finished()).await.unwrap();
        assert_eq!(result.process().unwrap().stdout.trim_end(), "hi", "{era:?} {kind:?}");
        timely(other.shutdown()).await;
        drop(other);
        rig.leave_clean().await;
    }
}

#[tokio::test]
async fn who_leaves_leaves_the_sessions() {
    let rig = Rig::new(Era::D, Kind::Node).await;
    let id = rig.create().await;
    let running = rig.start(&id, sh("exec sleep 100")).await;
    timely(rig.server.running(1)).await;
    timely(rig.engine.shutdown()).await;
    let error = timely(running.finished()).await.unwrap().error;
    assert_eq!(error.as_deref(), Some("the server was left"));
    assert_eq!(rig.engine.sessions().await.unwrap_err().kind, ErrorKind::Cancelled);
    assert_eq!(rig.server.sessions(), [id.0]);
}

#[tokio::test]
async fn who_no_longer_waits_for_a_session_leaves_none() {
    let rig = Rig::new(Era::D, Kind::Node).await;
    let mut asked = rig.engine.traffic().unwrap();
    {
        let create = rig.engine.create_session(rig.params());
        tokio::pin!(create);
        // Dropped as soon as the question is on its way.
        tokio::select! {
            _ = &mut create => panic!("it was answered before it was asked"),
            frame = asked.recv() => assert!(frame.unwrap().sent),
        }
    }
    while !matches!(timely(asked.recv()).await.unwrap().kind,
        codebeaker::engine::FrameKind::Answer { method, .. } if method == "session.close")
    {}
    assert_eq!(rig.server.sessions(), Vec::<String>::new());
    rig.leave_clean().await;
}
