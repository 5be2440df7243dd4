//! The benchmark: the order and the ends of its work over an engine that does as it is told, and the built binary over
//! real runtimes.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "bench/binary.rs"]
mod binary;
#[path = "bench/fake.rs"]
mod fake;
#[path = "bench/order.rs"]
mod order;
mod support;
