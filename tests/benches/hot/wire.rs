//! The frames between the host and an agent.

use std::hint::black_box;

use codebeaker::agent::frame::Decoder;
use codebeaker::agent::wire::{CHUNK, Reply, Request, Start};
use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};

/// A command as the engine sends it.
fn start() -> Start {
    let all = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    Start {
        argv: all(&["/usr/bin/python3", "-I", "/workspace/snippet.py"]),
        env: all(&["PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/workspace", "LANG=C.UTF-8", "TERM=dumb"]),
        timeout_ms: 30_000,
        ..Start::default()
    }
}

fn request(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, request: &Request) {
    let mut bytes = Vec::new();
    request.encode(1, &mut bytes);
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    let mut out = Vec::new();
    group.bench_function(format!("encode {name}"), |bencher| {
        bencher.iter(|| {
            out.clear();
            black_box(request).encode(1, &mut out);
        });
    });
    let mut decoder = Decoder::default();
    group.bench_function(format!("decode {name}"), |bencher| {
        bencher.iter(|| {
            decoder.push(black_box(&bytes));
            let frame = decoder.next_frame().unwrap().unwrap();
            Request::decode(&frame).unwrap()
        });
    });
}

fn reply(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, reply: &Reply) {
    let mut bytes = Vec::new();
    reply.encode(1, &mut bytes);
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    let mut out = Vec::new();
    group.bench_function(format!("encode {name}"), |bencher| {
        bencher.iter(|| {
            out.clear();
            black_box(reply).encode(1, &mut out);
        });
    });
    let mut decoder = Decoder::default();
    group.bench_function(format!("decode {name}"), |bencher| {
        bencher.iter(|| {
            decoder.push(black_box(&bytes));
            Reply::decode(decoder.next_frame().unwrap().unwrap()).unwrap()
        });
    });
}

pub fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("agent frames");
    request(&mut group, "a start", &Request::Start(start()));
    request(&mut group, "64 KiB of input", &Request::Stdin(vec![b'x'; CHUNK]));
    reply(&mut group, "16 bytes of output", &Reply::Stdout(vec![b'x'; 16]));
    reply(&mut group, "64 KiB of output", &Reply::Stdout(vec![b'x'; CHUNK]));
    group.finish();
}
