//! `codebeaker serve`: the engine of this machine, for clients elsewhere.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::DaemonSettings;
use crate::engine::{Engine, Token};
use crate::server::{Bounds, Certificate, LISTEN, ServeError, Server, ServerSettings};

use super::args;
use super::calibration::Calibrating;
use super::exit::{self, Problem};
use super::signals::Signals;
use super::surroundings::{Surroundings, count, shut_down};

/// The variable that holds the token.
pub const TOKEN_VARIABLE: &str = "CODEBEAKER_TOKEN";
/// The longest file of tokens that is read.
const TOKEN_FILE: u64 = 64 << 10;

/// Serves until a signal says that it is enough.
pub async fn serve(args: args::Serve) -> Result<ExitCode, Problem> {
    let surroundings = Surroundings::read()?;
    surroundings.warn();
    let settings = settings(&args, &surroundings.settings.server)?;
    let grace = settings.grace;
    raise_descriptors();
    let mut signals = Signals::listen()?;
    let engine = surroundings.engine()?;
    let server = match Server::bind(settings.clone(), engine.clone()).await {
        Ok(server) => server,
        Err(error) => {
            shut_down(engine.as_ref()).await;
            return Err(error.into());
        }
    };
    announce(&server, &settings);
    let calibrating = Calibrating::begin(&surroundings, &engine);
    let stop = CancellationToken::new();
    let serving = tokio::spawn(server.run(stop.clone()));
    let signal = tokio::select! {
        signal = signals.next() => signal,
        // What is found of runtimes is told once; that takes as long as it takes.
        () = tell_runtimes(engine.as_ref()) => signals.next().await,
    };
    exit::say(format_args!("{signal}: ending; what runs has {} s, once more ends it now", grace.as_secs()));
    stop.cancel();
    let hurried = tokio::select! {
        _ = serving => false,
        () = hurry(&mut signals) => true,
    };
    if let Some(calibrating) = calibrating {
        let hurry = async {
            if !hurried {
                hurry(&mut signals).await;
            }
        };
        calibrating.end_sooner(hurry).await;
    }
    let sessions = engine.sessions().await.map_or(0, |all| all.len());
    shut_down(engine.as_ref()).await;
    exit::say(match sessions {
        0 => "ended".to_owned(),
        1 => "ended; its session is removed".to_owned(),
        n => format!("ended; its {n} sessions are removed"),
    });
    Ok(ExitCode::SUCCESS)
}

/// Waits for one more signal.
async fn hurry(signals: &mut Signals) {
    signals.next().await;
    exit::say("ending now");
}

impl From<ServeError> for Problem {
    fn from(error: ServeError) -> Self {
        let next = match &error {
            ServeError::Unguarded(_) => {
                "give it a token (--token-file FILE, or CODEBEAKER_TOKEN), or listen at 127.0.0.1 only"
                    .to_owned()
            }
            ServeError::WeakToken => "openssl rand -hex 32 makes a good one".to_owned(),
            ServeError::Listen { taken: true, .. } => {
                "is another codebeaker serve running? --listen takes another port".to_owned()
            }
            ServeError::Listen { .. } => "choose another address with --listen".to_owned(),
            ServeError::Certificate { .. } => "--tls-cert and --tls-key take PEM files".to_owned(),
            ServeError::Audit { .. } => "choose another file with --audit-log".to_owned(),
        };
        Self::new(error.to_string(), next)
    }
}

/// Arguments win over the settings.
fn settings(args: &args::Serve, set: &DaemonSettings) -> Result<ServerSettings, Problem> {
    let listen = args.listen.clone().or(set.listen.clone()).unwrap_or_else(|| LISTEN.to_owned());
    let either =
        |given: &Option<PathBuf>, set: &Option<String>| given.clone().or(set.clone().map(PathBuf::from));
    let tls = match (either(&args.tls_cert, &set.tls_cert), either(&args.tls_key, &set.tls_key)) {
        (Some(chain), Some(key)) => Some(Certificate { chain, key }),
        (None, None) => None,
        _ => return Err(Problem::new("a certificate goes with its key", "set both tls_cert and tls_key")),
    };
    let lists = |given: &[String], set: &[String]| given.iter().chain(set).cloned().collect();
    let default = ServerSettings::new(address(&listen)?);
    Ok(ServerSettings {
        tokens: tokens(either(&args.token_file, &set.token_file))?,
        tls,
        origins: lists(&args.allow_origin, &set.allow_origins),
        hosts: lists(&args.allow_host, &set.allow_hosts),
        audit: either(&args.audit_log, &set.audit_log),
        grace: args.grace.or(set.grace_seconds).map_or(default.grace, Duration::from_secs),
        bounds: bounds(set),
        ..default
    })
}

/// `host:port`, or a port or a host alone.
fn address(text: &str) -> Result<SocketAddr, Problem> {
    let problem =
        |why: String| Problem::new(why, "an address is 127.0.0.1:5039, [::1]:5039 or localhost:5039");
    if let Ok(port) = text.parse::<u16>() {
        return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    let found =
        text.to_socket_addrs().map_err(|e| problem(format!("{text:?} is no address to listen at: {e}")));
    found?.next().ok_or_else(|| problem(format!("{text:?} has no address")))
}

/// The tokens of a file, or the one of the variable.
fn tokens(file: Option<PathBuf>) -> Result<Vec<Token>, Problem> {
    let Some(file) = file else {
        let token = std::env::var(TOKEN_VARIABLE).ok().filter(|token| !token.trim().is_empty());
        return Ok(token.map(|token| Token::new(&token)).into_iter().collect());
    };
    let tokens = read_tokens(&file)?;
    if tokens.is_empty() {
        let message = format!("{} holds no token", file.display());
        return Err(Problem::new(message, "write one a line: openssl rand -hex 32 makes a good one"));
    }
    Ok(tokens)
}

/// The tokens of a file, one a line; what begins with # is a remark. One that others may read is told of.
pub fn read_tokens(file: &Path) -> Result<Vec<Token>, Problem> {
    use std::os::unix::fs::MetadataExt as _;
    let unusable = |why: String| {
        Problem::new(format!("the token file {} can't be used: {why}", file.display()), "check its name")
    };
    let about = std::fs::metadata(file).map_err(|e| unusable(e.to_string()))?;
    if about.len() > TOKEN_FILE {
        return Err(unusable("it is too large".to_owned()));
    }
    // Somebody else's file is his to keep.
    let own = about.uid() == rustix::process::geteuid().as_raw();
    if own && about.mode() & 0o077 != 0 {
        let path = file.display();
        exit::say(format_args!("note: others can read {path}; chmod 600 {path} keeps it to yourself"));
    }
    let text = std::fs::read_to_string(file).map_err(|e| unusable(e.to_string()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(Token::new).collect())
}

fn bounds(set: &DaemonSettings) -> Bounds {
    let default = Bounds::default();
    // None of these is of use at 0; without a limit is a large number.
    let set = &DaemonSettings {
        connections: set.connections.filter(|n| *n > 0),
        executions: set.executions.filter(|n| *n > 0),
        message_mb: set.message_mb.filter(|n| *n > 0),
        in_flight: set.in_flight.filter(|n| *n > 0),
        idle_minutes: set.idle_minutes.filter(|n| *n > 0),
        jobs: set.jobs.filter(|n| *n > 0),
        ..set.clone()
    };
    let rate =
        |set: Option<u64>, default: u32| set.map_or(default, |rate| u32::try_from(rate).unwrap_or(u32::MAX));
    let time = |set: Option<u64>, unit: u64, default: Duration| {
        set.map_or(default, |count| Duration::from_secs(count.saturating_mul(unit)))
    };
    let bytes = |set: Option<u64>, unit: u64, default: usize| {
        count(set.map(|count| count.saturating_mul(unit)), default)
    };
    Bounds {
        connections: count(set.connections, default.connections),
        message_bytes: bytes(set.message_mb, 1 << 20, default.message_bytes),
        in_flight: count(set.in_flight, default.in_flight),
        connection_rate: rate(set.connection_rate, default.connection_rate),
        token_rate: rate(set.token_rate, default.token_rate),
        executions: count(set.executions, default.executions),
        followed_bytes: bytes(set.output_kb, 1 << 10, default.followed_bytes),
        idle: time(set.idle_minutes, 60, default.idle),
        jobs: count(set.jobs, default.jobs),
        workers: count(set.job_workers, default.workers),
        job_kept: time(set.job_kept_minutes, 60, default.job_kept),
        ..default
    }
}

/// A connection is a descriptor, and so is much of a session: takes as many as the system lets us have.
fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where it is refused the old limit stands, and what goes beyond it is refused one by one.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

fn announce(server: &Server, settings: &ServerSettings) {
    let scheme = if settings.tls.is_some() { "wss" } else { "ws" };
    let address = server.address();
    exit::say(format_args!("serving at {scheme}://{address}/ws/jsonrpc; Ctrl-C ends it"));
    if let Some(remark) = settings.tls.as_ref().and_then(Certificate::remark) {
        exit::say(format_args!("note: {remark}"));
    }
    let guard = match (settings.tokens.len(), settings.tls.is_some()) {
        (0, _) => "no token is asked for: whoever can reach this address on this machine can run code",
        (_, true) => "a token is asked for",
        (_, false) => "a token is asked for; without TLS clients send it to this machine only",
    };
    exit::say(guard);
}

async fn tell_runtimes(engine: &dyn Engine) {
    let all = engine.runtime_types();
    let found =
        futures_util::future::join_all(all.iter().map(|runtime| engine.runtime(*runtime, false))).await;
    let words: Vec<String> = found
        .into_iter()
        .flatten()
        .map(|info| {
            let state = if info.available { "ready" } else { "not here" };
            format!("{} {state}", info.runtime.short())
        })
        .collect();
    exit::say(format_args!("runtimes: {}; codebeaker doctor tells more", words.join(", ")));
}
