//! The arguments, as clap reads them; help, completions and the manual page are made from these.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::bench::Suite;
use crate::bench::render::Format;
use crate::protocol::{Language, RuntimePreference, RuntimeType};
use crate::tui::{ColourTier, TerminalKind};

/// A workbench for running code in several runtimes.
#[derive(Debug, Parser)]
#[command(name = "codebeaker", version, about, long_about = LONG)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    /// Work line by line, without the screen: for screen readers, slow terminals and pipes
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub plain: Option<Option<PathBuf>>,
    #[command(flatten)]
    pub look: Look,
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

impl Arguments {
    /// What to do: without a verb, the workbench.
    pub fn verb(self) -> Verb {
        let plain = self.plain.is_some();
        let file = self.plain.flatten();
        match self.verb {
            None => Verb::Open(Open { file, plain, look: self.look, ..Open::of_nothing() }),
            Some(Verb::Open(open)) => Verb::Open(Open { plain: plain || open.plain, ..open }),
            Some(verb) => verb,
        }
    }
}

const LONG: &str = "A workbench for running code in several runtimes: Bun, Deno, containers and this machine's own \
interpreters, each session in a place of its own. Without a verb it opens the workbench.";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Open the workbench (as without a verb), with a file in its editor
    Open(Open),
    /// Open the workbench over a server elsewhere
    Attach(Attach),
    /// Run a file, or code from standard input, and pass its output and exit code through
    Run(Run),
    /// Measure runtimes: suites of ours or your own code, compared with what was saved
    Bench(Bench),
    /// Serve the runtimes of this machine to clients elsewhere: JSON-RPC over a WebSocket
    Serve(Serve),
    /// See and close the sessions of a server
    Sessions(Sessions),
    /// Tell which runtimes are here, why not, and what isolates them
    Doctor(Doctor),
    /// Measure what each runtime costs on this machine: the choice among them then goes by that
    Calibrate(Calibrate),
    /// Fetch Deno and Bun, verified, into CodeBeaker's own directory; build the images of Docker sessions
    Setup(Setup),
    /// Draw a picture of one of the workbench's screens (SVG)
    Screenshot(Screenshot),
    /// Print the workbench's keys as they are with your settings, and which took another's
    Keys(Keys),
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the manual page (roff)
    Man,
}

/// How the workbench looks.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Look {
    /// The colours to use, whatever the terminal's variables say
    #[arg(long, value_name = "WHEN", value_enum)]
    pub color: Option<Colours>,
}

/// How many colours there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Colours {
    /// As NO_COLOR, COLORTERM and TERM say
    Auto,
    /// None: bold, underlined and reversed only
    Never,
    /// The terminal's sixteen
    #[value(name = "16")]
    Sixteen,
    /// 256
    #[value(name = "256")]
    Indexed,
    /// 24 bits
    True,
}

impl Look {
    /// What the terminal can show, with what was asked for in place of what is guessed.
    pub fn terminal(self) -> TerminalKind {
        let guessed = TerminalKind::from_env();
        let colours = match self.color {
            None | Some(Colours::Auto) => return guessed,
            Some(Colours::Never) => ColourTier::Mono,
            Some(Colours::Sixteen) => ColourTier::Ansi,
            Some(Colours::Indexed) => ColourTier::Indexed,
            Some(Colours::True) => ColourTier::Rgb,
        };
        TerminalKind { colours, ..guessed }
    }
}

/// Arguments of `screenshot`.
#[derive(Args, Debug)]
#[command(after_help = SCREENSHOT_HELP)]
pub struct Screenshot {
    /// Which screen
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(crate::tui::screen_names()))]
    pub screen: String,
    /// How large, in cells
    #[arg(long, value_name = "WxH", default_value = "120x36", value_parser = size)]
    pub size: (u16, u16),
    /// In which theme, yours or a built-in one
    #[arg(long)]
    pub theme: Option<String>,
    /// With which characters: unicode or ascii
    #[arg(long, default_value = "unicode", value_parser = ["unicode", "ascii"])]
    pub glyphs: String,
    /// With how many colours
    #[arg(long, value_name = "HOW", value_enum, default_value = "true")]
    pub color: Colours,
    /// Where to; - is standard output
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,
}

const SCREENSHOT_HELP: &str =
    "The screens are drawn as on a terminal, with a demo in place of an engine: figures in them \
are examples.

Examples:
  codebeaker screenshot workbench --theme paper-dark -o workbench.svg
  codebeaker screenshot palette --size 80x24 > palette.svg";

/// Columns and rows, as people write them.
fn size(text: &str) -> Result<(u16, u16), String> {
    let told = || format!("{text:?} is no size: write columns and rows, as in 120x36");
    let (width, height) = text.split_once('x').ok_or_else(told)?;
    Ok((width.parse().map_err(|_| told())?, height.parse().map_err(|_| told())?))
}

/// Arguments of `open`.
#[derive(Args, Debug, Default)]
pub struct Open {
    /// The file to edit; one that does not exist is made when it is saved
    pub file: Option<PathBuf>,
    /// More files to edit
    #[arg(value_name = "FILE")]
    pub more: Vec<PathBuf>,
    /// Work on this server instead of in this process: ws://host:5039, wss://host:5039
    #[arg(long, value_name = "URL", env = URL)]
    pub attach: Option<String>,
    /// Work line by line, without the screen
    #[arg(long)]
    pub plain: bool,
    #[command(flatten)]
    pub look: Look,
}

impl Open {
    /// What is meant where no verb is given.
    pub fn of_nothing() -> Self {
        Self { attach: std::env::var(URL).ok().filter(|url| !url.is_empty()), ..Self::default() }
    }
}

/// The variable that names a server.
const URL: &str = super::connect::URL_VARIABLE;

/// Arguments of `attach`.
#[derive(Args, Debug)]
#[command(after_help = ATTACH_HELP)]
pub struct Attach {
    /// The server: ws://host:5039, wss://host:5039; without it the one that CODEBEAKER_URL names, or this machine's
    pub url: Option<String>,
    /// The file to edit
    pub file: Option<PathBuf>,
    /// Work line by line, without the screen
    #[arg(long)]
    pub plain: bool,
    #[command(flatten)]
    pub look: Look,
}

const ATTACH_HELP: &str = "CODEBEAKER_TOKEN holds the token, for a server that wants one; it is sent over wss://, and over \
ws:// to this machine only.";

impl Attach {
    /// The workbench as it is to be opened. What is a file here, and no address, is the file to edit.
    pub fn open(self) -> Open {
        let is_file = |text: &String| !text.contains("://") && std::path::Path::new(text).is_file();
        let (url, file) = match (self.url, self.file) {
            (Some(text), None) if is_file(&text) => (None, Some(PathBuf::from(text))),
            given => given,
        };
        let attach = url.or(Open::of_nothing().attach).unwrap_or_else(|| crate::server::LISTEN.to_owned());
        Open { file, attach: Some(attach), plain: self.plain, look: self.look, more: Vec::new() }
    }
}

/// Arguments of `sessions`.
#[derive(Args, Debug)]
pub struct Sessions {
    #[command(subcommand)]
    pub verb: SessionsVerb,
    /// The server; without it the one on this machine
    #[arg(long, value_name = "URL", env = URL, global = true)]
    pub attach: Option<String>,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do with a server's sessions.
#[derive(Debug, Subcommand)]
pub enum SessionsVerb {
    /// List them
    List,
    /// Tell all that is known of one
    Show {
        /// Its id, the beginning of it, or its name
        session: String,
    },
    /// Close some, and remove all they had
    Close {
        /// Their ids, the beginnings of them, or their names
        #[arg(required_unless_present = "all")]
        sessions: Vec<String>,
        /// Close every one
        #[arg(long, conflicts_with = "sessions")]
        all: bool,
    },
}

/// Arguments of `run`.
#[derive(Args, Debug)]
#[command(after_help = RUN_HELP)]
pub struct Run {
    /// The file to run, or - for code from standard input
    pub file: PathBuf,
    /// The language; without it the file's extension or its #! line tells
    #[arg(long, short, value_parser = language)]
    pub language: Option<Language>,
    /// The runtime; without it the preference decides
    #[arg(long, short, value_parser = runtime)]
    pub runtime: Option<RuntimeType>,
    /// What matters in the choice of a runtime: speed, security, memory or balanced
    #[arg(long, short, value_parser = preference, conflicts_with = "runtime")]
    pub prefer: Option<RuntimePreference>,
    /// Stop the program after so many seconds
    #[arg(long, short, value_name = "S", value_parser = timeout)]
    pub timeout: Option<std::time::Duration>,
    /// Give the program at most so much memory; the settings say what is the most
    #[arg(long, short, value_name = "MB", value_parser = clap::value_parser!(u64).range(1..))]
    pub memory: Option<u64>,
    /// Run it in a container of this image; it is pulled if it is not here
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// Let the program use the network, which is off otherwise
    #[arg(long)]
    pub network: bool,
    /// Run it on this server instead of in this process: ws://host:5039, wss://host:5039
    #[arg(long, value_name = "URL", env = URL)]
    pub attach: Option<String>,
    /// Print one JSON object with the result, the cost and why this runtime was chosen
    #[arg(long)]
    pub json: bool,
    /// The program's own arguments, after --
    #[arg(last = true)]
    pub args: Vec<String>,
}

const RUN_HELP: &str =
    "Exit codes: the program's own; 128 and the signal's number where a signal ended it; 124 where \
its time was up; 125 where CodeBeaker itself could not do it.

Examples:
  codebeaker run hello.ts
  codebeaker run fib.py -- 30
  echo 'console.log(6 * 7)' | codebeaker run - --language js --prefer speed";

/// Arguments of `bench`.
#[derive(Args, Debug)]
#[command(after_help = BENCH_HELP)]
pub struct Bench {
    /// What to measure; without it all of them, or with --file your code alone
    #[arg(value_name = "SUITE", value_parser = suites())]
    pub suites: Vec<String>,
    /// Only these runtimes: bun, deno, docker, native
    #[arg(long, short, value_delimiter = ',', value_parser = runtime)]
    pub runtimes: Vec<RuntimeType>,
    /// Measure this file, or - for code from standard input
    #[arg(long, short, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The language to measure runtimes with; without it the file's, or JavaScript where a runtime has it
    #[arg(long, short, value_parser = language)]
    pub language: Option<Language>,
    /// Samples of each figure [default: 10 to 100, as the suite has it]
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(crate::bench::MOST_SAMPLES)))]
    pub samples: Option<u32>,
    /// Where the random order of samples comes from
    #[arg(long, value_name = "N", default_value_t = crate::bench::SEED_OF_ORDERS)]
    pub seed: u64,
    /// Let containers stand ready as in the workbench; without this every session starts cold
    #[arg(long, conflicts_with = "attach")]
    pub pool: bool,
    /// Measure this server instead of this process: ws://host:5039, wss://host:5039
    #[arg(long, value_name = "URL", env = URL)]
    pub attach: Option<String>,
    /// Keep the result by this name
    #[arg(long, value_name = "NAME")]
    pub save: Option<String>,
    /// Compare with the result of this name, an exported JSON file, or seed: the original's published figures
    #[arg(long, value_name = "NAME")]
    pub compare: Option<String>,
    /// Fail (exit code 1) where something is slower by more than this: slower:10%
    #[arg(long, value_name = "WHAT", value_parser = slower, requires = "compare")]
    pub fail_if: Option<f64>,
    /// Measure nothing: show the result of this name
    #[arg(long, value_name = "NAME", conflicts_with_all = ["suites", "file", "save", "samples", "runtimes", "pool"])]
    pub show: Option<String>,
    /// Measure nothing: list the results that were saved
    #[arg(long, conflicts_with_all = ["suites", "file", "save", "samples", "runtimes", "pool", "show", "compare"])]
    pub list: bool,
    /// How to write the result: table, json, csv, md or html [default: as FILE is called, else table]
    #[arg(long, value_name = "HOW", value_parser = format)]
    pub format: Option<Format>,
    /// Where to; - is standard output
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,
}

const BENCH_HELP: &str = "Suites: create, exec, files, select (these four are seed, as the original has them), oneshot, rerun, startup, repl, io, \
output, concurrency, memory, code; all. Ctrl-C ends it and keeps what was measured. A result is called slower or faster \
only where its 95 % interval lies beyond 5 %.

Examples:
  codebeaker bench                                  # everything, on every runtime that is here
  codebeaker bench --file sum.ts -o sum.html        # your code on every runtime, as a report to pass on
  codebeaker bench exec oneshot --runtimes bun,deno --save main
  codebeaker bench exec oneshot --runtimes bun,deno --compare main --fail-if slower:10%
  codebeaker bench seed --compare seed --format md  # the original's four tests beside its published figures";

/// The names of suites, and of groups of them.
fn suites() -> clap::builder::PossibleValuesParser {
    let own =
        Suite::all().iter().map(|suite| clap::builder::PossibleValue::new(suite.name()).help(suite.title()));
    let groups = [("all", "every one"), ("seed", "create, exec, files, select")];
    let groups = groups.map(|(name, help)| clap::builder::PossibleValue::new(name).help(help));
    own.chain(groups).collect::<Vec<_>>().into()
}

/// The share by which something must be slower.
fn slower(text: &str) -> Result<f64, String> {
    let told = || format!("{text:?} is no condition: write slower:10%");
    let share = text.strip_prefix("slower:").and_then(|rest| rest.strip_suffix('%')).ok_or_else(told)?;
    let share: f64 = share.trim().parse().map_err(|_| told())?;
    if (0.0..=10_000.0).contains(&share) {
        Ok(share / 100.0)
    } else {
        Err("the share is between 0 and 10000 %".into())
    }
}

fn format(name: &str) -> Result<Format, String> {
    Format::from_name(name)
        .ok_or_else(|| format!("unknown format {name:?}: use {}", Format::NAMES.join(", ")))
}

/// Arguments of `serve`.
#[derive(Args, Debug, Default)]
#[command(after_help = SERVE_HELP)]
pub struct Serve {
    /// Where to listen [default: 127.0.0.1:5039]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// Let in whoever bears a token of this file, one a line; without it CODEBEAKER_TOKEN holds one
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Serve wss:// with this certificate chain (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Let web pages of this origin connect: https://host:port; can be given several times
    #[arg(long, value_name = "ORIGIN")]
    pub allow_origin: Vec<String>,
    /// A name this server is called by, besides localhost; can be given several times
    #[arg(long, value_name = "HOST")]
    pub allow_host: Vec<String>,
    /// Note every request in this file, a line of JSON each, without code or output
    #[arg(long, value_name = "FILE")]
    pub audit_log: Option<PathBuf>,
    /// When stopped, let what runs go on for so many seconds [default: 10]
    #[arg(long, value_name = "S")]
    pub grace: Option<u64>,
}

const SERVE_HELP: &str =
    "Without a token only this machine is listened to. SIGTERM or Ctrl-C ends it: nothing new is \
taken, what runs may end, sessions are removed.

Examples:
  codebeaker serve
  codebeaker serve --listen 0.0.0.0:5039 --token-file tokens --tls-cert cert.pem --tls-key key.pem
  curl http://localhost:5039/health";

/// Arguments of `doctor`.
#[derive(Args, Debug)]
pub struct Doctor {
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `calibrate`.
#[derive(Args, Debug)]
#[command(after_help = CALIBRATE_HELP)]
pub struct Calibrate {
    /// Only these runtimes: bun, deno, docker, native
    #[arg(long, short, value_name = "RUNTIME,…", value_delimiter = ',', value_parser = runtime)]
    pub runtimes: Vec<RuntimeType>,
    /// Take so many samples of each, of which the median counts [default: 7]
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub samples: Option<u32>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Measure nothing, and forget what was measured
    #[arg(long, conflicts_with = "samples")]
    pub forget: bool,
}

const CALIBRATE_HELP: &str = "Start-up goes from the request for a session, with nothing ready for it, to the first \
that a program of one line writes; with the compiler where there is one. Memory is the most that the session took. Ctrl-C \
ends it and keeps what was measured. The workbench and the server measure by themselves what is not measured yet, when \
nothing else is to be done; calibrate = false in config.toml keeps them from that.";

/// Arguments of `keys`.
#[derive(Args, Debug)]
pub struct Keys {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `setup`.
#[derive(Args, Debug)]
pub struct Setup {
    /// What to fetch; without it, what is missing of Deno and Bun. Docker's images are built
    #[arg(value_name = "deno|bun|docker")]
    pub runtimes: Vec<String>,
    /// Fetch or build anew what is here already, and remove the older ones that were fetched
    #[arg(long)]
    pub update: bool,
    /// Docker: build on this image in place of the official ones; a Debian or Ubuntu will do
    #[arg(long, value_name = "IMAGE")]
    pub base: Option<String>,
    /// Docker: only the image of this language; can be given several times
    #[arg(long, short, value_parser = language)]
    pub language: Vec<Language>,
}

/// The names that people type, with the aliases that the wire knows.
fn language(name: &str) -> Result<Language, String> {
    name.parse()
}

fn runtime(name: &str) -> Result<RuntimeType, String> {
    name.parse().map_err(|_| format!("unknown runtime {name:?}: use bun, deno, native or docker"))
}

fn preference(name: &str) -> Result<RuntimePreference, String> {
    name.parse().map_err(|_| format!("unknown preference {name:?}: use speed, security, memory or balanced"))
}

/// Seconds, also with a fraction; bounded so that no sum of times overflows.
fn timeout(text: &str) -> Result<std::time::Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("{text:?} is not a number of seconds"))?;
    if !(0.001..=31_536_000.0).contains(&seconds) {
        return Err("a time-out is between 0.001 and 31536000 seconds".into());
    }
    Ok(std::time::Duration::from_secs_f64(seconds))
}
