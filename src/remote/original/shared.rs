//! What the tasks of one attachment share: the control connection, and the sessions that are known of.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::{Map, Value, json};
use tokio::sync::{broadcast, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::dialect::{Dialect, Era, Hello, explain};
use super::kind::number;
use super::line::{Line, Wire};
use super::session::Session;
use super::{MISSING, NAME, Options, lock};
use crate::engine::Told;
use crate::protocol::{
    CreateSession, ErrorKind, Failure, RuntimePreference, SessionEvent, SessionId, SessionInfo, SessionState,
    WireName as _,
};
use crate::remote::RemoteError;

/// Events that wait for a slow listener; one who is slower is told how many he missed.
const EVENTS: usize = 256;

/// One attachment.
pub struct Shared {
    pub wire: Arc<Wire>,
    pub options: Options,
    /// Held until what an answer says of sessions is known to all.
    control: tokio::sync::Mutex<Line>,
    pub dialect: Mutex<Dialect>,
    pub hello: Hello,
    live: Mutex<HashMap<SessionId, Arc<Session>>>,
    pub events: broadcast::Sender<Told>,
    pub tasks: TaskTracker,
    pub tokio: tokio::runtime::Handle,
    /// The server is left.
    pub stop: CancellationToken,
}

/// Looks at the server as long as it is attached to: whether it is there, and what has become of its sessions.
pub async fn keep(shared: Arc<Shared>) {
    let look = async {
        loop {
            shared.wire.standing.due().await;
            shared.wire.standing.trying();
            if let Err(error) = shared.refresh().await {
                tracing::debug!("{}: {error}", shared.wire.address.short());
            }
        }
    };
    tokio::select! {
        () = shared.stop.cancelled() => {}
        () = look => {}
    }
}

impl Shared {
    /// An attachment whose control connection is `line`.
    pub fn new(wire: Arc<Wire>, options: Options, line: Line, dialect: Dialect, hello: Hello) -> Self {
        Self {
            wire,
            options,
            control: tokio::sync::Mutex::new(line),
            dialect: Mutex::new(dialect),
            hello,
            live: Mutex::default(),
            events: broadcast::Sender::new(EVENTS),
            tasks: TaskTracker::new(),
            tokio: tokio::runtime::Handle::current(),
            stop: CancellationToken::new(),
        }
    }

    pub fn era(&self) -> Era {
        lock(&self.dialect).era
    }

    /// Has the link told what the server is, as far as that is known.
    pub fn name_server(&self) {
        let missing = MISSING.iter().map(|what| (*what).to_owned()).collect();
        self.wire.standing.describe(format!("{NAME}, {}", self.era().name()), missing);
    }

    pub fn tell(&self, event: SessionEvent) {
        // Without listeners it is nobody's loss.
        let _ = self.events.send(Told::Event(event));
    }

    pub fn tell_state(&self, id: &SessionId, state: SessionState, reason: Option<String>) {
        self.tell(SessionEvent::State { session_id: id.clone(), state, reason });
    }

    /// Why a session takes no commands (any more).
    pub fn over(&self, id: &SessionId) -> Failure {
        if self.stop.is_cancelled() {
            return Failure::new(ErrorKind::Cancelled, "the server was left", "attach to it again");
        }
        Failure::new(ErrorKind::SessionClosed, format!("session {id} is closed"), "create a new session")
    }

    /// A session is gone: what waits for it is told.
    pub fn vanish(&self, id: &SessionId, state: SessionState, reason: &str) {
        let Some(session) = lock(&self.live).remove(id) else { return };
        session.over.cancel();
        self.tell_state(id, state, Some(reason.to_owned()).filter(|reason| !reason.is_empty()));
    }

    /// A session by its id; one that somebody else has created since is looked for.
    pub async fn session(&self, id: &SessionId) -> Result<Arc<Session>, Failure> {
        let known = || lock(&self.live).get(id).cloned();
        if let Some(session) = known() {
            return Ok(session);
        }
        self.refresh().await?;
        known().ok_or_else(|| {
            Failure::new(
                ErrorKind::SessionNotFound,
                format!("there is no session {id} on this server"),
                "it may have been closed: create a new one",
            )
        })
    }

    /// Asks for the sessions, and learns what has become of them.
    pub async fn refresh(&self) -> Result<Vec<SessionInfo>, RemoteError> {
        let mut control = self.control().await?;
        let asked = Instant::now();
        let listed = control.ask("session.list", None).await;
        let answer = listed.inspect_err(|error| match error {
            RemoteError::Transport { .. } => self.wire.standing.lost(&error.to_string()),
            _ => self.wire.standing.answered(asked.elapsed()),
        })?;
        self.wire.standing.answered(asked.elapsed());
        let rows = answer.get("sessions").and_then(Value::as_array).ok_or_else(|| RemoteError::Decode {
            method: "session.list".to_owned(),
            message: "sessions is missing".to_owned(),
        })?;
        let mut sessions: Vec<_> =
            rows.iter().filter_map(Value::as_object).filter_map(|row| self.known(row)).collect();
        let gone: Vec<SessionId> = {
            let listed = |id: &SessionId| sessions.iter().any(|s| s.session_id == *id);
            lock(&self.live).keys().filter(|id| !listed(id)).cloned().collect()
        };
        for id in gone {
            self.vanish(&id, SessionState::Closed, "the server no longer has it");
        }
        // The server tells them in no order.
        sessions.sort_by(|a, b| (&a.created_at, &a.session_id).cmp(&(&b.created_at, &b.session_id)));
        Ok(sessions)
    }

    /// A session that the server told of; one that was not known is from now on. `None`: it is in a language that
    /// nobody here knows.
    fn known(&self, row: &Map<String, Value>) -> Option<SessionInfo> {
        self.learn(row);
        let id = SessionId::from(row.get("sessionId").and_then(Value::as_str)?);
        let (session, new) = match lock(&self.live).entry(id) {
            Entry::Occupied(session) => (session.get().clone(), false),
            Entry::Vacant(place) => {
                let session = Arc::new(Session::found(row, self.stop.child_token())?);
                (place.insert(session).clone(), true)
            }
        };
        let info = session.info(row, session.has_network(self.era() == Era::E));
        if new {
            self.tell_state(&info.session_id, info.state, None);
        }
        Some(info)
    }

    fn learn(&self, row: &Map<String, Value>) {
        let before = self.era();
        lock(&self.dialect).learn(row);
        if self.era() != before {
            self.name_server();
        }
    }

    /// Creates a session. Where whoever wanted it is gone by then, it is closed again.
    pub async fn create(self: &Arc<Self>, params: CreateSession) -> Result<SessionInfo, Failure> {
        let request = self.creation(&params)?;
        let (sender, receiver) = oneshot::channel();
        let shared = self.clone();
        let make = async move {
            let made = shared.created(params, request).await;
            let made = made.map_err(|error| explain(error.into()));
            if let Err(Ok(unwanted)) = sender.send(made)
                && let Err(failure) = shared.close(&unwanted.session_id).await
            {
                tracing::warn!("session {} is left behind: {failure}", unwanted.session_id);
            }
        };
        let stop = self.stop.clone();
        self.tasks.spawn_on(async move { stop.run_until_cancelled(make).await }, &self.tokio);
        receiver.await.unwrap_or_else(|_| Err(self.left()))
    }

    async fn created(&self, params: CreateSession, request: Value) -> Result<SessionInfo, RemoteError> {
        let mut control = self.control().await?;
        let asked = Instant::now();
        let answer = control.ask("session.create", Some(request)).await?;
        let unread = |message: &str| RemoteError::Decode {
            method: "session.create".to_owned(),
            message: message.to_owned(),
        };
        let row = answer.as_object().ok_or_else(|| unread("it is no object"))?;
        self.learn(row);
        let startup_ms = asked.elapsed().as_secs_f64() * 1e3;
        let session = Session::new(row, params, startup_ms, self.stop.child_token())
            .ok_or_else(|| unread("sessionId is missing"))?;
        let info = session.info(row, session.has_network(self.era() == Era::E));
        lock(&self.live).insert(info.session_id.clone(), Arc::new(session));
        self.tell_state(&info.session_id, SessionState::Active, None);
        Ok(info)
    }

    /// What creates such a session here. Error: this server has none.
    fn creation(&self, params: &CreateSession) -> Result<Value, Failure> {
        let dialect = *lock(&self.dialect);
        let mut request = json!({
            "language": params.language.name(),
            // Activity does not keep a session from its idle end in some versions: its age alone ends it.
            "idleTimeoutMinutes": params.max_lifetime_minutes,
            "maxLifetimeMinutes": params.max_lifetime_minutes,
            "security": { "sandboxDisableNetwork": !params.network },
        });
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                request[name] = value;
            }
        };
        set("memoryLimitMB", params.memory_limit_mb.filter(|mb| *mb > 0).map(Value::from));
        set("cpuShares", params.cpu_shares.or(params.limits.cpu_shares).filter(|n| *n > 0).map(Value::from));
        set("runtimePreference", params.runtime_preference.map(preference));
        set("runtimeType", params.runtime_type.map(|runtime| number(runtime, params.language)));
        match &params.docker_image {
            Some(image) if dialect.era == Era::A => set("dockerImage", Some(json!(image))),
            Some(_) => {
                return Err(Failure::new(
                    ErrorKind::NotAvailable,
                    "this server can't take another image than its own",
                    "leave dockerImage out",
                ));
            }
            None => {}
        }
        Ok(dialect.params(request))
    }

    /// Closes a session, whatever runs in it.
    pub async fn close(&self, id: &SessionId) -> Result<(), Failure> {
        let mut control = self.control().await?;
        let params = lock(&self.dialect).params(json!({ "sessionId": id }));
        control.ask("session.close", Some(params)).await.map_err(|error| explain(error.into()))?;
        self.vanish(id, SessionState::Closed, "");
        Ok(())
    }

    async fn control(&self) -> Result<tokio::sync::MutexGuard<'_, Line>, RemoteError> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(RemoteError::Server(self.left())),
            control = self.control.lock() => Ok(control),
        }
    }

    fn left(&self) -> Failure {
        Failure::new(ErrorKind::Cancelled, format!("{} was left", self.wire.address.short()), "attach again")
    }
}

/// The number of a preference: servers of every era read numbers.
fn preference(preference: RuntimePreference) -> Value {
    json!(match preference {
        RuntimePreference::Speed => 0,
        RuntimePreference::Security => 1,
        RuntimePreference::Memory => 2,
        RuntimePreference::Balanced => 3,
    })
}
