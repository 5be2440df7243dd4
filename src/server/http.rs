//! What is asked over HTTP: the upgrade to a WebSocket, health, metrics. Everything passes the door first.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::connection::Connection;
use super::door::Refusal;
use super::shared::Shared;
use crate::protocol::RuntimeInfo;

/// What each connection reads ahead, in bytes: a thousand idle ones are not to take a hundred megabytes.
const READ: usize = 16 << 10;
/// How long a runtime may take to say whether it is there.
const PROBE: Duration = Duration::from_secs(5);

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// All that can be asked.
pub fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/ws/jsonrpc", get(upgrade))
        .route("/health", get(health))
        .route("/health/ready", get(health))
        .route("/health/live", get(live))
        .route("/metrics", get(metrics))
        .fallback(unknown)
        .layer(middleware::from_fn_with_state(shared.clone(), door))
        .with_state(shared)
}

/// Whatever is asked: by which name, and by which page.
async fn door(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let (headers, uri) = (request.headers(), request.uri());
    match shared.door.called(headers, uri).and_then(|()| shared.door.page(headers)) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refuse(&shared, peer, refusal),
    }
}

fn refuse(shared: &Shared, Peer(peer): Peer, refusal: Refusal) -> Response {
    shared.metrics.refused(refusal.reason);
    if let Some(audit) = &shared.audit {
        audit.refused(&peer.to_string(), refusal.reason);
    }
    let mut response = (refusal.status, format!("{}\n", refusal.message)).into_response();
    if refusal.status == StatusCode::UNAUTHORIZED {
        let bearer = header::HeaderValue::from_static("Bearer");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
    }
    response
}

async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let who = match shared.door.bearer(&headers) {
        Ok(who) => who,
        Err(refusal) => return refuse(&shared, peer, refusal),
    };
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(_) => {
            let message = "this is a WebSocket: connect by ws:// and speak JSON-RPC 2.0 in text messages\n";
            return (StatusCode::UPGRADE_REQUIRED, [(header::UPGRADE, "websocket")], message).into_response();
        }
    };
    if let Err(failure) = shared.takes_work() {
        let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "shutdown", failure.message);
        return refuse(&shared, peer, refusal);
    }
    let Some(place) = Place::take(&shared) else {
        let most = shared.settings.bounds.connections;
        let message = format!("{most} connections are open, which is the limit: close one, or try again");
        return refuse(&shared, peer, Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "connections", message));
    };
    let most = shared.settings.bounds.message_bytes;
    let connection = Connection::new(shared.clone(), shared.number(), peer.0, who);
    let upgrade = upgrade.read_buffer_size(READ).max_message_size(most).max_frame_size(most);
    upgrade.on_upgrade(move |socket| {
        shared.tasks.track_future(async move {
            connection.serve(socket).await;
            drop(place);
        })
    })
}

/// A place among the connections.
struct Place(Arc<Shared>);

impl Place {
    fn take(shared: &Arc<Shared>) -> Option<Self> {
        shared.metrics.connected(1);
        let place = Self(shared.clone());
        let most = i64::try_from(shared.settings.bounds.connections).unwrap_or(i64::MAX);
        (shared.metrics.connections() <= most && !shared.stop.is_cancelled()).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.metrics.connected(-1);
    }
}

fn now() -> String {
    format!("{:.6}", jiff::Timestamp::now())
}

fn body(status: StatusCode, value: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], format!("{value}\n")).into_response()
}

async fn live() -> Response {
    body(StatusCode::OK, &json!({ "status": "healthy", "timestamp": now() }))
}

/// What each runtime says; one that takes too long counts as not there.
async fn runtimes(shared: &Shared) -> Vec<RuntimeInfo> {
    let all = shared.engine.runtime_types().into_iter().map(|runtime| async move {
        tokio::time::timeout(PROBE, shared.engine.runtime(runtime, false)).await.ok()?.ok()
    });
    join_all(all).await.into_iter().flatten().collect()
}

/// Whether code can be run here.
async fn health(State(shared): State<Arc<Shared>>) -> Response {
    let began = Instant::now();
    let runtimes = runtimes(&shared).await;
    let usable = runtimes.iter().any(|info| info.available);
    let sessions = shared.engine.sessions().await;
    let well = usable && sessions.is_ok() && !shared.stop.is_cancelled();
    let status = if well { "healthy" } else { "unhealthy" };
    let each: Vec<Value> = runtimes
        .iter()
        .map(|info| json!({ "type": info.runtime, "available": info.available, "reason": info.reason }))
        .collect();
    let description = match (usable, shared.stop.is_cancelled()) {
        (_, true) => "the server is shutting down",
        (true, false) => "sessions can be created",
        (false, false) => "no runtime is usable: codebeaker doctor tells why",
    };
    let checks = json!([
        { "name": "runtime", "status": status, "description": description, "data": each },
        { "name": "session_manager", "status": if sessions.is_ok() { "healthy" } else { "unhealthy" },
          "data": { "sessions": sessions.map(|all| all.len()).ok() } },
        { "name": "queue", "status": "healthy", "data": { "waiting": shared.jobs.waiting() } },
    ]);
    let duration = began.elapsed().as_secs_f64() * 1000.0;
    let report = json!({
        "status": status, "timestamp": now(), "duration": duration, "version": env!("CARGO_PKG_VERSION"),
        "checks": checks,
    });
    body(if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &report)
}

/// The books. They tell how much a server is used, so whoever reads them bears the token.
async fn metrics(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    if let Err(refusal) = shared.door.bearer(&headers) {
        return refuse(&shared, peer, refusal);
    }
    let sessions = shared.engine.sessions().await.unwrap_or_default();
    let runtimes = runtimes(&shared).await;
    let running = shared.executions.running();
    let text = shared.metrics.text(&sessions, &runtimes, running, shared.jobs.waiting());
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

async fn unknown() -> Response {
    let known = "there are /ws/jsonrpc, /health, /health/live, /health/ready and /metrics\n";
    (StatusCode::NOT_FOUND, known).into_response()
}
