//! C#: the .NET SDK, which compiles with its Roslyn directly where it can't run a file by itself, or Mono.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::host::Interpreter;
use super::places::Installed;
use super::probe::{self, Probes};
use crate::engine::{CodeFile, Step};
use crate::protocol::Language;
use crate::sandbox::Bind;

/// How C# is compiled and run here.
#[derive(Clone, Debug)]
pub enum CSharp {
    /// .NET 10 and later run a file.
    File,
    /// Older .NET: Roslyn, and what it compiles against.
    Roslyn {
        /// `csc.dll`.
        compiler: PathBuf,
        /// The directory with the reference assemblies.
        references: PathBuf,
        /// The runtime's version, for the program's configuration.
        runtime: String,
    },
    /// Mono's compiler.
    Mono {
        /// `mcs`.
        compiler: PathBuf,
    },
}

/// The first C# that answers.
pub async fn find(path: Option<&OsStr>, probes: &Probes) -> Option<Interpreter> {
    match dotnet(path, probes).await {
        Some(found) => Some(found),
        None => mono(path, probes).await,
    }
}

async fn dotnet(path: Option<&OsStr>, probes: &Probes) -> Option<Interpreter> {
    let program = probe::find("dotnet", path)?;
    // `3.1.102 [/usr/share/dotnet/sdk]`, the newest last.
    let sdks = probes.ask(&program, &["--list-sdks"]).await.ok()?;
    let (version, directory) = sdks.lines().last()?.split_once(" [")?;
    let sdk = Path::new(directory.trim_end_matches(']')).join(version);
    let major: u32 = version.split('.').next()?.parse().ok()?;
    let csharp = if major >= 10 { CSharp::File } else { roslyn(&sdk, probes, &program).await? };
    let program = std::fs::canonicalize(&program).unwrap_or(program);
    // Its SDKs and runtimes are beside it; so are, in a home, its user's keys and packages.
    let root = program.parent().map(Path::to_owned).unwrap_or_default();
    let parts = ["dotnet", "host", "packs", "sdk", "shared"].into_iter();
    let binds =
        parts.map(|part| Bind { source: root.join(part), target: Path::new("/opt/dotnet").join(part) });
    Some(Interpreter {
        language: Language::CSharp,
        version: format!(".NET {version}"),
        installed: Installed::new(program, binds.collect()),
        csharp: Some(csharp),
    })
}

async fn roslyn(sdk: &Path, probes: &Probes, program: &Path) -> Option<CSharp> {
    let compiler = sdk.join("Roslyn/bincore/csc.dll");
    let runtimes = probes.ask(program, &["--list-runtimes"]).await.ok()?;
    let runtime =
        runtimes.lines().rfind(|l| l.starts_with("Microsoft.NETCore.App "))?.split(' ').nth(1)?.to_owned();
    let packs = sdk.parent()?.parent()?.join("packs/Microsoft.NETCore.App.Ref");
    let references = newest(&newest(&packs)?.join("ref"))?;
    compiler.is_file().then_some(CSharp::Roslyn { compiler, references, runtime })
}

/// The entry of a directory with the highest version in its name: `10.0.1` is newer than `9.0.4`.
fn newest(directory: &Path) -> Option<PathBuf> {
    let version = |path: &PathBuf| -> Vec<u32> {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        name.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
    };
    std::fs::read_dir(directory).ok()?.flatten().map(|e| e.path()).max_by_key(version)
}

async fn mono(path: Option<&OsStr>, probes: &Probes) -> Option<Interpreter> {
    let program = probe::find("mono", path)?;
    let compiler = probe::find("mcs", path).or_else(|| probe::find("csc", path))?;
    // `Mono JIT compiler version 6.8.0.105 (…)`.
    let answer = probes.ask(&program, &["--version"]).await.ok()?;
    let version = answer.split_whitespace().find(|w| w.starts_with(|c: char| c.is_ascii_digit()))?.to_owned();
    let csharp = Some(CSharp::Mono { compiler });
    let installed = mono_binds(program);
    Some(Interpreter { language: Language::CSharp, version: format!("Mono {version}"), installed, csharp })
}

/// Mono's libraries and configuration have fixed places below its prefix.
fn mono_binds(program: PathBuf) -> Installed {
    let program = std::fs::canonicalize(&program).unwrap_or(program);
    let prefix = program.parent().and_then(Path::parent).filter(|p| *p != Path::new("/")).map(Path::to_owned);
    let parts = prefix.iter().flat_map(|prefix| ["bin", "lib", "etc"].map(|part| prefix.join(part)));
    let binds = parts.filter(|part| part.is_dir()).map(Bind::same).collect();
    Installed::new(program, binds)
}

impl CSharp {
    /// How a file is compiled and run with `program`: `dotnet` or `mono`. `inside` tells where a path of this machine
    /// is for the session.
    pub fn plan(&self, program: &str, inside: &dyn Fn(&Path) -> PathBuf, code: &CodeFile) -> Vec<Step> {
        match self {
            Self::File => {
                let argv = [program, "run", code.path.as_str(), "--"].map(str::to_owned);
                vec![Step::run(argv.into_iter().chain(code.args.clone()))]
            }
            Self::Mono { compiler } => {
                let out = format!("{}/program.exe", code.build);
                let option = format!("-out:{out}");
                vec![
                    make_directory(&code.build),
                    Step::compile([&*inside(compiler).to_string_lossy(), &option, &code.path]),
                    run(program, &[&out], code),
                ]
            }
            Self::Roslyn { compiler, references, runtime } => {
                let out = format!("{}/program.dll", code.build);
                let mut argv =
                    vec![program.to_owned(), "exec".into(), inside(compiler).to_string_lossy().into_owned()];
                argv.extend(["-nologo".into(), "-langversion:latest".into(), format!("-out:{out}")]);
                argv.extend(assemblies(references).iter().map(|a| format!("-r:{}", inside(a).display())));
                argv.push(code.path.clone());
                vec![
                    make_configured(&code.build, runtime),
                    Step::compile(argv),
                    run(program, &["exec", &out], code),
                ]
            }
        }
    }
}

fn make_directory(path: &str) -> Step {
    Step::compile(["mkdir", "-p", path])
}

/// The directory, with what tells the program which runtime it is for: .NET 3.1 is not content with being told.
fn make_configured(path: &str, runtime: &str) -> Step {
    let framework = serde_json::json!({ "name": "Microsoft.NETCore.App", "version": runtime });
    let configuration = serde_json::json!({ "runtimeOptions": { "framework": framework } });
    let script = r#"mkdir -p "$1" && printf '%s' "$2" >"$1/program.runtimeconfig.json""#;
    Step::compile(["sh", "-c", script, "sh", path, &configuration.to_string()])
}

fn run(program: &str, front: &[&str], code: &CodeFile) -> Step {
    let argv = std::iter::once(program).chain(front.iter().copied()).map(str::to_owned);
    Step::run(argv.chain(code.args.iter().cloned()))
}

fn assemblies(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut all: Vec<PathBuf> =
        entries.flatten().map(|e| e.path()).filter(|p| p.extension() == Some(OsStr::new("dll"))).collect();
    all.sort();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_net_is_told_its_runtime_by_a_file_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let build = directory.path().join("out").display().to_string();
        let step = make_configured(&build, "8.0.11");
        let status = std::process::Command::new(&step.argv[0]).args(&step.argv[1..]).status().unwrap();
        assert!(status.success());
        let written = std::fs::read(directory.path().join("out/program.runtimeconfig.json")).unwrap();
        let written: serde_json::Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(written["runtimeOptions"]["framework"]["version"], "8.0.11");
    }
}
