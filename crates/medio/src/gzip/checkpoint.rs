//! Checkpoints: places at which a deflate stream can be entered.

use std::sync::Arc;

use super::packer::{Packer, unpack};
use super::raw::{Corrupt, Until, WINDOW};

/// Content between two checkpoints, at least, of a small file. A window of 32 KiB for each MiB shrinks about as well as the file does, so that an index is
/// 3 to 4 % of its file, and entering costs half a MiB of inflating on average.
pub(crate) const SPACING: u64 = 1 << 20;

/// Content between two checkpoints, at least, of a file whose content has so many bytes. A patch of a large file lies across more of it: a place that is
/// further off costs little, and each that is kept costs the first visit a millisecond.
pub(crate) fn spacing(content: u64) -> u64 {
    (content / 16).clamp(SPACING, 4 * SPACING)
}

/// A checkpoint takes at most one part in so many of the file's bytes since the one before, so that an index is less than a twentieth of its file.
const SHARE: u64 = 21;

/// Bytes of a checkpoint besides its window, in memory and in a file.
pub(crate) const FIXED: usize = 44;

/// Bytes at which a place inside a block is looked for before it is put off.
const TRIES: u32 = 64;

/// Where a block lies that is entered in its middle: its own codes must be read first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Bits of the file before the block.
    pub(crate) bit: u64,
    /// Bits of its header: no more than [`Header::MOST`].
    pub(crate) bits: u32,
}

impl Header {
    /// RFC 1951, section 3.2.7: 17 bits, 19 lengths of 3 bits, 286 + 30 lengths of at most 7 + 7 bits.
    pub(crate) const MOST: u32 = 17 + 19 * 3 + 316 * 14;
}

/// Where a block begins, or a code inside one, and what must be known to decode what follows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// Bytes of the file's content before it.
    pub(crate) position: u64,
    /// Bits of the file before it.
    pub(crate) bit: u64,
    /// The block, if it is inside one.
    pub(crate) inside: Option<Header>,
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
        unpack(&self.packed, (self.window as usize).min(WINDOW))
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
    /// Bytes of the content in which there are no more, though it may reach further than the last one.
    pub(crate) reached: u64,
}

impl Index {
    /// The last checkpoint at or before a byte of the content.
    pub(crate) fn before(&self, position: u64) -> Option<&Arc<Checkpoint>> {
        self.points[..self.points.partition_point(|p| p.position <= position)].last()
    }

    /// Whether who reads to byte `end` of the content may find more.
    #[cfg(feature = "libdeflate")]
    pub(crate) fn grows_before(&self, end: u64, spacing: u64) -> bool {
        let known = self.points.last().map_or(0, |p| p.position).max(self.reached);
        !self.complete && end >= known.saturating_add(spacing)
    }

    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.points.iter().map(|p| p.bytes()).sum()
    }
}

/// What is known of the block that is being decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    /// Nothing: blocks have been passed without stopping.
    Unknown,
    /// Its header is next, at this bit of the file.
    Starts(u64),
    /// Its header has been read.
    Known(Header),
}

/// A place that may become a checkpoint.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) position: u64,
    pub(crate) bit: u64,
    pub(crate) crc: u32,
    pub(crate) size: u32,
}

/// Chooses checkpoints: where a block begins after at least a [`spacing`], or at that distance inside a block that has not ended since the last
/// one. Which ones depends on the file and the last known one only, so that all readers find the same.
pub(crate) struct Gatherer {
    /// The content's byte from which on the next one is wanted.
    due: u64,
    spacing: u64,
    pub(crate) found: Vec<Arc<Checkpoint>>,
    /// Where the last one stands.
    last: u64,
    last_bit: u64,
    block: Block,
    /// A place inside the block, to be taken if the code there turns out to be that of a single byte.
    pending: Option<(Place, Vec<u8>)>,
    tries: u32,
    packer: Packer,
}

impl Gatherer {
    /// For what comes after a checkpoint, or after the start; each at least `spacing` from the last.
    pub(crate) fn after(last: Option<&Arc<Checkpoint>>, spacing: u64) -> Gatherer {
        Gatherer {
            due: last.map_or(0, |p| p.position) + spacing,
            spacing,
            found: vec![],
            last: last.map_or(0, |p| p.position),
            last_bit: last.map_or(0, |p| p.bit),
            block: Block::Unknown,
            pending: None,
            tries: 0,
            packer: Packer::default(),
        }
    }

    /// How far to decode from byte `decoded` of the content on. To stop at each block costs time: only where a checkpoint is due, or until it is
    /// known that the block is not a long one.
    pub(crate) fn stops(&self, decoded: u64) -> (Until, usize) {
        let rest = usize::try_from(self.due.saturating_sub(decoded)).unwrap_or(usize::MAX);
        match self.block {
            Block::Starts(_) => (Until::Header, usize::MAX),
            Block::Known(_) => (Until::Block, rest.max(1)),
            Block::Unknown if rest == 0 => (Until::Block, usize::MAX),
            Block::Unknown => (Until::Full, rest),
        }
    }

    /// Whether a checkpoint is wanted at byte `decoded`.
    pub(crate) fn is_due(&self, decoded: u64) -> bool {
        decoded >= self.due
    }

    /// Whether places inside the block that begins are wanted, if it ends before byte `end`.
    #[cfg(feature = "libdeflate")]
    pub(crate) fn looks_into(&self, end: u64) -> bool {
        end > self.due && matches!(self.block, Block::Starts(_))
    }

    /// Whether a place inside the block is wanted at byte `decoded`.
    pub(crate) fn is_due_inside(&self, decoded: u64) -> bool {
        self.is_due(decoded) && matches!(self.block, Block::Known(_))
    }

    /// A block begins at this bit; a stored one is not looked into, for it is short.
    pub(crate) fn block_starts(&mut self, bit: u64, stored: bool) {
        (self.pending, self.tries) = (None, 0);
        self.block = if stored { Block::Unknown } else { Block::Starts(bit) };
    }

    /// What block it is does not matter: it is a short one, or has ended.
    pub(crate) fn block_passed(&mut self) {
        (self.block, self.pending, self.tries) = (Block::Unknown, None, 0);
    }

    /// The block's header ends before this bit.
    pub(crate) fn header_ends(&mut self, end: u64) {
        if let Block::Starts(bit) = self.block {
            let bits = (end - bit) as u32;
            self.block =
                if bits <= Header::MOST { Block::Known(Header { bit, bits }) } else { Block::Unknown };
        }
    }

    /// Decoding goes on inside a block.
    pub(crate) fn inside(&mut self, header: Header) {
        self.block = Block::Known(header);
    }

    /// Takes a block's beginning as a checkpoint, unless it would take too large a share of the file.
    pub(crate) fn offer(&mut self, place: Place, window: &[u8]) {
        self.take(place, None, window);
    }

    /// Takes the place before byte `decoded` if the code there stood for a single byte; remembers this one if a code begins here of which nothing has been
    /// written.
    pub(crate) fn offer_inside(
        &mut self,
        decoded: u64,
        begins: Option<Place>,
        window: impl FnOnce() -> Vec<u8>,
    ) {
        let Block::Known(header) = self.block else { return };
        match (self.pending.take(), begins) {
            // No more input at hand: nothing has been decoded since.
            (Some(pending), _) if pending.0.position == decoded => self.pending = Some(pending),
            // A match is of three bytes at least: none begins after its first.
            (Some((place, window)), Some(_)) => {
                self.tries = 0;
                self.take(place, Some(header), &window);
            }
            _ if self.tries == TRIES => (self.due, self.tries) = (self.due + self.spacing / 4, 0),
            (_, begins) => {
                self.tries += 1;
                self.pending = begins.map(|place| (place, window()));
            }
        }
    }

    fn take(&mut self, place: Place, inside: Option<Header>, window: &[u8]) {
        let packed = self.packer.pack(window);
        let Place { position, bit, crc, size } = place;
        let point = Checkpoint { position, bit, inside, crc, size, window: window.len() as u32, packed };
        let (worth, has) = (point.bytes() as u64 * SHARE * 8, bit - self.last_bit);
        if worth > has {
            // About so far from here the file has the bytes for it.
            let missing = (position - self.last) * (worth - has) / has.max(1);
            self.due = position + missing.clamp(self.spacing / 8, self.spacing / 2);
            return;
        }
        (self.due, self.last, self.last_bit) = (position + self.spacing, position, bit);
        self.found.push(Arc::new(point));
    }
}
