//! A Docker Engine of a test's own, for faults that the shared one can't be used for. As root only.
//!
//! It stands in a network and a mount namespace of its own: its bridge, its rules and its mounts are nobody else's, and
//! what it leaves goes with the namespaces. Its containers' processes are seen, as those of any other.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bollard::Docker as Api;
use bollard::query_parameters::{ImportImageOptionsBuilder, RemoveImageOptions, TagImageOptionsBuilder};
use futures_util::StreamExt as _;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::rig::{Rig, Setup, timely, until};
use crate::support::require;

/// How long it may take to start, and to end.
const STARTED: Duration = Duration::from_secs(40);

/// An Engine; dropped, it is ended, with all that it has.
pub struct Private {
    root: TempDir,
    /// Holds the namespaces.
    holder: Child,
    daemon: Option<Child>,
}

/// Whether there can be one.
fn able() -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("only root may start one".into());
    }
    for program in ["dockerd", "unshare", "nsenter", "ip", "mount"] {
        let found =
            std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|d| d.join(program).is_file());
        found.then_some(()).ok_or_else(|| format!("{program} is not on the PATH"))?;
    }
    Ok(())
}

impl Private {
    /// One that answers; `size` bounds its disk, in MB.
    pub async fn start(size: Option<u32>) -> Option<Self> {
        if !require("dockerd", able()) {
            return None;
        }
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("data")).unwrap();
        let data = root.path().join("data").display().to_string();
        let disk = size.map(|mb| format!("mount -t tmpfs -o size={mb}m tmpfs {data} && "));
        // The directory with the sockets of its containers' supervisors is everybody's elsewhere.
        let script = format!(
            "ip link set lo up && ip link add cbtest0 type bridge && ip addr add 10.213.77.1/24 dev cbtest0 && \
             ip link set cbtest0 up && mkdir -p /run/containerd && mount -t tmpfs tmpfs /run/containerd && {}\
             echo ready && exec sleep 100000",
            disk.unwrap_or_default()
        );
        let mut command = Command::new("unshare");
        command.args(["--net", "--mount", "sh", "-c", &script]).stdout(Stdio::piped());
        let mut holder = command.spawn().unwrap();
        let mut line = String::new();
        let stdout = holder.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
        let mut private = Self { root, holder, daemon: None };
        let made = (line == "ready\n").then_some(()).ok_or_else(|| "namespaces can't be made".to_owned());
        if !require("dockerd", made) {
            return None;
        }
        private.restart().await;
        Some(private)
    }

    pub fn socket(&self) -> PathBuf {
        self.root.path().join("d.sock")
    }

    pub fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    pub fn log(&self) -> String {
        let log = std::fs::read_to_string(self.root.path().join("log")).unwrap_or_default();
        log.lines().rev().take(20).collect::<Vec<_>>().join("\n")
    }

    /// Starts it, once more where it has ended.
    pub async fn restart(&mut self) {
        let at = |name: &str| self.root.path().join(name).display().to_string();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(at("log")).unwrap();
        let mut command = Command::new("nsenter");
        command.args(["--net", "--mount", "--target", &self.holder.id().to_string(), "dockerd"]);
        command.args(["--data-root", &at("data"), "--exec-root", &at("exec"), "--pidfile", &at("pid")]);
        command.args(["--host", &self.url(), "--containerd-namespace", "codebeaker-test"]);
        // A bridge by name: without one it would look for the usual one, and remove it where it shall have none.
        command.args(["--containerd-plugins-namespace", "codebeaker-test-plugins", "--bridge", "cbtest0"]);
        command.args(["--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"]);
        command.args(["--userland-proxy=false", "--storage-driver", "overlay2", "--log-level", "warn"]);
        let daemon =
            command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        self.daemon = Some(daemon);
        let socket = self.socket();
        let answers = async || match Api::connect_with_unix(
            &socket.display().to_string(),
            10,
            bollard::API_DEFAULT_VERSION,
        ) {
            Ok(api) => api.ping().await.is_ok(),
            Err(_) => false,
        };
        let begin = std::time::Instant::now();
        while !answers().await {
            assert!(begin.elapsed() < STARTED, "it does not answer:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends it with this signal, and waits for that.
    pub async fn stop(&mut self, signal: Signal) {
        let Some(mut daemon) = self.daemon.take() else { return };
        kill_process(Pid::from_child(&daemon), signal).unwrap();
        until(STARTED, "it has ended", async || daemon.try_wait().unwrap().is_some(), |ended| *ended).await;
        // Its helper ends with it. Where nobody waits for orphans it would be taken for one that lives.
        let file = self.root.path().join("exec/containerd/containerd.pid");
        let Some(pid) = pid_in(&file) else { return };
        let alive = || {
            let stat =
                std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
        };
        until(STARTED, "its helper has ended", async || alive(), |alive| !alive).await;
        std::fs::remove_file(&file).unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.daemon.as_ref().unwrap()), signal).unwrap();
    }

    /// Leaves nothing free of its disk.
    pub fn fill(&self) {
        let script = format!("cat /dev/zero >{}/filled", self.root.path().join("data").display());
        let mut command = Command::new("nsenter");
        command.args(["--mount", "--target", &self.holder.id().to_string(), "sh", "-c", &script]);
        assert!(!command.stderr(Stdio::null()).status().unwrap().success());
    }

    pub async fn api(&self) -> Api {
        let socket = self.socket().display().to_string();
        let api = Api::connect_with_unix(&socket, 60, bollard::API_DEFAULT_VERSION).unwrap();
        api.negotiate_version().await.unwrap()
    }

    /// CodeBeaker's engine over it.
    pub async fn rig(&self, change: impl FnOnce(&mut Setup)) -> Rig {
        let url = self.url();
        Rig::over(self.api().await, |setup| {
            setup.docker.host = Some(url);
            change(setup);
        })
    }

    /// Brings an image of the shared Engine's here, under this name.
    pub async fn load(&self, shared: &Api, image: &str, name: &str) {
        let api = self.api().await;
        let options = ImportImageOptionsBuilder::default().build();
        let pieces = shared.export_image(image).map(|piece| piece.map_err(std::io::Error::other));
        let body = bollard::body_try_stream(pieces);
        let mut steps = api.import_image(options, body, None);
        while let Some(step) = steps.next().await {
            step.unwrap();
        }
        drop(steps);
        let (repo, tag) = name.split_once(':').unwrap();
        let options = TagImageOptionsBuilder::default().repo(repo).tag(tag).build();
        timely(api.tag_image(image, Some(options))).await.unwrap();
        if name.split(':').next() != Some(image) {
            timely(api.remove_image(image, None::<RemoveImageOptions>, None)).await.unwrap();
        }
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = kill_process(Pid::from_child(&daemon), Signal::TERM);
            let until = std::time::Instant::now() + Duration::from_secs(20);
            while daemon.try_wait().is_ok_and(|ended| ended.is_none()) && std::time::Instant::now() < until {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        // Where it was killed, what it has started is still there: containerd, and what watches its containers.
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let pid = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line);
            if let Some(pid) = pid.filter(|_| line.contains(self.root.path().to_str().unwrap()))
                && line.contains("containerd")
            {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn pid_in(file: &Path) -> Option<Pid> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok().and_then(Pid::from_raw)
}
