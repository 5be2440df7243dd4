//! Containers that end or stand still by themselves: the session is lost, that is said, and nobody waits for ever.

use std::time::{Duration, Instant};

use bollard::query_parameters::{KillContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use codebeaker::engine::{Engine as _, SessionEvents, Told};
use codebeaker::protocol::{
    Command, ErrorKind, Execute, Failure, Language, ReadFile, SessionEvent, SessionId, SessionState,
};

use crate::rig::{PYTHON, Rig, SOON, interactive, printed, sh, timely, until};

/// Waits until a session is lost; gives why.
async fn lost(events: &mut SessionEvents, session: &SessionId) -> String {
    loop {
        if let Told::Event(SessionEvent::State { session_id, state: SessionState::Lost, reason }) =
            timely(events.next()).await.unwrap()
            && session_id == *session
        {
            return reason.expect("a reason");
        }
    }
}

async fn refused(rig: &Rig, session: &SessionId) -> Failure {
    let execute = Execute::new(session.clone(), sh("echo on"));
    timely(rig.engine.execute(execute)).await.expect_err("nothing runs in it")
}

/// The session is lost for good, says so, and can be closed; nothing is left of it, and others go on.
async fn over(rig: Rig, session: &SessionId, other: &SessionId) {
    let failure = refused(&rig, session).await;
    assert_eq!(failure.kind, ErrorKind::SessionClosed);
    assert!(failure.message.contains("is lost: ") && !failure.hint.is_empty(), "{failure:?}");
    let info = timely(rig.engine.sessions()).await.unwrap();
    let info = info.iter().find(|info| info.session_id == *session).unwrap();
    assert_eq!(info.state, SessionState::Lost);
    rig.close(session).await;
    assert_eq!(rig.code(other, "print('others go on')").await.stdout, "others go on\n");
    rig.close(other).await;
    until(SOON, "nothing is left on the Engine", async || rig.things().await, Vec::is_empty).await;
    rig.end().await;
}

/// Two sessions, the container of the first, and a program that runs in it.
async fn running() -> Option<(Rig, SessionId, String, SessionId, codebeaker::engine::Execution)> {
    let rig = Rig::new(&[PYTHON]).await?;
    let (session, other) = (rig.session(Language::Python).await, rig.session(Language::Python).await);
    let container = rig.container(&session).await;
    let mut execution = rig.start(interactive(&session, sh("echo on; exec sleep 1000"))).await;
    printed(&mut execution, "on\n").await;
    Some((rig, session, container, other, execution))
}

#[tokio::test]
async fn killed() {
    let Some((rig, session, container, other, execution)) = running().await else { return };
    let mut events = rig.engine.subscribe();
    let options = KillContainerOptionsBuilder::default().signal("KILL").build();
    rig.api.kill_container(&container, Some(options)).await.unwrap();
    let result = timely(execution.finished()).await.unwrap();
    assert!(!result.success && result.error.as_deref().is_some_and(|error| !error.is_empty()), "{result:?}");
    let reason = lost(&mut events, &session).await;
    assert!(!reason.is_empty());
    over(rig, &session, &other).await;
}

#[tokio::test]
async fn removed_by_somebody_else() {
    let Some((rig, session, container, other, execution)) = running().await else { return };
    let mut events = rig.engine.subscribe();
    let options = RemoveContainerOptionsBuilder::default().force(true).build();
    rig.api.remove_container(&container, Some(options)).await.unwrap();
    assert!(!timely(execution.finished()).await.unwrap().success);
    lost(&mut events, &session).await;
    over(rig, &session, &other).await;
}

#[tokio::test]
async fn stopped_by_somebody_else() {
    let Some((rig, session, container, other, execution)) = running().await else { return };
    let mut events = rig.engine.subscribe();
    let begin = Instant::now();
    timely(rig.api.stop_container(&container, None)).await.unwrap();
    // The agent is stopped by a signal that it can't miss.
    assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
    assert!(!timely(execution.finished()).await.unwrap().success);
    lost(&mut events, &session).await;
    over(rig, &session, &other).await;
}

#[tokio::test]
async fn idle_and_killed() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let (session, other) = (rig.session(Language::Python).await, rig.session(Language::Python).await);
    let container = rig.container(&session).await;
    let mut events = rig.engine.subscribe();
    let options = KillContainerOptionsBuilder::default().signal("KILL").build();
    rig.api.kill_container(&container, Some(options)).await.unwrap();
    lost(&mut events, &session).await;
    over(rig, &session, &other).await;
}

/// A file command has no time of its own: that its agent is silent is found out all the same.
#[tokio::test]
async fn standing_still() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let (session, other) = (rig.session(Language::Python).await, rig.session(Language::Python).await);
    let container = rig.container(&session).await;
    let mut events = rig.engine.subscribe();
    rig.api.pause_container(&container).await.unwrap();
    let read = Command::ReadFile(ReadFile { path: "file".into(), encoding: None });
    let timed = Execute { timeout_ms: Some(500), ..Execute::new(session.clone(), sh("echo on")) };
    let execution = rig.start(timed).await;
    let queued = rig.start(Execute::new(session.clone(), read)).await;
    for execution in [execution, queued] {
        let result = timely(execution.finished()).await.unwrap();
        assert!(
            !result.success && result.error.as_deref().is_some_and(|error| !error.is_empty()),
            "{result:?}"
        );
    }
    let reason = lost(&mut events, &session).await;
    assert!(reason.contains("answer"), "{reason}");
    over(rig, &session, &other).await;
}

#[tokio::test]
async fn closed_while_it_stands_still() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let session = rig.session(Language::Python).await;
    let container = rig.container(&session).await;
    rig.api.pause_container(&container).await.unwrap();
    rig.close(&session).await;
    until(SOON, "nothing is left on the Engine", async || rig.things().await, Vec::is_empty).await;
    rig.end().await;
}

#[tokio::test]
async fn standing_still_for_a_moment() {
    let Some((rig, session, container, other, execution)) = running().await else { return };
    rig.api.pause_container(&container).await.unwrap();
    let waiting =
        rig.start(Execute { concurrent: true, ..Execute::new(session.clone(), sh("echo after all")) }).await;
    rig.api.unpause_container(&container).await.unwrap();
    let result = timely(waiting.finished()).await.unwrap();
    assert_eq!(result.process().unwrap().stdout, "after all\n");
    drop(execution);
    rig.close(&session).await;
    rig.close(&other).await;
    rig.end().await;
}
