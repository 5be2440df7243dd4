//! Output on its way into the lines that are kept: messages of 64 KiB, the size the workbench is told it in.

use bytes::Bytes;
use codebeaker::protocol::{ExecutionId, OutputStream, RuntimeType};
use codebeaker::tui::{Effect, Msg, RunMsg, SessionMsg};
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use crossterm::event::KeyCode;

use crate::tui_support::{self, Bench, key};

/// Bytes of a message.
const CHUNK: usize = 64 * 1024;
/// More lines than are kept of a run.
const MORE_THAN_KEPT: usize = 12_000;

const PLAIN: &str = "a line of a program that prints and prints, number and all\n";
const COLOURED: &str = "\x1b[32m  PASS\x1b[0m  \x1b[1msrc/\x1b[38;5;208mtotal\x1b[0m.ts \x1b[2m(12 ms)\x1b[0m \x1b[38;2;90;160;220mtwice\x1b[0m\n";
const WIDE: &str = "größer, schöner, weiter ✓ 一行の出力 e\u{301}\n";

/// A workbench with a program that runs in it.
pub fn running() -> (Bench, u32) {
    let mut bench = Bench::new(120, 36);
    bench.found(&[RuntimeType::Bun, RuntimeType::NativeProcess]);
    bench.press(tui_support::typed("x")).press([key(KeyCode::F(5))]);
    let created = bench.effects.iter().rev().find_map(|effect| match effect {
        Effect::CreateSession { run: Some(run), params } => Some((*run, params.language)),
        _ => None,
    });
    let (run, language) = created.unwrap();
    let info = Box::new(tui_support::session("s1", language, RuntimeType::Bun));
    bench.tell(Msg::Session(SessionMsg::Created { run: Some(run), result: Ok(info) }));
    bench.tell(Msg::Run(RunMsg::Accepted(run, ExecutionId::from("e"))));
    bench.tell(Msg::Run(RunMsg::Started(run)));
    (bench, run)
}

/// What a program writes, cut into messages.
fn repeated(line: &str, bytes: usize) -> Bytes {
    Bytes::from(line.repeat(bytes / line.len()))
}

fn writes(bench: &mut Bench, run: u32, bytes: &Bytes) {
    bench.tell(Msg::Run(RunMsg::Output(run, vec![(OutputStream::Stdout, bytes.clone())])));
}

fn pushes(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, bytes: &Bytes, full: bool) {
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    if full {
        let (mut bench, run) = running();
        writes(&mut bench, run, &repeated(PLAIN, PLAIN.len() * MORE_THAN_KEPT));
        group.bench_function(name, |bencher| bencher.iter(|| writes(&mut bench, run, bytes)));
        return;
    }
    group.bench_function(name, |bencher| {
        let pushed = |(bench, run): &mut (Bench, u32)| writes(bench, *run, bytes);
        bencher.iter_batched_ref(running, pushed, BatchSize::SmallInput);
    });
}

pub fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("output, 64 KiB (goal 50 MB per second)");
    pushes(&mut group, "plain lines", &repeated(PLAIN, CHUNK), false);
    pushes(&mut group, "plain lines, each for an old one", &repeated(PLAIN, CHUNK), true);
    pushes(&mut group, "lines with colours", &repeated(COLOURED, CHUNK), false);
    pushes(&mut group, "lines with colours, each for an old one", &repeated(COLOURED, CHUNK), true);
    pushes(&mut group, "lines beyond ASCII", &repeated(WIDE, CHUNK), false);
    pushes(&mut group, "one long line", &repeated("long ", CHUNK), false);
    pushes(&mut group, "empty lines, each for an old one", &repeated("\n", CHUNK), true);
    group.finish();
}
