//! The walls themselves, above all the weaker one: what sessions are held by where namespaces are refused, what is
//! counted there and how it ends, what trying a wall shows of it, and that no session is ever launched behind a weaker
//! one than was said. `again_as_an_ordinary_user` runs all of it a second time where the first was root's,
//! `again_without_control_groups` what is counted.
//!
//! What these programs do is bounded: where the sandbox fails to hold them, the machine survives it.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(target_os = "linux")]

#[path = "walls/again.rs"]
mod again;
#[path = "walls/counted.rs"]
mod counted;
#[path = "walls/doctor.rs"]
mod doctor;
#[path = "walls/ends.rs"]
mod ends;
#[path = "walls/held.rs"]
mod held;
#[path = "hostile/lasting.rs"]
mod lasting;
#[path = "hostile/siege.rs"]
mod siege;
mod support;
#[path = "walls/tried.rs"]
mod tried;

use codebeaker::runtimes::Tier;
use siege::{Siege, under_siege_of};
use support::native::{self, Kind};

/// Runs a part on an engine whose sessions have Landlock and the system call filter alone.
async fn behind_landlock(kind: Kind, part: impl AsyncFnOnce(&Siege)) {
    under_siege_of(kind, native::behind(Tier::Landlock), part).await;
}

macro_rules! parts {
    ($module:ident: $kind:ident: $($area:ident::$part:ident,)*) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $part() {
                    let part = async |siege: &crate::Siege| crate::$area::$part(siege).await;
                    crate::behind_landlock(crate::Kind::$kind, part).await;
                }
            )*
        }
    };
}

macro_rules! each {
    ($module:ident: $kind:ident) => {
        parts! { $module: $kind:
            held::files_of_the_host,
            held::files_of_the_host_by_its_own_language,
            held::files_by_file_commands,
            held::sockets,
            held::sockets_where_the_network_was_asked_for,
            held::processes,
            held::privileges,
            held::its_own_paths,
        }
    };
}

parts! { leftovers: Python:
    lasting::endless_loops,
    lasting::deaf_to_signals,
    lasting::stopped_by_itself,
    lasting::odd_time_limits,
    lasting::daemons,
    lasting::holders_of_the_pipe,
    lasting::zombies,
    lasting::closed_while_it_runs,
    lasting::dropped_while_it_runs,
}

each! { deno: Deno }
each! { bun: Bun }
each! { python: Python }
each! { javascript: JavaScript }
