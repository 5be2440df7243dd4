//! An engine behind a server of this process, on a port of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use codebeaker::engine::{Engine, Token};
use codebeaker::remote::{self, Address};
use codebeaker::server::{Server, ServerSettings};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub struct Served {
    pub address: SocketAddr,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Served {
    pub async fn start(engine: Arc<dyn Engine>) -> Self {
        Self::with(engine, |_| {}).await
    }

    pub async fn with(engine: Arc<dyn Engine>, change: impl FnOnce(&mut ServerSettings)) -> Self {
        let mut settings = ServerSettings::new("127.0.0.1:0".parse().unwrap());
        change(&mut settings);
        let server = Server::bind(settings, engine).await.unwrap();
        let (address, stop) = (server.address(), CancellationToken::new());
        let running = tokio::spawn(server.run(stop.clone()));
        Self { address, stop, running }
    }

    /// Where its WebSocket is.
    pub fn url(&self) -> String {
        format!("ws://{}/ws/jsonrpc", self.address)
    }

    pub async fn attach(&self) -> Arc<dyn Engine> {
        self.attach_with(None).await
    }

    pub async fn attach_with(&self, token: Option<&str>) -> Arc<dyn Engine> {
        let address = Address::parse(&self.url()).unwrap();
        remote::attach(address, token.map(Token::new)).await.unwrap()
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap();
    }
}
