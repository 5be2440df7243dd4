//! Nothing of a session is left: not of two hundred, not of one whose CodeBeaker was killed.

use std::process::Child;
use std::sync::Arc;

use bollard::Docker as Api;
use codebeaker::engine::Engine as _;
use codebeaker::protocol::Language;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::rig::{
    OWNER, PYTHON, Rig, SOON, containers, engine, params, pass_on, remember, things, timely, until,
};
use crate::support::home::{codebeaker, finished};

const SESSIONS: usize = 200;
const AT_ONCE: usize = 8;

#[tokio::test]
async fn of_two_hundred_sessions() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let rig = Arc::new(rig);
    // What is known of this engine is known from a session of its own.
    let first = rig.session(Language::Python).await;
    rig.container(&first).await;
    rig.close(&first).await;
    let next = Arc::new(std::sync::atomic::AtomicUsize::new(1));
    let workers: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (rig, next) = (rig.clone(), next.clone());
            tokio::spawn(async move {
                let mut done = 0;
                while next.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < SESSIONS {
                    let session = rig.session(Language::Python).await;
                    let told = rig.sh(&session, "echo $$ > file && cat file >/dev/null").await;
                    assert_eq!((told.exit_code, told.stderr.as_str()), (0, ""));
                    rig.close(&session).await;
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut done = 1;
    for worker in workers {
        done += worker.await.unwrap();
    }
    assert_eq!(done, SESSIONS);
    until(SOON, "nothing is left on the Engine", async || rig.things().await, Vec::is_empty).await;
    assert!(timely(rig.engine.sessions()).await.unwrap().is_empty());
    // Of this machine only what the next session needs, once.
    let docker = rig.state().join("docker");
    let own: Vec<_> = std::fs::read_dir(docker).unwrap().flatten().collect();
    assert_eq!(own.len(), 1);
    let names: Vec<_> = std::fs::read_dir(own[0].path()).unwrap().flatten().map(|e| e.file_name()).collect();
    assert_eq!(names, ["agent"]);
    Arc::into_inner(rig).unwrap().end().await;
}

#[tokio::test]
async fn of_sessions_that_nobody_waited_for() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let first = rig.session(Language::Python).await;
    rig.container(&first).await;
    // Broken off at any moment of its making, also long before there is a container.
    for n in 0..12 {
        let creating = rig.engine.create_session(params(Language::Python));
        let _ = tokio::time::timeout(std::time::Duration::from_millis(n * 40), creating).await;
    }
    for session in timely(rig.engine.sessions()).await.unwrap() {
        rig.close(&session.session_id).await;
    }
    until(SOON, "nothing is left on the Engine", async || rig.things().await, Vec::is_empty).await;
    rig.end().await;
}

#[tokio::test]
async fn of_an_engine_that_ends_while_sessions_run() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let mut running = Vec::new();
    for _ in 0..3 {
        let session = rig.session(Language::Python).await;
        rig.container(&session).await;
        let execute = crate::rig::interactive(&session, crate::rig::sh("echo on; exec sleep 1000"));
        let mut execution = rig.start(execute).await;
        crate::rig::printed(&mut execution, "on\n").await;
        running.push(execution);
    }
    rig.end().await;
    for execution in running {
        let result = timely(execution.finished()).await;
        assert!(result.is_err() || result.is_ok_and(|result| !result.success));
    }
}

#[tokio::test]
async fn of_an_engine_that_is_dropped() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let session = rig.session(Language::Python).await;
    rig.container(&session).await;
    let (api, instance) = (rig.api.clone(), rig.instance());
    drop(rig);
    let label = format!("{}={instance}", crate::rig::INSTANCE);
    until(SOON, "nothing is left on the Engine", async || things(&api, &label).await, Vec::is_empty).await;
}

/// The built binary, which runs a program that does not end.
struct Endless {
    child: Option<Child>,
    home: TempDir,
}

impl Endless {
    fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        remember(&state(&home), "cli");
        std::fs::write(
            home.path().join("endless.py"),
            "import time\nprint('on', flush=True)\ntime.sleep(1000)\n",
        )
        .unwrap();
        let mut command = codebeaker(&home, &["run", "--runtime", "docker", "endless.py"]);
        Self { child: Some(command.spawn().unwrap()), home }
    }

    fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// The containers of this process.
    async fn containers(&self, api: &Api) -> Vec<String> {
        let pid = self.pid().to_string();
        let all = containers(api, OWNER).await.into_iter();
        let own = all.filter(|container| {
            let label = container.labels.as_ref().and_then(|labels| labels.get(OWNER));
            label.is_some_and(|label| label.split(':').nth(3) == Some(pid.as_str()))
        });
        own.filter_map(|container| container.id).collect()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.pid().cast_signed()).unwrap(), signal).unwrap();
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn state(home: &TempDir) -> std::path::PathBuf {
    home.path().join("xdg_state_home/codebeaker")
}

/// Waits for its first output.
fn is_on(child: &mut Child) {
    use std::io::Read as _;
    let mut first = [0; 3];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"on\n");
}

#[tokio::test]
async fn of_one_that_is_killed() {
    let Some(api) = engine(&[PYTHON]).await else { return };
    let mut endless = Endless::start();
    is_on(endless.child.as_mut().unwrap());
    assert_eq!(endless.containers(&api).await.len(), 1);
    endless.signal(Signal::KILL);
    until(SOON, "its container is gone", async || endless.containers(&api).await, Vec::is_empty).await;
    endless.child.as_mut().unwrap().wait().unwrap();
    // What it had on this machine goes with the next that starts.
    let gates = state(&endless.home).join("docker");
    let count = || std::fs::read_dir(&gates).unwrap().count();
    assert_eq!(count(), 1);
    std::fs::write(endless.home.path().join("quick.py"), "print('quick')\n").unwrap();
    let quick = codebeaker(&endless.home, &["run", "--runtime", "docker", "quick.py"]).spawn().unwrap();
    let (code, out, err) = finished(quick);
    assert_eq!((code, out.as_str()), (Some(0), "quick\n"), "{err}");
    assert_eq!(count(), 0);
    assert_eq!(std::fs::read_dir(state(&endless.home).join("sessions")).unwrap().count(), 0);
    pass_on(&state(&endless.home), "cli");
}

#[tokio::test]
async fn of_one_that_is_killed_while_it_starts() {
    let Some(api) = engine(&[PYTHON]).await else { return };
    // At whatever point of its start that is: before, while and after its container is made.
    for pause in [50, 150, 250, 350, 450] {
        let mut endless = Endless::start();
        tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
        endless.signal(Signal::KILL);
        endless.child.as_mut().unwrap().wait().unwrap();
        // One that was made, but not started when its maker was killed, has no agent that could end: it goes with the
        // next engine that starts.
        let next = tempfile::tempdir().unwrap();
        let (engine, _) = crate::rig::embedded(next.path(), |_| {});
        remember(&next.path().join("state"), "near");
        timely(engine.create_session(params(Language::Python))).await.unwrap();
        until(SOON, "its container is gone", async || endless.containers(&api).await, Vec::is_empty).await;
        timely(engine.shutdown()).await;
    }
}

/// Whatever it is just making when it ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_an_engine_that_ends_while_it_makes_some_ready() {
    for n in 0..8 {
        let pool = codebeaker::runtimes::Marks { low: 3, high: 4, memory: 256 << 20 };
        let Some(rig) = Rig::with(&[PYTHON], |setup| setup.docker.pool = pool).await else { return };
        let session = rig.session(Language::Python).await;
        rig.container(&session).await;
        // Each time it is at another point of making the next one.
        tokio::time::sleep(std::time::Duration::from_millis(60 * n)).await;
        rig.end().await;
    }
}
