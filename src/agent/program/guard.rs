//! Limits that the agent itself counts, several times a second while programs run: where no control group does, and
//! where the workspace has no file system of its own.

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use super::super::sys;
use super::super::wire::{Limit, Watch};
use super::files::Workspace;
use super::spawn;
use super::task::Process;
use super::usage::{self, Family};
use super::walk::{self, Measured};

/// How often programs are counted.
const EVERY: Duration = Duration::from_millis(100);
/// How long a program has to clear away, or to end by itself, when it has filled its workspace and was told so.
const FULL_TIME: Duration = Duration::from_secs(1);
/// How long a program may go on that was refused a process, where the agent's own control group does that.
const REFUSED_TIME: Duration = Duration::from_secs(1);
/// How long counting the workspace rests after it is done: counting takes time itself.
const REST: Duration = Duration::from_millis(250);

/// Counts, and says what is too much.
#[derive(Default)]
pub struct Guard {
    watch: Watch,
    /// Directories beside the workspace that programs can write: together they may hold as much as it may.
    beside: Vec<OwnedFd>,
    next: Option<Instant>,
    /// Since when the workspace is brimful.
    full_since: Option<Instant>,
    counting: Option<Process>,
    counted: Option<Instant>,
    /// What is being counted is what programs have left that are gone.
    stale: bool,
    /// How often processes had been refused when no program ran, and since when it has been more often.
    refused: (u64, Option<Instant>),
}

impl Guard {
    /// Counts what `watch` bounds, in the workspace and in what is `beside` it.
    pub fn new(watch: Watch, beside: Vec<OwnedFd>) -> Self {
        Self { watch, beside, ..Self::default() }
    }

    fn is_off(&self) -> bool {
        self.watch == Watch::default()
    }

    /// Milliseconds until it wants to look again.
    pub fn patience(&self, now: Instant) -> i32 {
        match self.next {
            _ if self.is_off() => i32::MAX,
            None => 0,
            Some(at) => at.saturating_duration_since(now).as_millis() as i32 + 1,
        }
    }

    /// The process that counts the workspace.
    pub fn worker(&self) -> Option<i32> {
        self.counting.as_ref()?.supervisor
    }

    /// A process was reaped: its number may soon be anybody's.
    pub fn forget(&mut self, pid: i32) {
        if let Some(counting) = self.counting.as_mut().filter(|c| c.supervisor == Some(pid)) {
            counting.supervisor = None;
        }
    }

    /// No program runs: what is counted now is not what the next one has taken.
    pub fn rest(&mut self) {
        self.stale = self.counting.is_some();
        self.refused = (self.held().map_or(0, |(_, refusals)| refusals), None);
    }

    /// Whether there is no more room in a workspace with a file system of its own.
    pub fn is_brimful(&self, workspace: Option<&Workspace>) -> bool {
        self.watch.own_file_system && workspace.is_some_and(|w| sys::is_full(w.dir()))
    }

    /// How often the agent's own control group has killed for want of memory, and refused a process. `None`: it is not
    /// for the agent to read.
    pub fn held(&self) -> Option<(u64, u64)> {
        let count = |places: [(&str, &str); 2]| {
            let (text, key) =
                places.iter().find_map(|(file, key)| Some((std::fs::read_to_string(file).ok()?, key)))?;
            text.lines().find_map(|line| line.strip_prefix(key)?.trim().parse::<u64>().ok())
        };
        self.watch.own_group.then(|| {
            let memory = count([
                ("/sys/fs/cgroup/memory.events", "oom_kill "),
                ("/sys/fs/cgroup/memory/memory.oom_control", "oom_kill "),
            ]);
            let processes =
                count([("/sys/fs/cgroup/pids.events", "max "), ("/sys/fs/cgroup/pids/pids.events", "max ")]);
            (memory.unwrap_or(0), processes.unwrap_or(0))
        })
    }

    /// Looks, if it is time; gives whose programs are to be ended, and for which limit. `found_full` are supervisors
    /// of programs that found the workspace brimful when they began.
    pub fn look(
        &mut self,
        workspace: Option<&Workspace>,
        supervisors: &[i32],
        found_full: &[i32],
    ) -> Option<(i32, Limit)> {
        let begun = Instant::now();
        if self.is_off() || self.next.is_some_and(|at| begun < at) {
            return None;
        }
        let reached = self.reached(workspace, supervisors, found_full, begun);
        // Looking is not to become what the agent does most.
        self.next = Some(Instant::now() + EVERY.max(begun.elapsed() * 10));
        reached
    }

    fn reached(
        &mut self,
        workspace: Option<&Workspace>,
        supervisors: &[i32],
        found_full: &[i32],
        now: Instant,
    ) -> Option<(i32, Limit)> {
        if !self.is_brimful(workspace) {
            self.full_since = None;
        } else if now.duration_since(*self.full_since.get_or_insert(now)) >= FULL_TIME
            && let Some(&writer) = supervisors.iter().find(|s| !found_full.contains(s))
        {
            return Some((writer, Limit::Storage));
        }
        let Watch { memory_bytes, processes, workspace_bytes, workspace_files, .. } = self.watch;
        if [memory_bytes, processes, workspace_bytes, workspace_files] == [0; 4] && !self.watch.own_group {
            return None;
        }
        let families = usage::families(supervisors);
        if self.goes_on_though_refused(now) {
            return Some((families.iter().max_by_key(|f| f.threads)?.supervisor, Limit::Processes));
        }
        let largest = |by: fn(&Family) -> u64| families.iter().max_by_key(|f| by(f)).map(|f| f.supervisor);
        if processes > 0 && families.iter().map(|f| f.threads).sum::<u64>() >= processes {
            return Some((largest(|f| f.threads)?, Limit::Processes));
        }
        if memory_bytes > 0 && in_use(&families, memory_bytes) > memory_bytes {
            return Some((largest(|f| f.memory_bytes)?, Limit::Memory));
        }
        if workspace_bytes == 0 && workspace_files == 0 {
            return None;
        }
        let unnamed = usage::unnamed(&families);
        // What lets nobody see what it has is taken to have too much.
        if let Some(&hiding) = unnamed.hidden.first() {
            return Some((hiding, Limit::Storage));
        }
        // Who wrote it can't be told: the one that runs, or of several the largest.
        let full = self.is_full(workspace?, unnamed.bytes, now)?;
        Some((largest(|f| f.memory_bytes)?, full))
    }

    /// Whether a program was refused processes, and neither that nor what it was told of it has ended it.
    fn goes_on_though_refused(&mut self, now: Instant) -> bool {
        if self.held().is_none_or(|(_, refusals)| refusals <= self.refused.0) {
            return false;
        }
        let since = *self.refused.1.get_or_insert(now);
        now.duration_since(since) >= REFUSED_TIME
    }

    /// Whether the workspace, or what is beside it, holds too much. It is counted by a process of its own, so that
    /// nothing waits for that.
    fn is_full(&mut self, workspace: &Workspace, deleted: u64, now: Instant) -> Option<Limit> {
        let Watch { workspace_bytes, workspace_files, .. } = self.watch;
        let Some(counting) = &mut self.counting else {
            if self.counted.is_none_or(|at| now >= at + REST) {
                let beside = &self.beside;
                let count = |_: &mut _| {
                    let own = walk::measure(workspace.dir())?;
                    let mut others = Measured { whole: true, ..Measured::default() };
                    for dir in beside {
                        let one = walk::measure(dir)?;
                        others.bytes += one.bytes;
                        others.files += one.files;
                        others.directories += one.directories;
                        others.whole &= one.whole;
                    }
                    let over = |count: u64, most: u64| most > 0 && count > most;
                    // What is too deep or too many to be counted is too much.
                    let full = |all: &Measured, more: u64| {
                        !all.whole
                            || over(all.bytes + more, workspace_bytes)
                            || over(all.files + all.directories, workspace_files)
                    };
                    let limit = match (full(&own, deleted), full(&others, 0)) {
                        (true, _) => Limit::Storage.number(),
                        (_, true) => Limit::Temporary.number(),
                        _ => 0,
                    };
                    Ok((limit.into(), 0))
                };
                let keep: Vec<_> = beside.iter().map(AsRawFd::as_raw_fd).chain([workspace.raw()]).collect();
                // What can't be counted now is counted next time.
                self.counting = spawn::worker(&keep, count).ok().map(Process::worker);
            }
            return None;
        };
        counting.take_reports();
        let end = counting.exit()?;
        if std::mem::take(&mut self.stale) {
            (self.counting, self.counted) = (None, None);
            return None;
        }
        (self.counting, self.counted) = (None, Some(now));
        (end.code == 0 && end.signal == 0).then(|| Limit::from_number(end.wall_us as u8)).flatten()
    }
}

/// Memory in use: what is shared counts once where that makes the difference.
fn in_use(families: &[Family], limit: u64) -> u64 {
    let resident: u64 = families.iter().map(|f| f.memory_bytes).sum();
    if resident <= limit {
        return resident;
    }
    let members = families.iter().flat_map(|f| &f.members);
    // Of one that hides what it shares all of it counts.
    members.map(|&(pid, resident)| usage::proportional(pid).unwrap_or(resident)).sum()
}
