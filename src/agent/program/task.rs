//! One thing the agent is doing for the host: a program, a file command in a process of its own, a file being
//! written or read.

use std::fs::File;
use std::io::{ErrorKind, Read, Result, Write};
use std::time::{Duration, Instant};

use super::super::sys;
use super::super::wire::{CHUNK, Exit, OUTPUT_WINDOW, Reply, cost};
use super::channel::Channel;
use super::spawn::Running;
use super::supervise::{RECORD, Report};

/// How long output is still awaited when everything that could write it has ended: a descriptor may have been handed
/// to somebody else.
const LINGER: Duration = Duration::from_millis(300);

/// A task.
pub enum Task {
    /// A program, or a worker.
    Process(Box<Process>),
    /// A file being written, and how many bytes it got.
    Write(File, u64),
    /// A file being read.
    Read(Reading),
}

/// A file being read.
pub struct Reading {
    pub file: File,
    pub size: u64,
    pub left: u64,
    pub window: i64,
}

impl Reading {
    /// Sends the next piece. True: that was the end.
    pub fn advance(&mut self, id: u32, channel: &mut Channel) -> Result<bool> {
        let mut piece = vec![0; CHUNK.min(usize::try_from(self.left).unwrap_or(CHUNK))];
        let n = if piece.is_empty() { 0 } else { self.file.read(&mut piece)? };
        if n == 0 {
            channel.send(id, &Reply::Done(self.size, 0));
            return Ok(true);
        }
        piece.truncate(n);
        self.left -= n as u64;
        self.window -= i64::from(cost(n));
        channel.send(id, &Reply::Data(piece));
        Ok(false)
    }
}

/// A program or a worker.
pub struct Process {
    pub supervisor: i32,
    pub control: Option<File>,
    pub reports: Option<File>,
    pub outputs: [Option<File>; 2],
    pub stdin: Option<File>,
    pub stdin_queue: Vec<u8>,
    pub stdin_eof: bool,
    pub window: i64,
    /// A worker's output is a listing's data, and its end a file command's.
    pub worker: bool,
    terminal: bool,
    ended: Option<(Exit, Instant)>,
    refused: Option<i32>,
}

impl Process {
    /// Takes over what was started.
    pub fn new(running: Running, worker: bool) -> Self {
        let Running { supervisor, control, reports, outputs, stdin, terminal } = running;
        Self {
            supervisor,
            control: Some(control),
            reports: Some(File::from(reports)),
            outputs: outputs.map(|fd| fd.map(File::from)),
            stdin: stdin.map(File::from),
            stdin_queue: Vec::new(),
            stdin_eof: false,
            window: OUTPUT_WINDOW.into(),
            worker,
            terminal,
            ended: None,
            refused: None,
        }
    }

    /// Sends a signal; a worker knows only one.
    pub fn signal(&mut self, number: i32) {
        if self.worker {
            sys::send_signal(self.supervisor, sys::SIGKILL);
        } else if let (Some(control), Ok(number)) = (&mut self.control, u8::try_from(number)) {
            let _ = control.write_all(&[number]);
        }
    }

    /// Reads what the supervisor reports.
    pub fn take_reports(&mut self, id: u32, channel: &mut Channel) {
        let Some(reports) = &mut self.reports else { return };
        let mut record = [0; RECORD];
        loop {
            match reports.read(&mut record) {
                Ok(RECORD) => match Report::decode(&record) {
                    Some(Report::Started(pid)) => channel.send(id, &Reply::Started { pid: pid as u32 }),
                    Some(Report::Refused(errno)) => self.refused = Some(errno),
                    Some(Report::Ended(exit)) => self.ended = Some((exit, Instant::now())),
                    None => {}
                },
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                _ => break,
            }
        }
        self.reports = None;
        if self.ended.is_none() {
            // The supervisor was killed: by the code, where nothing protects it. What it watched is killed by the
            // agent, to whom it comes.
            let exit = Exit { signal: sys::SIGKILL, ..Exit::default() };
            self.ended = Some((exit, Instant::now()));
        }
    }

    /// Reads one piece of an output.
    pub fn take_output(&mut self, index: usize, id: u32, channel: &mut Channel, buffer: &mut [u8]) {
        let Some(output) = &mut self.outputs[index] else { return };
        match output.read(buffer) {
            Ok(n) if n > 0 => {
                self.window -= i64::from(cost(n));
                let data = buffer[..n].to_vec();
                let reply = match (self.worker, index) {
                    (true, _) => Reply::Data(data),
                    (false, 0) => Reply::Stdout(data),
                    (false, _) => Reply::Stderr(data),
                };
                channel.send(id, &reply);
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            // The end; of a terminal whose last writer has gone it is an error, EIO.
            _ => self.outputs[index] = None,
        }
    }

    /// Writes queued standard input.
    pub fn feed(&mut self, id: u32, channel: &mut Channel) {
        let Some(stdin) = &mut self.stdin else { return };
        while !self.stdin_queue.is_empty() {
            match stdin.write(&self.stdin_queue) {
                Ok(n) if n > 0 => {
                    self.stdin_queue.drain(..n);
                    channel.send(id, &Reply::StdinCredit(n as u32));
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                _ => return self.close_stdin(id, channel),
            }
        }
        if self.stdin_eof {
            if self.terminal {
                // Ctrl-D: a terminal has no other end.
                let _ = stdin.write(&[4]);
                self.stdin_eof = false;
            } else {
                self.stdin = None;
            }
        }
    }

    /// The program reads no more: tells the host, and forgets what is queued.
    pub fn close_stdin(&mut self, id: u32, channel: &mut Channel) {
        self.stdin = None;
        self.stdin_queue = Vec::new();
        channel.send(id, &Reply::StdinClosed);
    }

    /// How it ended, once it has.
    pub fn exit(&self) -> Option<Exit> {
        self.ended.map(|(exit, _)| exit)
    }

    /// Only its last output is missing.
    pub fn lingers(&self) -> bool {
        self.ended.is_some()
    }

    /// Says how it ended, if it has, and its output is all sent. True: it is over.
    pub fn finish(&mut self, id: u32, channel: &mut Channel) -> bool {
        let Some((exit, at)) = self.ended else { return false };
        let waiting = self.outputs.iter().any(Option::is_some);
        if waiting && (self.window <= 0 || at.elapsed() < LINGER) {
            return false;
        }
        let reply = match (self.refused, self.worker) {
            (Some(errno), _) => failure(errno),
            (None, false) => Reply::Exited(exit),
            (None, true) if exit.signal != 0 => Reply::Failed { errno: 0, message: "cancelled".into() },
            (None, true) if exit.code != 0 => failure(exit.code),
            (None, true) => Reply::Done(exit.wall_us, exit.cpu_us),
        };
        channel.send(id, &reply);
        true
    }
}

/// The reply for an error of the system.
pub fn failure(errno: i32) -> Reply {
    let text = std::io::Error::from_raw_os_error(errno).to_string();
    let message = text.split(" (os error").next().unwrap_or(&text).to_owned();
    Reply::Failed { errno, message }
}

/// The reply for an error of a file command.
pub fn failure_of(error: &std::io::Error) -> Reply {
    failure(error.raw_os_error().unwrap_or(sys::EIO))
}
