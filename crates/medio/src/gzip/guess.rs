//! Where in a deflate stream a block may begin, for who does not come from its start.
//!
//! Nothing marks a beginning. But the header of a block with codes of its own is long, and most bits are none: its three lists of lengths each belong to a complete prefix code, which of
//! random bits hardly any do. Blocks of other kinds are not looked for. (Kerbiriou and Chikhi, "Parallel decompression of gzip-compressed files and random access to DNA
//! sequences", 2019; Knespel and Brunst, "Rapidgzip", 2023, look for blocks so.)

use super::blocks::may_begin;

/// Bits of which the first words tell whether a header may begin there: all that 64 bits hold 13 bits of, in whole bytes.
const STEP: usize = 48;

/// Bytes of a header's beginning, up to the lengths of the codes for lengths, from the byte with its first bit on.
const START: usize = 16;

/// Of four lengths of codes, three bits each, how many of 128 codes of seven bits they take.
static TAKEN: [u16; 4096] = taken();

const fn taken() -> [u16; 4096] {
    let mut all = [0; 4096];
    let mut lengths = 0;
    while lengths < all.len() {
        let mut place = 0;
        while place < 12 {
            let length = lengths >> place & 7;
            if length > 0 {
                all[lengths] += 128 >> length;
            }
            place += 3;
        }
        lengths += 1;
    }
    all
}

/// The first bit from `from` on and before `end` at which a block may begin that has codes of its own and is not the last.
pub(super) fn beginning(bytes: &[u8], from: usize, end: usize) -> Option<usize> {
    let mut skip = from % 8;
    for byte in (from / 8..end.div_ceil(8)).step_by(STEP / 8) {
        let word = u64::from_le_bytes(*bytes.get(byte..)?.first_chunk()?);
        let mut places = headers(word) & (u64::MAX << skip);
        skip = 0;
        while places != 0 {
            let bit = byte * 8 + places.trailing_zeros() as usize;
            if bit >= end {
                return None;
            }
            if is_code(bytes, bit) && may_begin(bytes, bit) {
                return Some(bit);
            }
            places &= places - 1;
        }
    }
    None
}

/// The first bits of a word at which 13 bits lie that a header may begin with: not the last block, kind 2, at most 286 literals and lengths, 30 distances.
fn headers(word: u64) -> u64 {
    let bit = |n: u32| word >> n;
    let kind = !bit(0) & !bit(1) & bit(2);
    let many = bit(4) & bit(5) & bit(6) & bit(7) | bit(9) & bit(10) & bit(11) & bit(12);
    kind & !many & ((1 << STEP) - 1)
}

/// Whether the lengths of the codes for lengths are those of a complete code.
fn is_code(bytes: &[u8], bit: usize) -> bool {
    let Some(start) = bytes.get(bit / 8..).and_then(|b| b.first_chunk::<START>()) else { return false };
    let bits = u128::from_le_bytes(*start) >> (bit % 8 + 13);
    let given = (bits & 15) as u32 + 4;
    let lengths = (bits >> 4) as u64 & ((1 << (3 * given)) - 1);
    (0..5).map(|n| TAKEN[(lengths >> (12 * n) & 0xfff) as usize]).sum::<u16>() == 128
}

#[cfg(test)]
mod tests {
    use super::super::written::{all_writers, blocks, content};
    use super::*;

    #[test]
    fn beginnings_are_where_blocks_begin() {
        let content = content(2_000_000);
        let (mut all, mut found) = (0, 0);
        for (name, bytes) in all_writers(&content) {
            let blocks: Vec<usize> = blocks(&bytes, content.len() + 1).iter().map(|b| b.1 as usize).collect();
            // Not the last, with codes of its own.
            let own = |bit: usize| {
                let start = u16::from_le_bytes([bytes[bit / 8], bytes[bit / 8 + 1]]) >> (bit % 8);
                start & 7 == 0b100
            };
            let mut wanted = blocks.iter().copied().filter(|&bit| own(bit));
            let mut from = 0;
            while let Some(bit) = beginning(&bytes, from, bytes.len() * 8) {
                assert_eq!(Some(bit), wanted.next(), "{name}");
                (from, found) = (bit + 1, found + 1);
            }
            assert_eq!(wanted.next(), None, "{name}");
            all += blocks.len();
            // From anywhere to anywhere.
            for window in blocks.windows(2).filter(|w| own(w[1])).take(40) {
                let [before, bit] = [window[0], window[1]];
                for (from, end) in [(before + 1, bit + 1), (bit, bit + 1), (bit - 1, bit + 99)] {
                    assert_eq!(beginning(&bytes, from, end), Some(bit), "{name}");
                }
                assert_eq!(beginning(&bytes, before + 1, bit), None, "{name}");
            }
        }
        assert!(found > 300, "{found} of {all}");
    }

    #[test]
    fn noise_is_no_block() {
        let mut state = 7_u64;
        let noise: Vec<u8> = (0..3_000_000)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 40) as u8
            })
            .collect();
        assert_eq!(beginning(&noise, 0, noise.len() * 8), None);
        assert_eq!(beginning(&[], 0, 0), None);
        assert_eq!(beginning(&[4; 7], 0, 56), None);
    }
}
