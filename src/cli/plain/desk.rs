//! What the plain mode works on: one text, the sessions that were made for it, and at most one run at a time.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;

use super::lines::{Lines, plain};
use super::words::{self, Word};
use crate::engine::{Engine, Execution, InterruptTarget, system_words};
use crate::protocol::{
    Command, CreateSession, ErrorKind, Execute, ExecuteCode, ExecuteResult, ExecutionEvent, ExecutionId,
    Failure, Language, OutputStream, Provision, RuntimeInfo, RuntimePreference, RuntimeType, SessionInfo,
    Signal,
};
use crate::tui::{SAMPLES, sample};

/// The longest program text taken.
const MAX_CODE: u64 = 2 << 20;
/// Lines that may be kept for the next program to read.
const MOST_INPUT: usize = 64;
/// A second stop within this time kills.
const KILL_WITHIN: Duration = Duration::from_secs(2);

/// What is to be run.
struct Text {
    file: Option<PathBuf>,
    name: String,
    code: String,
    language: Option<Language>,
}

/// A session of ours, with the number it is called by.
struct Own {
    number: usize,
    info: SessionInfo,
}

/// What the program is being given.
type Feeding = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

type Starting = Pin<Box<dyn Future<Output = Result<(Option<SessionInfo>, Execution), Failure>> + Send>>;

enum Stage {
    Starting(Starting),
    Running(Execution),
}

/// The run under way.
struct Run {
    number: u32,
    runtime: Option<RuntimeType>,
    id: ExecutionId,
    stage: Stage,
    out: Lines,
    err: Lines,
    stop_asked: Option<Instant>,
    /// Under way to the program, which may read nothing for long; whether it is the end of its input.
    feeding: Option<(Feeding, bool)>,
    /// What it is given after that; an end of input is `None`.
    waiting: VecDeque<Option<Bytes>>,
}

/// Something that happens to a run.
pub enum Event {
    Started(Box<Result<(Option<SessionInfo>, Execution), Failure>>),
    Told(Option<ExecutionEvent>),
    Fed(Result<(), Failure>),
}

pub struct Desk {
    engine: Arc<dyn Engine>,
    preference: Option<RuntimePreference>,
    text: Text,
    sessions: Vec<Own>,
    made: usize,
    runs: u32,
    run: Option<Run>,
    /// A word that waits for the run to end.
    held: Option<String>,
    /// What the next program is given to read.
    input: Vec<String>,
    input_ended: bool,
    /// Our own input has ended.
    over: bool,
    quits: bool,
    told: String,
}

impl Desk {
    pub fn new(engine: Arc<dyn Engine>, preference: Option<RuntimePreference>) -> Self {
        let text = Text { file: None, name: "nothing".into(), code: String::new(), language: None };
        Self {
            engine,
            preference,
            text,
            sessions: Vec::new(),
            made: 0,
            runs: 0,
            run: None,
            held: None,
            input: Vec::new(),
            input_ended: false,
            over: false,
            quits: false,
            told: String::new(),
        }
    }

    /// Says what this is, and opens the file that was named.
    pub async fn begin(&mut self, file: Option<PathBuf>) {
        self.say(format_args!("codebeaker {}, plain mode; help tells the words", env!("CARGO_PKG_VERSION")));
        match file {
            Some(file) => self.open(&file).await,
            None => self.say("open FILE or sample hello, then run"),
        }
    }

    fn say(&mut self, words: impl std::fmt::Display) {
        // Words of engines and servers are among them.
        for line in words.to_string().lines() {
            let _ = writeln!(self.told, "{}", plain(line.as_bytes()));
        }
    }

    fn tell_failure(&mut self, what: &str, failure: &Failure) {
        let hint = if failure.hint.is_empty() { String::new() } else { format!("; {}", failure.hint) };
        self.say(format_args!("{what}: {}{hint}", failure.message));
    }

    /// Says why something was not done.
    pub fn refuse(&mut self, why: std::fmt::Arguments<'_>) {
        self.say(why);
    }

    /// What was asked for was given up by hand.
    pub fn given_up(&mut self) {
        self.say("stopped");
    }

    /// What is to be printed; it is told once.
    pub fn told(&mut self) -> String {
        std::mem::take(&mut self.told)
    }

    /// It is over.
    pub fn leaves(&self) -> bool {
        self.run.is_none() && (self.quits || self.over && self.held.is_none())
    }

    /// A word is waited for.
    pub fn listens(&self) -> bool {
        self.run.is_none() && !self.over
    }

    /// Lines are taken: also those for a running program, until one must wait for its end.
    pub fn reads(&self) -> bool {
        let waiting = match &self.run {
            Some(Run { stage: Stage::Running(_), waiting, .. }) => waiting.len(),
            // They are for it as soon as it runs.
            Some(_) => self.input.len(),
            None => 0,
        };
        !self.over && self.held.is_none() && waiting < MOST_INPUT
    }

    /// The line that has waited for the run to end, once it has.
    pub fn due(&mut self) -> Option<String> {
        if self.run.is_some() { None } else { self.held.take() }
    }

    pub fn runs(&self) -> bool {
        self.run.is_some()
    }

    /// The next thing that happens to the run.
    pub async fn event(&mut self) -> Event {
        let Some(run) = &mut self.run else { return std::future::pending().await };
        let fed = async {
            match &mut run.feeding {
                Some((feeding, _)) => feeding.as_mut().await,
                None => std::future::pending().await,
            }
        };
        let told = async {
            match &mut run.stage {
                Stage::Starting(starting) => Event::Started(Box::new(starting.as_mut().await)),
                Stage::Running(execution) => Event::Told(execution.next().await),
            }
        };
        // What it writes is taken while it is given something: it may read only then.
        tokio::select! {
            event = told => event,
            fed = fed => Event::Fed(fed),
        }
    }

    pub async fn take(&mut self, event: Event) {
        match event {
            Event::Started(begun) => match *begun {
                Ok((made, execution)) => self.started(made, execution).await,
                Err(failure) => {
                    let number = self.run.take().map_or(0, |run| run.number);
                    self.tell_failure(&format!("run {number}: failed"), &failure);
                }
            },
            Event::Told(Some(ExecutionEvent::Output { stream, data })) => self.output(stream, &data),
            Event::Told(Some(ExecutionEvent::Lagged { skipped })) => {
                self.say(format_args!("{skipped} bytes of output came too fast and are missing here"));
            }
            Event::Told(Some(ExecutionEvent::Started)) => {}
            Event::Told(Some(ExecutionEvent::Finished(result))) => self.finished(&result),
            Event::Told(None) => {
                let number = self.run.take().map_or(0, |run| run.number);
                self.say(format_args!("run {number}: unknown, it ended without a result"));
            }
            Event::Fed(fed) => self.fed(fed),
        }
    }

    async fn started(&mut self, made: Option<SessionInfo>, execution: Execution) {
        if let Some(info) = made {
            self.keep(info);
        }
        let Some(run) = &mut self.run else { return };
        let (number, stop) = (run.number, run.stop_asked.is_some());
        run.runtime = run.runtime.or_else(|| self.sessions.last().map(|own| own.info.runtime_type));
        let on = run.runtime.map_or("?", RuntimeType::short);
        run.stage = Stage::Running(execution);
        self.say(format_args!("run {number} on {on}: started"));
        for line in std::mem::take(&mut self.input) {
            self.feed(Some(line));
        }
        // Of a pipe that has ended nothing more can come.
        if std::mem::take(&mut self.input_ended) || self.over {
            self.feed(None);
        }
        if stop {
            self.signal(Signal::Int).await;
        }
    }

    fn output(&mut self, stream: OutputStream, data: &[u8]) {
        let Some(run) = &mut self.run else { return };
        let (lines, mark) = match stream {
            OutputStream::Stdout => (run.out.push(data), ""),
            OutputStream::Stderr => (run.err.push(data), "stderr: "),
        };
        for line in lines {
            let _ = writeln!(self.told, "{mark}{line}");
        }
    }

    fn finished(&mut self, result: &ExecuteResult) {
        let Some(mut run) = self.run.take() else { return };
        for (rest, mark) in [(run.out.last(), ""), (run.err.last(), "stderr: ")] {
            if let Some(line) = rest {
                let _ = writeln!(self.told, "{mark}{line}");
            }
        }
        let on = run.runtime.map_or("?", RuntimeType::short);
        self.say(format_args!("run {} on {on}: {}", run.number, ending(result)));
    }

    /// Has the program given a line, or the end of its input, after what it is being given.
    fn feed(&mut self, line: Option<String>) {
        let Some(run) = &mut self.run else { return };
        run.waiting.push_back(line.map(|line| Bytes::from(line + "\n")));
        self.feed_next();
    }

    fn feed_next(&mut self) {
        let Some(run) = self.run.as_mut().filter(|run| run.feeding.is_none()) else { return };
        let Some(next) = run.waiting.pop_front() else { return };
        let (engine, id, eof) = (self.engine.clone(), run.id.clone(), next.is_none());
        let feeding = async move { engine.input(&id, next.unwrap_or_default(), eof).await };
        run.feeding = Some((Box::pin(feeding), eof));
    }

    fn fed(&mut self, fed: Result<(), Failure>) {
        let eof = self.run.as_mut().and_then(|run| run.feeding.take()).is_none_or(|(_, eof)| eof);
        // A program that has ended, or reads nothing, misses nothing.
        if let Err(failure) = fed
            && !eof
        {
            self.tell_failure("the input was not taken", &failure);
        }
        self.feed_next();
    }

    /// Ctrl-C, or the word for it.
    pub async fn interrupt(&mut self) {
        let Some(run) = &mut self.run else { return self.say("nothing runs; quit or Ctrl-D ends") };
        let again = run.stop_asked.is_some_and(|asked| asked.elapsed() <= KILL_WITHIN);
        run.stop_asked = Some(Instant::now());
        let number = run.number;
        if let Stage::Running(_) = run.stage {
            self.say(format_args!("run {number}: {}", if again { "killing it" } else { "asked to stop" }));
            self.signal(if again { Signal::Kill } else { Signal::Int }).await;
        } else if again {
            // It is not a program yet: what is being made goes with the engine, or is left to the server's sweep.
            self.run = None;
            self.say(format_args!("run {number}: stopped before it began"));
        } else {
            self.say(format_args!("run {number}: stops as soon as it begins; once more gives it up at once"));
        }
    }

    async fn signal(&mut self, signal: Signal) {
        let Some(run) = &self.run else { return };
        let target = InterruptTarget::Execution(run.id.clone());
        if let Err(failure) = self.engine.interrupt(target, signal).await {
            self.tell_failure("it can't be stopped", &failure);
        }
    }

    /// Nothing more will be typed: what runs may end.
    pub fn end_of_input(&mut self) {
        self.over = true;
        if self.is_running() {
            self.feed(None);
        }
    }

    fn is_running(&self) -> bool {
        matches!(self.run, Some(Run { stage: Stage::Running(_), .. }))
    }

    /// Does what a line says. While something runs, only what is for the program is done at once.
    pub async fn line(&mut self, line: &str) {
        let word = words::read(line);
        let at_once = matches!(
            word,
            Word::Stop | Word::Input(_) | Word::EndInput | Word::Help | Word::Nothing | Word::Unreadable(_)
        );
        if self.run.is_some() && !at_once {
            self.held = Some(line.to_owned());
            return;
        }
        match word {
            Word::Nothing => {}
            Word::Run(file) => self.start(file.map(PathBuf::from)).await,
            Word::Stop => self.interrupt().await,
            Word::Input(line) => self.give(line),
            Word::EndInput => self.end_of_programs_input(),
            Word::Open(file) => self.open(Path::new(&file)).await,
            Word::Show => self.show(),
            Word::Language(language) => {
                self.text.language = Some(language);
                self.say(format!("{} is {} now", self.text.name, language.title()));
            }
            Word::Sessions => self.list_sessions().await,
            Word::New(language, runtime) => self.new_session(language, runtime).await,
            Word::Close(number) => self.close(number).await,
            Word::Runtimes => self.runtimes(false).await,
            Word::Recheck => self.runtimes(true).await,
            Word::Fetch(runtime) => self.fetch(runtime).await,
            Word::Samples => {
                for sample in &SAMPLES {
                    self.say(format_args!("sample {}: {}", sample.name, sample.about));
                }
            }
            Word::Sample(name, language) => self.sample(&name, language),
            Word::Help => self.say(words::help()),
            Word::Quit => self.quits = true,
            Word::Unreadable(why) => self.say(why),
        }
    }

    /// A line for the program that runs, or the next one.
    fn give(&mut self, line: String) {
        if self.is_running() {
            self.feed(Some(line));
        } else if self.input.len() < MOST_INPUT {
            self.input.push(line);
        } else {
            self.say("no more lines can be kept for the next run");
        }
    }

    fn end_of_programs_input(&mut self) {
        if self.is_running() {
            self.feed(None);
        } else {
            self.input_ended = true;
        }
    }

    async fn open(&mut self, file: &Path) {
        let shown = file.display().to_string();
        match read(file).await {
            Ok(code) => {
                let by_name = file.extension().and_then(|e| e.to_str()).and_then(Language::from_extension);
                let first = code.lines().next().unwrap_or_default();
                let language = by_name.or_else(|| Language::from_shebang(first));
                let name = file
                    .file_name()
                    .map_or_else(|| shown.clone(), |name| name.to_string_lossy().into_owned());
                let kind = language.map_or("language not known: say it with language NAME", Language::title);
                let lines = code.lines().count();
                self.say(format_args!(
                    "{shown}: {kind}, {lines} {}",
                    if lines == 1 { "line" } else { "lines" }
                ));
                self.text = Text { file: Some(file.to_owned()), name, code, language };
            }
            Err(why) => self.say(format_args!("{shown} can't be read: {why}")),
        }
    }

    fn sample(&mut self, name: &str, language: Option<Language>) {
        let Some(sample) = sample(name) else {
            return self.say(format_args!("there is no sample {name:?}; samples lists them"));
        };
        let language = language.or(self.text.language).unwrap_or(Language::Python);
        self.text = Text {
            file: None,
            // Not by its bare name: Python would take http.py for its own module.
            name: format!("{}-sample.{}", sample.name, language.extension()),
            code: sample.code(language).to_owned(),
            language: Some(language),
        };
        self.say(format!("{}: {}, {}", self.text.name, language.title(), sample.about));
    }

    fn show(&mut self) {
        let code = std::mem::take(&mut self.text.code);
        for (at, line) in code.lines().enumerate() {
            let _ = writeln!(self.told, "{:>4} {}", at + 1, plain(line.as_bytes()));
        }
        self.text.code = code;
        if self.text.code.is_empty() {
            self.say("there is no text; open FILE or sample hello");
        }
    }

    /// Runs the text, in the newest session that fits it, or a new one.
    async fn start(&mut self, file: Option<PathBuf>) {
        if let Some(file) = file.or_else(|| self.text.file.clone()) {
            let (before, language) = (self.text.name.clone(), self.text.language);
            match read(&file).await {
                // The same file as before: it may have been changed since.
                Ok(code) if self.text.file.as_ref() == Some(&file) => self.text.code = code,
                _ => self.open(&file).await,
            }
            if self.text.file.as_ref() != Some(&file) {
                return;
            }
            if self.text.name == before {
                self.text.language = language;
            }
        }
        let Some(language) = self.text.language else {
            return self.say(format!("{}: its language is not known; language NAME says it", self.text.name));
        };
        if self.text.code.trim().is_empty() {
            return self.say("there is nothing to run; open FILE or sample hello");
        }
        self.runs += 1;
        let fits =
            self.sessions.iter().rev().find(|own| own.info.language == language).map(|own| own.info.clone());
        let id = ExecutionId::random();
        let plain_name =
            |name: &&String| name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        let name =
            Some(&self.text.name).filter(plain_name).filter(|name| !name.starts_with(['.', '-'])).cloned();
        let code = ExecuteCode {
            code: self.text.code.clone(),
            language: Some(language),
            file_name: name,
            ..ExecuteCode::default()
        };
        let runtime = fits.as_ref().map(|info| info.runtime_type);
        let starting = starting(self.engine.clone(), fits, self.wanted(language, None), code, id.clone());
        let number = self.runs;
        let stage = Stage::Starting(Box::pin(starting));
        let (out, err) = (Lines::default(), Lines::default());
        self.run = Some(Run {
            number,
            runtime,
            id,
            stage,
            out,
            err,
            stop_asked: None,
            feeding: None,
            waiting: VecDeque::new(),
        });
    }

    fn wanted(&self, language: Language, runtime: Option<RuntimeType>) -> CreateSession {
        CreateSession {
            runtime_type: runtime,
            runtime_preference: self.preference,
            ..CreateSession::new(language)
        }
    }

    /// Keeps a session that was made, and says so.
    fn keep(&mut self, info: SessionInfo) {
        self.made += 1;
        let weak = if info.isolation.weakened.is_empty() {
            String::new()
        } else {
            format!(", isolation only {} of 10", info.isolation.score)
        };
        let number = self.made;
        self.say(format_args!(
            "session {number}: {}, ready in {:.1} ms{weak}",
            called(&info),
            info.startup_ms
        ));
        self.sessions.push(Own { number, info });
    }

    async fn new_session(&mut self, language: Language, runtime: Option<RuntimeType>) {
        match self.engine.create_session(self.wanted(language, runtime)).await {
            Ok(info) => self.keep(info),
            Err(failure) => self.tell_failure("no session", &failure),
        }
    }

    async fn list_sessions(&mut self) {
        let all = match self.engine.sessions().await {
            Ok(all) => all,
            Err(failure) => return self.tell_failure("the sessions can't be told", &failure),
        };
        self.sessions.retain(|own| all.iter().any(|info| info.session_id == own.info.session_id));
        if all.is_empty() {
            return self.say("there is no session; run or new makes one");
        }
        for info in all {
            let own = self.sessions.iter().find(|own| own.info.session_id == info.session_id);
            let number = own.map_or_else(|| "of somebody else".to_owned(), |own| own.number.to_string());
            let state = format!("{:?}", info.state).to_lowercase();
            let runs = info.execution_count;
            self.say(format_args!("session {number}: {}, {state}, {runs} runs", called(&info)));
        }
    }

    async fn close(&mut self, number: Option<usize>) {
        let at = match number {
            None => self.sessions.len().checked_sub(1),
            Some(number) => self.sessions.iter().position(|own| own.number == number),
        };
        let Some(own) = at.map(|at| self.sessions.remove(at)) else {
            return self.say("there is no such session; sessions lists them");
        };
        match self.engine.close_session(&own.info.session_id).await {
            Ok(()) => self.say(format_args!("session {}: closed", own.number)),
            Err(failure) => {
                self.tell_failure(&format!("session {} is not closed", own.number), &failure);
                self.sessions.push(own);
            }
        }
    }

    pub async fn close_all(&mut self) {
        for own in std::mem::take(&mut self.sessions) {
            // A server that can't be reached removes it when its time is up.
            let _ = self.engine.close_session(&own.info.session_id).await;
        }
    }

    async fn runtimes(&mut self, refresh: bool) {
        let types = self.engine.runtime_types();
        let asked = types.iter().map(|runtime| self.engine.runtime(*runtime, refresh));
        for (runtime, known) in types.iter().zip(join_all(asked).await) {
            match known {
                Ok(info) => self.say(standing(&info)),
                Err(failure) => self.tell_failure(runtime.short(), &failure),
            }
        }
    }

    async fn fetch(&mut self, runtime: RuntimeType) {
        self.say(format_args!("{}: fetching", runtime.short()));
        let (progress, mut steps) = tokio::sync::mpsc::channel(4);
        let engine = self.engine.clone();
        let fetching = engine.provision(Provision::all(runtime), progress);
        let (fetched, ()) = tokio::join!(fetching, async { while steps.recv().await.is_some() {} });
        match fetched {
            Ok(info) => self.say(standing(&info)),
            Err(failure) => self.tell_failure(&format!("{} was not fetched", runtime.short()), &failure),
        }
    }
}

/// Makes a session where none fits, and hands the code over.
async fn starting(
    engine: Arc<dyn Engine>,
    fits: Option<SessionInfo>,
    wanted: CreateSession,
    code: ExecuteCode,
    id: ExecutionId,
) -> Result<(Option<SessionInfo>, Execution), Failure> {
    let execute = |session: &SessionInfo| Execute {
        stream: true,
        interactive: true,
        execution_id: Some(id.clone()),
        ..Execute::new(session.session_id.clone(), Command::ExecuteCode(code.clone()))
    };
    if let Some(session) = fits {
        match engine.execute(execute(&session)).await {
            // It was closed since: its time was up.
            Err(failure) if matches!(failure.kind, ErrorKind::SessionNotFound | ErrorKind::SessionClosed) => {
            }
            execution => return Ok((None, execution?)),
        }
    }
    let made = engine.create_session(wanted).await?;
    let execution = engine.execute(execute(&made)).await?;
    Ok((Some(made), execution))
}

/// The text of a file. It may be one on a disk that hangs: who waits for it need not.
async fn read(file: &Path) -> Result<String, String> {
    let file = file.to_owned();
    let reading = tokio::task::spawn_blocking(move || read_now(&file)).await;
    reading.unwrap_or_else(|e| Err(e.to_string()))
}

fn read_now(file: &Path) -> Result<String, String> {
    use std::io::Read as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let words = |e: std::io::Error| system_words(&e);
    // A pipe that nobody writes to would be waited for before it can be told that it is one.
    let no_wait = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let opened = std::fs::OpenOptions::new().read(true).custom_flags(no_wait).open(file).map_err(words)?;
    if !opened.metadata().map_err(words)?.is_file() {
        return Err("it is no regular file".into());
    }
    let mut bytes = Vec::new();
    opened.take(MAX_CODE + 1).read_to_end(&mut bytes).map_err(words)?;
    if bytes.len() as u64 > MAX_CODE {
        return Err(format!("it has more than {} MB", MAX_CODE >> 20));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".into())
}

/// What a session is called.
fn called(info: &SessionInfo) -> String {
    let what = format!("{} on {}", info.language.title(), info.runtime_type.short());
    info.name.as_ref().map_or_else(|| what.clone(), |name| format!("{name}, {what}"))
}

/// How a runtime stands, in a line.
fn standing(info: &RuntimeInfo) -> String {
    let name = info.runtime.short();
    let languages: Vec<&str> = info.languages.iter().map(|language| language.title()).collect();
    let what = if info.available {
        format!(
            "ready, {}, runs {}",
            info.version.as_deref().unwrap_or("version not known"),
            languages.join(", ")
        )
    } else {
        format!("not available, {}", info.reason.as_deref().unwrap_or("no reason is known"))
    };
    let fetch = if info.fetchable { format!("; fetch {name} gets what is missing") } else { String::new() };
    let fix =
        info.fix.as_ref().filter(|_| !info.available).map_or_else(String::new, |fix| format!("; {fix}"));
    format!("{name}: {what}{fetch}{fix}")
}

/// How a run ended, in words with its cost.
fn ending(result: &ExecuteResult) -> String {
    let Some(process) = result.process() else {
        let error = result.error.as_deref().unwrap_or("it gave no result");
        return format!("{}, {error}", if result.unknown { "unknown" } else { "failed" });
    };
    let word = match (&process.limit, &process.signal) {
        (None, _) if process.timed_out => "stopped, its time was up".to_owned(),
        (Some(limit), _) => format!("stopped, its limit of {} was reached", limit.value),
        (None, Some(signal)) => format!("stopped by {signal}"),
        (None, None) if result.success => "ok".to_owned(),
        (None, None) => "failed".to_owned(),
    };
    let cpu = process.cpu_ms.map_or_else(String::new, |ms| format!(", cpu {ms} ms"));
    let peak = process
        .peak_memory_bytes
        .map_or_else(String::new, |n| format!(", peak {} MB", n.div_ceil(1_000_000)));
    format!("{word}, exit {}, {} ms{cpu}{peak}", process.exit_code, process.duration_ms)
}
