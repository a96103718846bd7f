//! One gzip stream from several threads: blocks are compressed apart, each flushed to a byte's end, and joined into one member
//! that every reader opens.

use std::sync::{Mutex, PoisonError};

use flate2::{Compress, Compression, FlushCompress, Status};

/// The gzip header: deflate, no name, no time, unknown system.
pub(crate) const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// An empty last block of a deflate stream.
const LAST_BLOCK: [u8; 2] = [3, 0];

/// zlib-rs' level for 0 to 9. 1 is encoded as 2: the encoder's own 1 gives up a fifth of the size for little time.
pub(crate) fn level_of(level: u32) -> Compression {
    Compression::new(if level == 1 { 2 } else { level })
}

/// A block, compressed, with the checksum of what it was.
pub(crate) struct Packed {
    pub(crate) bytes: Vec<u8>,
    pub(crate) crc: crc32fast::Hasher,
    pub(crate) length: u64,
}

/// Compressors of one level, kept for the next block.
pub(crate) struct Joiner {
    level: Compression,
    idle: Mutex<Vec<Compress>>,
}

impl Joiner {
    /// Level 0 to 9.
    pub(crate) fn new(level: u32) -> Joiner {
        Joiner { level: level_of(level), idle: Mutex::new(Vec::new()) }
    }

    /// Compresses a block of a stream; it does not refer to what came before.
    pub(crate) fn pack(&self, block: &[u8]) -> Packed {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut deflate = idle.unwrap_or_else(|| Compress::new(self.level, false));
        let mut bytes = Vec::with_capacity(block.len() / 2 + 1024);
        let mut rest = block;
        loop {
            let before = deflate.total_in();
            let status = deflate.compress_vec(rest, &mut bytes, FlushCompress::Sync);
            rest = &rest[(deflate.total_in() - before) as usize..];
            // Room left over means that the flush is complete.
            if rest.is_empty() && bytes.len() < bytes.capacity() {
                break;
            }
            debug_assert!(matches!(status, Ok(Status::Ok | Status::BufError)));
            bytes.reserve(block.len() / 8 + 1024);
        }
        deflate.reset();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(deflate);
        let mut crc = crc32fast::Hasher::new();
        crc.update(block);
        Packed { bytes, crc, length: block.len() as u64 }
    }
}

/// The end of a stream, given the checksum and length of all its blocks.
pub(crate) fn trailer(crc: crc32fast::Hasher, length: u64) -> [u8; 10] {
    let mut out = [0; 10];
    out[..2].copy_from_slice(&LAST_BLOCK);
    out[2..6].copy_from_slice(&crc.finalize().to_le_bytes());
    out[6..].copy_from_slice(&(length as u32).to_le_bytes());
    out
}
