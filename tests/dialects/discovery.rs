//! What a server is found out to be, without a trace.

use codebeaker::engine::{Engine as _, InterruptTarget, Link};
use codebeaker::protocol::{
    Command, ErrorKind, ExecuteCode, ExecuteShell, ExecutionId, Failure, Language, Provision, PtySize,
    RuntimeType, SelectParams, SessionId, Signal,
};
use codebeaker::remote::{Address, RemoteError, attach};

use crate::support::original::{Era, Fault, Kind, StandIn};
use crate::{ALL, OriginalOptions, Rig, timely};

#[tokio::test]
async fn the_version_is_told_and_no_session_made_for_that() {
    for (era, kind) in ALL {
        let rig = Rig::new(era, kind).await;
        assert_eq!(rig.server.count("session.create"), 0, "{era:?}");
        let mut name = rig.engine.info().await.unwrap().version;
        if era == Era::E {
            // Only what is told of a session tells it from the one before.
            assert_eq!(name, "era d");
            rig.create().await;
            name = rig.engine.info().await.unwrap().version;
        }
        let expected = match era {
            Era::A => "era a",
            Era::B => "era b",
            Era::C => "era c",
            Era::LateC => "era c+",
            Era::D => "era d",
            Era::E | Era::Documented => "era e",
        };
        assert_eq!(name, expected);
        rig.leave_clean().await;
    }
}

#[tokio::test]
async fn a_session_that_is_there_tells_the_last_version() {
    let first = Rig::new(Era::E, Kind::Bun).await;
    first.create().await;
    let second = crate::attach(&first.server, OriginalOptions::default()).await;
    assert_eq!(second.info().await.unwrap().version, "era e");
    let found = second.sessions().await.unwrap();
    assert_eq!(found.iter().map(|s| s.runtime_type).collect::<Vec<_>>(), [RuntimeType::Bun]);
    timely(second.shutdown()).await;
    drop(second);
    first.leave_clean().await;
}

#[tokio::test]
async fn what_is_known_of_all_such_servers_is_told() {
    let rig = Rig::new(Era::D, Kind::Deno).await;
    let info = rig.engine.info().await.unwrap();
    assert_eq!((info.name.as_str(), info.protocol_version.as_str()), ("CodeBeaker original", "0.2.0"));
    assert!(info.supported_languages.contains(&Language::TypeScript), "{info:?}");
    assert!(!info.server_capabilities.supports_streaming);
    let types = [RuntimeType::Docker, RuntimeType::Deno, RuntimeType::Bun, RuntimeType::NativeProcess];
    assert_eq!(rig.engine.runtime_types(), types);
    let deno = rig.engine.runtime(RuntimeType::Deno, false).await.unwrap();
    assert!(deno.available && deno.version.is_none() && deno.isolation.tier.is_empty());
    assert_eq!(deno.languages, [Language::JavaScript, Language::TypeScript]);
    let link = rig.engine.link();
    let Link::Up(up) = link.borrow().clone() else { panic!() };
    assert!(up.missing.iter().any(|what| what == "streaming") && up.round_trip.is_some());
    assert_eq!(up.software, "CodeBeaker original, era d");
    rig.leave_clean().await;

    let rig = Rig::new(Era::A, Kind::Docker).await;
    assert_eq!(rig.engine.runtime_types(), [RuntimeType::Docker]);
    let missing = rig.engine.runtime(RuntimeType::Bun, false).await.unwrap_err();
    assert_eq!(missing.kind, ErrorKind::NoRuntime);
}

#[tokio::test]
async fn what_it_can_not_do_it_says_and_what_to_do_instead() {
    let rig = Rig::new(Era::D, Kind::Bun).await;
    let (engine, id) = (&rig.engine, rig.create().await);
    let execution = ExecutionId::from("x");
    let select = SelectParams { language: Language::Python, runtime_preference: None, runtime_type: None };
    let (progress, _progress) = tokio::sync::mpsc::channel(1);
    let failures: [Failure; 6] = [
        engine.input(&execution, "y\n".into(), false).await.unwrap_err(),
        engine.resize(&execution, 24, 80).await.unwrap_err(),
        engine.interrupt(InterruptTarget::Session(id.clone()), Signal::Int).await.unwrap_err(),
        engine.stats(&id).await.unwrap_err(),
        engine.select(select).await.unwrap_err(),
        engine.provision(Provision::all(RuntimeType::Bun), progress).await.unwrap_err(),
    ];
    for failure in failures {
        assert_eq!(failure.kind, ErrorKind::NotAvailable);
        assert!(failure.message.starts_with("this server can't ") && !failure.hint.is_empty());
    }
    let pty = Some(PtySize { rows: 24, cols: 80 });
    let shell = ExecuteShell { command_name: "tty".into(), pty, ..ExecuteShell::default() };
    let code = ExecuteCode { code: "1".into(), pty, ..ExecuteCode::default() };
    for command in [Command::ExecuteShell(shell), Command::ExecuteCode(code)] {
        let refused = rig.execute(&id, command).await;
        assert!(!refused.success && refused.error.unwrap().contains("no terminal on this server"));
    }
    rig.leave_clean().await;
}

#[tokio::test]
async fn nobody_there_and_somebody_who_never_answers_are_told_apart() {
    let mut server = StandIn::start(Era::D, Kind::Bun).await;
    let address = Address::parse(&server.address).unwrap();
    server.fail("initialize", Fault::Silence);
    let options =
        OriginalOptions { control: std::time::Duration::from_millis(50), ..OriginalOptions::default() };
    let silent = timely(codebeaker::remote::Original::attach(address.clone(), None, options)).await;
    let Err(RemoteError::Transport { kind: ErrorKind::Unknown, message, .. }) = silent else {
        panic!("it was attached to")
    };
    assert!(message.contains("did not answer initialize within 0.05 s"), "{message}");
    timely(server.go_down()).await;
    let Err(nobody) = timely(attach(address, None)).await else { panic!("it was attached to") };
    assert_eq!(Failure::from(nobody).kind, ErrorKind::Unreachable);
}

#[tokio::test]
async fn an_unknown_session_is_unknown_and_counts_as_closed() {
    let rig = Rig::new(Era::C, Kind::Python).await;
    let nobody = SessionId::random();
    let execute = codebeaker::protocol::Execute::new(nobody.clone(), crate::sh("true"));
    let failure = rig.engine.execute(execute).await.unwrap_err();
    assert_eq!(failure.kind, ErrorKind::SessionNotFound);
    rig.engine.close_session(&nobody).await.unwrap();
    rig.leave_clean().await;
}

/// By the address alone: what does not know our first word is asked in its own.
#[tokio::test]
async fn whoever_attaches_need_not_know_what_it_is() {
    let server = StandIn::start(Era::D, Kind::Bun).await;
    let address = Address::parse(&server.address).unwrap();
    let look = timely(codebeaker::remote::look(address.clone(), None)).await.unwrap();
    assert_eq!((look.software.as_str(), look.sessions), ("CodeBeaker original, era d", 0));
    assert!(look.tls.is_none() && look.missing.iter().any(|what| what == "streaming"), "{look:?}");
    let engine = timely(attach(address, None)).await.unwrap();
    assert_eq!(engine.info().await.unwrap().version, "era d");
    timely(engine.shutdown()).await;
}
