//! CodeBeaker.
pub mod agent;
pub mod engine;
pub mod protocol;
pub mod provision;
pub mod runtimes;
pub mod sandbox;
