//! Requests whose answers don't come: done once, and never claimed to be what they are not.

use std::time::Duration;

use codebeaker::engine::{Engine, InterruptTarget, Told as News};
use codebeaker::protocol::{ErrorKind, Execute, ExecutionId, SessionEvent, SessionId, SessionState, Signal};
use codebeaker::remote::Timing;

use crate::support::proxy::{Cut, Rule};
use crate::{Rig, Told, all, back, code, create, down, python, quick, timely, until};

/// How many sessions the server has.
async fn sessions(rig: &Rig) -> usize {
    timely(rig.engine.sessions()).await.unwrap().len()
}

/// Waits until the server has so many sessions.
async fn has_sessions(rig: &Rig, count: usize) {
    let mut events = rig.engine.subscribe();
    while sessions(rig).await != count {
        timely(events.next()).await;
    }
}

#[tokio::test]
async fn a_session_that_was_made_unheard_is_the_one_that_is_given() {
    let Some(rig) = Rig::new().await else { return };
    let engine = rig.attach().await;
    let wire = rig.proxy.wire();
    wire.down.set(Rule::Stall);
    let cutting = async {
        has_sessions(&rig, 1).await;
        wire.cut(Cut::Reset);
    };
    let (made, ()) = tokio::join!(timely(engine.create_session(python())), cutting);
    let made = made.unwrap();
    let known = timely(rig.engine.sessions()).await.unwrap();
    assert_eq!(known.iter().map(|s| &s.session_id).collect::<Vec<_>>(), [&made.session_id]);
    assert_eq!(back(&*engine, 1).await.returns, 1);
    engine.shutdown().await;
    rig.end().await;
}

#[tokio::test]
async fn a_session_that_was_never_asked_for_is_asked_for_again() {
    let Some(rig) = Rig::new().await else { return };
    let engine = rig.attach().await;
    let wire = rig.proxy.wire();
    // Cut within the request.
    wire.up.set(Rule::CutAfter(20));
    timely(engine.create_session(python())).await.unwrap();
    assert_eq!(sessions(&rig).await, 1);
    engine.shutdown().await;
    rig.end().await;
}

/// Nobody would close it otherwise.
#[tokio::test]
async fn a_session_whose_caller_has_gone_is_closed() {
    let Some(rig) = Rig::new().await else { return };
    let engine = rig.attach().await;
    let mut events = rig.engine.subscribe();
    let asking = engine.create_session(python());
    tokio::select! {
        made = asking => panic!("{made:?}"),
        event = timely(events.next()) => assert!(event.is_some()),
    }
    // It is made, and then closed.
    let mut states = Vec::new();
    while !states.contains(&SessionState::Closed) {
        if let Some(News::Event(SessionEvent::State { state, .. })) = timely(events.next()).await {
            states.push(state);
        }
    }
    assert_eq!(sessions(&rig).await, 0, "{states:?}");
    engine.shutdown().await;
    rig.end().await;
}

#[tokio::test]
async fn what_is_asked_while_the_link_is_down_fails_at_once_with_the_reason() {
    let Some(rig) = Rig::new().await else { return };
    let engine = rig.attach().await;
    let session = create(&*engine).await;
    rig.proxy.refuse().await;
    rig.proxy.cut(Cut::Reset);
    down(&*engine).await;
    let id = ExecutionId("none".into());
    let failures = [
        timely(engine.sessions()).await.unwrap_err(),
        timely(engine.stats(&session)).await.unwrap_err(),
        timely(engine.close_session(&session)).await.unwrap_err(),
        timely(engine.create_session(python())).await.unwrap_err(),
        timely(engine.interrupt(InterruptTarget::Execution(id.clone()), Signal::Int)).await.unwrap_err(),
        timely(engine.resize(&id, 1, 1)).await.unwrap_err(),
        timely(engine.input(&id, "x".into(), false)).await.unwrap_err(),
        timely(engine.info()).await.unwrap_err(),
        timely(engine.execute(code(&session, "open('ran', 'w')"))).await.unwrap_err(),
    ];
    for failure in failures {
        assert_eq!(failure.kind, ErrorKind::Unreachable, "{failure:?}");
        assert!(failure.message.contains("is down") && !failure.hint.is_empty(), "{failure:?}");
    }
    rig.proxy.admit().await;
    back(&*engine, 1).await;
    // None of it was done.
    assert_eq!(sessions(&rig).await, 1);
    let told =
        all(timely(engine.execute(code(&session, "import os; print(os.listdir('.'))"))).await.unwrap()).await;
    assert!(!String::from_utf8_lossy(&told.stdout).contains("ran"), "{told:?}");
    engine.shutdown().await;
    rig.end().await;
}

#[tokio::test]
async fn requests_under_way_are_told_what_is_known_of_them() {
    let Some(rig) = Rig::new().await else { return };
    let engine = rig.attach().await;
    let session = create(&*engine).await;
    let execution = timely(engine.execute(code(&session, "input()"))).await.unwrap();
    let wire = rig.proxy.wire();
    wire.down.set(Rule::Stall);
    let before = wire.up.passed();
    let cutting = async {
        wire.up.passes(before, 300).await;
        wire.cut(Cut::Reset);
    };
    let target = InterruptTarget::Execution(execution.id.clone());
    let another = SessionId("another".into());
    let (list, stats, interrupted, closed, ()) = tokio::join!(
        timely(engine.sessions()),
        timely(engine.stats(&session)),
        timely(engine.interrupt(target, Signal::Int)),
        timely(engine.close_session(&another)),
        timely(cutting),
    );
    // What changes nothing has failed; of a signal it is not known; what can be asked twice was.
    for failure in [list.unwrap_err(), stats.unwrap_err()] {
        assert_eq!(failure.kind, ErrorKind::Unreachable, "{failure:?}");
    }
    let failure = interrupted.unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Unknown, "{failure:?}");
    assert!(failure.message.contains("not known"), "{failure:?}");
    assert_eq!(closed, Ok(()));
    engine.shutdown().await;
    rig.end().await;
}

#[tokio::test]
async fn a_session_is_closed_though_its_answer_is_lost() {
    let Some(rig) = Rig::new().await else { return };
    let engine = rig.attach().await;
    let session = create(&*engine).await;
    let wire = rig.proxy.wire();
    wire.down.set(Rule::Stall);
    let cutting = async {
        has_sessions(&rig, 0).await;
        wire.cut(Cut::Reset);
    };
    let (closed, ()) = tokio::join!(timely(engine.close_session(&session)), cutting);
    assert_eq!(closed, Ok(()));
    engine.shutdown().await;
    rig.end().await;
}

/// Nobody waits for ever for a link that doesn't come back.
#[tokio::test]
async fn what_waits_for_the_link_waits_no_longer_than_its_answer_may_take() {
    let Some(rig) = Rig::new().await else { return };
    let timing = Timing { answer: Duration::from_millis(300), ..quick() };
    let engine = rig.attach_as(None, timing).await.unwrap();
    let wire = rig.proxy.wire();
    wire.down.set(Rule::Stall);
    rig.proxy.refuse().await;
    let (before, another) = (wire.up.passed(), SessionId("another".into()));
    let cutting = async {
        wire.up.passes(before, 20).await;
        wire.cut(Cut::Reset);
    };
    let (closed, ()) = tokio::join!(timely(engine.close_session(&another)), timely(cutting));
    let failure = closed.unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Unknown, "{failure:?}");
    down(&*engine).await;
    engine.shutdown().await;
    rig.end().await;
}

/// Waits until what is executed in a session after all else has run: whether the file is there then.
async fn is_there(rig: &Rig, session: &SessionId, file: &str) -> bool {
    let text = format!("import os\nprint(os.path.exists({file:?}))");
    let told = all(timely(rig.engine.execute(code(session, &text))).await.unwrap()).await;
    told.stdout == b"True\n"
}

#[tokio::test]
async fn a_command_that_never_arrived_was_not_executed_and_that_is_said() {
    let Some(rig) = Rig::new().await else { return };
    let engine = rig.attach().await;
    let session = create(&*engine).await;
    rig.proxy.wire().up.set(Rule::CutAfter(30));
    let failure = timely(engine.execute(code(&session, "open('ran', 'w').close()"))).await.unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Unreachable, "{failure:?}");
    assert!(failure.message.contains("not executed"), "{failure:?}");
    assert!(!is_there(&rig, &session, "ran").await);
    engine.shutdown().await;
    rig.end().await;
}

/// A wire that is slow, not broken: the command arrives after its caller was told that it would not be executed.
#[tokio::test]
async fn a_command_that_arrives_too_late_is_not_executed() {
    let Some(rig) = Rig::new().await else { return };
    let timing =
        Timing { silence: Duration::from_millis(500), heartbeat: Duration::from_millis(200), ..quick() };
    let engine = rig.attach_as(None, timing).await.unwrap();
    let session = create(&*engine).await;
    let slow = rig.proxy.wire();
    slow.up.set(Rule::Stall);
    let failure = timely(engine.execute(code(&session, "open('ran', 'w').close()"))).await.unwrap_err();
    assert!(failure.message.contains("not executed"), "{failure:?}");
    let (before, mut events) = (slow.up.passed(), rig.engine.subscribe());
    slow.up.set(Rule::Pass);
    timely(slow.up.passes(before, 1)).await;
    timely(slow.over()).await;
    // The server has read all that came on that connection: it has closed it. What it had begun would be told first.
    let ran = is_there(&rig, &session, "ran").await;
    let begun = std::iter::from_fn(|| futures_util::FutureExt::now_or_never(events.next()).flatten());
    let begun: Vec<News> =
        begun.filter(|news| matches!(news, News::Event(SessionEvent::Started { .. }))).collect();
    assert!(!ran && begun.len() == 1, "{begun:?}");
    engine.shutdown().await;
    rig.end().await;
}

/// The command was taken; its caller hears of it, and of its end, though the wire broke before the first word of it.
#[tokio::test]
async fn a_command_that_was_taken_unheard_is_followed() {
    let Some(rig) = Rig::new().await else { return };
    let engine = rig.attach().await;
    let session = create(&*engine).await;
    let wire = rig.proxy.wire();
    wire.down.set(Rule::Stall);
    let mut events = rig.engine.subscribe();
    let text = "with open('ran', 'a') as f: f.write('x')\nprint(len(open('ran').read()))";
    let cutting = async {
        let started = |news| matches!(news, Some(News::Event(SessionEvent::Started { .. })));
        while !started(timely(events.next()).await) {}
        wire.cut(Cut::Reset);
    };
    let (execution, ()) = tokio::join!(timely(engine.execute(code(&session, text))), cutting);
    let told = all(execution.unwrap()).await;
    assert_eq!(told.stdout, b"1\n");
    assert!(told.result().success && told.gaps.is_empty());
    engine.shutdown().await;
    rig.end().await;
}

#[tokio::test]
async fn what_ran_on_a_server_that_was_started_anew_is_told_unknown() {
    let Some(mut rig) = Rig::new().await else { return };
    let engine = rig.attach().await;
    let session = create(&*engine).await;
    let mut execution =
        timely(engine.execute(code(&session, "print('on', flush=True)\ninput()"))).await.unwrap();
    let mut told = Told::default();
    until(&mut execution, &mut told, "on\n").await;
    let mut events = engine.subscribe();
    rig.start_anew().await;
    while let Some(event) = timely(execution.next()).await {
        told.take(event);
    }
    let result = told.result();
    let error = result.error.clone().unwrap();
    assert!(!result.success && error.contains("not known") && error.contains("anew"), "{result:?}");
    while !matches!(timely(events.next()).await, Some(News::Lagged(_))) {}
    assert_eq!(timely(engine.sessions()).await.unwrap().len(), 0);
    let session = create(&*engine).await;
    let told = all(timely(engine.execute(code(&session, "print(6 * 7)"))).await.unwrap()).await;
    assert_eq!(told.stdout, b"42\n");
    engine.shutdown().await;
    rig.end().await;
}

/// One who wants no output is not kept waiting by those who do.
#[tokio::test]
async fn a_command_without_output_ends_also_where_others_watch_it() {
    let Some(rig) = Rig::new().await else { return };
    let engine = rig.attach().await;
    let session = create(&*engine).await;
    let dialed = timely(codebeaker::remote::dial(&rig.address(), None, &quick())).await.unwrap();
    let watching = watch_output(dialed.socket).await;
    let text = "for i in range(1000): print('x' * 4000, flush=True)";
    let silent = Execute { stream: false, ..code(&session, text) };
    let execution = timely(engine.execute(silent)).await.unwrap();
    let told = all(execution).await;
    assert!(told.result().success && told.stdout.is_empty(), "{told:?}");
    // The same over a link that was lost meanwhile.
    let silent = Execute { stream: false, ..code(&session, &format!("input()\n{text}")) };
    let execution = timely(engine.execute(silent)).await.unwrap();
    rig.proxy.cut(Cut::Reset);
    back(&*engine, 1).await;
    timely(rig.engine.input(&execution.id, "\n".into(), false)).await.unwrap();
    let told = all(execution).await;
    assert!(told.result().success && told.stdout.is_empty() && told.gaps.is_empty(), "{told:?}");
    watching.abort();
    engine.shutdown().await;
    rig.end().await;
}

/// Somebody else who is told of all output.
async fn watch_output(mut socket: codebeaker::remote::Socket) -> tokio::task::JoinHandle<()> {
    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio_tungstenite::tungstenite::Message;
    let ask = r#"{"jsonrpc":"2.0","id":1,"method":"session.subscribe","params":{"events":["output"]}}"#;
    socket.send(Message::text(ask)).await.unwrap();
    timely(socket.next()).await.unwrap().unwrap();
    tokio::spawn(async move { while let Some(Ok(_)) = socket.next().await {} })
}
