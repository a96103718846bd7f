//! Deflate streams, decoded from the start or from any bit at which a block begins.
#![allow(
    unsafe_code,
    reason = "libz-rs-sys takes pointers; nothing safe stops at blocks and starts inside a stream"
)]

use std::ffi::c_int;

use libz_rs_sys as z;

/// zlib's flush value for stopping after a block's header, which the library knows but does not export.
const Z_TREES: c_int = 6;

/// What a deflate block may look back at.
pub(crate) const WINDOW: usize = 32 << 10;

/// Where a call of the decoder ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// Bytes of input taken.
    pub(crate) used: usize,
    /// Bytes of output written.
    pub(crate) made: usize,
    pub(crate) at: At,
    /// Where the next code of a block begins, in bits before the end of the input that was taken; only if the decoder was told to stop at blocks, and nothing
    /// of what the code stands for has been written. Right for codes of single bytes; for others it may be wrong.
    pub(crate) code: Option<u32>,
}

/// Where to stop besides where input or room ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// Nowhere.
    Full,
    /// Where a block ends that is not the last.
    Block,
    /// There, and after the next block's header: not for stored blocks, which the library would misread afterwards.
    Header,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// More of a block, as far as is known.
    Block,
    /// Another block's first bit, with so many bits of the input that was taken not used yet. Only if asked for.
    Boundary { unused: u32 },
    /// The first bit after a block's header, counted in the same way. Only if asked for.
    Header { unused: u32 },
    /// Nothing: the stream has ended.
    End,
}

/// The stream is no deflate data.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Corrupt;

/// A decoder of raw deflate data.
pub(crate) struct RawInflate {
    // The decoder's state is behind a pointer in it; boxed so that it has one address for its whole life.
    stream: Box<z::z_stream>,
    /// Whether there is a state.
    alive: bool,
}

// SAFETY: the state behind the stream's pointer is owned by it alone, lies in Rust's own heap, and knows no thread; every method
// that touches it takes `&mut self`.
unsafe impl Send for RawInflate {}

impl RawInflate {
    /// A decoder at the start of a stream.
    pub(crate) fn new() -> RawInflate {
        let mut stream = Box::<z::z_stream>::default();
        // SAFETY: the stream is a valid, default one without allocators of its own, for which the library uses Rust's; version and
        // size are those of the library itself.
        let code = unsafe {
            z::inflateInit2_(&raw mut *stream, -15, z::zlibVersion(), size_of::<z::z_stream>() as c_int)
        };
        RawInflate { stream, alive: code == z::Z_OK }
    }

    /// Begins at the start of another stream.
    pub(crate) fn reset(&mut self) {
        // SAFETY: the stream is valid; without a state the library refuses.
        unsafe { z::inflateReset(&raw mut *self.stream) };
    }

    /// Begins inside a stream, with the content before; what follows is to be given by [`RawInflate::give_bits`] and as input.
    pub(crate) fn resume(&mut self, window: &[u8]) -> Result<(), Corrupt> {
        self.reset();
        let window = &window[window.len().saturating_sub(WINDOW)..];
        // SAFETY: the stream is valid; the dictionary is `window.len()` readable bytes, which the library copies.
        let code =
            unsafe { z::inflateSetDictionary(&raw mut *self.stream, window.as_ptr(), window.len() as u32) };
        if code == z::Z_OK { Ok(()) } else { Err(Corrupt) }
    }

    /// Gives up to 8 bits before the next input, lowest first in `value`.
    pub(crate) fn give_bits(&mut self, bits: u32, value: u8) -> Result<(), Corrupt> {
        let (bits, value) = (bits.min(8) as c_int, c_int::from(value));
        // SAFETY: the stream is valid; the library refuses what it has no room for.
        let code = unsafe { z::inflatePrime(&raw mut *self.stream, bits, value) };
        if code == z::Z_OK { Ok(()) } else { Err(Corrupt) }
    }

    /// Decodes until `input` is used up or `out` is full, or to where `until` says.
    pub(crate) fn inflate(&mut self, input: &[u8], out: &mut [u8], until: Until) -> Result<Step, Corrupt> {
        let (give, room) = (limit(input.len()), limit(out.len()));
        self.stream.next_in = input.as_ptr();
        self.stream.avail_in = give;
        self.stream.next_out = out.as_mut_ptr();
        self.stream.avail_out = room;
        let flush = match until {
            Until::Full => z::Z_NO_FLUSH,
            Until::Block => z::Z_BLOCK,
            Until::Header => Z_TREES,
        };
        // SAFETY: the stream is valid; `give` bytes may be read at `next_in` and `room` bytes written at `next_out`, and both
        // borrows last longer than the call, after which the library does not use the pointers.
        let (code, mark) =
            unsafe { (z::inflate(&raw mut *self.stream, flush), z::inflateMark(&raw const *self.stream)) };
        let state = self.stream.data_type;
        // Above 16 bits: bits of a code under way, or -1; below: bytes of what it stands for that have been written.
        let begins = until == Until::Block && mark >= 0 && mark as u16 == 0;
        let step = Step {
            used: (give - self.stream.avail_in) as usize,
            made: (room - self.stream.avail_out) as usize,
            at: At::Block,
            code: begins.then(|| (state & 0x3f) as u32 + (mark >> 16) as u32),
        };
        // So that no pointer outlives its borrow.
        self.stream.next_in = std::ptr::null();
        self.stream.next_out = std::ptr::null_mut();
        match code {
            z::Z_STREAM_END => Ok(Step { at: At::End, ..step }),
            // Bit 7: a block has just ended; bit 6: it was the last; below: unused bits of the input.
            z::Z_OK | z::Z_BUF_ERROR if until != Until::Full && state & 0xc0 == 0x80 => {
                Ok(Step { at: At::Boundary { unused: (state & 0x3f) as u32 }, ..step })
            }
            // Bit 8: a block's header has just ended.
            z::Z_OK | z::Z_BUF_ERROR if until == Until::Header && state & 0x100 != 0 => {
                Ok(Step { at: At::Header { unused: (state & 0x3f) as u32 }, ..step })
            }
            z::Z_OK | z::Z_BUF_ERROR => Ok(step),
            _ => Err(Corrupt),
        }
    }

    /// Bytes of the last call's input that were not taken: after an error, how far it came.
    pub(crate) fn left(&self) -> usize {
        self.stream.avail_in as usize
    }

    /// The last content decoded, at most [`WINDOW`] bytes: what the next block may look back at.
    pub(crate) fn window(&self) -> Vec<u8> {
        let mut window = vec![0; WINDOW];
        let mut length = 0;
        // SAFETY: the stream is valid; the library writes at most 32768 bytes of window, which is the vector's length, and one
        // length. Without a state it writes nothing.
        unsafe { z::inflateGetDictionary(&raw const *self.stream, window.as_mut_ptr(), &raw mut length) };
        window.truncate(length as usize);
        window
    }
}

/// What fits the library's lengths; the rest is for another call.
fn limit(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl Drop for RawInflate {
    fn drop(&mut self) {
        if self.alive {
            // SAFETY: the state was made by `inflateInit2_` and is freed here only.
            unsafe { z::inflateEnd(&raw mut *self.stream) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn content(n: usize) -> Vec<u8> {
        let mut state = 7u32;
        (0..n)
            .map(|i| {
                state = state.wrapping_mul(1664525).wrapping_add(1013904223);
                if i / 5000 % 3 == 0 { 0 } else { ((state >> 26) as u8).wrapping_add((i / 999) as u8) }
            })
            .collect()
    }

    fn deflate(content: &[u8], level: u32, flush_every: usize) -> Vec<u8> {
        let mut e = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(level));
        for part in content.chunks(flush_every) {
            e.write_all(part).unwrap();
            if part.len() == flush_every {
                e.flush().unwrap();
            }
        }
        e.try_finish().unwrap();
        let packed = e.get_ref().clone();
        if cfg!(miri) {
            // zlib-rs' encoder frees itself while it is borrowed, which Miri does not allow; it is not what is tested.
            std::mem::forget(e);
        }
        packed
    }

    /// Everything from a block on, at every boundary of the stream: the same bytes as from the start.
    #[test]
    fn a_stream_is_entered_at_each_of_its_blocks() {
        let mut cases = vec![(0, usize::MAX), (2, usize::MAX), (6, usize::MAX), (9, 100_000), (6, 777)];
        let mut length = 700_000;
        if cfg!(miri) {
            (cases, length) = (vec![(0, 700), (2, 500), (6, 777)], 3000);
        }
        let content = content(length);
        for (level, flush_every) in cases {
            let packed = deflate(&content, level, flush_every);
            let mut raw = RawInflate::new();
            let mut points = vec![];
            let (mut used, mut made) = (0, 0);
            let mut out = vec![0; content.len() + 1];
            loop {
                // Little by little, so that blocks end inside and between the pieces.
                let piece = &packed[used..(used + 1000).min(packed.len())];
                let step = raw.inflate(piece, &mut out[made..], Until::Block).unwrap();
                (used, made) = (used + step.used, made + step.made);
                match step.at {
                    At::Boundary { unused } => {
                        points.push((used as u64 * 8 - u64::from(unused), made, raw.window()));
                    }
                    At::End => break,
                    At::Block | At::Header { .. } => {}
                }
            }
            assert_eq!((used, made), (packed.len(), content.len()));
            assert!(out[..made] == content);
            assert!(points.len() >= 5, "level {level}: {} blocks", points.len());
            let mut odd = 0;
            for (bit, at, window) in points.iter().step_by(1 + points.len() / 50) {
                assert!(content[..*at].ends_with(window) && window.len() == WINDOW.min(*at));
                let (byte, skip) = ((bit / 8) as usize, (bit % 8) as u32);
                let (bits, value) = if skip == 0 { (0, 0) } else { (8 - skip, packed[byte] >> skip) };
                odd += u32::from(bits > 0);
                raw.resume(window).unwrap();
                raw.give_bits(bits, value).unwrap();
                let rest = &packed[byte + usize::from(bits > 0)..];
                let mut out = vec![0; content.len() - at];
                let step = raw.inflate(rest, &mut out, Until::Full).unwrap();
                assert_eq!((step.used, step.made), (rest.len(), out.len()));
                assert!(out == content[*at..]);
            }
            assert!(odd > 0 || level == 0 || flush_every < 1000, "no point inside a byte");
        }
    }

    #[test]
    fn garbage_is_an_error_and_a_decoder_goes_on_after_it() {
        let mut raw = RawInflate::new();
        let mut out = [0; 100];
        assert_eq!(raw.inflate(&[0xff; 50], &mut out, Until::Full), Err(Corrupt));
        let packed = deflate(b"volume", 6, usize::MAX);
        raw.reset();
        let step = raw.inflate(&packed, &mut out, Until::Full).unwrap();
        assert_eq!((step.made, step.at), (6, At::End));
        assert_eq!(out[..6], *b"volume");
    }
}
