//! Where the members of a file lie: from its index, or by walking from header to header.

use crate::disk::Handle;
use crate::file::Division;
use crate::{Error, Result};

use super::MAX_RATIO;
use super::header::{BGZF_START, SMALLEST, Stated, TRAILER, says_bgzf, stated_size};
use super::index::read_index;

/// A member of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member {
    /// Its first byte in the file.
    pub(crate) at: u64,
    /// Its bytes in the file, as some extra field says; not verified yet.
    pub(crate) size: u64,
    /// Where its content begins in the file's content.
    pub(crate) start: u64,
    /// Bytes of content, as the index or the trailer says; not verified yet.
    pub(crate) length: u64,
}

impl Member {
    /// One past the last byte of its content.
    pub(crate) fn end(&self) -> u64 {
        self.start.saturating_add(self.length)
    }

    /// What is wrong with this member.
    pub(crate) fn error(&self, file: &Handle, found: impl std::fmt::Display) -> Error {
        let what = format!("{found} at byte {} of the file", self.at);
        Error::format(&file.path, "the gzip member", what, format!("{} bytes of content", self.length))
    }
}

/// How a file is divided of which the first member says its size.
pub(crate) fn division(file: &Handle) -> Result<Division> {
    let mut start = [0; BGZF_START];
    file.read_exact_at(&mut start, 0)?;
    Ok(match read_index(file)? {
        Some(_) => Division::Blocks,
        None if says_bgzf(&start) => Division::Bgzf,
        None => Division::Members,
    })
}

/// Bytes fetched in front of a header that follows a long member, and from its own first byte on: the trailer and the usual
/// extra fields.
const LOOK: u64 = 64;

/// Bytes fetched where members are short.
const LOOK_FAR: u64 = 64 << 10;

/// From this many members on, they must hold [`FINEST`] bytes on average: finer ones are read as a stream.
const MANY: usize = 1024;
const FINEST: u64 = 1024;

/// What is known of a file's members, in their order, those without content left out.
#[derive(Debug, Default)]
pub(crate) struct Members {
    list: Vec<Member>,
    /// The next member's place, if it is not in the list yet.
    next: Next,
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum Next {
    /// Nothing has been looked at.
    #[default]
    Index,
    /// A header should follow here.
    At(u64),
    /// From here on the file must be read as a stream: a member does not say its size, or they are too fine.
    Stream,
    /// All are known.
    Nothing,
}

impl Members {
    /// The members that hold content from byte `from` to byte `end` of it; `None` if the file must be read as a stream to get there.
    ///
    /// # Errors
    /// [`Error::Format`] if a member says a size that cannot be, or the members end before `end`.
    pub(crate) fn over(&mut self, file: &Handle, from: u64, end: u64) -> Result<Option<Vec<Member>>> {
        if self.next == Next::Index {
            self.next = match read_index(file)? {
                Some(list) => {
                    self.list = list;
                    Next::Nothing
                }
                None => Next::At(0),
            };
        }
        let mut window = Window::default();
        while self.known() < end {
            match self.next {
                Next::At(at) => self.next = self.walk(file, at, &mut window)?,
                Next::Stream => return Ok(None),
                Next::Index | Next::Nothing => return Err(self.too_short(file, end)),
            }
        }
        let first = self.list.partition_point(|m| m.end() <= from);
        let last = self.list.partition_point(|m| m.start < end);
        Ok(Some(self.list[first..last].to_vec()))
    }

    /// Bytes of content that lie in members known.
    fn known(&self) -> u64 {
        self.list.last().map_or(0, Member::end)
    }

    /// Looks at the member at byte `at`; says where to look next.
    fn walk(&mut self, file: &Handle, at: u64, window: &mut Window) -> Result<Next> {
        let mut needed = LOOK;
        let size = loop {
            let start = window.get(file, at, needed)?;
            match stated_size(start) {
                Stated::NoMember => return Ok(Next::Nothing),
                Stated::Nothing => return Ok(Next::Stream),
                Stated::Size(size) => break size,
                Stated::Needs(_) if (start.len() as u64) < needed => {
                    // The file ends here, or in the header.
                    return if start.starts_with(&[0x1f, 0x8b]) {
                        Err(cut_off(file, at))
                    } else {
                        Ok(Next::Nothing)
                    };
                }
                Stated::Needs(n) => needed = n as u64,
            }
        };
        if !(SMALLEST..=file.size - at).contains(&size) {
            return Err(Error::format(
                &file.path,
                "the size of a gzip member",
                format!("{size} bytes at byte {at} of the file"),
                format!("{SMALLEST} to {} bytes", file.size - at),
            ));
        }
        window.far = size < LOOK_FAR / 4;
        let end = at + size;
        let trailer = window.get(file, end - TRAILER as u64, TRAILER as u64 + LOOK)?;
        let length = trailer.get(4..8).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let member = Member { at, size, start: self.known(), length: u64::from(length) };
        if member.length > size * MAX_RATIO {
            return Err(member.error(file, format!("a length in a trailer after {size} bytes")));
        }
        if length > 0 {
            self.list.push(member);
        }
        let fine = self.list.len() > MANY && self.known() / (self.list.len() as u64) < FINEST;
        Ok(if fine { Next::Stream } else { Next::At(end) })
    }

    /// Looks at the member after those that were needed, so that a file that was cut off in it is noticed.
    pub(crate) fn finish(&mut self, file: &Handle) -> Result<()> {
        if let Next::At(at) = self.next {
            self.next = self.walk(file, at, &mut Window::default())?;
        }
        Ok(())
    }

    fn too_short(&self, file: &Handle, end: u64) -> Error {
        let after = self.list.last().map_or(0, |m| m.at + m.size);
        Error::format(
            &file.path,
            "the content of the gzip members",
            format!("{} bytes up to byte {after} of the file, where no member follows", self.known()),
            format!("at least {end} bytes"),
        )
    }
}

fn cut_off(file: &Handle, at: u64) -> Error {
    let found = format!("cut off after {} bytes at byte {at} of the file", file.size - at);
    Error::format(&file.path, "the header of a gzip member", found, "a whole one")
}

/// A stretch of the file that was read.
#[derive(Default)]
struct Window {
    at: u64,
    bytes: Vec<u8>,
    /// Read much at once.
    far: bool,
}

impl Window {
    /// `n` bytes from byte `at` on, or as many as the file has.
    fn get(&mut self, file: &Handle, at: u64, n: u64) -> Result<&[u8]> {
        let n = n.min(file.size.saturating_sub(at));
        let end = self.at + self.bytes.len() as u64;
        if at < self.at || at + n > end {
            let more = if self.far { LOOK_FAR.min(file.size - at).max(n) } else { n };
            self.bytes.resize(more as usize, 0);
            let found = file.read_at_most(&mut self.bytes, at)?;
            self.bytes.truncate(found);
            self.at = at;
        }
        let from = ((at - self.at) as usize).min(self.bytes.len());
        let to = (from + n as usize).min(self.bytes.len());
        Ok(&self.bytes[from..to])
    }
}
