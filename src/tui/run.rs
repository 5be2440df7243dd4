//! The loop: events and messages in, effects out, a frame when something changed and at most 60 a second.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::Event;
use futures_util::{Stream, StreamExt as _};
use ratatui::Terminal;
use ratatui::backend::{Backend, ClearType};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::answers;
use super::bench::BenchMsg;
use super::clipboard::{Clipboard, TERMINAL_LIMIT};
use super::effects::Effects;
use super::msg::{Copied, Effect, LinkMsg, Msg, OutputMsg};
use super::outside::Outside;
use super::workbench::{Options, Workbench};
use super::{TuiError, terminal_error};
use crate::engine::Engine;

/// The least time between two frames.
const FRAME: Duration = Duration::from_millis(16);
/// How often the figures of a session are asked for while they are on the screen.
const STATS: Duration = Duration::from_secs(1);
/// How long after the start what only the start needed is let go of.
const SETTLED: Duration = Duration::from_secs(3);
/// How often a lost link is counted on.
const SECOND: Duration = Duration::from_secs(1);
/// How long after a change texts that are not saved are kept.
const KEEP: Duration = Duration::from_secs(2);
/// The same where a person has done something: who types sees it at once, however much is printed meanwhile.
const ANSWER: Duration = Duration::from_millis(4);
/// How long messages may keep a frame waiting.
const DRAIN: Duration = Duration::from_millis(4);

/// How the workbench was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By its person.
    Quit,
    /// By a signal of this number.
    Signal(i32),
    /// The terminal went away.
    Lost,
}

/// What the loop needs of the terminal besides drawing.
pub trait Control {
    /// Goes back to the shell and returns when the workbench is in front again. Error: the terminal can't be had back.
    fn suspend(&mut self) -> io::Result<()>;
    /// Gives the terminal to another program, and reads no keys until it is taken again.
    fn give(&mut self) -> io::Result<()>;
    /// Takes the terminal again, however that program has left it.
    fn take(&mut self) -> io::Result<()>;
    /// Asks the terminal to put a text into its clipboard; whether it does is not known.
    fn copy(&mut self, text: &str) -> io::Result<()>;
    /// The way to the clipboard that is right here.
    fn clipboard(&self) -> Clipboard {
        Clipboard::Terminal
    }
    /// Tells what the clock on the wall says, since midnight, if that may be shown.
    fn clock(&self) -> Option<fn() -> Duration> {
        None
    }
    /// Asks the terminal what its background is; it answers among what is typed, or never.
    fn ask_background(&mut self) -> io::Result<()> {
        Ok(())
    }
    /// Takes the mouse, or leaves it to the terminal's own selection.
    fn capture_mouse(&mut self, on: bool) -> io::Result<()>;
    /// Is cancelled when a signal asks the workbench to end.
    fn stopped(&self) -> CancellationToken;
    /// The number of that signal.
    fn signal(&self) -> i32;
}

/// Runs the workbench on any terminal with any source of events, until it is left.
pub async fn drive<B, E>(
    terminal: &mut Terminal<B>,
    events: E,
    engine: Arc<dyn Engine>,
    options: Options,
    control: &mut dyn Control,
) -> Result<Exit, TuiError>
where
    B: Backend,
    E: Stream<Item = io::Result<Event>>,
{
    let size = terminal.size().map_err(terminal_error)?;
    let mut workbench = Workbench::new(&options, &engine.runtime_types(), size);
    if let Some(clock) = control.clock() {
        workbench.set_clock(clock);
    }
    let link = engine.link().borrow().clone();
    workbench.update(Msg::Link(LinkMsg::Changed(link)), Duration::ZERO);
    let outside = Outside::new(options.editor.clone(), options.state.clone());
    let unsaved = options.state.as_ref().map(|state| state.join("unsaved"));
    let kept = options.state.as_ref().map(|state| state.join("bench"));
    let (memory, past) = (options.memory_file(), options.past_file());
    let mut effects = Effects::new(engine, options.connector)
        .remembering_in(memory)
        .recording_in(past)
        .keeping_in(unsaved)
        .benching_in(kept)
        .spooling_in(options.paths.state.join("output"));
    effects.report_with(options.report);
    terminal.draw(|frame| workbench.draw(frame)).map_err(terminal_error)?;
    let mut begun = Ok(());
    for effect in workbench.begin() {
        match effect {
            // Behind the first frame, which waits for nobody.
            Effect::AskBackground => begun = control.ask_background().map_err(terminal_error),
            effect => effects.run(effect),
        }
    }
    begun?;
    effects.clear_outside(outside.clone());
    let settled = options.settled;
    let exit = turn(terminal, events, &mut workbench, &mut effects, &outside, settled, control).await;
    effects.record(workbench.ended());
    if let Some(what) = workbench.remembered() {
        effects.remember(what);
    }
    // Only who leaves it has been asked about what is not saved.
    let left = matches!(exit, Ok(Exit::Quit));
    effects.keep_at_end(if left { Vec::new() } else { workbench.unsaved() });
    effects.shutdown().await;
    exit
}

/// The loop itself.
async fn turn<B, E>(
    terminal: &mut Terminal<B>,
    events: E,
    workbench: &mut Workbench,
    effects: &mut Effects,
    outside: &Outside,
    settled: Option<fn()>,
    control: &mut dyn Control,
) -> Result<Exit, TuiError>
where
    B: Backend,
    E: Stream<Item = io::Result<Event>>,
{
    let events = answers::tell(events);
    tokio::pin!(events);
    let begun = Instant::now();
    let stopped = control.stopped();
    let (mut drawn, mut next_frame) = (begun, begun + FRAME);
    let mut unsettled = settled;
    let mut stats = StatsClock::default();
    let mut seconds = SecondsClock::default();
    let mut keeps = KeepClock::default();
    let mut cost = DrawClock::default();
    workbench.warm_up();
    loop {
        let stats_due = stats.due(workbench);
        let second_due = seconds.due(workbench);
        let deadline = workbench.deadline().map(|after| begun + after);
        let keep_due = keeps.due(workbench);
        let msg = tokio::select! {
            // A person comes before a flood of output, and a signal before both.
            biased;
            () = stopped.cancelled() => return Ok(Exit::Signal(control.signal())),
            event = events.next() => match event {
                Some(Ok(msg)) => {
                    next_frame = next_frame.min(drawn + ANSWER);
                    Some(msg)
                }
                Some(Err(_)) | None => return Ok(Exit::Lost),
            },
            () = sleep_until(next_frame), if workbench.needs_drawing() => None,
            msg = effects.next() => msg,
            () = sleep_until(stats_due.unwrap_or(begun)), if stats_due.is_some() => {
                stats.asked();
                Some(Msg::Tick)
            }
            () = sleep_until(second_due.unwrap_or(begun)), if second_due.is_some() => {
                seconds.counted();
                Some(Msg::Link(LinkMsg::Second))
            }
            () = sleep_until(begun + SETTLED), if unsettled.is_some() => {
                if let Some(settle) = unsettled.take() {
                    settle();
                }
                None
            }
            () = sleep_until(deadline.unwrap_or(begun)), if deadline.is_some() => Some(Msg::Deadline),
            () = sleep_until(keep_due.unwrap_or(begun)), if keep_due.is_some() => {
                keeps.kept();
                Some(Msg::Keep)
            }
        };
        let drained = std::time::Instant::now();
        let mut msg = msg;
        while let Some(now) = msg.take() {
            let mut edited = None;
            if let Some(drawn) = cost.hears(&now) {
                workbench.update(drawn, begun.elapsed());
            }
            for effect in workbench.update(now, begun.elapsed()) {
                match effect {
                    Effect::Quit => return Ok(Exit::Quit),
                    Effect::Suspend => {
                        control.suspend().map_err(terminal_error)?;
                        if stopped.is_cancelled() {
                            break;
                        }
                        forget_screen(terminal)?;
                        workbench.redraw();
                    }
                    Effect::CaptureMouse(on) => control.capture_mouse(on).map_err(terminal_error)?,
                    Effect::EditOutside(handed) => {
                        control.give().map_err(terminal_error)?;
                        edited = Some(Msg::File(outside.edit(*handed, &stopped).await));
                        if stopped.is_cancelled() {
                            break;
                        }
                        control.take().map_err(terminal_error)?;
                        forget_screen(terminal)?;
                        workbench.redraw();
                    }
                    Effect::Copy(text) => match control.clipboard() {
                        Clipboard::Program(name, args) => effects.copy_by(name, args, text),
                        Clipboard::Terminal => copy_by_terminal(control, effects, &text)?,
                    },
                    Effect::CopyByTerminal(text) => copy_by_terminal(control, effects, &text)?,
                    Effect::AskBackground => control.ask_background().map_err(terminal_error)?,
                    effect => effects.run(effect),
                }
            }
            msg = edited;
            if msg.is_none() && drained.elapsed() < DRAIN {
                msg = effects.heard();
            }
        }
        effects.record(workbench.ended());
        if let Some(what) = workbench.remembered() {
            effects.remember(what);
        }
        // It may not have the terminal.
        if stopped.is_cancelled() {
            continue;
        }
        if workbench.needs_drawing() && Instant::now() >= next_frame {
            let draws = std::time::Instant::now();
            terminal.draw(|frame| workbench.draw(frame)).map_err(terminal_error)?;
            cost.drew(draws.elapsed());
            drawn = Instant::now();
            next_frame = drawn + FRAME;
            workbench.warm_up();
        }
    }
}

/// Asks the terminal to copy a text, if terminals take so much, and tells what was done.
fn copy_by_terminal(control: &mut dyn Control, effects: &mut Effects, text: &str) -> Result<(), TuiError> {
    let size = text.len();
    let how = if size > TERMINAL_LIMIT {
        Copied::TooLarge(TERMINAL_LIMIT)
    } else {
        control.copy(text).map_err(terminal_error)?;
        Copied::Sent
    };
    effects.tell(Msg::Output(OutputMsg::Copied { size, how }));
    Ok(())
}

/// When to ask for a session's figures: at once for another session, then every second, and never for none.
#[derive(Default)]
struct StatsClock {
    of: Option<crate::protocol::SessionId>,
    due: Option<Instant>,
}

impl StatsClock {
    fn due(&mut self, workbench: &Workbench) -> Option<Instant> {
        let of = workbench.watched();
        if self.of != of {
            self.due = of.is_some().then(Instant::now);
            self.of = of;
        }
        self.due
    }

    fn asked(&mut self) {
        self.due = Some(Instant::now() + STATS);
    }
}

/// When another second has passed since the link was lost; never while it stands.
#[derive(Default)]
struct SecondsClock(Option<Instant>);

impl SecondsClock {
    fn due(&mut self, workbench: &Workbench) -> Option<Instant> {
        self.0 = workbench.counts().then(|| self.0.unwrap_or_else(|| Instant::now() + SECOND));
        self.0
    }

    fn counted(&mut self) {
        self.0 = None;
    }
}

/// When texts that are not saved are kept: some time after the first change since, and never while there is none.
#[derive(Default)]
struct KeepClock(Option<Instant>);

impl KeepClock {
    fn due(&mut self, workbench: &Workbench) -> Option<Instant> {
        self.0 = workbench.has_unkept().then(|| self.0.unwrap_or_else(|| Instant::now() + KEEP));
        self.0
    }

    fn kept(&mut self) {
        self.0 = None;
    }
}

/// What drawing costs while a benchmark measures, to be told with what it has measured.
#[derive(Default)]
struct DrawClock {
    since: Option<std::time::Instant>,
    spent: Duration,
}

impl DrawClock {
    fn drew(&mut self, took: Duration) {
        if self.since.is_some() {
            self.spent += took;
        }
    }

    /// Gives what is to be told before this message.
    fn hears(&mut self, msg: &Msg) -> Option<Msg> {
        let Msg::Bench(BenchMsg::Told { reading, .. }) = msg else { return None };
        let of = self.since.map(|since| since.elapsed());
        match (reading.live, self.since) {
            (true, None) => *self = Self { since: Some(std::time::Instant::now()), spent: Duration::ZERO },
            (true, Some(_)) => {}
            (false, _) => self.since = None,
        }
        let spent = self.spent;
        of.map(|of| Msg::Bench(BenchMsg::Drawn { spent, of }))
    }
}

/// Clears the screen, and has the next frame written as a whole. `Terminal::clear` would ask the terminal where its
/// cursor is, and wait for an answer that the event stream may take, or that never comes.
fn forget_screen<B: Backend>(terminal: &mut Terminal<B>) -> Result<(), TuiError> {
    terminal.backend_mut().clear_region(ClearType::All).map_err(terminal_error)?;
    terminal.swap_buffers();
    Ok(())
}
