//! Signs of life below the messages: a long one, on a slow line, is on its way for longer than silence may last.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// So many bytes are more than a heartbeat: something is on its way.
const SOME: u64 = 1024;

/// What passes over one connection.
#[derive(Debug)]
pub struct Pulse(Mutex<Passed>);

#[derive(Debug)]
struct Passed {
    bytes: u64,
    at: Instant,
}

impl Pulse {
    fn new() -> Self {
        Self(Mutex::new(Passed { bytes: 0, at: Instant::now() }))
    }

    fn beat(&self, bytes: usize) {
        let mut passed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        passed.bytes += bytes as u64;
        passed.at = Instant::now();
    }

    /// When the last of it passed, if it was more since the last look than a dead wire would show.
    pub fn since_last_look(&self) -> Option<Instant> {
        let mut passed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut passed.bytes) >= SOME).then_some(passed.at)
    }
}

/// A TCP connection with a pulse.
pub struct Pulsed {
    tcp: TcpStream,
    pulse: Arc<Pulse>,
    /// There was no room for what was to be written. Once there is, the other end has taken something.
    is_full: bool,
}

impl Pulsed {
    pub fn new(tcp: TcpStream) -> Self {
        Self { tcp, pulse: Arc::new(Pulse::new()), is_full: false }
    }

    pub fn pulse(&self) -> Arc<Pulse> {
        self.pulse.clone()
    }

    /// That bytes can be written tells nothing of the other end as long as there is room for them on this one.
    fn wrote(&mut self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let Poll::Ready(done) = result else {
            self.is_full = true;
            return Poll::Pending;
        };
        if let (true, Ok(bytes)) = (std::mem::take(&mut self.is_full), &done) {
            self.pulse.beat(*bytes);
        }
        Poll::Ready(done)
    }
}

impl AsyncRead for Pulsed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.tcp).poll_read(cx, buf))?;
        self.pulse.beat(buf.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pulsed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.tcp).poll_write(cx, data);
        self.wrote(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.tcp).poll_write_vectored(cx, data);
        self.wrote(result)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
