//! Threads that decode a gzip stream ahead of the one that reads it.
//!
//! A scout looks for a bit further on at which a block may begin, and decodes a piece from there on. When the reader comes to that very bit, and a block begins there, the guess was right: the piece
//! becomes content, and the reader goes on behind it. If he passes the bit inside a block, the piece is thrown away. So no byte depends on a guess, and whatever is wrong with a file is found and said by the
//! reader, who decodes all blocks that are not in a piece himself.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use medkernels::threads::{for_each, helpers};

use crate::disk::Handle;

use super::checkpoint::Header;
use super::guess::beginning;
use super::one_block::{OneBlock, Step};
use super::piece::{Handed, Piece};
use super::raw::WINDOW;

/// How far ahead scouts are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Bits of the file from the reader to where a scout begins.
    pub(crate) ahead: u64,
    /// Bits of it that a scout passes meanwhile, about: the next one begins behind them.
    pub(crate) apart: u64,
}

/// 3 ms of decoding.
const PACE: Pace = Pace { ahead: 8 * (512 << 10), apart: 8 * (384 << 10) };

/// Bits before a piece at which its scout is told to end: so that he has ended when the reader is there, a block or two later.
const NEAR: u64 = 8 * (64 << 10);

/// Scouts at most: each has 4 MiB of memory, and as much waits for the reader.
const MOST: usize = 3;

/// Bytes of the file that are read at once.
const MORE: usize = 256 << 10;

/// Bytes of the file in which a block is looked for, or must end.
const FAR: usize = 512 << 10;

/// Pieces that were begun in vain one after the other, at which a scout gives up: the stream has other blocks.
const VAIN: u32 = 3;

/// Content to be decoded, at least, where scouts pay.
const LEAST: u64 = 8 << 20;

/// Whether scouts pay where so much content is to be decoded.
pub(crate) fn pay(content: u64) -> bool {
    content >= LEAST && helpers() > 0
}

/// What a reader and his scouts know of each other.
pub(crate) struct Scouts<'a> {
    file: &'a Handle,
    /// How many there are, and how many pieces may wait for the reader.
    count: usize,
    pace: Pace,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The bit of the file to which the reader has come, pieces that are ready included.
    at: u64,
    /// Whether he is done.
    ended: bool,
    claims: Vec<Claim>,
    /// The bit up to which a block was looked for in vain.
    vain: u64,
    /// Claims so far.
    named: u64,
    /// Pieces that the reader took.
    #[cfg(test)]
    taken: usize,
}

/// A stretch of the file that is a scout's.
struct Claim {
    name: u64,
    /// The bit at which its first block begins; at which it is looked for, as long as it is not found.
    bit: u64,
    found: bool,
    /// Whether the reader is near.
    wanted: bool,
    /// The content before the first block, if the reader has come to it before the piece was done.
    window: Option<Box<[u8; WINDOW]>>,
    piece: Option<Piece>,
}

impl Claim {
    /// Whether the reader, who has come to this bit, is in a piece whose beginning he has passed.
    fn leads_to(&self, bit: u64) -> bool {
        self.window.is_some() && self.piece.as_ref().is_none_or(|piece| piece.end() > Some(bit))
    }
}

/// Lets `read` read with scouts, of whom there are as many as there are idle threads; they begin behind bit `from` of the file, and have stopped when this returns.
pub(crate) fn beside<'a>(file: &'a Handle, from: u64, read: impl FnOnce(Arc<Scouts<'a>>) + Send) {
    let count = helpers().min(MOST);
    let scouts = Arc::new(Scouts::new(file, from, count, PACE));
    let read = Mutex::new(Some(read));
    // Whoever comes first reads. Where no other thread comes, the scouts' turn is when all is done.
    for_each(1 + count, |_| {
        let read = read.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(read) = read else { return scouts.work() };
        let _end = End(&scouts);
        read(Arc::clone(&scouts));
    });
}

/// Sends the scouts home when the reader is done, whether he returns or panics.
struct End<'s, 'a>(&'s Scouts<'a>);

impl Drop for End<'_, '_> {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.changed.notify_all();
    }
}

/// Gives a claim up that has not become a piece.
struct GiveUp<'s, 'a>(&'s Scouts<'a>, u64);

impl Drop for GiveUp<'_, '_> {
    fn drop(&mut self) {
        self.0.lock().claims.retain(|c| c.name != self.1 || c.piece.is_some());
        self.0.changed.notify_all();
    }
}

impl<'a> Scouts<'a> {
    /// `count` scouts for a reader who begins at this bit of the file.
    pub(crate) fn new(file: &'a Handle, from: u64, count: usize, pace: Pace) -> Scouts<'a> {
        let state = Mutex::new(State { at: from, ..State::default() });
        Scouts { file, count, pace, state, changed: Condvar::new() }
    }

    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        self.lock().taken
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reader has come to a bit at which a block begins, behind this content: the piece in which it is, if that is done. He does not wait: where it is not done he decodes a block himself, and
    /// asks again at the next.
    pub(super) fn reached(&self, bit: u64, window: &[u8; WINDOW]) -> Option<Handed> {
        let mut state = self.lock();
        let claims = state.claims.len();
        state.claims.retain(|c| !c.found || c.bit >= bit || c.leads_to(bit));
        if state.claims.len() < claims {
            self.changed.notify_all();
        }
        for claim in state.claims.iter_mut().filter(|c| c.found) {
            claim.wanted |= claim.bit <= bit + NEAR;
            if claim.bit == bit && claim.piece.is_none() {
                claim.window = Some(Box::new(*window));
            }
        }
        state.at = state.at.max(bit);
        let ready = |c: &Claim| {
            let piece = c.piece.as_ref();
            piece.is_some_and(|piece| c.bit == bit || c.window.is_some() && piece.holds(bit))
        };
        let place = state.claims.iter().position(ready)?;
        let claim = state.claims.remove(place);
        let piece = claim.piece?;
        #[cfg(test)]
        {
            state.taken += 1;
        }
        state.at = state.at.max(piece.end().unwrap_or(bit));
        self.changed.notify_all();
        drop(state);
        Some(piece.resolved(claim.window.as_deref().unwrap_or(window), bit))
    }

    /// What a scout does until the reader is done.
    fn work(&self) {
        let Some(mut scout) = Scout::new(self.file) else { return };
        let mut vain = 0;
        while vain < VAIN
            && let Some(made) = self.send(&mut scout)
        {
            vain = if made { 0 } else { vain + 1 };
        }
    }

    /// Has a piece made; false if none was found, `None` if nothing is left to be done.
    pub(crate) fn send(&self, scout: &mut Scout<'a>) -> Option<bool> {
        let (name, from) = self.claim()?;
        let _give_up = GiveUp(self, name);
        let piece = scout.piece(from, |bit| self.found(name, bit), |bit| self.goes_on(name, bit));
        let made = piece.is_some();
        let mut state = self.lock();
        if !made {
            state.vain = state.vain.max(from + 8 * FAR as u64);
        } else if let Some(claim) = state.claims.iter_mut().find(|c| c.name == name) {
            claim.piece = piece;
        }
        drop(state);
        Some(made)
    }

    /// Another stretch to be decoded: its name, and the bit from which on a block is looked for. None behind the file's end, and when the reader is done.
    fn claim(&self) -> Option<(u64, u64)> {
        let mut state = self.lock();
        while !state.ended && state.claims.iter().filter(|c| c.piece.is_some()).count() >= self.count {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let ends = state.claims.iter().filter_map(|c| c.piece.as_ref()?.end());
        let reader = ends.fold(state.at, u64::max) + self.pace.ahead;
        let bit = state.claims.iter().map(|c| c.bit + self.pace.apart).fold(reader.max(state.vain), u64::max);
        if state.ended || bit / 8 >= self.file.size {
            return None;
        }
        state.named += 1;
        let name = state.named;
        state.claims.push(Claim { name, bit, found: false, wanted: false, window: None, piece: None });
        Some((name, bit))
    }

    /// A block may begin at this bit: whether it is worth decoding.
    fn found(&self, name: u64, bit: u64) -> bool {
        let mut state = self.lock();
        let new = !state.ended && state.at <= bit && state.claims.iter().all(|c| !c.found || c.bit != bit);
        let Some(claim) = state.claims.iter_mut().find(|c| c.name == name).filter(|_| new) else {
            return false;
        };
        (claim.bit, claim.found) = (bit, true);
        true
    }

    /// Whether a piece is to go on at this bit.
    fn goes_on(&self, name: u64, bit: u64) -> bool {
        let state = self.lock();
        let Some(own) = state.claims.iter().find(|c| c.name == name) else { return false };
        let others = state.claims.iter().any(|c| c.found && own.bit < c.bit && c.bit <= bit);
        !state.ended && !own.wanted && !others
    }
}

/// Who decodes ahead, and what he has read of the file.
pub(crate) struct Scout<'a> {
    file: &'a Handle,
    one: OneBlock,
    packed: Vec<u8>,
    /// Which byte of the file the first one is.
    byte: u64,
}

impl<'a> Scout<'a> {
    /// `None` if there is no memory.
    pub(crate) fn new(file: &'a Handle) -> Option<Scout<'a>> {
        Some(Scout { file, one: OneBlock::new()?, packed: vec![], byte: 0 })
    }

    /// Blocks from the first one on that is found behind a bit of the file, as long as it is told to go on.
    fn piece(
        &mut self,
        from: u64,
        found: impl Fn(u64) -> bool,
        goes_on: impl Fn(u64) -> bool,
    ) -> Option<Piece> {
        self.packed.clear();
        self.byte = from / 8;
        let mut piece = Piece::new()?;
        let mut bit = (from % 8) as usize;
        loop {
            // Of a header that is not all at hand the next bytes tell.
            let Some(begins) = beginning(&self.packed, bit, self.packed.len() * 8) else {
                bit = bit.max((self.packed.len() * 8).saturating_sub(Header::MOST as usize));
                if self.packed.len() < FAR && self.more(0) {
                    continue;
                }
                return None;
            };
            if !found(self.byte * 8 + begins as u64) {
                return None;
            }
            self.follow(&mut piece, begins, &goes_on);
            if !piece.is_empty() {
                return Some(piece);
            }
            bit = begins + 1;
        }
    }

    /// Decodes blocks from this bit of what has been read on.
    fn follow(&mut self, piece: &mut Piece, mut bit: usize, goes_on: impl Fn(u64) -> bool) {
        loop {
            match piece.pass(&mut self.one, &self.packed, bit, self.byte) {
                Step::Made(_, next) => bit = next,
                // Perhaps only because there was not all of it.
                Step::Bad if self.packed.len() - bit / 8 < FAR && self.more(0) => continue,
                _ => return,
            }
            if !goes_on(self.byte * 8 + bit as u64) {
                return;
            }
            if self.packed.len() - bit / 8 < self.one.likely() {
                self.more(bit / 8);
                bit %= 8;
            }
        }
    }

    /// Reads more of the file, and forgets the first bytes; false at its end, or if it cannot be read, of which the reader will tell.
    fn more(&mut self, used: usize) -> bool {
        self.packed.drain(..used);
        self.byte += used as u64;
        let old = self.packed.len();
        self.packed.resize(old + MORE, 0);
        let read = self.file.read_at_most(&mut self.packed[old..], self.byte + old as u64).unwrap_or(0);
        self.packed.truncate(old + read);
        read > 0
    }
}
