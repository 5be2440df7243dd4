//! One session, several commands: what one leaves the next one finds, and what was compiled is not compiled again.

use bytes::Bytes;
use codebeaker::engine::{Engine as _, InterruptTarget};
use codebeaker::protocol::{
    Command, CreateSession, Execute, ExecuteCode, ExecuteShell, ExecutionEvent, Language, OutputStream,
    PtySize, SessionId, Signal, WriteFile,
};

use crate::languages::{GO, MONO, NET, NODE, PYTHON3, Tongue};
use crate::rig::{PYTHON, Rig, code, from_image, interactive, params, printed, process, program, sh, timely};

async fn session(tongue: Tongue) -> Option<(Rig, SessionId)> {
    let rig = Rig::new(&[tongue.image()]).await?;
    let session = rig.create(from_image(tongue.kind.language(), tongue.image())).await.unwrap().session_id;
    Some((rig, session))
}

#[tokio::test]
async fn files_are_there_for_the_next() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let session = rig.session(Language::Python).await;
    let bytes: Vec<u8> = (0..=255).collect();
    let write = Command::WriteFile(WriteFile::bytes("data/bytes", &bytes));
    assert!(rig.execute(&session, write).await.success);
    let copy =
        "d = open('data/bytes', 'rb').read()\nopen('/workspace/copy', 'wb').write(d * 2)\nprint(len(d))";
    assert_eq!(rig.code(&session, copy).await.stdout, "256\n");
    let read = codebeaker::protocol::ReadFile { path: "/workspace/copy".into(), encoding: None };
    let result = rig.execute(&session, Command::ReadFile(read)).await;
    let Some(codebeaker::protocol::CommandOutput::Content(content)) = result.result else {
        panic!("{result:?}")
    };
    assert_eq!(content.decoded().unwrap(), [&bytes[..], &bytes[..]].concat());
    let told = rig.execute(&session, program("wc", &["-c", "copy", "data/bytes"])).await;
    assert!(process(told).stdout.contains("512 copy"));
    rig.end().await;
}

/// Code twice, and other code.
async fn runs_again(tongue: Tongue) {
    let Some((rig, session)) = session(tongue).await else { return };
    for number in [1, 1, 2] {
        let told = rig.code(&session, &tongue.kind.printing(number)).await;
        assert_eq!((told.stdout, told.stderr, told.exit_code), (format!("{number}\n"), String::new(), 0));
    }
    let told = rig.code(&session, tongue.kind.failing()).await;
    assert_eq!((told.exit_code, told.stdout.as_str(), told.stderr.as_str()), (3, "out\n", "err\n"));
    rig.end().await;
}

#[tokio::test]
async fn python_again() {
    runs_again(PYTHON3).await;
}

#[tokio::test]
async fn javascript_again() {
    runs_again(NODE).await;
}

/// Where nothing can be put into the store any more, only what is in it can be run.
async fn is_compiled_once(tongue: Tongue) {
    let Some((rig, session)) = session(tongue).await else { return };
    let (text, other) = (tongue.kind.printing(1), tongue.kind.printing(2));
    assert_eq!(rig.code(&session, &text).await.stdout, "1\n");
    let store = "${XDG_CACHE_HOME:?}/codebeaker";
    let entries = rig.sh(&session, &format!("ls {store}; [ -x {store}/*/run ] && echo runs")).await.stdout;
    assert_eq!(entries.lines().skip(1).collect::<Vec<_>>(), ["runs"], "{entries}");
    assert_eq!(rig.sh(&session, &format!("chmod a-w {store}")).await.exit_code, 0);
    let again = rig.code(&session, &text).await;
    assert_eq!((again.stdout.as_str(), again.stderr.as_str(), again.exit_code), ("1\n", "", 0));
    let refused = rig.code(&session, &other).await;
    assert!(refused.exit_code != 0 && refused.stdout.is_empty(), "{refused:?}");
    assert_eq!(rig.sh(&session, &format!("chmod u+w {store}")).await.exit_code, 0);
    assert_eq!(rig.code(&session, &other).await.stdout, "2\n");
    assert_eq!(rig.code(&session, &text).await.stdout, "1\n");
    rig.end().await;
}

#[tokio::test]
async fn go_is_compiled_once() {
    is_compiled_once(GO).await;
}

#[tokio::test]
async fn mono_is_compiled_once() {
    is_compiled_once(MONO).await;
}

#[tokio::test]
async fn dotnet_is_compiled_once() {
    is_compiled_once(NET).await;
}

/// Every call of a compiler, counted by something that stands in front of it.
#[tokio::test]
async fn the_compiler_is_called_once() {
    for (tongue, compiler) in [(GO, "go"), (MONO, "mcs")] {
        let Some(rig) = Rig::new(&[tongue.image()]).await else { return };
        let language = tongue.kind.language();
        let path = "/workspace/bin:/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin";
        let env = [("PATH".to_owned(), path.to_owned())].into();
        let session = rig.create(CreateSession { env, ..params(language) }).await.unwrap().session_id;
        let script = format!(
            "real=$(command -v {compiler}) && mkdir bin && printf '#!/bin/sh\\necho $1 >>/workspace/calls\\nexec %s \"$@\"\\n' \
             $real >bin/{compiler} && chmod +x bin/{compiler}"
        );
        assert_eq!(rig.sh(&session, &script).await.exit_code, 0);
        let calls = async || rig.sh(&session, "grep -vc ^version calls").await.stdout.trim().to_owned();
        for (number, expected) in [(1, "1"), (1, "1"), (2, "2"), (1, "2")] {
            assert_eq!(rig.code(&session, &tongue.kind.printing(number)).await.stdout, format!("{number}\n"));
            assert_eq!(calls().await, expected, "{compiler}");
        }
        rig.end().await;
    }
}

#[tokio::test]
async fn typed_javascript_where_node_takes_types_away() {
    let Some(rig) = Rig::new(&["codebeaker-nodejs"]).await else { return };
    let runtime = codebeaker::protocol::RuntimeType::Docker;
    let info = timely(rig.engine.runtime(runtime, false)).await.unwrap();
    let created = rig.create(params(Language::TypeScript)).await;
    if !info.languages.contains(&Language::TypeScript) {
        // Its Node is too old: that is said, in place of a failure later on.
        assert!(!created.unwrap_err().message.is_empty());
        return rig.end().await;
    }
    let session = created.unwrap().session_id;
    let told = rig.code(&session, "const n: number = 6;\nconsole.log(n * 7);").await;
    assert_eq!((told.stdout.as_str(), told.stderr.as_str()), ("42\n", ""));
    rig.end().await;
}

#[tokio::test]
async fn fed_and_signalled_from_outside() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let session = rig.session(Language::Python).await;
    let mut cat = rig.start(interactive(&session, sh("cat; echo end"))).await;
    timely(rig.engine.input(&cat.id, Bytes::from_static(b"one\n"), false)).await.unwrap();
    printed(&mut cat, "one\n").await;
    timely(rig.engine.input(&cat.id, Bytes::from_static(b"two\n"), true)).await.unwrap();
    assert_eq!(printed(&mut cat, "end\n").await, "two\nend\n");
    assert!(timely(cat.finished()).await.unwrap().success);
    for (signal, code) in [(Signal::Int, 130), (Signal::Term, 143), (Signal::Kill, 137)] {
        let mut waiting = rig.start(interactive(&session, sh("echo on; exec sleep 1000"))).await;
        printed(&mut waiting, "on\n").await;
        let target = InterruptTarget::Execution(waiting.id.clone());
        assert!(timely(rig.engine.interrupt(target, signal)).await.unwrap());
        assert_eq!(process(timely(waiting.finished()).await.unwrap()).exit_code, code);
    }
    assert_eq!(rig.code(&session, "print('on')").await.stdout, "on\n");
    rig.end().await;
}

#[tokio::test]
async fn in_a_terminal() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let session = rig.session(Language::Python).await;
    let shell = ExecuteShell {
        command_name: "sh".into(),
        args: vec!["-c".into(), "tty; stty size; read line; stty size".into()],
        pty: Some(PtySize { rows: 20, cols: 70 }),
        ..ExecuteShell::default()
    };
    let execute = Execute { stream: true, ..interactive(&session, Command::ExecuteShell(shell)) };
    let mut execution = rig.start(execute).await;
    let first = printed(&mut execution, "20 70\r\n").await;
    assert!(first.starts_with("/dev/pts/"), "{first:?}");
    timely(rig.engine.resize(&execution.id, 30, 90)).await.unwrap();
    timely(rig.engine.input(&execution.id, Bytes::from_static(b"\r"), false)).await.unwrap();
    printed(&mut execution, "30 90\r\n").await;
    assert!(timely(execution.finished()).await.unwrap().success);
    rig.end().await;
}

#[tokio::test]
async fn side_by_side_and_both_streams() {
    let Some(rig) = Rig::new(&[PYTHON]).await else { return };
    let session = rig.session(Language::Python).await;
    let mut waiting = rig.start(interactive(&session, sh("echo on; exec cat"))).await;
    printed(&mut waiting, "on\n").await;
    let text = ExecuteCode {
        code: "import sys\nprint(sys.stdin.read(), sys.argv[1:])\nprint('err', file=sys.stderr)".into(),
        args: vec!["a b".into()],
        stdin: Some("given".into()),
        ..ExecuteCode::default()
    };
    let beside = Execute { concurrent: true, ..Execute::new(session.clone(), Command::ExecuteCode(text)) };
    let told = process(timely(rig.start(beside).await.finished()).await.unwrap());
    assert_eq!((told.stdout.as_str(), told.stderr.as_str()), ("given ['a b']\n", "err\n"));
    let next = rig
        .start(Execute { stream: true, ..Execute::new(session.clone(), code("print('in its turn')")) })
        .await;
    timely(rig.engine.input(&waiting.id, Bytes::new(), true)).await.unwrap();
    assert!(timely(waiting.finished()).await.unwrap().success);
    let mut seen = Vec::new();
    let mut next = next;
    while let Some(event) = timely(next.next()).await {
        if let ExecutionEvent::Output { stream: OutputStream::Stdout, data } = event {
            seen.extend_from_slice(&data);
        }
    }
    assert_eq!(seen, b"in its turn\n");
    rig.end().await;
}
