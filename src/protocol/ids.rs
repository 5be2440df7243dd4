//! Identifiers: 32 hexadecimal digits of which 122 bits are random, so that none can be guessed.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// The longest that is read: a client may choose some of these, and they are kept.
const LONGEST: usize = 128;

macro_rules! id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
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

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let id = String::deserialize(d)?;
                if id.len() > LONGEST {
                    return Err(D::Error::custom(format!("an id has {LONGEST} bytes at most")));
                }
                Ok(Self(id))
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
