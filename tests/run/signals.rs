//! Signals, broken pipes, and the end of our own process.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::native::PATIENCE;
use crate::{Home, finished, has, there};

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_raw(child.id() as i32).unwrap(), signal).unwrap();
}

fn until(what: &str, mut there: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !there() {
        assert!(begin.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Starts a program and waits for its first line.
fn started(home: &Home, program: &str) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = home
        .command(&["run", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "on\n");
    (child, stdout)
}

#[test]
fn a_program_sees_the_signals_that_we_get() {
    if !has("python3") {
        return;
    }
    let home = Home::new();
    let program = home.file(
        "s.py",
        "import signal, sys, time\n\
         def seen(number, frame):\n    print('saw', number)\n    sys.exit(7)\n\
         for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT): signal.signal(s, seen)\n\
         print('on')\nwhile True: time.sleep(1)\n",
    );
    for (number, sent) in [(2, Signal::INT), (15, Signal::TERM), (1, Signal::HUP), (3, Signal::QUIT)] {
        let (child, mut stdout) = started(&home, &program);
        signal(&child, sent);
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, format!("saw {number}\n"));
        assert_eq!(finished(child).status.code(), Some(7));
        home.nothing_left();
    }
    let plain = home.file("plain.py", "import time\nprint('on')\ntime.sleep(1000)\n");
    let (child, _stdout) = started(&home, &plain);
    signal(&child, Signal::TERM);
    assert_eq!(finished(child).status.code(), Some(128 + 15));
    home.nothing_left();
}

#[test]
fn the_second_interrupt_kills() {
    if !has("python3") {
        return;
    }
    let home = Home::new();
    let program = home.file(
        "deaf.py",
        "import signal\nsignal.signal(signal.SIGINT, lambda *_: print('no'))\n\
         signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('on')\nwhile True: pass\n",
    );
    let (child, mut stdout) = started(&home, &program);
    signal(&child, Signal::INT);
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "no\n");
    signal(&child, Signal::INT);
    assert_eq!(finished(child).status.code(), Some(128 + 9));
    home.nothing_left();
    // Also where nobody takes its output, and it waits in a write.
    let flood = home.file("flood.py", "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nprint('on')\nwhile True: print('x' * 4096)\n");
    let (child, stdout) = started(&home, &flood);
    let runs =
        || home.processes().iter().any(|(_, line)| line.contains("flood.py") && line.contains("python"));
    assert!(runs());
    // Two signals that come together are one to the kernel: then a third is needed.
    until("the program ends", || {
        signal(&child, Signal::INT);
        let sent = Instant::now();
        while runs() && sent.elapsed() < Duration::from_secs(1) {
            std::thread::yield_now();
        }
        !runs()
    });
    assert_eq!(finished(child).status.code(), Some(128 + 9));
    drop(stdout);
    home.nothing_left();
}

#[test]
fn killed_without_mercy_it_takes_its_programs_along() {
    if !has("python3") {
        return;
    }
    let home = Home::new();
    let program = home.file(
        "endless.py",
        "import os, signal, subprocess\n\
         for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(s, signal.SIG_IGN)\n\
         subprocess.Popen(['sleep', '1000'], start_new_session=True)\n\
         if os.fork() == 0:\n    os.setsid()\n    while True: pass\n\
         print('on', flush=True)\nwhile True: pass\n",
    );
    let (mut child, _stdout) = started(&home, &program);
    assert!(home.processes().len() >= 5, "{:?}", home.processes());
    signal(&child, Signal::KILL);
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    until("no process is left", || home.processes().is_empty());
    // Its directory is left to the next run.
    let next = home.file("next.py", "print('next')\n");
    assert_eq!(home.run(&["run", &next]).stdout, b"next\n");
    home.nothing_left();
}

/// At any moment before the program runs.
#[test]
fn a_signal_that_comes_early_leaves_nothing() {
    if !has("python3") {
        return;
    }
    let home = Home::new();
    let program = home.file("p.py", "import time\ntime.sleep(1000)\n");
    let sessions = home.root.path().join("state/codebeaker/sessions");
    for sent in [Signal::INT, Signal::TERM, Signal::HUP] {
        for _ in 0..5 {
            let child = home
                .command(&["run", &program])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            // It listens to signals before it makes anything; the first thing it makes is its lock.
            until("it has begun", || std::fs::read_dir(&sessions).is_ok_and(|mut d| d.next().is_some()));
            signal(&child, sent);
            let code = finished(child).status.code();
            // An interrupt while Python is starting is its own error, with its own exit code.
            let pythons_own = sent == Signal::INT && code == Some(1);
            assert!(code == Some(128 + sent.as_raw()) || pythons_own, "{code:?}");
            // What was asked for its version is killed, and may be about to go.
            until("no process is left", || home.processes().is_empty());
            home.nothing_left();
        }
    }
    assert!(there(&sessions));
}

#[test]
fn a_reader_that_has_seen_enough_ends_it() {
    if !has("python3") {
        return;
    }
    let home = Home::new();
    let program = home.file("yes.py", "print('on')\nwhile True: print('y' * 1000)\n");
    let (child, stdout) = started(&home, &program);
    drop(stdout);
    let output = finished(child);
    assert_eq!(output.status.code(), Some(141), "as a shell has it: 128 and SIGPIPE");
    assert_eq!(output.stderr, b"");
    home.nothing_left();
}

/// A program can't stop what would end it. Where somebody else has, we must not hang on it.
#[test]
fn an_agent_that_is_stopped_is_given_up() {
    if !has("python3") {
        return;
    }
    let home = Home::new();
    let stop = "import os, signal, time\n\
        for pid in (1, os.getppid()):\n\
        \x20   try: os.kill(pid, signal.SIGSTOP); print('it could be stopped:', pid)\n\
        \x20   except PermissionError: pass\n\
        print('on', flush=True)\n\
        time.sleep(1000)\n";
    let program = home.file("stop.py", stop);
    let (child, _stdout) = started(&home, &program);
    // The first of those with this name: the others are supervisors, which it has forked.
    let agents = home.processes().into_iter().filter(|(_, line)| line.contains("codebeaker-agent"));
    let agent = agents.map(|(pid, _)| pid).min().unwrap();
    kill_process(Pid::from_raw(agent).unwrap(), Signal::STOP).unwrap();
    until("the agent is stopped", || {
        std::fs::read_to_string(format!("/proc/{agent}/stat")).is_ok_and(|stat| stat.contains(") T "))
    });
    signal(&child, Signal::INT);
    // Two that come together are one to the kernel: so they are sent until it ends.
    let pid = child.id();
    let ends = std::thread::spawn(move || finished(child).status.code());
    until("it gives up", || {
        let _ = kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::INT);
        ends.is_finished()
    });
    assert_eq!(ends.join().unwrap(), Some(128 + 9));
    until("no process is left", || home.processes().is_empty());
}

#[test]
fn a_signal_that_is_ignored_stays_so() {
    if !has("python3") {
        return;
    }
    let home = Home::new();
    let program = home.file("p.py", "print('on', flush=True)\ninput()\nprint('off')\n");
    let binary = env!("CARGO_BIN_EXE_codebeaker");
    let mut child = home
        .shell(&format!("trap '' HUP; exec {binary} run {program}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    signal(&child, Signal::HUP);
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"\n").unwrap();
    line.clear();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "off\n");
    assert_eq!(finished(child).status.code(), Some(0));
}

/// Started with `&` from a shell with job control: it reads the terminal as little as the program does.
#[tokio::test]
async fn a_run_in_the_background_is_not_stopped_by_the_terminal() {
    if !has("python3") {
        return;
    }
    let home = Home::new();
    let program = home.file("quiet.py", "print('done', 6 * 7)\n");
    let (mut pty, pts) = pty_process::open().unwrap();
    let script = format!("{} run {program} & wait; echo waited", env!("CARGO_BIN_EXE_codebeaker"));
    let mut command = pty_process::Command::new("/bin/bash").args(["-mc", &script]).env_clear();
    for (name, value) in home.command(&[]).get_envs() {
        if let Some(value) = value {
            command = command.env(name, value);
        }
    }
    let mut child = command.spawn(pts).unwrap();
    let mut seen = String::new();
    let mut buffer = [0; 1024];
    let read = async {
        while let Ok(n) = tokio::io::AsyncReadExt::read(&mut pty, &mut buffer).await
            && n > 0
        {
            seen.push_str(&String::from_utf8_lossy(&buffer[..n]));
        }
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap();
    assert!(seen.contains("done 42") && seen.contains("waited"), "{seen}");
    child.wait().await.unwrap();
}
