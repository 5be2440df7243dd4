//! What the tests of races share.

use bytes::Bytes;
use codebeaker::protocol::*;
use codebeaker::tui::{Msg, RunMsg, SessionMsg};
use crossterm::event::KeyCode;

use super::{Bench, finished, key, session};

/// A workbench in which a race was begun on these runtimes: its runs are counted from 1.
pub fn raced(width: u16, height: u16, runtimes: &[RuntimeType]) -> Bench {
    let mut bench = Bench::new(width, height);
    bench.found(runtimes).press([key(KeyCode::F(12))]);
    bench
}

/// The session of a lane is there.
pub fn ready(run: u32, id: &str, runtime: RuntimeType) -> Msg {
    let info = session(id, Language::TypeScript, runtime);
    let startup_ms = if runtime == RuntimeType::Docker { 561.0 } else { info.startup_ms };
    let info = Box::new(SessionInfo { startup_ms, ..info });
    Msg::Session(SessionMsg::Created { run: Some(run), result: Ok(info) })
}

/// A lane's program was started and writes.
pub fn wrote(bench: &mut Bench, run: u32, text: &str) {
    bench.tell(Msg::Run(RunMsg::Started(run)));
    let data = Bytes::copy_from_slice(text.as_bytes());
    bench.tell(Msg::Run(RunMsg::Output(run, vec![(OutputStream::Stdout, data)])));
}

/// A lane's program ended, in so many milliseconds.
pub fn ended(bench: &mut Bench, run: u32, exit_code: i32, wall_ms: u32) {
    let mut result = finished(exit_code);
    if let Some(CommandOutput::Process(process)) = &mut result.result {
        process.duration_ms = wall_ms;
        process.signal = (exit_code == 130).then(|| "SIGINT".to_owned());
    }
    bench.tell(Msg::Run(RunMsg::Finished(run, result)));
}
