//! Where things are in a session: the programs of this machine that it may run, and the directories it may use.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::engine::SessionContext;
use crate::sandbox::{self, Bind};

/// Where package managers keep whole installations whose parts know each other by their paths: below which directory,
/// and in which of its parts.
const STORES: [(&str, &[&str]); 4] = [
    ("/nix/store", &["."]),
    ("/gnu/store", &["."]),
    ("/home/linuxbrew/.linuxbrew", &["bin", "Cellar", "lib", "opt"]),
    ("/snap", &["."]),
];

/// A program of this machine, and what of it a session needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Where it is on this machine.
    pub program: PathBuf,
    /// What a session with a root of its own must be given.
    pub binds: Vec<Bind>,
    /// Where its own libraries are to be looked for, in a session with a root of its own.
    pub libraries: Option<PathBuf>,
}

impl Installed {
    /// A program that needs nothing beside itself.
    pub fn alone(program: PathBuf, name: &str) -> Self {
        let file = program.file_name().map_or_else(|| PathBuf::from(name), PathBuf::from);
        let target = Path::new("/opt").join(name).join(file);
        Self::new(program.clone(), vec![Bind { source: program, target }])
    }

    /// A program that needs these.
    pub fn new(program: PathBuf, binds: Vec<Bind>) -> Self {
        let store = STORES.iter().find(|(store, _)| program.starts_with(store));
        let binds = match store {
            Some((store, ["."])) => vec![Bind::same(*store)],
            Some((store, parts)) => {
                parts.iter().map(|part| Bind::same(Path::new(store).join(part))).collect()
            }
            None => binds.into_iter().filter(|bind| !sandbox::is_system(&bind.source)).collect(),
        };
        let binds = binds.into_iter().filter(|bind: &Bind| bind.source.exists()).collect();
        Self { program, binds, libraries: None }
    }

    /// Where a path of this installation is for the programs of a session.
    pub fn path(&self, path: &Path, context: &SessionContext) -> PathBuf {
        let inside = || self.binds.iter().find_map(|bind| bind.inside(path));
        context.own_root.then(inside).flatten().unwrap_or_else(|| path.to_owned())
    }

    /// Where the program is for the programs of a session.
    pub fn program(&self, context: &SessionContext) -> PathBuf {
        self.path(&self.program, context)
    }
}

/// Python: its modules are found from where the program is, unless it is a virtual environment, which names its base.
/// `shared`: it was built with a shared library, which has to be told.
pub fn python(program: PathBuf, prefix: &Path, base: &Path, shared: bool) -> Installed {
    let parts = |prefix: &Path, target: &Path| -> Vec<Bind> {
        ["bin", "lib", "lib64", "pyvenv.cfg"]
            .into_iter()
            .filter(|part| prefix.join(part).exists())
            .map(|part| Bind { source: prefix.join(part), target: target.join(part) })
            .collect()
    };
    let target = Path::new("/opt/python");
    let binds = match prefix == base {
        true if program.starts_with(prefix.join("bin")) => parts(base, target),
        true => parts(base, base),
        false => [parts(prefix, prefix), parts(base, base)].concat(),
    };
    let moved =
        binds.iter().any(|bind| bind.target == target.join("lib") && !sandbox::is_system(&bind.source));
    let libraries = (shared && moved).then(|| target.join("lib"));
    Installed { libraries, ..Installed::new(program, binds) }
}

/// The directories of a session as its programs name them.
struct Directories {
    tmp: PathBuf,
    cache: PathBuf,
}

impl Directories {
    fn of(context: &SessionContext) -> Self {
        if context.own_root {
            return Self { tmp: "/tmp".into(), cache: "/tmp/.cache".into() };
        }
        Self { tmp: context.directory.join("tmp"), cache: context.directory.join("cache") }
    }
}

/// The directory for what lasts no longer than a session.
pub fn tmp(context: &SessionContext) -> PathBuf {
    Directories::of(context).tmp
}

/// The variables of every program in a session: nothing of ours is inherited. `installed` come first in the PATH.
pub fn variables(context: &SessionContext, installed: &[Installed]) -> BTreeMap<String, String> {
    let Directories { tmp, cache } = Directories::of(context);
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    let own = installed.iter().filter_map(|i| i.program(context).parent().map(|p| text(p.to_owned())));
    let mut path: Vec<String> = own.collect();
    path.extend(["/usr/local/bin", "/usr/bin", "/bin"].map(str::to_owned));
    let mut seen = std::collections::BTreeSet::new();
    path.retain(|p| seen.insert(p.clone()));
    let at = |name: &str| text(cache.join(name));
    let libraries: Vec<String> =
        installed.iter().filter(|_| context.own_root).filter_map(|i| i.libraries.clone().map(text)).collect();
    let libraries = (!libraries.is_empty()).then(|| ("LD_LIBRARY_PATH", libraries.join(":")));
    [
        ("PATH", path.join(":")),
        ("HOME", "/workspace".into()),
        ("USER", "user".into()),
        ("TMPDIR", text(tmp)),
        ("XDG_CACHE_HOME", text(cache.clone())),
        ("LANG", "C.UTF-8".into()),
        // Output is to be seen when it is written, not when a buffer is full.
        ("PYTHONUNBUFFERED", "1".into()),
        ("PYTHONDONTWRITEBYTECODE", "1".into()),
        ("DENO_DIR", at("deno")),
        ("DENO_NO_UPDATE_CHECK", "1".into()),
        ("DENO_NO_PROMPT", "1".into()),
        ("DO_NOT_TRACK", "1".into()),
        ("BUN_RUNTIME_TRANSPILER_CACHE_PATH", "0".into()),
        ("BUN_INSTALL", at("bun")),
        ("npm_config_cache", at("npm")),
        ("PIP_CACHE_DIR", at("pip")),
        ("GOCACHE", at("go-build")),
        ("GOPATH", at("go")),
        ("GOTOOLCHAIN", "local".into()),
        ("DOTNET_CLI_HOME", at("dotnet")),
        ("DOTNET_CLI_TELEMETRY_OPTOUT", "1".into()),
        ("DOTNET_NOLOGO", "1".into()),
        ("DOTNET_SKIP_FIRST_TIME_EXPERIENCE", "1".into()),
    ]
    .into_iter()
    .chain(libraries)
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(own_root: bool) -> SessionContext {
        SessionContext { directory: "/state/s".into(), network: false, own_root, memory_limit_mb: 512 }
    }

    #[test]
    fn programs_of_people_are_shown_under_opt_and_those_of_the_system_where_they_are() {
        let home = tempfile::tempdir().unwrap();
        let program = home.path().join("bun");
        std::fs::write(&program, "").unwrap();
        let bun = Installed::alone(program.clone(), "bun");
        assert_eq!(bun.program(&context(true)), Path::new("/opt/bun/bun"));
        assert_eq!(bun.program(&context(false)), program);
        let node = Installed::alone("/usr/bin/node".into(), "node");
        assert_eq!((node.program(&context(true)), node.binds.len()), ("/usr/bin/node".into(), 0));
        let nix = Installed::alone("/nix/store/abc-bun/bin/bun".into(), "bun");
        assert_eq!(nix.program(&context(true)), Path::new("/nix/store/abc-bun/bin/bun"));
        let variables = variables(&context(true), &[bun, node]);
        assert_eq!(variables["PATH"], "/opt/bun:/usr/bin:/usr/local/bin:/bin");
    }

    #[test]
    fn a_python_is_moved_only_where_it_finds_its_library_afterwards() {
        let root = tempfile::tempdir().unwrap();
        let base = root.path().join("3.11");
        for part in ["bin", "lib"] {
            std::fs::create_dir_all(base.join(part)).unwrap();
        }
        let program = base.join("bin/python3");
        let moved = python(program.clone(), &base, &base, false);
        assert_eq!(moved.program(&context(true)), Path::new("/opt/python/bin/python3"));
        assert_eq!(moved.libraries, None);
        let shared = python(program, &base, &base, true);
        assert_eq!(
            variables(&context(true), std::slice::from_ref(&shared))["LD_LIBRARY_PATH"],
            "/opt/python/lib"
        );
        assert!(!variables(&context(false), &[shared]).contains_key("LD_LIBRARY_PATH"));
        let venv = root.path().join("venv");
        std::fs::create_dir_all(venv.join("bin")).unwrap();
        std::fs::write(venv.join("pyvenv.cfg"), "").unwrap();
        let virtual_one = python(venv.join("bin/python3"), &venv, &base, false);
        let sources: Vec<&Path> = virtual_one.binds.iter().map(|b| &*b.source).collect();
        assert_eq!(sources, [venv.join("bin"), venv.join("pyvenv.cfg"), base.join("bin"), base.join("lib")]);
        assert!(virtual_one.binds.iter().all(|b| b.source == b.target));
    }
}
