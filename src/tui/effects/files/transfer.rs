//! Between a workspace and this machine. What goes there goes in pieces; what comes from there comes file by file, each
//! in the one answer that the protocol has for it.

use std::path::Path;

use super::super::{blocking, host};
use super::work::{Below, in_part};
use super::{Workspace, failed, size};
use crate::protocol::{EntryKind, WriteMode};
use crate::tui::workspace::{Done, MOST_READ, Refusal, join, name};

/// Bytes that one command writes: a small part of the longest message that servers take.
const PIECE: usize = 1 << 20;

/// How far a transfer is.
#[derive(Default)]
struct Count {
    files: (u64, u64),
    bytes: (u64, u64),
}

/// Does something on this machine that blocks.
async fn here<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, Refusal> {
    blocking(work).await.and_then(|result| result).map_err(|why| failed(why, ""))
}

impl Workspace {
    /// Writes a file in pieces.
    pub(super) async fn fill(&self, path: &str, content: &[u8]) -> Result<(), Refusal> {
        let mut mode = WriteMode::Create;
        let mut pieces = content.chunks(PIECE);
        // An empty file is written too.
        let mut piece: Option<&[u8]> = Some(pieces.next().unwrap_or_default());
        while let Some(content) = piece {
            self.write(path, content, mode).await?;
            mode = WriteMode::Append;
            piece = pieces.next();
        }
        Ok(())
    }

    pub(super) async fn upload(&self, from: &Path, to: &str, replace: bool) -> Result<Done, Refusal> {
        let from = host::expand(from);
        let looked_at = from.clone();
        let tree = here(move || host::look(&looked_at)).await?;
        if !replace {
            self.free(to).await?;
        }
        let mut count = Count { files: (0, tree.files.len() as u64), bytes: (0, tree.bytes()) };
        for directory in &tree.directories {
            self.make(join(to, directory).trim_end_matches('/')).await.map_err(|why| in_part(why, to))?;
        }
        for (file, _) in &tree.files {
            let (source, target) = match file.as_str() {
                "" => (from.clone(), to.to_owned()),
                file => (from.join(file), join(to, file)),
            };
            let sent = self.send(&source, &target, &mut count).await;
            if let Err(refusal) = sent {
                // The rest of a whole file is worth nothing; one that was replaced is lost either way.
                let _ = self.sweep(&target).await;
                let alone = tree.directories.is_empty() && !replace;
                return Err(if alone { refusal } else { in_part(refusal, to) });
            }
            count.files.0 += 1;
        }
        Ok(Done::Copied { files: count.files.0, bytes: count.bytes.0, left_out: tree.left_out })
    }

    /// One file, in pieces.
    async fn send(&self, from: &Path, to: &str, count: &mut Count) -> Result<(), Refusal> {
        let path = from.to_owned();
        let mut file = here(move || host::open(&path)).await?;
        let mut mode = WriteMode::Create;
        loop {
            self.progress(count.files, count.bytes);
            let (back, piece) = here(move || host::piece(&file, PIECE).map(|piece| (file, piece))).await?;
            file = back;
            if piece.is_empty() && mode == WriteMode::Append {
                return Ok(());
            }
            self.write(to, &piece, mode).await?;
            mode = WriteMode::Append;
            count.bytes.0 += piece.len() as u64;
            if piece.len() < PIECE {
                return Ok(());
            }
        }
    }

    /// Removes what is left of a file that was not sent whole, though its task was ended.
    async fn sweep(&self, path: &str) -> Result<(), Refusal> {
        let after = Self {
            engine: self.engine.clone(),
            session: self.session.clone(),
            number: self.number,
            tx: self.tx.clone(),
            stop: tokio_util::sync::CancellationToken::new(),
        };
        after.remove(path, false).await
    }

    pub(super) async fn download(&self, from: &str, to: &Path, replace: bool) -> Result<Done, Refusal> {
        let to = host::expand(to);
        let entry = self.found(from).await?;
        match entry.kind {
            EntryKind::File if entry.size > MOST_READ => Err(too_large(from, entry.size)),
            EntryKind::Directory => self.download_all(from, &to).await,
            EntryKind::File | EntryKind::Link => {
                let bytes = self.fetch(from, &to, replace).await?;
                Ok(Done::Copied { files: 1, bytes, left_out: 0 })
            }
            EntryKind::Other => Err(failed(format!("{} is no regular file", name(from)), "")),
        }
    }

    /// A directory, to a place where nothing is yet: so nothing there can lead elsewhere.
    async fn download_all(&self, from: &str, to: &Path) -> Result<Done, Refusal> {
        let Below { directories, files, mut left_out } = self.below(from).await?;
        let fits = host::Tree { directories: directories.clone(), files: files.clone(), left_out };
        fits.is_not_too_much().map_err(|why| failed(format!("{}: {why}", name(from)), ""))?;
        let mut count = Count { files: (0, files.len() as u64), bytes: (0, fits.bytes()) };
        let root = to.to_owned();
        if here(move || host::make(&root)).await?.is_none() {
            let message = format!("{} exists already", to.display());
            return Err(failed(message, "a directory is downloaded to a new one: take another name"));
        }
        let shown = to.to_string_lossy().into_owned();
        for directory in directories {
            let path = to.join(directory);
            here(move || host::make(&path)).await.map_err(|why| in_part(why, &shown))?;
        }
        for (file, size) in files {
            self.progress(count.files, count.bytes);
            if size > MOST_READ {
                left_out += 1;
                continue;
            }
            let bytes = self.fetch(&join(from, &file), &to.join(&file), false).await;
            count.bytes.0 += bytes.map_err(|why| in_part(why, &shown))?;
            count.files.0 += 1;
        }
        Ok(Done::Copied { files: count.files.0, bytes: count.bytes.0, left_out })
    }

    /// One file, whole.
    async fn fetch(&self, from: &str, to: &Path, replace: bool) -> Result<u64, Refusal> {
        let content = self.read(from).await?.map_err(|size| too_large(from, size))?;
        let bytes = content.len() as u64;
        let path = to.to_owned();
        match here(move || host::write(&path, &content, replace)).await? {
            Some(()) => Ok(bytes),
            None => Err(Refusal::Exists(to.display().to_string())),
        }
    }
}

fn too_large(path: &str, bytes: u64) -> Refusal {
    let message = format!("{} has {}, and 8 MiB can be read of a file at most", name(path), size(bytes));
    failed(message, "a program in the session can split or compress it")
}
