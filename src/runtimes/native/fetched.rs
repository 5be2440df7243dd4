//! Deno and Bun: found on the PATH or fetched.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::super::RuntimeSettings;
use super::places::{self, Installed};
use super::probe::{Probes, is_script};
use super::walls::Walls;
use super::{behind_walls, missing};
use crate::engine::{CodeFile, Environment, LaunchSpec, Runtime, SessionContext, Step, from_package_json};
use crate::protocol::{
    ErrorKind, Failure, InstallPackages, Language, Progress, Provision, RuntimeInfo, RuntimeType,
};
use crate::provision::{self, Tool};

const LANGUAGES: [Language; 2] = [Language::JavaScript, Language::TypeScript];

/// Deno or Bun.
pub struct Fetched {
    tool: Tool,
    settings: Arc<RuntimeSettings>,
    probes: Arc<Probes>,
    walls: Arc<Walls>,
}

impl Fetched {
    /// The runtime of this tool.
    pub fn new(tool: Tool, settings: Arc<RuntimeSettings>, probes: Arc<Probes>, walls: Arc<Walls>) -> Self {
        Self { tool, settings, probes, walls }
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

    async fn available(&self) -> Result<Installed, Failure> {
        let program = self.program().await;
        program.map(|program| Installed::alone(program, self.tool.name())).map_err(|reason| {
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

    /// What is called to run a file, up to the file. The wall is the operating system's: these keep a program from
    /// what it would find no use for, and out of what others left lying about.
    fn front(&self, installed: &Installed, context: &SessionContext) -> Vec<String> {
        let program = installed.program(context).to_string_lossy().into_owned();
        let own = match self.tool {
            Tool::Deno => deno_flags(context),
            Tool::Bun => bun_flags(context),
        };
        std::iter::once(program).chain(own).collect()
    }
}

/// Deno's own permissions, within the wall. Variables are there to be read: there are none but the session's.
fn deno_flags(context: &SessionContext) -> Vec<String> {
    let mut flags: Vec<String> =
        vec!["run".into(), "--no-prompt".into(), "--no-config".into(), "--no-lock".into()];
    let tmp = places::tmp(context);
    flags.extend(["read", "write"].map(|what| format!("--allow-{what}=/workspace,{}", tmp.display())));
    flags.extend(["--deny-run", "--deny-ffi", "--allow-sys", "--allow-env"].map(str::to_owned));
    if context.network {
        flags.extend(["--allow-net", "--allow-import"].map(str::to_owned));
    } else {
        flags.extend(["--no-npm", "--no-remote", "--cached-only", "--deny-import"].map(str::to_owned));
        // Its own loopback, where it has one.
        flags.extend(context.own_root.then(|| "--allow-net=127.0.0.1,localhost,[::1],0.0.0.0".to_owned()));
    }
    // Objects are to end with a message of V8's, before the kernel ends the program.
    let heap = (context.memory_limit_mb * 3 / 4).max(16);
    flags.push(format!("--v8-flags=--max-old-space-size={heap}"));
    flags
}

fn bun_flags(context: &SessionContext) -> Vec<String> {
    let install = if context.network { "--install=fallback" } else { "--no-install" };
    [install, "--no-env-file", "--no-addons", "--config=/dev/null"].map(str::to_owned).to_vec()
}

#[async_trait]
impl Runtime for Fetched {
    fn runtime_type(&self) -> RuntimeType {
        match self.tool {
            Tool::Deno => RuntimeType::Deno,
            Tool::Bun => RuntimeType::Bun,
        }
    }

    async fn info(&self, refresh: bool) -> RuntimeInfo {
        let info = missing(self.runtime_type(), &LANGUAGES, &self.walls, refresh).await;
        match self.look().await {
            Ok((path, version)) => {
                let path = Some(path.to_string_lossy().into_owned());
                let info = RuntimeInfo { available: true, version: Some(version), path, ..info };
                behind_walls(info, &self.walls).await
            }
            Err(reason) => {
                RuntimeInfo { reason: Some(reason), fix: Some(self.fix()), fetchable: true, ..info }
            }
        }
    }

    async fn provision(&self, _: &Provision, progress: mpsc::Sender<Progress>) -> Result<(), Failure> {
        let runtime = self.runtime_type();
        // A listener that is behind misses steps, never the end: that is the answer itself.
        let report = move |step| drop(progress.try_send(wire_progress(runtime, step)));
        let fetched = provision::fetch(self.tool, None, &self.settings.provision, &report).await;
        let failed =
            |e: provision::ProvisionError| Failure::new(ErrorKind::NoRuntime, e.to_string(), e.next_step());
        fetched.map(drop).map_err(failed)
    }

    async fn launch(&self, spec: LaunchSpec) -> Result<Environment, Failure> {
        let installed = [self.available().await?];
        self.walls.launch(spec, &installed).await
    }

    async fn call(&self, context: &SessionContext, argv: Vec<String>) -> Result<Vec<String>, Failure> {
        let named = argv
            .first()
            .is_some_and(|name| Path::new(name).file_name().is_some_and(|file| file == self.tool.name()));
        if !named {
            return Ok(argv);
        }
        let installed = self.available().await?;
        Ok(match own_call(self.tool, &argv[1..]) {
            Some(from_file) => {
                self.front(&installed, context).into_iter().chain(from_file.iter().cloned()).collect()
            }
            None => {
                let program = installed.program(context).to_string_lossy().into_owned();
                std::iter::once(program).chain(argv[1..].iter().cloned()).collect()
            }
        })
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

    async fn install(
        &self,
        context: &SessionContext,
        _language: Language,
        wanted: &InstallPackages,
    ) -> Result<Vec<Step>, Failure> {
        if self.tool == Tool::Deno {
            return Err(Failure::new(
                ErrorKind::InvalidParams,
                "Deno installs no packages ahead",
                "import them by \"npm:NAME\" or \"jsr:NAME\": it fetches what is imported",
            ));
        }
        let program = self.available().await?.program(context).to_string_lossy().into_owned();
        let verb = if wanted.packages.is_empty() { "install" } else { "add" };
        Ok(vec![from_package_json(&[program.as_str(), verb], wanted)?])
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

/// Of a call that runs a file, with or without `run` in front: the file and what comes after it. What the caller wrote
/// before it is not passed on: it is for us to say how a file is run. Other verbs are left as they are.
fn own_call(tool: Tool, arguments: &[String]) -> Option<&[String]> {
    let mut run = false;
    let mut at = 0;
    while let Some(argument) = arguments.get(at) {
        if VALUES.contains(&argument.as_str()) {
            at += 2;
        } else if argument.starts_with('-') {
            at += 1;
        } else if argument == "run" && !run {
            (run, at) = (true, at + 1);
        } else {
            // What Bun runs without such an ending may be a script of package.json.
            return (is_code(argument) || run && tool == Tool::Deno).then_some(&arguments[at..]);
        }
    }
    None
}

/// Options of Deno and Bun whose value is the next argument.
const VALUES: [&str; 34] = [
    "-c",
    "--config",
    "--import-map",
    "--lock",
    "--cert",
    "--location",
    "-L",
    "--log-level",
    "--seed",
    "--ext",
    "--preload",
    "-r",
    "--require",
    "--import",
    "--tsconfig-override",
    "--cwd",
    "-d",
    "--define",
    "-l",
    "--loader",
    "--main-fields",
    "--conditions",
    "--env-file",
    "--title",
    "--port",
    "--external",
    "--install",
    "-e",
    "--eval",
    "-p",
    "--print",
    "--unhandled-rejections",
    "--extension-order",
    "--max-http-header-size",
];

/// Whether an argument names a file with code.
fn is_code(argument: &str) -> bool {
    let extension = Path::new(argument).extension().and_then(|e| e.to_str());
    !argument.starts_with('-')
        && extension.is_some_and(|e| Language::from_extension(e).is_some_and(|l| LANGUAGES.contains(&l)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_file_is_run_is_not_the_callers() {
        for (tool, call, from) in [
            (Tool::Deno, "hello.ts a -A", Some("hello.ts a -A")),
            (Tool::Deno, "run -A hello.ts", Some("hello.ts")),
            (Tool::Deno, "-A --unstable hello.ts x", Some("hello.ts x")),
            (Tool::Deno, "run --config evil.json --allow-all hello.ts", Some("hello.ts")),
            (Tool::Deno, "--config evil.json hello.ts", Some("hello.ts")),
            (Tool::Deno, "eval -p 1", None),
            (Tool::Deno, "test -A x.test.ts", None),
            (Tool::Deno, "--quiet test x.test.ts", None),
            (Tool::Deno, "--version", None),
            (Tool::Deno, "", None),
            (Tool::Deno, "run -A main x", Some("main x")),
            (Tool::Deno, "run -e 1", None),
            (Tool::Bun, "run --preload=./evil.ts hello.ts", Some("hello.ts")),
            (Tool::Bun, "--preload ./evil.ts hello.ts a.ts", Some("hello.ts a.ts")),
            (Tool::Bun, "-e 1", None),
            (Tool::Bun, "--inspect hello.js", Some("hello.js")),
            (Tool::Bun, "build hello.ts", None),
            (Tool::Bun, "run build", None),
        ] {
            let arguments: Vec<String> = call.split_whitespace().map(str::to_owned).collect();
            let found = own_call(tool, &arguments).map(|rest| rest.join(" "));
            assert_eq!(found.as_deref(), from, "{call}");
        }
    }
}
