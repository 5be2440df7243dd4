//! Beginning: what a request becomes, a task or a reply at once.

use std::io::{Error, Result, Write};
use std::os::fd::{AsRawFd, OwnedFd};

use super::super::sys;
use super::super::wire::{CWD_FAILED, OUTPUT_WINDOW, Reply, Request, Start};
use super::files::Workspace;
use super::spawn::{self, Spare};
use super::task::{Process, Reading, Task, failure_of};
use super::walk;
use super::walls::Walls;

/// What became of a request that begins something.
pub enum Begun {
    Task(Task),
    Replied(Reply),
}

/// Begins what is asked for.
pub fn begin(
    workspace: &Workspace,
    walls: &Walls,
    spare: &mut Option<Spare>,
    request: Request,
) -> Result<Begun> {
    let worker = |running| Ok(Begun::Task(Task::Process(Box::new(Process::worker(running)))));
    let done = |a| Ok(Begun::Replied(Reply::Done(a, 0)));
    workspace.unlock();
    match request {
        Request::Start(start) => begin_program(workspace, walls, spare, start),
        Request::Probe(questions) => {
            let running = spawn::probe(&questions, workspace.dir(), walls)?;
            Ok(Begun::Task(Task::Process(Box::new(Process::program(running, None)))))
        }
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
        Request::Delete { path, recursive: true } => {
            worker(spawn::worker(&[workspace.raw()], |_| workspace.delete(&path, true).map(|()| (0, 0)))?)
        }
        Request::Copy { source, destination, overwrite } => {
            worker(spawn::worker(&[workspace.raw()], |_| {
                workspace.copy(&source, &destination, overwrite).map(|n| (n, 0))
            })?)
        }
        Request::List(list) => {
            let dir = workspace.directory(&list.path)?;
            worker(spawn::worker(&[dir.as_raw_fd()], |out| walk::list(walk::reopen(&dir)?, &list, out))?)
        }
        Request::Measure => worker(spawn::worker(&[workspace.raw()], |_| {
            walk::measure(workspace.dir()).map(|all| (all.bytes, all.files))
        })?),
        _ => Err(Error::from_raw_os_error(sys::EINVAL)),
    }
}

fn begin_program(
    workspace: &Workspace,
    walls: &Walls,
    spare: &mut Option<Spare>,
    start: Start,
) -> Result<Begun> {
    match workspace.directory(&start.cwd) {
        Ok(directory) => {
            let timeout = start.timeout();
            let running = start_program(workspace, walls, spare.take(), start, &directory)?;
            Ok(Begun::Task(Task::Process(Box::new(Process::program(running, timeout)))))
        }
        Err(e) => {
            let Reply::Failed { errno, message } = failure_of(&e) else { return Err(e) };
            Ok(Begun::Replied(Reply::Failed { errno, message: format!("{CWD_FAILED}{message}") }))
        }
    }
}

/// Starts a program with `/workspace` in its arguments and directory meaning the workspace.
fn start_program(
    workspace: &Workspace,
    walls: &Walls,
    spare: Option<Spare>,
    mut start: Start,
    directory: &OwnedFd,
) -> Result<spawn::Running> {
    start.argv.iter_mut().for_each(|argument| *argument = workspace.translate(argument, false));
    start.env.iter_mut().for_each(|variable| *variable = workspace.translate(variable, true));
    spawn::program(&start, directory, walls, spare)
}
