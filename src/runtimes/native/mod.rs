//! Native runtimes: programs of this machine, confined by the launcher of `sandbox`.

mod csharp;
mod fetched;
mod host;
mod launch;
mod probe;

pub use fetched::Fetched;
pub use host::Host;
pub use probe::Probes;

use std::collections::BTreeMap;
use std::path::Path;

use crate::engine::nominal;
use crate::protocol::{IsolationReport, Language, LayerReport, RuntimeInfo, RuntimeType};
use crate::sandbox;

/// Puts on the layers and becomes the agent; never returns.
pub fn launcher_entry() -> ! {
    sandbox::entry()
}

/// What isolates a native session on this machine.
fn isolation() -> IsolationReport {
    let layers = sandbox::report();
    let active: Vec<sandbox::Layer> = layers.iter().filter(|l| l.active).map(|l| l.layer).collect();
    IsolationReport {
        score: sandbox::score(&active),
        letters: sandbox::Letters::of(&active).to_string(),
        tier: String::new(),
        layers: layers
            .into_iter()
            .map(|l| LayerReport { name: l.layer.name().into(), active: l.active, detail: l.detail })
            .collect(),
    }
}

/// A runtime of which nothing was found yet.
fn missing(runtime: RuntimeType, languages: &[Language]) -> RuntimeInfo {
    let isolation = isolation();
    RuntimeInfo {
        runtime,
        available: false,
        version: None,
        path: None,
        reason: None,
        fix: None,
        fetchable: false,
        languages: languages.to_vec(),
        capabilities: nominal(runtime, isolation.score),
        measured: None,
        isolation,
    }
}

/// The variables of every program in a session: nothing of ours is inherited. `programs` come first in the PATH.
fn variables(directory: &Path, programs: &[&Path]) -> BTreeMap<String, String> {
    let below = |name: &str| directory.join(name).to_string_lossy().into_owned();
    let mut path: Vec<String> = programs.iter().map(|p| p.to_string_lossy().into_owned()).collect();
    path.extend(["/usr/local/bin", "/usr/bin", "/bin"].map(str::to_owned));
    let mut seen = std::collections::BTreeSet::new();
    path.retain(|p| seen.insert(p.clone()));
    let cache = |name: &str| below(&format!("cache/{name}"));
    [
        ("PATH", path.join(":")),
        ("HOME", "/workspace".into()),
        ("TMPDIR", below("tmp")),
        ("XDG_CACHE_HOME", below("cache")),
        ("LANG", "C.UTF-8".into()),
        // Output is to be seen when it is written, not when a buffer is full.
        ("PYTHONUNBUFFERED", "1".into()),
        ("PYTHONDONTWRITEBYTECODE", "1".into()),
        ("DENO_DIR", cache("deno")),
        ("DENO_NO_UPDATE_CHECK", "1".into()),
        ("DENO_NO_PROMPT", "1".into()),
        ("DO_NOT_TRACK", "1".into()),
        ("BUN_RUNTIME_TRANSPILER_CACHE_PATH", "0".into()),
        ("BUN_INSTALL", cache("bun")),
        ("GOCACHE", cache("go-build")),
        ("GOPATH", cache("go")),
        ("GOTOOLCHAIN", "local".into()),
        ("DOTNET_CLI_HOME", cache("dotnet")),
        ("DOTNET_CLI_TELEMETRY_OPTOUT", "1".into()),
        ("DOTNET_NOLOGO", "1".into()),
        ("DOTNET_SKIP_FIRST_TIME_EXPERIENCE", "1".into()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}
