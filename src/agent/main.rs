//! The root of the agent's program, built by `build.rs` with `rustc` alone. Its modules are also part of the crate,
//! where they are linted and tested.
#![allow(dead_code)]

mod attempt;
mod frame;
mod landlock;
mod program;
mod seccomp;
mod sys;
mod tree;
mod wire;

fn main() {
    program::main();
}
