//! The connection to an original server: what passes, what is lost, and how it comes back.

use std::time::Duration;

use codebeaker::engine::{Engine as _, FrameKind, Link};
use codebeaker::protocol::{ErrorKind, Execute};

use crate::support::original::{Era, Fault, Kind};
use crate::{OriginalOptions, Rig, sh, timely};

fn quick() -> OriginalOptions {
    OriginalOptions {
        control: Duration::from_secs(1),
        command: Duration::from_secs(1),
        margin: Duration::from_millis(100),
        ..OriginalOptions::default()
    }
}

#[tokio::test]
async fn what_passes_is_shown() {
    let rig = Rig::new(Era::D, Kind::Node).await;
    let mut traffic = rig.engine.traffic().unwrap();
    rig.engine.sessions().await.unwrap();
    let sent = timely(traffic.recv()).await.unwrap();
    let FrameKind::Request { id, method } = &sent.kind else { panic!("{sent:?}") };
    assert!(sent.sent && method == "session.list" && sent.text.contains("\"method\":\"session.list\""));
    let told = timely(traffic.recv()).await.unwrap();
    assert_eq!(told.kind, FrameKind::Notification { method: "execution.started".into() });
    let answer = timely(traffic.recv()).await.unwrap();
    let FrameKind::Answer { id: answered, method, ok: true, took: Some(_) } = &answer.kind else {
        panic!("{answer:?}")
    };
    assert_eq!((answered, method.as_str()), (id, "session.list"));
    rig.leave_clean().await;
}

#[tokio::test]
async fn a_server_that_never_answers_is_not_waited_for_for_ever() {
    let rig = Rig::with(Era::D, Kind::Docker, quick()).await;
    let id = rig.create().await;
    rig.server.fail("session.list", Fault::Silence);
    let silent = timely(rig.engine.sessions()).await.unwrap_err();
    assert!(silent.message.contains("did not answer session.list within 1 s"), "{silent:?}");
    assert_eq!(rig.engine.sessions().await.unwrap().len(), 1);

    rig.server.fail("session.create", Fault::Silence);
    let unknown = timely(rig.engine.create_session(rig.params())).await.unwrap_err();
    assert_eq!(unknown.kind, ErrorKind::Unknown);

    rig.server.fail("session.execute", Fault::Silence);
    let result = rig.execute(&id, sh("true")).await;
    assert!(result.process().unwrap().timed_out && !result.success);
    assert!(result.error.unwrap().contains("close the session"));
    assert!(rig.execute(&id, sh("true")).await.success);
    rig.leave_clean().await;
}

#[tokio::test]
async fn a_connection_that_breaks_under_a_command_costs_that_command_alone() {
    let rig = Rig::new(Era::E, Kind::Docker).await;
    let id = rig.create().await;
    assert!(rig.execute(&id, sh("true")).await.success);
    rig.server.fail("session.execute", Fault::HangUp);
    let executed = rig.server.count("session.execute");
    let lost = rig.execute(&id, sh("echo 1 >> log")).await;
    assert!(lost.error.unwrap().contains("was lost before the answer to session.execute came"));
    // Whether it was done is not known, so it is not done again.
    assert_eq!(rig.server.count("session.execute"), executed);
    assert!(rig.execute(&id, sh("true")).await.success);
    rig.leave_clean().await;
}

#[tokio::test]
async fn a_server_that_is_gone_is_told_and_what_is_asked_meanwhile_fails() {
    let pace = Duration::from_millis(50);
    let mut rig = Rig::with(Era::D, Kind::Node, OriginalOptions { pace, ..quick() }).await;
    let id = rig.create().await;
    let mut link = rig.engine.link();
    timely(rig.server.go_down()).await;
    let down = timely(link.wait_for(|link| matches!(link, Link::Down(_)))).await.unwrap().clone();
    let Link::Down(down) = down else { panic!() };
    assert!(down.attempt >= 1 && !down.reason.is_empty(), "{down:?}");
    let failure = rig.engine.create_session(rig.params()).await.unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Unreachable);
    let execution = rig.engine.execute(Execute::new(id, sh("true"))).await.unwrap();
    assert!(!timely(execution.finished()).await.unwrap().success);

    timely(rig.server.come_up()).await;
    rig.engine.reconnect();
    let up = timely(link.wait_for(|link| matches!(link, Link::Up(_)))).await.unwrap().clone();
    let Link::Up(up) = up else { panic!() };
    assert_eq!(up.returns, 1);
    assert_eq!(rig.engine.sessions().await.unwrap().len(), 1);
    rig.leave_clean().await;
}
