//! A stand-in for an original server of the .NET project, in any of its versions: its envelope, its sessions and their
//! quirks, as PROTOCOL part 2 has them. It runs programs of this machine, in a directory for each session.

mod work;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use codebeaker::protocol::SessionId;
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// Which version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Era {
    A,
    B,
    C,
    LateC,
    D,
    E,
    /// What the documents describe, and no version was.
    Documented,
}

/// What its sessions run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Docker,
    Deno,
    Bun,
    Node,
    Python,
    Native,
}

impl Kind {
    pub fn number(self) -> u64 {
        match self {
            Self::Docker => 0,
            Self::Deno => 1,
            Self::Bun => 2,
            Self::Node => 3,
            Self::Python => 4,
            Self::Native => 7,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => "Docker",
            Self::Deno => "Deno",
            Self::Bun => "Bun",
            Self::Node => "NodeJs",
            Self::Python => "Python",
            Self::Native => "NativeProcess",
        }
    }
}

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// It is never answered, and nothing after it on its connection.
    Silence,
    /// Its connection is closed.
    HangUp,
}

/// The server; ends when it is dropped.
pub struct StandIn {
    /// Where it listens.
    pub address: String,
    pub state: Arc<State>,
    serving: Option<AbortOnDropHandle<()>>,
}

/// What its connections share.
pub struct State {
    pub era: Era,
    pub kind: Kind,
    sessions: Mutex<HashMap<String, Arc<Session>>>,
    /// Every method that was asked, with its parameters.
    pub asked: Mutex<Vec<(String, String)>>,
    faults: Mutex<Vec<(&'static str, Fault)>>,
    /// How many programs run now.
    pub running: watch::Sender<usize>,
    /// How many connections stand.
    pub connections: watch::Sender<usize>,
    /// Programs that stand for others: a `deno`.
    bin: TempDir,
    /// Ends its connections; another one each time it comes up.
    stop: Mutex<CancellationToken>,
    /// Ends what runs for those who are gone.
    abandoned: CancellationToken,
}

/// A session.
pub struct Session {
    id: String,
    environment: String,
    kind: Kind,
    language: String,
    created: Instant,
    directory: TempDir,
    closing: CancellationToken,
    /// Something runs in it.
    busy: Mutex<bool>,
    executions: Mutex<u64>,
}

/// How a request ended: a result, or what is told of a fault.
type Answer = Result<Value, String>;

impl StandIn {
    pub async fn start(era: Era, kind: Kind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("ws://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            era,
            kind,
            sessions: Mutex::default(),
            asked: Mutex::default(),
            faults: Mutex::default(),
            running: watch::Sender::new(0),
            connections: watch::Sender::new(0),
            bin: work::programs(),
            stop: Mutex::default(),
            abandoned: CancellationToken::new(),
        });
        let serving = Some(AbortOnDropHandle::new(tokio::spawn(serve(listener, state.clone()))));
        Self { address, state, serving }
    }

    /// The next request for `method` goes wrong.
    pub fn fail(&self, method: &'static str, fault: Fault) {
        self.state.faults.lock().unwrap().push((method, fault));
    }

    /// Goes down; its sessions are kept.
    pub async fn go_down(&mut self) {
        self.serving.take();
        self.state.stop.lock().unwrap().cancel();
        self.state.connections.subscribe().wait_for(|n| *n == 0).await.unwrap();
    }

    /// Comes up again where it was.
    pub async fn come_up(&mut self) {
        *self.state.stop.lock().unwrap() = CancellationToken::new();
        let listener = TcpListener::bind(self.address.trim_start_matches("ws://")).await.unwrap();
        self.serving = Some(AbortOnDropHandle::new(tokio::spawn(serve(listener, self.state.clone()))));
    }

    /// The ids of its sessions.
    pub fn sessions(&self) -> Vec<String> {
        self.state.sessions.lock().unwrap().keys().cloned().collect()
    }

    /// A session is gone, of which nobody is told.
    pub fn lose(&self, id: &str) {
        self.state.sessions.lock().unwrap().remove(id);
    }

    /// Waits until so many programs run.
    pub async fn running(&self, programs: usize) {
        self.state.running.subscribe().wait_for(|n| *n == programs).await.unwrap();
    }

    /// How often a method was asked for.
    pub fn count(&self, method: &str) -> usize {
        self.state.asked.lock().unwrap().iter().filter(|(asked, _)| asked == method).count()
    }

    /// With which parameters it was asked for last.
    pub fn params(&self, method: &str) -> String {
        let asked = self.state.asked.lock().unwrap();
        asked.iter().rev().find(|(asked, _)| asked == method).unwrap().1.clone()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.state.stop.lock().unwrap().cancel();
    }
}

impl State {
    /// Ends the programs whose sessions are closed: a Deno's or Bun's would run on.
    pub fn abandon(&self) {
        self.abandoned.cancel();
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (state, stop) = (state.clone(), state.stop.lock().unwrap().clone());
        tokio::spawn(async move {
            state.connections.send_modify(|n| *n += 1);
            stop.run_until_cancelled(connection(stream, &state)).await;
            state.connections.send_modify(|n| *n -= 1);
        });
    }
}

/// Strictly serial: the next message is not read until this one is answered.
async fn connection(stream: TcpStream, state: &State) {
    stream.set_nodelay(true).unwrap();
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        assert!(text.is_ascii(), "a server may cut characters: {text}");
        for piece in text.split('\n').filter(|piece| !piece.is_empty()) {
            let method = method(piece);
            match fault(state, &method) {
                Some(Fault::Silence) => {
                    while let Some(Ok(_)) = socket.next().await {}
                    return;
                }
                Some(Fault::HangUp) => return,
                None => {}
            }
            // It keeps connections open so; and has a notification in its source that looks like an answer.
            let _ = socket.send(Message::Pong(Vec::new().into())).await;
            let told = r#"{"jsonrpc":"2.0","id":null,"method":"execution.started","params":{}}"#;
            let _ = socket.send(Message::text(told)).await;
            if let Some(answer) = envelope(state, piece).await
                && socket.send(Message::text(escaped(&answer) + "\n")).await.is_err()
            {
                return;
            }
        }
    }
}

fn method(piece: &str) -> String {
    let message: Value = serde_json::from_str(piece).unwrap_or_default();
    message["method"].as_str().unwrap_or_default().to_owned()
}

fn fault(state: &State, method: &str) -> Option<Fault> {
    let mut faults = state.faults.lock().unwrap();
    let at = faults.iter().position(|(wanted, _)| *wanted == method)?;
    Some(faults.remove(at).1)
}

/// As .NET's encoder has it.
fn escaped(json: &str) -> String {
    let mut out = String::new();
    let mut chars = json.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('"') => out.push_str("\\u0022"),
                Some(other) => out.extend(['\\', other]),
                None => {}
            },
            '&' | '\'' | '+' | '<' | '>' | '`' | '\u{7f}' => out.push_str(&format!("\\u{:04X}", c as u32)),
            c if c.is_ascii() => out.push(c),
            c => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04X}"))),
        }
    }
    out
}

#[derive(Deserialize)]
struct Envelope {
    jsonrpc: Option<String>,
    id: Option<Box<RawValue>>,
    method: Option<String>,
    params: Option<Box<RawValue>>,
}

async fn envelope(state: &State, piece: &str) -> Option<String> {
    let reply = |id: &str, result: &str, error: &str| {
        Some(format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result},\"error\":{error}}}"))
    };
    let error = |id: &str, code: i32, message: &str, data: &str| {
        let error = json!({ "code": code, "data": data, "message": message });
        reply(id, "null", &error.to_string())
    };
    let message: Envelope = match serde_json::from_str(piece) {
        Ok(message) => message,
        Err(e) => return error("null", -32700, "Parse error", &e.to_string()),
    };
    let id = message.id.as_ref().map_or("null", |id| id.get());
    let Some(method) = message.method.filter(|method| !method.trim().is_empty()) else {
        return error(id, -32600, "Invalid Request", "Method is required");
    };
    if message.jsonrpc.is_some_and(|version| version != "2.0") {
        return error(id, -32600, "Invalid Request", "jsonrpc must be '2.0'");
    }
    let params = message.params.as_ref().map(|params| params.get());
    state.asked.lock().unwrap().push((method.clone(), params.unwrap_or_default().to_owned()));
    let answer = match method.as_str() {
        "initialize" => Ok(hello()),
        "session.create" => create(state, params),
        "session.execute" => execute(state, params).await,
        "session.list" => Ok(list(state)),
        "session.close" => close(state, params),
        _ => return error(id, -32601, "Method not found", &method),
    };
    // Without an id it is run and never answered.
    if id == "null" {
        return None;
    }
    match answer {
        Ok(result) => reply(id, &result.to_string(), "null"),
        Err(text) if state.era >= Era::LateC => {
            let data = format!("System.InvalidOperationException: {text}\n   at CodeBeaker.API.Handle()");
            error(id, -32603, "Internal error", &data)
        }
        Err(text) => error(id, -32603, "Internal error", &text),
    }
}

fn hello() -> Value {
    json!({ "serverCapabilities": {
        "supportsStreaming": true, "supportsDebugging": false,
        "supportedLanguages": ["python", "javascript", "go", "csharp"],
        "limits": { "maxTimeout": 300, "maxMemory": 2048, "maxConcurrency": 10 }, "protocolVersion": "0.2.0",
    } })
}

/// The members of an object in their order, repeated ones too.
pub struct Members(pub Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> serde::de::Visitor<'de> for Collect {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        d.deserialize_map(Collect)
    }
}

impl Members {
    fn read(params: Option<&str>) -> Result<Self, String> {
        params
            .and_then(|params| serde_json::from_str(params).ok())
            .ok_or("params required (Parameter 'params')".to_owned())
    }

    /// The last of that name.
    pub fn get(&self, named: impl Fn(&str) -> bool) -> Option<Value> {
        let (_, value) = self.0.iter().rev().find(|(name, _)| named(name))?;
        serde_json::from_str(value.get()).ok().filter(|value: &Value| !value.is_null())
    }
}

/// A parameter's name as an era reads it, written in camelCase here.
fn reads(era: Era, blind: bool, name: &str) -> impl Fn(&str) -> bool {
    let pascal = name[..1].to_uppercase() + &name[1..];
    let wanted = if era == Era::A { pascal } else { name.to_owned() };
    move |given| given == wanted || blind && era >= Era::D && given.eq_ignore_ascii_case(&wanted)
}

fn create(state: &State, params: Option<&str>) -> Answer {
    let params = Members::read(params)?;
    let get = |name| params.get(reads(state.era, true, name));
    let Some(language) = get("language").and_then(|l| l.as_str().map(str::to_owned)) else {
        return Err("Invalid session config".to_owned());
    };
    for name in ["idleTimeoutMinutes", "maxLifetimeMinutes"] {
        assert!(get(name).is_none_or(|minutes| minutes.is_u64()), "{name}");
    }
    for name in ["runtimeType", "runtimePreference"] {
        let by_name = get(name).is_some_and(|value| value.is_string());
        if by_name && (Era::B..=Era::LateC).contains(&state.era) {
            return Err(format!("The JSON value could not be converted to System.Enum. Path: $.{name}"));
        }
    }
    if let Some(asked) = get("runtimeType").filter(|_| state.era != Era::A)
        && asked != json!(state.kind.number())
        && asked != json!(state.kind.name())
    {
        return Err(format!("Runtime {asked} not available for {language}"));
    }
    let environment = match (state.kind, state.era) {
        (Kind::Docker, _) => SessionId::random().0,
        (_, Era::E) => SessionId::random().short().to_owned(),
        _ => String::new(),
    };
    let session = Session {
        id: SessionId::random().0,
        environment,
        kind: state.kind,
        language,
        created: Instant::now(),
        directory: TempDir::with_prefix("codebeaker-").unwrap(),
        closing: CancellationToken::new(),
        busy: Mutex::default(),
        executions: Mutex::default(),
    };
    let answer = session.told(state.era, "Active", false);
    state.sessions.lock().unwrap().insert(session.id.clone(), Arc::new(session));
    Ok(answer)
}

impl Session {
    /// As it is told at its creation, and as a row of the list.
    fn told(&self, era: Era, session_state: &str, row: bool) -> Value {
        let mut told = json!({ "sessionId": self.id, "language": self.language, "state": session_state });
        if era >= Era::E {
            told["environmentId"] = json!(self.environment);
            told["runtimeType"] = json!(self.kind.name());
        } else {
            told["containerId"] = json!(self.environment);
        }
        if era != Era::Documented {
            told["createdAt"] = json!("2025-10-29T08:15:30.1234567Z");
        }
        if row {
            let minutes = self.created.elapsed().as_secs_f64() / 60.0;
            told["executionCount"] = json!(*self.executions.lock().unwrap());
            told["lastActivity"] = json!("2025-10-29T08:15:31Z");
            (told["idleMinutes"], told["lifetimeMinutes"]) = (json!(minutes), json!(minutes));
        }
        told
    }
}

fn list(state: &State) -> Value {
    let sessions = state.sessions.lock().unwrap();
    let rows: Vec<Value> = sessions.values().map(|s| s.told(state.era, "Idle", true)).collect();
    json!({ "count": rows.len(), "sessions": rows })
}

fn session_id(state: &State, params: &Members) -> Result<String, String> {
    let id = params.get(reads(state.era, false, "sessionId"));
    id.and_then(|id| id.as_str().map(str::to_owned))
        .ok_or_else(|| "Invalid request: sessionId required".to_owned())
}

fn close(state: &State, params: Option<&str>) -> Answer {
    let id = session_id(state, &Members::read(params)?)?;
    if let Some(session) = state.sessions.lock().unwrap().remove(&id) {
        session.closing.cancel();
    }
    Ok(json!({ "sessionId": id, "closed": true }))
}

async fn execute(state: &State, params: Option<&str>) -> Answer {
    let params = Members::read(params)?;
    let id = session_id(state, &params)?;
    let named = reads(state.era, false, "command");
    let command = params.0.iter().rev().find(|(name, _)| named(name)).map(|(_, value)| value.get());
    let command = work::Command::read(state.era, command.ok_or("Invalid request: command required")?)?;
    let session = state.sessions.lock().unwrap().get(&id).cloned();
    let session = session.ok_or_else(|| format!("Session not found: {id}"))?;
    if session.kind == Kind::Docker && std::mem::replace(&mut *session.busy.lock().unwrap(), true) {
        return Err("Environment is not ready: Running".to_owned());
    }
    let began = Instant::now();
    let done = work::perform(state, &session, &command).await;
    *session.busy.lock().unwrap() = false;
    *session.executions.lock().unwrap() += 1;
    let work::Done { success, result, error } = done?;
    let took = u32::try_from(began.elapsed().min(Duration::from_secs(86_400)).as_millis()).unwrap();
    Ok(json!({ "success": success, "result": result, "error": error, "durationMs": took }))
}
