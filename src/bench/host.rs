//! The machine that measures, and what else it does meanwhile.

use std::fs;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

/// What is hashed.
static YARDSTICK: [u8; 128 << 10] = [7; 128 << 10];

/// The machine. Absent or empty is not known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// The system: `Debian GNU/Linux 12 (bookworm)`.
    pub system: String,
    /// The kernel's release.
    pub kernel: String,
    /// `x86_64`.
    pub architecture: String,
    /// The processor's model.
    pub processor: String,
    /// Processors this program may use.
    pub processors: usize,
    /// Memory, in MB (10^6 bytes).
    pub memory_mb: Option<u64>,
}

impl Host {
    /// This one.
    pub fn here() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let release = read("/etc/os-release");
        let value = |text: &str, name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.map(|rest| {
                rest.trim_matches(|c: char| c == '"' || c == ':' || c == '=' || c.is_whitespace())
            })
            .unwrap_or_default()
            .to_owned()
        };
        let memory = value(&read("/proc/meminfo"), "MemTotal");
        Self {
            name: read("/proc/sys/kernel/hostname").trim().to_owned(),
            system: value(&release, "PRETTY_NAME"),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            architecture: std::env::consts::ARCH.to_owned(),
            processor: value(&read("/proc/cpuinfo"), "model name"),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mb: memory
                .split_whitespace()
                .next()
                .and_then(|kb| kb.parse().ok())
                .map(|kb: u64| kb * 1024 / 1_000_000),
        }
    }

    /// Figures of the two can be held against each other: it is the same machine, as far as that can be seen.
    pub fn is_like(&self, other: &Self) -> bool {
        let of =
            |host: &Self| (host.name.clone(), host.processor.clone(), host.processors, host.kernel.clone());
        of(self) == of(other)
    }
}

/// What else a machine did while it measured. Absent is not known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Noise {
    /// Programs that ran or wanted to, in the mean of the minute before the first sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_before: Option<f64>,
    /// The same at the end, with the benchmark's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_after: Option<f64>,
    /// How long a piece of work that is always the same took in the median, between samples, in milliseconds: where two
    /// benchmarks differ in this, the machine itself was faster or slower.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yardstick: Option<f64>,
    /// The share of time that a hypervisor gave to other machines, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steal: Option<f64>,
}

/// A load of so much for each processor before anything was measured makes a machine a noisy one.
const NOISY_LOAD: f64 = 0.5;
/// So does this share of time given to other machines.
const NOISY_STEAL: f64 = 0.02;

impl Noise {
    /// By how much the machine itself was slower or faster than at another time, as a share; 0 where that is not known.
    pub fn drift(&self, before: &Self) -> f64 {
        let ratio = self.yardstick.zip(before.yardstick).map(|(now, then)| now / then);
        ratio
            .filter(|ratio| ratio.is_finite() && *ratio > 0.0)
            .map_or(0.0, |ratio| ratio.max(1.0 / ratio) - 1.0)
    }

    /// What makes intervals wide, in words; `None` of a quiet machine, or one that doesn't tell.
    pub fn warning(&self, processors: usize) -> Option<String> {
        let load = self.load_before.filter(|load| *load > NOISY_LOAD * processors as f64);
        let steal = self.steal.filter(|share| *share > NOISY_STEAL);
        let load = load.map(|load| format!("load {load:.1} on {processors} cores"));
        let steal = steal.map(|share| format!("{:.0} % of the time taken by other machines", share * 100.0));
        let all: Vec<String> = load.into_iter().chain(steal).collect();
        (!all.is_empty()).then(|| format!("noisy host: {}; intervals may be wide", all.join(", ")))
    }
}

/// The most times that the yardstick is kept of.
const YARDSTICKS: usize = 4096;

/// Watches what else goes on, from its making on.
#[derive(Debug)]
pub struct Watch {
    load_before: Option<f64>,
    times: Option<(u64, u64)>,
    yardsticks: Vec<f64>,
}

impl Watch {
    /// Begins.
    pub fn begin() -> Self {
        Self { load_before: load(), times: times(), yardsticks: Vec::new() }
    }

    /// Does the piece of work that is always the same: the hash of 128 KiB, well under a millisecond.
    pub fn yardstick(&mut self) {
        if self.yardsticks.len() < YARDSTICKS {
            let begun = Instant::now();
            std::hint::black_box(sha2::Sha256::digest(std::hint::black_box(&YARDSTICK)));
            self.yardsticks.push(begun.elapsed().as_secs_f64() * 1e3);
        }
    }

    /// What there was up to now.
    pub fn noise(&self) -> Noise {
        let steal = self.times.zip(times()).and_then(|((all, stolen), (all_now, stolen_now))| {
            let passed = all_now.checked_sub(all).filter(|passed| *passed > 0)?;
            Some(stolen_now.saturating_sub(stolen) as f64 / passed as f64)
        });
        let yardstick = super::stats::median(&self.yardsticks);
        Noise { load_before: self.load_before, load_after: load(), yardstick, steal }
    }
}

/// Whether it would be a noisy machine that measured now. One that doesn't tell is not.
pub fn is_noisy() -> bool {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    Noise { load_before: load(), ..Noise::default() }.warning(processors).is_some()
}

fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

/// Ticks of all processors since the start: all of them, and those that were stolen.
fn times() -> Option<(u64, u64)> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    // user nice system idle iowait irq softirq steal; what follows is counted in these already.
    let ticks: Vec<u64> = line.split_whitespace().take(8).map_while(|n| n.parse().ok()).collect();
    Some((ticks.iter().sum(), *ticks.get(7)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_and_like_itself() {
        let host = Host::here();
        assert!(host.processors > 0 && !host.kernel.is_empty() && host.memory_mb.is_some(), "{host:?}");
        assert!(host.is_like(&Host::here()));
        assert!(!host.is_like(&Host { processors: host.processors + 1, ..host.clone() }));
    }

    #[test]
    fn a_noisy_host_is_named() {
        let quiet =
            Noise { load_before: Some(0.3), load_after: Some(1.9), steal: Some(0.0), yardstick: Some(0.5) };
        assert_eq!(quiet.warning(2), None);
        let loaded = Noise { load_before: Some(2.4), ..quiet };
        assert_eq!(
            loaded.warning(2).as_deref(),
            Some("noisy host: load 2.4 on 2 cores; intervals may be wide")
        );
        assert_eq!(Noise::default().warning(2), None);
        let slower = Noise { yardstick: Some(0.6), ..quiet.clone() };
        assert!((slower.drift(&quiet) - 0.2).abs() < 1e-9 && (quiet.drift(&slower) - 0.2).abs() < 1e-9);
        assert_eq!(quiet.drift(&Noise::default()), 0.0);
    }
}
