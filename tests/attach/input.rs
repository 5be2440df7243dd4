//! What a program is fed arrives once and in order, whatever becomes of the wire meanwhile.

use bytes::Bytes;
use codebeaker::engine::{Engine, Link};
use codebeaker::protocol::{ErrorKind, Execute, ExecutionId};
use futures_util::future::join_all;

use crate::support::proxy::{Cut, Rule};
use crate::{Dice, Rig, Told, all, back, code, create, down, timely, until};

/// Writes what it reads, to the end of it.
const CAT: &str = "import os\nos.write(1, b'ready\\n')\nwhile b := os.read(0, 65536):\n    \
                   while b: b = b[os.write(1, b):]";

/// Feeds a program, again where nothing was sent because the link was down.
async fn feed(engine: &dyn Engine, id: &ExecutionId, data: &[u8], eof: bool) {
    loop {
        match timely(engine.input(id, Bytes::copy_from_slice(data), eof)).await {
            Ok(()) => return,
            Err(failure) if failure.kind == ErrorKind::Unreachable => {
                timely(engine.link().wait_for(|link| matches!(link, Link::Up(_)))).await.unwrap();
            }
            Err(failure) => panic!("{failure:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_typed_arrives_once_and_in_order_wherever_it_is_cut() {
    let Some(rig) = Rig::new().await else { return };
    let engine = rig.attach().await;
    let session = create(&*engine).await;
    let mut execution = timely(engine.execute(code(&session, CAT))).await.unwrap();
    let mut told = Told::default();
    until(&mut execution, &mut told, "ready\n").await;
    let id = execution.id.clone();
    let reading = tokio::spawn(async move { (told, all(execution).await) });
    let mut dice = Dice::new(7);
    let mut sent = Vec::new();
    for i in 0..400 {
        // Text and what is none, little and much.
        let line = format!("{i} é {}\n", "y".repeat(dice.below(200))).into_bytes();
        let line = if i % 5 == 0 { [&line[..], b"\xff\x00\xfe"].concat() } else { line };
        if i % 8 == 3 {
            let way = if dice.below(2) == 0 { &rig.proxy.wire().up } else { &rig.proxy.wire().down };
            way.set(Rule::CutAfter(1 + dice.below(600)));
        }
        sent.extend_from_slice(&line);
        feed(&*engine, &id, &line, false).await;
    }
    feed(&*engine, &id, b"", true).await;
    let (_, told) = timely(reading).await.unwrap();
    assert!(rig.proxy.count() > 20, "{}", rig.proxy.count());
    assert!(told.stdout == sent, "{} bytes of {}", told.stdout.len(), sent.len());
    assert!(told.result().success && told.gaps.is_empty());
    engine.shutdown().await;
    rig.end().await;
}

/// The server has it, and the answer never comes.
#[tokio::test]
async fn what_was_taken_and_not_answered_is_not_fed_twice() {
    let Some(rig) = Rig::new().await else { return };
    let engine = rig.attach().await;
    let session = create(&*engine).await;
    let mut execution = timely(engine.execute(code(&session, CAT))).await.unwrap();
    let mut told = Told::default();
    until(&mut execution, &mut told, "ready\n").await;
    let id = execution.id.clone();
    for (i, eof) in [(1, false), (2, false), (3, true)] {
        let wire = rig.proxy.wire();
        wire.down.set(Rule::Stall);
        let before = wire.up.passed();
        let data = format!("line {i}\n");
        let feeding = engine.input(&id, Bytes::from(data.clone()), eof);
        let cutting = async {
            wire.up.passes(before, data.len() as u64).await;
            // One more round through the server: it has what came before, and has begun to do it.
            timely(rig.engine.sessions()).await.unwrap();
            wire.cut(Cut::Reset);
        };
        let (fed, ()) = tokio::join!(timely(feeding), timely(cutting));
        assert_eq!(fed, Ok(()), "line {i}");
    }
    while let Some(event) = timely(execution.next()).await {
        told.take(event);
    }
    assert_eq!(String::from_utf8_lossy(&told.stdout), "ready\nline 1\nline 2\nline 3\n");
    assert!(told.result().success);
    engine.shutdown().await;
    rig.end().await;
}

/// Much of it, to a program that is slow: half of a piece is with it when the wire is cut.
#[tokio::test]
async fn a_piece_that_was_half_fed_is_fed_once() {
    let Some(rig) = Rig::new().await else { return };
    let engine = rig.attach().await;
    let session = create(&*engine).await;
    let text = "import os, sys, hashlib\nprint('ready', flush=True)\nwhile not os.path.exists('go'): pass\n\
                b = sys.stdin.buffer.read()\nprint(len(b), hashlib.sha256(b).hexdigest())";
    let mut execution = timely(engine.execute(code(&session, text))).await.unwrap();
    let mut told = Told::default();
    until(&mut execution, &mut told, "ready\n").await;
    let id = execution.id.clone();
    // More than pipes and buffers on the way hold.
    let piece: Vec<u8> = (0..3_000_000_u32).map(|i| (i / 7 % 95 + 32) as u8).collect();
    let feeding = engine.input(&id, Bytes::from(piece.clone()), true);
    let cutting = async {
        let wire = rig.proxy.wire();
        wire.up.passes(0, piece.len() as u64).await;
        // As much of it as there is room for is fed by then; no more can be.
        timely(engine.stats(&session)).await.unwrap();
        wire.cut(Cut::Reset);
        back(&*engine, 1).await;
        let go = code(&session, "open('go', 'w').close()");
        let go = Execute { concurrent: true, ..go };
        assert!(all(timely(engine.execute(go)).await.unwrap()).await.result().success);
    };
    let (fed, ()) = tokio::join!(timely(feeding), cutting);
    assert_eq!(fed, Ok(()));
    while let Some(event) = timely(execution.next()).await {
        told.take(event);
    }
    let out = String::from_utf8(told.stdout).unwrap();
    let hash: String = {
        use sha2::Digest as _;
        sha2::Sha256::digest(&piece).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    assert!(out.ends_with(&format!("{} {hash}\n", piece.len())), "{out}");
    engine.shutdown().await;
    rig.end().await;
}

/// Several pieces are under way when it is cut: they are fed in the order in which they were given.
#[tokio::test]
async fn pieces_under_way_keep_their_order() {
    let Some(rig) = Rig::new().await else { return };
    let engine = rig.attach().await;
    let session = create(&*engine).await;
    let mut execution = timely(engine.execute(code(&session, CAT))).await.unwrap();
    let mut told = Told::default();
    until(&mut execution, &mut told, "ready\n").await;
    let id = execution.id.clone();
    let lines: Vec<String> = (0..40).map(|i| format!("line {i}\n")).collect();
    let wire = rig.proxy.wire();
    wire.up.set(Rule::Stall);
    let feeding = join_all(lines.iter().map(|line| engine.input(&id, Bytes::from(line.clone()), false)));
    let cutting = async {
        wire.cut(Cut::Reset);
        back(&*engine, 1).await;
    };
    let (fed, ()) = tokio::join!(timely(feeding), cutting);
    assert!(fed.iter().all(Result::is_ok), "{fed:?}");
    feed(&*engine, &id, b"", true).await;
    while let Some(event) = timely(execution.next()).await {
        told.take(event);
    }
    assert_eq!(String::from_utf8_lossy(&told.stdout), format!("ready\n{}", lines.concat()));
    engine.shutdown().await;
    rig.end().await;
}

/// What is typed while the link is down is refused at once, and not fed later; what follows it is.
#[tokio::test]
async fn what_is_typed_while_the_link_is_down_is_refused_at_once() {
    let Some(rig) = Rig::new().await else { return };
    let engine = rig.attach().await;
    let session = create(&*engine).await;
    let mut execution = timely(engine.execute(code(&session, CAT))).await.unwrap();
    let mut told = Told::default();
    until(&mut execution, &mut told, "ready\n").await;
    let id = execution.id.clone();
    feed(&*engine, &id, b"before\n", false).await;
    rig.proxy.refuse().await;
    rig.proxy.cut(Cut::Reset);
    down(&*engine).await;
    let failure = timely(engine.input(&id, "while\n".into(), false)).await.unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Unreachable, "{failure:?}");
    assert!(!failure.hint.is_empty());
    rig.proxy.admit().await;
    back(&*engine, 1).await;
    feed(&*engine, &id, b"after\n", false).await;
    // Asked again after one that was refused: that is told apart from what was fed.
    let wire = rig.proxy.wire();
    wire.down.set(Rule::Stall);
    let before = wire.up.passed();
    let feeding = engine.input(&id, "last\n".into(), false);
    let cutting = async {
        wire.up.passes(before, 50).await;
        timely(rig.engine.sessions()).await.unwrap();
        wire.cut(Cut::Close);
    };
    let (fed, ()) = tokio::join!(timely(feeding), timely(cutting));
    assert_eq!(fed, Ok(()));
    feed(&*engine, &id, b"", true).await;
    while let Some(event) = timely(execution.next()).await {
        told.take(event);
    }
    assert_eq!(String::from_utf8_lossy(&told.stdout), "ready\nbefore\nafter\nlast\n");
    engine.shutdown().await;
    rig.end().await;
}
