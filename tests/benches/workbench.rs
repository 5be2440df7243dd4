//! What the workbench costs the person before it: the first frame, a key on the screen, output in a flood, and rest.
//!
//! `cargo bench --bench workbench [-- ROUNDS]`. The built binary in a real terminal of 120x36, and beside it the floor: a
//! program of five empty panes on the same libraries (this bench itself, run again). Both are started and typed into in
//! turn. Nothing is asserted: the machine's load is in every figure.
#![allow(missing_docs, dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/person.rs"]
mod person;

use std::io::Write as _;
use std::time::{Duration, Instant};

use person::Person;

/// Set in the process that is the floor.
const FLOOR: &str = "floor";
/// Keys typed into each program in a round.
const KEYS: usize = 50;
/// What is typed: nothing else on the screen looks like it.
const TYPED: &str = "ж";
/// From one key to the next, as a fast person types.
const BETWEEN: Duration = Duration::from_millis(20);
/// What the flood prints, in bytes.
const FLOOD: u64 = 1 << 30;

fn require(_: &str, found: Result<(), String>) -> bool {
    found.is_ok()
}

/// Five frames and a counter of keys, drawn when a key comes: what the libraries cost before any feature.
fn floor() {
    use ratatui::layout::{Constraint, Layout};
    use ratatui::widgets::{Block, Paragraph};
    let mut terminal = ratatui::init();
    let mut keys = String::new();
    loop {
        let drawn = terminal.draw(|frame| {
            let columns =
                Layout::horizontal([Constraint::Length(27), Constraint::Fill(1), Constraint::Length(35)])
                    .split(frame.area());
            let rows = Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]);
            for (at, area) in columns.iter().flat_map(|c| rows.split(*c).to_vec()).enumerate() {
                let text = if at == 2 { format!("codebeaker {keys}") } else { String::new() };
                frame.render_widget(Paragraph::new(text).block(Block::bordered()), area);
            }
        });
        drawn.unwrap();
        match crossterm::event::read().unwrap() {
            crossterm::event::Event::Key(key) if key.code == crossterm::event::KeyCode::Char('q') => break,
            crossterm::event::Event::Key(key) => match key.code {
                crossterm::event::KeyCode::Backspace => drop(keys.pop()),
                code => keys += &code.to_string(),
            },
            _ => {}
        }
    }
    ratatui::restore();
}

/// The value below which `part` of them are.
fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (part * (values.len() as f64 - 1.0)).round() as usize;
    values.get(at).copied().unwrap_or(f64::NAN)
}

fn row(what: &str, values: &mut [f64], goal: &str) {
    let (p50, p95, p99) = (quantile(values, 0.5), quantile(values, 0.95), quantile(values, 0.99));
    println!(
        "  {what:<38} p50 {p50:>7.2} ms   p95 {p95:>7.2}   p99 {p99:>7.2}   n {:<5} {goal}",
        values.len()
    );
}

/// Memory that is resident now and was at most, in MB.
fn memory(person: &Person) -> (f64, f64) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", person.child.id().unwrap())).unwrap();
    let of = |name: &str| {
        let line = status.lines().find_map(|l| l.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap() / 1024.0
    };
    (of("VmRSS:"), of("VmHWM:"))
}

/// Reads until nothing comes for a while.
async fn settles(person: &mut Person, quiet: Duration) {
    while tokio::time::timeout(quiet, person.read_some()).await == Ok(true) {}
}

async fn first_frame(program: &str, args: &[&str], path: &str) -> (f64, Person) {
    let mut person = Person::start(36, 120, program, args, path);
    person.sees("codebeaker").await;
    (person.first_frame.unwrap().as_secs_f64() * 1e3, person)
}

/// From a key to the screen that shows it. What is typed is taken back by every second key: the screen stays as it is.
async fn keys(person: &mut Person, count: usize) -> Vec<f64> {
    let mut times = Vec::new();
    let shown = |p: &Person| p.text().matches(TYPED).count();
    for n in 0..count {
        let before = shown(person);
        let key = if n % 2 == 0 { TYPED } else { "\x7f" };
        let begun = Instant::now();
        person.types(key).await;
        while shown(person) == before && person.read_some().await {}
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(BETWEEN).await;
    }
    times
}

async fn starts_and_keys(rounds: usize, this: &str, path: &str) {
    let (mut ours, mut floors) = (Vec::new(), Vec::new());
    let (mut our_keys, mut floor_keys) = (Vec::new(), Vec::new());
    let mut empty = Vec::new();
    for _ in 0..rounds {
        let (time, mut floor) = first_frame(this, &[FLOOR], path).await;
        floors.push(time);
        let (time, mut person) =
            first_frame(env!("CARGO_BIN_EXE_codebeaker"), &["open", "keys.py"], path).await;
        ours.push(time);
        settles(&mut floor, Duration::from_millis(100)).await;
        settles(&mut person, Duration::from_secs(1)).await;
        empty.push(memory(&person).0);
        floor_keys.extend(keys(&mut floor, KEYS).await);
        our_keys.extend(keys(&mut person, KEYS).await);
        floor.types("q").await;
        floor.child.wait().await.unwrap();
        person.types("\x11\x11").await;
        settles(&mut person, Duration::from_millis(300)).await;
        person.child.wait().await.unwrap();
    }
    println!("at rest, {rounds} rounds in turn");
    row("first frame", &mut ours, "(20, 40)");
    row("first frame of the floor", &mut floors, "");
    row("key to paint", &mut our_keys, "(2, -, 8)");
    row("key to paint of the floor", &mut floor_keys, "");
    println!("  resident, a second after the start: {:.1} MB", quantile(&mut empty, 0.5));
}

async fn flood(path: &str) {
    let program = format!(
        "import os\nline = b'a line of a program that prints and prints, number and all\\n'\nblock = line * 1024\nleft = {FLOOD}\nwhile left > 0:\n    left -= os.write(1, block)\n"
    );
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("flood.py");
    std::fs::File::create(&file).unwrap().write_all(program.as_bytes()).unwrap();
    let mut person = Person::open(36, 120, &["open", file.to_str().unwrap()], path);
    person.sees("block").await;
    settles(&mut person, Duration::from_secs(1)).await;
    person.types("\x1b[15~").await;
    person.sees_that("output", |text| text.matches("a line of a program").count() > 3).await;
    let (begun, bytes) = (Instant::now(), person.bytes.len());
    let mut times = keys(&mut person, 100).await;
    let written = (person.bytes.len() - bytes) as f64 / begun.elapsed().as_secs_f64();
    person.sees("exit 0").await;
    let took = begun.elapsed().as_secs_f64();
    settles(&mut person, Duration::from_millis(500)).await;
    println!("while a program prints 1 GiB");
    row("key to paint", &mut times, "(-, -, 16)");
    println!("  drained: about {:.0} MB/s (50)", FLOOD as f64 / 1e6 / took);
    println!("  to the terminal: {:.0} kB/s (100)", written / 1e3);
    let (now, most) = memory(&person);
    println!("  resident after it: {now:.1} MB, at most {most:.1} MB (30)");
    person.types("\x11\x11").await;
    settles(&mut person, Duration::from_secs(1)).await;
}

async fn rest(path: &str) {
    let mut person = Person::open(36, 120, &[], path);
    settles(&mut person, Duration::from_secs(5)).await;
    // Threads that were needed to begin end after ten seconds of rest.
    tokio::time::sleep(Duration::from_secs(11)).await;
    let (bytes, switches, begun) = (person.bytes.len(), person.switches(), Instant::now());
    let _ = tokio::time::timeout(Duration::from_secs(8), person.read_some()).await;
    let woken = person.switches().saturating_sub(switches) as f64 / begun.elapsed().as_secs_f64();
    println!(
        "at rest: {} bytes drawn in 8 s, {woken:.2} wake-ups a second (0, 1), {:.1} MB resident (12)",
        person.bytes.len() - bytes,
        memory(&person).0
    );
    person.types("\x11\x11").await;
    settles(&mut person, Duration::from_millis(300)).await;
}

fn main() {
    let mut args = std::env::args().skip(1).filter(|a| !a.starts_with("--"));
    let first = args.next();
    if first.as_deref() == Some(FLOOR) {
        return floor();
    }
    let rounds = first.and_then(|n| n.parse().ok()).unwrap_or(10);
    let this = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let path = person::path().expect("there is a python3");
        starts_and_keys(rounds, &this, &path).await;
        rest(&path).await;
        flood(&path).await;
    });
}
