//! Stopping a program by hand: a first wish interrupts it, a second one soon after kills it.

use std::time::Duration;

use crate::protocol::Signal;

/// A second wish within this time kills.
const KILL_WITHIN: Duration = Duration::from_secs(2);

/// What was asked of a running program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Nothing.
    #[default]
    No,
    /// To stop, at this time.
    Asked(Duration),
    /// It is being killed.
    Killing(Duration),
}

impl Stop {
    /// Takes a wish to stop it, and says which signal that is.
    pub(crate) fn ask(&mut self, now: Duration) -> Signal {
        let again = self.kills(now);
        *self = if again { Self::Killing(now) } else { Self::Asked(now) };
        if again { Signal::Kill } else { Signal::Int }
    }

    /// Whether another wish kills it now.
    pub(crate) fn kills(self, now: Duration) -> bool {
        match self {
            Self::No => false,
            Self::Asked(then) | Self::Killing(then) => now.saturating_sub(then) <= KILL_WITHIN,
        }
    }

    /// When it was asked to stop, and when another wish only asks again.
    pub(crate) fn lapses(self) -> Option<(Duration, Duration)> {
        match self {
            Self::Asked(then) => Some((then, then + KILL_WITHIN + Duration::from_millis(1))),
            Self::No | Self::Killing(_) => None,
        }
    }

    /// What goes on, where something does.
    pub(crate) fn word(self) -> Option<&'static str> {
        match self {
            Self::No => None,
            Self::Asked(_) => Some("stopping"),
            Self::Killing(_) => Some("killing"),
        }
    }

    /// The signal that a program is sent whose name was not known when it was asked for.
    pub(crate) fn due(self) -> Option<Signal> {
        match self {
            Self::No => None,
            Self::Asked(_) => Some(Signal::Int),
            Self::Killing(_) => Some(Signal::Kill),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_wish_kills_if_it_comes_soon() {
        let at = Duration::from_millis;
        let mut stop = Stop::default();
        assert_eq!((stop.word(), stop.due()), (None, None));
        assert_eq!(stop.ask(at(0)), Signal::Int);
        assert_eq!((stop.word(), stop.due()), (Some("stopping"), Some(Signal::Int)));
        assert_eq!(stop.ask(at(2001)), Signal::Int, "too late for the first, and a first itself");
        assert_eq!(stop.ask(at(4001)), Signal::Kill);
        assert_eq!((stop.word(), stop.due()), (Some("killing"), Some(Signal::Kill)));
    }
}
