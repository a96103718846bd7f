//! Memory in which a stream's content lies before it is asked for.

use std::ops::{Deref, DerefMut};

use medkernels::buffer::Buffer;

/// Memory for content, if there is any.
#[derive(Default)]
pub(super) struct Stage(Option<Buffer>);

impl From<Buffer> for Stage {
    fn from(memory: Buffer) -> Stage {
        Stage(Some(memory))
    }
}

impl Deref for Stage {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], Buffer::as_bytes)
    }
}

impl DerefMut for Stage {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.0.as_mut().map_or(&mut [], Buffer::as_bytes_mut)
    }
}
