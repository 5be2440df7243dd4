//! The link itself: how its loss is noticed, how it comes back, and what it takes for a loss.

use std::time::{Duration, Instant};

use codebeaker::engine::{Engine as _, Link, Token};
use codebeaker::protocol::{Command, Encoding, ErrorKind, Execute, ReadFile, WriteFile};
use codebeaker::remote::{self, Address, Timing};

use crate::support::proxy::{Cut, Rule};
use crate::support::served::Served;
use crate::{Rig, Told, all, back, code, create, down, quick, timely, until};

/// Silence is noticed soon.
fn nervous() -> Timing {
    Timing { heartbeat: Duration::from_millis(150), silence: Duration::from_millis(500), ..quick() }
}

#[tokio::test]
async fn a_link_that_carries_nothing_is_noticed_in_time() {
    let Some(rig) = Rig::new().await else { return };
    // With what is usual, ten seconds are promised; here all is a sixteenth of that.
    let engine = rig.attach_as(None, nervous()).await.unwrap();
    let stalled: [fn(&crate::support::proxy::Wire); 3] = [
        |wire| wire.up.set(Rule::Stall),
        |wire| wire.down.set(Rule::Stall),
        |wire| {
            wire.up.set(Rule::Stall);
            wire.down.set(Rule::Stall);
        },
    ];
    for (returns, stall) in (1..).zip(stalled) {
        let begin = Instant::now();
        stall(&rig.proxy.wire());
        let lost = down(&*engine).await;
        let took = begin.elapsed();
        println!("noticed after {took:?}");
        assert!(lost.reason.contains("no sign of life"), "{lost:?}");
        assert!(took < Duration::from_secs(2), "{took:?}");
        back(&*engine, returns).await;
    }
    engine.shutdown().await;
    rig.end().await;
}

/// Also by one who writes all the time: that bytes can be sent tells nothing.
#[tokio::test]
async fn who_types_into_a_dead_link_notices_that() {
    let Some(rig) = Rig::new().await else { return };
    let engine = rig.attach_as(None, nervous()).await.unwrap();
    rig.proxy.wire().up.set(Rule::Stall);
    rig.proxy.wire().down.set(Rule::Stall);
    let begin = Instant::now();
    while matches!(*engine.link().borrow(), Link::Up(_)) {
        let asking = tokio::time::timeout(Duration::from_millis(20), engine.sessions());
        assert!(!matches!(asking.await, Ok(Ok(_))));
        assert!(begin.elapsed() < Duration::from_secs(3), "it is not noticed");
    }
    engine.shutdown().await;
    rig.end().await;
}

/// A slow line is none that is dead: a long message is a sign of life while it arrives.
#[tokio::test]
async fn a_long_message_on_a_slow_line_is_no_silence() {
    let Some(rig) = Rig::new().await else { return };
    let timing = Timing { silence: Duration::from_secs(1), ..nervous() };
    let engine = rig.attach_as(None, timing).await.unwrap();
    let session = create(&*engine).await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
    let write = Command::WriteFile(WriteFile::bytes("big", &bytes));
    let wire = rig.proxy.wire();
    // Both ways take some seconds: several times what counts as silence.
    wire.up.set(Rule::Trickle(16 << 10, Duration::from_millis(10)));
    wire.down.set(Rule::Trickle(16 << 10, Duration::from_millis(10)));
    let begin = Instant::now();
    let execution = timely(engine.execute(Execute::new(session.clone(), write))).await.unwrap();
    let told = all(execution).await;
    println!("sent in {:?}", begin.elapsed());
    assert!(told.result().success, "{told:?}");
    let read = Command::ReadFile(ReadFile { path: "big".into(), encoding: Some(Encoding::Base64) });
    let begin = Instant::now();
    let execution = timely(engine.execute(Execute::new(session.clone(), read))).await.unwrap();
    let told = all(execution).await;
    println!("received in {:?}", begin.elapsed());
    assert!(begin.elapsed() > Duration::from_secs(1), "that is no slow line");
    assert!(told.result().success, "{:?}", told.result().error);
    let Link::Up(up) = engine.link().borrow().clone() else { panic!("the link is down") };
    assert_eq!((up.returns, rig.proxy.count()), (0, 1));
    engine.shutdown().await;
    rig.end().await;
}

#[tokio::test]
async fn attempts_become_rarer_and_one_that_is_asked_for_is_made_at_once() {
    let Some(rig) = Rig::new().await else { return };
    let backoff = [50, 100, 200, 400, 600_000].map(Duration::from_millis);
    let engine =
        rig.attach_as(None, Timing { backoff, knock: Duration::from_secs(600), ..quick() }).await.unwrap();
    rig.proxy.refuse().await;
    let mut link = engine.link();
    rig.proxy.cut(Cut::Reset);
    let mut waits = Vec::new();
    while waits.len() < 5 {
        timely(link.changed()).await.unwrap();
        if let Link::Down(down) = &*link.borrow_and_update()
            && let Some(wait) = down.wait.filter(|wait| !wait.is_zero())
        {
            assert_eq!(down.attempt, waits.len() as u32 + 1);
            waits.push(wait);
        }
    }
    for (wait, base) in waits.iter().zip(backoff) {
        assert!(*wait >= base.mul_f64(0.9) && *wait <= base.mul_f64(1.1), "{waits:?}");
    }
    // The next would be in ten minutes.
    rig.proxy.admit().await;
    engine.reconnect();
    back(&*engine, 1).await;
    engine.shutdown().await;
    rig.end().await;
}

/// Where nobody listened it is looked often whether somebody does.
#[tokio::test]
async fn a_server_that_returns_is_found_soon() {
    let Some(rig) = Rig::new().await else { return };
    let backoff =
        [Duration::from_millis(10), Duration::from_secs(600), Duration::MAX, Duration::MAX, Duration::MAX];
    let knock = Duration::from_millis(100);
    let engine = rig.attach_as(None, Timing { backoff, knock, ..quick() }).await.unwrap();
    rig.proxy.refuse().await;
    rig.proxy.cut(Cut::Reset);
    let mut link = engine.link();
    timely(link.wait_for(|link| matches!(link, Link::Down(down) if down.attempt == 2))).await.unwrap();
    let begin = Instant::now();
    rig.proxy.admit().await;
    back(&*engine, 1).await;
    println!("found after {:?}, with a knock every {knock:?}", begin.elapsed());
    assert!(begin.elapsed() < Duration::from_secs(2));
    engine.shutdown().await;
    rig.end().await;
}

/// What was refused stays so until somebody does something.
#[tokio::test]
async fn a_token_that_is_not_known_any_more_is_not_tried_again_and_again() {
    let secret = |settings: &mut codebeaker::server::ServerSettings, token: &str| {
        settings.tokens = vec![Token::new(token)]
    };
    let Some(rig) = Rig::with(|settings| secret(settings, "the-first-secret-of-all")).await else { return };
    let engine = rig.attach_as(Some("the-first-secret-of-all"), quick()).await.unwrap();
    let another =
        Served::with(rig.engine.clone(), |settings| secret(settings, "another-secret-by-now-than-that"))
            .await;
    rig.proxy.lead_to(another.address);
    rig.proxy.cut(Cut::Close);
    let mut link = engine.link();
    timely(link.wait_for(|link| matches!(link, Link::Down(down) if down.wait.is_none()))).await.unwrap();
    let Link::Down(lost) = link.borrow().clone() else { panic!() };
    assert!(lost.reason.contains("token"), "{lost:?}");
    let count = rig.proxy.count();
    let failure = timely(engine.sessions()).await.unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Unreachable);
    // Asked to, it tries once, and is refused again.
    engine.reconnect();
    timely(link.wait_for(|link| matches!(link, Link::Down(down) if down.wait.is_some()))).await.unwrap();
    timely(link.wait_for(|link| matches!(link, Link::Down(down) if down.wait.is_none()))).await.unwrap();
    assert_eq!(rig.proxy.count(), count + 1);
    rig.proxy.lead_to(rig.served.address);
    engine.reconnect();
    back(&*engine, 1).await;
    timely(engine.sessions()).await.unwrap();
    engine.shutdown().await;
    timely(another.stop()).await;
    rig.end().await;
}

/// A server that has too much to do is one to come back to.
#[tokio::test]
async fn a_server_that_is_busy_is_tried_again() {
    let Some(rig) = Rig::new().await else { return };
    let engine = rig.attach().await;
    let full = Served::with(rig.engine.clone(), |settings| settings.bounds.connections = 0).await;
    let slow = Served::with(rig.engine.clone(), |settings| settings.bounds.token_rate = 1).await;
    let hog = hog(&slow).await;
    for (returns, busy) in [(1, &full), (2, &slow)] {
        rig.proxy.lead_to(busy.address);
        rig.proxy.cut(Cut::Close);
        let mut link = engine.link();
        let tried =
            |link: &Link| matches!(link, Link::Down(down) if down.attempt >= 3 || down.wait.is_none());
        let lost = timely(link.wait_for(tried)).await.unwrap().clone();
        assert!(matches!(&lost, Link::Down(down) if down.wait.is_some()), "{lost:?}");
        rig.proxy.lead_to(rig.served.address);
        back(&*engine, returns).await;
    }
    engine.shutdown().await;
    hog.abort();
    timely(full.stop()).await;
    timely(slow.stop()).await;
    rig.end().await;
}

/// Somebody who takes all that a server gives.
async fn hog(served: &Served) -> tokio::task::JoinHandle<()> {
    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio_tungstenite::tungstenite::Message;
    let address = Address::parse(&served.url()).unwrap();
    let mut socket = timely(remote::dial(&address, None, &quick())).await.unwrap().socket;
    let ask = r#"{"jsonrpc":"2.0","id":1,"method":"server.info"}"#;
    tokio::spawn(async move {
        while socket.send(Message::text(ask)).await.is_ok() && matches!(socket.next().await, Some(Ok(_))) {}
    })
}

/// Wherever the handshake breaks off, it is tried again, and never for good.
#[tokio::test]
async fn a_handshake_that_breaks_off_is_tried_again() {
    let Some(rig) = Rig::new().await else { return };
    let engine = rig.attach().await;
    let session = create(&*engine).await;
    for (returns, bytes) in (1..).zip([0_usize, 1, 20, 90, 129, 130, 160, 400]) {
        let broken = rig.proxy.count() + 1;
        rig.proxy.each(move |number, wire| {
            wire.cut_by(if bytes % 2 == 0 { Cut::Close } else { Cut::Reset });
            if number == broken {
                wire.down.set(Rule::CutAfter(bytes));
            }
        });
        rig.proxy.cut(Cut::Reset);
        back(&*engine, returns).await;
    }
    let told = all(timely(engine.execute(code(&session, "print(1)"))).await.unwrap()).await;
    assert_eq!(told.stdout, b"1\n");
    engine.shutdown().await;
    rig.end().await;
}

/// The whole of a client goes with it: nothing is left on the server but its sessions.
#[tokio::test]
async fn who_leaves_leaves_his_sessions_and_nothing_else() {
    let Some(rig) = Rig::new().await else { return };
    let engine = rig.attach().await;
    let session = create(&*engine).await;
    let mut execution =
        timely(engine.execute(code(&session, "print('on', flush=True)\ninput()\nopen('done', 'w')")))
            .await
            .unwrap();
    let mut told = Told::default();
    until(&mut execution, &mut told, "on\n").await;
    let wire = rig.proxy.wire();
    timely(engine.shutdown()).await;
    timely(wire.over()).await;
    while let Some(event) = timely(execution.next()).await {
        told.take(event);
    }
    assert!(told.result().error.as_ref().is_some_and(|error| error.contains("not known")), "{told:?}");
    assert!(timely(engine.sessions()).await.is_err());
    // What runs goes on, and may be ended by others.
    timely(rig.engine.input(&execution.id, "\n".into(), false)).await.unwrap();
    let engine = rig.attach().await;
    let told = all(timely(engine.execute(code(&session, "import os\nprint(os.path.exists('done'))")))
        .await
        .unwrap())
    .await;
    assert_eq!(told.stdout, b"True\n");
    engine.shutdown().await;
    rig.end().await;
}
