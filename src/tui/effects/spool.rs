//! What programs write, kept in files of the state directory beside the few lines that fit into memory. A file has no
//! name: whatever ends this process, the system takes it away. All of them together are bounded, and so is each.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::config::make_private_dir;
use crate::engine::system_words;
use crate::protocol::OutputStream;
use crate::tui::disk;
use crate::tui::msg::Spooled;
use crate::tui::output::Output;
use crate::tui::sink::Sink;

/// The most bytes of one run; as much may be kept of all those before it.
const MAX_BYTES: u64 = 1 << 30;
/// The most runs that are kept.
const MAX_RUNS: usize = 32;
/// Before each piece: the stream, and how long it is.
const HEADER: usize = 5;

/// One run's file.
#[derive(Debug)]
pub(super) struct Spool {
    directory: PathBuf,
    /// Made with the first output, where it may block. Error: why there is none.
    file: OnceLock<Result<File, String>>,
    /// The bytes in it.
    written: AtomicU64,
    /// It takes no more: what is kept is the beginning, without holes.
    full: AtomicBool,
}

/// The files of the last runs.
#[derive(Debug, Default)]
pub(super) struct Spools {
    directory: Option<PathBuf>,
    runs: VecDeque<(u32, Arc<Spool>)>,
}

/// Where a run's output goes.
#[derive(Debug)]
pub(super) struct Spooling {
    spool: Result<Arc<Spool>, String>,
    /// What was told of it last.
    told: Option<Spooled>,
}

impl Spools {
    pub(super) fn of(directory: PathBuf) -> Self {
        Self { directory: Some(directory), runs: VecDeque::new() }
    }

    /// Begins a run's file.
    pub(super) fn begin(&mut self, run: u32) -> Spooling {
        let total = |runs: &VecDeque<(u32, Arc<Spool>)>| -> u64 {
            runs.iter().map(|(_, spool)| spool.written.load(Ordering::Relaxed)).sum()
        };
        while self.runs.len() >= MAX_RUNS || total(&self.runs) >= MAX_BYTES {
            self.runs.pop_front();
        }
        let Some(directory) = &self.directory else {
            return Spooling { spool: Err("no directory was given for it".to_owned()), told: None };
        };
        let spool = Arc::new(Spool {
            directory: directory.clone(),
            file: OnceLock::new(),
            written: AtomicU64::new(0),
            full: AtomicBool::new(false),
        });
        self.runs.push_back((run, Arc::clone(&spool)));
        Spooling { spool: Ok(spool), told: None }
    }

    pub(super) fn of_run(&self, run: u32) -> Option<Arc<Spool>> {
        self.runs.iter().find(|(of, _)| *of == run).map(|(_, spool)| Arc::clone(spool))
    }
}

/// A file that is gone when nobody has it open any more.
fn unnamed(directory: &Path) -> io::Result<File> {
    make_private_dir(directory)?;
    for n in 0..100 {
        let path = directory.join(format!("{}-{n}", std::process::id()));
        match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return fs::remove_file(&path).map(|()| file),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}

impl Spooling {
    /// Keeps what came, and gives what is to be told of it: once, until it changes.
    pub(super) async fn keep(&mut self, chunks: &[(OutputStream, Bytes)]) -> Option<Spooled> {
        let kept = match &self.spool {
            Err(why) => Spooled::Nothing(why.clone()),
            Ok(spool) => {
                let (spool, chunks) = (Arc::clone(spool), chunks.to_vec());
                super::blocking(move || spool.write(&chunks)).await.unwrap_or_else(Spooled::Nothing)
            }
        };
        (self.told.as_ref() != Some(&kept)).then(|| {
            self.told = Some(kept.clone());
            kept
        })
    }
}

impl Spool {
    fn write(&self, chunks: &[(OutputStream, Bytes)]) -> Spooled {
        let made = self.file.get_or_init(|| {
            unnamed(&self.directory)
                .map_err(|error| format!("{}: {}", self.directory.display(), system_words(&error)))
        });
        let file = match made {
            Ok(file) => file,
            Err(why) => return Spooled::Nothing(why.clone()),
        };
        let at = self.written.load(Ordering::Relaxed);
        if self.full.load(Ordering::Relaxed) {
            return Spooled::Until(at);
        }
        let size: usize = chunks.iter().map(|(_, data)| data.len() + HEADER).sum();
        let mut pieces = Vec::with_capacity(size);
        for (stream, data) in chunks {
            pieces.push(u8::from(*stream == OutputStream::Stderr));
            pieces.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
            pieces.extend_from_slice(data);
        }
        let end = at + pieces.len() as u64;
        if end <= MAX_BYTES {
            match file.write_all_at(&pieces, at) {
                Ok(()) => {
                    self.written.store(end, Ordering::Relaxed);
                    return Spooled::Whole;
                }
                Err(error) => tracing::warn!("no more output is kept: {error}"),
            }
        }
        self.full.store(true, Ordering::Relaxed);
        Spooled::Until(at)
    }
}

/// Writes what is kept of a run as text into a new file, all of it or, if that is stopped, nothing; gives its bytes.
/// Error: why not.
pub(super) fn save(
    spool: Option<Arc<Spool>>,
    to: &Path,
    in_memory: &str,
    stopped: &CancellationToken,
) -> Result<u64, String> {
    let exists = || io::Error::from(io::ErrorKind::AlreadyExists);
    // Known before all is written in vain.
    let free = fs::symlink_metadata(to).is_err();
    let saved = free.then_some(()).ok_or_else(exists).and_then(|()| {
        disk::create(to, false, |file| {
            let mut file = BufWriter::new(file);
            let kept = spool.as_ref().and_then(|spool| Some((spool, spool.file.get()?.as_ref().ok()?)));
            let bytes = match kept {
                Some((spool, kept)) => spool.copy_text(kept, &mut file, stopped)?,
                None => write_out(in_memory, &mut file)?,
            };
            file.flush().map(|()| bytes)
        })
    });
    saved.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => "there is such a file already".to_owned(),
        _ => system_words(&error),
    })
}

impl Spool {
    /// Writes what the program has written, as it would be shown: without colours, each line as it was at last.
    fn copy_text(
        &self,
        kept: &File,
        to: &mut impl io::Write,
        stopped: &CancellationToken,
    ) -> io::Result<u64> {
        let end = self.written.load(Ordering::Relaxed);
        let (mut at, mut bytes) = (0, 0);
        let (mut output, mut sink) = (Output::new(), Sink::default());
        let mut piece = Vec::new();
        while at < end {
            if stopped.is_cancelled() {
                return Err(io::Error::other("the workbench was left"));
            }
            let mut header = [0; HEADER];
            kept.read_exact_at(&mut header, at)?;
            let [stream, length @ ..] = header;
            let length = u32::from_le_bytes(length);
            piece.resize(length as usize, 0);
            kept.read_exact_at(&mut piece, at + HEADER as u64)?;
            at += HEADER as u64 + u64::from(length);
            let stream = if stream == 0 { OutputStream::Stdout } else { OutputStream::Stderr };
            // Less at once than is kept in memory of it: no line is lost.
            for part in piece.chunks(4096) {
                sink.write(&mut output, stream, part);
                bytes += write_out(&output.take_program_text(), to)?;
            }
        }
        bytes += write_out(&output.newest_text(), to)?;
        Ok(bytes)
    }
}

fn write_out(text: &str, to: &mut impl io::Write) -> io::Result<u64> {
    to.write_all(text.as_bytes())?;
    Ok(text.len() as u64)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn what_is_kept_is_saved_whole_and_leaves_no_file_behind() {
        let home = tempfile::tempdir().unwrap();
        let mut spools = Spools::of(home.path().join("output"));
        let mut spooling = spools.begin(1);
        let out = |text: &str| (OutputStream::Stdout, Bytes::copy_from_slice(text.as_bytes()));
        assert_eq!(spooling.keep(&[out("one\n\x1b[1mtw")]).await, Some(Spooled::Whole));
        let mode = fs::metadata(home.path().join("output")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "what programs write is nobody else's");
        let err = (OutputStream::Stderr, Bytes::from_static(b"oops\n"));
        assert_eq!(spooling.keep(&[out("o\n"), err]).await, None, "it was told already");
        let many = "line\n".repeat(30_000);
        spooling.keep(&[out(&many), out("half")]).await;
        assert_eq!(fs::read_dir(home.path().join("output")).unwrap().count(), 0);
        let to = home.path().join("saved.txt");
        let going = CancellationToken::new();
        let bytes = save(spools.of_run(1), &to, "", &going).unwrap();
        let text = fs::read_to_string(&to).unwrap();
        assert_eq!(text, format!("one\ntwo\noops\n{many}half"));
        assert_eq!(bytes, text.len() as u64);
        assert!(save(spools.of_run(1), &to, "", &going).unwrap_err().contains("already"));
        // Half of it would pass for the whole.
        going.cancel();
        assert!(save(spools.of_run(1), &home.path().join("more.txt"), "", &going).is_err());
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2, "the directory and what was saved");
    }

    #[tokio::test]
    async fn a_directory_that_cannot_be_is_told() {
        let mut spools = Spools::of(PathBuf::from("/proc/nonexistent/output"));
        let kept = spools.begin(1).keep(&[(OutputStream::Stdout, Bytes::from_static(b"x"))]).await;
        assert!(matches!(kept, Some(Spooled::Nothing(why)) if why.contains("/proc/nonexistent")));
        let home = tempfile::tempdir().unwrap();
        assert_eq!(
            save(spools.of_run(1), &home.path().join("a"), "text", &CancellationToken::new()).unwrap(),
            4
        );
    }

    #[tokio::test]
    async fn only_so_many_runs_are_kept() {
        let home = tempfile::tempdir().unwrap();
        let mut spools = Spools::of(home.path().to_owned());
        for run in 1..=40 {
            spools.begin(run);
        }
        assert!(spools.of_run(8).is_none() && spools.of_run(9).is_some());
        assert_eq!(spools.runs.len(), MAX_RUNS);
    }
}
