//! Every language through the built binary, as somebody at a shell runs it.

use std::io::{Read as _, Write as _};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::rig::{DOTNET, PYTHON, engine, pass_on, remember};
use crate::support::home::{codebeaker, finished};
use crate::support::native::Kind;

/// A language, where it runs.
#[derive(Clone, Copy)]
pub struct Tongue {
    pub kind: Kind,
    file: &'static str,
    image: Option<&'static str>,
}

pub const PYTHON3: Tongue = Tongue { kind: Kind::Python, file: "program.py", image: None };
pub const NODE: Tongue = Tongue { kind: Kind::JavaScript, file: "program.js", image: None };
pub const GO: Tongue = Tongue { kind: Kind::Go, file: "program.go", image: None };
pub const MONO: Tongue = Tongue { kind: Kind::CSharp, file: "Program.cs", image: None };
pub const NET: Tongue = Tongue { kind: Kind::CSharp, file: "Program.cs", image: Some(DOTNET) };

impl Tongue {
    pub fn image(self) -> &'static str {
        self.image.unwrap_or(match self.kind {
            Kind::JavaScript => "codebeaker-nodejs",
            Kind::Go => "codebeaker-golang",
            Kind::CSharp => "codebeaker-dotnet",
            _ => PYTHON,
        })
    }

    /// What no compiler and no interpreter takes.
    fn wrong(self) -> &'static str {
        match self.kind {
            Kind::Go => "package main\nfunc main() { nonsense }\n",
            Kind::CSharp => "class P { static void Main() { nonsense(); } }\n",
            Kind::Python => "def nonsense(:\n",
            _ => "const x = nonsense(;\n",
        }
    }

    /// Writes 50 MB, line by line: the number of the line in 63 digits.
    fn much(self) -> &'static str {
        match self.kind {
            Kind::Python => {
                "import sys\nfor part in range(0, 819200, 4096):\n    sys.stdout.write(''.join('%063d\\n' % n for n in range(part, part + 4096)))"
            }
            Kind::Go => {
                "package main\nimport (\"bufio\"; \"fmt\"; \"os\")\nfunc main() {\nw := bufio.NewWriter(os.Stdout)\n\
                 for n := 0; n < 819200; n++ { fmt.Fprintf(w, \"%063d\\n\", n) }\nw.Flush() }"
            }
            Kind::CSharp => {
                "using System; using System.IO; using System.Text; class P { static void Main() {\n\
                 var w = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false), 65536); w.NewLine = \"\\n\";\n\
                 for (int n = 0; n < 819200; n++) w.WriteLine(n.ToString(\"D63\"));\nw.Flush(); } }"
            }
            _ => {
                "for (let part = 0; part < 819200; part += 4096) {\n  let out = '';\n\
                 for (let n = part; n < part + 4096; n++) out += String(n).padStart(63, '0') + '\\n';\n\
                 process.stdout.write(out);\n}"
            }
        }
    }

    /// Says that it is there, then waits for ever.
    fn endless(self) -> &'static str {
        match self.kind {
            Kind::Python => "import time\nprint('on', flush=True)\ntime.sleep(1000)",
            Kind::Go => {
                "package main\nimport (\"fmt\"; \"time\")\nfunc main() { fmt.Println(\"on\"); time.Sleep(time.Hour) }"
            }
            Kind::CSharp => {
                "class P { static void Main() { System.Console.WriteLine(\"on\"); System.Threading.Thread.Sleep(-1); } }"
            }
            _ => "console.log('on'); setInterval(() => {}, 1000);",
        }
    }
}

/// A home with a program in it.
struct Desk {
    home: TempDir,
    tongue: Tongue,
}

impl Desk {
    async fn new(tongue: Tongue) -> Option<Self> {
        engine(&[tongue.image()]).await?;
        let home = tempfile::tempdir().unwrap();
        let desk = Self { home, tongue };
        remember(&desk.state(), "cli");
        Some(desk)
    }

    fn state(&self) -> std::path::PathBuf {
        self.home.path().join("xdg_state_home/codebeaker")
    }

    fn start(&self, text: &str, args: &[&str], stdin: Stdio) -> Child {
        std::fs::write(self.home.path().join(self.tongue.file), text).unwrap();
        let mut all = vec!["run", "--runtime", "docker", self.tongue.file];
        if let Some(image) = self.tongue.image {
            all.extend(["--image", image]);
        }
        all.extend(args);
        codebeaker(&self.home, &all).stdin(stdin).spawn().unwrap()
    }

    fn run(&self, text: &str, args: &[&str]) -> (Option<i32>, String, String) {
        let ended = finished(self.start(text, args, Stdio::null()));
        pass_on(&self.state(), "cli");
        ended
    }
}

/// What is given to a program and what it gives.
async fn passes_through(tongue: Tongue) {
    let Some(desk) = Desk::new(tongue).await else { return };
    let (code, out, err) = desk.run(&tongue.kind.printing(42), &[]);
    assert_eq!((code, out.as_str(), err.as_str()), (Some(0), "42\n", ""));
    let mut child = desk.start(tongue.kind.telling(), &["--", "a b", "--json", "é", ""], Stdio::piped());
    child.stdin.take().unwrap().write_all("input ü\nmore\n".as_bytes()).unwrap();
    let (code, out, err) = finished(child);
    let told: Vec<&str> = out.lines().collect();
    assert!(told[0].starts_with("[a b][--json][é][]"), "{out} {err}");
    assert_eq!((code, &told[1..]), (Some(0), &["input ü", "more"][..]), "{err}");
    let (code, out, err) = desk.run(tongue.kind.failing(), &[]);
    assert_eq!((code, out.as_str(), err.as_str()), (Some(3), "out\n", "err\n"));
}

async fn what_is_wrong_is_shown(tongue: Tongue) {
    let Some(desk) = Desk::new(tongue).await else { return };
    let (code, out, err) = desk.run(tongue.wrong(), &[]);
    assert!(code.is_some_and(|code| code != 0 && code < 124), "{code:?}: {out}{err}");
    // Compilers are free to write where they like.
    let all = format!("{out}{err}");
    assert!(all.contains(tongue.file) && all.contains("nonsense"), "{all}");
}

async fn fifty_megabytes(tongue: Tongue) {
    let Some(desk) = Desk::new(tongue).await else { return };
    let mut child = desk.start(tongue.much(), &[], Stdio::null());
    let mut stdout = child.stdout.take().unwrap();
    let (mut sum, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 16]);
    loop {
        let n = stdout.read(&mut buffer).unwrap();
        if n == 0 {
            break;
        }
        sum.update(&buffer[..n]);
        size += n;
    }
    let status = child.wait().unwrap();
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    let mut expected = Sha256::new();
    (0..819_200).for_each(|n: u32| expected.update(format!("{n:063}\n")));
    assert_eq!((status.code(), size), (Some(0), 50 << 20), "{err}");
    assert_eq!(sum.finalize(), expected.finalize());
}

async fn time_is_up(tongue: Tongue) {
    let Some(desk) = Desk::new(tongue).await else { return };
    // Also where it is up while a compiler runs.
    let (code, _, err) = desk.run(tongue.endless(), &["--timeout", "1"]);
    assert_eq!(code, Some(124), "{err}");
    assert!(err.starts_with("codebeaker: ") && err.contains("1 s") && err.contains("--timeout"), "{err}");
}

async fn interrupted(tongue: Tongue) {
    let Some(desk) = Desk::new(tongue).await else { return };
    let mut child = desk.start(tongue.endless(), &[], Stdio::null());
    let mut first = [0; 3];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"on\n");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let (code, out, err) = finished(child);
    assert_eq!((code, out.as_str()), (Some(130), ""), "{err}");
    let sessions = desk.state().join("sessions");
    assert_eq!(std::fs::read_dir(sessions).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(desk.state().join("docker")).unwrap().count(), 0);
}

async fn told_as_json(tongue: Tongue) {
    let Some(desk) = Desk::new(tongue).await else { return };
    let (code, out, err) = desk.run(tongue.kind.failing(), &["--json"]);
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}"));
    assert_eq!((code, err.as_str()), (Some(3), ""));
    assert_eq!((&report["success"], &report["runtime"]), (&Value::Bool(false), &"docker".into()));
    assert_eq!(report["result"]["exitCode"], 3);
    assert_eq!(
        (&report["result"]["stdout"], &report["result"]["stderr"]),
        (&"out\n".into(), &"err\n".into())
    );
    assert_eq!(report["selection"]["chosen"], "Docker");
    assert_eq!(report["isolation"]["tier"], "container");
    assert!(
        report["isolation"]["score"].as_u64().unwrap() > 0 && report["startupMs"].as_f64().unwrap() > 0.0
    );
    assert!(
        report["limits"]["processes"].is_u64() && report["config"]["memoryLimitMB"].is_u64(),
        "{report:#}"
    );
}

macro_rules! each {
    ($($module:ident: $tongue:expr;)*) => {
        $(mod $module {
            each! { @ $tongue; passes_through, what_is_wrong_is_shown, fifty_megabytes, time_is_up, interrupted, told_as_json }
        })*
    };
    (@ $tongue:expr; $($part:ident),*) => {
        $(
            #[tokio::test]
            async fn $part() {
                super::$part($tongue).await;
            }
        )*
    };
}

each! {
    python: super::PYTHON3;
    javascript: super::NODE;
    go: super::GO;
    mono: super::MONO;
    dotnet: super::NET;
}
