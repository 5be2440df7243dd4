//! Why nothing was launched.

use crate::protocol::Failure;

/// Why an environment was not launched.
#[derive(Debug)]
pub struct NotLaunched {
    /// In words.
    pub failure: Failure,
    /// What was to hold it or to lead into it did not work: what is thought of that may not be so any more.
    pub refused: bool,
}

impl From<Failure> for NotLaunched {
    fn from(failure: Failure) -> Self {
        Self { failure, refused: false }
    }
}
