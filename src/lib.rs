//! CodeBeaker.
pub mod config;
pub mod engine;
pub mod protocol;
pub mod tui;
