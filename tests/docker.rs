//! Sessions in containers, held against a real Docker Engine: what their containers are, that they run what they should,
//! that nothing of them is left, and what is said where something is wrong.
//!
//! The Engine is shared: a test looks at what carries its own engine's label, and at nothing else. What it makes itself
//! it removes, also when it fails.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(target_os = "linux")]

#[path = "docker/availability.rs"]
mod availability;
#[path = "docker/chosen.rs"]
mod chosen;
#[path = "docker/dead.rs"]
mod dead;
#[path = "docker/engine.rs"]
mod engine;
#[path = "docker/faults.rs"]
mod faults;
#[path = "docker/images.rs"]
mod images;
#[path = "docker/inside.rs"]
mod inside;
#[path = "docker/languages.rs"]
mod languages;
#[path = "docker/leaves.rs"]
mod leaves;
#[path = "docker/limits.rs"]
mod limits;
#[path = "docker/made.rs"]
mod made;
#[path = "docker/pool.rs"]
mod pool;
#[path = "docker/private.rs"]
mod private;
#[path = "docker/programs.rs"]
mod programs;
#[path = "docker/rig.rs"]
mod rig;
#[path = "docker/settings.rs"]
mod settings;
#[path = "docker/setup.rs"]
mod setup;
mod support;
#[path = "docker/transport.rs"]
mod transport;
