//! An engine that answers at once, notes what it was asked, and fails where it is told to.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use codebeaker::engine::{Engine, Execution, InterruptTarget, Link, SessionEvents};
use codebeaker::protocol::*;
use tokio::sync::{Semaphore, broadcast, mpsc, watch};

/// What an engine was asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    Create(RuntimeType),
    Execute(RuntimeType, &'static str),
    Close(RuntimeType),
}

/// What goes wrong with commands of a runtime.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Every one fails.
    Always,
    /// The first so many fail.
    First(usize),
    /// No session can be had.
    NoSession,
    /// Commands never end.
    Hangs,
}

pub struct Fake {
    pub asked: Mutex<Vec<Asked>>,
    pub open: Mutex<HashMap<SessionId, RuntimeType>>,
    pub repl: bool,
    pub faults: Mutex<HashMap<RuntimeType, Fault>>,
    pub failed: Mutex<HashMap<RuntimeType, usize>>,
    /// A command takes one of these, if there are any at all.
    pub permits: Option<Semaphore>,
    pub hanging: Mutex<Vec<mpsc::Sender<ExecutionEvent>>>,
    pub number: Mutex<u32>,
    pub link: watch::Sender<Link>,
}

impl Fake {
    pub fn new() -> Self {
        Self {
            asked: Mutex::default(),
            open: Mutex::default(),
            repl: false,
            faults: Mutex::default(),
            failed: Mutex::default(),
            permits: None,
            hanging: Mutex::default(),
            number: Mutex::default(),
            link: watch::Sender::new(Link::Local),
        }
    }

    pub fn with(self, runtime: RuntimeType, fault: Fault) -> Arc<Self> {
        self.faults.lock().unwrap().insert(runtime, fault);
        Arc::new(self)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Which runtimes were asked to execute, in order.
    pub fn executed(&self) -> Vec<RuntimeType> {
        let of = |asked: &Asked| match asked {
            Asked::Execute(runtime, _) => Some(*runtime),
            _ => None,
        };
        self.asked().iter().filter_map(of).collect()
    }

    /// Every session was closed, and there were some.
    pub fn nothing_is_left(&self) {
        assert_eq!(*self.open.lock().unwrap(), HashMap::new());
        assert!(self.asked().iter().any(|asked| matches!(asked, Asked::Create(_))));
    }

    fn fails(&self, runtime: RuntimeType) -> bool {
        match self.faults.lock().unwrap().get(&runtime) {
            Some(Fault::Always) => true,
            Some(Fault::First(most)) => {
                let mut failed = self.failed.lock().unwrap();
                let failed = failed.entry(runtime).or_default();
                *failed += 1;
                *failed <= *most
            }
            _ => false,
        }
    }

    fn has(&self, runtime: RuntimeType, fault: Fault) -> bool {
        self.faults.lock().unwrap().get(&runtime) == Some(&fault)
    }
}

pub fn failure(message: &str) -> Failure {
    Failure::new(ErrorKind::Internal, message, "do something else")
}

fn info(runtime: RuntimeType) -> RuntimeInfo {
    let capabilities = Capabilities { startup_time_ms: 50.0, memory_overhead_mb: 25.0, isolation_level: 7 };
    RuntimeInfo {
        available: true,
        version: Some("1.0".to_owned()),
        ..RuntimeInfo::unavailable(runtime, vec![Language::JavaScript, Language::TypeScript], capabilities)
    }
}

#[async_trait]
impl Engine for Fake {
    async fn info(&self) -> Result<ServerInfo, Failure> {
        Err(failure("it says nothing of itself"))
    }

    fn runtime_types(&self) -> Vec<RuntimeType> {
        vec![RuntimeType::Docker, RuntimeType::Deno, RuntimeType::Bun]
    }

    async fn runtime(&self, runtime: RuntimeType, _refresh: bool) -> Result<RuntimeInfo, Failure> {
        Ok(info(runtime))
    }

    async fn select(&self, params: SelectParams) -> Result<Selection, Failure> {
        let preference = params.runtime_preference.unwrap_or(RuntimePreference::Balanced);
        Ok(Selection { language: params.language, preference, chosen: None, ranking: Vec::new() })
    }

    async fn provision(
        &self,
        wanted: Provision,
        _progress: mpsc::Sender<Progress>,
    ) -> Result<RuntimeInfo, Failure> {
        Ok(info(wanted.runtime))
    }

    async fn create_session(&self, params: CreateSession) -> Result<SessionInfo, Failure> {
        let runtime = params.runtime_type.expect("a benchmark names its runtime");
        self.asked.lock().unwrap().push(Asked::Create(runtime));
        if self.has(runtime, Fault::NoSession) {
            return Err(failure("there is no room"));
        }
        let id = {
            let mut number = self.number.lock().unwrap();
            *number += 1;
            SessionId::from(format!("s{number}").as_str())
        };
        self.open.lock().unwrap().insert(id.clone(), runtime);
        Ok(SessionInfo {
            environment_id: EnvironmentId::from(id.0.as_str()),
            container_id: EnvironmentId::from(id.0.as_str()),
            session_id: id,
            runtime_type: runtime,
            runtime: runtime.short().to_owned(),
            language: params.language,
            name: params.name,
            state: SessionState::Active,
            created_at: "2026-11-22T14:00:00Z".to_owned(),
            last_activity: "2026-11-22T14:00:00Z".to_owned(),
            execution_count: 0,
            idle_minutes: 0.0,
            lifetime_minutes: 0.0,
            startup_ms: 1.0,
            config: SessionConfig {
                idle_timeout_minutes: 30,
                max_lifetime_minutes: 120,
                memory_limit_mb: Some(512),
                network: false,
            },
            limits: SessionLimits::default(),
            isolation: IsolationReport {
                score: 7,
                tier: "namespaces".to_owned(),
                ..IsolationReport::default()
            },
            selection: None,
        })
    }

    async fn execute(&self, params: Execute) -> Result<Execution, Failure> {
        let runtime = self.open.lock().unwrap().get(&params.session_id).copied();
        let runtime = runtime.ok_or_else(|| failure("there is no such session"))?;
        let command = &params.command.command;
        self.asked.lock().unwrap().push(Asked::Execute(runtime, command.type_name()));
        if let Some(permits) = &self.permits {
            permits.acquire().await.unwrap().forget();
        }
        let (events, receiver) = mpsc::channel(8);
        let id = ExecutionId::random();
        if self.has(runtime, Fault::Hangs) {
            self.hanging.lock().unwrap().push(events);
            return Ok(Execution::new(id, receiver));
        }
        let refused = matches!(command, Command::ExecuteCode(code) if code.repl && !self.repl);
        let fails = self.fails(runtime) || refused;
        let process = ProcessResult {
            exit_code: i32::from(fails),
            stderr: if fails { "\nboom: \u{1b}[31mbroken\n".to_owned() } else { String::new() },
            peak_memory_bytes: Some(20_000_000),
            ..ProcessResult::default()
        };
        events.try_send(ExecutionEvent::Started).unwrap();
        if !fails {
            let printed = codebeaker::bench::runner::PRINTED;
            let size = if matches!(command, Command::ExecuteCode(code) if code.code.contains("256")) {
                printed
            } else {
                6
            };
            // Its first piece, and the rest.
            for size in [size.div_ceil(2), size / 2] {
                let data = Bytes::from(vec![b'x'; size]);
                events.try_send(ExecutionEvent::Output { stream: OutputStream::Stdout, data }).unwrap();
            }
        }
        let result = ExecuteResult {
            success: !fails,
            result: command.starts_program().then_some(CommandOutput::Process(process)),
            error: fails.then(|| {
                if refused { "repl is not offered".to_owned() } else { "exited with code 1".to_owned() }
            }),
            duration_ms: 1,
            execution_id: id.clone(),
            unknown: false,
            phases: None,
        };
        events.try_send(ExecutionEvent::Finished(Box::new(result))).unwrap();
        Ok(Execution::new(id, receiver))
    }

    async fn input(&self, _execution: &ExecutionId, _data: Bytes, _eof: bool) -> Result<(), Failure> {
        Ok(())
    }

    async fn resize(&self, _execution: &ExecutionId, _rows: u16, _cols: u16) -> Result<(), Failure> {
        Ok(())
    }

    async fn interrupt(&self, _target: InterruptTarget, _signal: Signal) -> Result<bool, Failure> {
        Ok(true)
    }

    async fn sessions(&self) -> Result<Vec<SessionInfo>, Failure> {
        Ok(Vec::new())
    }

    async fn stats(&self, _session: &SessionId) -> Result<SessionStats, Failure> {
        Ok(SessionStats { peak_memory_bytes: Some(21_000_000), ..SessionStats::default() })
    }

    async fn close_session(&self, session: &SessionId) -> Result<(), Failure> {
        if let Some(runtime) = self.open.lock().unwrap().remove(session) {
            self.asked.lock().unwrap().push(Asked::Close(runtime));
        }
        Ok(())
    }

    fn subscribe(&self) -> SessionEvents {
        SessionEvents::new(broadcast::Sender::new(1).subscribe())
    }

    async fn shutdown(&self) {}

    fn link(&self) -> watch::Receiver<Link> {
        self.link.subscribe()
    }
}

/// The runtimes that appear in each of some stretches, once.
pub fn each_once(order: &[RuntimeType], of: usize) -> bool {
    order.chunks(of).all(|round| round.iter().collect::<HashSet<_>>().len() == round.len())
}
