//! The demo: an engine that answers what the workbench asks with the same figures each time, and the keys that lead to
//! each screen. Figures are those of an ordinary machine; a picture shows what a screen looks like, and measures
//! nothing.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;

use super::Page;
use crate::engine::{Frame, FrameKind, Link, LinkDown, LinkUp, Look, Recent, Told};
use crate::protocol::{
    Candidate, Capabilities, CommandOutput, CreateSession, DirectoryEntry, EntryKind, EnvironmentId,
    ExecuteResult, ExecutionId, IsolationReport, Language, LayerReport, OutputStream, ProcessResult,
    RuntimeInfo, RuntimePreference, RuntimeType, Scores, Selection, SessionConfig, SessionEvent, SessionId,
    SessionInfo, SessionLimits, SessionState, SessionStats,
};
use crate::tui::bench::{BenchMsg, BenchTask};
use crate::tui::look::read_themes;
use crate::tui::msg::{
    Content, Effect, FileMsg, LinkMsg, LookMsg, Msg, RunMsg, RuntimeMsg, SessionMsg, Stamp,
};
use crate::tui::workbench::{Options, Workbench};
use crate::tui::workspace::{Done, FilesMsg, Task};

/// The file that is edited.
pub(super) const FILE: &str = "primes.ts";
const PROGRAM: &str = "const limit = 50;
const primes: number[] = [];
for (let n = 2; n < limit; n++) {
  if (primes.every((p) => n % p)) primes.push(n);
}
console.log(primes.join(\" \"));
";
const OUTPUT: &str = "2 3 5 7 11 13 17 19 23 29 31 37 41 43 47\n";
const TRACE: &str =
    "error: Uncaught RangeError: limit is out of range\n    at file:///workspace/primes.ts:3:9\n";
const SERVER: &str = "wss://lab.example.org";
const RUNTIMES: [RuntimeType; 4] =
    [RuntimeType::Docker, RuntimeType::Deno, RuntimeType::Bun, RuntimeType::NativeProcess];
/// Effects that are answered before the demo is taken to go in circles.
const MOST: usize = 500;

/// How a run of the demo ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Well,
    Badly,
    NotYet,
}

/// A workbench over the demo engine.
pub(super) struct Stage {
    workbench: Workbench,
    now: Duration,
    asked: VecDeque<Effect>,
    /// Runtimes that are here.
    here: Vec<RuntimeType>,
    /// The runtime of each session that was made.
    sessions: Vec<(SessionId, RuntimeType)>,
    executions: u32,
    ending: Ending,
}

impl Stage {
    pub(super) fn new(options: &Options, size: Size) -> Self {
        let workbench = Workbench::new(options, &RUNTIMES, size);
        let here = RUNTIMES.to_vec();
        let (now, asked) = (Duration::ZERO, VecDeque::new());
        Self { workbench, now, asked, here, sessions: Vec::new(), executions: 0, ending: Ending::Well }
    }

    /// Brings a screen about.
    pub(super) fn play(&mut self, screen: &str) {
        match screen {
            "running" => self.running(),
            "failed" => {
                self.opens();
                self.ending = Ending::Badly;
                self.press(KeyCode::F(5));
            }
            "first-run" => {
                self.here.clear();
                self.opens();
            }
            "connect" => self.connect(),
            "race" => {
                self.opens().focus('3').types("m");
            }
            "bench" => {
                self.opens().focus('3').types("b");
            }
            "messages" => self.messages(),
            "link-lost" => self.link_lost(),
            _ => {
                self.worked();
                match screen {
                    "palette" => self.press(KeyCode::F(2)).types("ses"),
                    "help" => self.press(KeyCode::F(1)),
                    "menu" => self.types(" r"),
                    "prefix" => self.types("f"),
                    "samples" => self.types("S"),
                    "tour" => self.types("t"),
                    "run-on" => self.press(KeyCode::F(8)),
                    "log" => self.types("nM"),
                    "compare" => self.focus('6').types("ad").press(KeyCode::Down).types("d"),
                    "themes" => self.command("theme: choose"),
                    "history" => self.focus('6').types("a"),
                    "new-session" => self.command("session: new"),
                    "quit" => self.types("ix").key('q', KeyModifiers::CONTROL),
                    _ => self,
                };
            }
        }
    }

    /// The workbench opens, and finds out where it is.
    fn opens(&mut self) -> &mut Self {
        self.asked.extend(self.workbench.begin());
        self.answer()
    }

    /// Two runs of the program, on two runtimes.
    fn worked(&mut self) {
        self.opens().press(KeyCode::F(5));
        self.press(KeyCode::F(8)).press(KeyCode::Enter).press(KeyCode::Esc);
        self.stats("b7c2").stats("a41f");
        self.focus('3');
    }

    fn running(&mut self) {
        self.opens();
        self.ending = Ending::NotYet;
        self.press(KeyCode::F(5));
        self.focus('4').types("iAda");
    }

    fn connect(&mut self) {
        self.opens().focus('3').types("c");
        self.types(SERVER).press(KeyCode::Tab).types("secret").press(KeyCode::F(5));
    }

    fn attached(&mut self) -> &mut Self {
        self.tell(Msg::Link(LinkMsg::Changed(Link::Up(LinkUp {
            server: SERVER.to_owned(),
            software: "codebeaker 0.1.0".to_owned(),
            round_trip: Some(Duration::from_millis(14)),
            missing: Vec::new(),
            returns: 0,
        }))));
        self.opens()
    }

    fn messages(&mut self) {
        self.attached();
        let request =
            |id: &str, method: &str| FrameKind::Request { id: id.to_owned(), method: method.to_owned() };
        let answer = |id: &str, method: &str, took| FrameKind::Answer {
            id: id.to_owned(),
            method: method.to_owned(),
            ok: true,
            took: Some(Duration::from_millis(took)),
        };
        let notice = |method: &str| FrameKind::Notification { method: method.to_owned() };
        let frames = [
            (
                true,
                request("7", "session.create"),
                r#"{"jsonrpc":"2.0","id":7,"method":"session.create","params":{"language":"typescript"}}"#,
            ),
            (
                false,
                notice("session.state"),
                r#"{"jsonrpc":"2.0","method":"session.state","params":{"sessionId":"a41f","state":"Active"}}"#,
            ),
            (
                false,
                answer("7", "session.create", 26),
                r#"{"jsonrpc":"2.0","id":7,"result":{"sessionId":"a41f","runtimeType":"Bun","state":"Active"}}"#,
            ),
            (
                true,
                request("8", "session.execute"),
                r#"{"jsonrpc":"2.0","id":8,"method":"session.execute","params":{"sessionId":"a41f","stream":true}}"#,
            ),
            (
                false,
                notice("session.output"),
                r#"{"jsonrpc":"2.0","method":"session.output","params":{"seq":2,"stream":"stdout","data":"2 3 5 7\n"}}"#,
            ),
            (
                false,
                answer("8", "session.execute", 31),
                r#"{"jsonrpc":"2.0","id":8,"result":{"success":true,"durationMs":12}}"#,
            ),
        ];
        let frames =
            frames.map(|(sent, kind, text)| Frame { sent, kind, bytes: text.len(), text: Arc::from(text) });
        self.tell(Msg::Link(LinkMsg::Passed { frames: frames.into(), missed: 0 }));
        self.focus('3').types("J").press(KeyCode::Up).press(KeyCode::Enter);
    }

    fn link_lost(&mut self) {
        self.attached();
        self.ending = Ending::NotYet;
        self.press(KeyCode::F(5));
        self.focus('4');
        let down = |attempt, wait| {
            let (server, reason) = (SERVER.to_owned(), "connection refused".to_owned());
            Msg::Link(LinkMsg::Changed(Link::Down(LinkDown {
                server,
                reason,
                attempt,
                wait: Some(Duration::from_secs(wait)),
            })))
        };
        self.tell(down(1, 0));
        self.now += Duration::from_secs(8);
        self.tell(down(3, 4));
    }

    /// Gives a command through the palette, as one finds it who doesn't know its key.
    fn command(&mut self, title: &str) -> &mut Self {
        self.press(KeyCode::F(2)).types(title).press(KeyCode::Enter)
    }

    /// Goes to a pane; letters are commands there.
    fn focus(&mut self, number: char) -> &mut Self {
        self.press(KeyCode::Esc).key(number, KeyModifiers::NONE)
    }

    fn types(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.key(c, KeyModifiers::NONE);
        }
        self
    }

    fn key(&mut self, c: char, modifiers: KeyModifiers) -> &mut Self {
        self.tell(Msg::Input(Event::Key(KeyEvent::new(KeyCode::Char(c), modifiers))))
    }

    fn press(&mut self, code: KeyCode) -> &mut Self {
        self.tell(Msg::Input(Event::Key(KeyEvent::new(code, KeyModifiers::NONE))))
    }

    /// Tells the workbench something, and answers all that it asks.
    fn tell(&mut self, msg: Msg) -> &mut Self {
        self.now += Duration::from_millis(20);
        self.asked.extend(self.workbench.update(msg, self.now));
        self.answer()
    }

    fn answer(&mut self) -> &mut Self {
        for _ in 0..MOST {
            let Some(effect) = self.asked.pop_front() else { break };
            for msg in self.answers(effect) {
                self.now += Duration::from_millis(1);
                self.asked.extend(self.workbench.update(msg, self.now));
            }
        }
        self
    }

    /// What the demo engine says.
    fn answers(&mut self, effect: Effect) -> Vec<Msg> {
        match effect {
            Effect::Probe { runtime, .. } => {
                let info = runtime_info(runtime, self.here.contains(&runtime));
                vec![Msg::Runtime(RuntimeMsg::Known(runtime, Ok(Box::new(info))))]
            }
            Effect::ListSessions => vec![Msg::Session(SessionMsg::Listed(Ok(Vec::new())))],
            Effect::Rank(language, preference) => {
                let ranking = selection(language, preference);
                vec![Msg::Runtime(RuntimeMsg::Ranked(language, preference, Ok(ranking)))]
            }
            Effect::CreateSession { params, run } => {
                let info = Box::new(session(self.sessions.len(), &params));
                self.sessions.push((info.session_id.clone(), info.runtime_type));
                vec![Msg::Session(SessionMsg::Created { run, result: Ok(info) })]
            }
            Effect::Execute { run, session, .. } => self.execution(run, &session),
            Effect::Stats(id) => vec![stats(&id)],
            Effect::Files { session, number, task } if matches!(*task, Task::List { .. }) => {
                let result = Ok(Done::Listed { entries: files(), truncated: false });
                vec![Msg::Files(FilesMsg::Done { session, number, result })]
            }
            Effect::Read(buffer, _) => {
                let content = Content { text: PROGRAM.to_owned(), stamp: Stamp::default() };
                vec![Msg::File(FileMsg::Read(buffer, Ok(Some(content))))]
            }
            Effect::ReadThemes(paths) => {
                let names = crate::config::BUILT_IN.map(|(name, _)| name.to_owned());
                vec![Msg::Look(LookMsg::Themes(read_themes(&names, &paths)))]
            }
            Effect::Recent => {
                let recent = |address: &str, hours: u64| Recent {
                    address: address.to_owned(),
                    ago: Duration::from_secs(3600 * hours),
                };
                vec![Msg::Link(LinkMsg::Recent(vec![recent(SERVER, 2), recent("ws://localhost:5039", 80)]))]
            }
            Effect::Look { dial, .. } => {
                let look = Look {
                    address: SERVER.to_owned(),
                    software: "codebeaker 0.1.0".to_owned(),
                    round_trip: Duration::from_millis(14),
                    tls: Some("verified, for lab.example.org until 2027-03-01".to_owned()),
                    missing: Vec::new(),
                    sessions: 3,
                };
                vec![Msg::Link(LinkMsg::Looked { dial, result: Ok(Box::new(look)) })]
            }
            Effect::Bench(BenchTask::Measure { number, plan, .. }) => {
                let reading = Box::new(super::bench::reading(&plan));
                vec![Msg::Bench(BenchMsg::Told { number, reading })]
            }
            // What else is asked has no answer that a picture would show.
            _ => Vec::new(),
        }
    }

    fn execution(&mut self, run: u32, session: &SessionId) -> Vec<Msg> {
        self.executions += 1;
        let id = ExecutionId::from(format!("e{}", self.executions).as_str());
        let text = match self.ending {
            Ending::Well => (OutputStream::Stdout, OUTPUT),
            Ending::Badly => (OutputStream::Stderr, TRACE),
            Ending::NotYet => (OutputStream::Stdout, "What is your name? "),
        };
        let output = vec![(text.0, Bytes::from_static(text.1.as_bytes()))];
        let mut msgs = vec![
            Msg::Run(RunMsg::Accepted(run, id.clone())),
            Msg::Run(RunMsg::Started(run)),
            Msg::Run(RunMsg::Output(run, output)),
        ];
        if self.ending != Ending::NotYet {
            let success = self.ending == Ending::Well;
            let runtime = self.sessions.iter().find(|(of, _)| of == session).map(|(_, runtime)| *runtime);
            msgs.push(Msg::Run(RunMsg::Finished(run, result(&id, runtime, success))));
            let event = SessionEvent::Finished { session_id: session.clone(), execution_id: id, success };
            msgs.push(Msg::Session(SessionMsg::Told(Told::Event(event))));
        }
        msgs
    }

    fn stats(&mut self, id: &str) -> &mut Self {
        self.tell(stats(&SessionId::from(id)))
    }

    /// Draws until everything is coloured.
    pub(super) fn draw(&mut self, terminal: &mut Terminal<TestBackend>) -> Result<(), Infallible> {
        self.workbench.warm_up();
        for _ in 0..MOST {
            terminal.draw(|frame| self.workbench.draw(frame))?;
            if !self.workbench.needs_drawing() {
                break;
            }
        }
        Ok(())
    }

    /// What an empty screen looks like.
    pub(super) fn page(&self) -> Page {
        let (style, light) = self.workbench.page();
        Page::of(style, light)
    }
}

fn every_language() -> Vec<Language> {
    use Language::{CSharp, Go, JavaScript, Python, TypeScript};
    vec![Python, JavaScript, TypeScript, Go, CSharp]
}

fn runtime_info(runtime: RuntimeType, available: bool) -> RuntimeInfo {
    let script = vec![Language::TypeScript, Language::JavaScript];
    let (version, languages, start, memory, score) = match runtime {
        RuntimeType::Docker => ("27.3.1", every_language(), 560.0, 250.0, 9),
        RuntimeType::Deno => ("2.9.6", script, 80.0, 30.0, 9),
        RuntimeType::Bun => ("1.4.5", script, 50.0, 25.0, 9),
        RuntimeType::NativeProcess => ("python 3.11", vec![Language::Python], 40.0, 15.0, 9),
    };
    let (reason, fix) = match runtime {
        RuntimeType::Docker => (
            "permission denied on /var/run/docker.sock",
            "add yourself to the group docker: sudo usermod -aG docker $USER, then log in again",
        ),
        RuntimeType::NativeProcess => ("no interpreter on PATH", "install python3, node or go"),
        RuntimeType::Deno | RuntimeType::Bun => ("not on PATH, not fetched", "fetch it here, or install it"),
    };
    let missing = |text: &str| (!available).then(|| text.to_owned());
    RuntimeInfo {
        runtime,
        available,
        version: available.then(|| version.to_owned()),
        path: available.then(|| format!("/usr/bin/{}", runtime.short())),
        reason: missing(reason),
        fix: missing(fix),
        fetchable: matches!(runtime, RuntimeType::Deno | RuntimeType::Bun),
        languages,
        fetchable_languages: Vec::new(),
        ready: None,
        capabilities: Capabilities {
            startup_time_ms: start,
            memory_overhead_mb: memory,
            isolation_level: score,
        },
        measured: std::collections::BTreeMap::new(),
        isolation: isolation(score),
    }
}

fn isolation(score: u8) -> IsolationReport {
    let layer = |name: &str| LayerReport { name: name.to_owned(), active: true, detail: String::new() };
    let layers = [
        "own file system",
        "own processes",
        "own network",
        "Landlock",
        "system call filter",
        "unprivileged user",
        "no new privileges",
        "control group",
    ];
    IsolationReport {
        score,
        letters: "F2 N2 P2 R2 K1".to_owned(),
        tier: "namespaces".to_owned(),
        weakened: String::new(),
        layers: layers.map(layer).to_vec(),
    }
}

/// A session that is made after so many others.
fn session(others: usize, params: &CreateSession) -> SessionInfo {
    let id = ["a41f", "b7c2", "c05d", "d318", "e9b6"].get(others).copied().unwrap_or("f200");
    let runtime = params.runtime_type.unwrap_or(RuntimeType::Bun);
    let startup_ms = match runtime {
        RuntimeType::Docker => 410.0,
        RuntimeType::Deno => 25.9,
        RuntimeType::Bun | RuntimeType::NativeProcess => 11.3,
    };
    SessionInfo {
        session_id: SessionId::from(id),
        environment_id: EnvironmentId::from(id),
        container_id: EnvironmentId::from(id),
        runtime_type: runtime,
        runtime: runtime.short().to_owned(),
        language: params.language,
        name: None,
        state: SessionState::Active,
        created_at: "2026-11-22T14:00:00Z".to_owned(),
        last_activity: "2026-11-22T14:00:00Z".to_owned(),
        execution_count: 0,
        idle_minutes: 0.0,
        lifetime_minutes: 0.0,
        startup_ms,
        config: SessionConfig {
            idle_timeout_minutes: 30,
            max_lifetime_minutes: 120,
            memory_limit_mb: Some(512),
            network: false,
        },
        limits: SessionLimits {
            processes: Some(64),
            workspace_bytes: Some(256 << 20),
            ..SessionLimits::default()
        },
        isolation: isolation(9),
        selection: None,
    }
}

fn selection(language: Language, preference: RuntimePreference) -> Selection {
    let candidate = |runtime: RuntimeType, total: Option<f64>, chosen: bool, reason: &str| Candidate {
        runtime_type: runtime,
        chosen,
        scores: total.map(|total| Scores { speed: total, security: 0.9, memory: total, total }),
        figures: runtime_info(runtime, true).capabilities,
        nominal: None,
        measured: false,
        reason: reason.to_owned(),
    };
    Selection {
        language,
        preference,
        chosen: Some(RuntimeType::Bun),
        ranking: vec![
            candidate(RuntimeType::Bun, Some(0.97), true, "best total"),
            candidate(RuntimeType::Deno, Some(0.77), false, "0.20 behind"),
            candidate(RuntimeType::Docker, Some(0.34), false, "0.63 behind"),
            candidate(RuntimeType::NativeProcess, None, false, "does not run it"),
        ],
    }
}

fn result(id: &ExecutionId, runtime: Option<RuntimeType>, success: bool) -> Box<ExecuteResult> {
    let (duration_ms, cpu_ms, peak) = match runtime {
        Some(RuntimeType::Docker) => (97, 58, 48 << 20),
        Some(RuntimeType::Deno) => (83, 39, 30 << 20),
        _ => (42, 32, 25 << 20),
    };
    let process = ProcessResult {
        exit_code: if success { 0 } else { 1 },
        duration_ms,
        cpu_ms: Some(cpu_ms),
        peak_memory_bytes: Some(peak),
        ..ProcessResult::default()
    };
    Box::new(ExecuteResult {
        success,
        result: Some(CommandOutput::Process(process)),
        error: (!success).then(|| "exit 1".to_owned()),
        duration_ms: duration_ms + 6,
        phases: None,
        execution_id: id.clone(),
        unknown: false,
    })
}

fn stats(id: &SessionId) -> Msg {
    let stats = SessionStats {
        cpu_ms: Some(39),
        memory_bytes: Some(12_400_000),
        peak_memory_bytes: Some(33_000_000),
        outside_bytes: None,
        processes: Some(1),
        workspace_bytes: Some(213),
        workspace_files: Some(1),
    };
    Msg::Session(SessionMsg::Stats(id.clone(), Ok(stats)))
}

/// What stands in a session's workspace.
fn files() -> Vec<DirectoryEntry> {
    let entry = |name: &str, kind, size| DirectoryEntry {
        name: name.to_owned(),
        path: name.to_owned(),
        kind,
        size,
        modified: "2026-11-26T09:00:00Z".to_owned(),
        mode: "0644".to_owned(),
    };
    vec![
        entry("data", EntryKind::Directory, 0),
        entry(FILE, EntryKind::File, 213),
        entry("primes.txt", EntryKind::File, 41),
    ]
}
