//! `codebeaker --plain`: the workbench line by line, for screen readers, slow terminals and pipes. Drives the same engine;
//! what happens is told in one line each, and the words at the prompt are the palette's commands.

mod desk;
mod lines;
mod words;

use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::process::ExitCode;

use tokio::sync::mpsc;

use crate::protocol::Signal;

use super::args;
use super::connect::Reached;
use super::exit::{self, Problem};
use super::signals::Signals;
use super::surroundings::Surroundings;
use desk::Desk;

/// The longest line that is read.
const LONGEST: u64 = 64 << 10;
/// The exit code of one whose output nobody reads any more: 128 and SIGPIPE.
const BROKEN_PIPE: i32 = 141;
/// Variables that somebody has who works with a screen reader.
const READERS: [&str; 5] =
    ["ORCA_VERSION", "SCREEN_READER", "SCREENREADER", "ACCESSIBILITY_ENABLED", "BRLTTY_SPEECH_DRIVER"];

/// Why this mode may suit this terminal better than the workbench; `None`: no reason is known.
pub fn reason() -> Option<&'static str> {
    let set = |name: &str| std::env::var(name).is_ok_and(|value| !value.is_empty() && value != "0");
    match () {
        () if READERS.iter().any(|name| set(name)) => Some("a screen reader reads lines better"),
        () if std::env::var("TERM").is_ok_and(|term| term == "dumb") => Some("TERM=dumb shows lines better"),
        () => None,
    }
}

/// Works until the input ends, a word says so, or a signal.
pub async fn plain(args: args::Open) -> Result<ExitCode, Problem> {
    let surroundings = Surroundings::read()?;
    surroundings.warn();
    let mut signals = Signals::listen()?;
    let reached = Reached::at(args.attach.as_deref(), &surroundings).await?;
    let preference = surroundings.settings.preference.as_deref().and_then(|name| name.parse().ok());
    let mut desk = Desk::new(reached.engine.clone(), preference);
    let outcome = work(&mut desk, args.file, &mut signals).await;
    // What was made on a server is not left there.
    if reached.attached {
        desk.close_all().await;
    }
    reached.end().await;
    outcome
}

/// How it ended.
enum End {
    Quit,
    Signal(Signal),
    Unheard,
}

async fn work(
    desk: &mut Desk,
    file: Option<std::path::PathBuf>,
    signals: &mut Signals,
) -> Result<ExitCode, Problem> {
    let mut lines = read_lines()?;
    let by_hand = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    desk.begin(file);
    let end = loop {
        if !flush(desk)? {
            break End::Unheard;
        }
        if desk.leaves() {
            break End::Quit;
        }
        if by_hand && desk.listens() {
            prompt();
        }
        tokio::select! {
            biased;
            signal = signals.next() => match signal {
                Signal::Int => desk.interrupt().await,
                signal => break End::Signal(signal),
            },
            event = desk.event(), if desk.runs() => desk.take(event).await,
            line = lines.recv(), if desk.reads() => match line {
                Some(line) => {
                    let stopped = tokio::select! {
                        biased;
                        signal = signals.next() => Some(signal),
                        () = desk.line(&line) => None,
                    };
                    match stopped {
                        None => {}
                        Some(Signal::Int) => desk.given_up(),
                        Some(signal) => break End::Signal(signal),
                    }
                }
                None => desk.end_of_input().await,
            },
        }
    };
    Ok(match end {
        End::Quit => ExitCode::SUCCESS,
        End::Signal(signal) => exit::code(128 + signal.number()),
        End::Unheard => exit::code(BROKEN_PIPE),
    })
}

/// Prints what there is to tell. False: nobody reads it any more.
fn flush(desk: &mut Desk) -> Result<bool, Problem> {
    let mut out = std::io::stdout().lock();
    let told = desk.told();
    match out.write_all(told.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(e) => Err(Problem::new(format!("standard output can't be written: {e}"), "free some space")),
    }
}

fn prompt() {
    let mut out = std::io::stdout().lock();
    // Whoever can't read it is found out at the next line.
    let _ = out.write_all(b"codebeaker> ").and_then(|()| out.flush());
}

/// The lines of our standard input. A thread of its own: one that waits in a read can't be ended, and must keep nobody
/// waiting at the end.
fn read_lines() -> Result<mpsc::Receiver<String>, Problem> {
    let (lines, arrived) = mpsc::channel(1);
    let reader = std::thread::Builder::new().name("standard input".into());
    let reading = move || {
        let mut input = std::io::BufReader::new(std::io::stdin());
        loop {
            let mut line = Vec::new();
            match input.by_ref().take(LONGEST).read_until(b'\n', &mut line) {
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Ok(read) if read > 0 => {
                    if lines.blocking_send(lines::plain(&line)).is_err() {
                        return;
                    }
                }
                Ok(_) | Err(_) => return,
            }
        }
    };
    let started = reader.spawn(reading);
    started.map_err(|e| Problem::new(format!("no thread can be had: {e}"), "end some programs"))?;
    Ok(arrived)
}
