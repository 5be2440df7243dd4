//! What the walls cost: launching an agent behind each, and a command inside, against an agent that nothing confines.
//!
//! `cargo bench --bench sandbox [-- ROUNDS [PAUSE_MS]]`, with a pause before each command as a person makes one: what the
//! kernel has to be made ready for shows only then. Interleaved, in another order each round; medians, and the medians of the
//! differences within a round. Nothing is asserted: the machine's load is in every figure.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use codebeaker::engine::{Embedded, Engine, EngineSettings};
use codebeaker::protocol::{
    Command, CreateSession, Execute, ExecuteShell, Language, RuntimeType, SessionId, WriteFile,
};
use codebeaker::provision;
use codebeaker::runtimes::{self, RuntimeSettings, Tier};

const TIERS: [Tier; 3] = [Tier::Unconfined, Tier::Landlock, Tier::Namespaces];
/// Commands in each session.
const COMMANDS: usize = 10;

/// An engine whose sessions stand behind one wall.
fn engine(state: &std::path::Path, tier: Tier) -> Arc<Embedded> {
    // Programs that every user may execute: without namespaces a root's sessions are users of their own.
    let path = Some("/usr/local/bin:/usr/bin:/bin".into());
    let provision = provision::Settings { search_path: path, ..provision::Settings::from_env() };
    let settings = RuntimeSettings {
        launcher: env!("CARGO_BIN_EXE_codebeaker").into(),
        allow_unconfined: true,
        only: Some(tier),
        ..RuntimeSettings::new(provision, Some(state.join("runtimes.json")))
    };
    Arc::new(Embedded::new(EngineSettings::new(state.join("sessions")), runtimes::all(settings)).unwrap())
}

async fn session(engine: &Embedded) -> SessionId {
    let params = CreateSession {
        runtime_type: Some(RuntimeType::NativeProcess),
        ..CreateSession::new(Language::Python)
    };
    engine.create_session(params).await.unwrap().session_id
}

async fn execute(engine: &Embedded, session: &SessionId, command: Command) -> Duration {
    let begin = Instant::now();
    let execution = engine.execute(Execute::new(session.clone(), command)).await.unwrap();
    let result = execution.finished().await.unwrap();
    assert!(result.success, "{result:?}");
    begin.elapsed()
}

#[derive(Default)]
struct Figures {
    launch: Vec<Duration>,
    command: Vec<Duration>,
    write: Vec<Duration>,
    close: Vec<Duration>,
}

async fn round(engine: &Embedded, pause: Duration, figures: &mut Figures) {
    let begin = Instant::now();
    let id = session(engine).await;
    figures.launch.push(begin.elapsed());
    let mut commands = Vec::new();
    let mut writes = Vec::new();
    for _ in 0..COMMANDS {
        let run =
            Command::ExecuteShell(ExecuteShell { command_name: "true".into(), ..ExecuteShell::default() });
        tokio::time::sleep(pause).await;
        commands.push(execute(engine, &id, run).await);
        writes.push(execute(engine, &id, Command::WriteFile(WriteFile::bytes("file", b"1"))).await);
    }
    figures.command.push(median(&mut commands));
    figures.write.push(median(&mut writes));
    let begin = Instant::now();
    engine.close_session(&id).await.unwrap();
    figures.close.push(begin.elapsed());
}

fn median<T: Ord + Copy>(values: &mut [T]) -> T {
    values.sort_unstable();
    values[values.len() / 2]
}

fn print(name: &str, of: impl Fn(&Figures) -> &Vec<Duration>, figures: &[Figures]) {
    let bare = of(&figures[0]);
    for (tier, figures) in TIERS.iter().zip(figures) {
        let own = of(figures);
        let mut sorted = own.clone();
        let ms = |us: i64| us as f64 / 1000.0;
        let micros = |d: &Duration| d.as_micros() as i64;
        let mut more: Vec<i64> = own.iter().zip(bare).map(|(a, b)| micros(a) - micros(b)).collect();
        let middle = ms(micros(&median(&mut sorted)));
        println!(
            "{name:<8} {:<11} median {middle:>7.2} ms   more than bare {:>6.2} ms",
            tier.name(),
            ms(median(&mut more))
        );
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|a| a.parse().ok());
    let rounds = numbers.next().unwrap_or(60);
    let pause = Duration::from_millis(numbers.next().unwrap_or(0) as u64);
    let root = tempfile::tempdir().unwrap();
    let engines = TIERS.map(|tier| {
        let state = root.path().join(tier.name());
        std::fs::create_dir(&state).unwrap();
        engine(&state, tier)
    });
    let mut figures: Vec<Figures> = TIERS.iter().map(|_| Figures::default()).collect();
    for number in 0..=rounds {
        for at in 0..TIERS.len() {
            let at = (at + number) % TIERS.len();
            round(&engines[at], pause, &mut figures[at]).await;
        }
        if number == 0 {
            // The first of each tests its wall, and reads everything from disk.
            figures = TIERS.iter().map(|_| Figures::default()).collect();
        }
    }
    println!("{rounds} rounds, {COMMANDS} commands in each session");
    print("launch", |f| &f.launch, &figures);
    print("command", |f| &f.command, &figures);
    print("write", |f| &f.write, &figures);
    print("close", |f| &f.close, &figures);
    for engine in engines {
        engine.shutdown().await;
    }
}
