//! One block of a deflate stream at once, by libdeflate, and where the next one begins.
//!
//! libdeflate goes through a stream without a stop and does not say where in it it is. But it ends behind a block that says that it is the last, and says how many bytes it took. So a block is
//! given to it as the last one, moved to the beginning of a byte, after a stored block of the content before. In its last byte it ends where the code that ends it fits, which its
//! header tells. Where that fits twice, the next block's header may decide; else the block is decoded again, with the bits changed that follow the first of both places.

use super::blocks::{Block, Code, Kind};
use super::checkpoint::Header;
use super::entered::stored;
use super::raw::WINDOW;
use super::taken::{Taken, TakingInflate};

/// Compressed bytes that the first block is guessed to take.
const GUESS: usize = 48 << 10;

/// What one block was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// So many bytes; the next one begins at this bit. Behind a last block whatever follows begins with this byte or the next.
    Made(usize, usize),
    /// More than there is room for, which is full.
    Full,
    /// Damaged, or not all of it is at hand.
    Bad,
    /// Such as a stream must be followed for.
    Odd,
}

/// A decoder of single blocks.
pub(super) struct OneBlock {
    inflate: TakingInflate,
    /// What libdeflate is given.
    given: Vec<u8>,
    /// Bytes that the next block takes, as far as can be told.
    guess: usize,
}

impl OneBlock {
    /// `None` if there is no memory.
    pub(super) fn new() -> Option<OneBlock> {
        Some(OneBlock { inflate: TakingInflate::new()?, given: vec![], guess: GUESS })
    }

    /// Bytes that should be at hand for the next block.
    pub(super) fn likely(&self) -> usize {
        self.guess
    }

    /// Decodes the block that begins at a bit of `packed` to `out[at..]`; it may look back at what lies before.
    pub(super) fn pass(
        &mut self,
        (packed, bit): (&[u8], usize),
        block: Block,
        out: &mut [u8],
        at: usize,
    ) -> Step {
        let end = match block.kind {
            Kind::Stored { from, length } => {
                let Some(bytes) = packed.get(from..from + length) else { return Step::Bad };
                let Some(out) = out.get_mut(at..at + length) else { return Step::Full };
                out.copy_from_slice(bytes);
                return Step::Made(length, (from + length) * 8);
            }
            Kind::Coded { end } => end,
        };
        let behind = at.min(WINDOW);
        let rest = &packed[bit / 8..];
        loop {
            self.given.clear();
            if behind > 0 {
                self.given.extend(stored(behind));
                self.given.extend_from_slice(&out[at - behind..at]);
            }
            let before = self.given.len();
            moved(&rest[..rest.len().min(self.guess)], bit % 8, &mut self.given);
            self.given[before] |= 1;
            match self.inflate.inflate(&self.given, &mut out[at - behind..]) {
                Taken::All { used, made } => {
                    let used = used - before;
                    // Blocks of a stream are of much the same size; libdeflate is slower where its input comes to an end.
                    self.guess = used * 2 + (4 << 10);
                    let most = bit + used * 8;
                    if block.last {
                        return Step::Made(made - behind, most - 7);
                    }
                    let next = self.end((packed, bit), end, most, before, (&mut out[at - behind..], made));
                    return next.map_or(Step::Odd, |next| Step::Made(made - behind, next));
                }
                Taken::Full => return Step::Full,
                // Perhaps only because there was not all of it.
                Taken::Bad if self.guess < rest.len() => self.guess *= 4,
                Taken::Bad => return Step::Bad,
            }
        }
    }

    /// Decodes the block with codes that was passed last once more, to `out[at..]`: after another window. Whether it is of the same length.
    pub(super) fn again(&mut self, out: &mut [u8], at: usize, made: usize) -> bool {
        let Some(window) = at.checked_sub(WINDOW) else { return false };
        self.given[stored(0).len()..][..WINDOW].copy_from_slice(&out[window..at]);
        let taken = self.inflate.inflate(&self.given, &mut out[window..]);
        matches!(taken, Taken::All { made: n, .. } if n == WINDOW + made)
    }

    /// The bit behind the code that ends the block that was decoded from byte `before` of what libdeflate was given on, one of the eight up to bit `most`.
    fn end(
        &mut self,
        (packed, bit): (&[u8], usize),
        code: Code,
        most: usize,
        before: usize,
        (out, made): (&mut [u8], usize),
    ) -> Option<usize> {
        let mut places: Vec<usize> = (most - 7..=most).filter(|&bit| code.ends_at(packed, bit)).collect();
        // What follows decides if all of a header is at hand.
        if places.len() > 1 && most + Header::MOST as usize + 64 <= packed.len() * 8 {
            places.retain(|&bit| Block::at(packed, bit).is_some());
        }
        let (last, others) = places.split_last()?;
        for &place in others {
            // Whatever follows the end does not matter; if the code reaches further, it is another one now, and more comes out, or nothing.
            let at = place - bit;
            let mut changed = self.given.clone();
            for (n, byte) in changed[before + at / 8..].iter_mut().take(2).enumerate() {
                *byte ^= if n == 0 { 0xff << (at % 8) } else { 0xff };
            }
            let again = self.inflate.inflate(&changed, out);
            if matches!(again, Taken::All { made: n, .. } if n == made) {
                return Some(place);
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
    let words = bytes.len().saturating_sub(1) / 8;
    let from = out.len();
    out.resize(from + words * 8, 0);
    let next = bytes.get(8..).unwrap_or_default().iter().step_by(8);
    for ((out, &word), &next) in
        out[from..].as_chunks_mut().0.iter_mut().zip(bytes.as_chunks::<8>().0).zip(next)
    {
        *out = (u64::from_le_bytes(word) >> bits | u64::from(next) << (64 - bits)).to_le_bytes();
    }
    let rest = &bytes[words * 8..];
    let after = rest.iter().skip(1).chain(&[0]);
    out.extend(rest.iter().zip(after).map(|(&byte, &next)| byte >> bits | next << (8 - bits)));
}

#[cfg(test)]
mod tests {
    use super::*;

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
