//! A session's own root: nothing of the host but what is bound into it, read-only.
//!
//! What is bound is opened as the user that we are outside, before this process becomes a user who may read nothing of
//! ours. The tree then stands in memory: its root, the workspace, `/tmp` and `/dev/shm`, each bounded, gone with the
//! last process.
#![allow(unsafe_code)]

use std::fs;
use std::io::{Error, ErrorKind, Result, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType};
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount, mount_change,
    move_mount, open_tree, unmount,
};

use super::identity::{INSIDE, Identity};
use super::launcher::{Refusal, layer};
use super::spec::{Spec, Storage};

/// Where the new root is put up: any directory that everybody may enter will do, as nobody else sees it.
const SITES: [&str; 3] = ["/tmp", "/mnt", "/usr"];
/// The tree itself holds directories, links and four small files.
const TREE: Storage = Storage { bytes: 4 << 20, files: 4096 };

/// The host's programs and libraries. Where the host has links for some, so has the session.
const SYSTEM: [&str; 7] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
/// What programs read of `/etc`, where it is there: how libraries are found, whom TLS trusts, what time it is here.
const ETC: [&str; 14] = [
    "/etc/ld.so.cache",
    "/etc/alternatives",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/ca-trust/extracted",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/openssl.cnf",
    "/etc/ca-certificates/extracted",
    "/etc/crypto-policies",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/services",
    "/etc/protocols",
    "/etc/mono",
];
/// What those need who were given the network.
const ETC_NETWORK: [&str; 3] = ["/etc/resolv.conf", "/etc/hosts", "/etc/gai.conf"];
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];
/// How much of what a user of the host has a limited number of the session may have: what it takes counts for whoever
/// launched it, too. Of namespaces none: the filter refuses them already.
const QUOTAS: [(&str, u32); 10] = [
    ("max_inotify_instances", 8),
    ("max_inotify_watches", 8192),
    ("max_user_namespaces", 0),
    ("max_mnt_namespaces", 0),
    ("max_pid_namespaces", 0),
    ("max_net_namespaces", 0),
    ("max_ipc_namespaces", 0),
    ("max_uts_namespaces", 0),
    ("max_cgroup_namespaces", 0),
    ("max_time_namespaces", 0),
];
/// Of `/proc`, what is not about the session's processes and tells of whoever we are outside.
const MASKED: [&str; 3] = ["proc/keys", "proc/key-users", "proc/timer_list"];

/// What of the host's system every session may read and execute, where sessions have no root of their own.
pub fn readable(network: bool) -> Vec<PathBuf> {
    let network: &[&str] = if network { &ETC_NETWORK } else { &[] };
    let others = ["/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/proc", "/sys/devices/system/cpu"];
    let named = SYSTEM.iter().chain(&ETC).chain(network).chain(&others).map(PathBuf::from);
    named.chain(pythons()).collect()
}

/// Devices that every session may use, where sessions have no root of their own. Of terminals only the program's own,
/// whichever that is: by name those of everybody with the same user could be opened, and what is typed there be read.
pub fn devices() -> Vec<PathBuf> {
    DEVICES.iter().chain(&["/dev/tty"]).map(PathBuf::from).collect()
}

/// Whether a path of the host is there in every session anyway.
pub fn is_system(path: &Path) -> bool {
    SYSTEM.iter().any(|system| path.starts_with(system))
}

/// Debian's Pythons have a part of their library there: python3.11, …
fn pythons() -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir("/etc").into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with("python")))
        .map(|e| e.path())
}

/// Puts up the root and moves in. Afterwards this process is the agent's user.
pub fn build(spec: &Spec, identity: &Identity) -> std::result::Result<(), Refusal> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(layer("mount namespace"))?;
    let host = Host::open(spec).map_err(layer("own file system: what is to be bound can't be opened"))?;
    identity.become_agent().map_err(layer("unprivileged user"))?;
    put_up(spec, identity, host).map_err(layer("own file system"))?;
    move_in().map_err(layer("own file system: can't move in"))?;
    // Neither is a wall: without them a session is only less at home.
    let _ = rustix::system::sethostname(b"codebeaker");
    if !spec.network {
        let _ = loopback_up();
    }
    Ok(())
}

/// What comes from the host.
struct Host {
    trees: Vec<(OwnedFd, PathBuf)>,
    devices: Vec<(OwnedFd, PathBuf)>,
    links: Vec<(PathBuf, PathBuf)>,
}

impl Host {
    fn open(spec: &Spec) -> Result<Self> {
        let mut host = Self { trees: Vec::new(), devices: Vec::new(), links: Vec::new() };
        for path in SYSTEM.map(Path::new) {
            match fs::read_link(path) {
                Ok(link) => host.links.push((path.to_owned(), link)),
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(_) => host.bind(path, path)?,
            }
        }
        let network: &[&str] = if spec.network { &ETC_NETWORK } else { &[] };
        for path in ETC.iter().chain(network).map(Path::new) {
            host.bind_if_there(path)?;
        }
        for path in pythons() {
            host.bind_if_there(&path)?;
        }
        for bind in &spec.binds {
            host.bind(&bind.source, &bind.target).map_err(|e| named(&bind.source, &e))?;
        }
        for path in DEVICES.map(Path::new) {
            let tree = clone_tree(path)?;
            set_attributes(&tree, libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC)?;
            host.devices.push((tree, path.to_owned()));
        }
        Ok(host)
    }

    fn bind(&mut self, source: &Path, target: &Path) -> Result<()> {
        let tree = clone_tree(source)?;
        set_attributes(&tree, libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV)?;
        self.trees.push((tree, target.to_owned()));
        Ok(())
    }

    /// What is not there, or can't be read by us either, no session needs.
    fn bind_if_there(&mut self, path: &Path) -> Result<()> {
        match self.bind(path, path) {
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => Ok(()),
            result => result,
        }
    }
}

fn named(path: &Path, error: &Error) -> Error {
    Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// A copy of what is mounted at and below a path, which links lead to, attached nowhere.
fn clone_tree(path: &Path) -> Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::from_bits_retain(libc::AT_RECURSIVE as u32);
    Ok(open_tree(CWD, path, flags)?)
}

/// Sets attributes of a tree and all that is mounted in it.
fn set_attributes(tree: &OwnedFd, attributes: u64) -> Result<()> {
    let wanted = libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: an open descriptor, an empty path, and a record whose size is given.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | libc::AT_RECURSIVE,
            &wanted,
            size_of::<libc::mount_attr>(),
        )
    };
    if done == 0 { Ok(()) } else { Err(Error::last_os_error()) }
}

/// Builds the tree, with this process's directory as its root.
fn put_up(spec: &Spec, identity: &Identity, host: Host) -> Result<()> {
    let site = SITES.into_iter().find(|site| fs::symlink_metadata(site).is_ok_and(|m| m.is_dir()));
    let site = site.ok_or_else(|| Error::new(ErrorKind::NotFound, "no directory to put it up in"))?;
    memory(Path::new(site), TREE, "mode=755")?;
    std::env::set_current_dir(site)?;
    for directory in ["proc", "dev", "dev/pts", "dev/shm", "tmp", "workspace", "etc"] {
        fs::create_dir(directory)?;
    }
    for (path, link) in host.links {
        symlink(link, beneath(&path))?;
    }
    for (tree, target) in host.trees.into_iter().chain(host.devices) {
        attach(&tree, &beneath(&target))?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "fd/0"),
        ("stdout", "fd/1"),
        ("stderr", "fd/2"),
        ("ptmx", "pts/ptmx"),
    ] {
        symlink(target, Path::new("dev").join(name))?;
    }
    accounts(spec.network)?;
    let home = format!("mode=755,uid={INSIDE},gid={INSIDE}");
    memory(Path::new("workspace"), spec.workspace, &home)?;
    memory(Path::new("tmp"), spec.tmp, "mode=1777")?;
    memory(Path::new("dev/shm"), spec.shm, "mode=1777")?;
    let terminals = MountFlags::NOSUID | MountFlags::NOEXEC;
    mount("devpts", "dev/pts", "devpts", terminals, c"newinstance,ptmxmode=0666,mode=620,max=64")?;
    processes(identity)
}

/// The path from the new root.
fn beneath(path: &Path) -> PathBuf {
    path.strip_prefix("/").unwrap_or(path).to_owned()
}

/// A file system in memory.
fn memory(target: &Path, Storage { bytes, files }: Storage, options: &str) -> Result<()> {
    // Its own root is one of its files.
    let files = files.saturating_add(1);
    let options = std::ffi::CString::new(format!("size={bytes},nr_inodes={files},{options}"))?;
    Ok(mount("tmpfs", target, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, options.as_c_str())?)
}

/// Attaches a tree, at a place of its own kind.
fn attach(tree: &OwnedFd, target: &Path) -> Result<()> {
    let is_directory = FileType::from_raw_mode(rustix::fs::fstat(tree)?.st_mode).is_dir();
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent)?;
    }
    if is_directory {
        fs::create_dir_all(target)?;
    } else {
        fs::OpenOptions::new().create(true).append(true).open(target)?;
    }
    Ok(move_mount(tree.as_fd(), "", CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}

/// Who there is, and where names are looked up.
fn accounts(network: bool) -> Result<()> {
    let user = format!("user:x:{INSIDE}:{INSIDE}:user:/workspace:/bin/sh\n");
    let nobody = "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
    let root = "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n";
    write("etc/passwd", &format!("{root}{user}{nobody}"))?;
    write("etc/group", &format!("root:x:0:\nuser:x:{INSIDE}:\nnogroup:x:65534:\n"))?;
    if !network {
        write("etc/hosts", "127.0.0.1 localhost codebeaker\n::1 localhost\n")?;
    }
    let hosts = if network { "files dns" } else { "files" };
    write("etc/nsswitch.conf", &format!("passwd: files\ngroup: files\nhosts: {hosts}\n"))
}

fn write(path: &str, text: &str) -> Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

/// `/proc` of the session's own processes.
fn processes(identity: &Identity) -> Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    // The agent sees every process only where it is another user with the right to: it counts what they use.
    let hiding = identity.inside().is_some();
    let options = if hiding { Some(c"hidepid=invisible") } else { None };
    mount("proc", "proc", "proc", flags, options).map_err(|e| match e {
        rustix::io::Errno::PERM => Error::new(
            ErrorKind::PermissionDenied,
            "no /proc can be mounted where parts of the outer one are hidden",
        ),
        e => e.into(),
    })?;
    for path in MASKED {
        if fs::symlink_metadata(path).is_ok() {
            let nothing = clone_tree(Path::new("dev/null"))?;
            attach_over(&nothing, Path::new(path))?;
        }
    }
    // Last: what was just attached took a namespace of its own.
    for (name, most) in QUOTAS {
        // Not every kernel has all of them.
        let _ = fs::write(Path::new("proc/sys/user").join(name), most.to_string());
    }
    Ok(())
}

/// Attaches over what is there already.
fn attach_over(tree: &OwnedFd, target: &Path) -> Result<()> {
    Ok(move_mount(tree.as_fd(), "", CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}

/// Makes this process's directory the root, and forgets the old one.
fn move_in() -> Result<()> {
    // Both in one place: the old root then lies over the new one, and is taken away from there.
    rustix::process::pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    std::env::set_current_dir("/")?;
    let wanted =
        libc::mount_attr { attr_set: libc::MOUNT_ATTR_RDONLY, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: a valid path and a record whose size is given.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            c"/".as_ptr(),
            0,
            &wanted,
            size_of::<libc::mount_attr>(),
        )
    };
    if done != 0 {
        return Err(Error::last_os_error());
    }
    std::env::set_current_dir("/workspace")
}

/// The session's own loopback.
fn loopback_up() -> Result<()> {
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None)?;
    // SAFETY: a record of integers and bytes, for which zero is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (slot, byte) in request.ifr_name.iter_mut().zip(b"lo") {
        *slot = *byte as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
    // SAFETY: this request reads the record.
    match unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &request) } {
        0 => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}
