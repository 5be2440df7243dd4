//! What a session runs on: of that depends how its files and programs are reached.

use serde_json::{Map, Value, json};

use super::dialect::Era;
use crate::protocol::{Capabilities, Language, RuntimeInfo, RuntimeType};

/// The workspace, as clients name it.
const WORKSPACE: &str = "/workspace";

/// The original's kinds of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A container: programs run exactly as asked; file commands can't be relied on.
    Docker,
    /// Deno, which runs code, and from era c+ on programs.
    Deno,
    /// Bun, which runs code alone.
    Bun,
    /// The host's Node.js, whose programs lose the borders of their arguments.
    Node,
    /// The host's Python, likewise.
    Python,
    /// Programs of the host, and nothing else.
    Native,
}

impl Kind {
    /// As told of a session; `asked` is what it was created with. `None`: one of those that run JavaScript.
    pub fn told(
        session: &Map<String, Value>,
        asked: Option<RuntimeType>,
        language: Language,
    ) -> Option<Self> {
        let text = |name: &str| session.get(name).and_then(Value::as_str).unwrap_or_default();
        match text("runtimeType").to_ascii_lowercase().as_str() {
            "docker" => return Some(Self::Docker),
            "deno" => return Some(Self::Deno),
            "bun" => return Some(Self::Bun),
            "nodejs" => return Some(Self::Node),
            "python" => return Some(Self::Python),
            "nativeprocess" => return Some(Self::Native),
            _ => {}
        }
        // Before era e there is only a container's id, empty where there is no container.
        match asked {
            _ if !text("containerId").is_empty() => Some(Self::Docker),
            Some(RuntimeType::Deno) => Some(Self::Deno),
            Some(RuntimeType::Bun) => Some(Self::Bun),
            _ if language == Language::Python => Some(Self::Python),
            Some(RuntimeType::NativeProcess) => Some(Self::Node),
            _ => None,
        }
    }

    /// As our own clients know it.
    pub fn runtime(self) -> RuntimeType {
        match self {
            Self::Docker => RuntimeType::Docker,
            Self::Deno => RuntimeType::Deno,
            Self::Bun => RuntimeType::Bun,
            Self::Node | Self::Python | Self::Native => RuntimeType::NativeProcess,
        }
    }

    /// A path as it is reached in such a session: from the workspace, which has its name in containers only.
    pub fn place(self, path: &str) -> String {
        if self == Self::Docker {
            return if path.starts_with('/') { path.to_owned() } else { format!("{WORKSPACE}/{path}") };
        }
        match inside(path).unwrap_or(path) {
            "" => ".".to_owned(),
            path => path.to_owned(),
        }
    }

    /// An argument of a program that runs in the workspace: a path where it names that.
    pub fn argument(self, word: &str) -> String {
        if inside(word).is_some() { self.place(word) } else { word.to_owned() }
    }

    /// The call that runs a file of a language here; an empty program is the session's own interpreter. Error: why
    /// there is none.
    pub fn interpreter(self, language: Language, file: &str) -> Result<Vec<String>, String> {
        use Language::{CSharp, Go, JavaScript, Python, TypeScript};
        let call: &[&str] = match (self, language) {
            (Self::Bun | Self::Node, JavaScript | TypeScript) | (Self::Python, Python) => &["", file],
            (Self::Deno, JavaScript | TypeScript) => &["deno", file],
            (_, Python) => &["python3", file],
            (_, JavaScript) => &["node", file],
            (_, Go) => &["go", "run", file],
            (_, CSharp) => &["sh", "-c", include_str!("csharp.sh"), "sh", file],
            (_, TypeScript) => {
                return Err("this session runs no TypeScript: create one on Bun or Deno".to_owned());
            }
        };
        Ok(call.iter().map(|word| (*word).to_owned()).collect())
    }
}

/// What follows the workspace's name in a path that begins with it.
fn inside(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(WORKSPACE)?;
    (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_start_matches('/'))
}

/// The number of a runtime, for a session in this language: servers of every era read numbers. The host's interpreters
/// have numbers of their own.
pub fn number(runtime: RuntimeType, language: Language) -> Value {
    json!(match (runtime, language) {
        (RuntimeType::Docker, _) => 0,
        (RuntimeType::Deno, _) => 1,
        (RuntimeType::Bun, _) => 2,
        (RuntimeType::NativeProcess, Language::JavaScript | Language::TypeScript) => 3,
        (RuntimeType::NativeProcess, Language::Python) => 4,
        (RuntimeType::NativeProcess, Language::Go | Language::CSharp) => 7,
    })
}

/// The runtimes that a server of this era could have.
pub fn runtimes(era: Era) -> Vec<RuntimeType> {
    let since = [
        (Era::A, RuntimeType::Docker),
        (Era::B, RuntimeType::Deno),
        (Era::B, RuntimeType::Bun),
        (Era::C, RuntimeType::NativeProcess),
    ];
    since.into_iter().filter(|(first, _)| *first <= era).map(|(_, runtime)| runtime).collect()
}

/// What is known of a runtime of a server that tells nothing of them: what all servers of its era would have, and their
/// own figures.
pub fn info(runtime: RuntimeType, era: Era) -> RuntimeInfo {
    use Language::{CSharp, Go, JavaScript, Python, TypeScript};
    let (languages, startup_time_ms, memory_overhead_mb, isolation_level) = match runtime {
        RuntimeType::Docker => (vec![Python, JavaScript, Go, CSharp], 2000.0, 250.0, 9),
        RuntimeType::Deno => (vec![JavaScript, TypeScript], 80.0, 30.0, 7),
        RuntimeType::Bun => (vec![JavaScript, TypeScript], 50.0, 25.0, 7),
        RuntimeType::NativeProcess if era < Era::E => (vec![Python, JavaScript, TypeScript], 100.0, 40.0, 5),
        RuntimeType::NativeProcess => (vec![Python, JavaScript, TypeScript, Go, CSharp], 100.0, 40.0, 5),
    };
    let capabilities = Capabilities { startup_time_ms, memory_overhead_mb, isolation_level };
    RuntimeInfo { available: true, ..RuntimeInfo::unavailable(runtime, languages, capabilities) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_has_its_name_in_containers_only() {
        for (path, container, elsewhere) in [
            ("/workspace", "/workspace", "."),
            ("/workspace/a/b", "/workspace/a/b", "a/b"),
            ("/workspacex", "/workspacex", "/workspacex"),
            ("a", "/workspace/a", "a"),
            ("/etc", "/etc", "/etc"),
        ] {
            assert_eq!(
                (Kind::Docker.place(path), Kind::Bun.place(path)),
                (container.into(), elsewhere.into())
            );
        }
        assert_eq!(["", "-x", "/workspace/a"].map(|word| Kind::Native.argument(word)), ["", "-x", "a"]);
    }

    #[test]
    fn a_session_without_a_container_is_what_was_asked_for_or_unknown() {
        use RuntimeType::{Bun, NativeProcess};
        let told = |row: Value, asked, language| {
            let members = row.as_object().cloned().unwrap_or_default();
            Kind::told(&members, asked, language)
        };
        let none = || json!({ "containerId": "" });
        assert_eq!(told(json!({ "containerId": "9" }), Some(Bun), Language::Go), Some(Kind::Docker));
        assert_eq!(told(none(), Some(Bun), Language::JavaScript), Some(Kind::Bun));
        assert_eq!(told(none(), Some(NativeProcess), Language::JavaScript), Some(Kind::Node));
        assert_eq!(told(none(), None, Language::Python), Some(Kind::Python));
        assert_eq!(told(none(), None, Language::JavaScript), None);
        assert_eq!(told(json!({ "runtimeType": "NodeJs" }), None, Language::JavaScript), Some(Kind::Node));
    }
}
