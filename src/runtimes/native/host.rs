//! NativeProcess: the interpreters and compilers that this machine has, each asked for its version.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::super::RuntimeSettings;
use super::csharp::{self, CSharp};
use super::places::{self, Installed};
use super::probe::{self, Probes};
use super::walls::Walls;
use super::{behind_walls, missing};
use crate::engine::{CodeFile, Environment, LaunchSpec, Runtime, SessionContext, Step};
use crate::protocol::{ErrorKind, Failure, Language, Progress, Provision, RuntimeInfo, RuntimeType};
use crate::sandbox::Bind;

/// A program that runs a language here.
#[derive(Clone, Debug)]
pub struct Interpreter {
    /// Which language.
    pub language: Language,
    /// Its name for people: `Python 3.11.2`.
    pub version: String,
    /// The real program, not a version manager's script, and what it needs.
    pub installed: Installed,
    /// How it is called, where that takes more than its path.
    pub csharp: Option<CSharp>,
}

/// The host's own interpreters.
pub struct Host {
    settings: Arc<RuntimeSettings>,
    probes: Arc<Probes>,
    walls: Arc<Walls>,
    found: Mutex<Option<Vec<Interpreter>>>,
}

impl Host {
    /// The interpreters on the PATH of `settings`.
    pub fn new(settings: Arc<RuntimeSettings>, probes: Arc<Probes>, walls: Arc<Walls>) -> Self {
        Self { settings, probes, walls, found: Mutex::default() }
    }

    async fn interpreters(&self, refresh: bool) -> Vec<Interpreter> {
        let known = self.found.lock().unwrap_or_else(PoisonError::into_inner).clone().filter(|_| !refresh);
        if let Some(known) = known {
            return known;
        }
        let path = self.settings.provision.search_path.as_deref();
        // TypeScript goes with node, where that is new enough to take the types away.
        let (python, node, go, csharp) = tokio::join!(
            self.python(path),
            self.node(path),
            self.go(path),
            csharp::find(path, &self.probes),
        );
        let typescript = node
            .iter()
            .filter(|n| strips_types(&n.version))
            .map(|n| Interpreter { language: Language::TypeScript, ..n.clone() });
        let found: Vec<Interpreter> = python
            .iter()
            .cloned()
            .chain(node.iter().cloned())
            .chain(typescript)
            .chain(go)
            .chain(csharp)
            .collect();
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(found.clone());
        found
    }

    /// The first of these names that answers; gives where it was found and the lines of its answer.
    async fn ask(
        &self,
        names: &[&str],
        path: Option<&OsStr>,
        question: &[&str],
    ) -> Option<(PathBuf, Vec<String>)> {
        for program in names.iter().filter_map(|name| probe::find(name, path)) {
            if let Ok(answer) = self.probes.ask(&program, question).await {
                return Some((program, answer.lines().map(str::to_owned).collect()));
            }
        }
        None
    }

    async fn python(&self, path: Option<&OsStr>) -> Option<Interpreter> {
        let (found, lines) = self.ask(&["python3", "python"], path, &["-c", PYTHON]).await?;
        let mut lines = lines.iter().map(String::as_str);
        let version = lines.next()?;
        let program = real(lines.next(), found);
        let (prefix, base) = (lines.next().unwrap_or("/usr"), lines.next().unwrap_or("/usr"));
        let fixed = lines.next() == Some("1");
        Some(Interpreter {
            language: Language::Python,
            version: format!("Python {version}"),
            installed: places::python(program, Path::new(prefix), Path::new(base), fixed),
            csharp: None,
        })
    }

    async fn node(&self, path: Option<&OsStr>) -> Option<Interpreter> {
        let (found, lines) = self.ask(&["node", "nodejs"], path, &["-p", NODE]).await?;
        let program = real(lines.get(1).map(String::as_str), found);
        Some(Interpreter {
            language: Language::JavaScript,
            version: format!("Node {}", lines.first()?),
            installed: Installed::alone(program, "node"),
            csharp: None,
        })
    }

    async fn go(&self, path: Option<&OsStr>) -> Option<Interpreter> {
        let program = probe::find("go", path)?;
        let answer = self.probes.ask(&program, &["env", "GOVERSION", "GOROOT"]).await.ok()?;
        let (version, root) = answer.split_once('\n')?;
        let root = PathBuf::from(root.trim());
        let real = root.join("bin/go");
        Some(Interpreter {
            language: Language::Go,
            version: format!("Go {}", version.trim().trim_start_matches("go")),
            installed: match real.is_file() {
                // It finds its library from where it is itself.
                true => Installed::new(real, vec![Bind { source: root, target: "/opt/go".into() }]),
                false => Installed::alone(program, "go"),
            },
            csharp: None,
        })
    }

    async fn interpreter(&self, language: Language) -> Result<Interpreter, Failure> {
        let found = self.interpreters(false).await;
        found.into_iter().find(|i| i.language == language).ok_or_else(|| {
            Failure::new(
                ErrorKind::NoRuntime,
                format!("this machine has no interpreter for {}", language.title()),
                hint(language),
            )
        })
    }
}

/// Prints Python's version, its real program, where its library is, also that of a virtual environment's base, and
/// whether its own library has a fixed place; fails for Python 2.
const PYTHON: &str = "import sys, sysconfig; assert sys.version_info >= (3,); print(sys.version.split()[0]); \
    print(sys.executable); print(sys.prefix); print(sys.base_prefix); \
    print(int(bool(sysconfig.get_config_var('Py_ENABLE_SHARED'))))";
/// Prints Node's version and its real program.
const NODE: &str = "process.version.slice(1)+'\\n'+process.execPath";

/// Where a program says it is; one that doesn't know is where it was found.
fn real(told: Option<&str>, found: PathBuf) -> PathBuf {
    told.map(PathBuf::from).filter(|p| p.is_absolute() && p.is_file()).unwrap_or(found)
}

/// Whether this Node takes away TypeScript's types by itself: since 22.18 and 23.6.
pub fn strips_types(version: &str) -> bool {
    let number = version.rsplit(' ').next().unwrap_or_default();
    let mut parts = number.split('.').map(|p| p.parse::<u32>().unwrap_or(0));
    match (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) {
        (22, minor) => minor >= 18,
        (23, minor) => minor >= 6,
        (major, _) => major > 23,
    }
}

fn hint(language: Language) -> &'static str {
    match language {
        Language::Python => "install python3",
        Language::JavaScript | Language::TypeScript => "codebeaker setup bun fetches a runtime for it",
        Language::Go => "install Go",
        Language::CSharp => "install the .NET SDK, or Mono with its compiler",
    }
}

#[async_trait]
impl Runtime for Host {
    fn runtime_type(&self) -> RuntimeType {
        RuntimeType::NativeProcess
    }

    async fn info(&self, refresh: bool) -> RuntimeInfo {
        let found = self.interpreters(refresh).await;
        let mut languages: Vec<Language> = found.iter().map(|i| i.language).collect();
        languages.dedup();
        let info = missing(RuntimeType::NativeProcess, &languages, &self.walls, refresh).await;
        if found.is_empty() {
            return RuntimeInfo {
                languages: vec![Language::Python, Language::JavaScript, Language::Go, Language::CSharp],
                reason: Some("no python3, node, go, dotnet or mono on the PATH".into()),
                fix: Some("install one of them, for example python3".into()),
                ..info
            };
        }
        let list = |text: fn(&Interpreter) -> String| {
            let mut all: Vec<String> = found.iter().map(text).collect();
            all.dedup();
            all.join(", ")
        };
        let info = RuntimeInfo {
            available: true,
            version: Some(list(|i| i.version.clone())),
            path: Some(list(|i| i.installed.program.to_string_lossy().into_owned())),
            ..info
        };
        behind_walls(info, &self.walls).await
    }

    async fn provision(&self, _: &Provision, _progress: mpsc::Sender<Progress>) -> Result<(), Failure> {
        Err(Failure::new(
            ErrorKind::InvalidParams,
            "the host's own interpreters are not fetched",
            "install them with the system's package manager",
        ))
    }

    async fn launch(&self, spec: LaunchSpec) -> Result<Environment, Failure> {
        let mut found = self.interpreters(false).await;
        // First what the session is for; the others are there as they can be.
        found.sort_by_key(|interpreter| interpreter.language != spec.language);
        let mut installed: Vec<Installed> = Vec::new();
        for interpreter in found {
            // TypeScript's is JavaScript's.
            if !installed.contains(&interpreter.installed) {
                installed.push(interpreter.installed);
            }
        }
        self.walls.launch(spec, &installed).await
    }

    async fn call(&self, _context: &SessionContext, argv: Vec<String>) -> Result<Vec<String>, Failure> {
        // The interpreters' directories come first in the PATH.
        Ok(argv)
    }

    async fn plan(&self, context: &SessionContext, code: CodeFile) -> Result<Vec<Step>, Failure> {
        let interpreter = self.interpreter(code.language).await?;
        let program = interpreter.installed.program(context).to_string_lossy().into_owned();
        let run = |front: &[&str]| {
            let front = front.iter().map(|f| (*f).to_owned());
            let argv = std::iter::once(program.clone()).chain(front).chain([code.path.clone()]);
            Step::run(argv.chain(code.args.iter().cloned()))
        };
        Ok(match (code.language, &interpreter.csharp) {
            (Language::CSharp, Some(csharp)) => {
                let inside = |path: &Path| interpreter.installed.path(path, context);
                csharp.plan(&program, &inside, &code)
            }
            (Language::Go, _) => {
                // Built and then run, not `go run`: that gives its own exit code in place of the program's.
                let binary = format!("{}/program", code.build);
                let build =
                    Step::compile([program.as_str(), "build", "-o", &binary, "--", code.path.as_str()]);
                let run = Step::run(std::iter::once(format!("./{binary}")).chain(code.args.clone()));
                vec![build, run]
            }
            // That it strips types is no news.
            (Language::TypeScript, _) => vec![run(&["--disable-warning=ExperimentalWarning"])],
            _ => vec![run(&[])],
        })
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn node_strips_types_since_22_18_and_23_6() {
        for (version, strips) in [
            ("Node 20.20.2", false),
            ("Node 22.17.9", false),
            ("Node 22.18.0", true),
            ("Node 23.5.0", false),
            ("Node 24.1.0", true),
        ] {
            assert_eq!(super::strips_types(version), strips, "{version}");
        }
    }
}
