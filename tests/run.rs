//! The built binary as people use it: `run`, `doctor`, `completions`, `man`, each in a home of its own.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "run/limits.rs"]
mod limits;
#[path = "run/signals.rs"]
mod signals;
mod support;
#[path = "run/troubles.rs"]
mod troubles;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use codebeaker::provision::Tool;
use sha2::Digest as _;
use support::home::NO_DOCKER;
use support::native::{PATIENCE, data_dir, fetched};
use support::require;
use tempfile::TempDir;

/// A person's home, with nothing of this test's process but its PATH.
struct Home {
    root: TempDir,
    variables: Vec<(String, String)>,
}

impl Home {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let below = |name: &str| root.path().join(name).to_str().unwrap().to_owned();
        let variables = [
            ("HOME", below("home")),
            ("XDG_CONFIG_HOME", below("config")),
            ("XDG_STATE_HOME", below("state")),
            ("XDG_DATA_HOME", below("data")),
            ("PATH", std::env::var("PATH").unwrap()),
            (NO_DOCKER.0, NO_DOCKER.1.to_owned()),
        ];
        let variables = variables.into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
        std::fs::create_dir(root.path().join("home")).unwrap();
        // Deno and Bun are fetched once for all tests.
        std::fs::create_dir_all(data_dir()).unwrap();
        std::fs::create_dir(root.path().join("data")).unwrap();
        std::os::unix::fs::symlink(data_dir(), root.path().join("data/codebeaker")).unwrap();
        Self { root, variables }
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(n, _)| n != name);
        self.variables.push((name.into(), value.into()));
        self
    }

    /// The variables without which npm's and the network's own settings would be missed are left out: nothing is
    /// fetched by this command.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_codebeaker"));
        command.args(args).env_clear().envs(self.variables.iter().cloned());
        command.current_dir(self.root.path()).stdin(Stdio::null());
        command
    }

    /// A shell in the same surroundings.
    fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).env_clear().envs(self.variables.iter().cloned());
        command.current_dir(self.root.path()).stdin(Stdio::null());
        command
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.root.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn run(&self, args: &[&str]) -> Output {
        finished(self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Nothing of a run is left: no session, no process.
    fn nothing_left(&self) {
        let sessions = self.root.path().join("state/codebeaker/sessions");
        let left: Vec<PathBuf> = std::fs::read_dir(&sessions)
            .map_or_else(|_| Vec::new(), |d| d.flatten().map(|e| e.path()).collect());
        assert_eq!(left, Vec::<PathBuf>::new());
        assert_eq!(self.processes(), []);
    }

    fn processes(&self) -> Vec<(i32, String)> {
        support::native::processes(self.root.path())
    }
}

/// Waits for the end, and reads both outputs meanwhile.
pub fn finished(child: Child) -> Output {
    let (send, receive) = std::sync::mpsc::channel();
    let pid = child.id();
    std::thread::spawn(move || send.send(child.wait_with_output()));
    match receive.recv_timeout(PATIENCE) {
        Ok(output) => output.unwrap(),
        Err(_) => {
            let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            panic!("it does not end");
        }
    }
}

pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Whether the host has this interpreter.
pub fn has(name: &str) -> bool {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|d| d.join(name).is_file());
    require(name, found.then_some(()).ok_or_else(|| "it is not on the PATH".into()))
}

/// Output, exit code, and nothing left.
fn expect(home: &Home, args: &[&str], stdout: &str, code: i32) -> String {
    let output = home.run(args);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((text(&output.stdout), output.status.code()), (stdout, Some(code)), "{args:?}: {stderr}");
    home.nothing_left();
    stderr
}

#[test]
fn typescript_runs_on_bun_and_deno() {
    let home = Home::new();
    let hello = home.file("hello.ts", "const who: string = 'you';\nconsole.log(`hello ${who}`);\n");
    for (runtime, tool) in [("bun", Tool::Bun), ("deno", Tool::Deno)] {
        if fetched(tool) {
            assert_eq!(expect(&home, &["run", &hello, "--runtime", runtime], "hello you\n", 0), "");
        }
    }
}

#[test]
fn what_a_program_is_given_and_gives_passes_through() {
    if !has("python3") {
        return;
    }
    let home = Home::new();
    let program = home.file(
        "all.py",
        "import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read() + b'\\xff\\x00')\n\
         print(sys.argv[1:], file=sys.stderr)\nsys.exit(42)\n",
    );
    let input: Vec<u8> = (0..=255).collect();
    let mut child = home
        .command(&["run", &program, "--", "a b", "--json", "é\n", ""])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&input).unwrap();
    let output = finished(child);
    assert_eq!(output.stdout, [&input[..], b"\xff\0"].concat());
    assert_eq!(text(&output.stderr), "['a b', '--json', 'é\\n', '']\n");
    assert_eq!(output.status.code(), Some(42));
    home.nothing_left();
    let killed = home.file("killed.py", "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n");
    expect(&home, &["run", &killed], "", 139);
}

#[test]
fn the_language_is_told_by_name_flag_or_first_line() {
    if !has("python3") {
        return;
    }
    let home = Home::new();
    let script = home.file("script", "#!/usr/bin/env -S python3 -u\nprint('by its first line')\n");
    expect(&home, &["run", &script], "by its first line\n", 0);
    let odd = home.file("odd.txt", "print('by the flag')\n");
    expect(&home, &["run", &odd, "--language", "PY"], "by the flag\n", 0);
    home.file("-c.py", "print('no option')\n");
    expect(&home, &["run", "./-c.py"], "no option\n", 0);
    if fetched(Tool::Bun) {
        let typed = home.file("typed", "#!/usr/bin/env bun\nconst n: number = 6;\nconsole.log(n * 7);\n");
        expect(&home, &["run", &typed], "42\n", 0);
        expect(&home, &["run", &typed, "--runtime", "bun"], "42\n", 0);
    }
    let mut child = home
        .command(&["run", "-", "--language", "python", "--", "x"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let code = b"import sys\nprint(sys.argv[1], repr(sys.stdin.read()))\n";
    child.stdin.take().unwrap().write_all(code).unwrap();
    let output = finished(child);
    assert_eq!(text(&output.stdout), "x ''\n", "{}", text(&output.stderr));
    assert_eq!(output.status.code(), Some(0));
    home.nothing_left();
}

#[test]
fn time_is_up() {
    if !has("python3") {
        return;
    }
    let home = Home::new();
    let endless = home.file("endless.py", "print('on', flush=True)\nwhile True: pass\n");
    let stderr = expect(&home, &["run", &endless, "--timeout", "0.5"], "on\n", 124);
    assert!(stderr.starts_with("codebeaker: ") && stderr.contains("500 ms"), "{stderr}");
}

#[test]
fn what_keeps_a_run_from_being_done_is_an_object_too() {
    let home = Home::new();
    let output = home.run(&["run", "nowhere.py", "--json"]);
    assert_eq!(output.status.code(), Some(125));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["success"], false);
    assert!(report["error"].as_str().unwrap().contains("nowhere.py can't be read"), "{report}");
    assert!(text(&output.stderr).contains("nowhere.py can't be read"));
}

#[test]
fn json_is_one_object_that_says_why() {
    if !has("python3") {
        return;
    }
    let home = Home::new();
    let program = home.file("p.py", "import sys\nprint('out')\nprint('err', file=sys.stderr)\nsys.exit(3)\n");
    for preference in ["speed", "security", "memory", "balanced"] {
        let output = home.run(&["run", &program, "--json", "--prefer", preference]);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(report["success"], false);
        assert_eq!(report["result"]["exitCode"], 3);
        assert_eq!(
            (report["result"]["stdout"].as_str(), report["result"]["stderr"].as_str()),
            (Some("out\n"), Some("err\n"))
        );
        assert_eq!(
            (report["runtime"].as_str(), report["language"].as_str()),
            (Some("native"), Some("python"))
        );
        let name = report["selection"]["preference"].as_str().unwrap();
        assert!(name.eq_ignore_ascii_case(preference), "{name}");
        let ranking = report["selection"]["ranking"].as_array().unwrap();
        assert!(ranking.iter().all(|c| !c["reason"].as_str().unwrap().is_empty()), "{report:#}");
        assert_eq!(ranking[0]["chosen"], true);
        assert!(report["startupMs"].as_f64().unwrap() > 0.0 && report["durationMs"].is_u64());
        assert_eq!(text(&output.stderr), "");
    }
    home.nothing_left();
}

#[test]
fn preferences_choose_what_the_design_says() {
    if !(fetched(Tool::Bun) && fetched(Tool::Deno)) {
        return;
    }
    let home = Home::new();
    let hello = home.file("hello.ts", "console.log('hello')\n");
    // All native runtimes are isolated alike, so that Security goes by the order they are shown in.
    for (preference, expected) in
        [("speed", "bun"), ("memory", "bun"), ("balanced", "bun"), ("security", "deno")]
    {
        let output = home.run(&["run", &hello, "--json", "--prefer", preference]);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["runtime"], expected, "{preference}: {report:#}");
    }
}

/// Peak resident memory of a process, in bytes.
fn peak(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

#[test]
fn fifty_megabytes_pass_through_in_little_memory() {
    if !has("python3") {
        return;
    }
    let home = Home::new();
    const SIZE: usize = 50 << 20;
    let cat =
        home.file("cat.py", "import shutil, sys\nshutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)\n");
    let mut child =
        home.command(&["run", &cat]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let piece: Vec<u8> = (0..1 << 16).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let expected = {
        let mut hash = sha2::Sha256::new();
        (0..SIZE / piece.len()).for_each(|_| hash.update(&piece));
        hash.finalize()
    };
    let feeding = std::thread::spawn(move || {
        for _ in 0..SIZE / piece.len() {
            stdin.write_all(&piece).unwrap();
        }
    });
    let (mut hash, mut total, mut most) = (sha2::Sha256::new(), 0, 0);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = stdout.read(&mut buffer).unwrap();
        if n == 0 {
            break;
        }
        hash.update(&buffer[..n]);
        total += n;
        // The peak only rises; while output comes the process is there to be asked.
        most = peak(child.id()).unwrap_or(most).max(most);
    }
    feeding.join().unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!((total, hash.finalize()), (SIZE, expected));
    assert!(most > 0 && most <= 64 << 20, "{} MB", most >> 20);
    home.nothing_left();
}

#[test]
fn completions_and_the_manual() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let output = home.run(&["completions", shell]);
        assert!(output.status.success() && text(&output.stdout).contains("codebeaker"), "{shell}");
        if shell == "bash" && has("bash") {
            let script = home.file("completion.bash", text(&output.stdout));
            assert!(Command::new("bash").args(["-n", &script]).status().unwrap().success());
        }
    }
    let output = home.run(&["man"]);
    let page = text(&output.stdout);
    assert!(output.status.success() && page.contains(".TH") && page.contains("CODEBEAKER RUN"), "{page}");
    if has("man") {
        let page = home.file("codebeaker.1", page);
        let shown = Command::new("man").args(["-l", &page]).env("MANPAGER", "cat").output().unwrap();
        assert!(shown.status.success() && text(&shown.stderr).is_empty(), "{}", text(&shown.stderr));
        assert!(String::from_utf8_lossy(&shown.stdout).contains("timeout"));
    }
}

#[test]
fn the_doctor_tells_what_is_here() {
    let home = Home::new();
    let output = home.run(&["doctor"]);
    let report = text(&output.stdout);
    for word in ["Deno", "Bun", "NativeProcess", "isolation", "settings", "sessions"] {
        assert!(report.contains(word), "{word} is missing: {report}");
    }
    assert!(!report.contains('\u{1b}'), "{report}");
    let output = home.run(&["doctor", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["runtimes"].as_array().unwrap().len(), 4);
    for runtime in report["runtimes"].as_array().unwrap() {
        let available = runtime["available"] == true;
        assert_eq!(available, runtime["version"].is_string(), "{runtime:#}");
        assert!(available || (runtime["reason"].is_string() && runtime["fix"].is_string()), "{runtime:#}");
    }
    home.nothing_left();
    // Where nothing is there at all.
    let bare = Home::new().set("PATH", "/nonexistent");
    std::fs::remove_file(bare.root.path().join("data/codebeaker")).unwrap();
    let output = bare.run(&["doctor"]);
    assert_eq!(output.status.code(), Some(125));
    assert!(text(&output.stdout).contains("codebeaker setup bun"), "{}", text(&output.stdout));
}

/// Whether something stands at this path.
pub fn there(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}
