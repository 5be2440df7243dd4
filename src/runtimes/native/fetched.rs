//! Deno and Bun: found on the PATH or fetched.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::super::RuntimeSettings;
use super::probe::{Probes, is_script};
use super::{launch, missing, variables};
use crate::engine::{CodeFile, Environment, LaunchSpec, Runtime, SessionContext, Step};
use crate::protocol::{ErrorKind, Failure, Language, Progress, RuntimeInfo, RuntimeType};
use crate::provision::{self, Tool};

const LANGUAGES: [Language; 2] = [Language::JavaScript, Language::TypeScript];

/// Deno or Bun.
pub struct Fetched {
    tool: Tool,
    settings: Arc<RuntimeSettings>,
    probes: Arc<Probes>,
}

impl Fetched {
    /// The runtime of this tool.
    pub fn new(tool: Tool, settings: Arc<RuntimeSettings>, probes: Arc<Probes>) -> Self {
        Self { tool, settings, probes }
    }

    /// Its real program: what a version manager's script would start, not the script.
    async fn program(&self) -> Result<PathBuf, String> {
        let found = provision::find(self.tool, &self.settings.provision)
            .ok_or_else(|| format!("no {} on the PATH, and none fetched yet", self.tool.name()))?;
        if !is_script(&found.path) {
            return Ok(std::fs::canonicalize(&found.path).unwrap_or(found.path));
        }
        let question: &[&str] = match self.tool {
            Tool::Deno => &["eval", "console.log(Deno.execPath())"],
            Tool::Bun => &["-e", "console.log(process.execPath)"],
        };
        let path = self
            .probes
            .ask(&found.path, question)
            .await
            .map_err(|e| format!("{}: {e}", found.path.display()))?;
        Ok(PathBuf::from(path))
    }

    async fn look(&self) -> Result<(PathBuf, String), String> {
        let path = self.program().await?;
        let answer =
            self.probes.ask(&path, &["--version"]).await.map_err(|e| format!("{}: {e}", path.display()))?;
        // `deno 2.9.6 (stable, …)` or `1.4.5`.
        let first = answer.lines().next().unwrap_or_default();
        let version =
            first.split_whitespace().find(|w| w.starts_with(|c: char| c.is_ascii_digit())).unwrap_or(first);
        Ok((path, version.to_owned()))
    }

    async fn available(&self) -> Result<PathBuf, Failure> {
        self.program().await.map_err(|reason| {
            Failure::new(
                ErrorKind::NoRuntime,
                format!("{} is not available: {reason}", self.tool),
                self.fix(),
            )
        })
    }

    fn fix(&self) -> String {
        format!("codebeaker setup {} fetches it", self.tool.name())
    }

    /// What is called to run a file, up to the file.
    fn front(&self, program: &Path, context: &SessionContext) -> Vec<String> {
        let mut argv = vec![program.to_string_lossy().into_owned()];
        let flags: &[&str] = match self.tool {
            Tool::Deno => &[
                "run",
                "--no-prompt",
                "--no-config",
                "--no-lock",
                "--no-npm",
                "--no-remote",
                "--cached-only",
                "--deny-run",
                "--deny-ffi",
                "--allow-sys",
                // There is nothing in it but what the session was given.
                "--allow-env",
            ],
            Tool::Bun => &["--no-install", "--no-env-file", "--no-addons", "--config=/dev/null"],
        };
        argv.extend(flags.iter().map(|f| (*f).to_owned()));
        if self.tool == Tool::Deno {
            let tmp = context.directory.join("tmp");
            argv.extend(["read", "write"].map(|what| format!("--allow-{what}=/workspace,{}", tmp.display())));
            argv.extend(context.network.then(|| "--allow-net".to_owned()));
        }
        argv
    }
}

#[async_trait]
impl Runtime for Fetched {
    fn runtime_type(&self) -> RuntimeType {
        match self.tool {
            Tool::Deno => RuntimeType::Deno,
            Tool::Bun => RuntimeType::Bun,
        }
    }

    async fn info(&self, _refresh: bool) -> RuntimeInfo {
        let info = missing(self.runtime_type(), &LANGUAGES);
        match self.look().await {
            Ok((path, version)) => RuntimeInfo {
                available: true,
                version: Some(version),
                path: Some(path.to_string_lossy().into_owned()),
                ..info
            },
            Err(reason) => {
                RuntimeInfo { reason: Some(reason), fix: Some(self.fix()), fetchable: true, ..info }
            }
        }
    }

    async fn provision(&self, progress: mpsc::Sender<Progress>) -> Result<(), Failure> {
        let runtime = self.runtime_type();
        // A listener that is behind misses steps, never the end: that is the answer itself.
        let report = move |step| drop(progress.try_send(wire_progress(runtime, step)));
        let fetched = provision::fetch(self.tool, None, &self.settings.provision, &report).await;
        let failed =
            |e: provision::ProvisionError| Failure::new(ErrorKind::NoRuntime, e.to_string(), e.next_step());
        fetched.map(drop).map_err(failed)
    }

    async fn launch(&self, spec: LaunchSpec) -> Result<Environment, Failure> {
        let program = self.available().await?;
        let programs: Vec<&Path> = program.parent().into_iter().collect();
        let variables = variables(&spec.directory, &programs);
        launch::launch(&self.settings.launcher, spec, variables).await
    }

    async fn call(&self, context: &SessionContext, mut argv: Vec<String>) -> Result<Vec<String>, Failure> {
        if argv.first().is_some_and(|name| name == self.tool.name()) {
            let program = self.available().await?;
            let bare_file = argv.get(1).is_some_and(|a| is_code(a));
            argv[0] = program.to_string_lossy().into_owned();
            // `deno hello.ts`: a file where the verb should be.
            if self.tool == Tool::Deno && bare_file {
                argv.splice(0..1, self.front(&program, context));
            }
        }
        Ok(argv)
    }

    async fn plan(&self, context: &SessionContext, code: CodeFile) -> Result<Vec<Step>, Failure> {
        if !LANGUAGES.contains(&code.language) {
            return Err(Failure::new(
                ErrorKind::InvalidParams,
                format!("{} does not run {}", self.tool, code.language.title()),
                "create a session of that language",
            ));
        }
        let mut argv = self.front(&self.available().await?, context);
        argv.push(code.path);
        argv.extend(code.args);
        Ok(vec![Step::run(argv)])
    }
}

fn wire_progress(runtime: RuntimeType, progress: provision::Progress) -> Progress {
    let step = |what: &str| Progress::Step { runtime, what: what.to_owned() };
    match progress {
        provision::Progress::Waiting => step("waiting for another process that fetches it"),
        provision::Progress::Resolving { from } => Progress::Resolving { runtime, from },
        provision::Progress::Downloading { received, total, .. } => {
            Progress::Downloading { runtime, received, total }
        }
        provision::Progress::Verifying => step("verifying"),
        provision::Progress::Unpacking => step("unpacking"),
        provision::Progress::Done { version, .. } => Progress::Done { runtime, version },
    }
}

/// Whether an argument names a file with code.
fn is_code(argument: &str) -> bool {
    let extension = Path::new(argument).extension().and_then(|e| e.to_str());
    !argument.starts_with('-')
        && extension.is_some_and(|e| Language::from_extension(e).is_some_and(|l| LANGUAGES.contains(&l)))
}
