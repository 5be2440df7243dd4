//! Sessions from their creation to their end.

use codebeaker::engine::{SessionEvents, Told};
use codebeaker::protocol::{
    CreateSession, ErrorKind, Execute, Language, RuntimePreference, RuntimeType, SelectParams, SessionEvent,
    SessionId, SessionState,
};

use crate::files::{read, write};
use crate::{Bench, interactive, printed, sh, timely};

/// What is told of `session` until it is in `state`.
pub async fn told_until(
    events: &mut SessionEvents,
    session: &SessionId,
    state: SessionState,
) -> Vec<SessionEvent> {
    let mut all = Vec::new();
    loop {
        let Some(Told::Event(event)) = timely(events.next()).await else { panic!("after {all:?}") };
        let (SessionEvent::State { session_id, .. }
        | SessionEvent::Started { session_id, .. }
        | SessionEvent::Finished { session_id, .. }) = &event;
        if session_id == session {
            all.push(event.clone());
            if matches!(event, SessionEvent::State { state: now, .. } if now == state) {
                return all;
            }
        }
    }
}

/// Events without their ids: states by name, executions by what happened.
pub fn outline(events: &[SessionEvent]) -> Vec<String> {
    let name = |event: &SessionEvent| match event {
        SessionEvent::State { state, .. } => format!("{state:?}"),
        SessionEvent::Started { .. } => "started".into(),
        SessionEvent::Finished { success, .. } => format!("finished {success}"),
    };
    events.iter().map(name).collect()
}

impl Bench {
    async fn info(&self, id: &SessionId) -> codebeaker::protocol::SessionInfo {
        let all = timely(self.engine.sessions()).await.unwrap();
        all.into_iter().find(|s| s.session_id == *id).unwrap()
    }
}

pub async fn states_and_counters(bench: &Bench) {
    let params = CreateSession { name: Some("mine".into()), memory_limit_mb: Some(256), ..bench.params() };
    let created = bench.engine.create_session(params).await.unwrap();
    assert_eq!((created.state, created.execution_count), (SessionState::Active, 0));
    assert_eq!(created.container_id, created.environment_id);
    assert_eq!((created.runtime_type, created.language), (bench.kind.runtime(), bench.kind.language()));
    assert_eq!(created.runtime, bench.kind.runtime().short());
    assert_eq!(created.name.as_deref(), Some("mine"));
    assert_eq!(created.config.memory_limit_mb, Some(256));
    assert!(created.created_at.ends_with('Z') && created.startup_ms > 0.0);
    let id = created.session_id;

    let mut gate = bench.start(interactive(&id, "echo ready; read line")).await.unwrap();
    printed(&mut gate, "ready\n").await;
    let queued = bench.start(Execute::new(id.clone(), sh("true"))).await.unwrap();
    let running = bench.info(&id).await;
    assert_eq!((running.state, running.execution_count), (SessionState::Active, 1));
    assert_eq!(running.idle_minutes, 0.0);
    bench.input(&gate.id, "", true).await.unwrap();
    timely(gate.finished()).await.unwrap();
    assert!(timely(queued.finished()).await.unwrap().success);
    let after = bench.info(&id).await;
    assert_eq!((after.state, after.execution_count), (SessionState::Idle, 2));
    assert!(after.last_activity >= running.last_activity && after.selection.is_none());
    // A command that fails has been executed too.
    bench.execute(&id, read("nope")).await;
    assert_eq!(bench.info(&id).await.execution_count, 3);

    let second = bench.create().await.session_id;
    let order: Vec<SessionId> =
        bench.engine.sessions().await.unwrap().into_iter().map(|s| s.session_id).collect();
    assert_eq!(order, [id, second]);
}

pub async fn events_in_order(bench: &Bench) {
    let mut events = bench.engine.subscribe();
    let id = bench.create().await.session_id;
    bench.sh(&id, "exit 1").await;
    bench.execute(&id, write("a", "b", codebeaker::protocol::WriteMode::Create)).await;
    bench.engine.close_session(&id).await.unwrap();
    let told = told_until(&mut events, &id, SessionState::Closed).await;
    assert_eq!(
        outline(&told),
        [
            "Active",
            "started",
            "Idle",
            "finished false",
            "Active",
            "started",
            "Idle",
            "finished true",
            "Closing",
            "Closed"
        ]
    );
}

pub async fn closed_while_it_runs(bench: &Bench) {
    let mut events = bench.engine.subscribe();
    let id = bench.create().await.session_id;
    let deaf = "trap '' INT TERM HUP; setsid sleep 1000 & echo ready; while :; do sleep 1000; done";
    let mut running = bench.start(interactive(&id, deaf)).await.unwrap();
    printed(&mut running, "ready\n").await;
    let queued = bench.start(Execute::new(id.clone(), sh("true"))).await.unwrap();
    // Whoever asks second waits as long as the first.
    let (one, other) =
        tokio::join!(timely(bench.engine.close_session(&id)), timely(bench.engine.close_session(&id)));
    assert!(one.is_ok() && other.is_ok());
    for execution in [running, queued] {
        let result = timely(execution.finished()).await.unwrap();
        assert!(!result.success);
        assert_eq!(result.error.unwrap(), format!("session {id} is closed"));
    }
    assert!(bench.engine.sessions().await.unwrap().is_empty());
    let told = outline(&told_until(&mut events, &id, SessionState::Closed).await);
    let closing = told.iter().position(|t| t == "Closing").unwrap();
    assert!(told[closing + 1..].iter().all(|t| t.starts_with("finished") || t == "Closed"), "{told:?}");
    assert_eq!(told.iter().filter(|t| t.starts_with("finished")).count(), 2, "{told:?}");
}

/// Every command that was taken has a result, whenever the session is closed.
pub async fn closed_at_any_moment(bench: &Bench) {
    for n in 0..10 {
        let id = bench.create().await.session_id;
        let submit = async {
            let mut taken = Vec::new();
            loop {
                let execute = Execute {
                    concurrent: taken.len() % 2 == 1,
                    ..Execute::new(id.clone(), write("a", "b", codebeaker::protocol::WriteMode::Append))
                };
                match bench.start(execute).await {
                    Ok(execution) => taken.push(execution),
                    Err(failure) => {
                        let expected = [ErrorKind::SessionClosed, ErrorKind::SessionNotFound];
                        assert!(expected.contains(&failure.kind), "{failure:?}");
                        return taken;
                    }
                }
                tokio::task::yield_now().await;
            }
        };
        let close = async {
            for _ in 0..n * 3 {
                tokio::task::yield_now().await;
            }
            timely(bench.engine.close_session(&id)).await.unwrap();
        };
        let (taken, ()) = tokio::join!(submit, close);
        for execution in taken {
            timely(execution.finished()).await.unwrap();
        }
    }
}

pub async fn unknown_sessions(bench: &Bench) {
    let nobody = SessionId::from("nobody");
    let refused = bench.start(Execute::new(nobody.clone(), sh("true"))).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::SessionNotFound);
    assert!(refused.message.contains("nobody") && !refused.hint.is_empty(), "{refused:?}");
    assert_eq!(bench.engine.stats(&nobody).await.unwrap_err().kind, ErrorKind::SessionNotFound);
    assert!(bench.engine.close_session(&nobody).await.is_ok());
    let id = bench.create().await.session_id;
    bench.engine.close_session(&id).await.unwrap();
    let refused = bench.start(Execute::new(id.clone(), sh("true"))).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::SessionNotFound);
    assert!(bench.engine.close_session(&id).await.is_ok());
}

pub async fn time_for_nothing(bench: &Bench) {
    let mut events = bench.engine.subscribe();
    let idle = CreateSession { idle_timeout_minutes: 0, ..bench.params() };
    let old = CreateSession { max_lifetime_minutes: 0, ..bench.params() };
    let lasting = bench.create().await.session_id;
    for (params, why) in [(idle, "idle for 0 minutes"), (old, "its life time of 0 minutes is over")] {
        let id = bench.engine.create_session(params).await.unwrap().session_id;
        let told = told_until(&mut events, &id, SessionState::Closed).await;
        assert_eq!(outline(&told), ["Active", "Closing", "Closed"]);
        let Some(SessionEvent::State { reason, .. }) = told.last() else { panic!() };
        assert_eq!(reason.as_deref(), Some(why));
        let refused = bench.start(Execute::new(id, sh("true"))).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::SessionNotFound);
    }
    let left = bench.engine.sessions().await.unwrap();
    assert_eq!(left.iter().map(|s| &s.session_id).collect::<Vec<_>>(), [&lasting]);
}

pub async fn what_it_uses(bench: &Bench) {
    let id = bench.create().await.session_id;
    let before = timely(bench.engine.stats(&id)).await.unwrap();
    assert_eq!(before.processes, Some(0));
    assert_eq!(before.peak_memory_bytes, None, "nothing has run yet");
    assert_eq!(before.workspace_files, Some(0));
    let mut busy =
        bench.start(interactive(&id, "echo 1 > file; sleep 1000 & echo ready; wait")).await.unwrap();
    printed(&mut busy, "ready\n").await;
    let during = timely(bench.engine.stats(&id)).await.unwrap();
    assert_eq!(during.processes, Some(2));
    assert!(during.memory_bytes.is_some_and(|n| (100_000..1 << 30).contains(&n)), "{during:?}");
    // Nobody but an Engine has a process outside for each session.
    assert!(bench.kind.in_container() || during.outside_bytes.is_none(), "{during:?}");
    let target = codebeaker::engine::InterruptTarget::Execution(busy.id.clone());
    bench.engine.interrupt(target, codebeaker::protocol::Signal::Kill).await.unwrap();
    timely(busy.finished()).await.unwrap();
    let after = bench.without_processes(&id).await;
    assert!(after.peak_memory_bytes.is_some_and(|n| n > 100_000), "{after:?}");
}

pub async fn ranking_and_refusals(bench: &Bench) {
    let language = bench.kind.language();
    for preference in [
        RuntimePreference::Speed,
        RuntimePreference::Security,
        RuntimePreference::Memory,
        RuntimePreference::Balanced,
    ] {
        let params = SelectParams { language, runtime_preference: Some(preference), runtime_type: None };
        let selection = timely(bench.engine.select(params)).await.unwrap();
        let first = &selection.ranking[0];
        assert!(first.chosen && selection.chosen == Some(first.runtime_type), "{selection:?}");
        assert!(selection.ranking.iter().all(|c| !c.reason.is_empty()), "{selection:?}");
        assert_eq!(selection.ranking.len(), bench.engine.runtime_types().len());
        let create = CreateSession { runtime_preference: Some(preference), ..CreateSession::new(language) };
        let session = bench.engine.create_session(create).await.unwrap();
        assert_eq!(session.runtime_type, first.runtime_type);
        assert_eq!(session.selection.and_then(|s| s.chosen), Some(first.runtime_type));
        bench.engine.close_session(&session.session_id).await.unwrap();
    }
    let python =
        CreateSession { runtime_type: Some(RuntimeType::Deno), ..CreateSession::new(Language::Python) };
    // An image is for containers, and this one is nowhere.
    let image = CreateSession { docker_image: Some("codebeaker-of-nobody".into()), ..bench.params() };
    let no_image = if bench.kind.in_container() { ErrorKind::NoRuntime } else { ErrorKind::InvalidParams };
    let variables = CreateSession { env: [("A=B".to_owned(), String::new())].into(), ..bench.params() };
    for (params, kind) in
        [(python, ErrorKind::NoRuntime), (image, no_image), (variables, ErrorKind::InvalidParams)]
    {
        let refused = bench.engine.create_session(params).await.unwrap_err();
        assert_eq!(refused.kind, kind);
        assert!(!refused.hint.is_empty(), "{refused:?}");
    }
    assert!(bench.engine.sessions().await.unwrap().is_empty());
}
