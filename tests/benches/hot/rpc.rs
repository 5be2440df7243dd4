//! JSON-RPC: what a server and its client do with the text of one message.

use std::hint::black_box;

use codebeaker::protocol::{
    Command, CommandOutput, ExecuteCall, ExecuteResult, Id, Incoming, Method, Moment, Notice, Notification,
    OutputNotice, OutputStream, ProcessResult, Request, Response, WireName as _, parse_documents,
    parse_message,
};
use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};

use crate::tui_support::finished;

/// Calls in the batch.
const BATCH: usize = 16;

const EXECUTE: &str = r#"{"jsonrpc":"2.0","id":17,"method":"session.execute","params":{"sessionId":"00112233445566778899aabbccddeeff","command":{"type":"execute_code","code":"primes = [n for n in range(2, 50) if all(n % p for p in range(2, n))]\nprint(*primes)\n","language":"python"},"stream":true,"window":64}}"#;

/// The calls of a message, as a server reads them.
fn calls(text: &str) -> impl Iterator<Item = ExecuteCall> {
    let items = parse_documents(text).into_iter().flat_map(|document| document.items);
    items.map(|item| {
        let Incoming::Request(request) = item else { panic!("{item:?}") };
        ExecuteCall::from_params(request.params).unwrap()
    })
}

/// The answer to a command, as a client reads it.
fn answer(command: &Command, text: &str) -> ExecuteResult {
    match parse_message(text).items.remove(0) {
        Incoming::Response(response) => ExecuteResult::from_json(command, response.result.unwrap()).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// What is told, as a client reads it.
fn told(text: &str) -> Notice {
    match parse_message(text).items.remove(0) {
        Incoming::Request(Request { method, params, .. }) => {
            Notice::read(Notification { method, params: params.unwrap() }).unwrap().unwrap()
        }
        other => panic!("{other:?}"),
    }
}

fn output(text: &str) -> Notice {
    let at = Moment {
        session_id: "00112233445566778899aabbccddeeff".into(),
        execution_id: "0123456789abcdef0123456789abcdef".into(),
        seq: 1234,
        subscription_id: None,
    };
    Notice::Output(OutputNotice::new(at, OutputStream::Stdout, text.as_bytes()))
}

fn result() -> ExecuteResult {
    let process = ProcessResult {
        exit_code: 0,
        stdout: "2 3 5 7 11 13 17 19 23 29 31 37 41 43 47\n".into(),
        duration_ms: 12,
        ..ProcessResult::default()
    };
    ExecuteResult { result: Some(CommandOutput::Process(process)), ..*finished(0) }
}

/// 4 KiB of lines.
fn lines(line: &str) -> String {
    let mut text = line.repeat(4096 / line.len());
    text += &".".repeat(4096 - text.len());
    text
}

fn pair<T, U>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    encode: impl Fn() -> String,
    decode: impl Fn(&str) -> T,
    look: impl Fn(T) -> U,
) {
    let text = encode();
    look(decode(&text));
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function(format!("encode {name}"), |bencher| bencher.iter(&encode));
    group.bench_function(format!("decode {name}"), |bencher| bencher.iter(|| decode(black_box(&text))));
}

pub fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("json-rpc");
    let call = calls(EXECUTE).next().unwrap();
    let request = |id| Request {
        id: Some(Id::number(id)),
        method: Method::SessionExecute.name().to_owned(),
        params: Some(call.to_params()),
    };
    pair(
        &mut group,
        "session.execute",
        || request(17).to_text(),
        |text| calls(text).next().unwrap(),
        |read| {
            assert_eq!(read, call);
        },
    );
    let batch = || {
        let calls = (0..BATCH as u64).map(|id| request(id).to_text());
        format!("[{}]", calls.collect::<Vec<_>>().join(","))
    };
    pair(
        &mut group,
        "a batch of 16",
        batch,
        |text| calls(text).collect::<Vec<_>>(),
        |read| {
            assert_eq!(read.len(), BATCH);
        },
    );
    let (id, whole) = (Id::number(17), result());
    pair(
        &mut group,
        "a result",
        || Response::text_of(&id, &serde_json::to_string(black_box(&whole)).unwrap()),
        |text| answer(&call.execute.command.command, text),
        |read| assert_eq!(read, whole),
    );
    for (name, line) in [
        ("4 KiB of output", "a line of a program that prints and prints, number and all\n"),
        ("4 KiB of umlauts", "größer, schöner, weiter: eine Zeile in deutscher Sprache ✓\n"),
    ] {
        let notice = output(&lines(line));
        pair(&mut group, name, || black_box(&notice).to_text(), told, |read| assert_eq!(read, notice));
    }
    group.finish();
}
