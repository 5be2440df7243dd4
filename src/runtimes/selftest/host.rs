//! What is laid out on this side for a session to reach, and what tells whether it did.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How the name of a directory for a self-test begins.
const PLACE: &str = "codebeaker-selftest-";
/// The longest name of a socket, in bytes: the kernel's word.
const LONGEST: usize = 107;

/// A directory for a session that only tries, removed when dropped; those of killed processes by the next one, who
/// knows them by the lock that nobody holds any more.
pub struct Place(pub PathBuf, File);

impl Place {
    /// Makes one where sessions are, so that what is seen there is so for them.
    pub fn make(state: Option<&Path>) -> std::io::Result<Self> {
        let above = state.map_or_else(std::env::temp_dir, Path::to_owned);
        std::fs::create_dir_all(&above)?;
        for entry in std::fs::read_dir(&above)?.flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(PLACE.as_bytes())
                && is_abandoned(&entry.path())
                && let Err(e) = crate::agent::remove_tree(&entry.path())
            {
                tracing::warn!("{} can't be removed: {e}", entry.path().display());
            }
        }
        let path = above.join(format!("{PLACE}{}", uuid::Uuid::new_v4()));
        std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), 0o711).create(&path)?;
        let lock = File::open(&path)?;
        lock.lock()?;
        Ok(Self(path, lock))
    }
}

/// Whether nobody holds a place any more. One that was just made may not be locked yet.
fn is_abandoned(place: &Path) -> bool {
    const FRESH: Duration = Duration::from_secs(10);
    let Ok(file) = File::open(place) else { return false };
    let age = file.metadata().and_then(|meta| meta.modified()).ok().and_then(|at| at.elapsed().ok());
    age.is_some_and(|age| age > FRESH) && file.try_lock().is_ok()
}

impl Drop for Place {
    fn drop(&mut self) {
        let removed = crate::agent::remove_tree(&self.0);
        if let Err(e) = removed.and_then(|()| self.1.unlock()) {
            tracing::warn!("{} can't be removed: {e}", self.0.display());
        }
    }
}

/// Puts down a file that everybody may read and write, as far as permissions go.
fn put_canary(directory: &Path) -> std::io::Result<PathBuf> {
    let path = directory.join("canary");
    std::fs::write(&path, "what no session may read")?;
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666))?;
    Ok(path)
}

/// Where a socket can be, however deep the first place lies: a session must be able to try its name.
fn short(place: &Path, other: Option<&Place>) -> std::io::Result<(PathBuf, Option<Place>)> {
    let mut names =
        [Some(place), other.map(|other| &*other.0)].into_iter().flatten().map(|p| p.join("socket"));
    match names.find(|name| name.as_os_str().len() <= LONGEST) {
        Some(socket) => Ok((socket, None)),
        None => Place::make(Some(Path::new("/tmp"))).map(|near| (near.0.join("socket"), Some(near))),
    }
}

/// What there is to reach on this side.
pub struct Host {
    pub canary: PathBuf,
    /// One where every user may pass, so that permissions have no part in what is seen; if that can be had.
    open: Option<(PathBuf, Place)>,
    pub socket: PathBuf,
    /// What it lies in, where its name would be too long otherwise.
    _near: Option<Place>,
    pub hidden: String,
    pub tcp: std::net::TcpListener,
    pub udp: std::net::UdpSocket,
    _listeners: [std::os::unix::net::UnixListener; 2],
}

impl Host {
    pub fn listen(place: &Path) -> std::io::Result<Self> {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::net::{SocketAddr, UnixListener};
        let canary = put_canary(place)?;
        let elsewhere = Place::make(Some(&std::env::temp_dir())).ok();
        let open = elsewhere.and_then(|place| Some((put_canary(&place.0).ok()?, place)));
        let (socket, near) = short(place, open.as_ref().map(|(_, place)| place))?;
        let hidden = format!("codebeaker-{}", uuid::Uuid::new_v4());
        let by_name = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&hidden)?)?;
        let tcp = std::net::TcpListener::bind("127.0.0.1:0")?;
        let udp = std::net::UdpSocket::bind("127.0.0.1:0")?;
        tcp.set_nonblocking(true)?;
        udp.set_nonblocking(true)?;
        let _listeners = [UnixListener::bind(&socket)?, by_name];
        Ok(Self { canary, open, socket, _near: near, hidden, tcp, udp, _listeners })
    }

    /// The canary that no permissions protect, or the other one.
    pub fn open(&self) -> &Path {
        self.open.as_ref().map_or(&self.canary, |(path, _)| path)
    }

    /// Whether anything came, whatever was answered inside.
    pub fn was_reached(&self) -> bool {
        self.tcp.accept().is_ok() || self.udp.recv(&mut [0; 16]).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deep_directory_is_no_hindrance() {
        let root = tempfile::tempdir().unwrap();
        let place = Place::make(Some(&root.path().join("d".repeat(100)))).unwrap();
        let host = Host::listen(&place.0).unwrap();
        assert!(host.socket.exists() && host.canary.starts_with(&place.0));
        std::os::unix::net::UnixStream::connect(&host.socket).unwrap();
        // Nor is one in which everything is deep.
        let (socket, near) = short(&place.0, Some(&place)).unwrap();
        assert!(socket.as_os_str().len() <= LONGEST && near.is_some(), "{}", socket.display());
    }
}
