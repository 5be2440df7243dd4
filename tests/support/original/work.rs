//! Commands of the stand-in: what each kind of session takes, and how oddly it answers.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::LazyLock;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Era, Kind, Members, Session, State};

/// A command, its type taken out.
pub struct Command {
    name: String,
    members: Members,
}

/// What is answered.
pub struct Done {
    pub success: bool,
    pub result: Value,
    pub error: Option<String>,
}

impl Done {
    fn ok(result: Value) -> Self {
        Self { success: true, result, error: None }
    }

    fn failed(error: impl Into<String>) -> Self {
        Self { success: false, result: Value::Null, error: Some(error.into()) }
    }
}

impl Command {
    /// The type must come first, and once.
    pub fn read(era: Era, text: &str) -> Result<Self, String> {
        let mut members: Members = serde_json::from_str(text).map_err(|e| e.to_string())?;
        if members.0.first().is_none_or(|(name, _)| name != "type") {
            return Err("The JSON payload must specify a type discriminator.".to_owned());
        }
        let (_, name) = members.0.remove(0);
        if members.0.iter().any(|(name, _)| name == "type") {
            return Err("The metadata property is either not supported or not the first property.".to_owned());
        }
        let name: String = serde_json::from_str(name.get()).map_err(|e| e.to_string())?;
        if !known(era).contains(&name.as_str()) {
            return Err(format!("Read unrecognized type discriminator id '{name}'. Path: $ | LineNumber: 0"));
        }
        if members.0.iter().any(|(name, value)| name == "args" && value.get() == "null") {
            return Err("Value cannot be null. (Parameter 'collection')".to_owned());
        }
        Ok(Self { name, members })
    }

    fn text(&self, name: &str) -> String {
        let value = self.members.get(|given| given == name);
        value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    }

    fn args(&self) -> Vec<String> {
        let args = self.members.get(|given| given == "args").unwrap_or(json!([]));
        args.as_array().unwrap().iter().map(|arg| arg.as_str().unwrap().to_owned()).collect()
    }

    fn env(&self) -> Vec<(String, String)> {
        let env = self.members.get(|given| given == "env").unwrap_or(json!({}));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        env.as_object().unwrap().iter().map(|(name, value)| (name.clone(), text(value))).collect()
    }
}

fn known(era: Era) -> &'static [&'static str] {
    const NAMES: [&str; 10] = [
        "execute",
        "write_file",
        "read_file",
        "create_dir",
        "copy_file",
        "shell",
        "install_packages",
        "list_files",
        "diff",
        "apply_patch",
    ];
    match era {
        Era::A | Era::B => &NAMES[..6],
        Era::C | Era::LateC => &NAMES[..7],
        Era::D | Era::E => &NAMES,
        Era::Documented => &[
            "write_file",
            "read_file",
            "execute_shell",
            "create_directory",
            "copy_file",
            "delete_file",
            "list_directory",
            "execute_code",
        ],
    }
}

/// The Python of this machine itself: what is found first may be a script that takes long to look for it.
static PYTHON: LazyLock<PathBuf> = LazyLock::new(|| {
    let ask = ["-c", "import sys; print(sys.executable)"];
    let said = std::process::Command::new("python3").args(ask).output().unwrap().stdout;
    PathBuf::from(String::from_utf8(said).unwrap().trim())
});

/// A `deno` that runs scripts by Node.js, and a `python3` that starts at once.
pub fn programs() -> TempDir {
    let bin = TempDir::new().unwrap();
    std::os::unix::fs::symlink(&*PYTHON, bin.path().join("python3")).unwrap();
    let deno = bin.path().join("deno");
    let text = "#!/bin/sh\n[ \"$1\" = run ] || { echo \"deno $1\"; exit; }\nshift\n\
                while case $1 in --*) true;; *) false;; esac; do shift; done\nexec node \"$@\"\n";
    std::fs::write(&deno, text).unwrap();
    std::fs::set_permissions(deno, std::fs::Permissions::from_mode(0o755)).unwrap();
    bin
}

pub async fn perform(state: &State, session: &Session, command: &Command) -> Result<Done, String> {
    let name = command.name.as_str();
    let place = Place { state, session };
    let refused = || match session.kind {
        Kind::Node => Done::failed(format!("{name} is not supported by Node.js runtime")),
        Kind::Python => Done::failed(format!("{name} is not supported by Python runtime")),
        Kind::Native => Done::failed("only shell commands run here"),
        _ => Done::failed(format!("Command type {name} not supported")),
    };
    match (session.kind, name) {
        (Kind::Docker, "shell" | "execute_shell") => place.container_shell(command).await,
        (Kind::Docker, "write_file" | "read_file" | "create_dir" | "copy_file") => {
            Ok(place.container_file(command))
        }
        (Kind::Deno | Kind::Bun, "write_file" | "read_file" | "create_dir") => {
            Ok(place.process_file(command))
        }
        (Kind::Deno | Kind::Bun | Kind::Node | Kind::Python, "execute") => {
            place.code(&command.text("code")).await
        }
        (Kind::Deno, "shell") => place.deno_shell(command).await,
        (Kind::Bun, "shell") => {
            let script = place.root().join(command.text("command"));
            let argv = [vec!["node".to_owned(), script.display().to_string()], command.args()].concat();
            place.lines(&argv, &place.root(), &[]).await
        }
        (Kind::Node | Kind::Python | Kind::Native, "shell") => place.host_shell(command).await,
        _ => Ok(refused()),
    }
}

/// Where a session's commands are done.
struct Place<'a> {
    state: &'a State,
    session: &'a Session,
}

impl Place<'_> {
    fn root(&self) -> PathBuf {
        self.session.directory.path().to_owned()
    }

    /// A text of the session's as it is on this machine.
    fn outside(&self, text: &str) -> String {
        text.replace("/workspace", &self.root().display().to_string())
    }

    fn inside(&self, text: &[u8]) -> String {
        String::from_utf8_lossy(text).replace(&self.root().display().to_string(), "/workspace")
    }

    /// Runs a program until it ends or the session is closed. `Err`: it can't be started.
    async fn run(
        &self,
        argv: &[String],
        directory: &Path,
        env: &[(String, String)],
    ) -> Result<Output, String> {
        let (program, args) = argv.split_first().unwrap();
        let path = std::env::var("PATH").unwrap();
        let child = tokio::process::Command::new(program)
            .args(args)
            .current_dir(directory)
            .env("PATH", format!("{}:{path}", self.state.bin.path().display()))
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .process_group(0)
            .spawn()
            .map_err(|_| {
                format!(
                    "An error occurred trying to start process '{program}' with working directory '{}'. No such \
                     file or directory",
                    directory.display()
                )
            })?;
        let group = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
        self.state.running.send_modify(|n| *n += 1);
        let _running = Running { state: self.state, group };
        // A running child of Deno's or Bun's outlives its session.
        let closed = async {
            match self.session.kind {
                Kind::Deno | Kind::Bun => self.state.abandoned.cancelled().await,
                _ => self.session.closing.cancelled().await,
            }
        };
        tokio::select! {
            output = child.wait_with_output() => output.map_err(|e| e.to_string()),
            () = closed => Err("A task was canceled.".to_owned()),
        }
    }

    /// Exact arguments; a success whatever the exit code.
    async fn container_shell(&self, command: &Command) -> Result<Done, String> {
        let documented = command.name == "execute_shell";
        let program = command.text(if documented { "commandName" } else { "command" });
        let argv: Vec<String> =
            [vec![program], command.args()].concat().iter().map(|word| self.outside(word)).collect();
        let directory = match command.text("workingDirectory").as_str() {
            "" => self.root(),
            directory => PathBuf::from(self.outside(directory)),
        };
        let env: Vec<_> = command.env().into_iter().map(|(n, value)| (n, self.outside(&value))).collect();
        let (code, stdout, stderr) = match self.run(&argv, &directory, &env).await {
            Ok(output) => (exit_code(&output), self.inside(&output.stdout), self.inside(&output.stderr)),
            Err(error) if error.starts_with("An error") => {
                (127, "OCI runtime exec failed: exec failed: no such file".to_owned(), String::new())
            }
            Err(error) => return Err(error),
        };
        let success = !documented || code == 0;
        Ok(Done {
            success,
            result: json!({ "stdout": stdout, "stderr": stderr, "exitCode": code }),
            error: None,
        })
    }

    /// Never fails, and makes no parents.
    fn container_file(&self, command: &Command) -> Done {
        let at = |name: &str| PathBuf::from(self.outside(&command.text(name)));
        let path = command.text("path");
        match command.name.as_str() {
            "write_file" => {
                let content = command.text("content");
                let _ = std::fs::write(at("path"), &content);
                Done::ok(json!({ "path": path, "bytes": content.len() }))
            }
            "read_file" => {
                let content = std::fs::read(at("path")).unwrap_or_default();
                Done::ok(json!({ "path": path, "content": String::from_utf8_lossy(&content) }))
            }
            "create_dir" => {
                let _ = std::fs::create_dir_all(at("path"));
                Done::ok(json!({ "path": path }))
            }
            _ => {
                let _ = std::fs::copy(at("source"), at("destination"));
                let (source, destination) = (command.text("source"), command.text("destination"));
                Done::ok(json!({ "source": source, "destination": destination }))
            }
        }
    }

    /// Makes parents, knows how to append, and says in words what it did.
    fn process_file(&self, command: &Command) -> Done {
        let path = command.text("path");
        let mapped = self.session.kind == Kind::Deno && self.state.era >= Era::LateC;
        let at = self.root().join(if mapped { self.outside(&path) } else { path.clone() });
        let append = command.members.get(|name| name == "mode");
        let done = match command.name.as_str() {
            "write_file" => std::fs::create_dir_all(at.parent().unwrap()).and_then(|()| {
                let append = append.is_some_and(|mode| mode == "Append" || mode == 1);
                let file = std::fs::OpenOptions::new()
                    .create(true)
                    .append(append)
                    .write(true)
                    .truncate(!append)
                    .open(&at);
                std::io::Write::write_all(&mut file?, command.text("content").as_bytes())?;
                Ok(format!("File written: {path}"))
            }),
            "read_file" => std::fs::read(&at).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
            _ => std::fs::create_dir_all(&at).map(|()| format!("Directory created: {path}")),
        };
        match done {
            Ok(text) => Done::ok(json!(text)),
            Err(_) => Done::failed(format!("Could not find file '{}'.", at.display())),
        }
    }

    /// Code in a file of its own, by the session's interpreter.
    async fn code(&self, code: &str) -> Result<Done, String> {
        let (file, program, code) = match self.session.kind {
            Kind::Python => ("program.py", "python3", code.to_owned()),
            Kind::Node => ("program.js", "node", code.to_owned()),
            // What runs here is Node.js, and says that it isn't.
            Kind::Deno => ("program.js", "node", format!("globalThis.Deno = {{}};{code}")),
            _ => ("program.js", "node", format!("globalThis.Bun = {{}};{code}")),
        };
        let cache = self.root().join(".cache");
        std::fs::create_dir_all(&cache).unwrap();
        let file = cache.join(file);
        std::fs::write(&file, code).unwrap();
        let argv = [program.to_owned(), file.display().to_string()];
        if matches!(self.session.kind, Kind::Deno | Kind::Bun) {
            return self.lines(&argv, &self.root(), &[]).await;
        }
        Ok(match self.run(&argv, &self.root(), &[]).await {
            Ok(output) => text(&output, |s| s.trim_end().to_owned()),
            Err(error) => Done::failed(error),
        })
    }

    async fn deno_shell(&self, command: &Command) -> Result<Done, String> {
        let (mut program, mut args) = (command.text("command"), command.args());
        if self.state.era < Era::LateC {
            args.insert(0, self.root().join(program).display().to_string());
            program = "node".to_owned();
        } else {
            args = args.iter().map(|arg| self.outside(arg)).collect();
            if program == "deno" {
                args.splice(0..0, ["run", "--no-prompt", "--allow-read=."].map(str::to_owned));
            }
        }
        let directory = match command.text("workingDirectory").as_str() {
            "" => self.root(),
            directory => PathBuf::from(directory),
        };
        self.lines(&[vec![program], args].concat(), &directory, &command.env()).await
    }

    /// Arguments are joined and split again, but for the last era; directory and variables are ignored.
    async fn host_shell(&self, command: &Command) -> Result<Done, String> {
        let mut argv = [vec![command.text("command")], command.args()].concat();
        if self.state.era < Era::E {
            argv = argv.join(" ").split_whitespace().map(str::to_owned).collect();
        }
        Ok(match self.run(&argv, &self.root(), &[]).await {
            Ok(output) => text(&output, str::to_owned),
            Err(error) => Done::failed(error),
        })
    }

    /// As Deno and Bun sessions answer: lines joined, without the last one's end.
    async fn lines(
        &self,
        argv: &[String],
        directory: &Path,
        env: &[(String, String)],
    ) -> Result<Done, String> {
        Ok(match self.run(argv, directory, env).await {
            Ok(output) => text(&output, |s| s.lines().collect::<Vec<_>>().join("\n")),
            Err(error) => Done::failed(error),
        })
    }
}

/// Text for standard output, and an error for standard error.
fn text(output: &Output, form: impl Fn(&str) -> String) -> Done {
    let stdout = form(&String::from_utf8_lossy(&output.stdout));
    let stderr = form(&String::from_utf8_lossy(&output.stderr));
    let error = Some(stderr).filter(|stderr| !stderr.is_empty());
    Done { success: output.status.success(), result: json!(stdout), error }
}

fn exit_code(output: &Output) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    output.status.code().or(output.status.signal().map(|signal| 128 + signal)).unwrap()
}

/// A program that runs; ends with all that it has started.
struct Running<'a> {
    state: &'a State,
    group: Option<rustix::process::Pid>,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // Nobody may be left of it.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        self.state.running.send_modify(|n| *n -= 1);
    }
}
