//! gzip streams: decoded in order, any number of members, every checksum verified.

use std::sync::Arc;

use crate::disk::Handle;
use crate::{Error, Result};

use super::checkpoint::{Checkpoint, Gatherer, Index};
use super::raw::{At, RawInflate};

/// Bytes read from disk at a time.
const INPUT: usize = 128 << 10;

/// After the last voxel, this many bytes more are decoded to reach the checksum; a stream that goes on is left there.
const TAIL: u64 = 1 << 20;

/// Bytes decoded at a time for readers who want few: each call of the decoder copies its window of 32 KiB.
const STAGE: usize = 256 << 10;

/// A checkpoint is worth entering if it spares more than this: its window must be inflated, and the file read at another place.
const JUMP: u64 = 64 << 10;

/// A gzip stream read from a file, front to back, or from checkpoint to checkpoint.
pub(crate) struct GzipStream<'a> {
    file: &'a Handle,
    /// Next byte of the file to read.
    at: u64,
    input: Vec<u8>,
    used: usize,
    inflate: RawInflate,
    member: Option<Member>,
    /// Decoded bytes that nobody has asked for yet: `stage[stage_used..stage_end]`. Empty if nothing is to be decoded ahead.
    stage: Vec<u8>,
    stage_used: usize,
    stage_end: usize,
    /// Decoded bytes handed out.
    position: u64,
    /// Decoded bytes, those in the stage included.
    decoded: u64,
    /// Nothing past this byte of the content is decoded ahead.
    until: u64,
    ended: bool,
    /// Where the content can be entered.
    index: Index,
    gatherer: Option<Gatherer>,
}

/// The checksum of what a member has given so far.
struct Member {
    crc: crc32fast::Hasher,
    size: u32,
}

impl<'a> GzipStream<'a> {
    /// A stream from the file's start, whose first bytes may have been read already.
    pub(crate) fn new(file: &'a Handle, start: Vec<u8>) -> GzipStream<'a> {
        GzipStream {
            file,
            at: start.len() as u64,
            input: start,
            used: 0,
            inflate: RawInflate::new(),
            member: None,
            stage: Vec::new(),
            stage_used: 0,
            stage_end: 0,
            position: 0,
            decoded: 0,
            until: u64::MAX,
            ended: false,
            index: Index::default(),
            gatherer: None,
        }
    }

    /// A stream from the member at byte `at` on.
    pub(crate) fn at(file: &'a Handle, at: u64) -> GzipStream<'a> {
        GzipStream { at, ..GzipStream::new(file, Vec::new()) }
    }

    /// The same, decoding ahead: for reading many small parts.
    pub(crate) fn ahead(mut self) -> GzipStream<'a> {
        self.stage.resize(STAGE, 0);
        self
    }

    /// The same for content of which nothing past byte `until` is wanted.
    pub(crate) fn until(mut self, until: u64) -> GzipStream<'a> {
        self.until = until;
        self
    }

    /// The same, going from checkpoint to checkpoint of `index`, and gathering more where it ends.
    pub(crate) fn with_checkpoints(mut self, index: Index) -> GzipStream<'a> {
        self.gatherer = (!index.complete).then(|| Gatherer::after(index.points.last()));
        self.index = index;
        self
    }

    /// The checkpoints, with those that were found on the way, and whether that is more than was known.
    pub(crate) fn into_index(self) -> (Index, bool) {
        let mut index = self.index;
        let Some(gatherer) = self.gatherer else { return (index, false) };
        let grown = self.ended || !gatherer.found.is_empty();
        index.points.extend(gatherer.found);
        index.complete = self.ended;
        (index, grown)
    }

    /// The file below.
    pub(crate) fn file(&self) -> &'a Handle {
        self.file
    }

    /// Fills `out`, or less if the stream ends; says how much.
    pub(crate) fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        let mut done = 0;
        while done < out.len() {
            let rest = &mut out[done..];
            let n = if self.stage_used < self.stage_end || rest.len() < self.stage.len() {
                let staged = self.staged()?;
                let n = staged.len().min(rest.len());
                rest[..n].copy_from_slice(&staged[..n]);
                self.stage_used += n;
                n
            } else {
                self.decode(rest)?
            };
            if n == 0 {
                break;
            }
            done += n;
        }
        self.position += done as u64;
        Ok(done)
    }

    /// Bytes decoded ahead, at least one unless the stream has ended.
    fn staged(&mut self) -> Result<&[u8]> {
        if self.stage_used == self.stage_end {
            let mut stage = std::mem::take(&mut self.stage);
            let ahead = match self.until.checked_sub(self.decoded) {
                None | Some(0) => stage.len(),
                Some(rest) => rest.min(stage.len() as u64) as usize,
            };
            let decoded = self.decode(&mut stage[..ahead]);
            self.stage = stage;
            (self.stage_used, self.stage_end) = (0, decoded?);
        }
        Ok(&self.stage[self.stage_used..self.stage_end])
    }

    /// Decodes into all of `out`, or less if the stream ends.
    fn decode(&mut self, out: &mut [u8]) -> Result<usize> {
        let mut done = 0;
        while done < out.len() && !self.ended {
            if self.member.is_none() && !self.start_member()? {
                self.ended = true;
                break;
            }
            done += self.inflate_into(&mut out[done..])?;
        }
        Ok(done)
    }

    /// Fills `out`.
    ///
    /// # Errors
    /// [`Error::Format`] if the stream ends before.
    pub(crate) fn read_exact(&mut self, out: &mut [u8]) -> Result<()> {
        let wanted = self.position + out.len() as u64;
        if self.read(out)? == out.len() {
            return Ok(());
        }
        Err(self.too_short(wanted))
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
        self.input.clear();
        (self.at, self.used, self.ended) = (point.bit / 8, 0, false);
        (self.stage_used, self.stage_end) = (0, 0);
        (self.position, self.decoded) = (point.position, point.position);
        let skip = (point.bit % 8) as u32;
        let (bits, value) = match skip {
            0 => (0, 0),
            _ => (8 - skip, self.byte()?.ok_or_else(|| self.corrupt("an end at a checkpoint"))? >> skip),
        };
        let entered = point.window().and_then(|window| self.inflate.resume(bits, value, &window));
        entered.map_err(|_| self.corrupt("an unusable checkpoint"))?;
        let crc = crc32fast::Hasher::new_with_initial_len(point.crc, u64::from(point.size));
        self.member = Some(Member { crc, size: point.size });
        Ok(())
    }

    /// Decodes what is left of the stream, so that its checksum is verified; gives up where much is left.
    pub(crate) fn finish(&mut self) -> Result<()> {
        let end = self.position + TAIL;
        while self.position < end {
            let n = self.staged()?.len();
            if n == 0 {
                break;
            }
            self.stage_used += n;
            self.position += n as u64;
        }
        Ok(())
    }

    /// Whether there may be checkpoints that are not known.
    pub(crate) fn gathers(&self) -> bool {
        self.gatherer.is_some()
    }

    /// Decodes what is left of the stream and gathers its checkpoints, if some may be missing.
    pub(crate) fn complete_index(&mut self) -> Result<()> {
        self.until = u64::MAX;
        while self.gathers() {
            let n = self.staged()?.len();
            if n == 0 {
                break;
            }
            self.stage_used += n;
            self.position += n as u64;
        }
        Ok(())
    }

    /// Begins the member that must be here.
    pub(crate) fn begin_member(&mut self) -> Result<()> {
        if self.start_member()? { Ok(()) } else { Err(self.corrupt("no gzip header")) }
    }

    /// Fills `out`, or less if the member ends, whose checksum is then verified; says how much.
    pub(crate) fn read_member(&mut self, out: &mut [u8]) -> Result<usize> {
        let mut done = 0;
        while done < out.len() && self.member.is_some() {
            done += self.inflate_into(&mut out[done..])?;
        }
        Ok(done)
    }

    /// Verifies the member's checksum if all of its content has been read.
    pub(crate) fn verify_member(&mut self) -> Result<()> {
        if self.member.is_some() {
            self.inflate_into(&mut [])?;
        }
        Ok(())
    }

    fn too_short(&self, wanted: u64) -> Error {
        Error::format(
            &self.file.path,
            "the gzip stream's length",
            format!("{} bytes", self.position),
            format!("at least {wanted} bytes"),
        )
    }

    /// The next byte of the file to be looked at.
    fn place(&self) -> u64 {
        self.at - (self.input.len() - self.used) as u64
    }

    fn corrupt(&self, what: impl std::fmt::Display) -> Error {
        Error::format(
            &self.file.path,
            "the gzip stream",
            format!("{what} at byte {} of the file", self.place()),
            "gzip data",
        )
    }

    /// Reads more of the file; false at its end.
    fn fill(&mut self) -> Result<bool> {
        if self.used < self.input.len() {
            return Ok(true);
        }
        let more = INPUT.min(usize::try_from(self.file.size.saturating_sub(self.at)).unwrap_or(INPUT));
        self.input.resize(more, 0);
        let n = self.file.read_at_most(&mut self.input, self.at)?;
        self.input.truncate(n);
        self.used = 0;
        self.at += n as u64;
        Ok(n > 0)
    }

    fn byte(&mut self) -> Result<Option<u8>> {
        if !self.fill()? {
            return Ok(None);
        }
        self.used += 1;
        Ok(Some(self.input[self.used - 1]))
    }

    fn header_byte(&mut self) -> Result<u8> {
        self.byte()?.ok_or_else(|| self.corrupt("a header that ends early"))
    }

    /// Reads a member's header; false if no member follows (the file's end, zero padding, or bytes that are no gzip).
    fn start_member(&mut self) -> Result<bool> {
        let first = self.used == 0 && self.at <= self.input.len() as u64;
        if self.byte()? != Some(0x1f) || self.byte()? != Some(0x8b) {
            return if first { Err(self.corrupt("no gzip header")) } else { Ok(false) };
        }
        let method = self.header_byte()?;
        let flags = self.header_byte()?;
        if method != 8 || flags & 0xe0 != 0 {
            return Err(self.corrupt(format!("method {method}, flags {flags:#x}")));
        }
        for _ in 0..6 {
            self.header_byte()?;
        }
        if flags & 4 != 0 {
            let length = u16::from_le_bytes([self.header_byte()?, self.header_byte()?]);
            for _ in 0..length {
                self.header_byte()?;
            }
        }
        for flag in [8, 16] {
            if flags & flag != 0 {
                while self.header_byte()? != 0 {}
            }
        }
        if flags & 2 != 0 {
            self.header_byte()?;
            self.header_byte()?;
        }
        self.inflate.reset();
        self.file.count_member();
        self.member = Some(Member { crc: crc32fast::Hasher::new(), size: 0 });
        if self.gatherer.as_ref().is_some_and(|g| g.due <= self.decoded) {
            self.gather(self.place() * 8, &[]);
        }
        Ok(true)
    }

    /// Decodes into `out` as much as there is room, or up to the member's end.
    fn inflate_into(&mut self, out: &mut [u8]) -> Result<usize> {
        let more = self.fill()?;
        // To stop at each block costs time: only where a checkpoint is due.
        let due = self.gatherer.as_ref().map_or(u64::MAX, |g| g.due.saturating_sub(self.decoded));
        let room =
            if due == 0 { out.len() } else { out.len().min(usize::try_from(due).unwrap_or(usize::MAX)) };
        let step = self
            .inflate
            .inflate(&self.input[self.used..], &mut out[..room], due == 0)
            .map_err(|_| self.corrupt("corrupt deflate data"))?;
        self.used += step.used;
        let n = step.made;
        self.decoded += n as u64;
        self.file.count_inflated(n as u64);
        if let Some(member) = &mut self.member {
            member.crc.update(&out[..n]);
            member.size = member.size.wrapping_add(n as u32);
        }
        match step.at {
            At::End => self.end_member()?,
            At::Boundary { unused } => {
                let window = self.inflate.window();
                self.gather(self.place() * 8 - u64::from(unused), &window);
            }
            At::Block if n == 0 && !more => return Err(self.corrupt("an end in the middle of deflate data")),
            At::Block => {}
        }
        Ok(n)
    }

    /// Offers a checkpoint here.
    fn gather(&mut self, bit: u64, window: &[u8]) {
        if let (Some(gatherer), Some(member)) = (&mut self.gatherer, &self.member) {
            gatherer.offer(self.decoded, bit, member.crc.clone().finalize(), member.size, window);
        }
    }

    /// Compares a member's checksum and size.
    fn end_member(&mut self) -> Result<()> {
        let Some(member) = self.member.take() else { return Ok(()) };
        let mut trailer = [0; 8];
        for b in &mut trailer {
            *b = self.byte()?.ok_or_else(|| self.corrupt("no checksum"))?;
        }
        let stored = u64::from_le_bytes(trailer);
        let (crc, size) = (stored as u32, (stored >> 32) as u32);
        let found = member.crc.finalize();
        if crc != found || size != member.size {
            return Err(Error::format(
                &self.file.path,
                "the gzip checksum",
                format!("{found:08x} over {} bytes, up to byte {} of the file", member.size, self.place()),
                format!("{crc:08x} over {size} bytes"),
            ));
        }
        Ok(())
    }
}
