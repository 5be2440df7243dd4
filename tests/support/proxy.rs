//! A wire that breaks where a test says so: a TCP proxy between a client and a server.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// Bytes that are passed on at once, at most.
const CHUNK: usize = 16 << 10;

/// What becomes of bytes that go one way.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// They arrive.
    Pass,
    /// They don't, and nobody is told: they wait here, and what comes after them in the kernel.
    Stall,
    /// So many arrive; with the next the connection is cut.
    CutAfter(usize),
    /// The next that come arrive twice.
    Twice,
    /// So many at once, with a pause after each.
    Trickle(usize, Duration),
}

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// With a reset: what is on its way is lost.
    Reset,
    /// As if the other end had closed it.
    Close,
}

/// One direction of one connection.
#[derive(Debug)]
pub struct Way {
    rule: Mutex<Rule>,
    changed: Notify,
    passed: watch::Sender<u64>,
}

impl Way {
    fn new(rule: Rule) -> Self {
        Self { rule: Mutex::new(rule), changed: Notify::new(), passed: watch::Sender::new(0) }
    }

    pub fn set(&self, rule: Rule) {
        *self.rule.lock().unwrap() = rule;
        self.changed.notify_waiters();
        self.changed.notify_one();
    }

    /// Bytes that have arrived.
    pub fn passed(&self) -> u64 {
        *self.passed.borrow()
    }

    /// Waits until so many more than `before` have arrived.
    pub async fn passes(&self, before: u64, more: u64) {
        self.passed.subscribe().wait_for(|passed| *passed >= before + more).await.unwrap();
    }

    /// Whether the connection lives on.
    async fn forward(&self, mut chunk: &[u8], to: &mut OwnedWriteHalf) -> io::Result<bool> {
        while !chunk.is_empty() {
            let rule = *self.rule.lock().unwrap();
            let (now, lives) = match rule {
                Rule::Pass | Rule::Twice => (chunk.len(), true),
                Rule::Stall => {
                    self.changed.notified().await;
                    continue;
                }
                Rule::CutAfter(left) => (left.min(chunk.len()), left > chunk.len()),
                Rule::Trickle(bytes, pause) => {
                    tokio::time::sleep(pause).await;
                    (bytes.min(chunk.len()), true)
                }
            };
            to.write_all(&chunk[..now]).await?;
            if matches!(rule, Rule::Twice) {
                to.write_all(&chunk[..now]).await?;
                self.set(Rule::Pass);
            }
            if let Rule::CutAfter(left) = rule {
                *self.rule.lock().unwrap() = Rule::CutAfter(left - now);
            }
            self.passed.send_modify(|passed| *passed += now as u64);
            if !lives {
                return Ok(false);
            }
            chunk = &chunk[now..];
        }
        Ok(true)
    }
}

/// One connection.
#[derive(Debug)]
pub struct Wire {
    /// From the client to the server.
    pub up: Way,
    pub down: Way,
    how: Mutex<Cut>,
    end: CancellationToken,
    over: CancellationToken,
}

impl Wire {
    /// How it is cut by a rule.
    pub fn cut_by(&self, how: Cut) {
        *self.how.lock().unwrap() = how;
    }

    pub fn cut(&self, how: Cut) {
        self.cut_by(how);
        self.end.cancel();
    }

    /// Waits until it is no more, for whatever reason.
    pub async fn over(&self) {
        self.over.cancelled().await;
    }
}

type Setup = Box<dyn Fn(u64, &Wire) + Send + Sync>;

struct Inner {
    upstream: Mutex<SocketAddr>,
    setup: Mutex<Setup>,
    wires: watch::Sender<Vec<Arc<Wire>>>,
    /// Connections that were asked for.
    count: AtomicU64,
}

pub struct Proxy {
    pub address: SocketAddr,
    inner: Arc<Inner>,
    listening: Mutex<Option<AbortOnDropHandle<()>>>,
}

impl Proxy {
    pub async fn to(upstream: SocketAddr) -> Self {
        let inner = Arc::new(Inner {
            upstream: Mutex::new(upstream),
            setup: Mutex::new(Box::new(|_, _| {})),
            wires: watch::Sender::default(),
            count: AtomicU64::new(0),
        });
        let listener = bind("127.0.0.1:0".parse().unwrap()).await;
        let address = listener.local_addr().unwrap();
        let proxy = Self { address, inner, listening: Mutex::default() };
        proxy.listen(listener);
        proxy
    }

    fn listen(&self, listener: TcpListener) {
        let inner = self.inner.clone();
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(inner.clone().carry(client));
            }
        });
        *self.listening.lock().unwrap() = Some(AbortOnDropHandle::new(listening));
    }

    /// Where new connections go.
    pub fn lead_to(&self, upstream: SocketAddr) {
        *self.inner.upstream.lock().unwrap() = upstream;
    }

    /// What is done with each new connection; they are numbered from 1.
    pub fn each(&self, setup: impl Fn(u64, &Wire) + Send + Sync + 'static) {
        *self.inner.setup.lock().unwrap() = Box::new(setup);
    }

    /// Nobody listens here any more; connections that stand go on.
    pub async fn refuse(&self) {
        let listening = self.listening.lock().unwrap().take();
        if let Some(listening) = listening {
            listening.abort();
            let _ = listening.await;
        }
    }

    /// Somebody listens here again.
    pub async fn admit(&self) {
        let listener = bind(self.address).await;
        self.listen(listener);
    }

    /// How many connections were asked for so far.
    pub fn count(&self) -> u64 {
        self.inner.count.load(Ordering::SeqCst)
    }

    /// The newest connection.
    pub fn wire(&self) -> Arc<Wire> {
        self.inner.wires.borrow().last().unwrap().clone()
    }

    /// Waits for connection number `number`, of those that have reached the server.
    pub async fn nth(&self, number: usize) -> Arc<Wire> {
        let mut wires = self.inner.wires.subscribe();
        let wires = wires.wait_for(|wires| wires.len() >= number).await.unwrap();
        wires[number - 1].clone()
    }

    pub fn cut(&self, how: Cut) {
        self.inner.wires.borrow().iter().for_each(|wire| wire.cut(how));
    }
}

/// A wire holds little: what the kernel takes in here would hide that it is slow.
async fn bind(address: SocketAddr) -> TcpListener {
    let listener = TcpListener::bind(address).await.unwrap();
    rustix::net::sockopt::set_socket_recv_buffer_size(&listener, 128 << 10).unwrap();
    listener
}

impl Inner {
    async fn carry(self: Arc<Self>, client: TcpStream) {
        let number = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        let upstream = *self.upstream.lock().unwrap();
        let Ok(server) = TcpStream::connect(upstream).await else { return };
        client.set_nodelay(true).unwrap();
        server.set_nodelay(true).unwrap();
        let wire = Arc::new(Wire {
            up: Way::new(Rule::Pass),
            down: Way::new(Rule::Pass),
            how: Mutex::new(Cut::Reset),
            end: CancellationToken::new(),
            over: CancellationToken::new(),
        });
        let _over = wire.over.clone().drop_guard();
        self.setup.lock().unwrap()(number, &wire);
        self.wires.send_modify(|wires| wires.push(wire.clone()));
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let (mut up, mut down) = ((from_client, to_server), (from_server, to_client));
        tokio::select! {
            () = wire.end.cancelled() => {}
            ((), ()) = async {
                tokio::join!(pump(&wire, &wire.up, &mut up), pump(&wire, &wire.down, &mut down))
            } => {}
        }
        let ((from_client, to_server), (from_server, to_client)) = (up, down);
        let client = from_client.reunite(to_client).unwrap();
        let server = from_server.reunite(to_server).unwrap();
        if *wire.how.lock().unwrap() == Cut::Reset && wire.end.is_cancelled() {
            for stream in [&client, &server] {
                rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO)).unwrap();
            }
        }
    }
}

async fn pump(wire: &Wire, way: &Way, (from, to): &mut (OwnedReadHalf, OwnedWriteHalf)) {
    let mut chunk = vec![0; CHUNK];
    loop {
        match from.read(&mut chunk).await {
            Ok(n) if n > 0 => match way.forward(&chunk[..n], to).await {
                Ok(true) => {}
                Ok(false) => return wire.end.cancel(),
                Err(_) => return,
            },
            _ => {
                let _ = to.shutdown().await;
                return;
            }
        }
    }
}
