//! CodeBeaker.
pub mod agent;
pub mod engine;
pub mod protocol;
