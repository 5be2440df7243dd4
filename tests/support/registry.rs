//! A registry on 127.0.0.1 with every fault on order: HTTP/1.1, one request a connection, answers by path.

use std::collections::{HashMap, VecDeque};
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use sha2::{Digest as _, Sha512};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// One answer.
#[derive(Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub ending: Ending,
}

/// How an answer's body is sent.
#[derive(Clone)]
pub enum Ending {
    Whole,
    /// So many bytes, then the connection is closed.
    Truncated(usize),
    /// So many bytes, then the rest when the gate is opened.
    Held(usize, Gate),
    /// The body again and again, without a length, until the other side has had enough.
    Endless,
}

impl Reply {
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, headers: Vec::new(), body: body.into(), ending: Ending::Whole }
    }

    pub fn status(status: u16) -> Self {
        Self { status, ..Self::ok("fault on order") }
    }

    pub fn redirect(to: &str) -> Self {
        Self { status: 302, headers: vec![("location".into(), to.into())], ..Self::ok("") }
    }

    pub fn ending(self, ending: Ending) -> Self {
        Self { ending, ..self }
    }
}

/// Closed until it is opened.
#[derive(Clone)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    pub fn closed() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    pub fn open(&self) {
        self.0.send_replace(true);
    }

    async fn opened(&self) {
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// The target of the request line: a path, or a whole address where this was asked as a proxy.
    pub target: String,
    /// By name in lower case.
    pub headers: HashMap<String, String>,
}

#[derive(Default)]
struct State {
    replies: HashMap<String, VecDeque<Reply>>,
    requests: Vec<Request>,
}

/// The server. It ends when this is dropped.
pub struct Registry {
    pub port: u16,
    state: Arc<Mutex<State>>,
    server: JoinHandle<()>,
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Registry {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let state = Arc::clone(&shared);
                // who hangs up early has had what it wanted
                tokio::spawn(async move { serve(stream, &state).await.ok() });
            }
        });
        Self { port, state, server }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// The answers to a path: one each, the last for ever.
    pub fn reply(&self, path: &str, replies: impl IntoIterator<Item = Reply>) {
        self.state.lock().unwrap().replies.insert(path.to_owned(), replies.into_iter().collect());
    }

    /// Publishes a package whose only and latest version has this archive.
    pub fn publish(&self, package: &str, version: &str, archive: &[u8]) {
        self.describe(package, &[(version, Some(&integrity(archive)))]);
        self.reply(&tarball_path(package, version), [Reply::ok(archive)]);
    }

    /// Describes a package; the first version is the latest.
    pub fn describe(&self, package: &str, versions: &[(&str, Option<&str>)]) {
        self.reply(&description_path(package), [Reply::ok(description(package, versions))]);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }

    pub fn count(&self, path: &str) -> usize {
        self.requests().iter().filter(|request| request.target == path).count()
    }
}

async fn serve(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap().to_owned();
    let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let path = match target.strip_prefix("http://") {
        Some(rest) => &rest[rest.find('/').unwrap()..],
        None => &target,
    };
    let reply = {
        let mut state = state.lock().unwrap();
        state.requests.push(Request { target: target.clone(), headers });
        match state.replies.get_mut(path) {
            Some(replies) if replies.len() > 1 => replies.pop_front().unwrap(),
            Some(replies) => replies[0].clone(),
            None => Reply::status(404),
        }
    };
    send(&mut stream, reply).await?;
    stream.shutdown().await
}

async fn send(stream: &mut TcpStream, reply: Reply) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {} Fake\r\nconnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    if !matches!(reply.ending, Ending::Endless) {
        head += &format!("content-length: {}\r\n", reply.body.len());
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await?;
    match reply.ending {
        Ending::Whole => stream.write_all(&reply.body).await,
        Ending::Truncated(length) => stream.write_all(&reply.body[..length]).await,
        Ending::Held(length, gate) => {
            stream.write_all(&reply.body[..length]).await?;
            stream.flush().await?;
            gate.opened().await;
            stream.write_all(&reply.body[length..]).await
        }
        Ending::Endless => loop {
            stream.write_all(&reply.body).await?;
        },
    }
}

pub fn description_path(package: &str) -> String {
    format!("/{}", package.replace('/', "%2f"))
}

pub fn tarball_path(package: &str, version: &str) -> String {
    format!("/{package}/-/{}-{version}.tgz", package.split('/').next_back().unwrap())
}

/// A package's description with relative archive addresses.
pub fn description(package: &str, versions: &[(&str, Option<&str>)]) -> String {
    let described = versions.iter().map(|(version, integrity)| {
        let mut dist =
            serde_json::json!({ "tarball": tarball_path(package, version), "shasum": "0".repeat(40) });
        if let Some(integrity) = integrity {
            dist["integrity"] = (*integrity).into();
        }
        ((*version).to_owned(), serde_json::json!({ "name": package, "version": version, "dist": dist }))
    });
    let described: serde_json::Map<_, _> = described.collect();
    let tags = serde_json::json!({ "latest": versions[0].0 });
    serde_json::json!({ "name": package, "dist-tags": tags, "versions": described }).to_string()
}

pub fn integrity(bytes: &[u8]) -> String {
    format!("sha512-{}", base64::engine::general_purpose::STANDARD.encode(Sha512::digest(bytes)))
}

/// What an archive holds.
pub enum Entry<'a> {
    File(&'a str, &'a [u8]),
    Symlink(&'a str, &'a str),
    HardLink(&'a str, &'a str),
}

/// A package's archive. Names are written as they are, hostile ones too.
pub fn tarball(entries: &[Entry<'_>]) -> Vec<u8> {
    let packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(packed);
    for entry in entries {
        let (kind, name, link, body): (_, _, _, &[u8]) = match entry {
            Entry::File(name, body) => (tar::EntryType::Regular, name, "", body),
            Entry::Symlink(name, to) => (tar::EntryType::Symlink, name, *to, b""),
            Entry::HardLink(name, to) => (tar::EntryType::Link, name, *to, b""),
        };
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(body.len() as u64);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        archive.append(&header, body).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

/// A release's archive.
pub fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, body) in entries {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(body).unwrap();
    }
    archive.finish().unwrap().into_inner()
}
