//! What is done for every key, frame, message and choice, by criterion: microseconds each.
//!
//! `cargo bench --bench hot [-- --quick] [NAME]`: `--quick` takes half a minute, and NAME only what is called so. Nothing
//! is asserted: goals stand in the names, and the machine's load is in every figure.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "only the bench uses it"
)]

#[path = "hot/choice.rs"]
mod choice;
#[path = "hot/colours.rs"]
mod colours;
#[path = "hot/frame.rs"]
mod frame;
#[path = "hot/output.rs"]
mod output;
#[path = "hot/rpc.rs"]
mod rpc;
#[path = "hot/wire.rs"]
mod wire;

#[path = "../tui_support/mod.rs"]
mod tui_support;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

/// Two seconds each without `--quick`: two minutes as a whole.
fn criterion() -> Criterion {
    Criterion::default()
        .without_plots()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(50)
}

/// A thousand lines of a program.
fn program() -> String {
    let block = "/** What is sold at one counter. */
export interface Till { name: string; open: boolean; sums: number[]; }

export async function total(tills: Till[], rate = 0.19): Promise<number> {
  // Those that are closed have no sums.
  const open = tills.filter((till) => till.open && till.name !== \"spare\");
  for (const till of open) console.log(`${till.name}: ${till.sums.length} sums, \\t${rate * 100} %`);
  return open.flatMap((till) => till.sums).reduce((a, b) => a + b, 0) * (1 + rate);
}

";
    block.repeat(100)
}

criterion_group! {
    name = hot;
    config = criterion();
    targets = choice::bench, wire::bench, rpc::bench, output::bench, colours::bench, frame::bench
}
criterion_main!(hot);
