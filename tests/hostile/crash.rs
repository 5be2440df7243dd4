//! The end of the engine itself, by SIGKILL; and what a program of `codebeaker run` sees of its variables.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use codebeaker::provision::Tool;
use rustix::process::{Pid, Signal, kill_process};

use crate::siege::{Traces, mounts_below};
use crate::support::home::{codebeaker, finished, within};
use crate::support::native::{fetched, nap, processes, sleeping};

/// Within this time after the engine's end nothing of its sessions runs.
const AFTER: Duration = Duration::from_secs(2);

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
    within(AFTER, "its programs end", || sleeping(&nap).is_empty() && processes(home.path()).is_empty());
    within(AFTER, "its processes end", || traces.iter().all(|t| t.processes().is_empty()));
    // The next start removes what it left.
    let next = home.path().join("next.py");
    std::fs::write(&next, "print('next')\n").unwrap();
    let (code, stdout, stderr) =
        finished(codebeaker(&home, &["run", next.to_str().unwrap()]).spawn().unwrap());
    assert_eq!((code, stdout.as_str()), (Some(0), "next\n"), "{stderr}");
    let sessions = home.path().join("xdg_state_home/codebeaker/sessions");
    let left: Vec<_> = std::fs::read_dir(&sessions).unwrap().flatten().map(|e| e.path()).collect();
    assert!(left.is_empty(), "{left:?}");
    for traces in &traces {
        assert_eq!(traces.left(), Vec::<String>::new());
    }
    assert_eq!(mounts_below(home.path()), Vec::<String>::new());
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
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("p.py");
    let nap = nap();
    std::fs::write(&file, format!("import subprocess\nsubprocess.run(['sleep', '{nap}'])\n")).unwrap();
    for n in 0..20 {
        let mut engine = codebeaker(&home, &["run", file.to_str().unwrap()]).spawn().unwrap();
        let begin = Instant::now();
        // Not a wait for something: the moment itself.
        while begin.elapsed() < Duration::from_millis(n * 10) {
            std::thread::yield_now();
        }
        kill_process(Pid::from_child(&engine), Signal::KILL).unwrap();
        engine.wait().unwrap();
        within(AFTER, "its programs end", || sleeping(&nap).is_empty() && processes(home.path()).is_empty());
    }
    std::fs::write(&file, "print('next')\n").unwrap();
    let (code, stdout, stderr) =
        finished(codebeaker(&home, &["run", file.to_str().unwrap()]).spawn().unwrap());
    assert_eq!((code, stdout.as_str()), (Some(0), "next\n"), "{stderr}");
    let sessions = home.path().join("xdg_state_home/codebeaker/sessions");
    let left: Vec<_> = std::fs::read_dir(&sessions).unwrap().flatten().map(|e| e.path()).collect();
    assert!(left.is_empty(), "{left:?}");
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
        finished(codebeaker(&home, &["run", file.to_str().unwrap()]).spawn().unwrap());
    assert_eq!((code, stdout.as_str()), (Some(0), "environment: []\nprocesses: []\n"), "{stderr}");
}
