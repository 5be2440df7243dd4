//! What a program writes arrives once and in order, however often the wire breaks; what can't is stated.

use std::sync::Mutex;
use std::time::Duration;

use codebeaker::engine::{Engine as _, Link, Told as News};
use codebeaker::protocol::{Command, Execute, ExecutionEvent, ReadFile, SessionEvent};

use crate::support::proxy::{Cut, Rule};
use crate::{Dice, Rig, Told, all, back, code, create, down, quick, timely, until};

/// Lines on both streams, numbered: some with characters of several bytes, some that are no text.
const LINES: &str = r#"
import sys
out, err = sys.stdout.buffer, sys.stderr.buffer
for i in range(COUNT):
    out.write(b'%d \xff\xfe\x80\n' % i if i % 97 == 0 else ('%d é☃𝄞\n' % i).encode())
    if i % 10 == 0:
        err.write(('e%d ß\n' % i).encode())
    if i % 1000 == 0:
        out.flush()
        err.flush()
sys.exit(7)
"#;

fn lines(count: usize) -> String {
    LINES.replace("COUNT", &count.to_string())
}

/// What [`LINES`] writes.
fn written(count: usize) -> (Vec<u8>, Vec<u8>) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    for i in 0..count {
        if i % 97 == 0 {
            out.extend([format!("{i} ").as_bytes(), b"\xff\xfe\x80\n"].concat());
        } else {
            out.extend(format!("{i} é☃𝄞\n").as_bytes());
        }
        if i % 10 == 0 {
            err.extend(format!("e{i} ß\n").as_bytes());
        }
    }
    (out, err)
}

/// The same, or where they begin to differ.
fn same(got: &[u8], wanted: &[u8]) {
    if got == wanted {
        return;
    }
    let at = got.iter().zip(wanted).position(|(a, b)| a != b).unwrap_or(got.len().min(wanted.len()));
    let piece = |all: &[u8]| {
        String::from_utf8_lossy(&all[at.saturating_sub(40)..all.len().min(at + 40)]).into_owned()
    };
    panic!("{} of {} bytes; at {at} {:?} for {:?}", got.len(), wanted.len(), piece(got), piece(wanted));
}

fn whole(told: &Told, count: usize) {
    let (out, err) = written(count);
    assert_eq!(told.gaps, [0; 0]);
    same(&told.stdout, &out);
    same(&told.stderr, &err);
    assert_eq!(told.result().process().unwrap().exit_code, 7);
}

/// Room for all that a program writes while nobody is there.
async fn roomy() -> Option<Rig> {
    Rig::with(|settings| settings.bounds.followed_bytes = 64 << 20).await
}

async fn cut_at_random(seed: u64, count: usize) {
    let Some(rig) = roomy().await else { return };
    let engine = rig.attach().await;
    let session = create(&*engine).await;
    let dice = Mutex::new(Dice::new(seed));
    rig.proxy.each(move |_, wire| {
        let mut dice = dice.lock().unwrap();
        wire.cut_by(if dice.below(2) == 0 { Cut::Reset } else { Cut::Close });
        wire.down.set(Rule::CutAfter(1 + dice.below(250_000)));
    });
    let execution = timely(engine.execute(code(&session, &lines(count)))).await.unwrap();
    rig.proxy.wire().down.set(Rule::CutAfter(1000));
    let told = all(execution).await;
    println!("seed {seed}: {} connections", rig.proxy.count());
    assert!(rig.proxy.count() > 8, "{} connections are no test", rig.proxy.count());
    whole(&told, count);
    rig.proxy.each(|_, _| {});
    engine.shutdown().await;
    rig.end().await;
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_wherever_it_is_cut() {
    cut_at_random(1, 200_000).await;
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_at_other_places() {
    for seed in 2..5 {
        cut_at_random(seed, 60_000).await;
    }
}

#[tokio::test]
async fn one_who_is_slow_loses_nothing_by_a_cut() {
    let Some(rig) = roomy().await else { return };
    let engine = rig.attach().await;
    let session = create(&*engine).await;
    // Each line is a thing of its own: as many as may be told ahead wait here, untaken.
    let text =
        "import sys\nfor i in range(2000):\n    print(i, flush=True)\n    print('e', i, file=sys.stderr)";
    let execution = timely(engine.execute(code(&session, text))).await.unwrap();
    let (mut execution, mut told) = (execution, Told::default());
    let mut returns = 0;
    while let Some(event) = timely(execution.next()).await {
        told.take(event);
        let lines = told.stdout.iter().filter(|byte| **byte == b'\n').count();
        if returns < 5 && lines > 100 * (returns as usize + 1) {
            // What is on its way has arrived, and then some is asked for again.
            rig.proxy.wire().cut(Cut::Close);
            returns += 1;
            back(&*engine, returns).await;
        }
    }
    assert_eq!(returns, 5);
    assert_eq!(told.gaps, [0; 0]);
    same(&told.stdout, (0..2000).map(|i| format!("{i}\n")).collect::<String>().as_bytes());
    same(&told.stderr, (0..2000).map(|i| format!("e {i}\n")).collect::<String>().as_bytes());
    assert!(told.result().success);
    engine.shutdown().await;
    rig.end().await;
}

#[tokio::test]
async fn more_than_is_kept_is_one_gap_of_the_right_size() {
    let Some(rig) = Rig::with(|settings| settings.bounds.followed_bytes = 160 << 10).await else { return };
    let engine = rig.attach().await;
    let session = create(&*engine).await;
    let text = "import os, sys\nprint('begin', flush=True)\nsys.stdin.readline()\n\
                for i in range(60000): print('%09d' % i)\nsys.stdout.flush()\n\
                open('done', 'w').close()\nsys.stdin.readline()\nprint('end')";
    let mut execution = timely(engine.execute(code(&session, text))).await.unwrap();
    let mut told = Told::default();
    until(&mut execution, &mut told, "begin\n").await;
    rig.proxy.refuse().await;
    rig.proxy.cut(Cut::Close);
    down(&*engine).await;
    // It goes on alone: nothing waits for one who is away.
    timely(rig.engine.input(&execution.id, "go\n".into(), false)).await.unwrap();
    let done = "import os\nwhile not os.path.exists('done'): pass";
    let waiting = Execute { concurrent: true, ..code(&session, done) };
    timely(timely(rig.engine.execute(waiting)).await.unwrap().finished()).await.unwrap();
    rig.proxy.admit().await;
    back(&*engine, 1).await;
    timely(engine.input(&execution.id, "go\n".into(), false)).await.unwrap();
    while let Some(event) = timely(execution.next()).await {
        told.take(event);
    }
    let written = "begin\n".len() + 60_000 * 10 + "end\n".len();
    assert_eq!(told.gaps.len(), 1, "{:?}", told.gaps);
    assert_eq!(told.stdout.len() as u64 + told.gaps[0], written as u64);
    // How much that is hangs on when the server heard that nobody follows any more.
    assert!(told.stdout.len() <= (160 + 64) << 10, "no more than is kept is told: {}", told.stdout.len());
    assert!(told.stdout.ends_with(b"000059998\n000059999\nend\n"));
    assert!(told.result().success);
    engine.shutdown().await;
    rig.end().await;
}

#[tokio::test]
async fn a_program_that_ends_meanwhile_has_its_result_told() {
    let Some(rig) = Rig::new().await else { return };
    let engine = rig.attach().await;
    let session = create(&*engine).await;
    let text = "print('begin', flush=True)\ninput()\nprint('end')\nraise SystemExit(9)";
    let mut execution = timely(engine.execute(code(&session, text))).await.unwrap();
    let mut told = Told::default();
    until(&mut execution, &mut told, "begin\n").await;
    rig.proxy.refuse().await;
    rig.proxy.cut(Cut::Reset);
    down(&*engine).await;
    let mut events = rig.engine.subscribe();
    timely(rig.engine.input(&execution.id, "\n".into(), false)).await.unwrap();
    let ended = |told| matches!(told, Some(News::Event(SessionEvent::Finished { .. })));
    while !ended(timely(events.next()).await) {}
    rig.proxy.admit().await;
    while let Some(event) = timely(execution.next()).await {
        told.take(event);
    }
    assert_eq!(told.stdout, b"begin\nend\n");
    let process = told.result().process().unwrap();
    assert_eq!((process.exit_code, process.stdout.as_str()), (9, "begin\nend\n"));
    engine.shutdown().await;
    rig.end().await;
}

/// A wire that repeats itself is broken; what it repeats is not taken for output.
#[tokio::test]
async fn what_comes_twice_is_not_told_twice() {
    let Some(rig) = roomy().await else { return };
    let engine = rig.attach().await;
    let session = create(&*engine).await;
    let text = "for i in range(300):\n    print(i, flush=True)\n    input()";
    let mut execution = timely(engine.execute(code(&session, text))).await.unwrap();
    let mut told = Told::default();
    for i in 0..300 {
        until(&mut execution, &mut told, &format!("{i}\n")).await;
        match i % 20 {
            7 => rig.proxy.wire().down.set(Rule::Twice),
            13 => rig.proxy.wire().up.set(Rule::Twice),
            _ => {}
        }
        // What is not taken because the link is down is asked again.
        while timely(engine.input(&execution.id, "\n".into(), false)).await.is_err() {
            timely(engine.link().wait_for(|link| matches!(link, Link::Up(_)))).await.unwrap();
        }
    }
    while let Some(event) = timely(execution.next()).await {
        told.take(event);
    }
    same(&told.stdout, (0..300).map(|i| format!("{i}\n")).collect::<String>().as_bytes());
    assert!(told.gaps.is_empty() && told.result().success, "{told:?}");
    engine.shutdown().await;
    rig.end().await;
}

/// An execution whose request comes twice is one execution, and not a failed one.
#[tokio::test]
async fn a_request_that_comes_twice_is_executed_once() {
    let Some(rig) = Rig::new().await else { return };
    let engine = rig.attach().await;
    let session = create(&*engine).await;
    rig.proxy.wire().up.set(Rule::Twice);
    let text =
        "with open('ran', 'a') as f: f.write('x')\nprint(len(open('ran').read()))\nraise SystemExit(3)";
    let told = all(timely(engine.execute(code(&session, text))).await.unwrap()).await;
    assert_eq!(
        (told.stdout.as_slice(), told.result().process().map(|p| p.exit_code)),
        (&b"1\n"[..], Some(3))
    );
    engine.shutdown().await;
    rig.end().await;
}

#[tokio::test]
async fn a_program_whose_output_is_not_taken_waits_and_nobody_else_does() {
    let Some(rig) = Rig::new().await else { return };
    let engine = rig.attach().await;
    let session = create(&*engine).await;
    let text = "import os\nfor i in range(20):\n    \
                with open('progress', 'w') as f: f.write(str(i))\n    \
                b = b'x' * (1 << 20)\n    \
                while b: b = b[os.write(1, b):]\n\
                open('progress', 'w').write('done')";
    let mut execution = timely(engine.execute(code(&session, text))).await.unwrap();
    let progress = async || {
        let read = Command::ReadFile(ReadFile { path: "progress".into(), encoding: None });
        let read = Execute { concurrent: true, ..Execute::new(session.clone(), read) };
        let result = timely(timely(engine.execute(read)).await.unwrap().finished()).await.unwrap();
        format!("{:?}", result.result)
    };
    // Whether it stands still can only be looked at: three looks that show the same, a second apart.
    let mut looks = vec![progress().await];
    while looks.len() < 3 || looks[looks.len() - 3..].iter().any(|look| *look != looks[looks.len() - 1]) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        looks.push(progress().await);
        assert!(looks.len() < 30, "{looks:?}");
    }
    assert!(!looks.iter().any(|look| look.contains("done")), "it does not wait: {looks:?}");
    assert_eq!(timely(engine.sessions()).await.unwrap().len(), 1);
    // Once it is taken, all of it is there.
    let mut bytes = 0;
    for _ in 0..20 {
        if let Some(ExecutionEvent::Output { data, .. }) = timely(execution.next()).await {
            bytes += data.len();
        }
    }
    assert!(bytes > 0);
    // Whoever drops it lets it go on.
    drop(execution);
    let waiting = async {
        while !progress().await.contains("done") {
            tokio::task::yield_now().await;
        }
    };
    timely(waiting).await;
    engine.shutdown().await;
    rig.end().await;
}

/// Whoever gave up waiting for an execution to be taken keeps nobody: it goes on alone.
#[tokio::test]
async fn an_execution_that_was_given_up_is_not_held() {
    let Some(rig) = Rig::new().await else { return };
    let engine = rig.attach_as(None, quick()).await.unwrap();
    let session = create(&*engine).await;
    rig.proxy.wire().down.set(Rule::Stall);
    let text = "import sys\nfor i in range(12000): print('x' * 1000, flush=True)\nopen('done', 'w').close()";
    // The request is on its way, and no answer can come.
    let mut events = rig.engine.subscribe();
    let asking = engine.execute(code(&session, text));
    tokio::select! {
        answer = asking => panic!("{answer:?}"),
        event = timely(events.next()) => assert!(event.is_some()),
    }
    rig.proxy.wire().down.set(Rule::Pass);
    let done = "import os\nwhile not os.path.exists('done'): pass";
    let waiting = Execute { concurrent: true, ..code(&session, done) };
    timely(timely(rig.engine.execute(waiting)).await.unwrap().finished()).await.unwrap();
    engine.shutdown().await;
    rig.end().await;
}

/// The end of what is over may be forgotten; not while somebody is still taking it.
#[tokio::test]
async fn the_rest_of_what_is_over_waits_for_one_who_is_slow() {
    let Some(rig) = Rig::with(|settings| settings.bounds.kept = Duration::ZERO).await else { return };
    let engine = rig.attach().await;
    let session = create(&*engine).await;
    let mut events = rig.engine.subscribe();
    let text = "import sys\nfor i in range(400):\n    print(i, flush=True)\n    print('e', i, file=sys.stderr, flush=True)";
    let mut execution = timely(engine.execute(code(&session, text))).await.unwrap();
    let over = |told: &Option<News>| matches!(told, Some(News::Event(SessionEvent::Finished { .. })));
    while !over(&timely(events.next()).await) {}
    // Another end is when it is looked at what may be forgotten.
    let another = timely(engine.execute(code(&session, "pass"))).await.unwrap();
    assert!(all(another).await.result().success);
    let mut told = Told::default();
    while let Some(event) = timely(execution.next()).await {
        told.take(event);
    }
    same(&told.stdout, (0..400).map(|i| format!("{i}\n")).collect::<String>().as_bytes());
    assert!(told.result().success);
    engine.shutdown().await;
    rig.end().await;
}
