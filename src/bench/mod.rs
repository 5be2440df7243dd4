//! Measuring: an engine's runtimes against each other and against what is known of them. Knows the engine as a trait,
//! and no face.

pub mod calibrate;
