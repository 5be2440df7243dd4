//! The JSON of every message, compared with `tests/golden/*.json`: a changed word on the wire shows as a diff there.
//! `CODEBEAKER_UPDATE_GOLDEN=1` rewrites the files. What can be read back is read back from both sides.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by panicking")]

#[path = "protocol_golden/calls.rs"]
mod calls;

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::path::PathBuf;

use codebeaker::protocol::*;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

/// Every file under `tests/golden`, by what it is about.
const AREAS: [&str; 10] = [
    "calls",
    "commands",
    "envelopes",
    "errors",
    "names",
    "notices",
    "progress",
    "results",
    "runtimes",
    "sessions",
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// One golden file, and what it should be.
struct Golden {
    area: &'static str,
    updating: bool,
    file: String,
    stored: Map<String, Value>,
    now: Vec<(String, Value)>,
}

impl Golden {
    fn open(area: &'static str) -> Self {
        assert!(AREAS.contains(&area), "add {area} to AREAS");
        let file = std::fs::read_to_string(folder().join(area).with_extension("json")).unwrap_or_default();
        let stored = serde_json::from_str(&file).unwrap_or_default();
        let updating = std::env::var_os("CODEBEAKER_UPDATE_GOLDEN").is_some();
        Self { area, updating, file, stored, now: Vec::new() }
    }

    /// A message that is only written.
    fn written(&mut self, name: &str, message: impl Serialize) {
        let message = serde_json::to_value(message).unwrap();
        assert!(self.now.iter().all(|(n, _)| n != name), "{name} is there twice");
        self.now.push((name.to_owned(), message));
    }

    /// A message that `read` reads back, from what is written now and from what is stored.
    fn read_by<T: Serialize + PartialEq + Debug>(
        &mut self,
        name: &str,
        message: &T,
        read: impl Fn(Value) -> Result<T, String>,
    ) {
        let written = serde_json::to_value(message).unwrap();
        assert_eq!(read(written.clone()).as_ref(), Ok(message), "{name}, as it is written");
        if let (Some(stored), false) = (self.stored.get(name), self.updating) {
            assert_eq!(read(stored.clone()).as_ref(), Ok(message), "{name}, as it is stored");
        }
        self.written(name, written);
    }

    /// A message that is read back as what it is.
    fn read<T: Serialize + DeserializeOwned + PartialEq + Debug>(&mut self, name: &str, message: &T) {
        self.read_by(name, message, from_json);
    }

    /// Compares the whole file, or rewrites it.
    fn finish(self) {
        let mut now = String::from("{");
        for (i, (name, message)) in self.now.iter().enumerate() {
            let pretty = serde_json::to_string_pretty(message).unwrap().replace('\n', "\n  ");
            let comma = if i == 0 { "" } else { "," };
            write!(now, "{comma}\n  {}: {pretty}", json!(name)).unwrap();
        }
        now.push_str("\n}\n");
        if now == self.file {
            return;
        }
        let path = folder().join(self.area).with_extension("json");
        if self.updating {
            std::fs::create_dir_all(folder()).unwrap();
            std::fs::write(&path, now).unwrap();
        } else {
            panic!(
                "{} differs; if the change is meant, set CODEBEAKER_UPDATE_GOLDEN=1\n{}",
                path.display(),
                diff(&self.file, &now)
            );
        }
    }
}

/// The lines that differ, with a line of context: `-` is stored, `+` is written now.
fn diff(stored: &str, now: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (stored.lines().collect(), now.lines().collect());
    // The length of the longest common subsequence of the rests.
    let mut common = vec![vec![0_u32; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i][j] =
                if a[i] == b[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            lines.push((' ', a[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || (i < a.len() && common[i + 1][j] >= common[i][j + 1]) {
            lines.push(('-', a[i]));
            i += 1;
        } else {
            lines.push(('+', b[j]));
            j += 1;
        }
    }
    let mut out = String::new();
    for (at, (sign, line)) in lines.iter().enumerate() {
        let near = &lines[at.saturating_sub(1)..lines.len().min(at + 2)];
        if near.iter().any(|(sign, _)| *sign != ' ') {
            writeln!(out, "{sign} {line}").unwrap();
        }
    }
    out
}

fn commands() -> Vec<(&'static str, Command)> {
    let variables = BTreeMap::from([("GREETING".to_owned(), "héllo".to_owned())]);
    vec![
        (
            "write_file",
            Command::WriteFile(WriteFile {
                path: "src/app.py".into(),
                content: "print('hi')\n".into(),
                encoding: None,
                mode: WriteMode::Create,
            }),
        ),
        ("write_file, bytes", Command::WriteFile(WriteFile::bytes("logo.png", &[0x89, b'P', 0xff]))),
        (
            "write_file, append",
            Command::WriteFile(WriteFile { mode: WriteMode::Append, ..WriteFile::bytes("log", b"more\n") }),
        ),
        ("read_file", Command::ReadFile(ReadFile { path: "src/app.py".into(), encoding: None })),
        (
            "read_file, base64",
            Command::ReadFile(ReadFile { path: "logo.png".into(), encoding: Some(Encoding::Base64) }),
        ),
        (
            "execute_shell",
            Command::ExecuteShell(ExecuteShell { command_name: "ls".into(), ..Default::default() }),
        ),
        (
            "execute_shell, everything",
            Command::ExecuteShell(ExecuteShell {
                command_name: "python3".into(),
                args: vec!["-u".into(), "app.py".into()],
                working_directory: Some("/workspace/src".into()),
                env: variables,
                stdin: Some("1 2\n".into()),
                pty: Some(PtySize { rows: 40, cols: 120 }),
            }),
        ),
        (
            "create_directory",
            Command::CreateDirectory(CreateDirectory { path: "a/b".into(), recursive: true }),
        ),
        (
            "copy_file",
            Command::CopyFile(CopyFile { source: "a".into(), destination: "b".into(), overwrite: false }),
        ),
        ("delete_file", Command::DeleteFile(DeleteFile { path: "a".into(), recursive: true })),
        (
            "list_directory",
            Command::ListDirectory(ListDirectory {
                path: ".".into(),
                recursive: false,
                max_depth: None,
                pattern: None,
                include_hidden: false,
            }),
        ),
        (
            "list_directory, everything",
            Command::ListDirectory(ListDirectory {
                path: "src".into(),
                recursive: true,
                max_depth: Some(3),
                pattern: Some("*.rs".into()),
                include_hidden: true,
            }),
        ),
        ("execute_code", Command::ExecuteCode(ExecuteCode { code: "print(1)".into(), ..Default::default() })),
        (
            "execute_code, everything",
            Command::ExecuteCode(ExecuteCode {
                code: "console.log(1)".into(),
                language: Some(Language::TypeScript),
                args: vec!["--fast".into()],
                stdin: Some("in".into()),
                repl: true,
                file_name: Some("hello.ts".into()),
                pty: Some(PtySize { rows: 40, cols: 120 }),
            }),
        ),
        (
            "install_packages",
            Command::InstallPackages(InstallPackages { packages: vec!["six".into()], ..Default::default() }),
        ),
        (
            "install_packages, everything",
            Command::InstallPackages(InstallPackages {
                packages: vec![],
                requirements_file: Some("requirements.txt".into()),
                global: true,
                flags: vec!["--quiet".into()],
            }),
        ),
    ]
}

fn shell() -> Command {
    Command::ExecuteShell(ExecuteShell { command_name: "make".into(), ..Default::default() })
}

#[test]
fn commands_are_golden() {
    let mut golden = Golden::open("commands");
    for (name, command) in commands() {
        let kind = name.split(',').next().unwrap();
        assert_eq!(command.type_name(), kind);
        golden.read(name, &CommandRequest::from(command));
    }
    golden.finish();
}

/// A result of every command; the match makes a new command ask for its line here.
fn output(command: &Command) -> CommandOutput {
    let path = "src/app.py".to_owned();
    match command {
        Command::WriteFile(_) => CommandOutput::Written(Written { path, bytes: 12 }),
        Command::ReadFile(ReadFile { encoding, .. }) => {
            CommandOutput::Content(FileContent::new(path, "é\n".as_bytes(), 3, *encoding))
        }
        Command::ExecuteShell(_) => CommandOutput::Process(ProcessResult {
            exit_code: 137,
            stdout: "a\n".into(),
            stderr: "b\n".into(),
            duration_ms: 1500,
            truncated: true,
            signal: Some("SIGKILL".into()),
            timed_out: true,
            limit: Some(LimitReached { name: "time".into(), value: "1.5 s".into() }),
            peak_memory_bytes: Some(9_437_184),
            cpu_ms: Some(1400),
            stdout_base64: Some("/2EK".into()),
        }),
        Command::ExecuteCode(_) | Command::InstallPackages(_) => CommandOutput::Process(ProcessResult {
            stdout: "1\n".into(),
            duration_ms: 42,
            ..ProcessResult::default()
        }),
        Command::CreateDirectory(_) => CommandOutput::Created(Created { path }),
        Command::CopyFile(_) => {
            CommandOutput::Copied(Copied { source: path, destination: "b.py".into(), bytes: 12 })
        }
        Command::DeleteFile(_) => CommandOutput::Deleted(Deleted { path }),
        Command::ListDirectory(_) => CommandOutput::Listing(listing()),
    }
}

fn listing() -> Listing {
    let entry = |path: &str, kind, size, mode: &str| DirectoryEntry {
        name: path.rsplit('/').next().unwrap_or_default().to_owned(),
        path: path.to_owned(),
        kind,
        size,
        modified: "2026-01-31T09:30:00.123Z".into(),
        mode: mode.into(),
    };
    Listing {
        path: ".".into(),
        entries: vec![
            entry("link", EntryKind::Link, 3, "777"),
            entry("src", EntryKind::Directory, 4096, "755"),
            entry("src/app.py", EntryKind::File, 12, "644"),
            entry("src/pipe", EntryKind::Other, 0, "600"),
        ],
        truncated: true,
    }
}

#[test]
fn results_are_golden() {
    let mut golden = Golden::open("results");
    for (name, command) in commands() {
        let read = |value| CommandOutput::decode(&command, value);
        golden.read_by(&format!("of {name}"), &output(&command), read);
    }
    golden.written("of execute: the bare output", output(&commands()[12].1).in_form(ResultForm::Stdout));
    golden.written("of list_files: a tree", CommandOutput::Listing(listing()).in_form(ResultForm::Tree));
    let result = |success, result: Option<CommandOutput>, error: Option<&str>| ExecuteResult {
        success,
        result,
        error: error.map(str::to_owned),
        duration_ms: 1510,
        phases: success.then_some(Phases {
            queue_ms: 0.012,
            launch_ms: 7.25,
            run_ms: 1502.0,
            collect_ms: 1.004,
        }),
        execution_id: "0123456789abcdef0123456789abcdef".into(),
        unknown: error.is_some_and(|error| error.starts_with("how it ended")),
    };
    for (name, given) in [
        ("session.execute, not known how it ended", result(false, None, Some("how it ended is not known"))),
        ("session.execute, done", result(true, Some(output(&commands()[12].1)), None)),
        ("session.execute, exit code not 0", result(false, Some(output(&shell())), Some("time is up"))),
        ("session.execute, failed", result(false, None, Some("No such program: make"))),
    ] {
        golden.read_by(name, &given, |value| ExecuteResult::from_json(&shell(), value));
    }
    golden.finish();
}

fn isolation() -> IsolationReport {
    let layer =
        |name: &str, active, detail: &str| LayerReport { name: name.into(), active, detail: detail.into() };
    IsolationReport {
        score: 7,
        letters: "F2 N2 P1 R1 K1".into(),
        tier: "namespaces".into(),
        weakened: String::new(),
        layers: vec![layer("user namespace", true, ""), layer("seccomp", false, "the kernel has none")],
    }
}

fn figures(startup_time_ms: f64) -> Capabilities {
    Capabilities { startup_time_ms, memory_overhead_mb: 25.0, isolation_level: 7 }
}

fn measured() -> Measured {
    Measured {
        startup_time_ms: 48.5,
        memory_overhead_mb: 25.0,
        isolation_level: 7,
        samples: 7,
        at: "2026-11-26T10:00:00Z".into(),
    }
}

fn selection() -> Selection {
    Selection {
        language: Language::JavaScript,
        preference: RuntimePreference::Balanced,
        chosen: Some(RuntimeType::Bun),
        ranking: vec![
            Candidate {
                runtime_type: RuntimeType::Bun,
                chosen: true,
                scores: Some(Scores { speed: 1.0, security: 0.7, memory: 1.0, total: 0.91 }),
                figures: figures(48.5),
                nominal: Some(figures(50.0)),
                measured: true,
                reason: "the best total".into(),
            },
            Candidate {
                runtime_type: RuntimeType::Docker,
                chosen: false,
                scores: None,
                figures: figures(560.0),
                nominal: None,
                measured: false,
                reason: "no Docker Engine answers".into(),
            },
        ],
    }
}

#[test]
fn runtimes_are_golden() {
    let mut golden = Golden::open("runtimes");
    let bun = RuntimeInfo {
        ready: None,
        runtime: RuntimeType::Bun,
        available: true,
        version: Some("1.3.0".into()),
        path: Some("/usr/bin/bun".into()),
        reason: None,
        fix: None,
        fetchable: true,
        languages: vec![Language::JavaScript, Language::TypeScript],
        fetchable_languages: Vec::new(),
        capabilities: figures(50.0),
        measured: [(Language::TypeScript, measured()), (Language::JavaScript, measured())].into(),
        isolation: isolation(),
    };
    let docker = RuntimeInfo {
        ready: Some(2),
        runtime: RuntimeType::Docker,
        available: false,
        version: None,
        path: None,
        reason: Some("no Docker Engine answers".into()),
        fix: Some("start it: systemctl start docker".into()),
        fetchable: false,
        fetchable_languages: vec![Language::Go],
        measured: Default::default(),
        isolation: IsolationReport::default(),
        ..bun.clone()
    };
    golden.read("runtime.list, available", &bun);
    golden.read("runtime.list, not available", &docker);
    let image = Provision { docker_image: Some("ruby:3".into()), ..Provision::all(RuntimeType::Docker) };
    let language = Provision { language: Some(Language::Go), ..Provision::all(RuntimeType::Docker) };
    golden.read("runtime.provision, an image", &image);
    golden.read("runtime.provision, what a language needs", &language);
    golden.read(
        "runtime.select, params",
        &SelectParams {
            language: Language::Python,
            runtime_preference: Some(RuntimePreference::Security),
            runtime_type: Some(RuntimeType::NativeProcess),
        },
    );
    let shortest = SelectParams { language: Language::Go, runtime_preference: None, runtime_type: None };
    golden.read("runtime.select, least params", &shortest);
    golden.read("runtime.select", &selection());
    golden.read("runtime.select, none fits", &Selection { chosen: None, ranking: vec![], ..selection() });
    golden.read(
        "server.info",
        &ServerInfo {
            name: "codebeaker".into(),
            version: "0.1.0".into(),
            protocol_version: PROTOCOL_VERSION.into(),
            supported_languages: Language::ALL.to_vec(),
            server_capabilities: ServerCapabilities { supports_streaming: true, ..Default::default() },
            limits: ServerLimits {
                max_timeout: Some(300),
                max_memory: Some(2048),
                max_concurrency: Some(10),
            },
            runtimes: RuntimeType::ALL.to_vec(),
            instance: Some("0123456789abcdef0123456789abcdef".into()),
        },
    );
    golden.finish();
}

fn session() -> SessionInfo {
    SessionInfo {
        session_id: "00112233445566778899aabbccddeeff".into(),
        environment_id: "ffeeddccbbaa99887766554433221100".into(),
        container_id: "ffeeddccbbaa99887766554433221100".into(),
        runtime_type: RuntimeType::Bun,
        runtime: RuntimeType::Bun.short().into(),
        language: Language::JavaScript,
        name: Some("lesson 3".into()),
        state: SessionState::Active,
        created_at: "2026-01-31T09:30:00.123Z".into(),
        last_activity: "2026-01-31T09:31:00Z".into(),
        execution_count: 3,
        idle_minutes: 0.5,
        lifetime_minutes: 1.5,
        startup_ms: 48.25,
        config: SessionConfig {
            idle_timeout_minutes: 30,
            max_lifetime_minutes: 120,
            memory_limit_mb: Some(512),
            network: false,
        },
        limits: SessionLimits { processes: Some(64), ..SessionLimits::default() },
        isolation: isolation(),
        selection: Some(selection()),
    }
}

#[test]
fn sessions_are_golden() {
    let mut golden = Golden::open("sessions");
    golden.read("session.create, least params", &CreateSession::new(Language::Python));
    golden.read_by(
        "session.create, all params",
        &CreateSession {
            language: Language::CSharp,
            runtime_preference: Some(RuntimePreference::Speed),
            runtime_type: Some(RuntimeType::Docker),
            idle_timeout_minutes: 5,
            max_lifetime_minutes: 10,
            memory_limit_mb: Some(256),
            cpu_shares: Some(512),
            docker_image: Some("mine:latest".into()),
            network: true,
            env: BTreeMap::from([("My_Var".into(), "1".into())]),
            name: Some("lesson 3".into()),
            limits: SessionLimits {
                timeout_ms: Some(1000),
                cpu_seconds: Some(2),
                processes: Some(3),
                open_files: Some(4),
                file_size_bytes: Some(5),
                workspace_bytes: Some(6),
                workspace_files: Some(7),
                output_bytes: Some(8),
                cpu_shares: Some(9),
            },
        },
        |params| CreateSession::from_params(Some(params)),
    );
    golden.read("session.create", &session());
    let row = SessionInfo { name: None, selection: None, state: SessionState::Lost, ..session() };
    golden.read("session.list", &SessionList { count: 1, sessions: vec![row] });
    golden.read("session.list, empty", &SessionList { count: 0, sessions: vec![] });
    golden.read("session.close", &CloseResult { session_id: "unknown".into(), closed: true });
    golden.read("session.stats, nothing known", &SessionStats::default());
    golden.read(
        "session.stats",
        &SessionStats {
            cpu_ms: Some(1),
            memory_bytes: Some(2),
            peak_memory_bytes: Some(3),
            outside_bytes: Some(7),
            processes: Some(4),
            workspace_bytes: Some(5),
            workspace_files: Some(6),
        },
    );
    let read = |params| Execute::from_params(Some(params));
    golden.read_by("session.execute, least params", &Execute::new("s1".into(), shell()), read);
    golden.read_by(
        "session.execute, all params",
        &Execute {
            timeout_ms: Some(5000),
            stream: true,
            interactive: true,
            concurrent: true,
            execution_id: Some("e1".into()),
            ..Execute::new("s1".into(), shell())
        },
        read,
    );
    golden.finish();
}

#[test]
fn progress_is_golden() {
    let mut golden = Golden::open("progress");
    let runtime = RuntimeType::Deno;
    let downloading = |total| Progress::Downloading { runtime, received: 1024, total };
    for (name, progress) in [
        ("resolving", Progress::Resolving { runtime, from: "the npm registry".into() }),
        ("downloading", downloading(Some(4096))),
        ("downloading, total not known", downloading(None)),
        (
            "building",
            Progress::Building {
                runtime,
                image: "codebeaker-go".into(),
                step: 2,
                steps: 5,
                what: "RUN apt-get update".into(),
            },
        ),
        ("step", Progress::Step { runtime, what: "verifying".into() }),
        ("done", Progress::Done { runtime, version: "2.5.0".into() }),
    ] {
        golden.read(name, &progress);
    }
    golden.finish();
}

/// A failure on the wire.
#[derive(Debug, PartialEq)]
struct Error(Failure);

impl Serialize for Error {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.0.to_json().serialize(s)
    }
}

#[test]
fn errors_are_golden() {
    let mut golden = Golden::open("errors");
    for kind in ErrorKind::ALL {
        let failure = Failure::new(*kind, format!("what happened: {kind}"), "what to do");
        golden.read_by(kind.name(), &Error(failure), |v| Ok(Error(Failure::from_json(&v))));
    }
    let hopeless = Error(Failure::new(ErrorKind::Cancelled, "it was cancelled", ""));
    golden.read_by("without a hint", &hopeless, |v| Ok(Error(Failure::from_json(&v))));
    golden.finish();
}

#[test]
fn envelopes_are_golden() {
    let mut golden = Golden::open("envelopes");
    // Whole texts, because here the order of members and the escapes count too.
    let mut text = |name: &str, text: String, meaning: Incoming| {
        assert!(text.is_ascii() && !text.contains('\n'), "{text}");
        let batch = parse_message(&text);
        assert_eq!(batch, Batch { items: vec![meaning.clone()], is_array: false });
        if let (Some(stored), false) = (golden.stored.get(name), golden.updating) {
            assert_eq!(parse_message(stored.as_str().unwrap()).items, [meaning], "{name}, as it is stored");
        }
        golden.written(name, text);
    };
    let params = Some(json!({"sessionId": "s1", "command": {"type": "execute_code", "code": "'é😀'"}}));
    let mut request = |name: &str, id: Option<Id>, params| {
        let request = Request { id, method: "session.execute".into(), params };
        text(name, request.to_text(), Incoming::Request(request));
    };
    request("request", Some(Id::number(7)), params.clone());
    request("request without params", Some(Id::number(8)), None);
    request("request without an id", None, params);
    let Incoming::Request(Request { id: Some(named), .. }) =
        parse_message(r#"{"method": "m", "id": "naïve"}"#).items.remove(0)
    else {
        panic!("this is a request")
    };
    let mut response = |name: &str, id: Id, result: Result<Value, Failure>| {
        let response = Response { id, result };
        let meaning = match parse_message(&response.to_text()).items.remove(0) {
            // Its id is the same one in other letters: escaped.
            Incoming::Response(read) if read.id.as_text() == r#""na\u00efve""# => Incoming::Response(read),
            _ => Incoming::Response(response.clone()),
        };
        text(name, response.to_text(), meaning);
    };
    response("response", Id::number(7), Ok(json!({"stdout": "é😀\n"})));
    response("response to an id of words", named, Ok(json!({})));
    response("response of null", Id::number(8), Ok(Value::Null));
    let failure = Failure::new(ErrorKind::SessionNotFound, "no session is called “x”", "ask session.list");
    response("error", Id::number(9), Err(failure));
    let failure = Failure::new(ErrorKind::ParseError, "the message is not valid JSON", "send JSON");
    response("error without an id", Id::null(), Err(failure));
    let output = Notification {
        method: "session.output".into(),
        params: json!({
            "sessionId": "s1", "executionId": "e1", "seq": 1, "stream": OutputStream::Stdout, "data": "é\n",
        }),
    };
    let meaning = Request { id: None, method: output.method.clone(), params: Some(output.params.clone()) };
    text("notification", output.to_text(), Incoming::Request(meaning));
    golden.finish();
}

fn names<T: WireName + PartialEq + Debug + Serialize + DeserializeOwned>() -> Value {
    let mut names = Map::new();
    for value in T::ALL {
        let numbers: Vec<i64> = (-40_000..100).filter(|n| T::from_number(*n) == Some(*value)).collect();
        assert_eq!(T::from_name(&value.name().to_ascii_uppercase()), Some(*value));
        assert_eq!(from_json(serde_json::to_value(value).unwrap()), Ok(*value));
        names.insert(value.name().to_owned(), json!(numbers));
    }
    names.into()
}

/// Every name on the wire with the numbers it is read by.
#[test]
fn names_are_golden() {
    let mut golden = Golden::open("names");
    golden.written("Encoding", names::<Encoding>());
    golden.written("EntryKind", names::<EntryKind>());
    golden.written("ErrorKind", names::<ErrorKind>());
    golden.written("EventKind", names::<EventKind>());
    golden.written("JobState", names::<JobState>());
    golden.written("Language", names::<Language>());
    golden.written("Method", names::<Method>());
    golden.written("OutputStream", names::<OutputStream>());
    golden.written("RuntimePreference", names::<RuntimePreference>());
    golden.written("RuntimeType", names::<RuntimeType>());
    golden.written("SessionState", names::<SessionState>());
    golden.written("Signal", names::<Signal>());
    golden.written("WriteMode", names::<WriteMode>());
    golden.finish();
}

#[test]
fn no_golden_file_is_left_over() {
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(AREAS.iter().any(|area| name == format!("{area}.json")), "nothing compares {name}");
    }
}

#[test]
fn a_difference_is_shown() {
    assert_eq!(diff("a\nb\nc\nd\ne\n", "a\nb\nx\nd\ne\n"), "  b\n- c\n+ x\n  d\n");
    assert_eq!(diff("", "a\n"), "+ a\n");
}
