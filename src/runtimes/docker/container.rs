//! What a container of ours is: everything that is asked of the Engine for one, in one place.

use std::collections::HashMap;
use std::path::Path;

use bollard::models::{
    ContainerCreateBody, ContainerUpdateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount,
    MountType, ResourcesUlimits,
};

use super::images::Image;
use super::launch::Way;
use crate::runtimes::limits::Limits;
use crate::sandbox::Storage;

/// Where the agent's program and its socket are in a container.
pub const INSIDE: &str = "/.codebeaker";
/// In its control group beside the programs: the agent, a program's supervisor, and the one of the next.
pub const HELPERS: u64 = 3;
/// Open files of the agent, whatever its programs may have.
const AGENT_FILES: u64 = 1024;
/// What the volumes that an image declares hold here at most: in memory, and gone with the container.
const DECLARED: u64 = 16 << 20;
/// The users that programs are, one after the other: a range that systemd gives to nobody, and that every user
/// namespace of 65536 users has.
const USERS: std::ops::Range<u32> = 60_578..61_184;

/// How the agent comes into a container, and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Entrance<'a> {
    /// A directory of this machine's holds its program and the socket it dials.
    Directory(&'a Path),
    /// A volume holds its program; it is spoken to through its standard streams.
    Volume(&'a str),
}

/// What a container is made for.
pub struct Order<'a> {
    pub image: &'a Image,
    pub entrance: Entrance<'a>,
    pub limits: &'a Limits,
    /// `none`, or the name of one.
    pub network: &'a str,
    /// The user and group that agent and programs are.
    pub user: u32,
    pub labels: HashMap<String, String>,
    /// What the Engine can bound.
    pub way: Way,
    /// Not every Engine takes every option of a file system in memory.
    pub podman: bool,
}

/// The files, in the directory of a container's entrance, that say who is who in it.
pub const PEOPLE: [&str; 2] = ["passwd", "group"];

/// What they say.
pub fn people(user: u32) -> [String; 2] {
    [
        format!(
            "root:x:0:0:root:/root:/bin/sh\nuser:x:{user}:{user}::/workspace:/bin/sh\n\
             nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
        ),
        format!("root:x:0:\nuser:x:{user}:\nnogroup:x:65534:\n"),
    ]
}

/// A user for a container: not one that another of ours has had lately.
pub fn next_user() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Other processes of ours begin elsewhere.
    let start = std::process::id().wrapping_mul(31);
    let number = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
    USERS.start + number % (USERS.end - USERS.start)
}

impl Order<'_> {
    /// The request for it.
    pub fn body(&self) -> ContainerCreateBody {
        let attached = matches!(self.entrance, Entrance::Volume(_));
        let argument = if attached { "attached".to_owned() } else { format!("dial={INSIDE}/socket") };
        ContainerCreateBody {
            image: Some(self.image.id.clone()),
            hostname: Some("codebeaker".into()),
            user: Some(format!("{0}:{0}", self.user)),
            working_dir: Some("/workspace".into()),
            entrypoint: Some(vec![format!("{INSIDE}/agent"), argument]),
            cmd: Some(Vec::new()),
            labels: Some(self.labels.clone()),
            attach_stdin: Some(attached),
            attach_stdout: Some(attached),
            open_stdin: Some(attached),
            stdin_once: Some(attached),
            tty: Some(false),
            // The image's own would be programs of nobody's in the session.
            healthcheck: Some(HealthConfig { test: Some(vec!["NONE".into()]), ..HealthConfig::default() }),
            stop_signal: Some("SIGKILL".into()),
            stop_timeout: Some(1),
            host_config: Some(self.host_config()),
            ..ContainerCreateBody::default()
        }
    }

    fn host_config(&self) -> HostConfig {
        let Limits { memory_bytes, processes, cpu_shares, .. } = *self.limits;
        let Way { counted, cpus, .. } = self.way;
        // Where there is no network this machine's name servers and domains are nobody's business; Podman takes no
        // others there.
        let nowhere = |name: &str| (self.network == "none" && !self.podman).then(|| vec![name.to_owned()]);
        HostConfig {
            dns: nowhere("127.0.0.1"),
            dns_search: nowhere("."),
            network_mode: Some(self.network.to_owned()),
            readonly_rootfs: Some(true),
            cap_drop: Some(vec!["ALL".into()]),
            // The Engine's own filter of system calls stays; the agent adds ours to it.
            security_opt: Some(vec!["no-new-privileges".into()]),
            privileged: Some(false),
            ipc_mode: Some("private".into()),
            memory: counted.then(|| signed(memory_bytes)),
            // With what is swapped out: none.
            memory_swap: counted.then(|| signed(memory_bytes)),
            pids_limit: counted.then(|| signed(processes.saturating_add(HELPERS))),
            nano_cpus: cpu_shares.filter(|_| cpus).map(nano_cpus),
            shm_size: self.podman.then(|| signed(self.limits.shm.bytes)),
            ulimits: Some(self.ulimits()),
            tmpfs: Some(self.in_memory()),
            mounts: Some(self.mounts()),
            // The agent is the first process, and reaps.
            init: Some(false),
            auto_remove: Some(true),
            log_config: Some(HostConfigLogConfig { typ: Some("none".into()), config: None }),
            ..HostConfig::default()
        }
    }

    /// The agent, and who the user is by name: the image doesn't know.
    fn mounts(&self) -> Vec<Mount> {
        let mount = |typ, source: String, target: &str| Mount {
            target: Some(target.to_owned()),
            source: Some(source),
            typ: Some(typ),
            read_only: Some(true),
            ..Mount::default()
        };
        match self.entrance {
            Entrance::Directory(path) => {
                let bind = |name: &str, target: &str| {
                    mount(MountType::BIND, path.join(name).display().to_string(), target)
                };
                vec![bind("", INSIDE), bind(PEOPLE[0], "/etc/passwd"), bind(PEOPLE[1], "/etc/group")]
            }
            Entrance::Volume(name) => vec![mount(MountType::VOLUME, name.to_owned(), INSIDE)],
        }
    }

    fn ulimits(&self) -> Vec<ResourcesUlimits> {
        let limits = [
            ("nofile", self.limits.open_files.max(AGENT_FILES)),
            ("fsize", self.limits.file_size),
            // Not 0: with exactly 1 the kernel doesn't start a handler of crashes either, which runs outside.
            ("core", 1),
            ("memlock", 64 << 10),
            ("msgqueue", 0),
            ("rtprio", 0),
            ("sigpending", 256),
        ];
        // Podman would raise it to the highest there is, which not every root may.
        let limits = limits.into_iter().chain(self.podman.then_some(("nproc", 4096)));
        let limit = |(name, value): (&str, u64)| ResourcesUlimits {
            name: Some(name.to_owned()),
            soft: Some(signed(value)),
            hard: Some(signed(value)),
        };
        limits.map(limit).collect()
    }

    /// The workspace and everything else that can be written lives in memory, with a size of its own.
    fn in_memory(&self) -> HashMap<String, String> {
        let user = self.user;
        let storage = |Storage { bytes, files }: Storage, more: &str| {
            // Without, the kernel allows as many files as half of the machine's memory has pages.
            // Its own root is one of them.
            let files =
                if self.podman { String::new() } else { format!(",nr_inodes={}", files.saturating_add(1)) };
            format!("rw,nosuid,nodev,exec,size={bytes}{files},{more}")
        };
        let own =
            if self.podman { "mode=0777".to_owned() } else { format!("mode=0700,uid={user},gid={user}") };
        // The Engine's own bounds no files.
        let shm = (!self.podman).then(|| ("/dev/shm".to_owned(), storage(self.limits.shm, "mode=1777")));
        let declared_size = Storage { bytes: DECLARED, files: 4096 };
        let declared = declared(self.image).into_iter();
        let declared = declared.map(|path| (path, storage(declared_size, &own)));
        declared
            .chain(shm)
            .chain([
                ("/workspace".to_owned(), storage(self.limits.workspace, &own)),
                ("/tmp".to_owned(), storage(self.limits.tmp, "mode=1777")),
            ])
            .collect()
    }
}

/// The volumes that an image declares, wherever they are: left to the Engine they would be on the disk, and counted by
/// nobody.
pub fn declared(image: &Image) -> Vec<String> {
    let declared = image.volumes.iter().filter_map(|path| plain(path));
    declared.filter(|path| !Path::new(path).starts_with(INSIDE)).collect()
}

/// A path as the Engine writes it: it compares them letter by letter. `None`: the root is not to be replaced.
fn plain(path: &str) -> Option<String> {
    use std::path::Component;
    let mut parts = Vec::new();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => parts.push(name.to_string_lossy()),
            Component::ParentDir => drop(parts.pop()),
            _ => {}
        }
    }
    (!parts.is_empty()).then(|| format!("/{}", parts.join("/")))
}

/// What of a running container's limits can still be changed: memory, processes, processors.
pub fn update(limits: &Limits, way: Way) -> ContainerUpdateBody {
    let Way { counted, cpus, .. } = way;
    ContainerUpdateBody {
        memory: counted.then(|| signed(limits.memory_bytes)),
        memory_swap: counted.then(|| signed(limits.memory_bytes)),
        pids_limit: counted.then(|| signed(limits.processes.saturating_add(HELPERS))),
        nano_cpus: limits.cpu_shares.filter(|_| cpus).map(nano_cpus),
        ..ContainerUpdateBody::default()
    }
}

/// Processors in 1024ths as the Engine counts them.
fn nano_cpus(shares: u64) -> i64 {
    signed(shares.saturating_mul(1_000_000_000) / 1024)
}

/// The Engine's numbers have a sign, which no limit has.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_not_repeated_soon_and_are_nobodys() {
        let users: Vec<u32> = (0..600).map(|_| next_user()).collect();
        assert!(users.iter().all(|user| USERS.contains(user)));
        let different: std::collections::BTreeSet<u32> = users.iter().copied().collect();
        assert_eq!(different.len(), users.len());
    }

    #[test]
    fn what_can_be_written_is_bounded_and_what_the_host_has_is_not_told() {
        let storage = Storage { bytes: 1 << 20, files: 64 };
        let limits = Limits {
            memory_bytes: 1 << 28,
            processes: 64,
            open_files: 100,
            file_size: 1 << 20,
            workspace: storage,
            tmp: storage,
            shm: storage,
            cpu_shares: Some(512),
        };
        let volumes = ["/var/lib/data", "/workspace/cache/", "/a/../tmp/", "/"].map(str::to_owned).into();
        let image = Image { id: "sha256:1".into(), volumes, ..Image::default() };
        let order = Order {
            image: &image,
            entrance: Entrance::Directory(Path::new("/state/1")),
            limits: &limits,
            network: "none",
            user: 60_600,
            labels: HashMap::new(),
            way: Way { directory: true, landlock: true, counted: true, cpus: true },
            podman: false,
        };
        let host = order.body().host_config.unwrap();
        let in_memory = host.tmpfs.unwrap();
        assert_eq!(in_memory.len(), 5, "{in_memory:?}");
        let shm = "rw,nosuid,nodev,exec,size=1048576,nr_inodes=65,mode=1777";
        assert_eq!(in_memory["/dev/shm"], shm);
        assert!(in_memory["/workspace/cache"].contains("size=16777216"));
        assert!(in_memory["/tmp"].contains("mode=1777"));
        assert!(in_memory["/var/lib/data"].contains("size=16777216"));
        assert_eq!(
            in_memory["/workspace"],
            "rw,nosuid,nodev,exec,size=1048576,nr_inodes=65,mode=0700,uid=60600,gid=60600"
        );
        assert_eq!((host.nano_cpus, host.pids_limit), (Some(500_000_000), Some(67)));
        assert_eq!(host.memory, host.memory_swap);
        assert_eq!(host.dns, Some(vec!["127.0.0.1".to_owned()]));
        let host = Order { network: "codebeaker-1", ..order }.body().host_config.unwrap();
        assert_eq!((host.dns, host.dns_search), (None, None));
    }
}
