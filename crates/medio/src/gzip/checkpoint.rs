//! Checkpoints: places at which a deflate stream can be entered.

use std::sync::Arc;

use flate2::{Compress, Compression, FlushCompress};

use super::raw::{At, Corrupt, RawInflate, WINDOW};

/// Content between two checkpoints, at least. A window of 32 KiB for each MiB shrinks about as well as the file does, so that an index is
/// 3 to 4 % of its file, and entering costs half a MiB of inflating on average.
pub(crate) const SPACING: u64 = 1 << 20;

/// A checkpoint takes at most one part in so many of the file's bytes since the one before.
const SHARE: u64 = 22;

/// Bytes of a checkpoint besides its window, in memory and in a file.
pub(crate) const FIXED: usize = 32;

/// Windows are many and short: a quick level.
const LEVEL: u32 = 2;

/// Where a block begins, and what must be known to decode it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// Bytes of the file's content before it.
    pub(crate) position: u64,
    /// Bits of the file before it.
    pub(crate) bit: u64,
    /// CRC-32 of the member's content so far.
    pub(crate) crc: u32,
    /// Bytes of it, modulo 2^32.
    pub(crate) size: u32,
    /// Bytes of the content before it that the block may look back at.
    pub(crate) window: u32,
    /// Those, deflated.
    pub(crate) packed: Box<[u8]>,
}

impl Checkpoint {
    /// The content before it.
    pub(crate) fn window(&self) -> Result<Vec<u8>, Corrupt> {
        let length = (self.window as usize).min(WINDOW);
        // One byte more, so that the stream comes to its end.
        let mut out = vec![0; length + 1];
        if length > 0 {
            let step = RawInflate::new().inflate(&self.packed, &mut out, false)?;
            if (step.made, step.at) != (length, At::End) {
                return Err(Corrupt);
            }
        }
        out.truncate(length);
        Ok(out)
    }

    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        FIXED + self.packed.len()
    }
}

/// The checkpoints of a file, from its start on without gaps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Index {
    /// In their order.
    pub(crate) points: Vec<Arc<Checkpoint>>,
    /// Whether the stream has been followed to its end.
    pub(crate) complete: bool,
}

impl Index {
    /// The last checkpoint at or before a byte of the content.
    pub(crate) fn before(&self, position: u64) -> Option<&Arc<Checkpoint>> {
        self.points[..self.points.partition_point(|p| p.position <= position)].last()
    }

    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.points.iter().map(|p| p.bytes()).sum()
    }
}

/// Chooses checkpoints. Which ones depends on the file and the last known one only, so that all readers find the same.
pub(crate) struct Gatherer {
    /// The content's byte from which on the next one is wanted.
    pub(crate) due: u64,
    pub(crate) found: Vec<Arc<Checkpoint>>,
    last_bit: u64,
    compress: Compress,
}

impl Gatherer {
    /// For what comes after a checkpoint, or after the start.
    pub(crate) fn after(last: Option<&Arc<Checkpoint>>) -> Gatherer {
        Gatherer {
            due: last.map_or(0, |p| p.position) + SPACING,
            found: vec![],
            last_bit: last.map_or(0, |p| p.bit),
            compress: Compress::new(Compression::new(LEVEL), false),
        }
    }

    /// Takes a place as a checkpoint, unless it would take too large a share of the file.
    pub(crate) fn offer(&mut self, position: u64, bit: u64, crc: u32, size: u32, window: &[u8]) {
        let packed = self.pack(window);
        let point = Checkpoint { position, bit, crc, size, window: window.len() as u32, packed };
        if point.bytes() as u64 * SHARE * 8 > bit - self.last_bit {
            self.due = position + SPACING / 4;
            return;
        }
        (self.due, self.last_bit) = (position + SPACING, bit);
        self.found.push(Arc::new(point));
    }

    fn pack(&mut self, window: &[u8]) -> Box<[u8]> {
        let mut out = Vec::with_capacity(window.len() + window.len() / 8 + 64);
        if !window.is_empty() {
            self.compress.reset();
            // Room for content that does not shrink: it cannot fail, and if it did, the window would be found unusable.
            let _ = self.compress.compress_vec(window, &mut out, FlushCompress::Finish);
        }
        out.into_boxed_slice()
    }
}
