//! The agent's loop: what is ready is done, nothing waits for anything else.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Error, ErrorKind, Result, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use super::super::sys::{self, PollFd};
use super::super::wire::{Confinement, Exit, OUTPUT_WINDOW, Reply, Request, STDIN_WINDOW, Usage};
use super::begin::{Begun, begin};
use super::channel::Channel;
use super::files::Workspace;
use super::guard::Guard;
use super::spawn::Spare;
use super::supervise;
use super::task::{Now, Task, failure, failure_of};
use super::usage;
use super::walls::Walls;

/// Programs at once; a session needs a few.
const MAX_PROGRAMS: usize = 256;
/// File commands at once, which must be possible whatever programs run.
const MAX_FILE_COMMANDS: usize = 64;
/// Frames done before the rest is looked at again.
const REQUESTS_AT_ONCE: usize = 64;
/// How long supervisors may take to end their programs, before everything is killed.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long no new spare is made after one was lost.
const SPARE_REST: Duration = Duration::from_secs(1);

/// What a polled descriptor is.
#[derive(Clone, Copy)]
enum Source {
    Requests,
    Replies,
    Children,
    Reports(u32),
    Output(u32, usize),
    Stdin(u32),
}

/// Everything the agent knows.
pub struct Session {
    channel: Channel,
    children: File,
    workspace: Option<Workspace>,
    walls: Walls,
    /// For the walls of the first request.
    joins: Vec<OwnedFd>,
    guard: Guard,
    /// For the next program, where supervisors take a while to be ready.
    spare: Option<Spare>,
    /// Not before, where the last one was lost: for want of memory, say.
    spare_from: Option<Instant>,
    tasks: BTreeMap<u32, Task>,
    /// How many programs and file commands there may be at once.
    most: (usize, usize),
    /// The task whose output is looked at first: the one for which there was no room last time.
    first: u32,
    /// Of programs that have ended.
    spent: Usage,
    buffer: Vec<u8>,
}

impl Session {
    /// An agent that waits for its first request.
    pub fn new(channel: Channel, children: File, joins: Vec<OwnedFd>) -> Self {
        Self {
            channel,
            children,
            workspace: None,
            walls: Walls::default(),
            joins,
            guard: Guard::default(),
            spare: None,
            spare_from: None,
            tasks: BTreeMap::new(),
            most: affordable(usize::try_from(sys::open_files_limit()).unwrap_or(usize::MAX)),
            first: 0,
            spent: Usage::default(),
            buffer: vec![0; super::super::wire::CHUNK],
        }
    }

    /// Serves until the stream ends; then ends everything that was started.
    pub fn serve(mut self) -> Result<()> {
        let result = self.turn_until_end();
        if sys::process_id() == 1 {
            // The kernel ends everything with the first process.
            return result;
        }
        // Supervisors end their programs when this is closed. One that is killed before it has, sets them free; so
        // only what doesn't end by itself, and what then comes to the agent, is killed.
        for task in self.tasks.values_mut() {
            if let Task::Process(p) = task
                && p.worker
            {
                p.signal(sys::SIGKILL);
            }
        }
        self.tasks.clear();
        self.spare = None;
        supervise::end_leftovers(&self.children, PATIENCE);
        result
    }

    fn turn_until_end(&mut self) -> Result<()> {
        let mut fds: Vec<PollFd> = Vec::new();
        let mut sources: Vec<Source> = Vec::new();
        loop {
            let timeout = self.collect(&mut fds, &mut sources);
            sys::wait_ready(&mut fds, timeout)?;
            let mut without_room = None;
            for (fd, &source) in fds.iter().zip(&sources) {
                if fd.revents == 0 {
                    continue;
                }
                match source {
                    // Taken up again when there is room, and before the others: nobody is left out for ever.
                    Source::Output(id, _) if self.channel.is_full() => {
                        without_room.get_or_insert(id);
                    }
                    _ if !self.handle(source, fd.revents)? => return Ok(()),
                    _ => {}
                }
            }
            self.first = without_room.unwrap_or(self.first);
            self.advance_readings();
            self.hold_to_limits();
            self.finish_tasks();
            self.channel.flush()?;
            // A program that has just been started is not to wait for it.
            if !self.runs_programs() {
                self.have_a_spare();
            }
        }
    }

    /// What to wait for, and how long at most.
    fn collect(&self, fds: &mut Vec<PollFd>, sources: &mut Vec<Source>) -> i32 {
        fds.clear();
        sources.clear();
        let mut add = |fd: RawFd, events: i16, source: Source| {
            fds.push(PollFd { fd, events, revents: 0 });
            sources.push(source);
        };
        let room = !self.channel.is_full();
        // While the host does not read it is not listened to: what it asks for would have to be kept.
        add(self.channel.input(), if room { sys::POLLIN } else { 0 }, Source::Requests);
        if self.channel.has_output() {
            add(self.channel.output(), sys::POLLOUT, Source::Replies);
        }
        add(self.children.as_raw_fd(), sys::POLLIN, Source::Children);
        let now = Instant::now();
        let mut timeout = i32::MAX;
        for (&id, task) in self.tasks.range(self.first..).chain(self.tasks.range(..self.first)) {
            match task {
                Task::Process(p) => {
                    if let Some(reports) = &p.reports {
                        add(reports.as_raw_fd(), sys::POLLIN, Source::Reports(id));
                    }
                    for (index, output) in p.outputs.iter().enumerate() {
                        if let Some(output) = output.as_ref().filter(|_| room && p.may_speak()) {
                            add(output.as_raw_fd(), sys::POLLIN, Source::Output(id, index));
                        }
                    }
                    if let Some(stdin) = &p.stdin {
                        let events = if p.has_input() { sys::POLLOUT } else { 0 };
                        add(stdin.as_raw_fd(), events, Source::Stdin(id));
                    }
                    timeout = timeout.min(p.patience(now));
                }
                Task::Read(r) if room && r.window > 0 => timeout = 0,
                Task::Read(_) | Task::Write(..) => {}
            }
        }
        if self.runs_programs() {
            timeout = timeout.min(self.guard.patience(now));
        }
        if timeout == i32::MAX { -1 } else { timeout }
    }

    /// Does what one ready descriptor asks for. False: the stream has ended.
    fn handle(&mut self, source: Source, ready: i16) -> Result<bool> {
        match source {
            Source::Requests => return self.take_requests(),
            Source::Replies => self.channel.flush()?,
            Source::Children => self.reap(),
            Source::Reports(id) => {
                if let Some(Task::Process(p)) = self.tasks.get_mut(&id)
                    && let Some(pid) = p.take_reports()
                {
                    self.channel.send(id, &Reply::Started { pid: pid as u32 });
                }
            }
            Source::Output(id, index) => {
                if let Some(Task::Process(p)) = self.tasks.get_mut(&id) {
                    p.take_output(index, id, &mut self.channel, &mut self.buffer);
                }
            }
            Source::Stdin(id) => {
                if let Some(Task::Process(p)) = self.tasks.get_mut(&id) {
                    if ready & (sys::POLLERR | sys::POLLHUP) != 0 {
                        p.close_stdin(id, &mut self.channel);
                    } else {
                        p.feed(id, &mut self.channel);
                    }
                }
            }
        }
        Ok(true)
    }

    fn take_requests(&mut self) -> Result<bool> {
        if !self.channel.fill()? {
            return Ok(false);
        }
        let mut done = 0;
        while let Some((id, request)) = self.channel.next_request()? {
            self.request(id, request)?;
            done += 1;
            if done % REQUESTS_AT_ONCE == 0 {
                self.channel.flush()?;
            }
        }
        Ok(true)
    }

    fn request(&mut self, id: u32, request: Request) -> Result<()> {
        let refused = |message: &str| Error::new(ErrorKind::InvalidData, message.to_owned());
        if let Request::Init { workspace, confinement } = request {
            if self.workspace.is_some() {
                return Err(refused("Init comes once"));
            }
            let reply = match self.init(&workspace, &confinement) {
                Ok(()) => Reply::Hello { pid: sys::process_id() as u32 },
                Err(e) => failure_of(&e),
            };
            self.channel.send(0, &reply);
            return Ok(());
        }
        let Some(workspace) = &self.workspace else { return Err(refused("the first request must be Init")) };
        match request {
            Request::Stdin(_)
            | Request::StdinEof
            | Request::Signal(_)
            | Request::Resize(..)
            | Request::Credit(_)
            | Request::Cancel => {
                return self.control(id, request);
            }
            Request::WriteMore { last, data } => {
                self.go_on_writing(id, last, &data);
                return Ok(());
            }
            Request::Usage => {
                let usage = self.usage();
                self.channel.send(id, &Reply::Usage(usage));
                return Ok(());
            }
            _ => {}
        }
        if self.tasks.contains_key(&id) {
            return Err(refused("a task with this id is under way"));
        }
        let outcome = if !self.has_place_for(&request) {
            // EAGAIN
            Ok(Begun::Replied(failure(11)))
        } else {
            begin(workspace, &self.walls, &mut self.spare, request)
        };
        match outcome {
            Ok(Begun::Task(mut task)) => {
                if let Task::Process(p) = &mut task
                    && !p.worker
                {
                    p.found_full = self.guard.is_brimful(self.workspace.as_ref());
                    p.held_before = self.guard.held();
                }
                self.tasks.insert(id, task);
            }
            Ok(Begun::Replied(reply)) => self.channel.send(id, &reply),
            Err(e) => self.channel.send(id, &failure_of(&e)),
        }
        Ok(())
    }

    fn init(&mut self, workspace: &[u8], confinement: &Confinement) -> Result<()> {
        self.walls = Walls::new(confinement, std::mem::take(&mut self.joins))?;
        self.guard = Guard::new(confinement.watch, beside(workspace, &confinement.write));
        self.workspace = Some(Workspace::open(workspace)?);
        self.have_a_spare();
        Ok(())
    }

    /// Has a supervisor ready for the next program. Where that fails, programs have to wait for their own.
    fn have_a_spare(&mut self) {
        let rests = self.spare_from.is_some_and(|at| Instant::now() < at);
        if self.spare.is_none() && self.walls.want_a_spare() && !rests {
            self.spare = Spare::new(&self.walls).ok();
        }
    }

    fn has_place_for(&self, request: &Request) -> bool {
        let is_program = |task: &&Task| matches!(task, Task::Process(p) if !p.worker);
        let programs = self.tasks.values().filter(is_program).count();
        match request {
            Request::Start(_) | Request::Probe(_) => programs < self.most.0,
            _ => self.tasks.len() - programs < self.most.1,
        }
    }

    /// Requests about a task under way; one that has just ended is no error.
    fn control(&mut self, id: u32, request: Request) -> Result<()> {
        let Some(task) = self.tasks.get_mut(&id) else { return Ok(()) };
        match (task, request) {
            (Task::Process(p), Request::Credit(bytes)) => {
                p.window = (p.window + i64::from(bytes)).min(OUTPUT_WINDOW.into())
            }
            (Task::Read(r), Request::Credit(bytes)) => {
                r.window = (r.window + i64::from(bytes)).min(OUTPUT_WINDOW.into())
            }
            (Task::Process(p), Request::Stdin(data)) if p.stdin.is_some() => {
                if p.stdin_queue.len() + data.len() > STDIN_WINDOW as usize {
                    return Err(Error::new(ErrorKind::InvalidData, "more standard input than was granted"));
                }
                p.stdin_queue.extend_from_slice(&data);
                p.feed(id, &mut self.channel);
            }
            (Task::Process(p), Request::StdinEof) => {
                p.stdin_eof = true;
                p.feed(id, &mut self.channel);
            }
            (Task::Process(p), Request::Signal(number)) => p.signal(number),
            (Task::Process(p), Request::Cancel) => p.cancel(),
            (_, Request::Cancel) => drop(self.tasks.remove(&id)),
            (_, Request::Signal(_)) => {
                self.tasks.remove(&id);
                self.channel.send(id, &Reply::Failed { errno: 0, message: "cancelled".into() });
            }
            (Task::Process(p), Request::Resize(rows, cols)) => {
                if let Some(terminal) = &p.outputs[0] {
                    let _ = sys::set_terminal_size(terminal, rows, cols);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn go_on_writing(&mut self, id: u32, last: bool, data: &[u8]) {
        // Without a task its beginning has failed, and that was said.
        let Some(Task::Write(file, written)) = self.tasks.get_mut(&id) else { return };
        let reply = match file.write_all(data) {
            Ok(()) => {
                *written += data.len() as u64;
                last.then_some(Reply::Done(*written, 0))
            }
            Err(e) => Some(failure_of(&e)),
        };
        if let Some(reply) = reply {
            self.tasks.remove(&id);
            self.channel.send(id, &reply);
        }
    }

    fn usage(&self) -> Usage {
        let supervisors: Vec<i32> = self.supervisors().collect();
        let mut usage = usage::of_descendants(sys::process_id(), &supervisors);
        usage.cpu_us += self.spent.cpu_us;
        usage.peak_bytes = self.spent.peak_bytes;
        usage
    }

    fn supervisors(&self) -> impl Iterator<Item = i32> + '_ {
        self.tasks.values().filter_map(|t| match t {
            Task::Process(p) => p.supervisor,
            _ => None,
        })
    }

    fn runs_programs(&self) -> bool {
        self.tasks.values().any(|t| matches!(t, Task::Process(p) if !p.worker))
    }

    /// Ends what has reached a limit that the agent itself counts.
    fn hold_to_limits(&mut self) {
        if !self.runs_programs() {
            return;
        }
        let supervisors: Vec<i32> = self.supervisors().collect();
        let found_full: Vec<i32> = self
            .tasks
            .values()
            .filter_map(|t| match t {
                Task::Process(p) if p.found_full => p.supervisor,
                _ => None,
            })
            .collect();
        let reached = self.guard.look(self.workspace.as_ref(), &supervisors, &found_full);
        let Some((supervisor, limit)) = reached else { return };
        for task in self.tasks.values_mut() {
            if let Task::Process(p) = task
                && p.supervisor == Some(supervisor)
            {
                p.end_for(limit);
            }
        }
    }

    /// Reaps whatever has ended: supervisors, and orphans whose supervisor was killed.
    fn reap(&mut self) {
        supervise::drain(&self.children);
        while let Ok(Some(pid)) = sys::peek_ended() {
            let _ = sys::reap(pid);
            self.guard.forget(pid);
            if self.spare.take_if(|spare| spare.supervisor == pid).is_some() {
                self.spare_from = Some(Instant::now() + SPARE_REST);
            }
            for task in self.tasks.values_mut() {
                match task {
                    // From now on the number may be anybody's.
                    Task::Process(p) if p.supervisor == Some(pid) => p.supervisor = None,
                    _ => {}
                }
            }
        }
        for stray in self.strays() {
            sys::send_signal(-stray, sys::SIGKILL);
            sys::send_signal(stray, sys::SIGKILL);
        }
    }

    /// Children that are no supervisors of tasks: what a supervisor that was killed has left.
    fn strays(&self) -> Vec<i32> {
        let known: Vec<i32> = {
            let spare = self.spare.as_ref().map(|spare| spare.supervisor);
            self.supervisors().chain(self.guard.worker()).chain(spare).collect()
        };
        let mut children = supervise::children_of_this_process();
        children.retain(|pid| !known.contains(pid));
        children
    }

    fn advance_readings(&mut self) {
        let mut over = Vec::new();
        for (&id, task) in &mut self.tasks {
            if let Task::Read(reading) = task
                && reading.window > 0
                && !self.channel.is_full()
            {
                match reading.advance(id, &mut self.channel) {
                    Ok(false) => {}
                    Ok(true) => over.push(id),
                    Err(e) => {
                        self.channel.send(id, &failure_of(&e));
                        over.push(id);
                    }
                }
            }
        }
        over.iter().for_each(|id| drop(self.tasks.remove(id)));
    }

    fn finish_tasks(&mut self) {
        let bereft = self.tasks.values().any(|t| matches!(t, Task::Process(p) if p.is_bereft()));
        let strays = bereft && !self.strays().is_empty();
        let ended = self.tasks.values().any(|t| matches!(t, Task::Process(p) if p.exit().is_some()));
        let now = Now {
            strays,
            full: ended && self.guard.is_brimful(self.workspace.as_ref()),
            held: ended.then(|| self.guard.held()).flatten(),
        };
        let channel = &mut self.channel;
        let spent = &mut self.spent;
        self.tasks.retain(|&id, task| match task {
            Task::Process(p) => {
                let over = p.finish(id, channel, &now);
                if over && let Some(Exit { cpu_us, peak_bytes, .. }) = p.exit().filter(|_| !p.worker) {
                    spent.cpu_us += cpu_us;
                    spent.peak_bytes = spent.peak_bytes.max(peak_bytes);
                }
                !over
            }
            _ => true,
        });
        if !self.runs_programs() {
            self.guard.rest();
        }
    }
}

/// The directories that programs can write, but the workspace.
fn beside(workspace: &[u8], write: &[Vec<u8>]) -> Vec<OwnedFd> {
    let open =
        |path: &Vec<u8>| sys::open_path(&sys::c_path(path).ok()?, sys::O_RDONLY | sys::O_DIRECTORY).ok();
    write.iter().filter(|path| *path != workspace && !path.starts_with(b"/dev")).filter_map(open).collect()
}

/// How many programs and file commands an agent with `limit` descriptors may do at once, so that none fails half way
/// and the agent can always do its own work.
fn affordable(limit: usize) -> (usize, usize) {
    /// Of a program: its three streams, the supervisor's reports, and the way to it.
    const PROGRAM: usize = 5;
    const FILE_COMMAND: usize = 3;
    /// The agent's own, and those that are open only while something is started.
    const OWN: usize = 48;
    let files = (limit / 16).clamp(1, MAX_FILE_COMMANDS);
    let programs = limit.saturating_sub(OWN + files * FILE_COMMAND) / PROGRAM;
    (programs.clamp(1, MAX_PROGRAMS), files)
}
