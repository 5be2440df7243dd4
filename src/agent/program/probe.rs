//! Trying to break out: what a program of the session could do, tried in the place of one. For the self-test, by
//! which the score is counted; what the host hears is the truth only of what it has itself laid out and listens on.
#![allow(unsafe_code)]

use std::fs::{self, File};
use std::io::{Error, Result, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::time::Duration;

use super::super::{attempt, sys};

/// How long a connection is tried.
const TRY: Duration = Duration::from_millis(200);
/// How long memory is held: longer than it can go unseen.
const HOLD: Duration = Duration::from_secs(3);

/// Answers each question with a line: the system's error number, 0 for what went well, and what there is to say.
pub fn answer(questions: &[Vec<u8>]) {
    for question in questions {
        let text = String::from_utf8_lossy(question);
        let mut words = text.split(' ');
        let (verb, argument) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let line = match ask(verb, argument, words.next().unwrap_or_default()) {
            Ok(detail) => format!("0 {detail}\n"),
            Err(error) => format!("{} {error}\n", error.raw_os_error().unwrap_or(sys::EIO)),
        };
        let _ = std::io::stdout().write_all(line.as_bytes());
    }
}

fn ask(verb: &str, argument: &str, second: &str) -> Result<String> {
    let number = || argument.parse::<u64>().map_err(|_| Error::from_raw_os_error(sys::EINVAL));
    let done = |result: Result<()>| result.map(|()| String::new());
    match verb {
        "read" => fs::read(argument).map(|content| format!("{} bytes", content.len())),
        "show" => {
            fs::read_to_string(argument).map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
        }
        "stat" => done(fs::symlink_metadata(argument).map(drop)),
        "write" => done(File::options().write(true).create(true).truncate(false).open(argument).map(drop)),
        "tcp" => {
            let address = std::net::SocketAddr::from(([127, 0, 0, 1], number()? as u16));
            done(std::net::TcpStream::connect_timeout(&address, TRY).map(drop))
        }
        "udp" => {
            let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
            done(socket.send_to(argument.as_bytes(), ("127.0.0.1", number()? as u16)).map(drop))
        }
        "unix" => done(UnixStream::connect(argument).map(drop)),
        "abstract" => done(UnixStream::connect_addr(&SocketAddr::from_abstract_name(argument)?).map(drop)),
        "socket" => done(attempt::try_socket(number()? as i32)),
        "kill" => done(attempt::try_signal(number()? as i32)),
        "parent" => done(attempt::try_signal(std::os::unix::process::parent_id() as i32)),
        "unshare" => done(attempt::try_unshare()),
        "ptrace" => done(attempt::try_trace(number()? as i32)),
        "field" => field(argument),
        "limits" => {
            let files = sys::open_files_limit();
            fs::read_to_string("/proc/self/limits").map(|text| format!("{files} {}", core_limit(&text)))
        }
        "environment" => fs::read("/proc/self/environ")
            .map(|variables| variables.iter().filter(|byte| **byte != 0).count().to_string()),
        "memory" => in_child(|| drop(touch(argument.parse().unwrap_or(0)))),
        "hold" => {
            let memory = touch(argument.parse().unwrap_or(0));
            std::thread::park_timeout(HOLD);
            Ok(memory.len().to_string())
        }
        "fill" => fill(argument, second.parse().unwrap_or(0)),
        "files" => Ok(files(argument, second.parse().unwrap_or(0))),
        "spin" => {
            let until = std::time::Instant::now() + Duration::from_millis(number()?);
            while std::time::Instant::now() < until {
                std::hint::spin_loop();
            }
            Ok(String::new())
        }
        "fork" => Ok(forks(number()?).to_string()),
        "leave" => in_child(leave),
        _ => Err(Error::from_raw_os_error(sys::EINVAL)),
    }
}

/// A field of this process's status.
fn field(name: &str) -> Result<String> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':'));
    line.map(|value| value.trim().replace('\t', ",")).ok_or_else(|| Error::from_raw_os_error(sys::ENOENT))
}

fn core_limit(limits: &str) -> &str {
    let line = limits.lines().find_map(|l| l.strip_prefix("Max core file size"));
    line.and_then(|l| l.split_whitespace().next()).unwrap_or("unknown")
}

/// Does something in a child; tells how that ended.
fn in_child(work: impl FnOnce()) -> Result<String> {
    let Some(pid) = sys::fork_process()? else {
        work();
        sys::exit_now(0)
    };
    let ended = sys::reap(pid)?;
    Ok(format!("code {} signal {}", ended.code, ended.signal))
}

/// Uses so many bytes of memory.
fn touch(bytes: usize) -> Vec<u8> {
    let mut memory = vec![0u8; bytes];
    for page in memory.chunks_mut(4096) {
        page[0] = 1;
    }
    std::hint::black_box(memory)
}

/// Writes until an error or so many bytes; gives the error, and how many there was room for. Nothing of it stays.
fn fill(path: &str, bytes: u64) -> Result<String> {
    let mut file = File::create(path)?;
    let block = [1u8; 64 << 10];
    let mut written = 0u64;
    let mut errno = 0;
    while written < bytes && errno == 0 {
        match file.write(&block) {
            Ok(n) => written += n as u64,
            Err(e) => errno = e.raw_os_error().unwrap_or(sys::EIO),
        }
    }
    fs::remove_file(path)?;
    Ok(format!("{errno} {written}"))
}

/// How many files can be made in a directory, at most so many. Nothing of it stays.
fn files(directory: &str, most: u64) -> String {
    let path = |n: u64| format!("{directory}/probe-{n}");
    let made = (0..most).take_while(|n| File::create(path(*n)).is_ok()).count() as u64;
    (0..made).for_each(|n| drop(fs::remove_file(path(n))));
    made.to_string()
}

/// How many children can be had, at most so many.
fn forks(most: u64) -> u64 {
    let mut children = Vec::new();
    while (children.len() as u64) < most {
        match sys::fork_process() {
            Ok(Some(pid)) => children.push(pid),
            Ok(None) => loop {
                std::thread::park();
            },
            Err(_) => break,
        }
    }
    for pid in &children {
        sys::send_signal(*pid, sys::SIGKILL);
        let _ = sys::reap(*pid);
    }
    children.len() as u64
}

/// Leaves somebody behind, in a session of his own.
fn leave() {
    if let Ok(None) = sys::fork_process() {
        let _ = sys::new_session();
        loop {
            std::thread::park();
        }
    }
}
