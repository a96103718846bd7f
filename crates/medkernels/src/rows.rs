//! A buffer whose rows belong to different owners, until it is whole again.
//!
//! Several threads fill one batch, each the rows of the patches that it makes, for as long as they take. Borrowed parts
//! (`chunks_mut`) would tie all of them to one call; these are owned, and keep the memory alive wherever they are.
#![allow(
    unsafe_code,
    reason = "owned parts of one block of memory, which the standard library does not have"
)]

use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::buffer::Buffer;

/// The memory of rows: `start` points to the buffer's bytes, which nobody reaches through the buffer while it is here.
struct Memory {
    start: NonNull<u8>,
    buffer: Buffer,
}

// SAFETY: `start` points into `buffer`, which is plain memory and stays in its place; it is only read through `Row`, each of which has bytes of its own.
unsafe impl Send for Memory {}
// SAFETY: the same; nothing can be done with a shared `Memory`.
unsafe impl Sync for Memory {}

/// A buffer that was divided into rows. It is had back when all of them are gone.
///
/// ```
/// use medkernels::buffer::Buffer;
/// use medkernels::rows::Divided;
/// let (divided, rows) = Divided::new(Buffer::zeroed(8)?, 4);
/// std::thread::scope(|s| {
///     for (n, mut row) in rows.into_iter().enumerate() {
///         s.spawn(move || row.as_bytes_mut().fill(n as u8 + 1));
///     }
/// });
/// let buffer = divided.into_buffer().expect("every row is gone");
/// assert_eq!(buffer.as_bytes(), [1, 1, 1, 1, 2, 2, 2, 2]);
/// # Ok::<(), medkernels::buffer::AllocError>(())
/// ```
#[derive(Debug)]
pub struct Divided(Arc<Memory>);

/// Some bytes of a divided buffer, and their only owner.
pub struct Row {
    /// Keeps the memory.
    memory: Arc<Memory>,
    start: usize,
    len: usize,
}

impl Divided {
    /// Divides a buffer into rows of `bytes` bytes, the last one shorter if they do not come out even.
    ///
    /// # Panics
    /// If `bytes` is 0.
    pub fn new(mut buffer: Buffer, bytes: usize) -> (Divided, Vec<Row>) {
        let len = buffer.len();
        // Moving a buffer does not move its bytes.
        let start = NonNull::from(buffer.as_bytes_mut()).cast();
        let memory = Arc::new(Memory { start, buffer });
        let row = |start| Row { memory: Arc::clone(&memory), start, len: bytes.min(len - start) };
        let rows = (0..len).step_by(bytes).map(row).collect();
        (Divided(memory), rows)
    }

    /// The buffer, if all rows are gone.
    ///
    /// # Errors
    /// Itself, as long as there is a row.
    pub fn into_buffer(self) -> Result<Buffer, Divided> {
        Arc::try_unwrap(self.0).map(|memory| memory.buffer).map_err(Divided)
    }
}

impl Row {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: `start..start + len` lies inside the buffer's initialised bytes, which live as long as `memory`, and
        // in no other row; whoever changes them borrows this one mutably.
        unsafe { std::slice::from_raw_parts(self.memory.start.add(self.start).as_ptr(), self.len) }
    }

    /// The bytes, to be written.
    pub fn as_bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and this row is borrowed for this alone.
        unsafe { std::slice::from_raw_parts_mut(self.memory.start.add(self.start).as_ptr(), self.len) }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.buffer.fmt(f)
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("start", &self.start).field("len", &self.len).finish_non_exhaustive()
    }
}
