//! An Engine that is restarted, is full, or has nothing yet; and a full disk of our own.

use std::process::Command;

use bollard::query_parameters::TagImageOptionsBuilder;
use codebeaker::engine::Engine as _;
use codebeaker::protocol::{
    Command as Do, ErrorKind, Execute, Language, ReadFile, RuntimeType, SessionState, WriteFile,
};
use rustix::process::Signal;

use crate::engine::Private;
use crate::rig::{
    PATIENCE, PYTHON, Rig, engine, from_image, interactive, params, pass_on, printed, remember, sh, timely,
    until,
};
use crate::support::home::{at_home, codebeaker, finished};
use crate::support::native::binary;
use crate::support::require;

const BASE: &str = "codebeaker-test-base:1";

async fn state(rig: &Rig) -> Vec<SessionState> {
    timely(rig.engine.sessions()).await.unwrap().iter().map(|session| session.state).collect()
}

/// Waits until there can be sessions again, and uses one.
async fn sessions_again(rig: &Rig) {
    let next = until(
        PATIENCE,
        "there are sessions again",
        async || rig.create(params(Language::Python)).await,
        |created| created.is_ok(),
    )
    .await
    .unwrap()
    .session_id;
    assert_eq!(rig.code(&next, "print('after')").await.stdout, "after\n");
    timely(rig.engine.close_session(&next)).await.unwrap();
}

/// Ended as one ends it, and started again: what ran on it is lost, that is said, and what comes next works.
#[tokio::test]
async fn restarted() {
    let Some(shared) = engine(&[PYTHON]).await else { return };
    let Some(mut private) = Private::start(None).await else { return };
    private.load(&shared, PYTHON, "codebeaker-python:latest").await;
    let rig = private.rig(|_| {}).await;
    let session = rig.session(Language::Python).await;
    rig.container(&session).await;
    let mut running = rig.start(interactive(&session, sh("echo on; exec sleep 1000"))).await;
    printed(&mut running, "on\n").await;
    private.stop(Signal::TERM).await;
    let result = timely(running.finished()).await.unwrap();
    assert!(!result.success && result.error.is_some_and(|error| !error.is_empty()));
    until(PATIENCE, "it is lost", async || state(&rig).await, |state| *state == [SessionState::Lost]).await;
    let failure = timely(rig.engine.execute(Execute::new(session.clone(), sh("true")))).await.unwrap_err();
    assert!(failure.message.contains("is lost: "), "{failure:?}");
    // Meanwhile there is nothing to be had, and why is said.
    let failure = until(
        PATIENCE,
        "it is seen that there is no Engine",
        async || rig.create(params(Language::Python)).await.unwrap_err(),
        |failure| failure.kind == ErrorKind::NoRuntime,
    )
    .await;
    assert!(failure.message.contains("d.sock"), "{failure:?}");
    timely(rig.engine.close_session(&session)).await.unwrap();
    private.restart().await;
    sessions_again(&rig).await;
    rig.end().await;
}

/// Killed: its containers outlive it, and so do their sessions, until the next one ends them.
#[tokio::test]
async fn killed_and_started_again() {
    let Some(shared) = engine(&[PYTHON]).await else { return };
    let Some(mut private) = Private::start(None).await else { return };
    private.load(&shared, PYTHON, "codebeaker-python:latest").await;
    let rig = private.rig(|_| {}).await;
    let (session, other) = (rig.session(Language::Python).await, rig.session(Language::Python).await);
    rig.container(&session).await;
    private.stop(Signal::KILL).await;
    // It takes no Engine to talk to an agent, nor to end it.
    assert_eq!(rig.code(&session, "print('still here')").await.stdout, "still here\n");
    timely(rig.engine.close_session(&other)).await.unwrap();
    private.restart().await;
    until(PATIENCE, "it is lost", async || state(&rig).await, |state| *state == [SessionState::Lost]).await;
    timely(rig.engine.close_session(&session)).await.unwrap();
    sessions_again(&rig).await;
    until(PATIENCE, "nothing is left on the Engine", async || rig.things().await, Vec::is_empty).await;
    rig.end().await;
}

/// An Engine that stands still, as one does whose machine has too much to do.
#[tokio::test]
async fn standing_still() {
    let Some(shared) = engine(&[PYTHON]).await else { return };
    let Some(private) = Private::start(None).await else { return };
    private.load(&shared, PYTHON, "codebeaker-python:latest").await;
    let rig = private.rig(|_| {}).await;
    let (session, other) = (rig.session(Language::Python).await, rig.session(Language::Python).await);
    rig.container(&session).await;
    private.signal(Signal::STOP);
    // What runs goes on, and closing waits for no answer.
    assert_eq!(rig.code(&session, "print('still here')").await.stdout, "still here\n");
    timely(rig.engine.close_session(&other)).await.unwrap();
    timely(rig.engine.close_session(&session)).await.unwrap();
    private.signal(Signal::CONT);
    until(PATIENCE, "nothing is left on the Engine", async || rig.things().await, Vec::is_empty).await;
    rig.end().await;
}

/// Without any image of ours, a run builds what it needs, on the base that it is told.
#[tokio::test]
async fn with_nothing_yet() {
    let Some(shared) = engine(&[PYTHON]).await else { return };
    let Some(private) = Private::start(None).await else { return };
    private.load(&shared, PYTHON, BASE).await;
    let rig = private.rig(|_| {}).await;
    let info = timely(rig.engine.runtime(RuntimeType::Docker, false)).await.unwrap();
    assert!(!info.available && info.fetchable && info.isolation.score > 0, "{info:?}");
    assert_eq!(info.reason.as_deref(), Some("none of its images is here yet"));
    let failure = rig.create(params(Language::Python)).await.unwrap_err();
    assert_eq!(failure.kind, ErrorKind::NoRuntime);
    assert!(failure.hint.contains("codebeaker setup docker"), "{failure:?}");
    // An image that is named is as good without ours.
    let session = rig.create(from_image(Language::Python, BASE)).await.unwrap().session_id;
    assert_eq!(rig.code(&session, "print('named')").await.stdout, "named\n");
    timely(rig.engine.close_session(&session)).await.unwrap();
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("p.py"), "print('built')\n").unwrap();
    std::fs::write(home.path().join("p.go"), "package main\nfunc main() {}\n").unwrap();
    let run = |file: &str| {
        let mut command = codebeaker(&home, &["run", "--runtime", "docker", file]);
        command.env("DOCKER_HOST", private.url()).env("CODEBEAKER_DOCKER_BASE", BASE);
        finished(command.spawn().unwrap())
    };
    let (code, out, err) = run("p.py");
    assert_eq!((code, out.as_str()), (Some(0), "built\n"), "{err}");
    assert!(err.contains("this run needs an image for Python, which is built now"), "{err}");
    let (code, out, err) = run("p.py");
    assert_eq!((code, out.as_str(), err.as_str()), (Some(0), "built\n", ""));
    // There is no Go in that base, and no way out to fetch it.
    let (code, _, err) = run("p.go");
    assert_eq!(code, Some(125), "{err}");
    assert!(err.contains("codebeaker-golang can't be built on "), "{err}");
    rig.end().await;
}

/// What was built before has no name any more, and is removed; what somebody has given a name of his own stays.
#[tokio::test]
async fn what_is_replaced_goes() {
    let Some(shared) = engine(&[PYTHON]).await else { return };
    let Some(private) = Private::start(None).await else { return };
    private.load(&shared, PYTHON, BASE).await;
    let api = private.api().await;
    let built = async |base: &str| {
        let home = tempfile::tempdir().unwrap();
        let args = ["setup", "docker", "--language", "python", "--base", base];
        let mut command = codebeaker(&home, &args);
        command.env("DOCKER_HOST", private.url());
        let child = command.spawn().unwrap();
        let (code, out, err) = tokio::task::spawn_blocking(move || finished(child)).await.unwrap();
        assert_eq!(code, Some(0), "{out}{err}");
        api.inspect_image(PYTHON).await.unwrap().id.unwrap()
    };
    let first = built(BASE).await;
    let options = TagImageOptionsBuilder::default().repo("theirs").tag("1").build();
    api.tag_image(PYTHON, Some(options)).await.unwrap();
    // On the one before: so it is another.
    let second = built("theirs:1").await;
    assert_ne!(second, first);
    assert_eq!(api.inspect_image("theirs:1").await.unwrap().id, Some(first.clone()));
    let third = built(BASE).await;
    assert_eq!(third, first);
    assert!(api.inspect_image(&second).await.is_err(), "what nobody has named is still there");
}

/// The Engine's own disk is full.
#[tokio::test]
async fn an_engine_that_is_full() {
    let Some(private) = Private::start(Some(24)).await else { return };
    let rig = private.rig(|_| {}).await;
    let api = private.api().await;
    let image =
        crate::made::Made::imported_on(&api, &[("lonely", b"here\n")], "codebeaker-test-full:1").await;
    let session = rig.create(from_image(Language::Python, &image)).await.unwrap().session_id;
    private.fill();
    // What is there goes on: its files are not on that disk.
    let write = Do::WriteFile(WriteFile::bytes("file", &[b'x'; 100_000]));
    assert!(rig.execute(&session, write).await.success);
    let read = Do::ReadFile(ReadFile { path: "file".into(), encoding: None });
    assert!(rig.execute(&session, read).await.success);
    let failure = rig.create(from_image(Language::Python, &image)).await.unwrap_err();
    assert!(failure.message.contains("no space left on device"), "{failure:?}");
    timely(rig.engine.close_session(&session)).await.unwrap();
    timely(rig.engine.shutdown()).await;
}

/// Our own disk is full: on the file system of the state directory.
#[tokio::test]
async fn a_state_directory_that_is_full() {
    let Some(_) = engine(&[PYTHON]).await else { return };
    let root = rustix::process::geteuid().is_root();
    if !require("root", root.then_some(()).ok_or_else(|| "only root may mount".into())) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("p.py"), "print(1)\n").unwrap();
    let state = home.path().join("xdg_state_home/codebeaker");
    std::fs::create_dir_all(&state).unwrap();
    remember(&state, "cli");
    let run = |script: &str| {
        let script = format!(
            "{script}{} run --runtime docker p.py; code=$?; ls -A {state}/sessions {state}/docker | grep -v :; exit $code",
            binary().display(),
            state = state.display(),
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script]);
        finished(at_home(&home, command).spawn().unwrap())
    };
    let (code, out, err) = run("");
    assert_eq!((code, out.trim()), (Some(0), "1"), "{err}");
    pass_on(&state, "cli");
    // With what trying has shown there is no room for the agent.
    let tiny = format!("cp {0}/docker.json . && mount -t tmpfs -o size=64k tmpfs {0} && ", state.display());
    let (code, out, err) = run(&format!("{tiny}cp docker.json {}/ && ", state.display()));
    assert_eq!((code, out.trim()), (Some(125), ""), "{err}");
    assert!(err.contains("a directory for a container can't be made: No space left on device"), "{err}");
    assert!(err.contains("free some space"), "{err}");
    // Nor is one found where trying comes first: one that needs no directory is weaker, and room may come back.
    let (code, out, err) = run(&tiny);
    assert_eq!((code, out.trim()), (Some(125), ""), "{err}");
    assert!(err.contains("No space left on device"), "{err}");
}
