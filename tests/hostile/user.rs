//! The same once more, as an ordinary user.

use crate::support::user;

/// Runs this whole file as the user that `CODEBEAKER_TEST_USER` names, in a directory of its own.
#[test]
fn again_as_an_ordinary_user() {
    user::again("again_as_an_ordinary_user");
}
