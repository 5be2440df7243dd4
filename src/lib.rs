//! CodeBeaker.

pub mod provision;
