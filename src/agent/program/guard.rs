//! Limits that the agent itself counts, several times a second while programs run: where no control group does, and
//! where the workspace has no file system of its own.

use std::time::{Duration, Instant};

use super::super::sys;
use super::super::wire::{Limit, Watch};
use super::files::Workspace;
use super::task::Process;
use super::usage::{self, Family};
use super::{spawn, walk};

/// How often programs are counted.
const EVERY: Duration = Duration::from_millis(100);
/// How long counting the workspace rests after it is done: counting takes time itself.
const REST: Duration = Duration::from_millis(250);

/// Counts, and says what is too much.
#[derive(Default)]
pub struct Guard {
    watch: Watch,
    next: Option<Instant>,
    counting: Option<Process>,
    counted: Option<Instant>,
}

impl Guard {
    /// Counts what `watch` bounds.
    pub fn new(watch: Watch) -> Self {
        Self { watch, ..Self::default() }
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

    /// Looks, if it is time; gives whose programs are to be ended, and for which limit.
    pub fn look(&mut self, workspace: Option<&Workspace>, supervisors: &[i32]) -> Option<(i32, Limit)> {
        let now = Instant::now();
        if self.is_off() || self.next.is_some_and(|at| now < at) {
            return None;
        }
        self.next = Some(now + EVERY);
        let families = usage::families(supervisors);
        let largest = |by: fn(&Family) -> u64| families.iter().max_by_key(|f| by(f)).map(|f| f.supervisor);
        let Watch { memory_bytes, processes, .. } = self.watch;
        if processes > 0 && families.iter().map(|f| f.threads).sum::<u64>() >= processes {
            return Some((largest(|f| f.threads)?, Limit::Processes));
        }
        if memory_bytes > 0 && in_use(&families, memory_bytes) > memory_bytes {
            return Some((largest(|f| f.memory_bytes)?, Limit::Memory));
        }
        // Who wrote it can't be told: the one that runs, or of several the largest.
        let full = self.is_full(workspace?, now);
        full.then(|| Some((largest(|f| f.memory_bytes)?, Limit::Storage))).flatten()
    }

    /// Whether the workspace holds too much. It is counted by a process of its own, so that nothing waits for that.
    fn is_full(&mut self, workspace: &Workspace, now: Instant) -> bool {
        let Watch { workspace_bytes, workspace_files, .. } = self.watch;
        if workspace_bytes == 0 && workspace_files == 0 {
            return false;
        }
        let Some(counting) = &mut self.counting else {
            if self.counted.is_none_or(|at| now >= at + REST) {
                let count = |_: &mut _| {
                    let measured = walk::measure(walk::reopen(workspace.dir())?)?;
                    let whole = measured.whole.then_some((measured.bytes, measured.files));
                    whole.ok_or_else(|| std::io::Error::from_raw_os_error(sys::ELOOP))
                };
                // What can't be counted now is counted next time.
                self.counting = spawn::worker(&[workspace.raw()], count).ok().map(Process::worker);
            }
            return false;
        };
        counting.take_reports();
        let Some(end) = counting.exit() else { return false };
        (self.counting, self.counted) = (None, Some(now));
        let over = |count: u64, most: u64| most > 0 && count > most;
        // What is too deep or too many to be counted is too much.
        end.code == sys::ELOOP
            || end.code == 0
                && end.signal == 0
                && (over(end.wall_us, workspace_bytes) || over(end.cpu_us, workspace_files))
    }
}

/// Memory in use: what is shared counts once where that makes the difference, also where nobody has it mapped.
fn in_use(families: &[Family], limit: u64) -> u64 {
    let resident: u64 = families.iter().map(|f| f.memory_bytes).sum();
    let nameless = usage::nameless(families);
    if resident + nameless <= limit {
        return resident;
    }
    let (mut own, mut shared) = (0, 0);
    for &(pid, resident) in families.iter().flat_map(|f| &f.members) {
        // Of one that hides what it shares all of it counts.
        let (its, with_others) = usage::proportional(pid).unwrap_or((resident, 0));
        (own, shared) = (own + its, shared + with_others);
    }
    own + nameless.max(shared)
}
