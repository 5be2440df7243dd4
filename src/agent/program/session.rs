//! The agent's loop: what is ready is done, nothing waits for anything else.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use super::super::sys::{self, PollFd};
use super::super::wire::{CWD_FAILED, Exit, OUTPUT_WINDOW, Reply, Request, STDIN_WINDOW, Start, Usage};
use super::channel::Channel;
use super::files::Workspace;
use super::spawn;
use super::supervise;
use super::task::{Process, Reading, Task, failure, failure_of};
use super::usage;
use super::walk;

/// Tasks at once; a session needs a few.
const MAX_TASKS: usize = 256;
/// Frames done before the rest is looked at again.
const REQUESTS_AT_ONCE: usize = 64;

/// What a polled descriptor is.
#[derive(Clone, Copy)]
enum Source {
    Channel,
    Children,
    Reports(u32),
    Output(u32, usize),
    Stdin(u32),
}

/// Everything the agent knows.
pub struct Session {
    channel: Channel,
    children: OwnedFd,
    workspace: Option<Workspace>,
    tasks: BTreeMap<u32, Task>,
    /// Of programs that have ended.
    spent: Usage,
    buffer: Vec<u8>,
}

impl Session {
    /// An agent that waits for its first request.
    pub fn new(channel: Channel, children: OwnedFd) -> Self {
        Self {
            channel,
            children,
            workspace: None,
            tasks: BTreeMap::new(),
            spent: Usage::default(),
            buffer: vec![0; super::super::wire::CHUNK],
        }
    }

    /// Serves until the stream ends; then ends everything that was started.
    pub fn serve(mut self) -> Result<()> {
        let result = self.turn_until_end();
        // Supervisors end their programs when this is closed; whatever is left comes to the agent and is killed.
        self.tasks.clear();
        supervise::end_leftovers(&self.children);
        result
    }

    fn turn_until_end(&mut self) -> Result<()> {
        let mut fds: Vec<PollFd> = Vec::new();
        let mut sources: Vec<Source> = Vec::new();
        loop {
            let timeout = self.collect(&mut fds, &mut sources);
            sys::wait_ready(&mut fds, timeout)?;
            for (fd, &source) in fds.iter().zip(&sources) {
                if fd.revents != 0 && !self.handle(source, fd.revents)? {
                    return Ok(());
                }
            }
            self.advance_readings();
            self.finish_tasks();
            self.channel.flush()?;
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
        let mut timeout = -1;
        add(
            self.channel.fd(),
            sys::POLLIN | if self.channel.has_output() { sys::POLLOUT } else { 0 },
            Source::Channel,
        );
        add(self.children.as_raw_fd(), sys::POLLIN, Source::Children);
        let room = !self.channel.is_full();
        for (&id, task) in &self.tasks {
            match task {
                Task::Process(p) => {
                    if let Some(reports) = &p.reports {
                        add(reports.as_raw_fd(), sys::POLLIN, Source::Reports(id));
                    }
                    if room && p.window > 0 {
                        for (index, output) in p.outputs.iter().enumerate() {
                            if let Some(output) = output {
                                add(output.as_raw_fd(), sys::POLLIN, Source::Output(id, index));
                            }
                        }
                        if p.lingers() {
                            timeout = 50;
                        }
                    }
                    if let Some(stdin) = &p.stdin {
                        let wants = !p.stdin_queue.is_empty() || p.stdin_eof;
                        add(stdin.as_raw_fd(), if wants { sys::POLLOUT } else { 0 }, Source::Stdin(id));
                    }
                }
                Task::Read(r) if room && r.window > 0 => timeout = 0,
                Task::Read(_) | Task::Write(..) => {}
            }
        }
        timeout
    }

    /// Does what one ready descriptor asks for. False: the stream has ended.
    fn handle(&mut self, source: Source, ready: i16) -> Result<bool> {
        match source {
            Source::Channel => return self.take_requests(ready),
            Source::Children => self.reap(),
            Source::Reports(id) => {
                if let Some(Task::Process(p)) = self.tasks.get_mut(&id) {
                    p.take_reports(id, &mut self.channel);
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

    fn take_requests(&mut self, ready: i16) -> Result<bool> {
        if ready & sys::POLLOUT != 0 {
            self.channel.flush()?;
        }
        if ready & (sys::POLLIN | sys::POLLHUP | sys::POLLERR) == 0 {
            return Ok(true);
        }
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
        if let Request::Init { workspace } = request {
            self.workspace = Some(Workspace::open(&workspace)?);
            self.channel.send(0, &Reply::Hello { pid: sys::process_id() as u32 });
            return Ok(());
        }
        let Some(workspace) = &self.workspace else { return Err(refused("the first request must be Init")) };
        match request {
            Request::Stdin(_)
            | Request::StdinEof
            | Request::Signal(_)
            | Request::Resize(..)
            | Request::Credit(_) => {
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
        let outcome = if self.tasks.len() >= MAX_TASKS {
            // EAGAIN
            Ok(Begun::Replied(failure(11)))
        } else {
            begin(workspace, request)
        };
        match outcome {
            Ok(Begun::Task(task)) => {
                self.tasks.insert(id, task);
            }
            Ok(Begun::Replied(reply)) => self.channel.send(id, &reply),
            Err(e) => self.channel.send(id, &failure_of(&e)),
        }
        Ok(())
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
            Task::Process(p) => Some(p.supervisor),
            _ => None,
        })
    }

    /// Reaps whatever has ended: supervisors, and orphans whose supervisor was killed.
    fn reap(&mut self) {
        supervise::drain(&self.children);
        while let Ok(Some(pid)) = sys::peek_ended() {
            let _ = sys::reap(pid);
        }
        let known: Vec<i32> = self.supervisors().collect();
        for stray in supervise::children_of_this_process().into_iter().filter(|p| !known.contains(p)) {
            sys::send_signal(stray, sys::SIGKILL);
        }
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
        let channel = &mut self.channel;
        let spent = &mut self.spent;
        self.tasks.retain(|&id, task| match task {
            Task::Process(p) => {
                let over = p.finish(id, channel);
                if over && let Some(Exit { cpu_us, peak_bytes, .. }) = p.exit().filter(|_| !p.worker) {
                    spent.cpu_us += cpu_us;
                    spent.peak_bytes = spent.peak_bytes.max(peak_bytes);
                }
                !over
            }
            _ => true,
        });
    }
}

/// What became of a request that begins something.
enum Begun {
    Task(Task),
    Replied(Reply),
}

fn begin(workspace: &Workspace, request: Request) -> Result<Begun> {
    let process = |running, worker| Ok(Begun::Task(Task::Process(Box::new(Process::new(running, worker)))));
    let done = |a| Ok(Begun::Replied(Reply::Done(a, 0)));
    match request {
        Request::Start(start) => match workspace.directory(&start.cwd) {
            Ok(directory) => process(start_program(workspace, start, &directory)?, false),
            Err(e) => {
                let Reply::Failed { errno, message } = failure_of(&e) else { return Err(e) };
                Ok(Begun::Replied(Reply::Failed { errno, message: format!("{CWD_FAILED}{message}") }))
            }
        },
        Request::Write { path, mode, last, data } => {
            let mut file = workspace.write(&path, mode, false)?;
            file.write_all(&data)?;
            let written = data.len() as u64;
            if last { done(written) } else { Ok(Begun::Task(Task::Write(file, written))) }
        }
        Request::Read { path, max } => {
            let (file, size) = workspace.read(&path)?;
            Ok(Begun::Task(Task::Read(Reading {
                file,
                size,
                left: max.min(size),
                window: OUTPUT_WINDOW.into(),
            })))
        }
        Request::Mkdir { path, parents } => workspace.make(&path, parents).and_then(|()| done(0)),
        Request::Delete { path, recursive: false } => workspace.delete(&path, false).and_then(|()| done(0)),
        Request::Delete { path, recursive: true } => process(
            spawn::worker(&[workspace.raw()], |_| workspace.delete(&path, true).map(|()| (0, 0)))?,
            true,
        ),
        Request::Copy { source, destination, overwrite } => process(
            spawn::worker(&[workspace.raw()], |_| {
                workspace.copy(&source, &destination, overwrite).map(|n| (n, 0))
            })?,
            true,
        ),
        Request::List(list) => {
            let dir = workspace.directory(&list.path)?;
            process(
                spawn::worker(&[dir.as_raw_fd()], |out| walk::list(walk::reopen(&dir)?, &list, out))?,
                true,
            )
        }
        Request::Measure => process(
            spawn::worker(&[workspace.raw()], |_| walk::measure(walk::reopen(workspace.dir())?))?,
            true,
        ),
        _ => Err(Error::from_raw_os_error(sys::EINVAL)),
    }
}

/// Starts a program with `/workspace` in its arguments and directory meaning the workspace.
fn start_program(workspace: &Workspace, mut start: Start, directory: &OwnedFd) -> Result<spawn::Running> {
    start.argv.iter_mut().for_each(|argument| *argument = workspace.translate(argument, false));
    start.env.iter_mut().for_each(|variable| *variable = workspace.translate(variable, true));
    spawn::program(&start, directory)
}
