//! The native runtimes as tests have them, code in each of their languages, and what is left of sessions afterwards.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use codebeaker::engine::{Engine, Runtime};
use codebeaker::protocol::{Language, RuntimeType};
use codebeaker::provision::{self, Tool};
use codebeaker::runtimes::{self, Marks, RuntimeSettings, Tier};

use super::docker::{self, Yard};
use super::require;

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The built binary. A test that runs itself again as somebody else, who can't read where it was built, names a copy
/// of it by `CODEBEAKER_TEST_BIN`.
pub fn binary() -> PathBuf {
    std::env::var_os("CODEBEAKER_TEST_BIN")
        .map_or_else(|| env!("CARGO_BIN_EXE_codebeaker").into(), PathBuf::from)
}

/// Where tests keep things from one run to the next; for somebody else, what `CODEBEAKER_TEST_DATA` says.
pub fn kept() -> PathBuf {
    std::env::var_os("CODEBEAKER_TEST_DATA").map_or_else(|| env!("CARGO_TARGET_TMPDIR").into(), PathBuf::from)
}

/// Where Deno and Bun are kept from one test run to the next.
pub fn data_dir() -> PathBuf {
    kept().join("data")
}

fn provision_settings() -> provision::Settings {
    provision::Settings { data_dir: data_dir(), ..provision::Settings::from_env() }
}

/// The settings of runtimes that keep what they learn in `place`, launched by the built binary.
pub fn settings_in(place: &Path) -> RuntimeSettings {
    let cache = place.join("runtimes.json");
    RuntimeSettings { launcher: binary(), ..RuntimeSettings::new(provision_settings(), Some(cache)) }
}

/// All native runtimes. An engine over these never talks to Docker.
pub fn all() -> Vec<Arc<dyn Runtime>> {
    over(settings_in(&kept()))
}

/// The native runtimes, with these settings.
pub fn over(settings: RuntimeSettings) -> Vec<Arc<dyn Runtime>> {
    let mut all = runtimes::all(settings);
    all.retain(|runtime| runtime.runtime_type() != RuntimeType::Docker);
    all
}

/// As [`all`], behind this wall alone; with the system's own interpreters, which any user of a session's may execute.
pub fn behind(tier: Tier) -> Vec<Arc<dyn Runtime>> {
    over(settings_behind(tier))
}

/// The settings of [`behind`].
pub fn settings_behind(tier: Tier) -> RuntimeSettings {
    // What is remembered of one wall is none of the others' business.
    let cache = kept().join(format!("{tier:?}").to_lowercase()).join("runtimes.json");
    let provision = provision::Settings {
        search_path: Some("/usr/local/bin:/usr/bin:/bin".into()),
        ..provision_settings()
    };
    RuntimeSettings { launcher: binary(), only: Some(tier), ..RuntimeSettings::new(provision, Some(cache)) }
}

/// Deno or Bun, fetched where it isn't there. Whether it is there now.
pub fn fetched(tool: Tool) -> bool {
    static FETCHED: [OnceLock<Result<(), String>>; 2] = [OnceLock::new(), OnceLock::new()];
    let fetch = || {
        let settings = provision_settings();
        if provision::find(tool, &settings).is_some() {
            return Ok(());
        }
        // A thread of its own, because the caller's may be in a runtime already.
        let fetching = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(provision::fetch(tool, None, &settings, &|_| {})).map(drop)
        });
        fetching.join().unwrap().map_err(|e| format!("it can't be fetched: {e}"))
    };
    require(tool.name(), FETCHED[tool as usize].get_or_init(fetch).clone())
}

/// A language on a runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Deno,
    Bun,
    Python,
    JavaScript,
    Go,
    CSharp,
    DockerPython,
    DockerJavaScript,
    DockerGo,
    DockerCSharp,
    /// As [`Self::DockerPython`], where no directory of this machine's can be given to containers.
    AttachedPython,
}

impl Kind {
    pub fn runtime(self) -> RuntimeType {
        match self {
            Self::Deno => RuntimeType::Deno,
            Self::Bun => RuntimeType::Bun,
            Self::Python | Self::JavaScript | Self::Go | Self::CSharp => RuntimeType::NativeProcess,
            _ => RuntimeType::Docker,
        }
    }

    pub fn language(self) -> Language {
        match self {
            Self::Deno | Self::Bun => Language::TypeScript,
            Self::Python | Self::DockerPython | Self::AttachedPython => Language::Python,
            Self::JavaScript | Self::DockerJavaScript => Language::JavaScript,
            Self::Go | Self::DockerGo => Language::Go,
            Self::CSharp | Self::DockerCSharp => Language::CSharp,
        }
    }

    /// Whether its sessions are containers.
    pub fn in_container(self) -> bool {
        self.runtime() == RuntimeType::Docker
    }

    /// Where its containers come from; `None` where it has none. Some of JavaScript's stand ready, as by default.
    pub async fn yard(self) -> Option<Yard> {
        if !self.in_container() {
            return None;
        }
        let ready = if self == Self::DockerJavaScript { Marks::default().high } else { 0 };
        Yard::new(ready, self == Self::AttachedPython).await
    }

    /// Whether tests of it can run here.
    pub async fn is_here(self, engine: &dyn Engine) -> bool {
        match self {
            Self::Deno => fetched(Tool::Deno),
            Self::Bun => fetched(Tool::Bun),
            _ if self.in_container() => docker::runs(self.language()).await,
            _ => {
                let info = engine.runtime(RuntimeType::NativeProcess, false).await.unwrap();
                let here = info.available && info.languages.contains(&self.language());
                let name = format!("{self:?}").to_lowercase();
                require(&name, here.then_some(()).ok_or_else(|| "there is no interpreter for it".into()))
            }
        }
    }

    /// Prints `out` and, on standard error, `err`; ends with code 3.
    pub fn failing(self) -> &'static str {
        match self.language() {
            Language::Python => "import sys\nprint('out')\nprint('err', file=sys.stderr)\nsys.exit(3)",
            Language::Go => {
                "package main\nimport (\"fmt\"; \"os\")\nfunc main() { fmt.Println(\"out\"); \
                 fmt.Fprintln(os.Stderr, \"err\"); os.Exit(3) }"
            }
            Language::CSharp => {
                "using System; class P { static int Main() { Console.WriteLine(\"out\"); \
                 Console.Error.WriteLine(\"err\"); return 3; } }"
            }
            _ => "console.log('out'); console.error('err'); process.exitCode = 3;",
        }
    }

    /// Prints a number.
    pub fn printing(self, number: usize) -> String {
        match self.language() {
            Language::Python => format!("print({number})"),
            Language::Go => format!("package main\nimport \"fmt\"\nfunc main() {{ fmt.Println({number}) }}"),
            Language::CSharp => {
                format!("class P {{ static void Main() {{ System.Console.WriteLine({number}); }} }}")
            }
            _ => format!("console.log({number})"),
        }
    }

    /// Prints whether it runs in a terminal; in one its size too, again whenever that changes, without end.
    pub fn in_a_terminal(self) -> &'static str {
        match self.language() {
            Language::Python => {
                "import os, signal, sys\nprint(str(sys.stdout.isatty()).lower())\n\
                 size = lambda *_: print('{0.lines}x{0.columns}'.format(os.get_terminal_size()))\n\
                 if sys.stdout.isatty():\n    signal.signal(signal.SIGWINCH, size)\n    size()\n\
                 \x20   while True: signal.pause()"
            }
            _ => {
                "const out = process.stdout; let last = '';\nconsole.log(String(out.isTTY === true));\n\
                 const look = () => { const now = `${out.rows}x${out.columns}`; if (now !== last) console.log(last = now); };\n\
                 if (out.isTTY) { look(); setInterval(look, 20); process.on('SIGWINCH', look); }"
            }
        }
    }

    /// Waits for ever.
    pub fn endless(self) -> &'static str {
        match self.language() {
            Language::Python => "import time\ntime.sleep(1000)",
            Language::Go => "package main\nfunc main() { select {} }",
            Language::CSharp => "class P { static void Main() { System.Threading.Thread.Sleep(-1); } }",
            _ => "setInterval(() => {}, 1000);",
        }
    }

    /// Prints its arguments, each in brackets, its variable GREETING, and its standard input.
    pub fn telling(self) -> &'static str {
        match self.language() {
            Language::Python => {
                "import os, sys\nfor a in sys.argv[1:]: print(f'[{a}]', end='')\n\
                 print(os.environ.get('GREETING', 'none'))\nprint(sys.stdin.read(), end='')"
            }
            Language::Go => {
                "package main\nimport (\"fmt\"; \"io\"; \"os\")\nfunc main() {\n\
                 for _, a := range os.Args[1:] { fmt.Printf(\"[%s]\", a) }\n\
                 fmt.Println(os.Getenv(\"GREETING\")); io.Copy(os.Stdout, os.Stdin) }"
            }
            Language::CSharp => {
                "using System; class P { static void Main(string[] args) {\n\
                 foreach (var a in args) Console.Write(\"[\" + a + \"]\");\n\
                 Console.WriteLine(Environment.GetEnvironmentVariable(\"GREETING\"));\n\
                 Console.Write(Console.In.ReadToEnd()); } }"
            }
            _ => {
                "process.stdout.write(process.argv.slice(2).map((a) => `[${a}]`).join(''));\n\
                 console.log(process.env.GREETING ?? 'none');\nprocess.stdin.pipe(process.stdout);"
            }
        }
    }
}

/// Waits for something that can only be looked at, and fails with what it waited for.
pub async fn until(what: &str, mut there: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !there() {
        assert!(begin.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Seconds that nobody else sleeps: a `sleep` of so long is found by [`sleeping`], in whatever namespace it is.
pub fn nap() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("1000.{:07}{:05}", std::process::id() % 10_000_000, NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The processes, but for zombies, of which an argument contains `nap`.
pub fn sleeping(nap: &str) -> Vec<i32> {
    pids()
        .filter(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.windows(nap.len()).any(|w| w == nap.as_bytes())
        })
        .collect()
}

/// The numbers of all processes that can be seen.
pub fn pids() -> impl Iterator<Item = i32> {
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Processes, but for zombies, that stand in `root` or below it, or have a variable or an argument that names it, and
/// all that these have started: what is behind a wall names nothing of this side, but its launcher does.
pub fn processes(root: &Path) -> Vec<(i32, String)> {
    let needle = root.to_str().unwrap().as_bytes();
    let names = |bytes: Vec<u8>| bytes.windows(needle.len()).any(|w| w == needle);
    // Each with its parent, and whether it is a zombie.
    let all: Vec<(i32, i32, bool)> = pids()
        .filter_map(|pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
            let zombie = fields.next()? == "Z";
            Some((pid, fields.next()?.parse().ok()?, zombie))
        })
        .collect();
    let me = std::process::id() as i32;
    let mut found: Vec<i32> = all
        .iter()
        .map(|(pid, ..)| *pid)
        .filter(|pid| {
            let inside =
                std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(root));
            let named = |file| std::fs::read(format!("/proc/{pid}/{file}")).is_ok_and(&names);
            *pid != me && (inside || named("environ") || named("cmdline"))
        })
        .collect();
    let mut next = 0;
    while next < found.len() {
        let below = all.iter().filter(|(_, parent, _)| *parent == found[next]).map(|(pid, ..)| *pid);
        let below: Vec<i32> = below.filter(|pid| !found.contains(pid)).collect();
        found.extend(below);
        next += 1;
    }
    let alive = |pid: &i32| all.iter().any(|(p, _, zombie)| p == pid && !zombie);
    let line = |pid: i32| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    found.retain(alive);
    found.into_iter().map(|pid| (pid, String::from_utf8_lossy(&line(pid)).replace('\0', " "))).collect()
}
