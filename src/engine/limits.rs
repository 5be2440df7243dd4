//! Limits: what configuration allows, what of it a session gets, and which one a program has reached.

use std::sync::Arc;
use std::time::Duration;

use crate::agent::wire::{Exit, Limit};
use crate::protocol::{LimitReached, SessionLimits};

use super::runtime::Meter;

/// One processor.
pub const CPU: u64 = 1024;
const KB: u64 = 1 << 10;
const MB: u64 = 1 << 20;
/// How often a running program's session is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// The limits of every session: the most it may have, and what it gets that asks for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory of a session, in MB.
    pub memory_mb: u64,
    /// Processors that a session may use, in 1024ths.
    pub cpu_shares: u64,
    /// Processes and threads of a session.
    pub processes: u64,
    /// Open files of one process.
    pub open_files: u64,
    /// The largest file, in bytes.
    pub file_size_bytes: u64,
    /// All files of a session, in bytes.
    pub workspace_bytes: u64,
    /// How many files and directories a session has.
    pub workspace_files: u64,
    /// What is kept of each output stream for a result, in bytes.
    pub output_bytes: u64,
    /// Wall time of one command; absent is without limit.
    pub timeout: Option<Duration>,
    /// Processor seconds of one process; absent is without limit.
    pub cpu_seconds: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_mb: 512,
            cpu_shares: all_but_one() * CPU,
            processes: 64,
            open_files: 1024,
            file_size_bytes: 64 * MB,
            workspace_bytes: 256 * MB,
            workspace_files: 32_768,
            output_bytes: MB,
            // As long as a session lives.
            timeout: Some(Duration::from_secs(2 * 60 * 60)),
            cpu_seconds: None,
        }
    }
}

impl Limits {
    /// The limits of a session that asks for these. Who asks for more than there is gets what there is; 0 and absent
    /// ask for nothing.
    pub fn grant(&self, wanted: &SessionLimits) -> SessionLimits {
        let timeout_ms = self.timeout.map(millis);
        SessionLimits {
            timeout_ms: lowered_from(timeout_ms, wanted.timeout_ms),
            cpu_seconds: lowered_from(self.cpu_seconds, wanted.cpu_seconds),
            cpu_shares: Some(lowered(self.cpu_shares, wanted.cpu_shares)),
            processes: Some(lowered(self.processes, wanted.processes)),
            open_files: Some(lowered(self.open_files, wanted.open_files)),
            file_size_bytes: Some(lowered(self.file_size_bytes, wanted.file_size_bytes)),
            workspace_bytes: Some(lowered(self.workspace_bytes, wanted.workspace_bytes)),
            workspace_files: Some(lowered(self.workspace_files, wanted.workspace_files)),
            output_bytes: Some(lowered(self.output_bytes, wanted.output_bytes)),
        }
    }

    /// The memory of a session that asks for this much, in MB.
    pub fn grant_memory(&self, wanted_mb: Option<u64>) -> u64 {
        lowered(self.memory_mb, wanted_mb)
    }
}

/// The processors of this machine but one, which is left to everybody else where there are several.
fn all_but_one() -> u64 {
    let all = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    (all - 1).max(1)
}

/// Never 0: that would be without limit to some who are told it.
fn lowered(most: u64, wanted: Option<u64>) -> u64 {
    wanted.filter(|wanted| *wanted > 0).map_or(most, |wanted| wanted.min(most)).max(1)
}

fn lowered_from(most: Option<u64>, wanted: Option<u64>) -> Option<u64> {
    match most {
        Some(most) => Some(lowered(most, wanted)),
        None => wanted.filter(|wanted| *wanted > 0),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Tells whether the kernel has held a session to a limit since a program in it was started. It can't tell programs
/// of the same session apart.
pub struct Gauge {
    meter: Option<Arc<dyn Meter>>,
    before: super::runtime::Held,
}

impl Gauge {
    /// From now on.
    pub fn new(meter: Option<Arc<dyn Meter>>) -> Self {
        let before = meter.as_ref().map(|meter| meter.held()).unwrap_or_default();
        Self { meter, before }
    }

    /// The limit that was reached, if any was.
    pub fn reached(&self) -> Option<Limit> {
        let now = self.meter.as_ref()?.held();
        if now.memory_kills > self.before.memory_kills {
            Some(Limit::Memory)
        } else if now.process_refusals > self.before.process_refusals {
            Some(Limit::Processes)
        } else {
            None
        }
    }

    /// Waits until one is reached: without a meter, for ever.
    pub async fn overrun(&self) {
        if self.meter.is_none() {
            return std::future::pending().await;
        }
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // The first is now: a program that is quick costs no look at all.
        looks.tick().await;
        loop {
            looks.tick().await;
            if self.reached().is_some() {
                return;
            }
        }
    }
}

/// What a program was held to.
pub struct Held<'a> {
    /// The limits of its session.
    pub limits: &'a SessionLimits,
    /// The memory of its session, in MB.
    pub memory_mb: Option<u64>,
    /// Its wall time.
    pub timeout: Option<Duration>,
    /// Bytes and files in the workspace at its end, where that was counted.
    pub workspace: Option<(u64, u64)>,
}

impl Held<'_> {
    /// The limit that ended a program, in words.
    pub fn reached(&self, exit: &Exit) -> Option<LimitReached> {
        const SIGXCPU: i32 = 24;
        const SIGXFSZ: i32 = 25;
        let (name, value) = match exit {
            Exit { timed_out: true, .. } => ("time", seconds(self.timeout?)),
            Exit { limit: Some(Limit::Memory), .. } => ("memory", self.memory()),
            Exit { limit: Some(Limit::Processes), .. } => ("processes", self.processes()),
            Exit { limit: Some(Limit::Storage), .. } => ("workspace", self.workspace()),
            Exit { limit: Some(Limit::Temporary), .. } => ("workspace", self.temporary()),
            Exit { signal: SIGXCPU, .. } => {
                ("cpu", format!("{} s of processor time", self.limits.cpu_seconds?))
            }
            Exit { signal: SIGXFSZ, .. } => {
                ("fileSize", format!("{} for one file", size(self.limits.file_size_bytes?)))
            }
            _ => return None,
        };
        Some(LimitReached { name: name.into(), value })
    }

    fn memory(&self) -> String {
        self.memory_mb.map_or_else(|| "memory".into(), |mb| format!("{mb} MB of memory"))
    }

    fn processes(&self) -> String {
        let most = self.limits.processes.map(|n| format!("{n} "));
        format!("{}processes and threads", most.unwrap_or_default())
    }

    /// Its bytes or its files, whichever it is; both where that can't be told.
    fn workspace(&self) -> String {
        let full = |most: Option<u64>, count: u64| most.filter(|most| count >= *most);
        let (bytes, files) = (self.limits.workspace_bytes, self.limits.workspace_files);
        let (bytes, files) = match self.workspace {
            Some((_, count)) if full(files, count).is_some() => (None, files),
            Some((count, _)) if full(bytes, count).is_some() => (bytes, None),
            _ => (bytes, files),
        };
        format!("{} in the workspace", room(bytes, files))
    }

    /// What is beside the workspace may hold as much as it.
    fn temporary(&self) -> String {
        let room = room(self.limits.workspace_bytes, self.limits.workspace_files);
        format!("{room} of temporary files and caches")
    }
}

fn room(bytes: Option<u64>, files: Option<u64>) -> String {
    let parts = [bytes.map(size), files.map(|most| format!("{most} files"))];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "room".into() } else { parts.join(" or ") }
}

/// Bytes as limits are set: in the largest unit that they are a whole number of.
fn size(bytes: u64) -> String {
    match bytes {
        b if b > 0 && b % MB == 0 => format!("{} MB", b / MB),
        b if b > 0 && b % KB == 0 => format!("{} kB", b / KB),
        b => format!("{b} bytes"),
    }
}

fn seconds(duration: Duration) -> String {
    let s = duration.as_secs_f64();
    match s {
        s if s < 1.0 => format!("{} ms", duration.as_millis()),
        s if s.fract() == 0.0 => format!("{s:.0} s"),
        s => format!("{s:.1} s"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limits() -> impl Strategy<Value = Limits> {
        let most = || prop_oneof![1u64..100, 1u64..=u64::MAX];
        let bytes = (most(), most(), most(), most());
        let counts = (most(), most(), most(), most());
        (bytes, counts, prop::option::of(most()), prop::option::of(1u64..1 << 40)).prop_map(
            |((memory_mb, file_size_bytes, workspace_bytes, output_bytes), counts, cpu_seconds, ms)| Limits {
                memory_mb,
                processes: counts.0,
                open_files: counts.1,
                file_size_bytes,
                workspace_bytes,
                workspace_files: counts.2,
                cpu_shares: counts.3,
                output_bytes,
                timeout: ms.map(Duration::from_millis),
                cpu_seconds,
            },
        )
    }

    fn wanted() -> impl Strategy<Value = SessionLimits> {
        let one = || prop::option::of(prop_oneof![Just(0), 1u64..100, any::<u64>()]);
        ((one(), one(), one(), one()), (one(), one(), one(), one(), one())).prop_map(|(a, b)| SessionLimits {
            timeout_ms: a.0,
            cpu_seconds: a.1,
            processes: a.2,
            open_files: a.3,
            file_size_bytes: b.0,
            workspace_bytes: b.1,
            workspace_files: b.2,
            output_bytes: b.3,
            cpu_shares: b.4,
        })
    }

    /// Never above what is configured, never 0, and exactly what was asked for where that is less.
    fn holds(most: Option<u64>, wanted: Option<u64>, got: Option<u64>) {
        let wanted = wanted.filter(|n| *n > 0);
        assert_ne!(got, Some(0));
        match (most, wanted) {
            (Some(most), Some(wanted)) => assert_eq!(got, Some(wanted.min(most))),
            (most, wanted) => assert_eq!(got, most.or(wanted)),
        }
    }

    proptest! {
        #[test]
        fn limits_are_lowered_freely_and_never_raised(
            most in limits(),
            wanted in wanted(),
            memory in prop::option::of(any::<u64>()),
        ) {
            let got = most.grant(&wanted);
            holds(most.timeout.map(millis), wanted.timeout_ms, got.timeout_ms);
            holds(most.cpu_seconds, wanted.cpu_seconds, got.cpu_seconds);
            holds(Some(most.cpu_shares), wanted.cpu_shares, got.cpu_shares);
            holds(Some(most.processes), wanted.processes, got.processes);
            holds(Some(most.open_files), wanted.open_files, got.open_files);
            holds(Some(most.file_size_bytes), wanted.file_size_bytes, got.file_size_bytes);
            holds(Some(most.workspace_bytes), wanted.workspace_bytes, got.workspace_bytes);
            holds(Some(most.workspace_files), wanted.workspace_files, got.workspace_files);
            holds(Some(most.output_bytes), wanted.output_bytes, got.output_bytes);
            holds(Some(most.memory_mb), memory, Some(most.grant_memory(memory)));
            // What was granted is granted again.
            prop_assert_eq!(most.grant(&got), got);
        }
    }

    #[test]
    fn what_is_configured_as_nothing_is_still_a_limit() {
        let none = Limits { processes: 0, memory_mb: 0, timeout: Some(Duration::ZERO), ..Limits::default() };
        let got = none.grant(&SessionLimits { processes: Some(9), ..SessionLimits::default() });
        assert_eq!((got.processes, got.timeout_ms, none.grant_memory(None)), (Some(1), Some(1), 1));
    }

    #[test]
    fn limits_are_told_with_their_values() {
        let limits = Limits::default().grant(&SessionLimits { cpu_seconds: Some(2), ..Default::default() });
        let held = |workspace| Held {
            limits: &limits,
            memory_mb: Some(512),
            timeout: Some(Duration::from_millis(1500)),
            workspace,
        };
        let killed = |limit| Exit { signal: 9, limit: Some(limit), ..Exit::default() };
        let full = killed(Limit::Storage);
        for (exit, workspace, name, value) in [
            (Exit { timed_out: true, ..killed(Limit::Memory) }, None, "time", "1.5 s"),
            (killed(Limit::Memory), None, "memory", "512 MB of memory"),
            (killed(Limit::Processes), None, "processes", "64 processes and threads"),
            (full, None, "workspace", "256 MB or 32768 files in the workspace"),
            (full, Some((300 << 20, 7)), "workspace", "256 MB in the workspace"),
            (full, Some((9, 32_768)), "workspace", "32768 files in the workspace"),
            // Files that have no name any more, or directories.
            (full, Some((9, 9)), "workspace", "256 MB or 32768 files in the workspace"),
            (
                killed(Limit::Temporary),
                None,
                "workspace",
                "256 MB or 32768 files of temporary files and caches",
            ),
            (Exit { signal: 24, ..Exit::default() }, None, "cpu", "2 s of processor time"),
            (Exit { signal: 25, ..Exit::default() }, None, "fileSize", "64 MB for one file"),
        ] {
            let told = held(workspace).reached(&exit).unwrap();
            assert_eq!((told.name.as_str(), told.value.as_str()), (name, value));
        }
        assert_eq!(held(None).reached(&Exit { signal: 9, ..Exit::default() }), None);
    }

    #[test]
    fn sizes_have_the_largest_unit_that_fits() {
        let sizes = [(64 << 20, "64 MB"), (1536 << 10, "1536 kB"), (1000, "1000 bytes"), (0, "0 bytes")];
        for (bytes, words) in sizes {
            assert_eq!(size(bytes), words);
        }
    }
}
