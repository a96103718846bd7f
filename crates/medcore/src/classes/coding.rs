//! Runs as bytes.
//!
//! A run is one byte, the gap since the end of the one before in the upper four bits and its length less one in the lower; 15 means that
//! 15 and a number in groups of seven bits, the lowest first, follow: the gap's before the length's.

use super::damaged;
use crate::Result;

/// Runs between two places to begin.
pub(super) const EVERY: usize = 128;

/// The largest number that the upper or lower half of a byte does not hold.
const MORE: u64 = 15;

/// A place to begin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Skip {
    /// Voxels of the class before it.
    pub(super) before: u64,
    /// One past the last voxel of the run before it.
    pub(super) end: u64,
    /// The byte of the next run.
    pub(super) at: usize,
}

/// Appends a run that begins at or after `end`.
pub(super) fn push(out: &mut Vec<u8>, end: u64, run: [u64; 2]) {
    let (gap, more) = (run[0] - end, run[1] - run[0] - 1);
    out.push((gap.min(MORE) << 4 | more.min(MORE)) as u8);
    for n in [gap, more] {
        if let Some(mut left) = n.checked_sub(MORE) {
            while left >= 0x80 {
                out.push(left as u8 | 0x80);
                left >>= 7;
            }
            out.push(left as u8);
        }
    }
}

/// The runs that bytes stand for: start and end (exclusive), as numbers of voxels.
pub(super) struct Coded<'a> {
    bytes: &'a [u8],
    at: usize,
    end: u64,
}

impl<'a> Coded<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Coded<'a> {
        Coded::from(bytes, Skip::default())
    }

    pub(super) fn from(bytes: &'a [u8], skip: Skip) -> Coded<'a> {
        Coded { bytes, at: skip.at, end: skip.end }
    }

    /// One past the last voxel so far.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The byte of the next run.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// A half of a run's byte, and what follows it if it says so.
    fn number(&mut self, half: u64) -> Option<u64> {
        let (mut n, mut shift) = (0u64, 0);
        if half < MORE {
            return Some(half);
        }
        loop {
            let byte = u64::from(*self.bytes.get(self.at)?);
            self.at += 1;
            // Places are below 2^56, so that no sum of them overflows.
            if shift > 49 {
                return None;
            }
            n |= (byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return Some(n + MORE);
            }
        }
    }

    fn run(&mut self, byte: u8) -> Option<[u64; 2]> {
        self.at += 1;
        let gap = self.number(u64::from(byte >> 4))?;
        let more = self.number(u64::from(byte & 15))?;
        let start = self.end.checked_add(gap)?;
        self.end = start.checked_add(more)?.checked_add(1)?;
        Some([start, self.end])
    }
}

impl Iterator for Coded<'_> {
    type Item = Result<[u64; 2]>;

    fn next(&mut self) -> Option<Result<[u64; 2]>> {
        let byte = *self.bytes.get(self.at)?;
        let from = self.at;
        Some(self.run(byte).ok_or_else(|| {
            self.at = self.bytes.len();
            damaged(format!("a broken run at byte {from}"))
        }))
    }
}
