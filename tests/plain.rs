//! The built binary in its plain mode: through a pipe, and with signals.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use support::home::{NO_DOCKER, codebeaker};
use support::require;
use tempfile::TempDir;

/// Whether python3 is here.
fn python() -> bool {
    let found =
        std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|d| d.join("python3").is_file());
    require("python", found.then_some(()).ok_or_else(|| "there is no python3".into()))
}

fn plain(home: &TempDir, args: &[&str]) -> Command {
    let mut command = codebeaker(home, args);
    command.env(NO_DOCKER.0, NO_DOCKER.1).stdin(Stdio::piped());
    command
}

/// Somebody who reads line by line.
struct Reader {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
    heard: String,
}

impl Reader {
    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines, heard: String::new() }
    }

    fn says(&mut self, words: &str) {
        self.child.stdin.as_mut().unwrap().write_all(format!("{words}\n").as_bytes()).unwrap();
    }

    /// Reads until a line holds this.
    fn hears(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.lines.read_line(&mut line).unwrap();
            self.heard.push_str(&line);
            assert!(read > 0, "it ended before {text:?}:\n{}", self.heard);
            if line.contains(text) {
                return line;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Its input ends; gives the exit code, and all it has said.
    fn ends(mut self) -> (Option<i32>, String) {
        drop(self.child.stdin.take());
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), self.heard + &rest)
    }
}

/// All that a script of words makes it say.
fn script(args: &[&str], words: &str) -> (Option<i32>, String) {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("greet.py"), "name = input()\nprint('hello', name)\n").unwrap();
    std::fs::write(
        home.path().join("bad.py"),
        "import sys\nprint('\\033[31mred\\033[0m')\nsys.exit('wrong')\n",
    )
    .unwrap();
    let mut reader = Reader::start(plain(&home, args));
    reader.says(words);
    reader.ends()
}

#[test]
fn a_pipe_of_words_runs_programs_one_after_another() {
    if !python() {
        return;
    }
    let words = "input Ada\nrun\nopen bad.py\nrun.start\nsessions\nclose 1\nsessions\nquit";
    let (code, said) = script(&["--plain", "greet.py"], words);
    assert_eq!(code, Some(0), "{said}");
    let lines: Vec<&str> = said.lines().collect();
    let at = |text: &str| {
        let found = lines.iter().position(|line| line.contains(text));
        found.unwrap_or_else(|| panic!("{text:?} is not in\n{said}"))
    };
    let order = [
        "greet.py: Python, 2 lines",
        "session 1: Python on native, ready in",
        "run 1 on native: started",
        "hello Ada",
        "run 1 on native: ok, exit 0, ",
        "bad.py: Python, 3 lines",
        "run 2 on native: started",
        "red",
        "stderr: wrong",
        "run 2 on native: failed, exit 1, ",
        "session 1: Python on native, idle, 2 runs",
        "session 1: closed",
        "there is no session",
    ];
    assert!(order.iter().map(|text| at(text)).is_sorted(), "{said}");
    assert_eq!(lines[at("red")], "red", "without colours");
    assert!(!said.contains('\u{1b}') && !said.contains("codebeaker>"), "{said}");
}

#[test]
fn the_end_of_input_ends_it_once_the_run_has_ended() {
    if !python() {
        return;
    }
    let (code, said) = script(&["open", "--plain"], "sample input\nrun");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("What is your name?\ngreeted: 0\nrun 1 on native: ok, exit 0"), "{said}");
}

#[test]
fn input_is_given_while_it_runs_and_stop_stops() {
    if !python() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut reader = Reader::start(plain(&home, &["--plain"]));
    reader.says("sample input py\nrun");
    reader.hears("What is your name?");
    reader.says("input Ada");
    reader.hears("Hello, Ada!");
    reader.says("eof");
    reader.hears("run 1 on native: ok, exit 0");
    reader.says("sample endless\nrun");
    reader.hears("beat 0");
    reader.says("stop");
    reader.hears("run 2: asked to stop");
    reader.hears("run 2 on native: ");
    // Ctrl-C does the same, and with nothing running it ends nothing.
    reader.says("run");
    reader.hears("beat 0");
    reader.signal(Signal::INT);
    reader.hears("run 3 on native: ");
    reader.signal(Signal::INT);
    reader.hears("nothing runs");
    let (code, said) = reader.ends();
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn other_signals_end_it() {
    let home = tempfile::tempdir().unwrap();
    let mut reader = Reader::start(plain(&home, &["--plain"]));
    reader.hears("plain mode");
    reader.signal(Signal::TERM);
    let mut rest = String::new();
    reader.lines.read_to_string(&mut rest).unwrap();
    assert_eq!(reader.child.wait().unwrap().code(), Some(143));
}

#[test]
fn a_program_that_reads_nothing_can_be_stopped() {
    if !python() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let deaf = "import time\nprint('deaf', flush=True)\ntime.sleep(600)\n";
    std::fs::write(home.path().join("deaf.py"), deaf).unwrap();
    let mut reader = Reader::start(plain(&home, &["--plain", "deaf.py"]));
    let line = format!("input {}", "x".repeat(60_000));
    for _ in 0..20 {
        reader.says(&line);
    }
    reader.says("run");
    reader.hears("run 1 on native: started");
    reader.hears("deaf");
    reader.signal(Signal::INT);
    reader.hears("run 1: asked to stop");
    reader.hears("run 1 on native: ");
    // What is given while it runs holds up no signal either.
    reader.says("run");
    reader.hears("deaf");
    for _ in 0..20 {
        reader.says(&line);
    }
    reader.signal(Signal::TERM);
    let mut rest = String::new();
    reader.lines.read_to_string(&mut rest).unwrap();
    assert_eq!(reader.child.wait().unwrap().code(), Some(143), "{rest}");
}

#[test]
fn input_and_output_do_not_wait_for_each_other() {
    if !python() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let echo = "import sys\nfor line in sys.stdin:\n    print(line, end='', flush=True)\n";
    std::fs::write(home.path().join("echo.py"), echo).unwrap();
    let mut reader = Reader::start(plain(&home, &["--plain", "echo.py"]));
    let line = format!("input {}", "x".repeat(60_000));
    let all: String = std::iter::repeat_n(line + "\n", 60).collect();
    let words = format!("{all}run\n{all}eof\n");
    let mut input = reader.child.stdin.take().unwrap();
    // Somebody else reads meanwhile.
    let writing = std::thread::spawn(move || input.write_all(words.as_bytes()));
    let (code, said) = reader.ends();
    writing.join().unwrap().unwrap();
    assert_eq!(code, Some(0), "{} bytes", said.len());
    assert!(said.contains("run 1 on native: ok, exit 0"), "{} bytes", said.len());
    let echoed = said.lines().filter(|line| line.starts_with('x'));
    assert_eq!(echoed.map(str::len).sum::<usize>(), 120 * 60_000);
}

#[test]
fn a_line_that_is_too_long_is_refused_as_a_whole() {
    let head = "input ";
    let line = format!("{head}{}quit", "x".repeat((64 << 10) - head.len()));
    let (code, said) = script(&["--plain"], &format!("{line}\nsample hello py"));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("longer than 64 KiB") && said.contains("hello-sample.py: Python"), "{said}");
}

#[test]
fn a_pipe_is_no_text_and_is_not_waited_for() {
    let home = tempfile::tempdir().unwrap();
    let (cwd, mode) = (rustix::fs::CWD, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR);
    rustix::fs::mknodat(cwd, home.path().join("pipe"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let mut reader = Reader::start(plain(&home, &["--plain", "pipe"]));
    reader.says("open pipe\nsample hello py\nrun pipe");
    let (code, said) = reader.ends();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches("pipe can't be read: it is no regular file").count(), 3, "{said}");
}

#[test]
fn nonsense_is_answered_and_changes_nothing() {
    let (code, said) = script(&["--plain"], "dance\nrun\nopen nowhere.py\nclose 7\nstop\nsample tango\nhelp");
    assert_eq!(code, Some(0), "{said}");
    for answer in [
        "\"dance\" is not known; help tells what is",
        "its language is not known",
        "nowhere.py can't be read: no such file",
        "there is no such session",
        "nothing runs",
        "there is no sample \"tango\"",
        "sessions                     lists the sessions (focus.sessions)",
    ] {
        assert!(said.contains(answer), "{answer}: {said}");
    }
}

#[test]
fn where_there_is_no_terminal_it_is_named() {
    let home = tempfile::tempdir().unwrap();
    let output = codebeaker(&home, &[]).env(NO_DOCKER.0, NO_DOCKER.1).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("codebeaker --plain"));
}
