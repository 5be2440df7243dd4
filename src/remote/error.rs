//! What can go wrong with a server that is elsewhere, told apart by who can do something about it.

use crate::protocol::{ErrorKind, Failure};

/// Why a server elsewhere gave no answer that helps.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RemoteError {
    /// It was not reached, or not any longer.
    #[error("{message}")]
    Transport {
        /// Trying again may help.
        passing: bool,
        /// Nobody listens there: whether that has changed is cheap to find out.
        nobody: bool,
        /// What kind of failure this is for whoever asked.
        kind: ErrorKind,
        /// What happened, in one sentence.
        message: String,
        /// What to do next.
        hint: String,
    },
    /// It has answered that it can't or won't.
    #[error("{0}")]
    Server(Failure),
    /// It has answered what can't be read.
    #[error("the server's answer to {method} can't be read: {message}")]
    Decode {
        /// What was asked.
        method: String,
        /// What is wrong with the answer.
        message: String,
    },
}

impl RemoteError {
    /// A failure that may pass: the server is not up, the network is down.
    pub fn passing(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Transport {
            passing: true,
            nobody: false,
            kind: ErrorKind::Unreachable,
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// Nobody listens at the address.
    pub fn nobody(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Transport {
            passing: true,
            nobody: true,
            kind: ErrorKind::Unreachable,
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// A failure that stays until somebody does something.
    pub fn lasting(kind: ErrorKind, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Transport { passing: false, nobody: false, kind, message: message.into(), hint: hint.into() }
    }

    /// Nobody listens there.
    pub fn is_nobody(&self) -> bool {
        matches!(self, Self::Transport { nobody: true, .. })
    }

    /// Trying again without doing anything else may help.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Transport { passing, .. } => *passing,
            // It has too much to do, or is just going.
            Self::Server(failure) => matches!(
                failure.kind,
                ErrorKind::LimitReached | ErrorKind::Busy | ErrorKind::Cancelled | ErrorKind::Unreachable
            ),
            Self::Decode { .. } => false,
        }
    }
}

impl From<RemoteError> for Failure {
    fn from(error: RemoteError) -> Self {
        match error {
            RemoteError::Server(failure) => failure,
            RemoteError::Transport { kind, message, hint, .. } => Self::new(kind, message, hint),
            RemoteError::Decode { .. } => Self::new(
                ErrorKind::Internal,
                error.to_string(),
                "is it a CodeBeaker server? another version may speak otherwise",
            ),
        }
    }
}
