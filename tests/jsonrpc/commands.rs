//! Every command under every name, and the form of its result.

use serde_json::{Value, json};

use crate::support::native::Kind;
use crate::support::raw::{Raw, sh};
use crate::{Bench, read, text, write};

/// The result of a command that must succeed.
async fn done(raw: &mut Raw, session: &str, command: Value) -> Value {
    let answer = raw.execute(session, command).await;
    assert_eq!((&answer["success"], &answer["error"]), (&json!(true), &Value::Null), "{answer}");
    assert!(answer["executionId"].is_string() && answer["durationMs"].is_u64(), "{answer}");
    answer["result"].clone()
}

/// Why a command that must fail did.
async fn failure(raw: &mut Raw, session: &str, command: Value) -> String {
    let answer = raw.execute(session, command).await;
    assert_eq!(answer["success"], false, "{answer}");
    text(&answer["error"])
}

#[tokio::test]
async fn files() {
    let Some(bench) = Bench::open().await else { return };
    let (mut raw, session) = bench.session().await;
    let (raw, s) = (&mut raw, session.as_str());
    assert_eq!(done(raw, s, write("d/a.txt", "one")).await, json!({ "path": "d/a.txt", "bytes": 3 }));
    let append = json!({ "type": "write_file", "path": "/workspace/d/a.txt", "content": "dHdv", "encoding": "base64", "mode": "Append" });
    assert_eq!(done(raw, s, append).await, json!({ "path": "/workspace/d/a.txt", "bytes": 3 }));
    let content = json!({ "path": "d/a.txt", "content": "onetwo", "bytes": 6 });
    assert_eq!(done(raw, s, read("d/a.txt")).await, content);
    let base64 = json!({ "type": "read_file", "path": "d/a.txt", "encoding": "Base64" });
    let content = json!({ "path": "d/a.txt", "content": "b25ldHdv", "bytes": 6, "encoding": "base64" });
    assert_eq!(done(raw, s, base64).await, content);
    // What is no text comes in base64 unasked.
    let bytes = json!({ "type": "write_file", "path": "b", "content": "/w==", "encoding": "base64", "mode": "Overwrite" });
    done(raw, s, bytes).await;
    assert_eq!(
        done(raw, s, read("b")).await,
        json!({ "path": "b", "content": "/w==", "bytes": 1, "encoding": "base64" })
    );
    for kind in ["create_directory", "create_dir"] {
        let made = done(raw, s, json!({ "type": kind, "path": "x/y" })).await;
        assert_eq!(made, json!({ "path": "x/y" }));
    }
    failure(raw, s, json!({ "type": "create_dir", "path": "no/where", "recursive": false })).await;
    for copy in [
        json!({ "type": "copy_file", "sourcePath": "d/a.txt", "destinationPath": "x/c" }),
        json!({ "type": "copy_file", "source": "d/a.txt", "destination": "x/c" }),
    ] {
        assert_eq!(
            done(raw, s, copy).await,
            json!({ "source": "d/a.txt", "destination": "x/c", "bytes": 6 })
        );
    }
    let there = json!({ "type": "copy_file", "source": "d/a.txt", "destination": "x/c", "overwrite": false });
    failure(raw, s, there).await;
    let list = done(raw, s, json!({ "type": "list_directory" })).await;
    let names: Vec<&str> =
        list["entries"].as_array().unwrap().iter().map(|e| e["name"].as_str().unwrap()).collect();
    assert_eq!((names, &list["path"]), (vec!["b", "d", "x"], &json!(".")));
    for member in ["name", "path", "type", "size", "modified", "mode"] {
        assert!(list["entries"][0].get(member).is_some(), "{member}: {list}");
    }
    let deep = json!({ "type": "list_directory", "path": "x", "recursive": true, "max_depth": 1, "include_hidden": true });
    assert_eq!(done(raw, s, deep).await["entries"].as_array().unwrap().len(), 2);
    let tree = done(raw, s, json!({ "type": "list_files", "path": "x" })).await;
    let children: Vec<&Value> =
        tree["tree"]["children"].as_array().unwrap().iter().map(|c| &c["name"]).collect();
    assert_eq!((children, tree.as_object().unwrap().len()), (vec![&json!("c"), &json!("y")], 1), "{tree}");
    failure(raw, s, json!({ "type": "delete_file", "path": "x" })).await;
    let delete = json!({ "type": "delete_file", "path": "x", "recursive": true });
    assert_eq!(done(raw, s, delete).await, json!({ "path": "x" }));
    let missing = failure(raw, s, read("x/c")).await;
    assert!(missing.contains("x/c"), "{missing}");
    let outside = failure(raw, s, read("../../../etc/shadow")).await;
    assert!(outside.contains("etc/shadow"), "{outside}");
    bench.end().await;
}

#[tokio::test]
async fn programs() {
    let Some(bench) = Bench::open().await else { return };
    let (mut raw, session) = bench.session().await;
    let (raw, s) = (&mut raw, session.as_str());
    done(raw, s, json!({ "type": "create_directory", "path": "d" })).await;
    let script = "printf '%s|' \"$@\"; echo $A; pwd; cat";
    for (kind, name, env) in [("execute_shell", "commandName", "env"), ("shell", "command", "environment")] {
        let mut command = json!({ "type": kind, "args": ["-c", script, "sh", "a b", "$HOME", ""], "stdin": "in",
                                  "workingDirectory": "d" });
        command[name] = json!("sh");
        command[env] = json!({ "A": "1" });
        let result = done(raw, s, command).await;
        assert_eq!(result["stdout"], "a b|$HOME||1\n/workspace/d\nin", "{result}");
        let plain = [&result["exitCode"], &result["stderr"], &result["truncated"]];
        assert_eq!(plain, [&json!(0), &json!(""), &json!(false)]);
        assert!(result["durationMs"].is_u64(), "{result}");
    }
    let mut ended = async |command: Value| {
        let answer = raw.execute(s, command).await;
        assert_eq!(answer["success"], false, "{answer}");
        answer["result"].clone()
    };
    assert_eq!(ended(sh("echo no >&2; exit 3")).await["exitCode"], 3);
    let killed = ended(sh("kill -9 $$")).await;
    assert_eq!((&killed["exitCode"], &killed["signal"]), (&json!(137), &json!("SIGKILL")));
    let missing = ended(json!({ "type": "shell", "command": "no-such-program" })).await;
    assert_eq!(missing["exitCode"], 127);
    let params = json!({ "sessionId": s, "command": sh("sleep 1000"), "timeoutMs": 100 });
    let late = raw.result("session.execute", params).await;
    assert_eq!((&late["success"], &late["result"]["timedOut"]), (&json!(false), &json!(true)), "{late}");
    assert_eq!(late["result"]["exitCode"], 124);
    // Where there is no network packages can't be had, and it says so.
    let packages = failure(raw, s, json!({ "type": "install_packages", "packages": ["tiny"] })).await;
    assert!(packages.contains("network"), "{packages}");
    bench.end().await;
}

#[tokio::test]
async fn code() {
    let Some(bench) = Bench::open().await else { return };
    let (mut raw, session) = bench.session().await;
    let (raw, s) = (&mut raw, session.as_str());
    let telling = Kind::Python.telling();
    for command in [
        json!({ "type": "execute_code", "code": telling, "args": ["x"], "stdin": "in", "language": "PY" }),
        json!({ "code": telling, "args": ["x"], "stdin": "in" }),
        json!({ "Code": telling, "Args": ["x"], "Stdin": "in", "Language": "" }),
    ] {
        let result = done(raw, s, command).await;
        assert_eq!((&result["stdout"], &result["exitCode"]), (&json!("[x]none\nin"), &json!(0)), "{result}");
    }
    // The original's `execute` gives what was printed and nothing else.
    let printed = done(raw, s, json!({ "type": "execute", "code": "print('é')\nprint(2)" })).await;
    assert_eq!(printed, "é\n2");
    let answer = raw.execute(s, json!({ "type": "execute", "code": Kind::Python.failing() })).await;
    assert_eq!((&answer["success"], &answer["result"]), (&json!(false), &json!("out")), "{answer}");
    assert!(text(&answer["error"]).contains('3'), "{answer}");
    bench.end().await;
}
