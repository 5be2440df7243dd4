//! What was shown by trying is what sessions get: nothing that somebody else has written, nothing that has changed, and
//! nothing weaker than was said.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use codebeaker::engine::{Embedded, Engine, EngineSettings};
use codebeaker::protocol::{
    Command, CreateSession, ErrorKind, Execute, ExecuteCode, Failure, Language, RuntimeType, SessionInfo,
};
use codebeaker::runtimes::{RuntimeSettings, Tier};
use serde_json::Value;
use tempfile::TempDir;

use super::ends::{can_be_without_namespaces, home};
use crate::siege::timely;
use crate::support::native::{self, binary, settings_behind};

/// A place for what is remembered, for sessions, and for a launcher of its own.
struct Site {
    root: TempDir,
}

impl Site {
    fn new() -> Self {
        Self { root: home() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn settings(&self, tier: Tier) -> RuntimeSettings {
        RuntimeSettings { cache: Some(self.at("cache/runtimes.json")), ..settings_behind(tier) }
    }

    fn engine(&self, settings: RuntimeSettings) -> Arc<dyn Engine> {
        let engine = EngineSettings::new(self.at("sessions"));
        Arc::new(Embedded::new(engine, native::over(settings)).unwrap())
    }

    fn remembered(&self) -> PathBuf {
        self.at("cache/isolation.json")
    }

    /// A program in the launcher's place.
    fn launcher(&self, script: &str) -> PathBuf {
        let path = self.at("launcher");
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }
}

async fn create(engine: &Arc<dyn Engine>) -> Result<SessionInfo, Failure> {
    let params = CreateSession {
        runtime_type: Some(RuntimeType::NativeProcess),
        ..CreateSession::new(Language::Python)
    };
    timely(engine.create_session(params)).await
}

/// It says hello, and is closed.
async fn works(engine: &Arc<dyn Engine>, session: &SessionInfo) {
    let code = ExecuteCode { code: "print(7)".into(), ..ExecuteCode::default() };
    let execute = Execute::new(session.session_id.clone(), Command::ExecuteCode(code));
    let result = timely(timely(engine.execute(execute)).await.unwrap().finished()).await.unwrap();
    assert_eq!(result.process().map(|p| p.stdout.as_str()), Some("7\n"), "{result:?}");
    timely(engine.close_session(&session.session_id)).await.unwrap();
}

async fn refused(engine: &Arc<dyn Engine>) -> Failure {
    let failure = create(engine).await.unwrap_err();
    assert!(!failure.message.is_empty() && !failure.hint.is_empty(), "{failure:?}");
    assert_eq!(timely(engine.sessions()).await.map(|all| all.len()), Ok(0));
    failure
}

async fn tier(engine: &Arc<dyn Engine>) -> (String, u8) {
    let info = timely(engine.runtime(RuntimeType::NativeProcess, false)).await.unwrap();
    (info.isolation.tier, info.isolation.score)
}

#[tokio::test]
async fn without_a_wall_only_where_that_is_allowed() {
    let site = Site::new();
    let engine = site.engine(site.settings(Tier::Unconfined));
    let failure = refused(&engine).await;
    assert_eq!(failure.kind, ErrorKind::NoRuntime);
    assert!(failure.message.contains("wall"), "{failure:?}");
    assert!(failure.hint.contains("allow_unconfined = true"), "{failure:?}");
    assert_eq!(tier(&engine).await, ("none".into(), 0));
    let info = timely(engine.runtime(RuntimeType::NativeProcess, false)).await.unwrap();
    assert!(!info.available && info.reason.is_some() && info.fix.is_some(), "{info:?}");
    timely(engine.shutdown()).await;
    let engine = site.engine(RuntimeSettings { allow_unconfined: true, ..site.settings(Tier::Unconfined) });
    let session = create(&engine).await.unwrap();
    assert_eq!(session.isolation.tier, "unconfined");
    assert!(session.isolation.score <= 2, "{:?}", session.isolation);
    let missing =
        |l: &codebeaker::protocol::LayerReport| l.active || l.detail.contains("as the settings allow");
    assert!(session.isolation.layers.iter().all(missing), "{:?}", session.isolation);
    works(&engine, &session).await;
    timely(engine.shutdown()).await;
}

/// Neither wall: the reason of each, and the way out.
#[tokio::test]
async fn no_wall_holds() {
    let site = Site::new();
    let launcher = site.launcher("#!/bin/sh\nexit 1\n");
    let engine = site.engine(RuntimeSettings { launcher, only: None, ..site.settings(Tier::Landlock) });
    let failure = refused(&engine).await;
    assert_eq!(failure.kind, ErrorKind::NoRuntime);
    for word in ["no wall holds", "namespaces: ", "landlock: "] {
        assert!(failure.message.contains(word), "{failure:?}");
    }
    assert!(failure.hint.contains("allow_unconfined"), "{failure:?}");
    assert_eq!(tier(&engine).await, ("none".into(), 0));
    timely(engine.shutdown()).await;
}

/// What is remembered with `change` made to it, and by whom it could have been written; then what a new engine believes.
async fn believed(site: &Site, mode: u32, change: impl FnOnce(&mut Value)) -> (String, u8) {
    let path = site.remembered();
    let mut tested: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut tested);
    std::fs::write(&path, tested.to_string()).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    let engine = site.engine(site.settings(Tier::Landlock));
    let told = tier(&engine).await;
    timely(engine.shutdown()).await;
    told
}

fn boast(tested: &mut Value) {
    for layer in tested["layers"].as_array_mut().unwrap() {
        layer["active"] = true.into();
    }
}

#[tokio::test]
async fn what_is_remembered() {
    let site = Site::new();
    let engine = site.engine(site.settings(Tier::Landlock));
    let truth = ("landlock".to_owned(), 6);
    assert_eq!(tier(&engine).await, truth);
    timely(engine.shutdown()).await;
    let mode = std::fs::metadata(site.remembered()).unwrap().permissions().mode();
    assert_eq!(mode & 0o022, 0, "others could write it");
    // Ours alone is believed: else what follows would show nothing.
    assert_eq!(believed(&site, 0o600, boast).await, ("landlock".into(), 9));
    for mode in [0o620, 0o602, 0o666] {
        assert_eq!(believed(&site, mode, boast).await, truth, "{mode:o}");
    }
    let another = |tested: &mut Value| {
        boast(tested);
        let stamp = tested["stamp"].as_str().unwrap().replacen(' ', "  ", 1);
        tested["stamp"] = stamp.into();
    };
    assert_eq!(believed(&site, 0o600, another).await, truth);
    let nonsense = |tested: &mut Value| *tested = Value::from(7);
    assert_eq!(believed(&site, 0o600, nonsense).await, truth);
    let weaker = |tested: &mut Value| tested["tier"] = "none of them".into();
    assert_eq!(believed(&site, 0o600, weaker).await, truth);
    // Somebody else's file, which only root can make here.
    if rustix::process::geteuid().is_root() {
        believed(&site, 0o600, |_| {}).await;
        std::os::unix::fs::chown(site.remembered(), Some(12345), None).unwrap();
        assert_eq!(believed(&site, 0o600, boast).await, truth);
    }
    // A pipe would be waited on for ever.
    std::fs::remove_file(site.remembered()).unwrap();
    let path = std::ffi::CString::new(site.remembered().to_str().unwrap()).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let engine = site.engine(site.settings(Tier::Landlock));
    assert_eq!(tier(&engine).await, truth);
    timely(engine.shutdown()).await;
}

/// A launcher that is not what it was when it was tried: the session is refused, and so is the next.
#[tokio::test]
async fn a_launcher_that_has_become_unusable() {
    let site = Site::new();
    let good = format!("#!/bin/sh\nexec {} \"$@\"\n", binary().display());
    let launcher = site.launcher(&good);
    let engine = site.engine(RuntimeSettings { launcher, only: None, ..site.settings(Tier::Landlock) });
    let session = create(&engine).await.unwrap();
    let told = session.isolation.tier.clone();
    works(&engine, &session).await;
    site.launcher("#!/bin/sh\nexit 1\n");
    let failure = refused(&engine).await;
    assert!(failure.message.contains("can't be launched"), "{failure:?}");
    // It may be gone before it was told anything: then nothing is tried anew, and the next is refused in the same way.
    for _ in 0..3 {
        let failure = refused(&engine).await;
        let told = ["can't be launched", "no wall holds"].iter().any(|words| failure.message.contains(words));
        assert!(told, "{failure:?}");
    }
    site.launcher(&good);
    // What was shown is remembered with the launcher it was shown of.
    timely(engine.runtime(RuntimeType::NativeProcess, true)).await.unwrap();
    let session = create(&engine).await.unwrap();
    assert_eq!(session.isolation.tier, told);
    works(&engine, &session).await;
    timely(engine.shutdown()).await;
}

/// Namespaces are forbidden after they have been tried, where no stamp shows it: the session is refused. Only what is
/// tried anew may be another wall, and then that is told, and held to what is asked for at least.
#[tokio::test]
async fn namespaces_that_are_forbidden_later() {
    if !can_be_without_namespaces() {
        return;
    }
    let site = Site::new();
    std::fs::write(site.at("alone.py"), include_str!("alone.py")).unwrap();
    let (flag, alone, binary) = (site.at("forbidden"), site.at("alone.py"), binary());
    let text = |path: &Path| path.display().to_string();
    let launcher = site.launcher(&format!(
        "#!/bin/sh\nif [ -e {} ]; then exec /usr/bin/python3 {} {} \"$@\"; fi\nexec {3} \"$@\"\n",
        text(&flag),
        text(&alone),
        text(&binary),
        text(&binary)
    ));
    let settings = RuntimeSettings { launcher, only: None, ..site.settings(Tier::Landlock) };
    let engine = site.engine(settings.clone());
    let session = create(&engine).await.unwrap();
    assert_eq!(session.isolation.tier, "namespaces");
    works(&engine, &session).await;
    timely(engine.shutdown()).await;
    std::fs::write(&flag, "").unwrap();
    // A new engine, which remembers.
    let strict = EngineSettings { minimum_isolation: Some(8), ..EngineSettings::new(site.at("sessions")) };
    let strict: Arc<dyn Engine> = Arc::new(Embedded::new(strict, native::over(settings.clone())).unwrap());
    assert_eq!(tier(&strict).await.0, "namespaces");
    let failure = refused(&strict).await;
    assert!(failure.message.contains("namespaces"), "{failure:?}");
    let failure = refused(&strict).await;
    assert!(format!("{failure:?}").contains("minimum_isolation"), "{failure:?}");
    timely(strict.shutdown()).await;
    let engine = site.engine(settings);
    let session = create(&engine).await.unwrap();
    assert_eq!((session.isolation.tier.as_str(), session.isolation.score), ("landlock", 6));
    works(&engine, &session).await;
    timely(engine.shutdown()).await;
}

/// A root's sessions run as users of their own, who can't pass directories that are root's alone: that is told, with
/// the way out, and an ordinary user's own directories are no hindrance to him.
#[tokio::test]
async fn directories_that_are_closed_to_others() {
    let site = Site::new();
    let closed = site.at("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o700)).unwrap();
    let sessions = EngineSettings::new(closed.join("state/sessions"));
    let engine: Arc<dyn Engine> =
        Arc::new(Embedded::new(sessions, native::over(site.settings(Tier::Landlock))).unwrap());
    let reachable = site.engine(site.settings(Tier::Landlock));
    let mut hidden = site.settings(Tier::Landlock);
    let python = closed.join("python3");
    std::fs::copy("/usr/bin/python3", &python).unwrap();
    hidden.provision.search_path = Some(closed.clone().into_os_string());
    let with_hidden = site.engine(hidden);
    works(&reachable, &create(&reachable).await.unwrap()).await;
    if rustix::process::geteuid().is_root() {
        let failure = refused(&engine).await;
        assert!(failure.message.contains(&format!("can't pass {} ", closed.display())), "{failure:?}");
        assert!(failure.hint.contains(&format!("chmod o+x {}", closed.display())), "{failure:?}");
        assert!(failure.hint.contains("XDG_STATE_HOME"), "{failure:?}");
        let failure = refused(&with_hidden).await;
        assert!(failure.message.contains(&format!("{}", python.display())), "{failure:?}");
        assert!(failure.hint.contains("/usr/local"), "{failure:?}");
        // As it says.
        std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o701)).unwrap();
    }
    works(&engine, &create(&engine).await.unwrap()).await;
    for engine in [engine, reachable, with_hidden] {
        timely(engine.shutdown()).await;
    }
}
