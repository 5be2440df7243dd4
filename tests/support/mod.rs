//! What several test files share. Each includes this as a module and uses a part of it.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod daemon;
pub mod docker;
pub mod home;
pub mod native;
pub mod original;
pub mod person;
pub mod proxy;
pub mod raw;
pub mod registry;
pub mod served;
pub mod user;

/// Whether a test that needs `name` (docker, deno, bun, registry, unshare…) can run. Where it can't, the reason is
/// printed, or, where `CODEBEAKER_TEST_REQUIRE` lists the name, the test fails.
pub fn require(name: &str, found: Result<(), String>) -> bool {
    let Err(reason) = found else { return true };
    let required = std::env::var("CODEBEAKER_TEST_REQUIRE").unwrap_or_default();
    if required.split(',').any(|listed| listed.trim().eq_ignore_ascii_case(name)) {
        panic!("{name} is required by CODEBEAKER_TEST_REQUIRE, but {reason}");
    }
    eprintln!("skipped: {name} is needed, but {reason}");
    false
}
