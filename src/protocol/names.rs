//! Enums that go by name on the wire, and are read by name in any case or by the number of the original server.

use serde::de::Unexpected;

/// An enum with a name on the wire.
pub trait WireName: Sized + Copy + 'static {
    /// Every value, in the order people are shown them.
    const ALL: &'static [Self];
    /// The name as it is written.
    fn name(self) -> &'static str;
    /// Reads a name in any case, or one of its aliases.
    fn from_name(name: &str) -> Option<Self>;
    /// Reads the number the original server gave this value.
    fn from_number(number: i64) -> Option<Self>;
}

/// Declares an enum whose values have a name, optional aliases and optionally numbers on the wire.
macro_rules! wire_enum {
    ($(#[$meta:meta])* $vis:vis enum $ty:ident {
        $($(#[$vmeta:meta])* $variant:ident = $name:literal $(| $alias:literal)* $(, # $number:literal $(| $also:literal)*)?;)+
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        $vis enum $ty { $($(#[$vmeta])* $variant,)+ }

        impl $crate::protocol::names::WireName for $ty {
            const ALL: &'static [Self] = &[$($ty::$variant,)+];
            fn name(self) -> &'static str { match self { $($ty::$variant => $name,)+ } }
            fn from_name(name: &str) -> Option<Self> {
                $(if name.eq_ignore_ascii_case($name) $(|| name.eq_ignore_ascii_case($alias))* {
                    return Some($ty::$variant);
                })+
                None
            }
            fn from_number(number: i64) -> Option<Self> {
                $($(if number == $number $(|| number == $also)* { return Some($ty::$variant); })?)+
                let _ = number;
                None
            }
        }

        impl std::fmt::Display for $ty {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad($crate::protocol::names::WireName::name(*self))
            }
        }

        impl std::str::FromStr for $ty {
            type Err = String;
            fn from_str(s: &str) -> Result<Self, String> {
                use $crate::protocol::names::WireName;
                Self::from_name(s).ok_or_else(|| $crate::protocol::names::unknown::<Self>(s))
            }
        }

        impl serde::Serialize for $ty {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str($crate::protocol::names::WireName::name(*self))
            }
        }

        impl<'de> serde::Deserialize<'de> for $ty {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                d.deserialize_any($crate::protocol::names::NameVisitor::<Self>::default())
            }
        }
    };
}
pub(crate) use wire_enum;

/// The sentence for a name that no value has: it lists those that exist.
pub fn unknown<T: WireName>(given: &str) -> String {
    let known: Vec<&str> = T::ALL.iter().map(|v| v.name()).collect();
    format!("unknown name {given:?}: use one of {}", known.join(", "))
}

/// Reads a [`WireName`] from a string or a number.
pub struct NameVisitor<T>(std::marker::PhantomData<T>);

impl<T> Default for NameVisitor<T> {
    fn default() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<T: WireName> serde::de::Visitor<'_> for NameVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known: Vec<&str> = T::ALL.iter().map(|v| v.name()).collect();
        write!(f, "one of {}", known.join(", "))
    }

    fn visit_str<E: serde::de::Error>(self, s: &str) -> Result<T, E> {
        T::from_name(s).ok_or_else(|| E::invalid_value(Unexpected::Str(s), &self))
    }

    fn visit_i64<E: serde::de::Error>(self, n: i64) -> Result<T, E> {
        T::from_number(n).ok_or_else(|| E::invalid_value(Unexpected::Signed(n), &self))
    }

    fn visit_u64<E: serde::de::Error>(self, n: u64) -> Result<T, E> {
        let known = i64::try_from(n).ok().and_then(T::from_number);
        known.ok_or_else(|| E::invalid_value(Unexpected::Unsigned(n), &self))
    }
}
