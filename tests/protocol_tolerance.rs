//! What clients in the wild send, and what must become of it: every rule of PROTOCOL 1.1 to 1.3 and every alias of
//! 4.3, the JSON-RPC 2.0 specification's examples at the level of messages, and hostile input of every kind.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by panicking")]

#[path = "protocol_tolerance/any.rs"]
mod any;
#[path = "protocol_tolerance/results.rs"]
mod results;

use std::collections::BTreeMap;

use any::{any_command, any_id, any_json};
use codebeaker::protocol::*;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Reads a command the way a server gets it: as text, inside the parameters of a request.
fn command_of(text: &str) -> Result<CommandRequest, String> {
    let message =
        format!(r#"{{"method":"session.execute","params":{{"sessionId":"s1","command":{text}}},"id":1}}"#);
    let Incoming::Request(request) = parse_message(&message).items.remove(0) else {
        panic!("{message} is a request")
    };
    Execute::from_params(request.params).map(|execute| execute.command)
}

/// Reads a command both ways it may come: inside parameters, and straight from its text.
fn command(text: &str) -> CommandRequest {
    let inside = command_of(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    let straight: CommandRequest = serde_json::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    assert_eq!(inside, straight, "{text}");
    inside
}

fn shell(command_name: &str, args: &[&str]) -> ExecuteShell {
    let args = args.iter().map(|a| (*a).to_owned()).collect();
    ExecuteShell { command_name: command_name.into(), args, ..ExecuteShell::default() }
}

fn code(code: &str) -> ExecuteCode {
    ExecuteCode { code: code.into(), ..ExecuteCode::default() }
}

#[test]
fn a_program_by_every_name() {
    let plain = CommandRequest::from(Command::ExecuteShell(shell("ls", &["-l"])));
    for text in [
        r#"{"type":"execute_shell","commandName":"ls","args":["-l"]}"#,
        r#"{"type":"shell","command":"ls","args":["-l"]}"#,
        r#"{"type":"shell","commandName":"ls","args":["-l"]}"#,
        r#"{"type":"execute_shell","command":"ls","args":["-l"]}"#,
        r#"{"Type":"execute_shell","CommandName":"ls","Args":["-l"]}"#,
        r#"{"type":"shell","Command":"ls","Args":["-l"]}"#,
        r#"{"command_name":"ls","type":"shell","args":["-l"]}"#,
        // Both dialects side by side: the first column's name counts.
        r#"{"type":"shell","command":"other","commandName":"ls","args":["-l"]}"#,
        r#"{"type":"shell","CommandName":"ls","command":"other","args":["-l"]}"#,
        r#"{"type":"shell","command":"ls","commandName":null,"args":["-l"]}"#,
        // Loopai writes the type twice; AI.Agent's command has an id; null is absent.
        r#"{"type":"execute_shell","type":"execute_shell","commandName":"ls","args":["-l"]}"#,
        r#"{"commandName":"ls","args":["-l"],"type":"shell"}"#,
        r#"{"type":"shell","command":"ls","args":["-l"],"id":"c1","workingDirectory":null,"env":null,"pty":null}"#,
        r#"{"type":"shell","command":"ls","args":["-l"],"unknown":{"deep":[1,{"type":"x"}]}}"#,
        r#"{"type":"shell","command":"ls","args":["-l"],"pty":false}"#,
    ] {
        assert_eq!(command(text), plain, "{text}");
    }
    let full = ExecuteShell {
        working_directory: Some("/workspace/a".into()),
        env: BTreeMap::from([("Some_Name".into(), "1".into()), ("someName".into(), "2".into())]),
        stdin: Some("in".into()),
        pty: Some(PtySize { rows: 30, cols: 100 }),
        ..shell("ls", &[])
    };
    for text in [
        r#"{"type":"shell","command":"ls","workingDirectory":"/workspace/a","stdin":"in",
            "env":{"Some_Name":"1","someName":"2"},"pty":{"rows":30,"cols":100}}"#,
        r#"{"type":"shell","command":"ls","WorkingDirectory":"/workspace/a","Stdin":"in",
            "Environment":{"Some_Name":"1","someName":"2"},"Pty":{"Rows":30,"Cols":100}}"#,
        r#"{"type":"shell","command":"ls","working_directory":"/workspace/a","stdin":"in",
            "environment":{"x":"3"},"env":{"Some_Name":"1","someName":"2"},"pty":{"rows":30,"cols":100}}"#,
    ] {
        assert_eq!(command(text), Command::ExecuteShell(full.clone()).into(), "{text}");
    }
    let Command::ExecuteShell(terminal) = command(r#"{"type":"shell","command":"vi","pty":true}"#).command
    else {
        panic!("this is a program")
    };
    assert_eq!(terminal.pty, Some(PtySize { rows: 24, cols: 80 }));
}

#[test]
fn code_by_every_name() {
    let request = |form| CommandRequest { command: Command::ExecuteCode(code("1")), form };
    for (text, form) in [
        (r#"{"type":"execute_code","code":"1"}"#, ResultForm::Object),
        (r#"{"code":"1"}"#, ResultForm::Object),
        (r#"{"Code":"1"}"#, ResultForm::Object),
        (r#"{"type":null,"code":"1"}"#, ResultForm::Object),
        (r#"{"type":"execute_code","code":"1","language":""}"#, ResultForm::Object),
        (r#"{"type":"execute","code":"1"}"#, ResultForm::Stdout),
        (
            r#"{"type":"execute","language":"","code":"1","packages":null,"timeout":30,"memoryLimit":512,"cpuLimit":1.0}"#,
            ResultForm::Stdout,
        ),
        (r#"{"type":"execute","Language":" ","Code":"1"}"#, ResultForm::Stdout),
    ] {
        assert_eq!(command(text), request(form), "{text}");
    }
    let full = ExecuteCode {
        language: Some(Language::TypeScript),
        args: vec!["a".into()],
        stdin: Some("in".into()),
        repl: true,
        file_name: Some("x.ts".into()),
        pty: Some(PtySize { rows: 24, cols: 80 }),
        ..code("1")
    };
    for text in [
        r#"{"type":"execute_code","code":"1","language":"TS","args":["a"],"stdin":"in","repl":true,"fileName":"x.ts","pty":true}"#,
        r#"{"Type":"execute_code","Code":"1","Language":"TypeScript","Args":["a"],"Stdin":"in","Repl":true,"FileName":"x.ts","Pty":{"Rows":24,"Cols":80}}"#,
    ] {
        assert_eq!(command(text), Command::ExecuteCode(full.clone()).into(), "{text}");
    }
}

#[test]
fn files_by_every_name() {
    let write =
        |mode| Command::WriteFile(WriteFile { path: "a".into(), content: "x".into(), encoding: None, mode });
    let copy =
        |overwrite| Command::CopyFile(CopyFile { source: "a".into(), destination: "b".into(), overwrite });
    let make = |recursive| Command::CreateDirectory(CreateDirectory { path: "a".into(), recursive });
    let delete = |recursive| Command::DeleteFile(DeleteFile { path: "a".into(), recursive });
    let read = |encoding| Command::ReadFile(ReadFile { path: "a".into(), encoding });
    for (text, expected) in [
        (r#"{"type":"write_file","path":"a","content":"x"}"#, write(WriteMode::Create)),
        (r#"{"content":"x","Path":"a","Type":"write_file"}"#, write(WriteMode::Create)),
        (r#"{"type":"write_file","path":"a","content":"x","mode":"Create"}"#, write(WriteMode::Create)),
        (r#"{"type":"write_file","path":"a","content":"x","mode":"append"}"#, write(WriteMode::Append)),
        (r#"{"type":"write_file","path":"a","content":"x","Mode":"OVERWRITE"}"#, write(WriteMode::Overwrite)),
        (r#"{"type":"write_file","path":"a","content":"x","mode":0}"#, write(WriteMode::Create)),
        (r#"{"type":"write_file","path":"a","content":"x","mode":1}"#, write(WriteMode::Append)),
        (r#"{"type":"write_file","path":"a","content":"x","mode":2}"#, write(WriteMode::Overwrite)),
        (r#"{"type":"read_file","path":"a"}"#, read(None)),
        (r#"{"type":"read_file","path":"a","encoding":"UTF-8"}"#, read(Some(Encoding::Utf8))),
        (r#"{"type":"read_file","path":"a","encoding":"Base64"}"#, read(Some(Encoding::Base64))),
        (r#"{"type":"create_directory","path":"a"}"#, make(true)),
        (r#"{"type":"create_dir","path":"a"}"#, make(true)),
        (r#"{"type":"create_dir","path":"a","recursive":false}"#, make(false)),
        (r#"{"type":"copy_file","sourcePath":"a","destinationPath":"b"}"#, copy(true)),
        (r#"{"type":"copy_file","source":"a","destination":"b"}"#, copy(true)),
        (r#"{"type":"copy_file","Source":"a","Destination":"b","Overwrite":false}"#, copy(false)),
        (r#"{"type":"copy_file","source_path":"a","destination_path":"b"}"#, copy(true)),
        (
            r#"{"type":"copy_file","source":"a","sourcePath":"a","destination":"b","destinationPath":"b"}"#,
            copy(true),
        ),
        (r#"{"type":"copy_file","source":"x","SourcePath":"a","destination":"b"}"#, copy(true)),
        (r#"{"type":"delete_file","path":"a"}"#, delete(false)),
        (r#"{"type":"delete_file","path":"a","recursive":true}"#, delete(true)),
        // A member given twice counts as its last.
        (r#"{"type":"delete_file","path":"b","path":"a"}"#, delete(false)),
    ] {
        assert_eq!(command(text), expected.into(), "{text}");
    }
}

#[test]
fn directories_by_every_name() {
    let plain = ListDirectory {
        path: ".".into(),
        recursive: false,
        max_depth: None,
        pattern: None,
        include_hidden: false,
    };
    let full = ListDirectory {
        path: "a".into(),
        recursive: true,
        max_depth: Some(2),
        pattern: Some("*.c".into()),
        include_hidden: true,
    };
    let tree = ListDirectory { recursive: true, ..plain.clone() };
    for (text, form, list) in [
        (r#"{"type":"list_directory"}"#, ResultForm::Object, &plain),
        (r#"{"type":"list_directory","path":null}"#, ResultForm::Object, &plain),
        (
            r#"{"type":"list_directory","path":"a","recursive":true,"maxDepth":2,"pattern":"*.c","includeHidden":true}"#,
            ResultForm::Object,
            &full,
        ),
        (
            r#"{"type":"list_directory","path":"a","recursive":true,"max_depth":2,"pattern":"*.c","include_hidden":true}"#,
            ResultForm::Object,
            &full,
        ),
        (r#"{"type":"list_files"}"#, ResultForm::Tree, &tree),
        (r#"{"type":"list_files","Recursive":false}"#, ResultForm::Tree, &plain),
        (r#"{"type":"list_files","recursive":null}"#, ResultForm::Tree, &tree),
        (
            r#"{"type":"list_files","path":"a","max_depth":2,"pattern":"*.c","include_hidden":true}"#,
            ResultForm::Tree,
            &full,
        ),
    ] {
        let expected = CommandRequest { command: Command::ListDirectory(list.clone()), form };
        assert_eq!(command(text), expected, "{text}");
    }
}

#[test]
fn session_parameters_in_every_spelling() {
    let read = |params: Value| {
        CreateSession::from_params(Some(params.clone())).map_err(|e| format!("{params}: {e}"))
    };
    let least = CreateSession::new(Language::Python);
    for params in [
        json!({"language": "python"}),
        json!({"Language": "Python"}),
        json!({"language": "PY", "runtimeType": null, "limits": null}),
        // Loopai's hint, USAGE's permissions, the original's security block and members it never used.
        json!({"language": "python", "runtime": "python", "permissions": {"net": true}, "persistFilesystem": true,
            "security": {"enableSandbox": true}}),
    ] {
        assert_eq!(read(params), Ok(least.clone()));
    }
    let full = CreateSession {
        runtime_preference: Some(RuntimePreference::Security),
        runtime_type: Some(RuntimeType::NativeProcess),
        idle_timeout_minutes: 1,
        max_lifetime_minutes: 2,
        memory_limit_mb: Some(3),
        cpu_shares: Some(2048),
        docker_image: Some("i".into()),
        network: true,
        env: BTreeMap::from([("Some_Name".into(), "1".into())]),
        name: Some("n".into()),
        limits: SessionLimits { open_files: Some(9), ..SessionLimits::default() },
        ..least
    };
    for params in [
        json!({"language": "python", "runtimePreference": "security", "runtimeType": "nativeprocess",
            "idleTimeoutMinutes": 1, "maxLifetimeMinutes": 2, "memoryLimitMB": 3, "cpuShares": 2048,
            "dockerImage": "i", "network": true, "env": {"Some_Name": "1"}, "name": "n", "limits": {"openFiles": 9}}),
        json!({"Language": "python", "RuntimePreference": 1, "RuntimeType": 7, "IdleTimeoutMinutes": 1,
            "MaxLifetimeMinutes": 2, "MemoryLimitMB": 3, "CpuShares": 2048, "DockerImage": "i", "Network": true,
            "Env": {"Some_Name": "1"}, "Name": "n", "Limits": {"OpenFiles": 9}}),
        json!({"language": "python", "runtime_preference": "SECURITY", "runtime_type": "NativeProcess",
            "idle_timeout_minutes": 1, "max_lifetime_minutes": 2, "memory_limit_mb": 3, "cpus": 2,
            "docker_image": "i", "network": true, "env": {"Some_Name": "1"}, "name": "n",
            "limits": {"open_files": 9}}),
        // Both spellings at once, as a client does that doesn't know its server.
        json!({"language": "python", "Language": "go", "runtimePreference": 1, "RuntimePreference": "Security",
            "runtimeType": 7, "idleTimeoutMinutes": 1, "idle_timeout_minutes": 8, "maxLifetimeMinutes": 2,
            "memoryLimitMB": 3, "cpuShares": 2048, "cpus": 1, "dockerImage": "i", "network": true,
            "env": {"Some_Name": "1"}, "name": "n", "limits": {"openFiles": 9, "OpenFiles": 8}}),
    ] {
        assert_eq!(read(params), Ok(full.clone()));
    }
    for (cpus, shares) in [(json!(0.5), 512), (json!(1), 1024), (json!(0.0001), 1)] {
        let session = read(json!({"language": "go", "cpus": cpus})).unwrap();
        assert_eq!(session.cpu_shares, Some(shares), "{cpus}");
    }
    for limits in [
        json!({"workspaceBytes": 1, "workspaceFiles": 2, "outputBytes": 0}),
        json!({"workspace_bytes": 1, "WorkspaceFiles": 2, "output_bytes": 0, "timeoutMs": null, "gpus": 1}),
    ] {
        let session = read(json!({"language": "go", "limits": limits})).unwrap();
        let expected = SessionLimits {
            workspace_bytes: Some(1),
            workspace_files: Some(2),
            output_bytes: Some(0),
            ..SessionLimits::default()
        };
        assert_eq!(session.limits, expected);
    }
}

/// Of a server that tells neither its sessions' limits nor how they are confined.
#[test]
fn sessions_of_older_servers_are_read() {
    let session = json!({"sessionId": "s", "environmentId": "e", "containerId": "e", "runtimeType": "Bun",
        "runtime": "bun", "language": "javascript", "state": "Idle", "createdAt": "2026-01-31T09:30:00Z",
        "lastActivity": "2026-01-31T09:30:00Z", "executionCount": 0, "idleMinutes": 0.0, "lifetimeMinutes": 0.0,
        "startupMs": 1.0, "config": {"idleTimeoutMinutes": 30, "maxLifetimeMinutes": 120},
        "isolation": {"score": 7, "letters": "F2 N2 P1 R1 K1", "layers": []}});
    let read = from_json::<SessionInfo>(session.clone()).unwrap();
    assert!(read.limits.is_empty() && read.isolation.tier.is_empty());
    let written = serde_json::to_value(&read).unwrap();
    assert!(written.get("limits").is_none() && written["isolation"].get("tier").is_none());
}

#[test]
fn enums_by_name_in_any_case_and_by_the_originals_number() {
    let runtime = |given: Value| from_json::<RuntimeType>(given);
    for (number, expected) in [
        (0, RuntimeType::Docker),
        (1, RuntimeType::Deno),
        (2, RuntimeType::Bun),
        (3, RuntimeType::NativeProcess),
        (4, RuntimeType::NativeProcess),
        (7, RuntimeType::NativeProcess),
    ] {
        assert_eq!(runtime(json!(number)), Ok(expected));
    }
    for (name, expected) in [
        ("DOCKER", RuntimeType::Docker),
        ("NodeJs", RuntimeType::NativeProcess),
        ("Python", RuntimeType::NativeProcess),
        ("nativeProcess", RuntimeType::NativeProcess),
    ] {
        assert_eq!(runtime(json!(name)), Ok(expected));
    }
    // WebAssembly and V8Isolate never existed; nothing else has a number.
    for other in
        [json!(5), json!(6), json!(-1), json!(1.5), json!(u64::MAX), json!("wasm"), json!(""), json!(true)]
    {
        assert!(runtime(other.clone()).is_err(), "{other}");
    }
    let preference = |given: Value| from_json::<RuntimePreference>(given);
    for (i, expected) in RuntimePreference::ALL.iter().enumerate() {
        assert_eq!(preference(json!(i)), Ok(*expected));
        assert_eq!(preference(json!(expected.name().to_lowercase())), Ok(*expected));
    }
    for (name, language) in
        [("C#", Language::CSharp), ("GoLang", Language::Go), ("nodejs", Language::JavaScript)]
    {
        assert_eq!(from_json::<Language>(json!(name)), Ok(language));
    }
}

#[test]
fn params_may_be_missing_but_not_a_list() {
    let none = "language is missing";
    for (params, error) in [
        (None, none),
        (Some(Value::Null), none),
        (Some(json!({})), none),
        (Some(json!(["python"])), "params must be an object, not an array"),
        (Some(json!("python")), "params must be an object, not \"python\""),
    ] {
        assert_eq!(CreateSession::from_params(params.clone()), Err(error.to_owned()));
        assert_eq!(from_params::<CreateSession>(params), Err(error.to_owned()));
    }
}

/// One sentence each, with the member's name and what it should be.
#[test]
fn what_is_wrong_is_said_in_one_sentence() {
    let whole = "a whole number from 0 to 4294967295";
    for (params, error) in [
        (
            json!({"language": "cobol"}),
            "language must be one of python, javascript, typescript, go, csharp, not \"cobol\"".to_owned(),
        ),
        (
            json!({"language": 5}),
            "language must be one of python, javascript, typescript, go, csharp, not 5".to_owned(),
        ),
        (
            json!({"language": "go", "idleTimeoutMinutes": "30"}),
            format!("idleTimeoutMinutes must be {whole}, not \"30\""),
        ),
        (
            json!({"language": "go", "IdleTimeoutMinutes": -1}),
            format!("idleTimeoutMinutes must be {whole}, not -1"),
        ),
        (
            json!({"language": "go", "idleTimeoutMinutes": 30.5}),
            format!("idleTimeoutMinutes must be {whole}, not 30.5"),
        ),
        (
            json!({"language": "go", "network": "yes"}),
            "network must be true or false, not \"yes\"".to_owned(),
        ),
        (json!({"language": "go", "limits": 1}), "limits must be an object, not 1".to_owned()),
        (json!({"language": "go", "limits": []}), "limits must be an object, not an array".to_owned()),
        (
            json!({"language": "go", "limits": {"processes": true}}),
            "limits.processes must be a whole number from 0 to 18446744073709551615, not true".to_owned(),
        ),
        (json!({"language": "go", "env": {"A": 1}}), "env.A must be a string, not 1".to_owned()),
        (
            json!({"language": "go", "runtimeType": "x".repeat(60)}),
            format!(
                "runtimeType must be one of Docker, Deno, Bun, NativeProcess, not \"{}\"…",
                "x".repeat(40)
            ),
        ),
        (json!({"language": "go", "cpus": 0}), "cpus must be a number above 0, not 0".to_owned()),
        (json!({"language": "go", "cpus": "2"}), "cpus must be a number above 0, not \"2\"".to_owned()),
    ] {
        assert_eq!(CreateSession::from_params(Some(params)), Err(error));
    }
    let known = "write_file, read_file, execute_shell (shell), create_directory (create_dir), copy_file, \
        delete_file, list_directory (list_files), execute_code (execute), install_packages";
    for (text, error) in [
        (r#"{"type":"fly"}"#, format!("command: unknown command type \"fly\": use one of {known}")),
        (r#"{}"#, format!("command: the command's type is missing: use one of {known}")),
        (r#"{"type":5}"#, "command: type must be a string, not 5".to_owned()),
        (r#""ls""#, "command must be a command object, not \"ls\"".to_owned()),
        ("null", "command is missing".to_owned()),
        (r#"{"type":"read_file"}"#, "command: path is missing".to_owned()),
        (r#"{"type":"shell"}"#, "command: commandName is missing".to_owned()),
        (r#"{"type":"read_file","path":["a"]}"#, "command: path must be a string, not an array".to_owned()),
        (
            r#"{"type":"shell","command":"x","args":"y"}"#,
            "command: args must be an array, not \"y\"".to_owned(),
        ),
        (
            r#"{"type":"shell","command":"x","args":["y",2]}"#,
            "command: args[1] must be a string, not 2".to_owned(),
        ),
        (
            r#"{"type":"shell","command":"x","pty":3}"#,
            "command: pty must be true, false or an object {rows, cols}, not 3".to_owned(),
        ),
        (r#"{"type":"shell","command":"x","pty":{"rows":1}}"#, "command: pty: cols is missing".to_owned()),
        (
            r#"{"type":"write_file","path":"a","content":"","mode":9}"#,
            "command: mode must be one of Create, Append, Overwrite, not 9".to_owned(),
        ),
    ] {
        assert_eq!(command_of(text), Err(error), "{text}");
    }
    let twice = serde_json::from_str::<CommandRequest>(r#"{"type":"shell","path":"a","type":"read_file"}"#);
    let twice = twice.unwrap_err().to_string();
    assert!(twice.starts_with("the command has two types, \"shell\" and \"read_file\": send one"), "{twice}");
    let selection = from_params::<SelectParams>(Some(json!({"language": "go", "runtimePreference": 4})));
    let error = "runtimePreference must be one of Speed, Security, Memory, Balanced, not 4";
    assert_eq!(selection, Err(error.to_owned()));
    let execute = Execute::from_params(Some(json!({"command": {"code": "1"}})));
    assert_eq!(execute, Err("sessionId is missing".to_owned()));
}

#[test]
fn failures_of_other_servers_are_read() {
    for (error, kind, message) in [
        (
            json!({"code": -32601, "message": "Method not found", "data": "server.info"}),
            ErrorKind::MethodNotFound,
            "Method not found: server.info",
        ),
        (
            json!({"code": -32603, "message": "Internal error", "data": "X: Session not found: s1\r\n   at A()\n   at B()"}),
            ErrorKind::Internal,
            "Internal error: X: Session not found: s1",
        ),
        (
            json!({"code": -32603, "message": "Internal error", "data": null}),
            ErrorKind::Internal,
            "Internal error",
        ),
        (
            json!({"code": -32603, "message": "Internal error", "data": ""}),
            ErrorKind::Internal,
            "Internal error",
        ),
        (json!({"code": -32007, "message": "later", "data": {"hint": 5}}), ErrorKind::Busy, "later"),
        (json!({"code": -1, "message": "m", "data": {"kind": "Busy"}}), ErrorKind::Busy, "m"),
        (json!({"code": "x"}), ErrorKind::Internal, ""),
        (json!("text"), ErrorKind::Internal, ""),
    ] {
        assert_eq!(Failure::from_json(&error), Failure::new(kind, message, ""), "{error}");
    }
}

/// A tree for a client of the original's is made of what an agent sent, and no agent is trusted.
#[test]
fn a_hostile_listing_makes_a_small_tree() {
    let entry = |path: String| DirectoryEntry {
        name: "d".into(),
        path,
        kind: EntryKind::Directory,
        size: 0,
        modified: String::new(),
        mode: "755".into(),
    };
    let deep = (0..3000).map(|depth| entry(format!("d{}", "/d".repeat(depth))));
    let listing =
        Listing { path: "/".into(), entries: deep.chain([entry(String::new())]).collect(), truncated: false };
    let tree = CommandOutput::Listing(listing).in_form(ResultForm::Tree);
    let depth = tree.to_string().matches("\"children\"").count();
    assert_eq!(depth, 29);
}

/// What came in, in short: `method id`, `method -` for a notification, `= id`, `! id` for answers, `code id`.
fn short(text: &str) -> Vec<String> {
    let item = |item: &Incoming| match item {
        Incoming::Request(Request { id: Some(id), method, .. }) => format!("{method} {}", id.as_text()),
        Incoming::Request(Request { id: None, method, .. }) => format!("{method} -"),
        Incoming::Response(Response { id, result: Ok(_) }) => format!("= {}", id.as_text()),
        Incoming::Response(Response { id, result: Err(_) }) => format!("! {}", id.as_text()),
        Incoming::Invalid(Response { id, result: Err(failure) }) => {
            assert!(!failure.message.is_empty() && !failure.hint.is_empty(), "{failure:?}");
            format!("{} {}", failure.kind.code(), id.as_text())
        }
        Incoming::Invalid(response) => panic!("{response:?} is no failure"),
    };
    parse_message(text).items.iter().map(item).collect()
}

/// The examples of section 7 of <https://www.jsonrpc.org/specification>.
#[test]
fn the_specifications_examples() {
    for (text, items, is_array) in [
        (
            r#"{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}"#,
            &["subtract 1"][..],
            false,
        ),
        (r#"{"jsonrpc": "2.0", "result": 19, "id": 1}"#, &["= 1"], false),
        (
            r#"{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}"#,
            &["subtract 3"],
            false,
        ),
        (r#"{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}"#, &["update -"], false),
        (r#"{"jsonrpc": "2.0", "method": "foobar"}"#, &["foobar -"], false),
        (r#"{"jsonrpc": "2.0", "method": "foobar", "id": "1"}"#, &[r#"foobar "1""#], false),
        (
            r#"{"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"}"#,
            &[r#"! "1""#],
            false,
        ),
        (r#"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#, &["-32700 null"], false),
        (r#"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#, &["-32600 null"], false),
        (
            r#"[
              {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
              {"jsonrpc": "2.0", "method"
            ]"#,
            &["-32700 null"],
            false,
        ),
        ("[]", &["-32600 null"], false),
        ("[1]", &["-32600 null"], true),
        ("[1,2,3]", &["-32600 null"; 3], true),
        (
            r#"[
                {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
                {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
                {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
                {"foo": "boo"},
                {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
                {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
            ]"#,
            &[
                r#"sum "1""#,
                "notify_hello -",
                r#"subtract "2""#,
                "-32600 null",
                r#"foo.get "5""#,
                r#"get_data "9""#,
            ],
            true,
        ),
    ] {
        assert_eq!(short(text), items, "{text}");
        assert_eq!(parse_message(text).is_array, is_array, "{text}");
    }
}

#[test]
fn envelopes_as_they_come() {
    let deep = format!(r#"{{"method":"m","id":4,"params":{}1{}}}"#, "[".repeat(5000), "]".repeat(5000));
    for (text, items) in [
        // Without jsonrpc; members in any order, unknown ones, twice; only exact names.
        (r#"{"method":"m","id":1}"#, &["m 1"][..]),
        (r#"{"id":1,"x":{"method":2},"params":null,"method":"a","method":"m"}"#, &["m 1"]),
        (r#"{"Method":"m","id":1}"#, &["-32600 1"]),
        (r#"{"jsonrpc":"1.0","method":"m","id":1}"#, &["-32600 1"]),
        (r#"{"jsonrpc":2.0,"method":"m","id":1}"#, &["-32600 1"]),
        (r#"{"jsonrpc":"\u0032.0","method":"m","id":1}"#, &["-32600 1"]),
        (r#"{"method":" ","id":1}"#, &["-32600 1"]),
        (r#"{"method":null,"id":1}"#, &["-32600 1"]),
        ("{}", &["-32600 null"]),
        // Ids, legal and not.
        (r#"{"method":"m","id":null}"#, &["m null"]),
        (r#"{"method":"m","id":123456789012345678901234567890}"#, &["m 123456789012345678901234567890"]),
        (r#"{"method":"m","id":-1.50e+3}"#, &["m -1.50e+3"]),
        (r#"{"method":"m","id": "a\u0041\"" }"#, &[r#"m "a\u0041\"""#]),
        (r#"{"method":"m","id":""}"#, &[r#"m """#]),
        (r#"{"method":"m","id":{}}"#, &["-32600 null"]),
        (r#"{"method":"m","id":[1]}"#, &["-32600 null"]),
        (r#"{"method":"m","id":true}"#, &["-32600 null"]),
        // What can't be read inside still gets its answer.
        (r#"{"method":"m","id":3,"params":{"a":"\ud800"}}"#, &["-32600 3"]),
        (r#"{"method":"m","id":3,"params":{"a":1e999}}"#, &["-32600 3"]),
        (&deep, &["-32600 4"]),
        // Answers, the original's with both members too.
        (r#"{"jsonrpc":"2.0","id":1,"result":null,"error":null}"#, &["= 1"]),
        (r#"{"jsonrpc":"2.0","id":1,"result":{},"error":null}"#, &["= 1"]),
        (r#"{"jsonrpc":"2.0","id":1,"result":null,"error":{"code":1,"message":"m","data":null}}"#, &["! 1"]),
        (r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}"#, &["! null"]),
        // No request at all.
        ("1", &["-32600 null"]),
        ("null", &["-32600 null"]),
        (r#""text""#, &["-32600 null"]),
        ("", &["-32700 null"]),
        (" \n ", &["-32700 null"]),
        ("NaN", &["-32700 null"]),
        (r#"{"method":"m",}"#, &["-32700 null"]),
        // The whole first, then by line: pretty JSON, NDJSON with any line end, a bad line among good ones.
        ("{\n\"method\": \"m\",\r\n\"id\": 1\n}\n", &["m 1"]),
        (
            "{\"method\":\"a\",\"id\":1}\n{\"method\":\"b\"}\r\n\n{\"method\":\"c\",\"id\":2}\n",
            &["a 1", "b -", "c 2"],
        ),
        ("{\"method\":\"a\",\"id\":1}\n{oops\n{\"method\":\"c\",\"id\":2}", &["a 1", "-32700 null", "c 2"]),
        ("{\"method\":\"a\",\"id\":1}\n[{\"method\":\"b\",\"id\":2}]", &["a 1", "b 2"]),
    ] {
        assert_eq!(short(text), items, "{text}");
    }
}

#[test]
fn an_answer_has_a_result_or_an_error() {
    for result in [Ok(Value::Null), Ok(json!({"a": 1})), Err(Failure::internal("it broke"))] {
        let failed = result.is_err();
        let text = Response { id: Id::number(1), result }.to_text();
        let answer: Map<String, Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (answer.contains_key("result"), answer.contains_key("error")),
            (!failed, failed),
            "{text}"
        );
    }
}

/// A member's name in another spelling, or by its alias.
fn respell(kind: &str, name: &str, spelling: u8) -> String {
    let alias = match (kind, name) {
        ("execute_shell", "commandName") => "command",
        ("execute_shell", "env") => "environment",
        ("copy_file", "sourcePath") => "source",
        ("copy_file", "destinationPath") => "destination",
        _ => name,
    };
    let name = if spelling & 4 == 0 { name } else { alias };
    match spelling & 3 {
        0 => name.to_owned(),
        1 | 2 => name[..1].to_ascii_uppercase() + &name[1..],
        _ => name.chars().fold(String::new(), |mut snake, c| {
            if c.is_ascii_uppercase() {
                snake.push('_');
            }
            snake.push(c.to_ascii_lowercase());
            snake
        }),
    }
}

proptest! {
    #[test]
    fn any_text_is_answered(text in prop_oneof![any::<String>(), "[\\[\\]{}:,\"a-z0-9\\\\\n \\-.]{0,40}"]) {
        prop_assert!(!parse_message(&text).items.is_empty());
        let _ = serde_json::from_str::<CommandRequest>(&text);
    }

    #[test]
    fn any_json_is_answered(value in any_json(), cut in any::<prop::sample::Index>()) {
        let text = value.to_string();
        for item in parse_message(&text).items {
            if let Incoming::Request(request) = item {
                let _ = Execute::from_params(request.params);
            }
        }
        let cut = cut.index(text.len() + 1);
        if let Some(begun) = text.get(..cut) {
            prop_assert!(!parse_message(begun).items.is_empty());
        }
        let command: Result<CommandRequest, String> = from_json(value.clone());
        if let Err(error) = command {
            prop_assert!(!error.is_empty() && error.lines().count() == 1, "{}", error);
        }
        let _ = CreateSession::from_params(Some(value.clone()));
        let _ = Failure::from_json(&value);
        let shell = Command::ExecuteShell(ExecuteShell::default());
        let _ = ExecuteResult::from_json(&shell, value.clone());
        let _ = from_json::<SessionInfo>(value.clone());
        let _ = from_json::<RuntimeInfo>(value.clone());
        let _ = from_json::<Progress>(value);
    }

    #[test]
    fn a_command_survives_what_clients_do_to_it(
        given in any_command(),
        spellings in prop::collection::vec(any::<u8>(), 12),
        order in prop::collection::vec(any::<u32>(), 16),
        repeated in any::<bool>(),
        unknown in prop::collection::vec(("x-[a-zA-Z_]{0,8}", any_json()), 0..3),
    ) {
        let Value::Object(encoded) = serde_json::to_value(CommandRequest::from(given.clone())).unwrap() else {
            panic!("a command is an object")
        };
        let kind = given.type_name();
        let mut members: Vec<(String, Value)> = encoded
            .into_iter()
            .zip(&spellings)
            .map(|((name, value), spelling)| match (name.as_str(), value) {
                ("pty", Value::Object(size)) => {
                    let size = size.into_iter().map(|(n, v)| (respell("", &n, *spelling), v)).collect();
                    (respell(kind, "pty", *spelling), Value::Object(size))
                }
                (name, value) => (respell(kind, name, *spelling), value),
            })
            .chain(unknown)
            .collect();
        if repeated {
            members.push(("type".to_owned(), json!(kind)));
        }
        let mut members: Vec<_> = order.iter().zip(members).collect();
        members.sort_by_key(|(rank, _)| **rank);
        let members: Vec<String> =
            members.into_iter().map(|(_, (name, value))| format!("{}:{value}", json!(name))).collect();
        let text = to_ascii(&format!("{{{}}}", members.join(",")));
        let expected = CommandRequest::from(given);
        prop_assert_eq!(serde_json::from_str::<CommandRequest>(&text).map_err(|e| e.to_string()), Ok(expected.clone()));
        prop_assert_eq!(command_of(&text), Ok(expected));
    }

    #[test]
    fn ascii_means_the_same(text in any::<String>(), astral in "[\u{10000}-\u{10ffff}]{0,4}") {
        let value = json!({ format!("{astral}{text}"): format!("{text}{astral}\u{2028}") });
        let written = to_ascii(&value.to_string());
        prop_assert!(written.is_ascii());
        prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value.clone());
        let answer = Response { id: Id::number(1), result: Ok(value) }.to_text();
        prop_assert!(answer.bytes().all(|b| (0x20..0x80).contains(&b)), "{}", answer);
    }

    #[test]
    fn ids_are_echoed_to_the_letter(id in any_id(), refused in any::<bool>()) {
        let method = if refused { "1" } else { "\"m\"" };
        let message = format!("{{\"id\" : {id} ,\"jsonrpc\":\"2.0\",\"method\":{method}}}");
        let answer = match parse_message(&message).items.remove(0) {
            Incoming::Request(Request { id: Some(id), .. }) => Response { id, result: Ok(Value::Null) },
            Incoming::Invalid(response) if refused => response,
            other => panic!("{message} is read as {other:?}"),
        };
        prop_assert_eq!(answer.id.as_text(), &id);
        let end = format!(",\"id\":{}}}", to_ascii(&id));
        prop_assert!(answer.to_text().ends_with(&end), "{}", answer.to_text());
    }
}
