//! gzip (RFC 1952): streams of any writer, and files cut into members that can be reached one by one.
//!
//! A gzip file is a row of members, each a deflate stream with a header and a trailer (CRC-32 and length modulo 2^32 of its content); its
//! content is that of the members end to end. Deflate cannot be entered in the middle, so what is to be read by region or by
//! several threads must be several members, and their places must be known. What this library writes is described in
//! `crates/medio/docs/block-gzip.md`: every gzip reader opens it.

#[cfg(feature = "libdeflate")]
mod blocks;
#[cfg(feature = "libdeflate")]
mod by_block;
pub(crate) mod cache;
mod checkpoint;
mod cut;
mod encode;
#[cfg(feature = "libdeflate")]
mod entered;
mod entry;
#[cfg(feature = "libdeflate")]
mod guess;
#[cfg(feature = "libdeflate")]
mod handed;
mod header;
mod index;
mod inflate;
mod joined;
mod members;
#[cfg(feature = "libdeflate")]
mod one_block;
mod packer;
#[cfg(feature = "libdeflate")]
mod piece;
mod raw;
#[cfg(feature = "libdeflate")]
pub(crate) mod scouts;
mod sidecar;
mod stage;
mod stream;
#[cfg(feature = "libdeflate")]
mod taken;
#[cfg(feature = "libdeflate")]
mod whole;
#[cfg(all(test, feature = "libdeflate"))]
mod written;

pub(crate) use cache::Key;
pub(crate) use checkpoint::{Index, SPACING, spacing};
pub(crate) use cut::{Cut, Lines};
pub(crate) use encode::{BGZF_CONTENT, BGZF_END, Encoder, SizeField};
#[cfg(feature = "libdeflate")]
pub(crate) use entered::{Entered, inflate_entered};
pub(crate) use header::{Stated, stated_size};
pub(crate) use index::index_member;
pub(crate) use inflate::{Inflater, SLACK};
pub(crate) use joined::{HEADER, Joiner, Packed, trailer};
pub(crate) use members::{Member, Members, division};
#[cfg(feature = "libdeflate")]
pub(crate) use scouts::{beside, pay};
pub(crate) use sidecar::{read_sidecar, sidecar_fits, sidecar_in, sidecar_path, write_sidecar};
pub(crate) use stream::GzipStream;
#[cfg(feature = "libdeflate")]
pub(crate) use whole::{inflate_prefix, inflate_whole};

/// No deflate stream is longer than this many times its compressed size.
pub(crate) const MAX_RATIO: u64 = 1032;

/// Whether bytes are the start of a gzip stream.
pub(crate) fn is_gzip(start: &[u8]) -> bool {
    start.starts_with(&[0x1f, 0x8b])
}
