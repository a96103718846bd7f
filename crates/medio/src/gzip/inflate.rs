//! One gzip member from memory to memory, verified.

use super::header::{TRAILER, header_length};

/// Bytes that should follow a member in memory.
pub(crate) const SLACK: usize = 64;

/// An inflater, kept from member to member.
pub(crate) struct Inflater {
    #[cfg(feature = "libdeflate")]
    inner: libdeflater::Decompressor,
    #[cfg(not(feature = "libdeflate"))]
    inner: flate2::Decompress,
}

impl Inflater {
    pub(crate) fn new() -> Inflater {
        Inflater {
            #[cfg(feature = "libdeflate")]
            inner: libdeflater::Decompressor::new(),
            #[cfg(not(feature = "libdeflate"))]
            inner: flate2::Decompress::new(false),
        }
    }

    /// Inflates the member in the first `size` of `bytes` to the whole of `out`; says what is wrong with it otherwise.
    ///
    /// What follows the member has no meaning, but [`SLACK`] bytes should follow: libdeflate copies byte by byte when it nears the end
    /// of its input, and the last bytes of a member that ends in zeros are most of its content.
    pub(crate) fn inflate(&mut self, bytes: &[u8], size: usize, out: &mut [u8]) -> Result<(), String> {
        let member = &bytes[..size];
        let header = header_length(member).ok_or("no gzip header")?;
        let (body, trailer) = member[header..].split_last_chunk::<TRAILER>().ok_or("an end in the header")?;
        self.body(&bytes[header..], body.len(), out)?;
        let [crc, length] = [0, 4].map(|i| u32::from_le_bytes([0, 1, 2, 3].map(|j| trailer[i + j])));
        let found = crc32fast::hash(out);
        if crc != found || length != out.len() as u32 {
            return Err(format!(
                "a gzip checksum of {crc:08x} over {length} bytes for content of {found:08x} over {} bytes",
                out.len()
            ));
        }
        Ok(())
    }

    #[cfg(feature = "libdeflate")]
    fn body(&mut self, bytes: &[u8], size: usize, out: &mut [u8]) -> Result<(), String> {
        use libdeflater::DecompressionError::{BadData, InsufficientSpace};
        // A stream that is longer than said ends in what follows: then the checksum is not where it was said to be.
        match self.inner.deflate_decompress(&bytes[..bytes.len().min(size + SLACK)], out) {
            Ok(n) if n == out.len() => Ok(()),
            Ok(n) => Err(wrong_length(&n.to_string(), out.len())),
            Err(BadData) => Err("corrupt deflate data".into()),
            Err(InsufficientSpace) => Err(wrong_length("more", out.len())),
        }
    }

    #[cfg(not(feature = "libdeflate"))]
    fn body(&mut self, bytes: &[u8], size: usize, out: &mut [u8]) -> Result<(), String> {
        use flate2::{FlushDecompress, Status};
        let body = &bytes[..size];
        self.inner.reset(false);
        let status = self.inner.decompress(body, out, FlushDecompress::Finish);
        let (used, made) = (self.inner.total_in(), self.inner.total_out());
        match status {
            Ok(Status::StreamEnd) if made == out.len() as u64 && used == body.len() as u64 => Ok(()),
            Ok(Status::StreamEnd) if made == out.len() as u64 => Err("bytes after the deflate data".into()),
            Ok(Status::StreamEnd) => Err(wrong_length(&made.to_string(), out.len())),
            Ok(_) if used < body.len() as u64 => Err(wrong_length("more", out.len())),
            Ok(_) => Err("an end in the middle of deflate data".into()),
            Err(_) => Err("corrupt deflate data".into()),
        }
    }
}

fn wrong_length(found: &str, said: usize) -> String {
    format!("{found} bytes of content where {said} were said to be")
}
