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

/// A line of our input; what is too long to be one is skipped.
type Line = Result<String, TooLong>;

struct TooLong;

/// What is to be done next.
enum Next {
    Signal(Signal),
    Event(desk::Event),
    Line(Line),
    /// Our input has ended.
    Over,
}

async fn work(
    desk: &mut Desk,
    file: Option<std::path::PathBuf>,
    signals: &mut Signals,
) -> Result<ExitCode, Problem> {
    let mut lines = read_lines()?;
    let by_hand = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let mut caught = unless(signals, desk.begin(file)).await.err();
    let end = loop {
        if !flush(desk)? {
            break End::Unheard;
        }
        // One that came while something was being done, too.
        match caught.take() {
            Some(Signal::Int) => {
                caught = unless(signals, desk.interrupt()).await.err();
                continue;
            }
            Some(signal) => break End::Signal(signal),
            None => {}
        }
        if desk.leaves() {
            break End::Quit;
        }
        let waited = desk.due();
        if by_hand && waited.is_none() && desk.listens() {
            prompt();
        }
        let next = match waited {
            Some(line) => Next::Line(Ok(line)),
            None => tokio::select! {
                biased;
                signal = signals.next() => Next::Signal(signal),
                event = desk.event(), if desk.runs() => Next::Event(event),
                line = lines.recv(), if desk.reads() => line.map_or(Next::Over, Next::Line),
            },
        };
        caught = match next {
            Next::Signal(signal) => Some(signal),
            Next::Event(event) => unless(signals, desk.take(event)).await.err(),
            Next::Over => {
                desk.end_of_input();
                None
            }
            Next::Line(Err(TooLong)) => {
                desk.refuse(format_args!("a line longer than {} KiB was not taken", LONGEST >> 10));
                None
            }
            Next::Line(Ok(line)) => match unless(signals, desk.line(&line)).await {
                Err(Signal::Int) => {
                    desk.given_up();
                    None
                }
                other => other.err(),
            },
        };
    };
    Ok(match end {
        End::Quit => ExitCode::SUCCESS,
        End::Signal(signal) => exit::code(128 + signal.number()),
        End::Unheard => exit::code(BROKEN_PIPE),
    })
}

/// Does something, unless it takes until a signal comes. What is done at once is done: an event is told only once.
async fn unless<T>(signals: &mut Signals, work: impl Future<Output = T>) -> Result<T, Signal> {
    tokio::select! {
        biased;
        done = work => Ok(done),
        signal = signals.next() => Err(signal),
    }
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
fn read_lines() -> Result<mpsc::Receiver<Line>, Problem> {
    let (lines, arrived) = mpsc::channel(1);
    let reader = std::thread::Builder::new().name("standard input".into());
    let reading = move || {
        let mut input = std::io::BufReader::new(std::io::stdin());
        while let Some(line) = read_line(&mut input) {
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    };
    let started = reader.spawn(reading);
    started.map_err(|e| Problem::new(format!("no thread can be had: {e}"), "end some programs"))?;
    Ok(arrived)
}

/// The next line; `None`: there is none any more.
fn read_line(input: &mut impl std::io::BufRead) -> Option<Line> {
    let mut line = Vec::new();
    let mut too_long = false;
    loop {
        // One more for the end of the line.
        let room = LONGEST + 1 - line.len() as u64;
        match input.by_ref().take(room).read_until(b'\n', &mut line) {
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Ok(read) if read > 0 => {}
            Ok(_) | Err(_) if line.is_empty() && !too_long => return None,
            // The last line has no end.
            Ok(_) | Err(_) => break,
        }
        if line.ends_with(b"\n") {
            break;
        }
        if line.len() as u64 > LONGEST {
            // What follows would pass for lines of its own.
            too_long = true;
            line.clear();
        }
    }
    Some(if too_long { Err(TooLong) } else { Ok(lines::plain(&line)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_whole_or_none() {
        let longest = "x".repeat(64 << 10);
        let text = format!("{longest}\n{longest}quit\n{longest}{longest}{longest}\n\nlast");
        let mut input = text.as_bytes();
        let read = std::iter::from_fn(|| read_line(&mut input).map(|line| line.ok()));
        let lengths: Vec<_> = read.map(|line| line.map(|line| line.len())).collect();
        assert_eq!(lengths, [Some(64 << 10), None, None, Some(0), Some(4)]);
        let mut endless = std::io::Read::chain(longest.as_bytes(), &b"y"[..]);
        assert!(read_line(&mut endless).unwrap().is_err() && read_line(&mut endless).is_none());
    }
}
