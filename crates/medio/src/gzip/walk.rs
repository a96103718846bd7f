//! A gzip stream block by block, by libdeflate, with the checkpoints on the way.
//!
//! libdeflate goes through a stream without a stop and does not say where in it it is. But it ends behind a block that says that it is the last, and says how many bytes it took. So each block is
//! given to it as the last one, moved to the beginning of a byte, after a stored block of the content before. In its last byte it ends where the code that ends it fits, which its
//! header tells. Where that fits twice, the next block's header may decide; else the block is decoded again, with the bits changed that follow the first of both places.

use medkernels::buffer::Buffer;

use crate::Result;
use crate::disk::Handle;

use super::blocks::{Block, Code, Kind};
use super::checkpoint::{Gatherer, Header, Index, Place};
use super::entered::{Entered, stored};
use super::header::{TRAILER, header_length};
use super::raw::WINDOW;
use super::taken::{Taken, TakingInflate};
use super::whole::{LONGEST_UNIT, is_small};

/// Compressed bytes that the first block is guessed to take.
const GUESS: usize = 48 << 10;

/// Bytes of the file that are read when those at hand do not do.
const MORE: usize = 128 << 10;

/// Decodes from the last checkpoint before byte `from` of the content to byte `end`, and gives what is known of the file with the checkpoints that were found, at least `spacing` bytes of
/// content apart: those that a stream finds. What lies between known ones is verified. `None` where a stream does better, as with blocks in which checkpoints are wanted, and where it must say
/// what is wrong.
pub(crate) fn inflate_gathering(
    file: &Handle,
    index: &Index,
    all: u64,
    (from, end): (u64, u64),
    spacing: u64,
) -> Result<Option<(Entered, Index)>> {
    let point = index.before(from);
    let inside = [point, index.points.last()].into_iter().flatten().any(|p| p.inside.is_some());
    let position = point.map_or(0, |p| p.position);
    if inside || !is_small(file, all, end - position) {
        return Ok(None);
    }
    let Ok(window) = point.map_or_else(|| Ok(vec![]), |p| p.window()) else { return Ok(None) };
    let (first, skip) = (point.map_or(0, |p| p.bit / 8), window.len());
    let room = (end + LONGEST_UNIT).min(all) - position;
    let most = file.size.saturating_sub(first);
    let (Ok(packed), Ok(mut content)) =
        (Buffer::for_overwrite(most as usize), Buffer::for_overwrite(skip + room as usize))
    else {
        return Ok(None);
    };
    content.as_bytes_mut()[..skip].copy_from_slice(&window);
    let Some(inflate) = TakingInflate::new() else { return Ok(None) };
    let (crc, length) = point.map_or((0, 0), |p| (p.crc, p.size));
    let mut walk = Walk {
        file,
        index,
        packed,
        first,
        read: 0,
        bit: 0,
        at: skip,
        skip,
        position,
        all,
        inflate,
        given: vec![],
        guess: GUESS,
        crc: crc32fast::Hasher::new_with_initial_len(crc, u64::from(length)),
        length,
        summed: skip,
        gatherer: Gatherer::after(index.points.last(), spacing),
        longest: spacing as usize + WINDOW,
    };
    // The share that the content's average says, and a little more.
    let share = u128::from(most) * u128::from(room) * 9 / 8 / u128::from((all - position).max(1));
    walk.read_on(share as usize + MORE)?;
    let begin = match point {
        Some(p) => Some((p.bit - first * 8) as usize),
        None => header_length(walk.packed()).map(|bytes| bytes * 8),
    };
    let Some(bit) = begin else { return Ok(None) };
    walk.bit = bit;
    let Some(ended) = walk.to(content.as_bytes_mut(), end)? else { return Ok(None) };
    file.count_member();
    file.count_inflated(end - position);
    let mut index = index.clone();
    index.points.extend(walk.gatherer.found);
    index.complete |= matches!(ended, Ended::At(byte) if byte == file.size);
    index.reached = index.reached.max(end);
    Ok(Some((Entered { content, skip, position }, index)))
}

/// Whether a walk came to the stream's end.
enum Ended {
    No,
    /// The next member, or what follows, is at this byte of the file.
    At(u64),
}

/// Where a walk is.
struct Walk<'a> {
    file: &'a Handle,
    index: &'a Index,
    /// The file from byte `first` on, of which `read` bytes have been read.
    packed: Buffer,
    first: u64,
    read: usize,
    /// The next block's first bit in it.
    bit: usize,
    /// Bytes decoded, after `skip` bytes of the content before.
    at: usize,
    skip: usize,
    /// The content's byte that lies behind those.
    position: u64,
    /// Bytes of all content.
    all: u64,
    inflate: TakingInflate,
    /// What libdeflate is given.
    given: Vec<u8>,
    /// Bytes that the next block takes, as far as can be told.
    guess: usize,
    /// Checksum and length of the member's content, up to `summed`.
    crc: crc32fast::Hasher,
    length: u32,
    summed: usize,
    gatherer: Gatherer,
    /// Content of blocks that are longer is given to a stream, which looks for checkpoints inside.
    longest: usize,
}

/// What one block was.
enum Step {
    /// So many bytes; the next one begins at this bit.
    Made(usize, usize),
    /// More than there is room for, which is full.
    Full,
    /// Damaged, or not all of it has been read.
    Bad,
    /// Such as a stream must be followed for.
    Odd,
}

impl Walk<'_> {
    /// Decodes until byte `end` of the content is there; `None` where a stream must be followed.
    fn to(&mut self, content: &mut [u8], end: u64) -> Result<Option<Ended>> {
        let mut known = self.index.points.partition_point(|p| p.position <= self.position);
        // Where all is wanted the end must come too, though what is left may have no content.
        while self.here() < end || end == self.all {
            let block = Block::at(self.packed(), self.bit);
            let step = block.map_or(Step::Bad, |block| self.pass(block, content));
            match step {
                Step::Made(bytes, next) => (self.at, self.bit) = (self.at + bytes, next),
                // Nothing behind `end` is wanted, unless the file has more than its header says.
                Step::Full if self.position + ((content.len() - self.skip) as u64) < self.all => break,
                Step::Bad if self.read_on(MORE)? => continue,
                Step::Full | Step::Odd | Step::Bad => return Ok(None),
            }
            if block.is_some_and(|b| b.last) {
                return self.ended(content);
            }
            let here = self.here();
            match self.index.points.get(known) {
                Some(point) if point.position < here => return Ok(None),
                Some(point) if point.position == here => {
                    known += 1;
                    if self.sum(content) != [point.crc, point.size] {
                        return Ok(None);
                    }
                }
                None if self.gatherer.is_due(here) => {
                    let [crc, size] = self.sum(content);
                    let bit = self.first * 8 + self.bit as u64;
                    let window = &content[self.at - self.at.min(WINDOW)..self.at];
                    self.gatherer.offer(Place { position: here, bit, crc, size }, window);
                }
                Some(_) | None => {}
            }
        }
        Ok(Some(Ended::No))
    }

    /// Behind the last block: whether it was all of the content, and the checksum is right.
    fn ended(&mut self, content: &[u8]) -> Result<Option<Ended>> {
        let [crc, length] = self.sum(content).map(u32::to_le_bytes);
        let trailer = [crc, length].concat();
        // It ends somewhere in eight bits, of which the last ones may lie in another byte.
        let behind = [self.bit.div_ceil(8), (self.bit + 7).div_ceil(8)].map(|byte| byte + TRAILER);
        while self.read < behind[1] && self.read_on(MORE)? {}
        let is = |&behind: &usize| self.packed().get(behind - TRAILER..behind) == Some(&trailer[..]);
        let found = behind.iter().find(|b| is(b)).filter(|_| self.here() == self.all);
        Ok(found.map(|&behind| Ended::At(self.first + behind as u64)))
    }

    /// What has been read of the file.
    fn packed(&self) -> &[u8] {
        &self.packed.as_bytes()[..self.read]
    }

    /// Reads more of it; false at its end.
    fn read_on(&mut self, bytes: usize) -> Result<bool> {
        let bytes = bytes.min(self.packed.len() - self.read);
        let more = &mut self.packed.as_bytes_mut()[self.read..][..bytes];
        self.file.read_exact_at(more, self.first + self.read as u64)?;
        self.read += bytes;
        Ok(bytes > 0)
    }

    /// The byte of the content that comes next.
    fn here(&self) -> u64 {
        self.position + (self.at - self.skip) as u64
    }

    /// Checksum and length of the member's content so far.
    fn sum(&mut self, content: &[u8]) -> [u32; 2] {
        self.crc.update(&content[self.summed..self.at]);
        self.length = self.length.wrapping_add((self.at - self.summed) as u32);
        self.summed = self.at;
        [self.crc.clone().finalize(), self.length]
    }

    /// Decodes a block.
    fn pass(&mut self, block: Block, content: &mut [u8]) -> Step {
        let packed = &self.packed.as_bytes()[..self.read];
        let end = match block.kind {
            Kind::Stored { from, length } => {
                let Some(bytes) = packed.get(from..from + length) else { return Step::Bad };
                let Some(out) = content.get_mut(self.at..self.at + length) else { return Step::Full };
                out.copy_from_slice(bytes);
                return Step::Made(length, (from + length) * 8);
            }
            Kind::Coded { end } => end,
        };
        let behind = self.at.min(WINDOW);
        let most = content.len().min(self.at + self.longest);
        let rest = &packed[self.bit / 8..];
        loop {
            self.given.clear();
            if behind > 0 {
                self.given.extend(stored(behind));
                self.given.extend_from_slice(&content[self.at - behind..self.at]);
            }
            let before = self.given.len();
            moved(&rest[..rest.len().min(self.guess)], self.bit % 8, &mut self.given);
            self.given[before] |= 1;
            match self.inflate.inflate(&self.given, &mut content[self.at - behind..most]) {
                Taken::All { used, made } => {
                    let used = used - before;
                    // Blocks of a stream are of much the same size; libdeflate is slower where its input comes to an end.
                    self.guess = used * 2 + (4 << 10);
                    let most = self.bit + used * 8;
                    if block.last {
                        return Step::Made(made - behind, most - 7);
                    }
                    let next = self.end(end, most, before, (&mut content[self.at - behind..], made));
                    return next.map_or(Step::Odd, |next| Step::Made(made - behind, next));
                }
                Taken::Full if most < content.len() => return Step::Odd,
                Taken::Full => return Step::Full,
                // Perhaps only because there was not all of it.
                Taken::Bad if self.guess < rest.len() => self.guess *= 4,
                Taken::Bad => return Step::Bad,
            }
        }
    }

    /// The bit behind the code that ends the block that was decoded from byte `before` of what libdeflate was given on, one of the eight up to bit `most`.
    fn end(
        &mut self,
        code: Code,
        most: usize,
        before: usize,
        (out, made): (&mut [u8], usize),
    ) -> Option<usize> {
        let packed = &self.packed.as_bytes()[..self.read];
        let mut places: Vec<usize> = (most - 7..=most).filter(|&bit| code.ends_at(packed, bit)).collect();
        // What follows decides if all of a header is at hand.
        if places.len() > 1 && most + Header::MOST as usize + 64 <= packed.len() * 8 {
            places.retain(|&bit| Block::at(packed, bit).is_some());
        }
        let (last, others) = places.split_last()?;
        for &bit in others {
            // Whatever follows the end does not matter; if the code reaches further, it is another one now, and more comes out, or nothing.
            let at = bit - self.bit;
            let mut changed = self.given.clone();
            for (n, byte) in changed[before + at / 8..].iter_mut().take(2).enumerate() {
                *byte ^= if n == 0 { 0xff << (at % 8) } else { 0xff };
            }
            let again = self.inflate.inflate(&changed, out);
            if matches!(again, Taken::All { made: n, .. } if n == made) {
                return Some(bit);
            }
        }
        Some(*last)
    }
}

/// Appends bytes without the first bits of the first one.
fn moved(bytes: &[u8], bits: usize, out: &mut Vec<u8>) {
    if bits == 0 {
        return out.extend_from_slice(bytes);
    }
    out.reserve(bytes.len());
    let words = bytes.len().saturating_sub(1) / 8;
    out.extend(
        bytes.as_chunks::<8>().0[..words]
            .iter()
            .zip(bytes.get(8..).unwrap_or_default().iter().step_by(8))
            .flat_map(|(&word, &next)| {
                (u64::from_le_bytes(word) >> bits | u64::from(next) << (64 - bits)).to_le_bytes()
            }),
    );
    let rest = &bytes[words * 8..];
    let after = rest.iter().skip(1).chain(&[0]);
    out.extend(rest.iter().zip(after).map(|(&byte, &next)| byte >> bits | next << (8 - bits)));
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::entered::tests::{content, gathered, packed};
    use super::super::whole::tests::handle;
    use super::*;

    const SPACING: u64 = 700_000;

    fn walked(file: &Handle, index: &Index, all: u64, from: u64, end: u64) -> Option<(Entered, Index)> {
        inflate_gathering(file, index, all, (from, end), SPACING).unwrap()
    }

    /// zlib's and libdeflate's blocks.
    fn all_writers(content: &[u8]) -> Vec<(String, Vec<u8>)> {
        let zlib = (2..=9).map(|level| (format!("zlib {level}"), packed(content, level)));
        let libdeflate = [1, 6, 9, 12].map(|level| {
            let mut e = libdeflater::Compressor::new(libdeflater::CompressionLvl::new(level).unwrap());
            let mut out = vec![0; e.gzip_compress_bound(content.len())];
            let n = e.gzip_compress(content, &mut out).unwrap();
            out.truncate(n);
            (format!("libdeflate {level}"), out)
        });
        // Flushed now and then: empty stored blocks between the others.
        let mut e = flate2::write::GzEncoder::new(vec![], flate2::Compression::new(6));
        for part in content.chunks(150_001) {
            e.write_all(part).unwrap();
            e.flush().unwrap();
        }
        let others = [("stored".into(), packed(content, 0)), ("flushed".into(), e.finish().unwrap())];
        zlib.chain(libdeflate).chain(others).collect()
    }

    #[test]
    fn a_walk_finds_what_a_stream_finds() {
        let dir = tempfile::tempdir().unwrap();
        let content = content(6_000_000);
        let all = content.len() as u64;
        for (name, bytes) in all_writers(&content) {
            let file = handle(dir.path(), "a.gz", &bytes);
            let wanted = gathered(&file);
            assert!(wanted.points.len() > 2, "{name}");
            let (whole, found) = walked(&file, &Index::default(), all, 0, all).expect(&name);
            assert!(whole.content.as_bytes() == content, "{name}");
            assert_eq!((&found.points, found.complete), (&wanted.points, true), "{name}");
            // Piece by piece, each from the last checkpoint before it.
            let mut index = Index::default();
            for end in (1..all).step_by(311_111).chain([all]) {
                let from = end.saturating_sub(200_000);
                let (part, found) = walked(&file, &index, all, from, end).expect(&name);
                let made = &part.content.as_bytes()[part.skip..][..(end - part.position) as usize];
                assert!(part.position <= from && *made == content[part.position as usize..end as usize]);
                assert!(found.reached == end && found.points.starts_with(&index.points));
                index = found;
            }
            assert_eq!((&index.points, index.complete), (&wanted.points, true), "{name}");
        }
    }

    #[test]
    fn blocks_that_hold_much_are_left_to_a_stream() {
        let dir = tempfile::tempdir().unwrap();
        let content = content(3_000_000);
        // zlib-rs writes a single block at level 1.
        let file = handle(dir.path(), "long.gz", &packed(&content, 1));
        assert!(walked(&file, &Index::default(), 3_000_000, 0, 1_000_000).is_none());
        let zeros = handle(dir.path(), "zeros.gz", &packed(&vec![0; 3_000_000], 6));
        assert!(walked(&zeros, &Index::default(), 3_000_000, 0, 2_000_000).is_none());
        let index = gathered(&file);
        assert!(index.points.iter().any(|p| p.inside.is_some()), "a stream looks into it");
        assert!(walked(&file, &index, 3_000_000, 2_000_000, 3_000_000).is_none());
    }

    #[test]
    fn damage_several_members_and_lies_about_the_length_are_left_to_a_stream() {
        let dir = tempfile::tempdir().unwrap();
        let content = content(2_000_000);
        let all = content.len() as u64;
        let sound = packed(&content, 6);
        let whole = |bytes: &[u8], all: u64| {
            let file = handle(dir.path(), "a.gz", bytes);
            walked(&file, &Index::default(), all, 0, all).map(|(_, index)| index.complete)
        };
        assert_eq!(whole(&sound, all), Some(true));
        // What follows the stream may be another member.
        assert_eq!(whole(&[&sound[..], &[0; 9]].concat(), all), Some(false));
        assert_eq!(whole(&[&sound[..], &sound].concat(), 2 * all), None);
        assert_eq!(whole(&sound, all - 100_000), None);
        assert_eq!(whole(&sound, all + 100_000), None);
        assert_eq!(whole(&sound[..sound.len() - 1], all), None);
        for at in (10..sound.len()).step_by(9973).chain([sound.len() - 8, sound.len() - 1]) {
            let mut bytes = sound.clone();
            bytes[at] ^= 0x10;
            assert_eq!(whole(&bytes, all), None, "byte {at}");
        }
        // Where it is known what must come, damage is found before the end.
        let index = gathered(&handle(dir.path(), "a.gz", &sound));
        let bit = index.points[0].bit;
        let mut bytes = sound.clone();
        bytes[(bit / 16) as usize] ^= 0x10;
        let damaged = handle(dir.path(), "b.gz", &bytes);
        assert!(walked(&damaged, &index, all, 0, index.points[0].position + 100).is_none());
    }

    #[test]
    fn bytes_are_moved_to_the_beginning_of_a_block() {
        let bytes: Vec<u8> = (0..100).map(|n: u8| n.wrapping_mul(89) ^ 0x5a).collect();
        for (length, bits) in (0..40).flat_map(|length| (0..8).map(move |bits| (length, bits))) {
            let mut out = vec![7];
            moved(&bytes[..length], bits, &mut out);
            assert_eq!(out.len(), 1 + length);
            for bit in 0..(8 * length).saturating_sub(bits) {
                let of = |bytes: &[u8], bit: usize| bytes[bit / 8] >> (bit % 8) & 1;
                assert_eq!(of(&out[1..], bit), of(&bytes, bit + bits), "{length} bytes, {bits} bits");
            }
        }
    }
}
