//! What is counted, in the words of Prometheus.

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::protocol::{RuntimeInfo, SessionInfo};

/// A word that is one of few.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Word(pub &'static str);

impl EncodeLabelValue for Word {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        EncodeLabelValue::encode(&self.0, encoder)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SessionLabels {
    runtime: Word,
    state: Word,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MethodLabels {
    method: Word,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: Word,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: Word,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DirectionLabels {
    direction: Word,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RuntimeLabels {
    runtime: Word,
}

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    sessions: Family<SessionLabels, Gauge>,
    available: Family<RuntimeLabels, Gauge>,
    ready: Family<RuntimeLabels, Gauge>,
    connections: Gauge,
    running: Gauge,
    jobs: Gauge,
    executions: Family<OutcomeLabels, Counter>,
    execution_seconds: Histogram,
    request_seconds: Family<MethodLabels, Histogram, fn() -> Histogram>,
    bytes: Family<DirectionLabels, Counter>,
    refused: Family<ReasonLabels, Counter>,
    lagged: Counter,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// From a tenth of a millisecond to half a minute.
fn seconds() -> Histogram {
    Histogram::new([0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0])
}

impl Metrics {
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("codebeaker"),
            sessions: Family::default(),
            available: Family::default(),
            ready: Family::default(),
            connections: Gauge::default(),
            running: Gauge::default(),
            jobs: Gauge::default(),
            executions: Family::default(),
            execution_seconds: seconds(),
            request_seconds: Family::new_with_constructor(seconds as fn() -> Histogram),
            bytes: Family::default(),
            refused: Family::default(),
            lagged: Counter::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let r = &mut self.registry;
        r.register("sessions", "Sessions by runtime and state", self.sessions.clone());
        r.register("runtime_available", "1 where a session can be created", self.available.clone());
        r.register("pool_ready", "Environments that stand ready in the pool", self.ready.clone());
        r.register("connections", "WebSocket connections", self.connections.clone());
        r.register("executions_running", "Executions that wait or run", self.running.clone());
        r.register("jobs_waiting", "Jobs that wait for a worker", self.jobs.clone());
        r.register("executions", "Executions by how they ended", self.executions.clone());
        let unit = || Unit::Seconds;
        r.register_with_unit(
            "execution",
            "From the request to the result",
            unit(),
            self.execution_seconds.clone(),
        );
        r.register_with_unit("request", "From a request to its answer", unit(), self.request_seconds.clone());
        r.register_with_unit("websocket", "Bytes of messages", Unit::Bytes, self.bytes.clone());
        r.register("refused", "What was refused, by reason", self.refused.clone());
        r.register("lagged", "Notifications of output that was passed over", self.lagged.clone());
    }

    pub fn connected(&self, by: i64) {
        self.connections.inc_by(by);
    }

    pub fn connections(&self) -> i64 {
        self.connections.get()
    }

    pub fn received(&self, bytes: usize) {
        self.bytes.get_or_create(&DirectionLabels { direction: Word("in") }).inc_by(bytes as u64);
    }

    pub fn sent(&self, bytes: usize) {
        self.bytes.get_or_create(&DirectionLabels { direction: Word("out") }).inc_by(bytes as u64);
    }

    pub fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&ReasonLabels { reason: Word(reason) }).inc();
    }

    pub fn lagged(&self) {
        self.lagged.inc();
    }

    pub fn answered(&self, method: &'static str, seconds: f64) {
        self.request_seconds.get_or_create(&MethodLabels { method: Word(method) }).observe(seconds);
    }

    pub fn executed(&self, success: bool, seconds: f64) {
        let outcome = Word(if success { "success" } else { "failure" });
        self.executions.get_or_create(&OutcomeLabels { outcome }).inc();
        self.execution_seconds.observe(seconds);
    }

    /// Everything as text, with what is only known now.
    pub fn text(
        &self,
        sessions: &[SessionInfo],
        runtimes: &[RuntimeInfo],
        running: usize,
        jobs: usize,
    ) -> String {
        self.sessions.clear();
        for session in sessions {
            let labels =
                SessionLabels { runtime: Word(session.runtime_type.short()), state: Word(state(session)) };
            self.sessions.get_or_create(&labels).inc();
        }
        for info in runtimes {
            let labels = RuntimeLabels { runtime: Word(info.runtime.short()) };
            self.available.get_or_create(&labels).set(i64::from(info.available));
            if let Some(ready) = info.ready {
                self.ready.get_or_create(&labels).set(i64::from(ready));
            }
        }
        self.running.set(i64::try_from(running).unwrap_or(i64::MAX));
        self.jobs.set(i64::try_from(jobs).unwrap_or(i64::MAX));
        let mut text = String::new();
        // Writing to a string can't fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

fn state(session: &SessionInfo) -> &'static str {
    use crate::protocol::WireName as _;
    session.state.name()
}
