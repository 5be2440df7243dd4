//! Hostile programs against sessions, on every runtime of this machine: for each threat, that the attack is
//! held, that the reason is told, that the engine goes on, and that nothing is left of it. `again_as_an_ordinary_user`
//! runs all of it a second time where the first was root's.
//!
//! What these programs do is bounded: where the sandbox fails to hold them, the machine survives it.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(target_os = "linux")]

#[path = "hostile/bombs.rs"]
mod bombs;
#[path = "hostile/client.rs"]
mod client;
#[path = "hostile/crash.rs"]
mod crash;
#[path = "hostile/files.rs"]
mod files;
#[path = "hostile/host.rs"]
mod host;
#[path = "hostile/lasting.rs"]
mod lasting;
#[path = "hostile/output.rs"]
mod output;
#[path = "hostile/paths.rs"]
mod paths;
#[path = "hostile/siblings.rs"]
mod siblings;
#[path = "hostile/siege.rs"]
mod siege;
mod support;
#[path = "hostile/trees.rs"]
mod trees;
#[path = "hostile/user.rs"]
mod user;

use support::native::Kind;

macro_rules! parts {
    ($kind:ident: $($area:ident::$part:ident,)*) => {
        $(
            #[tokio::test]
            async fn $part() {
                let part = async |siege: &crate::siege::Siege| crate::$area::$part(siege).await;
                crate::siege::under_siege(crate::Kind::$kind, part).await;
            }
        )*
    };
}

macro_rules! threats {
    ($module:ident: $kind:ident) => {
        mod $module {
            parts! { $kind:
                paths::path_traversal,
                paths::working_directories_outside,
                files::planted_links,
                files::links_that_change_while_they_are_read,
                files::links_that_change_while_they_are_written,
                files::pipes_sockets_and_devices,
                files::files_without_end,
                files::traps_where_the_engine_writes,
                trees::a_deep_tree_is_deleted,
                trees::a_deep_tree_is_left_behind,
                trees::many_files,
                trees::odd_names,
                host::files_and_secrets_of_the_host,
                host::files_and_secrets_of_the_host_by_its_own_language,
                host::networks,
                host::the_network_where_it_was_asked_for,
                host::privileges,
                host::other_processes,
                host::programs_of_the_host_by_name,
                host::isolation_as_it_is_told,
                siblings::files_of_another_session,
                siblings::processes_of_another_session,
                siblings::sockets_of_another_session,
                bombs::processes,
                bombs::processes_that_multiply,
                bombs::threads,
                bombs::memory_of_one,
                bombs::memory_of_many,
                bombs::memory_of_no_process,
                bombs::memory_that_outlives_programs,
                bombs::memory_of_its_own_language,
                bombs::the_default_limits,
                bombs::bytes_in_the_workspace,
                bombs::bytes_in_private_places,
                bombs::files_in_the_workspace,
                bombs::files_in_private_places,
                bombs::one_large_file,
                bombs::open_files,
                bombs::what_is_counted_for_everybody,
                bombs::core_dumps,
                output::floods_on_both_streams,
                output::without_a_line_end,
                output::bytes_that_are_no_text,
                output::without_end,
                output::that_nobody_takes,
                lasting::endless_loops,
                lasting::deaf_to_signals,
                lasting::stopped_by_itself,
                lasting::odd_time_limits,
                lasting::daemons,
                lasting::holders_of_the_pipe,
                lasting::zombies,
                lasting::closed_while_it_runs,
                lasting::dropped_while_it_runs,
                client::variables_that_change_programs,
                client::flags_in_front_of_the_file,
            }
        }
    };
}

threats! { deno: Deno }
threats! { bun: Bun }
threats! { python: Python }
threats! { javascript: JavaScript }
threats! { docker: DockerPython }
