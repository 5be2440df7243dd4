//! CodeBeaker.
