//! Checkpoints on a stream's way: entering at them, verifying them when they are passed, finding more.

use std::sync::Arc;

use crate::{Error, Result};

#[cfg(feature = "libdeflate")]
use super::by_block::Way;
use super::checkpoint::{Checkpoint, Gatherer, Header, Index, Place};
use super::raw::{At, Corrupt, RawInflate, Until};
use super::stream::{GzipStream, Member};

/// A checkpoint is worth entering if it spares more than this: its window must be inflated, and the file read at another place.
const JUMP: u64 = 64 << 10;

impl<'a> GzipStream<'a> {
    /// The same, going from checkpoint to checkpoint of `index`, and gathering more where it ends, at least `spacing` bytes of content apart.
    pub(crate) fn with_checkpoints(mut self, index: Index, spacing: u64) -> GzipStream<'a> {
        self.gatherer = (!index.complete).then(|| Gatherer::after(index.points.last(), spacing));
        self.index = index;
        self
    }

    /// The checkpoints, with those that were found on the way, and whether that is more than was known.
    pub(crate) fn into_index(self) -> (Index, bool) {
        let mut index = self.index;
        let Some(gatherer) = self.gatherer else { return (index, false) };
        let grown = self.ended || self.decoded > index.reached;
        index.points.extend(gatherer.found);
        (index.complete, index.reached) = (self.ended, self.decoded.max(index.reached));
        (index, grown)
    }

    /// Whether there may be checkpoints that are not known.
    pub(crate) fn gathers(&self) -> bool {
        self.gatherer.is_some()
    }

    /// Decodes what is left of the stream and gathers its checkpoints, if some may be missing.
    pub(crate) fn complete_index(&mut self) -> Result<()> {
        self.until = u64::MAX;
        while self.gathers() && self.drop_staged()? {}
        Ok(())
    }

    /// Decodes on to the next known checkpoint if it is near, so that what was read since the one before is verified.
    pub(crate) fn verify_what_is_near(&mut self) -> Result<()> {
        let next = self.index.points.get(self.next).map(|p| p.position);
        while let Some(position) = next.filter(|&p| p > self.decoded && p - self.decoded <= JUMP) {
            self.until = position;
            self.stage_used = self.stage_end;
            if self.staged()?.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Goes to byte `position` of the content, by the nearest checkpoint before it or by decoding and dropping. Needs a stream that
    /// decodes ahead.
    pub(crate) fn skip_to(&mut self, position: u64) -> Result<()> {
        if let Some(point) = self.index.before(position)
            && point.position > self.decoded + JUMP
        {
            let point = Arc::clone(point);
            self.enter(&point)?;
        }
        while self.position < position {
            let wanted = position - self.position;
            let n = wanted.min(self.staged()?.len() as u64);
            if n == 0 {
                return Err(self.too_short(position));
            }
            self.stage_used += n as usize;
            self.position += n;
        }
        Ok(())
    }

    /// Begins anew at a checkpoint.
    fn enter(&mut self, point: &Checkpoint) -> Result<()> {
        if self.member.is_none() {
            self.file.count_member();
        }
        (self.stage_used, self.stage_end, self.again, self.position) = (0, 0, 0, point.position);
        self.decode_from(point)
    }

    /// Lets the decoder go on from a checkpoint.
    fn decode_from(&mut self, point: &Checkpoint) -> Result<()> {
        self.input.clear();
        (self.at, self.used, self.ended) = (point.bit / 8, 0, false);
        self.decoded = point.position;
        self.next = self.index.points.partition_point(|p| p.position <= point.position);
        let skip = (point.bit % 8) as u32;
        let (bits, value) = match skip {
            0 => (0, 0),
            _ => (8 - skip, self.byte()?.ok_or_else(|| self.corrupt("an end at a checkpoint"))? >> skip),
        };
        let header = point.inside.map(|h| self.header(h)).transpose()?.unwrap_or_default();
        resume(&mut self.inflate, point, &header, (bits, value))
            .map_err(|_| self.corrupt("an unusable checkpoint"))?;
        let crc = crc32fast::Hasher::new_with_initial_len(point.crc, u64::from(point.size));
        self.member = Some(Member { crc, size: point.size });
        #[cfg(feature = "libdeflate")]
        {
            (self.way, self.began) = (Way::Stream, self.decoded);
            self.ready.clear();
            if point.inside.is_none() {
                self.turn(point.bit);
            }
        }
        match (point.inside, &mut self.gatherer) {
            (Some(header), Some(gatherer)) => gatherer.inside(header),
            (None, Some(_)) => self.header_follows(point.bit)?,
            (_, None) => {}
        }
        Ok(())
    }

    /// The bytes that hold a block's header, and the one before and after its first and last bit.
    fn header(&self, h: Header) -> Result<Vec<u8>> {
        let end = (h.bit + u64::from(h.bits)).div_ceil(8);
        let mut bytes = vec![0; (end - h.bit / 8) as usize];
        self.file.read_exact_at(&mut bytes, h.bit / 8)?;
        Ok(bytes)
    }

    /// How far to decode at once, so that no known checkpoint is passed unseen and new ones are found.
    pub(super) fn stops(&self) -> (Until, usize) {
        let known = self.index.points.get(self.next).map_or(u64::MAX, |p| p.position - self.decoded);
        let (until, most) =
            self.gatherer.as_ref().map_or((Until::Full, usize::MAX), |g| g.stops(self.decoded));
        // So that libdeflate may go on.
        let until = match until {
            Until::Full if cfg!(feature = "libdeflate") && self.ahead => Until::Block,
            until => until,
        };
        (until, most.min(usize::try_from(known).unwrap_or(usize::MAX)))
    }

    /// The decoder has stopped.
    pub(super) fn reached(&mut self, at: At, code: Option<u32>) -> Result<()> {
        let end = self.place() * 8;
        match at {
            At::Boundary { unused } => {
                let bit = end - u64::from(unused);
                if self.gatherer.as_ref().is_some_and(|g| g.is_due(self.decoded)) {
                    let window = self.inflate.window();
                    self.block_starts(bit, &window)?;
                } else if let Some(gatherer) = &mut self.gatherer {
                    gatherer.block_passed();
                }
                #[cfg(feature = "libdeflate")]
                self.turn(bit);
            }
            At::Header { unused } => {
                if let Some(gatherer) = &mut self.gatherer {
                    gatherer.header_ends(end - u64::from(unused));
                }
            }
            At::Block => {
                let begins = code.and_then(|bits| self.here(end - u64::from(bits)));
                if let Some(gatherer) = &mut self.gatherer
                    && gatherer.is_due_inside(self.decoded)
                {
                    gatherer.offer_inside(self.decoded, begins, || self.inflate.window());
                }
            }
            At::End => {}
        }
        self.pass_known().map(drop)
    }

    /// A block begins here: a checkpoint, if one is due.
    pub(super) fn block_starts(&mut self, bit: u64, window: &[u8]) -> Result<()> {
        let here = self.here(bit);
        if let (Some(gatherer), Some(here)) = (&mut self.gatherer, here) {
            if gatherer.is_due(self.decoded) {
                gatherer.offer(here, window);
            }
            self.header_follows(bit)?;
        }
        Ok(())
    }

    /// Tells the gatherer of a block's header that comes next.
    fn header_follows(&mut self, bit: u64) -> Result<()> {
        let mut start = [0; 2];
        // A stream that ends here says so when it is decoded.
        self.file.read_at_most(&mut start, bit / 8)?;
        let kind = u16::from_le_bytes(start) >> (bit % 8 + 1) & 3;
        if let Some(gatherer) = &mut self.gatherer {
            gatherer.block_starts(bit, kind == 0);
        }
        Ok(())
    }

    /// This place of the content, with a bit of the file.
    fn here(&self, bit: u64) -> Option<Place> {
        let member = self.member.as_ref()?;
        let crc = member.crc.clone().finalize();
        Some(Place { position: self.decoded, bit, crc, size: member.size })
    }

    /// Verifies the content since the last checkpoint, if this is another; says whether decoding begins anew at it.
    pub(super) fn pass_known(&mut self) -> Result<bool> {
        while let Some(point) = self.index.points.get(self.next)
            && point.position <= self.decoded
        {
            let point = Arc::clone(point);
            self.next += 1;
            // Where a member begins, the one before has its own checksum.
            let Some(here) = self.here(point.bit).filter(|_| point.size > 0) else { continue };
            if (here.crc, here.size) != (point.crc, point.size) {
                return Err(Error::format(
                    &self.file.path,
                    "the checksum of the gzip stream's content",
                    format!("{:08x} up to byte {} of the file", here.crc, point.bit / 8),
                    format!("{:08x}, as its index has it", point.crc),
                ));
            }
            // More is to be found after the last: from the same state as a reader who enters there.
            if self.next == self.index.points.len() && self.gathers() {
                self.decode_from(&point)?;
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Puts a decoder where a checkpoint is: the content before, the block's header if it is inside one, the bits of the first byte.
fn resume(
    inflate: &mut RawInflate,
    point: &Checkpoint,
    header: &[u8],
    (bits, value): (u32, u8),
) -> Result<(), Corrupt> {
    inflate.resume(&point.window()?)?;
    if let Some(Header { bit, bits }) = point.inside {
        let skip = (bit % 8) as u32;
        let at = |i: usize| u16::from(header.get(i).copied().unwrap_or(0));
        let shifted = |i: usize| ((at(i) | at(i + 1) << 8) >> skip) as u8;
        let whole: Vec<u8> = (0..bits as usize / 8).map(shifted).collect();
        let step = inflate.inflate(&whole, &mut [], Until::Full)?;
        if (step.used, step.at) != (whole.len(), At::Block) {
            return Err(Corrupt);
        }
        let rest = bits % 8;
        inflate.give_bits(rest, shifted(whole.len()) & ((1u16 << rest) - 1) as u8)?;
    }
    inflate.give_bits(bits, value)
}
