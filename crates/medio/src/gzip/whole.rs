//! Whole gzip members at once, by libdeflate: faster than a stream, but the size must be known.

use libdeflater::Decompressor;
use medkernels::buffer::Buffer;

use crate::Result;
use crate::disk::Handle;

/// Files that decode to more than this are streamed.
const MOST: u64 = 2 << 30;

/// Decodes a file that is one gzip member of exactly `all` bytes, checksum verified, if at least three quarters of it must be
/// passed (bytes `from` to `end`) and a quarter is `wanted`, so that it takes no more memory than the caller does; `None` if a stream does better or must say what is wrong.
pub(crate) fn inflate_whole(
    file: &Handle,
    all: u64,
    from: u64,
    end: u64,
    wanted: u64,
) -> Result<Option<Buffer>> {
    if all > MOST || file.size > MOST || end - from < all / 4 * 3 || wanted < all / 4 || file.size < 18 {
        return Ok(None);
    }
    // The trailer says modulo 2^32 how much the last member holds: another number means several members, padding or more data.
    let mut trailer = [0; 4];
    file.read_exact_at(&mut trailer, file.size - 4)?;
    if u64::from(u32::from_le_bytes(trailer)) != all & 0xffff_ffff {
        return Ok(None);
    }
    let (Ok(mut packed), Ok(mut out)) =
        (Buffer::for_overwrite(file.size as usize), Buffer::for_overwrite(all as usize))
    else {
        return Ok(None);
    };
    file.read_exact_at(packed.as_bytes_mut(), 0)?;
    match Decompressor::new().gzip_decompress(packed.as_bytes(), out.as_bytes_mut()) {
        Ok(n) if n == out.len() => {
            file.count_member();
            file.count_inflated(all);
            Ok(Some(out))
        }
        _ => Ok(None),
    }
}
