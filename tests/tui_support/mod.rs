//! What the workbench's tests share: an engine that does as it is told, and a workbench without a terminal.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "only tests use it")]

pub mod bench;
pub mod race;
pub mod remote;
pub mod workspace;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use codebeaker::config::{Paths, Settings};
use codebeaker::engine::{Engine, Execution, Frame, InterruptTarget, Link, SessionEvents, Told, Traffic};
use codebeaker::protocol::*;
use codebeaker::tui::{
    ColourTier, Effect, Msg, Options, RunMsg, RuntimeMsg, SessionMsg, TerminalKind, Workbench,
};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;
use tokio::sync::{broadcast, mpsc, watch};

pub const RUNTIMES: [RuntimeType; 4] =
    [RuntimeType::Docker, RuntimeType::Deno, RuntimeType::Bun, RuntimeType::NativeProcess];

/// Options that depend on nothing of this machine.
pub fn options() -> Options {
    let terminal = TerminalKind { colours: ColourTier::Ansi, unicode: true };
    let nowhere = Paths::below("/nonexistent");
    Options { editor: "false".to_owned(), ..Options::new(Settings::default(), nowhere, terminal) }
}

pub fn key(code: KeyCode) -> Event {
    Event::Key(KeyEvent::new(code, KeyModifiers::NONE))
}

pub fn ctrl(c: char) -> Event {
    Event::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL))
}

/// Keys that type this text.
pub fn typed(text: &str) -> Vec<Event> {
    text.chars().map(|c| key(if c == '\n' { KeyCode::Enter } else { KeyCode::Char(c) })).collect()
}

pub fn runtime(runtime: RuntimeType, available: bool) -> RuntimeInfo {
    let (version, languages, start, memory) = match runtime {
        RuntimeType::Docker => ("27.3.1", Language::ALL.to_vec(), 560.0, 250.0),
        RuntimeType::Deno => ("2.1.0", vec![Language::TypeScript, Language::JavaScript], 80.0, 30.0),
        RuntimeType::Bun => ("1.2.0", vec![Language::TypeScript, Language::JavaScript], 50.0, 25.0),
        RuntimeType::NativeProcess => ("python 3.11", vec![Language::Python], 40.0, 15.0),
    };
    let fetchable = matches!(runtime, RuntimeType::Deno | RuntimeType::Bun);
    let missing = |text: &str| (!available).then(|| text.to_owned());
    let (reason, fix) = match runtime {
        RuntimeType::Docker => (
            "permission denied on /var/run/docker.sock",
            "add yourself to the group docker: sudo usermod -aG docker $USER, then log in again",
        ),
        RuntimeType::NativeProcess => ("no interpreter on PATH", "install python3, node or go"),
        RuntimeType::Deno | RuntimeType::Bun => ("not on PATH, not fetched", "fetch it here, or install it"),
    };
    RuntimeInfo {
        runtime,
        available,
        version: available.then(|| version.to_owned()),
        path: available.then(|| format!("/usr/bin/{}", runtime.short())),
        reason: missing(reason),
        fix: missing(fix),
        fetchable,
        languages,
        fetchable_languages: Vec::new(),
        ready: None,
        capabilities: Capabilities { startup_time_ms: start, memory_overhead_mb: memory, isolation_level: 7 },
        measured: Default::default(),
        isolation: IsolationReport { score: 7, letters: "F2 N2 P1 R1 K1".to_owned(), ..Default::default() },
    }
}

pub fn session(id: &str, language: Language, runtime: RuntimeType) -> SessionInfo {
    SessionInfo {
        session_id: SessionId::from(id),
        environment_id: EnvironmentId::from(id),
        container_id: EnvironmentId::from(id),
        runtime_type: runtime,
        runtime: runtime.short().to_owned(),
        language,
        name: None,
        state: SessionState::Active,
        created_at: "2026-11-22T14:00:00Z".to_owned(),
        last_activity: "2026-11-22T14:00:00Z".to_owned(),
        execution_count: 0,
        idle_minutes: 0.0,
        lifetime_minutes: 0.0,
        startup_ms: 48.2,
        config: SessionConfig {
            idle_timeout_minutes: 30,
            max_lifetime_minutes: 120,
            memory_limit_mb: Some(256),
            network: false,
        },
        limits: SessionLimits {
            processes: Some(64),
            workspace_bytes: Some(256 << 20),
            ..SessionLimits::default()
        },
        isolation: IsolationReport {
            score: 7,
            letters: "F2 N2 P1 R1 K1".to_owned(),
            tier: "namespaces".to_owned(),
            weakened: String::new(),
            layers: vec![
                LayerReport { name: "user namespace".to_owned(), active: true, detail: String::new() },
                LayerReport { name: "own root".to_owned(), active: true, detail: "read-only".to_owned() },
                LayerReport { name: "cgroup".to_owned(), active: false, detail: "not delegated".to_owned() },
            ],
        },
        selection: None,
    }
}

pub fn selection(language: Language, preference: RuntimePreference) -> Selection {
    let candidate = |runtime: RuntimeType, total: Option<f64>, chosen: bool, reason: &str| Candidate {
        runtime_type: runtime,
        chosen,
        scores: total.map(|total| Scores { speed: total, security: 0.7, memory: total, total }),
        figures: Capabilities { startup_time_ms: 50.0, memory_overhead_mb: 25.0, isolation_level: 7 },
        nominal: None,
        measured: false,
        reason: reason.to_owned(),
    };
    Selection {
        language,
        preference,
        chosen: Some(RuntimeType::Bun),
        ranking: vec![
            candidate(RuntimeType::Bun, Some(0.91), true, "best total"),
            candidate(RuntimeType::Deno, Some(0.74), false, "0.17 behind"),
            candidate(RuntimeType::Docker, None, false, "not available"),
            candidate(RuntimeType::NativeProcess, None, false, "does not run it"),
        ],
    }
}

pub fn finished(exit_code: i32) -> Box<ExecuteResult> {
    Box::new(ExecuteResult {
        success: exit_code == 0,
        result: Some(CommandOutput::Process(ProcessResult {
            exit_code,
            duration_ms: 12,
            cpu_ms: Some(10),
            peak_memory_bytes: Some(41_000_000),
            ..ProcessResult::default()
        })),
        error: None,
        duration_ms: 14,
        phases: None,
        execution_id: ExecutionId::from("e"),
        unknown: false,
    })
}

/// A workbench on a test terminal, fed by hand.
pub struct Bench {
    pub workbench: Workbench,
    pub terminal: Terminal<TestBackend>,
    pub now: Duration,
    pub effects: Vec<Effect>,
}

impl Bench {
    pub fn new(width: u16, height: u16) -> Self {
        Self::with(&options(), width, height)
    }

    pub fn with(options: &Options, width: u16, height: u16) -> Self {
        let workbench = Workbench::new(options, &RUNTIMES, Size::new(width, height));
        let terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        Self { workbench, terminal, now: Duration::ZERO, effects: Vec::new() }
    }

    pub fn tell(&mut self, msg: Msg) -> &mut Self {
        self.now += Duration::from_millis(10);
        self.effects.extend(self.workbench.update(msg, self.now));
        self
    }

    pub fn press(&mut self, events: impl IntoIterator<Item = Event>) -> &mut Self {
        for event in events {
            self.tell(Msg::Input(event));
        }
        self
    }

    /// Waits until something is due, and tells so.
    pub fn waits(&mut self) -> &mut Self {
        self.now = self.workbench.deadline().expect("something is due");
        self.tell(Msg::Deadline)
    }

    /// Tells what is known of every runtime.
    pub fn found(&mut self, available: &[RuntimeType]) -> &mut Self {
        for one in RUNTIMES {
            let info = runtime(one, available.contains(&one));
            self.tell(Msg::Runtime(RuntimeMsg::Known(one, Ok(Box::new(info)))));
        }
        self
    }

    /// Presses F5 and lets the program write and end.
    pub fn runs(&mut self, output: &[(OutputStream, &str)], exit_code: i32) -> &mut Self {
        self.press([key(KeyCode::F(5))]);
        let created = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::CreateSession { run: Some(run), params } => Some((*run, params.language)),
            _ => None,
        });
        let (run, language) = created.expect("F5 creates a session");
        let info = Box::new(session("s1", language, RuntimeType::Bun));
        self.tell(Msg::Session(SessionMsg::Created { run: Some(run), result: Ok(info) }));
        self.tell(Msg::Run(RunMsg::Accepted(run, ExecutionId::from("e"))));
        self.tell(Msg::Run(RunMsg::Started(run)));
        let chunks = output.iter().map(|(stream, text)| (*stream, Bytes::copy_from_slice(text.as_bytes())));
        self.tell(Msg::Run(RunMsg::Output(run, chunks.collect())));
        self.tell(Msg::Run(RunMsg::Finished(run, finished(exit_code))));
        let event = SessionEvent::Finished {
            session_id: SessionId::from("s1"),
            execution_id: ExecutionId::from("e"),
            success: exit_code == 0,
        };
        self.tell(Msg::Session(SessionMsg::Told(Told::Event(event))))
    }

    pub fn stats(&mut self, id: &str) -> &mut Self {
        let stats = SessionStats {
            cpu_ms: Some(120),
            memory_bytes: Some(41_200_000),
            peak_memory_bytes: Some(58_000_000),
            outside_bytes: None,
            processes: Some(2),
            workspace_bytes: Some(1234),
            workspace_files: None,
        };
        self.tell(Msg::Session(SessionMsg::Stats(SessionId::from(id), Ok(stats))))
    }

    /// Draws until all is coloured, and gives the screen's text.
    pub fn screen(&mut self) -> String {
        self.workbench.warm_up();
        for _ in 0..200 {
            self.terminal.draw(|frame| self.workbench.draw(frame)).unwrap();
            if !self.workbench.needs_drawing() {
                break;
            }
        }
        text_of(&self.terminal)
    }
}

/// The characters of a test terminal, without the blanks at the lines' ends.
pub fn text_of(terminal: &Terminal<TestBackend>) -> String {
    let buffer = terminal.backend().buffer();
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut skip = 0;
        for x in 0..buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            if skip == 0 {
                line.push_str(symbol);
            }
            skip = skip.max(unicode_width::UnicodeWidthStr::width(symbol)).saturating_sub(1);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// An engine that does as its program text says: `hang` waits to be interrupted, `echo` reads a line and writes it,
/// `where` writes the runtime it is on,
/// anything else writes `ran: ` and its first line.
pub struct Scripted {
    pub available: Mutex<Vec<RuntimeType>>,
    sessions: Mutex<Vec<SessionInfo>>,
    events: broadcast::Sender<Told>,
    input: Mutex<Option<mpsc::Sender<Bytes>>>,
    /// What each program that was begun is stopped by.
    stops: Mutex<Vec<(ExecutionId, mpsc::Sender<Signal>)>>,
    /// No session is made on these.
    pub refused: Mutex<Vec<RuntimeType>>,
    pub asked: Mutex<Vec<String>>,
    /// The files of every session.
    pub workspace: workspace::Workspace,
    /// A fault of ours: the drawing thread panics.
    pub panics: AtomicBool,
    /// How it is reached, for the test to change.
    pub link: watch::Sender<Link>,
    /// What passes over its wire, for the test to send.
    pub traffic: broadcast::Sender<Frame>,
}

impl Scripted {
    pub fn new(available: &[RuntimeType]) -> Arc<Self> {
        Self::reached_by(Link::Local, available)
    }

    /// One elsewhere.
    pub fn remote(available: &[RuntimeType]) -> Arc<Self> {
        Self::reached_by(Link::Up(remote::up(14)), available)
    }

    fn reached_by(link: Link, available: &[RuntimeType]) -> Arc<Self> {
        Arc::new(Self {
            available: Mutex::new(available.to_vec()),
            sessions: Mutex::default(),
            events: broadcast::channel(64).0,
            input: Mutex::default(),
            stops: Mutex::default(),
            refused: Mutex::default(),
            asked: Mutex::default(),
            workspace: workspace::Workspace::default(),
            panics: AtomicBool::new(false),
            link: watch::channel(link).0,
            traffic: broadcast::channel(1 << 12).0,
        })
    }

    fn note(&self, what: impl Into<String>) {
        self.asked.lock().unwrap().push(what.into());
    }

    pub fn was_asked(&self, what: &str) -> bool {
        self.asked.lock().unwrap().iter().any(|asked| asked == what)
    }

    pub fn count(&self, what: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| *asked == what).count()
    }
}

#[async_trait]
impl Engine for Scripted {
    async fn info(&self) -> Result<ServerInfo, Failure> {
        Err(Failure::internal("not asked for"))
    }

    fn runtime_types(&self) -> Vec<RuntimeType> {
        // The drawing thread asks this once the terminal is taken.
        assert!(!self.panics.load(Ordering::SeqCst), "a fault on purpose");
        RUNTIMES.to_vec()
    }

    async fn runtime(&self, of: RuntimeType, _: bool) -> Result<RuntimeInfo, Failure> {
        Ok(runtime(of, self.available.lock().unwrap().contains(&of)))
    }

    async fn select(&self, params: SelectParams) -> Result<Selection, Failure> {
        Ok(selection(params.language, params.runtime_preference.unwrap_or(RuntimePreference::Balanced)))
    }

    async fn provision(
        &self,
        wanted: Provision,
        progress: mpsc::Sender<Progress>,
    ) -> Result<RuntimeInfo, Failure> {
        let of = wanted.runtime;
        self.note(format!("provision {}", of.short()));
        let step = Progress::Downloading { runtime: of, received: 20_000_000, total: Some(40_000_000) };
        let _ = progress.send(step).await;
        self.available.lock().unwrap().push(of);
        Ok(runtime(of, true))
    }

    async fn create_session(&self, params: CreateSession) -> Result<SessionInfo, Failure> {
        if params.runtime_type.is_some_and(|runtime| self.refused.lock().unwrap().contains(&runtime)) {
            return Err(Failure::new(ErrorKind::NoRuntime, "the image is gone", "fetch it again"));
        }
        let mut sessions = self.sessions.lock().unwrap();
        let id = format!("s{}", sessions.len() + 1);
        let info = session(&id, params.language, params.runtime_type.unwrap_or(RuntimeType::Bun));
        sessions.push(info.clone());
        self.asked.lock().unwrap().push(format!("create {}", params.language));
        Ok(info)
    }

    async fn execute(&self, params: Execute) -> Result<Execution, Failure> {
        if !params.command.command.starts_program() {
            let id = params.execution_id.unwrap();
            let (tx, rx) = mpsc::channel(1);
            self.note(format!("{} in {}", params.command.command.type_name(), params.session_id));
            let result = self.workspace.perform(&params.command.command, &id);
            let _ = tx.send(ExecutionEvent::Finished(result)).await;
            return Ok(Execution::new(id, rx));
        }
        let Command::ExecuteCode(code) = params.command.command else { panic!("only code is run") };
        // A benchmark's needs no id of its own.
        assert!(params.stream || params.execution_id.is_none(), "a person sees output as it comes");
        self.note(if params.interactive { "execute" } else { "race" });
        let place = self.sessions.lock().unwrap();
        let place = place.iter().find(|info| info.session_id == params.session_id).cloned();
        let runtime = place.map_or_else(String::new, |info| info.runtime);
        let id = params.execution_id.unwrap_or_else(ExecutionId::random);
        let (tx, rx) = mpsc::channel(16);
        let (input, mut fed) = mpsc::channel::<Bytes>(4);
        let (stop, mut stopped) = mpsc::channel(4);
        self.stops.lock().unwrap().push((id.clone(), stop));
        *self.input.lock().unwrap() = Some(input);
        tokio::spawn(async move {
            let out = |text: String| ExecutionEvent::Output {
                stream: OutputStream::Stdout,
                data: Bytes::from(text),
            };
            let _ = tx.send(ExecutionEvent::Started).await;
            let mut exit = 0;
            if code.code.contains("flood") {
                for n in 0..20_000 {
                    let _ = tx.send(out(format!("line {n}\n"))).await;
                }
            } else if code.code.contains("hang") {
                let _ = tx.send(out("waiting\n".to_owned())).await;
                while let Some(signal) = stopped.recv().await {
                    let _ = tx.send(out(format!("got {signal}\n"))).await;
                    if signal == Signal::Kill || !code.code.contains("stubborn") {
                        exit = 128 + signal.number();
                        break;
                    }
                }
            } else if code.code.contains("where") {
                let _ = tx.send(out(format!("on {runtime}\n"))).await;
            } else if code.code.contains("echo") {
                let line = fed.recv().await.unwrap_or_default();
                let _ = tx.send(out(format!("you said {}", String::from_utf8_lossy(&line)))).await;
            } else {
                let _ =
                    tx.send(out(format!("ran: {}\n", code.code.lines().next().unwrap_or_default()))).await;
            }
            let _ = tx.send(ExecutionEvent::Finished(finished(exit))).await;
        });
        Ok(Execution::new(id, rx))
    }

    async fn input(&self, _: &ExecutionId, data: Bytes, _: bool) -> Result<(), Failure> {
        let input = self.input.lock().unwrap().clone();
        input.unwrap().send(data).await.map_err(|_| Failure::internal("nothing runs"))
    }

    async fn resize(&self, _: &ExecutionId, _: u16, _: u16) -> Result<(), Failure> {
        Ok(())
    }

    async fn interrupt(&self, target: InterruptTarget, signal: Signal) -> Result<bool, Failure> {
        self.note(format!("signal {signal}"));
        let InterruptTarget::Execution(of) = target else { panic!("only executions are stopped") };
        let stop = self.stops.lock().unwrap().iter().find(|(id, _)| *id == of).map(|(_, stop)| stop.clone());
        Ok(stop.unwrap().send(signal).await.is_ok())
    }

    async fn sessions(&self) -> Result<Vec<SessionInfo>, Failure> {
        self.note("sessions");
        Ok(self.sessions.lock().unwrap().clone())
    }

    async fn stats(&self, _: &SessionId) -> Result<SessionStats, Failure> {
        self.note("stats");
        Ok(SessionStats { cpu_ms: Some(100), memory_bytes: Some(1_000_000), ..SessionStats::default() })
    }

    async fn close_session(&self, session: &SessionId) -> Result<(), Failure> {
        self.sessions.lock().unwrap().retain(|info| info.session_id != *session);
        self.note(format!("close {session}"));
        Ok(())
    }

    fn subscribe(&self) -> SessionEvents {
        SessionEvents::new(self.events.subscribe())
    }

    async fn shutdown(&self) {
        self.note("shutdown");
    }

    fn link(&self) -> watch::Receiver<Link> {
        self.link.subscribe()
    }

    fn reconnect(&self) {
        self.note("reconnect");
    }

    fn traffic(&self) -> Option<Traffic> {
        let local = *self.link.borrow() == Link::Local;
        (!local).then(|| self.traffic.subscribe())
    }
}
