//! An engine under attack: its sessions, the canaries and listeners of the host that no attack may reach, and what may
//! be left of a session afterwards: nothing.

use std::collections::BTreeMap;
use std::io::ErrorKind::WouldBlock;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use codebeaker::engine::{Embedded, Engine, EngineSettings, Execution, Runtime};
use codebeaker::protocol::{
    Command, CreateSession, Execute, ExecuteCode, ExecuteResult, ExecuteShell, ExecutionEvent, Language,
    OutputStream, ProcessResult, SessionId, WriteFile,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::docker::Yard;
use crate::support::native::{self, Kind, PATIENCE, nap, sleeping, until};
use crate::support::require;

/// What every list of attacks in Python begins with.
const RIG: &str = include_str!("attacks/rig.py");

/// An engine under attack.
pub struct Siege {
    pub engine: Arc<dyn Engine>,
    pub kind: Kind,
    pub root: TempDir,
    pub canaries: Canaries,
    listeners: Listeners,
    /// Where its containers come from, if its sessions are some.
    yard: Option<Yard>,
    /// Where the runtime's own programs are.
    programs: Vec<String>,
    open: Mutex<Vec<Inside>>,
}

/// A session, and how to find what is left of it.
#[derive(Clone, Debug)]
pub struct Inside {
    pub id: SessionId,
    traces: Traces,
}

/// What one attack told.
#[derive(Debug, Deserialize)]
pub struct Attack {
    attack: String,
    held: bool,
    detail: String,
}

/// Runs a part on an engine of its own; afterwards every session it left open still works, so do new ones, and nothing
/// is left of any.
#[allow(dead_code)]
pub async fn under_siege(kind: Kind, part: impl AsyncFnOnce(&Siege)) {
    let yard = kind.yard().await;
    let runtimes = yard.as_ref().map_or_else(native::all, Yard::runtimes);
    besieged(kind, yard, runtimes, part).await;
}

/// As [`under_siege`], with these runtimes.
#[allow(dead_code)]
pub async fn under_siege_of(kind: Kind, runtimes: Vec<Arc<dyn Runtime>>, part: impl AsyncFnOnce(&Siege)) {
    besieged(kind, None, runtimes, part).await;
}

async fn besieged(
    kind: Kind,
    yard: Option<Yard>,
    runtimes: Vec<Arc<dyn Runtime>>,
    part: impl AsyncFnOnce(&Siege),
) {
    let root = tempfile::tempdir().unwrap();
    // A user of another number could find the canaries, but for the sandbox.
    std::fs::set_permissions(root.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let settings = EngineSettings::new(root.path().join("sessions"));
    let engine: Arc<dyn Engine> = Arc::new(Embedded::new(settings, runtimes).unwrap());
    if kind.is_here(&*engine).await && (kind.in_container() || python_is_here()) {
        let canaries = Canaries::new(root.path());
        let gateway = match &yard {
            Some(yard) => Some(yard.gateway().await),
            None => None,
        };
        let listeners = Listeners::new(root.path(), gateway);
        let paths = timely(engine.runtime(kind.runtime(), false)).await.unwrap().path.unwrap_or_default();
        let programs = paths.split(", ").map(str::to_owned).collect();
        let engine = engine.clone();
        let siege = Siege { engine, kind, root, canaries, listeners, yard, programs, open: Mutex::default() };
        part(&siege).await;
        siege.over().await;
    } else {
        timely(engine.shutdown()).await;
    }
}

/// Attacks that need system calls are written in Python, whatever the session's runtime.
fn python_is_here() -> bool {
    let here = ["/usr/bin/python3", "/usr/local/bin/python3"].iter().any(|p| Path::new(p).exists());
    require("python", here.then_some(()).ok_or_else(|| "there is no /usr/bin/python3".into()))
}

impl Siege {
    async fn over(self) {
        let open = self.open.lock().unwrap().clone();
        for inside in &open {
            self.hello(inside).await;
        }
        for inside in &open {
            self.close(inside).await;
        }
        let new = self.create().await;
        self.hello(&new).await;
        self.close(&new).await;
        self.canaries.untouched();
        timely(self.engine.shutdown()).await;
        let left: Vec<_> = std::fs::read_dir(self.root.path().join("sessions")).unwrap().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(native::processes(self.root.path()), []);
        assert_eq!(mounts_below(self.root.path()), Vec::<String>::new());
        if let Some(yard) = self.yard {
            yard.nothing_left().await;
        }
    }

    pub fn params(&self) -> CreateSession {
        CreateSession { runtime_type: Some(self.kind.runtime()), ..CreateSession::new(self.kind.language()) }
    }

    pub async fn create(&self) -> Inside {
        self.create_with(self.params()).await
    }

    /// With limits as they stand on the wire.
    pub async fn create_limited(&self, limits: Value) -> Inside {
        let limits = serde_json::from_value(limits).unwrap();
        self.create_with(CreateSession { limits, ..self.params() }).await
    }

    pub async fn create_with(&self, params: CreateSession) -> Inside {
        let info = timely(self.engine.create_session(params)).await.unwrap();
        let id = info.session_id;
        let nap = nap();
        let script = format!("echo ready; read line # {nap}");
        let mut first = self.start(interactive(&id, sh(&script))).await;
        printed(&mut first, "ready\n").await;
        let traces = Traces::of(sleeping(&nap)[0]);
        timely(self.engine.input(&first.id, "\n".into(), true)).await.unwrap();
        timely(first.finished()).await.unwrap();
        // What is looked for afterwards is known.
        let has = |name: &str| info.isolation.layers.iter().any(|l| l.active && l.name == name);
        assert_eq!(traces.namespace.is_some(), has("own processes"), "{traces:?}");
        assert_eq!(!traces.groups.is_empty(), has("control group"), "{traces:?}");
        let inside = Inside { id, traces };
        self.open.lock().unwrap().push(inside.clone());
        inside
    }

    /// Closes a session, of which nothing may be left then.
    pub async fn close(&self, inside: &Inside) {
        self.open.lock().unwrap().retain(|other| other.id != inside.id);
        timely(self.engine.close_session(&inside.id)).await.unwrap();
        if self.kind.in_container() {
            // The Engine goes on removing it after that.
            until("its container goes", || inside.traces.left().is_empty()).await;
        }
        assert_eq!(inside.traces.left(), Vec::<String>::new(), "left of {}", inside.id);
        for engine in std::fs::read_dir(self.root.path().join("sessions")).unwrap().flatten() {
            let left = engine.path().join(&inside.id.0);
            assert!(!left.exists(), "{}", left.display());
        }
    }

    /// The session runs its own language and keeps files.
    pub async fn hello(&self, inside: &Inside) {
        let code = ExecuteCode { code: self.kind.printing(7), ..ExecuteCode::default() };
        let result = self.execute(inside, Command::ExecuteCode(code)).await;
        assert_eq!(result.process().map(|p| p.stdout.trim()), Some("7"), "no hello afterwards: {result:?}");
    }

    pub async fn start(&self, execute: Execute) -> Execution {
        timely(self.engine.execute(execute)).await.unwrap()
    }

    pub async fn execute(&self, inside: &Inside, command: Command) -> ExecuteResult {
        let execution = self.start(Execute::new(inside.id.clone(), command)).await;
        timely(execution.finished()).await.unwrap()
    }

    /// A program's end. It must have been one.
    pub async fn run(&self, inside: &Inside, command: Command) -> ProcessResult {
        let result = self.execute(inside, command).await;
        result.process().unwrap_or_else(|| panic!("{result:?}")).clone()
    }

    pub async fn sh(&self, inside: &Inside, script: &str) -> ProcessResult {
        self.run(inside, sh(script)).await
    }

    /// Python code that must end well; what it printed.
    pub async fn python(&self, inside: &Inside, script: &str) -> String {
        let ended = self.run(inside, python(script, &[])).await;
        assert_eq!(ended.exit_code, 0, "{ended:?}");
        ended.stdout
    }

    /// The error of a command that must fail.
    pub async fn refused(&self, inside: &Inside, command: Command) -> String {
        let result = self.execute(inside, command.clone()).await;
        assert!(!result.success, "{command:?} succeeded: {result:?}");
        result.error.filter(|e| !e.is_empty()).unwrap_or_else(|| panic!("{command:?}: no reason is told"))
    }

    /// What attacks are told of the host. What they should not know, they are told to look for.
    pub fn facts(&self, more: Value) -> Value {
        let mut facts = json!({
            "token": self.canaries.token,
            "canaries": self.canaries.files(),
            "directory": self.root.path(),
            "secrets": secrets(),
            "pidns": std::fs::read_link("/proc/self/ns/pid").unwrap(),
            "exe": std::env::current_exe().unwrap(),
            "programs": self.programs,
            "tcp": self.listeners.tcp.local_addr().unwrap().port(),
            "reach": self.listeners.reach(),
            "image": self.kind.in_container(),
            "places": places(),
            "settings": settings(),
            "udp": self.listeners.udp.local_addr().unwrap().port(),
            "unix": self.root.path().join("listener.sock"),
            "abstract": self.listeners.name,
            "network": false,
            "nap": "no such argument",
            "pids": [],
        });
        facts.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        facts
    }

    /// Has a list of attacks in Python try all it has; each must be held.
    pub async fn held_in_python(&self, inside: &Inside, script: &str, facts: &Value) {
        let text = format!("{RIG}\n{script}");
        let command = if self.kind.language() == Language::Python {
            Command::ExecuteCode(ExecuteCode {
                code: text,
                args: vec![facts.to_string()],
                ..ExecuteCode::default()
            })
        } else {
            let file = WriteFile::bytes("attacks.py", text.as_bytes());
            assert!(self.execute(inside, Command::WriteFile(file)).await.success);
            program("python3", &["/workspace/attacks.py", &facts.to_string()])
        };
        let ended = self.execute(inside, command).await;
        self.held(&ended, facts);
    }

    /// Each attack that a program tells of must have been held.
    pub fn held(&self, ended: &ExecuteResult, facts: &Value) {
        let process = ended.process().unwrap_or_else(|| panic!("{ended:?}"));
        let told: Vec<Attack> = process
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line:?}")))
            .collect();
        let gained: Vec<String> =
            told.iter().filter(|a| !a.held).map(|a| format!("  {}: {}", a.attack, a.detail)).collect();
        assert!(gained.is_empty(), "on {:?} these were not held:\n{}", self.kind, gained.join("\n"));
        assert!(told.iter().all(|a| !a.detail.is_empty()), "without a reason: {told:?}");
        let end = told.last().unwrap_or_else(|| panic!("nothing was tried: {ended:?}"));
        assert_eq!(
            (end.attack.as_str(), end.detail.as_str()),
            ("end", (told.len() - 1).to_string().as_str()),
            "{ended:?}"
        );
        assert!(told.len() > 5, "{told:?}");
        self.listeners.nobody_came(facts["network"] == true, self.kind.in_container());
        self.canaries.untouched();
    }
}

/// Variables of this process, with their values, that no program may see. `cargo test` sets some.
fn secrets() -> BTreeMap<&'static str, String> {
    let names = ["CANARY_SECRET", "CARGO_PKG_DESCRIPTION", "CARGO_MANIFEST_DIR"];
    let found: BTreeMap<_, _> = names.into_iter().filter_map(|n| Some((n, std::env::var(n).ok()?))).collect();
    assert!(!found.is_empty(), "run by hand, these tests need a variable CANARY_SECRET");
    found
}

/// Directories of the host by number, where a container has its image's.
fn places() -> BTreeMap<&'static str, (u64, u64)> {
    let places = ["/", "/root", "/home", "/run", "/var", "/boot", "/srv", "/mnt", "/media", "/work", "/tmp"];
    let number = |place| std::fs::metadata(place).ok().map(|meta| (place, (meta.dev(), meta.ino())));
    places.into_iter().filter_map(number).collect()
}

/// What the host says in files that an image has, too, line by line.
fn settings() -> BTreeMap<&'static str, Vec<String>> {
    let lines = |path| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        (path, text.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect())
    };
    ["/etc/hostname", "/etc/machine-id", "/etc/resolv.conf"].map(lines).into()
}

/// Files of the host, where programs look for some: in the engine's directory, among temporary files, in a home.
pub struct Canaries {
    pub token: String,
    directories: Vec<TempDir>,
}

impl Canaries {
    fn new(root: &Path) -> Self {
        let token = format!("canary-{}", SessionId::random());
        let home = std::env::var_os("HOME").map_or_else(|| "/".into(), PathBuf::from);
        let below = |place: &Path| {
            let directory = tempfile::Builder::new().prefix(".codebeaker-canary-").tempdir_in(place).unwrap();
            std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
            std::fs::write(directory.path().join("canary.json"), json!({ "token": token }).to_string())
                .unwrap();
            std::fs::write(directory.path().join("canary.mjs"), format!("export default {token:?};"))
                .unwrap();
            directory
        };
        let directories = [root, &std::env::temp_dir(), &home].map(below).into();
        Self { token, directories }
    }

    pub fn files(&self) -> Vec<String> {
        let file = |d: &TempDir| d.path().join("canary.json").to_str().unwrap().to_owned();
        self.directories.iter().map(file).collect()
    }

    /// They are as they were.
    pub fn untouched(&self) {
        for directory in &self.directories {
            let names = std::fs::read_dir(directory.path()).unwrap().flatten().map(|e| e.file_name());
            let mut names: Vec<_> = names.collect();
            names.sort();
            assert_eq!(names, ["canary.json", "canary.mjs"], "in {}", directory.path().display());
            let text = std::fs::read_to_string(directory.path().join("canary.json")).unwrap();
            assert_eq!(text, json!({ "token": self.token }).to_string());
        }
    }
}

/// Listeners of the host that nobody may reach.
struct Listeners {
    tcp: TcpListener,
    /// Where containers with a network reach this machine.
    gateway: Option<TcpListener>,
    udp: UdpSocket,
    unix: UnixListener,
    name: String,
    named: UnixListener,
}

impl Listeners {
    fn new(root: &Path, gateway: Option<String>) -> Self {
        let gateway = gateway.map(|address| TcpListener::bind((address, 0)).unwrap());
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let path = root.join("listener.sock");
        let unix = UnixListener::bind(&path).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
        let name = format!("codebeaker-{}", SessionId::random());
        let named = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        tcp.set_nonblocking(true).unwrap();
        gateway.iter().for_each(|gateway| gateway.set_nonblocking(true).unwrap());
        udp.set_nonblocking(true).unwrap();
        unix.set_nonblocking(true).unwrap();
        named.set_nonblocking(true).unwrap();
        Self { tcp, gateway, udp, unix, name, named }
    }

    /// Where this machine is reached with the network that was asked for.
    fn reach(&self) -> (String, u16) {
        let address = self.gateway.as_ref().unwrap_or(&self.tcp).local_addr().unwrap();
        (address.ip().to_string(), address.port())
    }

    /// Whatever programs say. Where the network was asked for, some came by it: from a container by its gateway alone.
    fn nobody_came(&self, network: bool, in_container: bool) {
        let came = |what: &str, error: std::io::Result<()>| match error {
            Err(e) if e.kind() == WouldBlock => {}
            other => panic!("{what} was reached: {other:?}"),
        };
        if let Some(gateway) = self.gateway.as_ref().filter(|_| !network) {
            came("the gateway", gateway.accept().map(drop));
        }
        if !network || in_container {
            came("a TCP listener", self.tcp.accept().map(drop));
            came("a UDP socket", self.udp.recv(&mut [0; 100]).map(drop));
        }
        came("a local listener", self.unix.accept().map(drop));
        came("an abstract listener", self.named.accept().map(drop));
    }
}

/// How to find, from outside, what a session's processes were.
#[derive(Clone, Debug)]
pub struct Traces {
    /// The processes between this one and the program, with their times of birth.
    chain: Vec<(i32, u64)>,
    /// Their process namespace, where it is not ours.
    namespace: Option<PathBuf>,
    /// While this is open nobody else's gets its number.
    _held: Option<Arc<std::fs::File>>,
    /// The directories of their control groups, where they are not ours.
    groups: Vec<PathBuf>,
}

impl Traces {
    pub fn of(program: i32) -> Self {
        let mut chain = Vec::new();
        let mut next = program;
        while next > 1 && next != std::process::id() as i32 {
            let Some((parent, born, _)) = stat(next) else { break };
            chain.push((next, born));
            next = parent;
        }
        let space = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
        let namespace = space(&program.to_string()).filter(|n| Some(n) != space("self").as_ref());
        let held = std::fs::File::open(format!("/proc/{program}/ns/pid")).ok().map(Arc::new);
        let of = |pid: &str| std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        let (theirs, ours) = (of(&program.to_string()), of("self"));
        // One that has just ended is told to be in the root.
        let other =
            theirs.lines().filter(|line| !line.ends_with(":/") && !ours.lines().any(|our| our == *line));
        let groups = other.flat_map(directories_of).filter(|d| d.exists()).collect();
        Self { chain, _held: held.filter(|_| namespace.is_some()), namespace, groups }
    }

    /// What is left: processes, and directories of control groups.
    pub fn left(&self) -> Vec<String> {
        let mut left = self.processes();
        left.extend(self.groups.iter().filter(|g| g.exists()).map(|g| g.display().to_string()));
        left
    }

    pub fn processes(&self) -> Vec<String> {
        let mut left = Vec::new();
        for pid in native::pids() {
            let Some((_, born, state)) = stat(pid) else { continue };
            let in_it = self.namespace.is_some()
                && std::fs::read_link(format!("/proc/{pid}/ns/pid")).ok() == self.namespace;
            if state != "Z" && (in_it || self.chain.contains(&(pid, born))) {
                left.push(format!("process {pid} in state {state}"));
            }
        }
        left
    }
}

/// A process's parent, time of birth and state.
fn stat(pid: i32) -> Option<(i32, u64, String)> {
    let line = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = line.rsplit_once(')')?.1.split_whitespace().collect();
    Some((fields.get(1)?.parse().ok()?, fields.get(19)?.parse().ok()?, (*fields.first()?).to_owned()))
}

/// Where a line of `/proc/PID/cgroup` has its directory: `4:memory:/a/b` or `0::/a/b`.
fn directories_of(line: &str) -> Vec<PathBuf> {
    let mut fields = line.splitn(3, ':').skip(1);
    // One that ends stands in the root of all groups already.
    let (Some(names), Some(path)) = (fields.next(), fields.next().filter(|path| *path != "/")) else {
        return Vec::new();
    };
    let names = names.trim_start_matches("name=");
    let bases = if names.is_empty() { vec!["", "/unified"] } else { vec![names] };
    let below = |base: &str| PathBuf::from(format!("/sys/fs/cgroup/{}{path}", base.trim_start_matches('/')));
    bases.into_iter().map(below).collect()
}

/// Lines of the mount table that name `root`.
pub fn mounts_below(root: &Path) -> Vec<String> {
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    table.lines().filter(|line| line.contains(root.to_str().unwrap())).map(str::to_owned).collect()
}

/// No process of that nap is left.
#[track_caller]
pub fn gone(nap: &str) {
    assert_eq!(sleeping(nap), Vec::<i32>::new());
}

/// A script for the shell.
pub fn sh(script: &str) -> Command {
    program("sh", &["-c", script])
}

pub fn python(script: &str, args: &[&str]) -> Command {
    program("python3", &[&["-c", script], args].concat())
}

pub fn program(name: &str, args: &[&str]) -> Command {
    Command::ExecuteShell(ExecuteShell {
        command_name: name.into(),
        args: args.iter().map(|a| (*a).to_owned()).collect(),
        ..ExecuteShell::default()
    })
}

/// A streaming execution that is fed from outside.
pub fn interactive(session: &SessionId, command: Command) -> Execute {
    Execute { stream: true, interactive: true, ..Execute::new(session.clone(), command) }
}

/// An execution that may take so many milliseconds.
pub fn limited(inside: &Inside, command: Command, timeout_ms: u64) -> Execute {
    Execute { timeout_ms: Some(timeout_ms), ..Execute::new(inside.id.clone(), command) }
}

/// Nothing takes as long as this.
pub async fn timely<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

/// What an execution told until its standard output had `text` in it.
pub async fn printed(execution: &mut Execution, text: &str) -> String {
    let mut all = String::new();
    while !all.contains(text) {
        match timely(execution.next()).await {
            Some(ExecutionEvent::Output { stream: OutputStream::Stdout, data }) => {
                all.push_str(&String::from_utf8_lossy(&data));
            }
            Some(ExecutionEvent::Started | ExecutionEvent::Output { .. }) => {}
            other => panic!("{other:?} instead of {text:?}, after {all:?}"),
        }
    }
    all
}
