//! The agent's end of the byte stream: whole requests in, replies out, neither ever waiting.

use std::fs::File;
use std::io::{ErrorKind, Read, Result, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::rc::Rc;

use super::super::frame::Decoder;
use super::super::wire::{Reply, Request};

/// While so much waits to be written, no program's output is read.
const FULL: usize = 1 << 20;

/// The byte stream to the host: one descriptor for both directions, or two.
pub struct Channel {
    input: Rc<File>,
    output: Rc<File>,
    decoder: Decoder,
    out: Vec<u8>,
    written: usize,
    buffer: Vec<u8>,
}

impl Channel {
    /// A channel over non-blocking descriptors: what the host says comes from `input`, replies go there too, unless they
    /// have an `output` of their own.
    pub fn new(input: OwnedFd, output: Option<OwnedFd>) -> Self {
        let input = Rc::new(File::from(input));
        Self {
            output: output.map_or_else(|| input.clone(), |output| Rc::new(File::from(output))),
            input,
            decoder: Decoder::default(),
            out: Vec::new(),
            written: 0,
            buffer: vec![0; 64 << 10],
        }
    }

    /// What to poll for requests.
    pub fn input(&self) -> RawFd {
        self.input.as_raw_fd()
    }

    /// What to poll for room for replies.
    pub fn output(&self) -> RawFd {
        self.output.as_raw_fd()
    }

    /// Something waits to be written.
    pub fn has_output(&self) -> bool {
        self.written < self.out.len()
    }

    /// Too much waits to be written.
    pub fn is_full(&self) -> bool {
        self.out.len() - self.written >= FULL
    }

    /// Queues a reply.
    pub fn send(&mut self, id: u32, reply: &Reply) {
        reply.encode(id, &mut self.out);
    }

    /// Writes as much as the stream takes now.
    pub fn flush(&mut self) -> Result<()> {
        while self.has_output() {
            match (&*self.output).write(&self.out[self.written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => self.written += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        if !self.has_output() {
            self.out.clear();
            self.written = 0;
        } else if self.written >= FULL {
            self.out.drain(..self.written);
            self.written = 0;
        }
        Ok(())
    }

    /// Reads what is there. False: the stream has ended.
    pub fn fill(&mut self) -> Result<bool> {
        match (&*self.input).read(&mut self.buffer) {
            Ok(0) => Ok(false),
            Ok(n) => {
                self.decoder.push(&self.buffer[..n]);
                Ok(true)
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(true),
            Err(e) => Err(e),
        }
    }

    /// The next whole request. An error is final: the host speaks another language.
    pub fn next_request(&mut self) -> Result<Option<(u32, Request)>> {
        let invalid = |e: &dyn std::fmt::Display| std::io::Error::new(ErrorKind::InvalidData, e.to_string());
        let Some(frame) = self.decoder.next_frame().map_err(|e| invalid(&e))? else { return Ok(None) };
        let request = Request::decode(&frame).map_err(|e| invalid(&e))?;
        Ok(Some((frame.id, request)))
    }
}
