//! The end of the engine, of a launcher, or of an agent, where no namespace ends everything with its first process.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command};
use std::time::Duration;

use codebeaker::provision::Tool;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::siege::Traces;
use crate::support::home::{NO_DOCKER, at_home, finished, within};
use crate::support::native::{binary, fetched, nap, processes, sleeping};
use crate::support::require;

/// Within this time after that nothing of its sessions runs.
const AFTER: Duration = Duration::from_secs(2);

const ALONE: &str = include_str!("alone.py");

/// A home that sessions of other users can pass through to their directories.
pub fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    home
}

/// The built binary, where no user namespaces are to be had and no containers; with the system's own interpreters.
pub fn without_namespaces(home: &TempDir, args: &[&str]) -> Command {
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-c", ALONE]).arg(binary()).args(args);
    let mut command = at_home(home, command);
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env(NO_DOCKER.0, NO_DOCKER.1);
    command
}

/// Whether user namespaces can be forbidden here: that takes one.
pub fn can_be_without_namespaces() -> bool {
    let tried = Command::new("/usr/bin/python3").args(["-c", ALONE, "/bin/true"]).output();
    let tried = tried.map_err(|e| e.to_string()).and_then(|o| {
        let reason = || String::from_utf8_lossy(&o.stderr).trim().to_owned();
        o.status.success().then_some(()).ok_or_else(reason)
    });
    require("unshare", tried)
}

const PYTHON: &str = "import os, signal, subprocess, sys, time
for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(s, signal.SIG_IGN)
subprocess.Popen(['sleep', sys.argv[1]], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True: time.sleep(1000)
    os._exit(0)
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

/// A program under way, and who keeps it.
struct Running {
    home: TempDir,
    engine: Child,
    nap: String,
    traces: Vec<Traces>,
    launcher: i32,
    agent: i32,
}

fn parent(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat[stat.rfind(')')? + 1..].split_whitespace().nth(1)?.parse().ok()
}

impl Running {
    fn start(runtime: &str, name: &str, program: &str) -> Self {
        let (home, nap) = (home(), nap());
        let file = home.path().join(name);
        std::fs::write(&file, program).unwrap();
        let run = ["run", "--runtime", runtime, file.to_str().unwrap(), "--", &nap];
        let mut engine = without_namespaces(&home, &run).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(engine.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        if line != "on\n" {
            panic!("{line:?}: {:?}", finished(engine));
        }
        let own = engine.id() as i32;
        let inside: Vec<i32> = sleeping(&nap).into_iter().filter(|pid| *pid != own).collect();
        // The way up from a program: its supervisor, the agent, the launcher, the engine.
        let mut keepers = vec![*inside.first().unwrap()];
        while let Some(above) = parent(keepers[keepers.len() - 1]).filter(|pid| *pid != own) {
            keepers.push(above);
        }
        let (launcher, agent) = (keepers[keepers.len() - 1], keepers[keepers.len() - 2]);
        let traces = inside.into_iter().map(Traces::of).collect();
        Self { home, engine, nap, traces, launcher, agent }
    }

    fn nothing_runs(&self) {
        let own = self.engine.id() as i32;
        let others = |pids: Vec<i32>| pids.into_iter().all(|pid| pid == own);
        within(AFTER, "its programs end", || others(sleeping(&self.nap)));
        within(AFTER, "its processes end", || {
            others(processes(self.home.path()).into_iter().map(|(pid, _)| pid).collect())
                && self.traces.iter().all(|t| t.processes().iter().all(|p| p.contains(&format!(" {own} "))))
        });
    }

    /// Kills the engine too; the next one removes what this has left.
    fn over(mut self) {
        kill(self.engine.id() as i32, Signal::KILL);
        self.engine.wait().unwrap();
        self.nothing_runs();
        let next = self.home.path().join("next.py");
        std::fs::write(&next, "print('next')\n").unwrap();
        let run = without_namespaces(&self.home, &["run", next.to_str().unwrap()]).spawn().unwrap();
        let (code, stdout, stderr) = finished(run);
        assert_eq!((code, stdout.as_str()), (Some(0), "next\n"), "{stderr}");
        let sessions = self.home.path().join("xdg_state_home/codebeaker/sessions");
        let left: Vec<_> = std::fs::read_dir(&sessions).unwrap().flatten().map(|e| e.path()).collect();
        assert!(left.is_empty(), "{left:?}");
        for traces in &self.traces {
            assert_eq!(traces.left(), Vec::<String>::new());
        }
    }
}

fn kill(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// Of each language: kills with these signals, in this order; then nothing runs.
fn each(end: impl Fn(&Running)) {
    if !can_be_without_namespaces() {
        return;
    }
    for (runtime, name, program, tool) in [
        ("native", "endless.py", PYTHON, None),
        ("native", "endless.js", JAVASCRIPT, None),
        ("deno", "endless.ts", JAVASCRIPT, Some(Tool::Deno)),
        ("bun", "endless.ts", JAVASCRIPT, Some(Tool::Bun)),
    ] {
        if tool.is_none_or(fetched) {
            let running = Running::start(runtime, name, program);
            end(&running);
            running.over();
        }
    }
}

#[test]
fn of_the_engine() {
    each(|_| {});
}

#[test]
fn of_the_launcher() {
    each(|running| {
        kill(running.launcher, Signal::KILL);
        running.nothing_runs();
    });
}

#[test]
fn of_the_agent() {
    each(|running| {
        kill(running.agent, Signal::KILL);
        running.nothing_runs();
    });
}

#[test]
fn of_the_launcher_and_the_agent() {
    each(|running| {
        kill(running.agent, Signal::STOP);
        kill(running.launcher, Signal::KILL);
        running.nothing_runs();
    });
}

/// It does not see that the engine is gone.
#[test]
fn of_the_engine_while_the_agent_is_stopped() {
    each(|running| kill(running.agent, Signal::STOP));
}

/// Neither do those that watch over the programs.
#[test]
fn of_the_engine_while_everybody_is_stopped() {
    each(|running| {
        for (pid, _) in processes(running.home.path()) {
            if pid != running.engine.id() as i32 && pid != running.launcher {
                let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::STOP);
            }
        }
    });
}
