//! What can happen to the workbench, and what it can ask to be done: messages in, effects out, grouped by area.

use std::path::PathBuf;

use bytes::Bytes;
use crossterm::event::Event;
use serde::{Deserialize, Serialize};

use super::bench::{BenchMsg, BenchTask};
use super::workspace::{FilesMsg, Task};
use crate::config::{Paths, Settings, ThemeFile, Warning};
use crate::engine::{Frame, Link, Look, Recent, Target, Told};
use crate::protocol::{
    CreateSession, ExecuteResult, ExecutionId, Failure, Language, OutputStream, Progress, PtySize,
    RuntimeInfo, RuntimePreference, RuntimeType, Selection, ServerLimits, SessionId, SessionInfo,
    SessionStats, Signal,
};

/// Something happened.
#[derive(Debug)]
pub enum Msg {
    /// A key, the mouse, a paste, a new size.
    Input(Event),
    /// It is time to ask again for the figures on the screen.
    Tick,
    /// A time has come that the model waits for.
    Deadline,
    /// Texts were changed some time ago, and are not saved.
    Keep,
    /// Something about runtimes.
    Runtime(RuntimeMsg),
    /// Something about sessions.
    Session(SessionMsg),
    /// Something about a run.
    Run(RunMsg),
    /// Something about a file.
    File(FileMsg),
    /// Something about a session's workspace.
    Files(FilesMsg),
    /// Something about a benchmark.
    Bench(BenchMsg),
    /// Something about how the engine is reached, or about another one.
    Link(LinkMsg),
    /// Something about output that was kept or copied.
    Output(OutputMsg),
    /// Something about themes and settings.
    Look(LookMsg),
}

/// About what is done with output.
#[derive(Debug)]
pub enum OutputMsg {
    /// So many bytes of text were to be put into a clipboard.
    Copied {
        /// How many.
        size: usize,
        /// What became of them.
        how: Copied,
    },
    /// A program that was to copy this text didn't.
    NotCopied {
        /// The text.
        text: String,
        /// Which program, and why.
        why: String,
    },
    /// What is kept of a run's output beside the lines in memory has changed.
    Kept(u32, Spooled),
    /// A run's output was saved to this file: so many bytes.
    Saved {
        /// The run.
        run: u32,
        /// Where.
        path: PathBuf,
        /// How much, or why not.
        result: Result<u64, String>,
    },
}

/// What became of a text that was to be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Copied {
    /// A program of this name has put it into the clipboard.
    By(&'static str),
    /// The terminal was asked to; none says whether it did.
    Sent,
    /// A terminal takes no more than so many bytes.
    TooLarge(usize),
}

/// What is kept of a run's output in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spooled {
    /// All of it.
    Whole,
    /// The first so many bytes: there is room for no more.
    Until(u64),
    /// Nothing, and why.
    Nothing(String),
}

/// About how everything looks, and about the settings.
#[derive(Debug)]
pub enum LookMsg {
    /// The terminal has said what its background is: red, green, blue.
    Background([u8; 3]),
    /// All themes there are, each with what is wrong in its file.
    Themes(Vec<(ThemeFile, Vec<Warning>)>),
    /// A file of settings has changed: what all of them say now.
    Reread {
        /// The settings.
        settings: Box<Settings>,
        /// What is wrong with them.
        warnings: Vec<Warning>,
        /// All themes there are, each with what is wrong in its file.
        themes: Vec<(ThemeFile, Vec<Warning>)>,
    },
}

/// About the way to the engine, and to others.
#[derive(Debug)]
pub enum LinkMsg {
    /// How the engine is reached now.
    Changed(Link),
    /// The link is lost, and another second has passed.
    Second,
    /// What passed over the wire since this was told last.
    Passed {
        /// The messages, in their order.
        frames: Vec<Frame>,
        /// How many more there were before them that came too fast.
        missed: u64,
    },
    /// A dial was answered.
    Reached {
        /// Its number.
        dial: u32,
        /// What was found, or why nothing was.
        result: Result<Reached, Failure>,
    },
    /// A look at a server was answered.
    Looked {
        /// Its number.
        dial: u32,
        /// What was seen.
        result: Result<Box<Look>, Failure>,
    },
    /// The servers attached to before.
    Recent(Vec<Recent>),
    /// Where the token for an address would come from if none is typed.
    TokenSource(String, Option<String>),
}

/// An engine that a dial has reached, and that can be switched to.
#[derive(Clone, Debug, PartialEq)]
pub struct Reached {
    /// The runtimes it could have.
    pub runtimes: Vec<RuntimeType>,
    /// How it is reached.
    pub link: Link,
}

/// About runtimes.
#[derive(Debug)]
pub enum RuntimeMsg {
    /// What is known of one.
    Known(RuntimeType, Result<Box<RuntimeInfo>, Failure>),
    /// How far a fetch is.
    Progress(Progress),
    /// A fetch ended.
    Fetched(RuntimeType, Result<Box<RuntimeInfo>, Failure>),
    /// The ranking that was asked for.
    Ranked(Language, RuntimePreference, Result<Selection, Failure>),
    /// The report was written to this file, or why not.
    Reported(Result<PathBuf, String>),
    /// What a session may have at most, as far as the engine says.
    Limited(ServerLimits),
}

/// About sessions.
#[derive(Debug)]
pub enum SessionMsg {
    /// All of them.
    Listed(Result<Vec<SessionInfo>, Failure>),
    /// One was created, for a run that waits for it or for its own sake.
    Created {
        /// The run that waits.
        run: Option<u32>,
        /// The session, or why there is none.
        result: Result<Box<SessionInfo>, Failure>,
    },
    /// A request to close one was answered.
    Closed(SessionId, Result<(), Failure>),
    /// What the engine tells.
    Told(Told),
    /// What one uses now.
    Stats(SessionId, Result<SessionStats, Failure>),
}

/// About a run.
#[derive(Debug)]
pub enum RunMsg {
    /// The engine took it.
    Accepted(u32, ExecutionId),
    /// Its program was started.
    Started(u32),
    /// It wrote.
    Output(u32, Vec<(OutputStream, Bytes)>),
    /// So many bytes of its output were lost.
    Lagged(u32, u64),
    /// It ended.
    Finished(u32, Box<ExecuteResult>),
    /// It could not be begun, or its end is not known.
    Failed(u32, Failure),
    /// A signal was sent: whether anything was there to get it.
    Signalled(u32, Result<bool, Failure>),
    /// Input could not be passed on.
    InputRefused(u32, Failure),
}

/// About files of this machine.
#[derive(Debug)]
pub enum FileMsg {
    /// One was read; `None`: there is no such file yet.
    Read(BufferId, Result<Option<Content>, String>),
    /// The person's own editor has ended.
    Edited(Edited),
    /// What a workbench that crashed had not saved, and a file of it that could not be read.
    Recovered(Vec<Unsaved>, Option<PathBuf>),
    /// What editors had saved for workbenches that ended meanwhile, and where it is now.
    LeftOutside(Vec<PathBuf>),
    /// Texts that are not saved could not be kept either.
    NotKept(String),
    /// The paths that begin like what was typed, at most some.
    Completed(String, Vec<String>),
    /// One was written, with the text of this revision.
    Saved(BufferId, PathBuf, u64, Result<Stamp, SaveFailure>),
}

/// A text that is handed to the person's own editor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handed {
    /// The open text.
    pub buffer: BufferId,
    /// Its file; without one the text is put into a file for a while.
    pub path: Option<PathBuf>,
    /// What it is called.
    pub name: String,
    /// What it is.
    pub text: String,
}

/// What came back from the person's own editor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The open text.
    pub buffer: BufferId,
    /// It was the text's own file that was edited.
    pub in_place: bool,
    /// The editor's command line.
    pub command: String,
    /// What is in the file now, or why that is not known.
    pub result: Result<Option<Content>, String>,
    /// How the editor ended, if not well.
    pub trouble: Option<String>,
    /// Where that is now which can't be read, if it was not in the text's own file.
    pub kept: Option<PathBuf>,
}

/// A text that is not saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsaved {
    /// What it is of.
    pub source: Source,
    /// The text.
    pub text: String,
    /// The file that it was made from; `None`: there was none, or that is not known.
    pub base: Option<Stamp>,
}

/// What a text that is not saved is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file of this machine.
    File(PathBuf),
    /// No file of this machine; it is called so.
    Named(String),
}

/// What a person has decided about an open text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// To paste this into it, long as it is.
    Paste(BufferId, String),
    /// To close it, though it is not saved.
    Close(BufferId),
    /// To forget the runs that have ended.
    ForgetRuns,
    /// To forget all output.
    ClearOutput,
}

/// What tells one open text from the others, for as long as the workbench is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BufferId(pub u64);

/// What tells whether a file was changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// When it was written last: seconds and nanoseconds.
    pub modified: (i64, i64),
    /// Its bytes.
    pub length: u64,
}

/// What is in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// All of it.
    pub text: String,
    /// The file's stamp when it was read.
    pub stamp: Stamp,
}

/// Which file may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replace {
    /// None.
    Never,
    /// The one that was read or saved, if it is as it was.
    Unchanged(Stamp),
    /// Any: its person was asked.
    Always,
}

/// Why a file was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaveFailure {
    /// There is one already, and it was not to be replaced.
    Exists,
    /// It was changed since it was read or saved.
    Changed,
    /// Anything else, in words.
    Other(String),
}

/// Something to be done outside the model.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Asks what is known of a runtime.
    Probe {
        /// Which.
        runtime: RuntimeType,
        /// Looks again.
        refresh: bool,
    },
    /// Fetches a runtime.
    Fetch(RuntimeType),
    /// Ends the fetch that is under way.
    CancelFetch,
    /// Writes what is known of the runtimes to a file, as a report.
    Report(Vec<RuntimeInfo>),
    /// Asks for a ranking.
    Rank(Language, RuntimePreference),
    /// Asks what a session may have at most.
    Limits,
    /// Asks for all sessions.
    ListSessions,
    /// Creates a session.
    CreateSession {
        /// As what.
        params: Box<CreateSession>,
        /// The run that waits for it.
        run: Option<u32>,
    },
    /// Gives up the creation that a run waits for, or those that none does.
    CancelCreate(Option<u32>),
    /// Closes a session.
    CloseSession(SessionId),
    /// Closes several.
    CloseSessions(Vec<SessionId>),
    /// Asks what a session uses.
    Stats(SessionId),
    /// Runs code.
    Execute {
        /// Under which number.
        run: u32,
        /// Where.
        session: SessionId,
        /// In which language.
        language: Language,
        /// What.
        code: String,
        /// What the code's file is called.
        file_name: Option<String>,
        /// Its program may be fed; else it reads an empty input.
        interactive: bool,
        /// It runs in a terminal of this size.
        pty: Option<PtySize>,
    },
    /// Tells the program of a run that its terminal has another size.
    Resize {
        /// Which run.
        run: u32,
        /// Rows.
        rows: u16,
        /// Columns.
        cols: u16,
    },
    /// Feeds a run's program.
    Feed {
        /// Which run.
        run: u32,
        /// What it shall read.
        data: Bytes,
        /// No more comes.
        eof: bool,
    },
    /// Signals a run's program.
    Signal(u32, ExecutionId, Signal),
    /// Reads a file for an open text.
    Read(BufferId, PathBuf),
    /// Writes a file.
    Save {
        /// The open text that it is.
        buffer: BufferId,
        /// Where.
        path: PathBuf,
        /// What.
        text: String,
        /// The revision of the text.
        revision: u64,
        /// What of a file that is there.
        replace: Replace,
    },
    /// Does something in a session's workspace.
    Files {
        /// Which session.
        session: SessionId,
        /// The number that its answer carries; 0 waits for its turn.
        number: u64,
        /// What.
        task: Box<Task>,
    },
    /// Does something for a benchmark.
    Bench(BenchTask),
    /// Ends what is being done in a workspace under this number.
    StopFiles(u64),
    /// Reaches another engine: that of a server, or, without a target, the one in this process.
    Dial {
        /// The dial's number, that its answer carries.
        dial: u32,
        /// Where to.
        target: Option<Target>,
    },
    /// Looks whether a server can be attached to.
    Look {
        /// The dial's number.
        dial: u32,
        /// Where to.
        target: Target,
    },
    /// Gives up the dial or look that is under way.
    HangUp,
    /// Uses the engine that this dial has reached, from now on.
    Switch(u32),
    /// Tries to have the lost link back at once.
    Reconnect,
    /// Asks for the servers attached to before.
    Recent,
    /// Asks where the token for an address would come from.
    TokenSource(String),
    /// Gives the terminal to the person's own editor until that ends.
    EditOutside(Box<Handed>),
    /// Keeps texts that are not saved, in the place of those kept before.
    Keep(Vec<Unsaved>),
    /// Asks for what a workbench that crashed had not saved.
    Recover,
    /// What was asked for so is open now: from now on it is among what is kept.
    Recovered,
    /// Forgets what was run, also at earlier starts.
    ForgetRuns,
    /// Comes back at once: what a question was about is done by the model itself.
    Decided(Decision),
    /// Asks for the paths that begin like this.
    Complete(String),
    /// Puts a text into the clipboard, in the way that is right here.
    Copy(String),
    /// Asks the terminal to put a text into its clipboard.
    CopyByTerminal(String),
    /// Saves all that is kept of a run's output.
    SaveOutput {
        /// The run.
        run: u32,
        /// Where to: a file that isn't there yet.
        path: PathBuf,
        /// What is in memory, should nothing else be kept.
        text: String,
    },
    /// Reads all themes there are.
    ReadThemes(Paths),
    /// Tells from now on when a file of settings changes.
    WatchSettings(Paths),
    /// Asks the terminal what its background is. An answer may come, late, or never.
    AskBackground,
    /// Takes the mouse, or leaves it to the terminal.
    CaptureMouse(bool),
    /// Goes back to the shell until `fg`.
    Suspend,
    /// Ends the workbench.
    Quit,
}
