//! Identifiers: 32 hexadecimal digits of which 122 bits are random, so that none can be guessed.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// A new random identifier.
            pub fn random() -> Self {
                Self(uuid::Uuid::new_v4().simple().to_string())
            }

            /// The first eight characters: enough to tell a screenful apart.
            pub fn short(&self) -> &str {
                self.0.get(..8).unwrap_or(&self.0)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(s: &str) -> Self {
                Self(s.to_owned())
            }
        }
    };
}

id! {
    /// Names a session for as long as it lives.
    SessionId
}
id! {
    /// Names one launched environment: the agent inside its isolation.
    EnvironmentId
}
id! {
    /// Names one execution. A client may choose it, so that it can interrupt what it has only just asked for.
    ExecutionId
}
