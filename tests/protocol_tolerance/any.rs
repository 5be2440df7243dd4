//! Anything that may come in, for the property tests.

use codebeaker::protocol::*;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Any JSON value, often with words that the protocol knows.
pub fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        // Words that mean something, so that more than the first check is reached.
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((prop_oneof![word(), any::<String>()], inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "jsonrpc",
        "2.0",
        "id",
        "method",
        "params",
        "result",
        "error",
        "code",
        "data",
        "type",
        "Type",
        "path",
        "content",
        "mode",
        "args",
        "env",
        "pty",
        "rows",
        "cols",
        "command",
        "commandName",
        "command_name",
        "shell",
        "execute_shell",
        "write_file",
        "read_file",
        "copy_file",
        "source",
        "sourcePath",
        "list_files",
        "execute",
        "recursive",
        "sessionId",
        "language",
        "python",
        "cpus",
        "limits",
        "success",
        "durationMs",
        "exitCode",
    ])
    .prop_map(str::to_owned)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[ -~]{0,12}"]
}

fn maybe<T: Clone + std::fmt::Debug + 'static>(
    some: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<Option<T>> {
    prop::option::of(some).boxed()
}

/// Any command.
pub fn any_command() -> impl Strategy<Value = Command> {
    let encoding = || maybe(prop::sample::select(Encoding::ALL));
    let texts = || prop::collection::vec(text(), 0..4);
    let size = (any::<u16>(), any::<u16>()).prop_map(|(rows, cols)| PtySize { rows, cols });
    let env = prop::collection::btree_map(text(), text(), 0..4);
    let mode = prop::sample::select(WriteMode::ALL);
    prop_oneof![
        (text(), text(), encoding(), mode).prop_map(|(path, content, encoding, mode)| {
            Command::WriteFile(WriteFile { path, content, encoding, mode })
        }),
        (text(), encoding()).prop_map(|(path, encoding)| Command::ReadFile(ReadFile { path, encoding })),
        (text(), texts(), maybe(text()), env, maybe(text()), maybe(size)).prop_map(
            |(command_name, args, working_directory, env, stdin, pty)| {
                Command::ExecuteShell(ExecuteShell { command_name, args, working_directory, env, stdin, pty })
            }
        ),
        (text(), any::<bool>())
            .prop_map(|(path, recursive)| Command::CreateDirectory(CreateDirectory { path, recursive })),
        (text(), text(), any::<bool>()).prop_map(|(source, destination, overwrite)| {
            Command::CopyFile(CopyFile { source, destination, overwrite })
        }),
        (text(), any::<bool>())
            .prop_map(|(path, recursive)| Command::DeleteFile(DeleteFile { path, recursive })),
        (text(), any::<bool>(), maybe(any::<u32>()), maybe(text()), any::<bool>()).prop_map(
            |(path, recursive, max_depth, pattern, include_hidden)| {
                Command::ListDirectory(ListDirectory { path, recursive, max_depth, pattern, include_hidden })
            }
        ),
        (
            text(),
            maybe(prop::sample::select(Language::ALL)),
            texts(),
            maybe(text()),
            any::<bool>(),
            maybe(text()),
            maybe(any::<(u16, u16)>().prop_map(|(rows, cols)| PtySize { rows, cols }))
        )
            .prop_map(|(code, language, args, stdin, repl, file_name, pty)| {
                Command::ExecuteCode(ExecuteCode { code, language, args, stdin, repl, file_name, pty })
            }),
        (texts(), maybe(text()), any::<bool>(), texts()).prop_map(
            |(packages, requirements_file, global, flags)| {
                Command::InstallPackages(InstallPackages { packages, requirements_file, global, flags })
            }
        ),
    ]
}

/// An id as it may stand in a message.
pub fn any_id() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,8})?([eE][-+]?[0-9]{1,4})?",
        any::<String>().prop_map(|id| json!(id).to_string()),
        "\"(\\\\u[dD][0-7][0-9a-fA-F]{2}|[ a-z]|\\\\[\"\\\\/bfnrt]){0,8}\"",
    ]
}
