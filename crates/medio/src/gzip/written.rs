//! Streams as different writers make them, for tests.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]

use std::io::Write;

use super::checkpoint::Index;
use super::header::header_length;
use super::raw::{At, RawInflate, Until};
use super::stream::GzipStream;
use crate::disk::Handle;

/// Noise and zeros, of which a window shrinks as little as the whole.
pub(super) fn content(n: usize) -> Vec<u8> {
    let mut state = 7u32;
    let noise = |i: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if (i / 5000).is_multiple_of(4) { 0 } else { ((state >> 26) as u8).wrapping_add((i / 999) as u8) }
    };
    (0..n).map(noise).collect()
}

pub(super) fn packed(content: &[u8], level: u32) -> Vec<u8> {
    let mut e = flate2::write::GzEncoder::new(vec![], flate2::Compression::new(level));
    e.write_all(content).unwrap();
    e.finish().unwrap()
}

/// At which no window of this content is too large a part of the file.
pub(super) const SPACING: u64 = 1_100_000;

pub(super) fn gathered(file: &Handle) -> Index {
    let mut stream =
        GzipStream::new(file, vec![]).ahead().unwrap().with_checkpoints(Index::default(), SPACING);
    stream.complete_index().unwrap();
    stream.into_index().0
}

/// zlib's and libdeflate's blocks.
pub(super) fn all_writers(content: &[u8]) -> Vec<(String, Vec<u8>)> {
    let zlib = (1..=9).map(|level| (format!("zlib {level}"), packed(content, level)));
    let libdeflate = [1, 6, 9, 12].map(|level| {
        let mut e = libdeflater::Compressor::new(libdeflater::CompressionLvl::new(level).unwrap());
        let mut out = vec![0; e.gzip_compress_bound(content.len())];
        let n = e.gzip_compress(content, &mut out).unwrap();
        out.truncate(n);
        (format!("libdeflate {level}"), out)
    });
    // Flushed now and then: empty stored blocks between the others.
    let mut e = flate2::write::GzEncoder::new(vec![], flate2::Compression::new(6));
    for part in content.chunks(150_001) {
        e.write_all(part).unwrap();
        e.flush().unwrap();
    }
    let others = [("stored".into(), packed(content, 0)), ("flushed".into(), e.finish().unwrap())];
    zlib.chain(libdeflate).chain(others).collect()
}

/// Byte of the content and bit of the file at which each block begins, by zlib-rs alone.
pub(super) fn blocks(file: &[u8], most: usize) -> Vec<(u64, u64)> {
    let mut raw = RawInflate::new();
    let mut out = vec![0; most];
    let (mut used, mut made) = (header_length(file).unwrap(), 0);
    let mut found = vec![(0, used as u64 * 8)];
    loop {
        let step = raw.inflate(&file[used..], &mut out[made..], Until::Block).unwrap();
        (used, made) = (used + step.used, made + step.made);
        match step.at {
            At::Boundary { unused } => found.push((made as u64, used as u64 * 8 - u64::from(unused))),
            At::End => return found,
            At::Block | At::Header { .. } => {}
        }
    }
}
