//! The windows of checkpoints, deflated: many and short, so quickly.

use super::raw::Corrupt;

#[cfg(feature = "libdeflate")]
use libdeflater::{CompressionLvl, Compressor};

/// libdeflate's quickest level is twice as quick as zlib-rs' and shrinks no less.
#[cfg(feature = "libdeflate")]
#[derive(Default)]
pub(super) struct Packer(Option<Compressor>);

#[cfg(feature = "libdeflate")]
impl Packer {
    /// A window as a raw deflate stream, or nothing for one that is empty.
    pub(super) fn pack(&mut self, window: &[u8]) -> Box<[u8]> {
        if window.is_empty() {
            return Box::default();
        }
        let quickest = || Compressor::new(CompressionLvl::new(1).unwrap_or_default());
        let compressor = self.0.get_or_insert_with(quickest);
        let mut out = vec![0; compressor.deflate_compress_bound(window.len())];
        // There is room for content that does not shrink: it cannot fail, and if it did, the window would be found unusable.
        let length = compressor.deflate_compress(window, &mut out).unwrap_or_default();
        out.truncate(length);
        out.into_boxed_slice()
    }
}

#[cfg(not(feature = "libdeflate"))]
#[derive(Default)]
pub(super) struct Packer(Option<flate2::Compress>);

#[cfg(not(feature = "libdeflate"))]
impl Packer {
    /// A window as a raw deflate stream, or nothing for one that is empty.
    pub(super) fn pack(&mut self, window: &[u8]) -> Box<[u8]> {
        use flate2::{Compress, Compression, FlushCompress};
        let mut out = Vec::with_capacity(window.len() + window.len() / 8 + 64);
        if !window.is_empty() {
            let compress = self.0.get_or_insert_with(|| Compress::new(Compression::new(2), false));
            compress.reset();
            // As above.
            let _ = compress.compress_vec(window, &mut out, FlushCompress::Finish);
        }
        out.into_boxed_slice()
    }
}

/// A window of so many bytes.
pub(super) fn unpack(packed: &[u8], length: usize) -> Result<Vec<u8>, Corrupt> {
    if length == 0 {
        return Ok(vec![]);
    }
    // One byte more, so that the stream comes to its end.
    let mut out = vec![0; length + 1];
    #[cfg(feature = "libdeflate")]
    let whole = libdeflater::Decompressor::new().deflate_decompress(packed, &mut out) == Ok(length);
    #[cfg(not(feature = "libdeflate"))]
    let whole = {
        use super::raw::{At, RawInflate, Until};
        let step = RawInflate::new().inflate(packed, &mut out, Until::Full)?;
        (step.made, step.at) == (length, At::End)
    };
    out.truncate(length);
    if whole { Ok(out) } else { Err(Corrupt) }
}
