//! CodeBeaker.
pub mod agent;
pub mod cli;
pub mod config;
pub mod engine;
pub mod protocol;
pub mod provision;
pub mod runtimes;
pub mod sandbox;
pub mod tui;
