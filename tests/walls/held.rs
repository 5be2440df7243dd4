//! What a program can't do behind the weaker wall, in which it sees the host's names and processes.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::PathBuf;
use std::process::{Child, Command as Process, Stdio};

use codebeaker::engine::Execution;
use codebeaker::protocol::{
    Command, CommandOutput, CopyFile, CreateDirectory, CreateSession, DeleteFile, ExecuteCode, ExecuteShell,
    Language, ListDirectory, PtySize, ReadFile, SessionId, WriteFile, WriteMode,
};
use serde_json::{Value, json};

use crate::siege::{Inside, Siege, interactive, printed, program, sh, timely};
use crate::support::native::{nap, sleeping};

/// Somebody of our own user on the host: he has a terminal, shared memory, and tells when he is signalled.
struct Observer {
    child: Child,
    terminal: String,
    segment: u64,
}

const OBSERVER: &str = "
import ctypes, os, signal, sys
libc = ctypes.CDLL(None)
segment = libc.shmget(0, 4096, 0o1666)
signal.signal(signal.SIGURG, lambda number, frame: os.write(1, b'hit\\n'))
try:
    print(os.ttyname(os.openpty()[1]), segment, flush=True)
    sys.stdin.read()
finally:
    libc.shmctl(segment, 0, None)
";

impl Observer {
    fn new() -> Self {
        let mut command = Process::new("/usr/bin/python3");
        command.args(["-c", OBSERVER]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::with_capacity(1, child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let (terminal, segment) = line.trim().split_once(' ').unwrap();
        Self { terminal: terminal.into(), segment: segment.parse().unwrap(), child }
    }

    /// Nobody has signalled him, and he is there.
    fn unharmed(mut self) {
        drop(self.child.stdin.take());
        let mut text = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), self.child.wait().unwrap().code()), ("", Some(0)));
    }
}

/// Sockets for datagrams, that nobody may reach.
struct Datagrams {
    path: PathBuf,
    name: String,
    sockets: [UnixDatagram; 2],
}

impl Datagrams {
    fn new(siege: &Siege) -> Self {
        let path = siege.root.path().join("datagrams.sock");
        let by_path = UnixDatagram::bind(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).unwrap();
        let name = format!("codebeaker-{}", SessionId::random());
        let by_name = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        Self { path, name, sockets: [by_path, by_name] }
    }

    fn nothing_came(&self) {
        for socket in &self.sockets {
            socket.set_nonblocking(true).unwrap();
            let came = socket.recv(&mut [0; 100]);
            assert!(came.is_err(), "a local socket for datagrams was reached: {came:?}");
        }
    }
}

fn parent(pid: i32) -> i32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat[stat.rfind(')').unwrap() + 1..].split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The agent's and the launcher's process ids.
pub async fn keepers(siege: &Siege, inside: &Inside) -> (i32, i32) {
    let (running, pids) = waiting(siege, inside).await;
    let agent = parent(parent(pids[0]));
    let launcher = parent(agent);
    assert_eq!(parent(launcher), std::process::id() as i32);
    timely(siege.engine.input(&running.id, "\n".into(), true)).await.unwrap();
    timely(running.finished()).await.unwrap();
    (agent, launcher)
}

/// A program that waits for a line, tells when it is signalled, and its process ids.
async fn waiting(siege: &Siege, inside: &Inside) -> (Execution, Vec<i32>) {
    let nap = nap();
    let script =
        format!("trap 'echo hit' URG WINCH CONT; echo ready; read line; echo \"still here $line\" # {nap}");
    let mut running = siege.start(interactive(&inside.id, sh(&script))).await;
    printed(&mut running, "ready\n").await;
    let pids = sleeping(&nap);
    assert!(!pids.is_empty());
    (running, pids)
}

/// The session's directory on the host.
pub fn directory(siege: &Siege, inside: &Inside) -> PathBuf {
    let engines = std::fs::read_dir(siege.root.path().join("sessions")).unwrap().flatten();
    let mut found = engines.map(|e| e.path().join(&inside.id.0)).filter(|d| d.exists());
    found.next().unwrap()
}

/// What there is on the host. Paths of the host are no secret here: programs are where they are.
fn host(siege: &Siege, more: Value) -> Value {
    let mut facts = siege.facts(more);
    facts["secrets"].as_object_mut().unwrap().remove("CARGO_MANIFEST_DIR");
    facts
}

/// What there is on the host, and of another session.
async fn facts(siege: &Siege, inside: &Inside, other: &Inside, observer: &Observer, more: Value) -> Value {
    let (agent, launcher) = keepers(siege, inside).await;
    let left = format!(
        "umask 0; for d in . $TMPDIR $XDG_CACHE_HOME; do echo {} > $d/left; done",
        siege.canaries.token
    );
    assert_eq!(siege.sh(other, &left).await.exit_code, 0);
    let theirs = directory(siege, other);
    let others = ["workspace", "tmp", "cache"].map(|name| theirs.join(name).join("left"));
    let mut facts = host(
        siege,
        json!({
            "others": others,
            "engine": std::process::id(),
            "agent": agent,
            "launcher": launcher,
            "observer": observer.child.id(),
            "terminal": observer.terminal,
            "segment": observer.segment,
        }),
    );
    facts.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    facts
}

pub async fn files_of_the_host(siege: &Siege) {
    for network in [false, true] {
        let inside = siege.create_with(CreateSession { network, ..siege.params() }).await;
        let (other, observer) = (siege.create().await, Observer::new());
        let (running, pids) = waiting(siege, &other).await;
        let facts = facts(
            siege,
            &inside,
            &siege.create().await,
            &observer,
            json!({ "network": network, "pids": pids }),
        )
        .await;
        siege.held_in_python(&inside, include_str!("attacks/files.py"), &facts).await;
        timely(siege.engine.input(&running.id, "yet\n".into(), true)).await.unwrap();
        timely(running.finished()).await.unwrap();
        observer.unharmed();
    }
}

pub async fn files_of_the_host_by_its_own_language(siege: &Siege) {
    if siege.kind.language() == Language::Python {
        return;
    }
    let inside = siege.create().await;
    let code = include_str!("../hostile/attacks/code.js").to_owned();
    let facts = host(siege, json!({}));
    let code = ExecuteCode { code, args: vec![facts.to_string()], ..ExecuteCode::default() };
    let ended = siege.execute(&inside, Command::ExecuteCode(code)).await;
    siege.held(&ended, &facts);
}

/// Each file command through links that a program has planted.
pub async fn files_by_file_commands(siege: &Siege) {
    let (inside, other) = (siege.create().await, siege.create().await);
    assert_eq!(siege.sh(&other, "echo theirs > left").await.exit_code, 0);
    let theirs = directory(siege, &other).join("workspace/left").to_str().unwrap().to_owned();
    for (n, target) in siege.canaries.files().iter().chain([&theirs, &"/etc/shadow".to_owned()]).enumerate() {
        let above = std::path::Path::new(target).parent().unwrap().to_str().unwrap();
        let name = target.rsplit('/').next().unwrap();
        let plant = format!(
            "ln -s {target} file{n} && ln -s {above} directory{n} && ln -s directory{n}/{name} both{n}"
        );
        assert_eq!(siege.sh(&inside, &plant).await.exit_code, 0);
        let paths = [
            format!("file{n}"),
            format!("directory{n}/{name}"),
            format!("both{n}"),
            format!("/workspace/file{n}"),
            target.clone(),
            format!("..{target}"),
            format!("../../../../../../../..{target}"),
            format!("/proc/self/root{target}"),
        ];
        for path in paths {
            for command in [
                Command::ReadFile(ReadFile { path: path.clone(), encoding: None }),
                write(&path, WriteMode::Create),
                write(&path, WriteMode::Append),
                copy(&path, "stolen"),
                copy("given", &path),
            ] {
                assert!(siege.execute(&inside, write("given", WriteMode::Create)).await.success);
                siege.refused(&inside, command).await;
            }
        }
        for path in [format!("directory{n}"), above.to_owned(), format!("/workspace/directory{n}/.")] {
            siege.refused(&inside, list(&path)).await;
            siege
                .refused(
                    &inside,
                    Command::CreateDirectory(CreateDirectory {
                        path: format!("{path}/new"),
                        recursive: true,
                    }),
                )
                .await;
            siege
                .refused(
                    &inside,
                    Command::DeleteFile(DeleteFile { path: format!("{path}/{name}"), recursive: true }),
                )
                .await;
            let shell = ExecuteShell {
                command_name: "ls".into(),
                working_directory: Some(path),
                ..ExecuteShell::default()
            };
            siege.refused(&inside, Command::ExecuteShell(shell)).await;
        }
        // Deleting a link takes the link.
        for link in ["file", "directory", "both"] {
            let path = format!("{link}{n}");
            assert!(
                siege
                    .execute(&inside, Command::DeleteFile(DeleteFile { path, recursive: true }))
                    .await
                    .success
            );
        }
    }
    siege.canaries.untouched();
    assert_eq!(siege.sh(&other, "cat left; ls").await.stdout, "theirs\nleft\n");
}

fn write(path: &str, mode: WriteMode) -> Command {
    Command::WriteFile(WriteFile { path: path.into(), content: "x".into(), encoding: None, mode })
}

fn copy(source: &str, destination: &str) -> Command {
    Command::CopyFile(CopyFile { source: source.into(), destination: destination.into(), overwrite: true })
}

fn list(path: &str) -> Command {
    Command::ListDirectory(ListDirectory {
        path: path.into(),
        recursive: true,
        max_depth: None,
        pattern: None,
        include_hidden: true,
    })
}

async fn no_sockets(siege: &Siege, network: bool) {
    let inside = siege.create_with(CreateSession { network, ..siege.params() }).await;
    let (other, observer, datagrams) = (siege.create().await, Observer::new(), Datagrams::new(siege));
    let more = json!({
        "network": network,
        "datagrams": datagrams.path,
        "datagram name": datagrams.name,
    });
    let facts = facts(siege, &inside, &other, &observer, more).await;
    siege.held_in_python(&inside, include_str!("attacks/network.py"), &facts).await;
    datagrams.nothing_came();
    observer.unharmed();
    let created =
        timely(siege.engine.create_session(CreateSession { network, ..siege.params() })).await.unwrap();
    let letters = if network { "F1 N0 P1 R1 K1" } else { "F1 N2 P1 R1 K1" };
    let score = if network { 4 } else { 6 };
    let told = created.isolation;
    assert_eq!((told.tier.as_str(), told.letters.as_str(), told.score), ("landlock", letters, score));
    timely(siege.engine.close_session(&created.session_id)).await.unwrap();
}

pub async fn sockets(siege: &Siege) {
    no_sockets(siege, false).await;
}

pub async fn sockets_where_the_network_was_asked_for(siege: &Siege) {
    no_sockets(siege, true).await;
}

pub async fn processes(siege: &Siege) {
    let (inside, other, observer) = (siege.create().await, siege.create().await, Observer::new());
    let (running, pids) = waiting(siege, &other).await;
    let facts = facts(siege, &inside, &siege.create().await, &observer, json!({ "pids": pids })).await;
    siege.held_in_python(&inside, include_str!("attacks/processes.py"), &facts).await;
    // Its agent is there yet, and so are the others'.
    assert_eq!(keepers(siege, &inside).await.0, facts["agent"].as_i64().unwrap() as i32);
    timely(siege.engine.input(&running.id, "yet\n".into(), true)).await.unwrap();
    let ended = timely(running.finished()).await.unwrap();
    assert_eq!(ended.process().map(|p| p.stdout.as_str()), Some("ready\nstill here yet\n"), "{ended:?}");
    observer.unharmed();
}

pub async fn privileges(siege: &Siege) {
    let inside = siege.create().await;
    let script = include_str!("../hostile/attacks/privileges.py");
    let bounded = rustix::process::geteuid().is_root();
    siege.held_in_python(&inside, script, &siege.facts(json!({ "bounded": bounded }))).await;
    let script = "cp /usr/bin/id mine && chmod u+s,g+s mine; ./mine -u; ./mine -g";
    let ended = siege.sh(&inside, script).await;
    assert!(!ended.stdout.lines().any(|id| id == "0"), "{ended:?}");
}

/// `/workspace` is a name for the session's directory wherever the engine reads it; in a program's text it is none.
pub async fn its_own_paths(siege: &Siege) {
    let inside = siege.create().await;
    let file = WriteFile::bytes("/workspace/a/b.txt", b"content");
    assert!(siege.execute(&inside, Command::WriteFile(file)).await.success);
    let read = Command::ReadFile(ReadFile { path: "/workspace/a/b.txt".into(), encoding: None });
    let told = siege.execute(&inside, read).await;
    let Some(CommandOutput::Content(content)) = &told.result else { panic!("{told:?}") };
    assert_eq!(content.content, "content");
    let ended = siege.run(&inside, program("cat", &["/workspace/a/b.txt"])).await;
    assert_eq!(ended.stdout, "content", "{ended:?}");
    let ended = siege.run(&inside, program("dd", &["--", "if=/workspace/a/b.txt"])).await;
    assert_ne!(ended.exit_code, 0, "NAME=value without a dash is no option: {ended:?}");
    let ended =
        siege.run(&inside, program("grep", &["-c", "--file=/workspace/a/b.txt", "/workspace/a/b.txt"])).await;
    assert_eq!(ended.stdout, "1\n", "{ended:?}");
    let shell = ExecuteShell {
        command_name: "sh".into(),
        args: [
            "-c",
            "pwd -P; cat b.txt; cat \"$THERE/b.txt\"; cat \"$1\"; cd && pwd",
            "sh",
            "/workspace/a/b.txt",
        ]
        .map(str::to_owned)
        .into(),
        working_directory: Some("/workspace/a".into()),
        env: [("THERE".to_owned(), "/workspace/a".to_owned())].into(),
        ..ExecuteShell::default()
    };
    let ended = siege.run(&inside, Command::ExecuteShell(shell)).await;
    let workspace = directory(siege, &inside).join("workspace").to_str().unwrap().to_owned();
    assert_eq!(ended.stdout, format!("{workspace}/a\ncontentcontentcontent{workspace}\n"), "{ended:?}");
    // A terminal of its own can be opened by its name for everybody's own.
    let terminal = ExecuteShell {
        command_name: "sh".into(),
        args: ["-c", "tty >/dev/null && echo here > /dev/tty"].map(str::to_owned).into(),
        pty: Some(PtySize { rows: 24, cols: 80 }),
        ..ExecuteShell::default()
    };
    let ended = siege.run(&inside, Command::ExecuteShell(terminal)).await;
    assert_eq!((ended.stdout.trim(), ended.exit_code), ("here", 0), "{ended:?}");
}
