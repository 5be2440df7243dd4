//! A server as its clients meet it, over WebSockets that only send and read texts: JSON-RPC 2.0 to the letter, what it
//! tolerates, what goes on at once, who is let in, what is too much, and how it ends.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "jsonrpc/abuse.rs"]
mod abuse;
#[path = "jsonrpc/books.rs"]
mod books;
#[path = "jsonrpc/commands.rs"]
mod commands;
#[path = "jsonrpc/concurrency.rs"]
mod concurrency;
#[path = "jsonrpc/daemon.rs"]
mod daemon;
#[path = "jsonrpc/door.rs"]
mod door;
#[path = "jsonrpc/limits.rs"]
mod limits;
#[path = "jsonrpc/memory.rs"]
mod memory;
#[path = "jsonrpc/methods.rs"]
mod methods;
#[path = "jsonrpc/shutdown.rs"]
mod shutdown;
#[path = "jsonrpc/specification.rs"]
mod specification;
#[path = "jsonrpc/streams.rs"]
mod streams;
mod support;
#[path = "jsonrpc/tls.rs"]
mod tls;
#[path = "jsonrpc/tolerance.rs"]
mod tolerance;
#[path = "jsonrpc/volume.rs"]
mod volume;

use std::sync::{Arc, Mutex};

use codebeaker::engine::{Embedded, Engine, EngineSettings};
use codebeaker::server::ServerSettings;
use serde_json::{Value, json};
use support::native::{self, Kind, PATIENCE};
use support::raw::Raw;
use support::served::Served;
use tempfile::TempDir;

/// A server of this process over the native runtimes.
pub struct Bench {
    root: TempDir,
    engine: Arc<Embedded>,
    served: Served,
    /// The connections that were made, to be cut at the end.
    wires: Mutex<Vec<std::net::TcpStream>>,
}

impl Bench {
    /// `None`, with the reason printed: there is no Python here.
    pub async fn open() -> Option<Self> {
        Self::with(|_| {}, |_| {}).await
    }

    pub async fn with(
        server: impl FnOnce(&mut ServerSettings),
        engine: impl FnOnce(&mut EngineSettings),
    ) -> Option<Self> {
        let root = tempfile::tempdir().unwrap();
        let mut settings = EngineSettings::new(root.path().join("sessions"));
        engine(&mut settings);
        let engine = Arc::new(Embedded::new(settings, native::all()).unwrap());
        if !Kind::Python.is_here(&*engine).await {
            timely(engine.shutdown()).await;
            return None;
        }
        let served = Served::with(engine.clone(), server).await;
        Some(Self { root, engine, served, wires: Mutex::default() })
    }

    pub async fn raw(&self) -> Raw {
        let wire = std::net::TcpStream::connect(self.served.address).unwrap();
        self.wires.lock().unwrap().push(wire.try_clone().unwrap());
        Raw::over(wire).await
    }

    /// A connection and a session of Python's.
    pub async fn session(&self) -> (Raw, String) {
        let mut raw = self.raw().await;
        let session = create(&mut raw, Kind::Python).await;
        (raw, session)
    }

    /// Ends server and engine; nothing may be left.
    pub async fn end(self) {
        // Nobody is waited for who would say goodbye.
        for wire in self.wires.lock().unwrap().drain(..) {
            let _ = wire.shutdown(std::net::Shutdown::Both);
        }
        timely(self.served.stop()).await;
        timely(self.engine.shutdown()).await;
        let left: Vec<_> = std::fs::read_dir(self.root.path().join("sessions")).unwrap().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(native::processes(self.root.path()), []);
    }
}

/// Makes a session of this kind.
pub async fn create(raw: &mut Raw, kind: Kind) -> String {
    let params = json!({ "language": kind.language(), "runtimeType": kind.runtime() });
    text(&raw.result("session.create", params).await["sessionId"])
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no string")).to_owned()
}

/// Nothing takes as long as this.
pub async fn timely<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

/// A `write_file` command.
pub fn write(path: &str, content: &str) -> Value {
    json!({ "type": "write_file", "path": path, "content": content })
}

/// A `read_file` command.
pub fn read(path: &str) -> Value {
    json!({ "type": "read_file", "path": path })
}
