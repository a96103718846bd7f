//! gzip streams: decoded in order, any number of members, every checksum verified.

#[cfg(feature = "libdeflate")]
use std::collections::VecDeque;
#[cfg(feature = "libdeflate")]
use std::sync::Arc;

use medkernels::buffer::Buffer;

use crate::disk::Handle;
use crate::{Error, Result};

#[cfg(feature = "libdeflate")]
use super::by_block::Way;
use super::checkpoint::{Gatherer, Index};
#[cfg(feature = "libdeflate")]
use super::one_block::OneBlock;
#[cfg(feature = "libdeflate")]
use super::piece::End;
use super::raw::{At, RawInflate};
#[cfg(feature = "libdeflate")]
use super::scouts::Scouts;
use super::stage::Stage;

/// Bytes read from disk at a time.
const INPUT: usize = 128 << 10;

/// After the last voxel, this many bytes more are decoded to reach the checksum; a stream that goes on is left there.
const TAIL: u64 = 1 << 20;

/// Bytes that zlib-rs decodes at a time for readers who want few: each call copies its window of 32 KiB.
const AHEAD: usize = 256 << 10;

/// Bytes that can be decoded ahead.
#[cfg(not(feature = "libdeflate"))]
const STAGE: usize = AHEAD;
#[cfg(feature = "libdeflate")]
const STAGE: usize = super::raw::WINDOW + super::by_block::ROOM;

/// A gzip stream read from a file, front to back, or from checkpoint to checkpoint.
pub(crate) struct GzipStream<'a> {
    pub(super) file: &'a Handle,
    /// Next byte of the file to read.
    pub(super) at: u64,
    pub(super) input: Vec<u8>,
    pub(super) used: usize,
    pub(super) inflate: RawInflate,
    pub(super) member: Option<Member>,
    /// Whether content is decoded ahead.
    pub(super) ahead: bool,
    /// What has been: of it nobody has asked yet for `stage[stage_used..stage_end]`.
    pub(super) stage: Stage,
    pub(super) stage_used: usize,
    pub(super) stage_end: usize,
    /// Decoded bytes handed out.
    pub(super) position: u64,
    /// Decoded bytes, those in the stage included.
    pub(super) decoded: u64,
    /// Nothing past this byte of the content is decoded ahead.
    pub(super) until: u64,
    pub(super) ended: bool,
    /// Where the content can be entered.
    pub(super) index: Index,
    /// The first of those that has not been reached.
    pub(super) next: usize,
    pub(super) gatherer: Option<Gatherer>,
    /// Bytes that are to be decoded again before others that have not been given out.
    pub(super) again: usize,
    #[cfg(feature = "libdeflate")]
    pub(super) way: Way,
    #[cfg(feature = "libdeflate")]
    pub(super) one: Option<OneBlock>,
    /// Who decodes ahead.
    #[cfg(feature = "libdeflate")]
    pub(super) scouts: Option<Arc<Scouts<'a>>>,
    /// Blocks of a piece that one of them has decoded, which lie in the stage.
    #[cfg(feature = "libdeflate")]
    pub(super) ready: VecDeque<End>,
    /// Where in the content the block begins that zlib-rs is in.
    #[cfg(feature = "libdeflate")]
    pub(super) began: u64,
}

/// The checksum of what a member has given so far.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) crc: crc32fast::Hasher,
    pub(super) size: u32,
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
            ahead: false,
            stage: Stage::default(),
            stage_used: 0,
            stage_end: 0,
            position: 0,
            decoded: 0,
            until: u64::MAX,
            ended: false,
            index: Index::default(),
            next: 0,
            gatherer: None,
            again: 0,
            #[cfg(feature = "libdeflate")]
            way: Way::Stream,
            #[cfg(feature = "libdeflate")]
            one: None,
            #[cfg(feature = "libdeflate")]
            scouts: None,
            #[cfg(feature = "libdeflate")]
            ready: VecDeque::new(),
            #[cfg(feature = "libdeflate")]
            began: 0,
        }
    }

    /// A stream from the member at byte `at` on.
    pub(crate) fn at(file: &'a Handle, at: u64) -> GzipStream<'a> {
        GzipStream { at, ..GzipStream::new(file, Vec::new()) }
    }

    /// The same, decoding ahead: for reading many small parts.
    ///
    /// # Errors
    /// [`Error::Limit`] if there is no memory.
    pub(crate) fn ahead(mut self) -> Result<GzipStream<'a>> {
        let stage = Buffer::for_overwrite(STAGE)
            .map_err(|e| Error::limit(&self.file.path, "a stream (no memory)", e.bytes as u64, 0))?;
        (self.ahead, self.stage) = (true, Stage::from(stage));
        Ok(self)
    }

    /// The same for content of which nothing past byte `until` is wanted.
    pub(crate) fn until(mut self, until: u64) -> GzipStream<'a> {
        self.until = until;
        self
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
            let n = if self.ahead {
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
    pub(super) fn staged(&mut self) -> Result<&[u8]> {
        while self.stage_used == self.stage_end && !self.ended {
            #[cfg(feature = "libdeflate")]
            if self.turned() {
                self.next_block()?;
                continue;
            }
            let ahead = match self.until.checked_sub(self.decoded) {
                None | Some(0) => AHEAD,
                Some(rest) => rest.min(AHEAD as u64) as usize,
            };
            let mut stage = std::mem::take(&mut self.stage);
            let decoded = self.decode(&mut stage[..ahead]);
            self.stage = stage;
            (self.stage_used, self.stage_end) = (0, decoded?);
            let again = self.again.min(self.stage_end);
            (self.stage_used, self.again) = (again, self.again - again);
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
            #[cfg(feature = "libdeflate")]
            if self.turned() {
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

    /// Decodes what is left of the stream, so that its checksum is verified; gives up where much is left.
    pub(crate) fn finish(&mut self) -> Result<()> {
        let end = self.position + TAIL;
        while self.position < end && self.drop_staged()? {}
        Ok(())
    }

    /// Decodes some more and drops it; false at the stream's end.
    pub(super) fn drop_staged(&mut self) -> Result<bool> {
        let n = self.staged()?.len();
        self.stage_used += n;
        self.position += n as u64;
        Ok(n > 0)
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

    pub(super) fn too_short(&self, wanted: u64) -> Error {
        Error::format(
            &self.file.path,
            "the gzip stream's length",
            format!("{} bytes", self.position),
            format!("at least {wanted} bytes"),
        )
    }

    /// The next byte of the file to be looked at.
    pub(super) fn place(&self) -> u64 {
        self.at - (self.input.len() - self.used) as u64
    }

    pub(super) fn corrupt(&self, what: impl std::fmt::Display) -> Error {
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

    pub(super) fn byte(&mut self) -> Result<Option<u8>> {
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
        let bit = self.place() * 8;
        self.block_starts(bit, &[])?;
        #[cfg(feature = "libdeflate")]
        {
            self.began = self.decoded;
            self.turn(bit);
        }
        Ok(true)
    }

    /// Decodes into `out` as much as there is room, or up to the member's end.
    fn inflate_into(&mut self, out: &mut [u8]) -> Result<usize> {
        let more = self.fill()?;
        let (until, most) = self.stops();
        let room = out.len().min(most);
        let Ok(step) = self.inflate.inflate(&self.input[self.used..], &mut out[..room], until) else {
            self.used = self.input.len() - self.inflate.left();
            return Err(self.corrupt("corrupt deflate data"));
        };
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
            At::Block if n == 0 && !more => return Err(self.corrupt("an end in the middle of deflate data")),
            at => self.reached(at, step.code)?,
        }
        Ok(n)
    }

    /// Compares a member's checksum and size.
    pub(super) fn end_member(&mut self) -> Result<()> {
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
