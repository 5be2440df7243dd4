//! Starting: of programs, each under a supervisor, and of file commands that may take long, each in a process of
//! its own.

use std::ffi::CString;
use std::fs::File;
use std::io::{Error, Read, Result, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::super::frame::Decoder;
use super::super::sys;
use super::super::wire::{Exit, Request, Start};
use super::supervise::{self, Report};
use super::walls::Walls;

/// What the agent holds of a process it has started.
pub struct Running {
    /// The supervisor's process id.
    pub supervisor: i32,
    /// Takes signal numbers; closing it ends everything.
    pub control: File,
    /// Gives [`Report`]s.
    pub reports: OwnedFd,
    /// What it writes, and what of: standard output, standard error.
    pub outputs: [Option<OwnedFd>; 2],
    /// What it reads.
    pub stdin: Option<OwnedFd>,
    /// It runs in a terminal: the master is output 0 and stdin.
    pub terminal: bool,
}

/// A program's own ends of its standard streams.
struct Streams {
    stdin: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
    terminal: bool,
}

/// Starts a program in `directory`, held by `walls`, under the spare supervisor if there is one.
pub fn program(start: &Start, directory: &OwnedFd, walls: &Walls, spare: Option<Spare>) -> Result<Running> {
    let path = find(start)?;
    let ends = if start.pty == (0, 0) { pipes(start.stdin)? } else { terminal(start.pty)? };
    let order = spare.as_ref().and_then(|_| Order::new(&path, start));
    // One that is not there any more is replaced by one of the program's own.
    if let Some((spare, order)) = spare.zip(order)
        && order.give(&spare, directory, &ends.0).is_ok()
    {
        let Spare { supervisor, control, reports, .. } = spare;
        let (streams, stdin, outputs) = ends;
        return Ok(Running { supervisor, control, reports, outputs, stdin, terminal: streams.terminal });
    }
    let image = Image::File { path, argv: strings(&start.argv)?, env: strings(&start.env)? };
    let program = Program { image, directory, walls, cpu_seconds: start.cpu_seconds };
    launch(&program, start.timeout(), ends)
}

/// Asks what a program could do: as [`program`], but the questions are answered in its place.
pub fn probe(questions: &[Vec<u8>], directory: &OwnedFd, walls: &Walls) -> Result<Running> {
    let program = Program { image: Image::Probe(questions), directory, walls, cpu_seconds: 0 };
    launch(&program, None, pipes(false)?)
}

fn launch(program: &Program<'_>, timeout: Option<Duration>, ends: Ends) -> Result<Running> {
    let (streams, stdin, outputs) = ends;
    let own = [&streams.stdin, &streams.stdout, &streams.stderr, program.directory].map(AsRawFd::as_raw_fd);
    let keep: Vec<RawFd> = own.into_iter().chain(program.walls.descriptors()).collect();
    let (supervisor, control, reports) = supervised(&keep, |control, reports| match program.walls.join() {
        Ok(()) => supervise_program(program, &streams, timeout, control, reports),
        Err(e) => refuse(reports, &e),
    })?;
    Ok(Running { supervisor, control, reports, outputs, stdin, terminal: streams.terminal })
}

/// What a supervisor does: starts the program, and watches over it to its end.
fn supervise_program(
    program: &Program<'_>,
    streams: &Streams,
    timeout: Option<Duration>,
    control: &mut File,
    reports: &mut File,
) {
    // One that was stopped is to see that the agent is gone.
    sys::signal_at_end_of_parent(sys::SIGCONT);
    let Ok(children) = sys::watch_children().map(File::from) else { return };
    let started = Instant::now();
    let keep = [&control.as_raw_fd(), &reports.as_raw_fd(), &children.as_raw_fd()];
    match program.launch(streams, &keep) {
        Ok(pid) => {
            supervise::report(reports, Report::Started(pid));
            let exit = supervise::watch(pid, started, timeout, control, &children);
            supervise::report(reports, Report::Ended(exit));
        }
        Err(e) => refuse(reports, &e),
    }
}

fn refuse(reports: &mut File, error: &Error) {
    supervise::report(reports, Report::Refused(error.raw_os_error().unwrap_or(sys::EIO)));
}

/// A supervisor that waits for a program to start. Joining a control group can take the kernel ten milliseconds: it has
/// done so before anybody waits for it.
pub struct Spare {
    /// Its process id.
    pub supervisor: i32,
    control: File,
    reports: OwnedFd,
    orders: OwnedFd,
}

impl Spare {
    /// Starts one.
    pub fn new(walls: &Walls) -> Result<Self> {
        let (orders, theirs) = sys::socket_pair()?;
        let keep: Vec<RawFd> = walls.descriptors().chain([theirs.as_raw_fd()]).collect();
        let (supervisor, control, reports) = supervised(&keep, |control, reports| {
            let joined = walls.join();
            // Without an order the agent is gone, or needs it no more.
            let Ok(Some((order, directory, streams))) = Order::take(theirs) else { return };
            match joined.and_then(|()| order.program(&directory, walls)) {
                Ok(program) => {
                    supervise_program(&program, &streams, order.0.timeout(), control, reports);
                }
                Err(e) => refuse(reports, &e),
            }
            // Closed by their numbers already.
            std::mem::forget((directory, streams));
        })?;
        Ok(Self { supervisor, control, reports, orders })
    }
}

/// What a spare supervisor is to start: the program's path in front of its arguments, its terminal as a size that is not
/// (0, 0).
struct Order(Start);

impl Order {
    /// `None`: it is too long to be given at once.
    fn new(path: &CString, start: &Start) -> Option<Self> {
        const MOST: usize = 32 << 10;
        let mut start = start.clone();
        start.argv.insert(0, path.as_bytes().to_vec());
        let size: usize = start.argv.iter().chain(&start.env).map(|s| s.len() + 4).sum();
        (size < MOST).then_some(Self(start))
    }

    /// Gives it with its descriptors; the spare is then the program's supervisor.
    fn give(self, spare: &Spare, directory: &OwnedFd, streams: &Streams) -> Result<()> {
        let mut frame = Vec::new();
        Request::Start(self.0).encode(0, &mut frame);
        let fds = [&streams.stdin, &streams.stdout, &streams.stderr, directory].map(AsRawFd::as_raw_fd);
        let sent = sys::send_with(&spare.orders, &frame, fds)?;
        // It is smaller than what a socket takes at once.
        File::from(spare.orders.try_clone()?).write_all(&frame[sent..])
    }

    /// Waits for one. `None`: there won't be any.
    fn take(orders: OwnedFd) -> Result<Option<(Self, OwnedFd, Streams)>> {
        let mut decoder = Decoder::default();
        let mut buffer = vec![0; 4 << 10];
        let mut rights = None;
        loop {
            let (n, fds) = sys::receive_with(&orders, &mut buffer)?;
            if n == 0 {
                return Ok(None);
            }
            rights = rights.or(fds);
            decoder.push(&buffer[..n]);
            let invalid = || Error::from_raw_os_error(sys::EINVAL);
            let Some(frame) = decoder.next_frame().map_err(|_| invalid())? else { continue };
            let Ok(Request::Start(start)) = Request::decode(&frame) else { return Err(invalid()) };
            let [stdin, stdout, stderr, directory] = rights.ok_or_else(invalid)?;
            let terminal = start.pty != (0, 0);
            return Ok(Some((Self(start), directory, Streams { stdin, stdout, stderr, terminal })));
        }
    }

    fn program<'a>(&self, directory: &'a OwnedFd, walls: &'a Walls) -> Result<Program<'a>> {
        let mut argv = strings(&self.0.argv)?;
        let path = argv.remove(0);
        let image = Image::File { path, argv, env: strings(&self.0.env)? };
        Ok(Program { image, directory, walls, cpu_seconds: self.0.cpu_seconds })
    }
}

/// Runs `work` in a process of its own, with a pipe to write data into. Its end is reported as an exit whose code is
/// the error number, and the numbers that `work` gave as `wall_us` and `cpu_us`. `keep` are descriptors it uses.
pub fn worker(keep: &[RawFd], work: impl FnOnce(&mut File) -> Result<(u64, u64)>) -> Result<Running> {
    let (read, write) = sys::pipe()?;
    sys::set_nonblocking(&read)?;
    let mut data = File::from(write);
    let keep: Vec<RawFd> = keep.iter().copied().chain([data.as_raw_fd()]).collect();
    let agent = sys::process_id();
    let (supervisor, control, reports) = supervised(&keep, |_control, reports| {
        // It watches nothing while it works.
        sys::die_with(agent);
        let exit = match work(&mut data) {
            Ok((a, b)) => Exit { wall_us: a, cpu_us: b, ..Exit::default() },
            Err(e) => Exit { code: e.raw_os_error().unwrap_or(sys::EIO), ..Exit::default() },
        };
        supervise::report(reports, Report::Ended(exit));
    })?;
    Ok(Running { supervisor, control, reports, outputs: [Some(read), None], stdin: None, terminal: false })
}

/// Forks. The child does `work` with the descriptors in `keep`, one that ends when the agent does, and one for its
/// reports; it never returns, so nothing that this process owns is dropped in it.
fn supervised(keep: &[RawFd], work: impl FnOnce(&mut File, &mut File)) -> Result<(i32, File, OwnedFd)> {
    let (control_read, control_write) = sys::pipe()?;
    let (report_read, report_write) = sys::pipe()?;
    sys::set_nonblocking(&report_read)?;
    // A supervisor that was stopped reads nothing, and the agent waits for nobody.
    sys::set_nonblocking(&control_write)?;
    if let Some(pid) = sys::fork_process()? {
        return Ok((pid, File::from(control_write), report_read));
    }
    let _ = sys::become_subreaper();
    let (mut control, mut reports) = (File::from(control_read), File::from(report_write));
    let keep: Vec<RawFd> = keep.iter().copied().chain([control.as_raw_fd(), reports.as_raw_fd()]).collect();
    sys::close_others(&keep);
    work(&mut control, &mut reports);
    sys::exit_now(0)
}

/// What a process turns into.
enum Image<'a> {
    /// A program, as the system wants it.
    File { path: CString, argv: Vec<CString>, env: Vec<CString> },
    /// The answers to these questions.
    Probe(&'a [Vec<u8>]),
}

/// A program that is to be started.
struct Program<'a> {
    image: Image<'a>,
    directory: &'a OwnedFd,
    walls: &'a Walls,
    cpu_seconds: u64,
}

impl Program<'_> {
    /// Forks the program itself; gives its process id once it really runs. This process then holds no descriptors
    /// but those in `keep`: the agent waits for the end of the program's pipes.
    fn launch(&self, streams: &Streams, keep: &[&RawFd]) -> Result<i32> {
        let (failed_read, failed_write) = sys::pipe()?;
        let supervisor = sys::process_id();
        if let Some(pid) = sys::fork_process()? {
            let keep: Vec<RawFd> = keep.iter().map(|fd| **fd).chain([failed_read.as_raw_fd()]).collect();
            sys::close_others(&keep);
            // Already closed by its number.
            std::mem::forget(failed_write);
            let mut errno = [0; 4];
            return match File::from(failed_read).read(&mut errno) {
                Ok(4) => Err(Error::from_raw_os_error(i32::from_le_bytes(errno))),
                _ => Ok(pid),
            };
        }
        let error = self.become_it(streams, supervisor);
        let _ = File::from(failed_write).write_all(&error.raw_os_error().unwrap_or(sys::EIO).to_le_bytes());
        sys::exit_now(127)
    }

    /// Turns this process into the program; returns only where that fails.
    fn become_it(&self, streams: &Streams, supervisor: i32) -> Error {
        let prepare = || -> Result<()> {
            sys::new_session()?;
            if streams.terminal {
                sys::take_terminal(&streams.stdin)?;
            }
            for (fd, target) in [(&streams.stdin, 0), (&streams.stdout, 1), (&streams.stderr, 2)] {
                sys::place(fd.as_raw_fd(), target)?;
            }
            sys::close_all_on_exec();
            sys::change_directory(self.directory)?;
            self.walls.put_on(self.cpu_seconds, supervisor)?;
            sys::reset_signals();
            Ok(())
        };
        match (prepare(), &self.image) {
            (Err(error), _) => error,
            (Ok(()), Image::File { path, argv, env }) => sys::exec(path, argv, env),
            (Ok(()), Image::Probe(questions)) => {
                // As executing would: what tells whether it did is closed, too.
                sys::close_others(&[]);
                sys::allow_inspection();
                super::probe::answer(questions);
                sys::exit_now(0)
            }
        }
    }
}

type Ends = (Streams, Option<OwnedFd>, [Option<OwnedFd>; 2]);

fn pipes(with_stdin: bool) -> Result<Ends> {
    let (stdout, stdout_write) = sys::pipe()?;
    let (stderr, stderr_write) = sys::pipe()?;
    sys::set_nonblocking(&stdout)?;
    sys::set_nonblocking(&stderr)?;
    let (stdin_read, stdin) = if with_stdin {
        let (read, write) = sys::pipe()?;
        sys::set_nonblocking(&write)?;
        (read, Some(write))
    } else {
        (sys::open_path(c"/dev/null", sys::O_RDONLY)?, None)
    };
    let streams = Streams { stdin: stdin_read, stdout: stdout_write, stderr: stderr_write, terminal: false };
    Ok((streams, stdin, [Some(stdout), Some(stderr)]))
}

fn terminal((rows, cols): (u16, u16)) -> Result<Ends> {
    let (master, name) = sys::open_terminal()?;
    sys::set_terminal_size(&master, rows, cols)?;
    sys::set_nonblocking(&master)?;
    let slave = sys::open_path(&name, sys::O_RDWR | sys::O_NOCTTY)?;
    let streams =
        Streams { stdout: slave.try_clone()?, stderr: slave.try_clone()?, stdin: slave, terminal: true };
    Ok((streams, Some(master.try_clone()?), [Some(master), None]))
}

fn strings(list: &[Vec<u8>]) -> Result<Vec<CString>> {
    list.iter().map(|s| sys::c_path(s)).collect()
}

/// The program's path: as given where it has a slash, else the first executable of that name in `PATH`.
fn find(start: &Start) -> Result<CString> {
    use std::os::unix::ffi::OsStrExt;
    let not_found = || Error::from_raw_os_error(sys::ENOENT);
    let name = start.argv.first().filter(|n| !n.is_empty()).ok_or_else(not_found)?;
    if name.contains(&b'/') {
        return sys::c_path(name);
    }
    let path =
        start.env.iter().find_map(|v| v.strip_prefix(b"PATH=")).unwrap_or(b"/usr/local/bin:/usr/bin:/bin");
    let mut error = not_found();
    for dir in path.split(|&b| b == b':').filter(|d| !d.is_empty()) {
        let candidate =
            PathBuf::from(std::ffi::OsStr::from_bytes(dir)).join(std::ffi::OsStr::from_bytes(name));
        match std::fs::metadata(&candidate) {
            Ok(m)
                if m.is_file() && std::os::unix::fs::PermissionsExt::mode(&m.permissions()) & 0o111 != 0 =>
            {
                return sys::c_path(candidate.as_os_str().as_bytes());
            }
            Ok(_) => error = Error::from_raw_os_error(sys::EACCES),
            Err(_) => {}
        }
    }
    Err(error)
}
