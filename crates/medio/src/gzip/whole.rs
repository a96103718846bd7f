//! Gzip members from their start at once, by libdeflate: faster than a stream, but all of it must be in memory.

use libdeflater::{DecompressionError, Decompressor};
use medkernels::buffer::Buffer;

use crate::Result;
use crate::disk::Handle;

use super::checkpoint::Index;
use super::header::header_length;

/// Files that decode to more than this are streamed.
const MOST: u64 = 2 << 30;

/// Files of which no more than this is needed are decoded from their start to there, whatever of it is wanted,
pub(super) const MOST_PASSED: u64 = 16 << 20;

/// and those that are no larger than this as a whole: a patch should not take much more memory than a small volume.
const SMALL: u64 = 40 << 20;

/// A stored block holds no more, a match less: when one does not fit, everything before it has been written. (Past the end of what it is given libdeflate
/// takes up to 64 zero bits for input before it notices. That is less than this of content too.)
pub(super) const LONGEST_UNIT: u64 = 65_535;

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
    decode_all(file, all)
}

/// Decodes a file that is one gzip member of exactly `all` bytes, checksum verified.
fn decode_all(file: &Handle, all: u64) -> Result<Option<Buffer>> {
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

/// Whether to decode `passed` bytes of a file whose content has `all` takes little memory.
fn is_small(file: &Handle, all: u64, passed: u64) -> bool {
    (passed <= MOST_PASSED || all <= SMALL) && file.size <= all.max(SMALL)
}

/// Decodes the first `end` bytes of a file whose content has `all`, if that takes little memory and the first member holds them; `None` if
/// a stream does better or must say what is wrong. Like any read that ends before the content, it verifies no checksum then.
///
/// libdeflate has no stream, but it fills the memory that it is given from the start and then says that there is not enough of it. (The test of this
/// function holds the library to that.)
pub(crate) fn inflate_prefix(file: &Handle, index: &Index, all: u64, end: u64) -> Result<Option<Buffer>> {
    if !is_small(file, all, end) {
        return Ok(None);
    }
    let room = end + LONGEST_UNIT;
    if room >= all {
        return decode_all(file, all);
    }
    // Of what lies between two checkpoints the share that the content's average there says, and a little more; else up to the one behind what is written. Where none
    // lies behind it twice what the whole content's average says, which is nearly always enough; else all.
    let (mut likely, mut most) =
        ((u128::from(file.size) * u128::from(end) * 2 / u128::from(all)) as u64 + (256 << 10), file.size);
    if let Some(behind) = index.points.get(index.points.partition_point(|p| p.position < room)) {
        let (byte, position) = index.before(room).map_or((0, 0), |p| (p.bit / 8, p.position));
        most = (behind.bit / 8 + 64).min(file.size);
        let rest = u128::from(most.saturating_sub(byte)) * u128::from(room - position);
        likely = byte + (rest * 9 / 8 / u128::from((behind.position - position).max(1))) as u64 + (32 << 10);
    }
    let Ok(mut out) = Buffer::for_overwrite(room as usize) else { return Ok(None) };
    for size in [likely.min(most), most] {
        let Ok(mut packed) = Buffer::for_overwrite(size as usize) else { return Ok(None) };
        file.read_exact_at(packed.as_bytes_mut(), 0)?;
        let Some(header) = header_length(packed.as_bytes()) else { return Ok(None) };
        match Decompressor::new().deflate_decompress(&packed.as_bytes()[header..], out.as_bytes_mut()) {
            Err(DecompressionError::InsufficientSpace) => {
                file.count_inflated(end);
                return Ok(Some(out));
            }
            // Perhaps only because there was not all of it.
            Err(DecompressionError::BadData) if size < most => {}
            _ => break,
        }
    }
    Ok(None)
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::disk::DiskFile;

    /// Runs, literals and matches near and far, as volumes have them.
    fn content(n: usize) -> Vec<u8> {
        let mut state = 7u32;
        let mut out: Vec<u8> = vec![];
        while out.len() < n {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let length = (state >> 8) as usize % 700;
            match state >> 30 {
                0 => out.extend(std::iter::repeat_n(0, 40 * length)),
                1 => out.extend((0..length).map(|i| ((state as usize).wrapping_mul(i * i + 1) >> 13) as u8)),
                _ => {
                    let from = out.len() - out.len().min(1 + (state >> 4) as usize % 30_000);
                    let again =
                        out[from..].iter().copied().cycle().take(if from < out.len() { length } else { 0 });
                    let again: Vec<u8> = again.collect();
                    out.extend(again);
                }
            }
        }
        out.truncate(n);
        out
    }

    pub(crate) fn handle(dir: &Path, name: &str, bytes: &[u8]) -> Handle {
        let path = dir.join(name);
        std::fs::write(&path, bytes).unwrap();
        DiskFile::open(&path, &Arc::default()).unwrap().1
    }

    #[test]
    fn the_start_of_a_stream_is_there_whatever_its_writer_and_wherever_it_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let content = content(900_000);
        let all = content.len() as u64;
        for level in [0, 1, 4, 6, 9, 12] {
            let packed = if level == 4 {
                let mut e = flate2::write::GzEncoder::new(vec![], flate2::Compression::new(4));
                e.write_all(&content).unwrap();
                e.finish().unwrap()
            } else {
                let mut e = libdeflater::Compressor::new(libdeflater::CompressionLvl::new(level).unwrap());
                let mut out = vec![0; e.gzip_compress_bound(content.len())];
                let n = e.gzip_compress(&content, &mut out).unwrap();
                out.truncate(n);
                out
            };
            let file = handle(dir.path(), &format!("{level}.gz"), &packed);
            for end in (1..all).step_by(3989).chain([all - LONGEST_UNIT - 1, all - LONGEST_UNIT, all]) {
                let start = inflate_prefix(&file, &Index::default(), all, end).unwrap().unwrap();
                assert!(
                    start.as_bytes()[..end as usize] == content[..end as usize],
                    "level {level}, {end} bytes"
                );
            }
        }
    }

    #[test]
    fn members_that_end_early_damage_and_large_files_are_left_to_the_stream() {
        let dir = tempfile::tempdir().unwrap();
        let content = content(300_000);
        let mut e = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
        let mut packed = vec![0; e.gzip_compress_bound(content.len())];
        let n = e.gzip_compress(&content, &mut packed).unwrap();
        packed.truncate(n);
        let file = handle(dir.path(), "whole.gz", &packed);
        assert!(inflate_prefix(&file, &Index::default(), 300_000, 200_000).unwrap().is_some());
        // The file says that it holds more than its member does.
        for end in [400_000, 590_000] {
            assert!(inflate_prefix(&file, &Index::default(), 600_000, end).unwrap().is_none());
        }
        // More than may be passed, of a file that is not small.
        assert!(inflate_prefix(&file, &Index::default(), SMALL + 1, MOST_PASSED + 1).unwrap().is_none());
        let half = handle(dir.path(), "half.gz", &packed[..n / 2]);
        assert!(inflate_prefix(&half, &Index::default(), 300_000, 290_000).unwrap().is_none());
        packed[10..100].fill(0xff);
        let damaged = handle(dir.path(), "damaged.gz", &packed);
        assert!(inflate_prefix(&damaged, &Index::default(), 300_000, 290_000).unwrap().is_none());
    }

    #[test]
    fn what_is_cut_off_is_never_made_up() {
        let dir = tempfile::tempdir().unwrap();
        let content = content(200_000);
        let mut e = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
        let mut packed = vec![0; e.gzip_compress_bound(content.len())];
        let n = e.gzip_compress(&content, &mut packed).unwrap();
        let mut refused = 0;
        for cut in (n / 3..n / 2).step_by(37) {
            let file = handle(dir.path(), "cut.gz", &packed[..cut]);
            // The last end that can be reached lies somewhere here.
            for end in (1000..130_000).step_by(499) {
                match inflate_prefix(&file, &Index::default(), 200_000, end).unwrap() {
                    Some(start) => assert!(start.as_bytes()[..end as usize] == content[..end as usize]),
                    None => refused += 1,
                }
            }
        }
        assert!(refused > 1000, "{refused}");
    }
}
