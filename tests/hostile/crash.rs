//! The end of the engine itself, by SIGKILL; and what a program of `codebeaker run` sees of its variables.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use codebeaker::provision::Tool;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::siege::{Traces, mounts_below};
use crate::support::docker;
use crate::support::home::{codebeaker, finished, within};
use crate::support::native::{fetched, nap, processes, sleeping};

/// Within this time after the engine's end nothing of its sessions runs.
const AFTER: Duration = Duration::from_secs(2);
/// The same where the Docker Engine has to see it.
const AFTER_IN_CONTAINERS: Duration = Duration::from_secs(5);

const PYTHON: &str = "import os, signal, subprocess, sys, time
for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(s, signal.SIG_IGN)
subprocess.Popen(['sleep', sys.argv[1]], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    while True: time.sleep(1000)
print('on', flush=True)
while True: time.sleep(1000)
";

/// Deno's flags let it start nothing.
const JAVASCRIPT: &str = "import('node:child_process').then((c) => {
  try { c.spawn('setsid', ['sleep', process.argv[2]], { detached: true, stdio: 'ignore' }).on('error', () => {}).unref(); } catch {}
  for (const s of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(s, () => {});
  console.log('on');
  setInterval(() => {}, 1000);
});
";

fn killed_without_mercy(runtime: &str, name: &str, program: &str, fetched_tool: Option<Tool>) {
    if fetched_tool.is_some_and(|tool| !fetched(tool)) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(name);
    std::fs::write(&file, program).unwrap();
    let in_containers = runtime == "docker";
    if in_containers && docker::left_below(home.path()).is_none() {
        return;
    }
    let after = if in_containers { AFTER_IN_CONTAINERS } else { AFTER };
    let nap = nap();
    let run = ["run", "--runtime", runtime, file.to_str().unwrap(), "--", &nap];
    let mut engine = codebeaker(&home, &run).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(engine.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "on\n");
    let own = engine.id() as i32;
    let inside: Vec<i32> = sleeping(&nap).into_iter().filter(|pid| *pid != own).collect();
    assert!(!inside.is_empty());
    let traces: Vec<Traces> = inside.into_iter().map(Traces::of).collect();
    kill_process(Pid::from_child(&engine), Signal::KILL).unwrap();
    assert_eq!(engine.wait().unwrap().signal(), Some(9));
    within(after, "its programs end", || sleeping(&nap).is_empty() && processes(home.path()).is_empty());
    within(after, "its processes end", || traces.iter().all(|t| t.processes().is_empty()));
    if in_containers {
        // By itself, with nobody there to remove it.
        within(after, "its container goes", || docker::left_below(home.path()) == Some(vec![]));
    }
    the_next_leaves_nothing(&home, if in_containers { runtime } else { "native" });
    for traces in &traces {
        assert_eq!(traces.left(), Vec::<String>::new());
    }
    assert_eq!(mounts_below(home.path()), Vec::<String>::new());
}

/// The next start removes what others left.
fn the_next_leaves_nothing(home: &TempDir, runtime: &str) {
    let next = home.path().join("next.py");
    std::fs::write(&next, "print('next')\n").unwrap();
    let run = ["run", "--runtime", runtime, next.to_str().unwrap()];
    let (code, stdout, stderr) = finished(codebeaker(home, &run).spawn().unwrap());
    assert_eq!((code, stdout.as_str()), (Some(0), "next\n"), "{stderr}");
    let nothing_in = |place: &str| {
        let place = home.path().join("xdg_state_home/codebeaker").join(place);
        let left: Vec<_> = std::fs::read_dir(&place).unwrap().flatten().map(|e| e.path()).collect();
        assert!(left.is_empty(), "{left:?}");
    };
    nothing_in("sessions");
    if runtime == "docker" {
        nothing_in("docker");
        assert_eq!(docker::left_below(home.path()), Some(vec![]));
    }
}

#[test]
fn killed_without_mercy_with_docker() {
    killed_without_mercy("docker", "endless.py", PYTHON, None);
}

#[test]
fn killed_without_mercy_with_python() {
    killed_without_mercy("native", "endless.py", PYTHON, None);
}

#[test]
fn killed_without_mercy_with_node() {
    killed_without_mercy("native", "endless.js", JAVASCRIPT, None);
}

#[test]
fn killed_without_mercy_with_deno() {
    killed_without_mercy("deno", "endless.ts", JAVASCRIPT, Some(Tool::Deno));
}

#[test]
fn killed_without_mercy_with_bun() {
    killed_without_mercy("bun", "endless.ts", JAVASCRIPT, Some(Tool::Bun));
}

/// At moments that nobody has chosen, from the launch to the end of the program.
#[test]
fn killed_at_any_moment() {
    killed_at_moments("native", 10);
}

#[test]
fn killed_at_any_moment_with_docker() {
    killed_at_moments("docker", 50);
}

fn killed_at_moments(runtime: &str, apart_ms: u64) {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("p.py");
    let nap = nap();
    std::fs::write(&file, format!("import subprocess\nsubprocess.run(['sleep', '{nap}'])\n")).unwrap();
    let in_containers = runtime == "docker";
    if in_containers && docker::left_below(home.path()).is_none() {
        return;
    }
    let after = if in_containers { AFTER_IN_CONTAINERS } else { AFTER };
    if in_containers {
        // What it learns first it learns once.
        the_next_leaves_nothing(&home, runtime);
    }
    for n in 0..20 {
        let run = ["run", "--runtime", runtime, file.to_str().unwrap()];
        let mut engine = codebeaker(&home, &run).spawn().unwrap();
        let begin = Instant::now();
        // Not a wait for something: the moment itself.
        while begin.elapsed() < Duration::from_millis(n * apart_ms) {
            std::thread::yield_now();
        }
        kill_process(Pid::from_child(&engine), Signal::KILL).unwrap();
        engine.wait().unwrap();
        within(after, "its programs end", || sleeping(&nap).is_empty() && processes(home.path()).is_empty());
        if in_containers {
            // One that was never started has no end: that is the next engine's to remove.
            let running = |all: Vec<String>| all.iter().any(|c| !c.contains("Created"));
            within(after, "its container ends", || {
                docker::left_below(home.path()).is_some_and(|c| !running(c))
            });
        }
    }
    the_next_leaves_nothing(&home, runtime);
    assert_eq!(mounts_below(home.path()), Vec::<String>::new());
}

/// The engine's own variables are nowhere in a session: not in its environment, nor in any that can be read there.
#[test]
fn secrets_of_the_engine() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("secrets.py");
    let look = "import glob, os
print('environment:', [n for n, v in os.environ.items() if 'secret' in v.lower() or 'CANARY' in n])
seen = []
for path in glob.glob('/proc/*/environ'):
    try:
        if b'a-secret-of-the-engine' in open(path, 'rb').read(): seen.append(path)
    except OSError: pass
print('processes:', seen)
";
    std::fs::write(&file, look).unwrap();
    let (code, stdout, stderr) =
        finished(codebeaker(&home, &["run", "--runtime", "native", file.to_str().unwrap()]).spawn().unwrap());
    assert_eq!((code, stdout.as_str()), (Some(0), "environment: []\nprocesses: []\n"), "{stderr}");
}
