//! Where no directory of this machine's can be given to containers: the agent comes by a volume, and is spoken to through
//! its standard streams; the Engine may be behind TCP.

use std::process::Stdio;

use bytes::Bytes;
use codebeaker::engine::{Engine as _, InterruptTarget};
use codebeaker::protocol::{
    Command, CreateSession, Execute, ExecutionEvent, Language, OutputStream, ReadFile, SessionId,
    SessionLimits, Signal, WriteFile,
};
use codebeaker::runtimes::Marks;
use sha2::{Digest as _, Sha256};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinSet;

use crate::rig::{
    PYTHON, Rig, SOON, Setup, code, engine, interactive, params, pass_on, printed, process, remember, sh,
    timely, until,
};
use crate::support::home::{codebeaker, finished};

/// What goes through TCP on this machine goes on to the Engine's socket.
struct Proxy {
    port: u16,
    _serving: tokio_util::task::AbortOnDropHandle<()>,
}

impl Proxy {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                connections.spawn(pass(near));
            }
        });
        Self { port, _serving: tokio_util::task::AbortOnDropHandle::new(serving) }
    }

    fn url(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.port)
    }
}

async fn pass(mut near: TcpStream) {
    if let Ok(mut far) = UnixStream::connect("/var/run/docker.sock").await {
        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
    }
}

async fn attached(images: &[&str]) -> Option<Rig> {
    Rig::with(images, |setup: &mut Setup| setup.docker.elsewhere = true).await
}

/// Everything that a session does, once.
async fn everything_works(rig: &Rig, session: &SessionId) {
    assert_eq!(rig.code(session, "print('hello')").await.stdout, "hello\n");
    let bytes: Vec<u8> = (0..=255).cycle().take(3 << 20).collect();
    assert!(rig.execute(session, Command::WriteFile(WriteFile::bytes("big", &bytes))).await.success);
    let read = Command::ReadFile(ReadFile { path: "big".into(), encoding: None });
    let result = rig.execute(session, read).await;
    let Some(codebeaker::protocol::CommandOutput::Content(content)) = result.result else {
        panic!("{:?}", result.error)
    };
    assert_eq!(content.bytes, bytes.len() as u64);
    let mut cat = rig.start(interactive(session, sh("cat; echo end"))).await;
    timely(rig.engine.input(&cat.id, Bytes::from_static(b"one\n"), false)).await.unwrap();
    printed(&mut cat, "one\n").await;
    timely(rig.engine.input(&cat.id, Bytes::new(), true)).await.unwrap();
    printed(&mut cat, "end\n").await;
    assert!(timely(cat.finished()).await.unwrap().success);
    for (signal, expected) in [(Signal::Int, 130), (Signal::Kill, 137)] {
        let mut waiting = rig.start(interactive(session, sh("echo on; exec sleep 1000"))).await;
        printed(&mut waiting, "on\n").await;
        let target = InterruptTarget::Execution(waiting.id.clone());
        assert!(timely(rig.engine.interrupt(target, signal)).await.unwrap());
        assert_eq!(process(timely(waiting.finished()).await.unwrap()).exit_code, expected);
    }
}

/// There and back again: more than fits anywhere in between.
async fn fifty_megabytes(rig: &Rig, session: &SessionId) {
    const SIZE: usize = 50 << 20;
    let piece: Vec<u8> = (0..1 << 16).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut expected = Sha256::new();
    (0..SIZE / piece.len()).for_each(|_| expected.update(&piece));
    let text = "import shutil, sys\nshutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)";
    let mut execution = rig.start(interactive(session, code(text))).await;
    let (engine, id) = (rig.engine.clone(), execution.id.clone());
    let feeding = tokio::spawn(async move {
        for _ in 0..SIZE / piece.len() {
            engine.input(&id, Bytes::copy_from_slice(&piece), false).await.unwrap();
        }
        engine.input(&id, Bytes::new(), true).await.unwrap();
    });
    let (mut sum, mut size, mut result) = (Sha256::new(), 0, None);
    while let Some(event) = timely(execution.next()).await {
        match event {
            ExecutionEvent::Output { stream: OutputStream::Stdout, data } => {
                sum.update(&data);
                size += data.len();
            }
            ExecutionEvent::Finished(finished) => result = Some(finished),
            ExecutionEvent::Started => {}
            other => panic!("{other:?}"),
        }
    }
    timely(feeding).await.unwrap();
    let result = result.unwrap();
    assert!(result.success, "{result:?}");
    assert_eq!((size, sum.finalize()), (SIZE, expected.finalize()));
}

#[tokio::test]
async fn by_the_standard_streams() {
    let Some(rig) = attached(&[PYTHON]).await else { return };
    let session = rig.session(Language::Python).await;
    let id = rig.container(&session).await;
    let container = rig.inspect(&id).await;
    let host = container.host_config.unwrap();
    assert_eq!((host.readonly_rootfs, host.network_mode.as_deref()), (Some(true), Some("none")));
    let mounts = container.mounts.unwrap();
    assert_eq!(mounts.len(), 1, "{mounts:?}");
    assert_eq!((mounts[0].typ.as_deref(), mounts[0].rw), (Some("volume"), Some(false)));
    assert_eq!(mounts[0].destination.as_deref(), Some("/.codebeaker"));
    // That agent's program is the one thing that all share.
    let told = rig.sh(&session, "touch /.codebeaker/x 2>/dev/null && echo written; ls -A /.codebeaker").await;
    assert_eq!(told.stdout, "agent\n");
    everything_works(&rig, &session).await;
    let volume = |all: &Vec<String>| all.iter().any(|thing| thing.starts_with("volume "));
    assert!(volume(&rig.things().await));
    rig.close(&session).await;
    // With the last session goes its container, and at the end the volume.
    let other = rig.session(Language::Python).await;
    assert_eq!(rig.code(&other, "print('another')").await.stdout, "another\n");
    rig.end().await;
}

#[tokio::test]
async fn fifty_megabytes_by_the_standard_streams() {
    let Some(rig) = attached(&[PYTHON]).await else { return };
    let session = rig.session(Language::Python).await;
    rig.container(&session).await;
    fifty_megabytes(&rig, &session).await;
    rig.end().await;
}

#[tokio::test]
async fn fifty_megabytes_by_a_socket() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let session = rig.session(Language::Python).await;
    rig.container(&session).await;
    fifty_megabytes(&rig, &session).await;
    rig.end().await;
}

/// A limit by name, where the kernel's counts of a container can't be read from here.
async fn is_reached(text: &str, name: &str) {
    let Some(rig) = attached(&[PYTHON]).await else { return };
    let limits = SessionLimits { processes: Some(20), ..SessionLimits::default() };
    let params = CreateSession { memory_limit_mb: Some(128), limits, ..params(Language::Python) };
    let session = rig.create(params).await.unwrap().session_id;
    rig.container(&session).await;
    let told = rig.code(&session, text).await;
    assert_eq!(told.limit.as_ref().map(|limit| limit.name.as_str()), Some(name), "{told:?}");
    assert_eq!(rig.sh(&session, "echo on").await.stdout, "on\n");
    rig.end().await;
}

#[tokio::test]
async fn memory_by_the_standard_streams() {
    is_reached("all = []\nwhile True: all.append(bytes(8 << 20))", "memory").await;
}

#[tokio::test]
async fn processes_by_the_standard_streams() {
    let threads = "import threading, time\n\
                   for n in range(40): threading.Thread(target=time.sleep, args=(1000,)).start()";
    is_reached(threads, "processes").await;
}

/// What isolates them is the Engine's doing, whichever way they are entered.
#[tokio::test]
async fn as_isolated_by_the_standard_streams() {
    let Some(near) = Rig::new(&[PYTHON]).await else { return };
    let Some(far) = attached(&[PYTHON]).await else { return };
    let by_socket = near.create(params(Language::Python)).await.unwrap().isolation;
    let by_streams = far.create(params(Language::Python)).await.unwrap().isolation;
    assert_eq!(
        (by_streams.score, by_streams.letters),
        (by_socket.score, by_socket.letters),
        "{:?}",
        by_streams.layers
    );
    near.end().await;
    far.end().await;
}

#[tokio::test]
async fn killed_by_the_standard_streams() {
    let Some(rig) = attached(&[PYTHON]).await else { return };
    let session = rig.session(Language::Python).await;
    let id = rig.container(&session).await;
    let mut waiting = rig.start(interactive(&session, sh("echo on; exec sleep 1000"))).await;
    printed(&mut waiting, "on\n").await;
    let options = bollard::query_parameters::KillContainerOptionsBuilder::default().signal("KILL").build();
    rig.api.kill_container(&id, Some(options)).await.unwrap();
    let result = timely(waiting.finished()).await.unwrap();
    assert!(!result.success, "{result:?}");
    let refused = timely(rig.engine.execute(Execute::new(session.clone(), sh("true")))).await.unwrap_err();
    assert!(refused.message.contains("is lost"), "{refused:?}");
    rig.close(&session).await;
    rig.end().await;
}

#[tokio::test]
async fn ready_by_the_standard_streams() {
    let change = |setup: &mut Setup| {
        setup.docker.elsewhere = true;
        setup.docker.pool = Marks { low: 1, high: 2, memory: 256 << 20 };
    };
    let Some(rig) = Rig::with(&[PYTHON], change).await else { return };
    let session = rig.session(Language::Python).await;
    let first = rig.container(&session).await;
    let ready = async || {
        let mut running = rig.running().await;
        running.retain(|id| *id != first);
        running
    };
    let there = until(crate::rig::PATIENCE, "two stand ready", ready, |ready| ready.len() == 2).await;
    let next = rig.session(Language::Python).await;
    assert!(there.contains(&rig.container(&next).await));
    rig.end().await;
}

#[tokio::test]
async fn through_tcp() {
    let Some(_) = engine(&[PYTHON]).await else { return };
    let proxy = Proxy::start().await;
    let url = proxy.url();
    let Some(rig) = Rig::with(&[PYTHON], |setup: &mut Setup| setup.docker.host = Some(url.clone())).await
    else {
        return;
    };
    let session = rig.create(params(Language::Python)).await.unwrap().session_id;
    let id = rig.container(&session).await;
    assert_eq!(rig.inspect(&id).await.mounts.unwrap()[0].typ.as_deref(), Some("volume"));
    everything_works(&rig, &session).await;
    fifty_megabytes(&rig, &session).await;
    rig.close(&session).await;
    let left = async || rig.running().await;
    until(SOON, "its container is gone", left, Vec::is_empty).await;
    rig.end().await;
}

#[tokio::test]
async fn the_engine_that_docker_host_names() {
    let Some(_) = engine(&[PYTHON]).await else { return };
    let proxy = Proxy::start().await;
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join("xdg_state_home/codebeaker");
    remember(&state, "cli-tcp");
    std::fs::write(home.path().join("hello.py"), "import sys\nprint('hello', sys.stdin.read())\n").unwrap();
    let mut command = codebeaker(&home, &["run", "--runtime", "docker", "hello.py"]);
    let mut child = command.env("DOCKER_HOST", proxy.url()).stdin(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"you").unwrap();
    let (code, out, err) = tokio::task::spawn_blocking(move || finished(child)).await.unwrap();
    assert_eq!((code, out.as_str()), (Some(0), "hello you\n"), "{err}");
    pass_on(&state, "cli-tcp");
    assert_eq!(std::fs::read_dir(state.join("sessions")).unwrap().count(), 0);
}
