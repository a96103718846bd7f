//! A piece of a deflate stream decoded before the content before it is known.
//!
//! A block may look back at 32 KiB of content. A piece that is begun without them is decoded twice, each time after a made-up window. The bytes that lie at one place of both windows differ, and
//! no two places have the same pair. So where both results agree, a byte does not depend on what came before; where they differ, it is a copy of the byte whose pair it is,
//! and becomes that byte as soon as the window is known. Once 32 KiB agree, one decoding is enough.
//! (Kerbiriou and Chikhi, 2019, and Knespel and Brunst, 2023, write symbols of 16 bits in the unknown bytes' place, which takes a decoder of its own; this way takes libdeflate twice.)

use std::collections::VecDeque;

use medkernels::buffer::Buffer;

use super::blocks::{Block, Kind};
use super::one_block::{OneBlock, Step};
use super::raw::WINDOW;

/// Bytes of a window and a piece's content.
pub(super) const ROOM: usize = 2 << 20;

/// Where a block ends: byte of the content, the window before it counted, and bit of the file at which the next one begins.
pub(super) type End = (usize, u64);

/// Blocks that follow one another.
pub(super) struct Piece {
    /// After the first window.
    content: Buffer,
    /// After the second one, as far as `twice`.
    other: Buffer,
    twice: usize,
    /// Whether what comes next may look back only at what is known.
    known: bool,
    ends: Vec<End>,
}

impl Piece {
    /// `None` if there is no memory.
    pub(super) fn new() -> Option<Piece> {
        let [mut content, mut other] = [Buffer::for_overwrite(ROOM).ok()?, Buffer::for_overwrite(ROOM).ok()?];
        for (place, byte) in content.as_bytes_mut()[..WINDOW].iter_mut().enumerate() {
            *byte = place as u8;
        }
        for (place, byte) in other.as_bytes_mut()[..WINDOW].iter_mut().enumerate() {
            // The difference is 1 to 128.
            *byte = (place as u8).wrapping_add((place >> 8) as u8).wrapping_add(1);
        }
        Some(Piece { content, other, twice: WINDOW, known: false, ends: vec![] })
    }

    /// Whether no block is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bit of the file at which the next block begins.
    pub(super) fn end(&self) -> Option<u64> {
        self.ends.last().map(|end| end.1)
    }

    /// Whether another block begins at this bit of the file behind the first one.
    pub(super) fn holds(&self, bit: u64) -> bool {
        let ends = self.ends.split_last().map_or(&[][..], |(_, ends)| ends);
        ends.binary_search_by_key(&bit, |end| end.1).is_ok()
    }

    /// Decodes the block that begins at a bit of `packed`, whose first byte is this one of the file.
    pub(super) fn pass(&mut self, one: &mut OneBlock, packed: &[u8], bit: usize, byte: u64) -> Step {
        let Some(block) = Block::at(packed, bit) else { return Step::Bad };
        // What is behind a last block is the reader's.
        if block.last {
            return Step::Odd;
        }
        let from = self.ends.last().map_or(WINDOW, |end| end.0);
        let step = one.pass((packed, bit), block, self.content.as_bytes_mut(), from);
        let Step::Made(made, next) = step else { return step };
        let end = from + made;
        if !self.known {
            let (content, other) = (self.content.as_bytes(), self.other.as_bytes_mut());
            match block.kind {
                Kind::Stored { .. } => other[from..end].copy_from_slice(&content[from..end]),
                Kind::Coded { .. } if one.again(other, from, made) => {}
                Kind::Coded { .. } => return Step::Odd,
            }
            self.twice = end;
            let last = end - WINDOW..end;
            self.known = self.content.as_bytes()[last.clone()] == self.other.as_bytes()[last];
        }
        self.ends.push((end, byte * 8 + next as u64));
        step
    }

    /// What it is after this content, from the block on that begins at a bit.
    pub(super) fn resolved(mut self, window: &[u8; WINDOW], bit: u64) -> Handed {
        // A byte of which both decodings are the same is itself; one that is larger by so many in the second is in the window, 256 bytes further on for each.
        let mut bytes = vec![0; 1 << 16];
        for (byte, itself) in bytes.iter_mut().zip(0..=u8::MAX) {
            *byte = itself;
        }
        bytes[256..256 + WINDOW].copy_from_slice(window);
        let content = self.content.as_bytes_mut();
        content[..WINDOW].copy_from_slice(window);
        let other = &self.other.as_bytes()[WINDOW..self.twice];
        if let Some(bytes) = bytes.first_chunk() {
            put_right(&mut content[WINDOW..self.twice], other, bytes);
        }
        let passed = self.ends.partition_point(|end| end.1 <= bit);
        let from = passed.checked_sub(1).map_or(WINDOW, |last| self.ends[last].0);
        Handed { content: self.content, from, ends: self.ends.split_off(passed).into() }
    }
}

/// Makes bytes of both decodings those that are at their place of a table: 256 for each difference.
fn put_right(content: &mut [u8], other: &[u8], bytes: &[u8; 1 << 16]) {
    for (part, other) in content.chunks_mut(32).zip(other.chunks(32)) {
        if *part != *other {
            for (byte, &other) in part.iter_mut().zip(other) {
                *byte = bytes[usize::from(u16::from_le_bytes([*byte, other.wrapping_sub(*byte)]))];
            }
        }
    }
}

/// A piece whose content is known.
pub(super) struct Handed {
    /// What lies before the next block, and its blocks.
    pub(super) content: Buffer,
    /// Where the next block begins.
    pub(super) from: usize,
    /// Where it and those behind it end.
    pub(super) ends: VecDeque<End>,
}

#[cfg(test)]
mod tests {
    use super::super::written::{all_writers, blocks, content};
    use super::*;

    /// From each block on, whatever its window: the content.
    #[test]
    fn a_piece_is_the_content_once_its_window_is_known() {
        let content = content(1_500_000);
        let mut one = OneBlock::new().unwrap();
        let (mut once, mut whole) = (0, 0);
        for (name, bytes) in all_writers(&content) {
            let blocks = blocks(&bytes, content.len() + 1);
            let inside: Vec<_> = blocks.iter().filter(|b| b.0 >= WINDOW as u64).collect();
            for &&(position, begins) in inside.iter().step_by(inside.len() / 12 + 1) {
                let mut piece = Piece::new().unwrap();
                let (byte, mut bit) = (begins / 8, (begins % 8) as usize);
                while let Step::Made(_, next) = piece.pass(&mut one, &bytes[byte as usize..], bit, byte) {
                    bit = next;
                }
                once += usize::from(piece.known);
                let Some(end) = piece.end() else { continue };
                let at = position as usize;
                // As a whole, or from some block on.
                let window = content[at - WINDOW..at].try_into().unwrap();
                let next = piece.ends[..piece.ends.len() / 2].last().map_or(begins, |e| e.1);
                let Handed { content: got, from, ends } = piece.resolved(window, next);
                let place = blocks.iter().position(|b| b.1 == next).unwrap();
                assert_eq!(blocks[place].0, position + (from - WINDOW) as u64, "{name}");
                assert_eq!(ends.front().map(|e| e.1), blocks.get(place + 1).map(|b| b.1), "{name}");
                for &(end, bit) in &ends {
                    let block = (position + (end - WINDOW) as u64, bit);
                    assert!(blocks.contains(&block), "{name}: {block:?}");
                }
                let made = ends.back().unwrap().0 - WINDOW;
                assert!(
                    got.as_bytes()[WINDOW..][..made] == content[at..at + made],
                    "{name}, from {position}"
                );
                // All but the last block, which is the reader's.
                assert_eq!(Some(&end), blocks.last().map(|b| &b.1), "{name}");
                whole += 1;
            }
        }
        assert!(whole > 60 && once > 0 && once < whole, "{once} of {whole}");
    }

    #[test]
    fn no_two_places_of_the_windows_are_alike() {
        let piece = Piece::new().unwrap();
        let pairs = piece.content.as_bytes()[..WINDOW].iter().zip(&piece.other.as_bytes()[..WINDOW]);
        let all: std::collections::BTreeSet<_> = pairs.filter(|(a, b)| a != b).collect();
        assert_eq!(all.len(), WINDOW);
    }
}
