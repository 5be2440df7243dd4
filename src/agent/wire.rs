//! What the frames say: requests of the host, replies of the agent. Both directions decode without trust.
//!
//! This file is compiled twice: into the host and into the agent's program. It may use std alone.

use super::frame::{self, Frame};

/// Bytes of output that may be on their way to the host, per task, before it must grant more.
pub const OUTPUT_WINDOW: u32 = 1 << 20;
/// Bytes of standard input that may be on their way to a program before the agent must grant more.
pub const STDIN_WINDOW: u32 = 256 << 10;
/// What a frame of output takes off the window at least, so that floods of tiny frames are bounded too.
pub const MIN_COST: u32 = 512;
/// The largest piece of data in one frame.
pub const CHUNK: usize = 64 << 10;

/// How the message of a [`Reply::Failed`] begins where it is the program's directory that can't be used.
pub const CWD_FAILED: &str = "working directory: ";

/// What a frame of `len` bytes takes off the output window.
pub fn cost(len: usize) -> u32 {
    (len as u32).max(MIN_COST)
}

/// How a file is opened for writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// From its beginning, without what was there.
    Replace,
    /// After what is there.
    Append,
}

/// What every program of a session is held to, beyond what holds the agent itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confinement {
    /// The user and group it runs as; 0 is the agent's own.
    pub user: u32,
    /// Processes and threads of that user; 0 is without limit.
    pub processes: u64,
    /// Bytes of data of each process; 0 is without limit.
    pub data_bytes: u64,
    /// Open files of each process; 0 is the agent's own limit.
    pub open_files: u64,
    /// Its files are held by Landlock, its signals and sockets too where the kernel can.
    pub landlock: bool,
    /// What it may read and execute; nothing is whatever there is.
    pub read: Vec<Vec<u8>>,
    /// What it may also write.
    pub write: Vec<Vec<u8>>,
    /// System call filters, 8 bytes an instruction, for where nobody has put them on the agent before it began; it
    /// puts them on itself, and so on all it starts.
    pub filters: Vec<Vec<u8>>,
    /// Programs share the agent's memory limit: the kernel is to end them before it.
    pub expendable: bool,
    /// What the agent itself counts, where no control group does.
    pub watch: Watch,
}

/// What the programs of a session may use in all, as the agent counts it several times a second; 0 is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Processes and threads.
    pub processes: u64,
    /// Bytes in the workspace, and as many in what else programs can write.
    pub workspace_bytes: u64,
    /// Files and directories, in the same way.
    pub workspace_files: u64,
    /// The workspace has a file system of its own, with a size of its own: whether that is full is to be seen there.
    pub own_file_system: bool,
    /// The agent's own control group bounds memory and processes, and nobody outside can read what it counts.
    pub own_group: bool,
}

/// A limit of the session that a program reached, and was ended for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Memory of all processes.
    Memory,
    /// Processes and threads.
    Processes,
    /// Bytes or files in the workspace.
    Storage,
    /// Bytes or files beside it: temporary ones, and those that programs keep for next time.
    Temporary,
}

/// The start of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// The program and its arguments; the program is searched in `PATH` of `env` where it has no slash.
    pub argv: Vec<Vec<u8>>,
    /// Its whole environment, each `NAME=value`.
    pub env: Vec<Vec<u8>>,
    /// Its directory; empty is the workspace.
    pub cwd: Vec<u8>,
    /// Standard input comes in frames; otherwise it is empty.
    pub stdin: bool,
    /// Rows and columns of the terminal it runs in; (0, 0) is no terminal.
    pub pty: (u16, u16),
    /// Milliseconds after which it is killed; 0 is never.
    pub timeout_ms: u64,
    /// Processor seconds for each of its processes; 0 is without limit beyond the session's.
    pub cpu_seconds: u64,
}

impl Start {
    /// How long it may take.
    pub fn timeout(&self) -> Option<std::time::Duration> {
        (self.timeout_ms > 0).then(|| std::time::Duration::from_millis(self.timeout_ms))
    }
}

/// What the host asks of the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// First of all: where the workspace is.
    Init {
        /// The workspace's path in the agent's view; other paths that begin with `/workspace` mean this one.
        workspace: Vec<u8>,
        /// What its programs are held to.
        confinement: Confinement,
    },
    /// Starts a program.
    Start(Start),
    /// Tries what a program could, held as one: a question each, a line each as the answer.
    Probe(Vec<Vec<u8>>),
    /// Standard input for it.
    Stdin(Vec<u8>),
    /// The end of its standard input.
    StdinEof,
    /// A signal to the program's process group; 9 kills everything it started.
    Signal(i32),
    /// Its terminal has a new size: rows, columns.
    Resize(u16, u16),
    /// More output may come: so many bytes.
    Credit(u32),
    /// Nobody waits for this task any more: all of it ends, and nothing more is said about it.
    Cancel,
    /// Begins to write a file; `last` if `data` is all of it.
    Write {
        /// Which.
        path: Vec<u8>,
        /// How.
        mode: Mode,
        /// No `WriteMore` follows.
        last: bool,
        /// Its beginning.
        data: Vec<u8>,
    },
    /// Goes on writing.
    WriteMore {
        /// This is the end.
        last: bool,
        /// The next piece.
        data: Vec<u8>,
    },
    /// Reads a file, at most so many bytes.
    Read {
        /// Which.
        path: Vec<u8>,
        /// The most to send.
        max: u64,
    },
    /// Makes a directory.
    Mkdir {
        /// Which.
        path: Vec<u8>,
        /// With missing parents.
        parents: bool,
    },
    /// Deletes a file, or a directory.
    Delete {
        /// Which.
        path: Vec<u8>,
        /// With all that is in it.
        recursive: bool,
    },
    /// Copies a regular file.
    Copy {
        /// From.
        source: Vec<u8>,
        /// To.
        destination: Vec<u8>,
        /// Replaces what is there.
        overwrite: bool,
    },
    /// Lists a directory.
    List(List),
    /// What everything in the session uses.
    Usage,
    /// Counts the bytes and files of the workspace.
    Measure,
}

/// What to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// Which directory.
    pub path: Vec<u8>,
    /// How deep; 1 is the directory itself.
    pub depth: u32,
    /// The most entries to send.
    pub max_entries: u32,
    /// Names beginning with a dot too.
    pub hidden: bool,
    /// Only names that match, with `*` and `?`; empty is all.
    pub pattern: Vec<u8>,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code, where `signal` is 0.
    pub code: i32,
    /// The signal that ended it, or 0.
    pub signal: i32,
    /// The agent killed it because its time was up.
    pub timed_out: bool,
    /// From its start to its end, in microseconds.
    pub wall_us: u64,
    /// Processor time of it and all it started, in microseconds.
    pub cpu_us: u64,
    /// Peak resident memory of the largest process, in bytes.
    pub peak_bytes: u64,
    /// How many processes it had left behind, which were killed.
    pub killed: u32,
    /// The agent killed it because this limit was reached.
    pub limit: Option<Limit>,
}

/// What everything in the session uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time since the agent began, in microseconds.
    pub cpu_us: u64,
    /// Resident memory now, in bytes.
    pub memory_bytes: u64,
    /// Peak resident memory of the largest process that has ended, in bytes.
    pub peak_bytes: u64,
    /// Processes now, without the agent's own.
    pub processes: u32,
}

/// One entry of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path from the listed directory.
    pub path: Vec<u8>,
    /// `f`, `d`, `l` or `o`.
    pub kind: u8,
    /// Bytes.
    pub size: u64,
    /// Seconds since 1970.
    pub modified: i64,
    /// Permission bits.
    pub mode: u32,
}

/// What the agent says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is there and has read `Init`.
    Hello {
        /// Its process id in its own view.
        pid: u32,
    },
    /// The program runs.
    Started {
        /// Its process id in the agent's view.
        pid: u32,
    },
    /// What it wrote on standard output.
    Stdout(Vec<u8>),
    /// What it wrote on standard error.
    Stderr(Vec<u8>),
    /// A piece of a file or of a listing.
    Data(Vec<u8>),
    /// More standard input may come: so many bytes.
    StdinCredit(u32),
    /// The program reads no more standard input.
    StdinClosed,
    /// The program ended; nothing of it is left.
    Exited(Exit),
    /// A file command succeeded; the numbers are its own (bytes, entries, …).
    Done(u64, u64),
    /// It failed.
    Failed {
        /// The system's error number, or 0.
        errno: i32,
        /// Why, in a few words, without the path.
        message: String,
    },
    /// What was asked by `Usage`.
    Usage(Usage),
}

/// A payload that says nothing this version knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireError;

impl std::fmt::Display for WireError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a frame whose content can't be read")
    }
}

impl std::error::Error for WireError {}

/// Builds payloads.
#[derive(Default)]
struct Put(Vec<u8>);

impl Put {
    fn u8(mut self, v: u8) -> Self {
        self.0.push(v);
        self
    }
    fn u16(mut self, v: u16) -> Self {
        self.0.extend_from_slice(&v.to_le_bytes());
        self
    }
    fn u32(mut self, v: u32) -> Self {
        self.0.extend_from_slice(&v.to_le_bytes());
        self
    }
    fn u64(mut self, v: u64) -> Self {
        self.0.extend_from_slice(&v.to_le_bytes());
        self
    }
    fn bytes(self, v: &[u8]) -> Self {
        self.u32(v.len() as u32).rest(v)
    }
    fn list(mut self, v: &[Vec<u8>]) -> Self {
        self = self.u32(v.len() as u32);
        for item in v {
            self = self.bytes(item);
        }
        self
    }
    fn rest(mut self, v: &[u8]) -> Self {
        self.0.extend_from_slice(v);
        self
    }
}

/// Takes payloads apart.
struct Take<'a>(&'a [u8]);

impl<'a> Take<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (head, tail) = self.0.split_first_chunk::<N>().ok_or(WireError)?;
        self.0 = tail;
        Ok(*head)
    }
    fn u8(&mut self) -> Result<u8, WireError> {
        Ok(self.array::<1>()?[0])
    }
    fn flag(&mut self) -> Result<bool, WireError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(WireError),
        }
    }
    fn u16(&mut self) -> Result<u16, WireError> {
        Ok(u16::from_le_bytes(self.array()?))
    }
    fn u32(&mut self) -> Result<u32, WireError> {
        Ok(u32::from_le_bytes(self.array()?))
    }
    fn i32(&mut self) -> Result<i32, WireError> {
        Ok(i32::from_le_bytes(self.array()?))
    }
    fn u64(&mut self) -> Result<u64, WireError> {
        Ok(u64::from_le_bytes(self.array()?))
    }
    fn i64(&mut self) -> Result<i64, WireError> {
        Ok(i64::from_le_bytes(self.array()?))
    }
    fn slice(&mut self) -> Result<&'a [u8], WireError> {
        let len = self.u32()? as usize;
        let (head, tail) = self.0.split_at_checked(len).ok_or(WireError)?;
        self.0 = tail;
        Ok(head)
    }
    fn bytes(&mut self) -> Result<Vec<u8>, WireError> {
        self.slice().map(<[u8]>::to_vec)
    }
    fn list(&mut self) -> Result<Vec<Vec<u8>>, WireError> {
        let n = self.u32()? as usize;
        // Each item takes at least its length's four bytes: a count beyond that is a lie.
        if n > self.0.len() / 4 {
            return Err(WireError);
        }
        (0..n).map(|_| self.bytes()).collect()
    }
    fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0).to_vec()
    }
    fn end<T>(self, value: T) -> Result<T, WireError> {
        if self.0.is_empty() { Ok(value) } else { Err(WireError) }
    }
}

impl Request {
    /// Appends the request, for task `id`, to `out`.
    pub fn encode(&self, id: u32, out: &mut Vec<u8>) {
        let put = Put::default();
        let (kind, put) = match self {
            Self::Init { workspace, confinement } => (0x01, confinement.put(put.bytes(workspace))),
            Self::Start(s) => (
                0x02,
                put.list(&s.argv)
                    .list(&s.env)
                    .bytes(&s.cwd)
                    .u8(s.stdin.into())
                    .u16(s.pty.0)
                    .u16(s.pty.1)
                    .u64(s.timeout_ms)
                    .u64(s.cpu_seconds),
            ),
            Self::Probe(questions) => (0x19, put.list(questions)),
            Self::Stdin(data) => (0x03, put.rest(data)),
            Self::StdinEof => (0x04, put),
            Self::Signal(number) => (0x05, put.u32(*number as u32)),
            Self::Resize(rows, cols) => (0x06, put.u16(*rows).u16(*cols)),
            Self::Credit(bytes) => (0x07, put.u32(*bytes)),
            Self::Cancel => (0x08, put),
            Self::Write { path, mode, last, data } => {
                (0x10, put.bytes(path).u8((*mode == Mode::Append).into()).u8((*last).into()).rest(data))
            }
            Self::WriteMore { last, data } => (0x11, put.u8((*last).into()).rest(data)),
            Self::Read { path, max } => (0x12, put.bytes(path).u64(*max)),
            Self::Mkdir { path, parents } => (0x13, put.bytes(path).u8((*parents).into())),
            Self::Delete { path, recursive } => (0x14, put.bytes(path).u8((*recursive).into())),
            Self::Copy { source, destination, overwrite } => {
                (0x15, put.bytes(source).bytes(destination).u8((*overwrite).into()))
            }
            Self::List(l) => (
                0x16,
                put.bytes(&l.path).u32(l.depth).u32(l.max_entries).u8(l.hidden.into()).bytes(&l.pattern),
            ),
            Self::Usage => (0x17, put),
            Self::Measure => (0x18, put),
        };
        frame::encode(out, kind, id, &put.0);
    }

    /// Reads a request.
    pub fn decode(frame: &Frame) -> Result<Self, WireError> {
        let mut t = Take(&frame.payload);
        let request = match frame.kind {
            0x01 => Self::Init { workspace: t.bytes()?, confinement: Confinement::take(&mut t)? },
            0x02 => Self::Start(Start {
                argv: t.list()?,
                env: t.list()?,
                cwd: t.bytes()?,
                stdin: t.flag()?,
                pty: (t.u16()?, t.u16()?),
                timeout_ms: t.u64()?,
                cpu_seconds: t.u64()?,
            }),
            0x03 => Self::Stdin(t.rest()),
            0x04 => Self::StdinEof,
            0x05 => Self::Signal(t.i32()?),
            0x06 => Self::Resize(t.u16()?, t.u16()?),
            0x07 => Self::Credit(t.u32()?),
            0x08 => Self::Cancel,
            0x10 => Self::Write {
                path: t.bytes()?,
                mode: if t.flag()? { Mode::Append } else { Mode::Replace },
                last: t.flag()?,
                data: t.rest(),
            },
            0x11 => Self::WriteMore { last: t.flag()?, data: t.rest() },
            0x12 => Self::Read { path: t.bytes()?, max: t.u64()? },
            0x13 => Self::Mkdir { path: t.bytes()?, parents: t.flag()? },
            0x14 => Self::Delete { path: t.bytes()?, recursive: t.flag()? },
            0x15 => Self::Copy { source: t.bytes()?, destination: t.bytes()?, overwrite: t.flag()? },
            0x16 => Self::List(List {
                path: t.bytes()?,
                depth: t.u32()?,
                max_entries: t.u32()?,
                hidden: t.flag()?,
                pattern: t.bytes()?,
            }),
            0x17 => Self::Usage,
            0x18 => Self::Measure,
            0x19 => Self::Probe(t.list()?),
            _ => return Err(WireError),
        };
        t.end(request)
    }
}

impl Reply {
    /// Appends the reply, for task `id`, to `out`.
    pub fn encode(&self, id: u32, out: &mut Vec<u8>) {
        let put = Put::default();
        let (kind, put) = match self {
            Self::Hello { pid } => (0x80, put.u32(*pid)),
            Self::Started { pid } => (0x81, put.u32(*pid)),
            Self::Stdout(data) => (0x82, put.rest(data)),
            Self::Stderr(data) => (0x83, put.rest(data)),
            Self::Data(data) => (0x84, put.rest(data)),
            Self::StdinCredit(bytes) => (0x85, put.u32(*bytes)),
            Self::StdinClosed => (0x86, put),
            Self::Exited(e) => (0x87, e.put(put)),
            Self::Done(a, b) => (0x88, put.u64(*a).u64(*b)),
            Self::Failed { errno, message } => (0x89, put.u32(*errno as u32).rest(message.as_bytes())),
            Self::Usage(u) => {
                (0x8a, put.u64(u.cpu_us).u64(u.memory_bytes).u64(u.peak_bytes).u32(u.processes))
            }
        };
        frame::encode(out, kind, id, &put.0);
    }

    /// Reads a reply.
    pub fn decode(frame: Frame) -> Result<Self, WireError> {
        // Output goes on as it is, without another copy.
        match frame.kind {
            0x82 => return Ok(Self::Stdout(frame.payload)),
            0x83 => return Ok(Self::Stderr(frame.payload)),
            0x84 => return Ok(Self::Data(frame.payload)),
            _ => {}
        }
        let mut t = Take(&frame.payload);
        let reply = match frame.kind {
            0x80 => Self::Hello { pid: t.u32()? },
            0x81 => Self::Started { pid: t.u32()? },
            0x85 => Self::StdinCredit(t.u32()?),
            0x86 => Self::StdinClosed,
            0x87 => Self::Exited(Exit::take(&mut t)?),
            0x88 => Self::Done(t.u64()?, t.u64()?),
            0x89 => {
                Self::Failed { errno: t.i32()?, message: String::from_utf8_lossy(&t.rest()).into_owned() }
            }
            0x8a => Self::Usage(Usage {
                cpu_us: t.u64()?,
                memory_bytes: t.u64()?,
                peak_bytes: t.u64()?,
                processes: t.u32()?,
            }),
            _ => return Err(WireError),
        };
        t.end(reply)
    }
}

impl Limit {
    /// Its number on the wire, never 0.
    pub fn number(self) -> u8 {
        match self {
            Self::Memory => 1,
            Self::Processes => 2,
            Self::Storage => 3,
            Self::Temporary => 4,
        }
    }

    /// The limit of this number.
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Memory, Self::Processes, Self::Storage, Self::Temporary]
            .into_iter()
            .find(|limit| limit.number() == number)
    }
}

impl Confinement {
    fn put(&self, put: Put) -> Put {
        let watch = &self.watch;
        put.u32(self.user)
            .u64(self.processes)
            .u64(self.data_bytes)
            .u64(self.open_files)
            .u8(self.landlock.into())
            .list(&self.read)
            .list(&self.write)
            .list(&self.filters)
            .u8(self.expendable.into())
            .u64(watch.memory_bytes)
            .u64(watch.processes)
            .u64(watch.workspace_bytes)
            .u64(watch.workspace_files)
            .u8(watch.own_file_system.into())
            .u8(watch.own_group.into())
    }

    fn take(t: &mut Take<'_>) -> Result<Self, WireError> {
        Ok(Self {
            user: t.u32()?,
            processes: t.u64()?,
            data_bytes: t.u64()?,
            open_files: t.u64()?,
            landlock: t.flag()?,
            read: t.list()?,
            write: t.list()?,
            filters: t.list()?,
            expendable: t.flag()?,
            watch: Watch {
                memory_bytes: t.u64()?,
                processes: t.u64()?,
                workspace_bytes: t.u64()?,
                workspace_files: t.u64()?,
                own_file_system: t.flag()?,
                own_group: t.flag()?,
            },
        })
    }
}

impl Exit {
    fn put(&self, put: Put) -> Put {
        put.u32(self.code as u32)
            .u32(self.signal as u32)
            .u8(self.timed_out.into())
            .u64(self.wall_us)
            .u64(self.cpu_us)
            .u64(self.peak_bytes)
            .u32(self.killed)
            .u8(self.limit.map_or(0, Limit::number))
    }

    fn take(t: &mut Take<'_>) -> Result<Self, WireError> {
        Ok(Self {
            code: t.i32()?,
            signal: t.i32()?,
            timed_out: t.flag()?,
            wall_us: t.u64()?,
            cpu_us: t.u64()?,
            peak_bytes: t.u64()?,
            killed: t.u32()?,
            limit: match t.u8()? {
                0 => None,
                number => Some(Limit::from_number(number).ok_or(WireError)?),
            },
        })
    }
}

impl Entry {
    /// Appends the entry to a listing's data.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let put = Put::default().u8(self.kind).u64(self.size).u64(self.modified as u64).u32(self.mode);
        out.extend_from_slice(&put.bytes(&self.path).0);
    }

    /// Reads all entries of a listing's data.
    pub fn decode_all(data: &[u8]) -> Result<Vec<Self>, WireError> {
        let mut t = Take(data);
        let mut entries = Vec::new();
        while !t.0.is_empty() {
            let (kind, size, modified, mode) = (t.u8()?, t.u64()?, t.i64()?, t.u32()?);
            entries.push(Self { kind, size, modified, mode, path: t.bytes()? });
        }
        Ok(entries)
    }
}
