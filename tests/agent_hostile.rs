//! Hostile ends of the stream: what is written straight into an agent's socket, and fake agents that send whatever
//! they like. Each is cut off, in time and in bounded memory, and nothing it had is left.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(target_os = "linux")]

mod agent_rig;
mod support;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use agent_rig::*;
use codebeaker::agent::frame::{Decoder, MAX_PAYLOAD, VERSION, encode};
use codebeaker::agent::wire::{
    Confinement, Entry, Exit, List, Mode, Reply, Request, STDIN_WINDOW, Start, Usage,
};
use codebeaker::agent::{Agent, AgentError, Patience, ProcessEvent};
use proptest::prelude::*;

// ---- written straight into an agent's socket

/// An agent that is spoken to in bytes.
struct Raw {
    child: Child,
    stream: UnixStream,
    decoder: Decoder,
    directory: tempfile::TempDir,
}

impl Raw {
    fn new() -> Self {
        let (child, stream) = spawn(&mut plain());
        stream.set_read_timeout(Some(LONG)).unwrap();
        let directory = tempfile::tempdir().unwrap();
        Self { child, stream, decoder: Decoder::default(), directory }
    }

    fn greeted() -> Self {
        let mut raw = Self::new();
        raw.send(0, &raw.init());
        assert!(matches!(raw.reply(), Some((0, Reply::Hello { .. }))));
        raw
    }

    fn init(&self) -> Request {
        Request::Init {
            workspace: self.directory.path().as_os_str().as_bytes().to_vec(),
            confinement: Confinement::default(),
        }
    }

    fn send(&mut self, id: u32, request: &Request) {
        let mut bytes = Vec::new();
        request.encode(id, &mut bytes);
        self.stream.write_all(&bytes).unwrap();
    }

    /// The next reply; `None` at the end of the stream.
    fn reply(&mut self) -> Option<(u32, Reply)> {
        let mut buffer = [0; 4096];
        loop {
            if let Some(frame) = self.decoder.next_frame().unwrap() {
                return Some((frame.id, Reply::decode(frame).unwrap()));
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(n) => self.decoder.push(&buffer[..n]),
                Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(e) => panic!("{e}"),
            }
        }
    }

    /// Starts a program, with one in a session of its own, that ignore all they can; returns when both sleep.
    async fn nap(&mut self, id: u32) -> String {
        let nap = marker();
        let script = format!("trap '' TERM INT HUP; setsid sleep {nap} & sleep {nap}");
        self.send(id, &Request::Start(Start { stdin: true, ..shell(&script) }));
        until("they sleep", || marked(&nap).len() >= 2).await;
        nap
    }

    /// Waits until the agent and all with `nap` in their arguments are gone.
    async fn over(&mut self, nap: &str) {
        ended(&mut self.child).await;
        until("all has ended", || marked(nap).is_empty()).await;
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn header(length: u32, version: u8, kind: u8, reserved: u8, id: u32) -> Vec<u8> {
    [&length.to_le_bytes()[..], &[version, kind, reserved, 0], &id.to_le_bytes()].concat()
}

fn framed(kind: u8, id: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&mut bytes, kind, id, payload);
    bytes
}

fn request(id: u32, request: &Request) -> Vec<u8> {
    let mut bytes = Vec::new();
    request.encode(id, &mut bytes);
    bytes
}

/// Whatever can't be a request ends the agent and everything it has started.
#[tokio::test]
async fn an_agent_that_is_sent_nonsense_ends_with_all_it_started() {
    let twice = request(7, &Request::Start(shell("true")));
    for (what, bytes) in [
        ("noise", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
        ("zeroes", vec![0; 100]),
        ("another version", header(0, VERSION + 1, 1, 0, 1)),
        ("reserved bytes", header(0, VERSION, 1, 1, 1)),
        ("more than a frame may have", header(MAX_PAYLOAD as u32 + 1, VERSION, 1, 0, 1)),
        ("far more", header(u32::MAX, VERSION, 3, 0, 1)),
        ("a request that is none", framed(0x7f, 1, b"")),
        ("a reply", framed(0x82, 1, b"")),
        ("a request cut short", framed(0x02, 1, &[255; 20])),
        ("a request with more after it", framed(0x04, 7, b"x")),
        ("a flag that is neither", framed(0x13, 9, &[1, 0, 0, 0, b'x', 2])),
        ("a task that is under way", twice),
        (
            "more input than was granted",
            (0..6).flat_map(|_| request(7, &Request::Stdin(vec![0; STDIN_WINDOW as usize / 4]))).collect(),
        ),
    ] {
        let mut raw = Raw::greeted();
        let nap = raw.nap(7).await;
        raw.stream.write_all(&bytes).unwrap();
        while let Some((id, reply)) = raw.reply() {
            assert!(
                matches!((id, &reply), (7, Reply::Started { .. } | Reply::StdinCredit(_))),
                "{what}: {reply:?}"
            );
        }
        raw.over(&nap).await;
    }
}

#[tokio::test]
async fn an_agent_that_is_not_greeted_does_nothing() {
    let mut raw = Raw::new();
    raw.send(1, &Request::Write { path: b"f".to_vec(), mode: Mode::Replace, last: true, data: vec![] });
    assert_eq!(raw.reply(), None);
    ended(&mut raw.child).await;
    // A workspace that is not there is told, and another can be.
    let mut raw = Raw::new();
    raw.send(
        0,
        &Request::Init { workspace: b"/no/such/directory".to_vec(), confinement: Confinement::default() },
    );
    assert!(matches!(raw.reply(), Some((0, Reply::Failed { errno: 2, .. }))));
    let init = raw.init();
    raw.send(0, &init);
    assert!(matches!(raw.reply(), Some((0, Reply::Hello { .. }))));
}

/// The stream may end after any byte of any conversation.
#[tokio::test]
async fn a_stream_that_ends_anywhere_leaves_nothing() {
    let nap = marker();
    let conversation: Vec<u8> = [
        request(1, &Request::Start(Start { stdin: true, ..start(&["sleep", &nap]) })),
        request(
            2,
            &Request::Write { path: b"f".to_vec(), mode: Mode::Replace, last: false, data: vec![1; 9] },
        ),
        request(1, &Request::Stdin(vec![2; 9])),
        request(2, &Request::WriteMore { last: true, data: vec![3; 9] }),
        request(3, &Request::Start(Start { pty: (9, 9), ..start(&["sleep", &nap]) })),
        request(1, &Request::StdinEof),
        request(4, &Request::List(List { max_entries: 9, ..List::default() })),
        request(1, &Request::Cancel),
        request(5, &Request::Read { path: b"f".to_vec(), max: 9 }),
    ]
    .concat();
    let mut half = false;
    for end in (0..=conversation.len()).step_by(3) {
        let mut raw = Raw::new();
        let bytes = [&request(0, &raw.init())[..], &conversation[..end]].concat();
        raw.stream.write_all(&bytes).unwrap();
        half = !half;
        if half {
            // Only this direction: the agent's last words are still read, and it ends.
            raw.stream.shutdown(Shutdown::Write).unwrap();
            while raw.reply().is_some() {}
        } else {
            raw.stream.shutdown(Shutdown::Both).unwrap();
        }
        ended(&mut raw.child).await;
    }
    until("all has ended", || marked(&nap).is_empty()).await;
}

/// A host that asks and asks and never reads is not listened to, rather than kept for.
#[tokio::test]
async fn a_host_that_never_reads_costs_an_agent_no_memory() {
    let mut raw = Raw::greeted();
    let nap = raw.nap(1).await;
    for id in 2..6 {
        raw.send(id, &Request::Start(start(&["yes"])));
    }
    raw.stream.set_nonblocking(true).unwrap();
    let flood: Vec<u8> =
        (100..200).flat_map(|id| request(id, &Request::Read { path: b"no".to_vec(), max: 1 })).collect();
    let (mut sent, mut stuck) = (0, 0);
    // Until nothing has gone through for a while: there is no event for that.
    while stuck < 100 && sent < 200 << 20 {
        match raw.stream.write(&flood[sent % flood.len()..]) {
            Ok(n) => (sent, stuck) = (sent + n, 0),
            Err(_) => {
                stuck += 1;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }
    assert_eq!(stuck, 100, "all was taken");
    let agent = peak(raw.child.id() as i32);
    assert!(agent < 16 << 20, "the agent's peak is {agent}");
    raw.stream.shutdown(Shutdown::Both).unwrap();
    raw.over(&nap).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Frames with a good header and anything in them.
    #[test]
    fn an_agent_sent_any_frames_ends_with_its_stream(frames in prop::collection::vec((0u8..0x20, 0u32..4, prop::collection::vec(any::<u8>(), 0..60)), 0..12)) {
        let mut raw = Raw::new();
        let mut bytes = request(0, &raw.init());
        // Whatever it may be told to write, it is below the workspace.
        frames.iter().for_each(|(kind, id, payload)| encode(&mut bytes, *kind, *id, payload));
        let _ = raw.stream.write_all(&bytes);
        let _ = raw.stream.shutdown(Shutdown::Write);
        while raw.reply().is_some() {}
        let status = raw.child.wait().unwrap();
        prop_assert_eq!(status.code(), Some(0), "{:?}", status);
    }
}

// ---- fake agents

/// A fake agent: what `behave` does with its end of the stream, in a thread of its own.
fn fake<T: Send + 'static>(
    behave: impl FnOnce(UnixStream) -> T + Send + 'static,
) -> (tokio::net::UnixStream, std::thread::JoinHandle<T>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    theirs.set_read_timeout(Some(LONG)).unwrap();
    theirs.set_write_timeout(Some(LONG)).unwrap();
    (tokio_stream(ours), std::thread::spawn(move || behave(theirs)))
}

/// What a fake agent's thread gave, while the host's end goes on.
async fn joined<T: Send + 'static>(thread: std::thread::JoinHandle<T>) -> T {
    soon(tokio::task::spawn_blocking(|| thread.join())).await.unwrap().unwrap()
}

/// Reads requests until one that `wanted` knows; gives its id.
fn asked(stream: &mut UnixStream, wanted: impl Fn(&Request) -> bool) -> Option<u32> {
    let (mut decoder, mut byte) = (Decoder::default(), [0]);
    // Byte by byte: what comes after it is for whoever asks next.
    while let Ok(1) = stream.read(&mut byte) {
        decoder.push(&byte);
        while let Ok(Some(frame)) = decoder.next_frame() {
            if Request::decode(&frame).is_ok_and(|request| wanted(&request)) {
                return Some(frame.id);
            }
        }
    }
    None
}

fn say(stream: &mut UnixStream, id: u32, reply: &Reply) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    reply.encode(id, &mut bytes);
    stream.write_all(&bytes)
}

fn greet(stream: &mut UnixStream) {
    asked(stream, |r| matches!(r, Request::Init { .. })).unwrap();
    say(stream, 0, &Reply::Hello { pid: 1 }).unwrap();
}

/// Whether the host has closed the stream: both ways, so that nothing can be sent either.
fn cut_off(mut stream: UnixStream) -> bool {
    let read = std::io::copy(&mut stream, &mut std::io::sink());
    let written = (0..100).any(|_| stream.write_all(&[0; 64 << 10]).is_err());
    let timed_out = |e: &std::io::Error| e.kind() == std::io::ErrorKind::WouldBlock;
    !read.as_ref().is_err_and(timed_out) && written
}

async fn connect(stream: tokio::net::UnixStream) -> Result<Agent, AgentError> {
    soon(Agent::connect(stream, b"/", Confinement::default())).await
}

#[tokio::test]
async fn first_words_that_are_no_greeting_are_an_error() {
    for words in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        vec![0; 12],
        header(u32::MAX, VERSION, 0x80, 0, 0),
        header(4, VERSION + 1, 0x80, 0, 0),
        header(4, VERSION, 0x80, 9, 0),
        framed(0x80, 0, b"too long for a greeting"),
        framed(0x01, 0, b"a request"),
        framed(0x88, 0, &[0; 16]),
    ] {
        let shown = format!("{words:?}");
        let (stream, agent) = fake(move |mut stream| {
            stream.write_all(&words).unwrap();
            cut_off(stream)
        });
        let error = connect(stream).await.unwrap_err();
        assert!(matches!(error, AgentError::Gone(_)), "{shown}: {error:?}");
        assert!(joined(agent).await, "{shown}: the stream was left open");
    }
    let (stream, _agent) =
        fake(|mut stream| say(&mut stream, 0, &Reply::Failed { errno: 1, message: "layer: no".into() }));
    assert_eq!(
        connect(stream).await.unwrap_err(),
        AgentError::Refused { errno: 1, message: "layer: no".into() }
    );
    // A greeting cut short, and none at all.
    for words in [&framed(0x80, 0, &[0; 4])[..15], &[]] {
        let words = words.to_vec();
        let (stream, _agent) = fake(move |mut stream| stream.write_all(&words));
        assert!(matches!(connect(stream).await, Err(AgentError::Gone(_))));
    }
}

#[tokio::test]
async fn silence_is_an_error_in_time() {
    let (stream, agent) = fake(cut_off);
    let time = Duration::from_millis(50);
    let error = soon(Agent::connect_within(stream, b"/", Confinement::default(), time)).await.unwrap_err();
    assert_eq!(error, AgentError::Silent);
    assert!(joined(agent).await, "the stream was left open");
    // Whoever gives up waiting leaves nothing behind either.
    let (stream, agent) = fake(cut_off);
    tokio::time::timeout(time, Agent::connect(stream, b"/", Confinement::default())).await.unwrap_err();
    assert!(joined(agent).await, "the stream was left open");
}

/// What each fake agent says to a start, and how the follower's last event is an error.
#[tokio::test]
async fn an_agent_that_breaks_the_rules_is_cut_off() {
    let piece = || Reply::Stdout(vec![0; 64 << 10]);
    let cases: Vec<(&str, Vec<Reply>)> = vec![
        ("output without end", (0..1000).map(|_| piece()).collect()),
        ("frames of one byte without end", (0..4000).map(|_| Reply::Stderr(vec![0])).collect()),
        ("empty frames without end", (0..4000).map(|_| Reply::Stdout(vec![])).collect()),
        ("the largest frames", (0..3).map(|_| Reply::Stdout(vec![0; MAX_PAYLOAD])).collect()),
        ("two starts", vec![Reply::Started { pid: 1 }, Reply::Started { pid: 1 }]),
    ];
    for (what, replies) in cases {
        let (stream, fake_agent) = fake(move |mut stream| {
            greet(&mut stream);
            let id = asked(&mut stream, |r| matches!(r, Request::Start(_))).unwrap();
            for reply in replies {
                if say(&mut stream, id, &reply).is_err() {
                    break;
                }
            }
            cut_off(stream)
        });
        let agent = connect(stream).await.unwrap();
        let (mut process, control) = soon(agent.start(shell("true"))).await.unwrap();
        // Nobody reads while it floods: that is what it is not allowed to.
        soon(agent.gone()).await;
        let mut bytes = 0;
        let error = loop {
            match soon(process.next()).await {
                Ok(ProcessEvent::Stdout(data) | ProcessEvent::Stderr(data)) => bytes += data.len(),
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert!(matches!(error, AgentError::Gone(_)), "{what}: {error:?}");
        assert!(bytes <= 3 << 20, "{what}: {bytes} bytes were kept");
        assert!(matches!(soon(control.feed(b"x")).await, Ok(false) | Err(AgentError::Gone(_))), "{what}");
        assert!(matches!(soon(control.signal(9)).await, Err(AgentError::Gone(_))), "{what}");
        assert!(matches!(soon(agent.usage()).await, Err(AgentError::Gone(_))), "{what}");
        assert!(joined(fake_agent).await, "{what}: the stream was left open");
    }
}

/// The window is what was granted, however it is used up: reaching beyond its end does not make it larger.
#[tokio::test]
async fn reaching_beyond_the_window_gains_nothing() {
    let (turn, mut turns) = tokio::sync::mpsc::channel(1);
    let (stream, fake_agent) = fake(move |mut stream| {
        greet(&mut stream);
        let id = asked(&mut stream, |r| matches!(r, Request::Start(_))).unwrap();
        let mut free = 1i64 << 20;
        for _ in 0..4 {
            while free > 512 {
                let n = (free - 1).clamp(512, 64 << 10);
                say(&mut stream, id, &Reply::Stdout(vec![0; n as usize])).unwrap();
                free -= n;
            }
            // The piece that uses it up may reach beyond.
            if free > 0 {
                say(&mut stream, id, &Reply::Stdout(vec![0; MAX_PAYLOAD])).unwrap();
                free -= MAX_PAYLOAD as i64;
            }
            turn.blocking_send("read").unwrap();
            while free < 700 << 10 {
                free += next_credit(&mut stream);
            }
            turn.blocking_send("read no more").unwrap();
        }
        drop(turn);
        (0..26).all(|_| say(&mut stream, id, &Reply::Stdout(vec![0; 64 << 10])).is_ok())
    });
    let agent = connect(stream).await.unwrap();
    let (mut process, _control) = soon(agent.start(shell("true"))).await.unwrap();
    let reading = async {
        while turns.recv().await.is_some() {
            loop {
                tokio::select! {
                    biased;
                    _ = turns.recv() => break,
                    event = process.next() => drop(event.unwrap()),
                }
            }
        }
    };
    soon(reading).await;
    // From here on nobody reads: this is more than it may have on its way.
    assert!(soon(agent.gone()).await.contains("more output than it was granted"));
    joined(fake_agent).await;
}

/// The bytes that the next credit grants.
fn next_credit(stream: &mut UnixStream) -> i64 {
    let (mut decoder, mut byte) = (Decoder::default(), [0]);
    loop {
        stream.read_exact(&mut byte).unwrap();
        decoder.push(&byte);
        while let Ok(Some(frame)) = decoder.next_frame() {
            if let Ok(Request::Credit(bytes)) = Request::decode(&frame) {
                return bytes.into();
            }
        }
    }
}

/// Replies that carry nothing and are never read must not gather.
#[tokio::test]
async fn replies_without_end_cost_no_memory() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "alone_replies_without_end", "--ignored", "--nocapture", "--test-threads=1"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test]
#[ignore = "measures its whole process: run by replies_without_end_cost_no_memory"]
async fn alone_replies_without_end() {
    for reply in [
        Reply::StdinCredit(0),
        Reply::StdinCredit(u32::MAX),
        Reply::StdinClosed,
        Reply::Exited(Exit::default()),
        Reply::Done(1, 1),
        Reply::Usage(Usage::default()),
        Reply::Failed { errno: 1, message: "no".repeat(500_000) },
    ] {
        let before = peak(std::process::id() as i32);
        let times = if matches!(reply, Reply::Failed { .. }) { 200 } else { 1_000_000 };
        let (stream, fake_agent) = fake(move |mut stream| {
            greet(&mut stream);
            let id = asked(&mut stream, |r| matches!(r, Request::Start(_))).unwrap();
            let mut bytes = Vec::new();
            (0..times.min(1000)).for_each(|_| reply.encode(id, &mut bytes));
            let rounds = times / times.min(1000);
            (0..rounds).for_each(|_| stream.write_all(&bytes).unwrap());
            let _ = say(&mut stream, 0, &Reply::Hello { pid: 2 });
        });
        let agent = connect(stream).await.unwrap();
        let (process, control) = soon(agent.start(Start { stdin: true, ..shell("true") })).await.unwrap();
        soon(agent.gone()).await;
        joined(fake_agent).await;
        let grown = peak(std::process::id() as i32) - before;
        // The fake agent's own bytes are in this process too.
        let allowed = if times == 200 { 480 << 20 } else { 40 << 20 };
        assert!(grown < allowed, "{grown} bytes");
        drop((process, control));
    }
}

/// What is not read of a stream that is half closed keeps nobody waiting.
#[tokio::test]
async fn an_agent_that_says_goodbye_and_reads_no_more_hangs_nobody() {
    let (stream, fake_agent) = fake(|mut stream| {
        greet(&mut stream);
        asked(&mut stream, |r| matches!(r, Request::Start(_))).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        stream
    });
    let agent = connect(stream).await.unwrap();
    let (mut process, control) = soon(agent.start(Start { stdin: true, ..shell("true") })).await.unwrap();
    let _kept = joined(fake_agent).await;
    assert!(matches!(soon(process.next()).await, Err(AgentError::Gone(_))));
    let sending = async {
        for _ in 0..10_000 {
            if control.signal(15).await.is_err() {
                return;
            }
        }
        panic!("sent to nobody");
    };
    soon(sending).await;
    assert!(matches!(soon(control.feed(&vec![0; 9 << 20])).await, Ok(false) | Err(AgentError::Gone(_))));
    assert!(matches!(
        soon(agent.write(b"f", Mode::Replace, &vec![0; 9 << 20])).await,
        Err(AgentError::Gone(_))
    ));
}

#[tokio::test]
async fn an_answer_to_another_question_is_an_error() {
    let wrong = [
        Reply::Hello { pid: 1 },
        Reply::Started { pid: 1 },
        Reply::Stdout(vec![1]),
        Reply::Exited(Exit::default()),
        Reply::Data(vec![0; 1000]),
        Reply::Failed { errno: -1, message: "\x1b[31m".repeat(9999) },
    ];
    for reply in wrong {
        let answer = reply.clone();
        let (stream, _fake_agent) = fake(move |mut stream| {
            greet(&mut stream);
            while let Some(id) =
                asked(&mut stream, |r| !matches!(r, Request::Cancel | Request::WriteMore { .. }))
            {
                let _ = say(&mut stream, id, &answer);
            }
        });
        let agent = connect(stream).await.unwrap();
        let list = List { max_entries: 0, ..List::default() };
        let results = [
            soon(agent.read(b"f", 10)).await.err(),
            soon(agent.write(b"f", Mode::Append, &vec![0; 100_000])).await.err(),
            soon(agent.copy(b"f", b"g", true)).await.err(),
            soon(agent.delete(b"f", true)).await.err(),
            soon(agent.list(list)).await.err(),
            soon(agent.usage()).await.err(),
            soon(agent.measure()).await.err(),
        ];
        for error in results {
            match error {
                Some(AgentError::Gone(_)) => {}
                Some(AgentError::Refused { message, .. }) => assert!(message.len() <= 4096),
                other => panic!("{reply:?}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_listing_that_is_too_long_or_noise_is_an_error() {
    let mut entry = Vec::new();
    Entry { path: vec![b'x'], kind: b'f', size: 1, modified: i64::MIN, mode: u32::MAX }.encode(&mut entry);
    for data in [entry.repeat(100), vec![255; 1000], entry[..20].to_vec()] {
        let (stream, _fake_agent) = fake(move |mut stream| {
            greet(&mut stream);
            let id = asked(&mut stream, |r| matches!(r, Request::List(_))).unwrap();
            say(&mut stream, id, &Reply::Data(data)).unwrap();
            say(&mut stream, id, &Reply::Done(100, 0)).unwrap();
        });
        let agent = connect(stream).await.unwrap();
        let asked = List { max_entries: 10, ..List::default() };
        assert!(matches!(soon(agent.list(asked)).await, Err(AgentError::Gone(_))));
    }
}

/// `next` may be given up while credit can't be sent: what had come is still there.
#[tokio::test]
async fn output_is_not_lost_while_the_agent_does_not_read() {
    let (stream, fake_agent) = fake(|mut stream| {
        greet(&mut stream);
        let id = asked(&mut stream, |r| matches!(r, Request::Start(_))).unwrap();
        for _ in 0..16 {
            say(&mut stream, id, &Reply::Stdout(vec![7; 64 << 10])).unwrap();
        }
        say(&mut stream, id, &Reply::Exited(Exit::default())).unwrap();
        stream
    });
    let agent = connect(stream).await.unwrap();
    let (mut process, control) = soon(agent.start(Start { stdin: true, ..shell("true") })).await.unwrap();
    // The way to the agent is full: it takes some megabytes, and then no more.
    while tokio::time::timeout(Duration::from_millis(200), agent.write(b"f", Mode::Append, &vec![0; 8 << 20]))
        .await
        .is_ok()
    {}
    let mut bytes = 0;
    let mut given_up = 0;
    while given_up < 50 {
        match tokio::time::timeout(Duration::from_millis(1), process.next()).await {
            Ok(Ok(ProcessEvent::Stdout(data))) => bytes += data.len(),
            Ok(Ok(ProcessEvent::Exited(_))) => break,
            Ok(other) => panic!("{other:?}"),
            Err(_) => given_up += 1,
        }
    }
    // It reads again.
    let mut stream = joined(fake_agent).await;
    std::thread::spawn(move || std::io::copy(&mut stream, &mut std::io::sink()));
    let rest = soon(rest(&mut process)).await.map_or(0, |ended| ended.out.len());
    assert_eq!(bytes + rest, 1 << 20);
    drop(control);
}

fn any_reply() -> impl Strategy<Value = Vec<u8>> {
    let noise = prop::collection::vec(any::<u8>(), 0..40);
    let known = (0x80u8..0x8c, 0u32..12, prop::collection::vec(any::<u8>(), 0..60))
        .prop_map(|(kind, id, payload)| framed(kind, id, &payload));
    let end = (0u32..12).prop_map(|id| {
        let mut bytes = Vec::new();
        Reply::Done(1, 2).encode(id, &mut bytes);
        bytes
    });
    prop_oneof![1 => noise, 20 => known, 10 => end]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// Whatever an agent says, every question has an answer or an error, and none takes long once it has gone.
    #[test]
    fn any_words_of_an_agent_are_survived(words in prop::collection::vec(any_reply(), 0..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (stream, fake_agent) = fake(move |mut stream| {
                greet(&mut stream);
                let _ = asked(&mut stream, |r| matches!(r, Request::Start(_)));
                for bytes in words {
                    let _ = stream.write_all(&bytes);
                }
                let _ = stream.shutdown(Shutdown::Write);
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
            });
            let agent = connect(stream).await.unwrap();
            let (mut process, control) = soon(agent.start(Start { stdin: true, ..shell("true") })).await.unwrap();
            let asked = List { max_entries: 5, ..List::default() };
            let all = async {
                tokio::join!(
                    rest_of_any(&mut process),
                    control.feed(&[0; 300_000]),
                    agent.read(b"f", 100),
                    agent.write(b"f", Mode::Append, &[0; 100_000]),
                    agent.list(asked),
                    agent.usage(),
                    agent.measure(),
                    agent.delete(b"f", true),
                )
            };
            let _ = soon(all).await;
            drop((process, control, agent));
            joined(fake_agent).await;
        });
    }
}

async fn rest_of_any(process: &mut codebeaker::agent::Process) {
    while let Ok(event) = process.next().await {
        if matches!(event, ProcessEvent::Exited(_)) {
            return;
        }
    }
}

/// Asks soon whether an agent is still there.
fn impatient(answer: Duration) -> Patience {
    Patience { quiet: Duration::from_millis(10), answer, hello: LONG }
}

/// Nobody waits for an agent that is stopped as long as for one that has much to do.
#[tokio::test]
async fn an_agent_that_is_stopped_is_silent() {
    let (mut child, stream) = spawn(&mut plain());
    let directory = tempfile::tempdir().unwrap();
    let patience = impatient(Duration::from_millis(100));
    let workspace = directory.path().as_os_str().as_bytes();
    let agent = soon(Agent::connect_with(tokio_stream(stream), workspace, Confinement::default(), patience))
        .await
        .unwrap();
    assert_eq!(soon(agent.alive()).await, Ok(()));
    let pid = child.id() as i32;
    kill(pid, rustix::process::Signal::STOP);
    until("it is stopped", || status(pid, "State").unwrap().starts_with('T')).await;
    let results = [
        soon(agent.alive()).await.err(),
        soon(agent.read(b"f", 10)).await.err(),
        soon(agent.list(List::default())).await.err(),
        soon(agent.usage()).await.err(),
        soon(agent.measure()).await.err(),
        // More than is on the way to an agent at once.
        soon(agent.write(b"f", Mode::Replace, &vec![0; 9 << 20])).await.err(),
    ];
    assert_eq!(results, [const { Some(AgentError::Silent) }; 6]);
    kill(pid, rustix::process::Signal::CONT);
    while soon(agent.alive()).await.is_err() {}
    assert_eq!(soon(agent.make_directory(b"d", false)).await, Ok(()), "it goes on where it was");
    agent.close();
    ended(&mut child).await;
}

/// A command that takes long is waited for while its agent answers other questions.
#[tokio::test]
async fn an_agent_that_is_slow_is_not_silent() {
    let (stream, fake_agent) = fake(|mut stream| {
        greet(&mut stream);
        let id = asked(&mut stream, |r| matches!(r, Request::Delete { .. })).unwrap();
        for _ in 0..5 {
            let ping = asked(&mut stream, |r| matches!(r, Request::Usage)).unwrap();
            say(&mut stream, ping, &Reply::Usage(Usage::default())).unwrap();
        }
        say(&mut stream, id, &Reply::Done(0, 0)).unwrap();
        stream
    });
    let agent =
        soon(Agent::connect_with(stream, b"/", Confinement::default(), impatient(LONG))).await.unwrap();
    assert_eq!(soon(agent.delete(b"much", true)).await, Ok(()));
    joined(fake_agent).await;
}

/// A directory that is none of the agent's business is no workspace.
#[tokio::test]
async fn a_workspace_that_is_not_there_is_told() {
    for path in ["/no/such/directory", "/dev/null"] {
        let (mut child, stream) = spawn(&mut plain());
        let error = soon(Agent::connect(
            tokio_stream(stream),
            Path::new(path).as_os_str().as_bytes(),
            Confinement::default(),
        ))
        .await;
        assert!(matches!(error, Err(AgentError::Refused { .. })), "{error:?}");
        ended(&mut child).await;
    }
}
