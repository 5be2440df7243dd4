//! What a client may say to widen the sandbox: variables that change programs, flags in front of the file.

use std::collections::BTreeMap;

use codebeaker::protocol::{Command, CreateSession, WriteFile};
use serde_json::json;

use crate::paths::write;
use crate::siege::{Siege, program};
use crate::support::native::Kind;

pub async fn variables_that_change_programs(siege: &Siege) {
    let env: BTreeMap<String, String> = [
        ("LD_PRELOAD", "/workspace/none.so"),
        ("LD_LIBRARY_PATH", "/workspace"),
        ("NODE_OPTIONS", "--require /workspace/pre.cjs"),
        ("NODE_PATH", "/workspace"),
        ("BUN_OPTIONS", "--preload /workspace/pre.cjs"),
        ("BUN_CONFIG_REGISTRY", "http://127.0.0.1:1/"),
        ("DENO_DIR", "/workspace/deno"),
        ("DENO_V8_FLAGS", "--expose-gc"),
        ("DENO_PERMISSIONS", "all"),
        ("PYTHONPATH", "/workspace"),
        ("PYTHONSTARTUP", "/workspace/sitecustomize.py"),
        ("BASH_ENV", "/workspace/rc"),
        ("ENV", "/workspace/rc"),
        ("PATH", "/workspace:/usr/local/bin:/usr/bin:/bin"),
        ("HOME", "/root"),
        ("IFS", "/"),
        ("CLIENT_CANARY", "widened"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let inside = siege.create_with(CreateSession { env, ..siege.params() }).await;
    let facts = siege.facts(json!({}));
    let look = |quoted: &str| format!("{quoted}: {}", json!(siege.canaries.files()));
    let pre = format!(
        "const fs = require('node:fs'); for (const path of {}) try {{ fs.appendFileSync('/workspace/told', fs.readFileSync(path)); }} catch (e) {{ fs.appendFileSync('/workspace/told', 'ran '); }}",
        json!(siege.canaries.files())
    );
    let site = format!(
        "import os\nfor path in {}:\n    try:\n        told = open(path).read()\n    except OSError:\n        told = 'ran '\n    open('/workspace/told', 'a').write(told)\n",
        json!(siege.canaries.files())
    );
    for (name, text) in [("pre.cjs", &pre), ("sitecustomize.py", &site), ("rc", &look("#"))] {
        assert!(siege.execute(&inside, write(name, text)).await.success);
    }
    siege.hello(&inside).await;
    siege.held_in_python(&inside, include_str!("attacks/host.py"), &facts).await;
    let told = siege.sh(&inside, "cat /workspace/told").await.stdout;
    assert!(told.contains("ran "), "none of them ran: it proves nothing");
    assert!(!told.contains(&siege.canaries.token), "{told}");
    // They are that session's alone.
    let other = siege.create().await;
    let variables = siege.sh(&other, "env").await.stdout;
    assert!(!variables.contains("widened") && !variables.contains("LD_PRELOAD"), "{variables}");
    siege.hello(&other).await;
}

/// A caller's own words for the runtime, in front of all the attacks there are.
pub async fn flags_in_front_of_the_file(siege: &Siege) {
    let inside = siege.create().await;
    let facts = siege.facts(json!({})).to_string();
    let script = |name: &str, text: &str| Command::WriteFile(WriteFile::bytes(name, text.as_bytes()));
    let javascript = include_str!("attacks/code.js");
    let python = format!("{}\n{}", include_str!("attacks/rig.py"), include_str!("attacks/code.py"));
    for (name, text) in [("code.js", javascript), ("code.py", &python), ("pre.js", "globalThis.pre = 1;")] {
        assert!(siege.execute(&inside, script(name, text)).await.success);
    }
    let task =
        json!({ "tasks": { "steal": "deno run -A code.js" }, "permissions": { "default": { "all": true } } });
    assert!(siege.execute(&inside, write("deno.json", &task.to_string())).await.success);
    let calls: &[(&str, &[&str])] = match siege.kind {
        Kind::Deno => &[
            ("deno", &["run", "-A", "code.js"]),
            ("deno", &["run", "--allow-all", "--no-prompt", "/workspace/code.js"]),
            (
                "deno",
                &[
                    "run",
                    "--allow-read",
                    "--allow-write",
                    "--allow-net",
                    "--allow-env",
                    "--allow-sys",
                    "--allow-ffi",
                    "--allow-run",
                    "code.js",
                ],
            ),
            ("deno", &["task", "steal"]),
            ("sh", &["-c", "deno run -A code.js \"$1\"", "sh"]),
        ],
        Kind::Bun => &[
            ("bun", &["--preload", "./pre.js", "code.js"]),
            ("bun", &["run", "--bun", "code.js"]),
            ("bun", &["--env-file=/proc/1/environ", "code.js"]),
            ("sh", &["-c", "bun --smol code.js \"$1\"", "sh"]),
        ],
        Kind::JavaScript => &[
            ("node", &["--require", "./pre.js", "code.js"]),
            ("node", &["--allow-natives-syntax", "--expose-internals", "code.js"]),
            ("sh", &["-c", "node code.js \"$1\"", "sh"]),
        ],
        _ => &[
            ("python3", &["-X", "dev", "code.py"]),
            ("python3", &["-E", "-S", "-B", "code.py"]),
            ("sh", &["-c", "python3 code.py \"$1\"", "sh"]),
        ],
    };
    let facts_value = siege.facts(json!({}));
    for (name, args) in calls {
        let args = [args, &[facts.as_str()][..]].concat();
        let ended = siege.execute(&inside, program(name, &args)).await;
        println!("{name} {args:?}");
        siege.held(&ended, &facts_value);
    }
    if siege.kind == Kind::Deno {
        // All rights, by nature.
        for canary in siege.canaries.files() {
            let code = format!(
                "try {{ console.log(Deno.readTextFileSync({canary:?})) }} catch (e) {{ console.log('held', e.name) }}"
            );
            let ended = siege.run(&inside, program("deno", &["eval", &code])).await;
            assert!(ended.stdout.starts_with("held "), "{ended:?}");
        }
        let outside = siege.canaries.files()[1].clone();
        siege.run(&inside, program("deno", &["fmt", &outside])).await;
        siege.canaries.untouched();
    }
}
