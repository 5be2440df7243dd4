//! One thing the agent is doing for the host: a program, a file command in a process of its own, a file being
//! written or read.

use std::fs::File;
use std::io::{ErrorKind, Read, Result, Write};
use std::time::{Duration, Instant};

use super::super::sys;
use super::super::wire::{CHUNK, Exit, Limit, OUTPUT_WINDOW, Reply, cost};
use super::channel::Channel;
use super::spawn::Running;
use super::supervise::{RECORD, Report};

/// How long the last words of a terminal are awaited when everything that could write them has ended.
const LINGER: Duration = Duration::from_millis(300);
/// What a terminal can still hold then, and more.
const TERMINAL_HOLDS: u64 = 256 << 10;
/// How long a supervisor may take to end its program; one that was stopped or is stuck is killed then.
const SUPERVISOR_TIME: Duration = Duration::from_secs(3);
/// How long the end of a program whose supervisor was killed is held back until all it started is gone.
const BEREFT_TIME: Duration = Duration::from_secs(5);

const CTRL_D: u8 = 4;

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
    /// The process id of its supervisor; none once that is reaped and the number free.
    pub supervisor: Option<i32>,
    pub reports: Option<File>,
    pub outputs: [Option<File>; 2],
    pub stdin: Option<File>,
    pub stdin_queue: Vec<u8>,
    pub stdin_eof: bool,
    pub window: i64,
    /// A worker's output is a listing's data, and its end a file command's.
    pub worker: bool,
    control: File,
    terminal: bool,
    /// The last line of its input has not ended.
    line_open: bool,
    /// Its start is told: what it writes comes after.
    started: bool,
    /// Nobody wants to hear of it.
    cancelled: bool,
    /// The limit it was killed for.
    limit: Option<Limit>,
    /// There was no room in the workspace when it began.
    pub found_full: bool,
    /// How often memory and processes had been held before it began, where that is for the agent to know.
    pub held_before: Option<(u64, u64)>,
    deadline: Option<Instant>,
    /// When its supervisor counts as stuck.
    kill_at: Option<Instant>,
    ended: Option<Exit>,
    refused: Option<i32>,
    /// Since when its supervisor is gone without having told an end.
    bereft: Option<Instant>,
    /// What may still be read of each output after its end.
    left: [u64; 2],
    /// Since when there was room for its last output, and none came.
    quiet: Option<Instant>,
}

impl Process {
    /// Takes over a program that was started.
    pub fn program(running: Running, timeout: Option<Duration>) -> Self {
        let deadline = timeout.and_then(|t| Instant::now().checked_add(t));
        let kill_at = deadline.and_then(|at| at.checked_add(SUPERVISOR_TIME));
        Self { deadline, kill_at, worker: false, started: false, ..Self::worker(running) }
    }

    /// Takes over a worker that was started.
    pub fn worker(running: Running) -> Self {
        let Running { supervisor, control, reports, outputs, stdin, terminal } = running;
        Self {
            supervisor: Some(supervisor),
            reports: Some(File::from(reports)),
            outputs: outputs.map(|fd| fd.map(File::from)),
            stdin: stdin.map(File::from),
            stdin_queue: Vec::new(),
            stdin_eof: false,
            window: OUTPUT_WINDOW.into(),
            worker: true,
            control,
            terminal,
            line_open: false,
            started: true,
            cancelled: false,
            limit: None,
            found_full: false,
            held_before: None,
            deadline: None,
            kill_at: None,
            ended: None,
            refused: None,
            bereft: None,
            left: [u64::MAX; 2],
            quiet: None,
        }
    }

    /// Its output may be read.
    pub fn may_speak(&self) -> bool {
        self.started && self.window > 0
    }

    /// Something waits to be written to it.
    pub fn has_input(&self) -> bool {
        !self.stdin_queue.is_empty() || self.stdin_eof
    }

    /// Milliseconds after which it wants to be looked at though nothing happened.
    pub fn patience(&self, now: Instant) -> i32 {
        match self.kill_at {
            _ if self.quiet.is_some() || self.bereft.is_some() => 50,
            Some(at) if self.ended.is_none() => {
                at.saturating_duration_since(now).as_millis().min(60_000) as i32 + 1
            }
            _ => i32::MAX,
        }
    }

    /// Sends a signal; a worker knows only one.
    pub fn signal(&mut self, number: i32) {
        let Some(supervisor) = self.supervisor else { return };
        if self.worker {
            return sys::send_signal(supervisor, sys::SIGKILL);
        }
        let Ok(byte) = u8::try_from(number) else { return };
        // A supervisor so far behind is stopped, or killed soon.
        let _ = self.control.write(&[byte]);
        sys::send_signal(supervisor, sys::SIGCONT);
        if number == sys::SIGKILL {
            let at = Instant::now() + SUPERVISOR_TIME;
            self.kill_at = Some(self.kill_at.map_or(at, |earlier| earlier.min(at)));
        }
    }

    /// Ends it because it has reached a limit.
    pub fn end_for(&mut self, limit: Limit) {
        if self.limit.is_none() && self.ended.is_none() {
            self.limit = Some(limit);
            self.signal(sys::SIGKILL);
        }
    }

    /// Ends it, and forgets all that nobody wants to have any more.
    pub fn cancel(&mut self) {
        self.cancelled = true;
        self.outputs = [None, None];
        self.stdin = None;
        self.stdin_queue = Vec::new();
        self.signal(sys::SIGKILL);
    }

    /// Kills a supervisor that is stuck. What it watched over comes to the agent, who kills it.
    fn check_supervisor(&mut self) {
        if self.ended.is_none()
            && let (Some(supervisor), Some(at)) = (self.supervisor, self.kill_at)
            && Instant::now() >= at
        {
            sys::send_signal(supervisor, sys::SIGKILL);
            self.kill_at = None;
        }
    }

    /// Reads what the supervisor reports; gives the program's process id when it is told.
    pub fn take_reports(&mut self) -> Option<i32> {
        let mut reports = self.reports.take()?;
        let mut started_now = None;
        let mut record = [0; RECORD];
        loop {
            match reports.read(&mut record) {
                Ok(RECORD) => match Report::decode(&record) {
                    Some(Report::Started(pid)) => {
                        self.started = true;
                        started_now = (!self.cancelled).then_some(pid);
                    }
                    Some(Report::Refused(errno)) => self.refused = Some(errno),
                    Some(Report::Ended(exit)) => self.end_with(exit),
                    None => {}
                },
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    self.reports = Some(reports);
                    return started_now;
                }
                _ => break,
            }
        }
        if self.ended.is_none() {
            // The supervisor was killed: by the code, where nothing protects it. What it watched is killed by the
            // agent, to whom it comes.
            let now = Instant::now();
            let timed_out = self.deadline.is_some_and(|at| now >= at);
            self.bereft = self.refused.is_none().then_some(now);
            self.end_with(Exit { signal: sys::SIGKILL, timed_out, ..Exit::default() });
        }
        started_now
    }

    /// All that could write has ended, so what it wrote is there: more than that is somebody else's, to whom it has
    /// handed a descriptor.
    fn end_with(&mut self, exit: Exit) {
        self.ended = Some(exit);
        self.started = true;
        for (output, left) in self.outputs.iter_mut().zip(&mut self.left) {
            *left = match output {
                Some(_) if self.terminal => TERMINAL_HOLDS,
                Some(pipe) => sys::readable_bytes(pipe),
                None => 0,
            };
            if *left == 0 {
                *output = None;
            }
        }
    }

    /// Reads one piece of an output.
    pub fn take_output(&mut self, index: usize, id: u32, channel: &mut Channel, buffer: &mut [u8]) {
        // Its other output may just have used up what was granted: both were found readable at once.
        if !self.may_speak() {
            return;
        }
        let Some(output) = &mut self.outputs[index] else { return };
        let most = usize::try_from(self.left[index]).unwrap_or(buffer.len()).min(buffer.len());
        match output.read(&mut buffer[..most]) {
            Ok(n) if n > 0 => {
                self.quiet = None;
                self.window -= i64::from(cost(n));
                if self.ended.is_some() {
                    self.left[index] -= n as u64;
                    if self.left[index] == 0 {
                        self.outputs[index] = None;
                    }
                }
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
                    self.line_open = !matches!(self.stdin_queue[n - 1], b'\n' | b'\r' | CTRL_D);
                    self.stdin_queue.drain(..n);
                    channel.send(id, &Reply::StdinCredit(n as u32));
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                _ => return self.close_stdin(id, channel),
            }
        }
        if !self.stdin_eof {
            return;
        }
        if !self.terminal {
            self.stdin = None;
            return;
        }
        // A terminal has no other end than Ctrl-D, and in the middle of a line the first one only hands over the line.
        while self.stdin_eof {
            match stdin.write(&[CTRL_D]) {
                Ok(n) if n > 0 => self.stdin_eof = std::mem::take(&mut self.line_open),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                _ => return self.close_stdin(id, channel),
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
        self.ended
    }

    /// Its supervisor was killed: what it started may still be there.
    pub fn is_bereft(&self) -> bool {
        self.bereft.is_some()
    }

    /// The limit of the agent's own control group that it reached, as far as that can be told from others' doing.
    fn held(&self, exit: &Exit, now: &Now) -> Option<Limit> {
        let ((kills, refusals), (kills_now, refusals_now)) = self.held_before.zip(now.held)?;
        if kills_now > kills && exit.signal == sys::SIGKILL {
            Some(Limit::Memory)
        } else {
            (refusals_now > refusals).then_some(Limit::Processes)
        }
    }

    /// Says how it ended, if it has, and all of it is gone and its output sent. True: it is over.
    pub fn finish(&mut self, id: u32, channel: &mut Channel, now: &Now) -> bool {
        self.check_supervisor();
        let Some(exit) = self.ended else { return false };
        // Until the supervisor is reaped, what it had has not come to the agent.
        if let Some(since) = self.bereft
            && (now.strays || self.supervisor.is_some())
            && since.elapsed() < BEREFT_TIME
        {
            return false;
        }
        if self.outputs.iter().any(Option::is_some) {
            if self.window <= 0 || channel.is_full() {
                self.quiet = None;
                return false;
            }
            if self.quiet.get_or_insert_with(Instant::now).elapsed() < LINGER {
                return false;
            }
        }
        if self.cancelled {
            return true;
        }
        let reply = match (self.refused, self.worker) {
            (Some(errno), _) => failure(errno),
            (None, false) => {
                let killed_for = self.limit.filter(|_| exit.signal == sys::SIGKILL);
                let failed = exit.code != 0 || exit.signal != 0;
                // It was quicker than the look at it.
                let filled = (now.full && failed && !self.found_full).then_some(Limit::Storage);
                let held = self.held(&exit, now).filter(|_| failed);
                Reply::Exited(Exit { limit: killed_for.or(held).or(filled), ..exit })
            }
            (None, true) if exit.signal != 0 => Reply::Failed { errno: 0, message: "cancelled".into() },
            (None, true) if exit.code != 0 => failure(exit.code),
            (None, true) => Reply::Done(exit.wall_us, exit.cpu_us),
        };
        channel.send(id, &reply);
        true
    }
}

/// How things stand in the session when programs may have ended.
pub struct Now {
    /// Something is there that a supervisor which was killed has left.
    pub strays: bool,
    /// There is no room in the workspace.
    pub full: bool,
    /// How often memory and processes were held, where that is for the agent to know.
    pub held: Option<(u64, u64)>,
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
