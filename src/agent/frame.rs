//! The frame format between the host and an agent: a header of 12 bytes, then a bounded payload.
//!
//! ```text
//! 0..4   length of the payload, u32, little endian, at most MAX_PAYLOAD
//! 4      VERSION
//! 5      kind, see `wire`
//! 6..8   zero
//! 8..12  id of the task that the frame belongs to, u32, little endian; 0 is the agent itself
//! ```
//!
//! This file is compiled twice: into the host and into the agent's program. It may use std alone.

use std::fmt;

/// The format's version; a peer of another one is refused.
pub const VERSION: u8 = 1;
/// Bytes of a header.
pub const HEADER: usize = 12;
/// The most bytes a payload may have.
pub const MAX_PAYLOAD: usize = 1 << 20;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it says.
    pub kind: u8,
    /// The task it belongs to.
    pub id: u32,
    /// The rest.
    pub payload: Vec<u8>,
}

/// Why a byte stream is no stream of frames. There is no way on after one: where the next frame begins is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// Written by another version of the format, or no frame at all.
    Version(u8),
    /// The reserved bytes are not zero: no frame at all.
    Reserved,
    /// The payload is longer than [`MAX_PAYLOAD`].
    Oversized(u32),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(v) => write!(f, "frame of version {v}, expected {VERSION}"),
            Self::Reserved => f.write_str("frame with reserved bytes set"),
            Self::Oversized(n) => write!(f, "frame of {n} bytes, at most {MAX_PAYLOAD} are allowed"),
        }
    }
}

impl std::error::Error for FrameError {}

/// Appends a frame to `out`. One with a longer payload than [`MAX_PAYLOAD`] is not to be sent: its reader refuses it.
pub fn encode(out: &mut Vec<u8>, kind: u8, id: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    out.reserve(HEADER + payload.len());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&[VERSION, kind, 0, 0]);
    out.extend_from_slice(&id.to_le_bytes());
    out.extend_from_slice(payload);
}

/// Takes frames out of a byte stream that arrives in pieces of any size.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// How much of the buffer's beginning is already taken.
    taken: usize,
    broken: Option<FrameError>,
}

impl Decoder {
    /// Takes in what arrived. After an error that is nothing any more.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.broken.is_some() {
            return;
        }
        if self.taken > 0 && self.taken >= self.buffer.len() / 2 {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame; `None` until more arrives. An error is final.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        let rest = &self.buffer[self.taken..];
        let Some(header) = rest.first_chunk::<HEADER>() else { return Ok(None) };
        let [l0, l1, l2, l3, version, kind, r0, r1, i0, i1, i2, i3] = *header;
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        let error = if version != VERSION {
            Some(FrameError::Version(version))
        } else if (r0, r1) != (0, 0) {
            Some(FrameError::Reserved)
        } else if length as usize > MAX_PAYLOAD {
            Some(FrameError::Oversized(length))
        } else {
            None
        };
        if let Some(error) = error {
            self.broken = Some(error);
            self.buffer = Vec::new();
            return Err(error);
        }
        let Some(payload) = rest.get(HEADER..HEADER + length as usize) else { return Ok(None) };
        let frame = Frame { kind, id: u32::from_le_bytes([i0, i1, i2, i3]), payload: payload.to_vec() };
        self.taken += HEADER + length as usize;
        if self.taken == self.buffer.len() {
            self.buffer.clear();
            self.taken = 0;
        }
        Ok(Some(frame))
    }
}
