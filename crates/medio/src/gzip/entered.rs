//! A part of a gzip stream from a checkpoint on at once, by libdeflate.
//!
//! libdeflate begins where a stream begins, and knows no content before. So it is given a stream that it can begin: the content before the checkpoint as a stored block, blocks
//! without content that are as long as it takes for the next bit to have the place in its byte that it has in the file, and then the file's own bytes.

use libdeflater::{DecompressionError, Decompressor};
use medkernels::buffer::Buffer;

use crate::Result;
use crate::disk::Handle;

use super::checkpoint::{Checkpoint, Header, Index};
use super::whole::{LONGEST_UNIT, MOST_PASSED, inflate_prefix};

/// Content decoded at once, and the byte of the file's content that it begins with.
pub(crate) struct Entered {
    pub(crate) content: Buffer,
    /// Bytes of `content` before the first one that counts.
    pub(crate) skip: usize,
    pub(crate) position: u64,
}

/// To a checkpoint that is no further behind the wanted end the stream is followed, so that what is passed is verified.
pub(super) const NEAR: u64 = 64 << 10;

/// Decodes from the last checkpoint before byte `from` to byte `end` of content that has `all`, verified from one checkpoint to the next as a stream is, and at the end by the last
/// member's checksum; where there is no such checkpoint, from the start. `None` where too much would have to be passed, and where a stream must say what is wrong.
pub(crate) fn inflate_entered(
    file: &Handle,
    index: &Index,
    all: u64,
    from: u64,
    end: u64,
) -> Result<Option<Entered>> {
    let Some(point) = index.before(from) else {
        let Some(content) = inflate_prefix(file, index, all, end)? else { return Ok(None) };
        // All of it has been verified by its own checksum.
        let right = content.len() as u64 == all
            || verified(file, index, all, (0, 0, 0), &content.as_bytes()[..end as usize])?;
        return Ok(right.then_some(Entered { content, skip: 0, position: 0 }));
    };
    let after =
        |position: u64| index.points[index.points.partition_point(|p| p.position < position)..].first();
    let end = after(end).map_or(end, |p| if p.position - end <= NEAR { p.position } else { end });
    if end - point.position > MOST_PASSED {
        return Ok(None);
    }
    let Some((window, start)) = point.window().ok().zip(start(file, point)?) else { return Ok(None) };
    let (length, skip) = (end - point.position, window.len());
    let room = length + LONGEST_UNIT;
    // Up to the checkpoint behind what is written: what libdeflate is given after that it never comes to. Of what lies between the last two checkpoints first the share that the
    // content's average there says, and a little more.
    let first = point.bit.div_ceil(8);
    let last = point.position + room;
    let (limit, behind) = after(last).map_or((file.size, all), |p| (p.bit / 8 + 1, p.position));
    // Deflate adds five bytes to each 64 KiB at most, where it shrinks nothing; another writer's blocks may be shorter.
    let most = limit.min(file.size).saturating_sub(first).min(room + room / 8 + (64 << 10));
    let known =
        index.before(last).map_or((0, point.position), |p| ((p.bit / 8).saturating_sub(first), p.position));
    let rest = u128::from(most.saturating_sub(known.0)) * u128::from(last - known.1);
    let likely = (rest * 9 / 8 / u128::from(behind.saturating_sub(known.1).max(1))) as u64 + (32 << 10);
    let before = [&stored(skip), &window[..], &start].concat();
    let (Ok(mut packed), Ok(mut content)) =
        (Buffer::for_overwrite(before.len() + most as usize), Buffer::for_overwrite(skip + room as usize))
    else {
        return Ok(None);
    };
    packed.as_bytes_mut()[..before.len()].copy_from_slice(&before);
    let mut read = 0;
    for size in [(known.0 + likely).min(most), most] {
        let bytes = &mut packed.as_bytes_mut()[before.len()..];
        file.read_exact_at(&mut bytes[read as usize..size as usize], first + read)?;
        read = size;
        let given = &packed.as_bytes()[..before.len() + size as usize];
        match Decompressor::new().deflate_decompress(given, content.as_bytes_mut()) {
            Err(DecompressionError::InsufficientSpace) if end < all => {}
            // The stream's end, which has room where it is near.
            Ok(n) if n as u64 == skip as u64 + all - point.position => {}
            // Perhaps only because there was not all of it.
            Err(DecompressionError::BadData) if size < most => continue,
            _ => return Ok(None),
        }
        let made = &content.as_bytes()[skip..][..length as usize];
        if !verified(file, index, all, (point.position, point.crc, point.size), made)? {
            return Ok(None);
        }
        file.count_member();
        file.count_inflated(length);
        return Ok(Some(Entered { skip, position: point.position, content }));
    }
    Ok(None)
}

/// The beginning of a stored block of so many bytes, not the last: kind 0, then the length and its complement from the next byte on.
pub(super) fn stored(length: usize) -> [u8; 5] {
    let [a, b] = (length as u16).to_le_bytes();
    [0, a, b, !a, !b]
}

/// Whether content from a place on, where checksum and size of the member are known, has those of the checkpoints that lie in it, and at its end those of the file.
fn verified(
    file: &Handle,
    index: &Index,
    all: u64,
    (from, crc, mut size): (u64, u32, u32),
    content: &[u8],
) -> Result<bool> {
    let end = from + content.len() as u64;
    let mut crc = crc32fast::Hasher::new_with_initial_len(crc, u64::from(size));
    let mut done = 0;
    let mut is = |position: u64, wanted: [u32; 2]| {
        let to = (position - from) as usize;
        crc.update(&content[done..to]);
        size = size.wrapping_add((to - done) as u32);
        done = to;
        [crc.clone().finalize(), size] == wanted
    };
    let next = index.points.partition_point(|p| p.position <= from);
    let mut passed = index.points[next..].iter().take_while(|p| p.position <= end);
    if !passed.all(|p| is(p.position, [p.crc, p.size])) {
        return Ok(false);
    }
    if end < all {
        return Ok(true);
    }
    let mut trailer = [0; 8];
    file.read_exact_at(&mut trailer, file.size.saturating_sub(8))?;
    let stored = u64::from_le_bytes(trailer);
    Ok(is(end, [stored as u32, (stored >> 32) as u32]))
}

/// What comes between the content before a checkpoint and the first byte of the file that begins at or after it.
fn start(file: &Handle, point: &Checkpoint) -> Result<Option<Vec<u8>>> {
    let mut bits = Bits::default();
    let skip = (point.bit % 8) as u32;
    let header = point.inside.map_or(0, |h| h.bits);
    bits.fill((skip + 8 - header % 8) % 8);
    if let Some(Header { bit, bits: length }) = point.inside {
        if length > Header::MOST {
            return Ok(None);
        }
        let mut bytes = vec![0; ((bit + u64::from(length)).div_ceil(8) - bit / 8) as usize];
        file.read_exact_at(&mut bytes, bit / 8)?;
        for n in (bit % 8) as usize..(bit % 8) as usize + length as usize {
            bits.put(u32::from(bytes[n / 8] >> (n % 8) & 1), 1);
        }
    }
    if skip > 0 {
        let mut byte = [0];
        file.read_exact_at(&mut byte, point.bit / 8)?;
        bits.put(u32::from(byte[0] >> skip), 8 - skip);
    }
    Ok(Some(bits.bytes))
}

/// Bits, the lowest of a byte first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    /// Bits used of the last byte, modulo 8.
    count: u32,
}

impl Bits {
    /// The lowest `bits` of `value`.
    fn put(&mut self, value: u32, bits: u32) {
        for n in 0..bits {
            if self.count == 0 {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> n & 1) as u8) << self.count;
            }
            self.count = (self.count + 1) % 8;
        }
    }

    /// Blocks without content, until `count` bits of a byte are used.
    fn fill(&mut self, count: u32) {
        if !(self.count + count).is_multiple_of(2) {
            self.odd();
        }
        while self.count != count {
            // With fixed codes: kind 1, and the end, which is seven zeros. Ten bits.
            self.put(0b010, 3);
            self.put(0, 7);
        }
    }

    /// A block without content with codes of its own, 91 bits long: the symbols 0 and 256 and a distance have codes of one bit.
    fn odd(&mut self) {
        self.put(0b100, 3);
        // 257 literals and lengths, 1 distance, 18 lengths of the codes for lengths: of these 18 (the third) and 1 (the last) have one bit.
        self.put(0, 10);
        self.put(14, 4);
        for n in 0..18 {
            self.put(u32::from(n == 2 || n == 17), 3);
        }
        // A length of 1, 138 and 117 of 0, twice 1; the code of 1 is 0, that of 18 is 1, followed by seven bits of number - 11.
        self.put(0, 1);
        for zeros in [138, 117] {
            self.put(1, 1);
            self.put(zeros - 11, 7);
        }
        self.put(0, 2);
        // The end: 256 comes after 0.
        self.put(1, 1);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::super::whole::tests::handle;
    use super::super::written::{content, gathered, packed};
    use super::*;

    fn file(dir: &Path, bytes: &[u8]) -> Handle {
        handle(dir, "a.gz", bytes)
    }

    #[test]
    fn blocks_without_content_reach_every_bit() {
        for (from, to) in (0..8).flat_map(|a| (0..8).map(move |b| (a, b))) {
            let mut bits = Bits::default();
            // Begins with empty blocks itself, to come to the first place.
            bits.fill(from);
            bits.fill(to);
            assert_eq!(bits.count, to);
            bits.put(0b011, 3);
            bits.put(0, 7);
            let mut out = [0; 4];
            assert_eq!(
                Decompressor::new().deflate_decompress(&bits.bytes, &mut out),
                Ok(0),
                "{from} to {to}"
            );
        }
    }

    #[test]
    fn from_each_checkpoint_content_is_what_it_is_from_the_start() {
        let dir = tempfile::tempdir().unwrap();
        let content = content(12_000_000);
        let all = content.len() as u64;
        let mut places = std::collections::BTreeSet::new();
        let mut inside = 0;
        for level in [1, 2, 3, 4, 5, 6, 8, 9] {
            let file = file(dir.path(), &packed(&content, level));
            let index = gathered(&file);
            assert!(index.points.len() > 8, "level {level}: {}", index.points.len());
            for p in &index.points {
                places.insert(p.bit % 8);
                inside += usize::from(p.inside.is_some());
                for length in [1, 3000, 70_000, 200_000, all - p.position - 5000, all] {
                    let end = (p.position + length).min(all);
                    let got = inflate_entered(&file, &index, all, p.position, end).unwrap().unwrap();
                    assert_eq!(got.position, p.position);
                    let wanted = &content[p.position as usize..end as usize];
                    assert!(got.content.as_bytes()[got.skip..][..wanted.len()] == *wanted, "level {level}");
                }
            }
            let start = inflate_entered(&file, &index, all, 0, 2_000_000).unwrap().unwrap();
            assert!(start.content.as_bytes()[..2_000_000] == content[..2_000_000] && start.position == 0);
        }
        assert!(places.len() == 8 && inside > 0, "{places:?}, {inside} inside blocks");
    }

    #[test]
    fn what_is_damaged_between_checkpoints_is_left_to_the_stream() {
        let dir = tempfile::tempdir().unwrap();
        let content = content(4_000_000);
        let all = content.len() as u64;
        let mut bytes = packed(&content, 6);
        let index = gathered(&file(dir.path(), &bytes));
        let [a, b] = [&index.points[1], &index.points[2]];
        let middle = ((a.bit + b.bit) / 16) as usize;
        let mut unnoticed = 0;
        for bit in 0..64 {
            bytes[middle + bit / 8] ^= 1 << (bit % 8);
            let damaged = file(dir.path(), &bytes);
            let got = inflate_entered(&damaged, &index, all, a.position, b.position).unwrap();
            unnoticed += usize::from(got.is_some());
            let got = inflate_entered(&damaged, &index, all, 0, b.position + 10).unwrap();
            unnoticed += usize::from(got.is_some());
            bytes[middle + bit / 8] ^= 1 << (bit % 8);
        }
        assert_eq!(unnoticed, 0);
        // What comes after the last checkpoint has the file's checksum only.
        let (last, at) = (index.points.last().unwrap(), bytes.len() - 20_000);
        bytes[at] ^= 1;
        let damaged = file(dir.path(), &bytes);
        assert!(inflate_entered(&damaged, &index, all, last.position, all).unwrap().is_none());
        bytes[at] ^= 1;
        let mut wrong = index.clone();
        wrong.points[1] = Arc::new(Checkpoint { bit: a.bit + 1, packed: a.packed.clone(), ..**a });
        let whole = file(dir.path(), &bytes);
        assert!(inflate_entered(&whole, &wrong, all, a.position, b.position).unwrap().is_none());
    }
}
