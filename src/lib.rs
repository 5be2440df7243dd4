//! CodeBeaker: a workbench for running code in several runtimes, in the terminal.
//!
//! # The one idea
//!
//! Every environment is the same thing: **an agent running inside some isolation**. The agent is a small program
//! that starts processes and does file commands for the host, in frames over one byte stream. Runtimes differ in how
//! they launch it; sessions, streaming, time-outs, limits and accounting are the same for all.
//!
//! ```text
//!   cli ──► tui ──► trait Engine ◄── engine::Embedded ──► trait Runtime ◄── runtimes ──► sandbox
//!    │                ▲      ▲             │                                   │          (launcher)
//!    │                │      └── remote    └────────► agent (host's end) ◄─────┘──► provision
//!    └──► server ─────┘          ║                       ║ frames over a stream
//!              ╚═ JSON-RPC over ═╝                    agent (program, in the sandbox or container)
//!                 a WebSocket
//! ```
//!
//! # The map
//!
//! - [`cli`]: one file a verb; arguments to calls, failures to sentences and exit codes.
//! - [`tui`]: the workbench. `update` is pure, `view` changes nothing, `effects` alone talk to the engine.
//! - [`engine`]: [`engine::Engine`], what any face may ask; and [`engine::Embedded`], which answers in this process.
//! - [`server`]: any engine, served: who is let in, what a connection may have under way, what is kept for one who comes
//!   back.
//! - [`remote`]: an engine that is a WebSocket away, one of ours or an original one; the link, its loss and its return.
//! - [`agent`]: the program inside every sandbox, the frame format, and the host's end of the pipe.
//! - [`runtimes`]: Deno, Bun, this machine's interpreters, and containers of a Docker Engine: how each is found, called,
//!   and its agent launched; and the self-test, by which it is known which wall holds.
//! - [`sandbox`]: the launcher (our own binary, executed again), the walls it builds around an agent, control groups,
//!   and the score that what holds adds up to.
//! - [`bench`]: measures any engine: suites, order, statistics, comparison, reports; [`bench::calibrate`] what each runtime
//!   costs here, which the choice among them goes by.
//! - [`provision`]: fetches Deno and Bun, verified before anything is unpacked.
//! - [`protocol`]: the words on the wire. serde only: no tokio, no IO.
//! - [`config`]: settings, paths, themes and keymap files.
//!
//! # Invariants
//!
//! `tests/layering.rs` fails on any edge between these modules that is not in its table, among them:
//!
//! - the workbench knows the engine as a trait: it can't tell which runtimes there are behind it, nor whether it is in
//!   this process;
//! - server and client know each other by the protocol alone;
//! - the protocol, the agent, the sandbox and provisioning know nothing else of the crate;
//! - `unsafe` stands in `agent` and `sandbox` only, each block with its reason.
//!
//! And by construction:
//!
//! - the host takes what an agent says for the word of something that hostile code may have taken over: frames and
//!   windows are bounded, and one that breaks the rules is cut off;
//! - a session stands behind the strongest wall that held when it was tried, or there is none: a layer that can't be
//!   put on ends the launch, and nothing weaker takes its place;
//! - what a session had ends with it: its stream closes, its agent ends, and with the first process of its namespace
//!   every other, be that a namespace of ours or a container; what a killed engine leaves behind ends by the same
//!   closed stream, and the next engine removes its directories, control groups and containers, never those of one that
//!   lives;
//! - a container that ran one session's code is never another's;
//! - what an execution tells has one place in one order (`seq`), from the engine to the last client: a link that breaks
//!   loses and doubles nothing that the server keeps, and what it no longer keeps is told as a gap;
//! - whether a request was done is known, or it is said that it is not known; none is sent twice that would be done twice;
//! - a queue is bounded, a wait has an end, a task has an owner; a program whose output nobody takes waits;
//! - what is not known is absent, never 0.

pub mod agent;
pub mod bench;
pub mod cli;
pub mod config;
pub mod engine;
pub mod protocol;
pub mod provision;
pub mod remote;
pub mod runtimes;
pub mod sandbox;
pub mod server;
pub mod tui;
