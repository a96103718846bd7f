//! Where the blocks of a deflate stream begin, and which code ends each (RFC 1951, section 3.2).

/// Symbols of the codes for lengths, in the order in which a header has theirs.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// The symbol that ends a block.
const END: usize = 256;

/// What a block's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    /// Whether it is the last one.
    pub(super) last: bool,
    pub(super) kind: Kind,
}

/// What is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// These bytes, as they are.
    Stored { from: usize, length: usize },
    /// Codes, of which this one is the last.
    Coded { end: Code },
}

/// A code as it lies in a stream: its first bit lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) bits: u64,
    pub(super) length: u32,
}

impl Block {
    /// The block whose header begins at a bit; `None` if there is no header that holds together.
    pub(super) fn at(bytes: &[u8], bit: usize) -> Option<Block> {
        let mut bits = Bits { bytes, at: bit };
        let last = bits.take(1)? == 1;
        let kind = match bits.take(2)? {
            0 => {
                let from = bits.at.div_ceil(8);
                let [a, b, c, d] = *bytes.get(from..)?.first_chunk()?;
                let length = u16::from_le_bytes([a, b]);
                if length != !u16::from_le_bytes([c, d]) {
                    return None;
                }
                Kind::Stored { from: from + 4, length: length.into() }
            }
            1 => Kind::Coded { end: Code { bits: 0, length: 7 } },
            2 => Kind::Coded { end: bits.codes()?.end()? },
            _ => return None,
        };
        Some(Block { last, kind })
    }
}

impl Code {
    /// Whether it lies before a bit.
    pub(super) fn ends_at(self, bytes: &[u8], bit: usize) -> bool {
        let from = bit.checked_sub(self.length as usize);
        from.is_some_and(|at| Bits { bytes, at }.peek(self.length) == self.bits)
    }
}

/// Bits of a stream, the lowest of a byte first; zeros behind its end.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// The next ones, 32 at most.
    fn peek(&self, count: u32) -> u64 {
        let rest = self.bytes.get(self.at / 8..).unwrap_or_default();
        let word = rest.first_chunk().map_or_else(
            || rest.iter().rev().fold(0, |word, &b| word << 8 | u64::from(b)),
            |word: &[u8; 8]| u64::from_le_bytes(*word),
        );
        (word >> (self.at % 8)) & ((1 << count) - 1)
    }

    /// The same, passed; `None` behind the end.
    fn take(&mut self, count: u32) -> Option<usize> {
        let value = self.peek(count);
        self.at += count as usize;
        (self.at <= self.bytes.len() * 8).then_some(value as usize)
    }

    /// The lengths of all codes in a block with codes of its own, of whose header the first three bits have been passed.
    fn codes(&mut self) -> Option<Codes> {
        let [symbols, distances, given] = [self.take(5)? + 257, self.take(5)? + 1, self.take(4)? + 4];
        let mut lengths = [0; 19];
        for &symbol in &ORDER[..given] {
            lengths[symbol] = self.take(3)? as u8;
        }
        let table = table(&lengths)?;
        // As many as there can be, and what a last repetition may be too long.
        let mut all = [0_u8; 320 + 138];
        let mut done = 0;
        while done < symbols + distances {
            let (symbol, length) = table[self.peek(7) as usize];
            self.take(length.into())?;
            let (value, times) = match symbol {
                16 => (*all.get(done.checked_sub(1)?)?, 3 + self.take(2)?),
                17 => (0, 3 + self.take(3)?),
                18 => (0, 11 + self.take(7)?),
                length => (length, 1),
            };
            all[done..done + times].fill(value);
            done += times;
        }
        (done == symbols + distances).then_some(Codes { all, symbols, distances })
    }
}

/// The lengths of a block's codes: of literals and lengths, then of distances.
struct Codes {
    all: [u8; 320 + 138],
    symbols: usize,
    distances: usize,
}

impl Codes {
    /// The code that ends the block.
    fn end(&self) -> Option<Code> {
        code_of(END, &self.all[..self.symbols])
    }

    /// Whether every row of bits means something, as in what encoders write; a single distance may have one bit, and there may be none.
    fn are_complete(&self) -> bool {
        let (symbols, rest) = self.all.split_at(self.symbols);
        let distances = &rest[..self.distances];
        let few = distances.iter().filter(|&&l| l > 0).count() < 2 && distances.iter().all(|&l| l < 2);
        self.all[END] > 0 && is_complete(symbols) && (few || is_complete(distances))
    }
}

/// Whether codes of these lengths, 15 at most, are all that there can be.
fn is_complete(lengths: &[u8]) -> bool {
    lengths.iter().filter(|&&l| l > 0).map(|&l| 1_usize << (15 - l.min(15))).sum::<usize>() == 1 << 15
}

/// Whether a block that is not the last may begin at a bit, with codes of its own, such as encoders write them.
pub(super) fn may_begin(bytes: &[u8], bit: usize) -> bool {
    let mut bits = Bits { bytes, at: bit };
    bits.take(3) == Some(0b100) && bits.codes().is_some_and(|codes| codes.are_complete())
}

/// For each seven bits the symbol that they begin with and the length of its code; `None` if the lengths are not those of a code.
fn table(lengths: &[u8; 19]) -> Option<[(u8, u8); 128]> {
    let mut table = [(0, 0); 128];
    let mut filled = 0;
    for symbol in 0..lengths.len() {
        if lengths[symbol] == 0 {
            continue;
        }
        let code = code_of(symbol, lengths)?;
        filled += 128 >> code.length;
        for entry in table.iter_mut().skip(code.bits as usize).step_by(1 << code.length) {
            *entry = (symbol as u8, code.length as u8);
        }
    }
    (filled == 128).then_some(table)
}

/// The code of a symbol, by the lengths of all codes; `None` if it has none.
fn code_of(symbol: usize, lengths: &[u8]) -> Option<Code> {
    let own = *lengths.get(symbol).filter(|&&l| l > 0)?;
    // Codes of one length follow one another in the order of symbols, and those that are longer come after.
    let shorter: u64 = lengths.iter().filter(|&&l| l > 0 && l < own).map(|&l| 1 << (own - l)).sum();
    let before: u64 = lengths[..symbol].iter().map(|&l| u64::from(l == own)).sum();
    let length = u32::from(own);
    let code = shorter + before;
    (code < 1 << length).then(|| Code { bits: code.reverse_bits() >> (64 - length), length })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn deflate(content: &[u8], level: u32) -> Vec<u8> {
        let mut e = flate2::write::DeflateEncoder::new(vec![], flate2::Compression::new(level));
        e.write_all(content).unwrap();
        e.finish().unwrap()
    }

    #[test]
    fn kinds_of_blocks() {
        let stored = deflate(b"volume", 0);
        let found = Block::at(&stored, 0).unwrap();
        assert_eq!(found.kind, Kind::Stored { from: 5, length: 6 });
        let fixed = Block::at(&deflate(b"volume", 6), 0).unwrap();
        assert_eq!(fixed, Block { last: true, kind: Kind::Coded { end: Code { bits: 0, length: 7 } } });
        // Kind 3; a length without its complement; no more bytes.
        assert_eq!(Block::at(&[0b110, 0, 0, 0, 0], 0), None);
        assert_eq!(Block::at(&[0, 1, 0, 0xff, 0xff], 0), None);
        assert_eq!(Block::at(&[0, 1, 0], 0), None);
        assert_eq!(Block::at(&[], 0), None);
    }

    #[test]
    fn the_code_at_the_end_of_a_block_is_the_one_that_ends_it() {
        let mut state = 7_u32;
        for length in [500, 1000, 2000, 5000, 10_000] {
            let content: Vec<u8> = (0..length)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 27) as u8 * (state >> 30) as u8
                })
                .collect();
            for level in [2, 6, 9] {
                let packed = deflate(&content, level);
                let block = Block::at(&packed, 0).unwrap();
                let Kind::Coded { end } = block.kind else { panic!("{block:?}") };
                assert!(block.last && end.length >= 7, "{end:?}");
                // It ends in the last byte. Another code would do so by chance in one of sixteen of these streams at most.
                let ends = (0..8).any(|n| end.ends_at(&packed, packed.len() * 8 - n));
                assert!(ends, "{length} bytes, level {level}: {end:?}");
            }
        }
    }

    #[test]
    fn lengths_that_are_no_code_are_refused() {
        let mut lengths = [0; 19];
        lengths[3] = 1;
        assert!(table(&lengths).is_none(), "half of all codes mean nothing");
        lengths[18] = 1;
        assert_eq!(table(&lengths).unwrap()[2..4], [(3, 1), (18, 1)]);
        lengths[5] = 2;
        assert!(table(&lengths).is_none(), "more codes than there are");
    }
}
