//! The methods' parameters and answers, and the notifications.

use codebeaker::protocol::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Golden;

fn execution() -> ExecutionId {
    "0123456789abcdef0123456789abcdef".into()
}

fn session() -> SessionId {
    "00112233445566778899aabbccddeeff".into()
}

/// What is written with its own words is read with them.
struct Params(Value);

impl Serialize for Params {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(s)
    }
}

fn call<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(
    golden: &mut Golden,
    name: &str,
    call: &T,
) {
    golden.read_by(name, call, |value| from_params(Some(value)));
}

#[test]
fn calls_are_golden() {
    let mut golden = Golden::open("calls");
    let execute = Execute::new(session(), Command::ReadFile(ReadFile { path: "a".into(), encoding: None }));
    for (name, window) in [("session.execute", None), ("session.execute, followed", Some(64))] {
        let call = ExecuteCall { execute: execute.clone(), window };
        assert_eq!(ExecuteCall::from_params(Some(call.to_params())), Ok(call.clone()));
        golden.written(name, Params(call.to_params()));
    }
    let create = CreateCall { create: CreateSession::new(Language::Go), key: Some("once".into()) };
    assert_eq!(CreateCall::from_params(Some(create.to_params())), Ok(create.clone()));
    golden.written("session.create", Params(create.to_params()));
    call(&mut golden, "session.close", &SessionCall { session_id: session() });
    let list = RuntimeListCall { runtime_type: Some(RuntimeType::Deno), refresh: true };
    call(&mut golden, "runtime.list", &list);
    let input = InputCall {
        execution_id: execution(),
        data: "/w==".into(),
        encoding: Some(Encoding::Base64),
        eof: true,
        at: Some(12),
    };
    call(&mut golden, "session.input", &input);
    call(&mut golden, "session.resize", &ResizeCall { execution_id: execution(), rows: 24, cols: 80 });
    let interrupt = InterruptCall { execution_id: Some(execution()), session_id: None, signal: Signal::Term };
    call(&mut golden, "session.interrupt", &interrupt);
    let sessions = SubscribeCall {
        session_id: Some(session()),
        events: EventKind::ALL.to_vec(),
        ..SubscribeCall::default()
    };
    call(&mut golden, "session.subscribe, a session", &sessions);
    let resume = SubscribeCall {
        execution_id: Some(execution()),
        after: Some(7),
        received: Some(1234),
        window: Some(64),
        ..SubscribeCall::default()
    };
    call(&mut golden, "session.subscribe, an execution from where it was", &resume);
    call(&mut golden, "session.unsubscribe", &Subscribed { subscription_id: "s".into() });
    call(&mut golden, "session.ack", &AckCall { execution_id: execution(), seq: 7 });
    let job = JobCall {
        language: Language::Python,
        code: "print(1)".into(),
        stdin: Some("x".into()),
        args: vec!["a".into()],
        timeout: 30.0,
        memory_limit: 512,
        runtime_preference: Some(RuntimePreference::Security),
        runtime_type: None,
    };
    call(&mut golden, "execution.run", &job);
    call(&mut golden, "execution.status", &JobRef { execution_id: execution() });
    let queued = JobStatus { execution_id: execution(), status: JobState::Queued, outcome: None };
    golden.written("execution.status, queued", &queued);
    let outcome = JobOutcome {
        exit_code: 3,
        stdout: "out".into(),
        stderr: "err".into(),
        duration_ms: 12,
        timeout: false,
    };
    golden.written(
        "execution.status, over",
        JobStatus { status: JobState::Failed, outcome: Some(outcome), ..queued },
    );
    golden.finish();
}

#[test]
fn notices_are_golden() {
    let mut golden = Golden::open("notices");
    let at = |subscription: Option<&str>| Moment {
        session_id: session(),
        execution_id: execution(),
        seq: 7,
        subscription_id: subscription.map(str::to_owned),
    };
    let lagged =
        |execution_id, subscription_id| LaggedNotice { execution_id, subscription_id, skipped: 99, seq: 7 };
    let notices = [
        ("session.queued", Notice::Queued(at(None))),
        ("session.started", Notice::Started(at(None))),
        ("session.started, of a subscription", Notice::Started(at(Some("s")))),
        (
            "session.output",
            Notice::Output(OutputNotice::new(at(None), OutputStream::Stdout, "é\n".as_bytes())),
        ),
        ("session.output, bytes", Notice::Output(OutputNotice::new(at(None), OutputStream::Stderr, &[0xff]))),
        ("session.finished", Notice::Finished(FinishedNotice { at: at(None), success: true, result: None })),
        (
            "session.finished, with its result",
            Notice::Finished(FinishedNotice {
                at: at(None),
                success: true,
                result: Some(json!({"success": true})),
            }),
        ),
        (
            "session.state",
            Notice::State(StateNotice {
                session_id: session(),
                seq: 3,
                subscription_id: "s".into(),
                state: SessionState::Closed,
                reason: Some("idle for 30 minutes".into()),
            }),
        ),
        (
            "session.statsSample",
            Notice::StatsSample(StatsNotice {
                session_id: session(),
                seq: 1,
                subscription_id: "s".into(),
                stats: SessionStats { cpu_ms: Some(5), ..SessionStats::default() },
            }),
        ),
        ("session.lagged, output", Notice::Lagged(lagged(Some(execution()), None))),
        ("session.lagged, events", Notice::Lagged(lagged(None, Some("s".into())))),
        (
            "runtime.progress",
            Notice::Progress(ProgressNotice {
                request_id: json!(4),
                progress: Progress::Step { runtime: RuntimeType::Bun, what: "unpacking".into() },
            }),
        ),
    ];
    for (name, notice) in notices {
        let text = notice.to_text();
        assert!(text.is_ascii(), "{text}");
        let Incoming::Request(Request { id: None, method, params: Some(params) }) =
            parse_message(&text).items.remove(0)
        else {
            panic!("{text} is no notification")
        };
        assert_eq!(Notice::read(Notification { method, params }), Ok(Some(notice)));
        golden.written(name, serde_json::from_str::<Value>(&text).unwrap());
    }
    golden.finish();
}
